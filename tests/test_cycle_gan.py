"""CycleGAN: who moves on what, both ways round, fakes of old, sets without pairs, refusals."""

import numpy as np
import pytest

from tinygen import checkpoint, to_device, to_host, tree
from tinygen import layers as L
from tinygen.adversarial import Wasserstein
from tinygen.cases.cycle_gan import B, N, point, small
from tinygen.check import check_gradients
from tinygen.data import DataError, unpaired
from tinygen.models.cycle_gan import CycleGAN, l1
from tinygen.models.cycle_gan_nets import (
    conv_cycle_gan,
    generator_net,
    patch,
    patch_discriminator,
    residual_generator,
    wave_discriminator,
    wave_generator,
)
from tinygen.models.fake_history import draw_slots, empty_history, exchange
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.runs import Run
from tinygen.systems.three_turns import three_turns
from tinygen.training import Game, train

PLAYERS = ("generators", "discriminator_a", "discriminator_b")


def game(model, lr=1e-2):
    return three_turns(model, adam(lr), adam(lr))


def assert_equal_bits(a, b):
    for (name, one), (_, other) in zip(tree.leaves(a), tree.leaves(b), strict=True):
        assert to_host(one).tobytes() == to_host(other).tobytes(), name


def constant(value, shape):
    """A net that makes this number whatever it is given."""
    n = int(np.prod(shape))
    return L.Sequential(L.Flatten(), L.Dense(n, n), L.Reshape(shape)), {
        "1": {"W": np.zeros((n, n)), "b": np.full(n, value)}
    }


def test_rounds_log_all_losses_and_all_gradients(rng):
    """Of the generators the terms too; a player whose gradient dies is seen in the log."""
    model = small()
    p, (a, b), _ = point(rng, model)
    done = train(game(model), p, (a, b[: len(a)]), rng=rng, epochs=1, batch=2, progress=False)
    told = done.log[-1]["train"]
    for player in PLAYERS:
        assert told[f"{player}.loss"] > 0 and told[f"{player}.gradient"] > 0
    for name in ("discriminator_a", "discriminator_b"):
        assert 0 <= told[f"{name}.real"] <= 1 and 0 <= told[f"{name}.fake"] <= 1


# The losses, by definition


def test_the_generators_loss_is_that_of_the_paper(rng):
    model = small(cycle=10.0, history=0)
    p, (a, b), _ = point(rng, model)

    def run(net, params, x):
        return net.forward(params, x)[0]

    G, F = (lambda x, k=k: run(getattr(model, k), p["generators"][k], x) for k in p["generators"])
    D_a, D_b = (
        lambda x, k=k: run(getattr(model, k), p[k], x)
        for k in ("discriminator_a", "discriminator_b")
    )
    gan = ((D_b(G(a)) - 1) ** 2).mean() + ((D_a(F(b)) - 1) ** 2).mean()
    cycle = abs(F(G(a)) - a).mean() + abs(G(F(b)) - b).mean()
    identity = abs(G(b) - b).mean() + abs(F(a) - a).mean()
    value, backward = model.generators_loss(p, (a, b))
    assert value == pytest.approx(gan + 10 * (cycle + 0.5 * identity), rel=1e-12)
    expected = {"adversarial": gan / 2, "cycle": cycle, "identity": identity}
    assert backward.terms == pytest.approx(expected, rel=1e-12)
    d_b = (((D_b(b) - 1) ** 2).mean() + (D_b(G(a)) ** 2).mean()) / 2
    assert model.discriminator_b_loss(p, (a, b), {})[0] == pytest.approx(d_b, rel=1e-12)
    d_a = (((D_a(a) - 1) ** 2).mean() + (D_a(F(b)) ** 2).mean()) / 2
    assert model.discriminator_a_loss(p, (a, b), {})[0] == pytest.approx(d_a, rel=1e-12)


def test_the_weights_are_the_papers_where_none_are_given():
    nets = *(L.Dense(2, 2) for _ in "GF"), *(L.Dense(2, 1) for _ in "ab")
    model = CycleGAN(*nets, (2,), (2,))
    assert (model.cycle, model.identity, model.adversarial, model.history) == (10, 0.5, 2, 50)


def test_it_does_not_matter_which_a_stands_beside_which_b(rng):
    model = small()
    p, (a, b), noise = point(rng, model)
    value, backward = model.generators_loss(p, (a, b), noise)
    other, other_backward = model.generators_loss(p, (a, b[::-1].copy()), noise)
    assert other == pytest.approx(value, rel=1e-12)
    for (name, x), (_, y) in zip(
        tree.leaves(backward.dp()), tree.leaves(other_backward.dp()), strict=True
    ):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-13, err_msg=name)


def test_a_map_and_its_inverse_pay_for_neither_cycle_nor_discriminators_at_rest(rng):
    model = CycleGAN(*(L.Dense(2, 2) for _ in "GF"), *(L.Dense(2, 1) for _ in "ab"), (2,), (2,),
                     identity=0.0)  # fmt: skip
    p = model.init(rng, np.float64)
    R = np.array([[0.6, 0.8], [-0.8, 0.6]])
    for name, W in {"a_to_b": R, "b_to_a": R.T}.items():
        p["generators"][name] = {"W": W, "b": np.zeros(2)}
    for of in "ab":
        p[f"discriminator_{of}"] = {"W": np.zeros((2, 1)), "b": np.full(1, 0.5)}
    a = rng.normal(size=(5, 2))
    x = (a, a @ R)
    value, backward = model.generators_loss(p, x)
    assert backward.terms["cycle"] < 1e-15 and value == pytest.approx(2 * 0.25)
    assert max(abs(g).max() for _, g in tree.leaves(backward.dp())) < 10  # the sign at 0 is no more
    assert model.discriminator_a_loss(p, x, model.draw_noise(rng, x))[0] == pytest.approx(0.25)


# The players


@pytest.mark.parametrize("i", range(3))
def test_a_turn_moves_all_of_its_player_and_no_bit_of_the_others(rng, i):
    model = small()
    p, x, _ = point(rng, model)
    before, turn = tree.map(np.copy, p), game(model).turns[i]
    turn.play(p, Game(turn).init(p)[turn.name], x, rng)
    mine = PLAYERS[i]
    for other in set(PLAYERS) - {mine}:
        assert_equal_bits(p[other], before[other])
    for (name, a), (_, b) in zip(tree.leaves(p[mine]), tree.leaves(before[mine]), strict=True):
        assert (a != b).any(), name


def test_the_gradient_of_a_player_holds_that_player_alone(rng):
    model = small()
    p, x, noise = point(rng, model)
    for player in PLAYERS:
        backward = getattr(model, f"{player}_loss")(p, x, noise)[1]
        assert backward.dp().keys() == {player} and backward.dx() == ()


@pytest.mark.parametrize("of, follows", [("b", "a_to_b"), ("a", "b_to_a")])
def test_a_generator_follows_the_discriminator_of_what_it_makes(rng, of, follows):
    model = small(identity=0.5)
    p, x, noise = point(rng, model)
    other = p | {f"discriminator_{of}": tree.scale(p[f"discriminator_{of}"], 1.1)}
    one, two = (model.generators_loss(q, x, noise)[1].dp()["generators"] for q in (p, other))
    for name in one:
        moved = max(abs(a - b).max() for (_, a), (_, b) in
                    zip(tree.leaves(one[name]), tree.leaves(two[name]), strict=True))  # fmt: skip
        assert (moved > 1e-6) == (name == follows), name


def with_generators(model, p, x):
    """The generators' loss as a function of their parameters alone."""

    def f(own, _):
        value, backward = model.generators_loss({**p, "generators": own}, x)
        return value, Pullback(lambda d: backward.dp(d)["generators"], lambda d: 0 * _, value)

    return f


@pytest.mark.parametrize("planted", ["", "first", "second"])
def test_a_cycle_detached_in_the_middle_is_found(rng, planted):
    """Without the gradient that comes along the way back, the first generator is not the loss's."""

    class Detached(CycleGAN):
        def make(self, p, to, x):
            y, backward = super().make(p, to, x)
            if planted == "first":  # the way back hands nothing on
                return y, Pullback.whole(lambda d: (backward.dp(d), 0 * x), y)
            if planted == "second":  # the way back keeps nothing
                return y, Pullback.whole(
                    lambda d: (tree.scale(backward(d)[0], 0), backward.dx(d)), y
                )
            return y, backward

    net, c = (lambda: L.Dense(2, 2)), (lambda: L.Sequential(L.Dense(2, 3), L.Tanh(), L.Dense(3, 1)))
    model = Detached(net(), net(), c(), c(), (2,), (2,), identity=0.0, history=0)
    p, x = model.init(rng, np.float64), (rng.normal(size=(4, 2)), rng.normal(size=(3, 2)))
    f = with_generators(model, p, x)
    assert check_gradients(f, p["generators"], np.zeros(1), rng=rng, wrt_x=False).passed == (
        planted == ""
    )


def test_scores_of_patches_count_alike(rng):
    """A discriminator of one patch an example, or of the same score four times: one loss."""

    class Fourfold(L.Layer):
        def forward(self, p, x):
            y = np.broadcast_to(x[:, None, None, :], (len(x), 2, 2, 1)).copy()
            return y, Pullback(lambda dy: {}, lambda dy: dy.sum(axis=(1, 2)), y)

    def made(tail):
        critics = [L.Sequential(*(L.Dense(2, 1), *tail)) for _ in "ab"]
        return CycleGAN(L.Dense(2, 2), L.Dense(2, 2), *critics, (2,), (2,), history=0)

    one, four = made(()), made((Fourfold(),))
    p, x = one.init(rng, np.float64), (rng.normal(size=(4, 2)), rng.normal(size=(3, 2)))
    for player in PLAYERS:
        (value, backward), (other, other_backward) = (
            getattr(model, f"{player}_loss")(p, x, {}) for model in (one, four)
        )
        assert value == pytest.approx(other, rel=1e-12)
        for (_, a), (_, b) in zip(
            tree.leaves(backward.dp()), tree.leaves(other_backward.dp()), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


def test_shares_told_rightly_and_the_mean_scores_of_a_critic(rng):
    model = small(history=0)
    p, x, _ = point(rng, model)
    terms = model.discriminator_b_loss(p, x, {})[1].terms
    assert 0 <= terms["real"] <= 1 and 0 <= terms["fake"] <= 1
    critic = small(history=0, objective=Wasserstein())
    value, backward = critic.discriminator_b_loss(p, x, {})
    assert value == pytest.approx(backward.terms["fake"] - backward.terms["real"])


def test_l1_and_its_pullback(rng):
    y, x = rng.normal(size=(2, 3, 4))
    value, dy = l1(y, x)
    assert value == pytest.approx(abs(y - x).sum() / 12)
    np.testing.assert_array_equal(dy(3.0), 3 * np.sign(y - x) / 12)


# The history


def test_an_empty_slot_shows_and_keeps_the_new_fake(rng):
    history, fakes = empty_history(B, (2,), np.float64), rng.normal(size=(3, 2))
    noise = {"slot": np.array([4, 0, 2]), "old": np.array([True, False, True])}
    shown, after = exchange(history, noise, fakes)
    np.testing.assert_array_equal(shown, fakes)
    np.testing.assert_array_equal(after["fakes"][[4, 0, 2]], fakes)
    assert after["held"].tolist() == [1, 0, 1, 0, 1] and not history["held"].any()


def test_a_full_slot_gives_its_fake_for_the_new_one_or_stays_as_the_coin_says(rng):
    stored, fakes = rng.normal(size=(B, 2)), rng.normal(size=(2, 2))
    history = {"fakes": stored, "held": np.ones(B)}
    noise = {"slot": np.array([3, 1]), "old": np.array([True, False])}
    shown, after = exchange(history, noise, fakes)
    np.testing.assert_array_equal(shown, [stored[3], fakes[1]])
    np.testing.assert_array_equal(after["fakes"], [*stored[:3], fakes[0], stored[4]])


def test_half_of_what_is_shown_is_old_and_each_fake_has_a_slot_of_its_own(rng):
    drawn = [draw_slots(rng, 4, 5, np.zeros(1)) for _ in range(500)]
    assert all(len(set(d["slot"])) == 4 and d["slot"].max() < 5 for d in drawn)
    assert np.mean([d["old"] for d in drawn]) == pytest.approx(0.5, abs=0.05)


def test_a_turn_of_a_discriminator_leaves_the_next_history_in_p(rng):
    model = small()
    p, x, _ = point(rng, model)
    before = dict(p)
    bits = p["history_b"]["fakes"].tobytes()
    turns = game(model).turns
    _, backward = turns[2].measure(p, x, model.draw_noise(np.random.default_rng(5), x))
    turns[2].play(p, Game(turns[2]).init(p)["discriminator_b"], x, np.random.default_rng(5))
    assert_equal_bits(p["history_b"], backward.after["history_b"])
    assert backward.after.keys() == {"history_b"} and p["history_a"] is before["history_a"]
    assert before["history_b"]["fakes"].tobytes() == bits != p["history_b"]["fakes"].tobytes()


def test_the_discriminator_is_shown_the_old_fakes(rng):
    model = small()
    p, x, noise = point(rng, model)
    noise["b"] = {"slot": np.arange(N), "old": np.array([True] * N)}  # slots 0 .. 2 are full
    other = p | {"history_b": p["history_b"] | {"fakes": p["history_b"]["fakes"] + 0.1}}
    for of, same in (("b", False), ("a", True)):
        loss = getattr(model, f"discriminator_{of}_loss")
        assert (loss(p, x, noise)[0] == loss(other, x, noise)[0]) == same


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(rng, tmp_path):
    model = small(identity=0.5, history=4)
    p = model.init(rng)
    x = unpaired(rng, *(rng.uniform(size=(n, 4, 6, 1)).astype(np.float32) for n in (7, 4)))
    asked = {"batch": 3, "progress": False}

    def trained(steps, run=None):
        rng = np.random.default_rng(1)
        return train(game(model), p, x, rng=rng, steps=steps, run=run, **asked).p

    whole = trained(8)
    folder = Run.create(tmp_path / "run", {})
    trained(5, folder)
    flat, _ = checkpoint.load(folder.checkpoint)
    assert flat["p.history_a.held"].any()
    assert_equal_bits(trained(8, Run.open(tmp_path / "run")), whole)
    assert np.isin(whole["history_a"]["held"], (0, 1)).all() and whole["history_a"]["held"].all()


# The nets


def test_words_make_the_generator_of_the_paper():
    net = residual_generator(3, 3)
    words = "c7s1-64,d128,d256,R256x9,u128,u64,c7s1-3"
    assert net == generator_net(words, 3) == generator_net(words.replace("x9", ",R256" * 8), 3)
    # The authors' code counts 11378179, with a bias before each norm and nothing in it; here a
    # norm has a scale and a shift for each of its 5248 channels.
    assert tree.count(net.init(np.random.default_rng(0))) == 11_378_179 + 5248


def test_a_generator_keeps_the_size_and_ends_in_minus_one_to_one(rng):
    net = residual_generator(1, 3, width=2, blocks=1)
    y, _ = net.forward(net.init(rng), 9 * rng.normal(size=(2, 12, 8, 1)).astype(np.float32))
    assert y.shape == (2, 12, 8, 3) and abs(y).max() <= 1


@pytest.mark.parametrize("widths, side", [((64, 128, 256, 512), 70), ((4, 6), 16), ((4,), 7)])
def test_a_score_sees_one_patch(rng, widths, side):
    assert patch(widths) == side
    if side == 70:
        return
    net = patch_discriminator(1, widths)
    p, x = net.init(rng, np.float64), rng.normal(size=(1, 32, 32, 1))
    # without the norms, which see the whole image
    layers = {k: layer for k, layer in net.layers.items() if not isinstance(layer, L.InstanceNorm)}
    bare = L.Sequential(**layers)
    y, backward = bare.forward({k: v for k, v in p.items() if k in layers}, x)
    seed = np.zeros_like(y)
    seed[0, y.shape[1] // 2, y.shape[2] // 2] = 1
    rows, columns = np.nonzero(backward.dx(seed)[0, ..., 0])
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (side, side)


def test_waves_keep_their_length_and_get_scores_for_stretches(rng):
    net, critic = wave_generator(4, 2, 5), wave_discriminator((4, 6))
    x = rng.normal(size=(2, 20, 1)).astype(np.float32)
    y, _ = net.forward(net.init(rng), x)
    assert y.shape == x.shape and critic.forward(critic.init(rng), y)[0].shape == (2, 5, 1)


def test_a_whole_model_of_the_paper_s_nets_is_built_and_moves(rng):
    model = conv_cycle_gan((8, 8, 1), (8, 8, 1), 2, 1, 1, (2, 3), kernel=3, history=2)
    p = model.init(rng, weights="dcgan")
    before = tree.map(np.copy, p)
    x = tuple(rng.uniform(size=(2, 8, 8, 1)).astype(np.float32) for _ in "ab")
    whole = game(model)
    whole.play(p, whole.init(p), [x], rng)
    for name in PLAYERS:
        for (leaf, a), (_, b) in zip(tree.leaves(p[name]), tree.leaves(before[name]), strict=True):
            assert (a != b).any(), leaf


def test_signed_images_are_the_caller_s_in_0_to_1(rng):
    model = small(signed=True, identity=0.0)
    p, (a, b), _ = point(rng, model)
    fake = model.a_to_b.forward(p["generators"]["a_to_b"], 2 * a - 1)[0]
    np.testing.assert_allclose(model.translate(p, a), (fake + 1) / 2)
    assert model.translate(p, b, "a").shape == (len(b), *model.shape_a)


# Sets without pairs


def test_sets_are_paired_at_random_and_the_shorter_one_comes_again(rng):
    a, b = np.arange(7), np.arange(100, 103)
    x, y = unpaired(rng, a, b)
    assert sorted(x) == a.tolist() and len(y) == 7
    assert set(np.unique(y, return_counts=True)[1]) == {2, 3}
    assert sorted(y[:3]) == sorted(y[3:6]) == b.tolist()


def test_sets_that_came_aligned_do_not_leave_so(rng):
    a = np.arange(1000)
    x, y = unpaired(rng, a, a)
    assert (x == y).sum() < 10


def test_a_set_without_examples_is_refused(rng):
    with pytest.raises(DataError, match="unpaired: expected examples of both sets, got 3 and 0"):
        unpaired(rng, np.ones(3), np.ones(0))


# What is refused


def images(*shape):
    return np.zeros(shape, np.float32)


def test_other_channels_need_an_identity_weight_of_zero():
    says = r"a \(24, 24, 1\), b \(24, 24, 3\): use identity=0, or give a grey image three"
    with pytest.raises(ValueError, match=rf"{says} channels with np\.repeat"):
        conv_cycle_gan((24, 24, 1), (24, 24, 3), 2, 1, 1)
    model = conv_cycle_gan((24, 24, 1), (24, 24, 3), 2, 1, 1, identity=0)
    p = model.init(np.random.default_rng(0))
    assert model.translate(p, images(1, 24, 24, 1)).shape == (1, 24, 24, 3)


@pytest.mark.parametrize("shape, crop", [((30, 28, 1), "28 x 28"), ((28, 7, 1), "28 x 4")])
def test_sizes_that_strides_do_not_reach_are_refused(shape, crop):
    with pytest.raises(ValueError, match=f"2 halvings need sizes that are multiples of 4.*{crop}"):
        conv_cycle_gan(shape, shape)
    net = residual_generator(1, 1, width=2, blocks=1)
    model = CycleGAN(net, net, patch_discriminator(1, (2, 3)), patch_discriminator(1, (2, 3)),
                     (10, 10, 1), (10, 10, 1))  # fmt: skip
    x = (images(1, 10, 10, 1),) * 2
    with pytest.raises(ValueError, match=r"a_to_b made examples of shape \(12, 12, 1\), expected "
                                         r"\(10, 10, 1\): its strides must divide"):  # fmt: skip
        model.generators_loss(model.init(np.random.default_rng(0)), x)


def test_sets_of_two_sizes_are_refused():
    with pytest.raises(
        ValueError, match=r"the generators keep height and width, got a .* one size"
    ):
        conv_cycle_gan((8, 8, 1), (8, 4, 1))


@pytest.mark.parametrize(
    "options, says",
    [
        ({"cycle": -1.0}, "cycle must be a finite number >= 0.0, got -1"),
        ({"identity": np.nan}, "identity must be a finite number"),
        ({"adversarial": -2.0}, "adversarial must be"),
        ({"history": -1}, "history must be a whole number >= 0, got -1"),
    ],
)
def test_weights_below_zero_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        small(**options)


@pytest.mark.parametrize(
    "words, says",
    [
        ("c7s1-4,d8,x3,c7s1-1", "'x3' is no word"),
        ("c7s1-4,R4", "'R4' is no word, or none to end with"),
        ("c7s1-4,R8,c7s1-1", "R8 is given 4 channels"),
        ("c6s1-4,c7s1-1", "a kernel must be odd and 3 or more, got 6"),
        ("", "'' is no word"),
    ],
)
def test_words_that_are_none_are_refused(words, says):
    with pytest.raises(ValueError, match=f"generator_net: {says}"):
        generator_net(words, 1)


def test_an_even_kernel_over_time_is_refused():
    with pytest.raises(ValueError, match="wave_generator: kernel must be odd, got 4"):
        wave_generator(kernel=4)


def test_a_history_smaller_than_a_batch_is_refused(rng):
    model = small(history=2)
    x = (images(3, 4, 6, 1),) * 2
    with pytest.raises(ValueError, match="a history of 2 fakes holds less than a batch of 3: take "
                                         "a history of 3 or more"):  # fmt: skip
        model.draw_noise(rng, x)


def test_what_is_no_pair_of_sets_is_refused(rng):
    model = small()
    p = model.init(rng)
    good = images(2, 4, 6, 1)
    with pytest.raises(TypeError, match=r"expected \(a, b\), examples of both sets, got ndarray"):
        model.generators_loss(p, good)
    with pytest.raises(ValueError, match=r"CycleGAN: b: expected x of shape \(N, 4, 6, 1\), got"):
        model.generators_loss(p, (good, images(2, 4, 5, 1)))
    with pytest.raises(ValueError, match=r"expected the parameters .*history_a.*, got"):
        model.generators_loss({k: p[k] for k in PLAYERS}, (good, good))
    with pytest.raises(ValueError, match='translate to "a" or to "b", got \'c\''):
        model.translate(p, good, "c")


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_round_on_the_device_is_that_on_the_host(device, rng):
    model = small(history=4)
    p, x, _ = point(rng, model)
    for of in "ab":
        p[f"history_{of}"] = empty_history(4, (4, 6, 1), np.float64)
    (mine, theirs), whole = (tree.map(np.copy, p), to_device(p, device)), game(model)
    x = (x[0], x[1][:N])
    for weights, data in ((mine, x), (theirs, to_device(x, device))):
        state = whole.init(weights)
        for step in range(3):
            whole.play(weights, state, [data], np.random.default_rng(step), step)
    for (name, a), (_, b) in zip(tree.leaves(mine), tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, to_host(b), rtol=1e-6, atol=1e-9, err_msg=name)
    assert to_host(model.translate(theirs, to_device(x[0], device))).shape == x[1].shape
