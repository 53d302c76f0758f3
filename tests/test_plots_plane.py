"""Two latent dimensions at once: where each code lies, the circle, names, what is refused."""

import io

import numpy as np
import pytest

from tinygen import pictures, plots
from tinygen.cli import main
from tinygen.data import load
from tinygen.systems.trained import open_run


def shades(z):
    """Images whose two pixels are functions of z_1 and z_3 alone."""
    z = np.asarray(z, np.float64)
    grey = 1 / (1 + np.exp(-z[:, [0, 2]]))
    return grey.reshape(-1, 1, 2, 1)


def test_the_first_axis_goes_right_and_the_second_up():
    figure = plots.plane(plots.Walk(shades, np.zeros(3), span=2.0), (0, 2), side=3)
    sheet = figure.axes[0].images[0].get_array()
    tiles = np.stack([sheet[::2, ::3], sheet[::2, 1::3]], axis=-1)  # (rows, columns, two pixels)
    values = 1 / (1 + np.exp([2.0, 0.0, -2.0]))
    for row in range(3):
        np.testing.assert_allclose(tiles[row, :, 0], values, rtol=1e-6)  # z_1, to the right
        np.testing.assert_allclose(tiles[:, row, 1], values[::-1], rtol=1e-6)  # z_3, upwards
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["2", "0", "-2"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("$z_{1}$", "$z_{3}$")


def test_a_plane_is_in_the_units_of_the_walk_and_leaves_the_other_dimensions():
    seen = []

    def decode(z):
        seen.append(z)
        return np.zeros((len(z), 2, 2, 1))

    walk = plots.Walk(decode, np.array([5.0, 7, 9]), np.array([1.0, 2, 3]), 0.5, span=2.0)
    plots.plane(walk, (2, 0), side=2)
    np.testing.assert_allclose(seen[0], [[2, 7, 2], [2, 7, 4], [0, 7, 2], [0, 7, 4]])


def test_names_stand_in_place_of_numbers():
    walk = plots.Walk(shades, np.zeros(3), names=("smile", "brow", "turn"))
    figure = plots.plane(walk, (0, 2), side=3)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("smile", "turn")
    rows = [t.get_text() for t in plots.traversals(walk, columns=3).axes[0].get_yticklabels()]
    assert sorted(rows) == ["brow", "smile", "turn"]


def test_the_animation_goes_round_a_circle():
    from PIL import Image

    seen = []

    def decode(z):
        seen.append(z)
        return shades(z)

    film = Image.open(
        io.BytesIO(plots.plane_animation(plots.Walk(decode, np.zeros(3)), (0, 2), frames=6))
    )
    assert film.format == "GIF" and film.n_frames == 6
    z = seen[0]
    np.testing.assert_allclose(np.hypot(z[:, 0], z[:, 2]), 2.0, rtol=1e-6)  # 2/3 of the span of 3
    assert len(np.unique(z.round(4), axis=0)) == 6 and (z[:, 1] == 0).all()


@pytest.mark.parametrize("axes", [(0, 0), (0, 3), (-1, 1)])
def test_axes_that_span_no_plane_are_refused(axes):
    with pytest.raises(ValueError, match=r"two different dimensions out of 0\.\.2, got"):
        plots.plane(plots.Walk(shades, np.zeros(3)), axes)


def test_names_must_be_as_many_as_dimensions():
    with pytest.raises(ValueError, match=r"expected a name for each of 3 dimensions, got \('a',\)"):
        plots.Walk(shades, np.zeros(3), names=("a",))


@pytest.mark.parametrize("latent", [2, 3])
def test_the_report_of_a_disentangling_system_shows_a_plane_of_more_than_two(tmp_path, latent):
    words = ["--data", "digits", "--hidden", "8", "--steps", "2", "--latent", str(latent)]
    assert main(["train", "factor-vae", *words, "--out", str(tmp_path / "run")]) == 0
    run = open_run(tmp_path / "run")
    found = pictures.pictures(run, np.random.default_rng(0), load("digits"), samples=4)
    assert ("plane" in found, "manifold" in found) == (latent > 2, latent == 2)
    assert {f"{name}.png" for name in found} >= set(run.system.captions) or latent == 2
