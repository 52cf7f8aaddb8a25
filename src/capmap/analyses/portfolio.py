"""More about the portfolio of each region and sector: what `complexity --with` appends to its tables.

What is read from presence (reflections, projected ECI, GENEPY, coherence) is stated for the regions and sectors that
take part. What is read from values (variety, EXPY, concentration) is stated for all that have any, with every sector.
Dynamics compare the cells of those that take part in both periods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.presence import Conventions, Table, by_region, presence
from capmap.analyses.reference import resolve_reference
from capmap.data.beside import OUTSIDE_PCI, PLANT_SIZES, fitted
from capmap.data.panel import Panel
from capmap.errors import RefusedError, UsageError
from capmap.methods import complexity as methods
from capmap.methods import concentration, dynamics, relatedness, similarity, variety
from capmap.methods.specialisation import symmetric
from capmap.model import Project

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

#: Columns of the regions by the word that asks for them, in the order in which they are appended.
REGION_EXTRAS: dict[str, tuple[str, ...]] = {
    "reflections": ("reflection",),
    "projected": ("eci_projected",),
    "genepy": ("genepy",),
    "coherence": ("coherence",),
    "variety": ("unrelated_variety", "related_variety"),
    "expy": ("expy",),
    "concentration": (
        "hhi", "hhi_normalised", "effective_number", "entropy", "entropy_normalised", "gini", "specialisation_gini",
        "hoover_gini", "hoover", "krugman", "finger_kreinin", "hachman", "theil", "theil_between", "theil_within",
    ),
    "dynamics": ("entries", "exits", "persistence_rate", "beta", "beta_over_r", "rank_turnover"),
}  # fmt: skip
#: Columns of the sectors, likewise.
SECTOR_EXTRAS: dict[str, tuple[str, ...]] = {
    "reflections": ("reflection",),
    "genepy": ("genepy",),
    "concentration": ("hhi", "effective_number", "locational_gini", "hoover_gini", "hoover", "ellison_glaeser"),
}
EXTRAS = {"regions": REGION_EXTRAS, "sectors": SECTOR_EXTRAS}
#: Columns that count something.
COUNTS = ("entries", "exits")
#: Reflections made where nobody says how many: an even number, so that a region's is a diversity.
STEPS = 18
#: Classes of the transition matrix: quintiles.
CLASSES = 5


@dataclass(frozen=True)
class Request:
    """What was asked for: words, reflections to make, an outside PCI, an indicator of income, sizes of plants."""

    names: tuple[str, ...] = ()
    steps: int = STEPS
    outside: pl.DataFrame | None = None
    income: str | None = None
    plants: pl.DataFrame | None = None

    def columns(self, table: str) -> tuple[str, ...]:
        """Columns to append to a table of `complexity`, in the order of the words above, whatever was typed first."""
        return tuple(c for name, own in EXTRAS.get(table, {}).items() if name in self.names for c in own)

    def told(self) -> dict[str, Any]:
        """The parameters that matter for what was asked."""
        return {"with": list(self.names), "steps": self.steps} if self.names else {}


@dataclass(frozen=True)
class Extras:
    """Columns of the regions, (n_regions,) each, and of the sectors, (n_sectors,); NaN where nothing can be said.

    `told` holds for each word what a reader must know: parameters, parity, mobility, or the `reason` of no answer.
    """

    regions: dict[str, Floats]
    sectors: dict[str, Floats]
    told: dict[str, dict[str, Any]]


Found = tuple[dict[str, Floats], dict[str, Floats], dict[str, Any]]


@dataclass(frozen=True)
class _Case:
    """All that the words are measured of."""

    project: Project
    whole: Panel
    table: Table
    chosen: Conventions
    asked: Request
    previous: Table | None
    proximity: Callable[[], Floats]

    @cached_property
    def value(self) -> Floats:
        """Values of every region in every sector, NaN where unknown."""
        if (self.table.value < 0).any():
            raise RefusedError(
                f"{self.table.indicator.id} has values below zero, of which no shares can be taken",
                fix="`capmap check` names the rows",
            )
        return self.table.value

    @cached_property
    def world(self) -> Floats:
        """Totals of the reference in every sector, (n_sectors,) or (n_regions, n_sectors); NaN where unknown."""
        reference = resolve_reference(self.project, self.whole, self.chosen.specialisation.reference)
        window = int(self.table.meta["window"])
        cells, _ = self.whole.cells(self.table.period, window)
        totals = reference.totals(self.table.period, window, cells)
        return _totals(self.value, 0) if totals is None else totals

    @cached_property
    def parents(self) -> Ints | None:
        """Code of the parent of every sector; one without a parent is its own. None where no sector has any."""
        codes = self.project.codes.classifications.get(self.table.indicator.classification)
        parent = {} if codes is None else dict(codes.select("code", "parent").iter_rows())
        if not any(parent.get(sector) for sector in self.table.sectors):
            return None
        _, code = np.unique([parent.get(sector) or sector for sector in self.table.sectors], return_inverse=True)
        return code


def request(
    names: Sequence[str] = (),
    *,
    steps: int = STEPS,
    outside: pl.DataFrame | None = None,
    income: str | None = None,
    plants: pl.DataFrame | None = None,
) -> Request:
    """What was asked for, checked.

    Raises
    ------
    UsageError : an unknown word, one that lacks what it needs, or tables that do not have their columns.
    """
    wanted = [name.strip() for name in names]
    unknown = [name for name in wanted if name not in REGION_EXTRAS]
    if unknown:
        raise UsageError(f"unknown --with {', '.join(unknown)}", fix=f"choose from {', '.join(REGION_EXTRAS)}")
    if steps < 0:
        raise UsageError(f"--steps {steps} is negative", fix="give 0 or more; an even number for a diversity")
    for word, given, option in (("projected", outside, "--outside-pci FILE"), ("concentration", plants, "--plants")):
        if given is not None and word not in wanted:
            raise UsageError(f"{option.split()[0]} is for --with {word}", fix=f"add --with {word}")
    if "projected" in wanted and outside is None:
        raise UsageError("--with projected needs the complexity of sectors from elsewhere",
                         fix=f"--outside-pci FILE; {OUTSIDE_PCI.fix}")  # fmt: skip
    if "expy" in wanted and income is None:
        raise UsageError("--with expy needs the income of regions", fix="--income INDICATOR")
    return Request(
        tuple(name for name in REGION_EXTRAS if name in wanted),
        steps,
        None if outside is None else fitted(outside, OUTSIDE_PCI),
        income,
        None if plants is None else _plants(fitted(plants, PLANT_SIZES)),
    )


def columns(
    project: Project,
    whole: Panel,
    table: Table,
    chosen: Conventions,
    asked: Request,
    *,
    proximity: Callable[[], Floats],
    previous: Table | None = None,
) -> Extras:
    """The columns asked for, of the regions and sectors of a table.

    Parameters
    ----------
    project, whole, table, chosen : where the table comes from and by which conventions.
    asked : of `request`.
    proximity : gives the proximity of the sectors, (n_sectors, n_sectors); called where coherence is asked for.
    previous : the table of the period before, as `before` gives it.

    Raises
    ------
    UsageError : an outside PCI that names a sector more than once for this indicator and year; unknown income.
    RefusedError : shares are asked of values below zero.
    """
    case = _Case(project, whole, table, chosen, asked, previous, proximity)
    regions: dict[str, Floats] = {}
    sectors: dict[str, Floats] = {}
    told: dict[str, dict[str, Any]] = {}
    for name in asked.names:
        of_region, of_sector, told[name] = MEASURES[name](case)
        regions |= of_region
        sectors |= of_sector
    return Extras(regions, sectors, told)


def before(project: Project, whole: Panel, table: Table, chosen: Conventions, asked: Request) -> Table | None:
    """The table of the period before in the panel, where dynamics are asked for and there is one."""
    if "dynamics" not in asked.names or table.period == 0:
        return None
    (earlier,) = presence(project, whole, [table.period - 1], chosen)
    return earlier


# --- read from presence ---------------------------------------------------------------------------------------


def _reflections(case: _Case) -> Found:
    found = methods.reflections(case.table.presence, case.asked.steps)
    told = {"steps": found.steps, "regions": found.region_parity, "sectors": found.sector_parity}
    return {"reflection": found.region}, {"reflection": found.sector}, told


def _projected(case: _Case) -> Found:
    pci, told = _outside(case)
    return {"eci_projected": methods.projected_eci(case.table.presence, pci)}, {}, told


def _outside(case: _Case) -> tuple[Floats, dict[str, Any]]:
    """PCI of every sector of the table from the outside one, NaN where it has none, and where it comes from.

    Of several indicators that of the table is taken, of several years that of the table.
    """
    frame, told = case.asked.outside, {}
    assert frame is not None
    for column, own in (("indicator", case.table.indicator.id), ("year", case.table.year)):
        if column not in frame.columns:
            continue
        held = frame[column].unique().to_list()
        if len(held) > 1:
            frame = frame.filter(pl.col(column).eq_missing(pl.lit(own)))
        told[column] = own if len(held) > 1 else held[0] if held else None
    twice = frame.filter(pl.col("sector").is_duplicated())["sector"].to_list()
    if twice:
        raise UsageError(f"the outside PCI has sector {twice[0]} more than once", fix=OUTSIDE_PCI.fix)
    known = dict(frame.select("sector", "pci").iter_rows())
    pci = np.array([np.nan if known.get(code) is None else known[code] for code in case.table.sectors], float)
    told |= {"known": int((~np.isnan(pci)).sum()), "of": len(pci)}
    return pci, told | {"reason": None if told["known"] else "no_common_sector"}


def _genepy(case: _Case) -> Found:
    try:
        found = methods.genepy(case.table.presence, component=case.chosen.complexity.component)
    except methods.ComplexityError as error:
        return (
            {"genepy": np.full(len(case.table.regions), np.nan)},
            {"genepy": np.full(len(case.table.sectors), np.nan)},
            {"reason": error.reason, "message": str(error)},
        )
    told = {
        "reason": None,
        "flags": list(found.flags),
        "region_eigenvalues": found.region_eigenvalues.tolist(),
        "sector_eigenvalues": found.sector_eigenvalues.tolist(),
    }
    return {"genepy": found.regions}, {"genepy": found.sectors}, told


def _coherence(case: _Case) -> Found:
    found = relatedness.coherence(case.table.presence, case.proximity())
    return {"coherence": found}, {}, {"proximity": case.chosen.complexity.proximity}


# --- read from values -----------------------------------------------------------------------------------------


def _variety(case: _Case) -> Found:
    nothing = np.full(len(case.table.regions), np.nan)
    if case.parents is None:
        return {"unrelated_variety": nothing, "related_variety": nothing}, {}, _grouped(case)
    return {
        "unrelated_variety": variety.unrelated_variety(case.value, case.parents),
        "related_variety": variety.related_variety(case.value, case.parents),
    }, {}, _grouped(case)  # fmt: skip


def _grouped(case: _Case) -> dict[str, Any]:
    """Classification, number of parents, and why there are none."""
    n = None if case.parents is None else int(case.parents.max()) + 1
    reason = "no_parents" if n is None else None
    return {"classification": case.table.indicator.classification, "parents": n, "reason": reason}


def _expy(case: _Case) -> Found:
    (meta,) = selection.indicators(case.project, [str(case.asked.income)])
    income = by_region(case.project, meta.id, case.table.regions, case.table.year)
    found = methods.expy(case.value, methods.prody(case.value, income))
    return {"expy": found}, {}, {"income": meta.id, "known": int((~np.isnan(income)).sum()), "of": len(income)}


def _concentration(case: _Case) -> Found:
    told = {"reference": case.table.meta["reference"]["label"], **_grouped(case)}
    plants = case.asked.plants
    if plants is not None:
        known = plants.filter(pl.col("sector").is_in(case.table.sectors))
        told |= {"plants": known.height, "sectors_with_plants": known["sector"].n_unique()}
    return _of_regions(case), _of_sectors(case), told


def _of_regions(case: _Case) -> dict[str, Floats]:
    """How few sectors hold most of a region, and how unlike the reference it is."""
    x, world = case.value, case.world
    pairs = list(zip(x, np.broadcast_to(world, x.shape), strict=True))
    parts = concentration.theil(x, case.parents)
    between, within = (
        part if case.parents is not None else np.full(len(x), np.nan) for part in (parts.between, parts.within)
    )
    return {
        "hhi": concentration.herfindahl(x),
        "hhi_normalised": concentration.herfindahl_normalised(x),
        "effective_number": concentration.effective_number(x),
        "entropy": concentration.entropy(x),
        "entropy_normalised": concentration.entropy_normalised(x),
        "gini": concentration.gini(x),
        "specialisation_gini": concentration.specialisation_gini(x, world),
        "hoover_gini": concentration.hoover_gini(x, world),
        "hoover": concentration.hoover(x, world),
        "krugman": np.array([similarity.krugman(*pair) for pair in pairs]),
        "finger_kreinin": np.array([similarity.finger_kreinin(*pair) for pair in pairs]),
        "hachman": concentration.hachman(x, world),
        "theil": parts.total,
        "theil_between": between,
        "theil_within": within,
    }


def _of_sectors(case: _Case) -> dict[str, Floats]:
    """How few regions of the table hold most of a sector, and how unlike everything it is spread over them."""
    x, everything = case.value, _totals(case.value, 1)
    return {
        "hhi": concentration.herfindahl(x, axis=0),
        "effective_number": concentration.effective_number(x, axis=0),
        "locational_gini": concentration.locational_gini(x, everything, axis=0),
        "hoover_gini": concentration.hoover_gini(x, everything, axis=0),
        "hoover": concentration.hoover(x, everything, axis=0),
        "ellison_glaeser": _agglomeration(case, everything),
    }


def _agglomeration(case: _Case, everything: Floats) -> Floats:
    found = np.full(len(case.table.sectors), np.nan)
    if case.asked.plants is None:
        return found
    place = {code: j for j, code in enumerate(case.table.sectors)}
    for (code,), sizes in case.asked.plants.group_by("sector"):
        if code in place:
            j = place[str(code)]
            plants = sizes["size"].fill_null(np.nan).to_numpy()
            found[j] = concentration.ellison_glaeser(case.value[:, j], everything, plants)
    return found


def _plants(frame: pl.DataFrame) -> pl.DataFrame:
    below = frame.filter(pl.col("size") < 0)
    if below.height:
        raise UsageError(f"a plant of sector {below['sector'][0]} has a size below zero", fix=PLANT_SIZES.fix)
    return frame


def _totals(value: Floats, axis: int) -> Floats:
    """Sums of what is known along an axis, NaN where nothing is."""
    known = ~np.isnan(value)
    return np.where(known.any(axis=axis), value.sum(axis=axis, where=known), np.nan)


# --- between two periods --------------------------------------------------------------------------------------


def _dynamics(case: _Case) -> Found:
    names = REGION_EXTRAS["dynamics"]
    found = {name: np.full(len(case.table.regions), np.nan) for name in names}
    if case.previous is None:
        return found, {}, {"previous": None, "reason": "first_period"}
    now, then = case.table, case.previous
    window = int(now.meta["window"])
    broken = interrupted(case.whole, now.period, window)
    rows, both = now.who.regions & then.who.regions & ~broken, now.who.sectors & then.who.sectors
    told = {
        "previous": then.year,
        "reason": None if rows.any() and both.any() else "nobody_in_both",
        "broken": [code for code, off in zip(now.regions, broken, strict=True) if off],
        "shared_periods": len(set(now.meta["periods"]) & set(then.meta["periods"])),
    }
    if told["reason"]:
        return found, {}, told
    part = np.ix_(rows, both)
    known = ~(np.isnan(then.rca[part]) | np.isnan(now.rca[part]))
    held_0, held_1 = then.presence[part] & known, now.presence[part] & known
    rsca_0, rsca_1 = (np.where(known, symmetric(one.rca[part]), np.nan) for one in (then, now))
    measured = (
        dynamics.entries(held_0, held_1).sum(axis=1), dynamics.exits(held_0, held_1).sum(axis=1),
        dynamics.persistence_rate(held_0, held_1), dynamics.beta(rsca_0, rsca_1), dynamics.beta_over_r(rsca_0, rsca_1),
        dynamics.rank_turnover(rsca_0, rsca_1),
    )  # fmt: skip
    for name, values in zip(names, measured, strict=True):
        found[name][rows] = values
    return found, {}, told | _mobility(rsca_0, rsca_1)


def _mobility(rsca_0: Floats, rsca_1: Floats) -> dict[str, Any]:
    """How RSCA moved between the quintiles of two periods, over all cells."""
    counts = dynamics.transition_counts(rsca_0, rsca_1, CLASSES)
    moved = dynamics.transition_matrix(rsca_0, rsca_1, CLASSES)
    return {
        "transition_counts": counts.tolist(),
        "transitions": [[_stated(p) for p in row] for row in moved],
        "shorrocks": _stated(dynamics.shorrocks_index(moved)),
        "bartholomew": _stated(dynamics.bartholomew_index(moved, counts.sum(axis=1).astype(np.float64))),
    }


def interrupted(whole: Panel, period: int, window: int) -> Bools:
    """Regions whose series breaks (status B in any cell) between a period and the one before, (n_regions,).

    Over windows of several years, a break in any of them but the first parts the two sums.
    """
    code = whole.status_labels.index("B") if "B" in whole.status_labels else -2
    first = whole.periods_in(period - 1, window)[0]
    rows = slice(whole.rows(first + 1).start, whole.rows(period).stop)
    broken = whole.region[rows][whole.status[rows] == code]
    return np.bincount(broken, minlength=len(whole.regions)) > 0


def _stated(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


#: Word -> what measures its columns.
MEASURES: dict[str, Callable[[_Case], Found]] = {
    "reflections": _reflections,
    "projected": _projected,
    "genepy": _genepy,
    "coherence": _coherence,
    "variety": _variety,
    "expy": _expy,
    "concentration": _concentration,
    "dynamics": _dynamics,
}
