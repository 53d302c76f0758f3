"""The parts of demos/text.py."""
