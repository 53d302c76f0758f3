"""Each real set is what its entry says, has the numbers that are known of it, and its parts are
disjoint. A set whose files are not at hand is skipped; nothing is downloaded here.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tinygen.data import binarise, catalogue, load, pair
from tinygen.data import mnist as mnist_module
from tinygen.data.dataset import KINDS
from tinygen.data.errors import DataError
from tinygen.data.files import missing, read, where
from tinygen.data.idx import read_idx
from tinygen.data.mnist_static import ORIGINALS
from tinygen.data.parts import PARTS
from tinygen.data.series import AMBIENT_ANOMALIES, MACHINE_ANOMALIES, TAXI_ANOMALIES
from tinygen.data.translation import HOLO_HIGH, HOLO_LOW
from tinygen.data.windows import load as load_windows
from tinygen.data.windows import samples, spans

# The variants of the larger sets come from the same few lines as those of the smaller ones.
SLOW = {
    f"{name}-{kind}" for name in ("mnist", "fashion-mnist") for kind in ("dynamic", "thresholded")
}
NAMES = [entry.name for entry in catalogue.REAL if entry.name not in SLOW]


def of(*names):
    """The test runs on these sets."""
    return pytest.mark.parametrize("data", names, indirect=True)


def loaded(name):
    """The set; skips where its files are not at hand."""
    entry = catalogue.entry(name)
    if missing(*catalogue.wanted(entry)):
        pytest.skip(f"no files of {name}")
    return load(name)


@pytest.fixture(scope="module")
def data(request):
    """One set after the other: pytest runs all tests of one before it loads the next."""
    return loaded(request.param)


@of(*NAMES)
def test_a_set_is_what_its_entry_says(data):
    entry = catalogue.entry(data.name)
    assert (data.kind, data.shape) == (entry.kind, entry.shape)
    assert entry.kind in KINDS
    assert {part: len(examples) for part, examples in data.parts.items()} == entry.sizes
    for part in data.parts.values():
        assert part.x.dtype == np.float32 and part.x.flags.c_contiguous
        assert part.x.shape == (len(part), *entry.shape)
        low, high = float(part.x.min()), float(part.x.max())
        assert -8 < low < high < 8 if data.kind == "series" else 0 <= low < high <= 1
        if data.kind == "binary" and not data.transform:
            assert ((part.x == 0) | (part.x == 1)).all()
        if data.classes:
            assert part.labels.dtype == np.int64 and part.labels.shape == (len(part),)
            assert part.labels.min() >= 0 and part.labels.max() < len(data.classes)
        else:
            assert part.labels is None
        assert all(values.shape == (len(part),) for values in part.factors.values())


@of(*NAMES)
def test_no_example_is_in_two_parts_or_twice_in_one(data):
    digests = {
        hashlib.blake2b(example).digest() for part in data.parts.values() for example in part.x
    }
    whole = "thresholded" not in data.name  # a threshold may make two images alike
    total = sum(len(part) for part in data.parts.values())
    assert len(digests) == total if whole else len(digests) > 0.99 * total


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_says_where_it_comes_from(name):
    entry = catalogue.entry(name)
    assert all((entry.title, entry.split, entry.licence, entry.source)) and entry.files
    for file in (*entry.files, *entry.originals):
        assert len(bytes.fromhex(file.sha256)) == 32 and file.size > 0
        assert all(url.startswith(("https://", "http://")) for url in file.urls)
        assert not Path(file.path).is_absolute()


KNOWN = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}


@of(*KNOWN)
def test_the_training_images_have_the_known_mean_and_std(data):
    images = (data.train.x, data.validation.x)
    n = sum(x.size for x in images)
    mean = sum(x.sum(dtype=np.float64) for x in images) / n
    square = sum(np.square(x).sum(dtype=np.float64) for x in images) / n
    assert (mean, (square - mean**2) ** 0.5) == pytest.approx(KNOWN[data.name], abs=5e-5)


@of("mnist")
def test_validation_is_the_last_10000_of_mnist_and_labels_fit(data):
    images, labels, test_images, test_labels = (
        read_idx(read(file), file.path) for file in mnist_module.MNIST
    )
    for part, x, y in (
        (data.train, images[:50000], labels[:50000]),
        (data.validation, images[50000:], labels[50000:]),
        (data.test, test_images, test_labels),
    ):
        assert np.array_equal(part.x[::10, ..., 0], x[::10] / np.float32(255))
        assert np.array_equal(part.labels, y)
    assert data.train.labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert np.bincount(data.test.labels).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]


@of("mnist-static")
def test_the_static_binarisation_has_the_known_means(data):
    means = [part.x.mean(dtype=np.float64) for part in data.parts.values()]
    assert means == pytest.approx([0.13056, 0.13113, 0.13251], abs=5e-6)


@of("mnist-static")
def test_the_packed_bits_are_those_of_the_original_text_files(data):
    for part, original in zip(data.parts.values(), ORIGINALS, strict=True):
        text = np.full((len(part), 784, 2), ord(" "), np.uint8)
        text[..., 0] = part.x.reshape(-1, 784) + ord("0")
        text[:, -1, 1] = ord("\n")
        assert hashlib.sha256(text).hexdigest() == original.sha256


def test_thresholded_and_dynamic_pixels_come_from_the_grey_ones(rng):
    grey, thresholded = loaded("kmnist"), loaded("kmnist-thresholded")
    dynamic = loaded("kmnist-dynamic")
    for part in PARTS:
        x = grey.parts[part].x
        assert np.array_equal(thresholded.parts[part].x == 1, x >= 0.5)
        assert np.array_equal(dynamic.parts[part].x, x)
        assert np.array_equal(dynamic.parts[part].labels, grey.parts[part].labels)
    assert dynamic.transform is binarise and thresholded.transform is None
    drawn = dynamic.transform(rng, dynamic.test.x)
    assert drawn.mean() == pytest.approx(grey.test.x.mean(), abs=0.002)


@of("kmnist")
def test_kmnist_has_1000_images_of_each_class(data):
    parts = data.parts.values()
    assert np.bincount(np.concatenate([part.labels for part in parts])).tolist() == [1000] * 10


@of("omniglot")
def test_omniglot_parts_hold_other_drawers_of_the_same_characters(data):
    drawers = [set(part.factors["drawer"].tolist()) for part in data.parts.values()]
    assert drawers == [set(range(1, 17)), {17, 18}, {19, 20}]
    for part in data.parts.values():
        assert np.array_equal(np.unique(part.labels), np.arange(136))
    assert data.classes[0] == "Balinese/character01" and data.classes[-1].startswith("Latin")


@of("omniglot")
def test_omniglot_at_28_pixels_equals_an_independent_reduction(data):
    path = Path(os.environ.get("TINYGEN_DATA", "")) / "omniglot" / "omniglot_small1_28.npz"
    if not path.is_file():
        pytest.skip("no reduced copy at hand")
    with np.load(path) as other:
        train = other["drawer"] <= 16
        assert np.array_equal(data.train.x[..., 0], other["images"][train] / np.float32(255))
        assert np.array_equal(data.train.labels, other["character"][train])
        assert np.array_equal(data.train.factors["alphabet"], other["alphabet"][train])


@of("cifar10")
def test_cifar10_has_the_colours_that_are_known_of_it(data):
    pixels = data.train.x[::4].reshape(-1, 3)
    mean, std = pixels.mean(axis=0), pixels.std(axis=0)
    assert mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.01)  # of all 50000
    assert std == pytest.approx([0.2470, 0.2435, 0.2616], abs=0.01)
    assert data.train.labels[:5].tolist() == [6, 9, 9, 4, 1] and data.test.labels[0] == 3


@of("frey-faces")
def test_runs_of_frey_frames_stay_in_one_part(data):
    runs = [set(part.factors["frame"] // 15) for part in data.parts.values()]
    assert sum(map(len, runs)) == 131 == len(set.union(*runs))


@of("olivetti-faces")
def test_olivetti_begins_with_its_known_pixels_and_each_person_is_in_every_part(data):
    assert (data.train.x[0, 0, :5, 0] * 255).round().tolist() == [75, 89, 101, 107, 128]
    for part, each in zip(data.parts.values(), (8, 1, 1), strict=True):
        assert np.bincount(part.labels).tolist() == [each] * 40


@of("lfw-crops")
def test_half_of_the_lfw_crops_of_each_part_are_faces(data):
    for part in data.parts.values():
        assert 2 * part.labels.sum() == len(part)


def test_a_pair_is_both_domains():
    for name in ("monet2photo", "holo2bright"):
        loaded(f"{name}-a")
        assert [domain.name for domain in pair(name)] == [f"{name}-a", f"{name}-b"]
    with pytest.raises(DataError, match=r"no pair of domains is called 'monet2phto', did you mean"):
        pair("monet2phto")


@of("holo2bright-a")
def test_holograms_are_stretched_by_the_range_of_the_training_part(data):
    x = data.train.x
    assert (x.min(), x.max()) == (0, 1)
    levels = x * (HOLO_HIGH - HOLO_LOW) + HOLO_LOW
    assert np.allclose(levels, levels.round(), atol=1e-4)


RECORDINGS = {
    entry.name: entry.load.args[0]
    for entry in catalogue.REAL
    if getattr(entry.load, "func", None) is load_windows
}


@pytest.mark.parametrize("T", [4, 7, 10])
@pytest.mark.parametrize("n", [86, 100])
def test_windows_of_any_length_stay_within_their_part(T, n):
    starts, which = spans(n, T, (50, 75))
    for part, (first, end) in enumerate(((0, 50), (50, 75), (75, n))):
        own = starts[which == part]
        assert own.min() == first and own.max() + T <= end
        assert end - own.max() - T < (T // 4 if part == 0 else T)  # no further window fits
        assert set(np.diff(own)) <= {T // 4 if part == 0 else T}


def test_there_are_six_recordings():
    assert len(RECORDINGS) == 6


@of(*RECORDINGS)
def test_a_recording_is_standardised_by_its_training_samples(data):
    recording = RECORDINGS[data.name]
    _, values = samples(recording)
    T = recording.T
    rows = np.unique(data.train.factors["start"][:, None] + np.arange(T))
    if recording.ends:
        rows = np.arange(recording.ends[0])  # samples next to a gap are training samples too
    assert values[rows].mean() == pytest.approx(recording.mean, rel=1e-6)
    assert values[rows].std() == pytest.approx(recording.std, rel=1e-6)


@of(*RECORDINGS)
def test_windows_are_whole_and_reach_into_no_other_part(data):
    recording = RECORDINGS[data.name]
    times, values = samples(recording)
    seen = []
    for part in data.parts.values():
        rows = part.factors["start"][:, None] + np.arange(recording.T)
        assert np.allclose(part.x * recording.std + recording.mean, values[rows], atol=1e-3)
        assert set(np.diff(times[rows], axis=1).ravel().astype(int)) == {recording.step}
        seen.append(set(rows.ravel().tolist()))
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    for rows, part in zip(seen[1:], (data.validation, data.test), strict=True):
        assert len(rows) == len(part) * recording.T  # these do not overlap each other either


@of(*RECORDINGS)
def test_a_window_is_an_anomaly_where_it_meets_one(data):
    recording = RECORDINGS[data.name]
    if not recording.anomalies:
        pytest.skip("no anomalies are known")
    times, _ = samples(recording)
    for part in data.parts.values():
        for start, label, share in zip(
            part.factors["start"], part.labels, part.factors["anomalous"], strict=True
        ):
            window = times[start : start + recording.T]
            inside = sum(
                ((window >= np.datetime64(first)) & (window <= np.datetime64(last))).sum()
                for first, last in recording.anomalies
            )
            assert label == (inside > 0) and share == inside / recording.T
    assert data.test.labels.any() and not data.test.labels.all()


def test_the_anomalies_are_those_of_the_benchmark():
    path = Path(os.environ.get("TINYGEN_DATA", "")) / "timeseries" / "nab_anomaly_windows.json"
    if not path.is_file():
        pytest.skip("no labels of the benchmark at hand")
    for file, windows in json.loads(path.read_text()).items():
        ours = next(
            anomalies
            for key, anomalies in (
                ("taxi", TAXI_ANOMALIES),
                ("ambient", AMBIENT_ANOMALIES),
                ("machine", MACHINE_ANOMALIES),
            )
            if key in file
        )
        assert [[np.datetime64(t) for t in window] for window in windows] == [
            [np.datetime64(t) for t in window] for window in ours
        ]


@of("heartbeats")
def test_heartbeats_have_mean_0_and_the_known_counts(data):
    x = np.concatenate([part.x for part in data.parts.values()])
    assert np.abs(x.mean(axis=1)).max() < 1e-5 and np.abs(x.std(axis=1) - 1).max() < 0.01
    labels = np.concatenate([part.labels for part in data.parts.values()])
    assert np.bincount(labels).tolist() == [292, 177, 10, 19, 2]


def test_a_file_at_hand_is_the_one_that_the_catalogue_names():
    for entry in catalogue.REAL:
        for file in entry.files:
            if where(file):
                assert len(read(file)) == file.size
