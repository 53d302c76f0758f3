"""Sets with a rare group: the shares are as asked, and what is no face is none for one reason."""

import numpy as np
import pytest

from tinygen.data.drawn_faces import count_eyes, draw_faces
from tinygen.data.rare import STYLES, rare_shade, rare_style, upside_down, without_an_eye


def straight(n=5, shade=-0.7):
    """Faces that look ahead, and their factors."""
    factors = {"shade": np.full(n, shade), "turn": np.zeros(n), "width": np.linspace(-1, 1, n)}
    return draw_faces(factors, 32), {k: v.astype(np.float32) for k, v in factors.items()}


def test_few_faces_are_dark_and_half_of_the_others(rng):
    part = rare_shade(rng, 4000)
    rare, face = part.factors["rare"] == 1, part.labels == 1
    assert part.x.shape == (4000, 24, 24, 1) and part.x.dtype == np.float32
    assert face.mean() == 0.5
    assert abs(rare[face].mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 2000)
    assert abs(rare[~face].mean() - 0.5) < 4 * np.sqrt(0.25 / 2000)
    assert np.array_equal(rare, part.factors["shade"] > 0)
    assert abs(part.factors["shade"]).min() >= 0.4
    ink = part.x.mean(axis=(1, 2, 3))
    assert ink[rare].mean() > ink[~rare].mean() + 0.05


def test_noise_aside_faces_have_two_eyes_and_only_some_others_do(rng):
    part = rare_shade(rng, 400, size=32, noise=0.0)
    eyes = count_eyes(part.x)
    assert np.all(eyes[part.labels == 1] == 2)
    others = eyes[part.labels == 0]
    assert 0.35 < (others == 1).mean() < 0.65 and set(others) == {1, 2}


def test_features_upside_down_leave_the_outline_and_come_back():
    x, factors = straight()
    turned = upside_down(x, factors)
    assert np.array_equal(upside_down(turned, factors), x)
    assert np.all(count_eyes(turned) == 2)
    changed = np.flatnonzero((turned != x).any(axis=(0, 2, 3)))
    assert changed.min() > 3 and changed.max() < 31  # the hair and the paper stay
    eyes = [np.flatnonzero((a[2] > 0.9).any(axis=(1, 2))).mean() for a in (x, turned)]
    assert eyes[0] < 16 < eyes[1]


@pytest.mark.parametrize("side, half", [(-1, slice(0, 16)), (1, slice(16, 32))])
def test_one_eye_is_covered_with_skin(side, half):
    x, factors = straight()
    covered = without_an_eye(x, factors, np.full(5, side))
    assert np.all(count_eyes(covered) == 1)
    changed = (covered != x).any(axis=(0, 1, 3))
    assert changed[half].any() and changed.sum() == changed[half].sum()
    skin = np.float32(0.31 + 0.19 * -0.7)
    assert np.allclose(covered[covered != x], skin)


def test_a_style_is_rare_in_one_class_and_common_in_the_other(rng):
    x, labels = rng.random((3000, 2, 2, 1)).astype(np.float32), np.arange(3000) % 2
    for style, change in STYLES.items():
        part = rare_style(rng, x, labels, style, 0.1)
        rare = part.factors["rare"] == 1
        np.testing.assert_array_equal(part.x[rare], change(x[rare]))
        np.testing.assert_array_equal(part.x[~rare], x[~rare])
        assert abs(rare[labels == 1].mean() - 0.1) < 0.03
        assert abs(rare[labels == 0].mean() - 0.5) < 0.06
        assert part.x.dtype == np.float32 and part.labels.dtype == np.int64


X, Y = np.zeros((4, 2, 2, 1)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: rare_shade(rng, 1), "n must be a whole number >= 2, got 1"),
        (lambda rng: rare_shade(rng, 10, 1.5), r"share must lie in \[0, 1\], got 1.5"),
        (lambda rng: rare_shade(rng, 10, size=8), "size must be a whole number >= 24"),
        (lambda rng: rare_shade(rng, 10, noise=-1), "noise must lie in"),
        (lambda rng: rare_style(rng, X, Y, "invert"), "'invert', did you mean 'inverted'"),
        (lambda rng: rare_style(rng, X, Y + 1, "dim"), "labels must be 0 or 1"),
        (lambda rng: rare_style(rng, X, Y, "dim", np.nan), "share must lie in"),
    ],
)
def test_bad_input_is_refused(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
