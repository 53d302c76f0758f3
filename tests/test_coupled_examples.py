"""Layers by which the examples of a batch see one another, and models that may not hold them."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.layers.compose import coupling
from tinygen.models import dcgan_features
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.dcgan import dcgan
from tinygen.models.gan import GAN
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.models.vae_gan import VAEGAN

COUPLED = [
    L.BatchNorm(4),
    L.MinibatchStd(),
    L.MinibatchDiscrimination(4, 2, 2),
    L.Pack(2),
]
SEE = "by which the examples of a batch see one another"


def chain(layer, n_in=6, n_out=1):
    """A chain with the layer at depth two."""
    width = {L.MinibatchStd: 5, L.MinibatchDiscrimination: 6, L.Pack: 8}.get(type(layer), 4)
    return L.Sequential(L.Sequential(L.Dense(n_in, 4), layer), L.Dense(width, n_out))


@pytest.mark.parametrize("layer", COUPLED, ids=lambda layer: type(layer).__name__)
def test_a_layer_that_couples_examples_is_found_at_any_depth(layer, rng):
    net = chain(layer)
    assert coupling(net) == type(layer).__name__
    p, x = net.init(rng, np.float64), rng.normal(size=(4, 6))
    y, _ = net.forward(p, x)
    x[-1] += 1
    assert abs(net.forward(p, x)[0][: len(y) // 2] - y[: len(y) // 2]).max() > 0 or len(y) < 4


def test_a_chain_of_other_layers_couples_nothing():
    assert coupling(L.Sequential(L.Dense(3, 4), L.Residual(L.Tanh()), L.LayerNorm(4))) == ""


@pytest.mark.parametrize("layer", COUPLED, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("at", ["encoder", "decoder", "features", "score"])
def test_a_vae_gan_holds_none_in_any_net(at, layer):
    nets = {
        "encoder": L.Dense(6, 4),
        "decoder": L.Dense(2, 6),
        "features": L.Dense(6, 3),
        "score": L.Dense(3, 1),
    }
    VAEGAN(**nets, n_latent=2)
    with pytest.raises(ValueError, match=f"VAEGAN: the {at} holds a {type(layer).__name__}, {SEE}"):
        VAEGAN(**nets | {at: chain(layer)}, n_latent=2)
    with pytest.raises(ValueError, match=f"VAEGAN: the {at} holds a Dropout, whose mask nobody"):
        VAEGAN(**nets | {at: L.Sequential(nets[at], L.Dropout(0.5))}, n_latent=2)


@pytest.mark.parametrize("layer", COUPLED, ids=lambda layer: type(layer).__name__)
def test_a_cycle_gans_generators_hold_none(layer):
    net, score = L.Dense(6, 6), L.Dense(6, 1)
    CycleGAN(net, net, chain(layer), score, (6,), (6,))  # a discriminator may compare fakes
    with pytest.raises(ValueError, match=f"CycleGAN: the b_to_a holds a {type(layer).__name__}"):
        CycleGAN(net, chain(layer, 6, 6), score, score, (6,), (6,))


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_cycle_gan_draws_no_masks(at):
    nets = [L.Dense(6, 6), L.Dense(6, 6), L.Dense(6, 1), L.Dense(6, 1)]
    nets[at] = L.Sequential(nets[at], L.Dropout(0.5))
    with pytest.raises(ValueError, match="holds a Dropout, whose mask nobody draws"):
        CycleGAN(*nets, (6,), (6,))


def test_a_packed_discriminator_is_told_no_classes():
    D = L.Sequential(pack=L.Pack(2), label=L.LabelledDense(12, 3, 4), score=L.Dense(4, 1))
    G = L.Sequential(label=L.LabelledDense(2, 3, 6))
    with pytest.raises(ValueError, match="GAN: the discriminator holds a Pack, and a pack has no"):
        GAN(G, D, 2, classes=3)


@pytest.mark.parametrize("layer", COUPLED[:3], ids=lambda layer: type(layer).__name__)
def test_inner_steps_refuse_what_compares_data_with_fakes(layer):
    with pytest.raises(ValueError, match=f"UnrolledGAN: .* holds a {type(layer).__name__}, which"):
        UnrolledGAN(L.Dense(2, 6), chain(layer), 2)


@pytest.mark.parametrize("layer", COUPLED, ids=lambda layer: type(layer).__name__)
def test_a_contraction_needs_a_code_of_one_example_alone(layer, rng):
    model = Autoencoder(chain(layer, 6, 2), L.Dense(2, 6), 2, contraction=0.1)
    x = rng.normal(size=(4, 6))
    p = model.init(rng, np.float64)
    with pytest.raises(ValueError, match=f"the encoder holds a {type(layer).__name__}, {SEE}"):
        model.loss(p, x, model.draw_noise(rng, x))


def test_features_without_statistics_are_those_of_all_images(rng, monkeypatch):
    model = dcgan((8, 8, 1), 3, (4, 6))
    p, x = model.init(rng, np.float64), rng.random((7, 8, 8, 1))
    whole = dcgan_features.feature_statistics(model, p, x)
    f = dcgan_features.discriminator_features(model, p, x, whole)
    monkeypatch.setattr(dcgan_features, "AT_ONCE", 6)  # and one left over
    found = dcgan_features.discriminator_features(model, p, x)
    np.testing.assert_allclose(found, f, atol=1e-12)
