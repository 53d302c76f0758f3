"""The semi-supervised VAE: few labels, many examples without. Model M2 of D. P. Kingma,
D. J. Rezende, S. Mohamed and M. Welling, Semi-supervised Learning with Deep Generative Models,
NIPS 2014, arXiv 1406.5298.

    p(x, y, z) = p(x|y,z) p(y) p(z),     p(y) = 1/K,     q(y, z|x) = q(y|x) q(z|x,y)

    L(x, y) = -log p(y) - ELBO of log p(x|y)                        >= -log p(x, y)
    U(x)    = sum_y q(y|x) (L(x, y) + log q(y|x))                   >= -log p(x)

The sum over the classes is taken exactly. The classifier q(y|x) is part of the bound on examples
without a label; from those with one it learns by a term of its own.
                                                           docs/derivations/semi_supervised.md
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers import Layer
from tinygen.layers.base import check_names, check_sizes
from tinygen.likelihoods import Likelihood
from tinygen.likelihoods.base import normal
from tinygen.models.classifier import dense_classifier
from tinygen.models.conditional_vae import ConditionalVAE, dense_conditional_vae
from tinygen.models.labels import check_labels, check_noise, check_pair
from tinygen.models.latent import check_images
from tinygen.models.nets import RELU, Shape
from tinygen.models.vae import check_weight
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class SemiSupervisedVAE:
    """p(x, y, z) with a classifier q(y|x)     x (N, ...)   y (N,), -1: no label   z (N, Z)

    vae        : p(x|y,z) and q(z|x,y)
    classifier : x -> the logits of q(y|x) (N, K)
    share      : of the training examples, how many have a label: N_labelled / N
    alpha      : weight of the classification term; the paper's is alpha N in a sum over all N

    p = {"vae", "classifier"}. Values are in nats. Bad input raises as `ConditionalVAE`.
    """

    vae: ConditionalVAE
    classifier: Layer
    share: float
    alpha: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not 0 < float(self.share) <= 1:
            raise ValueError(
                f"SemiSupervisedVAE: share must lie in 0 < share <= 1, got {self.share!r}: it is "
                "the number of labelled examples over that of all"
            )
        check_weight("alpha", self.alpha)

    @property
    def classes(self) -> int:
        """K."""
        return self.vae.classes

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of all nets, drawn from `rng`; `weights` names the rule (`initialisers`)."""
        return {
            "vae": self.vae.init(rng, dtype, weights),
            "classifier": self.classifier.init(rng, dtype, weights),
        }

    def draw_noise(self, rng: np.random.Generator, batch: tuple[Array, Array]) -> Array:
        """eps ~ N(0, I) (M, Z), one for each labelled example, then K for each other one."""
        x, y = check_pair("SemiSupervisedVAE", batch)
        check_images(x)
        labels = self.labels(y, len(x))
        rows = np.where(labels < 0, self.classes, 1).sum()
        return normal(rng, (int(rows), self.vae.n_latent), x)

    def loss(self, p: Params, batch: tuple[Array, Array], noise: Array) -> tuple[Array, Pullback]:
        """share E[L - ...] of the labelled, (1 - share) E[U] of the others, and the classifier's.

            J / N = share mean_l L(x, y) + (1 - share) mean_u U(x) + alpha mean_l -log q(y|x)

        with the means over the batch's labelled (l) and other (u) examples, so that the value
        does not hang on how many of either a batch holds; what a batch has none of is left out.
        In nats per example. The pullback maps d to (dp, (dx, ())): labels have no gradient.
        `backward.terms`: "labelled" (L), "unlabelled" (U), "classifier" (-log q(y|x)).
        """
        x, y = check_pair("SemiSupervisedVAE", batch)
        p, xp = self.checked(p), namespace(x)
        labels = self.labels(y, len(x))
        first = np.argsort(labels < 0, kind="stable")  # those with a label first
        n_l, K = int((labels >= 0).sum()), self.classes
        n_u = len(x) - n_l
        if n_u and self.share == 1:
            raise ValueError(
                f"SemiSupervisedVAE: share=1 says that every example has a label, and {n_u} of "
                f"{len(x)} have none, which would count for nothing: give share=N_labelled / N"
            )
        x = x[xp.asarray(first)]
        known = xp.asarray(labels[first[:n_l]])
        check_noise("SemiSupervisedVAE", noise, (n_l + n_u * K, self.vae.n_latent))

        logits, classifier_backward = self.classifier.forward(p["classifier"], x)  # (N, K)
        log_q = logits - log_sum_exp(logits)[:, None]  # log q(y|x)       (N, K)
        q = xp.exp(log_q)
        value, terms, parts = xp.zeros((), x.dtype), {}, []
        if n_l:
            bound, l_backward = self.vae.bound(p["vae"], x[:n_l], known, noise[:n_l])
            terms["labelled"] = (bound + math.log(K)).mean()  # L         ()      (1)
            terms["classifier"] = -log_q[xp.arange(n_l), known].mean()  # ()      (4)
            value = value + self.share * terms["labelled"] + self.alpha * terms["classifier"]
            parts.append((l_backward, lambda d: xp.full_like(bound, d * self.share / n_l)))
        if n_u:
            every = np.tile(np.arange(K), n_u)  # each example beside each class
            L, u_backward = self.vae.bound(p["vae"], x[n_l:], every, noise[n_l:])
            cost = L.reshape(n_u, K) + math.log(K) + log_q[n_l:]  # L + log q  (n_u, K)
            U = (q[n_l:] * cost).sum(axis=1)  #                           (n_u,)  (2)
            terms["unlabelled"] = U.mean()
            value = value + (1 - self.share) * terms["unlabelled"]
            weight = (1 - self.share) / n_u
            parts.append((u_backward, lambda d: (d * weight * q[n_l:]).reshape(-1)))  # (5)

        def dlogits(d: Array) -> Array:
            rows = []
            if n_l:
                one_hot = (known[:, None] == xp.arange(K)).astype(q.dtype)
                rows.append(d * self.alpha / n_l * (q[:n_l] - one_hot))  #        (7)
            if n_u:
                rows.append(d * weight * q[n_l:] * (cost - U[:, None]))  #        (6)
            return xp.concatenate(rows)

        def dp(d: Array) -> Params:
            grads = [backward.dp(of(d)) for backward, of in parts]
            return {
                "vae": tree.add(*grads) if len(grads) > 1 else grads[0],
                "classifier": classifier_backward.dp(dlogits(d)),
            }

        def both(d: Array) -> tuple[Params, Any]:
            grads, dxs = zip(*(backward(of(d)) for backward, of in parts), strict=True)
            dclassifier, dx = classifier_backward(dlogits(d))
            dx = (dx + xp.concatenate(dxs))[xp.asarray(np.argsort(first))]  # as x came
            dvae = tree.add(*grads) if len(grads) > 1 else grads[0]
            return {"vae": dvae, "classifier": dclassifier}, (dx, ())

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)

    def elbo(self, p: Params, x: Array, noise: Array) -> Array:
        """-U(x), the lower bound of log p(x) of each example (N,), in nats; noise (N K, Z)."""
        K = self.classes
        L, _ = self.vae.bound(p["vae"], x, np.tile(np.arange(K), len(x)), noise)
        log_q = self.log_class(p, x)
        cost = L.reshape(len(x), K) + math.log(K) + log_q
        return -(namespace(x).exp(log_q) * cost).sum(axis=1)

    def log_class(self, p: Params, x: Array) -> Array:
        """log q(y|x) (N, K)."""
        logits = self.classifier.forward(self.checked(p)["classifier"], x)[0]
        return logits - log_sum_exp(logits)[:, None]

    def predict(self, p: Params, x: Array) -> Array:
        """The likeliest class of each example by q(y|x), (N,)."""
        return self.log_class(p, x).argmax(axis=1)

    def errors(self, p: Params, x: Array, y: Array) -> np.ndarray:
        """Which examples q(y|x) classes wrongly, (N,) of 0.0 and 1.0, on the host."""
        labels = check_labels("SemiSupervisedVAE", y, len(x), self.classes)
        return (to_host(self.predict(p, x)) != labels).astype(np.float64)

    def sample(
        self,
        p: Params,
        rng: np.random.Generator,
        n: int,
        mean: bool = False,
        y: Array | None = None,
    ) -> Array:
        """n new examples: y (n,) as given, or ~ p(y); z ~ p(z), then x ~ p(x|y,z), or its mean."""
        check_sizes(self, n=n)
        if y is None:
            y = rng.integers(self.classes, size=n)
        y = check_labels("SemiSupervisedVAE", y, n, self.classes)
        return self.vae.sample(self.checked(p)["vae"], rng, y, mean)

    def labels(self, y: Array, n: int) -> np.ndarray:
        """The labels on the host, -1 for none."""
        return check_labels("SemiSupervisedVAE", y, n, self.classes, missing=True)

    def checked(self, p: Params) -> Params:
        """p, after refusing what `init` did not return. Raises ValueError."""
        check_names("SemiSupervisedVAE", p, {"vae", "classifier"})
        return p


def dense_semi_supervised_vae(
    shape: int | Shape = 784,
    hidden: int | tuple[int, ...] = 500,
    n_latent: int = 50,
    classes: int = 10,
    share: float = 1.0,
    alpha: float = 0.1,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
    activation: Layer = RELU,
) -> SemiSupervisedVAE:
    """M2 of three dense nets with the same hidden layers: q(z|x,y), p(x|y,z) and q(y|x).

    share, alpha : see `SemiSupervisedVAE`
    The rest     : as in `dense_conditional_vae`
    """
    nets = (shape, hidden, n_latent, classes, likelihood, variance, activation)
    classifier = dense_classifier(shape, hidden, classes, activation).net
    return SemiSupervisedVAE(dense_conditional_vae(*nets), classifier, share, alpha)
