"""Coloured digits have the entropy that is stated; moving ones stay in the frame, ink and all."""

import numpy as np
import pytest

from tinygen.data import digits
from tinygen.data.coloured_digits import (
    BY_CLASS,
    INDEPENDENT,
    PALETTE,
    colour,
    colour_nll,
    coloured_digits,
    conditional_entropy,
    grey_of,
)
from tinygen.data.moving_digits import bounce, moving_digits

GREY, LABELS = digits("test")


def test_a_coloured_digit_is_its_grey_image_times_its_colour(rng):
    part = colour(rng, GREY, LABELS, BY_CLASS)
    assert part.x.shape == (256, 8, 8, 3) and part.x.dtype == np.float32
    assert np.array_equal(grey_of(part.x), GREY)
    k = part.factors["colour"]
    for i in range(256):
        np.testing.assert_array_equal(part.x[i], GREY[i] * PALETTE[k[i]])
    assert np.array_equal(part.labels, LABELS)
    assert np.array_equal(np.rint(part.x * 16), part.x * 16)  # the 17 levels of the digits


def test_colours_are_drawn_from_the_table_of_their_class(rng):
    part = coloured_digits(rng, 60_000)
    for c in range(10):
        k = part.factors["colour"][part.labels == c]
        error = np.sqrt(BY_CLASS[c] * (1 - BY_CLASS[c]) / len(k))
        assert np.all(abs(np.bincount(k, minlength=6) / len(k) - BY_CLASS[c]) <= 4.5 * error)


def test_a_drawn_digit_keeps_its_label(rng):
    part = coloured_digits(rng, 50)
    everything, labels = digits()
    for x, label in zip(part.x, part.labels, strict=True):
        same = (everything == grey_of(x)).all(axis=(1, 2, 3))
        assert same.any() and set(labels[same]) == {label}


def test_a_colour_of_probability_zero_is_never_drawn(rng):
    p = np.array([0, 0.5, 0, 0.5, 0, 0])
    k = colour(rng, GREY, p=p).factors["colour"]
    assert set(k) == {1, 3}


def test_the_conditional_entropy_is_the_closed_form():
    assert conditional_entropy(INDEPENDENT) == pytest.approx(np.log(6))
    assert conditional_entropy(BY_CLASS) == pytest.approx(np.log(2) / 2 + np.log(10) / 2)
    assert conditional_entropy(np.eye(6)) == 0  # the class says the colour
    p = np.array([[0.5, 0.5, 0], [1, 0, 0]])
    assert conditional_entropy(p) == pytest.approx(np.log(2) / 2)
    assert conditional_entropy(p, np.array([0, 0, 0, 1])) == pytest.approx(np.log(2) * 3 / 4)


def test_the_true_model_pays_the_entropy_in_the_mean(rng):
    p = np.array([[0.7, 0.2, 0.1, 0, 0, 0]] * 5 + [[0.25, 0.25, 0.25, 0.25, 0, 0]] * 5)
    part = coloured_digits(rng, 40_000, p=p)
    nll = colour_nll(part, p)
    error = nll.std() / np.sqrt(len(nll))
    assert abs(nll.mean() - conditional_entropy(p, part.labels)) <= 4 * error
    wrong = colour_nll(part, np.full((10, 6), 1 / 6)).mean()
    assert wrong == pytest.approx(np.log(6)) and wrong > nll.mean() + 0.4


def test_a_colour_that_p_rules_out_costs_infinity(rng):
    part = coloured_digits(rng, 5, p=np.eye(6)[0])
    assert np.all(colour_nll(part, np.eye(6)[0]) == 0)
    assert np.all(colour_nll(part, np.eye(6)[1]) == np.inf)


def test_fewer_levels_are_whole_numbers_of_them(rng):
    palette = np.array([[1, 0.5, 0], [0, 0.5, 1]], np.float32)
    part = colour(rng, GREY, p=np.array([0.5, 0.5]), palette=palette, levels=4)
    assert np.array_equal(np.unique(np.rint(part.x * 3)), [0, 1, 2, 3])
    np.testing.assert_allclose(np.rint(part.x * 3) / 3, part.x, atol=1e-7)
    np.testing.assert_allclose(grey_of(part.x), np.rint(GREY * 3) / 3, atol=1e-7)


@pytest.mark.parametrize("make", [coloured_digits, moving_digits])
def test_the_same_state_gives_the_same_bits(make):
    first, second, other = (make(np.random.default_rng(s), 8) for s in (1, 1, 2))
    assert first.x.tobytes() == second.x.tobytes() != other.x.tobytes()
    assert np.array_equal(first.labels, second.labels) and first.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grey": GREY[..., 0]}, r"grey must be of shape \(N, H, W, 1\), got \(256, 8, 8\)"),
        ({"grey": GREY[:0]}, r"grey must be of shape"),
        ({"grey": GREY * 16}, r"grey must lie in \[0, 1\]"),
        ({"p": np.full(6, 0.2)}, "probabilities that sum to 1"),
        ({"p": np.array([1.5, -0.5, 0, 0, 0, 0])}, "probabilities that sum to 1"),
        ({"p": BY_CLASS}, "needs the labels of all 256 images"),
        ({"p": BY_CLASS, "labels": LABELS[:5]}, "needs the labels of all 256 images"),
        ({"p": BY_CLASS, "labels": LABELS + 1}, r"labels must lie in \[0, 9\], got 10"),
        ({"p": np.full(4, 0.25)}, r"palette must be \(4, 3\)"),
        ({"palette": PALETTE / 2}, "with 1 as its largest"),
        ({"palette": PALETTE[[0, 1, 2, 3, 4, 1]]}, "colours 1 and 5 look the same in image 0"),
        ({"grey": GREY * (np.arange(256) != 7)[:, None, None, None]}, "same in image 7"),
        ({"levels": 1}, "levels must be a whole number >= 2"),
    ],
)
def test_colouring_refuses_what_has_no_known_entropy(rng, changes, message):
    with pytest.raises(ValueError, match=f"colour: .*{message}"):
        colour(rng, **{"grey": GREY} | changes)


def test_entropy_refuses_what_is_no_distribution():
    with pytest.raises(ValueError, match="probabilities that sum to 1"):
        conditional_entropy(np.ones(3))
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 9\]"):
        conditional_entropy(BY_CLASS, np.array([10]))


def test_a_split_or_count_that_does_not_exist_is_refused(rng):
    for make in (coloured_digits, moving_digits):
        with pytest.raises(ValueError, match=f"{make.__name__}: n must be a whole number >= 1"):
            make(rng, 0)
        with pytest.raises(ValueError, match="unknown split 'dev'"):
            make(rng, 2, split="dev")


def paths(part, steps, size):
    """The corners (N, T) of the digits."""
    f, room = part.factors, size - 8
    rows = bounce(f["row"], f["row_velocity"], steps, room)
    return rows, bounce(f["column"], f["column_velocity"], steps, room)


def test_a_bouncing_digit_stays_in_the_frame_with_all_its_ink(rng):
    part = moving_digits(rng, 40, steps=30, size=13, speed=(3, 6))
    assert part.x.shape == (40, 30, 13, 13, 1) and part.x.dtype == np.float32
    for corner in paths(part, 30, 13):
        assert corner.min() >= 0 and corner.max() <= 5
    ink = part.x.sum(axis=(2, 3, 4))
    np.testing.assert_allclose(ink, np.broadcast_to(ink[:, :1], ink.shape), rtol=1e-5)
    assert part.x.min() >= 0 and part.x.max() <= 1


def test_the_centre_of_mass_follows_the_path(rng):
    part = moving_digits(rng, 20, steps=25, size=17)
    x = part.x[..., 0].astype(float)
    place, ink = np.arange(17), x.sum(axis=(2, 3))
    found = (x.sum(axis=3) @ place / ink, x.sum(axis=2) @ place / ink)
    for centre, corner in zip(found, paths(part, 25, 17), strict=True):
        own = centre - corner  # where the digit's mass lies within its 8x8 pixels
        np.testing.assert_allclose(own, np.broadcast_to(own[:, :1], own.shape), atol=1e-4)
        assert own.min() > 1 and own.max() < 6


def test_a_digit_at_a_whole_pixel_is_the_digit(rng):
    part = moving_digits(rng, 60, steps=1, size=9, speed=(0, 0))
    rows, columns = (np.rint(part.factors[name]).astype(int) for name in ("row", "column"))
    near = np.hypot(part.factors["row"] - rows, part.factors["column"] - columns).argmin()
    r, c = rows[near], columns[near]
    window = part.x[near, 0, r : r + 8, c : c + 8, 0]
    everything, labels = digits()
    distance = abs(everything[..., 0] - window).max(axis=(1, 2))
    assert distance.min() < 0.3 and labels[distance.argmin()] == part.labels[near]


def test_bouncing_is_the_walk_of_a_ball_between_walls():
    """Against a ball that is moved step by step and turned round at each wall."""
    start, velocity, room = np.array([2.0, 4.9, 0.0]), np.array([0.7, 1.3, -2.1]), 5.0
    path = bounce(start, velocity, 60, room)
    for x, v, found in zip(start, velocity, path, strict=True):
        for t in range(60):
            assert found[t] == pytest.approx(x, abs=1e-9)
            x += v
            while not 0 <= x <= room:
                x, v = (-x if x < 0 else 2 * room - x), -v


def test_speed_is_constant_and_within_its_range(rng):
    f = moving_digits(rng, 2000, steps=1, speed=(1, 1.5)).factors
    speed = np.hypot(f["row_velocity"], f["column_velocity"])
    assert speed.min() >= 1 - 1e-12 and speed.max() <= 1.5 + 1e-12
    assert abs(speed.mean() - 1.25) <= 4.5 * 0.5 / np.sqrt(12 * 2000)
    direction = np.array([f["row_velocity"], f["column_velocity"]]) / speed
    assert abs(direction.mean(axis=1)).max() <= 4.5 / np.sqrt(2 * 2000)
    for corner in (f["row"], f["column"]):  # ~ U(0, 12)
        assert corner.min() >= 0 and corner.max() <= 12
        assert abs(corner.mean() - 6) <= 4.5 * 12 / np.sqrt(12 * 2000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number >= 1, got 0"),
        ({"size": 8}, "size must be a whole number >= 9, got 8"),
        ({"speed": (-1, 1)}, "speed must lie in"),
        ({"speed": (2, 1)}, r"speed must be \(least, largest\), got \(2, 1\)"),
    ],
)
def test_moving_digits_refuses_what_can_not_move(rng, changes, message):
    with pytest.raises(ValueError, match=f"moving_digits: {message}"):
        moving_digits(rng, 2, **changes)
