"""Coherence of a framework of indicators: what is known, what moves together, and what really decides the score.

Tables are (n_units, n_indicators) float arrays; NaN means missing, an infinity is refused (`ValueError`). Nothing here
changes a value: everything is a finding about the table, and a flag is a question to the person who built the framework,
not a verdict.

Correlations are over the units known in both (pairwise). Cronbach's alpha and principal components need one set of units
for all indicators, those without a gap (listwise), and say how many these are. A column that is nearly constant
(`capmap.methods.normalisation.is_near_constant`) correlates with nothing: NaN in a table of correlations, and refused
(`ConstantError`) where a single number is asked for.

Signs mean something only on data in one direction (more is better): a conflict, alpha and the loadings are for directed
data. The standard source is OECD/JRC (2008), Handbook on Constructing Composite Indicators, Part 2, steps 2 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from capmap.methods.normalisation import NEAR_CONSTANT, ConstantError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]
CorrelationMethod = Literal["pearson", "spearman"]
Mean = Literal["arithmetic", "geometric"]

#: Smallest share known, of a unit's indicators and of those of each group, with which it is scored.
MIN_AVAILABLE: Final = 2 / 3
#: Share of equal values, and of zeros, above which a column is flagged.
MOSTLY: Final = 0.5
#: Correlation above which, in absolute value, two indicators say the same.
COLLINEAR: Final = 0.9
#: Correlation below which two indicators, or an indicator and its score, pull apart.
CONFLICT: Final = -0.4
#: Correlation below which, in absolute value, an indicator says little about its score.
WEAK: Final = 0.3
#: Correlation with a denominator above which, in absolute value, an indicator is explained by size.
SIZE: Final = 0.6
#: Fewest units for a correlation.
MIN_PAIRS: Final = 3
#: Fewest different values for a smoothing spline, and the share of their range to which it tells them apart.
MIN_SPLINE: Final = 5
SPLINE_GRID: Final = 1e-4


@dataclass(frozen=True, eq=False)
class Availability:
    """Shares of values that are known, in [0, 1].

    `units` (n_units,) of all indicators, `indicators` (n_indicators,) of all units, `by_group` (n_units, n_groups) of the
    indicators of a group, in the order of `groups` (n_groups,), the codes that occur.
    """

    units: Floats
    indicators: Floats
    by_group: Floats
    groups: Ints


@dataclass(frozen=True, eq=False)
class Screening:
    """Who is scored: `kept` (n_units,), and `reasons` (n_units,), empty where kept.

    Several reasons are joined by `;` in alphabetical order: `few_in_group` and `few_indicators`.
    """

    kept: Bools
    reasons: Texts
    available: Availability


@dataclass(frozen=True, eq=False)
class ColumnFlags:
    """What is odd about each column, all (n_indicators,).

    `known` counts values, `equal` is the share of the most common one among them, `zero` that of zeros; NaN in a column
    without data. `no_data`, `constant`, `mostly_equal` and `mostly_zero` are flags (`constant` sets `mostly_equal`, too);
    `zeros` says that there is any, which a geometric mean or a logarithm does not survive.
    """

    known: Ints
    equal: Floats
    zero: Floats
    no_data: Bools
    constant: Bools
    mostly_equal: Bools
    mostly_zero: Bools
    zeros: Bools


@dataclass(frozen=True, eq=False)
class Correlation:
    """Correlations `rho` in [-1, 1] and the number of units `n` that each is over, both (n_columns_x, n_columns_y)."""

    rho: Floats
    n: Ints


@dataclass(frozen=True, eq=False)
class CorrelationFlags:
    """Flags on correlations, of their shape; none where it is NaN.

    `collinear`: |rho| > 0.9; `conflict`: rho < -0.4; `weak`: |rho| < 0.3.
    """

    collinear: Bools
    conflict: Bools
    weak: Bools


@dataclass(frozen=True, eq=False)
class Alpha:
    """Cronbach's alpha, at most 1, over the `n` units without a gap.

    `dropped` (n_indicators,) is alpha without that indicator, NaN with two of them; `item_rest` (n_indicators,) the
    correlation of an indicator with the sum of the others; `mean_correlation` the mean over all pairs.
    """

    alpha: float
    dropped: Floats
    item_rest: Floats
    mean_correlation: float
    n: int


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of the correlation matrix, largest first, over the `n` units without a gap.

    `eigenvalues` (n_indicators,) add up to the number of indicators; `explained` and `cumulative` (n_indicators,) are their
    shares of it. `loadings` (n_indicators, n_components) are the correlations of indicators with components, each
    component turned so that its loadings add up to 0 or more.
    """

    eigenvalues: Floats
    explained: Floats
    cumulative: Floats
    loadings: Floats
    n: int


@dataclass(frozen=True, eq=False)
class Importance:
    """How much each indicator has to do with the variation of the score, all (n_indicators,).

    `weight` is the nominal one, scaled to 1. `pearson2` and `spearman2` are squared correlations with the score in [0, 1],
    the main effect if it is linear, or monotone. `main_effect` in [0, 1] is the share of the score's variance that the
    indicator explains by any smooth curve (correlation ratio). None of these adds up to 1, as indicators overlap.
    `covariance_share` does: w_j cov(y_j, score)/var(score); it is below 0 for an indicator that pulls against its score.
    """

    weight: Floats
    pearson2: Floats
    spearman2: Floats
    main_effect: Floats
    covariance_share: Floats


def availability(x: Floats, groups: Ints | None = None) -> Availability:
    """Share of values that are known, by unit, indicator, and unit and group.

    Parameters
    ----------
    x : (n_units, n_indicators) array; NaN = missing. 0 is a value.
    groups : (n_indicators,) integer codes of the group (pillar) of each indicator; None = all in one.

    Raises
    ------
    ValueError : `x` is not a 2-D array with a column, holds an infinity, or `groups` does not fit.

    Examples
    --------
    >>> result = availability(np.array([[1.0, 2.0, np.nan], [0.0, np.nan, np.nan]]), np.array([5, 5, 7]))
    >>> result.by_group.tolist(), result.groups.tolist(), result.indicators.tolist()
    ([[1.0, 0.0], [0.5, 0.0]], [5, 7], [1.0, 0.5, 0.0])
    """
    known = _known(x).astype(np.float64)
    codes = np.zeros(x.shape[1], np.intp) if groups is None else _groups(groups, x.shape[1])
    found, place = np.unique(codes, return_inverse=True)
    member = (place[:, np.newaxis] == np.arange(found.size)).astype(np.float64)
    n_units = max(len(x), 1)
    return Availability(known.mean(axis=1), known.sum(axis=0) / n_units, known @ member / member.sum(axis=0), found)


def screen(
    x: Floats, groups: Ints | None = None, *, min_unit: float = MIN_AVAILABLE, min_group: float = MIN_AVAILABLE
) -> Screening:
    """Which units have enough data to be scored.

    Parameters
    ----------
    x, groups : as `availability`.
    min_unit : smallest share known of all indicators of a unit, in [0, 1].
    min_group : smallest share known of the indicators of each group; 0 = a group may be missing altogether.

    Returns
    -------
    Screening. A share of exactly the minimum is enough: 2 of 3 is 2/3, in spite of round-off.

    Raises
    ------
    ValueError : as `availability`, or a minimum outside [0, 1].

    References
    ----------
    OECD/JRC (2008), section 1.2 and step 3; the threshold of 2/3 is that of the Global Innovation Index.

    Examples
    --------
    >>> result = screen(np.array([[1.0, 2.0, np.nan], [np.nan, 2.0, np.nan]]))
    >>> result.kept.tolist(), result.reasons.tolist()
    ([True, False], ['', 'few_in_group;few_indicators'])
    """
    for minimum in (min_unit, min_group):
        if not 0 <= minimum <= 1:
            raise ValueError(f"a minimum share must be in [0, 1], not {minimum}")
    available = availability(x, groups)
    few = available.units < min_unit - 1e-9
    few_in_group = (available.by_group < min_group - 1e-9).any(axis=1)
    both = np.where(few & few_in_group, ";", "")
    reasons = np.strings.add(
        np.strings.add(np.where(few_in_group, "few_in_group", ""), both), np.where(few, "few_indicators", "")
    )
    return Screening(~(few | few_in_group), reasons, available)


def column_flags(x: Floats, *, threshold: float = MOSTLY) -> ColumnFlags:
    """Columns without data, constant, with more than half of their values equal, with zeros.

    Parameters
    ----------
    x : (n_units, n_indicators) array; NaN = missing and does not count.
    threshold : share of the known values, in [0, 1); more than it is flagged, exactly it is not.

    Returns
    -------
    ColumnFlags. Values are equal as floating-point numbers; `constant` follows `is_near_constant`, and holds for a column
    with a single value.

    Raises
    ------
    ValueError : `x` is not a 2-D array with a column or holds an infinity, or the threshold is outside [0, 1).

    Examples
    --------
    >>> flags = column_flags(np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 2.0], [5.0, 3.0]]))
    >>> flags.equal.tolist(), flags.mostly_equal.tolist(), flags.mostly_zero.tolist()
    ([0.75, 0.5], [True, False], [True, False])
    """
    known = _known(x)
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be in [0, 1), not {threshold}")
    n = known.sum(axis=0)
    over = np.where(n > 0, n, np.nan)
    equal = _longest_run(np.sort(x, axis=0)) / over
    zero = (x == 0).sum(axis=0) / over
    no_data = n == 0
    return ColumnFlags(
        n,
        equal,
        zero,
        no_data,
        ~no_data & _constant(x),
        (equal > threshold) | (~no_data & _constant(x)),
        zero > threshold,
        zero > 0,
    )


def correlation(
    x: Floats, y: Floats | None = None, *, method: CorrelationMethod = "pearson", min_pairs: int = MIN_PAIRS
) -> Correlation:
    """Correlation of every column of one table with every column of another, over the units known in both.

    Between levels of an index: indicators with the scores of their pillar; between indicators and denominators; or within
    a table.

    Parameters
    ----------
    x : (n_units, n_x) array; NaN = missing.
    y : (n_units, n_y) array; None = `x`.
    method : `pearson`, or `spearman`, the same of the ranks (ties share their mean) among the units known in both.
    min_pairs : fewest units known in both, at least 2.

    Returns
    -------
    Correlation, (n_x, n_y). NaN with fewer pairs, or where a column is nearly constant over the pairs.

    Raises
    ------
    ValueError : a table is not a 2-D array with a column or holds an infinity, they have different units, the method is
        unknown, or `min_pairs` is below 2.

    References
    ----------
    OECD/JRC (2008), section 4.1 and Table 6.

    Examples
    --------
    >>> table = np.array([[1.0, 1.0], [2.0, 4.0], [3.0, 9.0], [np.nan, 0.0]])
    >>> correlation(table).rho[0].round(6).tolist(), correlation(table, method="spearman").n.tolist()
    ([1.0, 0.989743], [[3, 3], [3, 4]])
    """
    other = x if y is None else y
    known, known_other = _known(x), _known(other)
    if len(x) != len(other):
        raise ValueError(f"tables of {len(x)} and {len(other)} units do not fit")
    if method not in get_args(CorrelationMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(CorrelationMethod))}, not {method!r}")
    if min_pairs < 2:
        raise ValueError(f"min_pairs must be at least 2, not {min_pairs}")
    n = known.T.astype(np.intp) @ known_other.astype(np.intp)
    rho = np.full(n.shape, np.nan)
    for j in range(x.shape[1]):  # the pairs of one column with all columns of the other table at once
        pair = known[:, j, np.newaxis] & known_other
        a, b = np.where(pair, x[:, j, np.newaxis], np.nan), np.where(pair, other, np.nan)
        rho[j] = _pearson(_ranked(a), _ranked(b)) if method == "spearman" else _pearson(a, b)
    rho[n < min_pairs] = np.nan
    if y is None:  # the same to the last bit on both sides
        np.fill_diagonal(rho, np.where(np.isnan(np.diag(rho)), np.nan, 1.0))
        rho = np.where(np.tri(len(rho), dtype=np.bool_), rho, rho.T)
    return Correlation(rho, n)


def correlation_flags(
    rho: Floats,
    same_group: Bools | None = None,
    *,
    collinear: float = COLLINEAR,
    conflict: float = CONFLICT,
    weak: float = WEAK,
) -> CorrelationFlags:
    """Correlations that ask a question: the same thing twice, opposed, or unrelated.

    Parameters
    ----------
    rho : (n_x, n_y) correlations of directed data; NaN = unknown.
    same_group : (n_x, n_y) bools, the pairs to look at, such as two different indicators of one pillar
        (`within_groups`), or an indicator and its own pillar; None = all.
    collinear, weak : limits of |rho|. conflict : limit of rho. The limit itself is not flagged.

    Raises
    ------
    ValueError : the arrays do not fit.

    References
    ----------
    The limits are those of the audits of the JRC Competence Centre on Composite Indicators and of the R package COINr
    (Becker et al. 2022, Journal of Open Source Software 7(78), 4567).

    Examples
    --------
    >>> flags = correlation_flags(np.array([[0.95, -0.5, 0.1]]))
    >>> flags.collinear.tolist(), flags.conflict.tolist(), flags.weak.tolist()
    ([[True, False, False]], [[False, True, False]], [[False, False, True]])
    """
    if same_group is not None and same_group.shape != rho.shape:
        raise ValueError(f"same_group {same_group.shape} does not fit the correlations {rho.shape}")
    looked_at: Bools = np.ones(rho.shape, np.bool_) if same_group is None else same_group
    return CorrelationFlags(
        (np.abs(rho) > collinear) & looked_at, (rho < conflict) & looked_at, (np.abs(rho) < weak) & looked_at
    )


def within_groups(groups: Ints) -> Bools:
    """Which pairs are of two different indicators of one group: (n, n) bools for (n,) codes.

    Examples
    --------
    >>> within_groups(np.array([1, 1, 2])).tolist()
    [[False, True, False], [True, False, False], [False, False, False]]
    """
    return np.asarray((groups[:, np.newaxis] == groups) & ~np.eye(groups.size, dtype=np.bool_))


def explained_by_size(
    x: Floats, denominators: Floats, *, method: CorrelationMethod = "pearson", limit: float = SIZE
) -> Bools:
    """Indicators that a denominator explains, and so perhaps only say that a unit is large: |rho| above the limit.

    Parameters
    ----------
    x : (n_units, n_indicators) array; NaN = missing.
    denominators : (n_units, n_denominators) array, such as population, area, value added.
    method : as `correlation`.
    limit : of |rho|; the limit itself is not flagged.

    Returns
    -------
    (n_indicators, n_denominators) bools; False where there is no correlation to speak of.

    Raises
    ------
    ValueError : as `correlation`.

    References
    ----------
    OECD/JRC (2008), section 1.2; the limit is that of `get_denom_corr` of the R package COINr.

    Examples
    --------
    >>> patents, population = np.array([[10.0], [22.0], [28.0], [41.0]]), np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> explained_by_size(patents, population).tolist(), explained_by_size(patents / population, population).tolist()
    ([[True]], [[False]])
    """
    return np.abs(correlation(x, denominators, method=method).rho) > limit


def cronbach_alpha(x: Floats) -> Alpha:
    """Standardised Cronbach's alpha: how far indicators measure one thing.

    alpha = m r / (1 + (m - 1) r) with r the mean correlation of the m indicators, the alpha of z-scores. It rises with the
    number of indicators, is no test of one dimension, and may be below 0.

    Parameters
    ----------
    x : (n_units, m) array, directed: an indicator of which less is better, left as it is, lowers alpha. The units of the
        columns do not matter. NaN = missing; units with a gap are left out.

    Returns
    -------
    Alpha. Around 0.7 is the usual rule (Nunnally 1978); an indicator without which alpha is higher measures something else.

    Raises
    ------
    ConstantError : a column is nearly constant over the units without a gap.
    ValueError : fewer than two indicators, or than three units without a gap; or as `availability`. Also a mean correlation
        at the limit -1/(m - 1), where alpha has no bound.

    References
    ----------
    Cronbach (1951), Psychometrika 16(3), 297-334; OECD/JRC (2008), section 4.3 and Table 11 (0.70 for the Technology
    Achievement Index; 0.774 without exports).

    Examples
    --------
    Three indicators that correlate with 0.5 each: 3 * 0.5 / (1 + 2 * 0.5).

    >>> base = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])  # orthogonal columns
    >>> mixed = base @ np.linalg.cholesky(np.array([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]])).T
    >>> round(cronbach_alpha(mixed).alpha, 9)
    0.75
    """
    z = _standardised(x, "alpha")
    n, m = z.shape
    r = z.T @ z / n
    total = r.sum()
    if total <= m * NEAR_CONSTANT:
        raise ValueError("alpha has no bound: the standardised indicators add up to the same for every unit")
    # Leaving out j takes its row and column from the sum of all correlations.
    totals = total - 2.0 * r.sum(axis=0) + 1.0
    spread = totals > m * NEAR_CONSTANT
    dropped = np.full(m, np.nan)
    if m > 2:
        np.divide((m - 1) / (m - 2) * (totals - (m - 1)), totals, out=dropped, where=spread)
    covariance = r.sum(axis=0) - 1.0
    item_rest = np.divide(covariance, np.sqrt(np.maximum(totals, 0.0)), out=np.full(m, np.nan), where=spread)
    return Alpha(float(m / (m - 1) * (total - m) / total), dropped, item_rest, float((total - m) / (m * (m - 1))), n)


def principal_components(x: Floats) -> Components:
    """Principal components of standardised indicators: how many dimensions there are, and who belongs to which.

    Parameters
    ----------
    x : as `cronbach_alpha`.

    Returns
    -------
    Components. An eigenvalue above 1 explains more than one indicator (Kaiser's rule). With equal eigenvalues their
    components are any mixture of each other.

    Raises
    ------
    ConstantError, ValueError : as `cronbach_alpha`.

    References
    ----------
    OECD/JRC (2008), section 4.1, Tables 7 and 8.

    Examples
    --------
    Two indicators that correlate with r have the eigenvalues 1 + r and 1 - r:

    >>> parts = principal_components(np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]]))  # r = 0.5
    >>> parts.eigenvalues.round(9).tolist(), parts.loadings[:, 0].round(6).tolist()
    ([1.5, 0.5], [0.866025, 0.866025])
    """
    z = _standardised(x, "a principal component")
    n, m = z.shape
    values, vectors = np.linalg.eigh(z.T @ z / n)
    eigenvalues = np.maximum(values[::-1], 0.0)  # >= 0 but for round-off
    loadings = vectors[:, ::-1] * np.sqrt(eigenvalues)
    loadings = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    explained = eigenvalues / m
    return Components(eigenvalues, explained, np.cumsum(explained), loadings, n)


def contributions(y: Floats, weights: Floats, *, mean: Mean = "arithmetic") -> Floats:
    """What each indicator adds to the score of each unit; the differences of two units explain their gap.

    Arithmetic: w_j y_ij / sum_k w_k over the k that unit i has; they add up to its score. Geometric: the same of ln y_ij,
    adding up to the logarithm of the score.

    Parameters
    ----------
    y : (n_units, n_indicators) normalised array; NaN = missing.
    weights : (n_indicators,) >= 0, their sum above 0; only their ratios matter.
    mean : `arithmetic` or `geometric`.

    Returns
    -------
    (n_units, n_indicators) array in the unit of `y`, or of its logarithm; NaN where `y` is, and for a unit that has nothing
    of weight.

    Raises
    ------
    ValueError : `y` is not a 2-D array with a column or holds an infinity, `weights` do not fit or are not finite and >= 0
        or add up to 0, `mean` is unknown, or a value <= 0 goes into a geometric mean.

    References
    ----------
    OECD/JRC (2008), step 8 ("back to the details") and sections 6.10-6.11.

    Examples
    --------
    >>> contributions(np.array([[0.2, 0.8], [0.6, np.nan]]), np.array([3.0, 1.0])).round(9).tolist()
    [[0.15, 0.2], [0.6, nan]]
    """
    known = _known(y)
    w = _weights(weights, y.shape[1])
    if mean not in get_args(Mean):
        raise ValueError(f"mean must be one of {', '.join(get_args(Mean))}, not {mean!r}")
    if mean == "geometric" and (y <= 0).any():
        raise ValueError("a geometric mean needs values above 0")
    value = np.log(y) if mean == "geometric" else y
    mass = (known * w).sum(axis=1, keepdims=True)
    share: Floats = np.divide(w, mass, out=np.full(y.shape, np.nan), where=mass > 0)
    return value * share


def importance(y: Floats, weights: Floats, score: Floats) -> Importance:
    """Effective weights: what share of the variation of the score each indicator explains, beside its nominal weight.

    A weight says how much score a point of the indicator buys, not how much the indicator decides: that depends on its
    spread and on the company it keeps.

    Parameters
    ----------
    y : (n_units, n_indicators) normalised array; NaN = missing.
    weights : (n_indicators,) nominal weights >= 0, their sum above 0; leaves of a tree: the products along the branch.
    score : (n_units,) score of the index or of a pillar, however it was aggregated; NaN = none.

    Returns
    -------
    Importance. All over the units known in both. NaN for a nearly constant indicator or score, and with fewer than three
    units; the main effect with fewer than five different values. `covariance_share` adds up to 1 for an arithmetic mean
    without gaps; with gaps, or another mean, only about so.

    Raises
    ------
    ValueError : as `contributions`, or `score` is not (n_units,) or holds an infinity.

    References
    ----------
    Paruolo, Saisana & Saltelli (2013), Journal of the Royal Statistical Society A 176(3), 609-634 (correlation ratio,
    Pearson's eta^2, as the measure of importance). The curve is a cubic smoothing spline, as in Becker, Saisana, Paruolo &
    Vandecasteele (2017), Ecological Indicators 80, 12-22, with the penalty by generalised cross-validation.

    Examples
    --------
    Two uncorrelated indicators, one with twice the spread of the other, at equal weights: 4/5 and 1/5 of the variance.

    >>> table = np.array([[2.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]])
    >>> result = importance(table, np.array([1.0, 1.0]), table.mean(axis=1))
    >>> result.pearson2.round(9).tolist(), result.covariance_share.round(9).tolist(), result.weight.tolist()
    ([0.8, 0.2], [0.8, 0.2], [0.5, 0.5])
    """
    known = _known(y)
    w = _weights(weights, y.shape[1])
    if score.shape != (len(y),) or np.isinf(score).any():
        raise ValueError(f"score must be ({len(y)},) and finite (NaN = none), not {score.shape}")
    column = score[:, np.newaxis]
    pearson = correlation(y, column).rho[:, 0]
    spearman = correlation(y, column, method="spearman").rho[:, 0]
    pair = known & ~np.isnan(column)
    a, b = np.where(pair, y, np.nan), np.where(pair, column, np.nan)
    ratio = np.divide(_spread(a), _spread(b), out=np.full(w.shape, np.nan), where=~np.isnan(pearson))
    smooth = np.array([_main_effect(a[pair[:, j], j], b[pair[:, j], j]) for j in range(w.size)])
    return Importance(w, pearson**2, spearman**2, np.where(np.isnan(pearson), np.nan, smooth), w * pearson * ratio)


def _main_effect(x: Floats, y: Floats) -> float:
    """Share of the variance of `y` on the smoothing spline through it against `x`; NaN with too few values of `x`.

    `x` is taken to 1e-4 of its range, and values in one place have their mean there: the equations of a spline through
    points closer than that lose all digits, and the curve with them.
    """
    from scipy.interpolate import make_smoothing_spline

    order = np.argsort(x, kind="stable")
    reach = float(np.ptp(x)) if x.size else 0.0
    total = float(np.var(y)) if y.size else 0.0
    if reach <= 0 or total <= 0:
        return float("nan")
    # Places and values on one scale: the penalty is chosen by cross-validation whatever their units.
    rising, values = (x[order] - x[order[0]]) / reach, (y[order] - y.mean()) / total**0.5
    at, place = np.unique(np.floor(rising / SPLINE_GRID + 0.5) * SPLINE_GRID, return_inverse=True)
    times = np.bincount(place)
    if times.size < MIN_SPLINE:
        return float("nan")
    means = np.bincount(place, weights=values) / times
    curve = make_smoothing_spline(at, means, w=times.astype(np.float64))(at)
    centre = np.average(curve, weights=times)
    return float(np.clip(np.average((curve - centre) ** 2, weights=times), 0.0, 1.0))


def _standardised(x: Floats, what: str) -> Floats:
    """z-scores (divisor n) of the units without a gap."""
    complete = x[_known(x).all(axis=1)]
    n, m = complete.shape
    if m < 2:
        raise ValueError(f"{what} needs at least two indicators")
    if n < MIN_PAIRS:
        raise ValueError(f"{what} needs at least {MIN_PAIRS} units without a gap, and there are {n} of {len(x)}")
    constant = np.flatnonzero(_constant(complete))
    if constant.size:
        columns = ", ".join(str(j) for j in constant)
        raise ConstantError(f"{what} does not exist: without spread over {n} units without a gap are columns {columns}")
    off = _centred(complete)
    z: Floats = off / np.sqrt((off**2).mean(axis=0))
    return z


def _pearson(a: Floats, b: Floats) -> Floats:
    """Correlation of each column of `a` with that of `b`, NaN in the same places; NaN where one has no spread."""
    defined = ~(_constant(a) | _constant(b))
    off_a, off_b = np.nan_to_num(_centred(a)), np.nan_to_num(_centred(b))
    top = (off_a * off_b).sum(axis=0)
    bottom = np.sqrt((off_a**2).sum(axis=0) * (off_b**2).sum(axis=0))
    rho: Floats = np.divide(top, bottom, out=np.full(defined.shape, np.nan), where=defined & (bottom > 0))
    return np.clip(rho, -1.0, 1.0)


def _centred(x: Floats) -> Floats:
    """Columns scaled to at most 1, for the sake of their squares, and less their mean; NaN stays."""
    largest = np.where(np.isnan(x), 0.0, np.abs(x)).max(axis=0, initial=0.0)
    scaled = x / np.where(largest > 0, largest, 1.0)
    n = np.maximum((~np.isnan(x)).sum(axis=0), 1)
    centred: Floats = scaled - np.nansum(scaled, axis=0) / n
    widest = np.where(np.isnan(x), 0.0, np.abs(centred)).max(axis=0, initial=0.0)
    return centred / np.where(widest > 0, widest, 1.0)


def _ranked(x: Floats) -> Floats:
    """Ranks of each column, ties at their mean; NaN stays."""
    from scipy.stats import rankdata

    ranks: Floats = rankdata(x, axis=0, nan_policy="omit")
    return ranks


def _spread(x: Floats) -> Floats:
    """Standard deviation (divisor n) of the known values of each column; 0 where there are none."""
    known = ~np.isnan(x)
    n = np.maximum(known.sum(axis=0), 1)
    off = np.where(known, x - np.nansum(x, axis=0) / n, 0.0)
    spread: Floats = np.sqrt((off**2).sum(axis=0) / n)
    return spread


def _constant(x: Floats) -> Bools:
    """`is_near_constant` of every column."""
    known = ~np.isnan(x)
    high = np.where(known, x, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(known, x, np.inf).min(axis=0, initial=np.inf)
    any_known = known.any(axis=0)
    reach = np.where(any_known, high, 0.0) - np.where(any_known, low, 0.0)
    size = np.where(known, np.abs(x), 0.0).max(axis=0, initial=0.0)
    return np.asarray(reach <= np.maximum(NEAR_CONSTANT * size, 1e-75))


def _longest_run(ordered: Floats) -> Floats:
    """How often the most common value occurs in each sorted column, NaN not counted."""
    n = len(ordered)
    if n == 0:
        return np.zeros(ordered.shape[1])
    opens = np.ones(ordered.shape, np.bool_)
    opens[1:] = ordered[1:] != ordered[:-1]
    start = np.maximum.accumulate(np.where(opens, np.arange(n)[:, np.newaxis], 0), axis=0)
    run = np.arange(n)[:, np.newaxis] - start + 1
    longest: Floats = np.where(np.isnan(ordered), 0, run).max(axis=0).astype(np.float64)
    return longest


def _known(x: Floats) -> Bools:
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"a table of units and at least one indicator is needed, not an array of shape {x.shape}")
    if np.isinf(x).any():
        raise ValueError("values must be finite (NaN = missing)")
    return np.asarray(~np.isnan(x))


def _groups(groups: Ints, n: int) -> Ints:
    if groups.shape != (n,) or groups.dtype.kind not in "iu":
        raise ValueError(
            f"groups must hold one integer code per indicator: ({n},), not {groups.shape} of {groups.dtype}"
        )
    return groups


def _weights(weights: Floats, n: int) -> Floats:
    """Weights scaled to add up to 1."""
    if weights.shape != (n,):
        raise ValueError(f"weights {weights.shape} do not fit {n} indicators")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise ValueError("weights must be finite and >= 0, and not all 0")
    scaled: Floats = weights / weights.sum()
    return scaled
