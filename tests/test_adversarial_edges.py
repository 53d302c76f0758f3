"""Edges of the adversarial models: steps that overflow, layers over places, packs in branches."""

import re

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.adversarial import LeastSquares, Minimax, Wasserstein
from tinygen.cases.common import jittered
from tinygen.layers.base import NonFinite
from tinygen.models.gan import GAN
from tinygen.models.penalties import GradientPenalty
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.optim import adam
from tinygen.systems.duel import duel
from tinygen.tangent.second import trace


def generator():
    return L.Sequential(L.Dense(3, 4), L.Tanh(), L.Dense(4, 2))


# The inner steps of an unrolled GAN


@pytest.mark.parametrize(
    "objective, lr, dtype",
    [
        (Minimax(), 1e30, np.float32),
        (Minimax(), 1e300, np.float64),
        (LeastSquares(), 1e3, np.float32),
        (Wasserstein(), 1e18, np.float32),
    ],
)
def test_inner_steps_that_overflow_name_lr_and_warn_of_nothing(rng, objective, lr, dtype):
    D = L.Sequential(L.Dense(2, 6), L.LeakyRelu(), L.Dense(6, 4), L.LeakyRelu(), L.Dense(4, 1))
    model = UnrolledGAN(generator(), D, 3, objective, lr=lr)
    p, x = model.init(rng, dtype), rng.normal(size=(6, 2)).astype(dtype)
    says = rf"UnrolledGAN: inner steps of lr={re.escape(f'{lr:g}')} lead .*: lower lr"
    with pytest.raises(NonFinite, match=says):
        model.generator_loss(p, x, model.draw_noise(rng, x))[1].dp()
    game = duel(model, adam(1e-3), adam(1e-3))
    with pytest.raises(NonFinite, match=says):
        game.play(p, game.init(p), [x], rng)


def test_a_gradient_whose_square_overflows_is_refused(rng):
    """Adam would divide it by infinity, and stand still without a word."""
    D = L.Sequential(L.Dense(2, 6), L.Tanh(), L.Dense(6, 1))
    model = UnrolledGAN(generator(), D, 3, Minimax(), steps=2, lr=1e30)
    p, x = model.init(rng), rng.normal(size=(6, 2)).astype(np.float32)
    _, backward = model.generator_loss(p, x, model.draw_noise(rng, x))
    with pytest.raises(NonFinite, match=r"lr=1e\+30 .*square of the generator's gradient 0\.W"):
        backward.dp()


def test_the_hessian_of_a_dense_layer_over_places_sums_over_them(rng):
    """Dense layers on (N, T, C): every place of every example has its share."""
    D = L.Sequential(L.Dense(2, 3), L.Tanh(), L.Dense(3, 2), L.Softplus(), L.Flatten())
    p, x = jittered(rng, D.init(rng, np.float64)), rng.normal(size=(5, 4, 2))
    dy, way = rng.normal(size=(5, 8)), tree.map(lambda w: rng.normal(size=w.shape), p)
    here, h = trace(D, p, x), 1e-5
    v, back = here.along(way)
    rdp, rdx = back(here.pull(dy)[2], np.zeros_like(v))

    def at(t):
        y, backward = D.forward(tree.map(lambda w, b: w + t * b, p, way), x)
        return (y, *backward(dy))

    numeric = tree.map(lambda a, b: (a - b) / (2 * h), at(h), at(-h))
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)  # noqa: E731
    tree.map(close, (v, rdp, rdx), numeric)


# Layers that take several examples


def test_packs_in_branches_beside_each_other_are_packs_of_one_size(rng):
    """A number t a pack of two, that of its first example: in the second pack and the third."""

    def branch():
        return L.Sequential(L.Pack(2), L.Dense(6, 4), L.Tanh())

    critic = L.Sequential(L.Fork(old=branch(), new=branch()), L.FadeIn(0.3), L.Dense(4, 1))
    p, penalty = jittered(rng, critic.init(rng, np.float64)), GradientPenalty(10.0)
    real, fake = rng.normal(size=(2, 6, 3))
    t = penalty.draw_noise(rng, real)

    def value(t):
        return penalty.value(critic, p, real, fake, t)[0]

    for i in range(6):
        moved = t + 0.3 * (np.arange(6) == i)
        assert (value(moved) == value(t)) == (i % 2 == 1)


@pytest.mark.parametrize("first, width", [(L.Pack(2), 14), (L.MinibatchStd(), 8)])
def test_masks_are_drawn_beside_layers_that_take_several_examples(rng, first, width):
    D = L.Sequential(first, L.Dense(width, 5), L.Dropout(0.5), L.Dense(5, 1))
    model = GAN(L.Dense(3, 7), D, 3)
    p, x = model.init(rng, np.float64), rng.random((6, 7))
    noise = model.draw_noise(rng, x)
    assert noise["real"]["2"].shape == (3 if width == 14 else 6, 5)
    assert np.isfinite(model.discriminator_loss(p, x, noise)[0])
