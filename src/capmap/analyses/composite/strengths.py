"""Strengths and weaknesses of regions within a composite index: by their own best and worst places, and beside their peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.composite.build import Built
from capmap.analyses.peers import Structure, structure
from capmap.methods import similarity
from capmap.model import Project

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STRENGTH_COLUMNS = ("index", "year", "region", "node", "level", "rank", "n", "percentile", "rule", "sense", "note")
#: Fewest regions with a value: of fewer, the upper tenth is one region.
LEAST_REGIONS: Final = 20
#: Own rule: at most this many indicators at either end, and at most this share of those that the region has.
MOST_OWN, OWN_SHARE = 10, 0.25
#: Structural peers among the scored regions, and the fewest of them with a score.
PEERS, LEAST_PEERS = 10, 3
#: Standard deviations from the mean of the peers.
BEYOND: Final = 1.0


def strengths(project: Project, built: Built) -> pl.DataFrame:
    """Where each scored region stands out.

    Parameters
    ----------
    project : whose context indicators, or `[peers]`, say who is like whom.
    built : the index; its replicates are not needed.

    Returns
    -------
    Frame with STRENGTH_COLUMNS, a row per region, node and rule, the best percentile first in each region. `rule` is

    - `own`: an indicator whose percentile reaches the tenth highest of the region's own, and lies in the upper half of
      all; a weakness mirrored. Of fewer than 40 indicators, the place at a quarter of them takes that of the tenth.
    - `peers`: an indicator or pillar more than one standard deviation (divisor n - 1) above, or below, the mean score of
      the region's peers: those of the run file, else the ten structurally nearest scored regions.
    - `last`: the last place, always shown.

    Only nodes with at least 20 ranked regions are looked at, so a small index has no rows. An indicator with two values or
    fewer says yes or no and is left out; so is a place shared with others, but for the last one (note `tied`).
    `percentile` is the share of the others ranked behind, 0 to 1.

    References
    ----------
    WIPO, Global Innovation Index, appendix on strengths and weaknesses (tenth highest percent rank; one standard deviation
    from the group of peers).
    """
    known = structure(project)
    parts = [_of_period(project, built, k, known) for k in range(len(built.figures.periods))]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *parts]).sort(
        "index", "year", "region", "percentile", "node", "rule", descending=[False, False, False, True, False, False]
    )


_SCHEMA: dict[str, Any] = dict.fromkeys(STRENGTH_COLUMNS, pl.String) | {
    "year": pl.Int32, "level": pl.Int32, "rank": pl.Int32, "n": pl.Int32, "percentile": pl.Float64,
}  # fmt: skip


def enough(built: Built) -> bool:
    """Whether any year has regions enough for strengths and weaknesses."""
    return any(len(units) >= LEAST_REGIONS for units in built.scored.values())


def _of_period(project: Project, built: Built, k: int, known: Structure) -> pl.DataFrame:
    """All rows of one period."""
    frame, units = built.frame, built.scored[k]
    nodes = [node for node in built.scores if node != frame.root]
    rank = np.column_stack([built.ranks[node][units] for node in nodes])
    score = np.column_stack([built.scores[node][units] for node in nodes])
    n = (~np.isnan(rank)).sum(axis=0)
    tied = _tied(rank)
    leaf = np.array([node not in frame.children for node in nodes])
    asked = (n >= LEAST_REGIONS) & ~_yes_or_no(rank)
    if not asked.any():
        return pl.DataFrame(schema=_SCHEMA)
    percentile = (n - rank) / np.maximum(n - 1, 1)
    first = np.where(leaf & asked & ~tied, percentile, np.nan)
    codes = [built.figures.regions[unit % len(built.figures.regions)] for unit in units.tolist()]
    relative = _beside_peers(project, score, codes, known)
    last = (rank == np.nan_to_num(rank).max(axis=0)) & asked
    # A score imputed from its row has no value, so no place to stand out by.
    open_ = asked & ~tied & ~np.isnan(rank)
    found = {
        ("own", "strength"): _extreme(first), ("own", "weakness"): _extreme(1.0 - first),
        ("peers", "strength"): (relative > BEYOND) & open_, ("peers", "weakness"): (relative < -BEYOND) & open_,
        ("last", "weakness"): last,
    }  # fmt: skip
    keys = {"index": frame.root, "year": built.figures.periods[k]}
    rows = [
        keys | {"region": codes[i], "node": nodes[j], "level": frame.level[nodes[j]], "rank": int(rank[i, j]),
                "n": int(n[j]), "percentile": float(percentile[i, j]), "rule": rule, "sense": sense,
                "note": "tied" if tied[i, j] else None}
        for (rule, sense), holds in found.items() for i, j in np.argwhere(holds)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _tied(rank: Floats) -> Bools:
    """Places shared with another region; (n_regions, n_nodes)."""
    ordered = np.sort(rank, axis=0)
    same = ordered[1:] == ordered[:-1]
    shared = [np.unique(column[:-1][own]) for column, own in zip(ordered.T, same.T, strict=True)]
    return np.column_stack([np.isin(column, own) for column, own in zip(rank.T, shared, strict=True)])


def _yes_or_no(rank: Floats) -> Bools:
    """Nodes with two different places or fewer, (n_nodes,)."""
    return np.array([np.unique(column[~np.isnan(column)]).size <= 2 for column in rank.T])


def _extreme(percentile: Floats) -> Bools:
    """Nodes at or above the place of the tenth highest percentile of each region, in the upper half of all regions."""
    has = (~np.isnan(percentile)).sum(axis=1)
    place = np.clip((has * OWN_SHARE).astype(np.intp), 1, MOST_OWN)
    falling = -np.sort(-percentile, axis=1)  # NaN last
    limit = falling[np.arange(len(percentile)), place - 1][:, np.newaxis]
    holds: Bools = (percentile >= limit) & (percentile > 0.5)
    return holds


def _beside_peers(project: Project, score: Floats, codes: Sequence[str], known: Structure) -> Floats:
    """Scores in standard deviations from the mean of each region's peers, (n_regions, n_nodes); NaN with too few of them."""
    place = {code: i for i, code in enumerate(codes)}
    relative = np.full(score.shape, np.nan)
    for i, code in enumerate(codes):
        peers = score[_peers(project, code, place, known)]
        n = (~np.isnan(peers)).sum(axis=0)
        mean = np.nansum(peers, axis=0) / np.maximum(n, 1)
        spread = np.sqrt(np.nansum((peers - mean) ** 2, axis=0) / np.maximum(n - 1, 1))
        holds = (n >= LEAST_PEERS) & (spread > 1e-9 * np.maximum(np.abs(mean), 1.0))
        relative[i, holds] = (score[i, holds] - mean[holds]) / spread[holds]
    return relative


def _peers(project: Project, code: str, place: Mapping[str, int], known: Structure) -> list[int]:
    """Places of a region's peers among the scored regions."""
    named = project.run.peers.get(code)
    if named:
        return [place[peer] for peer in named if peer in place and peer != code]
    if code not in known.codes:
        return []
    scored = [j for j, other in enumerate(known.codes) if other in place and other != code]
    row = known.distance[known.codes.index(code)][scored]
    return [place[known.codes[scored[j]]] for j in similarity.nearest(row, PEERS)]
