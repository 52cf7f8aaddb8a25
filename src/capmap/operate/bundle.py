"""A project and its results as one archive that can be verified on another machine. (`capmap run --bundle`)

    bundle.json             version of the layout and of capmap, where the run file is, SHA-256 and size of every file
    project/...             run file, indicators, code lists, indices and observations, in the places where they lay
    results/...             what `capmap run` writes

The same project gives the same bytes: names are sorted, times fixed. What is read is taken for hostile: names that lead out
of the folder, links, names that some systems take for one, more or larger files than a project has, and archives that
unpack to many times their size are refused before anything is written.
"""

from __future__ import annotations

import gzip
import json
import os
import stat
import tomllib
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any

from capmap.data.load import load
from capmap.data.settings import PREFIX, RUN_FILE
from capmap.data.write import atomic, json_text, sha256, writing
from capmap.errors import UnreadableError, UsageError
from capmap.model import Project
from capmap.operate.run import MANIFEST, Analysis, run_all

LISTING, PROJECT, RESULTS = "bundle.json", "project", "results"
LAYOUT = 1
#: Times in the archive: the earliest that the format knows.
TIME = (1980, 1, 1, 0, 0, 0)
#: Limits of what is read: files, bytes in all, times the packed size of larger files, bytes from which that counts.
MOST_FILES, MOST_BYTES, MOST_RATIO, RATIO_FROM = 10_000, 4 * 2**30, 200, 2**20
#: Longest name of a file or folder.
LONGEST = 200
#: Names that Windows keeps for devices.
DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    "conin$",
    "conout$",
    *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10)),
}
_CHUNK = 2**20


@dataclass(frozen=True)
class Bundle:
    """An archive that was unpacked into a folder of its own."""

    folder: Path
    listing: Mapping[str, Any]

    @property
    def results(self) -> Path:
        """Folder of the results."""
        return self.folder / RESULTS

    @property
    def root(self) -> Path:
        """Folder of the run file."""
        return self.folder / PROJECT / str(self.listing["root"])

    def damaged(self) -> list[tuple[str, str | None, str | None]]:
        """Files that are not as the listing describes them: name, hash there, hash of what is here."""
        listed = {entry["name"]: entry["sha256"] for entry in self.listing["files"]}
        here = {
            path.relative_to(self.folder).as_posix(): sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }
        here.pop(LISTING)
        return [
            (name, listed.get(name), here.get(name))
            for name in dict.fromkeys((*listed, *here))
            if listed.get(name) != here.get(name)
        ]


def write_bundle(project: Project, path: str | Path, *, analyses: Mapping[str, Analysis] | None = None) -> Path:
    """Compute everything and put the project and its results into one archive.

    Parameters
    ----------
    project : a loaded project; not a single file.
    path : the archive, replaced whole or not at all.
    analyses : command -> what computes its result, as in `run_all`.

    Raises
    ------
    UsageError : the project reads from places that have no name beside it.
    RefusedError : every analysis refused the data.
    WriteError : the archive cannot be written.
    """
    path = Path(path)
    members = {f"{PROJECT}/{name}": file for name, file in project_files(project).items()}
    with TemporaryDirectory(prefix="capmap-bundle-") as name:
        folder = Path(name) / RESULTS
        for file in run_all(project, folder, analyses=analyses):
            members[f"{RESULTS}/{file.name}"] = file
        base = common_root(project)
        listing = {
            "bundle": LAYOUT, "capmap": json.loads((folder / MANIFEST).read_bytes())["capmap"],
            "root": project.root.resolve().relative_to(base).as_posix(), "environment": _environment(project),
            "files": [{"name": one, "bytes": members[one].stat().st_size, "sha256": sha256(members[one])}
                      for one in sorted(members)],
        }  # fmt: skip
        text = (json_text(listing, indent=2) + "\n").encode()
        with atomic(path) as target:
            _pack(target, text, members)
    return path


def _pack(target: IO[bytes], listing: bytes, members: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr(_entry(LISTING), listing)
        for name in sorted(members):
            with open(members[name], "rb") as source, archive.open(_entry(name), "w") as place:
                for part in iter(partial(source.read, _CHUNK), b""):
                    place.write(part)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIME)
    entry.compress_type, entry.create_system, entry.external_attr = (
        zipfile.ZIP_DEFLATED,
        3,
        (stat.S_IFREG | 0o644) << 16,
    )
    return entry


def common_root(project: Project) -> Path:
    """The folder that holds the run file and everything the project reads."""
    places = [project.root.resolve(), *(file.resolve() for file in _inputs(project))]
    return Path(os.path.commonpath([str(place) for place in places]))


def project_files(project: Project) -> dict[str, Path]:
    """Name below the common root -> file, of everything that the project is made of.

    Raises
    ------
    UsageError : it is a single file, reads from standard input, or from a place named by a full path.
    """
    run_file = project.root / RUN_FILE
    if not run_file.is_file() or not project.origins:
        raise UsageError("only a project can be put into an archive", fix="make one: `capmap init DIR`")
    section = project.run.data
    full = [name for name in (*section.observations, section.indicators, section.codes, section.index)
            if os.path.isabs(name)]  # fmt: skip
    if full:
        raise UsageError(
            f"{', '.join(full)}: a full path has no place on another machine",
            fix=f"name it beside {RUN_FILE}, as data/x.csv",
        )
    base = common_root(project)
    files = [run_file.resolve(), *(file.resolve() for file in _inputs(project))]
    found = {file.relative_to(base).as_posix(): file for file in files}
    for name in found:
        check_name(name)
    return dict(sorted(found.items()))


def _inputs(project: Project) -> list[Path]:
    """Observations, and every file in the folders of definitions that capmap reads; other hidden ones stay."""
    section = project.run.data
    folders = ((section.indicators, "*.toml"), (section.codes, "*.csv"), (section.index, "*"))
    found = [path for name, what in folders for path in (project.root / name).glob(what) if path.is_file()]
    read = (".toml", ".csv", ".json")
    definitions = [path for path in found if path.suffix in read or not path.name.startswith(".")]
    missing = [file.name for file in project.files if not file.path.is_file()]
    if missing:
        raise UsageError(f"{', '.join(missing)} cannot be put into an archive", fix="save it as a file first")
    return [*definitions, *(file.path for file in project.files)]


def _environment(project: Project) -> dict[str, str]:
    """Settings that came from the environment, as variables: they are not in any file."""
    found = {}
    for key, said in sorted(project.origins.items()):
        if said.startswith("environment "):
            section, _, name = key.partition(".")
            if section == "data":
                raise UsageError(f"{key} comes from the environment and is in no file", fix=f"write it into {RUN_FILE}")
            values = getattr(project.run, section)
            value = values.get(name) if isinstance(values, dict) else getattr(values, name)
            found[said.removeprefix("environment ")] = ",".join(value) if isinstance(value, tuple) else str(value)
    return found


# Reading --------------------------------------------------------------------------------------------------------------


def is_bundle(path: Path) -> bool:
    """Whether a file is to be read as an archive: by its name, or its first bytes."""
    with open(path, "rb") as file:
        return path.suffix.lower() == ".zip" or (path.suffix.lower() != ".xlsx" and file.read(4) == b"PK\x03\x04")


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """An archive unpacked into a folder that is removed in the end.

    Raises
    ------
    UnreadableError : it is damaged, hostile, or not an archive of capmap; nothing was written outside the folder.
    WriteError : there is no room to unpack it.
    """
    with TemporaryDirectory(prefix="capmap-bundle-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                entries = checked(archive.infolist(), path)
                for entry in entries:
                    _unpack(archive, entry, folder)
                _measure(path, folder, entries)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise UnreadableError(
                f"{path.name} is no archive that can be read: {error}", where=str(path),
                fix="copy it again from where it was made",
            ) from None  # fmt: skip
        yield Bundle(folder, _listing(folder, path))


def checked(entries: list[zipfile.ZipInfo], path: Path) -> list[zipfile.ZipInfo]:
    """The entries of an archive, if all of them are plain files with names inside it and of bounded size."""
    if len(entries) > MOST_FILES:
        raise _hostile(path, f"it has {len(entries):,} files, more than {MOST_FILES:,}")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise _hostile(path, f"it unpacks to {total:,} bytes, more than {MOST_BYTES:,}")
    seen: set[str] = set()
    for entry in entries:
        if "\x00" in entry.orig_filename or entry.orig_filename != entry.filename:
            raise _hostile(path, f"it holds a file named {entry.orig_filename!r}")
        check_name(entry.filename, path)
        if entry.flag_bits & 0x1:
            raise _hostile(path, f"{entry.filename} is encrypted")
        mode = stat.S_IFMT(entry.external_attr >> 16)
        if mode not in (0, stat.S_IFREG):
            raise _hostile(path, f"{entry.filename} is {'a link' if mode == stat.S_IFLNK else 'no plain file'}")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _hostile(path, f"{entry.filename} is packed in a way that capmap does not write")
        if entry.file_size > RATIO_FROM and entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
            raise _hostile(path, f"{entry.filename} unpacks to more than {MOST_RATIO} times its size")
        folded = unicodedata.normalize("NFC", entry.filename).casefold()
        if folded in seen:
            raise _hostile(path, f"{entry.filename} stands in it twice")
        seen.add(folded)
    parents = {str(parent) for name in seen for parent in PurePosixPath(name).parents}
    if both := sorted(seen & parents):
        raise _hostile(path, f"{both[0]} is a file and a folder")
    return entries


def check_name(name: str, path: Path | None = None) -> None:
    """Raises UnreadableError for a name that leads out of its folder, or that is another one on some system.

    >>> check_name("results/rca.csv")
    >>> check_name("../rca.csv")
    Traceback (most recent call last):
    capmap.errors.UnreadableError: '../rca.csv' is no name for a file of results
    """
    parts = name.split("/")
    bad = (
        not name or "\\" in name or ":" in name or any(ord(c) < 32 or ord(c) == 127 for c in name)
        or any(part in ("", ".", "..") or len(part.encode()) > LONGEST or part != part.rstrip(" .") for part in parts)
        or any(part.partition(".")[0].casefold() in DEVICES for part in parts)
    )  # fmt: skip
    if bad:
        if path is not None:
            raise _hostile(path, f"it holds a file named {name!r}")
        raise UnreadableError(f"{name!r} is no name for a file of results", fix="do not trust where this comes from")


def _hostile(path: Path, why: str) -> UnreadableError:
    return UnreadableError(
        f"{path.name} is not an archive that capmap wrote: {why}",
        where=str(path),
        fix="do not trust where it comes from",
    )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """One file, no byte more than announced."""
    target = folder / entry.filename
    left = entry.file_size
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, writing(target), open(target, "xb") as place:
        for part in iter(partial(source.read, _CHUNK), b""):
            left -= len(part)
            if left < 0:
                raise zipfile.BadZipFile(f"{entry.filename} is longer than announced")
            place.write(part)
    if left:
        raise zipfile.BadZipFile(f"{entry.filename} is shorter than announced")


def _measure(path: Path, folder: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Raises where what is packed in the files themselves, which are read later, is more than a project has."""
    left = MOST_BYTES
    for entry in entries:
        name = entry.filename.lower()
        if name.endswith(".gz"):
            left -= _unpacked_size(folder / entry.filename, left)
        elif name.endswith(".xlsx"):
            with suppress(zipfile.BadZipFile), zipfile.ZipFile(folder / entry.filename) as book:
                left -= sum(one.file_size for one in book.infolist())
        if left < 0:
            raise _hostile(path, f"{entry.filename} unpacks to more than {MOST_BYTES:,} bytes")


def _unpacked_size(path: Path, most: int) -> int:
    """Bytes in a gzip file, counted to `most` and little more; what is damaged is left to who reads it."""
    size = 0
    with suppress(EOFError, OSError, zlib.error), gzip.open(path) as file:
        while size <= most and (part := file.read(_CHUNK)):
            size += len(part)
    return size


def _listing(folder: Path, path: Path) -> dict[str, Any]:
    """What the archive says of itself."""
    try:
        content = json.loads((folder / LISTING).read_bytes())
        names = [entry["name"] for entry in content["files"]]
        whole = (
            content["bundle"] == LAYOUT
            and isinstance(content["root"], str)
            and isinstance(content["environment"], dict)
        )
        whole &= all(isinstance(entry["sha256"], str) for entry in content["files"])
        whole &= all(isinstance(k, str) and isinstance(v, str) for k, v in content["environment"].items())
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise _hostile(path, f"it has no {LISTING} that can be read")
    for name in (*names, *([content["root"]] if content["root"] != "." else [])):
        check_name(name, path)
    if not (folder / RESULTS / MANIFEST).is_file() or not (folder / PROJECT / content["root"] / RUN_FILE).is_file():
        raise _hostile(path, "it has no project or no results")
    return dict(content)


def load_project(inside: Bundle) -> Project:
    """The project of an archive, with the settings that it was run with and none of this machine's; see `check_places`."""
    return load(inside.root, environ=inside.listing["environment"])


def check_places(inside: Bundle) -> None:
    """Raises UnreadableError if the run file of an archive names places outside of it; they are not looked at."""
    where = inside.root / RUN_FILE
    try:
        said = tomllib.loads(where.read_bytes().decode()).get("data", {})
        named = [*said.get("observations", ()), *(said[key] for key in ("indicators", "codes", "index") if key in said)]
        outside = [str(name) for name in named if _leads_out(inside, str(name))]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableError(f"the run file of the archive cannot be read: {error}", where=RUN_FILE) from None
    outside += [name for name in inside.listing["environment"] if name.startswith(f"{PREFIX}DATA_")]
    if outside:
        raise UnreadableError(
            f"the project in the archive reads {', '.join(outside)}, which lies outside of it", where=RUN_FILE,
            fix="do not trust where it comes from",
        )  # fmt: skip


def _leads_out(inside: Bundle, name: str) -> bool:
    """Whether a path or pattern of a run file leads out of the archive."""
    if "\\" in name or ":" in name or name.startswith(("/", "~")):
        return True
    place = os.path.normpath(PurePosixPath(inside.listing["root"]) / name)
    return place == ".." or place.startswith("../") or any(part == ".." and "*" in name for part in name.split("/"))
