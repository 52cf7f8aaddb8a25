"""Doubt about an index of counts: exact intervals, a Gamma-Poisson posterior, and noise beyond counting.

Model: the count O of a cell is Poisson with mean theta E, where E is the expected count and theta the true
index; over all cells theta follows Gamma(alpha, alpha), whose mean is 1 because expected and observed counts
of a region add up alike. Counts may be fractional: every formula goes through gamma functions. Where counts
vary from period to period by more than a Poisson count does, O and E are both divided by the dispersion phi.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Median of the chi-square distribution with one degree of freedom.
CHI2_MEDIAN = 0.454936423119572
#: Smallest count expected under "no change" for a cell to inform the dispersion.
DISPERSION_MIN_COUNT = 20.0
#: Fewest pairs of cells from which a dispersion is estimated.
DISPERSION_MIN_PAIRS = 100
#: Prior precision beyond which the table shows no variance beyond chance (spread of theta below 0.1 %).
ALPHA_LIMIT = 1e6


@dataclass(frozen=True)
class Prior:
    """Gamma(alpha, alpha) prior of the true index; `alpha` is inf when counts vary no more than by chance."""

    alpha: float
    method: Literal["marginal maximum likelihood", "no variance beyond chance"]
    cells: int  #: cells with an expected count > 0 that entered the fit


@dataclass(frozen=True)
class Dispersion:
    """Variance of counts from period to period in units of the Poisson variance; never below 1."""

    phi: float
    pairs: int  #: pairs of cells used; 0 when not estimated
    method: Literal["estimated", "poisson", "too few periods", "too few cells"]


def garwood(count: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact central interval of a Poisson mean, in counts; divide by E for an interval of the index.

    The lower end of a zero count is 0. Fractional counts use the same gamma quantiles (then approximate).

    References: Garwood (1936), Biometrika 28, 437-442.
    Hand check: 3 found gives 0.6187 to 8.7673.
    """
    tail = (1.0 - level) / 2.0
    low = np.where(count > 0, special.gammaincinv(np.where(count > 0, count, 1.0), tail), 0.0)
    return low, special.gammainccinv(count + 1.0, tail)


@dataclass(frozen=True)
class Exposure:
    """Expected counts of every cell that was observed, listed or not: what a zero count says about the prior.

    Most cells of a detailed table are zeros that no file lists, yet they carry half of the evidence. Their expected
    counts are products u_i v_j, so sums over the rectangle are taken on a grid of `points` (expected counts) with
    `weights`, exact to round-off (see `rectangle`); cells to leave out carry weight -1.
    """

    points: Floats
    weights: Floats

    @classmethod
    def listed(cls, expected: Floats) -> Exposure:
        """Cells given one by one."""
        return cls(expected, np.ones(expected.size))

    @classmethod
    def rectangle(cls, u: Floats, v: Floats, without: Floats) -> Exposure:
        """All cells u_i v_j of a rectangle except those with the expected counts `without`.

        Rows and columns are each replaced by Chebyshev nodes in the logarithm with weights that reproduce sums of
        any function analytic in a strip around the real line, as the terms of the likelihood are; the number of
        nodes grows with the range, so that the error stays near 1e-12.
        """
        row, row_weight = _nodes(u[u > 0])
        column, column_weight = _nodes(v[v > 0])
        return cls(
            np.concatenate([np.outer(row, column).ravel(), without]),
            np.concatenate([np.outer(row_weight, column_weight).ravel(), np.full(without.size, -1.0)]),
        )

    @property
    def cells(self) -> int:
        """Number of cells."""
        return round(float(self.weights.sum()))


def _nodes(values: Floats) -> tuple[Floats, Floats]:
    """Points and weights whose weighted sums of a smooth function of ln(value) equal the sums over all values."""
    if values.size == 0:
        return values, values
    logs = np.log(values)
    low, high = float(logs.min()), float(logs.max())
    n = int(5 * (high - low)) + 32
    if values.size <= n:
        return values, np.ones(values.size)
    chebyshev = np.polynomial.chebyshev
    half, middle = max((high - low) / 2, 1e-12), (high + low) / 2
    nodes = chebyshev.chebpts1(n)
    moments = chebyshev.chebvander((logs - middle) / half, n - 1).sum(axis=0)
    moments[1:] *= 2.0
    return np.exp(middle + half * nodes), chebyshev.chebvander(nodes, n - 1) @ moments / n


def fit_prior(
    count: Floats,
    expected: Floats,
    exposure: Exposure | None = None,
    *,
    tally: tuple[Floats, Floats] | None = None,
) -> Prior:
    """Precision alpha of the Gamma(alpha, alpha) prior by marginal maximum likelihood.

    Parameters
    ----------
    count, expected : (n,) counts >= 0 and expected counts; cells with E <= 0 or NaN in either are left out.
    exposure : every observed cell, where `count` lists only some of them (the others are zeros); default: all listed.
    tally : distinct counts and how often each occurs, where the caller has them already.

    Returns
    -------
    Prior; alpha is inf, "no variance beyond chance", when the likelihood still rises where the spread of the
    true index falls below 0.1 %, or fewer than two cells are usable.

    Notes
    -----
    The marginal distribution of O is negative binomial with mean E and shape alpha. The score in alpha has one
    sign change in practice; it is found by Newton steps on ln(alpha), started from the moment estimate of
    Clayton & Kaldor and kept inside a shrinking bracket, which costs far less than importing a general root finder.

    References: Clayton & Kaldor (1987), Biometrics 43, 671-681; Marshall (1991), Applied Statistics 40, 283-294.
    """
    usable = (expected > 0) & ~np.isnan(count)
    o, e = (count, expected) if usable.all() else (count[usable], expected[usable])
    every = Exposure.listed(e) if exposure is None else exposure
    if every.cells < 2 or not o.any():
        return Prior(np.inf, "no variance beyond chance", every.cells)
    values, weights = tally or distinct(o)[:2]
    start = _moment_alpha(o, e, every)
    if not o.all():
        some = np.flatnonzero(o)
        o, e = o[some], e[some]
    rate, found = np.empty_like(e), np.empty_like(e)

    def score(log_alpha: float) -> tuple[float, float]:
        """First and second derivative of the log-likelihood in ln(alpha)."""
        a = np.exp(log_alpha)
        first = weights @ (special.digamma(values + a) - special.digamma(a))
        second = weights @ (special.zeta(2.0, values + a) - special.zeta(2.0, a))  # trigamma functions
        share = every.points / (every.points + a)
        # log1p: the two logarithms of the likelihood nearly cancel when alpha is large
        zero = every.weights @ (share - np.log1p(every.points / a))
        bend = every.weights @ (share * share) / a
        np.reciprocal(np.add(e, a, out=rate), out=rate)
        d1 = first + zero - np.multiply(o, rate, out=found).sum()
        d2 = second + bend + np.multiply(found, rate, out=found).sum()
        return float(a * d1), float(a * d1 + a * a * d2)

    low, high = np.log(1e-4), np.log(ALPHA_LIMIT)
    if score(high)[0] >= 0:
        return Prior(np.inf, "no variance beyond chance", every.cells)
    point = float(np.clip(np.log(start), low, high))
    for _ in range(100):
        slope, curvature = score(point)
        if slope > 0:
            low = point
        else:
            high = point
        newton = point - slope / curvature if curvature < 0 else np.inf
        following = newton if low < newton < high else 0.5 * (low + high)
        step, point = abs(following - point), following
        if step < 1e-6 * max(1.0, abs(point)):  # Newton squares its error: the next step would be below 1e-12
            break
    return Prior(float(np.exp(point)), "marginal maximum likelihood", every.cells)


def _moment_alpha(o: Floats, e: Floats, every: Exposure) -> float:
    """Moment estimate of alpha (Clayton & Kaldor 1987) with prior mean 1; a wide guess when it is negative.

    Sum over all cells of E (O/E - 1)^2 = sum of O^2/E - 2 O + E, where zeros contribute E alone.
    """
    total = float(every.weights @ every.points)
    squares = float((o * o / e).sum() - 2.0 * o.sum()) + total
    between = squares / total - every.cells / total
    return 1.0 / between if between > 0 else 100.0


def distinct(count: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Distinct counts, how often each occurs, and where each cell's count stands among them.

    Gamma quantiles depend on the count alone, so a table over the distinct counts serves every cell. A missing
    count stands one place behind the last. Whole counts of moderate size are tallied, which is faster than sorting.

    Examples
    --------
    >>> values, times, place = distinct(np.array([7.0, 0.0, np.nan, 7.0]))
    >>> values.tolist(), times.tolist(), place.tolist()
    ([0.0, 7.0], [1.0, 2.0], [1, 0, 2, 1])
    """
    known = ~np.isnan(count)
    if not known.all():
        values, times, of_known = distinct(count[known])
        place = np.full(count.size, values.size, np.intp)
        place[known] = of_known
        return values, times, place
    if count.size == 0:
        return count, count, np.empty(0, np.intp)
    if count.max() < 4 * count.size + 1024:
        whole = count.astype(np.intp)
        if np.array_equal(whole, count):
            tally = np.bincount(whole)
            found = np.flatnonzero(tally)
            place = np.empty(tally.size, np.intp)
            place[found] = np.arange(found.size)
            return found.astype(float), tally[found].astype(float), place[whole]
    values, place, tally = np.unique(count, return_inverse=True, return_counts=True)
    return values, tally.astype(float), place.astype(np.intp)


def tabulated(function: Callable[[Floats], tuple[Floats, Floats]], count: Floats) -> tuple[Floats, Floats]:
    """Lower and upper quantiles of each count, evaluated once per distinct count; NaN counts give NaN."""
    values, _, place = distinct(count)
    low, high = (np.append(end, np.nan) for end in function(values))
    return low[place], high[place]


def posterior_mean(count: Floats, expected: Floats, alpha: float) -> Floats:
    """Empirical-Bayes index (O + alpha) / (E + alpha); 1 everywhere when alpha is inf.

    With prior mean 1 it exceeds 1 exactly when the raw index does: shrinking the mean changes no yes/no
    decision, the exceedance probability does.

    Hand check: O 3, E 0.36029, alpha 5.6115 gives 8.6115 / 5.9718 = 1.442.
    """
    if np.isinf(alpha):
        return np.where(np.isnan(count) | np.isnan(expected), np.nan, 1.0)
    return (count + alpha) / (expected + alpha)


def posterior_interval(
    count: Floats, expected: Floats, alpha: float, level: float = 0.95, scale: float = 1.0
) -> tuple[Floats, Floats]:
    """Central posterior interval of the true index, Gamma(O/phi + alpha, rate E/phi + alpha).

    `count` and `expected` are as observed, `scale` is phi. NaN when alpha is inf: no interval is claimed.
    """
    if np.isinf(alpha):
        nothing = np.full(count.shape, np.nan)
        return nothing, nothing.copy()
    rate = expected / scale + alpha
    low, high = tabulated(lambda o: posterior_quantiles(o / scale, alpha, level), count)
    return low / rate, high / rate


def posterior_quantiles(count: Floats, alpha: float, level: float = 0.95) -> tuple[Floats, Floats]:
    """Quantiles of Gamma(O + alpha, rate 1); divide by E + alpha for an interval of the index.

    `count` is O/phi where counts are over-dispersed. NaN when alpha is inf: no interval is claimed.
    """
    if np.isinf(alpha):
        nothing = np.full(count.shape, np.nan)
        return nothing, nothing.copy()
    tail = (1.0 - level) / 2.0
    return special.gammaincinv(count + alpha, tail), special.gammainccinv(count + alpha, tail)


def p_above(count: Floats, expected: Floats, alpha: float, threshold: float = 1.0) -> Floats:
    """Posterior probability that the true index exceeds the threshold, 1 - F(threshold).

    Hand check: O 25, E 13.681, alpha 8.8 lies near 0.98 (established at 0.90). NaN when alpha is inf.
    """
    if np.isinf(alpha):
        return np.full(np.broadcast(count, expected).shape, np.nan)
    return _upper_gamma(count + alpha, (expected + alpha) * threshold)


def _upper_gamma(a: Floats, x: Floats) -> Floats:
    """Regularised upper incomplete gamma function Q(a, x): `scipy.special.gammaincc` to round-off, but faster.

    Cells with few counts have small arguments, where SciPy takes ten times as long for the sake of the relative
    error of a tiny Q. In these corners Q is not tiny (above 5e-4), so that 1 - P(a, x) is as good; beyond x = 1
    the recurrence P(a, x) = P(a + 3, x) + x^a e^-x / Gamma(a + 1) [1 + x / (a + 1) + x^2 / ((a + 1) (a + 2))] leads
    to arguments that are fast again (DLMF 8.8.7). The relative difference to SciPy stays below 1e-12.

    Examples
    --------
    >>> a, x = np.meshgrid(np.geomspace(0.02, 20, 50), np.geomspace(0.001, 20, 50))
    >>> bool(np.allclose(_upper_gamma(a, x), special.gammaincc(a, x), rtol=1e-12, atol=0))
    True
    """
    shape = np.broadcast(a, x).shape
    few = a < 1.5
    if not few.any():
        whole: Floats = special.gammaincc(a, x)
        return whole
    a, x, few = (np.ravel(part) for part in np.broadcast_arrays(a, x, few))
    low, middle = few & (a > 0.01) & (x <= 1.0), few & (a > 0.05) & (x > 1.0) & (x <= 3.0)
    result = np.empty(a.size)
    # Positions: masks are slower, as the processor cannot foresee them, and with `where=` the special functions of
    # SciPy 1.17 write out of bounds (SciPy pull request 25127).
    at = np.flatnonzero(low)
    result[at] = 1.0 - special.gammainc(a[at], x[at])
    at = np.flatnonzero(middle)
    b, y = a[at], x[at]
    first = np.exp(b * np.log(y) - y - special.gammaln(b + 1.0))
    result[at] = 1.0 - special.gammainc(b + 3.0, y) - first * (1.0 + y / (b + 1.0) * (1.0 + y / (b + 2.0)))
    at = np.flatnonzero(~(low | middle))
    result[at] = special.gammaincc(a[at], x[at])
    return result.reshape(shape)


def p_ahead(shape_a: Floats, rate_a: Floats, shape_b: Floats, rate_b: Floats) -> Floats:
    """P(A > B) for independent Gamma(shape, rate) posteriors of two true indices.

    1 - I_{r_a/(r_a+r_b)}(shape_a, shape_b), the regularised incomplete beta function.
    Hand check: identical posteriors give 0.5.
    """
    result: Floats = special.betaincc(shape_a, shape_b, rate_a / (rate_a + rate_b))
    return result


def change_scores(count_1: Floats, expected_1: Floats, count_2: Floats, expected_2: Floats) -> Floats:
    """Squared standardised change of the index between two periods, one value per informative cell.

    Under "no change" both counts are Poisson with the pooled index theta = (O1 + O2) / (E1 + E2), so the change
    of the index has variance theta (1/E1 + 1/E2). A cell informs when both counts expected under no change reach
    `DISPERSION_MIN_COUNT`; choosing on the pooled index rather than on either count keeps the choice blind to
    the direction of the change.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (count_1 + count_2) / (expected_1 + expected_2)
        informative = (pooled * np.minimum(expected_1, expected_2) >= DISPERSION_MIN_COUNT) & (pooled > 0)
    o1, e1, o2, e2 = (a[informative] for a in (count_1, expected_1, count_2, expected_2))
    pooled = pooled[informative]
    change = o2 / e2 - o1 / e1
    scores: Floats = change * change / (pooled * (1.0 / e1 + 1.0 / e2))
    return scores


def dispersion(scores: Floats) -> Dispersion:
    """Over-dispersion phi >= 1 from squared standardised changes between consecutive periods.

    phi = max(1, median(z^2) / 0.4549): the median makes it blind to the few cells that really changed, and
    0.4549 is the median of z^2 when counts vary by Poisson noise alone. Real drift of the typical cell is
    part of phi: the range then says how far next period's index may lie, not only how well this one is counted.

    Hand check: z^2 of 1.8197 for every cell gives phi = 4.
    """
    if scores.size < DISPERSION_MIN_PAIRS:
        return Dispersion(1.0, int(scores.size), "too few cells")
    return Dispersion(max(1.0, float(np.median(scores)) / CHI2_MEDIAN), int(scores.size), "estimated")
