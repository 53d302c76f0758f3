"""How much the examples of a batch differ, as one more feature map: a critic sees diversity.

t = mean over features and pixels f of sqrt(var_f + eps),  var_f over a group of examples

T. Karras, T. Aila, S. Laine and J. Lehtinen, arXiv 1710.10196, section 3. A generator whose fakes
are all alike gives itself away by a small t.              docs/derivations/minibatch_std.md
"""

from dataclasses import dataclass

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.layers.norm import check_variance
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class MinibatchStd(Layer):
    """x (N, ..., C) -> y (N, ..., C + 1): x, and t of the example's group in the last channel

    group : G, examples that are compared, neighbours in the batch (the authors' code: 4); None
            for the whole batch, as in the paper's text
    eps   : below the root, 1e-8 as in the authors' code

    Raises ValueError for G < 2, eps <= 0, a batch of one, and a batch that G does not divide.
    """

    group: int | None = None
    eps: float = 1e-8

    couples = True

    def __post_init__(self) -> None:
        if self.group is not None:
            check_sizes(self, 2, group=self.group)
        check_number("MinibatchStd", "eps", self.eps, above=0)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", "C")
        xp, G = namespace(x), self.size(len(x))
        c, std = deviations(x, G, self.eps)  # (M, G, F), (M, 1, F)
        t = std.mean(axis=(1, 2))  # 1/F sum_f std_f                       (M,)       (3)
        y = xp.empty((*x.shape[:-1], x.shape[-1] + 1), x.dtype)
        y[..., :-1] = x
        y.reshape(len(t), -1, y.shape[-1])[..., -1] = t[:, None]  # (N, ..., C + 1)   (4)

        def dx(dy: Array) -> Array:
            # dx = dy + c / (G F std) dt                                   (N, ..., C)  (6)
            return dy[..., :-1] + (c / std * (of_groups(dy, G) / (G * std.shape[-1]))).reshape(
                x.shape
            )

        return y, Pullback(no_params, dx, y)

    def size(self, N: int) -> int:
        """G of a batch of N. Raises ValueError."""
        if N < 2:
            raise ValueError(
                "MinibatchStd: a batch of one has nothing to be compared with: give two examples "
                "or more; at the end of an epoch leave a single one out"
            )
        G = self.group or N
        if N % G:
            raise ValueError(
                f"MinibatchStd: a batch of {N} examples does not make whole groups of {G}: give "
                f"a batch that {G} divides, such as {N - N % G or G}, or take another group; "
                "at the end of an epoch leave the rest out"
            )
        return G


def deviations(x: Array, G: int, eps: float) -> tuple[Array, Array]:
    """c (M, G, F), each group's deviations from its mean, and std (M, 1, F)."""
    rows = x.reshape(len(x) // G, G, -1)
    c = rows - rows.mean(axis=1, keepdims=True)  #                         (M, G, F)  (1)
    var = (c * c).mean(axis=1, keepdims=True)  # 1/G sum_g c_g^2           (M, 1, F)  (2)
    check_variance("MinibatchStd", var)
    return c, namespace(x).sqrt(var + eps)


def of_groups(dy: Array, G: int) -> Array:
    """dt: the sum of dy's last channel over each group and its pixels, (M, 1, 1).           (5)"""
    return dy[..., -1].reshape(len(dy) // G, -1).sum(axis=1)[:, None, None]
