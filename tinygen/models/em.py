"""Expectation maximisation: the likelihood of a mixture, raised step by step.

E-step:  r_nk = p(k|x_n)          M-step:  p <- argmax sum_nk r_nk log pi_k p(x_n|k)

No step lowers the likelihood. A. P. Dempster, N. M. Laird and D. B. Rubin, Maximum Likelihood from
Incomplete Data via the EM Algorithm, J. R. Statist. Soc. B 39, 1977. docs/derivations/em.md
"""

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arguments import check_number, check_whole
from tinygen.arrays import Array, Params, device_of, namespace, to_device
from tinygen.layers.base import NonFinite, check_array
from tinygen.models.kmeans import kmeans, one_hot

TINY = 1e-300
SHORT = 10  # steps of a start that is one of several
RESEEDS = 3  # times a component, on average, that one fit lets components begin again


@dataclass(frozen=True)
class Step:
    """One E-step and one M-step.

    p              : after it
    log_likelihood : mean log p(x) of the parameters before it, in nats an example
    collapsed      : components that the M-step left with nothing to mean
    reseeded       : whether these began again, at examples drawn at random
    """

    p: Params
    log_likelihood: float
    collapsed: tuple[int, ...] = ()
    reseeded: bool = False


@dataclass
class Fitted:
    """What `fit` found.

    p              : of the start that ended with the greatest likelihood
    log_likelihood : its mean log p(x), in nats an example: before the first step, ..., after the
                     last; it rises, but for the steps in `reseeded`
    converged      : whether the last step gained less than tol
    reseeded       : (step, component), where a component collapsed and began again: the step
                     from log_likelihood[step] to [step + 1] may lower it
    collapsed      : components that are collapsed at the end, for no more new starts were allowed
    starts         : the last log-likelihood of each start
    """

    p: Params
    log_likelihood: list[float]
    converged: bool = False
    reseeded: list[tuple[int, int]] = field(default_factory=list)
    collapsed: tuple[int, ...] = ()
    starts: list[float] = field(default_factory=list)


def fit(
    model: Any,
    x: Array,
    rng: np.random.Generator,
    *,
    start: Params | None = None,
    tol: float = 1e-3,
    max_iter: int = 100,
) -> Fitted:
    """Steps of EM on all of x (N, *shape), until one gains less than tol nats an example.

    start    : parameters to begin with; where not given, the model's n_init starts are each run to
               the end, and the one with the greatest likelihood is kept, those without collapsed
               components first
    max_iter : most steps of a start

    Warns (RuntimeWarning) where collapsed components are left. Raises ValueError for bad data and
    for fewer examples than components, NonFinite where the likelihood overflows.
    """
    check_number("fit", "tol", tol, least=0.0)
    check_whole("fit", "max_iter", max_iter)
    if start is not None:
        runs = [run(model, start, x, rng, tol, max_iter)]
    else:
        runs = [
            run(model, from_clusters(model, rng, x), x, rng, tol, max_iter)
            for _ in range(model.n_init)
        ]
    best = max(runs, key=rank)
    best.starts = [found.log_likelihood[-1] for found in runs]
    if best.collapsed:
        warnings.warn(
            f"{type(model).__name__}: components {list(best.collapsed)} collapsed again and again "
            "onto less than an example, or onto equal ones: choose fewer components, or a "
            "greater floor",
            RuntimeWarning,
            stacklevel=3,
        )
    return best


def rank(found: Fitted) -> tuple[bool, float]:
    """What makes one start better than another."""
    return not found.collapsed, found.log_likelihood[-1]


def run(
    model: Any, p: Params, x: Array, rng: np.random.Generator, tol: float, max_iter: int
) -> Fitted:
    """EM from one start."""
    found = Fitted(p, [])
    for i in range(max_iter):
        allowed = len(found.reseeded) < RESEEDS * model.n_components
        step = em_step(model, found.p, x, rng, allowed)
        found.p, found.collapsed = step.p, step.collapsed
        found.log_likelihood.append(step.log_likelihood)
        if step.reseeded:
            found.reseeded += [(i, k) for k in step.collapsed]
            found.collapsed = ()
        elif i and step.log_likelihood - found.log_likelihood[i - 1] < tol:
            found.converged = True
            break
    found.log_likelihood.append(mean(model.score_samples(found.p, x)))
    return found


def em_step(model: Any, p: Params, x: Array, rng: np.random.Generator, reseed: bool = True) -> Step:
    """One step on all of x, as new parameters.

    A component that is left with nothing (`model.collapsed`) begins again at an example drawn
    from `rng`, unless `reseed` is False. Raises NonFinite where log p(x) is not finite.
    """
    rows = model.rows(p, x)
    total, sums = 0.0, None
    for i in model.blocks(rows):
        log_p, r = model.posterior(p, rows[i])  # E-step
        total += float(log_p.astype(np.float64).sum())
        part = tree.map(lambda a: a.astype(np.float64), model.statistics(p, rows[i], r))
        sums = part if sums is None else tree.add(sums, part)
    if not math.isfinite(total):
        raise NonFinite(
            f"{type(model).__name__}: log p(x) is {total}: the data are too large for "
            f"{x.dtype}, scale them down or use float64"
        )
    sums = counted(sums)
    new = m_step(model, p, sums)
    gone = tuple(model.collapsed(sums))
    reseed = reseed and bool(gone)
    for k in gone if reseed else ():
        row = rows[int(rng.integers(len(rows)))].astype(np.float64)
        new = model.reseeded(new, sums, k, row)
        new["logits"][k] = -math.log(model.n_components)  # 1/K beside weights of sum 1
    dtype = p["logits"].dtype
    new = tree.map(lambda a, old: a.reshape(old.shape).astype(dtype), new, p)
    return Step(new, total / len(x), gone, reseed)


def m_step(model: Any, p: Params, sums: Params) -> Params:
    """The parameters that maximise the bound, from the sums over the data, in float64."""
    count = sums["count"]  #  N_k                                         (K,)      (6)
    logits = namespace(count).log(count / count.sum())  #  log pi_k       (K,)      (6)
    found: Params = {"logits": logits} | model.maximise(p, sums)
    return {key: found[key] for key in p}


def counted(sums: Params) -> Params:
    """The sums with counts that can be divided by."""
    return sums | {"count": namespace(sums["count"]).maximum(sums["count"], TINY)}


def begin(model: Any, rng: np.random.Generator, x: Array) -> Params:
    """Parameters to begin with: of the model's n_init starts, each run for a few steps, the best.

    C. Biernacki, G. Celeux and G. Govaert, Choosing starting values for the EM algorithm, 2003.
    """
    starts = [from_clusters(model, rng, x) for _ in range(model.n_init)]
    if model.n_init == 1:
        return starts[0]
    return max((run(model, p, x, rng, 0.0, SHORT) for p in starts), key=rank).p


def from_clusters(model: Any, rng: np.random.Generator, x: Array) -> Params:
    """A start: the clusters of k-means, taken for responsibilities of 0 and 1 by one M-step.

    Raises ValueError where x holds fewer examples, or fewer different ones, than components.
    """
    name, K = type(model).__name__, model.n_components
    shape = model.example_shape()
    check_array(name, x, *(("...",) if shape is None else ("N", *shape)))
    if len(x) < K:
        raise ValueError(
            f"{name}: {len(x)} examples for {K} components: give more examples, or choose fewer "
            "components"
        )
    model.check_values(x)
    pattern = replace(model, shape=x.shape[1:]).init(np.random.default_rng(0), x.dtype)
    p = to_device(pattern, device_of(x))
    rows = x.reshape(len(x), -1)
    labels, centres = kmeans(rows, K, rng)
    p = p | {model.centre: centres.reshape(K, *x.shape[1:])}  # sums are taken about these
    sums = model.statistics(p, rows, one_hot(labels, K, x))
    new = m_step(model, p, counted(tree.map(lambda a: a.astype(np.float64), sums)))
    return tree.map(lambda a, old: a.reshape(old.shape).astype(x.dtype), new, p)


def falls(log_likelihood: list[float], but: tuple[int, ...] = ()) -> float:
    """The greatest fall of a record from one entry to the next, 0 where it only rises.

    but : steps that may fall, such as those at which a component began again
    """
    gains = np.diff(np.asarray(log_likelihood, np.float64))
    kept = [gain for i, gain in enumerate(gains) if i not in but]
    return max(0.0, -float(min(kept, default=0.0)))


def mean(log_p: Array) -> float:
    """The mean, taken in float64."""
    return float(log_p.astype(np.float64).mean())
