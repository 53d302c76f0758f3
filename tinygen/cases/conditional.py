"""Cases of the models with labels: the conditional VAE, M2, and M2 on the codes of M1."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, beside, jittered, layer_case, of_data
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.conditional_vae import ConditionalVAE, dense_conditional_vae
from tinygen.models.m1_m2 import M1M2
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE, dense_semi_supervised_vae
from tinygen.models.vae import dense_vae
from tinygen.pullback import Pullback

D, H, Z, K = 7, 5, 2, 3
GREY = Bernoulli(grey=True)
OWN = np.array([2, 0, 1, 2])  # labels of four examples
MIXED = np.array([-1, 2, -1, 0])


def conditional(likelihood: Any = GREY, variance: str = "pixel", **more: Any) -> ConditionalVAE:
    """Rows of D numbers, K classes."""
    return dense_conditional_vae(D, (H, 4), Z, K, likelihood, variance, **more)


def m2(likelihood: Any = GREY, variance: str = "pixel", **more: Any) -> SemiSupervisedVAE:
    """The same with a classifier; a quarter of the examples has a label."""
    return dense_semi_supervised_vae(
        D, H, Z, K, 0.25, 0.6, likelihood, variance, activation=L.Softplus(), **more
    )


def model_case(name: str, model: Any, y: np.ndarray, *of: Any, shape: Any = (D,)) -> Case:
    """A case of the loss at given labels and noise."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, np.float64))
        x = rng.uniform(0.1, 0.9, size=(len(y), *shape))
        return of_data(model.loss, y, model.draw_noise(rng, (x, y))), p, x

    return Case(name, make, of=(type(model), *of))


def bound_case(name: str, model: ConditionalVAE, m: int) -> Case:
    """A case of the bounds of two examples beside M labels each."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(2, D))
        y, eps = rng.integers(K, size=2 * m), rng.normal(size=(2 * m, Z))
        return lambda p, x: model.bound(p, x, beside(y, x), beside(eps, x)), p, x

    return Case(name, make, of=(ConditionalVAE, dense_conditional_vae))


def m1_m2_case(name: str) -> Case:
    """A case of M1+M2's loss in the parameters of M2; M1 has no gradient."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model = M1M2(dense_vae(4, 3, D, GREY), m2(Gaussian()))
        p, x = jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(4, 4))
        noise = model.draw_noise(rng, (x, MIXED))

        def f(p_m2: Any, x: Any) -> Any:
            whole = {"m1": beside(p["m1"], x), "m2": p_m2}
            value, backward = model.loss(whole, (x, beside(MIXED, x)), beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)["m2"], lambda d: (), value)

        return f, p["m2"], x

    return Case(name, make, wrt_x=False, of=(M1M2,))


def labels(*shape: int) -> Any:
    """rng -> labels."""
    return lambda rng: rng.integers(K, size=shape)


CASES = [
    layer_case("LabelledDense", L.LabelledDense(4, K, 6), 2, 4, extra=labels(2)),
    layer_case("LabelledDense, M labels a row", L.LabelledDense(4, K, 6), 2, 4, extra=labels(10)),
    bound_case("conditional bound, a label an example", conditional(activation=L.Tanh()), 1),
    bound_case("conditional bound, four labels an example", conditional(activation=L.Tanh()), 4),
    model_case("conditional VAE", conditional(activation=L.Tanh()), OWN, dense_conditional_vae),
    model_case("conditional VAE, Gaussian", conditional(Gaussian(), activation=L.Tanh()), OWN),
    model_case(
        "conditional VAE of images",
        dense_conditional_vae((4, 3, 2), H, Z, K, GREY, activation=L.Tanh()),
        OWN,
        shape=(4, 3, 2),
    ),
    model_case("M2, labelled examples alone", m2(), OWN, dense_semi_supervised_vae),
    model_case("M2, no labelled example", m2(), np.full(4, -1)),
    model_case("M2, both", m2(), MIXED),
    model_case("M2, both, Gaussian", m2(Gaussian()), MIXED),
    m1_m2_case("M1+M2, both"),
]
