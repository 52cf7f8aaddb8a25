"""What every command does around its one call: open the project, hand the result over, say what must be said."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capmap.errors import UsageError

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from capmap.model import Project, Result, RunFile

    Step = Callable[[Project], Result]

#: Characters that are orders to a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: The command that runs, in words that `verify` can ask again; None where it cannot be asked again.
ASKED: ContextVar[Sequence[str] | None] = ContextVar("asked", default=None)
#: Formats that hold several tables as they are; the others take one long frame.
MANY_TABLES = ("json", "md", "xlsx")


def say(text: str) -> None:
    """One line on stderr, without what a terminal would obey: names and cells of foreign files may hold it."""
    sys.stderr.write(f"{_CONTROL.sub('?', text)}\n")


def source(
    project: Path | None, data: str | None = None, kind: str | None = None, columns: str | None = None
) -> tuple[str, ...]:
    """What a command needs to look at the same data again: the input options, as words."""
    given = (("-p", project), ("--data", data), ("--kind", kind), ("--columns", columns))
    return tuple(word for flag, value in given if value is not None for word in (flag, str(value)))


def command(asked: Sequence[str], *words: str) -> str:
    """`capmap WORDS` on the same data, as it can be typed into a shell."""
    return shlex.join(("capmap", *words, *asked))


def rows_of(top: int | None) -> int | None:
    """A number of rows that an index can hold: what is beyond it means all of them."""
    return None if top is None else min(top, sys.maxsize)


def open_project(
    project: Path | None,
    *,
    data: str | None = None,
    kind: str | None = None,
    columns: str | None = None,
    level: str | None = None,
    quiet: bool = False,
    check: bool = True,
    **settings: Any,
) -> Project:
    """Load what the input options name; settings are keys of `[specialisation]`, None where not given."""
    from capmap.data import load

    if level is not None:
        from capmap.analyses.refine import roll_up
    overrides = {f"specialisation.{key}": value for key, value in settings.items() if value not in (None, ())}
    loaded = load(project, data=data, kind=kind, columns=pairs(columns), overrides=overrides, check=check)
    if not quiet:
        if loaded.bundled:
            say(
                "capmap: no project here, so this is the sample that ships with capmap (capmap init DIR makes your own)"
            )
        warnings = sum(f.severity == "warning" for f in loaded.findings)
        if warnings and check and not loaded.bundled:
            again = command(source(project, data, kind, columns), "check")
            say(f"capmap: {warnings:,} warning{'s' if warnings != 1 else ''} about the data: {again}")
    return roll_up(loaded, level) if level is not None else loaded


def pairs(text: str | None) -> dict[str, str] | None:
    """`region=country,value=usd` as a mapping."""
    if text is None:
        return None
    found = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    if len(found) != len(text.split(",")):
        raise UsageError(f"--columns {text!r} is not a list of ours=theirs", fix="write region=country,value=usd")
    return {ours.strip(): theirs.strip() for ours, theirs in found.items()}


def emit(
    result: Result,
    project: Project | None,
    show: Callable[[Console], None],
    *,
    output: Path | None,
    format: str | None,  # noqa: A002 - the word of the command line
    quiet: bool = False,
    caption: Sequence[str] = (),
    long: Callable[[], pl.DataFrame] | None = None,
) -> None:
    """Write a result where and how it was asked for: a file, data on stdout, or a table on a terminal.

    `long` makes the one long frame that stands for a result of several tables in row formats. What a reader
    must know (`caption`) goes to stderr when data go to stdout. Without a project the result says itself where it
    comes from.
    """
    from capmap.data import write

    if project is not None:
        result = write.stamped(project, result)
        if (words := ASKED.get()) is not None:
            result = replace(result, meta={**result.meta, "arguments": list(words)})
    if output is not None and str(output) != "-":
        if project is not None:
            spare_inputs(project, output)
        chosen = format or write.format_of(output)
        if chosen != "table":
            write.write(result, output, chosen, long=long() if long and chosen not in MANY_TABLES else None)
            return
        with write.atomic_text(output) as target:
            show(console(target, width=100))
        return
    chosen = format or ("table" if sys.stdout.isatty() else "csv")
    if chosen not in write.FORMATS:
        raise UsageError(f"unknown format {chosen!r}", fix=f"choose from {', '.join(write.FORMATS)}")
    if chosen == "table":
        show(console())
        return
    if chosen in ("parquet", "xlsx"):
        raise UsageError(f"{chosen} is not text, so it needs a file", fix=f"add -o FILE.{chosen}")
    sys.stdout.buffer.write(write.render(result, chosen, long=long() if long and chosen not in MANY_TABLES else None))
    sys.stdout.flush()
    if not quiet:
        for line in caption:
            say(f"capmap: {line}")


def text(content: str, project: Project, *, output: Path | None) -> None:
    """Write a document to a file, whole or not at all, or to stdout."""
    from capmap.data import write

    if output is None:
        sys.stdout.buffer.write(content.encode())
        sys.stdout.flush()
        return
    spare_inputs(project, output)
    with write.atomic_text(output) as target:
        target.write(content)


def spare_inputs(project: Project, output: Path) -> None:
    """Raises where a result would replace what it is made from."""
    spare(project.root, project.run, [f.path for f in project.files], output)


def spare(root: Path, run: RunFile, inputs: Iterable[Path], output: Path) -> None:
    """`spare_inputs` for a project that is not loaded."""
    target = output.resolve()
    read = {path.resolve() for path in inputs}
    folders = [(root / folder).resolve() for folder in (run.data.indicators, run.data.codes, run.data.index)]
    run_file = (root / "capmap.toml").resolve()
    if target in read or target == run_file or any(folder in target.parents for folder in folders):
        raise UsageError(f"{output} is an input of this project", fix="write the result to another file")


def console(file: Any = None, width: int | None = None) -> Console:
    """A console on stdout, or on a file."""
    from rich.console import Console as RichConsole

    class Quiet(RichConsole):
        """A console that leaves a broken pipe to whoever runs the command."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    asked = os.environ.get("COLUMNS", "")
    if width is None and asked.isdigit() and int(asked) > 0:
        width = int(asked)  # with a height, for rich takes a terminal called dumb to be 80 columns wide
    return Quiet(
        file=file, width=width, height=25 if width else None, highlight=False, markup=False, emoji=False,
        soft_wrap=False,
    )  # fmt: skip


@contextmanager
def progress() -> Iterator[Callable[[str, Step], Step]]:
    """A progress bar on stderr for work in steps, only on a terminal; yields what announces each step."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = Console(stderr=True)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=shown, transient=True,
                   disable=not sys.stderr.isatty())  # fmt: skip
    with bar:
        task = bar.add_task("", total=0)

        def step(name: str, work: Step) -> Step:
            bar.update(task, total=(bar.tasks[0].total or 0) + 1)

            def announced(project: Project) -> Result:
                bar.update(task, description=name)
                result = work(project)
                bar.advance(task)
                return result

            return announced

        yield step


def today() -> int:
    """This year, for the age of figures."""
    import datetime as dt

    return dt.datetime.now(tz=dt.UTC).year
