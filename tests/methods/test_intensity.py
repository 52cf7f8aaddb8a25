"""Relative intensities: a worked example, the exact three-factor identity, and what holes and zeros do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.intensity import (
    double_relative_intensity,
    ratio_to_median,
    region_relative_intensity,
    relative_intensity,
    stock,
    three_factors,
    world_intensity,
)
from capmap.methods.specialisation import rca

NAN = float("nan")

# Two regions, two sectors (cars, food). Robots per worker, workers; the stock is their product:
#             cars          food          sum
# region 1    30 x 200      5 x 200       7,000 robots,   400 workers
# region 2    10 x 200    2.5 x 400       3,000 robots,   600 workers
# world     8,000 / 400  2,000 / 600     10,000 robots, 1,000 workers
R = np.array([[30.0, 5.0], [10.0, 2.5]])
D = np.array([[200.0, 200.0], [200.0, 400.0]])


@st.composite
def tables(draw, holes=True, low=1e-3, high=1e6):
    """An intensity and a denominator of one shape, with true zeros of either and, if asked for, holes."""
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6))
    positive = st.floats(low, high)
    denominator = draw(arrays(float, shape, elements=st.one_of(positive, positive, st.just(0.0))))
    intensity = draw(arrays(float, shape, elements=st.one_of(positive, positive, st.just(0.0))))
    intensity[denominator == 0] = 0.0
    if holes:
        for array in (intensity, denominator):
            array[draw(arrays(bool, shape, elements=st.integers(0, 4).map(lambda i: i == 0)))] = NAN
    return intensity, denominator


def by_loops(r, d):
    """The factors of every cell, from the definitions, one number at a time: {(i, j): (rca_s, rca_d, rii, rii_i)}."""
    n, m = r.shape
    s, workers = {}, {}
    for i in range(n):
        for j in range(m):
            if d[i, j] == 0:
                s[i, j], workers[i, j] = 0.0, 0.0
            elif not math.isnan(r[i, j]) and not math.isnan(d[i, j]):
                s[i, j], workers[i, j] = r[i, j] * d[i, j], d[i, j]
    result = {}
    for (i, j), s_ij in s.items():
        observed = [k for k in range(m) if (i, k) in s]
        everyone = [(h, k) for k in observed for h in range(n) if (h, k) in s]
        column = [(h, j) for h in range(n) if (h, j) in s]

        def total(x, keys):
            return math.fsum(x[key] for key in keys)

        row = [(i, k) for k in observed]
        s_i, s_j, s_w = total(s, row), total(s, column), total(s, everyone)
        d_ij, d_i, d_j, d_w = workers[i, j], total(workers, row), total(workers, column), total(workers, everyone)
        rca_s = (s_ij / s_i) / (s_j / s_w) if s_i and s_j else NAN
        rca_d = (d_ij / d_i) / (d_j / d_w) if d_i and d_j else NAN
        rii = (s_ij / d_ij) / (s_j / d_j) if d_ij and s_j else NAN
        rii_i = (s_i / d_i) / (s_w / d_w) if d_i and s_w else NAN
        result[i, j] = rca_s, rca_d, rii, rii_i
    return result


# --- the worked example -----------------------------------------------------------------------------------


def test_worked_example():
    assert_array_equal(stock(R, D), [[6000, 1000], [2000, 1000]])
    assert_allclose(world_intensity(R, D), [8000 / 400, 2000 / 600], rtol=1e-15)
    assert_allclose(relative_intensity(R, D), [[30 / 20, 5 / (10 / 3)], [10 / 20, 2.5 / (10 / 3)]], rtol=1e-15)
    assert_allclose(region_relative_intensity(R, D), [17.5 / 10, 5 / 10], rtol=1e-15)
    assert_allclose(double_relative_intensity(R, D), [[1.5 / 1.75, 1.5 / 1.75], [1.0, 1.5]], rtol=1e-15)
    factors = three_factors(R, D, floor=0)
    assert_allclose(factors.rca_stock[0], [(6 / 7) / (8 / 10), (1 / 7) / (2 / 10)], rtol=1e-15)
    assert_allclose(factors.rca_denominator[0], [(2 / 4) / (4 / 10), (2 / 4) / (6 / 10)], rtol=1e-15)
    assert not factors.suppressed.any()


def test_world_intensity_is_weighted_and_not_the_mean_of_ratios():
    r, d = np.array([[10.0], [50.0]]), np.array([[900.0], [100.0]])
    assert world_intensity(r, d)[0] == 14.0  # (9,000 + 5,000) / 1,000, not (10 + 50) / 2


def test_same_intensity_everywhere_says_nothing_but_where_the_workers_are():
    factors = three_factors(np.full((2, 2), 7.0), D, floor=0)
    assert_allclose(factors.rii, 1.0)
    assert_allclose(factors.rii_region, 1.0)
    assert_allclose(factors.rca_stock, factors.rca_denominator)


# --- properties -------------------------------------------------------------------------------------------


@given(tables())
def test_three_factors_multiply_to_the_rca_of_the_stock(table):
    r, d = table
    f = three_factors(r, d, floor=0)
    product = f.rca_denominator * f.rii / np.where(f.rii_region > 0, f.rii_region, NAN)[:, np.newaxis]
    defined = ~np.isnan(product)
    assert_allclose(f.rca_stock[defined], product[defined], rtol=1e-9, atol=0)
    # The identity is silent only for cells without a denominator: there the RCA is NaN or a true zero.
    shown = ~np.isnan(f.rca_stock) & ~defined
    assert (f.rca_stock[shown] == 0).all()
    assert (d[shown] == 0).all()
    assert_allclose(f.dri, double_relative_intensity(r, d), rtol=1e-12)


@given(tables())
def test_agrees_with_the_definitions_written_as_loops(table):
    f = three_factors(*table, floor=0)
    expected = by_loops(*table)
    for cell in np.ndindex(table[0].shape):
        found = f.rca_stock[cell], f.rca_denominator[cell], f.rii[cell]
        if cell not in expected:
            assert np.isnan(found).all()
        else:
            assert_allclose((*found, f.rii_region[cell[0]]), expected[cell], rtol=1e-9, atol=0)


@given(tables(low=1, high=100))
def test_rca_is_the_rca_of_the_matrix_of_known_cells(table):
    r, d = table
    f = three_factors(r, d, floor=0)
    stocks = stock(r, d)
    assert_allclose(f.rca_stock, rca(stocks), rtol=1e-9, atol=0)
    workers = np.where(np.isnan(stocks), NAN, d)
    assert_allclose(f.rca_denominator, rca(workers), rtol=1e-9, atol=0)


@given(tables(holes=False))
def test_on_a_full_table_region_level_is_against_the_world_as_a_whole(table):
    r, d = table
    s = r * d
    found = region_relative_intensity(r, d)
    for i, value in enumerate(found):
        if d[i].sum() > 0 and s.sum() > 0:
            assert value == pytest.approx((s[i].sum() / d[i].sum()) / (s.sum() / d.sum()), rel=1e-9)
        else:
            assert math.isnan(value)


@given(tables(), st.randoms(use_true_random=False))
def test_order_of_regions_and_sectors_does_not_matter(table, random):
    r, d = table
    rows, columns = list(range(r.shape[0])), list(range(r.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    cells = np.ix_(rows, columns)
    here, there = three_factors(r, d, floor=10), three_factors(r[cells], d[cells], floor=10)
    for name in ("rca_stock", "rca_denominator", "rii", "dri"):
        assert_allclose(getattr(there, name), getattr(here, name)[cells], rtol=1e-9)
    assert_allclose(there.rii_region, here.rii_region[rows], rtol=1e-9)
    assert_array_equal(there.suppressed, here.suppressed[cells])


@given(tables(), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_units_cancel(table, a, b):
    r, d = table
    here, there = three_factors(r, d, floor=0), three_factors(a * r, b * d, floor=0)
    for name in ("rca_stock", "rca_denominator", "rii", "rii_region", "dri"):
        assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-9)


def test_arguments_are_left_alone():
    r, d = R.copy(), D.copy()
    three_factors(r, d, reference=(r[0], d[0]))
    ratio_to_median(r)
    assert_array_equal(r, R)
    assert_array_equal(d, D)


# --- holes and zeros --------------------------------------------------------------------------------------


@pytest.mark.parametrize("hole", ["intensity", "denominator"])
def test_a_hole_in_either_hides_the_cell_from_both_sums(hole):
    r, d = R.copy(), D.copy()
    (r if hole == "intensity" else d)[1, 1] = NAN
    f = three_factors(r, d, floor=0)
    for values in (f.rca_stock, f.rca_denominator, f.rii, f.dri):
        assert np.isnan(values[1, 1])
    assert_allclose(world_intensity(r, d), [20, 5])  # food: region 1 alone
    # Region 2 is compared with the world in cars, the one sector it has: 10 against 20 robots per worker.
    assert_allclose(f.rii_region, [(7000 / 400) / (9000 / 600), 10 / 20])
    assert_allclose(f.rca_stock[1, 0], 1.0)  # all it has observed is cars
    assert_allclose(f.dri[1, 0], 1.0)


def test_no_workers_is_a_true_zero_with_or_without_an_intensity():
    d = np.array([[200.0, 200.0], [200.0, 0.0]])
    for unknown in (0.0, NAN):
        f = three_factors(np.array([[30.0, 5.0], [10.0, unknown]]), d, floor=0)
        assert f.rca_stock[1, 1] == 0
        assert f.rca_denominator[1, 1] == 0
        assert np.isnan(f.rii[1, 1])
        assert np.isnan(f.dri[1, 1])
        # Food stays in region 2's base: 2,000 / 200 robots per worker against 9,000 / 600.
        assert_allclose(f.rii_region[1], 10 / 15)


def test_intensity_without_a_denominator_is_a_data_error_that_names_the_cells():
    r, d = R.copy(), D.copy()
    d[1, 0] = 0
    for function in (stock, world_intensity, relative_intensity, three_factors):
        with pytest.raises(ValueError, match=r"denominator of 0: cell \(1, 0\)$"):
            function(r, d)
    many = np.ones((3, 3))
    with pytest.raises(ValueError, match=r"\(0, 0\), \(0, 1\), .* and 4 more$"):
        stock(many, many * 0)


@pytest.mark.parametrize("bad", [-1.0, math.inf])
def test_negative_and_infinite_values_are_refused(bad):
    broken = R.copy()
    broken[0, 1] = bad
    with pytest.raises(ValueError, match=r"intensity must be finite and >= 0 .* cell \(0, 1\)"):
        three_factors(broken, D)
    with pytest.raises(ValueError, match=r"denominator must be finite and >= 0 .* cell \(0, 1\)"):
        three_factors(R, broken)


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        stock(R, D[:1])
    with pytest.raises(ValueError, match="2 dimensions"):
        relative_intensity(R[0], D[0])
    for floor in (-1, NAN):
        with pytest.raises(ValueError, match="floor"):
            three_factors(R, D, floor=floor)


def test_a_sector_or_region_without_stock():
    r = np.array([[0.0, 4.0, 2.0], [0.0, 0.0, 0.0]])  # nobody has robots in sector 0, region 1 has none at all
    d = np.full((2, 3), 1000.0)
    f = three_factors(r, d)
    assert_array_equal(world_intensity(r, d), [0, 2, 1])
    assert np.isnan(f.rii[:, 0]).all()  # 0 / 0
    assert np.isnan(f.rca_stock[:, 0]).all()
    assert_array_equal(f.rii_region, [2, 0])
    assert_array_equal(f.rii[1, 1:], 0)  # no robots where the world has some: a true zero
    assert np.isnan(f.rca_stock[1]).all()  # a region without robots has no structure of robots
    assert np.isnan(f.dri[1]).all()
    assert_array_equal(f.rca_denominator, 1)


def test_an_all_missing_table_is_all_nan():
    empty = np.full((2, 3), NAN)
    f = three_factors(empty, empty)
    for values in (f.rca_stock, f.rca_denominator, f.rii, f.rii_region, f.dri):
        assert np.isnan(values).all()
    assert not f.suppressed.any()
    assert np.isnan(world_intensity(empty, empty)).all()


# --- the floor --------------------------------------------------------------------------------------------


def test_small_cells_are_withheld_but_stay_in_the_sums():
    r = np.array([[30.0, 5.0], [10.0, 2.5]])
    d = np.array([[499.0, 500.0], [700.0, 0.0]])
    r[1, 1] = 0
    shown, whole = three_factors(r, d), three_factors(r, d, floor=0)
    assert_array_equal(shown.suppressed, [[True, False], [False, False]])  # 0 workers is not a small cell
    for name in ("rca_stock", "rca_denominator", "rii", "dri"):
        seen, all_cells = getattr(shown, name), getattr(whole, name)
        assert np.isnan(seen[0, 0])
        assert not np.isnan(all_cells[0, 0])
        assert_array_equal(seen[~shown.suppressed], all_cells[~shown.suppressed])
    assert_array_equal(shown.rii_region, whole.rii_region)


def test_a_region_below_the_floor_has_no_relative_intensity():
    f = three_factors(np.ones((2, 2)), np.array([[100.0, 100.0], [900.0, 900.0]]))
    assert_array_equal(np.isnan(f.rii_region), [True, False])
    assert_array_equal(f.suppressed, [[True, True], [False, False]])
    f = three_factors(np.ones((2, 2)), np.array([[300.0, 300.0], [900.0, 900.0]]))
    assert not np.isnan(f.rii_region).any()  # each cell is small, the region is not
    assert f.suppressed[0].all()


# --- a published reference --------------------------------------------------------------------------------


@given(tables(holes=False))
def test_the_sum_of_regions_as_reference_changes_nothing(table):
    r, d = table
    total = d.sum(axis=0)
    mean = np.divide((r * d).sum(axis=0), total, out=np.zeros(total.shape), where=total > 0)
    here, there = three_factors(r, d, floor=0), three_factors(r, d, reference=(mean, total), floor=0)
    active = total > 0  # a published denominator of 0 leaves the sector without a base in either case
    for name in ("rca_stock", "rca_denominator", "rii", "dri"):
        assert_allclose(getattr(there, name)[:, active], getattr(here, name)[:, active], rtol=1e-9)
    assert_allclose(there.rii_region, here.rii_region, rtol=1e-9)


def test_a_reference_is_the_world_in_every_factor():
    reference = (np.array([10.0, 2.0]), np.array([4000.0, 6000.0]))  # 40,000 and 12,000 robots
    f = three_factors(R, D, reference=reference, floor=0)
    assert_allclose(f.rii, [[3, 2.5], [1, 1.25]])
    assert_allclose(f.rii_region, [17.5 / 5.2, 5 / 5.2])
    assert_allclose(f.rca_stock[0, 0], (6 / 7) / (40 / 52))
    assert_allclose(f.rca_denominator[0, 0], 0.5 / 0.4)
    assert_allclose(f.rca_stock, f.rca_denominator * f.rii / f.rii_region[:, np.newaxis])
    per_region = tuple(np.tile(part, (2, 1)) for part in reference)
    assert_array_equal(three_factors(R, D, reference=per_region, floor=0).rca_stock, f.rca_stock)


@pytest.mark.parametrize("part", [(NAN, 6000.0), (2.0, NAN), (NAN, 0.0), (0.0, 6000.0)])
def test_a_sector_that_the_reference_lacks_is_in_nobodys_base(part):
    reference = (np.array([10.0, part[0]]), np.array([4000.0, part[1]]))
    f = three_factors(R, D, reference=reference, floor=0)
    for values in (f.rii, f.rca_stock, f.rca_denominator):
        assert np.isnan(values[:, 1]).all()
    assert_allclose(f.rii_region, f.rii[:, 0])  # cars are all that is left
    assert_allclose(f.rca_stock[:, 0], 1)


# --- without a denominator --------------------------------------------------------------------------------


def test_ratio_to_median_is_unweighted_and_by_sector():
    x = np.array([[2.0, 10.0], [4.0, 20.0], [NAN, 40.0], [10.0, 30.0]])
    assert_allclose(ratio_to_median(x), [[0.5, 0.4], [1, 0.8], [NAN, 1.6], [2.5, 1.2]])  # medians 4 and 25


def test_ratio_to_median_without_a_median_to_divide_by():
    x = np.array([[0.0, -1.0, NAN, 3.0], [0.0, -2.0, NAN, NAN], [5.0, 7.0, NAN, NAN]])
    assert_array_equal(ratio_to_median(x), [[NAN] * 3 + [1.0], [NAN] * 4, [NAN] * 4])
    assert ratio_to_median(np.empty((0, 3))).shape == (0, 3)


def test_ratio_to_median_refuses_misuse():
    with pytest.raises(ValueError, match="2 dimensions"):
        ratio_to_median(np.ones(3))
    with pytest.raises(ValueError, match=r"finite .* cell \(0, 1\)"):
        ratio_to_median(np.array([[1.0, math.inf]]))


@given(
    arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.floats(0.1, 1e6)), st.floats(0.1, 10)
)
def test_ratio_to_median_has_median_one_and_no_unit(x, factor):
    found = ratio_to_median(x)
    assert_allclose(np.median(found, axis=0), 1)
    assert_allclose(ratio_to_median(factor * x), found, rtol=1e-12)
