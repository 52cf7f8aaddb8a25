"""Parts of a gap between two means add up to it, whatever the mean."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from capmap.methods import aggregation
from capmap.methods.decomposition import (
    MAX_SHAPLEY,
    arithmetic_rates,
    geometric_rates,
    logarithmic_mean,
    shapley_rates,
)

Floats = NDArray[np.float64]

scores = st.lists(
    st.tuples(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.1, 10)), min_size=1, max_size=5
).map(lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True)))


@given(scores)
def test_parts_add_up_to_the_gap_of_geometric_means(case: tuple[Floats, Floats, Floats]) -> None:
    first, second, weights = case
    parts = geometric_rates(first, second, weights) * (first - second)
    one, other = aggregation.geometric(np.array([first, second]), weights)
    assert parts.sum() == pytest.approx(one - other, rel=1e-9, abs=1e-9)


@given(scores)
def test_parts_add_up_to_the_gap_of_arithmetic_means(case: tuple[Floats, Floats, Floats]) -> None:
    first, second, weights = case
    one, other = aggregation.arithmetic(np.array([first, second]), weights)
    assert (arithmetic_rates(weights) * (first - second)).sum() == pytest.approx(one - other, rel=1e-9, abs=1e-9)


def by_every_order(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Shapley values of the median by walking through every order."""
    n = len(first)
    orders = list(permutations(range(n)))
    parts = np.zeros(n)
    for order in orders:
        now = second.copy()
        for child in order:
            before = aggregation.median(now[np.newaxis], weights, min_coverage=0.0)[0]
            now[child] = first[child]
            parts[child] += aggregation.median(now[np.newaxis], weights, min_coverage=0.0)[0] - before
    return parts / len(orders)


def test_shapley_values_are_the_mean_over_all_orders() -> None:
    first, second = np.array([0.9, 0.2, 0.5, 0.4]), np.array([0.1, 0.6, 0.7, 0.4])
    weights = np.array([1.0, 2.0, 1.0, 1.0])
    rates = shapley_rates(first, second, lambda x: aggregation.median(x, weights, min_coverage=0.0))
    assert (rates * (first - second)).tolist() == pytest.approx(by_every_order(first, second, weights).tolist())
    assert rates[3] == 0.0  # no gap, no part


def test_of_arithmetic_means_shapley_values_are_the_weights() -> None:
    weights = np.array([3.0, 1.0])
    rates = shapley_rates(np.array([1.0, 0.0]), np.array([0.5, 0.7]), lambda x: aggregation.arithmetic(x, weights))
    assert rates.tolist() == pytest.approx([0.75, 0.25])


def test_the_logarithmic_mean_of_close_values_has_no_jump() -> None:
    """At half a difference of logarithms of 1e-4 the formula changes to its series; both sides agree."""
    b = np.array([1.0, 1.0])
    a = np.exp(np.array([1.99e-4, 2.01e-4]))
    exact = np.expm1(np.array([1.99e-4, 2.01e-4])) / np.array([1.99e-4, 2.01e-4])
    assert logarithmic_mean(a, b).tolist() == pytest.approx(exact.tolist(), rel=1e-14)
    assert ((np.sqrt(a * b) <= logarithmic_mean(a, b)) & (logarithmic_mean(a, b) <= (a + b) / 2)).all()


def test_what_has_no_logarithm_or_too_many_orders_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        geometric_rates(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.ones(2))
    many = np.ones(MAX_SHAPLEY + 1)
    with pytest.raises(ValueError, match="too many orders"):
        shapley_rates(many, 2 * many, lambda x: x.mean(axis=1))
