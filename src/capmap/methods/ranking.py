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
    by_value = np.argsort(-value, kind="quicksort")
    small = group.astype(np.uint16) if n_groups <= np.iinfo(np.uint16).max else group  # 16 bits: radix sort
    order = by_value[np.argsort(small[by_value], kind="stable")]
    sorted_value, sorted_group = value[order], group[order]
    place = np.arange(value.size, dtype=np.int32)
    opens = np.r_[True, sorted_group[1:] != sorted_group[:-1]]
    first_of_group = np.maximum.accumulate(np.where(opens, place, 0))
    differs = opens | np.r_[True, sorted_value[1:] != sorted_value[:-1]]
    first_of_tie = np.maximum.accumulate(np.where(differs, place, 0))
    rank = np.empty(value.size, np.int32)
    rank[order] = first_of_tie - first_of_group + 1
    rank[np.isnan(value)] = -1
    return rank
