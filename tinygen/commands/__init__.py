"""The commands, one a file: `add` declares a command's arguments, `run` does it.

`run(args)` returns the exit code; the errors that it raises are printed in one line by cli.py.
"""


def check_seed(where: str, seed: int) -> None:
    """Refuse what seeds no generator. Raises ValueError."""
    if seed < 0:
        raise ValueError(f"{where}: --seed must be at least 0, got {seed}")
