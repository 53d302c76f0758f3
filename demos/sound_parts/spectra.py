"""Spectra of sounds, their peaks, and how far two spectra are apart.

The averaged periodogram of P. Welch, IEEE Trans. Audio Electroacoust. 15, 1967: the mean square of
the Fourier transforms of short, windowed pieces that overlap by half.
"""

import numpy as np

from tinygen.data.vowels import RATE

SIZE = 512  # samples of a piece: bins of 15.6 Hz
WIDTH = 50.0  # Hz: of a mean over many pitches this leaves an envelope without harmonics
AROUND, LEAST = 0.15, 80.0  # a peak is looked for within this share of a formant, or these Hz
FLOOR = 1e-9  # of the power, against the logarithm of 0


def power(x: np.ndarray) -> np.ndarray:
    """Power in each bin of each sound (N, T) -> (N, SIZE / 2 + 1), as a share of all."""
    pieces = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), SIZE, axis=1)
    pieces = pieces[:, :: SIZE // 2] * np.hanning(SIZE)  #           (N, pieces, SIZE)
    found = (np.abs(np.fft.rfft(pieces)) ** 2).mean(axis=1)
    return found / found.sum(axis=1, keepdims=True)


def envelope(power_of_each: np.ndarray) -> np.ndarray:
    """The mean spectrum of several sounds in dB, smoothed over harmonics: (SIZE / 2 + 1,)."""
    width = max(1, round(WIDTH / (RATE / SIZE)))
    kernel = np.hanning(2 * width + 1)[1:-1]
    ends = len(kernel) // 2
    mean = np.pad(power_of_each.mean(axis=0), ends, mode="edge")
    return 10 * np.log10(np.convolve(mean, kernel / kernel.sum(), mode="valid") + FLOOR)


def frequencies() -> np.ndarray:
    """Hz of each bin."""
    return np.fft.rfftfreq(SIZE, 1 / RATE)


def peak(decibels: np.ndarray, near: float) -> float:
    """Hz of the highest local maximum near a formant; NaN where there is none."""
    hz = frequencies()
    inner = np.flatnonzero((decibels[1:-1] >= decibels[:-2]) & (decibels[1:-1] > decibels[2:])) + 1
    inner = inner[np.abs(hz[inner] - near) <= max(AROUND * near, LEAST)]
    if not len(inner):
        return float("nan")
    at = inner[int(np.argmax(decibels[inner]))]
    a, b, c = decibels[at - 1 : at + 2]  # a parabola through three bins
    return float(hz[at] + (hz[1] * (a - c) / (2 * (a - 2 * b + c)) if a - 2 * b + c else 0.0))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square of the difference of two spectra in dB, up to 3.5 kHz."""
    below = frequencies() <= 3500
    return float(np.sqrt(((a - b)[below] ** 2).mean()))


def nearest(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the known spectra (K, bins) in dB each sound (N, T) is nearest to: (N,)."""
    found = np.stack([envelope(one[None]) for one in power(x)])
    return np.array([[distance(a, b) for b in known] for a in found]).argmin(axis=1)
