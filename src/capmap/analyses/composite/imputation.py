"""Gaps in the figures of a composite index, filled only where somebody asks for it, and every one of them marked.

Figures of the same region in other years (`last`, `linear`) are put in before regions are screened, as they are the region's
own. All other values are made from other figures, so they never let a region pass: they are put in for the regions that
are scored, each period by itself. `row` comes last, as it needs all indicators of a pillar on one scale.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capmap.analyses.composite.figures import OVER_TIME, Figures
from capmap.analyses.composite.tree import Framework
from capmap.errors import RefusedError
from capmap.methods import imputation

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]

_NONE: Texts = np.array(None, object)

#: Ways to fill a gap from what other regions have, by the name a user gives.
AMONG: dict[str, Callable[..., imputation.Imputation]] = {
    "mean": imputation.mean,
    "median": imputation.median,
    "group": imputation.group_mean,
    "em": imputation.em,
    "iterative": imputation.iterative,
}


@dataclass(frozen=True)
class Filled:
    """A table with gaps filled; arrays are (n_units, n_leaves).

    `values` are NaN where there still is none. `method` is None but for what was put in here, and `row` where the score
    alone was. `source` and `age` are the year a value carried forward is of, and how many years that is before the year of
    the others. `missing` says why a gap was not filled although somebody asked for it. `told` holds for each method
    whether it arrived, and for `iterations`.
    """

    values: Floats
    method: Texts
    source: Floats
    age: Floats
    missing: Texts
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def imputed(self) -> Bools:
        """Where something was put in."""
        found: Bools = self.method != None  # noqa: E711 - cell by cell
        return found

    @property
    def observed(self) -> Bools:
        """Where there is a value that was not put in."""
        return ~np.isnan(self.values) & ~self.imputed


def over_time(frame: Framework, found: Figures, max_age: int | None = None) -> Filled:
    """Gaps filled from other years of the same region: by the last figure before, or between the two around it.

    Parameters
    ----------
    max_age : most years that a figure carried forward may be older than those of the other regions; None = any. In any case
        it is not older than `found.apart` years before its period.
    """
    shape = found.values.shape
    empty = np.full(shape, None, object)
    done = Filled(found.values.copy(), empty, np.full(shape, np.nan), np.full(shape, np.nan), empty.copy())
    n = len(found.regions)
    for k, leaf in enumerate(frame.leaves):
        series = found.series.get(leaf.node.id)
        for place, period in enumerate(found.periods):
            year = found.years[period][leaf.node.id]
            here = slice(place * n, (place + 1) * n)
            if series is None or year is None or period is None:
                if leaf.imputation in OVER_TIME:
                    gap = np.isnan(done.values[here, k])
                    reason = np.where(found.allowed[here, k], "no_earlier", "not_allowed")
                    done.missing[here, k] = np.where(gap, reason, _NONE)
                continue
            limits = [max_age, None if found.apart is None else found.apart - (period - year)]
            limit = min((one for one in limits if one is not None), default=None)
            _put_in_time(done, leaf.imputation, (here, k), (series.years, series.values, year), found.allowed, limit)
    return done


def _put_in_time(
    done: Filled,
    how: str,
    at: tuple[slice, int],
    series: tuple[tuple[int, ...], Floats, int],
    allowed: Bools,
    limit: int | None,
) -> None:
    """Fill one indicator of one period."""
    years, values, year = series
    when, place = np.array(years), years.index(year)
    # the cells of the year itself as the period has them: a broken size in one of them is no figure
    table = values.copy()
    table[:, place] = done.values[at]
    where = np.ones(table.shape, np.bool_)
    where[:, place] = allowed[at]
    if how == "last":
        carried = imputation.last_observation(table, when, max_age=limit, allowed=where)
        result: imputation.Imputation = carried
        new = carried.imputed[:, place]
        done.source[at] = np.where(new, carried.source[:, place], np.nan)
        done.age[at] = np.where(new, carried.age[:, place], np.nan)
    else:
        result = imputation.linear(table, when, allowed=where)
        new = result.imputed[:, place]
    done.values[at] = result.values[:, place]
    done.method[at] = np.where(new, np.array(how, object), _NONE)
    done.missing[at] = np.where(result.missing[:, place] == "", _NONE, result.missing[:, place])


def among_units(frame: Framework, found: Figures, start: Filled, kept: Bools, seed: int) -> Filled:
    """Gaps of the units kept, filled from what the units of their period have; NaN for the other units.

    Raises
    ------
    RefusedError : a method does not hold for this table, or nobody has a group.
    """
    values = np.where(kept[:, np.newaxis], start.values, np.nan)
    done = replace(start, values=values, method=np.where(kept[:, np.newaxis], start.method, _NONE),
                   missing=np.where(kept[:, np.newaxis], start.missing, _NONE))  # fmt: skip
    told: dict[str, Any] = {}
    n = len(found.regions)
    for how in (name for name in AMONG if any(leaf.imputation == name for leaf in frame.leaves)):
        mine = np.array([leaf.imputation == how for leaf in frame.leaves])
        for place in range(len(found.periods)):
            units = place * n + np.flatnonzero(kept[place * n : (place + 1) * n])
            allowed = found.allowed[units] & mine
            if not (np.isnan(values[units]) & allowed).any():
                _unfilled(done, values, units, mine)
                continue
            groups = found.groups[units - place * n]
            result = _imputed(how, values[units], allowed, groups, seed)
            if not getattr(result, "converged", True):
                told[how] = {"converged": False, "iterations": getattr(result, "iterations", None)}
            new = result.imputed & mine
            done.values[units] = np.where(new, result.values, done.values[units])
            done.method[units] = np.where(new, how, done.method[units])
            gap = np.isnan(done.values[units]) & mine
            done.missing[units] = np.where(gap, result.missing, done.missing[units])
    return replace(done, told=told)


def _unfilled(done: Filled, values: Floats, units: NDArray[np.intp], mine: Bools) -> None:
    """Mark the gaps that no method may fill."""
    gap = np.isnan(values[units]) & mine
    done.missing[units] = np.where(gap, "not_allowed", done.missing[units])


def _imputed(how: str, table: Floats, allowed: Bools, groups: NDArray[np.intp], seed: int) -> imputation.Imputation:
    """One method on one table. What a model expects stays within what was observed: no count below zero."""
    options: dict[str, Any] = {"allowed": allowed}
    if how == "group":
        if (groups < 0).all():
            raise RefusedError(
                "no region that is scored has a group to take the mean of",
                fix="name groups of the code list: imputation_groups in the index file, or impute by another method",
            )
        options["groups"] = groups
    elif how in ("em", "iterative"):
        options |= {"bounded": True} | ({"seed": seed} if how == "iterative" else {})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the rounds ran out is told with the result
            return AMONG[how](table, **options)
    except ValueError as error:
        raise RefusedError(
            f"imputation by {how}: {error}", fix="impute by another method: --impute median, or group"
        ) from None


def by_row(frame: Framework, found: Figures, done: Filled, kept: Bools) -> Filled:
    """The gaps that become the mean of what the unit has in the pillar, marked; `across` gives the scores.

    Raises
    ------
    RefusedError : a pillar whose indicators are not on one scale.
    """
    mine = np.array([leaf.imputation == "row" for leaf in frame.leaves])
    if not mine.any():
        return done
    scales: dict[str, set[str]] = {}
    for leaf in frame.leaves:
        scales.setdefault(leaf.parent, set()).add(leaf.normaliser)
    mixed = sorted({leaf.parent for leaf in frame.leaves if leaf.imputation == "row" and len(scales[leaf.parent]) > 1})
    if mixed:
        raise RefusedError(
            f"the indicators of {', '.join(mixed)} are on unlike scales, of which a region has no mean",
            fix="give them one normaliser, or impute by another method",
        )
    gap = np.isnan(done.values) & mine & kept[:, np.newaxis]
    result = imputation.row_mean(done.values, frame.groups, allowed=found.allowed & gap)
    return replace(
        done,
        method=np.where(result.imputed & gap, "row", done.method),
        missing=np.where(gap & ~result.imputed, result.missing, done.missing),
    )


def across(frame: Framework, scores: Floats, where: Bools) -> Floats:
    """Scores with the mean of the pillar in the cells of `where`, (n_units, n_leaves), which have none."""
    if not where.any():
        return scores
    return imputation.row_mean(scores, frame.groups, allowed=where).values
