"""A damaged data file is refused with one kind of error, or gives the right arrays: never others.

Files made here are flipped, cut and lengthened at thousands of places. What carries a checksum of
its own (gzip, zip) may never give other arrays; a plain idx file carries none, so that its header
and its length are what can be held.
"""

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from tinygen.data import DataError, cifar10, mnist_static, omniglot
from tinygen.data.csv_series import read_csv
from tinygen.data.holds import Holds
from tinygen.data.idx import read_idx
from tinygen.data.npz import read_npy, read_npz

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 5, 4), np.uint8)
HOLDS = {"images": Holds("uint8", (-1, 5, 4)), "t": Holds("float32", (4,), 0, 1)}
T = np.float32([0, 0.25, 1, 0.5])


def idx(array, code=0x08):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def damaged(content, n):
    """n contents that differ from this one: a flipped bit, a cut end, bytes lost, bytes added."""
    rng = np.random.default_rng(2)
    for i in range(n):
        at = int(rng.integers(len(content)))
        if i % 4 == 0:
            yield content[:at]
        elif i % 8 == 1:
            yield content[:at] + content[at + 1 :]
        elif i % 8 == 5:
            yield content + rng.bytes(int(rng.integers(1, 20)))
        else:
            yield (
                content[:at]
                + bytes([content[at] ^ (1 << int(rng.integers(8)))])
                + content[at + 1 :]
            )


def survivors(read, contents):
    """What could be read; no error but DataError, and that one names the file."""
    for content in contents:
        try:
            yield read(content)
        except DataError as error:
            assert "some.file" in str(error)


def test_an_idx_file_is_read_plain_or_zipped():
    for content in (idx(IMAGES), gzip.compress(idx(IMAGES))):
        found = read_idx(content, "some.file")
        assert found.dtype == np.uint8 and np.array_equal(found, IMAGES)


@pytest.mark.parametrize(
    "code, dtype", [(9, "i1"), (0xB, "i2"), (0xC, "i4"), (0xD, "f4"), (0xE, "f8")]
)
def test_every_type_of_idx_file_is_read_in_native_order(code, dtype):
    array = np.arange(-6, 6).reshape(3, 2, 2).astype(dtype)
    found = read_idx(idx(array, code), "some.file")
    assert found.dtype == np.dtype(dtype) and np.array_equal(found, array)


def test_every_changed_byte_of_an_idx_header_is_refused():
    content = idx(IMAGES)
    for at in range(16):
        for value in set(range(256)) - {content[at]}:
            changed = content[:at] + bytes([value]) + content[at + 1 :]
            with pytest.raises(DataError, match=r"some\.file"):
                HOLDS["images"].check(read_idx(changed, "some.file"), "some.file")


def test_every_cut_and_every_longer_idx_file_is_refused():
    content = idx(IMAGES)
    for length in range(len(content)):
        with pytest.raises(DataError, match=r"some\.file: .*get it again"):
            read_idx(content[:length], "some.file")
    with pytest.raises(DataError, match=r"too long: .* needs 60 bytes after the header, found 61"):
        read_idx(content + b"\0", "some.file")


def test_a_damaged_gzip_is_refused_or_harmless():
    content = gzip.compress(idx(IMAGES))
    found = list(survivors(lambda c: read_idx(c, "some.file"), damaged(content, 4000)))
    assert len(found) < 400  # the time of day in the header may change
    assert all(np.array_equal(array, IMAGES) for array in found)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "no idx file.*found nothing"),
        (b"\x89PNG\r\n", "no idx file.*found 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\x01a", "unknown type 0x07 in the idx header, expected one of 0x08"),
        (b"\0\0\x08\x00", "the idx header ends early, or gives no shape"),
        (b"\x1f\x8b\x08", "the gzip file is damaged"),
    ],
)
def test_what_is_wrong_with_an_idx_file_is_said(content, message):
    with pytest.raises(DataError, match=rf"some\.file: .*{message}"):
        read_idx(content, "some.file")


def test_an_npz_file_is_read():
    found = read_npz(npz(images=IMAGES, t=T, more=T), "some.file", HOLDS)
    assert found.keys() == HOLDS.keys()
    assert np.array_equal(found["images"], IMAGES) and np.array_equal(found["t"], T)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_file_is_refused_or_harmless(save):
    file = io.BytesIO()
    save(file, images=IMAGES, t=T)
    read = lambda content: read_npz(content, "some.file", HOLDS)  # noqa: E731
    found = list(survivors(read, damaged(file.getvalue(), 2500)))
    assert len(found) < 1800  # names, dates and sizes stand twice in a zip file
    for arrays in found:
        assert np.array_equal(arrays["images"], IMAGES) and np.array_equal(arrays["t"], T)


def test_an_array_whose_header_asks_for_less_is_refused():
    file = io.BytesIO()
    np.savez(file, t=np.linspace(0, 1, 9000, dtype=np.float32))
    smaller = file.getvalue().replace(b"(9000,)", b"(3000,)")
    assert np.load(io.BytesIO(smaller))["t"].shape == (3000,)  # NumPy stops before the checksum
    with pytest.raises(DataError, match=r"some\.file: the npz file is damaged \(BadZipFile"):
        read_npz(smaller, "some.file", {"t": Holds("float32", (-1,))})


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"t": T}, "no array 'images', found t: get the right file again"),
        ({"images": IMAGES, "t": T[:3]}, r"t: expected float32 of shape \(4\), found .*\(3,\)"),
        ({"images": IMAGES[0], "t": T}, r"expected uint8 of shape \(any, 5, 4\), found .*\(5, 4\)"),
        ({"images": IMAGES, "t": T.astype("f8")}, "expected float32 .*, found float64"),
        ({"images": IMAGES, "t": T * 2}, "t: expected values from 0 to 1, found 0 to 2"),
        ({"images": IMAGES, "t": T * np.nan}, "t: expected values from 0 to 1, found nan to nan"),
        ({"images": IMAGES, "t": np.array([{}] * 4)}, "t: no array can be read .*pickle"),
    ],
)
def test_what_is_wrong_with_an_npz_file_is_said(arrays, message):
    with pytest.raises(DataError, match=rf"some\.file.*{message}"):
        read_npz(npz(**arrays), "some.file", HOLDS)


def test_bytes_after_an_npy_array_are_refused():
    file = io.BytesIO()
    np.save(file, T)
    with pytest.raises(DataError, match=r"some\.file: bytes follow the end of the array"):
        read_npy(file.getvalue() + b"\0", "some.file", HOLDS["t"])


def test_an_amat_file_is_read_and_anything_else_refused():
    bits = np.random.default_rng(3).integers(0, 2, (4, 784), np.uint8)
    content = "".join(" ".join(map(str, row)) + "\n" for row in bits).encode()
    assert np.array_equal(mnist_static.read_amat(content, "some.file"), bits)
    cut, comma = content[:-1], content.replace(b" ", b",", 1)
    two, above = content[:-2] + b"2\n", content[:-2] + b"/\n"
    for wrong in (b"", cut, comma, two, above, content[:-1] + b" "):
        with pytest.raises(DataError, match=r"some\.file: .*get it again"):
            mnist_static.read_amat(wrong, "some.file")


CSV = b'"Date","Temp"\r\n"1981-01-01",20.7\r\n"1981-01-02",-3\r\n'


def test_a_csv_series_is_read():
    for content in (CSV, b"date,temp\n1981/01/01 00:00,20.7\n1981/01/02 00:00,-3"):
        times, values = read_csv(content, "some.file")
        assert values.tolist() == [20.7, -3]
        assert times.tolist() == np.array(["1981-01-01", "1981-01-02"], "M8[s]").tolist()


def test_a_damaged_csv_series_raises_no_other_error():
    list(survivors(lambda content: read_csv(content, "some.file"), damaged(CSV, 3000)))


@pytest.mark.parametrize(
    "wrong",
    [b"", b"a,b\n", b"a,b\n1981-01-01,nan", b"a,b\n1981-13-01,1", b"a\n1981-01-01", b"\xff"],
)
def test_a_csv_file_without_a_series_is_refused(wrong):
    with pytest.raises(DataError, match=r"some\.file: "):
        read_csv(wrong, "some.file")


def cifar_archive(rng, rows, batches=cifar10.BATCHES):
    """An archive of the layout of CIFAR-10, and its images and labels."""
    images = rng.integers(0, 256, (len(batches), rows, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, (len(batches), rows), np.uint8)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, x, y in zip(batches, images, labels, strict=True):
            planes = x.transpose(0, 3, 1, 2).reshape(rows, 3072)
            content = np.column_stack([y, planes]).tobytes()
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue(), images.reshape(-1, 32, 32, 3), labels.ravel()


def test_the_archive_of_cifar10_is_read(rng, monkeypatch):
    monkeypatch.setattr(cifar10, "ROWS", 2)
    content, images, labels = cifar_archive(rng, 2)
    found = cifar10.read_archive(content, "some.file")
    assert np.array_equal(found[0], images) and np.array_equal(found[1], labels)
    read = lambda c: cifar10.read_archive(c, "some.file")  # noqa: E731
    for x, y in survivors(read, damaged(content, 200)):
        assert np.array_equal(x, images) and np.array_equal(y, labels)


def test_an_archive_without_a_batch_is_refused(rng, monkeypatch):
    monkeypatch.setattr(cifar10, "ROWS", 2)
    content = cifar_archive(rng, 2, cifar10.BATCHES[:-1])[0]
    with pytest.raises(DataError, match=r"some\.file: no test_batch\.bin in the archive"):
        cifar10.read_archive(content, "some.file")
    with pytest.raises(DataError, match=r"some\.file, data_batch_1\.bin: expected 2 rows"):
        cifar10.read_archive(cifar_archive(rng, 3)[0], "some.file")


def test_the_archive_of_omniglot_is_read_and_a_damaged_one_refused(rng, monkeypatch):
    Image = pytest.importorskip("PIL.Image")
    monkeypatch.setattr(omniglot, "CHARACTERS", 1)
    monkeypatch.setattr(omniglot, "DRAWERS", 2)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in (1, 2):
            drawing, png = Image.new("1", (105, 105), 1), io.BytesIO()
            drawing.paste(0, (0, 0, 60, 15 * i))  # black, the ink, above the row 15 i
            drawing.save(png, "PNG")
            archive.writestr(f"set/Greek/character01/0001_0{i}.png", png.getvalue())
    read = lambda content: omniglot.read_drawings(content, "some.file")  # noqa: E731
    found = read(file.getvalue())
    assert [x.shape for x in found.values()] == [(28, 28)] * 2
    first, second = (x.astype(float) / 255 for x in found.values())
    assert first.mean() == pytest.approx(60 * 15 / 105**2, rel=0.02)  # the box filter keeps ink
    assert second.mean() == pytest.approx(60 * 30 / 105**2, rel=0.02)
    for drawings in survivors(read, damaged(file.getvalue(), 300)):
        assert all(np.array_equal(drawings[name], x) for name, x in found.items())
