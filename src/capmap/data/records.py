"""What a project remembers of its sources and of its last refresh: files below `.capmap/`.

    .capmap/
      lock, running.json    who refreshes the project, and since when
      cache/<sha256>        what each source gave last, byte for byte
      sources/<id>.json     where that came from, when, under which terms, and what was made of it
      state.json            hashes of everything read by the last refresh, and the vintage that it led to

Everything may be deleted while no refresh is at work: the next one asks the sources again. Nothing here needs polars.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from capmap import __version__
from capmap.data.disk import atomic, sha256, writing
from capmap.data.places import find_inputs
from capmap.data.settings import environment_settings
from capmap.model import RunFile, SourceSection

#: Folder of a project that is capmap's own.
OWN = ".capmap"
CACHE, SOURCES, STATE, LOCK, RUNNING = "cache", "sources", "state.json", "lock", "running.json"


@dataclass(frozen=True)
class Record:
    """What a source gave last, and what was made of it."""

    place: str  #: address or pattern as it may be seen
    identity: str  #: SHA-256 of what was asked for and in whose name
    sha256: str  #: of what it gave
    size: int
    changed: str  #: when this content was published, or first seen here; ISO 8601 in UTC
    definition: str  #: SHA-256 of how it was read and mapped
    header: tuple[str, ...]  #: its columns
    rows: int
    output: str  #: SHA-256 of `data/sources/<id>.parquet`
    etag: str | None = None
    last_modified: str | None = None
    licence: str | None = None

    def age(self, now: datetime) -> float:
        """Days since the content changed, as far as it is known; never below 0."""
        return max(0.0, (now - datetime.fromisoformat(self.changed)).total_seconds() / 86_400)


def own_folder(root: Path) -> Path:
    """`.capmap` of a project, made if it is not there; version control leaves it alone.

    Raises
    ------
    WriteError : it cannot be made.
    """
    folder = root / OWN
    with writing(folder):
        for part in (folder, folder / CACHE, folder / SOURCES):
            part.mkdir(exist_ok=True)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def read_records(folder: Path, names: Sequence[str]) -> dict[str, Record]:
    """Records of sources by id; one that is missing or damaged is as if the source had never been asked."""
    found = {}
    for name in names:
        content = read_json(folder / SOURCES / f"{name}.json")
        try:
            found[name] = Record(**{**content, "header": tuple(content["header"])})
            datetime.fromisoformat(found[name].changed)
        except (TypeError, KeyError, ValueError):
            found.pop(name, None)
    return found


def write_record(folder: Path, name: str, record: Record) -> None:
    """Put a record in its place."""
    write_json(folder / SOURCES / f"{name}.json", asdict(record))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where the file is missing, damaged or something else."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON object, whole or not at all."""
    with atomic(path) as file:
        file.write((json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def tidy(folder: Path, records: Mapping[str, Record]) -> None:
    """Remove what belongs to no source any more: records, and downloads that no record names."""
    kept = {record.sha256 for record in records.values()}
    old = [path for path in (folder / CACHE).iterdir() if path.name not in kept]
    old += [path for path in (folder / SOURCES).glob("*.json") if path.stem not in records]
    for path in old:
        with suppress(OSError):  # it harms nobody
            path.unlink()


def definition(source: SourceSection, root: Path) -> str:
    """SHA-256 of how a source is read and mapped, with the code tables that it names and the version of capmap."""
    keys = {
        "member",
        "indicator",
        "columns",
        "codes",
        "filter",
        "expect",
        "separator",
        "decimal",
        "encoding",
        "null_values",
    }
    tables, hashes = [root / one for one in source.codes.values() if isinstance(one, str)], Hashes()
    content = {
        "capmap": __version__,
        "source": source.model_dump(mode="json", include=keys),
        "tables": [hashes[path] or None for path in tables],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Hashes(dict[Path, str]):
    """SHA-256 of files, each read once; empty for a file that is not there or cannot be read."""

    def __missing__(self, path: Path) -> str:
        """Read the file."""
        try:
            self[path] = sha256(path)
        except OSError:
            self[path] = ""
        return self[path]


def fingerprint(
    run_file: Path, run: RunFile, environ: Mapping[str, str], staged: Mapping[str, Path], hashes: Hashes
) -> dict[str, str]:
    """Everything that results depend on: name of a file below the project -> SHA-256, with version and variables.

    Parameters
    ----------
    staged : id of a source -> file that is to take the place of its own.
    """
    root = run_file.resolve().parent
    paths, names, _ = find_inputs(run, root, staged)
    found = {names.get(path) or str(path): hashes[path] for path in paths}
    found[str(run_file)] = hashes[run_file]
    for folder in (run.data.indicators, run.data.codes, run.data.index):
        place = root / folder
        found |= {str(path): hashes[path] for path in sorted(place.rglob("*")) if path.is_file()}
    variables, _ = environment_settings(environ)
    found |= {variable: environ[variable] for variable in variables.values()}
    plain = {name.removeprefix(f"{root}/"): value for name, value in found.items()}
    return {"capmap": __version__, **plain}
