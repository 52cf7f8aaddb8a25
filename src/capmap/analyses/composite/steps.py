"""The steps of a composite index: screening, imputation, outliers, one scale and aggregation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capmap.analyses.composite import imputation
from capmap.analyses.composite import scale as index_scale
from capmap.analyses.composite.imputation import Filled
from capmap.analyses.composite.scale import scaled
from capmap.analyses.composite.tree import Framework, Grown, Leaf
from capmap.errors import RefusedError
from capmap.methods import coherence, normalisation, robustness
from capmap.methods.normalisation import ConstantError
from capmap.methods.ranking import ranked
from capmap.model import ColumnScale

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Column:
    """One indicator over all units, (n_units,): values after treatment, scores, and what was done.

    `observed` are the values that set the `scale`, `across` the cells whose score is the mean of their pillar. `below` and
    `above` count treated values outside those that set the scale, or outside the goalposts.
    """

    treated: Floats
    score: Floats
    row: dict[str, Any]
    scale: ColumnScale
    observed: Bools
    across: Bools
    below: int
    above: int


def screened(frame: Framework, values: Floats) -> coherence.Screening:
    """Which units are scored: enough of all indicators, and of those of each pillar.

    Raises
    ------
    RefusedError : an indicator without any value, or fewer than two units with enough.
    """
    empty = [leaf.node.id for leaf, column in zip(frame.leaves, values.T, strict=True) if np.isnan(column).all()]
    if empty:
        raise RefusedError(
            f"no region has a value of {', '.join(empty)}", fix="look at `capmap index --steps`, or take it out"
        )
    done = coherence.screen(values, frame.groups, min_unit=frame.file.min_coverage, min_group=frame.file.min_pillar)
    if done.kept.sum() < 2:
        fix = "lower min_coverage or min_pillar in the index file, or carry earlier figures forward: --impute last"
        if len(values) < 2:
            fix = "add the figures of other regions"
        said = f"{int(done.kept.sum())} of {len(values)} regions have enough of the indicators, and ranks need two"
        raise RefusedError(said, fix=fix)
    return done


def columns(frame: Framework, filled: Filled, frozen: Mapping[str, ColumnScale] | None = None) -> list[Column]:
    """Every indicator treated for outliers and put on its scale.

    The observed values alone set a scale: bounds of outliers, and what the normaliser takes. Imputed values are put on it.

    Parameters
    ----------
    filled : the table after imputation; its cells of the method `row` get the mean of their pillar as a score.
    frozen : scales that were set before, by node; others are set by these values.

    Raises
    ------
    RefusedError : an indicator without spread or that its normaliser does not take; all of them are named.
    """
    done, refused, same = [], [], 0
    across = filled.method == "row"
    for k, leaf in enumerate(frame.leaves):
        kept = (frozen or {}).get(leaf.node.id)
        try:
            done.append(_column(leaf, filled.values[:, k], filled.observed[:, k], kept))
        except ConstantError:
            refused.append(f"{leaf.node.id} has the same value everywhere")
            same += 1
        except ValueError as error:
            refused.append(f"{leaf.node.id}: {error}" + (" of the frozen scale" if kept else ""))
    if refused:
        again = "; or freeze the scale again: --freeze" if frozen else ""
        fix = "take it out of the index: it tells no region from another"
        if same < len(refused):
            fix = 'take it out of the index, or give it `treatment = "none"` or another normaliser'
        raise RefusedError("; ".join(refused), fix=f"{fix}{again}")
    scores = imputation.across(frame, np.column_stack([one.score for one in done]), across)
    return [replace(one, score=scores[:, k], across=across[:, k]) for k, one in enumerate(done)]


def _column(leaf: Leaf, values: Floats, observed: Bools, frozen: ColumnScale | None) -> Column:
    own = np.where(observed, values, np.nan)
    known = values[observed]
    scale = index_scale.fitted(leaf, own) if frozen is None else frozen
    treated = index_scale.treated(scale, values)
    row: dict[str, Any] = {
        "treatment": scale.treatment, "points": 0, "pulled_low": scale.low, "pulled_high": scale.high, "log_shift": scale.shift,
        "log_mirrored": scale.mirrored if scale.treatment == "log" else None, "note": None,
    }  # fmt: skip
    if scale.treatment in ("winsorised", "log"):
        row["points"] = int(((treated != values) & observed).sum())
    elif scale.treatment == "failed":
        row["note"] = "treatment_failed"
    elif leaf.treated and known.size < index_scale.LEAST_TREATED:
        row["note"] = "few_values"
    varied = not normalisation.is_near_constant(known)
    for when, these in (("before", known), ("after", treated[observed])):
        row[f"skewness_{when}"] = normalisation.skewness(these) if varied and known.size >= 3 else None
        row[f"excess_kurtosis_{when}"] = normalisation.excess_kurtosis(these) if varied and known.size >= 4 else None
    score = scaled(leaf, treated, leaf.normaliser, parameters=scale.parameters)
    below, above = index_scale.outside(leaf, scale, treated)
    return Column(treated, score, row, scale, observed, np.zeros(len(values), np.bool_), below, above)


def placed(values: Floats) -> Floats:
    """Ranks of values of any unit, 1 is the largest; those within 1e-9 of the largest magnitude are equal."""
    size = np.nanmax(np.abs(values), initial=0.0) if not np.isnan(values).all() else 0.0
    return ranked(values / size if size > 0 else values)


def effective(frame: Framework, grown: Grown) -> dict[str, float]:
    """Weight of each indicator in the index: the product of the shares along its branch."""
    found = robustness.effective_weights(grown.tree, grown.weights[np.newaxis])[0]
    return {leaf.node.id: float(weight) for leaf, weight in zip(frame.leaves, found, strict=True)}
