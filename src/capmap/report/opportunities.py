"""What lies near a region, and what such picks were worth in the past, as a table, a verdict and a chart."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import chart, complexity, numbers, tables, words
from capmap.report.tables import Column

#: Where a sector lies, in words: as advice where the backtest earns it, else as a description.
ADVICE = {
    "close_complex": "build here", "close_simple": "low return", "far_complex": "long shot", "far_simple": "avoid",
}  # fmt: skip
PLACE = {
    "close_complex": "close, more complex", "close_simple": "close, less complex", "far_complex": "far, more complex",
    "far_simple": "far, less complex",
}  # fmt: skip
TRUSTED = ("A", "B")
#: Sectors listed and drawn before `--all` is needed.
ROWS = 25
GRADES = {
    "A": "better than every baseline, and calibrated",
    "B": "better than every baseline",
    "C": "better than the best baseline, but not certainly",
    "D": "not better than the best baseline",
}
#: Scores in words.
SCORES = {
    "logistic": "logistic model", "boosting": "boosting model", "density": "density", "relative_density": "relative density",
    "rca": "RCA itself", "ubiquity": "ubiquity", "diversity": "diversity",
    "ubiquity_diversity": "ubiquity and diversity (logistic)", "random": "chance",
}  # fmt: skip
NOTES = {"near_threshold": "RCA above 0.5", "not_candidate": "RCA above 0.5 in the period before",
         "below_floor": "too little expected", "missing": "missing",
         "suppressed": "suppressed"}  # fmt: skip


def columns(
    frame: pl.DataFrame, sectors: Mapping[str, str], regions: Mapping[str, str], advised: bool, width: int
) -> list[Column]:
    """Columns of the sectors that a region does not hold."""
    said = ADVICE if advised else PLACE
    found = [
        Column("", lambda r: r["mark"], whole=True),
        tables.labelled("sector", "sector", sectors, width >= tables.CODES_FROM + 30),
        Column("RCA", lambda r: numbers.index(r["rca"]), right=True),
        Column("class", tables.judged, whole=True, spare=7),
        Column("density", lambda r: numbers.share(r["density"]), right=True),
        Column("5-95%", lambda r: numbers.share_interval(r["density_low"], r["density_high"]), right=True, spare=6),
        tables.of("relative_density", "relative", numbers.index),
        tables.of("pci", "PCI", numbers.index),
        tables.of("cog", "gain", numbers.index, spare=3),
        Column("advice" if advised else "where", lambda r: said.get(r["quadrant"], ""), whole=True),
    ]
    if frame["p_entry"].null_count() < frame.height:
        title = "P(entry)" if advised else "P(entry), unproven"
        found += [
            Column(title, lambda r: numbers.probability(r["p_entry"]), right=True),
            Column("5-95%", lambda r: numbers.share_interval(r["p_entry_low"], r["p_entry_high"]), right=True, spare=4),
        ]
    found += [
        Column("nearest held", lambda r: _by_way_of(r, sectors), least=14, spare=8),
        Column("peers", lambda r: f"{r['held_by_peers']} of {r['peers']}" if r["peers"] else "", right=True, spare=2),
        Column("world a year", lambda r: numbers.change(r["world_growth"]), right=True, spare=5),
    ]
    if any(_said(row, regions) for row in frame.iter_rows(named=True)):
        found.append(Column("note", lambda r: _said(r, regions), least=tables.LEAST_KEY, spare=1))
    return found


def _by_way_of(row: Mapping[str, Any], sectors: Mapping[str, str]) -> str:
    """Where the path starts, and over how many steps."""
    stones = (row["stepping_stones"] or "").split(">")
    if len(stones) < 2:
        return ""
    steps = len(stones) - 1
    return words.lower_first(sectors.get(stones[0], stones[0])) + (f" ({steps} steps)" if steps > 1 else "")


def _said(row: Mapping[str, Any], regions: Mapping[str, str]) -> str:
    names = [NOTES[name] for name in (row["note"] or "").split(";") if name in NOTES]
    if row["depends_on"]:
        names.append(f"class hangs on {regions.get(row['depends_on'], row['depends_on'])}")
    return "; ".join(names)


def verdict(past: Mapping[str, Any]) -> list[str]:
    """What the picks of the past were worth: the line that stands under every table of opportunities."""
    found = past.get("verdict")
    lines = []
    if past["grade"]:
        lines.append(f"backtest grade {past['grade']}: {GRADES[past['grade']]}")
    else:
        lines.append(f"no grade: {past['message'] or past['reason'].replace('_', ' ')}")
    if found:
        span = "-".join(numbers.per_cent(past[end]) for end in ("base_rate_low", "base_rate_high"))
        base = f"base rate {numbers.per_cent(past['base_rate'])}% ({span}%)"
        lines.append(
            f"lists of up to {found['list']} sectors a region picked {found['listed']:,} of {past['candidates']:,} candidates "
            f"and found {_tenth(found['found'])} of {found['entries']:,} real entries; RCA only {_tenth(found['rca'])}; best "
            f"baseline ({SCORES[past['best_baseline']]}) {_tenth(found['baseline'])}; chance {_tenth(found['chance'])}; {base}"
        )
        lines.append(
            f"gain in PR-AUC over the best baseline {past['gain']:+.3f} (90%: {past['gain_low']:+.3f} to "
            f"{past['gain_high']:+.3f}); calibration error {past['calibration_error']:.3f}; origins "
            + words.joined([str(year) for year in past["training"]])
        )
    if past["grade"] not in TRUSTED:
        lines.append("so nothing here is advice: what is close and complex is described, not recommended")
    return lines


def _tenth(value: float) -> str:
    """An expected number of hits: ties are broken by chance, so it need not be whole."""
    return f"{value:,.1f}".removesuffix(".0")


def show(
    console: Console,
    result: Result,
    regions: Mapping[str, str],
    sectors: Mapping[str, str],
    today: int,
    old_after: int,
    everything: bool,
    ascii_only: bool = False,
) -> None:
    """A block for each indicator: the region, the table, the verdict, the chart, what a reader must know."""
    code = result.meta["parameters"]["region"]
    for place, block in enumerate(result.meta["blocks"]):
        if place:
            console.print()
        frame = result.frame.filter(pl.col("indicator").cast(pl.String) == block["indicator"])
        _block(console, frame, block, code, regions, sectors, today, old_after, everything, ascii_only)
    console.print()
    for line in caption(result):
        console.print(Text(line, style="dim"))


def _block(
    console: Console,
    frame: pl.DataFrame,
    block: Mapping[str, Any],
    code: str,
    regions: Mapping[str, str],
    sectors: Mapping[str, str],
    today: int,
    old_after: int,
    everything: bool,
    ascii_only: bool,
) -> None:
    advised = block["backtest"]["grade"] in TRUSTED
    console.print(Text(headline(block, regions.get(code, code), today, old_after), style="bold"))
    held = (
        pl.col("note").cast(pl.String).fill_null("").str.split(";").list.set_intersection(["held", "sector_excluded"])
    )
    open_ = frame.filter(held.list.len() == 0)
    marks = [chart.MARKS[min(k, len(chart.MARKS) - 1)] for k in range(open_.height)]
    open_ = open_.with_columns(mark=pl.Series(marks, dtype=pl.String))
    tables.show(
        console, open_, columns(open_, sectors, regions, advised, console.width), (), None if everything else ROWS
    )
    for line in verdict(block["backtest"]):
        console.print(Text(line, style="italic"))
    both = open_.filter(pl.col("density").is_not_null() & pl.col("pci").is_not_null()).head(
        open_.height if everything else ROWS
    )
    if both.height > 1 and console.width >= 60:
        console.print()
        for drawing in drawn(both, advised, min(console.width, 100), ascii_only):
            console.print(drawing)


def drawn(frame: pl.DataFrame, advised: bool, width: int, ascii_only: bool) -> list[Text]:
    """Density against complexity of the sectors listed, split at their medians."""
    said = ADVICE if advised else PLACE
    x, y = frame["density"].to_list(), frame["pci"].to_list()
    middle = (median(x), median(y))
    corners = (said["close_complex"], said["close_simple"], said["far_complex"], said["far_simple"])
    return chart.scatter(
        x, y, marks=frame["mark"].to_list(), titles=("density", "PCI"), split=middle, corners=corners, width=width,
        ascii_only=ascii_only,
    )  # fmt: skip


def headline(block: Mapping[str, Any], name: str, today: int, old_after: int) -> str:
    """The region in one indicator: what it holds, its complexity and rank with their ranges."""
    n = block["eligible"]
    parts = [f"{name}: {block['indicator']} {words.span(block, today, old_after)}",
             f"holds {block['diversity']} of {n['sectors']} sectors"]  # fmt: skip
    if block["eci"] is not None:
        span = block["eci_rank_range"]
        wide = f" ({int(span[0])}-{int(span[1] + 0.999)})" if span else ""
        parts.append(f"complexity {numbers.index(block['eci'])}, rank {block['eci_rank']}{wide} of {n['regions']}")
    elif block["refused"]:
        parts.append(f"no complexity: {block['message']}")
    return "; ".join(parts)


def caption(result: Result) -> list[str]:
    """What a reader must know of all blocks."""
    rule = result.meta["parameters"]
    lines = [
        f"held if {complexity.presence_rule(rule)}; density: share of a sector's proximity that the region holds; relative: "
        "against its other open sectors; close and complex: upper half of these",
        complexity.conventions(rule),
    ]
    orders = {block["sorted_by"] for block in result.meta["blocks"]}
    lines.append(
        "sorted by "
        + words.joined(
            sorted({"p_entry": "probability of entry", "relative_density": "relative density"}[o] for o in orders)
        )
    )
    return [*lines, *gaps(result)]


def gaps(result: Result) -> list[str]:
    """Indicators that say nothing of the region, with the reason."""
    return [f"{gap['indicator']}: {_gap(gap['reason'])}" for gap in result.meta.get("no_data", ())]


def _gap(reason: str) -> str:
    names = [complexity.REASONS.get(name, name) for name in reason.split(";")]
    return f"takes no part: {words.joined(names)}" if names[0] in complexity.REASONS.values() else reason


def backtest_columns(frame: pl.DataFrame) -> list[Column]:
    """Columns of the scores of a backtest."""
    return [
        *([Column("indicator", lambda r: r["indicator"], key=True)] if frame["indicator"].n_unique() > 1 else []),
        *([Column("origin", lambda r: "all" if r["origin"] is None else str(r["origin"]), whole=True, key=True)]
          if frame["origin"].n_unique() > 1 else []),
        Column("score", lambda r: SCORES.get(r["score"], r["score"]), key=True, least=12),
        Column("kind", lambda r: r["kind"], whole=True, spare=5),
        tables.of("pr_auc", "PR-AUC", _three),
        Column("90%", lambda r: _span(r["pr_auc_low"], r["pr_auc_high"]), right=True, spare=3),
        Column("gain", lambda r: _signed(r["gain"]), right=True),
        Column("90%", lambda r: _span(r["gain_low"], r["gain_high"], _signed), right=True, spare=1),
        tables.of("roc_auc", "ROC-AUC", _three, spare=2),
        tables.of("precision_at_10", "hits in 10", _three, spare=4),
        tables.of("brier", "Brier", _three, spare=6),
        tables.of("calibration_error", "calibration", _three, spare=7),
    ]  # fmt: skip


def _three(value: float | None) -> str:
    return numbers.NOTHING if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return numbers.NOTHING if value is None else f"{value:+.3f}"


def _span(low: float | None, high: float | None, how: Any = _three) -> str:
    return numbers.NOTHING if low is None or high is None else f"{how(low)} to {how(high)}"


def show_backtest(console: Console, result: Result, everything: bool) -> None:
    """Scores over all origins (each origin with `--all`), and the verdict of each indicator."""
    scores = result.tables["scores"]
    shown = scores if everything else scores.filter(pl.col("origin").is_null())
    for place, block in enumerate(result.meta["blocks"]):
        if place:
            console.print()
        own = shown.filter(pl.col("indicator").cast(pl.String) == block["indicator"])
        console.print(Text(f"{block['indicator']}: {_protocol(result, block)}", style="bold"))
        if own.height:
            tables.show(console, own, backtest_columns(own))
        for line in verdict(block):
            console.print(Text(line, style="italic"))
    console.print()
    for line in backtest_caption(result):
        console.print(Text(line, style="dim"))


def _protocol(result: Result, block: Mapping[str, Any]) -> str:
    origins = result.tables["origins"].filter(pl.col("indicator").cast(pl.String) == block["indicator"])
    said = [f"{r['origin']} to {r['horizon']} and {r['persistence']}" for r in origins.iter_rows(named=True)]
    return f"{len(said)} origins ({', '.join(said)})" if said else "no origins"


def backtest_caption(result: Result) -> list[str]:
    """How the backtest was made."""
    rule = result.meta["parameters"]
    lines = [
        f"candidates: RCA at most {rule['candidate']:g} at the origin and in the period before; entry: RCA above "
        f"{rule['entered']:g} at the horizon (the period nearest to {rule['horizon']} years ahead) and in the period after it",
        f"predictions for a region come from other regions ({rule['folds']} folds) and origins not later; proximities leave "
        f"the region out; intervals: {rule['resamples']:,} samples of regions",
    ]
    for block in result.meta["blocks"]:
        waived = block.get("look_back_waived") or []
        if waived:
            lines.append(
                f"{block['indicator']}: no period before {words.joined([str(y) for y in waived])} to look back to"
            )
        shared = block.get("shared_shocks") or []
        if shared:
            lines.append(
                f"{block['indicator']}: at {words.joined([str(y) for y in shared])} the models learnt from other regions in "
                "the same years, with whom a region shares the shocks of these years"
            )
    return lines
