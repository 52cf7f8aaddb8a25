"""A comparison on one screen: where the regions differ beyond noise first, what cannot be told apart last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich.console import Console, Group, RenderableType
from rich.text import Text

from capmap.errors import UsageError
from capmap.report import numbers, words
from capmap.report.layout import (
    Column,
    View,
    ages,
    basis,
    capital,
    cite_all,
    fingerprint,
    line,
    references,
    stacked,
    sums,
    titled,
)
from capmap.report.standing import beside

#: Sectors listed before `--all`.
SHOWN = 10
#: Names listed in one line of a block.
NAMED = 6
#: Least width of the first column of a table.
LABEL = 22


SORTS = ("gap", "share", "name")


def check_sort(sort: str) -> None:
    """Raises UsageError for an order that does not exist."""
    if sort not in SORTS:
        raise UsageError(f"unknown --sort {sort!r}", fix=f"choose from {', '.join(SORTS)}")


def show(console: Console, seen: View, *, sort: str = "gap") -> None:
    """Print a comparison; `sort` is gap (resolved spread), share (world share of the leader) or name."""
    top = [_title(seen), *map(Text, headline(seen))]
    top += [Text(f"{seen.marks.warning} {warning}", style="yellow") for warning in _warnings(seen)]
    console.print(Group(*top, *_size(seen), *_differences(seen, sort), *beside(seen), *_blocks(seen), *_closing(seen)))


def _codes(seen: View) -> list[str]:
    return list(seen.result.meta["regions"])


def _title(seen: View) -> Text:
    codes = _codes(seen)
    left = Text(" - ".join(seen.region(c).upper() for c in codes), style="bold")
    years = ", ".join(f"{seen.meta(b['indicator']).noun} {b['year'] or ''}".strip() for b in seen.result.meta["blocks"])
    data = f"data {fingerprint(seen.project)}"
    return titled(seen, left, f"{years}  {data}", data)


def headline(seen: View) -> list[str]:
    """Sentences of the headline, each clause from one row of the `headline` table."""
    rows = list(seen.table("headline").iter_rows(named=True))
    differences = [r for r in rows if r["clause"] == "difference"]
    said = [f"{seen.phrase(r['indicator'], r['sector'])} ({r['region']} ahead of {r['other']})" for r in differences]
    n = {r["clause"]: int(r["value"]) for r in rows if r["value"] is not None and r["clause"] != "difference"}
    if not n["fields"]:
        return ["No count or value indicator covers all of them here, so no specialisation is compared."]
    judged = n["fields"] - n["not_judged"]
    nothing = "No difference beyond noise." if judged else "Nothing can be told: no range is known (one period)."
    sentences = [f"Clearest differences: {', '.join(said)}." if said else nothing]
    common = [seen.phrase(r["indicator"], r["sector"]) for r in rows if r["clause"] == "common"]
    everyone = "Both" if len(_codes(seen)) == 2 else f"All {_number(len(_codes(seen)))}"
    shared = (
        f"{everyone} specialised in: {words.joined(common[:4])}{' and more' if len(common) > 4 else ''}."
        if common
        else f"No field in which {everyone.lower()} are specialised."
    )
    counted = [f"{n['differing']} differ beyond noise", f"{n['too_close']} cannot be told apart"]
    counted += [f"in {n['nobody']} nobody is specialised and none differ"] if n["nobody"] else []
    counted += [f"{n['not_judged']} cannot be judged"] if n["not_judged"] else []
    sentences.append(f"{shared} Of {words.counted(n['fields'], 'field')}, {', '.join(counted)}.")
    return sentences


def _number(n: int) -> str:
    return {3: "three", 4: "four", 5: "five", 6: "six"}.get(n, str(n))


def _warnings(seen: View) -> list[str]:
    coverage = seen.rows("coverage")
    last = {
        row["indicator"]: max((r["last_year"] or 0) for r in coverage if r["indicator"] == row["indicator"])
        for row in coverage
    }
    said = ages(seen, [(block["indicator"], block["year"]) for block in seen.result.meta["blocks"]], last)
    said += _shared(seen)
    warnings = [" ".join(said)] if said else []
    warnings += sums(seen)
    warnings += references(seen)
    for row in seen.table("size").iter_rows(named=True):
        letters = (row["status"] or "").split(";")
        noun = seen.meta(row["indicator"]).noun
        if "B" in letters:
            warnings.append(
                f"{seen.region(row['region'])}: break in {row['year']}; level and trend of its {noun} not compared."
            )
        if "U" in letters:
            warnings.append(f"{seen.region(row['region'])}: its {noun} of {row['year']} are of low reliability.")
    return warnings


def _shared(seen: View) -> list[str]:
    """Which figures are of an earlier year because not all regions have a later one."""
    if seen.asked:
        return []
    said = []
    for name, own in ((n, [r for r in seen.rows("coverage") if r["indicator"] == n]) for n in _counted(seen)):
        later = [f"{r['region']} {r['last_year']}" for r in own if (r["last_year"] or 0) > (r["year"] or 0)]
        if later and own[0]["year"]:
            noun = capital(seen.meta(name).noun)
            said.append(f"{noun} of {own[0]['year']}, the last year that all of them have ({', '.join(later)}).")
    return said


def _counted(seen: View) -> list[str]:
    return [block["indicator"] for block in seen.result.meta["blocks"]]


def _block(seen: View, indicator: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(b for b in seen.result.meta["blocks"] if b["indicator"] == indicator)
    return found


def _size(seen: View) -> list[RenderableType]:
    codes = _codes(seen)
    beside = len(codes) <= 3 or seen.width >= 34 + 14 * len(codes)  # else the order gets a line of its own
    ranked = seen.width >= LABEL + 12 * len(codes) + (18 if beside else 0)
    rows: list[list[str | Text]] = []
    orders = []
    size = seen.table("size")
    for name in _ids(size):
        own = {r["region"]: r for r in size.filter(pl.col("indicator") == name).iter_rows(named=True)}
        noun = seen.meta(name).noun
        year = f" {_block(seen, name)['year']}" if basis(_block(seen, name)) else ""
        title = f"  {capital(noun)}{year}  {words.share_title(_block(seen, name)['total'])}" + (
            " (rank)" if ranked else ""
        )
        rows.append([title, *(_total(own.get(c), ranked) for c in codes), _order(own)])
        orders.append(f"{noun}: {_order(own)}")
    table = seen.table("intensity")
    for name in _ids(table):
        own_rows = table.filter(pl.col("indicator") == name)
        if own_rows["sector"].n_unique() > 1:
            continue
        own = {r["region"]: r for r in own_rows.iter_rows(named=True)}
        numbers_ = (numbers.amount(own[c]["value"]) if c in own else numbers.NOTHING for c in codes)
        rows.append([f"  {seen.meta(name).name}", *numbers_, "no interval given"])
    if not rows:
        return []
    columns = [Column("SIZE", "left"), *(Column(c, "left") for c in codes)]
    if beside:
        columns.append(Column("resolved order", "left"))
        return [Text(), *stacked(seen, columns, rows, LABEL, 34, tail=1)]
    lines: list[RenderableType] = [Text(), *stacked(seen, columns, [row[:-1] for row in rows], LABEL, 34)]
    return [*lines, *([line("ORDER", " | ".join(orders))] if orders else [])]


def _total(row: Mapping[str, Any] | None, ranked: bool) -> str:
    """World share with the mark of a break, and the rank where there is room."""
    if row is None:
        return numbers.NOTHING
    flag = "B" if "B" in (row["status"] or "").split(";") else ""
    return f"{numbers.per_cent(row['share_world'])}{flag}" + (f" ({row['rank']})" if ranked else "")


def _order(own: Mapping[str, Mapping[str, Any]]) -> str:
    """`KOR > DEU, ITA`: regions with one place are not resolved among each other."""
    places: dict[int, list[str]] = {}
    for code, row in own.items():
        if row["place"] is not None:
            places.setdefault(row["place"], []).append(code)
    return " > ".join(", ".join(places[k]) for k in sorted(places))


def _ids(table: pl.DataFrame) -> list[str]:
    return table["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if table.height else []


#: What a cell of the table of differences says, from generous to tight: range, share of the world.
DETAIL = ((True, True), (False, True), (False, False))


def _cell(seen: View, row: Mapping[str, Any] | None, span: bool, share: bool) -> Text:
    """Index, range, mark and world share of one region in one sector, as far as the width allows."""
    if row is None or row["rca"] is None:
        return Text(numbers.NOTHING)
    hidden = "below_floor" in (row["note"] or "")
    text = Text(f"{numbers.NOTHING if hidden else numbers.index(row['rca']):>4}")
    if span:
        ends = "" if hidden else numbers.interval(row["rca_low"], row["rca_high"])
        text.append(f" {ends:<9}", style="bright_black")
    mark, style = mark_of(seen, row)
    text.append(f" {mark}", style=style)
    if share:
        text.append(f" {numbers.per_cent(row['share_world']):>4}")
    return text


def mark_of(seen: View, row: Mapping[str, Any]) -> tuple[str, str]:
    """Mark of a cell and its style: lasting, recent, slight, history not judged, uncertain or not specialised."""
    marks = seen.marks
    if row["class"] in ("established", "indicated"):
        if row["persistence"] is None:
            return marks.unjudged, "green"
        if row["trajectory"] in ("lost", "never"):
            return marks.slight, "green"
        return (marks.lasting, "bold green") if row["trajectory"] == "lasting" else (marks.recent, "green")
    return (marks.uncertain, "yellow") if row["class"] == "uncertain" else (marks.below, "bright_black")


def _differences(seen: View, sort: str) -> list[RenderableType]:
    cells = seen.table("cells").filter(pl.col("differs"))
    if cells.is_empty():
        return []
    indices: dict[tuple[str, str, str], Mapping[str, Any]] = {
        (r["indicator"], r["sector"], r["region"]): r for r in seen.table("indices").iter_rows(named=True)
    }
    rows_ = list(cells.iter_rows(named=True))
    if sort == "name":
        rows_.sort(key=lambda r: (r["indicator"], seen.sector(r["indicator"], r["sector"])))
    elif sort == "share":
        rows_.sort(key=lambda r: -(indices[r["indicator"], r["sector"], r["ahead"]]["share_world"] or 0))
    codes = _codes(seen)
    dominated = any(r["order_without_largest"] for r in rows_)
    other = next((r["largest_other"] for r in indices.values() if r["largest_other"]), None)
    limit = len(rows_) if seen.everything else SHOWN
    tail = [Column("spread", width=6), *([Column(f"ex{other or ''}", "left")] if dominated else [])]
    room = seen.width - LABEL - sum(max(len(column.title), 6) + 1 for column in tail)
    for span, share in DETAIL:  # the first that fits beside the label, else the last in several tables
        cells_ = [
            [_cell(seen, indices.get((row["indicator"], row["sector"], c)), span, share) for c in codes]
            for row in rows_[:limit]
        ]
        widths = [max(len(c), *(row[k].cell_len for row in cells_)) + 1 for k, c in enumerate(codes)]
        if sum(widths) <= room:
            break
    rows: list[list[str | Text]] = []
    for row, own in zip(rows_, cells_, strict=False):
        last = [row["order_without_largest"] or ""] if dominated else []
        name = f"  {seen.sector(row['indicator'], row['sector'])}"
        rows.append([name, *own, numbers.index(row["spread"]), *last])
    heads = ["RCA", *(["range"] if span else []), "mark", *([_share_title(seen)] if share else [])]
    head = Text("WHERE THEY DIFFER", style="bold").append(f"  ({', '.join(heads)})", style="bright_black")
    columns = [Column("  field", "left"), *(Column(c, "left") for c in codes), *tail]
    parts: list[RenderableType] = [Text(), head, *stacked(seen, columns, rows, LABEL, 34, tail=len(tail))]
    if len(rows_) > limit:
        parts.append(Text(f"  {len(rows_) - limit} more: --all", style="bright_black"))
    return parts


def _share_title(seen: View) -> str:
    """What the shares of all indicators are shares of."""
    titles = {words.share_title(block["reference"]["kind"]) for block in seen.result.meta["blocks"]}
    return titles.pop() if len(titles) == 1 else "share%"


def _names(seen: View, cells: pl.DataFrame, limit: int | None = None) -> str:
    names = [seen.phrase(r["indicator"], r["sector"]) for r in cells.iter_rows(named=True)]
    limit = len(names) if seen.everything else limit or NAMED
    more = len(names) - limit
    return "; ".join(names[:limit]) + (f" + {more} more" if more > 0 else "")


def _blocks(seen: View) -> list[RenderableType]:
    cells = seen.table("cells")
    lines: list[RenderableType] = [Text()]
    common, nobody = cells.filter(pl.col("common")), cells.filter(pl.col("nobody"))
    if common.height:
        lines.append(line("COMMON", _names(seen, common)))
    for code in _codes(seen):
        only = cells.filter(pl.col("only") == code)
        if only.height:
            lines.append(line(f"ONLY {code}", _names(seen, only)))
    if nobody.height:
        lines.append(line("NOBODY", _names(seen, nobody, 4)))
    close = cells.filter(pl.col("too_close"))
    if close.height:
        lines.append(line("TOO CLOSE", f"{_names(seen, close, 4)}: P(order) below 0.90"))
    pattern = [
        f"{r['region']}-{r['other']} {numbers.index(r['similarity'])} (overlap {numbers.percentile(r['overlap'])}%)"
        if r["overlap"] == r["overlap"]
        else f"{r['region']}-{r['other']} too little in common"
        for r in seen.table("pattern").iter_rows(named=True)
    ]
    for name in _ids(seen.table("pattern")):
        own = [
            p
            for p, r in zip(pattern, seen.table("pattern").iter_rows(named=True), strict=True)
            if r["indicator"] == name
        ]
        lines.append(line("PATTERN", f"{seen.meta(name).noun}: {'  '.join(own[: len(own) if seen.everything else 6])}"))
    lines += _complements(seen)
    return lines


def _complements(seen: View) -> list[RenderableType]:
    table = seen.table("complements")
    said = []
    for (a, b), own in table.group_by(["region", "other"], maintain_order=True):
        said.append(f"{a}>{b} {_names(seen, own.sort(pl.col('value').neg(), 'sector'), 1)}")
    return [line("COMPLEM.", "specialised here, not there: " + " | ".join(said))] if said else []


def _intensities(seen: View) -> list[RenderableType]:
    """Intensities by sector of the regions that have them, the widest relative difference first."""
    table = seen.table("intensity")
    lines: list[RenderableType] = []
    for name in _ids(table):
        own = table.filter((pl.col("indicator") == name) & pl.col("value").is_not_null())
        if own["sector"].n_unique() < 2:
            continue
        by_sector: dict[str, dict[str, float]] = {}
        for row in own.iter_rows(named=True):
            by_sector.setdefault(row["sector"], {})[row["region"]] = row["value"]
        several = {s: v for s, v in by_sector.items() if len(v) > 1}
        order = sorted(several, key=lambda s: (-max(several[s].values()) / max(min(several[s].values()), 1e-9), s))
        said = [
            f"{seen.phrase(name, s)} " + " ".join(f"{c} {numbers.amount(v)}" for c, v in several[s].items())
            for s in (order if seen.everything else order[:3])
        ]
        if said:
            more = f" + {len(order) - len(said)} more" if len(order) > len(said) else ""
            lines.append(line("INTENSITY", f"{seen.meta(name).name} ({_last(own)}): {'; '.join(said)}{more}"))
    return lines


def _closing(seen: View) -> list[RenderableType]:
    coverage = seen.table("coverage")
    codes = _codes(seen)
    lines: list[RenderableType] = _intensities(seen)
    partly = []
    table = seen.table("intensity")
    for name in _ids(table):
        own = table.filter((pl.col("indicator") == name) & pl.col("value").is_not_null())
        have = [c for c in codes if own.filter(pl.col("region") == c).height]
        if len(have) < len(codes):
            partly.append(f"{seen.meta(name).name}: {' '.join(have)} only ({_last(own)})")
    for name in _ids(coverage.filter(pl.col("note").is_not_null())):
        have = coverage.filter((pl.col("indicator") == name) & pl.col("note").is_null())["region"].to_list()
        partly.append(f"{seen.meta(name).name}: {' '.join(have) or 'not in common'}")
    if partly:
        lines.append(line("PARTLY", "comparable in part only: " + "; ".join(partly)))
    said = []
    for name in _ids(coverage.filter(pl.col("note").is_null())):
        own = coverage.filter(pl.col("indicator") == name)
        said.append(
            f"{seen.meta(name).noun} "
            + " ".join(f"{r['region']} {r['sectors']}/{r['of']}" for r in own.iter_rows(named=True))
        )
    if said:
        lines.append(line("COVERAGE", " | ".join(said)))
    marks = seen.marks
    legend = (
        (marks.lasting, "lasting"), (marks.recent, "recent"), (marks.slight, "slight"),
        (marks.unjudged, "history not judged"), (marks.uncertain, "uncertain"), (marks.below, "not specialised"),
        ("B", "break"),
    )  # fmt: skip
    said = ["  ".join(f"{mark} {word}" for mark, word in legend), words.doubt(seen.result.meta), _range(seen)]
    lines.append(line("LEGEND", " | ".join(text for text in said if text)))
    lines.append(line("SOURCES", cite_all(seen)))
    lines.append(
        line(
            "MORE",
            f"{seen.command('compare', *codes, '--versus', codes[0])} | --sort share | --reference ex:CODE | -f csv",
        )
    )
    return lines


def _last(own: pl.DataFrame) -> str:
    years = [y for y in own["year"].unique().to_list() if y is not None]
    return str(max(years)) if years else "one period"


def _range(seen: View) -> str:
    noisy = any(b["kind"] == "count" and b["dispersion"]["phi"] > 1 for b in seen.result.meta["blocks"])
    return "ranges include year-to-year noise" if noisy else "ranges hold counting error or years of the window"
