"""2. Does it pay on images? Diagonal and full q at equal steps, and a decoder with turned axes.

A rotation R of the latent space changes neither the prior nor p(x): the decoder that takes z R in
the place of z is as good a model. But what a diagonal q can do with it depends on R: training has
chosen the axes for q. So the decoder of a trained VAE is held, turned or not, and new encoders
are trained for it.

M. Rolinek, D. Zietlow and G. Martius, Variational Autoencoders Pursue PCA Directions (by
Accident), CVPR 2019, arXiv 1812.06775.                    docs/derivations/vae.md, equation 14
"""

from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from vae_parts.setting import Setting, codes, distortion_and_rate

from posteriors_parts.linear import POSTERIORS
from tinygen import metrics, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.models.vae import VAE
from tinygen.plots.style import LINES, SMALL, dress, new_figure

SIZES, TURNED = (2, 8, 32), 8
DRAWS = 20  # of the ELBO of an image


def answer(setting: Setting) -> Answer:
    """-ELBO, -log p and the gap between them, paired by image."""
    numbers: Numbers = {}
    trained: dict[str, tuple[VAE, Params]] = {}
    nll: dict[str, np.ndarray] = {}
    for z in SIZES:
        for kind in POSTERIORS:
            model = setting.model(z, posterior=kind)
            name = f"Z = {z}, {kind}"
            trained[name] = (model, setting.fit(name, model).p)
            numbers[name], nll[name] = row(setting, *trained[name])
        less = nll[f"Z = {z}, full"] - nll[f"Z = {z}, diagonal"]
        numbers[f"Z = {z}, full"]["-log p, less the diagonal's"] = metrics.mean_and_error(less)
    decoder = trained[f"Z = {TURNED}, diagonal"][1]["decoder"]
    rng = setting.rng
    for name, held in {"held": decoder, "turned": turned(decoder, rotation(rng, TURNED))}.items():
        for kind in POSTERIORS:
            model = setting.model(TURNED, posterior=kind)
            p = refitted(setting, f"{kind} q, decoder {name}", model, held)
            numbers[f"{kind} q, decoder {name}"], _ = row(setting, model, p)
    words = (
        "Above: VAEs with a diagonal and with a full q, trained alike. The gap is what q leaves, "
        "log p(x) - ELBO; the correlation is the mean over pairs of latent dimensions of its "
        f"absolute value under q. Below: the decoder of Z = {TURNED} with a diagonal q is held, "
        "and new encoders are trained for it, first as it is, then with its latent space turned "
        "at random, which leaves p(x) as it was. The full q can follow the turn and the diagonal "
        "one cannot: what it loses is what the axes had been worth to it."
    )
    return Answer(words, numbers, picture(numbers))


def row(setting: Setting, model: VAE, p: Params) -> tuple[dict[str, Any], np.ndarray]:
    """The numbers of a model, and -log p of the first test images."""
    x = setting.x[: setting.scored]
    bound, nll = minus_elbo(setting, model, p, x), setting.nll(model, p)
    found: dict[str, Any] = {
        "minus ELBO": metrics.mean_and_error(bound),
        "-log p(x)": metrics.mean_and_error(nll),
        "gap": metrics.mean_and_error(bound - nll),
        "rate": metrics.mean_and_error(distortion_and_rate(model, p, x, setting.rng)[1]),
    }
    q = codes(model, p, x)
    return found | ({"correlation": correlation(q["L"])} if "L" in q else {}), nll


def minus_elbo(setting: Setting, model: VAE, p: Params, x: Array) -> np.ndarray:
    """-ELBO of each image, a mean over draws that are the same for all models."""
    rng, total = setting.rng, np.zeros(len(x))
    for _ in range(DRAWS):
        distortion, rate = distortion_and_rate(model, p, x, rng)
        total += distortion + rate
    return total / DRAWS


def correlation(L: Array) -> float:
    """The mean |correlation| of two coordinates under N(mean, L L^T), over pairs and examples."""
    cov = L @ L.swapaxes(1, 2)
    xp = namespace(cov)
    std = xp.sqrt(cov.diagonal(axis1=1, axis2=2))  #                      (N, Z)
    size = abs(cov / (std[:, :, None] * std[:, None, :]))
    z = L.shape[1]
    return float(size[:, ~xp.eye(z, dtype=bool)].mean()) if z > 1 else 0.0


def rotation(rng: np.random.Generator, z: int) -> np.ndarray:
    """A random rotation R (Z, Z), R R^T = I."""
    Q, R = np.linalg.qr(rng.normal(size=(z, z)))
    return (Q * np.sign(np.diag(R))).astype(np.float32)


def turned(decoder: Params, R: np.ndarray) -> Params:
    """The decoder that takes z R for z: its first layer's W becomes R W."""
    first = next(iter(decoder))
    W = decoder[first]["W"]
    return decoder | {first: decoder[first] | {"W": namespace(W).asarray(R) @ W}}


def refitted(setting: Setting, name: str, model: VAE, decoder: Params) -> Params:
    """A new encoder for this decoder, which is held."""
    p = model.init(setting.rng) | {"decoder": to_host(decoder)}
    return setting.fit(name, model, p=p, player="encoder").p


def picture(numbers: Numbers) -> Any:
    """The gaps as bars: over the size of the code, and with the decoder held."""
    figure = new_figure(9, 3.2)
    left, right = figure.subplots(1, 2, sharey=True)
    groups = [f"Z = {z}" for z in SIZES]
    bars(left, numbers, {g: {kind: f"{g}, {kind}" for kind in POSTERIORS} for g in groups})
    dress(left, "trained together", "", "log p(x) - ELBO, nats an image")
    held = {
        f"decoder {how}": {kind: f"{kind} q, decoder {how}" for kind in POSTERIORS}
        for how in ("held", "turned")
    }
    bars(right, numbers, held)
    dress(right, f"new encoders for one decoder of Z = {TURNED}")
    left.legend(frameon=False, fontsize=SMALL)
    return figure


def bars(axes: Any, numbers: Numbers, groups: dict[str, dict[str, str]]) -> None:
    """group -> colour -> the row whose gap is drawn."""
    for i, kind in enumerate(POSTERIORS):
        value, error = np.array([numbers[rows[kind]]["gap"] for rows in groups.values()]).T
        x = np.arange(len(groups)) + 0.4 * i - 0.2
        look = {"width": 0.38, "color": LINES[i], "label": f"{kind} q", "capsize": 3}
        axes.bar(x, value, yerr=error, **look)
    axes.set_xticks(range(len(groups)), list(groups))
