"""3. Whose fault is the gap: the shape of q, or the encoder?

    log p(x) - ELBO  =  (log p(x) - best ELBO of this shape)  +  (that - the encoder's ELBO)
                             the shape's part                    the encoder's part

The second is the price of one net for all images, the amortisation gap: C. Cremer, X. Li and
D. Duvenaud, Inference Suboptimality in Variational Autoencoders, ICML 2018, arXiv 1801.03558. Each
test image is given a q of its own, which starts at the encoder's and is raised by gradient, the
decoder held.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from vae_parts.setting import Setting, codes

from posteriors_parts.linear import POSTERIORS
from posteriors_parts.shapes import minus_elbo
from tinygen import metrics, to_device, to_host, tree
from tinygen.arrays import Array, Params, namespace
from tinygen.game import Turn
from tinygen.layers import Bounded, Cholesky, Layer
from tinygen.layers.base import check_sizes
from tinygen.likelihoods.base import normal
from tinygen.metrics import importance_estimate
from tinygen.models.vae import VAE
from tinygen.models.vae_likelihood import log_weights
from tinygen.optim import adam
from tinygen.plots.style import LINES, SMALL, dress, new_figure
from tinygen.pullback import Pullback
from tinygen.schedules import cosine

LATENT, IMAGES = 8, 200
STEPS, QUICK_STEPS, LR = 800, 60, 0.03
LIMIT = 10.0  # of `Bounded`, as in the models


def answer(setting: Setting) -> Answer:
    """Both parts, of a VAE with a diagonal q and of one with a full q."""
    x = setting.x[:IMAGES]
    numbers: Numbers = {}
    for kind in POSTERIORS:
        model = setting.model(LATENT, posterior=kind)
        p = setting.fit(f"{kind} q, Z = {LATENT}", model).p
        q = codes(model, p, x)
        found = {shape: raised(setting, model, p, q, x, shape) for shape in shapes_beside(kind)}
        exact = log_p(setting, *found["full"], x)
        encoder = -minus_elbo(setting, model, p, x)
        for shape, (own, own_p) in found.items():
            best = -minus_elbo(setting, own, own_p, x)
            numbers[f"VAE with {kind} q; best {shape} q"] = {
                "-log p(x)": metrics.mean_and_error(-exact),
                "gap": metrics.mean_and_error(exact - encoder),
                "the shape's": metrics.mean_and_error(exact - best),
                "the encoder's": metrics.mean_and_error(best - encoder),
            }
    words = (
        f"Z = {LATENT}, {IMAGES} test images, each with a q of its own, raised for "
        f"{steps_of(setting)} steps from where the encoder put it. What is left then is the fault "
        "of the shape, and what was gained that of the encoder, which is one net for all images."
    )
    return Answer(words, numbers, picture(numbers))


def shapes_beside(kind: str) -> tuple[str, ...]:
    """The shapes that a q of this kind can be raised in: a full one has none below it."""
    return POSTERIORS if kind == "diagonal" else ("full",)


@dataclass(frozen=True)
class Own(Layer):
    """q of each of N examples by itself, in the place of an encoder: the parameters are q.

    p = {"mean" (N, Z), "spread"}: the spread is a log-variance (N, Z), bounded, or the numbers of
    a Cholesky factor (N, Z (Z + 1) / 2). x is looked at for its length alone.
    """

    n_latent: int
    shape: str

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)

    @property
    def spread(self) -> Layer:
        """From the numbers to the log-variance or the factor."""
        return Bounded(LIMIT) if self.shape == "diagonal" else Cholesky(self.n_latent, LIMIT)

    def start(self, q: Params) -> Params:
        """The parameters of a diagonal q, or of a full one for the shape full."""
        if self.shape == "diagonal":
            return {"mean": q["mean"], "spread": LIMIT * np.arctanh(q["log_var"] / LIMIT)}
        z = self.n_latent
        if "L" not in q:
            q = {"mean": q["mean"], "L": np.exp(q["log_var"] / 2)[:, :, None] * np.eye(z)}
        a, i = z * q["L"], np.arange(z)  # the numbers behind the division, and behind the bound
        a[:, i, i] = LIMIT * np.arctanh(2 * np.log(q["L"][:, i, i]) / LIMIT)
        rows, columns = np.tril_indices(z)
        return {"mean": q["mean"], "spread": a[:, rows, columns].astype(q["mean"].dtype)}

    def forward(self, p: Params, x: Array) -> tuple[Params, Pullback]:
        """q, and its pullback to the parameters; x has no gradient."""
        key = "log_var" if self.shape == "diagonal" else "L"
        spread, backward = self.spread.forward({}, p["spread"])
        q = {"mean": p["mean"], key: spread}

        def dp(dq: Params) -> Params:
            return {"mean": dq["mean"], "spread": backward.dx(dq[key])}

        return q, Pullback(dp, lambda dq: (), q)


def raised(
    setting: Setting, model: VAE, p: Params, q: Params, x: Array, shape: str
) -> tuple[VAE, Params]:
    """The model with the best q of each image of x for its encoder."""
    steps = steps_of(setting)
    encoder = Own(LATENT, shape)
    own = replace(model, encoder=encoder)
    start = to_device(encoder.start(to_host(q)), setting.args.device)
    p = {"encoder": tree.map(lambda a: a.copy(), start), "decoder": p["decoder"]}
    optimiser = adam(cosine(LR, steps))
    turn = Turn("q", own.loss, own.draw_noise, optimiser, player="encoder")
    state, rng = optimiser.init(p["encoder"]), setting.rng
    for step in range(steps):
        turn.play(p, state, x, rng, step)
    return own, p


def steps_of(setting: Setting) -> int:
    """Of each image's own q."""
    return QUICK_STEPS if setting.args.quick else STEPS


def log_p(setting: Setting, model: VAE, p: Params, x: Array) -> np.ndarray:
    """log p(x) by importance samples from the best full q of each image.

    Draws from the encoder's q would not do: where it misses the posterior they fall below the best
    ELBO.
    """
    q, rng, samples = model.encode(p, x), setting.rng, 10 * setting.samples
    found = []
    for n in range(len(x)):
        own = {key: a[n : n + 1] for key, a in q.items()}
        eps = normal(rng, (1, samples, LATENT), x)
        log_w, _ = log_weights(model, p, x[n : n + 1], own, eps)
        found.append(importance_estimate(log_w)[0])
    return to_host(namespace(x).concatenate(found)).astype(np.float64)


def picture(numbers: Numbers) -> Any:
    """The two parts of each gap, one on the other."""
    figure = new_figure(8, 2.4)
    axes = figure.add_subplot()
    y = np.arange(len(numbers))[::-1]
    left = np.zeros(len(numbers))
    for part, colour in zip(("the shape's", "the encoder's"), LINES, strict=False):
        width = np.array([row[part][0] for row in numbers.values()])
        axes.barh(y, width, left=left, color=colour, label=f"{part} part", height=0.6)
        left += width
    axes.set_yticks(y, list(numbers))
    dress(axes, "", "log p(x) - ELBO, nats an image")
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
    axes.legend(frameon=False, fontsize=SMALL, **place)
    return figure
