"""What a VAE does beside its loss, on every device: train, sample, measure."""

import numpy as np
import pytest

from tinygen import arrays, metrics, to_device, to_host, tree
from tinygen.data import binarise
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import MixturePrior, conv_vae, dense_vae
from tinygen.optim import adam
from tinygen.training import Diverged, Turn, train

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
MODELS = {
    "bernoulli": dense_vae(7, 5, 2),
    "gaussian": dense_vae(7, 5, 2, Gaussian(), "shared"),
    "full": dense_vae(7, 5, 2, posterior="full"),
    "mixture": dense_vae(7, 5, 2, prior=MixturePrior(3)),
    "free bits": dense_vae(7, 5, 2, free_bits=0.1, beta=2.0),
    "draws": dense_vae(7, 5, 2, posterior="full", prior=MixturePrior(3), samples=3),
    "conv": conv_vae((5, 3, 2), 2, (4, 3)),
    "conv gaussian": conv_vae((5, 3, 2), 2, (4, 3), Gaussian(), samples=3),
}


def outcome(model, device, shape=(7,)):
    """Everything that a model computes, from one seed, on `device`."""
    rng = np.random.default_rng(0)
    p = to_device(model.init(rng), device)
    x = binarise(rng, to_device(rng.random((6, *shape)).astype(np.float32), device))
    log_p, error = model.log_prob(p, x, rng, samples=5)
    q = model.encode(p, x)
    return {
        "x": x,
        "q": q,
        "units": metrics.activity(q["mean"]),
        "loss": model.loss(p, x, model.draw_noise(rng, x), np.float64(0.5))[0],
        "elbo": model.elbo(p, x, model.draw_noise(rng, x)),
        "log_p": log_p,
        "error": error,
        "bits": metrics.bits_per_dim(log_p, 7),
        "mean": model.sample(p, rng, 3, mean=True),
        "sample": model.sample(p, rng, 3),
        "reconstruction": model.reconstruct(p, x, rng, mean=True),
    }


@every_device
@pytest.mark.parametrize("name", MODELS)
def test_a_vae_gives_the_numbers_of_numpy_on_any_device(name, device):
    shape = (5, 3, 2) if name.startswith("conv") else (7,)
    here, there = (outcome(MODELS[name], place, shape) for place in ("cpu", device))
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


def trained(device):
    rng = np.random.default_rng(0)
    model = MODELS["bernoulli"]
    x = to_device(rng.random((9, 7)).astype(np.float32), device)
    turn = Turn("vae", model.loss, model.draw_noise, adam(1e-2))
    p = to_device(model.init(rng), device)
    return train(
        turn, p, x, rng=rng, epochs=3, batch=4, validation=x, transform=binarise, progress=False
    )


@every_device
def test_a_run_on_any_device_is_the_run_on_the_cpu(device):
    here, there = trained("cpu"), trained(device)
    for a, b in zip(here.log, there.log, strict=True):
        for part in ("train", "validation"):
            assert b[part] == pytest.approx(a[part], rel=1e-4)
    for (leaf, a), (_, b) in zip(tree.leaves(here.best), tree.leaves(there.best), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, atol=1e-3, err_msg=leaf)


@every_device
def test_where_a_loss_became_infinite_is_found_on_any_device(device):
    rng = np.random.default_rng(0)
    model = dense_vae(7, 5, 2, Bernoulli())
    p = model.init(rng)
    p["decoder"]["0"]["W"][:] = 3e38
    x = to_device(np.ones((4, 7), np.float32), device)
    turn = Turn("vae", model.loss, model.draw_noise, adam(1e-2))
    with pytest.raises(Diverged, match=r"output of layer decoder\.0 \(Dense\)") as caught:
        train(turn, to_device(p, device), x, rng=rng, epochs=1, progress=False)
    assert np.array_equal(
        to_host(caught.value.trained.p["decoder"]["0"]["W"]), p["decoder"]["0"]["W"]
    )
