"""How an intensity, its factors or its place among the regions came about."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.explanation import formulas as explain_formulas
from capmap.analyses.explanation.parts import Sources, Story, cited, derived, letters, one_period, read_as
from capmap.analyses.explanation.sensitivity import rank_points
from capmap.analyses.intensity import intensity, published_pair, sizes_of
from capmap.analyses.listing import published_total, rows_of, tables_of, years_of
from capmap.data.matrix import Matrix
from capmap.methods.intensity import FLOOR
from capmap.model import Indicator, Project, Result

Bools = NDArray[np.bool_]

FACTORS = ("denominator", "rii", "rii_region", "dri", "rca_stock", "rca_denominator")
MEASURES = ("value", *FACTORS, "ratio_median", "percentile", "rank")
FORMULAS = {
    "value": "r_ij",
    "denominator": "d_ij",
    "s_ij": "r_ij * d_ij",
    "rii": "(s_ij / d_ij) / (s_j / d_j)",
    "rii_region": "(s_i / d_i) / (s / d)",
    "dri": "rii / rii_region",
    "rca_stock": "(s_ij / s_i) / (s_j / s)",
    "rca_denominator": "(d_ij / d_i) / (d_j / d)",
}


def explain_intensity(
    project: Project, meta: Indicator, region: str, sector: str, name: str, year: selection.Year, floor: float = FLOOR
) -> Result:
    """The explanation of a measure of `capmap intensity` for a cell."""
    rows = rows_of(project, meta.id)
    years = years_of(rows.filter(pl.col("role") == "region"))
    when = years[one_period(years, year, meta.id)]
    told = intensity(project, indicator=[meta.id], year="latest" if when is None else when, region=[region],
                     sector=[sector], floor=floor)  # fmt: skip
    row, block = told.frame.row(0, named=True), told.meta["blocks"][0]
    story, sources = Story(name), Sources(project)
    rows = rows.filter(pl.col("year").eq_missing(pl.lit(when)))
    own = next(part for part in tables_of(rows.filter(pl.col("role") == "region")) if sector in part["sector"])
    table = Matrix.from_frame(own, absent=meta.absent)
    story.formulas |= FORMULAS
    story.figures(
        "r_ij",
        "sum(inputs)",
        lambda: sources.rows("r_ij", meta.id, [when], [region], [sector], nulls=row["value"] is None),
    )
    story.values["r_ij"] = row["value"]
    if block["denominator"]:
        _factors(project, sources, story, meta, block, table, rows, when, (region, sector))
    else:
        story.formulas |= dict.fromkeys(FACTORS, "None")
    _places(sources, story, meta, table, when, sector)
    for factor in (*FACTORS, "ratio_median"):
        if row[factor] is None:
            story.formulas[factor] = "None"
    story.values |= {key: row[key] for key in MEASURES}
    story.parameters |= {
        "floor": (floor, "default" if floor == FLOOR else "flag"),
        "direction": (meta.direction, "catalogue"),
    }
    if block["reference"] and name not in ("ratio_median", "percentile", "rank"):
        story.parameters["world"] = (block["reference"]["label"], "resolved")
    read_as(project, story, None, meta.id)
    letters(story, [sources.rows("r_ij", meta.id, [when], [region], [sector], nulls=True)])
    others = table.values[:, table.sectors.index(sector)]
    if row["value"] is not None and row["rank"] is not None:
        story.sensitivity = rank_points("r_ij", others, table.regions.index(region), meta.direction)
    about = {"indicator": meta.id, "year": when, "region": region, "sector": sector, "note": row["note"]}
    return story.result(about, {
        "command": "explain",
        "parameters": {"measure": name, "floor": floor, "year": str(year)},
        "method": explain_formulas.METHODS[name],
        "cited": cited(meta),
        "blocks": [block],
        "row": {key: row[key] for key in ("value", "rank", "n")},
    })  # fmt: skip


def _factors(
    project: Project,
    sources: Sources,
    story: Story,
    meta: Indicator,
    block: dict[str, Any],
    table: Matrix,
    rows: pl.DataFrame,
    when: int | None,
    place: tuple[str, str],
) -> None:
    """Stocks and denominators of the cell, the region, the sector and the world, over the cells with both known."""
    region, sector = place
    divisor = project.catalogue[block["denominator"]]
    below = rows_of(project, divisor.id).filter(pl.col("year").eq_missing(pl.lit(when)))
    sizes = sizes_of(below.filter(pl.col("role") == "region"), divisor, table)
    code = published_total(project, meta)
    pair = published_pair(rows, below, code, table)
    known: Bools = ~np.isnan(np.where(sizes == 0, 0.0, table.values * sizes))
    if pair is not None:
        stock = np.where(pair[1] == 0, 0.0, pair[0] * pair[1])
        known &= ~(np.isnan(stock) | ~(pair[1] > 0)) & ~((stock == 0) & (table.values * sizes > 0))
    cells = pl.DataFrame(
        [(table.regions[i], table.sectors[j]) for i, j in np.argwhere(known)],
        schema={"region": pl.String, "sector": pl.String}, orient="row",
    )  # fmt: skip
    used = [table.sectors[j] for j in np.flatnonzero(known[table.regions.index(region)])]
    factor = below.select(pl.col("region", "sector").cast(pl.String), pl.col("value").alias("size"))
    world = list(table.regions) if pair is None or code is None else [code]
    kept = cells if pair is None else None

    def stocks(symbol: str, regions: list[str], sectors: list[str], only: pl.DataFrame | None) -> pl.DataFrame:
        found = sources.rows(symbol, meta.id, [when], regions, sectors, cells=only)
        both = found.join(factor, on=["region", "sector"], how="left", maintain_order="left")
        return both.with_columns(factor=pl.col("size").fill_null(0.0)).drop("size")

    def bases(symbol: str, regions: list[str], sectors: list[str], only: pl.DataFrame | None) -> pl.DataFrame:
        return sources.rows(symbol, divisor.id, [when], regions, sectors, cells=only)

    story.figures("d_ij", "sum(inputs)", lambda: bases("d_ij", [region], [sector], None))
    for end, regions, sectors, only in (
        ("_i", [region], used, cells), ("_j", world, [sector], kept), ("", world, used, kept),
    ):  # fmt: skip
        for start, make in (("s", stocks), ("d", bases)):
            symbol = start + end
            story.figures(
                symbol, "sum(inputs)",
                lambda symbol=symbol, make=make, regions=regions, sectors=sectors, only=only: make(  # type: ignore[misc]
                    symbol, regions, sectors, only
                ),
            )  # fmt: skip
    story.treatment.append(("denominator", f"{meta.id} times {divisor.id} makes the stock that is added up", None))


def _places(sources: Sources, story: Story, meta: Indicator, table: Matrix, when: int | None, sector: str) -> None:
    """Median, rank and percentile among the regions with a value; absent rows count where they mean zero."""

    def everybody(symbol: str) -> pl.DataFrame:
        if meta.absent == "missing":
            return sources.rows(symbol, meta.id, [when], table.regions, [sector])
        values = table.values[:, table.sectors.index(sector)]
        kept = np.flatnonzero(~np.isnan(values))
        codes = [table.regions[k] for k in kept]
        return derived(symbol, meta.id, when, value=values[kept], region=codes, sector=[sector] * len(codes))

    ahead, behind = ("above", "below") if meta.direction == 1 else ("below", "above")
    for symbol, expression in (
        ("ratio_median", "r_ij / median(inputs)"),
        ("rank", f"1 + {ahead}(inputs, r_ij)"),
        ("percentile", f"({behind}(inputs, r_ij) + equal(inputs, r_ij) / 2) / count(inputs)"),
    ):
        story.figures(symbol, expression, lambda symbol=symbol: everybody(symbol))  # type: ignore[misc]
    if meta.kind == "score":
        story.formulas["ratio_median"] = "None"
