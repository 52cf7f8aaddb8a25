"""Weights of a composite: given, from the data, from experts, and what a weight then amounts to.

Indicators lie along the last axis. Every function that returns weights returns them >= 0 with sum 1. Tables of values
are (n_units, n_indicators), directed (more is better) and NaN where missing; each function says what it does about that.
Nothing here looks at units one by one except `benefit_of_doubt`, so the order of the units never matters.

Weights of an arithmetic mean are rates of exchange between indicators, not their importance (OECD/JRC 2008, section
6.13): `importance` measures what each indicator really does, and `correlation_optimised` turns that around.

The standard source is OECD/JRC (2008), Handbook on Constructing Composite Indicators, Part 2, step 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from capmap.methods.normalisation import is_near_constant, min_max

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Component = Literal["rotated", "first"]

#: Saaty's random index: mean consistency index of random reciprocal matrices of order 1, 2, ... 15.
RANDOM_INDEX: Final = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
#: Largest consistency ratio of judgements that can be used as they are (Saaty 1980).
MAX_CONSISTENCY_RATIO: Final = 0.10
#: Components are kept that explain more than one indicator does, and at least this share of the variance together.
MIN_EXPLAINED: Final = 0.60

_RECIPROCAL = 0.02  # a judgement typed as 0.33 stands for 1/3
_ROUND_OFF = 1e-9


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Weights by principal components, with what they rest on. n indicators, k components kept."""

    weights: Floats  #: (n,) sum 1
    loadings: (
        Floats  #: (n, k) correlations of indicators with (rotated) components, each turned so that they add up to >= 0
    )
    component: Ints  #: (n,) the component an indicator loads highest on, from 0
    explained: Floats  #: (k,) variance explained by each kept component, in indicators
    eigenvalues: Floats  #: (n,) of the correlation matrix, largest first
    n_units: int  #: units without a missing value, which alone were used


@dataclass(frozen=True, eq=False)
class BudgetAllocation:
    """Mean allocation of experts and how far they differ. Arrays (n_indicators,), shares of a budget."""

    weights: Floats  #: mean share, sum 1
    sd: Floats  #: standard deviation over the experts (divisor n - 1); NaN with one expert
    low: Floats  #: smallest share that an expert gave
    high: Floats  #: largest share that an expert gave
    n_experts: int  #: experts whose allocation is complete, who alone count


@dataclass(frozen=True, eq=False)
class AnalyticHierarchy:
    """Weights from pairwise comparisons and the consistency of the judgements."""

    weights: Floats  #: (n,) sum 1
    eigenvalue: float  #: the largest, n for perfectly consistent judgements and above otherwise
    consistency_index: float  #: (eigenvalue - n)/(n - 1)
    consistency_ratio: float  #: divided by the random index; 0 for n <= 2, NaN for n > 15, which has no random index
    consistent: bool  #: ratio below 0.10; False where it is NaN


@dataclass(frozen=True, eq=False)
class BestWorst:
    """Weights of the linear best-worst method, (n,), sum 1; `xi` >= 0 is the inconsistency, 0 = none."""

    weights: Floats
    xi: float


@dataclass(frozen=True, eq=False)
class BenefitOfDoubt:
    """Each unit under the weights that suit it best. `scores` (n_units,), the others (n_units, n_indicators).

    `scores` lie in [0, 1], 1 = nobody is better under these weights. `weights` multiply the values given, so that
    score = sum of weights * values; they do not add up to 1. `shares` are those products over the score, sum 1.
    NaN for a unit with a missing value. Scores are unique; weights and shares need not be, above all at a score of 1.
    """

    scores: Floats
    weights: Floats
    shares: Floats


@dataclass(frozen=True, eq=False)
class CorrelationWeights:
    """Weights under which correlations with the arithmetic mean are in the ratios wanted. Arrays (n_indicators,)."""

    weights: Floats  #: sum 1
    correlations: Floats  #: Pearson correlation of each indicator with the weighted mean
    shares: Floats  #: correlations over their sum
    target: Floats  #: shares wanted
    gap: float  #: largest |shares - target|; above round-off where the bounds do not allow the target


@dataclass(frozen=True, eq=False)
class Importance:
    """What each indicator does to an arithmetic mean. Arrays (n_indicators,); NaN where the mean is constant."""

    correlations: Floats  #: Pearson correlation of the indicator with the composite
    variance_shares: (
        Floats  #: w_j cov(x_j, composite)/var(composite), sum 1; negative = the indicator works against the rest
    )


def given(weights: ArrayLike) -> Floats:
    """Weights as given, divided by their sum.

    Parameters
    ----------
    weights : (..., n) array >= 0, along the last axis; only their ratios count. A weight of 0 leaves its indicator out.

    Returns
    -------
    Array of the same shape, each row with sum 1.

    Raises
    ------
    ValueError : no weight, a missing, infinite or negative one, or a row that adds up to 0 (or overflows).

    Examples
    --------
    >>> given([1.0, 1.0, 2.0]).tolist()
    [0.25, 0.25, 0.5]
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim == 0 or w.shape[-1] == 0:
        raise ValueError("there is no weight")
    if not np.isfinite(w).all():
        raise ValueError(f"weights must be finite: {_where(~np.isfinite(w))} is not")
    if (w < 0).any():
        raise ValueError(f"weights must not be negative: {_where(w < 0)} is {w[w < 0][0]:g}")
    with np.errstate(over="ignore"):
        total = w.sum(axis=-1, keepdims=True)
    if (total == 0).any():
        raise ValueError("weights add up to 0")
    if np.isinf(total).any():
        raise ValueError("weights are too large to be added")
    return np.asarray(w / total)


def equal(n: int) -> Floats:
    """Equal weights 1/n.

    Examples
    --------
    >>> equal(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    if n < 1:
        raise ValueError(f"at least one indicator is needed, not {n}")
    return np.full(n, 1.0 / n)


def principal_components(
    values: Floats, *, method: Component = "rotated", n_components: int | None = None
) -> PrincipalComponents:
    """Weights in proportion to the variance of each indicator that its component explains.

    The correlation matrix is decomposed, the first k components are kept and turned by varimax with Kaiser's
    normalisation. Each indicator belongs to the component on which its squared loading l^2 is largest, and

        w_j = max_k l_jk^2 / sum_i max_k l_ik^2,

    which is the Handbook's "squared loading scaled to unity sum" times "explained over total variance": the explained
    variance cancels. A sign plays no part, so an indicator that runs against its component counts like one that runs
    with it; `loadings` show it. Weights by components repair double counting and say nothing of importance.

    Parameters
    ----------
    values : (n_units, n_indicators) array, any units; NaN = missing, and that unit is left out.
    method : `rotated`; or `first`, w_j in proportion to the squared loading on the first component alone.
    n_components : k; None = as many as have an eigenvalue above 1, and more until 60 % of the variance is explained.

    Returns
    -------
    PrincipalComponents. The same for other units of measurement and for a column times -1.

    Raises
    ------
    ValueError : fewer than two indicators or three complete units, a nearly constant indicator, an infinity, an unknown
        method, a wrong number of components, or, where that is not given, indicators without any correlation.

    References
    ----------
    OECD/JRC (2008), section 6.1, Tables 17 and 18; Nicoletti, Scarpetta & Boylaud (2000), OECD Economics Department
    Working Paper 226; Kaiser (1958), Psychometrika 23(3), 187-200.

    Examples
    --------
    Two indicators that agree and a third without correlation: squared loadings 1, 1 on the first component, 1 on the
    second.

    >>> table = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0], [-1.0, -1.0, -1.0]])
    >>> result = principal_components(table, n_components=2)
    >>> result.weights.round(6).tolist(), result.eigenvalues.round(6).tolist()
    ([0.333333, 0.333333, 0.333333], [2.0, 1.0, 0.0])
    """
    if method not in get_args(Component):
        raise ValueError(f"method must be one of {', '.join(get_args(Component))}, not {method!r}")
    x = _complete(values, 3)
    eigenvalues, vectors = np.linalg.eigh(_correlations(x))
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0.0), vectors[:, ::-1]
    k = 1 if method == "first" else _n_kept(eigenvalues, n_components)
    loadings = vectors[:, :k] * np.sqrt(eigenvalues[:k])
    loadings = varimax(loadings)
    loadings = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    squared = loadings**2
    return PrincipalComponents(
        weights=given(squared.max(axis=1)),
        loadings=loadings,
        component=squared.argmax(axis=1),
        explained=squared.sum(axis=0),
        eigenvalues=eigenvalues,
        n_units=len(x),
    )


def varimax(loadings: Floats, *, tolerance: float = 1e-10, max_sweeps: int = 1000) -> Floats:
    """Loadings after the orthogonal rotation that makes their squares most unequal within each component (varimax).

    Rows are brought to length 1 first and back afterwards (Kaiser's normalisation). Pairs of components are turned by
    the angle that is best for the pair, again and again. scikit-learn rotates only the factors it has extracted itself,
    without that normalisation, and by iterations that can stop where the criterion is merely flat.

    Parameters
    ----------
    loadings : (n_indicators, n_components) array, finite.
    tolerance : angle, in radians, below which a turn does not count.
    max_sweeps : bound on the rounds over all pairs.

    Returns
    -------
    Array of the same shape with the same row sums of squares (communalities). One component is returned as it is.

    Raises
    ------
    ValueError : the array is not 2-D, or holds a value that is not finite.

    References
    ----------
    Kaiser (1958), Psychometrika 23(3), 187-200, p. 191 (the angle).

    Examples
    --------
    Two components turned by 45 degrees find back to their axes, up to order and sign:

    >>> np.sort(np.abs(varimax(np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2.0)))).round(6).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    if loadings.ndim != 2 or not np.isfinite(loadings).all():
        raise ValueError("loadings must be a table of finite values")
    n, k = loadings.shape
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    rows = np.divide(loadings, length, out=np.zeros_like(loadings), where=length > 0)
    for _ in range(max_sweeps):
        widest = 0.0
        for first, second in combinations(range(k), 2):
            x, y = rows[:, first], rows[:, second]
            u, v = x**2 - y**2, 2.0 * x * y
            above = 2.0 * (u @ v) - 2.0 * u.sum() * v.sum() / n
            below = u @ u - v @ v - (u.sum() ** 2 - v.sum() ** 2) / n
            if np.hypot(above, below) <= 1e-12:  # flat: every angle is as good
                continue
            angle = float(np.arctan2(above, below)) / 4.0
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            rows[:, [first, second]] = rows[:, [first, second]] @ turn
            widest = max(widest, abs(angle))
        if widest <= tolerance:
            break
    return np.asarray(rows * length)


def entropy(values: Floats) -> Floats:
    """Entropy weights: more weight for an indicator on which the units differ more.

    With p_ij = x_ij / sum_i x_ij over the n_j known units, e_j = -sum_i p_ij ln p_ij / ln n_j and
    w_j = (1 - e_j) / sum_k (1 - e_k).

    Parameters
    ----------
    values : (n_units, n_indicators) array >= 0 on a ratio scale or normalised; NaN = missing, left out of its column.
        The result does not depend on the units of measurement, but it does on where 0 lies.

    Returns
    -------
    (n_indicators,) weights; 0 for a constant indicator.

    Raises
    ------
    ValueError : the array is not 2-D, holds a negative or infinite value, an indicator has fewer than two known units or
        only zeros, or all indicators are constant.

    References
    ----------
    Shannon (1948), Bell System Technical Journal 27(3), 379-423; Zeleny (1982), Multiple Criteria Decision Making.

    Examples
    --------
    Shares 1/2, 1/2 (e = 1, no weight) and 1, 0 (e = 0):

    >>> entropy(np.array([[3.0, 5.0], [3.0, 0.0]])).tolist()
    [0.0, 1.0]
    """
    x = _table(values)
    if (x < 0).any():
        raise ValueError(f"entropy weights need values >= 0, and indicator {_where((x < 0).any(axis=0))} has others")
    known = (~np.isnan(x)).sum(axis=0)
    if (known < 2).any():
        raise ValueError(f"entropy weights need two known units, and indicator {_where(known < 2)} has fewer")
    total = np.nansum(x, axis=0)
    if (total == 0).any():
        raise ValueError(f"indicator {_where(total == 0)} holds only zeros")
    evenness = entr(np.nan_to_num(x) / total).sum(axis=0) / np.log(known)
    unevenness = np.maximum(1.0 - evenness, 0.0)
    unevenness[unevenness < _ROUND_OFF] = 0.0
    if unevenness.sum() == 0:
        raise ValueError("all indicators are constant: none tells the units apart")
    return given(unevenness)


def critic(values: Floats) -> Floats:
    """CRITIC weights: more weight for an indicator that varies more and agrees less with the others.

    On columns scaled from 0 (lowest) to 1 (highest), C_j = sd_j sum_k (1 - r_jk) and w_j = C_j / sum C.

    Parameters
    ----------
    values : (n_units, n_indicators) array, directed, any units; NaN = missing, and that unit is left out.

    Returns
    -------
    (n_indicators,) weights, the same for other units of measurement. Direction matters: of two indicators that measure
    the same in opposite directions both look unlike the rest.

    Raises
    ------
    ValueError : as `principal_components`; or all indicators are perfectly correlated.

    References
    ----------
    Diakoulaki, Mavrotas & Papayannakis (1995), Computers & Operations Research 22(7), 763-770.

    Examples
    --------
    The first two agree (r = 1) and have r = 0 with the third; all have one standard deviation: C in ratio 1 : 1 : 2.

    >>> critic(np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])).round(6).tolist()
    [0.25, 0.25, 0.5]
    """
    x = _complete(values, 3)
    unit = np.column_stack([min_max(column) for column in x.T])
    conflict = np.maximum(1.0 - _correlations(unit), 0.0).sum(axis=1)
    conflict[conflict < _ROUND_OFF] = 0.0
    if conflict.sum() == 0:
        raise ValueError("all indicators are perfectly correlated: CRITIC weights do not exist")
    return given(unit.std(axis=0, ddof=1) * conflict)


def budget_allocation(points: Floats) -> BudgetAllocation:
    """Mean of the budgets that experts divide among the indicators.

    Parameters
    ----------
    points : (n_experts, n_indicators) array >= 0, commonly 100 points in each row. A row is divided by its sum, so that
        every expert counts the same. NaN = not answered: that expert is left out, because the points of the others
        were given without that indicator in mind. 0 is an answer.

    Returns
    -------
    BudgetAllocation.

    Raises
    ------
    ValueError : the array is not 2-D, nobody answered in full, or a row has a negative value or adds up to 0.

    References
    ----------
    OECD/JRC (2008), section 6.5.

    Examples
    --------
    >>> result = budget_allocation(np.array([[50.0, 50.0], [70.0, 30.0], [np.nan, 100.0]]))
    >>> result.weights.round(6).tolist(), result.sd.round(6).tolist(), result.n_experts
    ([0.6, 0.4], [0.141421, 0.141421], 2)
    """
    table = _table(points)
    answered = table[~np.isnan(table).any(axis=1)]
    if not len(answered):
        raise ValueError("no expert divided the whole budget")
    share = given(answered)
    n = len(share)
    return BudgetAllocation(
        weights=given(share.mean(axis=0)),
        sd=share.std(axis=0, ddof=1) if n > 1 else np.full(share.shape[1], np.nan),
        low=share.min(axis=0),
        high=share.max(axis=0),
        n_experts=n,
    )


def analytic_hierarchy(comparisons: Floats) -> AnalyticHierarchy:
    """AHP: weights from pairwise comparisons, the principal eigenvector of their matrix.

    Parameters
    ----------
    comparisons : (n, n) array > 0; a_ij says how many times as important i is as j (1 to 9 and their inverses), a_ii = 1
        and a_ji = 1/a_ij, for which 2 % of rounding is allowed (0.33 for 1/3).

    Returns
    -------
    AnalyticHierarchy. Judgements with a consistency ratio of 0.10 or more are returned, not refused.

    Raises
    ------
    ValueError : the matrix is not square, holds a missing, infinite or not positive value, or is not reciprocal.

    References
    ----------
    Saaty (1980), The Analytic Hierarchy Process; Saaty (2008), International Journal of Services Sciences 1(1), 83-98.

    Examples
    --------
    Perfectly consistent judgements, in ratio 4 : 2 : 1:

    >>> result = analytic_hierarchy(np.array([[1.0, 2.0, 4.0], [0.5, 1.0, 2.0], [0.25, 0.5, 1.0]]))
    >>> result.weights.round(6).tolist(), abs(round(result.consistency_ratio, 6))
    ([0.571429, 0.285714, 0.142857], 0.0)
    """
    a = np.asarray(comparisons, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not len(a):
        raise ValueError(f"comparisons must be a square table, not {a.shape}")
    if not (np.isfinite(a) & (a > 0)).all():
        raise ValueError("comparisons must be finite and above 0, none missing")
    wrong = np.argwhere(np.abs(a * a.T - 1.0) > _RECIPROCAL)
    if len(wrong):
        i, j = wrong[0].tolist()
        raise ValueError(f"comparisons are not reciprocal: {i} to {j} is {a[i, j]:g} and {j} to {i} is {a[j, i]:g}")
    n = len(a)
    values, vectors = np.linalg.eig(a)
    first = int(values.real.argmax())  # of a positive matrix: real, simple, with a positive vector (Perron)
    eigenvalue = float(values[first].real)
    index = (eigenvalue - n) / (n - 1) if n > 2 else 0.0
    random_index = RANDOM_INDEX[n - 1] if n <= len(RANDOM_INDEX) else float("nan")
    ratio = index / random_index if n > 2 else 0.0
    return AnalyticHierarchy(
        weights=given(np.abs(vectors[:, first].real)),
        eigenvalue=eigenvalue,
        consistency_index=index,
        consistency_ratio=ratio,
        consistent=ratio < MAX_CONSISTENCY_RATIO,
    )


def best_worst(best_to_others: ArrayLike, others_to_worst: ArrayLike, *, best: int, worst: int) -> BestWorst:
    """Linear best-worst method: weights from 2n - 3 comparisons, by a linear programme.

    Minimises xi under |w_B - a_Bj w_j| <= xi and |w_j - a_jW w_W| <= xi for all j, sum w = 1, w >= 0.

    Parameters
    ----------
    best_to_others : (n,) how many times as important the best indicator is as each (1 to 9).
    others_to_worst : (n,) how many times as important each is as the worst one.
    best, worst : positions of the two, from 0.

    Returns
    -------
    BestWorst. The solution is unique.

    Raises
    ------
    ValueError : the lengths differ, fewer than two indicators, a value below 1 or not finite, `best` equal to `worst` or
        out of range, an indicator that is not 1 to itself, or two answers to best against worst.

    References
    ----------
    Rezaei (2016), Omega 64, 126-130.

    Examples
    --------
    Weights 1/14, 9/28 and 17/28, xi = 1/28:

    >>> result = best_worst([8, 2, 1], [1, 5, 8], best=2, worst=0)
    >>> (28 * result.weights).round(6).tolist(), round(28 * result.xi, 6)
    ([2.0, 9.0, 17.0], 1.0)
    """
    from scipy.optimize import linprog

    to_others, to_worst = _best_worst_answers(best_to_others, others_to_worst, best, worst)
    n = len(to_others)
    unit = np.eye(n)
    differences = np.concatenate([unit[best] - to_others[:, None] * unit, unit - to_worst[:, None] * unit[worst]])
    bound = np.full((2 * n, 1), -1.0)
    solution = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.block([[differences, bound], [-differences, bound]]),
        b_ub=np.zeros(4 * n),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        method="highs",
    )
    _check_solved(solution)
    return BestWorst(given(np.maximum(solution.x[:n], 0.0)), float(max(solution.x[n], 0.0)))


def benefit_of_doubt(values: Floats, *, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> BenefitOfDoubt:
    """Benefit of the doubt: each unit scored with the weights that show it best, by a linear programme per unit.

    The score of unit c is the largest sum_q w_q x_cq for which no unit k has sum_q w_q x_kq > 1, where each share
    s_q = w_q x_cq / sum_p w_p x_cp stays between `low` and `high`. In terms of the shares it is 1/t for the smallest t
    with sum_q (x_kq / x_cq) s_q <= t for all k, which is what is solved.

    Parameters
    ----------
    values : (n_units, n_indicators) array >= 0, directed; NaN = missing: that unit has no score and is no benchmark for
        others. Units of measurement cancel.
    low, high : bounds on the shares, one number or (n_indicators,), 0 <= low <= high <= 1; sum of low <= 1 <= sum of
        high. Without bounds many units reach 1, each with the few indicators that suit it.

    Returns
    -------
    BenefitOfDoubt. A unit with nothing but zeros has score and weights 0 and no shares (NaN).

    Raises
    ------
    ValueError : the array is not 2-D, holds a negative or infinite value, or the bounds cannot be met: by no shares, or
        not by a unit with a 0, whose share of that indicator is 0 under every weight. Min-max gives every indicator
        such a 0; goalposts below the lowest value do not.

    References
    ----------
    Melyn & Moesen (1991), Public Economics Research Paper 17, KU Leuven; Cherchye et al. (2008), Journal of the
    Operational Research Society 59, 239-251 (bounds on shares); OECD/JRC (2008), section 6.3, eq. 22.

    Examples
    --------
    With weights 1, 1 the third reaches 0.25 + 0.5; and the first two are best in something.

    >>> benefit_of_doubt(np.array([[1.0, 0.0], [0.0, 1.0], [0.25, 0.5]])).scores.round(6).tolist()
    [1.0, 1.0, 0.75]
    """
    x = _table(values)
    if (x < 0).any():
        raise ValueError(
            f"benefit of the doubt needs values >= 0, and indicator {_where((x < 0).any(axis=0))} has others"
        )
    lower, upper = _share_bounds(low, high, x.shape[1])
    known = ~np.isnan(x).any(axis=1)
    scores, weights, shares = np.full(len(x), np.nan), np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    benchmarks = _undominated(x[known])
    for c in np.flatnonzero(known).tolist():
        has = x[c] > 0
        weights[c], scores[c] = 0.0, 0.0
        if has.any():
            if lower[~has].any() or upper[has].sum() < 1.0 - _ROUND_OFF:
                raise ValueError(
                    f"unit {c} has 0 in indicator {_where(~has)}, so that its shares cannot keep the bounds"
                )
            shares[c] = 0.0
            shares[c, has], scores[c] = _best_shares(benchmarks[:, has] / x[c, has], lower[has], upper[has])
            weights[c, has] = scores[c] * shares[c, has] / x[c, has]
    return BenefitOfDoubt(scores, weights, shares)


def correlation_optimised(
    values: Floats, target: ArrayLike | None = None, *, low: ArrayLike = 0.0, high: ArrayLike = 1.0
) -> CorrelationWeights:
    """Weights under which the indicators' correlations with the arithmetic mean are in the ratios wanted.

    Importance is the Pearson correlation r_j of indicator j with y = sum_j w_j x_j. With R the correlation matrix and
    v_j = w_j sd_j, the shares r_j / sum r are in the ratios of R v; minimised is |R v - target|^2 with sum (R v) = 1,
    which is convex, under bounds on the weights.

    Parameters
    ----------
    values : (n_units, n_indicators) array, directed and normalised as they will be averaged; NaN = missing, and that
        unit is left out.
    target : (n_indicators,) shares of importance wanted, >= 0, in any unit; None = equal.
    low, high : bounds on each weight, one number or (n_indicators,), 0 <= low <= high <= 1.

    Returns
    -------
    CorrelationWeights. Where the bounds stand in the way the shares come as near as they can: see `gap`.

    Raises
    ------
    ValueError : as `principal_components`; `target` as `given`; the bounds cannot be met; or no weights within them give
        correlations with a positive sum.

    References
    ----------
    Paruolo, Saisana & Saltelli (2013), Journal of the Royal Statistical Society A 176(3), 609-634; Becker, Saisana,
    Paruolo & Vandecasteele (2017), Ecological Indicators 80, 12-22 (which takes the squared correlation instead).

    Examples
    --------
    Without correlation among them, a weight times the standard deviation (here 1, 1) is the importance:

    >>> table = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> correlation_optimised(table, [3.0, 1.0]).weights.round(6).tolist()
    [0.75, 0.25]
    """
    x = _complete(values, 3)
    n = x.shape[1]
    wanted = equal(n) if target is None else given(target)
    if wanted.shape != (n,):
        raise ValueError(f"target {wanted.shape} must have one share for each of {n} indicators")
    lower, upper = _share_bounds(low, high, n)
    r, sd = _correlations(x), x.std(axis=0)
    sd = sd / sd.mean()
    v = _nearest_shares(r, wanted, (lower, upper), sd)
    weights = given(np.clip(v / sd, 0.0, None))
    importances = importance(x, weights)
    shares = importances.correlations / importances.correlations.sum()
    return CorrelationWeights(weights, importances.correlations, shares, wanted, float(np.abs(shares - wanted).max()))


def importance(values: Floats, weights: ArrayLike | None = None) -> Importance:
    """How much each indicator decides an arithmetic mean: its correlation with it, and its share of its variance.

    Parameters
    ----------
    values : (n_units, n_indicators) array as it is averaged; NaN = missing, and that unit is left out.
    weights : (n_indicators,) as `given`; None = equal.

    Returns
    -------
    Importance. NaN also for the correlation of a constant indicator.

    Raises
    ------
    ValueError : the array is not 2-D, holds an infinity or fewer than two complete units, or the weights do not fit.

    References
    ----------
    Paruolo, Saisana & Saltelli (2013), Journal of the Royal Statistical Society A 176(3), 609-634.

    Examples
    --------
    Without correlation and with variances in ratio 4 : 1, equal weights are shares 4/5 and 1/5 of the variance.

    >>> table = np.array([[2.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]])
    >>> importance(table).variance_shares.round(6).tolist()
    [0.8, 0.2]
    """
    x = _complete(values, 2, varied=False)
    w = _weights_for(x.shape[1], weights)
    x = x - x.mean(axis=0)
    y = x @ w
    constant = np.abs(y).max() <= 1e-12 * max(np.abs(x).max(), 1e-300)
    variance = np.nan if constant else float(y @ y)
    sizes = np.linalg.norm(x, axis=0)
    sizes[sizes == 0] = np.nan
    together = y @ x
    return Importance(np.clip(together / (sizes * np.sqrt(variance)), -1.0, 1.0), w * together / variance)


def effective(weights: ArrayLike, parent: ArrayLike) -> Floats:
    """Weight of every node of a tree in its root: the product of its own and its ancestors' weights among siblings.

    Parameters
    ----------
    weights : (n_nodes,) array >= 0; divided by the sum over each group of siblings. That of the root does not count.
    parent : (n_nodes,) integers, the position of each node's parent; -1 for the root.

    Returns
    -------
    (n_nodes,) array in [0, 1]; 1 for the root. The leaves add up to 1 where no children have been left out.

    Raises
    ------
    ValueError : the lengths differ, a weight as in `given`, a group of siblings whose weights add up to 0, not exactly one
        root, a parent out of range, or a cycle.

    Examples
    --------
    A root with two pillars, 1 : 3, the second with two indicators of one weight:

    >>> effective([1, 1, 3, 1, 1], [-1, 0, 0, 2, 2]).tolist()
    [1.0, 0.25, 0.75, 0.375, 0.375]
    """
    w, up = np.asarray(weights, dtype=np.float64), np.asarray(parent)
    if w.ndim != 1 or up.shape != w.shape or not np.issubdtype(up.dtype, np.integer):
        raise ValueError(
            f"weights {w.shape} and parents {up.shape} must be vectors of one length, parents whole numbers"
        )
    n = len(w)
    if (up == -1).sum() != 1 or ((up < -1) | (up >= n)).any():
        raise ValueError("a tree has one root, whose parent is -1, and every other parent is one of its nodes")
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("weights must be finite and not negative")
    inner = up >= 0
    total = np.bincount(up[inner], w[inner], minlength=n)
    if (total[up[inner]] == 0).any():
        raise ValueError(f"weights of the children of node {up[inner][total[up[inner]] == 0][0]} add up to 0")
    own = np.where(inner, np.divide(w, total[up], out=np.ones(n), where=inner), 1.0)
    result, ancestor = own.copy(), up.copy()
    for _ in range(n):
        if (ancestor < 0).all():
            return result
        result = np.where(ancestor >= 0, result * own[ancestor], result)
        ancestor = np.where(ancestor >= 0, up[ancestor], -1)
    raise ValueError("a node is its own ancestor")


def _where(mask: ArrayLike) -> str:
    """Position of the first True, from 0, as text."""
    first = np.argwhere(np.asarray(mask))[0].tolist()
    return f"number {first[0] if len(first) == 1 else tuple(first)}"


def _table(values: Floats) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"a table of rows and indicators is needed, not an array of shape {x.shape}")
    if np.isinf(x).any():
        raise ValueError("values must be finite (NaN = missing)")
    return x


def _complete(values: Floats, n_units: int, *, varied: bool = True) -> Floats:
    """The units without a missing value, of which there must be some and, where `varied`, in columns with spread."""
    x = _table(values)
    x = x[~np.isnan(x).any(axis=1)]
    if len(x) < n_units:
        raise ValueError(f"at least {n_units} units without missing values are needed, and there are {len(x)}")
    if varied:
        if x.shape[1] < 2:
            raise ValueError("at least two indicators are needed")
        flat = np.array([is_near_constant(column) for column in x.T])
        if flat.any():
            raise ValueError(f"indicator {_where(flat)} is nearly constant over the units without missing values")
    return x


def _correlations(x: Floats) -> Floats:
    return np.asarray(np.corrcoef(x / np.abs(x).max(axis=0), rowvar=False))


def _weights_for(n: int, weights: ArrayLike | None) -> Floats:
    w = equal(n) if weights is None else given(weights)
    if w.shape != (n,):
        raise ValueError(f"weights {w.shape} must be one for each of {n} indicators")
    return w


def _n_kept(eigenvalues: Floats, n_components: int | None) -> int:
    n = len(eigenvalues)
    if n_components is not None:
        if not 1 <= n_components <= n:
            raise ValueError(f"n_components must be between 1 and {n}, not {n_components}")
        return n_components
    above = int((eigenvalues > 1.0 + _ROUND_OFF).sum())
    if above == 0:
        raise ValueError("the indicators are not correlated: weights by principal components do not exist")
    explained = np.cumsum(eigenvalues) / n
    return max(above, int((explained < MIN_EXPLAINED - _ROUND_OFF).sum()) + 1)


def _best_worst_answers(
    best_to_others: ArrayLike, others_to_worst: ArrayLike, best: int, worst: int
) -> tuple[Floats, Floats]:
    a, b = np.asarray(best_to_others, dtype=np.float64), np.asarray(others_to_worst, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"two vectors of one length, at least 2, are needed, not {a.shape} and {b.shape}")
    n = len(a)
    if not (0 <= best < n and 0 <= worst < n) or best == worst:
        raise ValueError(f"best and worst must be two of the positions 0 to {n - 1}, not {best} and {worst}")
    if not (np.isfinite(a) & np.isfinite(b) & (a >= 1) & (b >= 1)).all():
        raise ValueError("answers must be at least 1: nothing is better than the best nor worse than the worst")
    if a[best] != 1 or b[worst] != 1:
        raise ValueError("the best against itself, and the worst against itself, must be 1")
    if a[worst] != b[best]:
        raise ValueError(f"best against worst is {a[worst]:g} in one answer and {b[best]:g} in the other")
    return a, b


def _share_bounds(low: ArrayLike, high: ArrayLike, n: int) -> tuple[Floats, Floats]:
    lower, upper = (np.asarray(bound, dtype=np.float64) for bound in (low, high))
    if any(bound.shape not in ((), (n,)) for bound in (lower, upper)):
        raise ValueError(f"bounds must be one number or one for each of {n} indicators")
    lower, upper = np.broadcast_to(lower, n), np.broadcast_to(upper, n)
    if not ((lower >= 0) & (lower <= upper) & (upper <= 1)).all():
        raise ValueError("bounds must be in order: 0 <= low <= high <= 1")
    if lower.sum() > 1 + _ROUND_OFF or upper.sum() < 1 - _ROUND_OFF:
        raise ValueError(f"no shares with sum 1 fit bounds that add up to {lower.sum():g} and {upper.sum():g}")
    return lower, upper


def _undominated(x: Floats) -> Floats:
    """Rows that no other row reaches or exceeds in every column: the only ones that can bind. Of equal rows one."""
    x = np.unique(x, axis=0)
    kept = [not (np.delete(x, i, axis=0) >= row).all(axis=1).any() for i, row in enumerate(x)]
    return np.asarray(x[np.array(kept, dtype=bool)])


def _best_shares(ratios: Floats, lower: Floats, upper: Floats) -> tuple[Floats, float]:
    """Shares s with sum 1 within bounds for which the largest of `ratios` @ s is smallest, and its inverse."""
    from scipy.optimize import linprog

    n = ratios.shape[1]
    solution = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.column_stack([ratios, np.full(len(ratios), -1.0)]),
        b_ub=np.zeros(len(ratios)),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        bounds=np.column_stack([np.append(lower, 0.0), np.append(upper, np.inf)]),
        method="highs",
    )
    _check_solved(solution)
    shares = given(np.maximum(solution.x[:n], 0.0))
    return shares, float(min(1.0 / (ratios @ shares).max(), 1.0))


def _nearest_shares(r: Floats, wanted: Floats, bounds: tuple[Floats, Floats], sd: Floats) -> Floats:
    """v >= 0 with sum (r v) = 1 for which r v is nearest to the shares wanted, v/sd within bounds on weights."""
    from scipy.optimize import linprog, minimize

    n = len(wanted)
    lower, upper = bounds
    unit, total = np.diag(1.0 / sd), np.ones(n) / sd
    sides = np.concatenate([unit - lower[:, None] * total, upper[:, None] * total - unit])  # @ v >= 0
    start = linprog(
        np.zeros(n), A_ub=-sides, b_ub=np.zeros(2 * n), A_eq=r.sum(axis=0)[None], b_eq=[1.0], method="highs"
    )
    if start.status != 0:
        raise ValueError("no weights within the bounds give correlations with a positive sum")
    exact = np.linalg.lstsq(r, wanted, rcond=None)[0]
    if np.abs(r @ exact - wanted).max() < _ROUND_OFF and (sides @ exact >= -_ROUND_OFF).all():
        return np.asarray(np.maximum(exact, 0.0))  # inside the bounds: the target itself
    solution = minimize(
        lambda v: ((r @ v - wanted) ** 2).sum(),
        start.x,
        jac=lambda v: 2.0 * (r @ (r @ v - wanted)),
        constraints=[
            {"type": "eq", "fun": lambda v: r.sum(axis=0) @ v - 1.0, "jac": lambda _: r.sum(axis=0)},
            {"type": "ineq", "fun": lambda v: sides @ v, "jac": lambda _: sides},
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    _check_solved(solution)
    return np.asarray(solution.x)


def _check_solved(solution: Any) -> None:
    if solution.status != 0:
        raise RuntimeError(f"the optimiser stopped: {solution.message}")
