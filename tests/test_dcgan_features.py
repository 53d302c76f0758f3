"""Features of a discriminator as rows, and arcs between codes."""

import dataclasses

import numpy as np
import pretend
import pytest

from tinygen import layers as L
from tinygen import to_device, to_host, tree
from tinygen.models.dcgan import DCGAN, dcgan
from tinygen.models.dcgan_features import discriminator_features, feature_statistics, grid_maxima
from tinygen.models.interpolation import slerp

SHAPE, FEATURES = (12, 8, 2), (3, 5)


@pytest.fixture
def point(rng):
    model = dcgan(SHAPE, 4, FEATURES)
    return model, model.init(rng, np.float64, "glorot"), rng.uniform(size=(20, *SHAPE))


# Features


@pytest.mark.parametrize("size", [(14, 14), (7, 7), (8, 4), (5, 6), (3, 2)])
def test_cells_of_a_grid_are_adaptive_maxima(rng, size):
    torch = pytest.importorskip("torch")
    h = rng.normal(size=(2, *size, 3))
    cells = tuple(min(4, s) for s in size)
    pooled = torch.nn.functional.adaptive_max_pool2d(
        torch.from_numpy(h.transpose(0, 3, 1, 2)), cells
    )
    np.testing.assert_array_equal(grid_maxima(h, 4), pooled.numpy().transpose(0, 2, 3, 1))


def test_every_pixel_lies_in_a_cell(rng):
    for size in range(1, 20):
        h = rng.normal(size=(1, size, size, 1))
        assert grid_maxima(h, 4).max() == h.max()
        assert -grid_maxima(-h, size).min() == pytest.approx(h.max())


def test_features_are_the_pooled_outputs_of_each_convolution(point):
    model, p, x = point
    f = discriminator_features(model, p, x)
    assert f.shape == (20, 4 * 4 * 3 + 3 * 2 * 5)  # 6x4 pixels, of which 4x4 cells; then 3x2
    D, p_D = model.discriminator, p["discriminator"]
    h, _ = L.LeakyRelu(0.2).forward({}, D.layers["conv1"].forward(p_D["conv1"], 2 * x - 1)[0])
    np.testing.assert_allclose(f[:, :48], grid_maxima(h, 4).reshape(20, 48))
    h = D.layers["norm2"].forward(p_D["norm2"], D.layers["conv2"].forward(p_D["conv2"], h)[0])[0]
    np.testing.assert_allclose(f[:, 48:], np.maximum(h, 0.2 * h).reshape(20, 30))


def test_signed_nets_are_shown_images_in_minus_one_to_one(point):
    """What a signed model makes of x is what one that is not makes of 2 x - 1."""
    model, p, x = point
    bare = dataclasses.replace(model, signed=False)
    assert model.signed
    a, b = feature_statistics(model, p, x), feature_statistics(bare, p, 2 * x - 1)
    tree.map(np.testing.assert_array_equal, a, b)
    f = discriminator_features(model, p, x, a)
    np.testing.assert_array_equal(f, discriminator_features(bare, p, 2 * x - 1, a))
    assert abs(f - discriminator_features(bare, p, x, a)).max() > 1e-3
    for read in (feature_statistics, discriminator_features):
        with pytest.raises(ValueError, match=r"expected pixels within 0\.\.1, got .*use x / 255"):
            read(model, p, 255 * x)


def test_with_statistics_features_do_not_hang_on_the_images_beside(point):
    model, p, x = point
    told = feature_statistics(model, p, x)
    f = discriminator_features(model, p, x, told)
    np.testing.assert_allclose(discriminator_features(model, p, x[:1], told), f[:1], atol=1e-12)
    assert abs(discriminator_features(model, p, x[:2]) - f[:2]).max() > 1e-3  # those of two images
    np.testing.assert_allclose(discriminator_features(model, p, x), f, atol=1e-9)  # of all


@pytest.mark.parametrize("batch", [2, 4, 19, 20, 64])
def test_no_image_is_left_over_alone(rng, batch):
    """Behind a dense layer one image has one value a channel, of which there is no spread."""
    model = dcgan((8, 8, 1), 4, (3, 5), hidden=6)
    p, x = model.init(rng), rng.random((21, 8, 8, 1), np.float32)
    told = feature_statistics(model, p, x, batch)
    assert np.isfinite(discriminator_features(model, p, x, told)).all()


def test_a_discriminator_without_norms_needs_no_statistics(rng):
    model = dcgan((8, 8, 1), 4, (3,))
    p, x = model.init(rng), rng.random((2, 8, 8, 1), np.float32)
    assert feature_statistics(model, p, x) == {}
    assert discriminator_features(model, p, x, {}).shape == (2, 4 * 4 * 3)


@pytest.mark.parametrize("device", ["pretend"], indirect=True)
def test_features_and_arcs_are_computed_where_the_images_are(point, device):
    model, p, x = point
    here = discriminator_features(model, p, x, feature_statistics(model, p, x))
    q, moved = to_device((p, x), device)
    there = discriminator_features(model, q, moved, feature_statistics(model, q, moved))
    assert type(there) is pretend.ndarray
    np.testing.assert_allclose(to_host(there), here, atol=1e-12)
    a, b = x[0, 0, :, 0], x[1, 0, :, 0]
    np.testing.assert_allclose(to_host(slerp(*to_device((a, b), device), 5)), slerp(a, b, 5))


def test_a_conditional_discriminator_has_no_features_of_an_image_alone(rng):
    model = dcgan((8, 8, 1), 4, (3,), classes=2)
    with pytest.raises(ValueError, match="is told a label beside each image"):
        discriminator_features(model, model.init(rng), np.zeros((2, 8, 8, 1), np.float32))
    single = DCGAN(model.generator, L.Dense(4, 1), 4)
    with pytest.raises(ValueError, match="expected a Sequential of convolutions, got Dense"):
        discriminator_features(single, {}, np.zeros((2, 4)))


# Arcs


def test_an_arc_begins_and_ends_at_its_codes_and_turns_evenly(rng):
    a, b = rng.normal(size=(2, 50))
    z = slerp(a, b, 7)
    np.testing.assert_allclose(z[[0, -1]], [a, b], atol=1e-12)
    flat = np.linalg.lstsq(np.stack([a, b]).T, z.T, rcond=None)[0]
    np.testing.assert_allclose(np.stack([a, b]).T @ flat, z.T, atol=1e-12)  # in their plane
    unit = slerp(a / np.linalg.norm(a), b / np.linalg.norm(b), 7)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1)
    turns = np.arccos((unit[1:] * unit[:-1]).sum(axis=1))
    np.testing.assert_allclose(turns, turns.mean())


def test_places_on_an_arc_are_as_likely_as_its_ends():
    """z(t) of independent draws is N(0, I) in many dimensions; the straight line is not."""
    rng = np.random.default_rng(0)
    ends = rng.normal(size=(400, 2, 200))
    middle = np.stack([slerp(a, b, 3)[1] for a, b in ends])
    error = 4 * np.sqrt(2 / middle.size)  # 4 standard errors of a variance
    assert middle.var() == pytest.approx(1, abs=error + 1 / 200)  # the angle is not quite right
    assert ends.mean(axis=1).var() == pytest.approx(0.5, abs=error)


def test_codes_of_one_direction_are_joined_by_a_line():
    a = np.array([1.0, 2.0], np.float32)
    z = slerp(a, 3 * a, 3)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, [a, 2 * a, 3 * a], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_opposite_codes_are_refused_in_either_precision(dtype):
    for a in np.random.default_rng(0).normal(size=(50, 100)).astype(dtype):
        with pytest.raises(ValueError, match="opposite"):
            slerp(a, -a, 3)


@pytest.mark.parametrize(
    ("a", "b", "steps", "says"),
    [
        ([1.0, 0.0], [0.0, 1.0], 1, "steps must be >= 2, both ends included, got 1"),
        ([0.0, 0.0], [0.0, 1.0], 3, "a code is 0, and has no direction"),
        ([1.0, 2.0], [-1.0, -2.0], 3, "the codes are opposite"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], 3, r"slerp: b: expected x of shape \(2,\), got \(3,\)"),
    ],
)
def test_what_has_no_arc_is_refused(a, b, steps, says):
    with pytest.raises(ValueError, match=says):
        slerp(np.array(a), np.array(b), steps)
