"""Dynamics between two periods: what came and went, whether specialisation deepened, and who changed places.

All functions compare the same regions and sectors at two periods, `..._0` before `..._1`; aligning them is the
caller's task. Nothing here says why something changed: counts near the threshold of presence flicker, and small
regions move most.

Presence is boolean. A cell whose presence is not known in both periods is neither an entry nor an exit: set it to
False in both (`present_0 & known`, `present_1 & known`). Values are compared where both are known (NaN = missing);
with fewer than `min_common` of the pairs, or fewer than `MIN_PAIRS`, there is no answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capmap.methods.normalisation import NEAR_CONSTANT

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

#: Share of the pairs that must be known in both periods.
MIN_COMMON = 2 / 3
#: Fewest pairs that a slope or a correlation is stated for: two always lie on a line.
MIN_PAIRS = 3
#: A range below this has no spread to speak of: its square would underflow.
TINY = 1e-75
#: How far a row of a transition matrix may be from adding up to 1: published ones are rounded.
ROUNDING = 1e-6


def entries(present_0: Bools, present_1: Bools) -> Bools:
    """What was absent in the first period and is present in the second.

    Parameters
    ----------
    present_0, present_1 : boolean arrays of one shape, typically (n_regions, n_sectors).

    Returns
    -------
    Boolean array of that shape.

    Raises
    ------
    ValueError : the arrays are not boolean or differ in shape.

    Examples
    --------
    >>> entries(np.array([True, True, False, False]), np.array([True, False, True, False])).tolist()
    [False, False, True, False]
    """
    _check_presence(present_0, present_1)
    return ~present_0 & present_1


def exits(present_0: Bools, present_1: Bools) -> Bools:
    """What was present in the first period and is absent in the second: the entries of time run backwards.

    Parameters, result and errors as `entries`.

    Examples
    --------
    >>> exits(np.array([True, True, False, False]), np.array([True, False, True, False])).tolist()
    [False, True, False, False]
    """
    return entries(present_1, present_0)


def persistence_rate(present_0: Bools, present_1: Bools, *, axis: int | None = -1) -> Floats:
    """Share of what was present in the first period that is present in the second, in [0, 1].

    Parameters
    ----------
    present_0, present_1 : boolean arrays of one shape, typically (n_regions, n_sectors).
    axis : axis to count along: -1 gives a rate per region, 0 per sector, None one for the whole table.

    Returns
    -------
    Array without that axis; 1 - rate is the exit rate. NaN where nothing was present: there was nothing to keep.

    Raises
    ------
    ValueError : the arrays are not boolean or differ in shape.

    Examples
    --------
    Two of the three that were there stayed:

    >>> before, after = np.array([True, True, True, False]), np.array([True, True, False, True])
    >>> round(float(persistence_rate(before, after)), 6)
    0.666667
    """
    _check_presence(present_0, present_1)
    had = np.asarray(present_0.sum(axis=axis))
    kept = np.asarray((present_0 & present_1).sum(axis=axis))
    rate: Floats = np.divide(kept, had, out=np.full(had.shape, np.nan), where=had > 0)
    return rate


def beta(rsca_0: Floats, rsca_1: Floats, *, axis: int = -1, min_common: float = MIN_COMMON) -> Floats:
    """Galtonian regression of specialisation, rsca_1 = alpha + beta rsca_0 + e: the slope beta, by least squares.

    Parameters
    ----------
    rsca_0, rsca_1 : arrays of one shape, one value per sector along `axis`, on a symmetric scale such as RSCA (on
        plain RCA a few large values would decide); NaN = missing.
    axis : axis along which the sectors lie.
    min_common : smallest share of the sectors that must be known in both periods, in [0, 1].

    Returns
    -------
    Array without that axis. 1 = the pattern stayed; above 1 = deeper specialisation where there was some; between 0 and
    1 = the low gained and the high lost on average; at or below 0 = random or reversed. Part of any beta below 1 is
    regression to the mean: noise in rsca_0 lowers it. Read it with `beta_over_r`. NaN with too few sectors known in
    both, fewer than three, or where rsca_0 does not differ between them.

    Raises
    ------
    ValueError : the arrays differ in shape, hold an infinite value, or `min_common` is outside [0, 1].

    References
    ----------
    Dalum, Laursen & Villumsen (1998), International Review of Applied Economics 12(3), 423-443; Cantwell (1989).

    Examples
    --------
    (-1 * -0.5 + 0 * 0.25 + 1 * 0.25) / (1 + 0 + 1):

    >>> float(beta(np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.25, 0.25])))
    0.375
    """
    sxx, sxy, _ = _moments(rsca_0, rsca_1, axis, min_common)
    return sxy / sxx


def beta_over_r(rsca_0: Floats, rsca_1: Floats, *, axis: int = -1, min_common: float = MIN_COMMON) -> Floats:
    """Change in the dispersion of specialisation, beta / R = sd(rsca_1) / sd(rsca_0), R the correlation of both.

    Parameters
    ----------
    rsca_0, rsca_1, axis, min_common : as `beta`.

    Returns
    -------
    Array without that axis, >= 0: above 1 = the pattern became more pronounced, below 1 = flatter. With beta < 1 and
    beta / R > 1 some sectors changed places while the whole grew more uneven. Computed as the ratio of the standard
    deviations, which stands where R is 0; 0 where rsca_1 does not differ between sectors. NaN as in `beta`.

    Raises
    ------
    ValueError : as `beta`.

    References
    ----------
    Dalum, Laursen & Villumsen (1998), International Review of Applied Economics 12(3), 423-443; Hart (1976).

    Examples
    --------
    sqrt((0.25 + 0.0625 + 0.0625) / 2):

    >>> round(float(beta_over_r(np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.25, 0.25]))), 6)
    0.433013
    """
    sxx, _, syy = _moments(rsca_0, rsca_1, axis, min_common)
    return np.sqrt(syy / sxx)


def transition_counts(values_0: Floats, values_1: Floats, classes: int = 5) -> Ints:
    """How many units went from each class of the first period to each class of the second (quintiles by default).

    Each period is cut by its own ranks, over the units known in both: a unit with m of the n values below its own is in
    class floor(classes * m / n). Ties: equal values are always in one class, the lowest that one of them reaches, so a
    class can be larger than n / classes and the next ones empty (half the cells at RSCA = -1 fill class 0 and leave
    none to class 1, of five). Without ties the classes differ by one unit at most.

    Parameters
    ----------
    values_0, values_1 : arrays of one shape, flattened: all cells of a table, or the sectors of one region. NaN =
        missing.
    classes : number of classes, at least 2.

    Returns
    -------
    (classes, classes) counts, rows = class before, columns = class after, lowest first.

    Raises
    ------
    ValueError : the arrays differ in shape or hold an infinite value, or `classes` is below 2.

    Examples
    --------
    The lowest two stay in the lower half; the other two swap within the upper:

    >>> transition_counts(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]), classes=2).tolist()
    [[2, 0], [0, 2]]
    """
    if classes < 2:
        raise ValueError(f"classes must be at least 2, not {classes}")
    _check_values(values_0, values_1)
    known = ~(np.isnan(values_0) | np.isnan(values_1))
    before, after = (_classes(values[known], classes) for values in (values_0, values_1))
    return np.bincount(before * classes + after, minlength=classes**2).reshape(classes, classes)


def transition_matrix(values_0: Floats, values_1: Floats, classes: int = 5) -> Floats:
    """Markov transition probabilities between the classes of two periods, p_ij = n_ij / n_i.

    Parameters
    ----------
    values_0, values_1, classes : as `transition_counts`, which states how ties are cut.

    Returns
    -------
    (classes, classes) array; a row adds up to 1, or is NaN where no unit started in that class.

    Raises
    ------
    ValueError : as `transition_counts`.

    References
    ----------
    Quah (1993), European Economic Review 37(2-3), 426-434.

    Examples
    --------
    Of the two lowest one stays and one changes places with one of the two highest:

    >>> transition_matrix(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0]), classes=2).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    counts = transition_counts(values_0, values_1, classes)
    started = counts.sum(axis=1, keepdims=True)
    matrix: Floats = np.divide(counts, started, out=np.full(counts.shape, np.nan), where=started > 0)
    return matrix


def shorrocks_index(transition: Floats) -> float:
    """Mobility by the trace, (k - sum_i p_ii) / (k - 1), in [0, k / (k - 1)].

    Parameters
    ----------
    transition : (k, k) transition probabilities, k >= 2; a row adds up to 1 or is NaN.

    Returns
    -------
    0 = nobody leaves a class, 1 = the class after does not depend on the class before, k / (k - 1) = everybody leaves.
    NaN where nobody started in one of the classes: fewer classes would do.

    Raises
    ------
    ValueError : `transition` is not square with k >= 2, has a negative entry, or a row does not add up to 1.

    References
    ----------
    Shorrocks (1978), Econometrica 46(5), 1013-1024; Prais (1955). Worked example: the Python package giddy (PySAL).

    Examples
    --------
    (2 - 0.9 - 0.7) / 1:

    >>> round(shorrocks_index(np.array([[0.9, 0.1], [0.3, 0.7]])), 10)
    0.4
    """
    _check_transition(transition)
    k = len(transition)
    return float((k - np.trace(transition)) / (k - 1))


def bartholomew_index(transition: Floats, start: Floats | None = None) -> float:
    """Mobility by the distance moved, sum_i pi_i sum_j p_ij |i - j| / (k - 1), in [0, 1].

    Parameters
    ----------
    transition : (k, k) transition probabilities, k >= 2; a row adds up to 1 or is NaN.
    start : (k,) how many started in each class, as numbers or shares pi; None = as many in each. The row sums of
        `transition_counts` weight each unit the same.

    Returns
    -------
    The mean number of classes moved, over the k - 1 that there are; 0 = nobody moves. NaN where a class in which
    somebody started has no row, or nobody started at all.

    Raises
    ------
    ValueError : as `shorrocks_index`; `start` is not (k,) or holds a negative or non-finite value.

    References
    ----------
    Bartholomew (1973), Stochastic Models for Social Processes; divided by k - 1 as in Formby, Smith & Zheng (2004),
    Journal of Econometrics 120(1), 181-205. Worked example: the Python package giddy (PySAL).

    Examples
    --------
    (3 * 0.1 + 1 * 0.3) / 4:

    >>> round(bartholomew_index(np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([3.0, 1.0])), 10)
    0.15
    """
    _check_transition(transition)
    k = len(transition)
    pi = np.ones(k) if start is None else start
    if pi.shape != (k,) or not (np.isfinite(pi) & (pi >= 0)).all():
        raise ValueError(f"start must be {k} finite numbers >= 0")
    if not pi.any():
        return float("nan")
    place = np.arange(k)
    moved = (transition * np.abs(place[:, np.newaxis] - place)).sum(axis=1) / (k - 1)
    return float(moved[pi > 0] @ (pi[pi > 0] / pi.sum()))


def rank_turnover(values_0: Floats, values_1: Floats, *, axis: int = -1, min_common: float = MIN_COMMON) -> Floats:
    """Turnover of the order between two periods, 1 - Spearman's rank correlation, in [0, 2].

    Parameters
    ----------
    values_0, values_1 : arrays of one shape; NaN = missing.
    axis : axis along which the ranked units lie.
    min_common : smallest share of the units that must be known in both periods, in [0, 1].

    Returns
    -------
    Array without that axis; 0 = the same order, 1 = unrelated, 2 = reversed. Tied values share their mean rank. NaN
    with too few units known in both, fewer than three, or where all are tied in either period.

    Raises
    ------
    ValueError : as `beta`.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15(1), 72-101.

    Examples
    --------
    6 * (1 + 1) / (4 * (16 - 1)):

    >>> round(float(rank_turnover(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 3.0, 4.0]))), 10)
    0.2
    """
    from scipy.stats import rankdata

    _check_values(values_0, values_1)
    hidden = np.isnan(values_0) | np.isnan(values_1)
    if values_0.size == 0:
        return np.full(values_0.sum(axis=axis).shape, np.nan)
    before, after = (
        rankdata(np.where(hidden, np.nan, values), axis=axis, nan_policy="omit") for values in (values_0, values_1)
    )
    sxx, sxy, syy = _moments(before, after, axis, min_common)
    both = np.sqrt(sxx * syy)
    rho: Floats = np.divide(sxy, both, out=np.full(both.shape, np.nan), where=both > 0)
    return 1.0 - np.clip(rho, -1.0, 1.0)


def _moments(x: Floats, y: Floats, axis: int, min_common: float) -> tuple[Floats, Floats, Floats]:
    """Mean square of x, mean product and mean square of y about their means; NaN where x has no spread."""
    _check_values(x, y)
    if not 0 <= min_common <= 1:
        raise ValueError(f"min_common must be in [0, 1], not {min_common}")
    known = ~(np.isnan(x) | np.isnan(y))
    n = np.asarray(known.sum(axis=axis))
    enough = (n >= min_common * x.shape[axis] - 1e-9) & (n >= MIN_PAIRS)  # 2/3 of 3 is 2, despite round-off
    highest, lowest = (f(x, axis=axis, where=known, initial=s * np.inf) for f, s in ((np.max, -1), (np.min, 1)))
    size = np.max(np.abs(x), axis=axis, where=known, initial=0.0)
    varied = enough & (highest - lowest > np.maximum(NEAR_CONSTANT * size, TINY))
    divisor = np.expand_dims(np.maximum(n, 1), axis)
    dx, dy = (
        np.where(known, values - values.sum(axis=axis, keepdims=True, where=known) / divisor, 0.0) for values in (x, y)
    )
    sxx, sxy, syy = (product.sum(axis=axis) / np.maximum(n, 1) for product in (dx * dx, dx * dy, dy * dy))
    return np.where(varied, sxx, np.nan), np.where(varied, sxy, np.nan), np.where(varied, syy, np.nan)


def _classes(values: Floats, classes: int) -> Ints:
    """Class of each value by the number of values below it: whole numbers, so no boundary depends on round-off."""
    below = np.searchsorted(np.sort(values), values, side="left")
    return below * classes // max(values.size, 1)


def _check_presence(present_0: Bools, present_1: Bools) -> None:
    if present_0.dtype != np.bool_ or present_1.dtype != np.bool_:
        raise ValueError("presence must be boolean: compare with a threshold, and mask what is not known")
    if present_0.shape != present_1.shape:
        raise ValueError(f"periods {present_0.shape} and {present_1.shape} do not fit")


def _check_values(values_0: Floats, values_1: Floats) -> None:
    if values_0.shape != values_1.shape:
        raise ValueError(f"periods {values_0.shape} and {values_1.shape} do not fit")
    if np.isinf(values_0).any() or np.isinf(values_1).any():
        raise ValueError("values must be finite (NaN = missing)")


def _check_transition(transition: Floats) -> None:
    if transition.ndim != 2 or transition.shape[0] != transition.shape[1] or len(transition) < 2:
        raise ValueError(f"transition must be (k, k) with k >= 2, not {transition.shape}")
    empty = np.isnan(transition).all(axis=1)
    rows = transition[~empty]
    if not ((rows >= 0).all() and (np.abs(rows.sum(axis=1) - 1.0) <= ROUNDING).all()):
        raise ValueError("the rows of transition must be probabilities that add up to 1, or all NaN")
