"""Every composite index of a project at once, as a full run stores them and readings take them. (`capmap run`)"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import polars as pl

from capmap.analyses import selection
from capmap.analyses.composite.build import Built
from capmap.analyses.composite.choice import measured
from capmap.analyses.composite.ranks import PAIR_COLUMNS, ROBUSTNESS_COLUMNS, pairs, robustness_table
from capmap.analyses.composite.strengths import STRENGTH_COLUMNS, strengths
from capmap.analyses.index import COLUMNS, DRAWS, SEED, index_table, told
from capmap.errors import RefusedError, UsageError
from capmap.model import Project, Result

#: Columns that hold whole numbers, and those that hold others; the rest are texts.
WHOLE = ("year", "level", "rank", "rank_low", "rank_high", "rank_median", "alike", "weakest_rank", "n")
BROKEN = (
    "score", "coverage", "imputed_share", "mean_shift", "p_top", "moved_share", "shift", "p_ahead", "percentile",
)  # fmt: skip
#: `p_top` is the probability of this rank or a better one, as by default in `capmap index`.
PLACES = 5


class Indices:
    """All indices of a project, each measured once for the two results that say something of it.

    Parameters
    ----------
    project : a loaded project.
    year, allow_mixed_years, draws : as `index`. The year is the latest by default: an index of several years shares one
        scale over all of them, so its scores are others than those of `capmap index`.
    """

    def __init__(
        self, project: Project, *, year: selection.Year = "latest", allow_mixed_years: bool = False, draws: int = DRAWS
    ) -> None:
        self._project = project
        self._parameters: dict[str, Any] = {
            "index": sorted(project.indices), "year": str(year), "allow_mixed_years": allow_mixed_years, "draws": draws,
            "seed": SEED, "places": PLACES,
        }  # fmt: skip

    @cached_property
    def _built(self) -> tuple[dict[str, Built], list[dict[str, str]]]:
        """Every index by its id, and which are refused and why."""
        found, refused, asked = {}, [], self._parameters
        how = {"mixed": asked["allow_mixed_years"], "draws": asked["draws"], "seed": SEED}
        for id_, file in sorted(self._project.indices.items()):
            try:
                found[id_] = measured(self._project, file, asked["year"], **how)
            except (RefusedError, UsageError) as error:  # one without data, or without a sector, keeps no other back
                refused.append({"index": id_, "reason": error.message})
        return found, refused

    def index(self) -> Result:
        """Scores, ranks, strengths and weaknesses of every region.

        Returns
        -------
        Result with the tables `index` (COLUMNS of `capmap.analyses.index`) and `strengths` (STRENGTH_COLUMNS), those of
        one index after the other. `meta["blocks"]` has those of every index, each with its `normalisers`, the `names` of
        its nodes and the `steps` (see `steps_of`); `meta["refused"]` names each `index` that cannot be computed, and its
        `reason`. Where all are refused the tables are empty.
        """
        tables = {
            "index": self._stacked(index_table, COLUMNS),
            "strengths": self._stacked(lambda built: strengths(self._project, built), STRENGTH_COLUMNS),
        }
        return Result("index", tables, self._meta("index") | {"refused": self._built[1]})

    def robustness(self) -> Result:
        """How far the ranks are to be trusted: tables `robustness` and `pairs`, as those of `capmap robustness`.

        An index that cannot be computed is left out; `index` says why.
        """
        tables = {
            "robustness": self._stacked(lambda built: robustness_table(built, PLACES), ROBUSTNESS_COLUMNS),
            "pairs": self._stacked(pairs, PAIR_COLUMNS),
        }
        return Result("robustness", tables, self._meta("robustness"))

    def _stacked(self, table: Callable[[Built], pl.DataFrame], columns: tuple[str, ...]) -> pl.DataFrame:
        """A table of every index under each other."""
        kinds: dict[str, Any] = dict.fromkeys(columns, pl.String) | {
            name: kind for names, kind in ((WHOLE, pl.Int32), (BROKEN, pl.Float64)) for name in names if name in columns
        }
        return pl.concat([pl.DataFrame(schema=kinds), *map(table, self._built[0].values())]).select(columns)

    def _meta(self, command: str) -> dict[str, Any]:
        """Blocks of every index, each with what is told of an index by itself."""
        found = self._built[0].values()
        each = [told(built, self._parameters) | {"steps": steps_of(built)} for built in found]
        shared = ("normalisers", "names", "treated", "means", "steps")
        blocks = [block | {key: one[key] for key in shared} for one in each for block in one["blocks"]]
        return {"command": command, "parameters": self._parameters, "seed": SEED, "blocks": blocks, "no_data": []}


def steps_of(built: Built) -> dict[str, Any]:
    """How every node comes from those right below it: their weights, the shift of the mean, and whether each region has
    weights of its own.
    """
    frame = built.frame
    return {
        node: {
            "weights": {child: float(frame.weights[child]) for child in frame.rules[node].children},
            "shift": float(built.weighed.combined[node].shift),
            "own": built.weighed.weights[node].own is not None,
        }
        for node in frame.inner
    }
