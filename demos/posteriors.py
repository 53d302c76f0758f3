"""Shapes of the posterior, and codes that die: python demos/posteriors.py --out runs/posteriors

1 may q be non-diagonal? a linear VAE, where the posterior is known
2 does it pay on images? diagonal and full q, and a decoder whose axes are turned
3 whose fault is the gap: the shape of q, or the encoder?
4 which dimensions carry what? rates by dimension, warm-up, free bits, fewer dimensions

Numbers are nats an image on test images, +- standard error over the images; differences are
paired. The nets are those of demos/vae.py: the differences are the point, not the level.

                              docs/questions/posteriors.md, docs/derivations/vae.md
"""

from textwrap import fill
from typing import Any

from common import ONE, arguments, chosen, dataset, leave, table
from posteriors_parts import gaps, linear, shapes, units
from vae_parts.setting import Setting

QUESTIONS = {
    "linear": ("May q be non-diagonal?", linear.answer),
    "shapes": ("Does it pay on images?", shapes.answer),
    "gaps": ("Whose fault is the gap?", gaps.answer),
    "units": ("Which dimensions carry what?", units.answer),
}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn, or one. Returns the numbers by question."""
    args = arguments(__doc__, "posteriors", argv, epochs=50, more=ONE)
    asked = chosen(args, "posteriors", QUESTIONS)
    setting = Setting.of(dataset(args), args)
    numbers, figures = {}, {}
    for i, name, question, answer in asked:
        found = answer(setting)
        numbers[name], figures[name] = found.numbers, found.figure
        print(f"\n{i}. {question}\n\n{fill(found.words, 96)}\n\n{table(found.numbers)}", flush=True)
    leave(args, figures, numbers)
    return numbers


if __name__ == "__main__":
    main()
