"""Sine waves of known frequency, amplitude and phase.

x_t = amplitude sin(2 pi frequency t + phase) + noise eps_t        t = 0, ..., T - 1
"""

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part


def sines(
    rng: np.random.Generator,
    n: int,
    steps: int = 64,
    noise: float = 0.0,
    frequency: tuple[float, float] = (0.02, 0.12),
    amplitude: tuple[float, float] = (0.5, 1.0),
) -> Part:
    """n waves (N, T), each with its own frequency, amplitude and phase, drawn evenly.

    steps     : T;  noise: the std of what is added to each step
    frequency : its least and its largest value, in turns a step; 1/2 is the highest that T steps
                can show
    amplitude : its least and its largest value

    factors : "frequency", "amplitude", "phase" (radians, 0 to 2 pi)
    Raises ValueError for n < 1, steps < 1, noise or amplitudes below 0, frequencies outside
    [0, 1/2], and ranges out of order.
    """
    check_counts("sines", n=n, steps=steps)
    check_range("sines", 0, 0.5, frequency=frequency)
    check_range("sines", 0, 1e6, noise=noise, amplitude=amplitude)
    for name, (low, high) in {"frequency": frequency, "amplitude": amplitude}.items():
        if low > high:
            raise ValueError(f"sines: {name} must be (least, largest), got {(low, high)}")
    f, a = rng.uniform(*frequency, n), rng.uniform(*amplitude, n)  # (N,)
    phase = rng.uniform(0, 2 * np.pi, n)
    angle = 2 * np.pi * f[:, None] * np.arange(steps) + phase[:, None]  # (N, T)
    x = a[:, None] * np.sin(angle) + noise * rng.standard_normal((n, steps))
    return Part(x.astype(np.float32), None, {"frequency": f, "amplitude": a, "phase": phase})
