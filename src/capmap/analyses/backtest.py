"""How would the recommendations of the past have done, and how likely is an entry now? (`capmap opportunities`)

A candidate is an eligible region in an eligible sector that it was not specialised in at an origin t0 (RCA at most 0.5),
nor in the period before. It entered if its RCA exceeded 1 about `horizon` years later and again in the next period.
Whatever is known about a candidate comes from periods up to t0; whatever predicts it never saw its region.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.complexity import density_of, indices, sector_proximity
from capmap.analyses.presence import TOLERANCE, Conventions, Table, conventions, presence
from capmap.analyses.specialisation import measurable
from capmap.data.panel import Panel, panel
from capmap.data.totals import declared
from capmap.errors import RefusedError
from capmap.methods import prediction
from capmap.methods.relatedness import PROXIMITIES, outlook_gain, relative_density
from capmap.model import ComplexitySection, Project, Result

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

#: RCA up to which a region is a candidate, and above which it has entered.
CANDIDATE, ENTERED = 0.5, 1.0
#: Fewest origins and entries for a grade; fewest entries for a probability.
MIN_ORIGINS, MIN_ENTRIES = 3, 10
#: Length of the list of recommendations that a region gets.
LIST = 10
#: Draws of regions behind the interval of a score, and behind the range of a probability of entry.
RESAMPLES = 1_000
REFITS = {"logistic": 100, "boosting": 25}

#: What a model knows of a candidate, in this order.
FEATURES = (
    "rca", "ubiquity", "diversity", "density", "relative_density", "pci", "cog", "rca_change", "world_growth",
)  # fmt: skip
#: Scores that are compared, and what each is. A grade is of a model, against the best baseline.
SCORES = {
    "logistic": "model", "boosting": "model", "density": "measure", "relative_density": "measure", "rca": "baseline",
    "ubiquity": "baseline", "diversity": "baseline", "ubiquity_diversity": "baseline", "random": "baseline",
}  # fmt: skip
#: Those that are probabilities, by the features they are fitted on.
FITTED = {
    "logistic": ("logistic", FEATURES),
    "boosting": ("boosting", FEATURES),
    "ubiquity_diversity": ("logistic", ("ubiquity", "diversity")),
}

NUMBERS = (
    "base_rate", "roc_auc", "pr_auc", "pr_auc_low", "pr_auc_high", "gain", "gain_low", "gain_high", "precision_at_10",
    "lift_at_10", "brier", "calibration_error",
)  # fmt: skip
SCORE_COLUMNS: dict[str, Any] = {
    "origin": pl.Int32, "score": pl.String, "kind": pl.String, "candidates": pl.Int64, "entries": pl.Int64,
    **dict.fromkeys(NUMBERS, pl.Float64),
}  # fmt: skip
CALIBRATION_COLUMNS: dict[str, Any] = {
    "score": pl.String, "bin": pl.Int64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64, "predicted": pl.Float64,
    "observed": pl.Float64,
}  # fmt: skip
ORIGIN_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("origin", "look_back", "horizon", "persistence"), pl.Int32), "candidates": pl.Int64,
    "entries": pl.Int64, "training": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Positions of the periods that decide about the candidates of one of them; no look-back at the panel's start."""

    period: int
    look_back: int | None
    horizon: int
    persistence: int


@dataclass(frozen=True)
class Snapshot:
    """A period as it could be seen in it: arrays are (n_regions, n_sectors), but `pci` (n_sectors,).

    `level` is RCA (or presence, where that is given), NaN = unknown; `low` cells may be candidates, `high` ones hold
    the sector. `reason` says why there is no complexity.
    """

    table: Table
    level: Floats
    low: Bools
    high: Bools
    pci: Floats
    reason: str


@dataclass(frozen=True)
class Candidates:
    """Candidates whose outcome is known, (n,) each: positions of period, region and sector, and when it was known."""

    origin: Ints
    region: Ints
    sector: Ints
    known_at: Ints
    features: Floats  #: (n, n_features), NaN = unknown
    entered: Bools


@dataclass(frozen=True)
class History:
    """All that backtest and probabilities start from, made once."""

    whole: Panel
    chosen: Conventions
    origins: tuple[Origin, ...]
    snapshots: tuple[Snapshot, ...]
    candidates: Candidates
    unknown: Mapping[int, int]  #: period -> candidates without a known outcome


@dataclass(frozen=True)
class Scored:
    """Candidates with a prediction, (n,) each: what came, and what every score and probability had said."""

    entered: Bools
    origin: Ints
    region: Ints
    scores: Mapping[str, Floats]
    probability: Mapping[str, Floats]

    def of(self, mask: Bools) -> Scored:
        """Some of them."""
        return Scored(
            self.entered[mask], self.origin[mask], self.region[mask],
            {name: score[mask] for name, score in self.scores.items()},
            {name: p[mask] for name, p in self.probability.items()},
        )  # fmt: skip


@dataclass(frozen=True)
class Backtest:
    """Tables of one indicator, and the verdict in `meta`: `grade`, or the `reason` for none and a message."""

    scores: pl.DataFrame
    calibration: pl.DataFrame
    origins: pl.DataFrame
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class EntryProbabilities:
    """Probability that a region enters a sector and its 5-95 % range, (n_regions, n_sectors) each.

    NaN for cells that are no candidates, and everywhere, with a reason and a message, where there is no model. `meta`
    tells the model, and the origins, rows and entries it learnt from.
    """

    p_entry: Floats
    p_entry_low: Floats
    p_entry_high: Floats
    reason: str
    message: str
    meta: Mapping[str, Any]


def backtest(project: Project, *, indicator: Sequence[str] = (), preset: str | None = None, **changes: Any) -> Result:
    """Backtest of recommendations: would a model have foretold who enters what, better than trivial rules?

    Parameters
    ----------
    project : a loaded project.
    indicator : ids; default every count and value with more than one sector.
    preset, changes : conventions, as everywhere; `horizon` is in years, `model` the one that is graded.

    Returns
    -------
    Result with the tables `scores` (one row for each score, over all origins where `origin` is null, then origin by
    origin, there without intervals), `calibration` (bins of equal count over all origins) and `origins`.
    `meta["blocks"]` holds for each indicator the grade of the model, or the reason why there is none; gain and
    interval against the best baseline; the verdict in numbers (entries among each region's ten highest scores, summed
    over regions and origins); the base rate with its interval; and what the models of each origin learnt from.

    Raises
    ------
    UsageError : unknown names, or an indicator without an RCA.
    RefusedError : no indicator to test, or fewer than two regions or sectors.
    """
    chosen = conventions(project, preset, **changes)
    project = declared(project, chosen.specialisation.reference)
    metas, skipped = measurable(project, indicator)
    if not metas:
        raise RefusedError("no count or value indicator with more than one sector", fix="see `capmap indicators`")
    found = [
        evaluate(history(project, panel(project, meta.id, exclude=chosen.specialisation.exclude), chosen))
        for meta in metas
    ]
    kind = project.observations.schema["indicator"]

    def stacked(name: Literal["scores", "calibration", "origins"]) -> pl.DataFrame:
        frames: list[pl.DataFrame] = [getattr(one, name) for one in found]
        named = [pl.lit(meta.id, dtype=kind).alias("indicator") for meta in metas]
        return pl.concat([frame.select(of, pl.all()) for of, frame in zip(named, frames, strict=True)])

    return Result("backtest", {
        "scores": stacked("scores"), "calibration": stacked("calibration"), "origins": stacked("origins"),
    }, {
        "command": "backtest",
        "parameters": chosen.told() | {
            "candidate": CANDIDATE, "entered": ENTERED, "folds": prediction.FOLDS, "resamples": RESAMPLES,
            "min_origins": MIN_ORIGINS, "min_entries": MIN_ENTRIES, "min_known": prediction.MIN_KNOWN,
            "list": LIST, "max_rows": prediction.MAX_ROWS,
        },
        "blocks": [one.meta for one in found],
        "skipped": skipped,
    })  # fmt: skip


def entry_probabilities(project: Project, whole: Panel, table: Table, chosen: Conventions) -> EntryProbabilities:
    """Probability of entry of every candidate of a table, by the model of `[complexity] model`.

    The model learns from all regions, at the origins whose outcome was known by the period of the table: nothing later
    is looked at. For those, `horizon` years ahead of the table means what it meant in the past. Where the backtest is
    wanted too, `both` reads the panel once.
    """
    return probabilities(history(project, whole, chosen, until=table.period), table)


def both(project: Project, whole: Panel, table: Table, chosen: Conventions) -> tuple[Backtest, EntryProbabilities]:
    """Backtest of a panel and probabilities of entry at the period of the table, from one reading of the panel.

    Nothing after the period of the table is looked at, by either.
    """
    known = history(project, _cut(whole, table.period), chosen)
    return evaluate(known), probabilities(known, table)


# --- the candidates -----------------------------------------------------------------------------------------------


def rolling_origins(years: Sequence[int | None], horizon: int) -> tuple[Origin, ...]:
    """Origins of a panel with their look-back, horizon and persistence.

    The horizon is the later period nearest to `horizon` years ahead, the earlier of two equally near; persistence is
    the period after it, without which there is no origin; the look-back is the period before the origin.
    """
    known = [year for year in years if year is not None]
    found = []
    for period, year in enumerate(known[:-2]):
        ahead = min(range(period + 1, len(known)), key=lambda q: (abs(known[q] - year - horizon), q))
        if ahead + 1 < len(known):
            found.append(Origin(period, period - 1 if period else None, ahead, ahead + 1))
    return tuple(found)


def history(project: Project, whole: Panel, chosen: Conventions, *, until: int | None = None) -> History:
    """Snapshots of the periods up to `until` (default all) and the candidates whose outcome they tell.

    Every snapshot comes from a panel cut off after its period.

    Raises
    ------
    RefusedError : fewer than two regions or two sectors.
    """
    if len(whole.regions) < 2 or len(whole.sectors) < 2:
        raise RefusedError(
            f"{whole.indicator.id} has {len(whole.regions)} region(s) and {len(whole.sectors)} sector(s)",
            fix="relatedness compares at least two regions in two sectors",
        )
    periods = range(len(whole.years) if until is None else until + 1)
    origins = rolling_origins(whole.years[: len(periods)], chosen.complexity.horizon)
    snapshots: list[Snapshot] = []
    eci: Floats | None = None
    for period in periods:
        (table,) = presence(project, _cut(whole, period), [period], chosen)
        snapshot, eci = _snapshot(table, chosen, eci)
        snapshots.append(snapshot)
    parts, unknown = [], {}
    for origin in origins:
        part, unknown[origin.period] = _candidates(whole, snapshots, origin, chosen.complexity)
        parts.append(part)
    together = (np.concatenate([getattr(part, name) for part in parts]) if parts else empty for name, empty in (
        *((name, np.empty(0, np.intp)) for name in ("origin", "region", "sector", "known_at")),
        ("features", np.empty((0, len(FEATURES)))), ("entered", np.empty(0, bool)),
    ))  # fmt: skip
    return History(whole, chosen, origins, tuple(snapshots), Candidates(*together), unknown)


def features(whole: Panel, now: Snapshot, before: Snapshot | None, options: ComplexitySection) -> Floats:
    """What is known of every cell of a period, (n_features, n_regions, n_sectors) in the order of FEATURES.

    Density, relative density and outlook gain see each region through the proximities of all others. The change of RCA
    and the growth of the world (mean yearly change of the logarithm of the published total, or else of the cells
    known in both periods) are since the period before, NaN without it. NaN = unknown, in every feature.
    """
    table = now.table
    density, gain = _outlook(table, now.pci, options)
    if np.isnan(now.pci).all():
        gain = np.full(gain.shape, np.nan)
    missing = np.full(table.rca.shape, np.nan)
    columns = (
        now.level,
        table.presence.sum(axis=0),
        table.presence.sum(axis=1)[:, np.newaxis],
        density,
        relative_density(table.presence, density),
        now.pci,
        gain,
        missing if before is None else now.level - before.level,
        missing if before is None else _growth(whole, now.table, before.table),
    )
    return np.stack([np.broadcast_to(np.asarray(column, np.float64), table.rca.shape) for column in columns])


def candidate_cells(now: Snapshot, before: Snapshot | None) -> Bools:
    """Eligible cells that are low now and were before, and are not held; the look-back is waived without it."""
    who = now.table.who
    cells = now.low & ~now.table.held & who.regions[:, np.newaxis] & who.sectors
    return cells if before is None else np.asarray(cells & before.low)


def _cut(whole: Panel, period: int) -> Panel:
    """The panel as it was when a period was the latest: no dispersion or window can look beyond it."""
    end = int(whole.offsets[period + 1])
    return replace(
        whole, years=whole.years[: period + 1], region=whole.region[:end], sector=whole.sector[:end],
        value=whole.value[:end], status=whole.status[:end], offsets=whole.offsets[: period + 2],
        reference=None if whole.reference is None else whole.reference[: period + 1],
    )  # fmt: skip


def _snapshot(table: Table, chosen: Conventions, eci: Floats | None) -> tuple[Snapshot, Floats | None]:
    """A period, and the ECI that settles a weak sign in the next."""
    point = indices(table.presence, chosen.complexity, eci)
    if chosen.complexity.presence == "given":  # an index of 0 and 1 says nothing beyond presence
        level = table.value
        low, high = level == 0.0, level == 1.0
    else:
        level = table.rca
        low, high = level <= CANDIDATE * (1 + TOLERANCE), level > ENTERED * (1 + TOLERANCE)
    return Snapshot(table, level, low, high, point.pci, point.reason), eci if point.found is None else point.eci


def _candidates(
    whole: Panel, snapshots: Sequence[Snapshot], origin: Origin, options: ComplexitySection
) -> tuple[Candidates, int]:
    """Candidates of one origin with a known outcome, and how many have none.

    One period of the two at or below 1 settles that a region did not enter, whatever the other is.
    """
    now, before = snapshots[origin.period], None if origin.look_back is None else snapshots[origin.look_back]
    then, after = snapshots[origin.horizon], snapshots[origin.persistence]
    cells = candidate_cells(now, before)
    entered = then.high & after.high
    stayed_out = (~then.high & ~np.isnan(then.level)) | (~after.high & ~np.isnan(after.level))
    told = cells & (entered | stayed_out)
    region, sector = np.nonzero(told)
    known = features(whole, now, before, options)[:, region, sector].T
    n = region.size
    at = np.full(n, origin.period, np.intp), np.full(n, origin.persistence, np.intp)
    return (
        Candidates(at[0], region, sector, at[1], known, entered[region, sector]),
        int(np.count_nonzero(cells & ~told)),
    )


def _outlook(table: Table, pci: Floats, options: ComplexitySection) -> tuple[Floats, Floats]:
    """Density and outlook gain of each region through the proximities of the others; NaN for sectors it holds.

    A correlation, or a choice of nearest sectors, is made anew for each region: these two alone depend on the region
    left out in more than its ubiquities.
    """
    if options.neighbours is None and options.proximity in PROXIMITIES:
        return prediction.outlook_without_self(
            table.presence, pci, options.proximity, diagonal=options.diagonal, normaliser=options.cog
        )
    density, gain = np.full((2, *table.presence.shape), np.nan)
    for i in np.flatnonzero(table.presence.any(axis=1)).tolist():
        others = np.arange(len(table.regions)) != i
        without = replace(
            table, presence=table.presence[others], rca=table.rca[others],
            who=replace(table.who, regions=table.who.regions[others]),
        )  # fmt: skip
        own, phi = table.presence[[i]], sector_proximity(without, options)
        density[i] = np.where(own, np.nan, density_of(own, phi, options))[0]
        gain[i] = outlook_gain(own, phi, pci, normaliser=options.cog)[0]
    return density, gain


def _growth(whole: Panel, now: Table, before: Table) -> Floats:
    """Mean yearly change of the logarithm of the world's total of each sector, (n_sectors,)."""
    totals = [whole.reference_in(table.period, table.meta["window"]) for table in (before, now)]
    both_known = ~np.isnan(before.value) & ~np.isnan(now.value)
    first, last = (
        np.where(both_known, table.value, 0.0).sum(axis=0) if total is None else total
        for table, total in zip((before, now), totals, strict=True)
    )
    assert now.year is not None
    assert before.year is not None
    positive = (first > 0) & (last > 0)
    ratio = np.divide(last, first, out=np.full(first.shape, np.nan), where=positive)
    return np.asarray(np.log(ratio) / (now.year - before.year))


# --- the verdict --------------------------------------------------------------------------------------------------


def evaluate(known: History) -> Backtest:
    """Scores, calibration and grade of a panel; without a grade, and with what is missing, where it is too short."""
    options = known.chosen.complexity
    reason, message = _missing(known)
    probability, training, notes = _predictions(known)
    rows = _scored(known, probability)
    told: dict[str, Any] = {
        "indicator": known.whole.indicator.id,
        "years": list(known.whole.years),
        "model": options.model,
        "grade": None,
        "reason": reason,
        "message": message,
        "origins": len(known.origins),
        "candidates": known.candidates.entered.size,
        "entries": int(known.candidates.entered.sum()),
    }
    frames = _frame([], SCORE_COLUMNS), _frame([], CALIBRATION_COLUMNS)
    if rows.entered.any():
        table, verdict = _verdict(known, rows)
        frames = _frame(table, SCORE_COLUMNS), _frame(_bins(rows), CALIBRATION_COLUMNS)
        grade = verdict.pop("letter")
        told |= verdict
        if not reason and grade:
            told["grade"] = grade
        elif not reason:
            told |= {"reason": "interval_spans_grades", "message": _spanning(verdict)}
    return Backtest(*frames, _origins(known, training), told | notes)


def _predictions(
    known: History,
) -> tuple[dict[str, Floats], Mapping[int, prediction.Training], dict[str, Any]]:
    """Out-of-fold probabilities (n,) of each model, what its models learnt from, and what to tell about that."""
    rows, seed = known.candidates, known.chosen.complexity.seed
    probability: dict[str, Floats] = {}
    training: Mapping[int, prediction.Training] = {}
    if rows.entered.any() and np.unique(rows.region).size > 1:
        # over all regions of the panel, so that no outcome moves a region to another fold
        fold = prediction.folds(np.arange(len(known.whole.regions)), seed)[rows.region]
        for name, (model, columns) in FITTED.items():
            own = rows.features[:, [FEATURES.index(column) for column in columns]]
            found = prediction.rolling_predictions(
                model, own, rows.entered, fold, rows.origin, rows.known_at, seed=seed
            )
            probability[name], training = found.probability, found.training
    years, snapshots = known.whole.years, known.snapshots
    return probability, training, {
        "training": {years[t]: kind for t, kind in training.items()},
        "shared_shocks": [years[t] for t, kind in training.items() if kind == "same_years"],
        "look_back_waived": [years[o.period] for o in known.origins if o.look_back is None],
        "unknown_outcomes": {years[t]: n for t, n in known.unknown.items() if n},
        "no_complexity": {years[o.period]: reason for o in known.origins if (reason := snapshots[o.period].reason)},
    }  # fmt: skip


def _scored(known: History, probability: Mapping[str, Floats]) -> Scored:
    """Candidates that every model could predict, with all their scores."""
    rows = known.candidates
    predicted = np.all([~np.isnan(p) for p in probability.values()], axis=0) if probability else np.zeros(0, np.intp)
    kept = np.flatnonzero(predicted)
    return Scored(
        rows.entered[kept], rows.origin[kept], rows.region[kept],
        {name: _ranking(rows, name, probability)[kept] for name in SCORES} if kept.size else {},
        {name: p[kept] for name, p in probability.items()},
    )  # fmt: skip


def _ranking(rows: Candidates, name: str, probability: Mapping[str, Floats]) -> Floats:
    """A score as a ranking, (n,): the higher, the sooner entry is expected; what is unknown comes last."""
    if name == "random":  # ties throughout, and every measure takes ties at their expectation
        return np.zeros(len(rows.entered))
    return prediction.tied(probability[name] if name in probability else rows.features[:, FEATURES.index(name)])


def _verdict(known: History, rows: Scored) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of the table of scores, and the verdict in numbers."""
    options = known.chosen.complexity
    groups, group = np.unique(rows.region, return_inverse=True)
    weights = prediction.resamples(groups.size, RESAMPLES, np.random.default_rng(options.seed))
    drawn = {name: prediction.resampled_average_precision(rows.entered, score, group, weights)
             for name, score in rows.scores.items()}  # fmt: skip
    best_drawn = np.max([drawn[name] for name, kind in SCORES.items() if kind == "baseline"], axis=0)
    table = _scores(known, rows)
    pooled = {row["score"]: row for row in table if row["origin"] is None}
    best = max((name for name, kind in SCORES.items() if kind == "baseline"), key=lambda name: pooled[name]["pr_auc"])
    grades = {}
    for name, row in pooled.items():
        row["pr_auc_low"], row["pr_auc_high"] = prediction.interval(drawn[name])
        if SCORES[name] != "baseline":
            error = np.nan if row["calibration_error"] is None else row["calibration_error"]
            grades[name] = prediction.grade(row["gain"], drawn[name] - best_drawn, error, row["entries"])
            row["gain_low"], row["gain_high"] = grades[name].low, grades[name].high
    own, graded = pooled[options.model], grades[options.model]
    lists = {name: _lists(rows, rows.scores[name]) for name in dict.fromkeys((options.model, best, "rca"))}
    base_low, base_high = prediction.interval(drawn["random"])  # whose precision is the base rate
    return table, {
        "letter": graded.letter,
        "grades": {name: grades[name].letter for name, kind in SCORES.items() if kind == "model"},
        "best_baseline": best,
        "gain": own["gain"], "gain_low": graded.low, "gain_high": graded.high, "gaining": graded.gaining,
        "draws": graded.draws,
        "calibration_error": own["calibration_error"],
        "base_rate": own["base_rate"], "base_rate_low": base_low, "base_rate_high": base_high,
        "verdict": {
            "found": lists[options.model].hits, "baseline": lists[best].hits, "rca": lists["rca"].hits,
            "chance": lists["rca"].chance_hits, "entries": own["entries"], "listed": lists["rca"].listed, "list": LIST,
        },
    }  # fmt: skip


def _scores(known: History, rows: Scored) -> list[dict[str, Any]]:
    """One row for each score: over all origins, then for each of them; intervals are not yet in it.

    The gain of an origin is against its own best baseline.
    """
    parts = [(None, rows)] + [
        (known.whole.years[t], rows.of(rows.origin == t)) for t in np.unique(rows.origin).tolist()
    ]
    table: list[dict[str, Any]] = []
    for year, part in parts:
        own = [{"origin": year} | _row(name, part) for name in SCORES]
        best = max(row["pr_auc"] for row in own if row["kind"] == "baseline")
        table += [row | {"gain": None if row["kind"] == "baseline" else row["pr_auc"] - best} for row in own]
    return [dict.fromkeys(SCORE_COLUMNS) | row for row in table]


def _row(name: str, rows: Scored) -> dict[str, Any]:
    """How well one score ranked, and how true it was where it is a probability."""
    entered, score, p = rows.entered, rows.scores[name], rows.probability.get(name)
    top = _lists(rows, score)
    return {
        "score": name, "kind": SCORES[name], "candidates": entered.size, "entries": int(entered.sum()),
        "base_rate": float(entered.mean()), "roc_auc": prediction.roc_auc(entered, score),
        "pr_auc": prediction.average_precision(entered, score), "precision_at_10": top.precision,
        "lift_at_10": top.precision / top.chance if top.chance else np.nan,
        "brier": None if p is None else prediction.brier(entered, p),
        "calibration_error": None if p is None else prediction.calibration(entered, p).error,
    }  # fmt: skip


def _lists(rows: Scored, score: Floats) -> prediction.PrecisionAt:
    """Success of one list for each region at each origin."""
    return prediction.precision_at(rows.entered, score, rows.origin * (rows.region.max() + 1) + rows.region, LIST)


def _bins(rows: Scored) -> list[dict[str, Any]]:
    table = []
    for name, p in rows.probability.items():
        found = prediction.calibration(rows.entered, p)
        columns = {column: getattr(found, column).tolist() for column in ("low", "high", "n", "predicted", "observed")}
        bins = zip(*columns.values(), strict=True)
        table += [{"score": name, "bin": k} | dict(zip(columns, row, strict=True)) for k, row in enumerate(bins, 1)]
    return table


def _origins(known: History, training: Mapping[int, str]) -> pl.DataFrame:
    years, rows = known.whole.years, known.candidates
    return _frame([
        {
            "origin": years[o.period], "look_back": None if o.look_back is None else years[o.look_back],
            "horizon": years[o.horizon], "persistence": years[o.persistence],
            "candidates": int((rows.origin == o.period).sum()),
            "entries": int(rows.entered[rows.origin == o.period].sum()), "training": training.get(o.period),
        } for o in known.origins
    ], ORIGIN_COLUMNS)  # fmt: skip


def _frame(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pl.DataFrame:
    """Rows as a frame of these columns, NaN as null."""
    return pl.DataFrame(rows, schema=dict(columns), orient="row").with_columns(pl.selectors.float().fill_nan(None))


def _missing(known: History) -> tuple[str, str]:
    """Why a panel can have no grade, and what it lacks; empty where nothing is missing."""
    rows, name, years = known.candidates, known.whole.indicator.id, known.whole.years
    entries, n = int(rows.entered.sum()), len(known.origins)
    if None in years:
        return "no_years", f"{name} has no years, and a backtest needs periods that follow each other"
    if n < MIN_ORIGINS:
        more = _periods_missing([year for year in years if year is not None], known.chosen.complexity.horizon)
        return "too_few_origins", (
            f"{name} has the periods {', '.join(map(str, years))}, and the outcome is known of {n} origins; a grade needs "
            f"{MIN_ORIGINS}, so {more} more periods, or a shorter --horizon"
        )
    if np.unique(rows.region).size < 2:
        return (
            "too_few_regions",
            f"{name} has candidates in fewer than 2 regions, and none can be predicted from others",
        )
    if entries < MIN_ENTRIES:
        return (
            "too_few_entries",
            f"{entries} of {rows.entered.size:,} candidates of {name} entered; a grade needs {MIN_ENTRIES}",
        )
    return "", ""


def _periods_missing(years: list[int], horizon: int) -> int:
    """Further periods, as far apart as those there are, until there are enough origins."""
    step = max(int(np.median(np.diff(years))), 1) if len(years) > 1 else 1
    longer = list(years)
    while len(rolling_origins(longer, horizon)) < MIN_ORIGINS:
        longer.append(longer[-1] + step)
    return len(longer) - len(years)


def _spanning(verdict: Mapping[str, Any]) -> str:
    return (
        f"the model beats the best baseline of the draw in {verdict['gaining']:,} of {verdict['draws']:,} draws of regions: "
        "neither better nor not better can be said"
    )


# --- the probability of entry now ---------------------------------------------------------------------------------


def probabilities(known: History, table: Table) -> EntryProbabilities:
    """Probability of entry of the candidates of a table, by a model of the origins whose outcome was known by then."""
    options, rows, period = known.chosen.complexity, known.candidates, table.period
    now, before = known.snapshots[period], known.snapshots[period - 1] if period else None
    nothing = np.full((3, *now.level.shape), np.nan)
    learnt = rows.known_at <= period
    entries, year = int(np.count_nonzero(rows.entered & learnt)), known.whole.years[period]
    told = {
        "indicator": known.whole.indicator.id, "year": year, "model": options.model, "horizon": options.horizon,
        "origins": [known.whole.years[t] for t in np.unique(rows.origin[learnt]).tolist()],
        "candidates": int(np.count_nonzero(learnt)), "entries": entries, "draws": REFITS[options.model],
    }  # fmt: skip
    if entries < MIN_ENTRIES:
        message = (
            f"{entries} entries of {known.whole.indicator.id} were known by {year}; a probability needs {MIN_ENTRIES}"
        )
        return EntryProbabilities(nothing[0], nothing[1], nothing[2], "too_few_entries", message, told)
    cells = candidate_cells(now, before) & ~table.held
    asked = features(known.whole, now, before, options)[:, cells].T
    found = prediction.entry_probabilities(
        options.model, rows.features[learnt], rows.entered[learnt], rows.region[learnt], asked,
        draws=REFITS[options.model], seed=options.seed,
    )  # fmt: skip
    for grid, values in zip(nothing, (found.probability, found.low, found.high), strict=True):
        grid[cells] = values
    return EntryProbabilities(nothing[0], nothing[1], nothing[2], "", "", told)
