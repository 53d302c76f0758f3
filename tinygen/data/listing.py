"""The data sets in words: a table of all, and what is known of one."""

from tinygen.data import catalogue
from tinygen.data.dataset import Entry, File
from tinygen.data.files import folders, where

HEAD = ("name", "kind", "shape", "train / validation / test", "licence", "where")
LONGEST = 34  # characters of a licence in the table; `describe` gives it in full


def table() -> str:
    """A line for each data set: name, kind, shape, sizes, licence, and where its files are."""
    rows = [HEAD, *(row(catalogue.entry(name)) for name in catalogue.names())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in rows]
    looked = ", then ".join(str(folder) for folder in folders())
    return "\n".join([*lines, "", f"Looked for files in {looked}."])


def row(entry: Entry) -> tuple[str, ...]:
    """The cells of a line in the table."""
    licence = entry.licence
    if len(licence) > LONGEST:
        licence = licence[: LONGEST - 3].rstrip(" ;,") + "..."
    return (
        entry.name,
        entry.kind,
        "x".join(map(str, entry.shape)),
        " / ".join(map(str, entry.sizes.values())),
        licence,
        catalogue.present(entry),
    )


def describe(name: str) -> str:
    """What is known of a data set, and of each file: its size, SHA-256, and where it is or may be
    got. Raises DataError for an unknown name.
    """
    entry = catalogue.entry(name)
    lines = {
        "kind": f"{entry.kind}, each of shape {'x'.join(map(str, entry.shape))}",
        "sizes": ", ".join(f"{size} {part}" for part, size in entry.sizes.items()),
        "split": entry.split,
        "licence": entry.licence,
        "source": entry.source,
        "where": catalogue.present(entry),
    }
    text = [f"{entry.name}: {entry.title}", *(f"  {key:8} {value}" for key, value in lines.items())]
    for heading, files in (
        ("files", entry.files),
        ("or, where those are missing, the originals", entry.originals),
    ):
        if files:
            text += [f"  {heading}", *(line for file in files for line in about(file))]
    return "\n".join(text)


def about(file: File) -> list[str]:
    """The lines about a file."""
    path = where(file)
    found = f"at {path}" if path else "not at hand"
    return [
        f"    {file.path}   {file.size} bytes, {found}",
        f"      SHA-256 {file.sha256}",
        *(f"      from {url}" for url in file.urls),
    ]
