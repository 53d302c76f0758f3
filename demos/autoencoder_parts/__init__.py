"""The questions of `demos/autoencoder.py`, one a file: `answer(setting) -> Answer`."""

import common  # noqa: F401  first of all: it sets BLAS's threads before NumPy reads their number
