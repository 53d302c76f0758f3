"""Probability statements that are false though every gradient is right."""

import numpy as np

from plants.common import Plant
from tinygen.check import Report, Row, all_images, check_normalised
from tinygen.pullback import Pullback


class Reparameterise:
    """z = mean + std eps, std = exp(log_var / 2)"""

    def std(self, log_var):
        return np.exp(log_var / 2)

    def slope(self, log_var):
        return np.exp(log_var / 2) / 2

    def forward(self, p, eps):
        z = p["mean"] + self.std(p["log_var"]) * eps

        def dp(dz):
            return {"mean": dz, "log_var": dz * eps * self.slope(p["log_var"])}

        return z, Pullback(dp, lambda dz: dz * self.std(p["log_var"]), z)


class VarianceForStd(Reparameterise):
    def std(self, log_var):
        return np.exp(log_var)  # BUG: the variance, where the standard deviation belongs

    def slope(self, log_var):
        return np.exp(log_var)  # (its right derivative)


def moments(layer):
    """The variance of the samples is exp(log_var), within five standard errors."""
    n, log_var = 20_000, np.array([-1.0, 0.5, 1.0])
    p = {"mean": np.zeros((n, 3)), "log_var": np.broadcast_to(log_var, (n, 3))}
    z, _ = layer.forward(p, np.random.default_rng(0).normal(size=(n, 3)))
    errors = (z.var(0) / np.exp(log_var) - 1) / np.sqrt(2 / n)
    worst = float(abs(errors).max())
    return Report(
        "moments", [Row("variance", worst, None, "ok" if worst < 5 else "WRONG: not exp(log_var)")]
    )


class Bernoullis:
    """p(x) = prod_d p_d^x_d (1 - p_d)^(1 - x_d), one logit a pixel"""

    logits = np.random.default_rng(2).normal(size=(3, 3, 1))

    def mass(self, log_p):
        return log_p

    def log_prob(self, x):
        log_p = x * self.logits - np.logaddexp(0, self.logits)
        return self.mass(log_p.sum((1, 2, 3)))


class SumsTo99(Bernoullis):
    def mass(self, log_p):
        return log_p + np.log(0.99)  # BUG: one part in a hundred is lost


class ForgottenPixel(Bernoullis):
    def log_prob(self, x):
        log_p = x * self.logits - np.logaddexp(0, self.logits)
        return log_p[:, 1:].sum((1, 2, 3))  # BUG: the first row does not count


class Gauss:
    """log p(x) = -x^2 / 2 - log(2 pi) / 2"""

    def log_prob(self, x):
        return -(x**2) / 2 - np.log(2 * np.pi) / 2


class NoConstant(Gauss):
    def log_prob(self, x):
        return -(x**2) / 2  # BUG: the constant is left out


def masses(model):
    return check_normalised(model.log_prob, all_images((3, 3, 1)))


def density(model):
    grid = np.linspace(-9, 9, 901)
    return check_normalised(model.log_prob, grid, weights=grid[1] - grid[0])


PLANTS = [
    Plant(
        "a variance for a standard deviation",
        moments,
        VarianceForStd(),
        Reparameterise(),
        ("variance",),
    ),
    Plant("a distribution that sums to 0.99", masses, SumsTo99(), Bernoullis(), ("sum",)),
    Plant("a row of pixels forgotten", masses, ForgottenPixel(), Bernoullis(), ("sum",)),
    Plant("a density without its constant", density, NoConstant(), Gauss(), ("sum",)),
]
