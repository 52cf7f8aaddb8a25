"""A composite index taken through all of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.composite import imputation
from capmap.analyses.composite import steps as step
from capmap.analyses.composite.figures import Figures
from capmap.analyses.composite.robust import Choices, Robust, robust
from capmap.analyses.composite.scale import Kept
from capmap.analyses.composite.tree import Framework, Grown, grown
from capmap.analyses.composite.weights import Weighed, weighed
from capmap.errors import RefusedError
from capmap.methods.coherence import Screening

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Counts below this are small, and the share of the regions that may have such.
SMALL, SOME_SMALL = 10, 0.1


@dataclass(frozen=True)
class Built:
    """An index with all that its steps gave; units are those of `figures`, (n_units,) and (n_units, n_leaves)."""

    frame: Framework
    tree: Grown
    figures: Figures
    screening: Screening
    filled: Floats  #: after imputation; NaN also for units that are not scored
    imputed: Bools  #: by a status I or by the imputation asked for
    columns: Sequence[step.Column]
    scores: Mapping[str, Floats]  #: node -> (n_units,)
    ranks: Mapping[str, Floats]
    robust: Mapping[int, Robust]  #: place of the period -> its Monte Carlo
    scored: Mapping[int, NDArray[np.intp]]  #: place of the period -> places of the units with a score
    weighed: Weighed  #: weights by node, what they rest on, and how the scores came about
    gaps: imputation.Filled  #: what was put in, and what was not
    kept: Kept | None  #: the scale of an earlier run, where it is that

    def period(self, k: int) -> slice:
        """Places of the units of a period."""
        n = len(self.figures.regions)
        return slice(k * n, (k + 1) * n)


def build(
    frame: Framework,
    found: Figures,
    draws: int,
    seed: int,
    choices: Choices | None = None,
    *,
    max_age: int | None = None,
    kept: Kept | None = None,
) -> Built:
    """Every step of an index in its order.

    Parameters
    ----------
    draws : replicates behind the ranges of each period, 0 for none.
    max_age : of figures carried forward, in years.
    kept : the scale of an earlier run, where there is one.
    """
    dated = imputation.over_time(frame, found, max_age)
    screening = step.screened(frame, dated.values)
    gaps = imputation.among_units(frame, found, dated, screening.kept, seed)
    gaps = imputation.by_row(frame, found, gaps, screening.kept)
    values, imputed = gaps.values, (found.imputed & gaps.observed) | gaps.imputed
    done = step.columns(frame, gaps, None if kept is None else kept.leaves)
    scored = np.column_stack([one.score for one in done])
    n = len(found.regions)
    made = _weighed(frame, scored, found.regions, None if kept is None else kept.shifts)
    frame, scores = made.frame, made.scores
    tree = grown(frame)
    ranks = {node: _ranks(frame, node, scores[node], values, n) for node in scores}
    streams = np.random.default_rng(seed).spawn(len(found.periods))
    places = {
        k: k * n + np.flatnonzero(~np.isnan(scores[frame.root][k * n : (k + 1) * n])) for k in range(len(found.periods))
    }
    drawn = {
        k: robust(frame, tree, values, done, units, draws=draws, rng=streams[k], choices=choices)
        for k, units in places.items() if draws and units.size > 1
    }  # fmt: skip
    return Built(
        frame, tree, found, screening, values, imputed, done, scores, ranks, drawn, places, made, gaps, kept
    )  # fmt: skip


def _weighed(frame: Framework, scored: Floats, regions: Sequence[str], shifts: Mapping[str, float] | None) -> Weighed:
    try:
        return weighed(frame, scored, regions, shifts)
    except RefusedError as error:
        if not shifts:
            raise
        fix = f"{error.fix}; or freeze the scale again, as it may end above these scores: --freeze"
        raise RefusedError(error.message, fix=fix) from None


def _ranks(frame: Framework, node: str, score: Floats, values: Floats, n: int) -> Floats:
    """Ranks within each period: of an indicator by its values before outliers were treated."""
    leaf = next((k for k, one in enumerate(frame.leaves) if one.node.id == node), None)
    base = score if leaf is None else frame.leaves[leaf].direction * values[:, leaf]
    return np.concatenate([step.placed(base[start : start + n]) for start in range(0, len(base), n)])


def unscored(built: Built) -> NDArray[Any]:
    """Why a unit has no score of the index, (n_units,): the reasons of the screening, or those of the means after it."""
    root = built.frame.root
    later = np.where(np.isnan(built.scores[root]), built.weighed.notes[root], "")
    return np.where(built.screening.kept, later, built.screening.reasons)


def small_counts(built: Built, units: NDArray[np.intp]) -> dict[str, tuple[int, int]]:
    """Of each indicator that is a count: how many of these units have one below SMALL, and how many have any.

    It is the count before division that chance moves: with a Poisson error one of SMALL by a third.
    """
    found = {}
    for leaf in built.frame.leaves:
        if leaf.meta.kind == "count" and leaf.node.result is None:
            rows = built.figures.rows.filter(pl.col("node") == leaf.node.id)
            values = rows["value"].cast(pl.Float64).to_numpy()[units]
            found[leaf.node.id] = (int((values < SMALL).sum()), int((~np.isnan(values)).sum()))
    return found


def imputations(built: Built) -> dict[str, int]:
    """Number of imputed figures by the way they were: that asked for here, or `source`, by whoever published them."""
    here = sorted(built.gaps.method[built.gaps.imputed].tolist())
    found = {name: here.count(name) for name in dict.fromkeys(here)}
    source = int((built.imputed & ~built.gaps.imputed).sum())
    return found | ({"source": source} if source else {})


def scale_told(built: Built) -> dict[str, Any]:
    """Whether the scale is frozen (its hash and the years it is of), and how many figures of each indicator lie outside."""
    kept = built.kept
    outside = {
        leaf.node.id: {"below": one.below, "above": one.above}
        for leaf, one in zip(built.frame.leaves, built.columns, strict=True) if one.below or one.above
    }  # fmt: skip
    return {
        "hash": None if kept is None else kept.hash,
        "periods": None if kept is None else list(kept.periods),
        "outside": outside,
    }


def units(built: Built) -> pl.DataFrame:
    """Index, year and region of every unit."""
    found = built.figures
    return pl.DataFrame(
        {
            "index": [built.frame.root] * (len(found.periods) * len(found.regions)),
            "year": pl.Series(np.repeat(np.arange(len(found.periods)), len(found.regions))).replace_strict(
                dict(enumerate(found.periods)), return_dtype=pl.Int32
            ),
            "region": list(found.regions) * len(found.periods),
        }
    )
