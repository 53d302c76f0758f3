"""How near does an LSTM come to the true density of a series? python demos/time_series.py

Of an autoregressive process the best possible forecast is known, and so is what it pays: no
model's mean NLL is below the entropy rate. An LSTM that is told nothing of such processes is
trained on windows of 100 steps, and then reads one series of 100000 steps from end to end; the
true model reads the same one. The difference is what the LSTM does not know.

The third series forks: at each step it goes up or down, by a coin. A Gaussian pays for the empty
middle; a mixture (Bishop 1994) does not.
"""

import argparse
from typing import Any

import numpy as np
from common import arguments, leave, table
from time_series_parts import drawing
from time_series_parts.processes import AR1, AR2, FORK, Process, ar_forecast

from tinygen import to_device, to_host, tree
from tinygen.arrays import Params
from tinygen.data import ar
from tinygen.likelihoods import Gaussian, Likelihood, MixtureDensity
from tinygen.models import LSTMDensity
from tinygen.optim import adam
from tinygen.schedules import cosine
from tinygen.training import Turn, train

HIDDEN, WINDOW, BATCH = 32, 100, 50
LR = 3e-3
AHEAD = 30

Models = dict[str, tuple[LSTMDensity, Params]]
Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train on the three processes, for each seed; measure, forecast, simulate."""
    more = {
        "seeds": (3, "how often each is trained"),
        "epochs": (10, "of each training"),
        "windows": (5000, "of 100 steps, to train on"),
        "test": (100_000, "steps of the series to be read"),
    }
    args = arguments(__doc__, "time_series", argv, data=None, more=more)
    if args.quick:
        args.seeds, args.epochs, args.windows, args.test = 1, 2, 500, 5000
    kinds: list[tuple[Process, Likelihood]] = [
        (AR1, Gaussian()),
        (AR2, Gaussian()),
        (FORK, Gaussian()),
        (FORK, MixtureDensity(4)),
    ]
    numbers: Numbers = {}
    models: Models = {}
    for process, likelihood in kinds:
        rows = []
        for seed in range(args.seed, args.seed + args.seeds):
            rng = np.random.default_rng(seed)
            model, p, row = fit(process, likelihood, rng, args)
            rows.append(row)
            name = title(process, likelihood)
            print(
                f"{name}, seed {seed}: " + ", ".join(f"{k} {v:.4f}" for k, v in row.items()),
                flush=True,
            )
            if seed == args.seed:
                models[name] = model, p
        numbers[name] = {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}
        numbers[name]["worst of the seeds"] = max(row["above the truth"] for row in rows)
    print(f"\nnats a step, mean of {args.seeds} trainings")
    print(table({k: {c: f"{v:.4f}" for c, v in row.items()} for k, row in numbers.items()}))
    rng = np.random.default_rng([args.seed, 1])
    figures = {
        "fork": fork_picture(models, rng, numbers, args),
        "forecast": forecast_picture(*models["AR(2)"], rng, args),
        "simulated": simulation_picture(models, rng, numbers, args),
    }
    leave(args, figures, numbers)
    return numbers


def title(process: Process, likelihood: Likelihood) -> str:
    """The process; of the fork also what the model puts out."""
    kind = "mixture" if isinstance(likelihood, MixtureDensity) else "Gaussian"
    return f"{process.name}, {kind}" if process is FORK else process.name


def fit(
    process: Process, likelihood: Likelihood, rng: np.random.Generator, args: argparse.Namespace
) -> tuple[LSTMDensity, Params, dict[str, float]]:
    """A model, and what it and the truth pay on one long series, in nats a step.

    The series is read with the state carried on, and its first steps, of which the process itself
    says nothing, are left out for both.
    """
    model = LSTMDensity(1, (HIDDEN,), likelihood=likelihood)
    x = to_device(process.draw(rng, args.windows, WINDOW)[..., None], args.device)
    p = to_device(model.init(rng), args.device)
    rate = cosine(LR, args.epochs * -(-args.windows // BATCH))
    turn = Turn("series", model.loss, model.draw_noise, adam(rate))
    p = train(turn, p, x, rng=rng, epochs=args.epochs, batch=BATCH, progress=False).p
    test = process.draw(rng, 1, args.test + process.first)
    log_p, _ = model.log_probs(p, to_device(test[..., None], args.device))
    ours, true = -to_host(log_p)[0, process.first :], -process.log_prob(test)[0]  # (T,)
    gap = ours.astype(np.float64) - true
    row = {
        "no past": process.alone,
        "LSTM": float(ours.mean(dtype=np.float64)),
        "true model": float(true.mean()),
        "above the truth": float(gap.mean()),
        "its error": float(gap.std() / np.sqrt(gap.size)),
    }
    return model, p, row


def fork_picture(
    models: Models, rng: np.random.Generator, numbers: Numbers, args: argparse.Namespace
) -> Any:
    """p(next step | past) of the truth and of both models, at moments of a series.

    To each place of the last step belongs the moment at which the series was nearest to it.
    """
    side = np.linspace(-2.6, 2.6, 105, dtype=np.float32)
    x = FORK.draw(rng, 1, 2000)
    moments = abs(x[0, :-1] - side[:, None]).argmin(axis=1) + 1  #         (M,)
    last, to = (a.reshape(-1) for a in np.meshgrid(x[0, moments - 1], side, indexing="ij"))
    densities = {"true": np.exp(FORK.log_prob(np.stack([last, to], axis=1)))}
    nats = {"true": numbers["fork, Gaussian"]["true model"]}
    for name in ("fork, Gaussian", "fork, mixture"):
        model, p = models[name]
        params, _ = model.conditionals(p, to_device(x[..., None], args.device))
        at = to_device(moments.repeat(len(side)), args.device)
        rows = tree.map(lambda a, at=at: a[0, at], params)  #              (M M, ...)
        nll, _ = model.likelihood.nll(rows, to_device(to[:, None], args.device))
        kind = name.removeprefix("fork, ")
        densities[kind], nats[kind] = np.exp(-to_host(nll)), numbers[name]["LSTM"]
    shaped = {name: d.reshape(len(side), -1) for name, d in densities.items()}
    return drawing.next_steps(side, shaped, nats)


def forecast_picture(
    model: LSTMDensity, p: Params, rng: np.random.Generator, args: argparse.Namespace
) -> Any:
    """1000 continuations of one past, beside what may be known of it exactly."""
    past = AR2.draw(rng, 1, WINDOW)
    state = model.log_probs(p, to_device(past[..., None], args.device))[1]
    many = tree.map(lambda a: a.repeat(1000, axis=0), state)
    drawn = to_host(model.sample(p, rng, 1000, AHEAD, state=many))[..., 0]  # (1000, AHEAD)
    exact = ar_forecast(past[0], ar.AR2, AHEAD)
    return drawing.forecasts(past[0], drawn, *exact, "AR(2): what comes next")


def simulation_picture(
    models: Models, rng: np.random.Generator, numbers: Numbers, args: argparse.Namespace
) -> Any:
    """Series from the models, and their autocovariance, which is also noted."""
    found, samples = {}, {}
    for name, phi in (("AR(1)", ar.AR1), ("AR(2)", ar.AR2)):
        model, p = models[name]
        x = to_host(model.sample(p, rng, 20 if args.quick else 200, 500))[..., 0]
        centred = x[:, 100:].astype(np.float64)  # the mean is 0, by the process
        ours = np.array([(centred[:, lag:] * centred[:, : 400 - lag]).mean() for lag in range(25)])
        exact = ar.autocovariance(phi, lags=24)
        found[name], samples[name] = (exact, ours), x[:2, 100:300]
        numbers[name]["largest error of the autocovariance"] = float(abs(ours - exact).max())
        numbers[name]["variance"] = float(exact[0])
    return drawing.echoes(found, samples)


if __name__ == "__main__":
    main()
