"""Vowels, synthesised: a train of pulses, as of vocal folds, rings the resonances of a mouth.

    x = radiation * mouth * folds * (pulses + breath)           * is a filter

The mouth is three resonators in a row, at the formants F1, F2, F3, by which vowels are told
apart: y_t = A x_t + B y_{t-1} + C y_{t-2},  C = -e^(-2 pi bw / r),  B = 2 e^(-pi bw / r)
cos(2 pi F / r),  A = 1 - B - C  (D. Klatt, J. Acoust. Soc. Am. 67, 1980). The folds let high
notes through 12 dB an octave less, the lips 6 dB more.

FORMANTS are the mean values of 33 men: G. Peterson and H. Barney, Control Methods Used in a Study
of the Vowels, J. Acoust. Soc. Am. 24, 1952, table II.
"""

from collections.abc import Sequence

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part
from tinygen.names import nearest

FORMANTS = {  # Hz
    "heed": (270, 2290, 3010),
    "hid": (390, 1990, 2550),
    "head": (530, 1840, 2480),
    "had": (660, 1720, 2410),
    "hod": (730, 1090, 2440),
    "hawed": (570, 840, 2410),
    "hood": (440, 1020, 2240),
    "who'd": (300, 870, 2240),
    "hud": (640, 1190, 2390),
    "heard": (490, 1350, 1690),
}
BANDWIDTHS = (60, 90, 150)  # Hz, of the resonators; NOTE: Peterson and Barney give none
RATE = 8000  # Hz, of the telephone
FOLDS = 100  # Hz, of the two poles that stand for the folds
PEAK = 0.8  # of each sound


def vowels(
    rng: np.random.Generator,
    n: int,
    steps: int = 2000,
    names: Sequence[str] = tuple(FORMANTS),
    pitch: tuple[float, float] = (90.0, 160.0),
    jitter: float = 0.01,
    breath: float = 0.02,
    rate: int = RATE,
) -> Part:
    """n vowels (N, T) in [-0.8, 0.8], each of its own pitch, in turn one of each name.

    steps  : T, at `rate` a second
    names  : of FORMANTS; labels number them
    pitch  : pulses a second, its least and its largest value, drawn evenly
    jitter : the std of each period, as a share of it
    breath : the std of white noise in the source, as a share of that of the pulses

    factors : "pitch", Hz
    Raises ValueError for n < 1, steps < 1, unknown or no names, pitch outside 20 .. 500 Hz or out
    of order, jitter outside 0 .. 0.2, breath outside 0 .. 10, a rate that does not hold F3 twice.
    """
    check_counts("vowels", n=n, steps=steps, rate=rate)
    for name in names:
        if name not in FORMANTS:
            raise ValueError(
                f"vowels: there is no {name!r}{nearest(name, FORMANTS)} (there is "
                f"{', '.join(FORMANTS)})"
            )
    check_range("vowels", 20, 500, pitch=pitch)
    check_range("vowels", 0, 0.2, jitter=jitter)
    check_range("vowels", 0, 10, breath=breath)
    if not names or pitch[0] > pitch[1] or rate <= 2 * max(FORMANTS[v][2] for v in names):
        raise ValueError(
            "vowels: expected one name or more, pitch as (least, largest), and a rate above twice "
            f"each F3, got {tuple(names)}, {tuple(pitch)}, {rate}"
        )
    labels = np.arange(n) % len(names)
    f0 = rng.uniform(*pitch, n)  #                                              (N,)
    before = rate // 10  # steps that are not kept: the resonators ring by then
    source = pulses(rng, f0, before + steps, jitter, rate)
    source += breath * source.std(axis=1, keepdims=True) * rng.standard_normal(source.shape)
    size = 2 * source.shape[1]  # with a tail of zeros, in which all ringing dies away
    H = np.stack([response(name, size, rate) for name in names])[labels]  #     (N, size / 2 + 1)
    x = np.fft.irfft(np.fft.rfft(source, size) * H, size)[:, before : before + steps]
    x *= PEAK / np.abs(x).max(axis=1, keepdims=True)
    return Part(x.astype(np.float32), labels, {"pitch": f0})


def pulses(
    rng: np.random.Generator, f0: np.ndarray, steps: int, jitter: float, rate: int
) -> np.ndarray:
    """Unit pulses (N, steps), f0 a second; one between two steps is shared out between them."""
    x = np.zeros((len(f0), steps + 1))
    for row, pitch in zip(x, f0, strict=True):
        period = rate / pitch
        count = int(1.5 * steps / period) + 2
        lengths = period * (1 + jitter * rng.standard_normal(count)).clip(0.2)
        at = (rng.random() - 1) * period + np.cumsum(lengths)
        at = at[(at >= 0) & (at < steps)]
        whole = at.astype(int)
        np.add.at(row, whole, 1 - (at - whole))
        np.add.at(row, whole + 1, at - whole)
    return x[:, :steps]


def response(name: str, size: int, rate: int = RATE) -> np.ndarray:
    """What the folds, the mouth and the lips do to the frequencies of `np.fft.rfft`, complex."""
    back = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)  # a step back in time
    pole = np.exp(-2 * np.pi * FOLDS / rate)
    H = (1 - back) * ((1 - pole) / (1 - pole * back)) ** 2
    for F, width in zip(FORMANTS[name], BANDWIDTHS, strict=True):
        C = -np.exp(-2 * np.pi * width / rate)
        B = 2 * np.exp(-np.pi * width / rate) * np.cos(2 * np.pi * F / rate)
        H = H * (1 - B - C) / (1 - B * back - C * back**2)
    return H
