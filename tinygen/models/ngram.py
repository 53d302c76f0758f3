"""An n-gram model of whole numbers: counts of what followed the last n - 1, smoothed.

    p_m(w | h) = (c_m(h w) - D_m(c_m(h w))) / c_m(h) + mass_m(h) p_{m-1}(w | h')              (1)

h holds the last m - 1 symbols, h' all of them but the first; p_0 = 1 / K. What the discounts D
take from the seen goes, as mass_m(h), to the shorter history, so that no symbol gets zero.
R. Kneser and H. Ney, ICASSP 1995; interpolated, with the discounts of S. Chen and J. Goodman, An
Empirical Study of Smoothing Techniques for Language Modeling, 1998.
                                                           docs/derivations/ngram.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.layers.base import check_sizes

Table = dict[str, np.ndarray]


@dataclass(frozen=True)
class NGram:
    """p(x_t | x_{t-n+1}, ..., x_{t-1}) of symbols 0 .. K-1; it counts, and has no gradient

    order  : n; 1 looks at nothing, 2 at the symbol before
    levels : K, at least 2. K^n must stay below 2^63, for a history is one whole number

    The tables that `fit` returns lie on the host. Raises ValueError for sizes out of range and
    symbols outside 0 .. K-1, TypeError for what are no whole numbers.
    """

    order: int
    levels: int

    def __post_init__(self) -> None:
        check_sizes(self, order=self.order)
        check_sizes(self, 2, levels=self.levels)
        if self.levels**self.order >= 1 << 63:
            most = int(63 * np.log(2) / np.log(self.levels))
            raise ValueError(
                f"NGram: order={self.order} with levels={self.levels} is too long: at most {most}"
            )

    def fit(self, x: np.ndarray) -> dict[str, Table]:
        """The tables of the orders "1" .. "n", from one sequence x (T,).

        codes, left : the m-grams that occur, and their counts less the discount   (M,)
        histories   : their first m - 1 symbols, each once                         (H,)
        total, mass : c_m(h), and what (1) leaves to the shorter history           (H,)
        """
        self.check(x)
        if len(x) < self.order:
            raise ValueError(f"NGram: {len(x)} symbols hold no {self.order}-gram: give a longer x")
        codes, counts = np.unique(self.codes(x, self.order), return_counts=True)
        p = {}
        for m in range(self.order, 0, -1):
            p[str(m)] = self.table(codes, counts)
            # A shorter m-gram counts once for each symbol that stood before it: c_{m-1}    (2)
            codes, counts = np.unique(codes % self.levels ** (m - 1), return_counts=True)
        return p

    def table(self, codes: np.ndarray, counts: np.ndarray) -> Table:
        """One order of (1) from the counts of its m-grams."""
        discount = discounts(counts)[np.minimum(counts, 3)]  # D_m(c)          (M,)
        histories, of = np.unique(codes // self.levels, return_inverse=True)
        total = np.bincount(of, counts)  # c_m(h) = sum_w c_m(h w)             (H,)
        mass = np.bincount(of, discount) / total  #                            (H,)         (3)
        return {
            **{"codes": codes, "left": counts - discount},
            **{"histories": histories, "total": total, "mass": mass},
        }

    def log_probs(self, p: dict[str, Table], x: np.ndarray) -> np.ndarray:
        """log p(x_t | the n - 1 before it) of each step (T,), in nats; at its start fewer."""
        self.check(x)
        self.check_tables(p)
        prob = np.full(len(x), 1 / self.levels)  # p_0                          (T,)
        for m in range(1, min(self.order, len(x)) + 1):
            table, codes = p[str(m)], self.codes(x, m)  # of x_{t-m+1} .. x_t   (T-m+1,)
            h, known = found(table["histories"], codes // self.levels)
            k, seen = found(table["codes"], codes)
            total, shorter = table["total"][h], prob[m - 1 :]
            p_m = seen * table["left"][k] / total + table["mass"][h] * shorter  #             (1)
            prob[m - 1 :] = np.where(known, p_m, shorter)
        return np.log(prob)

    def probabilities(self, p: dict[str, Table], past: Any = ()) -> np.ndarray:
        """p(w | the last n - 1 of `past`) of all symbols w: (K,)."""
        K = self.levels
        past = symbols(past)[max(0, len(past) - self.order + 1) :]
        if len(past):
            self.check(past)
        self.check_tables(p)
        prob = np.full(K, 1 / K)
        for m in range(1, len(past) + 2):
            table = p[str(m)]
            history = np.int64(0) if m == 1 else self.codes(past, m - 1)[-1]
            h, known = found(table["histories"], history)
            if not known:
                break  # nor is a longer one
            first, last = np.searchsorted(table["codes"], [history * K, history * K + K])
            prob = table["mass"][h] * prob  #                                                 (1)
            prob[table["codes"][first:last] - history * K] += (
                table["left"][first:last] / table["total"][h]
            )
        return prob

    def sample(
        self, p: dict[str, Table], rng: np.random.Generator, steps: int, past: Any = ()
    ) -> np.ndarray:
        """New symbols (steps,) that go on from `past`, drawn one by one."""
        check_sizes(self, steps=steps)
        x = symbols(past).tolist()
        for _ in range(steps):
            cdf = np.cumsum(self.probabilities(p, x[-self.order :]))
            x.append(min(int(np.searchsorted(cdf, rng.random() * cdf[-1])), self.levels - 1))
        return np.array(x[-steps:])

    def codes(self, x: np.ndarray, m: int) -> np.ndarray:
        """Each m symbols in a row as one whole number, the last as its lowest digit."""
        codes = np.zeros(len(x) - m + 1, np.int64)
        for i in range(m):
            codes = codes * self.levels + x[i : len(x) - m + 1 + i]
        return codes

    def check_tables(self, p: dict[str, Table]) -> None:
        """Refuse the tables of shorter n-grams. Raises ValueError."""
        if str(self.order) not in p:
            raise ValueError(
                f"NGram: the tables are of the orders {', '.join(sorted(p))}; {self!r} needs its "
                "own: fit"
            )

    def check(self, x: Any) -> None:
        """Refuse what is no sequence of symbols. Raises TypeError, ValueError."""
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu":
            got = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            raise TypeError(f"NGram: expected a NumPy array of whole numbers, got {got}")
        if x.ndim != 1 or not len(x):
            raise ValueError(f"NGram: expected x of shape (T,), at least one step, got {x.shape}")
        if x.min() < 0 or x.max() >= self.levels:
            raise ValueError(
                f"NGram: symbols must lie in 0 .. {self.levels - 1}, got {x.min()} .. {x.max()}"
            )


def discounts(counts: np.ndarray) -> np.ndarray:
    """D(0) .. D(3), the last for all counts from 3 on, from how many have count 1, 2, 3, 4.

    Where one of these numbers is zero, as in short texts, D = 1/2 for each.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    if not n[1:5].all():
        return np.array([0, 0.5, 0.5, 0.5])
    y = n[1] / (n[1] + 2 * n[2])
    D = np.array([0, *(c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3))])  #             (4)
    return D.clip([0, 0.05, 0.05, 0.05], [0, 0.95, 1.95, 2.95])


def symbols(past: Any) -> np.ndarray:
    """A past as an array; floats are left for `check` to refuse."""
    past = np.asarray(past)
    return past if len(past) else past.astype(np.int64)


def found(known: np.ndarray, wanted: Any) -> tuple[Any, Any]:
    """The index of each wanted number among the known, sorted ones, and whether it is there."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted
