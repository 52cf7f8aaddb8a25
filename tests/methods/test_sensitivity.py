"""Sobol indices: published ones, those of SciPy, runs that fail, and the index as the model."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from capmap.methods import robustness as rb
from capmap.methods import sensitivity as sn

NAN = float("nan")
FLAT = rb.Tree((np.zeros(3, int),))
#: Seven indicators in three pillars, the last of them with a single one, in two groups.
DEEP = rb.Tree((np.array([0, 0, 0, 1, 1, 1, 2]), np.array([0, 0, 1]), np.array([0, 0])))


def rng(seed=0):
    return np.random.default_rng(seed)


def ishigami(points):
    """Ishigami & Homma (1990), a = 7, b = 0.1, on (-pi, pi)^3."""
    x = np.pi * (2 * points - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


FIRST, TOTAL = [0.3139, 0.4424, 0.0], [0.5576, 0.4424, 0.2437]


def test_ishigami_has_its_published_indices():
    result = sn.sobol_indices(ishigami(sn.sobol_points(4096, 3, rng(1))), 3, rng(2))
    assert_allclose(result.first[:, 0], FIRST, atol=0.015)
    assert_allclose(result.total[:, 0], TOTAL, atol=0.015)
    assert (result.runs, result.failed.tolist(), result.used[:, 0].tolist()) == (4096 * 5, [0], [4096] * 3)


def test_the_estimators_are_those_of_scipy():
    points = sn.sobol_points(64, 3, rng(3))
    y = np.column_stack([ishigami(points) + 1000.0, points @ [1.0, 2.0, 3.0]])
    ours = sn.sobol_indices(y, 3, rng(1), resamples=1)
    f = y.T.reshape(2, 5, 64)
    theirs = stats.sobol_indices(func={"f_A": f[:, 0], "f_B": f[:, 1], "f_AB": np.moveaxis(f[:, 2:], 1, 0)}, n=64)
    assert_allclose(ours.first, theirs.first_order.T, atol=1e-9)
    assert_allclose(ours.total, theirs.total_order.T, atol=1e-9)


@pytest.mark.parametrize("bad", [NAN, np.inf])
def test_one_failing_run_does_not_poison_the_indices(bad):
    points = sn.sobol_points(1024, 3, rng(1))
    y = ishigami(points)
    clean = sn.sobol_indices(y, 3, rng(2))
    for where in (5, 1024 + 9, 2 * 1024 + 100):  # a run of A, of B, and of A with the first factor from B
        broken = y.copy()
        broken[where] = bad
        result = sn.sobol_indices(broken, 3, rng(2))
        assert result.failed.tolist() == [1]
        assert_allclose(result.first, clean.first, atol=0.03)
        assert_allclose(result.total, clean.total, atol=0.03)
        assert np.isfinite([result.first_low, result.total_high]).all()
    assert result.used[:, 0].tolist() == [1023, 1024, 1024]  # only the factor whose run failed


def test_failures_of_one_output_leave_the_others_alone():
    points = sn.sobol_points(256, 3, rng(1))
    y = np.column_stack([ishigami(points), ishigami(points)])
    y[::7, 1] = NAN
    result = sn.sobol_indices(y, 3, rng(2))
    assert_allclose(result.first[:, 0], sn.sobol_indices(y[:, 0], 3, rng(2)).first[:, 0], rtol=1e-12)
    assert result.failed.tolist() == [0, np.isnan(y[:, 1]).sum()]
    assert_allclose(result.total[:, 1], TOTAL, atol=0.2)


def test_indices_by_definition_without_the_failed_base_points():
    """A base point of which every run failed is as if it had never been drawn."""
    points = sn.sobol_points(64, 2, rng(1))
    y = points[:, 0] * (1 + points[:, 1])
    y.reshape(4, 64)[:, 10] = NAN
    f = y.reshape(4, 64)[:, np.arange(64) != 10]
    f = f - f[:2].mean()
    result = sn.sobol_indices(y, 2, rng(1))
    for i in range(2):
        assert result.first[i, 0] == pytest.approx(np.mean(f[1] * (f[2 + i] - f[0])) / f[:2].var())
        assert result.total[i, 0] == pytest.approx(np.mean((f[2 + i] - f[0]) ** 2) / 2 / f[:2].var())


def test_intervals_hold_the_true_indices_about_as_often_as_they_say():
    held = np.zeros(3)
    runs = 60
    for seed in range(runs):
        result = sn.sobol_indices(ishigami(sn.sobol_points(256, 3, rng(seed))), 3, rng(seed), resamples=200)
        held += (result.total_low[:, 0] <= TOTAL) & (result.total_high[:, 0] >= TOTAL)
        assert (result.first_low < result.first_high).all()
    # Resampling takes the points for independent; a scrambled sequence is more even, so intervals are rather too wide.
    assert (held / runs > 0.8).all()


def test_an_output_that_does_not_vary_has_no_indices():
    points = sn.sobol_points(8, 2, rng(1))
    for constant in (0.0, 0.1, 1e9):
        result = sn.sobol_indices(np.full(len(points), constant), 2, rng(1))
        assert np.isnan([result.first, result.total, result.first_low, result.total_high]).all()
    nothing = sn.sobol_indices(np.full(len(points), NAN), 2, rng(1))
    assert np.isnan(nothing.total).all()
    assert nothing.failed[0] == nothing.runs == 32


def test_points_are_those_of_the_scheme():
    points = sn.sobol_points(16, 3, rng(1))
    a, b, *mixed = points.reshape(5, 16, 3)
    for i, block in enumerate(mixed):
        for j in range(3):
            assert_array_equal(block[:, j], (b if i == j else a)[:, j])
    assert not np.array_equal(a, b)
    assert ((points >= 0) & (points < 1)).all()
    for column in np.concatenate([a, b], axis=1).T:  # each sixteenth is hit once
        assert sorted((column * 16).astype(int)) == list(range(16))


def test_an_index_from_the_points_of_the_design():
    """All parts together: the factor that alone changes the table alone has an index."""
    values = np.array([[3.0] * 3, [1.0] * 3])
    evaluate = rb.evaluator(lambda n, t: values if n == 0 else 4.0 - values, FLAT, [FLAT.aggregation("arithmetic")])
    design = rb.Design(FLAT, np.ones(3), normalisers=2)
    points = sn.sobol_points(64, 5, rng(1))
    scores = evaluate(rb.plan_at(points, design, rb.draw_weights(design, 32, rng(2))))
    result = sn.sobol_indices(scores, 5, rng(3))
    assert_allclose(result.total, [[1, 1], [0, 0], [0, 0], [0, 0], [0, 0]], atol=0.15)


# --- the ranks of an index


def g_function(points, a):
    """Saltelli & Sobol' (1995): product of (|4 x - 2| + a)/(1 + a)."""
    return np.prod((np.abs(4 * points - 2) + a) / (1 + a), axis=1)


def test_the_g_function_has_its_analytic_indices():
    a = np.array([0.0, 1.0, 9.0])
    part = 1 / (3 * (1 + a) ** 2)
    variance = np.prod(1 + part) - 1
    result = sn.sobol_indices(g_function(sn.sobol_points(4096, 3, rng(1)), a), 3, rng(2), resamples=50)
    assert_allclose(result.first[:, 0], part / variance, atol=0.02)
    assert_allclose(result.total[:, 0], part * np.prod(1 + part) / (1 + part) / variance, atol=0.02)


def made(n_units=6, gaps=0.0):
    """An index with three tables, two means and an indicator to leave out, and its own ranks."""
    values = 1.0 + 99.0 * rng(3).random((n_units, 7))
    values[rng(4).random(values.shape) < gaps] = NAN
    tables = [values, values**2 / 100, 10 * values**0.5]
    design = rb.Design(DEEP, np.arange(1.0, 13.0), 3, 1, 2)
    evaluate = rb.evaluator(
        lambda n, t: tables[n], DEEP, [DEEP.aggregation("arithmetic"), DEEP.aggregation("geometric")]
    )
    own = rb.plan_at(np.empty((1, 0)), design, np.ones((1, 12)), ())
    return design, evaluate, rb.ranked_rows(evaluate(own))[0]


def test_factors_are_those_that_vary():
    weights = np.ones(DEEP.n_weights)
    assert sn.varying(rb.Design(DEEP, weights, 2, 2, 2)) == sn.FACTORS
    assert sn.varying(rb.Design(DEEP, weights, rule="fixed", leave_out=False)) == ()
    assert sn.varying(rb.Design(FLAT, np.ones(3), leave_out=False)) == ("indicator_weights",)
    lonely = rb.Tree((np.array([0, 1]), np.array([0, 0])))  # two pillars of one indicator each
    assert sn.varying(rb.Design(lonely, np.ones(4), leave_out=False)) == ("node_weights",)
    one_weight = np.array([1.0, 0.0, 0.0])
    assert sn.varying(rb.Design(FLAT, one_weight)) == ("left_out",)


def test_indices_of_an_index_are_those_of_its_runs():
    """The same points, evaluated one by one with the nominal rank taken off by hand."""
    design, evaluate, nominal = made(gaps=0.1)
    found = sn.rank_sensitivity(evaluate, design, nominal, 32, rng(7), block=9)
    assert found.factors == ("normaliser", "indicator_weights", "node_weights", "aggregation", "left_out")
    for_points, for_weights, for_bootstrap = rng(7).spawn(3)
    points = sn.sobol_points(32, 5, for_points)
    sets = rb.draw_weights(design, 32, for_weights)
    ranks = []
    for point in points:
        score = evaluate(rb.plan_at(point[np.newaxis], design, sets, found.factors))[0]
        ranks.append([1 + (score > one + 1e-9).sum() for one in score])
    outputs = np.column_stack([ranks, np.abs(np.array(ranks) - nominal).mean(axis=1)])
    expected = sn.sobol_indices(outputs, 5, for_bootstrap)
    assert found.indices.runs == 32 * 7
    for name in ("first", "total", "first_low", "total_high"):
        assert_allclose(getattr(found.indices, name), getattr(expected, name), rtol=1e-9, atol=1e-12)


def test_seed_blocks_and_order_of_units():
    design, evaluate, nominal = made()
    one = sn.rank_sensitivity(evaluate, design, nominal, 64, rng(1), block=1000).indices
    same = sn.rank_sensitivity(evaluate, design, nominal, 64, rng(1), block=17).indices
    other = sn.rank_sensitivity(evaluate, design, nominal, 64, rng(2)).indices
    assert_array_equal(one.total, same.total)
    assert not np.allclose(one.total, other.total, equal_nan=True)
    order = rng(5).permutation(6)
    turned = sn.rank_sensitivity(lambda plan: evaluate(plan)[:, order], design, nominal[order], 64, rng(1)).indices
    assert_allclose(turned.total[:, :-1], one.total[:, :-1][:, order], rtol=1e-9)
    assert_allclose(turned.total[:, -1], one.total[:, -1], rtol=1e-9)


def test_many_outputs_in_parts_are_those_at_once(monkeypatch):
    y = rng(1).random((8 * 5, 30))
    y[3, 4] = NAN
    whole = sn.sobol_indices(y, 3, rng(2), resamples=40)
    monkeypatch.setattr(sn, "_BLOCK", 600)
    parts = sn.sobol_indices(y, 3, rng(2), resamples=40)
    for name in ("first", "total", "first_low", "total_high", "used", "failed"):
        assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)


def test_runs_without_a_table_are_failures_and_the_rest_still_has_indices():
    design, evaluate, nominal = made()

    def some(plan):
        scores = evaluate(plan)
        scores[(plan.left_out == 2) & (plan.normaliser == 1)] = NAN
        return scores

    clean = sn.rank_sensitivity(evaluate, design, nominal, 512, rng(1)).indices
    found = sn.rank_sensitivity(some, design, nominal, 512, rng(1)).indices
    assert (found.failed > 0).all()
    assert len(set(found.failed.tolist())) == 1
    assert found.failed[-1] < 0.1 * found.runs
    known = ~np.isnan(clean.total)
    assert np.isfinite(found.total[known]).all()
    assert_allclose(found.total[:, -1], clean.total[:, -1], atol=0.15)


def test_a_unit_without_a_rank_fails_alone():
    """The mean shift goes over those that have one."""
    design, evaluate, nominal = made()

    def without_last(plan):
        scores = evaluate(plan)
        scores[plan.left_out == 0, -1] = NAN
        return scores

    found = sn.rank_sensitivity(without_last, design, nominal, 64, rng(1)).indices
    assert found.failed[-2] > 0
    assert (np.delete(found.failed, -2) == 0).all()


def test_nothing_that_varies_is_refused():
    design = rb.Design(FLAT, np.ones(3), rule="fixed", leave_out=False)
    with pytest.raises(ValueError, match="nothing varies"):
        sn.rank_sensitivity(lambda plan: np.ones((len(plan), 2)), design, np.ones(2), 8, rng())
    free = rb.Design(FLAT, np.ones(3))
    with pytest.raises(ValueError, match="do not fit"):
        sn.rank_sensitivity(lambda plan: np.ones((len(plan), 2)), free, np.ones(3), 8, rng())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sn.sobol_points(12, 2, rng()), "power of 2"),
        (lambda: sn.sobol_points(8, 0, rng()), "factor"),
        (lambda: sn.sobol_indices(np.ones(9), 2, rng()), "do not fit"),
        (lambda: sn.sobol_indices(np.ones(8), 2, rng(), level=1.0), "level"),
    ],
)
def test_misuse_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
