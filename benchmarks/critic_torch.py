"""A WGAN-GP critic as PyTorch code has it: the opponent of the speed table, and a second opinion.

The penalty is the usual one: torch.autograd.grad(..., create_graph=True), and backward through it.
Layers have the sizes of `critic_ours.critic`.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

LR, BETAS, WEIGHT = 1e-4, (0.5, 0.9), 10.0  # Gulrajani et al. 2017, algorithm 1
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "LeakyReLU": lambda: nn.LeakyReLU(0.2),
    "tanh": nn.Tanh,
}


def critic(size: int, features: tuple[int, ...], activation: str) -> nn.Module:
    """Convolutions that halve grey images size x size, and a score."""
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise((1, *features)):
        layers += [nn.Conv2d(c_in, c_out, 4, 2, 1), ACTIVATIONS[activation]()]
    smallest = size // 2 ** len(features)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features[-1] * smallest**2, 1))


def loss(D: nn.Module, x: torch.Tensor, fake: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """E D(fake) - E D(x) + 10 E (|g(x_hat)| - 1)^2,  t (N, 1, 1, 1)."""
    mixed = (t * x + (1 - t) * fake).requires_grad_()
    scores = D(mixed)
    (g,) = torch.autograd.grad(scores, mixed, torch.ones_like(scores), create_graph=True)
    gap = g.flatten(1).norm(dim=1) - 1
    return D(fake).mean() - D(x).mean() + WEIGHT * (gap * gap).mean()


def step(D: nn.Module, x: torch.Tensor, fake: torch.Tensor) -> Callable[[], float]:
    """One move of the critic, with Adam."""
    optimiser = torch.optim.Adam(D.parameters(), lr=LR, betas=BETAS)

    def play() -> float:
        optimiser.zero_grad()
        value = loss(D, x, fake, torch.rand(len(x), 1, 1, 1, device=x.device))
        value.backward()
        optimiser.step()
        return value.item()

    return play
