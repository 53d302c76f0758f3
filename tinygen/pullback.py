"""The backward pass as a value.

`forward` returns its output and a `Pullback`, which maps dy = dL/dy to the gradients

    dp, dx = backward(dy)           both
    dp     = backward.dp(dy)        of the parameters alone
    dx     = backward.dx(dy)        of the input alone

A gradient that nobody needs is thus never computed: the first layer of a net skips dx, the
discriminator's dp is skipped in the generator's turn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params


class Pullback:
    """The two halves of a backward pass, and both at once.

    dp, dx : functions of dy, for the gradient of the parameters and of the input
    y      : the output; dy must have its shapes and dtypes (ValueError, TypeError else)
    both   : dy -> (dp, dx), where the halves share work; else they are called in turn
    terms  : named parts of a loss, for logs and plots
    after  : key of p -> what stands there once the step is done, for a state that no gradient
             moves, such as a history of fakes; `Turn` puts it there
    made   : noise for the next turn, with what this pass made of it, such as fakes and their
             pullback: `Turn(shares=True)` takes it up in the place of noise of its own
    """

    def __init__(
        self,
        dp: Callable[[Any], Params],
        dx: Callable[[Any], Any],
        y: Any,
        both: Callable[[Any], tuple[Params, Any]] | None = None,
        terms: dict[str, Array] | None = None,
        after: Params | None = None,
        made: Any = None,
    ):
        self._dp, self._dx, self._both = dp, dx, both
        self._like = tree.map(_like, y)
        self.terms = terms or {}
        self.after = after or {}
        self.made = made

    def __call__(self, dy: Any = 1.0) -> tuple[Params, Any]:
        """Both gradients, of the parameters and of the input."""
        dy = self._checked(dy)
        if self._both is not None:
            return self._both(dy)
        return self._dp(dy), self._dx(dy)

    def dp(self, dy: Any = 1.0) -> Params:
        """The gradient of the parameters alone."""
        return self._dp(self._checked(dy))

    def dx(self, dy: Any = 1.0) -> Any:
        """The gradient of the input alone."""
        return self._dx(self._checked(dy))

    @classmethod
    def whole(cls, both: Callable[[Any], tuple[Params, Any]], y: Any, **kw: Any) -> "Pullback":
        """A pullback whose halves share so much work that each is cut out of the whole."""
        return cls(lambda dy: both(dy)[0], lambda dy: both(dy)[1], y, both, **kw)

    def _checked(self, dy: Any) -> Any:
        """dy as it is, after refusing what NumPy would broadcast or promote to a wrong number."""

        def check(like: _Like, d: Any) -> Any:
            number = isinstance(d, int | float)  # such as the default 1.0
            if not number and not hasattr(d, "dtype"):
                raise TypeError(
                    f"backward: dy is a {type(d).__name__}, the output is an array of shape "
                    f"{like.shape}: give an array"
                )
            shape = () if number else d.shape
            if shape != like.shape:
                raise ValueError(f"backward: dy has shape {shape}, the output has {like.shape}")
            if number:
                return like.dtype.type(d)
            if d.dtype != like.dtype:
                raise TypeError(
                    f"backward: dy is {d.dtype}, the output is {like.dtype}: "
                    f"use dy.astype({str(like.dtype)!r})"
                )
            return d

        return tree.map(check, self._like, dy)


@dataclass(frozen=True)
class _Like:
    shape: tuple[int, ...]
    dtype: Any


def _like(y: Any) -> _Like:
    if not hasattr(y, "dtype"):
        raise TypeError(
            f"Pullback: the output is a {type(y).__name__}, expected an array, or a dict or tuple "
            "of arrays: a loss keeps its dtype as a NumPy scalar, without float(...)"
        )
    return _Like(y.shape, y.dtype)


def no_params(dy: Any) -> Params:
    """The dp of a layer without parameters."""
    return {}
