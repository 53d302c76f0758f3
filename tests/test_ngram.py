"""N-grams: Kneser and Ney's formula by its definition, sums to one, texts that they know."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from tinygen.models.ngram import NGram, discounts, found


def text(rng, n=400, levels=5):
    """Symbols with a memory: mostly the sum of the last two."""
    x = [0, 1]
    for _ in range(n - 2):
        x.append(int(rng.integers(levels)) if rng.random() < 0.3 else (x[-1] + x[-2]) % levels)
    return np.array(x)


def by_definition(x, n, levels, D):
    """p_n(w | h) of (1) by dictionaries and loops; D(m, c) the discounts."""
    grams = Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1))
    counts = {n: dict(grams)}
    for m in range(n - 1, 0, -1):
        begun = defaultdict(set)
        for gram in counts[m + 1]:
            begun[gram[1:]].add(gram[0])
        counts[m] = {gram: len(v) for gram, v in begun.items()}

    def p(w, h):
        if len(h) >= n:
            h = h[len(h) - n + 1 :]
        m = len(h) + 1
        shorter = p(w, h[1:]) if h else 1 / levels
        after = {v: counts[m][(*h, v)] for v in range(levels) if (*h, v) in counts[m]}
        total = sum(after.values())
        if not total:
            return shorter
        mass = sum(D(m, c) for c in after.values()) / total
        c = after.get(w, 0)
        return ((c - D(m, c)) if c else 0) / total + mass * shorter

    return p, counts


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_probabilities_are_those_of_the_definition(rng, order):
    x, new = text(rng), text(rng, 60)
    model = NGram(order, 5)
    p = model.fit(x)
    counts = by_definition(x, order, 5, None)[1]
    tables = {m: discounts(np.array(list(counts[m].values()))) for m in counts}
    define, _ = by_definition(x, order, 5, lambda m, c: tables[m][min(c, 3)])
    log_p = model.log_probs(p, new)
    for t in range(60):
        past = tuple(int(v) for v in new[max(0, t - order + 1) : t])
        assert np.exp(log_p[t]) == pytest.approx(define(int(new[t]), past), rel=1e-12), t
        assert model.probabilities(p, past)[new[t]] == pytest.approx(np.exp(log_p[t]), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4, 7])
def test_the_probabilities_sum_to_one_and_none_is_zero(rng, order):
    model = NGram(order, 6)
    p = model.fit(text(rng, 300, 5))  # the symbol 5 is never seen
    for length in range(8):
        for _ in range(20):
            prob = model.probabilities(p, rng.integers(6, size=length))
            assert prob.min() > 0 and prob.sum() == pytest.approx(1, abs=1e-12)


def test_probabilities_of_all_sequences_sum_to_one(rng):
    model = NGram(3, 2)
    p = model.fit(rng.integers(2, size=50))
    every = np.array(list(np.ndindex(2, 2, 2, 2, 2, 2)))
    assert np.exp([model.log_probs(p, x).sum() for x in every]).sum() == pytest.approx(1, abs=1e-12)


def test_a_longer_history_helps_until_it_was_not_seen(rng):
    x, new = text(rng, 3000), text(rng, 3000)
    nll = [-NGram(n, 5).log_probs(NGram(n, 5).fit(x), new).mean() for n in range(1, 7)]
    entropy = -(0.76 * np.log(0.76) + 4 * 0.06 * np.log(0.06))  # 0.7 + 0.3 / 5, and 0.3 / 5 each
    assert nll[0] > 1.5 and nll[2] == pytest.approx(entropy, abs=0.03)
    assert nll[2] < min(nll[0], nll[1]) and nll[5] > nll[2]


def test_the_discounts_are_those_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4, 5], [10, 6, 4, 3, 9])
    y = 10 / (10 + 2 * 6)
    expected = [0, 1 - 2 * y * 6 / 10, 2 - 3 * y * 4 / 6, 3 - 4 * y * 3 / 4]
    np.testing.assert_allclose(discounts(counts), expected, rtol=1e-12)
    assert discounts(np.array([1, 1, 2])).tolist() == [0, 0.5, 0.5, 0.5]


def test_draws_have_the_frequencies_that_the_model_says(rng):
    model = NGram(2, 3)
    p = model.fit(np.array([0, 1, 0, 1, 2, 0, 1, 0, 2, 1, 0]))
    x = model.sample(p, rng, 6000, past=[0])
    for w in range(3):
        after = x[1:][x[:-1] == w]
        share = np.bincount(after, minlength=3) / len(after)
        np.testing.assert_allclose(share, model.probabilities(p, [w]), atol=0.04)
    same = [model.sample(p, np.random.default_rng(3), 20, past=[1]) for _ in range(2)]
    assert np.array_equal(*same) and same[0].shape == (20,)


def test_what_is_not_there_is_not_found():
    known = np.array([2, 5, 9])
    assert [found(known, v)[1] for v in (1, 2, 5, 6, 9, 10)] == [0, 1, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda: NGram(0, 5), ValueError, "order"),
        (lambda: NGram(2, 1), ValueError, "levels"),
        (lambda: NGram(8, 256), ValueError, "order=8 with levels=256 is too long: at most 7"),
        (lambda: NGram(2, 3).fit(np.array([0, 3])), ValueError, r"lie in 0 \.\. 2, got 0 \.\. 3"),
        (lambda: NGram(2, 3).fit(np.array([0.0, 1])), TypeError, "whole numbers, got float64"),
        (lambda: NGram(2, 3).fit([0, 1]), TypeError, "whole numbers, got list"),
        (lambda: NGram(2, 3).fit(np.zeros((2, 2), int)), ValueError, r"shape \(T,\).*\(2, 2\)"),
        (lambda: NGram(2, 3).fit(np.zeros(0, int)), ValueError, "at least one step"),
        (lambda: NGram(3, 3).fit(np.array([0, 1])), ValueError, "2 symbols hold no 3-gram"),
    ],
)
def test_what_cannot_be_counted_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()
