"""What the screens share: the view, titles, lines with a heading, tables of fixed columns, ages and citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from rich.table import Table
from rich.text import Text

from capmap.model import Indicator, Project, Result
from capmap.report import numbers, words
from capmap.report.numbers import Symbols


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
    limits: Any = None  #: rows that blocks may take, as the page that is drawn defines them

    @property
    def cut(self) -> Literal["ellipsis", "crop"]:
        """How a text that is too long ends."""
        return "ellipsis" if self.marks is numbers.UNICODE else "crop"

    def table(self, name: str) -> pl.DataFrame:
        """One table of the result."""
        return self.result.tables[name]

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
        kind = self.reference(indicator).get("kind")
        return {"published": "world%", "sum": "table%"}.get(str(kind), "ref.%")

    def meta(self, indicator: str) -> Indicator:
        """Catalogue entry of an indicator."""
        return self.project.catalogue[indicator]

    def age(self, year: int | None) -> str:
        """`8 years ago` for figures older than the limit."""
        return words.age(year, self.today, self.project.run.profile.old_after)


def view(
    project: Project, result: Result, *, labels: Mapping[str, str], sectors: Mapping[str, Mapping[str, str]],
    encoding: str | None, today: int, width: int, everything: bool = False, ascii_only: bool = False,
) -> View:  # fmt: skip
    """Everything the sections look at."""
    return View(project, result, labels, sectors, numbers.symbols(encoding, ascii_only), today, width, everything)


def titled(seen: View, left: Text, right: str) -> Text:
    """A title with a grey remark at the right end, where there is room for it."""
    gap = seen.width - left.cell_len - len(right)
    return left.append(" " * gap).append(right, style="bright_black") if gap >= 2 else left


def state(seen: View) -> str:
    """Which data are shown and whether they pass the checks."""
    serious = sum(f.severity == "warning" for f in seen.project.findings)
    checked = f"{serious} warnings: capmap check" if serious else "checks ok"
    name = "sample project" if seen.project.bundled else seen.project.root.resolve().name
    return f"{name}  data {fingerprint(seen.project)}  {checked}"


def fingerprint(project: Project) -> str:
    """Seven letters that change with any input file."""
    import hashlib

    return hashlib.sha256("".join(f.sha256 for f in project.files).encode()).hexdigest()[:7]


def line(head: str, text: str) -> Table:
    """A heading with text beside it, wrapped under itself."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=10, no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_row(Text(head, style="bold"), Text(text))
    return table


def grid(
    seen: View,
    columns: Sequence[tuple[str, str, int]],
    rows: Sequence[Sequence[str | Text]],
    first: int,
    most: int = 44,
) -> Table:
    """A table whose first column takes what is left, `first` to `most`; columns are (title, justify, width)."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bright_black", padding=(0, 1, 0, 0))
    rest = sum(width + 1 for _, _, width in columns[1:])
    table.add_column(columns[0][0], width=max(first, min(most, seen.width - rest - 1)), no_wrap=True, overflow=seen.cut)
    for title, justify, width in columns[1:]:
        table.add_column(title, justify=justify, width=width, no_wrap=True, overflow=seen.cut)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def ages(seen: View, ends: Sequence[tuple[str, int | None]]) -> list[str]:
    """A sentence for every year in which old series end: `Families and articles end in 2018, 8 years ago.`"""
    found: dict[int, list[str]] = {}
    for indicator, year in ends:
        if year is not None and seen.age(year):
            found.setdefault(year, []).append(seen.meta(indicator).noun)
    return [
        f"{words.joined(sorted(nouns, reverse=True)).capitalize()} end in {year}, {seen.age(year)}."
        for year, nouns in sorted(found.items())
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
    for row in seen.table("sources").iter_rows(named=True):
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
        f"Reference of {words.joined(nouns)}: {label}; shares and RCA are against it." for label, nouns in found.items()
    ]
