"""Composite indices of regions, with ranges for every rank. (`capmap index`, `capmap robustness`)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.composite.audit import audit_tables
from capmap.analyses.composite.build import SOME_SMALL, Built, imputations, scale_told, small_counts, units, unscored
from capmap.analyses.composite.choice import Impute, Weights, allowed, chosen, measured
from capmap.analyses.composite.coherence import coherence_tables
from capmap.analyses.composite.gap import gap_table
from capmap.analyses.composite.ranks import pairs, ranges, robustness_table, sensitivities, sobol_table, sobol_words
from capmap.analyses.composite.robust import Choices
from capmap.analyses.composite.scale import frozen as frozen_scale
from capmap.analyses.composite.scenarios import scenario_tables
from capmap.analyses.composite.strengths import strengths
from capmap.analyses.composite.tables import step_tables
from capmap.analyses.composite.weight_tables import weights_told
from capmap.errors import RefusedError, UsageError
from capmap.methods.robustness import SPREAD
from capmap.model import Project, Result, Scale

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COLUMNS = (
    "index", "year", "region", "node", "level", "score", "rank", "rank_low", "rank_high", "coverage", "imputed_share", "note",
)  # fmt: skip

#: Replicates and seed where none are asked for.
DRAWS, SEED = 10_000, 20230926
#: Normalisers from 0 to 1, and means that bring every node below on a scale of their own.
ONE_SCALE = frozenset({"min_max", "goalposts", "percentile"})
REGARDLESS = ("copeland", "kemeny", "mazziotta_pareto")
#: Means that may need a constant to make scores positive.
SHIFTED_MEANS = ("geometric", "harmonic", "power")


def index(
    project: Project,
    id: str | None = None,  # noqa: A002 - the word of the index file
    *,
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    weights: Weights = "given",
    impute: Impute | None = None,
    max_age: int | None = None,
    steps: bool = False,
    audit: bool = False,
    what_if: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = SEED,
    places: int = 5,
    allow_mixed_years: bool = False,
    frozen: bool = True,
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
    weights : `given`, as the file says; or for all nodes `equal`, `pca`, `entropy`, `critic`, `budget`, `ahp`, `best_worst`,
        `benefit_of_doubt` or `correlation_optimised`, where the file has what they rest on.
    impute : how gaps of all indicators are filled, among the values divided by their sizes; None = as the file says,
        which is not at all unless it asks for it.
    max_age : most years that a figure which `last` carries forward may be older than those of the other regions.
    steps : add a table for every step.
    audit : add the audit, of an index of one year.
    what_if : add scenarios, each written as `drop=robots,weights=equal`; see `index_scenarios.scenarios`.
    draws : replicates behind the ranges; 0 for none.
    seed : of every random draw.
    places : `p_top` is the probability of this rank or a better one.
    allow_mixed_years : take figures further apart than the file's `years_apart`.
    frozen : keep the scale that `index/<id>.scale.json` holds, where there is one; False = that of these figures.

    Returns
    -------
    Result with tables `index` (COLUMNS), a row per year, region and node, `robustness` (ROBUSTNESS_COLUMNS), a row per
    year and scored region, and `strengths` (STRENGTH_COLUMNS), where regions stand out, without rows in a year that scores
    fewer than 20 regions. `level` is 0 for the index and rises to the indicators. Scores of indicators are on the
    scale of their normaliser, after outliers were treated; their ranks are those of the values before. 1 is the best rank,
    ties within 1e-9 share the smallest. `rank_low` and `rank_high` hold 90 % of the replicates and exist for the index.
    `coverage` is the share of the indicators at or below a node that have a value, `imputed_share` that of imputed ones
    among them. A region that is not scored has rows without scores and the reason in `note`.

    With `audit`, tables `verdicts` and `audit` (`index_audit.audit_tables`). With `what_if`, tables `scenarios` and
    `comparisons` (`index_scenarios.scenario_tables`). With `steps`, tables `availability`, `flags`, `denomination`,
    `imputation`, `treatment`, `scale`, `normalisation` and `weights`, those of the coherence of the framework
    (`index_coherence.coherence_tables`), and of two regions or more `gaps` (`index_gap.gaps`).

    Raises
    ------
    UsageError : no index of this name, or several and none is named.
    RefusedError : years too far apart, an indicator without data or spread, fewer than two regions with enough data.
    """
    parameters: dict[str, Any] = {
        "id": chosen(project, id).id, "year": str(year), "region": selection.regions(project, region), "weights": weights,
        "impute": impute, "max_age": max_age, "frozen": frozen, "steps": steps, "audit": audit, "what_if": list(what_if),
        "draws": draws, "seed": seed, "places": places,
        "allow_mixed_years": allow_mixed_years,
    }  # fmt: skip
    if audit and parameters["region"]:
        raise UsageError("an audit is of all regions", fix="leave -r out")
    built = _asked(project, parameters, year)
    tables = {"index": index_table(built), "robustness": robustness_table(built, places)}
    tables["strengths"] = strengths(project, built)
    if audit:
        tables |= audit_tables(project, built, parameters)
    if what_if:
        tables |= scenario_tables(project, built, parameters, what_if)
    if steps:
        tables |= step_tables(built) | coherence_tables(built)
        if len(parameters["region"]) > 1:
            tables["gaps"] = gap_table(built, parameters["region"])
    return Result("index", _of(tables, parameters["region"]), told(built, parameters) | {"command": "index"})


def freeze(
    project: Project,
    id: str | None = None,  # noqa: A002 - as `index`
    *,
    year: selection.Year = "latest",
    impute: Impute | None = None,
    max_age: int | None = None,
    allow_mixed_years: bool = False,
) -> Scale:
    """The scale of a composite index in these years, to be kept: `capmap.data.scale.write_scale` puts it into the project.

    A scale that the project has already is not looked at.

    Parameters
    ----------
    project, id, year, impute, max_age, allow_mixed_years : as `index`.

    Raises
    ------
    UsageError, RefusedError : as `index`.
    """
    file = chosen(project, id)
    built = measured(
        project, file, year, impute=impute, max_age=max_age, mixed=allow_mixed_years, seed=SEED, scale="none"
    )
    shifts = {
        node: made.shift for node, made in built.weighed.combined.items() if built.frame.means[node] in SHIFTED_MEANS
    }
    scales = [one.scale for one in built.columns]
    return frozen_scale(project, built.frame, built.figures, built.gaps.observed, scales, shifts)


def robustness(
    project: Project,
    id: str | None = None,  # noqa: A002 - as `index`
    *,
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    weights: Weights = "given",
    impute: Impute | None = None,
    max_age: int | None = None,
    draws: int = DRAWS,
    vary: Sequence[str] = (),
    weight_rule: str = "perturbed",
    spread: float = SPREAD,
    concentration: float = 1.0,
    extras: Sequence[str] = (),
    sobol: int = 0,
    seed: int = SEED,
    places: int = 5,
    allow_mixed_years: bool = False,
    frozen: bool = True,
) -> Result:
    """How far the ranks of an index are to be trusted: over many choices that could have been made otherwise.

    Every replicate chooses at random the normaliser, whether outliers are treated, the mean, each weight within a quarter
    of the given one, and no or one indicator to leave out.

    Parameters
    ----------
    project, id, year, region, weights, impute, max_age, seed, places, allow_mixed_years, frozen : as `index`.
    draws : replicates, at least 1.
    vary : what the replicates vary, of `normaliser, treatment, weights, aggregation, left_out`; all of them by default.
    weight_rule : `perturbed`, each weight times a number within `spread` of 1; or `dirichlet`, with the weights as its mean:
        the larger `concentration`, the closer to them.
    spread : in [0, 1).
    concentration : above 0; 1 with equal weights makes all sets of weights equally likely.
    extras : `copeland`: try that as well beside the means.
    sobol : base points for Sobol indices, a power of two; 0 for none.

    Returns
    -------
    Result with tables `robustness` (ROBUSTNESS_COLUMNS), as in `index`, and `pairs` (PAIR_COLUMNS), a row per ordered pair
    of regions: `p_ahead` is the share of the replicates in which the first is strictly ahead of the other. Regions that
    share a letter in `group` cannot be told apart: neither is ahead in 95 % of the replicates. `moved_by` is the choice
    that explains most of the variance of a region's rank, `shift` the largest distance of its mean rank under one
    option, `moved_to`, from the mean over all.

    With `sobol` a table of that name (SOBOL_COLUMNS), a row per region and factor: `first` is the share of the variance of
    the region's rank that the factor explains by itself, `total` the share that it has a part in. The rows of the region
    `all` are about the mean over the regions of the distance from the rank of the index. `failed` of the `runs` gave no
    rank and are left out.

    Raises
    ------
    UsageError, RefusedError : as `index`; no draw; `sobol` is no power of two.
    """
    if draws < 1:
        raise UsageError("robustness needs at least one draw", fix="leave --draws out, or name more")
    if sobol < 0 or sobol & (sobol - 1):
        raise UsageError(f"{sobol} is not a power of two", fix="name one, such as --sobol 512")
    choices = Choices.of(vary, weight_rule, spread, concentration, extras)
    parameters: dict[str, Any] = {
        "id": chosen(project, id).id, "year": str(year), "region": selection.regions(project, region), "weights": weights,
        "impute": impute, "max_age": max_age, "frozen": frozen, "draws": draws, "seed": seed, "places": places,
        "allow_mixed_years": allow_mixed_years,
        "vary": list(choices.vary), "weight_rule": weight_rule, "spread": spread, "concentration": concentration,
        "extras": list(extras), "sobol": sobol,
    }  # fmt: skip
    built = _asked(project, parameters, year, choices)
    tables = {"robustness": robustness_table(built, places), "pairs": pairs(built)}
    meta = told(built, parameters) | {"command": "robustness"}
    if sobol:
        found = sensitivities(built, sobol, seed, choices)
        tables["sobol"] = sobol_table(built, found)
        meta["sobol"] = sobol_words(built, found)
    return Result("robustness", _of(tables, parameters["region"]), meta)


def _asked(project: Project, asked: Mapping[str, Any], year: selection.Year, choices: Choices | None = None) -> Built:
    """The index measured as asked."""
    if asked["draws"] < 0 or asked["places"] < 1 or asked["seed"] < 0:
        raise UsageError(
            "draws and seed must not be negative, and places is at least 1", fix="see --draws, --seed, --places"
        )
    allowed("weights", asked["weights"])
    if asked["impute"] is not None:
        allowed("impute", asked["impute"])
    if asked["max_age"] is not None and asked["max_age"] < 0:
        raise UsageError("an age is 0 years or more", fix="see --max-age")
    built = measured(
        project, project.indices[asked["id"]], year, weights=asked["weights"], impute=asked["impute"],
        max_age=asked["max_age"], mixed=asked["allow_mixed_years"], draws=asked["draws"], seed=asked["seed"],
        choices=choices, scale="frozen" if asked["frozen"] else "none",
    )  # fmt: skip
    missing = [code for code in asked["region"] if code not in built.figures.regions]
    if missing:
        raise RefusedError(
            f"no indicator of {asked['id']} has data for {', '.join(missing)}", fix="see `capmap regions`"
        )
    return built


def _of(tables: Mapping[str, pl.DataFrame], regions: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The rows of the regions asked for, all of them where none is."""
    return {
        name: table.filter(pl.col("region").is_in(regions)) if regions and "region" in table.columns else table
        for name, table in tables.items()
    }


def index_table(built: Built) -> pl.DataFrame:
    """Every node of every unit."""
    frame, found = built.frame, built.figures
    low, high = ranges(built)
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
    if leaf is None:
        lacking = built.weighed.notes[node].astype(object)
        warning = np.where(outside, "outside_range", "").astype(object)
        both = np.where((warning != "") & (lacking != ""), ";", "").astype(object)
        text = np.where(np.isnan(score), np.where(built.screening.kept, lacking, reasons), warning + both + lacking)
    else:
        n = len(built.figures.regions)
        own = built.figures.rows.filter(pl.col("node") == node)["note"].fill_null("missing").to_list()
        assert len(own) == n * len(built.figures.periods)
        lacking = np.where(np.isnan(built.figures.values[:, leaf]), np.array(own, object), reasons)
        reasons = np.where(built.screening.kept, reasons, lacking)
        text = np.where(np.isnan(score), np.where(built.screening.kept, lacking, reasons), "")
        text = np.where(~np.isnan(score) & built.imputed[:, leaf], "imputed", text)
    return [str(one) or None for one in text]


def _unlike(built: Built) -> dict[str, list[str]]:
    """Nodes that bring scores on unlike scales together, with the normalisers below them; each where it happens first."""
    frame = built.frame
    kinds: dict[str, frozenset[str]] = {leaf.node.id: frozenset({leaf.normaliser}) for leaf in frame.leaves}
    found = {}
    for node in frame.inner:  # children before parents
        below = [kinds[child] for child in frame.children[node]]
        kinds[node] = frozenset().union(*below)
        if frame.means[node] in REGARDLESS and len(below) > 1:
            kinds[node] = frozenset({frame.means[node]})
        elif len({frozenset({"unit"}) if one <= ONE_SCALE else one for one in below}) > 1:
            found[node] = sorted(kinds[node])
    return found


def _few(built: Built) -> dict[str, list[int]]:
    """Counts of which many are small, with the number of scored units that have such and that have any."""
    found = small_counts(built, np.concatenate([*built.scored.values(), np.empty(0, np.intp)]))
    return {node: [few, known] for node, (few, known) in found.items() if few > SOME_SMALL * known}


def told(built: Built, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader must know."""
    frame, found = built.frame, built.figures
    reasons = unscored(built)
    blocks = [
        {
            "index": frame.root, "name": frame.file.name, "year": period, "scored": len(built.scored[k]),
            "regions": int((~np.isnan(found.values[built.period(k)])).any(axis=1).sum()),
            "years": dict(found.years[period]),
            "left_out": {
                reason: [found.regions[i] for i in np.flatnonzero(reasons[built.period(k)] == reason)]
                for reason in sorted(set(reasons[built.period(k)].tolist()) - {""})
            },
            "replicates": built.robust[k].ranks.replicates if k in built.robust else 0,
            "failed": built.robust[k].ranks.failed if k in built.robust else 0,
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
        "small_counts": _few(built),
        "unlike": _unlike(built),
        "imputed": imputations(built),
        "unfilled": int((built.gaps.missing != None)[built.screening.kept].sum()),  # noqa: E711 - cell by cell
        "imputation": {leaf.node.id: leaf.imputation for leaf in frame.leaves if leaf.imputation != "none"},
        "not_converged": dict(built.gaps.told),
        "scale": scale_told(built),
        **weights_told(built.weighed),
        "definition": frame.file.model_dump(mode="json", exclude_none=True),
    }  # fmt: skip
