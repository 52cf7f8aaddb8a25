"""Scores of a node of a composite index from those of the nodes below it: every mean by the name that index files use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capmap.data.index_rules import ORDINAL, Rule
from capmap.errors import RefusedError
from capmap.methods import aggregation, robustness
from capmap.methods.normalisation import is_near_constant

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Means that need values above 0, by the exponent of the generalised mean that they are.
_POWERS = {"geometric": 0.0, "harmonic": -1.0}
#: Scores above this are not on a scale from 0 to 1; those of the adjusted Mazziotta-Pareto index are above 60.
_FROM_0_TO_1 = 2.0
#: What a replicate takes in place of a mean that has no formula for many replicates at once.
STAND_INS = {"kemeny": "copeland"}


@dataclass(frozen=True)
class Combined:
    """Scores of one node over all units, and how they came about."""

    scores: Floats  #: (n_units,)
    shift: float  #: constant that made the values positive and was taken off the mean again
    rankings: tuple[Mapping[str, Any], ...]  #: of every period, how its best ranking was found


def combined(
    rule: Rule,
    values: Floats,
    weights: Floats,
    n: int,
    *,
    shift: float | None = None,
    adjusted: Collection[str] = (),
    least: float = aggregation.MIN_COVERAGE,
) -> Combined:
    """Scores of a node over all units of all periods.

    Parameters
    ----------
    rule : of the node.
    values : (n_units, n_children) scores of the nodes below, periods one after the other, NaN = missing.
    weights : (n_children,) >= 0.
    n : units of a period. Places among the regions (Copeland, Kemeny) are those of each period; everything else, the
        constant that makes values positive among it, is one for all, so that scores compare over time.
    shift : that constant, to keep a scale; None = the one needed.
    adjusted : children that are on the scale of the adjusted Mazziotta-Pareto index already.
    least : share of the children that a unit must have; one in any case.

    Raises
    ------
    RefusedError : the mean does not take these values.
    """
    if len(rule.children) == 1:  # hands its score up
        return Combined(values[:, 0], 0.0, ())
    try:
        if rule.mean in ORDINAL:
            return _ordinal(rule.mean, values, weights, n, least)
        c = (shift_needed(rule, values) if shift is None else shift) if exponent(rule) is not None else 0.0
        scores = _mean(rule, _on_scale(rule, values, adjusted), weights, c, least)
    except ValueError as error:
        said = f"the mean {rule.mean} of {rule.node}: {error}"
        raise RefusedError(said, fix="take another aggregation for it, or another normaliser below it") from None
    return Combined(scores, c, ())


def shift_needed(rule: Rule, values: Floats) -> float:
    """Constant to add before the mean of a node, 0 where it needs none; see `aggregation.positive_shift`."""
    p = exponent(rule)
    if p is None or np.isnan(values).all():
        return 0.0
    if p > 0 and np.nanmin(values) >= -1e-14 * np.nanmax(np.abs(values)):  # a 0 that is off by round-off is a 0
        return 0.0
    return float(aggregation.positive_shift(values))


def formula(rule: Rule) -> robustness.Formula | None:
    """The mean of a node for many replicates at once; None for a node with a single child, whose score it takes over.

    It takes ((r,) n_units, n_children) scores and (r, n_children) weights and judges no coverage. The Mazziotta-Pareto index
    standardises over the units of the replicate. A mean that does not take the values raises ValueError.
    """
    if len(rule.children) < 2:
        return None
    if rule.mean in ORDINAL:
        return robustness.copeland

    def scores(values: Floats, weights: Floats) -> Floats:
        return _mean(rule, _standardised(rule, values), weights, None, 0.0)

    return scores


def _mean(rule: Rule, values: Floats, weights: Floats, shift: float | None, min_coverage: float) -> Floats:
    """A mean that is no ranking; without `shift` the constant of each replicate is the one it needs."""
    options: dict[str, Any] = {"min_coverage": min_coverage}
    p = exponent(rule)
    if p is not None:
        return aggregation.power(values, weights, p, shift=shift, **options)
    if rule.mean == "ordered":
        options["order_weights"] = rule.order_weights
    name = {"adjusted_mazziotta_pareto": "mazziotta_pareto", "power": "arithmetic"}.get(rule.mean, rule.mean)
    if rule.mean == "power" and rule.exponent is not None and np.isinf(rule.exponent):
        return aggregation.power(values, weights, rule.exponent, **options)
    return aggregation.MEANS[name](values, weights, **options)


def exponent(rule: Rule) -> float | None:
    """Exponent of a generalised mean of several children that may need a shift; None for other means."""
    if len(rule.children) == 1:
        return None
    if rule.mean == "power" and rule.exponent is not None and rule.exponent != 1 and np.isfinite(rule.exponent):
        return rule.exponent
    return _POWERS.get(rule.mean)


def _on_scale(rule: Rule, values: Floats, adjusted: Collection[str]) -> Floats:
    """Scores on the scale that the Mazziotta-Pareto indices are made for; other means take them as they are."""
    if rule.mean == "mazziotta_pareto":
        same = [child for child, column in zip(rule.children, values.T, strict=True) if is_near_constant(column)]
        if same:
            raise ValueError(f"{', '.join(same)} has the same score everywhere")
        return np.column_stack([aggregation.mpi_scale(column) for column in values.T])
    if rule.mean == "adjusted_mazziotta_pareto":
        return np.column_stack(
            [
                column if child in adjusted else aggregation.ampi_scale(column, 0.0, 1.0)
                for child, column in zip(rule.children, values.T, strict=True)
            ]
        )
    return values


def _standardised(rule: Rule, values: Floats) -> Floats:
    """As `_on_scale` for ((r,) n_units, n_children) scores; the order of the children may be another one."""
    known = ~np.isnan(values)
    if rule.mean == "mazziotta_pareto":
        n = np.maximum(known.sum(axis=-2, keepdims=True), 1)
        centred = values - np.where(known, values, 0.0).sum(axis=-2, keepdims=True) / n
        sd = np.sqrt(np.where(known, centred**2, 0.0).sum(axis=-2, keepdims=True) / n)
        return np.asarray(100.0 + 10.0 * centred / np.where(sd > 0, sd, 1.0))
    if rule.mean == "adjusted_mazziotta_pareto":
        low = np.where(known, values, np.inf).min(axis=-2, keepdims=True, initial=np.inf)
        return np.where(low > _FROM_0_TO_1, values, 70.0 + 60.0 * values)
    return values


def _ordinal(mean: str, values: Floats, weights: Floats, n: int, least: float) -> Combined:
    """Places among the regions of each period: more is better."""
    scores, rankings = np.full(len(values), np.nan), []
    for start in range(0, len(values), n):
        part = values[start : start + n]
        if mean == "copeland":
            scores[start : start + n] = aggregation.copeland(part, weights, min_coverage=least)
            continue
        found = aggregation.kemeny(part, weights, min_coverage=least)
        scores[start : start + n] = (~np.isnan(found.position)).sum() - found.position  # regions behind it
        rankings.append({"method": found.method, "support": found.support, "rankings": found.n_rankings})
    return Combined(scores, 0.0, tuple(rankings))
