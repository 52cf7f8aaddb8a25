"""Results computed again from what they say they were made of, and every cell that does not follow. (`capmap verify`)

Figures follow if every bit does: -0.0 is not 0.0, and null, which stands for NaN in files, is like null alone. With a tolerance
numbers may differ by that share of the larger of the two, as they do in the last digits between machines with other libraries
for linear algebra; texts may not. Files whose cells all follow but whose bytes do not are reported as well.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from capmap.data.parquet import sound
from capmap.data.write import BARE_FORMATS, PARQUET_KEY, SUFFIXES, json_text, origin, plain, sha256, stamped
from capmap.errors import CapmapError, RefusedError, UnreadableError, UsageError
from capmap.model import Project, Result
from capmap.operate import bundle, frozen
from capmap.operate.compute import Computed, Keys, compute
from capmap.operate.run import MANIFEST, Analysis, everything, found, put_tables, refused_indices
from capmap.operate.shelf import latest_of
from capmap.operate.vintages import digest_of

DIFFERENCES = {
    "kind": pl.String, "file": pl.String, "table": pl.String, "key": pl.String, "column": pl.String, "stored": pl.String,
    "recomputed": pl.String,
}  # fmt: skip
#: What can be wrong, in the order in which it is told.
KINDS = (
    "version", "input", "definition", "setting", "manifest", "parameter", "file", "table", "row", "cell", "bytes",
    "not_computed",
)  # fmt: skip
#: Columns that name a row, in the order in which they are told.
ROW_KEYS = (
    "index", "indicator", "to", "classification", "year", "source_year", "section", "region", "sector", "source", "target",
    "node", "other", "measure", "model", "origin", "group", "code", "id", "key", "part", "symbol", "step",
)  # fmt: skip
#: Largest file of metadata that is read.
MOST_METADATA = 64 * 2**20
#: Bytes that a packed file may unpack to.
MOST_BYTES = 2**30
#: Keys of a manifest that the inputs and settings decide.
ORIGIN = {"inputs": "input", "definitions": "definition", "settings": "setting"}

Open = Callable[[], Project]
#: Does what words on the command line ask for, into a file.
Replay = Callable[[Sequence[str], Path], None]


@dataclass(frozen=True)
class Verified:
    """What was found, and the project that it was computed from; None where the results brought their own inputs."""

    result: Result
    project: Project | None


@dataclass
class _Report:
    """Differences as they are found, and what was compared."""

    rows: list[dict[str, str | None]] = field(default_factory=list)
    files: int = 0
    cells: int = 0

    def add(self, kind: str, stored: Any = None, recomputed: Any = None, **where: Any) -> None:
        """One difference."""
        said = {"stored": _said(stored), "recomputed": _said(recomputed)}
        self.rows.append(
            {"kind": kind} | {key: None if value is None else str(value) for key, value in where.items()} | said
        )

    def frame(self) -> pl.DataFrame:
        """All of them, the gravest kind first, in the order in which they were found."""
        order = {kind: place for place, kind in enumerate(KINDS)}
        rows = sorted(self.rows, key=lambda row: order[str(row["kind"])])
        return pl.DataFrame([{name: row.get(name) for name in DIFFERENCES} for row in rows], schema=DIFFERENCES)


def verify(path: str | Path, open_project: Open, replay: Replay | None = None, *, tolerance: float = 0.0) -> Verified:
    """Compute results again and compare.

    Parameters
    ----------
    path : a folder of `capmap run`, a vintage or the folder of vintages (its latest), an archive of `capmap run --bundle`, or a
        file that a command wrote: Parquet, JSON, or CSV, TSV, NDJSON with `FILE.meta.json` beside it.
    open_project : loads the project to compute from; not called for results that bring their own inputs.
    replay : does what the words of a command ask for, for files of one result; without it they are refused.
    tolerance : relative difference of numbers that follow all the same.

    Returns
    -------
    Verified, its table `differences` (DIFFERENCES) empty where everything follows.

    Raises
    ------
    UsageError : a file of one result, and no `replay`.
    UnreadableError : there is nothing there, it is not capmap's, or it is hostile or damaged beyond reading.
    """
    path = Path(path)
    report = _Report()
    if path.is_dir():
        found_project = _folder(path, open_project, report, tolerance)
        what = "folder"
    elif not path.is_file():
        raise UnreadableError(f"no results at {path}", where=str(path), fix="name a folder or file of results")
    elif bundle.is_bundle(path):
        with bundle.opened(path) as inside:
            _packed(inside, report, tolerance)
        found_project, what = None, "archive"
    else:
        found_project, what = _file(path, open_project, replay, report, tolerance), "file"
    meta = {
        "command": "verify",
        "parameters": {"results": path.name, "what": what, "tolerance": tolerance},
        "compared": {"files": report.files, "cells": report.cells},
    }
    return Verified(Result("verify", {"differences": report.frame()}, meta), found_project)


def _packed(inside: bundle.Bundle, report: _Report, tolerance: float) -> None:
    """An archive: its files by their hashes, then its results on its own project."""
    damaged = inside.damaged()
    for name, said, is_ in damaged:
        report.add("file", said, is_, file=name)
    bundle.check_places(inside)
    try:
        project = bundle.load_project(inside)
    except CapmapError as error:
        if not damaged:
            raise
        report.add("not_computed", "the project in the archive", error.message)
        return
    _compare_folder(inside.results, project, report, tolerance, packed=False)


# Folders --------------------------------------------------------------------------------------------------------------


def _folder(path: Path, open_project: Open, report: _Report, tolerance: float) -> Project | None:
    """A folder of results, or the latest of its vintages; the project, if one had to be opened."""
    if not (path / MANIFEST).exists():
        latest = latest_of(path)
        if latest is None:
            raise UnreadableError(
                f"{path} holds no results: it has no {MANIFEST}",
                where=str(path),
                fix="name a folder that `capmap run` filled",
            )
        path = latest.path
    manifest = _manifest(path / MANIFEST)
    own = None
    if manifest.get("frozen"):
        try:
            own = frozen.thaw(path, manifest)
        except (CapmapError, ValueError, KeyError, TypeError, OSError, pl.exceptions.PolarsError):
            report.add("not_computed", "frozen inputs", "damaged", file=frozen.FOLDER)
    project = open_project() if own is None else None
    _compare_folder(path, own or project, report, tolerance, packed=own is not None)  # type: ignore[arg-type]
    return project


def _compare_folder(path: Path, project: Project, report: _Report, tolerance: float, *, packed: bool) -> None:
    """Everything that a manifest says, and every file that it lists."""
    manifest = _manifest(path / MANIFEST)
    _check_listed(path, manifest, report)
    fresh_origin: dict[str, Any] = json.loads(json_text(origin(project)))
    if manifest.get("capmap") != fresh_origin["capmap"]:
        report.add("version", manifest.get("capmap"), fresh_origin["capmap"], file=MANIFEST)
    for key, kind in ORIGIN.items():
        for place, stored, is_ in unlike(manifest.get(key), fresh_origin[key]):
            report.add(kind, stored, is_, file=MANIFEST, key=place)
    with TemporaryDirectory(prefix="capmap-verify-") as name:
        fresh = _recomputed(project, manifest, Path(name), report)
        if not packed:
            fresh["findings"] = found(project)
        for key, kind in (
            ("findings", "manifest"),
            ("results", "parameter"),
            ("skipped", "manifest"),
            ("units", "manifest"),
        ):
            if key in fresh and key in manifest:
                for place, stored, is_ in unlike(manifest[key], fresh[key]):
                    report.add(kind, stored, is_, file=MANIFEST, key=f"{key}{place}")
        _compare_files(path, Path(name), manifest, fresh, report, tolerance)


def _manifest(path: Path) -> dict[str, Any]:
    """A manifest with what every manifest has; UnreadableError for anything else."""
    fix = "name a folder that `capmap run` or `capmap refresh` filled"
    try:
        if path.stat().st_size > MOST_METADATA:
            raise UnreadableError(f"{path.name} is too large to be a manifest", where=str(path), fix=fix)
        content = json.loads(path.read_bytes())
        listed = [entry["name"] for key in ("files", "frozen", "documents") for entry in content.get(key, ())]
        hashes = [entry["sha256"] for key in ("files", "frozen", "documents") for entry in content.get(key, ())]
        commands = [entry["command"] for key in ("results", "skipped", "files") for entry in content[key]]
        known = all(isinstance(text, str) for text in (*listed, *hashes, *commands)) and "capmap" in content
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        known = False
    if not known:
        raise UnreadableError(f"{path} is not a manifest of capmap", where=str(path), fix=fix)
    for name in listed:
        bundle.check_name(name)
    return dict(content)


def _check_listed(path: Path, manifest: Mapping[str, Any], report: _Report) -> None:
    """Files that are missing, links, or not as the manifest describes them; and the hash of the manifest itself."""
    for entry in (entry for key in ("files", "frozen", "documents") for entry in manifest.get(key, ())):
        file = path / entry["name"]
        report.files += 1
        if file.is_symlink() or not file.resolve().is_relative_to(path.resolve()):
            report.add("file", entry["sha256"], "a link", file=entry["name"])
        elif not file.is_file():
            report.add("file", entry["sha256"], "missing", file=entry["name"])
        elif (digest := sha256(file)) != entry["sha256"]:
            report.add("file", entry["sha256"], digest, file=entry["name"], column="sha256")
    said = manifest.get("vintage")
    if isinstance(said, Mapping):
        digest = digest_of(manifest)
        if said.get("digest") != digest or not str(said.get("id", "")).endswith(f"-{digest[:12]}"):
            report.add("manifest", said.get("digest"), digest, file=MANIFEST, key="vintage.digest")
    text = (json_text(manifest, indent=2) + "\n").encode()
    if text != (path / MANIFEST).read_bytes():
        report.add("bytes", "not as capmap writes it", None, file=MANIFEST)


def _recomputed(project: Project, manifest: Mapping[str, Any], folder: Path, report: _Report) -> dict[str, Any]:
    """The results of a manifest computed again into a folder; what a manifest would say of them."""
    analyses = everything(project)
    asked = [entry["command"] for entry in manifest["results"]]
    # a composite index that was refused stands with its name behind the command
    asked += [one["command"] for one in manifest["skipped"] if one["command"].partition(" ")[0] not in asked]
    for command in asked:
        if command not in analyses:
            report.add("not_computed", command, "no such command", file=MANIFEST, key="results")
    chosen = {name: analysis for name, analysis in analyses.items() if name in asked}
    results, files, skipped = [], [], []
    for one in _results(project, chosen, by_unit="units" in manifest):
        if one.result is None:
            skipped.append({"command": one.command, "reason": str(one.refused)})
            continue
        skipped += refused_indices(one.command, one.result)
        results.append({"command": one.command} | {key: one.result.meta[key] for key in ("parameters", "seed")})
        files += put_tables(folder, folder, one.command, one.result)
    fresh: dict[str, Any] = {"results": results, "skipped": skipped, "files": files}
    if "units" in manifest:
        keys = Keys(project)
        fresh["units"] = [{"command": c, "key": keys.whole(c), "indicators": keys.units(c)} for c in chosen]
    told: dict[str, Any] = json.loads(json_text(fresh))
    return told


def _results(project: Project, analyses: Mapping[str, Analysis], *, by_unit: bool) -> Iterator[Computed]:
    """Each result as a run, or as a refresh, makes it."""
    if by_unit:
        yield from compute(project, analyses)
        return
    for command, analysis in analyses.items():
        try:
            yield Computed(command, "", {}, stamped(project, analysis(project)))
        except RefusedError as error:
            yield Computed(command, "", {}, refused=error.message)


def _compare_files(
    path: Path, folder: Path, manifest: Mapping[str, Any], fresh: Mapping[str, Any], report: _Report, tolerance: float
) -> None:
    """Every table of results, cell by cell where its bytes differ."""
    stored, again = ({entry["name"]: entry for entry in one["files"]} for one in (manifest, fresh))
    for name in sorted(set(stored) | set(again)):
        if name not in again or name not in stored:
            report.add("file", name if name in stored else None, name if name in again else None, file=name)
            continue
        for place, is_, should in unlike(_without_hash(stored[name]), _without_hash(again[name])):
            report.add("manifest", is_, should, file=name, key=place)
        own = path / name
        if not own.is_file() or own.is_symlink():
            continue
        report.cells += again[name]["rows"] * len(again[name]["columns"])
        if own.read_bytes() != (folder / name).read_bytes():
            _compare_tables(own, folder / name, name, report, tolerance, told=True)


def _without_hash(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "sha256"}


# Files of one result --------------------------------------------------------------------------------------------------


def _file(path: Path, open_project: Open, replay: Replay | None, report: _Report, tolerance: float) -> Project | None:
    """A file of one result, by the words it was asked for with; or a file of a run, by the manifest beside it."""
    tables, meta = _read(path)
    words = meta.get("arguments")
    report.files += 1
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return _of_run(path, tables, meta, open_project, report, tolerance)
    if "sha256" in meta and meta["sha256"] != (digest := sha256(path)):
        report.add("file", meta["sha256"], digest, file=path.name, column="sha256")
    if replay is None:
        raise UsageError(f"{path.name} was asked for on the command line", fix=f"capmap verify {path.name}")
    with TemporaryDirectory(prefix="capmap-verify-") as name:
        again = Path(name) / path.name
        try:
            replay(words, again)
        except CapmapError as error:
            if isinstance(error, UnreadableError):
                raise
            report.add("not_computed", " ".join(words), error.message, file=path.name)
            return None
        report.cells += sum(frame.height * frame.width for frame in tables.values())
        for own, other in ((path, again), (_beside(path), _beside(again))):
            if other.exists() and (not own.exists() or own.read_bytes() != other.read_bytes()):
                _compare_tables(path, again, path.name, report, tolerance)
                break
    return None


def _of_run(
    path: Path,
    tables: Mapping[str, pl.DataFrame],
    meta: Mapping[str, Any],
    open_project: Open,
    report: _Report,
    tolerance: float,
) -> Project:
    """A table of `capmap run`, computed again by its command."""
    project = open_project()
    command = meta.get("command")
    analysis = everything(project).get(str(command))
    if analysis is None or "inputs" not in meta:
        raise UnreadableError(
            f"{path.name} does not say how it was made", where=str(path),
            fix="export it again with -o, or verify the folder of the run",
        )  # fmt: skip
    report.cells += sum(frame.height * frame.width for frame in tables.values())
    with TemporaryDirectory(prefix="capmap-verify-") as name:
        folder = Path(name)
        try:
            made = put_tables(folder, folder, str(command), stamped(project, analysis(project)))
        except RefusedError as error:
            report.add("not_computed", command, error.message, file=path.name)
            return project
        columns = next(iter(tables.values())).columns
        fits = [entry["name"] for entry in made if entry["columns"] == columns and entry["name"].endswith(path.suffix)]
        if not fits:
            report.add("table", ",".join(columns), None, file=path.name)
            return project
        again = folder / (path.name if path.name in fits else fits[0])
        if again.read_bytes() != path.read_bytes():
            _compare_tables(path, again, path.name, report, tolerance)
    return project


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.meta.json")


def _read(path: Path) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """Tables of a file as text, and its metadata."""
    name = path.name.lower()
    suffix = SUFFIXES.get(PurePath(name.removesuffix(".gz")).suffix)
    fix = "name a Parquet, JSON, CSV, TSV or NDJSON file that capmap wrote with -o, or a folder of results"
    if suffix not in (*BARE_FORMATS, "json", "parquet"):
        raise UnreadableError(f"{path.name} has no metadata to compute it again from", where=str(path), fix=fix)
    beside = _beside(path)
    if suffix in BARE_FORMATS and not beside.is_file():
        raise UnreadableError(f"{path.name} lies without {beside.name}", where=str(path),
                              fix="put the file that was written with it beside it, or verify the folder of the run")  # fmt: skip
    try:
        if suffix == "parquet":
            with sound():
                meta = _mapping(json.loads(pl.read_parquet_metadata(path)[PARQUET_KEY]))
                return {"rows": _texts(pl.read_parquet(path))}, meta
        raw = path.read_bytes()
        raw = _gunzipped(raw) if name.endswith(".gz") else raw
        if suffix == "json":
            content = _mapping(json.loads(raw))
            rows = content.get("tables", {"rows": content.get("rows")})
            return {table: _of_json(each) for table, each in rows.items()}, _mapping(content["meta"])
        return {"rows": _of_text(raw, suffix)}, _mapping(json.loads(beside.read_bytes()))
    except (
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        pl.exceptions.PolarsError,
    ) as error:
        raise UnreadableError(
            f"{path.name} cannot be read as a result of capmap: {error}", where=str(path), fix=fix
        ) from None


def _gunzipped(raw: bytes) -> bytes:
    with gzip.open(BytesIO(raw)) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
    return content


def _of_text(raw: bytes, suffix: str) -> pl.DataFrame:
    if suffix == "ndjson":
        return _of_json([json.loads(line) for line in raw.splitlines()])
    separator = "\t" if suffix == "tsv" else ","
    return pl.read_csv(BytesIO(raw), separator=separator, infer_schema=False, truncate_ragged_lines=False)


def _of_json(rows: Any) -> pl.DataFrame:
    """Rows of JSON as text; a text in JSON keeps its quotation marks, so that it is unlike a number."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame(
        {
            name: [None if row.get(name) is None else json.dumps(row[name], ensure_ascii=False) for row in rows]
            for name in names
        },
        schema=dict.fromkeys(names, pl.String),
    )


def _texts(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.all().cast(pl.String))


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no metadata")
    return value


# Comparison -----------------------------------------------------------------------------------------------------------


def _compare_tables(
    own: Path, again: Path, name: str, report: _Report, tolerance: float, *, told: bool = False
) -> None:
    """Two files of one result whose bytes differ: metadata, tables, rows and cells.

    `told` says that the manifest was compared, so that what it says too of inputs and settings is said once.
    """
    before, others = len(report.rows), False
    try:
        stored, meta = _plainly(own)
    except UnreadableError as error:
        report.add("file", error.message, None, file=name)
        return
    fresh, should = _plainly(again)
    for place, is_, due in unlike(_without_hash(meta), _without_hash(should)):
        kind = "version" if place == "capmap" else ORIGIN.get(place.partition(".")[0].partition("[")[0], "parameter")
        if kind == "parameter" or not told:
            report.add(kind, is_, due, file=name, key=place)
        others = others or kind != "parameter"
    for table in dict.fromkeys((*stored, *fresh)):
        if table not in stored or table not in fresh:
            report.add(
                "table", table if table in stored else None, table if table in fresh else None, file=name, table=table
            )
            continue
        compare(report_of(report, name, table), stored[table], fresh[table], tolerance)
    if len(report.rows) == before and not tolerance and not others:
        report.add("bytes", sha256(own), sha256(again), file=name)


def _plainly(path: Path) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """As `_read`, but a text file of a run, which has no metadata beside it, has none."""
    suffix = SUFFIXES.get(PurePath(path.name.lower().removesuffix(".gz")).suffix)
    if suffix not in BARE_FORMATS or _beside(path).is_file():
        return _read(path)
    try:
        return {"rows": _of_text(path.read_bytes(), suffix)}, {}
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise UnreadableError(f"{path.name} cannot be read: {error}", where=str(path)) from None


Add = Callable[..., None]


def report_of(report: _Report, file: str, table: str) -> Add:
    """A function that adds differences of one table."""
    return partial(report.add, file=file, table=None if table == "rows" else table)


def compare(add: Add, stored: pl.DataFrame, fresh: pl.DataFrame, tolerance: float = 0.0) -> None:
    """Adds every row and cell of two tables of texts that is not alike.

    Rows are matched by the columns that name them, or by their place where those name several rows.
    """
    for column in dict.fromkeys((*stored.columns, *fresh.columns)):
        if column not in stored.columns or column not in fresh.columns:
            add(
                "table",
                column if column in stored.columns else None,
                column if column in fresh.columns else None,
                column=column,
            )
    shared = [column for column in fresh.columns if column in stored.columns]
    keys = [key for key in ROW_KEYS if key in shared]
    by_place = not keys or stored.select(keys).is_duplicated().any() or fresh.select(keys).is_duplicated().any()
    if by_place:
        stored, fresh, keys = stored.with_row_index("row", 1), fresh.with_row_index("row", 1), ["row"]

    def named(frame: pl.DataFrame, whose: str) -> pl.DataFrame:
        rest = [pl.col(column).alias(f"{column}:{whose}") for column in shared if column not in keys]
        return frame.select(*keys, *rest, pl.lit(True).alias(f":{whose}"))

    both = named(stored, "stored").join(
        named(fresh, "fresh"), on=keys, how="full", coalesce=True, nulls_equal=True, maintain_order="left_right"
    )
    for row in both.filter(pl.col(":stored").is_null() | pl.col(":fresh").is_null()).iter_rows(named=True):
        add("row", *(("present", None) if row[":stored"] else (None, "present")), key=_key(row, keys))
    paired = both.filter(pl.col(":stored") & pl.col(":fresh"))
    for column in (column for column in shared if column not in keys):
        one, other = pl.col(f"{column}:stored"), pl.col(f"{column}:fresh")
        for row in paired.filter(one.ne_missing(other)).iter_rows(named=True):
            if not _near(row[f"{column}:stored"], row[f"{column}:fresh"], tolerance):
                add("cell", row[f"{column}:stored"], row[f"{column}:fresh"], key=_key(row, keys), column=column)


def _key(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    return " ".join(
        f"row {row[key]}" if key == "row" else str(row[key]).strip('"') for key in keys if row[key] is not None
    )


def _near(one: str | None, other: str | None, tolerance: float) -> bool:
    """Whether two texts are numbers that differ by no more than a share of the larger."""
    if one is None or other is None or not tolerance:
        return False
    try:
        a, b = float(one), float(other)
    except ValueError:
        return False
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


def unlike(stored: Any, fresh: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Places in nested JSON values that are not alike, with both values.

    >>> list(unlike({"a": [1, 2], "b": 1}, {"a": [1, 3]}))
    [('a[1]', 2, 3), ('b', 1, None)]
    """
    if isinstance(stored, dict) and isinstance(fresh, dict):
        for key in dict.fromkeys((*stored, *fresh)):
            yield from unlike(stored.get(key), fresh.get(key), f"{place}.{key}" if place else str(key))
    elif isinstance(stored, list) and isinstance(fresh, list) and len(stored) == len(fresh):
        for number, (one, other) in enumerate(zip(stored, fresh, strict=True)):
            yield from unlike(one, other, f"{place}[{number}]")
    elif stored != fresh or type(stored) is not type(fresh):
        yield place, stored, fresh


def _said(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json_text(plain(value))
