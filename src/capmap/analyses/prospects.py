"""What a profile says of complexity and opportunities: from results already computed, or computed on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import polars as pl

from capmap.data import results
from capmap.errors import RefusedError
from capmap.model import Project

#: Where the figures come from: results of these inputs, results of others (not used), none, or computed now.
State = Literal["current", "outdated", "none", "computed"]

COMPLEXITY: dict[str, Any] = {
    "indicator": pl.String, "year": pl.Int32, "diversity": pl.Int32, "sectors": pl.Int32, "eci": pl.Float64,
    "eci_low": pl.Float64, "eci_high": pl.Float64, "eci_rank": pl.Int32, "rank_low": pl.Int32, "rank_high": pl.Int32,
    "n": pl.Int32, "grade": pl.String, "note": pl.String,
}  # fmt: skip
OPPORTUNITIES: dict[str, Any] = {
    "indicator": pl.String, "year": pl.Int32, "sector": pl.String, "rca": pl.Float64, "density": pl.Float64,
    "relative_density": pl.Float64, "pci": pl.Float64, "quadrant": pl.String, "p_entry": pl.Float64, "grade": pl.String,
    "note": pl.String,
}  # fmt: skip
#: Opportunities that a profile names, and the grade at which it names none.
NAMED, WORTHLESS = 3, "D"


def prospects(
    project: Project, code: str, cells: pl.DataFrame, *, full: bool = False, **changes: Any
) -> tuple[pl.DataFrame, pl.DataFrame, State]:
    """Complexity of a region and its three best opportunities in each indicator of its profile.

    Parameters
    ----------
    cells : the profile's table `specialisation`, whose indicators and years are meant.
    full : compute what is not stored; by default heavy work is never waited for.
    changes : `reference`, `exclude` and `window` as in the profile.

    Returns
    -------
    The tables `complexity` (COMPLEXITY) and `opportunities` (OPPORTUNITIES, close and complex first by the order of
    `capmap opportunities`; none at grade D), and where they come from. Without results the first holds the diversity
    alone, and the second nothing.
    """
    wanted = _wanted(cells)
    state: State = "computed" if full else results.state(project)
    if full:
        regions, near = _computed(project, code, wanted, changes)
    elif state == "current":
        regions, near = results.stored(project, "complexity-regions"), results.stored(project, "opportunities")
    else:
        regions, near = None, None
    if state == "current" and (regions is None or near is None):
        state = "outdated"
    grades = _grades(near)
    return _complexity(wanted.join(grades, on="indicator", how="left"), code, regions), _best(wanted, code, near), state


def without(cells: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two tables as they are without results: diversity alone."""
    wanted = _wanted(cells)
    return _complexity(wanted, "", None), _best(wanted, "", None)


def _wanted(cells: pl.DataFrame) -> pl.DataFrame:
    """Indicators and years of a profile, with the sectors held by RCA and those with an index."""
    if cells.is_empty():
        return pl.DataFrame(schema={name: COMPLEXITY[name] for name in ("indicator", "year", "diversity", "sectors")})
    return cells.group_by("indicator", "year", maintain_order=True).agg(
        (pl.col("rca") >= 1.0).sum().cast(pl.Int32).alias("diversity"), pl.col("rca").count().cast(pl.Int32).alias("sectors")
    ).with_columns(pl.col("indicator").cast(pl.String))  # fmt: skip


def _grades(near: pl.DataFrame | None) -> pl.DataFrame:
    """Grade of each indicator, null where none is known."""
    if near is None:
        return pl.DataFrame(schema={"indicator": pl.String, "grade": pl.String})
    return near.with_columns(pl.col("indicator").cast(pl.String)).group_by("indicator").agg(pl.col("grade").first())


def _computed(
    project: Project, code: str, wanted: pl.DataFrame, changes: dict[str, Any]
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """The two tables, computed for the indicators and years of a profile; a refusal leaves a gap."""
    from capmap.analyses import complexity, opportunities

    regions, near = [], []
    for indicator, year in wanted.select("indicator", "year").iter_rows():
        when = "latest" if year is None else year
        try:
            found = complexity.complexity(project, indicator=[indicator], year=when, table=("regions",), **changes)
            regions.append(found.frame)
        except RefusedError:
            continue
        try:
            near.append(opportunities.opportunities(project, code, indicator=[indicator], year=when, **changes).frame)
        except RefusedError:
            continue
    return _stacked(regions), _stacked(near)


def _stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame | None:
    return pl.concat(frames) if frames else None


def _complexity(wanted: pl.DataFrame, code: str, regions: pl.DataFrame | None) -> pl.DataFrame:
    if regions is None:
        return pl.DataFrame(schema=COMPLEXITY) if wanted.is_empty() else _fitted(wanted, COMPLEXITY)
    ranked = regions.with_columns(pl.col("indicator", "region").cast(pl.String), pl.col("note").cast(pl.String))
    ranked = ranked.with_columns(pl.col("eci").count().over("indicator", "year").cast(pl.Int32).alias("n"))
    own = ranked.filter(pl.col("region") == code).drop("diversity")
    return _fitted(wanted.join(own, on=["indicator", "year"], how="left", nulls_equal=True), COMPLEXITY)


def _best(wanted: pl.DataFrame, code: str, near: pl.DataFrame | None) -> pl.DataFrame:
    """The first opportunities of each indicator, in the order they stand in; none where the grade forbids it."""
    if near is None:
        return pl.DataFrame(schema=OPPORTUNITIES)
    texts = [name for name in ("indicator", "region", "sector", "note") if name in near.columns]
    own = near.with_columns(pl.col(texts).cast(pl.String)).filter(
        (pl.col("region") == code)
        & pl.col("quadrant").is_not_null()
        & (pl.col("grade").is_null() | (pl.col("grade") != WORTHLESS))
    )
    own = own.join(wanted.select("indicator", "year"), on=["indicator", "year"], how="semi", nulls_equal=True)
    close = pl.col("quadrant") == "close_complex"
    best = own.filter(close).group_by("indicator", maintain_order=True).head(NAMED)
    return _fitted(best, OPPORTUNITIES)


def _fitted(frame: pl.DataFrame, schema: dict[str, Any]) -> pl.DataFrame:
    """The columns of a schema, null where the frame has none."""
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )
