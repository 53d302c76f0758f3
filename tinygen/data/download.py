"""Downloads: one place after the other, with a progress bar, until the right content came.

The content is held in memory until it is whole and checked (the largest file has 170 MB), so
that a download that breaks off, or is killed, leaves nothing behind.
"""

import urllib.request
from collections.abc import Callable
from http.client import HTTPException

from tinygen.data.dataset import File

TIMEOUT = 20.0  # seconds without a byte, after which a place counts as unreachable
BLOCK = 1 << 16  # bytes


class Unreachable(Exception):
    """No place gave the file. The message has a line for each place."""


def download(file: File, mismatch: Callable[[bytes], str]) -> bytes:
    """The content of a file, from the first of its places that gives the right one.

    mismatch : content -> what is wrong with it, empty where nothing is

    Raises Unreachable with what each place answered.
    """
    answers = []
    for url in file.urls:
        try:
            content = read(url, file)
            answer = mismatch(content)
        except (OSError, HTTPException) as error:  # no network, no such page, broken connection
            answer = f"{error}" or type(error).__name__
        if not answer:
            return content
        answers.append(f"  {url}: {answer}")
    raise Unreachable("\n".join(answers))


def read(url: str, file: File) -> bytes:
    """What lies at the url; no more than a byte beyond the size of the file is read."""
    from tqdm import tqdm

    request = urllib.request.Request(url, headers={"User-Agent": "tinygen"})
    blocks: list[bytes] = []
    bar = {"total": file.size, "unit": "B", "unit_scale": True, "leave": False, "disable": None}
    with (
        urllib.request.urlopen(request, timeout=TIMEOUT) as response,
        tqdm(desc=file.path, **bar) as progress,  # on the error stream, where that is a terminal
    ):
        left = file.size + 1
        while block := response.read(min(BLOCK, left)):
            blocks.append(block)
            left -= len(block)
            progress.update(len(block))
    return b"".join(blocks)
