"""2. What does the ELBO leave out? KL(q(z|x) || p(z|x)): exact, on a linear VAE.

    log p(x) - ELBO = KL(q(z|x) || p(z|x))                 docs/derivations/vae.md, equation 2

The left side is the library's ELBO, its expectation taken exactly, and the density of x; the right
side a divergence of two Gaussians. The encoder is untrained: the equation holds for every q.
"""

from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from linear_model import elbo, gap, linear_vae, log_p, oblique
from posteriors_parts.linear import POSTERIORS

from tinygen.cases.common import jittered

EXAMPLES = 3


def answer(setting: Any) -> Answer:
    """Both sides, example by example, for a diagonal and for a full q."""
    rng = np.random.default_rng(setting.args.seed)
    numbers: Numbers = {}
    for kind in POSTERIORS:
        model, decoder = linear_vae(kind), oblique(rng)
        p = jittered(rng, model.init(rng, np.float64)) | {"decoder": decoder}
        x = rng.normal(size=(EXAMPLES, len(decoder["b"])))
        left, right = log_p(decoder, x) - elbo(model, p, x), gap(p, model.encode(p, x), x)
        for i in range(EXAMPLES):
            numbers[f"{kind} q, example {i + 1}"] = {
                "log p(x)": float(log_p(decoder, x)[i]),
                "log p - ELBO": float(left[i]),
                "KL(q || p(z|x))": float(right[i]),
                "difference": f"{abs(left[i] - right[i]):.0e}",
            }
    words = (
        "Both sides of log p(x) - ELBO = KL(q(z|x) || p(z|x)), each computed without the other. "
        "The encoder is untrained, so that the gaps are large."
    )
    return Answer(words, numbers)
