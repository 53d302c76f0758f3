"""One vowel as another: two sets of sounds without pairs, the stand-in for two voices.

Sounds are 1/20 of a second of synthesised "hod" and "who'd" at many pitches; generators and
discriminators are convolutions over time. The truth is known: the same pulses of the folds
through the other mouth. Spectra say how near a translation comes, the ear hears it in .wav files.
"""

from typing import Any

import numpy as np
from sound_parts import spectra

from cycle_parts.digits import translated
from cycle_parts.fit import fit
from tinygen.data.vowels import FORMANTS, RATE, vowels
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.cycle_gan_nets import wave_discriminator, wave_generator
from tinygen.plots.style import LINES, SMALL, dress, new_figure

A, B = "hod", "who'd"
STEPS, LONG = 400, 4000  # samples of a training example, and of a test sound
LR, BATCH, CYCLE = 1e-3, 16, 10.0
PITCH = (90.0, 160.0)
LOWEST, HIGHEST = 60.0, 250.0  # Hz, between which a pitch is looked for
SHOWN = 320  # samples, 40 ms
UPPER = 45.0  # dB below the peak: above it lie the formants, below it a floor of noise


def sounds(seed: list[int], name: str, n: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """n sounds (n, T, 1) of one vowel, and the pitch of each.

    The same seed gives the same pulses, whatever the vowel: that is the true map.
    """
    part = vowels(np.random.default_rng(seed), n, steps, (name,), PITCH)
    return part.x[..., None], part.factors["pitch"]


def pitch_of(x: np.ndarray) -> np.ndarray:
    """Hz, of the highest autocorrelation between LOWEST and HIGHEST, of sounds (N, T)."""
    x = x - x.mean(axis=1, keepdims=True)
    power = abs(np.fft.rfft(x, 2 * x.shape[1])) ** 2
    auto = np.fft.irfft(power)[:, : x.shape[1]]
    lags = np.arange(int(RATE / HIGHEST), int(RATE / LOWEST))
    return RATE / lags[auto[:, lags].argmax(axis=1)]


def same_pitch(x: np.ndarray, f0: np.ndarray) -> float:
    """The share of sounds whose pitch lies within 3 % of f0."""
    return float((abs(pitch_of(x) / f0 - 1) < 0.03).mean())


def upper(decibels: np.ndarray) -> np.ndarray:
    """A spectrum with all that lies more than UPPER below its peak lifted to that floor."""
    return np.maximum(decibels, decibels.max() - UPPER)


def model_of(quick: bool) -> CycleGAN:
    """Convolutions over time; a discriminator gives a score for each 8 samples."""
    width, blocks = (4, 1) if quick else (16, 3)
    G, F = (wave_generator(width, blocks) for _ in "GF")
    D_a, D_b = (wave_discriminator((8, 16) if quick else (16, 32, 32)) for _ in "ab")
    shape = (STEPS, 1)
    return CycleGAN(G, F, D_a, D_b, shape, shape, cycle=CYCLE, identity=0.0)


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, np.ndarray]]:
    """Spectra and pitches as rows, pictures, and sounds (T,) to be written."""
    n, steps = (16, 4) if args.quick else (2000, 1200)
    model = model_of(args.quick)
    sets = sounds([args.seed, 4], A, n, STEPS)[0], sounds([args.seed, 5], B, n, STEPS)[0]
    p, terms = fit(model, sets, args.seed, steps, BATCH, LR, args.device)
    seed = [args.seed, 6]
    (a, f0), (b, _) = (sounds(seed, name, 40, LONG) for name in (A, B))
    to_b, to_a = (long(model, p, x, to, args.device) for x, to in ((a, "b"), (b, "a")))
    known = {name: spectra.envelope(spectra.power(x[..., 0])) for name, x in ((A, a), (B, b))}
    rows = {}
    for title, x, true in ((f"{A} as {B}", to_b, B), (f"{B} as {A}", to_a, A),
                           (f"{A} itself", a, B), (f"true {B}", b, B)):  # fmt: skip
        heard = spectra.envelope(spectra.power(x[..., 0]))
        rows[title] = {
            "dB from the true spectrum": spectra.distance(heard, known[true]),
            f"of its upper {UPPER:g} dB": spectra.distance(upper(heard), upper(known[true])),
            "pitch kept": same_pitch(x[..., 0], f0),
        }
    rows[f"{A} as {B}"]["there and back"] = terms["generators.cycle"] / 2
    figures = {
        "waves": waves({A: a, f"{A} as {B}": to_b, f"true {B}": b}),
        "spectra": spectrum({f"true {B}": b, f"{A} as {B}": to_b, A: a}, B),
    }
    kept = {"hod": a, "hod_as_whod": to_b, "whod": b, "whod_as_hod": to_a}
    return rows, figures, {name: np.clip(x[0, :, 0], -1, 1) for name, x in kept.items()}


def long(model: CycleGAN, p: Any, x: np.ndarray, to: str, device: str) -> np.ndarray:
    """Sounds of any length that STEPS divides, translated piece by piece and put together.

    NOTE: a piece does not hear its neighbours, so that near its ends the filter is cut short.
    """
    pieces = x.reshape(-1, STEPS, 1)
    return translated(model, p, pieces, to, device).reshape(x.shape)


def waves(shown: dict[str, np.ndarray]) -> Any:
    """40 ms of each, one above the other."""
    figure = new_figure(6.4, 1.3 * len(shown) + 0.3)
    for axes, (name, x) in zip(
        figure.subplots(len(shown), 1, sharex=True, sharey=True), shown.items(), strict=True
    ):
        axes.plot(np.arange(SHOWN) * 1000 / RATE, x[0, :SHOWN, 0], color=LINES[0], lw=0.9)
        dress(axes, name)
        axes.set_yticks([])
    figure.axes[-1].set_xlabel("ms", fontsize=SMALL)
    return figure


def spectrum(shown: dict[str, np.ndarray], vowel: str) -> Any:
    """Mean spectra, the formants of the wanted vowel dotted."""
    figure = new_figure(6.4, 3.4)
    axes, hz = figure.add_subplot(), spectra.frequencies() / 1000
    for (name, x), colour in zip(shown.items(), LINES, strict=False):
        axes.plot(hz, spectra.envelope(spectra.power(x[..., 0])), color=colour, label=name)
    for F in FORMANTS[vowel]:
        axes.axvline(F / 1000, color="black", lw=0.7, linestyle=":")
    dress(axes, "", "kHz", "dB")
    axes.set_ylim(-75, 0)
    axes.legend(frameon=False, fontsize=SMALL)
    return figure
