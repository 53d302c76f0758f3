"""The questions of `demos/vae.py`, one a file: `answer(setting) -> (numbers, figure)`."""
