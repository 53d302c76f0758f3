"""The pictures of a trained run, from its folder: those that fit its system, data and latent size.

curves           the terms of the loss over the epochs
samples          draws, and beside them the means where the system tells the two apart
reconstructions  test examples, and what comes back through the code
latent           where test examples lie in the latent space
manifold         what each place of a two-dimensional latent space decodes to
traversals       what each latent dimension changes; also as an animation
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import atomic, examples, plots
from tinygen.arrays import Array, to_device, to_host
from tinygen.data.dataset import Dataset
from tinygen.models.priors import StandardNormal
from tinygen.runs import RunError
from tinygen.systems.base import in_batches
from tinygen.systems.job import cut, seen
from tinygen.systems.trained import TrainedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCATTERED = 2000  # examples in the latent space
SHOWN = 24  # reconstructions


class Gallery:
    """What the pictures of one run are made from.

    x        : up to 2000 test examples as the data set holds them, on the host; None without data
    seen     : what a model sees of them, on the run's device, binarised where the data set says
               so, with labels where the system takes them
    labels   : their classes, or None;  z : their codes (N, Z) on the host, or None
    standard : whether the codes are asked to follow N(0, I)
    """

    def __init__(self, trained: TrainedRun, rng: np.random.Generator, dataset: Dataset | None):
        self.trained, self.rng, self.standard = trained, rng, standard_prior(trained)
        self.classes = dataset.classes if dataset else ()
        self.x: Any = None
        self.seen: Any = None
        self.labels: Any = None
        self.z: Any = None
        if dataset is None:
            return
        part = cut(dataset.test, rng.permutation(len(dataset.test))[:SCATTERED])
        self.x, self.labels = part.x, part.labels
        drawn = seen(trained.system, trained.options, dataset, part, rng)
        self.seen = to_device(drawn, trained.device)
        encode = trained.system.codes
        if encode is not None:
            z = in_batches(lambda x: encode(trained.model, trained.p, x), self.seen)
            self.z = to_host(z)

    def ink(self, images: Array) -> np.ndarray:
        """Images on the host, grey ones with 1 as ink, whatever 1 is in the data."""
        x = to_host(images)
        light = x.shape[3] == 1 and not self.trained.run.config.get("ink", True)
        return 1 - x if light else x

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The means of the images of codes z (N, Z), as ink."""
        t = self.trained
        assert t.system.decode is not None  # see can_walk
        return self.ink(t.system.decode(t.model, t.p, to_device(z, t.device)))

    def samples(self, n: int) -> "Figure":
        """n draws; where they are no means, the means of the same codes beside them."""
        drawn, means = (self.ink(x) for x in draws_and_means(self.trained, self.rng, n))
        title = f"samples: {self.trained.drawn}"
        if np.array_equal(drawn, means):
            return plots.sample_grid(drawn, title=title)
        columns = int(np.ceil(np.sqrt(n)))
        density = self.trained.system.density
        given = density.partition("|")[2].rstrip(")")
        sheets = {f"draws x ~ {density}": drawn, f"means of {density}, of the same {given}": means}
        return plots.panels({k: plots.tiled(x, columns) for k, x in sheets.items()}, title)

    def reconstructions(self) -> "Figure":
        """Rows: the example, what the model saw of it, what came back."""
        t, reconstruct = self.trained, self.trained.system.reconstruct
        assert reconstruct is not None
        seen = examples.rows(self.seen, slice(SHOWN))
        pixels, rows = examples.first(seen), {"example": self.ink(self.x[:SHOWN])}
        if np.any(self.x[:SHOWN] != to_host(pixels)):
            rows["its binarised pixels"] = self.ink(pixels)
        if getattr(t.model, "corruption", None):
            noise = t.model.draw_noise(self.rng, seen)
            seen = t.model.corrupt(seen, noise)[0]
            rows["damaged"] = self.ink(seen)
        seed = int(self.rng.integers(2**32))
        drawn, mean = (
            self.ink(reconstruct(t.model, t.p, seen, np.random.default_rng(seed), mean))
            for mean in (False, True)
        )
        if np.array_equal(drawn, mean):
            rows["reconstruction"] = mean
        else:
            density, decoded = t.system.density, t.system.decoded
            rows |= {f"mean of {density}, {decoded}": mean, f"a draw x ~ {density}": drawn}
        title = f"rows, from above: {'; '.join(rows)}"
        return plots.reconstructions(*rows.values(), title=title)

    def latent(self) -> "Figure":
        """The codes of the test examples."""
        system = self.trained.system
        what = f"means of {system.encoding}" if system.group == "approximate" else "codes"
        title = f"{what}, {len(self.z)} test examples of {self.trained.run.config['data']}"
        return plots.latent_scatter(self.z, self.labels, self.classes, title, self.standard)

    def manifold(self) -> "Figure":
        """The decoded plane: by the quantiles of the prior, or where the codes lie."""
        if self.standard:
            title = "the latent space, decoded: means of p(x|z) at quantiles of N(0, I)"
            return plots.manifold(self.decode, title=title)
        low, high = np.quantile(self.z, [0.02, 0.98], axis=0)
        title = "the latent space, decoded, where the codes of test examples lie"
        box = ((low[0], high[0]), (low[1], high[1]))
        return plots.manifold(self.decode, title=title, box=box)

    def walk(self) -> plots.Walk:
        """Around 0 in the prior's units, else around the mean code in those of the codes."""
        use = None if self.z is None else self.z.var(axis=0)
        if self.standard:
            return plots.Walk(self.decode, np.zeros(self.trained.model.n_latent), use=use)
        middle, scale = self.z.mean(axis=0), self.z.std(axis=0)
        return plots.Walk(self.decode, middle, middle, scale, use)

    def traversals(self) -> "Figure":
        """A row a dimension."""
        units = "" if self.standard else ", in standard deviations from the mean code"
        return plots.traversals(self.walk(), xlabel=f"$z_j${units}")

    def figures(self, samples: int) -> dict[str, "Figure"]:
        """Name -> figure, those that can be made, in the order in which they are to be read."""
        t, found = self.trained, {}
        if log := t.run.records():
            found["curves"] = plots.curves(log, unit=unit(t))
        if not is_image(t.shape):
            return found | t.system.figures(self)
        found["samples"] = self.samples(samples)
        if self.seen is not None and t.system.reconstruct is not None:
            found["reconstructions"] = self.reconstructions()
        if self.z is not None:
            found["latent"] = self.latent()
        found |= t.system.figures(self)
        if self.can_walk:
            if t.model.n_latent == 2:
                found["manifold"] = self.manifold()
            found["traversals"] = self.traversals()
        return found

    @property
    def can_walk(self) -> bool:
        """Whether it is known where in the latent space to look."""
        system = self.trained.system
        return system.decode is not None and (self.standard or self.z is not None)


def unit(trained: TrainedRun) -> str:
    """What the terms of the loss are measured in; nothing where each has a unit of its own."""
    return {"none": "squared error per example", "implicit": ""}.get(
        trained.system.group, "nats per example"
    )


def standard_prior(trained: TrainedRun) -> bool:
    """Whether the training asks the codes to follow N(0, I)."""
    return isinstance(getattr(trained.model, "prior", None), StandardNormal)


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether examples of this shape can be shown as they are."""
    return len(shape) == 3 and shape[2] in (1, 3)


def draws_and_means(trained: TrainedRun, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """n samples and, of the same codes, n means; one thing where a system has no noise there."""
    t, seed = trained, int(rng.integers(2**32))

    def drawn(mean: bool) -> Array:
        return t.system.sample(t.model, t.p, np.random.default_rng(seed), n, mean)

    draws = drawn(False)
    return draws, drawn(True) if t.system.has_means else draws


def find_data(trained: TrainedRun) -> tuple[Dataset | None, str]:
    """The data of the run; or None, and why they are not to be had."""
    try:
        dataset = trained.dataset()
    except (ValueError, RuntimeError, OSError) as error:
        return None, str(error)
    if dataset.shape != trained.shape:
        return None, f"{dataset.name} is now of shape {dataset.shape}, not {trained.shape}"
    return dataset, ""


def pictures(
    trained: TrainedRun, rng: np.random.Generator, dataset: Dataset | None = None, samples: int = 64
) -> dict[str, "Figure"]:
    """Name -> figure. Without `dataset`, which `find_data` gives, those that need none."""
    return Gallery(trained, rng, dataset).figures(samples)


@dataclass(frozen=True)
class Written:
    """Name of the file -> its bytes, as they lie in the folder; and what had to be left out."""

    files: dict[str, bytes]
    left_out: str


def write(trained: TrainedRun, rng: np.random.Generator, samples: int = 64) -> Written:
    """Put the pictures into RUN/pictures. Raises RunError where that cannot be written."""
    dataset, why = find_data(trained)
    gallery = Gallery(trained, rng, dataset)
    files = {f"{k}.png": plots.png(figure) for k, figure in gallery.figures(samples).items()}
    if is_image(trained.shape) and gallery.can_walk:
        files["traversals.gif"] = plots.animation(gallery.walk())
    folder = trained.run.path / "pictures"
    try:
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            atomic.write_bytes(folder / name, content)
    except OSError as error:
        raise RunError(f"cannot write the pictures into {folder}: {error.strerror}") from error
    return Written(files, why)
