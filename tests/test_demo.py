"""The demo learns real digits and writes its pictures; the README's example runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygen import plots

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One short run: its folder, its numbers, what it printed."""
    out = tmp_path_factory.mktemp("vae_digits")
    printed = subprocess.run(
        [sys.executable, "demos/vae_digits.py", "--epochs=25", "--samples=50", f"--out={out}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return out, printed.stdout, printed.stderr


def row(printed, title):
    """The numbers of the summary's row of that title."""
    line = next(line for line in printed.splitlines() if line.strip().startswith(title))
    return [float(number) for number in re.findall(r"-?\d+\.\d+", line.partition(title)[2])]


def test_the_demo_beats_independent_pixels_by_its_elbo(demo):
    _, printed, _ = demo
    elbo, error, elbo_2d, _ = row(printed, "test ELBO")
    baseline, _ = row(printed, "for comparison, NLL of independent pixels")
    assert -elbo + 2 * error < baseline
    assert -elbo < -elbo_2d


def test_the_demo_s_nll_is_below_minus_the_elbo_and_has_its_errors(demo):
    _, printed, _ = demo
    elbo, _, _, _ = row(printed, "test ELBO")
    nll, over_images, _, _ = row(printed, "test NLL, 50 importance samples")
    monte_carlo, _ = row(printed, "of that error, Monte Carlo")
    bits, _ = row(printed, "test NLL in bits per pixel")
    assert 0 < nll < -elbo
    assert 0 < monte_carlo < over_images < 1
    assert bits == pytest.approx(nll / 64 / np.log(2), abs=1e-3)


def test_grey_levels_are_never_called_a_likelihood(demo):
    _, printed, _ = demo
    (line,) = (line for line in printed.splitlines() if "on grey levels" in line)
    assert "not a likelihood" in line and "NLL" not in line


def test_the_demo_checks_the_gradient_of_the_whole_model(demo):
    _, printed, _ = demo
    assert "gradient of the whole model" in printed
    assert "encoder.q.log_var.0.W" in printed and "  x " in printed
    assert "passed" in printed and "FAILED" not in printed


def test_the_demo_shows_its_progress(demo):
    assert "16 latents: 100%" in demo[2] and "validation loss" in demo[2]


def test_the_demo_writes_a_log_with_the_terms_apart(demo):
    records = [json.loads(line) for line in (demo[0] / "log.jsonl").read_text().splitlines()]
    assert len(records) == 50
    assert records[0]["latents"] == 16 and records[-1]["latents"] == 2
    assert records[-1]["validation"].keys() == {"loss", "nll", "kl"}


@pytest.mark.parametrize(
    "name", ["curves_16", "curves_2", "manifold", "overview", "reconstructions", "samples"]
)
def test_the_demo_writes_pictures_with_something_on_them(demo, name):
    import matplotlib.image

    picture = matplotlib.image.imread(demo[0] / f"{name}.png")
    assert picture.shape[0] > 200 and picture.shape[1] > 300
    assert picture[..., :3].std() > 0.05


def test_tiles_stand_row_by_row_with_a_gap():
    images = np.arange(1, 4).reshape(3, 1, 1, 1).repeat(2, axis=2) / 4
    sheet = plots.tiled(images, columns=2)[..., 0]
    expected = [[0.25, 0.25, 0, 0.5, 0.5], [0, 0, 0, 0, 0], [0.75, 0.75, 0, 0, 0]]
    assert np.array_equal(sheet, expected)


def test_reconstructions_stand_below_their_originals():
    a = np.arange(1, 4).reshape(3, 1, 1, 1) / 10
    sheet = plots.interleaved(a, a + 0.5, columns=2)[::2, ::2, 0]
    np.testing.assert_allclose(sheet, [[0.1, 0.2], [0.6, 0.7], [0.3, 0], [0.8, 0]])


def test_the_manifold_runs_right_in_z1_and_up_in_z2():
    seen = []

    def decode(z):
        seen.append(z)
        return (z[:, :1] > 0).astype(float).reshape(-1, 1, 1, 1)

    sheet = plots.manifold_sheet(decode, side=2)[::2, ::2, 0]
    assert np.array_equal(sheet, [[0, 1], [0, 1]])
    quartile = 0.67449  # of N(0, 1)
    np.testing.assert_allclose(seen[0][0], [-quartile, quartile], atol=1e-4)  # top left


def test_curves_show_train_beside_validation_in_one_panel_a_term():
    log = [
        {"epoch": e, "train": {"nll": 2.0 / e, "kl": e}, "validation": {"nll": 3.0 / e, "kl": e}}
        for e in (1, 2, 3)
    ]
    figure = plots.curves(log)
    assert [axes.get_title() for axes in figure.axes] == ["nll", "kl"]
    named = plots.curves(log, {"kl": "divergence"})
    assert [axes.get_title() for axes in named.axes] == ["divergence"]
    assert list(named.axes[0].lines[0].get_ydata()) == [1, 2, 3]
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines == {"train": [2.0, 1.0, 2 / 3], "validation": [3.0, 1.5, 1.0]}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: plots.curves([]), "log is empty"),
        (lambda: plots.tiled(np.zeros((2, 64)), 2), r"expected images .*got \(2, 64\)"),
        (lambda: plots.tiled(np.zeros((0, 8, 8, 1)), 2), r"N >= 1, got \(0, 8, 8, 1\)"),
        (
            lambda: plots.reconstructions(np.zeros((2, 8, 8, 1)), np.zeros((3, 8, 8, 1))),
            "expected images of one shape",
        ),
    ],
)
def test_pictures_of_the_wrong_shape_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--device", "abacus"], "unknown device 'abacus'"),
        (["--epochs", "0"], "--epochs must be >= 1, got 0"),
        (["--data", "moons"], "moons holds points, not grey images"),
    ],
)
def test_the_demo_refuses_what_it_cannot_do(words, message, tmp_path):
    printed = subprocess.run(
        [sys.executable, "demos/vae_digits.py", *words, f"--out={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode != 0 and message in printed.stderr.splitlines()[-1]
    assert "Traceback" not in printed.stderr


def readme_example():
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    return block


def test_the_readme_s_example_runs(capsys):
    exec(readme_example(), {})
    printed = capsys.readouterr().out
    assert "gradients of Scale" in printed and "passed" in printed


@pytest.mark.parametrize("right, wrong, row", [("dy * 2 *", "dy *", "x"), (".sum(", ".mean(", "a")])
def test_the_readme_s_example_rejects_the_bugs_it_names(capsys, right, wrong, row):
    assert right in readme_example()
    exec(readme_example().replace(right, wrong), {})
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.split()[:1] == [row])
    assert "WRONG" in line and "FAILED" in lines[-1]


def test_the_readme_s_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
