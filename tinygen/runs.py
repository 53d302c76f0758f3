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
from pathlib import Path
from typing import Any

from tinygen import atomic, checkpoint
from tinygen.checkpoint import library_version


class RunError(RuntimeError):
    """A run's folder that cannot be used as asked: the message says why, and what to do."""


class Run:
    """A folder `path` with the run's `config`. Made by `create` or `open`."""

    def __init__(self, path: Path, config: dict[str, Any]):
        self.path, self.config = path, config

    @classmethod
    def create(cls, path: Path | str, config: dict[str, Any]) -> "Run":
        """A new run. Raises RunError where the folder holds one, or cannot be written."""
        path = Path(path)
        if (path / "config.json").exists():
            raise RunError(
                f"{path} holds a run already: continue it with --resume, or choose another folder "
                "with --out"
            )
        config = {"tinygen": library_version()} | config
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot make the folder {path} ({error.strerror}): choose another with --out"
            ) from error
        run = cls(path, config)
        run.update({})
        return run

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """The run in a folder. Raises RunError where there is none, or its config is damaged."""
        path = Path(path)
        file = path / "config.json"
        if not file.is_file():
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
        """Change the config, in the folder too. Raises RunError where it cannot be written."""
        self.config = self.config | changes
        try:
            atomic.write_text(self.path / "config.json", json.dumps(self.config, indent=2) + "\n")
        except OSError as error:
            raise RunError(str(error.strerror)) from error

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint lies."""
        return self.path / "checkpoint.safetensors"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one program. Raises RunError where another one writes into it.

        The system frees the lock of a program that was killed.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / "lock", timeout=0)
        try:
            lock.acquire()
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
            yield
        finally:
            lock.release()

    def append(self, record: dict[str, Any]) -> None:
        """A line more in the log."""
        try:
            with open(self.path / "log.jsonl", "a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise RunError(
                f"could not write {self.path / 'log.jsonl'} ({error.strerror}): free disk space; "
                "then continue with --resume"
            ) from error

    def records(self) -> list[dict[str, Any]]:
        """The lines of the log; a last line that a killed program left unfinished is left out."""
        try:
            lines = (self.path / "log.jsonl").read_text(errors="replace").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        whole = lines if not lines or lines[-1].endswith("\n") else lines[:-1]
        try:
            return [json.loads(line) for line in whole]
        except ValueError as error:
            raise RunError(
                f"{self.path / 'log.jsonl'} is damaged ({error}): remove the damaged lines"
            ) from error

    def rewind(self, step: int) -> list[dict[str, Any]]:
        """Drop what the log says of later steps than `step`, and of epochs then unfinished."""
        kept = [r for r in self.records() if r["step"] <= step and not r.get("unfinished")]
        atomic.write_text(
            self.path / "log.jsonl", "".join(json.dumps(record) + "\n" for record in kept)
        )
        return kept

    def save(self, values: Any, meta: dict[str, Any]) -> None:
        """Write the checkpoint, after the log has reached the disk. Raises RunError."""
        try:
            with open(self.path / "log.jsonl", "a") as file:
                os.fsync(file.fileno())
            checkpoint.save(self.checkpoint, values, meta)
        except OSError as error:
            raise RunError(f"{error.strerror}; then continue with --resume") from error
