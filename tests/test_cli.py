"""The command line: runs begin, go on and are measured; each error is one line with a remedy."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import fails

from tinygen import checkpoint
from tinygen.cli import COMMANDS, main
from tinygen.data import names
from tinygen.runs import Run
from tinygen.systems import SYSTEMS

TRAIN = ["train", "vae", "--data", "digits", "--hidden", "16", "--latent", "3", "--epochs", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small trained run."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    assert main([*TRAIN, "--out", str(out)]) == 0
    return out


def test_a_run_says_all_that_it_was_made_from(folder):
    config = Run.open(folder).config
    assert config["system"] == "vae" and config["data"] == "digits-dynamic"
    assert config["options"]["hidden"] == [16] and config["options"]["latent"] == 3
    assert config["seed"] == 0 and config["epochs"] == 2 and config["tinygen"]
    assert checkpoint.load(folder / "checkpoint.safetensors")[1]["config"] == config


def test_evaluate_prints_and_keeps_its_numbers(folder, capsys):
    words = ["evaluate", str(folder), "--limit", "50", "--samples", "5"]
    assert main(words) == 0 and main([*words, "--split", "train"]) == 0
    printed = capsys.readouterr().out
    numbers = json.loads((folder / "numbers.json").read_text())
    on = "digits-dynamic, test, 50 examples"
    elbo = numbers[f"ELBO, nats ({on})"]
    log_p = numbers[f"log p(x), nats, 5 importance samples ({on})"]
    assert -60 < elbo["value"] < log_p["value"] < -15 and 0 < elbo["error"] < 2
    assert f"{elbo['value']:.4f} +- {elbo['error']:.4f}" in printed
    assert len(numbers) == 6  # both splits are kept


def test_evaluate_measures_the_best_weights(folder):
    from tinygen.systems.trained import open_run

    flat, _ = checkpoint.load(folder / "checkpoint.safetensors")
    p = open_run(folder).p
    np.testing.assert_array_equal(p["encoder"]["1"]["W"], flat["best.encoder.1.W"])


def test_resume_trains_on_to_the_same_bits(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main([*TRAIN[:-1], "3", "--out", str(whole)]) == 0
    assert main([*TRAIN[:-1], "1", "--out", str(parts)]) == 0
    assert main(["train", "--resume", str(parts), "--epochs", "3"]) == 0
    a, b = (checkpoint.load(f / "checkpoint.safetensors")[0] for f in (whole, parts))
    assert a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
    assert Run.open(parts).config["epochs"] == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for other processes")
def test_ctrl_c_saves_says_how_to_go_on_and_exits_with_130(tmp_path):
    words = [*TRAIN[:-1], "100000", "--out", str(tmp_path / "run")]
    child = subprocess.Popen(
        [sys.executable, "-m", "tinygen", *words], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130 and "Traceback" not in err
    assert f"go on with:  tinygen train --resume {tmp_path / 'run'}" in out
    step = checkpoint.load(tmp_path / "run" / "checkpoint.safetensors")[1]["step"]
    assert step > 0 and f"after step {step}" in out
    assert main(["train", "--resume", str(tmp_path / "run"), "--steps", str(step + 1)]) == 0


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_is_listed_with_paper_and_demo(name, capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    kind = SYSTEMS[name]
    assert all(text in printed for text in (f"  {name}  ", kind.paper, kind.demo, kind.idea))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    printed = capsys.readouterr().out
    assert left.value.code == 0
    paragraphs = printed.split("\n\n")
    assert len(" ".join(paragraphs[1].split())) > 60  # says what it does, in a sentence or more


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_help_of_a_system_explains_each_option(name, capsys):
    with pytest.raises(SystemExit):
        main(["train", name, "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for field in SYSTEMS[name].options.__dataclass_fields__.values():
        assert f"--{field.name.replace('_', '-')}" in printed
        assert field.metadata["help"].split(",")[0] in printed


def test_without_a_command_the_first_walk_is_shown(capsys):
    assert main([]) == 2
    assert "tinygen train vae --data digits" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, message, code",
    [
        (["trian", "vae"], "did you mean 'train'?", 2),
        (["train", "vea"], "did you mean 'vae'?", 1),
        (["train", "vae", "--latnet", "3"], "did you mean '--latent'?", 2),
        (["train", "vae", "--net", "desne"], "did you mean 'dense'?", 2),
        (["train", "vae", "--latent", "x"], "invalid int value: 'x'", 2),
        (
            ["train", "vae", "--data", "digits", "--latent", "0"],
            "--latent: must be >= 1, got 0",
            1,
        ),
        (["train", "vae", "--hidden", "4,0", "--data", "digits"], "--hidden: must be >= 1", 1),
        (["train", "vae", "--data", "digist"], "did you mean 'digits'?", 1),
        (["train", "vae", "--data", "digits", "--epochs", "-1"], "epochs must be", 1),
        (["train", "vae", "--data", "digits", "--epochs", "0"], "epochs must be", 1),
        (
            ["train", "vae", "--data", "digits", "--epochs", "1", "--steps", "1"],
            "one of the two",
            1,
        ),
        (
            ["train", "vae", "--net", "conv", "--hidden", "9"],
            "hidden has no effect with net conv",
            1,
        ),
        (["train", "vae", "--variance", "pixel"], "choose likelihood gaussian", 1),
        (["data", "monos"], "did you mean 'moons'?", 1),
        (["data", "--sheet", "a.png"], "name it", 1),
        (["train", "vae", "--data", "digits", "--lr", "-1"], "--lr: must be > 0, got -1.0", 1),
        (["train", "gan", "--discriminator-lr", "0"], "--discriminator-lr: must be > 0", 1),
        (["train", "vae", "--beta", "inf"], "--beta: must be finite, got inf", 1),
        (["train", "dcgan", "--beta1", "1"], "--beta1: must be < 1, got 1.0", 1),
        (["train", "vae", "--data", "digits", "--device", "cudda"], "unknown device 'cudda'", 1),
        (["train"], "name a SYSTEM", 1),
        (["train", "--resume", "nowhere"], "nowhere holds no run", 1),
        (["evaluate", "nowhere"], "nowhere holds no run", 1),
        (["evaluate"], "required: RUN", 2),
        (["check", "Cnov2d"], "did you mean 'Conv2d'?", 1),
    ],
)
def test_a_wrong_word_gets_one_line_that_says_what_to_do(
    capsys, tmp_path, monkeypatch, words, message, code
):
    monkeypatch.chdir(tmp_path)
    assert message in fails(capsys, *words, code=code)
    assert not list(tmp_path.iterdir())  # nothing was begun


def test_data_lists_every_set_and_draws_a_sheet(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data"]) == 0
    printed = capsys.readouterr().out.split()
    assert all(name in printed for name in names())
    assert main(["data", "moons"]) == 0
    assert "moons" in capsys.readouterr().out
    assert (tmp_path / "runs" / "data" / "moons.png").read_bytes().startswith(b"\x89PNG")


def test_resume_refuses_what_cannot_be_and_keeps_the_config(folder, capsys):
    before = Run.open(folder).config
    assert "epochs must be" in fails(capsys, "train", "--resume", folder, "--epochs", "0")
    assert Run.open(folder).config == before


def test_a_run_that_diverges_says_what_to_change(tmp_path, capsys):
    assert main([*TRAIN, "--lr", "1e9", "--out", str(tmp_path / "a")]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "not finite" in last and "smaller --lr" in last and "--out" in last


def test_what_is_fixed_cannot_be_changed_by_resume(folder, capsys):
    line = fails(capsys, "train", "--resume", folder, "--batch", "7")
    assert "--batch is fixed when a run begins" in line


def test_a_folder_is_not_trained_into_twice(folder, capsys):
    assert "holds a run already" in fails(capsys, *TRAIN, "--out", folder)


def test_evaluate_refuses_data_of_another_shape(folder, capsys):
    line = fails(capsys, "evaluate", folder, "--data", "ring")
    assert "examples of shape (2,)" in line and "(8, 8, 1)" in line


def test_points_are_refused_where_images_are_asked_for(capsys, tmp_path):
    line = fails(capsys, "train", "vae", "--data", "ring", "--out", tmp_path / "a")
    assert "trained on images, and ring holds points" in line


def test_a_bernoulli_decoder_fed_grey_pixels_is_told_so(capsys, tmp_path):
    line = fails(capsys, "train", "vae", "--data", "coloured-digits", "--out", tmp_path / "a")
    assert "holds colour pixels" in line and "--likelihood gaussian" in line


def test_a_config_changed_by_hand_is_named(tmp_path, capsys):
    for change in ({"system": "vea"}, {"options": {"latnet": 3}}, {"shape": None}, {"data": 3}):
        run = Run.create(
            tmp_path / str(len(str(change))), {"system": "vae", "options": {}} | change
        )
        assert "config.json cannot be read" in fails(capsys, "evaluate", run.path)


def test_a_run_without_a_checkpoint_is_told_so(folder, tmp_path, capsys):
    run = Run.create(tmp_path / "new", Run.open(folder).config)
    assert "holds no checkpoint yet" in fails(capsys, "evaluate", run.path)


def test_a_damaged_checkpoint_is_told_so(folder, tmp_path, capsys):
    run = Run.create(tmp_path / "new", Run.open(folder).config)
    content = bytearray((folder / "checkpoint.safetensors").read_bytes())
    content[-3] ^= 1
    run.checkpoint.write_bytes(content)
    for words in (["evaluate", run.path], ["train", "--resume", run.path]):
        assert "damaged" in fails(capsys, *words)


def test_a_traceback_is_shown_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("TINYGEN_TRACEBACK", "1")
    with pytest.raises(ValueError, match="name a SYSTEM"):
        main(["train"])


def test_python_m_tinygen_works():
    done = subprocess.run(
        [sys.executable, "-m", "tinygen", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tinygen ")
