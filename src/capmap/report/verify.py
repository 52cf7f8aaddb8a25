"""What `capmap verify` found, in words."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import tables, words

#: Differences on a screen before `--all`.
SCREEN_ROWS = 40
#: Kinds of differences in words, and what to do about them.
SAID = {
    "version": ("made by another version of capmap", "install that version and verify again"),
    "input": ("the observations are others", "name the project that the results are of: -p DIR"),
    "definition": ("indicators, codes or indices are others", "name the project that the results are of: -p DIR"),
    "setting": ("settings are others", "set what the results were made with"),
    "manifest": ("the manifest says something else", "take the results from where they were made"),
    "parameter": ("parameters or metadata are others", "take the results from where they were made"),
    "file": ("files are missing or changed", "take the results from where they were made"),
    "table": ("tables or columns are others", "take the results from where they were made"),
    "row": ("rows too many or missing", "do not rely on them"),
    "cell": ("cells do not follow", "do not rely on them"),
    "bytes": (
        "bytes differ though all cells follow",
        "the file was touched, or written by another version of a library",
    ),
    "not_computed": ("could not be computed again", "see what it says"),
}


def caption(result: Result) -> list[str]:
    """The verdict in a line, then a line for each kind of difference with what to do."""
    frame, compared = result.tables["differences"], result.meta["compared"]
    said = f"{words.counted(compared['files'], 'file')}, {words.counted(compared['cells'], 'cell')} compared"
    if frame.is_empty():
        return [f"verified: {said}, and all of it follows"]
    counts = dict(frame.group_by("kind").len().iter_rows())
    lines = [f"NOT verified: {words.counted(frame.height, 'difference')} ({said})"]
    lines += [f"{counts[kind]:,} {kind}: {what}; {fix}" for kind, (what, fix) in SAID.items() if kind in counts]
    return lines


def show(console: Console, result: Result, everything: bool = False) -> None:
    """The verdict, then the differences."""
    frame = result.tables["differences"]
    for number, line in enumerate(caption(result)):
        style = "" if number else "bold green" if frame.is_empty() else "bold red"
        console.print(Text(line, style=style))
    if not frame.is_empty():
        console.print()
        tables.show(console, frame, tables.plain_columns(frame), (), None if everything else SCREEN_ROWS)
