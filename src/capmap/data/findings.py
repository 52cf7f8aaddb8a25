"""The one table of checks: what each finding's code means and how grave it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from capmap.errors import ChecksFailedError, Finding, Severity, UnreadableError

if TYPE_CHECKING:
    import polars as pl


LISTED = 10_000  #: rows named one by one for one kind of fault in one place; the rest is counted


@dataclass(frozen=True)
class Check:
    """One thing that capmap looks for in a project."""

    code: str  #: stable, such as `CM012`; a code is never given a new meaning
    severity: Severity
    title: str
    explanation: str  #: why it matters and what capmap does about it
    unreadable: bool = False  #: True if the input cannot be understood (exit 3), not merely doubted (exit 4)


def _unreadable(code: str, title: str, explanation: str) -> Check:
    return Check(code, "error", title, explanation, unreadable=True)


_TABLE = (
    # files and settings
    _unreadable(
        "CM001",
        "not valid TOML",
        "The file breaks the rules of TOML at the line and column shown. Texts need quotes, lists need commas.",
    ),
    _unreadable(
        "CM002",
        "unknown key",
        "Keys are closed, so that a slip such as `treshold` is not taken for a setting that works.",
    ),
    _unreadable("CM003", "key missing", "A key that has no default is not there."),
    _unreadable("CM004", "value not allowed", "The value of a key is not of the kind that the key takes."),
    _unreadable("CM005", "not found", "A file or folder that the project names is not there."),
    _unreadable(
        "CM006",
        "cannot be read",
        "The file is not what its suffix says, is damaged, or has an open quotation mark.",
    ),
    _unreadable(
        "CM007",
        "other text encoding",
        "The bytes are no text in the encoding stated. Nothing is guessed: a wrong guess would spoil names "
        "and codes in silence.",
    ),
    _unreadable(
        "CM008",
        "other separator",
        "The header holds no separator as stated but another common one.",
    ),
    _unreadable("CM009", "column missing", "A column that the format needs is not in the file."),
    _unreadable(
        "CM010",
        "uneven row",
        "A row has more or fewer fields than the header. A decimal comma without quotation marks does this.",
    ),
    Check(
        "CM011",
        "warning",
        "no rows",
        "The file has a header and nothing below it. Where no other file has rows either, nothing is left to "
        "measure: that is the error CM091, in a project as with `--data`.",
    ),
    Check("CM012", "note", "columns not read", "Columns that capmap does not use are not read."),
    Check("CM013", "note", "sheets not read", "Only the first sheet of a workbook is read."),
    _unreadable(
        "CM014",
        "column of another type",
        "A Parquet column holds dates, lists or the like where text or numbers belong.",
    ),
    _unreadable(
        "CM015",
        "column named twice",
        "Two columns have the name of one that is read. Taking the first would be a guess.",
    ),
    # code lists
    _unreadable("CM020", "unknown column in a code list", "Code lists have closed columns."),
    _unreadable("CM021", "code listed twice", "A code has one line in its list."),
    _unreadable("CM022", "unknown parent", "A parent is itself a code of the list."),
    _unreadable("CM023", "circle of parents", "A code is its own ancestor, so nothing can be added up."),
    _unreadable("CM024", "unknown role", "The role of a region is region, reference or aggregate."),
    _unreadable("CM025", "line without a code", "A line of a code list has no code."),
    Check(
        "CM026",
        "note",
        "no code list",
        "Codes are taken as found in the data: capmap cannot tell a slip from a code, nor a total from a part.",
    ),
    Check(
        "CM027",
        "warning",
        "one label for two codes",
        "Two codes of one level have the same label, so that readers cannot tell them apart.",
    ),
    Check(
        "CM028",
        "error",
        "control character in a code",
        "A code holds a character that cannot be seen, so that it differs from the code it looks like. A wrong "
        "text encoding does this, too.",
    ),
    # rows
    Check(
        "CM030",
        "error",
        "not a number",
        "The value cannot be read as a number. Thousands separators and units are not read; a text that "
        "means `no value` is declared under `[csv] null_values`.",
    ),
    Check("CM031", "error", "not finite", "Infinity and NaN are not observations."),
    Check("CM032", "error", "not a year", "A year is a whole number from 1000 to 9999."),
    Check("CM033", "error", "empty code", "A row without region, sector, indicator or year has no place."),
    Check("CM034", "error", "space around a code", "`KOR ` and `KOR` would be two regions."),
    Check("CM035", "error", "unknown status", "The status is none of the SDMX letters that capmap knows."),
    Check(
        "CM036",
        "error",
        "a value that should not be there",
        "The status says missing (L), not applicable (M) or suppressed (Q), yet there is a value.",
    ),
    Check(
        "CM037",
        "error",
        "no value, but a status that has one",
        "Only missing (L), not applicable (M) and suppressed (Q) go without a value. An empty value without "
        "a status is taken as missing (L).",
    ),
    Check("CM038", "error", "negative", "Counts and values are not below zero."),
    Check("CM039", "error", "above 100 per cent", "A share of a whole is never above 100."),
    Check("CM040", "error", "year out of bounds", "The indicator file states years that do not hold this one."),
    Check(
        "CM041",
        "warning",
        "thousands that read as decimals",
        "Every value with a point has three digits after it, as thousands are written where the comma is the "
        "decimal mark. Read as decimals they are a thousand times too small.",
    ),
    Check(
        "CM042",
        "error",
        "too large to add up, or too small",
        "Values so large, or all of them so small, that their sums and products are beyond what a computer can hold "
        "give no index.",
    ),
    # keys
    Check(
        "CM050",
        "error",
        "duplicate",
        "Two rows have the same region, sector, indicator and year. Adding or choosing would be a guess.",
    ),
    Check("CM051", "error", "unknown region", "The region is not in codes/regions.csv."),
    Check("CM052", "error", "unknown sector", "The sector is not in the indicator's classification."),
    Check("CM053", "error", "unknown indicator", "The indicator has no file in the catalogue."),
    # totals
    Check(
        "CM060",
        "error",
        "sector counted twice",
        "A sector stands beside a part of itself (its child in the classification). Sums would count the part twice.",
    ),
    Check(
        "CM061",
        "error",
        "region counted twice",
        "A region stands beside a part of itself (its child in regions.csv). Sums would count the part "
        "twice. Regions of role `reference` or `aggregate` are never added up, so they may stand there.",
    ),
    Check(
        "CM062",
        "warning",
        "total smaller than its sectors",
        "The published total `_T` is below the sum of its sectors by more than rounding explains. A total "
        "is only compared, never put beside its sectors into an index.",
    ),
    Check(
        "CM063",
        "note",
        "total larger than its sectors",
        "The published total `_T` is above the sum of its sectors: something is not in any sector shown.",
    ),
    Check(
        "CM064",
        "error",
        "reference smaller than its parts",
        "The published total of the world is below the sum of its regions by more than rounding explains, "
        "so one of them is wrong and every index with them.",
    ),
    Check(
        "CM065",
        "warning",
        "undeclared total among the regions",
        "One region nearly equals the sum of all others, or has a code that means the world. Counted as a "
        "region it halves every share. In small tables only regions called a total (`Total`, `Insgesamt`, "
        "`Ensemble` and the like) are looked at.",
    ),
    Check(
        "CM066",
        "warning",
        "undeclared total among the sectors",
        "One sector nearly equals the sum of all others in every region. Counted as a sector it halves every share.",
    ),
    # catalogue
    Check("CM070", "error", "names an unknown indicator", "An indicator file refers to one that is not there."),
    Check("CM071", "error", "names an unknown region", "An indicator's reference is not in regions.csv."),
    Check(
        "CM072",
        "warning",
        "intensity without denominator",
        "Without its denominator a ratio cannot be summed, weighted or rebuilt as a stock.",
    ),
    Check(
        "CM073",
        "warning",
        "mixed counting rules",
        "Indicators of one classification and unit count co-owned items differently, so they must not be "
        "compared by size.",
    ),
    Check(
        "CM074",
        "warning",
        "counting rule not declared",
        "The counts are not whole numbers but the indicator file does not say how items are shared.",
    ),
    Check("CM075", "note", "no observations of an indicator", "The catalogue describes it, the data lack it."),
    Check(
        "CM076",
        "error",
        "peers name an unknown region",
        "A region under `[peers]` is not in regions.csv, so it would be left out in silence.",
    ),
    # series
    Check(
        "CM080",
        "warning",
        "series that never moves",
        "Four or more years hold the same value to the last digit: often a value carried forward.",
    ),
    Check(
        "CM081",
        "warning",
        "two regions alike",
        "Two regions have the same values in five or more sectors of a year: often a row pasted twice.",
    ),
    Check(
        "CM082",
        "warning",
        "level break",
        "A value is more than five times, or less than a fifth of, that of the period before, both at least "
        "20. A known break is declared with status B.",
    ),
    Check(
        "CM083",
        "note",
        "declared level break",
        "As CM082, with status B: change and trend across it are suspended.",
    ),
    Check(
        "CM090",
        "note",
        "coverage",
        "The share of region x sector cells with a value, of the regions and sectors that the indicator has "
        "in any year.",
    ),
    Check(
        "CM091",
        "error",
        "no observations",
        "No file holds a row that could be read: all of them are empty below the header, or the only one is.",
    ),
    # composite indices
    _unreadable("CM100", "node named twice", "A node of an index has one table, and none has the name of the index."),
    _unreadable("CM101", "unknown parent of a node", "A parent is itself a node of the index, without an indicator."),
    _unreadable("CM102", "circle of nodes", "A node is its own ancestor, so that it hangs nowhere below the index."),
    _unreadable(
        "CM103",
        "node without content",
        "A node has an indicator, or nodes below it; what belongs to indicators says nothing on a node without one.",
    ),
    _unreadable(
        "CM104",
        "indicator used twice",
        "One indicator, sector and denominator stands in two places of an index: its weight would not be what it seems.",
    ),
    _unreadable(
        "CM105", "weights", "Weights are 0 or above, and those of the nodes of one parent add up to more than 0."
    ),
    Check(
        "CM106",
        "error",
        "index names what is not there",
        "An index refers to an indicator, a sector or a group of regions that the project does not have, or divides by an "
        "indicator that is no size.",
    ),
    _unreadable(
        "CM107",
        "normaliser without its bounds",
        "Goalposts need bounds and a distance needs its target, from the index or from the indicator.",
    ),
    _unreadable(
        "CM108",
        "mean without its key",
        "A generalised mean needs its exponent and an ordered weighted average its weights, one per node below; keys of "
        "one mean say nothing beside another.",
    ),
    _unreadable(
        "CM109",
        "scores that cannot be brought together so",
        "Places of regions have no distances and cannot be averaged; some means need values from 0 to 1, or one scale; "
        "benefit of the doubt weights an arithmetic mean.",
    ),
    _unreadable(
        "CM110",
        "weighting without what it rests on",
        "Weights from experts need their answers, and bounds on shares must leave room for shares that add up to 1; a "
        "weight says nothing where the nodes are weighted in another way.",
    ),
    _unreadable(
        "CM111",
        "answers of experts",
        "A row of a table of experts names nodes of the index and holds a number; every expert divides 100 points among all "
        "nodes of one parent.",
    ),
    _unreadable(
        "CM112",
        "comparisons that are incomplete or contradict themselves",
        "Of two nodes the one is as many times as important as the other as this is its inverse, and every pair that the "
        "method asks for is compared.",
    ),
    # sources that `capmap refresh` fetches
    _unreadable(
        "CM120",
        "source not fetched yet",
        "A source has no figures in `data/sources`: they come with the first `capmap refresh`.",
    ),
    _unreadable(
        "CM121",
        "source does not answer",
        "A source could not be fetched: no network, no such address, no permission, no valid certificate, or a server "
        "in trouble. What it gave last stays.",
    ),
    _unreadable(
        "CM122",
        "not the data expected",
        "A source answered with a web page, nothing, too much, a piece, or something else that is not its figures. What it "
        "gave last stays.",
    ),
    _unreadable(
        "CM123",
        "source does not fit its description",
        "A source lacks a column, holds several rows for one cell, or periods that are no years: it changed, or its table "
        "in `capmap.toml` is not right. What it gave last stays.",
    ),
    _unreadable(
        "CM124",
        "level of a source jumped",
        "Most figures of an indicator are more than five times, or less than a fifth of, what the source gave last, or than "
        "those of the year before: another unit, or a year that is not complete. `capmap refresh --accept ID` takes them.",
    ),
    Check(
        "CM125",
        "warning",
        "columns of a source came or went",
        "Columns that are not used; a new dimension could double rows.",
    ),
    Check(
        "CM126",
        "warning",
        "codes of a source went",
        "Codes that the source gave last are not in it any more. Where new ones came, they may be the same under another "
        "name: map them under `codes`.",
    ),
    Check(
        "CM127",
        "warning",
        "went on with old figures",
        "A source failed, and `on_failure` says to go on with what it gave last.",
    ),
    Check(
        "CM128",
        "warning",
        "figures of a source are old",
        "They have not changed for longer than `max_age` days. Where the source fails too, they are not gone on with.",
    ),
    # watch rules
    _unreadable(
        "CM130", "condition of a watch rule", "A condition is a measure, a sign and a bound, or a measure alone."
    ),
    Check("CM131", "error", "watches what is not there", "A watch rule names a code that the project does not have."),
    _unreadable(
        "CM140",
        "frozen scale",
        "The frozen scale of an index is not JSON, has other keys or another version, or is not as it was frozen: its hash "
        "does not match its content. Scores on it would not be comparable, so it is not used.",
    ),
    Check(
        "CM141",
        "warning",
        "frozen scale without index",
        "A frozen scale lies beside no index file of its name; it is not used.",
    ),
    _unreadable(
        "CM142",
        "result that cannot be measured",
        "A `result` is measured over all sectors of a count or value: of an indicator without sectors, of a ratio or a "
        "judgement there is none. It is neither divided nor imputed, and it has no sector of its own.",
    ),
)

CHECKS: dict[str, Check] = {check.code: check for check in _TABLE}

_ORDER: dict[str, int] = {"error": 0, "warning": 1, "note": 2}


def finding(
    code: str,
    message: str,
    fix: str,
    *,
    file: str | None = None,
    line: int | None = None,
    column: str | None = None,
    value: str | None = None,
    count: int = 1,
) -> Finding:
    """A finding with the severity that the table gives its code."""
    return Finding(
        code=code,
        severity=CHECKS[code].severity,
        message=message,
        fix=fix,
        file=file,
        line=line,
        column=column,
        value=value,
        count=count,
    )


def more(code: str, rest: int, file: str, line: int, column: str | None) -> Finding:
    """The finding that stands for the rows beyond `LISTED`, placed at the first of them."""
    message = f"{rest:,} more row{'s' if rest != 1 else ''} like these"
    return finding(code, message, "as for the others", file=file, line=line, column=column, count=rest)


def not_opened(error: OSError, name: str) -> Finding:
    """The finding for a file or folder that is there but cannot be opened."""
    return finding(
        "CM006",
        f"{name} cannot be read: {error.strerror or error}",
        "allow your account to read it" if isinstance(error, PermissionError) else "check the file",
        file=name,
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings sorted: errors first, then by code, file, line and message."""
    return tuple(
        sorted(
            findings,
            key=lambda f: (
                _ORDER[f.severity],
                f.code,
                f.file or "",
                f.line or 0,
                f.column or "",
                f.message,
            ),
        )
    )


def findings_frame(findings: Iterable[Finding]) -> pl.DataFrame:
    """Findings as a table: code, severity, message, file, line, column, value, fix, count; errors first."""
    import polars as pl

    columns = ("code", "severity", "message", "file", "line", "column", "value", "fix", "count")
    assert set(columns) == {f.name for f in fields(Finding)}
    types = {"line": pl.Int64, "count": pl.Int64}
    ordered = in_order(findings)
    return pl.DataFrame(
        {name: [getattr(f, name) for f in ordered] for name in columns},
        schema={name: types.get(name, pl.String) for name in columns},
    )


def is_unreadable(item: Finding) -> bool:
    """Whether a finding means that input could not be understood (exit code 3)."""
    return CHECKS[item.code].unreadable


def unreadable(findings: Sequence[Finding]) -> UnreadableError:
    """The error that carries all findings; its own words are those of a single one."""
    ordered = in_order(findings)
    worst = [f for f in ordered if is_unreadable(f)]
    if len(worst) == 1:
        (only,) = worst
        return UnreadableError(only.message, where=where(only), fix=only.fix, findings=ordered)
    files = {f.file for f in worst if f.file}
    return UnreadableError(
        f"{sum(f.count for f in worst):,} problems in {len(files):,} file{'s' if len(files) != 1 else ''}",
        where=", ".join(sorted(files)) or None,
        fix=worst[0].fix,
        findings=ordered,
    )


def checks_failed(findings: Sequence[Finding]) -> ChecksFailedError:
    """The error that carries all findings; it counts the places at fault, not the findings that name them.

    Examples
    --------
    >>> twice = finding("CM050", "m", "f"), finding("CM050", "m", "f", count=199_998)
    >>> checks_failed(twice).message, checks_failed([finding("CM091", "m", "f")]).message
    ('the data fail 1 check in 199,999 places', 'the data fail 1 check')
    """
    error = ChecksFailedError(in_order(findings))
    bad = [f for f in error.findings if f.severity == "error"]
    checks, places = len({f.code for f in bad}), sum(f.count for f in bad)
    error.message = f"the data fail {checks:,} check{'s' if checks != 1 else ''}"
    if places > checks:
        error.message += f" in {places:,} places"
    error.args = (error.message,)
    return error


def where(item: Finding) -> str | None:
    """Place of a finding as `data/exports.csv, line 18, column value`.

    Examples
    --------
    >>> where(finding("CM030", "m", "f", file="a.csv", line=18, column="value"))
    'a.csv, line 18, column value'
    """
    parts = [
        item.file,
        None if item.line is None else f"{_line_word(item.file)} {item.line}",
        None if item.column is None else f"{_column_word(item.file)} {item.column}",
    ]
    return ", ".join(part for part in parts if part) or None


def _line_word(file: str | None) -> str:
    return "row" if file and Path(file).suffix in (".parquet", ".xlsx") else "line"


def _column_word(file: str | None) -> str:
    return "key" if file is None or file.endswith(".toml") else "column"
