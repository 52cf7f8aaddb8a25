"""One sector on one screen: who leads by size, who is specialised and how surely, who came and went, what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Console, Group, RenderableType
from rich.text import Text

from capmap.model import Indicator
from capmap.report import numbers, words
from capmap.report.layout import (
    REMARKS_FROM,
    Column,
    View,
    ages,
    basis,
    capital,
    cite_all,
    grid,
    line,
    note,
    range_says,
    state,
    titled,
)

#: Rows of each group before `--all` is needed: of a sector that one indicator has, then of one that several have.
LIMITS = (
    {"leader": 9, "specialised": 7, "new": 3, "lost": 2},
    {"leader": 3, "specialised": 3, "new": 1, "lost": 1},
)
#: Rows of an intensity before `--all`: where it stands alone, then beside others.
RATED = (10, 5)
#: Names in one clause of the headline.
NAMED = {"leader": 3, "lasting": 6, "specialised": 4, "new": 3, "lost": 3, "large": 3}
#: Regions that the last line proposes to compare.
LEADERS = 3
#: Names in a line of their own.
LISTED = 3
STYLE = {
    "specialised": "bold green", "new": "green", "lost": "yellow", "large": "cyan", "slight": "green",
    "uncertain": "yellow",
}  # fmt: skip
REMARKS = {
    "new": "recent, unconfirmed", "lost": "no longer material", "large": "large, RCA < 1", "slight": "slight",
    "uncertain": "uncertain", "not_specialised": "not specialised",
}  # fmt: skip
#: Columns dropped first when the terminal is narrow, and the width below which each goes.
NARROW = (("trend", 96), ("ex", 84), ("rank", 72), ("held", 64))
#: Width of the trend column, so the most years it shows: the latest.
TREND = 11
NONE_LASTING = {
    "fewer_than_three_periods": "fewer than three periods, so nobody can be called lastingly specialised",
    "none_established": "no specialisation is established beyond doubt",
    "none_lasting": "nobody has been materially specialised for three periods",
}


def show(console: Console, seen: View, *, brief: bool = False) -> None:
    """Print a sector; `brief` stops after the headline block."""
    top = [_title(seen), *map(Text, headline(seen))]
    top += [Text(f"{seen.marks.warning} {warning}", style="yellow") for warning in warnings(seen)]
    rest = () if brief else (*_size(seen), *_regions(seen), *_intensities(seen), *_closing(seen))
    console.print(Group(*top, *rest))


def _code(seen: View) -> str:
    return str(seen.result.meta["sector"])


def _counted(seen: View) -> list[str]:
    """Indicators with indices, from market back to knowledge."""
    order = ["technology", "scale_up", "production", "market", "knowledge", "context"]
    ids = [block["indicator"] for block in seen.result.meta["blocks"]]
    return sorted(ids, key=lambda i: (order.index(seen.meta(i).stage), i))


def _title(seen: View) -> Text:
    code = _code(seen)
    names = list(dict.fromkeys(seen.result.meta["labels"].values()))
    left = Text(" / ".join(names).upper(), style="bold")
    if names != [code]:
        left.append(f"  {code}", style="bright_black")
    return titled(seen, left, *state(seen))


def headline(seen: View) -> list[str]:
    """Sentences of the headline, each clause from rows of the `headline` table."""
    rows = list(seen.table("headline").iter_rows(named=True))
    said = []
    for name in _counted(seen):
        own = [r for r in rows if r["indicator"] == name]
        focus = " ".join(text for text in (_specialised(seen, name, own), _others(seen, own)) if text)
        said += [text for text in (_leaders(seen, name, own), focus) if text]
    intense: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["clause"] == "intensity":
            intense.setdefault(row["indicator"], []).append(row)
    for name, rated in intense.items():
        sign = "%" if seen.meta(name).percent else ""
        who = words.joined([f"{seen.region(r['region'])} ({numbers.amount(r['value'])}{sign})" for r in rated])
        year = f", {rated[0]['year']}" if rated[0]["year"] else ""
        lead = "leads" if len(rated) == 1 else "lead"
        among = f"{lead} among {rated[0]['n']}" if rated[0]["n"] > 1 else "is the only one"
        said.append(f"{seen.meta(name).name}: {who} {among} with data{year}.")
    return said


def _clauses(own: Sequence[Mapping[str, Any]], clause: str) -> list[Mapping[str, Any]]:
    return [r for r in own if r["clause"] == clause]


def _names(seen: View, own: Sequence[Mapping[str, Any]], clause: str) -> str:
    """Names of a clause, the first few of them and how many more there are."""
    found = [seen.region(r["region"]) for r in _clauses(own, clause)]
    limit = len(found) if seen.everything else NAMED[clause]
    more = [f"{len(found) - limit} more"] if len(found) > limit else []
    return words.joined(found[:limit] + more)


def _leaders(seen: View, name: str, own: Sequence[Mapping[str, Any]]) -> str:
    leaders = _clauses(own, "leader")[: NAMED["leader"]]
    if not leaders:
        return ""
    of = _share_of(seen, name)
    who = [
        f"{seen.region(r['region'])} ({numbers.per_cent(r['value'])}%{f' of {of}' if k == 0 else ''})"
        for k, r in enumerate(leaders)
    ]
    year = f" in {leaders[0]['year']}" if leaders[0]["year"] else ""
    return f"{words.joined(who)} lead{'s' if len(who) == 1 else ''} in size by {seen.meta(name).noun}{year}."


def _specialised(seen: View, name: str, own: Sequence[Mapping[str, Any]]) -> str:
    sentences = []
    if _clauses(own, "lasting"):
        order = ", largest first" if len(_clauses(own, "lasting")) > 1 else ""
        what = f" in {seen.meta(name).noun}" if len(_counted(seen)) > 1 else ""
        sentences.append(f"Lastingly specialised{what}{order}: {_names(seen, own, 'lasting')}.")
    sentences += [f"{capital(seen.meta(name).noun)}: {NONE_LASTING[r['note']]}." for r in _clauses(own, "none_lasting")]
    unjudged = _clauses(own, "specialised")
    if unjudged:
        word = "Indicated" if all(r["class"] == "indicated" for r in unjudged) else "Specialised"
        sentences.append(f"{word}, history not judged: {_names(seen, own, 'specialised')}.")
    if _clauses(own, "new"):
        sentences.append(f"Recent, unconfirmed: {_names(seen, own, 'new')}.")
    if _clauses(own, "lost"):
        sentences.append(f"No longer material: {_names(seen, own, 'lost')}.")
    return " ".join(sentences)


def _others(seen: View, own: Sequence[Mapping[str, Any]]) -> str:
    large = _clauses(own, "large")[: NAMED["large"]]
    if not large:
        return ""
    who = [f"{seen.region(r['region'])} (RCA {numbers.index(r['value'])})" for r in large]
    return f"Large but not specialised: {words.joined(who)}."


def _block(seen: View, indicator: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(b for b in seen.result.meta["blocks"] if b["indicator"] == indicator)
    return found


def _of_world(seen: View, indicator: str) -> bool:
    return _block(seen, indicator)["reference"]["kind"] in ("published", "sum")


def _share_of(seen: View, indicator: str) -> str:
    """What a share is a share of."""
    kind = _block(seen, indicator)["reference"]["kind"]
    return {"published": "world", "sum": f"the {words.counted(_block(seen, indicator)['regions'], 'region')}"}.get(
        kind, "the reference"
    )


def warnings(seen: View) -> list[str]:
    """Age, dominance in the reference, jumps of the world's total, breaks among those named."""
    rows = list(seen.table("headline").iter_rows(named=True))
    last = {row["indicator"]: row["last_year"] for row in seen.rows("coverage")}
    parts = ages(seen, [(row["indicator"], row["year"]) for row in _clauses(rows, "year")], last)
    for name in _counted(seen):
        largest = [r for r in _clauses(rows, "dominant") if r["indicator"] == name][:1]
        parts += [_dominance(seen, name, r) for r in largest]
    said = [" ".join(parts)] if parts else []
    for name in _counted(seen):
        own = [r for r in rows if r["indicator"] == name]
        noun, block = seen.meta(name).noun, _block(seen, name)
        if not _of_world(seen, name):
            said.append(
                f"Reference: {block['reference']['label']}; RCA and shares are of it, size and HHI of the world."
            )
        for row in _clauses(own, "world_jump"):
            before = _now(seen, "world", name)["previous_year"]
            said.append(
                f"The world's total moved {_change(row['value'])} in {before}-{row['year']}: a change of counting? "
                "Check before reading new and lost."
            )
        shown = set(_named(seen, name))
        broken = [r["region"] for r in _clauses(own, "break") if r["region"] in shown]
        if broken:
            names = words.joined([seen.region(c) for c in broken])
            said.append(f"Break in the {noun} of {names}: trend, new and lost not judged.")
    return said


def _dominance(seen: View, name: str, row: Mapping[str, Any]) -> str:
    """How much of the reference one region is, and who of those named depends on it."""
    share = _block(seen, name)["dominant"][row["region"]]
    cells = seen.table("regions").filter(
        (pl.col("indicator") == name) & (pl.col("largest_other").cast(pl.String) == row["region"])
        & pl.col("listing").cast(pl.String).is_in(["specialised", "new"]) & (pl.col("rca_ex_largest") < 1)
    )  # fmt: skip
    falling = [seen.region(c) for c in cells["region"].cast(pl.String).to_list()]
    more = [f"{len(falling) - LISTED} more"] if len(falling) > LISTED else []
    what = (
        f"without it {words.joined(falling[:LISTED] + more)} would be below 1"
        if falling
        else f"see 'ex{row['region']}'"
        if seen.width >= dict(NARROW)["ex"]
        else f"--reference {shlex.quote('ex:' + row['region'])} leaves it out"
    )
    noun = seen.meta(name).noun
    when = f" {basis(_block(seen, name))}" if basis(_block(seen, name)) else ""
    return f"{seen.region(row['region'])} is {numbers.per_cent(share)}% of the {noun} reference{when}: {what}."


def _named(seen: View, name: str) -> list[str]:
    """Regions that lead or are listed as specialised."""
    own = seen.table("regions").filter(pl.col("indicator") == name)
    large = seen.project.run.profile.large_rank
    listed = pl.col("listing").cast(pl.String).is_in(["specialised", "new", "lost"])
    found: list[str] = own.filter((pl.col("rank_world") <= large) | listed)["region"].cast(pl.String).to_list()
    return found


def _now(seen: View, table: str, name: str) -> Mapping[str, Any]:
    """Row of the year shown of a table that has a row a year."""
    found: Mapping[str, Any] = seen.table(table).filter(pl.col("indicator") == name).row(-1, named=True)
    return found


def _change(share: float) -> str:
    """A relative change with its sign."""
    size = numbers.per_cent(abs(share))
    return "0%" if size == "0" else f"{'+' if share > 0 else '-'}{size}%"


def _ends(low: float | None, high: float | None, how: Any) -> str:
    """A range whose ends may round to one number."""
    ends = list(dict.fromkeys(how(end) for end in (low, high)))
    return "-".join(ends)


def _size(seen: View) -> list[RenderableType]:
    lines: list[RenderableType] = [Text()] if _counted(seen) else []
    for place, name in enumerate(_counted(seen)):
        now, held = _now(seen, "world", name), _now(seen, "concentration", name)
        noun, block = seen.meta(name).noun, _block(seen, name)
        span = f"{block['periods'][0]}-{now['year']}" if len(block["periods"]) > 1 else now["year"]
        when = f" ({span})" if now["year"] else ""
        parts = [f"{numbers.amount(now['value'])} {noun} in the {_world_word(seen, name)}{when}"]
        if now["change"] is not None:
            trend = seen.table("world").filter((pl.col("indicator") == name) & (pl.col("periods") == now["periods"]))
            since = f", {_change(now['growth'])} a year since {now['first_year']}" if trend.height > 2 else ""
            spark = seen.marks.sparkline(trend["value"].to_list())
            parts.append(f"{_change(now['change'])} since {now['previous_year']}{since} {spark}")
        if held["hhi_low"] is not None:
            equal = _ends(held["effective_low"], held["effective_high"], numbers.amount)
            parts.append(
                f"HHI {_ends(held['hhi_low'], held['hhi_high'], numbers.index)}, as concentrated as "
                f"{equal} equal region{'' if equal == '1' else 's'}"
            )
        lines.append(line("SIZE" if place == 0 else "", " | ".join(parts)))
    return lines


def _world_word(seen: View, name: str) -> str:
    """`world`, or what stands for it where no total is published."""
    concerned = _block(seen, name)
    published = concerned["reference"]["kind"] == "published" or _now(seen, "concentration", name)["note"] in (
        "rest_of_world_between", "rest_below_zero"
    )  # fmt: skip
    return "world" if published else words.counted(concerned["regions"], "region")


def _regions(seen: View) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for name in _counted(seen):
        parts += [Text(), *_one_indicator(seen, name, LIMITS[min(len(_counted(seen)) - 1, 1)])]
    return parts


def _one_indicator(seen: View, name: str, limits: Mapping[str, int]) -> list[RenderableType]:
    meta = seen.meta(name)
    own = seen.table("regions").filter(pl.col("indicator") == name)
    history = seen.table("history").filter(pl.col("indicator") == name)
    counted = seen.table("uncertain").filter(pl.col("indicator") == name).row(0, named=True)
    head = Text(f"{words.STAGE_WORDS[meta.stage].upper()}  ", style="bold")
    noun = f"{meta.noun}, sum of {basis(_block(seen, name))}" if basis(_block(seen, name)) else meta.noun
    head.append(
        f"{noun}: {counted['specialised']} of {words.counted(counted['regions'], 'region')} specialised, "
        f"{counted['uncertain']} uncertain; {range_says(_block(seen, name))}",
        style="",
    )
    dominant = max(_block(seen, name)["dominant"].items(), key=lambda item: item[1], default=(None, 0))[0]
    years = [y for y in history["year"].unique().sort().to_list() if y is not None][-TREND:]
    span = f"share {years[0] % 100:02d}-{years[-1] % 100:02d}" if len(years) > 1 else ""
    columns = {
        "field": Column("    region", "left"), "value": Column(meta.noun[:9], width=9),
        "world": Column(seen.share_title(name), width=6), "rank": Column("rank"), "rca": Column("RCA", width=5),
        "range": Column("range", width=10), "ex": Column(f"ex{dominant}", width=6), "held": Column("held"),
        "trend": Column(span, "left"),
    }  # fmt: skip
    hidden = {key for key, width in NARROW if seen.width < width}
    hidden |= (set() if dominant else {"ex"}) | (set() if span else {"trend"})
    shown = [key for key in columns if key not in hidden]
    cells, rest = _chosen(seen, own, limits)
    rows = [_row(seen, cell, dominant, history, years) for cell in cells]
    parts: list[RenderableType] = [head]
    if rows:
        parts.append(grid(seen, [columns[key] for key in shown], [[row[key] for key in shown] for row in rows], 20))
    return [*parts, *_below(seen, own, rest, dominant if "ex" not in hidden else None, cells)]


def _chosen(seen: View, own: pl.DataFrame, limits: Mapping[str, int]) -> tuple[list[Mapping[str, Any]], dict[str, int]]:
    """Cells of the table, leaders by size first, and how many of each listing are left out."""
    leader = (pl.col("rank_world") <= seen.project.run.profile.large_rank) & (pl.col("value") > 0)
    first = own.filter(leader)
    groups = [first if seen.everything else first.head(limits["leader"])]
    others = own.filter(~pl.col("region").is_in(groups[0]["region"].implode()))
    for listing in ("specialised", "new", "lost"):
        group = others.filter(pl.col("listing") == listing)
        groups.append(group if seen.everything else group.head(limits[listing]))
    if seen.everything:
        told = pl.col("listing").cast(pl.String).is_in(["specialised", "new", "lost"])
        groups.append(others.filter(~told & (pl.col("value") > 0)))
    cells: list[Mapping[str, Any]] = [cell for group in groups for cell in group.iter_rows(named=True)]
    there = {str(k): int(n) for k, n in own.filter(pl.col("value") > 0).group_by("listing").len().iter_rows()}
    shown = [cell["listing"] for cell in cells if cell["value"]]
    return cells, {listing: n - shown.count(listing) for listing, n in there.items() if n > shown.count(listing)}


def _row(
    seen: View, cell: Mapping[str, Any], dominant: str | None, history: pl.DataFrame, years: Sequence[int]
) -> dict[str, str | Text]:
    listing = cell["listing"]
    text = Text("  ").append(_mark(seen, cell), style=STYLE.get(listing, "bright_black"))
    text.append(f" {seen.region(cell['region'])}")
    if listing in REMARKS and seen.width >= REMARKS_FROM:
        text.append(f"  {REMARKS[listing]}", style="italic bright_black")
    ex = ""
    floor = "below_floor" in (cell["note"] or "")
    if cell["rca_ex_largest"] is not None and cell["largest_other"] == dominant and not floor:
        ex = numbers.index(cell["rca_ex_largest"]) + ("*" if _crosses(cell) else " ")
    own = history.filter((pl.col("region") == cell["region"]) & pl.col("year").is_in(list(years)))
    share = dict(own.select("year", "share_world").iter_rows())
    breaks = own.filter(pl.col("status") == "B")["year"].to_list()
    broken = cell["persistence"] is None or any(year > years[0] for year in breaks)
    return {
        "field": text, "value": numbers.amount(cell["value"]), "world": numbers.per_cent(cell["share_world"]),
        "rank": numbers.rank(cell["rank_world"]), "rca": numbers.NOTHING if floor else numbers.index(cell["rca"]),
        "range": numbers.NOTHING if floor else numbers.interval(cell["rca_low"], cell["rca_high"]), "ex": ex,
        "held": "B" if cell["persistence"] is None else f"{cell['persistence']}/{cell['periods']}",
        "trend": "break" if broken else seen.marks.sparkline([share.get(year) for year in years]),
    }  # fmt: skip


def _crosses(cell: Mapping[str, Any]) -> bool:
    return bool((cell["rca"] >= 1) != (cell["rca_ex_largest"] >= 1))


def _mark(seen: View, cell: Mapping[str, Any]) -> str:
    marks = seen.marks
    if cell["listing"] == "specialised":
        return marks.lasting if cell["trajectory"] == "lasting" else marks.unjudged
    return {
        "new": marks.recent, "lost": marks.lost, "large": marks.large, "slight": marks.slight,
        "uncertain": marks.uncertain,
    }.get(cell["listing"], marks.below)  # fmt: skip


def _slight(seen: View) -> str:
    """`slight (1-1.25)`: from the threshold to the index that is worth listing; nothing lies between where both are one."""
    low, high = seen.result.meta["parameters"]["threshold"], seen.project.run.profile.material
    return f"slight ({low:g}-{numbers.index(high)})" if low < high else "slight"


def _below(
    seen: View, own: pl.DataFrame, rest: Mapping[str, int], dominant: str | None, cells: Sequence[Mapping[str, Any]]
) -> list[RenderableType]:
    """Uncertain regions, what was left out, and what the star means."""
    lines: list[RenderableType] = []
    told = {cell["region"] for cell in cells}
    unsure = own.filter((pl.col("listing") == "uncertain") & (pl.col("value") > 0))
    said = [
        f"{seen.region(c['region'])} ({numbers.amount(c['value'])} found, {numbers.amount(c['expected'])} expected)"
        for c in unsure.iter_rows(named=True) if c["region"] not in told
    ]  # fmt: skip
    parts = []
    if said:
        limit = LISTED if len(_counted(seen)) == 1 else 1
        more = f" + {len(said) - limit} more" if len(said) > limit else ""
        parts.append(f"uncertain: {'; '.join(said[:limit])}{more}")
    others = [
        f"{rest[listing]} {word}"
        for listing, word in (
            ("specialised", "specialised"), ("new", "recent"), ("lost", "no longer material"),
            ("slight", _slight(seen)),
            ("large", "large"), ("not_specialised", "not specialised"), ("no_index", "without an index"),
        ) if rest.get(listing)
    ]  # fmt: skip
    if others:
        parts.append(f"also {', '.join(others)}" + ("" if seen.everything else ": --all"))
    if parts:
        lines.append(note(seen.marks.uncertain if said else "", " | ".join(parts), "bright_black"))
    starred = [c for c in cells if dominant and c["largest_other"] == dominant and c["rca_ex_largest"] is not None]
    if dominant and any(_crosses(c) for c in starred):
        row = next(
            r for r in seen.table("headline").iter_rows(named=True)
            if r["clause"] == "dominant" and r["region"] == dominant and r["indicator"] == own["indicator"][0]
        )  # fmt: skip
        lines.append(Text(
            f"  * crosses 1 when {seen.region(dominant)} leaves the reference ({int(row['value'])} of "
            f"{words.counted(row['n'], 'region')} do)", style="bright_black",
        ))  # fmt: skip
    return lines


def _legend(seen: View) -> list[RenderableType]:
    """What the marks say that have no remark beside them, and how a class differs from its range."""
    marks: dict[str, str] = {}
    for name in _counted(seen):
        own = seen.table("regions").filter(pl.col("indicator") == name)
        for cell in _chosen(seen, own, LIMITS[min(len(_counted(seen)) - 1, 1)])[0]:
            if seen.width < REMARKS_FROM or cell["listing"] not in REMARKS:
                lasting = "lasting" if cell["trajectory"] == "lasting" else "history not judged"
                marks.setdefault(_mark(seen, cell), REMARKS.get(cell["listing"], lasting))
    said = ["  ".join(f"{mark} {what}" for mark, what in marks.items()), words.doubt(seen.result.meta)]
    return [line("LEGEND", " | ".join(text for text in said if text))] if any(said) else []


def _intensities(seen: View) -> list[RenderableType]:
    """Regions by an intensity of the sector, best rank first."""
    table = seen.table("intensity")
    parts: list[RenderableType] = []
    names = table["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if table.height else []
    for name in names:
        own = table.filter((pl.col("indicator") == name) & pl.col("value").is_not_null())
        meta = seen.meta(name)
        parts += [Text(), _intensity_head(meta, own)]
        limit = own.height if seen.everything else RATED[0 if len(names) == 1 and not _counted(seen) else 1]
        columns = [Column("    region", "left"), Column("value", width=9), Column("rank", width=6),
                   Column("percentile", spare=1), Column("x median", spare=2)]  # fmt: skip
        rows = [
            [f"    {seen.region(r['region'])}", numbers.amount(r["value"]), numbers.rank(r["rank"], r["n"]),
             numbers.percentile(r["percentile"]), numbers.index(r["ratio_median"])]
            for r in own.head(limit).iter_rows(named=True)
        ]  # fmt: skip
        parts.append(grid(seen, columns, rows, 20))
        if own.height > limit:
            parts.append(Text(f"    {words.counted(own.height - limit, 'more region')}: --all", style="bright_black"))
    return parts


def _intensity_head(meta: Indicator, own: pl.DataFrame) -> Text:
    year = f", {own['year'][0]}" if own["year"][0] else ""
    return Text(f"{words.STAGE_WORDS[meta.stage].upper()}  ", style="bold").append(
        f"{meta.name}{year}: {meta.unit}; no RCA of {'a score' if meta.kind == 'score' else 'an intensity'}", style=""
    )


def _closing(seen: View) -> list[RenderableType]:
    code = _code(seen)
    lines: list[RenderableType] = [Text()]
    lines += [line("" if k else "CONCENTR.", _concentration(seen, name)) for k, name in enumerate(_counted(seen))]
    lines += [
        *_legend(seen),
        line("NOT SAID", "quality, ownership, jobs or value of what is counted; RCA is focus, not size"),
        line("DATA", " | ".join(_data(seen))),
        *_caveats(seen),
        line("SOURCES", cite_all(seen)),
    ]
    first = seen.table("regions")
    known = (first if first.height else seen.table("intensity")).filter(pl.col("value") > 0)
    leaders = known["region"].cast(pl.String).unique(maintain_order=True)
    measure = seen.command(*(("rca", "-s", code, "--wide") if _counted(seen) else ("intensity", "-s", code)))
    who = leaders.head(LEADERS).to_list()
    ask = [seen.command(*(("compare", *who) if len(who) > 1 else ("profile", *who)))] if who else []
    lines.append(line("MORE", " | ".join([measure, *ask, "--all", "-f csv"])))
    return lines


def _caveats(seen: View) -> list[RenderableType]:
    """What the catalogue says a reader must know, where everything is asked for."""
    if not seen.everything:
        return []
    metas = [seen.meta(name) for name in seen.result.meta["labels"]]
    said = [f"{meta.noun}: {caveat}" for meta in metas for caveat in meta.caveats]
    return [line("CAVEATS" if k == 0 else "", text) for k, text in enumerate(said)]


def _concentration(seen: View, name: str) -> str:
    """Shares of the largest, how the index moved, and how much of the world the listed regions are."""
    now = _now(seen, "concentration", name)
    noun = seen.meta(name).noun
    if now["top1_share"] is None:
        return f"{noun}: not known, no total of the world"
    tops = [k for k in (1, 3, 5) if k <= now["regions"]]
    shares = ", ".join(f"{numbers.per_cent(now[f'top{k}_share'])}%" for k in tops)
    several = "s hold" if len(tops) > 1 else " holds"
    parts = [f"{noun}: the largest {words.joined([str(k) for k in tops])} region{several} {shares}"]
    known = seen.table("concentration").filter((pl.col("indicator") == name) & pl.col("hhi_low").is_not_null())
    if known.height > 1 and (seen.everything or len(_counted(seen)) == 1):
        first = known.row(0, named=True)
        spark = seen.marks.sparkline(known["hhi_low"].to_list())
        parts.append(
            f"HHI {_ends(first['hhi_low'], first['hhi_high'], numbers.index)} in {first['year']}, "
            f"{_ends(now['hhi_low'], now['hhi_high'], numbers.index)} in {now['year']} {spark}"
        )
    if now["note"] and "partial_world" in now["note"]:
        parts.append("some regions unknown: of the known ones")
    elif now["note"] and "rest_of_world_between" in now["note"]:
        where = "of the world is in no listed region" if len(_counted(seen)) == 1 else "unlisted"
        parts.append(f"{numbers.per_cent(1 - now['covered'])}% {where}")
    return "; ".join(parts)


def _data(seen: View) -> list[str]:
    """Who is covered, what is flagged, what has no such sector."""
    coverage = seen.table("coverage")
    parts = []
    shown = coverage.filter(pl.col("note").is_null())
    for row in shown.iter_rows(named=True):
        doubts = ("missing", "estimated", "breaks", "low_reliability")
        flags = ", ".join(f"{d.replace('_', ' ')} {row[d]}" for d in doubts if row[d])
        year = f" {row['year']}" if row["year"] else ""
        parts.append(
            f"{seen.meta(row['indicator']).noun} {row['regions']}/{row['of']} regions{year}"
            + (f" ({flags}, all years)" if flags else "")
        )
    suspended: dict[str, None] = {}
    for row in seen.table("headline").iter_rows(named=True):
        if row["clause"] == "break":
            suspended[row["region"]] = None
    if suspended:
        parts.append(f"break, change not judged: {' '.join(suspended)}")
    parts += [
        f"{seen.meta(g['indicator']).noun}: no data in {g['asked']} (has {words.years(g['has'])})"
        for g in seen.result.meta["no_data"]
    ]
    lacking = [seen.meta(i).noun for i in coverage.filter(pl.col("note") == "no_such_sector")["indicator"].to_list()]
    if lacking:
        parts.append(f"no such sector: {', '.join(lacking)}")
    return parts


__all__ = ["headline", "show", "warnings"]
