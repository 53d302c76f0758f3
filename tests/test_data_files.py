"""Files are found, downloaded, checked and kept; whatever goes wrong is one message that helps."""

import errno
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tinygen.data import DataError, File, files
from tinygen.data.files import cache_folder, contents, missing, where

CONTENT = np.random.default_rng(4).bytes(300_000)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT under several paths, each with a fault of its own."""

    def do_GET(self):
        self.server.asked.append(self.path)
        kind = self.path.strip("/").split("/")[0]
        if kind == "absent":
            return self.send_error(404)
        body = {"wrong": CONTENT[:-1] + b"?", "short": CONTENT[:1000]}.get(kind, CONTENT)
        self.send_response(200)
        if kind != "endless":
            self.send_header("Content-Length", str(len(CONTENT if kind == "dies" else body)))
        self.end_headers()
        if kind == "endless":
            try:
                for _ in range(1000):
                    self.server.sent += self.wfile.write(CONTENT)
            except OSError:
                return None
        half = body[: len(body) // 2] if kind in ("dies", "slow") else body
        self.wfile.write(half)
        if kind == "slow":
            self.server.leave.wait(30)
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.sent, server.leave = [], 0, threading.Event()
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.leave.set()
        server.shutdown()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """(the folder that TINYGEN_DATA names, the cache folder), neither of them there yet."""
    monkeypatch.setenv("TINYGEN_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "own", tmp_path / "caches" / "tinygen"


def file(server=None, *kinds, name="set/a.gz"):
    base = f"http://127.0.0.1:{server.server_port}" if server else ""
    digest = hashlib.sha256(CONTENT).hexdigest()
    return File(name, len(CONTENT), digest, tuple(f"{base}/{kind}/a.gz" for kind in kinds))


def put(folder, file, content=CONTENT):
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def everything(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_own_folder_comes_first_then_the_cache(folders):
    own, cache = folders
    a = file()
    assert where(a) is None and missing(a) == (a,)
    assert where(a) is None
    put(cache, a)
    assert where(a) == cache / a.path and contents(a) == [CONTENT]
    put(own, a)
    assert where(a) == own / a.path and missing(a) == ()


def test_a_missing_file_is_downloaded_once_and_kept(folders, server):
    a = file(server, "good")
    assert contents(a) == [CONTENT] == contents(a)
    assert server.asked == ["/good/a.gz"]
    assert everything(folders[1]) == [folders[1] / a.path]


def test_downloads_go_to_the_own_folder_where_there_is_one(folders, server):
    folders[0].mkdir()
    contents(file(server, "good"))
    assert everything(folders[0]) and not folders[1].exists()


@pytest.mark.parametrize("fault", ["absent", "wrong", "short", "dies", "endless"])
def test_after_a_faulty_place_the_next_is_tried(folders, server, fault):
    a = file(server, fault, "good")
    assert contents(a) == [CONTENT]
    assert server.asked == [f"/{fault}/a.gz", "/good/a.gz"]
    assert server.sent < 100 * len(CONTENT)  # no more is read than the file can have


@pytest.mark.parametrize(
    "fault, answer",
    [
        ("absent", "HTTP Error 404: Not Found"),
        ("wrong", "its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}"),
        ("short", "it has 1000 bytes, expected 300000"),
        ("dies", "it has 150000 bytes, expected 300000|IncompleteRead"),
    ],
)
def test_where_no_place_gives_the_file_the_message_says_what_each_answered(
    folders, server, fault, answer
):
    with pytest.raises(DataError, match=rf"could not be downloaded:\n.*/{fault}/a\.gz: ({answer})"):
        contents(file(server, fault))
    assert everything(folders[1]) == []


def test_one_message_names_all_files_that_are_missing_and_where_to_put_them(folders):
    a, b, c = (file(name=f"set/{name}.gz") for name in "abc")
    put(folders[1], b)
    with pytest.raises(DataError) as error:
        contents(a, b, c)
    message = str(error.value)
    assert message.startswith("2 data files are missing.\nPut into")
    assert f"{folders[1]}, or into a folder that TINYGEN_DATA names:" in message
    assert f"set/a.gz   300000 bytes   SHA-256 {a.sha256}" in message and "set/c.gz" in message
    assert "set/b.gz" not in message


def test_files_that_came_before_a_failure_are_kept_and_not_asked_for_again(folders, server):
    a, b = file(server, "good"), file(server, "absent", name="set/b.gz")
    c = file(server, "good", name="set/c.gz")
    for asked in (["/good/a.gz", "/absent/a.gz"], ["/absent/a.gz"]):
        server.asked.clear()
        with pytest.raises(DataError, match=r"(?s)2 data files .*set/b\.gz.*set/c\.gz") as error:
            contents(a, b, c)
        assert "set/a.gz" not in str(error.value) and server.asked == asked
    assert missing(a, b, c) == (b, c)


def test_with_the_network_closed_the_message_says_what_to_put_where(folders):
    a = File("set/a.gz", 3, "0" * 64, ("http://127.0.0.1:9/a.gz",))  # nobody listens there
    with pytest.raises(DataError) as error:
        contents(a, file(name="set/b.gz"))
    assert "could not be downloaded" not in str(error.value)  # b cannot be had: a was not asked for
    with pytest.raises(
        DataError, match=r"(?s)set/a\.gz is missing, and could .* refused.*Put into"
    ):
        contents(a)


@pytest.mark.parametrize("urls, remedy", [((), "put the right one"), (("good",), "delete it, and")])
def test_a_damaged_file_is_named_with_what_was_expected_and_the_remedy(folders, urls, remedy):
    a = File("set/a.gz", 300_000, file().sha256, urls)
    path = put(folders[1], a, CONTENT[:-1] + b"?")
    with pytest.raises(DataError, match=rf"(?s){path} is damaged.*SHA-256.*{remedy}"):
        contents(a)
    put(folders[1], a, CONTENT[:-1])
    with pytest.raises(DataError, match=r"it has 299999 bytes, expected 300000"):
        contents(a)


def test_every_flipped_bit_and_every_cut_of_a_file_is_seen(folders, monkeypatch):
    content = CONTENT[:1000]
    a = File("set/a.gz", 1000, hashlib.sha256(content).hexdigest())
    put(folders[1], a, content)
    changed = [content[:at] for at in range(1000)]
    for bit in range(8000):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        changed.append(bytes(flipped))
    on_disk = iter(changed)
    monkeypatch.setattr(Path, "read_bytes", lambda path: next(on_disk))
    for _ in changed:
        with pytest.raises(DataError, match=r"a\.gz is damaged, or another file"):
            contents(a)
    assert next(on_disk, None) is None


def test_a_file_that_may_not_be_read_is_named(folders, monkeypatch):
    put(folders[1], file())

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"a\.gz cannot be read: Permission denied: make it read"):
        contents(file())


def test_a_cache_that_cannot_be_made_is_named_before_anything_is_downloaded(folders, server):
    folders[1].parent.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be written to .*or name another folder in TINY"):
        contents(file(server, "good"))
    assert server.asked == []


def test_a_cache_that_may_not_be_written_to_is_named(folders, server, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(
        DataError, match=r"cannot be written to \(Permission denied\), so set/a\.gz"
    ):
        contents(file(server, "good"))
    assert server.asked == []


def test_a_full_disk_is_said_and_nothing_half_is_left(folders, server, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"No space left on device.*another folder in TINYGEN_DATA"):
        contents(file(server, "good"))
    assert everything(folders[1]) == []


LOADING = """
import sys
from tinygen.data.files import File, contents
contents(File("set/a.gz", 300000, "0" * 64, (sys.argv[1],)))
"""


def test_a_killed_download_leaves_nothing(folders, server):
    url = file(server, "slow").urls[0]
    running = subprocess.Popen([sys.executable, "-c", LOADING, url], env=dict(os.environ))
    deadline = time.monotonic() + 30
    while not server.asked and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # half of the file is on its way
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL and server.asked
    assert everything(folders[1]) == []


def test_a_download_shows_its_progress_on_a_terminal(folders, server, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    contents(file(server, "good"))
    shown = capsys.readouterr().err
    assert "set/a.gz" in shown and "300k" in shown


def test_the_cache_folder_is_where_the_system_keeps_such_things(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tinygen"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "tinygen"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "tinygen"


def test_a_user_without_a_home_has_a_cache_folder(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder().name == "tinygen"


def test_an_empty_variable_names_no_folder(monkeypatch):
    monkeypatch.setenv("TINYGEN_DATA", "")
    assert files.folders() == [cache_folder()]
