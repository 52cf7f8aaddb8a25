"""Measuring one block: one indicator in one year, every cell at once.

Blocks are independent of each other except for persistence, which reads the latest three.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.reference import Reference, dense, dense_row, resolve_reference
from capmap.data.panel import Panel, panel
from capmap.errors import UsageError
from capmap.methods import specialisation as measures
from capmap.methods import uncertainty as doubt
from capmap.methods.ranking import rank_within
from capmap.methods.specialisation import Bools, Cells, Floats, Margins
from capmap.model import STATUSES, TOTAL, AbsentRows, Project, SpecialisationSection

#: Share of the reference above which one other region can decide an index on its own.
DOMINANT_SHARE = 0.25
#: Count of a sector in a reference that is not the whole world, in units of the dispersion, below which the reference
#: itself is too uncertain (its share is known to a tenth at best) for a class.
THIN_REFERENCE = 100.0
#: Share of the world, as a sum of regions, that may be missing in a sector before its classes are withheld.
PARTIAL_WORLD_SHARE = 0.05
#: Relative distance from the threshold within which a value is neither above nor below it.
NEUTRAL = 1e-9
#: Number of latest periods that persistence looks at.
PERSISTENCE_PERIODS = 3
#: Fewest periods from which an over-dispersion is estimated.
DISPERSION_MIN_PERIODS = 3
#: Cells gone through at a time: few enough for their columns to stay in the processor's cache.
PART = 16_000
#: Cells from which work is shared among threads.
THREADS_FROM = 50_000

CLASSES = ("established", "uncertain", "below", "none", "indicated")
BANDS = ("slight", "moderate", "high", "very_high")
#: Upper ends of the bands; `slight` starts at the threshold and ends where the index becomes material.
BAND_EDGES = (2.0, 4.0)

COLUMNS = (
    "indicator", "year", "region", "sector", "value", "expected", "share_region", "share_world", "rank_world",
    "rca", "rsca", "nrca", "arca", "rca_weighted", "rca_ex_largest", "ceiling", "rca_low", "rca_high", "rca_eb",
    "rca_eb_low", "rca_eb_high", "p_above_one", "p_material", "dispersion", "persistence", "class", "band",
    "status", "note",
)  # fmt: skip
#: What `--with` appends, by the word the user gives.
EXTRAS: dict[str, tuple[str, ...]] = {
    "loo": ("rca_loo",),
    "log": ("rca_log",),
    "per_capita": ("rca_per_capita",),
    "imports": ("vollrath_rta", "lafay", "michaely"),
    "margins": ("diversity", "ubiquity"),
    "history": ("periods", "trajectory"),
    "posterior": ("posterior_shape", "posterior_rate"),
    "dependence": ("largest_other", "class_ex_largest"),
}
#: Columns of floats that are measured part by part.
FLOATS = (
    "expected", "share_region", "share_world", "rca", "rsca", "nrca", "arca", "rca_weighted", "rca_ex_largest",
    "ceiling", "rca_low", "rca_high", "rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one", "p_material", "dispersion",
    "rca_loo", "rca_log", "posterior_shape", "posterior_rate",
)  # fmt: skip
#: All that is measured of a period which only persistence looks at.
NEEDED = ("expected", "rca")
TRAJECTORIES = ("lasting", "recent", "lost", "unclear", "never")

#: Reasons in the `note` column, one bit each; written sorted and joined by `;`.
NOTES = (
    "absent_row", "below_floor", "break", "depends_on", "missing", "no_base", "no_variance_beyond_chance",
    "not_applicable", "one_period", "partial_base", "partial_world", "sole_producer", "suppressed", "thin_reference",
)  # fmt: skip
NOTE_BIT = {name: 1 << k for k, name in enumerate(NOTES)}

#: `map`, in one thread or several.
Spread = Callable[..., Iterable[Any]]


@dataclass
class Block:
    """One indicator in one year while it is being measured: columns of the cells, (n,) each."""

    period: int
    cells: Cells
    columns: dict[str, NDArray[Any]]
    flags: NDArray[np.uint16]
    largest: NDArray[np.int32]  #: dominant other region of each region, -1 for none
    material: Bools
    gone: Bools  #: certainly not material
    interrupted: NDArray[np.int64]  #: cells (region * n_sectors + sector) that carry status B in this period
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> NDArray[np.int64]:
        """One integer per cell of the rectangle."""
        return _keys(self.cells)

    def part(self, rows: slice) -> Block:
        """Some of the cells; what is written into its flags and `material` is written into the block."""
        cells = self.cells
        own = Cells(cells.region[rows], cells.sector[rows], cells.value[rows], cells.n_regions, cells.n_sectors)
        return Block(self.period, own, {}, self.flags[rows], self.largest, self.material[rows], self.gone[rows],
                     self.interrupted)  # fmt: skip


@dataclass(frozen=True)
class Shared:
    """What the cells of a block have in common, known before they are gone through part by part."""

    base: Margins
    share: Floats  #: (n_regions,) of the world
    inside: Bools  #: (n_regions,) part of the reference
    mean: Floats  #: (n_regions,) mean index
    status: NDArray[np.int8]
    added: Bools | None  #: cells without a row
    without: tuple[tuple[Bools, Margins], ...]  #: regions concerned, and their margins without the dominant other
    gap: Floats | None  #: (n_sectors,) share of a summed world that is missing
    thin: Bools | None  #: sectors (or cells) of a reference too small to compare with
    prior: doubt.Prior | None = None
    quantiles: Floats | None = None  #: (4, n_counts + 1): exact interval in counts, posterior interval at rate 1
    place: NDArray[np.intp] | None = None  #: (n,) where each count stands among the quantiles
    years: tuple[Floats, Floats, NDArray[np.int64]] | None = None  #: of values: lowest and highest index, periods


def measure(
    project: Project,
    whole: Panel,
    wanted: Sequence[int],
    options: SpecialisationSection,
    *,
    extras: Sequence[str] = (),
    complete: bool = False,
) -> list[Block]:
    """Blocks of the wanted periods; earlier ones are measured as far as persistence needs them."""
    window = options.window or (1 if whole.indicator.kind == "count" else 3)
    reference = resolve_reference(project, whole, options.reference)
    needed = sorted({p for w in wanted for p in range(max(0, w - PERSISTENCE_PERIODS + 1), w + 1)})
    with threads(max(whole.value.size, complete * len(whole.regions) * len(whole.sectors))) as several:
        noise = _dispersion(whole, options, several)
        # Threads share the periods, or the parts of a period where there is but one: never both at once.
        among_periods, within = (several, map) if len(needed) > 1 else (map, several)

        def one(period: int) -> Block:
            return _measure_block(
                project, whole, period, window, reference, noise, options,
                extras if period in wanted else None, complete and period in wanted, within,
            )  # fmt: skip

        measured = dict(zip(needed, among_periods(one, needed), strict=True))
        list(among_periods(partial(_persistence, measured, trajectory="history" in extras), wanted))
    return [measured[period] for period in wanted]


@contextmanager
def threads(cells: int) -> Iterator[Spread]:
    """`map` for work on so many cells: over threads where that pays, as NumPy, SciPy and polars let them run."""
    if cells < THREADS_FROM:
        yield map
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield pool.map


def material_index(project: Project, options: SpecialisationSection) -> float:
    """Index from which a specialisation is worth listing: `[profile] material`, or the threshold where it is higher."""
    return max(project.run.profile.material, options.threshold)


def _dispersion(whole: Panel, options: SpecialisationSection, several: Spread) -> doubt.Dispersion:
    """Noise between consecutive periods of one count indicator, over the whole panel.

    Pairs across a break (status B in the later period) and cells of low reliability (U) are left out.
    """
    if whole.indicator.kind != "count" or options.dispersion == "poisson":
        return doubt.Dispersion(1.0, 0, "poisson")
    if len(whole.years) < DISPERSION_MIN_PERIODS:
        return doubt.Dispersion(1.0, 0, "too few periods")

    def one(period: int) -> tuple[NDArray[np.int64], Floats, Floats, Bools]:
        cells, status = whole.cells(period)
        base = measures.margins(cells, whole.reference_in(period), absent=whole.indicator.absent)
        expected, broken, reliable = _expected(cells, base), _carries(status, "B", whole), ~_carries(status, "U", whole)
        if reliable.all():
            return _keys(cells), cells.value, expected, broken
        return _keys(cells)[reliable], cells.value[reliable], expected[reliable], broken[reliable]

    def scores(period: int) -> Floats:
        (key, *before, _), (later, value, expected, broken) = single[period - 1], single[period]
        there, here = _matching(key, later, len(whole.regions) * len(whole.sectors))
        if broken.any():
            there, here = there[~broken[here]], here[~broken[here]]
        return doubt.change_scores(before[0][there], before[1][there], value[here], expected[here])

    single = list(several(one, range(len(whole.years))))
    return doubt.dispersion(np.concatenate(list(several(scores, range(1, len(whole.years))))))


def _carries(status: NDArray[np.int8], letter: str, whole: Panel) -> Bools:
    """Cells with a status."""
    found: Bools = status == (whole.status_labels.index(letter) if letter in whole.status_labels else len(STATUSES))
    return found


def _keys(cells: Cells, rows: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.int64]:
    """One integer per cell of the rectangle, increasing in (region, sector)."""
    key = cells.region[rows].astype(np.int64)
    key *= cells.n_sectors
    key += cells.sector[rows]
    return key


def _matching(a: NDArray[np.int64], b: NDArray[np.int64], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in `a` and in `b` (both increasing, below `size`) of the keys they share."""
    if a.size == b.size and np.array_equal(a, b):
        both = np.arange(a.size)
        return both, both
    if b.size == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    if size <= 32 * (a.size + b.size):  # a table of the whole rectangle is small enough, and faster than a search
        table = np.full(size, -1, np.int32)
        table[b] = np.arange(b.size, dtype=np.int32)
        found = table[a]
        shared = found >= 0
        return np.flatnonzero(shared), found[shared].astype(np.intp)
    place = np.minimum(np.searchsorted(b, a), b.size - 1)
    shared = b[place] == a
    return np.flatnonzero(shared), place[shared]


def _expected(cells: Cells, base: Margins) -> Floats:
    return measures.expected_value(*_bases(cells, base))


def _bases(cells: Cells, base: Margins) -> tuple[Floats, Floats, Floats]:
    """x_i, x_j and x of each cell, (n,) each."""
    return base.region.take(cells.region), base.sector_at(cells), base.world.take(cells.region)


def _complete(cells: Cells, status: NDArray[np.int8], absent: AbsentRows) -> tuple[Cells, NDArray[np.int8], Bools]:
    """The whole rectangle of the regions that have any row, and which of its cells had no row."""
    rows = np.flatnonzero(np.bincount(cells.region, minlength=cells.n_regions))
    region = np.repeat(rows.astype(np.int32), cells.n_sectors)
    sector = np.tile(np.arange(cells.n_sectors, dtype=np.int32), rows.size)
    row_of = np.zeros(cells.n_regions, np.int64)
    row_of[rows] = np.arange(rows.size)
    place = row_of[cells.region] * cells.n_sectors + cells.sector
    value = np.full(region.size, 0.0 if absent == "zero" else np.nan)
    value[place] = cells.value
    filled = np.full(region.size, -1, np.int8)
    filled[place] = status
    added = np.ones(region.size, bool)
    added[place] = False
    return Cells(region, sector, value, cells.n_regions, cells.n_sectors), filled, added


def _measure_block(
    project: Project,
    whole: Panel,
    period: int,
    window: int,
    reference: Reference,
    noise: doubt.Dispersion,
    options: SpecialisationSection,
    extras: Sequence[str] | None,
    complete: bool,
    within: Spread,
) -> Block:
    """Every measure of one indicator in one year, except persistence; without `extras`, what persistence needs.

    Cells are gone through in parts that fit the processor's cache.
    """
    absent, material = whole.indicator.absent, material_index(project, options)
    cells, status = whole.cells(period, window)
    totals = reference.totals(period, window, cells)
    base = measures.margins(cells, totals, absent=absent)
    added = None
    if complete:
        cells, status, added = _complete(cells, status, absent)
    n = cells.value.size
    wanted = NEEDED if extras is None else {*COLUMNS, *(name for extra in extras for name in EXTRAS[extra])}
    block = Block(
        period, cells, _room(n, wanted), np.zeros(n, np.uint16), np.full(cells.n_regions, -1, np.int32),
        np.zeros(n, bool), np.zeros(n, bool), _interrupted(whole, period),
    )  # fmt: skip
    parts = [slice(start, start + PART) for start in range(0, max(n, 1), PART)]
    list(within(lambda rows: _index(block, rows, base), parts))
    share = np.divide(base.region, base.world, out=np.zeros_like(base.region), where=base.world > 0)
    shared = Shared(
        base, share, reference.inside, _mean(block, base, absent), status, added,
        _without_largest(block, base, share, totals, reference, absent),
        gap_of_world(cells, base, absent) if totals is None else None,
        _thin(base, reference, noise.phi) if whole.indicator.kind == "count" else None,
    )  # fmt: skip
    rank = np.empty(n if "rank_world" in wanted else 0, np.int32)

    def ranks() -> None:
        rank[:] = rank_within(cells.value[: rank.size], cells.sector[: rank.size], cells.n_sectors)

    if whole.indicator.kind == "count":
        shared = _with_prior(shared, block, noise.phi, options, absent, within, ranks, intervals="rca_low" in wanted)
    else:
        ranks()
        shared = replace(shared, years=_range_of_years(block, whole, window, reference))

    def one(rows: slice) -> None:
        part = block.part(rows)
        part.columns |= {name: block.columns[name][rows] for name in ("expected", "rca")}
        _measure_part(part, shared, rows, noise.phi, options, material, whole.status_labels, wanted)
        for name in room:
            block.columns[name][rows] = part.columns[name]

    room = [name for name in block.columns if name not in ("expected", "rca")]
    list(within(one, parts))
    if extras is None:
        return block
    columns = block.columns
    columns["value"], columns["status"], columns["rank_world"] = cells.value, status, rank
    if "margins" in extras:
        _diversity_and_ubiquity(block, base, options.threshold)
    if "per_capita" in extras:
        columns["rca_per_capita"] = _per_capita(project, whole, period, block, totals)
    if "imports" in extras:
        _imports(project, whole, period, window, block)
    block.meta = _told(whole, block, window, shared, reference, noise)
    return block


def _told(
    whole: Panel, block: Block, window: int, shared: Shared, reference: Reference, noise: doubt.Dispersion
) -> dict[str, Any]:
    """What a reader must know of a block."""
    cells, base, prior = block.cells, shared.base, shared.prior
    return {
        "indicator": whole.indicator.id,
        "kind": whole.indicator.kind,
        "year": whole.years[block.period],
        "periods": [whole.years[p] for p in whole.periods_in(block.period, window)],
        "window": window,
        "reference": {"kind": reference.kind, "label": reference.label},
        "regions": int(np.count_nonzero(np.bincount(cells.region))),
        "sectors": int(np.count_nonzero(np.nan_to_num(base.sector).reshape(-1, cells.n_sectors).sum(axis=0) > 0)),
        "dominant": {
            whole.regions[k]: float(shared.share[k])
            for k in np.flatnonzero(np.where(reference.inside, shared.share, 0.0) > DOMINANT_SHARE)
        },
        "counting": whole.indicator.counting,
        "fractional": prior is not None and not _whole(cells.value),
        "dispersion": {"phi": noise.phi, "pairs": noise.pairs, "method": noise.method},
        "prior": None if prior is None else {"alpha": prior.alpha if np.isfinite(prior.alpha) else None,
                                             "method": prior.method, "cells": prior.cells},
    }  # fmt: skip


def _room(n: int, wanted: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Empty columns for what is measured part by part; one stretch of memory for all floats is quicker to come by."""
    floats = [name for name in FLOATS if name in wanted]
    codes = {name: np.empty(n, np.int8) for name in ("class", "band", "class_ex_largest") if name in wanted}
    return dict(zip(floats, np.empty((len(floats), n)), strict=True)) | codes


def _whole(value: Floats) -> bool:
    """Whether all values that are not missing are whole numbers."""
    known = value[~np.isnan(value)]
    return bool(np.array_equal(known, np.floor(known)))


def _interrupted(whole: Panel, period: int) -> NDArray[np.int64]:
    rows = whole.rows(period)
    hit = _carries(whole.status[rows], "B", whole)
    return whole.region[rows][hit].astype(np.int64) * len(whole.sectors) + whole.sector[rows][hit]


def _index(block: Block, rows: slice, base: Margins) -> None:
    """Expected value and index, which the other measures start from."""
    part = block.part(rows)
    expected = _expected(part.cells, base)
    index = measures.balassa(part.cells.value, expected)
    _blank(expected, np.isnan(index))
    block.columns["expected"][rows], block.columns["rca"][rows] = expected, index


def _blank(column: Floats, rows: Bools) -> None:
    """Nothing can be computed in these rows."""
    if rows.any():
        column[rows] = np.nan


def _mark(block: Block, rows: Bools, name: str) -> None:
    """Note a reason in these rows."""
    np.bitwise_or(block.flags, rows * np.uint16(NOTE_BIT[name]), out=block.flags)


def _mean(block: Block, base: Margins, absent: AbsentRows) -> Floats:
    """Mean index of each region, (n_regions,); sectors without a row count as 0 unless they are missing."""
    cells, index = block.cells, block.columns["rca"]
    lacking = np.isnan(index)
    total = np.bincount(cells.region, np.where(lacking, 0.0, index) if lacking.any() else index, cells.n_regions)
    counted = base.n_sectors if absent == "zero" else np.bincount(cells.region[~lacking], minlength=cells.n_regions)
    mean: Floats = np.divide(total, counted, out=np.full(cells.n_regions, np.nan), where=counted > 0)
    return mean


def _measure_part(
    part: Block,
    shared: Shared,
    rows: slice,
    phi: float,
    options: SpecialisationSection,
    material: float,
    labels: Sequence[str],
    wanted: Collection[str],
) -> None:
    """Every measure of some cells of a block whose expected values and indices are known."""
    cells, columns, base = part.cells, part.columns, shared.base
    bases = _bases(cells, base)
    if "rsca" in wanted:
        _indices(part, bases, shared.mean, shared.inside)
        if "rca_log" in wanted:
            index = columns["rca"]
            with np.errstate(divide="ignore"):
                columns["rca_log"] = np.where(index > 0, np.log(np.where(index > 0, index, 1.0)), np.nan)
    _reasons(part, base, shared.status[rows], None if shared.added is None else shared.added[rows], labels)
    expected_rest = measures.leave_one_out_expected(cells.value, *bases)
    if not shared.inside.all():
        expected_rest = np.where(shared.inside[cells.region], expected_rest, columns["expected"])
    _blank(expected_rest, np.isnan(columns["rca"]))
    if "rca_loo" in wanted:
        columns["rca_loo"] = measures.balassa(cells.value, expected_rest)
    _mark(part, (expected_rest == 0) & (cells.value > 0), "sole_producer")
    decisive = columns["expected"]  # the base that materiality looks at
    if (shared.share > measures.LARGE_SHARE).any():
        decisive = np.where((shared.share > measures.LARGE_SHARE)[cells.region], expected_rest, decisive)
    without = _expected_without_largest(part, shared)
    if shared.prior is not None:
        _doubt_of_counts(part, shared, rows, decisive, without, phi, options, material, wanted)
    else:
        _doubt_of_values(part, shared, rows, decisive, without, options, material)
    if shared.gap is not None:
        _partial_world(part, shared.gap)
    if shared.thin is not None:
        _thin_reference(part, shared.thin)
    columns["dispersion"] = np.full(cells.value.size, np.nan if shared.prior is None else phi)
    if without is None:
        columns["class_ex_largest"] = np.full(cells.value.size, -1, np.int8)
    elif "class" in columns:
        changed = (columns["class_ex_largest"] != columns["class"]) & (columns["class_ex_largest"] >= 0)
        _mark(part, changed, "depends_on")


def _indices(part: Block, bases: tuple[Floats, Floats, Floats], mean: Floats, inside: Bools) -> None:
    """The indices that need nothing but the margins."""
    cells, columns = part.cells, part.columns
    x_ij, (x_i, x_j, x) = cells.value, bases
    expected, index = columns["expected"], columns["rca"]
    columns["share_region"] = x_ij / x_i
    columns["share_world"] = x_ij / x_j
    columns["rsca"] = measures.symmetric(index)
    columns["nrca"] = measures.normalised(x_ij, expected, x)
    columns["arca"] = measures.additive(x_ij, x_i, x_j, x)
    columns["ceiling"] = measures.ceiling(x_i, x_j, x)
    columns["rca_weighted"] = measures.weighted(index, mean[cells.region])
    lacking = np.isnan(index)
    for name in ("share_region", "share_world", "arca", "ceiling"):
        _blank(columns[name], lacking)
    if not inside.all():  # nothing bounds the index of a region that is no part of the reference
        _blank(columns["ceiling"], ~inside[cells.region])


def _reasons(part: Block, base: Margins, status: NDArray[np.int8], added: Bools | None, labels: Sequence[str]) -> None:
    """Why a value or an index is missing."""
    x_ij, index, flags = part.cells.value, part.columns["rca"], part.flags
    unknown = np.isnan(x_ij)
    if added is not None:
        _mark(part, added, "absent_row")
    if unknown.any():
        for letter, reason in (("Q", "suppressed"), ("M", "not_applicable")):
            if letter in labels:
                _mark(part, unknown & (status == labels.index(letter)), reason)
        explained = (flags & (NOTE_BIT["suppressed"] | NOTE_BIT["not_applicable"] | NOTE_BIT["absent_row"])) > 0
        _mark(part, unknown & ~explained, "missing")
    _mark(part, np.isnan(index) & ~unknown, "no_base")
    if np.isnan(base.sector).any():
        _mark(part, np.isnan(base.sector_at(part.cells)), "no_base")
    if base.partial.any():
        _mark(part, base.partial[part.cells.region], "partial_base")


def gap_of_world(cells: Cells, base: Margins, absent: AbsentRows) -> Floats | None:
    """Share of the world, as a sum of regions, that is missing in each sector, (n_sectors,); None without a world.

    A null cell of a large region makes the sector look rare, and everybody else specialised in it.
    """
    size = np.nan_to_num(base.region)
    if not size.any():
        return None
    known = ~np.isnan(cells.value)
    if absent == "zero":
        held = size.sum() - np.bincount(cells.sector[~known], size[cells.region[~known]], cells.n_sectors)
    else:
        held = np.bincount(cells.sector[known], size[cells.region[known]], cells.n_sectors)
    gap: Floats = 1.0 - held / size.sum()
    return gap


def _partial_world(part: Block, gap: Floats) -> None:
    """Marks sectors whose world, a sum of regions, lacks some of them; classes none where the gap is large."""
    if not (gap > 1e-12).any():
        return
    sector = part.cells.sector
    usable = ~np.isnan(part.columns["rca"])
    _mark(part, usable & (gap > 1e-12)[sector], "partial_world")
    if "class" in part.columns:
        withheld = usable & (gap > PARTIAL_WORLD_SHARE)[sector]
        part.columns["class"][withheld] = CLASSES.index("uncertain")
        part.columns["band"][withheld] = -1
    part.material &= ~(gap > PARTIAL_WORLD_SHARE)[sector]


def _thin(base: Margins, reference: Reference, phi: float) -> Bools | None:
    """Where a reference of a few regions holds too little: its share is then as uncertain as the cell's own."""
    if reference.kind not in ("region", "group", "peers"):
        return None
    with np.errstate(invalid="ignore"):
        thin: Bools = base.sector / phi < THIN_REFERENCE
    return thin


def _thin_reference(part: Block, thin: Bools) -> None:
    """Marks cells compared with a thin reference and withholds their class."""
    cells = part.cells
    hit = thin[cells.sector] if thin.ndim == 1 else thin[cells.region, cells.sector]
    hit = hit & ~np.isnan(part.columns["rca"])
    _mark(part, hit, "thin_reference")
    if "class" in part.columns:
        part.columns["class"][hit] = CLASSES.index("uncertain")
        part.columns["band"][hit] = -1
    part.material &= ~hit
    part.gone &= ~hit


def _without_largest(
    block: Block, base: Margins, share: Floats, totals: Floats | None, reference: Reference, absent: AbsentRows
) -> tuple[tuple[Bools, Margins], ...]:
    """Margins when the dominant other region leaves the reference, and the regions they are for.

    Dominant: more than a quarter of the reference. For the dominant region itself the next one is looked at.
    """
    cells = block.cells
    weight = np.where(reference.inside, np.nan_to_num(share), 0.0)
    order = np.argsort(-weight, kind="stable")[:2]
    dominant = [int(k) for k in order if weight[k] > DOMINANT_SHARE]
    if not dominant or (totals is not None and totals.ndim == 2):
        return ()
    found = []
    for place, row in enumerate(dominant):
        first = np.arange(cells.n_regions) == dominant[0]
        concerned = ~first if place == 0 else first
        block.largest[concerned] = row
        rest = np.maximum(base.sector - dense_row(cells, row, absent), 0.0)
        found.append((concerned, measures.margins(cells, rest, absent=absent)))
    return tuple(found)


def _expected_without_largest(part: Block, shared: Shared) -> Floats | None:
    """Expected values when the dominant other region leaves the reference; fills `rca_ex_largest`."""
    cells = part.cells
    if not shared.without:
        part.columns["rca_ex_largest"] = np.full(cells.value.size, np.nan)
        return None
    expected = np.full(cells.value.size, np.nan)
    for concerned, base in shared.without:
        mine = concerned[cells.region]
        expected[mine] = _expected(cells, base)[mine]
    part.columns["rca_ex_largest"] = measures.balassa(cells.value, expected)
    return expected


def _with_prior(
    shared: Shared,
    block: Block,
    phi: float,
    options: SpecialisationSection,
    absent: AbsentRows,
    within: Spread,
    meanwhile: Callable[[], None],
    *,
    intervals: bool,
) -> Shared:
    """Adds the prior of the true index and the gamma quantiles of every distinct count.

    The prior keeps one thread busy for a while: another may do something else `meanwhile`.
    """
    values, _, place = doubt.distinct(block.cells.value)
    jobs = [partial(_prior, block, shared, values, place, phi, absent), meanwhile]
    prior: doubt.Prior = next(iter(list(within(lambda job: job(), jobs))))
    if not intervals:
        return replace(shared, prior=prior)
    quantiles = np.full((4, values.size + 1), np.nan)  # the last stands for a missing count

    def fill(rows: slice) -> None:
        count = values[rows]
        quantiles[:2, rows] = doubt.garwood(count / phi, options.level)
        quantiles[2:, rows] = doubt.posterior_quantiles(count / phi, prior.alpha, options.level)

    list(within(fill, [slice(k, min(k + 512, values.size)) for k in range(0, values.size, 512)]))
    quantiles[:2] *= phi
    return replace(shared, prior=prior, quantiles=quantiles, place=place)


def _doubt_of_counts(
    part: Block,
    shared: Shared,
    rows: slice,
    decisive: Floats,
    without: Floats | None,
    phi: float,
    options: SpecialisationSection,
    material: float,
    wanted: Collection[str],
) -> None:
    """Exact interval, posterior, class and band of counts; O and E are divided by phi alike."""
    assert shared.prior is not None
    columns, flags, alpha = part.columns, part.flags, shared.prior.alpha
    count, expected = part.cells.value, columns["expected"]
    usable = ~np.isnan(columns["rca"])
    scaled, scaled_decisive = count / phi, decisive / phi
    p_material = doubt.p_above(scaled, scaled_decisive, alpha, material)
    sole = ((flags & NOTE_BIT["sole_producer"]) > 0) & (decisive == 0)  # above 10 % of the world
    _blank(p_material, sole | ~usable)
    shrunk = doubt.posterior_mean(scaled, scaled_decisive, alpha)
    _blank(shrunk, sole)
    with np.errstate(invalid="ignore"):
        np.logical_and(p_material >= 0.5, shrunk >= material, out=part.material)
        np.less_equal(p_material, 1 - options.p_established, out=part.gone)
    if "class" not in wanted:
        return
    columns["p_material"] = p_material
    assert shared.quantiles is not None
    assert shared.place is not None
    low, high, low_eb, high_eb = shared.quantiles.take(shared.place[rows], axis=1)
    columns["rca_low"] = measures.balassa(low, expected)
    columns["rca_high"] = measures.balassa(high, expected)
    scaled_expected = expected / phi
    columns["rca_eb"] = doubt.posterior_mean(scaled, scaled_expected, alpha)
    rate = scaled_expected + alpha
    columns["rca_eb_low"], columns["rca_eb_high"] = low_eb / rate, high_eb / rate
    columns["p_above_one"] = exceeds = doubt.p_above(scaled, scaled_expected, alpha)
    with np.errstate(invalid="ignore"):
        _mark(part, usable & (expected < options.min_expected), "below_floor")
    if np.isinf(alpha):
        _mark(part, usable, "no_variance_beyond_chance")
        rate = np.full(count.size, np.nan)
    if "posterior_shape" in wanted:
        columns["posterior_rate"] = rate
        columns["posterior_shape"] = scaled + (alpha if np.isfinite(alpha) else np.nan)
    if options.threshold != 1.0:
        exceeds = doubt.p_above(scaled, scaled_expected, alpha, options.threshold)
    columns["class"] = _class_of_counts(count, expected, exceeds, usable, options)
    if without is not None:
        p_without = doubt.p_above(scaled, without / phi, alpha, options.threshold)
        columns["class_ex_largest"] = _class_of_counts(count, without, p_without, ~np.isnan(without) & usable, options)
    established = columns["class"] == CLASSES.index("established")
    columns["band"] = _bands(shrunk, established, options, material)


def _prior(
    block: Block, shared: Shared, values: Floats, place: NDArray[np.intp], phi: float, absent: AbsentRows
) -> doubt.Prior:
    """Prior of the true index from every observed cell, listed or zero, of regions below a tenth of the world.

    A region outside the reference weighs nothing in it, so its size does not matter. A table whose regions are all
    larger than that uses them all. `values` are the distinct counts and `place`
    says where each cell's count stands among them.
    """
    cells, base, share = block.cells, shared.base, shared.share
    eligible = (base.region > 0) & ((share <= measures.LARGE_SHARE) | ~shared.inside)
    if not eligible.any():
        eligible = base.region > 0
    usable = eligible[cells.region] & ~np.isnan(block.columns["rca"])
    count, expected = cells.value, block.columns["expected"]
    if not usable.all():
        count, expected, place = count[usable], expected[usable], place[usable]
    count, expected = count / phi, expected / phi
    tally = values / phi, np.bincount(place, minlength=values.size).astype(float)
    if absent != "zero":
        return doubt.fit_prior(count, expected, tally=tally)
    unknown = eligible[cells.region] & np.isnan(cells.value)
    size = np.where(eligible, base.region / base.world, 0.0)
    sector = np.nan_to_num(base.sector) / phi
    if sector.ndim == 1:
        without = size[cells.region[unknown]] * sector[cells.sector[unknown]]
        exposure = doubt.Exposure.rectangle(size, sector, without[without > 0])
        return doubt.fit_prior(count, expected, exposure, tally=tally)
    every = size[:, None] * sector
    every[cells.region[unknown], cells.sector[unknown]] = 0.0
    return doubt.fit_prior(count, expected, doubt.Exposure.listed(every[every > 0]), tally=tally)


def _class_of_counts(
    count: Floats, expected: Floats, exceeds: Floats, usable: Bools, options: SpecialisationSection
) -> NDArray[np.int8]:
    """Class of each cell as a position in CLASSES, -1 without an index."""
    kind = np.full(count.size, CLASSES.index("uncertain"), np.int8)
    with np.errstate(invalid="ignore"):
        judged = expected >= options.min_expected
        established = judged & (exceeds >= options.p_established) & (count >= options.min_count)
        np.putmask(kind, established, CLASSES.index("established"))
        np.putmask(kind, judged & (exceeds <= 1.0 - options.p_established), CLASSES.index("below"))
        none = ~np.isnan(exceeds) & (count == 0) & (expected >= options.min_count)
        np.putmask(kind, none, CLASSES.index("none"))
    np.putmask(kind, ~usable, -1)
    return kind


def _bands(index: Floats, shown: Bools, options: SpecialisationSection, material: float) -> NDArray[np.int8]:
    """Band of each index as a position in BANDS, -1 below the threshold, where the index is NaN or not `shown`."""
    band = np.full(index.size, -1, np.int8)
    with np.errstate(invalid="ignore"):
        for edge in np.maximum.accumulate((options.threshold, material, *BAND_EDGES)):
            band += index >= edge
    np.putmask(band, ~shown, -1)
    return band


def _range_of_years(
    block: Block, whole: Panel, window: int, reference: Reference
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Lowest and highest yearly index of each cell over the window, and the number of years that have one."""
    n = block.cells.value.size
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    years = np.zeros(n, np.int64)
    for one in whole.periods_in(block.period, window):
        single, _ = whole.cells(one)
        base = measures.margins(single, reference.totals(one, 1, single), absent=whole.indicator.absent)
        yearly = measures.balassa(single.value, _expected(single, base))
        here, there = _matching(block.key, _keys(single), len(whole.regions) * len(whole.sectors))
        here, there = here[~np.isnan(yearly[there])], there[~np.isnan(yearly[there])]
        low[here], high[here] = np.fmin(low[here], yearly[there]), np.fmax(high[here], yearly[there])
        years[here] += 1
    return low, high, years


def _doubt_of_values(
    part: Block,
    shared: Shared,
    rows: slice,
    decisive: Floats,
    without: Floats | None,
    options: SpecialisationSection,
    material: float,
) -> None:
    """Range of yearly indices over the window, class and band of values (money, jobs): no counting error."""
    assert shared.years is not None
    cells, columns = part.cells, part.columns
    index = columns["rca"]
    usable = ~np.isnan(index)
    low, high, years = (column[rows] for column in shared.years)
    several = usable & (years >= 2)
    columns["rca_low"], columns["rca_high"] = np.where(several, low, np.nan), np.where(several, high, np.nan)
    nothing = np.full(index.size, np.nan)
    for name in ("rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one", "p_material"):
        columns[name] = nothing
    for name in ("posterior_shape", "posterior_rate"):
        columns[name] = nothing
    kind = np.full(index.size, CLASSES.index("uncertain"), np.int8)
    bar = options.threshold * (1 - measures.PRESENCE_TOLERANCE)
    with np.errstate(invalid="ignore"):
        kind[several & (low >= bar)] = CLASSES.index("established")
        kind[several & (high < bar)] = CLASSES.index("below")
        kind[~several & (index >= bar)] = CLASSES.index("indicated")
        kind[~several & (index < bar)] = CLASSES.index("below")
        # as specialised as the world in every year: neither more nor less
        most = options.threshold * (1 + NEUTRAL)
        least = options.threshold * (1 - NEUTRAL)
        kind[np.where(several, (low >= least) & (high <= most), (index >= least) & (index <= most))] = CLASSES.index(
            "uncertain"
        )
    kind[~usable] = -1
    _mark(part, usable & ~several, "one_period")
    columns["class"] = kind
    if without is not None:
        rest = columns["rca_ex_largest"]
        flipped = kind.copy()
        with np.errstate(invalid="ignore"):
            flipped[(kind != CLASSES.index("below")) & (rest < bar)] = CLASSES.index("below")
            flipped[(kind == CLASSES.index("below")) & (rest >= bar)] = CLASSES.index("uncertain")
        flipped[np.isnan(rest)] = -1
        columns["class_ex_largest"] = flipped
    judged = measures.balassa(cells.value, decisive)
    shown = np.isin(kind, [CLASSES.index("established"), CLASSES.index("indicated")])
    columns["band"] = _bands(judged, shown, options, material)
    with np.errstate(invalid="ignore"):
        np.logical_and(shown, judged >= material, out=part.material)
    np.logical_and(kind >= 0, ~part.material & (kind != CLASSES.index("uncertain")), out=part.gone)


def _diversity_and_ubiquity(block: Block, base: Margins, threshold: float) -> None:
    """Sectors present in the cell's region, regions present in the cell's sector."""
    cells = block.cells
    present = measures.is_present(
        cells.value, base.region[cells.region], base.sector_at(cells), base.world[cells.region], threshold
    )
    diversity = np.bincount(cells.region[present], minlength=cells.n_regions)
    ubiquity = np.bincount(cells.sector[present], minlength=cells.n_sectors)
    block.columns["diversity"] = diversity[cells.region].astype(np.int32)
    block.columns["ubiquity"] = ubiquity[cells.sector].astype(np.int32)


def _per_capita(
    project: Project,
    whole: Panel,
    period: int,
    block: Block,
    totals: Floats | None,
) -> Floats:
    """Per-capita RCA over the regions that have both figures, or over the world if its population is known."""
    cells = block.cells
    nothing = np.full(cells.value.size, np.nan)
    if "population" not in project.catalogue:
        raise UsageError(
            "--with per_capita needs an indicator `population`",
            fix="add indicators/population.toml and its rows",
        )
    year = whole.years[period]
    people = project.observations.filter(
        (pl.col("indicator") == "population") & (pl.col("sector") == TOTAL) & pl.col("year").eq_missing(pl.lit(year))
    )
    if people.is_empty():
        return nothing
    count = dict(zip(people["region"].cast(pl.String).to_list(), people["value"].to_list(), strict=True))
    population = np.array([count.get(code) or np.nan for code in whole.regions], float)
    world = count.get(whole.reference_code or "")
    if world and totals is not None and totals.ndim == 1:
        sector: Floats = totals
        total = float(world)
    else:
        both = ~np.isnan(population)[cells.region] & ~np.isnan(cells.value)
        sector = np.bincount(cells.sector[both], cells.value[both], cells.n_sectors).astype(float, copy=False)
        total = float(np.nansum(population[np.unique(cells.region[both])]))
    return measures.per_capita(cells.value, population[cells.region], sector[cells.sector], total)


def _imports(project: Project, whole: Panel, period: int, window: int, block: Block) -> None:
    """Members of the family that need the matching imports of the same period."""
    for name in EXTRAS["imports"]:
        block.columns[name] = np.full(block.cells.value.size, np.nan)
    source = whole.indicator.imports
    if source is None or source not in project.catalogue:
        return
    bought = panel(project, source)
    year = whole.years[period]
    if year not in bought.years:
        return
    cells = block.cells
    other, _ = bought.cells(bought.years.index(year), window)
    m = np.full((len(whole.regions), len(whole.sectors)), 0.0 if bought.indicator.absent == "zero" else np.nan)
    region = np.array([whole.regions.index(r) if r in whole.regions else -1 for r in bought.regions])
    sector = np.array([whole.sectors.index(s) if s in whole.sectors else -1 for s in bought.sectors])
    held = (region[other.region] >= 0) & (sector[other.sector] >= 0)
    m[region[other.region[held]], sector[other.sector[held]]] = other.value[held]
    x = dense(cells, whole.indicator.absent)
    both = ~np.isnan(x) & ~np.isnan(m)
    x, m = np.where(both, x, 0.0), np.where(both, m, 0.0)
    r, s = cells.region, cells.sector

    def parts(table: Floats) -> tuple[Floats, ...]:
        return table[r, s], table.sum(axis=1)[r], table.sum(axis=0)[s], np.full(r.size, table.sum())

    x_ij, x_i, x_j, x_all = parts(x)
    m_ij, m_i, m_j, m_all = parts(m)
    known = both[r, s] & (x_i > 0) & (m_i > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        block.columns["vollrath_rta"] = np.where(
            known, measures.vollrath((x_ij, x_i, x_j, x_all), (m_ij, m_i, m_j, m_all)), np.nan
        )
        block.columns["lafay"] = np.where(known, measures.lafay(x_ij, m_ij, x_i, m_i), np.nan)
        block.columns["michaely"] = np.where(known, measures.michaely(x_ij, m_ij, x_i, m_i), np.nan)


def _persistence(measured: dict[int, Block], period: int, *, trajectory: bool) -> None:
    """Periods in which a cell was material, out of the latest three; suspended where a break lies between them."""
    block = measured[period]
    span = [p for p in range(period - PERSISTENCE_PERIODS + 1, period + 1) if p >= 0]
    key = block.key
    held = block.material.astype(np.int32)
    for p in span[:-1]:
        held += np.isin(key, _keys(measured[p].cells, np.flatnonzero(measured[p].material)))
    unknown = np.isnan(block.columns["rca"])
    suspended = unknown
    for p in span[1:]:
        if measured[p].interrupted.size:
            suspended = suspended | np.isin(key, measured[p].interrupted)
    _mark(block, suspended & ~unknown, "break")
    if trajectory:
        way = np.full(held.size, TRAJECTORIES.index("never"), np.int8)
        way[held > 0] = TRAJECTORIES.index("unclear")
        way[(held > 0) & block.gone] = TRAJECTORIES.index("lost")
        way[block.material] = TRAJECTORIES.index("recent")
        way[block.material & (held == PERSISTENCE_PERIODS)] = TRAJECTORIES.index("lasting")
        way[suspended] = -1
        block.columns["trajectory"] = way
        block.columns["periods"] = np.full(held.size, len(span), np.int32)
    if suspended.any():
        held[suspended] = -1
    block.columns["persistence"] = held


def rca_history(
    project: Project, whole: Panel, code: str, options: SpecialisationSection, *, upto: int
) -> pl.DataFrame:
    """Index and value of one region in every period up to one: `indicator, year, region, sector, value, rca`."""
    window = options.window or (1 if whole.indicator.kind == "count" else 3)
    reference = resolve_reference(project, whole, options.reference)
    row = whole.regions.index(code)
    sectors: list[str] = []
    letters: list[str | None] = []
    years: list[int | None] = []
    values, indices = [np.empty(0)], [np.empty(0)]
    for period in range(upto + 1):
        cells, status = whole.cells(period, window)
        base = measures.margins(cells, reference.totals(period, window, cells), absent=whole.indicator.absent)
        mine = np.flatnonzero(cells.region == row)
        own = Cells(cells.region[mine], cells.sector[mine], cells.value[mine], cells.n_regions, cells.n_sectors)
        values.append(own.value)
        indices.append(measures.balassa(own.value, _expected(own, base)))
        sectors += [whole.sectors[k] for k in own.sector.tolist()]
        letters += [whole.status_labels[s] if s >= 0 else None for s in status[mine].tolist()]
        years += [whole.years[period]] * mine.size
    return pl.DataFrame(
        {
            "indicator": pl.Series([whole.indicator.id] * len(years), dtype=pl.String),
            "year": pl.Series(years, dtype=pl.Int32),
            "region": pl.Series([code] * len(years), dtype=pl.String),
            "sector": pl.Series(sectors, dtype=pl.String),
            "value": pl.Series(np.concatenate(values), nan_to_null=True),
            "rca": pl.Series(np.concatenate(indices), nan_to_null=True),
            "status": pl.Series(letters, dtype=pl.String),
        }
    )
