"""The pictures of demos/text.py."""

from typing import Any

import numpy as np

from tinygen.plots.style import LINES, SMALL, dress, new_figure

WINDOW = 1000  # characters over which the price along the text is averaged


def learning(record: list[dict[str, float]], orders: dict[int, float]) -> Any:
    """Bits a character: the n-grams by order, and the LSTM by epoch."""
    figure = new_figure(9.5, 3.6)
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot(list(orders), list(orders.values()), "o-", color=LINES[0])
    dress(left, "n-grams on validation text", "n", "bits a character")
    epochs = np.arange(1, len(record) + 1)
    for i, part in enumerate(("train", "validation")):
        right.plot(epochs, [row[part] for row in record], color=LINES[i + 1], label=f"LSTM, {part}")
    best = min(orders.values())
    right.axhline(best, color=LINES[0], linestyle="--", label="best n-gram, validation")
    dress(right, "the LSTM, epoch by epoch", "epoch")
    right.legend(frameon=False, fontsize=SMALL)
    return figure


def along(bits: dict[str, np.ndarray]) -> Any:
    """What each model pays along the held-out text, averaged over windows."""
    figure = new_figure(9.5, 3.0)
    axes = figure.subplots()
    window = min(WINDOW, *map(len, bits.values()))
    for i, (name, values) in enumerate(bits.items()):
        means = np.convolve(values, np.full(window, 1 / window), mode="valid")
        axes.plot(np.arange(len(means)) + window // 2, means, color=LINES[i], lw=1, label=name)
    axes.legend(frameon=False, fontsize=SMALL, ncols=len(bits))
    where = f"place in the held-out text, means over {window} characters"
    dress(axes, "", where, "bits a character")
    return figure
