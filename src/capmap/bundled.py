"""Where the sample project is: inside the installed package, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def bundled() -> Path:
    """Folder that holds the sample's `indicators/`, `index/` and `sample_data/`.

    An installed wheel carries them under `capmap/_bundled`; an editable install does not, so the root of
    the checkout is looked at next.

    Raises
    ------
    FileNotFoundError : neither place has them, so the installation is broken.
    """
    for folder in (_PACKAGE / "_bundled", _PACKAGE.parents[1]):
        if (folder / "sample_data").is_dir() and (folder / "indicators").is_dir():
            return folder
    raise FileNotFoundError("the sample project is not part of this installation of capmap")


def sample_project() -> Path:
    """Folder of the sample project, the one with its `capmap.toml`."""
    return bundled() / "sample_data"
