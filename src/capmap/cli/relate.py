"""The command `relatedness`: links between sectors, their network, and the stepping stones to one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capmap.cli import conventions as convention
from capmap.cli import options, session
from capmap.cli.session import emit, open_project, say, today
from capmap.errors import UsageError

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from capmap.model import Project, Result

#: Rows of a terminal table before `--all` is needed.
SCREEN_ROWS = 60


def register(app: typer.Typer) -> None:
    """Add the command of this family."""
    app.command(rich_help_panel="Measure")(relatedness)


@convention.taking(without=("cog", "draws"))
def relatedness(
    project: options.Project = None,
    data: options.Data = None,
    kind: options.Kind = None,
    columns: options.Columns = None,
    indicator: options.Indicator = None,
    year: options.Year = "latest",
    sector: options.Sector = None,
    level: options.Level = None,
    top: options.Top = None,
    sort: options.Sort = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Indicator in another classification: links lead to its sectors.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    lag: Annotated[
        int | None,
        typer.Option("--lag", help="With --to: years by which the source is earlier.", rich_help_panel=options.MEASURE),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--between",
            metavar="REGION SECTOR",
            help="Stepping stones from what a region holds to a sector.",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option(
            "--network",
            help="Write the network to FILE.graphml or FILE.json.",
            metavar="FILE",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(
            "--above",
            help="With --network: proximity from which links stand beside the spanning tree.",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            "-r",
            help="With --network: a region whose RCA, presence and density the nodes get.",
            rich_help_panel=options.SELECT,
        ),
    ] = None,
    minimum: Annotated[
        float | None,
        typer.Option("--minimum", help="Only links of at least this proximity.", rich_help_panel=options.SELECT),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="Also pairs of proximity 0, and those without one, with the reason.",
            rich_help_panel=options.SELECT,
        ),
    ] = False,
    significance: Annotated[
        int | None,
        typer.Option(
            "--significance",
            min=1,
            max=1_000_000,
            metavar="DRAWS",
            help="p-values and false discovery rates from this many draws of a null model.",
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
    """Which sectors go together, as links, as a network for other programs, or as stepping stones to a sector.

    Example: capmap relatedness -i patent_families --between KOR machine_tools
    """
    from capmap.analyses import relatedness as analysis

    of_links: dict[str, Any] = {
        "to": to, "lag": lag, "minimum": minimum, "significance": significance, "sector": sector,
        "complete": complete or None,
    }  # fmt: skip
    of_links |= {"top": top, "sort": sort} if network is None else {}  # the network's links are rows too
    _fit(of_links, network=network, between=between, above=above, region=region)
    loaded = open_project(project, data=data, kind=kind, columns=columns, level=level, quiet=quiet)
    shared: dict[str, Any] = {"indicator": indicator or (), "year": year, **chosen}
    if between is not None:
        result = analysis.path(loaded, *between, **shared)
    elif network is not None:
        result = _written(loaded, analysis.network(loaded, region=region, above=above, **shared), network, quiet)
    else:
        result = analysis.relatedness(
            loaded, to=to, lag=lag, minimum=minimum, significance_draws=significance or 0, sector=sector or (),
            complete=complete, **shared,
        )  # fmt: skip
    _emit(loaded, result, top, sort, labels=labels, everything=everything, output=output, format_=format_, quiet=quiet)


def _fit(
    of_links: dict[str, Any],
    *,
    network: Path | None,
    between: tuple[str, str] | None,
    above: float | None,
    region: str | None,
) -> None:
    """Raises where options do not go together, before anything is read."""
    if network is not None and between is not None:
        raise UsageError("--network and --between are two answers", fix="ask for them one after the other")
    mode = "--network" if network is not None else "--between" if between is not None else None
    wrong = [f"--{name}" for name, value in of_links.items() if value not in (None, [])]
    if mode and wrong:
        raise UsageError(f"{mode} does not go with {', '.join(wrong)}", fix=f"leave out {' and '.join(wrong)}")
    if network is None and (above is not None or region is not None):
        named = "--above" if above is not None else "--region"
        fix = "write --between REGION SECTOR" if between is None and above is None else f"leave out {named}"
        raise UsageError(f"{named} belongs to --network FILE", fix=f"{fix}, or add --network FILE")
    if network is not None:
        from capmap.data.network import check_network

        check_network(network)


def _written(loaded: Project, result: Result, path: Path, quiet: bool) -> Result:
    """The network, once it is in its file; what is the same for all nodes and links stands once in the file."""
    from capmap.data.network import write_network

    session.spare_inputs(loaded, path)
    told, (block,) = result.meta["network"], result.meta["blocks"]
    rule = result.meta["parameters"]
    about = {
        "indicator": block["indicator"], "year": block["year"], "region": told["region"], "above": told["above"],
        "proximity": rule["proximity"], "presence": rule["presence"], "threshold": rule["threshold"],
        "reference": block["reference"]["label"],
    }  # fmt: skip
    keys = ("indicator", "year", "region")
    nodes, links = (result.tables[name].drop(keys, strict=False) for name in ("nodes", "links"))
    write_network(path, nodes, links, about)
    if not quiet:
        say(f"capmap: {path} holds {nodes.height:,} nodes and {links.height:,} links")
    return result


def _emit(
    loaded: Project,
    result: Result,
    top: int | None,
    sort: str | None,
    *,
    labels: bool,
    everything: bool,
    output: Path | None,
    format_: str | None,
    quiet: bool,
) -> None:
    """Show or write links, a network or a path with the caption that belongs to it."""
    from capmap.analyses import refine, selection
    from capmap.analyses import relatedness as analysis
    from capmap.report import relatedness as report
    from capmap.report import tables

    people, names = selection.region_labels(loaded), selection.names_by_indicator(loaded)
    words = {"path": report.path_caption, "nodes": report.network_caption}
    write = next((words[name] for name in words if name in result.tables), report.caption)
    caption = write(result, people, names, today(), loaded.run.profile.old_after)
    main = next(iter(result.tables))
    if main == "links":
        result = analysis.refined(loaded, result, top=top, sort=sort, labels=labels)
    elif labels:
        result = refine.labelled(loaded, result)
    frame: pl.DataFrame = result.tables[main]

    def show(console: Console) -> None:
        if main == "path":
            own = names[frame["indicator"][0]]
            tables.show(console, frame, report.path_columns(frame, own, console.width), caption)
            return
        rows = frame if sort else report.closest_first(frame)
        shown = rows if everything else rows.head(SCREEN_ROWS)
        chosen = report.links_columns(shown, names, console.width)
        tables.show(console, rows, chosen, caption, None if everything else SCREEN_ROWS)

    emit(result, loaded, show, output=output, format=format_, quiet=quiet, caption=caption, long=lambda: frame)
