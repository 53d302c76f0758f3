"""The laboratory of divergences: python demos/divergences.py --out runs/divergences

1 one Gaussian for two modes: KL(P||Q), KL(Q||P), JS    4 supports that part: infinity and log 2
2 as the modes move apart: where minima come from       5 what can be formed from samples of P
3 maximum likelihood is the argmin of KL(P||Q)          6 the asymmetry, as a table

All densities are one-dimensional, so that every divergence is an integral that a grid gives to
rounding, and every fit can be looked for from everywhere. Numbers are in nats.

S. Kullback and R. A. Leibler, Ann. Math. Stat. 22, 1951; J. Lin, IEEE Trans. Inf. Theory 37, 1991.
                                        docs/questions/divergences.md, docs/derivations/kl.md
"""

from textwrap import fill
from typing import Any

from common import arguments, leave, table
from divergences_parts import apart, asymmetry, fits, likelihood, samples, supports

QUESTIONS = {
    "fits": ("One Gaussian for two modes: what does each divergence choose?", fits.answer),
    "apart": ("As the modes move apart, where do the minima come from?", apart.answer),
    "likelihood": ("Is maximum likelihood the argmin of KL(P||Q)?", likelihood.answer),
    "supports": ("What if the supports part?", supports.answer),
    "samples": ("What can be formed from samples of P alone?", samples.answer),
    "asymmetry": ("How unlike are the two directions?", asymmetry.answer),
}

WORDS = (
    "KL(P||Q) has one minimum, with the mean and the deviation of P: it covers. KL(Q||P) has one "
    "on each mode: it seeks, and what it leaves out is not charged. JS has one of either kind.",
    "Near modes have one minimum between them. As they part, the least of KL(Q||P) moves to a "
    "mode, later that of JS; KL(P||Q) never has more than one minimum.",
    "Fits by likelihood come to the least of KL(P||Q) as draws grow in number. Where the model is "
    "right, all three divergences end in P.",
    "Where one density is zero and the other is not, a KL is infinite; JS is at most log 2. Of "
    "Gaussians that part, the slope of KL grows and that of JS dies.",
    "KL(P||Q) needs samples of P alone, up to a constant. KL(Q||P) needs log p where Q draws: a "
    "histogram makes it infinite, a kernel estimate answers for itself.",
    "Dear is to be where the other is not: a narrow A in a wide B is cheap in KL(A||B), and dear "
    "or infinite the other way round.",
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn. Returns the numbers by question."""
    args = arguments(__doc__, "divergences", argv, data=None)
    numbers: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for i, (name, (question, answer)) in enumerate(QUESTIONS.items(), start=1):
        numbers[name], found = answer(args)
        figures |= found
        words = fill(WORDS[i - 1], 96)
        print(f"\n{i}. {question}\n\n{words}\n\n{table(numbers[name])}", flush=True)
    leave(args, figures, numbers)
    return numbers


if __name__ == "__main__":
    main()
