"""How the nodes below each node of an index are weighted and brought together, and what is wrong with that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from capmap.data.findings import finding
from capmap.data.nearest import nearest
from capmap.data.toml import TomlFile, key_line
from capmap.errors import Finding
from capmap.model import IndexFile, IndexNode, Mean, Shares, Weighting

#: Means that give places among the regions, whose distances say nothing.
ORDINAL = ("copeland", "kemeny")
#: Means that put the scores on a scale around 100.
AROUND_100 = ("mazziotta_pareto", "adjusted_mazziotta_pareto")
#: Weights that come from the scores themselves.
FROM_DATA = ("pca", "entropy", "critic", "benefit_of_doubt", "correlation_optimised")
#: Weights that use the `weight` of the nodes.
FROM_NODES = ("given", "correlation_optimised")
#: Finite exponents of a generalised mean lie between this and its negative.
MAX_EXPONENT = 20.0
#: Points that every expert divides among the nodes of one parent, and by how much rounding may miss them.
BUDGET, ROUNDING = 100.0, 0.5
#: Share by which a comparison and its inverse may differ from 1: 0.33 stands for 1/3.
RECIPROCAL = 0.02
#: Scales by normaliser: from 0 to 1, perhaps so, or certainly not.
_SCALES = {"min_max": "unit", "goalposts": "unit", "percentile": "unit", "z_score": "free", "rank": "free"}
_ORDER = ("unit", "ratio", "free")
_SAID = {
    "ordinal": "places of regions", "free": "values outside 0 to 1", "ratio": "values that may lie outside 0 to 1",
    "unit": "values from 0 to 1", "mazziotta_pareto": "scores around 100", "adjusted_mazziotta_pareto": "scores around 100",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """How the nodes below one node are weighted and brought together, with the defaults of the index filled in."""

    node: str
    place: int | None  #: of its table in the file; None for the index itself
    children: tuple[str, ...]
    mean: Mean
    weighting: Weighting
    exponent: float | None
    order_weights: tuple[float, ...] | None
    shares: Shares
    experts: str | None
    judgements: str | None
    comparisons: tuple[tuple[float, ...], ...] | None
    best: str | None
    worst: str | None
    best_to_others: Mapping[str, float] | None
    others_to_worst: Mapping[str, float] | None


def rules(index: IndexFile) -> dict[str, Rule]:
    """The rule of the index and of every node without an indicator, in the order of the file.

    `exponent`, `order_weights`, `shares`, `experts` and `judgements` of the index hold for every node that has none; what
    compares nodes by name (`comparisons`, `best` and so on) holds for the nodes right below its own table only.
    """
    below: dict[str, list[str]] = {}
    for node in index.nodes:
        below.setdefault(node.parent or index.id, []).append(node.id)
    found = {index.id: _rule(index, index, None, below.get(index.id, ()))}
    for place, node in enumerate(index.nodes):
        if node.indicator is None:
            found.setdefault(node.id, _rule(index, node, place, below.get(node.id, ())))
    return found


def _rule(index: IndexFile, own: IndexFile | IndexNode, place: int | None, children: Iterable[str]) -> Rule:
    return Rule(
        own.id,
        place,
        tuple(children),
        own.aggregation or index.aggregation,
        own.weighting or index.weighting,
        index.exponent if own.exponent is None else own.exponent,
        own.order_weights or index.order_weights,
        own.shares or index.shares or Shares(),
        own.experts or index.experts,
        own.judgements or (None if own.comparisons else index.judgements),
        own.comparisons,
        own.best,
        own.worst,
        own.best_to_others,
        own.others_to_worst,
    )


def at(
    file: TomlFile, code: str, place: int | None, key: str, message: str, fix: str, value: str | None = None
) -> Finding:
    """A finding about a key of the node at `place`, or of the index itself."""
    line = key_line(file.text, (key,) if place is None else ("nodes", place, key))
    column = key if place is None else f"nodes.{key}"
    return finding(code, message, fix, file=file.name, line=line, column=column, value=value)


def near(text: str, known: Iterable[str]) -> str:
    """The nearest of the names, or some of them."""
    names = sorted(known)
    found = nearest(text, names)
    return f"did you mean {found[0]}?" if found else f"known: {', '.join(names[:8]) or 'none'}"


def faults(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    """What is wrong with weights and means, as far as the index file says it."""
    found = rules(index)
    for rule in found.values():
        if rule.children:
            yield from _means(index, rule, file)
            yield from _weighting(index, rule, file)
            yield from _comparisons(rule, file)
            yield from _best_worst(rule, file)
    yield from _unused(index, found, file)
    yield from _scales(index, found, file)


def _own(index: IndexFile, rule: Rule) -> IndexFile | IndexNode:
    return index if rule.place is None else index.nodes[rule.place]


def _where(index: IndexFile, rule: Rule, key: str) -> int | None:
    """Place of the table that holds a key: the node's own, or that of the index, from which it comes."""
    return rule.place if getattr(_own(index, rule), key) is not None else None


def _means(index: IndexFile, rule: Rule, file: TomlFile) -> Iterator[Finding]:
    """A mean without its key, or with one that it cannot use."""
    if rule.mean == "power":
        p = rule.exponent
        if p is None:
            said, fix = (
                f"{rule.node} has the mean power and no exponent",
                "add `exponent = ...`; 1 is the arithmetic mean",
            )
            yield at(file, "CM108", rule.place, "aggregation", said, fix, "power")
        elif not (abs(p) <= MAX_EXPONENT or math.isinf(p)):
            said = f"the exponent of {rule.node} is {p:g}"
            fix = f"write a number from -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}, inf (the best) or -inf (the worst)"
            yield at(file, "CM108", _where(index, rule, "exponent"), "exponent", said, fix, f"{p:g}")
    if rule.mean == "ordered":
        v, n = rule.order_weights, len(rule.children)
        if v is None:
            said = f"{rule.node} has the mean ordered and no order_weights"
            fix = f"add `order_weights = [...]` with {n} numbers, that of the best score first"
            yield at(file, "CM108", rule.place, "aggregation", said, fix, "ordered")
        elif len(v) != n and n > 1:
            said = f"order_weights has {len(v)} numbers, and {rule.node} has {n} nodes below it"
            fix = f"write {n} numbers: for {', '.join(rule.children)} sorted by their scores, the best first"
            yield at(file, "CM108", _where(index, rule, "order_weights"), "order_weights", said, fix, str(list(v)))
        elif not (all(0 <= one < math.inf for one in v) and sum(v) > 0):
            said = f"order_weights of {rule.node} are to be numbers from 0 that add up to more than 0"
            yield at(
                file, "CM108", _where(index, rule, "order_weights"), "order_weights", said, "mend them", str(list(v))
            )


def _unused(index: IndexFile, found: Mapping[str, Rule], file: TomlFile) -> Iterator[Finding]:
    """Keys that say nothing where they stand: those of another mean, and weights that nobody asks for."""
    for key, mean in (("exponent", "power"), ("order_weights", "ordered")):
        for rule in found.values():
            users = found.values() if rule.place is None else (rule,)
            if getattr(_own(index, rule), key) is not None and all(one.mean != mean for one in users):
                said = f"`{key}` of {rule.node} belongs to the mean {mean}, and its mean is {rule.mean}"
                yield at(file, "CM108", rule.place, key, said, f'write `aggregation = "{mean}"`, or take it out')
    for place, node in enumerate(index.nodes):
        above = found.get(node.parent or index.id)
        if above is not None and "weight" in node.model_fields_set and above.weighting not in FROM_NODES:
            said = f"the weight of {node.id} says nothing: {above.node} is weighted by {above.weighting}"
            fix = 'take it out, or write `weighting = "given"`'
            yield at(file, "CM110", place, "weight", said, fix, f"{node.weight:g}")


def _weighting(index: IndexFile, rule: Rule, file: TomlFile) -> Iterator[Finding]:
    """A way to weight without what it rests on."""
    n, key = len(rule.children), _where(index, rule, "weighting")
    named = ", ".join(rule.children)
    if n > 1 and rule.weighting == "budget" and rule.experts is None:
        said = f"{rule.node} is weighted by a budget of experts and has none"
        fix = '`experts = "FILE.csv"`, beside the index file, with the columns expert,node,points'
        yield at(file, "CM110", key, "weighting", said, fix, "budget")
    if n > 1 and rule.weighting == "ahp" and rule.comparisons is None and rule.judgements is None:
        said = f"{rule.node} is weighted by pairwise comparisons and has none"
        fix = f"`comparisons = [[1, ...], ...]` of {named}, or `judgements` with a CSV of node,other,ratio"
        yield at(file, "CM110", key, "weighting", said, fix, "ahp")
    lacking = [name for name in ("best", "worst", "best_to_others", "others_to_worst") if getattr(rule, name) is None]
    if n > 1 and rule.weighting == "best_worst" and lacking:
        said = f"{rule.node} is weighted by best and worst, and lacks {', '.join(lacking)}"
        yield at(file, "CM110", key, "weighting", said, f"add {'it' if len(lacking) == 1 else 'them'}", "best_worst")
    if n > 1 and (rule.shares.low * n > 1 + 1e-9 or rule.shares.high * n < 1 - 1e-9):
        said = f"no {n} shares that add up to 1 fit between {rule.shares.low:g} and {rule.shares.high:g} ({rule.node})"
        fix = f"`low` is at most 1/{n} and `high` at least 1/{n}"
        written = f"low = {rule.shares.low:g}, high = {rule.shares.high:g}"
        yield at(file, "CM110", _where(index, rule, "shares"), "shares", said, fix, written)


def _comparisons(rule: Rule, file: TomlFile) -> Iterator[Finding]:
    """A matrix of comparisons in the file that is incomplete or contradicts itself."""
    a, names, n = rule.comparisons, rule.children, len(rule.children)
    if a is None:
        return
    if len(a) != n or any(len(row) != n for row in a):
        shape = f"{len(a)} rows of {' or '.join(str(k) for k in sorted({len(row) for row in a}))} numbers"
        said = f"comparisons of {rule.node} has {shape}, and there are {n} nodes below it"
        fix = f"write {n} rows of {n} numbers, both in the order {', '.join(names)}"
        yield at(file, "CM112", rule.place, "comparisons", said, fix)
        return
    for i, j in combinations_with_replacement(range(n), 2):
        if not (0 < a[i][j] < math.inf and 0 < a[j][i] < math.inf):
            said = f"the comparison of {names[i]} and {names[j]} is not above 0"
            fix = "write how many times as important the one is: 1 to 9, or 1/9 to 1"
            yield at(file, "CM112", rule.place, "comparisons", said, fix, f"{min(a[i][j], a[j][i]):g}")
        elif abs(a[i][j] * a[j][i] - 1) > RECIPROCAL:
            yield at(
                file, "CM112", rule.place, "comparisons", *contradiction(names[i], names[j], a[i][j], a[j][i]), f"{a[j][i]:g}"
            )  # fmt: skip


def contradiction(one: str, other: str, there: float, back: float) -> tuple[str, str]:
    """Words for two comparisons of one pair that are not inverses, and what to do."""
    if one == other:
        return f"{one} is {there:g} times as important as itself", "write 1"
    said = f"{one} is {there:g} times as important as {other}, and {other} {back:g} times as {one}"
    return said, f"the second is 1/{there:g} = {1 / there:g}"


def _best_worst(rule: Rule, file: TomlFile) -> Iterator[Finding]:
    """Answers of the best-worst method that name other nodes, leave some out or contradict themselves."""
    known = {"best": rule.best, "worst": rule.worst}
    for key, name in known.items():
        if name is not None and name not in rule.children:
            said = f"{name} is not right below {rule.node}"
            yield at(file, "CM112", rule.place, key, said, near(name, rule.children), name)
    if rule.best is not None and rule.best == rule.worst:
        said = f"{rule.best} is the best and the worst of {rule.node}"
        yield at(file, "CM112", rule.place, "worst", said, "name two different nodes", rule.worst)
    for key, itself in (("best_to_others", rule.best), ("others_to_worst", rule.worst)):
        answers: Mapping[str, float] | None = getattr(rule, key)
        if answers is None:
            continue
        for name, value in answers.items():
            if name not in rule.children:
                said = f"{name} is not right below {rule.node}"
                yield at(file, "CM112", rule.place, key, said, near(name, rule.children), name)
            elif not 1 <= value < math.inf or (name == itself and value != 1):
                limit = "1: it is itself" if name == itself else "a number from 1 to 9"
                yield at(
                    file, "CM112", rule.place, key, f"`{key}` of {name} is {value:g}", f"write {limit}", f"{value:g}"
                )
        lacking = [name for name in rule.children if name not in answers and name not in known.values()]
        if lacking:
            said = f"`{key}` of {rule.node} says nothing of {', '.join(lacking)}"
            yield at(file, "CM112", rule.place, key, said, "add how many times as important")
    yield from _best_to_worst(rule, file)


def _best_to_worst(rule: Rule, file: TomlFile) -> Iterator[Finding]:
    """The one comparison that both lists may hold: it is there, and once."""
    if rule.best is None or rule.worst is None or rule.best_to_others is None or rule.others_to_worst is None:
        return
    given = [rule.best_to_others.get(rule.worst), rule.others_to_worst.get(rule.best)]
    values = [one for one in given if one is not None]
    if not values:
        said = f"nothing says how many times as important {rule.best} is as {rule.worst}"
        yield at(file, "CM112", rule.place, "best_to_others", said, f"add `{rule.worst} = ...`")
    elif len(set(values)) > 1:
        said = f"{rule.best} against {rule.worst} is {values[0]:g} in one answer and {values[1]:g} in the other"
        yield at(file, "CM112", rule.place, "others_to_worst", said, "write the same number twice", f"{values[1]:g}")


def _scales(index: IndexFile, found: Mapping[str, Rule], file: TomlFile) -> Iterator[Finding]:
    """Scores that cannot be brought together so: places averaged, scales mixed."""
    nodes = {node.id: node for node in index.nodes}
    for rule in found.values():
        scales = {child: _scale(index, nodes, found, child) for child in rule.children}
        if None in scales.values():
            continue  # a tree with faults of its own
        place = _where(index, rule, "aggregation")
        if len(rule.children) == 1:
            continue  # hands its score up
        for said, fix in _mixed(rule, {child: scale for child, scale in scales.items() if scale}):
            yield at(file, "CM109", place, "aggregation", said, fix, rule.mean)
        ordinal = [child for child, scale in scales.items() if scale == "ordinal"]
        if ordinal and rule.weighting in FROM_DATA:
            said = f"{rule.node} is weighted by {rule.weighting}, and {ordinal[0]} has places of regions, without distances"
            fix = "weight it by given, equal, budget, ahp or best_worst"
            yield at(file, "CM109", _where(index, rule, "weighting"), "weighting", said, fix, rule.weighting)
        if rule.weighting == "benefit_of_doubt" and rule.mean != "arithmetic":
            said = f"benefit_of_doubt weights an arithmetic mean, and that of {rule.node} is {rule.mean}"
            fix = f'write `aggregation = "arithmetic"` for {rule.node}'
            yield at(file, "CM109", place, "aggregation", said, fix, rule.mean)


def _mixed(rule: Rule, scales: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a mean cannot do with the scales of the nodes below it, and what to do."""

    def named(*wrong: str) -> str:
        child, scale = next((child, scale) for child, scale in scales.items() if scale in wrong)
        return f"{child} ({_SAID[scale]})"

    there = set(scales.values())
    if rule.mean in ORDINAL:
        return
    if "ordinal" in there:
        said = f"{rule.node} takes the {rule.mean} mean of {named('ordinal')}, which have no distances"
        yield said, f'write `aggregation = "copeland"` or `"kemeny"` for {rule.node}'
    elif rule.mean == "mazziotta_pareto":
        return  # brings every child to mean 100
    elif rule.mean == "adjusted_mazziotta_pareto":
        if wrong := there - {"unit", "adjusted_mazziotta_pareto"}:
            said = f"{rule.node} has the mean adjusted_mazziotta_pareto, which needs bounds: {named(*wrong)}"
            yield said, "use the normaliser min_max or goalposts below it"
    elif rule.mean == "bottleneck" and (wrong := there & {"free", *AROUND_100}):
        said = f"the penalty for bottleneck needs values from 0 to 1, and {rule.node} has {named(*wrong)}"
        yield said, "use the normaliser min_max, goalposts or percentile below it"
    elif there & set(AROUND_100) and len(there) > 1:
        rest = there - {AROUND_100[0]} if AROUND_100[0] in there else there - {AROUND_100[1]}
        said = f"{rule.node} takes the {rule.mean} mean of {named(*(there - rest))} and of {named(*rest)}"
        yield said, "bring the nodes below together in one way, or use mazziotta_pareto here, which rescales them"


def _scale(
    index: IndexFile, nodes: Mapping[str, IndexNode], found: Mapping[str, Rule], node: str, seen: Sequence[str] = ()
) -> str | None:
    """Scale of the scores of a node; None in a tree with faults."""
    if node in seen or node not in nodes:
        return None
    if node not in found or not found[node].children:
        return _SCALES.get(nodes[node].normaliser or index.normaliser, "ratio")
    rule = found[node]
    if len(rule.children) == 1:
        return _scale(index, nodes, found, rule.children[0], (*seen, node))
    if rule.mean in ORDINAL:
        return "ordinal"
    if rule.mean in AROUND_100:
        return rule.mean
    if rule.weighting == "benefit_of_doubt":
        return "unit"
    below = [_scale(index, nodes, found, child, (*seen, node)) for child in rule.children]
    if not below or None in below:
        return None
    return max((one for one in below if one), key=lambda one: _ORDER.index(one) if one in _ORDER else len(_ORDER))
