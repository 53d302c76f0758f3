"""Backwards through the gates of an LSTM, in place: what all its sweeps do at a step.

    c = f c_before + i g,   h = o tanh(c)        i, f, o = sigmoid(a_i, a_f, a_o),  g = tanh(a_g)

Factors that stand in two gradients are computed once. In which direction the states are handed on,
and what the gates have read, is the affair of the layers.       docs/derivations/lstm.md
"""

from collections.abc import Iterable

from tinygen.arrays import Array, namespace


def gate_gradients(
    dh: Array,
    dc: Array,
    gates: Iterable[Array],
    tanh_c: Array,
    c_before: Array,
    das: Iterable[Array],
    u: Array,
    v: Array,
) -> None:
    """da_i, da_f, da_g, da_o from the gradients of h and c; all arrays of one shape.

    dc    : what c received from the step behind; becomes that of c_before
    gates : i, f, g, o
    das   : da_i, da_f, da_g, da_o, written to
    u, v  : two buffers
    """
    xp, (i, f, g, o), (da_i, da_f, da_g, da_o) = namespace(u), gates, das
    # da_o = dh tanh(c) o (1 - o)                                         (17)
    xp.multiply(dh, o, out=u)  # u = dh o
    xp.subtract(1, o, out=v)
    v *= tanh_c
    xp.multiply(u, v, out=da_o)
    # dc = dc of the step behind + dh o (1 - tanh(c)^2)                   (18)
    xp.multiply(tanh_c, tanh_c, out=v)
    xp.subtract(1, v, out=v)
    v *= u
    dc += v
    # da_i = dc g i (1 - i)                                               (19)
    xp.multiply(dc, i, out=u)  # u = dc i
    xp.subtract(1, i, out=v)
    v *= g
    xp.multiply(u, v, out=da_i)
    # da_g = dc i (1 - g^2)                                               (21)
    xp.multiply(g, g, out=v)
    xp.subtract(1, v, out=v)
    xp.multiply(u, v, out=da_g)
    # dc f: what the step before receives                                 (22)
    dc *= f
    # da_f = dc c_before f (1 - f)                                        (20)
    xp.subtract(1, f, out=v)
    v *= c_before
    xp.multiply(dc, v, out=da_f)
