"""-log p(x|z) plus a penalty on the codes of the whole batch, and its pullback.

    L = (1/N) sum_n -log p(x_n|z_n) + P(q, z, eps),    z_n = mean_n + sigma_n eps_n

The frame of losses whose penalty is no sum over examples (tc_vae.py, factor_vae.py): it may look
at the codes of all examples at once.                      docs/derivations/tc_vae.md
"""

from collections.abc import Callable
from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise

Penalty = Callable[[Params, Array, Array], tuple[Array, Pullback]]


def penalised_loss(
    model: Any, p: Params, x: Array, eps: Array, penalty: Penalty
) -> tuple[Array, Pullback]:
    """The loss () in nats per example, a mean over the batch, and its pullback d -> (dp, dx).

    model   : a `LatentModel`; p its parameters
    eps     : (N, Z), standard normal
    penalty : (q, z, eps) -> value (), Pullback whose halves are the gradients of q and of z;
              its terms go beside "nll"
    """
    q, encoder_backward = model.encode_with_pullback(p, x)  # q(z|x)      (N, Z) each
    z, sample_backward = reparameterise(q, eps)  # z = mean + std eps     (N, Z)     (1)
    params, decoder_backward = model.decoder.forward(p["decoder"], z)
    nll, nll_backward = model.likelihood.nll(params, x)  # -log p(x|z)    (N,)
    charge, charge_backward = penalty(q, z, eps)  #                       ()
    terms = {"nll": nll.mean()} | charge_backward.terms
    value = terms["nll"] + charge  #                                      ()         (4)

    def down_to_q(d: Array) -> tuple[Array, Params, Params]:
        dn = namespace(nll).full_like(nll, d / len(nll))  #               (N,)
        ddecoder, dz = decoder_backward(nll_backward.dp(dn))
        dq, dz_charge = charge_backward(d)
        return dn, ddecoder, tree.add(sample_backward.dp(dz + dz_charge), dq)

    def dp(d: Array) -> Params:
        _, ddecoder, dq = down_to_q(d)
        return {"encoder": encoder_backward.dp(dq), "decoder": ddecoder}

    def both(d: Array) -> tuple[Params, Array]:
        dn, ddecoder, dq = down_to_q(d)
        dencoder, dx = encoder_backward(dq)
        dx = dx + nll_backward.dx(dn)  # x is encoded, and it is the data to explain
        return {"encoder": dencoder, "decoder": ddecoder}, dx

    return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)
