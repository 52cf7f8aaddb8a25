"""Aggregation: from the scores of the children of a node to one score, or one ranking, per unit.

Means (`arithmetic`, `geometric`, `harmonic`, `power`, `median`, `ordered`, `mazziotta_pareto`, `bottleneck`) take

- `values`, (n_units, n_children), or (n_replicates, n_units, n_children) for replicates that differ in their values:
  directed (more is better) and on one scale; NaN = missing;
- `weights`, (n_children,) or (n_replicates, n_children), as `capmap.methods.weighting.given`; None = equal. Only their
  ratios count, and a child of weight 0 is as good as absent, for the coverage too;
- `min_coverage`, the smallest share of the children (those of weight above 0, each counted once) that a unit must have:
  2/3, itself enough. Coverage is a share of a number and not of weight, so that it stays the same while weights vary;

and return (n_units,), or (n_replicates, n_units) if either argument has replicates. The weights of missing children pass
to the others of the unit in proportion. A unit with too few children has NaN, and `reasons` says why. The units do not
see each other, except through `positive_shift`, so their order never matters (beyond round-off in the last digit).

`outranking`, `copeland` and `kemeny` compare units in pairs and need no common scale. Two values are equal there if they
differ by at most 1e-9 of the larger one plus 1e-14 of the child's largest; weights for and against are equal within 1e-9.
Scores of means are ranked with `capmap.methods.ranking.ranked`, where 1e-9 is a tie.

The standard source is OECD/JRC (2008), Handbook on Constructing Composite Indicators, Part 2, sections 6.10 to 6.14.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capmap.methods.normalisation import Direction, direct, z_score
from capmap.methods.weighting import equal, given

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Texts = NDArray[np.str_]
KemenyMethod = Literal["exact", "local_search"]

#: Share of the children that a unit must have for a score.
MIN_COVERAGE: Final = 2 / 3
#: After a shift the smallest value is this share of the range of all values above 0.
SHIFT_MARGIN: Final = 0.01
#: Largest finite power of a mean, either way: beyond it the mean is the maximum or the minimum for all purposes.
MAX_POWER: Final = 20.0
#: Largest set of units between which majorities run in circles that is ranked exactly (2^16 subsets of them).
EXACT_UP_TO: Final = 16

_TIE = 1e-9
_LAST_DIGITS = 1e-14


@dataclass(frozen=True, eq=False)
class Kemeny:
    """The ranking, or rankings, that the pairwise comparisons support best. Arrays (n_units,), NaN for units left out.

    Where several rankings are equally good, `position` is the mean place of the unit over all of them, so that units which
    nothing tells apart share a place; `best` and `worst` are its extreme places. With `local_search` they are those of
    the one ranking found, but for units with the same comparisons.
    """

    position: Floats  #: 1 = first
    best: Floats
    worst: Floats
    order: Ints  #: (units not left out,) positions of the units in one of the best rankings, first to last
    support: float  #: sum of e_jk over the pairs j before k of that ranking
    method: KemenyMethod  #: `exact`: no ranking has more support; `local_search`: no move of one unit gains any
    n_rankings: float  #: how many rankings have that support (inf beyond double precision); NaN with `local_search`


@dataclass(frozen=True, eq=False)
class _Table:
    """Arguments of a mean after checks: values filled with 0 where missing, weights with sum 1."""

    filled: Floats
    known: NDArray[np.bool_]
    weights: Floats
    complete: bool

    def over_children(self, x: Floats, weights: Floats) -> Floats:
        """Sum over the children, weights times x, for every unit and replicate."""
        if x.ndim == 2:
            return np.asarray(weights @ x.T)
        if weights.ndim == 1:
            return np.asarray(x @ weights)
        return np.asarray(np.einsum("rnc,rc->rn", x, weights))

    def coverage(self) -> Floats:
        """Share of the children of weight above 0 that are known."""
        carries = (self.weights > 0).astype(np.float64)
        return np.asarray(self.over_children(self.known.astype(np.float64), carries) / carries.sum(axis=-1)[..., None])

    def mean(self, x: Floats) -> Floats:
        """Weighted mean of x, 0 where missing, over the known children; NaN without any."""
        total = self.over_children(x, self.weights)
        if self.complete:
            return total
        mass = self.over_children(self.known.astype(np.float64), self.weights)
        mass[self.coverage() == 1.0] = 1.0  # nothing to renormalise, not even by round-off
        return np.asarray(np.divide(total, mass, out=np.full(total.shape, np.nan), where=mass > 0))

    def deviation(self) -> Floats:
        """Weighted standard deviation over the known children (population)."""
        n = np.maximum(self.known.sum(axis=-1, keepdims=True), 1)
        centred = np.where(self.known, self.filled - self.filled.sum(axis=-1, keepdims=True) / n, 0.0)
        return np.sqrt(np.maximum(self.mean(centred**2) - self.mean(centred) ** 2, 0.0))

    def withheld(self, scores: Floats, min_coverage: float) -> Floats:
        """Scores without those that rest on too few children."""
        if self.complete:
            return scores
        return np.where(_enough(self.coverage(), min_coverage), scores, np.nan)


def arithmetic(values: Floats, weights: ArrayLike | None = None, *, min_coverage: float = MIN_COVERAGE) -> Floats:
    """Weighted arithmetic mean, sum w x / sum w: a low value is made up for by a high one.

    Parameters
    ----------
    values, weights, min_coverage : see the module.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values; NaN: see `reasons`.

    Raises
    ------
    ValueError : shapes that do not fit, an infinity, weights as in `given`, or `min_coverage` outside [0, 1].

    References
    ----------
    OECD/JRC (2008), section 6.10, eq. 31.

    Examples
    --------
    The second unit lacks the last child: (0.5 * 0.2 + 0.25 * 0.8) / 0.75.

    >>> arithmetic(np.array([[0.2, 0.8, 1.0], [0.2, 0.8, np.nan]]), [2.0, 1.0, 1.0]).round(6).tolist()
    [0.55, 0.4]
    """
    table = _checked(values, weights, min_coverage)
    return table.withheld(table.mean(table.filled), min_coverage)


def geometric(
    values: Floats,
    weights: ArrayLike | None = None,
    *,
    shift: float | None = None,
    min_coverage: float = MIN_COVERAGE,
) -> Floats:
    """Weighted geometric mean, prod x^w: a low value is only partly made up for.

    It needs values above 0. Where there are others, all are shifted by one constant c before, and the mean is shifted
    back: prod (x + c)^w - c. So a unit with one value throughout scores that value.

    Parameters
    ----------
    values, weights, min_coverage : see the module.
    shift : c >= 0; None = `positive_shift(values)`, which is 0 for values above 0. Give it to keep one scale over years.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `arithmetic`, or values that the shift given does not make positive.

    References
    ----------
    OECD/JRC (2008), section 6.11: 21, 1, 1, 1 against 6, 6, 6, 6.

    Examples
    --------
    >>> geometric(np.array([[21.0, 1.0, 1.0, 1.0], [6.0, 6.0, 6.0, 6.0]])).round(2).tolist()
    [2.14, 6.0]
    """
    return power(values, weights, 0.0, shift=shift, min_coverage=min_coverage)


def harmonic(
    values: Floats,
    weights: ArrayLike | None = None,
    *,
    shift: float | None = None,
    min_coverage: float = MIN_COVERAGE,
) -> Floats:
    """Weighted harmonic mean, 1 / sum (w / x): harder on low values than the geometric mean.

    Parameters
    ----------
    values, weights, min_coverage : see the module.
    shift : as `geometric`.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `geometric`.

    Examples
    --------
    2 / (1/2 + 1/6):

    >>> harmonic(np.array([[2.0, 6.0]])).round(6).tolist()
    [3.0]
    """
    return power(values, weights, -1.0, shift=shift, min_coverage=min_coverage)


def power(
    values: Floats,
    weights: ArrayLike | None = None,
    p: float = 1.0,
    *,
    shift: float | None = None,
    min_coverage: float = MIN_COVERAGE,
) -> Floats:
    """Weighted generalised mean, (sum w x^p)^(1/p): the smaller p, the less a low value is made up for.

    p = 1 is the arithmetic, 0 (the limit) the geometric, -1 the harmonic mean, -inf the minimum and inf the maximum.

    Parameters
    ----------
    values, weights, min_coverage : see the module.
    p : number in [-20, 20], or an infinity.
    shift : as `geometric`. For p > 0 a value of 0 needs none. Not used, and refused, for p = 1 and the infinities.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values, not falling in p; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `geometric`, or a power outside the range.

    References
    ----------
    Hardy, Littlewood & Polya (1934), Inequalities, chapter 2.

    Examples
    --------
    sqrt((1 + 49) / 2), and the minimum:

    >>> power(np.array([[1.0, 7.0]]), p=2.0).tolist(), power(np.array([[1.0, 7.0]]), p=-np.inf).tolist()
    ([5.0], [1.0])
    """
    if not (abs(p) <= MAX_POWER or np.isinf(p)):
        raise ValueError(f"the power must be between -{MAX_POWER:g} and {MAX_POWER:g} or infinite, not {p:g}")
    table = _checked(values, weights, min_coverage)
    if p == 1 or np.isinf(p):
        if shift is not None:
            raise ValueError(f"a mean of power {p:g} takes no shift")
        scores = table.mean(table.filled) if p == 1 else _by_pattern(table, _largest if p > 0 else _smallest)
        return table.withheld(scores, min_coverage)
    c = _shift(values, shift, zero_will_do=p > 0)
    x = np.where(table.known, table.filled + c[..., None, None], 1.0)
    if p > 0:
        x = np.maximum(x, 0.0)
    scores = _power_mean(table, x, p) - c[..., None]
    return table.withheld(scores, min_coverage)


def median(values: Floats, weights: ArrayLike | None = None, *, min_coverage: float = MIN_COVERAGE) -> Floats:
    """Weighted median: half of the weight lies on either side.

    Where exactly half of it (within 1e-12) lies at or below a value, the mean of that value and the next. With equal weights
    the ordinary median. With replicates it needs memory for n_replicates * n_units * n_children numbers.

    Parameters
    ----------
    values, weights, min_coverage : see the module.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `arithmetic`.

    References
    ----------
    Edgeworth (1888), Philosophical Magazine 25, 184-191.

    Examples
    --------
    >>> median(np.array([[1.0, 2.0, 9.0], [1.0, 2.0, np.nan]])).tolist(), median(np.array([[1.0, 2.0, 9.0]]), [1, 1, 3]).tolist()
    ([2.0, 1.5], [9.0])
    """
    table = _checked(values, weights, min_coverage)
    x, w = _ordered_by_value(table, largest_first=False)
    cumulated = np.cumsum(w, axis=-1)
    half = cumulated[..., -1:] / 2.0
    lower = np.argmax(cumulated >= half - 1e-12, axis=-1)[..., None]
    upper = np.argmax(cumulated > half + 1e-12, axis=-1)[..., None]
    x = np.broadcast_to(x, w.shape)
    middle = (np.take_along_axis(x, lower, -1) + np.take_along_axis(x, upper, -1))[..., 0] / 2.0
    return table.withheld(middle, min_coverage)


def ordered(
    values: Floats,
    weights: ArrayLike | None = None,
    *,
    order_weights: ArrayLike,
    min_coverage: float = MIN_COVERAGE,
) -> Floats:
    """Ordered weighted average: the weight depends on the place of a child's value within the unit.

    The values of a unit are sorted, best first, and v_1 is the weight of the best, v_n of the worst: (1, 0, ..., 0) is the
    maximum, (0, ..., 0, 1) the minimum, equal weights the arithmetic mean. If the children have weights w of their own, the
    k-th value gets Q(w_1 + ... + w_k) - Q(w_1 + ... + w_{k-1}), where Q runs through the points (k/n, v_1 + ... + v_k) in
    straight lines (Torra's weighted OWA); with equal weights that is v_k. Missing children are handled likewise: the
    weights of the others add up to 1 and the same Q applies.

    Parameters
    ----------
    values, weights, min_coverage : see the module. With replicates as `median`.
    order_weights : (n_children,) v, as `given`, from the best place to the worst.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `arithmetic`, or as many order weights as there are not children.

    References
    ----------
    Yager (1988), IEEE Transactions on Systems, Man, and Cybernetics 18(1), 183-190; Torra (1997), International Journal
    of Intelligent Systems 12(2), 153-166.

    Examples
    --------
    0.2 * 0.9 + 0.3 * 0.6 + 0.5 * 0.1:

    >>> ordered(np.array([[0.6, 0.1, 0.9]]), order_weights=[0.2, 0.3, 0.5]).round(6).tolist()
    [0.41]
    """
    table = _checked(values, weights, min_coverage)
    v = given(order_weights)
    n = table.weights.shape[-1]
    if v.shape != (n,):
        raise ValueError(f"order_weights {v.shape} must be one for each of {n} places")
    x, w = _ordered_by_value(table, largest_first=True)
    total = w.sum(axis=-1, keepdims=True)
    share = np.divide(np.cumsum(w, axis=-1), total, out=np.zeros(w.shape), where=total > 0)
    quantifier = np.interp(share, np.linspace(0.0, 1.0, n + 1), np.append(0.0, np.cumsum(v)))
    scores = (np.diff(quantifier, axis=-1, prepend=0.0) * x).sum(axis=-1) / max(v.sum(), 1e-300)
    return table.withheld(scores, min_coverage)


def mazziotta_pareto(
    values: Floats,
    weights: ArrayLike | None = None,
    *,
    direction: Direction = 1,
    min_coverage: float = MIN_COVERAGE,
) -> Floats:
    """Mazziotta-Pareto index: the mean less a penalty for imbalance, MPI = M - S cv with cv = S/M.

    M and S are mean and (population) standard deviation of the unit's own values. On values of `mpi_scale` it is the
    MPI, on values of `ampi_scale` the adjusted index AMPI, which is comparable over time.

    Parameters
    ----------
    values, weights, min_coverage : see the module. Values >= 0; the authors know no weights, so their index is that of
        equal ones.
    direction : 1, the index measures something good and the penalty is subtracted; -1, something bad (a poverty
        index) and it is added.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array on the scale of the values; 0 where all values are 0; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `arithmetic`, an unknown direction, or a negative value: on a scale around 0 the penalty changes sign.

    References
    ----------
    De Muro, Mazziotta & Pareto (2011), Social Indicators Research 104(1), 1-18; Mazziotta & Pareto (2016), Social
    Indicators Research 127(3), 983-1003. The R package Compind divides the variance by n - 1 instead.

    Examples
    --------
    M = 100, S = 10, cv = 0.1:

    >>> mazziotta_pareto(np.array([[90.0, 110.0], [100.0, 100.0]])).round(6).tolist()
    [99.0, 100.0]
    """
    if direction not in (1, -1):
        raise ValueError(f"direction must be 1 (penalty subtracted) or -1 (added), not {direction!r}")
    table = _checked(values, weights, min_coverage)
    if (table.filled < 0).any():
        raise ValueError("the Mazziotta-Pareto index needs values >= 0: see mpi_scale and ampi_scale")
    mean, sd = table.mean(table.filled), table.deviation()
    penalty = np.divide(sd**2, mean, out=np.where(np.isnan(mean), np.nan, 0.0), where=mean > 0)
    return table.withheld(mean - direction * penalty, min_coverage)


def mpi_scale(x: ArrayLike, *, direction: Direction = 1) -> Floats:
    """One indicator with mean 100 and (population) standard deviation 10 over the units, for `mazziotta_pareto`.

    Parameters
    ----------
    x : (n_units,) array; NaN = missing.
    direction : -1 where less is better: 100 - 10 z.

    Returns
    -------
    (n_units,) array; NaN where `x` is.

    Raises
    ------
    ValueError : as `normalisation.z_score`.

    Examples
    --------
    >>> mpi_scale([1.0, 3.0]).tolist()
    [90.0, 110.0]
    """
    return 100.0 + 10.0 * z_score(x, ddof=0, direction=direction)


def ampi_scale(
    x: ArrayLike, low: float, high: float, *, reference: float | None = None, direction: Direction = 1
) -> Floats:
    """One indicator on the scale of the AMPI, 70 to 130 between goalposts, for `mazziotta_pareto`.

    r = 60 (x - a)/(b - a) + 70. Without reference a = low and b = high; with it a, b = reference -+ (high - low)/2, so that
    the reference is 100.

    Parameters
    ----------
    x : (n_units,) array; NaN = missing. Values outside the goalposts lie outside 70 to 130.
    low, high : smallest and largest value over all units and years, in the unit of `x`.
    reference : value that is 100, such as the whole country's in the first year.
    direction : -1 where less is better: 200 - r.

    Returns
    -------
    (n_units,) array; NaN where `x` is.

    Raises
    ------
    ValueError : an infinity, an unknown direction, or goalposts not in order.

    References
    ----------
    Mazziotta & Pareto (2016), Social Indicators Research 127(3), 983-1003.

    Examples
    --------
    >>> ampi_scale([0.0, 5.0, 10.0], 0.0, 10.0).tolist(), ampi_scale([4.0, 9.0], 0.0, 10.0, reference=4.0).tolist()
    ([70.0, 100.0, 130.0], [100.0, 130.0])
    """
    middle = (low + high) / 2.0 if reference is None else reference
    if not (np.isfinite([low, high, middle]).all() and low < high):
        raise ValueError(f"goalposts and reference must be finite, low below high, not {low}, {high} and {reference}")
    return 100.0 + direct(60.0 * (np.asarray(x, dtype=np.float64) - middle) / (high - low), direction)


def bottleneck(values: Floats, weights: ArrayLike | None = None, *, min_coverage: float = MIN_COVERAGE) -> Floats:
    """Penalty for bottleneck: the mean of h_k = m + 1 - exp(-(y_k - m)), where m is the unit's smallest value.

    See `bottleneck_adjusted` for the h_k. A known child of weight 0 is not the bottleneck.

    Parameters
    ----------
    values, weights, min_coverage : see the module. Values in [0, 1].

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array in [0, 1], at most the arithmetic mean; NaN: see `reasons`.

    Raises
    ------
    ValueError : as `arithmetic`, or a value outside [0, 1]: the penalty depends on the scale.

    References
    ----------
    Acs, Autio & Szerb (2014), Research Policy 43(3), 476-494.

    Examples
    --------
    The mean of 0.2, 0.529680 and 0.703415:

    >>> bottleneck(np.array([[0.2, 0.6, 0.9]])).round(6).tolist()
    [0.477698]
    """
    table = _checked(values, weights, min_coverage)
    _check_unit_interval(table.filled)

    def mean_adjusted(part: _Table) -> Floats:
        adjusted = np.where(part.known, _adjusted(np.where(part.known, part.filled, np.inf)), 0.0)
        return part.mean(adjusted)

    return table.withheld(_by_pattern(table, mean_adjusted), min_coverage)


def bottleneck_adjusted(values: Floats) -> Floats:
    """Each value pulled towards the unit's smallest one, h_k = m + 1 - exp(-(y_k - m)); the smallest stays.

    Parameters
    ----------
    values : (..., n_children) array in [0, 1]; NaN = missing.

    Returns
    -------
    Array of the same shape, h_k <= y_k, in the same order within a unit; NaN where `values` is.

    Raises
    ------
    ValueError : a value outside [0, 1].

    Examples
    --------
    >>> bottleneck_adjusted(np.array([0.2, 0.6, 0.9])).round(6).tolist()
    [0.2, 0.52968, 0.703415]
    """
    known = ~np.isnan(values)
    _check_unit_interval(np.where(known, values, 0.0))
    return np.where(known, _adjusted(np.where(known, values, np.inf)), np.nan)


def coverage(values: Floats, weights: ArrayLike | None = None) -> Floats:
    """Share of the children (of weight above 0) that a unit has, each counted once.

    Parameters
    ----------
    values, weights : see the module.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array in [0, 1].

    Examples
    --------
    >>> coverage(np.array([[1.0, np.nan], [1.0, 2.0]])).tolist()
    [0.5, 1.0]
    """
    return _checked(values, weights, MIN_COVERAGE).coverage()


def reasons(values: Floats, weights: ArrayLike | None = None, *, min_coverage: float = MIN_COVERAGE) -> Texts:
    """Why a unit has no score: `no_data` (not one child), `low_coverage` (too few), or nothing, and it has one.

    Parameters
    ----------
    values, weights, min_coverage : see the module.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array of text.

    Examples
    --------
    >>> reasons(np.array([[1.0, np.nan], [1.0, 2.0], [np.nan, np.nan]])).tolist()
    ['low_coverage', '', 'no_data']
    """
    share = _checked(values, weights, min_coverage).coverage()
    return np.where(share == 0, "no_data", np.where(_enough(share, min_coverage), "", "low_coverage"))


def positive_shift(values: Floats) -> Floats:
    """Constant to add so that all values are above 0: none if they are, else 1 % of their range less the smallest.

    One constant for all units and children, because they are on one scale: shifting them apart would change their weights.
    If all values are equal the smallest becomes 1.

    Parameters
    ----------
    values : (n_units, n_children) or (n_replicates, n_units, n_children) array; NaN = missing.

    Returns
    -------
    0-dimensional array, or one value for each replicate, >= 0.

    Examples
    --------
    >>> float(positive_shift(np.array([[0.0, 0.5], [1.0, np.nan]]))), float(positive_shift(np.array([[0.1, 0.5]])))
    (0.01, 0.0)
    """
    return _shift(values, None)


def outranking(values: Floats, weights: ArrayLike | None = None, *, min_coverage: float = MIN_COVERAGE) -> Floats:
    """Outranking matrix: e_jk is the weight of the children in which unit j is ahead of unit k, ties counting half.

    Only children that both units have are compared, and e_jk + e_kj = 1 over them: missing data is neither a win nor a
    loss. Two units without a common child tie (1/2 each).

    Parameters
    ----------
    values : (n_units, n_children) array, directed, each child on any scale; NaN = missing.
    weights : (n_children,) or (n_replicates, n_children).
    min_coverage : a unit that has a smaller share of the children is left out.

    Returns
    -------
    (n_units, n_units) or (n_replicates, n_units, n_units) array in [0, 1] with 1/2 on the diagonal; NaN in the rows and
    columns of units left out.

    Raises
    ------
    ValueError : as `arithmetic`, or replicates of values.

    References
    ----------
    OECD/JRC (2008), section 6.13, eq. 32.

    Examples
    --------
    >>> outranking(np.array([[3.0, 1.0], [2.0, 1.0]]), [3.0, 1.0]).tolist()
    [[0.5, 0.875], [0.125, 0.5]]
    """
    table = _checked(values, weights, min_coverage)
    x, known, w = table.filled, table.known, table.weights
    if x.ndim != 2:
        raise ValueError("units are compared in one table of values, not in replicates")
    ahead = np.zeros((*w.shape[:-1], len(x), len(x)))
    shared = np.zeros_like(ahead)
    for column, has, weight in zip(x.T, known.T, np.moveaxis(w, -1, 0), strict=True):  # a child at a time bounds memory
        gap = column[:, None] - column
        size = np.maximum(np.abs(column)[:, None], np.abs(column))
        sign = np.where(np.abs(gap) <= _TIE * size + _LAST_DIGITS * np.abs(column).max(initial=0.0), 0.0, np.sign(gap))
        both = np.outer(has, has)
        ahead += weight[..., None, None] * np.where(both, (1.0 + sign) / 2.0, 0.0)
        shared += weight[..., None, None] * both
    e = np.divide(ahead, shared, out=np.full(ahead.shape, 0.5), where=shared > 0)
    out = ~_enough(table.coverage(), min_coverage)
    e[out[..., :, None] | out[..., None, :]] = np.nan
    return np.asarray(e)


def copeland(values: Floats, weights: ArrayLike | None = None, *, min_coverage: float = MIN_COVERAGE) -> Floats:
    """Copeland score: the units one is ahead of by majority of weight, less those that are ahead of it.

    Parameters
    ----------
    values, weights, min_coverage : as `outranking`. A tie (1/2 within 1e-9) and a pair without a common child count 0:
        missing data is no win.

    Returns
    -------
    (n_units,) or (n_replicates, n_units) array of whole numbers from -(n - 1) to n - 1, more is better; NaN: see
    `reasons`.

    Raises
    ------
    ValueError : as `outranking`.

    References
    ----------
    Copeland (1951), A "reasonable" social welfare function, University of Michigan; OECD/JRC (2008), Table 27.

    Examples
    --------
    >>> copeland(np.array([[3.0, 3.0, 1.0], [2.0, 2.0, 2.0], [1.0, 1.0, np.nan]])).tolist()
    [2.0, 0.0, -2.0]
    """
    e = outranking(values, weights, min_coverage=min_coverage)
    lead = 2.0 * e - 1.0
    score = np.where(np.abs(lead) <= 2.0 * _TIE, 0.0, np.sign(np.nan_to_num(lead))).sum(axis=-1)
    return np.where(np.isnan(np.diagonal(e, axis1=-2, axis2=-1)), np.nan, score)


def kemeny(
    values: Floats,
    weights: ArrayLike | None = None,
    *,
    min_coverage: float = MIN_COVERAGE,
    exact_up_to: int = EXACT_UP_TO,
) -> Kemeny:
    """Condorcet-Kemeny-Young-Levenglick: the ranking with the largest sum of e_jk over pairs with j before k.

    1. Units are divided into the strongly connected components of "not behind by majority". Between two of them all
       majorities point one way, so every best ranking takes them one after the other (Truchon's extended Condorcet
       criterion), and the pieces are solved separately.
    2. A component of up to `exact_up_to` units is solved by dynamic programming over its subsets, which also counts the
       best rankings.
    3. A larger one starts from Copeland's order and from Borda's (sums of e_jk); in each, units are moved to better
       places one at a time until no move of one unit gains, and the better result is taken. The method then is
       `local_search`, for the whole: its support is a lower bound.

    Parameters
    ----------
    values, min_coverage : as `outranking`.
    weights : (n_children,).
    exact_up_to : largest component solved exactly, 1 to 16 (a second or so).

    Returns
    -------
    Kemeny. It depends on the units and children and not on their order in the table; but a `local_search` among rankings
    equally good may end in another one if children of equal weight that hold the same values (places) change places.

    Raises
    ------
    ValueError : as `outranking`, replicates, or `exact_up_to` outside 1 to 16.

    References
    ----------
    Kemeny (1959), Daedalus 88(4), 577-591; Young & Levenglick (1978), SIAM Journal on Applied Mathematics 35(2), 285-300;
    Truchon (1998), Figure skating and the theory of social choice, Universite Laval; Dwork et al. (2001), WWW10, 613-622
    (local Kemenization); OECD/JRC (2008), sections 6.12 and 6.13.

    Examples
    --------
    Condorcet's own profile, Handbook Table 28 (23 a b c, 17 b c a, 2 b a c, 10 c a b, 8 c b a): b c a with 104 of 180.

    >>> places = np.array([[3, 1, 2, 2, 1], [2, 3, 3, 1, 2], [1, 2, 1, 3, 3]], dtype=float)
    >>> result = kemeny(places, [23, 17, 2, 10, 8])
    >>> result.order.tolist(), round(60 * result.support, 6), result.n_rankings
    ([1, 2, 0], 104.0, 1.0)
    """
    if not 1 <= exact_up_to <= EXACT_UP_TO:
        raise ValueError(f"exact_up_to must be between 1 and {EXACT_UP_TO}, not {exact_up_to}")
    table = _checked(values, weights, min_coverage)
    if table.filled.ndim == 2 and table.weights.ndim != 1:
        raise ValueError("the ranking is found for one vector of weights, not for replicates")
    # Children, then units, in an order that only values and weights decide: ties in the search hang on no order of the table.
    values = np.asarray(values, dtype=np.float64)
    comparable = np.where(table.known, table.filled, -np.inf)
    children = np.lexsort((*np.sort(comparable, axis=0), table.weights))
    values, comparable = values[:, children], comparable[:, children]
    e = outranking(values, table.weights[children], min_coverage=min_coverage)
    content = np.lexsort(comparable.T[::-1])
    content = content[~np.isnan(np.diagonal(e)[content])]
    e = e[np.ix_(content, content)]
    found = [_rank_component(e, members, exact_up_to) for members in _components(e)]
    order = np.array([unit for part in found for unit in part.order], dtype=np.intp)
    places = np.full((3, len(values)), np.nan)
    done = 0
    for part in found:
        members = content[np.sort(part.order)]
        places[:, members] = np.array([part.position, part.best, part.worst]) + done
        done += len(members)
    exact = all(part.method == "exact" for part in found)
    return Kemeny(
        position=places[0],
        best=places[1],
        worst=places[2],
        order=content[order],
        support=_support(e, order),
        method="exact" if exact else "local_search",
        n_rankings=math.prod(part.n_rankings for part in found),
    )


def _checked(values: Floats, weights: ArrayLike | None, min_coverage: float) -> _Table:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim not in (2, 3) or x.shape[-1] == 0:
        raise ValueError(f"values must be a table of units and children, or replicates of it, not of shape {x.shape}")
    if np.isinf(x).any():
        raise ValueError("values must be finite (NaN = missing)")
    w = equal(x.shape[-1]) if weights is None else given(weights)
    if w.ndim > 2 or w.shape[-1] != x.shape[-1]:
        raise ValueError(f"weights {w.shape} must be one for each of {x.shape[-1]} children")
    if x.ndim == 3 and w.ndim == 2 and len(w) != len(x):
        raise ValueError(f"there are {len(x)} replicates of values and {len(w)} of weights")
    if not 0 <= min_coverage <= 1:
        raise ValueError(f"min_coverage must be between 0 and 1, not {min_coverage}")
    known = ~np.isnan(x)
    complete = bool(known.all())
    return _Table(x if complete else np.where(known, x, 0.0), known, w, complete)


def _enough(share: Floats, min_coverage: float) -> NDArray[np.bool_]:
    return np.asarray((share > 0) & (share >= min_coverage - 1e-9))  # 2/3 of 3 is 2, despite round-off


def _shift(values: Floats, shift: float | None, *, zero_will_do: bool = False) -> Floats:
    """Constant for each replicate of values, the one given or the one needed."""
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    low = np.where(known, x, np.inf).min(axis=(-2, -1), initial=np.inf)
    # A 0 that came out of a mean and is off by round-off is a 0, on whichever side it lies.
    slack = _LAST_DIGITS * np.where(known, np.abs(x), 0.0).max(axis=(-2, -1), initial=0.0)
    fits = (low >= -slack) if zero_will_do else (low > slack)
    if shift is None:
        span = np.where(known, x, -np.inf).max(axis=(-2, -1), initial=-np.inf) - np.where(fits, 0.0, low)
        margin = np.where(span > 0, SHIFT_MARGIN * span, 1.0)
        return np.where(fits, 0.0, margin - np.where(fits, 0.0, low))
    after = low + shift
    if not (np.isfinite(shift) and shift >= 0) or not (after >= -slack if zero_will_do else after > 0).all():
        raise ValueError(f"a shift of {shift} leaves {float(np.min(low)):g} where values above 0 are needed")
    return np.full(low.shape, float(shift))


def _power_mean(table: _Table, x: Floats, p: float) -> Floats:
    """Power mean of x >= 0, which is 1 where missing."""
    if p == 0:
        return np.exp(table.mean(np.where(table.known, np.log(x), 0.0)))
    # Relative to the value that matters most, so that powers stay inside double precision.
    pick = np.where(table.known, x, -np.inf if p > 0 else np.inf)
    size = pick.max(axis=-1) if p > 0 else pick.min(axis=-1)
    size = np.where(np.isfinite(size) & (size > 0), size, 1.0)
    mean = table.mean(np.where(table.known, (x / size[..., None]) ** p, 0.0))
    return np.asarray(size * mean ** (1.0 / p))


def _by_pattern(table: _Table, formula: Callable[[_Table], Floats]) -> Floats:
    """A formula that looks at single children, applied to those of weight above 0 only."""
    shape = np.broadcast_shapes(table.filled.shape[:-2], table.weights.shape[:-1])
    scores = np.empty((*shape, table.filled.shape[-2]))
    for rows, part in _patterns(table):
        scores[rows] = formula(part)
    return scores


def _patterns(table: _Table) -> Iterator[tuple[Ints | slice, _Table]]:
    """Replicates by the set of children that carry weight, and the table of these children."""
    carries = table.weights > 0
    if carries.ndim == 1 or carries.all():
        keep = carries if carries.ndim == 1 else np.ones(carries.shape[-1], dtype=bool)
        yield slice(None), _of_children(table, slice(None), keep)
        return
    patterns, which = np.unique(carries, axis=0, return_inverse=True)
    for number, keep in enumerate(patterns):
        yield np.flatnonzero(which == number), _of_children(table, np.flatnonzero(which == number), keep)


def _of_children(table: _Table, rows: Ints | slice, keep: NDArray[np.bool_]) -> _Table:
    replicated = table.filled.ndim == 3
    filled = table.filled[rows] if replicated else table.filled
    known = table.known[rows] if replicated else table.known
    weights = table.weights[rows] if table.weights.ndim == 2 else table.weights
    return _Table(filled[..., keep], known[..., keep], weights[..., keep], table.complete)


def _largest(table: _Table) -> Floats:
    top = np.where(table.known, table.filled, -np.inf).max(axis=-1)
    return np.where(np.isinf(top), np.nan, top)


def _smallest(table: _Table) -> Floats:
    bottom = np.where(table.known, table.filled, np.inf).min(axis=-1)
    return np.where(np.isinf(bottom), np.nan, bottom)


def _ordered_by_value(table: _Table, *, largest_first: bool) -> tuple[Floats, Floats]:
    """Values of each unit sorted, missing ones last as 0, and the weights in the same order, 0 where missing."""
    key = np.where(table.known, -table.filled if largest_first else table.filled, np.inf)
    order = np.argsort(key, axis=-1, kind="stable")
    x = np.take_along_axis(table.filled, order, axis=-1)
    known = np.take_along_axis(table.known, order, axis=-1)
    w = table.weights[..., order] if order.ndim == 2 else _each(table.weights, order)
    return x, np.where(known, w, 0.0)


def _each(weights: Floats, order: Ints) -> Floats:
    """Weights of each replicate in the order of each of its units."""
    spread = np.broadcast_to(weights if weights.ndim == 1 else weights[:, None, :], order.shape)
    return np.take_along_axis(spread, order, axis=-1)


def _check_unit_interval(filled: Floats) -> None:
    if (filled < -_TIE).any() or (filled > 1.0 + _TIE).any():
        raise ValueError("the penalty for bottleneck needs values between 0 and 1")


def _adjusted(y: Floats) -> Floats:
    """Values pulled towards the smallest of their unit; infinite where missing."""
    smallest = y.min(axis=-1, keepdims=True)
    smallest = np.where(np.isinf(smallest), 0.0, smallest)
    return np.asarray(smallest - np.expm1(smallest - y))


def _support(e: Floats, order: Ints) -> float:
    return float(np.triu(e[np.ix_(order, order)], 1).sum())


def _components(e: Floats) -> list[Ints]:
    """Units in pieces between which all majorities point one way, the piece ahead of all others first."""
    if not len(e):
        return []
    from scipy.sparse.csgraph import connected_components

    lead = e - e.T
    n, label = connected_components(lead >= -_TIE, directed=True, connection="strong")
    beaten = ((lead > _TIE) & (label[:, None] != label)).sum(axis=1)
    ahead_of = [int(beaten[label == piece][0]) for piece in range(n)]
    return [np.flatnonzero(label == piece) for piece in np.argsort(ahead_of)[::-1]]


def _rank_component(e: Floats, members: Ints, exact_up_to: int) -> Kemeny:
    """Best ranking of a piece; `order` in positions of the whole, the places in ascending order of the members."""
    part = e[np.ix_(members, members)]
    found = _exact(part) if len(members) <= exact_up_to else _local_search(part)
    return Kemeny(
        found.position, found.best, found.worst, members[found.order], found.support, found.method, found.n_rankings
    )


def _exact(e: Floats) -> Kemeny:
    """Best rankings by dynamic programming over the sets of units that come first.

    `before[S]` is the most support within a set S that is ranked first, `after[S]` the most that the rest can add, and
    `gain[S, j]` what j adds when it comes right after S. A step from S to S and j lies on a best ranking if the three add
    up to the optimum; counting the ways to S and from S and j gives the places of j over all best rankings.
    """
    n = len(e)
    sets = np.arange(2**n)
    member = (sets[:, None] >> np.arange(n)) & 1
    gain = member @ e
    joined = sets[:, None] | (1 << np.arange(n))
    size = member.sum(axis=1)
    layers = [np.flatnonzero(size == k) for k in range(n + 1)]
    before, ways_before = _best_paths(
        layers[1:], member == 1, sets[:, None] ^ (1 << np.arange(n)), gain, backward=False
    )
    after, ways_after = _best_paths(layers[-2::-1], member == 0, joined, gain, backward=True)
    support = float(before[-1])
    on_best = (member == 0) & (before[:, None] + gain + after[joined] >= support - _TIE)
    ways = np.where(on_best, ways_before[:, None] * ways_after[joined], 0.0)
    at_place = np.array([ways[layer].sum(axis=0) for layer in layers[:-1]])  # (place, unit)
    places = np.arange(1, n + 1)
    order, chosen = [], 0
    for _ in range(n):
        order.append(int(on_best[chosen].argmax()))
        chosen |= 1 << order[-1]
    return Kemeny(
        position=places @ at_place / ways_before[-1],
        best=np.argmax(at_place > 0, axis=0) + 1.0,
        worst=n - np.argmax(at_place[::-1] > 0, axis=0) * 1.0,
        order=np.array(order, dtype=np.intp),
        support=support,
        method="exact",
        n_rankings=float(ways_before[-1]),
    )


def _best_paths(
    layers: list[Ints], allowed: NDArray[np.bool_], neighbour: Ints, gain: Floats, *, backward: bool
) -> tuple[Floats, Floats]:
    """Most support of a path to (or, backward, from) every set, and the number of paths that have it."""
    n_sets = len(gain)
    best, ways = np.zeros(n_sets), np.zeros(n_sets)
    ways[-1 if backward else 0] = 1.0
    for layer in layers:
        there = neighbour[layer]
        step = gain[layer] if backward else gain[there, np.arange(gain.shape[1])]
        total = np.where(allowed[layer], best[there] + step, -np.inf)
        best[layer] = total.max(axis=1)
        ways[layer] = np.where(total >= best[layer][:, None] - _TIE, ways[there], 0.0).sum(axis=1)
    return best, ways


def _local_search(e: Floats) -> Kemeny:
    """A good ranking from two starts by moving one unit at a time."""
    lead = e - e.T
    wins = np.where(np.abs(lead) <= _TIE, 0.0, np.sign(lead)).sum(axis=1)
    starts = [np.lexsort((-e.sum(axis=1), -wins)), np.argsort(-e.sum(axis=1), kind="stable")]
    results = [_improved(lead, start) for start in starts]
    order = max(results, key=lambda one: _support(e, one))
    place = np.empty(len(e))
    place[order] = np.arange(1, len(e) + 1)
    # Units with the same comparisons stand next to each other in the order of content, and share their mean place.
    group = np.cumsum(np.append(True, np.abs(np.diff(e, axis=0)).max(axis=1) > _TIE)) - 1
    position = (np.bincount(group, place) / np.bincount(group))[group]
    best, worst = np.full(group[-1] + 1, np.inf), np.zeros(group[-1] + 1)
    np.minimum.at(best, group, place)
    np.maximum.at(worst, group, place)
    return Kemeny(position, best[group], worst[group], order, _support(e, order), "local_search", float("nan"))


def _improved(lead: Floats, start: Ints) -> Ints:
    """Ranking in which no unit can be moved to another place with a gain; it has at least the support of the start."""
    order, moved = start.tolist(), True
    while moved:
        moved = False
        for unit in start.tolist():
            at = order.index(unit)
            others = order[:at] + order[at + 1 :]
            # What is gained by standing before the first, second, ... of the others rather than after all of them.
            gain = np.append(np.cumsum(lead[unit, others][::-1])[::-1], 0.0)
            to = int(gain.argmax())
            if gain[to] > gain[at] + _TIE:
                order = [*others[:to], unit, *others[to:]]
                moved = True
    return np.array(order, dtype=np.intp)


#: The means by the name a user gives; each is called as f(values, weights, min_coverage=...). `ordered` needs order_weights too.
MEANS: Final[dict[str, Callable[..., Floats]]] = {
    "arithmetic": arithmetic,
    "geometric": geometric,
    "harmonic": harmonic,
    "power": power,
    "median": median,
    "ordered": ordered,
    "mazziotta_pareto": mazziotta_pareto,
    "bottleneck": bottleneck,
}
