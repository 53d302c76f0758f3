"""A clip of a moving digit, translated picture by picture: does it flicker?

A translator that sees one picture at a time knows nothing of the one before. With y_t = G(x_t),
the true f(x_t) and e_t = y_t - f(x_t),

    flicker = mean |e_t - e_{t-1}| = mean |(y_t - y_{t-1}) - (f(x_t) - f(x_{t-1}))|

is what a translated clip changes from picture to picture beyond what the true one does: a constant
error does not flicker, and a true translation has flicker 0.
"""

from typing import Any

import numpy as np

from cycle_parts.digits import translated
from cycle_parts.fit import fit
from tinygen.data.moving_digits import moving_digits
from tinygen.models.cycle_gan_nets import conv_cycle_gan
from tinygen.plots.style import new_figure

SIZE, STEPS = 20, 16  # pixels a side, pictures a clip
NET = {"width": 8, "blocks": 1, "downs": 0, "kernel": 3, "patch_widths": (16, 32), "norm": False}
LR, BATCH = 1e-3, 16
WEIGHTS = {"with the cycle loss": 10.0, "without": 0.0}
SHOWN = 8  # pictures of a clip


def inverted(x: np.ndarray) -> np.ndarray:
    """The true map."""
    return 1 - x


def flicker(y: np.ndarray, truth: np.ndarray) -> float:
    """mean |e_t - e_{t-1}| of clips (N, T, H, W, C). Raises ValueError for clips of one picture."""
    if y.shape[1] < 2:
        raise ValueError(f"flicker: a clip needs two pictures or more, got clips {y.shape}")
    e = y - truth
    return float(abs(e[:, 1:] - e[:, :-1]).mean())


def change(y: np.ndarray) -> float:
    """mean |y_t - y_{t-1}| of clips."""
    return float(abs(y[:, 1:] - y[:, :-1]).mean())


def pictures_of(clips: np.ndarray) -> np.ndarray:
    """(N, T, H, W, C) -> (N T, H, W, C)."""
    return clips.reshape(-1, *clips.shape[2:])


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row a training, and one of the true map; a strip of pictures, and the clip itself."""
    clips, steps = (8, 10) if args.quick else (400, 1500)
    rng = np.random.default_rng([args.seed, 3])
    a, b = (moving_digits(rng, clips, STEPS, SIZE, split="train").x for _ in "ab")
    test = moving_digits(rng, 20, STEPS, SIZE, split="test").x
    truth = inverted(test)
    rows: dict[str, Any] = {}
    strips = {"a": test[0], "true b": truth[0]}
    for name, weight in WEIGHTS.items():
        model = conv_cycle_gan(*((SIZE, SIZE, 1),) * 2, cycle=weight, identity=0.0, **NET)  # type: ignore
        sets = pictures_of(a), inverted(pictures_of(b))
        p, _ = fit(model, sets, args.seed, steps, BATCH, LR, args.device)
        y = translated(model, p, pictures_of(test), "b", args.device).reshape(test.shape)
        rows[name] = {
            "flicker": flicker(y, truth),
            "its own change": change(y),
            "error to the true map": float(abs(y - truth).mean()),
        }
        strips[name] = y[0]
    rows["the true map"] = {
        "flicker": 0.0, "its own change": change(truth), "error to the true map": 0.0,
    }  # fmt: skip
    return rows, {"clip": strip(strips), "clip_moving": film(strips)}


def strip(clips: dict[str, np.ndarray]) -> Any:
    """A row a clip, its first pictures, grey in which 1 is light."""
    figure = new_figure(1.0 * SHOWN + 1.4, 1.05 * len(clips))
    for row, (name, clip) in zip(figure.subplots(len(clips), SHOWN), clips.items(), strict=True):
        for axes, image in zip(row, clip[: 2 * SHOWN : 2], strict=True):
            show(axes, image)
        row[0].set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    return figure


def film(clips: dict[str, np.ndarray]) -> bytes:
    """The clips side by side, as a GIF."""
    from tinygen import plots

    def frames() -> Any:
        for t in range(STEPS):
            figure = new_figure(1.6 * len(clips), 1.9)
            for axes, (name, clip) in zip(
                figure.subplots(1, len(clips)), clips.items(), strict=True
            ):
                show(axes, clip[t])
                axes.set_title(name, fontsize=8)
            yield figure

    return plots.moving(frames(), 150)


def show(axes: Any, image: np.ndarray) -> None:
    """One picture, without ticks."""
    axes.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
