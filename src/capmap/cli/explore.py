"""Commands that explore what goes together and what lies near: `complexity`, `relatedness`, `opportunities`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capmap.cli import conventions as convention
from capmap.cli import options
from capmap.cli.session import MANY_TABLES, emit, open_project, say, today
from capmap.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from capmap.model import Project

#: Rows of a terminal table before `--all` is needed.
SCREEN_ROWS = 60


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Measure")(complexity)
    app.command(rich_help_panel="Read")(opportunities)


@convention.taking()
def complexity(
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.Year = "latest",
    region: options.Region = None,
    sector: options.Sector = None,
    level: options.Level = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", help="regions, sectors or cells; default regions and sectors.", rich_help_panel=options.SELECT
        ),
    ] = None,
    income: Annotated[
        str | None,
        typer.Option(
            "--income", help="Indicator of income per head, for PRODY and EXPY.", rich_help_panel=options.MEASURE
        ),
    ] = None,
    with_: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="More columns: reflections, projected, genepy, coherence, variety, expy, concentration, dynamics; "
            "comma-separated.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    steps: Annotated[
        int,
        typer.Option(
            "--steps", min=0, help="Reflections to make, for --with reflections.", rich_help_panel=options.MEASURE
        ),
    ] = 18,
    outside_pci: Annotated[
        Path | None,
        typer.Option(
            "--outside-pci",
            help="File with columns sector and pci, for --with projected.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    plants: Annotated[
        Path | None,
        typer.Option(
            "--plants",
            help="File with columns sector and size, a row a plant, for the Ellison-Glaeser index of --with "
            "concentration.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    chosen: convention.Chosen = convention.NOTHING,
    everything: options.All = False,
    labels: options.Labels = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Economic complexity of regions and sectors, with ranges, ranks and fitness.

    Example: capmap complexity -i patent_families --year 2018
    """
    from capmap.analyses import complexity as analysis
    from capmap.analyses import refine, selection
    from capmap.report import complexity as screen

    loaded = open_project(project, data=data, kind=kind, columns=columns, level=level, quiet=quiet)
    loaded, beside = _with_files(loaded, outside_pci, plants)
    wanted = (table,) if table else ("regions", "sectors")
    result = analysis.complexity(
        loaded, indicator=indicator or (), year=year, region=region or (), sector=sector or (), table=wanted,
        income=income, extras=with_.split(",") if with_ else (), steps=steps, **beside, **chosen,
    )  # fmt: skip
    if labels:
        result = refine.labelled(loaded, result)
    people, names = selection.region_labels(loaded), selection.all_sector_names(loaded)
    caption = screen.caption(result, people, names, today(), loaded.run.profile.old_after)

    def show(console: Console) -> None:
        screen.show(console, result, people, names, caption, None if everything else SCREEN_ROWS)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, caption=caption,
         long=None if table else lambda: result.tables["regions"])  # fmt: skip
    if not table and not quiet and _one_table(output, format_):
        say("capmap: this is the table of regions: --table sectors gives the other")


def _with_files(loaded: Project, outside_pci: Path | None, plants: Path | None) -> tuple[Project, dict[str, Any]]:
    """The tables read beside the project; their files count as inputs of it."""
    from dataclasses import replace

    from capmap.data.beside import OUTSIDE_PCI, PLANT_SIZES, read_beside

    found = {}
    for name, path, layout in (("outside", outside_pci, OUTSIDE_PCI), ("plants", plants, PLANT_SIZES)):
        if path is not None:
            found[name], file = read_beside(path, layout)
            loaded = replace(loaded, files=(*loaded.files, file))
    return loaded, found


@convention.taking()
def opportunities(
    region: Annotated[str | None, typer.Argument(help="Region code or name; none with --backtest.")] = None,
    backtest: Annotated[
        bool,
        typer.Option(
            "--backtest",
            help="What such picks were worth in the past, for all regions.",
            rich_help_panel=options.MEASURE,
        ),
    ] = False,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", help="Of the backtest: scores, calibration or origins.", rich_help_panel=options.SELECT
        ),
    ] = None,
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.OneYear = "latest",
    sector: options.Sector = None,
    level: options.Level = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            "--horizon",
            min=1,
            help="Years ahead at which entries are looked for; default 5.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Model of entry: logistic or boosting.", rich_help_panel=options.MEASURE),
    ] = None,
    chosen: convention.Chosen = convention.NOTHING,
    everything: options.All = False,
    ascii_: options.Ascii = False,
    labels: options.Labels = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What lies near a region, how likely an entry is, and what such picks were worth in the past.

    Example: capmap opportunities KOR -i patent_families
    """
    loaded = open_project(project, data=data, kind=kind, columns=columns, level=level, quiet=quiet)
    chosen |= {"horizon": horizon, "model": model}
    if backtest:
        if region is not None:
            raise UsageError("the backtest is of all regions", fix="leave the region out, or leave --backtest out")
        _backtest(loaded, indicator or (), table, chosen, output, format_, quiet, everything)
        return
    if region is None:
        raise UsageError("name a region", fix="capmap opportunities REGION; all of them: capmap run -o DIR")
    from capmap.analyses import opportunities as analysis
    from capmap.analyses import refine, selection
    from capmap.report import opportunities as screen

    result = analysis.opportunities(loaded, region, indicator=indicator or (), year=year, sector=sector or (), **chosen)
    if labels:
        result = refine.labelled(loaded, result)
    people, names = selection.region_labels(loaded), selection.all_sector_names(loaded)

    def show(console: Console) -> None:
        screen.show(console, result, people, names, today(), loaded.run.profile.old_after, everything,
                    ascii_ or not console.encoding.lower().startswith("utf"))  # fmt: skip

    said = [line for block in result.meta["blocks"] for line in screen.verdict(block["backtest"])]
    emit(result, loaded, show, output=output, format=format_, quiet=quiet, caption=[*said, *screen.gaps(result)])


def _backtest(
    loaded: Project,
    indicator: Sequence[str],
    table: str | None,
    chosen: dict[str, Any],
    output: Path | None,
    format_: str | None,
    quiet: bool,
    everything: bool,
) -> None:
    """The backtest of every indicator, or one of its tables."""
    from dataclasses import replace

    from capmap.analyses import backtest as analysis
    from capmap.report import opportunities as screen

    result = analysis.backtest(loaded, indicator=indicator, **chosen)
    if table is not None and table not in result.tables:
        raise UsageError(f"unknown table {table!r}", fix=f"choose from {', '.join(result.tables)}")
    shown = result if table is None else replace(result, tables={table: result.tables[table]})
    said = [line for block in result.meta["blocks"] for line in screen.verdict(block)]

    def show(console: Console) -> None:
        screen.show_backtest(console, result, everything)

    emit(shown, loaded, show, output=output, format=format_, quiet=quiet, caption=said,
         long=None if table else lambda: result.tables["scores"])  # fmt: skip


def _one_table(output: object, format_: str | None) -> bool:
    """Whether a format holds one table only."""
    import sys

    from capmap.data import write

    chosen = format_ or (write.format_of(str(output)) if output and str(output) != "-" else None)
    return (chosen or ("table" if sys.stdout.isatty() else "csv")) not in ("table", *MANY_TABLES)
