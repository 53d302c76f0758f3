"""The demo and the table of few labels: one draw for all rows, weights that stay or move."""

import contextlib
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "demos"), str(ROOT / "benchmarks")]

import common  # noqa: E402
import few_labels as demo  # noqa: E402
import few_labels_table as benchmark  # noqa: E402
from few_labels_parts import encoders  # noqa: E402
from few_labels_parts.encoders import (  # noqa: E402
    pixels,
    principal_components,
    trained,
    untrained,
)
from few_labels_parts.fits import STRENGTH, Trial, spread  # noqa: E402

from tinygen import to_device, tree  # noqa: E402
from tinygen.data import load  # noqa: E402
from tinygen.metrics import linear_probe  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "few_labels.md"
ROWS = ["pixels", "PCA", "AE code", "AE hidden", "denoising AE code", "denoising AE hidden",
        "VAE mean", "VAE hidden"]  # fmt: skip


def small(device="cpu", **asked):
    """A trial on the first digits."""
    data = load("digits")
    (x, y), (test_x, test_y) = ((p.x[:200], p.labels[:200]) for p in (data.train, data.test))
    trial = Trial(to_device(x, device), y, to_device(test_x, device), test_y, 10, 3, 0, 20)
    return replace(trial, **asked)


def initial(name, model, transform):
    """Weights as they are drawn, in the place of trained ones."""
    return model.init(np.random.default_rng(1))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The numbers of one short run, its folder, and what it printed."""
    out, printed = tmp_path_factory.mktemp("few_labels"), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        patch.setattr(encoders, "HIDDEN", (100, 60))
        numbers = demo.main(["--quick", "--epochs", "10", "--draws", "2", "--out", str(out)])
    return numbers, out, printed.getvalue()


# The fits


def test_all_rows_and_both_ways_see_the_same_draws():
    trial = small()
    rows, y = trial.labelled(1, 20)
    again, _ = trial.labelled(1, 20)
    other, _ = trial.labelled(2, 20)
    assert rows.tolist() == again.tolist() != other.tolist()
    np.testing.assert_array_equal(y, trial.y[rows])
    assert np.bincount(y).tolist() == [2] * 10


def test_the_linear_error_is_that_of_the_probe_on_all_test_images_by_the_scale_of_all():
    trial = small(draws=1)
    seen = trial.see(pixels())
    seen = replace(seen, scale=replace(seen.scale, size=100.0))  # so that a scale can be seen
    rows, y = trial.labelled(0, 30)
    p = linear_probe(seen.train[rows], y, 10, STRENGTH / 30, seen.scale)
    wrong = (seen.test @ p["W"] + p["b"]).argmax(axis=1) != trial.test_y
    assert trial.linear(seen, 30).tolist() == [100 * wrong.mean()]
    assert trial.linear(trial.see(pixels()), 30).tolist() != [100 * wrong.mean()]
    assert seen.test.shape == (200, 64)


def test_the_scale_is_that_of_all_images_and_not_of_the_labelled_ones():
    seen = small().see(pixels())
    rows = small().x.reshape(200, -1)
    np.testing.assert_allclose(seen.scale.shift, rows.mean(axis=0), rtol=1e-5)
    assert seen.scale.size == pytest.approx(np.sqrt(rows.var(axis=0).sum()), rel=1e-5)


def test_fine_tuning_starts_at_the_linear_classifier_and_moves_every_weight(monkeypatch):
    trial, began = small(draws=1), []
    tune = Trial.tune

    def watched(self, model, p, data, k):
        began.append((model, p, tune(self, model, p, data, k)))
        return began[-1][2]

    monkeypatch.setattr(Trial, "tune", watched)
    for name, encoder in trained(initial, (8, 8, 1)).items():
        seen = trial.see(encoder)
        error = trial.fine_tuned(seen, 20)
        model, start, end = began.pop()
        at_start = trial.error(model.logits(start, trial.test_x))
        assert at_start == trial.linear(seen, 20)[0], name
        assert error[0] == trial.error(model.logits(end, trial.test_x))
        assert start["features"] is encoder.weights
        for leaf, value in tree.leaves(tree.map(lambda a, b: np.abs(a - b).max(), start, end)):
            assert value > 0, f"{name}: {leaf} did not move"


def test_the_labelled_images_are_learnt_by_heart():
    trial = small(draws=1, steps=100)
    rows, y = trial.labelled(0, 50)
    tested_on_them = replace(trial, test_x=trial.x[rows], test_y=y)
    seen = tested_on_them.see(untrained(trial.x, "hidden", np.random.default_rng(0)))
    assert tested_on_them.fine_tuned(seen, 50).tolist() == [0]


def test_a_spread_is_the_deviation_of_one_draw():
    assert spread(np.array([1.0, 2.0, 6.0])) == pytest.approx((3, np.sqrt(7)))


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_the_fits_run_on_the_device_and_agree(device):
    here, there = small(draws=1), small(device, draws=1)
    start = untrained(here.x, "hidden", np.random.default_rng(0))
    moved = untrained(there.x, "hidden", np.random.default_rng(0))
    for one, other in [
        (pixels(), pixels()),
        (principal_components(here.x), principal_components(there.x)),
        (start, moved),
    ]:
        errors = here.linear(here.see(one), 20), there.linear(there.see(other), 20)
        np.testing.assert_allclose(*errors, atol=1)  # one image is 0.5 %
    np.testing.assert_allclose(
        here.fine_tuned(here.see(start), 20), there.fine_tuned(there.see(moved), 20), atol=2
    )


# The encoders


def test_each_model_gives_a_code_and_a_hidden_layer_of_one_training():
    asked = []

    def fit(name, model, transform):
        asked.append((name, model, transform))
        return initial(name, model, transform)

    found = trained(fit, (8, 8, 1))
    assert list(found) == ROWS[2:]
    assert [name for name, _, _ in asked] == ["AE", "denoising AE", "VAE"]
    assert [model.corruption for _, model, _ in asked[:2]] == [None, encoders.DAMAGE]
    x = small().x
    for name, encoder in found.items():
        width = 500 if "hidden" in name else 16
        assert encoder.features(x).shape == (200, width), name


def test_principal_components_are_uncorrelated_and_of_falling_variance():
    z = principal_components(small().x).features(small().x).astype(np.float64)
    covariance = np.cov(z.T)
    off = covariance - np.diag(np.diag(covariance))
    assert np.abs(off).max() < 1e-4 * covariance[0, 0]
    assert (np.diff(np.diag(covariance)) <= 0).all() and z.shape == (200, 16)


def test_an_untrained_encoder_is_what_the_autoencoder_began_as():
    model = encoders.models((8, 8, 1))["AE"][0]
    p = model.init(np.random.default_rng(7))
    drawn = untrained(small().x, "code", np.random.default_rng(7))
    x = small().x
    np.testing.assert_array_equal(drawn.features(x), model.encode(p, x))


# What the demo leaves


def test_every_row_is_measured_at_every_number_of_labels(run):
    rows = run[0]["test error, %"]
    assert list(rows) == [*ROWS, demo.SCRATCH, f"{demo.TUNED}, fine-tuned"]
    for name in ROWS:
        means = [mean for mean, _ in rows[name].values()]
        assert list(rows[name]) == [f"{n} labels" for n in (10, 20, 50, 100, 200)], name
        assert means[0] > means[2] > means[-1] and 15 < means[0] < 75, name
    for name in list(rows)[-2:]:
        assert list(rows[name]) == ["10 labels", "100 labels"]
        assert rows[name]["100 labels"][0] < rows[name]["10 labels"][0]


def test_differences_are_paired_and_are_those_of_the_means(run):
    rows, less = run[0]["test error, %"], run[0]["less than pixels, paired"]
    assert "pixels" not in less
    for name, row in less.items():
        for n, (gain, _) in row.items():
            assert gain == pytest.approx(rows["pixels"][n][0] - rows[name][n][0])
    paired = demo.less_than({"a": {3: np.array([5.0, 9.0])}, "b": {3: np.array([4.0, 7.0])}}, "a")
    assert paired == {"b": {"3 labels": pytest.approx((1.5, 0.5))}}  # gains of 1 and 2


def test_the_numbers_are_printed_and_kept_and_a_picture_is_drawn(run):
    import matplotlib.image

    numbers, out, printed = run
    kept = json.loads((out / "numbers.json").read_text())["numbers"]
    assert kept == json.loads(json.dumps(numbers))
    for part in numbers.values():
        assert common.table(part) in printed
    drawn = matplotlib.image.imread(out / "few_labels.png")
    assert min(drawn.shape[:2]) > 400 and drawn[..., :3].std() > 0.1


@pytest.mark.parametrize("script", [demo, benchmark])
@pytest.mark.parametrize("data", ["moons", "digits-dynamic"])
def test_data_that_are_no_labelled_grey_images_are_refused(script, data, tmp_path):
    with pytest.raises(SystemExit, match=f"{data} holds .* examples, expected grey images with"):
        script.main(["--quick", "--data", data, "--out", str(tmp_path)])


def test_one_draw_has_no_spread_and_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="a spread needs --draws of 2 or more, got 1"):
        demo.main(["--quick", "--draws", "1", "--out", str(tmp_path)])


# The table


def test_the_table_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "SIZES", (10,))
    monkeypatch.setattr(benchmark, "STRENGTHS", (0.1,))
    monkeypatch.setattr(benchmark, "trained", lambda fit, shape: {})
    rows, ask = benchmark.rows, ["--quick", "--draws", "2", "--out", str(tmp_path)]
    monkeypatch.setattr(benchmark, "rows", lambda *a: [*rows(*a)[:2], rows(*a)[3]])
    found = benchmark.main(ask)
    assert list(found["linear"]) == ["pixels", "PCA", "untrained hidden"]
    first = capsys.readouterr().out
    assert "linear         pixels                  10 labels" in first

    monkeypatch.setattr(benchmark, "rows", rows)
    more = benchmark.main(ask)
    again = capsys.readouterr().out
    assert "pixels                  10 labels" not in again
    assert "untrained code          10 labels" in again
    for title in found:
        assert found[title].items() <= more[title].items()
    assert list(more["fine-tuned"]) == ["untrained hidden", "untrained code"]
    assert again.count("| GAN discriminator | open |") == 2
    less = np.array(more["linear"]["pixels"]["10"]) - np.array(more["linear"]["PCA"]["10"])
    assert f"| PCA | {less.mean():.2f} ± {less.std(ddof=1) / np.sqrt(2):.2f} |" in again
    record = benchmark.Record(
        tmp_path / "errors.json", json.loads((tmp_path / "errors.json").read_text())["asked"]
    )
    assert record.has("untrained code", (10,)) and not record.has("untrained code", (10, 100))
    del record.found["fine-tuned"]["untrained code"]
    assert not record.has("untrained code", (10,)) and record.has("PCA", (10,))
    with pytest.raises(SystemExit, match=r"holds answers to .*'seed': 0.*: choose another --out"):
        benchmark.main([*ask, "--seed", "1"])


def test_the_table_keeps_each_model_in_a_run_s_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "SIZES", (10,))
    monkeypatch.setattr(benchmark, "STRENGTHS", (0.1,))
    monkeypatch.setattr(encoders, "HIDDEN", (20, 9))
    found = benchmark.main(["--quick", "--draws", "2", "--epochs", "1", "--out", str(tmp_path)])
    assert list(found["linear"]) == [*ROWS[:2], "untrained code", "untrained hidden", *ROWS[2:]]
    assert list(found["fine-tuned"]) == list(found["linear"])[2:]
    runs = sorted(path.parent.name for path in tmp_path.glob("*/checkpoint.safetensors"))
    assert runs == ["AE", "VAE", "denoising_AE"]


# The page


def test_the_page_s_pictures_are_small_and_its_links_lead_somewhere():
    text = PAGE.read_text()
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == 1 and (PAGE.parent / shown[0]).stat().st_size < 150_000
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
