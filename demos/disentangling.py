"""One factor in one dimension: python demos/disentangling.py --out runs/disentangling

Faces drawn from six known factors, four models that never see them: a VAE, a beta-VAE, FactorVAE
and beta-TCVAE. Which dimension tells what, the mutual information gap, the FactorVAE metric, the
total correlation; then a smile and a turn of the head are walked, along the axis of the code that
tells most of them and along a direction fitted to them, beside faces drawn with that factor alone
changed. A judge who sees pixels only says how far each factor goes along a walk.

R. T. Q. Chen et al., arXiv 1802.04942; H. Kim and A. Mnih, arXiv 1802.05983; I. Higgins et al.,
ICLR 2017.        docs/derivations/tc_vae.md, factor_vae.md, disentanglement_metrics.md
"""

from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from disentangling_parts import drawing, four
from disentangling_parts.judge import Judge, changes
from disentangling_parts.walks import Explorer, swing

from tinygen import atomic, metrics, plots, to_device, to_host
from tinygen.arrays import device_of
from tinygen.data.dataset import Dataset
from tinygen.likelihoods import Gaussian

STD = 0.2  # of the Gaussian decoder: how precisely a pixel is asked for
LEVELS = 10  # that continuous factors are cut into
WALKED = ("smile", "turn")
COLUMNS = ("nll", "kl", "tc", "gaussian tc", "MIG", "FactorVAE metric", "active units")


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, walk. Returns the numbers."""
    args = arguments(
        __doc__, "disentangling", argv, data="drawn-faces", quick="drawn-faces", epochs=40
    )
    data = check_factors(dataset(args))
    level = {name: whole(v) for name, v in data.train.factors.items()}
    x = to_device(data.train.x, args.device)
    steps = args.epochs * -(-len(x) // four.BATCH)
    found = {}
    for model in four.contenders(data.shape, len(x), Gaussian(std=STD)):
        done = model.fit(x, steps, args.seed, lambda p: to_device(p, args.device))
        p = model.part(done.p)
        draws = 200 if args.quick else 2000
        found[model.name] = four.measure(model.vae, p, x, level, args.seed, draws)
    print(table({name: {c: row[c] for c in COLUMNS} for name, row in found.items()}))

    # From here on the last of them, the beta-TCVAE.
    explorer = explore(model.vae, p, x, data, level, found[model.name]["information"])
    names = [name for name in WALKED if name in level] or list(level)[:2]
    rows = explorer.rows(names)
    judge = Judge.fit(data.train.x, data.train.factors)
    trust = judge.trust(data.test.x, data.test.factors)
    how_far = {name: changes(judge, images) for name, images in rows.items()}
    fitted = explorer.directions().fitted
    axes = {
        name: {
            "dimension": a.j + 1,
            "told of it": a.told,
            "by the next": a.second,
            "explained by a linear map": fitted[name],
        }
        for name, a in ((name, explorer.axis(name)) for name in level)
    }
    print(f"\n{model.name}: the dimension that tells most of each factor\n\n{table(axes)}")
    print("\nhow far each factor goes along a walk, as a judge reads it from the pixels\n")
    print(table({"judge: share explained": trust} | how_far))
    i, j = (explorer.axis(name).j for name in names)
    figures = {
        "information": drawing.information(found, level),
        "traversals": plots.traversals(explorer.walk(), xlabel="standard deviations of the codes"),
        "walks": drawing.walks(rows, f"{model.name}: {names[0]} and {names[1]}, walked"),
    }
    if i != j:
        title = f"{model.name}: the axes of {names[0]}, to the right, and {names[1]}, upwards"
        figures["plane"] = plots.plane(explorer.walk(), (i, j), title=title)
        film = plots.plane_animation(explorer.walk(), (i, j), frames=8 if args.quick else 32)
        atomic.write_bytes(args.out / "plane.gif", film)
    atomic.write_bytes(args.out / "walks.gif", swing(rows))
    numbers = {"models": found, "axes": axes, "judge": trust, "walks": how_far}
    leave(args, figures, numbers)
    return numbers


def explore(
    vae: Any, p: Any, x: Any, data: Dataset, level: dict[str, np.ndarray], information: Any
) -> Explorer:
    """The codes of the training images, and the decoder as a function on the host."""

    def decode(z: np.ndarray) -> np.ndarray:
        params = vae.decode(p, to_device(np.asarray(z, np.float32), device))
        means = to_host(vae.likelihood.mean(params))
        return means if data.ink else 1 - means

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
