"""A table for every step of a composite index. (`capmap index --steps`)"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from capmap.analyses import index_steps as step
from capmap.analyses.index_build import Built, units
from capmap.methods import coherence

TREATMENT_COLUMNS = (
    "index", "node", "treatment", "points", "skewness_before", "excess_kurtosis_before", "skewness_after",
    "excess_kurtosis_after", "log_shift", "log_mirrored", "note",
)  # fmt: skip
FLAG_COLUMNS = ("index", "node", "other", "flag", "flag_value")


def step_tables(built: Built) -> dict[str, pl.DataFrame]:
    """The tables in the order of the steps; every one starts with the index and is sorted by its keys."""
    return {
        "availability": _availability(built),
        "flags": _flags(built),
        "denomination": _denomination(built),
        "imputation": _imputation(built),
        "treatment": _treatment(built),
        "normalisation": _normalisation(built),
        "weights": _weights(built),
    }


def _availability(built: Built) -> pl.DataFrame:
    """Share of the indicators known, by unit and pillar, the index first, and whether the unit is scored."""
    available, frame = built.screening.available, built.frame
    parents = list(dict.fromkeys(leaf.parent for leaf in frame.leaves))
    shares = {frame.root: available.units} | {
        node: available.by_group[:, k] for k, node in enumerate(parents) if node != frame.root
    }
    parts = [
        units(built).with_columns(
            node=pl.lit(node), coverage=share, kept=pl.Series(built.screening.kept),
            note=pl.Series([str(text) or None for text in built.screening.reasons], dtype=pl.String),
        )
        for node, share in shares.items()
    ]  # fmt: skip
    return pl.concat(parts).sort("index", "year", "region", "node")


def _flags(built: Built) -> pl.DataFrame:
    """What is odd about indicators, alone and in pairs."""
    frame = built.frame
    ids = [leaf.node.id for leaf in frame.leaves]
    directed = built.filled * np.array([leaf.direction for leaf in frame.leaves])
    alone = coherence.column_flags(built.filled)
    rows: list[dict[str, Any]] = [
        {"node": ids[k], "flag": flag, "flag_value": float(share[k])}
        for flag, holds, share in (
            ("mostly_equal", alone.mostly_equal, alone.equal), ("mostly_zero", alone.mostly_zero, alone.zero),
            ("zeros", alone.zeros, alone.zero),
        )
        for k in np.flatnonzero(holds)
    ]  # fmt: skip
    rho = coherence.correlation(directed).rho
    pairs = coherence.correlation_flags(rho, coherence.within_groups(frame.groups))
    rows += [
        {"node": ids[i], "other": ids[j], "flag": flag, "flag_value": float(rho[i, j])}
        for flag, holds in (("collinear", pairs.collinear), ("conflict", pairs.conflict))
        for i, j in np.argwhere(np.triu(holds, 1))
    ]
    rows += _of_sizes(built, ids)
    schema = dict.fromkeys(FLAG_COLUMNS, pl.String) | {"flag_value": pl.Float64}
    return pl.DataFrame([{"index": frame.root} | row for row in rows], schema=schema).sort(FLAG_COLUMNS[:4])


def _of_sizes(built: Built, ids: list[str]) -> list[dict[str, Any]]:
    """Indicators that a denominator of the index explains, although they may have been divided by it."""
    rows = built.figures.rows
    sizes = {
        leaf.node.per: rows.filter(pl.col("node") == leaf.node.id)["size"].cast(pl.Float64).to_numpy()
        for leaf in built.frame.leaves if leaf.node.per
    }  # fmt: skip
    if not sizes:
        return []
    table = np.column_stack(list(sizes.values()))
    rho = coherence.correlation(built.filled, table).rho
    holds = coherence.explained_by_size(built.filled, table)
    names = list(sizes)
    return [
        {"node": ids[i], "other": names[j], "flag": "explained_by_size", "flag_value": float(rho[i, j])}
        for i, j in np.argwhere(holds)
    ]


def _denomination(built: Built) -> pl.DataFrame:
    """How each value came about."""
    rows = built.figures.rows.rename({"period": "year", "size": "denominator"})
    columns = ("index", "year", "region", "node", "source_year", "value", "status", "denominator", "ratio", "note")
    return rows.with_columns(index=pl.lit(built.frame.root)).select(columns).sort("index", "year", "region", "node")


def _long(built: Built, **arrays: Any) -> pl.DataFrame:
    """(n_units, n_leaves) arrays as a row per unit and indicator."""
    parts = [
        units(built).with_columns(
            node=pl.lit(leaf.node.id), **{name: pl.Series(array[:, k]) for name, array in arrays.items()}
        )
        for k, leaf in enumerate(built.frame.leaves)
    ]
    return pl.concat(parts).with_columns(
        pl.col(name).fill_nan(None) for name, array in arrays.items() if array.dtype.kind == "f"
    )


def _imputation(built: Built) -> pl.DataFrame:
    """The cells that are imputed, here or by the source: status I."""
    found = _long(built, value=built.filled, imputed=built.imputed).filter("imputed")
    return (
        found.with_columns(status=pl.lit("I"))
        .drop("imputed")
        .select("index", "year", "region", "node", "value", "status")
    ).sort("index", "year", "region", "node")


def _treatment(built: Built) -> pl.DataFrame:
    """What was done to the outliers of each indicator."""
    texts = dict.fromkeys(("index", "node", "treatment", "note"), pl.String)
    schema: dict[str, Any] = dict.fromkeys(TREATMENT_COLUMNS, pl.Float64) | texts
    schema |= {"points": pl.Int32, "log_mirrored": pl.Boolean}
    rows = [
        {"index": built.frame.root, "node": leaf.node.id} | one.row
        for leaf, one in zip(built.frame.leaves, built.columns, strict=True)
    ]
    return pl.DataFrame(rows, schema=schema).sort("index", "node")


def _normalisation(built: Built) -> pl.DataFrame:
    """Values after treatment and their scores."""
    treated = np.column_stack([one.treated for one in built.columns])
    score = np.column_stack([one.score for one in built.columns])
    method = {leaf.node.id: leaf.normaliser for leaf in built.frame.leaves}
    found = _long(built, treated=treated, score=score).with_columns(method=pl.col("node").replace_strict(method))
    return found.drop_nulls("score").sort("index", "year", "region", "node")


def _weights(built: Built) -> pl.DataFrame:
    """Weights among siblings, and of the indicators in the whole."""
    frame = built.frame
    whole = step.effective(frame, built.tree)
    rows = [
        {
            "index": frame.root, "node": child, "parent": parent, "level": frame.level[child],
            "weight": frame.weights[child],
            "weight_share": frame.weights[child] / sum(frame.weights[one] for one in below),
            "effective_weight": whole.get(child),
        }
        for parent, below in frame.children.items()
        for child in below
    ]  # fmt: skip
    schema = {
        "index": pl.String, "node": pl.String, "parent": pl.String, "level": pl.Int32, "weight": pl.Float64,
        "weight_share": pl.Float64, "effective_weight": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema).sort("index", "level", "node")
