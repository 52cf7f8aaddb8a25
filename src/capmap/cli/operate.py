"""Commands that operate: `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capmap.cli import options
from capmap.cli.session import open_project, progress, say


def register(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command(rich_help_panel="Operate")(run)


def run(
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("results"),
    project: options.Project = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Every result as Parquet and CSV plus a manifest, into one folder; the same bytes from the same data.

    Example: capmap run -o results
    """
    from capmap.operate.run import everything, run_all

    loaded = open_project(project, quiet=quiet)
    with progress() as step:
        analyses = {name: step(name, analysis) for name, analysis in everything().items()}
        written = run_all(loaded, folder, analyses=analyses)
    if not quiet:
        say(f"capmap: wrote {len(written)} files to {folder}")
