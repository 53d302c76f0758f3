"""The parts of `demos/planning.py`."""
