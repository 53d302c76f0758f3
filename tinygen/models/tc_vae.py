"""beta-TCVAE: R. T. Q. Chen, X. Li, R. Grosse and D. Duvenaud, Isolating Sources of
Disentanglement in VAEs, NeurIPS 2018, arXiv 1802.04942.

The KL term of a VAE, averaged over the data, has three parts: what codes tell of their example,
how far the code's dimensions depend on each other, how far each one is from the prior.

    E KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || prod_j q(z_j)) + sum_j KL(q(z_j) || p(z_j))
    loss = -log p(x|z) + alpha I + beta TC + gamma (the sum over dimensions)

beta alone is raised: the total correlation TC is charged, what the code tells is not.

                                                           docs/derivations/tc_vae.md
"""

from dataclasses import dataclass, field
from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_sizes
from tinygen.models.aggregate import SAMPLING, batch_weights, log_aggregate
from tinygen.models.code_penalty import penalised_loss
from tinygen.models.priors import StandardNormal
from tinygen.models.vae import VAE, check_weight
from tinygen.pullback import Pullback
from tinygen.reparameterise import log_density


@dataclass(frozen=True)
class TCVAE(VAE):
    """A VAE whose loss weighs the three parts of the KL.

    encoder, decoder, n_latent, likelihood, and p: see `LatentModel`
    beta         : weight of the total correlation
    alpha, gamma : weights of the mutual information and of the dimension-wise KL
    n_examples   : D, how many training examples there are
    sampling     : how q(z) is estimated from a batch: "weighted", as in the paper's experiments,
                   or "stratified" (`aggregate.batch_weights`)

    The posterior must be diagonal, the prior N(0, I), free_bits 0 and samples 1: ValueError else.
    """

    beta: float = 6.0
    alpha: float = field(default=1.0, kw_only=True)
    gamma: float = field(default=1.0, kw_only=True)
    n_examples: int = field(kw_only=True)
    sampling: str = field(default="weighted", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, minimum=2, n_examples=self.n_examples)
        check_weight("alpha", self.alpha)
        check_weight("gamma", self.gamma)
        if self.sampling not in SAMPLING:
            raise ValueError(
                f"TCVAE: unknown sampling {self.sampling!r}: choose {' or '.join(SAMPLING)}"
            )
        if self.free_bits or self.samples != 1 or not isinstance(self.prior, StandardNormal):
            raise ValueError(
                "TCVAE: the parts of the KL are those of one draw against N(0, I), got "
                f"free_bits={self.free_bits}, samples={self.samples}, prior={self.prior!r}: use "
                "free_bits=0, samples=1 and StandardNormal()"
            )

    def loss(
        self, p: Params, x: Array, noise: Array, beta: float | None = None
    ) -> tuple[Array, Pullback]:
        """nll + alpha I + beta TC + gamma dim_kl, a mean over the batch; d -> (dp, dx).

        noise : eps (N, Z), from `draw_noise`
        beta  : in place of the field, for a schedule

        `backward.terms` holds "nll", "mutual" (I), "tc" and "dim_kl". The three sum to one draw's
        estimate of the mean KL. Each by itself has the bias of q(z) taken from a batch; with
        "weighted" also constants: I is too large by log N to log D, dim_kl too small by Z log D,
        and tc makes up for both. Compare runs by `metrics.total_correlation`.

        NOTE: as in the paper's code the KL is sampled, also at alpha = beta = gamma = 1, where
        its closed form would do.
        """
        beta = self.beta if beta is None else check_weight("beta", beta)
        weights = batch_weights(self.sampling, len(x), self.n_examples)

        def penalty(q: Params, z: Array, eps: Array) -> tuple[Array, Pullback]:
            return decomposed_kl(q, z, eps, (self.alpha, beta, self.gamma), weights)

        return penalised_loss(self, p, x, noise, penalty)


def decomposed_kl(
    q: Params,
    z: Array,
    eps: Array,
    charges: tuple[float, float, float],
    weights: tuple[float, float],
) -> tuple[Array, Pullback]:
    """alpha I + beta TC + gamma sum_j KL(q(z_j) || N(0, 1)), (), in nats; pullback to (dq, dz).

    q, z, eps : the batch's posteriors {"mean", "log_var"} and draws z = mean + sigma eps, (N, Z)
    charges   : alpha, beta, gamma;  weights: from `aggregate.batch_weights`

    dq leaves out what q does through z, which is dz's, but for log q(z|x), a function of q at
    fixed eps. `backward.terms` holds "mutual", "tc", "dim_kl".
    """
    alpha, beta, gamma = charges
    log_qx, qx_backward = log_density(q, eps)  # log q(z_n|x_n)           (N,)
    (log_q, log_qj), q_backward = log_aggregate(q, z, *weights)  #        (N,) each
    log_p, p_backward = StandardNormal().log_prob({}, z)  #               (N,)
    mutual = (log_qx - log_q).mean()  # I(x; z)                           ()         (2)
    tc = (log_q - log_qj).mean()  # KL(q(z) || prod_j q(z_j))             ()
    dim_kl = (log_qj - log_p).mean()  # sum_j KL(q(z_j) || p(z_j))        ()
    value = alpha * mutual + beta * tc + gamma * dim_kl  #                ()         (3)

    def both(d: Array) -> tuple[Params, Array]:
        each = namespace(z).full_like(log_p, d / len(z))  #               (N,)
        dq, dz = q_backward(((beta - alpha) * each, (gamma - beta) * each))
        dq = tree.add(dq, qx_backward.dp(alpha * each))
        return dq, dz + p_backward.dx(-gamma * each)

    terms = {"mutual": mutual, "tc": tc, "dim_kl": dim_kl}
    return value, Pullback.whole(both, value, terms=terms)


def tc_vae(vae: VAE, n_examples: int, beta: float = 6.0, **options: Any) -> TCVAE:
    """The beta-TCVAE of a VAE's nets, such as `dense_vae(...)` or `conv_vae(...)`.

    options : alpha, gamma, sampling of the `TCVAE`
    """
    return TCVAE(
        vae.encoder, vae.decoder, vae.n_latent, vae.likelihood, vae.prior, beta,
        n_examples=n_examples, **options,
    )  # fmt: skip
