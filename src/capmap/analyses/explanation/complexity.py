"""How a measure of complexity, relatedness or outlook came about: from presence, proximities and the indices of others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import presence, selection
from capmap.analyses.complexity import History, Indices, Outlook, complexity, outlook, sector_proximity
from capmap.analyses.explanation import formulas as explain_formulas
from capmap.analyses.explanation.parts import Sources, Story, changed, cited, derived, read_as, setting
from capmap.analyses.explanation.sensitivity import turning_points
from capmap.analyses.presence import Conventions, Table, conventions, tables
from capmap.data.panel import Panel, panel
from capmap.errors import RefusedError, UsageError
from capmap.methods import complexity as methods
from capmap.methods.ranking import ranked
from capmap.model import Indicator, Project, Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

OF_REGION = ("diversity", "mean_ubiquity", "eci", "eci_rank", "fitness", "coi")
OF_SECTOR = ("ubiquity", "pci", "pci_rank", "q")
OF_CELL = ("presence", "density", "relative_density", "distance", "cog")
OF_PAIR = ("proximity",)
MEASURES = (*OF_REGION, *OF_SECTOR, *OF_CELL)
#: Conventions that matter to presence, and to all that rests on it.
SETTINGS = (
    "presence", "threshold", "comparison", "min_share", "min_population", "min_regions", "proximity", "diagonal",
    "neighbours", "sign", "ddof", "pci_scale", "cog", "component",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A region, a sector or a cell in a table of presence."""

    project: Project
    whole: Panel
    table: Table
    chosen: Conventions
    region: str | None
    sector: str | None
    other: str | None = None

    @property
    def row(self) -> int:
        """Position of the region."""
        assert self.region is not None
        return self.table.regions.index(self.region)

    @property
    def column(self) -> int:
        """Position of the sector."""
        assert self.sector is not None
        return self.table.sectors.index(self.sector)

    @cached_property
    def point(self) -> Indices:
        """ECI and PCI."""
        return History(self.project, self.whole, self.chosen, [self.table]).of(self.table)

    @cached_property
    def proximity(self) -> Floats:
        """Proximity of the sectors."""
        return sector_proximity(self.table, self.chosen.complexity)

    @cached_property
    def outlook(self) -> Outlook:
        """What lies near the regions."""
        return outlook(self.table, self.proximity, self.point.pci, self.chosen.complexity)

    @cached_property
    def links(self) -> Floats:
        """Proximities that count in the density of the sector, (n_sectors,): all, or those of the nearest."""
        phi = np.nan_to_num(self.proximity[:, self.column])
        k = self.chosen.complexity.neighbours
        if k is None or k >= phi.size:
            return phi
        kth = np.partition(phi, phi.size - k)[phi.size - k]
        return np.where(phi >= kth, phi, 0.0)

    def of_sectors(self, symbol: str, values: Any, which: Any, factor: Any = None) -> pl.DataFrame:
        """A derived figure of each of some sectors."""
        at = np.flatnonzero(which)
        codes = [self.table.sectors[k] for k in at]
        more = {} if factor is None else {"factor": np.asarray(factor, float)[at]}
        return derived(symbol, self.table.indicator.id, self.table.year, value=np.asarray(values, float)[at],
                       sector=codes, region=[self.region] * len(codes), **more)  # fmt: skip

    def of_regions(self, symbol: str, values: Any, which: Any, factor: Any = None) -> pl.DataFrame:
        """A derived figure of each of some regions."""
        at = np.flatnonzero(which)
        codes = [self.table.regions[k] for k in at]
        more = {} if factor is None else {"factor": np.asarray(factor, float)[at]}
        return derived(symbol, self.table.indicator.id, self.table.year, value=np.asarray(values, float)[at],
                       region=codes, **more)  # fmt: skip


def explain_complexity(
    project: Project,
    measured: Project,
    meta: Indicator,
    region: str | None,
    sector: str | None,
    name: str,
    year: selection.Year,
    level: str | None,
    other: str | None = None,
    **changes: Any,
) -> Result:
    """The explanation of a measure of `capmap complexity` or a proximity, in the conventions of the run file.

    `other` is the other sector of a proximity.
    """
    selection.one_year(year)
    chosen = conventions(measured, None, **changes)
    found, whole = tables(measured, meta, year, chosen)
    if not found:
        has = ", ".join(str(one) for one in whole.years if one is not None)
        raise RefusedError(f"{meta.id}: no data in {year} (has {has})", fix="name one of these years, or latest")
    if name in OF_PAIR:
        region = None
    place = Place(measured, whole, found[0], chosen, region, sector, other)
    _check(place, name)
    story, sources = Story(name), Sources(project, level)
    _presence(place, story)
    _indices(place, story, name)
    if sector is not None and name in ("density", "relative_density", "distance", "cog"):
        _near(place, story)
    if name == "coi":
        _outlook_index(place, story)
    if name in OF_PAIR:
        _pair(place, story)
    _parameters(place, story)
    read_as(project, story, level, meta.id)
    _lines(place, story, sources, name)
    story.treatment.append(
        ("presence", f"{chosen.complexity.presence} {chosen.complexity.comparison} {chosen.complexity.threshold}", None)
    )
    if region is not None and sector is not None:
        story.sensitivity = _sensitivity(place)
    about = {
        "indicator": meta.id, "year": place.table.year,
        "region": None if name in (*OF_SECTOR, *OF_PAIR) else region, "sector": None if name in OF_REGION else sector,
        "other": other if name in OF_PAIR else None, "note": _note(place, name),
    }  # fmt: skip
    return story.result(about, {
        "command": "explain",
        "parameters": chosen.told() | {"measure": name, "year": str(year), "level": level},
        "method": explain_formulas.METHODS[name],
        "cited": cited(meta),
        "blocks": [dict(place.table.meta)],
        "row": _doubt(place, name, changes),
    })  # fmt: skip


def _doubt(place: Place, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The range over draws, the rank and how many are ranked, which stand beside an index or a rank."""
    of_region = name in ("eci", "eci_rank")
    if (not of_region and name not in ("pci", "pci_rank")) or place.point.found is None:
        return {}
    code, start, table = (place.region, "eci", "regions") if of_region else (place.sector, "pci", "sectors")
    when = "latest" if place.table.year is None else place.table.year
    only: dict[str, Any] = {"region": [code]} if of_region else {"sector": [code]}
    found = complexity(
        place.project, indicator=[place.table.indicator.id], year=when, table=(table,), **only, **changes
    )
    row = found.tables[table].row(0, named=True)
    known = place.point.eci if of_region else place.point.pci
    told = {"low": row[f"{start}_low"], "high": row[f"{start}_high"], "rank": row[f"{start}_rank"]}
    return told | {
        "n": int((~np.isnan(known)).sum()),
        "rank_low": row.get("rank_low"),
        "rank_high": row.get("rank_high"),
    }


def _check(place: Place, name: str) -> None:
    for what, code, codes, needed in (
        ("region", place.region, place.table.regions, name not in (*OF_SECTOR, *OF_PAIR)),
        ("sector", place.sector, place.table.sectors, name not in OF_REGION),
        ("sector", place.other, place.table.sectors, False),
    ):
        if needed and code is None:
            raise UsageError(
                f"{name} is of a {what}, and none is named", fix=f"capmap explain REGION SECTOR --measure {name}"
            )
        if code is not None and code not in codes:
            raise UsageError(f"{what} {code} has no rows of {place.table.indicator.id}", fix=f"see `capmap {what}s`")


def _pair(place: Place, story: Story) -> None:
    """Proximity of two sectors: how many regions hold both, and either."""
    if place.other is None:
        raise UsageError("proximity is of two sectors, and one is named", fix="name the other sector: --other CODE")
    if place.other == place.sector:
        raise UsageError(
            f"proximity is of two sectors, and {place.sector} is named twice", fix="name another one: --other CODE"
        )
    held, one, two = place.table.presence, place.column, place.table.sectors.index(place.other)
    both = held[:, one] & held[:, two]
    story.figures("together", "sum(inputs)", lambda: place.of_regions("together", both, both))
    story.figures(
        "ubiquity_other", "sum(inputs)", lambda: place.of_regions("ubiquity_other", held[:, two], held[:, two])
    )
    story.parameters["n"] = (int(held.any(axis=1).sum()), "regions that hold a sector")
    value = float(place.proximity[one, two])
    how = place.chosen.complexity.proximity
    story.values["proximity"] = None if np.isnan(value) else value
    story.formulas["proximity"] = "None" if np.isnan(value) else explain_formulas.PROXIMITY.get(how, "correlation")
    if how not in explain_formulas.PROXIMITY:
        story.parameters["correlation"] = (value, f"{how} over all regions: capmap relatedness")
        story.formulas["proximity"] = "None" if np.isnan(value) else "correlation"


def _note(place: Place, name: str) -> str | None:
    """Why there is no answer: region or sector take no part, or there is no index."""
    found = []
    if name not in (*OF_SECTOR, *OF_PAIR):
        found += str(place.table.who.region_reasons[place.row]).split(";")
    if name not in OF_REGION:
        found += str(place.table.who.sector_reasons[place.column]).split(";")
    if name in OF_PAIR and place.other is not None:
        found += str(place.table.who.sector_reasons[place.table.sectors.index(place.other)]).split(";")
    if name in ("eci", "pci", "eci_rank", "pci_rank", "coi", "cog") and place.point.found is None:
        found.append(place.point.reason)
    if name in ("relative_density", "cog") and place.table.presence[place.row, place.column]:
        found.append("held")
    return ";".join(sorted({one for one in found if one})) or None


def _presence(place: Place, story: Story) -> None:
    """Presence of the cell, and how many sectors a region holds and regions hold a sector."""
    held = place.table.presence
    if place.region is not None:
        story.figures(
            "diversity", "sum(inputs)", lambda: place.of_sectors("diversity", held[place.row], held[place.row])
        )
        ubiquity = held.sum(axis=0)
        story.figures(
            "mean_ubiquity", "mean(inputs)", lambda: place.of_sectors("mean_ubiquity", ubiquity, held[place.row])
        )
        story.values["mean_ubiquity"] = float(methods.reflections(held, 1).region[place.row])
        if not held[place.row].any():
            story.values["diversity"] = None
            story.formulas |= {"diversity": "None", "mean_ubiquity": "None"}
    if place.sector is not None:
        of_sector = held[:, place.column]
        story.figures("ubiquity", "sum(inputs)", lambda: place.of_regions("ubiquity", of_sector, of_sector))
        if not of_sector.any():
            story.formulas["ubiquity"] = "None"
    if place.region is not None and place.sector is not None:
        bar = ">" if place.chosen.complexity.comparison == ">" else ">="
        tolerance = "(1 + 1e-12)" if bar == ">" else "(1 - 1e-12)"
        index = float(place.table.rca[place.row, place.column])
        story.parameters["rca"] = (None if np.isnan(index) else index, "capmap explain --measure rca")
        rule = f"1 if rca {bar} threshold * {tolerance} and rca > 0 else 0"
        story.formulas["presence"] = rule if place.chosen.complexity.presence == "rca" else "held"
        story.parameters["held"] = (int(place.table.held[place.row, place.column]), place.chosen.complexity.presence)
        if np.isnan(index):
            story.formulas["presence"] = "None"
        else:
            story.values["presence"] = float(place.table.held[place.row, place.column])


def _indices(place: Place, story: Story, name: str) -> None:
    """ECI as the mean of the PCI of what is held; PCI from the ECI of who holds it."""
    point, held = place.point, place.table.presence
    if point.found is None:
        story.formulas |= dict.fromkeys(("eci", "pci", "eci_rank", "pci_rank", "coi", "cog"), "None")
        return
    scaled = _on_scale_of_regions(place)
    known = ~np.isnan(point.eci)
    if place.region is not None:
        own = held[place.row] & ~np.isnan(scaled)
        story.figures("eci", "mean(inputs)", lambda: place.of_sectors("eci", scaled, own), float(point.eci[place.row]))
        story.figures(
            "eci_rank", "1 + above(inputs, eci + 1e-9)", lambda: place.of_regions("eci_rank", point.eci, known)
        )
        if not known[place.row]:
            story.formulas |= {"eci": "None", "eci_rank": "None"}
    if place.sector is not None:
        who = held[:, place.column] & known
        story.figures("eci_of_holders", "mean(inputs)", lambda: place.of_regions("eci_of_holders", point.eci, who))
        weight = held.sum(axis=1).astype(float)
        story.figures(
            "eci_weighted", "mean(inputs)", lambda: place.of_regions("eci_weighted", point.eci, known, weight)
        )
        story.parameters["second_eigenvalue"] = (float(point.found.eigenvalues[1]), "eigenproblem of the table")
        story.formulas["pci_of_regions"] = (
            "eci_of_holders / second_eigenvalue - eci_weighted * (1 / second_eigenvalue - 1)"
        )
        story.formulas["pci"] = "pci_of_regions"
        if place.chosen.complexity.pci_scale == "sector":
            part = ~np.isnan(scaled)
            story.figures("mean_pci", "mean(inputs)", lambda: place.of_sectors("mean_pci", scaled, part))
            story.figures("sd_pci", "std(inputs, ddof)", lambda: place.of_sectors("sd_pci", scaled, part))
            story.formulas["pci"] = "(pci_of_regions - mean_pci) / sd_pci"
        story.values["pci"] = float(point.pci[place.column])
        story.figures(
            "pci_rank",
            "1 + above(inputs, pci + 1e-9)",
            lambda: place.of_sectors("pci_rank", point.pci, ~np.isnan(point.pci)),
        )
        if np.isnan(point.pci[place.column]):
            story.formulas |= {"pci": "None", "pci_rank": "None"}
    _ranks(place, story)
    if name in ("fitness", "q"):
        _fitness(place, story)


def _ranks(place: Place, story: Story) -> None:
    if place.region is not None:
        story.values["eci_rank"] = float(ranked(place.point.eci)[place.row])
    if place.sector is not None:
        story.values["pci_rank"] = float(ranked(place.point.pci)[place.column])


def _on_scale_of_regions(place: Place) -> Floats:
    """PCI by mean and deviation of ECI, on which a region's ECI is the mean of its sectors."""
    options = place.chosen.complexity
    if options.pci_scale == "region":
        return place.point.pci
    found = methods.complexity(
        place.table.presence, sign=options.sign, ddof=options.ddof, component=options.component, force=options.force
    )
    turned = float(np.nansum(found.eci * place.point.eci)) < 0
    return np.asarray(-found.pci if turned else found.pci)


def _fitness(place: Place, story: Story) -> None:
    """The last step of the map: from the values of the step before, over their mean."""
    held = place.table.presence
    last = methods.fitness(held)
    before = methods.fitness(held, iterations=last.iterations - 1) if last.iterations > 1 else None
    ones = np.where(np.isnan(last.fitness), np.nan, 1.0), np.where(np.isnan(last.quality), np.nan, 1.0)
    fit, quality = ones if before is None else (before.fitness, before.quality)
    m = held.astype(float)
    raw_f, raw_q = m @ np.nan_to_num(quality), (1.0 / np.where(np.isnan(fit), np.inf, fit)) @ m
    inside = ~np.isnan(last.fitness), ~np.isnan(last.quality)
    story.parameters["iterations"] = (last.iterations, last.stop)
    if place.region is not None:
        own = held[place.row]
        story.figures("quality_held", "sum(inputs)", lambda: place.of_sectors("quality_held", quality, own))
        story.figures(
            "mean_quality_held", "mean(inputs)", lambda: place.of_regions("mean_quality_held", raw_f, inside[0])
        )
        story.formulas["fitness"] = "quality_held / mean_quality_held" if inside[0][place.row] else "None"
        story.values["fitness"] = float(last.fitness[place.row])
    if place.sector is not None:
        who = held[:, place.column]
        story.figures("inverse_fitness", "sum(inputs)", lambda: place.of_regions("inverse_fitness", 1.0 / fit, who))
        with np.errstate(divide="ignore"):
            inverse = 1.0 / raw_q
        story.figures("mean_inverse", "mean(inputs)", lambda: place.of_sectors("mean_inverse", inverse, inside[1]))
        story.formulas["q"] = "(1 / inverse_fitness) / mean_inverse" if inside[1][place.column] else "None"
        story.values["q"] = float(last.quality[place.column])


def _near(place: Place, story: Story) -> None:
    """Density of a sector for a region, and what holding it would add to the outlook."""
    held, row, column = place.table.presence, place.row, place.column
    phi = place.links
    story.figures("phi_held", "sum(inputs)", lambda: place.of_sectors("phi_held", phi, held[row] & (phi > 0)))
    story.figures("phi_all", "sum(inputs)", lambda: place.of_sectors("phi_all", phi, phi > 0))
    story.formulas |= {"density": "phi_held / phi_all", "distance": "1 - density"}
    density = place.outlook.density[row]
    story.values |= {"density": float(density[column]), "distance": float(1.0 - density[column])}
    open_ = ~held[row] & ~np.isnan(density)
    story.figures("mean_open", "mean(inputs)", lambda: place.of_sectors("mean_open", density, open_))
    story.figures("sd_open", "std(inputs, 0)", lambda: place.of_sectors("sd_open", density, open_))
    story.formulas["relative_density"] = "(density - mean_open) / sd_open"
    relative = float(place.outlook.relative_density[row, column])
    story.values["relative_density"] = relative
    gain = float(place.outlook.gain[row, column])
    _gain(place, story, gain)
    for name, value in (("density", density[column]), ("relative_density", relative), ("cog", gain)):
        if np.isnan(value):
            story.formulas[name] = "None"
    if np.isnan(density[column]):
        story.formulas["distance"] = "None"


def _gain(place: Place, story: Story, gain: float) -> None:
    """COG: complexity of the other sectors not held, each times the share of its proximity that leads there."""
    if place.point.found is None:
        return
    links = np.nan_to_num(place.proximity)
    pci = np.nan_to_num(place.point.pci)
    total = links.sum(axis=0)
    open_ = ~place.table.presence[place.row] & (links[place.column] > 0) & ~np.isnan(place.point.pci)
    if place.chosen.complexity.cog == "destination":
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = links[place.column] / total
        story.figures("cog", "sum(inputs)", lambda: place.of_sectors("cog", pci, open_, weight))
    else:
        story.figures("gain", "sum(inputs)", lambda: place.of_sectors("gain", pci, open_, links[place.column]))
        every = links[:, place.column]
        story.figures("phi_total", "sum(inputs)", lambda: place.of_sectors("phi_total", every, every > 0))
        story.formulas["cog"] = "gain / phi_total"
    story.values["cog"] = gain


def _outlook_index(place: Place, story: Story) -> None:
    """COI: complexity of the sectors not held, each times its density."""
    if place.point.found is None:
        return
    density, pci = place.outlook.density[place.row], place.point.pci
    open_ = ~place.table.presence[place.row] & ~np.isnan(density) & ~np.isnan(pci)
    story.figures("coi", "sum(inputs)", lambda: place.of_sectors("coi", pci, open_, np.nan_to_num(density)))
    story.values["coi"] = float(place.outlook.index[place.row])
    if np.isnan(place.outlook.index[place.row]):
        story.formulas["coi"] = "None"


def _parameters(place: Place, story: Story) -> None:
    options = place.chosen.complexity
    for key in SETTINGS:
        value = getattr(options, key)
        if value is not None and key not in story.formulas:
            story.parameters[key if key != "presence" else "presence_rule"] = (
                value, setting(place.project, "complexity", key, value),
            )  # fmt: skip
    block, shared = place.table.meta, place.chosen.specialisation
    story.matters = ("presence_rule", "threshold", "comparison", "min_share", "min_population", "min_regions")
    story.matters += (
        ("proximity", "diagonal", "neighbours", "cog") if story.measure not in ("diversity", "ubiquity") else ()
    )
    story.parameters |= {
        "window": (block["window"], setting(place.project, "specialisation", "window", shared.window)),
        "reference": (
            place.chosen.specialisation.reference,
            setting(place.project, "specialisation", "reference", shared.reference),
        ),
        "world": (block["reference"]["label"], "resolved"),
    }


def _lines(place: Place, story: Story, sources: Sources, name: str) -> None:
    """The lines behind presence: the region's own figures, or those of the sector."""
    meta = place.table.indicator
    years = list(place.table.meta["periods"])
    if name in (*OF_SECTOR, *OF_PAIR):
        regions = [
            code for code, out in zip(place.table.regions, place.table.who.region_reasons, strict=True) if not out
        ]
        story.inputs["x_of_sector"] = lambda: sources.rows("x_of_sector", meta.id, years, regions, [place.sector or ""])
        if name in OF_PAIR:
            story.inputs["x_of_other"] = lambda: sources.rows(
                "x_of_other", meta.id, years, regions, [place.other or ""]
            )
    else:
        story.inputs["x_of_region"] = lambda: sources.rows(
            "x_of_region", meta.id, years, [place.region or ""], place.table.sectors
        )


def _sensitivity(place: Place) -> list[dict[str, Any]]:
    """Where the region begins or ceases to hold the sector if its latest figure were another one."""
    value = float(place.table.value[place.row, place.column])
    rows = place.project.observations.filter(
        (pl.col("indicator") == place.table.indicator.id) & (pl.col("region") == place.region)
        & (pl.col("sector") == place.sector) & pl.col("year").eq_missing(pl.lit(place.table.year, pl.Int32))
    ).drop_nulls("value")  # fmt: skip
    if np.isnan(value) or rows.height != 1 or place.chosen.complexity.presence == "given":
        return []
    own = float(rows["value"][0])
    key = (place.table.indicator.id, place.table.year, str(place.region), str(place.sector))

    def held(figure: float) -> str:
        other = changed(place.project, key, figure)
        whole = panel(other, place.table.indicator.id, exclude=place.chosen.specialisation.exclude)
        (table,) = presence.presence(other, whole, [place.table.period], place.chosen)
        return "held" if table.held[place.row, place.column] else "not held"

    count = place.table.indicator.kind == "count"
    values = place.whole.value[~np.isnan(place.whole.value)]
    unit = (1.0 if np.array_equal(values, np.floor(values)) else 0.01) if count else max(abs(own), 1.0) * 1e-6
    return turning_points("presence", "x_ij", own, unit, held)
