"""Where the gap between two scores comes from: parts of the children that add up to it exactly.

Vectors are (n_children,) scores of the children of one node, finite; whoever has gaps fills them first, as the mean does
that renormalises: a missing child counts as the score of its node. A rate is what one point of a child's gap adds to the
gap of the node, so that parts are carried down a tree by multiplying rates.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Most children for which every order of change is gone through: 2 to this power evaluations.
MAX_SHAPLEY: Final = 12


def logarithmic_mean(a: Floats, b: Floats) -> Floats:
    """Logarithmic mean (a - b) / (ln a - ln b), a itself where both are equal; between geometric and arithmetic mean.

    Parameters
    ----------
    a, b : arrays of one shape, above 0.

    Raises
    ------
    ValueError : a value that is not above 0.

    References
    ----------
    Ang (2005), Energy Policy 33(7), 867-871.

    Examples
    --------
    >>> logarithmic_mean(np.array([2.0, 3.0]), np.array([1.0, 3.0])).round(6).tolist()  # 1 / ln 2, 3
    [1.442695, 3.0]
    """
    if not ((a > 0).all() and (b > 0).all()):
        raise ValueError("a logarithmic mean needs values above 0")
    half = 0.5 * (np.log(a) - np.log(b))
    # L = sqrt(a b) sinh(h)/h with h half the difference of logarithms: no cancellation where a and b are close
    close = np.abs(half) < 1e-4
    safe = np.where(close, 1.0, half)
    ratio = np.where(close, 1.0 + half**2 / 6.0, np.sinh(safe) / safe)
    mean: Floats = np.sqrt(a) * np.sqrt(b) * ratio
    return mean


def arithmetic_rates(weights: Floats) -> Floats:
    """Rates of a weighted arithmetic mean: the weights, scaled to add up to 1.

    Examples
    --------
    >>> arithmetic_rates(np.array([3.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    scaled: Floats = weights / weights.sum()
    return scaled


def geometric_rates(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Rates of a weighted geometric mean, by the logarithmic mean Divisia index (LMDI-I, additive).

    The part of child c is L(S1, S2) w_c ln(x_c1/x_c2) with S the two means and L the logarithmic mean; its rate is that part
    over x_c1 - x_c2, L(S1, S2) w_c / L(x_c1, x_c2), which exists where the child has no gap as well.

    Parameters
    ----------
    first, second : scores of the children, above 0 (after the shift, where there is one).
    weights : >= 0, their sum above 0.

    Returns
    -------
    (n_children,) rates: sum of rates * (first - second) is the difference of the two means, without a rest.

    Raises
    ------
    ValueError : as `logarithmic_mean`.

    References
    ----------
    Ang (2005), The LMDI approach to decomposition analysis: a practical guide, Energy Policy 33(7), 867-871.

    Examples
    --------
    Means 2 and 1 of (4, 1) and (1, 1) at equal weights: all of the gap of 1 is that of the first child, a third a point.

    >>> geometric_rates(np.array([4.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0])).round(6).tolist()
    [0.333333, 0.721348]
    """
    if not ((first > 0).all() and (second > 0).all()):
        raise ValueError("a geometric mean needs values above 0")
    share = arithmetic_rates(weights)
    means = [np.exp(share @ np.log(values)) for values in (first, second)]
    whole = logarithmic_mean(np.array(means[0]), np.array(means[1]))
    rates: Floats = share * whole / logarithmic_mean(first, second)
    return rates


def shapley_rates(first: Floats, second: Floats, mean: Callable[[Floats], Floats]) -> Floats:
    """Rates of any mean: each child's part is its mean effect over all orders in which the children could change.

    Parameters
    ----------
    first, second : scores of at most MAX_SHAPLEY children.
    mean : takes (n, n_children) scores, gives (n,) means.

    Returns
    -------
    (n_children,) rates; 0 for a child without a gap, whose part is 0. NaN where the mean is.

    Raises
    ------
    ValueError : too many children.

    References
    ----------
    Shorrocks (2013), Decomposition procedures for distributional analysis: a unified framework based on the Shapley value,
    Journal of Economic Inequality 11(1), 99-126.

    Examples
    --------
    The minimum is 1 for (4, 1) and 2 for (2, 3). Changing the first child first, it gains 1 and the second loses 2; in the
    other order the first gains nothing and the second loses 1.

    >>> rates = shapley_rates(np.array([4.0, 1.0]), np.array([2.0, 3.0]), lambda x: x.min(axis=1))
    >>> (rates * np.array([2.0, -2.0])).tolist()
    [0.5, -1.5]
    """
    n = first.size
    if n > MAX_SHAPLEY:
        raise ValueError(f"{n} children have too many orders; at most {MAX_SHAPLEY} are gone through")
    subsets = np.arange(1 << n)
    taken = (subsets[:, np.newaxis] >> np.arange(n)) & 1 == 1
    value = mean(np.where(taken, first, second))
    sizes = taken.sum(axis=1)
    # |S|! (n - |S| - 1)! / n!, by the size of the set before the child joins
    order = np.array([1.0 / (n * comb(n - 1, k)) for k in range(n)])
    part = np.array(
        [(order[sizes[~has]] * (value[subsets[~has] | (1 << c)] - value[~has])).sum() for c, has in enumerate(taken.T)]
    )
    gap = first - second
    rates: Floats = np.divide(part, gap, out=np.where(np.isnan(part), np.nan, 0.0), where=gap != 0)
    return rates
