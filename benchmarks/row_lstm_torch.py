"""The Row LSTM in PyTorch, as a friend of it would write it: one module, eager, its own gradients.

The input-to-state convolution is done for all rows at once, with the taps that the mask leaves and
no others; a row is one convolution of the state above and one pass over all four gates.
van den Oord et al. 2016, arXiv 1601.06759, section 3.1.
"""

import torch
from torch import nn
from torch.nn import functional as F


class RowLSTM(nn.Module):
    """x (N, C, H, W) -> h (N, F, H, W), mask B, one channel."""

    def __init__(self, c_in: int, n_hidden: int, kernel: int = 3):
        super().__init__()
        self.n_hidden, self.left = n_hidden, kernel // 2
        self.input_to_state = nn.Conv2d(c_in, 4 * n_hidden, (1, kernel // 2 + 1))
        self.state_to_state = nn.Conv1d(
            n_hidden, 4 * n_hidden, kernel, padding=kernel // 2, bias=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.input_to_state(F.pad(x, (self.left, 0)))  # (N, 4F, H, W)
        h = c = x.new_zeros(x.shape[0], self.n_hidden, x.shape[3])
        rows: list[torch.Tensor] = []
        for a_row in a.unbind(2):
            s = a_row + self.state_to_state(h) if rows else a_row
            ifo, g = s.split((3 * self.n_hidden, self.n_hidden), dim=1)
            i, f, o = torch.sigmoid(ifo).chunk(3, dim=1)
            c = f * c + i * torch.tanh(g)
            h = o * torch.tanh(c)
            rows.append(h)
        return torch.stack(rows, dim=2)
