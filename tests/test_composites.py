"""Chains, residuals, forks and joins route inputs, extras, gradients; the summary counts them."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.layers.base import Layer
from tinygen.layers.compose import Composite
from tinygen.pullback import Pullback


class Scale(Layer):
    """y = extra x, and a note of which half of the pullback ran."""

    def __init__(self, notes=None):
        self.notes = [] if notes is None else notes

    def forward(self, p, x, extra=1.0):
        y = extra * x

        def dp(dy):
            self.notes.append("dp")
            return {}

        def dx(dy):
            self.notes.append("dx")
            return extra * dy

        return y, Pullback(dp, dx, y)


def test_a_chain_is_its_layers_one_after_the_other(rng):
    first, second = L.Dense(3, 4), L.Dense(4, 2)
    net = L.Sequential(first, L.Tanh(), head=second)
    p, x = net.init(rng, np.float64), rng.normal(size=(5, 3))
    assert list(p) == ["0", "head"], "layers without parameters have no entry"
    y, backward = net.forward(p, x)
    np.testing.assert_array_equal(y, np.tanh(x @ p["0"]["W"]) @ p["head"]["W"])
    dy = rng.normal(size=y.shape)
    h = np.tanh(x @ p["0"]["W"])
    dh = (dy @ p["head"]["W"].T) * (1 - h**2)
    dp, dx = backward(dy)
    np.testing.assert_allclose(dp["0"]["W"], x.T @ dh, atol=1e-14)
    np.testing.assert_allclose(dx, dh @ p["0"]["W"].T, atol=1e-14)


def test_an_empty_chain_is_the_identity(rng):
    x = rng.normal(size=(2, 3))
    y, backward = L.Sequential().forward({}, x)
    dp, dx = backward(x)
    assert dp == {}
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, x)


def test_the_input_gradient_of_what_stands_before_the_first_parameters_is_skipped(rng):
    before, after = [], []
    net = L.Sequential(Scale(before), L.Dense(3, 4), Scale(after), L.Dense(4, 2))
    _, backward = net.forward(net.init(rng, np.float64), rng.normal(size=(5, 3)))
    backward.dp(np.ones((5, 2)))
    assert before == []
    assert "dx" in after
    backward.dx(np.ones((5, 2)))
    assert "dx" in before


def test_the_parameter_half_is_skipped_where_only_dx_is_asked_for(rng):
    notes = []
    for net in (L.Residual(Scale(notes)), L.Fork(a=Scale(notes)), L.Sequential(Scale(notes))):
        y, backward = net.forward({}, rng.normal(size=(2, 3)))
        backward.dx(y)
    assert set(notes) == {"dx"}
    notes.clear()
    for net in (L.Residual(Scale(notes)), L.Fork(a=Scale(notes))):
        y, backward = net.forward({}, rng.normal(size=(2, 3)))
        backward.dp(y)
    assert set(notes) == {"dp"}


def test_extras_go_to_the_layers_that_they_name_at_any_depth(rng):
    net = L.Sequential(
        L.Dense(3, 3),
        scale=Scale(),
        inner=L.Residual(L.Sequential(L.Tanh(), Scale())),
        heads=L.Fork(a=Scale(), b=L.Tanh()),
    )
    p, x = net.init(rng, np.float64), rng.normal(size=(2, 3))
    extras = {"scale": 2.0, "inner": {"f": {"1": 3.0}}, "heads": {"a": 5.0}}
    y, _ = net.forward(p, x, extras)
    h = 2 * (x @ p["0"]["W"])
    h = h + 3 * np.tanh(h)
    np.testing.assert_allclose(y["a"], 5 * h, rtol=1e-14)
    np.testing.assert_allclose(y["b"], np.tanh(h), rtol=1e-14)


@pytest.mark.parametrize(
    "net", [L.Sequential(a=L.Tanh()), L.Residual(L.Tanh()), L.Fork(a=L.Tanh())], ids=str
)
def test_extras_and_parameters_of_layers_that_are_not_there_are_refused(net):
    x = np.ones((2, 3))
    kind = type(net).__name__
    with pytest.raises(ValueError, match=rf"{kind}: extras for \['c'\], but the layers are \['."):
        net.forward({}, x, {"c": 1.0})
    with pytest.raises(ValueError, match=rf"{kind}: parameters for \['c'\], but the layers are"):
        net.forward({"c": {}}, x)


def test_an_error_inside_a_chain_names_the_layer_on_the_way(rng):
    net = L.Sequential(L.Tanh(), block=L.Sequential(L.Dense(4, 2)))
    with pytest.raises(ValueError, match="Dense: expected x of shape") as caught:
        net.forward(net.init(rng), np.ones((2, 3), np.float32))
    assert caught.value.__notes__ == [
        "in layer '0' (Dense) of Sequential",
        "in layer 'block' (Sequential) of Sequential",
    ]


def test_what_is_no_layer_is_refused_at_construction():
    with pytest.raises(TypeError, match="Sequential: layer '0' is of type list, not a layer"):
        L.Sequential([L.Tanh(), L.Tanh()])
    with pytest.raises(ValueError, match=r"Sequential: two layers named \['0'\]"):
        L.Sequential(L.Tanh(), **{"0": L.Relu()})
    with pytest.raises(TypeError, match="Residual: layer 'f' is of type int"):
        L.Residual(3)
    with pytest.raises(ValueError, match="Fork: expected named layers, got none"):
        L.Fork()


def test_a_residual_adds_the_way_round(rng):
    net = L.Residual(L.Dense(3, 3))
    p, x = net.init(rng, np.float64), rng.normal(size=(2, 3))
    assert list(p) == ["f"]
    y, backward = net.forward(p, x)
    W = p["f"]["W"]
    np.testing.assert_array_equal(y, x + x @ W)
    np.testing.assert_allclose(backward.dx(y), y + y @ W.T, rtol=1e-13)


def test_a_residual_refuses_a_layer_that_changes_the_shape(rng):
    net = L.Residual(L.Dense(3, 2))
    with pytest.raises(
        ValueError, match=r"Residual: .* x of shape \(5, 3\) and f\(x\) of \(5, 2\)"
    ):
        net.forward(net.init(rng), np.ones((5, 3), np.float32))
    with pytest.raises(ValueError, match=r"Residual: .* and f\(x\) of dict"):
        L.Residual(L.Fork(a=L.Tanh())).forward({}, np.ones((5, 3)))


def test_a_fork_adds_the_gradients_of_its_branches(rng):
    net = L.Fork(a=L.Dense(3, 4), b=L.Dense(3, 2), c=L.Tanh())
    p, x = net.init(rng, np.float64), rng.normal(size=(5, 3))
    y, backward = net.forward(p, x)
    assert {name: part.shape for name, part in y.items()} == {"a": (5, 4), "b": (5, 2), "c": (5, 3)}
    dx = y["a"] @ p["a"]["W"].T + y["b"] @ p["b"]["W"].T + y["c"] * (1 - np.tanh(x) ** 2)
    np.testing.assert_allclose(backward.dx(y), dx, rtol=1e-12)
    with pytest.raises(ValueError, match="trees differ"):
        backward({"a": y["a"]})


def test_a_join_undoes_a_split(rng):
    x = {"b": rng.normal(size=(2, 3, 4)), "a": (rng.normal(size=(2, 3, 1)), np.ones((2, 3, 2)))}
    y, backward = L.Concat().forward({}, x)
    np.testing.assert_array_equal(y, np.concatenate([x["b"], *x["a"]], axis=-1))
    dx = backward.dx(y)
    assert list(dx) == ["b", "a"]
    tree.map(np.testing.assert_array_equal, dx, x)


def test_composites_can_be_rebuilt_over_other_children():
    for net in (L.Sequential(L.Tanh(), a=L.Relu()), L.Residual(L.Tanh()), L.Fork(a=L.Tanh())):
        other = net.with_layers({name: L.Softplus() for name in net.layers})
        assert type(other) is type(net)
        assert list(other.layers) == list(net.layers)
        assert all(layer == L.Softplus() for layer in other.layers.values())
        assert net.layers != other.layers


# The summary.

NET = L.Sequential(
    L.Flatten(),
    L.Dense(12, 5),
    L.Tanh(),
    heads=L.Fork(
        mean=L.Dense(5, 2), log_var=L.Sequential(L.Dense(5, 3, bias=False), L.Dense(3, 2))
    ),
)


def test_a_summary_counts_parameters_and_multiply_adds():
    table = L.summary(NET, (7, 4, 3))
    assert table.parameters == tree.count(NET.init(np.random.default_rng(0))) == 65 + 12 + 15 + 8
    assert table.multiply_adds == 7 * (12 * 5 + 5 * 2 + 5 * 3 + 3 * 2)
    rows = {".".join(row.path): row for row in table.rows}
    assert list(rows) == [
        *("", "0", "1", "2", "heads", "heads.mean"),
        *("heads.log_var", "heads.log_var.0", "heads.log_var.1"),
    ]
    assert rows["1"].parameters == 65
    assert rows["heads.log_var.0"].multiply_adds == 7 * 15


def test_a_summary_is_printed_as_an_indented_table(capsys):
    table = L.summary(NET, (7, 4, 3))
    lines = capsys.readouterr().out.splitlines()
    assert lines == str(table).splitlines()
    assert repr(table) == "Summary(100 parameters, 637 multiply-adds)"
    assert lines[0].split() == ["layer", "output", "shape", "parameters", "multiply-adds"]
    assert lines[2].split() == [
        "Sequential",
        "{mean",
        "(7,",
        "2),",
        "log_var",
        "(7,",
        "2)}",
        "-",
        "-",
    ]
    assert lines[4].startswith("  1: Dense")
    assert lines[4].split()[2:] == ["(7,", "5)", "65", "420"]
    assert lines[-3].startswith("      1: Dense")
    assert lines[-1].split() == ["total", "100", "637"]
    assert len({len(line) for line in lines}) == 1, "columns are aligned"


def test_a_summary_takes_the_shape_of_one_example_where_the_net_needs_a_batch():
    assert L.summary(L.Sequential(L.Dense(4, 2)), (4,)).rows[0].shape.sizes == (1, 2)
    assert L.summary(L.MaxPool2d(2), (6, 4, 3)).rows[0].shape.sizes == (1, 3, 2, 3)


def test_a_summary_of_a_shape_that_fits_neither_way_is_the_error_of_the_layer():
    with pytest.raises(ValueError, match=r"Dense: expected x of shape \(\.\.\., 4\), got \(2, 5\)"):
        L.summary(L.Sequential(L.Dense(4, 2)), (2, 5))


def test_a_summary_takes_labels_several_inputs_and_extras():
    labels = L.Sequential(L.Embedding(6, 3), L.Dense(3, 2))
    assert L.summary(labels, (5,), dtype=np.int64).parameters == 18 + 8
    join = L.Sequential(L.Concat(), L.Dense(5, 2))
    assert L.summary(join, ((4, 3), (4, 2))).multiply_adds == 40
    assert L.summary(join, {"a": (4, 3), "b": (4, 2)}).multiply_adds == 40
    drop = L.Sequential(L.Dropout(0.5), L.Dense(3, 2))
    mask = L.Dropout(0.5).draw_mask(np.random.default_rng(0), (4, 3))
    assert L.summary(drop, (4, 3), extras={"0": mask}).multiply_adds == 24


def test_a_summary_leaves_the_net_as_it_was():
    before = repr(NET)
    L.summary(NET, (7, 4, 3))
    assert repr(NET) == before
    assert isinstance(NET, Composite)
