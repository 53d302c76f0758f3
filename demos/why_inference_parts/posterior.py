"""3. What does the posterior look like? A VAE of 2-D codes: p(z|x) by quadrature, beside q(z|x).

    p(z|x) = p(x|z) p(z) / p(x),    p(x) by the sum over a grid of codes

The ELBO is computed without the grid, by Gauss and Hermite's rule for eps.
"""

from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from vae_parts.setting import Setting

from tinygen import metrics, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.models.vae import VAE
from tinygen.models.vae_likelihood import log_weights
from tinygen.plots.images import draw
from tinygen.plots.style import LINES, SMALL, dress, new_figure
from why_inference_parts.draws import trained
from why_inference_parts.joint import double, grid, log_normal, on_grid

IMAGES, SHOWN = 50, 6
NODES = 40  # of Gauss and Hermite's rule, along each axis
SAMPLES = 5000
LEAST = 0.02  # of the posterior's peak: what is drawn


def answer(setting: Setting) -> Answer:
    """log p - ELBO and the divergence, by two quadratures; the contours of both densities."""
    model, p = trained(setting, 2)
    p, x = double(p, setting.x[:IMAGES])
    q = {key: to_host(a) for key, a in model.encode(p, x).items()}
    z, h = grid(setting.args.quick)
    log_joint, log_p = on_grid(model, p, x, z, h)  #                      (N, M), (N,)
    log_post = log_joint - log_p[:, None]
    kl = np.array([divergence(z, h, q, n, log_post[n]) for n in range(len(x))])
    bound = hermite_elbo(model, p, x)
    samples = setting.samples if setting.args.quick else SAMPLES
    sampled, _ = model.log_prob(p, x, setting.rng, samples)
    order = np.argsort(kl)
    shown = order[np.linspace(0, len(x) - 1, SHOWN).astype(int)]
    numbers: Numbers = {}
    for i, n in enumerate(shown):
        numbers[f"image {i + 1}"] = {
            "log p, grid": float(log_p[n]),
            "log p, sampled": float(to_host(sampled)[n]),
            "ELBO": float(bound[n]),
            "log p - ELBO": float(log_p[n] - bound[n]),
            "KL(q || p(z|x))": float(kl[n]),
            "difference": f"{abs(log_p[n] - bound[n] - kl[n]):.0e}",
        }
    gap = log_p - bound
    numbers[f"mean of {len(x)}"] = {
        "log p, grid": metrics.mean_and_error(log_p),
        "log p, sampled": metrics.mean_and_error(to_host(sampled)),
        "ELBO": metrics.mean_and_error(bound),
        "log p - ELBO": metrics.mean_and_error(gap),
        "KL(q || p(z|x))": metrics.mean_and_error(kl),
        "difference": f"{abs(gap - kl).max():.0e}",
    }
    words = (
        f"{len(x)} test images and their posteriors over 2-D codes, on a grid of {len(z)} codes; "
        f"shown are the quantiles of KL(q || p(z|x)), from the least to the most. The last row has "
        "the means, and the largest difference. Where the posterior is bent, or has two peaks, no "
        "Gaussian fits it; and where q misses a peak, importance samples from it miss it, too: the "
        f"sampled log p (of {samples} draws) stays below that of the grid."
    )
    return Answer(words, numbers, picture(z, x, q, log_post, shown, kl))


def divergence(z: np.ndarray, h: float, q: Params, n: int, log_post: np.ndarray) -> float:
    """KL(q(z|x_n) || p(z|x_n)) by the sum over the grid."""
    log_q = log_normal(z, q["mean"][n], q["log_var"][n])
    density = np.exp(log_q)
    return float(h**2 * (density * (log_q - log_post)).sum())


def hermite_elbo(model: VAE, p: Params, x: Array) -> np.ndarray:
    """E_eps[log w] (N,) by a rule that is exact for polynomials of degree 2 NODES - 1 in eps."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = np.outer(weights, weights).reshape(-1) / weights.sum() ** 2
    eps = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(1, -1, 2)
    kept = weights > 1e-20
    eps, weights = namespace(x).asarray(eps[:, kept]), weights[kept]
    found = []
    for image in x:
        q = model.encode(p, image[None])
        found.append(float(to_host(log_weights(model, p, image[None], q, eps)[0])[0] @ weights))
    return np.array(found)


def picture(
    z: np.ndarray, x: Array, q: Params, log_post: np.ndarray, shown: np.ndarray, kl: np.ndarray
) -> Any:
    """Each image above its posterior, filled, and q, in lines at 1 and 2 standard deviations."""
    figure = new_figure(11.5, 3.3)
    axes = figure.subplots(2, len(shown), height_ratios=(1, 3.2))
    n_side = round(np.sqrt(len(z)))
    side = z[:n_side, 0]
    for column, n in enumerate(shown):
        draw(axes[0, column], to_host(x[n]), "")
        ax, post = axes[1, column], np.exp(log_post[n] - log_post[n].max()).reshape(n_side, n_side)
        ax.contourf(side, side, post, levels=np.linspace(LEAST, 1, 12), cmap="Blues")
        log_q = log_normal(z, q["mean"][n], q["log_var"][n]).reshape(n_side, n_side)
        levels = log_q.max() - np.array([2.0, 0.5])  # radius^2 / 2
        ax.contour(side, side, log_q, levels=levels, colors=LINES[1], linestyles="--", linewidths=1)
        dress(ax, f"KL {kl[n]:.2f} nats", "$z_1$", "$z_2$" if column == 0 else "")
        reach = 2.5 * np.exp(q["log_var"][n] / 2) * np.array([[-1], [1]])  # of q
        seen = np.concatenate([z[post.reshape(-1) > LEAST], q["mean"][n] + reach])
        low, high = seen.min(axis=0), seen.max(axis=0)
        middle, half = (low + high) / 2, 0.6 * (high - low).max()
        ax.set(**{f"{a}lim": (m - half, m + half) for a, m in zip("xy", middle, strict=True)})
        ax.set_aspect("equal")
        ax.grid(False)
        ax.tick_params(labelsize=SMALL)
    return figure
