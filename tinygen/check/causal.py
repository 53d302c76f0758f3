"""The causality check of autoregressive layers and models: who sees whom?

Inputs and outputs are put in raster order, k = 0, 1, ...; inside a pixel the channel groups follow
each other (R < G < B). A one-hot cotangent at output k must have a gradient of exactly zero at

    inputs >= k    strict: p(x_k | x_<k), mask A, a whole model
    inputs >  k    not strict: mask B, a layer behind the first

van den Oord et al. 2016, Pixel Recurrent Neural Networks, arXiv 1601.06759, sec. 3.4
                                                           docs/derivations/check.md
"""

from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check import values
from tinygen.check.gradients import gradients_of
from tinygen.check.leaks import CausalReport, allowed
from tinygen.check.points import describe, forward_of, is_float, like, to_float64
from tinygen.check.report import Row
from tinygen.check.steps import by_step, grid, largest, one_step, place


def check_causal(
    f: Any,
    p: Any = None,
    x: Any = None,
    strict: bool = True,
    channels: int = 1,
    over: values.Over = iter,
) -> CausalReport:
    """Output k depends on no input from k on (strict), or behind k (not strict), for every k.

    f        : a layer, or a function f(p, x) -> (y, backward); labels and the like closed over.
               With p=None a function of your own f(x) -> y, of which the values alone are looked
               at: plain NumPy, or a net of another framework in a line,
               lambda x: net(torch.from_numpy(x)).detach().numpy()
    x        : (N, D), (N, T, C) or (N, H, W, C), positions in raster order. Integers are allowed:
               then there is no gradient, and the values alone are checked
    y        : (N, D), or the positions of x with F features behind, on one axis or several, the
               channels first; also a tree of such
    channels : ordered groups inside a position: contiguous parts of C and of each F, both of
               which it must divide. ValueError else
    over     : wraps the steps of each of its two or three sweeps, f being called once or twice a
               step, so that large x show how far it is: over=tqdm

    The rows: `gradient`, where the gradient above the diagonal must be exactly 0; `values`, where
    other inputs from k on, all at once and, where that shows a leak or there is no gradient, each
    by itself, must leave the outputs that may not see them as they were, to rounding, so that the
    verdict does not rest on a right backward; `alive`, for what sees nothing is causal too.

    The report says every leak by its place (`report.leaks`; its print names the first and counts
    the rest) and holds who sees whom (`report.sees`), which `tinygen.plots.causality` draws.

    Raises ValueError where outputs have other positions than x, are not finite, or differ from
    call to call; TypeError for what is no function, no array, or not of numbers.
    """
    call = values.own(f) if p is None else forward_of(f)
    values.check_input(x)
    if p is not None:
        p, x = to_float64(p), to_float64(x)
    report = CausalReport(f"causality of {describe(f)}", channels=channels, strict=strict)
    report.grid = grid(x, channels)
    has_gradient = p is not None and is_float(x)
    steps = len(by_step(x, x, channels))
    y = values.steady(call, p, x, channels)
    forbidden = ~allowed(steps, strict)
    seen = {"values": values.all_from(call, p, x, channels, y, over)}
    if not has_gradient or (seen["values"] & forbidden).any():  # to each leak its place
        seen["values"] |= values.each_alone(call, p, x, channels, y, over)
    if has_gradient:
        seen["gradient"] = dependencies(call, p, x, channels, over)
    for name, sees in seen.items():
        leaks = np.argwhere(sees & forbidden)
        verdict = "ok"
        if len(leaks):
            k, j = (place(int(i), report.grid, channels) for i in leaks[0])
            verdict = f"WRONG: output {k} sees input {j}; {len(leaks)} such pairs"
        report.rows.append(Row(name, float(len(leaks)), None, verdict))
    # Below the diagonal a gradient is exact; values are looked at where there is none.
    past = seen.get("gradient", seen["values"])
    report.sees = past | (seen["values"] & forbidden)
    verdict = "ok" if past.any() else "WRONG: no output sees any input"
    report.rows.append(Row("alive", 0.0 if past.any() else 1.0, None, verdict))
    return report


def dependencies(f: Any, p: Any, x: Any, channels: int = 1, over: values.Over = iter) -> np.ndarray:
    """sees[k, j]: whether the gradient of output k at input j is other than exactly 0.

    Steps k, j as in `check_causal`: position * channels + group; `over` as there. The receptive
    field, in other words: a blind spot is a False below the diagonal. Raises TypeError where
    backward gives no array for dx.
    """
    y, backward = forward_of(f)(p, x)
    rng = np.random.default_rng(0)
    steps = len(by_step(x, x, channels))
    sees = np.zeros((steps, steps), dtype=bool)
    for k in over(range(steps)):

        def at_k(leaf: Any, k: int = k) -> Any:
            u = np.zeros(leaf.shape)
            part = one_step(u, x, channels, k)  # a view
            part[...] = rng.normal(size=part.shape)
            return like(u, leaf)

        _, dx = gradients_of(backward, tree.map(at_k, y), wrt_x=True)
        if not arrays.is_array(dx):
            raise TypeError(
                f"check_causal: backward gave dx as {type(dx).__name__}, expected an array like x "
                f"{x.shape}: close labels and conditions over, lambda p, x: f(p, x, labels)"
            )
        sees[k] = largest(arrays.to_host(dx), x, channels) != 0
    return sees
