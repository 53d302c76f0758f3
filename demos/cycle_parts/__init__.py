"""The parts of demos/cycle_gan.py and demos/translation.py."""
