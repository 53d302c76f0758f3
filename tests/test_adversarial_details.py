"""Single lines of the adversarial models that could be wrong and leave all gradients consistent."""

from dataclasses import replace

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.adversarial import Wasserstein
from tinygen.cases.common import jittered
from tinygen.cases.vae_gan import dense as dense_vae_gan
from tinygen.game import Game, Turn
from tinygen.models import dcgan_features
from tinygen.models.dcgan import dcgan
from tinygen.models.gan import GAN
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.models.progressive_gan import progressive_gan
from tinygen.optim import sgd
from tinygen.pullback import Pullback

# Numbers that are written once


def test_the_numbers_are_the_papers_where_none_are_given():
    assert GradientPenalty() == GradientPenalty(10.0, 1.0) and R1() == R1(10.0)
    assert L.PixelNorm() == L.PixelNorm(1e-8) and L.MinibatchStd() == L.MinibatchStd(None, 1e-8)
    growing, image = progressive_gan((8, 8, 1), (3, 4)), dcgan((8, 8, 1))
    assert growing.objective == Wasserstein(drift=0.001) and growing.penalty == GradientPenalty()
    assert growing.discriminator.group == 4
    assert image.prior == "uniform" and image.signed
    leaks = [x for x in image.discriminator.layers.values() if isinstance(x, L.LeakyRelu)]
    assert leaks == [L.LeakyRelu(0.2)] * len(leaks) != []


# What a generator's batch norms take for their mean and variance when samples are drawn


def linear_gan(rng, classes=0):
    """G is a dense layer and a batch norm: the law of what enters the norm is known."""
    first = L.LabelledDense(3, classes, 2) if classes else L.Dense(3, 2)
    G = L.Sequential(label=first, norm=L.BatchNorm(2))
    model = GAN(G, L.Dense(2, 1), 3, classes=classes)
    return model, jittered(rng, model.init(rng, np.float64))


def test_the_statistics_of_samples_are_those_of_the_prior(rng):
    model, p = linear_gan(rng)
    own = p["generator"]["label"]
    found = model.statistics(p["generator"], rng)["norm"]
    var = (own["W"] ** 2).sum(axis=0)
    np.testing.assert_allclose(found["var"], var, rtol=0.2)  # of 1024 draws, within 4.4 %
    np.testing.assert_allclose(found["mean"], own["b"], atol=5 * np.sqrt(var.max() / 1024))


def test_the_statistics_of_a_conditional_generator_are_those_of_all_labels(rng):
    model, p = linear_gan(rng, classes=4)
    own = p["generator"]["label"] | {"V": np.array([[0.0, 0], [9, 0], [0, -9], [0, 0]])}
    found = model.statistics(p["generator"] | {"label": own}, rng)["norm"]
    np.testing.assert_allclose(found["mean"] - own["b"], [9 / 4, -9 / 4], atol=0.8)
    within = (own["W"] ** 2).sum(axis=0)
    np.testing.assert_allclose(found["var"], within + 81 * 3 / 16, rtol=0.2)


def test_samples_of_the_running_mean_take_its_own_statistics(rng):
    model, p = linear_gan(rng)
    mean = tree.scale(p["generator"], 0.5)
    a, b = (
        model.sample(q, np.random.default_rng(1), 5)
        for q in (p | {"average": mean}, p | {"generator": mean})
    )
    np.testing.assert_array_equal(a, b)


# Labels


def test_data_and_fakes_are_shown_with_the_labels_that_they_were_made_for(rng):
    model, p = linear_gan(rng, classes=4)
    D = L.Sequential(label=L.LabelledDense(2, 4, 3), bend=L.Tanh(), head=L.Dense(3, 1))
    model = replace(model, discriminator=D)
    p = p | {"discriminator": jittered(rng, D.init(rng, np.float64))}
    x, y = rng.normal(size=(5, 2)), np.array([2, 0, 3, 1, 2])
    noise = model.draw_noise(rng, (x, y))
    fake, _ = model.generator.forward(p["generator"], noise["z"], {"label": y})
    r, f = (D.forward(p["discriminator"], a, {"label": y})[0] for a in (x, fake))
    told = np.logaddexp(0, -r).mean() + np.logaddexp(0, f).mean()
    assert model.discriminator_loss(p, (x, y), noise)[0] == pytest.approx(told, rel=1e-12)
    fooling = np.logaddexp(0, -f).mean()
    assert model.generator_loss(p, (x, y), noise)[0] == pytest.approx(fooling, rel=1e-12)


# What is done in parts


def test_features_do_not_hang_on_how_many_images_are_taken_at_once(rng, monkeypatch):
    model = dcgan((8, 8, 1), 4, (3,))
    p, x = model.init(rng), rng.random((11, 8, 8, 1), np.float32)
    whole = dcgan_features.discriminator_features(model, p, x, {})
    monkeypatch.setattr(dcgan_features, "AT_ONCE", 4)
    found = dcgan_features.discriminator_features(model, p, x, {})
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)


def test_fakes_are_shared_from_the_last_of_several_moves():
    seen, nothing = [], np.zeros(())

    def moves(p, x, noise):
        return nothing, Pullback(lambda d: {"D": {}}, lambda d: (), nothing, made=noise)

    def judged(p, x, noise):
        seen.append(noise)
        return nothing, Pullback(lambda d: {"G": {}}, lambda d: (), nothing)

    drawn = iter("abc")
    D = Turn("D", moves, lambda rng, x: next(drawn), sgd(0.1), "D", times=3)
    G = Turn("G", judged, lambda rng, x: "its own", sgd(0.1), "G", shares=True)
    game, p = Game(D, G), {"D": {}, "G": {}}
    game.play(p, game.init(p), [np.zeros(1)] * 3, np.random.default_rng(0))
    assert seen == ["c"]


# VAE-GAN


def test_both_kinds_of_fakes_are_half_of_what_a_vae_gan_is_paid_for(rng):
    """x~ of codes drawn from q(z|x), and x_p of the prior's: by definition, net by net."""
    model = dense_vae_gan()
    p = jittered(rng, model.init(rng, np.float64))
    x = rng.uniform(0.1, 0.9, size=(5, 4, 3, 2))
    noise, D = model.draw_noise(rng, x), p["discriminator"]

    def scores(images):
        f, _ = model.features.forward(D["features"], images)
        return model.score.forward(D["score"], f)[0]

    def softplus(a):
        return np.logaddexp(0, a).mean()

    q, _ = model.encoder.forward(p["encoder"], x)
    codes = q["mean"] + np.exp(q["log_var"] / 2) * noise["eps"], noise["z"]
    real, (recovered, fake) = (
        scores(x),
        [scores(model.decoder.forward(p["decoder"], z)[0]) for z in codes],
    )
    told = softplus(-real) + (softplus(recovered) + softplus(fake)) / 2
    assert model.discriminator_loss(p, x, noise)[0] == pytest.approx(told, rel=1e-12)
    fooling = model.decoder_loss(p, x, noise)[1].terms["fooling"]
    assert fooling == pytest.approx((softplus(-recovered) + softplus(-fake)) / 2, rel=1e-12)
    critic = replace(model, objective=Wasserstein())  # whose terms are the mean scores
    terms = critic.discriminator_loss(p, x, noise)[1].terms
    means = {"real": real.mean(), "recovered": recovered.mean(), "fake": fake.mean()}
    assert terms == pytest.approx(means, rel=1e-12)


# Growing nets


def test_only_the_ends_of_growing_nets_have_the_gain_of_linear_layers():
    """gain sqrt(2) is that before a (leaky) ReLU: Karras et al., arXiv 1710.10196, section 4.1."""

    def gains(layer, name=""):
        if isinstance(layer, L.Equalised):
            return {name: layer.gain}
        inner = getattr(layer, "layers", {})
        return {k: g for n, child in inner.items() for k, g in gains(child, f"{name}.{n}").items()}

    model = progressive_gan((8, 8, 1), (3, 4))
    for net, ends in ((model.generator, {"rgb4", "rgb8"}), (model.discriminator, {"block4.score"})):
        found = {k: g for key, part in net.parts().items() for k, g in gains(part, key).items()}
        assert {name for name, gain in found.items() if gain == 1} == ends
        others = [gain for gain in found.values() if gain != 1]
        assert others == pytest.approx([np.sqrt(2)] * len(others))


def test_the_length_of_the_noise_does_not_reach_a_growing_generator(rng):
    """Codes are put on a sphere first: appendix A.1 of the paper."""
    model = progressive_gan((8, 8, 1), (3, 4), n_latent=5)
    p = jittered(rng, model.init(rng, np.float64))
    z = rng.normal(size=(3, 5))
    one, other = (model.sample(p, rng, 3, z=s * z) for s in (1.0, 7.0))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert abs(one - model.sample(p, rng, 3, z=-z)).max() > 1e-3
