"""A capability profile on one screen: the sentence, the size, the specialisation with its doubt, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from rich.console import Console, RenderableType
from rich.text import Text

from capmap.model import Indicator
from capmap.report import numbers, words
from capmap.report.layout import View, ages, cite_all, grid, line, range_says, references, short, state, titled

#: Lines a profile may take on a screen of 100 columns; narrower screens wrap and take what they need.
SCREEN_LINES = 45
#: Rows of each block, from generous to tight: for the first indicator, for the others, and of an intensity's sectors.
LIMITS = (
    ({"specialised": 4, "new": 3, "lost": 2, "large": 3}, {"specialised": 3, "new": 2, "lost": 1, "large": 1}, 3),
    ({"specialised": 4, "new": 2, "lost": 1, "large": 2}, {"specialised": 3, "new": 1, "lost": 1, "large": 1}, 3),
    ({"specialised": 4, "new": 2, "lost": 1, "large": 1}, {"specialised": 2, "new": 1, "lost": 0, "large": 0}, 2),
    ({"specialised": 3, "new": 1, "lost": 1, "large": 1}, {"specialised": 2, "new": 1, "lost": 0, "large": 0}, 1),
    ({"specialised": 2, "new": 1, "lost": 0, "large": 1}, {"specialised": 1, "new": 0, "lost": 0, "large": 0}, 1),
)
STYLE = {"specialised": "bold green", "new": "green", "lost": "yellow", "large": "cyan"}
#: What a block is sorted by where it is not persistence, then world share: the largest first.
ORDER = {"new": "rca", "lost": "share_world", "large": "value"}
#: Columns dropped first when the terminal is narrow, and the width below which each goes.
NARROW = (("trend", 96), ("ex", 84), ("rank", 72), ("held", 64))


def show(console: Console, seen: View, *, brief: bool = False) -> None:
    """Print a profile; `brief` stops after the headline block.

    Blocks give up rows, never sections, until the profile fits SCREEN_LINES at 100 columns.
    """
    top: list[RenderableType] = [_title(seen), Text(" ".join(headline(seen)))]
    top += [Text(f"{seen.marks.warning} {warning}", style="yellow") for warning in warnings(seen)]
    for one in top if brief else _fitting(console, seen, top):
        console.print(one)


def _fitting(console: Console, seen: View, top: Sequence[RenderableType]) -> list[RenderableType]:
    """All lines of a profile, with as many rows as fit; what has no rows to give up is made and measured once."""
    above = [*top, *_context(seen), *_size(seen)]
    below = [line for part in (_chain, _pattern, _questions, _data) for line in part(seen)]
    tries = LIMITS[:1] if seen.everything else LIMITS
    room = SCREEN_LINES - _height(console, (*above, *below))
    for limits in tries:
        tight = replace(seen, limits=limits)
        middle = [*_specialisations(tight), *_intensities(tight)]
        if len(tries) == 1 or _height(console, middle) <= room:
            break
    return [*above, *middle, *below]


def _height(console: Console, lines: Sequence[RenderableType]) -> int:
    return sum(len(console.render_lines(one)) for one in lines)


def _title(seen: View) -> Text:
    code, label = seen.result.meta["region"], seen.result.meta["label"]
    left = Text(label.upper() if label != code else code, style="bold")
    if label != code:
        left.append(f"  {code}", style="bright_black")
    return titled(seen, left, state(seen))


def headline(seen: View) -> list[str]:
    """Sentences of the headline, each clause from one row of the `headline` table."""
    rows = list(seen.table("headline").iter_rows(named=True))
    said = [text for text in (_lasting(seen, rows), _large_and_new(seen, rows), _intensity(seen, rows)) if text]
    if seen.table("specialisation").is_empty():
        label = seen.result.meta["label"]
        said.insert(0, f"No count or value indicator covers {label} here, so no specialisation is measured.")
    return said


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
        cells = seen.table("specialisation")
        said = []
        for row in sorted(large, key=lambda r: -r["value"])[:2]:
            what = seen.phrase(row["indicator"], row["sector"])
            noun = seen.meta(row["indicator"]).noun
            share = f"{numbers.per_cent(_share(cells, row))}% of {seen.world(row['indicator'])}"
            said.append(f"{what} ({numbers.amount(row['value'])} {noun}, {share})")
        sentences.append(f"Large but not specialised: {words.joined(said)}.")
    new = _by_indicator(rows, "new")
    if new:
        said = [f"{words.joined(_names(seen, found))} ({seen.meta(i).noun})" for i, found in new.items()]
        sentences.append(f"New, unconfirmed: {', '.join(said)}.")
    return " ".join(sentences)


def _share(cells: pl.DataFrame, row: Mapping[str, Any]) -> float:
    found = cells.filter((pl.col("indicator") == row["indicator"]) & (pl.col("sector") == row["sector"]))
    return float(found["share_world"][0] or 0.0)


def _intensity(seen: View, rows: Sequence[Mapping[str, Any]]) -> str:
    said = []
    for row in (r for r in rows if r["clause"] == "intensity"):
        meta = seen.meta(row["indicator"])
        said.append(
            f"{meta.name}: {numbers.amount(row['low'])} {meta.unit} ({row['year']}), rank {int(row['value'])} of "
            f"{row['n']} with data."
        )
    return " ".join(said)


def warnings(seen: View) -> list[str]:
    """Age of the data, dominance in the reference, breaks and low reliability."""
    rows = list(seen.table("headline").iter_rows(named=True))
    said = []
    parts = ages(seen, [(r["indicator"], r["year"]) for r in rows if r["clause"] == "year"])
    for row in rows:
        if row["clause"] == "dominant":
            share = _reference_share(seen, row["indicator"], row["region"])
            parts.append(
                f"{seen.region(row['region'])} is {numbers.per_cent(share)}% of {_of(seen, row['indicator'])}: "
                f"see ex:{row['region']}."
            )
    if parts:
        said.append(" ".join(parts))
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
    """`world families`, or `the reference (families)` where it is not the world."""
    world, noun = seen.world(indicator), seen.meta(indicator).noun
    return f"world {noun}" if world == "world" else f"{world} ({noun})"


def _reference_share(seen: View, indicator: str, region: str) -> float | None:
    """Share of the dominant region in the reference of an indicator, from the blocks' metadata."""
    for block in seen.result.meta["blocks"]:
        if block["indicator"] == indicator:
            share = block.get("dominant", {}).get(region)
            return None if share is None else float(share)
    return None


def _context(seen: View) -> list[RenderableType]:
    rows = list(seen.table("context").iter_rows(named=True))
    parts = [f"{numbers.millions(r['value'])} people ({r['year']})" for r in rows if r["measure"] == "population"] or [
        "population not in this project"
    ]
    groups = [r["text"].replace("_", " ") for r in rows if r["measure"] == "group"]
    parts += groups[:1]
    named = seen.result.meta["peers"]
    if named["codes"]:
        parts.append(f"peers ({named['kind']}): {' '.join(named['codes'])}")
    else:
        parts.append("no structural peers: no size figures" if named["kind"] == "none" else "no peers")
    by_state: dict[str, list[str]] = {}
    for row in seen.table("stages").iter_rows(named=True):
        by_state.setdefault(row["state"], []).append(words.STAGE_WORDS[row["stage"]])
    said = {"evidence": "covered", "partial": "partly", "no_evidence": "no evidence"}
    stages = [f"{said[state]}: {', '.join(by_state[state])}" for state in said if state in by_state]
    return [Text(), line("CONTEXT", " | ".join(parts)), line("STAGES", " | ".join(stages))]


def _size(seen: View) -> list[RenderableType]:
    columns = [("SIZE", "left", 0), ("year", "right", 4), ("amount", "right", 9), ("world%", "right", 6),
               ("rank", "right", 6), ("per m people", "right", 12), ("peer median", "right", 11),
               ("trend", "left", 8)]  # fmt: skip
    rows: list[list[str | Text]] = []
    for row in seen.table("size").iter_rows(named=True):
        history = seen.table("size_history").filter(pl.col("indicator") == row["indicator"])
        meta = seen.meta(row["indicator"])
        year = str(row["year"] or "")
        head = numbers.amount(row["per_million"]) + ("*" if row["population_year"] else "")
        rows.append([
            f"  {_title_noun(meta)}" + (" (fractional)" if meta.counting == "fractional" else ""), year,
            numbers.amount(row["value"]), numbers.per_cent(row["share_world"]), numbers.rank(row["rank"], row["n"]),
            head, numbers.amount(row["peer_median"]), _size_trend(seen, row, history),
        ])  # fmt: skip
    single = seen.table("intensity")
    for name in single["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if single.height else []:
        own = single.filter(pl.col("indicator") == name)
        if own.height == 1:
            row = own.row(0, named=True)
            rows.append([f"  {seen.meta(name).name}", str(row["year"] or ""), numbers.amount(row["value"]),
                         numbers.NOTHING, numbers.rank(row["rank"], row["n"]), numbers.NOTHING,
                         numbers.amount(row["peer_median"]), "" if _periods(seen, name) > 1 else "one year"])  # fmt: skip
    if not rows:
        return []
    keep = [k for k, (title, _, _) in enumerate(columns) if not (title == "trend" and seen.width < 84)
            and not (title in ("per m people", "peer median") and seen.width < 72)]  # fmt: skip
    return [Text(), grid(seen, [columns[k] for k in keep], [[row[k] for k in keep] for row in rows], 24)]


def _size_trend(seen: View, row: Mapping[str, Any], history: pl.DataFrame) -> str:
    """World share over the years; not drawn across a break."""
    broken = "B" in (row["status"] or "").split(";")
    return "break" if broken else seen.marks.sparkline(history["share_world"].to_list())


def _title_noun(meta: Indicator) -> str:
    noun = meta.short or meta.name
    return noun[:1].upper() + noun[1:]


def _periods(seen: View, indicator: str) -> int:
    return seen.project.observations.filter(pl.col("indicator") == indicator)["year"].n_unique()


def _specialisations(seen: View) -> list[RenderableType]:
    cells = seen.table("specialisation")
    if cells.is_empty():
        return []
    parts: list[RenderableType] = []
    ids = _ordered(seen, cells["indicator"].cast(pl.String).unique(maintain_order=True).to_list())
    for place, name in enumerate(ids):
        own = cells.filter(pl.col("indicator") == name)
        parts += [Text(), *_one_indicator(seen, name, own, seen.limits[1] if place else seen.limits[0])]
    return parts


def _one_indicator(seen: View, name: str, own: pl.DataFrame, limits: Mapping[str, int]) -> list[RenderableType]:
    meta = seen.meta(name)
    count = own.group_by("listing").len()
    n = {str(k): int(v) for k, v in count.iter_rows()}
    specialised = int((own["class"].cast(pl.String).is_in(["established", "indicated"])).sum())
    block = next(b for b in seen.result.meta["blocks"] if b["indicator"] == name)
    uncertain = int((own["class"].cast(pl.String) == "uncertain").sum())
    named = meta.stage != "context"
    head = Text().append(f"{(words.STAGE_WORDS[meta.stage] if named else meta.noun).upper()}  ", style="bold")
    above = seen.result.meta["parameters"]["threshold"]
    bar = "" if above == 1 else f" (RCA above {numbers.index(above)})"
    said = f"{specialised} of {block['sectors']} fields specialised{bar}, {uncertain} uncertain; "
    said += range_says(block)
    head.append(f"{meta.noun}: {said}" if named else said)
    other = next((c for c in own["largest_other"].cast(pl.String).to_list() if c), None)
    history = seen.table("history").filter(pl.col("indicator") == name)
    years = [y for y in history["year"].unique().sort().to_list() if y is not None]
    span = f"{years[0]}-{years[-1]}" if len(years) > 1 else "trend"
    columns = [("field", "    field", "left", 0), ("value", meta.noun[:9], "right", 9),
               ("world", seen.share_title(name), "right", 6),
               ("rank", "rank", "right", 4), ("rca", "RCA", "right", 5), ("range", "range", "right", 10),
               ("ex", f"ex{other}" if other else "", "right", 6), ("held", "held", "right", 4),
               ("trend", span, "left", 9)]  # fmt: skip
    hidden = {key for key, width in NARROW if seen.width < width} | (set() if other else {"ex"})
    rows: list[dict[str, str | Text]] = []
    left_out = 0
    starred = False
    for listing in ("specialised", "new", "lost", "large"):
        group = own.filter(pl.col("listing") == listing)
        if listing in ORDER:
            group = group.sort(pl.col(ORDER[listing]).neg(), "sector", nulls_last=True)
        limit = group.height if seen.everything else limits[listing]
        left_out += max(0, group.height - limit)
        for cell in group.head(limit).iter_rows(named=True):
            rows.append(_field(seen, cell, listing, history))
            starred |= rows[-1]["ex"].endswith("*")  # type: ignore[union-attr]
    shown = [c for c in columns if c[0] not in hidden]
    parts: list[RenderableType] = [head]
    if rows:
        parts.append(grid(seen, [(t, j, w) for _, t, j, w in shown], [[r[c[0]] for c in shown] for r in rows], 26))
    parts += _closing(seen, own, n, left_out, other, starred and "ex" not in hidden)
    return parts


def _field(seen: View, cell: Mapping[str, Any], listing: str, history: pl.DataFrame) -> dict[str, str | Text]:
    mark = {
        "specialised": seen.marks.lasting if cell["trajectory"] == "lasting" else seen.marks.unjudged,
        "new": seen.marks.recent,
        "lost": seen.marks.lost,
        "large": seen.marks.large,
    }[listing]
    words_for = {
        "specialised": "",
        "new": "  recent, unconfirmed" if cell["earlier"] else "  new, unconfirmed",
        "lost": "  no longer material" if cell["rca"] >= 1 else "  no longer specialised",
        "large": "  large, not special.",
    }
    label = seen.sector(cell["indicator"], cell["sector"])
    field = (
        Text("  ")
        .append(mark, style=STYLE[listing])
        .append(f" {label}")
        .append(words_for[listing], style="italic bright_black")
    )
    ex = ""
    if cell["rca_ex_largest"] is not None:
        crosses = (cell["rca"] >= 1) != (cell["rca_ex_largest"] >= 1)
        ex = numbers.index(cell["rca_ex_largest"]) + ("*" if crosses else " ")
    held = "B" if cell["persistence"] is None else f"{cell['persistence']}/{cell['periods']}"
    trend = history.filter(pl.col("sector") == cell["sector"]).sort("year")
    floor = "below_floor" in (cell["note"] or "")
    return {
        "field": field, "value": numbers.amount(cell["value"]), "world": numbers.per_cent(cell["share_world"]),
        "rank": numbers.rank(cell["rank_world"]), "rca": numbers.NOTHING if floor else numbers.index(cell["rca"]),
        "range": numbers.NOTHING if floor else numbers.interval(cell["rca_low"], cell["rca_high"]), "ex": ex,
        "held": held, "trend": seen.marks.sparkline(trend["rca"].to_list()) if cell["persistence"] is not None else "break",
    }  # fmt: skip


def _closing(
    seen: View, own: pl.DataFrame, n: Mapping[str, int], left_out: int, other: str | None, starred: bool
) -> list[RenderableType]:
    """Uncertain cells, what was counted but not listed, and the footnote on the dominant region."""
    parts = []
    unsure = own.filter(pl.col("listing") == "uncertain").sort(pl.col("value").neg(), "sector", nulls_last=True)
    limit = unsure.height if seen.everything else 1
    said = [
        f"{seen.phrase(c['indicator'], c['sector'])} ({numbers.amount(c['value'])} found, "
        f"{numbers.amount(c['expected'])} expected)"
        for c in unsure.filter(pl.col("value") > 0).head(limit).iter_rows(named=True)
    ]
    if said:
        such_as = "such as " if unsure.height > len(said) else ""
        parts.append(f"{unsure.height} uncertain: {such_as}{'; '.join(said)}")
    elif unsure.height:
        parts.append(f"{unsure.height} uncertain, none of them found")
    counted = [f"{n['slight']} slight"] if n.get("slight") else []
    counted += [f"{left_out} more"] if left_out else []
    if counted:
        parts.append(f"not listed: {', '.join(counted)}" + ("" if seen.everything else ": --all"))
    lines: list[RenderableType] = []
    if parts:
        lines.append(Text("  ").append(seen.marks.uncertain, style="yellow").append(" " + " | ".join(parts)))
    if starred and other:
        crossing = own.filter((pl.col("rca") >= 1) != (pl.col("rca_ex_largest") >= 1)).height
        lines.append(Text(
            f"  * crosses 1 when {seen.region(other)} leaves the reference ({crossing} of {own.height} fields do)",
            style="bright_black",
        ))  # fmt: skip
    return lines


def _intensities(seen: View) -> list[RenderableType]:
    """Intensities by sector; an indicator that does not cover the region is named as not collected."""
    parts: list[RenderableType] = []
    table = seen.table("intensity")
    held = table["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if table.height else []
    for name in held:
        own = table.filter((pl.col("indicator") == name) & pl.col("value").is_not_null())
        if own.height < 2:
            continue
        meta = seen.meta(name)
        parts.append(Text().append(f"{words.STAGE_WORDS[meta.stage].upper()}  ", style="bold").append(
            f"{meta.name} {own['year'][0]}: {meta.unit}", style=""))  # fmt: skip
        parts[-1].no_wrap, parts[-1].overflow = True, "ellipsis"  # type: ignore[union-attr]
        limit = own.height if seen.everything else seen.limits[2]
        rows = [
            [f"    {seen.sector(name, r['sector'])}", numbers.amount(r["value"]), numbers.rank(r["rank"], r["n"]),
             f"{r['percentile'] * 100:.0f}" if r["percentile"] is not None else numbers.NOTHING,
             numbers.index(r["ratio_median"]), numbers.amount(r["peer_median"])]
            for r in own.sort(pl.col("percentile").neg(), "sector").head(limit).iter_rows(named=True)
        ]  # fmt: skip
        parts.append(grid(seen, [("    sector", "left", 0), ("value", "right", 7), ("rank", "right", 6),
                                  ("percentile", "right", 10), ("x median", "right", 8), ("peers", "right", 7)],
                           rows, 26))  # fmt: skip
        if own.height > len(rows):
            parts.append(Text(f"    {own.height - len(rows)} more sectors: --all", style="bright_black"))
    lacking: dict[str, list[str]] = {}
    for row in seen.table("coverage").filter(pl.col("note") == "not_collected").iter_rows(named=True):
        meta = seen.meta(row["indicator"])
        if meta.stage != "context":
            producer = short(meta.source.producer or meta.source.title)
            lacking.setdefault(meta.stage, []).append(f"{meta.name} ({producer}, {row['regions']} regions)")
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
    cells = seen.table("specialisation")
    return cells["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if cells.height else []


def _pattern(seen: View) -> list[RenderableType]:
    table = seen.table("pattern")
    if table.is_empty():
        return []
    said = []
    limit = seen.project.run.profile.close_match
    for name in _ordered(seen, table["indicator"].cast(pl.String).unique(maintain_order=True).to_list()):
        own = table.filter(pl.col("indicator") == name)
        near = own.filter(pl.col("similarity") >= limit).head(2)
        least = own.tail(1).row(0, named=True)
        best = own.row(0, named=True)
        close = ", ".join(f"{r['region']} {numbers.index(r['similarity'])}" for r in near.iter_rows(named=True))
        said.append(
            f"{seen.meta(name).noun}: "
            + (f"like {close}" if close else f"no close match (nearest {best['region']} {numbers.index(best['similarity'])}, "
               f"below {numbers.index(limit)})")
            + f"; least {least['region']} {numbers.index(least['similarity'])}"
        )  # fmt: skip
    return [line("PATTERN", " | ".join(said))]


def _questions(seen: View) -> list[RenderableType]:
    said = []
    for row in seen.table("questions").iter_rows(named=True):
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
    coverage = seen.table("coverage")
    parts = [
        f"{seen.meta(r['indicator']).noun} {r['sectors']}/{r['of']}"
        for r in coverage.filter(pl.col("note").is_null()).iter_rows(named=True)
        if seen.meta(r["indicator"]).stage != "context" or r["indicator"] in _listed_ids(seen)
    ]  # fmt: skip
    doubts = {k: int(coverage[k].sum()) for k in ("missing", "estimated", "breaks", "low_reliability")}
    lacking = coverage.filter(pl.col("note").is_null()).select((pl.col("of") - pl.col("sectors")).sum()).item()
    doubts["sectors without data"] = int(lacking or 0)
    flags = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in doubts.items() if v)
    flags = f"{flags}: capmap check" if flags else "none missing or flagged"
    gaps = [
        f"{seen.meta(g['indicator']).noun}: no data in {g['asked']} (has {words.years(g['has'])})"
        for g in seen.result.meta["no_data"] if g["asked"] not in ("latest", "None") and _collected(coverage, g["indicator"])
    ]  # fmt: skip
    sources = [
        f"{r['producer'] or ''} {r['title']}{', ' + r['table'] if r['table'] else ''} ".lstrip()
        + f"({r['licence'] or 'terms not stated'})"
        for r in seen.table("sources").iter_rows(named=True)
    ]
    code = seen.result.meta["region"]
    peers = " ".join(seen.result.meta["peers"]["codes"][:2])
    beside = f"capmap compare {code} {peers} | " if peers else ""
    lines: list[RenderableType] = [
        line("NOT SAID", "quality, ownership, jobs or value of what is counted; RCA is focus, not size"),
        line("DATA", f"sectors: {', '.join(parts)} | {flags}" + "".join(f" | {g}" for g in gaps)),
    ]
    if seen.everything:
        lines += [line("SOURCES" if k == 0 else "", text) for k, text in enumerate(sources)]
    else:
        lines.append(line("SOURCES", cite_all(seen)))
    lines.append(
        line(
            "MORE",
            f"capmap rca -r {code} --wide | {beside}capmap profile {code} --all",
        )
    )
    return lines


def _collected(coverage: pl.DataFrame, indicator: str) -> bool:
    row = coverage.filter(pl.col("indicator") == indicator)
    return row.height > 0 and row["note"][0] is None
