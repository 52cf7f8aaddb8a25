"""Imputation: values put in place of missing ones, each of them marked, and none of them an observation.

Nothing is imputed unless somebody asks for it: a composite can be built from what is known, and says so. The rules are
the same for every method:

- NaN means missing. An infinity is refused (`ValueError`). What was observed comes back bit by bit as it went in.
- The result says which cells were filled (`imputed`) and, for each that still is missing, why (`missing`): `no_data`,
  nothing is known in that column; `no_unit_data`, nothing is known of that unit; `no_group_data`, nothing in that group
  or pillar; `no_group`, the unit has none; `no_earlier`, nothing was observed before; `too_old`, the last observation is
  older than allowed; `outside_span`, nothing was observed on one side; `not_allowed`, see next.
- `allowed`, an array of bools of the shape of `x`, says where a value may be put in. A figure that cannot exist, or that
  is withheld, is no gap to be filled. Default: everywhere.
- A single value is put in, the expected one. It carries no spread of its own, so spreads and correlations measured on
  the filled table are not those of full data, and the share imputed belongs beside every score.

Tables are (n_units, n_indicators); series are (..., n_periods), oldest first.

The standard source is OECD/JRC (2008), Handbook on Constructing Composite Indicators, Part 2, step 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

#: Largest change of a standardised mean or covariance at which the EM algorithm, or of a value at which the iterative
#: one, has arrived.
EM_TOLERANCE: Final = 1e-8
ITERATIVE_TOLERANCE: Final = 1e-4
#: Iterations after which they stop in any case.
EM_ITERATIONS: Final = 1000
ITERATIVE_ITERATIONS: Final = 100
#: Eigenvalues of a correlation matrix below this share of the largest are round-off.
SINGULAR: Final = 1e-10

_REASON = np.dtype("<U13")


@dataclass(frozen=True, eq=False)
class Imputation:
    """A table or series after imputation, all arrays of its shape.

    `values` are the observed and the imputed ones; `imputed` marks the latter; `missing` is empty where there is a value
    and otherwise the reason why there is none, in one word.
    """

    values: Floats
    imputed: Bools
    missing: Texts


@dataclass(frozen=True, eq=False)
class Carried(Imputation):
    """Last observations carried forward.

    `source` is the period in which the value was observed and `age` how long before, in the unit of the periods: 0 for
    what was observed, NaN where there is no value.
    """

    source: Floats
    age: Floats


@dataclass(frozen=True, eq=False)
class Expectation(Imputation):
    """Expected values under a multivariate normal distribution.

    `mean` (n_indicators,) and `covariance` (n_indicators, n_indicators), divisor n, are the maximum-likelihood estimates
    in the units of the data; NaN for a column without data. `converged` says whether they stood still within the
    `iterations` made.
    """

    mean: Floats
    covariance: Floats
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False)
class Iterated(Imputation):
    """Regressions of every indicator on all others, in turn; `converged` is false if the limit of `iterations` came first."""

    iterations: int
    converged: bool


def mean(x: Floats, *, allowed: Bools | None = None) -> Imputation:
    """Mean of the indicator over the units that have it ("unconditional mean").

    Parameters
    ----------
    x : (n_units, n_indicators) array, a unit of its own per column; NaN = missing.
    allowed : (n_units, n_indicators) bools, where a value may be put in; None = everywhere.

    Returns
    -------
    Imputation. Column means stay as they were and spreads shrink. A column without data stays NaN, `no_data`.

    Raises
    ------
    ValueError : `x` is not 2-D or holds an infinity, or `allowed` is no array of bools of its shape.

    References
    ----------
    OECD/JRC (2008), section 3.2.

    Examples
    --------
    >>> result = mean(np.array([[1.0], [np.nan], [4.0]]))
    >>> result.values[:, 0].tolist(), result.imputed[:, 0].tolist()
    ([1.0, 2.5, 4.0], [False, True, False])
    """
    _check_table(x)
    return _filled(x, _mean(x, axis=0), _where(np.isnan(x).all(axis=0), "no_data"), allowed)


def median(x: Floats, *, allowed: Bools | None = None) -> Imputation:
    """Median of the indicator over the units that have it: like `mean`, for skewed columns.

    Parameters
    ----------
    x, allowed : as `mean`.

    Returns
    -------
    Imputation. A column without data stays NaN, `no_data`.

    Raises
    ------
    ValueError : as `mean`.

    References
    ----------
    OECD/JRC (2008), section 3.2.

    Examples
    --------
    >>> median(np.array([[1.0], [np.nan], [4.0], [100.0]])).values[1].tolist()
    [4.0]
    """
    _check_table(x)
    empty = np.isnan(x).all(axis=0)
    middle = np.full(x.shape[1], np.nan)
    middle[~empty] = np.nanmedian(x[:, ~empty], axis=0)
    return _filled(x, middle, _where(empty, "no_data"), allowed)


def group_mean(x: Floats, groups: Ints, *, allowed: Bools | None = None) -> Imputation:
    """Mean of the indicator over the units of the same group that have it ("conditional mean").

    Parameters
    ----------
    x, allowed : as `mean`.
    groups : (n_units,) integer codes of the group of each unit, such as its country or income class; -1 = none.

    Returns
    -------
    Imputation. Where nobody in the group has a value the cell stays NaN, `no_group_data`: the mean of all units is another
    method, and is not put in unasked. `no_group` for units without a group, `no_data` in columns without data.

    Raises
    ------
    ValueError : as `mean`, or `groups` is not (n_units,) or holds a code below -1.

    References
    ----------
    OECD/JRC (2008), section 3.2.

    Examples
    --------
    >>> table = np.array([[1.0], [3.0], [np.nan], [9.0], [np.nan]])
    >>> result = group_mean(table, np.array([0, 0, 0, 1, 2]))
    >>> result.values[:, 0].tolist(), result.missing[:, 0].tolist()
    ([1.0, 3.0, 2.0, 9.0, nan], ['', '', '', '', 'no_group_data'])
    """
    _check_table(x)
    place, n_groups = _codes(groups, len(x), "groups", "unit")
    known = ~np.isnan(x)
    member = (place[:, np.newaxis] == np.arange(n_groups)).astype(np.float64)  # (n_units, n_groups)
    counts = member.T @ known
    means = np.divide(member.T @ np.where(known, x, 0.0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    fill = np.full(x.shape, np.nan)
    fill[place >= 0] = means[place[place >= 0]]
    reason = np.where(np.isnan(fill), "no_group_data", "").astype(_REASON)
    reason[place < 0] = "no_group"
    reason[:, ~known.any(axis=0)] = "no_data"
    return _filled(x, fill, reason, allowed)


def row_mean(x: Floats, pillars: Ints | None = None, *, allowed: Bools | None = None) -> Imputation:
    """Mean of what the same unit has in the same pillar, on normalised data.

    With equal weights and an arithmetic mean the score of the pillar is what it would be if the indicator were left out
    and the weights of the others scaled up: leaving it out is a choice of a value, too.

    Parameters
    ----------
    x : (n_units, n_indicators) array on one scale and in one direction (normalised); NaN = missing.
    pillars : (n_indicators,) integer codes of the pillar of each indicator, -1 = none; None = all in one.
    allowed : as `mean`.

    Returns
    -------
    Imputation. Where the unit has nothing in the pillar the cell stays NaN, `no_group_data`; `no_group` in columns without
    a pillar, `no_unit_data` for units without any value. In a column without data the cells stay NaN, `no_data`: an
    indicator that nobody has is not made from the others.

    Raises
    ------
    ValueError : as `mean`, or `pillars` is not (n_indicators,) or holds a code below -1.

    References
    ----------
    OECD/JRC (2008), section 3.2 and step 6.

    Examples
    --------
    >>> row_mean(np.array([[0.2, np.nan, 0.4, 0.9], [0.0, 0.1, 0.2, 0.3]]), np.array([0, 0, 0, 1])).values[0].round(9).tolist()
    [0.2, 0.3, 0.4, 0.9]
    """
    _check_table(x)
    across = group_mean(x.T, np.zeros(x.shape[1], np.intp) if pillars is None else pillars)
    reason = across.missing.T.copy()
    reason[np.isnan(x).all(axis=1)] = "no_unit_data"
    empty = np.isnan(x).all(axis=0)
    reason[:, empty] = "no_data"
    return _filled(x, np.where(empty, np.nan, across.values.T), reason, allowed)


def last_observation(
    x: Floats, periods: Floats | Ints, *, max_age: float | None = None, allowed: Bools | None = None
) -> Carried:
    """Last observation carried forward, with the period it is from and its age.

    Parameters
    ----------
    x : (..., n_periods) array; NaN = missing.
    periods : (n_periods,) numbers, such as years, strictly rising; gaps count.
    max_age : oldest age of a value carried, in the unit of the periods, >= 0; None = any. A value of exactly that age is
        carried.
    allowed : (..., n_periods) bools, where a value may be put in; None = everywhere.

    Returns
    -------
    Carried. What is carried is always an observation, never a value put in before. NaN with `no_earlier` before the first
    observation, `too_old` beyond the age, `no_data` in a series without any.

    Raises
    ------
    ValueError : `x` holds an infinity, `periods` do not fit or do not rise, `max_age` is negative, or `allowed` is no array
        of bools of the shape of `x`.

    References
    ----------
    OECD/JRC (2008), section 3.1 ("cold deck": a value from another source, here the unit's own past).

    Examples
    --------
    >>> result = last_observation(np.array([5.0, np.nan, np.nan, np.nan]), np.array([2019, 2020, 2021, 2023]), max_age=2)
    >>> result.values.tolist(), result.age.tolist(), result.missing.tolist()
    ([5.0, 5.0, 5.0, nan], [0.0, 1.0, 2.0, nan], ['', '', '', 'too_old'])
    """
    when = _check_series(x, periods)
    if max_age is not None and not max_age >= 0:
        raise ValueError(f"max_age must be >= 0, not {max_age}")
    known = ~np.isnan(x)
    last = _last_known(known)
    source = np.where(last >= 0, when[last], np.nan)
    age = when - source
    fresh = last >= 0 if max_age is None else age <= max_age
    carried = np.take_along_axis(x, np.maximum(last, 0), axis=-1)
    reason = np.where(last < 0, "no_earlier", np.where(fresh, "", "too_old")).astype(_REASON)
    reason[~known.any(axis=-1)] = "no_data"
    result = _filled(x, np.where(fresh, carried, np.nan), reason, allowed)
    has = result.missing == ""
    return Carried(
        result.values,
        result.imputed,
        result.missing,
        np.where(has, source, np.nan),
        np.where(has, age, np.nan),
    )


def linear(x: Floats, periods: Floats | Ints, *, allowed: Bools | None = None) -> Imputation:
    """Linear interpolation in time, between two observations; there is no extrapolation.

    Parameters
    ----------
    x, periods, allowed : as `last_observation`.

    Returns
    -------
    Imputation. NaN with `outside_span` before the first and after the last observation, `no_data` in a series without any.

    Raises
    ------
    ValueError : as `last_observation`.

    References
    ----------
    OECD/JRC (2008), section 3.3 (regression on time, through the two neighbours).

    Examples
    --------
    Three of four years on the way from 1 to 5:

    >>> linear(np.array([np.nan, 1.0, np.nan, 5.0, np.nan]), np.array([2017, 2018, 2021, 2022, 2023])).values.tolist()
    [nan, 1.0, 4.0, 5.0, nan]
    """
    when = _check_series(x, periods)
    known = ~np.isnan(x)
    n = x.shape[-1]
    before = _last_known(known)
    after = n - 1 - _last_known(known[..., ::-1])[..., ::-1]  # n where nothing follows
    inside = (before >= 0) & (after < n)
    low, high = np.where(inside, before, 0), np.where(inside, after, 0)
    start, end = np.take_along_axis(x, low, axis=-1), np.take_along_axis(x, high, axis=-1)
    span = np.where(high > low, when[high] - when[low], 1.0)
    share = (when - when[low]) / span
    reason = np.where(inside, "", "outside_span").astype(_REASON)
    reason[~known.any(axis=-1)] = "no_data"
    # Weighted, not start + slope: neighbours of opposite sign near the largest numbers do not overflow.
    return _filled(x, np.where(inside, start * (1.0 - share) + end * share, np.nan), reason, allowed)


def em(
    x: Floats,
    *,
    ridge: float = 0.0,
    bounded: bool = False,
    tolerance: float = EM_TOLERANCE,
    iterations: int = EM_ITERATIONS,
    allowed: Bools | None = None,
) -> Expectation:
    """Expected value given what is known of the unit, under a multivariate normal distribution fitted by the EM algorithm.

    In turn: the missing values are replaced with their expectation m + S_mo S_oo^-1 (x_o - o) given the observed ones, and
    mean and covariance are estimated from the filled table, to which the conditional covariance S_mm - S_mo S_oo^-1 S_om
    of the missing values is added. Without the latter, spreads and correlations would be those of a table without doubt.

    Parameters
    ----------
    x : (n_units, n_indicators) array; NaN = missing. Missing at random given what is observed is assumed, and columns
        that are about normal (take logarithms before, not after).
    ridge : added to the diagonal of the correlation matrix in every step, >= 0: pulls the expectation towards the mean, and
        makes an answer possible with more indicators than units.
    bounded : keep imputed values between the smallest and the largest observed of their column. The fit is not changed.
    tolerance, iterations : stop once no standardised mean or covariance moves by more, or after so many.
    allowed : as `mean`; cells where nothing may be put in are missing for the fit, too.

    Returns
    -------
    Expectation. Units without any value are not used and stay NaN, `no_unit_data`; columns without data, `no_data`. A
    column that is constant is filled with its value, but for round-off. The result does not depend on the units of the columns.

    Raises
    ------
    ValueError : as `mean`; no more units with data than indicators, without a ridge (impute pillar by pillar); or `ridge`,
        `tolerance` or `iterations` out of range.

    References
    ----------
    Dempster, Laird & Rubin (1977), JRSS B 39(1), 1-38; Little & Rubin (2002), Statistical Analysis with Missing Data,
    section 11.2; OECD/JRC (2008), section 3.4.

    Examples
    --------
    The known pairs lie on y = 2 x + 1:

    >>> table = np.array([[1.0, 3.0], [2.0, 5.0], [3.0, 7.0], [4.0, np.nan]])
    >>> em(table).values[3].round(6).tolist()
    [4.0, 9.0]
    """
    _check_table(x)
    if not (ridge >= 0 and tolerance > 0 and iterations >= 1):
        raise ValueError("ridge must be >= 0, tolerance > 0 and iterations >= 1")
    known = ~np.isnan(x)
    rows, columns = known.any(axis=1), known.any(axis=0)
    n_units, n_indicators = int(rows.sum()), int(columns.sum())
    if n_units <= n_indicators and ridge == 0 and n_indicators:
        raise ValueError(
            f"{n_units} units with data are too few for a covariance of {n_indicators} indicators: "
            "impute fewer indicators at a time, such as those of a pillar, or give a ridge"
        )
    fill = np.full(x.shape, np.nan)
    centre, covariance = np.full(x.shape[1], np.nan), np.full((x.shape[1], x.shape[1]), np.nan)
    done, converged = 0, True
    if n_units and n_indicators:
        table = x[np.ix_(rows, columns)]
        middle, spread = _scale(table)
        fitted, m, s, done, converged = _em((table - middle) / spread, ridge, tolerance, iterations)
        estimate = fitted * spread + middle
        if bounded:
            estimate = np.clip(estimate, np.nanmin(table, axis=0), np.nanmax(table, axis=0))
        fill[np.ix_(rows, columns)] = estimate
        centre[columns] = m * spread + middle
        covariance[np.ix_(columns, columns)] = s * np.outer(spread, spread)
    result = _filled(x, fill, _model_reasons(x), allowed)
    return Expectation(result.values, result.imputed, result.missing, centre, covariance, done, converged)


def iterative(
    x: Floats,
    *,
    seed: int,
    bounded: bool = False,
    tolerance: float = ITERATIVE_TOLERANCE,
    iterations: int = ITERATIVE_ITERATIONS,
    allowed: Bools | None = None,
) -> Iterated:
    """Bayesian ridge regression of each indicator on all others, in turn, until the imputed values stand still.

    scikit-learn's `IterativeImputer` on standardised columns, in random order of the columns.

    Parameters
    ----------
    x : (n_units, n_indicators) array; NaN = missing.
    seed : >= 0; the same seed gives the same values.
    bounded : keep imputed values between the smallest and the largest observed of their column, in every round.
    tolerance, iterations : stop once no value moves by more than `tolerance` times the largest standardised one, or after
        so many rounds.
    allowed : as `mean`.

    Returns
    -------
    Iterated. Reasons as `em`. The result does not depend on the units of the columns, but for round-off; it does on their
    order and on that of nothing else. With a single indicator there is nothing to regress on: its mean is put in.

    Raises
    ------
    ValueError : as `mean`; or `seed`, `tolerance` or `iterations` out of range.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning : the limit of iterations came first; `converged` is then false.

    References
    ----------
    van Buuren & Groothuis-Oudshoorn (2011), Journal of Statistical Software 45(3) (chained equations), of which this is
    the single, expected-value form; scikit-learn user guide, section "Multivariate feature imputation".

    Examples
    --------
    The known pairs lie on y = 2 x + 1:

    >>> table = np.array([[1.0, 3.0], [2.0, 5.0], [3.0, 7.0], [4.0, np.nan]])
    >>> iterative(table, seed=1).values[3].round(3).tolist()
    [4.0, 9.0]
    """
    _check_table(x)
    if not (seed >= 0 and tolerance > 0 and iterations >= 2):
        raise ValueError("seed must be >= 0, tolerance > 0 and iterations >= 2")
    known = ~np.isnan(x)
    rows, columns = known.any(axis=1), known.any(axis=0)
    fill = np.full(x.shape, np.nan)
    done, converged = 0, True
    if not known[np.ix_(rows, columns)].all():
        table = x[np.ix_(rows, columns)]
        middle, spread = _scale(table)
        standard = (table - middle) / spread
        estimate, done = _chained(standard, seed, bounded, tolerance, iterations)
        converged = done < iterations
        fill[np.ix_(rows, columns)] = estimate * spread + middle
    result = _filled(x, fill, _model_reasons(x), allowed)
    return Iterated(result.values, result.imputed, result.missing, done, converged)


def _chained(standard: Floats, seed: int, bounded: bool, tolerance: float, iterations: int) -> tuple[Floats, int]:
    """Filled standardised table and rounds made."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401, RUF100 (its import is what it does)
    from sklearn.impute import IterativeImputer

    imputer = IterativeImputer(
        max_iter=iterations,
        tol=tolerance,
        imputation_order="random",
        random_state=seed,
        min_value=np.nanmin(standard, axis=0) if bounded else -np.inf,
        max_value=np.nanmax(standard, axis=0) if bounded else np.inf,
    )
    filled: Floats = imputer.fit_transform(standard)
    return filled, int(imputer.n_iter_)


def _em(z: Floats, ridge: float, tolerance: float, iterations: int) -> tuple[Floats, Floats, Floats, int, bool]:
    """Filled table, mean, covariance, iterations, and whether they stood still; `z` is standardised."""
    known = ~np.isnan(z)
    patterns, pattern = np.unique(known, axis=0, return_inverse=True)
    members = [np.flatnonzero(pattern.ravel() == p) for p in range(len(patterns))]
    n, m = z.shape
    filled = np.where(known, z, 0.0)
    centre, covariance = np.zeros(m), np.eye(m)
    for done in range(1, iterations + 1):
        doubt = np.zeros((m, m))
        for seen, units in zip(patterns, members, strict=True):
            gone = ~seen
            if not gone.any():
                continue
            inside = covariance[np.ix_(seen, seen)]
            # The inverse of a covariance may not exist (indicators that repeat each other): the least-norm one does.
            slope = covariance[np.ix_(gone, seen)] @ np.linalg.pinv(inside, rcond=SINGULAR, hermitian=True)
            filled[np.ix_(units, gone)] = centre[gone] + (z[np.ix_(units, seen)] - centre[seen]) @ slope.T
            doubt[np.ix_(gone, gone)] += len(units) * (
                covariance[np.ix_(gone, gone)] - slope @ covariance[np.ix_(seen, gone)]
            )
        new_centre = filled.mean(axis=0)
        off = filled - new_centre
        new_covariance = (off.T @ off + doubt) / n + ridge * np.eye(m)
        change = max(np.abs(new_centre - centre).max(), np.abs(new_covariance - covariance).max())
        centre, covariance = new_centre, new_covariance
        if change <= tolerance:
            return filled, centre, covariance, done, True
    return filled, centre, covariance, iterations, False


def _scale(table: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (divisor n) of the known values of each column; 1 for a constant column."""
    middle, spread = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
    # What round-off leaves of a constant is no spread.
    constant = spread <= 1e-12 * np.nanmax(np.abs(table), axis=0)
    return middle, np.where(constant, 1.0, spread)


def _model_reasons(x: Floats) -> Texts:
    reason = np.zeros(x.shape, _REASON)
    reason[np.isnan(x).all(axis=1)] = "no_unit_data"
    reason[:, np.isnan(x).all(axis=0)] = "no_data"
    return reason


def _filled(x: Floats, fill: Floats, reason: Texts, allowed: Bools | None) -> Imputation:
    """`fill` where `x` is missing, it is allowed and there is no reason against it; all are broadcast to the shape of `x`."""
    if allowed is not None and (allowed.dtype != np.bool_ or allowed.shape != x.shape):
        raise ValueError(f"allowed must be an array of bools of the shape {x.shape} of x")
    fill, reason = np.broadcast_to(fill, x.shape), np.broadcast_to(reason, x.shape)
    gap = np.isnan(x)
    imputed = gap & (reason == "")
    missing = np.where(gap, reason, "").astype(_REASON)
    if allowed is not None:
        missing[gap & ~allowed] = "not_allowed"
        imputed &= allowed
    return Imputation(np.where(imputed, fill, x), imputed, missing)


def _mean(x: Floats, axis: int) -> Floats:
    known = ~np.isnan(x)
    n = known.sum(axis=axis)
    total = np.where(known, x, 0.0).sum(axis=axis)
    average: Floats = np.divide(total, n, out=np.full(np.shape(total), np.nan), where=n > 0)
    return average


def _where(condition: Bools | np.bool_, reason: str) -> Texts:
    return np.where(condition, reason, "").astype(_REASON)


def _last_known(known: Bools) -> Ints:
    """Place of the last known value at or before each place along the last axis; -1 = none."""
    place = np.where(known, np.arange(known.shape[-1], dtype=np.intp), -1)
    last: Ints = np.maximum.accumulate(place, axis=-1)
    return last


def _codes(codes: Ints, n: int, name: str, of: str) -> tuple[Ints, int]:
    """Codes renumbered from 0 without gaps, -1 kept, and how many there are."""
    if codes.shape != (n,) or codes.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold one integer code per {of}: ({n},), not {codes.shape} of {codes.dtype}")
    if (codes < -1).any():
        raise ValueError(f"{name} must be >= 0, or -1 for none")
    found = np.unique(codes[codes >= 0])
    return np.where(codes >= 0, np.searchsorted(found, codes), -1), found.size


def _check_table(x: Floats) -> None:
    if x.ndim != 2:
        raise ValueError(f"x must be a table of units and indicators, not an array of {x.ndim} dimensions")
    if np.isinf(x).any():
        raise ValueError("x must be finite (NaN = missing)")


def _check_series(x: Floats, periods: Floats | Ints) -> Floats:
    when = np.asarray(periods, np.float64)
    if x.ndim < 1 or when.shape != x.shape[-1:]:
        raise ValueError(f"periods {when.shape} do not fit the last axis of x {x.shape}")
    if np.isinf(x).any():
        raise ValueError("x must be finite (NaN = missing)")
    if not (np.isfinite(when).all() and (np.diff(when) > 0).all()):
        raise ValueError("periods must rise strictly, each one once")
    return when


#: Methods for one table, by the name a user gives; each is called as f(x, **parameters).
TABLE_IMPUTERS: Final[dict[str, Callable[..., Imputation]]] = {
    "mean": mean,
    "median": median,
    "group_mean": group_mean,
    "row_mean": row_mean,
    "em": em,
    "iterative": iterative,
}

#: Methods for series, each called as f(x, periods, **parameters).
SERIES_IMPUTERS: Final[dict[str, Callable[..., Imputation]]] = {
    "last_observation": last_observation,
    "linear": linear,
}
