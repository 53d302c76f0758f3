"""Layers on pairs (x, tangent): v is the derivative along u, and unknown layers are refused."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.tangent import POINTS
from tinygen.diagnosis import Found, Probe, probed
from tinygen.layers.base import Layer
from tinygen.pullback import Pullback, no_params
from tinygen.tangent import RULES, linearise, rule, tangent
from tinygen.tangent.elementwise import elementwise

REFUSED = {
    *("Cholesky", "DiagonalBiLSTM", "Embedding", "GatedBlock", "LSTM", "RowLSTM", "StatefulLSTM"),
}


def forward(layer, p, x, extra):
    return layer.forward(p, x, *(() if extra is None else (extra,)))[0]


@pytest.mark.parametrize("name", POINTS)
def test_the_tangent_is_the_derivative_of_the_layer_along_u(name, rng):
    layer, p, x, extra = POINTS[name](rng)
    u = tree.map(lambda a: rng.normal(size=a.shape), x)
    (y, v), _ = tangent(layer, p, x, u, extra)
    h = 1e-6
    up, down = (forward(layer, p, tree.add(x, tree.scale(u, step)), extra) for step in (h, -h))
    for (leaf, a), (_, b), (_, c) in zip(*map(tree.leaves, (v, up, down)), strict=True):
        np.testing.assert_allclose(a, (b - c) / (2 * h), rtol=1e-7, atol=1e-8, err_msg=leaf)
    for (leaf, a), (_, b) in zip(*map(tree.leaves, (y, forward(layer, p, x, extra))), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=leaf)


@pytest.mark.parametrize("name", POINTS)
def test_an_absent_gradient_of_y_is_one_of_zeros(name, rng):
    layer, p, x, extra = POINTS[name](rng)
    u = tree.map(lambda a: rng.normal(size=a.shape), x)
    (y, v), backward = tangent(layer, p, x, u, extra)
    dv = tree.map(lambda a: rng.normal(size=a.shape), v)
    dp, (dx, du) = backward((tree.map(np.zeros_like, y), dv))
    absent_dp, (absent_dx, absent_du) = backward((None, dv))
    pairs = [(dp, absent_dp), (du, absent_du)] + ([] if absent_dx is None else [(dx, absent_dx)])
    for a, b in pairs:
        tree.map(lambda a, b: np.testing.assert_allclose(b, a, rtol=0, atol=1e-14), a, b)
    if absent_dx is None:
        assert all((a == 0).all() for _, a in tree.leaves(dx))
    tree.map(np.testing.assert_array_equal, backward.dp((None, dv)), absent_dp)


def test_every_layer_has_a_rule_with_a_case_or_is_known_to_be_refused():
    layers = {
        name
        for name in L.__all__
        if isinstance(getattr(L, name), type) and issubclass(getattr(L, name), Layer)
    } - {"Layer"}
    ruled = {kind.__name__ for kind in RULES if kind is not Probe}
    assert ruled | REFUSED == layers
    assert not ruled & REFUSED
    rng = np.random.default_rng(0)
    covered = {type(make(rng)[0]).__name__ for make in POINTS.values()}
    assert covered == ruled


def test_linearise_gives_what_forward_gives(rng):
    for make in POINTS.values():
        layer, p, x, extra = make(rng)
        extras = () if extra is None else (extra,)
        at, (y, backward) = linearise(layer, p, x, *extras), layer.forward(p, x, *extras)
        dy = tree.map(lambda a: rng.normal(size=a.shape), y)
        tree.map(np.testing.assert_array_equal, at.y, y)
        tree.map(np.testing.assert_array_equal, at.backward(dy), backward(dy))


# What is refused


def test_a_layer_without_a_rule_is_refused_by_name_and_place():
    net = L.Sequential(L.Dense(3, 4), L.Sequential(inner=L.Cholesky(2)))
    with pytest.raises(
        NotImplementedError, match=r"Cholesky has no rule .* tinygen.tangent.rule"
    ) as e:
        tangent(net, net.init(np.random.default_rng(0)), *np.zeros((2, 1, 3), np.float32))
    assert e.value.__notes__ == [
        "in layer 'inner' (Cholesky) of Sequential",
        "in layer '1' (Sequential) of Sequential",
    ]


def test_batch_norm_says_why_it_is_refused_and_what_to_take():
    net = L.Sequential(L.Dense(3, 4), L.BatchNorm(4))
    p = net.init(np.random.default_rng(0))
    with pytest.raises(NotImplementedError, match=r"depends on the other examples.*use LayerNorm"):
        tangent(net, p, *np.ones((2, 5, 3), np.float32))


class Doubled(L.Tanh):
    """A subclass whose map is another one."""

    def forward(self, p, x):
        y, backward = super().forward(p, x)
        return 2 * y, Pullback(no_params, lambda dy: 2 * backward.dx(dy), y)


def test_a_subclass_does_not_inherit_a_rule():
    with pytest.raises(NotImplementedError, match="Doubled has no rule"):
        tangent(Doubled(), {}, *np.ones((2, 5, 3), np.float32))


def test_a_rule_of_ones_own_is_one_function(rng):
    class Square(Layer):
        def forward(self, p, x):
            return x * x, Pullback(no_params, lambda dy: 2 * x * dy, x)

    @rule(Square)
    def square(layer, p, x):
        return elementwise(*layer.forward(p, x), bend=lambda w: 2 * w)

    try:
        x, u, dv = rng.normal(size=(3, 4))
        (_, v), backward = tangent(Square(), {}, x, u)
        np.testing.assert_allclose(v, 2 * x * u)
        np.testing.assert_allclose(backward.dx((None, dv))[0], 2 * u * dv)
    finally:
        del RULES[Square]


@pytest.mark.parametrize(
    "u, error, says",
    [
        (np.ones((2, 4)), ValueError, r"x has shape \(2, 3\), its tangent u \(2, 4\)"),
        (np.ones((2, 3), np.float32), TypeError, "x is float64, its tangent u is float32"),
        ([[1.0]], TypeError, "expected arrays x and u, got list"),
    ],
)
def test_a_tangent_that_is_not_like_x_is_refused(u, error, says):
    with pytest.raises(error, match=says):
        tangent(L.Tanh(), {}, np.ones((2, 3)), u)


def test_a_gradient_of_one_part_alone_is_refused():
    _, backward = tangent(L.Tanh(), {}, *np.ones((2, 2, 3)))
    with pytest.raises(TypeError, match=r"expected \(dy, dv\), got ndarray"):
        backward(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"dy has shape \(2, 4\), the output has \(2, 3\)"):
        backward((None, np.ones((2, 4))))


def test_a_loss_of_a_gradient_that_is_not_finite_is_looked_into_layer_by_layer(rng):
    """The probes that find the first layer with a NaN have the rule of what is within."""
    net = L.Sequential(L.Dense(3, 4), L.Tanh(), head=L.Dense(4, 1))
    p, x, u = net.init(rng), *rng.normal(size=(2, 5, 3)).astype(np.float32)
    found, expected = (tangent(f, p, x, u)[0] for f in (probed(net, "D"), net))
    tree.map(np.testing.assert_array_equal, found, expected)
    p["head"]["W"] = np.full((4, 1), 1e38, np.float32)
    p["head"]["b"] = np.full(1, 3e38, np.float32)
    with np.errstate(over="ignore"), pytest.raises(Found, match=r"layer D\.head \(Dense\)"):
        tangent(probed(net, "D"), p, np.full_like(x, 9), u)
