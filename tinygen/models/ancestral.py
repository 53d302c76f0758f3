"""Ancestral sampling: each place from its conditional, given those drawn before it.

    x_1 ~ p(x_1),   x_2 ~ p(x_2 | x_1),   x_3 ~ p(x_3 | x_1, x_2), ...

The order is that of `model.places`: reading order, for most. What the parameters of a place cost
is the affair of the model: by the definition a whole pass, of which one place is used; or only the
column of the new place in each layer, beside columns that were kept.
                                                           docs/derivations/autoregressive.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params
from tinygen.layers.base import check_rng

Step = Callable[[int, Array], Any]  # (i, x) -> the parameters of place i
Each = Callable[[int, Array], None]  # called as each(i, x) after place i was drawn


def fill(
    model: Any,
    p: Params,
    rng: np.random.Generator,
    x: Array,
    first: int,
    condition: Any,
    cached: bool,
    each: Each | None,
) -> Array:
    """The canvas x (n, *shape), written to: the places from `first` on are drawn.

    Raises TypeError where rng is no generator.
    """
    check_rng(type(model).__name__, rng)
    step = model.stepper(p, len(x), condition) if cached else recompute(model, p, len(x), condition)
    for i, place in enumerate(model.places(p, len(x), condition)):
        if cached or i >= first:  # what keeps columns must see the known places too
            params = step(i, x)
        if i >= first:
            x[place] = model.likelihood.sample(params, rng)  # ~ p(x_i | x_<i)
        if each is not None:
            each(i, x)
    return x


def check_fits(model: Any, p: Params) -> None:
    """Refuse parameters of other names or shapes than those of `model.init`. Raises ValueError.

    A whole pass finds them in each layer; columns would be cut out of them, and be wrong.
    """
    wanted = {name: leaf.shape for name, leaf in tree.leaves(model.init(np.random.default_rng(0)))}
    given = {name: getattr(leaf, "shape", None) for name, leaf in tree.leaves(p)}
    for name in (*wanted, *given):
        if wanted.get(name) != given.get(name):
            raise ValueError(
                f"{type(model).__name__}: expected the parameter {name!r} of shape "
                f"{wanted.get(name, 'none')}, got {given.get(name, 'none')}: give the parameters "
                "that init or a training of a model of these sizes returned"
            )


def recompute(model: Any, p: Params, n: int, condition: Any = None) -> Step:
    """The step by the definition: a whole pass over n examples, of which one place is used."""
    places = model.places(p, n, condition)

    def step(i: int, x: Array) -> Any:
        params, _ = model.conditionals(p, x, condition)
        return tree.map(lambda a: a[places[i]], params)

    return step
