"""A text, character by character: python demos/text.py --file book.txt --out runs/text

1 how well do the last n - 1 characters tell the next?   n-grams, smoothed after Kneser and Ney
2 what does an LSTM add, that may look back further?     embedding, LSTM, softmax
3 does each know what the other does not?                their probabilities, averaged
4 how do they write?                                     draws, at several temperatures

Without --file the text is the library's own documentation. The first 80 % of each page are learnt
from, the next 10 % choose (the n, the epoch, the share of each in the average), the last 10 % are
held out: all numbers are bits a character of them, with a standard error over blocks of the text.
A. Graves, arXiv 1308.0850.     docs/questions/text_and_sound.md, docs/derivations/ngram.md
"""

from textwrap import fill
from typing import Any

import numpy as np
from carried import Fit, draw, fit, streams
from common import arguments, leave, table
from text_parts import pictures
from text_parts.corpus import Corpus, corpus

from tinygen import atomic, to_device, to_host
from tinygen.likelihoods import Categorical
from tinygen.models.lstm_density import LSTMDensity
from tinygen.models.ngram import NGram

ORDERS = range(1, 10)
EMBEDDING, STREAMS, STRETCH = 32, 32, 64
RATE = 4e-3  # at 128 hidden units; less in proportion where there are more
PATIENCE = 5
BLOCK = 250  # characters: far apart enough to count as independent
TEMPERATURES = (0.5, 0.8, 1.0, 1.2)
SHARES = np.linspace(0, 1, 21)  # of the LSTM in the average
MORE: dict[str, tuple[int | str, str]] = {
    "file": ("", "a text file in UTF-8 (default: the documentation)"),
    "hidden": (128, "units of the LSTM"),
    "length": (600, "characters of each draw"),
    "epochs": (25, "at most"),
}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Count, train, compare, write. Returns the numbers."""
    args = arguments(__doc__, "text", argv, data=None, more=MORE)
    args.epochs = 1 if args.quick else args.epochs
    rng, found = np.random.default_rng(args.seed), corpus(args.file)
    sizes = {k: len(getattr(found, k)) for k in ("train", "validation", "test")}
    if args.quick:
        sizes = {k: min(n, 3000) for k, n in sizes.items()}
    parts = {k: getattr(found, k)[:n] for k, n in sizes.items()}
    K = len(found.alphabet)
    counts = ", ".join(f"{n} {name}" for name, n in sizes.items())
    print(f"{found.name}: characters {counts}; {K} different ones\n")

    orders, ngram, tables = counted(parts, K)
    model, done = trained(parts, K, args, rng)
    log_p = {
        name: {
            f"{ngram.order}-gram": ngram.log_probs(tables, parts[name]),
            "LSTM": to_host(scores(model, done, parts[name], args)),
        }
        for name in ("validation", "test")
    }
    share = best_share(log_p["validation"])
    for values in log_p.values():
        values[f"average, {share:.2f} LSTM"] = averaged(values, share)
    bits = {name: -values / np.log(2) for name, values in log_p["test"].items()}
    uniform, order = np.log2(K), next(iter(bits))
    rows: dict[str, dict[str, Any]] = {
        name: {"bits a character": mean(values)} for name, values in bits.items()
    }
    rows["LSTM less n-gram"] = {"bits a character": mean(bits["LSTM"] - bits[order])}
    rows["every character as likely"] = {"bits a character": float(uniform)}
    print("\n" + table(rows) + "\n\n" + fill(verdict(bits), 96))
    texts = written(found, model, done, ngram, tables, args)
    atomic.write_text(args.out / "samples.txt", texts)
    print("\n" + texts[:1500])
    figures = {"learning": pictures.learning(done.record, orders), "along": pictures.along(bits)}
    numbers = {"held out": rows, "orders, validation": orders, "epochs": done.record,
               "seconds of training": done.seconds, "characters": sizes, "alphabet": K}  # fmt: skip
    leave(args, figures, numbers)
    return numbers


def counted(parts: dict[str, np.ndarray], K: int) -> tuple[dict[int, float], NGram, Any]:
    """Bits a character of each order on validation, and the best model with its tables."""
    orders, best = {}, None
    for n in ORDERS:
        if K**n >= 1 << 63:
            break
        model = NGram(n, K)
        tables = model.fit(parts["train"])
        orders[n] = float(-model.log_probs(tables, parts["validation"]).mean() / np.log(2))
        if best is None or orders[n] <= min(orders.values()):
            best = model, tables
        print(f"  {n}-gram: validation {orders[n]:.4f} bits a character", flush=True)
    assert best is not None
    return orders, *best


def trained(parts: Any, K: int, args: Any, rng: np.random.Generator) -> tuple[LSTMDensity, Fit]:
    """The LSTM, by truncated back-propagation with a carried state, stopped by validation."""
    hidden = min(args.hidden, 32) if args.quick else args.hidden
    model = LSTMDensity(hidden=(hidden,), likelihood=Categorical(K), embedding=EMBEDDING)
    p = to_device(model.init(rng), args.device)
    x, shifts = parts["train"], np.random.default_rng([args.seed, 1])

    def rows(epoch: int) -> Any:  # begun elsewhere in each epoch: stretches end elsewhere
        shift = int(shifts.integers(STRETCH)) if epoch else 0
        return [(to_device(streams(x, STREAMS, shift), args.device), None)]

    def validate(p: Any) -> float:
        log_p = model.log_probs(p, to_device(parts["validation"][None], args.device))[0]
        return float(-log_p.mean() / np.log(2))

    rate = RATE * min(1.0, 128 / hidden)
    done = fit(
        model, p, rows, validate, epochs=args.epochs, stretch=STRETCH, lr=rate, patience=PATIENCE
    )
    return model, done


def scores(model: LSTMDensity, done: Fit, x: np.ndarray, args: Any) -> Any:
    """log p of each character, in nats; the state runs through the whole text."""
    return model.log_probs(done.best, to_device(x[None], args.device))[0][0]


def averaged(log_p: dict[str, np.ndarray], share: float) -> np.ndarray:
    """log of the average of both models' probabilities, which sums to one as they do."""
    ngram, lstm = list(log_p.values())[:2]
    if share in (0.0, 1.0):
        return lstm if share else ngram
    return np.logaddexp(np.log(1 - share) + ngram, np.log(share) + lstm)


def best_share(log_p: dict[str, np.ndarray]) -> float:
    """The share of the LSTM whose average is best on validation."""
    return float(max(SHARES, key=lambda share: averaged(log_p, share).mean()))


def mean(values: np.ndarray) -> tuple[float, float]:
    """The mean, and its standard error over blocks of the text."""
    size = min(BLOCK, max(1, len(values) // 10))
    blocks = values[: len(values) // size * size].reshape(-1, size).mean(axis=1)
    return float(values.mean()), float(blocks.std(ddof=1) / np.sqrt(len(blocks)))


def verdict(bits: dict[str, np.ndarray]) -> str:
    """Who wins, in words."""
    order = next(iter(bits))
    gap, error = mean(bits["LSTM"] - bits[order])
    if abs(gap) < 2 * error:
        return f"LSTM and {order} are within two standard errors of each other."
    winner, loser = ("LSTM", order) if gap < 0 else (order, "LSTM")
    return f"The {winner} wins: {abs(gap):.3f} +- {error:.3f} bits a character less than {loser}."


def written(
    found: Corpus, model: LSTMDensity, done: Fit, ngram: NGram, tables: Any, args: Any
) -> str:
    """Draws of the LSTM at each temperature, and of the n-gram."""
    rng = np.random.default_rng([args.seed, 2])
    length = min(args.length, 60) if args.quick else args.length
    texts = []
    for temperature in TEMPERATURES:
        x = to_host(draw(model, done.best, rng, 1, length, temperature))[0]
        texts.append(f"--- LSTM, temperature {temperature}\n{found.text(x)}\n")
    x = ngram.sample(tables, rng, length)
    return "\n".join([*texts, f"--- {ngram.order}-gram\n{found.text(x)}\n"])


if __name__ == "__main__":
    main()
