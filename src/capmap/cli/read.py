"""Commands that are read: `profile`, `compare`, `sector`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from capmap.cli import options
from capmap.cli.session import emit, open_project, source, today

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    for command in (profile, compare, sector):
        app.command(rich_help_panel="Read")(command)


def profile(
    region: Annotated[str, typer.Argument(help="Region code or name.")],
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    year: options.OneYear = "latest",
    mixed_years: options.MixedYears = False,
    level: options.Level = None,
    reference: options.Reference = None,
    exclude: options.Exclude = None,
    window: options.Window = None,
    threshold: options.Threshold = None,
    dispersion: options.Dispersion = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="The headline block alone.", rich_help_panel=options.OUTPUT)
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Compute complexity, opportunities and indices now; by default they come from results/.",
            rich_help_panel=options.MEASURE,
        ),
    ] = False,
    everything: options.All = False,
    ascii_only: options.Ascii = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What a region is demonstrably specialised in, how sure that is, and what is missing, on one screen.

    Example: capmap profile KOR
    """
    from capmap.analyses import profile as analysis
    from capmap.analyses import selection
    from capmap.report import layout
    from capmap.report import profile as report

    loaded = open_project(
        project, data=data, kind=kind, columns=columns, level=level, quiet=quiet, reference=reference,
        exclude=exclude, window=window, threshold=threshold, dispersion=dispersion,
    )  # fmt: skip
    result = analysis.profile(loaded, region, year=year, allow_mixed_years=mixed_years, full=full)

    def show(console: Console) -> None:
        seen = layout.view(
            loaded, result, labels=selection.region_labels(loaded), sectors=selection.names_by_indicator(loaded),
            encoding=console.encoding, today=today(), width=console.width, everything=everything,
            ascii_only=ascii_only, source=source(project, data, kind, columns), level=level,
        )  # fmt: skip
        report.show(console, seen, brief=brief)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, long=lambda: analysis.long(result))


def compare(
    regions: Annotated[list[str], typer.Argument(help="Two to six regions, codes or names.")],
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    year: options.OneYear = "latest",
    mixed_years: options.MixedYears = False,
    level: options.Level = None,
    versus: Annotated[
        str | None, typer.Option("--versus", help="Look from this region.", rich_help_panel=options.SELECT)
    ] = None,
    reference: options.Reference = None,
    exclude: options.Exclude = None,
    window: options.Window = None,
    threshold: options.Threshold = None,
    dispersion: options.Dispersion = None,
    sort: Annotated[
        str,
        typer.Option("--sort", help="Order of the differences: gap, share or name.", rich_help_panel=options.OUTPUT),
    ] = "gap",
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Compute composite indices now; by default they come from results/.",
            rich_help_panel=options.MEASURE,
        ),
    ] = False,
    everything: options.All = False,
    ascii_only: options.Ascii = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Where regions differ beyond noise, what they have in common, and what cannot be told apart.

    Example: capmap compare DEU ITA KOR
    """
    from capmap.analyses import compare as analysis
    from capmap.analyses import selection
    from capmap.report import compare as report
    from capmap.report import layout

    report.check_sort(sort)
    loaded = open_project(
        project, data=data, kind=kind, columns=columns, level=level, quiet=quiet, reference=reference,
        exclude=exclude, window=window, threshold=threshold, dispersion=dispersion,
    )  # fmt: skip
    result = analysis.compare(loaded, regions, year=year, versus=versus, allow_mixed_years=mixed_years, full=full)

    def show(console: Console) -> None:
        seen = layout.view(
            loaded, result, labels=selection.region_labels(loaded), sectors=selection.names_by_indicator(loaded),
            encoding=console.encoding, today=today(), width=console.width, everything=everything,
            ascii_only=ascii_only, source=source(project, data, kind, columns), level=level,
        )  # fmt: skip
        report.show(console, seen, sort=sort)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, long=lambda: analysis.long(result))


def sector(
    sector: Annotated[str, typer.Argument(help="Sector code or name.")],
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.OneYear = "latest",
    mixed_years: options.MixedYears = False,
    level: options.Level = None,
    reference: options.Reference = None,
    exclude: options.Exclude = None,
    window: options.Window = None,
    threshold: options.Threshold = None,
    dispersion: options.Dispersion = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="The headline block alone.", rich_help_panel=options.OUTPUT)
    ] = False,
    everything: options.All = False,
    ascii_only: options.Ascii = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Who leads in a sector by size and by specialisation, who came and went, and how concentrated it is.

    Example: capmap sector semiconductors
    """
    from capmap.analyses import sector as analysis
    from capmap.analyses import selection
    from capmap.report import layout
    from capmap.report import sector as report

    loaded = open_project(
        project, data=data, kind=kind, columns=columns, level=level, quiet=quiet, reference=reference,
        exclude=exclude, window=window, threshold=threshold, dispersion=dispersion,
    )  # fmt: skip
    result = analysis.sector(loaded, sector, indicator=indicator or (), year=year, allow_mixed_years=mixed_years)

    def show(console: Console) -> None:
        seen = layout.view(
            loaded, result, labels=selection.region_labels(loaded), sectors=selection.names_by_indicator(loaded),
            encoding=console.encoding, today=today(), width=console.width, everything=everything,
            ascii_only=ascii_only, source=source(project, data, kind, columns), level=level,
        )  # fmt: skip
        report.show(console, seen, brief=brief)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, long=lambda: analysis.long(result))
