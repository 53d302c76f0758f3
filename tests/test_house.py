"""The plan of the house, held over the syntax trees: who may import whom, how long a file is."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "tinygen").rglob("*.py"))
ids = {"ids": lambda value: module_name(value) if isinstance(value, Path) else str(value)}

# From the ground up: a file may import from rows above its own, never from one below.
FLOORS = [
    *("names", "arguments", "tree", "arrays", "examples", "pullback", "kernels", "layers", "check"),
    "likelihoods",
    *("divergences", "reparameterise", "adversarial", "tangent", "schedules", "optim", "metrics"),
    *("quadrature", "models", "cases", "check_all"),
    *("atomic", "data", "diagnosis", "checkpoint", "game", "runs", "interrupt", "state"),
    *("loop", "training", "plots", "contact_sheet", "systems", "pictures", "page"),
    *("commands", "cli", "__main__"),
]
LONGEST = 250


def module_name(path, root=ROOT):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imports(source, name, is_package=False):
    """The modules of tinygen that a file names in its imports, wherever they stand in it."""
    package = name if is_package else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, base]).rstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in MODULES else base)
    return {module for module in found if module.partition(".")[0] == "tinygen"} - {name}


def floor(module):
    """The height of a module in the house."""
    part = module.partition(".")[2].partition(".")[0]
    assert part in FLOORS, f"{module}: give {part!r} a place in FLOORS"
    return FLOORS.index(part)


def climbs(source, name, is_package=False):
    """The imports of a file that go upwards."""
    return [
        target
        for target in imports(source, name, is_package)
        if target == "tinygen" or floor(target) > floor(name)
    ]


@pytest.mark.parametrize("path", FILES, **ids)
def test_imports_run_downwards(path):
    name = module_name(path)
    if name == "tinygen":
        return
    assert not climbs(path.read_text(), name, path.stem == "__init__"), name


def test_an_import_upwards_is_found():
    assert climbs("from tinygen.models import vae", "tinygen.layers.dense")
    assert climbs("def f():\n    import tinygen.models.vae", "tinygen.layers.dense")
    assert climbs("from tinygen import likelihoods", "tinygen.layers.dense")
    assert climbs("from ..models import vae", "tinygen.layers.dense")
    assert climbs("from tinygen import to_device", "tinygen.layers.dense")
    assert not climbs("from tinygen import tree\nimport numpy", "tinygen.layers.dense")
    assert not climbs("from .base import Layer", "tinygen.layers.dense")


def test_no_two_files_import_each_other():
    graph = {
        name: imports(path.read_text(), name, path.stem == "__init__")
        for name, path in MODULES.items()
    }
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names them


@pytest.mark.parametrize("path", FILES, **ids)
def test_only_one_file_imports_cupy(path):
    assert path.name == "arrays.py" or not names_cupy(path.read_text())


def names_cupy(source):
    nodes = list(ast.walk(ast.parse(source)))
    imported = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    by_name = {
        arg.value
        for n in nodes
        if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "import_module"
        for arg in n.args
        if isinstance(arg, ast.Constant)
    }
    return any(name.partition(".")[0] in ("cupy", "cupyx") for name in imported | by_name)


def test_an_import_of_cupy_is_found():
    assert names_cupy((ROOT / "tinygen" / "arrays.py").read_text())
    assert names_cupy("def f():\n    from cupyx.scipy import special")
    assert names_cupy("import cupy as xp")
    assert not names_cupy("import numpy  # not cupy")


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | {"numpy", "tinygen"} and not top.startswith("_"):
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Absent())
import tinygen, tinygen.layers, tinygen.likelihoods, tinygen.check, tinygen.models
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_layers_models_and_checker_import_with_numpy_alone():
    done = run(WITHOUT)
    assert done.returncode == 0, done.stderr


def test_the_test_above_blocks_what_it_should():
    for package in ("matplotlib", "safetensors", "tqdm"):
        done = run(f"{WITHOUT}\nimport {package}")
        assert f"{package} is not installed" in done.stderr


@pytest.mark.parametrize("path", FILES, **ids)
def test_files_stay_small(path):
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST, f"{path.relative_to(ROOT)} has {lines} lines: one idea a file"


@pytest.mark.parametrize("path", FILES, **ids)
def test_every_public_name_says_what_it_is(path):
    assert not undocumented(ast.parse(path.read_text())), path


def undocumented(tree):
    """Public functions and classes of a module, and the module, without a docstring."""
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    missing = [node.name for node in public if not ast.get_docstring(node)]
    return missing if ast.get_docstring(tree) else ["the module", *missing]


def test_a_missing_docstring_is_found():
    code = '"""What."""\ndef f():\n    """Does."""\ndef g(): pass\nclass C: pass\ndef _h(): pass'
    assert undocumented(ast.parse(code)) == ["g", "C"]
    assert undocumented(ast.parse("x = 1")) == ["the module"]
