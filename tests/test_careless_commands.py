"""What a hurried hand types, and what it does to runs: one line says what to do, nothing is lost.

The commands' own errors are in test_cli.py; here are those that nobody meant to make.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pytest
from commands import fails

from tinygen import checkpoint
from tinygen.cli import main, parser
from tinygen.commands.report import command_line, number_tables
from tinygen.commands.train_options import whole_numbers
from tinygen.data import names
from tinygen.data.translation import PAIRS
from tinygen.runs import Run
from tinygen.systems import SYSTEMS
from tinygen.systems.trained import open_run

TRAIN = ["train", "vae", "--data", "digits", "--hidden", "8", "--latent", "2", "--epochs", "2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small trained run; copied before it is harmed."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    assert main([*TRAIN, "--out", str(out)]) == 0
    return out


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "copy")


def edit(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    "words", [["--out", "vae", "autoencoder"], ["autoencoder", "--out", "vae"]]
)
def test_a_folder_with_the_name_of_a_system_is_a_folder(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = ["--corruption", "masking", "--data", "digits", "--hidden", "8", "--steps", "1"]
    assert main(["train", *words, *more]) == 0
    assert Run.open("vae").config["system"] == "autoencoder"


def test_options_of_a_system_are_not_swallowed_by_resume(folder, capsys, monkeypatch):
    shutil.move(folder, folder.parent / "vae")
    monkeypatch.chdir(folder.parent)
    line = fails(capsys, "train", "--resume", "vae", "--lr", "5", code=2)
    assert "--lr: a run keeps what it was begun with" in line


def test_an_empty_name_is_no_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "holds no run" in fails(capsys, "train", "--resume", "")


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--seed", "-1", "--seed must be at least 0, got -1"),
        ("--save-every", "-1", "--save-every must be a finite number >= 0"),
        ("--save-every", "nan", "--save-every must be a finite number >= 0"),
    ],
)
def test_a_number_out_of_range_makes_no_folder(option, value, message, capsys, tmp_path):
    line = fails(capsys, *TRAIN, "--out", tmp_path / "run", option, value)
    assert message in line and not list(tmp_path.iterdir())


def test_widths_are_whole_numbers_between_commas(capsys):
    assert whole_numbers("256,64") == (256, 64) and whole_numbers("") == ()
    for text in ("x", "4.5", "3,,4", ","):
        line = fails(capsys, "train", "vae", "--hidden", text, code=2)
        assert f"expected whole numbers as in 256,64, got {text!r}" in line


def test_an_amount_of_no_corruption_is_refused(capsys):
    line = fails(capsys, "train", "autoencoder", "--data", "digits", "--amount", "0.5")
    assert "--amount has no effect with corruption none" in line


def test_the_help_says_where_the_options_of_a_system_are(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "tinygen train vae --help" in capsys.readouterr().out


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_help_of_a_system_ends_in_examples_that_it_takes(capsys, name):
    kind = SYSTEMS[name]
    with pytest.raises(SystemExit):
        main(["train", name, "--help"])
    told = capsys.readouterr().out
    assert kind.uses
    for options in kind.uses:
        line = f"tinygen train {name} {options}"
        assert line in told
        args = parser(line.split()[1:]).parse_args(line.split()[1:])  # exits where one is unknown
        own = [f.name for f in dataclasses.fields(kind.options) if hasattr(args, f.name)]
        kind.options(**{option: getattr(args, option) for option in own})
        assert args.data is None or args.data in (*names(), *PAIRS)
    assert f"--resume runs/{name}-{kind.data}" in told


@pytest.mark.parametrize("more", [["--epochs", "1"], ["--steps", "3"]])
def test_a_run_is_not_resumed_to_less_than_it_has_done(folder, capsys, more):
    before = (folder / "config.json").read_bytes()
    assert "has done" in fails(capsys, "train", "--resume", folder, *more)
    assert (folder / "config.json").read_bytes() == before  # what it was trained with stays known
    assert "--epochs 2" in command_line(open_run(folder))


@pytest.mark.parametrize("name", ["batch", "seed"])
def test_a_config_that_lacks_a_number_is_told_so(folder, capsys, name):
    config = Run.open(folder).config
    del config[name]
    (folder / "config.json").write_text(json.dumps(config))
    assert f"says {name} = None" in fails(capsys, "train", "--resume", folder)
    (folder / "checkpoint.safetensors").unlink()
    assert f"config.json lacks {name}" in fails(capsys, "train", "--resume", folder)


def test_of_options_changed_by_hand_the_changed_one_alone_is_named(folder, capsys):
    edit(folder, options=Run.open(folder).config["options"] | {"latent": 10**9})
    for words in (["evaluate", folder], ["train", "--resume", folder]):
        line = fails(capsys, *words)
        assert "says latent = 1000000000, but the run was trained with latent = 2:" in line


def test_an_error_that_nobody_foresaw_is_one_line_too(folder, capsys):
    (folder / "log.jsonl").write_text('{"epoch": 1, "step": 1}\n')
    assert "TINYGEN_TRACEBACK=1" in fails(capsys, "report", folder)


@pytest.mark.skipif(os.name == "nt", reason="permissions are of another kind")
def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(folder, monkeypatch):
    def refused(*args, **kw):  # as for a user who may not; root may read anything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(checkpoint.CheckpointError, match="cannot be read: make it readable"):
        checkpoint.load(folder / "checkpoint.safetensors")


def test_numbers_tell_the_weights_that_they_are_of(folder):
    words = ["evaluate", str(folder), "--limit", "5", "--samples", "2"]
    assert main(words) == 0 and main(["train", "--resume", str(folder), "--epochs", "3"]) == 0
    numbers = json.loads((folder / "numbers.json").read_text())
    assert {n["epoch"] for n in numbers.values()} == {2}
    now = open_run(folder)
    assert now.meta["best_epoch"] == 3  # other weights than those of the numbers
    table = number_tables(now, numbers)[0]
    assert "weights of epoch" in table and "<td>2</td>" in table.replace(' class="number"', "")


@pytest.mark.parametrize(
    "more, message",
    [
        (["--limit", "1"], "--limit must be at least 2"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--data", "coloured-digits"], "shape"),
    ],
)
def test_evaluate_refuses_what_has_no_number(folder, capsys, more, message):
    assert message in fails(capsys, "evaluate", folder, *more)
    assert not (folder / "numbers.json").exists()


def test_evaluate_takes_black_and_white_pixels_where_it_was_trained_on_them(folder, capsys):
    words = ["evaluate", str(folder), "--data", "digits", "--limit", "5", "--samples", "2"]
    assert main(words) == 0 and "digits-dynamic, test" in capsys.readouterr().out


def test_evaluate_refuses_pixels_of_another_meaning(tmp_path, capsys):
    out = tmp_path / "grey"
    assert main([*TRAIN, "--likelihood", "gaussian", "--out", str(out)]) == 0
    line = fails(capsys, "evaluate", out, "--data", "digits-thresholded")
    assert "holds binary pixels, the run was trained on grey" in line


def test_damaged_numbers_are_found_before_anything_is_measured(folder, capsys, monkeypatch):
    (folder / "numbers.json").mkdir()
    monkeypatch.setattr("tinygen.commands.evaluate.load", lambda name: pytest.fail("measured"))
    line = fails(capsys, "evaluate", folder, "--data", "digits-dynamic")
    assert "numbers.json cannot be read" in line and "Errno" not in line


@pytest.mark.parametrize("sheet", [".", "sheet", "sheet.xyz"])
def test_a_contact_sheet_has_the_name_of_a_picture(sheet, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = fails(capsys, "data", "digits", "--sheet", sheet)
    assert "ends in .png" in line and not list(tmp_path.iterdir())


def test_a_data_folder_that_is_none_is_told_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGEN_DATA", str(tmp_path / "tpyo"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    line = fails(capsys, "train", "autoencoder", "--data", "frey-faces")
    assert f"Now TINYGEN_DATA names {tmp_path / 'tpyo'}, which is no folder" in line


def test_commands_to_go_on_with_can_be_pasted(tmp_path, capsys):
    assert main([*TRAIN, "--out", str(tmp_path / "my run")]) == 0
    assert f"tinygen report '{tmp_path / 'my run'}'" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode there")
@pytest.mark.parametrize("name", ["ü", b"\xff".decode(errors="surrogateescape")])
def test_a_name_that_the_terminal_cannot_show_stops_nothing(folder, tmp_path, name):
    try:
        run = shutil.move(folder, tmp_path / name)
    except OSError:
        pytest.skip("no such file names here")
    ascii_only = os.environ | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    for env in (ascii_only, ascii_only | {"PYTHONIOENCODING": "ascii:strict"}):
        words = [sys.executable, "-m", "tinygen", "sample", str(run), "-n", "1"]
        done = subprocess.run(words, env=env, capture_output=True)
        assert done.returncode == 0, done.stderr
    assert main(["report", str(run)]) == 0
    assert name.encode(errors="surrogateescape") in (run / "report.html").read_bytes()


def test_help_fits_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(SystemExit):
        main(["sample", "--help"])
    description = capsys.readouterr().out.partition("positional")[0]
    assert max(map(len, description.splitlines())) <= 40


def test_only_options_are_likened_to_options(capsys):
    line = fails(capsys, "train", "vae", "autoencoder", code=2)
    assert "unknown argument autoencoder" in line and "did you mean" not in line
