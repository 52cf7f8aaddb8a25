"""Similarity of profiles and of structures: who is alike in what they do, and who is comparable to begin with.

Profiles are compared on the sectors known for both. `krugman` and `finger_kreinin` compare shares: whatever comes
in (counts, values or shares) is divided by its sum over those common sectors, so a hole on one side does not look
like a difference. `cosine` compares directions and needs no shares. Where fewer than `min_common` of the sectors
are known for both there is no answer (NaN): two profiles that share three sectors can look alike by chance.
The share is of all sectors of the arrays, so leave out a sector that nobody reports before calling.

The matrix functions go through the regions one by one, so memory stays at a few tables and the result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capmap.methods.normalisation import is_near_constant, z_score

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

#: Share of the sectors (or variables) that must be known for both sides of a comparison.
MIN_COMMON = 2 / 3
#: Decimals at which two distances count as equal, so that round-off never decides who is nearer.
TIE_DECIMALS = 12


def krugman(a: Floats, b: Floats, *, min_common: float = MIN_COMMON) -> float:
    """Krugman index of dissimilarity, K = sum_j |a_j - b_j| on shares, in [0, 2].

    Parameters
    ----------
    a, b : (n_sectors,) profiles >= 0, as shares or values of any unit; NaN = missing.
    min_common : smallest share of the sectors that must be known for both, in [0, 1].

    Returns
    -------
    0 = the same structure, 2 = no sector in common. NaN with too few common sectors, or where either
    profile adds up to 0 over them.

    Raises
    ------
    ValueError : the profiles are not vectors of one length, hold a negative or infinite value, or
        `min_common` is outside [0, 1].

    References
    ----------
    Krugman (1991), Geography and Trade.

    Examples
    --------
    |0.5 - 0.3| + |0.5 - 0.4| + |0 - 0.3|:

    >>> round(krugman(np.array([5.0, 5.0, 0.0]), np.array([30.0, 40.0, 30.0])), 10)
    0.6
    """
    p, q = _shares_in_common(a, b, min_common)
    return float(np.abs(p - q).sum())


def finger_kreinin(a: Floats, b: Floats, *, min_common: float = MIN_COMMON) -> float:
    """Finger-Kreinin similarity, FK = sum_j min(a_j, b_j) on shares = 1 - K/2, in [0, 1].

    Parameters
    ----------
    a, b : (n_sectors,) profiles >= 0, as shares or values of any unit; NaN = missing.
    min_common : smallest share of the sectors that must be known for both, in [0, 1].

    Returns
    -------
    1 = the same structure, 0 = no sector in common: the part of the two structures that overlaps. NaN as
    in `krugman`.

    Raises
    ------
    ValueError : as `krugman`.

    References
    ----------
    Finger & Kreinin (1979), Economic Journal 89(356), 905-912.

    Examples
    --------
    >>> round(finger_kreinin(np.array([5.0, 5.0, 0.0]), np.array([30.0, 40.0, 30.0])), 10)
    0.7
    """
    p, q = _shares_in_common(a, b, min_common)
    return float(np.minimum(p, q).sum())


def cosine(a: Floats, b: Floats, *, min_common: float = MIN_COMMON) -> float:
    """Cosine similarity of two profiles, a.b / (|a| |b|) over the common sectors, in [-1, 1].

    Parameters
    ----------
    a, b : (n_sectors,) profiles of any sign, typically RSCA; NaN = missing.
    min_common : smallest share of the sectors that must be known for both, in [0, 1].

    Returns
    -------
    1 = the same direction, 0 = unrelated, -1 = opposite. NaN with too few common sectors, or where either
    profile is 0 throughout them (it has no direction).

    Raises
    ------
    ValueError : the profiles are not vectors of one length, hold an infinite value, or `min_common` is
        outside [0, 1].

    Examples
    --------
    (3 * 4 + 4 * 3) / (5 * 5):

    >>> round(cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0])), 10)
    0.96
    """
    pair = _pair(a, b)
    return float(cosine_matrix(pair, min_common=min_common)[0, 1])


def krugman_matrix(x: Floats, *, min_common: float = MIN_COMMON) -> Floats:
    """Krugman dissimilarity of every pair of regions.

    Parameters
    ----------
    x : (n_regions, n_sectors) array >= 0, as shares or values (each pair is turned into shares); NaN = missing.
    min_common : smallest share of the sectors that must be known for both regions, in [0, 1].

    Returns
    -------
    (n_regions, n_regions) symmetric array in [0, 2], `krugman` of each pair; 0 on the diagonal, or NaN
    there for a region that cannot be compared even with itself.

    Raises
    ------
    ValueError : `x` is not 2-D, holds a negative or infinite value, or `min_common` is outside [0, 1].

    Examples
    --------
    >>> krugman_matrix(np.array([[5.0, 5.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 9.0]])).tolist()
    [[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [2.0, 2.0, 0.0]]
    """
    known, filled, comparable = _prepare(x, min_common, signed=False)
    total = filled @ known.T  # total[i, k]: what region i has in the sectors that region k knows too
    comparable &= (total > 0) & (total.T > 0)
    scale = np.divide(1.0, total, out=np.zeros(total.shape), where=comparable)
    result = np.full(total.shape, np.nan)
    for i in range(len(x)):  # region i against itself and all after it
        own = filled[i] * known[i:] * scale[i, i:, np.newaxis]
        other = filled[i:] * known[i] * scale[i:, i, np.newaxis]
        result[i, i:] = result[i:, i] = np.abs(own - other).sum(axis=1)
    return np.where(comparable, np.minimum(result, 2.0), np.nan)


def finger_kreinin_matrix(x: Floats, *, min_common: float = MIN_COMMON) -> Floats:
    """Finger-Kreinin similarity of every pair of regions, 1 - K/2.

    Parameters
    ----------
    x : (n_regions, n_sectors) array >= 0, as shares or values (each pair is turned into shares); NaN = missing.
    min_common : smallest share of the sectors that must be known for both regions, in [0, 1].

    Returns
    -------
    (n_regions, n_regions) symmetric array in [0, 1], `finger_kreinin` of each pair; 1 on the diagonal, or
    NaN there for a region that cannot be compared even with itself.

    Raises
    ------
    ValueError : as `krugman_matrix`.

    Examples
    --------
    >>> finger_kreinin_matrix(np.array([[5.0, 5.0, 0.0], [0.0, 1.0, 1.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    return 1.0 - krugman_matrix(x, min_common=min_common) / 2.0


def cosine_matrix(x: Floats, *, min_common: float = MIN_COMMON) -> Floats:
    """Cosine similarity of every pair of regions.

    Parameters
    ----------
    x : (n_regions, n_sectors) array of any sign, typically RSCA; NaN = missing.
    min_common : smallest share of the sectors that must be known for both regions, in [0, 1].

    Returns
    -------
    (n_regions, n_regions) symmetric array in [-1, 1], `cosine` of each pair; 1 on the diagonal, or NaN
    there for a region that cannot be compared even with itself.

    Raises
    ------
    ValueError : `x` is not 2-D, holds an infinite value, or `min_common` is outside [0, 1].

    Examples
    --------
    >>> cosine_matrix(np.array([[3.0, 4.0], [4.0, 3.0], [-4.0, 3.0]])).round(2).tolist()
    [[1.0, 0.96, 0.0], [0.96, 1.0, -0.28], [0.0, -0.28, 1.0]]
    """
    known, filled, comparable = _prepare(x, min_common, signed=True)
    largest = np.abs(filled).max(axis=1, initial=0.0, keepdims=True)
    filled = np.divide(filled, largest, out=np.zeros(filled.shape), where=largest > 0)  # squares stay in range
    length = np.sqrt(filled**2 @ known.T)  # length[i, k]: of profile i over the sectors that region k knows too
    product = length * length.T
    comparable &= product > 0
    result: Floats = np.divide(filled @ filled.T, product, out=np.full(product.shape, np.nan), where=comparable)
    diagonal = np.diag_indices_from(result)
    result[diagonal] = np.where(comparable[diagonal], 1.0, np.nan)  # exactly, not to the last bit of a square root
    return np.asarray(np.clip(result, -1.0, 1.0))


def structural_distance(
    variables: Floats, *, min_common: float = MIN_COMMON, groups: Ints | None = None, penalty: float = 0.0
) -> Floats:
    """Distance between units in structure: root mean square difference of z-scores, for choosing peers.

    Choose variables of structure (size, income, resource share, openness), not the outcomes to be compared,
    and take logarithms of sizes before.

    Parameters
    ----------
    variables : (n, p) array, one column per variable, in any units; NaN = missing.
    min_common : smallest share of the variables that must be known for both units, in [0, 1]. Variables that
        do not differ between any two units say nothing and are left out, of this share as well.
    groups : (n,) integer codes of a category such as the world region; negative = unknown, which matches none.
    penalty : distance added between units of different groups, in standard deviations: 0.5 counts as much as
        half a standard deviation of difference in every variable.

    Returns
    -------
    (n, n) symmetric array >= 0 in standard deviations, 0 on the diagonal. Each variable is standardised over
    the units that have it (divisor n); the squared differences are divided by the number of variables both
    units have, so a missing variable neither adds nor hides distance. NaN where too few are shared, on the
    diagonal too.

    Raises
    ------
    ValueError : `variables` is not 2-D or holds an infinite value, `groups` has another length, or
        `min_common` is outside [0, 1], or `penalty` is negative.

    Examples
    --------
    z-scores are -1 and 1 in both variables, so the distance is sqrt((2^2 + 2^2) / 2).

    >>> structural_distance(np.array([[1.0, 30.0], [3.0, 10.0]])).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """
    _check(variables, min_common)
    if not penalty >= 0:
        raise ValueError(f"penalty must be >= 0, not {penalty}")
    if groups is not None and groups.shape != variables.shape[:1]:
        raise ValueError(f"groups {groups.shape} do not fit {variables.shape[0]} units")
    z = _standardised(variables)
    n, p = z.shape
    squares = np.zeros((n, n))
    shared = np.zeros((n, n))
    # One variable at a time: memory stays at n x n, and equal units get exactly 0, which the expansion into
    # a matrix product (sklearn.metrics.pairwise.nan_euclidean_distances) does not promise.
    for column in z.T:
        difference = column[:, np.newaxis] - column
        known = ~np.isnan(difference)
        squares += np.where(known, difference**2, 0.0)
        shared += known
    enough = (shared > 0) & _at_least(shared, min_common, p)
    distance: Floats = np.sqrt(np.divide(squares, shared, out=np.full((n, n), np.nan), where=enough))
    if groups is not None:
        alike = (groups[:, np.newaxis] == groups) & (groups >= 0) | np.eye(n, dtype=bool)
        distance = np.where(alike, distance, distance + penalty)
    return distance


def nearest(distance_row: Floats, k: int) -> Ints:
    """Indices of the k nearest units, nearest first; ties in the order of the units.

    Parameters
    ----------
    distance_row : (n,) distances from one unit; NaN = not comparable, never chosen. Set the unit's own entry
        to NaN to leave it out. Distances equal to 12 decimals count as ties.
    k : how many to return.

    Returns
    -------
    (min(k, number of known distances),) indices.

    Raises
    ------
    ValueError : `distance_row` is not a vector, or `k` is negative.

    Examples
    --------
    >>> nearest(np.array([np.nan, 0.5, 0.2, 0.5, 0.1]), 3).tolist()
    [4, 2, 1]
    """
    if distance_row.ndim != 1:
        raise ValueError(f"distance_row must be a vector, not of {distance_row.ndim} dimensions")
    if k < 0:
        raise ValueError(f"k must be >= 0, not {k}")
    order = np.argsort(distance_row.round(TIE_DECIMALS), kind="stable")  # NaN last
    return order[: min(k, np.count_nonzero(~np.isnan(distance_row)))]


def _pair(a: Floats, b: Floats) -> Floats:
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"profiles must be vectors of one length, not {a.shape} and {b.shape}")
    return np.stack([a, b])


def _shares_in_common(a: Floats, b: Floats, min_common: float) -> tuple[Floats, Floats]:
    """Both profiles as shares over their common sectors; NaN where they cannot be compared."""
    pair = _pair(a, b)
    _check(pair, min_common)
    _refuse_negative(pair)
    common = ~np.isnan(pair).any(axis=0)
    values = pair[:, common]
    totals = values.sum(axis=1, keepdims=True)
    if not (totals > 0).all() or not _at_least(common.sum(), min_common, a.size):
        return np.array([np.nan]), np.array([np.nan])
    p, q = values / totals
    return p, q


def _prepare(x: Floats, min_common: float, *, signed: bool) -> tuple[Floats, Floats, Bools]:
    """Known cells as 0/1, values with 0 for unknown, and which pairs of rows share enough sectors."""
    _check(x, min_common)
    if not signed:
        _refuse_negative(x)
    missing = np.isnan(x)
    known = (~missing).astype(float)
    return known, np.where(missing, 0.0, x), _at_least(known @ known.T, min_common, x.shape[1])


def _standardised(x: Floats) -> Floats:
    """z-scores (divisor n) of the columns that vary; the others are dropped."""
    scores = [z_score(column, ddof=0) for column in x.T if not is_near_constant(column)]
    return np.column_stack(scores) if scores else np.empty((len(x), 0))


def _at_least(shared: NDArray[np.number], min_common: float, n: int) -> Bools:
    return np.asarray(shared >= min_common * n - 1e-9)  # 2/3 of 3 sectors is 2 sectors, whatever the round-off


def _check(x: Floats, min_common: float) -> None:
    if x.ndim != 2:
        raise ValueError(f"x must have 2 dimensions, not {x.ndim}")
    if np.isinf(x).any():
        raise ValueError("values must be finite (NaN = missing)")
    if not 0 <= min_common <= 1:
        raise ValueError(f"min_common must be in [0, 1], not {min_common}")


def _refuse_negative(x: Floats) -> None:
    if (x < 0).any():
        raise ValueError("a profile of shares must be >= 0 (NaN = missing)")
