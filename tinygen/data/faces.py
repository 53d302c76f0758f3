"""Faces: Frey's video frames, Olivetti's 40 people, and crops of Labeled Faces in the Wild.

Frey: one man, 1965 frames of 28x20 grey pixels, in the order of the video (B. Frey and S. Roweis;
the faces of D. Kingma and M. Welling, arXiv 1312.6114). Neighbouring frames are almost the same,
and moods last for hundreds: so runs of 15 frames are dealt out, not single ones.

Olivetti: 10 pictures each of 40 people, 64x64 grey (AT&T Laboratories Cambridge 1992-94; this
size by S. Roweis).

LFW crops: 100 faces and 100 patches without one, 25x25 grey, cut from G. Huang and others, Labeled
Faces in the Wild, 2007, by scikit-image, whose file is read where the packed one is not at hand.
"""

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.files import contents, missing
from tinygen.data.holds import Holds
from tinygen.data.npz import read_npy, read_npz
from tinygen.data.parts import cut

FREY = File(
    "frey_faces/frey_faces.npz",
    996890,
    "3c70375e0a9c4751ad49ad5f1f692bd094c46f133cf4aa8ea77d1cb14e1efcd1",
)
OLIVETTI = File(
    "olivetti_faces/olivetti_faces.npz",
    1412951,
    "f5495c59eeac98813e1d48f87a9069a1ce278acd9a453b18d7b4e500e4eed12d",
)
LFW = File(
    "lfw_subset/lfw_subset.npz",
    223476,
    "41aa327ce19791a78c3861a43a7e9f62c283029dff99103606c25eaf7f043e6c",
)
LFW_ORIGINAL = File(
    "lfw_subset/lfw_subset.npy",
    1000080,
    "9560ec2f5edfac01973f63a8a99d00053fecd11e21877e18038fbe500f8e872c",
    ("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/lfw_subset.npy",),
)


def frey() -> Dataset:
    """1575, 195 and 195 frames; factors: "frame", the place in the video. Raises DataError."""
    holds = {"images": Holds("uint8", (1965, 28, 20))}
    images = read_npz(contents(FREY)[0], FREY.path, holds)["images"]
    frame = np.arange(len(images))
    which = np.maximum(frame // 15 % 10 - 7, 0)
    parts = cut(which, images[..., None], factors={"frame": frame})
    return Dataset("frey-faces", "grey", *parts, ink=False)


def olivetti() -> Dataset:
    """320, 40 and 40 pictures, labelled by person. Raises DataError."""
    holds = {"images": Holds("uint8", (400, 64, 64)), "subject": Holds("uint8", (400,), 0, 39)}
    arrays = read_npz(contents(OLIVETTI)[0], OLIVETTI.path, holds)
    which = np.maximum(np.arange(400) % 10 - 7, 0)
    parts = cut(which, arrays["images"][..., None], arrays["subject"])
    people = tuple(f"person {i}" for i in range(40))
    return Dataset("olivetti-faces", "grey", *parts, classes=people, ink=False)


def lfw() -> Dataset:
    """160, 20 and 20 crops, half of them faces; labels: 1 a face. Raises DataError."""
    if missing(LFW):
        holds = Holds("float64", (200, 25, 25), 0, 1)
        images = read_npy(contents(LFW_ORIGINAL)[0], LFW_ORIGINAL.path, holds)
    else:
        packed = {"images": Holds("float32", (200, 25, 25), 0, 1)}
        images = read_npz(contents(LFW)[0], LFW.path, packed)["images"]
    is_face = np.arange(200) < 100
    which = np.maximum(np.arange(200) % 10 - 7, 0)
    parts = cut(which, images[..., None], is_face)
    return Dataset("lfw-crops", "grey", *parts, classes=("no face", "face"), ink=False)


ENTRIES = (
    Entry(
        name="frey-faces",
        title="video frames of one face",
        kind="grey",
        shape=(28, 20, 1),
        sizes={"train": 1575, "validation": 195, "test": 195},
        split="by the run of 15 frames, mod 10: 9 test, 8 validation, else train",
        licence="not stated",
        source="B. Frey and S. Roweis, frey_rawface.mat on S. Roweis' data page; NumPy's npz of it",
        load=frey,
        files=(FREY,),
    ),
    Entry(
        name="olivetti-faces",
        title="faces of 40 people",
        kind="grey",
        shape=(64, 64, 1),
        sizes={"train": 320, "validation": 40, "test": 40},
        split="the last of each person's ten pictures test, the ninth validation, else train",
        licence="free for research, with credit to AT&T Laboratories Cambridge",
        source="AT&T Laboratories Cambridge 1994, olivettifaces.mat on S. Roweis' data page; "
        "NumPy's npz of it",
        load=olivetti,
        files=(OLIVETTI,),
    ),
    Entry(
        name="lfw-crops",
        title="faces, and patches without a face",
        kind="grey",
        shape=(25, 25, 1),
        sizes={"train": 160, "validation": 20, "test": 20},
        split="by the index mod 10: 9 test, 8 validation, else train",
        licence="research data; shipped with scikit-image",
        source="G. Huang and others 2007, http://vis-www.cs.umass.edu/lfw; crops: scikit-image",
        load=lfw,
        files=(LFW,),
        originals=(LFW_ORIGINAL,),
    ),
)
