"""The questions of demos/belief_nets.py, one a file."""
