"""4. Are the output pixels independent? Given z, yes. Of the model, no.

    Cov(x) = E_z[Cov(x|z)] + Cov_z(E[x|z])                 docs/derivations/vae.md, equation 16

The first part is diagonal, for p(x|z) is a product over pixels; what pixels share, they share
through the code.
"""

from typing import Any

import numpy as np

from tinygen import to_host
from tinygen.arrays import Array
from tinygen.likelihoods.base import normal
from tinygen.plots.images import draw, tiled
from tinygen.plots.style import SMALL, TITLE, new_figure
from vae_parts.setting import Numbers, Setting

DRAWS = 10_000
USED = 0.05  # pixels that are on in 5 % to 95 % of the images: others hardly vary
SHOWN = 2  # pixels whose correlations are drawn


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """Correlations between pixels: given one z, over z, and of the data."""
    model, p = setting.plain
    rng, like, n = setting.rng, setting.train, DRAWS
    data = like if setting.transform is None else setting.transform(rng, like)
    data = flat(data)
    used = np.flatnonzero((data.mean(axis=0) > USED) & (data.mean(axis=0) < 1 - USED))

    z = normal(rng, (n, model.n_latent), like)
    params = model.decode(p, z)
    means = flat(model.likelihood.mean(params))  # E[x|z]                      (n, D)
    marginal = flat(model.likelihood.sample(params, rng))
    one = model.decode(p, z[:1].repeat(n, axis=0))
    given_z = flat(model.likelihood.sample(one, rng))

    # pixels that vary at this z: of the others a few draws say nothing
    vary = used[given_z[:, used].std(axis=0) > 0.1]
    sources = {"given one z": given_z, "over z": marginal, "data": data}
    numbers: Numbers = {
        "images": n,
        "pixels compared": len(used),
        "mean |correlation| of two pixels": {
            "given one z": off_diagonal(given_z[:, vary]),
            "expected there of independent pixels": float(np.sqrt(2 / np.pi / n)),
            "over z": off_diagonal(marginal[:, used]),
            "data": off_diagonal(data[:, used]),
        },
        "mean |covariance|, off the diagonal": {
            "drawn": off_diagonal(marginal[:, used], np.cov),
            "of E[x|z], the second part of (16)": off_diagonal(means[:, used], np.cov),
        },
        "correlation of the model's covariances with the data's": alike(
            np.cov(marginal[:, used].T), np.cov(data[:, used].T)
        ),
    }
    chosen = strongest(data, used, vary)
    return numbers, picture(sources, to_host(model.likelihood.mean(one[:1])), chosen, like.shape)


def flat(x: Array) -> np.ndarray:
    """(N, H, W, 1) -> (N, D), on the host."""
    return to_host(x).reshape(len(x), -1).astype(np.float64)


def off_diagonal(x: np.ndarray, what: Any = np.corrcoef) -> float:
    """The mean of |what| over all pairs of two pixels of x (N, D)."""
    found = what(x.T)
    return float(np.abs(found[~np.eye(len(found), dtype=bool)]).mean())


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two matrices' entries off the diagonal."""
    off = ~np.eye(len(a), dtype=bool)
    return float(np.corrcoef(a[off], b[off])[0, 1])


def strongest(data: np.ndarray, used: np.ndarray, vary: np.ndarray) -> list[int]:
    """Pixels of the data with much to share, of those that vary given z; far from each other."""
    found = vary if len(vary) >= SHOWN else used
    shared = np.abs(np.corrcoef(data[:, found].T)).mean(axis=0)
    first = found[np.argmax(shared)]
    apart = np.abs(np.corrcoef(data[:, found].T)[np.argmax(shared)])
    return [int(first), int(found[np.argmax(shared * (1 - apart))])]


def picture(
    sources: dict[str, np.ndarray], image: np.ndarray, chosen: list[int], shape: tuple[int, ...]
) -> Any:
    """The correlation of a pixel with all others; a pixel that never changes is white."""
    titles = {
        "given one z": "given that z",
        "over z": "of the model, over z",
        "data": "of the data",
    }
    figure = new_figure(10.5, 5.2)
    axes = figure.subplots(len(chosen), 4)
    for i, (row, pixel) in enumerate(zip(axes, chosen, strict=True)):
        at = (pixel % shape[2], pixel // shape[2])
        draw(row[0], tiled(image, 1), "" if i else "E[x|z] at that z")
        row[0].plot(*at, "s", mfc="none", color="#bd1f01", ms=6)
        for ax, (name, x) in zip(row[1:], sources.items(), strict=True):
            shown = ax.imshow(
                with_all(x, pixel).reshape(shape[1:3]), cmap="RdBu_r", vmin=-1, vmax=1
            )
            ax.plot(*at, "s", mfc="none", color="black", ms=6)
            ax.set_axis_off()
            ax.set_title("" if i else titles[name], fontsize=TITLE)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.set_label("correlation with the marked pixel", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def with_all(x: np.ndarray, pixel: int) -> np.ndarray:
    """The correlation of one pixel with each (D,); 0 where one of them never changes."""
    e = x - x.mean(axis=0)
    scale = e.std(axis=0)
    both = scale * scale[pixel]
    covariance = (e * e[:, pixel : pixel + 1]).mean(axis=0)
    return np.where(both > 1e-6, covariance / np.maximum(both, 1e-6), 0)
