"""All that a run changes, and thus all that its checkpoint holds."""

import json
import math
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Params, device_of, is_array, to_device, to_host
from tinygen.checkpoint import CheckpointError, restore
from tinygen.game import Game
from tinygen.runs import Run

COUNTERS = ("order_seed", "validation_seed", "best_epoch", "step", "epoch", "batch")


class Average:
    """Means of named terms over batches, weighted by the batches' sizes.

    A term that a batch lacks, such as the bound of labelled examples, is averaged over the others.
    `examples` counts them for each term; an older checkpoint has one number for all.
    """

    def __init__(
        self, sums: dict[str, float] | None = None, examples: dict[str, int] | int = 0
    ) -> None:
        self.sums = dict(sums or {})
        if not isinstance(examples, dict):
            examples = dict.fromkeys(self.sums, examples)
        self.examples: dict[str, int] = dict(examples)

    def add(self, terms: dict[str, float], examples: int) -> None:
        """Count the means `terms` of a batch of so many examples."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * examples
            self.examples[name] = self.examples.get(name, 0) + examples

    def mean(self) -> dict[str, float]:
        """The means so far."""
        return {name: total / self.examples[name] for name, total in self.sums.items()}


@dataclass
class State:
    """Where a run stands.

    p, moments : the weights and the optimisers' states, written in place by each step
    best       : a copy of the weights of least validation loss, None before the first validation
    rng        : draws noise and transforms; the order of the epochs has a stream of its own, so
                 that a run can be taken up in the middle of one
    step       : rounds played;  epoch : whole epochs;  batch : batches taken of the current one
    order      : of the current epoch's examples (M,), where it hangs on the weights; else None
    sums       : of the terms in the current epoch
    seconds    : spent so far, over all programs that worked on the run
    """

    p: Params
    moments: dict[str, Any]
    rng: np.random.Generator
    order_seed: int
    validation_seed: int
    best: Params | None = None
    best_epoch: int = 0
    least: float = math.inf
    step: int = 0
    epoch: int = 0
    batch: int = 0
    sums: Average = field(default_factory=Average)
    seconds: float = 0.0
    order: np.ndarray | None = None

    @classmethod
    def start(cls, game: Game, p: Params, rng: np.random.Generator) -> "State":
        """Before the first step. p is copied, not written."""
        p = copy(p)
        return cls(p, game.init(p), rng, int(rng.integers(2**63)), int(rng.integers(2**63)))

    def save(self, run: Run, signature: dict[str, Any]) -> None:
        """Write the checkpoint. `signature`: what must be the same when the run is continued."""
        values = {"p": self.p, "moments": self.moments}
        if self.best is not None:
            values["best"] = self.best
        if self.order is not None and self.batch:  # before its first batch it can be drawn again
            values["order"] = self.order
        meta = {name: getattr(self, name) for name in COUNTERS} | {
            "least": None if math.isinf(self.least) else self.least,
            "sums": self.sums.sums,
            "examples": self.sums.examples,
            "seconds": self.seconds,
            "rng": random_state(self.rng),
            "signature": signature,
            "config": run.config,
        }
        run.save(values, meta)

    def resume(self, run: Run, signature: dict[str, Any]) -> None:
        """Become the state that `save` wrote. Raises CheckpointError where it is another run's."""
        path = run.checkpoint
        flat, meta = run.load()
        now = signature | {"random generator": type(self.rng.bit_generator).__name__}
        then = meta["signature"] | {"random generator": meta["rng"]["bit_generator"]}
        for k in now:
            if now[k] != then.get(k):
                raise CheckpointError(
                    f"{path} was trained with another {k} ({then.get(k)}, now {now[k]}): continue "
                    "with the same, or begin another run"
                )

        def taken(name: str, like: Any) -> Any:
            values = restore(flat, name, like, path)
            return tree.map(
                # copied: the file's arrays may be read-only
                lambda a, old: to_device(a.copy(), device_of(old)) if is_array(a) else a,
                values,
                like,
            )

        self.p, self.moments = taken("p", self.p), taken("moments", self.moments)
        has_best = any(name.partition(".")[0] == "best" for name in flat)
        self.best = taken("best", self.p) if has_best else None
        self.order = flat["order"].copy() if "order" in flat else None
        self.least = math.inf if meta["least"] is None else meta["least"]
        self.sums = Average(meta["sums"], meta["examples"])
        self.rng.bit_generator.state = meta["rng"]
        for name in (*COUNTERS, "seconds"):
            setattr(self, name, meta[name])


def random_state(rng: np.random.Generator) -> dict[str, Any]:
    """The state of a generator, as JSON can hold it. Raises TypeError where it cannot."""
    state = dict(rng.bit_generator.state)
    try:
        json.dumps(state)
    except TypeError:
        raise TypeError(
            f"the state of {type(rng.bit_generator).__name__} cannot be saved: "
            "use np.random.default_rng(seed)"
        ) from None
    return state


def fingerprint(x: Any) -> str | None:
    """Shape, dtype and checksum of examples: whether a run goes on with the data it began with."""
    if x is None:
        return None
    found = []
    for _, leaf in tree.leaves(x):
        host = np.ascontiguousarray(to_host(leaf))
        crc = zlib.crc32(host.reshape(-1).view(np.uint8).data)
        found.append(f"{host.dtype} {host.shape} {crc:08x}")
    return ", ".join(found)


def copy(p: Params) -> Params:
    """A tree of arrays that shares no memory with `p`."""
    return tree.map(lambda a: a.copy(), p)
