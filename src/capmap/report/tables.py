"""Results as tables on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from capmap.model import Result
from capmap.report import numbers, words

#: Styles by class; the word says the same, so nothing is lost without colour.
CLASS_STYLE = {
    "established": "bold green", "indicated": "green", "uncertain": "yellow", "below": "dim", "none": "dim"
}  # fmt: skip


#: Terminal width from which codes stand beside the labels.
CODES_FROM = 110
#: Narrowest that a text column becomes.
LEAST_TEXT = 6


@dataclass(frozen=True)
class Column:
    """One column of a terminal table: what it is called, where it comes from and how it is written."""

    title: str
    write: Callable[[Mapping[str, Any]], str | Text]
    right: bool = False
    whole: bool = False  #: text that is never cut


def of(name: str, title: str, how: Callable[[Any], str]) -> Column:
    """A right-aligned number column."""
    return Column(title, lambda row: how(row[name]), right=True)


def labelled(name: str, title: str, labels: Mapping[str, str], codes: bool = True) -> Column:
    """A label with its code in grey; without the code where the screen is narrow."""

    def write(row: Mapping[str, Any]) -> Text:
        code = row[name] or ""
        label = labels.get(code, code)
        text = Text(label)
        if label != code and codes:
            text.append(f" {code}", style="bright_black")
        return text

    return Column(title, write)


def judged(row: Mapping[str, Any]) -> Text:
    """The class in words, with its colour; a star where it hangs on one other region in the reference."""
    kind = row["class"]
    text = Text(words.CLASS_WORDS.get(kind, kind or numbers.NOTHING), style=CLASS_STYLE.get(kind, ""))
    return text.append("*") if "depends_on" in (row["note"] or "") else text


def _hidden(row: Mapping[str, Any], text: str) -> str:
    """An index is not shown where too little is expected."""
    return numbers.NOTHING if "below_floor" in (row["note"] or "") else text


def rca_columns(
    regions: Mapping[str, str], sectors: Mapping[str, str], several: bool, width: int = 120
) -> list[Column]:
    """The seven columns of `capmap rca` on a terminal, and the indicator and year where there are several."""
    first = [
        Column("indicator", lambda r: r["indicator"]),
        Column("year", lambda r: "" if r["year"] is None else str(r["year"])),
    ]
    share = [of("share_world", "world %", numbers.per_cent)] if width >= 72 else []
    return [
        *(first if several else []),
        labelled("region", "region", regions, width >= CODES_FROM),
        labelled("sector", "sector", sectors, width >= CODES_FROM),
        of("value", "value", numbers.amount),
        *share,
        Column("RCA", lambda r: _hidden(r, numbers.index(r["rca"])), right=True),
        Column("range", lambda r: _hidden(r, numbers.interval(r["rca_low"], r["rca_high"])), right=True),
        Column("class", judged, whole=True),
    ]


def wide_columns(frame: pl.DataFrame, regions: Mapping[str, str], sectors: Mapping[str, str]) -> list[Column]:
    """Every column of a frame, numbers to four significant digits."""
    columns = []
    for name, kind in frame.schema.items():
        if name == "region":
            columns.append(labelled(name, name, regions))
        elif name == "sector":
            columns.append(labelled(name, name, sectors))
        elif kind.is_float():
            columns.append(of(name, name, _significant))
        elif kind.is_integer():
            columns.append(of(name, name, lambda v: numbers.NOTHING if v is None else str(v)))
        else:
            columns.append(Column(name, lambda r, name=name: r[name] or ""))  # type: ignore[misc]
    return columns


def _significant(value: float | None) -> str:
    if value is None:
        return numbers.NOTHING
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def grid(
    frame: pl.DataFrame, columns: Sequence[Column], limit: int | None = None, fold: bool = False, width: int = 120
) -> Table:
    """A rich table of a frame, cells never read as markup.

    Numbers are never cut: what a narrow screen takes away it takes from the widest text columns, which end in an
    ellipsis or, with `fold`, wrap.
    """
    shown = frame if limit is None else frame.head(limit)
    cells = [[_text(column.write(row)) for column in columns] for row in shown.iter_rows(named=True)]
    widths = [max([len(column.title), *(row[place].cell_len for row in cells)]) for place, column in enumerate(columns)]
    shrunk = _fitted(widths, [not (column.right or column.whole) for column in columns], width)
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column, room in zip(columns, shrunk, strict=True):
        table.add_column(
            column.title, justify="right" if column.right else "left", width=room, no_wrap=not fold,
            overflow="fold" if fold else "ellipsis",
        )  # fmt: skip
    for row in cells:
        table.add_row(*row)
    return table


def _fitted(widths: Sequence[int], gives: Sequence[bool], room: int) -> list[int]:
    """Widths that fit the room (two blanks between columns), taken from the widest columns that may give."""
    fitted = list(widths)
    excess = sum(fitted) + 2 * (len(fitted) - 1) - room
    while excess > 0:
        place = max((k for k, may in enumerate(gives) if may), key=lambda k: fitted[k], default=None)
        if place is None or fitted[place] <= LEAST_TEXT:
            break
        fitted[place] -= 1
        excess -= 1
    return fitted


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def dependence(frame: pl.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """What the star behind a class means, naming the regions it hangs on."""
    notes = frame["note"].cast(pl.String).drop_nulls().unique().to_list()
    codes = sorted(
        {part.partition(":")[2] for text in notes for part in text.split(";") if part.startswith("depends_on")}
    )
    return [f"* the class changes when {labels.get(c, c)} leaves the reference (--reference ex:{c})" for c in codes]


def show(
    console: Console,
    frame: pl.DataFrame,
    columns: Sequence[Column],
    caption: Sequence[str] = (),
    limit: int | None = None,
    fold: bool = False,
) -> None:
    """Print a table, how many rows were left out, and its caption."""
    console.print(grid(frame, columns, limit, fold, console.width))
    if limit is not None and frame.height > limit:
        console.print(Text(f"{frame.height - limit:,} more rows: --all, or write them with -o FILE", style="dim"))
    for line in caption:
        console.print(Text(line, style="dim"), soft_wrap=False)


def only(result: Result, name: str) -> Result:
    """A result with one of its tables."""
    return replace(result, tables={name: result.tables[name]})


def intensity_columns(
    frame: pl.DataFrame, regions: Mapping[str, str], sectors: Mapping[str, str], width: int = 120
) -> list[Column]:
    """Columns of `capmap intensity` on a terminal.

    The three factors stand where a denominator is known, the ratio to the median where none is; indicator and year
    only where there are several, reasons only where they differ from row to row.
    """
    several = frame.select("indicator", "year").unique().height > 1
    factors = frame["rii"].null_count() < frame.height
    columns = [
        *([Column("indicator", lambda r: r["indicator"])] if several else []),
        *([Column("year", lambda r: "" if r["year"] is None else str(r["year"]), whole=True)] if several else []),
        labelled("region", "region", regions, width >= CODES_FROM),
        labelled("sector", "sector", sectors, width >= CODES_FROM),
        of("value", "value", numbers.amount),
    ]
    if factors:
        columns += [
            of("rca_denominator", "RCA base", numbers.index),
            of("rii", "x world", numbers.index),
            of("rii_region", "region x", numbers.index),
            of("rca_stock", "RCA stock", numbers.index),
        ]
    if not factors or frame["rii"].null_count():
        columns.append(of("ratio_median", "x median", numbers.index))
    columns += [
        Column("rank", lambda r: numbers.rank(r["rank"], r["n"]), right=True),
        Column("percentile", lambda r: numbers.percentile(r["percentile"]), right=True),
    ]
    if frame["note"].cast(pl.String).fill_null("").n_unique() > 1:
        columns.append(Column("note", lambda r: words.note(r["note"])))
    return columns


def intensity_caption(meta: Mapping[str, Any], today: int, old_after: int) -> list[str]:
    """What the ratios of `capmap intensity` are taken against."""
    lines = []
    for block in words.compact(meta.get("blocks", ())):
        if block["denominator"]:
            said = (
                f"x world: against the weighted mean of the world ({block['reference']['label']}); region x: the whole "
                "region against it; RCA stock = RCA base (of the denominator) times x world over region x"
            )
        else:
            said = "no denominator in this project: x median is the ratio to the unweighted median of the regions"
        lines.append(f"{block['indicator']} {words.span(block, today, old_after)}; {said}")
    lines += [
        f"{g['indicator']}: no data in {g['asked']} (has {words.years(g['has'])})" for g in meta.get("no_data", ())
    ]
    lines += [f"{r['indicator']} {r['year'] or ''}: {r['reason']}" for r in meta.get("refused", ())]
    return lines


def normalise_caption(meta: Mapping[str, Any]) -> list[str]:
    """How the scores of `capmap normalise` were made."""
    p = meta["parameters"]
    parts = [f"method {p['method']}", "direction applied first"]
    if p.get("per"):
        parts.append(f"per {p['per']}")
    if p.get("winsorise") not in (None, "none"):
        parts.append(f"outliers treated ({p['winsorise']}): --treatment lists what was changed")
    lines = ["; ".join(parts)]
    lines += [
        f"{g['indicator']}: no data in {g['asked']} (has {words.years(g['has'])})" for g in meta.get("no_data", ())
    ]
    lines += [
        f"refused: {r['indicator']} {r.get('year') or ''} {r.get('sector') or ''}: {r['reason']}"
        for r in meta.get("refused", ())
    ]
    return lines


def plain_columns(frame: pl.DataFrame, titles: Mapping[str, str] | None = None) -> list[Column]:
    """Every column as it is, for listings."""
    columns = []
    for name, kind in frame.schema.items():
        title = (titles or {}).get(name, name.replace("_", " "))
        if kind.is_numeric():
            columns.append(of(name, title, lambda v: "" if v is None else f"{v:g}"))
        else:
            columns.append(Column(title, lambda r, name=name: "" if r[name] is None else str(r[name])))  # type: ignore[misc]
    return columns


def first(result: Result) -> pl.DataFrame:
    """The main table of a listing, for formats that hold one table."""
    return next(iter(result.tables.values()))
