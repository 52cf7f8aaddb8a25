"""Where the latest vintage of a folder of results is; imports nothing heavy, as a refresh without news asks first."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

#: Folder of the vintages, and the link (or the file with its text) that names the latest.
VINTAGES, LATEST = "vintages", "latest"
LONGEST = 4096  #: characters of a pointer; more is no pointer


def pointed(folder: Path) -> Path | None:
    """The folder below `folder` that `latest` names, whether it is there or not; None without a pointer, or with one
    that leads anywhere but into `vintages`.
    """
    pointer = folder / LATEST
    try:
        if pointer.is_symlink():
            text = os.readlink(pointer)
        elif pointer.is_file() and pointer.stat().st_size <= LONGEST:
            text = pointer.read_text("utf-8").strip()
        else:
            return None
    except (OSError, ValueError):
        return None
    parts = PurePosixPath(text.replace(os.sep, "/")).parts
    if len(parts) != 2 or parts[0] != VINTAGES or parts[1] in ("..", "."):
        return None
    return folder / VINTAGES / parts[1]
