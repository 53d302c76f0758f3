"""The parts of the demo of few labels: encoders, fits, curves."""
