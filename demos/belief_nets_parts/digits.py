"""Questions about digits: the likelihoods, the samples, the order of pixels, completions, weights.

Likelihoods are exact, on test images whose pixels were drawn once from the grey levels.
"""

from typing import Any

import numpy as np

from belief_nets_parts.setting import COMPONENTS, Answer, Digits, models, weights_read
from tinygen import metrics, plots, to_host
from tinygen.arrays import Params
from tinygen.likelihoods import Bernoulli
from tinygen.models.autoregressive import Autoregressive

COLUMNS, SHOWN = 12, 30
Trained = dict[str, tuple[Autoregressive, Params]]


def likelihoods(digits: Digits, trained: Trained, rng: np.random.Generator) -> Answer:
    """Test NLL of all models, and what each draws. `trained` is filled with the nets."""
    rows, drawn = {}, {"test images": digits.drawn(digits.test[:SHOWN])}
    for K in (1, COMPONENTS):
        mixture, p = digits.mixture(K, rng)
        name = "independent pixels" if K == 1 else f"mixture of {K} Bernoullis"
        nll = -to_host(mixture.score_samples(p, digits.test))
        rows[name] = {"test NLL": metrics.mean_and_error(nll), "numbers": mixture.free(p)}
        if K > 1:
            drawn["mixture"] = digits.drawn(mixture.sample(p, rng, SHOWN))
    for name, model in models(digits.shape).items():
        p = digits.fit(name, model, rng)
        trained[name] = model, p
        rows[name] = {"test NLL": nll_of(model, p, digits), "numbers": weights_read(model)}
        drawn[name] = digits.drawn(model.sample(p, rng, SHOWN))
    sheets = {name: plots.images.tiled(x, 5) for name, x in drawn.items()}
    return rows, {"samples": plots.panels(sheets, "drawn pixel by pixel, but for the mixture's")}


def nll_of(model: Autoregressive, p: Params, digits: Digits) -> tuple[float, float]:
    """The mean of -log p(x) over the test images in nats, and its standard error."""
    return metrics.mean_and_error(-to_host(model.log_prob(p, digits.test)[0]).astype(np.float64))


def orders(digits: Digits, trained: Trained, rng: np.random.Generator) -> Answer:
    """The pixels by reading, from the middle outwards, and in a random order."""
    H, W, C = digits.shape
    places = np.arange(H * W * C)
    row, column = np.divmod(places // C, W)
    far = np.hypot(row - (H - 1) / 2, column - (W - 1) / 2)
    others = {
        "from the middle outwards": np.argsort(far, kind="stable"),
        "at random": rng.permutation(len(places)),
    }
    rows = {"by reading": {name: nll_of(*trained[name], digits) for name in ("FVBN", "NADE")}}
    for title, order in others.items():
        turned = digits.in_order(order)
        rows[title] = {}
        for name in ("FVBN", "NADE"):
            model = trained[name][0]
            rows[title][name] = nll_of(model, turned.fit(name, model, rng), turned)
    return rows, {}


def completions(digits: Digits, trained: Trained, rng: np.random.Generator) -> Answer:
    """The lower half given the upper: -log p(lower | upper), and draws from it."""
    x, half = digits.test[:COLUMNS], digits.shape[0] // 2
    rows, shown = {}, [digits.drawn(x)]
    for name, (model, p) in trained.items():
        logits, bits = [], []
        for start in range(0, len(digits.test), 500):
            part = digits.test[start : start + 500]
            logits.append(to_host(model.conditionals(p, part)[0])[:, half:])
            bits.append(to_host(part)[:, half:])
        lower = Bernoulli().nll(np.concatenate(logits), np.concatenate(bits))[0]
        error = metrics.mean_and_error(lower.astype(np.float64))
        rows[name] = {"lower half given the upper": error, "the whole": nll_of(model, p, digits)}
        known = half * digits.shape[1] * digits.shape[2]
        times = 3 if name == "NADE" else 1
        shown += [digits.drawn(model.complete(p, rng, x, known)) for _ in range(times)]
    title = "rows: test images; lower halves drawn by FVBN, by NADE three times, by MADE"
    return rows, {"completions": plots.reconstructions(*shown, columns=COLUMNS, title=title)}


def weights(digits: Digits, trained: Trained, rng: np.random.Generator) -> Answer:
    """Where the FVBN's largest weights lie, and NADE's hidden units as pictures."""
    H, W, C = digits.shape
    middle = [C * (int(H * r) * W + int(W * c)) for r in (0.4, 0.6, 0.8) for c in (0.3, 0.5, 0.7)]
    _, p = trained["FVBN"]
    seen = np.triu(to_host(p["W"]), 1)  # (D, D): column i is what place i looks at
    _, q = trained["NADE"]
    units = strongest(q, 30)
    sheets = {
        "FVBN: what nine pixels look at": signed(seen[:, middle].T, digits),
        "NADE: W, what 30 units look at": signed(to_host(q["W"])[:, units].T, digits),
        "NADE: V, what they then say": signed(to_host(q["V"])[:, 0, units].T, digits),
    }
    rows = {where: {"W of FVBN, mean": value} for where, value in by_place(seen, digits).items()}
    title = "grey is 0, black above, white below"
    return rows, {"weights": plots.panels(sheets, title)}


def strongest(q: Params, n: int) -> np.ndarray:
    """The hidden units with the largest weights, in and out."""
    W, V = to_host(q["W"]), to_host(q["V"])[:, 0]
    return np.argsort(-np.linalg.norm(W, axis=0) * np.linalg.norm(V, axis=0))[:n]


def by_place(seen: np.ndarray, digits: Digits) -> dict[str, float]:
    """The mean weight of the pixel to the left, of the one above, and |W| by distance."""
    H, W, C = digits.shape
    row, column = np.divmod(np.arange(H * W * C) // C, W)
    down, right = row - row[:, None], column - column[:, None]  # from the seen to the place
    apart = np.maximum(abs(down), abs(right))
    before = np.triu(np.ones_like(seen, bool), 1)
    return {
        "of the pixel to the left": float(seen[before & (down == 0) & (right == 1)].mean()),
        "of the pixel above": float(seen[before & (down == 1) & (right == 0)].mean()),
        "size, of the 4 neighbours before it": float(abs(seen)[before & (apart == 1)].mean()),
        "size, of all farther away": float(abs(seen)[before & (apart > 1)].mean()),
    }


def signed(rows: np.ndarray, digits: Digits) -> np.ndarray:
    """Rows (n, D) of weights as one picture; each scaled by itself, 0 is grey."""
    scale = np.quantile(abs(rows), 0.995, axis=1, keepdims=True) + 1e-12
    pictures: Any = (0.5 + 0.5 * rows / scale).reshape(-1, *digits.shape)
    return plots.images.tiled(pictures, 3 if len(rows) == 9 else 6)
