"""What an autoencoder's code is, and is not: python demos/autoencoder.py --out runs/autoencoder

1 how large must the code be?               4 does the architecture matter?
2 can codes be drawn from N(0, I)?          5 what does a digit autoencoder make of clothes?
3 what does a single number hold?           6 denoising and contraction

Each answer is a table and a picture. Nets see the first 10000 training images, so that a dozen
trainings take minutes; the weights of the least validation error are kept. An error is the squared
error on test images, a sum over the pixels, +- its standard error over the images. Decoders
end linear: pixels are clipped to [0, 1] where they are shown, and where a classifier sees them.

G. E. Hinton and R. R. Salakhutdinov, Science 313, 2006.
docs/questions/autoencoder.md, docs/derivations/autoencoder.md
"""

from textwrap import fill
from typing import Any

from autoencoder_parts import architectures, clothes, damage, memory, sizes, space
from autoencoder_parts.setting import Setting
from common import arguments, dataset, leave, table

QUESTIONS = {
    "sizes": ("How large must the code be?", sizes.answer),
    "space": ("Can codes be drawn from N(0, I)?", space.answer),
    "memory": ("What does a single number hold?", memory.answer),
    "architectures": (
        "Does the architecture matter?",
        architectures.answer,
    ),
    "clothes": ("What does a digit autoencoder make of clothes?", clothes.answer),
    "damage": ("What do denoising and contraction change?", damage.answer),
}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn. Returns the numbers by question."""
    args = arguments(__doc__, "autoencoder", argv, epochs=20)
    setting = Setting.of(dataset(args), args)
    numbers, figures = {}, {}
    for i, (name, (question, answer)) in enumerate(QUESTIONS.items(), start=1):
        found = answer(setting)
        print(f"\n{i}. {question}\n\n{fill(found.words, 96)}", flush=True)
        if found.numbers:
            numbers[name], figures[name] = found.numbers, found.figure
            print(f"\n{table(found.numbers)}", flush=True)
    leave(args, figures, numbers)
    return numbers


if __name__ == "__main__":
    main()
