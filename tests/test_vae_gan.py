"""VAE-GAN: three players, which gradient goes to whom, and leaks that are found."""

import dataclasses

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host, tree
from tinygen import layers as L
from tinygen.adversarial import Wasserstein
from tinygen.cases.common import jittered
from tinygen.cases.vae_gan import conv, dense
from tinygen.check import check_gradients
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.vae import VAE
from tinygen.models.vae_gan import PLAYERS, VAEGAN
from tinygen.models.vae_gan_nets import conv_vae_gan, dense_vae_gan
from tinygen.models.vae_nets import dense_nets
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.systems.vae_gan import three_players
from tinygen.training import train

N, SHAPE = 5, (4, 3, 2)
each = pytest.mark.parametrize("player", PLAYERS)
both = pytest.mark.parametrize("build", [dense, conv])


def point(rng, model=None):
    """A model, its parameters, a batch and noise, in double precision."""
    model = model or dense()
    p, x = jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(N, *SHAPE))
    return model, p, x, model.draw_noise(rng, x)


def loss_of(model, player):
    return getattr(model, f"{player}_loss")


def bits(p):
    return {name: leaf.tobytes() for name, leaf in tree.leaves(p)}


def gap(a, b):
    return max(abs(u - v).max() for (_, u), (_, v) in zip(*map(tree.leaves, (a, b)), strict=True))


# Whose parameters move, and by what


@each
@both
def test_a_turn_moves_all_of_its_player_and_no_bit_of_the_others(rng, build, player):
    model, p, x, _ = point(rng, build())
    game = three_players(model, adam(1e-3), adam(1e-3), adam(1e-3))
    before, state = tree.map(np.copy, p), game.init(p)
    next(t for t in game.turns if t.player == player).play(p, state[player], x, rng)
    for other in set(PLAYERS) - {player}:
        assert bits(p[other]) == bits(before[other])
    old = bits(before[player])
    assert [k for k, b in bits(p[player]).items() if b == old[k]] == []


@each
@both
def test_the_gradient_of_a_player_holds_that_player_alone(rng, build, player):
    model, p, x, noise = point(rng, build())
    backward = loss_of(model, player)(p, x, noise)[1]
    assert backward.dp().keys() == {player} and backward.dx() == ()


@each
def test_a_player_answers_to_both_others(rng, player):
    model, p, x, noise = point(rng)
    mine = loss_of(model, player)(p, x, noise)[1].dp()[player]
    for other in set(PLAYERS) - {player}:
        changed = p | {other: tree.scale(p[other], 1.1)}
        assert gap(mine, loss_of(model, player)(changed, x, noise)[1].dp()[player]) > 1e-5


def test_the_encoder_is_not_paid_for_fooling_the_discriminator(rng):
    """The score's layers take no part in its loss; those of the features do."""
    model, p, x, noise = point(rng)
    D = p["discriminator"]
    other = p | {"discriminator": D | {"score": tree.scale(D["score"], 3.0)}}
    a, b = (model.encoder_loss(q, x, noise)[1].dp() for q in (p, other))
    assert bits(a) == bits(b)
    a, b = (model.decoder_loss(q, x, noise)[1].dp() for q in (p, other))
    assert gap(a, b) > 1e-5


def test_the_discriminator_is_not_paid_for_reconstructions(rng):
    model, p, x, noise = point(rng)
    other = dataclasses.replace(model, gamma=50.0, precision=9.0)
    a, b = (m.discriminator_loss(p, x, noise)[1].dp() for m in (model, other))
    assert bits(a) == bits(b)


def test_fakes_of_the_prior_are_not_compared_with_data(rng):
    """Their codes reach the decoder's loss by its second part alone."""
    model, p, x, noise = point(rng)
    other = noise | {"z": noise["z"] + 1}
    a, b = (model.decoder_loss(p, x, n)[1].terms for n in (noise, other))
    assert a["features"] == b["features"] and a["fooling"] != b["fooling"]


# Planted: gradients that go astray


class Greedy(VAEGAN):
    """L_G leaks into the encoder's gradient."""

    def encoder_loss(self, p, x, noise):
        value, backward = super().encoder_loss(p, x, noise)
        q, encoder_backward = self.encode_with_pullback(p, x)
        z = q["mean"] + np.exp(q["log_var"] / 2) * noise["eps"]
        image, decoder_backward = self.decoder.forward(p["decoder"], z)
        scores, d_backward = self.discriminator.forward(p["discriminator"], image)
        _, paid = self.objective.generator(scores)

        def dp(d):
            dz = decoder_backward.dx(d_backward.dx(paid.dx(d)))
            leak = encoder_backward.dp({"mean": dz, "log_var": 0 * dz})
            return {"encoder": tree.add(backward.dp(d)["encoder"], leak)}

        return value, Pullback(dp, backward.dx, value)


class Lazy(VAEGAN):
    """L_rec leaks into the discriminator's gradient, which then makes all features alike."""

    def discriminator_loss(self, p, x, noise):
        value, backward = super().discriminator_loss(p, x, noise)
        fakes, _ = self.fakes(p, x, noise)
        f, f_backward = self.features.forward(p["discriminator"]["features"], fakes[: len(x)])
        _, df = self.distance(f, self.see(p, x))

        def dp(d):
            dD = backward.dp(d)["discriminator"]
            leak = f_backward.dp(d * df)
            return {"discriminator": dD | {"features": tree.add(dD["features"], leak)}}

        return value, Pullback(dp, backward.dx, value)


class Cut(VAEGAN):
    """The reconstruction error never reaches the decoder: x~ was detached."""

    def decoder_loss(self, p, x, noise):
        value, _ = super().decoder_loss(p, x, noise)
        _, backward = dataclasses.replace(plain(self), gamma=0.0).decoder_loss(p, x, noise)
        return value, backward


class Blind(VAEGAN):
    """Fakes of the prior bring the decoder no gradient: of L_G only the half of x~ arrives."""

    def decoder_loss(self, p, x, noise):
        value, backward = super().decoder_loss(p, x, noise)
        image, decoder_backward = self.decoder.forward(p["decoder"], noise["z"])
        scores, d_backward = self.discriminator.forward(p["discriminator"], image)
        _, paid = self.objective.generator(scores)

        def dp(d):
            half = decoder_backward.dp(d_backward.dx(paid.dx(d / 2)))
            return {"decoder": tree.add(backward.dp(d)["decoder"], tree.scale(half, -1.0))}

        return value, Pullback(dp, backward.dx, value)


def plain(model):
    return VAEGAN(**{f.name: getattr(model, f.name) for f in dataclasses.fields(VAEGAN)})


def checked(rng, kind, player):
    """The report of a player's turn of the small dense model, as one of that class."""
    d = dense()
    model = kind(**{f.name: getattr(d, f.name) for f in dataclasses.fields(VAEGAN)})
    model, p, x, noise = point(rng, model)

    def f(own, x):
        value, backward = loss_of(model, player)(p | {player: own}, x, noise)
        return value, Pullback(lambda d: backward.dp(d)[player], lambda d: 0 * x, value)

    return check_gradients(f, p[player], x, rng=rng, wrt_x=False)


@pytest.mark.parametrize(
    "kind, player",
    [(Greedy, "encoder"), (Lazy, "discriminator"), (Cut, "decoder"), (Blind, "decoder")],
)
def test_a_leak_or_a_detach_in_the_wrong_place_is_caught(rng, kind, player):
    report = checked(rng, kind, player)
    assert not report.passed, str(report)


# What the losses mean


def test_compared_by_their_pixels_images_pay_what_a_gaussian_vae_pays(rng):
    """Features that are the pixels: the encoder's loss is -ELBO, but for a constant."""
    encoder, decoder = dense_nets(SHAPE, (6,), 3, Bernoulli())
    model = VAEGAN(encoder, decoder, L.Flatten(), L.Dense(24, 1), 3, precision=1 / 0.3**2)
    vae = VAE(encoder, decoder, 3, Gaussian(std=0.3))
    model, p, x, noise = point(rng, model)
    value, backward = model.encoder_loss(p, x, noise)
    expected, vae_backward = vae.loss({k: p[k] for k in PLAYERS[:2]}, x, noise["eps"])
    constant = 24 * (0.5 * np.log(2 * np.pi) + np.log(0.3))
    assert value == pytest.approx(expected - constant, rel=1e-12)
    assert gap(backward.dp()["encoder"], vae_backward.dp()["encoder"]) < 1e-10
    paid = dataclasses.replace(model, gamma=1.0).decoder_loss(p, x, noise)[1].terms
    assert paid["features"] == pytest.approx(backward.terms["features"])


def test_values_are_the_sums_of_their_parts(rng):
    model, p, x, noise = point(rng)
    value, backward = model.encoder_loss(p, x, noise)
    assert value == pytest.approx(backward.terms["kl"] + backward.terms["features"])
    again = model.decode(p, model.encode(p, x)["mean"])
    np.testing.assert_array_equal(again, model.reconstruct(p, x))
    value, backward = model.decoder_loss(p, x, noise)
    assert value == pytest.approx(0.7 * backward.terms["features"] + backward.terms["fooling"])
    fakes, _ = model.fakes(p, x, noise)
    apart = ((model.see(p, x) - model.see(p, fakes[:N])) ** 2).sum(axis=1)
    assert backward.terms["features"] == pytest.approx(1.6 * apart.mean() / 2)


def test_verdicts_are_told_of_both_kinds_of_fakes(rng):
    model, p, x, noise = point(rng)
    terms = model.discriminator_loss(p, x, noise)[1].terms
    fakes, _ = model.fakes(p, x, noise)
    assert terms == {
        "real": (model.scores(p, x) > 0).mean(),
        "recovered": (model.scores(p, fakes[:N]) <= 0).mean(),
        "fake": (model.scores(p, fakes[N:]) <= 0).mean(),
    }
    critic = dataclasses.replace(model, objective=Wasserstein())
    terms = critic.discriminator_loss(p, x, noise)[1].terms
    assert terms["real"] == pytest.approx(model.scores(p, x).mean())


def test_a_game_of_three_is_played_and_drawn_from(rng):
    model, p, x, _ = point(rng)
    game = three_players(model, adam(1e-3), adam(1e-3), adam(1e-3))
    done = train(game, p, x, rng=rng, epochs=2, batch=3, progress=False)
    told = done.log[-1]["train"]
    assert {f"{player}.gradient" for player in PLAYERS} <= told.keys()
    assert all(np.isfinite(v) for v in told.values())
    drawn = model.sample(done.p, rng, 6)
    assert drawn.shape == (6, *SHAPE) and 0 <= drawn.min() <= drawn.max() <= 1


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_round_is_played_alike_on_any_device(device):
    def outcome(place):
        rng = np.random.default_rng(0)
        model, p, x, _ = point(rng, conv())
        p, x = (to_device(tree.map(lambda a: a.astype(np.float32), v), place) for v in (p, x))
        game = three_players(model, adam(1e-3), adam(1e-3), adam(1e-3))
        terms = game.play(p, game.init(p), [x], rng)
        return (p, model.sample(p, rng, 3), model.reconstruct(p, x), model.scores(p, x)), terms

    (here, terms), (there, told) = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=3e-4, err_msg=leaf)
    assert told == pytest.approx(terms, rel=1e-3, abs=1e-4)


# What is refused


def test_other_weights_sizes_and_parameters_are_refused(rng):
    with pytest.raises(ValueError, match="gamma must be a finite number >= 0, got -1"):
        dense_vae_gan(SHAPE, gamma=-1)
    with pytest.raises(ValueError, match="precision must be a finite number >= 0, got nan"):
        dense_vae_gan(SHAPE, precision=float("nan"))
    for name in ("gamma", "precision"):
        with pytest.raises(ValueError, match=f"VAEGAN: {name} must be a finite .* got 'much'"):
            dense_vae_gan(SHAPE, **{name: "much"})
    with pytest.raises(ValueError, match=r"dense_vae_gan: shape must be \(H, W, C\)"):
        dense_vae_gan(784)
    with pytest.raises(ValueError, match="channels must be a tuple of 1 or more"):
        conv_vae_gan(SHAPE, channels=())
    model, p, x, noise = point(rng)
    del p["discriminator"]
    message = r"VAEGAN: expected the parameters \['decoder', 'discriminator', 'encoder'\]"
    with pytest.raises(ValueError, match=message):
        model.encoder_loss(p, x, noise)
    with pytest.raises(ValueError, match=message):
        model.decode(p, noise["z"])
