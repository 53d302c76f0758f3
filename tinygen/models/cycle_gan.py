"""CycleGAN: J.-Y. Zhu, T. Park, P. Isola and A. Efros, ICCV 2017, arXiv 1703.10593.

Two sets of examples, a and b, and no pairs: which b belongs to an a, nobody says. G maps a to b,
F maps b to a. D_B tells b from G(a), D_A tells a from F(b), and what went there must come back:

    generators : w [l(D_B(G(a))) + l(D_A(F(b)))]                        look like the other set
                 + lambda [|F(G(a)) - a|_1 + |G(F(b)) - b|_1]           and lose nothing
                 + lambda iota [|G(b) - b|_1 + |F(a) - a|_1]            leave what is there already
    D_B        : L_D(D_B(b), D_B(G(a))),  and D_A likewise; fakes are shown from a history

Each term has examples of one set alone, so it does not matter which a stands beside which b.
The objectives l, L_D are those of tinygen/adversarial.py.       docs/derivations/cycle_gan.md
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import LeastSquares, Objective
from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer
from tinygen.layers.base import check_array, check_names, check_sizes
from tinygen.layers.compose import check_uncoupled
from tinygen.models.adversary_input import check_paid, part, shown
from tinygen.models.fake_history import draw_slots, empty_history, exchange
from tinygen.models.gan_nets import check_undropped
from tinygen.pullback import Pullback

OTHER = {"a": "b", "b": "a"}
MAKER = {"a": "b_to_a", "b": "a_to_b"}  # of examples of each set
Grads = Callable[[Array], tuple[Params, Params]]


@dataclass(frozen=True)
class CycleGAN:
    """Two generators and two discriminators over unpaired examples (a, b).

    a_to_b, b_to_a   : G (N, *shape_a) -> (N, *shape_b), and F back
    discriminator_a  : (N, *shape_a) -> scores (N, 1), or (N, h, w, 1), one a patch
    discriminator_b  : the same of b
    shape_a, shape_b : of one example
    cycle            : lambda
    identity         : iota; above 0 it asks G(b) = b, so that both shapes must be one
    adversarial      : w; 2, for the paper's G minimises E (D - 1)^2, twice `LeastSquares`
    objective        : what the players are paid for scores
    history          : fakes that each discriminator's history holds; 0: it sees the newest alone
    signed           : the nets' images lie in -1..1 (a tanh ends a generator), the caller's in 0..1

    p = {"generators": {"a_to_b", "b_to_a"}, "discriminator_a", "discriminator_b"}, and the
    histories "history_a", "history_b" of fakes of a and of b.

    Raises ValueError for a dropout, whose mask nobody draws, and for generators by whose layers
    examples see one another, as a batch norm: a translation is of one example.
    NOTE: |.|_1 is a mean over the numbers of an example, as in the authors' code.
    """

    a_to_b: Layer
    b_to_a: Layer
    discriminator_a: Layer
    discriminator_b: Layer
    shape_a: tuple[int, ...]
    shape_b: tuple[int, ...]
    cycle: float = 10.0
    identity: float = 0.5
    adversarial: float = 2.0
    objective: Objective = field(default_factory=LeastSquares)
    history: int = 50
    signed: bool = False

    def __post_init__(self) -> None:
        for name in ("cycle", "identity", "adversarial"):
            check_number("CycleGAN", name, getattr(self, name), least=0.0)
        check_sizes(self, minimum=0, history=self.history)
        check_paid("CycleGAN", self.objective)
        makers = {"a_to_b": self.a_to_b, "b_to_a": self.b_to_a}
        check_uncoupled("CycleGAN", makers, "take an InstanceNorm")
        judges = {"discriminator_a": self.discriminator_a, "discriminator_b": self.discriminator_b}
        check_undropped("CycleGAN", makers | judges)
        if self.identity and self.shape_a != self.shape_b:
            raise ValueError(
                "CycleGAN: the identity loss shows each generator the set that it makes, and needs "
                f"one shape for both, got a {self.shape_a}, b {self.shape_b}: use identity=0, or "
                "give a grey image three channels with np.repeat(x, 3, axis=-1)"
            )

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of all players, drawn from `rng`, and empty histories."""

        def drawn(*names: str) -> Params:
            return {name: getattr(self, name).init(rng, dtype, weights) for name in names}

        p = {"generators": drawn("a_to_b", "b_to_a")}
        p |= drawn("discriminator_a", "discriminator_b")
        if self.history:
            p["history_a"] = empty_history(self.history, self.shape_a, dtype)
            p["history_b"] = empty_history(self.history, self.shape_b, dtype)
        return p

    def draw_noise(self, rng: np.random.Generator, x: Any) -> Params:
        """The slots and coins of both histories; every turn takes such noise."""
        if not self.history:
            return {}
        a, b = self.parts(x)
        return {  # fakes of a are made from b
            "a": draw_slots(rng, len(b), self.history, b),
            "b": draw_slots(rng, len(a), self.history, a),
        }

    def generators_loss(self, p: Params, x: Any, noise: Any = None) -> tuple[Array, Pullback]:
        """The loss of both generators, a mean over the batch; pullback d -> (dp, ()).

        x : (a, b), (N, *shape_a) and (M, *shape_b)

        dp holds the key "generators" alone: discriminators are asked for dx, never for dp.
        `backward.terms`: "adversarial", "cycle", "identity", sums of both directions, unweighed.
        """
        self.check(p)
        a, b = self.parts(x)
        value_a, terms_a, pull_a = self.round_trip(p, a, "b")
        value_b, terms_b, pull_b = self.round_trip(p, b, "a")
        value, terms = value_a + value_b, tree.add(terms_a, terms_b)
        if self.identity:
            same_b, G_backward = self.make(p, "b", b)  # G(b)                (M, *shape_b)
            same_a, F_backward = self.make(p, "a", a)  # F(a)                (N, *shape_a)
            apart_b, dsame_b = l1(same_b, b)
            apart_a, dsame_a = l1(same_a, a)
            terms["identity"] = apart_a + apart_b  #                         ()         (3)
            weight = self.cycle * self.identity
            value = value + weight * terms["identity"]

        def dp(d: Array) -> Params:
            # each generator stands in every term: its gradient is the sum over its uses
            (dG, dF), (dF_b, dG_b) = pull_a(d), pull_b(d)
            dG, dF = tree.add(dG, dG_b), tree.add(dF, dF_b)
            if self.identity:
                dG = tree.add(dG, G_backward.dp(dsame_b(weight * d)))
                dF = tree.add(dF, F_backward.dp(dsame_a(weight * d)))
            return {"generators": {"a_to_b": dG, "b_to_a": dF}}

        return value, Pullback(dp, lambda d: (), value, terms=terms)

    def round_trip(self, p: Params, x: Array, to: str) -> tuple[Array, Params, Grads]:
        """x to the set `to` and back: its part of the loss, terms, and d -> (dthere, dback)."""
        fake, there = self.make(p, to, x)  #                                 (N, *shape_to)
        scores, D_backward = self.score(p, to, fake)  #                      (N, 1), (N, h, w, 1)
        recovered, back = self.make(p, OTHER[to], fake)  #                   (N, ...) of x
        adversarial, paid = self.objective.generator(scores.reshape(-1, 1))  # (1)
        cycle, drecovered = l1(recovered, x)  #                              ()         (2)
        value = self.adversarial * adversarial + self.cycle * cycle

        def pull(d: Array) -> tuple[Params, Params]:
            dback, dfake = back(drecovered(self.cycle * d))  # along the way back       (4)
            dscores = paid.dx(self.adversarial * d).reshape(scores.shape)
            dfake = dfake + D_backward.dx(dscores)  # and through D: both into the fake (5)
            return there.dp(dfake), dback

        return value, {"adversarial": adversarial, "cycle": cycle}, pull

    def discriminator_a_loss(self, p: Params, x: Any, noise: Params) -> tuple[Array, Pullback]:
        """L_D of a and of fakes F(b), by way of their history; pullback d -> (dp, ()).

        dp holds the key "discriminator_a" alone. `backward.terms`: "real" and "fake", the shares
        of patches told rightly (of a critic, the mean scores); `backward.after`: the next history.
        """
        a, b = self.parts(x)
        return self.told_apart(p, "a", a, b, noise)

    def discriminator_b_loss(self, p: Params, x: Any, noise: Params) -> tuple[Array, Pullback]:
        """L_D of b and of fakes G(a), by way of their history; else as `discriminator_a_loss`."""
        a, b = self.parts(x)
        return self.told_apart(p, "b", b, a, noise)

    def told_apart(
        self, p: Params, of: str, real: Array, source: Array, noise: Params
    ) -> tuple[Array, Pullback]:
        """L_D of the set `of`; fakes, old and new, are data to this player."""
        self.check(p)
        after, (fake, _) = {}, self.make(p, of, source)
        if self.history:
            drawn = part("CycleGAN", noise, of)
            fake, after[f"history_{of}"] = exchange(p[f"history_{of}"], drawn, fake)
        real_scores, real_backward = self.score(p, of, real)
        fake_scores, fake_backward = self.score(p, of, fake)
        rows = (scores.reshape(-1, 1) for scores in (real_scores, fake_scores))  # (N h w, 1)
        value, backward = self.objective.discriminator(*rows)

        def dp(d: Array) -> Params:
            dreal, dfake = backward.dx(d)
            dD = tree.add(
                real_backward.dp(dreal.reshape(real_scores.shape)),
                fake_backward.dp(dfake.reshape(fake_scores.shape)),
            )
            return {f"discriminator_{of}": dD}

        told = self.objective.verdicts(real_scores, fake_scores)
        return value, Pullback(dp, lambda d: (), value, terms=told, after=after)

    def make(self, p: Params, to: str, x: Array) -> tuple[Array, Pullback]:
        """x of the other set as one of the set `to`. Raises ValueError for another shape."""
        name, shape = MAKER[to], self.shape_a if to == "a" else self.shape_b
        y, backward = getattr(self, name).forward(p["generators"][name], x)
        if y.shape[1:] != shape:
            raise ValueError(
                f"CycleGAN: {name} made examples of shape {y.shape[1:]}, expected {shape}: its "
                "strides must divide the sizes of an image, and its channels be those of the set"
            )
        return y, backward

    def score(self, p: Params, of: str, x: Array) -> tuple[Array, Pullback]:
        """The scores that the discriminator of the set `of` gives."""
        return getattr(self, f"discriminator_{of}").forward(p[f"discriminator_{of}"], x)

    def translate(self, p: Params, x: Array, to: str = "b") -> Array:
        """a as b, (N, *shape_b); with to="a" b as a. In 0..1 where `signed`; others: `shown`."""
        if to not in OTHER:
            raise ValueError(f'CycleGAN: translate to "a" or to "b", got {to!r}')
        check_array("CycleGAN", x, "N", *(self.shape_a if to == "b" else self.shape_b))
        x = shown("CycleGAN", x, getattr(self, MAKER[OTHER[to]]), self.signed)
        y, _ = self.make(p, to, x)
        return (y + 1) / 2 if self.signed else y

    def parts(self, x: Any) -> tuple[Array, Array]:
        """a and b as the nets see them. Raises TypeError; ValueError for other shapes, pixels."""
        if not isinstance(x, tuple) or len(x) != 2:
            raise TypeError(
                f"CycleGAN: expected (a, b), examples of both sets, got {type(x).__name__}: see "
                "tinygen.data.unpaired"
            )
        for name, given, shape in zip("ab", x, (self.shape_a, self.shape_b), strict=True):
            check_array(f"CycleGAN: {name}", given, "N", *shape)
        a, b = x
        a = shown("CycleGAN: a", a, self.b_to_a, self.signed)
        return a, shown("CycleGAN: b", b, self.a_to_b, self.signed)

    def check(self, p: Params) -> None:
        """Refuse parameters of another model. Raises ValueError."""
        histories = {"history_a", "history_b"} if self.history else set()
        check_names("CycleGAN", p, histories | {"generators", "discriminator_a", "discriminator_b"})


def l1(y: Array, x: Array) -> tuple[Array, Callable[[Array], Array]]:
    """mean |y - x|, and d -> dy = d sign(y - x) / size."""
    xp, e = namespace(y), y - x
    return xp.abs(e).mean(), lambda d: xp.sign(e) * (d / e.size)
