"""The demos of CycleGAN and the benchmark of its cycle loss: parts by definition, quick runs."""

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

import cycle_gan as demo  # noqa: E402
import cycles  # noqa: E402
import translation  # noqa: E402
from common import first  # noqa: E402
from cycle_parts import clips, digits, pictures, points, waves  # noqa: E402

from tinygen.data import DataError, load, pair  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "translation.md"


def quiet(main, *words):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        numbers = main(list(map(str, words)))
    return numbers, printed.getvalue()


# Points


def test_the_true_map_of_the_cloud_is_a_rotation_and_the_cloud_has_mean_zero(rng):
    np.testing.assert_allclose(points.R @ points.R.T, np.eye(2), atol=1e-12)
    assert np.linalg.det(points.R) == pytest.approx(1)
    x, k = points.cloud(rng, 20_000)
    assert abs(x.mean(axis=0)).max() < 0.03
    np.testing.assert_allclose(np.bincount(k) / len(k), points.SHARES, atol=0.02)


def test_a_cloud_in_whitened_coordinates_has_no_turn_nor_mirror_that_keeps_it(rng):
    """Third moments of the whitened cloud: a map that keeps its law keeps them too."""
    x, _ = points.cloud(rng, 20_000)
    x = x - x.mean(axis=0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T

    own = np.einsum("ni,nj,nk->ijk", white, white, white, optimize=True) / len(white)
    for degrees in range(0, 360, 5):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        for S in (np.array([[c, s], [-s, c]]), np.array([[c, s], [s, -c]])):
            if not np.allclose(S, np.eye(2)):
                turned = np.einsum("ijk,ia,jb,kc->abc", own, S, S, S)
                assert abs(turned - own).max() > 0.05, (degrees, S)


def test_distance_is_a_root_mean_square_of_lengths():
    assert points.distance(np.array([[3.0, 4], [0, 0]]), np.zeros((2, 2))) == pytest.approx(
        np.sqrt(12.5)
    )


def test_a_start_is_measured_by_the_truth_that_its_training_never_saw():
    row, found = points.trial("linear", "anywhere", 0, 3, "cpu")
    a, _ = points.cloud(np.random.default_rng(0), points.N)
    assert row["to the truth"] == pytest.approx(points.distance(found, a @ points.R))
    assert found.shape == a.shape and row["unlike b"] > 0 and row["there and back"] > 0.1
    assert points.distance(a, points.clean_truth()) > 1  # 60 degrees are far


def test_linear_maps_that_begin_at_the_identity_find_the_rotation():
    row, _ = points.trial("linear", "at the identity", 0, 1500, "cpu")
    assert row["to the truth"] < 0.1 and row["there and back"] < 0.05  # 1.09 at the beginning


# Digits


@pytest.mark.parametrize("nets", digits.NETS)
@pytest.mark.parametrize("name", digits.MAPS)
def test_every_map_has_a_model_of_every_kind(nets, name, rng):
    model = digits.Trial(name, 10.0, 0, 1, nets).model((8, 8, 1))
    b = digits.MAPS[name](rng.random((2, 8, 8, 1)).astype(np.float32))
    p = model.init(rng)
    assert model.shape_b == b.shape[1:] and model.identity == 0
    back = model.translate(p, b.astype(np.float32), "a")
    assert back.shape == (2, 8, 8, 1)


def test_maps_are_what_their_names_say():
    x = np.zeros((1, 2, 2, 1), np.float32)
    x[0, 0, 1] = 1
    assert digits.MAPS["inverted"](x)[0, ..., 0].tolist() == [[1, 0], [1, 1]]
    assert digits.MAPS["rotated"](x)[0, ..., 0].tolist() == [[1, 0], [0, 0]]
    coloured = digits.MAPS["coloured"](x)[0]
    np.testing.assert_allclose(coloured[0, 1], digits.INK, rtol=1e-5)
    np.testing.assert_allclose(coloured[1, 1], digits.PAPER, rtol=1e-5)


def test_halves_are_not_pairs_and_numbers_are_of_test_digits(monkeypatch):
    data, seen = load("digits"), {}

    def fit(model, sets, *rest, **kw):
        seen["sets"] = sets
        p = model.init(np.random.default_rng(0))
        return p, {"discriminator_b.real": 0.6, "discriminator_b.fake": 0.8}

    monkeypatch.setattr(digits, "fit", fit)
    judge = digits.Judge("inverted", data, "cpu", 60)
    row, model, p = digits.Trial("inverted", 10.0, 3, 1).run(data, judge, "cpu")
    a, b = seen["sets"]
    assert len(a) + 1 == len(b) == 643  # halves of 1285; `unpaired` makes them one length
    digests = [{x.tobytes() for x in part} for part in (a, np.round((1 - b) * 16) / 16)]
    assert not digests[0] & digests[1]
    y = model.translate(p, data.test.x)
    assert row["error to the true map"] == pytest.approx(abs(y - (1 - data.test.x)).mean())
    assert row["D_B right"] == pytest.approx(0.7)
    assert row["of true b"] > 0.5 and 0 <= row["digit kept"] <= 1
    assert judge.right(1 - data.test.x, data.test.labels) == row["of true b"]


# Clips


def test_a_constant_error_does_not_flicker_and_an_alternating_one_does(rng):
    truth = rng.random((2, 5, 3, 3, 1))
    assert clips.flicker(truth + 0.3, truth) == pytest.approx(0, abs=1e-12)
    sign = np.array([1, -1, 1, -1, 1]).reshape(1, 5, 1, 1, 1)
    assert clips.flicker(truth + 0.1 * sign, truth) == pytest.approx(0.2)
    assert clips.flicker(np.broadcast_to(truth[:, :1], truth.shape), truth) == pytest.approx(
        clips.change(truth)
    )  # a clip that stands still lacks the change of the true one
    with pytest.raises(ValueError, match="flicker: a clip needs two pictures or more, got clips"):
        clips.flicker(truth[:, :1], truth[:, :1])


# Sounds


def test_two_vowels_of_one_seed_have_the_same_pulses_and_other_formants():
    (a, f0), (b, f1) = (waves.sounds([1], name, 3, 800) for name in (waves.A, waves.B))
    np.testing.assert_array_equal(f0, f1)
    assert a.shape == b.shape == (3, 800, 1) and abs(a - b).max() > 0.2


def test_pitch_is_found_and_kept_by_a_sound_itself():
    x, f0 = waves.sounds([2], waves.A, 12, waves.LONG)
    assert waves.same_pitch(x[..., 0], f0) == 1
    assert waves.same_pitch(x[..., 0], 1.2 * f0) == 0


def test_what_lies_far_below_the_peak_is_one_floor():
    """The floor follows the peak."""
    heard = np.array([-10.0, 0.0, -44.0, -60.0, -90.0])
    np.testing.assert_array_equal(waves.upper(heard), [-10, 0, -44, -45, -45])
    np.testing.assert_array_equal(waves.upper(heard + 7), waves.upper(heard) + 7)


# Pictures


def test_colours_are_compared_by_mean_and_spread(rng):
    x = rng.random((4, 6, 6, 3))
    assert pictures.colours(x, x) == 0
    assert pictures.colours(x + np.array([0, 0.2, 0]), x) == pytest.approx(0.2)
    assert pictures.colours(0.5 * x + 0.25, x) == pytest.approx(0.5 * x.std(axis=(0, 1, 2)).max(),
                                                              rel=0.2)  # fmt: skip
    grey = x[..., :1]
    assert pictures.colours(grey, np.repeat(grey, 3, axis=-1)) == 0


# The quick runs


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Quick runs of both demos: a folder each, and what they printed."""
    found = {}
    for name, main, more in (
        ("cycle_gan", demo.main, ()),
        ("translation", translation.main, ("--only", "clip,sounds")),
    ):
        out = tmp_path_factory.mktemp(name)
        found[name] = out, quiet(main, "--quick", "--out", out, *more)[1]
    return found


@pytest.mark.parametrize(
    "name, files",
    [
        ("cycle_gan", ("points", "inverted_residual", "coloured_residual", "inverted_dense")),
        ("translation", ("clip", "waves", "spectra")),
    ],
)
def test_every_question_is_answered_with_numbers_and_pictures(ran, name, files):
    import matplotlib.image

    out, printed = ran[name]
    numbers = json.loads((out / "numbers.json").read_text())["numbers"]
    assert len(numbers) == 2 and all(question in printed for question in numbers)
    for file in files:
        assert matplotlib.image.imread(out / f"{file}.png")[..., :3].std() > 0.05
    if name == "translation":
        for sound in ("hod", "whod", "hod_as_whod", "whod_as_hod"):
            assert (out / f"{sound}.wav").stat().st_size > 8000
        assert (out / "clip_moving.gif").read_bytes().startswith(b"GIF")


def test_real_pictures_are_translated_quickly(tmp_path):
    try:
        pair("holo2bright")
    except DataError:
        pytest.skip("no files of holo2bright")
    numbers, _ = quiet(translation.main, "--quick", "--only", "holograms", "--out", tmp_path)
    (rows,) = numbers.values()
    assert rows.keys() == {"holo2bright-a as holo2bright-b", "holo2bright-b as holo2bright-a"}
    assert {p.stem for p in tmp_path.glob("*.png")} == {"holo2bright_to_a", "holo2bright_to_b"}


def test_parts_that_are_none_and_data_that_are_no_digits_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"translation: no part \['films'\]: choose of paintings"):
        translation.main(["--only", "films", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="cycle_gan: moons holds points; expected grey digits"):
        quiet(demo.main, "--quick", "--data", "moons", "--out", tmp_path)


def test_without_their_files_real_pictures_say_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGEN_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(SystemExit, match=r"monet2photo_64\.npz"):
        quiet(translation.main, "--quick", "--only", "paintings", "--out", tmp_path)


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_the_parts_train_and_measure_on_the_device(device):
    host, _ = points.trial("linear", "at the identity", 0, 2, "cpu")
    row, found = points.trial("linear", "at the identity", 0, 2, device)
    assert row == pytest.approx(host, rel=1e-4) and isinstance(found, np.ndarray)
    data = load("digits")
    few = replace(data, train=first(data.train, 40), test=first(data.test, 12))
    judge = digits.Judge("coloured", few, device, 2)
    row, _, _ = digits.Trial("coloured", 10.0, 0, 1, "residual").run(few, judge, device)
    assert all(np.isfinite(value) for value in row.values())


# The benchmark


def test_the_benchmark_keeps_what_it_found_and_goes_on(tmp_path, monkeypatch):
    ran = []

    class Judge:
        def __init__(self, *rest):
            pass

    def run(trial, data, judge, device):
        ran.append((trial.map, trial.cycle, trial.seed))
        error = 0.1 + 0.01 * trial.seed if trial.cycle else 0.3
        error += trial.identity  # of which the ratio knows nothing
        return {"error to the true map": error, "of the way back": 0.2, "there and back": 0.1,
                "digit kept": 0.9}, None, None  # fmt: skip

    monkeypatch.setattr(cycles, "Judge", Judge)
    monkeypatch.setattr(cycles.Trial, "run", run)
    words = ("--out", tmp_path, "--maps", "inverted")
    quiet(cycles.main, *words, "--seeds", "0,1")
    rows, printed = quiet(cycles.main, *words, "--seeds", "0,1,2")
    assert ran == [("inverted", c, seed) for seed in (0, 1, 2) for c in (10.0, 0.0)]
    assert (
        len(rows) == 6
        and "| digits, inverted, residual, 1000 | 10 | 0 | 3 | 0.110 (0.100 to" in printed
    )
    assert "0.37 of the medians, 0.37 the median of 3 seeds" in printed
    rows, printed = quiet(cycles.main, *words, "--table")
    assert len(rows) == 6 and len(ran) == 6
    rows, printed = quiet(cycles.main, *words, "--seeds", "0,1,2", "--identity", "0.5")
    assert len(rows) == 9 and ran[6:] == [("inverted", 10.0, seed) for seed in (0, 1, 2)]
    assert "residual, 1000 | 10 | 0.5 | 3 | 0.610 (0.600 to" in printed
    assert "0.37 of the medians, 0.37 the median of 3 seeds" in printed


@pytest.mark.parametrize(
    "words, says",
    [
        (("--maps", "mirrored"), "choose of"),
        (("--nets", "local,linear"), "choose of"),
        (("--identity", "0.5"), "coloured digits have other channels"),
        (("--maps", "inverted", "--identity", "-1"), "a share > 0 of the cycle's weight, got -1.0"),
        (("--maps", "inverted", "--identity", "nan"), "a share > 0"),
    ],
)
def test_the_benchmark_refuses_what_it_does_not_know(words, says, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cycles.main([*words, "--out", str(tmp_path)])
    assert says in capsys.readouterr().err


# The page


def test_the_page_s_links_and_pictures_are_there():
    text = PAGE.read_text()
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert links and [link for link in links if not (PAGE.parent / link).exists()] == []
    for path in re.findall(r"!\[[^]]+\]\((\S+)\)", text):
        assert (PAGE.parent / path).stat().st_size < 150_000
