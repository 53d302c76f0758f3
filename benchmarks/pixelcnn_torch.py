"""PixelCNN in PyTorch, as its users write it: modules, NCHW, masks multiplied into the weights.

The opponent of the training step (speed_torch.py) and of drawing (sampling.py).
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class MaskedConv2d(nn.Conv2d):
    """A convolution whose weights are masked each time."""

    mask: torch.Tensor

    def __init__(self, c_in: int, c_out: int, kernel: int, mask: str):
        super().__init__(c_in, c_out, kernel, padding=kernel // 2)
        M, centre = torch.ones_like(self.weight), kernel // 2
        M[:, :, centre, centre + (mask == "B") :] = 0
        M[:, :, centre + 1 :] = 0
        self.register_buffer("mask", M)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class Block(nn.Module):
    """x + f(x)."""

    def __init__(self, features: int):
        super().__init__()
        half = features // 2
        self.net = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(features, half, 1),
            nn.ReLU(inplace=True),
            MaskedConv2d(half, half, 3, "B"),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, features, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.net(x)


def pixelcnn(features: int, blocks: int, head: int) -> nn.Sequential:
    """Binary images (N, 1, H, W) -> logits (N, 1, H, W)."""
    return nn.Sequential(
        MaskedConv2d(1, features, 7, "A"),
        *(Block(features) for _ in range(blocks)),
        nn.ReLU(),
        nn.Conv2d(features, head, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(head, 1, 1),
    )


def copy_weights(net: nn.Sequential, p: Any) -> None:
    """The parameters of tinygen's PixelCNN into the modules, in the order of the layers."""
    stack = p["stack"]["features"]
    parts = [p["first"]]
    for name in (name for name in stack if name.startswith("block")):
        parts += [stack[name]["f"][part] for part in ("down", "past", "up")]
    parts += [stack["head"], stack["out"]]
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for conv, part in zip(convs, parts, strict=True):
            W = np.ascontiguousarray(part["W"].transpose(3, 2, 0, 1))
            conv.weight.copy_(torch.from_numpy(W))
            assert conv.bias is not None
            conv.bias.copy_(torch.from_numpy(part["b"]))
