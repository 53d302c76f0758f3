"""Growing nets: exact at both ends of a fade; what takes no part stands still; sizes refused."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.arrays import device_of, to_device, to_host
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.models.progressive_gan import ProgressiveGAN, progressive_gan
from tinygen.models.progressive_gan_nets import GrowingDiscriminator, GrowingGenerator
from tinygen.models.progressive_gan_stages import began, growth, padded, pooled
from tinygen.optim import adam, ema, renewed
from tinygen.runs import Run
from tinygen.schedules import Schedule
from tinygen.systems.duel import averaged
from tinygen.systems.progressive_gan import growing_duel
from tinygen.training import train

PLAYERS = ("generator", "discriminator")
STAGE_2 = {"block16", "rgb16"}


def point(rng, dtype=np.float64, shape=(14, 16, 2), channels=(3, 4, 2)):
    """Three stages, of jittered parameters, data and noise."""
    model = progressive_gan(shape, channels, n_latent=5, group=2)
    p = tree.map(lambda w: w.astype(dtype), jittered(rng, model.init(rng, dtype)))
    x = rng.uniform(0.1, 0.9, size=(4, *shape)).astype(dtype)
    return model, p, x, model.draw_noise(rng, x)


def run(net, p, x, stage, alpha=1.0):
    return net.at(stage, alpha).forward(net.taken(p, stage, alpha), x)[0]


def up(x):
    return L.Upsample2d(2).forward({}, x)[0]


# Exact at both ends of a fade


@pytest.mark.parametrize("stage", [1, 2])
def test_at_alpha_0_the_generator_is_the_old_one_upsampled(stage, rng):
    model, p, _, noise = point(rng)
    G, z = model.generator, noise["z"]
    old = up(run(G, p["generator"], z, stage - 1))
    np.testing.assert_array_equal(run(G, p["generator"], z, stage, 0.0), old)
    assert (run(G, p["generator"], z, stage, 1e-6) != old).any()


@pytest.mark.parametrize("stage", [1, 2])
def test_at_alpha_0_the_discriminator_is_the_old_one_on_pooled_images(stage, rng):
    model, p, x, _ = point(rng)
    D, x = model.discriminator, pooled(padded(x, 16), 2 - stage)
    old = run(D, p["discriminator"], pooled(x, 1), stage - 1)
    np.testing.assert_array_equal(run(D, p["discriminator"], x, stage, 0.0), old)
    assert (run(D, p["discriminator"], x, stage, 1e-6) != old).all()


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("stage", [1, 2])
def test_at_alpha_1_the_new_net_stands_alone(stage, player, rng):
    model, p, x, noise = point(rng)
    net = getattr(model, player)
    x = noise["z"] if player == "generator" else pooled(padded(x, 16), 2 - stage)
    alone = run(net, p[player], x, stage)
    faded = L.Sequential(**net.at(stage, 0.5).layers | {"fade": L.FadeIn(1.0)})
    y, _ = faded.forward(net.taken(p[player], stage, 0.5), x)
    np.testing.assert_array_equal(y, alone)
    changed = p[player] | {f"rgb{2 * 2**stage}": tree.scale(p[player][f"rgb{2 * 2**stage}"], 2.0)}
    np.testing.assert_array_equal(run(net, changed, x, stage), alone)


def test_half_way_the_generator_is_the_mean_of_both(rng):
    model, p, _, noise = point(rng)
    G, p_G, z = model.generator, p["generator"], noise["z"]
    both = 0.5 * up(run(G, p_G, z, 0)) + 0.5 * run(G, p_G, z, 1)
    np.testing.assert_allclose(run(G, p_G, z, 1, 0.5), both, rtol=1e-12)


def test_real_images_are_shown_pooled_and_faded_as_the_nets_are(rng):
    model, _, x, _ = point(rng)
    full = np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))
    np.testing.assert_array_equal(model.shown(x), full)
    four, eight = (full.reshape(4, n, 16 // n, n, 16 // n, 2).mean(axis=(2, 4)) for n in (4, 8))
    np.testing.assert_allclose(model.shown(x, 0), four, rtol=1e-12)
    np.testing.assert_allclose(model.shown(x, 1), eight, rtol=1e-12)
    np.testing.assert_allclose(model.shown(x, 0.25), 0.75 * up(four) + 0.25 * eight, rtol=1e-12)


def test_the_loss_has_no_jump_where_a_fade_begins_and_ends(rng):
    model, p, x, noise = point(rng)
    for player in PLAYERS:
        loss = getattr(model, f"{player}_loss")
        for level in (1.0, 2.0):
            at, below = (loss(p, x, noise, level=v)[0] for v in (level, level - 1e-9))
            assert below == pytest.approx(at, rel=1e-6)
    # Where it begins, images get larger: G's loss stays, as D pools what G repeats. D's penalty
    # does not, for it is on the slope along four times as many pixels.
    model = progressive_gan(model.shape, (3, 4, 2), 5, 2, penalty=None)
    for player in PLAYERS:
        loss = getattr(model, f"{player}_loss")
        at, above = (loss(p, x, noise, level=v)[0] for v in (1.0, 1.0 + 1e-9))
        assert above == pytest.approx(at, rel=1e-6)


def test_the_critics_loss_is_the_papers_with_the_slope_by_differences(rng):
    """E D(fake) - E D(x) + 0.001 E D(x)^2 + 10 E (|g| - 1)^2, appendix A.1."""
    model, p, x, noise = point(rng)
    real = model.shown(2 * x - 1, 0)
    padding = model.shown(np.zeros_like(x), 0) - model.shown(np.ones_like(x), 0) + 1
    real = real - padding  # the frame is black too: -1 as the nets see it
    fake = run(model.generator, p["generator"], noise["z"], 0)

    def D(images):
        return run(model.discriminator, p["discriminator"], images, 0)

    r, f, t = D(real), D(fake), noise["penalty"][:, None, None, None]
    mixed, g, h = t * real + (1 - t) * fake, np.zeros_like(real), 1e-6
    for place in np.ndindex(mixed.shape):
        e = np.zeros_like(mixed)
        e[place] = h
        g[place] = (D(mixed + e).sum() - D(mixed - e).sum()) / (2 * h)  # of the batch's sum
    norm = np.sqrt((g * g).sum(axis=(1, 2, 3)))
    loss = f.mean() - r.mean() + 0.001 * (r * r).mean() + 10 * ((norm - 1) ** 2).mean()
    value, backward = model.discriminator_loss(p, x, noise, level=0)
    assert value == pytest.approx(loss, rel=1e-6)
    assert backward.terms["real"] == pytest.approx(r.mean())
    assert model.generator_loss(p, x, noise, level=0)[0] == pytest.approx(-f.mean())


# One set of weights


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize(
    "level, absent", [(0, {"8", "16"}), (0.5, {"16"}), (1, {"16"}), (2, set())]
)
def test_what_takes_no_part_has_a_gradient_of_zeros_and_all_else_has_one(
    player, level, absent, rng
):
    model, p, x, noise = point(rng)
    _, backward = getattr(model, f"{player}_loss")(p, x, noise, level=level)
    dp = backward.dp()
    assert dp.keys() == {player}
    stage, alpha = model.split(level)
    for name, g in tree.leaves(dp[player]):
        size = int(name.split(".")[0].removeprefix("block").removeprefix("rgb"))
        colours_of_others = name.startswith("rgb") and not (
            size == 4 * 2**stage or (alpha < 1 and size == 2 * 2**stage)
        )
        if str(size) in absent or colours_of_others:
            assert (g == 0).all(), name
        else:
            assert (g != 0).any(), name
    tree.map(lambda w, g: np.testing.assert_equal(g.shape, w.shape), p[player], dp[player])


def play(model, p, x, rounds, levels, d=None, g=None):
    """Rounds of the duel on one batch; p is changed in place. Returns the optimisers' states."""
    d, g = d or adam(1e-2, beta1=0.0, beta2=0.99), g or adam(1e-2, beta1=0.0, beta2=0.99)
    game = growing_duel(model, levels, d, g, ema=ema(0.9))
    state, rng = game.init(p), np.random.default_rng(1)
    for step in range(rounds):
        game.play(p, state, [x], rng, step)
    return state


def test_weights_moments_and_mean_of_later_stages_keep_their_bits_until_their_fade(rng):
    model, p, x, _ = point(rng)
    p = averaged(p)
    before = tree.map(np.copy, p)
    state = play(model, p, x, 3, growth(2, fade=1, stable=3))
    for player in PLAYERS:
        later = {"block8", "rgb8"} | STAGE_2
        for key in p[player]:
            same = [
                (a == b).all()
                for (_, a), (_, b) in zip(
                    tree.leaves(p[player][key]), tree.leaves(before[player][key]), strict=True
                )
            ]
            assert all(same) if key in later else not any(same), (player, key)
        for key in later:
            for moment in ("m", "v"):
                assert all((m == 0).all() for _, m in tree.leaves(state[player][moment][key]))
    for key in later:
        tree.map(np.testing.assert_array_equal, p["average"][key], before["average"][key])


def test_a_step_within_a_fade_moves_every_array_of_its_player_and_no_other(rng):
    model, p, x, _ = point(rng, channels=(3, 4), shape=(8, 8, 2))
    game = growing_duel(model, Schedule("half", lambda step: 0.5), adam(1e-3), adam(1e-3))
    state = game.init(p)
    for turn in game.turns:
        before = tree.map(np.copy, p)
        turn.play(p, state[turn.name], x, np.random.default_rng(2))
        for name, w in tree.leaves(p):
            moved = not np.array_equal(w, dict(tree.leaves(before))[name])
            assert moved == (name.split(".")[0] == turn.name), name


def test_the_generators_gradient_changes_when_the_discriminator_does(rng):
    model, p, x, noise = point(rng)
    gradient = model.generator_loss(p, x, noise, level=1.5)[1].dp()["generator"]
    p["discriminator"] = tree.scale(p["discriminator"], 1.1)
    other = model.generator_loss(p, x, noise, level=1.5)[1].dp()["generator"]
    for key in gradient:
        for (name, a), (_, b) in zip(
            tree.leaves(gradient[key]), tree.leaves(other[key]), strict=True
        ):
            assert key == "rgb4" or (a != b).any(), (key, name)


def test_a_gradient_that_forgets_the_old_path_of_a_fade_is_caught(rng, monkeypatch):
    model, p, x, noise = point(rng, channels=(2, 2), shape=(8, 8, 1))
    forward = L.FadeIn.forward

    def detached(self, p, x):
        y, backward = forward(self, p, x)
        whole = backward._dx
        backward._dx = lambda dy: whole(dy) | {"old": np.zeros_like(dy)}
        return y, backward

    def f(own, x):
        loss = model.generator_loss(p | {"generator": own}, x, noise, level=0.4)
        value, backward = loss
        backward._dp = (lambda dp: lambda d: dp(d)["generator"])(backward._dp)
        return value, backward

    monkeypatch.setattr(L.FadeIn, "forward", detached)
    dp = f(p["generator"], x)[1].dp()
    assert (dp["rgb4"]["W"] == 0).all()
    with pytest.raises(AssertionError):
        own = {"rgb4": p["generator"]["rgb4"]}

        def of_old(part, x):
            value, backward = f(p["generator"] | part, x)
            backward._dp = (lambda dp: lambda d: {"rgb4": dp(d)["rgb4"]})(backward._dp)
            return value, backward

        assert check_gradients(of_old, own, x, rng=rng, wrt_x=False).passed


# Optimiser


def test_a_renewed_adam_is_an_adam_begun_at_that_step(rng):
    p = {"W": rng.normal(size=5)}
    gradients = [{"W": rng.normal(size=5)} for _ in range(7)]
    rule = renewed(1e-2, (3,), beta1=0.5, beta2=0.99)
    state = rule.init(p)
    for g in gradients[:3]:
        rule.update(p, g, state)
    fresh, anew = tree.map(np.copy, p), adam(1e-2, beta1=0.5, beta2=0.99)
    other = anew.init(fresh)
    for g in gradients[3:]:
        rule.update(p, g, state)
        anew.update(fresh, g, other)
    np.testing.assert_array_equal(p["W"], fresh["W"])
    assert state["step"] == 7


def test_the_first_step_of_a_new_block_is_as_long_as_lr(rng):
    """Without a renewal its moments lag behind the count: the step would be twice as long."""
    model, p, x, _ = point(rng)
    p = averaged(p)
    levels, at = growth(2, fade=40, stable=20), began(2, fade=40, stable=20)
    before = p["generator"]["block8"]["conv0"]["W"].copy()
    rules = [renewed(1e-5, at, beta1=0.0, beta2=0.99) for _ in range(2)]
    model_small = progressive_gan(model.shape, (3, 4, 2), 5, 2, penalty=None)
    play(model_small, p, x, 21, levels, *rules)
    moved = np.abs(p["generator"]["block8"]["conv0"]["W"] - before)
    assert np.median(moved) == pytest.approx(1e-5, rel=0.05)


def test_renewals_at_steps_that_are_none_are_refused():
    with pytest.raises(ValueError, match="renewed: a step must be a finite number >= 0"):
        renewed(1e-3, (-1,))


# Schedule


def test_levels_rise_by_fades_and_rest_at_whole_numbers():
    levels = growth(top=2, fade=4, stable=3)
    found = [levels(step) for step in range(20)]
    fade = [0.25, 0.5, 0.75, 1]
    assert found == [0, 0, 0, *fade, 1, 1, 1, *(1 + a for a in fade), *[2] * 6]
    assert began(2, fade=4, stable=3) == (3, 10)
    assert all(found[step - 1] % 1 == 0 and found[step] % 1 > 0 for step in (3, 10))


@pytest.mark.parametrize("given", [{"fade": 0, "stable": 1}, {"fade": 2, "stable": 1.5}])
def test_fades_of_no_steps_are_refused(given):
    with pytest.raises(ValueError, match=r"growth: (fade|stable) must be a whole number >= 1"):
        growth(2, **given)


def test_a_run_that_is_stopped_within_a_fade_goes_on_with_the_same_bits(rng, tmp_path):
    model, p, x, _ = point(rng, np.float32)
    rule = renewed(1e-3, began(2, fade=4, stable=1), beta1=0.0, beta2=0.99)
    game = growing_duel(model, growth(2, fade=4, stable=1), rule, rule, ema=ema(0.9))
    asked = {"batch": 4, "progress": False}

    def trained(steps, **kw):
        return train(game, averaged(p), x, rng=np.random.default_rng(5), steps=steps, **asked, **kw)

    trained(3, run=Run.create(tmp_path / "run", {}))
    resumed = trained(8, run=Run.open(tmp_path / "run"))
    tree.map(np.testing.assert_array_equal, resumed.p, trained(8).p)


# Samples


def test_samples_have_the_datas_shape_at_every_level_and_repeat_pixels_below(rng):
    model, p, _, _ = point(rng, shape=(14, 16, 2))
    for level, repeats in ((0, 4), (1, 2), (0.5, 2)):
        x = model.sample(p, np.random.default_rng(3), 3, level=level)
        assert x.shape == (3, 14, 16, 2) and x.min() >= 0 and x.max() <= 1
        full = padded(x, 16)[:, repeats : 16 - repeats]  # but for the rows that were cropped
        again = up(pooled(full, 1)) if repeats == 2 else up(up(pooled(full, 2)))
        np.testing.assert_allclose(full, again, atol=1e-12)
    z = model.draw_z(rng, 2, p)
    a, b = (model.sample(p, np.random.default_rng(s), 2, z=z) for s in (0, 1))
    np.testing.assert_array_equal(a, b)


def test_samples_are_of_the_running_mean_where_one_is_kept(rng):
    model, p, _, _ = point(rng)
    z = model.draw_z(rng, 2, p)
    mean = p | {"average": tree.scale(p["generator"], 0.5)}
    halved = p | {"generator": mean["average"]}
    one, two = (model.sample(q, rng, 2, z=z) for q in (mean, halved))
    np.testing.assert_array_equal(one, two)
    assert (one != model.sample(p, rng, 2, z=z)).any()


def test_floats_stay_what_they_are(rng):
    model, p, x, noise = point(rng, np.float32)
    value, backward = model.discriminator_loss(p, x, noise, level=1.5)
    assert value.dtype == model.sample(p, rng, 2, level=1.5).dtype == np.float32
    assert {g.dtype for _, g in tree.leaves(backward.dp())} == {np.dtype("float32")}


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_device_trains_and_draws_as_numpy_does(device, rng):
    model, p, x, _ = point(rng, channels=(2, 3, 2))
    z = model.draw_z(rng, 2, p)
    found = []
    for place in ("cpu", device):
        own, batch, codes = (to_device(a, place) for a in (averaged(p), x, z))
        own = tree.map(lambda w: w.copy(), own)
        rules = [renewed(1e-3, (1,), beta1=0.0, beta2=0.99) for _ in PLAYERS]
        play(model, own, batch, 3, growth(2, fade=2, stable=1), *rules)
        drawn = model.sample(own, np.random.default_rng(4), 2, 1.5, codes)
        assert device_of(drawn) == place
        found.append(to_host(drawn))
    np.testing.assert_allclose(*found, rtol=1e-8, atol=1e-9)


# Refusals


@pytest.mark.parametrize("shape", [(27, 28, 1), (28, 31, 1), (5, 5, 1)])
def test_odd_sizes_that_no_stage_reaches_are_refused(shape):
    message = r"cannot be padded alike on both sides to .* crop or pad them to even sizes"
    with pytest.raises(ValueError, match=message):
        progressive_gan(shape)


def test_stages_that_do_not_fit_the_data_are_refused():
    with pytest.raises(ValueError, match=r"need 4 stages \(4 to 32 pixels\) of 1 .* nets have 3"):
        progressive_gan((28, 28, 1), (8, 8, 8))


@pytest.mark.parametrize(
    "shape", [(784,), (0, 0, 1), (-4, -4, 1), (8.0, 8.0, 1), (8, 8, 0), [8, 8, 1], None]
)
def test_shapes_that_are_no_sizes_of_an_image_are_refused(shape):
    message = r"ProgressiveGAN: shape must be \(H, W, C\) of one image, three whole numbers >= 1"
    with pytest.raises(ValueError, match=message):
        progressive_gan(shape)


@pytest.mark.parametrize("group", [0, 1, -2, 4.0, True])
def test_groups_that_leave_nothing_to_compare_are_refused(group):
    with pytest.raises(ValueError, match=r"GrowingDiscriminator: group must be .* >= 2, got"):
        progressive_gan((8, 8, 1), group=group)
    assert progressive_gan((8, 8, 1), group=None).discriminator.group is None


@pytest.mark.parametrize("schedule", [growth, began])
def test_stages_and_steps_that_cannot_be_counted_are_refused(schedule):
    for top in (-1, 1.5, "a", True):
        with pytest.raises(ValueError, match=r"top must be a whole number >= 0, the last stage"):
            schedule(top, 1, 1)
    with pytest.raises(ValueError, match=r"fade must be a whole number >= 1, got 0\.5"):
        schedule(1, 0.5, 1)


def test_nets_that_do_not_fit_each_other_are_refused():
    G, D = GrowingGenerator((4, 4)), GrowingDiscriminator((4,))
    with pytest.raises(ValueError, match=r"generator has 2 stages of 1 .* discriminator 1 of 1"):
        ProgressiveGAN((8, 8, 1), G, D)
    for nets in ((D, G), (None, D), (G, L.Dense(3, 4))):
        with pytest.raises(TypeError, match=r"must be a Growing(Gen|Discrim).*: `progressive_gan`"):
            ProgressiveGAN((8, 8, 1), *nets)


@pytest.mark.parametrize("level", [-0.5, 2.5, float("nan"), "all", True])
def test_levels_that_there_are_not_are_refused(level, rng):
    model, p, x, noise = point(rng)
    with pytest.raises(ValueError, match=r"level must lie in 0..2, got .* 2 is 16"):
        model.generator_loss(p, x, noise, level=level)


def test_data_of_another_shape_a_batch_of_one_and_other_parameters_are_refused(rng):
    model, p, x, noise = point(rng)
    with pytest.raises(ValueError, match=r"ProgressiveGAN: expected x of shape \(N, 14, 16, 2\)"):
        model.discriminator_loss(p, x[:, :12], noise)
    with pytest.raises(ValueError, match="MinibatchStd: a batch of one"):
        model.discriminator_loss(p, x[:1], tree.map(lambda a: a[:1], noise))
    p["generator"].pop("rgb16")
    with pytest.raises(ValueError, match="all stages' parameters stand in p from the start"):
        model.generator_loss(p, x, noise)


@pytest.mark.parametrize("channels", [(), 8, (4, 0)])
def test_channels_that_are_no_row_of_sizes_are_refused(channels):
    with pytest.raises(ValueError, match=r"GrowingGenerator: channels(\[1\])? must be a"):
        GrowingGenerator(channels)


def test_stages_without_channels_are_refused():
    with pytest.raises(ValueError, match=r"stage must be 0..1, got 2: more stages need more"):
        GrowingGenerator((4, 4)).at(2)
    with pytest.raises(ValueError, match=r"stage must be a whole number >= 0, got 1\.0"):
        GrowingGenerator((4, 4)).at(1.0)


@pytest.mark.parametrize(
    "x, message",
    [
        ({"old": np.zeros((2, 3))}, "got \\['old'\\]: put it after Fork"),
        (np.zeros((2, 3)), "got ndarray"),
        ({"old": np.zeros((2, 3)), "new": np.zeros((2, 4))}, "must be alike"),
    ],
)
def test_a_fade_of_what_is_no_pair_is_refused(x, message):
    with pytest.raises(ValueError, match=f"FadeIn: .*{message}"):
        L.FadeIn(0.5).forward({}, x)


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(alpha):
    with pytest.raises(ValueError, match=r"FadeIn: alpha must lie in 0\.\.1"):
        L.FadeIn(alpha)
