"""Imputation: closed forms, loops as references, what must never change, and why a gap stays one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods import imputation as imp

NAN = float("nan")
PERIODS = np.array([2010, 2011, 2013, 2014, 2018, 2019])

cells = st.one_of(st.just(NAN), st.floats(-1e6, 1e6))
tables = st.tuples(st.integers(1, 7), st.integers(1, 5)).flatmap(lambda shape: arrays(float, shape, elements=cells))
series = st.integers(1, 5).flatmap(lambda n: arrays(float, (n, PERIODS.size), elements=cells))


def correlated(n=40, m=4, gaps=0.2, seed=3):
    """Indicators that share a factor, with values missing at random, and the full table."""
    rng = np.random.default_rng(seed)
    full = rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=(n, m)) + np.arange(m)
    return np.where(rng.random(full.shape) < gaps, NAN, full), full


def expected_by_truth(x):
    """Expectation of the gaps under the very distribution that `correlated` draws from: the best there is."""
    centre, covariance = np.arange(x.shape[1]), np.ones((x.shape[1],) * 2) + 0.25 * np.eye(x.shape[1])
    filled = x.copy()
    for row in filled:
        g = np.isnan(row)
        inside = covariance[np.ix_(~g, ~g)]
        row[g] = centre[g] + covariance[np.ix_(g, ~g)] @ np.linalg.solve(inside, row[~g] - centre[~g])
    return filled


# Every method as a function of a table (units, indicators) or of series along the last axis.
TABLE = {
    "mean": imp.mean,
    "median": imp.median,
    "group_mean": lambda x, **kw: imp.group_mean(x, np.arange(len(x)) % 2, **kw),
    "row_mean": lambda x, **kw: imp.row_mean(x, np.arange(x.shape[1]) % 2, **kw),
    "em": lambda x, **kw: imp.em(x, ridge=0.01, **kw),
}


def check_contract(x, result):
    assert result.values.shape == result.imputed.shape == result.missing.shape == x.shape
    seen = ~np.isnan(x)
    assert_array_equal(result.values[seen], x[seen])  # nothing observed changes, not by a bit
    assert not result.imputed[seen].any()
    assert_array_equal(np.isnan(result.values), result.missing != "")  # a gap has a reason, a value has none
    assert_array_equal(result.imputed, ~seen & ~np.isnan(result.values))


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=60)
@given(x=tables, data=st.data())
def test_every_table_method_keeps_what_is_observed_and_says_why(name, x, data):
    before = x.copy()
    check_contract(x, TABLE[name](x))
    allowed = data.draw(arrays(bool, x.shape))
    result = TABLE[name](x, allowed=allowed)
    check_contract(x, result)
    assert not (result.imputed & ~allowed).any()
    assert (result.missing[np.isnan(x) & ~allowed] == "not_allowed").all()
    assert (result.missing[:, np.isnan(x).all(axis=0)] != "").all()
    assert_array_equal(x, before)


@pytest.mark.parametrize("method", [imp.last_observation, imp.linear])
@given(x=series)
def test_every_series_method_keeps_what_is_observed_and_says_why(method, x):
    before = x.copy()
    check_contract(x, method(x, PERIODS))
    assert_array_equal(x, before)


def test_iterative_keeps_what_is_observed():
    x, _ = correlated()
    x[:, 1], x[5] = NAN, NAN
    result = imp.iterative(x, seed=1)
    check_contract(x, result)
    assert (result.missing[:, 1] == "no_data").all()
    assert_array_equal(result.missing[5], ["no_unit_data", "no_data", "no_unit_data", "no_unit_data"])
    assert result.converged
    assert result.imputed.sum() == np.isnan(np.delete(np.delete(x, 5, 0), 1, 1)).sum()


@given(tables)
def test_mean_median_and_groups_by_loops(x):
    group = np.arange(len(x)) % 2
    mean, median, grouped = imp.mean(x), imp.median(x), imp.group_mean(x, group)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if not np.isnan(x[i, j]):
                continue
            column = [v for v in x[:, j] if not np.isnan(v)]
            peers = [v for v, g in zip(x[:, j], group, strict=True) if g == group[i] and not np.isnan(v)]
            if not column:
                assert {r.missing[i, j] for r in (mean, median, grouped)} == {"no_data"}
                continue
            assert mean.values[i, j] == pytest.approx(np.mean(column), abs=1e-6)
            assert median.values[i, j] == pytest.approx(np.median(column), abs=1e-6)
            if peers:
                assert grouped.values[i, j] == pytest.approx(np.mean(peers), abs=1e-6)
            else:
                assert grouped.missing[i, j] == "no_group_data"


def test_groups_may_have_any_codes_or_none():
    x = np.array([[1.0], [NAN], [NAN], [5.0]])
    result = imp.group_mean(x, np.array([70, 70, -1, 3]))
    assert_array_equal(result.values[:, 0], [1, 1, NAN, 5])
    assert result.missing[2, 0] == "no_group"


def test_row_mean_stays_inside_the_pillar():
    x = np.array([[0.1, NAN, 0.3, 0.9], [NAN, NAN, 0.5, 0.5], [0.0, 1.0, NAN, NAN], [NAN] * 4])
    result = imp.row_mean(x, np.array([0, 0, 0, 1]))
    assert_allclose(result.values[:3, :3], [[0.1, 0.2, 0.3], [0.5, 0.5, 0.5], [0.0, 1.0, 0.5]])
    assert result.missing[2, 3] == "no_group_data"
    assert set(result.missing[3]) == {"no_unit_data"}


def test_row_mean_does_not_make_an_indicator_nobody_has():
    result = imp.row_mean(np.array([[0.1, NAN], [0.2, NAN]]))
    assert set(result.missing[:, 1]) == {"no_data"}


@given(tables)
def test_row_mean_equals_scaling_up_the_weights_of_the_others(x):
    """An arithmetic mean over the pillar is the same whether a gap is left out or filled with the mean of the rest."""
    assume((~np.isnan(x)).any(axis=0).all() and (~np.isnan(x)).any(axis=1).all())
    assert_allclose(imp.row_mean(x).values.mean(axis=1), np.nanmean(x, axis=1), atol=1e-6)


@given(series, st.one_of(st.none(), st.integers(0, 9)))
def test_last_observation_by_loops(x, max_age):
    result = imp.last_observation(x, PERIODS, max_age=max_age)
    for i in range(len(x)):
        for t, now in enumerate(PERIODS):
            found = [(p, x[i, s]) for s, p in enumerate(PERIODS[: t + 1]) if not np.isnan(x[i, s])]
            if found and (max_age is None or now - found[-1][0] <= max_age):
                source, value = found[-1]
                assert (result.values[i, t], result.source[i, t], result.age[i, t]) == (value, source, now - source)
                assert result.imputed[i, t] == (source != now)
            else:
                assert np.isnan([result.values[i, t], result.source[i, t], result.age[i, t]]).all()
                empty = np.isnan(x[i]).all()
                assert result.missing[i, t] == ("no_data" if empty else "too_old" if found else "no_earlier")


@given(series)
def test_linear_is_what_numpy_interpolates_inside_and_nothing_outside(x):
    result = imp.linear(x, PERIODS)
    for row, values, missing in zip(x, result.values, result.missing, strict=True):
        seen = ~np.isnan(row)
        if not seen.any():
            assert set(missing) == {"no_data"}
            continue
        expected = np.interp(PERIODS, PERIODS[seen], row[seen], left=NAN, right=NAN)
        assert_allclose(values, expected, atol=1e-6)
        assert set(missing[np.isnan(expected)]) <= {"outside_span"}


def test_series_of_a_panel_keep_their_shape():
    x = np.full((2, 3, 4), NAN)
    x[0, 1, [0, 3]] = 1.0, 4.0
    assert_allclose(imp.linear(x, np.arange(4)).values[0, 1], [1, 2, 3, 4])
    assert_array_equal(imp.last_observation(x, np.arange(4)).values[0, 1], [1, 1, 1, 4])


def test_em_of_a_monotone_table_is_the_factored_likelihood():
    """Anderson (1957), JASA 52(278), 200-203: with y missing for some units only, the maximum has a closed form."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    y = 3.0 + 2.0 * x + rng.normal(size=30)
    table = np.column_stack([x, np.where(np.arange(30) < 20, y, NAN)])
    slope, intercept = np.polyfit(x[:20], y[:20], 1)
    residual = np.var(y[:20] - intercept - slope * x[:20])
    result = imp.em(table)
    assert result.converged
    assert_allclose(result.values[20:, 1], intercept + slope * x[20:], atol=1e-6)
    assert_allclose(result.mean, [x.mean(), intercept + slope * x.mean()], atol=1e-6)
    assert_allclose(result.covariance[0], [x.var(), slope * x.var()], atol=1e-6)
    assert result.covariance[1, 1] == pytest.approx(residual + slope**2 * x.var(), abs=1e-6)


def test_em_is_a_maximum_of_the_observed_likelihood():
    from scipy.stats import multivariate_normal

    x, _ = correlated()
    result = imp.em(x)

    def log_likelihood(mean, covariance):
        total = 0.0
        for row in x:
            s = ~np.isnan(row)
            if s.any():
                total += multivariate_normal.logpdf(row[s], mean[s], covariance[np.ix_(s, s)])
        return total

    best = log_likelihood(result.mean, result.covariance)
    rng = np.random.default_rng(1)
    for _ in range(40):
        step = 0.02 * rng.normal(size=(4, 4))
        moved = log_likelihood(result.mean + 0.02 * rng.normal(size=4), result.covariance + (step + step.T) / 2)
        assert moved < best


def test_em_without_gaps_is_the_sample():
    _, full = correlated()
    result = imp.em(full)
    assert_allclose(result.mean, full.mean(axis=0))
    assert_allclose(result.covariance, np.cov(full.T, ddof=0))
    assert not result.imputed.any()


@pytest.mark.parametrize("method", ["em", "iterative"])
def test_models_come_near_the_truth_and_ignore_units_of_measurement(method):
    x, full = correlated(n=80)
    f = {"em": imp.em, "iterative": lambda t, **kw: imp.iterative(t, seed=5, **kw)}[method]
    result = f(x)
    gap = result.imputed
    assert gap.sum() > 30
    error, oracle = np.abs(result.values - full)[gap].mean(), np.abs(expected_by_truth(x) - full)[gap].mean()
    assert error < 1.15 * oracle < np.abs(imp.mean(x).values - full)[gap].mean()
    scale, shift = np.array([1e-3, 1.0, 1e6, 7.0]), np.array([0.0, 5.0, -1e3, 2.0])
    assert_allclose((f(x * scale + shift).values - shift) / scale, result.values, atol=1e-3)
    bounded = f(x, bounded=True).values
    assert ((bounded >= np.nanmin(x, axis=0)) & (bounded <= np.nanmax(x, axis=0)))[gap].all()


def test_em_permutes_with_units():
    x, _ = correlated()
    order = np.random.default_rng(2).permutation(len(x))
    assert_allclose(imp.em(x[order]).values, imp.em(x).values[order], atol=1e-7)


def test_em_with_a_copy_of_an_indicator_finds_the_copy():
    x, _ = correlated(gaps=0.0)
    x = np.column_stack([x, 2.0 * x[:, 0] + 1.0])
    truth = x[3, 4]
    x[3, 4] = NAN
    assert imp.em(x).values[3, 4] == pytest.approx(truth, abs=1e-5)


def test_em_says_when_it_did_not_arrive_and_when_it_cannot_start():
    x, _ = correlated()
    assert not imp.em(x, iterations=2).converged
    with pytest.raises(ValueError, match=r"4 units with data are too few for a covariance of 4 indicators"):
        imp.em(x[:4])
    assert np.isfinite(imp.em(x[:4], ridge=0.1).values).all()


def test_iterative_is_seeded_and_warns_when_it_did_not_arrive():
    from sklearn.exceptions import ConvergenceWarning

    x, _ = correlated()
    assert_array_equal(imp.iterative(x, seed=9).values, imp.iterative(x, seed=9).values)
    with pytest.warns(ConvergenceWarning):
        result = imp.iterative(x, seed=9, tolerance=1e-300, iterations=2)
    assert (result.converged, result.iterations) == (False, 2)


def test_constant_columns_and_single_indicators():
    x = np.column_stack([np.arange(6.0), np.where(np.arange(6) == 2, NAN, 7.0)])
    assert imp.em(x).values[2, 1] == pytest.approx(7.0)
    assert imp.iterative(x, seed=1).values[2, 1] == pytest.approx(7.0)
    alone = np.array([[1.0], [NAN], [3.0]])
    assert imp.em(alone).missing[1, 0] == "no_unit_data"


def test_tables_without_anything():
    empty = np.full((3, 2), NAN)
    for result in (*(f(empty) for f in TABLE.values()), imp.iterative(empty, seed=0)):
        assert (result.missing != "").all()
        assert np.isnan(result.values).all()
    assert imp.mean(np.empty((0, 2))).values.shape == (0, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: imp.mean(np.ones(3)), "must be a table"),
        (lambda: imp.mean(np.array([[np.inf]])), "finite"),
        (lambda: imp.mean(np.ones((2, 2)), allowed=np.ones((2, 2))), "bools of the shape"),
        (lambda: imp.group_mean(np.ones((2, 2)), np.array([0])), "one integer code per unit"),
        (lambda: imp.group_mean(np.ones((2, 2)), np.array([0, -2])), ">= 0, or -1"),
        (lambda: imp.row_mean(np.ones((2, 2)), np.array([0.0, 1.0])), "one integer code"),
        (lambda: imp.linear(np.ones(3), np.array([1, 1, 2])), "rise strictly"),
        (lambda: imp.linear(np.ones(3), np.array([1, 2])), "do not fit"),
        (lambda: imp.linear(np.array([np.inf]), np.array([1])), "finite"),
        (lambda: imp.last_observation(np.ones(1), np.array([1]), max_age=-1), "max_age"),
        (lambda: imp.em(np.ones((2, 1)), ridge=-1.0), "ridge"),
        (lambda: imp.iterative(np.ones((2, 1)), seed=-1), "seed"),
    ],
)
def test_misuse_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_names_a_user_gives():
    assert set(imp.TABLE_IMPUTERS) == {"mean", "median", "group_mean", "row_mean", "em", "iterative"}
    assert set(imp.SERIES_IMPUTERS) == {"last_observation", "linear"}


def test_scikit_learn_is_imported_late():
    code = "import sys, capmap.methods.imputation; sys.exit('sklearn' in sys.modules or 'scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
