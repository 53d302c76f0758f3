"""The pictures of a run: those that fit it, made from its folder, with or without its data."""

import dataclasses

import numpy as np
import pytest

from tinygen import pictures
from tinygen.cli import main
from tinygen.data import load
from tinygen.models.priors import MixturePrior
from tinygen.runs import Run
from tinygen.systems import trained
from tinygen.systems.trained import open_run

TINY = ["--data", "digits", "--hidden", "16", "--epochs", "2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A VAE of two latents and a denoising autoencoder of three."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "vae", *TINY, "--latent", "2", "--out", f"{folder}/vae"]) == 0
    words = ["--latent", "3", "--corruption", "masking", "--out", f"{folder}/autoencoder"]
    assert main(["train", "autoencoder", *TINY, *words]) == 0
    return {name: open_run(folder / name) for name in ("vae", "autoencoder")}


def gallery(run, **changes):
    dataset = dataclasses.replace(run.dataset(), **changes) if changes else run.dataset()
    return pictures.Gallery(run, np.random.default_rng(0), dataset)


def title(figure):
    text = figure._suptitle or figure.axes[0].title
    return text.get_text().replace("\n", " ")


def test_a_run_gets_the_pictures_that_fit_it(runs, rng):
    vae = pictures.pictures(runs["vae"], rng, load("digits-dynamic"))
    autoencoder = pictures.pictures(runs["autoencoder"], rng, load("digits"))
    every = ["curves", "samples", "reconstructions", "latent", "manifold", "traversals"]
    assert list(vae) == every
    assert list(autoencoder) == [name for name in every if name != "manifold"]  # Z = 3
    assert vae["curves"].axes[0].get_ylabel() == "nats per example"
    assert autoencoder["curves"].axes[0].get_ylabel() == "squared error per example"


def test_without_data_a_prior_still_says_where_to_look(runs, rng):
    found = pictures.pictures(runs["vae"], rng, None)
    assert list(found) == ["curves", "samples", "manifold", "traversals"]
    assert list(pictures.pictures(runs["autoencoder"], rng, None)) == ["curves", "samples"]


def test_a_vae_shows_draws_beside_means_of_the_same_codes(runs):
    figure = gallery(runs["vae"]).samples(9)
    assert [axes.get_title() for axes in figure.axes] == [
        "draws x ~ p(x|z)",
        "means of p(x|z), of the same z",
    ]
    assert title(figure) == f"samples: {runs['vae'].system.drawn}"
    drawn, means = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert set(np.unique(drawn)) == {0, 1} and len(np.unique(means)) > 100


def test_draws_and_means_share_their_codes(runs):
    x, means = pictures.draws_and_means(runs["vae"], np.random.default_rng(0), 100)

    def nll(means):
        return -np.log(np.where(x > 0, means, 1 - means)).sum()

    assert nll(means) < min(nll(np.roll(means, k, axis=0)) for k in range(1, 20))


def test_an_autoencoder_shows_codes_decoded_once_and_says_so(runs):
    figure = gallery(runs["autoencoder"]).samples(9)
    assert len(figure.axes) == 1 and "nothing in the training asks" in title(figure)


def test_the_rows_of_reconstructions_are_named(runs):
    assert title(gallery(runs["vae"]).reconstructions()) == (
        "rows, from above: example; its binarised pixels; mean of p(x|z), z ~ q(z|x); "
        "a draw x ~ p(x|z)"
    )
    assert title(gallery(runs["autoencoder"]).reconstructions()) == (
        "rows, from above: example; damaged; reconstruction"
    )


def test_the_latent_picture_holds_the_codes_of_test_examples_by_class(runs):
    shown = gallery(runs["vae"])
    figure = shown.latent()
    assert title(figure).startswith("means of q(z|x), 256 test examples of digits-dynamic")
    points = np.concatenate([c.get_offsets() for c in figure.axes[0].collections])
    np.testing.assert_allclose(points, shown.z[np.argsort(shown.labels, kind="stable")], rtol=1e-5)
    part = load("digits-dynamic").test
    assert sorted(shown.labels) == sorted(part.labels)


def test_the_pairs_of_examples_and_labels_survive_the_shuffle(runs):
    shown, part = gallery(runs["autoencoder"]), load("digits").test
    order = [int(np.argmax((part.x == x).all(axis=(1, 2, 3)))) for x in shown.x[:20]]
    np.testing.assert_array_equal(shown.labels[:20], part.labels[order])
    codes = runs["autoencoder"].model.encode(runs["autoencoder"].p, shown.x[:20])
    np.testing.assert_allclose(shown.z[:20], codes, rtol=1e-4, atol=1e-5)


def test_traversals_start_from_the_prior_or_from_the_codes(runs):
    vae, autoencoder = (gallery(runs[name]) for name in ("vae", "autoencoder"))
    walk = vae.walk()
    assert walk.code.tolist() == [0, 0] and walk.middle == 0 and walk.scale == 1
    np.testing.assert_allclose(walk.use, vae.z.var(axis=0))
    walk = autoencoder.walk()
    np.testing.assert_allclose(walk.code, autoencoder.z.mean(axis=0))
    np.testing.assert_allclose(walk.scale, autoencoder.z.std(axis=0))
    assert "standard deviations" in autoencoder.traversals().axes[0].get_xlabel()


def test_what_holds_for_the_standard_normal_is_not_drawn_for_another_prior(runs):
    mixture = MixturePrior(3)
    p = runs["vae"].p | {"prior": mixture.init(np.random.default_rng(0), 2)}
    model = dataclasses.replace(runs["vae"].model, prior=mixture)
    run = dataclasses.replace(runs["vae"], model=model, p=p)
    standard, other = gallery(runs["vae"]), gallery(run)
    assert len(standard.latent().axes[0].patches) == 2 and "circles" in title(standard.latent())
    assert not other.latent().axes[0].patches and "circles" not in title(other.latent())
    assert "quantiles" in title(standard.manifold()) and "quantiles" not in title(other.manifold())
    np.testing.assert_allclose(other.walk().scale, other.z.std(axis=0))
    assert not pictures.Gallery(run, np.random.default_rng(0), None).can_walk


def test_photographs_are_shown_light_where_they_are_light(runs, monkeypatch, rng):
    grey, colour = rng.random((2, 3, 3, 1)), rng.random((2, 3, 3, 3))
    shown = gallery(runs["vae"])
    np.testing.assert_array_equal(shown.ink(grey), grey)
    monkeypatch.setitem(runs["vae"].run.config, "ink", False)
    np.testing.assert_array_equal(shown.ink(grey), 1 - grey)
    np.testing.assert_array_equal(shown.ink(colour), colour)


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_run_on_a_device_gets_the_same_pictures(runs, device):
    for name, run in runs.items():
        there = open_run(run.run.path, device)
        shown = pictures.Gallery(there, np.random.default_rng(0), there.dataset())
        np.testing.assert_allclose(shown.z, gallery(run).z, rtol=1e-4, atol=1e-4)
        figures = shown.figures(4)
        assert list(figures) == list(gallery(run).figures(4)), name


def test_training_writes_down_whether_one_is_ink(runs):
    assert runs["vae"].run.config["ink"] is True


@pytest.mark.parametrize(
    "change, message",
    [("gone", "no data set is called"), ("ring", "is now of shape")],
)
def test_why_data_are_not_at_hand_is_said(runs, monkeypatch, change, message):
    monkeypatch.setitem(runs["vae"].run.config, "data", change)
    dataset, why = pictures.find_data(runs["vae"])
    assert dataset is None and message in why


def test_colour_images_and_convolutions(tmp_path, rng):
    words = ["train", "vae", "--data", "coloured-digits", "--net", "conv", "--latent", "2"]
    words += ["--likelihood", "gaussian", "--steps", "3", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    run = open_run(tmp_path / "run")
    written = pictures.write(run, rng, samples=4)
    assert written.left_out == "" and len(written.files) == 7
    assert {f.name: f.read_bytes() for f in (run.run.path / "pictures").iterdir()} == written.files


def test_what_is_no_image_gets_its_curves(runs, rng):
    folder = runs["vae"].run
    points = Run(folder.path, folder.config | {"shape": [2]})
    run = dataclasses.replace(runs["vae"], run=points)
    assert list(pictures.pictures(run, rng, None)) == ["curves"]


def test_the_same_seed_gives_the_same_pictures(runs):
    dataset = load("digits-dynamic")
    first, second = (pictures.Gallery(runs["vae"], np.random.default_rng(3), dataset) for _ in "12")
    np.testing.assert_array_equal(first.z, second.z)


def test_data_are_looked_for_where_the_run_says(runs, monkeypatch):
    asked = []
    monkeypatch.setattr(trained, "load_data", lambda name: asked.append(name) or load(name))
    pictures.find_data(runs["vae"])
    assert asked == ["digits-dynamic"]
