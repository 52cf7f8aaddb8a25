"""What changed, in words: what a reader would have quoted first, then region by region, then the cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import layout, numbers, tables, words
from capmap.report.tables import Column

CAUSES = {
    "data_revision": "data revision", "new_period": "new period", "definitions": "changed definitions",
    "parameters": "parameter change", "program_version": "program version",
}  # fmt: skip
MEASURES = {
    "rca": "RCA", "eci": "ECI", "pci": "PCI", "density": "density", "intensity": "intensity", "score": "score",
}  # fmt: skip
HEADLINES = {
    "gained": "is now established", "lost": "is no longer established", "first": "is now first",
    "not_first": "is no longer first",
}  # fmt: skip
#: Codes that are named one by one.
SAID = 20
HOW = {
    "inspected": "Where several causes are named they could not be told apart: the inputs of one side were not kept, or the "
    "crossed combinations cannot be computed.",
    "recomputed": "Where several causes were possible the crossed combinations were computed; the cause named is the one that "
    'moved the figure most, or turned the class. With an "or" they could not be told apart.',
}


def opening(result: Result) -> str:
    """The first sentence: whether anything that a reader would have quoted changed."""
    cells = result.tables["cells"]
    n, counting = result.meta["headlines"], int(cells["counts"].sum())
    small = cells.height - counting
    first = f"{words.counted(n, 'headline')} changed" if n else "no headline changed"
    if not cells.height:
        return f"{first}; every figure compared is the same"
    beyond = f"{words.counted(counting, 'figure')} beyond the noise" if counting else "no figure beyond the noise"
    found = cells.filter("counts")["cause"].unique().to_list()
    by = _cause(found[0], ", all by " if counting > 1 else ", by ") if len(found) == 1 else ""
    return f"{first}; {beyond}{by}" + (f"; {small:,} within it" if small else "")


def watch_lines(result: Result) -> list[str]:
    """A line for each rule that was crossed; the crossed stand first."""
    return [watched(row, _place(result, row)) for row in result.tables["watch"].filter("crossed").iter_rows(named=True)]


def watched(row: Mapping[str, Any], place: str | None = None) -> str:
    """What became of a watched figure; without a `place` by its codes."""
    codes = (row["region"], row["sector"], f"({row['indicator']})")
    measure, condition = row["measure"], row["condition"].strip()
    if condition.isidentifier():
        state = f"{measure} changed"
    else:
        said = condition if condition.startswith(measure) else f"{measure} {condition}"
        state = said if row["now"] else f"{said} no longer"
    figures = f"{_figure(row['before'])} before, {_figure(row['after'])} now"
    return f"watch {row['rule']}: {place or ' '.join(filter(None, codes))}: {state} ({figures})"


def headline_lines(result: Result, limit: int | None = None) -> list[str]:
    """A line for each headline, so many of them."""
    rows = result.tables["cells"].filter(pl.col("headline").is_not_null())
    shown = rows if limit is None else rows.head(limit)
    lines = [_headline(result, row) for row in shown.iter_rows(named=True)]
    rest = rows.height - shown.height
    return lines + ([f"{words.counted(rest, 'more headline')}: `--all` shows them"] if rest else [])


def _headline(result: Result, row: Mapping[str, Any]) -> str:
    said = HEADLINES[row["headline"]]
    what = MEASURES[row["measure"]]
    before, after = numbers.index(row["before"]), numbers.index(row["after"])
    figures = f"{what} {after} as before" if before == after else f"{what} {before} to {after}"
    if row["headline"] in ("first", "not_first"):
        said = f"{said} in {what}"
        figures = f"rank {numbers.rank(row['rank_before'])} to {numbers.rank(row['rank_after'])}"
    elif row["headline"] == "lost":
        said += f" (now {_class(row['class_after']) or 'without a figure'})"
    return f"{_place(result, row)} {said}: {figures}, {_years(row)}{_cause(row['cause'], ', by ')}"


def region_lines(result: Result, limit: int | None = None) -> list[str]:
    """A sentence for each region in which a change counts; the others in one sentence."""
    labels = result.meta["labels"].get("regions", {})
    table = result.tables["regions"]
    told = table.filter(pl.col("counting") > 0)
    lines = []
    for row in told.head(limit or told.height).iter_rows(named=True):
        name = labels.get(row["region"], row["region"])
        parts = [f"{words.counted(row['counting'], 'figure')} changed beyond the noise"]
        if row["classes"]:
            every = "all in class" if row["counting"] > 1 else "in class"
            parts.append(f"{row['classes']} in class" if row["classes"] < row["counting"] else every)
        if row["headlines"]:
            parts.append(words.counted(row["headlines"], "headline"))
        lines.append(f"{name}: {', '.join(parts)}{_cause(row['cause'], ' (')}{')' if row['cause'] else ''}.")
    rest = told.height - len(lines)
    if rest:
        lines.append(f"{words.counted(rest, 'more region')}: `--all` shows them.")
    quiet = table.height - told.height
    if quiet:
        lines.append(f"{words.counted(quiet, 'region')}: changes within the noise only.")
    return lines


def data_lines(result: Result) -> list[str]:
    """What is new, gone and revised in the observations and code lists."""
    lines = []
    for (name,), rows in result.tables["observations"].partition_by(
        "indicator", as_dict=True, maintain_order=True
    ).items():  # fmt: skip
        parts = []
        new = rows.filter("new_period")
        if new.height:
            years = [str(year) for year in new["year"].unique().sort().to_list()]
            parts.append(f"new period {words.joined(years)} ({words.counted(int(new['rows'].sum()), 'row')})")
        for change in ("revised", "new", "vanished"):
            own = rows.filter((pl.col("change") == change) & ~pl.col("new_period"))
            if own.height:
                parts.append(f"{words.counted(int(own['rows'].sum()), 'row')} {change}")
        lines.append(f"{name}: {', '.join(parts)}.")
    for (name, change), rows in result.tables["codes"].partition_by(
        "list", "change", as_dict=True, maintain_order=True
    ).items():  # fmt: skip
        codes = rows["code"].to_list()
        more = f" and {len(codes) - SAID} more" if len(codes) > SAID else ""
        lines.append(f"{name}: {change} {', '.join(codes[:SAID])}{more}.")
    return lines


def caption(result: Result) -> list[str]:
    """What was compared, and how causes were told apart."""
    asked = result.meta["parameters"]
    lines = [
        f"{asked['before']} -> {asked['after']}; a change counts outside the earlier range or in another class, without "
        f"a range beyond {asked['tolerance']:.3%}".replace(".000%", "%")
    ]
    said = HOW.get(result.meta["decomposition"])
    return [*lines, said] if said else lines


def columns(result: Result, width: int) -> list[Column]:
    """Columns of the table of cells on a terminal; a cause that all share goes first, as the first sentence names it."""
    labels = result.meta["labels"]
    several = result.tables["cells"].filter("counts")["cause"].n_unique() > 1
    return [
        Column("measure", lambda r: MEASURES[r["measure"]], key=True, whole=True),
        Column("indicator", lambda r: r["indicator"] or "", spare=3),
        tables.labelled("region", "region", labels.get("regions", {}), width >= tables.CODES_FROM),
        tables.labelled("sector", "sector", labels.get("sectors", {}), width >= tables.CODES_FROM),
        Column("year", _years, whole=True),
        tables.of("before", "before", numbers.index),
        tables.of("after", "after", numbers.index),
        Column("range before", lambda r: numbers.interval(r["low_before"], r["high_before"]), right=True, spare=2),
        Column("class", _classes if width >= tables.CODES_FROM else _class_now, whole=True),
        Column("rank", _ranks, right=True, spare=1),
        Column("cause", lambda r: _cause(r["cause"]), whole=True, spare=0 if several else 4),
    ]


def _classes(row: Mapping[str, Any]) -> str:
    before, after = (_class(row[name]) for name in ("class_before", "class_after"))
    return before if before == after else f"{before or numbers.NOTHING} to {after or numbers.NOTHING}"


def _class_now(row: Mapping[str, Any]) -> str:
    """The later class, where there is no room for both."""
    after = _class(row["class_after"])
    return after if row["class_before"] == row["class_after"] else f"now {after or 'no figure'}"


def _class(name: str | None) -> str:
    return "" if name is None else words.CLASS_WORDS.get(name, name.replace("_", " "))


def _ranks(row: Mapping[str, Any]) -> str:
    before, after = row["rank_before"], row["rank_after"]
    return numbers.rank(after) if before == after else f"{numbers.rank(before)} to {numbers.rank(after)}"


def _years(row: Mapping[str, Any]) -> str:
    before, year = row["year_before"], row["year"]
    if year is None:
        return "one period"
    return str(year) if before in (None, year) else f"{before} to {year}"


def _cause(text: str | None, lead: str = "") -> str:
    if not text:
        return ""
    return lead + " or ".join(CAUSES.get(name, name) for name in text.split(";"))


def _figure(text: str | None) -> str:
    if text is None:
        return "no figure"
    try:
        return numbers.index(float(text)) if "." in text or "e" in text else text
    except ValueError:
        return _class(text)


def _place(result: Result, row: Mapping[str, Any]) -> str:
    labels = result.meta["labels"]
    region, sector = row["region"], row["sector"]
    named = [labels.get("regions", {}).get(region, region or "")]
    if sector and sector != row["indicator"]:  # the root of an index is the index
        named.append(labels.get("sectors", {}).get(sector, sector))
    return f"{', '.join(part for part in named if part)} ({row['indicator']})"


def show(console: Console, result: Result, limit: int | None) -> None:
    """The comparison on a terminal; `limit` is the number of headlines, regions and rows that are shown."""
    console.print(Text(sentence(opening(result)), style="bold"))
    for row in (*watch_lines(result), *headline_lines(result, limit)):
        console.print(layout.note("-", row))
    for part in (region_lines(result, limit), data_lines(result)):
        if part:
            console.print()
        for row in part:
            console.print(Text(row))
    counting = result.tables["cells"].filter("counts")
    if counting.height:
        console.print()
        tables.show(console, counting, columns(result, console.width), (), limit)
    console.print()
    for row in caption(result):
        console.print(Text(row, style="dim"))


def sentence(text: str) -> str:
    """A sentence with a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."


def markdown(result: Result) -> str:
    """The comparison as Markdown: the words of the screen, and every change that counts."""
    asked = result.meta["parameters"]
    parts = [
        f"# Changes from {_md(asked['before'])} to {_md(asked['after'])}",
        f"{_md(sentence(opening(result)))}",
    ]
    for title, lines in (
        ("Watched", watch_lines(result)), ("Headlines", headline_lines(result)), ("Regions", region_lines(result)),
        ("Data", data_lines(result)),
    ):  # fmt: skip
        if lines:
            parts.append(f"## {title}\n\n" + "\n".join(f"- {_md(line)}" for line in lines))
    counting = result.tables["cells"].filter("counts")
    if counting.height:
        parts.append("## Figures\n\n" + _md_table(counting, columns(result, 10_000)))
    parts.append("\n\n".join(_md(line) for line in caption(result)))
    return "\n\n".join(parts) + "\n"


def _md_table(frame: pl.DataFrame, chosen: Sequence[Column]) -> str:
    head = f"| {' | '.join(column.title for column in chosen)} |"
    sides = f"| {' | '.join('---:' if column.right else ':---' for column in chosen)} |"
    rows = [
        f"| {' | '.join(_md(str(column.write(row))) for column in chosen)} |" for row in frame.iter_rows(named=True)
    ]
    return "\n".join([head, sides, *rows])


def _md(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    plain = re.sub(r"[\r\n\x0b\x0c\x85\u2028\u2029]+", " ", text)
    escaped = re.sub(r"([\\|`*\[\]<>~#])", r"\\\1", plain)
    return re.sub(r"&(#?\w+;)", r"&amp;\1", escaped)
