"""Truncated back-propagation through time with a carried state, for long sequences of symbols.

A long sequence is cut into streams that run side by side, and these into stretches of a hundred
steps or so. The LSTM's state goes from each stretch into the next; its gradient does not: it ends
at the first step of the stretch.    R. Williams and J. Peng, Neural Computation 2, 1990.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import to_device, tree
from tinygen.arrays import Array, Params, device_of
from tinygen.models.lstm_density import LSTMDensity
from tinygen.optim import adam, clip_norm
from tinygen.pullback import Pullback
from tinygen.schedules import cosine

LIMIT = 1.0  # of the gradient's norm, the loss being a mean over steps


def stretch_loss(
    model: LSTMDensity, p: Params, x: Array, u: Array | None, state: Any = None
) -> tuple[Array, Pullback, Any]:
    """-log p(x | what came before) in nats a step, its pullback, and the state after x (N, T).

    state : that after what came before; None at the beginning, which alone `start` has a part in
    """
    first = state is None
    state = model.begin(p, len(x)) if first else state
    params, after, net_backward = model.forward(p, x, u, state)
    nll, nll_backward = model.likelihood.nll(params.reshape(x.size, -1), x.reshape(-1))
    value = nll.sum() / x.size

    def both(d: Array) -> tuple[Params, Any]:
        dparams = nll_backward.dp(nll * 0 + d / x.size)
        dp, dx = net_backward(dparams.reshape(params.shape))
        return dp if first else {**dp, "start": dp["start"] * 0}, dx

    return value, Pullback.whole(both, value), after


def streams(x: np.ndarray, n: int, shift: int = 0) -> np.ndarray:
    """One sequence (T,), begun `shift` steps later, as n rows of one length; the rest is left."""
    length = (len(x) - shift) // n
    return x[shift : shift + n * length].reshape(n, length)


@dataclass
class Fit:
    """What a training left: the best weights on validation, and what was measured on the way."""

    best: Params
    record: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def lowest(self) -> float:
        """The best validation value, in bits a step."""
        return min(row["validation"] for row in self.record)


def fit(
    model: LSTMDensity,
    p: Params,
    rows: Any,
    validate: Any,
    *,
    epochs: int,
    stretch: int,
    lr: float,
    patience: int,
) -> Fit:
    """Adam with a cosine and clipping on `rows`, until `validate` no longer falls.

    rows     : epoch -> a list of (x (N, T), u (N, T, U) or None), the streams of that epoch; the
               state begins anew with each
    validate : p -> bits a step
    stretch  : steps of a stretch; patience: epochs without a lower validation value
    """
    steps = max(1, sum(x.shape[1] // stretch for x, _ in rows(0)))  # in an epoch
    optimiser = adam(cosine(lr, epochs * steps, lr / 50))
    p, done, start, best = tree.map(lambda a: a.copy(), p), Fit(p), time.perf_counter(), 0
    moments = optimiser.init(p)
    for epoch in range(epochs):
        values = []
        for x, u in rows(epoch):
            state = None
            for t in range(0, x.shape[1] - stretch + 1, stretch):
                now = slice(t, t + stretch)
                value, backward, state = stretch_loss(
                    model, p, x[:, now], None if u is None else u[:, now], state
                )
                optimiser.update(p, clip_norm(backward.dp(), LIMIT), moments)
                values.append(float(value))
        row = {"train": float(np.mean(values)) / np.log(2), "validation": validate(p)}
        done.record.append(row)
        done.seconds = time.perf_counter() - start
        print(
            f"  epoch {epoch + 1:3d}: bits a step, train {row['train']:.4f}, "
            f"validation {row['validation']:.4f}   {done.seconds:6.0f} s",
            flush=True,
        )
        if row["validation"] <= done.lowest:
            done.best, best = tree.map(lambda a: a.copy(), p), epoch
        if epoch - best >= patience:
            break
    return done


def draw(
    model: LSTMDensity,
    p: Params,
    rng: np.random.Generator,
    n: int,
    steps: int,
    temperature: float = 1.0,
    u: Array | None = None,
) -> Array:
    """n sequences (n, steps) from softmax(logits / temperature): 1 is the model itself."""
    state = model.begin(p, n)
    x = to_device(np.zeros((n, steps), np.int64), device_of(p["start"]))
    for t in range(steps):
        now = slice(t, t + 1)
        u_t = None if u is None else u[:, now]
        logits, state, _ = model.forward(p, x[:, now], u_t, state)  # x_t is not looked at
        x[:, t] = model.likelihood.sample(logits[:, 0] / temperature, rng)
        state = model.seen(p, state, x[:, t])
    return x
