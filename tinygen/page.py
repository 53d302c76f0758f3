"""A page of HTML that needs nothing else: its style and its pictures stand in the file.

No script, no network; readable on light and dark screens. All text is escaped.
"""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1f2730; --soft: #5a6570; --paper: #ffffff;
        --line: #d5dae0; --box: #f3f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --soft: #a3adb8; --paper: #171b20; --line: #3a424b; --box: #22282f; }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin-bottom: 0.2rem; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
p.note { background: var(--box); border-left: 4px solid var(--soft); padding: 0.5rem 0.9rem; }
table { border-collapse: collapse; margin: 0.8rem 0; }
th, td { text-align: left; padding: 0.25rem 1.2rem 0.25rem 0; vertical-align: top;
         border-bottom: 1px solid var(--line); }
th { white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0 2rem; }
figure img { max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
figcaption { color: var(--soft); max-width: 45rem; }
pre { background: var(--box); padding: 0.7rem 0.9rem; white-space: pre-wrap;
      overflow-wrap: anywhere; }
summary { cursor: pointer; }
"""

TYPES = {"png": "image/png", "gif": "image/gif"}


def page(title: str, parts: Iterable[str]) -> str:
    """The whole page; `parts` are HTML, made by the functions below."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """A heading of the second rank."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"


def note(text: str) -> str:
    """Text that must not be overlooked."""
    return f'<p class="note">{escape(text)}</p>'


def code(text: str) -> str:
    """A command line, to be copied."""
    return f"<pre><code>{escape(text)}</code></pre>"


def table(rows: Iterable[Iterable[Any]], head: Iterable[str] = ()) -> str:
    """Cells; floats to four decimals, numbers to the right."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(map(td, row))}</tr>\n" for row in rows)
    above = f"<thead><tr>{top}</tr></thead>\n" if top else ""
    return f"<table>\n{above}<tbody>\n{body}</tbody>\n</table>"


def td(value: Any) -> str:
    """One cell."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        return f'<td class="number">{escape(text)}</td>'
    return f"<td>{escape(str(value))}</td>"


def named(values: Mapping[str, Any]) -> str:
    """A table of names and what they are, all as text."""
    return table((name, str(value)) for name, value in values.items())


def picture(name: str, content: bytes, title: str, caption: str) -> str:
    """A PNG or GIF file within the page; `title` is read out to those who do not see it."""
    kind = TYPES[name.rpartition(".")[2]]
    data = base64.b64encode(content).decode()
    return (
        f'<figure>\n<img src="data:{kind};base64,{data}" alt="{escape(title)}">\n'
        f"<figcaption>{escape(caption)}</figcaption>\n</figure>"
    )


def folded(summary: str, inner: str) -> str:
    """What is shown only after a click, such as a picture that moves."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n{inner}\n</details>"
