"""A table for every step of a composite index. (`capmap index --steps`)"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.composite.build import Built, units
from capmap.analyses.composite.weight_tables import weight_tables
from capmap.methods import coherence

Floats = NDArray[np.float64]

TREATMENT_COLUMNS = (
    "index", "node", "treatment", "points", "skewness_before", "excess_kurtosis_before", "skewness_after",
    "excess_kurtosis_after", "pulled_low", "pulled_high", "log_shift", "log_mirrored", "note",
)  # fmt: skip
SCALE_COLUMNS = (
    "index", "node", "normaliser", "direction", "frozen", "known", "least", "most", "scale_low", "scale_high", "mean", "sd",
    "target", "below", "above",
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
        "scale": _scale(built),
        "normalisation": _normalisation(built),
    } | weight_tables(built)


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
    """What is odd about indicators, alone and in pairs; imputed values do not count."""
    frame, seen = built.frame, _observed(built)
    ids = [leaf.node.id for leaf in frame.leaves]
    directed = seen * np.array([leaf.direction for leaf in frame.leaves])
    alone = coherence.column_flags(seen)
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


def _observed(built: Built) -> Floats:
    """Values of the units that are scored, NaN where they are imputed."""
    return np.where(built.gaps.observed, built.filled, np.nan)


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
    seen = _observed(built)
    rho = coherence.correlation(seen, table).rho
    holds = coherence.explained_by_size(seen, table)
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
    """(n_units, n_leaves) arrays as a row per unit and indicator; those of objects hold texts."""
    parts = [
        units(built).with_columns(
            node=pl.lit(leaf.node.id), **{name: _series(array[:, k]) for name, array in arrays.items()}
        )
        for k, leaf in enumerate(built.frame.leaves)
    ]
    return pl.concat(parts).with_columns(
        pl.col(name).fill_nan(None) for name, array in arrays.items() if array.dtype.kind == "f"
    )


def _series(values: NDArray[Any]) -> pl.Series:
    return pl.Series(values.tolist(), dtype=pl.String) if values.dtype == object else pl.Series(values)


def _imputation(built: Built) -> pl.DataFrame:
    """The cells that are imputed, here or by the source, and those that were to be and are not, with the reason."""
    gaps = built.gaps
    method = np.where(built.imputed & ~gaps.imputed, "source", gaps.method)
    found = _long(
        built, value=built.filled, imputed=built.imputed, method=method, source_year=gaps.source, age=gaps.age,
        missing=gaps.missing,
    )  # fmt: skip
    rows = built.figures.rows.select(year="period", region="region", node="node", of_source="note")
    found = found.join(rows, on=["year", "region", "node"], how="left", nulls_equal=True, maintain_order="left")
    found = found.filter(pl.col("imputed") | pl.col("missing").is_not_null())
    return found.select(
        "index", "year", "region", "node", "value",
        pl.when("imputed").then(pl.lit("I")).alias("status"),
        "method", pl.col("source_year", "age").cast(pl.Int32),
        pl.when("imputed").then(pl.when(pl.col("method") == "row").then(pl.lit("score_only")))
        .when(pl.col("missing") == "not_allowed").then("of_source").otherwise("missing").alias("note"),
    ).sort("index", "year", "region", "node")  # fmt: skip


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


def _scale(built: Built) -> pl.DataFrame:
    """What each normaliser took from the values that set the scale, or from the index, and how many values lie outside."""
    rows = [_of_leaf(built, k) for k in range(len(built.frame.leaves))]
    texts = dict.fromkeys(("index", "node", "normaliser"), pl.String)
    schema: dict[str, Any] = dict.fromkeys(SCALE_COLUMNS, pl.Float64) | texts
    schema |= {"frozen": pl.Boolean} | dict.fromkeys(("direction", "known", "below", "above"), pl.Int32)
    return pl.DataFrame(rows, schema=schema, orient="row").sort("index", "node")


def _of_leaf(built: Built, k: int) -> dict[str, Any]:
    leaf, one = built.frame.leaves[k], built.columns[k]
    taken, posts = one.scale.parameters, leaf.goalposts
    row: dict[str, Any] = {
        "index": built.frame.root, "node": leaf.node.id, "normaliser": leaf.normaliser, "direction": leaf.direction,
        "frozen": built.kept is not None and leaf.node.id in built.kept.leaves, "below": one.below, "above": one.above,
        "known": int(one.observed.sum()), "least": one.scale.least, "most": one.scale.most,
    }  # fmt: skip
    if leaf.normaliser == "goalposts" and posts is not None:
        row |= {"scale_low": posts.low, "scale_high": posts.high}
    elif leaf.normaliser == "distance_to_target":
        row["target"] = leaf.target
    elif leaf.normaliser in ("min_max", "z_score"):
        names = ("scale_low", "scale_high") if leaf.normaliser == "min_max" else ("mean", "sd")
        row |= dict(zip(names, taken["scale"], strict=True))  # type: ignore[arg-type]
    elif leaf.normaliser == "ratio_to_best":
        row["target"] = taken["best"]
    return row


def _normalisation(built: Built) -> pl.DataFrame:
    """Values after treatment and their scores."""
    treated = np.column_stack([one.treated for one in built.columns])
    score = np.column_stack([one.score for one in built.columns])
    method = {leaf.node.id: leaf.normaliser for leaf in built.frame.leaves}
    found = _long(built, treated=treated, score=score).with_columns(method=pl.col("node").replace_strict(method))
    return found.drop_nulls("score").sort("index", "year", "region", "node")
