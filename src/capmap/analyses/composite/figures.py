"""The figures of a composite index: each indicator's value, year, size and reason for having none, by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.composite import results as index_results
from capmap.analyses.composite.tree import Framework, Leaf
from capmap.analyses.listing import joined_notes, reasons_without_value, rows_of
from capmap.errors import RefusedError, UsageError
from capmap.methods import normalisation
from capmap.model import TOTAL, IndexFile, Project

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

#: Ways to fill a gap from other years of the same region.
OVER_TIME = ("last", "linear")
_NO_NOTE = pl.lit(None, pl.String).alias("note")


@dataclass(frozen=True)
class Figures:
    """Units are pairs of a period and a region, period by period: n_units = n_periods * n_regions.

    `values` (n_units, n_leaves) are divided by their sizes, in the indicator's own direction; `imputed` marks those whose
    status says that somebody has imputed them; `rows` has a row per unit and leaf with how the value came about. `years`
    gives the year of each leaf in each period. `allowed` (n_units, n_leaves) says where a gap may be filled: not where a
    figure cannot exist, is withheld, or is a result of the whole table that has none of the region. `series` holds all
    years of the leaves that are imputed over time, `groups` (n_regions,) the code of each region's group, -1 without one,
    and `apart` the most years that a figure may be older than its period; None for any.
    """

    periods: tuple[int | None, ...]
    regions: tuple[str, ...]
    values: Floats
    imputed: Bools
    rows: pl.DataFrame
    years: dict[int | None, dict[str, int | None]]
    skipped: tuple[dict[str, Any], ...]
    allowed: Bools
    series: Mapping[str, Series]
    groups: Ints
    apart: int | None


@dataclass(frozen=True)
class Series:
    """All years of one leaf, rising, and its values divided by the sizes of those years, (n_regions, n_years)."""

    years: tuple[int, ...]
    values: Floats


def figures(project: Project, frame: Framework, year: selection.Year, *, mixed: bool) -> Figures:
    """What the indicators of an index say.

    Raises
    ------
    UsageError : an indicator that does not add up and has no total, without a sector.
    RefusedError : an indicator without data, years too far apart, a size of zero or less under a value, or a result that
        its method refuses in every period.
    """
    sources = {leaf.node.id: _source(project, leaf) for leaf in frame.leaves if leaf.node.result is None}
    has = {
        leaf.node.id: _with_values(sources[leaf.node.id])
        if leaf.node.id in sources else index_results.observed_years(project, leaf)
        for leaf in frame.leaves
    }  # fmt: skip
    for leaf in frame.leaves:
        if not has[leaf.node.id]:
            raise RefusedError(
                f"{leaf.node.id} has no data: {leaf.meta.id}" + (f", {leaf.node.sector}" if leaf.node.sector else ""),
                fix="take it out of the index, or see `capmap indicators`",
            )
    years, skipped = _years(frame, has, year, mixed=mixed)
    years, refused = _measured(project, frame, years, sources)
    regions = _regions(project, frame, list(sources.values()))
    sizes = {leaf.node.per: _sizes(project, leaf.node.per) for leaf in frame.leaves if leaf.node.per}
    rows = pl.concat(
        _column(leaf, sources[leaf.node.id], regions, period, years[period][leaf.node.id], sizes)
        for period in years
        for leaf in frame.leaves
    )
    shape = (len(years), len(frame.leaves), len(regions))

    def table(column: pl.Series) -> NDArray[Any]:
        return column.to_numpy().reshape(shape).transpose(0, 2, 1).reshape(shape[0] * shape[2], shape[1]).copy()

    return Figures(
        tuple(years), tuple(regions), table(rows["ratio"].cast(pl.Float64)), table(_has_status(rows, "I")), rows, years,
        (*skipped, *refused), ~table(_has_status(rows, "M", "Q") | _no_gap(frame, rows)),
        _series(frame, sources, regions, sizes), _groups(project, frame.file, regions),
        None if mixed else frame.file.years_apart,
    )  # fmt: skip


def _with_values(rows: pl.DataFrame) -> list[int | None]:
    """Years in which anybody has a value."""
    years: list[int | None] = rows.drop_nulls("value")["year"].unique().sort().to_list()
    return years


def _has_status(rows: pl.DataFrame, *letters: str) -> pl.Series:
    return rows["status"].is_in(letters).fill_null(False)


def _no_gap(frame: Framework, rows: pl.DataFrame) -> pl.Series:
    """Rows without a value that are no gap: zero over a size of zero, and regions that a result says nothing of."""
    results = [leaf.node.id for leaf in frame.leaves if leaf.node.result is not None]
    return rows.select((pl.col("note") == "no_base").fill_null(False) | pl.col("node").is_in(results)).to_series()


def _measured(
    project: Project,
    frame: Framework,
    years: dict[int | None, dict[str, int | None]],
    sources: dict[str, pl.DataFrame],
) -> tuple[dict[int | None, dict[str, int | None]], list[dict[str, Any]]]:
    """Adds the rows of results to the sources; gives the periods in which no method refuses, and the others with why."""
    against: dict[int | None, str] = {}
    for leaf in frame.leaves:
        if leaf.node.result is None:
            continue
        node = leaf.node.id
        sources[node], refused = index_results.measured(project, leaf, (taken[node] for taken in years.values()))
        for period, taken in years.items():
            if taken[node] in refused:
                against.setdefault(period, f"{node}: {refused[taken[node]]}")
    if len(against) == len(years):
        raise RefusedError(
            "; ".join(dict.fromkeys(against.values())),
            fix="see `capmap complexity`, change its conventions in [complexity], or take the node out",
        )
    return (
        {period: taken for period, taken in years.items() if period not in against},
        [{"year": period, "reason": said} for period, said in against.items()],
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
    return here.select(
        "year", pl.col("region").cast(pl.String), "value", pl.col("status").cast(pl.String), _NO_NOTE
    )  # fmt: skip


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
            **{letter: (pl.col("status") == letter).fill_null(False).any() for letter in "IMQ"},
        )
        .join(everything, on="year", nulls_equal=True)
        .select(
            "year", "region", pl.when(~lacking).then("value").alias("value"),
            # a sum that lacks a withheld part is withheld, and one that lacks a part that cannot exist cannot
            pl.when(lacking & pl.col("Q")).then(pl.lit("Q")).when(lacking & pl.col("M")).then(pl.lit("M"))
            .when(~lacking & pl.col("I")).then(pl.lit("I")).alias("status"),
            _NO_NOTE,
        )
    )  # fmt: skip


def _years(
    frame: Framework, has: dict[str, list[int | None]], year: selection.Year, *, mixed: bool
) -> tuple[dict[int | None, dict[str, int | None]], tuple[dict[str, Any], ...]]:
    """Period -> the year of each indicator: the last one in which it `has` a value that is not after the period."""
    every = sorted({y for years in has.values() for y in years if y is not None})
    latest = year in (None, "latest")
    single = latest or (year != "all" and len(set(selection.year_range(year))) == 1)
    wanted: list[int | None]
    if latest or not every:
        wanted = list(every[-1:]) or [None]
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
            mix = "take an earlier figure where one is lacking: --allow-mixed-years"
            raise RefusedError(said, fix=mix if taken else "name a later year, or take the indicator out of the index")
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


def _series(
    frame: Framework, sources: Mapping[str, pl.DataFrame], regions: Sequence[str], sizes: Mapping[str, pl.DataFrame]
) -> dict[str, Series]:
    """All years of the leaves that are imputed over time; none of data without years, nor of results."""
    found = {}
    for leaf in frame.leaves:
        rows = sources[leaf.node.id].drop_nulls("year")
        if leaf.imputation not in OVER_TIME or leaf.node.result is not None or rows.is_empty():
            continue
        ratio = pl.col("value")
        if leaf.node.per is not None:
            rows = rows.join(sizes[leaf.node.per], on=["year", "region"], how="left")
            ratio = pl.when(pl.col("size") > 0).then(pl.col("value") / pl.col("size"))
        years = rows["year"].unique().sort().to_list()
        whole = pl.DataFrame({"region": list(regions)}).join(
            pl.DataFrame({"year": pl.Series(years, dtype=pl.Int32)}), how="cross"
        )
        values = whole.join(
            rows.select("year", "region", ratio.alias("ratio")), on=["year", "region"], how="left", maintain_order="left"
        )["ratio"]  # fmt: skip
        table = values.cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(len(regions), len(years))
        found[leaf.node.id] = Series(tuple(years), table.copy())
    return found


def _groups(project: Project, file: IndexFile, regions: Sequence[str]) -> Ints:
    """Code of the group of each region: the first of those named that it is in, else its parent, else its first group."""
    listed = {code: (parent, (names or "").split(";"))
              for code, parent, names in project.codes.regions.select("code", "parent", "group").iter_rows()}  # fmt: skip

    def group(region: str) -> str:
        parent, names = listed.get(region, (None, [""]))
        if file.imputation_groups:
            return next((name for name in file.imputation_groups if name in names), "")
        return parent or names[0]

    own = [group(region) for region in regions]
    known = sorted({name for name in own if name})
    return np.array([known.index(name) if name else -1 for name in own], dtype=np.intp)


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
        here = here.with_columns(ratio=_ratio(leaf, here))
    divided, known = pl.lit(per is not None), pl.col("value").is_not_null()
    zero = (pl.col("size") == 0).fill_null(False)
    own = pl.col("note")
    return here.with_columns(
        pl.coalesce(
            own,
            joined_notes(
                reasons_without_value()
                | {
                    "no_denominator": divided & known & pl.col("size").is_null(),
                    "no_base": divided & known & zero,
                }
            ),
        ).alias("note"),
        period=pl.lit(period, pl.Int32),
        node=pl.lit(leaf.node.id),
        source_year=pl.lit(year, pl.Int32),
    ).select("period", "region", "node", "source_year", "value", "status", "size", "ratio", "note")


def _ratio(leaf: Leaf, here: pl.DataFrame) -> pl.Series:
    """Values divided by sizes."""
    value, size = (here[name].cast(pl.Float64).to_numpy() for name in ("value", "size"))
    wrong = (size < 0) | ((size == 0) & (value != 0) & ~np.isnan(value))
    if wrong.any():
        where = ", ".join(here["region"].filter(pl.Series(wrong)).to_list())
        raise RefusedError(
            f"{leaf.node.id} cannot be divided by {leaf.node.per}: a size of 0 or less in {where}",
            fix=f"mend the rows of {leaf.node.per}, or divide by another size",
        )
    return pl.Series(normalisation.per(value, size)).fill_nan(None)
