"""EM on the training loop: a turn whose move is one step of EM on all examples.

    p <- argmax sum_nk p(k|x_n) log pi_k p(x_n|k)

Logs, checkpoints, resuming and patience are thus those of every training: an epoch is a step, and
`batch` is the number of examples.                         docs/derivations/em.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params
from tinygen.game import Turn
from tinygen.models.em import RESEEDS, em_step
from tinygen.models.mixture import Mixture


@dataclass(frozen=True)
class MStep:
    """What stands in the optimiser's place: it holds the mixture, and counts."""

    model: Mixture

    def init(self, p: Params) -> dict[str, Any]:
        """Steps, and how often a component began again."""
        return {"step": 0, "reseeded": 0}

    def update(self, p: Params, new: Params, state: dict[str, Any]) -> None:
        """The new parameters take the place of the old ones, in their arrays."""
        for (_, w), (_, value) in zip(tree.leaves(p), tree.leaves(new), strict=True):
            w[...] = value
        state["step"] = int(state["step"]) + 1


class EMTurn(Turn):
    """One player whose move is a step of EM; made by `em_turn`"""

    def play(
        self,
        p: Params,
        state: Any,
        x: Array,
        rng: np.random.Generator,
        step: int = 0,
        made: list[Any] | None = None,
    ) -> dict[str, float]:
        """One step, in place in p and state; -log p(x) an example before it, and
        "reseeded" where components collapsed and began again: how many.

        Raises NonFinite, before anything is written.
        """
        m_step: Any = self.optimiser
        model, own = m_step.model, self.own(p)
        allowed = int(state["reseeded"]) < RESEEDS * model.n_components
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found = em_step(model, own, x, rng, reseed=allowed)
        m_step.update(own, found.p, state)
        again = len(found.collapsed) if found.reseeded else 0
        state["reseeded"] = int(state["reseeded"]) + again
        terms = {"loss": -found.log_likelihood}
        return terms | ({"reseeded": float(again)} if again else {})


def em_turn(model: Mixture, name: str = "em") -> Turn:
    """The turn that fits a mixture by EM: train(em_turn(model), p, x, batch=len(x), ...).

    p : from `model.start(rng, x)`
    """
    m_step: Any = MStep(model)
    return EMTurn(name, model.loss, model.draw_noise, m_step)
