"""DCGAN as PyTorch code has it: the opponent of the speed table, and a second opinion for tests.

The loop is that of PyTorch's own DCGAN example: D learns from data, then from fakes that are
detached; G's turn shows the same fakes to the D that has moved. Layers have the sizes of
`tinygen.models.dcgan.dcgan`: G's first transposed convolution on one pixel is its dense layer, D's
last convolution down to one pixel too.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

LR, BETAS = 2e-4, (0.5, 0.999)


def nets(side: int, features: tuple[int, ...], n_latent: int) -> tuple[nn.Module, nn.Module]:
    """G and D of grey images side x side."""
    smallest, depths = side // 2 ** len(features), features[::-1]
    up: list[nn.Module] = [
        nn.ConvTranspose2d(n_latent, depths[0], smallest, bias=False),
        nn.BatchNorm2d(depths[0]),
        nn.ReLU(inplace=True),
    ]
    for c_in, c_out in pairwise(depths):
        up += [nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out)]
        up += [nn.ReLU(inplace=True)]
    up += [nn.ConvTranspose2d(features[0], 1, 4, 2, 1), nn.Tanh()]
    down: list[nn.Module] = [nn.Conv2d(1, features[0], 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for c_in, c_out in pairwise(features):
        down += [nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out)]
        down += [nn.LeakyReLU(0.2, inplace=True)]
    down += [nn.Conv2d(features[-1], 1, smallest)]
    for net in (G := nn.Sequential(*up), D := nn.Sequential(*down)):
        layers: Any = net
        for layer in layers:
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)
            elif hasattr(layer, "weight"):
                nn.init.normal_(layer.weight, 0.0, 0.02)
    return G, D


def turns(
    G: nn.Module, D: nn.Module, x: torch.Tensor
) -> tuple[Callable[[torch.Tensor], Any], Callable[[torch.Tensor], Any]]:
    """Both losses, which leave their gradients, on data x: z -> (D's, fakes), fakes -> G's."""
    loss = nn.BCEWithLogitsLoss()
    real, fake = torch.ones(len(x), dtype=x.dtype), torch.zeros(len(x), dtype=x.dtype)
    real, fake = real.to(x.device), fake.to(x.device)

    def discriminator(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        D.zero_grad()
        of_data = loss(D(x).view(-1), real)
        of_data.backward()
        fakes = G(z)
        of_fakes = loss(D(fakes.detach()).view(-1), fake)
        of_fakes.backward()
        return of_data + of_fakes, fakes

    def generator(fakes: torch.Tensor) -> torch.Tensor:
        G.zero_grad()
        value = loss(D(fakes).view(-1), real)
        value.backward()
        return value

    return discriminator, generator


def step(G: nn.Module, D: nn.Module, x: torch.Tensor, n_latent: int) -> Callable[[], float]:
    """A round of the game on the data x, with Adam for both."""
    of_D, of_G = (torch.optim.Adam(net.parameters(), lr=LR, betas=BETAS) for net in (D, G))
    discriminator, generator = turns(G, D, x)

    def play() -> float:
        d, fakes = discriminator(torch.randn(len(x), n_latent, 1, 1, device=x.device))
        of_D.step()
        g = generator(fakes)
        of_G.step()
        return d.item() + g.item()

    return play
