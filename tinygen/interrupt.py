"""Ctrl-C as a request: the step that runs is finished, the run is saved, then it stops."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The run was stopped from outside, after it was saved where there is a folder to save to."""


class Request:
    """Whether someone has asked to stop: by Ctrl-C (SIGINT), or by a scheduler (SIGTERM)."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler. A second Ctrl-C stops at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def requests() -> Iterator[Request]:
    """Within this block a first Ctrl-C only sets `asked`, in the blocks around it too.

    Outside the main thread it does nothing, for signals are the main thread's. A signal that is
    ignored (a job in the background) stays ignored; so does one that another language handles.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {n: handler for n, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, request)
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
            if isinstance(handler, Request):
                handler.asked |= request.asked
