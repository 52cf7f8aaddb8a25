"""Data files: which there are, and how to scan each again and again, whatever its notation."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from capmap.data.findings import LISTED, finding, more, not_opened
from capmap.data.places import SUFFIXES
from capmap.data.settings import PREFIX
from capmap.errors import Finding, UsageError
from capmap.model import CsvSection, Indicator

Column = Literal["region", "sector", "indicator", "year", "value", "status"]
STDIN = "-"
BLANK_ROWS = 100  #: rows of a sheet in which the first that is not blank is looked for
LINE = "line"  #: column that scans add: line of a text file, row of a Parquet file or sheet
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


@dataclass(frozen=True)
class Reading:
    """How to read: what the files are called, what they hold, and how text is written."""

    root: Path
    columns: Mapping[Column, str] = field(default_factory=dict)  #: column -> its name in the files
    csv: CsvSection = field(default_factory=CsvSection)
    indicator: str | None = None  #: of rows that name none
    catalogue: Mapping[str, Indicator] = field(default_factory=dict)
    sectorless: bool = False  #: whether rows without a sector are totals, whatever the catalogue says
    in_project: bool = True  #: False: one file by itself, so there is no run file to set anything in
    fetched: Mapping[Path, str] = field(default_factory=dict)  #: files that capmap wrote for sources -> their names

    def of(self, path: Path) -> Reading:
        """How to read one file: those that capmap wrote have the standard names and notation."""
        return replace(self, columns={}, csv=CsvSection()) if path in self.fetched else self

    def setting(self, section: str, key: str, value: str | list[str]) -> str:
        """How a user sets something: in the run file, or beside a single file."""
        in_file = f"`[{section}] {key} = {json.dumps(value, ensure_ascii=False)}`"
        if self.in_project:
            return in_file
        plain = ",".join(value) if isinstance(value, list) else value
        if section == "columns":
            return f"`--columns {key}={plain}`"
        return f'{in_file} (here: {PREFIX}{section.upper()}_{key.upper()}="{plain}")'


@dataclass(frozen=True)
class DataFile:
    """One file, opened: its header, how to scan it, and where our columns are in it."""

    path: Path
    name: str
    sha256: str
    header: tuple[str, ...]
    scan: Callable[[], pl.LazyFrame]  #: with a column `line`
    columns: Mapping[str, str] = field(default_factory=dict)  #: our name -> name in the scan
    types: Mapping[str, pl.DataType] = field(default_factory=dict)  #: our name -> type in the scan
    distinct: Mapping[str, pl.Series] = field(default_factory=dict)  #: distinct keys and statuses as text
    sheets: tuple[str, ...] = ()  #: of a workbook; the first is read

    @property
    def is_text(self) -> bool:
        """Whether it is CSV or the like."""
        return self.path.suffix.lower() not in (".parquet", ".xlsx")


class Unreadable(Exception):  # noqa: N818 - carries findings, never reaches the user
    """A file that cannot be opened."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__()
        self.findings = findings


# ------------------------------------------------------------------------------------------ opening


def open_file(path: Path, name: str, how: Reading) -> tuple[DataFile, list[Finding]]:
    """Open a file by its suffix.

    Raises
    ------
    Unreadable : carries the findings that say why not.
    UsageError : a workbook, and the extra `excel` is not installed.
    """
    suffix = path.suffix.lower()
    try:
        if str(path) == STDIN:
            raw = _standard_input()
            return _open_text(path, name, raw, hashlib.sha256(raw).hexdigest(), how, None), []
        if not path.name.lower().endswith(SUFFIXES):
            raise Unreadable(
                finding(
                    "CM006",
                    f"files of the kind {suffix or 'without suffix'} are not read",
                    f"save it as one of {', '.join(SUFFIXES)}",
                    file=name,
                )
            )
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if suffix == ".parquet":
            return _open_parquet(path, name, digest), []
        if suffix == ".xlsx":
            return _open_workbook(path, name, digest)
        if ".tsv" in path.suffixes[-2:] and how.csv.separator == ",":
            how = replace(how, csv=how.csv.model_copy(update={"separator": "\t"}))
        if suffix == ".gz":
            return _open_text(path, name, gzip.decompress(path.read_bytes()), digest, how, None), []
        return _open_text(path, name, path.read_bytes(), digest, how, path), []
    except PermissionError as error:
        raise Unreadable(not_opened(error, name)) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unreadable(finding("CM006", f"the file cannot be read: {reason}", "check the file", file=name)) from None


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise Unreadable(finding("CM006", "standard input is closed", "pipe CSV into it, or name a file", file=STDIN))
    return sys.stdin.buffer.read()


def _open_parquet(path: Path, name: str, digest: str) -> DataFile:
    def scan() -> pl.LazyFrame:
        return pl.scan_parquet(path, row_index_name=LINE, row_index_offset=1, glob=False)

    try:
        header = tuple(pl.scan_parquet(path, glob=False).collect_schema().names())
    except pl.exceptions.PolarsError as error:
        raise Unreadable(damaged(error, name)) from None
    if LINE in header:  # a column of the user's that happens to be called so is never ours

        def scan() -> pl.LazyFrame:
            return pl.scan_parquet(path, glob=False).drop(LINE).with_row_index(LINE, offset=1)

    return DataFile(path, name, digest, tuple(c for c in header if c != LINE), scan)


def _open_workbook(path: Path, name: str, digest: str) -> tuple[DataFile, list[Finding]]:
    try:
        import fastexcel
    except ImportError:
        raise UsageError(f"{name}: reading .xlsx needs an extra", fix='pip install "capmap[excel]"') from None
    try:
        workbook = fastexcel.read_excel(path)
        sheets: list[str] = workbook.sheet_names
    except fastexcel.FastExcelError as error:
        raise Unreadable(damaged(error, name)) from None
    try:
        frame = pl.read_excel(
            path, sheet_name=sheets[0], infer_schema_length=0, drop_empty_rows=False, drop_empty_cols=False
        )
    except pl.exceptions.NoDataError:
        raise Unreadable(_empty(name)) from None
    notes = []
    if len(sheets) > 1:
        notes.append(
            finding(
                "CM013",
                f"read the sheet {sheets[0]!r}, not {', '.join(map(repr, sheets[1:]))}",
                "save other sheets as files of their own if they are wanted",
                file=name,
            )
        )
    # what polars reads begins with the first row that is not blank, and its names are made unlike each other
    top = workbook.load_sheet(0, header_row=None, skip_rows=0, n_rows=BLANK_ROWS, dtypes="string").to_polars().rows()
    blank = next((n for n, row in enumerate(top) if any(cell is not None for cell in row)), 0)
    written = top[blank] if top and len(top[blank]) == frame.width else tuple(frame.columns)
    header = tuple(name or "" for name in written)
    frame.columns = [f"{number}" for number in range(frame.width)]
    frame = frame.with_row_index(LINE, offset=blank + 2)
    return DataFile(path, name, digest, header, frame.lazy, sheets=tuple(sheets)), notes


def _open_text(path: Path, name: str, raw: bytes, digest: str, how: Reading, on_disk: Path | None) -> DataFile:
    settings = how.csv
    raw, recoded = _as_utf8(raw, name, how)
    source: Path | bytes = raw if recoded or on_disk is None else on_disk
    if not raw.strip():
        raise Unreadable(_empty(name))
    header = _header(raw, name, settings)
    _refuse_comment(header, name, how)
    if problem := _wrong_separator(header, name, how):
        raise Unreadable(problem)
    lines = _line_numbers(raw, header, name, how)

    def scan() -> pl.LazyFrame:
        frame = pl.scan_csv(
            source,
            separator=settings.separator,
            infer_schema=False,
            new_columns=[f"{number}" for number in range(len(header))],
            glob=False,
        )
        if lines is None:
            return frame.with_row_index(LINE, offset=2)
        return frame.with_columns(lines)

    return DataFile(path, name, digest, header, scan)


def _header(raw: bytes, name: str, settings: CsvSection) -> tuple[str, ...]:
    """Names in the first line."""
    text = io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline="")
    try:
        names = next(csv.reader(text, delimiter=settings.separator, strict=True))
    except csv.Error as error:
        raise Unreadable(damaged(error, name)) from None
    if not names:
        raise Unreadable(finding("CM009", "the first line is empty", "it should name the columns", file=name, line=1))
    return tuple(names)


def _refuse_comment(header: Sequence[str], name: str, how: Reading) -> None:
    """Refuse a first line that starts with `#`, unless one of its other names is a column (`#` may be one, too)."""
    known = {"region", "ref_area", "value", "obs_value"} | {given.strip().casefold() for given in how.columns.values()}
    if header[0].startswith("#") and not known & {column.strip().casefold() for column in header}:
        raise Unreadable(
            finding(
                "CM009",
                f"the first line is a comment: {','.join(header)[:60]}",
                "the first line must be the header: remove the lines above it",
                file=name,
                line=1,
            )
        )


def _as_utf8(raw: bytes, name: str, how: Reading) -> tuple[bytes, bool]:
    """Text as UTF-8 without byte-order mark, and whether anything was changed."""
    encoding = how.csv.encoding
    try:
        text = raw.decode(encoding)
    except LookupError:
        raise Unreadable(
            finding(
                "CM004",
                f"there is no text encoding {encoding!r}",
                "common ones are utf-8, latin-1, cp1252, utf-16",
                column="csv.encoding",
                value=encoding,
            )
        ) from None
    except UnicodeDecodeError as error:
        guess = _likely_encoding(raw)
        byte = raw[error.start : error.start + 1].hex()
        raise Unreadable(
            finding(
                "CM007",
                f"the file is not {encoding} text (byte {byte})",
                f"set {how.setting('csv', 'encoding', guess)} if it is {guess}, or save it as UTF-8",
                file=name,
                line=raw[: error.start].count(b"\n") + 1,
            )
        ) from None
    utf8 = codecs.lookup(encoding).name == "utf-8"
    changed = raw.removeprefix(codecs.BOM_UTF8) if utf8 else text.removeprefix("\ufeff").encode()
    if b"\n" not in changed:  # lines end in carriage returns alone
        changed = changed.replace(b"\r", b"\n")
    return changed, changed != raw


def _likely_encoding(raw: bytes) -> str:
    """What text that is not UTF-8 may be: bytes 80 to 9f are signs in cp1252 and invisible in latin-1."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "cp1252" if re.search(rb"[\x80-\x9f]", raw) else "latin-1"


def _wrong_separator(header: Sequence[str], name: str, how: Reading) -> Finding | None:
    if len(header) > 1:
        return None
    for other, word in _SEPARATORS.items():
        if other != how.csv.separator and other in header[0]:
            fix = f"set {how.setting('csv', 'separator', other)}"
            if other == ";":
                fix += f", and {how.setting('csv', 'decimal', ',')} if numbers are written 3,14"
            return finding(
                "CM008",
                f"the header is separated by {word}: {header[0][:60]}",
                fix,
                file=name,
                line=1,
            )
    return None


def _line_numbers(raw: bytes, header: Sequence[str], name: str, how: Reading) -> pl.Series | None:
    """Line of each row where rows and lines differ (a quoted cell may hold line breaks), else None.

    A file whose lines are plain rows is quickly seen; only another one is walked through record by record.
    """
    if _one_row_a_line(raw, len(header), how.csv.separator):
        return None
    starts = _walk(raw, header, name, how)
    breaks = raw.count(b"\n") + (not raw.endswith(b"\n"))
    return None if len(starts) == breaks else pl.Series(LINE, starts[1:], dtype=pl.UInt32)


def _one_row_a_line(raw: bytes, width: int, separator: str) -> bool:
    """Whether every line is plainly a row of so many cells: equally many separators, or quoted cells that close."""
    lines, line = pl.scan_lines(raw), pl.col("line")
    even = line.str.count_matches(separator, literal=True) == width - 1
    if b'"' in raw:
        if raw.count(b"\r") != raw.count(b"\r\n"):  # lone carriage returns end lines, too
            return False
        lines = lines.filter(~even | line.str.contains('"', literal=True))
        between = rf"\x{{{ord(separator):x}}}"
        quoted, bare = r'"(?:[^"\r]|"")*"', rf'[^"\r{between}]*'
        closed = line.str.contains(rf"^(?:{quoted}|{bare})(?:{between}(?:{quoted}|{bare}))*\r?$")
        even = closed & (line.str.replace_all(quoted, "").str.count_matches(separator, literal=True) == width - 1)
    plain: bool = lines.select(even.all()).collect(engine="streaming").item()
    return plain


def _walk(raw: bytes, header: Sequence[str], name: str, how: Reading) -> list[int]:
    """First line of each record, header included.

    Raises
    ------
    Unreadable : a quotation mark is open, or rows have more or fewer fields than the header; all are named.
    """
    text = io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline="")
    reader = csv.reader(text, delimiter=how.csv.separator, strict=True)
    starts: list[int] = []
    uneven: list[tuple[int, int]] = []
    start = 1
    try:
        for row in reader:
            starts.append(start)
            if row and len(row) != len(header):
                uneven.append((start, len(row)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            finding("CM006", f"row cannot be read: {error}", "close the quotation mark", file=name, line=start)
        ) from None
    if uneven:
        raise Unreadable(*_uneven(uneven, len(header), name, how))
    return starts


def _uneven(rows: Sequence[tuple[int, int]], width: int, name: str, how: Reading) -> Iterator[Finding]:
    for line, fields in rows[:LISTED]:
        fix = "remove the surplus fields" if fields > width else "add the missing fields"
        if fields > width and how.csv.separator == ",":
            decimal = how.setting("csv", "decimal", ",")
            fix = f"put numbers with a decimal comma in quotation marks and set {decimal}, or {fix}"
        yield finding("CM010", f"{fields} fields, the header has {width}", fix, file=name, line=line)
    if len(rows) > LISTED:
        yield more("CM010", len(rows) - LISTED, name, rows[LISTED][0], None)


def damaged(error: Exception, name: str) -> Finding:
    """The finding for a file that its codec refuses."""
    return finding(
        "CM006",
        f"the file cannot be read: {str(error).splitlines()[0]}",
        "check that the file is what its suffix says and is complete",
        file=name,
    )


def _empty(name: str) -> Finding:
    return finding("CM006", "the file is empty", "the first line names the columns", file=name)
