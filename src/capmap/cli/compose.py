"""Commands about composite indices: `index`, `robustness`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from capmap.cli import conventions, options
from capmap.cli.session import emit, open_project
from capmap.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from capmap.model import Project, Result

#: Rows of a terminal table before `--all` is needed.
SCREEN_ROWS = 60

Id = Annotated[str | None, typer.Argument(help="Name of the index file; the only one if left out.")]
Weights = Annotated[
    str, typer.Option("--weights", help="given (in the index file) or equal.", rich_help_panel=options.MEASURE)
]
Impute = Annotated[
    str,
    typer.Option("--impute", help="How gaps of scored regions are filled: none, mean, median, em or iterative.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Draws = Annotated[
    int | None,
    typer.Option("--draws", min=0, help="Replicates behind the ranges; default 10,000, 0 for none.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Places = Annotated[
    int,
    typer.Option("--places", min=1, help="The probability shown is that of this rank or a better one.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Table = Annotated[
    str | None, typer.Option("--table", help="Only this table of the result.", rich_help_panel=options.SELECT)
]


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Measure")(index)
    app.command(rich_help_panel="Measure")(robustness)


def index(
    id_: Id = None,
    project: options.Project = None,
    year: options.Year = "latest",
    region: options.Region = None,
    mixed_years: options.MixedYears = False,
    table: Table = None,
    weights: Weights = "given",
    impute: Impute = "none",
    draws: Draws = None,
    seed: conventions.Seed = None,
    places: Places = 5,
    steps: Annotated[
        bool, typer.Option("--steps", help="A table for every step as well.", rich_help_panel=options.OUTPUT)
    ] = False,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Composite index of regions: groups that cannot be told apart, ranks with ranges, weakest pillars.

    Example: capmap index innovation --draws 1000
    """
    from capmap.analyses import index as analysis

    loaded = open_project(project, quiet=quiet)
    given = {key: value for key, value in (("draws", draws), ("seed", seed)) if value is not None}
    result = analysis.index(
        loaded, id_, year=year, region=region or (), weights=weights, impute=impute, steps=steps, places=places,  # type: ignore[arg-type]
        allow_mixed_years=mixed_years, **given,
    )  # fmt: skip
    _hand_over(loaded, result, table, everything, output=output, format=format_, quiet=quiet)


def robustness(
    id_: Id = None,
    project: options.Project = None,
    year: options.Year = "latest",
    region: options.Region = None,
    mixed_years: options.MixedYears = False,
    table: Table = None,
    weights: Weights = "given",
    impute: Impute = "none",
    draws: Draws = None,
    seed: conventions.Seed = None,
    places: Places = 5,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """How far the ranks of an index are to be trusted, and which choice moves each region most.

    Example: capmap robustness innovation --draws 1000
    """
    from capmap.analyses import index as analysis

    loaded = open_project(project, quiet=quiet)
    given = {key: value for key, value in (("draws", draws), ("seed", seed)) if value is not None}
    result = analysis.robustness(
        loaded, id_, year=year, region=region or (), weights=weights, impute=impute, places=places,  # type: ignore[arg-type]
        allow_mixed_years=mixed_years, **given,
    )  # fmt: skip
    _hand_over(loaded, result, table, everything, output=output, format=format_, quiet=quiet)


def _hand_over(
    loaded: Project,
    result: Result,
    table: str | None,
    everything: bool,
    *,
    output: Path | None,
    **how: Any,
) -> None:
    """Write the tables asked for, or show them."""
    from capmap.analyses import selection
    from capmap.report import index as screen
    from capmap.report import tables

    if table is not None and table not in result.tables:
        raise UsageError(f"no table {table!r}", fix=f"choose from {', '.join(result.tables)}; --steps adds some")
    chosen = tables.only(result, table) if table else result
    labels = selection.region_labels(loaded)
    caption = screen.caption(result, labels)

    def show(console: Console) -> None:
        screen.show(console, result, table, labels, caption, None if everything else SCREEN_ROWS)

    emit(chosen, loaded, show, output=output, caption=caption,
         long=None if table else lambda: result.tables[result.name], **how)  # fmt: skip
