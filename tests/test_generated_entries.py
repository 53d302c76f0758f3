"""Every generated set of the catalogue is what its entry says, and the same on every load."""

import numpy as np
import pytest

from tinygen.data import binarise, digits
from tinygen.data.ar import AR1, AR2, entropy_rate, log_prob
from tinygen.data.coloured_digits import BY_CLASS, colour_nll, conditional_entropy
from tinygen.data.dataset import KINDS
from tinygen.data.drawn_faces import count_eyes
from tinygen.data.generated import ENTRIES
from tinygen.data.sprites import COUNTS

NAMES = [
    *("digits", "digits-dynamic", "digits-thresholded"),
    *("ring", "grid", "moons", "spirals", "sprites", "drawn-faces", "dark-faces"),
    *(
        "coloured-digits",
        "moving-digits",
        "stacked-digits",
        "sines",
        "ar1",
        "ar2",
        "pendulum",
        "pendulum-clips",
    ),
]
BY_NAME = {entry.name: entry for entry in ENTRIES}


@pytest.fixture(scope="module")
def loaded():
    return {name: entry.load() for name, entry in BY_NAME.items()}


def test_all_sets_are_there_under_names_of_their_own():
    assert [entry.name for entry in ENTRIES] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_what_its_entry_says(loaded, name):
    entry, data = BY_NAME[name], loaded[name]
    assert (data.name, data.kind, data.shape) == (name, entry.kind, entry.shape)
    assert entry.kind in KINDS and entry.files == ()
    assert {part: len(examples) for part, examples in data.parts.items()} == entry.sizes
    assert all((entry.title, entry.split, entry.licence, entry.source))
    for part in data.parts.values():
        assert part.x.dtype == np.float32 and np.isfinite(part.x).all()
        assert part.x.shape == (len(part), *entry.shape)
        assert all(values.shape == (len(part),) for values in part.factors.values())
        if entry.kind in ("grey", "colour", "clips"):
            assert part.x.min() == 0 and 0.9 < part.x.max() <= 1
        if data.classes:
            assert part.labels.dtype == np.int64
            assert set(part.labels) == set(range(len(data.classes)))
        else:
            assert part.labels is None


@pytest.mark.parametrize("name", NAMES)
def test_two_loads_give_the_same_bits(loaded, name):
    again = BY_NAME[name].load()
    for part, examples in again.parts.items():
        assert examples.x.tobytes() == loaded[name].parts[part].x.tobytes()
        for factor, values in examples.factors.items():
            assert np.array_equal(values, loaded[name].parts[part].factors[factor])


# A threshold makes some digits alike.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "digits-thresholded"])
def test_no_example_is_in_two_parts(loaded, name):
    rows = [{x.tobytes() for x in part.x} for part in loaded[name].parts.values()]
    if name == "sprites":  # a square turned by 90 degrees is the same picture of another index
        rows = [
            set(zip(*(part.factors[f] for f in COUNTS), strict=True))
            for part in loaded[name].parts.values()
        ]
    assert len(set.union(*rows)) == sum(BY_NAME[name].sizes.values())


def test_the_digits_keep_their_split_grey_and_binarised(loaded, rng):
    for part in ("train", "validation", "test"):
        x, labels = digits(part)
        grey, dynamic, hard = (
            loaded[name].parts[part] for name in ("digits", "digits-dynamic", "digits-thresholded")
        )
        assert np.array_equal(grey.x, x) and np.array_equal(grey.labels, labels)
        assert np.array_equal(dynamic.x, x) and np.array_equal(dynamic.labels, labels)
        assert np.array_equal(hard.x, x >= 0.5)
    drawn = loaded["digits-dynamic"].transform(np.random.default_rng(1), x)
    assert np.array_equal(drawn, binarise(np.random.default_rng(1), x))
    assert loaded["digits"].transform is None


def test_each_coloured_digit_stands_once_and_has_the_stated_entropy(loaded):
    title = BY_NAME["coloured-digits"].title
    assert f"{conditional_entropy(BY_CLASS):.3f} nats" in title
    nll = colour_nll(loaded["coloured-digits"].train, BY_CLASS)
    assert abs(nll.mean() - conditional_entropy(BY_CLASS)) <= 4 * nll.std() / np.sqrt(len(nll))


@pytest.mark.parametrize(("name", "phi"), [("ar1", AR1), ("ar2", AR2)])
def test_the_test_steps_of_a_process_are_1e5_and_cost_its_entropy(loaded, name, phi):
    found = log_prob(loaded[name].test.x, phi)
    assert found.size == 100_000
    assert abs(-found.mean() - entropy_rate()) <= 4.5 * np.sqrt(0.5 / found.size)


def test_every_drawn_face_of_the_test_part_has_two_eyes(loaded):
    assert np.all(count_eyes(loaded["drawn-faces"].test.x) == 2)
