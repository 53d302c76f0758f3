"""Real pictures without pairs: paintings and photographs, holograms and bright-field pictures.

No true map is known here. What can be measured: how much comes back, and whether the translations
of test pictures have the colours of the set that they should look like. The rest is to be seen.
"""

from typing import Any

import numpy as np

from cycle_parts.digits import translated
from cycle_parts.fit import fit
from tinygen import plots
from tinygen.data import DataError, pair
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.cycle_gan_nets import conv_cycle_gan
from tinygen.runs import Run

NET = {"width": 16, "blocks": 4, "downs": 2, "patch_widths": (32, 64, 128)}
SMALL = {"width": 2, "blocks": 1, "downs": 2, "patch_widths": (2, 3, 4)}
STEPS = {"monet2photo": 5000, "holo2bright": 3000}
IDENTITY = {"monet2photo": 0.5, "holo2bright": 0.0}  # holograms are grey: other channels
LR, BATCH = 4e-4, 1
TESTED, SHOWN = 60, 6


def answer(args: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row a direction, and a picture of test examples, translated and back.

    A stopped training goes on from its folder below `args.out`.
    """
    try:
        a, b = pair(name)
    except DataError as error:
        raise SystemExit(str(error)) from None
    steps = 2 if args.quick else args.steps or STEPS[name]
    net: dict[str, Any] = SMALL if args.quick else NET
    model = conv_cycle_gan(a.shape, b.shape, identity=IDENTITY[name], **net)
    few = slice(4 if args.quick else None)
    sets = a.train.x[few], b.train.x[few]
    run = None if args.quick else Run.take_up(args.out / name, {"data": name, "steps": steps})
    p, terms = fit(model, sets, args.seed, steps, BATCH, LR, args.device, weights="dcgan", run=run)
    tested = slice(2 * SHOWN if args.quick else TESTED)
    rows: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for to, source, target in (("b", a, b), ("a", b, a)):
        x, wanted = source.test.x[tested], target.test.x[tested]
        y, back, row = there_and_back(model, p, x, to, args.device)
        row |= {"colours": colours(y, wanted), "untranslated": colours(x, wanted)}
        rows[f"{source.name} as {target.name}"] = row
        title = f"rows, from above: {source.name}, as {target.name}, and back"
        shown = (shaded(part[:SHOWN]) for part in (x, y, back))
        figures[f"{name}_to_{to}"] = plots.reconstructions(*shown, columns=SHOWN, title=title)
    for of in "ab":
        told = (terms[f"discriminator_{of}.real"] + terms[f"discriminator_{of}.fake"]) / 2
        rows[f"{a.name if of == 'b' else b.name} as {b.name if of == 'b' else a.name}"][
            "patches told rightly"
        ] = told
    return rows, figures


def there_and_back(
    model: CycleGAN, p: Any, x: np.ndarray, to: str, device: str
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Translations, what comes back, and the mean difference of that from x."""
    y = translated(model, p, x, to, device)
    back = translated(model, p, y, "a" if to == "b" else "b", device)
    return y, back, {"there and back": float(abs(back - x).mean())}


def colours(x: np.ndarray, y: np.ndarray) -> float:
    """How far two sets are in the mean and the std of each channel over all pixels, at most.

    Grey pictures count as three equal channels.
    """
    a, b = (np.broadcast_to(part, (*part.shape[:3], 3)).reshape(-1, 3) for part in (x, y))
    return float(max(abs(a.mean(0) - b.mean(0)).max(), abs(a.std(0) - b.std(0)).max()))


def shaded(x: np.ndarray) -> np.ndarray:
    """Grey pictures, 1 being light, with three channels; others as they are."""
    return np.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x
