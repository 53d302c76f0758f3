"""Receptive fields: what a stack sees, its blind spot, and leaks, told from gradients or values."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.check import check_causal, dependencies, receptive_field
from tinygen.check.receptive_field import REGIONS, regions
from tinygen.plots import receptive_fields

LATER, FAR, BLIND, SEEN, LEAK = range(len(REGIONS))


def stack(depth, first="A", later="B"):
    layers = [L.MaskedConv2d(1, 2, 3, first)]
    for _ in range(depth - 1):
        layers += [L.Tanh(), L.MaskedConv2d(2, 2, 3, later)]
    return L.Sequential(*layers)


def point(layer, size=9, channels=1):
    rng = np.random.default_rng(0)
    return layer.init(rng, np.float64), rng.normal(size=(1, size, size, channels))


def test_the_blind_spot_of_masked_convolutions_is_a_cone_to_the_right():
    layer = stack(4)
    p, x = point(layer)
    found = regions(receptive_field(layer, p, x, (6, 4)), (6, 4))
    # r rows up, a 3 x 3 kernel has come r columns to the right at most
    for row, column in np.ndindex(9, 9):
        up, right = 6 - row, column - 4
        if 0 < up <= 4 and abs(right) <= 4:
            assert found[row, column] == (BLIND if right > up else SEEN), (row, column)
    assert (found == BLIND).sum() == 3 + 2 + 1


def test_a_receptive_field_is_a_row_of_all_dependencies():
    layer = L.Sequential(L.MaskedConv2d(3, 6, 3, "A", 3), L.Tanh(), L.MaskedConv2d(6, 3, 3, "B", 3))
    p, x = point(layer, 4, 3)
    sees = dependencies(layer, p, x, 3)
    for place in [(0, 0, 1), (2, 1, 0), (3, 3, 2)]:
        k = np.ravel_multi_index(place, (4, 4, 3))
        assert np.array_equal(receptive_field(layer, p, x, place, 3).reshape(-1), sees[k]), place


def test_integers_are_looked_at_by_their_values():
    layer = stack(3)
    p, x = point(layer, 5)

    def of_levels(p, x):
        return layer.forward(p, x / 25)

    levels = np.random.default_rng(1).permutation(25).reshape(1, 5, 5, 1)
    expected = receptive_field(layer, p, x, (3, 2))
    assert np.array_equal(receptive_field(of_levels, p, levels, (3, 2)), expected)


def test_a_leak_is_told_from_the_past():
    layer = stack(2, first="B")
    p, x = point(layer, 5)
    assert not check_causal(layer, p, x)
    sees = receptive_field(layer, p, x, (2, 2))
    found = regions(sees, (2, 2))
    assert [tuple(at) for at in np.argwhere(found == LEAK)] == [(2, 2)]
    assert not (regions(sees, (2, 2), strict=False) == LEAK).any()


def test_rows_have_receptive_fields_too():
    layer = L.MaskedDense(np.triu(np.ones((5, 5)), 2))  # sees inputs two before it and further
    rng = np.random.default_rng(0)
    p, x = layer.init(rng, np.float64), rng.normal(size=(2, 5))
    found = regions(receptive_field(layer, p, x, (3,)), (3,))
    assert found.tolist() == [SEEN, SEEN, BLIND, LATER, LATER]


@pytest.mark.parametrize("place", [(5, 0), (0, -1), (0,), (0, 0, 0), (0.0, 1)])
def test_a_place_outside_is_refused(place):
    layer = stack(1)
    p, x = point(layer, 5)
    with pytest.raises(ValueError, match=r"place must lie within \(5, 5\)"):
        receptive_field(layer, p, x, place)


def test_the_picture_has_a_panel_a_field_and_the_colours_of_what_occurs():
    layer = stack(2)
    p, x = point(layer, 6)
    sees = receptive_field(layer, p, x, (3, 2))
    figure = receptive_fields({"one": (sees, (3, 2)), "two": (sees, (3, 2))}, "a title")
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    words = {text.get_text() for text in figure.legends[0].get_texts()}
    assert words == {"later", "out of reach", "blind spot", "seen"}
    colours = figure.axes[0].images[0].get_array()
    assert not np.array_equal(colours[3, 0], colours[3, 3])  # what is seen, what is later


def test_the_picture_shows_each_group_of_inputs():
    layer = L.MaskedConv2d(3, 3, 3, "A", 3)
    p, x = point(layer, 4, 3)
    figure = receptive_fields({"colours": (receptive_field(layer, p, x, (2, 1, 1), 3), (2, 1, 1))})
    assert [axes.get_title() for axes in figure.axes] == [
        f"colours: inputs of group {g}" for g in range(3)
    ]
    assert [len(axes.lines) for axes in figure.axes] == [0, 1, 0]  # the ring is in its own group
