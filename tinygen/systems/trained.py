"""A run, opened: its system, options, model and weights, from the folder alone."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinygen.arrays import Params, to_device
from tinygen.checkpoint import CheckpointError, restore
from tinygen.data import load as load_data
from tinygen.data.dataset import Dataset
from tinygen.runs import Run, RunError
from tinygen.systems import System, system
from tinygen.systems.base import Task
from tinygen.systems.options import Options


@dataclass
class TrainedRun:
    """What the commands and pictures take from a run's folder.

    p    : the weights of least validation loss, else the last; on `device`
    meta : counters of the checkpoint: step, epoch, best_epoch, seconds, tinygen (the version)
    """

    run: Run
    system: System
    options: Options
    model: Any
    p: Params
    meta: dict[str, Any]
    device: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return tuple(self.run.config["shape"])

    @property
    def epoch(self) -> int:
        """After which the weights were these."""
        return int(self.meta["best_epoch"] or self.meta["epoch"])

    @property
    def drawn(self) -> str:
        """What a sample is, in words."""
        words = self.system.drawn
        return words if isinstance(words, str) else words(self.options)

    @property
    def told(self) -> int:
        """The number of classes that the model is told; 0 where it is told none."""
        return self.system.told(self.model) if self.system.sample_class else 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the labels 0, 1, ...; of a run that has not kept them its data's, else numbers."""
        names = self.run.config.get("class_names")
        if names is None:
            try:
                names = self.dataset().classes
            except (ValueError, RuntimeError, OSError):  # the data are not to be had
                names = range(int(self.run.config.get("classes", 0)))
        return tuple(map(str, names))

    def dataset(self) -> Dataset:
        """The data that the run was trained on. Raises as `data.load`."""
        return load_data(self.run.config["data"])


def describe(system: System, options: Options, data: str, task: Task) -> dict[str, Any]:
    """The part of a run's config from which `open_run` builds the model again."""
    return {
        "system": system.name,
        "options": dataclasses.asdict(options),
        "data": data,
        **dataclasses.asdict(task),
    }


def read_options(run: Run) -> tuple[System, Options, Task]:
    """System, options and task of a run's config. Raises RunError where it lacks one of them."""
    config = run.config
    try:
        kind = system(config["system"])
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in config["options"].items()
        }
        shape = tuple(int(size) for size in config["shape"])
        numbers = {name: int(config.get(name, 0)) for name in ("classes", "examples")}
        str.split(config["data"])
        return kind, kind.options(**given), Task(shape, **numbers)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunError(
            f"{run.path / 'config.json'} cannot be read by this version of tinygen "
            f"({type(error).__name__}: {error}): it was written by version "
            f"{config.get('tinygen')}, or changed by hand"
        ) from error


def open_run(folder: Path | str, device: str | None = None) -> TrainedRun:
    """The run in a folder, ready for use.

    Raises RunError where the folder holds none, or its config was changed after the training;
    CheckpointError where its checkpoint is missing, damaged or of another model.
    """
    run = Run.open(folder)
    kind, options, task = read_options(run)
    if not run.checkpoint.exists():
        raise CheckpointError(
            f"{run.path} holds no checkpoint yet: wait, or continue with --resume"
        )
    flat, meta = run.load()
    epoch_steps = task.epoch_steps(int(run.config.get("batch") or 1))
    model = kind.after(kind.build(options, task), options, int(meta["step"]), epoch_steps)
    like = model.init(np.random.default_rng(0))
    best = any(name.startswith("best.") for name in flat)
    p = restore(flat, "best" if best else "p", like, run.checkpoint)
    return TrainedRun(run, kind, options, model, to_device(p, device), meta, device)
