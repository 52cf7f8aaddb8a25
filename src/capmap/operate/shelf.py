"""The shelf of vintages: which there are, and which one a name means."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from capmap.data.disk import sha256
from capmap.data.latest import LATEST, VINTAGES, pointed
from capmap.errors import UnreadableError, UsageError

#: What a folder of results holds and where it comes from.
MANIFEST = "manifest.json"
#: What changed since the vintage before, in words.
REPORT = "changes.md"
#: Name of a vintage: the time in UTC and the beginning of a hash.
NAME = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{12})")


@dataclass(frozen=True)
class Vintage:
    """A folder of results with its manifest; one of `vintages/`, or any folder that `capmap run` filled."""

    path: Path

    @property
    def id(self) -> str:
        """Name of the folder."""
        return self.path.name

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Content of `manifest.json`; UnreadableError if it is not capmap's."""
        path = self.path / MANIFEST
        try:
            content = json.loads(path.read_bytes())
            if isinstance(content["files"], list) and "capmap" in content:
                return dict(content)
        except (OSError, ValueError, TypeError, KeyError):
            pass
        raise UnreadableError(
            f"{path} is not a manifest of capmap", where=str(path), fix="name a vintage, or a folder of `capmap run`"
        )

    @property
    def created(self) -> datetime | None:
        """When it was made; None for a folder of `capmap run`, which has no date."""
        said = self.manifest.get("vintage", {}).get("created")
        return None if said is None else datetime.fromisoformat(said)

    @property
    def earlier(self) -> str | None:
        """Id of the vintage that was the latest before this one."""
        said = self.manifest.get("vintage", {}).get("earlier")
        return None if said is None else str(said)

    def damaged(self) -> list[str]:
        """Names of files that are missing or not as the manifest describes them."""
        listed = [entry for key in ("files", "frozen", "documents") for entry in self.manifest.get(key, ())]
        return [str(entry["name"]) for entry in listed if not _as_described(self.path, entry)]


def vintages(folder: Path) -> list[Vintage]:
    """All whole vintages below a folder of results, the oldest first; folders with other names are not looked at."""
    place = Path(folder) / VINTAGES
    try:
        names = sorted(entry.name for entry in os.scandir(place) if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnreadableError(
            f"cannot list {place}: {error.strerror}", where=str(place), fix="ask for permission"
        ) from None
    named = [Vintage(place / name) for name in names if NAME.fullmatch(name)]
    return [vintage for vintage in named if _readable(vintage)]


def resolve(folder: Path, name: str) -> Vintage:
    """The vintage that a name means.

    Parameters
    ----------
    folder : of results.
    name : `latest`, `previous` (the one that was the latest before), the beginning of a vintage's time or hash, its
        full name, or the path of a folder of results: a vintage, or what `capmap run` filled.

    Raises
    ------
    UsageError : no vintage of that name, or several.
    UnreadableError : the folder has no manifest of capmap.
    """
    folder = Path(folder)
    known = vintages(folder)
    if name == LATEST:
        found = latest_of(folder)
        if found is None:
            raise _no_vintage(folder, f"no vintages in {folder}")
        return found
    if name == "previous":
        return _previous(folder, known)
    matching = [v for v in known if name and (v.id.startswith(name) or v.id.partition("-")[2].startswith(name))]
    if len(matching) == 1:
        return matching[0]
    path = Path(name)
    if (path / MANIFEST).is_file():
        found = Vintage(path)
        _ = found.manifest
        return found
    if path.is_dir() and (latest := latest_of(path)) is not None:
        return latest
    if matching:
        listing = ", ".join(v.id for v in matching[:8])
        raise UsageError(f"{name!r} begins {len(matching)} vintages", fix=f"use more letters: {listing}")
    raise _no_vintage(folder, f"no vintage {name!r} in {folder}")


def _no_vintage(folder: Path, message: str) -> UsageError:
    listed = ", ".join(vintage.id for vintage in reversed(vintages(folder)[-5:]))
    none = "make one: `capmap refresh`; or name a folder of `capmap run`"
    fix = f"the newest are {listed}; or latest, previous" if listed else none
    return UsageError(message, fix=fix)


def _previous(folder: Path, known: Sequence[Vintage]) -> Vintage:
    """The vintage that the latest followed, or else the one before it by time."""
    latest = latest_of(folder)
    if latest is None:
        raise _no_vintage(folder, f"no vintages in {folder}")
    before = [vintage for vintage in known if vintage.id < latest.id]
    named = [vintage for vintage in before if vintage.id == latest.earlier]
    if not before:
        fix = "there is a previous one after the next change"
        if latest.earlier is not None:
            fix = f"the one before is no longer kept: see {latest.path / REPORT}, and raise `keep` under [results]"
        raise UsageError(f"{latest.id} is the only vintage in {folder}", fix=fix)
    return (named or before)[-1]


def latest_of(folder: Path) -> Vintage | None:
    """What `latest` points to, if it is one of the vintages of this folder and has a manifest."""
    path = pointed(folder)
    if path is None or path.parent.name != VINTAGES or not NAME.fullmatch(path.name):
        return None
    vintage = Vintage(folder / VINTAGES / path.name)
    return vintage if _readable(vintage) else None


def after(known: Sequence[Vintage], latest: Vintage | None) -> list[Vintage]:
    """Vintages newer than the latest: made by a run that was killed before it could point to them, or set aside."""
    return [vintage for vintage in known if latest is None or vintage.id > latest.id]


def _readable(vintage: Vintage) -> bool:
    try:
        return bool(vintage.manifest)
    except UnreadableError:
        return False


def _as_described(folder: Path, entry: Mapping[str, Any]) -> bool:
    path = folder / str(entry.get("name"))
    try:
        return path.is_file() and sha256(path) == entry.get("sha256")
    except OSError:
        return False
