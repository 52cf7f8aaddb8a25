"""Variety of a region's sectors, split along the classification: unrelated between parents, related within them.

A classification's parents (two-digit divisions over four-digit classes, sections over fields) stand for relatedness:
sectors of one parent are taken to be related, sectors of different parents not. It is the classification's opinion,
not a measurement; proximities estimated from co-location may disagree.

Both parts are entropies in bits, and their sum is `capmap.methods.concentration.entropy` of the sectors, for every
choice of parents. With three levels call twice: related variety of classes within groups, and of groups within
divisions (the semi-related variety), add up with the unrelated variety of the divisions to the same total.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from capmap.methods.concentration import MIN_KNOWN, entropy, shares, sum_by_group

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def unrelated_variety(x: Floats, parents: Ints, *, min_known: float = MIN_KNOWN) -> Floats:
    """Unrelated variety, UV = sum_g P_g log2(1 / P_g), the entropy of the parents' shares P_g, in bits.

    Parameters
    ----------
    x : (..., n_sectors) values or shares >= 0, typically (n_regions, n_sectors); NaN = missing.
    parents : (n_sectors,) integer codes >= 0 of the parent of each sector.
    min_known : smallest share of the sectors that must be known, in [0, 1]; shares are over the known ones.

    Returns
    -------
    (...) array in [0, log2 of the number of parents]; 0 = all under one parent. A sector or parent with 0 changes
    nothing (0 log 0 = 0). NaN where too few sectors are known or their sum is 0.

    Raises
    ------
    ValueError : `x` holds a negative or infinite value, `parents` is not (n_sectors,) or has a negative code (a sector
        without a parent would break the sum), or `min_known` is outside [0, 1].

    References
    ----------
    Frenken, Van Oort & Verburg (2007), Regional Studies 41(5), 685-697.

    Examples
    --------
    Parents with 1/2 and 1/2 of the jobs, whatever their sectors:

    >>> float(unrelated_variety(np.array([4.0, 2.0, 2.0]), np.array([0, 1, 1])))
    1.0
    """
    share, _ = shares(x, min_known=min_known)
    of_parent, _ = sum_by_group(np.nan_to_num(share), parents)
    return entropy(of_parent, min_known=0.0)  # a row without an answer sums to 0 and has none here either


def related_variety(x: Floats, parents: Ints, *, min_known: float = MIN_KNOWN) -> Floats:
    """Related variety, RV = sum_g P_g H_g with H_g = sum_{k in g} (p_k / P_g) log2(P_g / p_k), in bits.

    Parameters
    ----------
    x, parents, min_known : as `unrelated_variety`.

    Returns
    -------
    (...) array >= 0: the entropy within the parents, weighted with their shares; 0 = at most one sector under each
    parent. Total entropy = unrelated + related variety. NaN as in `unrelated_variety`.

    Raises
    ------
    ValueError : as `unrelated_variety`.

    References
    ----------
    Frenken, Van Oort & Verburg (2007), Regional Studies 41(5), 685-697.

    Examples
    --------
    1/2 * 0 + 1/2 * 1, which with an unrelated variety of 1 makes the total entropy of 1.5:

    >>> float(related_variety(np.array([4.0, 2.0, 2.0]), np.array([0, 1, 1])))
    0.5
    """
    share, _ = shares(x, min_known=min_known)
    p = np.nan_to_num(share)
    of_parent, place = sum_by_group(p, parents)
    within = -rel_entr(p, of_parent[..., place]).sum(axis=-1) / np.log(2.0)
    return np.where(np.isnan(share).all(axis=-1), np.nan, np.maximum(within, 0.0) + 0.0)  # never -0.0
