"""The demo of disentanglement: axes, directions, the judge, and a quick run from end to end."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import disentangling as demo  # noqa: E402
from disentangling_parts.axes import Curves, axis_of, scaled  # noqa: E402
from disentangling_parts.judge import Judge, changes  # noqa: E402
from disentangling_parts.walks import SPAN, STEPS, Explorer, drawn_walk, swing  # noqa: E402

from tinygen.data.drawn_faces import FACTORS, draw_faces, drawn_faces  # noqa: E402
from tinygen.metrics import binned_information  # noqa: E402


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(np.random.default_rng(0), 700)


def codes_of(factors):
    """Codes that hold the factors: z_1 = -turn, z_2 = smile, z_3 = noise, the rest in order."""
    noise = np.random.default_rng(1).normal(size=len(factors["turn"]))
    rest = [factors[name] for name in FACTORS if name not in ("smile", "turn")]
    return np.stack([-factors["turn"], factors["smile"], noise, *rest], axis=1)


def explorer_of(part):
    """A perfect model of the faces: its decoder draws them."""

    def decode(z):
        z = np.clip(z, -1, 1)
        rest = [name for name in FACTORS if name not in ("smile", "turn")]
        others = dict(zip(rest, z[:, 3:].T, strict=True))
        return draw_faces({"turn": -z[:, 0], "smile": z[:, 1]} | others)

    level = {name: demo.whole(v) for name, v in part.factors.items()}
    mean = codes_of(part.factors)
    return Explorer(decode, mean, part.factors, level, binned_information(mean, level))


def test_the_axis_of_a_factor_is_the_dimension_that_tells_most(faces):
    explorer = explorer_of(faces)
    smile, turn = explorer.axis("smile"), explorer.axis("turn")
    assert (smile.j, smile.rising, turn.j, turn.rising) == (1, 1, 0, -1)
    assert smile.told > 0.9 > 0.2 > smile.second
    only = axis_of("smile", {"smile": [0.1, 0.3]}, explorer.level, explorer.mean)
    assert only.j == 1 and only.told == pytest.approx(0.3 / np.log(10), rel=1e-3)


def test_a_curve_is_how_a_factor_alone_moves_the_codes():
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, 400)
    b = np.clip(0.9 * a + 0.4 * rng.uniform(-1, 1, 400), -1, 1)  # they go together in the data
    factors = {"a": np.r_[a, -1, 1], "b": np.r_[b, -1, 1]}
    a, b = factors.values()
    z = np.stack([2 * a + a * b**2, 3 * b - b**5, 0.5 * a * b], axis=1) + 1.0
    found = Curves.fit(factors, z)
    assert found.fitted == pytest.approx(1)
    step = found.step(np.array([0.4, 0.0]), "b", np.array([0.0, 0.5]))
    np.testing.assert_allclose(
        step, [[0, 0, 0], [0.4 * 0.25, 1.5 - 0.5**5, 0.5 * 0.4 * 0.5]], atol=1e-9
    )
    assert Curves.fit(factors, rng.normal(size=z.shape)).fitted < 0.2


def test_factors_are_scaled_to_their_range():
    v = scaled({"a": np.array([2, 3, 6]), "b": np.array([-5.0, 5, 0])})
    np.testing.assert_allclose(v, [[-1, -1], [-0.5, 1], [1, 0]])


def test_walks_of_a_perfect_model_change_one_thing(faces):
    explorer, judge = explorer_of(faces), Judge.fit(faces.x, faces.factors)
    rows = explorer.rows("smile", "A") | explorer.rows("turn", "A")
    assert list(rows)[:3] == ["smile: A, z2", "smile: A, curve", "turn: A, z1"]
    rows |= {f"{name}: drawn": drawn_walk(name) for name in ("smile", "turn")}
    for name, images in rows.items():
        assert images.shape == (STEPS, 32, 32, 1)
        far = changes(judge, images)
        own = far.pop(name.split(":")[0])
        assert own > 1.2 and max(far.values()) < own / 2, (name, own, far)
    smile = judge.read(rows["smile: A, z2"])["smile"]
    turn = judge.read(rows["turn: A, z1"])["turn"]  # its axis falls as the factor rises
    assert smile[0] < -0.5 < 0.5 < smile[-1] and turn[0] < -0.5 < 0.5 < turn[-1]


def test_the_judge_reads_faces_that_it_has_not_seen(faces):
    judge = Judge.fit(faces.x, faces.factors)
    other = drawn_faces(np.random.default_rng(5), 200)
    assert min(judge.trust(other.x, other.factors).values()) > 0.75
    still = changes(judge, np.repeat(other.x[:1], 4, axis=0))
    assert max(still.values()) < 1e-9


def test_a_swing_goes_there_and_back(faces):
    from PIL import Image

    film = Image.open(io.BytesIO(swing({"smile": faces.x[:STEPS], "turn": faces.x[-STEPS:]})))
    assert film.format == "GIF" and film.n_frames == 2 * STEPS - 2


def test_whole_numbers_stay_and_continuous_factors_are_cut():
    assert demo.whole(np.array([3, 1, 1])).tolist() == [3, 1, 1]
    assert np.bincount(demo.whole(np.linspace(-1, 1, 50))).tolist() == [5] * demo.LEVELS
    assert SPAN > 0


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    out = tmp_path_factory.mktemp("disentangling")
    demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_a_quick_run_measures_all_four_models(asked):
    models = asked[1]["models"]
    assert list(models) == ["VAE", "beta-VAE", "FactorVAE", "beta-TCVAE"]
    for row in models.values():
        assert np.isfinite([row[c] for c in demo.COLUMNS]).all()
        assert set(row["gaps"]) == set(FACTORS)
        assert row["MIG"] == pytest.approx(np.mean(list(row["gaps"].values())))
    assert models["beta-VAE"]["kl"] < models["VAE"]["kl"]


def test_a_quick_run_leaves_its_pictures(asked):
    for name in ("information", "traversals", "walks"):
        assert (asked[0] / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (asked[0] / "walks.gif").read_bytes().startswith(b"GIF8")
    assert next(iter(asked[1]["walks"])) == "smile: drawn"
    assert {"smile: VAE, curve", "turn: beta-TCVAE, curve"} <= asked[1]["walks"].keys()


def test_data_without_factors_are_refused(tmp_path):
    with pytest.raises(
        SystemExit, match=r"digits holds grey with the factors .*use --data drawn-faces"
    ):
        demo.main(["--quick", "--data", "digits", "--out", str(tmp_path)])


# The recorded runs


def test_the_table_of_runs_is_their_mean_and_spread(tmp_path):
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import disentanglement
    import results

    row = dict.fromkeys(disentanglement.NUMBERS, 1.0)
    file = tmp_path / "results.jsonl"
    assert results.known(file) == []
    rows = [{"model": m, "seed": s, "steps": 5} | row | {"MIG": mig}
               for m, s, mig in (("VAE", 0, 0.1), ("VAE", 1, 0.3), ("b", 0, 0.5))]  # fmt: skip
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    text = disentanglement.table(results.known(file))
    assert "| VAE | 2 |" in text and "0.200 ± 0.141" in text and "| 0.500 |" in text
