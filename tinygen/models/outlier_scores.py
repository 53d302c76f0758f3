"""Scores that are higher where an example is more of an outlier to a trained model.

    reconstruction    |x - r(x)|^2          through the code
    -ELBO             -(E_q[log p(x|z)] - KL)
    -log p            by importance sampling
    likelihood ratio  log p_0(x) - log p(x)    against a background model p_0

The ratio takes away what p_0 explains as well: pixels that are easy whatever they show. p_0 may
have seen the same examples with pixels replaced at random (`mutate`: J. Ren et al., Likelihood
Ratios for Out-of-Distribution Detection, NeurIPS 2019, arXiv 1906.02845), or it may see nothing but
neighbours (`LocalModel`).                                 docs/derivations/outliers.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.arguments import check_number, check_whole
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_array, check_nonempty
from tinygen.likelihoods.base import sum_examples, uniform
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.latent import LatentModel, check_images
from tinygen.models.local_model import LocalModel

AT_ONCE = 1000  # images scored at once: bounds the memory, not the answer


def reconstruction_error(model: Autoencoder | LatentModel, p: Params, x: Array) -> Array:
    """|x - r|^2 (N,), a sum over the pixels: r = g(f(x)), or of a VAE the mean of p(x|z).

    Of a VAE z is the mean of q(z|x), so the score holds no noise. Raises as the model does.
    """
    return in_blocks("reconstruction_error", x, lambda rows: squared_error(model, p, rows))


def squared_error(model: Autoencoder | LatentModel, p: Params, x: Array) -> Array:
    """`reconstruction_error` of a few images (N,)."""
    if isinstance(model, Autoencoder):
        return model.errors(p, x)
    recovered = model.likelihood.mean(model.decode(p, model.encode(p, x)["mean"]))
    if recovered.shape != x.shape:
        raise ValueError(
            f"reconstruction_error: the decoder gives {recovered.shape} for x of {x.shape}: "
            "give x in the shape that the model explains"
        )
    error = recovered - x
    return sum_examples(error * error)  #                                   (N,)     (6)


def negative_elbo(model: Any, p: Params, x: Array, rng: np.random.Generator) -> Array:
    """-ELBO (N,) in nats, at one draw of z an example; `model` has `draw_noise` and `elbo`."""

    def score(rows: Array) -> Array:
        return -model.elbo(p, rows, model.draw_noise(rng, rows))  #         (N,)     (7)

    return in_blocks("negative_elbo", x, score)


def negative_log_prob(
    model: LatentModel, p: Params, x: Array, rng: np.random.Generator, samples: int = 100
) -> Array:
    """-log p(x) (N,) in nats, by importance sampling."""
    return -model.log_prob(p, x, rng, samples)[0]  #                                 (8)


def likelihood_ratio(
    model: LatentModel,
    p: Params,
    background: LatentModel | LocalModel,
    p_background: Params,
    x: Array,
    rng: np.random.Generator,
    samples: int = 100,
) -> Array:
    """log p_0(x) - log p(x) (N,) in nats, both by importance sampling, or p_0 exactly.

    background : p_0, of the same likelihood as the model: trained on mutated examples, or local.
                 ValueError where the likelihoods differ, whose densities cannot be compared
    """
    if model.likelihood != background.likelihood:
        raise ValueError(
            f"likelihood_ratio: the model has {model.likelihood!r}, the background model "
            f"{background.likelihood!r}: densities of two likelihoods cannot be compared"
        )
    log_p = model.log_prob(p, x, rng, samples)[0]
    return background.log_prob(p_background, x, rng, samples)[0] - log_p  #          (9)


def mutate(rng: np.random.Generator, x: Array, rate: float, levels: int = 256) -> Array:
    """x (N, ...) in [0, 1] with a share `rate` of its pixels replaced by uniform grey levels.

    levels : 256 for grey pixels, 2 for black and white ones; a pixel may get its own value again

    For `train(transform=lambda rng, x: mutate(rng, x, 0.2))`, which draws anew each time. Raises
    ValueError for a rate outside [0, 1) and for less than 2 levels.
    """
    check_array("mutate", x, "...")
    check_number("mutate", "rate", rate, least=0, below=1)
    check_whole("mutate", "levels - 1", levels - 1)
    xp = namespace(x)
    chosen = uniform(rng, x.shape, x) < rate
    level = xp.floor(levels * uniform(rng, x.shape, x)) / (levels - 1)  # 0, 1/255, .. 1
    return xp.where(chosen, level, x).astype(x.dtype)  #                             (10)


def in_blocks(name: str, x: Array, score: Callable[[Array], Array]) -> Array:
    """score of each block of images, one after the other (N,). ValueError where there is none."""
    check_images(x)
    check_nonempty(name, x)
    parts = [score(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    return namespace(x).concatenate(parts)
