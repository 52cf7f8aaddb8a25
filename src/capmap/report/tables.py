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
#: Terminal width below which a region is named by its code.
NAMES_FROM = 72
#: Narrowest that a text column becomes; of columns that wrap, of those that repeat in every block of a wide table.
LEAST_TEXT, LEAST_FOLDED, LEAST_KEY = 6, 24, 12
#: What a text keeps on a screen that has no room even for that.
LEAST = 4
#: What a text that names a row has beyond its least before other columns have to go.
COMFORT = 4
#: Blanks between two columns.
GAP = 2


@dataclass(frozen=True)
class Column:
    """One column of a terminal table: what it is called, where it comes from and how it is written."""

    title: str
    write: Callable[[Mapping[str, Any]], str | Text]
    right: bool = False
    whole: bool = False  #: text that is never cut
    spare: int = 0  #: columns with a number go where the screen is too narrow for all, the highest first
    key: bool = False  #: names the row: stands in every block of a table too wide for the screen
    least: int = LEAST_TEXT  #: narrowest that a text may be cut to


def of(name: str, title: str, how: Callable[[Any], str], spare: int = 0) -> Column:
    """A right-aligned number column."""
    return Column(title, lambda row: how(row[name]), right=True, spare=spare)


def _as_written(name: str) -> Column:
    return Column(name, lambda row: "" if row[name] is None else str(row[name]))


def labelled(name: str, title: str, labels: Mapping[str, str], codes: bool = True) -> Column:
    """A label with its code in grey; without the code where the screen is narrow."""

    def write(row: Mapping[str, Any]) -> Text:
        code = row[name] or ""
        label = labels.get(code, code)
        text = Text(label)
        if label != code and codes:
            text.append(f" {code}", style="bright_black")
        return text

    return Column(title, write, key=True, least=LEAST_KEY)


def _place(regions: Mapping[str, str], sectors: Mapping[str, str], width: int) -> list[Column]:
    """Region and sector: label and code on a wide screen, the label, the code of the region on a narrow one."""
    region = (
        Column("region", lambda r: r["region"] or "", key=True)
        if width < NAMES_FROM
        else labelled("region", "region", regions, width >= CODES_FROM)
    )
    return [region, labelled("sector", "sector", sectors, width >= CODES_FROM)]


def when(frame: pl.DataFrame) -> list[Column]:
    """Indicator and year, each only where there are several."""
    columns = [
        Column("indicator", lambda r: r["indicator"], key=True),
        Column("year", lambda r: "" if r["year"] is None else str(r["year"]), whole=True, key=True),
    ]
    return [column for column in columns if frame[column.title].n_unique() > 1]


def judged(row: Mapping[str, Any]) -> Text:
    """The class in words, with its colour; a star where it hangs on one other region in the reference."""
    kind = row["class"]
    text = Text(words.CLASS_WORDS.get(kind, kind or numbers.NOTHING), style=CLASS_STYLE.get(kind, ""))
    return text.append("*") if "depends_on" in (row["note"] or "") else text


def _hidden(row: Mapping[str, Any], text: str) -> str:
    """An index is not shown where too little is expected."""
    return numbers.NOTHING if "below_floor" in (row["note"] or "") else text


def _share_title(blocks: Sequence[Mapping[str, Any]]) -> str:
    """What shares are of: the world, the table where no total is published, or something else (`reference %`)."""
    kinds = {block["reference"]["kind"] for block in blocks}
    if kinds <= {"published"}:
        return "world %"
    return "table %" if kinds == {"sum"} else "share %" if kinds == {"published", "sum"} else "reference %"


def rca_columns(
    frame: pl.DataFrame,
    regions: Mapping[str, str],
    sectors: Mapping[str, str],
    width: int = 120,
    blocks: Sequence[Mapping[str, Any]] = (),
) -> list[Column]:
    """The seven columns of `capmap rca` on a terminal, and indicator and year where there are several.

    Where they do not fit, the share of the world goes first, then the range: the class says how sure it is. `blocks`
    tell what the shares are shares of, where that is not the world.
    """
    return [
        *when(frame),
        *_place(regions, sectors, width),
        of("value", "value", numbers.amount),
        of("share_world", _share_title(blocks), numbers.per_cent, spare=2),
        Column("RCA", lambda r: _hidden(r, numbers.index(r["rca"])), right=True),
        Column("range", lambda r: _hidden(r, numbers.interval(r["rca_low"], r["rca_high"])), right=True, spare=1),
        Column("class", judged, whole=True),
    ]


def wide_columns(frame: pl.DataFrame, regions: Mapping[str, str], sectors: Mapping[str, str]) -> list[Column]:
    """Every column of a frame that says something, numbers to four significant digits.

    Columns without any value are left out, and so are indicator and year where there is one, which the caption names.
    """
    columns = when(frame)
    for name, kind in frame.schema.items():
        if name in ("indicator", "year") or (frame.height and frame[name].null_count() == frame.height):
            continue
        if name == "region":
            columns.append(labelled(name, name, regions, codes=False))
        elif name == "sector":
            columns.append(labelled(name, name, sectors, codes=False))
        elif kind.is_float():
            columns.append(of(name, name, _significant))
        elif kind.is_integer():
            columns.append(of(name, name, lambda v: numbers.NOTHING if v is None else str(v)))
        else:
            columns.append(_as_written(name))
    return columns


def _significant(value: float | None) -> str:
    if value is None:
        return numbers.NOTHING
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def fitting(frame: pl.DataFrame, columns: Sequence[Column], width: int, fold: bool = False) -> list[Column]:
    """The columns without those to spare that the width has no room for."""
    kept = list(columns)
    narrowest = {}
    for column, cells in zip(columns, _cells(frame, columns), strict=True):
        least = _narrowest(column, cells, fold)
        narrowest[id(column)] = min(least + COMFORT, _widest(column, cells)) if column.key else least
    while sum(narrowest[id(c)] for c in kept) + GAP * (len(kept) - 1) > width:
        last = max(kept, key=lambda c: c.spare)
        if not last.spare:
            break
        kept.remove(last)
    return kept


def stacked(frame: pl.DataFrame, columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Blocks of columns that fit the width without a number being cut, the keys of the rows in each."""
    written = dict(zip(map(id, columns), _cells(frame, columns), strict=True))
    need = {id(c): _narrowest(c, written[id(c)], fold=False) for c in columns}
    keys = [c for c in columns if c.key] or list(columns[:1])
    # text beside numbers is read in full where the block has room for it
    need |= {id(c): min(_widest(c, written[id(c)]), width // 2) for c in columns if c not in keys}
    start = sum(need[id(c)] + GAP for c in keys) - GAP
    blocks: list[list[Column]] = []
    room = -1
    for column in (c for c in columns if c not in keys):
        if room < need[id(column)] + GAP:
            blocks.append(list(keys))
            room = width - start
        blocks[-1].append(column)
        room -= need[id(column)] + GAP
    return blocks or [keys]


def grid(
    frame: pl.DataFrame, columns: Sequence[Column], fold: bool = False, width: int = 120, ascii_only: bool = False
) -> Table:
    """A rich table of a frame, cells never read as markup.

    Numbers are never cut: what a narrow screen takes away it takes from the widest text columns, which end in an
    ellipsis (two full stops with `ascii_only`) or, with `fold`, wrap.
    """
    cells = _cells(frame, columns)
    both = list(zip(columns, cells, strict=True))
    least = [_narrowest(c, own, fold) for c, own in both]
    shrunk = _fitted([_widest(c, own) for c, own in both], least, width)
    if not fold:  # a screen too narrow even for that: names give way before any number
        last = [w if c.right or c.whole else min(w, LEAST) for c, w in zip(columns, least, strict=True)]
        shrunk = _fitted(shrunk, last, width)
    if ascii_only and not fold:
        cells = [[_stopped(text, room) for text in own] for own, room in zip(cells, shrunk, strict=True)]
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column, room in zip(columns, shrunk, strict=True):
        title = _stopped(Text(column.title), room) if ascii_only and not fold else column.title
        table.add_column(
            title, justify="right" if column.right else "left", width=room, no_wrap=not fold,
            overflow="fold" if fold else "ellipsis",
        )  # fmt: skip
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    return table


def _stopped(text: Text, room: int) -> Text:
    """A text that ends in two full stops where it is cut."""
    if text.cell_len <= room:
        return text
    own = text.copy()
    own.truncate(max(room - 2, 0), overflow="crop")
    return own.append("..")


def _cells(frame: pl.DataFrame, columns: Sequence[Column]) -> list[list[Text]]:
    """What each column writes, row by row."""
    rows = list(frame.iter_rows(named=True))
    return [[_text(column.write(row)) for row in rows] for column in columns]


def _widest(column: Column, cells: Sequence[Text]) -> int:
    return max([len(column.title), *(cell.cell_len for cell in cells)])


def _narrowest(column: Column, cells: Sequence[Text], fold: bool) -> int:
    """The width below which a column loses what it says: a number whole, a text that wraps its longest word."""
    widest = _widest(column, cells)
    if column.right or column.whole:
        return widest
    if not fold:
        return min(widest, column.least)
    words_in = [len(word) for text in (column.title, *(cell.plain for cell in cells)) for word in text.split()]
    return min(max(words_in, default=0), LEAST_FOLDED)


def _fitted(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that fit the room, taken from the widest columns that may give."""
    fitted = list(widths)
    excess = sum(fitted) + GAP * (len(fitted) - 1) - room
    while excess > 0:
        giving = [k for k, width in enumerate(fitted) if width > least[k]]
        if not giving:
            break
        fitted[max(giving, key=lambda k: fitted[k])] -= 1
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
    """Print a table, in blocks of columns where it is too wide, then what was left out, then its caption."""
    shown = frame if limit is None else frame.head(limit)
    kept = fitting(shown, columns, console.width, fold)
    blocks = (
        [kept] if fold else stacked(shown, kept, console.width) if _too_wide(shown, kept, console.width) else [kept]
    )
    for place, block in enumerate(blocks):
        if place:
            console.print()
        console.print(grid(shown, block, fold, console.width, not console.encoding.lower().startswith("utf")))
    gone = [column.title for column in columns if column not in kept]
    if gone:
        console.print(Text(f"no room for: {', '.join(gone)}; a wider screen or -f csv has them", style="dim"))
    if limit is not None and frame.height > limit:
        console.print(Text(f"{frame.height - limit:,} more rows: --all, or write them with -o FILE", style="dim"))
    for line in caption:
        console.print(Text(line, style="dim"), soft_wrap=False)


def _too_wide(frame: pl.DataFrame, columns: Sequence[Column], width: int) -> bool:
    need = [_narrowest(c, cells, fold=False) for c, cells in zip(columns, _cells(frame, columns), strict=True)]
    return sum(need) + GAP * (len(need) - 1) > width


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
    factors = frame["rii"].null_count() < frame.height
    columns = [
        *when(frame),
        *_place(regions, sectors, width),
        of("value", "value", numbers.amount),
    ]
    if factors:
        columns += [
            of("rca_denominator", "RCA base", numbers.index, spare=3),
            of("rii", "x world", numbers.index),
            of("rii_region", "region x", numbers.index, spare=2),
            of("rca_stock", "RCA stock", numbers.index),
        ]
    if not factors or frame["rii"].null_count():
        columns.append(of("ratio_median", "x median", numbers.index))
    columns += [
        Column("rank", lambda r: numbers.rank(r["rank"], r["n"]), right=True),
        Column("percentile", lambda r: numbers.percentile(r["percentile"]), right=True, spare=4),
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


def normalise_columns(
    frame: pl.DataFrame, regions: Mapping[str, str], sectors: Mapping[str, str], width: int = 120
) -> list[Column]:
    """Columns of `capmap normalise` on a terminal.

    What was divided by and what the treatment made of the value stand where they are not the value itself, notes where
    there are any; the method is in the caption.
    """
    columns = [*when(frame), *_place(regions, sectors, width), of("value", "value", numbers.amount)]
    if frame["denominator"].null_count() < frame.height:
        columns.append(of("denominator", "denominator", numbers.amount, spare=2))
    if frame["treated"].ne_missing(frame["value"]).any():
        columns.append(of("treated", "treated", numbers.written(frame["treated"].to_list(), 0.1), spare=1))
    columns += [
        of("score", "score", numbers.written(frame["score"].to_list())),
        Column("rank", lambda r: numbers.rank(r["rank"], r["n"]), right=True),
    ]
    if frame["note"].null_count() < frame.height:
        columns.append(Column("note", lambda r: words.note(r["note"]), least=LEAST_KEY))
    return columns


def best_first(frame: pl.DataFrame) -> pl.DataFrame:
    """Scores as a screen lists them: the best first in each indicator, year and sector; rows without one come last."""
    ranks = "rank" in frame["method"].cast(pl.String).to_list()  # 1 is the best of ranks
    return frame.sort(
        "indicator", "year", "sector", "score", "region", descending=[False, False, False, not ranks, False],
        nulls_last=True,
    )  # fmt: skip


def normalise_caption(meta: Mapping[str, Any], today: int, old_after: int) -> list[str]:
    """How the scores of `capmap normalise` were made, and of which years the values are."""
    p = meta["parameters"]
    parts = [f"method {p['method']}", "direction applied first"]
    if p.get("per"):
        parts.append(f"per {p['per']}")
    if p.get("winsorise") not in (None, "none"):
        parts.append(f"outliers treated ({p['winsorise']}): --treatment lists what was changed")
    lines = [f"{b['indicator']} {words.span(b, today, old_after)}: {b['unit']}" for b in words.compact(meta["blocks"])]
    lines.append("; ".join(parts))
    lines += [
        f"{g['indicator']}: no data in {g['asked']} (has {words.years(g['has'])})" for g in meta.get("no_data", ())
    ]
    lines += [
        f"refused: {r['indicator']} {r.get('year') or ''} {r.get('sector') or ''}: {r['reason']}"
        for r in meta.get("refused", ())
    ]
    return lines


#: Columns of listings that go first where the screen is narrow, the highest first.
SPARE = {"kind": 6, "level": 5, "parent": 4, "role": 3, "statuses": 3, "meaning": 2, "indicators": 1}
#: Columns of listings that hold codes joined by `;`.
JOINED = ("group", "indicators", "statuses")


def plain_columns(frame: pl.DataFrame, titles: Mapping[str, str] | None = None) -> list[Column]:
    """Every column of a listing as it is, without those that hold nothing; lists wrap between their codes."""
    columns = []
    for name, kind in frame.schema.items():
        title, spare = (titles or {}).get(name, name.replace("_", " ")), SPARE.get(name, 0)
        if frame.height and frame[name].null_count() == frame.height:
            continue
        if kind.is_numeric():
            columns.append(of(name, title, lambda v: "" if v is None else f"{v:.4g}" if v % 1 else str(int(v)), spare))
        else:
            columns.append(Column(title, _plain(name), spare=spare))
    return columns


def _plain(name: str) -> Callable[[Mapping[str, Any]], str]:
    def write(row: Mapping[str, Any]) -> str:
        text = "" if row[name] is None else str(row[name])
        return text.replace(";", "; ") if name in JOINED else text

    return write


def with_years(frame: pl.DataFrame) -> pl.DataFrame:
    """First and last year as one column `years`: `2008-2018`, `2023`."""
    start, end = pl.col("first_year").cast(pl.String), pl.col("last_year").cast(pl.String)
    return frame.with_columns(years=pl.when(start == end).then(start).otherwise(start + "-" + end))


def first(result: Result) -> pl.DataFrame:
    """The main table of a listing, for formats that hold one table."""
    return next(iter(result.tables.values()))
