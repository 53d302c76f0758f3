"""Training as a game of turns: each turn moves one player's parameters, and no others.

    theta_player <- update(theta_player, dL/dtheta_player),    L = loss(p, x, noise)

A GAN has two players that move in turn. A VAE is a game of one player.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, namespace
from tinygen.diagnosis import first_nonfinite
from tinygen.layers.base import NonFinite
from tinygen.optim import Ema, Optimiser, global_norm
from tinygen.pullback import Pullback

Loss = Callable[..., tuple[Array, Any]]


@dataclass(frozen=True)
class Turn:
    """One player's move.

    name       : for messages, logs and the checkpoint
    loss       : (p, x, noise) -> value, Pullback, such as `vae.loss`
    draw_noise : (rng, x) -> noise, such as `vae.draw_noise`
    optimiser  : such as `adam(1e-3)`
    player     : the key of this player's parameters in p, whose gradient the pullback's dp gives
                 under that key; None in a game of one player, who owns all of p
    times      : how often in a row the player moves, each time on another batch
    schedules  : keyword of the loss -> schedule (step -> number), such as
                 {"beta": warm_up(1.0, 10_000, start=0.0)}; while training only: a validation
                 loss is the loss without them
    project    : what follows each step, in place on the player's parameters, such as
                 `ClipWeights(0.01)`
    average    : (key of p, Ema): the running mean of the player's parameters that is kept there
    watch      : whether the log tells the norm of the player's gradient, "gradient"
    shares     : whether the turn takes up what the one before it made (Pullback.made), instead of
                 noise of its own: the fakes that D was just shown need not be painted twice
    """

    name: str
    loss: Loss
    draw_noise: Callable[[np.random.Generator, Array], Any]
    optimiser: Optimiser
    player: str | None = None
    times: int = 1
    schedules: Mapping[str, Callable[[int], float]] = field(default_factory=dict)
    project: Callable[[Params], None] | None = None
    average: tuple[str, Ema] | None = None
    watch: bool = False
    shares: bool = False

    def __post_init__(self) -> None:
        if not self.name or "." in self.name:
            raise ValueError(
                f"Turn: name {self.name!r} must be a text without dots, which separate it from the "
                "terms in the log and the moments in the checkpoint"
            )
        check_whole(f"Turn {self.name!r}", "times", self.times)

    def own(self, p: Params) -> Params:
        """The part of p, or of a gradient, that belongs to this turn's player."""
        if self.player is None:
            return p
        if self.player not in p:
            raise ValueError(
                f"Turn {self.name!r} moves the player {self.player!r}, but p, or the gradient "
                f"that the loss gives, holds {sorted(p)}"
            )
        return p[self.player]

    def play(
        self,
        p: Params,
        state: Any,
        x: Array,
        rng: np.random.Generator,
        step: int = 0,
        made: list[Any] | None = None,
    ) -> dict[str, float]:
        """One move, in place in p and state; the loss and its terms before the move.

        made : what the moves before left for the next one, the last one's last; grows by one

        What the pullback says comes `after` the step is put into p.

        Raises NonFinite, before anything is written, where the loss is NaN or infinite.
        """
        keywords = {name: schedule(step) for name, schedule in self.schedules.items()}
        left = made[-1] if self.shares and made else None
        noise = self.draw_noise(rng, x) if left is None else left
        terms, backward = self.measure(p, x, noise, **keywords)
        if made is not None:
            made.append(backward.made)
        dp = self.own(backward.dp())
        if self.watch:
            terms["gradient"] = float(global_norm(dp))
        self.optimiser.update(self.own(p), dp, state)
        if self.project is not None:
            self.project(self.own(p))
        if self.average is not None:
            key, ema = self.average
            ema.update(p[key], self.own(p), int(state["step"]))
        for key, value in backward.after.items():
            p[key] = value
        return terms

    def measure(
        self, p: Params, x: Array, noise: Any, **keywords: float
    ) -> tuple[dict[str, float], Any]:
        """{"loss": ..., and its terms} as floats, and the pullback. Raises NonFinite."""
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                value, backward = self.loss(p, x, noise, **keywords)
                if not hasattr(backward, "dp"):  # a plain function dy -> (dp, dx)
                    backward = Pullback.whole(backward, value)
            if not math.isfinite(float(value)):
                raise NonFinite(f"{self.name}: the loss is {float(value)}")
        except NonFinite as error:
            where = first_nonfinite(self.loss, p, x, noise, **keywords)
            raise NonFinite(
                f"{self.name}: the loss is not finite; first not finite: {where}"
            ) from error
        return {"loss": float(value)} | {k: float(v) for k, v in backward.terms.items()}, backward

    def check_weights(self, p: Params) -> None:
        """Refuse weights that a last, too long step made NaN or infinite. Raises NonFinite.

        No loss sees the weights after the last step, so without this look a run could end on them.
        """
        for leaf, w in tree.leaves(self.own(p)):
            if not bool(namespace(w).isfinite(w).all()):
                raise NonFinite(
                    f"{self.name}: parameter {leaf} is not finite after the step: lower lr, clip "
                    "gradients"
                )


class Game:
    """Turns that are played one after the other, round after round.

    A turn's first move sees the batch that the turn before it saw last; each further move takes
    a new one. Raises ValueError where turns share a name, or several leave their player unsaid.
    """

    def __init__(self, *turns: Turn):
        names = [turn.name for turn in turns]
        if not turns or len(set(names)) < len(names):
            raise ValueError(f"Game: expected turns of different names, got {names}")
        if len(turns) > 1 and any(turn.player is None for turn in turns):
            raise ValueError(
                f"Game: several turns ({', '.join(names)}) need a player each: give player=, the "
                "key of its parameters in p"
            )
        self.turns = turns
        # Batches that a round takes: those of the first turn, and the further moves of the others.
        self.batches = 1 + sum(turn.times - 1 for turn in turns)

    @property
    def name(self) -> str:
        """The turns' names."""
        return " + ".join(turn.name for turn in self.turns)

    def __repr__(self) -> str:
        text = "; ".join(
            " ".join(
                [f"{t.name}: {t.optimiser!r} x {t.times}"]
                + [str(part) for part in (t.schedules, t.project, t.average) if part]
            )
            for t in self.turns
        )
        return re.sub(r" at 0x[0-9a-f]+", "", text)  # two programs show one function alike

    def init(self, p: Params) -> dict[str, Any]:
        """Turn name -> state of its optimiser. Raises ValueError where p lacks a player or mean."""
        for turn in self.turns:
            if turn.average is not None and turn.average[0] not in p:
                raise ValueError(
                    f"Turn {turn.name!r} keeps a running mean in {turn.average[0]!r}, and p holds "
                    f"{sorted(p)}: begin with p[{turn.average[0]!r}] = ema.init(p[{turn.player!r}])"
                )
        return {turn.name: turn.optimiser.init(turn.own(p)) for turn in self.turns}

    def play(
        self,
        p: Params,
        state: dict[str, Any],
        x: list[Array],
        rng: np.random.Generator,
        step: int = 0,
    ) -> dict[str, float]:
        """One round, in place in p and state, on `batches` batches; terms as `label` names them.

        Of a turn that moves several times the terms are those of its last move. Where fewer
        batches are left, at the end of an epoch, the last one serves again.
        """
        terms: dict[str, float] = {}
        at, made = 0, list[Any]()
        for turn in self.turns:
            for move in range(turn.times):
                at += move > 0
                batch = x[min(at, len(x) - 1)]
                found = turn.play(p, state[turn.name], batch, rng, step, made)
            terms |= {self.label(turn, name): value for name, value in found.items()}
        return terms

    def measure(self, p: Params, x: Array, rng: np.random.Generator) -> dict[str, float]:
        """The terms of each turn's loss on x, without a move and without schedules."""
        return {
            self.label(turn, name): value
            for turn in self.turns
            for name, value in turn.measure(p, x, turn.draw_noise(rng, x))[0].items()
        }

    def label(self, turn: Turn, term: str) -> str:
        """A term's name in the log: "kl", or "generator.loss" where there are several turns."""
        return term if len(self.turns) == 1 else f"{turn.name}.{term}"

    def check_weights(self, p: Params) -> None:
        """Refuse weights that are NaN or infinite. Raises NonFinite."""
        for turn in self.turns:
            turn.check_weights(p)
