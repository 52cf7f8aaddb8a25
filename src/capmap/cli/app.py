"""The application: commands by family, and what happens when one of them fails."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from typing import Annotated

import typer

from capmap.cli import compose, explore, know, measure, operate, read, relate, replay, signals, trace
from capmap.cli.session import say
from capmap.errors import CapmapError, ExitCode

app = replay.Application(
    name="capmap",
    help="Industrial capability characterisation: what regions are demonstrably specialised in, and how sure that is.",
    no_args_is_help=True,
    rich_markup_mode="rich" if sys.stdout is not None and sys.stdout.isatty() else None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", "-V", help="Show the version and stop.")] = False,
) -> None:
    if version:
        from capmap import __version__

        typer.echo(f"capmap {__version__}")
        raise typer.Exit


for family in (know, measure, compose, explore, relate, read, trace, operate):
    family.register(app)


def run() -> int:
    """Run the command line and return its exit code."""
    atexit.register(gc.freeze)  # what is left goes with the process: searching it for cycles takes longer than a screen
    if sys.stderr is None:  # closed by the caller: there is nobody to talk to
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
    if sys.stdout is None:
        say("capmap: error: standard output is closed")
        say("  fix: write the result to a file with -o FILE")
        return ExitCode.CANNOT_WRITE
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with signals.as_exceptions():
            app(prog_name="capmap")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    except BrokenPipeError:
        _silence()
        return ExitCode.DONE
    except OSError as error:
        if "--debug" in sys.argv:
            raise
        _silence()
        say(f"capmap: error: cannot read or write: {error.strerror or error}")
        say("  fix: check the disk, the permissions and where the output goes")
        return ExitCode.CANNOT_WRITE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except CapmapError as error:
        return _failed(error)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        say(f"capmap: internal error: {type(error).__name__}: {error}")
        say("  fix: this is a defect in capmap; run again with --debug and report what it prints")
        return ExitCode.BUG
    return ExitCode.DONE


def _silence() -> None:
    """The reader went away (`| head`): say nothing more, not even at shutdown."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(error: CapmapError) -> int:
    if "--debug" in sys.argv:
        import traceback

        traceback.print_exception(error)
    from capmap.report.problems import error_lines

    for line in error_lines(error):
        say(line)
    return error.exit_code
