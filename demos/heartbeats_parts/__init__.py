"""The parts of `demos/heartbeats.py`."""
