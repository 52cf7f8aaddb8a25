"""Tables of the weights and means of a composite index, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from capmap.analyses.composite import steps as step
from capmap.analyses.composite.build import Built, units
from capmap.analyses.composite.weights import TOO_HEAVY, Weighed

#: What a way to weight reports of all nodes of one parent, and of each.
_REPORTED = (
    "consistency_ratio", "xi", "explained_share", "component", "importance", "gap", "experts", "units", "weight_sd",
    "weight_low", "weight_high",
)  # fmt: skip
WEIGHT_COLUMNS = (
    "index", "node", "parent", "level", "method", "weight", "weight_share", "effective_weight", *_REPORTED, "note",
)  # fmt: skip
OWN_WEIGHT_COLUMNS = ("index", "year", "region", "node", "parent", "weight", "weight_share", "contribution_share")
AGGREGATION_COLUMNS = (
    "index", "year", "node", "level", "mean", "scored", "renormalised", "low_coverage", "shift", "ranking", "support",
    "rankings", "stand_in",
)  # fmt: skip
_WHOLE = ("level", "component", "experts", "units", "scored", "renormalised", "low_coverage")
_TEXTS = ("index", "node", "parent", "method", "note", "region", "mean", "ranking", "stand_in")


def weight_tables(built: Built) -> dict[str, pl.DataFrame]:
    """Weights and aggregation; own weights of every region only where a node has them (benefit of the doubt)."""
    tables = {"weights": _weights(built)}
    if any(one.own is not None for one in built.weighed.weights.values()):
        tables["own_weights"] = _own_weights(built)
    return tables | {"aggregation": _aggregation(built)}


def weights_told(found: Weighed) -> dict[str, Any]:
    """For the metadata: how the nodes below each node are weighted, and what to beware of."""
    rules = found.frame.rules
    reported = {node: {"method": one.method, **one.of_all} for node, one in found.weights.items()}
    return {
        "weightings": reported,
        "inconsistent": [node for node, one in found.weights.items() if one.of_all.get("consistent") is False],
        "over_half": [
            child for node, one in found.weights.items() for child in _heavy(one.values, rules[node].children)
        ],
        "shifts": {node: shift for node, shift in found.shifts.items() if shift > 0},
        "rankings": {node: list(one.rankings) for node, one in found.combined.items() if one.rankings},
        "stand_ins": found.stand_ins,
    }  # fmt: skip


def _heavy(weights: step.Floats, children: Sequence[str]) -> list[str]:
    """Nodes with more than half of the weight, where there is another one."""
    if len(children) < 2:
        return []
    return [child for child, share in zip(children, weights / weights.sum(), strict=True) if share > TOO_HEAVY + 1e-9]


def _weights(built: Built) -> pl.DataFrame:
    """Weights among siblings, of the indicators in the whole, and what the ways to weight report."""
    frame = built.frame
    whole = step.effective(frame, built.tree)
    rows = []
    for parent, found in built.weighed.weights.items():
        children = frame.rules[parent].children
        heavy = _heavy(found.values, children)
        said = {name: found.of_all[name] for name in _REPORTED if name in found.of_all}
        flags = ["inconsistent"] if found.of_all.get("consistent") is False else []
        rows += [
            {
                "index": frame.root, "node": child, "parent": parent, "level": frame.level[child],
                "method": found.method, "weight": frame.weights[child],
                "weight_share": frame.weights[child] / found.values.sum(), "effective_weight": whole.get(child),
                "note": ";".join([*flags, *(["over_half"] if child in heavy else [])]) or None,
            } | said | {name: values[place] for name, values in found.of_each.items()}
            for place, child in enumerate(children)
        ]  # fmt: skip
    return _frame(rows, WEIGHT_COLUMNS).sort("index", "level", "node")


def _own_weights(built: Built) -> pl.DataFrame:
    """Weights of every region for itself, a row per region and node that it weights."""
    parts = [
        units(built).with_columns(
            node=pl.lit(child), parent=pl.lit(parent), weight=pl.Series(found.own.weights[:, place]),
            weight_share=pl.Series(found.own.scaled[:, place]), contribution_share=pl.Series(found.own.shares[:, place]),
        )
        for parent, found in built.weighed.weights.items() if found.own is not None
        for place, child in enumerate(built.frame.rules[parent].children)
    ]  # fmt: skip
    numbers = pl.col("weight", "weight_share", "contribution_share").fill_nan(None)
    table: pl.DataFrame = pl.concat(parts).with_columns(numbers).drop_nulls("weight").select(OWN_WEIGHT_COLUMNS)
    return table.sort("index", "year", "region", "parent", "node")


def _aggregation(built: Built) -> pl.DataFrame:
    """How the scores of every node came about, by year: the mean, who was scored, constants and rankings."""
    frame, made = built.frame, built.weighed
    rows = []
    for node in frame.inner:
        for k, year in enumerate(built.figures.periods):
            notes = made.notes[node][built.period(k)][built.screening.kept[built.period(k)]]
            ranking = made.combined[node].rankings[k] if made.combined[node].rankings else {}
            rows.append(
                {
                    "index": frame.root, "year": year, "node": node, "level": frame.level[node],
                    "mean": frame.rules[node].mean, "scored": int(np.isin(notes, ("", "renormalised")).sum()),
                    "renormalised": int((notes == "renormalised").sum()),
                    "low_coverage": int((notes == "low_coverage").sum()), "shift": made.combined[node].shift,
                    "ranking": ranking.get("method"), "support": ranking.get("support"),
                    "rankings": ranking.get("rankings"), "stand_in": made.stand_ins.get(node),
                }
            )  # fmt: skip
    return _frame(rows, AGGREGATION_COLUMNS).sort("index", "year", "level", "node")


def _frame(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Rows as a table: texts, whole numbers, and numbers without NaN."""
    schema: dict[str, Any] = dict.fromkeys(columns, pl.Float64)
    schema |= {name: pl.Int32 for name in columns if name in _WHOLE or name == "year"}
    schema |= {name: pl.String for name in columns if name in _TEXTS}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.with_columns(pl.col(name).fill_nan(None) for name, kind in schema.items() if kind == pl.Float64)
