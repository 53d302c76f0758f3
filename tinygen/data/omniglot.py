"""Omniglot, the smaller background set: 136 characters of 5 alphabets, each by 20 people.

B. Lake, R. Salakhutdinov and J. Tenenbaum, Human-level concept learning through probabilistic
program induction, Science 350, 2015.

The original drawings have 105x105 black or white pixels; here each is reduced to 28x28 grey
levels by Pillow's box filter, 1 the ink. NOTE: these are not the images of the likelihood tables
(24345 and 8070 images of a file chardata.mat, Y. Burda and others, arXiv 1509.00519).

Test are the drawers 19 and 20, validation 17 and 18: known characters in unknown hands.
"""

import io
import zipfile

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.errors import DataError
from tinygen.data.files import contents
from tinygen.data.parts import binary_variants, cut

ARCHIVE = File(
    "omniglot/images_background_small1.zip",
    1319022,
    "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
    ("https://github.com/brendenlake/omniglot/raw/master/python/images_background_small1.zip",),
)
CHARACTERS, DRAWERS = 136, 20
SIZES = {"train": 2176, "validation": 272, "test": 272}


def load() -> Dataset:
    """2176, 272 and 272 images, labelled by character. Raises DataError."""
    drawings = read_drawings(contents(ARCHIVE)[0], ARCHIVE.path)
    folders = [name.split("/")[1:3] for name in drawings]  # alphabet, character
    classes, labels = np.unique(["/".join(folder) for folder in folders], return_inverse=True)
    alphabet = np.unique([folder[0] for folder in folders], return_inverse=True)[1]
    drawer = np.array([int(name[-6:-4]) for name in drawings])  # ..._07.png
    which = np.clip((drawer - 15) // 2, 0, 2)
    x = np.stack(list(drawings.values()))[..., None]  # (2720, 28, 28, 1)
    factors = {"alphabet": alphabet, "drawer": drawer}
    parts = cut(which, x, labels, factors)
    return Dataset("omniglot", "grey", *parts, classes=tuple(map(str, classes)))


def read_drawings(content: bytes, name: str) -> dict[str, np.ndarray]:
    """Name in the archive -> the drawing at 28x28, uint8, ink 255; in the order of the names."""
    from PIL import Image  # comes with matplotlib

    drawings = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in sorted(archive.namelist()):
                if member.endswith(".png"):
                    with Image.open(io.BytesIO(archive.read(member))) as image:
                        small = image.convert("L").resize((28, 28), Image.Resampling.BOX)
                    drawings[member] = 255 - np.asarray(small)
    except Exception as error:  # damaged archives and pictures raise many kinds of exceptions
        raise DataError(f"{name}: the archive is damaged ({error}): get it again") from error
    if len(drawings) != CHARACTERS * DRAWERS:
        raise DataError(
            f"{name}: expected {CHARACTERS * DRAWERS} drawings, found {len(drawings)}: get it again"
        )
    return drawings


GREY = Entry(
    name="omniglot",
    title="136 handwritten characters of 5 alphabets",
    kind="grey",
    shape=(28, 28, 1),
    sizes=SIZES,
    split="by drawer: 19 and 20 test, 17 and 18 validation, 1 to 16 train",
    licence="MIT",
    source="B. Lake and others, Science 2015, https://github.com/brendenlake/omniglot",
    load=load,
    files=(ARCHIVE,),
)
ENTRIES = (GREY, *binary_variants(GREY))
