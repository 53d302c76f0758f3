"""A sound as a .wav file: 16-bit PCM, one channel."""

import io
import wave

import numpy as np

from tinygen.data.vowels import RATE


def wav(x: np.ndarray, rate: int = RATE) -> bytes:
    """The file of a sound (T,) in [-1, 1]. Raises ValueError for other numbers."""
    if x.ndim != 1 or not np.abs(x).max(initial=0) <= 1:
        raise ValueError(f"wav: expected a sound (T,) in [-1, 1], got shape {x.shape}")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.rint(x * 32767).astype("<i2").tobytes())
    return file.getvalue()
