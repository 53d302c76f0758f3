"""The demo of heart beats: what is trained on, what is scored, what it leaves."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import heartbeats as demo  # noqa: E402
from common import arguments  # noqa: E402
from heartbeats_parts import splits  # noqa: E402

from tinygen.data.dataset import Dataset, Part  # noqa: E402


def made(seed=0):
    """Beats that need no file: one hump, early where they are normal and late where not."""
    rng = np.random.default_rng(seed)
    kinds = np.array([0, 0, 0, 1, 0, 2] * 20)
    at = np.where(kinds == 0, 5, 14) + rng.normal(size=120)
    x = np.exp(-((np.arange(20) - at[:, None]) ** 2) / 8)
    x = (x + 0.02 * rng.normal(size=x.shape)).astype(np.float32)
    parts = [Part(x[i], kinds[i]) for i in (slice(0, 60), slice(60, 90), slice(90, 120))]
    return Dataset("made", "series", *parts, classes=("normal", "late", "very late"))


def asked(tmp_path, *words):
    return arguments("", "heartbeats", ["--out", str(tmp_path), *words], data="made", quick="made")


def test_all_beats_are_dealt_out_once_and_abnormal_ones_are_never_trained_on():
    data = made()
    s = splits.split(data, np.random.default_rng(0))
    whole = np.concatenate([part.x for part in data.parts.values()])
    kinds = np.concatenate([part.labels for part in data.parts.values()])
    assert [len(a) for a in (s.train, s.validation, s.test, s.abnormal)] == [48, 8, 24, 40]
    dealt = np.concatenate([s.train, s.validation, s.test])
    assert {a.tobytes() for a in dealt} == {a.tobytes() for a in whole[kinds == 0]}
    np.testing.assert_array_equal(s.abnormal, whole[kinds != 0])
    np.testing.assert_array_equal(s.kinds, kinds[kinds != 0])
    other = splits.split(data, np.random.default_rng(1))
    assert (other.test != s.test).any()


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    s = splits.split(made(), np.random.default_rng(0))
    args = asked(tmp_path_factory.mktemp("beats"), "--epochs", "150")
    return s, splits.Beats.fit(s, 0.1, np.random.default_rng(0), args)


def test_the_score_is_the_sum_of_what_the_steps_cost_and_finds_late_humps(learnt):
    s, beats = learnt
    steps = beats.step_scores(s.test)
    assert steps.shape == (24, 20)
    np.testing.assert_allclose(beats.scores(s.test), steps.sum(axis=1))
    assert demo.metrics.auroc(beats.scores(s.test), beats.scores(s.abnormal)) > 0.9


def test_beats_are_drawn_on_after_their_own_beginning(learnt, rng):
    s, beats = learnt
    x = np.concatenate([s.test, s.train])[:, :5]
    more = beats.go_on(rng, x, 3)
    assert more.shape == (72, 3) and np.corrcoef(x[:, -1], more[:, 0])[0, 1] > 0.3
    assert beats.draw(rng, 7, 20).shape == (7, 20)


def test_noise_is_drawn_anew_and_has_its_standard_deviation(rng):
    x = np.zeros((40, 50, 1), np.float32)
    one, other = (splits.noisy(rng, x, 0.3) for _ in range(2))
    assert one.dtype == np.float32 and one.std() == pytest.approx(0.3, rel=0.1)
    assert (one != other).mean() > 0.99


def test_components_leave_what_they_do_not_span(rng):
    s = splits.split(made(), rng)
    errors = splits.pca_scores(s, 3, s.train)[0]
    centred = s.train - s.train.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    assert errors.sum() == pytest.approx((values[3:] ** 2).sum(), rel=1e-3)


def test_a_quick_run_leaves_areas_and_pictures(tmp_path, monkeypatch, capsys):
    import matplotlib.image

    monkeypatch.setattr(demo, "dataset", lambda args: made())
    monkeypatch.setattr(splits, "HIDDEN", 8)
    monkeypatch.setattr(demo, "KNOWN", 8)
    monkeypatch.setattr(demo, "COMPONENTS", (2, 10))
    demo.main(["--quick", "--epochs", "20", "--out", str(tmp_path)])
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert set(numbers) == {"2 components", "10 components", "-log p", "-log p, noise 0.3", "drawn"}
    for name, row in numbers.items():
        if name != "drawn":
            least, greatest = map(float, row["range"].split(" .. "))
            assert least - 1e-4 <= row["AUROC"][0] <= greatest + 1e-4
            assert 0 <= row["false alarms"] <= row["found"] <= 1
    assert numbers["2 components"]["AUROC"][0] > 0.9
    for name in ("beats", "continued", "odd", "scores", "areas"):
        drawn = matplotlib.image.imread(tmp_path / f"{name}.png")
        assert min(drawn.shape[:2]) > 100 and drawn[..., :3].std() > 0.03
    assert "split 1: 2 components" in capsys.readouterr().out


def test_what_is_no_series_of_kinds_is_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"ar2 holds no single series .* use --data heartbeats"):
        demo.main(["--quick", "--data", "ar2", "--out", str(tmp_path)])
