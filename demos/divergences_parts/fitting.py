"""One Gaussian Q fitted to a density P on a grid by a divergence, from many starts at once.

    q = {"mean" (S,), "log_var" (S,)},    the S fits do not know of each other

The objective is the quadrature's, its gradient the product of two pullbacks, the descent that of
Adam with a step size that falls to zero.  docs/derivations/kl.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.quadrature import gaussian_on_grid, js_on_grid, kl_on_grid, midpoints
from tinygen.schedules import cosine

FORWARD, REVERSE, JS = "KL(P||Q)", "KL(Q||P)", "JS(P, Q)"
DIVERGENCES = (FORWARD, REVERSE, JS)
WIDE, NODES = 36.0, 300  # the grid: 0.24 apart, exact to rounding for std >= 0.4
LR, STEPS = 0.1, 300
SAME = 0.02  # fits that are nearer than this are one minimum


@dataclass(frozen=True)
class Mixture:
    """P = sum_k weights_k N(means_k, stds_k^2)"""

    weights: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]

    @classmethod
    def pair(cls, half: float, weight: float) -> "Mixture":
        """weight N(-half, 1) + (1 - weight) N(half, 1)."""
        return cls((weight, 1 - weight), (-half, half), (1.0, 1.0))

    @property
    def mean(self) -> float:
        """E[x] = sum_k pi_k m_k."""
        return float(np.dot(self.weights, self.means))

    @property
    def std(self) -> float:
        """sqrt(sum_k pi_k (s_k^2 + m_k^2) - E[x]^2)."""
        second = np.dot(self.weights, np.square(self.stds) + np.square(self.means))
        return float(np.sqrt(second - self.mean**2))

    def log_density(self, x: Array) -> Array:
        """log sum_k pi_k N(x_i; m_k, s_k^2): (1, M)."""
        xp = namespace(x)
        each = {"mean": self.means, "log_var": 2 * np.log(self.stds)}
        each = {k: xp.asarray(np.asarray(v, x.dtype)) for k, v in each.items()}
        log_pi = xp.asarray(np.log(self.weights).astype(x.dtype))
        return log_sum_exp(gaussian_on_grid(each, x)[0] + log_pi[:, None], axis=0)[None]

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """n draws: a component, then a number from it."""
        k = rng.choice(len(self.weights), size=n, p=self.weights)
        return np.asarray(self.means)[k] + np.asarray(self.stds)[k] * rng.standard_normal(n)


@dataclass(frozen=True)
class Grid:
    """Nodes x and weights w (M,) on a device, and the density P there, log_p (1, M)."""

    x: Array
    w: Array
    log_p: Array

    @classmethod
    def of(cls, density: Mixture, device: str = "cpu") -> "Grid":
        """The grid of this laboratory, with a density on it."""
        x, w = to_device(midpoints(-WIDE, WIDE, NODES), device)
        return cls(x, w, density.log_density(x))


def objective(name: str, q: Params, grid: Grid) -> tuple[Array, Pullback]:
    """The divergence of each Q from P (S,), and its pullback to q."""
    log_q, q_backward = gaussian_on_grid(q, grid.x)  #                    (S, M)
    log_p = namespace(log_q).broadcast_to(grid.log_p, log_q.shape)
    if name == REVERSE:
        value, backward = kl_on_grid(log_q, log_p, grid.w)
        dlog_q = backward.dp
    else:
        value, backward = (kl_on_grid if name == FORWARD else js_on_grid)(log_p, log_q, grid.w)
        dlog_q = backward.dx
    return value, Pullback(lambda d: q_backward.dp(dlog_q(d)), lambda d: (), value)


def gaussians(mean: Any, std: Any, device: str = "cpu") -> Params:
    """q of these means and standard deviations, which broadcast to one row."""
    mean, std = (a.ravel().copy() for a in np.broadcast_arrays(*map(np.float64, (mean, std))))
    return to_device({"mean": mean, "log_var": 2 * np.log(std)}, device)


def descend(
    name: str, q: Params, grid: Grid, steps: int = STEPS, keep: int = 0, lr: float = LR
) -> tuple[Params, list[Params]]:
    """q after so many steps of Adam, written in place; every `keep`-th q on the way, on the host.

    beta2 forgets the steep first steps of a narrow Q sooner than 0.999 would.
    """
    optimiser = adam(cosine(lr, steps), beta2=0.9)
    state, path = optimiser.init(q), []
    for step in range(steps):
        if keep and step % keep == 0:
            path.append(host(q))
        value, backward = objective(name, q, grid)
        optimiser.update(q, backward.dp(namespace(value).ones_like(value)), state)
    return q, [*path, host(q)]


def starts(density: Mixture, device: str = "cpu") -> Params:
    """Places to begin: means over the modes and between them, from narrow to wide."""
    reach = max(map(abs, density.means)) + 1
    mean = np.linspace(-reach, reach, 9)
    return gaussians(*np.meshgrid(mean, [0.7, 1.2, density.std]), device)


def minima(name: str, density: Mixture, device: str = "cpu", steps: int = STEPS) -> list[Any]:
    """The distinct ends of all descents, the lowest first: (divergence, mean, std)."""
    grid = Grid.of(density, device)
    q, _ = descend(name, starts(density, device), grid, steps)
    values, q = to_host(objective(name, q, grid)[0]), host(q)
    found: list[tuple[float, float, float]] = []
    for i in np.argsort(values):
        place = float(values[i]), float(q["mean"][i]), float(np.exp(q["log_var"][i] / 2))
        if all(np.abs(np.subtract(place, other))[1:].max() > SAME for other in found):
            found.append(place)
    return found


def landscape(
    name: str, grid: Grid, means: np.ndarray, stds: np.ndarray, device: str = "cpu"
) -> np.ndarray:
    """The divergence at each pair of a mean and a standard deviation: (len(means), len(stds))."""
    rows = [to_host(objective(name, gaussians(m, stds, device), grid)[0]) for m in means]
    return np.stack(rows)


def host(q: Params) -> Params:
    """A copy on the host."""
    return {k: to_host(a).copy() for k, a in q.items()}
