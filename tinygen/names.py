"""Names in messages: what a mistyped one may have meant, and lists of many."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """ ", did you mean 'vae'?" where a known name is near, else nothing."""
    by_lower = {k.lower(): k for k in known}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f", did you mean {by_lower[found[0]]!r}?" if found else ""


def listed(names: Sequence[str], most: int = 12) -> str:
    """The names in a line, the first so many of them."""
    more = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more
