"""Weights of a composite index in sentences: how they came about, and which to beware of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capmap.model import Result
from capmap.report import numbers, words

#: Ways to weight, in words.
METHODS = {
    "equal": "equal weights", "pca": "principal components", "entropy": "entropy", "critic": "CRITIC",
    "budget": "budget allocation", "ahp": "pairwise comparisons", "best_worst": "best and worst",
    "benefit_of_doubt": "benefit of the doubt", "correlation_optimised": "correlations",
}  # fmt: skip


def caption(result: Result) -> list[str]:
    """A line for weights that are not simply given, for heavy ones, for contradictions, and for rankings."""
    meta, names = result.meta, result.meta["names"]
    lines = _ways(meta["weightings"], names)
    if meta["inconsistent"]:
        named = words.joined([names[node] for node in meta["inconsistent"]])
        lines.append(
            f"the comparisons behind {named} contradict each other: the consistency ratio should be below 0.10"
        )
    if meta["over_half"]:
        named = words.joined([names[node] for node in meta["over_half"]])
        lines.append(f"more than half of the weight among their neighbours: {named}")
    own = [names[node] for node, stand_in in meta["stand_ins"].items() if stand_in == "mean weights"]
    if own:
        lines.append(f"each region has weights of its own in {words.joined(own)}; replicates take their mean")
    pairs = [names[node] for node, stand_in in meta["stand_ins"].items() if stand_in == "copeland"]
    if pairs and any(block["replicates"] for block in meta["blocks"]):
        lines.append(f"the replicates rank {words.joined(pairs)} by Copeland's rule, which stands for Kemeny's")
    return lines + [_ranking(names[node], found) for node, found in meta["rankings"].items()]


def _ways(found: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """The ways to weight, and of which nodes unless it is all of them."""
    by_way: dict[str, list[str]] = {}
    for node, one in reversed(list(found.items())):
        if one["method"] in METHODS:
            by_way.setdefault(_way(one), []).append(names[node])
    if not by_way:
        return []
    if len(by_way) == 1 and all(one["method"] in (*METHODS, "single") for one in found.values()):
        return [f"weights: {next(iter(by_way))}"]
    return [f"weights: {'; '.join(f'{words.joined(nodes)} by {way}' for way, nodes in by_way.items())}"]


def _way(one: Mapping[str, Any]) -> str:
    """A way to weight with the number by which it is judged."""
    said = METHODS[one["method"]]
    if one.get("consistency_ratio") is not None:
        return f"{said} (consistency ratio {numbers.share(one['consistency_ratio'])})"
    if one.get("explained_share") is not None:
        return f"{said} ({numbers.per_cent(one['explained_share'])}% of the variance)"
    if one.get("experts") is not None:
        return f"{said} ({words.counted(one['experts'], 'expert')})"
    return said


def _ranking(name: str, found: list[Mapping[str, Any]]) -> str:
    """How sure it is that no other ranking is supported better."""
    if any(one["method"] != "exact" for one in found):
        return f"ranking of {name}: no region can be moved with a gain, but a better ranking is not ruled out"
    several = [one for one in found if one["rankings"] > 1]
    tied = "; several are equally good, and regions have their mean place" if several else ""
    return f"ranking of {name}: no other has more support{tied}"
