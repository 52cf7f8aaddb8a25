"""Tables that stand beside a project: complexity of sectors from another table, sizes of plants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from capmap.data.files import LINE, DataFile, Reading, Unreadable, damaged, open_file
from capmap.data.findings import unreadable
from capmap.data.places import no_file
from capmap.errors import UnreadableError, UsageError
from capmap.model import InputFile

#: What to do about findings that ask for settings elsewhere: these tables have none.
FIXES = {"CM007": "save it as UTF-8", "CM008": "save it as CSV with commas, or as Parquet"}
TEXT, NUMBER, WHOLE = pl.String(), pl.Float64(), pl.Int64()


@dataclass(frozen=True)
class Layout:
    """What such a table must have, may have, and how to come by one."""

    needed: Mapping[str, pl.DataType]
    optional: Mapping[str, pl.DataType]
    fix: str


OUTSIDE_PCI = Layout(
    {"sector": TEXT, "pci": NUMBER},
    {"indicator": TEXT, "year": WHOLE},
    "write one with `capmap complexity -i INDICATOR --table sectors -o FILE`",
)
PLANT_SIZES = Layout({"sector": TEXT, "size": NUMBER}, {}, "give a row a plant: the code of its sector and its size")


def read_beside(path: str | Path, layout: Layout) -> tuple[pl.DataFrame, InputFile]:
    """Read such a table from a file.

    Parameters
    ----------
    path : CSV (also .tsv, .gz), Parquet or .xlsx with the names of the columns in its first line.
    layout : `OUTSIDE_PCI` or `PLANT_SIZES`.

    Returns
    -------
    The columns of the layout that are there, typed as `fitted` does, and the file with its hash.

    Raises
    ------
    UnreadableError : there is no such file, it cannot be read, or it does not follow the layout.
    """
    file = Path(path)
    name = file.name
    try:
        if not file.is_file():
            raise Unreadable(no_file(str(path), file))
        opened, _ = open_file(file, name, Reading(file.parent, in_project=False))
        frame = _collected(opened)
    except Unreadable as error:
        raise unreadable([replace(f, fix=FIXES.get(f.code, f.fix)) for f in error.findings]) from None
    try:
        found = fitted(frame, layout)
    except UsageError as error:
        raise UnreadableError(error.message, where=name, fix=error.fix) from None
    return found, InputFile(file, name, found.height, opened.sha256)


def fitted(frame: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """The columns of a layout as text (trimmed) and numbers; others are left out. A null number stays null.

    Raises
    ------
    UsageError : a column is missing, a code is empty, or a number is not one; the message names the first row.
    """
    missing = [column for column in layout.needed if column not in frame.columns]
    if missing:
        raise UsageError(f"no column {' or '.join(missing)} (found: {', '.join(frame.columns)})", fix=layout.fix)
    types = {**layout.needed, **{c: kind for c, kind in layout.optional.items() if c in frame.columns}}
    return pl.DataFrame([_typed(frame[column], kind, layout) for column, kind in types.items()])


def _collected(file: DataFile) -> pl.DataFrame:
    """All rows under the names of the header; of columns that share a name, the first."""
    try:
        frame = file.scan().drop(LINE).collect()
    except pl.exceptions.PolarsError as error:
        raise Unreadable(damaged(error, file.name)) from None
    names: dict[str, str] = {}
    for theirs, inner in zip(file.header, frame.columns, strict=True):
        names.setdefault(theirs.strip(), inner)
    return frame.select(pl.col(inner).alias(theirs) for theirs, inner in names.items())


def _typed(column: pl.Series, kind: pl.DataType, layout: Layout) -> pl.Series:
    try:
        text = column.cast(pl.String).str.strip_chars()
    except pl.exceptions.PolarsError:
        raise UsageError(f"the column {column.name} holds {column.dtype}", fix=layout.fix) from None
    text = text.set(text == "", None)
    if kind == TEXT:
        if column.name in layout.needed and text.null_count():
            raise UsageError(f"row {text.is_null().arg_true()[0] + 1} has no {column.name}", fix=layout.fix)
        return text
    numbers = (column if column.dtype.is_numeric() else text).cast(kind, strict=False)
    wrong = numbers.is_null() & text.is_not_null()
    if kind == NUMBER:
        wrong |= (~numbers.is_finite()).fill_null(value=False)
    if wrong.any():
        place = int(wrong.arg_true()[0])
        raise UsageError(f"row {place + 1}: {text[place]!r} is no number for {column.name}", fix=layout.fix)
    return numbers
