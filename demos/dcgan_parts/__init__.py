"""The parts of the demo of DCGAN: trainings in stages, pupils of generated images, faces."""
