"""Fetch the sources, check, compute what changed, publish a vintage: one step after the other, each safe to be killed in.

    lock      nobody else refreshes the project
    fetch     ask every source; what is new is read, mapped and compared in a folder of its own
    check     the whole project, with the new figures in the place of the old
    keep      downloads, figures and records are moved into place
    publish   compute what changed and make a vintage (`operate.vintages`), then `latest` points to it
    record    remember what this refresh read, so that the next one can tell that nothing is new

Until `keep` nothing that others read has changed, and `publish` moves a whole vintage in one step. Killed in between, the
next refresh finds that what is there is not what the last one recorded, and goes on from there. Where nothing is new nothing
heavy is imported: no polars, no analyses.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from capmap.data.disk import atomic, settle, writing
from capmap.data.fetch import Known, fetch, identity, shown, web
from capmap.data.findings import checks_failed, finding, is_unreadable, unreadable, where
from capmap.data.latest import pointed
from capmap.data.nearest import nearest
from capmap.data.places import find_files, source_file
from capmap.data.records import (
    CACHE,
    LOCK,
    OWN,
    RUNNING,
    STATE,
    Hashes,
    Record,
    definition,
    fingerprint,
    own_folder,
    read_json,
    read_records,
    tidy,
    write_json,
    write_record,
)
from capmap.data.settings import locate, merge
from capmap.data.toml import read_toml
from capmap.errors import CapmapError, ChecksFailedError, Finding, LockedError, UnreadableError, UsageError, WriteError
from capmap.model import Project, Result, RunFile, SourceSection

if TYPE_CHECKING:
    import httpx2

STAGE = "stage-"  #: how the name of the folder begins in which a refresh prepares what it fetches
RESULTS = "results"  #: folder of a project that holds the vintages

Standing = Literal["new", "revised", "same figures", "unchanged", "not asked", "last good"]


@dataclass(frozen=True)
class Event:
    """Something worth a line in the log: what a person reads, and the same as fields."""

    level: Literal["info", "warning"]
    name: str  #: such as `fetch`, `source`, `published`
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Tell = Callable[[Event], None]
#: What makes the analyses of a project: command -> what computes its result.
Analyses = Callable[[Project], Mapping[str, Callable[[Project], Result]]]


@dataclass(frozen=True)
class Outcome:
    """What became of a source."""

    name: str
    standing: Standing
    record: Record
    raw: Path | None = None  #: download to be kept, of a source on the web
    output: Path | None = None  #: new observations to be moved into place
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did, or would do."""

    run_id: str
    sources: tuple[Outcome, ...]
    news: tuple[str, ...]  #: names of inputs that are not as they were at the last refresh
    vintage: Path | None = None  #: made by this refresh; None if there was nothing new, and in a dry run
    earlier: Path | None = None
    computed: int = 0
    reused: int = 0
    changed: bool = False  #: whether any figure differs from the vintage before


@dataclass(frozen=True)
class _Run:
    """What all steps know."""

    id: str
    run_file: Path
    run: RunFile
    root: Path
    now: datetime
    environ: Mapping[str, str]
    stage: Path
    records: Mapping[str, Record]
    state: Mapping[str, Any]
    accept: Sequence[str]
    since: datetime | None
    tell: Tell
    hashes: Hashes = field(default_factory=Hashes)

    @property
    def own(self) -> Path:
        return self.root / OWN

    def say(self, name: str, message: str, level: Literal["info", "warning"] = "info", **fields: Any) -> None:
        self.tell(Event(level, name, message, fields))


def refresh(
    project: str | Path | None = None,
    *,
    now: datetime | None = None,
    dry_run: bool = False,
    since: datetime | None = None,
    accept: Sequence[str] = (),
    tell: Tell | None = None,
    analyses: Analyses | None = None,
    wording: Callable[[], Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Refreshed:
    """Bring a project and its results up to date.

    Parameters
    ----------
    project : folder with a `capmap.toml`, or that file; None: the nearest one in the working directory or above it.
    now : the moment, with its time zone; the clock by default.
    dry_run : ask the sources and check what they give, but write nothing.
    since : sources that answered well since then are not asked again.
    accept : ids of sources that are taken although the level of their figures jumped (CM124).
    tell : gets an Event for each step and each source.
    analyses : what makes the results of a project; `operate.run.everything` by default.
    wording : makes the words for columns and changes in a vintage (`operate.vintages.Wording`).
    environ : the environment; `os.environ` by default.

    Returns
    -------
    What was done. Nothing new: no vintage, and nothing was computed.

    Raises
    ------
    UsageError : no project, an unknown id under `accept`, or the extra `fetch` is missing.
    LockedError : another refresh of the project is at work.
    UnreadableError : sources failed that may not go on with what they gave last; carries a finding for each.
    ChecksFailedError : with the new figures the project fails a check. They are not kept.
    WriteError : the project cannot be written to.
    """
    environ = os.environ if environ is None else environ
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    run_id = f"{moment.strftime('%Y%m%dT%H%M%SZ')}-{secrets.token_hex(4)}"
    run_file, run = _settings(project, environ)
    root = run_file.resolve().parent
    _known(accept, run)
    tell = tell or (lambda _: None)
    tell(Event("info", "start", "a refresh begins", {"run": run_id, "dry_run": dry_run}))
    with ExitStack() as held:
        if dry_run:
            stage = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="capmap-")))
        else:
            tell(Event("info", "lock", "locking the project", {}))
            stage = held.enter_context(_locked(root, run_id, moment))
        records = read_records(root / OWN, list(run.sources))
        state = read_json(root / OWN / STATE)
        this = _Run(run_id, run_file, run, root, moment, environ, stage, records, state, accept, since, tell)
        this.say("fetch", f"asking {len(run.sources)} sources", sources=len(run.sources))
        outcomes = _fetch(this)
        inputs = _inputs(this, outcomes)
        news = _news(this, inputs)
        if not news:
            if not dry_run:
                _keep(this, outcomes)  # what somebody deleted and was made again
                _record(this, inputs, outcomes)
            this.say("unchanged", "nothing new")
            return Refreshed(run_id, outcomes, ())
        this.say("check", f"checking the project: {', '.join(news[:5])}", news=list(news))
        loaded, outcomes = _check(this, outcomes)
        if dry_run:
            return Refreshed(run_id, outcomes, news, earlier=pointed(root / RESULTS))
        this.say("keep", "moving new figures into place")
        _keep(this, outcomes)
        done = _publish(this, loaded, outcomes, news, analyses, wording)
        this.say("record", "remembering what was read")
        _record(this, _inputs(this, outcomes), outcomes)
        told: dict[str, Any] = {
            "vintage": done.vintage and done.vintage.name,
            "computed": done.computed,
            "reused": done.reused,
        }
        this.say("done", "a vintage was made" if done.vintage else "no result is new", changed=done.changed, **told)
        return done


def _settings(project: str | Path | None, environ: Mapping[str, str]) -> tuple[Path, RunFile]:
    path, is_sample = locate(project)
    if is_sample:
        raise UsageError(
            "there is no project here to refresh", fix="name one with -p DIR, or start one with `capmap init DIR`"
        )
    run, _, findings = merge(read_toml(path, path.name), {}, environ)
    if run is None:
        raise unreadable(findings)
    return path, run


def _known(accept: Sequence[str], run: RunFile) -> None:
    for name in accept:
        if name not in run.sources:
            near = nearest(name, list(run.sources))
            fix = f"did you mean {near[0]}?" if near else f"the sources are {', '.join(run.sources) or 'none'}"
            raise UsageError(f"there is no source {name}", fix=fix)


# Lock ---------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(root: Path, run_id: str, now: datetime) -> Iterator[Path]:
    """The project is this run's alone; yields a folder to prepare things in. The system frees it when a process dies."""
    from filelock import FileLock, Timeout

    own = own_folder(root)
    lock = FileLock(own / LOCK, timeout=0)
    try:
        with writing(own / LOCK):
            lock.acquire()
    except Timeout:
        raise _taken(own) from None
    try:
        for left in own.glob(f"{STAGE}*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        write_json(own / RUNNING, {"pid": os.getpid(), "since": now.isoformat(timespec="seconds"), "run": run_id})
        with writing(own):
            stage = tempfile.TemporaryDirectory(prefix=STAGE, dir=own, ignore_cleanup_errors=True)
        with stage as name:
            yield Path(name)
    finally:
        with suppress(OSError):
            (own / RUNNING).unlink(missing_ok=True)
        lock.release()


def _taken(own: Path) -> LockedError:
    holder = read_json(own / RUNNING)
    who = f" (process {holder['pid']}, since {holder['since']})" if {"pid", "since"} <= holder.keys() else ""
    fix = "wait for it to end; if it hangs, end that process: the lock goes with it"
    return LockedError(f"another refresh of this project is at work{who}", where=str(own / LOCK), fix=fix)


# Fetch --------------------------------------------------------------------------------------------------------


def _fetch(this: _Run) -> tuple[Outcome, ...]:
    """Ask every source; all that fail are told at once."""
    outcomes: list[Outcome] = []
    failed: list[Finding] = []
    with ExitStack() as held:
        remote = [source for source in this.run.sources.values() if source.remote]
        client = held.enter_context(web()) if remote else None
        for name, source in this.run.sources.items():
            try:
                outcome = _visit(this, name, source, client)
            except UnreadableError as error:
                kept = _last_good(this, name, source, error)
                if kept is None:
                    failed += error.findings
                    continue
                outcome = kept
            _warn_of_age(this, source, outcome)
            for one in outcome.findings:
                this.say("finding", f"{one.message}; {one.fix}", "warning", code=one.code, source=name)
            outcomes.append(outcome)
            this.say(
                "source", f"source {name}: {outcome.standing}", source=name, standing=outcome.standing,
                place=outcome.record.place, sha256=outcome.record.sha256, bytes=outcome.record.size, rows=outcome.record.rows,
            )  # fmt: skip
    if failed:
        raise unreadable(failed)
    return tuple(outcomes)


def _visit(this: _Run, name: str, source: SourceSection, client: httpx2.Client | None) -> Outcome:
    """Ask one source, and read what is new."""
    record = this.records.get(name)
    asked, how = identity(source), definition(source, this.root)
    known = record if record is not None and record.identity == asked else None
    whole = known is not None and this.hashes[this.root / source_file(name)] == known.output
    current = known if known is not None and whole and known.definition == how else None
    if current is not None and _is_fresh(this, name):
        return Outcome(name, "not asked", current)
    if client is not None and source.remote:
        got = _download(this, name, source, client, known, current is not None)
    else:
        got = _local(this, name, source)
    if current is not None and got.sha256 == current.sha256:
        etag, modified = got.etag or current.etag, got.last_modified or current.last_modified
        again = replace(current, etag=etag, last_modified=modified, licence=source.licence)
        lost = got.raw is not None and not (this.own / CACHE / got.sha256).exists()
        return Outcome(name, "unchanged", again, raw=got.raw if lost else None)
    base = Record(
        shown(source.place), asked, got.sha256, got.size, _published(this, got, known), how, (), 0, "", got.etag,
        got.last_modified, source.licence,
    )  # fmt: skip
    return _read(this, name, source, got, base)


@dataclass(frozen=True)
class _Got:
    """Content of a source: files to read, or none where it is what is known already."""

    files: tuple[Path, ...]
    sha256: str
    size: int
    etag: str | None = None
    last_modified: str | None = None
    raw: Path | None = None


def _is_fresh(this: _Run, name: str) -> bool:
    """Whether a source answered well since the moment from which that is enough."""
    said = this.state.get("checked", {}).get(name)
    with suppress(TypeError, ValueError):
        return this.since is not None and said is not None and datetime.fromisoformat(said) >= this.since
    return False


def _download(
    this: _Run, name: str, source: SourceSection, client: httpx2.Client, known: Record | None, current: bool
) -> _Got:
    cached = None if known is None else this.own / CACHE / known.sha256
    usable = known is not None and cached is not None and (current or this.hashes[cached] == known.sha256)
    answer = fetch(
        client, name, source, this.stage / f"{name}.download",
        known=Known(known.etag, known.last_modified) if usable and known is not None else None,
        attempts=this.run.refresh.attempts, wait=this.run.refresh.wait, environ=this.environ,
        tell=lambda text: this.say("retry", text, source=name),
    )  # fmt: skip
    if answer is None:
        assert known is not None
        assert cached is not None
        return _Got((cached,), known.sha256, known.size, known.etag, known.last_modified)
    return _Got((answer.path,), answer.sha256, answer.size, answer.etag, answer.last_modified, answer.path)


def _local(this: _Run, name: str, source: SourceSection) -> _Got:
    files, missing = find_files([source.place], this.root)
    if missing:
        (one,) = missing
        raise unreadable([_said("CM121", name, one.message, one.fix)])
    own = [(path.name, this.hashes[path]) for path in files]
    if unread := [file for file, digest in own if not digest]:
        raise unreadable([_said("CM121", name, f"{unread[0]} cannot be read", "allow your account to read it")])
    digest = own[0][1] if len(own) == 1 else sha256(repr(own).encode()).hexdigest()
    return _Got(tuple(files), digest, sum(path.stat().st_size for path in files))


def _said(code: str, name: str, message: str, fix: str) -> Finding:
    return finding(code, f"source {name}: {message}", fix, file="capmap.toml", column=f"sources.{name}")


def _published(this: _Run, got: _Got, known: Record | None) -> str:
    """When the content changed: what the server says, or now; as known where it is the same."""
    if known is not None and known.sha256 == got.sha256:
        return known.changed
    with suppress(TypeError, ValueError, OverflowError):
        when = parsedate_to_datetime(got.last_modified or "")
        return min(when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC), this.now).isoformat(timespec="seconds")
    return this.now.isoformat(timespec="seconds")


def _read(this: _Run, name: str, source: SourceSection, got: _Got, base: Record) -> Outcome:
    """Read, map and compare new content; the observations are a file of the staging folder."""
    import polars as pl

    from capmap.data.sources import differences, normalised, read

    raw = read(name, source, got.files)
    frame = normalised(name, source, raw, this.root)
    earlier, record = this.root / source_file(name), this.records.get(name)
    before = pl.read_parquet(earlier) if record is not None and this.hashes[earlier] == record.output else None
    header = () if record is None else record.header
    found = differences(name, frame, before, raw.header, header)
    if grave := [one for one in found if is_unreadable(one)]:
        if name not in this.accept:
            raise unreadable(grave)
        found = [one for one in found if not is_unreadable(one)]
    output = this.stage / f"{name}.parquet"
    about = {"source": name, "place": base.place, "sha256": base.sha256, "licence": base.licence or ""}
    with writing(output), open(output, "wb") as file:
        frame.write_parquet(file, metadata={f"capmap.{key}": value for key, value in about.items()})
        settle(file)
    standing: Standing = "new" if before is None else "same figures" if frame.equals(before) else "revised"
    record = replace(base, header=raw.header, rows=frame.height, output=this.hashes[output])
    return Outcome(name, standing, record, got.raw, output, tuple(found))


def _last_good(this: _Run, name: str, source: SourceSection, error: CapmapError) -> Outcome | None:
    """What a source gave last, if the run file says to go on with it; with a finding that says so and why."""
    record = this.records.get(name)
    if source.on_failure != "last_good" or record is None:
        return None
    if source.max_age is not None and record.age(this.now) > source.max_age:
        return None
    kept = _kept(this, name, source, record)
    if kept is None:
        return None
    old = f"figures of {record.changed[:10]}, {int(record.age(this.now)):,} days old"
    why = error.message.removeprefix(f"source {name}: ")
    message = f"failed, going on with its last good figures ({old}): {why}"
    return replace(
        kept, standing="last good", findings=(_said("CM127", name, message, error.fix or "see the message"),)
    )


def _kept(this: _Run, name: str, source: SourceSection, record: Record) -> Outcome | None:
    """The observations that a source gave last, made again from its download where they are not as they were."""
    whole = this.hashes[this.root / source_file(name)] == record.output
    download = this.own / CACHE / record.sha256
    if whole and record.definition == definition(source, this.root):
        return Outcome(name, "last good", record)
    if this.hashes[download] == record.sha256:
        with suppress(UnreadableError):
            again = replace(record, definition=definition(source, this.root))
            return _read(this, name, source, _Got((download,), record.sha256, record.size), again)
    return Outcome(name, "last good", record) if whole else None


def _warn_of_age(this: _Run, source: SourceSection, outcome: Outcome) -> None:
    age = outcome.record.age(this.now)
    if source.max_age is not None and age > source.max_age:
        this.say(
            "finding", f"source {outcome.name}: its figures have not changed for {int(age):,} days, more than max_age = "
            f"{source.max_age:g}", "warning", code="CM128", source=outcome.name,
        )  # fmt: skip


# Check and keep -----------------------------------------------------------------------------------------------


def _staged(outcomes: Sequence[Outcome]) -> dict[str, Path]:
    return {one.name: one.output for one in outcomes if one.output is not None}


def _inputs(this: _Run, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Hashes as they were before anything was read: what changes in the meantime is news to the next refresh."""
    return fingerprint(this.run_file, this.run, this.environ, _staged(outcomes), this.hashes)


def _news(this: _Run, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Inputs that differ from those of the last refresh, or what is missing of its vintage."""
    before = this.state.get("inputs")
    if not isinstance(before, dict):
        return ("there is no earlier refresh",)
    changed = {name for name in inputs.keys() | before.keys() if inputs.get(name) != before.get(name)}
    if changed:
        return tuple(sorted(changed))
    latest = pointed(this.root / RESULTS)
    whole = (
        latest is not None and _shape(latest) == this.state.get("files") and latest.name == this.state.get("vintage")
    )
    return () if whole else ("the last vintage is not as it was",)


def _shape(vintage: Path) -> dict[str, list[int]]:
    """Size and time of change of each file: what gives away a file that somebody changed without reading all of them."""
    try:
        seen = {one.name: one.stat() for one in os.scandir(vintage) if one.is_file()}
    except OSError:
        return {}
    return {name: [seen[name].st_size, seen[name].st_mtime_ns] for name in sorted(seen)}


def _check(this: _Run, outcomes: tuple[Outcome, ...]) -> tuple[Project, tuple[Outcome, ...]]:
    """The project with the new figures; a source that fails a check goes back to its last good ones where it may."""
    from capmap.data.load import load_staged

    staged = _staged(outcomes)
    try:
        return load_staged(this.run_file, staged), outcomes
    except (ChecksFailedError, UnreadableError) as error:
        bad = [one for one in error.findings if one.severity == "error"]
        blamed = {name: [one for one in bad if one.file == source_file(name)] for name in staged}
        back = {
            name: kept
            for name, found in blamed.items()
            if found and (kept := _last_good(this, name, this.run.sources[name], _failed(name, found)))
        }
        if not back or sum(len(blamed[name]) for name in back) < len(bad):
            raise _not_kept(error, [name for name, found in blamed.items() if found]) from None
    for name, kept in back.items():
        this.say("finding", kept.findings[0].message, "warning", code="CM127", source=name)
    outcomes = tuple(back.get(one.name, one) for one in outcomes)
    return load_staged(this.run_file, _staged(outcomes)), outcomes


def _not_kept(error: ChecksFailedError | UnreadableError, blamed: Sequence[str]) -> CapmapError:
    """The error with findings that say the same put together, as nobody can look at rows that were thrown away."""
    if not blamed:
        return error
    alike: dict[tuple[str, str, str | None], Finding] = {}
    for one in error.findings:
        key = (one.code, one.message, one.file)
        alike[key] = replace(alike[key], count=alike[key].count + one.count) if key in alike else one
    told = [replace(one, fix=f"{one.fix} ({one.count:,} rows)") if one.count > 1 else one for one in alike.values()]
    again = checks_failed(told) if isinstance(error, ChecksFailedError) else unreadable(told)
    again.fix = f"the new figures of {', '.join(blamed)} were not kept: correct the project, or the table of the source"
    return again


def _failed(name: str, found: Sequence[Finding]) -> UnreadableError:
    """A source whose figures fail checks."""
    first = found[0]
    rest = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    return UnreadableError(f"source {name}: {first.code} {where(first)}: {first.message}{rest}", fix=first.fix)


def _keep(this: _Run, outcomes: Sequence[Outcome]) -> None:
    """Downloads, observations and records in their places, in this order: a record speaks of files that are there."""
    for one in outcomes:
        if one.raw is not None:
            with writing(this.own / CACHE):
                os.replace(one.raw, this.own / CACHE / one.record.sha256)
    for one in outcomes:
        if one.output is not None:
            target = this.root / source_file(one.name)
            with writing(target.parent):
                target.parent.mkdir(parents=True, exist_ok=True)
            with atomic(target) as file, one.output.open("rb") as new:
                shutil.copyfileobj(new, file)
    for one in outcomes:
        if one.record != this.records.get(one.name):
            write_record(this.own, one.name, one.record)
    tidy(this.own, {one.name: one.record for one in outcomes})


# Publish ------------------------------------------------------------------------------------------------------


def _publish(
    this: _Run,
    loaded: Project,
    outcomes: tuple[Outcome, ...],
    news: tuple[str, ...],
    analyses: Analyses | None,
    wording: Callable[[], Any] | None,
) -> Refreshed:
    from capmap.operate.run import everything
    from capmap.operate.vintages import crossed, publish
    from capmap.operate.watch import alert

    places = {one.output: this.root / source_file(one.name) for one in outcomes if one.output is not None}
    files = tuple(replace(file, path=places.get(file.path, file.path)) for file in loaded.files)
    project = replace(loaded, files=files)
    this.say("publish", "computing what changed")
    done = publish(
        project, this.root / RESULTS, now=this.now, keep=this.run.results.keep, run_id=this.id,
        sources=[_told(one) for one in outcomes], analyses=(analyses or everything)(project),
        wording=wording() if wording else None,
    )  # fmt: skip
    came_true, recorded = done.crossed, this.state.get("vintage")
    if done.path is None and done.earlier is not None and isinstance(recorded, str) and recorded < done.earlier.name:
        came_true = crossed(done.earlier)  # made by a run that was killed before it could tell, and record it
    for row in came_true:
        message = f"watch {row['rule']}: {row['condition']} came true ({row['before']} -> {row['after']})"
        this.say("watch", message, "warning", **row)
    for told in alert(this.run.watch, came_true, folder=this.root):
        level: Literal["info", "warning"] = "info" if told["trouble"] is None else "warning"
        this.say("alert", f"watch {told['rule']}: {told['command']}: {told['trouble'] or 'done'}", level, **told)
    return Refreshed(this.id, outcomes, news, done.path, done.earlier, done.computed, done.reused, done.changed)


def _told(one: Outcome) -> dict[str, Any]:
    """A source as the manifest of a vintage says it."""
    record = one.record
    return {
        "id": one.name, "place": record.place, "sha256": record.sha256, "bytes": record.size, "changed": record.changed,
        "licence": record.licence, "file": source_file(one.name), "rows": record.rows,
        "last_good": one.standing == "last good",
    }  # fmt: skip


def _record(this: _Run, inputs: Mapping[str, str], outcomes: Sequence[Outcome]) -> None:
    """What was read, when each source answered well, and what the latest vintage looks like."""
    before = this.state.get("checked")
    checked = dict(before) if isinstance(before, dict) else {}
    asked = [one.name for one in outcomes if one.standing not in ("not asked", "last good")]
    checked |= dict.fromkeys(asked, this.now.isoformat(timespec="seconds"))
    latest = pointed(this.root / RESULTS)
    try:
        write_json(this.own / STATE, {
            "inputs": dict(inputs), "checked": {name: checked[name] for name in this.run.sources if name in checked},
            "vintage": None if latest is None else latest.name, "files": {} if latest is None else _shape(latest),
        })  # fmt: skip
    except WriteError as error:  # it can be done again, and what matters is in its place
        this.say("finding", f"{error.message}; the next refresh will look at everything again", "warning")
