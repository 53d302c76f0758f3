"""What learners ask of a VAE, answered by small trainings: python demos/vae.py --out runs/vae

1 the KL term, drawn                       5 beta 0 and 1: does it memorise?
2 the KL term with a part left out         6 rate and distortion over beta
3 eps = 0 beside sampled eps               7 another prior
4 are output pixels independent?           8 covariance, IWAE, free bits, warm-up

Each answer is a table and a picture. The nets have one hidden layer of 200 and see the first
10000 training images, so that two dozen trainings take minutes: the differences are the point,
not the level. Test numbers are in nats an image, +- standard error over the images.

D. P. Kingma and M. Welling, arXiv 1312.6114.  docs/questions/vae.md, docs/derivations/vae.md
"""

from typing import Any

from common import arguments, dataset, leave, table, told
from vae_parts import (
    ablations,
    kl_term,
    memorising,
    noise,
    objectives,
    pixels,
    priors,
    tradeoff,
)
from vae_parts.setting import Setting

QUESTIONS = {
    "kl_term": ("What does the KL term look like?", kl_term.answer),
    "ablations": ("What if a term of the KL is left out?", ablations.answer),
    "noise": ("What is the ELBO at eps = 0, beside sampled eps?", noise.answer),
    "pixels": ("Are the output pixels independent?", pixels.answer),
    "memorising": ("What keeps a VAE from memorising?", memorising.answer),
    "tradeoff": ("What does beta trade?", tradeoff.answer),
    "priors": ("What does another prior change?", priors.answer),
    "objectives": ("What do the other objectives buy?", objectives.answer),
}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn. Returns the numbers by question."""
    args = arguments(__doc__, "vae", argv, epochs=50)
    setting = Setting.of(dataset(args), args)
    numbers, figures = {}, {}
    for i, (name, (question, answer)) in enumerate(QUESTIONS.items(), start=1):
        numbers[name], figures[name] = answer(setting)
        print(f"\n{i}. {question}\n\n{text(numbers[name])}", flush=True)
    leave(args, figures, numbers)
    return numbers


def text(numbers: dict[str, Any]) -> str:
    """One table where all values are rows of one; else a line a value."""
    if all(isinstance(row, dict) for row in numbers.values()):
        return table(numbers)
    lines = []
    for name, value in numbers.items():
        if isinstance(value, dict):
            lines += [name, *(f"    {part:<54}{told(v)}" for part, v in value.items())]
        else:
            lines.append(f"{name:<58}{told(value)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
