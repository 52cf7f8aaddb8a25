"""Who leads in one sector, how sure is that, and how concentrated is it? (`capmap sector`)

The transpose of a profile: the same indices, read down a column instead of along a row. No formula is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.blocks import PERSISTENCE_PERIODS
from capmap.analyses.intensity import COLUMNS as INTENSITY
from capmap.analyses.intensity import intensity
from capmap.analyses.profile import HEADLINE, listed, long, pick_year, sources
from capmap.analyses.reference import Reference, resolve_reference
from capmap.analyses.specialisation import measurable, rca, settings
from capmap.data.panel import Panel, panel
from capmap.errors import RefusedError
from capmap.methods.concentration import effective_number, herfindahl
from capmap.methods.specialisation import Cells, balassa, expected_value, margins
from capmap.model import Indicator, Project, Result

Floats = NDArray[np.float64]

#: World ranks named as leaders in the headline.
LEADERS = 3
#: Relative change of the world's total from one period to the next above which a counting change is suspected.
JUMP = 0.25
#: Whose shares are added up in `concentration`.
TOPS = (1, 3, 5)

#: Columns of `regions`; the types are those of the table when no indicator has an index.
REGIONS = {
    "indicator": pl.String, "year": pl.Int32, "region": pl.String, "sector": pl.String, "value": pl.Float64,
    "expected": pl.Float64, "share_world": pl.Float64, "rank_world": pl.Int32, "rca": pl.Float64,
    "rca_low": pl.Float64, "rca_high": pl.Float64, "rca_eb": pl.Float64, "rca_eb_low": pl.Float64,
    "rca_eb_high": pl.Float64, "p_above_one": pl.Float64, "p_material": pl.Float64, "class": pl.String,
    "band": pl.String, "persistence": pl.Int32, "periods": pl.Int32, "trajectory": pl.String,
    "rca_ex_largest": pl.Float64, "largest_other": pl.String, "class_ex_largest": pl.String, "status": pl.String,
    "note": pl.String, "listing": pl.String,
}  # fmt: skip
#: Columns of `entrants` and `leavers`: of `regions`, then the figures of the period before by their name in `history`.
MOVERS = (
    "indicator", "year", "region", "sector", "value", "share_world", "rank_world", "rca", "rca_low", "rca_high",
    "p_above_one", "p_material", "persistence", "periods", "class", "status", "note", "listing",
)  # fmt: skip
PREVIOUS = {
    "year": "previous_year", "value": "value_previous", "share_world": "share_previous", "rca": "rca_previous"
}  # fmt: skip
NAMES = {"region": pl.String, "status": pl.String, "note": pl.String}
KEYS = {"indicator": pl.String, "year": pl.Int32, "sector": pl.String}
HISTORY = {
    "indicator": pl.String, "year": pl.Int32, "region": pl.String, "sector": pl.String, "value": pl.Float64,
    "share_world": pl.Float64, "rca": pl.Float64, "status": pl.String,
}  # fmt: skip
WORLD = {
    **KEYS, "value": pl.Float64, "periods": pl.Int32, "previous_year": pl.Int32, "change": pl.Float64,
    "first_year": pl.Int32, "growth": pl.Float64, "note": pl.String,
}  # fmt: skip
CONCENTRATION = {
    **KEYS, "hhi_low": pl.Float64, "hhi_high": pl.Float64, "effective_low": pl.Float64, "effective_high": pl.Float64,
    **{f"top{k}_share": pl.Float64 for k in TOPS}, "covered": pl.Float64, "regions": pl.Int32, "note": pl.String,
}  # fmt: skip
UNCERTAIN = {
    **KEYS, "regions": pl.Int32, "specialised": pl.Int32, "uncertain": pl.Int32, "below_floor": pl.Int32,
    "no_index": pl.Int32, "suspended": pl.Int32,
}  # fmt: skip
COVERAGE = {
    "indicator": pl.String, "stage": pl.String, "kind": pl.String, "year": pl.Int32, "sector": pl.String,
    "first_year": pl.Int32, "last_year": pl.Int32, "regions": pl.Int32, "of": pl.Int32, "missing": pl.Int32,
    "estimated": pl.Int32, "breaks": pl.Int32, "low_reliability": pl.Int32, "note": pl.String,
}  # fmt: skip


def sector(
    project: Project,
    sector: str,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    allow_mixed_years: bool = False,
    **changes: Any,
) -> Result:
    """Who leads in one sector: by size, by specialisation, who is new, who left, and how concentrated it is.

    Parameters
    ----------
    project : a loaded project.
    sector : code or name, among the sectors that counts, values, intensities and scores have observations of. A
        code that several indicators use gives a block for each; a name only those whose label it fits.
    indicator : ids; default all of them.
    year : `latest` (the last year in which the indicator has a value of the sector) or one year; with
        `allow_mixed_years` the nearest earlier one.
    changes : keys of `[specialisation]`.

    Returns
    -------
    Result with the tables `headline` (every clause of the headline, one row each), `regions` (REGIONS, the largest
    first), `history` and `world` and `concentration` (by year, up to the year shown), `entrants`, `leavers`,
    `uncertain` (how many cells are not judged, and why), `intensity`, `coverage` and `sources`.

    `regions` holds the observed cells and, where an absent row is a zero, the regions that have no row any more
    although they were materially specialised in one of the last three periods.

    `share_world` is the share of the reference in force, as in `rca`. `world` and `concentration` are of the
    published world whatever the reference, or of the sum of the regions where none is published; their
    window is that of the index, and a period whose window is incomplete is not compared with others. `growth` is
    the compound rate a year since `first_year`, the first comparable period.

    The rest of the published world counts once as many infinitely small regions, which gives `hhi_low`, and once as
    a single region, which gives `hhi_high` (note `rest_of_world_between`); the true index lies between them.
    `effective_low` and `effective_high` are 1/`hhi_high` and 1/`hhi_low`. `topK_share` are shares of the largest
    listed regions (all of them where there are fewer). Regions that add up to more than the published world leave no
    rest (note `rest_below_zero`). Where the world is the sum of regions and some are unknown, both ends
    are those of the known ones (note `partial_world`), null if fewer than two thirds are known.

    Entrants are listed as new; leavers were materially specialised in one of the last three periods and are not by
    estimate now, their `listing` telling those that are certainly gone (`lost`) from the others. Status B in one of
    these periods suspends both for that region.

    Raises
    ------
    UsageError : unknown sector or indicator, or one without sectors.
    RefusedError : no indicator has a value of the sector in the year asked for.
    """
    selection.one_year(year)
    options = settings(project, **changes)
    code, counted, rated, lacking = _meant(project, sector, indicator)
    missing: list[dict[str, Any]] = []
    found = [
        one for meta in counted
        if (one := _counted(project, meta, code, year, allow_mixed_years, missing, changes)) is not None
    ]  # fmt: skip
    blocks = [one.block for one in found]
    regions = pl.concat([one.regions for one in found]) if found else pl.DataFrame(schema=REGIONS)
    periods = [(one.block["indicator"], one.periods) for one in found]
    history = pl.concat([pl.DataFrame(schema=HISTORY), *(p.history(i, code) for i, ps in periods for p in ps)])
    world = _table([row for i, ps in periods for row in _world(ps, i, code)], WORLD)
    concentration = _table([p.concentration(i, code) for i, ps in periods for p in ps], CONCENTRATION)
    intensities = _intensities(project, rated, code, year, allow_mixed_years, missing)
    if regions.is_empty() and intensities.is_empty():
        has = "; ".join(f"{m['indicator']} has {', '.join(map(str, m['has'])) or 'none'}" for m in missing)
        raise RefusedError(
            f"no indicator has a value of {code}" + ("" if year in (None, "latest") else f" in {year}"),
            fix=f"choose another year: {has}" if has else "see `capmap sectors` for which indicators have it",
        )
    used = [b["indicator"] for b in blocks] + _ids(intensities)
    tables = {
        "headline": _headline(regions, world, concentration, intensities, blocks),
        "regions": regions,
        "history": history,
        "concentration": concentration,
        "entrants": _movers(regions, history, pl.col("listing") == "new"),
        "leavers": _movers(regions, history, pl.col("trajectory") == "lost"),
        "uncertain": _uncertain(regions, code),
        "world": world,
        "intensity": intensities,
        "coverage": _coverage(project, code, [*counted, *rated], lacking, regions, intensities),
        "sources": sources(project, used),
    }
    names = {name: selection.sector_names(project, project.catalogue[name]).get(code, code) for name in used}
    return Result(f"sector {code}", tables, {
        "command": "sector",
        "sector": code,
        "labels": names,
        "parameters": options.model_dump() | {
            "sector": code, "indicator": list(indicator), "year": str(year), "allow_mixed_years": allow_mixed_years,
        },
        "profile": project.run.profile.model_dump(),
        "blocks": blocks,
        "no_data": missing,
    })  # fmt: skip


def _meant(
    project: Project, text: str, wanted: Sequence[str]
) -> tuple[str, list[Indicator], list[Indicator], list[Indicator]]:
    """Code of the sector; the counts and values, then the intensities and scores, that have it; those that do not.

    Two classifications may use one code for different things: a name picks the one it is a name in.
    """
    fit = {meta.id for meta in measurable(project)[0]}
    chosen = [
        meta for meta in selection.indicators(project, wanted)
        if meta.id in fit or (meta.kind in ("intensity", "score") and meta.classification != "none")
    ]  # fmt: skip
    if not chosen:
        measurable(project, wanted)  # says why not
    code = selection.sector(project, text, chosen)
    rows = project.observations.lazy().filter((pl.col("sector") == code) & pl.col("value").is_not_null())
    seen = set(rows.select(pl.col("indicator").unique()).collect()["indicator"].cast(pl.String).to_list())
    folded = text.strip().casefold()

    def named(meta: Indicator) -> bool:
        return folded == code.casefold() or folded in selection.sector_names(project, meta).get(code, code).casefold()

    held = [meta for meta in chosen if meta.id in seen and named(meta)]
    lacking = [meta for meta in chosen if meta not in held]
    return code, [m for m in held if m.id in fit], [m for m in held if m.id not in fit], lacking


@dataclass(frozen=True)
class Counted:
    """One count or value in the sector: how it was measured, the regions' cells, and every period up to the year."""

    block: Mapping[str, Any]
    regions: pl.DataFrame
    periods: Sequence[Period]


def _counted(
    project: Project,
    meta: Indicator,
    code: str,
    year: selection.Year,
    mixed: bool,
    missing: list[dict[str, Any]],
    changes: Mapping[str, Any],
) -> Counted | None:
    """The sector in one count or value; None, and an entry in `missing`, where it has no value in the year."""
    options = settings(project, **changes)
    whole = panel(project, meta.id, exclude=options.exclude)
    column = whole.sectors.index(code)
    years = _years_of(whole, column)
    when = pick_year(years, year, mixed) if years else None
    if when is None:
        missing.append({"indicator": meta.id, "asked": str(year), "has": list(years)})
        return None
    window = options.window or (1 if meta.kind == "count" else 3)
    ended = 0 if when == "undated" else whole.years.index(int(when))
    try:
        measured = rca(
            project, indicator=[meta.id], sector=[code], year="latest" if when == "undated" else when,
            extras=["history", "dependence"], complete=_vanished(whole, column, ended, window), **changes,
        )  # fmt: skip
    except RefusedError:  # nothing but zeros: as if there were no rows
        missing.append({"indicator": meta.id, "asked": str(year), "has": list(years)})
        return None
    reference = resolve_reference(project, whole, options.reference)
    periods = [_period(whole, reference, column, p, window) for p in range(ended + 1)]
    return Counted(measured.meta["blocks"][0], _regions(project, measured.frame), periods)


def _years_of(whole: Panel, column: int) -> tuple[int | None, ...]:
    """Years in which some region has a value of the sector."""
    rows = np.flatnonzero((whole.sector == column) & ~np.isnan(whole.value))
    periods = np.unique(np.searchsorted(whole.offsets, rows, side="right") - 1)
    return tuple(whole.years[p] for p in periods.tolist())


def _vanished(whole: Panel, column: int, period: int, window: int) -> bool:
    """Whether a region was in the sector in one of the last periods and is not now, where no row means zero."""
    if whole.indicator.absent != "zero":
        return False
    rows = []
    for p in range(max(0, period - PERSISTENCE_PERIODS + 1), period + 1):
        cells, _ = whole.cells(p, window)
        rows.append(cells.region[cells.sector == column])
    return np.setdiff1d(np.concatenate(rows), rows[-1]).size > 0


def _regions(project: Project, measured: pl.DataFrame) -> pl.DataFrame:
    """Every region with where it stands, the largest first; absent rows only of those that left."""
    absent = pl.col("note").cast(pl.String).str.contains("absent_row").fill_null(value=False)
    kept = measured.filter(~absent | (pl.col("trajectory") == "lost").fill_null(value=False))
    placed = listed(kept, project).with_columns(pl.col("note").cast(pl.String))
    return placed.select(*REGIONS).sort(pl.col("value").neg(), pl.col("region").cast(pl.String), nulls_last=True)


@dataclass(frozen=True)
class Period:
    """One sector of one indicator in one period: its cells, (n,) each, and the totals they are shares of."""

    year: int | None
    held: int  #: periods in the window
    regions: tuple[str, ...]
    letters: tuple[str | None, ...]  #: status of each cell
    value: Floats
    base: Floats  #: total of the sector in the reference of each region
    index: Floats
    published: float | None  #: the world's published total, NaN where the sector has none; None: the sum is the world
    n: int  #: regions of the table
    unknown: int  #: those of them whose value is not known; where an absent row is a zero the others are

    @property
    def world(self) -> float:
        """Published total, or the sum of the regions without one; NaN where neither is known."""
        if self.published is not None:
            return self.published
        return float(np.nansum(self.value)) if not np.isnan(self.value).all() else np.nan

    def history(self, indicator: str, code: str) -> pl.DataFrame:
        """Value, share of the reference and index of every region."""
        columns = {
            "indicator": [indicator] * self.value.size, "year": [self.year] * self.value.size, "region": self.regions,
            "sector": [code] * self.value.size, "value": self.value, "share_world": self.value / self.base,
            "rca": self.index, "status": self.letters,
        }  # fmt: skip
        return pl.DataFrame(columns, schema=HISTORY).with_columns(pl.col(pl.Float64).fill_nan(None))

    def concentration(self, indicator: str, code: str) -> dict[str, Any]:
        """Herfindahl-Hirschman index between its bounds, and the shares of the largest."""
        row: dict[str, Any] = {"indicator": indicator, "year": self.year, "sector": code}
        known = np.sort(self.value[~np.isnan(self.value)])[::-1]
        total = float(known.sum())
        row["regions"] = known.size
        if not self.world > 0 or not total > 0:
            return row | {"note": "no_base"}
        world = max(self.world, total)
        notes = ["break"] if self._broken() else []
        if self.published is not None:
            rest = world - total
            notes += ["rest_of_world_between"] if rest > 0 else ["rest_below_zero"] if self.published < total else []
            split, whole = known, np.append(known, rest)
        else:
            notes += ["partial_world"] if self.unknown else []
            zeros = self.n - known.size - self.unknown
            split = whole = np.concatenate([known, np.zeros(zeros), np.full(self.unknown, np.nan)])
        share = (total / world) ** 2  # squares of shares of the listed regions -> of shares of the world
        ends = {
            "hhi_low": float(herfindahl(split)) * share, "hhi_high": float(herfindahl(whole)),
            "effective_low": float(effective_number(whole)), "effective_high": float(effective_number(split)) / share,
        }  # fmt: skip
        row |= {name: None if np.isnan(value) else value for name, value in ends.items()}
        row |= {f"top{k}_share": float(known[:k].sum() / world) for k in TOPS}
        row["covered"] = None if "partial_world" in notes else total / self.world
        return row | {"note": ";".join(sorted(notes)) or None}

    def _broken(self) -> bool:
        """Whether the series of one of the largest breaks here: the trend may be one of counting."""
        largest = np.argsort(np.nan_to_num(-self.value, nan=np.inf), kind="stable")[: TOPS[-1]]
        return any(self.letters[k] == "B" for k in largest.tolist())


def _period(whole: Panel, reference: Reference, column: int, period: int, window: int) -> Period:
    """The sector in a period, summed over the window as the index is."""
    cells, status = whole.cells(period, window)
    absent = whole.indicator.absent
    mine = np.flatnonzero(cells.sector == column)
    own = Cells(cells.region[mine], cells.sector[mine], cells.value[mine], cells.n_regions, cells.n_sectors)
    base = margins(cells, reference.totals(period, window, cells), absent=absent)
    total, published = base.sector_at(own), whole.reference_in(period, window)
    not_observed = len(whole.regions) - mine.size if absent == "missing" else 0
    return Period(
        year=whole.years[period],
        held=len(whole.periods_in(period, window)),
        regions=tuple(whole.regions[k] for k in own.region.tolist()),
        letters=tuple(whole.status_labels[s] if s >= 0 else None for s in status[mine].tolist()),
        value=own.value,
        base=total,
        index=balassa(own.value, expected_value(base.region[own.region], total, base.world[own.region])),
        published=None if published is None else float(published[column]),
        n=len(whole.regions),
        unknown=int(np.isnan(own.value).sum()) + not_observed,
    )


def _world(periods: Sequence[Period], indicator: str, code: str) -> list[dict[str, Any]]:
    """World total by year with its change; periods are compared where their windows hold as many of them."""
    rows: list[dict[str, Any]] = []
    for period in periods:
        total = None if np.isnan(period.world) else period.world
        row: dict[str, Any] = {"indicator": indicator, "year": period.year, "sector": code, "value": total,
                               "periods": period.held,
                               "note": "no_base" if total is None else
                               "partial_world" if period.published is None and period.unknown else None}  # fmt: skip
        before = [r for r in rows if r["periods"] == period.held and r["value"]]
        if before and total is not None and period.year is not None:
            first, last = before[0], before[-1]
            row |= {"previous_year": last["year"], "change": total / last["value"] - 1.0, "first_year": first["year"],
                    "growth": (total / first["value"]) ** (1.0 / (period.year - first["year"])) - 1.0}  # fmt: skip
        rows.append(row)
    return rows


def _intensities(
    project: Project,
    rated: Sequence[Indicator],
    code: str,
    year: selection.Year,
    mixed: bool,
    missing: list[dict[str, Any]],
) -> pl.DataFrame:
    """Intensities and scores of the sector, best rank first; years that were not found are added to `missing`."""
    frames = []
    for meta in rated:
        rows = project.observations.filter(
            (pl.col("indicator") == meta.id) & (pl.col("sector") == code) & pl.col("value").is_not_null()
        )
        years = tuple(rows["year"].unique().sort().to_list())
        when = pick_year(years, year, mixed)
        if when is None:
            missing.append({"indicator": meta.id, "asked": str(year), "has": list(years)})
            continue
        try:
            frame = intensity(
                project, indicator=[meta.id], sector=[code], year="latest" if when == "undated" else when
            ).frame
        except RefusedError:
            missing.append({"indicator": meta.id, "asked": str(year), "has": list(years)})
            continue
        frames.append(frame.sort("rank", pl.col("region").cast(pl.String), nulls_last=True))
    return pl.concat(frames) if frames else _table((), dict.fromkeys(INTENSITY, pl.Float64) | KEYS | NAMES)


def _movers(regions: pl.DataFrame, history: pl.DataFrame, who: pl.Expr) -> pl.DataFrame:
    """Regions that came or went, with their figures of the period before."""
    found = regions.filter(who).select(MOVERS).with_columns(pl.col("indicator", "region").cast(pl.String))
    now = regions.select("indicator", pl.col("year").alias("now")).unique().cast({"indicator": pl.String})
    older = history.join(now, on="indicator").filter(pl.col("year") < pl.col("now"))
    last = older.filter(pl.col("year") == pl.col("year").max().over("indicator"))
    before = last.select("indicator", "region", *PREVIOUS).rename(PREVIOUS)
    return found.join(before, on=["indicator", "region"], how="left", maintain_order="left")


def _uncertain(regions: pl.DataFrame, code: str) -> pl.DataFrame:
    """How many regions are judged, and why the others are not."""
    rows = []
    for name in _ids(regions):
        own = regions.filter(pl.col("indicator") == name)
        noted = own["note"].fill_null("").str
        kind = own["class"].cast(pl.String)
        rows.append({
            "indicator": name, "year": own["year"][0], "sector": code,
            "regions": own.height - own["rca"].null_count(),
            "specialised": int(kind.is_in(["established", "indicated"]).sum()),
            "uncertain": int((kind == "uncertain").sum()),
            "below_floor": int(noted.contains("below_floor").sum()),
            "no_index": own["rca"].null_count(),
            "suspended": int(noted.contains("break").sum()),
        })  # fmt: skip
    return _table(rows, UNCERTAIN)


def _coverage(
    project: Project,
    code: str,
    held: Sequence[Indicator],
    lacking: Sequence[Indicator],
    regions: pl.DataFrame,
    intensities: pl.DataFrame,
) -> pl.DataFrame:
    """What the project holds of the sector: regions with a value in the year shown, of all the indicator has."""
    roles = project.codes.regions.filter(pl.col("role") != "region")["code"].to_list()
    rows = []
    for meta in held:
        every = project.observations.filter(
            (pl.col("indicator") == meta.id) & ~pl.col("region").cast(pl.String).is_in(roles)
        )
        own = every.filter(pl.col("sector") == code)
        used = [f.filter(pl.col("indicator") == meta.id) for f in (regions, intensities) if f.height]
        shown = next((f for f in used if f.height), None)
        year = shown["year"][0] if shown is not None else None
        now = own.filter(pl.col("year").eq_missing(pl.lit(year)) & pl.col("value").is_not_null())
        letters = own["status"].cast(pl.String).drop_nulls()
        rows.append({
            "indicator": meta.id, "stage": meta.stage, "kind": meta.kind, "year": year, "sector": code,
            "first_year": own["year"].min(), "last_year": own["year"].max(),
            "regions": now["region"].n_unique() if shown is not None else 0, "of": every["region"].n_unique(),
            "missing": own["value"].null_count(),
            "estimated": int(letters.is_in(["E", "I", "P"]).sum()),
            "breaks": int((letters == "B").sum()),
            "low_reliability": int((letters == "U").sum()),
            "note": None if shown is not None else "no_data_in_year",
        })  # fmt: skip
    rows += [
        {"indicator": meta.id, "stage": meta.stage, "kind": meta.kind, "sector": code, "note": "no_such_sector"}
        for meta in lacking
    ]
    return _table(rows, COVERAGE)


def _headline(
    regions: pl.DataFrame,
    world: pl.DataFrame,
    concentration: pl.DataFrame,
    intensities: pl.DataFrame,
    blocks: Sequence[Mapping[str, Any]],
) -> pl.DataFrame:
    """Every clause of the headline and of the warnings under it, one row each, the largest regions first.

    Specialisations are named where they are established (`indicated` for values of one period) and material. A fall
    of the estimate within its range is in `leavers` and no news: only those listed as lost are named.
    """
    rows: list[dict[str, Any]] = []
    for block in blocks:
        name = block["indicator"]
        own = regions.filter(pl.col("indicator") == name)
        lasting = pl.col("trajectory") == "lasting"
        specialised = pl.col("listing") == "specialised"
        groups = {
            "leader": (pl.col("rank_world") <= LEADERS) & (pl.col("value") > 0),
            "lasting": specialised & lasting,
            "specialised": specialised & lasting.not_().fill_null(value=True),
            "new": pl.col("listing") == "new",
            "lost": pl.col("listing") == "lost",
            "large": pl.col("listing") == "large",
        }  # fmt: skip
        for clause, who in groups.items():
            found = [_clause(c, clause) for c in own.filter(who).iter_rows(named=True)]
            if clause == "lasting" and not found:
                found = [{"clause": "none_lasting", "indicator": name, "year": block["year"], "note": _why_none(own)}]
            rows += found
        rows += _sizes(name, world, concentration)
        rows.append({"clause": "year", "indicator": name, "year": block["year"]})
        rows += _dominant(own, block)
        for clause, letter in (("break", "break"), ("low_reliability", "U")):
            hit = pl.col("note").str.contains(letter) if clause == "break" else pl.col("status") == letter
            rows += [_clause(c, clause) for c in own.filter(hit).iter_rows(named=True)]
    years = intensities.select("indicator", "year").unique(maintain_order=True)
    rows += [{"clause": "year"} | row for row in years.iter_rows(named=True)]
    rows += [
        {"clause": "intensity", "indicator": r["indicator"], "year": r["year"], "region": r["region"],
         "sector": r["sector"], "measure": "value", "value": r["value"], "n": r["n"], "note": r["note"]}
        for r in intensities.iter_rows(named=True) if r["rank"] is not None and r["rank"] <= LEADERS
    ]  # fmt: skip
    return _table(rows, HEADLINE)


def _clause(cell: Mapping[str, Any], clause: str) -> dict[str, Any]:
    size = clause in ("leader", "break", "low_reliability")
    return {
        "clause": clause, "indicator": cell["indicator"], "year": cell["year"], "region": cell["region"],
        "sector": cell["sector"], "measure": "share_world" if size else "rca",
        "value": cell["share_world"] if size else cell["rca"], "low": None if size else cell["rca_low"],
        "high": None if size else cell["rca_high"], "n": cell["rank_world"] if size else cell["persistence"],
        "class": cell["class"], "note": cell["note"],
    }  # fmt: skip


def _why_none(own: pl.DataFrame) -> str:
    """Why no region can be called lastingly specialised."""
    if (own["periods"].fill_null(0) < PERSISTENCE_PERIODS).all():
        return "fewer_than_three_periods"
    if not own["class"].cast(pl.String).is_in(["established", "indicated"]).any():
        return "none_established"
    return "none_lasting"


def _sizes(name: str, world: pl.DataFrame, concentration: pl.DataFrame) -> list[dict[str, Any]]:
    """World total and concentration of the year shown, and a warning where the world's total jumped."""
    now = world.filter(pl.col("indicator") == name).row(-1, named=True)
    held = concentration.filter(pl.col("indicator") == name).row(-1, named=True)
    keys = {key: now[key] for key in KEYS}
    rows = [
        keys | {"clause": "world", "measure": "value", "value": now["value"], "note": now["note"]},
        keys | {"clause": "concentration", "measure": "hhi", "low": held["hhi_low"], "high": held["hhi_high"],
                "n": held["regions"], "note": held["note"]},
    ]  # fmt: skip
    if now["change"] is not None and abs(now["change"]) >= JUMP:
        rows.append(keys | {"clause": "world_jump", "measure": "change", "value": now["change"]})
    return rows


def _dominant(own: pl.DataFrame, block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Regions that decide the reference on their own, and how many indices cross 1 without them."""
    rows = []
    for code in sorted(block["dominant"], key=lambda c: -block["dominant"][c]):
        others = own.filter((pl.col("largest_other").cast(pl.String) == code) & pl.col("rca_ex_largest").is_not_null())
        crossing = others.filter((pl.col("rca") >= 1) != (pl.col("rca_ex_largest") >= 1)).height
        rows.append({"clause": "dominant", "indicator": block["indicator"], "year": block["year"], "region": code,
                     "measure": "regions_crossing_one", "value": float(crossing), "n": others.height})  # fmt: skip
    return rows


def _ids(table: pl.DataFrame) -> list[str]:
    return table["indicator"].cast(pl.String).unique(maintain_order=True).to_list() if table.height else []


def _table(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema), orient="row")


__all__ = ["long", "sector"]
