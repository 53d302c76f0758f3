"""One factor in one dimension: python demos/disentangling.py --out runs/disentangling

Faces drawn from six known factors, four models that never see them: a VAE, a beta-VAE, FactorVAE
and beta-TCVAE. Which dimension tells what, the mutual information gap, the FactorVAE metric, the
total correlation; then a smile and a turn of the head are walked, along the axis of the code that
tells most of them and along a curve fitted to them, beside faces drawn with that factor alone
changed. A judge who sees pixels only says how far each factor goes along a walk.

R. T. Q. Chen et al., arXiv 1802.04942; H. Kim and A. Mnih, arXiv 1802.05983; I. Higgins et al.,
ICLR 2017.        docs/derivations/tc_vae.md, factor_vae.md, disentanglement_metrics.md
"""

from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from disentangling_parts import drawing, four
from disentangling_parts.judge import Judge, changes
from disentangling_parts.walks import Explorer, drawn_walk, swing

from tinygen import atomic, metrics, plots, to_device, to_host
from tinygen.arrays import device_of
from tinygen.data.dataset import Dataset
from tinygen.likelihoods import Gaussian

STD = 0.1  # of the Gaussian decoder: how precisely a pixel is asked for
LEVELS = 10  # that continuous factors are cut into
WALKED = ("smile", "turn")
WALKING = ("VAE", "FactorVAE", "beta-TCVAE")  # the models that are walked through
COLUMNS = ("nll", "kl", "tc", "gaussian tc", "MIG", "FactorVAE metric", "active units")


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, walk. Returns the numbers."""
    args = arguments(
        __doc__, "disentangling", argv, data="drawn-faces", quick="drawn-faces", epochs=100
    )
    data = check_factors(dataset(args))
    level = {name: whole(v) for name, v in data.train.factors.items()}
    x = to_device(data.train.x, args.device)
    steps = args.epochs * -(-len(x) // four.BATCH)
    found, explorers = {}, {}
    for model in four.contenders(data.shape, len(x), Gaussian(std=STD)):
        done = model.fit(x, steps, args.seed, lambda p: to_device(p, args.device))
        p = model.part(done.p)
        numbers = four.measure(model.vae, p, x, level, args.seed, 200 if args.quick else 2000)
        found[model.name] = numbers
        explorers[model.name] = explore(model.vae, p, x, data, level, numbers["information"])
    print(table({name: {c: row[c] for c in COLUMNS} for name, row in found.items()}))
    told = {who: explorers[who].told() for who in WALKING}
    for who, rows in told.items():
        print(f"\n{who}: the dimension that tells most of each factor\n\n{table(rows)}")
    names = [name for name in WALKED if name in level] or list(level)[:2]
    walks: dict[str, Any] = {}
    for name in names:
        walks |= {f"{name}: drawn": drawn_walk(name)} if name in WALKED else {}
        for who in WALKING:
            walks |= explorers[who].rows(name, who)
    judge = Judge.fit(data.train.x, data.train.factors)
    trust = judge.trust(data.test.x, data.test.factors)
    far = {name: changes(judge, images) for name, images in walks.items()}
    print("\nhow far each factor goes along a walk, as a judge reads it from the pixels\n")
    print(table({"judge: share explained": trust} | far))
    figures = {"information": drawing.information(found, level)}
    films = pictures(figures, explorers[WALKING[-1]], walks, names, args.quick, data.ink)
    for name, film in films.items():
        atomic.write_bytes(args.out / f"{name}.gif", film)
    numbers = {"models": found, "axes": told, "judge": trust, "walks": far}
    leave(args, figures, numbers)
    return numbers


def pictures(
    figures: dict[str, Any],
    explorer: Explorer,
    walks: dict[str, np.ndarray],
    names: list[str],
    quick: bool,
    dark: bool,
) -> dict[str, bytes]:
    """More figures: all dimensions, the walks, the plane of two axes. Returns the films."""

    def ink(images: np.ndarray) -> np.ndarray:
        return images if dark else 1 - images

    walk = explorer.walk(ink)
    inked = {name: ink(images) for name, images in walks.items()}
    figures["traversals"] = plots.traversals(walk, xlabel="standard deviations of the codes")
    figures["walks"] = drawing.walks(inked, f"{names[0]} and {names[1]}, walked")
    films = {"walks": swing(inked)}
    i, j = (explorer.axis(name).j for name in names)
    if i != j:
        title = f"{WALKING[-1]}: the axes of {names[0]}, to the right, and {names[1]}, upwards"
        figures["plane"] = plots.plane(walk, (i, j), title=title)
        films["plane"] = plots.plane_animation(walk, (i, j), frames=8 if quick else 32)
    return films


def explore(
    vae: Any, p: Any, x: Any, data: Dataset, level: dict[str, np.ndarray], information: Any
) -> Explorer:
    """The codes of the training images, and the decoder as a function on the host."""

    def decode(z: np.ndarray) -> np.ndarray:
        params = vae.decode(p, to_device(np.asarray(z, np.float32), device))
        return to_host(vae.likelihood.mean(params))

    device = device_of(x)
    mean = to_host(four.posteriors(vae, p, x)["mean"])
    return Explorer(decode, mean, data.train.factors, level, information)


def whole(values: np.ndarray) -> np.ndarray:
    """A factor as whole numbers: a continuous one in LEVELS of equal share."""
    return values if values.dtype.kind in "iu" else metrics.levels(values, LEVELS)


def check_factors(data: Dataset) -> Dataset:
    """Refuse data without known factors, and what are no grey images."""
    if len(data.train.factors) < 2 or data.kind != "grey":
        raise SystemExit(
            f"disentangling: {data.name} holds {data.kind} with the factors "
            f"{list(data.train.factors)}; expected grey images with two known factors or more: "
            "use --data drawn-faces or sprites"
        )
    return data


if __name__ == "__main__":
    main()
