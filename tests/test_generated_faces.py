"""Drawn faces show the factors they were drawn from, and two eyes, whatever the factors are."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from tinygen.data.drawn_faces import FACTORS, LINE, SMALLEST, count_eyes, draw_faces, drawn_faces

SIZE = 64
STEPS = np.linspace(-1, 1, 5)


def centre(image, mask):
    """The centre of mass (x, y) of what a mask leaves of a picture, in sides from the middle."""
    ink = image[..., 0] * mask
    place = (np.arange(len(image)) + 0.5) / len(image) - 0.5
    return ink.sum(axis=0) @ place / ink.sum(), ink.sum(axis=1) @ place / ink.sum()


def pupils(image):
    """The centres (x, y) of the eyes of a picture, from left to right."""
    marks, n = ndimage.label(image[..., 0] > 0.875, np.ones((3, 3)))
    return sorted(centre(image, marks == k + 1) for k in range(n))


@pytest.mark.parametrize("size", [SMALLEST, 25, 32, 33])
def test_there_are_two_eyes_at_every_end_of_the_factors(size):
    corners = np.array(list(itertools.product([-1, 0, 1], repeat=len(FACTORS)))).T
    x = draw_faces(dict(zip(FACTORS, corners, strict=True)), size)
    assert x.shape == (3**6, size, size, 1)
    assert np.all(count_eyes(x) == 2)


@pytest.mark.parametrize(("size", "n"), [(SMALLEST, 2000), (32, 2000), (64, 200)])
def test_random_faces_have_two_eyes_by_another_count(rng, size, n):
    x = drawn_faces(rng, n, size).x
    for image in x[..., 0] > (1 + LINE) / 2:
        assert ndimage.label(image, np.ones((3, 3)))[1] == 2


def test_eyes_are_counted_as_connected_components(rng):
    masks = np.stack([rng.random((17, 13)) < share for share in np.linspace(0, 1, 60)])
    expected = [ndimage.label(mask, np.ones((3, 3)))[1] for mask in masks]
    assert np.array_equal(count_eyes(masks.astype(np.float32)), expected)
    assert len(set(expected)) > 15 and expected[0] == 0 and expected[-1] == 1


def test_a_lost_or_a_third_eye_is_counted():
    x = draw_faces({"gaze": [0, 0]}, 32)
    x[0, :, :16], x[1, 2:4, 2:4] = 0, 1
    assert list(count_eyes(x)) == [1, 3]


def test_pictures_are_ink_and_only_pupils_are_darker_than_lines(rng):
    x = drawn_faces(rng, 200, SIZE).x
    assert x.dtype == np.float32 and x.min() == 0 and x.max() <= 1
    place = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    dark = x[..., 0] > LINE + 1e-6
    assert abs(place[dark.any(axis=(0, 2))] + 0.05).max() <= 0.045 + 1 / SIZE  # rows of the eyes


def test_nothing_is_drawn_outside_the_head(rng):
    part = drawn_faces(rng, 300, SIZE)
    place = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    R = 0.33 + 0.04 * part.factors["width"][:, None, None]
    edge = 0.5 / SIZE  # half a pixel of anti-aliasing
    hair = (place / (R + 0.04 + edge)) ** 2 + ((place[:, None] + 0.04) / (0.43 + edge)) ** 2
    skin = (place / (R + edge)) ** 2 + ((place[:, None] - 0.05) / (0.40 + edge)) ** 2
    outside = np.minimum(hair, skin) > 1.05
    assert outside.any() and part.x[..., 0][outside].max() == 0


def test_the_head_turns_as_a_cylinder_does():
    for turn, image in zip(STEPS, draw_faces({"turn": STEPS}, SIZE), strict=True):
        expected = [0.33 * np.sin(side * 0.42 + 0.35 * turn) for side in (-1, 1)]
        np.testing.assert_allclose([x for x, _ in pupils(image)], expected, atol=0.15 / SIZE)


def test_nose_and_mouth_turn_with_the_head():
    images = draw_faces({"turn": STEPS}, SIZE)
    place = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    x, y = place[None, :], place[:, None]
    for turn, image in zip(STEPS, images, strict=True):
        front = 0.33 * np.sin(0.35 * turn)
        above = np.clip(image - image[int(0.66 * SIZE), SIZE // 2], 0, 1)  # the ink over the skin
        for height, reach, half in ((0.09, 0.05, 0.035), (0.24, 0.2, 0.42 * 0.33)):
            stroke = above * ((abs(y - height) < 0.05) & (abs(x - front) < reach))[..., None]
            middle = centre(stroke, 1)
            np.testing.assert_allclose(middle, [front, height], atol=0.25 / SIZE)
            columns = stroke.sum(axis=(0, 2))
            width = columns.sum() / columns.max() / SIZE
            narrow = np.cos(0.35 * turn) if height == 0.24 else 1  # the nose keeps its width
            assert width == pytest.approx(2 * half * narrow, abs=0.4 / SIZE)


def test_an_eye_that_turns_away_looks_narrower():
    side, skin = 256, 0.12  # of the lightest shade; an eye is lighter or darker
    row = draw_faces({"turn": 1, "shade": -1}, side)[0, int(0.45 * side), :, 0]
    x = (np.arange(side) + 0.5) / side - 0.5
    for a in (-0.42 + 0.35, 0.42 + 0.35):  # the eyes' angles to the front
        half = 0.10 * np.cos(a)
        near = abs(x - 0.33 * np.sin(a)) < half + 0.012  # hair and nose are further away
        width = (near & (abs(row - skin) > 0.06)).sum() / side
        assert width == pytest.approx(2 * half, abs=1.5 / side)


def test_the_gaze_moves_the_pupils_alone():
    images = draw_faces({"gaze": STEPS}, SIZE)
    found = np.array([[x for x, _ in pupils(image)] for image in images])
    expected = 0.035 * np.cos(0.42) * STEPS[:, None]
    np.testing.assert_allclose(found - found[2], np.hstack([expected, expected]), atol=0.25 / SIZE)
    changed = np.ptp(images, axis=0).max(axis=(1, 2)) > 0  # (H,)
    rows = np.flatnonzero(changed) / SIZE - 0.5
    assert rows.min() >= -0.11 - 1 / SIZE and rows.max() <= 0.01


def test_a_smile_lifts_the_corners_and_lowers_the_middle():
    images = draw_faces({"smile": STEPS}, SIZE)
    rows, columns = slice(int(0.64 * SIZE), int(0.84 * SIZE)), np.arange(SIZE)
    mouth = images[:, rows, :, 0] - images[:, rows.start - 4, SIZE // 2][:, None]  # above the skin
    place = (np.arange(SIZE)[rows] + 0.5) / SIZE - 0.5
    height = [
        (m[:, c].sum(axis=1) @ place) / m[:, c].sum()
        for m in mouth
        for c in (abs(columns + 0.5 - SIZE / 2) < 2, abs(abs(columns + 0.5 - SIZE / 2) - 7) < 1)
    ]
    middle, ends = np.array(height).reshape(5, 2).T  # y downwards
    q2 = np.mean(((np.array([6.5, 7.5]) / SIZE) / (0.42 * 0.33)) ** 2)
    np.testing.assert_allclose(middle, 0.24 + 0.07 * STEPS, atol=0.4 / SIZE)
    np.testing.assert_allclose(ends, 0.24 + 0.07 * STEPS * (1 - 2 * q2), atol=0.6 / SIZE)
    assert np.all(np.diff(middle) > 0) and np.all(np.diff(ends) < 0)


def test_brows_rise_and_their_inner_ends_rise_more():
    images = draw_faces({"brow": STEPS}, SIZE)
    brows = [image * (abs(image - LINE) < 0.1) for image in images]
    place = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    x, y = place[None, :], place[:, None]
    band = (abs(y + 0.155) < 0.09) & (abs(x) < 0.25)
    height = [centre(b, band)[1] for b in brows]
    inner = [centre(b, band & (abs(x) < 0.12))[1] for b in brows]
    assert np.all(np.diff(height) < 0) and np.all(np.diff(inner) < 0)
    assert height[0] - height[-1] == pytest.approx(0.07, abs=0.015)
    assert inner[0] - inner[-1] > 0.075


def test_shade_is_the_ink_of_the_skin():
    cheek = draw_faces({"shade": STEPS}, SIZE)[:, int(0.65 * SIZE), int(0.3 * SIZE), 0]
    np.testing.assert_allclose(cheek, 0.31 + 0.19 * STEPS, atol=1e-6)
    assert cheek.max() <= 0.5 < LINE


def test_width_is_the_width_of_the_head():
    x = draw_faces({"width": STEPS}, SIZE)[..., 0]
    row = x[:, int((0.5 - 0.04) * SIZE)]  # through the middle of the hair
    edges = (row > 0.3).argmax(axis=1) / SIZE  # the first column with ink, from the left
    np.testing.assert_allclose(0.5 - edges, 0.37 + 0.04 * STEPS, atol=1 / SIZE)


def test_a_mirror_turns_head_and_gaze(rng):
    values = {name: rng.uniform(-1, 1, 20) for name in FACTORS}
    mirrored = values | {"turn": -values["turn"], "gaze": -values["gaze"]}
    first, second = draw_faces(values, 32), draw_faces(mirrored, 32)
    np.testing.assert_allclose(second, first[:, :, ::-1], atol=1e-5)


def test_the_factors_of_a_part_draw_it_again(rng):
    part = drawn_faces(rng, 300, 24)
    assert tuple(part.factors) == FACTORS
    np.testing.assert_array_equal(draw_faces(part.factors, 24), part.x)
    assert np.array_equal(part.labels, part.factors["smile"] > 0) and part.labels.dtype == np.int64
    bound = 4.5 / np.sqrt(300)
    values = np.stack(list(part.factors.values())) * np.sqrt(3)  # of variance 1
    assert abs(values @ values.T / 300 - np.eye(6)).max() <= bound
    assert abs(values.mean(axis=1)).max() <= bound


def test_the_same_state_gives_the_same_bits():
    first, second, other = (drawn_faces(np.random.default_rng(s), 5) for s in (1, 1, 2))
    assert first.x.tobytes() == second.x.tobytes() != other.x.tobytes()


def test_unknown_factors_are_refused():
    with pytest.raises(ValueError, match="unknown factor 'smiles', did you mean 'smile'"):
        draw_faces({"smiles": 0.5})


@pytest.mark.parametrize("bad", [-1.1, [0, 2], np.nan])
def test_factors_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=r"draw_faces: brow must lie in \[-1, 1\]"):
        draw_faces({"brow": bad})


@pytest.mark.parametrize("size", [0, SMALLEST - 1, 32.5])
def test_a_size_too_small_is_refused(size):
    with pytest.raises(ValueError, match="draw_faces: size must be a whole number >= 24"):
        draw_faces({}, size)


def test_counts_and_shapes_are_refused(rng):
    with pytest.raises(ValueError, match="drawn_faces: n must be a whole number >= 1"):
        drawn_faces(rng, 0)
    with pytest.raises(ValueError, match=r"count_eyes: images must be of shape .*\(2, 8, 8, 3\)"):
        count_eyes(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="shape mismatch"):
        draw_faces({"smile": [0, 1], "brow": [0, 0, 1]})
