"""GAN and VAE-GAN by name: what they are told, what is measured, what the commands say of them."""

from pathlib import Path

import numpy as np
import pytest

from tinygen.adversarial import Wasserstein
from tinygen.cli import main
from tinygen.metrics.parzen import WARNING, parzen
from tinygen.metrics.sharpness import sharpness
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.optim import ClipWeights, Ema
from tinygen.optim.adam import Adam
from tinygen.systems import SYSTEMS, gan, vae_gan
from tinygen.systems.base import Task

TASK = Task((4, 4, 1))
SMALL = {"generator": (9,), "discriminator": (8,), "latent": 3}


def small(**options):
    o = gan.GANOptions(**{**SMALL, **options})
    return gan.build(o, TASK), o


def test_options_reach_the_model_and_the_game():
    model, o = small(objective="wasserstein", penalty="gp", penalty_weight=5.0, k=3, ema=0.9,
                     lr=1e-3, discriminator_lr=2e-3, prior="uniform")  # fmt: skip
    assert model.objective == Wasserstein() and model.penalty == GradientPenalty(5.0)
    assert model.prior == "uniform" and model.average
    d, g = gan.game(model, o, 10).turns
    assert d.times == 3 and g.average == ("average", Ema(0.9)) and d.project is None
    assert d.optimiser == Adam(lr=2e-3, beta1=0.5) and g.optimiser == Adam(lr=1e-3, beta1=0.5)
    model, o = small(objective="wasserstein", clip=0.01)
    d, g = gan.game(model, o, 10).turns
    assert d.project == ClipWeights(0.01) and g.average is None and g.project is None
    assert small(penalty="r1")[0].penalty == R1(10.0)
    assert [t.watch for t in gan.game(*small(), 10).turns] == [True, True]


@pytest.mark.parametrize(
    "options, says",
    [
        ({"objective": "wasserstein"}, "wasserstein needs a critic of bounded slope: choose"),
        ({"penalty_weight": 3.0}, "penalty_weight has no effect with penalty none"),
        ({"optimiser": "sgd", "beta1": 0.9}, "beta1 has no effect with optimiser sgd"),
        ({"prior": "cauchy"}, "unknown value 'cauchy': choose one of normal, uniform"),
        ({"k": 0}, "option k: must be >= 1, got 0"),
        ({"ema": 1.0}, "option ema: must be < 1, got 1.0"),
        ({"input_dropout": 1.0}, "option input_dropout: must be < 1, got 1.0"),
        ({"generator": ()}, "option generator: give at least 1, got none"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        gan.GANOptions(**options)


def test_the_numbers_of_a_gan_are_what_their_names_say(rng):
    model, _ = small(dropout=0.5)
    p, x = model.init(rng), rng.random((30, 4, 4, 1)).astype(np.float32)
    numbers = SYSTEMS["gan"].measure(model, p, x, np.random.default_rng(1), 1)
    again = np.random.default_rng(1)
    noise = {"z": model.draw_noise(again, x)["z"]}  # nothing is dropped in a measurement
    loss, backward = model.discriminator_loss(p, x, noise)
    found = parzen(model.sample(p, again, gan.FAKES), x[:15], x[15:])
    assert numbers == {
        "D's loss": (pytest.approx(float(loss)), None),
        "share of data that D tells rightly": (backward.terms["real"], None),
        "share of fakes that D tells rightly": (backward.terms["fake"], None),
        f"Parzen window of 10000 fakes, sigma {found.sigma:.3f}, nats (ranks no models)": (
            pytest.approx(found.mean),
            pytest.approx(found.error),
        ),
    }
    few = SYSTEMS["gan"].measure(model, p, x[:2], np.random.default_rng(1), 1)
    assert len(few) == 3


def test_the_scores_of_a_critic_are_not_called_shares(rng):
    model, _ = small(objective="wasserstein", penalty="gp")
    p, x = model.init(rng), rng.random((30, 4, 4, 1)).astype(np.float32)
    numbers = SYSTEMS["gan"].measure(model, p, x, rng, 1)
    assert {"mean score of data", "mean score of fakes"} < numbers.keys()


def test_the_numbers_of_a_vae_gan_are_what_their_names_say(rng):
    o = vae_gan.VAEGANOptions(net="dense", hidden=(9,), latent=3)
    model = vae_gan.build(o, TASK)
    p, x = model.init(rng), rng.random((30, 4, 4, 1)).astype(np.float32)
    numbers = SYSTEMS["vae-gan"].measure(model, p, x, np.random.default_rng(1), 1)
    again = model.reconstruct(p, x)
    wrong = ((again - x) ** 2).sum(axis=(1, 2, 3))
    assert numbers["squared error, sum over the pixels"][0] == pytest.approx(wrong.mean())
    ratio = sharpness(again).mean() / sharpness(x).mean()
    assert numbers["sharpness of reconstructions, relative to the data's"][0] == pytest.approx(
        ratio
    )
    players = vae_gan.game(model, o, 10).turns
    assert [t.player for t in players] == ["encoder", "decoder", "discriminator"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("gan") / "run")
    given = ["--data", "digits", "--generator", "9", "--discriminator", "8", "--steps", "3"]
    assert main(["train", "gan", "--out", folder, *given]) == 0
    return folder


def test_the_warning_is_printed_with_the_number_alone(run, tmp_path, capsys):
    assert main(["evaluate", run, "--limit", "20"]) == 0
    printed = capsys.readouterr().out
    assert "ranks no models" in printed and WARNING in printed
    given = ["--data", "digits", "--generator", "9", "--discriminator", "8", "--steps", "3"]
    assert main(["train", "gan", "--out", str(tmp_path), *given]) == 0
    assert WARNING not in capsys.readouterr().out


def test_a_fake_has_no_mean_and_the_refusal_says_why(run, capsys):
    assert main(["sample", run, "--mean"]) != 0
    assert (
        "what the generator makes is the sample itself, and no law of pixels"
        in capsys.readouterr().err
    )
    assert main(["sample", run]) == 0
    assert "64 x z ~ p(z), through the generator" in capsys.readouterr().out


def test_its_report_shows_curves_and_samples(run, capsys):
    assert main(["report", run]) == 0
    page = (Path(run) / "report.html").read_text()
    assert "The losses do not say how good the fakes" in page


def test_the_command_line_speaks_of_options_as_they_are_typed(tmp_path, capsys):
    given = ["--data", "digits", "--penalty-weight", "3", "--out", str(tmp_path / "run")]
    assert main(["train", "gan", *given]) == 1
    assert "tinygen train: --penalty-weight has no effect" in capsys.readouterr().err
