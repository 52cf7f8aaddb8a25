"""A composite index taken through all of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import index_steps as step
from capmap.analyses.index_data import Figures
from capmap.analyses.index_tree import Framework, Grown, grown
from capmap.methods.coherence import Screening

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
    robust: Mapping[int, step.Robust]  #: place of the period -> its Monte Carlo
    scored: Mapping[int, NDArray[np.intp]]  #: place of the period -> places of the units with a score

    def period(self, k: int) -> slice:
        """Places of the units of a period."""
        n = len(self.figures.regions)
        return slice(k * n, (k + 1) * n)


def build(frame: Framework, found: Figures, impute: str, draws: int, seed: int) -> Built:
    """Every step of an index in its order; `draws` replicates behind the ranges of each period, 0 for none."""
    screening = step.screened(frame, found.values)
    kept = np.where(screening.kept[:, np.newaxis], found.values, np.nan)
    filled, new = step.imputed(kept[screening.kept], impute, seed)
    values, imputed = kept.copy(), found.imputed & ~np.isnan(kept)
    values[screening.kept] = filled
    imputed[screening.kept] |= new
    done = step.columns(frame, values)
    tree = grown(frame)
    scored = np.column_stack([one.score for one in done])
    n = len(found.regions)
    parts = [step.aggregated(frame, scored[k * n : (k + 1) * n]) for k in range(len(found.periods))]
    scores = {node: np.concatenate([part[node] for part in parts]) for node in parts[0]}
    ranks = {node: _ranks(frame, node, scores[node], values, n) for node in scores}
    streams = np.random.default_rng(seed).spawn(len(found.periods))
    places = {
        k: k * n + np.flatnonzero(~np.isnan(scores[frame.root][k * n : (k + 1) * n])) for k in range(len(found.periods))
    }
    drawn = {
        k: step.robust(frame, tree, values, done, units, draws=draws, rng=streams[k])
        for k, units in places.items() if draws and units.size > 1
    }  # fmt: skip
    return Built(frame, tree, found, screening, values, imputed, done, scores, ranks, drawn, places)


def _ranks(frame: Framework, node: str, score: Floats, values: Floats, n: int) -> Floats:
    """Ranks within each period: of an indicator by its values before outliers were treated."""
    leaf = next((k for k, one in enumerate(frame.leaves) if one.node.id == node), None)
    base = score if leaf is None else frame.leaves[leaf].direction * values[:, leaf]
    return np.concatenate([step.placed(base[start : start + n]) for start in range(0, len(base), n)])


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
