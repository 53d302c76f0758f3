"""PixelRNN in PyTorch, in eager mode, as a friend of PyTorch would write it.

The Diagonal BiLSTM runs over the diagonals, for each of which both directions are one batched
product. `Padded` walks over the skewed map, as published code does: H rows a step, of which half
hold no pixel. `Packed` leaves those out, and is the faster one; it is what tinygen is measured
against. Both compute what tinygen's layer computes (tests/test_diagonal_lstm.py).

van den Oord et al. 2016, arXiv 1601.06759
"""

import torch
from pixelcnn_torch import MaskedConv2d
from torch import nn
from torch.nn import functional as F

Tensor = torch.Tensor


def cell(a: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """(h, c) from the gates' inputs i, f, g, o."""
    i, f, g, o = a.chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class Diagonal(nn.Module):
    """x (N, C, H, W) -> h (N, F, H, W); parameters with the shapes of tinygen's, mask B."""

    def __init__(self, c_in: int, n_hidden: int):
        super().__init__()
        self.n_hidden = n_hidden
        self.K_is = nn.Parameter(torch.randn(2, c_in, 4 * n_hidden) / c_in**0.5)
        self.K_ss = nn.Parameter(torch.randn(2, 2, n_hidden, 4 * n_hidden) / n_hidden**0.5)
        self.b = nn.Parameter(torch.zeros(2, 4 * n_hidden))


class Packed(Diagonal):
    """The places of a diagonal alone, N rows each, one diagonal behind the other."""

    sizes: tuple[int, int] = (0, 0)
    order: Tensor
    inverse: Tensor

    def build(self, H: int, W: int, device: torch.device) -> None:
        """The order of the places, for this size of images, kept from call to call."""
        if self.sizes == (H, W):
            return
        r, c = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
        left = torch.argsort(((r + c) * H + r).flatten())
        mirrored = (r * W + W - 1 - c).flatten()[left]
        self.order = torch.stack([left, mirrored]).to(device)
        self.inverse = torch.argsort(self.order, dim=1)
        self.rows = [min(H - 1, t) - max(0, t - W + 1) + 1 for t in range(H + W - 1)]
        self.sizes = H, W

    def forward(self, x: Tensor) -> Tensor:
        N, _, H, W = x.shape
        self.build(H, W, x.device)
        places = x.flatten(2).permute(2, 0, 1)  # (H W, N, C)
        both = torch.stack([places.index_select(0, order) for order in self.order])
        # input-to-state, for all places at once
        a = torch.baddbmm(self.b[:, None], both.flatten(1, 2), self.K_is)
        K_ss = self.K_ss.flatten(1, 2)
        zero = x.new_zeros(2, N, self.n_hidden)
        h = c = x.new_zeros(2, 0, self.n_hidden)
        hs = []
        for t, a_t in enumerate(a.split([n * N for n in self.rows], dim=1)):
            above, beside = h, h
            if t < W:  # begins in row 0, which has nothing above
                above = torch.cat([zero, above], 1)
            else:  # the place in the last column has no neighbour beside
                beside, c = beside[:, N:], c[:, N:]
            if t < H:  # ends in column 0, which has nothing beside
                beside, c = torch.cat([beside, zero], 1), torch.cat([c, zero], 1)
            else:  # the place in the last row has no neighbour below
                above = above[:, :-N]
            h, c = cell(torch.baddbmm(a_t, torch.cat([above, beside], 2), K_ss), c)
            hs.append(h)
        left, right = torch.cat(hs, 1).view(2, H * W, N, self.n_hidden)
        y = left.index_select(0, self.inverse[0])
        y = y + F.pad(right.index_select(0, self.inverse[1])[:-W], (0, 0, 0, 0, W, 0))
        return y.permute(1, 2, 0).reshape(N, self.n_hidden, H, W)


class Padded(Diagonal):
    """The columns of the skewed map (H, H + W - 1)."""

    def forward(self, x: Tensor) -> Tensor:
        N, C, H, W = x.shape
        n = self.n_hidden
        both = torch.stack([x, x.flip(3)]).permute(0, 1, 3, 4, 2)  # (2, N, H, W, C)
        a = torch.baddbmm(self.b[:, None], both.reshape(2, -1, C), self.K_is)
        a = a.view(2, N, H, W, 4 * n).permute(0, 1, 4, 2, 3).reshape(2 * N, 4 * n, H, W)
        # The gates of the empty places are closed, so that states outside of the image are zero.
        a = F.pad(a, (0, H), value=-1e4).flatten(2)[..., :-H].unflatten(2, (H, H + W - 1))
        columns = a.view(2, N, 4 * n, H, -1).permute(4, 0, 3, 1, 2).contiguous().flatten(2, 3)
        K_ss = self.K_ss.flatten(1, 2)
        h = c = x.new_zeros(2, H * N, n)
        hs = []
        for a_t in columns.unbind(0):
            above = F.pad(h, (0, 0, N, -N))
            h, c = cell(torch.baddbmm(a_t, torch.cat([above, h], 2), K_ss), c)
            hs.append(h)
        maps = torch.stack(hs).view(-1, 2, H, N, n).permute(1, 3, 4, 2, 0).reshape(2 * N, n, H, -1)
        maps = F.pad(maps.flatten(2), (0, H)).unflatten(2, (H, H + W))[..., :W]
        left, right = maps.view(2, N, n, H, W)
        return left + F.pad(right.flip(3), (0, 0, 1, -1))


class Residual(nn.Module):
    """x + U LSTM(x)"""

    def __init__(self, lstm: nn.Module, features: int):
        super().__init__()
        self.lstm, self.up = lstm, nn.Conv2d(features, 2 * features, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(self.lstm(x))


def pixel_rnn(
    features: int, layers: int, head: int, lstm: type[Diagonal] = Packed
) -> nn.Sequential:
    """Binary images (N, 1, H, W) -> logits (N, 1, H, W)."""
    wide = 2 * features
    return nn.Sequential(
        MaskedConv2d(1, wide, 7, "A"),
        *(Residual(lstm(wide, features), features) for _ in range(layers)),
        nn.ReLU(),
        nn.Conv2d(wide, head, 1),
        nn.ReLU(),
        nn.Conv2d(head, 1, 1),
    )
