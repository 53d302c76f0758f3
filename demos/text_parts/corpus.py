"""A text as whole numbers, cut by position into training, validation and held-out parts."""

import ast
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tinygen

ROOT = Path(__file__).parents[2]
SHARES = (0.8, 0.9)  # of each file: up to the first for training, up to the second for validation
SHORTEST = 1000  # characters of a text that can be cut and learnt from


@dataclass(frozen=True)
class Corpus:
    """alphabet: its characters in order; train, validation, test: their numbers (T,).

    NOTE: The alphabet is that of the whole text, so that a character which only the held-out part
    has can be scored too. Its probability is what smoothing leaves to it; all models are told the
    same alphabet.
    """

    name: str
    alphabet: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def text(self, x: np.ndarray) -> str:
        """The characters of these numbers."""
        return "".join(self.alphabet[i] for i in x)


def corpus(file: str = "") -> Corpus:
    """The text of a file; without one, of the library's own documentation. Raises SystemExit."""
    if file:
        texts, name = [read(Path(file))], Path(file).name
    else:
        pages = sorted((ROOT / "docs").rglob("*.md"))
        texts = [read(page) for page in pages] or docstrings()
        name = f"documentation of tinygen, {len(texts)} {'pages' if pages else 'docstrings'}"
    parts = ["".join(found) for found in zip(*map(cut, texts), strict=True)]
    if len("".join(parts)) < SHORTEST:
        raise SystemExit(
            f"text: {name} holds {len(''.join(parts))} characters: give a text of {SHORTEST} or "
            "more with --file"
        )
    alphabet = "".join(sorted(set("".join(parts))))
    number = {character: i for i, character in enumerate(alphabet)}
    return Corpus(name, alphabet, *(np.array([number[c] for c in part]) for part in parts))


def cut(text: str) -> tuple[str, str, str]:
    """The beginning, what follows, and the end: a page is cut where it goes on, not shuffled."""
    first, second = (int(share * len(text)) for share in SHARES)
    return text[:first], text[first:second], text[second:]


def read(path: Path) -> str:
    """A text file in UTF-8. Raises SystemExit."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SystemExit(f"text: {path}: {said}") from None


def docstrings() -> list[str]:
    """The docstrings of the installed package, a text a file."""
    found = []
    for path in sorted(Path(tinygen.__file__).parent.rglob("*.py")):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        nodes = [node for node in ast.walk(ast.parse(read(path))) if isinstance(node, kinds)]
        told = [text for node in nodes if (text := ast.get_docstring(node))]
        found.append("\n\n".join(told) + "\n")
    return found
