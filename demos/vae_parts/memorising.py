"""5. What keeps a VAE from memorising? The prior: beta 0 beside beta 1 on few images.

At beta 0 nothing is paid for a code. The noise dies, each training image gets a place of its own,
and the decoder learns what stands where. At beta 1 a place costs nats, so images share theirs.
"""

from typing import Any

import numpy as np

from tinygen import to_host
from tinygen.models.vae import VAE
from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure
from tinygen.training import Trained
from vae_parts.setting import Numbers, Setting, codes
from vae_parts.sketch import dots, round_prior

FEW = 1000  # training images, binarised once: the same pixels in each epoch
WATCHED = 1000  # test images in the curves


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """The same net at beta 0 and 1, 2-D codes, as many steps as on all training images."""
    few = setting.train[: min(FEW, len(setting.train) // 3)]
    x = setting.transform(setting.rng, few) if setting.transform else few
    models = {f"beta {beta}": setting.model(2, beta=float(beta)) for beta in (0, 1)}
    runs = {
        name: setting.fit(f"{len(x)} images, {name}", model, x, setting.x[:WATCHED])
        for name, model in models.items()
    }
    numbers: Numbers = {}
    for name, model in models.items():
        p = runs[name].p
        on = {part: setting.measure(model, p, y) for part, y in (("train", x), ("test", setting.x))}
        q = codes(model, p, setting.x)
        numbers[name] = {
            "train NLL": on["train"]["distortion"],
            "test NLL": on["test"]["distortion"],
            "gap": on["test"]["distortion"][0] - on["train"]["distortion"][0],
            "train rate": on["train"]["rate"],
            "train -ELBO": on["train"]["minus ELBO"],
            "test -ELBO": on["test"]["minus ELBO"],
            "mean std": float(np.exp(to_host(q["log_var"]) / 2).mean()),
            "spread of means": float(to_host(q["mean"]).std(axis=0).mean()),
        }
    return numbers, picture(setting, models, runs, x)


def picture(setting: Setting, models: dict[str, VAE], runs: dict[str, Trained], x: Any) -> Any:
    """The NLL on train and test over the training, and the codes at its end."""
    figure = new_figure(11.5, 3.9)
    left, *maps = figure.subplots(1, 3, width_ratios=(1.15, 1, 1))
    dress(left, f"-log p(x|z), {len(x)} training images", "epoch", "nats an image")
    for (name, run), colour in zip(runs.items(), LINES, strict=False):
        epochs = [line["epoch"] for line in run.log]
        for part, style in (("train", ":"), ("validation", "-")):
            nll = [line[part]["nll"] for line in run.log]
            label = f"{name}, {'train' if part == 'train' else 'test'}"
            left.plot(epochs, nll, style, color=colour, label=label)
    late = [line[part]["nll"] for run in runs.values() for line in run.log[len(run.log) // 20 :]
            for part in ("train", "validation")]  # fmt: skip
    left.set_ylim(min(late) - 5, max(late) + 5)
    left.legend(frameon=False, fontsize=SMALL)
    for ax, (name, model) in zip(maps, models.items(), strict=True):
        dress(ax, f"{name}: means of q(z|x), test images\n(grey: the training images)")
        trained = to_host(codes(model, runs[name].p, x)["mean"])
        ax.scatter(*trained.T, s=9, color=FAINT, lw=0, alpha=0.5)
        dots(ax, codes(model, runs[name].p, setting.x)["mean"], setting.labels)
        round_prior(ax)
    return figure
