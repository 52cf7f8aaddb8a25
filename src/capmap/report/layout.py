"""What the screens share: the view, titles, lines with a heading, tables of fixed columns, ages and citations."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import polars as pl
from rich.text import Text

from capmap.model import Indicator, Project, Result
from capmap.report import numbers, words
from capmap.report.numbers import Symbols

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

#: Width of the headings at the left, with the blank behind them.
HEAD = 11
#: Narrowest that the first column of a table becomes.
NARROWEST = 8
#: Commands that take `--level`.
LEVELLED = ("rca", "profile", "compare", "sector", "complexity", "opportunities")
#: Narrowest screen on which remarks stand beside names; below it a legend explains the marks alone.
REMARKS_FROM = 84


@dataclass(frozen=True)
class View:
    """What every section needs to write itself."""

    project: Project
    result: Result
    labels: Mapping[str, str]
    sectors: Mapping[str, Mapping[str, str]]
    marks: Symbols
    today: int
    width: int
    everything: bool
    source: tuple[str, ...] = ()  #: what names these data on the command line
    level: str | None = None  #: level that was added up to
    limits: Any = None  #: rows that blocks may take, as the page that is drawn defines them
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)

    @property
    def cut(self) -> str:
        """How a text that is too long ends."""
        return "…" if self.marks is numbers.UNICODE else ".."

    def command(self, *words_: str) -> str:
        """`capmap WORDS` on the same data and level, as it can be typed into a shell."""
        level = ("--level", self.level) if self.level and words_[0] in LEVELLED else ()
        return shlex.join(("capmap", *words_, *self.source, *level))

    @property
    def asked(self) -> str | None:
        """The year that was asked for; None for the latest."""
        year = str(self.result.meta["parameters"]["year"])
        return None if year in ("latest", "None") else year

    def table(self, name: str) -> pl.DataFrame:
        """One table of the result."""
        return self.result.tables[name]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Rows of one table of the result, taken out of its frame once."""
        if name not in self._rows:
            self._rows[name] = self.table(name).rows(named=True)
        return self._rows[name]

    def region(self, code: str) -> str:
        """Label of a region."""
        return self.labels.get(code, code)

    def sector(self, indicator: str, code: str) -> str:
        """Label of a sector in the classification of an indicator."""
        return self.sectors.get(indicator, {}).get(code, code)

    def phrase(self, indicator: str, code: str) -> str:
        """Label of a sector inside a sentence; a code that stands for itself stays as it is written."""
        label = self.sector(indicator, code)
        return label if label == code else words.lower_first(label)

    def reference(self, indicator: str) -> Mapping[str, Any]:
        """Kind and label of what an indicator was compared with."""
        blocks = self.result.meta["blocks"]
        found: Mapping[str, Any] = next((b["reference"] for b in blocks if b["indicator"] == indicator), {})
        return found

    def world(self, indicator: str) -> str:
        """What shares are shares of: `world`, `these 4 regions`, `the reference`."""
        found = self.reference(indicator)
        if found.get("kind") == "sum":
            return "these " + str(found["label"]).removeprefix("sum of the ")
        return "world" if found.get("kind") in ("published", None) else "the reference"

    def share_title(self, indicator: str) -> str:
        """Heading of a column of such shares."""
        return words.share_title(self.reference(indicator).get("kind"))

    def meta(self, indicator: str) -> Indicator:
        """Catalogue entry of an indicator."""
        return self.project.catalogue[indicator]

    def age(self, year: int | None) -> str:
        """`8 years ago` for figures older than the limit."""
        return words.age(year, self.today, self.project.run.profile.old_after)


def view(
    project: Project, result: Result, *, labels: Mapping[str, str], sectors: Mapping[str, Mapping[str, str]],
    encoding: str | None, today: int, width: int, everything: bool = False, ascii_only: bool = False,
    source: Sequence[str] = (), level: str | None = None,
) -> View:  # fmt: skip
    """Everything the sections look at; `source` and `level` are what commands that a screen proposes need as well."""
    marks = numbers.symbols(encoding, ascii_only)
    return View(project, result, labels, sectors, marks, today, width, everything, tuple(source), level)


def titled(seen: View, left: Text, *remarks: str) -> Text:
    """A title with the first of some grey remarks at the right end that there is room for."""
    for right in remarks:
        gap = seen.width - left.cell_len - len(right)
        if gap >= 2:
            return left.append(" " * gap).append(right, style="bright_black")
    return left


def state(seen: View) -> tuple[str, ...]:
    """Which data are shown and whether they pass the checks, from the longest to the shortest."""
    serious = sum(f.severity == "warning" for f in seen.project.findings)
    checked = words.counted(serious, "warning") if serious else "checks ok"
    single = "--data" in seen.source
    name = "sample project" if seen.project.bundled else seen.project.root.resolve().name
    if single:
        name = seen.source[seen.source.index("--data") + 1].rpartition("/")[2]
    data = f"data {fingerprint(seen.project)}"
    told = [f"{name}  {data}  {checked}", f"{data}  {checked}", checked]
    return (f"{told[0]}: {seen.command('check')}", *told) if serious else tuple(told)


def fingerprint(project: Project) -> str:
    """Seven letters that change with any input file."""
    import hashlib

    return hashlib.sha256("".join(f.sha256 for f in project.files).encode()).hexdigest()[:7]


@dataclass(frozen=True)
class Line:
    """A heading with text beside it, wrapped under itself."""

    head: str
    text: str
    indent: int = HEAD
    styles: tuple[str, str] = ("bold", "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        (first, style), width = self.styles, self.indent
        wrapped = Text(self.text, style=style).wrap(console, max(options.max_width - width, 1), overflow="fold")
        whole = Text(no_wrap=True, end="")
        for place, part in enumerate(wrapped):
            part.rstrip()
            whole.append(f"{'' if place else self.head:<{width - 1}} ", style="" if place else first).append_text(part)
            whole.append("\n")
        yield whole


def line(head: str, text: str) -> Line:
    """A heading with text beside it, wrapped under itself."""
    return Line(head, text)


def note(mark: str, text: str, style: str = "") -> Line:
    """A remark under a table, beside a mark, wrapped under itself."""
    return Line(f"  {mark}", text, 4, ("yellow", style))


class Column(NamedTuple):
    """A column of a screen table: its title, how it is justified, and the width it has at least."""

    title: str
    justify: Literal["left", "right"] = "right"
    width: int = 0
    spare: int = 0  #: columns with a number go where the screen is too narrow for all, the highest first


def grid(
    seen: View,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Text]],
    first: int,
    most: int = 44,
) -> Text:
    """A table whose first column takes what is left, `first` to `most`, and ends in an ellipsis where that is too little.

    The other columns are as wide as what they hold, so that no number is ever cut: where they leave less than `first`,
    those to spare go, then the first column gives way, and in the end there are several tables under each other.
    """
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    widths = _widths(columns, cells)
    kept = list(range(len(columns)))
    while first + sum(widths[k] + 1 for k in kept[1:]) > seen.width:
        last = max(kept, key=lambda k: columns[k].spare)
        if not columns[last].spare:
            break
        kept.remove(last)
    rest = sum(widths[k] + 1 for k in kept[1:])
    if rest + NARROWEST > seen.width and len(kept) > 2:
        tables = stacked(seen, [columns[k] for k in kept], [[row[k] for k in kept] for row in cells], NARROWEST, most)
        return Text().join(tables)
    widths[0] = min(max(first, min(most, seen.width - rest)), max(seen.width - rest, NARROWEST))
    whole = Text(no_wrap=True, overflow="ignore", end="")
    titles = [Text(column.title, style="bright_black") for column in columns]
    for row in (titles, *cells):
        own = Text()
        for place, k in enumerate(kept):
            own.append(" " if place else "").append_text(_justified(row[k], widths[k], columns[k].justify, seen.cut))
        own.rstrip()
        whole.append_text(own).append("\n")
    return whole


def stacked(
    seen: View,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Text]],
    first: int,
    most: int = 44,
    tail: int = 0,
) -> list[Text]:
    """A table of regions side by side, in as few tables under each other as fit without a number being cut.

    The first column stands in each, the last `tail` columns in the last.
    """
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    widths = _widths(columns, cells)
    end = len(columns) - tail
    middle, after = list(range(1, end)), list(range(end, len(columns)))
    for parts in range(1, len(middle) + 1):
        size = -(-len(middle) // parts)
        groups = [middle[k : k + size] for k in range(0, len(middle), size)]
        groups[-1] = groups[-1] + after
        if all(first + sum(widths[k] + 1 for k in group) <= seen.width for group in groups):
            break
    tables = [
        grid(seen, [columns[k] for k in (0, *group)], [[row[k] for k in (0, *group)] for row in cells], first, most)
        for group in groups
    ]
    return [part for table in tables for part in (Text("\n", end=""), table)][1:]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    return [
        max(column.width, len(column.title), *(row[k].cell_len for row in rows), 0) for k, column in enumerate(columns)
    ]


def _justified(text: Text, width: int, justify: Literal["left", "right"], cut: str) -> Text:
    own = text.copy()
    if own.cell_len > width:
        own.truncate(max(width - len(cut), 0), overflow="crop")
        own.append(cut)
    gap = width - own.cell_len
    if justify == "right":
        own.pad_left(gap)
    else:
        own.pad_right(gap)
    return own


def ages(seen: View, shown: Sequence[tuple[str, int | None]], last: Mapping[str, int | None]) -> list[str]:
    """A sentence for every year of old figures: `Families and articles end in 2018, 8 years ago.`

    A year that was chosen, or after which the data go on (`last` has the last year of an indicator), is no end:
    `Families and articles: figures of 2008, 18 years ago.`
    """
    found: dict[tuple[int, bool], list[str]] = {}
    for indicator, year in shown:
        if year is not None and seen.age(year):
            goes_on = seen.asked is not None or (last.get(indicator) or year) > year
            found.setdefault((year, goes_on), []).append(seen.meta(indicator).noun)
    return [
        f"{capital(words.joined(sorted(nouns, reverse=True)))}"
        f"{': figures of' if goes_on else ' end in'} {year}, {seen.age(year)}."
        for (year, goes_on), nouns in sorted(found.items())
    ]


def capital(text: str) -> str:
    """A text with a capital first letter, the others as they are."""
    return text[:1].upper() + text[1:]


def basis(block: Mapping[str, Any]) -> str:
    """Years that the figures of a block are sums of: `2020-2022`; empty where it is one year, or none.

    >>> basis({"periods": [2020, 2021, 2022]}), basis({"periods": [2018]})
    ('2020-2022', '')
    """
    years = [year for year in block["periods"] if year is not None]
    return f"{years[0]}-{years[-1]}" if len(years) > 1 else ""


def sums(seen: View) -> list[str]:
    """A sentence for every block whose indices and shares are of several years, while sizes are of one."""
    found: dict[str, list[str]] = {}
    for block in seen.result.meta["blocks"]:
        if basis(block):
            found.setdefault(basis(block), []).append(seen.meta(block["indicator"]).noun)
    return [
        f"{capital(words.joined(nouns))}: indices and shares of fields are of the sum of {years}, totals of its last year."
        for years, nouns in found.items()
    ]


def range_says(block: Mapping[str, Any]) -> str:
    """Which error the ranges of a block hold, in a few words."""
    if block["kind"] != "count":
        return "ranges span the years of the window" if len(block["periods"]) > 1 else "one period: no range"
    if block["dispersion"]["method"] == "estimated" and block["dispersion"]["phi"] > 1:
        return "ranges include year-to-year noise"
    return "ranges hold counting error only"


def short(producer: str) -> str:
    """Abbreviation in brackets if the name gives one, else the name."""
    inside = producer[producer.rfind("(") + 1 : producer.rfind(")")] if "(" in producer and ")" in producer else ""
    return inside or producer


def cite_all(seen: View) -> str:
    """Citations short enough for one screen, tables of one producer together; `--all` prints them whole."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in seen.rows("sources"):
        producer = short(row["producer"]) if row["producer"] else row["title"]
        licence = (row["licence"] or "terms not stated").split(",")[0].split(";")[0]
        found.setdefault((producer, licence), []).extend([row["table"]] if row["table"] else [])
    return "; ".join(
        f"{who} {', '.join(tables)} ({terms})".replace("  ", " ") for (who, terms), tables in found.items()
    )


def references(seen: View) -> list[str]:
    """A line for every reference that is not the published world."""
    found: dict[str, list[str]] = {}
    for block in seen.result.meta["blocks"]:
        if block["reference"]["kind"] not in ("published", "sum"):
            found.setdefault(block["reference"]["label"], []).append(seen.meta(block["indicator"]).noun)
    return [
        f"Reference of {words.joined(nouns)}: {label}; RCA and shares of fields are against it."
        for label, nouns in found.items()
    ]
