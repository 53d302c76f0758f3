"""beta-TCVAE: the three parts of the KL, the aggregate posterior from a batch, what is refused."""

import itertools
import math

import numpy as np
import pytest

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.kernels.pairwise import pair_log_density
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import MixturePrior, dense_vae
from tinygen.models.aggregate import SAMPLING, batch_weights, log_aggregate
from tinygen.models.tc_vae import TCVAE, tc_vae
from tinygen.optim import adam
from tinygen.reparameterise import log_density, reparameterise
from tinygen.training import Game, Turn, train

GREY = Bernoulli(grey=True)
every_sampling = pytest.mark.parametrize("sampling", SAMPLING)


def small(rng, n=4, **options):
    """A small model, its parameters, data and noise, in double precision."""
    model = tc_vae(dense_vae(7, 5, 3, GREY), 20, **options)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(n, 7))
    return model, p, x, model.draw_noise(rng, x)


def batch(rng, n=4, z=3):
    q = {"mean": rng.normal(size=(n, z)), "log_var": 0.5 * rng.normal(size=(n, z))}
    return q, reparameterise(q, rng.normal(size=(n, z)))[0]


def density(z, mean, log_var):
    """N(z; mean, exp(log_var)) of three numbers, as a statistics book has it."""
    std = math.exp(log_var / 2)
    return math.exp(-(((z - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))


def by_hand(q, z, weight):
    """log q(z_n) and sum_j log q(z_nj) with weight(n, m), in plain loops."""
    n, dims = z.shape
    f = np.array(
        [[[density(z[i, j], q["mean"][m, j], q["log_var"][m, j]) for j in range(dims)]
          for m in range(n)] for i in range(n)]
    )  # fmt: skip
    w = np.array([[weight(i, m) for m in range(n)] for i in range(n)])
    joint = [math.log(sum(w[i, m] * f[i, m].prod() for m in range(n))) for i in range(n)]
    each = [
        sum(math.log(sum(w[i, m] * f[i, m, j] for m in range(n))) for j in range(dims))
        for i in range(n)
    ]
    return np.array(joint), np.array(each)


# The aggregate posterior


def test_densities_of_all_pairs_are_those_of_plain_loops(rng):
    q, _ = batch(rng, 5)
    z = rng.normal(size=(2, 3))
    log_pair, e = pair_log_density(z, q["mean"], q["log_var"])
    for j, s, m in itertools.product(range(3), range(2), range(5)):
        expected = density(z[s, j], q["mean"][m, j], q["log_var"][m, j])
        assert log_pair[j, s, m] == pytest.approx(math.log(expected), rel=1e-12)
        assert e[j, s, m] == z[s, j] - q["mean"][m, j]


@every_sampling
def test_the_aggregate_is_that_of_plain_loops(rng, sampling):
    q, z = batch(rng)
    own, other = batch_weights(sampling, 4, 20)
    found, _ = log_aggregate(q, z, own, other)
    expected = by_hand(q, z, lambda n, m: own if n == m else other)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_paper_writes_the_weighted_sum_with_one_weight():
    assert batch_weights("weighted", 4, 20) == (1 / 80, 1 / 80)


def mean_over_batches(weights, f, own, n):
    """The mean over all batches of n that hold `own`, in every order, of the weighed sum of f."""
    others = [m for m in range(len(f)) if m != own]
    batches = list(itertools.permutations(others, n - 1))
    return np.mean([weights(own, b, f) for b in batches])


def test_stratified_weights_are_right_on_average(rng):
    f, n = rng.random(6), 4  # q(z|x_m) of D = 6 examples at one place

    def ours(own, others, f):
        w, rest = batch_weights("stratified", n, len(f))
        return w * f[own] + rest * f[list(others)].sum()

    def papers(own, others, f):
        D, M = len(f), n - 1
        middle = f[list(others[:-1])].sum() / M
        return f[own] / D + middle + (D - M) / (D * M) * f[others[-1]]

    def own_forgotten(own, others, f):
        return f[list(others)].mean()

    for own in range(6):
        assert mean_over_batches(ours, f, own, n) == pytest.approx(f.mean(), rel=1e-12)
        assert mean_over_batches(papers, f, own, n) == pytest.approx(f.mean(), rel=1e-12)
    wrong = [mean_over_batches(own_forgotten, f, own, n) for own in range(6)]
    assert max(abs(w - f.mean()) for w in wrong) > 0.01


def test_stratified_sampling_of_the_whole_set_is_exact(rng):
    q, z = batch(rng)
    found, _ = log_aggregate(q, z, *batch_weights("stratified", 4, 4))
    np.testing.assert_allclose(found, by_hand(q, z, lambda n, m: 1 / 4), rtol=1e-12)


def test_batches_of_a_correlated_gaussian_find_its_total_correlation():
    """Weighted sampling finds it too, but for the constant (Z - 1) log D."""
    rng, D, N, rho, noise = np.random.default_rng(0), 4000, 256, 0.8, 0.1
    root = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]) - noise * np.eye(2))
    mean = rng.normal(size=(D, 2)) @ root.T  # with the noise, q(z) has variances 1 and rho
    found = {sampling: [] for sampling in SAMPLING}
    for _ in range(15):
        q = {
            "mean": mean[rng.choice(D, N, replace=False)],
            "log_var": np.full((N, 2), np.log(noise)),
        }
        z, _ = reparameterise(q, rng.normal(size=(N, 2)))
        for sampling in SAMPLING:
            (log_q, log_qj), _ = log_aggregate(q, z, *batch_weights(sampling, N, D))
            found[sampling].append((log_q - log_qj).mean())
    exact = -0.5 * np.log(1 - rho**2)
    assert np.mean(found["stratified"]) == pytest.approx(exact, abs=0.05)
    assert np.mean(found["weighted"]) == pytest.approx(exact + np.log(D), abs=0.05)


def test_far_codes_do_not_underflow(rng):
    q, z = batch(rng)
    q["mean"], z = q["mean"] * 1e4, z * 1e4
    (log_q, log_qj), backward = log_aggregate(q, z, *batch_weights("stratified", 4, 20))
    assert np.isfinite(log_q).all() and np.isfinite(log_qj).all()
    for _, a in tree.leaves(backward((np.ones(4), np.ones(4)))):
        assert np.isfinite(a).all()


# The loss


@every_sampling
def test_the_parts_sum_to_the_kl_at_the_draw(rng, sampling):
    model, p, x, eps = small(rng, sampling=sampling)
    q = model.encode(p, x)
    z, _ = reparameterise(q, eps)
    kl = log_density(q, eps)[0] - model.prior.log_prob({}, z)[0]
    terms = model.loss(p, x, eps)[1].terms
    assert terms["mutual"] + terms["tc"] + terms["dim_kl"] == pytest.approx(kl.mean(), rel=1e-12)


def test_with_equal_weights_the_loss_is_that_of_a_beta_vae_with_a_sampled_kl(rng):
    model, p, x, eps = small(rng, beta=2.0, alpha=2.0, gamma=2.0)
    nll = model.loss(p, x, eps)[1].terms["nll"]
    q = model.encode(p, x)
    z, _ = reparameterise(q, eps)
    kl = (log_density(q, eps)[0] - model.prior.log_prob({}, z)[0]).mean()
    assert model.loss(p, x, eps)[0] == pytest.approx(nll + 2 * kl, rel=1e-12)


def test_the_loss_is_the_weighed_sum_of_its_terms(rng):
    model, p, x, eps = small(rng, alpha=0.3, beta=5.0, gamma=0.8)
    value, backward = model.loss(p, x, eps)
    t = backward.terms
    expected = t["nll"] + 0.3 * t["mutual"] + 5 * t["tc"] + 0.8 * t["dim_kl"]
    assert value == pytest.approx(expected, rel=1e-12)
    scheduled = model.loss(p, x, eps, beta=1.5)[0]
    assert value - scheduled == pytest.approx(3.5 * t["tc"], rel=1e-9)


def test_weighted_sampling_has_a_gradient_that_does_not_know_the_number_of_examples(rng):
    model, p, x, eps = small(rng)
    more = tc_vae(dense_vae(7, 5, 3, GREY), 10**6)
    (value, one), (other_value, other) = model.loss(p, x, eps), more.loss(p, x, eps)
    assert abs(value - other_value) > 1
    for (name, a), (_, b) in zip(tree.leaves(one.dp()), tree.leaves(other.dp()), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12, err_msg=name)


def test_a_set_of_independent_dimensions_has_no_total_correlation():
    """Means on a grid: q(z) is the product of its marginals, so TC is 0 at each code."""
    mean = np.stack(np.meshgrid([-2.0, 0, 1], [0.5, 3, 4, 9]), axis=-1).reshape(-1, 2)
    q = {"mean": mean, "log_var": np.full_like(mean, -1.0)}
    z = mean + 0.3
    (log_q, log_qj), _ = log_aggregate(q, z, *batch_weights("stratified", 12, 12))
    np.testing.assert_allclose(log_q, log_qj, rtol=1e-12)
    q["mean"][:, 1] += q["mean"][:, 0]  # now the second dimension depends on the first
    (log_q, log_qj), _ = log_aggregate(q, q["mean"], *batch_weights("stratified", 12, 12))
    assert (log_q - log_qj).mean() > 0.1


def test_every_parameter_moves_in_one_step(rng):
    model, p, x, _ = small(rng)
    turn = Turn("vae", model.loss, model.draw_noise, adam(1e-2))
    before = tree.map(np.copy, p)
    turn.play(p, Game(turn).init(p)["vae"], x, rng)
    for (name, a), (_, b) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert (a != b).any(), name


def test_the_penalty_lowers_the_total_correlation(rng):
    """Points on a circle: two dimensions that hold each other in place."""
    angle = rng.uniform(0, 2 * np.pi, 256)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    found = {}
    for beta in (1.0, 10.0):
        vae = dense_vae(2, 16, 2, Gaussian(std=0.2))
        model = tc_vae(vae, 256, beta, sampling="stratified")
        turn = Turn("vae", model.loss, model.draw_noise, adam(1e-2))
        start = model.init(np.random.default_rng(1))
        done = train(turn, start, x, rng=rng, steps=200, batch=64, progress=False)
        noise = model.draw_noise(np.random.default_rng(2), x)
        found[beta] = float(model.loss(done.p, x, noise)[1].terms["tc"])
    assert found[10.0] < found[1.0] / 2 > 0.1, found


# What is refused


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_examples": 1}, "TCVAE: n_examples must be a whole number >= 2, got 1"),
        ({"n_examples": 2.5}, "TCVAE: n_examples must be a whole number >= 2, got 2.5"),
        ({"sampling": "wieghted"}, "unknown sampling 'wieghted': choose weighted or stratified"),
        ({"alpha": -1.0}, "alpha must be a finite number >= 0, got -1.0"),
        ({"gamma": math.nan}, "gamma must be a finite number >= 0, got nan"),
        ({"beta": math.inf}, "beta must be a finite number >= 0, got inf"),
        ({"samples": 3}, "those of one draw against N.0, I., got .*samples=3"),
        ({"free_bits": 0.1}, "those of one draw against N.0, I., got free_bits=0.1"),
        ({"prior": MixturePrior(3)}, "prior=MixturePrior.*use free_bits=0, samples=1"),
    ],
)
def test_what_the_decomposition_does_not_hold_for_is_refused(options, message):
    vae = dense_vae(7, 5, 3)
    with pytest.raises(ValueError, match=message):
        TCVAE(vae.encoder, vae.decoder, 3, vae.likelihood, **({"n_examples": 9} | options))


def test_more_examples_in_a_batch_than_in_the_set_are_refused(rng):
    model, p, _, _ = small(rng)
    x = np.full((21, 7), 0.5)
    with pytest.raises(ValueError, match="a batch of 21 out of n_examples=20: give the number"):
        model.loss(p, x, model.draw_noise(rng, x))


def test_a_full_covariance_is_refused(rng):
    model = tc_vae(dense_vae(7, 5, 3, GREY, posterior="full"), 20)
    p, x = model.init(rng, np.float64), np.full((4, 7), 0.5)
    with pytest.raises(ValueError, match=r"log_aggregate: expected a dict of .*log_var.*got"):
        model.loss(p, x, model.draw_noise(rng, x))
