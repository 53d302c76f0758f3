"""The parts of demos/sound.py."""
