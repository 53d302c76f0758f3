"""The layers, one idea a file, forward and backward on one screen."""

from tinygen.layers.activations import Relu, Sigmoid, Softplus, Tanh
from tinygen.layers.base import Layer
from tinygen.layers.dense import Dense
from tinygen.layers.sequential import Sequential

__all__ = ["Dense", "Layer", "Relu", "Sequential", "Sigmoid", "Softplus", "Tanh"]
