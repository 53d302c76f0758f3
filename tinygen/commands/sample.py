"""tinygen sample: new examples from a trained run, as a picture and as an array."""

import argparse
import io
from pathlib import Path

import numpy as np

from tinygen import atomic, plots
from tinygen.arguments import check_whole
from tinygen.arrays import to_host
from tinygen.commands import check_seed
from tinygen.names import listed, nearest
from tinygen.pictures import Gallery, draws_and_means, is_image
from tinygen.runs import RunError
from tinygen.systems.labels import IN_TURN, SHOWN_CLASSES, every_class
from tinygen.systems.trained import TrainedRun, open_run

HELP = "draw new examples from a trained run"

BLOCK = 500  # drawn at once
SHOWN = 400  # in the picture


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.description = (
        "Draw new examples with the best weights of the run in a folder. A model with a "
        "likelihood p(x|z) offers two things, and papers often show the second and call it a "
        "sample: a draw x ~ p(x|z), grainy, for each pixel is random given z; and, with --mean, "
        "the mean of p(x|z), smooth, which is no draw from the model. Models that draw pixel by "
        "pixel, such as nade and pixelcnn, have no mean. What was drawn is printed and "
        "stands above the picture. The same seed gives the same codes z for both. A model that is "
        "told the class draws each class in turn, or, with --class, of one alone."
    )
    parser.epilog = """
examples:
  tinygen sample runs/vae-digits
  tinygen sample runs/vae-digits --mean -n 100 --seed 1 --out means
  tinygen sample runs/conditional-vae-mnist --class 7

files:
  samples.png   the examples in a grid (the first 400)
  samples.npz   the array x (n, ...), and the text `drawn`: np.load("samples.npz")["x"];
                of a model that is told the class also the labels y (n,), from 0
"""
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("-n", type=int, default=64, help="how many (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument("--mean", action="store_true", help="means of p(x|z) instead of draws")
    parser.add_argument(
        "--class",
        dest="of_class",
        metavar="NAME",
        help="a class: its name, such as sneaker, or its number",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder (default RUN/samples)")
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")


def run(args: argparse.Namespace) -> int:
    """Draw, write, and say what was drawn."""
    check_whole("sample", "-n", args.n)
    check_seed("sample", args.seed)
    trained = open_run(args.run_folder, args.device)
    if args.mean and not trained.system.has_means:
        why = (
            "what the generator makes is the sample itself, and no law of pixels that had a mean"
            if trained.system.group == "implicit"
            else "each place is drawn given those drawn before it, and there is no z whose mean "
            "could be shown"
        )
        raise ValueError(
            f"sample: --mean has no meaning for the {trained.system.name} in {args.run_folder}: "
            f"{why}: leave --mean out"
        )
    y = labels(trained, args.n, args.of_class)
    words = what(trained, args.mean)
    if args.of_class is not None:
        words = words.replace(IN_TURN, f"the class {args.of_class}")
    x = draw(trained, args.n, args.seed, args.mean, y)
    file, arrays = io.BytesIO(), {"x": x, "drawn": np.array(words)}
    np.savez_compressed(file, **(arrays if y is None else arrays | {"y": y}))  # type: ignore[arg-type]
    files = {"samples.npz": file.getvalue()}
    if is_image(trained.shape):
        images = Gallery(trained, np.random.default_rng(), None).ink(x[:SHOWN])
        in_turn = y is not None and args.of_class is None
        few = in_turn and trained.told <= SHOWN_CLASSES
        columns = trained.told if few else None  # of one class each
        files["samples.png"] = plots.png(plots.sample_grid(images, columns, words))
    out = Path(args.out) if args.out else trained.run.path / "samples"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            atomic.write_bytes(out / name, content)
    except OSError as error:
        raise RunError(
            f"cannot write into {out} ({error.strerror}): choose another folder with --out"
        ) from error
    print(f"{len(x)} x {words}")
    print(", ".join(str(out / name) for name in files))
    return 0


def labels(trained: TrainedRun, n: int, name: str | None) -> np.ndarray | None:
    """n labels, of the class of that name or number, else each in turn; None where there are none.

    Raises ValueError where it is told none and a name was given, or is told no class of that name.
    """
    K, where = trained.told, f"the {trained.system.name} in {trained.run.path}"
    if name is None:
        return every_class(n, K) if K else None
    if not K:
        raise ValueError(f"sample: {where} is not told the class: leave --class out")
    names = trained.class_names
    if name in names:
        return np.full(n, names.index(name))
    if name.isdecimal() and int(name) < K:
        return np.full(n, int(name))
    raise ValueError(
        f"sample: {where} knows no class {name!r}{nearest(name, names)}: choose of "
        f"{listed(names)}, or a number from 0 to {K - 1}"
    )


def draw(
    trained: TrainedRun, n: int, seed: int, mean: bool, y: np.ndarray | None = None
) -> np.ndarray:
    """n examples on the host, drawn some at a time; of the labels y (n,), where it is told them."""
    t = trained
    blocks = []
    for i, start in enumerate(range(0, n, BLOCK)):
        rng = np.random.default_rng([seed, i])  # draws and means take other amounts from a stream
        asked = min(BLOCK, n - start)
        if t.system.sample_class and y is not None:
            x = t.system.sample_class(t.model, t.p, rng, y[start : start + asked], mean)
        else:
            x = t.system.sample(t.model, t.p, rng, asked, mean)
        blocks.append(to_host(x))
        if len(blocks[-1]) < asked:
            break  # of a CycleGAN's history there is no more
    return np.concatenate(blocks)


def what(trained: TrainedRun, mean: bool) -> str:
    """In words: what is drawn, and whether each example is a draw or a mean."""
    one, other = draws_and_means(trained, np.random.default_rng(0), 1)
    if np.array_equal(to_host(one), to_host(other)):
        return trained.drawn
    density = trained.system.density
    return f"{trained.drawn}: " + (f"means of {density}" if mean else f"draws x ~ {density}")
