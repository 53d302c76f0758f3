"""MNIST, Fashion-MNIST and KMNIST: 28x28 grey images of ten classes; the first and the last by
hand, the second of clothes.

Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, 1998.
H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, arXiv 1708.07747.
T. Clanuwat and others, Deep learning for classical Japanese literature, arXiv 1812.01718.

Validation is the last 10000 of the 60000 training images, as in Y. Burda and others, Importance
weighted autoencoders, arXiv 1509.00519. NOTE: of KMNIST, `kmnist` reads the test file alone and
cuts its 10000 images by their index; `kmnist-full` reads all four files.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.files import contents
from tinygen.data.holds import Holds
from tinygen.data.idx import read_idx
from tinygen.data.npz import read_npz
from tinygen.data.parts import binary_variants, cut

IMAGES, LABELS = Holds("uint8", (-1, 28, 28)), Holds("uint8", (-1,), 0, 9)
NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
SIZES = {"train": 50000, "validation": 10000, "test": 10000}
SPLIT = "train: the first 50000 of the 60000 training images; validation: the last 10000 of them"


def four(folder: str, places: tuple[str, ...], *known: tuple[int, str]) -> tuple[File, ...]:
    """The four files of a set, given the size and the SHA-256 of each."""
    names = [f"{name}-ubyte.gz" for name in NAMES]
    return tuple(
        File(f"{folder}/{name}", size, sha256, tuple(place + name for place in places))
        for name, (size, sha256) in zip(names, known, strict=True)
    )


MNIST = four(
    "mnist",
    (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)
FASHION = four(
    "fashion_mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
CODH = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
KMNIST = four(
    "kmnist",
    (CODH,),
    (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
    (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
    (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
    (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
)
KMNIST_TEST = (
    File(
        "kmnist/kmnist-test-imgs.npz",
        3069285,
        "9e19e2c2cc48cc89322e26acda94ae1b6534a91cdfc0b35e85eb90d2c86830e8",
        (f"{CODH}kmnist-test-imgs.npz",),
    ),
    File(
        "kmnist/kmnist-test-labels.npz",
        5304,
        "660f13a4705431ea2a6391c41ecbe384cd0d932c595a101ec4f3b8989e785046",
        (f"{CODH}kmnist-test-labels.npz",),
    ),
)

DIGITS = tuple("0123456789")
CLOTHES = (
    *("T-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def load(name: str, files: tuple[File, ...], classes: tuple[str, ...]) -> Dataset:
    """A set of four idx files: 50000, 10000 and 10000 images. Raises DataError."""
    arrays = [
        (IMAGES if "images" in file.path else LABELS).check(read_idx(content, file.path), file.path)
        for file, content in zip(files, contents(*files), strict=True)
    ]
    x = np.concatenate(arrays[0::2])[..., None]  # (70000, 28, 28, 1)
    labels = np.concatenate(arrays[1::2])  # (70000,)
    which = np.repeat([0, 1, 2], [50000, 10000, 10000])
    return Dataset(name, "grey", *cut(which, x, labels), classes=classes)


def kmnist_test() -> Dataset:
    """The 10000 test images of KMNIST: index mod 10 = 9 test, 8 validation, else train."""
    images, labels = (
        read_npz(content, file.path, {"arr_0": holds})["arr_0"]
        for file, content, holds in zip(
            KMNIST_TEST, contents(*KMNIST_TEST), (IMAGES, LABELS), strict=True
        )
    )
    which = np.maximum(np.arange(10000) % 10 - 7, 0)
    return Dataset("kmnist", "grey", *cut(which, images[..., None], labels), classes=KANA)


def entry(
    name: str,
    title: str,
    licence: str,
    source: str,
    files: tuple[File, ...],
    load: Callable[[], Dataset],
    sizes: dict[str, int] = SIZES,
    split: str = SPLIT,
) -> Entry:
    """A line of the catalogue."""
    return Entry(name, title, "grey", (28, 28, 1), sizes, split, licence, source, load, files)


GREY = (
    entry(
        "mnist",
        "handwritten digits",
        "CC BY-SA 3.0",
        "Y. LeCun, C. Cortes and C. Burges 1998, http://yann.lecun.com/exdb/mnist",
        MNIST,
        partial(load, "mnist", MNIST, DIGITS),
    ),
    entry(
        "fashion-mnist",
        "clothes",
        "MIT",
        "H. Xiao, K. Rasul and R. Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist",
        FASHION,
        partial(load, "fashion-mnist", FASHION, CLOTHES),
    ),
    entry(
        "kmnist",
        "cursive Japanese characters, the test file alone",
        "CC BY-SA 4.0",
        "CODH 2018, doi 10.20676/00000341",
        KMNIST_TEST,
        kmnist_test,
        {"train": 8000, "validation": 1000, "test": 1000},
        "by the index in the test file, mod 10: 9 test, 8 validation, else train",
    ),
    entry(
        "kmnist-full",
        "cursive Japanese characters",
        "CC BY-SA 4.0",
        "CODH 2018, doi 10.20676/00000341",
        KMNIST,
        partial(load, "kmnist-full", KMNIST, KANA),
    ),
)
ENTRIES = tuple(line for grey in GREY for line in (grey, *binary_variants(grey)))
