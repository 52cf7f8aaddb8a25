"""The figures of a composite index: each indicator's value, year, size and reason for having none, by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.index_tree import Framework, Leaf
from capmap.analyses.listing import joined_notes, reasons_without_value, rows_of
from capmap.errors import RefusedError, UsageError
from capmap.methods import normalisation
from capmap.model import TOTAL, Project

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Figures:
    """Units are pairs of a period and a region, period by period: n_units = n_periods * n_regions.

    `values` (n_units, n_leaves) are divided by their sizes, in the indicator's own direction; `imputed` marks those whose
    status says that somebody has imputed them; `rows` has a row per unit and leaf with how the value came about. `years`
    gives the year of each leaf in each period.
    """

    periods: tuple[int | None, ...]
    regions: tuple[str, ...]
    values: Floats
    imputed: Bools
    rows: pl.DataFrame
    years: dict[int | None, dict[str, int | None]]
    skipped: tuple[dict[str, Any], ...]


def figures(project: Project, frame: Framework, year: selection.Year, *, mixed: bool) -> Figures:
    """What the indicators of an index say.

    Raises
    ------
    UsageError : an indicator that does not add up and has no total, without a sector.
    RefusedError : an indicator without data, or years too far apart.
    """
    sources = [_source(project, leaf) for leaf in frame.leaves]
    for leaf, rows in zip(frame.leaves, sources, strict=True):
        if rows.drop_nulls("value").is_empty():
            raise RefusedError(
                f"{leaf.node.id} has no data: {leaf.meta.id}" + (f", {leaf.node.sector}" if leaf.node.sector else ""),
                fix="take it out of the index, or see `capmap indicators`",
            )
    years, skipped = _years(frame, sources, year, mixed=mixed)
    regions = _regions(project, frame, sources)
    sizes = {leaf.node.per: _sizes(project, leaf.node.per) for leaf in frame.leaves if leaf.node.per}
    parts = [
        _column(leaf, rows, regions, period, years[period][leaf.node.id], sizes)
        for period in years
        for leaf, rows in zip(frame.leaves, sources, strict=True)
    ]
    shape = (len(years), len(frame.leaves), len(regions))
    rows = pl.concat(parts)
    ratio = rows["ratio"].cast(pl.Float64).to_numpy().reshape(shape).transpose(0, 2, 1)
    status = (rows["status"] == "I").fill_null(False).to_numpy().reshape(shape).transpose(0, 2, 1)
    flat = (shape[0] * shape[2], shape[1])
    return Figures(
        tuple(years), tuple(regions), ratio.reshape(flat).copy(), status.reshape(flat).copy(), rows, years, skipped
    )


def _source(project: Project, leaf: Leaf) -> pl.DataFrame:
    """Rows of one indicator by region and year: year, region, value, status."""
    rows = rows_of(project, leaf.meta.id).filter(pl.col("role") == "region")
    wanted = leaf.node.sector or TOTAL
    here = rows.filter(pl.col("sector").cast(pl.String) == wanted)
    if leaf.node.sector is None and here.is_empty():
        return _added_up(leaf, rows)
    if leaf.meta.absent == "zero":
        seen = rows.select("year", "region").unique()
        here = seen.join(here, on=["year", "region"], how="left", nulls_equal=True).with_columns(
            pl.when(pl.col("sector").is_null()).then(0.0).otherwise("value").alias("value")
        )
    return here.select("year", pl.col("region").cast(pl.String), "value", pl.col("status").cast(pl.String))


def _added_up(leaf: Leaf, rows: pl.DataFrame) -> pl.DataFrame:
    """Sums over the sectors; a region that lacks one of them has none, unless what is absent is zero."""
    own = rows["sector"].n_unique()
    if not leaf.meta.additive and own > 1:
        raise UsageError(
            f"{leaf.node.id}: {leaf.meta.id} has {own} sectors that do not add up and no total",
            fix=f"name one of them: sector = ... in index/, node {leaf.node.id}",
        )
    everything = rows.group_by("year").agg(all=pl.col("sector").n_unique())
    lacking = pl.col("null") if leaf.meta.absent == "zero" else pl.col("null") | (pl.col("n") < pl.col("all"))
    return (
        rows.group_by("year", pl.col("region").cast(pl.String))
        .agg(
            value=pl.col("value").sum(),
            null=pl.col("value").null_count() > 0,
            n=pl.len(),
            status=pl.when((pl.col("status") == "I").fill_null(False).any()).then(pl.lit("I")),
        )
        .join(everything, on="year", nulls_equal=True)
        .select("year", "region", pl.when(~lacking).then("value").alias("value"), "status")
    )


def _years(
    frame: Framework, sources: Sequence[pl.DataFrame], year: selection.Year, *, mixed: bool
) -> tuple[dict[int | None, dict[str, int | None]], tuple[dict[str, Any], ...]]:
    """Period -> the year of each indicator: the last one not after the period."""
    has = {
        leaf.node.id: rows.drop_nulls("value")["year"].unique().sort().to_list()
        for leaf, rows in zip(frame.leaves, sources, strict=True)
    }
    every = sorted({y for years in has.values() for y in years if y is not None})
    latest = year in (None, "latest")
    single = latest or (year != "all" and len(set(selection.year_range(year))) == 1)
    if latest or not every:
        wanted = every[-1:] or [None]
    elif single:
        wanted = [selection.year_range(year)[0]]
    else:
        wanted = [every[k] for k in selection.periods(every, year)]
    found: dict[int | None, dict[str, int | None]] = {}
    skipped = []
    for period in wanted:
        taken, said = _taken(frame, has, period, mixed=mixed)
        if not said:
            found[period] = taken
        elif single:
            raise RefusedError(said, fix="take an earlier figure where one is lacking: --allow-mixed-years")
        else:
            skipped.append({"year": period, "reason": said})
    if not found:
        raise RefusedError(f"no year of {year} has data for all indicators", fix="see `capmap indicators`")
    return found, tuple(skipped)


def _taken(
    frame: Framework, has: dict[str, list[int | None]], period: int | None, *, mixed: bool
) -> tuple[dict[str, int | None], str]:
    """The year of each indicator in a period, and why that is refused, empty where it is not."""
    taken: dict[str, int | None] = {}
    for name, years in has.items():
        before = [y for y in years if y is None or period is None or y <= period]
        if not before:
            return {}, f"{name} has no data in or before {period} (has {', '.join(map(str, years))})"
        taken[name] = before[-1]
    known = {name: y for name, y in taken.items() if y is not None}
    limit = frame.file.years_apart
    if known and period is not None and not mixed:
        oldest = min(known, key=lambda name: known[name])
        if period - known[oldest] > limit:
            return taken, (
                f"the figures are up to {period - known[oldest]} years apart, more than {limit}: {oldest} is of "
                f"{known[oldest]}, the index of {period}"
            )
    return taken, ""


def _regions(project: Project, frame: Framework, sources: Sequence[pl.DataFrame]) -> list[str]:
    """Regions that have a row of any indicator, sorted."""
    seen = set(pl.concat([rows.select("region") for rows in sources])["region"].to_list())
    if frame.file.group is not None:
        seen &= set(selection.in_group(project, frame.file.group))
    return sorted(seen)


def _sizes(project: Project, per: str) -> pl.DataFrame:
    rows = rows_of(project, per).filter((pl.col("sector") == TOTAL) & (pl.col("role") == "region"))
    return rows.select("year", pl.col("region").cast(pl.String), pl.col("value").alias("size"))


def _column(
    leaf: Leaf,
    rows: pl.DataFrame,
    regions: Sequence[str],
    period: int | None,
    year: int | None,
    sizes: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    """One indicator in one period, a row per region."""
    here = pl.DataFrame({"region": list(regions)}).join(
        rows.filter(pl.col("year").eq_missing(pl.lit(year))).drop("year"),
        on="region",
        how="left",
        maintain_order="left",
    )
    per = leaf.node.per
    if per is None:
        here = here.with_columns(size=pl.lit(None, pl.Float64), ratio=pl.col("value"))
    else:
        mine = sizes[per].filter(pl.col("year").eq_missing(pl.lit(year))).drop("year")
        here = here.join(mine, on="region", how="left", maintain_order="left")
        value, size = (here[name].cast(pl.Float64).to_numpy() for name in ("value", "size"))
        here = here.with_columns(ratio=pl.Series(normalisation.per(value, size)).fill_nan(None))
    divided, known = pl.lit(per is not None), pl.col("value").is_not_null()
    zero = (pl.col("size") == 0).fill_null(False)
    return here.with_columns(
        joined_notes(
            reasons_without_value()
            | {
                "no_denominator": divided & known & pl.col("size").is_null(),
                "no_base": divided & known & zero,
            }
        ),
        period=pl.lit(period, pl.Int32),
        node=pl.lit(leaf.node.id),
        source_year=pl.lit(year, pl.Int32),
    ).select("period", "region", "node", "source_year", "value", "status", "size", "ratio", "note")
