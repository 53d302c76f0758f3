"""Several inputs, one output.

y = (x_1, x_2, ...) along the last axis        dx_k = the part of dy where x_k went

docs/derivations/compose.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_array, check_device, check_params
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Concat(Layer):
    """y = (x_1, x_2, ...)        x_k (..., I_k)   y (..., I_1 + I_2 + ...)

    x is a tuple or a dict of arrays that agree in all axes but the last; a dict is joined in its
    own order. dx has the structure of x. No sizes are given: forward sees them.
    Raises ValueError for other shapes, TypeError for one array, other dtypes or two devices.
    """

    def forward(self, p: Params, x: Any) -> tuple[Array, Pullback]:
        check_params(self, p, {})
        parts = self.checked_parts(x)
        first = parts[0]
        y = namespace(first).concatenate(parts, axis=-1)  # (..., I_1 + I_2 + ...)   (7)
        ends = np.cumsum([part.shape[-1] for part in parts])  # host integers

        def dx(dy: Array) -> Any:
            # dx_k = dy[..., I_1 + .. + I_{k-1} : I_1 + .. + I_k]   (8)
            slices = iter(
                [dy[..., e - x_k.shape[-1] : e] for e, x_k in zip(ends, parts, strict=True)]
            )
            return tree.map(lambda _: next(slices), x)

        return y, Pullback(no_params, dx, y)

    def checked_parts(self, x: Any) -> list[Array]:
        """The leaves of x in order, after refusing what cannot be joined."""
        given = type(x).__name__
        if not isinstance(x, tuple | dict) or len(x) == 0:
            raise TypeError(
                f"Concat: expected a tuple or dict of arrays, got {given}"
                f"{' without entries' if given in ('tuple', 'dict') else ''}: "
                "use Concat().forward({}, (a, b))"
            )
        named = list(tree.leaves(x))
        first_name, first = named[0]
        for name, part in named:
            check_array(f"Concat, input {name!r}", part, "...")
            check_device(f"Concat, input {name!r}", part, first)
            if part.shape[:-1] != first.shape[:-1]:
                raise ValueError(
                    f"Concat: all axes but the last must agree, input {first_name!r} has shape "
                    f"{first.shape}, input {name!r} has {part.shape}: repeat or reshape one"
                )
            if part.dtype != first.dtype:
                raise TypeError(
                    f"Concat: input {first_name!r} is {first.dtype}, input {name!r} is "
                    f"{part.dtype}: use .astype({str(first.dtype)!r})"
                )
        return [part for _, part in named]
