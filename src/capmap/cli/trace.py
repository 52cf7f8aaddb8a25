"""Commands that trace numbers to their sources: `explain`, `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capmap.cli import options
from capmap.cli.session import emit, open_project
from capmap.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from capmap.model import Project


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Read")(explain)
    app.command(rich_help_panel="Operate")(verify)


def explain(
    region: Annotated[str, typer.Argument(help="Region code or name; - for a measure of a sector alone.")],
    sector: Annotated[str | None, typer.Argument(help="Sector code or name; none for a measure of a region.")] = None,
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: Annotated[
        str | None, typer.Option("--indicator", "-i", help="Indicator id.", rich_help_panel=options.SELECT)
    ] = None,
    year: options.OneYear = "latest",
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            help="Column of a command that measures, such as rca, p_above_one, class, rii, score, eci, density, p_entry, "
            "proximity, p_top.",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option("--index", help="Composite index instead of an indicator.", rich_help_panel=options.SELECT),
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", help="Pillar or indicator of the index.", rich_help_panel=options.SELECT)
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--other",
            help="The other sector of proximity and p_value, or the other region of p_ahead and similarity.",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    level: options.Level = None,
    reference: options.Reference = None,
    exclude: options.Exclude = None,
    window: options.Window = None,
    threshold: options.Threshold = None,
    dispersion: options.Dispersion = None,
    method: Annotated[
        str | None,
        typer.Option("--method", "-m", help="Of normalise, for the measure score.", rich_help_panel=options.MEASURE),
    ] = None,
    per: Annotated[
        str | None, typer.Option("--per", help="Of normalise: divide by this first.", rich_help_panel=options.MEASURE)
    ] = None,
    winsorise: Annotated[
        str | None,
        typer.Option("--winsorise", help="Of normalise: none, rule or a number.", rich_help_panel=options.MEASURE),
    ] = None,
    floor: Annotated[
        float, typer.Option("--floor", help="Of intensity: smallest denominator.", rich_help_panel=options.MEASURE)
    ] = 500.0,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Of index: given or equal.", rich_help_panel=options.MEASURE)
    ] = None,
    impute: Annotated[
        str | None, typer.Option("--impute", help="Of index: how gaps are filled.", rich_help_panel=options.MEASURE)
    ] = None,
    income: Annotated[
        str | None,
        typer.Option("--income", help="Of prody and expy: indicator of income.", rich_help_panel=options.MEASURE),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option("--draws", min=0, help="Of measures by draws: how many.", rich_help_panel=options.MEASURE),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Of measures by draws: where they start.", rich_help_panel=options.MEASURE),
    ] = None,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """How a number came about: a sentence to quote, the formula with its figures, the lines they stand on, what would change it.

    Example: capmap explain KOR semiconductors -i patent_families
    """
    from capmap.analyses import explain as analysis
    from capmap.analyses import selection
    from capmap.data import write
    from capmap.report import explain as report

    loaded = open_project(
        project, data=data, kind=kind, columns=columns, quiet=quiet, reference=reference, exclude=exclude, window=window,
        threshold=threshold, dispersion=dispersion,
    )  # fmt: skip
    found = analysis.explain(
        loaded, region, sector, indicator=indicator, measure=measure, year=year, index=index, node=node, level=level,
        method=method, per=per, winsorise=winsorise, floor=floor, weights=weights, impute=impute, other=other, income=income,
        draws=draws, seed=seed,
    )  # fmt: skip
    result = report.answered(
        write.stamped(loaded, found), selection.region_labels(loaded), selection.all_sector_names(loaded)
    )

    def show(console: Console) -> None:
        report.show(console, result, everything)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, long=lambda: report.long(result))


def verify(
    results: Annotated[
        Path, typer.Argument(help="A folder of `capmap run`, a vintage, an archive, or a file written with -o.")
    ],
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance",
            min=0,
            help="Relative difference up to which a number follows; default 0, every bit.",
            rich_help_panel=options.MEASURE,
        ),
    ] = 0.0,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Compute results again from what they say they were made of, and list every cell that does not follow; exit code 4 then.

    Example: capmap verify rca.parquet
    """
    from capmap.cli.replay import replayed
    from capmap.operate import verify as operate
    from capmap.report import verify as report

    if output is not None and output.resolve() == results.resolve():
        raise UsageError(f"{output} is what is to be verified", fix="write the differences to another file")

    def open_() -> Project:
        return open_project(project, data=data, kind=kind, columns=columns, quiet=quiet)

    found = operate.verify(results, open_, replayed(project, data, kind, columns), tolerance=tolerance)

    def show(console: Console) -> None:
        report.show(console, found.result, everything)

    emit(
        found.result,
        found.project,
        show,
        output=output,
        format=format_,
        quiet=quiet,
        caption=report.caption(found.result),
    )
    if found.result.tables["differences"].height:
        raise typer.Exit(ExitCode.CHECKS_FAILED)
