"""What a classifier says of samples: how sure it is of each, and how many classes it finds.

    c_n = max_k p(k|x_n)        exp(H(p)),  p(k) = (1/N) sum_n p(k|x_n)

What the inception score, exp(H(p) - mean_n H(p(.|x_n))), makes one number of (T. Salimans et al.,
Improved Techniques for Training GANs, NIPS 2016, arXiv 1606.03498), each by itself. NOTE: sureness
is the largest probability here, the entropy of p(.|x_n) there.

A classifier knows its classes alone, so it can be sure of what is no image at all: put noise
beside the samples as a row of its own, and the Frechet distance (`frechet_distance`) as a second
opinion.
"""

import math

from tinygen.arrays import Array, namespace
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers.base import check_array


def confidence(logits: Array) -> Array:
    """c_n (N,): the probability of the most probable class, from logits (N, K).

    The share of samples that the classifier believes is the mean of c >= 0.9. Raises ValueError for
    another shape, no samples, NaN or infinity, TypeError for no floats.
    """
    check_array("confidence: logits", logits, "N", "K")
    return namespace(logits).exp(logits.max(axis=1) - log_sum_exp(logits))  #      (N,)


def classes_found(logits: Array) -> float:
    """exp(H(p)), between 1 and K: K where all classes are as frequent, 1 where there is one.

    logits : (N, K); raises as `confidence`
    """
    check_array("classes_found: logits", logits, "N", "K")
    xp = namespace(logits)
    share = xp.exp(logits - log_sum_exp(logits)[:, None]).mean(axis=0)  # p(k)   (K,)
    seen = share[share > 0]  # p log p = 0 where p = 0
    return math.exp(-float((seen * xp.log(seen)).sum()))
