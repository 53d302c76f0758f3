"""The questions of `why_inference.py`, one a file."""
