"""The parts of demos/disentangling.py."""
