"""A table of a net: its layers, the shapes they put out, their parameters and their work.

summary(net, (1, 28, 28, 1))

One forward pass runs through the net with each layer replaced by one that takes notes, so the
shapes are those that the layers really produce.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Params
from tinygen.layers.base import Layer
from tinygen.layers.compose import Composite
from tinygen.pullback import Pullback


@dataclass
class Row:
    """One layer: its dotted path in the net, and what was noted when it ran.

    parameters and multiply_adds of a composite are 0: those of its children stand in their rows.
    """

    path: tuple[str, ...]
    layer: str
    shape: Any = None
    parameters: int = 0
    multiply_adds: int = 0


@dataclass(repr=False)
class Summary:
    """The rows of a net. `str(summary)` is the table; the totals are attributes."""

    rows: list[Row] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Summary({self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds)"

    @property
    def parameters(self) -> int:
        """The number of parameters of the whole net."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of one forward pass of the whole net."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        cells = [("layer", "output shape", "parameters", "multiply-adds")]
        for row in self.rows:
            name = f"{row.path[-1]}: {row.layer}" if row.path else row.layer
            label = "  " * len(row.path) + name
            counts = show_count(row.parameters), show_count(row.multiply_adds)
            cells.append((label, show_shape(row.shape), *counts))
        cells.append(("total", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(len(line[i]) for line in cells) for i in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}"
            for a, b, c, d in cells
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(net: Layer, shape: Any, extras: Any = None, dtype: Any = np.float32) -> Summary:
    """Print the layers of a net with their output shapes, parameters and multiply-adds.

    net    : a layer or composite
    shape  : of the input with its batch axis, (N, ...), or a tuple or dict of shapes where the net
             takes several inputs; where the net refuses it, one shape is tried as that of a
             single example, (1, *shape)
    extras : the third argument of `net.forward`, if it needs one
    dtype  : of the input; an integer dtype gives zeros, for nets that begin with an Embedding

    Multiply-adds count the products of the matrix and convolution layers in one forward pass over
    the whole batch; elementwise layers, norms and pooling count 0. Returns what it printed, as a
    Summary with the rows and totals. Raises what `net.forward` raises on an input of that shape.
    """
    rng = np.random.default_rng(0)
    p = net.init(rng, np.float32)
    try:
        table = run(net, p, shape, extras, dtype, rng)
    except ValueError as refusal:
        if not is_shape(shape):
            raise
        try:
            table = run(net, p, (1, *shape), extras, dtype, rng)
        except ValueError:
            raise refusal from None  # neither fits: the one of the shape as given is to be seen
    print(table)
    return table


def run(
    net: Layer, p: Params, shape: Any, extras: Any, dtype: Any, rng: np.random.Generator
) -> Summary:
    """One forward pass through the traced net."""
    notes = Summary()
    traced = trace(net, (), notes.rows)
    x = draw(shape, dtype, rng)
    traced.forward(p, x, *(() if extras is None else (extras,)))
    return notes


def trace(layer: Layer, path: tuple[str, ...], rows: list[Row]) -> Layer:
    """The same layer, in which it and its children write down their rows, parents first."""
    row = Row(path, type(layer).__name__)
    rows.append(row)
    if isinstance(layer, Composite):
        children = {n: trace(child, (*path, n), rows) for n, child in layer.layers.items()}
        layer = layer.with_layers(children)
    return Traced(layer, row)


@dataclass(frozen=True)
class Traced(Layer):
    """A layer that notes in `row` what it puts out."""

    layer: Layer
    row: Row

    def forward(self, p: Params, x: Any, *extra: Any) -> tuple[Any, Pullback]:
        y, backward = self.layer.forward(p, x, *extra)
        self.row.shape = tree.map(lambda a: _Shape(a.shape), y)
        if not isinstance(self.layer, Composite):
            x_shape, y_shape = (tree.map(lambda a: a.shape, value) for value in (x, y))
            self.row.parameters = tree.count(p)
            work = getattr(self.layer, "multiply_adds", Layer().multiply_adds)  # 0 where unknown
            self.row.multiply_adds = work(x_shape, y_shape)
        return y, backward


@dataclass(frozen=True)
class _Shape:
    """A shape as one leaf of a tree, for a bare tuple would be a tree of sizes."""

    sizes: tuple[int, ...]


def show_shape(shapes: Any) -> str:
    """(2, 3), or {mean (2, 3), log_var (2, 3)} where there are several outputs."""
    if isinstance(shapes, _Shape):
        return str(shapes.sizes)
    parts = [f"{name} {leaf.sizes}" for name, leaf in tree.leaves(shapes)]
    return "{" + ", ".join(parts) + "}"


def show_count(n: int) -> str:
    """12,345, or a dash for none."""
    return f"{n:,}" if n else "-"


def is_shape(shape: Any) -> bool:
    """Whether this is one shape: a tuple of whole numbers."""
    return isinstance(shape, tuple) and all(isinstance(n, int | np.integer) for n in shape)


def draw(shape: Any, dtype: Any, rng: np.random.Generator) -> Any:
    """Inputs of these shapes: normal numbers, or zeros for an integer dtype."""
    if isinstance(shape, dict):
        return {name: draw(part, dtype, rng) for name, part in shape.items()}
    if not is_shape(shape):
        return tuple(draw(part, dtype, rng) for part in shape)
    if np.dtype(dtype).kind in "iu":
        return np.zeros(shape, dtype)
    return rng.normal(size=shape).astype(dtype)
