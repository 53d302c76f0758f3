"""The parts of `demos/debiasing_vae.py`, which `benchmarks/debiasing.py` runs too."""

import common  # noqa: F401  first of all: it sets BLAS's threads before NumPy reads their number
