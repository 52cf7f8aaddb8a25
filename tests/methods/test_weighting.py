"""Weights of a composite, against published tables, linear programmes solved by enumeration, loops and algebra."""

from __future__ import annotations

import csv
import math
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import special_ortho_group

from capmap.methods import normalisation, weighting

NAN = float("nan")
INDICATORS = ["patents", "royalties", "internet", "exports", "telephones", "electricity", "schooling", "university"]


def tai() -> np.ndarray:
    """Technology Achievement Index, 23 countries x 8 indicators (the file names its sources)."""
    text = (Path(__file__).parents[1] / "golden" / "tai.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return np.array([[float(row[name]) for name in INDICATORS] for row in rows])


# OECD/JRC (2008), Handbook on Constructing Composite Indicators: Table 9 (= 17), loadings after varimax; Table 16, per cent
# of variance; Table 18, column
# PC; Table 20, comparisons of the eight indicators (upper triangle; rows in the order above).
TABLE_9 = [
    [0.07, 0.97, 0.06, 0.06],
    [0.13, 0.07, -0.07, 0.93],
    [0.79, -0.21, 0.21, 0.42],
    [-0.64, 0.56, -0.04, 0.36],
    [0.37, 0.17, 0.38, 0.68],
    [0.82, -0.04, 0.25, 0.35],
    [0.88, 0.23, -0.09, 0.09],
    [0.08, 0.04, 0.96, 0.04],
]
TABLE_16 = [41.9, 21.8, 12.3, 11.1, 6.0, 3.7, 2.2, 0.9]
TABLE_18 = [0.17, 0.15, 0.11, 0.07, 0.08, 0.12, 0.14, 0.16]
TABLE_20 = ["2 3 2 5 5 1 3", "2 1/2 4 4 1/2 3", "1/4 2 2 1/5 1/2", "4 4 1/2 3", "1 1/5 1/2", "1/5 1/2", "4"]

# Saaty (2008), International Journal of Services Sciences 1(1), p. 87: relative consumption of drinks; and the result.
DRINKS = ["coffee", "wine", "tea", "beer", "soda", "milk", "water"]
SAATY = ["9 5 2 1 1 1/2", "1/3 1/9 1/9 1/9 1/9", "1/3 1/4 1/3 1/9", "1/2 1 1/3", "2 1/2", "1/3"]
CONSUMPTION = [0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327]


def reciprocal(upper: list[str]) -> np.ndarray:
    n = len(upper) + 1
    a = np.eye(n)
    for i, row in enumerate(upper):
        for j, text in enumerate(row.split(), start=i + 1):
            a[i, j], a[j, i] = float(Fraction(text)), float(1 / Fraction(text))
    return a


eighths = st.integers(0, 80).map(lambda i: i / 8)
weights_st = arrays(np.float64, st.integers(1, 8), elements=eighths).filter(lambda w: w.sum() > 0)


@st.composite
def tables(draw: st.DrawFn, *, max_columns: int = 4) -> np.ndarray:
    shape = (draw(st.integers(4, 9)), draw(st.integers(2, max_columns)))
    x = draw(arrays(np.float64, shape, elements=eighths))
    assume((np.ptp(x, axis=0) > 0).all())
    return x


class TestGiven:
    @given(weights_st, st.integers(1, 1000))
    def test_only_ratios_count(self, w, scale):
        before = w.copy()
        assert weighting.given(w).sum() == pytest.approx(1)
        assert_allclose(weighting.given(w * scale), weighting.given(w), rtol=1e-14)
        assert_allclose(weighting.given(w), [v / math.fsum(w) for v in w], rtol=1e-14)
        assert_array_equal(w, before)

    def test_rows_are_replicates(self):
        assert_array_equal(weighting.given([[1, 3], [5, 0]]), [[0.25, 0.75], [1, 0]])

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ([0.0, 0.0], "add up to 0"),
            ([[1.0, 1.0], [0.0, 0.0]], "add up to 0"),
            ([1.0, -0.5], "not be negative: number 1 is -0.5"),
            ([1.0, NAN], "finite: number 1"),
            ([[1.0, 2.0], [math.inf, 1.0]], r"finite: number \(1, 0\)"),
            ([], "no weight"),
            (1.0, "no weight"),
            ([1e308, 1e308], "too large"),
        ],
    )
    def test_refused(self, weights, message):
        with pytest.raises(ValueError, match=message):
            weighting.given(weights)

    def test_equal(self):
        assert weighting.equal(3).sum() == pytest.approx(1)
        with pytest.raises(ValueError, match="at least one"):
            weighting.equal(0)


class TestPrincipalComponents:
    def test_handbook_eigenvalues_loadings_and_weights(self):
        result = weighting.principal_components(tai(), n_components=4)
        assert_allclose(100 * result.eigenvalues / 8, TABLE_16, atol=0.12)  # the inputs are published with few digits
        assert_allclose(result.explained, [2.64, 1.39, 1.19, 1.76], atol=0.03)
        assert_allclose(result.loadings, TABLE_9, atol=0.015)
        assert_allclose(result.weights, TABLE_18, atol=0.0075)
        assert result.component.tolist() == [1, 3, 0, 0, 3, 0, 0, 2]
        assert result.n_units == 23

    def test_published_loadings_give_the_published_weights(self):
        assert_allclose(weighting.given((np.array(TABLE_9) ** 2).max(axis=1)), TABLE_18, atol=0.005)

    def test_number_of_components(self):
        # Two eigenvalues above 1 explain 63.8 %; the third is 0.98.
        assert weighting.principal_components(tai()).loadings.shape == (8, 2)
        # One eigenvalue above 1 which explains too little: 1.5/4 = 38 %, and the next ones (0.98, 0.97) are added.
        x = np.random.default_rng(3).normal(size=(4000, 4))
        x[:, 1] += 0.6 * x[:, 0]
        result = weighting.principal_components(x)
        assert (result.eigenvalues > 1.1).sum() == 1
        assert result.loadings.shape == (4, 2)

    def test_first_component_alone(self):
        result = weighting.principal_components(tai(), method="first")
        r = np.corrcoef(tai(), rowvar=False)
        values, vectors = np.linalg.eigh(r)
        assert_allclose(result.weights, vectors[:, -1] ** 2, rtol=1e-9)
        assert result.explained == pytest.approx(values[-1])

    @given(tables(), st.randoms(use_true_random=False))
    def test_units_of_measurement_direction_and_order_do_not_matter(self, x, random):
        assume(np.abs(np.corrcoef(x, rowvar=False) - np.eye(x.shape[1])).max() > 0.1)
        result = weighting.principal_components(x, method="first")
        assume(result.eigenvalues[0] - result.eigenvalues[1] > 1e-3)  # else the component is not unique
        order = list(range(len(x)))
        random.shuffle(order)
        other = weighting.principal_components(-3.0 * x[order] + 7.0, method="first")
        assert_allclose(other.weights, result.weights, atol=1e-9)
        flipped = x * np.append(-1.0, np.ones(x.shape[1] - 1))
        assert_allclose(weighting.principal_components(flipped, method="first").weights, result.weights, atol=1e-9)
        assert result.weights.sum() == pytest.approx(1)
        assert result.eigenvalues.sum() == pytest.approx(x.shape[1])

    def test_units_with_gaps_are_left_out(self):
        x = tai()
        x[[2, 5], [0, 3]] = NAN
        result = weighting.principal_components(x)
        assert result.n_units == 21
        assert_array_equal(result.weights, weighting.principal_components(np.delete(x, [2, 5], axis=0)).weights)

    def test_refused(self):
        x = tai()
        with pytest.raises(ValueError, match="nearly constant"):
            weighting.principal_components(np.column_stack([x, np.ones(23)]))
        with pytest.raises(ValueError, match="number 8"):
            weighting.principal_components(np.column_stack([x, np.ones(23)]))
        with pytest.raises(ValueError, match="not correlated"):
            weighting.principal_components(np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]))
        with pytest.raises(ValueError, match="at least 3 units"):
            weighting.principal_components(x[:2])
        with pytest.raises(ValueError, match="at least two indicators"):
            weighting.principal_components(x[:, :1])
        with pytest.raises(ValueError, match="between 1 and 8"):
            weighting.principal_components(x, n_components=9)
        with pytest.raises(ValueError, match="rotated, first"):
            weighting.principal_components(x, method="oblique")
        with pytest.raises(ValueError, match="shape"):
            weighting.principal_components(x[0])
        with pytest.raises(ValueError, match="finite"):
            weighting.principal_components(np.where(x > 900, np.inf, x))


class TestVarimax:
    def test_no_rotation_of_three_components_is_better(self):
        loadings = np.random.default_rng(11).normal(size=(9, 3))
        length = np.linalg.norm(loadings, axis=1, keepdims=True)
        best = ((weighting.varimax(loadings) / length) ** 2).var(axis=0).sum()
        rotations = special_ortho_group.rvs(3, size=2000, random_state=12)
        others = ((loadings / length @ rotations) ** 2).var(axis=1).sum(axis=1)
        assert others.max() <= best + 1e-12
        assert others.max() == pytest.approx(best, rel=0.02)  # some come near: the bound means something

    @given(arrays(np.float64, (6, 2), elements=st.integers(-8, 8).map(float)))
    def test_best_of_all_angles_and_a_rotation(self, loadings):
        turned = weighting.varimax(loadings)
        assert_allclose(turned @ turned.T, loadings @ loadings.T, atol=1e-9)
        length = np.linalg.norm(loadings, axis=1, keepdims=True)
        rows = np.divide(loadings, length, out=np.zeros_like(loadings), where=length > 0)
        ours = np.divide(turned, length, out=np.zeros_like(loadings), where=length > 0)
        for angle in np.linspace(0, math.pi / 2, 50):
            c, s = math.cos(angle), math.sin(angle)
            other = rows @ np.array([[c, -s], [s, c]])
            assert (other**2).var(axis=0).sum() <= (ours**2).var(axis=0).sum() + 1e-9

    def test_one_component_and_misuse(self):
        assert_array_equal(weighting.varimax(np.array([[0.5], [-0.5]])), [[0.5], [-0.5]])
        with pytest.raises(ValueError, match="finite"):
            weighting.varimax(np.array([[NAN, 1.0]]))


class TestEntropyAndCritic:
    @given(tables())
    def test_entropy_loop(self, x):
        diversities = []
        for column in x.T:
            p = [v / math.fsum(column) for v in column]
            diversities.append(1 + math.fsum(v * math.log(v) for v in p if v > 0) / math.log(len(p)))
        expected = [d / math.fsum(diversities) for d in diversities]
        assert_allclose(weighting.entropy(x), expected, atol=1e-9)
        assert_allclose(weighting.entropy(x * [3.0, 0.5, 7.0, 1.0][: x.shape[1]]), expected, atol=1e-9)

    def test_entropy_by_hand_and_gaps(self):
        # e = 1 - 0 and e = (ln 4 - 3/4 ln 3)/ln 2 = 0.811278: weights 0 and 1 of a constant column and the other.
        x = np.array([[2.0, 3.0, 1.0], [2.0, 1.0, 0.0], [NAN, NAN, NAN]])
        assert_allclose(weighting.entropy(x), [0, 0.188722 / 1.188722, 1 / 1.188722], atol=1e-6)

    @given(tables())
    def test_critic_loop(self, x):
        scaled = [[(v - min(c)) / (max(c) - min(c)) for v in c] for c in x.T.tolist()]
        n = len(scaled)
        information = []
        for j in range(n):
            conflict = sum(1 - np.corrcoef(scaled[j], scaled[k])[0, 1] for k in range(n))
            information.append(np.std(scaled[j], ddof=1) * conflict)
        assume(sum(information) > 1e-6)
        expected = [value / sum(information) for value in information]
        assert_allclose(weighting.critic(x), expected, atol=1e-7)
        assert_allclose(weighting.critic(5.0 * x + 2.0), expected, atol=1e-7)

    def test_critic_leaves_units_with_gaps_out(self):
        x = tai()
        x[4, 4] = NAN
        assert_array_equal(weighting.critic(x), weighting.critic(np.delete(x, 4, axis=0)))

    def test_refused(self):
        with pytest.raises(ValueError, match="values >= 0, and indicator number 1"):
            weighting.entropy(np.array([[1.0, -1.0], [2.0, 1.0]]))
        with pytest.raises(ValueError, match="all indicators are constant"):
            weighting.entropy(np.full((3, 2), 0.1))
        with pytest.raises(ValueError, match="only zeros"):
            weighting.entropy(np.array([[1.0, 0.0], [2.0, 0.0]]))
        with pytest.raises(ValueError, match="two known units"):
            weighting.entropy(np.array([[1.0, 1.0], [2.0, NAN]]))
        with pytest.raises(ValueError, match="perfectly correlated"):
            weighting.critic(np.array([[1.0, 2.0], [2.0, 4.0], [4.0, 8.0]]))
        with pytest.raises(ValueError, match="nearly constant"):
            weighting.critic(np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 8.0]]))


class TestExperts:
    def test_budget_allocation(self):
        result = weighting.budget_allocation(np.array([[20.0, 80.0], [4.0, 6.0], [NAN, 5.0], [0.0, 10.0]]))
        assert_allclose(result.weights, [0.2, 0.8])  # shares 0.2, 0.4 and 0
        assert_allclose(result.sd, [0.2, 0.2])
        assert_allclose([result.low[0], result.high[0]], [0, 0.4])
        assert result.n_experts == 3

    def test_one_expert_has_no_spread(self):
        result = weighting.budget_allocation(np.array([[30.0, 70.0]]))
        assert np.isnan(result.sd).all()
        assert_allclose(result.weights, [0.3, 0.7])

    def test_budget_refused(self):
        with pytest.raises(ValueError, match="no expert"):
            weighting.budget_allocation(np.array([[NAN, 1.0]]))
        with pytest.raises(ValueError, match="negative"):
            weighting.budget_allocation(np.array([[2.0, -1.0]]))
        with pytest.raises(ValueError, match="add up to 0"):
            weighting.budget_allocation(np.array([[1.0, 1.0], [0.0, 0.0]]))

    def test_saaty_drinks(self):
        result = weighting.analytic_hierarchy(reciprocal(SAATY))
        assert_allclose(result.weights, CONSUMPTION, atol=0.0005)
        assert result.consistency_ratio == pytest.approx(0.022, abs=0.0005)
        assert result.consistent

    def test_handbook_table_20(self):
        # The matrix is published, its eigenvector is not; power iteration to 7 digits gives 8.211079 and the weights.
        a = reciprocal(TABLE_20)
        result = weighting.analytic_hierarchy(a)
        w = np.ones(8)
        for _ in range(100):
            w = a @ w / (a @ w).sum()
        assert_allclose(result.weights, w, rtol=1e-9)
        assert_allclose(result.weights, [0.2291, 0.1346, 0.0594, 0.1761, 0.0385, 0.0385, 0.2522, 0.0715], atol=5e-5)
        assert result.eigenvalue == pytest.approx(8.211079, abs=5e-7)
        assert result.consistency_index == pytest.approx(0.211079 / 7, abs=1e-7)
        assert result.consistency_ratio == pytest.approx(0.0214, abs=5e-5)

    @given(arrays(np.float64, st.integers(1, 9), elements=st.integers(1, 9).map(float)))
    def test_consistent_judgements_are_found_again(self, w):
        result = weighting.analytic_hierarchy(w[:, None] / w)
        assert_allclose(result.weights, w / w.sum(), atol=1e-9)
        assert result.consistency_ratio == pytest.approx(0, abs=1e-9)
        assert result.consistent

    def test_circular_judgements_are_marked(self):
        result = weighting.analytic_hierarchy(reciprocal(["9 1/9", "9"]))  # a over b over c over a
        assert_allclose(result.weights, [1 / 3] * 3)
        assert result.eigenvalue == pytest.approx(1 + 9 + 1 / 9)
        assert not result.consistent

    def test_ahp_edges(self):
        assert weighting.analytic_hierarchy(np.ones((1, 1))).weights.tolist() == [1]
        many = weighting.analytic_hierarchy(np.ones((16, 16)))
        assert math.isnan(many.consistency_ratio)
        assert not many.consistent
        for table, message in [
            (np.ones((2, 3)), "square"),
            (np.array([[1.0, 2.0], [2.0, 1.0]]), "not reciprocal: 0 to 1 is 2 and 1 to 0 is 2"),
            (np.array([[1.0, NAN], [1.0, 1.0]]), "none missing"),
            (np.array([[1.0, 0.0], [1.0, 1.0]]), "above 0"),
            (np.array([[3.0]]), "not reciprocal"),
        ]:
            with pytest.raises(ValueError, match=message):
                weighting.analytic_hierarchy(table)
        rounded = np.array([[1.0, 3.0], [0.33, 1.0]])
        assert_allclose(weighting.analytic_hierarchy(rounded).weights, [0.75, 0.25], atol=0.01)

    def test_best_worst_by_hand(self):
        """Rezaei's linear model for (8, 2, 1) and (1, 5, 8): 1/14, 9/28, 17/28, xi = 1/28 (both bounds of w_1 bind)."""
        result = weighting.best_worst([8, 2, 1], [1, 5, 8], best=2, worst=0)
        assert_allclose(result.weights, [1 / 14, 9 / 28, 17 / 28], atol=1e-9)
        assert result.xi == pytest.approx(1 / 28, abs=1e-9)

    @given(arrays(np.float64, st.integers(2, 6), elements=st.sampled_from([1.0, 2.0, 4.0, 8.0])))
    def test_best_worst_of_consistent_answers(self, w):
        best, worst = int(w.argmax()), int(w.argmin())
        assume(best != worst)
        result = weighting.best_worst(w[best] / w, w / w[worst], best=best, worst=worst)
        assert_allclose(result.weights, w / w.sum(), atol=1e-7)
        assert result.xi == pytest.approx(0, abs=1e-7)

    @pytest.mark.parametrize(
        ("to_others", "to_worst", "best", "worst", "message"),
        [
            ([1, 2], [2, 1], 0, 0, "best and worst"),
            ([1, 2], [2, 1], 0, 2, "best and worst"),
            ([1, 2], [3, 1], 0, 1, "best against worst is 2 in one answer and 3"),
            ([2, 2], [2, 1], 0, 1, "must be 1"),
            ([1, 0.5], [0.5, 1], 0, 1, "at least 1"),
            ([1, NAN], [2, 1], 0, 1, "at least 1"),
            ([1, 2, 3], [2, 1], 0, 1, "one length"),
        ],
    )
    def test_best_worst_refused(self, to_others, to_worst, best, worst, message):
        with pytest.raises(ValueError, match=message):
            weighting.best_worst(to_others, to_worst, best=best, worst=worst)


def best_score_by_vertices(x: np.ndarray, c: int) -> float:
    """Largest x_c w under x w <= 1, w >= 0, in two dimensions: at a corner, of which all are tried."""
    lines = [*[(*row, 1.0) for row in x.tolist()], (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    best = 0.0
    for (a, b, e), (p, q, f) in combinations(lines, 2):
        if abs(a * q - b * p) < 1e-12:
            continue
        w = np.array([e * q - b * f, a * f - e * p]) / (a * q - b * p)
        if (w >= -1e-9).all() and (x @ w <= 1 + 1e-9).all():
            best = max(best, float(x[c] @ w))
    return best


class TestBenefitOfDoubt:
    @settings(max_examples=40)
    @given(arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.integers(1, 9).map(float)))
    def test_corners_of_two_indicators(self, x):
        result = weighting.benefit_of_doubt(x)
        assert_allclose(result.scores, [best_score_by_vertices(x, c) for c in range(len(x))], atol=1e-7)
        assert_allclose((result.weights * x).sum(axis=1), result.scores, atol=1e-7)
        assert_allclose(result.shares.sum(axis=1), 1, atol=1e-9)
        assert (x @ result.weights.T <= 1 + 1e-7).all()  # nobody is above 1 under anybody's weights

    @settings(max_examples=20)
    @given(tables(max_columns=3), st.randoms(use_true_random=False))
    def test_bounds_units_and_order(self, x, random):
        x = x + 1.0
        n = x.shape[1]
        result = weighting.benefit_of_doubt(x, low=0.5 / n, high=1.5 / n)
        assert ((result.shares >= 0.5 / n - 1e-9) & (result.shares <= 1.5 / n + 1e-9)).all()
        free = weighting.benefit_of_doubt(x)
        assert (free.scores >= result.scores - 1e-7).all()
        order = list(range(len(x)))
        random.shuffle(order)
        other = weighting.benefit_of_doubt((x * [2.0, 5.0, 0.1][:n])[order], low=0.5 / n, high=1.5 / n)
        assert_allclose(other.scores, result.scores[order], atol=1e-7)

    def test_equal_shares_are_fixed(self):
        # Shares of a half: 1/t with t the largest mean ratio to another unit, (4/1 + 1/4)/2 for the last against the first.
        x = np.array([[4.0, 1.0], [1.0, 4.0], [1.0, 4.0]])
        assert_allclose(weighting.benefit_of_doubt(x, low=0.5, high=0.5).scores, [8 / 17] * 3)
        assert_allclose(weighting.benefit_of_doubt(x).scores, [1, 1, 1])

    def test_technology_achievement(self):
        # Handbook, Table 19 and 23: Finland, the United States and Sweden are at 1. (Its bounds are not published.)
        x = tai()
        x[:, 4:6] = 10 ** x[:, 4:6]
        scores = weighting.benefit_of_doubt(x, low=0.01, high=0.35).scores
        assert_allclose(scores[:3], 1, atol=1e-9)

    def test_missing_zeros_and_refusals(self):
        result = weighting.benefit_of_doubt(np.array([[1.0, NAN], [0.0, 0.0], [2.0, 0.0], [0.5, 3.0]]))
        assert_allclose(result.scores, [NAN, 0, 1, 1])
        assert np.isnan(result.weights[0]).all()
        assert_array_equal(result.weights[1], [0, 0])
        assert np.isnan(result.shares[1]).all()
        assert_allclose(result.shares[2], [1, 0])
        x = np.array([[1.0, 0.0], [1.0, 1.0]])
        for bounds in ({"low": 0.1}, {"high": 0.6}):
            with pytest.raises(ValueError, match="unit 0 has 0 in indicator number 1"):
                weighting.benefit_of_doubt(x, **bounds)
        for bounds, message in [
            ({"low": 0.6}, "no shares"),
            ({"high": 0.4}, "no shares"),
            ({"low": 0.3, "high": 0.2}, "in order"),
            ({"low": NAN}, "in order"),
            ({"low": [0.1, 0.1, 0.1]}, "one for each of 2"),
        ]:
            with pytest.raises(ValueError, match=message):
                weighting.benefit_of_doubt(x, **bounds)
        with pytest.raises(ValueError, match=">= 0"):
            weighting.benefit_of_doubt(-x)

    def test_nobody(self):
        assert weighting.benefit_of_doubt(np.full((2, 2), NAN)).scores.tolist() == pytest.approx(
            [NAN, NAN], nan_ok=True
        )
        assert weighting.benefit_of_doubt(np.empty((0, 2))).scores.shape == (0,)


class TestCorrelationOptimised:
    @settings(max_examples=30)
    @given(st.integers(0, 10_000), st.integers(2, 5))
    def test_target_is_met_where_the_bounds_allow_it(self, seed, n):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(40, 1)) + rng.normal(size=(40, n)) * rng.uniform(0.5, 2.0, n)
        target = rng.uniform(1.0, 2.0, n)
        unbounded = np.linalg.solve(np.corrcoef(x, rowvar=False), target) / x.std(axis=0)
        result = weighting.correlation_optimised(x, target)
        correlations = [np.corrcoef(column, x @ result.weights)[0, 1] for column in x.T]
        assert_allclose(result.correlations, correlations, atol=1e-9)
        assert_allclose(result.shares, correlations / np.sum(correlations), atol=1e-9)
        assert result.weights.min() >= 0
        if unbounded.min() > 1e-3:
            assert_allclose(result.weights, unbounded / unbounded.sum(), atol=1e-8)
            assert result.gap < 1e-8
        elif unbounded.min() < -1e-3:
            assert result.gap > 1e-9

    def test_bounds_bind_at_the_optimum(self):
        rng = np.random.default_rng(5)
        x = rng.normal(size=(60, 1)) + rng.normal(size=(60, 3))
        result = weighting.correlation_optimised(x, [10.0, 1.0, 1.0], low=0.2, high=0.5)
        assert ((result.weights >= 0.2 - 1e-6) & (result.weights <= 0.5 + 1e-6)).all()
        r = np.corrcoef(x, rowvar=False)

        def distance(w):
            shares = r @ (w * x.std(axis=0))
            return float(((shares / shares.sum() - result.target) ** 2).sum())

        grid = np.arange(0.2, 0.5001, 0.01)
        others = [np.array([a, b, 1 - a - b]) for a in grid for b in grid if 0.2 <= 1 - a - b <= 0.5]
        assert distance(result.weights) <= min(distance(w) for w in others) + 1e-9

    def test_technology_achievement_and_order(self):
        x = np.column_stack([normalisation.min_max(column) for column in tai()[:, [0, 1, 2, 4, 5, 6, 7]].T])
        equal = weighting.importance(x).correlations
        result = weighting.correlation_optimised(x)
        assert np.ptp(result.correlations) < np.ptp(equal)
        other = weighting.correlation_optimised(x[::-1])
        assert_allclose(other.weights, result.weights, atol=1e-6)

    def test_refused(self):
        x = tai()
        with pytest.raises(ValueError, match="target"):
            weighting.correlation_optimised(x, [1.0, 1.0])
        with pytest.raises(ValueError, match="positive sum"):
            weighting.correlation_optimised(np.array([[1.0, -1.0], [2.0, -2.0], [4.0, -4.0]]))
        with pytest.raises(ValueError, match="no shares"):
            weighting.correlation_optimised(x, low=0.5)


class TestImportanceAndEffective:
    @given(tables(), st.data())
    def test_importance_loop(self, x, data):
        w = data.draw(arrays(np.float64, x.shape[1], elements=st.integers(1, 5).map(float)))
        y = x @ (w / w.sum())
        assume(np.ptp(y) > 1e-6)
        result = weighting.importance(x, w)
        assert_allclose(result.correlations, [np.corrcoef(c, y)[0, 1] for c in x.T], atol=1e-9)
        shares = [v / w.sum() * np.cov(c, y)[0, 1] / y.var(ddof=1) for v, c in zip(w, x.T, strict=True)]
        assert_allclose(result.variance_shares, shares, atol=1e-9)
        assert result.variance_shares.sum() == pytest.approx(1)

    def test_constant_composite_and_indicator(self):
        nothing = weighting.importance(np.array([[1.0, -1.0], [2.0, -2.0]]))
        assert np.isnan(nothing.correlations).all()
        assert np.isnan(nothing.variance_shares).all()
        half = weighting.importance(np.array([[1.0, 5.0], [2.0, 5.0], [NAN, 9.0]]))
        assert_allclose(half.correlations, [1, NAN])
        assert_allclose(half.variance_shares, [1, 0])

    def test_effective_weights_of_a_tree(self):
        result = weighting.effective([7, 1, 3, 1, 1, 2, 2], [-1, 0, 0, 2, 2, 1, 1])
        assert_allclose(result, [1, 0.25, 0.75, 0.375, 0.375, 0.125, 0.125])
        assert weighting.effective([0], [-1]).tolist() == [1]

    @given(st.lists(st.integers(0, 10), min_size=1, max_size=12), st.data())
    def test_leaves_add_up_to_one(self, picks, data):
        parent = [-1, *[pick % (i + 1) for i, pick in enumerate(picks)]]
        w = data.draw(arrays(np.float64, len(parent), elements=st.integers(1, 9).map(float)))
        result = weighting.effective(w, parent)
        leaves = [i for i in range(len(parent)) if i not in parent]
        assert result[leaves].sum() == pytest.approx(1)

        def by_recursion(i):
            if parent[i] < 0:
                return 1.0
            siblings = sum(w[k] for k in range(len(w)) if parent[k] == parent[i])
            return w[i] / siblings * by_recursion(parent[i])

        assert_allclose(result, [by_recursion(i) for i in range(len(w))])

    @pytest.mark.parametrize(
        ("weights", "parent", "message"),
        [
            ([1, 1, 1], [-1, 2, 1], "own ancestor"),
            ([1, 1], [-1, -1], "one root"),
            ([1, 1], [-1, 5], "one root"),
            ([1, 0, 0], [-1, 0, 0], "children of node 0 add up to 0"),
            ([1, -1], [-1, 0], "negative"),
            ([1, 1], [-1.0, 0.0], "whole numbers"),
            ([1], [-1, 0], "one length"),
        ],
    )
    def test_refused(self, weights, parent, message):
        with pytest.raises(ValueError, match=message):
            weighting.effective(weights, parent)

    def test_importance_refused(self):
        with pytest.raises(ValueError, match="at least 2 units"):
            weighting.importance(np.array([[1.0, 2.0]]))
        with pytest.raises(ValueError, match="one for each of 2"):
            weighting.importance(np.ones((3, 2)), [1.0])


def test_arguments_are_left_alone():
    x = tai()
    before = x.copy()
    weighting.principal_components(x)
    weighting.entropy(x)
    weighting.critic(x)
    weighting.importance(x)
    weighting.benefit_of_doubt(x[:4])
    weighting.correlation_optimised(x[:, :3])
    a = reciprocal(SAATY)
    kept = a.copy()
    weighting.analytic_hierarchy(a)
    assert_array_equal(x, before)
    assert_array_equal(a, kept)
