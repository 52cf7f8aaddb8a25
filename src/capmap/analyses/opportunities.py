"""Which sectors lie near a region, and what were such picks worth in the past? (`capmap opportunities`)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import backtest, selection, specialisation
from capmap.analyses.complexity import (
    Draws,
    History,
    Indices,
    Outlook,
    Ranges,
    density_of,
    draws,
    outlook,
    quantiles,
    ranges,
    sector_proximity,
    spread_out,
    told,
)
from capmap.analyses.peers import peers_of
from capmap.analyses.presence import Conventions, Table, conventions, tables, world_growth
from capmap.data.panel import Panel
from capmap.data.totals import declared
from capmap.errors import RefusedError
from capmap.methods import relatedness
from capmap.methods.normalisation import percentile
from capmap.methods.ranking import ranked
from capmap.model import Project, Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COLUMNS = (
    "indicator", "year", "region", "sector", "rca", "class", "density", "density_low", "density_high",
    "relative_density", "pci", "cog", "quadrant", "p_entry", "p_entry_low", "p_entry_high", "grade", "stepping_stones",
    "path_product", "world_growth", "world_share", "depends_on", "held_by_peers", "peers", "note",
)  # fmt: skip
#: Where a sector lies for a region: how close it is against how complex, each against the region's other open sectors.
QUADRANTS = ("close_complex", "close_simple", "far_complex", "far_simple")
#: Reasons of the index that are passed on.
PASSED_ON = ("below_floor", "missing", "no_base", "not_applicable", "suppressed")
#: Grades at which a recommendation may be made.
TRUSTED = ("A", "B")
#: Densities held at a time while ranges are drawn.
DRAWN_CELLS = 20_000_000
#: Periods back that the growth of the world is measured over, in years; the nearest period counts.
GROWTH_YEARS = 5


def opportunities(
    project: Project,
    region: str,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    sector: Sequence[str] = (),
    preset: str | None = None,
    **changes: Any,
) -> Result:
    """Sectors a region does not hold, how close and how complex they are, and how likely an entry is.

    Parameters
    ----------
    project : a loaded project.
    region : code or name.
    indicator : ids; default every count and value with more than one sector.
    year : `latest` or one year.
    sector : rows wanted in the answer.
    preset, changes : conventions, as in `complexity`.

    Returns
    -------
    Result with table `opportunities` (COLUMNS): the sectors not held first, by `p_entry` where the backtest earns the
    grade A or B, else by relative density, both falling, ties by code; sectors held, and those that take no part, stand
    behind by code. Measures of entry are null for held sectors. `meta["blocks"]` holds for each indicator the
    backtest's grade and verdict, and the region's diversity, ECI and rank with their ranges.

    Raises
    ------
    UsageError : unknown names or options.
    RefusedError : the region takes part in no indicator.
    """
    selection.one_year(year)
    code = selection.region(project, region)
    chosen = conventions(project, preset, **changes)
    project = declared(project, chosen.specialisation.reference)
    metas, skipped = specialisation.measurable(project, indicator)
    wanted = {selection.sector(project, text, metas) for text in sector}
    frames, blocks = [], []
    gaps: list[dict[str, Any]] = []
    for meta in metas:
        found, whole = tables(project, meta, year, chosen)
        if not found:
            has = [y for y in whole.years if y is not None]
            gaps.append({"indicator": meta.id, "asked": str(year), "has": has, "reason": f"no data in {year}"})
            continue
        (table,) = found
        reason = _out(table, code)
        if reason:
            gaps.append({"indicator": meta.id, "asked": str(year), "has": [], "reason": reason})
            continue
        frame, block = _of(project, whole, table, [code], chosen)
        frames.append(frame.filter(pl.col("sector").cast(pl.String).is_in(sorted(wanted))) if wanted else frame)
        blocks.append(block | _region(table, code, block.pop("near")))
    if not frames:
        said = "; ".join(f"{gap['indicator']}: {str(gap['reason']).replace('_', ' ')}" for gap in gaps)
        raise RefusedError(said or "no count or value indicator with more than one sector",
                           fix="see `capmap complexity` for who takes part, or lower the floors")  # fmt: skip
    return Result("opportunities", {"opportunities": pl.concat(frames)}, {
        "command": "opportunities",
        "parameters": chosen.told() | {"region": code, "year": str(year)},
        "seed": chosen.complexity.seed,
        "blocks": blocks,
        "no_data": gaps,
        "skipped": skipped,
    })  # fmt: skip


def _out(table: Table, code: str) -> str:
    """Why a region takes no part; empty if it does."""
    if code not in table.regions:
        return f"{code} is not in the table"
    return str(table.who.region_reasons[table.regions.index(code)])


@dataclass(frozen=True)
class _Near:
    """All that is known of what lies near the regions of a table."""

    point: Indices
    proximity: Floats
    outlook: Outlook
    source: Draws | None
    spread: Ranges | None


def _near(project: Project, whole: Panel, table: Table, chosen: Conventions) -> _Near:
    options = chosen.complexity
    point = History(project, whole, chosen).of(table)
    proximity = sector_proximity(table, options)
    source = draws(project, whole, table, chosen)
    spread = None if source is None or point.found is None else ranges(source, point, options)
    return _Near(point, proximity, outlook(table, proximity, point.pci, options), source, spread)


def everyone(project: Project, **changes: Any) -> Result:
    """The opportunities of every region that takes part, in the latest year of each indicator; see `opportunities`."""
    chosen = conventions(project, None, **changes)
    project = declared(project, chosen.specialisation.reference)
    frames, blocks = [], []
    for meta in specialisation.measurable(project)[0]:
        try:
            found, whole = tables(project, meta, "latest", chosen)
        except RefusedError:
            continue
        for table in found:
            codes = [code for code, out in zip(table.regions, table.who.region_reasons, strict=True) if not out]
            if codes:
                frame, block = _of(project, whole, table, codes, chosen)
                del block["near"]
                frames.append(frame)
                blocks.append(block)
    if not frames:
        raise RefusedError("no region takes part in any indicator")
    return Result("opportunities", {"opportunities": pl.concat(frames)}, {
        "command": "opportunities",
        "parameters": chosen.told() | {"year": "latest"},
        "seed": chosen.complexity.seed,
        "blocks": blocks,
    })  # fmt: skip


def _of(
    project: Project, whole: Panel, table: Table, codes: Sequence[str], chosen: Conventions
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The opportunities of regions in one indicator and year, and what is told of them."""
    near = _near(project, whole, table, chosen)
    past, entry = backtest.both(project, whole, table, chosen)
    grade = past.meta["grade"]
    measured = _measured(project, table, codes, chosen)
    common = {
        "pci": near.point.pci, "world_growth": world_growth(whole, table.period, GROWTH_YEARS),
    }  # fmt: skip
    rows = [table.regions.index(code) for code in codes]
    low, high = _density_ranges(table, rows, near, chosen)
    by = "p_entry" if grade in TRUSTED else "relative_density"
    frames = []
    for k, (row, code) in enumerate(zip(rows, codes, strict=True)):
        columns = common | {"density_low": low[k], "density_high": high[k]} | _columns(project, table, row, near)
        columns |= {"p_entry": entry.p_entry[row], "p_entry_low": entry.p_entry_low[row],
                    "p_entry_high": entry.p_entry_high[row]}  # fmt: skip
        own = measured.filter(pl.col("region") == code).drop("region")
        frames.append(_frame(project, table, code, columns, own, grade, by, not entry.reason))
    block = {**table.meta, **told(near.point, near.spread), "sorted_by": by, "near": near,
             "backtest": {**past.meta, "entry": {"reason": entry.reason, "message": entry.message}}}  # fmt: skip
    return pl.concat(frames), block


def _region(table: Table, code: str, near: _Near) -> dict[str, Any]:
    """What is told of the region itself."""
    row = table.regions.index(code)
    rank = ranked(near.point.eci)[row]
    found: dict[str, Any] = {
        "diversity": int(table.presence[row].sum()),
        "eci": None if np.isnan(near.point.eci[row]) else float(near.point.eci[row]),
        "eci_rank": None if np.isnan(rank) else int(rank),
    }
    for name in ("eci", "eci_rank"):
        pair = None if near.spread is None else getattr(near.spread, name)[:, row]
        found[f"{name}_range"] = None if pair is None or np.isnan(pair).any() else pair.tolist()
    return found


def _columns(project: Project, table: Table, row: int, near: _Near) -> dict[str, Any]:
    """What is measured of each sector for one region, (n_sectors,) each."""
    held = table.held[row]
    peers = peers_of(project, table.regions[row]).codes
    known = [table.regions.index(code) for code in peers if code in table.regions]
    stones, product = _paths(table, row, near)
    open_ = table.who.sectors & ~held
    return {
        "density": near.outlook.density[row],
        "relative_density": near.outlook.relative_density[row],
        "cog": near.outlook.gain[row] if near.point.found is not None else np.full(held.size, np.nan),
        "quadrant": quadrants(np.where(open_, near.outlook.density[row], np.nan), near.point.pci),
        "stepping_stones": stones,
        "path_product": product,
        "held_by_peers": table.held[known].sum(axis=0).astype(np.int32),
        "peers": np.full(held.size, len(known), np.int32),
        "held": held,
    }


def quadrants(density: Floats, pci: Floats) -> list[str | None]:
    """Where each sector lies: close if its density is in the upper half of the open sectors, complex if its PCI is.

    `density` and `pci` are (n_sectors,), NaN where the sector is not open or has none. Halves are mid-rank percentiles
    of at least one half (the middle of an odd number, and ties across it, count as upper).

    >>> quadrants(np.array([0.1, 0.2, 0.3, np.nan]), np.array([1.0, -1.0, 0.5, 2.0]))
    ['far_complex', 'close_simple', 'close_complex', None]
    """
    both = ~np.isnan(density) & ~np.isnan(pci)
    place: list[str | None] = [None] * len(density)
    if not both.any():
        return place
    close = percentile(np.where(both, density, np.nan)) >= 0.5
    complex_ = percentile(np.where(both, pci, np.nan)) >= 0.5
    for k in np.flatnonzero(both):
        place[k] = f"{'close' if close[k] else 'far'}_{'complex' if complex_[k] else 'simple'}"
    return place


def _density_ranges(table: Table, rows: Sequence[int], near: _Near, chosen: Conventions) -> tuple[Floats, Floats]:
    """5 % and 95 % quantiles of the densities of regions over the draws, (n_rows, n_sectors); NaN without draws."""
    options, n = chosen.complexity, len(table.sectors)
    found = np.full((2, len(rows), n), np.nan)
    if near.source is None or options.proximity == "rsca_correlation":
        return found[0], found[1]
    part = max(1, DRAWN_CELLS // (options.draws * n))
    source = near.source
    for start in range(0, len(rows), part):
        own = list(rows[start : start + part])
        drawn = np.empty((options.draws, len(own), n))

        def one(number: int, own: list[int] = own, drawn: Floats = drawn) -> None:
            presence = source.presence(number)
            proximity = relatedness.proximity(presence, options.proximity, diagonal=options.diagonal)
            drawn[number] = density_of(presence[own], proximity, options)

        with spread_out(source.shape.size * options.draws) as several:
            list(several(one, range(options.draws)))
        found[:, start : start + part] = quantiles(drawn)
    found[:, np.isnan(near.outlook.density[list(rows)])] = np.nan
    return found[0], found[1]


def _paths(table: Table, row: int, near: _Near) -> tuple[list[str | None], Floats]:
    """Stepping stones to every sector that is not held, as codes from the first strength to the sector, and their product."""
    stones: list[str | None] = [None] * len(table.sectors)
    product = np.full(len(table.sectors), np.nan)
    proximity = near.proximity
    if (np.nan_to_num(proximity) > 1).any():  # association strength is no probability: there is no product of it
        return stones, product
    paths = relatedness.strongest_paths(proximity, table.presence[row])
    for k in np.flatnonzero(~table.held[row] & (paths.product > 0)).tolist():
        along = paths.to(k).sectors
        stones[k] = ">".join(table.sectors[j] for j in along)
        product[k] = np.prod(proximity[along[:-1], along[1:]])
    return stones, product


def _measured(project: Project, table: Table, codes: Sequence[str], chosen: Conventions) -> pl.DataFrame:
    """Index, class and share of regions in every sector, as `capmap rca` has them."""
    shared = chosen.specialisation
    return specialisation.rca(
        project, indicator=[table.indicator.id], year="latest" if table.year is None else table.year, region=codes,
        extras=["dependence"], complete=True, threshold=chosen.complexity.threshold, reference=shared.reference,
        exclude=shared.exclude, window=shared.window,
    ).frame.select(
        pl.col("region", "sector").cast(pl.String), "rca", "class", pl.col("share_world").alias("world_share"),
        pl.when(pl.col("class_ex_largest").cast(pl.String) != pl.col("class").cast(pl.String))
        .then(pl.col("largest_other")).alias("depends_on"),
        pl.col("note").cast(pl.String).alias("measured_note"),
    )  # fmt: skip


def _frame(
    project: Project,
    table: Table,
    code: str,
    columns: dict[str, Any],
    measured: pl.DataFrame,
    grade: str | None,
    by: str,
    modelled: bool,
) -> pl.DataFrame:
    """Rows of all sectors of one region with the columns of the result: the open ones first, in the order of `by`.

    `modelled` says that entries have a probability.
    """
    kinds = project.observations.schema
    frame = pl.DataFrame(
        {"sector": list(table.sectors), "excluded": ~table.who.sectors}
        | {name: pl.Series(v, nan_to_null=True) if isinstance(v, np.ndarray) else pl.Series(v, dtype=pl.String)
           for name, v in columns.items()}
    ).join(measured, on="sector", how="left", maintain_order="left")  # fmt: skip
    open_ = ~pl.col("held") & ~pl.col("excluded")
    reasons = [
        pl.when("held").then(pl.lit("held")),
        pl.when("excluded").then(pl.lit("sector_excluded")),
        pl.when(open_ & (pl.col("rca") > backtest.CANDIDATE)).then(pl.lit("near_threshold")),
        pl.when(open_ & (pl.col("rca") <= backtest.CANDIDATE) & pl.col("p_entry").is_null() & modelled).then(
            pl.lit("not_candidate")
        ),
        *(pl.when(pl.col("measured_note").str.split(";").list.contains(name)).then(pl.lit(name)) for name in PASSED_ON),
    ]
    entry = [pl.when(open_).then(name).alias(name) for name in ("p_entry", "p_entry_low", "p_entry_high")]
    return (
        frame.with_columns(
            pl.lit(table.indicator.id, kinds["indicator"]).alias("indicator"),
            pl.lit(table.year, pl.Int32).alias("year"),
            pl.lit(code, kinds["region"]).alias("region"),
            pl.col("sector").cast(kinds["sector"]),
            pl.lit(grade, pl.String).alias("grade"),
            pl.concat_list(reasons).list.drop_nulls().list.sort().list.join(";").replace("", None).alias("note"),
            *entry,
        )
        .sort(~open_, pl.when(open_).then(by), "sector", descending=[False, True, False], nulls_last=True)
        .select(COLUMNS)
    )
