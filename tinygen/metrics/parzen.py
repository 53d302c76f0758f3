"""The Parzen-window estimate: samples, blurred by a Gaussian, as a density of test examples.

    log p(x) ~ log (1/M) sum_m N(x; s_m, sigma^2 I)
             = logsumexp_m( -|x - s_m|^2 / (2 sigma^2) ) - log M - (D/2) log(2 pi sigma^2)

in nats an example, sigma chosen on validation examples. It was the measure of models that have no
likelihood: O. Breuleux, Y. Bengio and P. Vincent 2011; I. Goodfellow et al., arXiv 1406.2661.

It is discredited: L. Theis, A. van den Oord and M. Bethge, A note on the evaluation of generative
models, arXiv 1511.01844. With any affordable M it is far from log p(x) in 784
dimensions, and it ranks models wrongly: centres of clusters of the training images score above
true images. Print WARNING wherever it is shown, with training images as samples for a reference.
"""

from dataclasses import dataclass
from math import log, pi

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, namespace, to_host
from tinygen.layers.base import check_array
from tinygen.metrics.units import mean_and_error

SIGMAS = tuple(float(s) for s in np.logspace(-1, 0, 10))  # of the authors' code
BLOCK = 1000  # examples, and samples, whose distances are held at once
LARGEST = 1e100  # a width, or its inverse, or an |log p|, whose squares are still numbers

WARNING = (
    "Parzen-window numbers do not rank models: they are far from log p(x), and centres of clusters "
    "of the training images beat true images (Theis et al. 2016, arXiv 1511.01844)"
)


@dataclass(frozen=True)
class Parzen:
    """An estimate, with what it hangs on.

    mean, error : of the test examples' log densities, in nats, and its standard error over them
    sigma       : the window's width, the best of those tried on the validation examples
    validation  : width -> mean log density of the validation examples
    """

    mean: float
    error: float
    sigma: float
    validation: dict[float, float]


def parzen(
    samples: Array, validation: Array, test: Array, sigmas: tuple[float, ...] = SIGMAS
) -> Parzen:
    """The estimate of test examples (N, ...) by samples (M, ...), of pixels as they are.

    validation : examples (V, ...) on which sigma is chosen among `sigmas`; 1000 in the authors'
                 code

    Raises ValueError for other shapes, fewer than two test examples, no others, NaN, infinity,
    widths that are not above 0, and widths so far from all distances that a density is no number;
    TypeError for no floats.
    """
    if len(test) < 2:
        raise ValueError("parzen: one test example has no standard error: give two or more")
    table = parzen_log_density(samples, validation, sigmas).mean(axis=0)  #    (S,)
    best = int(table.argmax())
    log_p = parzen_log_density(samples, test, (sigmas[best],))[:, 0]
    mean, error = mean_and_error(log_p)
    found = {s: float(v) for s, v in zip(sigmas, table, strict=True)}
    return Parzen(mean, error, float(sigmas[best]), found)


def parzen_log_density(samples: Array, x: Array, sigmas: tuple[float, ...]) -> np.ndarray:
    """log p(x) of examples x (N, ...) under windows of each width: (N, S) nats, on the host.

    Distances are those of double precision, block by block, and serve all widths.
    """
    check_array("parzen: x", x, "...")
    check_array("parzen: samples", samples, "M", *x.shape[1:])
    if np.ndim(sigmas) != 1 or not len(sigmas):
        raise ValueError(f"parzen: sigmas must be numbers > 0, at least one, got {sigmas!r}")
    for sigma in sigmas:
        check_number("parzen", "each of sigmas", sigma, above=0, least=1 / LARGEST, below=LARGEST)
    xp = namespace(x)
    x, s = (a.reshape(len(a), -1).astype(np.float64) for a in (x, samples))
    width, rows = xp.asarray(np.array(sigmas, np.float64)), []
    constant = log(len(s)) + 0.5 * x.shape[1] * xp.log(2 * pi * width**2)  #  (S,)
    with np.errstate(over="ignore", invalid="ignore"):  # looked at below
        for i in range(0, len(x), BLOCK):
            total = xp.full((len(x[i : i + BLOCK]), len(sigmas)), -np.inf)
            for j in range(0, len(s), BLOCK):
                exponent = squared_distances(x[i : i + BLOCK], s[j : j + BLOCK])  # (B, B)
                part = [log_sum_exp(exponent * (-0.5 / v**2)) for v in sigmas]  # S of (B,)
                total = xp.logaddexp(total, xp.stack(part, axis=1))  #             (B, S)
            rows.append(total - constant)
    log_p = np.asarray(to_host(xp.concatenate(rows)))
    known = (abs(log_p) < LARGEST).all(axis=0)  # not of NaN either
    if not known.all():
        raise ValueError(
            f"parzen: sigma {sigmas[int(known.argmin())]:g} is too small beside the distances of "
            f"examples and samples: log p(x) is below -{LARGEST:g} nats; choose widths near those "
            "distances, such as 0.1 to 1 for pixels in 0..1"
        )
    return log_p


def squared_distances(x: Array, s: Array) -> Array:
    """|x_n - s_m|^2 = |x_n|^2 - 2 x_n s_m + |s_m|^2, (N, M), never below 0."""
    squares = (x * x).sum(axis=1)[:, None] + (s * s).sum(axis=1)
    return namespace(x).maximum(squares - 2 * (x @ s.T), 0)


def log_sum_exp(a: Array) -> Array:
    """log sum_m exp(a_nm), (N,)."""
    top = a.max(axis=1)
    return top + namespace(a).log(namespace(a).exp(a - top[:, None]).sum(axis=1))
