"""A checkpoint comes back to the bit, on any device, or is refused with a message."""

import hashlib
import json
import os
import struct

import numpy as np
import pretend
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygen import arrays, checkpoint, tree
from tinygen.checkpoint import CheckpointError

DTYPES = [np.dtype(name) for name in checkpoint.DTYPES]


def bits(flat):
    """Everything that a load could get wrong: names, kinds, shapes, bytes."""
    return {
        name: (v.dtype.str, v.shape, v.tobytes()) if hasattr(v, "dtype") else (type(v), repr(v))
        for name, v in flat.items()
    }


def round_trip(path, values, meta=None):
    checkpoint.save(path, values, meta or {})
    return checkpoint.load(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.safetensors"


def a_tree():
    rng = np.random.default_rng(5)
    return {
        "p": {"0": {"W": rng.normal(size=(2, 3)), "b": np.float32([np.nan, -0.0, np.inf])}},
        "moments": {"vae": ({"m": np.arange(4, dtype=np.uint16)}, 7), "rate": 0.1},
        "scalar": np.array(2.5),
        "none": np.zeros((0, 3), np.float32),
    }


# -- round trips ---------------------------------------------------------------------------------


def test_a_tree_comes_back_to_the_bit(path):
    values = a_tree()
    flat, meta = round_trip(path, values, {"step": 3, "least": 0.1, "seed": 2**62 + 1})
    assert bits(flat) == bits(dict(tree.leaves(values)))
    assert meta["step"] == 3 and meta["least"] == 0.1 and meta["seed"] == 2**62 + 1
    for name in values:
        back = checkpoint.restore(flat, name, values[name], path)
        assert bits(dict(tree.leaves(back))) == bits(dict(tree.leaves(values[name])))


@settings(max_examples=60, deadline=None)
@given(a=st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0))))
def test_any_array_comes_back_to_the_bit(tmp_path_factory, a):
    flat, _ = round_trip(tmp_path_factory.getbasetemp() / "any.safetensors", {"a": a})
    assert bits(flat) == bits({"a": a})


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[::2],
        lambda a: a[:, ::-1],
        lambda a: np.asfortranarray(a),
        lambda a: np.broadcast_to(a[:1], (3, 6)),
        lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 2)),
        lambda a: a.astype(">f8"),
    ],
    ids=["turned", "strided", "backwards", "fortran", "broadcast", "windows", "big-endian"],
)
def test_a_view_is_saved_as_what_it_shows(path, view):
    a = view(np.random.default_rng(0).normal(size=(4, 6)))
    b = round_trip(path, {"a": a})[0]["a"]
    assert b.dtype == np.float64 and b.shape == a.shape
    np.testing.assert_array_equal(b, a)


def test_an_empty_tree_and_a_bare_leaf_come_back(path):
    flat, _ = round_trip(path, {"p": {}, "q": np.ones(2), "n": 3})
    assert checkpoint.restore(flat, "p", {}, path) == {}
    assert checkpoint.restore(flat, "n", 1, path) == 3
    assert checkpoint.restore(flat, "q", np.zeros(2), path).tolist() == [1, 1]


def test_numbers_stay_numbers_and_scalars_arrays(path):
    flat, _ = round_trip(path, {"i": 3, "f": 0.1, "t": True, "s": np.float64(0.1)})
    assert [type(flat[k]) for k in "ift"] == [int, float, bool]
    assert flat["s"].dtype == np.float64 and flat["s"].shape == ()


def test_the_file_says_which_version_wrote_it(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "library_version", lambda: "9.8.7")
    assert round_trip(path, {"a": np.ones(1)})[1] == {"tinygen": "9.8.7"}
    assert parts(path.read_bytes())[0]["__metadata__"]["tinygen"] == "9.8.7"


def test_other_programs_read_it(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    values = {k: v for k, v in a_tree().items() if k != "moments"}
    checkpoint.save(path, values, {})
    theirs = load_file(path)
    ours = dict(tree.leaves(values))
    assert theirs.keys() == ours.keys() and theirs["p.0.W"].dtype == torch.float64
    assert bits({k: v.numpy() for k, v in theirs.items()}) == bits(ours)


def test_a_file_of_another_device_loads_on_the_cpu(path, monkeypatch):
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    host = {"p": {"W": np.random.default_rng(0).normal(size=(2, 3)), "steps": 4}}
    on_device = {"p": {"W": pretend.asarray(host["p"]["W"]), "steps": 4}}
    flat, _ = round_trip(path, on_device)
    assert type(flat["p.W"]) is np.ndarray
    assert bits(flat) == bits(dict(tree.leaves(host)))


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, error, message",
    [
        ({"a": {"b.c": 1}}, ValueError, r"key 'b\.c' under 'a\.' .* without dots.*rename"),
        ({"a": {"b": 1}, "a.b": 2}, ValueError, r"key 'a\.b' under 'the root'"),
        ({1: np.ones(1), "1": np.ones(1)}, ValueError, "key 1 under"),
        ({"": 1}, ValueError, "key '' under"),
        ({"p": ({"x": 1}, {"": 2})}, ValueError, r"key '' under 'p\.1\.'"),
        ({"__metadata__": np.ones(1)}, ValueError, "key '__metadata__'"),
        ({"a": {"b": [1, 2]}}, TypeError, r"a\.b is list: save numbers, or arrays of float16"),
        ({"a": None}, TypeError, "a is NoneType"),
        ({"a": np.array(["x"])}, TypeError, r"a is <U1 \(1,\): save numbers, or arrays"),
        ({"a": np.ones(2, complex)}, TypeError, "a is complex128"),
        ({"a": np.array([None])}, TypeError, "a is object"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_the_old_file_stays(path, values, error, message):
    checkpoint.save(path, {"a": np.ones(3)}, {})
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        checkpoint.save(path, values, {})
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_a_missing_file_and_what_is_no_file_are_refused(path, tmp_path):
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # would wait for a writer
    for wrong in (path, tmp_path, tmp_path / "pipe", path / "below", tmp_path / ("x" * 300)):
        with pytest.raises(CheckpointError, match="there is no such checkpoint: train first"):
            checkpoint.load(wrong)


def test_an_unreadable_file_is_named(path, monkeypatch):
    checkpoint.save(path, {}, {})

    def denied(*args, **kw):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("safetensors.safe_open", denied)
    with pytest.raises(CheckpointError, match="cannot be read: make it readable"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    "like, message",
    [
        ({"W": np.zeros((2, 3))}, r"has also p\.b: read it"),
        ({"W": np.zeros((2, 3)), "b": np.zeros(3), "c": np.zeros(1)}, r"it lacks p\.c: read it"),
        ({"W": np.zeros((3, 2)), "b": np.zeros(3)}, r"p\.W is float64 \(2, 3\).* float64 \(3, 2\)"),
        ({"W": np.zeros((2, 3), "f4"), "b": np.zeros(3)}, r"float64 \(2, 3\), the .* float32"),
        ({"W": 1.0, "b": np.zeros(3)}, r"p\.W is float64 \(2, 3\), the model's is float"),
        ({str(i): np.zeros(1) for i in range(5)}, r"lacks p\.0, p\.1, p\.2 \.\.\.: read it"),
        ({}, r"has also p\.W, p\.b: read it"),
        (np.zeros(2), r"it lacks p: read it"),
    ],
)
def test_a_checkpoint_of_another_model_names_the_first_difference(path, like, message):
    flat, _ = round_trip(path, {"p": {"W": np.ones((2, 3)), "b": np.ones(3)}, "pp": np.ones(1)})
    with pytest.raises(CheckpointError, match="of another model.*" + message):
        checkpoint.restore(flat, "p", like, path)


# -- damage --------------------------------------------------------------------------------------


def small():
    """A file with all that a header can hold, in few bytes."""
    rng = np.random.default_rng(3)
    values = {"p": {"W": rng.normal(size=(2, 2)).astype("f4"), "b": np.int8([1, 2])}, "n": 3}
    return values, {"step": 5, "rng": {"state": 2**100}}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "c.safetensors"
    flat, meta = round_trip(path, *small())
    return path.read_bytes(), (bits(flat), meta)


@pytest.fixture
def outcome(sound, tmp_path):
    """What a load of these bytes gives: "refused" or "right"; anything else fails."""
    path = tmp_path / "damaged.safetensors"
    path.touch()

    def look(content):
        with open(path, "r+b") as file:  # a file opened anew with "wb" is flushed by ext4: 4 ms
            file.write(content)
            file.truncate()
        try:
            flat, meta = checkpoint.load(path)
        except CheckpointError as error:
            assert str(path) in str(error) and "\n" not in str(error).strip()
            return "refused"
        assert (bits(flat), meta) == sound[1], "a silent wrong load"
        return "right"

    return look


def flips(content, rng):
    """Each byte with one bit flipped, and with another value, and as the ends of its range."""
    for i, byte in enumerate(content):
        others = {byte ^ (1 << int(rng.integers(8))), int(rng.integers(256)), 0, 255, ord('"')}
        for other in others - {byte}:
            yield content[:i] + bytes([other]) + content[i + 1 :]


def test_thousands_of_flipped_bytes_are_refused(sound, outcome):
    seen = [outcome(damaged) for damaged in flips(sound[0], np.random.default_rng(0))]
    assert len(seen) > 1900 and seen.count("right") < len(seen) / 100


def test_each_truncation_and_each_longer_file_is_refused(sound, outcome):
    content = sound[0]
    cut = [content[:n] for n in range(len(content))]
    longer = [content + b"\0", content + content, b"\0" + content, content + b"\n" * 8]
    assert {outcome(damaged) for damaged in cut + longer} == {"refused"}


def test_blocks_that_are_lost_moved_or_zeroed_are_refused(sound, outcome):
    content, rng, seen = sound[0], np.random.default_rng(1), set()
    for _ in range(1000):
        a, b = sorted(rng.integers(0, len(content) + 1, 2))
        c = int(rng.integers(0, len(content)))
        for damaged in (
            content[:a] + content[b:],
            content[:a] + bytes(b - a) + content[b:],
            content[:a] + rng.bytes(b - a) + content[b:],
            content[:b] + content[a:],
            content[:c] + content[a:b] + content[c + b - a :],
        ):
            if damaged != content:
                seen.add(outcome(damaged))
    assert seen == {"refused"}


def parts(content):
    n = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + n]), content[8 + n :]


def joined(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def edits(content):
    """name -> a file whose header says something else."""
    header, data = parts(content)

    def changed(change):
        copy = json.loads(json.dumps(header))
        change(copy)
        return joined(copy, data)

    text = json.dumps(header).encode()
    twice = text[:-1] + b', "p.W": ' + json.dumps(header["p.b"]).encode() + b"}"
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    meta = "__metadata__"
    yield "other format", changed(lambda h: h[meta].update(format="tinygen checkpoint 2"))
    yield "no format", changed(lambda h: h[meta].pop("format"))
    yield "no metadata", changed(lambda h: h.pop(meta))
    yield "no checksum", changed(lambda h: h[meta].pop("sha256"))
    yield "no json", changed(lambda h: h[meta].pop("json"))
    yield "no version", changed(lambda h: h[meta].pop("tinygen"))
    yield "other version", changed(lambda h: h[meta].update(tinygen="0.0.1"))
    yield "one key more", changed(lambda h: h[meta].update(more="text"))
    yield "metadata of numbers", changed(lambda h: h[meta].update(sha256=3))
    yield "metadata is a list", changed(lambda h: h.update({meta: []}))
    yield "another name", changed(lambda h: h.update({"p.V": h.pop("p.W")}))
    yield "names exchanged", changed(lambda h: h.update({"p.W": h["p.b"], "p.b": h["p.W"]}))
    yield "a tensor twice", joined(twice, data)
    yield "one tensor, two names", changed(lambda h: h.update({"p.V": h["p.W"]}))
    yield "turned shape", changed(lambda h: h["p.W"].update(shape=[4]))
    yield "same bytes, other dtype", changed(lambda h: h["p.W"].update(dtype="I32"))
    yield "unknown dtype", changed(lambda h: h["p.W"].update(dtype="F1024"))
    yield "a dtype that NumPy lacks", changed(lambda h: h["p.b"].update(dtype="F8_E5M2"))
    for dtype in ("BF16", "C64", "U64", "BOOL", "F4"):
        yield f"dtype {dtype}", changed(lambda h, d=dtype: h["p.W"].update(dtype=d))
    for shape in (
        [2**63, 2],
        [2**64],
        [-2, -2],
        [2.5, 2],
        [2**62] * 9,
        [[2, 2]],
        "4",
        [0],
        [1] * 99,
    ):
        yield f"shape {str(shape)[:20]}", changed(lambda h, s=shape: h["p.W"].update(shape=s))
    for offsets in ([0, 2**64 - 1], [2**63, 2**63 + 16], [16, 0], [-1, 15], [8, 24], [0]):
        yield f"offsets {offsets}", changed(lambda h, o=offsets: h["p.W"].update(data_offsets=o))
    for length in (0, 1, len(text) - 1, len(text) + 1, 2**31, 2**40, 2**63, 2**64 - 1):
        yield f"length {length}", joined(text, data, length)
    for name, header_text in {
        "not json": b"{" * 50,
        "deep": deep,
        "an array": b"[1, 2]",
        "null": b"null",
        "not utf-8": b'{"\xff\xfe": 1}',
        "nan": b'{"a": NaN}',
        "empty": b"",
    }.items():
        yield name, joined(header_text, data)


def test_an_edited_header_is_refused(sound, outcome):
    seen = {name: outcome(damaged) for name, damaged in edits(sound[0])}
    assert {name for name, found in seen.items() if found != "refused"} == set()
    header, data = parts(sound[0])
    assert outcome(joined(json.dumps(header, indent=1).encode(), data)) == "right"  # same content


def test_files_of_other_programs_are_refused(outcome, tmp_path):
    from safetensors.numpy import save

    foreign = [
        b"", b"\0" * 100, b"PK\3\4" + bytes(60), b"\x89PNG\r\n\x1a\n", b'{"step": 3}\n',
        b"\x80\x04]q\0.", np.random.default_rng(0).bytes(10_000), save({"W": np.ones(3)}),
        save({"W": np.ones(3)}, {"format": "pt"}), save({}),
    ]  # fmt: skip
    assert {outcome(content) for content in foreign} == {"refused"}


def test_a_file_of_a_later_format_says_so(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", "tinygen checkpoint 2")
    checkpoint.save(path, {"a": np.ones(1)}, {})
    monkeypatch.undo()
    message = "expected .* 'tinygen checkpoint 1', got 'tinygen checkpoint 2'.*another.* version"
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load(path)


def test_the_checksum_is_a_sha256_of_all_that_is_said():
    a = {"a": np.float32([1, 2])}
    hashed = hashlib.sha256(b'{"k": "v"}' + b'["a", "<f4", [2]]' + a["a"].tobytes()).hexdigest()
    assert checkpoint.digest(a, {"k": "v"}) == hashed
