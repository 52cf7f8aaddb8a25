"""Concentration and specialisation: published examples, bounds, identities, and what is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.concentration import (
    effective_number,
    ellison_glaeser,
    entropy,
    entropy_normalised,
    gini,
    hachman,
    herfindahl,
    herfindahl_normalised,
    hoover,
    hoover_gini,
    locational_gini,
    shares,
    specialisation_gini,
    sum_by_group,
    theil,
)
from capmap.methods.similarity import krugman

NAN = float("nan")
MEASURES = (herfindahl, herfindahl_normalised, effective_number)
ALONE = (*MEASURES, entropy, entropy_normalised, gini, hoover)
PAIRED = (hoover, hoover_gini, hachman, locational_gini, specialisation_gini)

amounts = st.one_of(st.floats(1e-3, 1e9), st.just(0.0))
positive = st.floats(1e-3, 1e6)
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


# Employment by sector. Freiburg and Germany 2014, sections B-E, F, G-I, J, K, L, M-N, O-Q, R-U: data set Freiburg of
# the R package REAT (Wieland), from the regional statistics of the German statistical offices.
FREIBURG = np.array([12121, 3154, 25484, 4798, 3372, 1059, 14837, 42931, 6673], float)
GERMANY_2014 = np.array([7155807, 1696961, 6674652, 925648, 996498, 232167, 3992230, 7127512, 1123004], float)
# Goettingen and Germany 2017, sections A, BDE, C, F-K, M-R: data set Goettingen of REAT.
GOETTINGEN = np.array(
    [45, 466, 7874, 1334, 7051, 2481, 2251, 2032, 1739, 7915, 4875, 3936, 7488, 16896, 900], float
)  # fmt: skip
GERMANY_2017 = np.array(
    [248052, 538768, 6797172, 1798954, 4380223, 1713157, 1062982, 1027486, 975126, 2397099, 2357313, 1762308, 1249260,
     4676036, 1181037], float
)  # fmt: skip


@st.composite
def pairs(draw):
    """A table and a reference above 0 for each of its columns."""
    x = draw(tables)
    return x, draw(arrays(float, x.shape[1], elements=positive))


def lorenz_by_loop(x, reference):
    """Gini under the curve of cumulated shares, by trapezes."""
    order = sorted(range(len(x)), key=lambda k: x[k] / reference[k])
    below, before_x, before_r = 0.0, 0.0, 0.0
    for k in order:
        after_x, after_r = before_x + x[k] / math.fsum(x), before_r + reference[k] / math.fsum(reference)
        below += (after_r - before_r) * (after_x + before_x) / 2
        before_x, before_r = after_x, after_r
    return 1 - 2 * below


def gini_by_loop(x):
    """Gini as the mean absolute difference of all pairs."""
    return math.fsum(abs(a - b) for a in x for b in x) / (2 * len(x) * math.fsum(x))


def theil_by_loop(x):
    total = math.fsum(x)
    return math.fsum(v / total * math.log(len(x) * v / total) for v in x if v > 0)


def test_farhauer_kroell_locational_gini():
    # Farhauer & Kroell (2013), Standorttheorien, as in the help page gini.conc of REAT: 0.4068966.
    sector = np.array([500.0, 500.0, 1000.0, 7000.0, 1000.0])
    everything = np.array([20000.0, 15000.0, 20000.0, 40000.0, 5000.0])
    assert float(locational_gini(sector, everything)) == pytest.approx(0.4068966, abs=5e-8)


def test_specialisation_gini_of_german_cities():
    # Farhauer & Kroell (2013) and Freiburg: help page gini.spec of REAT; Goettingen: gini.spec on its data.
    region = np.array([700.0, 600.0, 500.0, 10000.0, 40000.0])
    world = np.array([30000.0, 15000.0, 10000.0, 60000.0, 50000.0])
    assert float(specialisation_gini(region, world)) == pytest.approx(0.6222222, abs=5e-8)
    assert float(specialisation_gini(FREIBURG, GERMANY_2014)) == pytest.approx(0.2089009, abs=5e-8)
    assert float(specialisation_gini(GOETTINGEN, GERMANY_2017)) == pytest.approx(0.359852, abs=5e-7)


def test_econgeo_hoover_gini():
    # Help pages hoover_gini and gini of the R package EconGeo (Balland): industries 2 to 4 of the first, whose outcomes
    # its comments describe, and the greatest inequality of the second, (5 - 1) / 5.
    population = np.array([10.0, 15.0, 20.0, 25.0, 30.0])
    industries = np.array([[0, 10, 10, 30, 50], [10, 15, 20, 25, 30], [0, 0, 0, 0, 1], [0, 0, 0, 1, 1]], float)
    assert_allclose(hoover_gini(industries, population)[:3], [0.31, 0, 0.7], atol=1e-15)
    assert float(hoover(industries[3], population)) == pytest.approx(0.45)  # 55 % of the people produce everything
    assert float(gini(industries[2])) == pytest.approx(0.8)


def test_theil_of_pysal():
    # Tests of the Python package inequality (PySAL): all of the difference lies between the two groups.
    parts = theil(np.array([0.0, 0.0, 0.0, 10.0, 10.0, 10.0]), np.array([0, 0, 0, 1, 1, 1]))
    assert float(parts.total) == pytest.approx(0.693147, abs=5e-7)
    assert float(parts.between) == pytest.approx(0.693147, abs=5e-7)
    assert parts.within == 0


def test_farhauer_kroell_ellison_glaeser():
    # Farhauer & Kroell (2014), as in the help page ellison.a of REAT: ten plants in Wien, Linz and Graz, 0.05990628.
    plants = np.array([200, 650, 12000, 100, 50, 16000, 13000, 1500, 1500, 25000], float)
    regions = np.array([plants[:5].sum(), plants[5:9].sum(), plants[9:].sum()])
    everything = np.array([500000.0, 400000.0, 100000.0])
    assert ellison_glaeser(regions, everything, plants) == pytest.approx(0.05990628, abs=5e-9)
    assert ellison_glaeser(regions / 7e4, everything / 1e6, plants / 7e4) == pytest.approx(0.05990628, abs=5e-9)


@given(tables)
def test_entropy_and_gini_agree_with_loops(x):
    for row in x:
        if row.sum() == 0:
            assert np.isnan([float(f(row)) for f in (entropy, gini, hoover)]).all()
            continue
        s = [v / math.fsum(row) for v in row]
        bits = math.fsum(-p * math.log2(p) for p in s if p > 0)
        assert float(entropy(row)) == pytest.approx(bits, abs=1e-12)
        assert float(gini(row)) == pytest.approx(gini_by_loop(row), abs=1e-12)
        assert float(hoover(row)) == pytest.approx(math.fsum(abs(p - 1 / len(s)) for p in s) / 2, abs=1e-12)
        assert float(entropy_normalised(row)) == pytest.approx(
            bits / math.log2(len(s)) if len(s) > 1 else NAN, abs=1e-12, nan_ok=True
        )


@given(pairs())
def test_indices_against_a_reference_agree_with_loops(pair):
    x, reference = pair
    r = reference / reference.sum()
    for row in x[x.sum(axis=1) > 0]:
        s = row / row.sum()
        assert float(hoover_gini(row, reference)) == pytest.approx(lorenz_by_loop(row, reference), abs=1e-9)
        assert float(hoover(row, reference)) == pytest.approx(krugman(row, reference) / 2, abs=1e-12)
        quotients = [float(a) / float(b) for a, b in zip(s, r, strict=True)]
        assert float(locational_gini(row, reference)) == pytest.approx(gini_by_loop(quotients), abs=1e-9)
        assert float(specialisation_gini(row, reference)) == float(locational_gini(row, reference))
        quotient_in_mean = math.fsum(q * p for q, p in zip(quotients, s, strict=True))
        assert float(hachman(row, reference)) == pytest.approx(1 / quotient_in_mean, rel=1e-9)


@given(pairs())
def test_bounds_of_indices_against_a_reference(pair):
    x, reference = pair
    n = x.shape[1]
    for measure in PAIRED:
        index = measure(x, reference)
        assert index.shape == x.shape[:1]
        assert_array_equal(np.isnan(index), x.sum(axis=1) == 0)
        seen = index[~np.isnan(index)]
        assert ((seen >= 0) & (seen <= 1)).all()
        assert_array_equal(measure(x.T, reference, axis=0), index)
        assert_array_equal(measure(x, np.broadcast_to(reference, x.shape)), index)
        same = float(measure(reference, reference))
        assert same == pytest.approx(1 if measure is hachman else 0, abs=1e-9)
    quotients = locational_gini(x, reference)
    assert (quotients[~np.isnan(quotients)] <= (n - 1) / n + 1e-12).all()


@given(pairs(), st.randoms(use_true_random=False))
def test_size_of_regions_counts_in_hoover_gini_alone(pair, random):
    """Cutting every unit into two of the same quotient, a third and two thirds, changes no weighted index."""
    x, reference = pair
    cut = np.concatenate([x / 3, x * 2 / 3], axis=1)
    cut_reference = np.concatenate([reference / 3, reference * 2 / 3])
    order = list(range(cut.shape[1]))
    random.shuffle(order)
    for measure in (hoover, hoover_gini, hachman):
        assert_allclose(measure(cut[:, order], cut_reference[order]), measure(x, reference), rtol=1e-9, atol=1e-9)


@given(tables, st.data())
def test_theil_is_the_sum_of_its_parts(x, data):
    n = x.shape[1]
    groups = data.draw(arrays(np.intp, n, elements=st.integers(0, 3)))
    parts = theil(x, groups)
    assert_allclose(parts.between + parts.within, parts.total, rtol=1e-9, atol=1e-12)
    for row, total, between, within in zip(x, parts.total, parts.between, parts.within, strict=True):
        if row.sum() == 0:
            assert np.isnan([total, between, within]).all()
            continue
        assert total == pytest.approx(theil_by_loop(row), abs=1e-12)
        members = [row[groups == g] for g in np.unique(groups)]
        held = [m.sum() / row.sum() for m in members]
        assert within == pytest.approx(
            math.fsum(h * theil_by_loop(m) for h, m in zip(held, members, strict=True) if h > 0), abs=1e-12
        )
        assert between == pytest.approx(
            math.fsum(h * math.log(h * n / len(m)) for h, m in zip(held, members, strict=True) if h > 0), abs=1e-12
        )
    # entropy and Theil index measure the same from both ends
    assert_allclose(
        entropy(x) * math.log(2) + parts.total, np.where(np.isnan(parts.total), NAN, math.log(n)), atol=1e-9
    )
    for part, other in zip(vars(parts).values(), vars(theil(x.T, groups, axis=0)).values(), strict=True):
        assert_allclose(part, other, atol=1e-12)


def test_theil_without_groups_lies_within():
    parts = theil(np.array([[1.0, 3.0], [0.0, 5.0]]))
    assert_array_equal(parts.between, [0, 0])
    assert_array_equal(parts.within, parts.total)
    assert parts.total[1] == pytest.approx(math.log(2))
    alone = theil(np.array([1.0, 3.0, NAN]), np.array([4, 2, 9]))  # each in a group of its own, one of them unknown
    assert alone.within == 0
    assert float(alone.between) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))


def test_single_units():
    one = np.array([7.0])
    assert_array_equal([float(f(one)) for f in (entropy, entropy_normalised, gini, hoover)], [0, NAN, 0, 0])
    assert math.copysign(1, float(entropy(one))) == 1  # 0, not -0
    for measure in PAIRED:
        assert float(measure(one, np.array([3.0]))) == (measure is hachman)
    assert math.isnan(ellison_glaeser(one, np.array([9.0]), np.array([1.0, 2.0])))  # nowhere else to be
    two = np.array([1.0, 1.0])
    assert math.isnan(ellison_glaeser(two, two, np.array([2.0])))  # nothing to agglomerate


@pytest.mark.parametrize("measure", PAIRED)
def test_missing_in_either_and_nothing(measure):
    x, reference = np.array([3.0, 1.0, 2.0, NAN]), np.array([1.0, 4.0, 2.0, 8.0])
    whole = float(measure(x[:3], reference[:3]))
    assert float(measure(x, reference)) == whole
    assert float(measure(np.array([3.0, 1.0, 2.0, 9.0]), np.array([1.0, 4.0, 2.0, NAN]))) == whole
    assert np.isnan(measure(x, reference, min_known=0.8))
    assert np.isnan(measure(x, np.array([1.0, NAN, NAN, 8.0])))
    assert np.isnan(measure(np.zeros(3), reference[:3]))
    assert np.isnan(measure(x[:3], np.zeros(3)))
    assert np.isnan(measure(np.array([1.0, 0.0]), np.array([NAN, 1.0]), min_known=0))
    assert np.isnan(measure(np.empty(0), np.empty(0)))
    table = np.stack([x, np.full(4, NAN), np.zeros(4)])
    assert_array_equal(measure(table, reference), [whole, NAN, NAN])  # one row's trouble stays there


def test_units_the_reference_lacks():
    x, reference = np.array([3.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0])
    for measure in PAIRED:  # a sector that neither has
        assert float(measure(x, reference)) == pytest.approx(float(measure(x[:2], reference[:2])), abs=1e-15)
    x[2] = 4.0  # and one that the reference lacks
    assert hachman(x, reference) == 0
    assert float(hoover(x, reference)) == 0.5
    tiny = np.array([1.0, 1.0, 1e-12])
    assert float(hoover_gini(x, reference)) == pytest.approx(float(hoover_gini(x, tiny)), abs=1e-9)
    assert np.isnan(locational_gini(x, reference))


def test_missing_plants_and_regions():
    regions, everything = np.array([4.0, 4.0, 2.0, NAN]), np.array([5.0, 4.0, 1.0, 7.0])
    plants = np.array([2.5, 2.5, 2.5, 2.5, NAN])
    assert ellison_glaeser(regions, everything, plants) == pytest.approx(-0.125 / 0.435)
    assert math.isnan(ellison_glaeser(regions, everything, plants, min_known=0.9))
    assert math.isnan(ellison_glaeser(np.zeros(2), np.ones(2), np.ones(2)))
    assert math.isnan(ellison_glaeser(np.ones(2), np.ones(2), np.zeros(2)))
    assert math.isnan(ellison_glaeser(np.ones(2), np.ones(2), np.empty(0)))


def test_dartboard_expectation():
    """Plants thrown at the map: the mean of gamma is 0 (Ellison & Glaeser 1997)."""
    rng = np.random.default_rng(7)
    plants, everything = np.array([5.0, 3.0, 1.0, 1.0]), np.array([0.5, 0.3, 0.2])
    thrown = [np.bincount(rng.choice(3, 4, p=everything), plants, minlength=3) for _ in range(4000)]
    gammas = [ellison_glaeser(regions, everything, plants) for regions in thrown]
    assert abs(np.mean(gammas)) < 4 * np.std(gammas) / math.sqrt(len(gammas))
    assert np.std(gammas) > 0.1


def test_shares_and_sums_by_group():
    share, known = shares(np.array([[3.0, 1.0, NAN], [0.0, 0.0, 0.0], [1.0, NAN, NAN]]))
    assert_array_equal(share, [[0.75, 0.25, NAN], [NAN] * 3, [NAN] * 3])
    assert_array_equal(known, [[True, True, False], [True] * 3, [True, False, False]])
    sums, place = sum_by_group(np.array([[1.0, 2.0, 4.0], [0.0, 1.0, 0.0]]), np.array([5, 0, 5]))
    assert_array_equal(sums, [[2, 5], [1, 0]])
    assert_array_equal(place, [1, 0, 1])
    assert sum_by_group(np.empty((2, 0)), np.empty(0, np.intp))[0].shape == (2, 0)


def test_misuse_of_the_newer_indices_is_refused():
    for measure in PAIRED:
        with pytest.raises(ValueError, match="finite and >= 0"):
            measure(np.ones(2), np.array([1.0, -1.0]))
        with pytest.raises(ValueError, match="min_known"):
            measure(np.ones(2), np.ones(2), min_known=2)
        with pytest.raises(ValueError, match="broadcast"):
            measure(np.ones(2), np.ones(3))
    for measure in (entropy, entropy_normalised, gini, theil):
        with pytest.raises(ValueError, match="finite and >= 0"):
            measure(np.array([1.0, math.inf]))
    with pytest.raises(ValueError, match="do not fit 2 units"):
        theil(np.ones(2), np.zeros(3, np.intp))
    with pytest.raises(ValueError, match="every unit belongs"):
        theil(np.ones(2), np.array([0, -1]))
    with pytest.raises(ValueError, match="vectors"):
        ellison_glaeser(np.ones((1, 2)), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="do not fit"):
        ellison_glaeser(np.ones(1), np.ones(2), np.ones(2))


def test_arguments_are_left_alone():
    x, reference, groups = np.array([[20.0, NAN, 0.0]]), np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1])
    for measure in ALONE:
        measure(x)
    for measure in PAIRED:
        measure(x, reference)
    theil(x, groups)
    ellison_glaeser(x[0], reference, reference)
    assert_array_equal(x, [[20.0, NAN, 0.0]])
    assert_array_equal(reference, [1, 2, 3])
    assert_array_equal(groups, [1, 0, 1])
