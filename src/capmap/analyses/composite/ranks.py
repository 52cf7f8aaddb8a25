"""Tables of how sure the ranks of a composite index are. (`capmap index`, `capmap robustness`)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.composite.build import Built, units
from capmap.analyses.composite.robust import Choices, model, moved_by, sensitivity
from capmap.methods import robustness as methods
from capmap.methods.sensitivity import FACTORS, RankSensitivity

Floats = NDArray[np.float64]

ROBUSTNESS_COLUMNS = (
    "index", "year", "region", "group", "alike", "rank", "rank_median", "rank_low", "rank_high", "mean_shift", "p_top",
    "weakest", "weakest_rank", "moved_by", "moved_share", "moved_to", "shift", "note",
)  # fmt: skip
PAIR_COLUMNS = ("index", "year", "region", "other", "p_ahead")
SOBOL_COLUMNS = (
    "index", "year", "region", "factor", "first", "first_low", "first_high", "total", "total_low", "total_high", "runs",
    "failed",
)  # fmt: skip
#: In the place of a region: the mean over the regions.
EVERYBODY = "all"


def ranges(built: Built) -> tuple[Floats, Floats]:
    """5 % and 95 % quantiles of the ranks of the index, (n_units,)."""
    low, high = np.full((2, len(built.filled)), np.nan)
    for k, drawn in built.robust.items():
        low[built.scored[k]] = methods.rank_quantile(drawn.ranks.counts, 0.05)
        high[built.scored[k]] = methods.rank_quantile(drawn.ranks.counts, 0.95)
    return low, high


def robustness_table(built: Built, places: int) -> pl.DataFrame:
    """The standing of every scored unit."""
    frame, (low, high) = built.frame, ranges(built)
    rows = []
    everybody = list(units(built).iter_rows(named=True))
    for k, scored in built.scored.items():
        drawn = built.robust.get(k)
        nominal = built.ranks[frame.root][scored]
        if drawn is not None:
            median = methods.rank_quantile(drawn.ranks.counts, 0.5)
            shift, best = methods.mean_shift(drawn.ranks.counts, nominal), methods.p_top(drawn.ranks.counts, places)
        for place, unit in enumerate(scored.tolist()):
            row = (
                everybody[unit]
                | {"rank": nominal[place], "rank_low": low[unit], "rank_high": high[unit]}
                | _weakest(built, unit)
            )
            if drawn is not None:
                outside = not low[unit] <= nominal[place] <= high[unit]
                row |= {"group": drawn.groups[place], "alike": drawn.alike[place], "rank_median": median[place],
                        "mean_shift": shift[place], "p_top": best[place],
                        "note": "outside_range" if outside else None}  # fmt: skip
                row |= moved_by(drawn, place, frame.names)
            rows.append(row)
    kinds: dict[str, Any] = dict.fromkeys(ROBUSTNESS_COLUMNS, pl.Float64) | dict.fromkeys(
        ("index", "region", "group", "weakest", "moved_by", "moved_to", "note"), pl.String
    )
    whole = ["alike", "rank", "rank_median", "rank_low", "rank_high", "weakest_rank"]
    table = pl.DataFrame(rows, schema=kinds | {"year": pl.Int32}, orient="row")
    table = table.with_columns(pl.col(name).fill_nan(None) for name, kind in table.schema.items() if kind.is_float())
    return table.with_columns(pl.col(*whole).cast(pl.Int32)).sort("index", "year", "region")


def _weakest(built: Built, unit: int) -> dict[str, Any]:
    """The pillar in which the unit has the last of its ranks; the first of the file where several are."""
    places = {node: built.ranks[node][unit] for node in built.frame.children[built.frame.root]}
    known = {node: rank for node, rank in places.items() if not np.isnan(rank)}
    if not known:
        return {"weakest": None, "weakest_rank": None}
    node = max(known, key=lambda one: known[one])
    return {"weakest": node, "weakest_rank": known[node]}


def pairs(built: Built) -> pl.DataFrame:
    """Who is ahead of whom how often, every ordered pair of scored units of one period."""
    parts = []
    everybody = units(built)
    for k, drawn in built.robust.items():
        codes = everybody[built.scored[k].tolist()]
        n = len(codes)
        first, other = np.divmod(np.arange(n * n), n)
        p = methods.p_ahead(drawn.ranks.ahead, drawn.ranks.both)
        rows = codes[first.tolist()].with_columns(other=codes["region"][other.tolist()], p_ahead=p.ravel())
        parts.append(rows.filter(pl.Series(first != other)))
    table: pl.DataFrame = pl.concat(parts).with_columns(pl.col("p_ahead").fill_nan(None)).select(PAIR_COLUMNS)
    return table.sort(PAIR_COLUMNS[:4])


def sensitivities(built: Built, points: int, seed: int, choices: Choices) -> dict[int, RankSensitivity]:
    """Sobol indices of every period in which two units or more are scored and something varies."""
    streams = np.random.default_rng([seed, points]).spawn(len(built.figures.periods))
    found: dict[int, RankSensitivity] = {}
    for k, places in built.scored.items():
        if places.size > 1:
            made = model(built.frame, built.tree, built.filled, built.columns, places, choices)
            nominal = built.ranks[built.frame.root][places]
            one = sensitivity(made, nominal, points, streams[k])
            found |= {} if one is None else {k: one}
    return found


def sobol_words(built: Built, found: Mapping[int, RankSensitivity]) -> list[dict[str, Any]]:
    """What the indices of the mean shift add up to, by period."""
    return [
        {
            "index": built.frame.root, "year": built.figures.periods[k], "factors": list(one.factors),
            "runs": one.indices.runs, "failed": int(one.indices.failed[-1]),
            "first_sum": _number(one.indices.first[:, -1].sum()),
            "strongest": one.factors[int(np.nan_to_num(one.indices.total[:, -1], nan=-1.0).argmax())],
        }
        for k, one in found.items()
    ]  # fmt: skip


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def sobol_table(built: Built, found: Mapping[int, RankSensitivity]) -> pl.DataFrame:
    """Sobol indices of the rank of every scored unit, and of the mean shift in rank: `region` is then EVERYBODY."""
    everybody = units(built)
    parts: list[pl.DataFrame] = []
    for k, one in found.items():
        codes = everybody[built.scored[k].tolist()]
        last = codes[:1].with_columns(region=pl.lit(EVERYBODY))
        keys = pl.concat([codes, last])
        for place, factor in enumerate(one.factors):
            columns = {
                name: pl.Series(getattr(one.indices, name)[place]).fill_nan(None) for name in SOBOL_COLUMNS[4:10]
            }
            parts.append(
                keys.with_columns(
                    factor=pl.lit(factor), **columns, runs=pl.lit(one.indices.runs, pl.Int64),
                    failed=pl.Series(one.indices.failed.astype(np.int64)),
                )
            )  # fmt: skip
    if not parts:
        kinds: dict[str, Any] = dict.fromkeys(SOBOL_COLUMNS, pl.Float64) | dict.fromkeys(
            ("index", "region", "factor"), pl.String
        )
        return pl.DataFrame(schema=kinds | {"year": pl.Int32, "runs": pl.Int64, "failed": pl.Int64})
    order = pl.Enum(FACTORS)
    return pl.concat(parts).select(SOBOL_COLUMNS).sort("index", "year", "region", pl.col("factor").cast(order))
