"""A game of convolutions: python demos/dcgan.py --out runs/dcgan

Three DCGANs: of digits, of digits told their class, and of faces that are drawn with two eyes.

1 Do its digits teach? A classifier learns from generated digits alone, and is tested on real ones;
  beside it one that learnt from as many real ones.
2 Where lies the way from one code to another? Along the arc, or along the straight line.
3 What has the discriminator learnt, which never saw a label? A linear classifier on its features.
4 Does a face hold together? Its eyes are counted.
5 Does a smile add up? A face that smiles minus one that does not plus another one.
6 Is a smile a direction of z? How much of it is linear, and is it the same on every face?

The same codes are drawn as each training goes on: grown_*.gif. A training that was stopped goes on
when the same command is given again.

A. Radford, L. Metz and S. Chintala, arXiv 1511.06434.     docs/questions/dcgan.md
"""

from functools import partial
from typing import Any

import numpy as np
from common import answered, arguments, dataset
from dcgan_parts import faces, teaching
from dcgan_parts.players import Players
from dcgan_parts.reading import feature_errors
from disentangling_parts.judge import Judge

from tinygen import metrics, plots
from tinygen.arrays import Array, namespace
from tinygen.models.interpolation import slerp

LABELLED, DRAWS = 10_000, 5  # images to draw labels from, and how often
PAIRS, ROWS, STEPS = 1000, 8, 10  # of codes: measured; shown, and places on each way

QUESTIONS = (
    "Do generated digits teach?",
    "Where lies the way from one code to another?",
    "What has the discriminator learnt?",
    "Does a face have two eyes?",
    "Does a smile add up?",
    "Is a smile a direction?",
)
WORDS = (
    "A classifier learns from generated digits alone, and reads real ones. 'Read as told' is the "
    "share of generated digits that a classifier of real ones takes for the class asked for.",
    "How sure a classifier of real digits is of what it sees, at the ends and midway. Both ways "
    "pass places between two digits; the straight line also leaves the shell where codes lie.",
    "Test error in percent of a linear classifier, a mean over draws of the labels +- the standard "
    "deviation of one. What training adds is the difference of the last two rows.",
    "Eyes are connected parts as dark as a pupil. Faces as they are drawn have two, spoilt ones "
    "have not: so the number is to be believed.",
    "Smile and turn of the head, -1..1, as a judge reads them off the pixels. Each letter is the "
    "mean of three codes whose faces are of that kind.",
    "The share of smile and of turn that is linear in the code; and both, where codes are moved "
    "along that direction alone, from -2 to 2 standard deviations. Smiles add up if the smile of "
    "faces that look left and of those that look right are one direction: a cosine of 1.",
)
Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> Numbers:
    """Train, measure, draw. Returns the numbers."""
    args = arguments(__doc__, "dcgan", argv, epochs=12)
    players = Players(args, dataset(args))

    def asked(answer: Any) -> tuple[Numbers, Numbers]:
        rows, figures = answer(players)
        return rows, figures | players.films

    answers = zip(QUESTIONS, (teach, walks, features, eyes, sums, directions), strict=True)
    return answered(args, {text: partial(asked, answer) for text, answer in answers}, WORDS)


def teach(s: Players) -> tuple[Numbers, Numbers]:
    """Classifiers that learnt from real digits, and from as many generated ones."""
    model, p_real = s.reader
    rng = np.random.default_rng(s.args.seed)
    drawn = s.draw("told", s.codes("told", len(s.labels), rng), s.labels)
    p_drawn = s.taught(model, drawn)
    x, y = s.to(s.digits.test.x), s.digits.test.labels
    assert y is not None
    column = "right on real test digits, %"
    told = {"read as told, %": teaching.right(model, p_real, s.to(drawn), s.labels)}
    rows = {
        "learnt from real digits": {column: teaching.right(model, p_real, x, y)},
        "learnt from generated ones": {column: teaching.right(model, p_drawn, x, y)} | told,
    }
    z = s.codes("told", STEPS)
    every = namespace(z).concatenate([z] * s.classes)
    sheet = s.draw("told", every, np.repeat(np.arange(s.classes), STEPS))
    return rows, {"classes": plots.sample_grid(sheet, STEPS, "a row a class, a column a code")}


def walks(s: Players) -> tuple[Numbers, Numbers]:
    """How sure the reader is at the ends of ways between codes, and midway."""
    model, p = s.reader
    z = s.codes("digits", 40 if s.args.quick else 2 * PAIRS)
    pairs = list(zip(z[::2], z[1::2], strict=True))
    midway = namespace(z).stack([slerp(a, b, 3)[1] for a, b in pairs])
    places = {"ends": z[::2], "midway, arc": midway, "midway, line": (z[::2] + z[1::2]) / 2}
    rows = {}
    for name, codes in places.items():
        logits = teaching.logits_of(model, p, s.to(s.draw("digits", codes)))
        sure = metrics.confidence(logits.astype(np.float64))
        rows[name] = {"mean confidence": metrics.mean_and_error(sure)}
    arcs = namespace(z).concatenate([slerp(a, b, STEPS) for a, b in pairs[:ROWS]])
    title = "rows: the arc from one code to another"
    return rows, {"walks": plots.sample_grid(s.draw("digits", arcs), STEPS, title)}


def features(s: Players) -> tuple[Numbers, Numbers]:
    """Linear classifiers on pixels, and on what discriminators make of them."""
    draws = 2 if s.args.quick else DRAWS
    return feature_errors(*s.game("digits"), s.digits, LABELLED, draws, s.args.seed), {}


def eyes(s: Players) -> tuple[Numbers, Numbers]:
    """The share of faces without exactly two eyes."""
    real = s.faces.test.x
    drawn = {"generated faces": s.draw("faces", s.codes("faces", len(real)))}
    return faces.eyes(real, drawn), {"faces": plots.sample_grid(drawn["generated faces"][:64], 8)}


def sums(s: Players) -> tuple[Numbers, Numbers]:
    """Sums of codes, read by a judge."""
    rows, found = faces.arithmetic(*faces_of(s, faces.POOL), s.rng)
    if not rows:  # too few faces of a kind, as after a short training
        return {"no sum": {"why": "too few generated faces smile, or turn their heads"}}, {}
    shown = found[:ROWS]
    title = "columns: A smiles, to the left; B sad, to the left; C sad, to the right; A - B + C"
    return rows, {"smile": plots.sample_grid(shown.reshape(-1, *found.shape[2:]), 4, title)}


def directions(s: Players) -> tuple[Numbers, Numbers]:
    """How much of a factor is linear in the code."""
    return faces.directions(*faces_of(s, faces.MANY)), {}


def faces_of(s: Players, n: int) -> tuple[Judge, faces.Faces, Array]:
    """A judge of faces, who draws them, and n codes."""
    z = s.codes("faces", 400 if s.args.quick else n)
    return s.judge, lambda z: s.draw("faces", z), z


if __name__ == "__main__":
    main()
