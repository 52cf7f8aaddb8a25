"""Commands about composite indices: `index`, `robustness`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from capmap.cli import conventions, options
from capmap.cli.session import emit, open_project, say, text
from capmap.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from capmap.model import Project, Result

#: Rows of a terminal table before `--all` is needed.
SCREEN_ROWS = 60

Id = Annotated[str | None, typer.Argument(metavar="ID", help="Name of the index file; the only one if left out.")]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        help="given (as the index file says); or for all nodes equal, pca, entropy, critic, budget, ahp, "
        "best_worst, benefit_of_doubt or correlation_optimised.",
        rich_help_panel=options.MEASURE,
    ),
]
Impute = Annotated[
    str | None,
    typer.Option("--impute", help="How gaps are filled, whatever the index file says: none, mean, median, group, row, last, "
                 "linear, em or iterative.", rich_help_panel=options.MEASURE),
]  # fmt: skip
MaxAge = Annotated[
    int | None,
    typer.Option("--max-age", min=0, help="last: most years that a figure carried forward may be older than the others.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Frozen = Annotated[
    bool | None,
    typer.Option("--frozen/--no-frozen", help="Keep the frozen scale, where there is one, or take that of these figures.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Freeze = Annotated[
    bool,
    typer.Option("--freeze", help="Keep the scale of these figures in index/ID.scale.json, for later runs.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Draws = Annotated[
    int | None,
    typer.Option("--draws", min=0, help="Replicates behind the ranges; default 10,000, 0 for none.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Places = Annotated[
    int | None,
    typer.Option("--places", min=1, help="The probability shown is that of this rank or a better one; default 5.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Vary = Annotated[
    str | None,
    typer.Option("--vary", help="What the replicates vary: normaliser, treatment, weights, aggregation, left_out; "
                 "comma-separated, all by default.", rich_help_panel=options.MEASURE),
]  # fmt: skip
WeightRule = Annotated[
    str | None,
    typer.Option("--weight-rule", help="How weights vary: perturbed (default) or dirichlet.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Spread = Annotated[
    float | None,
    typer.Option("--spread", help="perturbed: share by which a weight moves up or down at most; default 0.25.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Concentration = Annotated[
    float | None,
    typer.Option("--concentration", help="dirichlet: how close to the weights given; default 1, which makes all sets "
                 "of weights equally likely where they are equal.", rich_help_panel=options.MEASURE),
]  # fmt: skip
With = Annotated[
    str | None,
    typer.Option("--with", help="Try copeland as well beside the means.", rich_help_panel=options.MEASURE),
]
Sobol = Annotated[
    int | None,
    typer.Option("--sobol", min=1, help="Sobol indices too, from this many base points: a power of two, such as 512.",
                 rich_help_panel=options.MEASURE),
]  # fmt: skip
Table = Annotated[
    str | None, typer.Option("--table", help="Only this table of the result.", rich_help_panel=options.SELECT)
]
Steps = Annotated[bool, typer.Option("--steps", help="A table for every step as well.", rich_help_panel=options.OUTPUT)]
Audit = Annotated[
    bool,
    typer.Option("--audit", help="The audit of every step, with a verdict on each: Markdown, or JSON with -o audit.json.",
                 rich_help_panel=options.OUTPUT),
]  # fmt: skip
WhatIf = Annotated[
    list[str] | None,
    typer.Option("--what-if", help="A scenario beside the index, such as drop=robots,weights=equal; keys: drop, weights, "
                 "normaliser, aggregation, treatment, impute, year, name; repeatable.", rich_help_panel=options.MEASURE),
]  # fmt: skip


#: What changes how an index is measured, by the keyword that the analyses take.
MEASURED: dict[str, Any] = {
    "allow_mixed_years": options.MixedYears, "weights": Weights, "impute": Impute, "max_age": MaxAge, "frozen": Frozen,
    "draws": Draws, "seed": conventions.Seed, "places": Places,
}  # fmt: skip
#: The same of the replicates.
VARIED: dict[str, Any] = {
    "vary": Vary, "weight_rule": WeightRule, "spread": Spread, "concentration": Concentration, "extras": With,
    "sobol": Sobol,
}  # fmt: skip
#: Tables that are there without `--steps`, `--audit` or `--what-if`.
ALWAYS = ("index", "robustness", "strengths")
AUDITED = ("verdicts", "audit")
COMPARED = ("scenarios", "comparisons")


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Measure")(index)
    app.command(rich_help_panel="Measure")(robustness)


@conventions.taking(options=MEASURED)
def index(
    id_: Id = None,
    project: options.Project = None,
    year: options.Year = "latest",
    region: options.Region = None,
    table: Table = None,
    chosen: conventions.Chosen = conventions.NOTHING,
    what_if: WhatIf = None,
    audit: Audit = False,
    steps: Steps = False,
    freeze: Freeze = False,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Composite index of regions: groups that cannot be told apart, ranks with ranges, weakest pillars.

    --audit judges every step, --what-if puts scenarios beside it, --freeze keeps its scale for the next run.

    Example: capmap index innovation --what-if drop=robots,weights=equal
    """
    from capmap.analyses import index as analysis

    loaded = open_project(project, quiet=quiet)
    asked = {name: value for name, value in chosen.items() if value is not None}
    if freeze:
        loaded = _frozen(loaded, id_, year, asked, quiet=quiet)
    if table is not None:
        steps = steps or table not in (*ALWAYS, *AUDITED, *COMPARED)
        audit = audit or table in AUDITED
    result = analysis.index(
        loaded, id_, year=year, region=region or (), steps=steps, audit=audit, what_if=what_if or (), **asked
    )
    if audit and table is None:
        _audited(loaded, result, output=output, format=format_, quiet=quiet)
        return
    first = "scenarios" if what_if else result.name
    _hand_over(loaded, result, table, everything, first, output=output, format=format_, quiet=quiet)


@conventions.taking(options=MEASURED | VARIED)
def robustness(
    id_: Id = None,
    project: options.Project = None,
    year: options.Year = "latest",
    region: options.Region = None,
    table: Table = None,
    chosen: conventions.Chosen = conventions.NOTHING,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """How far the ranks of an index are to be trusted, and which choice moves each region most.

    Example: capmap robustness innovation --vary weights,left_out --weight-rule dirichlet --sobol 512
    """
    from capmap.analyses import index as analysis

    loaded = open_project(project, quiet=quiet)
    asked = {name: value for name, value in chosen.items() if value is not None}
    asked |= {name: asked[name].split(",") for name in ("vary", "extras") if name in asked}
    result = analysis.robustness(loaded, id_, year=year, region=region or (), **asked)
    _hand_over(loaded, result, table, everything, result.name, output=output, format=format_, quiet=quiet)


def _frozen(loaded: Project, id_: str | None, year: str, asked: Mapping[str, Any], *, quiet: bool) -> Project:
    """The project with the scale of these figures, once it is on the disk."""
    from capmap.analyses import index as analysis
    from capmap.data.scale import keep

    if asked.get("frozen") is False:
        raise UsageError("--freeze makes a scale that --no-frozen leaves out", fix="name one of them")
    given = {name: asked[name] for name in ("impute", "max_age", "allow_mixed_years") if name in asked}
    scale = analysis.freeze(loaded, id_, year=year, **given)
    kept, path = keep(loaded, scale)
    if not quiet:
        say(f"capmap: scale of {scale.index} frozen in {path}")
    return kept


def _hand_over(
    loaded: Project,
    result: Result,
    table: str | None,
    everything: bool,
    first: str,
    *,
    output: Path | None,
    **how: Any,
) -> None:
    """Write the tables asked for, or show them; `first` is the one that stands for all in formats of one table."""
    from capmap.analyses import selection
    from capmap.report import index as screen
    from capmap.report import tables

    if table is not None and table not in result.tables:
        said = f"choose from {', '.join(result.tables)}"
        if result.name == "index":
            said += "; --what-if KEY=VALUE adds scenarios and comparisons, two regions or more add gaps"
        raise UsageError(f"no table {table!r}", fix=said)
    chosen = tables.only(result, table) if table else result
    labels = selection.region_labels(loaded)
    caption = screen.caption(result, labels, table)

    def show(console: Console) -> None:
        screen.show(console, result, table, labels, caption, None if everything else SCREEN_ROWS)

    emit(
        chosen,
        loaded,
        show,
        output=output,
        caption=caption,
        long=None if table else lambda: result.tables[first],
        **how,
    )


def _audited(loaded: Project, result: Result, *, output: Path | None, format: str | None, quiet: bool) -> None:  # noqa: A002
    """Write the audit: as a document in Markdown and on a terminal, as its checks in other formats."""
    import sys

    from capmap import __version__
    from capmap.analyses import selection
    from capmap.data import write
    from capmap.report import audit as report

    blocks = report.document(loaded, result, selection.region_labels(loaded), __version__)
    to_file = output is not None and str(output) != "-"
    chosen = format or (write.format_of(str(output)) if to_file else "table" if sys.stdout.isatty() else "md")
    if chosen == "md":
        text(report.markdown(blocks), loaded, output=output if to_file else None)
        return

    def show(console: Console) -> None:
        report.show(console, blocks)

    emit(result, loaded, show, output=output, format=chosen, quiet=quiet, caption=[report.overall(result)],
         long=lambda: result.tables["audit"])  # fmt: skip
