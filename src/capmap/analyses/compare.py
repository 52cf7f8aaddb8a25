"""Where do regions differ beyond noise, what have they in common, and what cannot be told apart? (`capmap compare`)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from capmap.analyses import selection
from capmap.analyses.composite.compared import compared
from capmap.analyses.intensity import intensity
from capmap.analyses.profile import LONG_COLUMNS, long, own_years, pick_year, sources, totals_of, with_total
from capmap.analyses.specialisation import measurable, rca, settings
from capmap.data.panel import panel
from capmap.data.totals import declared
from capmap.errors import RefusedError, UsageError
from capmap.methods import similarity
from capmap.methods.specialisation import Floats, symmetric
from capmap.methods.uncertainty import p_ahead
from capmap.model import TOTAL, Indicator, Project, Result

#: Regions that one comparison takes.
FEWEST, MOST = 2, 6
#: Probability from which an order counts as resolved.
RESOLVED = 0.90

CELLS = {
    "indicator": pl.String, "year": pl.Int32, "sector": pl.String, "differs": pl.Boolean, "spread": pl.Float64,
    "ahead": pl.String, "behind": pl.String, "p_ahead": pl.Float64, "common": pl.Boolean, "only": pl.String,
    "nobody": pl.Boolean, "too_close": pl.Boolean, "order_without_largest": pl.String,
}  # fmt: skip
PAIRS = {
    "indicator": pl.String, "year": pl.Int32, "sector": pl.String, "region": pl.String, "other": pl.String,
    "p_ahead": pl.Float64, "resolved": pl.Boolean, "spread": pl.Float64, "note": pl.String,
}  # fmt: skip
SIZE = {
    "indicator": pl.String, "year": pl.Int32, "region": pl.String, "sector": pl.String, "value": pl.Float64,
    "share_world": pl.Float64, "rank": pl.Int32, "n": pl.Int32, "place": pl.Int32, "status": pl.String,
}  # fmt: skip


def compare(
    project: Project,
    regions: Sequence[str],
    *,
    year: selection.Year = "latest",
    versus: str | None = None,
    allow_mixed_years: bool = False,
    full: bool = False,
    **changes: Any,
) -> Result:
    """Comparison of two to six regions on the indicators they share.

    Parameters
    ----------
    project : a loaded project.
    regions : codes or names, 2 to 6.
    year : `latest` takes each indicator's last year in which all regions have data; a year is taken as it is
        (with `allow_mixed_years` the nearest earlier one).
    versus : look from this region: only its pairs decide what differs, and what only it has.
    full : compute the composite indices now; by default they come from the project's `results`, if these are of the
        same inputs, and are never waited for.
    changes : keys of `[specialisation]`.

    Returns
    -------
    Result with the tables `headline`, `size`, `cells` (one row per sector: who differs, by how much, common, only,
    nobody, too close), `indices` (the index of every region with its doubt), `pairs` (P(A ahead of B) for every
    pair), `pattern`, `complements`, `intensity`, `index`, `index_pairs` and `index_gap` (STANDING, PAIRS and GAPS of
    `capmap.analyses.standing` and `compared_indices`), `coverage` and `sources`; `meta["indices"]` says where the indices
    come from, and what must be known of each.

    Notes
    -----
    An order of two regions is resolved when P(A > B) >= 0.90 under the posteriors of both, which hold the
    year-to-year noise too, and at least `min_expected` (in units of the dispersion) is expected of each: below that the
    prior alone would decide. For values it is resolved when the ranges over the years of the window do not overlap.
    The spread of a sector is the largest difference of RSCA (shrunken for counts) among the resolved pairs.
    """
    selection.one_year(year)
    options = settings(project, **changes)
    project = declared(project, options.reference)
    codes = _compared(project, regions, versus, options.exclude)
    parts: dict[str, list[Any]] = {k: [] for k in ("cells", "indices", "pairs", "size", "pattern", "complements")}
    blocks: list[dict[str, Any]] = []
    partly: list[dict[str, Any]] = []
    chosen, _ = measurable(project)
    for meta in chosen:
        whole = panel(project, meta.id, exclude=options.exclude)
        have = [c for c in codes if c in whole.regions]
        shared = _shared_years(project, meta.id, codes)
        when = pick_year(shared, year, allow_mixed_years) if len(have) == len(codes) and shared else None
        if when is None:
            partly.append(_coverage(meta, codes, have, year, whole.years))
            continue
        measured = _measured(project, meta, when, changes)
        if measured is None:
            partly.append(_coverage(meta, codes, have, year, whole.years))
            continue
        own = measured.frame.filter(pl.col("region").cast(pl.String).is_in(codes))
        block = with_total(whole, measured.meta["blocks"][0])
        blocks.append(block)
        pairs = _pairs(own, codes, versus is not None, options.min_expected)
        parts["indices"].append(own)
        parts["pairs"] += pairs
        parts["cells"] += _judged(own, codes, pairs, versus is not None)
        parts["size"] += _size(totals_of(whole, whole.years.index(block["year"])), codes, block)
        parts["pattern"] += _pattern(own, codes)
        parts["complements"] += _complements(own, codes)
        partly.append(_coverage(meta, codes, have, block["year"], whole.years, own))
    indices = pl.concat(parts["indices"]) if parts["indices"] else pl.DataFrame()
    table = _intensities(project, codes, year, allow_mixed_years)
    alone = table.is_empty() or table.group_by("indicator").agg(pl.col("region").n_unique())["region"].max() == 1
    if indices.is_empty() and alone:
        raise RefusedError(
            f"no indicator has data of two or more of {' '.join(codes)}"
            + ("" if year in (None, "latest") else f" in {year}"),
            fix="see `capmap regions` for who has which indicators",
        )
    cells = pl.DataFrame(parts["cells"], schema=CELLS, orient="row").sort(
        pl.col("spread").neg(), "indicator", "sector", nulls_last=True
    )
    placed = compared(
        project, codes, year=year, allow_mixed_years=allow_mixed_years, full=full, first_only=versus is not None
    )
    used = [b["indicator"] for b in blocks] + (table["indicator"].unique().to_list() if table.height else [])
    tables = {
        "headline": _headline(cells, codes),
        "size": pl.DataFrame(parts["size"], schema=SIZE, orient="row"),
        "cells": cells,
        "indices": indices,
        "pairs": pl.DataFrame(parts["pairs"], schema=PAIRS, orient="row"),
        "pattern": pl.DataFrame(parts["pattern"], schema={
            "indicator": pl.String, "year": pl.Int32, "region": pl.String, "other": pl.String,
            "similarity": pl.Float64, "overlap": pl.Float64}, orient="row"),
        "complements": pl.DataFrame(parts["complements"], schema={
            "indicator": pl.String, "year": pl.Int32, "region": pl.String, "other": pl.String, "sector": pl.String,
            "value": pl.Float64}, orient="row"),
        "intensity": table,
        **placed.tables,
        "coverage": _coverage_frame(project, partly),
        "sources": sources(project, used),
    }  # fmt: skip
    labels = selection.region_labels(project)
    return Result(f"compare {' '.join(codes)}", tables, {
        "command": "compare",
        "regions": codes,
        "labels": {c: labels.get(c, c) for c in codes},
        "versus": codes[0] if versus is not None else None,
        "parameters": options.model_dump() | {"year": str(year), "allow_mixed_years": allow_mixed_years},
        "blocks": blocks,
        "indices": placed.standing.told,
    })  # fmt: skip


def _compared(project: Project, regions: Sequence[str], versus: str | None, excluded: Sequence[str]) -> list[str]:
    """Codes of the regions to compare, the one that is looked from first."""
    codes = [selection.own_region(project, text) for text in ([regions] if isinstance(regions, str) else regions)]
    if versus is not None:
        first = selection.region(project, versus)
        codes = [first, *(c for c in codes if c != first)]
    if len(set(codes)) != len(codes):
        raise UsageError(f"a region is named twice: {' '.join(codes)}", fix="name each region once")
    if not FEWEST <= len(codes) <= MOST:
        raise UsageError(f"{len(codes)} regions cannot be compared on one page", fix=f"name {FEWEST} to {MOST}")
    gone = [code for code in codes if code in excluded]
    if gone:
        raise UsageError(
            f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} left out by --exclude, so cannot be compared",
            fix="compare other regions, or exclude others",
        )
    return codes


def _measured(project: Project, meta: Indicator, when: object, changes: Mapping[str, Any]) -> Result | None:
    """Every cell of an indicator; None where nothing can be measured, as of zeros, so that the others are compared."""
    year: Any = "latest" if when == "undated" else when
    try:
        return rca(project, indicator=[meta.id], year=year, extras=["history", "posterior", "dependence"], **changes)
    except RefusedError:
        return None


def _shared_years(project: Project, indicator: str, codes: Sequence[str]) -> tuple[int | None, ...]:
    """Years in which every one of the regions has a value."""
    rows = project.observations.filter(
        (pl.col("indicator") == indicator) & pl.col("region").cast(pl.String).is_in(list(codes))
        & pl.col("value").is_not_null()
    )  # fmt: skip
    held = rows.group_by("year").agg(pl.col("region").n_unique().alias("n")).filter(pl.col("n") == len(codes))
    return tuple(held["year"].sort().to_list())


def _by_region(own: pl.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Cells as sector -> region -> row."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in own.iter_rows(named=True):
        found.setdefault(row["sector"], {})[row["region"]] = row
    return found


def _pairs(own: pl.DataFrame, codes: Sequence[str], versus: bool, floor: float) -> list[dict[str, Any]]:
    """P(A ahead of B) and whether the order is resolved, for every pair of regions in every sector."""
    rows = []
    for sector, cells in _by_region(own).items():
        for a, b in combinations(codes, 2):
            if versus and a != codes[0]:
                continue
            one, two = cells.get(a), cells.get(b)
            if one is None or two is None or one["rca"] is None or two["rca"] is None:
                continue
            ahead, resolved, reason = _ahead(one, two)
            if any(_too_little(row, floor) for row in (one, two)):
                resolved, reason = False, "below_floor"
            elif any("thin_reference" in (row["note"] or "") for row in (one, two)):
                resolved, reason = False, "thin_reference"
            rows.append({
                "indicator": one["indicator"], "year": one["year"], "sector": sector, "region": a, "other": b,
                "p_ahead": ahead, "resolved": resolved, "spread": _rsca(one) - _rsca(two), "note": reason,
            })  # fmt: skip
    return rows


def _ahead(one: Mapping[str, Any], two: Mapping[str, Any]) -> tuple[float | None, bool, str | None]:
    """P(one > two), whether the order is resolved, and why it could not be judged."""
    if one["posterior_shape"] is not None and two["posterior_shape"] is not None:
        p = _chance(one["posterior_shape"], one["posterior_rate"], two["posterior_shape"], two["posterior_rate"])
        return p, max(p, 1 - p) >= RESOLVED, None
    if one["rca_low"] is None or two["rca_low"] is None:
        return None, False, "one_period" if one["dispersion"] is None else "no_variance_beyond_chance"
    return None, one["rca_low"] > two["rca_high"] or two["rca_low"] > one["rca_high"], None


def _too_little(row: Mapping[str, Any], floor: float) -> bool:
    """Whether so little is expected, in units of the dispersion, that the prior alone would decide the order."""
    return row["dispersion"] is not None and row["expected"] / row["dispersion"] < floor


def _chance(shape_a: float, rate_a: float, shape_b: float, rate_b: float) -> float:
    """P(A > B) of two gamma posteriors."""
    return float(p_ahead(*(np.array([x]) for x in (shape_a, rate_a, shape_b, rate_b)))[0])


def _rsca(row: Mapping[str, Any]) -> float:
    index = row["rca_eb"] if row["rca_eb"] is not None else row["rca"]
    return float(symmetric(np.array([index]))[0])


def _specialised(row: Mapping[str, Any] | None) -> bool:
    return row is not None and row["class"] in ("established", "indicated")


def _judged(
    own: pl.DataFrame, codes: Sequence[str], pairs: Sequence[Mapping[str, Any]], versus: bool
) -> list[dict[str, Any]]:
    """One row per sector: whether and how the regions differ, and who is specialised."""
    by_sector: dict[str, list[Mapping[str, Any]]] = {}
    for pair in pairs:
        by_sector.setdefault(pair["sector"], []).append(pair)
    rows = []
    for sector, cells in _by_region(own).items():
        resolved = [p for p in by_sector.get(sector, ()) if p["resolved"]]
        widest = max(resolved, key=lambda p: abs(p["spread"]), default=None)
        who = [c for c in codes if _specialised(cells.get(c))]
        material = [c for c in who if cells[c]["band"] in ("moderate", "high", "very_high")]
        everyone = all(c in cells and cells[c]["rca"] is not None for c in codes)
        mine = [c for c in material if c == codes[0]] if versus else material
        ahead = behind = chance = None
        if widest is not None:
            first = widest["spread"] > 0
            ahead, behind = (widest["region"], widest["other"]) if first else (widest["other"], widest["region"])
            chance = widest["p_ahead"] if first or widest["p_ahead"] is None else 1 - widest["p_ahead"]
        any_row = next(iter(cells.values()))
        nobody = everyone and all(cells[c]["class"] in ("below", "none") for c in codes)
        # an order that nothing was known about (one period, no variance, too little expected) is not a tie
        judged = any(p["note"] is None for p in by_sector.get(sector, ()))
        rows.append({
            "indicator": any_row["indicator"], "year": any_row["year"], "sector": sector,
            "differs": widest is not None, "spread": abs(widest["spread"]) if widest else None,
            "ahead": ahead, "behind": behind, "p_ahead": chance,
            "common": everyone and len(who) == len(codes),
            "only": mine[0] if len(mine) == 1 and len(who) == 1 else None,
            "nobody": nobody,
            "too_close": everyone and widest is None and not nobody and judged,
            "order_without_largest": _without_largest(cells, ahead, behind),
        })  # fmt: skip
    return rows


def _without_largest(cells: Mapping[str, Mapping[str, Any]], ahead: str | None, behind: str | None) -> str | None:
    """Whether the order of the widest pair survives when the dominant region leaves the reference."""
    if ahead is None or behind is None:
        return None
    one, two = cells[ahead]["rca_ex_largest"], cells[behind]["rca_ex_largest"]
    if one is None or two is None or cells[ahead]["largest_other"] != cells[behind]["largest_other"]:
        return None
    return "same" if one > two else "reversed"


def _size(totals: Mapping[str, Any], codes: Sequence[str], block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Totals with share, rank, and place among the compared regions where the order of the totals is resolved.

    A total whose series breaks in this year has no place: it was counted by another rule than the others. Of values
    no error is known, so their order is not called resolved either.
    """
    found, world = totals["value"], totals["world"]
    ranked = sorted(found.values(), reverse=True)
    phi = block["dispersion"]["phi"]
    whole = [c for c in codes if c in found and "B" not in totals["status"].get(c, ())]
    ordered = sorted(whole, key=lambda c: -found[c]) if block["kind"] == "count" else []
    places: dict[str, int] = {}
    for k, code in enumerate(ordered):
        if k == 0:
            places[code] = 1
            continue
        # flat prior: half a count more than was found, in units of the dispersion
        above, below = found[ordered[k - 1]] / phi + 0.5, found[code] / phi + 0.5
        places[code] = k + 1 if _chance(above, 1.0, below, 1.0) >= RESOLVED else places[ordered[k - 1]]
    return [
        {"indicator": block["indicator"], "year": block["year"], "region": c, "sector": TOTAL, "value": found[c],
         "share_world": found[c] / world if world else None, "rank": ranked.index(found[c]) + 1, "n": len(ranked),
         "place": places.get(c), "status": ";".join(sorted(totals["status"].get(c, ()))) or None}
        for c in codes if c in found
    ]  # fmt: skip


def _pattern(own: pl.DataFrame, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Cosine of RSCA and overlap of shares (Finger-Kreinin) for every pair."""
    index = "rca_eb" if own["rca_eb"].null_count() < own.height else "rca"
    wide = {
        name: own.select("region", "sector", pl.col(name).alias("v")).pivot(
            on="sector", index="region", values="v", sort_columns=True
        )
        for name in (index, "share_region")
    }
    rows = []
    for a, b in combinations(codes, 2):
        one, two = ({name: _row(table, c) for name, table in wide.items()} for c in (a, b))
        if not len(one[index]) or not len(two[index]):
            continue
        rows.append({
            "indicator": own["indicator"][0], "year": own["year"][0], "region": a, "other": b,
            "similarity": similarity.cosine(symmetric(one[index][0]), symmetric(two[index][0])),
            "overlap": similarity.finger_kreinin(one["share_region"][0], two["share_region"][0]),
        })  # fmt: skip
    return rows


def _row(table: pl.DataFrame, region: str) -> Floats:
    """(1, n_sectors) values of a region in a wide table, or (0, n_sectors) where it has none."""
    found: Floats = table.filter(pl.col("region") == region).drop("region").to_numpy().astype(np.float64)
    return found


def _complements(own: pl.DataFrame, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Sectors in which one region is specialised (established and material) and another certainly is not."""
    rows = []
    for sector, cells in _by_region(own).items():
        for a in codes:
            for b in codes:
                one, two = cells.get(a), cells.get(b)
                if one is None or two is None or a == b:
                    continue
                material = _specialised(one) and one["band"] in ("moderate", "high", "very_high")
                if material and two["class"] in ("below", "none"):
                    rows.append({"indicator": one["indicator"], "year": one["year"], "region": a, "other": b,
                                 "sector": sector, "value": _rsca(one) - _rsca(two)})  # fmt: skip
    return sorted(rows, key=lambda r: (r["region"], r["other"], -r["value"], r["sector"]))


def _intensities(project: Project, codes: Sequence[str], year: selection.Year, mixed: bool) -> pl.DataFrame:
    """Intensities of every region that has them, in the last year that most of them share."""
    frames = []
    for meta in selection.indicators(project):
        if meta.kind not in ("intensity", "score"):
            continue
        rows = project.observations.filter(
            (pl.col("indicator") == meta.id) & pl.col("region").cast(pl.String).is_in(list(codes))
            & pl.col("value").is_not_null()
        )  # fmt: skip
        counted = rows.group_by("year").agg(pl.col("region").n_unique().alias("n")).sort("n", "year")
        if counted.is_empty():
            continue
        best = counted.filter(pl.col("n") == counted["n"].max())["year"].sort().to_list()
        when = pick_year(tuple(best), year, mixed)
        if when is None:
            continue
        try:
            measured = intensity(project, indicator=[meta.id], year="latest" if when == "undated" else when).frame
        except RefusedError:
            continue
        frames.append(measured.filter(pl.col("region").cast(pl.String).is_in(list(codes))))
    return pl.concat(frames) if frames else pl.DataFrame()


def _coverage(
    meta: Indicator, codes: Sequence[str], have: Sequence[str], year: object, years: Sequence[int | None],
    own: pl.DataFrame | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What each region has of one indicator."""
    return {"meta": meta, "codes": list(codes), "have": list(have), "year": year, "years": list(years), "own": own}


def _coverage_frame(project: Project, partly: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for one in partly:
        own = one["own"]
        for code in one["codes"]:
            mine = own.filter((pl.col("region") == code) & pl.col("rca").is_not_null()) if own is not None else None
            rows.append({
                "indicator": one["meta"].id, "year": one["year"] if own is not None else None, "region": code,
                "last_year": next(reversed(own_years(project, one["meta"].id, code)), None),
                "sectors": mine.height if mine is not None else 0,
                "of": own["sector"].n_unique() if own is not None else None,
                "note": None if own is not None else "no_common_year" if code in one["have"] else "not_collected",
            })  # fmt: skip
    schema = {
        "indicator": pl.String, "year": pl.Int32, "region": pl.String, "last_year": pl.Int32, "sectors": pl.Int32,
        "of": pl.Int32, "note": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _headline(cells: pl.DataFrame, codes: Sequence[str]) -> pl.DataFrame:
    """Clauses of the headline: the clearest differences, what all share, and how much cannot be told apart."""
    schema = {"clause": pl.String, "indicator": pl.String, "year": pl.Int32, "sector": pl.String, "region": pl.String,
              "other": pl.String, "measure": pl.String, "value": pl.Float64}  # fmt: skip
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    differing = cells.filter(pl.col("differs"))
    for one in differing.iter_rows(named=True):
        if one["ahead"] not in seen or len(seen) == len(codes):
            rows.append({"clause": "difference", "indicator": one["indicator"], "year": one["year"],
                         "sector": one["sector"], "region": one["ahead"], "other": one["behind"], "measure": "spread",
                         "value": one["spread"]})  # fmt: skip
            seen.add(one["ahead"])
        if len(rows) == 3:
            break
    rows += [
        {"clause": "common", "indicator": r["indicator"], "year": r["year"], "sector": r["sector"]}
        for r in cells.filter(pl.col("common")).sort("indicator", "sector").iter_rows(named=True)
    ]  # fmt: skip
    judged = cells.filter(pl.col("differs") | pl.col("too_close") | pl.col("nobody"))
    rows.append({"clause": "not_judged", "measure": "fields", "value": float(cells.height - judged.height)})
    alike = (
        judged.height - int(judged["differs"].sum() or 0) - int((judged["too_close"] & ~judged["differs"]).sum() or 0)
    )
    rows.append({"clause": "nobody", "measure": "fields", "value": float(alike)})
    for clause, column in (("differing", "differs"), ("too_close", "too_close")):
        rows.append({"clause": clause, "measure": "fields", "value": float(cells[column].sum())})
    rows.append({"clause": "fields", "measure": "fields", "value": float(cells.height)})
    return pl.DataFrame([{k: r.get(k) for k in schema} for r in rows], schema=schema, orient="row")


__all__ = ["LONG_COLUMNS", "compare", "long"]
