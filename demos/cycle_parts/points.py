"""An asymmetric cloud of points, and the same cloud turned: which map do two GANs and a cycle find?

    b = a R        a (N, 2), drawn anew for each set: no pairs

Linear generators can match the clouds by R alone. A net of two hidden layers can match them in
many ways, and the cycle loss is at its least in all of them: docs/derivations/cycle_gan.md (8).
Which one is found, the start decides: the identity, x + f(x) with a small f, or anywhere.
"""

from itertools import product
from typing import Any

import numpy as np

from cycle_parts.fit import fit
from tinygen import layers as L
from tinygen import to_device, to_host
from tinygen.models.cycle_gan import CycleGAN
from tinygen.plots.style import CLASSES, MARKERS, dress, new_figure

ANGLE = 60  # degrees
R = np.array(
    [
        [np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))],
        [-np.sin(np.radians(ANGLE)), np.cos(np.radians(ANGLE))],
    ]
)
CENTRES = np.array([[-1.2, -0.6], [0.0, -0.6], [1.2, -0.6], [1.2, 0.6]])  # an L
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
STD = 0.15
N = 2000
BEGUN = {"at the identity": "dcgan", "anywhere": "glorot"}  # and the rule of the first weights
LR, BATCH, CYCLE = 5e-3, 128, 1.0  # NOTE: at lambda = 10 linear maps hardly turn: W F = I pins both


def cloud(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) of mean zero, and which of the four clusters each is of."""
    k = rng.choice(len(SHARES), n, p=SHARES)
    x = CENTRES[k] - SHARES @ CENTRES + STD * rng.standard_normal((n, 2))
    return x.astype(np.float32), k


def mlp(n_out: int, hidden: int = 32) -> L.Sequential:
    """(N, 2) -> (N, n_out) by two hidden layers."""
    return L.Sequential(
        L.Dense(2, hidden), L.LeakyRelu(0.2), L.Dense(hidden, hidden), L.LeakyRelu(0.2),
        L.Dense(hidden, n_out),
    )  # fmt: skip


def model_of(kind: str, begun: str) -> CycleGAN:
    """Linear generators, or two-layer ones; the discriminators are two-layer nets."""
    nets = [L.Dense(2, 2, bias=False) if kind == "linear" else mlp(2) for _ in "GF"]
    # x + f(x), as the generators of pictures have
    G, F = map(L.Residual, nets) if begun == "at the identity" else nets
    return CycleGAN(
        G, F, mlp(1), mlp(1), (2,), (2,), cycle=CYCLE, identity=0.0, history=0
    )  # fmt: skip


def trial(
    kind: str, begun: str, seed: int, steps: int, device: str
) -> tuple[dict[str, float], np.ndarray]:
    """One start: the errors of its map, and the map of test points.

    "to the truth" and "there and back" are root mean squares of distances; "unlike b" is what G
    pays D_B, (D - 1)^2 / 2, the one number here that looks at no pair and can choose a start.
    """
    rng = np.random.default_rng([seed, 1])
    model = model_of(kind, begun)
    sets = cloud(rng, N)[0], (cloud(rng, N)[0] @ R).astype(np.float32)
    p, terms = fit(model, sets, seed, steps, BATCH, LR, device, BEGUN[begun])
    a = cloud(np.random.default_rng(0), N)[0]
    b = model.translate(p, to_device(a, device))
    back, found = to_host(model.translate(p, b, "a")), to_host(b)
    return {
        "to the truth": distance(found, a @ R),
        "there and back": distance(back, a),
        "unlike b": terms["generators.adversarial"] / 2,
    }, found


def distance(x: np.ndarray, y: np.ndarray) -> float:
    """The root mean square of |x_n - y_n|."""
    return float(np.sqrt(((x - y) ** 2).sum(axis=1).mean()))


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each training of either kind as a row, and the map of the best start of each."""
    starts, steps = (1, 20) if args.quick else (5, 1500)
    rows: dict[str, Any] = {}
    shown: dict[str, np.ndarray] = {}
    for kind, begun in product(("linear", "two layers"), BEGUN):
        found = [trial(kind, begun, args.seed + i, steps, args.device) for i in range(starts)]
        for i, (row, _) in enumerate(found):
            rows[f"{kind}, begun {begun}, seed {args.seed + i}"] = row
        best = min(range(starts), key=lambda i: found[i][0]["unlike b"])
        rows[f"{kind}, begun {begun}, the one least unlike b"] = found[best][0]
        far = found[best][0]["to the truth"]
        shown[f"{kind}, begun {begun}:\n{far:.2f} from the truth"] = found[best][1]
    rows["for comparison: a itself"] = {
        "to the truth": distance(cloud(np.random.default_rng(0), N)[0], clean_truth())
    }
    return rows, {"points": picture(shown)}


def clean_truth() -> np.ndarray:
    """Where the rotation brings the test points."""
    return cloud(np.random.default_rng(0), N)[0] @ R


def picture(shown: dict[str, np.ndarray]) -> Any:
    """The cloud, its true rotation and the translations, each cluster in its colour."""
    a, k = cloud(np.random.default_rng(0), N)
    panels = {"a": a, "b, truly turned": a @ R} | shown
    figure = new_figure(3.1 * len(panels), 3.3)
    for axes, (title, points) in zip(
        figure.subplots(1, len(panels), sharex=True, sharey=True), panels.items(), strict=True
    ):
        for c in range(len(SHARES)):
            rows = points[k == c][:150]
            axes.scatter(*rows.T, s=9, color=CLASSES[c], marker=MARKERS[c], linewidths=0)
        dress(axes, title)
        axes.set_aspect("equal")
        axes.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6))
    return figure
