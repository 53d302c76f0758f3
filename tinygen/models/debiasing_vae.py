"""The debiasing VAE: a classifier that learns what varies within a class, to see its rare members
more often. A. Amini, A. Soleimany, W. Schwarting, S. Bhatia and D. Rus, Uncovering and Mitigating
Algorithmic Bias through Learned Latent Structure, AIES 2019.

One encoder puts out the logits of p(y|x) and the codes q(z|x). With the class c to be debiased,

    L = (1/N) sum_n -w log p(y_n|x_n)
      + (1/N) sum_{n: y_n = c} -log p(x_n|z_n) + beta KL(q(z|x_n) || p(z))

The codes then say which examples of c are rare: see resampling.py.

docs/derivations/debiasing_vae.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.layers.base import check_sizes
from tinygen.likelihoods import Categorical
from tinygen.likelihoods.base import normal
from tinygen.models.labels import check_examples, check_labels, check_noise, check_pair
from tinygen.models.latent import LatentModel, check_images
from tinygen.models.vae import check_weight
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise


@dataclass(frozen=True)
class DebiasingVAE(LatentModel):
    """p(y|x) of K classes, and p(x|z), q(z|x) of one of them.

    encoder  : x -> {"logits" (N, K), "mean", "log_var"} or {"logits", "mean", "L"}
    decoder, n_latent, likelihood, prior, and p : see `LatentModel`. Sampling, reconstruction and
               log_prob are of the class to be debiased: the decoder has seen no other.
    classes  : K; labels y (N,) are whole numbers 0 .. K-1 of an integer dtype
    debiased : the class c whose structure is learnt
    weight   : w, of the classification; a sum over pixels beside it is some hundreds of nats
    beta     : of the KL

    NOTE: the paper has one logit and a sigmoid; K = 2 logits are the same model.
    """

    classes: int = 2
    debiased: int = 1
    weight: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, minimum=2, classes=self.classes)
        check_sizes(self, minimum=0, debiased=self.debiased)
        check_weight("weight", self.weight)
        check_weight("beta", self.beta)
        if self.debiased >= self.classes:
            raise ValueError(
                f"DebiasingVAE: debiased must be one of the classes 0..{self.classes - 1}, got "
                f"{self.debiased}"
            )

    def draw_noise(self, rng: np.random.Generator, batch: tuple[Array, Array]) -> Array:
        """eps ~ N(0, I) (N, Z) for all examples; those of the other classes are not used."""
        return self.noise_for(rng, self.examples(batch)[0])

    def noise_for(self, rng: np.random.Generator, x: Array) -> Array:
        """eps ~ N(0, I) (N, Z) of data without labels, as `elbo` takes it."""
        return normal(rng, (len(x), self.n_latent), x)

    def loss(self, p: Params, batch: tuple[Array, Array], noise: Array) -> tuple[Array, Pullback]:
        """L of examples (x, y), in nats; its pullback d -> (dp, (dx, ())): labels have no gradient.

        `backward.terms` holds "class", the mean of -log p(y|x); "error", the share that is classed
        wrongly; and "nll" and "kl", whose sum is -ELBO, means over the examples of the class to be
        debiased; a batch without one lacks both.
        """
        x, y = self.examples(batch)
        xp, n = namespace(x), len(x)
        out, encoder_backward = self.encode_with_pullback(p, x)
        logits = out["logits"]
        check_noise("DebiasingVAE", noise, out["mean"].shape)
        nll_y, label_backward = Categorical(self.classes).nll(logits, y)  # -log p(y|x) (N,) (1)
        chosen = xp.nonzero(y == self.debiased)[0]  # y_n = c                (M,)
        rows = {k: a[chosen] for k, a in out.items() if k != "logits"}  #    (M, Z)
        bound, bound_backward = self.bound(p, rows, x[chosen], noise[chosen])  # ()         (2)
        value = self.weight * nll_y.mean() + bound / n  #                    ()         (3)
        terms = {"class": nll_y.mean(), "error": (logits.argmax(axis=1) != y).mean()}
        terms |= bound_backward.terms if len(chosen) else {}

        def down_to_out(d: Array) -> tuple[Params, Params]:
            dlogits = label_backward.dp(xp.full_like(nll_y, self.weight * d / n))  # (N, K)
            rest = bound_backward.dp(d / n)
            dq = {k: spread(a, chosen, n) for k, a in rest.pop("q").items()}  # (N, Z)      (4)
            return {"logits": dlogits} | dq, rest

        def dp(d: Array) -> Params:
            dout, rest = down_to_out(d)
            return {"encoder": encoder_backward.dp(dout)} | rest

        def both(d: Array) -> tuple[Params, Any]:
            dout, rest = down_to_out(d)
            dencoder, dx = encoder_backward(dout)
            dx = dx + spread(bound_backward.dx(d / n), chosen, n)  # encoded, and explained
            return {"encoder": dencoder} | rest, (dx, ())

        def dx(d: Array) -> Any:
            return both(d)[1]

        return value, Pullback(dp, dx, value, both, terms=terms)

    def bound(self, p: Params, q: Params, x: Array, eps: Array) -> tuple[Array, Pullback]:
        """sum_n nll_n + beta kl_n () of the M examples of the class to be debiased.

        q, x, eps : of these alone; M may be 0, and then all gradients are zero

        Of its pullback dp is {"q", "decoder"} and, where the prior has parameters, "prior"; dx is
        the gradient of x as the data to explain.
        """
        if not len(x):
            return nothing({"q": q, **{k: p[k] for k in p if k != "encoder"}}, x)
        xp = namespace(x)
        z, sample_backward = reparameterise(q, eps)  #                       (M, Z)
        params, decoder_backward = self.decoder.forward(p["decoder"], z)
        nll, nll_backward = self.likelihood.nll(params, x)  #                (M,)
        kl, kl_backward = self.prior.kl(p.get("prior", {}), q, eps)  #       (M,)
        value = nll.sum() + self.beta * kl.sum()

        def dp(d: Array) -> Params:
            each = xp.full_like(nll, d)  #                                   (M,)
            ddecoder, dz = decoder_backward(nll_backward.dp(each))
            dprior, dq = kl_backward(self.beta * each)
            grads = {"q": tree.add(sample_backward.dp(dz), dq), "decoder": ddecoder}
            return grads | ({"prior": dprior} if dprior else {})

        def dx(d: Array) -> Array:
            return nll_backward.dx(xp.full_like(nll, d))

        return value, Pullback(dp, dx, value, terms={"nll": nll.mean(), "kl": kl.mean()})

    def encode(self, p: Params, x: Array) -> Params:
        """q(z|x): {"mean" (N, Z)} with "log_var" (N, Z), or with "L" (N, Z, Z)."""
        out = self.encode_with_pullback(p, x)[0]
        return {k: a for k, a in out.items() if k != "logits"}

    def encode_with_pullback(self, p: Params, x: Array) -> tuple[Params, Pullback]:
        """The logits beside q(z|x), and the encoder's pullback. Raises ValueError for others."""
        out, backward = self.encoder.forward(self.checked(p)["encoder"], x)
        heads = ({"logits", "mean", "log_var"}, {"logits", "mean", "L"})
        if not isinstance(out, dict) or out.keys() not in heads:
            given = sorted(out) if isinstance(out, dict) else type(out).__name__
            raise ValueError(
                "DebiasingVAE: the encoder must put out a dict of logits, mean, log_var or of "
                f"logits, mean, L, got {given}: use Fork"
            )
        widths = out["logits"].shape, out["mean"].shape
        expected = (len(x), self.classes), (len(x), self.n_latent)
        if widths != expected:
            raise ValueError(
                f"DebiasingVAE: the encoder's logits and mean have the shapes {widths[0]} and "
                f"{widths[1]}, expected {expected[0]} and {expected[1]}: give encoder and model "
                "the same classes and n_latent"
            )
        return out, backward

    def elbo(self, p: Params, x: Array, noise: Array) -> Array:
        """The evidence lower bound of log p(x) (N,), for x of the class to be debiased."""
        q = self.encode(p, x)
        z, _ = reparameterise(q, noise)
        nll, _ = self.likelihood.nll(self.decode(p, z), x)
        kl, _ = self.prior.kl(p.get("prior", {}), q, noise)
        return -(nll + kl)

    def logits(self, p: Params, x: Array) -> Array:
        """Of p(y|x): (N, K)."""
        return self.encode_with_pullback(p, x)[0]["logits"]

    def predict(self, p: Params, x: Array) -> Array:
        """The likeliest class of each example, (N,)."""
        return self.logits(p, x).argmax(axis=1)

    def accuracy(self, p: Params, x: Array, y: Array) -> float:
        """The share of the examples that are classed rightly."""
        labels = check_labels("DebiasingVAE", y, len(x), self.classes)
        return float((to_host(self.predict(p, x)) == labels).mean())

    def examples(self, batch: Any) -> tuple[Array, Array]:
        """x and y, after refusing what is no such pair. Raises TypeError, ValueError."""
        check_images(check_pair("DebiasingVAE", batch)[0])
        return check_examples("DebiasingVAE", batch, self.classes)


def spread(a: Array, rows: Array, n: int) -> Array:
    """a (M, ...) at these of n rows, zero elsewhere: the adjoint of taking rows, each once."""
    whole = namespace(a).zeros((n, *a.shape[1:]), a.dtype)
    whole[rows] = a
    return whole


def nothing(p: Params, x: Array) -> tuple[Array, Pullback]:
    """A sum over no examples: zero, and so are its gradients."""
    xp = namespace(x)
    zero = x.sum()  # of none: 0, in the dtype and on the device of x
    return zero, Pullback(
        lambda d: tree.map(xp.zeros_like, p),
        lambda d: xp.zeros_like(x),
        zero,
        terms={"nll": zero, "kl": zero},
    )
