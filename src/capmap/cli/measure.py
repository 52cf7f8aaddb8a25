"""Commands that measure: `rca`, `intensity`, `normalise`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from capmap.cli import options
from capmap.cli.session import command, emit, open_project, rows_of, say, source, today
from capmap.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from capmap.model import Project

#: Rows of a terminal table before `--all` is needed.
SCREEN_ROWS = 60
#: Kinds that no RCA is taken of -> the command that measures them.
RATIOS = {"intensity": "intensity", "score": "normalise"}


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Measure")(rca)
    app.command(rich_help_panel="Measure")(intensity)
    app.command(rich_help_panel="Measure")(normalise)


def rca(
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.Year = "latest",
    region: options.Region = None,
    sector: options.Sector = None,
    class_: options.Class = None,
    group: options.Group = None,
    level: options.Level = None,
    top: options.Top = None,
    sort: options.Sort = None,
    with_: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="More columns: loo, log, per_capita, imports, margins, history, posterior, "
            "dependence; comma-separated.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="Also the cells that have no row.", rich_help_panel=options.MEASURE)
    ] = False,
    reference: options.Reference = None,
    exclude: options.Exclude = None,
    window: options.Window = None,
    threshold: options.Threshold = None,
    dispersion: options.Dispersion = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Every column on the terminal.", rich_help_panel=options.OUTPUT)
    ] = False,
    everything: options.All = False,
    labels: options.Labels = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Revealed comparative advantage of regions in sectors, with its doubt.

    Example: capmap rca -i patent_families -r KOR --year 2018
    """
    from capmap.analyses import refine, selection, specialisation
    from capmap.report import tables, words

    loaded = open_project(
        project, data=data, kind=kind, columns=columns, level=level, quiet=quiet, reference=reference,
        exclude=exclude, window=window, threshold=threshold, dispersion=dispersion,
    )  # fmt: skip
    if data is not None and kind in RATIOS:
        _refuse_ratios(loaded, source(project, data, kind, columns))
    result = specialisation.rca(
        loaded, indicator=indicator or (), year=year, region=region or (), sector=sector or (),
        classes=class_ or (), extras=with_.split(",") if with_ else (), complete=complete,
    )  # fmt: skip
    result = refine.refine(loaded, result, group=group, top=rows_of(top), sort=sort, labels=labels)
    caption = words.caption(result.meta, today(), loaded.run.profile.old_after)

    def show(console: Console) -> None:
        names = selection.all_sector_names(loaded)
        people = selection.region_labels(loaded)
        chosen = (
            tables.wide_columns(result.frame, people, names)
            if wide
            else tables.rca_columns(result.frame, people, names, console.width, result.meta["blocks"])
        )
        starred = [] if wide else tables.dependence(result.frame, people)
        tables.show(console, result.frame, chosen, [*starred, *caption], None if everything else SCREEN_ROWS)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, caption=caption)
    if not quiet:
        for one in result.meta["skipped"]:
            if "ratio" in one["reason"] or "judgement" in one["reason"]:
                say(f"capmap: {one['indicator']} left out: {one['reason']} ({one['instead']})")


def _refuse_ratios(loaded: Project, asked: Sequence[str]) -> None:
    """Raises as for an intensity or score named with -i: a file of them alone asks for nothing else."""
    from capmap.analyses.specialisation import measurable

    try:
        measurable(loaded, list(loaded.catalogue))
    except UsageError as error:
        instead = RATIOS[next(iter(loaded.catalogue.values())).kind]
        raise UsageError(error.message, fix=command(asked, instead)) from None


def intensity(
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.Year = "latest",
    region: options.Region = None,
    sector: options.Sector = None,
    group: options.Group = None,
    top: options.Top = None,
    sort: options.Sort = None,
    floor: Annotated[
        float,
        typer.Option("--floor", help="Denominator below which a cell is not shown.", rich_help_panel=options.MEASURE),
    ] = 500.0,
    everything: options.All = False,
    labels: options.Labels = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Relative intensity and its three exact factors, or the ratio to the median where no denominator is known.

    Example: capmap intensity -i robot_use -s C
    """
    from capmap.analyses import intensity as analysis
    from capmap.analyses import refine, selection
    from capmap.report import tables

    loaded = open_project(project, data=data, kind=kind, columns=columns, quiet=quiet)
    result = analysis.intensity(
        loaded, indicator=indicator or (), year=year, region=region or (), sector=sector or (), floor=floor
    )
    result = refine.refine(
        loaded, result, group=group, top=rows_of(top), sort=sort, labels=labels, default_sort="-value"
    )

    def show(console: Console) -> None:
        chosen = tables.intensity_columns(
            result.frame, selection.region_labels(loaded), selection.all_sector_names(loaded), console.width
        )
        caption = tables.intensity_caption(result.meta, today(), loaded.run.profile.old_after)
        tables.show(console, result.frame, chosen, caption, None if everything else SCREEN_ROWS)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet,
         caption=tables.intensity_caption(result.meta, today(), loaded.run.profile.old_after))  # fmt: skip


def normalise(
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.Year = "latest",
    region: options.Region = None,
    sector: options.Sector = None,
    group: options.Group = None,
    top: options.Top = None,
    sort: options.Sort = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="z_score, min_max, rank, percentile, ratio_to_mean, ratio_to_best, "
            "ratio_to_reference, distance_to_target, goalposts, above_below, box_cox, yeo_johnson or "
            "quantile.",
            rich_help_panel=options.MEASURE,
        ),
    ] = "z_score",
    per: Annotated[
        str | None,
        typer.Option(
            "--per", help="Divide by this indicator first, such as population.", rich_help_panel=options.MEASURE
        ),
    ] = None,
    winsorise: Annotated[
        str,
        typer.Option(
            "--winsorise",
            help="none, rule (skewness and kurtosis decide) or a number of points per tail.",
            rich_help_panel=options.MEASURE,
        ),
    ] = "none",
    reference_region: Annotated[
        str | None,
        typer.Option("--reference-region", help="Region for ratio_to_reference.", rich_help_panel=options.MEASURE),
    ] = None,
    target: Annotated[
        float | None, typer.Option("--target", help="Target for distance_to_target.", rich_help_panel=options.MEASURE)
    ] = None,
    low: Annotated[float | None, typer.Option("--low", help="Lower goalpost.", rich_help_panel=options.MEASURE)] = None,
    high: Annotated[
        float | None, typer.Option("--high", help="Upper goalpost.", rich_help_panel=options.MEASURE)
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Logarithms of value and goalposts.", rich_help_panel=options.MEASURE)
    ] = False,
    treatment: Annotated[
        bool,
        typer.Option(
            "--treatment", help="Show what was done to outliers instead of the scores.", rich_help_panel=options.OUTPUT
        ),
    ] = False,
    everything: options.All = False,
    labels: options.Labels = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Put indicators on one scale; direction is applied first, constant columns are refused by name.

    Example: capmap normalise -i robot_use -m percentile
    """
    from capmap.analyses import normalise as analysis
    from capmap.analyses import refine, selection
    from capmap.report import tables

    loaded = open_project(project, data=data, kind=kind, columns=columns, quiet=quiet)
    result = analysis.normalise(
        loaded, indicator=indicator or (), year=year, region=region or (), sector=sector or (), method=method,
        per=per, winsorise=int(winsorise) if winsorise.isdigit() else winsorise, reference_region=reference_region,
        target=target, low=low, high=high, log=log or None,
    )  # fmt: skip
    result = tables.only(result, "treatment" if treatment else "normalise")
    if not treatment:
        result = refine.refine(
            loaded,
            result,
            group=group,
            top=rows_of(top),
            sort=sort,
            labels=labels,
            default_sort="+rank" if method == "rank" else "score",
        )
    caption = tables.normalise_caption(result.meta, today(), loaded.run.profile.old_after)

    def show(console: Console) -> None:
        people, names = selection.region_labels(loaded), selection.all_sector_names(loaded)
        if treatment:
            frame, chosen = result.frame, tables.wide_columns(result.frame, people, names)
        else:
            frame = result.frame if sort else tables.best_first(result.frame)
            chosen = tables.normalise_columns(frame, people, names, console.width)
        tables.show(console, frame, chosen, caption, None if everything else SCREEN_ROWS)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, caption=caption)
