"""Pictures show what they say: places, labels, orders and marks are read back from the figures."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tinygen import arrays, plots
from tinygen.plots.images import interleaved, tiled
from tinygen.plots.logs import best_epoch
from tinygen.plots.style import CLASSES, MARKERS

PLOTS = Path(plots.__file__).parent


def images(z):
    """One 2x3 image a code: its grey level is a function of z_1 and z_3 only."""
    grey = 1 / (1 + np.exp(-(z[:, 0] + 0.1 * z[:, 2])))
    return np.broadcast_to(grey[:, None, None, None], (len(z), 2, 3, 1))


def words(figure):
    return figure._suptitle.get_text().replace("\n", " ")


def offsets(axes):
    return [np.asarray(c.get_offsets()) for c in axes.collections]


# Codes


def test_two_dimensional_codes_stand_where_they_are(rng):
    codes, labels = rng.normal(size=(30, 2)), np.arange(30) % 3
    figure = plots.latent_scatter(codes, labels, ("a", "b", "c"), "codes of 30")
    for label, points in enumerate(offsets(figure.axes[0])):
        np.testing.assert_allclose(points, codes[labels == label])
    assert words(figure) == "codes of 30"
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["a", "b", "c"]


def test_classes_that_are_absent_take_no_colour_and_no_place(rng):
    codes, labels = rng.normal(size=(8, 2)), np.array([7, 3] * 4)
    axes = plots.latent_scatter(codes, labels, [f"class {i}" for i in range(9)]).axes[0]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["class 3", "class 7"]
    np.testing.assert_allclose(offsets(axes)[0], codes[1::2])


def test_the_class_is_told_by_colour_and_by_marker():
    assert len(set(CLASSES)) == len(set(MARKERS)) == len(CLASSES) == 10


def test_more_dimensions_are_seen_along_their_principal_axes(rng):
    plane = np.linalg.qr(rng.normal(size=(5, 2)))[0]
    flat = rng.normal(size=(200, 2)) * [3, 1]
    codes = flat @ plane.T + 2  # in a plane that does not hold 0
    points, origin, share = plots.principal_axes(codes)
    assert share == pytest.approx(1)
    apart, expected = (np.linalg.norm(x[:, None] - x, axis=2) for x in (points, flat))
    np.testing.assert_allclose(apart, expected, atol=1e-9)
    assert points.var(axis=0)[0] > 5 * points.var(axis=0)[1]
    # As far from each point as the foot of 0 in the plane is from its code.
    foot = 2 * (np.ones(5) - plane @ plane.T @ np.ones(5))
    np.testing.assert_allclose(
        np.linalg.norm(points - origin, axis=1), np.linalg.norm(codes - foot, axis=1), atol=1e-9
    )
    title = words(plots.latent_scatter(codes + rng.normal(size=codes.shape)))
    assert "two principal axes of 5 dimensions: " in title and "% of the variance" in title


@pytest.mark.parametrize("n", [1, 2])
def test_few_codes_can_be_drawn(n, rng):
    plots.png(plots.latent_scatter(rng.normal(size=(n, 5)), np.arange(n), prior=True))


def test_the_circles_hold_the_shares_of_the_prior_that_the_title_says(rng):
    figure = plots.latent_scatter(rng.normal(size=(9, 2)), prior=True)
    z = np.linalg.norm(rng.standard_normal((20000, 2)), axis=1)
    found = [np.mean(z < circle.radius) for circle in figure.axes[0].patches]
    np.testing.assert_allclose(found, [0.5, 0.95], atol=0.02)
    assert words(figure) == "circles: 50% and 95% of N(0, I)"


def test_the_circles_stand_around_the_projection_of_zero(rng):
    codes = rng.normal(size=(50, 4)) + 3
    figure = plots.latent_scatter(codes, prior=True)
    centre = figure.axes[0].patches[0].get_center()
    np.testing.assert_allclose(centre, plots.principal_axes(codes)[1])


def test_one_dimension_is_drawn_against_the_class(rng):
    codes, labels = rng.normal(size=(6, 1)), np.array([0, 1, 2, 0, 1, 2])
    figure = plots.latent_scatter(codes, labels)
    assert sorted(np.concatenate(offsets(figure.axes[0]))[:, 1]) == [0, 0, 1, 1, 2, 2]
    assert figure.axes[0].get_ylabel() == "class"


def test_many_classes_share_a_scale_of_colours(rng):
    figure = plots.latent_scatter(rng.normal(size=(40, 2)), np.arange(40))
    assert figure.axes[0].get_legend() is None and "of 40" in figure.axes[1].get_ylabel()


def test_names_are_shown_as_they_are_written(rng):
    names = ("$x_1$ & <b>", "100 %")
    figure = plots.latent_scatter(rng.normal(size=(4, 2)), np.array([0, 1, 2, 0]), names)
    shown = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert shown == [r"\$x_1\$ & <b>", "100 %", "2"]  # an unnamed class is a number
    plots.png(figure)


def test_title_and_legend_do_not_overlap(rng):
    title = "means of q(z|x), 2000 test examples of a data set with a name of some length"
    labels = np.arange(40) % 10
    names = [f"a rather long name {i}" for i in range(10)]
    figure = plots.latent_scatter(rng.normal(size=(40, 7)), labels, names, title, prior=True)
    figure.draw_without_rendering()
    assert not figure._suptitle.get_window_extent().overlaps(
        figure.axes[0].get_legend().get_window_extent()
    )


# Traversals


def test_each_row_moves_one_dimension_and_leaves_the_others(rng):
    seen = []

    def decode(z):
        seen.append(z)
        return images(z)

    code = np.array([0.5, -1.0, 2.0])
    walk = plots.Walk(decode, code, use=np.array([0.1, 0.9, 0.5]))
    figure = plots.traversals(walk, columns=7)
    for z, j in zip(seen, (1, 2, 0), strict=True):  # the most used first
        np.testing.assert_allclose(z[:, j], [-3, -2, -1, 0, 1, 2, 3])
        others = np.delete(np.arange(3), j)
        np.testing.assert_array_equal(np.delete(z, j, axis=1), np.tile(code[others], (7, 1)))
        assert z.dtype == np.float32
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["$z_{2}$", "$z_{3}$", "$z_{1}$"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["-3", "-1", "1", "3"]
    assert [t.get_text() for t in axes.texts] == ["0.90", "0.50", "0.10"]


def test_a_traversal_shows_the_images_of_its_values():
    walk = plots.Walk(images, np.zeros(3), use=np.array([1.0, 0, 0]), rows=1)
    figure = plots.traversals(walk, columns=3)
    sheet = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(sheet[0, ::4], 1 / (1 + np.exp([3, 0, -3])), atol=1e-6)
    title = figure.axes[0].get_title().replace("\n", " ")
    assert "the 1 most used of 3" in title


def test_a_traversal_can_be_in_units_of_the_codes():
    seen = []

    def decode(z):
        seen.append(z)
        return np.zeros((len(z), 2, 2, 1))

    mean, std = np.array([5.0, 7.0]), np.array([2.0, 0.1])
    walk = plots.Walk(decode, mean, middle=mean, scale=std, use=np.ones(2))
    plots.traversals(walk, columns=3)
    np.testing.assert_allclose(seen[0], [[-1, 7], [5, 7], [11, 7]], rtol=1e-6)
    np.testing.assert_allclose(seen[1], [[5, 6.7], [5, 7], [5, 7.3]], rtol=1e-6)


def test_where_use_is_not_known_it_is_how_much_the_images_change():
    order, use = plots.Walk(images, np.zeros(4)).order()
    assert order.tolist() == [0, 2, 1, 3]
    assert use[0] > use[2] > use[1] == use[3] == 0


def frames(gif):
    with Image.open(io.BytesIO(gif)) as picture:
        assert picture.info["loop"] == 0
        found = []
        for i in range(picture.n_frames):
            picture.seek(i)
            found.append(np.asarray(picture.convert("L"), float))
    return np.stack(found)


def test_the_animation_moves_the_dimensions_that_are_used_and_no_others():
    gif = plots.animation(plots.Walk(images, np.zeros(3)), frames=8)
    pages = frames(gif)
    assert len(pages) == 8
    lower = pages[:, pages.shape[1] // 2 + 5 :]  # below title and labels
    thirds = np.array_split(lower, 3, axis=2)  # z_1, z_3, z_2: by their use
    moved = [np.ptp(part, axis=0).max() for part in thirds]
    assert moved[0] > 100 > moved[1] > 5 > moved[2]


def test_the_animation_swings_there_and_back():
    pages = frames(plots.animation(plots.Walk(images, np.zeros(3)), frames=8))
    middle = pages[:, pages.shape[1] // 2 + 5 :]
    np.testing.assert_allclose(middle[1], middle[3], atol=8)  # sin 45 = sin 135 degrees
    assert np.abs(middle[2] - middle[6]).max() > 100


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: plots.Walk(images, np.zeros((2, 3))), r"expected a code \(Z,\).*got \(2, 3\)"),
        (lambda: plots.Walk(images, np.zeros(3), use=np.ones(2)), r"`use` of .*\(3,\), got \(2,\)"),
        (lambda: plots.latent_scatter(np.zeros((0, 2))), r"got shape \(0, 2\)"),
        (lambda: plots.latent_scatter(np.full((2, 2), np.nan)), "4 values that are not finite"),
        (lambda: plots.latent_scatter(np.zeros((3, 2)), np.zeros(2)), "a label for each of 3"),
        (lambda: plots.rate_distortion({}), "expected points"),
        (lambda: plots.rate_distortion({"a": [(1, 2)]}), "expected points"),
        (lambda: plots.rate_distortion({"a": [(1, 2, np.nan)]}), "not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Curves


def record(epoch, loss, **more):
    part = {"loss": loss, "nll": loss - 1, "kl": 1.0}
    return {"epoch": epoch, "step": 10 * epoch, "train": part, "validation": part} | more


def test_the_epoch_of_the_least_validation_loss_is_marked():
    log = [record(1, 5.0), record(2, 3.0), record(3, 4.0)]
    figure = plots.curves(log)
    lines = {line.get_label(): line.get_xdata() for line in figure.axes[0].lines}
    assert set(lines["best: epoch 2"]) == {2}
    assert len(figure.axes) == 3


def test_an_unfinished_epoch_stands_where_it_stopped_and_is_never_the_best():
    log = [record(1, 5.0), record(2, 4.0), record(3, 1.0, unfinished=True) | {"step": 25}]
    figure = plots.curves(log)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 2.5]
    assert best_epoch(log) == 2


def test_one_epoch_and_one_unfinished_epoch_can_be_seen():
    for log in ([record(1, 5.0)], [record(1, 5.0, unfinished=True)]):
        line = plots.curves(log).axes[0].lines[0]
        assert line.get_marker() == "o" and list(line.get_xdata()) == [1]


def test_a_term_that_is_the_whole_loss_is_drawn_once():
    part = {"loss": 2.0, "squared_error": 2.0}
    figure = plots.curves([{"epoch": 1, "step": 1, "train": part}])
    assert [axes.get_title() for axes in figure.axes] == ["loss"]


def test_terms_of_any_record_are_drawn_in_rows_of_three():
    log = [
        {"epoch": 1, "step": 1, "train": {"a.loss": 1.0, "b_c": 2.0, "c": 3.0}},
        {"epoch": 2, "step": 2, "train": {"a.loss": 1.0, "d$": 4.0}},
    ]
    figure = plots.curves(log, unit="loss")
    assert [axes.get_title() for axes in figure.axes] == ["a.loss", "b c", "c", r"d\$"]
    assert np.isnan(figure.axes[3].lines[0].get_ydata()).tolist() == [True, False]
    assert figure.axes[0].get_ylabel() == "loss"
    plots.png(figure)


def test_the_steep_beginning_does_not_flatten_the_rest():
    log = [record(e, 500.0 if e == 1 else 100 - e) for e in range(1, 31)]
    low, high = plots.curves(log).axes[0].get_ylim()
    assert low < 70 and 98 < high < 120
    gentle = [record(e, 100.0 - e) for e in range(1, 31)]
    assert plots.curves(gentle).axes[0].get_ylim()[1] > 99


# Rate and distortion


def test_rate_and_distortion_are_joined_by_rate_and_labelled_by_beta():
    points = [(4, 1.0, 30.0), (0.5, 20.0, 10.0), (1, 10.0, 15.0)]
    axes = plots.rate_distortion({"test": points}).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1, 10, 20]
    assert axes.lines[0].get_ydata().tolist() == [30, 15, 10]
    assert [t.get_text() for t in axes.texts] == [rf"$\beta$ = {b}" for b in ("4", "1", "0.5")]


def test_the_dashed_line_holds_the_models_of_the_best_elbo():
    points = [(4, 1.0, 30.0), (0.5, 20.0, 10.0), (1, 10.0, 15.0)]
    axes = plots.rate_distortion({"test": points}).axes[0]
    line = axes.lines[1]
    assert line.get_xy1() == (10, 15) and line.get_slope() == -1
    assert "-ELBO = 25.0" in line.get_label()
    assert axes.get_xlim()[0] < 1 and axes.get_xlim()[1] > 20 and axes.get_ylim()[1] > 30


def test_points_in_one_place_share_a_label_and_two_curves_label_apart():
    points = [(8, 0.0, 30.0), (4, 0.01, 30.0), (1, 10.0, 15.0)]
    axes = plots.rate_distortion({"train": points, "test": points}).axes[0]
    assert [t.get_text() for t in axes.texts[:2]] == [r"$\beta$ = 4, 8", r"$\beta$ = 1"]
    assert axes.texts[0].get_ha() == "left" and axes.texts[2].get_ha() == "right"


# Images


def test_a_manifold_over_a_box_steps_evenly_and_says_where():
    seen = []

    def decode(z):
        seen.append(z)
        return np.zeros((len(z), 4, 4, 1))

    figure = plots.manifold(decode, side=3, box=((-10, 10), (0, 1)))
    np.testing.assert_allclose(seen[0][:3], [[-10, 1], [0, 1], [10, 1]])
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["-10", "0", "10"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["0.0", "0.5", "1.0"]
    assert axes.get_yticks()[0] > axes.get_yticks()[-1]  # z_2 upwards, pixels downwards


@pytest.mark.parametrize("shape", [(1, 4, 4, 1), (5, 3, 8, 3), (40, 9, 2, 1)])
def test_grids_of_any_shape_are_written(shape, rng):
    content = plots.png(plots.sample_grid(rng.random(shape), title="a title " * 12))
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG" and max(picture.size) < 1400


def test_panels_stand_side_by_side_under_their_titles(rng):
    sheets = {"left": rng.random((8, 8, 1)), "right": rng.random((8, 16, 3))}
    figure = plots.panels(sheets, title="both")
    assert [axes.get_title() for axes in figure.axes] == ["left", "right"]
    assert words(figure) == "both"


def test_grey_is_drawn_as_ink_and_colour_as_it_is():
    grey, colour = np.ones((1, 4, 4, 1)), np.ones((1, 4, 4, 3))
    for image, level in ((grey, 0), (colour, 255)):
        figure = plots.sample_grid(image)
        with Image.open(io.BytesIO(plots.png(figure))) as picture:
            middle = picture.convert("L").getpixel((picture.width // 2, picture.height // 2))
        assert middle == level


@pytest.mark.parametrize(("channels", "white"), [(1, 0), (3, 1)])
def test_between_pictures_there_is_white_whatever_their_channels(channels, white):
    x = np.full((3, 2, 2, channels), 0.5)
    sheet = tiled(x, 2)  # three of four places
    assert (sheet[2] == white).all() and (sheet[:, 2] == white).all()
    sheet = interleaved(x, x, columns=2)
    assert (sheet[6:, 3:] == white).all() and (sheet[3:5, 3:] == 0.5).all()


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_what_lies_on_a_device_is_drawn(device, rng):
    x = arrays.to_device(rng.random((4, 3, 3, 1)), device)
    plots.sample_grid(x)
    plots.reconstructions(x, x, columns=2)
    plots.latent_scatter(x[:, :, 0, 0], arrays.to_device(np.arange(4), device))
    plots.traversals(plots.Walk(lambda z: x[: len(z)], np.zeros(2)), columns=4)


def test_no_picture_touches_the_global_state(rng):
    before = dict(matplotlib.rcParams)
    plots.png(plots.curves([record(1, 2.0), record(2, 1.0)]))
    plots.png(plots.latent_scatter(rng.normal(size=(9, 3)), np.arange(9), prior=True))
    assert {k for k, v in matplotlib.rcParams.items() if before[k] != v} <= {"backend"}  # lazy
    assert not [path.name for path in PLOTS.glob("*.py") if "pyplot" in path.read_text()]


def test_figures_become_the_frames_of_a_gif():
    figure = Figure(figsize=(2, 1))
    axes = figure.add_subplot()

    def drawn():
        for i in range(3):
            axes.clear()
            axes.plot([0, 1], [0, i])
            yield figure

    gif = plots.moving(drawn(), 50, last=4)
    pages = frames(gif)
    assert len(pages) == 3 and abs(pages[2] - pages[0]).max() > 100
    with Image.open(io.BytesIO(gif)) as picture:
        times = []
        for i in range(3):
            picture.seek(i)
            times.append(picture.info["duration"])
    assert times == [50, 50, 200]


def test_frames_share_their_colours_so_that_one_is_stored_as_what_changed():
    def drawn(n):
        for i in range(n):
            figure = Figure(figsize=(3, 3))
            axes = figure.add_axes((0, 0, 1, 1))
            axes.imshow(np.random.default_rng(0).random((30, 30, 3)))
            axes.plot([15], [15 + i / 10], "o", color="red", ms=2 + i % 2)
            yield figure

    one, many = (len(plots.moving(drawn(n))) for n in (1, 10))
    assert many < 1.5 * one  # with palettes of their own: twice


def test_no_figure_and_no_time_make_no_gif():
    with pytest.raises(ValueError, match="moving: there is no figure"):
        plots.moving([])
    with pytest.raises(ValueError, match="moving: milliseconds must be a whole number"):
        plots.moving([Figure()], 0)
