"""The cells of one file: the expression of each typed column, and which cells defeat it and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import polars as pl

from capmap.data.files import LINE, DataFile, Reading
from capmap.data.findings import LISTED, finding, more
from capmap.data.nearest import nearest
from capmap.errors import Finding
from capmap.model import STATUSES, TOTAL, CsvSection

STATUS = pl.Enum(sorted(STATUSES))
CODED = ("region", "sector", "indicator")
KEYS = (*CODED, "year")
GROUPED = 3  #: values that must look like thousands before that is said
_THOUSANDS = re.compile(r"[-+]?\d{1,3}([., ’'\u00a0\u202f]\d{3})+([.,]\d*)?")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_GROUPED = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
#: Column, text and notation -> code, message and fix.
Say = Callable[[str, str | None, Reading], tuple[str, str, str]]
_YEAR = re.compile(r"([1-9]\d{3})(?:\.0*)?")


def typed_columns(file: DataFile, how: Reading, categories: Mapping[str, pl.Enum]) -> dict[str, pl.Expr]:
    """Column of the observations -> its expression over a scan of the file.

    A value that is no finite number comes out as NaN or infinity, so that it can be found afterwards; every
    other cell of `faults` comes out as null.
    """
    return {
        "region": _code(file, "region", categories["region"]),
        "sector": _sector(file, how, categories["sector"]),
        "indicator": _code(file, "indicator", categories["indicator"], how.indicator),
        "year": _year(file),
        "value": _value(file, how.csv),
        "status": _status(file),
        LINE: pl.col(LINE).cast(pl.UInt32),
    }


def indicators_of(file: DataFile, how: Reading) -> set[str]:
    """Indicators that a file has."""
    if "indicator" in file.distinct:
        return {code.strip() for code in file.distinct["indicator"].drop_nulls() if code.strip()}
    return set() if how.indicator is None else {how.indicator}


def region_level(file: DataFile, how: Reading) -> set[str]:
    """Indicators of a file that need no sector."""
    ids = indicators_of(file, how)
    if how.sectorless:
        return ids
    return {i for i in ids if i in how.catalogue and how.catalogue[i].classification == "none"}


def _text(file: DataFile, column: str) -> pl.Expr:
    """A column as text without surrounding space; an empty cell is null."""
    stripped = pl.col(file.columns[column]).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _clean(file: DataFile, column: str) -> bool:
    """Whether every cell of a key holds a code and no space around it."""
    return all(code and code == code.strip() for code in file.distinct[column].to_list())


def _code(file: DataFile, column: str, codes: pl.Enum, constant: str | None = None) -> pl.Expr:
    if column not in file.columns:
        return pl.repeat(constant, pl.len(), dtype=codes)
    return _cast(file, column, codes)


def _cast(file: DataFile, column: str, codes: pl.Enum) -> pl.Expr:
    """A key as codes without surrounding space; an empty cell is null."""
    source = pl.col(file.columns[column])
    if _clean(file, column):
        return (source.cast(pl.String) if file.types[column].is_integer() else source).cast(codes)
    texts = file.distinct[column].drop_nulls()
    stripped = pl.Series([text.strip() or None for text in texts], dtype=codes)
    return source.cast(pl.String).replace_strict(texts, stripped, default=None, return_dtype=codes)


def _sector(file: DataFile, how: Reading, codes: pl.Enum) -> pl.Expr:
    if "sector" not in file.columns:
        return pl.repeat(TOTAL, pl.len(), dtype=codes)
    if _clean(file, "sector"):
        return _cast(file, "sector", codes)
    total = pl.when(_needs_no_sector(file, how)).then(pl.lit(TOTAL, dtype=codes))
    return pl.coalesce(_cast(file, "sector", codes), total)


def _needs_no_sector(file: DataFile, how: Reading) -> pl.Expr:
    level = region_level(file, how)
    if "indicator" in file.columns:
        return _text(file, "indicator").is_in(sorted(level))
    return pl.lit(bool(level))


def _years(file: DataFile) -> dict[str, int | None]:
    """Text of a year -> the year, None if it is none."""
    matched = {text: _YEAR.fullmatch(text.strip()) for text in file.distinct["year"].drop_nulls()}
    return {text: int(match[1]) if match else None for text, match in matched.items()}


def _year(file: DataFile) -> pl.Expr:
    if "year" not in file.columns:
        return pl.repeat(None, pl.len(), dtype=pl.Int32)
    source = pl.col(file.columns["year"])
    if file.types["year"].is_integer():
        return source.cast(pl.Int32, strict=False)
    years = _years(file)
    return source.cast(pl.String).replace_strict(list(years), list(years.values()), default=None, return_dtype=pl.Int32)


def _value(file: DataFile, settings: CsvSection) -> pl.Expr:
    """The value as a number; NaN or infinity where the cell holds something that is not a finite number."""
    if file.types["value"].is_numeric():
        return pl.col(file.columns["value"]).cast(pl.Float64)
    text = number = pl.col(file.columns["value"]).cast(pl.String).str.strip_chars()
    empty = text.is_in(["", *settings.null_values])
    if settings.decimal == ",":  # then a point can only separate thousands, and is refused like any such
        number = pl.when(~text.str.contains(".", literal=True)).then(text.str.replace(",", ".", literal=True))
    return pl.when(~empty).then(number.cast(pl.Float64, strict=False).fill_null(float("nan")))


def _status(file: DataFile) -> pl.Expr:
    if "status" not in file.columns:
        return pl.repeat(None, pl.len(), dtype=STATUS)
    return _text(file, "status").cast(STATUS, strict=False)


def plain_status(value: pl.Series, status: pl.Series, unread: pl.Series) -> pl.Series:
    """Status with one spelling of each thing: a normal value has none; an empty cell without one is missing (L).

    A value that could not be read counts as missing whatever its status: it has its own finding already.
    """
    empty, plain = pl.col("value").is_null(), pl.col("status").is_null()
    missing = pl.lit("L", dtype=STATUS)
    normal = ~empty & (pl.col("status") == "A")
    chosen = pl.when(pl.col("unread") | (empty & plain)).then(missing).when(~normal).then("status")
    frame = pl.DataFrame({"value": value, "status": status, "unread": unread})
    return frame.select(chosen.alias("status")).to_series()


def blank_rows(file: DataFile) -> pl.Expr | None:
    """Rows without anything in them, such as empty lines at the end; None if there can be no such row."""
    if any(file.distinct[key].null_count() == 0 for key in KEYS if key in file.columns):
        return None
    return pl.all_horizontal(pl.col(name).is_null() for name in file.columns.values())


def faults(file: DataFile, how: Reading) -> dict[str, pl.Expr]:
    """Column -> which of its cells cannot be read; only columns that have such a cell."""
    found: dict[str, pl.Expr] = {}
    for key in ("region", "indicator", "sector"):
        if key in file.columns and not _clean(file, key):
            text = pl.col(file.columns[key]).cast(pl.String)
            empty = text.is_null() | text.is_in([code for code in file.distinct[key].drop_nulls() if not code.strip()])
            found[key] = empty & ~_needs_no_sector(file, how) if key == "sector" else empty
    if "year" in file.columns:
        odd = [text for text, year in _years(file).items() if year is None]
        if odd or file.distinct["year"].null_count():
            text = pl.col(file.columns["year"]).cast(pl.String)
            found["year"] = text.is_null() | text.is_in(odd)
    if "status" in file.columns:
        odd = [text for text in file.distinct["status"].drop_nulls() if text.strip() not in ("", *STATUSES)]
        if odd:
            found["status"] = pl.col(file.columns["status"]).cast(pl.String).is_in(odd)
    return found


def _spaced(file: DataFile) -> dict[str, pl.Expr]:
    """Column -> which of its codes have space around them."""
    spaced = {
        key: [code for code in file.distinct[key].to_list() if code and code != code.strip() != ""]
        for key in CODED
        if key in file.columns
    }
    return {key: pl.col(file.columns[key]).cast(pl.String).is_in(codes) for key, codes in spaced.items() if codes}


def thousands(file: DataFile, how: Reading) -> list[Finding]:
    """A warning where every value with a point looks like thousands, of which there are at least three.

    Looked for where columns are separated by semicolons, as they are where the comma is the decimal mark, and
    wherever nobody has said what the decimal mark is. Thousands never begin with 0, so 0.125 shows decimals.
    """
    doubtful = how.csv.separator == ";" or "decimal" not in how.csv.model_fields_set
    if not file.is_text or how.csv.decimal != "." or not doubtful:
        return []
    has_point = pl.col(file.columns["value"]).cast(pl.String).str.contains(".", literal=True)
    dotted = file.scan().filter(has_point).select(LINE, text=_text(file, "value"))
    grouped = pl.col("text").str.contains(_GROUPED)
    count, every = dotted.head(1_000).select(pl.len(), grouped.all().alias("all")).collect(engine="streaming").row(0)
    if count < GROUPED or not every:  # most files are told from their first rows
        return []
    seen = dotted.select(pl.len(), grouped.all().alias("all"), pl.first(LINE), pl.first("text"))
    count, every, line, text = seen.collect(engine="streaming").row(0)
    if count < GROUPED or not every:
        return []
    plain = text.replace(".", "")
    confirm = "" if "decimal" in how.csv.model_fields_set else f"; if not, set {how.setting('csv', 'decimal', '.')}"
    return [
        finding(
            "CM041",
            f"every value with a point looks like thousands: {text!r} is read as {float(text)!r}"
            if text.count(".") == 1
            else f"every value with a point looks like thousands: {text!r}",
            f"if it means {plain}, set {how.setting('csv', 'decimal', ',')} and write {plain}, for thousands "
            f"separators are not read{confirm}",
            file=file.name,
            line=line,
            column="value",
            value=text,
            count=count,
        )
    ]


def _invisible(file: DataFile) -> dict[str, pl.Expr]:
    """Column -> which of its codes hold control characters."""
    odd = {
        key: [code for code in file.distinct[key].to_list() if code and CONTROL.search(code.strip())]
        for key in CODED
        if key in file.columns
    }
    return {key: pl.col(file.columns[key]).cast(pl.String).is_in(codes) for key, codes in odd.items() if codes}


def explain(file: DataFile, how: Reading, found: Mapping[str, pl.Expr], blank: pl.Expr | None) -> list[Finding]:
    """A finding for each cell at fault, with its line and what it holds."""
    faulty: list[tuple[str, pl.Expr, Say]] = [
        *((column, fault, _cell) for column, fault in found.items()),
        *((column, fault, _space) for column, fault in _spaced(file).items()),
        *((column, fault, _control) for column, fault in _invisible(file).items()),
    ]
    if not faulty:
        return []
    faults = [fault for _, fault, _ in faulty]
    anywhere = pl.any_horizontal(faults)
    texts = {column: pl.col(file.columns[column]).cast(pl.String) for column, _, _ in faulty}
    flags = {str(number): fault for number, fault in enumerate(faults)}
    rows = file.scan().filter(anywhere if blank is None else anywhere & ~blank)
    cells = rows.select(pl.col(LINE), **texts, **flags).collect(engine="streaming")  # the file is gone through once
    findings: list[Finding] = []
    for number, (column, _, say) in enumerate(faulty):
        findings += _located(file, column, cells.filter(str(number)).select(LINE, text=column), how, say)
    return findings


def _located(file: DataFile, column: str, cells: pl.DataFrame, how: Reading, say: Say) -> Iterator[Finding]:
    """A finding per cell at fault (columns line, text); beyond `LISTED` of them one more stands for the rest."""
    words = {text: say(column, text, how) for text in cells["text"].head(LISTED + 1).unique()}
    for line, text in cells.head(LISTED).iter_rows():
        code, message, fix = words[text]
        yield finding(code, message, fix, file=file.name, line=line, column=column, value=text)
    if cells.height > LISTED:
        line, text = cells.row(LISTED)
        yield more(words[text][0], cells.height - LISTED, file.name, line, column)


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


def _control(column: str, text: str | None, _: Reading) -> tuple[str, str, str]:
    plain = CONTROL.sub("", str(text).strip())
    return "CM028", f"control character in the {column} {text!r}", f"write {plain!r}, or correct the encoding"


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
