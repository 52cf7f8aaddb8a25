"""Vintages: dated results that are whole or not there, each with what it came from.

    results/
      latest -> vintages/20261122T021500Z-0b7c3f5a9d21     a link, or a file with that text where there are no links
      vintages/<UTC time>-<hash>/
        manifest.json       what `capmap run` writes, and the keys of the units, the sources, the hashes of the inputs
        <command>.parquet, <command>.csv
        datapackage.json    every file and column (Frictionless Data Package)
        provenance.json     what was used and what came of it (W3C PROV-JSON)
        changes.json, changes.md   what changed since the vintage before
        inputs/             a compressed copy of observations and definitions, up to `[results] freeze` rows

A vintage is prepared in a hidden folder, moved into place in one step, and `latest` is moved last. A process that is killed
at any moment leaves the earlier vintage whole and `latest` on it; the next one removes or takes up what was left over.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from capmap.data.latest import LATEST, VINTAGES
from capmap.data.write import dump, json_text, origin, sha256, writing
from capmap.errors import RefusedError, WriteError
from capmap.model import Project, Result
from capmap.operate import frozen
from capmap.operate.compute import Analysis, Computed, Earlier, Keys, compute
from capmap.operate.diff import diff
from capmap.operate.package import data_package, prov
from capmap.operate.run import (
    everything,
    found,
    make_folder,
    put,
    put_tables,
    refuse_file,
    refuse_input,
    refused_indices,
    staging,
)
from capmap.operate.shelf import MANIFEST, NAME, REPORT, Vintage, after, latest_of, resolve, vintages

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Published", "Vintage", "Wording", "publish", "resolve", "vintages"]

PACKAGE, PROVENANCE, CHANGES = "datapackage.json", "provenance.json", "changes.json"
TIME = "%Y%m%dT%H%M%SZ"


class Wording(Protocol):
    """Words for what a vintage says in words; `capmap.report.vintage.Words` are those of the command line."""

    def column(self, command: str, table: str, column: str) -> str:
        """What a column of a result means, with its unit."""

    def changes(self, result: Result) -> str:
        """A result of `operate.diff.diff` as Markdown."""


@dataclass(frozen=True)
class Published:
    """What `publish` did."""

    path: Path | None  #: the vintage made, or taken up after a run that was killed; None if there was nothing new
    earlier: Path | None  #: the vintage that was the latest before
    computed: int  #: units computed: commands, and indicators of commands that treat each by itself
    reused: int  #: units taken from the earlier vintage
    changed: bool  #: whether any figure differs from the earlier vintage; False where only the files of the inputs do
    crossed: tuple[Mapping[str, Any], ...] = ()  #: watch rules whose condition has come true, as in changes.json


def publish(
    project: Project,
    folder: Path,
    *,
    now: datetime,
    keep: int,
    sources: Sequence[Mapping[str, Any]] = (),
    run_id: str | None = None,
    analyses: Mapping[str, Analysis] | None = None,
    wording: Wording | None = None,
) -> Published:
    """Compute what changed and publish it as a vintage, unless nothing did.

    Parameters
    ----------
    project : a loaded project.
    folder : made if it is not there, such as `results`.
    now : the moment, with its time zone. A clock that went backwards is put one second after the newest vintage, so
        that names are in the order in which vintages were made.
    keep : vintages that stay; older ones are removed, never the one that `latest` points to.
    sources : where the inputs were fetched from, as the manifest shall say it; a source alone makes no new vintage.
    run_id : of the run, for its log.
    analyses : command -> what computes its result; `operate.run.everything(project)` by default.
    wording : words for columns and changes; without it `datapackage.json` has no descriptions and there is no `changes.md`.

    Returns
    -------
    What was done. A vintage is made where version, inputs, definitions, settings or figures differ from the latest,
    or a file of the latest is damaged.

    Raises
    ------
    UsageError : the project reads from `folder`.
    RefusedError : every analysis refused the data.
    WriteError : the folder cannot be written to. Nothing of what was there has changed.
    """
    folder = Path(folder)
    refuse_input(project, folder)
    refuse_file(folder)
    analyses = everything(project) if analyses is None else analyses
    with staging(folder) as stage:
        known = vintages(folder)
        latest = latest_of(folder)
        state = _state(project, analyses)
        for vintage in (latest, *reversed(after(known, latest))):
            if vintage is not None and _state_of(vintage.manifest, state) == state and not vintage.damaged():
                return _taken_up(folder, stage, vintage, latest, state)
        made = _Draft(project, folder, stage, now, _names(known, latest), latest, sources, run_id, wording)
        done = made.fill(analyses, state)
        _place(stage, folder, made)
        _retire(stage, folder, keep, made.id)
        return done


def _taken_up(
    folder: Path, stage: Path, vintage: Vintage, latest: Vintage | None, state: Mapping[str, Any]
) -> Published:
    """Nothing to compute: the latest is of this state, or one that a killed run had made and not yet pointed to."""
    units = sum(max(len(unit["indicators"]), 1) for unit in state["units"])
    earlier = None if latest is None else latest.path
    if latest is not None and vintage.id == latest.id:
        return Published(None, earlier, 0, units, False)
    _point(stage, folder, vintage.id)
    changed = latest is None or _figures(latest.manifest) != _figures(vintage.manifest)
    return Published(vintage.path, earlier, 0, units, changed, crossed(vintage.path))


def crossed(vintage: Path) -> tuple[Mapping[str, Any], ...]:
    """Watch rules whose condition came true with a vintage, as its changes.json has them; none where it has none."""
    try:
        rows = json.loads((vintage / CHANGES).read_bytes())["tables"]["watch"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(row for row in rows if row["now"] and row["crossed"])


def _state(project: Project, analyses: Mapping[str, Analysis]) -> dict[str, Any]:
    """All that makes a vintage what it is: the origin of the inputs, and the keys of the units."""
    keys = Keys(project)
    units = [{"command": c, "key": keys.whole(c), "indicators": keys.units(c)} for c in analyses]
    made: dict[str, Any] = json.loads(json_text({**origin(project), "units": units}))
    return made


def _state_of(manifest: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    return {key: manifest.get(key) for key in like}


def _figures(manifest: Mapping[str, Any]) -> tuple[dict[str, str], list[Any]]:
    """Hashes of all figures without their metadata, and what was left out."""
    tables = {f["name"]: f["sha256"] for f in manifest["files"] if str(f["name"]).endswith(".csv")}
    return tables, list(manifest.get("skipped", ()))


# A vintage in the making ---------------------------------------------------------------------------------------------


@dataclass
class _Draft:
    """A vintage while it is written into the staging folder."""

    project: Project
    folder: Path
    stage: Path
    now: datetime
    names: Sequence[str]
    latest: Vintage | None
    sources: Sequence[Mapping[str, Any]]
    run_id: str | None
    wording: Wording | None
    id: str = ""

    @property
    def place(self) -> Path:
        """The folder that becomes the vintage."""
        return self.stage / "vintage"

    def fill(self, analyses: Mapping[str, Analysis], state: Mapping[str, Any]) -> Published:
        """Everything in the vintage, the manifest last."""
        with writing(self.folder / VINTAGES):
            self.place.mkdir()
        earlier = None if self.latest is None else Earlier(self.latest.path, self.latest.manifest)
        schemas: dict[tuple[str, str], pl.Schema] = {}
        results, files, skipped, computed, reused = [], [], [], 0, 0
        for one in compute(self.project, analyses, earlier):
            computed, reused = computed + one.computed, reused + one.reused
            if one.result is None:
                skipped.append({"command": one.command, "reason": str(one.refused)})
                continue
            skipped += refused_indices(one.command, one.result)
            results.append(_told(one))
            files += put_tables(self.place, self.folder / VINTAGES, one.command, one.result)
            schemas |= {(one.command, name): table.schema for name, table in one.result.tables.items()}
        if not results:
            reasons = "; ".join(f"{entry['command']}: {entry['reason']}" for entry in skipped)
            raise RefusedError(
                f"nothing to compute: {reasons}", fix="see `capmap indicators` for what the project holds"
            )
        manifest = {
            **origin(self.project), "findings": found(self.project), "results": results, "files": files,
            "skipped": skipped, "units": state["units"], "packages": packages(),
            "sources": list(self.sources), "frozen": self._frozen(),
        }  # fmt: skip
        manifest = self._signed(manifest)
        crossed = self._documents(manifest, schemas)
        changed = self.latest is None or _figures(self.latest.manifest) != _figures(manifest)
        return Published(
            self.folder / VINTAGES / self.id,
            None if self.latest is None else self.latest.path,
            computed,
            reused,
            changed,
            crossed,
        )

    def _signed(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The manifest with the name of the vintage, which is made of the time and the hash of all that it says."""
        moment = _moment(self.now, self.names)
        about = {
            "created": self.now.astimezone(UTC).isoformat(timespec="seconds"), "run_id": self.run_id,
            "earlier": None if self.latest is None else self.latest.id,
        }  # fmt: skip
        digest = digest_of(manifest | {"vintage": about})
        self.id = f"{moment.strftime(TIME)}-{digest[:12]}"
        return manifest | {"vintage": {"id": self.id, **about, "digest": digest}}

    def _frozen(self) -> list[dict[str, Any]]:
        if self.project.observations.height > self.project.run.results.freeze:
            return []
        with writing(self.folder / VINTAGES):
            (self.place / frozen.FOLDER).mkdir()
        names = frozen.freeze(self.project, self._put)
        return [{"name": name, "sha256": sha256(self.place / name)} for name in names]

    def _put(self, name: str, fill: Callable[[IO[bytes]], object]) -> None:
        put(self.place, self.folder / VINTAGES, name, fill)

    def _json(self, name: str, content: Mapping[str, Any]) -> None:
        text = (json_text(content, indent=2) + "\n").encode()
        self._put(name, lambda file: file.write(text))

    def _documents(
        self, manifest: dict[str, Any], schemas: Mapping[tuple[str, str], pl.Schema]
    ) -> tuple[Mapping[str, Any], ...]:
        """Package, provenance and changes, then the manifest; the watch rules that have come true."""
        created = manifest["vintage"]["created"]
        describe = None if self.wording is None else self.wording.column
        before = manifest["vintage"]["earlier"]
        self._json(
            PACKAGE, data_package(self.project, self.id, created, manifest["files"], schemas, self.place, describe)
        )
        self._json(PROVENANCE, prov(manifest, self.id, created, before))
        names = [PACKAGE, PROVENANCE]
        crossed: tuple[Mapping[str, Any], ...] = ()
        base = self._whole()
        if base is not None:
            self._json(MANIFEST, manifest)  # for the comparison; written anew below
            run = self.project.run
            changes = diff(
                base, Vintage(self.place), rules=run.watch, tolerance=run.results.tolerance, name=self.id
            )  # fmt: skip
            (self.place / MANIFEST).unlink()
            self._put(CHANGES, partial(dump, changes, format="json"))
            names.append(CHANGES)
            if self.wording is not None:
                text = self.wording.changes(changes).encode()
                self._put(REPORT, lambda file: file.write(text))
                names.append(REPORT)
            watch = changes.tables["watch"]
            crossed = tuple(row for row in watch.iter_rows(named=True) if row["now"] and row["crossed"])
        documents = [{"name": name, "sha256": sha256(self.place / name)} for name in names]
        self._json(MANIFEST, manifest | {"documents": documents})
        return crossed

    def _whole(self) -> Vintage | None:
        """What the vintage is compared with: the latest, or if that is damaged the newest that is not."""
        others = reversed(vintages(self.folder))
        return next((one for one in (self.latest, *others) if one is not None and not one.damaged()), None)


def digest_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of all that a manifest says, but for the name that is made of it and the documents that repeat it."""
    said = {key: value for key, value in manifest.items() if key != "documents"}
    about = {key: value for key, value in said.get("vintage", {}).items() if key not in ("id", "digest")}
    return hashlib.sha256(json_text(said | {"vintage": about}).encode()).hexdigest()


def packages() -> dict[str, str]:
    """Versions of what computes, besides capmap's own."""
    from importlib.metadata import version

    names = ("polars", "numpy", "scipy", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _told(one: Computed) -> dict[str, Any]:
    assert one.result is not None
    return {"command": one.command} | {key: one.result.meta[key] for key in ("parameters", "seed")}


def _moment(now: datetime, names: Sequence[str]) -> datetime:
    """The time in the name of a vintage: now, or a second after the newest where the clock says otherwise."""
    last = [datetime.strptime(match[1], TIME).replace(tzinfo=UTC) for name in names if (match := NAME.fullmatch(name))]
    return max([now.astimezone(UTC), *(moment + timedelta(seconds=1) for moment in last)])


# Folders -------------------------------------------------------------------------------------------------------------


def _names(known: Sequence[Vintage], latest: Vintage | None) -> list[str]:
    return [vintage.id for vintage in (*known, *([latest] if latest else []))]


def _place(stage: Path, folder: Path, made: _Draft) -> None:
    """Move a vintage into place, then `latest`; each is one step of the system."""
    place = folder / VINTAGES
    with writing(place):
        if not place.is_dir():
            make_folder(place)
        _settle_folder(made.place)
        os.rename(made.place, place / made.id)
        _settle_folder(place)
    _point(stage, folder, made.id)


def _point(stage: Path, folder: Path, name: str) -> None:
    """`latest` points to a vintage from now on: a link, or a file with the text of one where the system has no links."""
    target, draft, pointer = f"{VINTAGES}/{name}", stage / LATEST, folder / LATEST
    with writing(pointer):
        if pointer.is_dir() and not pointer.is_symlink():
            raise WriteError(
                f"cannot write {pointer}: it is a folder, and capmap keeps the name of the latest vintage there",
                where=str(pointer), fix="move that folder away",
            )  # fmt: skip
        try:
            draft.symlink_to(target, target_is_directory=True)
        except (OSError, NotImplementedError):
            draft.write_text(f"{target}\n", encoding="utf-8")
        os.replace(draft, pointer)
        _settle_folder(folder)


def _retire(stage: Path, folder: Path, keep: int, latest: str) -> None:
    """Remove the oldest vintages beyond `keep`; a removal that is interrupted is finished by the next run.

    A vintage that cannot be removed stays: the new one is published all the same.
    """
    old = [vintage.id for vintage in vintages(folder) if vintage.id != latest]
    for name in old[: max(len(old) + 1 - keep, 0)]:
        try:
            os.rename(folder / VINTAGES / name, stage / name)
        except OSError:
            continue
        shutil.rmtree(stage / name, ignore_errors=True)


def _settle_folder(folder: Path) -> None:
    """The names in a folder are on the disk, where the system lets folders be written out."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
