"""Fully visible belief nets on digits: python demos/belief_nets.py --out runs/belief_nets

1 is it a density?                       4 does the order of the pixels matter?
2 what is a hidden layer for?            5 what stands below the upper half?
3 how likely are real digits?            6 what has been learned?

p(x) = prod_i p(x_i | x_<i), pixel after pixel. FVBN: a logistic regression a pixel (Frey 1998);
NADE: a hidden layer a pixel (Larochelle and Murray 2011); MADE: one, masked, for all pixels
(Germain et al. 2015). Numbers are nats an image unless said otherwise; all likelihoods are exact.
                                         docs/derivations/autoregressive.md, fvbn.md, nade.md
"""

from typing import Any

import numpy as np
from belief_nets_parts import digits as ask
from belief_nets_parts import exact
from belief_nets_parts.setting import Digits
from common import answered, arguments, dataset

WORDS = (
    "Whatever the weights, the probabilities of all images sum to one, for no pixel sees itself. "
    "Where each is shown the pixel that it is to explain, they do not, and the 'likelihood' means "
    "nothing.",
    "The third bit is the exclusive or of the first two. A regression finds nothing in it and pays "
    "3 bits; a hidden layer pays the 2 that there are.",
    "Independent pixels know no digit. A mixture knows as many pictures as it has components, a "
    "regression which pixels go together; on digits as small as these they do equally well. Hidden "
    "units know more.",
    "The chain rule holds in any order, and each order gives another model. Here the "
    "three come out within a tenth of a nat of each other.",
    "What comes first in the order can be given. Half of the nats lie in the lower half; three "
    "draws below one upper half are three answers.",
    "A pixel is black where the one to its left and the one above are: FVBN's largest weights "
    "lie there. NADE's units look at patches, and some at rings.",
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn. Returns the numbers by question."""
    args = arguments(__doc__, "belief_nets", argv, data="digits", epochs=150)
    data, rng = dataset(args), np.random.default_rng(args.seed)
    digits = Digits.of(data, args)
    trained: ask.Trained = {}
    questions = {
        "Is it a density?": lambda: exact.density(args),
        "What is a hidden layer for?": lambda: exact.hidden(args),
        "How likely are real digits?": lambda: ask.likelihoods(digits, trained, rng),
        "Does the order of the pixels matter?": lambda: ask.orders(digits, trained, rng),
        "What stands below the upper half?": lambda: ask.completions(digits, trained, rng),
        "What has been learned?": lambda: ask.weights(digits, trained, rng),
    }
    return answered(args, questions, WORDS)


if __name__ == "__main__":
    main()
