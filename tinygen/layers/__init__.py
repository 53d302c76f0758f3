"""The layers, one idea a file, forward and backward on one screen."""

from tinygen.layers.activations import Elu, LeakyRelu, Relu, Sigmoid, Softplus, Tanh
from tinygen.layers.base import Layer
from tinygen.layers.batch_norm import BatchNorm
from tinygen.layers.bicubic import Bicubic2d
from tinygen.layers.bounded import Bounded
from tinygen.layers.calibrate import calibrate
from tinygen.layers.cholesky import Cholesky
from tinygen.layers.concat import Concat
from tinygen.layers.conv import Conv1d, Conv2d
from tinygen.layers.conv_transpose import ConvTranspose2d
from tinygen.layers.dense import Dense
from tinygen.layers.diagonal_lstm import DiagonalBiLSTM
from tinygen.layers.dropout import Dropout
from tinygen.layers.embedding import Embedding
from tinygen.layers.equalised import Equalised
from tinygen.layers.fade_in import FadeIn
from tinygen.layers.fork import Fork
from tinygen.layers.gated import GatedTanh, Maxout
from tinygen.layers.gated_block import GatedBlock
from tinygen.layers.instance_norm import InstanceNorm
from tinygen.layers.label_bias import LabelBias
from tinygen.layers.labelled_dense import LabelledDense
from tinygen.layers.layer_norm import LayerNorm
from tinygen.layers.lstm import LSTM
from tinygen.layers.masked_conv import MaskedConv2d
from tinygen.layers.masked_dense import MaskedDense
from tinygen.layers.minibatch_discrimination import MinibatchDiscrimination
from tinygen.layers.minibatch_std import MinibatchStd
from tinygen.layers.pack import Pack
from tinygen.layers.pixel_norm import PixelNorm
from tinygen.layers.pool import AvgPool2d, MaxPool2d
from tinygen.layers.resample import ReflectionPad2d, Upsample2d
from tinygen.layers.residual import Residual
from tinygen.layers.row_lstm import RowLSTM
from tinygen.layers.sequential import Sequential
from tinygen.layers.shape import Flatten, Reshape
from tinygen.layers.shared import Shared
from tinygen.layers.softmax import Softmax
from tinygen.layers.stateful_lstm import StatefulLSTM
from tinygen.layers.summary import summary
from tinygen.layers.vertical_conv import VerticalConv2d

__all__ = [
    "LSTM",
    "AvgPool2d",
    "BatchNorm",
    "Bicubic2d",
    "Bounded",
    "Cholesky",
    "Concat",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dense",
    "DiagonalBiLSTM",
    "Dropout",
    "Elu",
    "Embedding",
    "Equalised",
    "FadeIn",
    "Flatten",
    "Fork",
    "GatedBlock",
    "GatedTanh",
    "InstanceNorm",
    "LabelBias",
    "LabelledDense",
    "Layer",
    "LayerNorm",
    "LeakyRelu",
    "MaskedConv2d",
    "MaskedDense",
    "MaxPool2d",
    "Maxout",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "Pack",
    "PixelNorm",
    "ReflectionPad2d",
    "Relu",
    "Reshape",
    "Residual",
    "RowLSTM",
    "Sequential",
    "Shared",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StatefulLSTM",
    "Tanh",
    "Upsample2d",
    "VerticalConv2d",
    "calibrate",
    "summary",
]
