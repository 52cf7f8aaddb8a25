"""Measuring one block: one indicator in one year, every cell at once.

Blocks are independent of each other except for persistence, which reads the latest three.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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
from capmap.model import TOTAL, Project, SpecialisationSection

#: Share of the reference above which one other region can decide an index on its own.
DOMINANT_SHARE = 0.25
#: Share of the world, as a sum of regions, that may be missing in a sector before its classes are withheld.
PARTIAL_WORLD_SHARE = 0.05
#: Number of latest periods that persistence looks at.
PERSISTENCE_PERIODS = 3
#: Fewest periods from which an over-dispersion is estimated.
DISPERSION_MIN_PERIODS = 3

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
TRAJECTORIES = ("lasting", "recent", "lost", "never")

#: Reasons in the `note` column, one bit each; written sorted and joined by `;`.
NOTES = (
    "absent_row", "below_floor", "break", "depends_on", "missing", "no_base", "no_variance_beyond_chance",
    "not_applicable", "one_period", "partial_base", "partial_world", "sole_producer", "suppressed",
)  # fmt: skip
NOTE_BIT = {name: 1 << k for k, name in enumerate(NOTES)}


@dataclass
class Block:
    """One indicator in one year while it is being measured: columns of the cells, (n,) each."""

    period: int
    cells: Cells
    columns: dict[str, NDArray[Any]]
    flags: NDArray[np.uint16]
    largest: NDArray[np.int32]  #: dominant other region of each region, -1 for none
    material: Bools
    interrupted: NDArray[np.int32]  #: cells (region * n_sectors + sector) that carry status B in this period
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> NDArray[np.int64]:
        """One integer per cell of the rectangle."""
        return self.cells.region.astype(np.int64) * self.cells.n_sectors + self.cells.sector


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
    noise = _dispersion(whole, options)
    needed = sorted({p for w in wanted for p in range(max(0, w - PERSISTENCE_PERIODS + 1), w + 1)})

    def one(period: int) -> Block:
        return _measure_block(
            project, whole, period, window, reference, noise, options,
            extras if period in wanted else (), complete and period in wanted,
        )  # fmt: skip

    if len(needed) > 1 and whole.value.size > 50_000:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            measured = dict(zip(needed, pool.map(one, needed), strict=True))
    else:
        measured = {period: one(period) for period in needed}
    for period in wanted:
        _persistence(measured, period)
    return [measured[period] for period in wanted]


def _dispersion(whole: Panel, options: SpecialisationSection) -> doubt.Dispersion:
    """Noise between consecutive periods of one count indicator, over the whole panel.

    Pairs across a break (status B in the later period) and cells of low reliability (U) are left out.
    """
    if whole.indicator.kind != "count" or options.dispersion == "poisson":
        return doubt.Dispersion(1.0, 0, "poisson")
    if len(whole.years) < DISPERSION_MIN_PERIODS:
        return doubt.Dispersion(1.0, 0, "too few periods")
    unreliable = [k for k, label in enumerate(whole.status_labels) if label == "U"]
    broken = [k for k, label in enumerate(whole.status_labels) if label == "B"]
    scores: list[Floats] = []
    before: tuple[NDArray[np.int64], Floats, Floats] | None = None
    for period in range(len(whole.years)):
        cells, status = whole.cells(period)
        base = measures.margins(cells, whole.reference_in(period), absent=whole.indicator.absent)
        reliable = ~np.isin(status, unreliable)
        key, value, expected = (a[reliable] for a in (_keys(cells), cells.value, _expected(cells, base)))
        if before is not None:
            comparable = ~np.isin(status[reliable], broken)
            here, there = _matching(key[comparable], before[0])
            here = np.flatnonzero(comparable)[here]
            scores.append(doubt.change_scores(before[1][there], before[2][there], value[here], expected[here]))
        before = key, value, expected
    return doubt.dispersion(np.concatenate(scores))


def _keys(cells: Cells) -> NDArray[np.int64]:
    """One integer per cell of the rectangle, increasing in (region, sector)."""
    return cells.region.astype(np.int64) * cells.n_sectors + cells.sector


def _matching(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in `a` and in `b` (both increasing) of the keys they share."""
    if a.size == b.size and np.array_equal(a, b):
        both = np.arange(a.size)
        return both, both
    if b.size == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    place = np.minimum(np.searchsorted(b, a), b.size - 1)
    shared = b[place] == a
    return np.flatnonzero(shared), place[shared]


def _expected(cells: Cells, base: Margins) -> Floats:
    return measures.expected_value(base.region[cells.region], base.sector_at(cells), base.world[cells.region])


def _complete(cells: Cells, status: NDArray[np.int8], absent: str) -> tuple[Cells, NDArray[np.int8], Bools]:
    """The whole rectangle of the regions that have any row, and which of its cells had no row."""
    rows = np.unique(cells.region)
    region = np.repeat(rows, cells.n_sectors).astype(np.int32)
    sector = np.tile(np.arange(cells.n_sectors, dtype=np.int32), rows.size)
    full = Cells(region, sector, np.empty(0), cells.n_regions, cells.n_sectors)
    place = np.searchsorted(_keys(full), _keys(cells))
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
    extras: Sequence[str],
    complete: bool,
) -> Block:
    """Every measure of one indicator in one year, except persistence."""
    absent, material = whole.indicator.absent, project.run.profile.material
    cells, status = whole.cells(period, window)
    totals = reference.totals(period, window, cells)
    base = measures.margins(cells, totals, absent=absent)
    added = np.zeros(cells.value.size, bool)
    if complete:
        cells, status, added = _complete(cells, status, absent)
    block = Block(
        period, cells, {}, np.zeros(cells.value.size, np.uint16), np.full(cells.n_regions, -1, np.int32),
        np.zeros(0, bool), _interrupted(whole, period),
    )  # fmt: skip
    _indices(block, base, absent)
    _reasons(block, base, status, added, whole.status_labels)
    share = np.divide(base.region, base.world, out=np.zeros_like(base.region), where=base.world > 0)
    expected_rest = measures.leave_one_out_expected(
        cells.value, base.region[cells.region], base.sector_at(cells), base.world[cells.region]
    )
    expected_rest = np.where(reference.inside[cells.region], expected_rest, block.columns["expected"])
    expected_rest[np.isnan(block.columns["rca"])] = np.nan
    block.columns["rca_loo"] = measures.balassa(cells.value, expected_rest)
    large = share[cells.region] > measures.LARGE_SHARE
    block.flags[(expected_rest == 0) & (cells.value > 0)] |= NOTE_BIT["sole_producer"]
    decisive = np.where(large, expected_rest, block.columns["expected"])  # the base that materiality looks at
    without = _without_largest(block, base, share, totals, reference, absent)
    prior = None
    if whole.indicator.kind == "count":
        prior = _doubt_of_counts(block, base, share, decisive, without, noise.phi, options, material, absent)
    else:
        _doubt_of_values(block, whole, period, window, reference, decisive, without, options, material)
    if totals is None:
        _partial_world(block, base, absent)
    block.columns["dispersion"] = np.full(cells.value.size, np.nan if prior is None else noise.phi)
    if (block.largest >= 0).any():
        changed = (block.columns["class_ex_largest"] != block.columns["class"]) & (
            block.columns["class_ex_largest"] >= 0
        )
        block.flags[changed] |= NOTE_BIT["depends_on"]
    block.columns["status"] = status
    if "margins" in extras:
        _diversity_and_ubiquity(block, base, options.threshold)
    if "per_capita" in extras:
        block.columns["rca_per_capita"] = _per_capita(project, whole, period, block, totals)
    if "imports" in extras:
        _imports(project, whole, period, window, block)
    wanted = {*COLUMNS, *(name for extra in extras for name in EXTRAS[extra])}
    for name in [name for name in block.columns if name not in wanted]:
        del block.columns[name]
    fractional = whole.indicator.kind == "count" and bool(np.any(np.mod(cells.value[~np.isnan(cells.value)], 1.0)))
    block.meta = {
        "indicator": whole.indicator.id,
        "kind": whole.indicator.kind,
        "year": whole.years[period],
        "periods": [whole.years[p] for p in whole.periods_in(period, window)],
        "window": window,
        "reference": {"kind": reference.kind, "label": reference.label},
        "regions": int(np.count_nonzero(np.bincount(cells.region))),
        "sectors": int(np.count_nonzero(np.nan_to_num(base.sector).reshape(-1, cells.n_sectors).sum(axis=0) > 0)),
        "dominant": {
            whole.regions[k]: float(share[k])
            for k in np.flatnonzero(np.where(reference.inside, share, 0.0) > DOMINANT_SHARE)
        },
        "counting": whole.indicator.counting,
        "fractional": fractional,
        "dispersion": {"phi": noise.phi, "pairs": noise.pairs, "method": noise.method},
        "prior": None if prior is None else {"alpha": prior.alpha if np.isfinite(prior.alpha) else None,
                                             "method": prior.method, "cells": prior.cells},
    }  # fmt: skip
    return block


def _interrupted(whole: Panel, period: int) -> NDArray[np.int64]:
    rows = whole.rows(period)
    broken = [k for k, label in enumerate(whole.status_labels) if label == "B"]
    hit = np.isin(whole.status[rows], broken)
    return whole.region[rows][hit].astype(np.int64) * len(whole.sectors) + whole.sector[rows][hit]


def _indices(block: Block, base: Margins, absent: str) -> None:
    """The indices that need nothing but the margins."""
    cells, columns = block.cells, block.columns
    x_ij, x_i, x_j, x = (
        cells.value,
        base.region[cells.region],
        base.sector_at(cells),
        base.world[cells.region],
    )
    expected = measures.expected_value(x_i, x_j, x)
    index = measures.balassa(x_ij, expected)
    lacking = np.isnan(index)
    expected[lacking] = np.nan
    columns["value"] = x_ij
    columns["expected"] = expected
    columns["share_region"] = x_ij / x_i
    columns["share_world"] = x_ij / x_j
    columns["rank_world"] = rank_within(x_ij, cells.sector, cells.n_sectors)
    columns["rca"] = index
    columns["rsca"] = measures.symmetric(index)
    columns["nrca"] = measures.normalised(x_ij, expected, x)
    columns["arca"] = measures.additive(x_ij, x_i, x_j, x)
    columns["ceiling"] = measures.ceiling(x_i, x_j, x)
    for name in ("share_region", "share_world", "arca", "ceiling"):
        columns[name][lacking] = np.nan
    total = np.bincount(cells.region, np.where(lacking, 0.0, index), cells.n_regions)
    counted = base.n_sectors if absent == "zero" else np.bincount(cells.region[~lacking], minlength=cells.n_regions)
    mean = np.divide(total, counted, out=np.full(cells.n_regions, np.nan), where=counted > 0)
    columns["rca_weighted"] = measures.weighted(index, mean[cells.region])
    with np.errstate(divide="ignore"):
        columns["rca_log"] = np.where(index > 0, np.log(np.where(index > 0, index, 1.0)), np.nan)


def _reasons(block: Block, base: Margins, status: NDArray[np.int8], added: Bools, labels: Sequence[str]) -> None:
    """Why a value or an index is missing."""
    x_ij, index, flags = block.cells.value, block.columns["rca"], block.flags
    unknown = np.isnan(x_ij)
    flags[added] |= NOTE_BIT["absent_row"]
    if unknown.any():
        for letter, reason in (("Q", "suppressed"), ("M", "not_applicable")):
            if letter in labels:
                flags[unknown & (status == labels.index(letter))] |= NOTE_BIT[reason]
        explained = (flags & (NOTE_BIT["suppressed"] | NOTE_BIT["not_applicable"] | NOTE_BIT["absent_row"])) > 0
        flags[unknown & ~explained] |= NOTE_BIT["missing"]
    flags[np.isnan(index) & ~unknown] |= NOTE_BIT["no_base"]
    sector = np.isnan(base.sector_at(block.cells))
    flags[sector] |= NOTE_BIT["no_base"]
    flags[base.partial[block.cells.region]] |= NOTE_BIT["partial_base"]


def _partial_world(block: Block, base: Margins, absent: str) -> None:
    """Marks sectors whose world, a sum of regions, lacks some of them; classes none where the gap is large.

    A null cell of a large region makes the sector look rare, and everybody else specialised in it.
    """
    cells = block.cells
    size = np.nan_to_num(base.region)
    if not size.any():
        return
    known = ~np.isnan(cells.value)
    if absent == "zero":
        held = size.sum() - np.bincount(cells.sector[~known], size[cells.region[~known]], cells.n_sectors)
    else:
        held = np.bincount(cells.sector[known], size[cells.region[known]], cells.n_sectors)
    gap = 1.0 - held / size.sum()
    usable = ~np.isnan(block.columns["rca"])
    block.flags[usable & (gap > 1e-12)[cells.sector]] |= NOTE_BIT["partial_world"]
    block.columns["class"][usable & (gap > PARTIAL_WORLD_SHARE)[cells.sector]] = CLASSES.index("uncertain")
    block.material &= ~(gap > PARTIAL_WORLD_SHARE)[cells.sector]


def _without_largest(
    block: Block, base: Margins, share: Floats, totals: Floats | None, reference: Reference, absent: str
) -> Floats | None:
    """Expected values when the dominant other region leaves the reference; fills `rca_ex_largest`.

    Dominant: more than a quarter of the reference. For the dominant region itself the next one is looked at.
    """
    cells = block.cells
    block.columns["rca_ex_largest"] = np.full(cells.value.size, np.nan)
    weight = np.where(reference.inside, np.nan_to_num(share), 0.0)
    order = np.argsort(-weight, kind="stable")[:2]
    dominant = [int(k) for k in order if weight[k] > DOMINANT_SHARE]
    if not dominant or (totals is not None and totals.ndim == 2):
        return None
    expected = np.full(cells.value.size, np.nan)
    for place, row in enumerate(dominant):
        first = np.arange(cells.n_regions) == dominant[0]
        concerned = ~first if place == 0 else first
        block.largest[concerned] = row
        rest = np.maximum(base.sector - dense_row(cells, row, absent), 0.0)
        mine = concerned[cells.region]
        expected[mine] = _expected(cells, measures.margins(cells, rest, absent=absent))[mine]
    block.columns["rca_ex_largest"] = measures.balassa(cells.value, expected)
    return expected


def _doubt_of_counts(
    block: Block,
    base: Margins,
    share: Floats,
    decisive: Floats,
    without: Floats | None,
    phi: float,
    options: SpecialisationSection,
    material: float,
    absent: str,
) -> doubt.Prior:
    """Exact interval, posterior, class and band of counts; O and E are divided by phi alike."""
    cells, columns = block.cells, block.columns
    index, expected = columns["rca"], columns["expected"]
    usable = ~np.isnan(index)
    count = cells.value
    low, high = doubt.tabulated(lambda o: doubt.garwood(o / phi, options.level), count)
    columns["rca_low"] = measures.balassa(low * phi, expected)
    columns["rca_high"] = measures.balassa(high * phi, expected)
    prior = _prior(block, base, share, phi, absent)
    alpha = prior.alpha
    scaled, scaled_expected = count / phi, np.where(usable, expected, np.nan) / phi
    columns["rca_eb"] = doubt.posterior_mean(scaled, scaled_expected, alpha)
    columns["rca_eb_low"], columns["rca_eb_high"] = doubt.posterior_interval(
        count, np.where(usable, expected, np.nan), alpha, options.level, phi
    )
    columns["p_above_one"] = doubt.p_above(scaled, scaled_expected, alpha)
    columns["p_material"] = doubt.p_above(scaled, decisive / phi, alpha, material)
    columns["posterior_shape"] = scaled + alpha
    columns["posterior_rate"] = scaled_expected + alpha
    flags = block.flags
    floor = usable & (expected < options.min_expected)
    flags[floor] |= NOTE_BIT["below_floor"]
    if np.isinf(alpha):
        flags[usable] |= NOTE_BIT["no_variance_beyond_chance"]
        columns["posterior_shape"] = np.full(count.size, np.nan)
        columns["posterior_rate"] = np.full(count.size, np.nan)
    sole = ((flags & NOTE_BIT["sole_producer"]) > 0) & (decisive == 0)  # above 10 % of the world
    columns["p_material"][sole | ~usable] = np.nan
    exceeds = (
        columns["p_above_one"]
        if options.threshold == 1.0
        else doubt.p_above(scaled, scaled_expected, alpha, options.threshold)
    )
    columns["class"] = _class_of_counts(count, expected, exceeds, usable, options)
    if without is not None:
        p_without = doubt.p_above(scaled, without / phi, alpha, options.threshold)
        columns["class_ex_largest"] = _class_of_counts(count, without, p_without, ~np.isnan(without) & usable, options)
    shrunk = doubt.posterior_mean(scaled, decisive / phi, alpha)
    shrunk[sole] = np.nan
    columns["band"] = _bands(
        np.where(columns["class"] == CLASSES.index("established"), shrunk, np.nan), options, material
    )
    block.material = (columns["p_material"] >= 0.5) & (shrunk >= material)
    return prior


def _prior(block: Block, base: Margins, share: Floats, phi: float, absent: str) -> doubt.Prior:
    """Prior of the true index from every observed cell, listed or zero, of regions below a tenth of the world.

    A table whose regions are all larger than that uses them all.
    """
    cells, expected = block.cells, block.columns["expected"]
    eligible = (base.region > 0) & (share <= measures.LARGE_SHARE)
    if not eligible.any():
        eligible = base.region > 0
    usable = eligible[cells.region] & ~np.isnan(block.columns["rca"])
    count, expected = cells.value[usable] / phi, expected[usable] / phi
    if absent != "zero":
        return doubt.fit_prior(count, expected)
    unknown = eligible[cells.region] & np.isnan(cells.value)
    size = np.where(eligible, base.region / base.world, 0.0)
    sector = np.nan_to_num(base.sector) / phi
    if sector.ndim == 1:
        without = size[cells.region[unknown]] * sector[cells.sector[unknown]]
        return doubt.fit_prior(count, expected, doubt.Exposure.rectangle(size, sector, without[without > 0]))
    every = size[:, None] * sector
    every[cells.region[unknown], cells.sector[unknown]] = 0.0
    return doubt.fit_prior(count, expected, doubt.Exposure.listed(every[every > 0]))


def _class_of_counts(
    count: Floats, expected: Floats, exceeds: Floats, usable: Bools, options: SpecialisationSection
) -> NDArray[np.int8]:
    """Class of each cell as a position in CLASSES, -1 without an index."""
    kind = np.full(count.size, CLASSES.index("uncertain"), np.int8)
    with np.errstate(invalid="ignore"):
        judged = expected >= options.min_expected
        kind[judged & (exceeds >= options.p_established) & (count >= options.min_count)] = CLASSES.index("established")
        kind[judged & (exceeds <= 1.0 - options.p_established)] = CLASSES.index("below")
        kind[~np.isnan(exceeds) & (count == 0) & (expected >= options.min_count)] = CLASSES.index("none")
    kind[~usable] = -1
    return kind


def _bands(index: Floats, options: SpecialisationSection, material: float) -> NDArray[np.int8]:
    """Band of each index as a position in BANDS, -1 below the threshold or where the index is NaN."""
    band = np.digitize(index, (options.threshold, material, *BAND_EDGES)) - 1
    band[np.isnan(index)] = -1
    return band.astype(np.int8)


def _doubt_of_values(
    block: Block,
    whole: Panel,
    period: int,
    window: int,
    reference: Reference,
    decisive: Floats,
    without: Floats | None,
    options: SpecialisationSection,
    material: float,
) -> None:
    """Range of yearly indices over the window, class and band of values (money, jobs): no counting error."""
    cells, columns = block.cells, block.columns
    index = columns["rca"]
    usable = ~np.isnan(index)
    low, high = np.full(index.size, np.nan), np.full(index.size, np.nan)
    years = np.zeros(index.size, np.int64)
    for one in whole.periods_in(period, window):
        single, _ = whole.cells(one)
        base = measures.margins(single, reference.totals(one, 1, single), absent=whole.indicator.absent)
        yearly = measures.balassa(single.value, _expected(single, base))
        here, there = _matching(block.key, _keys(single))
        here, there = here[~np.isnan(yearly[there])], there[~np.isnan(yearly[there])]
        low[here], high[here] = np.fmin(low[here], yearly[there]), np.fmax(high[here], yearly[there])
        years[here] += 1
    several = usable & (years >= 2)
    columns["rca_low"], columns["rca_high"] = np.where(several, low, np.nan), np.where(several, high, np.nan)
    for name in ("rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one", "p_material"):
        columns[name] = np.full(index.size, np.nan)
    for name in ("posterior_shape", "posterior_rate"):
        columns[name] = np.full(index.size, np.nan)
    kind = np.full(index.size, CLASSES.index("uncertain"), np.int8)
    bar = options.threshold * (1 - measures.PRESENCE_TOLERANCE)
    with np.errstate(invalid="ignore"):
        kind[several & (low >= bar)] = CLASSES.index("established")
        kind[several & (high < bar)] = CLASSES.index("below")
        kind[~several & (index >= bar)] = CLASSES.index("indicated")
        kind[~several & (index < bar)] = CLASSES.index("below")
    kind[~usable] = -1
    block.flags[usable & ~several] |= NOTE_BIT["one_period"]
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
    columns["band"] = _bands(np.where(shown, judged, np.nan), options, material)
    with np.errstate(invalid="ignore"):
        block.material = shown & (judged >= material)


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
        sector, total = totals, float(world)
    else:
        both = ~np.isnan(population)[cells.region] & ~np.isnan(cells.value)
        sector = np.bincount(cells.sector[both], cells.value[both], cells.n_sectors)
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


def _persistence(measured: dict[int, Block], period: int) -> None:
    """Periods in which a cell was material, out of the latest three; suspended where a break lies between them."""
    block = measured[period]
    span = [p for p in range(period - PERSISTENCE_PERIODS + 1, period + 1) if p >= 0]
    held = np.zeros(block.cells.value.size, np.int32)
    for p in span:
        here, there = _matching(block.key, measured[p].key)
        held[here] += measured[p].material[there]
    broken = np.zeros(held.size, bool)
    for p in span[1:]:
        broken |= np.isin(block.key, measured[p].interrupted)
    trajectory = np.full(held.size, TRAJECTORIES.index("never"), np.int8)
    trajectory[held > 0] = TRAJECTORIES.index("lost")
    trajectory[block.material] = TRAJECTORIES.index("recent")
    trajectory[block.material & (held == PERSISTENCE_PERIODS)] = TRAJECTORIES.index("lasting")
    unknown = np.isnan(block.columns["rca"])
    block.flags[broken & ~unknown] |= NOTE_BIT["break"]
    held[broken | unknown] = -1
    trajectory[broken | unknown] = -1
    block.columns["persistence"] = held
    block.columns["trajectory"] = trajectory
    block.columns["periods"] = np.full(held.size, len(span), np.int32)


def rca_history(
    project: Project, whole: Panel, code: str, options: SpecialisationSection, *, upto: int
) -> pl.DataFrame:
    """Index and value of one region in every period up to one: `indicator, year, region, sector, value, rca`."""
    window = options.window or (1 if whole.indicator.kind == "count" else 3)
    reference = resolve_reference(project, whole, options.reference)
    row = whole.regions.index(code)
    parts = []
    for period in range(upto + 1):
        cells, status = whole.cells(period, window)
        base = measures.margins(cells, reference.totals(period, window, cells), absent=whole.indicator.absent)
        mine = np.flatnonzero(cells.region == row)
        index = measures.balassa(cells.value[mine], _expected(cells, base)[mine])
        letters = [whole.status_labels[s] if s >= 0 else None for s in status[mine].tolist()]
        parts.append(
            pl.DataFrame(
                {
                    "indicator": whole.indicator.id,
                    "year": pl.Series([whole.years[period]] * mine.size, dtype=pl.Int32),
                    "region": code,
                    "sector": [whole.sectors[k] for k in cells.sector[mine].tolist()],
                    "value": pl.Series(cells.value[mine], nan_to_null=True),
                    "rca": pl.Series(index, nan_to_null=True),
                    "status": pl.Series(letters, dtype=pl.String),
                }
            )
        )
    return pl.concat(parts)
