"""Files that are whole or not there: written beside their place, flushed, and moved into it at once.

Nothing here needs polars, so that a refresh without news does not wait for it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import shutil
import stat
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from capmap.errors import WriteError

_OS_ERROR = re.compile(r"(?:os error |Errno )(\d+)")


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file to write that takes the place of `path` when, and only when, all went well.

    It is written in the folder of the target under a name `.capmap-*.tmp`, flushed to the disk and moved over
    the target at once. Whatever ends the block early (an error, Ctrl-C, a signal turned into an exception)
    removes it; after a kill that no program survives it stays behind, and the target is as it was.

    A new file gets the permissions any new file gets, a replaced one keeps its own; a read-only target is not
    replaced. A symbolic link stays and the file it points to is replaced. A device or a pipe (`/dev/stdout`)
    is written to directly.

    Raises
    ------
    WriteError : the target cannot be written, with the reason and what to do about it.
    BrokenPipeError : the reader of a pipe went away.
    """
    with writing(path), draft(Path(path)) as (file, place):
        yield file
        place()


@contextmanager
def atomic_text(path: str | Path) -> Iterator[TextIO]:
    """As `atomic`, for text: UTF-8 with line ends `\\n`."""
    with atomic(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()


def check_target(path: Path) -> None:
    """Raise OSError if `path` is a folder or a file that may not be changed."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


@contextmanager
def draft(path: Path) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
    """A file to write beside `path`, and what moves it there; removed in the end if it was not moved."""
    if is_stream(path):
        with open(path, "wb") as file:
            yield file, file.flush
        return
    target = Path(os.path.realpath(path))
    check_target(target)
    beside = target.with_name(f".capmap-{uuid.uuid4().hex[:16]}.tmp")
    try:
        with open(beside, "xb") as file:
            if target.exists():
                shutil.copymode(target, beside)

            def place() -> None:
                settle(file)
                file.close()
                os.replace(beside, target)

            yield file, place
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what the operating system says against writing `path` into a WriteError with the reason and a fix."""
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        if not isinstance(error, OSError | _polars_error()):
            raise
        explained = _explained(Path(path), error)
        if explained is None:
            raise
        raise explained from error


def _polars_error() -> type[Exception]:
    """What polars raises where it cannot write; it says so in its own words, if it is there at all."""
    polars = sys.modules.get("polars")
    return OSError if polars is None else polars.exceptions.ComputeError


def _explained(path: Path, error: Exception) -> WriteError | None:
    """What kept a file from being written and what to do about it; None if the system had no part in it."""
    # polars reports what the system said, but as text only
    said = _OS_ERROR.search(str(error))
    code = getattr(error, "errno", None) or (int(said[1]) if said else None)
    if code is None:
        return None
    unchanged = "an earlier file is unchanged"
    reasons: dict[int, tuple[str, str]] = {
        errno.ENOENT: (f"there is no folder {path.parent}", f"make it first: mkdir -p {path.parent}"),
        errno.ENOTDIR: (f"{path.parent} is not a folder", "name a file in a folder that exists"),
        errno.EISDIR: ("it is a folder", f"name a file in it: {path / 'rca.csv'}"),
        errno.EACCES: ("it is write-protected", "ask for permission to write there, or name another place"),
        errno.EROFS: ("the disk is read-only", "name a place on another disk"),
        errno.ENOSPC: ("the disk is full", f"free some space and try again; {unchanged}"),
        errno.EFBIG: ("the file is too large for this place", f"name another place; {unchanged}"),
        errno.ENAMETOOLONG: ("the name is too long", "name it shorter"),
    }
    if path.parent.is_dir():  # it is there, but takes no file of that name, such as /proc
        reasons[errno.ENOENT] = (f"{path.parent} takes no such file", "name a file in another folder")
    reasons[errno.EPERM] = reasons[errno.EACCES]
    reasons[errno.EDQUOT] = ("your share of the disk is full", reasons[errno.ENOSPC][1])
    what, fix = reasons.get(code, (os.strerror(code), f"name another place; {unchanged}"))
    return WriteError(f"cannot write {path}: {what}", where=str(path), fix=fix)


def is_stream(path: Path) -> bool:
    """Whether `path` is a device, a pipe or a socket: something that is written to but never replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # not there yet, or the reason will show when it is opened
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def settle(file: IO[bytes]) -> None:
    """Everything written so far is on the disk."""
    file.flush()
    os.fsync(file.fileno())
