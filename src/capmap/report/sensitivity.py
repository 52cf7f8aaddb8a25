"""Sobol indices of the ranks of a composite index on a terminal: where their variance comes from, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import numbers, tables
from capmap.report.tables import Column

#: Shares nearer to 0 are written as 0.
LEAST = 0.005
#: Factors in words.
FACTORS = {
    "normaliser": "the scale", "treatment": "outliers", "indicator_weights": "weights in the pillars",
    "node_weights": "weights of the pillars", "aggregation": "the mean", "left_out": "one indicator left out",
}  # fmt: skip


def caption(result: Result) -> list[str]:
    """What the first orders of the mean shift add up to, how many runs there were, and what failed."""
    return [_said(block, len(result.meta["sobol"]) > 1) for block in result.meta.get("sobol", ())]


def _said(block: Mapping[str, Any], several: bool) -> str:
    year = f" {block['year']}" if several else ""
    runs = f"Sobol indices{year}: {block['runs']:,} runs, {block['failed']:,} failed"
    total = block["first_sum"]
    if total is None:
        return f"{runs}; the ranks never move"
    alone = "choices act one by one" if total >= 1 else f"the other {1 - total:.0%} comes from choices acting together"
    return f"{runs}; by themselves the choices explain {min(max(total, 0.0), 1.0):.0%} of the variance of the mean shift, {alone}"


def _columns(frame: pl.DataFrame, labels: Mapping[str, str], width: int) -> list[Column]:
    columns = [
        Column("choice", lambda r: FACTORS[r["factor"]], key=True, least=24),
        tables.of("first", "by itself", _share),
        Column("by itself 5-95%", lambda r: _between(r["first_low"], r["first_high"]), right=True, spare=2),
        tables.of("total", "with others", _share),
        Column("with others 5-95%", lambda r: _between(r["total_low"], r["total_high"]), right=True, spare=1),
    ]
    if frame["region"].n_unique() > 1:
        columns.insert(0, tables.labelled("region", "region", labels, width >= tables.CODES_FROM))
    if frame["year"].n_unique() > 1:
        columns.insert(0, Column("year", lambda r: str(r["year"]), whole=True, key=True))
    return columns


def _share(value: float | None) -> str:
    """An estimate of a share; by chance it may lie a little below 0, never at a minus nothing."""
    return numbers.share(None if value is None else value if abs(value) >= LEAST else 0.0)


def _between(low: float | None, high: float | None) -> str:
    return numbers.NOTHING if low is None or high is None else f"{_share(low)} to {_share(high)}"


def show(
    console: Console, result: Result, labels: Mapping[str, str], captions: Sequence[str], limit: int | None
) -> None:
    """The indices of the mean shift in rank, or those of the rank of every region asked for; the largest first."""
    frame, asked = result.tables["sobol"], result.meta["parameters"]["region"]
    if not asked:
        frame = frame.filter(pl.col("region") == "all")
    rows = frame.sort("year", "region", "total", descending=[False, False, True], nulls_last=True, maintain_order=True)
    console.print()
    what = "the rank" if asked else "the mean shift in rank"
    console.print(Text(f"what {what} depends on: shares of its variance", style="bold"))
    tables.show(console, rows, _columns(frame, labels, console.width), captions, limit)
