"""SIGTERM and Ctrl-C: a silent end with the code a shell expects, and no file left half written."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
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
    swallowed elsewhere (in a finalizer) is raised anew, and at the latest as the context ends. Signals that are ignored
    stay so.
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
        if (late := _pending()) is not None:
            signal.raise_signal(late)


def _raise(number: int, frame: FrameType | None) -> None:
    importer = _importer(frame)
    if importer is not None and (_after(importer, number) or _later(number)):
        return
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def _number(error: BaseException | None) -> int | None:
    """The signal that an exception stands for."""
    if isinstance(error, KeyboardInterrupt):
        return signal.SIGINT
    return signal.SIGTERM if isinstance(error, SystemExit) and error.code == 128 + signal.SIGTERM else None


def _importer(frame: FrameType | None) -> FrameType | None:
    """The frame that waits for the import under way; None where nothing is imported."""
    importer, below = None, None
    while frame is not None:
        if below is not None and _imports(below) and not _imports(frame):
            importer = frame
        below, frame = frame, frame.f_back
    return importer


def _imports(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith("<frozen importlib")


def _after(importer: FrameType, number: int) -> bool:
    """Raise at the first line after the import; False where a debugger watches the lines."""
    if sys.gettrace() is not None:
        return False

    def ended(frame: FrameType, *_: object) -> None:
        sys.settrace(None)
        _raise(number, frame)

    importer.f_trace = ended
    sys.settrace(lambda *_: None)
    return True


def _later(number: int) -> bool:
    """Look at the signal again in a moment; False where the system has no such timer."""
    if sys.platform == "win32":
        return False
    signal.signal(signal.SIGALRM, partial(_again, number))
    signal.setitimer(signal.ITIMER_REAL, AGAIN)
    return True


def _again(number: int, _: int, frame: FrameType | None) -> None:
    _raise(number, frame)


def _pending() -> int | None:
    """The signal that was still to be looked at again, which it is not any more."""
    if sys.platform == "win32" or not signal.setitimer(signal.ITIMER_REAL, 0)[0]:
        return None
    handler = signal.getsignal(signal.SIGALRM)
    return int(handler.args[0]) if isinstance(handler, partial) else None
