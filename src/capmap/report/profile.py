"""A capability profile on one screen: the sentence, the size, the specialisation with its doubt, and what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from rich.console import Console, Group, RenderableType
from rich.text import Text

from capmap.model import Indicator
from capmap.report import numbers, words
from capmap.report.layout import (
    REMARKS_FROM,
    Column,
    Line,
    View,
    ages,
    basis,
    capital,
    cite_all,
    grid,
    line,
    note,
    range_says,
    references,
    short,
    state,
    sums,
    titled,
)
from capmap.report.standing import indices

#: Lines a profile may take on a screen of 100 columns; narrower screens wrap and take what they need.
SCREEN_LINES, SCREEN_WIDTH = 45, 100
#: Rows of each block, from generous to tight: for the first indicator, for the others, and of an intensity's sectors.
LIMITS = (
    ({"specialised": 4, "new": 3, "lost": 2, "large": 3}, {"specialised": 3, "new": 2, "lost": 1, "large": 1}, 3),
    ({"specialised": 4, "new": 2, "lost": 1, "large": 2}, {"specialised": 3, "new": 1, "lost": 1, "large": 1}, 3),
    ({"specialised": 4, "new": 2, "lost": 1, "large": 1}, {"specialised": 2, "new": 1, "lost": 0, "large": 0}, 2),
    ({"specialised": 3, "new": 1, "lost": 1, "large": 1}, {"specialised": 2, "new": 1, "lost": 0, "large": 0}, 1),
    ({"specialised": 2, "new": 1, "lost": 0, "large": 1}, {"specialised": 1, "new": 0, "lost": 0, "large": 0}, 1),
    ({"specialised": 1, "new": 1, "lost": 0, "large": 0}, {"specialised": 1, "new": 0, "lost": 0, "large": 0}, 1),
)
#: Which of them holds where the screen is narrow.
NARROW_LIMITS = 2
#: What marks say in the legend, short of what the remark beside a name says.
LEGEND = {"new": "recent, unconfirmed", "lost": "no longer material", "large": "large, RCA < 1"}
STYLE = {"specialised": "bold green", "new": "green", "lost": "yellow", "large": "cyan"}
#: What a block is sorted by where it is not persistence, then world share: the largest first.
ORDER = {"new": "rca", "lost": "share_world", "large": "value"}
#: Columns dropped first when the terminal is narrow, and the width below which each goes.
NARROW = (("trend", 96), ("ex", 84), ("rank", 72), ("held", 64))


def show(console: Console, seen: View, *, brief: bool = False) -> None:
    """Print a profile; `brief` stops after the headline block.

    Blocks give up rows, never sections, until the profile fits SCREEN_LINES at 100 columns.
    """
    console.print(Group(*([_title(seen), _sentences(seen), *_warned(seen)] if brief else _fitting(console, seen))))


def _sentences(seen: View) -> Text:
    return Text(" ".join(headline(seen)))


def _warned(seen: View) -> list[RenderableType]:
    return [Text(f"{seen.marks.warning} {warning}", style="yellow") for warning in warnings(seen)]


def _fitting(console: Console, seen: View) -> list[RenderableType]:
    """All lines of a profile, with as many rows as fit; what has no rows to give up is made and measured once.

    The headline names no field that has no row.
    """
    above = [*_warned(seen), *_context(seen), *_size(seen)]
    below = [
        line for part in (_chain, _pattern, indices, _prospects, _questions, _legend, _data) for line in part(seen)
    ]
    roomy = seen.everything or seen.width < SCREEN_WIDTH
    tries = LIMITS[:1] if seen.everything else LIMITS[NARROW_LIMITS:][:1] if roomy else LIMITS
    title = _title(seen)
    room = SCREEN_LINES - _height(console, (title, *above, *below))
    for limits in tries:
        tight = replace(seen, limits=limits)
        sentences, middle = _sentences(tight), [*_specialisations(tight), *_intensities(tight)]
        height = _height(console, (sentences, *middle))
        if len(tries) == 1 or height <= room:
            break
    return _closed_up([title, sentences, *above, *middle, *below], 0 if roomy else height - room)


def _closed_up(lines: Sequence[RenderableType], excess: int) -> list[RenderableType]:
    """The lines with as many blank ones left out, from below, as there are too many."""
    kept: list[RenderableType] = []
    for one in reversed(lines):
        if excess > 0 and isinstance(one, Text) and not one.plain:
            excess -= 1
        else:
            kept.append(one)
    return kept[::-1]


def _height(console: Console, lines: Sequence[RenderableType]) -> int:
    return sum(len(console.render_lines(one)) for one in lines)


def _title(seen: View) -> Text:
    code, label = seen.result.meta["region"], seen.result.meta["label"]
    left = Text(label.upper() if label != code else code, style="bold")
    if label != code:
        left.append(f"  {code}", style="bright_black")
    return titled(seen, left, *state(seen))


def headline(seen: View) -> list[str]:
    """Sentences of the headline, each clause from one row of the `headline` table; fields only those with a row."""
    rows = _with_row(seen, seen.rows("headline"))
    said = [text for text in (_lasting(seen, rows), _large_and_new(seen, rows), _intensity(seen, rows)) if text]
    if not seen.rows("specialisation"):
        said.insert(0, f"{_no_cells(seen)}, so no specialisation is measured.")
    return said


def _no_cells(seen: View) -> str:
    """Why no specialisation is measured: other years have data, or no indicator has any."""
    label = seen.result.meta["label"]
    held = [f"{seen.meta(gap['indicator']).noun}: {words.years(gap['has'])}" for gap in _other_years(seen)]
    if not held:
        return f"No count or value indicator covers {label} here"
    when = f"in {seen.asked}" if seen.asked else "in its last year"
    return f"No count or value indicator has data of {label} {when} ({'; '.join(held)})"


def _other_years(seen: View) -> list[Mapping[str, Any]]:
    """Indicators that have data of the region, but not of the year shown."""
    return [gap for gap in seen.result.meta["no_data"] if gap["has"]]


def _with_row(seen: View, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Clauses of the headline without those about a field for which the table has no room."""
    if seen.limits is None:
        return list(rows)
    by_indicator = _grouped(seen.rows("specialisation"))
    placed = {
        (name, cell["sector"])
        for place, name in enumerate(_ordered(seen, list(by_indicator)))
        for cell in _chosen(seen, by_indicator[name], seen.limits[1 if place else 0])[0]
    }
    named = ("lasting", "large", "new")
    return [row for row in rows if row["clause"] not in named or (row["indicator"], row["sector"]) in placed]


def _names(seen: View, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [seen.phrase(r["indicator"], r["sector"]) for r in rows]


def _by_indicator(rows: Sequence[Mapping[str, Any]], clause: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["clause"] == clause:
            found.setdefault(row["indicator"], []).append(row)
    return found


def _ordered(seen: View, ids: Sequence[str]) -> list[str]:
    """Indicators from market back to knowledge, as a reader of industrial policy looks for them."""
    order = ["technology", "scale_up", "production", "market", "knowledge", "context"]
    return sorted(ids, key=lambda i: (order.index(seen.meta(i).stage), i))


def _lasting(seen: View, rows: Sequence[Mapping[str, Any]]) -> str:
    lasting, none = _by_indicator(rows, "lasting"), _by_indicator(rows, "none_lasting")
    said = [f"{words.joined(_names(seen, lasting[i]))} ({seen.meta(i).noun})" for i in _ordered(seen, list(lasting))]
    sentences = [f"Lastingly specialised in {', '.join(said)}."] if said else []
    reasons = {
        "break": "the series has a break, so nothing can be called lasting",
        "fewer_than_three_periods": "fewer than three periods, so nothing can be called lasting",
        "none_established": "no specialisation is established beyond doubt",
        "none_lasting": "no specialisation has held for three periods",
    }
    sentences += [
        f"{seen.meta(i).noun.capitalize()}: {reasons[none[i][0]['note']]}." for i in _ordered(seen, list(none))
    ]
    return " ".join(sentences)


def _large_and_new(seen: View, rows: Sequence[Mapping[str, Any]]) -> str:
    sentences = []
    large = [r for found in _by_indicator(rows, "large").values() for r in found]
    if large:
        said = []
        for row in sorted(large, key=lambda r: -r["value"])[:2]:
            what = seen.phrase(row["indicator"], row["sector"])
            noun = seen.meta(row["indicator"]).noun
            share = f"{numbers.per_cent(_share(seen, row))}% of {seen.world(row['indicator'])}"
            said.append(f"{what} ({numbers.amount(row['value'])} {noun}, {share})")
        sentences.append(f"Large but not specialised: {words.joined(said)}.")
    new = _by_indicator(rows, "new")
    if new:
        said = [f"{words.joined(_names(seen, found))} ({seen.meta(i).noun})" for i, found in new.items()]
        sentences.append(f"New, unconfirmed: {', '.join(said)}.")
    return " ".join(sentences)


def _share(seen: View, row: Mapping[str, Any]) -> float:
    key = (row["indicator"], row["sector"])
    found = next(c for c in seen.rows("specialisation") if (c["indicator"], c["sector"]) == key)
    return float(found["share_world"] or 0.0)


def _grouped(rows: Iterable[Mapping[str, Any]], key: str = "indicator") -> dict[str, list[Mapping[str, Any]]]:
    """Rows by what they say under a key, in the order in which that first occurs."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def _intensity(seen: View, rows: Sequence[Mapping[str, Any]]) -> str:
    said = []
    for name, own in _by_indicator(rows, "intensity").items():
        meta, found = seen.meta(name), {row["measure"]: row for row in own}
        value, rank = found["value"], found["rank"]
        year = f" ({value['year']})" if value["year"] else ""
        said.append(
            f"{meta.name}: {numbers.amount(value['value'])} {meta.unit}{year}, rank {int(rank['value'])} of "
            f"{rank['n']} with data."
        )
    return " ".join(said)


def warnings(seen: View) -> list[str]:
    """Age of the data, dominance in the reference, breaks and low reliability."""
    rows = seen.rows("headline")
    said = []
    last = {row["indicator"]: row["last_year"] for row in seen.rows("coverage")}
    parts = ages(seen, [(r["indicator"], r["year"]) for r in rows if r["clause"] == "year"], last)
    for row in rows:
        if row["clause"] == "dominant":
            share = _reference_share(seen, row["indicator"], row["region"])
            parts.append(
                f"{seen.region(row['region'])} is {numbers.per_cent(share)}% of {_of(seen, row['indicator'])}: "
                f"see {shlex.quote('ex:' + row['region'])}."
            )
    if parts:
        said.append(" ".join(parts))
    said += sums(seen)
    said += references(seen)
    for row in rows:
        noun = seen.meta(row["indicator"]).noun if row["indicator"] else ""
        if row["clause"] == "break":
            said.append(
                f"Break in the {noun} series in {row['year']} or shortly before: change, new and lost not judged."
            )
        if row["clause"] == "low_reliability":
            said.append(f"The {noun} of {row['year']} are of low reliability (status U).")
    return said


def _of(seen: View, indicator: str) -> str:
    """`world families`, or `the reference (families)` where it is not the world; with the years of a sum."""
    world, noun = seen.world(indicator), seen.meta(indicator).noun
    block = next(b for b in seen.result.meta["blocks"] if b["indicator"] == indicator)
    if basis(block):
        noun += f" {basis(block)}"
    return f"world {noun}" if world == "world" else f"{world} ({noun})"


def _reference_share(seen: View, indicator: str, region: str) -> float | None:
    """Share of the dominant region in the reference of an indicator, from the blocks' metadata."""
    for block in seen.result.meta["blocks"]:
        if block["indicator"] == indicator:
            share = block.get("dominant", {}).get(region)
            return None if share is None else float(share)
    return None


def _context(seen: View) -> list[RenderableType]:
    rows = seen.rows("context")
    parts = [_population(seen, r) for r in rows if r["measure"] == "population"] or ["population not in this project"]
    groups = [r["text"].replace("_", " ") for r in rows if r["measure"] == "group"]
    parts += groups[:1]
    named = seen.result.meta["peers"]
    if named["codes"]:
        parts.append(f"peers ({named['kind']}): {' '.join(named['codes'])}")
    else:
        parts.append("no structural peers: no size figures" if named["kind"] == "none" else "no peers")
    by_state: dict[str, list[str]] = {}
    for row in seen.rows("stages"):
        by_state.setdefault(row["state"], []).append(words.STAGE_WORDS[row["stage"]])
    when = seen.asked or "its last year"
    said = {
        "evidence": "covered", "partial": "partly", "not_in_year": f"no data in {when}", "no_evidence": "no evidence"
    }  # fmt: skip
    stages = [f"{said[state]}: {', '.join(by_state[state])}" for state in said if state in by_state]
    return [Text(), line("CONTEXT", " | ".join(parts)), line("STAGES", " | ".join(stages))]


def _population(seen: View, row: Mapping[str, Any]) -> str:
    """People and the year they were counted in, and which year was asked for where that is another."""
    asked = seen.result.meta["parameters"]["year"]
    instead = f"; no figure for {asked}" if asked.isdigit() and int(asked) != row["year"] else ""
    return f"{numbers.millions(row['value'])} people ({row['year']}{instead})"


def _size(seen: View) -> list[RenderableType]:
    rows: list[list[str | Text]] = []
    history = _grouped(seen.rows("size_history"))
    heads = []
    for row in seen.rows("size"):
        meta = seen.meta(row["indicator"])
        of_year = row["population_year"]
        if of_year:
            heads.append(f"{meta.noun} of {row['year']} per head of the population of {of_year}")
        rows.append([
            f"  {_title_noun(meta)}" + (" (fractional)" if meta.counting == "fractional" else ""),
            str(row["year"] or ""), numbers.amount(row["value"]), numbers.per_cent(row["share_world"]),
            numbers.rank(row["rank"], row["n"]), numbers.amount(row["per_million"]) + ("*" if of_year else ""),
            numbers.amount(row["peer_median"]), _size_trend(seen, row, history.get(row["indicator"], [])),
        ])  # fmt: skip
    for name, own in _grouped(seen.rows("intensity")).items():
        if len(own) == 1:
            (one,) = own
            rows.append([f"  {seen.meta(name).name}", str(one["year"] or ""), numbers.amount(one["value"]),
                         numbers.NOTHING, numbers.rank(one["rank"], one["n"]), numbers.NOTHING,
                         numbers.amount(one["peer_median"]), "" if _periods(seen, name) > 1 else "one year"])  # fmt: skip
    if not rows:
        return []
    blocks = seen.result.meta["blocks"]
    totals = {block["total"] for block in blocks}
    share = words.share_title(totals.pop() if len(totals) == 1 else None if not totals else "mixed")
    columns = [
        Column("SIZE", "left"), Column("year", width=4), Column("amount", width=9),
        Column(share), Column("rank", width=6), Column("per m people", spare=1),
        Column("peer median", spare=2), Column("trend", "left", 8, spare=3),
    ]  # fmt: skip
    lines: list[RenderableType] = [Text(), grid(seen, columns, rows, 24)]
    if heads:
        lines.append(Text(f"  * {'; '.join(heads)}", style="bright_black"))
    return lines


def _size_trend(seen: View, row: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """World share over the years; not drawn across a break."""
    broken = "B" in (row["status"] or "").split(";")
    return "break" if broken else seen.marks.sparkline([h["share_world"] for h in history])


def _title_noun(meta: Indicator) -> str:
    return capital(meta.short or meta.name)


def _periods(seen: View, indicator: str) -> int:
    return seen.project.observations.filter(pl.col("indicator") == indicator)["year"].n_unique()


def _specialisations(seen: View) -> list[RenderableType]:
    parts: list[RenderableType] = []
    by_indicator = _grouped(seen.rows("specialisation"))
    for place, name in enumerate(_ordered(seen, list(by_indicator))):
        limits = seen.limits[1] if place else seen.limits[0]
        parts += [Text(), *_one_indicator(seen, name, by_indicator[name], limits)]
    return parts


def _one_indicator(
    seen: View, name: str, own: Sequence[Mapping[str, Any]], limits: Mapping[str, int]
) -> list[RenderableType]:
    block = next(b for b in seen.result.meta["blocks"] if b["indicator"] == name)
    other = next((c["largest_other"] for c in own if c["largest_other"]), None)
    history = _grouped((h for h in seen.rows("history") if h["indicator"] == name), "sector")
    years = sorted({h["year"] for cells in history.values() for h in cells if h["year"] is not None})
    span = f"{years[0]}-{years[-1]}" if len(years) > 1 else "trend"
    columns = {
        "field": Column("    field", "left"), "value": Column(seen.meta(name).noun[:9], width=9),
        "world": Column(seen.share_title(name), width=6), "rank": Column("rank"), "rca": Column("RCA", width=5),
        "range": Column("range", width=10), "ex": Column(f"ex{other}" if other else "", width=6), "held": Column("held"),
        "trend": Column(span, "left"),
    }  # fmt: skip
    hidden = {key for key, width in NARROW if seen.width < width} | (set() if other else {"ex"})
    shown = [key for key in columns if key not in hidden]
    cells, left_out = _chosen(seen, own, limits)
    rows = [_field(seen, cell, history.get(cell["sector"], [])) for cell in cells]
    parts: list[RenderableType] = [_head(seen, name, own, block)]
    if rows:
        parts.append(grid(seen, [columns[key] for key in shown], [[row[key] for key in shown] for row in rows], 24))
    starred = "ex" in shown and any(str(row["ex"]).endswith("*") for row in rows)
    return [*parts, *_closing(seen, own, left_out, other if starred else None)]


def _head(seen: View, name: str, own: Sequence[Mapping[str, Any]], block: Mapping[str, Any]) -> Text:
    """How many fields are specialised and uncertain, and what the ranges hold."""
    meta = seen.meta(name)
    specialised = sum(c["class"] in ("established", "indicated") for c in own)
    uncertain = len(_unsure(own))
    named = meta.stage != "context"
    head = Text().append(f"{(words.STAGE_WORDS[meta.stage] if named else meta.noun).upper()}  ", style="bold")
    above = seen.result.meta["parameters"]["threshold"]
    bar = "" if above == 1 else f" (RCA above {numbers.index(above)})"
    noun = f"{meta.noun}, sum of {basis(block)}" if basis(block) else meta.noun
    said = f"{specialised} of {words.counted(block['sectors'], 'field')} specialised{bar}, {uncertain} uncertain; "
    said += range_says(block)
    return head.append(f"{noun}: {said}" if named or basis(block) else said)


def _chosen(
    seen: View, own: Sequence[Mapping[str, Any]], limits: Mapping[str, int]
) -> tuple[list[Mapping[str, Any]], int]:
    """Cells of the table in its order, and how many were left out."""
    cells: list[Mapping[str, Any]] = []
    left_out = 0
    for listing in ("specialised", "new", "lost", "large"):
        group = [c for c in own if c["listing"] == listing]
        if listing in ORDER:
            group.sort(key=_largest_first(ORDER[listing]))
        if listing == "new":
            group.sort(key=lambda c: bool(c["earlier"]))  # what the headline calls new comes first
        limit = len(group) if seen.everything else limits[listing]
        cells += group[:limit]
        left_out += max(0, len(group) - limit)
    return cells, left_out


def _unsure(own: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Cells whose class is uncertain, wherever they are listed."""
    return [cell for cell in own if cell["class"] == "uncertain"]


def _largest_first(key: str) -> Callable[[Mapping[str, Any]], tuple[bool, float, str]]:
    """Sorts by a number, the largest first and those without one last; ties by the code."""
    return lambda row: (row[key] is None, -(row[key] or 0.0), row["sector"])


def _field(seen: View, cell: Mapping[str, Any], trend: Sequence[Mapping[str, Any]]) -> dict[str, str | Text]:
    listing = cell["listing"]
    field = (
        Text("  ")
        .append(_mark(seen, cell), style=STYLE[listing])
        .append(f" {seen.sector(cell['indicator'], cell['sector'])}")
    )
    if seen.width >= REMARKS_FROM and listing != "specialised":
        field.append(f"  {_remark(cell)}", style="italic bright_black")
    ex = ""
    if cell["rca_ex_largest"] is not None:
        ex = numbers.index(cell["rca_ex_largest"]) + ("*" if _crosses(cell) else " ")
    known = cell["persistence"] is not None
    floor = "below_floor" in (cell["note"] or "")
    return {
        "field": field, "value": numbers.amount(cell["value"]), "world": numbers.per_cent(cell["share_world"]),
        "rank": numbers.rank(cell["rank_world"]), "rca": numbers.NOTHING if floor else numbers.index(cell["rca"]),
        "range": numbers.NOTHING if floor else numbers.interval(cell["rca_low"], cell["rca_high"]), "ex": ex,
        "held": f"{cell['persistence']}/{cell['periods']}" if known else "B",
        "trend": seen.marks.sparkline([h["rca"] for h in trend]) if known else "break",
    }  # fmt: skip


def _mark(seen: View, cell: Mapping[str, Any]) -> str:
    lasting = seen.marks.lasting if cell["trajectory"] == "lasting" else seen.marks.unjudged
    marks = {"specialised": lasting, "new": seen.marks.recent, "lost": seen.marks.lost, "large": seen.marks.large}
    return marks[cell["listing"]]


def _listing_order(cell: Mapping[str, Any]) -> int:
    return list(STYLE).index(cell["listing"])


def _remark(cell: Mapping[str, Any]) -> str:
    """What the mark beside a field says."""
    return {
        "specialised": "lasting" if cell["trajectory"] == "lasting" else "no history",
        "new": "recent, unconfirmed" if cell["earlier"] else "new, unconfirmed",
        "lost": "no longer material" if cell["rca"] >= 1 else "no longer specialised",
        "large": "large, not special.",
    }[str(cell["listing"])]


def _crosses(cell: Mapping[str, Any]) -> bool:
    """Whether the index passes 1 when the dominant region leaves the reference."""
    return (cell["rca"] is not None and cell["rca"] >= 1) != (
        cell["rca_ex_largest"] is not None and cell["rca_ex_largest"] >= 1
    )


def _closing(seen: View, own: Sequence[Mapping[str, Any]], left_out: int, other: str | None) -> list[RenderableType]:
    """Uncertain cells, what was counted but not listed, and the footnote on the dominant region."""
    parts = []
    every = _unsure(own)
    unsure = sorted((c for c in every if c["listing"] == "uncertain"), key=_largest_first("value"))
    gone = len(every) - len(unsure)
    n = f"{len(every)} uncertain" + (f" ({gone} no longer material)" if gone else "")
    limit = len(unsure) if seen.everything else 1
    said = [
        f"{seen.phrase(c['indicator'], c['sector'])} ({numbers.amount(c['value'])} found, "
        f"{numbers.amount(c['expected'])} expected)"
        for c in unsure if c["value"]
    ][:limit]  # fmt: skip
    if said:
        such_as = "such as " if len(unsure) > len(said) else ""
        parts.append(f"{n}: {such_as}{'; '.join(said)}")
    elif every:
        parts.append(n + (", none of them found" if unsure and not gone else ""))
    slight = sum(c["listing"] == "slight" for c in own)
    counted = [f"{slight} slight"] if slight else []
    counted += [f"{left_out} more"] if left_out else []
    rest = f"not listed: {', '.join(counted)}" if counted else ""
    if rest and not other:
        parts.append(rest)
    lines: list[RenderableType] = []
    if parts:
        lines.append(note(seen.marks.uncertain if every else "", " | ".join(parts)))
    if other:
        crossing = sum(_crosses(c) for c in own if c["rca"] is not None and c["rca_ex_largest"] is not None)
        told = f"crosses 1 when {seen.region(other)} leaves the reference ({crossing} of {words.counted(len(own), 'field')} do)"
        lines.append(
            Line("  *", " | ".join(text for text in (told, rest) if text), 4, ("bright_black", "bright_black"))
        )
    return lines


def _intensities(seen: View) -> list[RenderableType]:
    """Intensities by sector; an indicator that does not cover the region is named as not collected."""
    parts: list[RenderableType] = []
    for name, rows in _grouped(r for r in seen.rows("intensity") if r["value"] is not None).items():
        if len(rows) < 2:
            continue
        meta = seen.meta(name)
        head = Text(no_wrap=seen.width >= SCREEN_WIDTH, overflow="ellipsis")  # a narrow screen takes the lines it needs
        head.append(f"{words.STAGE_WORDS[meta.stage].upper()}  ", style="bold")
        parts.append(head.append(f"{meta.name} {rows[0]['year']}: {meta.unit}", style=""))
        limit = len(rows) if seen.everything else seen.limits[2]
        shown = sorted(rows, key=_largest_first("percentile"))[:limit]
        columns = [Column("    sector", "left"), Column("value", width=7), Column("rank", width=6),
                   Column("percentile", spare=1), Column("x median", spare=2), Column("peers", width=7, spare=3)]  # fmt: skip
        parts.append(grid(seen, columns, [
            [f"    {seen.sector(name, r['sector'])}", numbers.amount(r["value"]), numbers.rank(r["rank"], r["n"]),
             numbers.percentile(r["percentile"]), numbers.index(r["ratio_median"]), numbers.amount(r["peer_median"])]
            for r in shown
        ], 26))  # fmt: skip
        if len(rows) > len(shown):
            parts.append(
                Text(f"    {words.counted(len(rows) - len(shown), 'more sector')}: --all", style="bright_black")
            )
    lacking: dict[str, list[str]] = {}
    for row in seen.rows("coverage"):
        meta = seen.meta(row["indicator"])
        if row["note"] == "not_collected" and meta.stage != "context":
            producer = short(meta.source.producer or meta.source.title)
            lacking.setdefault(meta.stage, []).append(
                f"{meta.name} ({producer}, {words.counted(row['regions'], 'region')})"
            )
    parts += [
        line(
            words.STAGE_WORDS[stage].upper(), f"not collected for {seen.result.meta['region']} here: {'; '.join(names)}"
        )
        for stage, names in lacking.items()
    ]
    return parts


def _chain(seen: View) -> list[RenderableType]:
    kinds = {seen.meta(i).classification for i in _listed_ids(seen)}
    if len(kinds) < 2:
        return []
    stages = [words.STAGE_WORDS[seen.meta(i).stage] for i in _ordered(seen, _listed_ids(seen))]
    what, lacking = " and ".join(sorted(set(stages))), "-".join(sorted(kinds))
    return [line("CHAIN", f"{what} not compared: no concordance {lacking} in this project")]


def _listed_ids(seen: View) -> list[str]:
    return list(_grouped(seen.rows("specialisation")))


def _pattern(seen: View) -> list[RenderableType]:
    said = []
    limit = seen.project.run.profile.close_match
    found = _grouped(seen.rows("pattern"))
    for name in _ordered(seen, list(found)):
        own = [(r["region"], numbers.index(r["similarity"])) for r in found[name]]
        near = [
            f"{code} {index}" for (code, index), r in zip(own, found[name], strict=True) if r["similarity"] >= limit
        ]
        best, least = (" ".join(own[k]) for k in (0, -1))
        far = f"no close match (nearest {best}, below {numbers.index(limit)})"
        like = f"like {', '.join(near[:2])}" if near else far
        said.append(f"{seen.meta(name).noun}: {like}; least {least}")
    return [line("PATTERN", " | ".join(said))] if said else []


def _legend(seen: View) -> list[RenderableType]:
    """What the marks say where no remark stands beside them, and how a class differs from its range."""
    cells = [c for c in seen.rows("specialisation") if c["listing"] in STYLE]
    told = [c for c in cells if seen.width < REMARKS_FROM or c["listing"] == "specialised"]
    marks = {_mark(seen, c): LEGEND.get(str(c["listing"]), _remark(c)) for c in sorted(told, key=_listing_order)}
    said = ["  ".join(f"{mark} {what}" for mark, what in marks.items()), words.doubt(seen.result.meta)]
    return [line("LEGEND", " | ".join(text for text in said if text))] if any(said) else []


def _prospects(seen: View) -> list[RenderableType]:
    """Diversity, complexity with its rank range, and what lies near, with the grade that goes with it."""
    rows = {row["indicator"]: row for row in seen.rows("complexity")}
    if not rows:
        return []
    names = _ordered(seen, list(rows))
    state = seen.result.meta["prospects"]
    if state in ("none", "outdated"):
        held = [f"{rows[n]['diversity']} of {rows[n]['sectors']} {seen.meta(n).noun}" for n in names]
        why = "results/ is outdated" if state == "outdated" else "more"
        run = "" if "--data" in seen.source else f"{seen.command('run', '-o', 'results')}, or "
        return [line("COMPLEXITY", f"RCA >= 1: {', '.join(held)} | {why}: {run}--full")]
    parts: list[RenderableType] = [line("COMPLEXITY", " | ".join(_complexity(seen, rows[name]) for name in names))]
    near = _grouped(seen.rows("opportunities"))
    told = names if seen.everything else names[:1]
    more = "" if len(told) == len(names) else " | others: --all"
    return [*parts, line("NEARBY", " | ".join(_near(seen, rows[n], near.get(n, [])) for n in told) + more)]


def _complexity(seen: View, row: Mapping[str, Any]) -> str:
    """`families 18 of 35 at RCA >= 1, ECI 0.68, rank 8 (6-17) of 29`."""
    held = f"{seen.meta(row['indicator']).noun} {row['diversity']} of {row['sectors']} at RCA >= 1"
    if row["eci"] is None:
        return held
    span = f" ({row['rank_low']}-{row['rank_high']})" if row["rank_low"] is not None else ""
    return f"{held}, ECI {numbers.index(row['eci'])}, rank {row['eci_rank']}{span} of {row['n']}"


def _near(seen: View, row: Mapping[str, Any], near: Sequence[Mapping[str, Any]]) -> str:
    """What is close and complex, as advice where the backtest earns it; nothing where it says that picks are worthless."""
    grade, noun = row["grade"], seen.meta(row["indicator"]).noun
    if grade == "D":
        return f"{noun}: none named, for closeness foretold no entries (grade D)"
    if not near:
        return f"{noun}: nothing close and complex"
    names = words.joined([seen.phrase(r["indicator"], r["sector"]) for r in near])
    if grade in ("A", "B"):
        return f"{noun}: build here: {names} (grade {grade})"
    return (
        f"{noun}: close and more complex: {names} (" + (f"grade {grade}" if grade else "no grade") + ", so no advice)"
    )


def _questions(seen: View) -> list[RenderableType]:
    said = []
    for row in seen.rows("questions"):
        what = seen.phrase(row["indicator"], row["sector"])
        if row["question"] == "new_or_counting_change":
            moved = (
                f"world total moved {row['value'] * 100:+.0f}% in {row['first_year']}-{row['year']}"
                if row["value"] is not None else "no world total to compare with"
            )  # fmt: skip
            said.append(f"Is {what} real or a counting change? {moved}")
        else:
            said.append(f"Does {what} survive without its largest owners? no firm data to tell")
    lines: list[RenderableType] = [line("ASK NEXT" if k == 0 else "", f"{k + 1} {text}") for k, text in enumerate(said)]
    return lines


def _data(seen: View) -> list[RenderableType]:
    coverage = [row for row in seen.rows("coverage") if row["note"] is None]
    listed = _listed_ids(seen)
    parts = [
        f"{seen.meta(r['indicator']).noun} {r['sectors']}/{r['of']}"
        for r in coverage if seen.meta(r["indicator"]).stage != "context" or r["indicator"] in listed
    ]  # fmt: skip
    doubts = {
        k: sum(r[k] or 0 for r in seen.rows("coverage")) for k in ("missing", "estimated", "breaks", "low_reliability")
    }
    doubts["sectors without data"] = sum((r["of"] or 0) - (r["sectors"] or 0) for r in coverage)
    flags = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in doubts.items() if v)
    flags = f"{flags}: {seen.command('check')}" if flags else "none missing or flagged"
    gaps = [
        f"{seen.meta(g['indicator']).noun}: no data in {seen.asked or 'its last year'} (has {words.years(g['has'])})"
        for g in _other_years(seen)
    ]
    sources = [
        f"{r['producer'] or ''} {r['title']}{', ' + r['table'] if r['table'] else ''} ".lstrip()
        + f"({r['licence'] or 'terms not stated'})"
        for r in seen.rows("sources")
    ]
    code = seen.result.meta["region"]
    peers = seen.result.meta["peers"]["codes"][:2]
    more = [seen.command("rca", "-r", code, "--wide")] if listed else [seen.command("intensity", "-r", code)]
    more += [seen.command("compare", code, *peers)] if peers else []
    lines: list[RenderableType] = [
        line("NOT SAID", "quality, ownership, jobs or value of what is counted; RCA is focus, not size"),
        line("DATA", " | ".join([*([f"sectors: {', '.join(parts)}"] if parts else []), flags, *gaps])),
    ]
    if seen.everything:
        lines += [line("SOURCES" if k == 0 else "", text) for k, text in enumerate(sources)]
    else:
        lines.append(line("SOURCES", cite_all(seen)))
    lines.append(line("MORE", " | ".join([*more, seen.command("profile", code, "--all")])))
    return lines
