"""Normalisation and outlier treatment, against published tables, other programs and their own algebra."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from capmap.methods import normalisation as nm

NAN = float("nan")

# OECD/JRC (2008), Handbook on Constructing Composite Indicators, Table 15 (p. 87): mean years of schooling, rank
# (1 = lowest), z-score, min-max, ratio to the mean, to the best and to the worst, difference from the mean and from the
# worst, class around the mean (p = 20 %), percentile.
TABLE_15 = {
    "Finland": (10.0, 15, 0.26, 0.59, 1.04, 0.83, 1.41, 0.04, 0.41, 0, 65.2),
    "United States": (12.0, 23, 1.52, 1.00, 1.25, 1.00, 1.69, 0.25, 0.69, 1, 100.0),
    "Sweden": (11.4, 19, 1.14, 0.88, 1.19, 0.95, 1.61, 0.19, 0.61, 0, 82.6),
    "Japan": (9.5, 12, -0.06, 0.49, 0.99, 0.79, 1.34, -0.01, 0.34, 0, 52.2),
    "Korea": (10.8, 17, 0.76, 0.76, 1.13, 0.90, 1.52, 0.13, 0.52, 0, 73.9),
    "Netherlands": (9.4, 9, -0.12, 0.47, 0.98, 0.78, 1.32, -0.02, 0.32, 0, 39.1),
    "United Kingdom": (9.4, 9, -0.12, 0.47, 0.98, 0.78, 1.32, -0.02, 0.32, 0, 39.1),
    "Canada": (11.6, 20, 1.27, 0.92, 1.21, 0.97, 1.63, 0.21, 0.63, 1, 87.0),
    "Australia": (10.9, 18, 0.83, 0.78, 1.14, 0.91, 1.54, 0.14, 0.54, 0, 78.3),
    "Singapore": (7.1, 1, -1.58, 0.00, 0.74, 0.59, 1.00, -0.26, 0.00, -1, 4.3),
    "Germany": (10.2, 16, 0.38, 0.63, 1.06, 0.85, 1.44, 0.06, 0.44, 0, 69.6),
    "Norway": (11.9, 22, 1.46, 0.98, 1.24, 0.99, 1.68, 0.24, 0.68, 1, 95.7),
    "Ireland": (9.4, 9, -0.12, 0.47, 0.98, 0.78, 1.32, -0.02, 0.32, 0, 39.1),
    "Belgium": (9.3, 8, -0.19, 0.45, 0.97, 0.78, 1.31, -0.03, 0.31, 0, 34.8),
    "New Zealand": (11.7, 21, 1.33, 0.94, 1.22, 0.98, 1.65, 0.22, 0.65, 1, 91.3),
    "Austria": (8.4, 6, -0.76, 0.27, 0.88, 0.70, 1.18, -0.12, 0.18, 0, 26.1),
    "France": (7.9, 5, -1.08, 0.16, 0.82, 0.66, 1.11, -0.18, 0.11, 0, 21.7),
    "Israel": (9.6, 14, 0.00, 0.51, 1.00, 0.80, 1.35, 0.00, 0.35, 0, 60.9),
    "Spain": (7.3, 4, -1.46, 0.04, 0.76, 0.61, 1.03, -0.24, 0.03, -1, 17.4),
    "Italy": (7.2, 3, -1.52, 0.02, 0.75, 0.60, 1.01, -0.25, 0.01, -1, 13.0),
    "Czech Republic": (9.5, 12, -0.06, 0.49, 0.99, 0.79, 1.34, -0.01, 0.34, 0, 52.2),
    "Hungary": (9.1, 7, -0.31, 0.41, 0.95, 0.76, 1.28, -0.05, 0.28, 0, 30.4),
    "Slovenia": (7.1, 1, -1.58, 0.00, 0.74, 0.59, 1.00, -0.26, 0.00, -1, 4.3),
}
SCHOOLING = np.array([row[0] for row in TABLE_15.values()])


def table_15(column: int) -> np.ndarray:
    return np.array([row[column] for row in TABLE_15.values()], dtype=float)


# Handbook, Table A.2: patents, royalties, internet hosts, exports, telephones (log10), electricity (log10), university;
# then the place by equal weights (Table 23). Schooling is in TABLE_15, in the same order.
TAI = {
    "Finland": (187, 125.6, 200.2, 50.7, 3.08, 4.15, 27.4, 1),
    "United States": (289, 130.0, 179.1, 66.2, 3.00, 4.07, 13.9, 2),
    "Sweden": (271, 156.6, 125.8, 59.7, 3.10, 4.14, 15.3, 3),
    "Japan": (994, 64.6, 49.0, 80.8, 3.00, 3.86, 10.0, 4),
    "Korea": (779, 9.8, 4.8, 66.7, 2.97, 3.65, 23.2, 5),
    "Netherlands": (189, 151.2, 136.0, 50.9, 3.02, 3.77, 9.5, 6),
    "United Kingdom": (82, 134.0, 57.4, 61.9, 3.02, 3.73, 14.9, 7),
    "Canada": (31, 38.6, 108.0, 48.7, 2.94, 4.18, 14.2, 9),
    "Australia": (75, 18.2, 125.9, 16.2, 2.94, 3.94, 25.3, 10),
    "Singapore": (8, 25.5, 72.3, 74.9, 2.95, 3.83, 24.2, 8),
    "Germany": (235, 36.8, 41.2, 64.2, 2.94, 3.75, 14.4, 11),
    "Norway": (103, 20.2, 193.6, 19.0, 3.12, 4.39, 11.2, 12),
    "Ireland": (106, 110.3, 48.6, 53.6, 2.97, 3.68, 12.3, 13),
    "Belgium": (72, 73.9, 58.9, 47.6, 2.91, 3.86, 13.6, 14),
    "New Zealand": (103, 13.0, 146.7, 15.4, 2.86, 3.91, 13.1, 15),
    "Austria": (165, 14.8, 84.2, 50.3, 2.99, 3.79, 13.6, 16),
    "France": (205, 33.6, 36.4, 58.9, 2.97, 3.80, 12.6, 17),
    "Israel": (74, 43.6, 43.2, 45.0, 2.96, 3.74, 11.0, 18),
    "Spain": (42, 8.6, 21.0, 53.4, 2.86, 3.62, 15.6, 19),
    "Italy": (13, 9.8, 30.4, 51.0, 3.00, 3.65, 13.0, 20),
    "Czech Republic": (28, 4.2, 25.0, 51.7, 2.75, 3.68, 8.2, 21),
    "Hungary": (26, 6.2, 21.6, 63.5, 2.73, 3.46, 7.7, 22),
    "Slovenia": (105, 4.0, 20.3, 49.5, 2.84, 3.71, 10.6, 23),
}
NORWAY = list(TAI).index("Norway")
# UNDP (2001), Human Development Report 2001, technical note 2: observed bounds of 72 countries; telephones per 1,000
# people and kWh per head on a log scale, capped at the OECD average.
GOALPOSTS = {
    "patents": (0, 994, False),
    "royalties": (0, 272.6, False),
    "internet": (0, 232.4, False),
    "exports": (0, 80.8, False),
    "telephones": (1, 901, True),
    "electricity": (22, 6969, True),
    "university": (0.1, 27.4, False),
    "schooling": (0.8, 12.0, False),
}


def tai_columns() -> dict[str, np.ndarray]:
    """The eight indicators in their units: telephones and electricity are published as logarithms to base 10."""
    rows = np.array([row[:7] for row in TAI.values()], dtype=float)
    rows[:, 4:6] = 10 ** rows[:, 4:6]
    return dict(zip(GOALPOSTS, [*rows.T, SCHOOLING], strict=True))


def tai_scores(*, clip: bool) -> np.ndarray:
    columns = tai_columns()
    scored = [nm.goalposts(columns[k], lo, hi, log=log, clip=clip) for k, (lo, hi, log) in GOALPOSTS.items()]
    return np.mean(scored, axis=0)


class TestTable15:
    def test_every_country_and_column(self):
        mean, worst = SCHOOLING.mean(), SCHOOLING.min()
        computed = {
            1: nm.rank(SCHOOLING, best="low"),
            2: nm.z_score(SCHOOLING),
            3: nm.min_max(SCHOOLING),
            4: nm.ratio_to_mean(SCHOOLING),
            5: nm.ratio_to_best(SCHOOLING),
            6: nm.ratio_to_reference(SCHOOLING, worst),
            7: nm.distance_to_target(SCHOOLING, mean),
            8: nm.distance_to_target(SCHOOLING, worst),
            9: nm.above_below(SCHOOLING, 0.2),
            10: 100 * nm.percentile(SCHOOLING, ties="min"),
        }
        tolerance = {1: 0, 9: 0, 10: 0.05 + 1e-9}
        for column, values in computed.items():
            assert np.abs(values - table_15(column)).max() <= tolerance.get(column, 0.005 + 1e-9), column

    def test_finland(self):
        assert nm.rank(SCHOOLING, best="low")[0] == 15
        assert nm.rank(SCHOOLING)[0] == 9  # 23 + 1 - 15: nobody else has 10.0 years
        assert nm.percentile(SCHOOLING, ties="min")[0] == nm.percentile(SCHOOLING, ties="weak")[0] == 15 / 23
        assert nm.percentile(SCHOOLING)[0] == 14.5 / 23
        assert nm.z_score(SCHOOLING)[0] == pytest.approx(0.26, abs=0.005)
        assert nm.z_score(SCHOOLING, ddof=0)[0] == pytest.approx(nm.z_score(SCHOOLING)[0] * (23 / 22) ** 0.5)

    def test_ties_of_three_and_two(self):
        # Netherlands, United Kingdom and Ireland at 9.4; Japan and the Czech Republic at 9.5.
        at = {name: list(TABLE_15).index(name) for name in ("Ireland", "Japan", "Israel")}
        shared = {ties: nm.rank(SCHOOLING, ties=ties, best="low") for ties in ("min", "average", "max", "dense")}
        assert [shared[t][at["Ireland"]] for t in shared] == [9, 10, 11, 8]
        assert [shared[t][at["Japan"]] for t in shared] == [12, 12.5, 13, 9]
        assert [shared[t][at["Israel"]] for t in shared] == [14, 14, 14, 10]
        percentiles = [nm.percentile(SCHOOLING, ties=ties)[at["Ireland"]] for ties in ("min", "mid", "weak")]
        assert percentiles == [9 / 23, 9.5 / 23, 11 / 23]


class TestTechnologyAchievementIndex:
    def test_goalposts_give_the_published_ranking_of_all_23(self):
        published = [row[-1] for row in TAI.values()]
        assert nm.rank(tai_scores(clip=True)).tolist() == published

    def test_goalposts_give_the_published_index(self):
        # UNDP (2001): Finland 0.744, United States 0.733; the inputs are published with few digits.
        assert tai_scores(clip=True)[:2] == pytest.approx([0.744, 0.733], abs=0.0012)

    def test_values_above_the_cap_are_counted(self):
        columns = tai_columns()
        assert nm.outside(columns["telephones"], 1, 901) == (0, 13)
        assert nm.outside(columns["electricity"], 22, 6969) == (0, 9)
        assert all(
            nm.outside(columns[name], low, high) == (0, 0) for name, (low, high, log) in GOALPOSTS.items() if not log
        )

    def test_the_normaliser_decides_where_norway_is(self):
        capped = nm.rank(tai_scores(clip=True))[NORWAY]
        uncapped = nm.rank(tai_scores(clip=False))[NORWAY]
        columns = tai_columns()
        logged = [np.log10(v) if GOALPOSTS[k][2] else v for k, v in columns.items()]
        observed = nm.rank(np.mean([nm.min_max(v) for v in logged], axis=0))[NORWAY]
        assert (capped, uncapped, observed) == (12, 7, 4)

    def test_log_goalposts_are_goalposts_of_logarithms(self):
        phones = tai_columns()["telephones"]
        by_hand = nm.goalposts(np.log10(phones), 0.0, np.log10(901), clip=False)
        assert nm.goalposts(phones, 1, 901, log=True, clip=False) == pytest.approx(by_hand, abs=1e-12)


def test_ratio_to_best_depends_on_the_zero_of_the_unit():
    """Handbook, Table 14: A rises from 0.949 in degrees Celsius, but has 0.965 and falls in Fahrenheit."""
    celsius, humidity = np.array([35.0, 39.0]), np.array([75.0, 50.0])
    fahrenheit = celsius * 9 / 5 + 32
    assert np.mean([nm.ratio_to_best(celsius), nm.ratio_to_best(humidity)], axis=0) == pytest.approx(
        [0.949, 0.833], abs=0.0005
    )
    assert np.mean([nm.ratio_to_best(fahrenheit), nm.ratio_to_best(humidity)], axis=0) == pytest.approx(
        [0.965, 0.833], abs=0.0005
    )
    assert nm.min_max(fahrenheit) == pytest.approx(nm.min_max(celsius))


# --- properties ------------------------------------------------------------------------------------------------------

eighths = st.integers(-8_000, 8_000).map(lambda i: i / 8)  # sums and differences are exact
column = st.lists(eighths, min_size=2, max_size=30).map(np.array).filter(lambda x: np.ptp(x) > 0)
positive = st.lists(st.integers(1, 8_000).map(lambda i: i / 8), min_size=2, max_size=30).map(np.array)

# Every normaliser as a function of (x, direction) whose result is better when larger, with the columns it takes.
ANY = {
    "z_score": nm.z_score,
    "min_max": nm.min_max,
    "rank": lambda x, direction=1: nm.rank(x, best="low", direction=direction),
    "rank_average": lambda x, direction=1: nm.rank(x, ties="average", best="low", direction=direction),
    "percentile": nm.percentile,
    "percentile_weak": lambda x, direction=1: nm.percentile(x, ties="weak", direction=direction),
    "percentile_min": lambda x, direction=1: nm.percentile(x, ties="min", direction=direction),
    "distance_to_target": lambda x, direction=1: nm.distance_to_target(x, -3.0, direction=direction),
    "goalposts": lambda x, direction=1: nm.goalposts(x, -500.0, 500.0, direction=direction),
    "goalposts_open": lambda x, direction=1: nm.goalposts(x, -500.0, 500.0, clip=False, direction=direction),
    "quantile": nm.quantile,
    "quantile_normal": lambda x, direction=1: nm.quantile(x, "normal", direction=direction),
}
POSITIVE = {
    "ratio_to_mean": nm.ratio_to_mean,
    "ratio_to_best": nm.ratio_to_best,
    "ratio_to_reference": lambda x, direction=1: nm.ratio_to_reference(x, 7.0, direction=direction),
    "above_below": nm.above_below,
    "goalposts_log": lambda x, direction=1: nm.goalposts(x, 0.5, 600.0, log=True, direction=direction),
}
COARSE = {"above_below", "goalposts", "goalposts_log"}  # different values may share a result


def assert_same_order(x: np.ndarray, y: np.ndarray, *, strict: bool) -> None:
    order = np.argsort(x, kind="stable")
    for (x0, y0), (x1, y1) in pairwise(zip(x[order], y[order], strict=True)):
        if x0 == x1:
            assert y0 == y1
        else:
            assert y0 < y1 if strict else y0 <= y1


@pytest.mark.parametrize("name", [*ANY, *POSITIVE])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_order_direction_permutation_and_missing(name, data):
    x = data.draw(column if name in ANY else positive)
    f = (ANY | POSITIVE)[name]
    before = x.copy()
    up, down = f(x), f(x, direction=-1)
    strict = name not in COARSE
    assert_same_order(x, up, strict=strict)
    assert_same_order(-x, down, strict=strict)

    shuffle = np.array(data.draw(st.permutations(range(x.size))))
    assert f(x[shuffle]) == pytest.approx(up[shuffle], abs=1e-9)

    holes = np.insert(x, [0, x.size // 2, x.size], NAN)
    with_holes = f(holes)
    assert np.isnan(with_holes).tolist() == np.isnan(holes).tolist()
    assert with_holes[~np.isnan(holes)] == pytest.approx(up, abs=1e-9)

    assert up.dtype == np.float64
    assert not np.any(np.signbit(up) & (up == 0)), "minus zero"
    assert not np.shares_memory(up, x)
    assert x.tolist() == before.tolist()


@settings(max_examples=25, deadline=None)
@given(x=st.lists(st.integers(1, 4_000).map(lambda i: i / 8), min_size=5, max_size=30, unique=True).map(np.array))
@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
def test_power_keeps_order_and_standardises(method, x):
    up = nm.power(x, method)
    assert_same_order(x, up, strict=False)
    assert up.mean() == pytest.approx(0, abs=1e-9)
    assert up.std() == pytest.approx(1)
    assert nm.power(x, method, direction=-1) == pytest.approx(-up)
    assert np.isnan(nm.power([*x, NAN], method)).tolist() == [False] * x.size + [True]


@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
def test_power_divides_by_n_and_z_score_by_one_less(method):
    transform = {"box-cox": scipy.stats.boxcox, "yeo-johnson": scipy.stats.yeojohnson}[method]
    x = np.array([1.0, 3.0, 4.0, 10.0, 40.0])
    bare, _ = transform(x)
    assert nm.power(x, method) == pytest.approx(nm.z_score(bare, ddof=0), abs=1e-4)
    assert nm.power(x, method) == pytest.approx(nm.z_score(bare) * np.sqrt(5 / 4), abs=1e-4)


@given(x=column, scale=st.integers(1, 50), shift=st.integers(-1_000, 1_000))
def test_interval_scale_methods_ignore_unit_and_zero(x, scale, shift):
    y = scale * x + shift
    assert nm.z_score(y) == pytest.approx(nm.z_score(x), abs=1e-9)
    assert nm.min_max(y) == pytest.approx(nm.min_max(x), abs=1e-9)
    assert nm.rank(y).tolist() == nm.rank(x).tolist()
    assert nm.percentile(y).tolist() == nm.percentile(x).tolist()


@given(x=positive, scale=st.integers(2, 50), shift=st.integers(1, 50))
def test_ratios_ignore_the_unit_but_not_its_zero(x, scale, shift):
    assume(np.ptp(x) > 0)
    for f in (nm.ratio_to_mean, nm.ratio_to_best):
        assert f(scale * x) == pytest.approx(f(x))
        assert np.abs(f(x + shift) - f(x)).max() > 1e-6
    assert nm.ratio_to_mean(x).mean() == pytest.approx(1)


@given(x=column)
def test_bounds_and_moments(x):
    unit = nm.min_max(x)
    assert (unit.min(), unit.max()) == (0, 1)
    middle, weak = nm.percentile(x), nm.percentile(x, ties="weak")
    n = x.size
    assert middle.mean() == pytest.approx(0.5)
    assert middle.min() >= 0.5 / n
    assert middle.max() <= 1 - 0.5 / n
    assert weak.min() >= 1 / n
    assert weak.max() == 1
    assert middle + nm.percentile(x, direction=-1) == pytest.approx(np.ones(n))
    assert nm.z_score(x).mean() == pytest.approx(0, abs=1e-9)
    assert nm.z_score(x).std(ddof=1) == pytest.approx(1)
    clipped = nm.goalposts(x, -10.0, 10.0)
    assert (clipped >= 0).all()
    assert (clipped <= 1).all()
    assert nm.outside(x, -10.0, 10.0) == (sum(v < -10 for v in x), sum(v > 10 for v in x))
    assert nm.goalposts(x, -10.0, 10.0, direction=-1) == pytest.approx(1 - clipped)


@given(x=column)
def test_rank_and_percentile_against_a_loop(x):
    for i, value in enumerate(x):
        above, equal, below = sum(x > value), sum(x == value), sum(x < value)
        assert nm.rank(x)[i] == above + 1
        assert nm.rank(x, ties="max")[i] == above + equal
        assert nm.rank(x, ties="average")[i] == above + (equal + 1) / 2
        assert nm.rank(x, ties="dense")[i] == len({v for v in x if v > value}) + 1
        assert nm.rank(x, direction=-1)[i] == nm.rank(x, best="low")[i] == below + 1
        assert nm.rank(x, best="low", direction=-1)[i] == above + 1
        assert nm.percentile(x)[i] == pytest.approx((below + equal / 2) / x.size)
        assert nm.percentile(x, ties="weak")[i] == pytest.approx((below + equal) / x.size)
        assert nm.percentile(x, ties="min")[i] == pytest.approx((below + 1) / x.size)


# --- other programs --------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(x=column)
def test_against_scikit_learn_and_scipy(x):
    assert nm.z_score(x, ddof=0) == pytest.approx(StandardScaler().fit_transform(x[:, None])[:, 0], abs=1e-9)
    assert nm.min_max(x) == pytest.approx(MinMaxScaler().fit_transform(x[:, None])[:, 0], abs=1e-9)
    for ties, kind in (("mid", "mean"), ("weak", "weak")):
        assert 100 * nm.percentile(x, ties=ties) == pytest.approx(scipy.stats.percentileofscore(x, x, kind))


def test_power_against_scipy():
    for method, reference in (("box-cox", scipy.stats.boxcox), ("yeo-johnson", scipy.stats.yeojohnson)):
        patents = tai_columns()["patents"]
        assert nm.power(patents, method) == pytest.approx(scipy.stats.zscore(reference(patents)[0]), abs=1e-4)
        assert abs(nm.skewness(nm.power(patents, method))) < 0.2 < 2 < nm.skewness(patents)


def test_quantile_is_the_rank_stretched_to_the_unit_interval():
    patents = tai_columns()["patents"]  # one tie, in the middle: Norway and New Zealand, 103
    expected = (scipy.stats.rankdata(patents) - 1) / 22
    assert nm.quantile(patents) == pytest.approx(expected)
    inside = (expected > 0) & (expected < 1)
    assert nm.quantile(patents, "normal")[inside] == pytest.approx(scipy.stats.norm.ppf(expected[inside]), abs=1e-6)
    assert nm.quantile(patents, "normal")[~inside] == pytest.approx([5.1993, -5.1993], abs=1e-4)


def test_quantile_uses_every_value_of_a_long_column():
    x = np.random.default_rng(1).permutation(12_000).astype(float)  # above scikit-learn's own subsample of 10,000
    assert nm.quantile(x) == pytest.approx(x / 11_999, abs=1e-9)


# --- choices ---------------------------------------------------------------------------------------------------------


def test_direction_inverts_ratios():
    energy_use = [2.0, 4.0, NAN, 8.0]
    assert nm.ratio_to_best(energy_use, direction=-1).tolist()[:2] == [1.0, 0.5]
    assert nm.ratio_to_mean(energy_use, direction=-1)[3] == pytest.approx((14 / 3) / 8)
    assert nm.ratio_to_reference(energy_use, 4.0, direction=-1)[0] == 2.0
    with pytest.raises(ValueError, match="no inverse ratio"):
        nm.ratio_to_best([0.0, 1.0], direction=-1)


def test_a_negated_column_cannot_become_a_ratio():
    for f in (nm.ratio_to_mean, nm.ratio_to_best, nm.above_below, lambda x: nm.ratio_to_reference(x, 1.0)):
        with pytest.raises(ValueError, match="ratio scale"):
            f(nm.direct([1.0, 2.0], -1))


def test_direct():
    assert nm.direct([1.0, 0.0, NAN], -1).tolist()[:2] == [-1.0, 0.0]
    assert not np.signbit(nm.direct([0.0], -1)[0])
    x = np.array([1.0, 2.0])
    assert nm.direct(x, 1) is not x


def test_edges_of_the_neutral_band_are_neutral():
    assert nm.above_below([2.4, 3.0, 3.6]).tolist() == [0, 0, 0]  # 3.6/3 is 1.2 but for round-off
    assert nm.above_below([2.39, 3.0, 3.61]).tolist() == [-1, 0, 1]
    assert nm.above_below([2.39, 3.0, 3.61], direction=-1).tolist() == [1, 0, -1]
    assert nm.above_below([1.0, 2.0, 3.0], 0.0).tolist() == [-1, 0, 1]


def test_log_goalposts_at_zero():
    assert nm.goalposts([0.0, 1.0, 10.0, 100.0, NAN], 1.0, 10.0, log=True)[:4].tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="no logarithm"):
        nm.goalposts([0.0, 5.0], 1.0, 10.0, log=True, clip=False)
    for x, low in (([-1.0, 5.0], 1.0), ([1.0, 5.0], 0.0)):
        with pytest.raises(ValueError, match="log scale need"):
            nm.goalposts(x, low, 10.0, log=True)


def test_per_head():
    result = nm.per([10.0, 0.0, NAN, 5.0, -4.0], [2.0, 0.0, 3.0, NAN, 2.0])
    assert result.tolist()[:1] == [5.0]
    assert np.isnan(result).tolist() == [False, True, True, True, False]
    assert result[4] == -2.0
    with pytest.raises(ValueError, match="1 values other than zero stand over a denominator of zero"):
        nm.per([1.0, 0.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="below 0"):
        nm.per([1.0], [-1.0])
    with pytest.raises(ValueError, match="2 values cannot be divided by 1"):
        nm.per([1.0, 2.0], [1.0])


# --- refusals --------------------------------------------------------------------------------------------------------

CONSTANT = {
    "equal": [3.0, 3.0, 3.0],
    "equal but for missing": [3.0, NAN, 3.0],
    "single": [3.0, NAN],
    "zeros": [0.0, 0.0],
    "round-off": [0.1 + 0.2, 0.3, 0.3, 0.3],
    "round-off on a level": [1e9, 1e9 + 1e-6],
    "underflow": [0.0, 1e-80],
}
NEED_SPREAD = {
    "z_score": nm.z_score,
    "min_max": nm.min_max,
    "box_cox": nm.NORMALISERS["box_cox"],
    "yeo_johnson": nm.NORMALISERS["yeo_johnson"],
    "quantile": nm.quantile,
}


@pytest.mark.parametrize("x", CONSTANT.values(), ids=CONSTANT)
@pytest.mark.parametrize("name", NEED_SPREAD)
def test_constant_columns_are_refused(name, x):
    assert nm.is_near_constant(x)
    with pytest.raises(nm.ConstantError, match="without spread"):
        NEED_SPREAD[name](x)


@pytest.mark.parametrize("f", [nm.skewness, nm.excess_kurtosis, nm.fails_shape_rule, nm.treat])
def test_constant_columns_have_no_shape(f):
    with pytest.raises(nm.ConstantError):
        f([3.0] * 6)


def test_constant_columns_where_they_mean_something():
    x = [3.0, 3.0, NAN, 3.0]
    assert nm.rank(x).tolist()[:2] == [1, 1]
    assert nm.rank(x, ties="average")[0] == 2
    assert nm.percentile(x)[0] == 0.5
    assert nm.ratio_to_mean(x)[0] == nm.ratio_to_best(x)[0] == 1
    assert nm.above_below(x)[0] == 0
    assert nm.goalposts(x, 1.0, 5.0)[0] == 0.5


def test_small_but_real_spread_is_not_constant():
    assert not nm.is_near_constant([1e-30, 2e-30])
    assert not nm.is_near_constant([0.0, 1e-30])
    assert not nm.is_near_constant([1e9, 1e9 + 0.01])
    assert nm.z_score([1e-30, 2e-30, 3e-30]) == pytest.approx([-1, 0, 1])


CALLS = {
    "z_score": {},
    "min_max": {},
    "rank": {},
    "percentile": {},
    "ratio_to_mean": {},
    "ratio_to_best": {},
    "ratio_to_reference": {"reference": 2.0},
    "distance_to_target": {"target": 2.0},
    "goalposts": {"low": 1.0, "high": 3.0},
    "above_below": {},
    "box_cox": {},
    "yeo_johnson": {},
    "quantile": {},
}
FIXED_BOUNDS = {"ratio_to_reference", "distance_to_target", "goalposts"}


def test_every_normaliser_is_called_in_these_tests():
    assert list(nm.NORMALISERS) == list(CALLS)


@pytest.mark.parametrize("name", CALLS)
class TestEveryNormaliser:
    def test_more_is_better_except_where_it_falls(self, name):
        f, parameters = nm.NORMALISERS[name], CALLS[name]
        x = [1.5, 2.0, NAN, 9.0]
        sign = -1 if name in nm.FALLING else 1
        for direction in (1, -1):
            y = f(x, **parameters, direction=direction)
            assert sign * direction * y[3] > sign * direction * y[0]
            assert np.isnan(y).tolist() == [False, False, True, False]

    def test_infinity_is_refused(self, name):
        for bad in (np.inf, -np.inf, 1e80):
            with pytest.raises(ValueError, match="finite"):
                nm.NORMALISERS[name]([1.0, 2.0, bad], **CALLS[name])

    def test_tables_and_scalars_are_refused(self, name):
        for bad in ([[1.0, 2.0], [3.0, 4.0]], 3.0):
            with pytest.raises(ValueError, match="dimensions"):
                nm.NORMALISERS[name](bad, **CALLS[name])

    def test_nothing_to_compare(self, name):
        for empty in ([], [NAN, NAN]):
            if name in FIXED_BOUNDS:
                y = nm.NORMALISERS[name](empty, **CALLS[name])
                assert y.size == len(empty)
                assert np.isnan(y).all()
            else:
                with pytest.raises(ValueError, match="no value"):
                    nm.NORMALISERS[name](empty, **CALLS[name])

    def test_unknown_direction(self, name):
        with pytest.raises(ValueError, match="direction must be 1"):
            nm.NORMALISERS[name]([1.0, 2.0, 3.0], **CALLS[name], direction=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nm.z_score([1.0, 2.0], ddof=2), "ddof"),
        (lambda: nm.z_score([1.0, 2.0], ddof=-1), "ddof"),
        (lambda: nm.rank([1.0, 2.0], ties="ordinal"), "ties must be one of min, average, max, dense"),
        (lambda: nm.rank([1.0, 2.0], best="highest"), "best must be one of high, low"),
        (lambda: nm.percentile([1.0, 2.0], ties="strict"), "ties must be one of mid, weak, min"),
        (lambda: nm.ratio_to_mean([0.0, 0.0]), "the mean is 0.0"),
        (lambda: nm.above_below([0.0, 0.0]), "the mean is 0.0"),
        (lambda: nm.ratio_to_best([0.0, 0.0]), "the best value is 0.0"),
        (lambda: nm.ratio_to_mean([-5.0, 20.0]), "-5.0 is below 0"),
        (lambda: nm.ratio_to_reference([1.0], 0.0), "the reference is 0.0"),
        (lambda: nm.ratio_to_reference([1.0], -1.0), "the reference is -1.0"),
        (lambda: nm.ratio_to_reference([1.0], NAN), "the reference is nan"),
        (lambda: nm.distance_to_target([1.0], 0.0), "use goalposts"),
        (lambda: nm.distance_to_target([1.0], NAN), "the target must be a number"),
        (lambda: nm.goalposts([1.0], 2.0, 2.0), "low below high"),
        (lambda: nm.goalposts([1.0], 3.0, 2.0), "low below high"),
        (lambda: nm.goalposts([1.0], NAN, 2.0), "low below high"),
        (lambda: nm.outside([1.0], 3.0, 2.0), "low below high"),
        (lambda: nm.above_below([1.0, 2.0], 1.0), "p must be"),
        (lambda: nm.above_below([1.0, 2.0], -0.1), "p must be"),
        (lambda: nm.power([0.0, 1.0, 2.0], "box-cox"), "box-cox needs values above 0, and the smallest is 0.0"),
        (lambda: nm.power([1.0, 2.0], "log"), "method must be one of box-cox, yeo-johnson"),
        (lambda: nm.power([1e6, 1e6 + 1, 1e6 + 5], "yeo-johnson"), "erases the spread"),
        (lambda: nm.quantile([1.0, 2.0], "gamma"), "output must be one of uniform, normal"),
        (lambda: nm.winsorise([1.0, 2.0], 2, "high"), "n_points must be between 0 and 1"),
        (lambda: nm.winsorise([1.0, 2.0], -1, "high"), "n_points must be between 0 and 1"),
        (lambda: nm.winsorise([1.0, 2.0], 1, "both"), "tail must be one of high, low"),
        (lambda: nm.winsorise([NAN], 0, "high"), "no value"),
        (lambda: nm.skewness([1.0, 2.0]), "at least 3 values, and there are 2"),
        (lambda: nm.excess_kurtosis([1.0, 2.0, 4.0, NAN]), "at least 4 values, and there are 3"),
        (lambda: nm.treat([1.0, 2.0, 4.0]), "at least 4 values"),
        (lambda: nm.treat([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 50.0]), "5 of 8 values are equal"),
    ],
)
def test_refusals_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- outliers --------------------------------------------------------------------------------------------------------


class TestShape:
    def test_published(self):
        # COINr 1.1, documentation of Treat.numeric: 1..10, 30, 100.
        x = [*range(1, 11), 30, 100, NAN]
        assert nm.skewness(x) == pytest.approx(3.063241, abs=5e-7)
        assert nm.excess_kurtosis(x) == pytest.approx(9.741391, abs=5e-7)

    @given(x=st.lists(eighths, min_size=4, max_size=30).map(np.array).filter(lambda x: np.ptp(x) > 0))
    def test_against_the_sums(self, x):
        n, d = x.size, x - x.mean()
        s = (sum(d**2) / (n - 1)) ** 0.5
        g1 = n / ((n - 1) * (n - 2)) * sum(d**3) / s**3
        g2 = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * sum(d**4) / s**4 - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
        assert nm.skewness(x) == pytest.approx(g1, abs=1e-8)
        assert nm.excess_kurtosis(x) == pytest.approx(g2, abs=1e-8)
        assert nm.skewness(-x) == pytest.approx(-g1, abs=1e-8)
        assert nm.fails_shape_rule(x) == nm.fails_shape_rule(-x)

    def test_both_limits_must_be_reached(self):
        symmetric = [-50.0, *range(-5, 6), 50.0]  # heavy tails, no skew
        assert nm.excess_kurtosis(symmetric) > 3.5
        assert not nm.fails_shape_rule(symmetric)


class TestWinsorise:
    @given(x=column, data=st.data())
    def test_keeps_rows_and_order_and_moves_n_points(self, x, data):
        n = data.draw(st.integers(0, x.size - 1))
        tail = data.draw(st.sampled_from(["high", "low"]))
        y = nm.winsorise([*x, NAN], n, tail)
        assert y.size == x.size + 1
        assert np.isnan(y[-1])
        y = y[:-1]
        assert_same_order(x, y, strict=False)
        assert np.count_nonzero(y != x) <= n
        share = (n + 0.5) / x.size  # SciPy cuts the product to whole points, so 14 / 22 * 22 must not fall below 14
        limits = (0, share) if tail == "high" else (share, 0)
        assert np.sort(y) == pytest.approx(np.sort(scipy.stats.mstats.winsorize(x, limits=limits)))

    def test_points_are_counted_and_not_values(self):
        x = [1.0, 2.0, 9.0, 9.0]
        assert nm.winsorise(x, 1, "high").tolist() == x
        assert nm.winsorise(x, 2, "high").tolist() == [1.0, 2.0, 2.0, 2.0]
        assert nm.winsorise(x, 1, "low").tolist() == [2.0, 2.0, 9.0, 9.0]


#: Quantiles of a log-normal distribution: too skewed for five winsorised points.
LOGNORMAL = np.exp(2 * scipy.stats.norm.ppf((np.arange(100) + 0.5) / 100))


class TestTreat:
    def test_nothing_to_do(self):
        treated = nm.treat([*SCHOOLING, NAN])
        assert (treated.method, treated.n_winsorised, treated.shift) == ("none", 0, None)
        assert treated.values[:-1].tolist() == SCHOOLING.tolist()
        assert not treated.changed.any()
        assert treated.skewness_before == treated.skewness_after == nm.skewness(SCHOOLING)

    def test_winsorised_as_in_coinr(self):
        # COINr 1.1, documentation of winsorise: the 100 becomes 30, one point.
        treated = nm.treat([*range(1, 11), 30, 100])
        assert treated.values.tolist() == [*range(1, 11), 30, 30]
        assert (treated.method, treated.n_winsorised) == ("winsorised", 1)
        assert treated.changed.tolist() == [False] * 11 + [True]
        assert (treated.skewness_before, treated.kurtosis_before) == pytest.approx((3.063241, 9.741391), abs=5e-7)
        assert not nm.fails_shape_rule(treated.values)

    def test_winsorised_below(self):
        treated = nm.treat([-v for v in [*range(1, 11), 30, 100]])
        assert treated.values.tolist() == [-v for v in [*range(1, 11), 30, 30]]
        assert treated.method == "winsorised"

    def test_both_tails(self):
        x = [*np.linspace(0.0, 1.0, 38), 1000.0, -40.0]
        treated = nm.treat(x)
        assert (treated.method, treated.n_winsorised) == ("winsorised", 2)
        assert treated.changed.tolist() == [False] * 38 + [True, True]
        assert treated.values[-2:].tolist() == [1.0, 0.0]

    def test_logarithm_of_positive_values(self):
        treated = nm.treat([NAN, *LOGNORMAL])
        assert (treated.method, treated.n_winsorised, treated.shift, treated.mirrored) == ("log", 0, 0.0, False)
        assert treated.values[1:] == pytest.approx(np.log(LOGNORMAL))
        assert treated.changed.tolist() == [False] + [True] * 100

    def test_logarithm_with_a_zero_is_shifted_by_a_hundredth_of_the_range(self):
        x = np.array([0.0, *LOGNORMAL])
        treated = nm.treat(x)
        assert treated.method == "log"
        assert treated.shift == pytest.approx(LOGNORMAL.max() / 100)
        assert treated.values == pytest.approx(np.log(x + LOGNORMAL.max() / 100))
        assert_same_order(x, treated.values, strict=True)

    def test_logarithm_mirrored(self):
        x = 100.0 - LOGNORMAL
        treated = nm.treat(x)
        assert (treated.method, treated.mirrored) == ("log", True)
        assert treated.shift == pytest.approx(x.max() + np.ptp(x) / 100)
        assert treated.values == pytest.approx(-np.log(treated.shift - x))
        assert_same_order(x, treated.values, strict=True)
        assert abs(treated.skewness_after) < 2 < 6 < abs(treated.skewness_before)

    def test_failure_is_said_and_changes_nothing(self):
        x = np.exp(LOGNORMAL**0.75)  # its logarithms still have outliers
        treated = nm.treat(x)
        assert treated.method == "failed"
        assert treated.values.tolist() == x.tolist()
        assert not treated.changed.any()
        assert nm.fails_shape_rule(treated.values)

    @pytest.mark.parametrize(("n", "limit"), [(10, 1), (20, 2), (30, 3), (31, 4), (41, 5), (50, 5), (70, 5)])
    def test_as_many_points_as_allowed_are_winsorised(self, n, limit):
        x = np.linspace(10.0, 20.0, n)
        x[-limit:] = 1e4 * np.arange(1, limit + 1)
        treated = nm.treat(x)
        assert (treated.method, treated.n_winsorised) == ("winsorised", limit)
        assert np.flatnonzero(treated.changed).tolist() == list(range(n - limit, n))
        assert treated.values.max() < 20

    @pytest.mark.parametrize(("n", "limit"), [(39, 4), (50, 5), (70, 5)])
    def test_one_point_too_many_is_not_winsorised(self, n, limit):
        x = np.linspace(10.0, 20.0, n)
        x[-limit - 1 :] = 1e4
        assert nm.treat(x).method in {"log", "failed"}

    def test_round_off_is_not_what_remains(self):
        treated = nm.treat([1.0, 1.0 + 2e-14, 1.0 + 4e-14, 1.0 + 6e-14, 1.0 + 8e-14, 5.0])
        assert treated.method == "failed"

    def test_half_equal_is_still_treated(self):
        assert nm.treat([0.0, 0.0, 0.0, 1.0, 2.0, 3.0]).method == "none"

    @settings(max_examples=60, deadline=None)
    @given(x=st.lists(st.floats(-6, 6).map(lambda p: 10.0**p), min_size=4, max_size=60, unique=True).map(np.array))
    def test_what_it_promises(self, x):
        assume(not nm.is_near_constant(x))
        before = x.copy()
        treated = nm.treat(x)
        assert x.tolist() == before.tolist()
        assert treated.values.shape == x.shape
        assert np.isfinite(treated.values).all()
        assert_same_order(x, treated.values, strict=False)
        assert nm.fails_shape_rule(treated.values) == (treated.method == "failed")
        assert nm.fails_shape_rule(x) == (treated.method != "none")
        assert treated.n_winsorised <= min(5, -(-x.size // 10))
        if treated.method == "winsorised":
            assert treated.n_winsorised == np.count_nonzero(treated.changed) == np.count_nonzero(treated.values != x)


def test_import_stays_light():
    code = "import sys, capmap.methods.normalisation; print({'scipy.stats', 'sklearn', 'polars'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
