"""How complex are regions and sectors, and how sure is their order? (`capmap complexity`)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import portfolio, selection
from capmap.analyses.blocks import Spread, measure, threads
from capmap.analyses.presence import Conventions, Table, by_region, conventions, presence, tables
from capmap.analyses.specialisation import measurable
from capmap.data.panel import Panel
from capmap.data.totals import declared
from capmap.errors import RefusedError, UsageError
from capmap.methods import complexity as methods
from capmap.methods import relatedness
from capmap.methods.ranking import ranked
from capmap.methods.specialisation import symmetric
from capmap.model import ComplexitySection, Project, Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Sectors beyond which a sector-by-sector table is made only by force.
MANY_SECTORS = 20_000
APART = "leave one part out (--exclude), or measure each by itself"
#: Tables of chance that the second eigenvalue is compared with, and the p-value above which it may be one of them.
NULL_TABLES, BY_CHANCE = 39, 0.05
#: Quantiles of the draws that make a range.
RANGE = (0.05, 0.95)

REGIONS = (
    "indicator", "year", "region", "diversity", "mean_ubiquity", "eci", "eci_low", "eci_high", "eci_rank", "rank_low",
    "rank_high", "fitness", "coi", "note",
)  # fmt: skip
SECTORS = (
    "indicator", "year", "sector", "ubiquity", "pci", "pci_low", "pci_high", "pci_rank", "q", "prody", "note",
)  # fmt: skip
CELLS = (
    "indicator", "year", "region", "sector", "value", "rca", "presence", "eci", "pci", "density", "relative_density",
    "distance", "coi", "cog", "note",
)  # fmt: skip
#: Tables that can be asked for; the first two by default.
TABLES = {"regions": REGIONS, "sectors": SECTORS, "cells": CELLS}
#: What to do where there is no index.
WAYS_OUT = {
    "too_few": "lower the floors (--min-share, --min-population, --min-regions) or the threshold, or take a larger table",
    "disconnected": "--component largest computes the largest part",
    "equal_diversity": "another presence rule or threshold may tell the regions apart",
    "no_second_dimension": "another presence rule or threshold may tell the regions apart",
    "eigengap": "--force computes it all the same, flagged",
}


@dataclass(frozen=True)
class Indices:
    """ECI (n_regions,) and PCI (n_sectors,) of a table; all NaN, with the reason and a message, where there are none."""

    eci: Floats
    pci: Floats
    found: methods.Complexity | None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Outlook:
    """What lies near regions: `density`, `relative_density` and `gain` (n_regions, n_sectors), `index` (n_regions,)."""

    density: Floats
    relative_density: Floats
    gain: Floats
    index: Floats


@dataclass(frozen=True)
class Ranges:
    """5 % and 95 % quantiles over draws of the posterior of RCA; `used` of `asked` draws had an answer."""

    eci: Floats  #: (2, n_regions)
    eci_rank: Floats  #: (2, n_regions)
    pci: Floats  #: (2, n_sectors)
    asked: int
    used: int


def indices(presence: Bools, options: ComplexitySection, previous: Floats | None = None) -> Indices:
    """Complexity by these conventions, or why there is none."""
    try:
        found = methods.complexity(
            presence, sign=options.sign, ddof=options.ddof, pci_scale=options.pci_scale, previous=previous,
            component=options.component, force=options.force,
        )  # fmt: skip
    except methods.ComplexityError as error:
        nothing = np.full(presence.shape[0], np.nan), np.full(presence.shape[1], np.nan)
        return Indices(*nothing, None, error.reason, str(error))
    return Indices(found.eci, found.pci, found)


def sector_proximity(table: Table, options: ComplexitySection) -> Floats:
    """Proximity of the sectors of a table, (n_sectors, n_sectors), by these conventions.

    A correlation below 0 is no proximity and counts as 0.

    Raises
    ------
    RefusedError : more than 20,000 sectors, unless forced.
    """
    n = len(table.sectors)
    if n > MANY_SECTORS and not options.force:
        raise RefusedError(
            f"{table.indicator.id} has {n:,} sectors, and their proximities would take {8 * n * n // 10**9:,} GB",
            fix="roll them up with --level, choose a coarser classification, or use --force",
        )
    if options.proximity != "rsca_correlation":
        return relatedness.proximity(table.presence, options.proximity, diagonal=options.diagonal)
    index = np.where(table.who.regions[:, np.newaxis] & table.who.sectors, symmetric(table.rca), np.nan)
    found = relatedness.rsca_correlation(index, diagonal=options.diagonal)
    return np.maximum(found, 0.0, out=found)


def density_of(presence: Bools, proximity: Floats, options: ComplexitySection) -> Floats:
    """Relatedness density by these conventions: of all sectors, or of the nearest."""
    if options.neighbours is None:
        return relatedness.density(presence, proximity)
    return relatedness.k_nearest_density(presence, proximity, options.neighbours)


def outlook(table: Table, proximity: Floats, pci: Floats, options: ComplexitySection) -> Outlook:
    """Density, relative density, outlook gain and outlook index by these conventions."""
    density = density_of(table.presence, proximity, options)
    density[~table.who.regions] = np.nan  # who takes no part is not far from everything: nothing is said of it
    return Outlook(
        density,
        relatedness.relative_density(table.presence, density),
        relatedness.outlook_gain(table.presence, proximity, pci, normaliser=options.cog),
        relatedness.outlook_index(table.presence, density, pci),
    )


@dataclass(frozen=True)
class Draws:
    """Presence as it might have been: the posterior of RCA of every cell, from which tables are drawn.

    `shape` and `rate` are of Gamma distributions, (n_in_regions, n_in_sectors): the part of the table whose `regions` and
    `sectors` (positions) take part, so that whoever does not changes no draw. `size` is that of the whole table.
    """

    shape: Floats
    rate: Floats
    regions: NDArray[np.intp]
    sectors: NDArray[np.intp]
    size: tuple[int, int]
    threshold: float
    seed: int

    def presence(self, number: int) -> Bools:
        """The drawn table of this number: the same one for the same seed, whatever was drawn before."""
        rng = np.random.default_rng((self.seed, number))
        found = np.zeros(self.size, bool)
        found[np.ix_(self.regions, self.sectors)] = rng.standard_gamma(self.shape) >= self.threshold * self.rate
        return found


def draws(project: Project, whole: Panel, table: Table, chosen: Conventions) -> Draws | None:
    """The posterior behind a table of counts whose presence is RCA; None where there is none to draw from."""
    options = chosen.complexity
    if table.indicator.kind != "count" or options.presence != "rca" or options.draws == 0:
        return None
    changed = chosen.specialisation.model_copy(update={"threshold": options.threshold})
    (block,) = measure(project, whole, [table.period], changed, extras=("posterior",), complete=True)
    shape, rate = np.full(table.held.shape, np.nan), np.full(table.held.shape, np.nan)
    place = block.cells.region, block.cells.sector
    shape[place], rate[place] = block.columns["posterior_shape"], block.columns["posterior_rate"]
    regions, sectors = np.flatnonzero(table.who.regions), np.flatnonzero(table.who.sectors)
    shape, rate = shape[np.ix_(regions, sectors)], rate[np.ix_(regions, sectors)]
    known = ~np.isnan(shape) & ~np.isnan(rate)
    if not known.any():
        return None
    shape, rate = np.where(known, shape, 1.0), np.where(known, rate, np.inf)  # what is unknown is never held
    return Draws(shape, rate, regions, sectors, table.held.shape, options.threshold, options.seed)


@contextmanager
def spread_out(cells: int) -> Iterator[Spread]:
    """`map` over threads for draws on so many cells; matrix products get one thread each, or all would wait for all."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"), threads(cells) as several:
        yield several


def ranges(source: Draws, point: Indices, options: ComplexitySection) -> Ranges:
    """What the draws say of the indices and ranks; each is turned the way of the point estimate.

    A draw that falls into parts is read in its largest, and the eigengap is not asked of it: where the second
    dimension is unclear the ranges are wide.
    """
    loose = options.model_copy(update={"component": "largest", "force": True})

    def one(number: int) -> Indices:
        found = indices(source.presence(number), loose)
        both = ~np.isnan(found.eci) & ~np.isnan(point.eci)
        turned = float(found.eci[both] @ point.eci[both]) < 0
        return replace(found, eci=-found.eci, pci=-found.pci) if turned else found

    with spread_out(source.shape.size * options.draws) as several:
        drawn = [found for found in several(one, range(options.draws)) if found.found is not None]
    if not drawn:
        nothing = np.full((2, len(point.eci)), np.nan)
        return Ranges(nothing, nothing, np.full((2, len(point.pci)), np.nan), options.draws, 0)
    eci = np.array([found.eci for found in drawn])
    pci = np.array([found.pci for found in drawn])
    return Ranges(quantiles(eci), quantiles(ranked(eci)), quantiles(pci), options.draws, len(drawn))


def quantiles(drawn: Floats) -> Floats:
    """5 % and 95 % quantiles over the draws, (2, ...); NaN where fewer than half of them have a value."""
    enough = 2 * np.count_nonzero(~np.isnan(drawn), axis=0) >= len(drawn)
    result = np.full((2, *drawn.shape[1:]), np.nan)
    if enough.any():
        result[:, enough] = np.nanquantile(drawn[:, enough], RANGE, axis=0)
    return result


def complexity(
    project: Project,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    sector: Sequence[str] = (),
    table: Sequence[str] = ("regions", "sectors"),
    income: str | None = None,
    extras: Sequence[str] = (),
    steps: int = portfolio.STEPS,
    outside: pl.DataFrame | None = None,
    plants: pl.DataFrame | None = None,
    preset: str | None = None,
    **changes: Any,
) -> Result:
    """Economic complexity of regions and sectors, with ranges, ranks, fitness and outlook.

    Parameters
    ----------
    project : a loaded project.
    indicator : ids; default every count and value with more than one sector.
    year : `latest`, a year, `Y1:Y2` or `all`.
    region, sector : rows wanted in the answer; every index is still computed on the whole table.
    table : which of `regions`, `sectors` and `cells`.
    income : indicator of income per head, for PRODY and EXPY.
    extras : words of `portfolio.REGION_EXTRAS` for more columns, which stand behind the others.
    steps : reflections to make, for the word `reflections`.
    outside : columns `sector` and `pci` (and `indicator`, `year`) of another table, for `projected`.
    plants : columns `sector` and `size`, a row a plant, for the Ellison-Glaeser index of `concentration`.
    preset : conventions of another program, a key of `PRESETS`.
    changes : any key of `[complexity]`, and `reference`, `exclude` and `window` of `[specialisation]`.

    Returns
    -------
    Result with the tables asked for (columns REGIONS, SECTORS, CELLS), sorted by their keys. A region or sector that
    takes no part has nulls and the reason in `note`. `meta["blocks"]` tells for each indicator and year who was left
    out and why, the eigenvalues, flags, and the correlation of ECI with diversity.

    Raises
    ------
    UsageError : unknown names or options.
    RefusedError : no data in these years, or no index in any of them and no `extras` asked for.
    """
    unknown = [name for name in table if name not in TABLES]
    if unknown or not table:
        raise UsageError(f"unknown table {', '.join(unknown)}", fix=f"choose from {', '.join(TABLES)}")
    chosen = conventions(project, preset, **changes)
    project = declared(project, chosen.specialisation.reference)
    asked = portfolio.request(extras, steps=steps, outside=outside, income=income, plants=plants)
    metas, skipped = measurable(project, indicator)
    wanted = _Wanted(
        tuple(table),
        set(selection.regions(project, region)),
        {selection.sector(project, text, metas) for text in sector},
        income,
        asked,
    )
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in table}
    blocks, empty = [], []
    for meta in metas:
        found, whole = tables(project, meta, year, chosen)
        if not found:
            empty.append({"indicator": meta.id, "asked": str(year), "has": [y for y in whole.years if y is not None]})
        history = History(project, whole, chosen, found)
        for one in found:
            block, made = _block(project, whole, one, history, chosen, wanted)
            blocks.append(block)
            for name, frame in made.items():
                frames[name].append(frame)
    if not blocks:
        said = "; ".join(f"{e['indicator']}: no data in {e['asked']} (has {e['has']})" for e in empty)
        raise RefusedError(said or "no count or value indicator with more than one sector")
    if not asked.names:  # what was asked for by name stands without an index
        _refuse_if_nothing(blocks)
    return Result("complexity", {name: pl.concat(frames[name]) for name in table}, {
        "command": "complexity",
        "parameters": chosen.told() | {"year": str(year), "income": income} | asked.told(),
        "seed": chosen.complexity.seed,
        "blocks": blocks,
        "no_data": empty,
        "skipped": skipped,
    })  # fmt: skip


@dataclass(frozen=True)
class _Wanted:
    """What the user asked to see."""

    tables: tuple[str, ...]
    regions: set[str]
    sectors: set[str]
    income: str | None
    extras: portfolio.Request


class History:
    """Indices of the periods of a panel; a weak sign is settled by the period before, wherever that leads back to."""

    def __init__(self, project: Project, whole: Panel, chosen: Conventions, tables: Sequence[Table] = ()) -> None:
        self._project, self._whole, self._chosen = project, whole, chosen
        self._tables = {table.period: table for table in tables}
        self._known: dict[int, Indices] = {}

    def of(self, table: Table) -> Indices:
        """Indices of a table of the panel."""
        if table.period not in self._known:
            options = self._chosen.complexity
            found = indices(table.presence, options)
            if found.found is not None and "weak_sign" in found.found.flags and table.period > 0:
                before = self.of(self._table(table.period - 1))
                if before.found is not None:
                    found = indices(table.presence, options, before.eci)
            self._known[table.period] = found
        return self._known[table.period]

    def _table(self, period: int) -> Table:
        if period not in self._tables:
            (self._tables[period],) = presence(self._project, self._whole, [period], self._chosen)
        return self._tables[period]


def _block(
    project: Project, whole: Panel, table: Table, history: History, chosen: Conventions, wanted: _Wanted
) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
    """What is told of an indicator in a year, and its part of every table."""
    options = chosen.complexity
    point = history.of(table)
    random = options.draws > 0 and point.found is not None and wanted.tables != ("cells",)
    p_value = beyond_chance(table.presence, options) if random else None
    point = _flagged(point, p_value)
    source = draws(project, whole, table, chosen) if random else None
    spread = None if source is None else ranges(source, point, options)
    block = {**table.meta, **told(point, spread), "p_second_dimension": p_value}
    near = (
        outlook(table, sector_proximity(table, options), point.pci, options) if wanted.tables != ("sectors",) else None
    )
    made: dict[str, pl.DataFrame] = {}
    if set(wanted.tables) - {"cells"}:
        fit = methods.fitness(table.presence)
        block["fitness"] = {"iterations": fit.iterations, "stop": fit.stop, "stable_for": fit.stable_for,
                            "next_crossing": fit.next_crossing, "flags": list(fit.flags)}  # fmt: skip
        more = portfolio.columns(
            project, whole, table, chosen, wanted.extras, proximity=lambda: sector_proximity(table, options),
            previous=portfolio.before(project, whole, table, chosen, wanted.extras),
        )  # fmt: skip
        block |= {"extras": more.told} if more.told else {}
        if near is not None and "regions" in wanted.tables:
            made["regions"] = _regions(project, table, point, spread, fit, near, wanted, more.regions)
        if "sectors" in wanted.tables:
            made["sectors"] = _sectors(project, table, point, spread, fit, wanted, more.sectors)
    if near is not None and "cells" in wanted.tables:
        made["cells"] = _cells(project, table, point, near, wanted)
    return block, made


def beyond_chance(presence: Bools, options: ComplexitySection) -> float:
    """Chance of as clear a second dimension in a table of the same diversities and ubiquities."""
    rng = np.random.default_rng((options.seed, options.draws))
    return methods.chance(presence, NULL_TABLES, rng)


def _flagged(point: Indices, p_value: float | None) -> Indices:
    """The indices with the flag `chance_dimension` where the second dimension may be chance."""
    if point.found is None or p_value is None or p_value <= BY_CHANCE:
        return point
    return replace(point, found=replace(point.found, flags=tuple(sorted({*point.found.flags, "chance_dimension"}))))


def told(point: Indices, spread: Ranges | None) -> dict[str, Any]:
    """What a reader must know of the indices of a block."""
    told: dict[str, Any] = {"refused": point.reason or None, "message": point.message or None}
    if point.found is not None:
        found = point.found
        known = ~np.isnan(found.eci)
        told |= {
            "eigenvalues": found.eigenvalues.tolist(),
            "flags": list(found.flags),
            "correlation_with_diversity": float(np.corrcoef(found.eci[known], found.diversity[known])[0, 1]),
            "components": found.components.sizes.tolist(),
        }
    told["draws"] = None if spread is None else {"asked": spread.asked, "used": spread.used}
    return told


def _refuse_if_nothing(blocks: Sequence[dict[str, Any]]) -> None:
    """Raises where no block has an index."""
    if any(block["refused"] is None for block in blocks):
        return
    several = len(blocks) > 1
    said = [f"{b['indicator']} {b['year'] or ''}: {b['message']}" if several else str(b["message"]) for b in blocks]
    alike = "none of them is the largest"  # then asking for the largest is no way out
    ways = dict.fromkeys(APART if alike in b["message"] else WAYS_OUT[b["refused"]] for b in blocks)
    raise RefusedError("; ".join(said), fix="; ".join(ways))


def _notes(reasons: NDArray[np.str_], point: Indices, index: Floats, span: Floats) -> list[str | None]:
    """Reasons of each row: why it takes no part, why there is no index, else what flags the index."""
    flags = point.found.flags if point.found is not None else ()
    outside = (index < span[0]) | (index > span[1])
    texts = []
    for reason, value, off in zip(reasons.tolist(), index.tolist(), outside.tolist(), strict=True):
        if reason or point.found is None:
            texts.append(reason or point.reason)
        elif np.isnan(value):
            texts.append("other_component")
        else:
            texts.append(";".join(sorted([*flags, *(["outside_range"] if off else [])])))
    return [text or None for text in texts]


def _regions(
    project: Project,
    table: Table,
    point: Indices,
    spread: Ranges | None,
    fit: methods.Fitness,
    near: Outlook,
    wanted: _Wanted,
    more: dict[str, Floats],
) -> pl.DataFrame:
    inside: Bools = np.asarray(table.presence.any(axis=1))
    nothing = np.full((2, len(table.regions)), np.nan)
    eci_range, rank_range = (nothing, nothing) if spread is None else (spread.eci, spread.eci_rank)
    answer = ~np.isnan(point.eci)
    columns = {
        "diversity": _count(table.presence.sum(axis=1), inside),
        "mean_ubiquity": methods.reflections(table.presence, 1).region,
        "eci": point.eci,
        "eci_low": np.where(answer, eci_range[0], np.nan),
        "eci_high": np.where(answer, eci_range[1], np.nan),
        "eci_rank": _count(ranked(point.eci), answer),
        "rank_low": _count(np.floor(rank_range[0]), answer & ~np.isnan(rank_range[0])),
        "rank_high": _count(np.ceil(rank_range[1]), answer & ~np.isnan(rank_range[1])),
        "fitness": fit.fitness,
        "coi": near.index if point.found is not None else np.full(len(table.regions), np.nan),
    }
    columns |= {name: _count(v, ~np.isnan(v)) if name in portfolio.COUNTS else v for name, v in more.items()}
    notes = _notes(table.who.region_reasons, point, point.eci, eci_range)
    frame = _frame(project, table, "region", table.regions, columns, notes, wanted.regions)
    return frame.select(*REGIONS, *wanted.extras.columns("regions"))


def _sectors(
    project: Project,
    table: Table,
    point: Indices,
    spread: Ranges | None,
    fit: methods.Fitness,
    wanted: _Wanted,
    more: dict[str, Floats],
) -> pl.DataFrame:
    inside: Bools = np.asarray(table.presence.any(axis=0))
    nothing = np.full((2, len(table.sectors)), np.nan)
    pci_range = nothing if spread is None else spread.pci
    answer = ~np.isnan(point.pci)
    columns = {
        "ubiquity": _count(table.presence.sum(axis=0), inside),
        "pci": point.pci,
        "pci_low": np.where(answer, pci_range[0], np.nan),
        "pci_high": np.where(answer, pci_range[1], np.nan),
        "pci_rank": _count(ranked(point.pci), answer),
        "q": fit.quality,
        "prody": _prody(project, table, wanted.income),
        **more,
    }
    notes = _notes(table.who.sector_reasons, point, point.pci, pci_range)
    frame = _frame(project, table, "sector", table.sectors, columns, notes, wanted.sectors)
    return frame.select(*SECTORS, *wanted.extras.columns("sectors"))


def _prody(project: Project, table: Table, income: str | None) -> Floats:
    """PRODY from the income of regions in the year of the table, or the last before it; NaN without."""
    if income is None:
        return np.full(len(table.sectors), np.nan)
    (meta,) = selection.indicators(project, [income])
    return methods.prody(table.value, by_region(project, meta.id, table.regions, table.year))


def _count(values: NDArray[Any], known: Bools) -> pl.Series:
    """Whole numbers, null where not known."""
    column = pl.Series(np.where(known, np.nan_to_num(values), 0).astype(np.int32))
    return column if known.all() else column.set(pl.Series(~known), None)


def _frame(
    project: Project,
    table: Table,
    key: str,
    labels: Sequence[str],
    columns: dict[str, Any],
    notes: Sequence[str | None],
    kept: set[str],
) -> pl.DataFrame:
    """Rows of one kind of label with indicator and year, those kept only."""
    kinds = project.observations.schema
    frame = pl.DataFrame(
        [
            pl.repeat(table.indicator.id, len(labels), dtype=kinds["indicator"], eager=True).alias("indicator"),
            pl.repeat(table.year, len(labels), dtype=pl.Int32, eager=True).alias("year"),
            pl.Series(key, labels, dtype=kinds[key]),
            *(pl.Series(name, column, nan_to_null=True) if isinstance(column, np.ndarray) else column.alias(name)
              for name, column in columns.items()),
            pl.Series("note", notes, dtype=pl.String),
        ]
    )  # fmt: skip
    return frame.filter(pl.col(key).cast(pl.String).is_in(sorted(kept))) if kept else frame


def _cells(project: Project, table: Table, point: Indices, near: Outlook, wanted: _Wanted) -> pl.DataFrame:
    """Every cell of the rectangle, those of the regions and sectors asked for."""
    rows = np.flatnonzero([code in wanted.regions or not wanted.regions for code in table.regions])
    columns = np.flatnonzero([code in wanted.sectors or not wanted.sectors for code in table.sectors])
    whole = rows.size == len(table.regions) and columns.size == len(table.sectors)
    kinds = project.observations.schema

    def cut(values: NDArray[Any]) -> NDArray[Any]:
        return values.ravel() if whole else values[np.ix_(rows, columns)].ravel()

    def of_region(values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values[rows], columns.size)

    def of_sector(values: NDArray[Any]) -> NDArray[Any]:
        return np.tile(values[columns], rows.size)

    region = pl.Series(table.regions, dtype=kinds["region"]).to_physical().to_numpy()
    sector = pl.Series(table.sectors, dtype=kinds["sector"]).to_physical().to_numpy()
    n = rows.size * columns.size
    found = {
        "value": cut(table.value), "rca": cut(table.rca), "presence": cut(table.held), "eci": of_region(point.eci),
        "pci": of_sector(point.pci), "density": cut(near.density), "relative_density": cut(near.relative_density),
        "distance": cut(1.0 - near.density), "coi": of_region(near.index), "cog": cut(near.gain),
    }  # fmt: skip
    return pl.DataFrame(
        [
            pl.repeat(table.indicator.id, n, dtype=kinds["indicator"], eager=True).alias("indicator"),
            pl.repeat(table.year, n, dtype=pl.Int32, eager=True).alias("year"),
            pl.Series("region", of_region(region)).cat.to(kinds["region"]),
            pl.Series("sector", of_sector(sector)).cat.to(kinds["sector"]),
            *(pl.Series(name, values, nan_to_null=values.dtype.kind == "f") for name, values in found.items()),
            _cell_notes(table, rows, columns),
        ]
    ).with_columns(presence=pl.when(pl.col("rca").is_not_null()).then("presence"))  # fmt: skip


def _cell_notes(table: Table, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> pl.Series:
    """Why a cell has no answer: its region or sector takes no part, or nothing is known of it."""
    out_region = table.who.region_reasons != ""
    out_sector = table.who.sector_reasons != ""
    code = out_region[rows, np.newaxis] * np.uint8(1) + out_sector[columns] * np.uint8(2)
    code += np.isnan(table.rca)[np.ix_(rows, columns)] * np.uint8(4)
    texts = pl.Series("note", [_joined(k) for k in range(8)], dtype=pl.Categorical)
    return texts.gather(pl.Series(code.ravel().astype(np.uint32)))


def _joined(code: int) -> str | None:
    names = [name for bit, name in ((4, "no_rca"), (1, "region_excluded"), (2, "sector_excluded")) if code & bit]
    return ";".join(names) or None
