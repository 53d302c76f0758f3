"""Penalties and their gradients equal PyTorch's double backward."""

from pathlib import Path

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.models.penalties import R1, GradientPenalty

torch = pytest.importorskip("torch")
F = torch.nn.functional


def conv(p, x, stride, padding):
    return F.conv2d(x, p["W"].permute(3, 2, 0, 1), p["b"], stride, padding)


def norm_rows(p, x):
    return F.layer_norm(x, x.shape[-1:], p["gamma"], p["beta"])


def dense_critic(p, x):
    h = torch.tanh(norm_rows(p["1"], x @ p["0"]["W"] + p["0"]["b"]))
    h = F.softplus(h @ p["3"]["W"] + p["3"]["b"])
    return h @ p["5"]["W"] + p["5"]["b"]


def leaky_critic(p, x):
    h = F.leaky_relu(conv(p["0"], x.permute(0, 3, 1, 2), 2, 1), 0.2)
    h = conv(p["2"], h, 1, 1).permute(0, 2, 3, 1)
    h = F.leaky_relu(norm_rows(p["3"], h), 0.2)
    return h.flatten(1) @ p["6"]["W"] + p["6"]["b"]


def smooth_critic(p, x):
    h = conv(p["0"], x.permute(0, 3, 1, 2), 1, 1)
    h = F.elu(F.instance_norm(h, weight=p["1"]["gamma"], bias=p["1"]["beta"]))
    h = h + torch.tanh(conv(p["3"]["f"]["0"], h, 1, 1))
    h = F.avg_pool2d(h, 2).permute(0, 2, 3, 1)
    h = h / torch.sqrt((h * h).mean(-1, keepdim=True) + 1e-8)
    return torch.sigmoid(h.flatten(1)) @ p["8"]["W"] + p["8"]["b"]


CRITICS = {
    "dense": (
        L.Sequential(
            *(L.Dense(5, 7), L.LayerNorm(7), L.Tanh(), L.Dense(7, 6), L.Softplus(), L.Dense(6, 1))
        ),
        (4, 5),
        dense_critic,
    ),
    "conv, LeakyReLU": (
        L.Sequential(
            *(L.Conv2d(2, 3, 4, 2, 1), L.LeakyRelu(), L.Conv2d(3, 4, 3, 1, 1), L.LayerNorm(4)),
            *(L.LeakyRelu(), L.Flatten(), L.Dense(24, 1)),
        ),
        (3, 4, 6, 2),
        leaky_critic,
    ),
    "conv, smooth": (
        L.Sequential(
            *(L.Conv2d(2, 3, 3, 1, 1), L.InstanceNorm(3), L.Elu()),
            L.Residual(L.Sequential(L.Conv2d(3, 3, 3, 1, 1), L.Tanh())),
            *(L.AvgPool2d(2), L.PixelNorm(), L.Flatten(), L.Sigmoid(), L.Dense(18, 1)),
        ),
        (3, 4, 6, 2),
        smooth_critic,
    ),
}


def theirs(penalty, critic, p, real, fake, t):
    """The value, and the gradients of the parameters by autograd through autograd."""
    p = tree.map(lambda a: torch.tensor(a, requires_grad=True), p)
    x = torch.tensor(real)
    if isinstance(penalty, GradientPenalty):
        t = torch.tensor(t).reshape(-1, *(1,) * (x.ndim - 1))
        x = t * x + (1 - t) * torch.tensor(fake)
    x.requires_grad_()
    (g,) = torch.autograd.grad(critic(p, x).sum(), x, create_graph=True)
    square = (g * g).flatten(1).sum(1)
    if isinstance(penalty, R1):
        value = penalty.weight / 2 * square.mean()
    else:
        value = penalty.weight * ((square.sqrt() - penalty.target) ** 2).mean()
    names = [name for name, _ in tree.leaves(p)]
    leaves = [leaf for _, leaf in tree.leaves(p)]
    found = torch.autograd.grad(value, leaves, allow_unused=True)
    return value.item(), dict(zip(names, found, strict=True))


@pytest.mark.parametrize("penalty", [GradientPenalty(10.0), R1(3.0)], ids=str)
@pytest.mark.parametrize("name", CRITICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_value_and_gradients_equal_double_backward(name, penalty, dtype):
    critic, shape, torch_critic = CRITICS[name]
    rng = np.random.default_rng(0)
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, critic.init(rng, np.float64)))
    real, fake = rng.normal(size=(2, *shape)).astype(dtype)
    t = GradientPenalty().draw_noise(rng, real)
    noise = t if isinstance(penalty, GradientPenalty) else {}
    value, backward = penalty.value(critic, p, real, fake, noise)
    expected, gradients = theirs(penalty, torch_critic, p, real, fake, t)
    tolerance = 1e-9 if dtype is np.float64 else 3e-5
    assert value == pytest.approx(expected, rel=tolerance)
    scale = max(abs(g).max().item() for g in gradients.values() if g is not None)
    for leaf, ours in tree.leaves(backward.dp()):
        assert ours.dtype == dtype
        g = gradients[leaf]
        g = np.zeros_like(ours) if g is None else g.numpy()
        np.testing.assert_allclose(ours, g, rtol=0, atol=tolerance * scale, err_msg=leaf)


@pytest.mark.parametrize("activation", ["LeakyReLU", "tanh"])
def test_both_sides_of_the_benchmark_have_one_loss_and_one_gradient(activation, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    import critic_ours
    import critic_torch

    sizes, rng = (8, (3, 4), activation), np.random.default_rng(0)
    ours, theirs = critic_ours.critic(*sizes), critic_torch.critic(*sizes).double()
    p = jittered(rng, ours.init(rng, np.float64))
    x, fake = rng.normal(size=(2, 3, 8, 8, 1))
    t = rng.random(3)
    with torch.no_grad():
        for name, theirs_own in in_their_order(p).items():
            for key, w in theirs_own.items():
                getattr(theirs[int(name)], key).copy_(torch.tensor(w))
    value, dp = critic_ours.loss(ours, p, x, fake, t)
    tensors = (torch.tensor(a.transpose(0, 3, 1, 2)) for a in (x, fake))
    expected = critic_torch.loss(theirs, *tensors, torch.tensor(t).reshape(3, 1, 1, 1))
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-9)
    for name, grads in in_their_order(dp()).items():
        for key, ours_own in grads.items():
            found = getattr(theirs[int(name)], key).grad
            found = np.zeros_like(ours_own) if found is None else found.numpy()
            np.testing.assert_allclose(ours_own, found, atol=1e-9, err_msg=f"{name} {key}")


def in_their_order(p):
    """Our two convolutions and dense layer, of 2x2 pixels of 4 features, as PyTorch has them."""
    rows = p["5"]["W"].reshape(2, 2, 4, 1).transpose(3, 2, 0, 1).reshape(1, 16)
    convs = {name: p[name]["W"].transpose(3, 2, 0, 1) for name in ("0", "2")}
    return {name: {"weight": w, "bias": p[name]["b"]} for name, w in (convs | {"5": rows}).items()}
