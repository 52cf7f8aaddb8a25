"""Which regions are structurally like this one? Named by size, income group and world region, or by the user.

Peers are chosen on structure, never on the outcomes that are compared; likeness of pattern is another question,
answered by `similar_patterns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.methods import similarity
from capmap.model import TOTAL, Project

Floats = NDArray[np.float64]

#: Group that stands in for income until a context indicator gives it.
INCOME_GROUP = "high_income"
#: Standard deviations added between different world regions, and between different income groups.
REGION_PENALTY = 0.5
INCOME_PENALTY = 1.0
#: Regions whose patterns are compared at a time.
PART = 64


@dataclass(frozen=True)
class Peers:
    """Peers of one region: who they are, how they were chosen and how far away they stand."""

    codes: tuple[str, ...]
    kind: Literal["yours", "structural", "none"]
    distances: tuple[float, ...] = ()
    variables: tuple[str, ...] = ()  #: what "structural" looked at


@dataclass(frozen=True)
class Structure:
    """Structural distances between the regions that have any context figure."""

    codes: tuple[str, ...]
    variables: tuple[str, ...]
    distance: Floats  #: (n, n), in standard deviations


def structure(project: Project) -> Structure:
    """Distances from every region-level indicator of stage `context` (latest year, logarithms where positive).

    Half a standard deviation is added for another world region (the first name in `group`) and one for another
    income group. A region without any context figure is left out.
    """
    regions = project.codes.regions.filter(pl.col("role") == "region").sort("code")
    codes = regions["code"].to_list()
    groups = [(text or "").split(";") for text in regions["group"].to_list()]
    context = sorted(meta.id for meta in project.catalogue.values() if meta.stage == "context")
    columns = [_latest(project, name, codes) for name in context]
    known = np.zeros(len(codes), bool)
    for column in columns:
        known |= ~np.isnan(column)
    kept = np.flatnonzero(known)
    if not kept.size:
        return Structure((), (), np.empty((0, 0)))
    variables = np.column_stack([_log(column) for column in columns])[kept]
    worlds = [groups[k][0] for k in kept]
    names = sorted({w for w in worlds if w})
    world = np.array([names.index(w) if w else -1 for w in worlds], np.intp)
    distance = similarity.structural_distance(variables, groups=world, penalty=REGION_PENALTY if names else 0.0)
    rich = np.array([INCOME_GROUP in groups[k] for k in kept])
    distance = distance + INCOME_PENALTY * (rich[:, None] != rich[None, :])
    used = (*context, *(["world region"] if names else []), *(["income group"] if rich.any() else []))
    return Structure(tuple(codes[k] for k in kept), used, distance)


def peers_of(project: Project, region: str, known: Structure | None = None) -> Peers:
    """Peers named under `[peers]` in the run file, else the nearest regions by `structure`.

    `known` saves computing the structure again for every region. A region without context figures has no
    structural peers, and none are invented for it.
    """
    named = project.run.peers.get(region)
    if named:
        return Peers(tuple(named), "yours")
    found = known or structure(project)
    if region not in found.codes:
        return Peers((), "none", variables=found.variables)
    own = found.codes.index(region)
    row = found.distance[own].copy()
    row[own] = np.nan
    nearest = similarity.nearest(row, project.run.profile.peers)
    return Peers(
        tuple(found.codes[k] for k in nearest),
        "structural" if nearest.size else "none",
        tuple(float(row[k]) for k in nearest),
        found.variables,
    )


def _latest(project: Project, indicator: str, codes: Sequence[str]) -> Floats:
    rows = project.observations.filter(
        (pl.col("indicator") == indicator) & (pl.col("sector") == TOTAL) & pl.col("value").is_not_null()
    )
    last = rows.group_by("region").agg(pl.col("value").sort_by("year").last())
    values = dict(zip(last["region"].cast(pl.String).to_list(), last["value"].to_list(), strict=True))
    return np.array([values.get(code, np.nan) for code in codes], float)


def _log(column: Floats) -> Floats:
    """Sizes spread over orders of magnitude are compared in logarithms; others as they are."""
    known = column[~np.isnan(column)]
    return np.asarray(np.log(column)) if known.size and known.min() > 0 else column


def similar_patterns(profiles: Floats, row: int) -> Floats:
    """Cosine of RSCA profiles between one region and all, (n,), in [-1, 1]; NaN for itself and the incomparable.

    `profiles` is (n_regions, n_sectors) of RSCA, NaN where no index exists.
    """
    own = profiles[row]
    # every pair of a part is compared, of which one row is wanted: small parts waste little
    parts = [
        similarity.cosine_matrix(_directions(np.vstack((own, profiles[start : start + PART]))))[0, 1:]
        for start in range(0, len(profiles), PART)
    ]
    found: Floats = np.concatenate(parts)
    found[row] = np.nan
    return found


def _directions(profiles: Floats) -> Floats:
    """Profiles in which a neutral index is no direction, only round-off."""
    return np.where(np.abs(profiles) < 1e-9, 0.0, profiles)
