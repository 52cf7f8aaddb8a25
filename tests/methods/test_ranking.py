"""Ranks along an axis, ties included, against SciPy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from capmap.methods.ranking import ranked


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(-3, 3).map(float)))
def test_ranks_agree_with_scipy(index: np.ndarray) -> None:
    assert np.array_equal(ranked(index), rankdata(-index, method="min", axis=-1))


@given(arrays(np.float64, 6, elements=st.one_of(st.integers(-3, 3).map(float), st.just(np.nan))))
def test_what_has_no_index_has_no_rank_and_moves_nobody(index: np.ndarray) -> None:
    known = ~np.isnan(index)
    assert np.array_equal(np.isnan(ranked(index)), ~known)
    assert np.array_equal(ranked(index)[known], rankdata(-index[known], method="min"))


def test_round_off_never_decides() -> None:
    assert ranked(np.array([0.1 + 0.2, 0.3, 0.3 - 1e-15, 0.2])).tolist() == [1.0, 1.0, 1.0, 4.0]
    assert ranked(np.array([0.3, 0.3 - 1e-6])).tolist() == [1.0, 2.0]


def test_empty() -> None:
    assert ranked(np.empty((2, 0))).shape == (2, 0)
