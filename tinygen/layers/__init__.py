"""The layers, one idea a file, forward and backward on one screen."""

from tinygen.layers.activations import Relu, Sigmoid, Softplus, Tanh
from tinygen.layers.base import Layer
from tinygen.layers.batch_norm import BatchNorm
from tinygen.layers.calibrate import calibrate
from tinygen.layers.dense import Dense
from tinygen.layers.dropout import Dropout
from tinygen.layers.instance_norm import InstanceNorm
from tinygen.layers.layer_norm import LayerNorm
from tinygen.layers.pixel_norm import PixelNorm
from tinygen.layers.sequential import Sequential
from tinygen.layers.shared import Shared

__all__ = [
    "BatchNorm",
    "Dense",
    "Dropout",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "PixelNorm",
    "Relu",
    "Sequential",
    "Shared",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "calibrate",
]
