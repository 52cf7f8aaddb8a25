"""Change between two periods: published examples, SciPy as the reference, ties, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import linregress, spearmanr

from capmap.methods.dynamics import (
    bartholomew_index,
    beta,
    beta_over_r,
    entries,
    exits,
    persistence_rate,
    rank_turnover,
    shorrocks_index,
    transition_counts,
    transition_matrix,
)

NAN = float("nan")
COMPARED = (beta, beta_over_r, rank_turnover)

# Income of 48 US states 1929-2009 in quintiles: documentation of markov_mobility in the Python package giddy (PySAL).
US_STATES = np.array(
    [
        [0.91011236, 0.0886392, 0.00124844, 0.0, 0.0],
        [0.09972299, 0.78531856, 0.11080332, 0.00415512, 0.0],
        [0.0, 0.10125, 0.78875, 0.1075, 0.0025],
        [0.0, 0.00417827, 0.11977716, 0.79805014, 0.07799443],
        [0.0, 0.0, 0.00125156, 0.07133917, 0.92740926],
    ]
)

shapes = array_shapes(min_dims=2, max_dims=2, max_side=8)
# Few distinct values, so that ties and constant rows are common; some holes.
graded = st.one_of(st.integers(-4, 4).map(lambda k: k / 4), st.just(NAN))


@st.composite
def two(draw, elements, dtype=float):
    shape = draw(shapes)
    return tuple(draw(arrays(dtype, shape, elements=elements)) for _ in range(2))


@given(two(st.booleans(), bool))
def test_presence_splits_into_four(periods):
    before, after = periods
    came, went = entries(before, after), exits(before, after)
    for i, j in np.ndindex(before.shape):
        assert came[i, j] == (after[i, j] and not before[i, j])
        assert went[i, j] == (before[i, j] and not after[i, j])
    assert_array_equal(came, exits(after, before))
    assert_array_equal((before & ~went) | came, after)
    rate = persistence_rate(before, after)
    for row, (had, left) in enumerate(zip(before.sum(axis=1), went.sum(axis=1), strict=True)):
        assert rate[row] == pytest.approx((had - left) / had if had else NAN, nan_ok=True)
    assert_array_equal(persistence_rate(before.T, after.T, axis=0), rate)
    assert float(persistence_rate(before, after, axis=None)) == pytest.approx(
        1 - went.sum() / before.sum() if before.any() else NAN, nan_ok=True
    )


def test_presence_that_is_not_known_is_masked_out():
    before, after = np.array([True, True, False]), np.array([True, False, True])
    known = np.array([True, False, True])
    assert float(persistence_rate(before & known, after & known)) == 1
    assert not exits(before & known, after & known).any()


@pytest.mark.parametrize("measure", [entries, exits, persistence_rate])
def test_presence_is_boolean(measure):
    with pytest.raises(ValueError, match="boolean"):
        measure(np.array([0, 1, 2]), np.array([True, True, True]))
    with pytest.raises(ValueError, match="do not fit"):
        measure(np.array([True]), np.array([True, False]))


@given(two(graded))
def test_slope_and_dispersion_agree_with_scipy(periods):
    before, after = periods
    slopes, ratios = beta(before, after), beta_over_r(before, after)
    assert slopes.shape == ratios.shape == before.shape[:1]
    for x, y, slope, ratio in zip(before, after, slopes, ratios, strict=True):
        known = ~np.isnan(x + y)
        n = known.sum()
        if n < 3 or n < 2 / 3 * x.size - 1e-9 or np.ptp(x[known]) == 0:
            assert np.isnan([slope, ratio]).all()
            continue
        line = linregress(x[known], y[known])
        assert slope == pytest.approx(line.slope, abs=1e-12)
        assert ratio == pytest.approx(y[known].std() / x[known].std(), abs=1e-12)
        if abs(line.rvalue) > 1e-6:  # where beta / R can be divided, it is that
            assert ratio == pytest.approx(line.slope / line.rvalue, rel=1e-9)
    assert_allclose(beta(before.T, after.T, axis=0), slopes, atol=1e-12)


@given(arrays(float, st.integers(3, 9), elements=st.floats(-1, 1), unique=True), st.floats(-2, 2), st.floats(-1, 1))
def test_a_line_gives_its_slope(x, slope, level):
    if np.ptp(x) < 1e-3:
        return
    assert float(beta(x, level + slope * x)) == pytest.approx(slope, abs=1e-9)
    assert float(beta_over_r(x, level + slope * x)) == pytest.approx(abs(slope), abs=1e-9)


def test_extremes_of_the_regression():
    x = np.array([-1.0, 0.0, 1.0])
    assert float(beta(x, x)) == float(beta_over_r(x, x)) == 1
    assert float(beta(x, -x)) == -1
    flat = np.full(3, 0.2)
    assert float(beta(x, flat)) == pytest.approx(0, abs=1e-15)
    assert float(beta_over_r(x, flat)) == pytest.approx(0, abs=1e-15)  # although R does not exist
    assert np.isnan(beta(flat, x))
    round_off = np.array([0.1 + 0.2, 0.3, 0.3])
    assert np.isnan(beta(round_off, x))  # no spread worth the name
    assert np.isnan(beta(np.array([1e-200, 0.0, 0.0]), x))
    hump = np.array([1.0, 0.0, 1.0])
    assert float(beta(x, hump)) == 0
    assert float(beta_over_r(x, hump)) == pytest.approx((1 / 3) ** 0.5)  # although R is 0


@given(two(graded))
def test_turnover_agrees_with_scipy(periods):
    before, after = periods
    turnover = rank_turnover(before, after)
    for x, y, value in zip(before, after, turnover, strict=True):
        known = ~np.isnan(x + y)
        n = known.sum()
        if n < 3 or n < 2 / 3 * x.size - 1e-9 or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
            assert np.isnan(value)
            continue
        assert value == pytest.approx(1 - spearmanr(x[known], y[known]).statistic, abs=1e-12)
        assert 0 <= value <= 2
    assert_allclose(rank_turnover(after, before), turnover, atol=1e-12)
    assert_allclose(rank_turnover(before.T, after.T, axis=0), turnover, atol=1e-12)
    assert_allclose(rank_turnover(before, np.exp(3 * after)), turnover, atol=1e-12)  # order is all that counts


def test_turnover_extremes():
    x = np.array([5.0, 1.0, 2.0, 9.0])
    assert rank_turnover(x, x) == 0
    assert rank_turnover(x, -x) == 2
    assert np.isnan(rank_turnover(x, np.ones(4)))


@pytest.mark.parametrize("measure", COMPARED)
def test_what_cannot_be_compared(measure):
    x, y = np.array([1.0, 2.0, 4.0, NAN]), np.array([1.0, 3.0, 2.0, 7.0])
    whole = float(measure(x[:3], y[:3]))
    assert float(measure(x, y)) == pytest.approx(whole)
    assert np.isnan(measure(x, y, min_common=0.8))
    assert np.isnan(measure(x[:2], y[:2], min_common=0))  # two points always lie on a line
    assert np.isnan(measure(np.empty(0), np.empty(0)))
    assert measure(np.empty((2, 0)), np.empty((2, 0))).shape == (2,)
    assert measure(np.empty((0, 3)), np.empty((0, 3))).shape == (0,)
    assert_allclose(measure(np.stack([x, np.full(4, NAN)]), np.stack([y, y])), [whole, NAN])
    with pytest.raises(ValueError, match="do not fit"):
        measure(x, y[:3])
    with pytest.raises(ValueError, match="finite"):
        measure(x, np.array([1.0, 2.0, 3.0, np.inf]))
    with pytest.raises(ValueError, match="min_common"):
        measure(x, y, min_common=1.5)


@given(two(graded), st.integers(2, 6))
def test_transitions_agree_with_a_loop(periods, classes):
    before, after = periods
    cells = [(a, b) for a, b in zip(before.flat, after.flat, strict=True) if a == a and b == b]
    expected = np.zeros((classes, classes), int)
    for a, b in cells:
        i, j = (sum(other[side] < own for other in cells) * classes // len(cells) for side, own in enumerate((a, b)))
        expected[i, j] += 1
    assert_array_equal(transition_counts(before, after, classes), expected)
    matrix = transition_matrix(before, after, classes)
    started = expected.sum(axis=1)
    assert_array_equal(np.isnan(matrix).all(axis=1), started == 0)
    assert_allclose(matrix[started > 0].sum(axis=1), 1)
    assert_allclose(matrix[started > 0] * started[started > 0, None], expected[started > 0])


@given(st.permutations(range(12)), st.integers(2, 5))
def test_classes_without_ties_are_level(order, classes):
    x, y = np.arange(12.0), np.array(order, float)
    counts = transition_counts(x, y, classes)
    for side in (counts.sum(axis=0), counts.sum(axis=1)):
        assert side.max() - side.min() <= 1
    assert_array_equal(transition_counts(x, x, classes), np.diag(np.diag(transition_counts(x, x, classes))))
    assert_array_equal(transition_counts(y, x, classes), counts.T)


def test_ties_share_the_lowest_class_they_reach():
    x = np.array([-1.0] * 5 + [0.1, 0.2, 0.3, 0.4, 0.5])  # half of them without any
    counts = transition_counts(x, x)
    assert_array_equal(np.diag(counts), [5, 0, 1, 2, 2])
    assert np.isnan(transition_matrix(x, x)[1]).all()
    assert np.isnan(shorrocks_index(transition_matrix(x, x)))
    assert bartholomew_index(transition_matrix(x, x), counts.sum(axis=1)) == 0  # nobody started in the empty class
    assert np.isnan(bartholomew_index(transition_matrix(x, x)))
    assert_array_equal(transition_counts(np.ones(4), np.ones(4), 2), [[4, 0], [0, 0]])
    assert_array_equal(transition_counts(np.array([NAN]), np.array([1.0]), 2), np.zeros((2, 2)))


def test_mobility_of_giddy():
    # Documentation of markov_mobility in giddy: Shorrocks 1 and Bartholomew 2 for this start.
    assert shorrocks_index(US_STATES) == pytest.approx(0.19758992, abs=1e-8)
    start = np.array([0.1, 0.2, 0.2, 0.4, 0.1])
    assert bartholomew_index(US_STATES, start) == pytest.approx(0.04637, abs=5e-6)
    assert bartholomew_index(US_STATES, 480 * start) == pytest.approx(0.04637, abs=5e-6)


@pytest.mark.parametrize("k", [2, 5])
def test_extremes_of_mobility(k):
    assert shorrocks_index(np.eye(k)) == bartholomew_index(np.eye(k)) == 0
    assert shorrocks_index(np.full((k, k), 1 / k)) == pytest.approx(1)
    assert shorrocks_index(np.roll(np.eye(k), 1, axis=1)) == pytest.approx(k / (k - 1))
    from_end_to_end = np.zeros(k)
    from_end_to_end[[0, -1]] = 1
    assert bartholomew_index(np.eye(k)[::-1], from_end_to_end) == 1
    assert np.isnan(bartholomew_index(np.eye(k), np.zeros(k)))


def test_misuse_of_transitions_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        transition_counts(np.ones(3), np.ones(3), 1)
    with pytest.raises(ValueError, match="do not fit"):
        transition_matrix(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="finite"):
        transition_matrix(np.ones(1), np.array([np.inf]))
    for index in (shorrocks_index, bartholomew_index):
        for shape in ((1, 1), (2, 3), (4,)):
            with pytest.raises(ValueError, match=r"\(k, k\)"):
                index(np.ones(shape))
        for bad in ([[0.5, 0.4], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [[NAN, 1.0], [0.5, 0.5]]):
            with pytest.raises(ValueError, match="add up to 1"):
                index(np.array(bad))
    for start in (np.ones(3), np.array([1.0, -1.0]), np.array([1.0, NAN])):
        with pytest.raises(ValueError, match="start"):
            bartholomew_index(np.eye(2), start)


def test_arguments_are_left_alone():
    x, y = np.array([[1.0, NAN, 3.0, 0.5]]), np.array([[2.0, 1.0, 3.0, 0.0]])
    for measure in (*COMPARED, transition_matrix):
        measure(x, y)
    assert_array_equal(x, [[1.0, NAN, 3.0, 0.5]])
    assert_array_equal(y, [[2.0, 1.0, 3.0, 0.0]])
