"""Commands that operate: `run`, `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capmap.cli import options
from capmap.cli.refresh import refresh
from capmap.cli.session import emit, open_project, progress, say, spare, spare_inputs

if TYPE_CHECKING:
    from rich.console import Console

#: Rows of a terminal table before `--all` is needed.
SCREEN_ROWS = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Operate")(run)
    app.command(rich_help_panel="Operate")(refresh)
    app.command(rich_help_panel="Operate")(diff)


def run(
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results; default: results.")
    ] = None,
    project: options.Project = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            help="Archive of project and results, for `capmap verify` on another machine; no folder "
            "then unless one is named.",
        ),
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Every result as Parquet and CSV plus a manifest, into one folder; the same bytes from the same data.

    Example: capmap run -o results
    """
    from capmap.operate.bundle import write_bundle
    from capmap.operate.run import everything, run_all

    loaded = open_project(project, quiet=quiet)
    place = folder or (None if bundle else Path("results"))
    for target in (place, bundle):
        if target is None:
            continue
        with progress() as step:
            analyses = {name: step(name, analysis) for name, analysis in everything(loaded).items()}
            if target is place:
                written = run_all(loaded, target, analyses=analyses)
            else:
                spare_inputs(loaded, target)
                write_bundle(loaded, target, analyses=analyses)
        if not quiet:
            say(f"capmap: wrote {len(written)} files to {target}" if target is place else f"capmap: wrote {target}")


def diff(
    before: Annotated[
        str, typer.Argument(help="Vintage (previous, the beginning of its time or hash) or folder of results.")
    ] = "previous",
    after: Annotated[str, typer.Argument(help="Vintage or folder that it is compared with.")] = "latest",
    project: options.Project = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", help="Folder of the vintages; default: results in the project.", rich_help_panel=options.INPUT
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            min=0,
            max=1,
            help="Relative change up to which a figure without a range is unchanged; default 0.01.",
            rich_help_panel=options.MEASURE,
        ),
    ] = None,
    fail_on_change: Annotated[
        bool, typer.Option("--fail-on-change", help="Exit with 6 if any change counts.", rich_help_panel=options.OUTPUT)
    ] = False,
    everything: options.All = False,
    output: options.Output = None,
    format_: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """What changed between two sets of results, why, and whether it matters: headlines first.

    Example: capmap diff before after -f md
    """
    from capmap.data.places import find_inputs
    from capmap.data.write import atomic_text, format_of
    from capmap.errors import ExitCode
    from capmap.operate.diff import changed, compare, settings
    from capmap.report import diff as screen

    if output is not None and str(output) != "-":
        root, run_file = settings(project)
        if run_file is not None:
            spare(root, run_file, find_inputs(run_file, root)[0], output)
    result = compare(before, after, project=project, results=results, tolerance=tolerance)
    to_file = output is not None and str(output) != "-"
    if output is not None and to_file and (format_ or format_of(output)) == "md":
        with atomic_text(output) as target:
            target.write(screen.markdown(result))
    elif format_ == "md":
        typer.echo(screen.markdown(result), nl=False)
    else:

        def show(console: Console) -> None:
            screen.show(console, result, None if everything else SCREEN_ROWS)

        emit(result, None, show, output=output, format=format_, quiet=quiet,
             caption=[screen.opening(result), *screen.caption(result)], long=lambda: result.tables["cells"])  # fmt: skip
    if fail_on_change and changed(result):
        raise typer.Exit(ExitCode.CHANGED)
