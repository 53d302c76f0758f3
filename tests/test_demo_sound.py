"""The demo of sound: its baselines, its spectra, its files, its quick run."""

import contextlib
import io
import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import sound as demo  # noqa: E402
from sound_parts import baselines, spectra  # noqa: E402
from sound_parts.wav import wav  # noqa: E402

from tinygen.data.mu_law import LEVELS, decode, encode  # noqa: E402
from tinygen.data.vowels import FORMANTS, RATE, vowels  # noqa: E402


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A quick run: its folder, its numbers, what it printed."""
    out, printed = tmp_path_factory.mktemp("sound"), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"], printed.getvalue()


# Baselines


def predicted(rng, n=6, steps=3000, scale=0.02):
    """x_t = 1.5 x_{t-1} - 0.8 x_{t-2} + logistic noise, its levels."""
    e = rng.logistic(scale=scale, size=(n, steps))
    x = np.zeros((n, steps))
    for t in range(steps):
        x[:, t] = e[:, t] + (1.5 * x[:, t - 1] if t else 0) - (0.8 * x[:, t - 2] if t > 1 else 0)
    return encode(np.clip(x, -1, 1))


def test_linear_prediction_finds_the_weights_and_the_noise(rng):
    fitted = baselines.Linear.fit(predicted(rng), 2)
    np.testing.assert_allclose(fitted.weights, [1.5, -0.8], atol=0.03)
    assert fitted.scale == pytest.approx(0.02, rel=0.2)


def test_bits_of_linear_prediction_are_those_of_its_intervals(rng):
    model = baselines.Linear(np.array([0.7, -0.2]), 0.03)
    q = rng.integers(LEVELS, size=(3, 4))
    bits = model.bits(q)
    x = decode(q).astype(float)
    limits = np.concatenate([[-np.inf], baselines.edges(), [np.inf]])
    for n, t in np.ndindex(3, 4):
        m = 0.7 * (x[n, t - 1] if t else 0) - 0.2 * (x[n, t - 2] if t > 1 else 0)
        F = 1 / (1 + np.exp(-(limits - m) / 0.03))
        assert 2 ** -bits[n, t] == pytest.approx(F[q[n, t] + 1] - F[q[n, t]], rel=1e-6)


def test_the_levels_of_linear_prediction_sum_to_one(rng):
    model = baselines.Linear(rng.normal(size=3) * 0.3, 0.01)
    past = rng.integers(LEVELS, size=3)
    every = np.stack([np.append(past, q) for q in range(LEVELS)])
    assert (2.0 ** -model.bits(every)[:, -1]).sum() == pytest.approx(1, abs=1e-12)


def test_bits_by_frequency_are_the_entropy_on_what_was_counted(rng):
    train = rng.choice(4, p=[0.5, 0.25, 0.125, 0.125], size=(4, 20_000)) + 100
    assert baselines.level_bits(train, train).mean() == pytest.approx(1.75, abs=0.02)
    assert np.isfinite(baselines.level_bits(train, np.array([0, 255]))).all()


def test_the_past_stands_nearest_first():
    past, now = baselines.lagged(np.arange(5.0)[None], 2)
    assert past.tolist() == [[1, 0], [2, 1], [3, 2]] and now.tolist() == [2, 3, 4]


# Spectra


@pytest.mark.parametrize("hz", [333.0, 1234.5, 3000.0])
def test_the_peak_of_a_tone_is_its_frequency(hz):
    x = np.sin(2 * np.pi * hz * np.arange(4000) / RATE)[None]
    found = spectra.envelope(spectra.power(x))
    assert spectra.peak(found, hz * 1.03) == pytest.approx(hz, abs=4)
    assert np.isnan(spectra.peak(np.linspace(0, -50, len(found)), hz))


def test_the_formants_of_true_vowels_are_found_near_the_table():
    for name in demo.NAMES:
        x = vowels(np.random.default_rng(2), 40, 2000, [name]).x
        found = spectra.envelope(spectra.power(x))
        for F in FORMANTS[name]:
            assert spectra.peak(found, F) == pytest.approx(F, abs=0.04 * F + 20), (name, F)


def test_power_is_a_share_and_noise_is_flat(rng):
    power = spectra.power(rng.normal(size=(20, 4000)))
    np.testing.assert_allclose(power.sum(axis=1), 1)
    inner = spectra.envelope(power)[5:-5]
    assert np.ptp(inner) < 1.5
    a, b = np.zeros(257), np.zeros(257)
    b[: 3500 * 512 // RATE + 1] = 3
    assert spectra.distance(a, b) == pytest.approx(3)


def test_each_vowel_is_nearest_to_its_own_spectrum():
    sounds = [vowels(np.random.default_rng(3), 16, 1500, [name]).x for name in demo.NAMES]
    known = np.stack([spectra.envelope(spectra.power(x)) for x in sounds])
    for k, name in enumerate(demo.NAMES):
        new = vowels(np.random.default_rng(4), 3, 1500, [name]).x
        assert (spectra.nearest(new, known) == k).all(), name


# Files


def test_a_wav_file_holds_the_sound():
    x = np.sin(np.arange(100) / 5)
    with wave.open(io.BytesIO(wav(x))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        read = np.frombuffer(file.readframes(100), "<i2") / 32767
    np.testing.assert_allclose(read, x, atol=1 / 65000)
    for bad in (x * 2, x[None], x * np.nan):
        with pytest.raises(ValueError, match=r"expected a sound \(T,\) in \[-1, 1\]"):
            wav(bad)


def test_the_model_is_told_the_vowel_at_each_step():
    u = demo.told(np.array([2, 0]), 3)
    assert u.shape == (2, 3, len(demo.NAMES)) and u.dtype == np.float32
    assert (u[0] == np.eye(5)[2]).all() and (u[1] == np.eye(5)[0]).all()


# The quick run


def test_a_quick_run_measures_draws_and_speaks(ran):
    out, numbers, printed = ran
    bits = {name: row["bits a sample"][0] for name, row in numbers["bits a sample"].items()}
    assert list(bits) == ["levels by frequency", "linear prediction", "LSTM"]
    assert bits["linear prediction"] < bits["levels by frequency"] - 1 and bits["LSTM"] < 8.2
    assert list(numbers["formants, Hz"]) == list(demo.NAMES)
    for name, row in numbers["formants, Hz"].items():
        assert [row[f"F{i}"] for i in (1, 2, 3)] == list(FORMANTS[name])
    assert numbers["likeness"]["true"]["nearest to its own vowel"] > 0.8
    for name in ("spectra", "waves"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
    assert "1. What does a sample cost?" in printed and "2. Does it sound right?" in printed


def test_each_vowel_is_left_as_a_sound_of_the_model_and_a_true_one(ran):
    for name in demo.NAMES:
        for kind in ("model", "true"):
            with wave.open(str(ran[0] / f"{name.replace(chr(39), '')}_{kind}.wav")) as file:
                assert file.getframerate() == RATE and file.getnframes() == 600
