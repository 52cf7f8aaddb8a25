"""What is one region demonstrably specialised in, how sure is that, and what is missing? (`capmap profile`)

Assembled from other analyses' frames: no formula is written here. Every table is tidy and at full precision;
words, rounding and the choice of what fits on a screen belong to the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from capmap.analyses import selection
from capmap.analyses.blocks import CLASSES, PERSISTENCE_PERIODS, material_index, rca_history
from capmap.analyses.intensity import intensity
from capmap.analyses.peers import Peers, peers_of, similar_patterns, structure
from capmap.analyses.prospects import prospects, without
from capmap.analyses.specialisation import measurable, rca, settings
from capmap.analyses.standing import standing
from capmap.analyses.standing import without as nowhere
from capmap.data.panel import Panel, panel, rows_of
from capmap.data.totals import declared
from capmap.errors import RefusedError, UsageError
from capmap.methods import similarity
from capmap.methods.specialisation import symmetric
from capmap.model import TOTAL, Indicator, Project, Result, SpecialisationSection

#: Where a cell of the region stands in its profile, in this order of precedence.
LISTINGS = ("specialised", "new", "lost", "large", "slight", "uncertain", "not_specialised", "no_index")
STAGES = ("knowledge", "technology", "scale_up", "production", "market")
#: Fewest sectors of which a pattern is compared: with two or three any likeness is chance.
PATTERN_SECTORS = 5
#: Specialisations and other cells named in the headline, per indicator.
HEADLINE_FIELDS = {"lasting": 3, "large": 2, "new": 2}
LONG_COLUMNS = (
    "section", "indicator", "year", "region", "sector", "measure", "value", "low", "high", "class", "note",
)  # fmt: skip


def profile(
    project: Project,
    region: str,
    *,
    year: selection.Year = "latest",
    allow_mixed_years: bool = False,
    full: bool = False,
    known: Known | None = None,
    **changes: Any,
) -> Result:
    """Capability profile of one region.

    Parameters
    ----------
    project : a loaded project.
    region : code or name.
    year : `latest` (each indicator's own last year) or one year. An indicator without that year is listed
        under `coverage` as "no data"; with `allow_mixed_years` its nearest earlier year is taken instead, and
        per-head figures may use the population of the nearest year.
    full : compute complexity, opportunities and composite indices now; by default they come from the project's
        `results`, if these are of the same inputs, and are never waited for.
    known : what an earlier profile of the same project and settings measured already (see `profiles`).
    changes : keys of `[specialisation]`.

    Returns
    -------
    Result with the tables `headline` (every clause of the headline, one row each), `context`, `peers`, `stages`,
    `size`, `size_history`, `specialisation` (all cells, with `listing`), `history` (index by year), `intensity`,
    `pattern`, `index` and `strengths` (STANDING and STRENGTHS of `capmap.analyses.standing`), `complexity`,
    `opportunities`, `coverage`, `questions` and `sources`; `meta["prospects"]` says where complexity and opportunities
    come from, `meta["indices"]` where the indices do, and what must be known of each.
    """
    selection.one_year(year)
    code = selection.own_region(project, region)
    project = declared(project, settings(project, **changes).reference)
    alone, known = known is None, known or Known(project, settings(project, **changes), changes)
    options, people = known.options, known.people
    named = peers_of(project, code, known.structure)
    if code in options.exclude:
        raise UsageError(f"{code} is excluded, so it has no profile", fix="leave it out of --exclude")
    found = _measured_cells(project, known, code, year, named, allow_mixed_years)
    intensities = _intensities(known, code, year, named, allow_mixed_years)
    history = _stack(found.history)
    cells = _with_earlier(_stack(found.specialisation), history, material_index(project, options))
    _refuse_nothing(project, code, year, cells, intensities)
    complexity, near, origin = _prospects(project, code, cells, full, changes) if alone else (*without(cells), "none")
    how: dict[str, Any] = {"year": year, "allow_mixed_years": allow_mixed_years, "full": full}
    placed = standing(project, [code], **how) if alone else nowhere(project)
    used = [block["indicator"] for block in found.blocks] + intensities["indicator"].unique().to_list()
    tables = {
        "headline": _headline(cells, intensities, found.size, found.blocks),
        "context": _context(project, code, people, _year_of_people(people, code, year, found.size)),
        "peers": _peers(named),
        "stages": _stages(project, code, cells, intensities),
        "size": _frame(found.size, SIZE),
        "size_history": _frame(found.size_history, SIZE_HISTORY),
        "specialisation": cells,
        "history": history,
        "intensity": intensities,
        "pattern": _stack(found.pattern),
        "index": placed.table,
        "strengths": placed.strengths,
        "complexity": complexity,
        "opportunities": near,
        "coverage": _coverage(project, code, cells, intensities),
        "questions": _questions(project, cells),
        "sources": sources(project, used),
    }
    return Result(f"profile {code}", tables, {
        "command": "profile",
        "region": code,
        "label": selection.region_labels(project).get(code, code),
        "parameters": options.model_dump() | {"year": str(year), "allow_mixed_years": allow_mixed_years},
        "profile": project.run.profile.model_dump(),
        "peers": {"kind": named.kind, "codes": list(named.codes), "variables": list(named.variables)},
        "blocks": found.blocks,
        "no_data": found.missing,
        "prospects": origin,
        "indices": placed.told,
    })  # fmt: skip


class _Found(NamedTuple):
    """What the counts and values of a region say, an entry per indicator, and those without data of it."""

    specialisation: list[pl.DataFrame]
    history: list[pl.DataFrame]
    pattern: list[pl.DataFrame]
    size: list[dict[str, Any]]
    size_history: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    missing: list[dict[str, Any]]


def _measured_cells(
    project: Project, known: Known, code: str, year: selection.Year, named: Peers, mixed: bool
) -> _Found:
    """Every measurable indicator in the year that answers the wish."""
    found = _Found([], [], [], [], [], [], [])
    for meta in known.chosen:
        whole = known.panel(meta.id)
        when = pick_year(whole.years, year, mixed)
        if code not in whole.regions or when is None:
            found.missing.append(_gap(project, meta.id, code, year))
            continue
        measured = known.rca(meta.id, when)
        own = measured.frame.filter(pl.col("region") == code)
        if own.is_empty():
            found.missing.append(_gap(project, meta.id, code, year))
            continue
        block = with_total(whole, measured.meta["blocks"][0])
        found.blocks.append(block)
        ended = whole.years.index(block["year"])
        found.specialisation.append(listed(own, project, block["regions"]))
        found.history.append(rca_history(project, whole, code, known.options, upto=ended))
        found.pattern.append(pattern(measured.frame, meta, code))
        rows, trend = _size(whole, ended, block, code, known.people, named, mixed)
        found.size.extend(rows)
        found.size_history.extend(trend)
    return found


def with_total(whole: Panel, block: Mapping[str, Any]) -> dict[str, Any]:
    """A block that says what totals are shares of: the `published` world, or the `sum` of the table."""
    published = whole.reference_in(whole.years.index(block["year"])) is not None
    return {**block, "total": "published" if published else "sum"}


def own_years(project: Project, indicator: str, code: str) -> list[int | None]:
    """Years in which an indicator has a value of the region."""
    rows = rows_of(project.observations, indicator)
    held = rows.filter((pl.col("region") == code) & pl.col("value").is_not_null())
    years: list[int | None] = held["year"].unique().sort().to_list()
    return years


def _gap(project: Project, indicator: str, code: str, year: selection.Year) -> dict[str, Any]:
    """An indicator without data of the region in the year, and the years in which it has some."""
    return {"indicator": indicator, "asked": str(year), "has": own_years(project, indicator, code)}


def _refuse_nothing(
    project: Project, code: str, year: selection.Year, cells: pl.DataFrame, intensities: pl.DataFrame
) -> None:
    """Raises where there is nothing to profile; a year that has something is named."""
    if not (cells.is_empty() and intensities.is_empty()):
        return
    latest = year in (None, "latest")
    fit = {m.id for m in measurable(project)[0]}
    metas = [m for m in selection.indicators(project) if m.id in fit or m.kind in ("intensity", "score")]
    years = {m.id: own_years(project, m.id, code) for m in metas}
    last = {name: held[-1] for name, held in years.items() if held and held[-1] is not None}
    newest = max(last.values(), default=None)
    has = ", ".join(f"{name} up to {upto}" for name, upto in last.items())
    raise RefusedError(
        f"no indicator has data of {code}" + (" in its last year" if latest and has else "" if latest else f" in {year}"),
        fix=f"{code} has {has}: --year {newest}" if has
        else "see `capmap regions` for who has which indicators, and `capmap indicators` for the years",
    )  # fmt: skip


def _prospects(
    project: Project, code: str, cells: pl.DataFrame, full: bool, changes: Mapping[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Complexity and opportunities, and where they come from; results are of the settings of the project alone."""
    shared = {key: value for key, value in changes.items() if key in ("reference", "exclude", "window")}
    if cells.is_empty() or (changes and not full):
        return *without(cells), "none"
    return prospects(project, code, cells, full=full, **shared)


class Known:
    """What the profiles of one project share: panels, measured tables, population and structure, each made once."""

    def __init__(self, project: Project, options: SpecialisationSection, changes: Mapping[str, Any]) -> None:
        self.project = project
        self.options = options
        self.chosen, _ = measurable(project)
        self.people = _population(project)
        self.structure = structure(project)
        self._changes = dict(changes)
        self._made: dict[tuple[str, str, object], Any] = {}

    def _once(self, kind: str, indicator: str, when: object, make: Callable[[], Any]) -> Any:
        key = (kind, indicator, when)
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def panel(self, indicator: str) -> Panel:
        """Cells of an indicator."""
        found: Panel = self._once(
            "panel", indicator, None, lambda: panel(self.project, indicator, exclude=self.options.exclude)
        )
        return found

    def rca(self, indicator: str, when: int | str) -> Result:
        """Measured table of an indicator in a year (`undated` for data without years)."""
        found: Result = self._once("rca", indicator, when, lambda: self._measured(indicator, when))
        return found

    def _measured(self, indicator: str, when: int | str) -> Result:
        year = "latest" if when == "undated" else when
        try:
            return rca(
                self.project, indicator=[indicator], year=year, extras=["history", "dependence"], **self._changes
            )
        except RefusedError:  # nothing but zeros: as if there were no rows
            return Result("rca", {"rca": pl.DataFrame(schema={"region": pl.String})}, {"blocks": []})

    def intensity(self, indicator: str, when: int | str) -> pl.DataFrame:
        """Measured table of an intensity or score in a year."""
        found: pl.DataFrame = self._once(
            "intensity", indicator, when,
            lambda: intensity(self.project, indicator=[indicator], year="latest" if when == "undated" else when).frame,
        )  # fmt: skip
        return found


def profiles(project: Project, **changes: Any) -> Result:
    """Profiles of every region that has data, as one long frame (LONG_COLUMNS) with the profiled region first.

    The frame has the column `profile` before the others; regions that no indicator covers are left out.
    """
    known = Known(project, settings(project, **changes), changes)
    frames = []
    for code in project.codes.regions.filter(pl.col("role") == "region")["code"].sort().to_list():
        try:
            one = profile(project, code, known=known, **changes)
        except RefusedError:
            continue
        frames.append(long(one).select(pl.lit(code).alias("profile"), pl.all()))
    if not frames:
        raise RefusedError("no region has data to profile", fix="see `capmap check`")
    return Result("profiles", {"profiles": pl.concat(frames)}, {
        "command": "profiles", "parameters": known.options.model_dump(), "regions": len(frames)
    })  # fmt: skip


def pick_year(years: Sequence[int | None], wanted: selection.Year, mixed: bool) -> int | str | None:
    """Year of one indicator that answers the wish, `undated` for data without years, None without an answer."""
    if years == (None,):
        return "undated"
    dated = [y for y in years if y is not None]
    if wanted in (None, "latest"):
        return dated[-1]
    first, last = selection.year_range(wanted)
    if last in dated and first == last:
        return last
    earlier = [y for y in dated if y <= last]
    return earlier[-1] if mixed and earlier else None


def listed(own: pl.DataFrame, project: Project, regions: int | None = None) -> pl.DataFrame:
    """Cells of a region with where they stand in its profile (`listing`), in the order they are read.

    A specialisation is listed when it is established (or, for values of one period, indicated) and material;
    `new` when it was so in fewer than the last three periods although three exist; `lost` when it was so in one
    of them but now is not, with probability 0.90 (an uncertain cell is not called lost); `large` when the region is
    among the largest (`large_rank`, and within the first third where a table has few `regions`) but its index is
    below 1.
    """
    largest = project.run.profile.large_rank
    if regions is not None:
        largest = min(largest, max(1, regions // 3))
    shown = pl.col("class").is_in(["established", "indicated"])
    strong = shown & pl.col("band").is_in(["moderate", "high", "very_high"])
    if own["p_material"].null_count() < own.height:
        strong &= pl.col("p_material") >= 0.5
    gone = (
        pl.col("p_material") <= 1 - project.run.specialisation.p_established
        if own["p_material"].null_count() < own.height
        else pl.col("class") != "uncertain"
    )
    fresh = (pl.col("trajectory") == "recent") & (pl.col("periods") >= 3)
    large = (pl.col("rank_world") <= largest) & (pl.col("rca") < 1) & (pl.col("value") > 0)
    listing = (
        pl.when(pl.col("rca").is_null()).then(pl.lit("no_index"))
        .when(strong & fresh).then(pl.lit("new"))
        .when(strong).then(pl.lit("specialised"))
        .when((pl.col("trajectory") == "lost") & gone).then(pl.lit("lost"))
        .when(large & (pl.col("class") == "below")).then(pl.lit("large"))
        .when(shown).then(pl.lit("slight"))
        .when(pl.col("class") == "uncertain").then(pl.lit("uncertain"))
        .otherwise(pl.lit("not_specialised"))
    ).cast(pl.Enum(LISTINGS)).alias("listing")  # fmt: skip
    return own.with_columns(listing).sort(
        pl.col("listing").to_physical(), pl.col("persistence").fill_null(-1).neg(), pl.col("share_world").neg(),
        "sector", nulls_last=True,
    )  # fmt: skip


def _with_earlier(cells: pl.DataFrame, history: pl.DataFrame, material: float) -> pl.DataFrame:
    """Adds `earlier`: whether the index reached the material threshold before the last three periods."""
    if cells.is_empty():
        return cells
    keys = ["indicator", "sector"]
    before = (
        history.sort("year")
        .with_columns(pl.col("year").rank("dense", descending=True).over("indicator").alias("age"))
        .filter(pl.col("age") > PERSISTENCE_PERIODS)
        .group_by(keys)
        .agg((pl.col("rca") >= material).any().alias("earlier"))
    )
    found = {(r["indicator"], r["sector"]): r["earlier"] for r in before.iter_rows(named=True)}
    rows = zip(cells["indicator"].cast(pl.String).to_list(), cells["sector"].cast(pl.String).to_list(), strict=True)
    return cells.with_columns(pl.Series("earlier", [found.get(row) for row in rows], dtype=pl.Boolean))


def pattern(frame: pl.DataFrame, meta: Indicator, code: str) -> pl.DataFrame:
    """Likeness of the region's pattern to every other's: cosine of RSCA, from shrunken indices for counts.

    Only regions with an index in enough sectors to be compared at all take part, so a sparse table costs little.
    """
    index = "rca_eb" if meta.kind == "count" and frame["rca_eb"].null_count() < frame.height else "rca"
    region, sector = (frame[name].rank("dense").to_numpy().astype(np.intp) - 1 for name in ("region", "sector"))
    values, sectors = frame[index].to_numpy(), int(sector.max()) + 1
    held = np.bincount(region[~np.isnan(values)], minlength=int(region.max()) + 1)
    alike = np.flatnonzero(held >= max(similarity.MIN_COMMON * sectors - 1e-9, 1))
    codes = frame["region"].unique().sort().gather(alike).cast(pl.String).to_list()
    if sectors < PATTERN_SECTORS or code not in codes:
        return pl.DataFrame(
            schema={"indicator": pl.String, "year": pl.Int32, "region": pl.String, "similarity": pl.Float64}
        )
    row_of = np.full(held.size, -1)
    row_of[alike] = np.arange(alike.size)
    rows = row_of[region]
    wide = np.full((alike.size, sectors), np.nan)
    wide[rows[rows >= 0], sector[rows >= 0]] = values[rows >= 0]
    likeness = similar_patterns(symmetric(wide), codes.index(code))
    found = pl.DataFrame(
        {"indicator": meta.id, "year": frame["year"][0], "region": codes, "similarity": likeness},
        schema_overrides={"year": pl.Int32},
    )
    return found.filter(pl.col("similarity").is_not_nan()).sort(pl.col("similarity").neg(), "region")


def sources(project: Project, ids: Sequence[str]) -> pl.DataFrame:
    """Citation of every indicator used."""
    rows = []
    for name in sorted(set(ids)):
        meta = project.catalogue[name]
        rows.append({"indicator": name, "name": meta.name, **meta.source.model_dump()})
    return _frame(rows, {"indicator": pl.String, "name": pl.String, "title": pl.String, "producer": pl.String,
                         "table": pl.String, "vintage": pl.String, "url": pl.String, "licence": pl.String})  # fmt: skip


def long(result: Result) -> pl.DataFrame:
    """A profile or comparison as one long frame (LONG_COLUMNS) for CSV and Parquet."""
    parts = [part for name, table in result.tables.items() if (part := _melted(name, table)) is not None]
    return pl.concat(parts)


_KEYS = ("indicator", "year", "region", "sector")
_OF_INDEX = {"index": "indicator", "node": "sector", "other": "note"}
_LOWS = {"rca": ("rca_low", "rca_high"), "rca_eb": ("rca_eb_low", "rca_eb_high")}


def _melted(section: str, table: pl.DataFrame) -> pl.DataFrame | None:
    """One table in long form: its numbers as rows; its texts as rows with the text in `note`.

    Of composite indices the id stands under `indicator`, the node under `sector`, and the region that another is compared
    with under `note`.
    """
    if table.is_empty():
        return None
    if "index" in table.columns:
        table = table.drop("level", "parent", strict=False)
        table = table.rename({name: key for name, key in _OF_INDEX.items() if name in table.columns})
    keys = [
        (pl.col(name).cast(pl.String) if name != "year" else pl.col(name).cast(pl.Int32))
        if name in table.columns
        else pl.lit(None, dtype=pl.Int32 if name == "year" else pl.String).alias(name)
        for name in _KEYS
    ]
    judged = (
        pl.col("class").cast(pl.String) if "class" in table.columns else pl.lit(None, dtype=pl.String).alias("class")
    )
    reason = pl.col("note").cast(pl.String) if "note" in table.columns else pl.lit(None, dtype=pl.String).alias("note")
    ends = {end for pair in _LOWS.values() for end in pair} | {"low", "high"}
    rows = []
    for name, kind in table.schema.items():
        if name in (*_KEYS, "class", "note") or name in ends:
            continue
        number = kind.is_numeric() or kind == pl.Boolean
        pair = _LOWS.get(name, ("low", "high") if name == "value" else ("", ""))
        low, high = (
            pl.col(end).cast(pl.Float64).alias(side)
            if end in table.columns
            else pl.lit(None, dtype=pl.Float64).alias(side)
            for end, side in zip(pair, ("low", "high"), strict=True)
        )
        rows.append(table.select(
            pl.lit(section).alias("section"), *keys, pl.lit(name).alias("measure"),
            (pl.col(name).cast(pl.Float64) if number else pl.lit(None, dtype=pl.Float64)).alias("value"),
            low, high, judged, reason if number else pl.col(name).cast(pl.String).alias("note"),
        ))  # fmt: skip
    return pl.concat(rows).select(LONG_COLUMNS).filter(pl.col("value").is_not_null() | pl.col("note").is_not_null())


SIZE = {
    "indicator": pl.String, "year": pl.Int32, "sector": pl.String, "value": pl.Float64, "share_world": pl.Float64,
    "rank": pl.Int32, "n": pl.Int32, "per_million": pl.Float64, "peer_median": pl.Float64, "population_year": pl.Int32,
    "status": pl.String, "note": pl.String,
}  # fmt: skip
SIZE_HISTORY = {"indicator": pl.String, "year": pl.Int32, "value": pl.Float64, "share_world": pl.Float64}


def _frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema), orient="row")


def _stack(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames) if frames else pl.DataFrame()


def _population(project: Project) -> dict[tuple[str, int | None], float]:
    """People by (region, year)."""
    if "population" not in project.catalogue:
        return {}
    rows = project.observations.filter(
        (pl.col("indicator") == "population") & (pl.col("sector") == TOTAL) & pl.col("value").is_not_null()
    )
    keys = zip(rows["region"].cast(pl.String).to_list(), rows["year"].to_list(), strict=True)
    return dict(zip(keys, rows["value"].to_list(), strict=True))


def people_in(
    people: Mapping[tuple[str, int | None], float], code: str, year: int | None, mixed: bool
) -> tuple[float | None, int | None]:
    """Population of a region in a year, or in the nearest year where years may be mixed, and the year it is of."""
    if (code, year) in people:
        return people[code, year], year
    if not mixed or year is None:
        return None, None
    near = sorted((abs(y - year), y) for c, y in people if c == code and y is not None)
    return (people[code, near[0][1]], near[0][1]) if near else (None, None)


def _size(
    whole: Panel,
    period: int,
    block: Mapping[str, Any],
    code: str,
    people: Mapping[tuple[str, int | None], float],
    named: Peers,
    mixed: bool,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Total of an indicator: amount, world share, rank, per head and against the peers; and its history."""
    totals = {p: totals_of(whole, p) for p in range(period + 1)}
    here = totals[period]
    own, year = here["value"].get(code), block["year"]
    ranked = sorted((v for v in here["value"].values()), reverse=True)
    head, of_year = people_in(people, code, year, mixed)
    per_million = {
        c: v / p * 1e6 for c, v in here["value"].items() if (p := people_in(people, c, year, mixed)[0]) is not None
    }
    theirs = [per_million[c] for c in named.codes if c in per_million]
    letters = sorted(here["status"].get(code, set()))
    row = {
        "indicator": whole.indicator.id, "year": year, "sector": TOTAL, "value": own,
        "share_world": own / here["world"] if own is not None and here["world"] else None,
        "rank": ranked.index(own) + 1 if own is not None else None, "n": len(ranked),
        "per_million": per_million.get(code) if head else None,
        "peer_median": float(np.median(theirs)) if theirs else None,
        "population_year": of_year if of_year != year else None,
        "status": ";".join(letters) or None, "note": None if head else "no_denominator",
    }  # fmt: skip
    history = [
        {"indicator": whole.indicator.id, "year": whole.years[p], "value": v,
         "share_world": v / t["world"] if t["world"] else None}
        for p, t in totals.items() if (v := t["value"].get(code)) is not None
    ]  # fmt: skip
    return [row], history


def totals_of(whole: Panel, period: int) -> dict[str, Any]:
    """Totals over sectors of every region and of the world in one period, with the status letters that occur."""
    cells, status = whole.cells(period)
    known = ~np.isnan(cells.value)
    sums = np.bincount(cells.region[known], cells.value[known], cells.n_regions)
    seen = np.bincount(cells.region[known], minlength=cells.n_regions) > 0
    reference = whole.reference_in(period)
    letters: dict[str, set[str]] = {}
    for row in np.flatnonzero(status >= 0):
        letters.setdefault(whole.regions[cells.region[row]], set()).add(whole.status_labels[status[row]])
    return {
        "value": {whole.regions[k]: float(sums[k]) for k in np.flatnonzero(seen)},
        "world": float(np.nansum(reference)) if reference is not None else float(sums.sum()),
        "status": letters,
    }


def _intensities(known: Known, code: str, year: selection.Year, named: Peers, mixed: bool) -> pl.DataFrame:
    """Intensities and scores of the region with rank, percentile and the median of its peers."""
    project = known.project
    frames = []
    for meta in selection.indicators(project):
        if meta.kind not in ("intensity", "score"):
            continue
        rows = project.observations.filter(pl.col("indicator") == meta.id)
        years = tuple(rows["year"].unique().sort().to_list())
        mine = rows.filter((pl.col("region") == code) & pl.col("value").is_not_null())["year"].unique().sort().to_list()
        latest = year in (None, "latest")
        when = pick_year(tuple(mine) if latest and mine else years, year, mixed)
        if when is None or not mine:
            continue
        try:
            measured = known.intensity(meta.id, when)
        except RefusedError:  # nothing but zeros
            continue
        peers = measured.filter(pl.col("region").cast(pl.String).is_in(list(named.codes))).group_by("sector").agg(
            pl.col("value").median().alias("peer_median"), pl.col("value").count().alias("peers")
        )  # fmt: skip
        frames.append(
            measured.filter(pl.col("region") == code).join(peers, on="sector", how="left", maintain_order="left")
        )
    if frames:
        return pl.concat(frames)
    return pl.DataFrame(schema={"indicator": pl.String, "year": pl.Int32, "sector": pl.String, "value": pl.Float64})


def _year_of_people(
    people: Mapping[tuple[str, int | None], float], code: str, year: selection.Year, size: Sequence[Mapping[str, Any]]
) -> int | None:
    """Year whose population stands in the context: that of the figures per head, else the nearest to the year asked.

    Without either it is the latest. None where no population is known.
    """
    used: list[int] = [row["population_year"] or row["year"] for row in size if row["per_million"] is not None]
    if used:
        return max(used)
    years = sorted(y for c, y in people if c == code and y is not None)
    if not years or year in (None, "latest"):
        return years[-1] if years else None
    _, last = selection.year_range(year)
    return min(years, key=lambda y: (abs(y - last), y))


def _context(
    project: Project, code: str, people: Mapping[tuple[str, int | None], float], year: int | None
) -> pl.DataFrame:
    """Label, groups and population of the region, in the year named."""
    listed_ = project.codes.regions.filter(pl.col("code") == code)
    label = listed_["label"][0] if listed_.height else code
    groups = (listed_["group"][0] or "").split(";") if listed_.height else []
    rows = [
        {"region": code, "measure": "label", "text": label},
        *({"region": code, "measure": "group", "text": name} for name in groups if name),
    ]
    if year is not None:
        rows.append({"region": code, "measure": "population", "year": year, "value": people[code, year]})
    return _frame(
        rows, {"region": pl.String, "measure": pl.String, "year": pl.Int32, "value": pl.Float64, "text": pl.String}
    )


def _peers(named: Peers) -> pl.DataFrame:
    distances = named.distances or [None] * len(named.codes)
    rows = [{"region": c, "kind": named.kind, "distance": d} for c, d in zip(named.codes, distances, strict=True)]
    return _frame(rows, {"region": pl.String, "kind": pl.String, "distance": pl.Float64})


def _stages(project: Project, code: str, cells: pl.DataFrame, intensities: pl.DataFrame) -> pl.DataFrame:
    """What evidence each stage of the chain has: `evidence`, `partial` (some indicators lack it), `no_evidence`.

    `not_in_year` is a stage with data of the region in other years alone.
    """
    held = set(cells["indicator"].cast(pl.String).to_list() if cells.height else []) | set(
        intensities["indicator"].cast(pl.String).to_list() if intensities.height else []
    )
    rows = []
    for stage in STAGES:
        own = sorted(m.id for m in project.catalogue.values() if m.stage == stage)
        have = [name for name in own if name in held]
        state = "evidence" if len(have) == len(own) else "partial"
        if not have:
            state = "not_in_year" if any(own_years(project, name, code) for name in own) else "no_evidence"
        rows.append({"stage": stage, "state": state, "indicators": ";".join(have) or None,
                     "lacking": ";".join(n for n in own if n not in held) or None})  # fmt: skip
    return _frame(rows, {"stage": pl.String, "state": pl.String, "indicators": pl.String, "lacking": pl.String})


HEADLINE = {
    "clause": pl.String, "indicator": pl.String, "year": pl.Int32, "region": pl.String, "sector": pl.String,
    "measure": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int32,
    "class": pl.String, "note": pl.String,
}  # fmt: skip


def _headline(
    cells: pl.DataFrame,
    intensities: pl.DataFrame,
    size: Sequence[Mapping[str, Any]],
    blocks: Sequence[Mapping[str, Any]],
) -> pl.DataFrame:
    """Every clause of the headline and of the warnings under it, one row each, in the order they are said.

    Specialisations are named only where they are lasting, established and material.
    """
    rows: list[dict[str, Any]] = []
    for name in _ids(cells):
        own = cells.filter(pl.col("indicator") == name)
        lasting = own.filter(
            (pl.col("listing") == "specialised")
            & (pl.col("trajectory") == "lasting")
            & (pl.col("class") == "established")
        )
        rows += [_cell(c, "lasting", "rca") for c in lasting.head(HEADLINE_FIELDS["lasting"]).iter_rows(named=True)]
        if lasting.is_empty():
            rows.append({"clause": "none_lasting", "indicator": name, "year": own["year"][0], "note": _why_none(own)})
    for name in _ids(cells):
        own = cells.filter(pl.col("indicator") == name)
        for clause in ("large", "new"):
            measure = "value" if clause == "large" else "rca"
            known = pl.col("earlier").fill_null(value=False) & (clause == "new")  # back, or wavering: not new
            chosen = own.filter((pl.col("listing") == clause) & ~known).sort(pl.col(measure).neg(), "sector")
            rows += [_cell(c, clause, measure) for c in chosen.head(HEADLINE_FIELDS[clause]).iter_rows(named=True)]
    if intensities.height:
        for one in intensities.filter(pl.col("value").is_not_null()).iter_rows(named=True):
            if intensities.filter(pl.col("indicator") == one["indicator"]).height == 1:
                rows += [
                    {"clause": "intensity", "indicator": one["indicator"], "year": one["year"],
                     "sector": one["sector"], "measure": measure, "value": float(one[measure]), "n": one["n"]}
                    for measure in ("value", "rank")
                ]  # fmt: skip
    rows += [{"clause": "year", "indicator": b["indicator"], "year": b["year"]} for b in blocks]
    rows += _dominant(cells)
    rows += [
        {"clause": "break" if "B" in (s["status"] or "").split(";") else "low_reliability", "indicator": s["indicator"],
         "year": s["year"], "note": s["status"]}
        for s in size if set((s["status"] or "").split(";")) & {"B", "U"}
    ]  # fmt: skip
    return _frame(rows, HEADLINE)


def _cell(cell: Mapping[str, Any], clause: str, measure: str) -> dict[str, Any]:
    ends = ("rca_low", "rca_high") if measure == "rca" else (None, None)
    return {
        "clause": clause, "indicator": cell["indicator"], "year": cell["year"], "region": cell["region"],
        "sector": cell["sector"], "measure": measure, "value": cell[measure],
        "low": cell[ends[0]] if ends[0] else None, "high": cell[ends[1]] if ends[1] else None,
        "n": cell["persistence"], "class": cell["class"], "note": cell["note"],
    }  # fmt: skip


def _why_none(own: pl.DataFrame) -> str:
    """Why no specialisation can be called lasting."""
    if own["note"].cast(pl.String).str.contains("break").any():
        return "break"
    if (own["periods"] < 3).all():
        return "fewer_than_three_periods"
    if not (own["class"] == "established").any():
        return "none_established"
    return "none_lasting"


def _dominant(cells: pl.DataFrame) -> list[dict[str, Any]]:
    """Indicators whose reference one other region decides: who, and how many classes hang on it."""
    rows = []
    for name in _ids(cells):
        own = cells.filter((pl.col("indicator") == name) & pl.col("largest_other").is_not_null())
        if own.is_empty():
            continue
        crossing = own.filter((pl.col("rca") >= 1) != (pl.col("rca_ex_largest") >= 1)).height
        rows.append({"clause": "dominant", "indicator": name, "year": own["year"][0],
                     "region": own["largest_other"][0], "measure": "fields_crossing_one", "value": float(crossing),
                     "n": own.height})  # fmt: skip
    return rows


def _ids(cells: pl.DataFrame) -> list[str]:
    return cells["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if cells.height else []


def _coverage(project: Project, code: str, cells: pl.DataFrame, intensities: pl.DataFrame) -> pl.DataFrame:
    """What the project holds of the region for every indicator: sectors, years, nulls and statuses."""
    rows = []
    listed_ = project.codes.regions
    totals = listed_.filter(pl.col("role") != "region")["code"].to_list()
    for meta in selection.indicators(project):
        used = [
            f.filter(pl.col("indicator") == meta.id)["year"].to_list()
            for f in (cells, intensities) if f.height
        ]  # fmt: skip
        years = sorted({y for ys in used for y in ys if y is not None})
        own, known, status = pl.col("region") == code, pl.col("value").is_not_null(), pl.col("status").cast(pl.String)
        now = own & pl.col("year").is_in(years) if years else own
        elsewhere = pl.col("region").cast(pl.String).is_in(totals)
        held = rows_of(project.observations, meta.id).select(
            first_year=pl.col("year").filter(own).min(),
            last_year=pl.col("year").filter(own).max(),
            sectors=pl.col("sector").filter(now & known).n_unique(),
            of=pl.col("sector").n_unique(),
            regions=pl.col("region").filter(known & ~elsewhere).n_unique(),
            missing=(own & ~known).sum(),
            estimated=(own & status.is_in(["E", "I", "P"])).sum(),
            breaks=(own & (status == "B")).sum(),
            low_reliability=(own & (status == "U")).sum(),
            note=pl.when(~own.any()).then(pl.lit("not_collected")),
        )
        rows.append({"indicator": meta.id, "stage": meta.stage, "kind": meta.kind,
                     "year": years[-1] if years else None, **held.row(0, named=True)})  # fmt: skip
    return _frame(rows, {
        "indicator": pl.String, "stage": pl.String, "kind": pl.String, "year": pl.Int32, "first_year": pl.Int32,
        "last_year": pl.Int32, "sectors": pl.Int32, "of": pl.Int32, "regions": pl.Int32, "missing": pl.Int32,
        "estimated": pl.Int32, "breaks": pl.Int32, "low_reliability": pl.Int32, "note": pl.String,
    })  # fmt: skip


def _questions(project: Project, cells: pl.DataFrame) -> pl.DataFrame:
    """What to ask next: is a new specialisation real, does a lasting one survive without its largest owners?"""
    rows: list[dict[str, Any]] = []
    if cells.height:
        for one in cells.filter(pl.col("listing") == "new").sort(pl.col("rca").neg()).head(1).iter_rows(named=True):
            world = project.observations.filter(
                (pl.col("indicator") == one["indicator"]) & (pl.col("sector") == one["sector"])
                & (pl.col("region") == (project.catalogue[one["indicator"]].reference or ""))
            ).sort("year").filter(pl.col("year") <= one["year"])  # fmt: skip
            change = None
            if world.height >= 2 and world["value"][-2]:
                change = world["value"][-1] / world["value"][-2] - 1.0
            rows.append({"question": "new_or_counting_change", "indicator": one["indicator"], "sector": one["sector"],
                         "year": one["year"], "first_year": world["year"][-2] if change is not None else None,
                         "measure": "world_change", "value": change})  # fmt: skip
        rows += [
            {"question": "survives_without_largest_owner", "indicator": one["indicator"], "sector": one["sector"],
             "year": one["year"], "note": "no_firm_data"}
            for one in cells.filter(pl.col("listing") == "specialised").head(1).iter_rows(named=True)
        ]  # fmt: skip
    schema = {"question": pl.String, "indicator": pl.String, "sector": pl.String, "year": pl.Int32,
              "first_year": pl.Int32, "measure": pl.String, "value": pl.Float64, "note": pl.String}  # fmt: skip
    return _frame(rows, schema)


__all__ = ["CLASSES", "LISTINGS", "listed", "long", "pattern", "profile", "profiles", "sources", "totals_of"]
