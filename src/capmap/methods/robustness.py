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
- Aggregation is the weighted arithmetic or geometric mean of each node's children, a formula of its own for every node
  (`Formulas`), or one over all indicators (`Flat`). A geometric mean needs values above 0: give all normalised tables a
  positive scale, such as 1 to 100. It is refused otherwise, never shifted in silence.
- Rank 1 is the highest score. Neighbours in order whose scores differ by no more than `tie` share the smaller rank
  (`capmap.methods.ranking.ranked`). Units without a score have no rank, and do not move that of others. A replicate
  that gives no unit a score has failed: it is counted and otherwise as if it had never been drawn.

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

from capmap.methods.aggregation import positive_shift
from capmap.methods.ranking import ranked

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]
WeightRule = Literal["fixed", "perturbed", "dirichlet"]
Mean = Literal["arithmetic", "geometric"]
Table = Callable[[int, int], Floats]
#: From the scores of the children of a node, ((r,) n_units, n_children), and weights, (r, n_children), to (r, n_units).
Formula = Callable[[Floats, Floats], Floats]

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
#: Share of a child's largest value that is round-off, as in `aggregation`.
_LAST_DIGITS = 1e-14
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

    def aggregation(self, mean: Mean) -> tuple[Bools, ...]:
        """The same mean in every node: per level above the leaves a (n_l,) array that is true where it is geometric."""
        if mean not in get_args(Mean):
            raise ValueError(f"mean must be one of {', '.join(get_args(Mean))}, not {mean!r}")
        return tuple(np.full(size, mean == "geometric") for size in self.sizes[1:])


@dataclass(frozen=True, eq=False)
class Formulas:
    """A formula of its own for every node: means that are neither arithmetic nor geometric, or a mixture of all kinds.

    `nodes[l]` holds for each node of level l + 1 the formula that brings its children together, or None for a node with a
    single child, whose score it takes over. A formula gets NaN where a child has no score.
    """

    nodes: tuple[tuple[Formula | None, ...], ...]


@dataclass(frozen=True, eq=False)
class Flat:
    """One formula over all indicators, with the weights that they have in the whole, whatever nodes hang between."""

    formula: Formula


#: Per level above the leaves a (n_l,) array that is true where the mean is geometric and false where it is arithmetic; or
#: formulas.
Aggregation = tuple[Bools, ...] | Formulas | Flat


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

    def where(self, some: Bools) -> Plan:
        """These of the replicates."""
        return Plan(
            self.normaliser[some], self.treatment[some], self.aggregation[some], self.left_out[some], self.weights[some]
        )


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

    `failed` replicates ranked nobody and are not among them. `counts` (n_units, n_units): how often unit i had rank j + 1.
    `ahead` (n_units, n_units): how often unit i was strictly ahead of unit j, and `both` how often both had a rank.
    """

    replicates: int
    failed: int
    counts: Ints
    ahead: Ints
    both: Ints
    moves: Moves


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


def plan_at(points: Floats, design: Design, weights: Floats, factors: Sequence[str] = FACTORS) -> Plan:
    """Replicates at given points of the unit cube, one column per factor: what a design of experiments needs.

    Parameters
    ----------
    points : (r, n_factors) numbers in [0, 1]; each is cut into as many equal parts as its factor has options.
    design : what may be chosen.
    weights : (k, n_weights) sets of weights to choose from, drawn once with `draw_weights`: a set of weights is one factor,
        however many weights it has.
    factors : what the columns choose: those of `FACTORS`, or instead of `weights` one or both of `indicator_weights`, those
        of the leaves, and `node_weights`, those above. What is not named is at its first option, weights at the nominal
        ones, and nothing is left out.

    Raises
    ------
    ValueError : the arrays do not fit, a point is outside the cube, or a factor is unknown or named twice.

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
    parts = {"weights": slice(None), "indicator_weights": slice(design.tree.n_leaves),
             "node_weights": slice(design.tree.n_leaves, None)}  # fmt: skip
    options = dict.fromkeys(parts, len(weights)) | {
        "normaliser": design.normalisers, "treatment": design.treatments, "aggregation": design.aggregations,
        "left_out": design.candidates.size,
    }  # fmt: skip
    if not set(factors) <= set(options) or len(set(factors)) < len(factors):
        raise ValueError(f"factors must be of {', '.join(options)}, each once, not {', '.join(factors)}")
    if points.ndim != 2 or points.shape[1] != len(factors) or not ((points >= 0) & (points <= 1)).all():
        raise ValueError(f"points must be (r, {len(factors)}) numbers in [0, 1]")
    if weights.ndim != 2 or len(weights) == 0 or weights.shape[1] != design.weights.size:
        raise ValueError(f"weights {weights.shape} do not fit the {design.weights.size} nodes of the tree")
    code = {
        name: np.minimum((column * options[name]).astype(np.intp), options[name] - 1)
        for name, column in zip(factors, points.T, strict=True)
    }
    first = np.zeros(len(points), np.intp)
    chosen = np.repeat(_shares(design.tree, design.weights[np.newaxis]), len(points), axis=0)
    for name, some in parts.items():
        if name in code:
            chosen[:, some] = weights[code[name], some]
    choice = {name: code.get(name, first) for name in ("normaliser", "treatment", "aggregation", "left_out")}
    return Plan(**choice | {"left_out": design.candidates[choice["left_out"]]}, weights=chosen)


def evaluator(
    table: Table, tree: Tree, aggregations: Sequence[Aggregation], *, positive: bool = False
) -> Callable[[Plan], Floats]:
    """A function from plans to scores, (r, n_units).

    Parameters
    ----------
    table : called as table(normaliser, treatment), once for each pair that occurs: the (n_units, n_leaves) normalised
        values, directed, NaN = missing. All tables have the same units. A table without any value makes its replicates
        fail.
    tree : the hierarchy.
    aggregations : what the codes of a plan mean; `tree.aggregation("geometric")`, arrays of their own, or formulas.
    positive : shift a table by `aggregation.positive_shift` for aggregations with a geometric mean anywhere. The scores of
        these are on the shifted scale, their order is all that counts. Formulas get the table as it is.

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
    levels = [a.nodes if isinstance(a, Formulas) else a for a in aggregations if not isinstance(a, Flat)]
    if any([len(nodes) for nodes in found] != list(tree.sizes[1:]) for found in levels):
        raise ValueError(f"an aggregation holds arrays of lengths {tree.sizes[1:]}, one per level above the leaves")

    @cache
    def checked(normaliser: int, treatment: int) -> Floats:
        values = table(normaliser, treatment)
        if values.ndim != 2 or values.shape[1] != tree.n_leaves or np.isinf(values).any():
            raise ValueError(f"a table must be finite and (n_units, {tree.n_leaves}), not {values.shape}")
        return values

    @cache
    def shifted(normaliser: int, treatment: int) -> Floats:
        values = checked(normaliser, treatment)
        return values + positive_shift(values)

    def scores(plan: Plan) -> Floats:
        weights = _without_left_out(plan)
        kinds = (plan.normaliser.max(initial=0) + 1, plan.treatment.max(initial=0) + 1, len(aggregations))
        key = np.ravel_multi_index((plan.normaliser, plan.treatment, plan.aggregation), kinds)
        result = np.empty((len(plan), len(checked(int(plan.normaliser[0]), int(plan.treatment[0])))))
        down = _descend(tree, weights)  # the same whatever the table
        for code in np.unique(key):
            rows = np.flatnonzero(key == code)
            normaliser, treatment, place = (int(i) for i in np.unravel_index(code, kinds))
            aggregation = aggregations[place]
            geometric = isinstance(aggregation, tuple) and np.concatenate(aggregation).any()
            values = (shifted if positive and geometric else checked)(normaliser, treatment)
            result[rows] = _tree_scores(values, tree, aggregation, weights[rows], down.of(rows))
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
    return _tree_scores(values, tree, aggregation, weights, _descend(tree, weights))


def copeland(values: Floats, weights: Floats) -> Floats:
    """Copeland scores of many sets of weights: the units one is ahead of by majority of weight, less those ahead of it.

    `capmap.methods.aggregation.copeland` for replicates, with the same rule for ties, and without a least coverage: a pair
    is compared in the children that both units have, and without one neither wins.

    Parameters
    ----------
    values : (n_units, n_children) or (r, n_units, n_children) array; NaN = missing.
    weights : (r, n_children) array >= 0; only ratios matter.

    Returns
    -------
    (r, n_units) whole numbers; NaN for a unit that has nothing of weight.

    References
    ----------
    Copeland (1951); OECD/JRC (2008), Table 27.

    Examples
    --------
    >>> copeland(np.array([[3.0, 3.0, 1.0], [2.0, 2.0, 2.0], [1.0, 1.0, np.nan]]), np.full((1, 3), 1 / 3)).tolist()
    [[2.0, 0.0, -2.0]]
    """
    n_units, n_children = values.shape[-2:]
    known = ~np.isnan(values)
    plain = np.where(known, values, 0.0)
    last_digit = _LAST_DIGITS * np.abs(plain).max(axis=-2, keepdims=True, initial=0.0)[..., np.newaxis, :]
    score = np.empty((len(weights), n_units))
    per_unit = n_units * (n_children * len(values) if values.ndim == 3 else max(n_children, len(weights)))
    step = max(1, _BLOCK // max(per_unit, 1))
    for start in range(0, n_units, step):
        some = slice(start, start + step)
        one, other = plain[..., some, np.newaxis, :], plain[..., np.newaxis, :, :]
        both = known[..., some, np.newaxis, :] & known[..., np.newaxis, :, :]
        size = np.maximum(np.abs(one), np.abs(other))
        decided = both & (np.abs(one - other) > TIE * size + last_digit)
        lead, shared = (
            np.einsum("...ijc,rc->rij" if values.ndim == 2 else "rijc,rc->rij", x, weights, optimize=True)
            for x in (np.where(decided, np.sign(one - other), 0.0), both.astype(np.float64))
        )
        score[:, some] = np.where(np.abs(lead) <= 2.0 * TIE * shared, 0.0, np.sign(lead)).sum(axis=-1)
    mass = weights @ known.T if values.ndim == 2 else np.einsum("ric,rc->ri", known, weights)
    return np.where(mass > 0, score, np.nan)


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
    return _descend(tree, weights).whole


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
        ranks = ranked_rows(evaluate(plan), tie=tie)
        if sums is None:
            sums = _Sums(ranks.shape[1], plan.weights.shape[1])
        if ranks.shape[1] != sums.counts.shape[0]:
            raise ValueError(f"a block of {ranks.shape[1]} units after one of {sums.counts.shape[0]}")
        ran = np.asarray((~np.isnan(ranks)).any(axis=1))
        sums.failed += len(ran) - int(ran.sum())
        sums.add(*(ranks, plan) if ran.all() else (ranks[ran], plan.where(ran)))
    if sums is None or sums.replicates == 0:
        raise ValueError("there is no replicate" if sums is None else f"each of {sums.failed} replicates failed")
    return RankUncertainty(sums.replicates, sums.failed, sums.counts, sums.ahead, sums.both, sums.moves())


def ranked_rows(scores: Floats, *, tie: float = TIE) -> Floats:
    """`ranked`, by way of the faster of NumPy's sorts in rows where nobody is tied or without a score.

    `scores` and the result are (r, n_units).

    >>> ranked_rows(np.array([[0.5, 2.0], [1.0, np.nan]])).tolist()
    [[2.0, 1.0], [1.0, nan]]
    """
    falling = -scores
    ranks = (np.argsort(np.argsort(falling, axis=1), axis=1) + 1).astype(np.float64)
    falling.sort(axis=1)
    apart = (falling[:, 1:] - falling[:, :-1] > tie).all(axis=1)  # NaN is not
    if not apart.all() or scores.shape[1] < 2:
        plain = ~apart if scores.shape[1] > 1 else np.ones(len(scores), np.bool_)
        ranks[plain] = ranked(scores[plain], tie=tie)
    return ranks


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


class _Sums:
    """Running sums over blocks of replicates; private to `rank_uncertainty`, which hands out what they add up to."""

    def __init__(self, n_units: int, n_weights: int) -> None:
        self.replicates = self.failed = 0
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


@dataclass(frozen=True, eq=False)
class _Down:
    """Shares of the leaves in their parents, (r, n_leaves), of these in the index, (r, n_1), and of the leaves in it."""

    within: Floats
    above: Floats
    whole: Floats

    def of(self, rows: Ints) -> _Down:
        """Those of some replicates."""
        return _Down(self.within[rows], self.above[rows], self.whole[rows])


def _tree_scores(values: Floats, tree: Tree, aggregation: Aggregation, weights: Floats, down: _Down) -> Floats:
    if isinstance(aggregation, Formulas):
        return _by_formulas(values, tree, aggregation, weights)
    if isinstance(aggregation, Flat):
        return _applied(aggregation.formula, values, down.whole)
    geometric = np.concatenate(aggregation)
    if geometric.any() and (values <= 0).any():
        raise ValueError("a geometric mean needs values above 0: give the normalised table a positive scale")
    if geometric.any() and not geometric.all():
        return _walk(values, tree, aggregation, weights)
    scores, stuck = _product(np.log(values) if geometric.all() else values, tree, down)
    if geometric.all():
        np.exp(scores, out=scores)
    if stuck.any():
        rows, units = np.flatnonzero(stuck.any(axis=1)), np.flatnonzero(stuck.any(axis=0))
        walked = _walk(values[units], tree, aggregation, weights[rows])
        some = np.ix_(rows, units)
        scores[some] = np.where(stuck[some], walked, scores[some])
    return scores


def _descend(tree: Tree, weights: Floats) -> _Down:
    """Shares from the index down to the leaves.

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
    within = present * (over @ members[0].T)
    return _Down(within, above, within * (above @ members[0].T))


def _product(values: Floats, tree: Tree, down: _Down) -> tuple[Floats, Bools]:
    """Weighted arithmetic means as one matrix product, (r, n_units), and where it does not hold.

    Gaps count as 0 in the product; where a unit lacks a part of a node's children, what the node adds is then scaled up by
    the share of the others. Where it lacks all of them the levels above change too: `stuck`.
    """
    within, above = down.within, down.above
    known = ~np.isnan(values)
    plain = np.where(known, values, 0.0)
    scores = down.whole @ plain.T
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


def _walk(values: Floats, tree: Tree, aggregation: tuple[Bools, ...], weights: Floats) -> Floats:
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


def _by_formulas(values: Floats, tree: Tree, aggregation: Formulas, weights: Floats) -> Floats:
    """Scores level by level, each node by its formula."""
    below = values
    for parent, formulas, own in zip(tree.parents, aggregation.nodes, tree.by_level(weights), strict=True):
        score = np.empty((len(weights), values.shape[0], len(formulas)))
        for node, formula in enumerate(formulas):
            child = np.flatnonzero(parent == node)
            one = below[..., child[0]]
            score[..., node] = (
                np.where(own[:, child] > 0, one, np.nan) if formula is None
                else _applied(formula, below[..., child], own[:, child])
            )  # fmt: skip
        below = score
    return below[..., 0]


def _applied(formula: Formula, values: Floats, weights: Floats) -> Floats:
    """A formula on a few replicates at a time; NaN in those without any weight."""
    score = np.full((len(weights), values.shape[-2]), np.nan)
    rows = np.flatnonzero(weights.sum(axis=1) > 0)
    step = max(1, _BLOCK // max(values.shape[-2] * values.shape[-1], 1))
    for start in range(0, rows.size, step):
        some = rows[start : start + step]
        score[some] = formula(values if values.ndim == 2 else values[some], weights[some])
    return score


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
    counted = groups.astype(np.float64)
    inside = counted @ counted.T == counted.sum(axis=1)[:, np.newaxis]
    same = inside & inside.T
    kept: Bools = groups[~((inside & ~same).any(axis=1) | np.tril(same, -1).any(axis=1))]
    return kept
