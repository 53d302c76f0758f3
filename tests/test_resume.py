"""A run that was killed, stopped or continued ends with the bits of the undisturbed one."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tinygen import checkpoint, tree
from tinygen.checkpoint import CheckpointError
from tinygen.data import binarise
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.runs import Run, RunError
from tinygen.schedules import warm_up
from tinygen.training import Diverged, Interrupted, Turn, train

MODEL = dense_vae(7, 5, 2)
CONFIG = {"system": "vae", "seed": 0}


def grey_images(n=30):
    return np.random.default_rng(9).random((n, 7), np.float32)


def go(folder, **kw):
    """Train in a folder, from its checkpoint where it has one."""
    rng = np.random.default_rng(kw.pop("seed", 0))
    run = Run.open(folder) if (folder / "config.json").exists() else Run.create(folder, CONFIG)
    turn = Turn("vae", MODEL.loss, MODEL.draw_noise, kw.pop("optimiser", adam(1e-2)))
    kw = {"epochs": 10, "batch": 8, "transform": binarise, "validation": grey_images(9)} | kw
    x = kw.pop("x", grey_images())
    return train(turn, MODEL.init(rng), x, rng=rng, progress=False, run=run, **kw)


def bits(folder):
    """All that a run leaves, but for the time that it took."""
    arrays, meta = checkpoint.load(folder / "checkpoint.safetensors")
    meta.pop("seconds")
    log = [{k: v for k, v in r.items() if k != "seconds"} for r in Run.open(folder).records()]
    return {name: np.asarray(a).tobytes() for name, a in arrays.items()}, meta, log


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, go(folder)


def test_ten_epochs_are_five_and_five_more(undisturbed, tmp_path):
    go(tmp_path, epochs=5)
    done = go(tmp_path, epochs=10)
    assert bits(tmp_path) == bits(undisturbed[0])
    assert [r["epoch"] for r in done.log] == list(range(1, 11))
    assert done.best_epoch == undisturbed[1].best_epoch


def test_a_run_that_goes_on_takes_nothing_from_what_it_is_given_anew(undisturbed, tmp_path):
    go(tmp_path, epochs=5)
    go(tmp_path, seed=99)  # other weights, another generator
    assert bits(tmp_path) == bits(undisturbed[0])


def test_the_best_weights_of_an_earlier_program_stay_the_best(tmp_path):
    dark, bright = grey_images() * np.float32(0.1), 1 - grey_images(9) * np.float32(0.1)
    for name, parts in (("whole", [6]), ("parts", [2, 4, 6])):
        for epochs in parts:
            done = go(tmp_path / name, x=dark, validation=bright, epochs=epochs)
    assert done.best_epoch == 1  # the darker the images it makes, the worse
    assert bits(tmp_path / "parts") == bits(tmp_path / "whole")
    of_first = go(tmp_path / "first", x=dark, validation=bright, epochs=1)
    tree.map(np.testing.assert_array_equal, done.best, of_first.best)


def test_a_run_may_be_stopped_within_an_epoch(undisturbed, tmp_path):
    for steps in (1, 6, 7, 23, 39):  # an epoch has 4
        go(tmp_path, epochs=None, steps=steps)
    go(tmp_path, epochs=10)
    assert bits(tmp_path) == bits(undisturbed[0])


def test_a_folder_changes_no_bit(undisturbed):
    rng = np.random.default_rng(0)
    turn = Turn("vae", MODEL.loss, MODEL.draw_noise, adam(1e-2))
    alone = train(
        turn, MODEL.init(rng), grey_images(), rng=rng, epochs=10, batch=8, transform=binarise,
        validation=grey_images(9), progress=False,
    )  # fmt: skip
    for a, b in ((alone.p, undisturbed[1].p), (alone.best, undisturbed[1].best)):
        tree.map(np.testing.assert_array_equal, a, b)


def test_a_schedule_goes_on_where_it_stood(tmp_path):
    folders = [tmp_path / "whole", tmp_path / "parts"]
    optimiser = adam(warm_up(1e-2, 30))
    go(folders[0], optimiser=optimiser)
    for epochs in (3, 10):
        go(folders[1], optimiser=optimiser, epochs=epochs)
    assert bits(folders[0]) == bits(folders[1])


def test_patience_counts_over_a_resume(tmp_path):
    done = go(tmp_path, epochs=500, patience=3)
    assert len(done.log) == done.best_epoch + 3 < 500
    again = go(tmp_path, epochs=500, patience=3)
    assert len(again.log) == len(done.log)


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import time
from test_resume import binarise, go

def slow(rng, x):
    time.sleep(0.005)
    return binarise(rng, x)

print("ready", flush=True)
go(Path(sys.argv[1]), epochs=10, transform=slow, save_every=0.002)
print("done", flush=True)
"""


def test_kill_9_at_random_moments_changes_no_bit(undisturbed, tmp_path):
    here, rng, kills = os.path.dirname(__file__), np.random.default_rng(1), 0
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run"), here]
    for _ in range(30):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        if kills < 3:
            time.sleep(rng.uniform(0.01, 0.15))
            child.kill()
        rest = child.communicate()[0]
        if rest == "done\n":
            break
        kills += 1
    assert kills >= 1 and bits(tmp_path / "run") == bits(undisturbed[0])


def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(undisturbed, tmp_path):
    shots = iter([13])

    def shooting(rng, x):
        if next(shots, None) and threading.current_thread() is threading.main_thread():
            signal.raise_signal(signal.SIGINT)
        return binarise(rng, x)

    with pytest.raises(Interrupted, match=r"stopped after step 1: saved in .*--resume"):
        go(tmp_path, transform=shooting)
    assert checkpoint.load(tmp_path / "checkpoint.safetensors")[1]["step"] == 1
    go(tmp_path)
    assert bits(tmp_path) == bits(undisturbed[0])


def test_a_second_ctrl_c_stops_at_once(undisturbed, tmp_path):
    shots, calls = [signal.SIGTERM, signal.SIGINT], []

    def shooting(rng, x):
        calls.append(1)
        while shots:
            signal.raise_signal(shots.pop())
            time.sleep(0)
        return binarise(rng, x)

    with pytest.raises(KeyboardInterrupt) as error:
        go(tmp_path, transform=shooting)
    assert type(error.value) is KeyboardInterrupt and len(calls) == 1
    go(tmp_path)
    assert bits(tmp_path) == bits(undisturbed[0])


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGTERM")
def test_a_scheduler_that_ends_the_job_is_heard_and_one_that_is_ignored_is_not(tmp_path):
    def shooting(rng, x):
        signal.raise_signal(signal.SIGTERM)
        return binarise(rng, x)

    with pytest.raises(Interrupted, match="stopped after step 1: saved"):
        go(tmp_path, transform=shooting)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as in a job begun with nohup
    try:
        go(tmp_path, epochs=1, transform=shooting)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    assert checkpoint.load(tmp_path / "checkpoint.safetensors")[1]["epoch"] == 1


def test_without_a_folder_ctrl_c_says_that_nothing_was_saved():
    def shooting(rng, x):
        signal.raise_signal(signal.SIGINT)
        return binarise(rng, x)

    turn, rng = Turn("vae", MODEL.loss, MODEL.draw_noise, adam(1e-2)), np.random.default_rng(0)
    with pytest.raises(Interrupted, match="stopped after step 1: there is no run to save"):
        train(turn, MODEL.init(rng), grey_images(), rng=rng, epochs=9, transform=shooting,
              progress=False)  # fmt: skip


def test_after_training_ctrl_c_is_what_it_was(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    go(tmp_path, epochs=1)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_training_works_in_a_thread(undisturbed, tmp_path):
    thread = threading.Thread(target=go, args=(tmp_path,))
    thread.start()
    thread.join()
    assert bits(tmp_path) == bits(undisturbed[0])


@pytest.mark.parametrize("tail", ["", '{"epoch": 11, "ste', '{"epoch": 99, "step": 999}\n'])
def test_what_the_log_says_beyond_the_checkpoint_is_dropped(undisturbed, tmp_path, tail):
    go(tmp_path, epochs=5)
    with open(tmp_path / "log.jsonl", "a") as log:
        log.write(tail)
    go(tmp_path)
    assert bits(tmp_path) == bits(undisturbed[0])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"batch": 9}, r"another batch size \(8, now 9\)"),
        ({"x": grey_images(31)}, "another training set"),
        ({"validation": None}, "another validation set"),
        ({"optimiser": adam(1e-3)}, "another game"),
    ],
)
def test_a_run_goes_on_only_as_it_began(tmp_path, change, message):
    go(tmp_path, epochs=1)
    with pytest.raises(CheckpointError, match=message):
        go(tmp_path, **change)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    go(tmp_path, epochs=1)
    other = dense_vae(7, 6, 2)
    with pytest.raises(CheckpointError, match=r"another model: p\.encoder.*float32 \(7, 5\)"):
        rng = np.random.default_rng(0)
        turn = Turn("vae", other.loss, other.draw_noise, adam(1e-2))
        train(
            turn, other.init(rng), grey_images(), rng=rng, epochs=2, batch=8, progress=False,
            transform=binarise, validation=grey_images(9), run=Run.open(tmp_path),
        )  # fmt: skip


def test_two_programs_never_train_into_one_folder(tmp_path):
    go(tmp_path, epochs=1)
    with Run.open(tmp_path).locked(), pytest.raises(RunError, match="another program is training"):
        go(tmp_path)


def test_a_folder_with_a_run_is_not_begun_anew(tmp_path):
    go(tmp_path, epochs=1)
    before = bits(tmp_path)
    with pytest.raises(RunError, match=r"holds a run already: .*--resume.*--out"):
        Run.create(tmp_path, CONFIG)
    assert bits(tmp_path) == before


def test_a_diverged_run_keeps_its_last_good_checkpoint(tmp_path):
    go(tmp_path, epochs=2)
    good = bits(tmp_path)[0]
    calls = iter(range(100))

    def poison(rng, x):
        return x * np.float32("inf") if next(calls) == 6 else binarise(rng, x)

    with np.errstate(invalid="ignore"), pytest.raises(Diverged, match="last good checkpoint is in"):
        go(tmp_path, transform=poison)
    assert bits(tmp_path)[0] == good
    go(tmp_path)
    assert len(Run.open(tmp_path).records()) == 10


def infinite_gradient(at):
    """The model's loss, whose gradient is infinite at one step, while the loss stays finite."""
    calls = iter(range(10**6))

    def loss(p, x, noise):
        value, backward = MODEL.loss(p, x, noise)
        if next(calls) != at:
            return value, backward
        return value, lambda d=1.0: (tree.scale(backward.dp(d), np.float32("inf")), x)

    return loss


@pytest.mark.parametrize("at", [0, 2, 3, 7])  # an epoch has 4 steps
def test_weights_that_are_not_finite_are_never_saved(tmp_path, at):
    rng, saved, real = np.random.default_rng(0), [], checkpoint.save
    turn = Turn("vae", infinite_gradient(at), MODEL.draw_noise, adam(1e-2))

    def save(path, values, meta):
        real(path, values, meta)
        saved.append(all(np.isfinite(leaf).all() for _, leaf in tree.leaves(values)))

    with pytest.MonkeyPatch.context() as patch, np.errstate(invalid="ignore"):
        patch.setattr(checkpoint, "save", save)
        with pytest.raises(Diverged, match=r"parameter .* not finite .*checkpoint is in") as error:
            train(turn, MODEL.init(rng), grey_images().round(), rng=rng, epochs=5, batch=8,
                  progress=False, run=Run.create(tmp_path, CONFIG), save_every=0.0)  # fmt: skip
    assert saved == [True] * (at + 1)  # the first before the first step
    assert checkpoint.load(tmp_path / "checkpoint.safetensors")[1]["step"] == at
    for p in (error.value.trained.p, error.value.trained.best):
        assert all(np.isfinite(leaf).all() for _, leaf in tree.leaves(p))


def test_weights_that_are_not_finite_are_not_begun_with(tmp_path):
    p = tree.replace(MODEL.init(np.random.default_rng(0)), "decoder.0.b", np.float32([np.nan] * 5))
    turn = Turn("vae", MODEL.loss, MODEL.draw_noise, adam(1e-2))
    with pytest.raises(ValueError, match=r"train: parameter decoder\.0\.b holds NaN or infinite"):
        train(turn, p, grey_images(), rng=np.random.default_rng(0), epochs=1, progress=False,
              run=Run.create(tmp_path, CONFIG))  # fmt: skip
    assert os.listdir(tmp_path) == ["config.json"]


def test_what_cannot_be_saved_is_refused_before_the_first_step(tmp_path):
    model = VAE(MODEL.encoder, MODEL.decoder, 2, MODEL.likelihood)
    turn, calls = Turn("vae", model.loss, lambda rng, x: calls.append(1), adam(1e-2)), []
    p = {"en.coder": np.ones(1, np.float32)}
    with pytest.raises(ValueError, match=r"the key 'en\.coder' under 'p\.' cannot be saved"):
        train(turn, p, grey_images(), rng=np.random.default_rng(0), epochs=1, progress=False,
              run=Run.create(tmp_path, CONFIG))  # fmt: skip
    assert calls == []


def test_the_generator_given_ends_where_that_of_the_undisturbed_run_does(tmp_path):
    ends = []
    for name, parts in (("whole", [6]), ("parts", [2, 6])):
        for epochs in parts:
            rng = np.random.default_rng(0)
            folder = tmp_path / name
            run = Run.create(folder, CONFIG) if epochs == parts[0] else Run.open(folder)
            turn = Turn("vae", MODEL.loss, MODEL.draw_noise, adam(1e-2))
            train(turn, MODEL.init(rng), grey_images(), rng=rng, epochs=epochs, batch=8, run=run,
                  transform=binarise, progress=False)  # fmt: skip
        ends.append(rng.integers(2**63))
    assert ends[0] == ends[1]


def test_another_kind_of_generator_is_named(tmp_path):
    go(tmp_path, epochs=1)
    rng = np.random.Generator(np.random.PCG64DXSM(0))
    turn = Turn("vae", MODEL.loss, MODEL.draw_noise, adam(1e-2))
    with pytest.raises(CheckpointError, match=r"another random generator \(PCG64, now PCG64DXSM"):
        train(turn, MODEL.init(rng), grey_images(), rng=rng, epochs=2, batch=8, progress=False,
              transform=binarise, validation=grey_images(9), run=Run.open(tmp_path))  # fmt: skip


def test_weights_without_a_state_of_training_are_refused(tmp_path):
    go(tmp_path, epochs=1)
    checkpoint.save(tmp_path / "checkpoint.safetensors", {"p": np.ones(3)}, {})
    with pytest.raises(CheckpointError, match="no state of a training: restore the run"):
        go(tmp_path)


def test_a_damaged_checkpoint_is_refused_and_stays(tmp_path):
    go(tmp_path, epochs=1)
    path = tmp_path / "checkpoint.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-5] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match=r"is damaged .*: restore it from a copy"):
        go(tmp_path)
    assert path.read_bytes() == damaged


SEEDED = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_resume import go
go(Path(sys.argv[1]), epochs=3)
"""


def test_two_programs_with_one_seed_give_the_same_bits(tmp_path):
    go(tmp_path / "here", epochs=3)
    command = [sys.executable, "-c", SEEDED, str(tmp_path / "there"), os.path.dirname(__file__)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "77"})
    assert bits(tmp_path / "there") == bits(tmp_path / "here")


def test_a_log_is_json_lines_with_steps_and_seconds(undisturbed):
    lines = (undisturbed[0] / "log.jsonl").read_text().splitlines()
    for number, line in enumerate(map(json.loads, lines), start=1):
        assert line["epoch"] == number and line["step"] == 4 * number and line["seconds"] >= 0
        assert line["train"].keys() == line["validation"].keys() == {"loss", "nll", "kl"}


def test_a_generator_that_json_cannot_hold_is_refused(tmp_path):
    rng = np.random.Generator(np.random.MT19937(0))
    turn = Turn("vae", MODEL.loss, MODEL.draw_noise, adam(1e-2))
    run = Run.create(tmp_path, CONFIG)
    with pytest.raises(TypeError, match="MT19937 cannot be saved: use np"):
        train(
            turn, MODEL.init(rng), grey_images().round(), rng=rng, epochs=1, progress=False, run=run
        )


def test_both_or_none_of_epochs_and_steps_is_refused(tmp_path):
    for kw in ({"epochs": None}, {"epochs": 1, "steps": 1}):
        with pytest.raises(ValueError, match="epochs= or steps="):
            go(tmp_path / "a", **kw)


def test_a_replaced_field_makes_another_turn():
    turn = Turn("a", MODEL.loss, MODEL.draw_noise, adam(1e-2))
    with pytest.raises(ValueError, match="times must be a whole number"):
        dataclasses.replace(turn, times=0)
