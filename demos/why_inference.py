"""Why a model needs inference: python demos/why_inference.py --out runs/why_inference

1 why an encoder? log p(x) from N draws of the prior, and from N of the encoder
2 what does the ELBO leave out? exact, on a linear VAE
3 what does the posterior look like? by quadrature, beside q
4 why does a simple prior suffice? a ring, made of a Gaussian
5 what lies between two codes? paths of an autoencoder and of a VAE

Numbers are nats an image on test images, +- standard error over the images. The nets are those
of demos/vae.py and demos/autoencoder.py.

                              docs/questions/inference.md, docs/derivations/vae.md
"""

from textwrap import fill
from typing import Any

from autoencoder_parts.setting import Setting as Grey
from common import ONE, arguments, chosen, dataset, leave, table
from vae_parts.setting import Setting
from why_inference_parts import draws, exact, paths, posterior, ring

QUESTIONS = {
    "draws": ("Why an encoder?", draws.answer),
    "exact": ("What does the ELBO leave out?", exact.answer),
    "posterior": ("What does the posterior look like?", posterior.answer),
    "ring": ("Why does a simple prior suffice?", ring.answer),
    "paths": ("What lies between two codes?", paths.answer),
}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn, or one. Returns the numbers by question."""
    args = arguments(__doc__, "why_inference", argv, epochs=20, more=ONE)
    asked = chosen(args, "why_inference", QUESTIONS)
    data = dataset(args)
    grey = Grey.of(data, args)
    setting = Setting.of(data, args)
    setting.kept["grey"] = grey
    numbers, figures = {}, {}
    for i, name, question, answer in asked:
        found = answer(setting)
        numbers[name] = found.numbers
        if found.figure is not None:
            figures[name] = found.figure
        print(f"\n{i}. {question}\n\n{fill(found.words, 96)}\n\n{table(found.numbers)}", flush=True)
    leave(args, figures, numbers)
    return numbers


if __name__ == "__main__":
    main()
