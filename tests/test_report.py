"""tinygen report: one page that holds everything, says how to do it again, and needs no network."""

import base64
import html.parser
import json
import re
import shlex

import commands
import numpy as np
import pytest

from tinygen import page
from tinygen.checkpoint import load
from tinygen.cli import main
from tinygen.commands import report as command
from tinygen.commands.report import still_training
from tinygen.data import DataError
from tinygen.pictures import Written
from tinygen.runs import Run
from tinygen.systems import trained

TRAIN = ["train", "vae", "--data", "digits", "--hidden", "16,8", "--latent", "2", "--beta", "0.5"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A measured VAE in a folder with a name that HTML must not swallow, and an autoencoder."""
    folder = tmp_path_factory.mktemp("runs")
    vae = folder / "a<b & c"
    assert main([*TRAIN, "--epochs", "3", "--seed", "4", "--out", str(vae)]) == 0
    assert main(["evaluate", str(vae), "--limit", "20", "--samples", "2"]) == 0
    assert main(["report", str(vae)]) == 0
    words = ["train", "autoencoder", "--data", "digits", "--hidden", "16", "--latent", "2"]
    assert main([*words, "--steps", "5", "--out", str(folder / "autoencoder")]) == 0
    return {"vae": vae, "autoencoder": folder / "autoencoder"}


class Parsed(html.parser.HTMLParser):
    """Open tags, attributes and text of a page; fails where tags do not close in order."""

    VOID = ("meta", "img", "br", "hr", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.stack, self.attributes, self.cells, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if "style" not in self.stack:
            self.text.append(data)
        if self.stack[-1:] in (["td"], ["th"]):
            self.cells.append(data)


@pytest.fixture(scope="module")
def report(runs):
    return Parsed((runs["vae"] / "report.html").read_text())


def fails(capsys, *words):
    return commands.fails(capsys, "report", *words, silent=True)


def test_the_page_needs_nothing_else(runs, report):
    text = (runs["vae"] / "report.html").read_text()
    assert "<script" not in text and "url(" not in text and "@import" not in text
    sources = [value for _, name, value in report.attributes if name in ("src", "href", "srcset")]
    assert len(sources) == 7 and all(value.startswith("data:image/") for value in sources)
    assert not any(name.startswith("on") for _, name, _ in report.attributes)


def test_the_pictures_in_the_page_are_those_in_the_folder(runs, report):
    sources = [value for _, name, value in report.attributes if name == "src"]
    inside = {base64.b64decode(value.partition(",")[2]) for value in sources}
    assert inside == {file.read_bytes() for file in (runs["vae"] / "pictures").iterdir()}
    names = [value for _, name, value in report.attributes if name == "alt"]
    assert names[:3] == ["Training", "Samples", "Reconstructions"] and len(names) == 7


def test_the_page_names_what_was_asked_for(runs, report):
    table = dict(zip(report.cells, report.cells[1:], strict=False))
    assert table["option hidden"] == "[16, 8]" and table["option beta"] == "0.5"
    assert table["seed"] != "" and table["data"] == "digits-dynamic"
    assert table["epochs done"] == "3" and table["steps done"] == "33"
    weights = load(runs["vae"] / "checkpoint.safetensors")[0]
    count = sum(w.size for name, w in weights.items() if name.startswith("p."))
    assert table["parameters"] == str(count)
    assert re.fullmatch(r"\d+ s", table["training time"])


def test_the_page_holds_the_numbers_with_their_errors(runs, report):
    numbers = json.loads((runs["vae"] / "numbers.json").read_text())
    for name, number in numbers.items():
        at = report.cells.index(name)
        assert report.cells[at + 1] == f"{number['value']:.4f}"
        if number["error"]:
            assert report.cells[at + 2] == f"{number['error']:.4f}"
    log = Run.open(runs["vae"]).records()
    best = min(log, key=lambda record: record["validation"]["loss"])
    assert f"terms of the loss, epoch {best['epoch']}" in report.cells
    assert f"{best['validation']['kl']:.4f}" in report.cells


def test_text_is_escaped(runs, report):
    assert str(runs["vae"]) in "".join(report.text)
    assert "a<b & c" not in (runs["vae"] / "report.html").read_text()


def test_the_command_on_the_page_trains_the_same_bits_again(runs, report, tmp_path):
    (line,) = (t for t in report.text if t.startswith("tinygen train"))
    words = shlex.split(line)
    assert words[-2:] == ["--out", "a<b & c-again"]
    assert main([*words[1:-1], str(tmp_path / "again")]) == 0
    first, again = (
        load(folder / "checkpoint.safetensors")[0] for folder in (runs["vae"], tmp_path / "again")
    )
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)


def luminance(colour):
    """Relative luminance of #rrggbb (WCAG 2.1)."""
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


def test_light_and_dark_can_be_read():
    themes = re.findall(r":root \{([^}]*--ink[^}]*)\}", page.STYLE)
    assert len(themes) == 2 and "prefers-color-scheme: dark" in page.STYLE
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for ink in ("ink", "soft"):
            for ground in ("paper", "box"):
                a, b = sorted([luminance(colours[ink]), luminance(colours[ground])])
                assert (b + 0.05) / (a + 0.05) >= 4.5


def test_without_data_the_page_says_what_is_left_out(runs, tmp_path, monkeypatch, capsys):
    def missing(name):
        raise DataError(f"{name}: put <the file> there")

    monkeypatch.setattr(trained, "load_data", missing)
    assert main(["report", str(runs["vae"]), "--out", str(tmp_path / "page.html")]) == 0
    text = (tmp_path / "page.html").read_text()
    found = Parsed(text)
    names = [value for _, name, value in found.attributes if name == "alt"]
    assert "Samples" in names and "Reconstructions" not in names
    assert "digits-dynamic: put &lt;the file&gt; there" in text
    assert "without the pictures that need data" in capsys.readouterr().out


def test_an_autoencoder_is_not_said_to_have_a_prior(runs, capsys):
    assert main(["report", str(runs["autoencoder"]), "--samples", "4"]) == 0
    text = "".join(Parsed((runs["autoencoder"] / "report.html").read_text()).text)
    assert "p(x|z)" not in text and "the prior" not in text and "circles" not in text
    assert "Not measured on test data so far" in text
    assert "tinygen evaluate " + shlex.quote(str(runs["autoencoder"])) in text


def test_a_run_that_stands_still_says_how_it_goes_on(runs, tmp_path):
    run = trained.open_run(runs["vae"])
    assert still_training(run) == ""
    run.run = Run(run.run.path, run.run.config | {"epochs": 10})
    assert "stands at epoch 3 of 10" in still_training(run)
    assert shlex.quote(str(runs["vae"])) in still_training(run)
    run.meta = run.meta | {"best_epoch": 1}
    run.run = Run(run.run.path, run.run.config | {"patience": 2})
    assert still_training(run) == ""  # it was stopped early, as it was asked to


def test_folders_that_hold_no_finished_thing_are_told_so(runs, tmp_path, capsys):
    assert f"{tmp_path} holds no run" in fails(capsys, tmp_path)
    run = Run.create(tmp_path / "new", Run.open(runs["vae"]).config)
    assert "holds no checkpoint yet" in fails(capsys, run.path)
    content = bytearray((runs["vae"] / "checkpoint.safetensors").read_bytes())
    content[-3] ^= 1
    run.checkpoint.write_bytes(content)
    assert "damaged" in fails(capsys, run.path)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 3}', '{"a": {"value": 1}}'])
def test_damaged_numbers_are_named(runs, tmp_path, capsys, content):
    run = Run.create(tmp_path / "run", Run.open(runs["vae"]).config)
    run.checkpoint.write_bytes((runs["vae"] / "checkpoint.safetensors").read_bytes())
    (run.path / "numbers.json").write_text(content)
    line = fails(capsys, run.path)
    assert "numbers.json is damaged" in line and "evaluate again" in line
    assert not (run.path / "pictures").exists()  # told before the work is done


@pytest.mark.parametrize(
    "words, message",
    [
        (["--samples", "0"], "--samples must be"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--device", "abacus"], "unknown device"),
    ],
)
def test_a_wrong_word_is_named(runs, capsys, words, message):
    assert message in fails(capsys, runs["vae"], *words)


def test_a_page_that_cannot_be_written_is_told_so(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "write", lambda *_: Written({}, ""))
    for out in (tmp_path / "no" / "page.html", tmp_path):
        assert f"could not write {out}" in fails(capsys, runs["vae"], "--out", out)
    assert list(tmp_path.iterdir()) == []  # and no temporary file stays


def test_pictures_that_cannot_be_written_are_told_so(runs, tmp_path, capsys):
    run = Run.create(tmp_path / "run", Run.open(runs["vae"]).config)
    run.checkpoint.write_bytes((runs["vae"] / "checkpoint.safetensors").read_bytes())
    (run.path / "pictures").write_text("in the way")
    assert "cannot write the pictures into" in fails(capsys, run.path)
    assert not (run.path / "report.html").exists()
