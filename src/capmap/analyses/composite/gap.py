"""Where the gap between the scores of two regions comes from, by pillar and indicator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.composite.build import Built
from capmap.analyses.composite.choice import chosen, measured
from capmap.methods import aggregation, decomposition
from capmap.model import Project

Floats = NDArray[np.float64]

GAP_COLUMNS = ("index", "year", "region", "other", "node", "parent", "level", "difference", "share")
#: Means that stand for a power, by their exponents.
POWERS = {"geometric": 0.0, "harmonic": -1.0}
#: Coverage was judged when the scores were made.
ANY: dict[str, Any] = {"min_coverage": 0.0}
#: Differences of scores that are none but for the last bits.
NO_GAP = 1e-12


@dataclass(frozen=True)
class Step:
    """How the score of a node comes from those right below it: weights, (n_children,), and the mean."""

    children: tuple[str, ...]
    weights: Floats
    kind: str
    shift: float  #: constant that made the scores positive before the mean
    mean: (
        Callable[[Floats, Floats], Floats] | None
    )  #: of (n, n_children) scores and weights; None where it is no such mean

    def of(self, values: Floats) -> Floats:
        """The means of (n, n_children) scores, (n,), NaN where the score is no mean of its own row."""
        return np.full(len(values), np.nan) if self.mean is None else self.mean(values, self.weights)


def gaps(
    project: Project,
    id: str | None,  # noqa: A002 - the word of the index file
    regions: Sequence[str],
    year: selection.Year = "latest",
    *,
    allow_mixed_years: bool = False,
) -> pl.DataFrame:
    """Where the gaps between the scores of some regions come from.

    Parameters
    ----------
    project : a loaded project, with an `index/` folder.
    id : name of the index file; the only one if left out.
    regions : two or more, by code or name; every pair in this order.
    year, allow_mixed_years : as `index`.

    Returns
    -------
    Frame with GAP_COLUMNS, a row per year, pair and node of the tree, the index first. `difference` is what the node adds to
    the gap of the two scores, in points of the score: the nodes below one parent add up to the parent, so the indicators add
    up to the gap. `share` is its share of that gap. Pairs of which one has no score have no rows.

    Raises
    ------
    UsageError, RefusedError : as `index`.
    """
    codes = selection.regions(project, regions)
    return gap_table(measured(project, chosen(project, id), year, mixed=allow_mixed_years), codes)


def gap_table(built: Built, codes: Sequence[str]) -> pl.DataFrame:
    """GAP_COLUMNS for every pair of some regions, in every period; see `gaps`."""
    pairs = list(combinations(dict.fromkeys(codes), 2))
    parts = [gap(built, region, other, period) for period in built.figures.periods for region, other in pairs]
    empty = pl.DataFrame(schema=_SCHEMA)
    return pl.concat([empty, *parts]).select(GAP_COLUMNS)


def gap(built: Built, region: str, other: str, period: int | None = None) -> pl.DataFrame:
    """The gap between two regions of one period: GAP_COLUMNS and the scores of both, `score` and `other_score`.

    A missing child counts as the score of its parent, which is what a mean does that leaves it out; a node that both lack
    has no part. Arithmetic means give weight times difference; geometric means are decomposed by the logarithmic mean
    Divisia index, all others by Shapley values. `difference` is null below a node whose score is no mean of the scores
    below it, such as one by rankings.
    """
    found = built.figures
    if region not in found.regions or other not in found.regions:
        return pl.DataFrame(schema=_SCHEMA)
    k = found.periods.index(period) if period in found.periods else len(found.periods) - 1
    start = built.period(k).start
    units = [start + found.regions.index(code) for code in (region, other)]
    root = built.frame.root
    ends = built.scores[root][units]
    if np.isnan(ends).any():
        return pl.DataFrame(schema=_SCHEMA)
    steps = {node: step_of(built, node) for node in built.frame.inner}
    known = {node: score[units] for node, score in built.scores.items()}
    parts = parts_of(built, steps, known, ends)
    whole = parts[root]
    keys = {"index": root, "year": found.periods[k], "region": region, "other": other}
    rows = [
        keys | {
            "node": node, "parent": parent, "level": built.frame.level[node], "difference": parts[node],
            "share": parts[node] / whole if abs(whole) > NO_GAP else None,
            "score": known[node][0], "other_score": known[node][1],
        }
        for node, parent in _in_order(built)
    ]  # fmt: skip
    numbers = pl.col("difference", "share", "score", "other_score").fill_nan(None)
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(numbers)


_SCHEMA: dict[str, Any] = {
    "index": pl.String, "year": pl.Int32, "region": pl.String, "other": pl.String, "node": pl.String, "parent": pl.String,
    "level": pl.Int32, "difference": pl.Float64, "share": pl.Float64, "score": pl.Float64, "other_score": pl.Float64,
}  # fmt: skip


def _in_order(built: Built) -> list[tuple[str, str | None]]:
    """Every node with its parent, the index first, the nodes below one node behind it."""
    children = built.frame.children
    found: list[tuple[str, str | None]] = []
    open_: list[tuple[str, str | None]] = [(built.frame.root, None)]
    while open_:
        node, parent = open_.pop()
        found.append((node, parent))
        open_ += [(child, node) for child in reversed(children.get(node, ()))]
    return found


def step_of(built: Built, node: str) -> Step:
    """How the score of a node comes from those below it; coverage was judged before.

    There is no mean of rows where places are added up (Copeland, Kemeny), where the scale is that of all regions
    (Mazziotta-Pareto), or where every region has weights of its own (benefit of the doubt).
    """
    frame = built.frame
    rule, shift = frame.rules[node], built.weighed.combined[node].shift
    weights = np.array([frame.weights[child] for child in rule.children], np.float64)
    power = rule.exponent if rule.mean == "power" else POWERS.get(rule.mean)
    mean: Callable[[Floats, Floats], Floats] | None = None
    kind: str = rule.mean
    if len(rule.children) == 1:  # takes over the score, whatever the mean
        (child,) = rule.children
        if np.array_equal(built.scores[node], built.scores[child], equal_nan=True):
            kind, mean = "arithmetic", partial(aggregation.arithmetic, **ANY)
    elif built.weighed.weights[node].own is not None:
        mean = None
    elif power is not None:
        mean = partial(aggregation.power, p=power, shift=shift if power != 1 and np.isfinite(power) else None, **ANY)
    elif rule.mean == "ordered" and rule.order_weights is not None:
        mean = partial(aggregation.ordered, order_weights=rule.order_weights, **ANY)
    elif rule.mean in ("arithmetic", "median", "bottleneck"):
        mean = partial(aggregation.MEANS[rule.mean], **ANY)
    return Step(rule.children, weights, kind, shift, mean)


def parts_of(built: Built, steps: Mapping[str, Step], known: Mapping[str, Floats], ends: Floats) -> dict[str, float]:
    """What every node adds to `ends[0] - ends[1]`, two scores of the index; NaN where that cannot be said.

    Parameters
    ----------
    steps : by node, `step_of`.
    known : node -> (2,) its scores on both sides, NaN where missing.
    ends : (2,) scores of the index, known.
    """
    root = built.frame.root
    parts = {root: float(ends[0] - ends[1])}
    values, rates = {root: ends}, {root: 1.0}
    for node in reversed(built.frame.inner):  # parents before children
        step = steps[node]
        if node not in values:  # no side has it
            parts |= dict.fromkeys(step.children, float("nan"))
            continue
        sides = np.array([known[child] for child in step.children])
        sides[:, np.isnan(known[node])] = np.nan  # what counts as another score has none below it that counts
        has = ~np.isnan(sides).all(axis=1)
        filled = np.where(np.isnan(sides), values[node], sides)[has]
        each = _rates(step, filled, step.weights[has], values[node])
        below = [child for child, one in zip(step.children, has, strict=True) if one]
        parts |= dict.fromkeys(step.children, float("nan"))
        for child, pair, rate in zip(below, filled, each * rates[node], strict=True):
            parts[child] = float(rate * (pair[0] - pair[1]))
            values[child], rates[child] = pair, float(rate)
    return parts


def _rates(step: Step, filled: Floats, weights: Floats, ends: Floats) -> Floats:
    """What a point of each child, (n_children, 2), adds to the node; NaN if the node's scores are no mean of them."""
    unknown, mean = np.full(len(filled), np.nan), step.mean
    if mean is None or not weights.sum() > 0 or (len(filled) < len(step.children) and step.kind == "ordered"):
        return unknown
    if not np.allclose(mean(filled.T.copy(), weights), ends, rtol=1e-9, atol=1e-9):
        return unknown
    if step.kind == "arithmetic":
        return decomposition.arithmetic_rates(weights)
    if step.kind == "geometric":
        return decomposition.geometric_rates(filled[:, 0] + step.shift, filled[:, 1] + step.shift, weights)
    if len(weights) > decomposition.MAX_SHAPLEY:
        return unknown
    return decomposition.shapley_rates(filled[:, 0], filled[:, 1], lambda x: mean(x, weights))
