"""Who is normal, who is to be found, and which outliers are known beforehand.

Sets of 28x28 pixels stand against each other whole. Of another set half of the classes are normal;
of the rest, every second is to be found, the others are known.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from common import dataset

from tinygen import to_device
from tinygen.arrays import Array
from tinygen.data.dataset import Dataset

RIVALS = {  # normal -> (to be found, known)
    "fashion-mnist": ("mnist", "kmnist"),
    "mnist": ("fashion-mnist", "kmnist"),
    "kmnist": ("mnist", "fashion-mnist"),
}
MEASURED = 2000  # images of each kind on which scores are compared


@dataclass(frozen=True)
class Sets:
    """Images (N, H, W, C) of grey levels in [0, 1], on the device.

    train, validation, test : normal ones
    novel                   : outliers to be found, which nobody saw before the test
    known                   : outliers to train with
    known_kind              : further ones of that kind, to choose on
    names                   : of the normal ones, the novel ones, the known ones
    """

    train: Array
    validation: Array
    test: Array
    novel: Array
    known: Array
    known_kind: Array
    names: tuple[str, str, str]

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Sets":
        """The sets that belong to `args.data`. Refuses what has no grey images or labels."""
        normal = dataset(args)
        if normal.kind != "grey" or normal.test.labels is None:
            raise SystemExit(
                f"outliers: {normal.name} holds {normal.kind}, expected grey images with labels: "
                "use --data fashion-mnist, mnist or digits"
            )
        if args.data in RIVALS:
            novel, known = (dataset(args, name) for name in RIVALS[args.data])
            names, images = (normal.name, novel.name, known.name), as_they_are
        else:
            novel = known = normal
            names, images = ("classes of the first half", "some others", "the rest"), by_class

        def put(data: Dataset, part: str, kind: int, most: int = MEASURED) -> Array:
            return to_device(images(data, part, kind)[:most], args.device)

        return cls(
            train=put(normal, "train", 0, args.images),
            validation=put(normal, "validation", 0),
            test=put(normal, "test", 0),
            novel=put(novel, "test", 1),
            known=put(known, "train", 2, args.images),
            known_kind=put(known, "validation", 2),
            names=names,
        )


def as_they_are(data: Dataset, part: str, kind: int) -> np.ndarray:
    """All images of a part."""
    return data.parts[part].x


def by_class(data: Dataset, part: str, kind: int) -> np.ndarray:
    """Of a part those whose class is normal (0), to be found (1) or known (2)."""
    labels, half = data.parts[part].labels, (len(data.classes) + 1) // 2
    assert labels is not None  # looked at above
    others = labels >= half
    chosen = (~others, others & (labels % 2 == 0), others & (labels % 2 == 1))[kind]
    return data.parts[part].x[chosen]
