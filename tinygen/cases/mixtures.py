"""Cases of mixtures: their gradients, their sums to one, and that EM lowers no likelihood."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, Claim, jittered
from tinygen.check import Report, all_images, check_normalised
from tinygen.check.report import Row
from tinygen.models.bernoulli_mixture import BernoulliMixture
from tinygen.models.covariances import KINDS
from tinygen.models.em import em_step, falls
from tinygen.models.gaussian_mixture import GaussianMixture
from tinygen.models.mixture import Mixture

N, K = 4, 3
PIXELS, IMAGES = 5, (3, 2, 1)


def density_case(name: str, model: Mixture, *shape: int, wrt_x: bool = True) -> Case:
    """-log p(x), a mean over N examples."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, np.float64)), rng.normal(size=(N, *shape))
        x = x if wrt_x else (x > 0).astype(np.float64)
        return lambda p, x: model.loss(p, x), p, x

    return Case(name, make, wrt_x=wrt_x, of=(type(model), Mixture))


def components_case(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """log p(x|k) as a function of x as well, which may be any numbers there."""
    model = BernoulliMixture(K, shape=PIXELS)
    p = model.init(rng, np.float64)
    return lambda p, x: model.log_components(p, x), {"pixels": p["pixels"]}, rng.random((N, PIXELS))


def gaussian(kind: str, *, shape: Any) -> GaussianMixture:
    """K components."""
    return GaussianMixture(K, kind, shape=shape)


def integrates(kind: str, D: int) -> Claim:
    """p(x) over a grid of D axes, wide enough and fine enough for a sum to be the integral."""

    def check(rng: np.random.Generator) -> Report:
        model = gaussian(kind, shape=D)
        p = jittered(rng, model.init(rng, np.float64))
        side = np.linspace(-14, 14, 281)  # steps of a tenth, of deviations about 1
        points = np.stack(np.meshgrid(*[side] * D), axis=-1).reshape(-1, D)
        return check_normalised(lambda x: model.score_samples(p, x), points, 0.1**D, tolerance=1e-9)

    return Claim(f"GaussianMixture, {kind}, in {D}-D", "sums to one", check, of=(GaussianMixture,))


def bernoulli(rng: np.random.Generator) -> Report:
    """p(x) over all 2^9 images."""
    model = BernoulliMixture(K, shape=(3, 3, 1))
    p = jittered(rng, model.init(rng, np.float64))
    images = all_images((3, 3, 1))
    return check_normalised(lambda x: model.score_samples(p, x), images, tolerance=1e-11)


def rises(model: Mixture, steps: int = 30) -> Claim:
    """No step of EM lowers the likelihood by more than 1e-10, from a start far from its end."""

    def check(rng: np.random.Generator) -> Report:
        x = data(rng, model)
        p = jittered(rng, model.start(rng, x))
        record: list[float] = []
        for _ in range(steps):
            step = em_step(model, p, x, rng, reseed=False)
            p, record = step.p, [*record, step.log_likelihood]
        fall, gain = falls(record), record[-1] - record[0]
        report = Report("EM")
        report.rows.append(Row("fall", fall, None, told(fall <= 1e-10, f"fell by {fall:.3g}")))
        report.rows.append(Row("gain", gain, None, told(gain > 0, "never moved")))
        return report

    kind = getattr(model, "covariance_type", "")
    name = f"{type(model).__name__}{kind and ', '}{kind}"
    return Claim(name, "EM rises", check, of=(type(model), em_step))


def told(good: bool, problem: str) -> str:
    """The verdict of a row."""
    return "ok" if good else f"WRONG: {problem}"


def data(rng: np.random.Generator, model: Mixture) -> np.ndarray:
    """Points in three clouds, one of them flat, one feature constant; or noisy pictures of three
    kinds."""
    kind = rng.integers(K, size=60)
    if isinstance(model, BernoulliMixture):
        return (rng.random((60, PIXELS)) < rng.random((K, PIXELS))[kind]).astype(np.float64)
    x = 3 * rng.normal(size=(K, PIXELS))[kind] + rng.normal(size=(60, PIXELS))
    x[kind == 0, 1] = x[kind == 0, 0]
    x[:, 2] = 1.0
    return x


CASES = [
    *(density_case(f"GaussianMixture, {k}", gaussian(k, shape=PIXELS), PIXELS) for k in KINDS),
    density_case("GaussianMixture of images", gaussian("full", shape=IMAGES), *IMAGES),
    density_case("BernoulliMixture", BernoulliMixture(K, shape=PIXELS), PIXELS, wrt_x=False),
    density_case(
        "BernoulliMixture of images", BernoulliMixture(K, shape=IMAGES), *IMAGES, wrt_x=False
    ),
    Case("BernoulliMixture, log p(x|k)", components_case, of=(BernoulliMixture,)),
]

CLAIMS = [
    *(integrates(kind, 1) for kind in ("full", "spherical")),
    *(integrates(kind, 2) for kind in KINDS),
    Claim("BernoulliMixture, all 3x3 images", "sums to one", bernoulli, of=(BernoulliMixture,)),
    *(rises(GaussianMixture(K, kind)) for kind in KINDS),
    rises(BernoulliMixture(K)),
]
