"""What a source gave -> observations in the words of the project: CSV, Parquet, SDMX-CSV and JSON-stat 2.0.

Every reading gives a frame of the source's own columns, as text but for numbers; `normalised` filters, maps and types
it. Nothing is dropped or guessed in silence: rows leave by `filter` and by codes mapped to an empty text only.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, get_args

import numpy as np
import polars as pl

from capmap.data.fetch import kind
from capmap.data.findings import finding, unreadable
from capmap.data.nearest import nearest
from capmap.data.parquet import read_parquet
from capmap.errors import Finding, UnreadableError
from capmap.model import TOTAL, SourceSection

Column = Literal["region", "sector", "indicator", "year", "value", "status"]
COLUMNS: tuple[Column, ...] = get_args(Column)
#: Names that are understood without `columns`, in upper or lower case: those of capmap, of SDMX and of Eurostat.
ALIASES: dict[Column, tuple[str, ...]] = {
    "region": ("region", "ref_area", "geo"),
    "sector": ("sector",),
    "indicator": ("indicator",),
    "year": ("year", "time_period", "time"),
    "value": ("value", "obs_value"),
    "status": ("status", "obs_status", "obs_flag"),
}
#: Flags of SDMX (CL_OBS_STATUS) and of Eurostat in the letters that capmap knows, besides those letters themselves.
FLAGS = {
    "c": "Q", "d": "A", "f": "E", "g": "U", "h": "L", "j": "A", "k": "A", "n": "U", "o": "L", "r": "A", "s": "E", "v": "P",
    "w": "A", "x": "A", "z": "M", ":": "L", ".": "L", "..": "L", "-": "L",
} | {letter.lower(): letter for letter in "ABEILMPQU"}  # fmt: skip
#: Which letter stands for a cell with several flags, the gravest first.
GRAVITY = "QMLBUIEPA"
GONE = ("L", "M", "Q")  #: statuses that go without a value
CELLS = 50_000_000  #: cells of a JSON-stat cube that are spread out, after filtering
NAMED = 5  #: codes, columns and the like that a message names
BREAK = 5.0  #: ratio from which the level of a figure has changed
SMALL = 20.0  #: pairs of figures below this jump by chance and are left alone
FEWEST = 5  #: figures of an indicator from which their common level says anything


@dataclass(frozen=True)
class Raw:
    """What a source gave, as it was read."""

    frame: pl.DataFrame  #: its own columns
    header: tuple[str, ...]


def read(name: str, source: SourceSection, files: Sequence[Path]) -> Raw:
    """Read what a source gave.

    Parameters
    ----------
    name, source : the table `[sources.NAME]`.
    files : the download, or the local files of its `path`, put one below the other.

    Raises
    ------
    UnreadableError : CM122 it is not what the source should give; CM123 columns that differ from file to file.
    """
    parts = [_read_one(name, source, path) for path in files]
    header = tuple(parts[0].columns)
    for path, part in zip(files, parts, strict=True):
        if set(part.columns) != set(header):
            odd = sorted(set(part.columns) ^ set(header))
            raise no(
                "CM123",
                name,
                f"{path.name} has other columns than {files[0].name}: {_few(odd)}",
                "read them as two sources",
            )
    return Raw(pl.concat([part.select(header) for part in parts], how="vertical_relaxed"), header)


def no(code: str, name: str, message: str, fix: str) -> UnreadableError:
    """A source that cannot be read as it should be."""
    return unreadable([said(code, name, message, fix)])


def said(code: str, name: str, message: str, fix: str) -> Finding:
    """A finding about a source."""
    return finding(code, f"source {name}: {message}", fix, file="capmap.toml", column=f"sources.{name}")


# Reading ------------------------------------------------------------------------------------------------------


def _read_one(name: str, source: SourceSection, path: Path) -> pl.DataFrame:
    what = kind(source)
    try:
        raw, inner = _unpacked(name, source, path)
        if what == "jsonstat":
            return _jsonstat(name, source, raw)
        if raw.startswith(b"PAR1"):
            return read_parquet(io.BytesIO(raw))
        separator = "\t" if ".tsv" in inner.lower() and source.separator == "," else source.separator
        frame = _csv(name, source, raw, "," if what == "sdmx" else separator)
        return _plain_sdmx(frame) if what == "sdmx" else frame
    except (zipfile.BadZipFile, zlib.error, EOFError, pl.exceptions.PolarsError) as error:
        words = str(error).partition("\n")[0][:200]
        raise no(
            "CM122", name, f"the content is damaged or not what it should be: {words}", "try again later"
        ) from None


def _unpacked(name: str, source: SourceSection, path: Path) -> tuple[bytes, str]:
    """Content and name of the file, or of the one packed in it; `max_bytes` holds for what comes out."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            member = _member(name, source, archive)
            if member.flag_bits & 1:
                raise no("CM122", name, f"{member.filename} is encrypted", "ask for an archive without password")
            try:
                with archive.open(member) as packed:
                    raw = _bounded(name, source, packed)
            except (NotImplementedError, OSError) as error:  # packed in a way that Python does not know, or damaged
                said = f"{member.filename} cannot be unpacked: {error}"
                raise no("CM122", name, said, "ask for another archive, or unpack it yourself") from None
        return (_gunzipped(name, source, io.BytesIO(raw)) if raw[:2] == b"\x1f\x8b" else raw), member.filename
    with path.open("rb") as file:
        raw = _gunzipped(name, source, file) if start.startswith(b"\x1f\x8b") else _bounded(name, source, file)
    if not raw.strip():
        raise no("CM122", name, "the content is empty", "check that the query finds anything")
    return raw, PurePosixPath(source.place.partition("?")[0]).name


def _gunzipped(name: str, source: SourceSection, file: IO[bytes]) -> bytes:
    try:
        with gzip.open(file) as packed:
            return _bounded(name, source, packed)
    except gzip.BadGzipFile as error:
        raise EOFError(str(error)) from None


def _bounded(name: str, source: SourceSection, file: IO[bytes] | gzip.GzipFile) -> bytes:
    raw = file.read(source.max_bytes + 1)
    if len(raw) > source.max_bytes:
        limit = f"{source.max_bytes:,} bytes"
        raise no("CM122", name, f"the content has more than {limit}", "raise `max_bytes` if that is right")
    return raw


def _member(name: str, source: SourceSection, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = {one.filename: one for one in archive.infolist() if not one.is_dir()}
    if source.member is not None and source.member in files:
        return files[source.member]
    if source.member is None and len(files) == 1:
        (only,) = files.values()
        return only
    near = nearest(source.member or "", list(files))
    fix = f'did you mean member = "{near[0]}"?' if near else f"name one with `member`: {_few(list(files))}"
    wanted = f"no file {source.member!r} in the archive" if source.member else f"{len(files)} files in the archive"
    raise no("CM123", name, wanted, fix)


def _csv(name: str, source: SourceSection, raw: bytes, separator: str) -> pl.DataFrame:
    try:
        text = raw.decode("utf-8-sig" if source.encoding.lower().replace("-", "") == "utf8" else source.encoding)
        plain = text.encode()
    except (ValueError, LookupError) as error:
        raise no(
            "CM122", name, f"the content is no {source.encoding} text ({error.args[0]})", "set `encoding`"
        ) from None
    start = text[:200].lstrip().lower()
    if start.startswith(("<!doctype html", "<html", "<?xml", "{", "[{")):
        was = "a web page" if "html" in start else "XML" if start.startswith("<?xml") else "JSON"
        raise no(
            "CM122",
            name,
            f"the content is {was}, not CSV",
            "correct the address, or say what it is: `sdmx`, `jsonstat`",
        )
    if len(separator.encode()) > 1:
        raise no("CM123", name, f"{separator!r} cannot separate columns", "set `separator` to an ASCII character")
    frame = pl.read_csv(plain, separator=separator, infer_schema=False)
    if not frame.height:
        raise no("CM122", name, "no rows below the header", "check that the query finds anything")
    if frame.width == 1:
        only = frame.columns[0][:60]
        raise no("CM123", name, f"the header has one column: {only}", "set `separator` if another one is used")
    return frame.rename({column: column.strip() for column in frame.columns})


def _plain_sdmx(frame: pl.DataFrame) -> pl.DataFrame:
    """SDMX-CSV without labels (`geo: Geopolitical entity`, `NO: Norway`) and without deleted rows."""
    labelled = [column for column in frame.columns if ": " in column]
    frame = frame.with_columns(pl.col(labelled).str.replace(": .*$", ""))
    frame = frame.rename({column: column.partition(": ")[0] for column in labelled})
    if "ACTION" in frame.columns and frame.columns[0].startswith("STRUCTURE"):
        frame = frame.filter(pl.col("ACTION").fill_null("I") != "D")
    return frame


def _jsonstat(name: str, source: SourceSection, raw: bytes) -> pl.DataFrame:
    """A JSON-stat 2.0 data set as rows: every cell of the cube that the filter leaves, null where it has no value."""
    try:
        return _cube(name, source, json.loads(raw))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        words = f"{type(error).__name__}: {error}".partition("\n")[0][:120]
        raise no("CM122", name, f"the content is no JSON-stat 2.0 data set ({words})", "correct the address") from None


def _cube(name: str, source: SourceSection, cube: Any) -> pl.DataFrame:
    """`_jsonstat` of its content; raises whatever comes of a content that is not as the format says."""
    if cube.get("class") != "dataset" or not cube.get("id"):
        raise KeyError(f"class {cube.get('class')!r}")
    dimensions, sizes = [str(one) for one in cube["id"]], [int(one) for one in cube["size"]]
    codes = [_categories(cube["dimension"][one]["category"], n) for one, n in zip(dimensions, sizes, strict=True)]
    flags = cube.get("status")
    kept = [
        np.array([k for k, code in enumerate(own) if _wanted(source.filter.get(one), code)], dtype=np.int64)
        for one, own in zip(dimensions, codes, strict=True)
    ]
    if math.prod(len(own) for own in kept) > CELLS:
        fix = "choose a part of it with `filter`, or in the query"
        raise no("CM122", name, f"the cube has more than {CELLS:,} cells", fix)
    grid = [axis.ravel() for axis in np.meshgrid(*kept, indexing="ij")]
    place = np.ravel_multi_index(tuple(grid), tuple(sizes)).tolist()
    columns = {
        one: pl.Series(own, dtype=pl.String).gather(places)
        for one, own, places in zip(dimensions, codes, grid, strict=True)
    }
    found = _cells(cube["value"], place)
    values = pl.Series(found, dtype=pl.Float64, strict=False)
    if odd := len(found) - found.count(None) - values.len() + values.null_count():
        raise no("CM122", name, f"{odd:,} values are no numbers", "correct the address")
    status = [flags] * len(place) if isinstance(flags, str) else _cells(flags, place)
    return pl.DataFrame(columns | {"value": values, "status": pl.Series(status, dtype=pl.String, strict=False)})


def _categories(category: Mapping[str, Any], size: int) -> list[str]:
    """Codes of a dimension in the order of their places."""
    index = category.get("index", list(category.get("label", {})))
    codes = sorted(index, key=lambda code: int(index[code])) if isinstance(index, dict) else list(index)
    if len(codes) != size:
        raise ValueError(f"{len(codes)} categories in a dimension of size {size}")
    return codes


def _cells(content: Any, places: Sequence[int]) -> list[Any]:
    """Values, or statuses, at places of the cube: given as a list, or by place for those that are there."""
    if content is None:
        return [None] * len(places)
    if isinstance(content, dict):
        return [content.get(str(place)) for place in places]
    return [content[place] if place < len(content) else None for place in places]


def _wanted(allowed: str | tuple[str, ...] | None, code: str) -> bool:
    return allowed is None or code == allowed or (isinstance(allowed, tuple) and code in allowed)


# Mapping ------------------------------------------------------------------------------------------------------


def normalised(name: str, source: SourceSection, raw: Raw, root: Path) -> pl.DataFrame:
    """Observations in the words of the project.

    Parameters
    ----------
    name, source : the table `[sources.NAME]`.
    raw : what it gave.
    root : folder that files named under `codes` are relative to.

    Returns
    -------
    `region`, `sector` (the total `_T` where the source has none), `indicator`, `year` (if the source has periods), `value`
    (null where there is none) and `status` (letters of SDMX), sorted by all of them but the value.

    Raises
    ------
    UnreadableError : CM123 a column, a value of the filter or an indicator is missing; periods are no years; one cell has
        several rows. CM122 nothing is left, or values are no numbers.
    """
    places = _placed(name, source, raw)
    if nested := [one for one in (*places.values(), *source.filter) if raw.frame[one].dtype.is_nested()]:
        raise no("CM123", name, f"the cells of {nested[0]!r} are lists or records", "name a column of texts or numbers")
    frame = _filtered(name, source, raw.frame)
    maps = {column: _mapping(name, source, column, root) for column in COLUMNS}
    columns: dict[str, pl.Series] = {
        column: _mapped(frame[places[column]].cast(pl.String).str.strip_chars(), maps[column]).alias(column)
        for column in COLUMNS
        if column in places and column != "value"
    }
    columns["value"] = _numbers(name, source, frame[places["value"]])
    out = pl.DataFrame(columns)
    if "sector" not in out.columns:  # the total may have a code of its own in the project
        out = out.with_columns(sector=pl.lit(maps["sector"].get(TOTAL, TOTAL)))
    if "indicator" not in out.columns:
        out = out.with_columns(indicator=pl.lit(source.indicator))
    out = out.filter(pl.all_horizontal(pl.col(key).ne_missing("") for key in ("region", "sector", "indicator")))
    if not out.height:
        raise no("CM122", name, "no rows are left after filter and codes", "correct `filter`")
    out = _years(name, out).with_columns(status=_statuses(out))
    _one_row_a_cell(name, frame, out, places)
    keys = [key for key in COLUMNS if key in out.columns]
    return out.select(keys).sort([key for key in keys if key not in ("value", "status")], maintain_order=True)


def _placed(name: str, source: SourceSection, raw: Raw) -> dict[str, str]:
    """Our column -> its name in the source; raises with everything that is missing."""
    plain = {column.casefold(): column for column in reversed(raw.header)}
    found: dict[str, str] = {}
    missing = [one for one in (*source.expect, *source.filter) if one not in raw.header]
    for column in COLUMNS:
        named = source.columns.get(column)
        if named is not None:
            if named not in raw.header:
                missing.append(named)
            found[column] = named
            continue
        alias = next((plain[one] for one in ALIASES[column] if one in plain), None)
        if alias is not None:
            found[column] = alias
    problems = [
        said("CM123", name, f"no column {one!r} (found: {_few(raw.header, 20)})", _near(one, raw.header))
        for one in dict.fromkeys(missing)
    ]
    for column in ("region", "value"):
        if column not in found:
            fix = f'say which one it is: columns = {{ {column} = "..." }}'
            problems.append(said("CM123", name, f"no column for {column} (found: {_few(raw.header, 20)})", fix))
    if "indicator" not in found and source.indicator is None:
        problems.append(said("CM123", name, "no column says which indicator it is", 'add: indicator = "..."'))
    if problems:
        raise unreadable(problems)
    if source.indicator is not None and "indicator" not in source.columns:
        found.pop("indicator", None)
    return found


def _near(one: str, header: Sequence[str]) -> str:
    near = nearest(one, header)
    return (
        f"it may be called {near[0]} now: correct the table of the source"
        if near
        else "correct the table of the source"
    )


def _filtered(name: str, source: SourceSection, frame: pl.DataFrame) -> pl.DataFrame:
    for column, value in source.filter.items():
        allowed = [value] if isinstance(value, str) else list(value)
        text = pl.col(column).cast(pl.String)
        here = frame.select(text.unique()).to_series().drop_nulls()
        if gone := [one for one in allowed if one not in here]:
            near = nearest(gone[0], here)
            raise no(
                "CM123", name, f"no row with {column} = {gone[0]!r} (found: {_few(sorted(here))})",
                f"did you mean {near[0]}?" if near else "correct `filter`",
            )  # fmt: skip
        frame = frame.filter(text.is_in(allowed))
    return frame


def _mapping(name: str, source: SourceSection, column: Column, root: Path) -> Mapping[str, str]:
    given: Mapping[str, str] | str = {} if column == "value" else source.codes.get(column, {})
    if not isinstance(given, str):
        return dict(given)
    try:
        table = pl.read_csv(root / given, infer_schema=False)
        return dict(zip(table["from"], table["to"].fill_null(""), strict=True))
    except (OSError, pl.exceptions.PolarsError) as error:
        words = str(error).partition("\n")[0][:120]
        raise no(
            "CM123", name, f"the codes in {given} cannot be read ({words})", "make a CSV with the columns from,to"
        ) from None


def _mapped(series: pl.Series, codes: Mapping[str, str]) -> pl.Series:
    return series.replace(codes) if codes else series


def _numbers(name: str, source: SourceSection, values: pl.Series) -> pl.Series:
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_nan(None).alias("value")
    text = values.cast(pl.String).str.strip_chars()
    text = text.set(text.is_in(["", "NaN", *source.null_values]).fill_null(value=True), None)
    plain = text if source.decimal == "." else text.str.replace(",", ".", literal=True)
    numbers = plain.cast(pl.Float64, strict=False)
    if len(bad := text.filter(numbers.is_null() & text.is_not_null())):
        fix = "name the texts that mean `no value` under `null_values`, or set `decimal`"
        raise no("CM122", name, f"{len(bad):,} values are no numbers: {_few(bad.unique().sort())}", fix)
    return numbers.alias("value")


def _years(name: str, out: pl.DataFrame) -> pl.DataFrame:
    if "year" not in out.columns:
        return out
    year = out["year"]
    if len(bad := year.filter(~year.str.contains(r"^\d{4}$").fill_null(value=False)).unique().sort()):
        fix = 'take yearly figures only, such as filter = { FREQ = "A" }'
        raise no("CM123", name, f"periods that are no years: {_few([str(one) for one in bad])}", fix)
    return out.with_columns(year.cast(pl.Int32))


def _statuses(out: pl.DataFrame) -> pl.Series:
    """Letters of SDMX: of several flags the gravest; L where there is no value and no flag says why."""
    if "status" not in out.columns:
        flags = pl.Series("status", [None] * out.height, dtype=pl.String)
    else:
        flags = out["status"]
        letters = {flag: _letter(flag) for flag in flags.drop_nulls().unique()}
        flags = flags.replace(letters)
    empty = out["value"].is_null() & ~flags.is_in(list(GONE)).fill_null(value=False)
    return flags.set(empty, "L").set(flags == "", None).alias("status")


def _letter(flag: str) -> str:
    """The letter for a flag or several; what is not known stays as it is, for the check of statuses to find.

    Examples
    --------
    >>> [_letter(flag) for flag in ("A", "bp", "b p", "c", "z", "?", "")]
    ['A', 'B', 'B', 'Q', 'M', '?', '']
    """
    parts = [flag] if flag.lower() in FLAGS else [one for one in flag if one not in " ,;"]
    letters = [FLAGS.get(part.lower()) for part in parts]
    known = [letter for letter in letters if letter is not None]
    return min(known, key=GRAVITY.index) if known and len(known) == len(letters) else flag


def _one_row_a_cell(name: str, frame: pl.DataFrame, out: pl.DataFrame, places: Mapping[str, str]) -> None:
    keys = [key for key in ("region", "sector", "indicator", "year") if key in out.columns]
    doubled = out.filter(out.select(keys).is_duplicated())
    if not doubled.height:
        return
    spare = [c for c in frame.columns if c not in places.values() and 1 < frame[c].n_unique() <= frame.height // 2]
    several = (
        f"; {spare[0]} has several values ({_few(frame[spare[0]].cast(pl.String).unique().sort())})" if spare else ""
    )
    first = ", ".join(str(cell) for cell in doubled.select(keys).row(0))
    fix = f'choose one: filter = {{ {spare[0]} = "..." }}' if spare else "let `filter` or `codes` leave one of them"
    raise no("CM123", name, f"{doubled.height:,} rows for cells that have one, such as {first}{several}", fix)


# News ---------------------------------------------------------------------------------------------------------


def differences(
    name: str, now: pl.DataFrame, before: pl.DataFrame | None, header: Iterable[str], header_before: Iterable[str]
) -> list[Finding]:
    """What a new reading has that should be looked at, beside the last one.

    Returns
    -------
    Findings: CM124 (most figures of an indicator on another level: grave), CM125 (columns that came or went), CM126 (codes
    that went).
    """
    found = [finding for indicator in _jumps(now, before) for finding in (_unit(name, *indicator),)]
    if before is None:
        return found
    came, went = sorted(set(header) - set(header_before)), sorted(set(header_before) - set(header))
    if came or went:
        what = "; ".join(f"{word}: {_few(ones)}" for word, ones in (("new", came), ("gone", went)) if ones)
        found.append(
            said("CM125", name, f"its columns changed ({what})", "nothing to do, unless a new one splits rows")
        )
    for key in ("region", "sector", "indicator"):
        own, earlier = set(now[key]), set(before[key])
        if gone := sorted(earlier - own):
            new = sorted(own - earlier)
            instead = f"; new: {_few(new)}" if new else ""
            fix = f'if they have new names, map them: codes.{key} = {{ NEW = "OLD" }}'
            found.append(said("CM126", name, f"{key} codes are gone: {_few(gone)}{instead}", fix))
    return found


def _unit(name: str, indicator: str, what: str, ratio: float, n: int) -> Finding:
    times = f"{ratio:,g} times" if ratio > 1 else f"1/{1 / ratio:,g} of"
    message = f"the level of {indicator} jumped: the middle one of {n:,} figures is {times} {what}"
    fix = f"see whether the unit changed or a year is incomplete; take it as it is: capmap refresh --accept {name}"
    return said("CM124", name, message, fix)


def _jumps(now: pl.DataFrame, before: pl.DataFrame | None) -> Iterable[tuple[str, str, float, int]]:
    """Indicators whose middle figure is on another level than it last was, or than the year before."""
    keys = [key for key in ("region", "sector", "indicator", "year") if key in now.columns]
    if before is not None and set(keys) <= set(before.columns):
        pairs = now.join(before, on=keys, suffix="_before").select("indicator", "value", was="value_before")
        yield from ((one, "what the source gave last", ratio, n) for one, ratio, n in _levels(pairs, ["indicator"]))
    if "year" in keys and before is not None:
        known = before["year"].max() if "year" in before.columns else None
        own = [key for key in keys if key != "year"]
        rows = now.sort(keys).with_columns(was=pl.col("value").shift().over(own))
        fresh = rows.filter((pl.col("year") > known) & pl.col("status").ne_missing("B"))
        yield from (
            (one, f"the year before, in {year}", ratio, n)
            for one, year, ratio, n in _levels(fresh, ["indicator", "year"])
        )


def _levels(pairs: pl.DataFrame, by: list[str]) -> list[Any]:
    """Groups whose median ratio of `value` to `was` is a jump: keys, ratio, number of pairs."""
    both = pairs.filter((pl.min_horizontal("value", "was") > 0) & (pl.max_horizontal("value", "was") >= SMALL))
    groups = both.group_by(by).agg(ratio=(pl.col("value") / pl.col("was")).median(), n=pl.len()).sort(by)
    jumped = (pl.col("ratio") > BREAK) | (pl.col("ratio") < 1 / BREAK)
    return groups.filter(jumped & (pl.col("n") >= FEWEST)).rows()


def _few(things: Iterable[str], most: int = NAMED) -> str:
    listed = list(things)
    rest = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(map(str, listed[:most])) + rest
