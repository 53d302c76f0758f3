"""Synthesised vowels: their pitch, their formants, their filter by its recurrence."""

import numpy as np
import pytest
from scipy.signal import lfilter

from tinygen.data.vowels import BANDWIDTHS, FOLDS, FORMANTS, RATE, pulses, response, vowels


def test_the_response_is_that_of_the_recurrence(rng):
    source = np.zeros(4000)
    source[:2000] = rng.standard_normal(2000)
    y = np.fft.irfft(np.fft.rfft(source) * response("head", 4000))
    pole = np.exp(-2 * np.pi * FOLDS / RATE)
    expected = np.diff(source, prepend=0.0)
    for _ in range(2):
        expected = lfilter([1 - pole], [1, -pole], expected)
    for F, bw in zip(FORMANTS["head"], BANDWIDTHS, strict=True):
        B = 2 * np.exp(-np.pi * bw / RATE) * np.cos(2 * np.pi * F / RATE)
        C = -np.exp(-2 * np.pi * bw / RATE)
        expected = lfilter([1 - B - C], [1, -B, -C], expected)
    np.testing.assert_allclose(y, expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("name", FORMANTS)
def test_the_spectrum_has_its_peaks_at_the_formants(name):
    gain = np.abs(response(name, RATE))  # a bin a Hz
    inner = (gain[1:-1] > gain[:-2]) & (gain[1:-1] > gain[2:])
    peaks = np.flatnonzero(inner) + 1
    for F in FORMANTS[name]:
        assert np.abs(peaks - F).min() <= 0.04 * F + 10, (name, F, peaks)


def test_pulses_come_at_the_pitch_with_the_jitter(rng):
    f0 = np.full(200, 100.0)
    x = pulses(rng, f0, 8000, 0.05, RATE)
    assert abs(x.sum(axis=1).mean() - 100) < 0.5  # a second of 100 pulses
    still = pulses(rng, f0, 8000, 0.0, RATE)
    assert np.all(np.abs(still.sum(axis=1) - 100) <= 1)
    at = np.flatnonzero(x[0])
    centres = [at[i] + x[0, at[i] + 1] for i in range(len(at)) if x[0, at[i] - 1] == 0]
    periods = np.diff(centres[1:-1])
    assert periods.std() == pytest.approx(0.05 * 80, rel=0.3)


@pytest.mark.parametrize("pitch", [90.0, 125.0, 160.0])
def test_a_vowel_repeats_with_its_pitch(rng, pitch):
    part = vowels(rng, 4, 4000, ["hod", "who'd"], (pitch, pitch), jitter=0.0, breath=0.0)
    period = round(RATE / pitch)
    for x in part.x.astype(float):
        lags = [np.corrcoef(x[lag:], x[:-lag])[0, 1] for lag in range(40, 100)]
        assert abs(40 + int(np.argmax(lags)) - period) <= 1 and max(lags) > 0.95
    assert np.array_equal(part.factors["pitch"], np.full(4, pitch))


def test_vowels_come_in_turn_at_one_peak_and_from_one_seed(rng):
    part = vowels(np.random.default_rng(3), 7, 500, ("heed", "hod", "who'd"))
    assert part.x.shape == (7, 500) and part.x.dtype == np.float32
    assert part.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    np.testing.assert_allclose(np.abs(part.x).max(axis=1), 0.8, rtol=1e-6)
    again = vowels(np.random.default_rng(3), 7, 500, ("heed", "hod", "who'd"))
    assert np.array_equal(part.x, again.x)
    assert np.all((part.factors["pitch"] >= 90) & (part.factors["pitch"] <= 160))


def test_breath_is_noise_in_its_share():
    clean, noisy = (
        vowels(np.random.default_rng(1), 5, 1000, ["had"], breath=b).x for b in (0.0, 0.5)
    )
    gap = [np.corrcoef(a, b)[0, 1] for a, b in zip(clean, noisy, strict=True)]
    assert 0.5 < np.mean(gap) < 0.99


@pytest.mark.parametrize(
    "words, says",
    [
        ({"n": 0}, "n must be a whole number >= 1, got 0"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"names": ["hat"]}, "there is no 'hat', did you mean 'had'"),
        ({"names": []}, "expected one name or more"),
        ({"pitch": (150, 100)}, r"pitch as \(least, largest\)"),
        ({"pitch": (5, 100)}, r"pitch must lie in \[20, 500\], got 5"),
        ({"jitter": -0.1}, "jitter must lie in"),
        ({"breath": np.nan}, "breath must lie in"),
        ({"rate": 6000}, "a rate above twice each F3"),
    ],
)
def test_what_makes_no_vowel_is_refused(words, says, rng):
    with pytest.raises(ValueError, match=says):
        vowels(rng, **{"n": 2, "steps": 10, **words})
