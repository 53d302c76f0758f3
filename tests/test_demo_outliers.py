"""The demo of outliers: who is normal, what is chosen on what, and what it leaves."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import outliers as demo  # noqa: E402
from common import arguments, dataset  # noqa: E402
from outliers_parts import detectors, sets  # noqa: E402

from tinygen import metrics, to_host  # noqa: E402
from tinygen.data import load  # noqa: E402
from tinygen.models import likelihood_ratio  # noqa: E402

MORE = {"images": (10_000, "")}
SCORES = {
    *("reconstruction error", "-ELBO", "-log p", "-log p, local model"),
    *("ratio to a mutated VAE", "ratio to the local model"),
    *("-ELBO, exposed", "-log p, exposed"),
}


def asked(tmp_path, *options):
    return arguments("", "outliers", ["--out", str(tmp_path), *options], more=MORE)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_classes_fall_into_normal_novel_and_known_ones(part):
    data = load("digits")
    found = [sets.by_class(data, part, kind) for kind in (0, 1, 2)]
    whole = data.parts[part]
    for x, classes in zip(found, ({0, 1, 2, 3, 4}, {6, 8}, {5, 7, 9}), strict=True):
        np.testing.assert_array_equal(x, whole.x[np.isin(whole.labels, list(classes))])


def test_sets_that_stand_against_each_other_are_three():
    assert all(len({normal, *others}) == 3 for normal, others in sets.RIVALS.items())
    assert sets.RIVALS["fashion-mnist"][0] == "mnist"


@pytest.mark.parametrize("name", ["moons", "ar2"])
def test_what_holds_no_grey_images_with_labels_is_refused(tmp_path, name):
    with pytest.raises(SystemExit, match=f"outliers: {name} holds .* use --data fashion-mnist"):
        sets.Sets.of(asked(tmp_path, "--quick", "--data", name))


def test_one_transform_of_two_binarises_first(rng):
    x = rng.random((50, 4, 4, 1)).astype(np.float32)
    both = detectors.chain(detectors.binarise, lambda rng, x: (x, 1 - x))
    black, white = both(rng, x)
    assert set(np.unique(black)) == {0, 1} and (black + white == 1).all()
    assert detectors.chain(None, None) is None
    assert detectors.chain(None, detectors.binarise) is detectors.binarise


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The digits of the package, few of them."""
    args = asked(tmp_path_factory.mktemp("few"), "--quick", "--epochs", "8")
    return args, sets.Sets.of(args)


def test_the_mutation_rate_is_the_one_that_finds_known_outliers_best(few, monkeypatch):
    args, found = few
    monkeypatch.setattr(detectors, "SAMPLES", 5)
    pixels, at = detectors.PIXELS["Bernoulli, grey"], {}
    judge = detectors.found_known

    def noted(vae, plain, mutated, *rest):
        at[len(at)] = judge(vae, plain, mutated, *rest), mutated
        return at[len(at) - 1][0]

    monkeypatch.setattr(detectors, "found_known", noted)
    chosen = detectors.fit("grey", pixels, found, args)
    areas = [area for area, _ in at.values()]
    best = int(np.argmax(areas))
    assert len(areas) == 2 and areas[0] != areas[1]
    assert chosen.rate == detectors.RATES[best] and chosen.mutated is at[best][1]
    scores = [
        to_host(likelihood_ratio(chosen.vae, chosen.plain, chosen.vae, chosen.mutated, x, rng, 5))
        for rng in [np.random.default_rng(args.seed)]
        for x in (found.validation, found.known_kind)
    ]
    assert metrics.auroc(*scores) == areas[best]


def test_exposure_begins_with_the_plain_model_and_tells_known_outliers(few):
    args, found = few
    pixels = detectors.PIXELS["Gaussian, one sigma"]
    trained = detectors.fit("one sigma", pixels, found, args)
    areas = {
        name: metrics.auroc(*(trained.scores(x)[name] for x in (found.test, found.known_kind)))
        for name in ("-ELBO", "-ELBO, exposed")
    }
    assert areas["-ELBO, exposed"] > max(0.75, areas["-ELBO"])


def test_flagged_are_the_shares_above_the_threshold():
    scores = {
        "test": {"s": np.array([0.0, 1.0, 2.0, 3.0])},
        "novel": {"s": np.array([2.0, 3.0, 4.0])},
    }
    assert demo.flagged(scores, {"s": 2.0}) == {"s": "0.250 / 0.667"}


def test_a_quick_run_leaves_tables_and_pictures(tmp_path, monkeypatch, capsys):
    import matplotlib.image

    monkeypatch.setattr(detectors, "SAMPLES", 5)
    demo.main(["--quick", "--out", str(tmp_path)])
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert len(numbers) == 3
    for rows in numbers.values():
        assert set(rows) == SCORES and all(set(r) == set(detectors.PIXELS) for r in rows.values())
    for rows in list(numbers.values())[:2]:
        pairs = np.array([pair for row in rows.values() for pair in row.values()])
        assert ((pairs[:, 0] >= 0) & (pairs[:, 0] <= 1) & (pairs[:, 1] < 0.1)).all()
    for name in ("scores", "roc", "extremes"):
        drawn = matplotlib.image.imread(tmp_path / f"{name}.png")
        assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.05
    assert "AUROC, some others" in capsys.readouterr().out


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_the_detectors_train_on_the_device(device, tmp_path, monkeypatch):
    monkeypatch.setattr(detectors, "SAMPLES", 3)
    args = asked(tmp_path, "--quick", "--device", device)
    assert dataset(args).name == "digits"
    found = sets.Sets.of(args)
    few = replace(found, train=found.train[:64], test=found.test[:20])
    pixels = detectors.PIXELS["Bernoulli, binarised"]
    trained = detectors.fit("black and white", pixels, few, args)
    scores = trained.scores(detectors.seen(pixels, few.test, 0))
    assert set(scores) == SCORES and all(np.isfinite(s).all() for s in scores.values())


def test_the_page_shows_pictures_and_links_that_exist():
    page = ROOT / "docs" / "questions" / "outliers.md"
    links = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
    pictures = [page.parent / link for link in links if link.endswith(".png")]
    assert len(pictures) == len(set(pictures)) == 3
    assert max(picture.stat().st_size for picture in pictures) < 150_000
