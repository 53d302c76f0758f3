"""A density of sequences: an LSTM reads the past and says what the next step may be.

    p(x_1, ..., x_T) = prod_t p(x_t | x_<t, u_<=t)                                            (1)

    e_t = embed(x_t),   h_t = LSTM((e_{t-1}, u_t), h_{t-1}),   p(x_t | ...) = p(x_t; head(h_t)) (2)

e_0 is learnt. u_t are inputs that the model is told and does not explain, such as the actions
taken before x_t. Nothing is hidden: the likelihood is exact, and sampling is a step at a time.

A. Graves, Generating Sequences With Recurrent Neural Networks, 2013, arXiv 1308.0850.
                                                           docs/derivations/lstm_density.md
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, device_of, namespace, to_device
from tinygen.layers import Embedding, StatefulLSTM
from tinygen.layers.base import check_names, check_rng, check_sizes
from tinygen.likelihoods import Gaussian, Likelihood
from tinygen.models import sequence_parts
from tinygen.models.nets import check_widths
from tinygen.pullback import Pullback

AT_ONCE = 1 << 14  # steps, over all examples, that are scored at once: bounds the memory

State = tuple[Array, tuple[tuple[Array, Array], ...]]  # e_t (N, E); (h_t, c_t) of each layer


@dataclass(frozen=True)
class LSTMDensity:
    """p(x) of sequences x (N, T, C) of floats, or (N, T) of whole numbers; T may vary

    channels   : C. Not looked at for whole numbers, whose width in the LSTM is `embedding`
    hidden     : the widths of the LSTM layers, the last of which the head reads
    likelihood : p(x_t | past): Gaussian(), MixtureDensity(K) (floats), Bernoulli() (zeros and
                 ones, as floats), Categorical(K) (whole numbers 0 .. K-1)
    inputs     : U, the width of u (N, T, U); 0 for none. With inputs, data are tuples (x, u)
    embedding  : E, the width of a whole number's vector

    Raises ValueError for sizes below 1, data of another shape, outside the likelihood's range,
    NaN, and an empty batch or sequence; TypeError for another dtype or device.
    """

    channels: int = 1
    hidden: tuple[int, ...] = (64,)
    likelihood: Likelihood = field(default=Gaussian(), kw_only=True)
    inputs: int = field(default=0, kw_only=True)
    embedding: int = field(default=32, kw_only=True)

    def __post_init__(self) -> None:
        check_sizes(self, channels=self.channels, embedding=self.embedding)
        check_sizes(self, 0, inputs=self.inputs)
        check_widths("LSTMDensity: hidden", self.hidden, fewest=1)
        sequence_parts.head(self.likelihood, self.hidden[-1], self.channels)  # refuses others

    @property
    def levels(self) -> int:
        """K of a likelihood of whole numbers 0 .. K-1; 0 of one of floats."""
        return getattr(self.likelihood, "levels", 0)

    @property
    def width(self) -> int:
        """E, the width of e_t: of what the LSTM sees of a step of x."""
        return self.embedding if self.levels else self.channels

    @property
    def parts(self) -> dict[str, Any]:
        """The layers: embed (of whole numbers), the LSTMs, the head."""
        widths = (self.width + self.inputs, *self.hidden)
        lstms = [StatefulLSTM(i, o) for i, o in zip(widths, self.hidden, strict=False)]
        embed = {"embed": Embedding(self.levels, self.embedding)} if self.levels else {}
        last = {"head": sequence_parts.head(self.likelihood, self.hidden[-1], self.channels)}
        return embed | {f"lstm{i}": lstm for i, lstm in enumerate(lstms)} | last

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`: start (E,), and those of the layers."""
        p = {name: layer.init(rng, dtype, weights) for name, layer in self.parts.items()}
        p["head"] = sequence_parts.spread(p["head"], self.likelihood)
        return {"start": np.zeros(self.width, dtype), **p}

    def conditionals(self, p: Params, x: Array, u: Array | None = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_t | x_<t, u_<=t) for all t, (N, T, ...), and pullback.

        Those of step t depend on x before t alone. The pullback's dx is () for whole numbers,
        and (dx, du) with inputs.
        """
        self.check(x, u)
        return self.forward(p, x, u, self.begin(p, len(x)))[::2]

    def forward(
        self, p: Params, x: Array, u: Array | None, state: State
    ) -> tuple[Any, State, Pullback]:
        """The parameters for all t, the state after them, and a pullback."""
        xp, parts, (N, T), E = namespace(x), self.parts, x.shape[:2], self.width
        check_names("LSTMDensity", p, {"start", *parts})
        sequence_parts.check_state(state, N, len(self.hidden))
        sequence_parts.check_precision(u, p["start"])
        e, embed_backward = self.embed(p, x)
        e_before, states = state  #                                             (N, E)
        s = xp.empty((N, T, E + self.inputs), e.dtype)
        s[:, 0, :E] = e_before
        s[:, 1:, :E] = e[:, :-1]  # step t reads x_{t-1}, and u_t               (N, T, E+U)   (3)
        if u is not None:
            s[:, :, E:] = u
        h, chain, after = s, [], []
        for i, (h_0, c_0) in enumerate(states):
            (h, *last), backward = parts[f"lstm{i}"].forward(p[f"lstm{i}"], (h, h_0, c_0))
            chain.append((f"lstm{i}", backward, xp.zeros_like(h_0)))
            after.append(tuple(last))
        rows, head_backward = parts["head"].forward(p["head"], h.reshape(N * T, -1))
        params = tree.map(lambda a: a.reshape(N, T, *a.shape[1:]), rows)  #     (N, T, ...)

        def both(dparams: Any) -> tuple[Params, Any]:
            drows = tree.map(lambda a: a.reshape(N * T, *a.shape[2:]), dparams)
            dp = {}
            dp["head"], dh = head_backward(drows)
            dh = dh.reshape(N, T, -1)
            for name, backward, rest in reversed(chain):
                dp[name], (dh, _, _) = backward((dh, rest, rest))
            de = xp.zeros_like(e)
            de[:, :-1] = dh[:, 1:, :E]  # x_t is read at step t + 1, the last by none         (4)
            dp["start"] = dh[:, 0, :E].sum(axis=0)  #                           (E,)          (5)
            if self.levels:
                dp["embed"], de = embed_backward.dp(de), ()
            return {name: dp[name] for name in p}, (de, dh[:, :, E:]) if self.inputs else de

        return params, (e[:, -1].copy(), tuple(after)), Pullback.whole(both, params)

    def draw_noise(self, rng: np.random.Generator, x: Any) -> None:
        """None: the loss holds no noise."""

    def loss(self, p: Params, x: Any, noise: None = None) -> tuple[Array, Pullback]:
        """-log p(x) in nats per sequence, a mean over the batch, and its pullback d -> (dp, dx).

        x : data (N, T, C) or (N, T), or (data, u) with inputs
        """
        x, u = self.split(x)
        params, net_backward = self.conditionals(p, x, u)
        N, T = x.shape[:2]
        rows = tree.map(lambda a: a.reshape(N * T, *a.shape[2:]), params)
        nll, nll_backward = self.likelihood.nll(rows, x.reshape(N * T, *x.shape[2:]))
        value = nll.sum() / N  # -sum_t log p(x_t | ...), mean of N                           (6)

        def both(d: Array) -> tuple[Params, Any]:
            dn = namespace(nll).full_like(nll, d / N)  #                        (N T,)
            drows, dtarget = nll_backward(dn)
            dparams = tree.map(lambda a, like: a.reshape(like.shape), drows, params)
            dp, dx = net_backward(dparams)
            if self.levels:
                return dp, dx
            dtarget = dtarget.reshape(x.shape)  # x is what is read, and what is explained    (7)
            return dp, (dx[0] + dtarget, dx[1]) if self.inputs else dx + dtarget

        return value, Pullback.whole(both, value, terms={"nll": value})

    def log_prob(self, p: Params, x: Any, rng: Any = None, samples: int = 1) -> tuple[Array, Array]:
        """log p(x) (N,) of whole sequences, exact, and zeros (N,) for its standard error.

        rng, samples : not looked at; models that sample their likelihood take them
        """
        log_p = self.log_probs(p, x)[0].sum(axis=1)
        return log_p, namespace(log_p).zeros_like(log_p)

    def log_probs(self, p: Params, x: Any, state: State | None = None) -> tuple[Array, State]:
        """log p(x_t | x_<t, u_<=t) of each step (N, T), in nats, and the state after the last.

        state : from which to go on; that before the first step if not given

        Read in pieces through which the state is carried, so that T may be in the millions.
        """
        x, u = self.split(x)
        xp, (N, T) = namespace(x), x.shape[:2]
        state, piece = self.begin(p, N) if state is None else state, max(1, AT_ONCE // N)
        parts = []
        for t in range(0, T, piece):
            now = slice(t, t + piece)
            here = x[:, now]
            params, state, _ = self.forward(p, here, None if u is None else u[:, now], state)
            rows = tree.map(lambda a: a.reshape(-1, *a.shape[2:]), params)
            nll, _ = self.likelihood.nll(rows, here.reshape(-1, *x.shape[2:]))
            parts.append(-nll.reshape(N, -1))
        return xp.concatenate(parts, axis=1), state

    def begin(self, p: Params, n: int) -> State:
        """The state of n sequences before their first step: e_0, and zeros."""
        check_names("LSTMDensity", p, {"start", *self.parts})
        start = p["start"]
        xp = namespace(start)
        zeros = tuple((xp.zeros((n, H), start.dtype),) * 2 for H in self.hidden)
        return xp.zeros((n, 1), start.dtype) + start, zeros

    def sample(
        self,
        p: Params,
        rng: np.random.Generator,
        n: int,
        steps: int,
        u: Array | None = None,
        *,
        state: State | None = None,
        mean: bool = False,
    ) -> Array:
        """n new sequences (n, steps, C), or (n, steps) of whole numbers, drawn step by step.

        u     : (n, steps, U), for models with inputs
        state : of n sequences that are to be continued, from `log_probs`
        mean  : take E[x_t | ...] in the place of a draw; floats only
        """
        check_sizes(self, n=n, steps=steps)
        check_rng("LSTMDensity", rng)
        like = self.begin(p, n)[0]
        shape = (n, steps) if self.levels else (n, steps, self.channels)
        x = to_device(np.zeros(shape, np.int64 if self.levels else like.dtype), device_of(like))
        sequence_parts.check_inputs(u, n, steps, self.inputs)
        if mean and self.levels:
            raise ValueError("LSTMDensity: the mean of levels is no level: draw, without mean=True")
        state, draw = self.begin(p, n) if state is None else state, self.likelihood.sample
        for t in range(steps):
            now = slice(t, t + 1)
            u_t = None if u is None else u[:, now]
            params, state, _ = self.forward(p, x[:, now], u_t, state)  # x_t is not looked at
            params = tree.map(lambda a: a[:, 0], params)
            x[:, t] = self.likelihood.mean(params) if mean else draw(params, rng)
            state = self.seen(p, state, x[:, t])
        return x

    def seen(self, p: Params, state: State, x: Array) -> State:
        """The state with x, (N, C) or (N,), as the last step that was seen."""
        return self.embed(p, x)[0], state[1]

    def embed(self, p: Params, x: Array) -> tuple[Array, Any]:
        """e, which the LSTM reads for x, and its pullback; floats are read as they are."""
        return self.parts["embed"].forward(p["embed"], x) if self.levels else (x, None)

    def split(self, x: Any) -> tuple[Array, Array | None]:
        """The data and the inputs, None where there are none. Raises TypeError, ValueError."""
        x, u = x if isinstance(x, tuple) and len(x) == 2 else (x, None)
        self.check(x, u)
        return x, u

    def check(self, x: Array, u: Array | None) -> None:
        """Refuse what are no sequences of this model. Raises TypeError, ValueError."""
        sequence_parts.check_sequences(x, self.channels, self.levels)
        sequence_parts.check_inputs(u, x.shape[0], x.shape[1], self.inputs)
