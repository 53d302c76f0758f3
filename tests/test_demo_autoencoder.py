"""The demo of the autoencoder: its parts by definition, its claims on real digits."""

import contextlib
import io
import json
import re
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import autoencoder as demo  # noqa: E402
import common  # noqa: E402
from autoencoder_parts import clothes, judge, memory, space  # noqa: E402
from autoencoder_parts.setting import Setting  # noqa: E402

from tinygen import tree  # noqa: E402
from tinygen.data import load  # noqa: E402
from tinygen.data.dataset import Part  # noqa: E402
from tinygen.models.autoencoder_nets import dense_autoencoder  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "autoencoder.md"
PICTURES = ["architectures", "damage", "memory", "sizes", "space"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The numbers of one short run, its folder, and what it printed."""
    out, printed = tmp_path_factory.mktemp("autoencoder"), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        numbers = demo.main(["--quick", "--epochs", "25", "--out", str(out)])
    return numbers, out, printed.getvalue()


def small(**asked):
    """A setting of the first digits, whose trainings take two epochs."""
    args = Namespace(device="cpu", seed=0, quick=True, epochs=2, data="digits")
    data = load("digits")
    parts = {k: common.first(part, 64) for k, part in data.parts.items()}
    return Setting.of(replace(data, **parts), Namespace(**vars(args) | asked))


# The claims, on few digits and after few steps


def test_the_error_falls_with_the_size_of_the_code(run):
    sizes = run[0]["sizes"]
    for kind in ("autoencoder", "PCA"):
        errors = [sizes[f"code of {z}"][kind][0] for z in (2, 5, 20)]
        assert sizes["the mean image"]["autoencoder"][0] > errors[0] > errors[1] > errors[2] > 0


def test_codes_from_the_prior_are_for_the_vae(run):
    distance = {name: row["Frechet distance"] for name, row in run[0]["space"].items()}
    for z in (2, 20):
        assert distance[f"AE {z}, N(0, I)"] > 1.5 * distance[f"VAE {z}, N(0, I)"]
        assert distance[f"AE {z}, N(0, I)"] > 2 * distance[f"AE {z}, fitted Gaussian"]
    assert min(distance, key=distance.get) == "test images"


def test_real_images_are_believed_more_than_noise(run):
    rows = run[0]["space"]
    believed = {name: row["believed, %"][0] for name, row in rows.items()}
    assert believed["test images"] > 60 > believed[space.NOISE]
    assert rows["test images"]["classes found"] > 9 > rows[space.NOISE]["classes found"]


def test_one_number_holds_the_images_and_nothing_between_them(run):
    rows = run[0]["memory"]
    mean_image = rows["the mean image"]["test"][0]
    for n in (10, 50):
        row = rows[f"{n} stored"]
        assert row["stored"][0] < 0.1 * mean_image < mean_image < row["test"][0]
        assert row["halfway, %"][0] < 50 < 80 < row["believed at codes, %"][0]
    assert rows["50, all weights trained"]["stored"][0] > 5 * rows["50 stored"]["stored"][0]


def test_no_linear_net_is_better_than_pca_on_the_training_images(run):
    rows = run[0]["architectures"]
    errors = {name: row["training images"][0] for name, row in rows.items()}
    assert errors["linear: PCA, closed form"] < errors["linear: by gradient"] < 4.7
    assert rows["linear: by gradient"]["weights"] == 2 * 64 * 20 + 20 + 64
    assert max(errors.values()) < run[0]["sizes"]["the mean image"]["autoencoder"][0]


def test_denoising_pays_on_clean_images_for_what_it_gains_on_damaged_ones(run):
    rows = run[0]["damage"]
    for net in ("sigmoid", "dense"):
        plain, denoising = rows[net], rows[f"{net}, denoising"]
        assert denoising["damaged"][0] < plain["damaged"][0]
        assert denoising["clean"][0] > plain["clean"][0]
        assert plain["clean"][0] < plain["damaged"][0]


def test_contraction_makes_the_jacobian_smaller(run):
    norms = {k: v["mean |dz/dx|"][0] for k, v in run[0]["damage"].items() if len(v) == 3}
    assert norms.keys() == {"sigmoid", "sigmoid, denoising", "sigmoid, contractive"}
    assert 0 < norms["sigmoid, contractive"] < 0.9 * norms["sigmoid"]


# What it leaves


def test_the_numbers_are_printed_and_kept(run):
    numbers, out, printed = run
    kept = json.loads((out / "numbers.json").read_text())["numbers"]
    assert kept == json.loads(json.dumps(numbers, default=common.plain))
    assert all(question in printed for question, _ in demo.QUESTIONS.values())
    for answer in numbers.values():
        assert common.table(answer) in printed


def test_without_mnist_the_clothes_are_left_out_and_it_says_why(run):
    assert "clothes" not in run[0]
    assert "Left out: the data are digits" in run[2] and "--data mnist" in run[2]


def test_every_answer_has_a_picture_with_something_on_it(run):
    import matplotlib.image

    assert sorted(path.stem for path in run[1].glob("*.png")) == PICTURES
    for name in PICTURES:
        picture = matplotlib.image.imread(run[1] / f"{name}.png")
        assert picture.shape[0] > 200 and picture.shape[1] > 600
        assert picture[..., :3].std() > 0.1


# Its parts


def test_clothes_through_a_digit_net_are_measured_against_the_digits(monkeypatch):
    digits = small(epochs=60)
    digits.data = replace(digits.data, name="mnist")
    inverse = {
        k: Part(1 - part.x, part.labels) for k, part in digits.data.parts.items()
    }  # as unlike digits as images get
    monkeypatch.setattr(clothes, "dataset", lambda args, name: replace(digits.data, **inverse))
    answer = clothes.answer(digits)
    rows = answer.numbers
    assert rows["clothes, digit AE"]["error"][0] > 3 * rows["digits, digit AE"]["error"][0]
    assert rows["clothes, digit AE"]["error"][0] > 3 * rows["clothes, clothes AE"]["error"][0]
    assert rows["digits, digit AE"]["strange, %"][0] == pytest.approx(100 / 64)  # 1 of 64
    assert rows["clothes, digit AE"]["strange, %"][0] == 100
    assert rows["digits, digit AE"]["lost, %"] < 100 and answer.figure


def test_clothes_that_are_not_at_hand_are_left_out(monkeypatch):
    def missing(args, name):
        raise SystemExit(f"{name}: put the files there")

    digits = small()
    digits.data = replace(digits.data, name="mnist")
    monkeypatch.setattr(clothes, "dataset", missing)
    answer = clothes.answer(digits)
    assert answer.words == (
        "Left out, for Fashion-MNIST is not at hand: fashion-mnist: put the files there"
    )
    assert not answer.numbers and answer.figure is None


def test_numbered_images_have_their_numbers_as_codes():
    setting = small()
    x = setting.train[:20]
    model = dense_autoencoder(setting.data.shape, (memory.WIDTH, memory.WIDTH), 1)
    p = model.init(setting.rng)
    before = tree.map(np.copy, p)
    found = memory.number(model, p, x, setting.rng)
    np.testing.assert_allclose(model.encode(found, x)[:, 0], np.arange(20), atol=1e-3)
    for (_, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True):
        np.testing.assert_array_equal(a, b)
    first = found["decoder"]["images"]["0"]
    bends = -first["b"] / first["W"][0]  # where w z + b = 0
    assert -1 <= bends.min() < 1 and 18 < bends.max() <= 20


def test_the_vae_has_the_nets_of_the_autoencoder():
    setting = small()
    ours, vae = setting.dense(3), space.fit_vae(setting, 3)
    shapes = [sorted(w.shape for _, w in tree.leaves(p["decoder"])) for p in (ours.p, vae.p)]
    assert shapes[0] == shapes[1]
    leaves = [len(list(tree.leaves(p["encoder"]))) for p in (ours.p, vae.p)]
    assert leaves[1] == leaves[0] + 2  # W and b of log_var
    q = vae.model.encode(vae.p, setting.x)
    np.testing.assert_allclose(vae.codes(setting.x), q["mean"], rtol=1e-6)
    spread = ((setting.train - setting.train.mean(axis=0)) ** 2).sum() / len(setting.train)
    assert vae.model.likelihood.std**2 == pytest.approx(0.01 * spread, rel=1e-5)


def test_what_is_trained_once_serves_all_the_questions():
    setting = small()
    assert setting.dense(2) is setting.dense(2) is not setting.dense(3)
    assert judge.Judge.of(setting) is judge.Judge.of(setting)


@pytest.mark.parametrize("data", ["moons", "sines", "digits-dynamic"])
def test_data_that_are_no_labelled_images_are_refused(data, tmp_path):
    with pytest.raises(SystemExit, match=f"autoencoder: {data} holds .*: use --data mnist"):
        demo.main(["--quick", "--data", data, "--out", str(tmp_path)])


def test_a_table_has_a_column_a_name_and_leaves_out_what_a_row_lacks():
    text = common.table(
        {"one": {"a": 1.234, "b": (2.0, 0.5)}, "three": {"b": 7}, "four": {"a": 0.5}}
    )
    assert text.splitlines() == [
        "           a             b",
        "one     1.23  2.00 +- 0.50",
        "three                    7",
        "four    0.50",
    ]


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_every_question_is_answered_on_the_device(device, monkeypatch):
    monkeypatch.setattr(memory, "QUICK_STEPS", 2)
    monkeypatch.setattr(clothes, "dataset", lambda args, name: setting.data)
    setting = small(device=device)
    setting.data = replace(setting.data, name="mnist")
    for _, answer in demo.QUESTIONS.values():
        numbers = answer(setting).numbers
        assert numbers
        json.dumps(numbers, allow_nan=False)


# The page


def test_the_page_answers_each_question_and_its_pictures_are_small():
    text = PAGE.read_text()
    assert all(question in text for question, _ in demo.QUESTIONS.values())
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == 2
    for path in shown:
        assert (PAGE.parent / path).stat().st_size < 150_000


def test_the_page_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE.read_text())
    assert len(links) >= 5
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
