"""The parts of `demos/time_series.py`."""
