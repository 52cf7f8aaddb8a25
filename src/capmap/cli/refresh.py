"""The command `refresh`, and its log."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capmap.cli import options
from capmap.cli.session import progress, say
from capmap.errors import CapmapError, ExitCode, UsageError

if TYPE_CHECKING:
    from capmap.model import Project
    from capmap.operate.compute import Analysis
    from capmap.operate.refresh import Event, Refreshed

LOGS = ("text", "json")
SHOWN = 20  #: findings of an error that its line in the log holds


def refresh(
    project: options.Project = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask the sources and say what is new; write nothing.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Do not ask sources again that answered since this date or time (UTC).",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept", help="Source to take although the level of its figures jumped; repeatable.",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    fail_on_change: Annotated[
        bool, typer.Option("--fail-on-change", help="Exit with 6 if a figure changed.", rich_help_panel=options.OUTPUT)
    ] = False,
    log_format: Annotated[
        str, typer.Option("--log-format", help="Log on stderr: text, or json (a line for each step).",
                          rich_help_panel=options.OUTPUT)
    ] = "text",
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:  # fmt: skip
    """Fetch the sources, compute what changed and keep it as a dated vintage; silent when nothing is new.

    Example: capmap refresh -p my-project
    """
    from capmap.operate.refresh import refresh as bring_up_to_date

    if log_format not in LOGS:
        raise UsageError(f"unknown log format {log_format!r}", fix="choose text or json")
    moment = None if since is None else _moment(since)
    with _errors_as_json(log_format == "json") as run, _bar() as analyses:

        def tell(event: Event) -> None:
            run.update(event.fields if event.name == "start" else {})
            if log_format == "json":
                _line(event.level, event.name, event.message, run | dict(event.fields))
            elif event.level == "warning":
                say(f"capmap: warning: {_watched(event) if event.name == 'watch' else event.message}")

        done = bring_up_to_date(
            project, dry_run=dry_run, since=moment, accept=accept or (), tell=tell, analyses=analyses, wording=_wording
        )
    if dry_run:
        for line in _would(done):
            typer.echo(line)
    elif log_format == "text" and not quiet and done.vintage is not None:
        for line in _did(done):
            say(line)
    if fail_on_change and (done.changed or (dry_run and done.news)):
        raise typer.Exit(ExitCode.CHANGED)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since {text!r} is no date", fix="write 2026-11-22 or 2026-11-22T06:00") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _would(done: Refreshed) -> Iterator[str]:
    """What a dry run found."""
    for one in done.sources:
        yield f"{one.name}: {one.standing}, {one.record.rows:,} rows"
    if not done.news:
        yield "nothing is new: no vintage would be made"
    else:
        rest = f" and {len(done.news) - 5:,} more" if len(done.news) > 5 else ""
        yield f"results would be computed again, for what is new: {', '.join(done.news[:5])}{rest}"


def _did(done: Refreshed) -> Iterator[str]:
    what = "" if done.changed else "; no figure differs"
    yield f"capmap: new vintage {_near(done.vintage)} ({done.computed:,} computed, {done.reused:,} as before{what})"
    if done.changed and done.earlier is not None and done.vintage is not None:
        told = "capmap diff" if done.earlier.is_dir() else _near(done.vintage / "changes.md")
        yield f"capmap: what changed, and why: {told}"


def _near(path: Path | None) -> str:
    """A path as seen from the working directory, where it is below it."""
    try:
        return str(path and path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


# Log ----------------------------------------------------------------------------------------------------------


def _line(level: str, event: str, message: str, fields: dict[str, Any]) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    content = {"time": moment, "level": level, "event": event, "message": message} | fields
    say(json.dumps(content, ensure_ascii=False, default=str))


@contextmanager
def _errors_as_json(on: bool) -> Iterator[dict[str, Any]]:
    """What every line has; with JSON an error is the last of them and no other words follow."""
    run: dict[str, Any] = {}
    try:
        yield run
    except CapmapError as error:
        if not on:
            raise
        findings = [
            {"code": one.code, "severity": one.severity, "message": one.message, "fix": one.fix, "file": one.file,
             "line": one.line}
            for one in getattr(error, "findings", ())
            if one.severity == "error"
        ]  # fmt: skip
        more = len(findings) - SHOWN
        fields = {
            "exit_code": int(error.exit_code),
            "where": error.where,
            "fix": error.fix,
            "findings": findings[:SHOWN],
        }
        fields |= {"more_findings": more} if more > 0 else {}
        _line("error", "failed", error.message, run | fields)
        raise typer.Exit(error.exit_code) from None


@contextmanager
def _bar() -> Iterator[Any]:
    """What makes the analyses, each announced by a progress bar on a terminal; nothing is imported without one."""
    if not sys.stderr.isatty():
        yield None
        return
    with progress() as step:

        def analyses(project: Project) -> dict[str, Analysis]:
            from capmap.operate.run import everything

            return {name: step(name, analysis) for name, analysis in everything(project).items()}

        yield analyses


def _watched(event: Event) -> str:
    from capmap.report.diff import watched

    return watched(event.fields)


def _wording() -> Any:
    from capmap.report.vintage import Words

    return Words()
