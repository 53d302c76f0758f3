"""Both turns of a DCGAN give the losses and gradients that PyTorch gives, at the same weights."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import dcgan_torch  # noqa: E402

from tinygen import tree  # noqa: E402
from tinygen.models.dcgan import dcgan  # noqa: E402

SIDE, FEATURES, Z, N = 12, (3, 5), 4, 6


def theirs(name, w):
    """Our weights in PyTorch's order of axes."""
    smallest = (SIDE // 4, SIDE // 4, FEATURES[-1])
    if name == "project.W":  # (Z, h w F), a transposed convolution of one pixel
        return w.reshape(Z, *smallest).transpose(0, 3, 1, 2)
    if name == "score.W":  # (h w F, 1), a convolution to one pixel
        return w.reshape(*smallest, 1).transpose(3, 2, 0, 1)
    return w.transpose(3, 2, 0, 1) if w.ndim == 4 else w  # (kh, kw, C, O) -> (O, C, kh, kw)


@pytest.fixture
def point(rng):
    model = dcgan((SIDE, SIDE, 1), Z, FEATURES)
    p = tree.map(lambda w: w + 0.1 * rng.normal(size=w.shape), model.init(rng, np.float64))
    x = rng.uniform(size=(N, SIDE, SIDE, 1))
    G, D = (net.double() for net in dcgan_torch.nets(SIDE, FEATURES, Z))
    for net, player in ((G, "generator"), (D, "discriminator")):
        with torch.no_grad():
            for w, (name, ours) in zip(net.parameters(), tree.leaves(p[player]), strict=True):
                w.copy_(torch.from_numpy(theirs(name, ours).copy()))
    return model, p, x, G, D


def assert_equal_gradients(net, grads):
    for w, (name, g) in zip(net.parameters(), tree.leaves(grads), strict=True):
        np.testing.assert_allclose(theirs(name, g), w.grad.numpy(), atol=1e-12, err_msg=name)


def test_both_turns_are_those_of_pytorch(point, rng):
    model, p, x, G, D = point
    noise = model.draw_noise(rng, x)
    images = torch.from_numpy((2 * x - 1).transpose(0, 3, 1, 2).copy())
    discriminator, generator = dcgan_torch.turns(G, D, images)
    expected, fakes = discriminator(torch.from_numpy(noise["z"])[:, :, None, None])
    value, backward = model.discriminator_loss(p, x, noise)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert_equal_gradients(D, backward.dp()["discriminator"])
    expected = generator(fakes)
    value, backward = model.generator_loss(p, x, noise)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert_equal_gradients(G, backward.dp()["generator"])


def test_the_opponent_of_the_speed_table_has_as_many_weights():
    p = dcgan((28, 28, 1)).init(np.random.default_rng(0))
    for net, player in zip(dcgan_torch.nets(28, (64, 128), 100), ("generator", "discriminator"),
                           strict=True):  # fmt: skip
        assert sum(w.numel() for w in net.parameters()) == tree.count(p[player])
