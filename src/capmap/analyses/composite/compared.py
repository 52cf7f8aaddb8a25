"""What parts the regions of a comparison in the composite indices of a project, and whether anything does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.standing import Standing, standing
from capmap.model import Project

if TYPE_CHECKING:
    from capmap.analyses.composite.build import Built
    from capmap.analyses.composite.tree import Framework

PAIRS: dict[str, Any] = {
    "index": pl.String, "year": pl.Int32, "region": pl.String, "other": pl.String, "difference": pl.Float64,
    "p_ahead": pl.Float64, "apart": pl.Boolean,
}  # fmt: skip
GAPS: dict[str, Any] = {
    "index": pl.String, "year": pl.Int32, "region": pl.String, "other": pl.String, "node": pl.String, "parent": pl.String,
    "level": pl.Int32, "difference": pl.Float64, "share": pl.Float64,
}  # fmt: skip


class Compared(NamedTuple):
    """Where the regions stand, their pairs (PAIRS), and what each node adds to the gap of each pair (GAPS)."""

    standing: Standing
    pairs: pl.DataFrame
    gaps: pl.DataFrame

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables that a comparison shows of them."""
        return {"index": self.standing.table, "index_pairs": self.pairs, "index_gap": self.gaps}


def compared(
    project: Project,
    codes: Sequence[str],
    *,
    year: selection.Year = "latest",
    allow_mixed_years: bool = False,
    full: bool = False,
    first_only: bool = False,
) -> Compared:
    """Scores and gaps of some regions in every index.

    Parameters
    ----------
    codes : regions, the one that is looked from first.
    year, allow_mixed_years, full : as `standing`.
    first_only : only the pairs of the first region.

    Returns
    -------
    Compared. A pair is `apart` where one is ahead of the other in 95 % of the replicates that rank both: those that are
    not share a letter in `group`. `difference` is that of the scores; in `gaps` the nodes below one parent add up to the
    parent, so the indicators add up to the gap (see `capmap.analyses.composite.gap.gaps`). Pairs of which one is not
    scored have no rows.
    """
    needs = ("index", "robustness", "pairs")
    found = standing(project, codes, year=year, allow_mixed_years=allow_mixed_years, full=full, needs=needs)
    pairs = [(a, b) for a, b in combinations(codes, 2) if not first_only or a == codes[0]]
    return Compared(found, _pairs(found, pairs), _gaps(project, found, pairs))


def _pairs(found: Standing, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """PAIRS of the regions that are scored."""
    from capmap.methods.robustness import TOLD_APART

    if not found.everybody:
        return pl.DataFrame(schema=PAIRS)
    wanted = pl.DataFrame(pairs, schema={"region": pl.String, "other": pl.String}, orient="row")
    scores = found.table.filter(pl.col("level") == 0).drop_nulls("score").select("index", "year", "region", "score")
    both = wanted.join(scores, on="region", maintain_order="left").join(
        scores.rename({"region": "other", "score": "theirs"}), on=["index", "year", "other"], nulls_equal=True,
        maintain_order="left",
    )  # fmt: skip
    keys = ["index", "year", "region", "other"]
    ahead = found.everybody["pairs"].select(*keys, "p_ahead")
    behind = ahead.select("index", "year", region="other", other="region", p_behind="p_ahead")
    for chances in (ahead, behind):
        both = both.join(chances, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return both.with_columns(
        difference=pl.col("score") - pl.col("theirs"), apart=pl.max_horizontal("p_ahead", "p_behind") >= TOLD_APART
    ).select(list(PAIRS)).sort("index", maintain_order=True)  # fmt: skip


def _gaps(project: Project, found: Standing, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """GAPS of every index."""
    empty = pl.DataFrame(schema=GAPS)
    known = [block for block in found.blocks if "reason" not in block]
    if not known:
        return empty
    from capmap.analyses.composite.gap import gap
    from capmap.analyses.composite.tree import framework

    parts = [empty]
    for block in known:
        own = found.everybody["index"].filter(
            pl.col("index") == block["index"], pl.col("year").eq_missing(pl.lit(block["year"]))
        )
        frame = framework(project, project.indices[block["index"]])
        scored = cast("Built", _scored(frame, block["year"], own, found.steps[block["index"]]))
        parts += [gap(scored, a, b, block["year"]).select(list(GAPS)) for a, b in pairs]
    return pl.concat(parts)


class _Units(NamedTuple):
    periods: tuple[int | None, ...]
    regions: tuple[str, ...]


class _Combined(NamedTuple):
    shift: float


class _Weights(NamedTuple):
    own: bool | None


class _Weighed(NamedTuple):
    combined: dict[str, _Combined]
    weights: dict[str, _Weights]


@dataclass(frozen=True)
class _Scored:
    """As much of an index as its gaps need: scores, and how those of a node come from those below it."""

    frame: Framework
    figures: _Units
    scores: dict[str, NDArray[np.float64]]
    weighed: _Weighed

    def period(self, k: int) -> slice:
        return slice(k * len(self.figures.regions), (k + 1) * len(self.figures.regions))


def _scored(frame: Framework, year: int | None, own: pl.DataFrame, steps: Mapping[str, Any]) -> _Scored:
    """An index from its table of scores of one year, and its `steps`."""
    regions = own["region"].unique().sort().to_list()
    scores = {
        str(node): rows.sort("region")["score"].cast(pl.Float64).to_numpy()
        for (node,), rows in own.group_by("node")
    }  # fmt: skip
    weights = {child: weight for step in steps.values() for child, weight in step["weights"].items()}
    weighed = _Weighed(
        {node: _Combined(step["shift"]) for node, step in steps.items()},
        {node: _Weights(True if step["own"] else None) for node, step in steps.items()},
    )
    return _Scored(replace(frame, weights=weights), _Units((year,), tuple(regions)), scores, weighed)
