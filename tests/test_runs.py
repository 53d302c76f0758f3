"""A run's folder: bad ones are refused, full disks and second programs lose nothing."""

import builtins
import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_resume import CONFIG, bits, go

from tinygen import atomic, checkpoint
from tinygen.runs import Run, RunError

HEAD = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {os.path.dirname(__file__)!r})
args = sys.argv[1:]
"""


def program(code, *args):
    """Another Python program; `code` sees the arguments in `args`, and the tests' modules."""
    command = [sys.executable, "-c", HEAD + code, *map(str, args)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def content(folder):
    """File name -> bytes of all that a folder holds, but for the lock."""
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.name != "lock"}


# -- create and open -----------------------------------------------------------------------------


def test_a_new_run_is_what_is_opened_later(tmp_path):
    made = Run.create(tmp_path / "a" / "b", {"system": "vae", "hidden": (256, 128)})
    found = Run.open(tmp_path / "a" / "b")
    assert found.config == made.config  # tuples too: JSON has lists
    assert found.config == {
        "tinygen": checkpoint.library_version(), "system": "vae", "hidden": [256, 128]
    }  # fmt: skip
    assert made.records() == [] and os.listdir(made.path) == ["config.json"]


def test_an_old_run_is_not_begun_anew(tmp_path):
    Run.create(tmp_path, {"seed": 1})
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"holds a run already: .*--resume.*--out"):
        Run.create(tmp_path, {"seed": 2})
    assert content(tmp_path) == before


def test_a_run_is_taken_up_as_it_stands_or_begun(tmp_path):
    begun = Run.take_up(tmp_path / "run", {"epochs": 3})
    assert begun.config["epochs"] == 3
    assert Run.take_up(tmp_path / "run", {"epochs": 5}).config == begun.config


def test_a_run_is_not_taken_up_by_another_config(tmp_path):
    begun = Run.take_up(tmp_path / "run", {"epochs": 3, "seed": 0, "widths": (4, 2)})
    same = {"epochs": 5, "seed": 0, "widths": (4, 2), "new": True}
    assert Run.take_up(tmp_path / "run", same).config == begun.config
    with pytest.raises(RunError, match="holds a run of seed 0, and 1 is asked for: choose another"):
        Run.take_up(tmp_path / "run", {"seed": 1})


@pytest.mark.parametrize("left", ["checkpoint.safetensors", "log.jsonl"])
def test_what_remains_of_a_run_is_not_taken_for_a_new_one(tmp_path, left):
    (tmp_path / left).write_bytes(b"hours of work")
    with pytest.raises(RunError, match="holds a run already"):
        Run.create(tmp_path, CONFIG)
    assert content(tmp_path) == {left: b"hours of work"}


def test_a_config_that_json_cannot_hold_makes_no_folder(tmp_path):
    with pytest.raises(TypeError, match="Path is not JSON serializable"):
        Run.create(tmp_path / "a", {"out": tmp_path})
    assert not (tmp_path / "a").exists()


def test_where_there_is_no_run_nothing_is_opened(tmp_path):
    (tmp_path / "file").write_text("{}")
    (tmp_path / "folder" / "config.json").mkdir(parents=True)
    for wrong in ("", "absent", "file", "folder", "x" * 300):
        with pytest.raises(RunError, match=r"holds no run: config\.json is missing: name a run's"):
            Run.open(tmp_path / wrong)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b'{"a": 1', b'{"a": 1}}', b"null", b"3", b'"text"', b"[{}]", b"\xff\xfe{}",
        b'{"a": "\xe4"}', b"\xef\xbb\xbf{}", b"\0" * 50, b'{"a": ' * 10**5 + b"1" + b"}" * 10**5,
        b"[" * 10**5, b'{"a": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_damaged_config_is_named(tmp_path, text):
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(RunError, match=r"config\.json is damaged \(.*\): restore it from a copy"):
        Run.open(tmp_path)


def test_a_config_with_any_byte_flipped_or_cut_is_refused_or_opens_as_a_dict(tmp_path):
    whole = Run.create(tmp_path, CONFIG | {"options": {"lr": 1e-3, "net": "dense"}}).text().encode()
    rng, refused = np.random.default_rng(0), 0
    damaged = [
        whole[:i] + bytes([b]) + whole[i + 1 :] for i in range(len(whole)) for b in rng.bytes(9)
    ]
    for text in damaged + [whole[:n] for n in range(len(whole) - 2)]:
        with open(tmp_path / "config.json", "r+b") as file:
            file.write(text)
            file.truncate()
        try:
            assert isinstance(Run.open(tmp_path).config, dict)
        except RunError as error:
            refused += "config.json is damaged" in str(error)
    assert refused > len(damaged) / 2


def test_a_changed_config_does_not_continue_the_run(tmp_path):
    go(tmp_path, epochs=1)
    file = tmp_path / "config.json"
    good = file.read_text()
    for bad in (good.replace('"seed": 0', '"seed": 8'), good.replace('"seed"', '"sead"')):
        file.write_text(bad)
        with pytest.raises(RunError, match=r"sea?e?d = .* trained with .*edited; put that back"):
            go(tmp_path)
    file.write_text(good)
    go(tmp_path)


def test_only_the_length_of_a_run_may_change(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    run.update({"epochs": 20, "steps": None, "patience": 3})
    assert Run.open(tmp_path).config == run.config == run.config | {"epochs": 20, "patience": 3}
    before = content(tmp_path)
    with pytest.raises(ValueError, match="seed is fixed when a run begins"):
        run.update({"epochs": 30, "seed": 1})
    with Run.open(tmp_path).locked(), pytest.raises(RunError, match="another program is training"):
        run.update({"epochs": 30})
    assert content(tmp_path) == before and run.config["epochs"] == 20


# -- the log -------------------------------------------------------------------------------------

GOOD = [{"epoch": n, "step": 4 * n, "train": {"loss": 1.5 / n}} for n in (1, 2, 3)]


def logged(tmp_path, *lines):
    run = Run.create(tmp_path, CONFIG)
    run.log.write_bytes(b"".join(lines))
    return run


def lines_of(records):
    return [json.dumps(record).encode() + b"\n" for record in records]


def test_a_log_returns_what_was_appended(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    for record in GOOD:
        run.append(record)
    assert run.records() == GOOD and run.log.read_bytes() == b"".join(lines_of(GOOD))


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b'{"epoch": 1\n', b"[1, 2]\n", b"3\n", b"null\n", b'{"epoch": 1}\n', b"\xff\xfe\n",
        b'{"step": "4"}\n', b'{"step": true}\n', b'{"step": null}\n', b"[" * 10**5 + b"\n",
        b'{"a": 1} {"step": 3}\n',
    ],
)  # fmt: skip
def test_a_damaged_line_of_the_log_is_numbered_and_the_log_kept(tmp_path, line):
    first, *rest = lines_of(GOOD)
    run = logged(tmp_path, first, line, *rest)
    before = run.log.read_bytes()
    for use in (run.records, lambda: run.rewind(4), lambda: go(tmp_path)):
        with pytest.raises(RunError, match=r"log\.jsonl is damaged in line 2 \(.*\): remove"):
            use()
    assert run.log.read_bytes() == before


def test_a_damaged_log_stops_a_run_before_it_writes(tmp_path):
    go(tmp_path, epochs=2)
    (tmp_path / "log.jsonl").write_bytes(b"garbage\n" + (tmp_path / "log.jsonl").read_bytes())
    before = content(tmp_path)
    with pytest.raises(RunError, match="damaged in line 1"):
        go(tmp_path)
    assert content(tmp_path) == before


def test_a_log_with_any_byte_flipped_or_cut_is_refused_or_gives_steps(tmp_path):
    run, rng = logged(tmp_path), np.random.default_rng(0)
    whole = b"".join(lines_of(GOOD))
    damaged = [
        whole[:i] + bytes([b]) + whole[i + 1 :] for i in range(len(whole)) for b in rng.bytes(9)
    ]
    refused = 0
    for text in damaged + [whole[:n] for n in range(len(whole))]:
        with open(run.log, "r+b") as file:
            file.write(text)
            file.truncate()
        try:
            assert all(isinstance(record["step"], int) for record in run.records())
        except RunError as error:
            refused += "is damaged in line" in str(error)
    assert refused > len(damaged) / 2


def test_an_unfinished_last_line_is_left_out(tmp_path):
    whole = b"".join(lines_of(GOOD))
    for cut in range(1, len(lines_of(GOOD)[-1]) + 1):
        run = logged(tmp_path / str(cut), whole[:-cut])
        assert run.records() == GOOD[:2]


def test_rewind_keeps_what_was_done_up_to_a_step(tmp_path):
    run = logged(tmp_path, *lines_of([*GOOD, {"epoch": 4, "step": 13, "unfinished": True}]))
    assert run.rewind(13) == run.records() == GOOD
    assert run.rewind(11) == run.records() == GOOD[:2]
    assert run.rewind(0) == run.records() == []


# -- folders that cannot be written --------------------------------------------------------------


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "run", Path("/dev/null/run")):
        with pytest.raises(RunError, match=r"cannot make the folder .*: choose another with --out"):
            Run.create(wrong, CONFIG)


def denied(*args, **kw):
    raise PermissionError(errno.EACCES, "Permission denied")


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(builtins, "open", denied)  # root may write anywhere
    with pytest.raises(
        RunError, match=r"could not write .*config\.json .*Permission denied: .*fol"
    ):
        Run.create(tmp_path / "a", CONFIG)
    monkeypatch.undo()
    run = Run.create(tmp_path / "b", CONFIG)
    monkeypatch.setattr(os, "open", denied)
    with (
        pytest.raises(RunError, match=r"cannot write into .*Permission denied.*another"),
        run.locked(),
    ):
        pass


def with_mounts(mount, code, *args):
    """What a program prints that runs where `mount` (words for the shell) was mounted for it."""
    words = f'mount --make-rprivate / && {mount} && exec "$0" "$@"'
    command = ["unshare", "-m", "sh", "-c", words, sys.executable, "-c", HEAD + code]
    try:
        done = subprocess.run([*command, *args], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mounts of one's own here: {error}")
    if "unshare: " in done.stderr or "mount: " in done.stderr:
        pytest.skip(f"no mounts of one's own here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout


READ_ONLY = """
from test_resume import RunError, bits, go
folder = Path(args[0])
print(len(bits(folder / "run")[2]))
for name in ("run", "new"):
    try:
        go(folder / name)
    except RunError as error:
        print(error)
"""


def test_a_read_only_disk_is_read_but_not_written(tmp_path):
    go(tmp_path / "run", epochs=2)
    mount = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}"
    epochs, run, new = with_mounts(mount, READ_ONLY, tmp_path).splitlines()
    assert epochs == "2"
    assert run.startswith("cannot write into") and "(Read-only file system): choose another" in run
    assert new.startswith("cannot make the folder") and "choose another with --out" in new


# -- full disks ----------------------------------------------------------------------------------


def full_from(patch, at):
    """Fill the disk up at the writing call of number `at`; the names of all calls so far."""
    calls = []

    def watch(module, name, does):
        def call(*args, **kw):
            if name != "open" or args[1:2] in (("xb",), ("ab",)):
                calls.append(name)
                if len(calls) > at:
                    raise OSError(errno.ENOSPC, "No space left on device")
            return does(*args, **kw)

        patch.setattr(module, name, call)

    watch(builtins, "open", open)
    watch(os, "fsync", lambda handle: None)  # nothing here is about a power cut
    watch(os, "replace", os.replace)
    watch(os, "link", os.link)
    return calls


def short(folder):
    return go(folder, epochs=1, batch=16, save_every=0.0)  # two steps, a checkpoint after each


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    short(folder)
    return bits(folder)


def test_a_disk_that_is_full_at_any_call_loses_nothing(tmp_path, undisturbed, monkeypatch):
    with monkeypatch.context() as patch:
        calls = full_from(patch, at=10**9)
        short(tmp_path / "never")
    assert calls[-4:] == ["open", "fsync", "replace", "fsync"] and "link" in calls
    real = Run.save
    for at in range(len(calls) - 1):  # the last is the folder's fsync, which may fail
        folder, saved = tmp_path / str(at), []

        def save(run, values, meta, saved=saved):
            real(run, values, meta)
            saved.append(meta["step"])

        with monkeypatch.context() as patch:
            patch.setattr(Run, "save", save)
            full_from(patch, at)
            with pytest.raises(
                RunError, match=r"No space left on device.*free disk space"
            ) as error:
                short(folder)
        assert str(folder) in str(error.value)
        assert not [name for name in os.listdir(folder) if name.startswith(".")]
        if saved:
            assert checkpoint.load(folder / "checkpoint.safetensors")[1]["step"] == saved[-1]
        with monkeypatch.context() as patch:
            full_from(patch, at=10**9)
            short(folder)
        assert bits(folder) == undisturbed


def test_a_file_that_cannot_grow_keeps_its_old_content(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"a": np.ones(3)}, {})
    before, limits = content(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))  # the system stops the write
    try:
        with pytest.raises(
            OSError, match=r"could not write .*c\.safetensors \(8\d\d\d bytes\): File"
        ):
            checkpoint.save(path, {"a": np.ones(1000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(tmp_path) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_log_on_a_full_disk_is_named(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    run.log.symlink_to("/dev/full")
    with pytest.raises(
        RunError, match=r"could not write .*log\.jsonl \(No space left on device\): fr"
    ):
        run.append({"step": 1})


FULL = """
from test_resume import RunError, bits, go
folder = Path(args[0])
go(folder, epochs=1)
before = bits(folder)
with open(folder / "other", "wb", buffering=0) as other:
    try:
        while other.write(bytes(1024)):
            pass
    except OSError:
        pass
try:
    go(folder, epochs=5)
except RunError as error:
    print(error)
assert bits(folder)[:2] == before[:2]
os.unlink(folder / "other")
go(folder)
print(sorted(name for name in os.listdir(folder) if name != "lock"))
"""


def test_a_disk_that_is_really_full_loses_nothing(tmp_path):
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}"
    message, names = with_mounts(mount, FULL, tmp_path).splitlines()
    assert "No space left on device" in message and "free disk space" in message
    assert names == "['checkpoint.safetensors', 'config.json', 'log.jsonl']"


def test_without_hard_links_a_run_is_created_once_all_the_same(tmp_path, monkeypatch):
    def none(*args):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", none)
    Run.create(tmp_path, CONFIG)
    before = content(tmp_path)
    with pytest.raises(RunError, match="holds a run already"):
        Run.create(tmp_path, CONFIG | {"seed": 7})
    assert content(tmp_path) == before and Run.open(tmp_path).config["seed"] == 0


def test_new_files_have_the_permissions_that_the_user_gives(tmp_path):
    before = os.umask(0o027)
    try:
        Run.create(tmp_path, CONFIG)
    finally:
        os.umask(before)
    assert os.name == "nt" or (tmp_path / "config.json").stat().st_mode & 0o777 == 0o640


def test_a_reader_on_windows_only_delays_a_writer(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    busy, real = iter(range(3)), os.replace

    def replace(*args):
        if next(busy, None) is not None:
            raise PermissionError(errno.EACCES, "Access is denied")
        real(*args)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(atomic, "WINDOWS", True)
    monkeypatch.setattr(atomic.time, "sleep", lambda seconds: None)
    atomic.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new" and os.listdir(tmp_path) == ["a"]


# -- several programs ----------------------------------------------------------------------------

HOLDS = """
from tinygen.runs import Run
with Run.open(Path(args[0])).locked():
    print("held", flush=True)
    input()
"""


@pytest.fixture
def holder(tmp_path):
    """Another program that holds the folder of a run."""
    go(tmp_path, epochs=1)
    with program(HOLDS, tmp_path) as child:
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_a_folder_that_another_program_holds_is_refused_and_untouched(holder, tmp_path):
    before = content(tmp_path)
    message = r"another program is training into .*: wait for it, or choose another folder"
    for use in (lambda: go(tmp_path), lambda: Run.open(tmp_path).update({"epochs": 9})):
        with pytest.raises(RunError, match=message):
            use()
    assert content(tmp_path) == before and len(bits(tmp_path)[2]) == 1  # it may be read


@pytest.mark.parametrize("how", ["it ends", "it is killed"])
def test_the_folder_is_free_when_the_other_program_is_gone(holder, tmp_path, how):
    if how == "it ends":
        holder.communicate("\n")
    else:
        holder.kill()
        holder.wait()
    go(tmp_path, epochs=2)
    assert len(Run.open(tmp_path).records()) == 2


def test_what_a_killed_program_left_unfinished_is_swept_away(tmp_path):
    go(tmp_path, epochs=1)
    for name in (".checkpoint.safetensors.0a1b", ".log.jsonl.77", "log.jsonl.mine", ".mine"):
        (tmp_path / name).write_text("left")
    go(tmp_path, epochs=2)
    left = {"checkpoint.safetensors", "config.json", "log.jsonl", "log.jsonl.mine", ".mine"}
    assert content(tmp_path).keys() == left


def test_the_lock_may_be_nested_and_is_free_after_an_error(tmp_path):
    run, other = Run.create(tmp_path, CONFIG), Run.open(tmp_path)
    with pytest.raises(ZeroDivisionError), run.locked():
        with run.locked():
            pass
        with pytest.raises(RunError, match="another program"), other.locked():
            pass
        raise ZeroDivisionError
    with other.locked():
        pass


RACE = """
import errno
from tinygen.runs import Run, RunError
me, links, folder, rounds = args[0], args[1], Path(args[2]), int(args[3])

def none(*args):
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")

if links == "none":
    os.link = none
print("ready", flush=True)
start = float(input())
wins = []
for i in range(rounds):
    while time.time() < start + 0.003 * i:
        pass
    try:
        Run.create(folder / str(i), {"by": me})
        wins.append(i)
    except RunError as error:
        assert "holds a run already" in str(error), error
print(*wins)
"""


@pytest.mark.parametrize("links", ["hard links", "none"])
def test_of_two_programs_that_create_a_run_one_wins(tmp_path, links):
    rounds = 150
    with (
        program(RACE, "a", links, tmp_path, rounds) as a,
        program(RACE, "b", links, tmp_path, rounds) as b,
    ):
        assert a.stdout.readline() == b.stdout.readline() == "ready\n"
        start = time.time() + 0.05
        for racer in (a, b):
            racer.stdin.write(f"{start}\n")
            racer.stdin.flush()
        wins = {"a": a.stdout.readline().split(), "b": b.stdout.readline().split()}
    assert sorted(map(int, wins["a"] + wins["b"])) == list(range(rounds))
    for name, won in wins.items():  # on a loaded machine one of them may win all
        assert all(Run.open(tmp_path / i).config["by"] == name for i in won)
