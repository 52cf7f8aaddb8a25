"""Observation files -> one typed frame, sorted, with a finding for every cell that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.data.cells import (
    CODED,
    KEYS,
    STATUS,
    blank_rows,
    explain,
    faults,
    indicators_of,
    plain_status,
    region_level,
    thousands,
    typed_columns,
)
from capmap.data.files import LINE, STDIN, Column, DataFile, Reading, Unreadable, damaged, open_file
from capmap.data.findings import finding, is_unreadable
from capmap.data.nearest import nearest
from capmap.data.places import shown
from capmap.errors import Finding
from capmap.model import TOTAL, InputFile

COLUMNS: tuple[Column, ...] = ("region", "sector", "indicator", "year", "value", "status")
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
HEADER_ROWS = 50  #: rows of a sheet in which a header below titles is looked for
#: Names that often hold a column, for suggestions only: capmap never takes them without being told.
HINTS: dict[str, tuple[str, ...]] = {
    "region": ("country", "economy", "geo", "area", "location", "reporter", "nuts", "state", "iso3", "code"),
    "sector": ("product", "industry", "field", "technology", "activity", "commodity", "nace", "hs", "class"),
    "indicator": ("variable", "measure", "series"),
    "value": ("usd", "amount", "count", "number", "exports", "total", "jobs", "employment", "quantity"),
}


@dataclass(frozen=True)
class Observations:
    """What the files held."""

    frame: pl.DataFrame
    files: tuple[InputFile, ...]
    findings: tuple[Finding, ...]


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
    opened: list[DataFile] = []
    findings: list[Finding] = []
    for path in paths:
        name = STDIN if str(path) == STDIN else how.fetched.get(path) or shown(path, how.root)
        own = how.of(path)
        try:
            file, notes = open_file(path, name, own)
            columns, problems = map_columns(file, own)
            problems = _in_sheet(file, own, problems)
            findings += notes + problems
            if not any(is_unreadable(problem) for problem in problems):
                opened.append(_with_distinct(file, columns))
                findings += _sector_missing(opened[-1], how)
        except Unreadable as error:
            findings += error.findings
    categories = _categories(opened, listed, how)
    parts: list[dict[str, pl.Series]] = []
    files: list[InputFile] = []
    for file in opened:
        try:
            part, problems = _read(file, how.of(file.path), categories, len(files))
        except pl.exceptions.PolarsError as error:
            findings.append(damaged(error, file.name))
            continue
        findings += problems
        if not (problems or len(part["value"])):
            fix = "add rows, or leave the file out"
            findings.append(finding("CM011", "no rows below the header", fix, file=file.name))
        files.append(InputFile(file.path, file.name, len(part["value"]), file.sha256))
        parts.append(part)
    return Observations(_in_order(_joined(parts, categories)), tuple(files), tuple(findings))


def _with_distinct(file: DataFile, columns: dict[str, str]) -> DataFile:
    """The file with its distinct keys and statuses: few, so every rule about a code is tried on these.

    Raises
    ------
    Unreadable : the file breaks its format; a column is of a type that cannot hold what it should.
    """
    schema = file.scan().collect_schema()
    types = {column: schema[inner] for column, inner in columns.items()}
    if odd := [_odd_type(file, column, dtype) for column, dtype in types.items() if not _fits(column, dtype)]:
        raise Unreadable(*odd)
    names = [name for name in (*KEYS, "status") if name in columns]
    lists = (pl.col(columns[name]).unique().cast(pl.String).implode().alias(name) for name in names)
    try:
        found = file.scan().select(lists).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise Unreadable(damaged(error, file.name)) from None
    distinct: dict[str, pl.Series] = {name: found[name].item() for name in names}
    return replace(file, columns=columns, types=types, distinct=distinct)


def _fits(column: str, dtype: pl.DataType) -> bool:
    """Whether a column of this type can hold codes, years or numbers."""
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null) or dtype.is_integer():
        return True
    return dtype.is_numeric() and column in ("year", "value")


def _odd_type(file: DataFile, column: str, dtype: pl.DataType) -> Finding:
    wanted = {"year": "whole numbers", "value": "numbers"}.get(column, "text")
    return finding(
        "CM014",
        f"the column of {column} holds {dtype}",
        f"store it as {wanted}",
        file=file.name,
        column=column,
    )


def _sector_missing(file: DataFile, how: Reading) -> list[Finding]:
    """A finding where a file has no sectors though its indicators need them."""
    needy = sorted(indicators_of(file, how) & how.catalogue.keys() - region_level(file, how))
    if "sector" in file.columns or how.sectorless or (how.catalogue and not needy):
        return []
    problem = _column_missing(file, "sector", how)
    if needy:
        problem = replace(problem, message=f"{problem.message}, and {needy[0]} is measured by sector")
    return [problem]


def _categories(opened: Sequence[DataFile], listed: Mapping[str, Iterable[str]], how: Reading) -> dict[str, pl.Enum]:
    """Codes of each key: those listed, those found and those that rows without the column stand for."""
    codes: dict[str, set[str]] = {key: set(listed.get(key, ())) for key in CODED}
    codes["sector"].add(TOTAL)
    for file in opened:
        codes["indicator"] |= indicators_of(file, how)
        for key in file.distinct.keys() & {"region", "sector"}:
            codes[key] |= {code.strip() for code in file.distinct[key].to_list() if code and code.strip()}
    return {key: pl.Enum(sorted(found)) for key, found in codes.items()}


def _read(
    file: DataFile, how: Reading, categories: Mapping[str, pl.Enum], number: int
) -> tuple[dict[str, pl.Series], list[Finding]]:
    """One file as typed columns, read one column at a time so that only one is held as text."""
    expressions = typed_columns(file, how, categories)
    found, blank = faults(file, how), blank_rows(file)
    unusable = [found[key] for key in KEYS if key in found] + ([] if blank is None else [blank])
    kept = _column(file, ~pl.any_horizontal(unusable)) if unusable else None
    part = {}
    for name, expression in expressions.items():
        column = _column(file, expression).alias(name)
        part[name] = column if kept is None else column.filter(kept)
    value = part["value"]
    unread = (~value.is_finite()).fill_null(value=False)
    if unread.any():
        found["value"] = ~expressions["value"].is_finite().fill_null(value=True)
        value = part["value"] = value.set(unread, None)
    if value.null_count() or part["status"].null_count() < len(value):
        part["status"] = plain_status(value, part["status"], unread)
    part["file"] = pl.repeat(number, len(value), dtype=pl.UInt16, eager=True).alias("file")
    return part, [*explain(file, how, found, blank), *thousands(file, how)]


def _column(file: DataFile, expression: pl.Expr) -> pl.Series:
    """An expression over every row of a file."""
    return file.scan().select(expression).collect(engine="streaming").to_series().rechunk()


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
    if not _is_sorted(columns):
        order = _argsort(row_key(columns))
        for name in list(columns):
            columns[name] = columns[name].gather(order)
    return pl.DataFrame(list(columns.values()))


def _is_sorted(columns: Mapping[str, pl.Series]) -> bool:
    """Whether rows stand by indicator, year, region and sector."""
    falls = np.zeros(max(0, len(columns["sector"]) - 1), dtype=np.bool_)
    for name in ("sector", "region", "year", "indicator"):
        code = columns[name].to_physical().fill_null(0).to_numpy()
        falls = (code[1:] < code[:-1]) | ((code[1:] == code[:-1]) & falls)
    return not falls.any()


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
    codes = frame["indicator"].to_physical().to_numpy()
    names = dtype.categories.to_list()
    numbers = np.arange(len(names)).astype(codes.dtype)  # of another type than the codes they would all be converted
    starts, stops = (np.searchsorted(codes, numbers, side).tolist() for side in ("left", "right"))
    rows = zip(names, map(slice, starts, stops), strict=True)
    return {name: own for name, own in rows if own.start < own.stop}


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


def map_columns(file: DataFile, how: Reading) -> tuple[dict[str, str], list[Finding]]:
    """Our column -> position or name in the file; findings for what is missing or not read.

    A name under `[columns]` wins, then the standard name, then its SDMX name; upper and lower case and
    spaces around a name do not matter.
    """
    positions: dict[str, str] = {}
    plain: dict[str, str] = {}
    physical = _physical(file)
    for column, inner in zip(file.header, physical, strict=True):
        positions.setdefault(column, inner)
        plain.setdefault(column.strip().casefold(), inner)
    found: dict[str, str] = {}
    findings: list[Finding] = []
    for column in COLUMNS:
        named = how.columns.get(column)
        if named is not None:
            named_inner = positions.get(named) or plain.get(named.strip().casefold())
            if named_inner is None:
                findings.append(_no_such_column(file, column, named, how))
            else:
                found[column] = named_inner
            continue
        for alias in ALIASES[column]:
            if alias in plain:
                found[column] = plain[alias]
                break
    findings += [
        _column_missing(file, column, how) for column in REQUIRED if column not in found and column not in how.columns
    ]
    if "indicator" not in found and how.indicator is None and "indicator" not in how.columns:
        findings.append(_column_missing(file, "indicator", how))
    findings += _twice(file, found, how)
    extra = [c for c, inner in zip(file.header, physical, strict=True) if inner not in found.values()]
    if extra and not findings:
        findings.append(
            finding(
                "CM012",
                f"not read: {', '.join(extra)}",
                "nothing to do, unless one of them is a dimension that should be an indicator",
                file=file.name,
                count=len(extra),
            )
        )
    return found, findings


def _twice(file: DataFile, found: Mapping[str, str], how: Reading) -> Iterator[Finding]:
    """Columns that are read and whose name another column has, too."""
    names = dict(zip(_physical(file), file.header, strict=True))
    plain = [name.strip().casefold() for name in file.header]
    for column, inner in found.items():
        name = names[inner]
        chosen = file.header.count(name) == 1 and name in how.columns.values()
        if plain.count(name.strip().casefold()) > 1 and not chosen:
            yield finding(
                "CM015",
                f"two columns are called {name.strip()}",
                f"give each a name of its own and keep one for {column}",
                file=file.name,
                line=1,
                column=name.strip(),
                value=name.strip(),
            )


def _in_sheet(file: DataFile, how: Reading, problems: list[Finding]) -> list[Finding]:
    """Missing columns of a workbook, with the sheet that was read and the row that looks like the header."""
    if not file.sheets or not any(problem.code == "CM009" for problem in problems):
        return problems
    read, *others = file.sheets
    where = f"in the sheet {read!r}, the first"
    where += f" (not read: {', '.join(map(repr, others))})" if others else ", which is the only one"
    known = {alias for aliases in ALIASES.values() for alias in aliases}
    known |= {name.strip().casefold() for name in how.columns.values()}
    rows = file.scan().head(HEADER_ROWS).collect().iter_rows()
    likely = [line for line, *cells in rows if len({str(c).strip().casefold() for c in cells} & known) > 1]
    if likely:
        fix = f"the header seems to be in row {likely[0]}: remove the rows above it"
    elif others:
        fix = "save the sheet with the data as the first sheet, its column names in the first row"
    else:
        return [replace(p, message=f"{p.message} {where}") if p.code == "CM009" else p for p in problems]
    return [replace(p, message=f"{p.message} {where}", fix=fix) if p.code == "CM009" else p for p in problems]


def _physical(file: DataFile) -> tuple[str, ...]:
    """Names of the columns in the scan: those of text and sheets go by position, so that two may have one name."""
    if file.path.suffix.lower() == ".parquet":
        return file.header
    return tuple(str(number) for number in range(len(file.header)))


def _no_such_column(file: DataFile, column: str, named: str, how: Reading) -> Finding:
    near = nearest(named, file.header)
    return finding(
        "CM009",
        f"no column `{named}` for {column} (found: {', '.join(file.header)})",
        f"did you mean `{near[0]}`?" if near else f"name one of them: {how.setting('columns', column, '...')}",
        file=file.name,
        column=named,
    )


def _column_missing(file: DataFile, column: Column, how: Reading) -> Finding:
    hints = [name for name in file.header if name.strip().casefold() in HINTS.get(column, ())]
    guess = (nearest(column, file.header) or hints or ["..."])[0]
    fix = f"say which one it is: {how.setting('columns', column, guess)}"
    if column == "indicator":
        fix = f"{fix}, or name the indicator of all rows: {how.setting('data', 'indicator', '...')}"
    return finding(
        "CM009",
        f"no column for {column} (found: {', '.join(file.header)})",
        fix,
        file=file.name,
        column=column,
    )
