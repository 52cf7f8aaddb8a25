"""Whether the indicators of a composite index belong together, and what really decides its scores. (step 8)

All on scores of indicators, which have one direction and one scale, over all regions that are scored, years together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.composite import steps as step
from capmap.analyses.composite.build import Built, units
from capmap.analyses.composite.gap import NO_GAP, Step, parts_of, step_of
from capmap.methods import coherence
from capmap.methods.normalisation import ConstantError

Floats = NDArray[np.float64]

CORRELATION_COLUMNS = ("index", "node", "other", "relation", "rho", "n", "flag")
ALPHA_COLUMNS = (
    "index",
    "node",
    "item",
    "items",
    "n",
    "alpha",
    "mean_correlation",
    "alpha_dropped",
    "item_rest",
    "note",
)
COMPONENT_COLUMNS = (
    "index", "node", "component", "item", "items", "n", "eigenvalue", "explained", "cumulative", "loading", "note",
)  # fmt: skip
CONTRIBUTION_COLUMNS = (
    "index", "year", "region", "node", "parent", "score", "contribution", "contribution_share", "beside_mean", "note",
)  # fmt: skip
IMPORTANCE_COLUMNS = (
    "index", "node", "other", "n", "weight_share", "covariance_share", "main_effect", "pearson2", "spearman2",
)  # fmt: skip


def coherence_tables(built: Built) -> dict[str, pl.DataFrame]:
    """The tables of the coherence step, each sorted by its keys.

    - `correlations` (CORRELATION_COLUMNS): of two nodes with one parent (`sibling`), of a node with its parent and all above
      (`above`), and of an indicator with the parents of others (`across`).
    - `alpha` (ALPHA_COLUMNS): standardised Cronbach alpha of the indicators below each node, and what each does to it.
    - `components` (COMPONENT_COLUMNS): principal components of the same.
    - `contributions` (CONTRIBUTION_COLUMNS): what each indicator adds to the score of each region.
    - `importance` (IMPORTANCE_COLUMNS): how much each indicator has to do with the scores, beside its weight.
    """
    return {
        "correlations": correlations(built),
        "alpha": alpha(built),
        "components": components(built),
        "contributions": contributions(built),
        "importance": importance(built),
    }


def _parents(built: Built) -> dict[str, str]:
    return {child: node for node, below in built.frame.children.items() for child in below}


def correlations(built: Built) -> pl.DataFrame:
    """Pearson correlations between nodes, with what they ask: CORRELATION_COLUMNS.

    Flags: `collinear` (|rho| > 0.9) and `conflict` (rho < -0.4) of siblings; `weak` (|rho| < 0.3) and `conflict` of a node
    with one above it; `elsewhere` of an indicator whose rho with a node of another branch exceeds that with its own parent.
    """
    frame = built.frame
    nodes = [node for node in built.scores if not np.isnan(built.scores[node]).all()]
    found = coherence.correlation(np.column_stack([built.scores[node] for node in nodes]))
    place = {node: k for k, node in enumerate(nodes)}
    parent = _parents(built)
    own = {
        leaf.node.id: found.rho[place[leaf.node.id], place[leaf.parent]]
        for leaf in frame.leaves if leaf.node.id in place and leaf.parent in place
    }  # fmt: skip
    rows = []
    for node, other, relation in _pairs(built):
        if node not in place or other not in place:
            continue
        rho = float(found.rho[place[node], place[other]])
        single = relation == "above" and len(frame.columns(other)) == 1
        rows.append(
            {"index": frame.root, "node": node, "other": other, "relation": relation, "rho": rho,
             "n": int(found.n[place[node], place[other]]),
             "flag": None if single else _flag(relation, rho, own.get(node), frame.level[other] == frame.level[parent[node]])}
        )  # fmt: skip
    schema: dict[str, Any] = dict.fromkeys(CORRELATION_COLUMNS, pl.String) | {"rho": pl.Float64, "n": pl.Int32}
    table = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("rho").fill_nan(None))
    return table.sort("index", "relation", "node", "other")


def _pairs(built: Built) -> Iterator[tuple[str, str, str]]:
    """Pairs of nodes that are looked at, and how they are related."""
    frame, parent = built.frame, _parents(built)
    for below in frame.children.values():
        for k, node in enumerate(below):
            yield from ((node, other, "sibling") for other in below[k + 1 :])
    above: dict[str, list[str]] = {}
    for node in parent:
        above[node] = [parent[node]]
        while above[node][-1] in parent:
            above[node].append(parent[above[node][-1]])
        yield from ((node, other, "above") for other in above[node])
    groups = list(dict.fromkeys(leaf.parent for leaf in frame.leaves))
    for leaf in frame.leaves:
        yield from ((leaf.node.id, other, "across") for other in groups if other not in above[leaf.node.id])


def _flag(relation: str, rho: float, own: float | None, level: bool) -> str | None:
    """What a correlation asks, None where nothing."""
    if relation == "across":
        return "elsewhere" if level and own is not None and rho > own else None
    flags = coherence.correlation_flags(np.array([rho]))
    if bool(flags.conflict[0]):
        return "conflict"
    if relation == "sibling":
        return "collinear" if bool(flags.collinear[0]) else None
    return "weak" if bool(flags.weak[0]) else None


def _items(built: Built) -> Iterator[tuple[str, list[str], Floats]]:
    """Every node with indicators below it: their ids and their scores, (n_scored, n_indicators)."""
    frame = built.frame
    scored = ~np.isnan(built.scores[frame.root])
    table = np.column_stack([one.score for one in built.columns])[scored]
    for node in reversed(frame.inner):
        places = frame.columns(node)
        yield node, [frame.leaves[k].node.id for k in places], table[:, places]


def _refusal(items: Floats) -> str | None:
    """Why there is neither alpha nor a component, None where there is."""
    if items.shape[1] < 2:
        return "one_indicator"
    return "few_complete" if (~np.isnan(items).any(axis=1)).sum() < coherence.MIN_PAIRS else None


def alpha(built: Built) -> pl.DataFrame:
    """Standardised Cronbach alpha of the indicators below each node: ALPHA_COLUMNS.

    The row without an `item` is alpha of them all; the others are alpha without the item, and its correlation with the sum
    of the rest. Units without a gap only. Where there is no alpha, `note` says why.
    """
    rows: list[dict[str, Any]] = []
    for node, ids, table in _items(built):
        keys = {"index": built.frame.root, "node": node, "items": len(ids)}
        note = _refusal(table)
        try:
            found = None if note else coherence.cronbach_alpha(table)
        except ConstantError:
            found, note = None, "constant"
        except ValueError:
            found, note = None, "no_bound"
        if found is None:
            rows.append(keys | {"note": note})
            continue
        keys |= {"n": found.n}
        rows.append(keys | {"alpha": found.alpha, "mean_correlation": found.mean_correlation})
        rows += [
            keys | {"item": item, "alpha_dropped": float(found.dropped[k]), "item_rest": float(found.item_rest[k])}
            for k, item in enumerate(ids)
        ]
    schema: dict[str, Any] = dict.fromkeys(ALPHA_COLUMNS, pl.Float64) | dict.fromkeys(
        ("index", "node", "item", "note"), pl.String
    )
    made = pl.DataFrame(rows, schema=schema | {"items": pl.Int32, "n": pl.Int32}, orient="row")
    known = pl.col("alpha", "mean_correlation", "alpha_dropped", "item_rest").fill_nan(None)
    return made.with_columns(known).sort("index", "node", "item")


def components(built: Built) -> pl.DataFrame:
    """Principal components of the indicators below each node: COMPONENT_COLUMNS, a row per component and indicator."""
    rows: list[dict[str, Any]] = []
    for node, ids, table in _items(built):
        keys = {"index": built.frame.root, "node": node, "items": len(ids)}
        note = _refusal(table)
        try:
            found = None if note else coherence.principal_components(table)
        except ConstantError:
            found, note = None, "constant"
        if found is None:
            rows.append(keys | {"note": note})
            continue
        rows += [
            keys | {"component": j + 1, "item": item, "n": found.n, "eigenvalue": float(found.eigenvalues[j]),
                    "explained": float(found.explained[j]), "cumulative": float(found.cumulative[j]),
                    "loading": float(found.loadings[k, j])}
            for j in range(len(ids)) for k, item in enumerate(ids)
        ]  # fmt: skip
    schema: dict[str, Any] = dict.fromkeys(COMPONENT_COLUMNS, pl.Float64) | dict.fromkeys(
        ("index", "node", "item", "note"), pl.String
    )
    whole = dict.fromkeys(("items", "n", "component"), pl.Int32)
    return pl.DataFrame(rows, schema=schema | whole, orient="row").sort("index", "node", "component", "item")


def contributions(built: Built) -> pl.DataFrame:
    """What each indicator adds to the score of each scored region: CONTRIBUTION_COLUMNS.

    `contribution` adds up to the score of the index: under arithmetic means it is weight times score, the weights of missing
    nodes shared out among the others. A geometric mean has no such parts; there each node takes the share of its logarithm
    above the lowest score found beside it, w ln((x + c)/(low + c)) with c the shift of the mean. Benefit of the doubt has the
    shares of the region's own weights. With any other mean it is null (`not_decomposable`).

    `beside_mean` adds up to the distance from the score of a region that has the mean score in every indicator of this one:
    exact for arithmetic and geometric means, by Shapley values for others; see `index_gap.gap`. A missing indicator has no
    row.
    """
    frame = built.frame
    everybody = units(built)
    parts = []
    for scored in built.scored.values():
        steps = {node: step_of(built, node) for node in frame.inner}
        own = {node: score[scored] for node, score in built.scores.items()}
        shared = _shared(built, steps, own, scored)
        beside = _beside_mean(built, steps, own)
        parts += [
            everybody[scored.tolist()].with_columns(
                node=pl.lit(leaf.node.id), parent=pl.lit(leaf.parent), score=own[leaf.node.id],
                contribution=shared[leaf.node.id], contribution_share=_over(shared[leaf.node.id], own[frame.root]),
                beside_mean=beside[leaf.node.id],
                note=pl.Series(np.where(np.isnan(own[leaf.parent]), "low_coverage", "not_decomposable")),
            )
            for leaf in frame.leaves
        ]  # fmt: skip
    table: pl.DataFrame = pl.concat(parts).with_columns(
        pl.col("score", "contribution", "contribution_share", "beside_mean").fill_nan(None)
    )
    lacking = pl.any_horizontal(pl.col("contribution", "beside_mean").is_null())
    table = table.drop_nulls("score").with_columns(note=pl.when(lacking).then("note"))
    return table.select(CONTRIBUTION_COLUMNS).sort("index", "year", "region", "node")


def _over(part: Floats, whole: Floats) -> Floats:
    """Part over whole, NaN where the whole is nothing."""
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=np.abs(whole) > NO_GAP)
    return shares


def _shared(
    built: Built, steps: Mapping[str, Step], own: Mapping[str, Floats], places: NDArray[np.intp]
) -> dict[str, Floats]:
    """Scores of the index shared out among the nodes below, (n_units,) each; NaN where a mean has no parts."""
    root = built.frame.root
    found = {root: own[root]}
    rate = {root: np.ones(own[root].shape)}  # contribution of a node over its score
    for node in reversed(built.frame.inner):
        one = steps[node]
        below = np.column_stack([own[child] for child in one.children])
        has = ~np.isnan(below)
        mass = (has * one.weights).sum(axis=1, keepdims=True)
        weight = np.divide(one.weights, mass, out=np.full(below.shape, np.nan), where=(mass > 0) & has)
        own_shares = built.weighed.weights[node].own
        if own_shares is not None:
            part = found[node][:, np.newaxis] * own_shares.shares[places]
            rates = np.divide(part, below, out=np.zeros(below.shape), where=np.abs(below) > NO_GAP)
        elif one.kind == "arithmetic":
            rates = rate[node][:, np.newaxis] * weight
            part = rates * below
        elif one.kind == "geometric":
            above = weight * np.log((below + one.shift) / (np.nanmin(below) + one.shift))
            whole = np.nansum(above, axis=1, keepdims=True)
            part = found[node][:, np.newaxis] * np.divide(above, whole, out=weight.copy(), where=whole > NO_GAP)
            rates = np.divide(part, below, out=np.zeros(below.shape), where=np.abs(below) > NO_GAP)
        else:
            part = rates = np.full(below.shape, np.nan)
        for j, child in enumerate(one.children):
            found[child], rate[child] = part[:, j], rates[:, j]
    return found


def _beside_mean(built: Built, steps: Mapping[str, Step], own: Mapping[str, Floats]) -> dict[str, Floats]:
    """What each indicator adds to the distance from a region with the mean score in everything that the region has."""
    frame = built.frame
    mean = {
        leaf.node.id: np.where(np.isnan(own[leaf.node.id]), np.nan, np.nanmean(own[leaf.node.id]))
        for leaf in frame.leaves
    }
    for node in frame.inner:
        values = np.column_stack([mean[child] for child in steps[node].children])
        mean[node] = np.where(np.isnan(own[node]), np.nan, steps[node].of(values))
    sides = {node: np.column_stack([own[node], mean[node]]) for node in own}
    n = len(own[frame.root])
    rows = [
        parts_of(built, steps, {node: one[i] for node, one in sides.items()}, sides[frame.root][i]) for i in range(n)
    ]
    return {leaf.node.id: np.array([row[leaf.node.id] for row in rows]) for leaf in frame.leaves}


def importance(built: Built) -> pl.DataFrame:
    """How much each node has to do with the scores of the node above it and of the index: IMPORTANCE_COLUMNS.

    `other` is the score looked at: the index, for all indicators, and each node with several below it, for those. The first
    to compare with `weight_share` is `covariance_share`, which adds up to 1 for an arithmetic mean.
    """
    frame = built.frame
    whole = step.effective(frame, built.tree)
    ids = [leaf.node.id for leaf in frame.leaves]
    groups = {frame.root: (ids, [whole[one] for one in ids])} | {
        node: (list(below), [frame.weights[one] for one in below])
        for node, below in frame.children.items() if len(below) > 1 and list(below) != ids and node != frame.root
    }  # fmt: skip
    top = frame.children[frame.root]
    parts = [_important(built, other, *found) for other, found in groups.items()]
    if list(top) != ids and len(top) > 1:
        inner = [(node, frame.weights[node]) for node in top if node in frame.children]
        if len(inner) == len(top):
            parts.append(_important(built, frame.root, list(top), [weight for _, weight in inner]))
    return pl.concat(parts).sort("index", "other", "node")


def _important(built: Built, other: str, nodes: list[str], weights: list[float]) -> pl.DataFrame:
    """Rows of some nodes against one score."""
    score = built.scores[other]
    table = np.column_stack([built.scores[node] for node in nodes])
    found = coherence.importance(table, np.array(weights, np.float64), score)
    n = (~np.isnan(table) & ~np.isnan(score)[:, np.newaxis]).sum(axis=0)
    frame = pl.DataFrame(
        {"node": nodes, "n": pl.Series(n, dtype=pl.Int32), "weight_share": found.weight,
         "covariance_share": found.covariance_share, "main_effect": found.main_effect, "pearson2": found.pearson2,
         "spearman2": found.spearman2}
    )  # fmt: skip
    numbers = pl.col("weight_share", "covariance_share", "main_effect", "pearson2", "spearman2").fill_nan(None)
    return frame.with_columns(numbers, index=pl.lit(built.frame.root), other=pl.lit(other)).select(IMPORTANCE_COLUMNS)
