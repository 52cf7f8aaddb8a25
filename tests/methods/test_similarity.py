"""Similarity of profiles and distance in structure: published examples, identities, loops, holes and ties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics.pairwise import nan_euclidean_distances

from capmap.methods.similarity import (
    cosine,
    cosine_matrix,
    finger_kreinin,
    finger_kreinin_matrix,
    krugman,
    krugman_matrix,
    nearest,
    structural_distance,
)

NAN = float("nan")
MATRICES = (krugman_matrix, finger_kreinin_matrix, cosine_matrix)

amounts = st.one_of(st.floats(1e-3, 1e6), st.just(0.0))
signed = st.one_of(st.floats(-1, -1e-3), st.floats(1e-3, 1), st.just(0.0))
shapes = array_shapes(min_dims=2, max_dims=2, max_side=6)
amounts_or_hole = st.one_of(amounts, amounts, amounts, st.just(NAN))
signed_or_hole = st.one_of(signed, signed, signed, st.just(NAN))

# Employees by economic section (WZ 2008: A, B+D+E, C, F, G, H, I, J, K, M, N, O, P, Q, R), 30 June 2017.
# Stadt Goettingen, Referat Statistik und Wahlen, table IS 071.20; Bundesagentur fuer Arbeit (2018),
# Beschaeftigungsstatistik. Data set `Goettingen` of the R package REAT, columns Goettingen2017 and BRD2017.
GOETTINGEN = [45, 466, 7874, 1334, 7051, 2481, 2251, 2032, 1739, 7915, 4875, 3936, 7488, 16896, 900]
GERMANY = [248052, 538768, 6797172, 1798954, 4380223, 1713157, 1062982, 1027486]
GERMANY += [975126, 2397099, 2357313, 1762308, 1249260, 4676036, 1181037]


def over_common(a, b, min_common):
    """The pairs of values known on both sides, or None if they are too few."""
    pairs = [(p, q) for p, q in zip(a, b, strict=True) if not (math.isnan(p) or math.isnan(q))]
    return pairs if pairs and len(pairs) + 1e-9 >= min_common * len(a) else None


def krugman_by_loop(a, b, min_common=2 / 3):
    pairs = over_common(a, b, min_common)
    if pairs is None:
        return NAN
    total_a, total_b = math.fsum(p for p, _ in pairs), math.fsum(q for _, q in pairs)
    if total_a == 0 or total_b == 0:
        return NAN
    return math.fsum(abs(p / total_a - q / total_b) for p, q in pairs)


def cosine_by_loop(a, b, min_common=2 / 3):
    pairs = over_common(a, b, min_common)
    if pairs is None:
        return NAN
    length = math.sqrt(math.fsum(p * p for p, _ in pairs)) * math.sqrt(math.fsum(q * q for _, q in pairs))
    return math.fsum(p * q for p, q in pairs) / length if length else NAN


def pairwise(function, x):
    return np.array([[function(a, b) for b in x] for a in x])


# --- published examples -----------------------------------------------------------------------------------


def test_goettingen_and_germany_2017():
    # R package REAT (Wieland), help page krugman.spec: sections only, without the row of totals; each column is
    # divided by the sum of its sections (R, S and T are not all there, so not by the published total).
    a, b = np.array(GOETTINGEN, float), np.array(GERMANY, float)
    assert krugman(a, b) == pytest.approx(0.4508469, abs=5e-8)
    assert finger_kreinin(a, b) == pytest.approx(1 - 0.4508469 / 2, abs=5e-8)
    assert_allclose(krugman_matrix(np.stack([a, b])), [[0, 0.4508469], [0.4508469, 0]], atol=5e-8)


def test_no_industry_in_common():
    # Farhauer & Kroell (2013), Standorttheorien, modified; REAT help page krugman.spec: 2.
    a, b = np.array([20.0, 10, 70, 0, 0]), np.array([0.0, 0, 0, 60, 40])
    assert krugman(a, b) == pytest.approx(2, abs=1e-15)
    assert finger_kreinin(a, b) == 0
    assert cosine(a, b) == 0


@pytest.mark.parametrize(
    ("one", "others", "published"),
    [
        # Farhauer & Kroell (2013); REAT help page krugman.spec2: Sweden against Norway, Denmark, Finland, Iceland.
        (
            [45000, 15000, 32000, 10000, 30000],
            [
                [35000, 12000, 30000, 8000, 22000],
                [40000, 10000, 25000, 9000, 18000],
                [30000, 11000, 18000, 3000, 13000],
                [40000, 6000, 11000, 2000, 12000],
            ],
            0.1595,
        ),
        # The same source; REAT help page krugman.conc2: mining against chemistry, social services, electronics, wood.
        (
            [4320, 7811, 3900, 2300, 47560],
            [
                [20000, 11000, 31000, 8000, 20000],
                [40000, 10000, 25000, 9000, 16000],
                [10000, 11000, 14000, 14000, 13000],
                [7000, 7500, 11000, 1500, 36000],
            ],
            0.8619,
        ),
    ],
)
def test_against_the_mean_structure_of_several(one, others, published):
    shares = np.array(others, float)
    shares /= shares.sum(axis=1, keepdims=True)
    assert krugman(np.array(one, float), shares.mean(axis=0)) == pytest.approx(published, abs=5e-5)


# --- profiles: properties ---------------------------------------------------------------------------------


@given(arrays(float, st.tuples(st.just(2), st.integers(1, 8)), elements=amounts_or_hole))
def test_finger_kreinin_is_one_minus_half_krugman(pair):
    a, b = pair
    k = krugman(a, b)
    assert finger_kreinin(a, b) == pytest.approx(1 - k / 2, abs=1e-12, nan_ok=True)
    assert math.isnan(k) or -1e-12 <= k <= 2 + 1e-12


@given(arrays(float, shapes, elements=amounts_or_hole))
def test_krugman_agrees_with_a_loop_and_matrix_with_pairs(x):
    expected = pairwise(krugman_by_loop, x)
    assert_allclose(pairwise(krugman, x), expected, atol=1e-12)
    assert_allclose(krugman_matrix(x), expected, atol=1e-12)
    assert_allclose(finger_kreinin_matrix(x), 1 - expected / 2, atol=1e-12)


@given(arrays(float, shapes, elements=signed_or_hole))
def test_cosine_agrees_with_a_loop_and_matrix_with_pairs(x):
    expected = pairwise(cosine_by_loop, x)
    assert_allclose(pairwise(cosine, x), expected, atol=1e-12)
    assert_allclose(cosine_matrix(x), expected, atol=1e-12)


@given(arrays(float, shapes, elements=signed_or_hole))
def test_cosine_bounds_symmetry_and_diagonal(x):
    found = cosine_matrix(x)
    seen = ~np.isnan(found)
    assert (np.abs(found[seen]) <= 1).all()
    assert_array_equal(found, found.T)
    assert (np.diag(found)[np.diag(seen)] == 1).all()


@given(arrays(float, shapes, elements=amounts_or_hole))
def test_krugman_bounds_symmetry_and_diagonal(x):
    found = krugman_matrix(x)
    seen = ~np.isnan(found)
    assert ((found[seen] >= 0) & (found[seen] <= 2)).all()
    assert_array_equal(found, found.T)
    assert (np.diag(found)[np.diag(seen)] == 0).all()


@given(arrays(float, shapes, elements=amounts_or_hole), st.randoms(use_true_random=False), st.floats(1e-3, 1e3))
def test_order_and_units_do_not_matter(x, random, factor):
    rows, columns = list(range(x.shape[0])), list(range(x.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = x[np.ix_(rows, columns)]
    moved[0] *= factor  # each profile may come in its own unit
    for matrix in MATRICES:
        assert_allclose(matrix(moved), matrix(x)[np.ix_(rows, rows)], rtol=1e-9, atol=1e-12)


def test_cosine_of_opposite_and_huge_profiles():
    a = np.array([0.5, -0.25, 0.1])
    assert cosine(a, -a) == pytest.approx(-1, abs=1e-15)
    assert cosine(1e200 * a, 1e-200 * a) == pytest.approx(1, abs=1e-15)  # squares would leave double precision


# --- profiles: holes and zeros ----------------------------------------------------------------------------


def test_shares_are_taken_over_the_common_sectors():
    a, b = np.array([1.0, 1.0, 98.0]), np.array([5.0, 5.0, NAN])
    assert krugman(a, b) == 0  # 1 : 1 in the two sectors that both report
    assert finger_kreinin(a, b) == 1
    assert cosine(a, b) == pytest.approx(1)
    assert cosine(a, np.array([5.0, 5.0, 0.0])) < 0.02  # a true zero is a difference, a hole is not


def test_too_few_common_sectors():
    a, b = np.array([1.0, 2.0, NAN, 4.0, 5.0, 6.0]), np.array([1.0, NAN, 3.0, 4.0, 5.0, 7.0])
    for measure in (krugman, finger_kreinin, cosine):
        assert not math.isnan(measure(a, b))  # 4 of 6 is just 2/3
        assert math.isnan(measure(a, b, min_common=0.7))
        assert math.isnan(measure(a, np.full(6, NAN), min_common=0))
    x = np.stack([a, b])
    for matrix in MATRICES:
        assert_array_equal(np.isnan(matrix(x, min_common=0.7)), [[False, True], [True, False]])


def test_an_empty_profile_is_like_no_other():
    x = np.array([[0.0, 0.0], [1.0, 3.0]])
    for matrix in MATRICES:
        assert_array_equal(np.isnan(matrix(x)), [[True, True], [True, False]])
    for measure in (krugman, finger_kreinin, cosine):
        assert math.isnan(measure(x[0], x[1]))
        assert math.isnan(measure(np.empty(0), np.empty(0)))


def test_profiles_that_do_not_fit_are_refused():
    a = np.array([1.0, 2.0])
    for measure in (krugman, finger_kreinin, cosine):
        with pytest.raises(ValueError, match="one length"):
            measure(a, np.ones(3))
        with pytest.raises(ValueError, match="finite"):
            measure(a, np.array([1.0, math.inf]))
        with pytest.raises(ValueError, match="min_common"):
            measure(a, a, min_common=1.5)
    for measure in (krugman, finger_kreinin):
        with pytest.raises(ValueError, match=">= 0"):
            measure(a, np.array([1.0, -1.0]))
    for matrix in MATRICES:
        with pytest.raises(ValueError, match="2 dimensions"):
            matrix(a)
    with pytest.raises(ValueError, match=">= 0"):
        krugman_matrix(np.array([[1.0, -1.0]]))


def test_arguments_are_left_alone():
    x = np.array([[2.0, NAN, 1.0], [0.0, 4.0, 4.0]])
    before = x.copy()
    for matrix in (*MATRICES, structural_distance):
        matrix(x)
    assert_array_equal(x, before)


# --- structural distance ----------------------------------------------------------------------------------


def test_structural_distance_by_hand():
    # z-scores of the first variable: (-1.5, -0.5, 0.5, 1.5) / sqrt(1.25); of the second: -1, 1, -1, 1.
    found = structural_distance(np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 10.0], [4.0, 20.0]]))
    step = 1 / 1.25  # square of one step of the first variable
    expected = [0, math.sqrt((step + 4) / 2), math.sqrt(4 * step / 2), math.sqrt((9 * step + 4) / 2)]
    assert_allclose(found[0], expected, rtol=1e-15)


variables = st.floats(-1e3, 1e3).map(lambda v: round(v, 3))


@given(arrays(float, shapes, elements=st.one_of(variables, variables, variables, st.just(NAN))))
def test_structural_distance_agrees_with_scikit_learn(x):
    varying = [column for column in x.T if np.unique(column[~np.isnan(column)]).size > 1]
    assume(varying)
    z = np.column_stack([(c - np.nanmean(c)) / np.nanstd(c) for c in varying])
    shared = (~np.isnan(z)).astype(int) @ (~np.isnan(z)).astype(int).T
    expected = nan_euclidean_distances(z) / math.sqrt(z.shape[1])  # scaled up there by p / shared
    expected[(shared == 0) | (shared < 0.5 * z.shape[1])] = NAN
    found = structural_distance(x, min_common=0.5)
    assert_allclose(found, expected, atol=1e-6)
    assert_array_equal(found, found.T)
    assert (np.diag(found)[~np.isnan(np.diag(found))] == 0).all()


@given(arrays(float, shapes, elements=variables), st.floats(0.5, 50), st.randoms(use_true_random=False))
def test_structural_distance_has_no_unit_and_no_order(x, factor, random):
    rows = list(range(len(x)))
    random.shuffle(rows)
    found = structural_distance(x[rows] * factor + 7)
    assert_allclose(found, structural_distance(x)[np.ix_(rows, rows)], atol=1e-6)


def test_a_missing_variable_neither_adds_nor_hides_distance():
    x = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, NAN], [2.0, 2.0, 2.0]])
    found = structural_distance(x)
    step = 1 / np.std([0, 1, 2])
    assert_allclose(found[0, 1], step)  # over the two variables they share
    assert np.isnan(structural_distance(x, min_common=0.9)[0, 1])
    assert not np.isnan(structural_distance(x, min_common=0.9)[0, 2])


def test_variables_without_spread_say_nothing():
    x = np.array([[1.0, 0.1, NAN, 5.0], [2.0, 0.1, NAN, NAN], [4.0, 0.1, NAN, NAN]])
    assert_array_equal(structural_distance(x), structural_distance(x[:, :1]))
    assert np.isnan(structural_distance(np.ones((3, 2)))).all()
    assert np.isnan(structural_distance(np.ones((1, 2)), min_common=0)).all()


def test_equal_units_are_at_distance_zero_exactly():
    x = np.array([[0.1, 1e9 / 3], [0.1, 1e9 / 3], [0.7, 1e9]])
    assert structural_distance(x)[0, 1] == 0


def test_penalty_for_another_group():
    x = np.array([[1.0], [2.0], [3.0], [4.0]])
    plain = structural_distance(x)
    found = structural_distance(x, groups=np.array([5, 5, 2, -1]), penalty=0.5)
    added = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0.5, 0.5, 0, 0.5], [0.5, 0.5, 0.5, 0]])
    assert_allclose(found - plain, added, atol=1e-15)
    unknown = structural_distance(x, groups=np.full(4, -1), penalty=0.5)
    assert_allclose(unknown - plain, 0.5 * (1 - np.eye(4)), atol=1e-15)  # unknown matches none, but itself


def test_structural_distance_refuses_misuse():
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="2 dimensions"):
        structural_distance(x[0])
    with pytest.raises(ValueError, match="finite"):
        structural_distance(x * math.inf)
    with pytest.raises(ValueError, match="groups"):
        structural_distance(x, groups=np.arange(2))
    for penalty in (-1, NAN):
        with pytest.raises(ValueError, match="penalty"):
            structural_distance(x, penalty=penalty)
    with pytest.raises(ValueError, match="min_common"):
        structural_distance(x, min_common=-0.5)


# --- nearest ----------------------------------------------------------------------------------------------


def test_nearest_in_order_with_ties_by_position():
    row = np.array([0.3, NAN, 0.1, 0.3, 0.2, 0.1 + 1e-16 * 3])
    assert nearest(row, 5).tolist() == [2, 5, 4, 0, 3]
    assert nearest(row[::-1], 2).tolist() == [0, 3]
    assert nearest(row, 0).tolist() == []
    assert nearest(row, 99).size == 5  # never the unit that cannot be compared
    assert nearest(np.full(3, NAN), 2).size == 0


def test_round_off_does_not_break_a_tie():
    row = np.array([0.1 + 0.2, 0.3])  # 0.30000000000000004 and 0.3
    assert row[0] > row[1]
    assert nearest(row, 1).tolist() == [0]


@given(arrays(float, st.integers(0, 8), elements=st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.25]), st.just(NAN))))
def test_nearest_agrees_with_sorting_pairs(row):
    expected = sorted((value, i) for i, value in enumerate(row.tolist()) if not math.isnan(value))
    assert nearest(row, 3).tolist() == [i for _, i in expected[:3]]


def test_nearest_refuses_misuse():
    with pytest.raises(ValueError, match="vector"):
        nearest(np.ones((2, 2)), 1)
    with pytest.raises(ValueError, match="k must"):
        nearest(np.ones(2), -1)
