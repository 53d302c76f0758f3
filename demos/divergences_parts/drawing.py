"""What the pictures of densities share."""

from typing import Any

import numpy as np

from divergences_parts.fitting import Mixture

X = np.linspace(-9, 9, 400)
FILL = "#d9dee4"


def density(axes: Any, p: Mixture) -> None:
    """P, as a grey hill."""
    axes.fill_between(X, np.exp(p.log_density(X)[0]), color=FILL, lw=0)


def bell(
    axes: Any, mean: float, std: float, colour: str, style: str = "-", label: str | None = None
) -> None:
    """N(mean, std^2), as a line."""
    y = np.exp(-0.5 * ((X - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    axes.plot(X, y, style, color=colour, lw=1.8, label=label)


def fixed(figure: Any) -> Any:
    """The figure, with its axes held where the first layout put them."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure
