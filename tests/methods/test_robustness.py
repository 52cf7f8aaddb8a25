"""Robustness: replicates by loops, published indices and displays, what adds up, and runs that fail."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from capmap.methods import robustness as rb

NAN = float("nan")
FLAT = rb.Tree((np.zeros(3, int),))
#: Seven indicators in three pillars, the last of them with a single one, in two groups.
DEEP = rb.Tree((np.array([0, 0, 0, 1, 1, 1, 2]), np.array([0, 0, 1]), np.array([0, 0])))
NONE = np.array([-1])


def rng(seed=0):
    return np.random.default_rng(seed)


def mean_by_loops(values, weights, geometric):
    pairs = [(v, w) for v, w in zip(values, weights, strict=True) if not np.isnan(v) and w > 0]
    total = sum(w for _, w in pairs)
    if not pairs:
        return NAN
    if geometric:
        return float(np.prod([v ** (w / total) for v, w in pairs]))
    return sum(v * w / total for v, w in pairs)


def score_by_loops(values, tree, aggregation, weights):
    """One unit, one replicate, node by node."""
    below, start = list(values), 0
    for parent, geometric in zip(tree.parents, aggregation, strict=True):
        own = weights[start : start + len(parent)]
        start += len(parent)
        below = [
            mean_by_loops(
                [v for v, p in zip(below, parent, strict=True) if p == node],
                [w for w, p in zip(own, parent, strict=True) if p == node],
                geometric[node],
            )
            for node in range(len(geometric))
        ]
    return below[0]


def mixed(tree):
    """Arithmetic within pillars, geometric above."""
    first, *rest = tree.aggregation("geometric")
    return (~first, *rest)


AGGREGATIONS = {
    "arithmetic": lambda t: t.aggregation("arithmetic"),
    "geometric": lambda t: t.aggregation("geometric"),
    "mixed": mixed,
}


# --- trees and scores


@pytest.mark.parametrize("kind", AGGREGATIONS)
@pytest.mark.parametrize("tree", [FLAT, DEEP])
@settings(max_examples=60)
@given(data=st.data())
def test_scores_by_loops_with_gaps_and_weights_of_zero(kind, tree, data):
    value = st.one_of(st.just(NAN), st.integers(1, 100).map(float))
    values = data.draw(arrays(float, (3, tree.n_leaves), elements=value))
    weights = data.draw(arrays(float, (4, tree.n_weights), elements=st.integers(0, 4).map(float)))
    aggregation = AGGREGATIONS[kind](tree)
    scores = rb.tree_scores(values, tree, aggregation, weights)
    for r in range(4):
        for i in range(3):
            expected = score_by_loops(values[i], tree, aggregation, weights[r])
            assert scores[r, i] == pytest.approx(expected, rel=1e-9, nan_ok=True)
    shares = rb.effective_weights(tree, weights)
    assert_allclose(shares.sum(axis=1), np.where(np.isnan(shares).any(axis=1), NAN, 1.0))
    full = np.nan_to_num(values, nan=5.0)
    if kind == "arithmetic":
        assert_allclose(rb.tree_scores(full, tree, aggregation, weights), shares @ full.T)


@given(
    arrays(float, (2, 7), elements=st.integers(1, 50).map(float)),
    st.integers(0, 6),
    st.sampled_from(list(AGGREGATIONS)),
)
def test_a_better_indicator_never_lowers_a_score(values, leaf, kind):
    weights = rng(1).random((5, DEEP.n_weights))
    better = values.copy()
    better[:, leaf] += 3.0
    aggregation = AGGREGATIONS[kind](DEEP)
    rise = rb.tree_scores(better, DEEP, aggregation, weights) - rb.tree_scores(values, DEEP, aggregation, weights)
    assert (rise > 0).all()


def test_geometric_means_refuse_what_is_not_positive():
    with pytest.raises(ValueError, match="positive scale"):
        rb.tree_scores(np.array([[0.0, 1.0, 2.0]]), FLAT, FLAT.aggregation("geometric"), np.ones((1, 3)))


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ((), "at least one level"),
        ((np.array([0, 2]),), "each parent needs a child"),
        ((np.array([0, 1]),), "one root"),
        ((np.array([0, 1]), np.array([0])), "one parent per node"),
        ((np.array([0, -1]),), "each parent needs a child"),
    ],
)
def test_trees_that_are_none(parents, message):
    with pytest.raises(ValueError, match=message):
        rb.Tree(parents)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": np.ones(2)}, "do not fit"),
        ({"weights": np.array([1.0, -1.0, 1.0])}, ">= 0"),
        ({"weights": np.zeros(3)}, "add up to 0"),
        ({"normalisers": 0}, "at least one"),
        ({"rule": "guess"}, "rule must be"),
        ({"spread": 1.0}, "spread"),
    ],
)
def test_designs_that_are_none(options, message):
    with pytest.raises(ValueError, match=message):
        rb.Design(**({"tree": FLAT, "weights": np.ones(3)} | options))


# --- draws


@pytest.mark.parametrize("rule", ["fixed", "perturbed", "dirichlet"])
def test_what_is_drawn_does_not_depend_on_blocks_and_adds_up(rule):
    design = rb.Design(DEEP, np.arange(1.0, 13.0), 3, 2, 2, rule)
    whole = next(rb.draw_plans(design, 500, rng(7), block=500))
    parts = list(rb.draw_plans(design, 500, rng(7), block=77))
    for name in ("normaliser", "treatment", "aggregation", "left_out", "weights"):
        assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name))
    for share, parent in zip(DEEP.by_level(whole.weights), DEEP.parents, strict=True):
        for node in range(parent.max() + 1):
            assert_allclose(share[:, parent == node].sum(axis=1), 1.0)
    assert set(whole.left_out) == set(range(-1, 7))
    assert set(whole.normaliser) == {0, 1, 2}
    again = next(rb.draw_plans(design, 500, rng(7), block=500))
    assert_array_equal(again.weights, whole.weights)


def test_perturbed_weights_stay_within_their_spread():
    design = rb.Design(FLAT, np.array([1.0, 1.0, 2.0]), spread=0.25)
    drawn = rb.draw_weights(design, 4000, rng(1))
    ratio = drawn[:, 2] / drawn[:, 0] / 2
    assert 0.75 / 1.25 <= ratio.min() < 0.65
    assert 1.55 < ratio.max() <= 1.25 / 0.75


def test_dirichlet_weights_have_the_moments_of_scipy():
    nominal = np.array([0.5, 0.3, 0.2])
    drawn = rb.draw_weights(rb.Design(FLAT, 7 * nominal, rule="dirichlet", concentration=2.0), 40_000, rng(2))
    reference = stats.dirichlet(2.0 * 3 * nominal)
    assert_allclose(drawn.mean(axis=0), reference.mean(), atol=0.005)
    assert_allclose(drawn.var(axis=0), reference.var(), rtol=0.05)


def test_a_weight_of_zero_stays_zero_and_is_never_left_out():
    design = rb.Design(FLAT, np.array([1.0, 0.0, 1.0]), rule="dirichlet")
    plan = next(rb.draw_plans(design, 300, rng(3)))
    assert (plan.weights[:, 1] == 0).all()
    assert set(plan.left_out) == {-1, 0, 2}


def test_points_of_the_cube_choose_every_option_equally():
    design = rb.Design(FLAT, np.ones(3), 3, 2, 2)
    sets = rb.draw_weights(design, 4, rng(1))
    edge = (np.arange(12) + 0.5) / 12
    plan = rb.plan_at(np.column_stack([edge] * 5), design, sets)
    assert_array_equal(np.bincount(plan.normaliser), [4, 4, 4])
    assert_array_equal(np.bincount(plan.left_out + 1), [3, 3, 3, 3])
    assert_array_equal(plan.weights[::3], sets)
    assert rb.plan_at(np.ones((1, 5)), design, sets).normaliser[0] == 2  # 1 belongs to the last part
    with pytest.raises(ValueError, match="numbers in"):
        rb.plan_at(np.full((1, 5), 1.5), design, sets)


# --- ranks


def simulated(n=8, gaps=0.1, seed=5):
    values = 1.0 + 99.0 * rng(seed).random((n, 7))
    values[rng(seed + 1).random(values.shape) < gaps] = NAN
    tables = {(0, 0): values, (1, 0): values**2 / 100, (0, 1): values**0.5 * 10, (1, 1): values + 1}
    design = rb.Design(DEEP, np.arange(1.0, 13.0), 2, 2, 3)
    return tables, design, [make(DEEP) for make in AGGREGATIONS.values()]


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_ranks_over_replicates_by_loops(gaps):
    tables, design, aggregations = simulated(gaps=gaps)
    evaluate = rb.evaluator(lambda n, t: tables[n, t], DEEP, aggregations)
    plans = list(rb.draw_plans(design, 120, rng(1), block=50))
    result = rb.rank_uncertainty(evaluate, plans)
    n = 8
    counts, ahead, both = (np.zeros((n, n), int) for _ in range(3))
    for plan in plans:
        for r in range(len(plan)):
            weights = plan.weights[r].copy()
            if plan.left_out[r] >= 0:
                weights[plan.left_out[r]] = 0
            table = tables[plan.normaliser[r], plan.treatment[r]]
            s = [score_by_loops(row, DEEP, aggregations[plan.aggregation[r]], weights) for row in table]
            for i in range(n):
                if np.isnan(s[i]):
                    continue
                counts[i, sum(v > s[i] + 1e-9 for v in s)] += 1
                for j in range(n):
                    ahead[i, j] += s[i] > s[j] + 1e-9
                    both[i, j] += not np.isnan(s[j])
    assert result.replicates == 120
    assert_array_equal(result.counts, counts)
    assert_array_equal(result.ahead, ahead)
    assert_array_equal(result.both, both)


def test_the_size_of_blocks_and_the_order_of_units_change_nothing():
    tables, design, aggregations = simulated()
    order = rng(9).permutation(8)

    def run(units, block):
        evaluate = rb.evaluator(lambda n, t: tables[n, t][units], DEEP, aggregations)
        return rb.rank_uncertainty(evaluate, rb.draw_plans(design, 400, rng(1), block=block))

    one, other, turned = run(slice(None), 400), run(slice(None), 33), run(order, 400)
    for name in ("counts", "ahead", "both"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    assert_allclose(one.moves.share, other.moves.share, atol=1e-9)
    assert_array_equal(turned.counts, one.counts[order])
    assert_array_equal(turned.ahead, one.ahead[np.ix_(order, order)])
    assert_array_equal(turned.moves.most, one.moves.most[order])


def test_equal_units_share_a_rank_in_every_replicate():
    """A copy of a unit, one of them off by round-off: neither is ahead, both take the smaller rank."""
    values = rng(2).random((4, 3))
    values = np.vstack([values, values[0] + 1e-13])
    evaluate = rb.evaluator(lambda n, t: values, FLAT, [FLAT.aggregation("arithmetic")])
    result = rb.rank_uncertainty(evaluate, rb.draw_plans(rb.Design(FLAT, np.ones(3)), 300, rng(0)))
    assert_array_equal(result.counts[0], result.counts[4])
    assert result.ahead[0, 4] == result.ahead[4, 0] == 0
    assert (result.ahead + result.ahead.T <= result.both).all()
    assert rb.p_ahead(result.ahead, result.both)[0, 4] == 0


def test_a_unit_without_data_has_no_rank_and_takes_nobody_elses():
    values = rng(3).random((4, 3))
    with_empty = np.vstack([values, np.full(3, NAN)])
    design = rb.Design(FLAT, np.ones(3))

    def run(table):
        evaluate = rb.evaluator(lambda n, t: table, FLAT, [FLAT.aggregation("arithmetic")])
        return rb.rank_uncertainty(evaluate, rb.draw_plans(design, 200, rng(4)))

    alone, beside = run(values), run(with_empty)
    assert_array_equal(beside.counts[:4, :4], alone.counts)
    assert beside.counts[4].sum() == beside.both[4].sum() == beside.ahead[4].sum() == beside.ahead[:, 4].sum() == 0
    assert np.isnan(rb.rank_quantile(beside.counts, 0.5)[4])
    assert np.isnan(rb.p_top(beside.counts, 1)[4])
    assert_allclose(rb.p_top(beside.counts, 4)[:4], 1.0)
    assert beside.moves.most[4] == -1


def test_more_units_than_a_byte_counts():
    values = rng(6).random((300, 3))
    evaluate = rb.evaluator(lambda n, t: values, FLAT, [FLAT.aggregation("arithmetic")])
    plans = list(rb.draw_plans(rb.Design(FLAT, np.ones(3)), 300, rng(1)))
    result = rb.rank_uncertainty(evaluate, plans)
    scores = np.concatenate([evaluate(plan) for plan in plans])
    assert_array_equal(result.ahead[17], (scores[:, [17]] > scores + 1e-9).sum(axis=0))
    assert_array_equal(result.ahead[:, 299], (scores > scores[:, [299]] + 1e-9).sum(axis=0))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantiles_are_those_of_the_inverse_distribution(ranks, q):
    counts = np.bincount(np.array(ranks) - 1, minlength=6)[np.newaxis]
    expected = np.quantile(ranks, q, method="inverted_cdf")
    assert rb.rank_quantile(counts, q)[0] == expected
    assert rb.p_top(counts, 2)[0] == pytest.approx(np.mean(np.array(ranks) <= 2))
    assert rb.mean_shift(counts, np.array([3.0]))[0] == pytest.approx(np.mean(np.abs(np.array(ranks) - 3)))


# --- what moves a unit


def test_the_choice_that_decides_is_found():
    """The normaliser turns the order round; of the weights nothing depends."""
    values = np.array([[3.0] * 3, [2.0] * 3, [1.0] * 3])
    evaluate = rb.evaluator(lambda n, t: values if n == 0 else 4.0 - values, FLAT, [FLAT.aggregation("arithmetic")])
    moves = rb.rank_uncertainty(evaluate, rb.draw_plans(rb.Design(FLAT, np.ones(3), 2), 2000, rng(1))).moves
    normaliser, weights = rb.FACTORS.index("normaliser"), rb.FACTORS.index("weights")
    assert moves.most.tolist() == [normaliser, -1, normaliser]
    assert_allclose(moves.share[normaliser, [0, 2]], 1.0)
    assert moves.share[weights, 0] < 0.02
    assert np.isnan(moves.share[rb.FACTORS.index("treatment")]).all()  # one option only
    assert np.isnan(moves.share[:, 1]).all()  # always second
    assert_allclose(np.abs(moves.shift[normaliser, [0, 2]]), 1.0, atol=0.1)


def test_the_indicator_whose_loss_moves_a_unit_is_named():
    values = np.array([[9.0, 1.0, 1.0], [3.0, 4.0, 4.0], [2.0, 3.0, 3.5]])
    evaluate = rb.evaluator(lambda n, t: values, FLAT, [FLAT.aggregation("arithmetic")])
    moves = rb.rank_uncertainty(evaluate, rb.draw_plans(rb.Design(FLAT, np.ones(3)), 4000, rng(2))).moves
    left_out = rb.FACTORS.index("left_out")
    assert moves.most[0] == left_out
    assert moves.option[left_out, 0] == 0
    assert moves.shift[left_out, 0] > 0.5  # a worse rank


def test_weights_that_decide_are_found_and_shares_are_those_of_a_regression():
    values = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    design = rb.Design(FLAT, np.ones(3), leave_out=False)
    evaluate = rb.evaluator(lambda n, t: values, FLAT, [FLAT.aggregation("arithmetic")])
    plans = list(rb.draw_plans(design, 3000, rng(3)))
    moves = rb.rank_uncertainty(evaluate, plans).moves
    weights = np.concatenate([p.weights for p in plans])
    rank = 1.0 + (weights[:, 0] < weights[:, 1])
    x = np.column_stack([np.ones(3000), weights[:, :2]])
    residual = rank - x @ np.linalg.lstsq(x, rank, rcond=None)[0]
    adjusted = 1 - (residual @ residual / (3000 - 3)) / rank.var(ddof=1)
    assert moves.share[rb.FACTORS.index("weights"), 0] == pytest.approx(adjusted, abs=1e-9)
    assert adjusted > 0.5
    assert (moves.most == rb.FACTORS.index("weights")).all()


def test_shares_of_chance_are_about_zero():
    """Ranks drawn at random have no reason, although 8 ways to leave out are tried on 400 replicates."""
    noise = rng(8)
    result = rb.rank_uncertainty(
        lambda plan: noise.random((len(plan), 5)), rb.draw_plans(rb.Design(DEEP, np.ones(12), 3, 2, 2), 400, rng(1))
    )
    assert np.nanmean(result.moves.share) < 0.01


# --- letters


def test_letters_of_a_published_example():
    """Gramm et al. (2007), Fig. 2: of five treatments {1,5}, {2,3}, {2,5} and {3,5} differ; 1-2-4, 1-3-4 and 4-5 do not."""
    different = np.zeros((5, 5), bool)
    for i, j in ((1, 5), (2, 3), (2, 5), (3, 5)):
        different[i - 1, j - 1] = different[j - 1, i - 1] = True
    groups = rb.letter_groups(different, np.arange(5.0))
    assert rb.letters(groups).tolist() == ["ab", "a", "b", "abc", "c"]


def largest_groups_by_brute_force(different):
    n = len(different)
    alike = [
        set(some)
        for size in range(1, n + 1)
        for some in combinations(range(n), size)
        if not any(different[i, j] for i, j in combinations(some, 2))
    ]
    return {frozenset(g) for g in alike if not any(g < other for other in alike)}


@given(st.integers(0, 7).flatmap(lambda n: arrays(bool, (n, n))), st.integers(0, 100))
def test_letters_say_exactly_who_differs(upper, seed):
    different = np.triu(upper, 1)
    different |= different.T
    n = len(different)
    order = rng(seed).permutation(n).astype(float)
    groups = rb.letter_groups(different, order)
    shared = groups.astype(int) @ groups.T > 0
    assert_array_equal(shared, ~different)
    assert {frozenset(np.flatnonzero(g)) for g in groups.T} == largest_groups_by_brute_force(different)
    in_order = [tuple(g) for g in groups[np.argsort(order)].T]
    assert in_order == sorted(in_order, reverse=True)  # with the best unit, then with the second best, and so on
    turn = rng(seed + 1).permutation(n)
    assert_array_equal(rb.letter_groups(different[np.ix_(turn, turn)], order[turn]), groups[turn])


def test_nobody_or_everybody_told_apart():
    assert rb.letters(rb.letter_groups(np.zeros((3, 3), bool), np.arange(3.0))).tolist() == ["a", "a", "a"]
    n = 60
    texts = rb.letters(rb.letter_groups(~np.eye(n, dtype=bool), np.arange(float(n)))).tolist()
    assert texts[0] == "a"
    assert (texts[26], texts[51], texts[52]) == ("A", "Z", "a1")
    assert len(set(texts)) == n


def test_units_are_told_apart_at_95_percent_in_either_direction():
    p = np.array([[NAN, 0.95, 0.0], [0.05, NAN, 0.9499], [0.96, 0.01, NAN]])
    assert_array_equal(rb.told_apart(p), [[0, 1, 1], [1, 0, 0], [1, 0, 0]])
    with pytest.raises(ValueError, match="level"):
        rb.told_apart(p, level=0.5)


def test_a_display_that_cannot_be_compact_is_refused():
    different = np.kron(np.eye(8, dtype=bool), ~np.eye(3, dtype=bool))  # 3^8 largest groups
    with pytest.raises(ValueError, match="no compact display"):
        rb.letter_groups(different, np.arange(24.0))


@pytest.mark.parametrize(
    "different", [np.ones((2, 2), bool), np.array([[False, True], [False, False]]), np.zeros((2, 3), bool)]
)
def test_relations_that_are_none(different):
    with pytest.raises(ValueError, match="symmetric"):
        rb.letter_groups(different, np.arange(2.0))


# --- Sobol indices


def ishigami(points):
    """Ishigami & Homma (1990), a = 7, b = 0.1, on (-pi, pi)^3."""
    x = np.pi * (2 * points - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


FIRST, TOTAL = [0.3139, 0.4424, 0.0], [0.5576, 0.4424, 0.2437]


def test_ishigami_has_its_published_indices():
    result = rb.sobol_indices(ishigami(rb.sobol_points(4096, 3, rng(1))), 3, rng(2))
    assert_allclose(result.first[:, 0], FIRST, atol=0.015)
    assert_allclose(result.total[:, 0], TOTAL, atol=0.015)
    assert (result.runs, result.failed.tolist(), result.used[:, 0].tolist()) == (4096 * 5, [0], [4096] * 3)


def test_the_estimators_are_those_of_scipy():
    points = rb.sobol_points(64, 3, rng(3))
    y = np.column_stack([ishigami(points) + 1000.0, points @ [1.0, 2.0, 3.0]])
    ours = rb.sobol_indices(y, 3, rng(1), resamples=1)
    f = y.T.reshape(2, 5, 64)
    theirs = stats.sobol_indices(func={"f_A": f[:, 0], "f_B": f[:, 1], "f_AB": np.moveaxis(f[:, 2:], 1, 0)}, n=64)
    assert_allclose(ours.first, theirs.first_order.T, atol=1e-9)
    assert_allclose(ours.total, theirs.total_order.T, atol=1e-9)


@pytest.mark.parametrize("bad", [NAN, np.inf])
def test_one_failing_run_does_not_poison_the_indices(bad):
    points = rb.sobol_points(1024, 3, rng(1))
    y = ishigami(points)
    clean = rb.sobol_indices(y, 3, rng(2))
    for where in (5, 1024 + 9, 2 * 1024 + 100):  # a run of A, of B, and of A with the first factor from B
        broken = y.copy()
        broken[where] = bad
        result = rb.sobol_indices(broken, 3, rng(2))
        assert result.failed.tolist() == [1]
        assert_allclose(result.first, clean.first, atol=0.03)
        assert_allclose(result.total, clean.total, atol=0.03)
        assert np.isfinite([result.first_low, result.total_high]).all()
    assert result.used[:, 0].tolist() == [1023, 1024, 1024]  # only the factor whose run failed


def test_failures_of_one_output_leave_the_others_alone():
    points = rb.sobol_points(256, 3, rng(1))
    y = np.column_stack([ishigami(points), ishigami(points)])
    y[::7, 1] = NAN
    result = rb.sobol_indices(y, 3, rng(2))
    assert_allclose(result.first[:, 0], rb.sobol_indices(y[:, 0], 3, rng(2)).first[:, 0], rtol=1e-12)
    assert result.failed.tolist() == [0, np.isnan(y[:, 1]).sum()]
    assert_allclose(result.total[:, 1], TOTAL, atol=0.2)


def test_indices_by_definition_without_the_failed_base_points():
    """A base point of which every run failed is as if it had never been drawn."""
    points = rb.sobol_points(64, 2, rng(1))
    y = points[:, 0] * (1 + points[:, 1])
    y.reshape(4, 64)[:, 10] = NAN
    f = y.reshape(4, 64)[:, np.arange(64) != 10]
    f = f - f[:2].mean()
    result = rb.sobol_indices(y, 2, rng(1))
    for i in range(2):
        assert result.first[i, 0] == pytest.approx(np.mean(f[1] * (f[2 + i] - f[0])) / f[:2].var())
        assert result.total[i, 0] == pytest.approx(np.mean((f[2 + i] - f[0]) ** 2) / 2 / f[:2].var())


def test_intervals_hold_the_true_indices_about_as_often_as_they_say():
    held = np.zeros(3)
    runs = 60
    for seed in range(runs):
        result = rb.sobol_indices(ishigami(rb.sobol_points(256, 3, rng(seed))), 3, rng(seed), resamples=200)
        held += (result.total_low[:, 0] <= TOTAL) & (result.total_high[:, 0] >= TOTAL)
        assert (result.first_low < result.first_high).all()
    # Resampling takes the points for independent; a scrambled sequence is more even, so intervals are rather too wide.
    assert (held / runs > 0.8).all()


def test_an_output_that_does_not_vary_has_no_indices():
    points = rb.sobol_points(8, 2, rng(1))
    for constant in (0.0, 0.1, 1e9):
        result = rb.sobol_indices(np.full(len(points), constant), 2, rng(1))
        assert np.isnan([result.first, result.total, result.first_low, result.total_high]).all()
    nothing = rb.sobol_indices(np.full(len(points), NAN), 2, rng(1))
    assert np.isnan(nothing.total).all()
    assert nothing.failed[0] == nothing.runs == 32


def test_points_are_those_of_the_scheme():
    points = rb.sobol_points(16, 3, rng(1))
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
    points = rb.sobol_points(64, 5, rng(1))
    scores = evaluate(rb.plan_at(points, design, rb.draw_weights(design, 32, rng(2))))
    result = rb.sobol_indices(scores, 5, rng(3))
    assert_allclose(result.total, [[1, 1], [0, 0], [0, 0], [0, 0], [0, 0]], atol=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rb.sobol_points(12, 2, rng()), "power of 2"),
        (lambda: rb.sobol_points(8, 0, rng()), "factor"),
        (lambda: rb.sobol_indices(np.ones(9), 2, rng()), "do not fit"),
        (lambda: rb.sobol_indices(np.ones(8), 2, rng(), level=1.0), "level"),
        (lambda: list(rb.draw_plans(rb.Design(FLAT, np.ones(3)), 0, rng())), "one replicate"),
        (lambda: rb.rank_uncertainty(lambda plan: np.ones((1, 1)), []), "no replicate"),
        (lambda: rb.rank_quantile(np.ones((1, 1), int), 1.5), "q must be"),
        (lambda: rb.p_top(np.ones((1, 1), int), 0), "k must be"),
        (lambda: rb.letter_groups(np.zeros((2, 2), bool), np.ones(3)), "does not fit"),
        (lambda: FLAT.aggregation("median"), "mean must be"),
        (
            lambda: rb.evaluator(lambda n, t: np.ones((2, 3)), FLAT, [DEEP.aggregation("arithmetic")]),
            "arrays of lengths",
        ),
    ],
)
def test_misuse_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_table_that_does_not_fit_is_named():
    plan = rb.Plan(*(np.zeros(1, int),) * 3, NONE, np.full((1, 3), 1 / 3))
    evaluate = rb.evaluator(lambda n, t: np.ones((2, 4)), FLAT, [FLAT.aggregation("arithmetic")])
    with pytest.raises(ValueError, match=r"\(n_units, 3\)"):
        evaluate(plan)


def test_a_table_is_asked_for_once():
    asked = []

    def table(normaliser, treatment):
        asked.append((normaliser, treatment))
        return np.ones((2, 3))

    evaluate = rb.evaluator(table, FLAT, [FLAT.aggregation("arithmetic")])
    rb.rank_uncertainty(evaluate, rb.draw_plans(rb.Design(FLAT, np.ones(3), 2, 2), 200, rng(1), block=10))
    assert sorted(asked) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_scipy_stats_is_imported_late():
    code = "import sys, capmap.methods.robustness; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
