"""Sprites are what their factors say: shape, area, place, turn, and dSprites' order of indices."""

import numpy as np
import pytest

from tinygen.data.sprites import (
    COUNTS,
    POSITIONS,
    RADIUS,
    REACH,
    ROTATIONS,
    SCALES,
    SMALLEST,
    TOTAL,
    draw_sprites,
    factors_of,
    indices_of,
    random_sprites,
    sprites,
)

SIZE = 32


@pytest.fixture(scope="module")
def some():
    return sprites({"rotation": range(0, 40, 3), "x": [0, 13, 31], "y": [0, 22, 31]}, SIZE)


def test_indices_run_in_the_order_of_dsprites():
    bases = {"shape": 245_760, "scale": 40_960, "rotation": 1024, "x": 32, "y": 1}
    values = {"shape": 2, "scale": 5, "rotation": 39, "x": 31, "y": 30}
    index = sum(bases[name] * value for name, value in values.items())
    assert index == TOTAL - 2
    assert {name: v[0] for name, v in factors_of(np.array([index])).items()} == values
    assert list(COUNTS) == list(bases)


def test_a_dict_asks_for_every_combination_in_order():
    part = sprites({"shape": [2, 0], "scale": [5], "rotation": [7], "x": range(0, 32, 31)}, SIZE)
    assert part.x.shape == (2 * 1 * 1 * 2 * 32, SIZE, SIZE, 1) and part.x.dtype == np.float32
    assert list(part.labels[[0, 63, 64]]) == [2, 2, 0]
    assert np.array_equal(part.factors["y"], np.tile(np.arange(32), 4))
    assert np.array_equal(part.factors["x"], np.tile(np.repeat([0, 31], 32), 2))
    assert np.array_equal(indices_of({}), np.arange(TOTAL))


def test_a_subset_has_the_pixels_of_the_whole():
    whole = sprites({"shape": [1], "scale": [3], "rotation": [11], "x": range(10)}, SIZE)
    rows = [0, 200, 317]
    indices = 245_760 + 3 * 40_960 + 11 * 1024 + np.array(rows)
    assert np.array_equal(sprites(indices, SIZE).x, whole.x[rows])


def areas(factors, size):
    r = RADIUS * size * SCALES[factors["scale"]]
    return np.choose(factors["shape"], [2 * r**2, np.pi * r**2 / 2, (4 + np.pi) * (r / REACH) ** 2])


@pytest.mark.parametrize(("size", "tolerance"), [(32, 0.04), (64, 0.017), (SMALLEST, 0.13)])
def test_the_area_is_the_closed_form_wherever_the_shape_stands(size, tolerance):
    part = sprites({"rotation": range(0, 40, 3), "x": [0, 13, 31], "y": [0, 22, 31]}, size)
    ratio = part.x.sum(axis=(1, 2, 3)) / areas(part.factors, size)
    assert abs(ratio - 1).max() <= tolerance  # nowhere cut by the border either


def test_the_area_grows_with_the_square_of_the_scale():
    for shape in range(3):
        x = draw_sprites([shape], [0.3, 0.6, 0.9], 0.4, 0.5, 0.5, size=256)
        area = x.sum(axis=(1, 2, 3))
        np.testing.assert_allclose(area / area[0], [1, 4, 9], rtol=2e-3)


def test_the_centre_of_mass_stands_at_x_and_y(some):
    pixel = np.arange(SIZE) + 0.5
    mass = some.x.sum(axis=(1, 2, 3))
    columns, rows = some.x.sum(axis=(1, 3)) @ pixel / mass, some.x.sum(axis=(2, 3)) @ pixel / mass
    for found, name in ((columns, "x"), (rows, "y")):
        expected = SIZE * (0.25 + POSITIONS[some.factors[name]] / 2)
        assert abs(found - expected).max() <= 0.1, name  # pixels


def test_a_turn_by_360_degrees_is_the_identity(rng):
    shape, angle = np.array([0, 1, 2]), rng.uniform(0, 2 * np.pi, 3)
    first = draw_sprites(shape, 0.8, angle, 0.3, 0.7, SIZE)
    for turned in (angle + 2 * np.pi, angle - 4 * np.pi):
        np.testing.assert_allclose(
            draw_sprites(shape, 0.8, turned, 0.3, 0.7, SIZE), first, atol=3e-6
        )


def test_shapes_have_their_symmetries_and_no_others():
    """A square looks the same after 90 degrees, an ellipse after 180, a heart after 360."""
    for shape, same in enumerate(({10, 20, 30}, {20}, set())):
        first, *turned = draw_sprites([shape], 0.9, ROTATIONS[[0, 10, 20, 30]], 0.5, 0.5, SIZE)
        for k, x in zip((10, 20, 30), turned, strict=True):
            assert (abs(x - first).max() < 1e-4) == (k in same), (shape, k)


def test_a_quarter_turn_is_the_turned_picture_counter_clockwise():
    upright, turned = draw_sprites([2], 0.9, ROTATIONS[[0, 10]], 0.5, 0.5, SIZE)
    np.testing.assert_allclose(turned, np.rot90(upright), atol=1e-5)
    widths = (upright[..., 0] > 0.5).sum(axis=1)
    inked = widths[widths > 0]
    assert inked[-1] <= 2 < 6 <= inked[1]  # the tip is down, the lobes are up


def test_a_finer_grid_averages_to_the_coarse_picture(some):
    """Anti-aliasing: a pixel is the mean of the pixels it is made of."""
    rows = slice(None, None, 37)
    fine = draw_sprites(
        some.factors["shape"][rows],
        SCALES[some.factors["scale"][rows]],
        ROTATIONS[some.factors["rotation"][rows]],
        POSITIONS[some.factors["x"][rows]],
        POSITIONS[some.factors["y"][rows]],
        size=8 * SIZE,
    )
    coarse = fine.reshape(-1, SIZE, 8, SIZE, 8).mean(axis=(2, 4))
    error = abs(coarse - some.x[rows, ..., 0])
    assert error.max() <= 0.3 and error.mean() <= 2e-3  # the worst at corners
    assert some.x.min() == 0 and some.x.max() == 1


def test_neighbouring_positions_are_different_pictures():
    x = sprites({"shape": [0], "scale": [0], "rotation": [1]}, SMALLEST).x
    assert len(np.unique(x.reshape(len(x), -1), axis=0)) == 32 * 32


def test_a_pixel_at_the_very_centre_is_inside():
    x = draw_sprites([0, 1, 2], 0.5, 0, 0.5, 0.5, size=33)
    assert np.all(x[:, 16, 16] == 1)


def test_random_sprites_are_different_ones_and_of_one_state():
    first, second, other = (random_sprites(np.random.default_rng(s), 40, 16) for s in (1, 1, 2))
    assert first.x.tobytes() == second.x.tobytes() != other.x.tobytes()
    assert len(set(zip(*first.factors.values(), strict=True))) == 40
    assert set(first.labels) == {0, 1, 2}
    assert len(random_sprites(np.random.default_rng(1), 1, 16)) == 1


@pytest.mark.parametrize("bad", [-1, TOTAL])
def test_an_index_out_of_range_is_refused(bad):
    with pytest.raises(ValueError, match=rf"sprites: index must lie in \[0, 737279\], got {bad}"):
        sprites([0, bad], SIZE)


@pytest.mark.parametrize("bad", [[], [0.5], [[1]], ["a"]])
def test_what_is_no_list_of_indices_is_refused(bad):
    with pytest.raises(ValueError, match="sprites: expected a list of whole numbers"):
        sprites(bad, SIZE)


def test_unknown_factors_and_their_values_are_refused():
    with pytest.raises(ValueError, match="unknown factor 'rotaton', did you mean 'rotation'"):
        sprites({"rotaton": [0]}, SIZE)
    with pytest.raises(ValueError, match=r"sprites, scale: index must lie in \[0, 5\], got 6"):
        sprites({"scale": [6]}, SIZE)


@pytest.mark.parametrize("size", [15, 0, 32.0])
def test_a_size_too_small_is_refused(size):
    with pytest.raises(ValueError, match="size must be a whole number >= 16"):
        sprites([0], size)


@pytest.mark.parametrize(
    ("name", "bad"),
    [("scale", 0), ("scale", 1.01), ("x", -0.1), ("y", np.nan), ("y", 1.1), ("rotation", np.inf)],
)
def test_values_off_the_picture_are_refused(name, bad):
    factors = {"shape": [0], "scale": 1, "rotation": 0, "x": 0.5, "y": 0.5}
    with pytest.raises(ValueError, match=f"draw_sprites: {name} must lie in"):
        draw_sprites(**factors | {name: bad}, size=SIZE)


@pytest.mark.parametrize("n", [0, TOTAL + 1])
def test_random_sprites_refuses_counts_that_do_not_exist(rng, n):
    with pytest.raises(ValueError, match="random_sprites: n must"):
        random_sprites(rng, n)
