"""The demo and the benchmark of DCGAN: eyes, sums of codes, teaching, a quick run of both."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "demos"), str(ROOT / "benchmarks")]

import dcgan as demo  # noqa: E402
import dcgan_runs as benchmark  # noqa: E402
from dcgan_parts import faces, stages, teaching  # noqa: E402
from disentangling_parts.judge import Judge  # noqa: E402

from tinygen.cli import main  # noqa: E402
from tinygen.data import load  # noqa: E402
from tinygen.data.drawn_faces import draw_faces, drawn_faces  # noqa: E402
from tinygen.models.dcgan import dcgan  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The numbers of one quick run, its folder, and what it printed."""
    out, printed = tmp_path_factory.mktemp("dcgan"), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        numbers = demo.main(["--quick", "--out", str(out)])
    return numbers, out, printed.getvalue()


# Faces


def test_drawn_faces_have_two_eyes_and_spoilt_ones_have_not():
    x = drawn_faces(np.random.default_rng(0), 200).x
    found = {name: row["without exactly two eyes, %"][0] for name, row in faces.eyes(x, {}).items()}
    assert found["drawn faces"] == 0
    assert found["with a part cut off or added"] == 100
    assert found["two faces laid over each other"] > 50


def test_sums_of_codes_carry_a_smile_over_where_codes_are_factors():
    """A perfect generator: its code is (smile, turn), and the others are 0."""
    rng = np.random.default_rng(0)
    part = drawn_faces(rng, 800)
    judge = Judge.fit(part.x, part.factors)

    def draw(z):
        return draw_faces({"smile": np.clip(z[:, 0], -1, 1), "turn": np.clip(z[:, 1], -1, 1)})

    rows, sums = faces.arithmetic(judge, draw, rng.uniform(-1, 1, size=(300, 2)), rng)
    assert sums.shape == (faces.SUMS, 4, 32, 32, 1)
    a, c, found = (
        rows[name] for name in ("A: smiling, turned left", "C: sad, turned right", "A - B + C")
    )
    assert found["smile"][0] == pytest.approx(a["smile"][0], abs=0.15) and a["smile"][0] > 0.4
    assert found["turn"][0] == pytest.approx(c["turn"][0], abs=0.15) and c["turn"][0] > 0.3
    assert rows["B: sad, turned left"]["smile"][0] < -0.4


def test_a_direction_is_found_where_a_factor_is_linear_in_the_code_and_none_where_it_is_not():
    """Smile is the mean of two numbers of the code, turn the sign of a product: no direction."""
    found = directions_of(lambda z: ((z[:, 0] + z[:, 1]) / 4, 0.8 * np.sign(z[:, 2] * z[:, 3])))
    assert found["smile"]["linear in z"] > 0.8 and found["turn"]["linear in z"] < 0.1
    along = 2 / np.sqrt(2) / 2  # (z_0 + z_1) / 4 at z . d = 2
    assert found["smile"]["at 2"][0] == pytest.approx(along, abs=0.15)
    assert found["smile"]["at -2"][0] == pytest.approx(-along, abs=0.15)
    assert abs(found["smile"]["the other's way"]) < 0.2
    assert found[faces.RIGHT]["cosine of the two"] > 0.9


def test_a_smile_that_is_another_direction_on_faces_turned_right_is_found():
    """On faces that look left it is z_0, on those that look right -z_0: over all, no direction."""
    found = directions_of(lambda z: (np.sign(-z[:, 1]) * z[:, 0] / 3, 0.8 * np.sign(z[:, 1])))
    assert found["smile"]["linear in z"] < 0.2
    assert min(found[name]["linear in z"] for name in (faces.LEFT, faces.RIGHT)) > 0.6
    assert found[faces.RIGHT]["cosine of the two"] < -0.9


def test_what_does_not_vary_or_has_few_codes_has_no_direction():
    assert list(directions_of(lambda z: (0 * z[:, 0], z[:, 1] / 3))) == ["turn"]
    assert directions_of(lambda z: (z[:, 0] / 3, z[:, 1] / 3), n=12) == {}


def directions_of(factors, n=900):
    rng = np.random.default_rng(0)
    part = drawn_faces(rng, 800)

    class Exact(Judge):  # reads no more than the truth where a factor stands still
        def read(self, x):
            return super().read(x) | {k: np.zeros(len(x)) for k in still}

    judge = Exact(**vars(Judge.fit(part.x, part.factors)))
    z = rng.normal(size=(n, 5))
    still = {k for k, v in zip(("smile", "turn"), factors(z), strict=True) if np.ptp(v) == 0}

    def draw(z):
        smile, turn = (np.clip(f, -1, 1) for f in factors(z))
        return draw_faces({"smile": smile, "turn": turn})

    return faces.directions(judge, draw, z)


def film(out):
    args = SimpleNamespace(out=out, seed=0, epochs=2, device="cpu", data="none")
    x = np.random.default_rng(3).uniform(size=(130, 8, 8, 1)).astype(np.float32)
    return stages.grown(args, "small", dcgan((8, 8, 1), 5, (3,)), x)[1]


def test_the_film_of_a_training_that_is_done_shows_what_it_showed(tmp_path):
    first, again = (film(tmp_path) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[-1])


def test_a_film_holds_no_moment_that_nobody_saw(tmp_path):
    first = film(tmp_path)
    for shot in sorted((tmp_path / "small").glob("fakes-*.npy"))[:-1]:
        shot.unlink()
    again = film(tmp_path)  # the weights of the earlier ones are gone
    assert len(again) == 1 < len(first)
    (tmp_path / "small" / "checkpoint.safetensors").unlink()
    (tmp_path / "small" / "log.jsonl").unlink(missing_ok=True)
    assert len(film(tmp_path)) == len(first)


def test_a_damaged_shot_is_named(tmp_path):
    film(tmp_path)
    shot = sorted((tmp_path / "small").glob("fakes-*.npy"))[0]
    shot.write_bytes(b"")
    with pytest.raises(SystemExit, match=r"fakes-000001.npy is damaged .*: remove it"):
        film(tmp_path)


def test_without_faces_of_a_kind_there_is_no_sum():
    part = drawn_faces(np.random.default_rng(0), 300)
    judge = Judge.fit(part.x, part.factors)
    plain = lambda z: draw_faces({"smile": np.zeros(len(z))})  # noqa: E731
    rng = np.random.default_rng(1)
    assert faces.arithmetic(judge, plain, rng.normal(size=(50, 2)), rng)[0] == {}


# Digits


def test_a_classifier_learns_from_real_digits_and_reads_labels_that_are_wrong_as_wrong():
    train, test = load("digits").train, load("digits").test
    model = teaching.reader((8, 8, 1), 10)
    p = teaching.taught(model, train.x, train.labels, 0, "cpu", epochs=6)
    share, error = teaching.right(model, p, test.x, test.labels)
    assert share > 85 and 0 < error < 3
    assert teaching.right(model, p, test.x, (test.labels + 1) % 10)[0] < 10


def test_a_reader_is_surer_of_digits_than_of_noise_and_finds_all_ten_classes(rng):
    data = load("digits")
    ones = data.test.x[data.test.labels == 1]
    of = {"digits": data.test.x, "noise": rng.uniform(size=(99, 8, 8, 1)), "ones": ones}
    of = {who: x.astype(np.float32) for who, x in of.items()}
    said = teaching.verdicts(data, of, 0, "cpu", 10 * len(data.train))
    assert said["digits"]["confidence"][0] > said["noise"]["confidence"][0] + 0.05
    assert said["digits"]["classes found"] > 9 > 5 > said["ones"]["classes found"] >= 1
    bare = replace(data, train=replace(data.train, labels=None))
    assert teaching.verdicts(bare, of, 0, "cpu") == {"digits": {}, "noise": {}, "ones": {}}


def test_many_fakes_are_drawn_with_the_same_statistics(monkeypatch):
    model = dcgan((8, 8, 1), 5, (3,), classes=4)
    p = model.init(np.random.default_rng(0))
    draw = lambda n: stages.fakes(model, p, np.random.default_rng(1), 7, z=None)  # noqa: E731
    whole = draw(7)
    monkeypatch.setattr(stages, "AT_ONCE", 2)
    np.testing.assert_allclose(draw(7), whole, atol=1e-6)
    assert whole.shape == (7, 8, 8, 1) and 0 <= whole.min() < whole.max() <= 1


# Both scripts


def test_the_demo_answers_its_questions_and_leaves_pictures(run):
    numbers, out, printed = run
    assert list(numbers) == list(demo.QUESTIONS)
    assert all(question in printed for question in demo.QUESTIONS)
    kept = json.loads((out / "numbers.json").read_text())["numbers"]
    assert kept.keys() == numbers.keys()
    made = {path.name for path in out.iterdir()}
    assert {"classes.png", "walks.png", "faces.png"} <= made
    assert {"grown_digits.gif", "grown_told.gif", "grown_faces.gif"} <= made
    read = numbers["Do generated digits teach?"]["learnt from generated ones"]
    assert 0 <= read["read as told, %"][0] <= 100


def test_another_run_of_the_demo_goes_on_where_the_first_stopped(run):
    _, out, _ = run
    assert {"digits", "told", "faces"} <= {path.name for path in out.iterdir() if path.is_dir()}
    with pytest.raises(SystemExit, match="holds no grey images with labels: use --data mnist"):
        demo.main(["--quick", "--data", "coloured-digits", "--out", str(out)])


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("--told", "class"), "learnt from fakes, right on real, %"),
        (("--features", "3,4"), "features, test error %"),
        (("--data", "drawn-faces", "--features", "3,4"), "eyes"),
    ],
)
def test_a_trained_run_is_measured_by_what_it_was_told(tmp_path, capsys, words, key):
    out = str(tmp_path / "run")
    given = ["--features", "3", "--data", "digits", *words, "--steps", "2", "--batch", "8"]
    assert main(["train", "dcgan", *given, "--out", out]) == 0
    capsys.readouterr()
    row = benchmark.main([out, "--quick"])
    assert key in row and json.loads(capsys.readouterr().out)[key]
    lines = (tmp_path / "run" / "measured.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [row["epoch"]]
    for name in ("grown.gif", "fakes.png"):
        assert (tmp_path / "run" / name).stat().st_size > 1000


def test_a_run_of_another_system_is_refused(tmp_path):
    out = str(tmp_path / "run")
    given = ["--data", "digits", "--hidden", "4", "--latent", "2", "--steps", "1", "--out", out]
    assert main(["train", "vae", *given]) == 0
    with pytest.raises(SystemExit, match="is a run of vae, not of dcgan"):
        benchmark.main([out])
