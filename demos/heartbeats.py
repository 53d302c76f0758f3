"""Can a density of heart beats draw some, and find sick ones? python demos/heartbeats.py

An LSTM density p(x) = prod_t p(x_t | x_<t) learns from 175 normal beats of one patient. It draws
new ones, carries begun ones on, and scores others by -log p(x): 88 normal beats that it has not
seen, and 208 of four abnormal kinds, of which no model here has seen any. Beside it stands the
reconstruction error of principal components. All is repeated over random splits.

Plain -log p is not the best score, for it is the sum of 140 forecasts of one step, and a smooth
beat of the wrong shape is easy to forecast. With noise added to the training beats a step says
less, and the shape more.
"""

from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from heartbeats_parts import drawing
from heartbeats_parts.splits import Beats, Split, pca_scores, split

from tinygen import metrics

NOISES = (0.0, 0.1, 0.3, 0.5)  # standard deviations; a beat has 1
COMPONENTS = (2, 10, 20)
FALSE_ALARMS = 0.05
SHOWN, KNOWN = 12, 60  # beats in a picture; samples of 140 that are known where a beat is begun


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Split, learn, score, again and again; draw. Returns the numbers."""
    more = {"splits": (5, "random splits of the normal beats")}
    args = arguments(
        __doc__, "heartbeats", argv, data="heartbeats", quick="heartbeats", epochs=100, more=more
    )
    noises = NOISES[:3:2] if args.quick else NOISES
    args.splits = min(args.splits, 2) if args.quick else args.splits
    data = dataset(args)
    if data.kind != "series" or len(data.classes) < 2 or len(data.shape) != 1:
        raise SystemExit(
            f"heartbeats: {data.name} holds no single series (N, T) of normal and abnormal kinds: "
            "use --data heartbeats"
        )
    areas: dict[str, list[float]] = {}
    flags: dict[str, list[tuple[float, float]]] = {}
    kinds: dict[str, list[np.ndarray]] = {}
    figures: dict[str, Any] = {}
    for number in range(args.splits):
        rng = np.random.default_rng([args.seed, number])
        s = split(data, rng)
        models = {noise: Beats.fit(s, noise, rng, args) for noise in noises}
        scores = scored(s, models)
        for name, (known, normal, abnormal) in scores.items():
            areas.setdefault(name, []).append(metrics.auroc(normal, abnormal))
            limit = metrics.threshold(known, FALSE_ALARMS)
            share = float((normal > limit).mean()), float((abnormal > limit).mean())
            flags.setdefault(name, []).append(share)
            of_kind = [
                metrics.auroc(normal, abnormal[s.kinds == k]) for k in range(1, len(data.classes))
            ]
            kinds.setdefault(name, []).append(np.array(of_kind))
        print(f"split {number}: " + told(areas), flush=True)
        if not figures:
            plain, drawn = figures_of(s, models, scores, areas, rng, data.classes)
            figures |= plain
    numbers = {
        name: {
            "AUROC": (float(np.mean(a)), float(np.std(a, ddof=min(1, len(a) - 1)))),
            "range": f"{min(a):.4f} .. {max(a):.4f}",
            "false alarms": float(np.mean([f for f, _ in flags[name]])),
            "found": float(np.mean([f for _, f in flags[name]])),
            **dict(zip(data.classes[1:], np.mean(kinds[name], axis=0).tolist(), strict=True)),
        }
        for name, a in areas.items()
    }
    print(f"\nover {args.splits} splits, mean +- standard deviation of a split; the last columns "
          "are the areas of single kinds")  # fmt: skip
    print(table(numbers))
    print("\ndrawn beats among real ones, by 10 components: " + f"{drawn:.2f} lie within 95 %")
    figures["areas"] = drawing.areas(areas)
    numbers["drawn"] = {"share within 95 % of normal test beats, 10 components": drawn}
    leave(args, figures, numbers)
    return numbers


def scored(s: Split, models: dict[float, Beats]) -> dict[str, tuple[np.ndarray, ...]]:
    """Each score of the validation beats, the normal test beats, and the abnormal ones."""
    beats = (s.validation, s.test, s.abnormal)
    found = {f"{Z} components": tuple(pca_scores(s, Z, *beats)) for Z in COMPONENTS}
    for noise, model in models.items():
        name = f"-log p, noise {noise:g}" if noise else "-log p"
        found[name] = tuple(model.scores(x) for x in beats)
    return found


def figures_of(
    s: Split,
    models: dict[float, Beats],
    scores: dict[str, tuple[np.ndarray, ...]],
    areas: dict[str, list[float]],
    rng: np.random.Generator,
    classes: tuple[str, ...],
) -> tuple[dict[str, Any], float]:
    """The pictures of one split; the share of drawn beats that PCA finds as normal as 95 %."""
    plain, smooth = models[0.0], models[NOISES[2]]
    T = s.test.shape[1]
    drawn = plain.draw(rng, 200, T)
    of_test, of_drawn = pca_scores(s, 10, s.test, drawn)
    inside = float((of_drawn <= np.quantile(of_test, 0.95)).mean())
    begun = np.repeat(s.test[:4, :KNOWN], 20, axis=0)
    more = plain.go_on(rng, begun, T - KNOWN).reshape(4, 20, -1)
    middle = np.argsort(smooth.scores(s.test))[len(s.test) // 2]
    shown = {"normal": s.test[middle]} | {
        classes[k]: s.abnormal[s.kinds == k][0] for k in np.unique(s.kinds)[:3]
    }
    steps = {name: smooth.step_scores(x[None])[0] for name, x in shown.items()}
    both = {name: (b, c) for name, (_, b, c) in scores.items() if name in shown_scores(scores)}
    return {
        "beats": drawing.beats(s.test[:SHOWN], drawn[:SHOWN]),
        "continued": drawing.continued(s.test[:4], KNOWN, more),
        "odd": drawing.odd(shown, steps),
        "scores": drawing.histograms(both, {name: a[0] for name, a in areas.items()}),
    }, inside


def shown_scores(scores: dict[str, Any]) -> tuple[str, ...]:
    """The three that are drawn."""
    return ("10 components", "-log p", f"-log p, noise {NOISES[2]:g}")


def told(areas: dict[str, list[float]]) -> str:
    """The areas of the last split."""
    return ", ".join(f"{name} {a[-1]:.4f}" for name, a in areas.items())


if __name__ == "__main__":
    main()
