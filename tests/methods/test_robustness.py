"""Robustness: replicates by loops, published indices and displays, what adds up, and runs that fail."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from capmap.methods import aggregation
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


def test_points_of_some_factors_leave_the_others_at_the_index_itself():
    design = rb.Design(DEEP, np.arange(1.0, 13.0), 3, 2, 2)
    sets = rb.draw_weights(design, 4, rng(1))
    edge = np.array([[0.1], [0.9]])
    own = rb.plan_at(np.empty((2, 0)), design, sets, ())
    assert (own.normaliser.any(), own.treatment.any(), own.aggregation.any()) == (False, False, False)
    assert own.left_out.tolist() == [-1, -1]
    for share, nominal, parent in zip(
        DEEP.by_level(own.weights[0]), DEEP.by_level(design.weights), DEEP.parents, strict=True
    ):
        assert_allclose(share, nominal / np.bincount(parent, nominal)[parent])
    leaves = rb.plan_at(edge, design, sets, ("indicator_weights",)).weights
    above = rb.plan_at(edge, design, sets, ("node_weights",)).weights
    assert_array_equal(leaves[:, :7], sets[[0, 3], :7])
    assert_array_equal(leaves[:, 7:], own.weights[:, 7:])
    assert_array_equal(above[:, 7:], sets[[0, 3], 7:])
    assert_array_equal(above[:, :7], own.weights[:, :7])
    for wrong in (("guess",), ("normaliser", "normaliser")):
        with pytest.raises(ValueError, match="factors must be of"):
            rb.plan_at(np.zeros((1, len(wrong))), design, sets, wrong)


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


# --- formulas of their own


def nodes(tree, formula):
    """The formula in every node with several children; the others take over the score of their only one."""
    return rb.Formulas(
        tuple(
            tuple(formula if (parent == node).sum() > 1 else None for node in range(parent.max() + 1))
            for parent in tree.parents
        )
    )


def median_by_loops(values, weights):
    """Smallest value up to which half of the weight lies; the mean with the next where it is exactly half."""
    pairs = sorted((v, w) for v, w in zip(values, weights, strict=True) if not np.isnan(v) and w > 0)
    half, reached = sum(w for _, w in pairs) / 2, 0.0
    for k, (v, w) in enumerate(pairs):
        reached += w
        if abs(reached - half) < 1e-9:
            return (v + pairs[k + 1][0]) / 2
        if reached > half:
            return v
    return NAN


BY_HAND = {
    "harmonic": (aggregation.harmonic, lambda v, w: 1 / mean_by_loops(1 / np.asarray(v), w, False)),
    "median": (aggregation.median, median_by_loops),
    "mazziotta_pareto": (
        aggregation.mazziotta_pareto,
        lambda v, w: (
            2 * mean_by_loops(v, w, False) - mean_by_loops(np.square(v), w, False) / mean_by_loops(v, w, False)
        ),
    ),
}


@pytest.mark.parametrize("kind", BY_HAND)
@settings(max_examples=25)
@given(data=st.data())
def test_other_means_node_by_node_as_by_loops(kind, data):
    formula, by_hand = BY_HAND[kind]
    value = st.one_of(st.just(NAN), st.integers(50, 100).map(float))
    values = data.draw(arrays(float, (3, 7), elements=value))
    weights = data.draw(arrays(float, (4, DEEP.n_weights), elements=st.integers(0, 4).map(float)))
    found = rb.tree_scores(values, DEEP, nodes(DEEP, partial(formula, min_coverage=0.0)), weights)
    for r, i in np.ndindex(found.shape):
        below, start = list(values[i]), 0
        for parent in DEEP.parents:
            own = weights[r, start : start + len(parent)]
            start += len(parent)
            below = [
                by_hand([below[k] for k in child], own[child])
                if any(own[k] > 0 and not np.isnan(below[k]) for k in child)
                else NAN
                for child in (np.flatnonzero(parent == node) for node in range(parent.max() + 1))
            ]
        assert found[r, i] == pytest.approx(below[0], rel=1e-9, nan_ok=True)


def test_formulas_of_the_plain_means_give_their_scores():
    """Two ways to one number: the matrix product, and node by node."""
    values = 1.0 + 99.0 * rng(1).random((9, 7))
    values[rng(2).random(values.shape) < 0.2] = NAN
    weights = rng(3).random((20, DEEP.n_weights))
    weights[:5, 2] = 0.0
    weights[5:8, :3] = 0.0
    for mean in ("arithmetic", "geometric"):
        plain = rb.tree_scores(values, DEEP, DEEP.aggregation(mean), weights)
        formula = partial(aggregation.MEANS[mean], min_coverage=0.0)
        assert_allclose(rb.tree_scores(values, DEEP, nodes(DEEP, formula), weights), plain, rtol=1e-12)


@settings(max_examples=40)
@given(data=st.data())
def test_copeland_is_that_of_one_set_of_weights_after_the_other(data):
    value = st.one_of(st.just(NAN), st.integers(0, 3).map(float))
    values = data.draw(arrays(float, (5, 4), elements=value))
    weights = data.draw(arrays(float, (6, 4), elements=st.integers(0, 3).map(float)).filter(lambda w: w.sum(1).all()))
    found = rb.copeland(values, weights)
    for one, w in zip(found, weights, strict=True):
        assert_array_equal(one, aggregation.copeland(values, w, min_coverage=0.0))
    each = rb.copeland(np.broadcast_to(values, (6, 5, 4)), weights)  # as in nodes above the first
    assert_array_equal(each, found)


def test_copeland_over_all_indicators_takes_their_weights_in_the_whole():
    values, weights = rng(4).random((12, 7)), rng(5).random((30, DEEP.n_weights))
    found = rb.tree_scores(values, DEEP, rb.Flat(rb.copeland), weights)
    assert_array_equal(found, rb.copeland(values, rb.effective_weights(DEEP, weights)))
    assert_allclose(found.sum(axis=1), 0.0)  # what one wins another loses


def test_memory_of_copeland_and_formulas_is_bounded_by_blocks(monkeypatch):
    """Smaller blocks, same scores; and no formula ever gets more than a block."""
    values, weights = rng(6).random((10, 7)), rng(7).random((50, DEEP.n_weights))
    whole = rb.tree_scores(values, DEEP, rb.Flat(rb.copeland), weights)
    medians = nodes(DEEP, partial(aggregation.median, min_coverage=0.0))
    of_medians = rb.tree_scores(values, DEEP, medians, weights)
    monkeypatch.setattr(rb, "_BLOCK", 200)
    assert_array_equal(rb.tree_scores(values, DEEP, rb.Flat(rb.copeland), weights), whole)
    seen = []

    def watched(v, w):
        seen.append(len(w) * v.shape[-1] * v.shape[-2])
        return aggregation.median(v, w, min_coverage=0.0)

    assert_array_equal(rb.tree_scores(values, DEEP, nodes(DEEP, watched), weights), of_medians)
    assert max(seen) <= 200
    assert rb.block_size(DEEP, 10) * 10 * 3 <= 200  # the widest level above the indicators has 3 nodes


# --- replicates that fail


def test_failing_replicates_are_counted_and_poison_nothing():
    """A normaliser that gives no table: ranks, shares and what moves a unit are those of the other replicates alone."""
    values = rng(9).random((6, 7))
    design = rb.Design(DEEP, np.ones(12), normalisers=2)
    tables = [values, np.full(values.shape, NAN)]
    evaluate = rb.evaluator(lambda n, t: tables[n], DEEP, [DEEP.aggregation("arithmetic")])
    plans = list(rb.draw_plans(design, 400, rng(1), block=90))
    found = rb.rank_uncertainty(evaluate, plans)
    alone = rb.rank_uncertainty(evaluate, [plan.where(plan.normaliser == 0) for plan in plans])
    assert (found.replicates, found.failed) == (alone.replicates, 400 - alone.replicates)
    assert found.failed > 100
    for name in ("counts", "ahead", "both"):
        assert_array_equal(getattr(found, name), getattr(alone, name))
    assert_allclose(found.moves.share, alone.moves.share)
    assert np.isfinite(found.moves.share[rb.FACTORS.index("weights")]).any()
    assert (found.ahead + found.ahead.T <= found.both).all()


def test_no_replicate_that_runs_is_refused():
    evaluate = rb.evaluator(lambda n, t: np.full((2, 3), NAN), FLAT, [FLAT.aggregation("arithmetic")])
    with pytest.raises(ValueError, match="each of 7 replicates failed"):
        rb.rank_uncertainty(evaluate, rb.draw_plans(rb.Design(FLAT, np.ones(3)), 7, rng()))


def test_tables_are_made_positive_only_when_asked_and_only_for_geometric_means():
    values = np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
    seen = []

    def watched(v, w):
        seen.append(v)
        return aggregation.arithmetic(v, w)

    plan = rb.Plan(np.zeros(2, int), np.zeros(2, int), np.array([0, 1]), np.full(2, -1), np.full((2, 3), 1 / 3))
    kinds = [FLAT.aggregation("geometric"), nodes(FLAT, watched)]
    scores = rb.evaluator(lambda n, t: values, FLAT, kinds, positive=True)(plan)
    assert scores[0].tolist() == pytest.approx([np.prod([0.02, 1.02, 2.02]) ** (1 / 3), 1.02])
    assert scores[1].tolist() == [1.0, 1.0]
    assert_array_equal(seen[0], values)
    with pytest.raises(ValueError, match="positive scale"):
        rb.evaluator(lambda n, t: values, FLAT, kinds)(plan)


# --- misuse


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
