"""Vowels, sample by sample: python demos/sound.py --out runs/sound

A sound at 8 kHz is 8000 numbers a second. Coded by the mu-law, each is one of 256 levels, and an
LSTM says by a softmax what the next may be; it is told which vowel is spoken. The truth is known:
vowels are synthesised, with formants as measured by Peterson and Barney in 1952.

1 what does a sample cost?      bits: levels by frequency, linear prediction, LSTM
2 does it sound right?          .wav files; formants of the model's sounds beside the true ones

A. van den Oord et al., WaveNet, arXiv 1609.03499, section 2.2; A. Graves, arXiv 1308.0850.
                                                            docs/questions/text_and_sound.md
"""

from textwrap import fill
from typing import Any

import numpy as np
from carried import Fit, draw, fit
from common import arguments, leave, table
from sound_parts import pictures, spectra
from sound_parts.baselines import ORDERS, Linear, level_bits
from sound_parts.wav import wav

from tinygen import atomic, to_device, to_host
from tinygen.data.mu_law import LEVELS, decode, encode
from tinygen.data.vowels import FORMANTS, RATE, vowels
from tinygen.likelihoods import Categorical
from tinygen.models.lstm_density import LSTMDensity

NAMES = ("heed", "head", "hod", "hawed", "who'd")
SIZES = {"train": 512, "validation": 20, "test": 50}
STEPS = 2000  # of a sound: a quarter of a second
FIRST = max(ORDERS)  # steps that are not scored: all models have a past from there on
EMBEDDING, STREAMS, STRETCH, PATIENCE = 32, 32, 160, 4
LEARNING_RATE = 4e-3  # at 128 hidden units; less in proportion where there are more
MORE = {"hidden": (128, "units of the LSTM"), "epochs": (6, "at most")}
DRAWN = 12  # sounds of each vowel
WORDS = (
    "A pulse of the folds rings the mouth: within a period linear prediction does well, but when "
    "the next pulse comes, and how strong, it cannot say; the LSTM can, once it has heard one.",
    "Peaks of spectra in Hz: by the table, of the training sounds, and of the model's. A peak is "
    "where the smoothed mean spectrum is highest near a formant; nan: there is none.",
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Synthesise, train, measure, speak. Returns the numbers."""
    args = arguments(__doc__, "sound", argv, data=None, more=MORE)
    args.epochs = 1 if args.quick else args.epochs
    sizes = dict.fromkeys(SIZES, 10) if args.quick else SIZES
    steps = 600 if args.quick else STEPS
    parts = {
        name: vowels(np.random.default_rng([args.seed, i]), n, steps, NAMES)
        for i, (name, n) in enumerate(sizes.items())
    }
    q = {name: (encode(part.x), part.labels) for name, part in parts.items()}
    model, done = trained(q, args)
    bits = scores(model, done, q, args)
    costs = {name: {"bits a sample": mean(values)} for name, values in bits.items()}
    print(f"\n1. What does a sample cost?\n\n{fill(WORDS[0], 96)}\n\n{table(costs)}", flush=True)

    made = sampled(model, done, args, steps)
    truth, known = (
        {name: parts[part].x[parts[part].labels == k] for k, name in enumerate(NAMES)}
        for part in ("test", "train")
    )
    coded = {name: decode(encode(x)) for name, x in truth.items()}
    shapes = {
        kind: {name: spectra.envelope(spectra.power(x)) for name, x in sounds.items()}
        for kind, sounds in {"known": known, "true": truth, "coded": coded, "made": made}.items()
    }
    peaks = formants(shapes)
    print(f"\n2. Does it sound right?\n\n{fill(WORDS[1], 96)}\n\n{table(peaks)}\n")
    close = likeness({"true": truth, "coded": coded, "made": made}, shapes)
    print(table(close))
    for name in NAMES:
        spoken(args, name, truth[name][0], model, done)
    numbers = {"bits a sample": costs, "formants, Hz": peaks, "likeness": close,
               "epochs": done.record, "seconds of training": done.seconds}  # fmt: skip
    ends = {name: (truth[name][0], made[name][0]) for name in NAMES}
    figures = {
        "spectra": pictures.spectrum(shapes["known"], shapes["made"]),
        "waves": pictures.waves(*({k: v[i] for k, v in ends.items()} for i in (0, 1))),
    }
    leave(args, figures, numbers)
    return numbers


def told(labels: np.ndarray, steps: int) -> np.ndarray:
    """Which vowel is spoken, a one-hot row at each step: (N, T, classes)."""
    rows = np.eye(len(NAMES), dtype=np.float32)[labels]
    return np.repeat(rows[:, None], steps, axis=1)


def trained(q: Any, args: Any) -> tuple[LSTMDensity, Fit]:
    """The LSTM, on sounds in another order each epoch; the state is carried through each sound."""
    hidden = min(args.hidden, 32) if args.quick else args.hidden
    model = LSTMDensity(
        hidden=(hidden,), likelihood=Categorical(LEVELS), embedding=EMBEDDING, inputs=len(NAMES)
    )
    p = to_device(model.init(np.random.default_rng([args.seed, 3])), args.device)
    x, labels = q["train"]
    order = np.random.default_rng([args.seed, 4])

    def rows(epoch: int) -> Any:
        found = order.permutation(len(x))
        groups = np.array_split(found, max(1, len(x) // STREAMS))
        u = (told(labels[g], x.shape[1]) for g in groups)
        return [to_device((x[g], v), args.device) for g, v in zip(groups, u, strict=True)]

    def validate(p: Any) -> float:
        return float(-lstm_log_p(model, p, q["validation"], args).mean() / np.log(2))

    done = fit(
        model, p, rows, validate,
        epochs=args.epochs, stretch=STRETCH, patience=PATIENCE,
        lr=LEARNING_RATE * min(1.0, 128 / hidden),
    )  # fmt: skip
    return model, done


def lstm_log_p(model: LSTMDensity, p: Any, part: Any, args: Any) -> np.ndarray:
    """log p of each step, in nats (N, T)."""
    x, labels = part
    return to_host(model.log_probs(p, to_device((x, told(labels, x.shape[1])), args.device))[0])


def scores(model: LSTMDensity, done: Fit, q: Any, args: Any) -> dict[str, np.ndarray]:
    """Bits of each scored step of the test sounds, by each model: (N, T - FIRST)."""
    (x, labels), (v, v_labels), (new, new_labels) = q["train"], q["validation"], q["test"]
    bits = {name: np.zeros(new.shape) for name in ("levels by frequency", "linear prediction")}
    orders = []
    for k in range(len(NAMES)):
        mine, here = x[labels == k], new_labels == k
        bits["levels by frequency"][here] = level_bits(mine, new[here])
        fitted = [Linear.fit(mine, n) for n in ORDERS]
        best = min(fitted, key=lambda f: f.bits(v[v_labels == k])[:, FIRST:].mean())
        bits["linear prediction"][here] = best.bits(new[here])
        orders.append(len(best.weights))
    print(f"\nlinear prediction: the orders {orders} are best on validation")
    bits["LSTM"] = -lstm_log_p(model, done.best, q["test"], args) / np.log(2)
    return {name: values[:, FIRST:] for name, values in bits.items()}


def mean(bits: np.ndarray) -> tuple[float, float]:
    """The mean, and its standard error over sounds."""
    each = bits.mean(axis=1)
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def sampled(model: LSTMDensity, done: Fit, args: Any, steps: int) -> dict[str, np.ndarray]:
    """Sounds of each vowel (n, steps), drawn from the model, in [-1, 1]."""
    n = 2 if args.quick else DRAWN
    rng = np.random.default_rng([args.seed, 5])
    labels = np.repeat(np.arange(len(NAMES)), n)
    u = to_device(told(labels, steps), args.device)
    x = decode(to_host(draw(model, done.best, rng, len(labels), steps, u=u)))
    return {name: x[labels == k] for k, name in enumerate(NAMES)}


def formants(shapes: Any) -> dict[str, dict[str, Any]]:
    """The peaks of the spectra near each formant."""
    rows = {}
    for name in NAMES:
        row: dict[str, Any] = {}
        for i, F in enumerate(FORMANTS[name], start=1):
            row[f"F{i}"] = F
            row[f"true {i}"] = round(spectra.peak(shapes["known"][name], F), 1)
            row[f"model's {i}"] = round(spectra.peak(shapes["made"][name], F), 1)
        rows[name] = row
    return rows


def likeness(sounds: Any, shapes: Any) -> dict[str, dict[str, Any]]:
    """How far mean spectra are apart, and how many sounds are nearest to their own vowel."""
    known, rows = np.stack(list(shapes["known"].values())), {}
    titles = {"true": "true", "coded": "true, through the mu-law", "made": "the model's"}
    for kind, title in titles.items():
        right = [spectra.nearest(sounds[kind][name], known) == k for k, name in enumerate(NAMES)]
        apart = [spectra.distance(shapes[kind][v], known[k]) for k, v in enumerate(NAMES)]
        rows[title] = {
            "dB from the training sounds": float(np.mean(apart)),
            "nearest to its own vowel": float(np.mean(np.concatenate(right))),
        }
    return rows


def spoken(args: Any, name: str, true: np.ndarray, model: LSTMDensity, done: Fit) -> None:
    """A true sound and one of the model's, of a second, as .wav files."""
    seconds = len(true) if args.quick else RATE
    label = np.array([NAMES.index(name)])
    rng = np.random.default_rng([args.seed, 6, int(label[0])])
    u = to_device(told(label, seconds), args.device)
    x = decode(to_host(draw(model, done.best, rng, 1, seconds, u=u)))[0]
    plain = name.replace("'", "")
    long = vowels(rng, 1, seconds, [name]).x[0]
    atomic.write_bytes(args.out / f"{plain}_model.wav", wav(x))
    atomic.write_bytes(args.out / f"{plain}_true.wav", wav(long))


if __name__ == "__main__":
    main()
