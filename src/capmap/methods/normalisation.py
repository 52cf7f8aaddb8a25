"""Normalisation and outlier treatment: columns of unlike units made comparable.

Every function takes one column, a one-dimensional array with a value per unit (region), and returns a new array
of the same length and order. The rules are the same throughout:

- NaN means missing and stays NaN; it counts neither among the n units nor in a mean, bound or rank.
- Infinities, magnitudes above 1e75 and arrays that are not one-dimensional are refused (`ValueError`). A method that
  compares the units with each other also refuses a column without any value; one that uses fixed bounds does not.
- A constant or nearly constant column (`is_near_constant`) is refused with `ConstantError` by each method that divides
  by its spread (z-score, min-max, power, quantile, shape, treatment). Ranks, percentiles, ratios, classes around the
  mean and goalposts are defined for it and answer.
- `direction=-1` says that less is better. Each method then turns the scale in the way that suits it, and says how, so
  that more of the result is always better; the one exception is `rank`, whose 1 is the best (see `FALLING`).
- Equal values are equal as floating-point numbers: nothing is rounded before it is ranked.
- Ratios need a ratio scale: negative values are refused, so a negated column cannot become a ratio by mistake.
- What a method takes from a column (`parameters`, and the bounds or shift of `treat`) can be kept and given to it for
  other values: a scale that was fitted once, such as that of an earlier year. Those values may then lie outside of it.

The standard source is OECD/JRC (2008), Handbook on Constructing Composite Indicators, Part 2, step 5 and Table 15.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Direction = Literal[1, -1]
RankTies = Literal["min", "average", "max", "dense"]
PercentileTies = Literal["mid", "weak", "min"]
Best = Literal["high", "low"]
Power = Literal["box-cox", "yeo-johnson"]
Output = Literal["uniform", "normal"]
Tail = Literal["high", "low"]
TreatmentMethod = Literal["none", "winsorised", "log", "failed"]

#: Range relative to the largest magnitude at or below which a column counts as constant: round-off, not information.
NEAR_CONSTANT: Final = 1e-12
#: Limits of the shape rule: a column fails when |skewness| and excess kurtosis both reach them.
MAX_SKEWNESS: Final = 2.0
MAX_EXCESS_KURTOSIS: Final = 3.5
#: At most this many points are winsorised, and at most one in so many (rounded up).
MAX_WINSORISED: Final = 5
MAX_WINSORISED_ONE_IN: Final = 10

_HUGE = 1e75  # fourth powers, needed for the kurtosis, stay inside double precision
_TINY = 1e-75  # likewise; a size below it counts as zero


class ConstantError(ValueError):
    """The column has no spread, so the measure asked for does not exist."""


@dataclass(frozen=True, eq=False)
class Treatment:
    """What was done to the outliers of one column, and the shape before and after.

    `values` (n,) are the treated values, in the order given. `method` is `none` (nothing had to be done), `winsorised`,
    `log`, or `failed` (neither cure worked; `values` are then the original ones). `changed` (n,) marks the units whose
    value is not the original one. With `method="log"` the formula is log(x + `shift`) or, where `mirrored`,
    -log(`shift` - x); otherwise `shift` is None. `n_winsorised` counts the points pulled in, over both tails, to `low` and
    `high`, None for a tail that was left alone. `treated` does the same to other values.
    """

    values: Floats
    method: TreatmentMethod
    n_winsorised: int
    changed: NDArray[np.bool_]
    skewness_before: float
    kurtosis_before: float
    skewness_after: float
    kurtosis_after: float
    shift: float | None = None
    mirrored: bool = False
    low: float | None = None
    high: float | None = None


def is_near_constant(x: ArrayLike) -> bool:
    """Whether a column has no spread worth the name.

    True if it holds fewer than two distinct values (so also if it holds none), or if its range is at most 1e-12 of its
    largest magnitude (or below 1e-75 outright). Such a spread is what round-off leaves behind.

    Examples
    --------
    >>> is_near_constant([3.0, 3.0, float("nan")]), is_near_constant([1e9, 1e9 + 1e-6]), is_near_constant([0.0, 1e-9])
    (True, True, False)
    """
    seen = _seen(_column(x))
    if seen.size < 2:
        return True
    return bool(np.ptp(seen) <= max(NEAR_CONSTANT * np.abs(seen).max(), _TINY))


def direct(x: ArrayLike, direction: Direction) -> Floats:
    """Orient a column so that more is better: `x` itself for direction 1, its negative for -1.

    Negation suits methods that do not ask where zero lies (z-score, min-max, rank, percentile, quantile). It does not
    suit ratios: (-x)/mean(-x) = x/mean(x) would drop the direction in silence. Those methods take `direction`
    themselves, and refuse negative values.

    Examples
    --------
    >>> direct([0.0, 2.0], -1).tolist()
    [0.0, -2.0]
    """
    _check_direction(direction)
    values = _column(x)
    return 0.0 - values if direction == -1 else values + 0.0  # never -0.0


def z_score(
    x: ArrayLike, *, ddof: int = 1, scale: tuple[float, float] | None = None, direction: Direction = 1
) -> Floats:
    """Standardised values (x - mean)/sd: mean 0, standard deviation 1.

    Parameters
    ----------
    x : (n,) array, any unit; NaN = missing. The result does not depend on the unit's scale or zero.
    ddof : divisor n - `ddof` of the variance; 1, as in the Handbook's Table 15, treats the units as a sample, and 0 is
        the divisor n of `power`.
    scale : mean and standard deviation to use instead of the column's own, in its unit; `ddof` is then not looked at.
    direction : -1 changes the sign.

    Returns
    -------
    (n,) array, dimensionless, unbounded; NaN where `x` is.

    Raises
    ------
    ConstantError : the column is nearly constant, or holds a single value, and no scale is given.
    ValueError : no value, an infinity, `ddof` outside 0 <= ddof < n, or a scale without spread.

    References
    ----------
    OECD/JRC (2008), section 5.2.

    Examples
    --------
    >>> z_score([1.0, 2.0, 3.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    centre, spread = _mean_and_sd(x, ddof) if scale is None else scale
    if not (np.isfinite(centre) and np.isfinite(spread) and spread > 0):
        raise ValueError(f"a mean and a standard deviation above 0 are needed, not {centre} and {spread}")
    return direct((_column(x) - centre) / spread, direction)


def min_max(x: ArrayLike, *, scale: tuple[float, float] | None = None, direction: Direction = 1) -> Floats:
    """Place between the lowest value (0) and the highest (1): (x - min)/(max - min).

    The bounds are those of the units present: adding or dropping one moves all others. `goalposts` does not have this
    weakness.

    Parameters
    ----------
    x : (n,) array, any unit; NaN = missing. The result does not depend on the unit's scale or zero.
    scale : lowest and highest value to use instead of the column's own, in its unit; values outside are not cut off.
    direction : -1 gives (max - x)/(max - min).

    Returns
    -------
    (n,) array in [0, 1], unless a scale is given; NaN where `x` is.

    Raises
    ------
    ConstantError : the column is nearly constant, or holds a single value, and no scale is given.
    ValueError : no value, an infinity, or a scale that is not two numbers in order.

    References
    ----------
    OECD/JRC (2008), section 5.3.

    Examples
    --------
    >>> min_max([7.1, 12.0, 9.55]).round(6).tolist()
    [0.0, 1.0, 0.5]
    """
    low, high = _range(x) if scale is None else scale
    _check_bounds(low, high)
    if direction == -1:
        low, high = -high, -low
    return (direct(x, direction) - low) / (high - low)


def rank(
    x: ArrayLike,
    *,
    ties: RankTies = "min",
    best: Best = "high",
    among: ArrayLike | None = None,
    direction: Direction = 1,
) -> Floats:
    """Rank of each unit, 1 for the best.

    Parameters
    ----------
    x : (n,) array, any unit; NaN = missing.
    ties : rank that equal values share: `min` the smallest of their places ("1, 2, 2, 4"), `max` the largest, `average`
        the mean, `dense` the next rank without a gap ("1, 2, 2, 3").
    best : end of the scale, after `direction`, that gets rank 1. With `high` a league table; with `low` the Handbook's
        Table 15, where 1 is the last and a larger rank is better: use that to add ranks up in a composite.
    among : values to rank among instead of the column itself; a value that is not one of them gets the rank of the place
        where it would stand, 1 to their number and one more.
    direction : -1 ranks the negated values, so that less is better.

    Returns
    -------
    (n,) array of floats, 1 to the number of values; NaN where `x` is. A constant column is one tie.

    Raises
    ------
    ValueError : no value, an infinity, or an unknown option.

    References
    ----------
    OECD/JRC (2008), section 1.5 and Table 15.

    Examples
    --------
    >>> rank([7.0, 9.0, float("nan"), 9.0]).tolist(), rank([7.0, 9.0, 9.0], best="low").tolist()
    ([3.0, 1.0, nan, 1.0], [1.0, 2.0, 2.0])
    """
    _one_of(ties, RankTies, "ties")
    _one_of(best, Best, "best")
    turn: Direction = -1 if best == "high" else 1
    values = direct(direct(_observed(x), direction), turn)
    return _ranks(values, ties, None if among is None else direct(direct(_observed(among), direction), turn))


def percentile(
    x: ArrayLike, *, ties: PercentileTies = "mid", among: ArrayLike | None = None, direction: Direction = 1
) -> Floats:
    """Place among the units as a share: 0 is behind all others, 1 ahead of them.

    Parameters
    ----------
    x : (n,) array, any unit; NaN = missing.
    ties : `mid` (the mid-rank): (values below + half of the values equal, itself included)/n, whose mean is always 1/2
        and which turns into 1 - itself with the direction. `weak`: values at or below, /n (the empirical distribution
        function). `min`: the smallest rank that equal values share, /n, as in the Handbook's Table 15. The last two
        differ only for ties.
    among : values to take the place among instead of the column itself, n of them; then the result is in [0, 1], and
        `min` may be above 1.
    direction : -1 counts from the other end.

    Returns
    -------
    (n,) array, `mid` in [1/(2n), 1 - 1/(2n)], the others in [1/n, 1] with n the number of values; NaN where `x` is.
    All 0.5 (`mid`), 1 (`weak`) or 1/n (`min`) for a constant column.

    Raises
    ------
    ValueError : no value, an infinity, or an unknown option.

    References
    ----------
    OECD/JRC (2008), Table 15 (Finland 15/23 = 65.2 %; with a tie of three, Ireland 9/23 = 39.1 %).

    Examples
    --------
    >>> percentile([7.0, 9.0, 9.0, 12.0]).tolist()
    [0.125, 0.5, 0.5, 0.875]
    >>> percentile([7.0, 9.0, 9.0, 12.0], ties="weak").tolist(), percentile([7.0, 9.0, 9.0, 12.0], ties="min").tolist()
    ([0.25, 0.75, 0.75, 1.0], [0.25, 0.5, 0.5, 1.0])
    """
    _one_of(ties, PercentileTies, "ties")
    values = direct(_observed(x), direction)
    others = values if among is None else direct(_observed(among), direction)
    n = _seen(others).size
    if ties == "mid":
        return (_ranks(values, "average", others) - 0.5) / n
    return _ranks(values, "max" if ties == "weak" else "min", others) / n


def ratio_to_mean(x: ArrayLike, *, direction: Direction = 1) -> Floats:
    """Ratio to the unweighted mean of the units: x/mean, 1 = average.

    The mean of the ratios is 1. It is the mean of the units, not the figure of the whole (a world rate is the ratio of
    two sums): for that use `ratio_to_reference`.

    Parameters
    ----------
    x : (n,) array >= 0 on a ratio scale; NaN = missing. The result changes if the zero of the unit moves (degrees
        Celsius to Fahrenheit: Handbook, Table 14).
    direction : -1 gives the inverse ratio mean/x.

    Returns
    -------
    (n,) array >= 0; NaN where `x` is.

    Raises
    ------
    ValueError : no value, an infinity, a negative value, a mean of zero, or a zero with `direction=-1`.

    References
    ----------
    OECD/JRC (2008), section 5.4.

    Examples
    --------
    >>> ratio_to_mean([1.0, 3.0]).tolist(), ratio_to_mean([1.0, 4.0], direction=-1).tolist()
    ([0.5, 1.5], [2.5, 0.625])
    """
    values = _non_negative(_observed(x), "the ratio to the mean")
    return _ratio(values, float(np.nanmean(values)), direction, "the mean")


def ratio_to_best(x: ArrayLike, *, best: float | None = None, direction: Direction = 1) -> Floats:
    """Ratio to the best unit: x/max, 1 = the leader.

    Parameters
    ----------
    x : (n,) array >= 0 on a ratio scale; NaN = missing. The result changes if the zero of the unit moves (degrees
        Celsius to Fahrenheit: Handbook, Table 14).
    best : value of the leader to use instead of the column's own; a value better than it scores above 1.
    direction : -1 gives min/x: the leader has the smallest value, and one with twice as much scores 0.5.

    Returns
    -------
    (n,) array in [0, 1], unless `best` is given; NaN where `x` is.

    Raises
    ------
    ValueError : no value, an infinity, a negative value, only zeros, or a zero with `direction=-1`.

    References
    ----------
    OECD/JRC (2008), section 5.4.

    Examples
    --------
    >>> ratio_to_best([1.0, 4.0]).tolist(), ratio_to_best([1.0, 4.0], direction=-1).tolist()
    ([0.25, 1.0], [1.0, 0.25])
    """
    values = _non_negative(_observed(x), "the ratio to the best")
    return _ratio(values, _best(values, direction) if best is None else best, direction, "the best value")


def ratio_to_reference(x: ArrayLike, reference: float, *, direction: Direction = 1) -> Floats:
    """Ratio to a given value, such as the world's or a reference region's: x/reference, 1 = equal.

    Parameters
    ----------
    x : (n,) array >= 0 on a ratio scale; NaN = missing. Each unit is taken by itself.
    reference : value > 0 in the unit of `x`.
    direction : -1 gives the inverse ratio reference/x.

    Returns
    -------
    (n,) array >= 0; NaN where `x` is.

    Raises
    ------
    ValueError : an infinity, a negative value, a reference that is not positive and finite, or a zero with
        `direction=-1`.

    References
    ----------
    OECD/JRC (2008), section 5.4.

    Examples
    --------
    >>> ratio_to_reference([1.0, 4.0], 2.0).tolist()
    [0.5, 2.0]
    """
    return _ratio(_non_negative(_column(x), "the ratio to a reference"), reference, direction, "the reference")


def distance_to_target(x: ArrayLike, target: float, *, direction: Direction = 1) -> Floats:
    """Relative distance from a target: (x - target)/|target|; 0 = reached, -0.1 = ten per cent short, above 0 = beyond.

    Parameters
    ----------
    x : (n,) array; NaN = missing. Each unit is taken by itself; negative values are allowed.
    target : value in the unit of `x`, not zero: the distance from a target of zero has no base (use `goalposts`).
    direction : -1 changes the sign, so that a value above the target is short of it.

    Returns
    -------
    (n,) array, unbounded; NaN where `x` is.

    Raises
    ------
    ValueError : an infinity, or a target that is zero or not finite.

    References
    ----------
    OECD/JRC (2008), section 5.4, the form centred on 0 (with the mean as target: Table 15, Finland 0.04).

    Examples
    --------
    >>> distance_to_target([1.5, 3.0, 4.5], 3.0).tolist(), distance_to_target([4.5], 3.0, direction=-1).tolist()
    ([-0.5, 0.0, 0.5], [-0.5])
    """
    if not (np.isfinite(target) and abs(target) >= _TINY):
        raise ValueError(
            f"the target must be a number other than zero, not {target}; for a target of zero use goalposts"
        )
    return direct((_column(x) - target) / abs(target), direction)


def goalposts(
    x: ArrayLike,
    low: float,
    high: float,
    *,
    log: bool = False,
    clip: bool = True,
    direction: Direction = 1,
) -> Floats:
    """Place between two fixed values: (x - low)/(high - low), cut off at 0 and 1.

    Unlike `min_max` the bounds do not depend on the units present, so scores can be compared over years and samples.
    Whether values outside are cut off matters (in the Technology Achievement Index it decides between place 7 and
    place 12 for Norway): say it, and say how many there were (`outside`).

    Parameters
    ----------
    x : (n,) array; NaN = missing. Each unit is taken by itself.
    low, high : bounds in the unit of `x`, low < high.
    log : take logarithms of value and bounds first (the base cancels); needs low > 0 and no negative value. A zero
        scores 0 if clipped and is refused otherwise.
    clip : False lets values outside the bounds score below 0 or above 1.
    direction : -1 gives 1 - score, so that `high` scores 0 and `low` scores 1.

    Returns
    -------
    (n,) array, in [0, 1] if clipped; NaN where `x` is.

    Raises
    ------
    ValueError : an infinity, bounds that are not finite or not in order, or logarithms that do not exist.

    References
    ----------
    UNDP (2001), Human Development Report, technical note 2; OECD/JRC (2008), section 5.3.

    Examples
    --------
    >>> goalposts([0.0, 10.0, 1000.0], 1.0, 100.0, log=True).tolist()
    [0.0, 0.5, 1.0]
    """
    _check_direction(direction)
    _check_bounds(low, high)
    values = _column(x)
    if log:
        if low <= 0 or np.any(values < 0):
            raise ValueError("goalposts on a log scale need a low bound above 0 and no negative value")
        if not clip and np.any(values == 0):
            raise ValueError("a zero has no logarithm: clip the goalposts, or do not use the log scale")
        values = np.log(np.maximum(values, low) if clip else values)
        low, high = np.log(low), np.log(high)
    share = (values - low) / (high - low)
    if clip:
        share = np.clip(share, 0.0, 1.0)
    return 1.0 - share if direction == -1 else share


def outside(x: ArrayLike, low: float, high: float) -> tuple[int, int]:
    """Count the values below `low` and above `high`: those that clipped goalposts cut off.

    Raises
    ------
    ValueError : an infinity, or bounds that are not finite or not in order.

    Examples
    --------
    >>> outside([0.5, 1.0, 7.0, 8.0, float("nan")], 1.0, 5.0)
    (1, 2)
    """
    _check_bounds(low, high)
    values = _column(x)
    return int(np.count_nonzero(values < low)), int(np.count_nonzero(values > high))


def above_below(x: ArrayLike, p: float = 0.2, *, direction: Direction = 1) -> Floats:
    """Classes around the mean: 1 above mean x (1 + p), -1 below mean x (1 - p), 0 in the neutral band.

    Parameters
    ----------
    x : (n,) array >= 0 on a ratio scale; NaN = missing.
    p : half-width of the neutral band as a share of the mean, 0 <= p < 1. The edges belong to the band, and so does
        whatever differs from them by round-off (1e-12 of the edge).
    direction : -1 changes the sign.

    Returns
    -------
    (n,) array of -1, 0 and 1; NaN where `x` is. All 0 for a constant column.

    Raises
    ------
    ValueError : no value, an infinity, a negative value, a mean of zero, or `p` out of range.

    References
    ----------
    OECD/JRC (2008), section 5.5 (p = 0.2 as in Table 15).

    Examples
    --------
    >>> above_below([1.0, 4.0, 5.0, 6.0, 9.0]).tolist()
    [-1.0, 0.0, 0.0, 0.0, 1.0]
    """
    if not 0 <= p < 1:
        raise ValueError(f"p must be at least 0 and below 1, not {p}")
    ratio = ratio_to_mean(x)
    above = ratio > (1 + p) * (1 + NEAR_CONSTANT)
    below = ratio < (1 - p) * (1 - NEAR_CONSTANT)
    return direct(np.where(np.isnan(ratio), np.nan, above.astype(float) - below), direction)


def power(x: ArrayLike, method: Power = "yeo-johnson", *, direction: Direction = 1) -> Floats:
    """Bring a skewed column close to a normal one by a power, then standardise (mean 0, sd 1 with divisor n).

    The divisor is scikit-learn's, and so is the power, found by maximum likelihood. `z_score` divides by n - 1 unless told
    otherwise, so its values are smaller by the factor sqrt((n - 1)/n) on the same column; `z_score(..., ddof=0)` is on the
    scale of this one. `box-cox` needs positive values, and its result does
    not depend on the unit; `yeo-johnson` takes any value, and does depend on it.

    Parameters
    ----------
    x : (n,) array; NaN = missing.
    direction : -1 changes the sign of the result (values are not negated first, which Box-Cox would not survive).

    Returns
    -------
    (n,) array, dimensionless, in the order of `x`; NaN where `x` is.

    Raises
    ------
    ConstantError : the column is nearly constant, or so nearly that the power erases its spread.
    ValueError : no value, an infinity, an unknown method, or a value <= 0 with Box-Cox.

    References
    ----------
    Box and Cox (1964), JRSS B 26(2), 211-252; Yeo and Johnson (2000), Biometrika 87(4), 954-959.

    Examples
    --------
    The power is 0, so these are standardised logarithms, 1/sqrt(2/3):

    >>> power([1.0, 10.0, 100.0], "box-cox").round(3).tolist()
    [-1.225, 0.0, 1.225]
    >>> z_score([0.0, 1.0, 2.0], ddof=0).round(3).tolist()
    [-1.225, 0.0, 1.225]
    """
    _one_of(method, Power, "method")
    values = _varied(x, f"the {method} transform")
    if method == "box-cox" and np.any(values <= 0):
        raise ValueError(f"box-cox needs values above 0, and the smallest is {np.nanmin(values)}; use yeo-johnson")
    from sklearn.preprocessing import PowerTransformer

    result = PowerTransformer(method=method, standardize=True).fit_transform(values[:, np.newaxis])[:, 0]
    # A spread that is small beside the level can call for a power so large that all values become one number.
    if not np.isclose(np.std(_seen(result)), 1.0, rtol=1e-6):
        raise ConstantError(f"the {method} transform erases the spread of this column, which is small beside its level")
    return direct(result, direction)


def quantile(x: ArrayLike, output: Output = "uniform", *, direction: Direction = 1) -> Floats:
    """Replace each value by its place in the column's own distribution, uniform on [0, 1] or normal.

    scikit-learn's quantile transform with every value as a quantile and no subsampling, so nothing is random. Equal
    values share the middle of their places, except that the lowest always become 0 and the highest 1.

    Parameters
    ----------
    x : (n,) array, any unit; NaN = missing.
    output : `uniform`, or `normal` for the normal quantile of the same place. The normal quantiles of 0 and 1 are
        infinite; scikit-learn cuts them at -5.199 and 5.199, which is a convention and not a measurement.
    direction : -1 transforms the negated values.

    Returns
    -------
    (n,) array; NaN where `x` is.

    Raises
    ------
    ConstantError : the column is nearly constant, or holds a single value.
    ValueError : no value, an infinity, or an unknown output.

    Examples
    --------
    >>> quantile([1.0, 2.0, 50.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    _one_of(output, Output, "output")
    values = direct(_varied(x, "the quantile transform"), direction)
    from sklearn.preprocessing import QuantileTransformer

    transformer = QuantileTransformer(n_quantiles=_seen(values).size, output_distribution=output, subsample=None)
    result: Floats = transformer.fit_transform(values[:, np.newaxis])[:, 0]
    return result


def parameters(x: ArrayLike, normaliser: str, *, direction: Direction = 1) -> dict[str, Any]:
    """What a normaliser takes from a column, as keyword arguments for it: then it puts other values on the same scale.

    Parameters
    ----------
    x : (n,) array, the values that set the scale; NaN = missing.
    normaliser : `z_score` (mean and standard deviation, divisor n - 1), `min_max` (lowest and highest value), `ratio_to_best`
        (best value), `rank` and `percentile` (the values, in order). `goalposts` and `distance_to_target` take nothing.
    direction : of the indicator; it decides which value is the best.

    Raises
    ------
    ConstantError, ValueError : as the normaliser; or one that is not named above.

    Examples
    --------
    >>> kept = parameters([1.0, 3.0], "min_max")
    >>> kept, min_max([2.0, 4.0], **kept).tolist()
    ({'scale': (1.0, 3.0)}, [0.5, 1.5])
    """
    match normaliser:
        case "goalposts" | "distance_to_target":
            return {}
        case "z_score":
            return {"scale": _mean_and_sd(x, 1)}
        case "min_max":
            return {"scale": _range(x)}
        case "ratio_to_best":
            return {"best": _best(_non_negative(_observed(x), "the ratio to the best"), direction)}
        case "rank" | "percentile":
            return {"among": np.sort(_seen(_observed(x))).tolist()}
    raise ValueError(f"the scale of {normaliser!r} cannot be kept")


def per(x: ArrayLike, denominator: ArrayLike) -> Floats:
    """Divide by a size, unit by unit: per head, per worker, per unit of output.

    Parameters
    ----------
    x : (n,) array; NaN = missing. Negative values are allowed (a balance per head).
    denominator : (n,) array >= 0 for the same units in the same order; NaN = missing. For "per 1,000 inhabitants"
        divide the inhabitants by 1,000.

    Returns
    -------
    (n,) array in units of `x` per unit of `denominator`; NaN where either is missing, and where both are zero: no base.

    Raises
    ------
    ValueError : shapes differ, an infinity, a negative denominator, or a denominator of zero under a value that is not
        zero: something was counted where nobody is, which is an error in the data.

    Examples
    --------
    >>> per([6.0, 0.0, 5.0], [2.0, 0.0, float("nan")]).tolist()
    [3.0, nan, nan]
    """
    values, size = _column(x), _column(denominator)
    if values.shape != size.shape:
        raise ValueError(f"{values.size} values cannot be divided by {size.size} denominators")
    if np.any(size < 0):
        raise ValueError(f"a denominator is a size, and {np.nanmin(size)} is below 0")
    empty = size < _TINY
    if np.any(wrong := empty & (values != 0) & ~np.isnan(values)):
        raise ValueError(f"{np.count_nonzero(wrong)} values other than zero stand over a denominator of zero")
    return np.divide(values, size, out=np.full_like(values, np.nan), where=~empty)


def skewness(x: ArrayLike) -> float:
    """Skewness of a column, the type-2 estimator sqrt(n(n-1))/(n-2) m3/m2^1.5 (SAS, SPSS, Excel, JRC).

    Raises
    ------
    ConstantError : the column is nearly constant.
    ValueError : fewer than three values, or an infinity.

    References
    ----------
    Joanes and Gill (1998), The Statistician 47(1), 183-189, G1.

    Examples
    --------
    >>> round(skewness([*range(1, 11), 30, 100]), 6)
    3.063241
    """
    n, m2, m3, _ = _moments(_enough(x, 3, "skewness"))
    return float((n * (n - 1)) ** 0.5 / (n - 2) * m3 / m2**1.5)


def excess_kurtosis(x: ArrayLike) -> float:
    """Kurtosis of a column less that of a normal one, the type-2 estimator (SAS, SPSS, Excel, JRC).

    (n - 1)/((n - 2)(n - 3)) ((n + 1) m4/m2^2 - 3 (n - 1)).

    Raises
    ------
    ConstantError : the column is nearly constant.
    ValueError : fewer than four values, or an infinity.

    References
    ----------
    Joanes and Gill (1998), The Statistician 47(1), 183-189, G2.

    Examples
    --------
    >>> round(excess_kurtosis([*range(1, 11), 30, 100]), 6)
    9.741391
    """
    n, m2, _, m4 = _moments(_enough(x, 4, "kurtosis"))
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * m4 / m2**2 - 3 * (n - 1))


def _moments(values: Floats) -> tuple[int, float, float, float]:
    """Number of values and their second to fourth central moments, in units of the largest distance from the mean.

    SciPy has them too, but importing `scipy.stats` takes longer than a whole index.
    """
    off = values - values.mean()
    off /= np.abs(off).max()
    return values.size, float((off**2).mean()), float((off**3).mean()), float((off**4).mean())


def fails_shape_rule(x: ArrayLike) -> bool:
    """Whether outliers shape the column: |skewness| >= 2 and excess kurtosis >= 3.5, both (the JRC rule).

    Raises
    ------
    ConstantError : the column is nearly constant.
    ValueError : fewer than four values, or an infinity.

    Examples
    --------
    >>> fails_shape_rule(range(12)), fails_shape_rule([*range(1, 11), 30, 100])
    (False, True)
    """
    return abs(skewness(x)) >= MAX_SKEWNESS and excess_kurtosis(x) >= MAX_EXCESS_KURTOSIS


def winsorise(x: ArrayLike, n_points: int, tail: Tail) -> Floats:
    """Pull the `n_points` most extreme values of one tail in to the next value; every unit and the order are kept.

    Points are counted, not distinct values: of two values tied at the top, one point alone leaves both where they are,
    because the next value is the same.

    Parameters
    ----------
    x : (n,) array; NaN = missing.
    n_points : how many, from 0 to the number of values less one.
    tail : `high` or `low`.

    Returns
    -------
    (n,) array; NaN where `x` is.

    Raises
    ------
    ValueError : no value, an infinity, an unknown tail, or more points than the tail can hold.

    Examples
    --------
    >>> winsorise([1.0, 100.0, 3.0, 30.0], 2, "high").tolist()
    [1.0, 3.0, 3.0, 3.0]
    """
    _one_of(tail, Tail, "tail")
    values = _observed(x)
    bound = _next_value(values, n_points, tail)
    return treated(values, high=bound) if tail == "high" else treated(values, low=bound)


def treated(
    x: ArrayLike,
    *,
    low: float | None = None,
    high: float | None = None,
    shift: float | None = None,
    mirrored: bool = False,
) -> Floats:
    """Values treated by bounds or a logarithm that were found before, by `treat` on the same or on other values.

    Parameters
    ----------
    x : (n,) array; NaN = missing.
    low, high : bounds to which values beyond are pulled in; None = none.
    shift, mirrored : constant of the logarithm log(x + shift), or -log(shift - x); None = no logarithm.

    Returns
    -------
    (n,) array; NaN where `x` is.

    Raises
    ------
    ValueError : an infinity, or a value whose logarithm does not exist.

    Examples
    --------
    >>> treated([0.5, 2.0, 9.0], high=3.0).tolist(), treated([0.0, 1.0], shift=1.0).round(3).tolist()
    ([0.5, 2.0, 3.0], [0.0, 0.693])
    """
    values = _column(x)
    values = values if low is None else np.maximum(values, low)
    values = values if high is None else np.minimum(values, high)
    if shift is None:
        return values.copy()
    inside = shift - values if mirrored else values + shift
    if np.any(inside <= 0):
        raise ValueError(f"{np.count_nonzero(inside <= 0)} values lie beyond the logarithm's range")
    return -np.log(inside) if mirrored else np.log(inside)


def treat(x: ArrayLike) -> Treatment:
    """Treat the outliers of one column by the JRC's rule: leave, else winsorise, else take logarithms, else say so.

    1. A column that passes the shape rule (`fails_shape_rule`) is left as it is.
    2. Otherwise one point after the other is winsorised, each time in the tail to which the skewness then points, until
       the rule is passed. At most 5 points and at most a tenth of the values (rounded up) may be pulled in. With
       two-sided outliers both tails can be touched.
    3. If that is not enough, or would leave the column nearly constant, it is undone and logarithms of the original
       values are taken: log(x) for positive values skewed to the right; log(x - min + r/100) with r the range if some
       are not positive; and the mirror image -log(max - x + r/100) if they are skewed to the left. Order is kept; the
       result is on another scale, so `changed` marks every value.
    4. If that fails too the original values are returned with method `failed`: a change that does not cure is not made.

    Parameters
    ----------
    x : (n,) array; NaN = missing. Outliers are treated before a normalisation, never after.

    Raises
    ------
    ConstantError : the column is nearly constant.
    ValueError : fewer than four values, an infinity, or more than half of the values equal: "extreme" would then be
        everything that differs from that one value.

    References
    ----------
    OECD/JRC (2008), section 5.1; Becker et al. (2022), COINr, Journal of Open Source Software 7(78), 4567 (the limits,
    winsorisation, shift and mirror of its defaults).

    Examples
    --------
    >>> treated = treat([*range(1, 11), 30, 100])
    >>> treated.method, treated.n_winsorised, treated.values[-2:].tolist()
    ('winsorised', 1, [30.0, 30.0])
    """
    values = _column(x)
    seen = _enough(values, 4, "outlier treatment")
    most_common = int(np.unique(seen, return_counts=True)[1].max())
    if most_common > seen.size / 2:
        raise ValueError(
            f"{most_common} of {seen.size} values are equal: more than half, so none can be called extreme"
        )
    before = skewness(seen), excess_kurtosis(seen)
    method: TreatmentMethod = "failed"
    n_winsorised, mirrored = 0, before[0] < 0
    how: dict[str, Any] = {}
    if not fails_shape_rule(seen):
        method = "none"
    elif (pulled := _winsorised_to_pass(values)) is not None:
        method, (how, n_winsorised) = "winsorised", pulled
    elif _passes(treated(values, shift=(shift := _log_shift(seen, mirrored)), mirrored=mirrored)):
        method, how = "log", {"shift": shift, "mirrored": mirrored}
    result = treated(values, **how)
    return Treatment(
        values=result,
        method=method,
        n_winsorised=n_winsorised,
        changed=~np.isnan(values) & ((method == "log") | (result != values)),
        skewness_before=before[0],
        kurtosis_before=before[1],
        skewness_after=skewness(result),
        kurtosis_after=excess_kurtosis(result),
        **how,
    )


def _winsorised_to_pass(values: Floats) -> tuple[dict[str, Any], int] | None:
    """Bounds that pull in as few points as the shape rule needs, and their number; None if the limit is too low."""
    limit = min(MAX_WINSORISED, -(-_seen(values).size // MAX_WINSORISED_ONE_IN))
    points: dict[Tail, int] = {"high": 0, "low": 0}
    pulled = values
    for n_points in range(1, limit + 1):
        points["high" if skewness(pulled) > 0 else "low"] += 1
        bounds: dict[str, Any] = {tail: _next_value(values, n, tail) for tail, n in points.items() if n}
        pulled = treated(values, **bounds)
        if is_near_constant(pulled):
            return None
        if not fails_shape_rule(pulled):
            return bounds, n_points
    return None


def _next_value(values: Floats, n_points: int, tail: Tail) -> float:
    """The most extreme value of a tail that is left when so many points are taken away."""
    ordered = np.sort(_seen(values))
    if not 0 <= n_points < ordered.size:
        raise ValueError(f"n_points must be between 0 and {ordered.size - 1}, not {n_points}")
    return float(ordered[-1 - n_points] if tail == "high" else ordered[n_points])


def _log_shift(seen: Floats, mirrored: bool) -> float:
    """Constant c of log(x + c), or of -log(c - x) where mirrored, that keeps the logarithm's argument positive."""
    margin = 0.01 * float(np.ptp(seen))
    if mirrored:
        return float(seen.max()) + margin
    return 0.0 if seen.min() > 0 else margin - float(seen.min())


def _passes(values: Floats) -> bool:
    return not is_near_constant(values) and not fails_shape_rule(values)


def _column(x: ArrayLike) -> Floats:
    """One-dimensional floats, each NaN or of a magnitude that its fourth power survives."""
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"one value per unit is needed, not an array of {values.ndim} dimensions")
    if np.any(np.abs(values) > _HUGE):
        raise ValueError("values must be finite and of a magnitude below 1e75")
    return values


def _seen(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _observed(x: ArrayLike) -> Floats:
    values = _column(x)
    if np.all(np.isnan(values)):
        raise ValueError("there is no value: the column is empty or all of it is missing")
    return values


def _varied(x: ArrayLike, what: str) -> Floats:
    values = _observed(x)
    if is_near_constant(values):
        raise ConstantError(f"{what} does not exist for a column without spread: all values are {np.nanmax(values)}")
    return values


def _mean_and_sd(x: ArrayLike, ddof: int) -> tuple[float, float]:
    """Mean and standard deviation of a column."""
    values = _varied(x, "the z-score")
    n = _seen(values).size
    if not 0 <= ddof < n:
        raise ValueError(f"ddof must be at least 0 and below the number of values ({n}), not {ddof}")
    return float(np.nanmean(values)), float(np.nanstd(values, ddof=ddof))


def _range(x: ArrayLike) -> tuple[float, float]:
    """Lowest and highest value of a column."""
    values = _varied(x, "min-max")
    return float(np.nanmin(values)), float(np.nanmax(values))


def _best(values: Floats, direction: Direction) -> float:
    return float(np.nanmin(values) if direction == -1 else np.nanmax(values))


def _enough(x: ArrayLike, n: int, what: str) -> Floats:
    """The values that are not missing, if there are at least `n` and they differ."""
    seen = _seen(_column(x))
    if seen.size < n:
        raise ValueError(f"{what} needs at least {n} values, and there are {seen.size}")
    return _varied(seen, what)


def _non_negative(values: Floats, what: str) -> Floats:
    if np.any(values < 0):
        raise ValueError(f"{what} needs a ratio scale, and {np.nanmin(values)} is below 0")
    return values


def _ratio(values: Floats, reference: float, direction: Direction, what: str) -> Floats:
    """values/reference, or its inverse where less is better."""
    _check_direction(direction)
    if direction == -1 and np.any(values < _TINY):
        raise ValueError("a value of zero has no inverse ratio; where less is better use min_max or goalposts")
    if not (np.isfinite(reference) and reference >= _TINY):
        raise ValueError(f"{what} is {reference}, and a ratio needs one that is above 0")
    return values / reference if direction == 1 else reference / values


def _check_direction(direction: Direction) -> None:
    if direction not in (1, -1):
        raise ValueError(f"direction must be 1 (more is better) or -1 (less is better), not {direction!r}")


def _check_bounds(low: float, high: float) -> None:
    if not (np.isfinite(low) and np.isfinite(high) and low < high) or is_near_constant([low, high]):
        raise ValueError(f"goalposts must be two numbers in order, low below high, not {low} and {high}")


def _ranks(values: Floats, ties: RankTies, among: Floats | None = None) -> Floats:
    """Ranks from the smallest value, 1, up, among the values themselves or others; NaN stays.

    The same as `scipy.stats.rankdata`, without the half a second that importing it takes.
    """
    known = np.sort(_seen(values if among is None else among))
    if ties == "dense":
        known = np.unique(known)
    first, last = np.searchsorted(known, values, "left") + 1, np.searchsorted(known, values, "right")
    place = {"min": first, "dense": first, "max": last, "average": (first + last) / 2}[ties]
    return np.where(np.isnan(values), np.nan, place)


def _one_of(value: str, options: object, name: str) -> None:
    if value not in get_args(options):
        raise ValueError(f"{name} must be one of {', '.join(get_args(options))}, not {value!r}")


#: The normalisers by the name a user gives; each is called as f(x, **parameters), and each takes `direction`.
NORMALISERS: Final[dict[str, Callable[..., Floats]]] = {
    "z_score": z_score,
    "min_max": min_max,
    "rank": rank,
    "percentile": percentile,
    "ratio_to_mean": ratio_to_mean,
    "ratio_to_best": ratio_to_best,
    "ratio_to_reference": ratio_to_reference,
    "distance_to_target": distance_to_target,
    "goalposts": goalposts,
    "above_below": above_below,
    "box_cox": partial(power, method="box-cox"),
    "yeo_johnson": partial(power, method="yeo-johnson"),
    "quantile": quantile,
}

#: Normalisers whose result falls as the unit does better; before adding up call `rank` with best="low".
FALLING: Final = frozenset({"rank"})
