"""Composite indices inside other pages: what cannot be told apart and the weakest pillar first, the bare rank last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from capmap.report import numbers, words
from capmap.report.layout import Column, Line, View, line, stacked

#: Strengths and weaknesses named before `--all`.
NAMED = 3
#: Pairs of a comparison, and indicators that make a gap, before `--all`.
PAIRS, MOST = 3, 2
#: Letters of a region that are shown; with more a number stands for them.
LETTERS = 12
#: Why a region is not scored, or no figure is known.
REASONS = {
    "few_in_group": "too few indicators in a pillar",
    "few_indicators": "too few indicators",
    "low_coverage": "too few indicators below a pillar",
    "not_collected": "none of its indicators has data here",
    "not_in_group": "not in the group that is scored",
}


def indices(seen: View) -> list[RenderableType]:
    """Where the region of a profile stands in every index: a line each, and what stands out."""
    told = seen.result.meta["indices"]
    lines: list[tuple[str, str]] = []
    for block in told["blocks"]:
        if "reason" not in block:
            rows = [row for row in seen.rows("index") if row["index"] == block["index"] and row["level"] == 0]
            lines += [("", _placed(block, row)) for row in rows]
            lines += [("", text) for text in _strengths(seen, block)]
    lines += [("", text) for text in unknown(seen)]
    return [line("INDEX" if k == 0 else head, text) for k, (head, text) in enumerate(lines)]


def _placed(block: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Group, weakest pillar, score, and on the same line rank r of n, range, years used and normaliser."""
    if row["score"] is None:
        scored = words.counted(row["n"], "region")
        return f"{block['name']}: not scored, {why(row['note'])}; {scored} ranked; {used(block)}"
    said = [] if row["alike"] is None else [_alike(row)]
    said += [f"weakest pillar {weakest(block, row)}"] if row["weakest"] else []
    said += [f"score {numbers.share(row['score'])}", f"rank {row['rank']} of {row['n']}, range {spread(row)}"]
    return f"{block['name']}: {'; '.join(said)}; {used(block)}"


def _alike(row: Mapping[str, Any]) -> str:
    """From how many regions it cannot be told apart."""
    return f"not told apart from {_others(row)}" if row["alike"] else "told apart from all others"


def _others(row: Mapping[str, Any]) -> str:
    """`5 others`: how many regions it cannot be told apart from."""
    return words.counted(row["alike"], "other") if row["alike"] else "nobody"


def why(note: str | None) -> str:
    """Why a region is not scored, in words."""
    return words.joined([REASONS.get(reason, reason) for reason in (note or "no score").split(";")])


def weakest(block: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """`Knowledge (7)`: the pillar with the last of the region's ranks."""
    return f"{block['names'][row['weakest']]} ({row['weakest_rank']})"


def spread(row: Mapping[str, Any]) -> str:
    """`2-19`: 5 to 95 % of the ranks over the replicates, and whether the rank itself lies outside."""
    outside = " (the rank lies outside)" if "outside_range" in (row["note"] or "") else ""
    return numbers.whole_interval(row["rank_low"], row["rank_high"]) + outside


def used(block: Mapping[str, Any]) -> str:
    """`figures of 2018-2023; normaliser min-max`.

    >>> used({"years": {"a": 2018, "b": 2023}, "normalisers": ["min_max"]})
    'figures of 2018-2023; normaliser min-max'
    """
    years = sorted({year for year in block["years"].values() if year is not None})
    last = f"-{years[-1]}" if len(years) > 1 else ""
    when = f"figures of {years[0]}{last}" if years else "one period"
    return f"{when}; normaliser {', '.join(block['normalisers'])}".replace("_", "-")


def unknown(seen: View) -> list[str]:
    """Indices of which nothing is known: those to be computed together, then each that is refused or of another year."""
    told = seen.result.meta["indices"]
    waiting = [block["name"] for block in told["blocks"] if block.get("reason") == "not_computed"]
    lines = []
    if waiting:
        why_ = "results/ is outdated" if told["state"] == "outdated" else "not computed yet"
        run = "" if "--data" in seen.source else f"{seen.command('run', '-o', 'results')}, or "
        lines.append(f"{words.joined(waiting)}: {why_}: {run}--full")
    for block in told["blocks"]:
        reason = block.get("reason", "not_computed")
        if reason == "other_year":
            lines.append(f"{block['name']}: results/ is of {block['year']}, not of {seen.asked}: --full")
        elif reason != "not_computed":
            lines.append(f"{block['name']}: not computed, {reason}: {seen.command('index', block['index'])}")
    return lines


def _strengths(seen: View, block: Mapping[str, Any]) -> list[str]:
    """What stands out, the most first; the last place always."""
    said = []
    for sense, title in (("strength", "strong"), ("weakness", "weak")):
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row in seen.rows("strengths"):
            if row["index"] == block["index"] and row["sense"] == sense:
                found.setdefault(row["node"], []).append(row)
        sign = -1 if sense == "strength" else 1
        order = sorted(found, key=lambda node: (_last(found[node]) is False, sign * found[node][0]["percentile"], node))
        limit = len(order) if seen.everything else NAMED
        named = [node for k, node in enumerate(order) if k < limit or _last(found[node])]
        more = f" + {len(order) - len(named)} more" if len(order) > len(named) else ""
        if named:
            said.append(f"{title}: " + ", ".join(_stands_out(seen, block, found[node]) for node in named) + more)
    return [" | ".join(said)] if said else []


def _last(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["rule"] == "last" for row in rows)


def _stands_out(seen: View, block: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """`Articles per head (2 of 25)`, with the rules that say so where everything is listed."""
    one = rows[0]
    rules = {"own": "own places", "peers": "beside peers", "last": "last"}
    why_ = "".join(f", {rules[row['rule']]}" for row in rows if seen.everything or row["rule"] == "last")
    return f"{block['names'][one['node']]} ({one['rank']} of {one['n']}{why_})"


def beside(seen: View) -> list[RenderableType]:
    """The indices of a comparison: a column per region, what makes the gaps, and which are none."""
    codes = list(seen.result.meta["regions"])
    blocks = [block for block in seen.result.meta["indices"]["blocks"] if "reason" not in block]
    lines: list[RenderableType] = []
    rows: list[list[str | Text]] = []
    for block in blocks:
        own = {r["region"]: r for r in seen.rows("index") if r["index"] == block["index"] and r["level"] == 0}
        scored = {code: row for code, row in own.items() if row["score"] is not None}
        rows += [
            [f"  {title}", *(say(scored[code]) if code in scored else numbers.NOTHING for code in codes)]
            for title, say in _measures(block)
        ]
    if rows:
        columns = [Column("INDEX", "left"), *(Column(code, "left") for code in codes)]
        lines += [Text(), *stacked(seen, columns, rows, 22, 34)]
        for block in blocks:
            lines += [_under(text) for text in _compared(seen, block)]
    waiting = unknown(seen)
    lines += [_under(text) if rows else line("" if k else "INDEX", text) for k, text in enumerate(waiting)]
    return lines if rows or not waiting else [Text(), *lines]


def _under(text: str) -> Line:
    return Line("", text, 4)


def _measures(block: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Rows of the table with what they say of one region: what cannot be told apart first, the rank last."""
    return [
        (f"{block['name']}  group", _letters),
        ("  weakest pillar", lambda row: weakest(block, row) if row["weakest"] else numbers.NOTHING),
        ("  score", lambda row: numbers.share(row["score"])),
        ("  rank (5-95%)", lambda row: f"{numbers.rank(row['rank'], row['n'])} ({spread(row)})"),
    ]


def _letters(row: Mapping[str, Any]) -> str:
    """The letters of a region as long as a reader can compare them, else how many regions it shares them with."""
    if row["group"] is not None and len(row["group"]) <= LETTERS:
        return str(row["group"])
    return numbers.NOTHING if row["alike"] is None else f"level with {_others(row)}"


def _compared(seen: View, block: Mapping[str, Any]) -> list[str]:
    """What must be known, who is not scored, and a line per pair."""
    lines = [f"{block['name']}: rank of {words.counted(block['scored'], 'region')}, range 5-95%; {used(block)}"]
    lines += [
        f"{seen.region(row['region'])} is not scored, {why(row['note'])}"
        for row in seen.rows("index")
        if row["index"] == block["index"] and row["level"] == 0 and row["score"] is None
    ]
    pairs = [row for row in seen.rows("index_pairs") if row["index"] == block["index"]]
    shown = pairs if seen.everything else pairs[:PAIRS]
    lines += [_pair(seen, block, pair) for pair in shown]
    return lines + ([f"{len(pairs) - len(shown)} more pairs: --all"] if len(pairs) > len(shown) else [])


def _pair(seen: View, block: Mapping[str, Any], pair: Mapping[str, Any]) -> str:
    """`KOR ahead of DEU by 0.33: Technology +0.25 (76%), ...; most by Patent families per head +0.15`."""
    swap = pair["difference"] < 0
    first, other = (pair["other"], pair["region"]) if swap else (pair["region"], pair["other"])
    gap = abs(pair["difference"])
    if pair["apart"] is None:
        said = f"{first} before {other} by {numbers.share(gap)}, no range known"
    elif pair["apart"]:
        said = f"{first} ahead of {other} by {numbers.share(gap)}"
    else:
        said = f"{first} and {other} cannot be told apart (gap {numbers.share(gap)})"
    parts = [
        row for row in seen.rows("index_gap")
        if all(row[key] == pair[key] for key in ("index", "year", "region", "other")) and row["level"] > 0
    ]  # fmt: skip
    parents = {row["parent"] for row in parts}
    sign = -1.0 if swap else 1.0
    pillars = _largest([row for row in parts if row["level"] == 1])
    leaves = _largest([row for row in parts if row["level"] > 1 and row["node"] not in parents])
    apart = pair["apart"] is True  # shares of a gap that may be none say nothing
    told = [_part(block, row, sign, with_share=apart) for row in (pillars if seen.everything else pillars[:NAMED])]
    most = [_part(block, row, sign) for row in (leaves if seen.everything else leaves[:MOST])]
    if not told:
        return f"{said}: no mean of what is below, so not taken apart"
    return f"{said}: {', '.join(told)}" + (f"; most by {', '.join(most)}" if most else "")


def _largest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Nodes that add something, the most first."""
    known = [row for row in rows if row["difference"] is not None]
    return sorted(known, key=lambda row: (-abs(row["difference"]), row["node"]))


def _part(block: Mapping[str, Any], row: Mapping[str, Any], sign: float, with_share: bool = False) -> str:
    share = f" ({numbers.percentile(row['share'])}%)" if with_share and row["share"] is not None else ""
    return f"{block['names'][row['node']]} {numbers.signed(sign * row['difference'])}{share}"
