"""The derivation pages: Markdown leaves their mathematics alone, and the code cites what is there.

Code hosts read a page as Markdown first and hand what is left of $...$ to the renderer: a
backslash before punctuation is an escape, a line that begins with + is a list, _ and * are
emphasis. GitHub also refuses \\operatorname.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
DERIVATIONS = {page.name: page for page in (ROOT / "docs" / "derivations").glob("*.md")}
FILES = sorted((ROOT / "tinygen").rglob("*.py"))
PROSE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)  # code is left alone by all
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]+\$", re.DOTALL)
PUNCTUATION = r"[!-/:-@\[-`{-~]"

EATEN = {
    "an escape, such as \\, or \\{": re.compile(r"\\" + PUNCTUATION),
    "an operatorname": re.compile(r"\\operatorname"),
    "a list or quote": re.compile(r"\n {0,3}([-+*>]|\d+[.)])\s"),
    "an HTML tag": re.compile(r"<(?=[A-Za-z/!?])"),
    "a blank line": re.compile(r"\n\s*\n"),
}
# An underscore after punctuation may begin an emphasis, one before punctuation may end it.
EMPHASIS = re.compile(
    rf"(?<={PUNCTUATION})(?<!_)_(?!\s)[^$]*?(?<!\s)_(?={PUNCTUATION})|(?<![*\\\s])\*(?!\s)"
)


def maths(text):
    return MATHS.findall(PROSE.sub("code", text))


def eaten(text):
    """(what Markdown sees, the formula) of each formula that does not come through."""
    return [
        (what, formula)
        for formula in maths(text)
        for what, pattern in {**EATEN, "an emphasis": EMPHASIS}.items()
        if pattern.search(formula)
    ]


def numbers(text):
    return [int(n) for n in re.findall(r"\\tag\{(\d+)\}", text)]


def cited(source):
    """The pages that a file names, and the equation numbers at the ends of its comments."""
    pages = re.findall(r"derivations/(\w+\.md)", source)
    comments = re.findall(r"#.*", source)
    tags = [n for line in comments for n in re.findall(r"(?<![\w\])])\((\d{1,2})\)", line)]
    return pages, sorted(map(int, set(tags)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_markdown_leaves_the_mathematics_alone(page):
    assert eaten(page.read_text()) == []


@pytest.mark.parametrize(
    "formula",
    [
        *(r"$a \, b$", r"$\{1, 2\}$", r"$$ a \\ b $$", r"$\operatorname{tr} A$"),
        *("$$ a\n + b $$", "$a<b$", r"$\mathbb{E}_{q} f + g_{i}$", "$k^*_j = k^*$"),
    ],
)
def test_a_formula_that_markdown_would_eat_is_found(formula):
    assert eaten(f"Let {formula} be.")


def test_plain_formulas_and_code_pass():
    assert not eaten("`a \\, b` $\\sum_{i} x_{ni}\\ y_i$ and\n\n$$ x_{\\lt k} +\n y \\tag{1} $$\n")


@pytest.mark.parametrize("name", DERIVATIONS)
def test_the_equations_of_a_page_are_numbered_in_order(name):
    found = numbers(DERIVATIONS[name].read_text())
    assert found == list(range(1, len(found) + 1)) != []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_cited_equation_stands_on_the_cited_page(path):
    pages, tags = cited(path.read_text())
    assert set(pages) <= DERIVATIONS.keys()
    known = {n for page in pages for n in numbers(DERIVATIONS[page].read_text())}
    assert set(tags) <= known


def test_a_citation_of_no_equation_is_found():
    assert cited("y = x  # x W   (..., O)   (7)\n# see docs/derivations/dense.md") == (
        ["dense.md"],
        [7],
    )


@pytest.mark.parametrize("name", DERIVATIONS)
def test_a_page_names_its_code_and_is_named_by_it(name):
    named = re.findall(r"`(?:tinygen/)?([\w/]+(?:\.py|/))`", DERIVATIONS[name].read_text())
    code = [path for path in FILES if any(end in str(path.relative_to(ROOT)) for end in named)]
    assert any(name in path.read_text() for path in code), f"{named} do not name it"


@pytest.mark.parametrize("folder", ["layers", "likelihoods", "optim"])
def test_all_that_computes_points_to_its_derivation(folder):
    helpers = {"__init__.py", "base.py", "initialisers.py", "summary.py"}
    for path in (ROOT / "tinygen" / folder).glob("*.py"):
        assert path.name in helpers or cited(path.read_text())[0], f"{path.name} names no page"
