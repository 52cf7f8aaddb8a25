"""Herfindahl-Hirschman index: published example, bounds, and what is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.concentration import effective_number, herfindahl, herfindahl_normalised

NAN = float("nan")
MEASURES = (herfindahl, herfindahl_normalised, effective_number)

amounts = st.one_of(st.floats(1e-3, 1e9), st.just(0.0))
tables = arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=amounts)


def by_loop(values):
    """HHI, normalised HHI and effective number of a list without holes."""
    total = math.fsum(values)
    if total == 0:
        return NAN, NAN, NAN
    index = math.fsum((value / total) ** 2 for value in values)
    n = len(values)
    return index, ((index - 1 / n) / (1 - 1 / n) if n > 1 else NAN), 1 / index


def test_doersam_2004():
    # Sales of four car makers. Doersam (2004), Wirtschaftsstatistik anschaulich dargestellt, as quoted in the
    # help pages herf and herf.eq of the R package REAT (Wieland): 0.34, 0.12 and 2.941176.
    sales = np.array([20.0, 50.0, 20.0, 10.0])
    assert herfindahl(sales) == pytest.approx(0.34, abs=1e-15)
    assert herfindahl_normalised(sales) == pytest.approx(0.12, abs=1e-15)
    assert effective_number(sales) == pytest.approx(2.941176, abs=5e-7)


@given(tables)
def test_agrees_with_the_definition_written_as_a_loop(x):
    expected = np.array([by_loop(row.tolist()) for row in x]).T
    for measure, values in zip(MEASURES, expected, strict=True):
        assert_allclose(measure(x), values, rtol=1e-9, atol=1e-12)
        assert_array_equal(measure(x.T, axis=0), measure(x))


@given(tables, st.floats(1e-3, 1e3), st.randoms(use_true_random=False))
def test_unit_order_and_zero_units_do_not_matter(x, factor, random):
    order = list(range(x.shape[1]))
    random.shuffle(order)
    for measure in MEASURES:
        assert_allclose(measure(factor * x[:, order]), measure(x), rtol=1e-9, atol=1e-12)
    padded = np.pad(x, ((0, 0), (0, 2)))
    assert_allclose(herfindahl(padded), herfindahl(x), rtol=1e-9)  # but they count in n:
    full = ~np.isnan(herfindahl(x))
    assert (herfindahl_normalised(padded)[full] > 0).all()


@given(tables)
def test_bounds(x):
    n = x.shape[1]
    index, normalised, number = (measure(x) for measure in MEASURES)
    seen = ~np.isnan(index)
    assert ((index[seen] >= 1 / n * (1 - 1e-12)) & (index[seen] <= 1)).all()
    assert ((number[seen] >= 1) & (number[seen] <= n * (1 + 1e-12))).all()
    if n > 1:
        assert ((normalised[seen] >= 0) & (normalised[seen] <= 1)).all()


def test_extremes():
    assert_array_equal([float(measure(np.array([0.0, 7.0, 0.0]))) for measure in MEASURES], [1, 1, 1])
    assert_allclose([float(measure(np.full(5, 0.2))) for measure in MEASURES], [0.2, 0, 5], atol=1e-15)
    assert_array_equal([float(measure(np.array([7.0]))) for measure in MEASURES], [1, NAN, 1])  # nothing to compare
    for measure in MEASURES:
        assert np.isnan(measure(np.zeros(3)))  # nobody has anything
        assert np.isnan(measure(np.empty(0)))


def test_missing_units_are_left_out_down_to_a_share():
    two_of_three = np.array([3.0, 1.0, NAN])
    assert herfindahl(two_of_three) == 0.625  # shares 3/4 and 1/4
    assert herfindahl_normalised(two_of_three) == pytest.approx(0.25)  # n = 2
    assert effective_number(two_of_three) == 1.6
    one_of_two = np.array([3.0, NAN])
    for measure in MEASURES:
        assert np.isnan(measure(one_of_two))
        assert np.isnan(measure(two_of_three, min_known=0.7))
        assert np.isnan(measure(np.full(3, NAN), min_known=0))
    assert herfindahl(one_of_two, min_known=0.5) == 1
    ragged = np.array([[1.0, 1.0, NAN, NAN, NAN], [1.0, 1.0, 1.0, 1.0, NAN]])
    assert_array_equal(effective_number(ragged, min_known=0), [2, 4])


@pytest.mark.parametrize("measure", MEASURES)
def test_misuse_is_refused(measure):
    for bad in (-0.1, math.inf):
        with pytest.raises(ValueError, match="finite and >= 0"):
            measure(np.array([1.0, bad]))
    for share in (-0.1, 1.1, NAN):
        with pytest.raises(ValueError, match="min_known"):
            measure(np.ones(2), min_known=share)


def test_argument_is_left_alone():
    x = np.array([[20.0, NAN, 0.0]])
    for measure in MEASURES:
        measure(x)
    assert_array_equal(x, [[20.0, NAN, 0.0]])
