"""What a careless caller of the adversarial models is told: a name and a remedy."""

import numpy as np
import pytest

from tinygen.likelihoods.base import normal, uniform
from tinygen.metrics import mode_coverage, parzen, pyramid_distance
from tinygen.models.cycle_gan_nets import conv_cycle_gan, patch_discriminator
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import dense_discriminator, dense_generator
from tinygen.models.vae_gan_nets import conv_vae_gan

POINTS = np.random.default_rng(0).random((10, 2))


@pytest.mark.parametrize("draw", [normal, uniform])
def test_a_seed_in_the_place_of_a_generator_is_named(draw):
    with pytest.raises(TypeError, match=r"noise: expected rng as a NumPy Gen.*default_rng\(7\)"):
        draw(7, (3,), POINTS)


def test_a_gan_that_samples_by_a_seed_says_what_to_give():
    model = GAN(dense_generator(3, (4,), 2), dense_discriminator(2, (4,)), 3)
    p = model.init(np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"give np\.random\.default_rng\(0\)"):
        model.sample(p, 0, 2)


def test_a_maxout_of_one_piece_which_is_linear_is_refused():
    with pytest.raises(ValueError, match=r"pieces must be 2 or more .* or 0 for LeakyReLU"):
        dense_discriminator(2, (4,), pieces=1)


@pytest.mark.parametrize(
    ("centres", "std", "reach", "says"),
    [
        (np.full((2, 2), np.nan), 0.1, 3.0, "mode_coverage: centres: .*NaN"),
        (np.eye(2), np.inf, 3.0, "std must be a finite number > 0, got inf"),
        (np.eye(2), "a", 3.0, "std must be a finite number > 0, got 'a'"),
        (np.eye(2), 0.1, None, "reach must be a finite number > 0, got None"),
    ],
)
def test_modes_without_a_place_or_a_width_are_refused(centres, std, reach, says):
    with pytest.raises(ValueError, match=says):
        mode_coverage(POINTS, centres, std, reach)


@pytest.mark.parametrize("sigmas", [0.1, ("a",), (np.inf,), np.array([])])
def test_windows_that_are_no_widths_are_refused(sigmas):
    with pytest.raises(ValueError, match=r"parzen: .*sigmas must be .*> 0"):
        parzen(POINTS, POINTS, POINTS, sigmas)


def test_widths_of_windows_may_be_an_array():
    given = np.array([0.1, 0.2])
    assert parzen(POINTS, POINTS, POINTS, given) == parzen(POINTS, POINTS, POINTS, (0.1, 0.2))


def test_patches_by_a_seed_or_to_half_a_pixel_are_refused():
    x, rng = np.ones((2, 16, 16, 1)), np.random.default_rng(0)
    with pytest.raises(TypeError, match=r"pyramid_distance: .*default_rng\(3\)"):
        pyramid_distance(x, x, 3)
    with pytest.raises(ValueError, match=r"lowest must be a whole number >= 1, got 8\.0"):
        pyramid_distance(x, x, rng, lowest=8.0)


@pytest.mark.parametrize("player", ["encoder", "decoder", "discriminator"])
def test_images_that_only_pass_for_images_are_refused(player):
    model, rng = conv_vae_gan((4, 4, 1), 2, (2,)), np.random.default_rng(0)
    rows = rng.random((3, 16)).astype(np.float32)
    with pytest.raises(ValueError, match=r"VAEGAN: expected x of the shape .*\(N, 4, 4, 1\).*got"):
        getattr(model, f"{player}_loss")(model.init(rng), rows, model.draw_noise(rng, rows))


@pytest.mark.parametrize(("size", "widths"), [(8, (4, 4)), (4, (4,)), (12, (4, 4, 4))])
def test_discriminators_of_patches_may_shrink_an_image_so_far_and_no_further(size, widths):
    rng, more = np.random.default_rng(0), (*widths, 4)
    D = patch_discriminator(1, widths)
    x = rng.random((2, size, size, 1)).astype(np.float32)
    assert D.forward(D.init(rng), x)[0].size
    shape = (size, size, 1)
    assert conv_cycle_gan(shape, shape, 2, 1, 1, widths, 3)
    wanted = 3 * 2 ** len(widths)
    says = rf"images of at least {wanted} pixels.*got {size}: take fewer, such as 4"
    with pytest.raises(ValueError, match=says):
        conv_cycle_gan(shape, shape, 2, 1, 1, more, 3)


def test_an_image_too_small_for_any_discriminator_of_patches_is_refused():
    with pytest.raises(ValueError, match=r"at least 3 pixels a side, got 2: take larger images"):
        conv_cycle_gan((2, 2, 1), (2, 2, 1), 2, 1, 1, (4,), 3)
