"""How intense is each region in each sector, beside the world and the other regions? (`capmap intensity`)

An intensity (robots per worker) is a ratio already: nothing here sums ratios or takes an RCA of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.listing import (
    joined_notes,
    published_total,
    reasons_without_value,
    rows_of,
    tables_of,
    years_of,
)
from capmap.data.matrix import Matrix
from capmap.errors import RefusedError, UsageError
from capmap.methods.intensity import FLOOR, ratio_to_median, three_factors
from capmap.methods.normalisation import Direction, percentile, rank
from capmap.model import TOTAL, Indicator, Project, Result

Floats = NDArray[np.float64]

COLUMNS = (
    "indicator", "year", "region", "sector", "value", "denominator", "rii", "rii_region", "dri", "rca_stock",
    "rca_denominator", "ratio_median", "percentile", "rank", "n", "status", "note",
)  # fmt: skip
#: The columns that need the denominator.
FACTORS = ("rii", "rii_region", "dri", "rca_stock", "rca_denominator")
#: How many offending cells a refusal names.
LISTED = 5


@dataclass(frozen=True)
class Base:
    """What an intensity is divided by: an indicator of the project with its rows, or why there is none."""

    indicator: Indicator | None
    rows: pl.DataFrame
    reason: str | None


@dataclass(frozen=True)
class Measured:
    """One table of one period: rows with their measures, and what was divided by and compared with."""

    frame: pl.DataFrame
    denominator: str | None
    reason: str | None  #: why no denominator could be used
    reference: dict[str, str] | None  #: what the factors compare with
    refused: str | None


def intensity(
    project: Project,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    sector: Sequence[str] = (),
    floor: float = FLOOR,
) -> Result:
    """Intensities and scores beside the world and the other regions: one row per observed cell.

    Parameters
    ----------
    project : a loaded project.
    indicator : ids; default every intensity and score. A count or value named here is refused with the command
        that fits it.
    year : `latest` (each indicator's own last year), a year, `Y1:Y2` or `all`.
    region, sector : rows wanted in the answer; everything is still measured on the whole table.
    floor : denominator below which a cell's factors are withheld, in the denominator's unit (500 workers).

    Returns
    -------
    Result with table `intensity` (COLUMNS), sorted by indicator, year, region, sector.

    Where `denominator` names an indicator with rows in the same year, `denominator` is its value in the same region
    and sector, and the three factors multiply exactly: rca_stock = rca_denominator * rii / rii_region
    (`methods.intensity.three_factors`). The world is the published total where intensity and denominator both have
    a row for the same region of role reference, else the sum of the regions with both known. Sectors without any
    row of the denominator, and regions without any, have none; inside that rectangle an absent row is what
    the denominator's `absent_rows` says.

    `ratio_median` (intensities only) is the ratio to the unweighted median of the regions, not a comparison with
    the world; `percentile` (mid-rank, a share) and `rank` (1 is the best, ties share the smallest) respect the
    indicator's direction, the ratios do not. `n` is the number of regions with a value in that indicator, year and
    sector, the implied zeros of `absent_rows = "zero"` among them; cells below the floor are ranked too. Rows of role
    reference and aggregate are neither ranked nor shown. `_T` beside sectors of their own is a table by itself.

    Every null has its reason in `note`: `missing`, `suppressed`, `not_applicable` (no value); `no_denominator`;
    `below_floor`; `no_base` (a denominator, a total or a median of zero); `score` (its ratios have no meaning);
    `refused` (see below). `partial_base` marks a region whose sums lack sectors that others have.

    `meta["blocks"]` tells for each indicator and year the denominator or why there is none, and the reference.
    `meta["refused"]` lists the tables that contradict themselves: negative values, or an intensity above 0 on
    a denominator of 0; their rows keep value, percentile and rank.

    Raises
    ------
    UsageError : unknown names; a count or value asked for by name; a negative floor.
    RefusedError : no row to answer with, no value known (and, of intensities, other than 0), or every table contradicts
        itself.
    """
    if not floor >= 0:
        raise UsageError(f"--floor {floor} is not a size", fix="use 0 or more, in the unit of the denominator")
    chosen, skipped = measurable(project, indicator)
    wanted_regions = selection.regions(project, region)
    wanted_sectors = [text if text == TOTAL else selection.sector(project, text, chosen) for text in sector]
    frames, blocks, empty, refused = [], [], [], []
    for meta in chosen:
        rows = rows_of(project, meta.id)
        years = years_of(rows.filter(pl.col("role") == "region"))
        wanted = [years[k] for k in selection.periods(years, year)]
        if not wanted:
            empty.append({"indicator": meta.id, "asked": str(year), "has": [y for y in years if y is not None]})
            continue
        base = _base(project, meta)
        reference = published_total(project, meta)
        for period in wanted:
            parts = _measure(
                meta, rows.filter(pl.col("year").eq_missing(pl.lit(period))), period, base, reference, floor
            )
            frames += [part.frame for part in parts]
            blocks.append(_block(meta, period, parts))
            refused += [
                {"indicator": meta.id, "year": period, "reason": part.refused} for part in parts if part.refused
            ]
    if not frames:
        raise RefusedError(
            without_data(empty) or "no intensity or score in this project", fix="see `capmap indicators`"
        )
    if not any(_holds_something(project.catalogue[frame["indicator"][0]], frame) for frame in frames):
        raise RefusedError(
            f"nothing to compute: no value of {selection.places(blocks)} is known"
            + (" and above 0" if any(block["kind"] == "intensity" for block in blocks) else ""),
            fix="choose another year or indicator: `capmap indicators`",
        )
    if len(refused) == len(frames):
        reasons = "; ".join(f"{_place(r['indicator'], r['year'])}: {r['reason']}" for r in refused)
        raise RefusedError(
            f"no table can be measured: {reasons}",
            fix="mend the cells named; if the denominator's absent rows are unknown and not zero, "
            'write absent_rows = "missing" in its indicator file',
        )
    table = _selected(project, frames, wanted_regions, wanted_sectors)
    return Result("intensity", {"intensity": table}, {
        "command": "intensity",
        "parameters": {
            "indicator": list(indicator), "year": str(year), "region": wanted_regions, "sector": wanted_sectors,
            "floor": floor,
        },
        "blocks": blocks,
        "no_data": empty,
        "skipped": skipped,
        "refused": refused,
    })  # fmt: skip


def positions(values: Floats, direction: Direction) -> tuple[Floats, Floats, NDArray[np.int32]]:
    """Percentile and rank of every region within its column, and the number of values of the column.

    `values` is (n_regions, n_sectors) with NaN for missing; percentile and rank have that shape, the number is
    (n_sectors,).
    """
    share, place = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    n = np.count_nonzero(~np.isnan(values), axis=0).astype(np.int32)
    for j in np.flatnonzero(n):
        share[:, j] = percentile(values[:, j], direction=direction)
        place[:, j] = rank(values[:, j], direction=direction)
    return share, place, n


def without_data(empty: Sequence[dict[str, Any]]) -> str:
    """`robot_density: no data in 2018 (has 2023)` for each indicator that lacks the year asked for."""
    return "; ".join(
        f"{e['indicator']}: no data in {e['asked']} (has {', '.join(map(str, e['has'])) or 'no years'})" for e in empty
    )


def _holds_something(meta: Indicator, frame: pl.DataFrame) -> bool:
    """Whether a table has a value to compare: any score, or an intensity other than 0."""
    value = frame["value"].drop_nulls()
    return not value.is_empty() if meta.kind == "score" else bool((value != 0).any())


def measurable(project: Project, wanted: Sequence[str] = ()) -> tuple[list[Indicator], list[dict[str, str]]]:
    """Intensities and scores, and what was passed over with the command that fits it."""
    chosen, skipped = [], []
    for meta in dict.fromkeys(selection.indicators(project, wanted)):
        if meta.kind in ("intensity", "score"):
            chosen.append(meta)
            continue
        reason = f"a {meta.kind} is an amount, not a ratio"
        instead = f"capmap {'normalise' if meta.classification == 'none' else 'rca'} -i {meta.id}"
        if wanted:
            raise UsageError(f"no intensity in {meta.id}: {reason}", fix=instead)
        skipped.append({"indicator": meta.id, "reason": reason, "instead": instead})
    return chosen, skipped


def _base(project: Project, meta: Indicator) -> Base:
    """The denominator of an intensity, where the project holds it."""
    name = None if meta.kind == "score" else meta.denominator
    if name is not None and name in project.catalogue:
        rows = rows_of(project, name)
        if not rows.is_empty():
            return Base(project.catalogue[name], rows, None)
        return Base(None, rows, f"{name} has no observations in this project")
    nothing = project.observations.clear()
    return Base(None, nothing, "a score has none" if meta.kind == "score" else name or "none named in the catalogue")


def _measure(
    meta: Indicator, rows: pl.DataFrame, period: int | None, base: Base, reference: str | None, floor: float
) -> list[Measured]:
    """Tables of one indicator in one period: its sectors, and `_T` by itself."""
    below = base.rows.filter(pl.col("year").eq_missing(pl.lit(period))) if base.indicator else base.rows
    reason = base.reason
    if base.indicator and below.is_empty():
        has = ", ".join(str(y) for y in years_of(base.rows))
        reason = f"{base.indicator.id} has no rows in {period} (has {has})"
    return [
        _measure_table(meta, part, rows, base.indicator, below, reason, reference, floor)
        for part in tables_of(rows.filter(pl.col("role") == "region"))
    ]


def _measure_table(
    meta: Indicator,
    own: pl.DataFrame,
    rows: pl.DataFrame,
    divisor: Indicator | None,
    below: pl.DataFrame,
    reason: str | None,
    reference: str | None,
    floor: float,
) -> Measured:
    """Every measure of one table; `own` are its rows, `rows` and `below` all rows of the period with the references."""
    table = Matrix.from_frame(own, absent=meta.absent)
    values, shape = table.values, table.shape
    columns: dict[str, Floats] = {name: np.full(shape, np.nan) for name in ("denominator", *FACTORS)}
    suppressed, partial = np.zeros(shape, bool), np.zeros(shape, bool)
    compared: dict[str, str] | None = None
    refused: str | None = None
    if divisor is not None and not below.is_empty():
        sizes = sizes_of(below.filter(pl.col("role") == "region"), divisor, table)
        columns["denominator"] = sizes
        if np.isnan(sizes).all():
            reason = f"no row of {divisor.id} stands in the same region and sector"
        elif (refused := _contradiction(table, sizes)) is None:
            world = published_pair(rows, below, reference, table)
            if world is not None:
                single = Matrix(world[0][np.newaxis], (str(reference),), table.sectors)
                refused = _contradiction(single, world[1][np.newaxis])
            if refused is None:
                factors = three_factors(values, sizes, reference=world, floor=floor)
                columns |= {name: np.broadcast_to(_as_column(getattr(factors, name)), shape) for name in FACTORS}
                suppressed, partial = factors.suppressed, _partial(values, sizes, world)
            both = np.count_nonzero(~np.isnan(values * sizes).all(axis=1))
            compared = {"kind": "sum", "label": f"sum of {both} regions"}
            if world is not None:
                compared = {"kind": "published", "label": f"published total {reference}"}
    share, place, n = positions(values, meta.direction)
    if meta.kind == "intensity":
        columns["ratio_median"] = ratio_to_median(values)
    else:
        columns["ratio_median"] = np.full(shape, np.nan)
    measures = table.to_frame(
        "own",
        region_type=own.schema["region"], sector_type=own.schema["sector"],
        **columns, percentile=share, rank=place, n=np.broadcast_to(n, shape),
        suppressed=suppressed, partial=partial,
    ).drop("own")  # fmt: skip
    frame = own.join(measures, on=["region", "sector"], how="left", maintain_order="left")
    usable = divisor is not None and reason is None
    frame = frame.with_columns(
        _note(meta, usable, refused is not None),
        pl.lit(meta.id).alias("indicator"),
        pl.col("rank").cast(pl.Int32),
    )
    return Measured(frame.select(COLUMNS), divisor.id if usable and divisor else None, reason, compared, refused)


def sizes_of(rows: pl.DataFrame, divisor: Indicator, table: Matrix) -> Floats:
    """Denominators on the cells of a table; regions or sectors without any row of the denominator have none."""
    spread = Matrix.from_frame(rows, absent=divisor.absent, regions=table.regions, sectors=table.sectors).values
    known = [
        np.isin(getattr(table, f"{key}s"), rows[key].cast(pl.String).unique().to_list()) for key in ("region", "sector")
    ]
    return np.where(np.outer(*known), spread, np.nan)


def published_pair(
    rows: pl.DataFrame, below: pl.DataFrame, reference: str | None, table: Matrix
) -> tuple[Floats, Floats] | None:
    """Published intensity and denominator of the world, each (n_sectors,); None without a sector that has both."""
    if reference is None:
        return None
    pair = [
        Matrix.from_frame(frame, absent="missing", regions=[reference], sectors=table.sectors).values[0]
        for frame in (rows, below)
    ]
    return None if np.isnan(pair[0] + pair[1]).all() else (pair[0], pair[1])


def _contradiction(table: Matrix, sizes: Floats) -> str | None:
    """What makes a stock impossible, with the cells; None if nothing does."""
    for wrong, what in (
        (table.values < 0, "an intensity below 0"),
        (sizes < 0, "a denominator below 0"),
        ((sizes == 0) & (table.values > 0), "an intensity above 0 on a denominator of 0"),
    ):
        cells = [f"{table.regions[i]} {table.sectors[j]}" for i, j in np.argwhere(wrong)[:LISTED]]
        if cells:
            more = int(wrong.sum()) - len(cells)
            return f"{what} in {', '.join(cells)}{f' and {more} more' if more else ''}"
    return None


def _partial(values: Floats, sizes: Floats, world: tuple[Floats, Floats] | None) -> NDArray[np.bool_]:
    """Cells of regions whose sums lack a sector that the world's hold."""
    known = (sizes == 0) | ~np.isnan(values * sizes)
    if world is None:
        held = (known & (sizes > 0)).any(axis=0)
    else:
        held = (world[1] > 0) & ~np.isnan(world[0])
        known &= ~((world[0] == 0) & (values * sizes > 0))  # the world has none of what the region has: no base
    lacking = (held & ~known).any(axis=1)
    return np.broadcast_to(lacking[:, np.newaxis], values.shape)


def _note(meta: Indicator, divided: bool, refused: bool) -> pl.Expr:
    """Reasons for the nulls of a row, in the order of the alphabet."""
    ratio = pl.lit(meta.kind == "intensity")
    with_base = pl.col("denominator").is_not_null() & divided & ratio & (not refused)
    holds = pl.col("value").is_not_null()
    null_factor = pl.any_horizontal(pl.col(name).is_null() for name in FACTORS)
    return joined_notes(
        {
            "score": ~ratio,
            "refused": ratio & refused,
            "no_denominator": ratio & (pl.col("denominator").is_null() if divided else True),
            "below_floor": pl.col("suppressed"),
            "no_base": ratio
            & holds
            & ((with_base & ~pl.col("suppressed") & null_factor) | pl.col("ratio_median").is_null()),
            "partial_base": with_base & pl.col("partial"),
        }
        | reasons_without_value()
    )


def _block(meta: Indicator, period: int | None, parts: Sequence[Measured]) -> dict[str, Any]:
    first = parts[0]
    return {
        "indicator": meta.id,
        "kind": meta.kind,
        "year": period,
        "direction": meta.direction,
        "denominator": first.denominator,
        "no_denominator": first.reason,
        "reference": first.reference,
        "regions": max(part.frame["region"].n_unique() for part in parts),
        "sectors": max(part.frame["sector"].n_unique() for part in parts),
    }


def _selected(
    project: Project, frames: Sequence[pl.DataFrame], regions: Sequence[str], sectors: Sequence[str]
) -> pl.DataFrame:
    """Frames below each other with the rows asked for, in order."""
    kind = project.observations.schema["indicator"]
    table = pl.concat(frames).with_columns(pl.col("indicator").cast(kind))
    if regions:
        table = table.filter(pl.col("region").cast(pl.String).is_in(list(regions)))
    if sectors:
        table = table.filter(pl.col("sector").cast(pl.String).is_in(list(sectors)))
    if table.is_empty():
        ids = ", ".join(sorted({frame["indicator"][0] for frame in frames}))
        asked = ", ".join([*regions, *sectors])
        raise RefusedError(f"no row of {ids} for {asked}", fix="see `capmap indicators` and `capmap regions`")
    return table.sort("indicator", "year", "region", "sector")


def _as_column(values: Floats) -> Floats:
    return values[:, np.newaxis] if values.ndim == 1 else values


def _place(indicator: object, year: object) -> str:
    return str(indicator) if year is None else f"{indicator} {year}"
