"""What a careless caller of the adversarial models is told: a name and a remedy."""

from dataclasses import replace

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.adversarial import Hinge
from tinygen.diagnosis import first_nonfinite
from tinygen.likelihoods.base import normal, uniform
from tinygen.metrics import mode_coverage, parzen, pyramid_distance
from tinygen.models.cycle_gan_nets import conv_cycle_gan, patch_discriminator
from tinygen.models.dcgan import dcgan
from tinygen.models.feature_matching import FeatureMatching
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import dense_discriminator, dense_generator
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.models.progressive_gan import progressive_gan
from tinygen.models.unrolled_gan import UnrolledGAN
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
    with pytest.raises(
        ValueError, match=r"VAEGAN: expected data of the shape .*\(N, 4, 4, 1\).*got"
    ):
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


# Pixels, noise and what players are paid


def images(rng, shape=(8, 8, 1), n=4):
    return rng.random((n, *shape)).astype(np.float32)


def signed_gan(**options):
    G = dense_generator(3, (4,), (8, 8, 1), L.Tanh())
    return GAN(G, dense_discriminator((8, 8, 1), (4,)), 3, signed=True, **options)


def cycles(**options):
    return conv_cycle_gan((8, 8, 1), (8, 8, 1), 2, 1, 1, (2, 3), 3, history=4, **options)


def pair(x):
    return x, x


def itself(x):
    return x


PLAYED = {
    "GAN": (signed_gan, itself, ("discriminator", "generator")),
    "DCGAN": (lambda: dcgan((8, 8, 1), 3, (2,)), itself, ("discriminator", "generator")),
    "GAN, sigmoid": (
        lambda: GAN(dense_generator(3, (4,), (8, 8, 1)), dense_discriminator((8, 8, 1), (4,)), 3),
        *(itself, ("discriminator", "generator")),
    ),
    "VAEGAN": (
        *(lambda: conv_vae_gan((8, 8, 1), 2, (2,)), itself),
        ("encoder", "decoder", "discriminator"),
    ),
    "CycleGAN": (cycles, pair, ("generators", "discriminator_a", "discriminator_b")),
}
each = pytest.mark.parametrize(
    ("name", "player"), [(name, player) for name in PLAYED for player in PLAYED[name][2]]
)


def played(rng, name, player):
    """A player's loss, parameters, examples, how a batch is made of them, and its noise."""
    build, batch, _ = PLAYED[name]
    model, x = build(), images(rng)
    noise = model.draw_noise(rng, batch(x))
    return getattr(model, f"{player}_loss"), model.init(rng), x, batch, noise


@pytest.mark.parametrize(
    ("to", "given"), [(lambda x: 255 * x, r"0\..*\.\.25\d"), (lambda x: 2 * x - 1, r"-0\.9.*\.\.")]
)
@each
def test_pixels_of_another_range_are_refused(rng, name, player, to, given):
    loss, p, x, batch, noise = played(rng, name, player)
    called = name.partition(",")[0]
    with pytest.raises(
        ValueError, match=rf"{called}.*: expected pixels within 0\.\.1, got {given}"
    ):
        loss(p, batch(to(x)), noise)


@each
def test_pixels_a_rounding_beyond_one_are_taken(rng, name, player):
    loss, p, x, batch, noise = played(rng, name, player)
    x[0, :2, 0, 0] = -0.001, 1.001
    assert np.isfinite(loss(p, batch(x), noise)[0])


def test_each_way_out_of_other_ranges_is_named(rng):
    model, x = signed_gan(), 255 * images(rng)
    with pytest.raises(ValueError, match=r"use x / 255 .*\(x \+ 1\) / 2 for -1\.\.1.*signed=False"):
        model.parts(x)
    plain = PLAYED["GAN, sigmoid"][0]()
    with pytest.raises(ValueError, match=r"generator that ends in no Sigmoid"):
        plain.parts(x)
    for to in "ab":
        with pytest.raises(ValueError, match=r"CycleGAN: expected pixels within 0\.\.1"):
            cycles().translate(cycles().init(rng), x, to)
    with pytest.raises(ValueError, match=r"got -0\.0\d.*x\.clip\(0, 1\) for a little beyond"):
        model.parts(images(rng) * 1.1 - 0.05)


def test_what_a_tanh_cannot_make_is_refused_where_examples_are_shown_as_they_are(rng):
    model, x = replace(signed_gan(), signed=False), images(rng)
    for taken in (x, 2 * x - 1):
        assert model.parts(taken)[0] is taken
    for given in (255 * x, 2 * x - 1.1):
        with pytest.raises(ValueError, match=r"within -1\.\.1, got .*x\.clip\(-1, 1\).* no Tanh"):
            model.parts(given)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_growing_net_sees_a_pixel_out_of_range_before_it_is_averaged_away(rng, player):
    model, x = progressive_gan((8, 8, 1), (3, 4), 3), images(rng)
    p, noise, loss = model.init(rng), model.draw_noise(rng, x), getattr(model, f"{player}_loss")
    assert np.isfinite(loss(p, x, noise, 0)[0])
    x[0, 0, 0, 0] = -0.5  # the means of its block are not
    assert model.shown(x, 0).min() > 0
    with pytest.raises(ValueError, match=r"ProgressiveGAN: expected pixels .*beyond$"):
        loss(p, x, noise, 0)


def test_examples_of_any_range_are_taken_where_the_generator_has_none(rng):
    model = GAN(dense_generator(3, (4,), 2, L.Bounded(9.0)), dense_discriminator(2, (4,)), 3)
    x = rng.normal(size=(4, 2)).astype(np.float32)
    assert model.parts(x)[0] is x


def test_on_a_gpu_a_pixel_out_of_range_makes_the_loss_nan_and_then_an_error(rng, monkeypatch):
    model, x = signed_gan(), images(rng)
    p, noise = model.init(rng), model.draw_noise(rng, x)
    with monkeypatch.context() as patch:
        patch.setattr("tinygen.models.adversary_input.device_of", lambda a: "cuda")
        assert np.isfinite(model.discriminator_loss(p, x, noise)[0])
        x[2, 1, 1, 0] = 3
        seen, _ = model.parts(x)
        assert seen.dtype == x.dtype and np.isnan(seen).sum() == 1
    # the game then asks where the loss became NaN, on the host
    with pytest.raises(ValueError, match=r"expected pixels within 0\.\.1, got .*\.\.3"):
        first_nonfinite(model.discriminator_loss, p, x, noise)


@each
@pytest.mark.parametrize("noise", [None, {}, {"other": 1}])
def test_noise_that_is_none_of_the_model_s_is_named(rng, name, player, noise):
    loss, p, x, batch, _ = played(rng, name, player)
    if player == "generators":  # they take no noise
        return
    with pytest.raises(ValueError, match=r": expected noise with the key .*draw it with this mod"):
        loss(p, batch(x), noise)


@each
def test_noise_of_another_batch_is_refused(rng, name, player):
    loss, p, x, batch, noise = played(rng, name, player)
    if player == "generators":
        return
    with pytest.raises(ValueError, match=r"expected noise of shape \(3.*got \(4.*use draw_noise"):
        loss(p, batch(x[:3]), noise)


def test_a_penalty_s_noise_that_is_missing_is_named(rng):
    model, x = signed_gan(penalty=GradientPenalty()), images(rng)
    noise = {"z": model.draw_noise(rng, x)["z"]}
    with pytest.raises(ValueError, match=r"GAN: expected noise with the key 'penalty', got \['z'"):
        model.discriminator_loss(model.init(rng), x, noise)


def test_the_inner_steps_and_the_features_want_the_noise_s_z(rng):
    G, x = dense_generator(3, (4,), 2), images(rng, (2,))
    for kind, D in {
        UnrolledGAN: L.Sequential(L.Dense(2, 3), L.Tanh(), L.Dense(3, 1)),
        FeatureMatching: L.Sequential(features=L.Dense(2, 3), score=L.Dense(3, 1)),
    }.items():
        model = kind(G, D, 3)
        with pytest.raises(ValueError, match=rf"{kind.__name__}: expected noise with the key 'z'"):
            model.generator_loss(model.init(rng), x, {})


def test_as_many_are_drawn_as_are_asked_for(rng):
    model = signed_gan()
    p, z = model.init(rng), rng.normal(size=(4, 3)).astype(np.float32)
    assert len(model.sample(p, rng, 4, z=z)) == 4
    for n in (5, 3):
        with pytest.raises(ValueError, match=rf"GAN: z: expected noise of shape \({n}, 3\), got"):
            model.sample(p, rng, n, z=z)
    for n in (0, -1, 2.5, None):
        with pytest.raises(ValueError, match=r"GAN: n must be a whole number >= 1, got"):
            model.sample(p, rng, n)
        with pytest.raises(ValueError, match=r"GAN: n must be a whole number >= 1, got"):
            model.sample(p, rng, n, z=z)


BUILT = {
    "GAN": lambda **o: GAN(L.Dense(3, 2), L.Dense(2, 1), 3, **o),
    "UnrolledGAN": lambda **o: UnrolledGAN(L.Dense(3, 2), L.Dense(2, 1), 3, **o),
    "DCGAN": lambda **o: dcgan((8, 8, 1), 3, (2,), **o),
    "VAEGAN": lambda **o: conv_vae_gan((8, 8, 1), 2, (2,), **o),
    "CycleGAN": cycles,
    "ProgressiveGAN": lambda **o: progressive_gan((8, 8, 1), **o),
}


@pytest.mark.parametrize("name", BUILT)
def test_an_objective_by_its_name_or_its_class_is_refused(name):
    with pytest.raises(
        TypeError, match=rf"{name}: expected an obj.* NonSaturating\(\), got 'hinge'"
    ):
        BUILT[name](objective="hinge")
    with pytest.raises(TypeError, match=rf"{name}: .* got the class Hinge: write Hinge\(\)"):
        BUILT[name](objective=Hinge)


def test_a_penalty_that_is_a_weight_or_a_class_is_refused():
    for given, says in {
        10.0: r"got 10\.0: choose one",
        R1: r"got the class R1: write R1\(\)",
    }.items():
        for name in ("GAN", "ProgressiveGAN"):
            with pytest.raises(TypeError, match=rf"{name}: expected a penalty such as Gr.*{says}"):
                BUILT[name](penalty=given)
    assert BUILT["GAN"](penalty=R1()).penalty == R1()


def test_histories_and_games_by_a_seed_are_refused(rng):
    x = images(rng)
    for model, batch in ((cycles(), (x, x)), (signed_gan(), x)):
        with pytest.raises(TypeError, match=r"expected rng as a NumPy Generator.*default_rng\(7\)"):
            model.draw_noise(7, batch)
        with pytest.raises(TypeError, match=r"expected rng as a NumPy Generator.*default_rng\(0\)"):
            model.init(0)


@pytest.mark.parametrize(
    "model",
    [
        UnrolledGAN(
            L.Dense(3, 2), L.Sequential(L.Dense(2, 3), L.Sequential(L.Tanh(), L.Dense(3, 1))), 3
        ),
        FeatureMatching(
            L.Dense(3, 2), L.Sequential(features=L.Dense(2, 3), score=L.Dense(3, 1)), 3
        ),
    ],
    ids=["unrolled", "feature matching"],
)
def test_losses_that_look_into_the_discriminator_say_where_they_became_infinite(rng, model):
    p, x = model.init(rng), images(rng, (2,))
    p["generator"]["W"][:] = 3e38
    noise = {"z": np.ones((4, 3), np.float32)}
    found = first_nonfinite(model.generator_loss, p, x, noise)
    assert found == "the output of layer generator (Dense)"
