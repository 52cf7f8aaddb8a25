"""Complexity, opportunities and their conventions as tables and sentences on a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import numbers, tables, words
from capmap.report.tables import Column

#: Reasons for taking no part, in words.
REASONS = {
    "few_regions": "held by too few regions",
    "no_presence": "holds nothing",
    "no_total": "no total",
    "no_population": "population unknown",
    "no_reference": "nothing to compare with",
    "not_in_both": "not in both indicators",
    "out_elsewhere": "take no part in the other indicator",
    "small_population": "too few inhabitants",
    "small_total": "too small a share of the world",
}
#: Flags of an index, in words.
FLAGS = {
    "chance_dimension": "tables of chance with the same diversities and ubiquities have as clear a second dimension: read no "
    "order into the index",
    "eigengap": "the second dimension is not clear (computed by force)",
    "largest_component": "only the largest of several unconnected parts is computed",
    "previous_sign": "diversity does not settle which end is complex: the direction of the year before is kept",
    "weak_sign": "diversity hardly settles which end is complex",
}
PRESENCE = {
    "established": "the class is established",
    "given": "the value is 1",
}
#: Sectors named at either end of the scale.
ENDS = 3


def region_columns(frame: pl.DataFrame, labels: Mapping[str, str], width: int) -> list[Column]:
    """Columns of the regions on a terminal."""
    return [
        *tables.when(frame),
        Column("region", lambda r: r["region"], key=True) if width < tables.NAMES_FROM
        else tables.labelled("region", "region", labels, width >= tables.CODES_FROM),
        tables.of("diversity", "sectors held", numbers.count, spare=2),
        tables.of("mean_ubiquity", "mean ubiquity", numbers.index, spare=5),
        tables.of("eci", "ECI", numbers.index),
        Column("5-95%", lambda r: numbers.signed_interval(r["eci_low"], r["eci_high"]), right=True, spare=3),
        Column("rank", lambda r: numbers.rank(r["eci_rank"]), right=True),
        Column("5-95%", lambda r: numbers.whole_interval(r["rank_low"], r["rank_high"]), right=True),
        tables.of("fitness", "fitness", numbers.index, spare=4),
        tables.of("coi", "outlook", numbers.index, spare=3),
        *_noted(frame, REASONS | FLAG_WORDS),
        *_appended(frame),
    ]  # fmt: skip


def sector_columns(frame: pl.DataFrame, labels: Mapping[str, str], width: int) -> list[Column]:
    """Columns of the sectors on a terminal."""
    columns = [
        *tables.when(frame),
        tables.labelled("sector", "sector", labels, width >= tables.CODES_FROM),
        tables.of("ubiquity", "held by", numbers.count),
        tables.of("pci", "PCI", numbers.index),
        Column("5-95%", lambda r: numbers.signed_interval(r["pci_low"], r["pci_high"]), right=True, spare=2),
        Column("rank", lambda r: numbers.rank(r["pci_rank"]), right=True),
        tables.of("q", "Q", numbers.index, spare=3),
    ]
    if frame["prody"].null_count() < frame.height:
        columns.append(tables.of("prody", "PRODY", numbers.amount, spare=4))
    return [*columns, *_noted(frame, REASONS | FLAG_WORDS), *_appended(frame)]


#: Reasons of single rows, in words; what holds for all rows stands in the caption.
FLAG_WORDS = {"outside_range": "outside its range", "other_component": "in another part"}


def _noted(frame: pl.DataFrame, known: Mapping[str, str]) -> list[Column]:
    """The notes, where any row says more than all of them do."""

    def said(row: Mapping[str, Any]) -> str:
        names = [name.partition(":")[0] for name in (row["note"] or "").split(";")]
        return "; ".join(known[name] for name in names if name in known)

    rows = frame.select(pl.col("note").cast(pl.String)).unique().iter_rows(named=True)
    return [Column("note", said, least=tables.LEAST_KEY)] if any(said(row) for row in rows) else []


def _appended(frame: pl.DataFrame) -> list[Column]:
    """What --with appends: never dropped for want of room, for it was asked for; without those that say nothing."""
    return [
        tables.of(name, name.replace("_", " "), numbers.count if frame.schema[name].is_integer() else
                  _telling_apart(frame[name].to_list()))
        for name in frame.columns[frame.columns.index("note") + 1 :] if frame[name].null_count() < frame.height
    ]  # fmt: skip


def _telling_apart(values: Sequence[float | None]) -> Callable[[float | None], str]:
    """How to write a column: decimals enough for its numbers to differ, two at least where they are small.

    >>> [_telling_apart(v)(v[0]) for v in ([12.98942, 12.98951], [0.0653, 0.4418], [119460000.0, 160470000.0])]
    ['12.9894200', '0.065', '119,460,000']
    """
    known = [value for value in values if value is not None]
    apart = max(known, default=0.0) - min(known, default=0.0)
    decimals = min(max(0, 2 - math.floor(math.log10(apart))), 8) if apart > 0 else 2
    return lambda value: numbers.NOTHING if value is None else f"{value:,.{decimals}f}"


#: Why there is nothing behind a word of --with, in words.
NO_EXTRA = {
    "first_period": "no period before",
    "no_common_sector": "the outside table has none of these sectors",
    "no_parents": "the classification has no parents",
    "nobody_in_both": "nobody takes part in both periods",
}


def _of_extras(extras: Mapping[str, Mapping[str, Any]], regions: Mapping[str, str]) -> list[str]:
    """What a reader must know of the appended columns of a block."""
    lines = []
    for name, told in extras.items():
        if name == "reflections":
            lines.append(f"reflection: {told['steps']} steps, a generalised {told['regions']} of regions and "
                         f"{told['sectors']} of sectors; only its order means anything")  # fmt: skip
        elif told.get("reason"):
            scope = "theil between and within" if name == "concentration" else name
            lines.append(f"{scope}: {told.get('message') or NO_EXTRA[told['reason']]}")
        if name == "genepy":
            lines += [f"genepy: {GENEPY[flag]}" for flag in told.get("flags", ()) if flag in GENEPY]
        if name == "dynamics" and not told["reason"]:
            lines += _moved(told, regions)
    return lines


#: Flags of GENEPY, in words.
GENEPY = {
    f"{side}_{flag}": text.format(side)
    for side in ("region", "sector")
    for flag, text in {
        "eigengap": "the second and third eigenvalues of the {}s are close",
        "tie": "none for {}s, as their second and third eigenvalues are of one size",
    }.items()
}


def _moved(told: Mapping[str, Any], regions: Mapping[str, str]) -> list[str]:
    """Against which period dynamics are, mobility between the quintiles, and whose series breaks."""
    parts = [f"dynamics: since {told['previous']}"]
    if told["shared_periods"]:
        parts.append(f"the windows share {told['shared_periods']} periods")
    if told["shorrocks"] is not None:
        parts.append(f"mobility between quintiles of RSCA: Shorrocks {told['shorrocks']:.2f}")
    if told["bartholomew"] is not None:
        parts.append(f"Bartholomew {told['bartholomew']:.2f}")
    if told["broken"]:
        parts.append(f"series broken: {', '.join(regions.get(code, code) for code in told['broken'])}")
    return ["; ".join(parts)]


def by_index(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """The highest index of each indicator and year first; those without one last."""
    ties = [key for key in ("region", "sector") if key in frame.columns]
    return frame.sort("indicator", "year", column, *ties, descending=[False, False, True, *(False for _ in ties)],
                      nulls_last=True)  # fmt: skip


def caption(
    result: Result,
    regions: Mapping[str, str],
    sectors: Mapping[str, str],
    today: int,
    old_after: int,
) -> list[str]:
    """What a reader must know: who takes part, what the scale sets apart, the conventions, the ranges."""
    lines = []
    for block in result.meta["blocks"]:
        lines.append(took_part(block, result.meta["parameters"], today, old_after))
        lines += left_out(block, regions, sectors)
        lines += _scale(block, result.tables.get("sectors"), sectors)
        lines += _of_extras(block.get("extras", {}), regions)
    lines.append(conventions(result.meta["parameters"]))
    drawn = [block["draws"] for block in result.meta["blocks"] if block.get("draws")]
    if drawn:
        used = sum(d["used"] for d in drawn)
        asked = sum(d["asked"] for d in drawn)
        lines.append(
            f"5-95%: {used:,} of {asked:,} draws from the posterior of RCA; an index outside its range owes its place to "
            "counts that hardly reach the threshold"
        )
    lines += [
        f"{gap['indicator']}: no data in {gap['asked']} (has {words.years(gap['has'])})"
        for gap in result.meta.get("no_data", ())
    ]
    return lines


def took_part(block: Mapping[str, Any], rule: Mapping[str, Any], today: int, old_after: int) -> str:
    """Indicator, year, reference, presence rule and who takes part, in one line."""
    n_out = {kind: len(block["excluded"][kind]) for kind in ("regions", "sectors")}
    n_in = block["eligible"]
    return (
        f"{block['indicator']} {words.span(block, today, old_after)}; reference: {block['reference']['label']}; "
        f"held if {presence_rule(rule)}; {n_in['regions']} of {n_in['regions'] + n_out['regions']} regions and "
        f"{n_in['sectors']} of {n_in['sectors'] + n_out['sectors']} sectors take part"
    )


def presence_rule(rule: Mapping[str, Any]) -> str:
    """What makes a region hold a sector."""
    bar = f"{rule['comparison']} {rule['threshold']:g}"
    said = {"rca": f"RCA {bar}", "per_capita": f"per-capita RCA {bar}", "both": f"RCA and per-capita RCA {bar}"}
    return said.get(rule["presence"], PRESENCE.get(rule["presence"], ""))


def left_out(block: Mapping[str, Any], regions: Mapping[str, str], sectors: Mapping[str, str]) -> list[str]:
    """Who takes no part, by reason; the first few named."""
    lines = []
    for kind, labels in (("regions", regions), ("sectors", sectors)):
        by_reason: dict[str, list[str]] = {}
        for code, reasons in block["excluded"][kind].items():
            said = words.joined([REASONS.get(name, name) for name in reasons.split(";")])
            by_reason.setdefault(said, []).append(labels.get(code, code))
        for said, names in by_reason.items():
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            lines.append(f"left out, {said}: {', '.join(names[:6])}{more}")
    return lines


def _scale(block: Mapping[str, Any], frame: pl.DataFrame | None, sectors: Mapping[str, str]) -> list[str]:
    """What the index of a block sets apart, so that nobody reads more into it; or why there is none."""
    if block["refused"]:
        return [f"no index: {block['message']}"]
    said = []
    if frame is not None:
        own = frame.filter(
            (pl.col("indicator").cast(pl.String) == block["indicator"])
            & pl.col("year").eq_missing(pl.lit(block["year"]))
        )
        codes = (
            own.drop_nulls("pci").sort("pci", "sector", descending=[True, False])["sector"].cast(pl.String).to_list()
        )
        if len(codes) >= 2 * ENDS:
            high, low = (
                [words.lower_first(sectors.get(c, c)) for c in part] for part in (codes[:ENDS], codes[: -ENDS - 1 : -1])
            )
            said.append(f"the scale runs from {words.joined(high)} (high) to {words.joined(low)} (low)")
    said.append(f"ECI correlates {block['correlation_with_diversity']:.2f} with diversity")
    p_value = block.get("p_second_dimension")
    beyond = "" if p_value is None else f" (as clear by chance: p = {p_value:.2f})"
    said.append("eigenvalues " + ", ".join(f"{v:.2f}" for v in block["eigenvalues"]) + beyond)
    lines = ["; ".join(said)]
    settled = {"weak_sign"} if "previous_sign" in block["flags"] else set()  # said by the other
    lines += [FLAGS[flag] for flag in block["flags"] if flag not in settled]
    return lines


def conventions(rule: Mapping[str, Any]) -> str:
    """The conventions of relatedness and complexity in one line."""
    parts = [
        "proximity " + rule["proximity"].replace("_", " ") + f", diagonal {rule['diagonal']:g}",
        f"ECI mean 0, sd 1 (ddof {rule['ddof']}), sign by {rule['sign']}",
        "PCI on the scale of ECI" if rule["pci_scale"] == "region" else "PCI mean 0, sd 1",
        f"outlook gain by {rule['cog']}",
    ]
    if rule["neighbours"]:
        parts.insert(1, f"{rule['neighbours']} nearest sectors")
    if rule.get("as"):
        parts.append(f"conventions of {rule['as']}")
    return "; ".join(parts)


def show(
    console: Console,
    result: Result,
    regions: Mapping[str, str],
    sectors: Mapping[str, str],
    captions: Sequence[str],
    limit: int | None,
) -> None:
    """Regions, then sectors, then cells: those that the result holds, the highest index first."""
    for place, (name, frame) in enumerate(result.tables.items()):
        if place:
            console.print()
        last = place == len(result.tables) - 1
        if len(result.tables) > 1:
            console.print(Text(name, style="bold"))
        if name == "cells":
            chosen, ordered = tables.wide_columns(frame.head(limit or frame.height), regions, sectors), frame
        elif name == "regions":
            chosen, ordered = region_columns(frame, regions, console.width), by_index(frame, "eci")
        else:
            chosen, ordered = sector_columns(frame, sectors, console.width), by_index(frame, "pci")
        # each indicator and year is a table of its own: none takes the lines of another
        room = None if limit is None else limit * max(1, frame.select("indicator", "year").n_unique())
        tables.show(console, ordered, chosen, captions if last else (), limit if name == "cells" else room)
