"""The questions of `posteriors.py`, one a file."""
