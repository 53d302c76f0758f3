"""The questions of demos/mixtures.py, one a file."""
