"""Everything a project can answer, computed in one go into one folder. (`capmap run`)"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from capmap.data.write import check_target, dump, json_text, origin, settle, sha256, stamped, writing
from capmap.errors import RefusedError, UsageError, WriteError
from capmap.model import Project, Result

if TYPE_CHECKING:
    import polars as pl

#: What the folder holds and where it comes from; it is moved into place last.
MANIFEST = "manifest.json"
#: How the name of the folder begins in which a run prepares its files.
STAGE = ".tmp-capmap-"
#: Every table is written in these formats.
FORMATS = ("parquet", "csv")

Analysis = Callable[[Project], Result]


def everything(project: Project) -> dict[str, Analysis]:
    """The analyses of a full run by command: all years, default settings, in the order they are computed.

    Composite indices are of their latest year, and only where the project has any.
    """
    from capmap.analyses import (
        backtest,
        complexity,
        intensity,
        listing,
        normalise,
        opportunities,
        profile,
        relatedness,
        specialisation,
    )
    from capmap.analyses.composite import every as indices

    shared = indices.Indices(project)  # measured once for both results, if they are asked of this project

    def every(of: Project) -> indices.Indices:
        return shared if of is project else indices.Indices(of)

    composite: dict[str, Analysis] = {
        "index": lambda of: every(of).index(),
        "robustness": lambda of: every(of).robustness(),
    }
    return {
        "indicators": listing.indicators,
        "regions": listing.regions,
        "sectors": listing.sectors,
        "rca": lambda project: specialisation.rca(project, year="all"),
        "intensity": lambda project: intensity.intensity(project, year="all"),
        "normalise": lambda project: normalise.normalise(project, year="all", method="z_score"),
        "complexity": lambda project: complexity.complexity(project, year="all"),
        "relatedness": relatedness.relatedness,
        "opportunities": opportunities.everyone,
        "backtest": backtest.backtest,
        **(composite if project.indices else {}),
        "profiles": profile.profiles,
    }


def run_all(
    project: Project, folder: str | Path, *, analyses: Mapping[str, Analysis] | None = None
) -> tuple[Path, ...]:
    """Compute analyses and put their tables and a manifest into a folder.

    Parameters
    ----------
    project : a loaded project.
    folder : made if it is not there; the folder above it must be. Files that capmap did not write stay.
    analyses : command -> what computes its result; `everything(project)` by default. One that refuses the data
        (RefusedError) is left out, and the manifest says why; so is an index that does.

    Returns
    -------
    The files written: `<command>.parquet` and `<command>.csv` for the table that is alone or has the command's
    name, `<command>-<table>` for others, then `manifest.json`.

    The manifest holds the version, the inputs, definitions and settings (`data.write.origin`), the number of
    `findings` by severity, `results` (command, parameters, seed), `files` (name, command, table, rows, columns,
    SHA-256) and `skipped` (command, reason). It has no dates: a second run writes identical bytes.

    Everything is computed and written into a hidden folder `.tmp-capmap-*` inside `folder` first, so a run that fails
    or is killed while computing touches no earlier result; what a killed run leaves behind is removed by the next one
    that runs there alone (where the system can lock a folder). Then the files are moved over the earlier ones, files
    that only the earlier manifest lists are removed if they are as it describes them, and the manifest comes last.
    A run killed in that moment leaves whole files, with an earlier manifest whose hashes give away the new ones.

    Raises
    ------
    UsageError : the project reads from `folder`, so the results would be taken for input.
    RefusedError : every analysis refused the data.
    WriteError : the folder cannot be written to, or has a `manifest.json` that is not capmap's.
    """
    folder = Path(folder)
    refuse_input(project, folder)
    refuse_file(folder)
    earlier = _listed(folder)
    with staging(folder) as stage:
        manifest = _compute(project, everything(project) if analyses is None else analyses, stage, folder)
        names = [entry["name"] for entry in manifest["files"]]
        for name in (*names, MANIFEST):
            with writing(folder / name):
                check_target(folder / name)
        for name in names:
            _move(stage, folder, name)
        _remove_outdated(folder, earlier, names)
        _move(stage, folder, MANIFEST)
    return tuple(folder / name for name in (*names, MANIFEST))


def _compute(project: Project, analyses: Mapping[str, Analysis], stage: Path, folder: Path) -> dict[str, Any]:
    """All files in the staging folder, and the manifest, which is among them."""
    files: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    for command, analysis in analyses.items():
        try:
            result = stamped(project, analysis(project))
        except RefusedError as error:
            skipped.append({"command": command, "reason": error.message})
            continue
        skipped += refused_indices(command, result)
        results.append({"command": command} | {key: result.meta[key] for key in ("parameters", "seed")})
        files += put_tables(stage, folder, command, result)
    if not results:
        reasons = "; ".join(f"{entry['command']}: {entry['reason']}" for entry in skipped)
        raise RefusedError(f"nothing to compute: {reasons}", fix="see `capmap indicators` for what the project holds")
    manifest = {
        **origin(project),
        "findings": found(project),
        "results": results,
        "files": files,
        "skipped": skipped,
    }
    text = (json_text(manifest, indent=2) + "\n").encode()
    put(stage, folder, MANIFEST, lambda file: file.write(text))
    return manifest


def refused_indices(command: str, result: Result) -> list[dict[str, str]]:
    """Composite indices that the data did not allow, as entries of `skipped`."""
    refused = [one for one in result.meta.get("refused", ()) if "index" in one]
    return [{"command": f"{command} {one['index']}", "reason": one["reason"]} for one in refused]


def put_tables(stage: Path, folder: Path, command: str, result: Result) -> list[dict[str, Any]]:
    """Write every table of a result in every format; what the manifest says of the files."""
    files: list[dict[str, Any]] = []
    for table, frame in result.tables.items():
        stem = command if len(result.tables) == 1 or table == command else f"{command}-{table}"
        one = Result(command, {table: frame}, result.meta)
        for suffix in FORMATS:
            name = f"{stem}.{suffix}"
            put(stage, folder, name, partial(dump, one, format=suffix))
            files.append({"name": name} | described(command, table, frame, stage / name))
    return files


def found(project: Project) -> dict[str, int]:
    """Number of findings of each severity."""
    counts: Counter[str] = Counter()
    for finding in project.findings:
        counts[finding.severity] += finding.count
    return {severity: counts[severity] for severity in ("error", "warning", "note")}


def described(command: str, table: str, frame: pl.DataFrame, path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    columns = list(frame.columns)
    return {"command": command, "table": table, "rows": frame.height, "columns": columns, "sha256": sha256(path)}


def refuse_input(project: Project, folder: Path) -> None:
    """Raise UsageError if the project reads from the folder."""
    place = folder.resolve()
    sources = {file.path.resolve().parent for file in project.files if file.path.is_file()}
    named = (project.run.data.indicators, project.run.data.codes, project.run.data.index)
    sources |= {(project.root / name).resolve() for name in named}
    if place in sources:
        raise UsageError(
            f"{folder} is where the project reads from, so results there would be taken for input",
            fix="name another folder, such as results",
        )


def refuse_file(folder: Path) -> None:
    """Raise WriteError if there is a file in the place of the folder."""
    if folder.exists() and not folder.is_dir():
        raise WriteError(
            f"cannot write {folder}: it is a file, and a run fills a folder", where=str(folder),
            fix="name a folder, such as results; one result into a file: capmap rca -o FILE",
        )  # fmt: skip


def _listed(folder: Path) -> list[Any]:
    """Files that the manifest of an earlier run lists; a manifest of somebody else is not to be replaced."""
    path = folder / MANIFEST
    with writing(path):
        if not path.exists():
            return []
        text = path.read_bytes()
    try:
        manifest = json.loads(text)
        if "capmap" in manifest and isinstance(manifest["files"], list):
            return list(manifest["files"])
    except (ValueError, TypeError, KeyError):
        pass
    raise WriteError(
        f"{path} was not written by capmap", where=str(path), fix="name another folder, or move that file away"
    )


def _remove_outdated(folder: Path, earlier: Sequence[Any], names: Sequence[str]) -> None:
    """Remove what an earlier run wrote and this one did not, unless somebody changed it since."""
    for entry in earlier:
        name, digest = (entry.get(key) for key in ("name", "sha256")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or PurePath(name).name != name or name in (*names, MANIFEST):
            continue
        path = folder / name
        with writing(path):
            if path.is_file() and not path.is_symlink() and sha256(path) == digest:
                path.unlink()


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A hidden folder inside `folder`, removed in the end; `folder` too if it was made for nothing."""
    made = not folder.exists()
    with writing(folder):
        if made:
            make_folder(folder)
    try:
        with _shared(folder):
            with writing(folder):
                stage = TemporaryDirectory(prefix=STAGE, dir=folder)
            with stage as name:
                yield Path(name)
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


def make_folder(folder: Path) -> None:
    """Make a folder, or say why not."""
    try:
        folder.mkdir()
    except FileNotFoundError:
        if not folder.parent.is_dir():
            raise
        raise WriteError(  # a folder that the system fills itself, such as /proc
            f"cannot write {folder}: the system lets nobody make a folder in {folder.parent}", where=str(folder),
            fix="name another place",
        ) from None  # fmt: skip


@contextmanager
def _shared(folder: Path) -> Iterator[None]:
    """Mark a folder as in use by a run; who is alone there removes what killed runs left behind.

    The mark is a shared lock on the folder itself, which the system takes back from a process that dies. Staging folders
    are made under it, so under the exclusive lock all of them are left over. Where the system or the disk has no
    such locks nothing is removed.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder to write to but not to list
        yield
        return
    try:
        with suppress(OSError):  # another run holds it, or there are no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in folder.glob(f"{STAGE}*"):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits for a run that is removing
        yield
    finally:
        os.close(descriptor)


def put(stage: Path, folder: Path, name: str, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file of the staging folder; what goes wrong is said of the file it will become."""
    with writing(folder / name), open(stage / name, "xb") as file:
        fill(file)
        settle(file)


def _move(stage: Path, folder: Path, name: str) -> None:
    """Put a file in its place, with the permissions of the one it replaces."""
    with writing(folder / name):
        if (folder / name).exists():
            shutil.copymode(folder / name, stage / name)
        os.replace(stage / name, folder / name)
