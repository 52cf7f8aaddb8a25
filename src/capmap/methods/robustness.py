"""Robustness of a composite index: how far its ranks depend on choices that could have been made otherwise.

A `Tree` says which indicator (leaf) belongs to which pillar, and so on up to the index. A `Plan` holds replicates of the
index, each a complete set of choices: normaliser, treatment of outliers, weights, aggregation, and which indicator is left
out. Plans come from `draw_plans` (Monte Carlo) or from `plan_at` (points of a design, for Sobol indices); `evaluator`
turns them into scores, many replicates in one matrix product, and `rank_uncertainty` adds ranks up block by block, so that
memory does not grow with the number of replicates.

The rules throughout:

- Weights count among siblings: children of one node share it in proportion. A child that is missing, or has weight 0,
  leaves its share to the others; a node without any is missing itself, and passes that on upwards. Which units have
  enough data to be scored at all is decided before (`capmap.methods.coherence.screen`).
- Aggregation is the weighted arithmetic or geometric mean of each node's children. A geometric mean needs values above 0:
  give all normalised tables a positive scale, such as 1 to 100. It is refused otherwise, never shifted in silence.
- Rank 1 is the highest score. Neighbours in order whose scores differ by no more than `tie` share the smaller rank
  (`capmap.methods.ranking.ranked`). Units without a score have no rank, and do not move that of others.

The standard sources are OECD/JRC (2008), Handbook on Constructing Composite Indicators, Part 2, step 7, and Saisana,
Saltelli & Tarantola (2005), Journal of the Royal Statistical Society A 168(2), 307-323.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from capmap.methods.ranking import ranked

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]
WeightRule = Literal["fixed", "perturbed", "dirichlet"]
Mean = Literal["arithmetic", "geometric"]
Aggregation = tuple[Bools, ...]
Table = Callable[[int, int], Floats]

#: What a replicate chooses, in the order of the columns of a design.
FACTORS: Final = ("normaliser", "treatment", "weights", "aggregation", "left_out")
#: Scores that differ by no more than this are equal.
TIE: Final = 1e-9
#: Share by which a weight moves up or down at most under the rule `perturbed`.
SPREAD: Final = 0.25
#: Share of replicates with one unit ahead of the other from which the two are told apart.
TOLD_APART: Final = 0.95
#: Most letter groups: beyond it a display says nothing.
MAX_GROUPS: Final = 1000
#: Numbers in the largest array of a block: 16 MB.
_BLOCK = 2**21
#: Cells with gaps that are corrected together.
_CELLS = 256
#: Bytes of the largest array of comparisons.
_COMPARED = 2**22


@dataclass(frozen=True, eq=False)
class Tree:
    """The hierarchy of an index, from the leaves up.

    `parents[l]` (n_l,) holds for each node of level l, level 0 being the indicators, the place of its parent in level
    l + 1; in the last array all are 0, the index. A node that hangs higher up has a chain of nodes with a single child.
    Weights of a tree are one per node but the index, leaves first, level by level: (n_weights,).

    >>> Tree((np.array([0, 0, 1]), np.array([0, 0]))).sizes
    (3, 2, 1)
    """

    parents: tuple[Ints, ...]
    sizes: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.parents:
            raise ValueError("a tree has at least one level of children")
        above = [int(p.max(initial=-1)) + 1 for p in self.parents]
        sizes = (self.parents[0].size, *above)
        for level, parent in enumerate(self.parents):
            if parent.shape != (sizes[level],) or not np.array_equal(np.unique(parent), np.arange(above[level])):
                raise ValueError(f"level {level}: one parent per node is needed, and each parent needs a child")
        if sizes[-1] != 1:
            raise ValueError(f"a tree has one root, not {sizes[-1]}")
        object.__setattr__(self, "sizes", sizes)

    @property
    def n_leaves(self) -> int:
        """Number of indicators."""
        return self.sizes[0]

    @property
    def n_weights(self) -> int:
        """Number of nodes but the index."""
        return sum(self.sizes[:-1])

    def by_level(self, weights: Floats) -> list[Floats]:
        """The (..., n_weights) array as one (..., n_l) view per level."""
        ends = np.cumsum(self.sizes[:-1])
        return [weights[..., end - size : end] for end, size in zip(ends, self.sizes, strict=False)]

    def aggregation(self, mean: Mean) -> Aggregation:
        """The same mean in every node: per level above the leaves a (n_l,) array that is true where it is geometric."""
        if mean not in get_args(Mean):
            raise ValueError(f"mean must be one of {', '.join(get_args(Mean))}, not {mean!r}")
        return tuple(np.full(size, mean == "geometric") for size in self.sizes[1:])


@dataclass(frozen=True, eq=False)
class Design:
    """What may be chosen: how many normalisers, treatments and aggregations, and how weights vary.

    `weights` (n_weights,) are the nominal ones, >= 0. Rules: `fixed`, as they are; `perturbed`, each times an independent
    number between 1 - `spread` and 1 + `spread`, uniform; `dirichlet`, the shares of siblings from a Dirichlet distribution
    with the nominal ones as its mean and as many pseudo-counts as there are siblings with a weight, times `concentration`:
    1 with equal weights makes all sets of weights equally likely, more draws them together. With `leave_out` a replicate
    leaves out nothing or one of the indicators of weight above 0, each of these with the same probability.
    """

    tree: Tree
    weights: Floats
    normalisers: int = 1
    treatments: int = 1
    aggregations: int = 1
    rule: WeightRule = "perturbed"
    spread: float = SPREAD
    concentration: float = 1.0
    leave_out: bool = True

    def __post_init__(self) -> None:
        if self.weights.shape != (self.tree.n_weights,):
            raise ValueError(f"weights {self.weights.shape} do not fit the {self.tree.n_weights} nodes of the tree")
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise ValueError("weights must be finite and >= 0")
        if not all((sums > 0).all() for sums in _sibling_sums(self.tree, self.weights)):
            raise ValueError("the weights of the children of a node add up to 0")
        if min(self.normalisers, self.treatments, self.aggregations) < 1:
            raise ValueError("there must be at least one normaliser, treatment and aggregation")
        if self.rule not in get_args(WeightRule):
            raise ValueError(f"rule must be one of {', '.join(get_args(WeightRule))}, not {self.rule!r}")
        if not (0 <= self.spread < 1 and self.concentration > 0):
            raise ValueError("spread must be in [0, 1) and concentration above 0")

    @property
    def candidates(self) -> Ints:
        """What may be left out: -1, nothing, and the indicators of weight above 0."""
        leaves = np.flatnonzero(self.weights[: self.tree.n_leaves] > 0) if self.leave_out else np.empty(0, np.intp)
        return np.concatenate([[-1], leaves]).astype(np.intp)


@dataclass(frozen=True, eq=False)
class Plan:
    """Replicates of an index, r of them.

    `normaliser`, `treatment` and `aggregation` (r,) are codes from 0; `left_out` (r,) is the place of an indicator, or -1;
    `weights` (r, n_weights) add up to 1 among siblings, the indicator left out still among them.
    """

    normaliser: Ints
    treatment: Ints
    aggregation: Ints
    left_out: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.normaliser)


@dataclass(frozen=True, eq=False)
class Moves:
    """Which choice moves each unit, by the order of `FACTORS`.

    `share` (n_factors, n_units) is the share of the variance of a unit's rank that a choice explains by itself, corrected
    for chance and at least 0: of the means by option, or for weights of a linear regression on them. NaN for a choice that
    has only one option, for a rank that never varies, and for the weights of a unit that some replicates leave unranked.
    `shift` (n_factors, n_units) is the largest distance of the mean rank under one option from the mean rank over all,
    above 0 towards a worse rank, and `option` the code of that option (left out: the indicator, -1 nothing); NaN and -1 for
    weights. `most` (n_units,) is the place in `FACTORS` of the largest share, -1 where there is none.
    """

    share: Floats
    shift: Floats
    option: Ints
    most: Ints


@dataclass(frozen=True, eq=False)
class RankUncertainty:
    """Ranks over `replicates`: all that quantiles and probabilities of ranks need.

    `counts` (n_units, n_units): how often unit i had rank j + 1. `ahead` (n_units, n_units): how often unit i was strictly
    ahead of unit j, and `both` how often both had a rank.
    """

    replicates: int
    counts: Ints
    ahead: Ints
    both: Ints
    moves: Moves


@dataclass(frozen=True, eq=False)
class Sobol:
    """Sobol indices, all (n_factors, n_outputs): `first` and `total` order with their bootstrap intervals.

    `first` is the share of the variance of the output that the factor explains by itself, `total` with all its
    interactions. `used` counts the base points behind each `total`; of the `runs` of the model, `failed` (n_outputs,)
    gave no finite output.
    """

    first: Floats
    total: Floats
    first_low: Floats
    first_high: Floats
    total_low: Floats
    total_high: Floats
    used: Ints
    runs: int
    failed: Ints


def draw_plans(design: Design, replicates: int, rng: np.random.Generator, *, block: int = 1024) -> Iterator[Plan]:
    """Random replicates, in blocks; the size of the blocks does not change what is drawn.

    Parameters
    ----------
    design : what may be chosen; options of one kind are equally likely.
    replicates : how many, at least 1.
    rng : seeded generator; each kind of choice has a stream of its own, spawned from it.
    block : replicates per plan, the last may hold fewer.

    Raises
    ------
    ValueError : fewer than one replicate, or block.

    References
    ----------
    OECD/JRC (2008), section 7.2; Saisana, Saltelli & Tarantola (2005).

    Examples
    --------
    >>> design = Design(Tree((np.array([0, 0]),)), np.array([3.0, 1.0]), normalisers=2, rule="fixed")
    >>> plans = list(draw_plans(design, 5, np.random.default_rng(1), block=4))
    >>> [len(plan) for plan in plans], plans[1].weights.tolist()
    ([4, 1], [[0.75, 0.25]])
    """
    if replicates < 1 or block < 1:
        raise ValueError("there must be at least one replicate, and one in a block")
    streams = rng.spawn(len(FACTORS))
    for start in range(0, replicates, block):
        n = min(block, replicates - start)
        normaliser, treatment, aggregation, left_out = (
            stream.integers(options, size=n, dtype=np.intp)
            for stream, options in zip(
                streams[:4],
                (design.normalisers, design.treatments, design.aggregations, design.candidates.size),
                strict=True,
            )
        )
        weights = draw_weights(design, n, streams[4])
        yield Plan(normaliser, treatment, aggregation, design.candidates[left_out], weights)


def draw_weights(design: Design, n: int, rng: np.random.Generator) -> Floats:
    """Random weights by the rule of the design: (n, n_weights), adding up to 1 among siblings.

    Examples
    --------
    >>> design = Design(Tree((np.array([0, 0, 0]),)), np.array([1.0, 1.0, 2.0]), spread=0.1)
    >>> drawn = draw_weights(design, 1000, np.random.default_rng(1))
    >>> bool((drawn[:, 2] < 0.56).all()), drawn.mean(axis=0).round(2).tolist()
    (True, [0.25, 0.25, 0.5])
    """
    shape = (n, design.weights.size)
    if design.rule == "fixed":
        raw = np.broadcast_to(design.weights, shape)
    elif design.rule == "perturbed":
        raw = design.weights * rng.uniform(1.0 - design.spread, 1.0 + design.spread, shape)
    else:
        nominal = _shares(design.tree, design.weights[np.newaxis])[0]
        siblings = np.concatenate(
            [np.bincount(p, w > 0)[p] for p, w in zip(design.tree.parents, design.tree.by_level(nominal), strict=True)]
        )
        raw = rng.standard_gamma(design.concentration * siblings * nominal, shape)
    return _shares(design.tree, raw)


def plan_at(points: Floats, design: Design, weights: Floats) -> Plan:
    """Replicates at given points of the unit cube, one column per factor: what a design of experiments needs.

    Parameters
    ----------
    points : (r, n_factors) numbers in [0, 1], columns in the order of `FACTORS`; each is cut into as many equal parts as
        there are options.
    design : what may be chosen.
    weights : (k, n_weights) sets of weights to choose from, drawn once with `draw_weights`: a set of weights is one factor,
        however many weights it has.

    Raises
    ------
    ValueError : the arrays do not fit, or a point is outside the cube.

    References
    ----------
    Saisana, Saltelli & Tarantola (2005), section 3 (trigger factors).

    Examples
    --------
    >>> design = Design(Tree((np.array([0, 0]),)), np.array([1.0, 1.0]), normalisers=3)
    >>> plan = plan_at(np.array([[0.0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0.99]]), design, np.array([[0.5, 0.5]]))
    >>> plan.normaliser.tolist(), plan.left_out.tolist()
    ([0, 1], [-1, 1])
    """
    if points.ndim != 2 or points.shape[1] != len(FACTORS) or not ((points >= 0) & (points <= 1)).all():
        raise ValueError(f"points must be (r, {len(FACTORS)}) numbers in [0, 1]")
    if weights.ndim != 2 or len(weights) == 0 or weights.shape[1] != design.weights.size:
        raise ValueError(f"weights {weights.shape} do not fit the {design.weights.size} nodes of the tree")
    options = np.array(
        [design.normalisers, design.treatments, len(weights), design.aggregations, design.candidates.size]
    )
    code = np.minimum((points * options).astype(np.intp), options - 1)
    return Plan(code[:, 0], code[:, 1], code[:, 3], design.candidates[code[:, 4]], weights[code[:, 2]])


def evaluator(table: Table, tree: Tree, aggregations: Sequence[Aggregation]) -> Callable[[Plan], Floats]:
    """A function from plans to scores, (r, n_units).

    Parameters
    ----------
    table : called as table(normaliser, treatment), once for each pair that occurs: the (n_units, n_leaves) normalised
        values, directed, NaN = missing. All tables have the same units.
    tree : the hierarchy.
    aggregations : what the codes of a plan mean; `tree.aggregation("geometric")`, or arrays of their own.

    Returns
    -------
    Function; its result is NaN for a unit without a score. Replicates with the same table and aggregation are one matrix
    product if all nodes take the same mean, as weights then multiply along the branch; where values are missing it is
    corrected node by node. Otherwise the tree is walked level by level.

    Raises
    ------
    ValueError : when called: a table does not fit, holds an infinity or, with a geometric mean anywhere in the
        aggregation, a value <= 0.

    Examples
    --------
    >>> tree = Tree((np.array([0, 0]),))
    >>> score = evaluator(lambda n, t: np.array([[1.0, 4.0], [9.0, np.nan]]), tree, [tree.aggregation("geometric")])
    >>> zero = np.zeros(2, np.intp)
    >>> score(Plan(zero, zero, zero, np.array([-1, 0]), np.full((2, 2), 0.5))).round(9).tolist()
    [[2.0, 9.0], [4.0, nan]]
    """
    if any([len(geometric) for geometric in a] != list(tree.sizes[1:]) for a in aggregations):
        raise ValueError(f"an aggregation holds arrays of lengths {tree.sizes[1:]}, one per level above the leaves")

    @cache
    def checked(normaliser: int, treatment: int) -> Floats:
        values = table(normaliser, treatment)
        if values.ndim != 2 or values.shape[1] != tree.n_leaves or np.isinf(values).any():
            raise ValueError(f"a table must be finite and (n_units, {tree.n_leaves}), not {values.shape}")
        return values

    def scores(plan: Plan) -> Floats:
        weights = _without_left_out(plan)
        kinds = (plan.normaliser.max(initial=0) + 1, plan.treatment.max(initial=0) + 1, len(aggregations))
        key = np.ravel_multi_index((plan.normaliser, plan.treatment, plan.aggregation), kinds)
        result = np.empty((len(plan), len(checked(int(plan.normaliser[0]), int(plan.treatment[0])))))
        for code in np.unique(key):
            rows = np.flatnonzero(key == code)
            normaliser, treatment, aggregation = (int(i) for i in np.unravel_index(code, kinds))
            result[rows] = tree_scores(checked(normaliser, treatment), tree, aggregations[aggregation], weights[rows])
        return result

    return scores


def tree_scores(values: Floats, tree: Tree, aggregation: Aggregation, weights: Floats) -> Floats:
    """Scores of one normalised table under many sets of weights.

    Parameters
    ----------
    values : (n_units, n_leaves) array; NaN = missing.
    tree, aggregation : as `evaluator`.
    weights : (r, n_weights) array >= 0; only ratios among siblings matter.

    Returns
    -------
    (r, n_units) array; NaN for a unit that has nothing of weight.

    Raises
    ------
    ValueError : a value <= 0 with a geometric mean anywhere.

    References
    ----------
    OECD/JRC (2008), sections 6.10-6.11.

    Examples
    --------
    Two indicators in one pillar and one in the other; the unit lacks the second indicator:

    >>> tree = Tree((np.array([0, 0, 1]), np.array([0, 0])))
    >>> weights = np.array([[3.0, 1.0, 1.0, 1.0, 3.0]])
    >>> tree_scores(np.array([[4.0, 8.0, 1.0], [4.0, np.nan, 1.0]]), tree, tree.aggregation("arithmetic"), weights).tolist()
    [[2.0, 1.75]]
    """
    geometric = np.concatenate(aggregation)
    if geometric.any() and (values <= 0).any():
        raise ValueError("a geometric mean needs values above 0: give the normalised table a positive scale")
    if geometric.any() and not geometric.all():
        return _walk(values, tree, aggregation, weights)
    scores, stuck = _product(np.log(values) if geometric.all() else values, tree, weights)
    if geometric.all():
        np.exp(scores, out=scores)
    if stuck.any():
        rows, units = np.flatnonzero(stuck.any(axis=1)), np.flatnonzero(stuck.any(axis=0))
        walked = _walk(values[units], tree, aggregation, weights[rows])
        some = np.ix_(rows, units)
        scores[some] = np.where(stuck[some], walked, scores[some])
    return scores


def effective_weights(tree: Tree, weights: Floats) -> Floats:
    """Weights of the leaves in the index: products of the shares among siblings, along the branch.

    Parameters
    ----------
    weights : (r, n_weights) array >= 0; only ratios among siblings matter.

    Returns
    -------
    (r, n_leaves) array that adds up to 1; a node without any weight below it leaves its share to its siblings. NaN in a row
    without any weight.

    Examples
    --------
    >>> effective_weights(Tree((np.array([0, 0, 1]), np.array([0, 0]))), np.array([[3.0, 1.0, 0.0, 1.0, 3.0]])).tolist()
    [[0.75, 0.25, 0.0]]
    """
    within, above = _descend(tree, weights)
    leaves: Floats = within * (above @ _membership(tree.parents[0]).T)
    return leaves


def rank_uncertainty(evaluate: Callable[[Plan], Floats], plans: Iterable[Plan], *, tie: float = TIE) -> RankUncertainty:
    """Ranks over all replicates, added up block by block.

    Parameters
    ----------
    evaluate : from a plan to (r, n_units) scores, such as `evaluator` makes; NaN = no score.
    plans : blocks of replicates, such as `draw_plans` gives.
    tie : neighbours in order whose scores differ by no more share the smaller rank.

    Raises
    ------
    ValueError : no replicate, or a block with other units than the first.

    References
    ----------
    OECD/JRC (2008), section 7.2; Saisana, Saltelli & Tarantola (2005).

    Examples
    --------
    B is ahead of A unless the second indicator is left out:

    >>> tree, values = Tree((np.array([0, 0]),)), np.array([[2.0, 0.0], [1.0, 3.0]])
    >>> design = Design(tree, np.array([1.0, 1.0]), rule="fixed")
    >>> score = evaluator(lambda n, t: values, tree, [tree.aggregation("arithmetic")])
    >>> result = rank_uncertainty(score, draw_plans(design, 3000, np.random.default_rng(0)))
    >>> p_ahead(result.ahead, result.both)[1, 0].round(1).item(), FACTORS[result.moves.most[0]]
    (0.7, 'left_out')
    """
    sums: _Sums | None = None
    for plan in plans:
        ranks = _ranked(evaluate(plan), tie)
        if sums is None:
            sums = _Sums(ranks.shape[1], plan.weights.shape[1])
        if ranks.shape[1] != sums.counts.shape[0]:
            raise ValueError(f"a block of {ranks.shape[1]} units after one of {sums.counts.shape[0]}")
        sums.add(ranks, plan)
    if sums is None or sums.replicates == 0:
        raise ValueError("there is no replicate")
    return RankUncertainty(sums.replicates, sums.counts, sums.ahead, sums.both, sums.moves())


def block_size(tree: Tree, n_units: int) -> int:
    """Replicates per block that keep the largest array of the evaluation at about 16 MB.

    Examples
    --------
    >>> block_size(Tree((np.repeat(np.arange(10), 5), np.zeros(10, np.intp))), 50)
    4194
    """
    return max(1, min(_BLOCK // (max(tree.sizes[1:]) * max(n_units, 1)), _BLOCK // tree.n_weights))


def rank_quantile(counts: Ints, q: float) -> Floats:
    """Quantile of the rank of each unit: the smallest rank that at least a share `q` of its replicates do not exceed.

    Parameters
    ----------
    counts : (n_units, n_ranks) how often each unit had each rank, from 1.
    q : in [0, 1]; 0.5 is the median (the lower one of two), 0 the best rank.

    Returns
    -------
    (n_units,) whole numbers as floats; NaN for a unit without any rank.

    Raises
    ------
    ValueError : `q` is outside [0, 1].

    References
    ----------
    Hyndman & Fan (1996), The American Statistician 50(4), 361-365, definition 1.

    Examples
    --------
    >>> rank_quantile(np.array([[10, 80, 10], [0, 0, 0]]), 0.5).tolist()
    [2.0, nan]
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q must be in [0, 1], not {q}")
    reached = np.cumsum(counts, axis=1)
    n = reached[:, -1]
    place = (reached >= np.maximum(q * n * (1.0 - 1e-12), 1.0)[:, np.newaxis]).argmax(axis=1) + 1.0
    return np.where(n > 0, place, np.nan)


def p_top(counts: Ints, k: int) -> Floats:
    """Probability of a rank of `k` or better, (n_units,); NaN for a unit without any rank.

    Raises
    ------
    ValueError : `k` is below 1.

    Examples
    --------
    >>> p_top(np.array([[10, 80, 10], [90, 10, 0]]), 1).tolist()
    [0.1, 0.9]
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    n = counts.sum(axis=1)
    share: Floats = np.divide(counts[:, :k].sum(axis=1), n, out=np.full(n.shape, np.nan), where=n > 0)
    return share


def mean_shift(counts: Ints, nominal: Floats) -> Floats:
    """Mean distance of the rank from the nominal one over the replicates, (n_units,).

    The mean of it over units is the Handbook's average shift in rank.

    Parameters
    ----------
    counts : (n_units, n_ranks) how often each unit had each rank, from 1.
    nominal : (n_units,) ranks of the index as it is published; NaN = none.

    Returns
    -------
    (n_units,) places; NaN for a unit without any rank, or a nominal one.

    References
    ----------
    OECD/JRC (2008), eq. 38.

    Examples
    --------
    >>> mean_shift(np.array([[1, 2, 1]]), np.array([1.0])).tolist()
    [1.0]
    """
    n = counts.sum(axis=1)
    distance = np.abs(np.arange(1, counts.shape[1] + 1) - nominal[:, np.newaxis])
    total = (counts * distance).sum(axis=1)
    shift: Floats = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return shift


def p_ahead(ahead: Ints, both: Ints) -> Floats:
    """Probability that unit i is strictly ahead of unit j, among the replicates in which both have a rank.

    Returns
    -------
    (n_units, n_units); P(i ahead of j) + P(j ahead of i) = 1 less the probability of a tie. NaN on the diagonal, and
    where no replicate ranks both.

    Examples
    --------
    >>> p_ahead(np.array([[0, 6], [3, 0]]), np.array([[10, 10], [10, 10]])).tolist()
    [[nan, 0.6], [0.3, nan]]
    """
    share: Floats = np.divide(ahead, both, out=np.full(ahead.shape, np.nan), where=both > 0)
    np.fill_diagonal(share, np.nan)
    return share


def told_apart(p: Floats, *, level: float = TOLD_APART) -> Bools:
    """Pairs of which one unit is ahead of the other with a probability of at least `level`; symmetric.

    `p` is (n_units, n_units); NaN is not told apart.

    Raises
    ------
    ValueError : `level` is not above 1/2 and at most 1.

    Examples
    --------
    >>> told_apart(np.array([[np.nan, 0.97], [0.01, np.nan]])).tolist()
    [[False, True], [True, False]]
    """
    if not 0.5 < level <= 1:
        raise ValueError(f"level must be above 0.5 and at most 1, not {level}")
    leads = p >= level
    return np.asarray(leads | leads.T)


def letter_groups(different: Bools, order: Floats) -> Bools:
    """Groups of units that cannot be told apart: two units share a group exactly if they are not different.

    Insert and absorb (Piepho): one group of all; then each unit in turn splits every group that holds it together with
    units different from it into that group without the unit, and without those units; a group inside another is dropped.
    What remains are all largest sets of units of which no two are different.

    Parameters
    ----------
    different : (n, n) bools, symmetric, false on the diagonal.
    order : (n,) ranks, or medians of ranks, by which groups are put in order: the one with the best unit first, then by
        the second best, and so on. NaN comes last. Equal ones follow in the order given.

    Returns
    -------
    (n, n_groups) bools, unit in group. Every unit is in at least one.

    Raises
    ------
    ValueError : `different` is not square, symmetric and false on the diagonal, `order` does not fit, or there are more
        than 1000 groups.

    References
    ----------
    Piepho (2004), Journal of Computational and Graphical Statistics 13(2), 456-466; Gramm et al. (2007), Computational
    Statistics & Data Analysis 52(2), 725-736.

    Examples
    --------
    A and C differ, B from neither:

    >>> different = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool)
    >>> letters(letter_groups(different, np.array([1.0, 2.0, 3.0]))).tolist()
    ['a', 'ab', 'b']
    """
    n = len(different)
    square = different.shape == (n, n)
    if not (square and np.array_equal(different, different.T) and not different.diagonal().any()):
        raise ValueError("different must be a square, symmetric array of bools, false on the diagonal")
    if order.shape != (n,):
        raise ValueError(f"order {order.shape} does not fit {n} units")
    groups = np.ones((min(n, 1), n), np.bool_)
    for unit in range(n):
        split = groups[:, unit] & (groups & different[unit]).any(axis=1)
        if split.any():
            without_unit, without_others = groups[split], groups[split] & ~different[unit]
            without_unit[:, unit] = False
            groups = _absorbed(np.concatenate([groups[~split], without_unit, without_others]))
        if len(groups) > MAX_GROUPS:
            raise ValueError(f"more than {MAX_GROUPS} groups: these comparisons have no compact display")
    by_rank = groups[:, np.argsort(order, kind="stable")]
    return groups[np.lexsort(~by_rank.T[::-1])].T if n else groups.T


def letters(groups: Bools) -> Texts:
    """The letters of each unit: a, b, ..., z, A, ..., Z, then a1, b1, and so on.

    `groups` is (n_units, n_groups) as of `letter_groups`; the texts are (n_units,).

    Examples
    --------
    >>> letters(np.array([[True, False], [True, True]])).tolist()
    ['a', 'ab']
    """
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rounds, place = np.divmod(np.arange(groups.shape[1]), len(alphabet))
    names = [alphabet[p] + (str(r) if r else "") for r, p in zip(rounds.tolist(), place.tolist(), strict=True)]
    return np.array(["".join(name for name, held in zip(names, row, strict=True) if held) for row in groups], np.str_)


def sobol_points(n: int, n_factors: int, rng: np.random.Generator) -> Floats:
    """Points at which to run a model for its Sobol indices: a scrambled Sobol sequence of 2 n_factors dimensions.

    Parameters
    ----------
    n : base points, a power of 2.
    n_factors : number of independent factors, uniform on [0, 1).
    rng : seeded generator.

    Returns
    -------
    (n (n_factors + 2), n_factors): A, then B, then for each factor A with the column of that factor taken from B.

    Raises
    ------
    ValueError : `n` is not a power of 2, or there is no factor.

    References
    ----------
    Saltelli et al. (2010), Computer Physics Communications 181(2), 259-270, section 5.

    Examples
    --------
    >>> sobol_points(4, 3, np.random.default_rng(1)).shape
    (20, 3)
    """
    from scipy.stats import qmc

    if n < 1 or n & (n - 1):
        raise ValueError(f"n must be a power of 2, not {n}")
    if n_factors < 1:
        raise ValueError("there must be at least one factor")
    both = qmc.Sobol(2 * n_factors, scramble=True, rng=rng).random(n)
    a, b = both[:, :n_factors], both[:, n_factors:]
    mixed = np.tile(a, (n_factors, 1, 1))
    each = np.arange(n_factors)
    mixed[each, :, each] = b.T
    return np.concatenate([a, b, mixed.reshape(-1, n_factors)])


def sobol_indices(
    outputs: Floats,
    n_factors: int,
    rng: np.random.Generator,
    *,
    level: float = 0.90,
    resamples: int = 1000,
) -> Sobol:
    """First-order and total Sobol indices from the outputs of a model at `sobol_points`.

    With outputs centred on their mean: S_i = mean f_B (f_ABi - f_A) / V, T_i = mean (f_A - f_ABi)^2 / (2 V), V the variance
    over A and B. These are the estimators of `scipy.stats.sobol_indices`; the difference is that a run may fail.

    Parameters
    ----------
    outputs : (n (n_factors + 2),) or (n (n_factors + 2), n_outputs) array in the order of the points, such as the rank of
        each unit, or the mean shift in rank. NaN or infinite = the run failed: it is left out of the sums it belongs to,
        and of no other.
    n_factors : number of factors.
    rng : seeded generator, for the bootstrap.
    level : of the intervals, in (0, 1).
    resamples : of the base points, at least 1; intervals are percentiles of the indices over them.

    Returns
    -------
    Sobol. NaN where the output does not vary, or where fewer than two base points are left. Estimates may lie a little
    below 0 or above 1; they are not clipped. Failed runs are taken to fail by chance: many of them are a finding.

    Raises
    ------
    ValueError : the outputs do not fit, `level` is outside (0, 1), or there are fewer than one resample.

    References
    ----------
    Saltelli et al. (2010), Computer Physics Communications 181(2), 259-270, table 2 (b) and (f); Jansen (1999), Computer
    Physics Communications 117(1), 35-43; Sobol' & Levitan (1999), the same, 52-61 (centring). Worked example: Ishigami &
    Homma (1990), whose indices are 0.3139, 0.4424, 0 and 0.5576, 0.4424, 0.2437.

    Examples
    --------
    y = 2 u + v: the variance of u counts four times that of v, and nothing interacts.

    >>> points = sobol_points(256, 2, np.random.default_rng(1))
    >>> result = sobol_indices(points @ [2.0, 1.0], 2, np.random.default_rng(1))
    >>> result.total[:, 0].round(2).tolist(), int(result.failed[0])
    ([0.8, 0.2], 0)
    """
    y = outputs[:, np.newaxis] if outputs.ndim == 1 else outputs
    n = len(y) // (n_factors + 2)
    if y.ndim != 2 or n_factors < 1 or n == 0 or len(y) != n * (n_factors + 2):
        raise ValueError(f"outputs {outputs.shape} do not fit {n_factors} factors")
    if not (0 < level < 1 and resamples >= 1):
        raise ValueError("level must be in (0, 1) and resamples at least 1")
    ran = np.isfinite(y)
    base = ran[: 2 * n]
    count = np.maximum(base.sum(axis=0), 1)
    y = np.where(ran, y, 0.0)
    y = np.where(ran, y - y[: 2 * n].sum(axis=0) / count, 0.0)
    a, b, mixed = y[:n], y[n : 2 * n], y[2 * n :].reshape(n_factors, n, -1)
    ran_a, ran_b, ran_mixed = ran[:n], ran[n : 2 * n], ran[2 * n :].reshape(n_factors, n, -1)
    terms = _SobolTerms(
        b * (mixed - a) * (ran_a & ran_b & ran_mixed),
        ran_a & ran_b & ran_mixed,
        0.5 * (a - mixed) ** 2 * (ran_a & ran_mixed),
        ran_a & ran_mixed,
        a + b,
        a**2 + b**2,
        ran_a.astype(np.float64) + ran_b,
    )
    first, total = terms.indices(np.ones((1, n)))
    again = terms.indices(rng.multinomial(n, np.full(n, 1.0 / n), size=resamples).astype(np.float64))
    tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    (first_low, first_high), (total_low, total_high) = (_quantiles(draws, tails) for draws in again)
    return Sobol(
        first[0],
        total[0],
        first_low,
        first_high,
        total_low,
        total_high,
        (ran_a & ran_mixed).sum(axis=1),
        len(y),
        (~ran).sum(axis=0),
    )


@dataclass(frozen=True, eq=False)
class _SobolTerms:
    """What the base points add to the indices: (n_factors, n, n_outputs) sums, (n, n_outputs) moments."""

    first: Floats
    in_first: Bools
    total: Floats
    in_total: Bools
    sum: Floats
    squares: Floats
    count: Floats

    def indices(self, times: Floats) -> tuple[Floats, Floats]:
        """First and total indices, each (r, n_factors, n_outputs), with every base point taken (r, n) times."""
        count = times @ self.count
        n = np.maximum(count, 1.0)
        variance = times @ self.squares / n - (times @ self.sum / n) ** 2
        # Centred squares: what is this small beside their mean is round-off of a constant.
        scale = self.squares.max(axis=0, initial=0.0)
        varies = (variance > 1e-20 * scale)[:, np.newaxis]
        result = []
        for terms, included in ((self.first, self.in_first), (self.total, self.in_total)):
            used = np.einsum("rn,fns->rfs", times, included.astype(np.float64), optimize=True)
            mean = np.einsum("rn,fns->rfs", times, terms, optimize=True) / np.maximum(used, 1.0)
            defined = varies & (used >= 2)
            result.append(np.divide(mean, variance[:, np.newaxis], out=np.full(mean.shape, np.nan), where=defined))
        return result[0], result[1]


class _Sums:
    """Running sums over blocks of replicates; private to `rank_uncertainty`, which hands out what they add up to."""

    def __init__(self, n_units: int, n_weights: int) -> None:
        self.replicates = 0
        self.counts = np.zeros((n_units, n_units), np.intp)
        self.ahead = np.zeros((n_units, n_units), np.intp)
        self.both = np.zeros((n_units, n_units), np.intp)
        self.by_option: dict[str, tuple[Floats, Floats]] = {}  # sums of ranks and numbers of them, per option and unit
        self.weight_sum = np.zeros(n_weights)
        self.weight_squares = np.zeros((n_weights, n_weights))
        self.weight_ranks = np.zeros((n_weights, n_units))

    def add(self, ranks: Floats, plan: Plan) -> None:
        """Add a block: (r, n_units) ranks, NaN = none."""
        n_units = ranks.shape[1]
        has = ~np.isnan(ranks)
        whole = np.where(has, ranks, 0.0)
        place = np.where(has, ranks, n_units + 1.0).astype(np.int32)
        cells = (np.arange(n_units) * (n_units + 1) + place - 1).ravel()
        self.replicates += len(ranks)
        self.counts += np.bincount(cells, minlength=n_units * (n_units + 1)).reshape(n_units, -1)[:, :n_units]
        self.ahead += _count_ahead(place, has)
        self.both += len(ranks) if has.all() else (has.T.astype(np.float64) @ has).astype(np.intp)
        for factor in ("normaliser", "treatment", "aggregation", "left_out"):
            self._add_options(factor, getattr(plan, factor) + (factor == "left_out"), whole, has)
        self.weight_sum += plan.weights.sum(axis=0)
        self.weight_squares += plan.weights.T @ plan.weights
        self.weight_ranks += plan.weights.T @ whole

    def _add_options(self, factor: str, code: Ints, ranks: Floats, has: Bools) -> None:
        old = self.by_option.get(factor)
        size = max(int(code.max(initial=0)) + 1, 0 if old is None else len(old[0]))
        chosen = (code == np.arange(size)[:, np.newaxis]).astype(np.float64)
        sums = chosen @ ranks
        times = np.repeat(chosen.sum(axis=1)[:, np.newaxis], has.shape[1], axis=1) if has.all() else chosen @ has
        if old is not None:
            sums[: len(old[0])] += old[0]
            times[: len(old[1])] += old[1]
        self.by_option[factor] = sums, times

    def moves(self) -> Moves:
        """Shares and shifts from the sums."""
        value = np.arange(1, len(self.counts) + 1, dtype=np.float64)
        n = self.counts.sum(axis=1).astype(np.float64)
        mean = self.counts @ value / np.maximum(n, 1.0)
        squares = (self.counts * (value - mean[:, np.newaxis]) ** 2).sum(axis=1)
        share, shift = np.full((2, len(FACTORS), len(n)), np.nan)
        option = np.full(share.shape, -1, np.intp)
        for place, factor in enumerate(FACTORS):
            if factor == "weights":
                share[place] = self._share_of_weights(mean, squares, n)
            else:
                share[place], shift[place], option[place] = self._share_of_options(factor, mean, squares, n)
        most = np.where(np.isnan(share).all(axis=0), -1, np.nan_to_num(share, nan=-1.0).argmax(axis=0))
        return Moves(share, shift, option, most)

    def _share_of_options(self, factor: str, mean: Floats, squares: Floats, n: Floats) -> tuple[Floats, Floats, Ints]:
        sums, times = self.by_option[factor]
        off = np.divide(sums, times, out=np.full(sums.shape, np.nan), where=times > 0) - mean
        options = (times > 0).sum(axis=0)
        between = np.nansum(times * off**2, axis=0)
        distance = np.nan_to_num(np.abs(off), nan=-1.0)
        furthest = distance.argmax(axis=0)
        shift = np.where(options > 1, off[furthest, np.arange(off.shape[1])], np.nan)
        option = np.where(options > 1, furthest - (factor == "left_out"), -1)
        return _corrected(between, squares, n, options - 1), shift, option

    def _share_of_weights(self, mean: Floats, squares: Floats, n: Floats) -> Floats:
        covariance = self.weight_squares - np.outer(self.weight_sum, self.weight_sum) / self.replicates
        with_ranks = self.weight_ranks - np.outer(self.weight_sum, mean)
        scale = np.sqrt(np.maximum(covariance.diagonal(), 0.0))
        varies = scale > 1e-7 * np.sqrt(self.weight_squares.diagonal())  # beyond round-off of a fixed weight
        covariance = covariance[np.ix_(varies, varies)] / np.outer(scale[varies], scale[varies])
        with_ranks = with_ranks[varies] / scale[varies, np.newaxis]
        values, vectors = np.linalg.eigh(covariance)  # singular: siblings add up to 1
        kept = values > 1e-9 * max(len(values), 1)
        explained = ((vectors[:, kept].T @ with_ranks) ** 2 / values[kept, np.newaxis]).sum(axis=0)
        share = _corrected(explained, squares, n, np.full(n.shape, int(kept.sum())))
        return np.where(n == self.replicates, share, np.nan)


def _corrected(explained: Floats, squares: Floats, n: Floats, freedom: Ints) -> Floats:
    """Share of a sum of squares that is explained, less what chance explains with so many degrees of freedom."""
    left = n - freedom - 1.0
    defined = (squares > 1e-9) & (freedom > 0) & (left > 0)
    raw = np.divide(explained, squares, out=np.full(squares.shape, np.nan), where=defined)
    share: Floats = np.clip(1.0 - (1.0 - raw) * (n - 1.0) / np.where(defined, left, 1.0), 0.0, 1.0)
    return share


def _count_ahead(place: NDArray[np.int32], has: Bools) -> Ints:
    """How often each unit has a smaller rank than each other; one without a rank neither leads nor follows."""
    n_units = place.shape[1]
    narrow = np.uint8 if n_units < 255 else np.uint16 if n_units < 65535 else np.uint32
    leading = place.astype(narrow)  # n + 1 where there is no rank: ahead of nobody
    trailing = np.where(has, place, 0).astype(narrow)  # 0: behind nobody
    step = int(np.clip(_COMPARED // max(n_units**2, 1), 1, 255))  # bytes count to 255
    total = np.zeros((n_units, n_units), np.intp)
    for start in range(0, len(place), step):
        some = slice(start, start + step)
        less: Bools = np.less(leading[some, :, np.newaxis], trailing[some, np.newaxis, :])
        total += less.view(np.uint8).sum(axis=0, dtype=np.uint8)
    return total


def _descend(tree: Tree, weights: Floats) -> tuple[Floats, Floats]:
    """Shares of the leaves in their parents, (r, n_leaves), and of these in the index, (r, n_1).

    The products with zeros and ones spread and collect exactly, and faster than indexing does.
    """
    members = [_membership(parent) for parent in tree.parents]
    levels: list[tuple[Floats, Floats]] = []
    some: Bools = np.ones((1, 1), np.bool_)
    for member, weight in zip(members, tree.by_level(weights), strict=True):
        present = weight * some if levels else weight
        sums = present @ member
        some = sums > 0
        levels.append((present, 1.0 / np.where(some, sums, 1.0)))
    above = np.where(some, 1.0, np.nan)  # the index: 1, or no weight at all
    for (present, over), member in zip(reversed(levels[1:]), reversed(members[1:]), strict=True):
        above = present * ((above * over) @ member.T)
    present, over = levels[0]
    return present * (over @ members[0].T), above


def _product(values: Floats, tree: Tree, weights: Floats) -> tuple[Floats, Bools]:
    """Weighted arithmetic means as one matrix product, (r, n_units), and where it does not hold.

    Gaps count as 0 in the product; where a unit lacks a part of a node's children, what the node adds is then scaled up by
    the share of the others. Where it lacks all of them the levels above change too: `stuck`.
    """
    within, above = _descend(tree, weights)
    known = ~np.isnan(values)
    plain = np.where(known, values, 0.0)
    scores = (within * (above @ _membership(tree.parents[0]).T)) @ plain.T
    stuck = np.zeros(scores.shape, np.bool_)
    # Cells of a unit and a node of level 1 with a gap below it, a few hundred at a time.
    member = _membership(tree.parents[0])
    unit, node = np.nonzero((~known).astype(np.float64) @ member > 0)
    for start in range(0, unit.size, _CELLS):
        cell_unit, cell_node = unit[start : start + _CELLS], node[start : start + _CELLS]
        below = member[:, cell_node]  # (n_leaves, n_cells)
        mass = within @ (below * known[cell_unit].T)
        share_of_node = above[:, cell_node]
        empty = mass <= 0
        lacking = 1.0 / np.where(empty, 1.0, mass) - 1.0
        units, of_cell = np.unique(cell_unit, return_inverse=True)
        to_unit = (of_cell[:, np.newaxis] == np.arange(units.size)).astype(np.float64)
        scores[:, units] += (share_of_node * (within @ (below * plain[cell_unit].T)) * lacking) @ to_unit
        if empty.any():
            stuck[:, units] |= (empty & (share_of_node > 0)) @ to_unit > 0
    return scores, stuck


def _ranked(scores: Floats, tie: float) -> Floats:
    """`ranked`, by way of the faster of NumPy's sorts in rows where nobody is tied or without a score."""
    falling = -scores
    ranks = (np.argsort(np.argsort(falling, axis=1), axis=1) + 1).astype(np.float64)
    falling.sort(axis=1)
    apart = (falling[:, 1:] - falling[:, :-1] > tie).all(axis=1)  # NaN is not
    if not apart.all() or scores.shape[1] < 2:
        plain = ~apart if scores.shape[1] > 1 else np.ones(len(scores), np.bool_)
        ranks[plain] = ranked(scores[plain], tie=tie)
    return ranks


def _walk(values: Floats, tree: Tree, aggregation: Aggregation, weights: Floats) -> Floats:
    """Scores level by level, (r, n_units); a missing child leaves its share to its siblings."""
    leaf_weights, *upper_weights = tree.by_level(weights)
    known = ~np.isnan(values)
    plain = np.where(known, values, 0.0)
    logs = np.log(np.where(known, values, 1.0)) if any(g.any() for g in aggregation) else plain
    score = np.empty((tree.sizes[1], len(weights), len(values)))
    has = np.empty(score.shape, np.bool_)
    for node, geometric in enumerate(aggregation[0].tolist()):
        child = np.flatnonzero(tree.parents[0] == node)
        weight = leaf_weights[:, child]
        top = weight @ (logs if geometric else plain)[:, child].T
        score[node], has[node] = _mean_of(top, weight @ known[:, child].T, geometric)
    for parent, geometric_nodes, node_weights in zip(tree.parents[1:], aggregation[1:], upper_weights, strict=True):
        below, below_has = score, has
        score = np.empty((len(geometric_nodes), *below.shape[1:]))
        has = np.empty(score.shape, np.bool_)
        for node, geometric in enumerate(geometric_nodes.tolist()):
            child = np.flatnonzero(parent == node)
            weight = node_weights[:, child].T[:, :, np.newaxis] * below_has[child]
            inner = np.log(below[child]) if geometric else below[child]
            score[node], has[node] = _mean_of((weight * inner).sum(axis=0), weight.sum(axis=0), geometric)
    return np.where(has[0], score[0], np.nan)


def _mean_of(top: Floats, mass: Floats, geometric: bool) -> tuple[Floats, Bools]:
    """Weighted mean, 1 where there is none, and whether there is one."""
    has = mass > 0
    if geometric:
        return np.exp(np.divide(top, mass, out=np.zeros(top.shape), where=has)), has
    return np.divide(top, mass, out=np.ones(top.shape), where=has), has


def _without_left_out(plan: Plan) -> Floats:
    left = np.flatnonzero(plan.left_out >= 0)
    if not left.size:
        return plan.weights
    weights = plan.weights.copy()
    weights[left, plan.left_out[left]] = 0.0
    return weights


def _membership(parent: Ints) -> Floats:
    """(n_children, n_parents) zeros and ones."""
    return np.asarray(parent[:, np.newaxis] == np.arange(int(parent.max()) + 1), np.float64)


def _sibling_sums(tree: Tree, weights: Floats) -> list[Floats]:
    return [w @ _membership(parent) for parent, w in zip(tree.parents, tree.by_level(weights), strict=True)]


def _shares(tree: Tree, weights: Floats) -> Floats:
    """Weights that add up to 1 among siblings, (r, n_weights); all 0 stay 0."""
    shares = np.empty(weights.shape)
    for out, weight, parent in zip(tree.by_level(shares), tree.by_level(weights), tree.parents, strict=True):
        member = _membership(parent)
        sums = weight @ member
        np.multiply(weight, (1.0 / np.where(sums > 0, sums, 1.0)) @ member.T, out=out)
    return shares


def _absorbed(groups: Bools) -> Bools:
    """Groups that lie in no other, each once."""
    groups = np.unique(groups, axis=0)
    common = groups.astype(np.float64) @ groups.T
    inside = (common == groups.sum(axis=1)[:, np.newaxis]) & ~np.eye(len(groups), dtype=np.bool_)
    kept: Bools = groups[~inside.any(axis=1)]
    return kept


def _quantiles(draws: Floats, tails: Sequence[float]) -> Floats:
    """Quantiles of the defined draws along the first axis; NaN where there are none."""
    none = np.isnan(draws).all(axis=0)
    found: Floats = np.nanquantile(np.where(none, 0.0, draws), tails, axis=0)
    return np.where(none, np.nan, found)
