"""Mixtures, fitted by EM on real data: python demos/mixtures.py --out runs/mixtures

1 what a step of EM does, drawn and animated     4 what the floor of the variances is for
2 full, tied, diagonal, spherical                5 black and white digits: a mixture of Bernoullis
3 how many components: BIC and test points       6 a VAE as a mixture without end

1 to 4 on images of the digits 0, 1 and 4 along their principal axes, where they lie apart. Numbers
are nats a point or an image. A. P. Dempster, N. M. Laird and D. B. Rubin, J. R. Statist. Soc. B 39,
1977.                                   docs/questions/mixtures.md, docs/derivations/em.md
"""

from typing import Any

import numpy as np
from common import answered, arguments, dataset
from mixtures_parts import continuous, floor, kinds, pictures, steps
from mixtures_parts.setting import Points

WORDS = (
    "From a poor start one component covers two clouds, and two share the third; after some slow "
    "steps one moves over, and each digit has its ellipse. The likelihood never falls.",
    "The clouds are of unlike shape and lean: full covariances are the best on test points too, "
    "and BIC agrees.",
    "BIC is least at more components than there are digits, for a digit is no Gaussian. Beyond, "
    "the test likelihood stays level.",
    "A smaller floor buys training points the same number of nats each time, without end; the test "
    "points pay for it.",
    "Each component is a picture. More of them explain more, and tell the digit more often; within "
    "one, pixels are independent, so what is drawn is a picture and noise.",
    "Written out at draws of its prior, a VAE has the likelihood that importance sampling finds. "
    "On two moons free ellipses do better: its one curve has to jump between them.",
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn. Returns the numbers by question."""
    args = arguments(__doc__, "mixtures", argv)
    data, rng = dataset(args), np.random.default_rng(args.seed)
    points = Points.of(data, args)
    many = Points.of(data, args, floor.AXES, floor.FEW)
    questions = {
        "What does a step of EM do?": lambda: steps.answer(args, points),
        "Which covariance?": lambda: kinds.kinds(args, points, rng),
        "How many components?": lambda: kinds.how_many(args, points, rng),
        "What is the floor for?": lambda: floor.answer(args, many, rng),
        "What is a mixture of Bernoullis?": lambda: pictures.answer(args, data),
        "In which sense is a VAE a mixture?": lambda: continuous.answer(args),
    }
    return answered(args, questions, WORDS)


if __name__ == "__main__":
    main()
