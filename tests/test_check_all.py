"""The one table of all checks: it holds the whole library, and a wrong layer does not pass it."""

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass

import numpy as np
import pytest

from tinygen import check_all, divergences, layers, likelihoods, models, quadrature, reparameterise
from tinygen.cases import CASES, CLAIMS, Case, Claim, layer_case
from tinygen.check import Report, Row
from tinygen.layers import Layer
from tinygen.likelihoods import Likelihood
from tinygen.pullback import Pullback


@pytest.fixture
def everything(monkeypatch):
    """The whole table; what its lines say is looked at one by one in test_gradients.py."""
    fine = Report("", [Row("x", 0.0, 1e-4, "ok")])
    monkeypatch.setattr(check_all, "checks", lambda case: (fine,) * (1 + isinstance(case, Case)))
    return check_all.table()


def only(monkeypatch, *cases):
    """The library's list is this one, for a test."""
    monkeypatch.setattr(check_all, "library", lambda: list(cases))


# The library


def test_the_table_holds_the_whole_library(everything):
    assert everything.passed
    assert len(everything.lines) == len(CASES) + len(CLAIMS)
    checks = 2 * len(CASES) + len(CLAIMS)
    assert everything.summary().startswith(f"{checks} checks of {len(everything.lines)} cases in ")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.kind}: {claim.name}")
def test_claims_hold_at_other_points_too(claim):
    for seed in (2, 3):
        report = claim.check(np.random.default_rng(seed))
        assert report.passed, str(report)


# Completeness


def exported(module, base):
    """The public classes of a package below a base class."""
    values = [getattr(module, name) for name in module.__all__]
    return [v for v in values if isinstance(v, type) and issubclass(v, base) and v is not base]


def with_pullback(module):
    """The public functions defined in a module that say they return a pullback."""
    return [
        f
        for name, f in inspect.getmembers(module, inspect.isfunction)
        if f.__module__ == module.__name__ and not name.startswith("_") and returns_pullback(f)
    ]


def returns_pullback(f):
    returned = inspect.signature(f).return_annotation
    return Pullback in getattr(returned, "__args__", ())


def systems(module):
    """The models defined in a module (classes with a loss), and the functions that build one."""
    own = [
        v for _, v in inspect.getmembers(module) if getattr(v, "__module__", "") == module.__name__
    ]
    return [
        v
        for v in own
        if with_loss(v)
        or (inspect.isfunction(v) and with_loss(inspect.signature(v).return_annotation))
    ]


def with_loss(thing):
    """Whether it is a model: with a loss, or one for each of its players."""
    return any(name == "loss" or name.endswith("_loss") for name in dir(thing))


FILES = [
    importlib.import_module(f"tinygen.models.{found.name}")
    for found in pkgutil.iter_modules(models.__path__)
]
PUBLIC = [
    *exported(layers, Layer),
    *exported(likelihoods, Likelihood),
    *(f for module in (divergences, quadrature, reparameterise) for f in with_pullback(module)),
    *(v for module in FILES for v in systems(module)),
]


def test_the_lists_of_public_things_are_found():
    assert {layers.Dense, layers.LSTM, likelihoods.Bernoulli, models.VAE} <= set(PUBLIC)
    assert {models.dense_vae, divergences.kl_full, reparameterise.reparameterise} <= set(PUBLIC)
    assert {Layer, Likelihood, layers.summary, divergences.excess}.isdisjoint(PUBLIC)


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_everything_public_has_a_case(thing):
    name = thing.__name__
    assert any(thing in case.of for case in CASES), (
        f"{thing.__module__}.{name} has no case: add one to tinygen/cases, "
        f"layer_case(...) or Case(..., of=({name},))"
    )


@pytest.mark.parametrize("case", [*CASES, *CLAIMS], ids=lambda case: case.name)
def test_each_case_says_what_it_belongs_to(case):
    assert case.of and all(of.__module__.startswith("tinygen.") for of in case.of)
    assert len(case.name) <= 52, "a short name keeps the table narrow"


def test_masked_layers_are_causal_discrete_likelihoods_normalised_transposes_adjoint():
    claimed = {(claim.kind, of) for claim in CLAIMS for of in claim.of}
    masked = [layer for layer in exported(layers, Layer) if "Masked" in layer.__name__]
    for layer in (*masked, layers.LSTM, layers.StatefulLSTM):
        assert ("causal", layer) in claimed, layer
    for likelihood in exported(likelihoods, Likelihood):
        assert ("sums to one", likelihood) in claimed, likelihood
    for layer in (layers.Conv2d, layers.ConvTranspose2d):
        assert ("adjoint", layer) in claimed


# What is wrong fails, and says so


@dataclass(frozen=True)
class Scale(Layer):
    """y = a x^2, whose dx forgets a factor where `wrong` says so."""

    wrong: str = ""

    @property
    def shapes(self):
        return {"a": (4,)}

    def init(self, rng, dtype=np.float32, weights="glorot"):
        return {"a": rng.normal(size=4).astype(dtype)}

    def forward(self, p, x):
        if self.wrong == "raises":
            raise RuntimeError("no such path")
        y = p["a"] * x**2
        factor = 1 if self.wrong == "factor" else 2
        grown = 1 if self.wrong == "halves" else 0

        def dp(dy):
            return {"a": (dy * x**2).sum(axis=0)}

        def dx(dy):
            return factor * p["a"] * x * dy

        return y, Pullback(dp, lambda dy: dx(dy) + grown, y, lambda dy: (dp(dy), dx(dy)))


def planted(wrong):
    return layer_case("Scale", Scale(wrong), 3, 4)


def test_a_right_layer_passes(monkeypatch):
    only(monkeypatch, planted(""))
    assert check_all.table()


@pytest.mark.parametrize(
    "wrong, says",
    [
        ("factor", r"WRONG: gradient, x: .* numeric .* exact"),
        ("halves", r"WRONG: contract, halves: dx differs"),
        ("raises", r"WRONG: raised RuntimeError: no such path"),
    ],
)
def test_a_wrong_layer_among_the_cases_makes_the_table_fail(wrong, says, monkeypatch, capsys):
    monkeypatch.setattr(check_all.cases, "CASES", [*CASES[:2], planted(wrong)])
    monkeypatch.setattr(check_all.cases, "CLAIMS", [])
    assert check_all.run() == 1
    text = capsys.readouterr().out
    assert re.search(says, text)
    assert re.search(r"6 checks of 3 cases in \d+ s: 1 FAILED: Scale\n$", text)
    assert [line.passed for line in check_all.table().lines] == [True, True, False]


def test_a_claim_that_does_not_hold_makes_the_table_fail(monkeypatch):
    def leak(rng):
        return Report("causality of f", [Row("values", 3.0, None, "WRONG: output [0] sees input")])

    only(monkeypatch, Claim("f", "causal", leak, of=(Scale,)))
    (line,) = check_all.table().lines
    assert (line.checked, line.error) == ("causal", 3.0)
    assert line.verdict == "WRONG: causal, values: output [0] sees input"


def test_a_case_without_anything_to_move_has_shown_nothing(monkeypatch):
    def make(rng):
        return lambda p, x: (np.ones(3), lambda dy: ({}, ())), {}, np.arange(3)

    only(monkeypatch, Case("constant", make, of=(Scale,)))
    assert "no parameter and no float input" in str(check_all.table())
    assert not check_all.table() and not check_all.Table()


def test_a_failed_line_is_followed_by_its_full_report(monkeypatch):
    only(monkeypatch, planted("factor"))
    text = str(check_all.table())
    assert re.search(r"\nScale: gradients of .*\n  leaf .*\n  a .* ok\n  x .* WRONG", text)
    assert "contract of" not in text, "what passed is not repeated"


# What is chosen


@pytest.mark.parametrize("name", ["conv2d", "Conv2d", "CONV_2D", "conv-2d"])
def test_names_are_found_in_any_case(name):
    found = check_all.chosen([name])
    assert found == [c for c in check_all.by_area(check_all.library()) if layers.Conv2d in c.of]
    assert len(found) > 20 and {type(c) for c in found} == {Case, Claim}


def test_models_builders_functions_areas_and_single_lines_are_names():
    for name, of in {"vae": models.VAE, "dense_vae": models.dense_vae}.items():
        assert check_all.chosen([name]) and all(of in c.of for c in check_all.chosen([name]))
    assert {c.of[0] for c in check_all.chosen(["KL_full"])} == {divergences.kl_full}
    assert {c.name for c in check_all.chosen(["dense without bias"])} == {"Dense without bias"}
    areas = check_all.known()
    assert list(areas)[:2] == ["layers", "likelihoods"]
    assert sum(len(check_all.chosen([area])) for area in areas) == len(check_all.library())


def test_several_names_are_checked_once_each_and_sorted_by_area():
    lines = check_all.table(["Tanh", "bernoulli", "dense", "Dense"]).lines
    assert len(lines) == len({(line.name, line.checked) for line in lines})
    names = [line.name.split()[0].strip(",") for line in lines]
    assert names == sorted(names, key=["Dense", "Tanh", "Bernoulli"].index)


@pytest.mark.parametrize(
    "name, nearest", [("conv3d", "Conv2d"), ("vea", "VAE"), ("layer", "layers"), ("lstn", "LSTM")]
)
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"called '{name}', did you mean '{nearest}'"):
        check_all.table([name])


def test_a_name_far_from_all_is_told_the_areas():
    with pytest.raises(
        ValueError, match=r"called 'qqq'\. The areas are layers, likelihoods, .*\.py"
    ):
        check_all.table(["qqq"])


# How it reads


def test_the_table_reads_from_left_to_right():
    lines = str(check_all.table(["lstm"])).splitlines()
    assert lines[0] == "layers"
    assert re.fullmatch(r"  what +checked +worst error +step  verdict", lines[1])
    assert any(
        re.fullmatch(r"  LSTM +gradient, contract +\d\.\de-\d\d  1e-0[456]  ok", x) for x in lines
    )
    assert any(re.fullmatch(r"  LSTM of one step .*  ok, zero: Wh", x) for x in lines)
    assert any(re.fullmatch(r"  LSTM +causal +0\.0e\+00 +ok", x) for x in lines)
    assert re.fullmatch(r"5 checks of 3 cases in \d+ s: all passed", lines[-1])


def test_the_lines_of_an_area_stand_together_and_are_not_wide(everything):
    assert max(map(len, str(everything).splitlines())) <= 104
    areas = [line.area for line in everything.lines]
    changes = [b for a, b in zip(["", *areas], areas, strict=False) if a != b]
    assert len(changes) == len(set(areas))


def test_the_error_of_a_zero_gradient_is_not_the_worst():
    (line,) = check_all.table(["BatchNorm after a bias"]).lines
    assert line.verdict == "ok, zero: 0.b" and line.error < 1e-6


def test_run_prints_the_table_and_returns_zero(capsys):
    assert check_all.run(["dense"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("layers\n  what") and out.endswith("all passed\n")
    assert err == "", "no bar where stderr is no terminal"


# A file of one's own

OWN = """
from dataclasses import dataclass
from tinygen import Pullback
from tinygen.cases import layer_case
from tinygen.layers import Layer

@dataclass(frozen=True)
class Square(Layer):
    factor: "float" = {factor}

    def forward(self, p, x):
        y = x * x
        return y, Pullback(lambda dy: {{}}, lambda dy: self.factor * x * dy, y)

CASES = [layer_case("Square", Square(), 3, 4)]
"""


def test_a_file_of_own_cases_is_checked(tmp_path):
    for factor in (2.0, 1.9):
        path = tmp_path / f"mine_{10 * factor:.0f}.py"
        path.write_text(OWN.format(factor=factor))
        result = check_all.table([str(path)])
        assert [line.area for line in result.lines] == [path.stem]
        assert result.passed == (factor == 2)
    both = check_all.table([str(path), "dense"])
    assert not both and {line.area for line in both.lines} == {"layers", path.stem}


@pytest.mark.parametrize("text, says", [("def", "SyntaxError"), ("1 / 0", "ZeroDivisionError")])
def test_a_file_that_does_not_run_is_refused(text, says, tmp_path):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(ValueError, match=rf"broken\.py does not run: {says}: "):
        check_all.table([str(tmp_path / "broken.py")])


def test_a_file_that_is_absent_or_without_cases_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*absent\.py"):
        check_all.table([str(tmp_path / "absent.py")])
    for text in ("x = 1", "CASES = []", "CASES = [3]"):
        (tmp_path / "other.py").write_text(text)
        with pytest.raises(ValueError, match=r"other\.py must hold a list CASES of cases"):
            check_all.table([str(tmp_path / "other.py")])
