"""Weights of a composite index, node by node from the indicators upwards, and the scores that they give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capmap.analyses.composite.means import STAND_INS, Combined, combined, exponent
from capmap.analyses.composite.tree import Framework
from capmap.data.index_rules import Rule
from capmap.errors import RefusedError
from capmap.methods import aggregation, weighting

Floats = NDArray[np.float64]

#: Share among siblings above which a weight is flagged (OECD/JRC 2008, section 6).
TOO_HEAVY = 0.5
#: Largest score of a node weighted by benefit of the doubt, with room for round-off.
_TIE = 1e-9
#: What to do where a way to weight does not take the scores.
_FIXES = {
    "entropy": "use a normaliser from 0 upwards, such as min_max, or another weighting",
    "benefit_of_doubt": "use goalposts below the lowest value, or leave `low` of `shares` out",
}


@dataclass(frozen=True)
class Own:
    """Weights of every unit for itself (benefit of the doubt); (n_units, n_children), NaN for units without."""

    weights: Floats  #: they multiply the scores of the nodes below
    scaled: Floats  #: the same, sum 1
    shares: Floats  #: what each of these products is of the score


@dataclass(frozen=True)
class Weights:
    """Weights of the nodes right below one node, and what the method says of them."""

    method: str  #: as in the file; `single` for a single node
    values: Floats  #: (n_children,)
    of_all: Mapping[str, Any] = field(default_factory=dict)  #: said of them together
    of_each: Mapping[str, Sequence[Any]] = field(default_factory=dict)  #: said of each
    own: Own | None = None


@dataclass(frozen=True)
class _Case:
    """A node whose children are to be weighted."""

    rule: Rule
    values: Floats  #: (n_units, n_children)
    given: Floats  #: (n_children,) the weights of the file
    answers: Mapping[str, Sequence[tuple[str, str, float]]]  #: of experts, by the name of their table
    least: float  #: share of the children that a unit must have, one in any case


@dataclass(frozen=True)
class Weighed:
    """The index with its weights, and the scores of every node, (n_units,), with what they rest on."""

    frame: Framework
    scores: Mapping[str, Floats]
    weights: Mapping[str, Weights]  #: by the node above
    combined: Mapping[str, Combined]  #: of every node that has nodes below it
    notes: Mapping[str, NDArray[np.str_]]  #: of these nodes, (n_units,): why there is no score, or a child is missing

    @property
    def shifts(self) -> dict[str, float]:
        """Constant that made scores positive before the mean of a node, 0 where they were, for means that need it."""
        return {
            node: self.combined[node].shift for node, rule in self.frame.rules.items() if exponent(rule) is not None
        }

    @property
    def stand_ins(self) -> dict[str, str]:
        """What replicates take in place of a mean that they cannot repeat, by node."""
        found = {
            node: STAND_INS[rule.mean] for node, rule in self.frame.rules.items()
            if rule.mean in STAND_INS and len(rule.children) > 1
        }  # fmt: skip
        return found | {node: "mean weights" for node, one in self.weights.items() if one.own is not None}


def weighed(
    frame: Framework, scores: Floats, regions: Sequence[str], shifts: Mapping[str, float] | None = None
) -> Weighed:
    """Weights and scores of every node, from the indicators upwards.

    Weights that come from the data are those of the scores of the nodes right below, over all units of all periods
    together, so that years compare. Units that lack one of them do not count there, but for entropy, which looks at one
    node at a time. Replicates of a Monte Carlo start from these weights and do not estimate them again.

    Parameters
    ----------
    scores : (n_units, n_leaves) normalised and directed, periods one after the other; NaN for units that are not scored.
    regions : of every period, in the order of its units.
    shifts : constants of an earlier run that keep its scale, by node.

    Raises
    ------
    RefusedError : weights that do not exist for these scores, or a mean that does not take them.
    """
    known = {leaf.node.id: scores[:, k] for k, leaf in enumerate(frame.leaves)}
    found: dict[str, Weights] = {}
    made: dict[str, Combined] = {}
    notes: dict[str, NDArray[np.str_]] = {}
    for node in frame.inner:
        rule = frame.rules[node]
        values = np.column_stack([known[child] for child in rule.children])
        one = _weights(frame, rule, values, regions)
        if one.own is None:
            adjusted = [child for child in rule.children if _is_adjusted(frame, child)]
            made[node] = combined(
                rule,
                values,
                one.values,
                len(regions),
                shift=(shifts or {}).get(node),
                adjusted=adjusted,
                least=frame.file.min_pillar,
            )
        else:
            made[node] = Combined(_by_own_weights(frame, rule, values, one.own), 0.0, ())
        known[node], found[node] = made[node].scores, one
        notes[node] = _notes(values, one, made[node].scores, frame.file.min_pillar)
    weights = {
        child: float(weight)
        for node, one in found.items()
        for child, weight in zip(frame.rules[node].children, one.values, strict=True)
    }
    return Weighed(replace(frame, weights=weights), known, found, made, notes)


def _is_adjusted(frame: Framework, node: str) -> bool:
    """Whether the scores of a node are on the scale of the adjusted Mazziotta-Pareto index."""
    while node in frame.rules and len(frame.rules[node].children) == 1:
        (node,) = frame.rules[node].children
    return node in frame.rules and frame.rules[node].mean == "adjusted_mazziotta_pareto"


def _notes(values: Floats, one: Weights, scores: Floats, least: float) -> NDArray[np.str_]:
    missing = np.isnan(values[:, one.values > 0]).any(axis=1)
    enough = aggregation.reasons(values, one.values, min_coverage=least) == "" if len(values) else missing
    without = np.where(enough, "no_own_weights" if one.own is not None else "low_coverage", "low_coverage")
    return np.where(np.isnan(scores), without, np.where(missing, "renormalised", ""))


def _weights(frame: Framework, rule: Rule, values: Floats, regions: Sequence[str]) -> Weights:
    """Weights of the nodes right below one node."""
    given = np.array([frame.weights[child] for child in rule.children])
    if len(rule.children) == 1:
        return Weights("single", np.ones(1))
    try:
        return _METHODS[rule.weighting](_Case(rule, values, given, frame.file.answers, frame.file.min_pillar))
    except (ValueError, RuntimeError) as error:
        said = f"no weights by {rule.weighting} for {rule.node}: {_named(str(error), rule, regions)}"
        raise RefusedError(said, fix=_FIXES.get(rule.weighting, "weight it in another way, such as equal")) from None


def _named(message: str, rule: Rule, regions: Sequence[str]) -> str:
    """A message about positions with the names of nodes and regions in it."""
    message = re.sub(r"indicator number (\d+)", lambda found: rule.children[int(found[1])], message)
    return re.sub(r"^unit (\d+)", lambda found: regions[int(found[1]) % len(regions)], message)


def _given(case: _Case) -> Weights:
    return Weights("given", case.given)


def _equal(case: _Case) -> Weights:
    return Weights("equal", np.ones(len(case.given)))


def _pca(case: _Case) -> Weights:
    found = weighting.principal_components(case.values)
    explained = float(found.explained.sum() / len(case.given))
    each = {"component": (found.component + 1).tolist()}
    return Weights("pca", found.weights, {"explained_share": explained, "units": found.n_units}, each)


def _entropy(case: _Case) -> Weights:
    return Weights(
        "entropy", weighting.entropy(case.values), of_each={"units": (~np.isnan(case.values)).sum(axis=0).tolist()}
    )


def _critic(case: _Case) -> Weights:
    return Weights("critic", weighting.critic(case.values), {"units": _complete(case.values)})


def _budget(case: _Case) -> Weights:
    rows = case.answers.get(case.rule.experts or "", ())
    experts = list(dict.fromkeys(expert for expert, _, _ in rows))
    points = np.full((len(experts), len(case.rule.children)), np.nan)
    for expert, node, number in rows:
        if node in case.rule.children:
            points[experts.index(expert), case.rule.children.index(node)] = number
    found = weighting.budget_allocation(points)
    each = {"weight_sd": found.sd.tolist(), "weight_low": found.low.tolist(), "weight_high": found.high.tolist()}
    return Weights("budget", found.weights, {"experts": found.n_experts}, each)


def _ahp(case: _Case) -> Weights:
    found = weighting.analytic_hierarchy(comparisons(case))
    return Weights("ahp", found.weights, {"consistency_ratio": found.consistency_ratio, "consistent": found.consistent})


def comparisons(case: _Case) -> Floats:
    """(n_children, n_children) how many times as important each node right below is as each other.

    A pair that a table holds once is inverted for the other way round. NaN where nobody compared two nodes.

    Raises
    ------
    ValueError : a matrix in the file for other nodes than there are, as when one of them is left out.
    """
    n = len(case.rule.children)
    if case.rule.comparisons is not None:
        if len(case.rule.comparisons) != n:
            raise ValueError(f"comparisons has {len(case.rule.comparisons)} rows for {n} nodes")
        return np.array(case.rule.comparisons)
    a = np.full((n, n), np.nan)
    np.fill_diagonal(a, 1.0)
    rows = case.answers.get(case.rule.judgements or "", ())
    pairs = {
        (one, other): ratio for one, other, ratio in rows if one in case.rule.children and other in case.rule.children
    }
    for (one, other), ratio in pairs.items():
        i, j = case.rule.children.index(one), case.rule.children.index(other)
        a[i, j] = ratio
        if (other, one) not in pairs:
            a[j, i] = 1.0 / ratio
    return a


def _best_worst(case: _Case) -> Weights:
    best, worst = case.rule.best or "", case.rule.worst or ""
    if best not in case.rule.children or worst not in case.rule.children:
        raise ValueError("the best or the worst node is not among the nodes below it")
    there, back = dict(case.rule.best_to_others or {}), dict(case.rule.others_to_worst or {})
    between = there.get(worst, back.get(best, np.nan))
    there |= {best: 1.0, worst: between}
    back |= {worst: 1.0, best: between}
    found = weighting.best_worst(
        [there.get(child, np.nan) for child in case.rule.children], [back.get(child, np.nan) for child in case.rule.children],
        best=case.rule.children.index(best), worst=case.rule.children.index(worst),
    )  # fmt: skip
    return Weights("best_worst", found.weights, {"xi": found.xi})


def _benefit_of_doubt(case: _Case) -> Weights:
    """Own weights of every unit with enough children, and their mean, each unit's scaled to add up to 1.

    Without bounds a missing child counts as 0, the least favourable value there is, so that it cannot be what a unit is
    good at (Kuosmanen 2002) and the others share the weight. Bounds on shares cannot be kept so: then a unit needs all.
    """
    low, high = case.rule.shares.low, case.rule.shares.high
    missing = np.isnan(case.values)
    enough = aggregation.reasons(case.values, min_coverage=case.least) == ""
    free = low == 0 and high == 1
    table = np.where(missing & free, 0.0, case.values)
    table[~enough] = np.nan
    found = weighting.benefit_of_doubt(table, low=low, high=high)
    total = found.weights.sum(axis=1, keepdims=True)
    scaled = np.divide(found.weights, total, out=np.full(case.values.shape, np.nan), where=total > 0)
    known = ~np.isnan(scaled).any(axis=1)
    if not known.any():
        raise ValueError("no region has weights of its own")
    each = {"weight_low": scaled[known].min(axis=0).tolist(), "weight_high": scaled[known].max(axis=0).tolist(),
            "weight_sd": _sd(scaled[known]).tolist()}  # fmt: skip
    own = Own(found.weights, scaled, found.shares)
    return Weights(
        "benefit_of_doubt", weighting.given(scaled[known].mean(axis=0)), {"units": int(known.sum())}, each, own
    )


def _sd(table: Floats) -> Floats:
    return table.std(axis=0, ddof=1) if len(table) > 1 else np.full(table.shape[1], np.nan)


def _correlation_optimised(case: _Case) -> Weights:
    found = weighting.correlation_optimised(
        case.values, case.given, low=case.rule.shares.low, high=case.rule.shares.high
    )
    each = {"importance": found.correlations.tolist()}
    return Weights("correlation_optimised", found.weights, {"gap": found.gap, "units": _complete(case.values)}, each)


def _complete(values: Floats) -> int:
    return int((~np.isnan(values).any(axis=1)).sum())


_METHODS: Mapping[str, Callable[[_Case], Weights]] = {
    "given": _given,
    "equal": _equal,
    "pca": _pca,
    "entropy": _entropy,
    "critic": _critic,
    "budget": _budget,
    "ahp": _ahp,
    "best_worst": _best_worst,
    "benefit_of_doubt": _benefit_of_doubt,
    "correlation_optimised": _correlation_optimised,
}


def _by_own_weights(frame: Framework, rule: Rule, values: Floats, own: Own) -> Floats:
    """Scores under own weights: from 0 to 1, where 1 says that nobody is better under these weights.

    Raises
    ------
    RefusedError : the node stands beside others that are not from 0 to 1.
    """
    above = [one for one in frame.rules.values() if rule.node in one.children]
    if above and len(above[0].children) > 1 and above[0].mean != "mazziotta_pareto" and np.nanmax(values) > 1 + _TIE:
        said = f"benefit of the doubt scores {rule.node} from 0 to 1, and scores below it reach {np.nanmax(values):g}"
        raise RefusedError(said, fix="use min_max or goalposts, so that all nodes are on one scale")
    scores = np.nansum(own.weights * np.nan_to_num(values), axis=1)
    return np.where(np.isnan(own.weights).any(axis=1), np.nan, scores)
