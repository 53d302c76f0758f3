"""The parts of `demos/outliers.py`."""
