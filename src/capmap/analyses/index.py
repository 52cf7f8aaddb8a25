"""Composite indices of regions, with ranges for every rank. (`capmap index`, `capmap robustness`)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import index_steps as step
from capmap.analyses import selection
from capmap.analyses.index_build import Built, build, units
from capmap.analyses.index_data import figures
from capmap.analyses.index_tables import step_tables
from capmap.analyses.index_tree import framework
from capmap.data.nearest import nearest
from capmap.errors import RefusedError, UsageError
from capmap.methods import robustness as methods
from capmap.model import IndexFile, Project, Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COLUMNS = (
    "index", "year", "region", "node", "level", "score", "rank", "rank_low", "rank_high", "coverage", "imputed_share", "note",
)  # fmt: skip
ROBUSTNESS_COLUMNS = (
    "index", "year", "region", "group", "rank", "rank_median", "rank_low", "rank_high", "mean_shift", "p_top", "weakest",
    "weakest_rank", "moved_by", "moved_share", "moved_to", "shift", "note",
)  # fmt: skip
PAIR_COLUMNS = ("index", "year", "region", "other", "p_ahead")
Weights = Literal["given", "equal"]
Impute = Literal["none", "mean", "median", "em", "iterative"]
#: Replicates and seed where none are asked for.
DRAWS, SEED = 10_000, 20230926


def index(
    project: Project,
    id: str | None = None,  # noqa: A002 - the word of the index file
    *,
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    weights: Weights = "given",
    impute: Impute = "none",
    steps: bool = False,
    draws: int = DRAWS,
    seed: int = SEED,
    places: int = 5,
    allow_mixed_years: bool = False,
) -> Result:
    """A composite index: scores and ranks of every node, and how far the ranks of the index are to be trusted.

    The steps, in this order: availability and screening; division by sizes; imputation, only if asked for; outliers;
    one scale over all years; weights; means up the tree; Monte Carlo.

    Parameters
    ----------
    project : a loaded project, with an `index/` folder.
    id : name of the index file; the only one if left out.
    year : `latest`, a year, `Y1:Y2` or `all`. Each indicator gives its last figure that is not later. `latest` is the
        last year of any indicator.
    region : regions wanted in the answer; everybody takes part in the measurement.
    weights : `given` in the file, or `equal`.
    impute : how gaps of units that are scored are filled, among the values divided by their sizes.
    steps : add a table for every step.
    draws : replicates behind the ranges; 0 for none.
    seed : of every random draw.
    places : `p_top` is the probability of this rank or a better one.
    allow_mixed_years : take figures further apart than the file's `years_apart`.

    Returns
    -------
    Result with tables `index` (COLUMNS), a row per year, region and node, and `robustness` (ROBUSTNESS_COLUMNS), a row per
    year and scored region. `level` is 0 for the index and rises to the indicators. Scores of indicators are on the
    scale of their normaliser, after outliers were treated; their ranks are those of the values before. 1 is the best rank,
    ties within 1e-9 share the smallest. `rank_low` and `rank_high` hold 90 % of the replicates and exist for the index.
    `coverage` is the share of the indicators at or below a node that have a value, `imputed_share` that of imputed ones
    among them. A region that is not scored has rows without scores and the reason in `note`.

    With `steps`, tables `availability`, `flags`, `denomination`, `imputation`, `treatment`, `normalisation` and `weights`.

    Raises
    ------
    UsageError : no index of this name, or several and none is named.
    RefusedError : years too far apart, an indicator without data or spread, fewer than two regions with enough data.
    """
    parameters: dict[str, Any] = {
        "id": chosen(project, id).id, "year": str(year), "region": selection.regions(project, region), "weights": weights,
        "impute": impute, "steps": steps, "draws": draws, "seed": seed, "places": places,
        "allow_mixed_years": allow_mixed_years,
    }  # fmt: skip
    built = _asked(project, parameters, year)
    tables = {"index": _index_table(built), "robustness": _robustness_table(built, places)}
    if steps:
        tables |= step_tables(built)
    return Result("index", _of(tables, parameters["region"]), _meta(built, parameters) | {"command": "index"})


def robustness(
    project: Project,
    id: str | None = None,  # noqa: A002 - as `index`
    *,
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    weights: Weights = "given",
    impute: Impute = "none",
    draws: int = DRAWS,
    seed: int = SEED,
    places: int = 5,
    allow_mixed_years: bool = False,
) -> Result:
    """How far the ranks of an index are to be trusted: over many choices that could have been made otherwise.

    Every replicate chooses at random the normaliser, whether outliers are treated, the mean, each weight within a quarter
    of the given one, and no or one indicator to leave out.

    Parameters
    ----------
    project, id, year, region, weights, impute, seed, places, allow_mixed_years : as `index`.
    draws : replicates, at least 1.

    Returns
    -------
    Result with tables `robustness` (ROBUSTNESS_COLUMNS), as in `index`, and `pairs` (PAIR_COLUMNS), a row per ordered pair
    of regions: `p_ahead` is the share of the replicates in which the first is strictly ahead of the other. Regions that
    share a letter in `group` cannot be told apart: neither is ahead in 95 % of the replicates. `moved_by` is the choice
    that explains most of the variance of a region's rank, `shift` the largest distance of its mean rank under one
    option, `moved_to`, from the mean over all.

    Raises
    ------
    UsageError, RefusedError : as `index`; no draw.
    """
    if draws < 1:
        raise UsageError("robustness needs at least one draw", fix="leave --draws out, or name more")
    parameters: dict[str, Any] = {
        "id": chosen(project, id).id, "year": str(year), "region": selection.regions(project, region), "weights": weights,
        "impute": impute, "draws": draws, "seed": seed, "places": places, "allow_mixed_years": allow_mixed_years,
    }  # fmt: skip
    built = _asked(project, parameters, year)
    tables = {"robustness": _robustness_table(built, places), "pairs": _pairs(built)}
    return Result("robustness", _of(tables, parameters["region"]), _meta(built, parameters) | {"command": "robustness"})


def _asked(project: Project, asked: Mapping[str, Any], year: selection.Year) -> Built:
    """The index measured as asked."""
    if asked["draws"] < 0 or asked["places"] < 1 or asked["seed"] < 0:
        raise UsageError(
            "draws and seed must not be negative, and places is at least 1", fix="see --draws, --seed, --places"
        )
    for name, allowed in (("weights", get_args(Weights)), ("impute", get_args(Impute))):
        if asked[name] not in allowed:
            near = nearest(str(asked[name]), allowed)
            known = f"one of {', '.join(allowed)}"
            raise UsageError(f"unknown {name} {asked[name]!r}", fix=f"did you mean {near[0]}?" if near else known)
    frame = framework(project, project.indices[asked["id"]], asked["weights"])
    found = figures(project, frame, year, mixed=asked["allow_mixed_years"])
    missing = [code for code in asked["region"] if code not in found.regions]
    if missing:
        raise RefusedError(
            f"no indicator of {asked['id']} has data for {', '.join(missing)}", fix="see `capmap regions`"
        )
    return build(frame, found, asked["impute"], asked["draws"], asked["seed"])


def _of(tables: Mapping[str, pl.DataFrame], regions: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The rows of the regions asked for, all of them where none is."""
    return {
        name: table.filter(pl.col("region").is_in(regions)) if regions and "region" in table.columns else table
        for name, table in tables.items()
    }


def chosen(project: Project, id: str | None) -> IndexFile:  # noqa: A002
    """The index of this name, or the only one."""
    known = sorted(project.indices)
    if not known:
        raise UsageError(
            "this project has no composite index",
            fix="write one: index/<id>.toml, as in the project of `capmap init DIR`",
        )
    if id is None and len(known) > 1:
        raise UsageError(f"this project has {len(known)} indices", fix=f"name one: {', '.join(known)}")
    if id is not None and id not in project.indices:
        near = nearest(id, known)
        raise UsageError(
            f"unknown index {id!r}", fix=f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        )
    return project.indices[known[0] if id is None else id]


def _index_table(built: Built) -> pl.DataFrame:
    """Every node of every unit."""
    frame, found = built.frame, built.figures
    low, high = _range(built)
    known = ~np.isnan(found.values) | built.imputed
    parts = []
    for node, score in built.scores.items():
        below = frame.columns(node)
        has = known[:, below].sum(axis=1)
        root = node == frame.root
        nothing = np.full(len(score), np.nan)
        rank = built.ranks[node]
        outside = root & ~((rank >= low) & (rank <= high)) & ~np.isnan(low) & ~np.isnan(rank)
        parts.append(
            units(built).with_columns(
                node=pl.lit(node), level=pl.lit(frame.level[node], pl.Int32), score=score, rank=rank,
                rank_low=low if root else nothing, rank_high=high if root else nothing, coverage=has / len(below),
                imputed_share=np.divide(built.imputed[:, below].sum(axis=1), has, out=np.zeros(len(has)), where=has > 0),
                note=pl.Series(_notes(built, node, score, outside), dtype=pl.String),
            )
        )  # fmt: skip
    table = pl.concat(parts).with_columns(pl.col("score", "rank", "rank_low", "rank_high").fill_nan(None))
    places = pl.col("rank", "rank_low", "rank_high").cast(pl.Int32)
    return table.with_columns(places).select(COLUMNS).sort("index", "year", "region", "level", "node")


def _notes(built: Built, node: str, score: Floats, outside: Bools) -> list[str | None]:
    """Why a unit has no score of a node, or what to beware of."""
    leaf = next((k for k, one in enumerate(built.frame.leaves) if one.node.id == node), None)
    reasons = built.screening.reasons.astype(object)
    lacking = np.full(len(score), "low_coverage", object)
    if leaf is not None:
        n = len(built.figures.regions)
        own = built.figures.rows.filter(pl.col("node") == node)["note"].fill_null("missing").to_list()
        assert len(own) == n * len(built.figures.periods)
        lacking = np.where(np.isnan(built.figures.values[:, leaf]), np.array(own, object), reasons)
        reasons = np.where(built.screening.kept, reasons, lacking)
    text = np.where(
        np.isnan(score), np.where(built.screening.kept, lacking, reasons), np.where(outside, "outside_range", "")
    )
    if leaf is not None:
        text = np.where(~np.isnan(score) & built.imputed[:, leaf], "imputed", text)
    return [str(one) or None for one in text]


def _range(built: Built) -> tuple[Floats, Floats]:
    """5 % and 95 % quantiles of the ranks of the index, (n_units,)."""
    low, high = np.full((2, len(built.filled)), np.nan)
    for k, drawn in built.robust.items():
        low[built.scored[k]] = methods.rank_quantile(drawn.ranks.counts, 0.05)
        high[built.scored[k]] = methods.rank_quantile(drawn.ranks.counts, 0.95)
    return low, high


def _robustness_table(built: Built, places: int) -> pl.DataFrame:
    """The standing of every scored unit."""
    frame, (low, high) = built.frame, _range(built)
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
                row |= {"group": drawn.groups[place], "rank_median": median[place], "mean_shift": shift[place],
                        "p_top": best[place], "note": "outside_range" if outside else None}  # fmt: skip
                row |= step.moved_by(drawn, place, frame.names)
            rows.append(row)
    kinds: dict[str, Any] = dict.fromkeys(ROBUSTNESS_COLUMNS, pl.Float64) | dict.fromkeys(
        ("index", "region", "group", "weakest", "moved_by", "moved_to", "note"), pl.String
    )
    whole = ["rank", "rank_median", "rank_low", "rank_high", "weakest_rank"]
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


def _pairs(built: Built) -> pl.DataFrame:
    """Who is ahead of whom how often, every ordered pair of scored units of one period."""
    parts = []
    everybody = units(built)
    for k, drawn in built.robust.items():
        codes = everybody[built.scored[k].tolist()]
        n = len(codes)
        first, other = np.divmod(np.arange(n * n), n)
        p = methods.p_ahead(drawn.ranks.ahead, drawn.ranks.both)
        pairs = codes[first.tolist()].with_columns(other=codes["region"][other.tolist()], p_ahead=p.ravel())
        parts.append(pairs.filter(pl.Series(first != other)))
    table: pl.DataFrame = pl.concat(parts).with_columns(pl.col("p_ahead").fill_nan(None)).select(PAIR_COLUMNS)
    return table.sort(PAIR_COLUMNS[:4])


def _meta(built: Built, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader must know."""
    frame, found = built.frame, built.figures
    blocks = [
        {
            "index": frame.root, "name": frame.file.name, "year": period, "scored": len(built.scored[k]),
            "regions": int((~np.isnan(found.values[built.period(k)])).any(axis=1).sum()),
            "years": dict(found.years[period]),
            "left_out": {
                reason: [found.regions[i] for i in np.flatnonzero(built.screening.reasons[built.period(k)] == reason)]
                for reason in sorted(set(built.screening.reasons[built.period(k)].tolist()) - {""})
            },
            "replicates": built.robust[k].ranks.replicates if k in built.robust else 0,
            "options": built.robust[k].options if k in built.robust else {},
        }
        for k, period in enumerate(found.periods)
    ]  # fmt: skip
    return {
        "parameters": dict(parameters),
        "blocks": blocks,
        "no_data": [],
        "skipped": list(found.skipped),
        "names": dict(frame.names),
        "normalisers": sorted({leaf.normaliser for leaf in frame.leaves}),
        "treated": {leaf.node.id: one.row["treatment"] for leaf, one in zip(frame.leaves, built.columns, strict=True)
                    if one.row["treatment"] != "none"},
        "means": {node: frame.means[node] for node in frame.inner},
        "definition": frame.file.model_dump(mode="json", exclude_none=True),
    }  # fmt: skip
