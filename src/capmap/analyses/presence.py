"""Which region holds which sector, and who takes part: what relatedness, complexity and opportunities start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection, specialisation
from capmap.analyses.blocks import CLASSES, measure
from capmap.analyses.reference import Reference, dense, resolve_reference
from capmap.data.panel import Panel, panel, rows_of
from capmap.errors import RefusedError, UsageError
from capmap.methods import specialisation as measures
from capmap.methods.complexity import Eligibility, eligible
from capmap.methods.specialisation import Cells
from capmap.model import TOTAL, ComplexitySection, Indicator, Project, SpecialisationSection

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Indicator that holds the inhabitants of regions.
POPULATION = "population"
#: Relative distance from the threshold within which an index of per-capita advantage has reached it.
TOLERANCE = 1e-12

#: What three programs on PyPI have in common: the world is the sum of the table, one period, and everybody takes part.
_PLAIN: dict[str, Any] = {
    "reference": "sum", "window": 1, "presence": "rca", "threshold": 1.0, "comparison": ">=", "min_share": 0.0,
    "min_population": 0.0, "min_regions": 0, "proximity": "minimum_conditional", "sign": "diversity", "force": True, "draws": 0,
}  # fmt: skip
#: Conventions of other programs, as far as they are sound: what `--as` sets. Flags beside it win.
#: ecomplexity 0.5.3; economic-complexity 0.3.0 (its ECI and PCI are reflections, which these indices are the limit of);
#: econcomplex 1.0.1 (whose PCI has a sign of its own).
PRESETS: dict[str, dict[str, Any]] = {
    "ecomplexity": _PLAIN | {"diagonal": 1.0, "ddof": 0, "pci_scale": "region", "cog": "destination"},
    "economiccomplexity": _PLAIN | {"diagonal": 0.0, "ddof": 1, "pci_scale": "sector", "cog": "origin"},
    "econcomplex": _PLAIN | {"diagonal": 0.0, "ddof": 0, "pci_scale": "sector", "cog": "origin"},
}


@dataclass(frozen=True)
class Conventions:
    """Every choice behind a number: the sections `[complexity]` and `[specialisation]`, and the preset that set them."""

    complexity: ComplexitySection
    specialisation: SpecialisationSection
    preset: str | None = None

    def told(self) -> dict[str, Any]:
        """All of them as parameters of a result."""
        shared = self.specialisation.model_dump(include={"reference", "exclude", "window"})
        return self.complexity.model_dump() | shared | {"as": self.preset}


@dataclass(frozen=True)
class Table:
    """Presence of one indicator in one period; arrays are (n_regions, n_sectors), labelled by the two tuples.

    `value` and `rca` are NaN where nothing is known. `held` is presence in the full table; `presence` keeps what
    eligible regions hold of eligible sectors, so that rows and columns without any are nobody's and say nothing.
    """

    indicator: Indicator
    period: int
    year: int | None
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    value: Floats
    rca: Floats
    held: Bools
    presence: Bools
    who: Eligibility
    meta: Mapping[str, Any]


def conventions(project: Project, preset: str | None = None, **changes: object) -> Conventions:
    """The conventions that hold: those given, else of the preset, else of the run file, else the defaults.

    Raises
    ------
    UsageError : unknown preset or key, or a value that is not allowed.
    """
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"unknown preset {preset!r}", fix=f"choose from {', '.join(PRESETS)}")
    given = {key: value for key, value in changes.items() if value is not None and value != ()}
    chosen: dict[str, object] = {**(PRESETS[preset] if preset else {}), **given}
    own = {key: value for key, value in chosen.items() if key in ComplexitySection.model_fields}
    rest = {key: value for key, value in chosen.items() if key not in own}
    unknown = sorted(set(rest) - {"reference", "exclude", "window"})
    if unknown:
        raise UsageError(f"unknown option {', '.join(unknown)}", fix="see the keys of [complexity]: `capmap config`")
    section = selection.changed(project.run.complexity, own)
    return Conventions(section, specialisation.settings(project, **rest), preset)


def tables(project: Project, meta: Indicator, year: selection.Year, chosen: Conventions) -> tuple[list[Table], Panel]:
    """Presence in every period asked for, and the panel; none where the indicator has no such year.

    Raises
    ------
    RefusedError : fewer than two regions or two sectors.
    """
    whole = panel(project, meta.id, exclude=chosen.specialisation.exclude)
    if len(whole.regions) < 2 or len(whole.sectors) < 2:
        raise RefusedError(
            f"{meta.id} has {len(whole.regions)} region(s) and {len(whole.sectors)} sector(s)",
            fix="presence compares at least two regions in two sectors",
        )
    wanted = selection.periods(whole.years, year)
    return presence(project, whole, wanted, chosen), whole


def presence(project: Project, whole: Panel, wanted: Sequence[int], chosen: Conventions) -> list[Table]:
    """Presence tables of these periods of a panel, each for itself: a later period never changes an earlier one."""
    reference = resolve_reference(project, whole, chosen.specialisation.reference)
    window = chosen.specialisation.window or (1 if whole.indicator.kind == "count" else 3)
    return [_table(project, whole, period, window, reference, chosen) for period in wanted]


def by_region(project: Project, indicator: str, regions: Sequence[str], year: int | None) -> Floats:
    """A region-level indicator in the latest year up to `year` that has any, else in the earliest; NaN = unknown."""
    rows = rows_of(project.observations, indicator).filter(pl.col("sector") == TOTAL)
    if rows.is_empty():
        return np.full(len(regions), np.nan)
    if year is not None and rows["year"].null_count() == 0:
        known = rows["year"].unique().sort()
        before = known.filter(known <= year)
        rows = rows.filter(pl.col("year") == (before[-1] if len(before) else known[0]))
    value = dict(zip(rows["region"].cast(pl.String).to_list(), rows["value"].to_list(), strict=True))
    return np.array([np.nan if value.get(code) is None else value[code] for code in regions], float)


def world_growth(whole: Panel, period: int, years: int) -> Floats:
    """Growth a year of the world's total of each sector since the period nearest to `years` before, (n_sectors,).

    Ties go to the later period. The world is the published total, else the sum over the regions that have rows in both
    periods. NaN without an earlier period or where either total is not positive.
    """
    last = whole.years[period]
    dated = [(k, y) for k, y in enumerate(whole.years[:period]) if y is not None]
    if last is None or not dated:
        return np.full(len(whole.sectors), np.nan)
    before, first = min(dated, key=lambda pair: (abs(last - years - pair[1]), -pair[1]))
    totals = [whole.reference_in(k) for k in (before, period)]
    if totals[0] is None or totals[1] is None:
        then, now = (np.nan_to_num(dense(whole.cells(k)[0], "zero")) for k in (before, period))
        both = then.any(axis=1) & now.any(axis=1)
        totals = [then[both].sum(axis=0), now[both].sum(axis=0)]
    start, end = (np.nan_to_num(np.asarray(total)) for total in totals)
    positive = (start > 0) & (end > 0)
    ratio = np.divide(end, start, out=np.full(start.shape, np.nan), where=positive)
    return np.asarray(ratio ** (1.0 / (last - first)) - 1.0)


def _table(
    project: Project, whole: Panel, period: int, window: int, reference: Reference, chosen: Conventions
) -> Table:
    options, absent = chosen.complexity, whole.indicator.absent
    cells, _ = whole.cells(period, window)
    totals = reference.totals(period, window, cells)
    base = measures.margins(cells, totals, absent=absent)
    x_i, x_j, x = base.region.take(cells.region), base.sector_at(cells), base.world.take(cells.region)
    index = measures.balassa(cells.value, measures.expected_value(x_i, x_j, x))
    if absent == "zero":
        rca = np.where(np.isnan(base.region)[:, np.newaxis] | np.isnan(base.sector), np.nan, 0.0)
    else:
        rca = np.full((cells.n_regions, cells.n_sectors), np.nan)
    rca[cells.region, cells.sector] = index
    held = np.zeros(rca.shape, bool)
    held[cells.region, cells.sector] = _holds(project, whole, period, cells, (x_i, x_j, x), chosen)
    people = by_region(project, POPULATION, whole.regions, whole.years[period])
    who = eligible(
        held, _share_of_world(project, whole, reference, base, cells, (period, window)), world=1.0, population=people,
        min_share=options.min_share, min_population=options.min_population, min_regions=options.min_regions,
    )  # fmt: skip
    lacking = {"no_reference": np.isnan(base.world)}
    if options.presence in ("per_capita", "both"):
        lacking["no_population"] = np.isnan(people)
    who = _with_causes(who, lacking)
    told = {
        "indicator": whole.indicator.id,
        "kind": whole.indicator.kind,
        "year": whole.years[period],
        "periods": [whole.years[p] for p in whole.periods_in(period, window)],
        "window": window,
        "reference": {"kind": reference.kind, "label": reference.label},
        "eligible": {"regions": int(who.regions.sum()), "sectors": int(who.sectors.sum())},
        "excluded": {
            "regions": {c: str(r) for c, r in zip(whole.regions, who.region_reasons, strict=True) if r},
            "sectors": {c: str(r) for c, r in zip(whole.sectors, who.sector_reasons, strict=True) if r},
        },
    }
    kept = held & who.regions[:, np.newaxis] & who.sectors
    return Table(
        whole.indicator, period, whole.years[period], whole.regions, whole.sectors, dense(cells, absent), rca, held,
        kept, who, told,
    )  # fmt: skip


def _share_of_world(
    project: Project, whole: Panel, reference: Reference, base: measures.Margins, cells: Cells, place: tuple[int, int]
) -> Floats:
    """Share of each region in the world's total, whatever it is compared with, (n_regions,); NaN without a total.

    `place` is the period and the window; `base` are the margins by `reference`, which may be of the world already.
    """
    own = reference.kind == "published" or (reference.kind == "sum" and whole.reference is None)
    if own:
        world = base
    else:
        totals = resolve_reference(project, whole, "world").totals(*place, cells)
        world = measures.margins(cells, totals, absent=whole.indicator.absent)
    empty = np.full(len(whole.regions), np.nan)
    return np.asarray(np.divide(world.region, world.world, out=empty, where=world.world > 0))


def _with_causes(who: Eligibility, lacking: Mapping[str, Bools]) -> Eligibility:
    """What keeps a region from holding anything, named in place of that it holds nothing."""
    reasons = who.region_reasons.astype(object)
    for name, rows in lacking.items():
        reasons[rows & (reasons == "no_presence")] = name
    return replace(who, region_reasons=reasons.astype(np.str_))


def _holds(
    project: Project,
    whole: Panel,
    period: int,
    cells: Cells,
    bases: tuple[Floats, Floats, Floats],
    chosen: Conventions,
) -> Bools:
    """Presence of the observed cells, (n,)."""
    options = chosen.complexity
    strict = options.comparison == ">"
    if options.presence == "given":
        known = cells.value[~np.isnan(cells.value)]
        if not np.isin(known, (0.0, 1.0)).all():
            wrong = known[~np.isin(known, (0.0, 1.0))][0]
            raise RefusedError(
                f"presence is said to be given, but {whole.indicator.id} has the value {wrong:g}",
                fix="give 0 or 1 in every row, or use --presence rca",
            )
        return np.asarray(cells.value == 1.0)
    held = measures.is_present(cells.value, *bases, options.threshold, strict=strict)
    if options.presence == "rca":
        return held
    (block,) = measure(project, whole, [period], chosen.specialisation, extras=("per_capita",)
                       if options.presence != "established" else ())  # fmt: skip
    if options.presence == "established":
        certain = [CLASSES.index("established"), CLASSES.index("indicated")]
        return np.isin(block.columns["class"], certain)
    ahead = block.columns["rca_per_capita"]
    bar = options.threshold * (1 + TOLERANCE if strict else 1 - TOLERANCE)
    absolute = (ahead > bar if strict else ahead >= bar) & (cells.value > 0)
    return np.asarray(absolute & held if options.presence == "both" else absolute)
