"""Commands to know the data: `init`, `check`, `indicators`, `regions`, `sectors`, `config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capmap.cli import options
from capmap.cli.session import command, emit, open_project, say, source
from capmap.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from capmap.model import Project, Result

PANEL = "Know the data"


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    for one in (init, check, indicators, regions, sectors, config):
        app.command(rich_help_panel=PANEL)(one)


def init(
    folder: Annotated[Path, typer.Argument(help="New or empty folder.")],
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Start a project of your own: a copy of the sample with a run file that explains every key.

    Example: capmap init my-project
    """
    from capmap.data.init import init as start

    start(folder)
    if not quiet:
        say(f"capmap: made {folder}; edit {folder / 'capmap.toml'}, then run `{command(source(folder), 'check')}`")


def check(
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Run every check on the data and list all findings; exit code 4 if one is an error.

    Example: capmap check -p my-project -f json
    """
    from capmap.data.findings import findings_frame
    from capmap.model import Result
    from capmap.report.problems import show_findings

    loaded = open_project(project, data=data, kind=kind, columns=columns, quiet=quiet, check=False)
    kinds = ("error", "warning", "note")
    count = {name: sum(f.severity == name for f in loaded.findings) for name in kinds}
    places = {name: sum(f.count for f in loaded.findings if f.severity == name) for name in kinds}
    meta = {"command": "check", "count": count, "places": places}
    result = Result("check", {"findings": findings_frame(loaded.findings)}, meta)

    def show(console: Console) -> None:
        show_findings(console, loaded.findings, everything=everything)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet)
    if count["error"]:
        raise typer.Exit(ExitCode.CHECKS_FAILED)


def indicators(
    indicator: Annotated[str | None, typer.Argument(help="Show everything about this one.")] = None,
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """The indicators of a project: what they measure, their years, source and licence; or one of them whole.

    Example: capmap indicators patent_families
    """
    from capmap.analyses import listing

    loaded = open_project(project, data=data, kind=kind, columns=columns, quiet=quiet)
    if indicator is None:
        _list(listing.indicators(loaded), loaded, output, format_, quiet,
              ("id", "name", "kind", "years", "regions", "sectors"))  # fmt: skip
    else:
        _list(listing.indicator(loaded, indicator), loaded, output, format_, quiet)


def regions(
    group: options.Group = None,
    level: Annotated[str | None, typer.Option("--level", help="Only regions of this level.")] = None,
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """The regions of a project: code, name, role, groups and which indicators have data of them.

    Example: capmap regions --group EU27
    """
    from capmap.analyses import listing

    loaded = open_project(project, data=data, kind=kind, columns=columns, quiet=quiet)
    _list(listing.regions(loaded, group, level), loaded, output, format_, quiet)


def sectors(
    classification: Annotated[str | None, typer.Argument(help="Only this classification, such as wipo35.")] = None,
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """The sectors of a project by classification, with their parents and indicators.

    Example: capmap sectors wipo35
    """
    from capmap.analyses import listing

    loaded = open_project(project, data=data, kind=kind, columns=columns, quiet=quiet)
    _list(listing.sectors(loaded, classification), loaded, output, format_, quiet)


def config(
    project: options.Project = None,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Every setting with its value and where it came from: flag, environment, capmap.toml or default.

    Example: CAPMAP_SPECIALISATION_THRESHOLD=1.25 capmap config
    """
    from capmap.analyses import configuration

    loaded = open_project(project, quiet=quiet, check=False)
    _list(configuration.config(loaded), loaded, output, format_, quiet)


def _list(
    result: Result,
    loaded: Project,
    output: Path | None,
    format_: str | None,
    quiet: bool,
    narrow: tuple[str, ...] | None = None,
) -> None:
    """Show a listing, on a terminal only the columns that fit."""
    from capmap.report import tables

    def show(console: Console) -> None:
        for place, frame in enumerate(result.tables.values()):
            if place:
                console.print()
            shown = tables.with_years(frame).select(narrow) if narrow else frame
            tables.show(console, shown, tables.plain_columns(shown), fold=True)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, long=lambda: tables.first(result))
