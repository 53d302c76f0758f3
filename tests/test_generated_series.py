"""Sines, AR processes and the pendulum against their closed forms."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import ellipk
from scipy.stats import multivariate_normal, norm

from tinygen.data.ar import AR1, AR2, STD, ar, autocovariance, entropy_rate, log_prob
from tinygen.data.pendulum import (
    DT,
    RATE,
    SUBSTEPS,
    draw_pendulum,
    energy,
    pendulum,
    pendulum_clips,
    step,
)
from tinygen.data.waves import sines

AR3 = (0.4, 0.3, -0.2)


def test_sines_solve_their_recurrence_and_start_at_their_phase(rng):
    """x_{t+1} + x_{t-1} = 2 cos(2 pi f) x_t holds for a sine of frequency f alone."""
    part = sines(rng, 200, steps=50)
    x, f = part.x.astype(float), part.factors
    assert part.x.dtype == np.float32 and x.shape == (200, 50) and part.labels is None
    turn = 2 * np.cos(2 * np.pi * f["frequency"])[:, None]
    np.testing.assert_allclose(x[:, 2:] + x[:, :-2], turn * x[:, 1:-1], atol=1e-6)
    np.testing.assert_allclose(x[:, 0], f["amplitude"] * np.sin(f["phase"]), atol=1e-6)
    later = f["amplitude"] * np.sin(2 * np.pi * f["frequency"] * 49 + f["phase"])
    np.testing.assert_allclose(x[:, -1], later, atol=1e-6)


def test_the_factors_of_sines_are_drawn_evenly_from_their_ranges(rng):
    f = sines(rng, 5000, 1, frequency=(0.1, 0.3), amplitude=(2, 3)).factors
    for name, low, high in (("frequency", 0.1, 0.3), ("amplitude", 2, 3), ("phase", 0, 2 * np.pi)):
        u = (f[name] - low) / (high - low)  # U(0, 1)
        assert u.min() >= 0 and u.max() <= 1
        assert abs(u.mean() - 1 / 2) <= 4.5 / np.sqrt(12 * 5000)
        assert abs((u**2).mean() - 1 / 3) <= 4.5 * np.sqrt(4 / 45 / 5000)


def test_noise_of_sines_has_its_std():
    clean, noisy = (sines(np.random.default_rng(1), 400, noise=s) for s in (0, 0.2))
    eps = (noisy.x - clean.x) / 0.2
    assert abs((eps**2).mean() - 1) <= 4.5 * np.sqrt(2 / eps.size)
    assert abs(eps.mean()) <= 4.5 / np.sqrt(eps.size)


def test_autocovariances_are_the_closed_forms():
    expected = STD**2 / (1 - 0.9**2) * 0.9 ** np.arange(21)
    np.testing.assert_allclose(autocovariance(AR1), expected, rtol=1e-12)
    a, b = AR2
    variance = (1 - b) * STD**2 / ((1 + b) * ((1 - b) ** 2 - a**2))
    gamma = autocovariance(AR2, lags=30)
    assert gamma[0] == pytest.approx(variance, rel=1e-12)
    assert gamma[1] == pytest.approx(variance * a / (1 - b), rel=1e-12)
    np.testing.assert_allclose(gamma[2:], a * gamma[1:-1] + b * gamma[:-2], atol=1e-12)


@pytest.mark.parametrize("phi", [AR1, AR2, AR3])
def test_autocovariances_are_those_of_the_sum_over_all_past_noise(phi):
    """gamma_h = std^2 sum_j psi_j psi_{j+h}, psi the response to one unit of noise."""
    psi = np.zeros(600)
    psi[0] = 1
    for t in range(1, 600):
        psi[t] = sum(c * psi[t - k] for k, c in enumerate(phi, 1) if t >= k)
    expected = [0.7**2 * (psi[: 600 - h] * psi[h:]).sum() for h in range(11)]
    np.testing.assert_allclose(autocovariance(phi, 0.7, 10), expected, rtol=1e-9)
    np.testing.assert_allclose(autocovariance(phi, 0.7, 0), expected[:1], rtol=1e-9)


@pytest.mark.parametrize("phi", [AR1, AR2, AR3])
def test_series_have_these_autocovariances_from_their_first_step_on(rng, phi):
    n, steps = 40_000, 7
    x = ar(rng, n, steps, phi).x.astype(float)
    lags = abs(np.arange(steps) - np.arange(steps)[:, None])
    covariance = autocovariance(phi, lags=steps)[lags]
    error = np.sqrt((covariance[0, 0] ** 2 + covariance**2) / n)  # std of a sample covariance
    assert abs(x.T @ x / n - covariance)[error > 0].max() <= 5 * error.max()
    assert np.all(abs(x.T @ x / n - covariance) <= 5 * error)
    assert np.all(abs(x.mean(axis=0)) <= 5 * np.sqrt(covariance[0, 0] / n))


@pytest.mark.parametrize("phi", [AR1, AR2, AR3])
def test_log_prob_is_the_direct_sum_of_gaussian_densities(rng, phi):
    x = ar(rng, 3, 12, phi, std=0.7).x
    found = log_prob(x, phi, std=0.7)
    p = len(phi)
    assert found.shape == (3, 12 - p) and found.dtype == np.float64
    for i in range(3):
        for t in range(p, 12):
            mean = sum(c * float(x[i, t - k]) for k, c in enumerate(phi, 1))
            assert found[i, t - p] == pytest.approx(norm.logpdf(x[i, t], mean, 0.7), rel=1e-12)


@pytest.mark.parametrize("phi", [AR1, AR2, AR3])
def test_with_the_density_of_the_first_steps_it_is_the_joint_normal_density(rng, phi):
    x, p = ar(rng, 4, 9, phi).x.astype(float), len(phi)
    gamma = autocovariance(phi, lags=9)
    covariance = gamma[abs(np.arange(9) - np.arange(9)[:, None])]
    joint = multivariate_normal.logpdf(x, np.zeros(9), covariance)
    first = multivariate_normal.logpdf(x[:, :p], np.zeros(p), covariance[:p, :p])
    np.testing.assert_allclose(log_prob(x, phi).sum(axis=1), joint - first, rtol=1e-9)


@pytest.mark.parametrize("phi", [AR1, AR2])
def test_the_true_model_pays_the_entropy_rate_in_the_mean(rng, phi):
    nll = -log_prob(ar(rng, 500, 102, phi).x, phi)
    assert entropy_rate() == pytest.approx(norm(scale=STD).entropy())
    assert abs(nll.mean() - entropy_rate()) <= 4.5 * np.sqrt(0.5 / nll.size)  # var of eps^2/2
    wrong = -log_prob(ar(rng, 500, 102, phi).x, np.array(phi) * 0.9)
    assert wrong.mean() > entropy_rate() + 0.01


def test_a_series_shorter_than_its_order_is_drawn(rng):
    assert ar(rng, 5, 1, AR3).x.shape == (5, 1)


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [
        ([1.0], "no stationary process: a root has modulus 1,"),
        ([0.5, 0.6], "no stationary process"),
        ([], "p finite numbers, p >= 1"),
        ([np.nan], "p finite numbers"),
        (0.5, "p finite numbers"),
    ],
)
def test_coefficients_of_no_stationary_process_are_refused(rng, coefficients, message):
    with pytest.raises(ValueError, match=f"ar: coefficients .*{message}"):
        ar(rng, 2, 5, coefficients)
    with pytest.raises(ValueError, match=message):
        autocovariance(coefficients)


@pytest.mark.parametrize("shape", [(4,), (3, 2), (2, 5, 1)])
def test_series_too_short_for_a_likelihood_are_refused(shape):
    with pytest.raises(ValueError, match=r"x must be of shape \(N, T\) with T > 2, got"):
        log_prob(np.zeros(shape), AR2)


def swing(angle, steps, dt, substeps):
    """The angles and energies of a pendulum let go at rest."""
    state, angles, energies = (angle, 0.0), [angle], [energy(angle, 0.0)]
    for _ in range(steps):
        state = step(*state, dt=dt, substeps=substeps)
        angles.append(float(state[0]))
        energies.append(float(energy(*state)))
    return np.array(angles), np.array(energies)


def test_the_pendulum_keeps_its_energy_within_a_bound_that_does_not_grow():
    _, energies = swing(2.5, 5000, DT, SUBSTEPS)  # 500 s, some 150 swings
    error = abs(energies - energies[0])
    assert error.max() <= 1e-4 * RATE
    assert error[-1000:].max() <= 1.05 * error[:1000].max()


def test_half_the_step_makes_a_quarter_of_the_error():
    exact = swing(2.0, 10, DT, 4000)[0]
    coarse, fine = (abs(swing(2.0, 10, DT, n)[0] - exact).max() for n in (10, 20))
    assert coarse / fine == pytest.approx(4, rel=0.02)
    assert fine <= 5e-4


@pytest.mark.parametrize("angle", [0.01, 1.0, 2.5])
def test_the_period_is_the_elliptic_integral(angle):
    """T = 4 K(sin^2(angle / 2)) sqrt(length / g); four quarters later it is back."""
    period = 4 * ellipk(np.sin(angle / 2) ** 2) / np.sqrt(RATE)
    quarter = step(angle, 0.0, dt=period / 4, substeps=2000)
    whole = step(angle, 0.0, dt=period, substeps=8000)
    np.testing.assert_allclose(quarter[0], 0, atol=1e-5 * angle)
    np.testing.assert_allclose(whole, [angle, 0], atol=1e-5 * angle)


def test_time_runs_backwards_exactly(rng):
    angle, velocity = rng.normal(size=(2, 5))
    back = step(*step(angle, velocity, 0.3), 0.3, dt=-DT)
    np.testing.assert_allclose(back, [angle, velocity], atol=1e-12)


def test_a_torque_does_its_work(rng):
    """The energy gained is torque times the angle swept; at rest level a torque g/l holds it."""
    angle, velocity = 0.3, -0.2
    later = step(angle, velocity, 2.0, dt=0.5, substeps=5000)
    gained = energy(*later) - energy(angle, velocity)
    assert gained == pytest.approx(2.0 * (later[0] - angle), rel=1e-5)
    np.testing.assert_allclose(step(np.pi / 2, 0.0, RATE), [np.pi / 2, 0], atol=1e-12)


def test_swings_are_the_steps_and_their_factors(rng):
    part = pendulum(rng, 50, steps=40)
    assert part.x.shape == (50, 40, 2) and part.x.dtype == np.float32
    state = (part.factors["angle"], part.factors["velocity"])
    for t in range(40):
        np.testing.assert_allclose(part.x[:, t], np.stack(state, axis=1), atol=1e-6)
        state = step(*state)
    energies = energy(part.x[..., 0].astype(float), part.x[..., 1].astype(float))
    np.testing.assert_allclose(energies, part.factors["energy"][:, None].repeat(40, 1), atol=2e-3)
    assert energies.max() < RATE and abs(part.x[..., 0]).max() < np.pi  # none over the top


def test_a_torque_acts_from_its_own_state_on(rng):
    torque = np.zeros((3, 9))
    torque[:, 4] = 5
    free, driven = (pendulum(np.random.default_rng(2), 3, 10, t).x for t in (None, torque))
    assert np.array_equal(free[:, :5], driven[:, :5])
    assert np.all(driven[:, 5, 1] - free[:, 5, 1] > 0.4)  # about 5 * 0.1


def test_a_picture_shows_the_angle():
    angle = np.array([0, np.pi / 2, -np.pi / 2, np.pi, 0.7])
    x = draw_pendulum(angle, 48)
    assert x.shape == (5, 48, 48, 1) and x.dtype == np.float32 and x.min() == 0 and x.max() == 1
    place = (np.arange(48) + 0.5) / 48 - 0.5
    for image, a in zip(x[..., 0], angle, strict=True):
        heavy = ndimage.binary_opening(image > 0.5, np.ones((5, 5)))  # the bob without the rod
        bob = [place[np.argwhere(heavy)[:, k]].mean() for k in (1, 0)]  # right, down
        np.testing.assert_allclose(bob, [0.36 * np.sin(a), 0.36 * np.cos(a)], atol=0.4 / 48)
        assert image[0].max() == image[-1].max() == image[:, 0].max() == image[:, -1].max() == 0


@pytest.mark.parametrize(("size", "tolerance"), [(128, 0.005), (16, 0.08)])
def test_the_ink_of_a_picture_is_the_area_of_rod_and_bob(size, tolerance):
    s = np.linspace(-0.025, 0.025, 1001)  # across the rod, whose end lies within the bob
    rod = 0.05 * (0.36 - np.sqrt(0.1**2 - s**2).mean())  # what of it the bob leaves free
    ink = draw_pendulum(np.linspace(0, 6, 50), size).sum(axis=(1, 2, 3)) / size**2
    np.testing.assert_allclose(ink, rod + np.pi * 0.1**2, rtol=tolerance)


def test_the_rod_runs_from_the_middle_to_the_bob():
    x = draw_pendulum(np.array([0.0]), 100)[0, :, :, 0]
    rod = np.flatnonzero(x[:, 50] > 0.5)
    assert rod[0] == 50 and rod[-1] == 95 and len(rod) == 46  # to the far side of the bob
    assert np.flatnonzero(x[60] > 0.4).tolist() == [47, 48, 49, 50, 51, 52]


def test_clips_are_the_pictures_of_the_swings():
    clips, swings = (f(np.random.default_rng(3), 4, 6) for f in (pendulum_clips, pendulum))
    assert clips.x.shape == (4, 6, 16, 16, 1)
    np.testing.assert_array_equal(clips.x, draw_pendulum(swings.x[..., 0]))
    assert np.array_equal(clips.factors["angle"], swings.factors["angle"])


@pytest.mark.parametrize("make", [sines, ar, pendulum, pendulum_clips])
def test_the_same_state_gives_the_same_bits_and_no_count_is_refused(make):
    first, second, other = (make(np.random.default_rng(s), 4, 5) for s in (1, 1, 2))
    assert first.x.tobytes() == second.x.tobytes() != other.x.tobytes()
    name = "pendulum" if make is pendulum_clips else make.__name__
    for n, steps, wrong in ((0, 5, "n"), (4, 0, "steps"), (2.0, 5, "n")):
        with pytest.raises(ValueError, match=f"{name}: {wrong} must be a whole number >= 1"):
            make(np.random.default_rng(0), n, steps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: sines(rng, 2, noise=-1), "sines: noise must lie in"),
        (lambda rng: sines(rng, 2, frequency=(0.1, 0.6)), r"frequency must lie in \[0, 0.5\]"),
        (lambda rng: sines(rng, 2, frequency=(0.2, 0.1)), "frequency must be .least, largest"),
        (lambda rng: sines(rng, 2, amplitude=(2, 1)), "amplitude must be .least, largest"),
        (lambda rng: ar(rng, 2, 5, std=0), "ar: std must lie in"),
        (lambda rng: autocovariance(lags=-1), "lags must be a whole number >= 0"),
        (lambda rng: pendulum(rng, 2, 5, np.zeros((2, 5))), r"torque must be \(2, 4\), .N, T - 1"),
        (lambda rng: pendulum(rng, 1, 2, [[np.nan]]), "torque must lie in"),
        (lambda rng: step(0, 0, substeps=0), "step: substeps must be a whole number >= 1"),
        (lambda rng: draw_pendulum(np.zeros(2), 11), "size must be a whole number >= 12"),
        (lambda rng: draw_pendulum(np.array([np.inf])), "angle must lie in"),
    ],
)  # fmt: skip
def test_what_gives_no_series_is_refused(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
