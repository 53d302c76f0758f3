"""Each system, in each of its variants, is trained, opened again and used from its folder alone."""

import numpy as np
import pytest

from tinygen.cli import main
from tinygen.systems import SYSTEMS
from tinygen.systems.base import Task
from tinygen.systems.job import cut, seen
from tinygen.systems.trained import open_run
from tinygen.systems.vae import VAEOptions, build, game

VARIANTS = {
    "vae": [
        "",
        "--likelihood gaussian",
        "--likelihood gaussian --variance shared",
        "--likelihood gaussian --variance pixel --data coloured-digits",
        "--posterior full",
        "--beta 4 --warm-up 1",
        "--free-bits 0.1",
        "--importance 3",
        "--prior 3",
        "--hidden 12,8 --optimiser rmsprop --lr 0.002",
        "--net conv",
        "--net conv --likelihood gaussian --posterior full --data coloured-digits",
        "--activation softplus",
        "--activation tanh --net conv",
    ],
    "conditional-vae": ["", "--likelihood gaussian"],
    "semi-supervised-vae": ["--labels 20", "--labels 20 --likelihood gaussian"],
    "debiasing-vae": [
        "",
        "--resample product --alpha 0.1 --debias 3",
        "--resample none --likelihood bernoulli",
        "--net conv --weight 5 --beta 2",
    ],
    "m1-m2": ["--m1 M1 --labels 20 --kept 0,2"],
    "tc-vae": [
        "--likelihood bernoulli",
        "--alpha 0 --beta 3 --gamma 2",
        "--sampling stratified",
        "--net conv",
    ],
    "factor-vae": ["--discriminator 8,6", "--net conv --likelihood bernoulli --gamma 3"],
    "cycle-gan": [
        "--width 2 --blocks 1 --downs 1 --kernel 3 --patch 2,3 --history 8",
        "--to rotated --width 2 --blocks 1 --patch 2,3 --identity 0.5 --cycle 5 --constant 2",
        "--to digits-thresholded --width 2 --blocks 1 --patch 2,3 --lr 0.001 --norm none",
    ],
    "autoencoder": [
        "",
        "--net conv --data coloured-digits",
        "--net linear",
        "--net contractive --contraction 0.5",
        "--net deep-contractive --contraction 0.5 --hidden 12",
        "--corruption masking --amount 0.5",
        "--corruption gaussian",
        "--corruption salt-and-pepper",
    ],
    "pixelcnn": [
        "--blocks 2 --features 4 --head 5 --kernel 5",
        "--blocks 1 --features 4 --told class --likelihood categorical --levels 4",
        "--blocks 1 --features 6 --head 6 --likelihood mixture --levels 8 --components 2 "
        "--data coloured-digits",
        "--blocks 1 --features 4 --likelihood gaussian",
    ],
    "gated-pixelcnn": [
        "--features 4 --layers 2 --first 5",
        "--features 4 --layers 2 --told class --likelihood categorical --levels 4",
        "--features 6 --layers 1 --head 6 --likelihood mixture --levels 8 --components 2 "
        "--data coloured-digits",
        "--features 4 --layers 2 --likelihood gaussian",
    ],
    "pixel-rnn": [
        "--layers 1 --features 4",
        "--layers 2 --features 4 --lstm row --residual off --skip on",
        "--layers 1 --features 4 --lstm row --likelihood categorical --levels 4",
        "--layers 1 --features 4 --lstm row --likelihood mixture --levels 8 --components 2",
        "--layers 1 --features 4 --lstm row --likelihood gaussian",
    ],
    "made": [
        "--hidden 12",
        "--hidden 12,9 --masks 3 --order random --degrees even --direct yes",
        "--hidden 12 --likelihood gaussian --data coloured-digits",
        "--hidden 12 --likelihood categorical --levels 5",
        "--hidden 12 --likelihood mixture",
    ],
    "lstm": [
        "--data ar2 --hidden 5",
        "--data pendulum --hidden 5,4 --likelihood mixture --components 3",
    ],
    "gaussian-mixture": [
        "",
        "--covariance tied --components 3",
        "--covariance diag --starts 2",
        "--covariance spherical --floor 1e-4 --data ring",
    ],
    "bernoulli-mixture": ["", "--components 5 --starts 2 --floor 0.01"],
    "fvbn": [
        "--decay 0.5 --decay-every 1 --l2 1e-4",
        "--likelihood categorical --levels 17",
        "--likelihood mixture --levels 17 --components 3",
        "--likelihood gaussian",
    ],
    "nade": [
        "--hidden 10 --decay 0.99",
        "--hidden 10 --activation sigmoid --likelihood categorical --levels 5",
        "--hidden 10 --likelihood mixture --levels 17 --data coloured-digits",
        "--hidden 10 --likelihood gaussian",
    ],
    "gan": [
        "--generator 9 --discriminator 8 --dropout 0 --ema 0.9",
        "--generator 9,8 --discriminator 8 --pieces 2 --input-dropout 0.2 --prior uniform "
        "--objective minimax --optimiser sgd --k 2 --data coloured-digits",
        "--generator 9 --discriminator 8 --objective least-squares --penalty r1",
        "--generator 9 --discriminator 8 --objective hinge",
        "--generator 9 --discriminator 8 --objective wasserstein --penalty gp --ema 0.5",
        "--generator 9 --discriminator 8 --objective wasserstein --clip 0.01",
    ],
    "progressive-gan": [
        "--latent 5 --group 2 --ema 0.9",
        "--channels 3,4 --latent 5 --grow off --k 2 --ema 0 --data coloured-digits",
    ],
    "dcgan": [
        "--features 4 --latent 5 --ema 0.9 --objective hinge",
        "--features 4,3 --told class --hidden 6 --prior normal --k 2 --data coloured-digits",
        "--features 4 --objective minimax --optimiser sgd",
        "--features 4 --objective least-squares --told class",
    ],
    "vae-gan": [
        "--net conv --channels 4,5",
        "--net dense --hidden 9 --gamma 0.1 --data coloured-digits",
    ],
}


@pytest.fixture(scope="module")
def vae_run(tmp_path_factory):
    """The folder of a VAE, for systems that build on one."""
    folder = str(tmp_path_factory.mktemp("runs") / "vae")
    given = ["--data", "digits", "--hidden", "10", "--latent", "3", "--steps", "3"]
    assert main(["train", "vae", "--out", folder, *given]) == 0
    return folder


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_option_of_a_system_has_a_variant_here(name):
    words = " ".join(VARIANTS[name])
    fields = SYSTEMS[name].options.__dataclass_fields__.values()
    for field in fields:
        for choice in field.metadata["choices"]:
            flag = f"--{field.name.replace('_', '-')}"
            known = f"{flag} {choice}" in words or choice == field.default or flag == "--optimiser"
            assert known, f"{flag} {choice}"


@pytest.mark.parametrize(
    "name, words", [(name, words) for name in SYSTEMS for words in VARIANTS[name]]
)
def test_a_variant_is_trained_and_used(name, words, tmp_path, vae_run):
    words = words.replace("M1", vae_run)
    given = ["--steps", "3", *words.split()]
    if SYSTEMS[name].batch:
        given += ["--batch", "8"]
    if SYSTEMS[name].codes:
        given += ["--latent", "3"]
    if "--data" not in words:
        given += ["--data", "digits"]
    if SYSTEMS[name].codes and not any(
        flag in words for flag in ("--hidden", "conv", "linear", "contractive")
    ):
        given += ["--hidden", "10"]
    assert main(["train", name, "--out", str(tmp_path / "run"), *given]) == 0
    opened, rng = open_run(tmp_path / "run"), np.random.default_rng(0)
    kind, model, p = opened.system, opened.model, opened.p
    data = opened.dataset()
    x = seen(kind, opened.options, data, cut(data.test, slice(5)), rng)
    if kind.codes is not None:
        codes = kind.codes(model, p, x)
        assert codes.shape == (5, 3)
    if kind.decode is not None:
        assert kind.decode(model, p, codes).shape == (5, *data.shape)
    for mean in (False, True):
        assert kind.sample(model, p, rng, 4, mean).shape == (4, *data.shape)
        if kind.reconstruct is not None:
            assert kind.reconstruct(model, p, x, rng, mean).shape == (5, *data.shape)
    numbers = kind.measure(model, p, x, rng, 2)
    assert numbers and all(np.isfinite(value) for value, _ in numbers.values())


def measured(likelihood, rng):
    options = VAEOptions(hidden=(4,), latent=2, likelihood=likelihood)
    model = build(options, Task((2, 3, 1)))
    p, x = model.init(rng), (rng.random((40, 2, 3, 1)) < 0.5).astype(np.float32)
    return model, p, x, SYSTEMS["vae"].measure(model, p, x, np.random.default_rng(1), 50)


def test_the_numbers_of_a_vae_are_what_their_names_say(rng):
    model, p, x, numbers = measured("bernoulli", rng)
    again = np.random.default_rng(1)
    elbo = model.elbo(p, x, model.draw_noise(again, x))
    log_p = model.log_prob(p, x, again, 50)[0]
    expected = {
        "ELBO, nats": elbo,
        "log p(x), nats, 50 importance samples": log_p,
        "bits per dimension": -log_p / (6 * np.log(2)),
    }
    assert numbers.keys() == expected.keys()
    for name, values in expected.items():
        error = values.std(ddof=1) / np.sqrt(40)
        assert numbers[name] == pytest.approx((values.mean(), error), rel=1e-5), name


def test_the_bits_of_a_gaussian_are_called_a_density(rng):
    assert "bits per dimension, a density of pixels in 0..1" in measured("gaussian", rng)[3]


def test_the_numbers_of_an_autoencoder_are_what_their_names_say(rng):
    kind = SYSTEMS["autoencoder"]
    model = kind.build(kind.options(net="linear", latent=2), Task((2, 3, 1)))
    p, x = model.init(rng, np.float64), rng.random((40, 2, 3, 1))
    wrong = ((model.reconstruct(p, x) - x) ** 2).sum(axis=(1, 2, 3))
    total = x.reshape(40, 6).var(axis=0).sum()
    assert kind.measure(model, p, x, rng, 1) == {
        "squared error, sum over the pixels": pytest.approx(
            (wrong.mean(), wrong.std(ddof=1) / np.sqrt(40))
        ),
        "squared error of the mean image, for comparison": (pytest.approx(total), None),
        "share of the variance that is explained": (pytest.approx(1 - wrong.mean() / total), None),
    }


def test_a_weight_of_zero_has_no_warm_up():
    options = VAEOptions(hidden=(4,), latent=2, warm_up=2, beta=0.0)
    with pytest.raises(ValueError, match=r"option warm_up has no effect with beta 0"):
        game(build(options, Task((2, 2, 1))), options, 10)


def test_the_kl_term_is_warmed_up_over_the_epochs_asked_for():
    options = VAEOptions(hidden=(4,), latent=2, warm_up=2, beta=3.0)
    (turn,) = game(build(options, Task((2, 2, 1))), options, 10).turns
    assert [turn.schedules["beta"](step) for step in (0, 10, 20, 99)] == [0.0, 1.5, 3.0, 3.0]
