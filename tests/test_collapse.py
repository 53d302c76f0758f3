"""What each latent dimension carries, and the warning where one carries nothing."""

import warnings

import numpy as np
import pytest

from tinygen import metrics, tree
from tinygen.cli import main
from tinygen.divergences import kl_diagonal_standard, kl_full_standard
from tinygen.models import DeadUnits, MixturePrior, dense_vae, warn_of_dead_units
from tinygen.models.collapse import remarks
from tinygen.optim import adam


def diagonal(rng, n=50, spread=(1.0, 0.0, 2.0)):
    """q of three dimensions, of which the second is the prior for every example."""
    scale = np.array(spread)
    return {"mean": scale * rng.normal(size=(n, 3)), "log_var": -scale * rng.random((n, 3))}


def full(rng, n=20, z=3):
    L = np.tril(0.3 * rng.normal(size=(n, z, z)))
    L[:, np.arange(z), np.arange(z)] = 0.5 + rng.random((n, z))
    return {"mean": rng.normal(size=(n, z)), "L": L}


def test_the_rates_of_the_dimensions_add_up_to_the_kl(rng):
    q = diagonal(rng)
    rates = metrics.kl_per_dimension(q)
    assert rates.shape == (3,) and rates[1] == 0 and rates[0] > 0.1
    assert rates.sum() == pytest.approx(kl_diagonal_standard(q)[0].mean(), rel=1e-12)


def test_a_rate_is_the_mean_over_draws_of_the_log_ratio_of_densities(rng):
    mean, log_var = np.array([[0.7], [-0.2]]), np.array([[-1.0], [0.4]])
    eps = rng.standard_normal((2, 200_000))
    z = mean + np.exp(log_var / 2) * eps
    ratio = -0.5 * (eps**2 + log_var) + 0.5 * z**2
    found = metrics.kl_per_dimension({"mean": mean, "log_var": log_var})
    assert found[0] == pytest.approx(ratio.mean(), abs=4 * ratio.std() / np.sqrt(ratio.size))


def test_of_a_full_covariance_the_marginals_are_measured(rng):
    q = full(rng)
    sigma = q["L"] @ q["L"].swapaxes(1, 2)
    variance = np.diagonal(sigma, axis1=1, axis2=2)
    marginal = 0.5 * (q["mean"] ** 2 + variance - np.log(variance) - 1)
    rates = metrics.kl_per_dimension(q)
    np.testing.assert_allclose(rates, marginal.mean(axis=0), rtol=1e-12)
    # the rest of the KL is what ties the dimensions: (sum log S_jj - log det S) / 2
    tied = 0.5 * (np.log(variance).sum(axis=1) - np.linalg.slogdet(sigma)[1]).mean()
    assert tied > 0.01
    assert kl_full_standard(q)[0].mean() == pytest.approx(rates.sum() + tied, rel=1e-12)


def test_dead_are_those_below_the_bound(rng):
    q = diagonal(rng, spread=(1.0, 0.0, 0.05))
    rates = metrics.kl_per_dimension(q)
    assert metrics.dead_units(q) == [1, 2] and 0 < rates[2] < 0.01 < rates[0]
    assert metrics.dead_units(q, float(rates[2])) == [1]
    assert metrics.dead_units(q, 100.0) == [0, 1, 2]


@pytest.mark.parametrize("nats", [0.0, -1.0, np.nan, np.inf, True])
def test_a_bound_that_is_no_number_of_nats_is_refused(rng, nats):
    with pytest.raises(ValueError, match="dead_units: nats must be a finite number > 0, got"):
        metrics.dead_units(diagonal(rng), nats)


def test_no_examples_have_no_rate():
    with pytest.raises(ValueError, match=r"KL: q.* empty|kl_per_dimension: mean.* empty"):
        metrics.kl_per_dimension({"mean": np.ones((0, 2)), "log_var": np.ones((0, 2))})


def model_with_dead(rng, dead, z=3, **options):
    """A VAE whose encoder puts out mean 0, log-variance 0 in the dimensions `dead`."""
    model = dense_vae(7, 5, z, **options)
    p = tree.scale(model.init(rng, np.float64), 2.0)
    for part in (p["encoder"]["q"]["mean"], p["encoder"]["q"]["log_var"]["0"]):
        part["W"][:, dead] = 0
    return model, p, (rng.random((40, 7)) < 0.5).astype(float)


def test_dead_units_are_warned_of_with_a_remedy(rng):
    model, p, x = model_with_dead(rng, [0, 2])
    told = r"2 of 3 latent dimensions carry less than 0.01 nats \(index 0, 2\): .*free bits.*beta"
    with pytest.warns(DeadUnits, match=told) as caught:
        assert warn_of_dead_units(model, p, x) == [0, 2]
    assert caught[0].filename == __file__  # the line that asked, not the library's
    assert remarks(model, p, x) == [str(caught[0].message)]
    assert remarks(model, p, x)[0].endswith("else n_latent 1 does as well")


def test_a_code_that_is_dead_as_a_whole_is_called_collapsed(rng):
    model, p, x = model_with_dead(rng, [0, 1, 2])
    with pytest.warns(DeadUnits, match="posterior collapse: all 3 latent dimensions carry less"):
        warn_of_dead_units(model, p, x)


def test_many_dead_units_are_not_all_named(rng):
    model, p, x = model_with_dead(rng, range(1, 21), z=22)
    assert "(index 1, 2, 3, 4, 5, 6, 7, 8, ...)" in remarks(model, p, x)[0]


def test_units_in_use_are_passed_in_silence(rng):
    model, p, x = model_with_dead(rng, [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_dead_units(model, p, x) == []
    assert remarks(model, p, x) == []


def test_a_learned_prior_has_no_axes_to_be_dead_along(rng):
    model, p, x = model_with_dead(rng, [0], prior=MixturePrior(2))
    assert warn_of_dead_units(model, p, x) == [] == remarks(model, p, x)


def test_a_training_that_kills_the_code_is_found_out(rng):
    """At beta = 20 no code pays for itself; at 1 the one that tells two kinds apart does."""
    x = (rng.random((64, 6)) < np.array([[0.1], [0.9]])[rng.integers(2, size=64)]).astype(float)
    dead = {}
    for beta in (1.0, 20.0):
        model, optimiser = dense_vae(6, 8, 1, beta=beta), adam(0.02)
        noise_rng = np.random.default_rng(0)
        p = model.init(noise_rng, np.float64)
        state = optimiser.init(p)
        for _ in range(200):
            _, backward = model.loss(p, x, model.draw_noise(noise_rng, x))
            optimiser.update(p, backward.dp(), state)
        dead[beta] = len(remarks(model, p, x))
    assert dead == {1.0: 0, 20.0: 1}


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_the_rates_are_measured_on_the_device(rng, device, posterior):
    from tinygen import to_device, to_host

    q = diagonal(rng) if posterior == "diagonal" else full(rng)
    there = metrics.kl_per_dimension(to_device(q, device))
    np.testing.assert_allclose(to_host(there), metrics.kl_per_dimension(q), rtol=1e-6)
    assert metrics.dead_units(to_device(q, device)) == metrics.dead_units(q)


def test_the_commands_say_it_after_training_and_beside_the_numbers(tmp_path, capsys):
    words = ["--data", "digits", "--epochs", "4", "--hidden", "8", "--latent", "3", "--batch", "32"]
    for beta, dead in (("1", False), ("50", True)):
        run = tmp_path / f"beta {beta}"
        assert (
            main(["train", "vae", *words, "--lr", "0.01", "--beta", beta, "--out", str(run)]) == 0
        )
        trained = capsys.readouterr().out
        assert main(["evaluate", str(run), "--samples", "2", "--limit", "50"]) == 0
        measured = capsys.readouterr().out
        for printed in (trained, measured):
            assert ("note: posterior collapse: all 3 latent dimensions" in printed) == dead
