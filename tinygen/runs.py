"""A run's folder: everything that a training leaves, in files that people and programs can read.

config.json              what was asked for: the system, its options, data, seed, version
log.jsonl                one line an epoch
checkpoint.safetensors   weights, the best weights so far, moments, random state, counters
lock                     held while a program writes into the folder
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tinygen import atomic, checkpoint
from tinygen.checkpoint import CheckpointError, library_version

CHANGEABLE = ("epochs", "steps", "patience")  # of the config, from one program to the next


class RunError(RuntimeError):
    """A run's folder that cannot be used as asked: the message says why, and what to do."""


class Run:
    """A folder `path` with the run's `config`. Made by `create` or `open`."""

    def __init__(self, path: Path, config: dict[str, Any]):
        self.path, self.config = path, config

    @classmethod
    def create(cls, path: Path | str, config: dict[str, Any]) -> "Run":
        """A new run. Raises RunError where the folder holds one, or cannot be written.

        Of several programs that create one run at the same time, one succeeds. `config` is what
        JSON can hold; after this only its epochs, steps and patience may change.
        """
        config = json.loads(json.dumps({"tinygen": library_version()} | config))  # as `open` has it
        run = cls(Path(path), config)
        holds = RunError(
            f"{path} holds a run already: continue it with --resume, or choose another folder "
            "with --out"
        )
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot make the folder {path} ({error.strerror}): choose another with --out"
            ) from error
        if run.checkpoint.exists() or run.log.exists():  # a run whose config.json was lost
            raise holds
        try:
            atomic.write_new_text(run.path / "config.json", run.text())
        except FileExistsError:
            raise holds from None
        except OSError as error:
            raise RunError(str(error.strerror)) from error
        return run

    @classmethod
    def take_up(cls, path: Path | str, config: dict[str, Any]) -> "Run":
        """The run in a folder as it stands there, or a new one.

        Raises RunError as both do, and where the one there was begun with another config.
        """
        if not (Path(path) / "config.json").exists():
            return cls.create(path, config)
        run = cls.open(path)
        asked = json.loads(json.dumps(config))  # with lists for tuples, as in the file
        fixed = (asked.keys() & run.config.keys()) - set(CHANGEABLE)
        for name in sorted(fixed):
            if asked[name] != run.config[name]:
                raise RunError(
                    f"{path} holds a run of {name} {run.config[name]!r}, and {asked[name]!r} is "
                    "asked for: choose another folder, or remove this one"
                )
        return run

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """The run in a folder. Raises RunError where there is none, or its config is damaged."""
        path = Path(path)
        file = path / "config.json"
        if not os.path.isfile(file):
            raise RunError(f"{path} holds no run: {file.name} is missing: name a run's folder")
        try:
            config = json.loads(file.read_bytes().decode())
        except (ValueError, RecursionError) as error:
            raise RunError(f"{file} is damaged ({error}): restore it from a copy") from error
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror}") from error
        if not isinstance(config, dict):
            raise RunError(f"{file} is damaged (no JSON object): restore it from a copy")
        return cls(path, config)

    def update(self, changes: dict[str, Any]) -> None:
        """Change the config, in the folder too.

        Raises ValueError for what is fixed, RunError where it cannot be written.
        """
        if fixed := changes.keys() - set(CHANGEABLE):
            raise ValueError(
                f"{min(fixed)} is fixed when a run begins: begin another run, or change only "
                f"{', '.join(CHANGEABLE)}"
            )
        with self.locked():
            self.config = self.config | changes
            try:
                atomic.write_text(self.path / "config.json", self.text())
            except OSError as error:
                raise RunError(str(error.strerror)) from error

    def text(self) -> str:
        """The config as its file shows it."""
        return json.dumps(self.config, indent=2) + "\n"

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint lies."""
        return self.path / "checkpoint.safetensors"

    @property
    def log(self) -> Path:
        """Where the log lies."""
        return self.path / "log.jsonl"

    @cached_property
    def lock(self) -> Any:
        """The folder's lock."""
        from filelock import FileLock

        return FileLock(self.path / "lock", timeout=0)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one program. Raises RunError where another one writes into it.

        May be nested. The system frees the lock of a program that was killed; what that left of
        unfinished files is removed.
        """
        from filelock import Timeout

        try:
            self.lock.acquire()
        except Timeout:
            raise RunError(
                f"another program is training into {self.path}: wait for it, or choose another "
                "folder with --out"
            ) from None
        except OSError as error:
            raise RunError(
                f"cannot write into {self.path} ({error.strerror}): choose another folder"
            ) from error
        try:
            for file in (self.checkpoint, self.log):
                atomic.sweep(file)
            yield
        finally:
            self.lock.release()

    def append(self, record: dict[str, Any]) -> None:
        """A line more in the log. Raises RunError where it cannot be written."""
        try:
            with open(self.log, "ab") as file:
                file.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise self.unwritten(error) from error

    def records(self) -> list[dict[str, Any]]:
        """The lines of the log; a last line that a killed program left unfinished is left out.

        Raises RunError, which names the line, where another one is damaged.
        """
        try:
            *whole, _ = self.log.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.log} cannot be read: {error.strerror}") from error
        records = []
        for number, line in enumerate(whole, start=1):
            try:
                record = json.loads(line.decode())
                if not isinstance(record, dict) or type(record.get("step")) is not int:
                    raise ValueError("no JSON object with a step")
            except (ValueError, RecursionError) as error:
                raise RunError(
                    f"{self.log} is damaged in line {number} ({error}): remove the line"
                ) from error
            records.append(record)
        return records

    def rewind(self, step: int) -> list[dict[str, Any]]:
        """Drop what the log says of later steps than `step`, and of epochs then unfinished."""
        kept = [r for r in self.records() if r["step"] <= step and not r.get("unfinished")]
        try:
            atomic.write_text(self.log, "".join(json.dumps(record) + "\n" for record in kept))
        except OSError as error:
            raise RunError(str(error.strerror)) from error
        return kept

    def save(self, values: Any, meta: dict[str, Any]) -> None:
        """Write the checkpoint, after the log has reached the disk. Raises RunError."""
        try:
            with open(self.log, "ab") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise self.unwritten(error) from error
        try:
            checkpoint.save(self.checkpoint, values, meta)
        except OSError as error:
            raise RunError(f"{error.strerror}; then continue with --resume") from error

    def load(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What `checkpoint.load` returns for the run's checkpoint.

        Raises CheckpointError as that does, and where the file holds no state of a training;
        RunError where the config is not the one that the run was trained with.
        """
        flat, meta = checkpoint.load(self.checkpoint)
        if "signature" not in meta:
            raise CheckpointError(
                f"{self.checkpoint} holds weights, but no state of a training: restore the run's "
                "own, or begin another run"
            )
        now, then = flat_config(self.config), flat_config(meta["config"])
        for key in sorted((now.keys() | then.keys()) - set(CHANGEABLE)):
            if now.get(key) != then.get(key):
                raise RunError(
                    f"{self.path / 'config.json'} says {key} = {now.get(key)}, but the run was "
                    f"trained with {key} = {then.get(key)}: it is damaged or was edited; "
                    "put that back"
                )
        return flat, meta

    def unwritten(self, error: OSError) -> RunError:
        """The error where the log cannot be written."""
        return RunError(
            f"could not write {self.log} ({error.strerror}): free disk space; then continue with "
            "--resume"
        )


def flat_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config with the options among its keys, so that one which differs is named alone."""
    options = config.get("options")
    return config | options if isinstance(options, dict) else config
