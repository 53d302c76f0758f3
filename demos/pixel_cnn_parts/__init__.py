"""The parts of demos/pixel_cnn.py."""
