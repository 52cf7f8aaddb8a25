"""Coherence: the Handbook's tables, SciPy and loops as references, decompositions that add up, every flag at its limit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from capmap.methods import coherence as co
from capmap.methods.normalisation import ConstantError, is_near_constant

NAN = float("nan")

# OECD/JRC (2008), Handbook on Constructing Composite Indicators, Table A.2: patents, royalties, internet hosts, exports,
# telephones (log10), electricity (log10), schooling, university, of 23 countries from Finland to Slovenia.
TAI = np.array(
    [
        [187, 125.6, 200.2, 50.7, 3.08, 4.15, 10.0, 27.4],
        [289, 130.0, 179.1, 66.2, 3.00, 4.07, 12.0, 13.9],
        [271, 156.6, 125.8, 59.7, 3.10, 4.14, 11.4, 15.3],
        [994, 64.6, 49.0, 80.8, 3.00, 3.86, 9.5, 10.0],
        [779, 9.8, 4.8, 66.7, 2.97, 3.65, 10.8, 23.2],
        [189, 151.2, 136.0, 50.9, 3.02, 3.77, 9.4, 9.5],
        [82, 134.0, 57.4, 61.9, 3.02, 3.73, 9.4, 14.9],
        [31, 38.6, 108.0, 48.7, 2.94, 4.18, 11.6, 14.2],
        [75, 18.2, 125.9, 16.2, 2.94, 3.94, 10.9, 25.3],
        [8, 25.5, 72.3, 74.9, 2.95, 3.83, 7.1, 24.2],
        [235, 36.8, 41.2, 64.2, 2.94, 3.75, 10.2, 14.4],
        [103, 20.2, 193.6, 19.0, 3.12, 4.39, 11.9, 11.2],
        [106, 110.3, 48.6, 53.6, 2.97, 3.68, 9.4, 12.3],
        [72, 73.9, 58.9, 47.6, 2.91, 3.86, 9.3, 13.6],
        [103, 13.0, 146.7, 15.4, 2.86, 3.91, 11.7, 13.1],
        [165, 14.8, 84.2, 50.3, 2.99, 3.79, 8.4, 13.6],
        [205, 33.6, 36.4, 58.9, 2.97, 3.80, 7.9, 12.6],
        [74, 43.6, 43.2, 45.0, 2.96, 3.74, 9.6, 11.0],
        [42, 8.6, 21.0, 53.4, 2.86, 3.62, 7.3, 15.6],
        [13, 9.8, 30.4, 51.0, 3.00, 3.65, 7.2, 13.0],
        [28, 4.2, 25.0, 51.7, 2.75, 3.68, 9.5, 8.2],
        [26, 6.2, 21.6, 63.5, 2.73, 3.46, 9.1, 7.7],
        [105, 4.0, 20.3, 49.5, 2.84, 3.71, 7.1, 10.6],
    ]
)
EXPORTS = 3

eighths = st.integers(-800, 800).map(lambda i: i / 8)
with_gaps = st.one_of(st.just(NAN), eighths, eighths, eighths)
tables = st.tuples(st.integers(0, 9), st.integers(1, 5)).flatmap(lambda shape: arrays(float, shape, elements=with_gaps))
complete = st.tuples(st.integers(4, 12), st.integers(2, 5)).flatmap(
    lambda shape: arrays(float, shape, elements=eighths)
)


class TestTechnologyAchievementIndex:
    def test_table_11_alpha_and_alpha_without_each_indicator(self):
        result = co.cronbach_alpha(TAI)
        assert result.alpha == pytest.approx(0.70, abs=0.005)
        # The published data are rounded: telephones to 0.01 in logarithms, which moves the third decimal.
        published = [0.704, 0.645, 0.636, 0.774, 0.603, 0.624, 0.662, 0.706]
        assert_allclose(result.dropped, published, atol=0.0025)
        with_total = [0.261, 0.527, 0.566, -0.108, 0.701, 0.614, 0.451, 0.249]
        assert_allclose(result.item_rest, with_total, atol=0.006)
        assert result.n == 23
        without = co.cronbach_alpha(np.delete(TAI, EXPORTS, axis=1)).alpha
        assert without == pytest.approx(0.774, abs=0.0005)
        assert result.dropped[EXPORTS] == pytest.approx(without, abs=1e-12)

    def test_table_7_eigenvalues(self):
        parts = co.principal_components(TAI)
        assert_allclose(parts.eigenvalues, [3.3, 1.7, 1.0, 0.9, 0.5, 0.3, 0.2, 0.1], atol=0.06)
        assert_allclose(100 * parts.explained, [41.9, 21.8, 12.3, 11.1, 6.0, 3.7, 2.2, 0.9], atol=0.15)
        assert_allclose(100 * parts.cumulative[:4], [41.9, 63.7, 76.0, 87.2], atol=0.15)

    def test_table_8_loadings_of_the_first_two_components(self):
        """The Handbook's first component points the other way: a sign is a convention."""
        loadings = co.principal_components(TAI).loadings
        first = -np.array([-0.11, -0.56, -0.92, 0.35, -0.76, -0.91, -0.74, -0.36])
        second = -np.array([-0.75, -0.48, 0.21, -0.85, -0.39, 0.13, 0.11, -0.12])
        assert_allclose(loadings[:, 0], first, atol=0.015)
        assert_allclose(loadings[:, 1], second, atol=0.015)

    def test_table_6_correlations(self):
        rho = co.correlation(TAI).rho
        published = [1.00, 0.13, -0.09, 0.45, 0.28, 0.03, 0.22, 0.08]
        assert_allclose(rho[0], published, atol=0.0055)
        assert rho[2, 5] == pytest.approx(0.84, abs=0.005)  # internet and electricity, the highest
        flags = co.correlation_flags(rho, co.within_groups(np.zeros(8, int)))
        assert not flags.collinear.any()
        assert_array_equal(np.argwhere(flags.conflict), [[2, EXPORTS], [EXPORTS, 2]])  # internet and exports, -0.45


@given(tables, st.data())
def test_correlations_are_those_of_scipy_pair_by_pair(x, data):
    y = data.draw(arrays(float, (len(x), 3), elements=with_gaps))
    for method, reference in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        for other, result in ((y, co.correlation(x, y, method=method)), (x, co.correlation(x, method=method))):
            for j in range(x.shape[1]):
                for k in range(other.shape[1]):
                    both = ~(np.isnan(x[:, j]) | np.isnan(other[:, k]))
                    a, b = x[both, j], other[both, k]
                    assert result.n[j, k] == both.sum()
                    if both.sum() < 3 or is_near_constant(a) or is_near_constant(b):
                        assert np.isnan(result.rho[j, k])
                    else:
                        assert result.rho[j, k] == pytest.approx(reference(a, b).statistic, abs=1e-9)


@given(complete, st.sampled_from(["pearson", "spearman"]))
def test_correlations_are_symmetric_and_have_no_unit(x, method):
    rho = co.correlation(x, method=method).rho
    assert_array_equal(rho, rho.T)
    assert set(np.diag(rho)[~np.isnan(np.diag(rho))]) <= {1.0}
    scale = np.array([1e-9, 1e9, 3.0, 0.1, 1.0])[: x.shape[1]]
    assert_allclose(co.correlation(x * scale, method=method).rho, rho, atol=1e-9)
    turned = x.copy()
    turned[:, 0] *= -1
    assert_allclose(co.correlation(turned, method=method).rho[0, 1:], -rho[0, 1:], atol=1e-12)


def test_correlation_of_huge_and_tiny_numbers():
    x = np.array([[1e300, 1e-300], [2e300, 2e-300], [4e300, 4e-300]])
    assert_array_equal(np.isnan(co.correlation(x).rho), [[False, True], [True, True]])  # 1e-300 is no spread
    wide = np.array([[1e70, 1e-70], [2e70, 2e-70], [4e70, 4e-70]])
    assert_allclose(co.correlation(wide).rho, 1.0)


def test_flags_at_their_limits():
    rho = np.array([0.9, np.nextafter(0.9, 1), -0.4, -0.41, 0.3, 0.29, -0.95, NAN])[np.newaxis]
    flags = co.correlation_flags(rho)
    assert_array_equal(flags.collinear[0], [0, 1, 0, 0, 0, 0, 1, 0])
    assert_array_equal(flags.conflict[0], [0, 0, 0, 1, 0, 0, 1, 0])
    assert_array_equal(flags.weak[0], [0, 0, 0, 0, 0, 1, 0, 0])
    assert not co.correlation_flags(rho, np.zeros(rho.shape, bool)).collinear.any()


def test_collinear_only_inside_a_group():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    rho = co.correlation(np.column_stack([a, a + 0.01 * b, a - 0.01 * b])).rho
    flags = co.correlation_flags(rho, co.within_groups(np.array([4, 4, 9])))
    assert_array_equal(flags.collinear, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_an_indicator_explained_by_size():
    rng = np.random.default_rng(1)
    population = rng.lognormal(size=60)
    intensity = rng.uniform(0.8, 1.2, 60)
    x = np.column_stack([population * intensity, intensity, -population])
    assert_array_equal(co.explained_by_size(x, population[:, np.newaxis])[:, 0], [True, False, True])
    assert not co.explained_by_size(np.ones((5, 1)), population[:5, np.newaxis]).any()


@given(tables)
def test_availability_by_loops(x):
    groups = np.arange(x.shape[1]) % 2 + 10
    result = co.availability(x, groups)
    for i in range(len(x)):
        assert result.units[i] == pytest.approx(np.mean([not np.isnan(v) for v in x[i]]))
        for g, code in enumerate(result.groups):
            inside = [not np.isnan(v) for v, c in zip(x[i], groups, strict=True) if c == code]
            assert result.by_group[i, g] == pytest.approx(np.mean(inside))
    if len(x):
        assert_allclose(result.indicators, (~np.isnan(x)).mean(axis=0))
    assert_array_equal(result.groups, np.unique(groups))


def test_screening_at_two_thirds():
    x = np.ones((4, 6))
    x[0, 0] = x[0, 3] = NAN  # 2 of 3 in each group, exactly the threshold
    x[1, :2] = NAN  # 4 of 6, but 1 of 3 in a group
    x[2, [0, 1, 3]] = NAN
    result = co.screen(x, np.array([0, 0, 0, 1, 1, 1]))
    assert_array_equal(result.kept, [True, False, False, True])
    assert_array_equal(result.reasons, ["", "few_in_group", "few_in_group;few_indicators", ""])
    assert co.screen(x, np.array([0, 0, 0, 1, 1, 1]), min_group=0).reasons.tolist() == ["", "", "few_indicators", ""]
    assert co.screen(np.full((1, 2), NAN), min_unit=0, min_group=0).kept.all()


@given(tables)
def test_column_flags_by_loops(x):
    flags = co.column_flags(x)
    for j in range(x.shape[1]):
        seen = [v for v in x[:, j] if not np.isnan(v)]
        assert flags.known[j] == len(seen)
        assert flags.no_data[j] == (not seen)
        if seen:
            assert flags.equal[j] == pytest.approx(max(seen.count(v) for v in seen) / len(seen))
            assert flags.zero[j] == pytest.approx(seen.count(0.0) / len(seen))
            assert flags.mostly_equal[j] == (flags.equal[j] > 0.5)
            assert flags.mostly_zero[j] == (flags.zero[j] > 0.5)
            assert flags.constant[j] == is_near_constant(seen)
            assert flags.zeros[j] == (0.0 in seen)
        else:
            assert np.isnan([flags.equal[j], flags.zero[j]]).all()
            assert [flags.constant[j], flags.mostly_equal[j], flags.zeros[j]] == [False] * 3


@given(complete)
def test_alpha_by_its_definition_on_z_scores(x):
    """m / (m - 1) (1 - sum of variances / variance of the sum), Cronbach (1951); dropping is doing without."""
    assume(not any(is_near_constant(column) for column in x.T))
    m = x.shape[1]
    z = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    variance = z.sum(axis=1).var(ddof=1)
    assume(variance > 0.05)
    result = co.cronbach_alpha(x)
    assert result.alpha == pytest.approx(m / (m - 1) * (1 - m / variance), rel=1e-6, abs=1e-9)
    for j in range(m):
        rest = np.delete(z, j, axis=1)
        spread = rest.sum(axis=1).var(ddof=1)
        if spread < 0.05:
            continue
        assert result.item_rest[j] == pytest.approx(np.corrcoef(z[:, j], rest.sum(axis=1))[0, 1], abs=1e-6)
        if m > 2:
            assert result.dropped[j] == pytest.approx(
                co.cronbach_alpha(np.delete(x, j, axis=1)).alpha, rel=1e-6, abs=1e-6
            )
        else:
            assert np.isnan(result.dropped[j])


def test_direction_matters_for_alpha():
    turned = TAI.copy()
    turned[:, 2] *= -1
    assert co.cronbach_alpha(turned).alpha < co.cronbach_alpha(TAI).alpha
    assert co.cronbach_alpha(-TAI).alpha == pytest.approx(co.cronbach_alpha(TAI).alpha)


def test_alpha_and_components_leave_units_with_gaps_out():
    x = np.vstack([TAI, np.full(8, NAN), [NAN, *TAI[0, 1:]]])
    assert co.cronbach_alpha(x).n == co.principal_components(x).n == 23
    assert co.cronbach_alpha(x).alpha == co.cronbach_alpha(TAI).alpha


@given(complete)
def test_components_reproduce_the_correlations(x):
    assume(not any(is_near_constant(column) for column in x.T))
    parts = co.principal_components(x)
    assert_allclose(parts.loadings @ parts.loadings.T, np.corrcoef(x.T), atol=1e-9)
    assert parts.eigenvalues.sum() == pytest.approx(x.shape[1])
    assert (np.diff(parts.eigenvalues) <= 1e-12).all()
    assert parts.cumulative[-1] == pytest.approx(1)
    assert (parts.loadings.sum(axis=0) >= -1e-12).all()


positive = st.integers(1, 800).map(lambda i: i / 8)


@given(st.data())
def test_contributions_add_up_to_the_score(data):
    y = data.draw(arrays(float, (4, 3), elements=st.one_of(st.just(NAN), positive)))
    weights = np.array(data.draw(st.lists(positive, min_size=3, max_size=3)))
    for mean, into in (("arithmetic", lambda v: v), ("geometric", np.log)):
        parts = co.contributions(y, weights, mean=mean)
        for i in range(4):
            seen = ~np.isnan(y[i])
            assert_array_equal(np.isnan(parts[i]), ~seen)
            if seen.any():
                assert np.nansum(parts[i]) == pytest.approx(np.average(into(y[i, seen]), weights=weights[seen]))
        assert_allclose(co.contributions(y, 7 * weights, mean=mean), parts)


def test_a_unit_with_nothing_of_weight_has_no_contributions():
    parts = co.contributions(np.array([[NAN, 2.0], [1.0, 2.0]]), np.array([1.0, 0.0]))
    assert np.isnan(parts[0]).all()
    assert_array_equal(parts[1], [1.0, 0.0])


@given(complete, st.data())
def test_covariance_shares_add_up_and_squares_are_those_of_scipy(y, data):
    weights = np.array(data.draw(st.lists(positive, min_size=y.shape[1], max_size=y.shape[1])))
    score = y @ weights / weights.sum()
    assume(np.ptp(score) > 0.1)
    assume(not any(is_near_constant(column) for column in y.T))
    result = co.importance(y, weights, score)
    assert result.covariance_share.sum() == pytest.approx(1)
    assert result.weight.sum() == pytest.approx(1)
    for j in range(y.shape[1]):
        assert result.pearson2[j] == pytest.approx(stats.pearsonr(y[:, j], score).statistic ** 2, abs=1e-9)
        assert result.spearman2[j] == pytest.approx(stats.spearmanr(y[:, j], score).statistic ** 2, abs=1e-9)
    seen = result.main_effect[~np.isnan(result.main_effect)]
    assert ((seen >= 0) & (seen <= 1)).all()


def test_main_effect_of_a_line_a_parabola_and_noise():
    """Paruolo, Saisana & Saltelli (2013): the correlation ratio sees what a squared correlation does not."""
    rng = np.random.default_rng(4)
    x = np.column_stack([np.linspace(-1, 1, 201), rng.permutation(np.linspace(-1, 1, 201))])
    line = co.importance(x, np.ones(2), 3 * x[:, 0] + 1)
    assert line.main_effect[0] == pytest.approx(1, abs=1e-6)
    assert line.main_effect[1] < 0.1
    parabola = co.importance(x, np.ones(2), x[:, 0] ** 2)
    assert parabola.pearson2[0] == pytest.approx(0, abs=1e-12)
    assert parabola.main_effect[0] == pytest.approx(1, abs=1e-4)
    # y = u + v, independent and uniform: half of the variance each
    both = co.importance(x, np.ones(2), x.sum(axis=1))
    assert_allclose(both.main_effect, 0.5, atol=0.1)


def test_main_effect_has_no_unit_and_takes_ties():
    rng = np.random.default_rng(5)
    x = rng.integers(0, 12, (80, 2)).astype(float)
    score = x.mean(axis=1) + 0.1 * rng.normal(size=80)
    one = co.importance(x, np.ones(2), score)
    other = co.importance(x * [1e6, 1e-6] + 3, np.ones(2), 1e4 * score - 7)
    assert_allclose(other.main_effect, one.main_effect, atol=1e-6)
    assert_allclose(one.main_effect, one.pearson2, atol=0.08)


def test_importance_without_enough_to_go_by():
    y = np.array([[1.0, 5.0, NAN], [2.0, 5.0, NAN], [4.0, 5.0, 1.0], [5.0, 5.0, 2.0]])
    result = co.importance(y, np.ones(3), np.array([1.0, 2.0, 3.0, 4.0]))
    assert np.isnan(result.pearson2).tolist() == [False, True, True]
    assert np.isnan(result.covariance_share).tolist() == [False, True, True]
    assert np.isnan(result.main_effect).all()  # fewer than five values
    constant = co.importance(y, np.ones(3), np.ones(4))
    assert np.isnan(constant.pearson2).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: co.availability(np.ones(3)), ValueError, "table"),
        (lambda: co.availability(np.ones((3, 0))), ValueError, "at least one indicator"),
        (lambda: co.availability(np.array([[np.inf]])), ValueError, "finite"),
        (lambda: co.availability(np.ones((2, 2)), np.array([1])), ValueError, "one integer code"),
        (lambda: co.screen(np.ones((2, 2)), min_unit=1.5), ValueError, r"in \[0, 1\]"),
        (lambda: co.column_flags(np.ones((2, 2)), threshold=1.0), ValueError, "threshold"),
        (lambda: co.correlation(np.ones((2, 1)), np.ones((3, 1))), ValueError, "do not fit"),
        (lambda: co.correlation(np.ones((2, 1)), method="kendall"), ValueError, "method"),
        (lambda: co.correlation(np.ones((2, 1)), min_pairs=1), ValueError, "min_pairs"),
        (lambda: co.correlation_flags(np.ones((2, 2)), np.ones((1, 2), bool)), ValueError, "does not fit"),
        (lambda: co.cronbach_alpha(TAI[:, :1]), ValueError, "two indicators"),
        (lambda: co.cronbach_alpha(TAI[:2]), ValueError, "at least 3 units"),
        (lambda: co.cronbach_alpha(np.column_stack([TAI, np.ones(23)])), ConstantError, "columns 8"),
        (lambda: co.cronbach_alpha(np.column_stack([TAI[:, 0], -TAI[:, 0]])), ValueError, "no bound"),
        (lambda: co.principal_components(np.ones((5, 2))), ConstantError, "columns 0, 1"),
        (lambda: co.contributions(np.ones((2, 2)), np.array([1.0])), ValueError, "do not fit"),
        (lambda: co.contributions(np.ones((2, 2)), np.zeros(2)), ValueError, "not all 0"),
        (lambda: co.contributions(np.ones((2, 2)), np.array([1.0, -1.0])), ValueError, ">= 0"),
        (lambda: co.contributions(np.zeros((2, 2)), np.ones(2), mean="geometric"), ValueError, "above 0"),
        (lambda: co.contributions(np.ones((2, 2)), np.ones(2), mean="median"), ValueError, "mean must be"),
        (lambda: co.importance(np.ones((2, 2)), np.ones(2), np.ones(3)), ValueError, "score must be"),
    ],
)
def test_misuse_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_scipy_is_imported_late():
    code = "import sys, capmap.methods.coherence; sys.exit('scipy.stats' in sys.modules or 'scipy.interpolate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_values_that_differ_in_the_last_bits_are_one_place_of_the_curve() -> None:
    """Percentiles made of twelfths and of sixths: 2/3 twice, a bit apart, through which no spline goes."""
    x = np.array(
        [0.0, 1, 2, 3.5, 4.5, 4.5, 6.5, 7, 8, 8.000000000000002, 10, 12, 11.999999999999998, 11.999999999999998]
    )
    y = np.array([27.0, -10, -19, -13, 9, 1, 12, 15, -9, -5, 8, 11, 6, 10])
    assert np.unique(x).size > np.unique(np.round(x, 9)).size
    apart, merged = (co.importance(one[:, np.newaxis], np.ones(1), y).main_effect[0] for one in (x, np.round(x, 9)))
    assert apart == pytest.approx(merged, abs=1e-9)
    assert 0 < merged < 1


def test_points_very_close_to_each_other_neither_stop_nor_bend_the_curve() -> None:
    """Through two points 1e-7 apart the equations of a spline lose all digits: the curve was refused, or ran wild."""
    rng = np.random.default_rng(0)
    for apart in 10.0 ** np.arange(-9.0, -4.0):
        x = rng.lognormal(size=60)
        x[:8] = x[8:16] + apart * np.ptp(x)
        y = x / x.std() + rng.normal(size=60)
        close, same = x.copy(), x.copy()
        same[:8] = x[8:16]
        seen, wanted = (co.importance(one[:, np.newaxis], np.ones(1), y).main_effect[0] for one in (close, same))
        assert seen == pytest.approx(wanted, abs=0.01)
