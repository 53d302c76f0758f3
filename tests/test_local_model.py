"""The density of neighbours: what it sees, that it sums to one, and what it is for."""

import numpy as np
import pytest

from tinygen import to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.check import all_images, check_gradients
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian
from tinygen.metrics import auroc
from tinygen.models import LocalModel, conv_local_model, dense_vae, likelihood_ratio
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.training import Turn, train

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def small(rng, **options):
    """A model of grey images, its parameters and images, in double precision."""
    model = conv_local_model(kernel=3, hidden=4, likelihood=Bernoulli(grey=True), **options)
    p = jittered(rng, model.init(rng, np.float64))
    return model, p, rng.uniform(0.1, 0.9, size=(3, 5, 4, 1))


def test_the_loss_is_minus_the_mean_log_probability(rng):
    model, p, x = small(rng)
    value, backward = model.loss(p, x, model.draw_noise(rng, x))
    log_p, error = model.log_prob(p, x, rng, samples=7)
    assert value == pytest.approx(-log_p.mean(), rel=1e-12) and not error.any()
    assert backward.terms == {"nll": value}


def test_all_black_and_white_images_have_probability_one(rng):
    model = conv_local_model(kernel=3, hidden=4)
    p = tree.map(lambda a: 3 * a, jittered(rng, model.init(rng, np.float64)))
    log_p, _ = model.log_prob(p, all_images((3, 3, 1)))
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-12)
    assert np.exp(log_p).std() > 1e-3  # and they are not all alike


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_pixel_depends_on_earlier_ones_within_the_window_alone(rng, kernel):
    model = conv_local_model(kernel=kernel, hidden=4)
    p = jittered(rng, model.init(rng, np.float64))
    x = rng.random((1, 7, 7, 1))
    logits = model.net.forward(p, x)[0]
    for row in range(7):
        for column in range(7):
            other = x.copy()
            other[0, row, column] += 1
            moved = model.net.forward(p, other)[0] != logits
            if moved[0, 3, 3, 0]:
                assert max(abs(row - 3), abs(column - 3)) <= kernel // 2
                assert (row, column) < (3, 3)
    assert moved.sum() == 0  # nothing sees the last pixel


class ForgetsTheTarget(LocalModel):
    """Wrong: x is neighbour and data to explain; it leaves the second out."""

    def loss(self, p, x, noise=None):
        value, backward = super().loss(p, x)
        nll = self.likelihood.nll(self.net.forward(p, x)[0], x)[1]

        def dx(d):
            return backward.dx(d) - nll.dx(np.full(len(x), d / len(x)))

        return value, Pullback(backward.dp, dx, value)


def test_a_gradient_without_the_target_is_rejected(rng):
    model, p, x = small(rng)
    wrong = ForgetsTheTarget(model.net, model.likelihood)
    assert check_gradients(model.loss, p, x, rng=rng).passed
    assert not check_gradients(wrong.loss, p, x, rng=rng).passed


def test_many_images_are_scored_as_few_are(rng, monkeypatch):
    model, p, x = small(rng)
    whole, _ = model.log_prob(p, x)
    monkeypatch.setattr("tinygen.models.local_model.AT_ONCE", 2)
    np.testing.assert_allclose(model.log_prob(p, x)[0], whole, rtol=1e-12)


def blocks(rng, n, size):
    """Black and white images of 8x8 pixels in blocks of size x size: smooth where it is large."""
    coarse = rng.integers(0, 2, (n, 8 // size, 8 // size, 1))
    return coarse.repeat(size, axis=1).repeat(size, axis=2).astype(np.float32)


def test_one_step_moves_every_parameter_and_training_learns_the_surface(rng):
    model, x = conv_local_model(kernel=3, hidden=8), blocks(rng, 256, 4)
    p = model.init(rng)
    turn = Turn("local", model.loss, model.draw_noise, adam(1e-2))
    after = {
        steps: train(turn, p, x, rng=rng, steps=steps, batch=32, progress=False).p
        for steps in (1, 150)
    }
    for (leaf, a), (_, b) in zip(tree.leaves(p), tree.leaves(after[1]), strict=True):
        assert (a != b).any(), leaf
    log_p, _ = model.log_prob(after[150], x)
    assert -log_p.mean() < 0.5 * 64 * np.log(2)  # below half of what coins cost
    rough = blocks(rng, 100, 1)
    assert auroc(-log_p, -model.log_prob(after[150], rough)[0]) == 1


def test_it_is_a_background_of_its_own_likelihood_alone(rng):
    local, local_p, x = small(rng)
    vae = dense_vae((5, 4, 1), 6, 2, Bernoulli(grey=True))
    p = vae.init(rng, np.float64)
    score = likelihood_ratio(vae, p, local, local_p, x, np.random.default_rng(3), 9)
    log_p = vae.log_prob(p, x, np.random.default_rng(3), 9)[0]
    np.testing.assert_allclose(score, local.log_prob(local_p, x)[0] - log_p, rtol=1e-12)
    with pytest.raises(ValueError, match="densities of two likelihoods cannot be compared"):
        likelihood_ratio(vae, p, conv_local_model(likelihood=Gaussian()), local_p, x, rng)


@every_device
@pytest.mark.parametrize("likelihood", [Bernoulli(grey=True), Gaussian(), Gaussian(std=0.3)])
def test_it_gives_the_numbers_of_numpy_on_any_device(likelihood, device):
    def outcome(place):
        rng = np.random.default_rng(0)
        model = conv_local_model(3, 3, 6, likelihood)
        p = to_device(model.init(rng), place)
        x = to_device(rng.random((4, 5, 4, 3)).astype(np.float32), place)
        value, backward = model.loss(p, x)
        return value, backward(), model.log_prob(p, x)

    for (leaf, a), (_, b) in zip(
        tree.leaves(outcome("cpu")), tree.leaves(outcome(device)), strict=True
    ):
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


def test_other_pixels_sizes_and_data_are_refused(rng):
    model, p, x = small(rng)
    with pytest.raises(ValueError, match="expected Bernoulli or Gaussian pixels, got Categorical"):
        conv_local_model(likelihood=Categorical(4))
    with pytest.raises(ValueError, match="kernel must be odd, got 4"):
        conv_local_model(kernel=4)
    with pytest.raises(ValueError, match="3 channels must divide"):
        conv_local_model(channels=3, hidden=4)
    with pytest.raises(ValueError, match="NaN"):
        model.loss(p, np.full_like(x, np.nan))
    with pytest.raises(ValueError, match="empty"):
        model.log_prob(p, x[:0])
    with pytest.raises(ValueError, match=r"expected x of shape \(N, H, W, C\)"):
        model.log_prob(p, x[..., 0])
    with pytest.raises(ValueError, match=r"0..1|\[0, 1\]"):
        model.loss(p, 3 * x)
