"""Ranks within groups, without a loop over the groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rank_within(value: NDArray[np.float64], group: NDArray[np.int32], n_groups: int) -> NDArray[np.int32]:
    """Rank of each value within its group, largest first; ties share the smallest rank; NaN has none (-1).

    `value` and `group` are (n,); the rank is an integer, -1 where the value is NaN.

    >>> rank_within(np.array([5.0, 7.0, 7.0, np.nan, 1.0]), np.array([0, 0, 0, 0, 1], np.int32), 2).tolist()
    [3, 1, 1, -1, 1]
    """
    if value.size == 0:
        return np.empty(0, np.int32)
    by_value = np.argsort(-value)
    small = group.astype(np.uint16) if n_groups <= np.iinfo(np.uint16).max else group  # 16 bits: radix sort
    order = by_value[np.argsort(small[by_value], kind="stable")]
    sizes = np.bincount(group, minlength=n_groups)
    starts = np.cumsum(sizes) - sizes
    in_order = value[order]
    opens = np.empty(value.size, np.bool_)  # where a rank begins: a new group, or a smaller value
    np.not_equal(in_order[1:], in_order[:-1], out=opens[1:])
    opens[starts[sizes > 0]] = True
    place = np.arange(1, value.size + 1, dtype=np.int32)
    place = np.maximum.accumulate(place * opens)
    rank = np.empty(value.size, np.int32)
    rank[order] = place - np.repeat(starts, sizes)
    rank[np.isnan(value)] = -1
    return rank


def ranked(index: NDArray[np.float64], *, tie: float = 1e-9) -> NDArray[np.float64]:
    """Ranks along the last axis, 1 = highest; ties share the smallest rank; NaN stays NaN.

    `index` is (..., n), on a scale where 1 is large; neighbours in order that differ by no more than `tie` are equal,
    so that round-off never decides between two identical rows of a table. The same shape comes back.

    >>> ranked(np.array([0.5, 2.0, 0.5 + 1e-12, np.nan, -1.0])).tolist()
    [2.0, 1.0, 2.0, nan, 4.0]
    """
    order = np.argsort(-index, axis=-1, kind="stable")  # NaN last
    falling = np.take_along_axis(index, order, axis=-1)
    opens = np.ones(index.shape, np.bool_)
    opens[..., 1:] = ~(falling[..., :-1] - falling[..., 1:] <= tie)
    place = np.maximum.accumulate(np.where(opens, np.arange(1, index.shape[-1] + 1), 0), axis=-1).astype(np.float64)
    place[np.isnan(falling)] = np.nan
    rank = np.empty(index.shape)
    np.put_along_axis(rank, order, place, axis=-1)
    return rank


def kendall(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Kendall's tau-b of two vectors over the places known in both, ties allowed for; NaN with fewer than two, or no spread.

    References: Kendall (1945), The treatment of ties in ranking problems, Biometrika 33(3), 239-251.

    Of the three pairs of 1, 2, 3 and 1, 3, 2 two agree and one does not: (2 - 1)/3.

    >>> kendall(np.array([1.0, 2.0, 3.0, np.nan]), np.array([1.0, 3.0, 2.0, 4.0])) * 3
    1.0
    """
    from scipy.stats import kendalltau

    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < 2 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return float("nan")
    return float(kendalltau(a[both], b[both]).statistic)
