"""Can a model say what it has never seen? python demos/outliers.py --out runs/outliers

A VAE of clothes is shown digits. Is their log p lower? It hangs on what p(x|z) is: the table has
four likelihoods of pixels side by side, and two repairs. The likelihood ratio compares with a
background model: the same VAE trained on pixels replaced at random, or a model that sees nothing
but neighbouring pixels. Outlier exposure trains with other outliers, Japanese letters, and is
tested on digits all the same.

Numbers are areas under the ROC curve, +- standard error over the test images: 1 tells all digits
from all clothes, 0.5 is a coin, 0 takes every digit for a piece of clothing. A threshold is chosen
on validation images so that 5 % of them are false alarms.

J. Ren et al., arXiv 1906.02845; D. Hendrycks et al., arXiv 1812.04606.
                                       docs/questions/outliers.md, docs/derivations/outliers.md
"""

from textwrap import fill
from typing import Any

from common import arguments, leave, table
from outliers_parts.detectors import PIXELS, fit, seen
from outliers_parts.drawing import curves, extremes, histograms
from outliers_parts.sets import Sets

from tinygen import metrics, to_host

FALSE_ALARMS = 0.05
SHOWN = "Bernoulli, binarised"  # whose histograms and images are drawn
MISTAKES = ("-log p", "ratio to the local model")  # scores whose mistakes are shown

WORDS = (
    "Of clothes and digits: with black and white pixels a digit is likelier than clothes, with a "
    "Gaussian of one width it is not. The ratio to a model of neighbouring pixels, and training "
    "with known outliers, find digits with every likelihood; the ratio to a mutated VAE makes it "
    "worse. In the last table: the share of normal images flagged / of outliers."
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train for each likelihood, compare all scores. Returns the numbers."""
    more = {"images": (10_000, "normal images to train on, at most")}
    args = arguments(__doc__, "outliers", argv, data="fashion-mnist", epochs=15, more=more)
    sets = Sets.of(args)
    normal_name, novel_name, known_name = sets.names
    print(f"normal: {normal_name}; to be found: {novel_name}; known beforehand: {known_name}")
    areas, against_known, alarms, normal, novel = {}, {}, {}, {}, {}
    figures = {}
    for kind, pixels in PIXELS.items():
        found = fit(kind, pixels, sets, args)
        print(f"{kind}: mutation rate of the background {found.rate:g}", flush=True)
        scores = {
            part: found.scores(seen(pixels, getattr(sets, part), args.seed))
            for part in ("validation", "test", "novel", "known_kind")
        }
        normal[kind], novel[kind] = scores["test"], scores["novel"]
        limits = {s: metrics.threshold(v, FALSE_ALARMS) for s, v in scores["validation"].items()}
        areas[kind] = compared(scores["test"], scores["novel"])
        against_known[kind] = compared(scores["test"], scores["known_kind"])
        alarms[kind] = flagged(scores, limits)
        if kind == SHOWN:
            title = f"{kind}; beyond the dashed line: {FALSE_ALARMS:.0%} of validation images"
            figures["scores"] = histograms(
                normal[kind], novel[kind], limits, (normal_name, novel_name), title
            )
            figures["extremes"] = strangest(sets, scores)
    figures["roc"] = curves(normal, novel, f"{novel_name} found among {normal_name}")
    numbers = {
        f"AUROC, {novel_name}": turned(areas),
        f"AUROC, further images of {known_name}": turned(against_known),
        f"flagged at {FALSE_ALARMS:.0%} false alarms on validation": turned(alarms),
    }
    print(f"\n{fill(WORDS, 96)}")
    for title, rows in numbers.items():
        print(f"\n{title}\n\n{table(rows)}")
    leave(args, figures, numbers)
    return numbers


def compared(inliers: dict[str, Any], outliers: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Score -> area and standard error."""
    return {name: metrics.auroc_and_error(inliers[name], outliers[name]) for name in inliers}


def flagged(scores: dict[str, Any], limits: dict[str, float]) -> dict[str, str]:
    """Score -> which share of the normal test images is flagged, and which of the novel ones."""
    return {
        name: " / ".join(f"{(scores[part][name] > t).mean():.3f}" for part in ("test", "novel"))
        for name, t in limits.items()
    }


def turned(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A row a score, a column a likelihood."""
    names = next(iter(rows.values()))
    return {name: {kind: row[name] for kind, row in rows.items()} for name in names}


def strangest(sets: Sets, scores: dict[str, dict[str, Any]]) -> Any:
    """The normal test images and the outliers that two scores of the plain model get most wrong."""
    pairs = {name: (scores["test"][name], scores["novel"][name]) for name in MISTAKES}
    return extremes(to_host(sets.test), to_host(sets.novel), pairs)


if __name__ == "__main__":
    main()
