"""Data sets by name, their table, and the contact sheets."""

import hashlib
import re

import numpy as np
import pytest
from test_data_readers import cifar_archive, npz

import tinygen.data
from tinygen.contact_sheet import contact_sheet, dark, spread
from tinygen.data import DataError, File, catalogue, cifar10, faces, listing, mnist_static
from tinygen.data.dataset import Dataset, Part
from tinygen.plots import png


@pytest.fixture
def nothing_at_hand(tmp_path, monkeypatch):
    """No files anywhere; TINYGEN_DATA names an empty folder, which is returned."""
    monkeypatch.setenv("TINYGEN_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def put(folder, file, content):
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def known(path, content):
    """A File with this content, for which no place is known."""
    return File(path, len(content), hashlib.sha256(content).hexdigest())


def test_the_catalogue_has_every_set_once():
    names = tinygen.data.names()
    assert len(names) == len(set(names)) == len(catalogue.GENERATED) + len(catalogue.REAL)
    wanted = (
        "mnist mnist-dynamic mnist-static mnist-thresholded fashion-mnist kmnist omniglot cifar10"
    )
    wanted += " frey-faces olivetti-faces lfw-crops monet2photo-a monet2photo-b holo2bright-a"
    wanted += " holo2bright-b ecg heartbeats melbourne-temperatures seattle-temperatures nab-taxi"
    wanted += " nab-ambient-temperature nab-machine-temperature digits sprites"
    assert set(wanted.split()) <= set(names)


def test_a_set_that_needs_no_files_is_loaded_by_name(nothing_at_hand):
    assert tinygen.data.load("digits").name == "digits"


def test_a_half_is_black_after_the_threshold():
    grey, binary = (tinygen.data.load(name).train.x for name in ("digits", "digits-thresholded"))
    assert (grey == 0.5).any() and np.array_equal(binary == 1, grey >= 0.5)


@pytest.mark.parametrize(
    "name, near", [("minst", "mnist"), ("MNIST", "mnist"), ("fashion_mnist", "fashion-mnist")]
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name, near):
    message = f"no data set is called '{name}', did you mean '{near}'?: `python -m tinygen data`"
    with pytest.raises(DataError, match="^" + re.escape(message)):
        tinygen.data.load(name)
    with pytest.raises(DataError, match=r"no data set is called 'qqqqqq': `python -m tinygen data"):
        tinygen.data.entry("qqqqqq")


def test_missing_files_are_named_for_every_set_that_cannot_be_downloaded(nothing_at_hand):
    for entry in catalogue.REAL:
        files = catalogue.wanted(entry)
        if not all(file.urls for file in files):
            with pytest.raises(DataError, match=r"Put into .*own, or into a folder") as error:
                entry.load()
            assert all(file.sha256 in str(error.value) for file in files)


def test_the_table_says_of_each_set_where_it_is_or_what_is_missing(nothing_at_hand):
    put(nothing_at_hand, faces.FREY, b"")
    lines = {line.split()[0]: line for line in listing.table().splitlines() if line}
    assert set(tinygen.data.names()) < set(lines)
    assert lines["digits"].endswith("in the package") and lines["ring"].endswith("generated")
    assert lines["mnist"].endswith("downloaded on use, 11.6 MB")
    assert lines["seattle-temperatures"].endswith("missing, 0.2 MB")
    assert lines["frey-faces"].endswith(str(nothing_at_hand / "frey_faces"))
    cells = re.split("  +", lines["mnist"])[:5]
    assert cells == ["mnist", "grey", "28x28x1", "50000 / 10000 / 10000", "CC BY-SA 3.0"]
    assert lines["Looked"].startswith(f"Looked for files in {nothing_at_hand}, then ")


def test_a_description_has_every_file_with_its_checksum(nothing_at_hand):
    for entry in catalogue.REAL:
        text = listing.describe(entry.name)
        assert all(
            words in text for words in (entry.title, entry.split, entry.licence, entry.source)
        )
        for file in (*entry.files, *entry.originals):
            assert file.sha256 in text and all(url in text for url in file.urls)
    assert "not at hand" in text
    with pytest.raises(DataError, match="did you mean 'mnist'"):
        listing.describe("mnits")


def test_the_originals_are_read_where_the_packed_static_binarisation_lacks(
    nothing_at_hand, monkeypatch, rng
):
    bits = [rng.integers(0, 2, (n, 784)) for n in (4, 2, 3)]
    files = []
    for i, rows in enumerate(bits):
        content = "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()
        files.append(known(f"static/{i}.amat", content))
        put(nothing_at_hand, files[-1], content)
    monkeypatch.setattr(mnist_static, "ORIGINALS", tuple(files))
    data = mnist_static.load()
    for part, rows in zip(data.parts.values(), bits, strict=True):
        assert np.array_equal(part.x.reshape(-1, 784), rows)


def test_the_archive_is_read_where_the_packed_part_of_cifar10_lacks(
    nothing_at_hand, monkeypatch, rng
):
    monkeypatch.setattr(cifar10, "ROWS", 10)
    monkeypatch.setattr(cifar10, "PACKED_ROWS", (range(10), range(48, 50), range(50, 51)))
    content, images, labels = cifar_archive(rng, 10)
    archive = known("cifar.tar.gz", content)
    put(nothing_at_hand, archive, content)
    monkeypatch.setattr(cifar10, "ARCHIVE", archive)
    data = cifar10.subset()
    for part, rows in zip(data.parts.values(), cifar10.PACKED_ROWS, strict=True):
        assert np.array_equal(part.x, images[rows] / np.float32(255))
        assert np.array_equal(part.labels, labels[rows])


def test_scikit_images_crops_are_read_where_the_packed_ones_lack(nothing_at_hand, monkeypatch, rng):
    images = rng.random((200, 25, 25))
    file = nothing_at_hand / "lfw.npy"
    np.save(file, images)
    monkeypatch.setattr(faces, "LFW_ORIGINAL", known("lfw.npy", file.read_bytes()))
    data = faces.lfw()
    assert np.array_equal(data.test.x[0, ..., 0], images[9].astype(np.float32))


def test_a_file_of_the_right_checksum_and_the_wrong_content_is_refused(
    nothing_at_hand, monkeypatch
):
    content = npz(images=np.zeros((3, 28, 20), np.uint8))
    monkeypatch.setattr(faces, "FREY", known("frey.npz", content))
    put(nothing_at_hand, faces.FREY, content)
    with pytest.raises(DataError, match=r"frey\.npz, images: expected uint8 of shape \(1965, 28"):
        faces.frey()


def made(kind, *shape, n=30, labels=True, transform=None, ink=True):
    rng = np.random.default_rng(0)
    x = rng.random((n, *shape)).astype(np.float32)
    part = Part(x, np.arange(n) % 3 if labels else None)
    classes = ("a", "b", "c") if labels else ()
    return Dataset("made", kind, part, part, part, classes, transform, ink)


@pytest.mark.parametrize(
    "kind, shape, labels, panels",
    [
        ("grey", (6, 5, 1), True, 1),
        ("colour", (6, 5, 3), False, 1),
        ("points", (1,), False, 1),
        ("points", (3,), True, 1),
        ("series", (9,), True, 4),
        ("series", (9, 2), False, 4),
        ("clips", (12, 6, 5, 1), True, 1),
    ],
)
def test_every_kind_has_a_contact_sheet(kind, shape, labels, panels):
    figure = contact_sheet(made(kind, *shape, labels=labels), n=4)
    assert len(figure.axes) == panels
    words = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    title = f"made: {kind}, {'x'.join(map(str, shape))}; 4 of 30"
    assert any(title in word.replace("\n", " ") for word in words)
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("kind, shape, n", [("series", (9,), 16), ("clips", (3, 6, 5, 1), 8)])
def test_a_contact_sheet_has_a_number_of_examples_by_its_kind(kind, shape, n):
    figure = contact_sheet(made(kind, *shape))
    words = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    assert any(f"; {n} of 30" in word.replace("\n", " ") for word in words)


def test_each_channel_of_a_series_is_a_line():
    figure = contact_sheet(made("series", 9, 2), n=3)
    shown = [[line.get_ydata() for line in axes.lines] for axes in figure.axes]
    x = made("series", 9, 2).train.x[[0, 14, 29]]
    assert np.array_equal(shown, x.transpose(0, 2, 1))


def test_a_contact_sheet_shows_examples_from_all_of_the_training_part():
    data = made("grey", 2, 2, 1, n=100)
    part = spread(data, 10, 0)
    assert np.array_equal(part.x, data.train.x[::11]) and np.array_equal(
        part.labels, np.arange(0, 100, 11) % 3
    )
    assert len(spread(data, 1000, 0)) == 100


def test_a_contact_sheet_shows_what_a_model_would_see():
    data = made("binary", 2, 2, 1, transform=lambda rng, x: np.round(x + 0 * rng.random()))
    assert np.array_equal(spread(data, 30, 0).x, data.train.x.round())


def test_photographs_are_drawn_light_where_they_are_light():
    white = np.ones((1, 2, 2, 1), np.float32)
    assert dark(white).max() == 0 and dark(np.repeat(white, 3, -1)).min() == 1
    figures = [contact_sheet(made("grey", 2, 2, 1, n=1, ink=ink)) for ink in (True, False)]
    inked, light = (figure.axes[0].images[0].get_array() for figure in figures)
    assert np.allclose(inked, 1 - light)


def test_fewer_than_one_example_are_refused():
    with pytest.raises(ValueError, match="contact_sheet: n must be at least 1, got 0"):
        contact_sheet(made("points", 2), n=0)
