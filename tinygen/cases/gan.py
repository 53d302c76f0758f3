"""Cases of adversarial objectives, and of both players' losses: the other one stands still."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.adversarial import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Wasserstein,
)
from tinygen.cases.common import Case, beside, jittered
from tinygen.layers import (
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    LeakyRelu,
    Relu,
    Reshape,
    Sequential,
    Tanh,
)
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import dense_discriminator, dense_generator
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.pullback import Pullback

N, Z, D, CLASSES = 6, 3, 7, 4
IMAGE = (4, 3, 2)
OBJECTIVES = (Minimax(), NonSaturating(), LeastSquares(), Hinge(), Wasserstein(drift=0.3))
OTHER = {"generator": "discriminator", "discriminator": "generator"}


def objective_cases(objective: Objective) -> list[Case]:
    """Both players' losses, of scores: more real ones than fakes, so that no N stands for M."""
    name = type(objective).__name__

    def scores(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        real, fake = 1.5 * rng.normal(size=(N, 1)), 1.5 * rng.normal(size=(N + 2, 1))
        return lambda p, x: objective.discriminator(*x), {}, (real, fake)

    def fakes(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return lambda p, x: objective.generator(x), {}, 1.5 * rng.normal(size=(N, 1))

    return [
        Case(f"{name}, what D is paid", scores, of=(type(objective),)),
        Case(f"{name}, what G is paid", fakes, of=(type(objective),)),
    ]


def dense_gan(**options: Any) -> GAN:
    """Dense nets of rows of D numbers."""
    G = dense_generator(Z, (5, 4), D, Tanh())
    return GAN(G, dense_discriminator(D, (6, 4)), Z, **options)


def dropout_gan() -> GAN:
    """The paper's kinds of layers: maxout and dropout in D."""
    G = dense_generator(Z, (5,), D)
    net = dense_discriminator(D, (6, 4), dropout=0.5, pieces=2, input_dropout=0.2)
    return GAN(G, net, Z, Minimax(), prior="uniform")


def conv_gan(objective: Objective) -> GAN:
    """Convolutions and batch norm in both nets; images in -1..1 as they see them."""
    G = Sequential(
        Dense(Z, 16, bias=False), Reshape((2, 2, 4)), BatchNorm(4), Relu(),
        ConvTranspose2d(4, 2, 3, 2, 1, (1, 0)), Tanh(),
    )  # fmt: skip
    net = Sequential(
        Conv2d(2, 3, 3, 1, 1), LeakyRelu(0.2),
        Conv2d(3, 5, 3, 2, 1, bias=False), BatchNorm(5), LeakyRelu(0.2),
        Flatten(), Dense(20, 1),
    )  # fmt: skip
    return GAN(G, net, Z, objective, signed=True)


def conditional_gan() -> GAN:
    """Both nets take the labels; batch norm in G."""
    G = dense_generator(Z, (5,), D, classes=CLASSES, batch_norm=True)
    return GAN(G, dense_discriminator(D, (6,), classes=CLASSES), Z, classes=CLASSES)


def gan_case(
    name: str,
    player: str,
    build: Callable[[], GAN],
    shape: tuple[int, ...] = (D,),
    zero: tuple[str, ...] = (),
    of: tuple[Any, ...] = (),
) -> Case:
    """A player's turn as a function of that player's parameters: all else is fixed."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model = build()
        p = jittered(rng, model.init(rng, np.float64))
        x: Any = rng.uniform(0.1, 0.9, size=(N, *shape))
        labels = rng.integers(CLASSES, size=N)
        noise, still = model.draw_noise(rng, x), p[OTHER[player]]

        def f(own: Any, x: Any) -> Any:
            both = {player: own, OTHER[player]: beside(still, x)}
            data = (x, beside(labels, x)) if model.classes else x
            loss = getattr(model, f"{player}_loss")
            value, backward = loss(both, data, beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)[player], backward.dx, value)

        return f, p[player], x

    turn = "D's turn" if player == "discriminator" else "G's turn"
    return Case(f"GAN, {name}, {turn}", make, zero, wrt_x=False, of=(GAN, *of))


def wasserstein_gan() -> GAN:
    """Its critic's last bias raises all scores alike, so that it has no gradient."""
    return dense_gan(objective=Wasserstein())


def penalised_gan(penalty: Any, objective: Objective) -> GAN:
    """A smooth critic of convolutions, whose loss holds a second derivative."""
    G = Sequential(Dense(Z, 24), Reshape(IMAGE))
    net = Sequential(Conv2d(2, 3, 3, 1, 1), Tanh(), Conv2d(3, 2, 3, 2, 1), Tanh(), Flatten(),
                     score=Dense(8, 1))  # fmt: skip
    return GAN(G, net, Z, objective, penalty)


CASES = [
    *(case for objective in OBJECTIVES for case in objective_cases(objective)),
    gan_case("dense", "discriminator", dense_gan),
    gan_case("dense", "generator", dense_gan),
    gan_case("Wasserstein", "discriminator", wasserstein_gan, zero=("score.b",)),
    gan_case("Wasserstein", "generator", wasserstein_gan),
    gan_case(
        "gradient penalty",
        "discriminator",
        lambda: penalised_gan(GradientPenalty(10.0), Wasserstein()),
        IMAGE,
        zero=("score.b",),
        of=(GradientPenalty,),
    ),
    gan_case(
        "R1", "discriminator", lambda: penalised_gan(R1(10.0), NonSaturating()), IMAGE, of=(R1,)
    ),
    gan_case("maxout and dropout", "discriminator", dropout_gan),
    gan_case("maxout and dropout", "generator", dropout_gan),
    gan_case("conv, batch norm", "discriminator", lambda: conv_gan(LeastSquares()), IMAGE),
    gan_case("conv, batch norm", "generator", lambda: conv_gan(NonSaturating()), IMAGE),
    gan_case("conditional", "discriminator", conditional_gan),
    # the batch norm after it takes away again what its bias adds to all rows
    gan_case("conditional", "generator", conditional_gan, zero=("label.b",)),
]
