"""DCGAN: two nets of convolutions in a game, told a label or not, and what each turn may touch."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.data import load
from tinygen.game import Game
from tinygen.models.dcgan import DCGAN, dcgan, default_features, discriminator, sizes
from tinygen.models.labels import told
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.systems.duel import duel
from tinygen.training import train

SHAPE, K = (8, 8, 1), 3


def small(rng, classes=0, n=5):
    """A small DCGAN, its parameters and data, in double precision, away from the small start."""
    model = dcgan(SHAPE, 6, (4, 5), classes)
    p = jittered(rng, model.init(rng, np.float64, "glorot"))
    x = rng.uniform(size=(n, *SHAPE))
    return model, p, (x, rng.integers(K, size=n)) if classes else x


def own_gradients(model, p, x, noise, player):
    return getattr(model, f"{player}_loss")(p, x, noise)[1].dp()[player]


def differences(a, b):
    return {
        name: abs(one - other).max()
        for (name, one), (_, other) in zip(tree.leaves(a), tree.leaves(b), strict=True)
    }


PLAYERS = [("discriminator", "generator"), ("generator", "discriminator")]


# The game


@pytest.mark.parametrize("classes", [0, K])
@pytest.mark.parametrize(("mine", "other"), PLAYERS)
def test_a_turn_moves_all_of_its_player_and_no_bit_of_the_other(rng, mine, other, classes):
    model, p, x = small(rng, classes, n=20)
    before = tree.map(np.copy, p)
    (turn,) = (t for t in duel(model, adam(1e-3), adam(1e-3)).turns if t.player == mine)
    turn.play(p, Game(turn).init(p)[turn.name], x, rng)
    assert not any(differences(p[other], before[other]).values())
    assert all(differences(p[mine], before[mine]).values())  # no gradient is zero: no bias in vain


@pytest.mark.parametrize("classes", [0, K])
def test_the_generator_follows_the_discriminator(rng, classes):
    model, p, x = small(rng, classes)
    noise = model.draw_noise(rng, x)
    other = p | {"discriminator": tree.scale(p["discriminator"], 1.1)}
    a, b = (own_gradients(model, q, x, noise, "generator") for q in (p, other))
    assert all(d > 1e-6 for d in differences(a, b).values())


class Watched(L.Layer):
    """A discriminator that remembers the batches it was shown; its score is their mean pixel."""

    def __init__(self):
        self.seen = []

    def forward(self, p, x):
        self.seen.append(x)
        y = x.mean(axis=(1, 2, 3))[:, None]
        return y, Pullback(lambda d: {}, lambda d: 0 * x, y)


def test_real_and_fake_are_shown_in_batches_of_their_own(rng):
    model, p, x = small(rng)
    watched = Watched()
    DCGAN(model.generator, watched, 6, signed=True).discriminator_loss(
        p, x, model.draw_noise(rng, x)
    )
    real, fake = watched.seen
    np.testing.assert_array_equal(real, 2 * x - 1)
    assert fake.shape == real.shape and abs(fake).max() < 1


def test_the_discriminators_norms_take_the_statistics_of_one_batch_at_a_time(rng):
    """Scores of data do not move with the fakes beside them, as in one joint batch they would."""
    model, p, x = small(rng)
    D, p_D = model.discriminator, p["discriminator"]
    fake = np.tanh(rng.normal(size=x.shape))
    alone, _ = D.forward(p_D, 2 * x - 1)
    joint, _ = D.forward(p_D, np.concatenate([2 * x - 1, fake]))
    assert abs(joint[: len(x)] - alone).max() > 1e-3
    value, _ = model.discriminator_loss(p, x, model.draw_noise(rng, x))
    noise = model.draw_noise(np.random.default_rng(0), x)
    value, _ = model.discriminator_loss(p, x, noise)
    f, _ = D.forward(p_D, model.generator.forward(p["generator"], noise["z"])[0])
    assert value == pytest.approx(np.logaddexp(0, -alone).mean() + np.logaddexp(0, f).mean())


# A detach in the wrong place


class NoGradientIntoFakes(DCGAN):
    """G's turn with its fakes detached: the bug by which a generator never learns."""

    def generator_loss(self, p, x, noise):
        value, backward = super().generator_loss(p, x, noise)
        return value, Pullback(lambda d: tree.scale(backward.dp(d), 0.0), lambda d: (), value)


class DetachedNorm(L.BatchNorm):
    """A batch norm whose mean and variance are taken as constants in the backward pass."""

    def forward(self, p, x, statistics=None):
        y, backward = super().forward(p, x)
        rows = x.reshape(-1, self.n)
        scale = p["gamma"] / np.sqrt(rows.var(axis=0) + self.eps)
        return y, Pullback(backward.dp, lambda dy: dy * scale, y)


class RealAlone(DCGAN):
    """D's turn that forgets what the fakes say."""

    def discriminator_loss(self, p, x, noise):
        value, _ = super().discriminator_loss(p, x, noise)
        D, p_D = self.discriminator, p["discriminator"]
        scores, backward = D.forward(p_D, self.parts(x)[0])
        _, judged = self.objective.discriminator(scores, scores)

        def dp(d):
            return {"discriminator": backward.dp(judged.dx(d)[0])}

        return value, Pullback(dp, lambda d: (), value)


def with_detached_norms(model):
    """The same model, its discriminator's norms replaced."""
    D = model.discriminator
    swapped = {
        name: DetachedNorm(layer.n) if isinstance(layer, L.BatchNorm) else layer
        for name, layer in D.layers.items()
    }
    return DCGAN(model.generator, D.with_layers(swapped), model.n_latent, signed=True)


def report(model, p, x, player):
    """The gradient check of one player's loss, the other's parameters standing still."""
    noise = model.draw_noise(np.random.default_rng(0), x)

    def f(own, x):
        value, backward = getattr(model, f"{player}_loss")(p | {player: own}, x, noise)
        return value, Pullback(lambda d: backward.dp(d)[player], backward.dx, value)

    return check_gradients(f, p[player], x, rng=np.random.default_rng(1), wrt_x=False)


@pytest.mark.parametrize(
    ("planted", "player"),
    [
        (lambda m: NoGradientIntoFakes(m.generator, m.discriminator, 6, signed=True), "generator"),
        (with_detached_norms, "generator"),
        (with_detached_norms, "discriminator"),
        (lambda m: RealAlone(m.generator, m.discriminator, 6, signed=True), "discriminator"),
    ],
)
def test_a_detach_in_the_wrong_place_is_caught(rng, planted, player):
    """The right ones pass: tinygen/cases/dcgan.py."""
    model = dcgan((4, 4, 1), 6, (2, 3))
    p, x = jittered(rng, model.init(rng, np.float64, "glorot")), rng.uniform(size=(3, 4, 4, 1))
    assert not report(planted(model), p, x, player).passed


# The nets


def test_the_nets_of_64_pixels_are_those_of_the_reference_code():
    """PyTorch's example (3 colours, 64 features) has 3576704 and 2765568 weights, and no biases."""
    p = dcgan((64, 64, 3)).init(np.random.default_rng(0))
    biases = {"generator": 3, "discriminator": 64 + 1}  # of the layers without a norm behind
    published = {"generator": 3_576_704, "discriminator": 2_765_568}
    for player, count in published.items():
        assert tree.count(p[player]) == count + biases[player]


@pytest.mark.parametrize(
    ("shape", "features", "smallest"),
    [
        ((28, 28, 1), (64, 128), (7, 7)),
        ((32, 32, 3), (64, 128, 256), (4, 4)),
        ((64, 64, 3), (64, 128, 256, 512), (4, 4)),
        ((8, 8, 1), (64,), (4, 4)),
        ((28, 20, 1), (64, 128), (7, 5)),
        ((6, 6, 1), (64,), (3, 3)),
    ],
)
def test_sides_are_halved_as_often_as_they_can_be(shape, features, smallest):
    assert default_features(shape) == features
    assert sizes(shape, features)[-1] == smallest


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (8, 4, 2)])
@pytest.mark.parametrize("classes", [0, K])
def test_fakes_have_the_shape_of_the_data(rng, shape, classes):
    model = dcgan(shape, 5, (4, 3), classes)
    p = model.init(rng)
    labels = rng.integers(K, size=3) if classes else None
    drawn = model.sample(p, rng, 3, labels)
    assert drawn.shape == (3, *shape) and drawn.dtype == np.float32
    assert 0 <= drawn.min() < 0.5 < drawn.max() <= 1


def test_no_norm_stands_at_the_generators_output_and_the_discriminators_input():
    model = dcgan((32, 32, 1))
    G, D = model.generator.layers, model.discriminator.layers
    assert list(G)[-2:] == ["up3", "tanh"] and "norm3" not in G
    assert list(D)[:3] == ["conv1", "leak1", "conv2"] and "norm1" not in D
    assert {type(x) for x in G.values()} <= {
        *(L.Dense, L.Reshape, L.BatchNorm, L.Relu, L.ConvTranspose2d, L.Tanh)
    }


def test_weights_start_small_and_scales_near_one(rng):
    p = dcgan((28, 28, 1), classes=10).init(rng)
    for name, w in tree.leaves(p):
        leaf = name.rpartition(".")[2]
        centre = {"gamma": 1.0}.get(leaf, 0.0)
        if leaf in ("b", "beta"):
            assert not w.any(), name
        else:
            error = 0.02 / np.sqrt(w.size)
            assert abs(w.mean() - centre) < 5 * error, name
            assert abs(w.std() - 0.02) < 5 * error, name


# Labels


def test_a_label_bias_is_the_dense_layer_of_the_input_beside_the_one_hot_label(rng):
    W, V, z, y = (
        *(rng.normal(size=(6, 5)), rng.normal(size=(K, 5)), rng.normal(size=(4, 6))),
        np.array([2, 0, 2, 1]),
    )
    joint = np.concatenate([z, np.eye(K)[y]], axis=1) @ np.concatenate([W, V])
    np.testing.assert_allclose(L.LabelBias(K, 5).forward({"V": V}, z @ W, y)[0], joint)


def test_a_label_bias_is_the_convolution_of_the_image_beside_its_planes(rng):
    """But for the border: with padding the planes end there, and fewer taps meet them."""
    x, y = rng.normal(size=(2, 8, 6, 1)), np.array([2, 0])
    planes = np.broadcast_to(np.eye(K)[y][:, None, None], (2, 8, 6, K))
    both = L.Conv2d(1 + K, 5, 4, 2, 1, bias=False)
    W = rng.normal(size=(4, 4, 1 + K, 5))
    joint, _ = both.forward({"W": W}, np.concatenate([x, planes], axis=3))
    image, _ = L.Conv2d(1, 5, 4, 2, 1, bias=False).forward({"W": W[:, :, :1]}, x)
    V = W[:, :, 1:].sum(axis=(0, 1))  # over the taps (K, 5)
    found, _ = L.LabelBias(K, 5).forward({"V": V}, image, y)
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], joint[:, 1:-1, 1:-1])


def slope(net, p, x, labels):
    scores, backward = net.forward(p, x, told(net, labels))
    return backward.dx(np.ones_like(scores))


def test_the_discriminator_judges_image_and_label_together(rng):
    """Where a fake should move hangs on its label; behind the last layer it would not."""
    model, p, (x, y) = small(rng, K)
    D, p_D = model.discriminator, p["discriminator"]
    assert abs(slope(D, p_D, x, y) - slope(D, p_D, x, (y + 1) % K)).max() > 1e-6
    net = discriminator(SHAPE, (4, 5))
    late = L.Sequential(**net.layers, label=L.LabelBias(K, 1))
    q = late.init(rng, np.float64)
    np.testing.assert_array_equal(slope(late, q, x, y), slope(late, q, x, (y + 1) % K))


def test_behind_each_layer_but_the_last_the_label_has_a_say(rng):
    model = dcgan(SHAPE, 6, (4, 5), K, hidden=7)
    p = jittered(rng, model.init(rng, np.float64, "glorot"))
    x, y = rng.uniform(size=(5, *SHAPE)), np.array([0, 1, 2, 0, 1])
    z = model.draw_z(rng, 5, x)
    for net, w, given, layers in (
        (model.generator, p["generator"], z, ["label_hidden", "label0", "label1"]),
        (model.discriminator, p["discriminator"], 2 * x - 1, ["label1", "label2", "label_hidden"]),
    ):
        assert list(told(net, y)) == layers
        for name in layers:
            other = w | {name: {"V": w[name]["V"] + np.arange(K)[:, None]}}  # one class more than
            a, b = (net.forward(v, given, told(net, y))[0] for v in (w, other))  # another
            assert abs(a - b).max() > 1e-3, name


def test_the_same_code_gives_another_image_for_another_label(rng):
    model, p, _ = small(rng, K)
    z = np.repeat(model.draw_z(rng, 1, p["generator"]["project"]["W"]), K, axis=0)
    drawn = model.sample(p, rng, K, labels=np.arange(K), z=z)
    assert abs(drawn[0] - drawn[1]).max() > 1e-3 < abs(drawn[1] - drawn[2]).max()


# Samples


def test_a_sample_does_not_hang_on_those_beside_it(rng):
    model, p, _ = small(rng)
    z = model.draw_z(rng, 6, p["generator"]["project"]["W"])
    one, many = (
        model.sample(p, np.random.default_rng(3), len(part), z=part) for part in (z[:1], z)
    )
    np.testing.assert_allclose(one[0], many[0], rtol=1e-10)


@pytest.mark.parametrize("device", ["pretend"], indirect=True)
def test_a_device_draws_what_the_host_draws(rng, device):
    model, p, _ = small(rng, K)
    here, there = (
        model.sample(q, np.random.default_rng(3), 4, labels=np.array([0, 1, 2, 0]))
        for q in (p, to_device(p, device))
    )
    np.testing.assert_allclose(to_host(there), here, rtol=1e-10)


def test_training_brings_the_samples_to_the_data():
    x = load("digits").train.x[:256]
    model, rng = dcgan(SHAPE, 10, (16,)), np.random.default_rng(0)
    game = duel(model, adam(1e-3, beta1=0.5), adam(1e-3, beta1=0.5))
    p = model.init(rng)
    done = train(game, p, x, rng=rng, steps=150, batch=32, progress=False)

    def gap(q):
        drawn = model.sample(q, np.random.default_rng(1), 256)
        return np.sqrt(((drawn.mean(axis=0) - x.mean(axis=0)) ** 2).mean())

    assert gap(p) > 0.25 and gap(done.p) < 0.1
    assert {"discriminator.real", "generator.gradient"} <= done.log[-1]["train"].keys()


# What is refused


@pytest.mark.parametrize(
    ("shape", "features", "says"),
    [
        ((28, 28, 1), (8, 8, 8), r"28 x 28 pixels cannot be halved 3 times, for 7 x 7 is odd: "
                                 r"give 2 features, or crop or pad .* that 8 divides"),
        ((25, 24, 1), None, r"25 x 24 pixels cannot be halved 1 times, for 25 x 24 is odd: "
                            r"crop or pad the images to sides that 2 divides"),
        ((28, 28), None, r"shape must be \(H, W, C\)"),
        ((28, 28, 1), (), r"features must be a tuple of 1 or more"),
        ((28, 28, 1), (8, 0), r"features must be a tuple of 1 or more"),
    ],
)  # fmt: skip
def test_sides_that_the_strides_cannot_reach_are_refused(shape, features, says):
    with pytest.raises(ValueError, match=says):
        dcgan(shape, features=features)


@pytest.mark.parametrize("hidden", [-1, 2.5, "many", 0.0, False])
def test_hidden_units_that_cannot_be_are_refused(hidden):
    with pytest.raises(ValueError, match=r"dcgan: hidden \(0: none\) must be a whole number >= 1"):
        dcgan(SHAPE, 6, (4, 5), hidden=hidden)


def test_labels_that_no_layer_takes_are_refused(rng):
    model = dcgan(SHAPE, 6, (4, 5))
    bare = DCGAN(model.generator, model.discriminator, 6, classes=K)
    x = rng.uniform(size=(4, *SHAPE)), rng.integers(K, size=4)
    with pytest.raises(ValueError, match="labels were given to a Sequential no layer of which"):
        bare.generator_loss(bare.init(rng), x, bare.draw_noise(rng, x))


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_batch_of_one_image_is_refused(rng, player):
    model, p, x = small(rng, n=1)
    with pytest.raises(ValueError, match="a batch of one image leaves batch norm nothing"):
        getattr(model, f"{player}_loss")(p, x, model.draw_noise(rng, x))


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        (np.array([0, 3]), ValueError, r"LabelBias: labels must lie in 0..2, got 0..3"),
        (np.array([-1, 0]), ValueError, r"LabelBias: labels must lie in 0..2, got -1..0"),
        (np.array([0.0, 1.0]), TypeError, r"LabelBias: expected whole numbers as labels, got f"),
        (np.array([0, 1, 2, 0]), ValueError, r"LabelBias: expected 2 labels, one an example"),
        (None, TypeError, r"LabelBias: expected whole numbers as labels, got NoneType: give them"),
    ],
)
def test_what_is_no_label_is_refused(labels, error, says):
    layer = L.LabelBias(3, 5)
    with pytest.raises(error, match=says):
        layer.forward({"V": np.zeros((3, 5))}, np.ones((2, 5)), labels)


def test_a_conditional_model_wants_labels_and_another_none(rng):
    model, p, (x, y) = small(rng, K)
    with pytest.raises(TypeError, match=r"expected \(x, y\), data and their labels"):
        model.discriminator_loss(p, x, model.draw_noise(rng, x))
    with pytest.raises(ValueError, match="has 3 classes, and labels were not given"):
        model.sample(p, rng, 2)
    plain, q, _ = small(rng)
    with pytest.raises(ValueError, match="has 0 classes, and labels were given: leave them out"):
        plain.sample(q, rng, 2, labels=y[:2])
