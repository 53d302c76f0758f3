"""Unpaired domains: two sets of images, each with what the other lacks, and no pairs.

monet2photo: paintings by C. Monet (a) and photographs (b); J.-Y. Zhu and others, Unpaired
image-to-image translation using cycle-consistent adversarial networks, arXiv 1703.10593.
holo2bright: holograms (a, grey) and bright-field pictures (b, colour) of plankton under the
microscope; H. Bachimanchi and others, eLife 11:e79760, 2022.

Each domain is a set of its own, such as monet2photo-a; `pair("monet2photo")` loads both. 64x64
pixels. The holograms differ by few grey levels: their levels HOLO_LOW to HOLO_HIGH, the range of
the training part, are stretched to [0, 1] (levels beyond it are clipped).
"""

from functools import partial

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.errors import DataError
from tinygen.data.files import contents
from tinygen.data.holds import Holds
from tinygen.data.npz import read_npz
from tinygen.data.parts import cut
from tinygen.names import nearest

MONET = File(
    "monet2photo/monet2photo_64.npz",
    13093862,
    "7b1f5097edebf0a9d4eda53d722d72396857a7e4053f62162604fa50169b68f0",
)
HOLO = File(
    "holo2bright/holo2bright_64crop.npz",
    8298590,
    "3f57a0d04616002bc12e8ef8e66cde88f3b35888cea945643eeb4e743617dcdf",
)
HOLO_LOW, HOLO_HIGH = 68, 133
PAIRS = ("monet2photo", "holo2bright")


def pair(name: str) -> tuple[Dataset, Dataset]:
    """Both domains of "monet2photo" or "holo2bright". Raises DataError."""
    if name not in PAIRS:
        raise DataError(
            f"no pair of domains is called {name!r}{nearest(name, PAIRS)}: "
            f"choose one of {', '.join(PAIRS)}"
        )
    a, b = (entry.load() for entry in ENTRIES if entry.name.startswith(name))
    return a, b


def load(name: str, file: File, kind: str, sizes: dict[str, int]) -> Dataset:
    """A domain: validation is the end of the training images. Raises DataError."""
    domain = name[-1].upper()
    channels = (3,) if kind == "colour" else ()
    training, test = sizes["train"] + sizes["validation"], sizes["test"]
    holds = {
        f"train_{domain}": Holds("uint8", (training, 64, 64, *channels)),
        f"test_{domain}": Holds("uint8", (test, 64, 64, *channels)),
    }
    images = np.concatenate(list(read_npz(contents(file)[0], file.path, holds).values()))
    x = stretched(images)[..., None] if kind == "grey" else images
    which = np.repeat([0, 1, 2], list(sizes.values()))
    return Dataset(name, kind, *cut(which, x), ink=False)


def stretched(levels: np.ndarray) -> np.ndarray:
    """HOLO_LOW..HOLO_HIGH -> [0, 1], float32."""
    x = (levels.astype(np.float32) - HOLO_LOW) / (HOLO_HIGH - HOLO_LOW)
    return np.clip(x, 0, 1)


def domain(
    name: str, title: str, kind: str, sizes: tuple[int, int, int], file: File, terms: str, by: str
) -> Entry:
    """A line of the catalogue."""
    by_part = dict(zip(("train", "validation", "test"), sizes, strict=True))
    return Entry(
        name=name,
        title=title,
        kind=kind,
        shape=(64, 64, 3 if kind == "colour" else 1),
        sizes=by_part,
        split=f"validation: the last {sizes[1]} of the training images; test as given",
        licence=terms,
        source=by,
        load=partial(load, name, file, kind, by_part),
        files=(file,),
    )


ZHU = "J.-Y. Zhu and others 2017, arXiv 1703.10593; reduced to 64x64, some left out"
BACHIMANCHI = (
    "H. Bachimanchi and others 2022, https://github.com/DeepTrackAI/holo2bright_dataset; "
    "one 64x64 tile of each picture, some left out"
)
ENTRIES = (
    domain(
        "monet2photo-a",
        "paintings by C. Monet",
        "colour",
        (200, 40, 60),
        MONET,
        "public domain",
        ZHU,
    ),
    domain(
        "monet2photo-b",
        "photographs from Flickr",
        "colour",
        (700, 100, 100),
        MONET,
        "unclear; not to be passed on",
        ZHU,
    ),
    domain(
        "holo2bright-a",
        "holograms of plankton",
        "grey",
        (1250, 250, 300),
        HOLO,
        "CC BY 4.0",
        BACHIMANCHI,
    ),
    domain(
        "holo2bright-b",
        "plankton in bright field",
        "colour",
        (740, 140, 244),
        HOLO,
        "CC BY 4.0",
        BACHIMANCHI,
    ),
)
