"""Observation files -> one typed frame, with a finding for every cell that cannot be read."""

from __future__ import annotations

import codecs
import csv
import glob
import gzip
import hashlib
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.data.findings import LISTED, finding, is_unreadable
from capmap.data.nearest import nearest
from capmap.data.settings import PREFIX
from capmap.errors import Finding, UsageError
from capmap.model import STATUSES, TOTAL, CsvSection, Indicator, InputFile

Column = Literal["region", "sector", "indicator", "year", "value", "status"]
KEYS: tuple[Column, ...] = ("region", "sector", "indicator", "year")
COLUMNS: tuple[Column, ...] = (*KEYS, "value", "status")
REQUIRED: tuple[Column, ...] = ("region", "value")
#: Names that are understood without `[columns]`, in any mixture of upper and lower case.
ALIASES: dict[str, tuple[str, ...]] = {
    "region": ("region", "ref_area"),
    "sector": ("sector",),
    "indicator": ("indicator",),
    "year": ("year", "time_period"),
    "value": ("value", "obs_value"),
    "status": ("status", "obs_status"),
}
#: Names that often hold a column, for suggestions only: capmap never takes them without being told.
HINTS: dict[str, tuple[str, ...]] = {
    "region": ("country", "economy", "geo", "area", "location", "reporter", "nuts", "state", "iso3", "code"),
    "sector": ("product", "industry", "field", "technology", "activity", "commodity", "nace", "hs", "class"),
    "indicator": ("variable", "measure", "series"),
    "value": ("usd", "amount", "count", "number", "exports", "total", "jobs", "employment", "quantity"),
}
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".parquet", ".xlsx")
STDIN = "-"
LINE = "line"
STATUS = pl.Enum(sorted(STATUSES))
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
_THOUSANDS = re.compile(r"[-+]?\d{1,3}([., ’'\u00a0\u202f]\d{3})+([.,]\d*)?")
_YEAR = re.compile(r"([1-9]\d{3})(?:\.0*)?")


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
class Observations:
    """What the files held."""

    frame: pl.DataFrame
    files: tuple[InputFile, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Table:
    """One file, opened: how to scan it again and again, and the names in its first line."""

    path: Path
    name: str
    sha256: str
    header: tuple[str, ...]
    scan: Callable[[], pl.LazyFrame]  #: with a column `line`
    columns: Mapping[str, str] = field(default_factory=dict)  #: our name -> name in the scan
    types: Mapping[str, pl.DataType] = field(default_factory=dict)  #: our name -> type in the scan
    distinct: Mapping[str, pl.Series] = field(default_factory=dict)  #: distinct keys and statuses as text


class Unreadable(Exception):  # noqa: N818 - carries findings, never reaches the user
    """A file that cannot be opened."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__()
        self.findings = findings


# ---------------------------------------------------------------------------------------------- files


def find_files(patterns: Iterable[str], root: Path) -> tuple[list[Path], list[Finding]]:
    """Files that the patterns mean, sorted by path, each once.

    Parameters
    ----------
    patterns : files, folders (all files of known suffix in it) or globs (`**` included), relative to `root`.

    Returns
    -------
    Paths, and a finding (CM005) for each pattern that means no file.
    """
    paths: dict[Path, Path] = {}
    findings: list[Finding] = []
    for pattern in patterns:
        whole = root / pattern
        if whole.is_dir():
            matched = [path for path in whole.iterdir() if _is_data(path)]
        elif whole.exists():
            matched = [whole]
        else:
            matched = [root / name for name in glob.glob(pattern, root_dir=root, recursive=True)]
            matched = [path for path in matched if _is_data(path)]
        if not matched:
            findings.append(_no_file(pattern, whole))
        paths |= {path.resolve(): path for path in matched}
    return sorted(paths.values()), findings


def _is_data(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES) and not path.name.startswith((".", "~$"))


def _no_file(pattern: str, whole: Path) -> Finding:
    siblings = [path.name for path in whole.parent.iterdir()] if whole.parent.is_dir() else []
    near = nearest(whole.name, siblings)
    kinds = ", ".join(SUFFIXES)
    return finding(
        "CM005",
        f"no data file at {pattern}",
        f"did you mean {near[0]}?" if near else f"name a file, a folder or a glob; read are {kinds}",
        file=pattern,
    )


def shown(path: Path, root: Path) -> str:
    """Name of a file as shown to the user: relative to the project where possible."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)


# ------------------------------------------------------------------------------------------ opening


def open_table(path: Path, name: str, how: Reading) -> tuple[Table, list[Finding]]:
    """Open a file by its suffix.

    Raises
    ------
    Unreadable : carries the findings that say why not.
    UsageError : a workbook, and the extra `excel` is not installed.
    """
    suffix = path.suffix.lower()
    try:
        if str(path) == STDIN:
            raw = sys.stdin.buffer.read()
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
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unreadable(finding("CM006", f"the file cannot be read: {reason}", "check the file", file=name)) from None


def _open_parquet(path: Path, name: str, digest: str) -> Table:
    def scan() -> pl.LazyFrame:
        return pl.scan_parquet(path, row_index_name=LINE, row_index_offset=1, glob=False)

    try:
        header = tuple(pl.scan_parquet(path, glob=False).collect_schema().names())
    except pl.exceptions.PolarsError as error:
        raise Unreadable(_damaged(error, name)) from None
    if LINE in header:  # a column of the user's that happens to be called so is never ours

        def scan() -> pl.LazyFrame:
            return pl.scan_parquet(path, glob=False).drop(LINE).with_row_index(LINE, offset=1)

    return Table(path, name, digest, tuple(c for c in header if c != LINE), scan)


def _open_workbook(path: Path, name: str, digest: str) -> tuple[Table, list[Finding]]:
    try:
        import fastexcel
    except ImportError:
        raise UsageError(f"{name}: reading .xlsx needs an extra", fix='pip install "capmap[excel]"') from None
    try:
        workbook = fastexcel.read_excel(path)
        sheets: list[str] = workbook.sheet_names
    except fastexcel.FastExcelError as error:
        raise Unreadable(_damaged(error, name)) from None
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
    frame = frame.drop(LINE, strict=False).with_row_index(LINE, offset=2)
    header = tuple(column for column in frame.columns if column != LINE)
    return Table(path, name, digest, header, frame.lazy), notes


def _open_text(path: Path, name: str, raw: bytes, digest: str, how: Reading, on_disk: Path | None) -> Table:
    settings = how.csv
    raw, recoded = _as_utf8(raw, name, how)
    source: Path | bytes = raw if recoded or on_disk is None else on_disk
    if not raw.strip():
        raise Unreadable(_empty(name))
    header = _header(raw, name, settings)
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

    return Table(path, name, digest, header, scan)


def _header(raw: bytes, name: str, settings: CsvSection) -> tuple[str, ...]:
    """Names in the first line."""
    text = io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline="")
    try:
        names = next(csv.reader(text, delimiter=settings.separator, strict=True))
    except csv.Error as error:
        raise Unreadable(_damaged(error, name)) from None
    if not names:
        raise Unreadable(finding("CM009", "the first line is empty", "it should name the columns", file=name, line=1))
    return tuple(names)


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
        guess = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
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

    Counting bytes is enough to see that a file is plain; only if the counts do not fit is it walked
    through record by record, which also finds uneven rows and an open quotation mark.
    """
    breaks = raw.count(b"\n") + (not raw.endswith(b"\n"))
    if b'"' not in raw and raw.count(how.csv.separator.encode()) == breaks * (len(header) - 1):
        return None
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
    if len(starts) == breaks:
        return None
    return pl.Series(LINE, starts[1:], dtype=pl.UInt32)


def _uneven(rows: Sequence[tuple[int, int]], width: int, name: str, how: Reading) -> Iterator[Finding]:
    for line, fields in rows[:LISTED]:
        fix = "remove the surplus fields" if fields > width else "add the missing fields"
        if fields > width and how.csv.separator == ",":
            decimal = how.setting("csv", "decimal", ",")
            fix = f"put numbers with a decimal comma in quotation marks and set {decimal}, or {fix}"
        yield finding("CM010", f"{fields} fields, the header has {width}", fix, file=name, line=line)
    if len(rows) > LISTED:
        rest = len(rows) - LISTED
        yield finding("CM010", f"{rest:,} more rows like these", "as above", file=name, count=rest)


def _damaged(error: Exception, name: str) -> Finding:
    return finding(
        "CM006",
        f"the file cannot be read: {str(error).splitlines()[0]}",
        "check that the file is what its suffix says and is complete",
        file=name,
    )


def _empty(name: str) -> Finding:
    return finding("CM006", "the file is empty", "the first line names the columns", file=name)


# ------------------------------------------------------------------------------------------ columns


def map_columns(table: Table, how: Reading) -> tuple[dict[str, str], list[Finding]]:
    """Our column -> position or name in the file; findings for what is missing or not read.

    A name under `[columns]` wins, then the standard name, then its SDMX name; upper and lower case and
    spaces around a name do not matter.
    """
    positions: dict[str, str] = {}
    plain: dict[str, str] = {}
    physical = _physical(table)
    for column, inner in zip(table.header, physical, strict=True):
        positions.setdefault(column, inner)
        plain.setdefault(column.strip().casefold(), inner)
    found: dict[str, str] = {}
    findings: list[Finding] = []
    for column in COLUMNS:
        named = how.columns.get(column)
        if named is not None:
            named_inner = positions.get(named) or plain.get(named.strip().casefold())
            if named_inner is None:
                findings.append(_no_such_column(table, column, named, how))
            else:
                found[column] = named_inner
            continue
        for alias in ALIASES[column]:
            if alias in plain:
                found[column] = plain[alias]
                break
    findings += [
        _column_missing(table, column, how) for column in REQUIRED if column not in found and column not in how.columns
    ]
    if "indicator" not in found and how.indicator is None and "indicator" not in how.columns:
        findings.append(_column_missing(table, "indicator", how))
    extra = [c for c, inner in zip(table.header, physical, strict=True) if inner not in found.values()]
    if extra and not findings:
        findings.append(
            finding(
                "CM012",
                f"not read: {', '.join(extra)}",
                "nothing to do, unless one of them is a dimension that should be an indicator",
                file=table.name,
                count=len(extra),
            )
        )
    return found, findings


def _physical(table: Table) -> tuple[str, ...]:
    """Names of the columns in the scan: text columns go by position, so that two may have one name."""
    if table.path.suffix.lower() in (".parquet", ".xlsx"):
        return table.header
    return tuple(str(number) for number in range(len(table.header)))


def _no_such_column(table: Table, column: str, named: str, how: Reading) -> Finding:
    near = nearest(named, table.header)
    return finding(
        "CM009",
        f"no column `{named}` for {column} (found: {', '.join(table.header)})",
        f"did you mean `{near[0]}`?" if near else f"name one of them: {how.setting('columns', column, '...')}",
        file=table.name,
        column=named,
    )


def _column_missing(table: Table, column: Column, how: Reading) -> Finding:
    hints = [name for name in table.header if name.strip().casefold() in HINTS.get(column, ())]
    guess = (nearest(column, table.header) or hints or ["..."])[0]
    fix = f"say which one it is: {how.setting('columns', column, guess)}"
    if column == "indicator":
        fix = f"{fix}, or name the indicator of all rows: {how.setting('data', 'indicator', '...')}"
    return finding(
        "CM009",
        f"no column for {column} (found: {', '.join(table.header)})",
        fix,
        file=table.name,
        column=column,
    )


# ------------------------------------------------------------------------------------------- reading


def read_observations(paths: Sequence[Path], how: Reading, listed: Mapping[str, Iterable[str]]) -> Observations:
    """Read files into one frame, sorted by indicator, year, region and sector.

    Parameters
    ----------
    paths : files, in the order in which they are numbered; `-` is CSV on standard input.
    how : names and notation.
    listed : `region`, `sector`, `indicator` -> codes that the Enum columns hold besides those found.

    Returns
    -------
    Observations. Rows whose region, sector, indicator or year cannot be read are left out and found; a
    value that cannot be read is null and found. Nothing else is left out.
    """
    tables: list[Table] = []
    findings: list[Finding] = []
    for path in paths:
        name = STDIN if str(path) == STDIN else shown(path, how.root)
        try:
            table, notes = open_table(path, name, how)
            columns, problems = map_columns(table, how)
            findings += notes + problems
            if not any(is_unreadable(problem) for problem in problems):
                tables.append(_with_distinct(table, columns))
                findings += _sector_missing(tables[-1], how)
        except Unreadable as error:
            findings += error.findings
        except pl.exceptions.PolarsError as error:
            findings.append(_damaged(error, name))
    categories = _categories(tables, listed, how)
    parts: list[dict[str, pl.Series]] = []
    files: list[InputFile] = []
    for number, table in enumerate(tables):
        part, problems = _read(table, how, categories, number)
        findings += problems
        if not (problems or len(part["value"])):
            findings.append(
                finding("CM011", "no rows below the header", "add rows, or leave the file out", file=table.name)
            )
        files.append(InputFile(table.path, table.name, len(part["value"]), table.sha256))
        parts.append(part)
    return Observations(_in_order(_joined(parts, categories)), tuple(files), tuple(findings))


def _with_distinct(table: Table, columns: dict[str, str]) -> Table:
    """The table with its distinct keys and statuses: few, so every rule about a code is tried on these."""
    names: list[str] = [name for name in (*KEYS, "status") if name in columns]
    frames = pl.collect_all(
        [table.scan().select(pl.col(columns[name]).unique().cast(pl.String)) for name in names],
        engine="streaming",
    )
    distinct: dict[str, pl.Series] = {name: frame.to_series() for name, frame in zip(names, frames, strict=True)}
    schema = table.scan().collect_schema()
    types = {column: schema[inner] for column, inner in columns.items()}
    return replace(table, columns=columns, types=types, distinct=distinct)


def _sector_missing(table: Table, how: Reading) -> list[Finding]:
    """A finding where a file has no sectors though its indicators need them."""
    needy = sorted(_ids(table, how) & how.catalogue.keys() - _region_level(table, how))
    if "sector" in table.columns or how.sectorless or (how.catalogue and not needy):
        return []
    problem = _column_missing(table, "sector", how)
    if needy:
        problem = replace(problem, message=f"{problem.message}, and {needy[0]} is measured by sector")
    return [problem]


def _ids(table: Table, how: Reading) -> set[str]:
    """Indicators of a table."""
    if "indicator" in table.distinct:
        return {code.strip() for code in table.distinct["indicator"].drop_nulls()}
    return set() if how.indicator is None else {how.indicator}


def _region_level(table: Table, how: Reading) -> set[str]:
    """Indicators of a table that need no sector."""
    ids = _ids(table, how)
    if how.sectorless:
        return ids
    return {i for i in ids if i in how.catalogue and how.catalogue[i].classification == "none"}


def _codes(table: Table, key: str) -> set[str]:
    return {code.strip() for code in table.distinct.get(key, ()) if code is not None and code.strip()}


def _categories(tables: Sequence[Table], listed: Mapping[str, Iterable[str]], how: Reading) -> dict[str, pl.Enum]:
    implied = {"sector": {TOTAL}, "indicator": set() if how.indicator is None else {how.indicator}}
    return {
        key: pl.Enum(
            sorted({*listed.get(key, ()), *implied.get(key, ())}.union(*(_codes(table, key) for table in tables)))
        )
        for key in ("region", "sector", "indicator")
    }


def _read(
    table: Table, how: Reading, categories: Mapping[str, pl.Enum], number: int
) -> tuple[dict[str, pl.Series], list[Finding]]:
    """One file as typed columns, read one column at a time so that only one is held as text."""
    expressions = {
        "region": _code(table, "region", categories["region"]),
        "sector": _sector(table, how, categories["sector"]),
        "indicator": _code(table, "indicator", categories["indicator"], how.indicator),
        "year": _year(table),
        "value": _value(table, how.csv),
        "status": _status(table),
        LINE: pl.col(LINE).cast(pl.UInt32),
    }
    faults = _faults(table, how)
    blank = _blank(table)
    unusable = [faults[key] for key in KEYS if key in faults] + ([] if blank is None else [blank])
    rows = table.scan().filter(~pl.any_horizontal(unusable)) if unusable else table.scan()
    part = {
        column: rows.select(expression.alias(column)).collect(engine="streaming").to_series().rechunk()
        for column, expression in expressions.items()
    }
    value = part["value"]
    unread = (~value.is_finite()).fill_null(value=False)
    if unread.any():
        faults["value"] = ~expressions["value"].is_finite().fill_null(value=True)
        part["value"] = value.set(unread, None)
    if value.null_count() or unread.any() or part["status"].null_count() < len(value):
        part["status"] = _plain_status(part["value"], part["status"])
    part["file"] = pl.repeat(number, len(value), dtype=pl.UInt16, eager=True).alias("file")
    return part, _explain(table, how, faults, blank)


def _joined(parts: list[dict[str, pl.Series]], categories: Mapping[str, pl.Enum]) -> dict[str, pl.Series]:
    """The parts one below the other, column by column so that no column is held twice for long."""
    types: dict[str, pl.DataType] = {
        **categories,
        "year": pl.Int32(),
        "value": pl.Float64(),
        "status": STATUS,
        "file": pl.UInt16(),
        LINE: pl.UInt32(),
    }
    return {
        name: pl.concat([part.pop(name) for part in parts], rechunk=True) if parts else pl.Series(name, [], dtype=dtype)
        for name, dtype in types.items()
    }


def _in_order(columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Rows sorted by indicator, year, region, sector; nothing is moved if they stand so already."""
    key = row_key(columns)
    if (key[1:] < key[:-1]).any():
        order = _argsort(key)
        del key
        for name in list(columns):
            columns[name] = columns[name].gather(order)
    return pl.DataFrame(list(columns.values()))


def _argsort(key: NDArray[np.int64]) -> pl.Series:
    """Order that sorts `key` (which is sorted in passing), equal keys staying in the order of their rows."""
    order = np.argsort(key)
    key.sort()
    if (key[1:] == key[:-1]).any():  # the fast sort leaves equal keys in any order
        order = order[np.lexsort((order, key))]
    return pl.Series("order", order.astype(np.uint32))


def indicator_rows(frame: pl.DataFrame) -> dict[str, slice]:
    """Indicators that have rows -> where these stand; the rows must be sorted by indicator."""
    dtype = frame.schema["indicator"]
    assert isinstance(dtype, pl.Enum)
    codes = frame["indicator"].to_physical()
    found = {}
    for number, name in enumerate(dtype.categories):
        start, stop = codes.search_sorted(number, "left"), codes.search_sorted(number, "right")
        if start < stop:
            found[name] = slice(start, stop)
    return found


def row_key(columns: Mapping[str, pl.Series]) -> NDArray[np.int64]:
    """One whole number per row that sorts like (indicator, year, region, sector) and is equal only if they are.

    Parameters
    ----------
    columns : Enum columns region, sector, indicator, and year (null sorts before every year).
    """
    key = columns["indicator"].to_physical().to_numpy().astype(np.int64)
    key *= 10_000  # years have four digits
    year = columns["year"]
    if year.null_count() < len(year):
        key += year.fill_null(0).to_numpy()
    for name in ("region", "sector"):
        dtype = columns[name].dtype
        assert isinstance(dtype, pl.Enum)
        key *= len(dtype.categories)
        key += columns[name].to_physical().to_numpy()
    return key


# ------------------------------------------------------------------------------------------- columns
# Each function below gives the expression of one typed column; `_faults` says which cells defeat it.


def _text(table: Table, column: str) -> pl.Expr:
    """A column as text without surrounding space; an empty cell is null."""
    stripped = pl.col(table.columns[column]).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _clean(table: Table, column: str) -> bool:
    """Whether every cell of a key holds a code and no space around it."""
    return all(code is not None and code and code == code.strip() for code in table.distinct[column])


def _code(table: Table, column: str, codes: pl.Enum, constant: str | None = None) -> pl.Expr:
    if column not in table.columns:
        return pl.repeat(constant, pl.len(), dtype=codes)
    if _clean(table, column):
        return _cast(table, column, codes)
    return _text(table, column).cast(codes)


def _cast(table: Table, column: str, codes: pl.Enum) -> pl.Expr:
    source = pl.col(table.columns[column])
    return (source.cast(pl.String) if table.types[column].is_integer() else source).cast(codes)


def _sector(table: Table, how: Reading, codes: pl.Enum) -> pl.Expr:
    if "sector" not in table.columns:
        return pl.repeat(TOTAL, pl.len(), dtype=codes)
    if _clean(table, "sector"):
        return _cast(table, "sector", codes)
    return pl.coalesce(_text(table, "sector"), pl.when(_needs_no_sector(table, how)).then(pl.lit(TOTAL))).cast(codes)


def _needs_no_sector(table: Table, how: Reading) -> pl.Expr:
    level = _region_level(table, how)
    if "indicator" in table.columns:
        return _text(table, "indicator").is_in(sorted(level))
    return pl.lit(bool(level))


def _years(table: Table) -> dict[str, int | None]:
    """Text of a year -> the year, None if it is none."""
    matched = {text: _YEAR.fullmatch(text.strip()) for text in table.distinct["year"].drop_nulls()}
    return {text: int(match[1]) if match else None for text, match in matched.items()}


def _year(table: Table) -> pl.Expr:
    if "year" not in table.columns:
        return pl.repeat(None, pl.len(), dtype=pl.Int32)
    source = pl.col(table.columns["year"])
    if table.types["year"].is_integer():
        return source.cast(pl.Int32, strict=False)
    years = _years(table)
    return source.cast(pl.String).replace_strict(list(years), list(years.values()), default=None, return_dtype=pl.Int32)


def _value(table: Table, settings: CsvSection) -> pl.Expr:
    """The value as a number; NaN or infinity where the cell holds something that is not a finite number."""
    if table.types["value"].is_numeric():
        return pl.col(table.columns["value"]).cast(pl.Float64)
    text: pl.Expr = _text(table, "value")
    if settings.null_values:
        text = pl.when(~text.is_in(settings.null_values)).then(text)
    number = text
    if settings.decimal == ",":  # then a point can only separate thousands, and is refused like any such
        number = pl.when(~text.str.contains(".", literal=True)).then(text.str.replace(",", ".", literal=True))
    return pl.when(text.is_not_null()).then(number.cast(pl.Float64, strict=False).fill_null(float("nan")))


def _status(table: Table) -> pl.Expr:
    if "status" not in table.columns:
        return pl.repeat(None, pl.len(), dtype=STATUS)
    return _text(table, "status").cast(STATUS, strict=False)


def _plain_status(value: pl.Series, status: pl.Series) -> pl.Series:
    """Status with one spelling of each thing: a normal value has none, an empty cell without one is missing (L)."""
    empty, plain = pl.col("value").is_null(), pl.col("status").is_null()
    missing = pl.lit("L", dtype=STATUS)
    normal = ~empty & (pl.col("status") == "A")
    chosen = pl.when(empty & plain).then(missing).when(~normal).then("status").alias("status")
    return pl.DataFrame({"value": value, "status": status}).select(chosen).to_series()


# -------------------------------------------------------------------------------------------- faults


def _blank(table: Table) -> pl.Expr | None:
    """Rows without anything in them, such as empty lines at the end; None if there can be no such row."""
    if any(table.distinct[key].null_count() == 0 for key in KEYS if key in table.columns):
        return None
    return pl.all_horizontal(pl.col(name).is_null() for name in table.columns.values())


def _faults(table: Table, how: Reading) -> dict[str, pl.Expr]:
    """Column -> which of its cells cannot be read; only columns that have such a cell."""
    faults: dict[str, pl.Expr] = {}
    for key in ("region", "indicator", "sector"):
        if key in table.columns and not _clean(table, key):
            empty = _text(table, key).is_null()
            faults[key] = empty & ~_needs_no_sector(table, how) if key == "sector" else empty
    if "year" in table.columns:
        odd = [text for text, year in _years(table).items() if year is None]
        if odd or table.distinct["year"].null_count():
            text = pl.col(table.columns["year"]).cast(pl.String)
            faults["year"] = text.is_null() | text.is_in(odd)
    if "status" in table.columns:
        odd = [text for text in table.distinct["status"].drop_nulls() if text.strip() not in ("", *STATUSES)]
        if odd:
            faults["status"] = pl.col(table.columns["status"]).cast(pl.String).is_in(odd)
    return faults


def _spaced(table: Table) -> dict[str, pl.Expr]:
    """Column -> which of its codes have space around them."""
    spaced = {
        key: [code for code in table.distinct[key].drop_nulls() if code.strip() and code != code.strip()]
        for key in ("region", "sector", "indicator")
        if key in table.columns
    }
    return {key: pl.col(table.columns[key]).cast(pl.String).is_in(codes) for key, codes in spaced.items() if codes}


def _explain(table: Table, how: Reading, faults: Mapping[str, pl.Expr], blank: pl.Expr | None) -> list[Finding]:
    """A finding for each cell at fault, with its line and what it holds."""
    findings: list[Finding] = []
    for column, fault in faults.items():
        findings += _located(table, column, fault, blank, how, _cell)
    for column, fault in _spaced(table).items():
        findings += _located(table, column, fault, blank, how, _space)
    return findings


def _located(
    table: Table,
    column: str,
    fault: pl.Expr,
    blank: pl.Expr | None,
    how: Reading,
    say: Callable[[str, str | None, Reading], tuple[str, str, str]],
) -> Iterator[Finding]:
    """A finding per row at fault; beyond `LISTED` rows one more stands for the rest."""
    rows = table.scan().filter(fault if blank is None else fault & ~blank)
    cells = rows.select(LINE, pl.col(table.columns[column]).cast(pl.String).alias("text")).collect()
    words = {text: say(column, text, how) for text in cells["text"].unique()}
    for line, text in cells.head(LISTED).iter_rows():
        code, message, fix = words[text]
        yield finding(code, message, fix, file=table.name, line=line, column=column, value=text)
    if cells.height > LISTED:
        rest = cells.height - LISTED
        code, _, fix = words[cells["text"][-1]]
        yield finding(code, f"{rest:,} more rows like these", fix, file=table.name, column=column, count=rest)


def _cell(column: str, text: str | None, how: Reading) -> tuple[str, str, str]:
    """Code, message and fix for a cell that cannot be read."""
    if column == "value":
        return _bad_number(text or "", how)
    if text is None or not text.strip():
        fix = "fill it in"
        if column == "sector":
            fix = f"name the sector ({TOTAL} for a total)"
        return "CM033", f"no {column}", fix
    if column == "year":
        return "CM032", f"{text!r} is not a year", "write a whole number such as 2018; quarters and months are not read"
    near = nearest(text.strip(), STATUSES)
    letters = ", ".join(STATUSES)
    return "CM035", f"{text!r} is not a status", f"did you mean {near[0]}?" if near else f"use one of {letters}"


def _space(column: str, text: str | None, _: Reading) -> tuple[str, str, str]:
    return "CM034", f"space around the {column} {text!r}", f"write {str(text).strip()!r}"


def _bad_number(text: str, how: Reading) -> tuple[str, str, str]:
    bare = text.strip()
    if re.fullmatch(r"[-+]?(nan|inf(inity)?)", bare, re.IGNORECASE):
        return "CM031", f"{text} is not a finite number", "leave the cell empty and give it a status"
    if re.fullmatch(r"[-+]?\d+([.,]\d*)?[eE][-+]?\d+", bare):
        return "CM031", f"{text} is too large for a number", "check the exponent"
    message = f"{text!r} is not a number"
    if _THOUSANDS.fullmatch(bare) and not bare.lstrip("+-").startswith("0"):
        return "CM030", message, "write it without thousands separators"
    other = "," if how.csv.decimal == "." else "."
    if re.fullmatch(rf"[-+]?\d*[{other}]\d+", bare):
        word = "comma" if how.csv.decimal == "," else "point"
        return "CM030", message, f"write a decimal {word}, or set {how.setting('csv', 'decimal', other)}"
    no_value = how.setting("csv", "null_values", [bare])
    return "CM030", message, f"write a number; if it means `no value`, set {no_value}"
