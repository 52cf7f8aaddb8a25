"""SIGTERM and Ctrl-C: a silent end with the code a shell expects, and no file left half written."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: What ends a run.
ENDING = (signal.SIGTERM, signal.SIGINT)
#: Seconds after which a signal that came at a bad moment is looked at again.
AGAIN = 0.01


@contextmanager
def as_exceptions() -> Iterator[None]:
    """In this context the signals are exceptions, so that files half written are removed on the way out.

    SIGTERM is SystemExit with 143, Ctrl-C is KeyboardInterrupt. In the middle of an import they wait for its end: the
    machinery of imports, and modules written in C, may swallow an exception or turn it into another. One that is
    swallowed elsewhere (in a finalizer) is raised anew. Signals that are ignored stay so.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    hook = sys.unraisablehook

    def swallowed(unraisable: Any) -> None:
        number = _number(unraisable.exc_value)
        if number is None or not _later(number):
            hook(unraisable)

    sys.unraisablehook = swallowed
    try:
        for number in ENDING:
            if before[number] != signal.SIG_IGN:
                signal.signal(number, _raise)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def _raise(number: int, frame: FrameType | None) -> None:
    if _importing(frame) and _later(number):
        return
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def _number(error: BaseException | None) -> int | None:
    """The signal that an exception stands for."""
    if isinstance(error, KeyboardInterrupt):
        return signal.SIGINT
    return signal.SIGTERM if isinstance(error, SystemExit) and error.code == 128 + signal.SIGTERM else None


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _later(number: int) -> bool:
    """Look at the signal again in a moment; False where the system has no such timer."""
    if sys.platform == "win32":
        return False
    signal.signal(signal.SIGALRM, lambda _, frame: _raise(number, frame))
    signal.setitimer(signal.ITIMER_REAL, AGAIN)
    return True
