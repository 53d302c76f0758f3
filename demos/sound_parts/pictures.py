"""The pictures of demos/sound.py."""

from typing import Any

import numpy as np

from sound_parts import spectra
from tinygen.data.vowels import FORMANTS, RATE
from tinygen.plots.style import LINES, SMALL, dress, new_figure

TRUE, MADE = LINES[4], LINES[1]
SHOWN = 320  # steps of a wave: 40 ms


def spectrum(truth: dict[str, np.ndarray], made: dict[str, np.ndarray]) -> Any:
    """A panel a vowel: the mean spectrum of true sounds and of the model's, the formants dotted."""
    figure = new_figure(2.6 * len(truth), 3.1)
    hz = spectra.frequencies() / 1000
    for axes, name in zip(figure.subplots(1, len(truth), sharey=True), truth, strict=True):
        axes.plot(hz, truth[name], color=TRUE, label="true")
        axes.plot(hz, made[name], color=MADE, lw=1, label="the model's")
        for F in FORMANTS[name]:
            axes.axvline(F / 1000, color="black", lw=0.7, linestyle=":")
        dress(axes, name, "kHz")
        axes.set_ylim(-75, 0)
    figure.axes[0].set_ylabel("dB")
    figure.axes[0].legend(frameon=False, fontsize=SMALL, loc="lower left")
    return figure


def waves(truth: dict[str, np.ndarray], made: dict[str, np.ndarray]) -> Any:
    """A row a vowel: 40 ms of a true sound, and of one of the model's."""
    figure = new_figure(9.5, 1.1 * len(truth) + 0.5)
    grid = figure.subplots(len(truth), 2, sharex=True, sharey=True, squeeze=False)
    for row, name in zip(grid, truth, strict=True):
        for axes, x, colour in zip(row, (truth[name], made[name]), (TRUE, MADE), strict=True):
            axes.plot(np.arange(SHOWN) * 1000 / RATE, x[-SHOWN:], color=colour, lw=0.9)
            dress(axes)
            axes.set_yticks([])
        row[0].set_ylabel(name, fontsize=SMALL, rotation=0, ha="right")
    grid[0][0].set_title("true", fontsize=SMALL)
    grid[0][1].set_title("the model's", fontsize=SMALL)
    for axes in grid[-1]:
        axes.set_xlabel("ms", fontsize=SMALL)
    return figure
