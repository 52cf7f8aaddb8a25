"""How an index of the revealed-advantage family came about, from the lines it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection, specialisation
from capmap.analyses.blocks import (
    CLASSES,
    DOMINANT_SHARE,
    PARTIAL_WORLD_SHARE,
    PERSISTENCE_PERIODS,
    material_index,
    measure,
)
from capmap.analyses.explanation import formulas
from capmap.analyses.explanation.parts import (
    Sources,
    Story,
    changed,
    cited,
    derived,
    letters,
    one_period,
    read_as,
    setting,
)
from capmap.analyses.explanation.sensitivity import turning_points
from capmap.analyses.reference import Reference, dense_row, resolve_reference
from capmap.data.panel import Panel, panel
from capmap.methods import specialisation as measures
from capmap.methods.specialisation import Cells, Floats, Margins
from capmap.model import TOTAL, Indicator, Project, Result, SpecialisationSection

#: Measures of `capmap rca`: its columns that are figures or classes, and those of --with.
MEASURES = (
    "value", "expected", "share_region", "share_world", "rank_world", "rca", "rsca", "nrca", "arca", "rca_weighted",
    "rca_ex_largest", "ceiling", "rca_low", "rca_high", "rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one",
    "p_material", "dispersion", "persistence", "class", "band", "rca_loo", "rca_log", "rca_per_capita", "vollrath_rta",
    "lafay", "michaely", "periods", "trajectory", "posterior_shape", "posterior_rate", "class_ex_largest",
)  # fmt: skip
#: Measures that no value (money, jobs) has: there is no counting error.
OF_COUNTS = (
    "rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one", "p_material", "dispersion", "posterior_shape",
    "posterior_rate",
)  # fmt: skip
#: --with words that are always asked for, and those that only their own measures need.
EXTRAS = ("loo", "log", "history", "posterior", "dependence")
EXTRA_OF = {"rca_per_capita": "per_capita", "vollrath_rta": "imports", "lafay": "imports", "michaely": "imports"}
SETTINGS = (
    "threshold", "level", "p_established", "min_count", "min_expected", "dispersion", "reference", "exclude", "window",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One cell of one indicator in one period, with the table it is measured in."""

    project: Project
    sources: Sources
    whole: Panel
    options: SpecialisationSection
    period: int
    region: str
    sector: str

    @property
    def meta(self) -> Indicator:
        """The indicator."""
        return self.whole.indicator

    @property
    def year(self) -> int | None:
        """The year, None where the data have one period without."""
        return self.whole.years[self.period]

    @property
    def window(self) -> int:
        """Calendar years that are summed."""
        return self.options.window or (1 if self.meta.kind == "count" else 3)

    @property
    def years(self) -> list[int | None]:
        """Years of the window that the data have."""
        return [self.whole.years[k] for k in self.whole.periods_in(self.period, self.window)]

    @property
    def at(self) -> tuple[int, int]:
        """Row and column in the table."""
        return self.whole.regions.index(self.region), self.whole.sectors.index(self.sector)

    @cached_property
    def reference(self) -> Reference:
        """What the world is."""
        return resolve_reference(self.project, self.whole, self.options.reference)

    @cached_property
    def table(self) -> tuple[Cells, Margins]:
        """Cells and totals of the window."""
        cells, _ = self.whole.cells(self.period, self.window)
        totals = self.reference.totals(self.period, self.window, cells)
        return cells, measures.margins(cells, totals, absent=self.meta.absent)

    @cached_property
    def used(self) -> list[str]:
        """Sectors over which the region and the world are added up: those the region has observed, with a world total."""
        cells, base = self.table
        row = self.at[0]
        total = base.sector if base.sector.ndim == 1 else base.sector[row]
        known = ~np.isnan(total) & ~np.isnan(dense_row(cells, row, self.meta.absent))
        return [self.whole.sectors[k] for k in np.flatnonzero(known)]

    @cached_property
    def known(self) -> pl.DataFrame:
        """Region and sector of the cells that hold a value."""
        cells = self.table[0]
        seen = ~np.isnan(cells.value)
        codes = np.array(self.whole.regions, object), np.array(self.whole.sectors, object)
        return pl.DataFrame(
            {"region": codes[0][cells.region[seen]].tolist(), "sector": codes[1][cells.sector[seen]].tolist()},
            schema={"region": pl.String, "sector": pl.String},
        )

    def own(self, symbol: str, sectors: list[str], *, nulls: bool = False) -> pl.DataFrame:
        """Figures of the region itself."""
        return self.sources.rows(symbol, self.meta.id, self.years, [self.region], sectors, nulls=nulls)

    def world(self, symbol: str, sectors: list[str]) -> pl.DataFrame:
        """Figures that the reference is made of."""
        text, kind = self.options.reference, self.reference.kind
        if kind == "ex":
            code = selection.region(self.project, text[3:])
            less = self.sources.rows(symbol, self.meta.id, self.years, [code], sectors, cells=self.known, factor=-1.0)
            return pl.concat([self._world(symbol, sectors), less])
        if kind in ("published", "sum"):
            return self._world(symbol, sectors, summed=kind == "sum")
        if kind == "region":
            return self.sources.rows(symbol, self.meta.id, self.years, [selection.region(self.project, text)], sectors)
        inside = np.flatnonzero(self.reference.inside)
        members = [self.whole.regions[k] for k in inside]
        if kind == "peers":
            from capmap.analyses.peers import peers_of

            members = list(peers_of(self.project, self.region).codes)
        return self.sources.rows(symbol, self.meta.id, self.years, members, sectors, cells=self.known)

    def _world(self, symbol: str, sectors: list[str], *, summed: bool = False) -> pl.DataFrame:
        code = self.whole.reference_code
        if code is None or summed:
            regions = self.whole.regions
            return self.sources.rows(symbol, self.meta.id, self.years, regions, sectors, cells=self.known)
        return self.sources.rows(symbol, self.meta.id, self.years, [code], sectors)

    def measured(self, words: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row of `capmap rca`, absent cells included, and what its block tells."""
        result = specialisation.rca(
            self.project, indicator=[self.meta.id], year="latest" if self.year is None else self.year,
            region=[self.region], sector=[self.sector], extras=words, complete=True, **self.options.model_dump(),
        )  # fmt: skip
        return result.frame.row(0, named=True), result.meta["blocks"][0]


def cell(
    project: Project,
    measured: Project,
    meta: Indicator,
    region: str,
    sector: str,
    year: selection.Year,
    level: str | None,
    changes: dict[str, Any],
) -> Cell:
    """The cell of codes; `measured` is the project rolled up and with the reference declared."""
    options = specialisation.settings(measured, **changes)
    whole = panel(measured, meta.id, exclude=options.exclude)
    found = Cell(
        measured, Sources(project, level), whole, options, one_period(whole.years, year, meta.id), region, sector
    )
    found.measured(())  # refuses what no index is taken of
    return found


def explain_rca(one: Cell, name: str, level: str | None) -> Result:
    """The explanation of a measure of `capmap rca` for a cell."""
    word = EXTRA_OF.get(name)
    row, block = one.measured(EXTRAS + ((word,) if word else ()))
    story = Story("class_" if name == "class" else name)
    _figures(one, story, row)
    _formulas(one, story, row, block, name)
    _parameters(one, story, block)
    read_as(one.project, story, level, one.meta.id)
    _treated(one, story, row)
    story.sensitivity = sensitivity(one, row)
    about = {
        "indicator": one.meta.id,
        "year": one.year,
        "region": one.region,
        "sector": one.sector,
        "note": row["note"],
    }
    letters(story, [one.own("x_ij", [one.sector], nulls=True)])
    return story.result(about, {
        "command": "explain",
        "parameters": one.options.model_dump() | {"measure": name, "level": level},
        "method": formulas.METHODS[name],
        "cited": cited(one.meta),
        "blocks": [block],
        "row": {key: row[key] for key in ("value", "expected", "rca", "rca_low", "rca_high", "class")},
    }, also=("class_",))  # fmt: skip


def _figures(one: Cell, story: Story, row: dict[str, Any]) -> None:
    """The four totals of the family, and what else is added up from lines."""
    story.figures("x_ij", "sum(inputs)", lambda: one.own("x_ij", [one.sector], nulls=row["value"] is None))
    story.figures("x_i", "sum(inputs)", lambda: one.own("x_i", one.used))
    story.figures("x_j", "sum(inputs)", lambda: one.world("x_j", [one.sector]))
    story.figures("x", "sum(inputs)", lambda: one.world("x", one.used))
    story.figures("mean_rca", "sum(inputs) / n_sectors", lambda: _every_index(one), _mean_index(one))
    story.parameters["n_sectors"] = (int(one.table[1].n_sectors[one.at[0]]), "counted")
    story.figures("rank_world", "1 + above(inputs, x_ij)", lambda: _of_all(one))
    story.values["x_ij"] = row["value"]


def _every_index(one: Cell) -> pl.DataFrame:
    """RCA of every sector of the region."""
    index, sectors = _indices(one)
    return derived("mean_rca", one.meta.id, one.year, value=index, region=[one.region] * len(sectors), sector=sectors)


def _indices(one: Cell) -> tuple[Floats, list[str]]:
    cells, base = one.table
    mine = cells.region == one.at[0]
    expected = measures.expected_value(base.region[cells.region], base.sector_at(cells), base.world[cells.region])
    index = measures.balassa(cells.value, expected)[mine]
    kept = ~np.isnan(index)
    return index[kept], [one.whole.sectors[k] for k in cells.sector[mine][kept]]


def _mean_index(one: Cell) -> float:
    n = int(one.table[1].n_sectors[one.at[0]])
    return float(_indices(one)[0].sum() / n) if n else float("nan")


def _of_all(one: Cell) -> pl.DataFrame:
    """The value of every region in the sector: the lines themselves, or their sums over the window."""
    if len(one.years) == 1 and one.sources.level is None:
        return one.sources.rows("rank_world", one.meta.id, one.years, one.whole.regions, [one.sector], cells=one.known)
    cells = one.table[0]
    here = (cells.sector == one.at[1]) & ~np.isnan(cells.value)
    codes = [one.whole.regions[k] for k in cells.region[here]]
    return derived(
        "rank_world", one.meta.id, one.year, value=cells.value[here], region=codes, sector=[one.sector] * len(codes)
    )


def _formulas(one: Cell, story: Story, row: dict[str, Any], block: dict[str, Any], name: str) -> None:
    """Every formula that holds for this cell, and what each symbol came to."""
    story.formulas |= formulas.COMMON
    if not one.reference.inside[one.at[0]]:
        story.formulas |= {"rca_loo": "rca", "ceiling": "None"}  # the region is no part of the reference
    _decisive(one, story)
    if one.meta.kind == "count":
        _of_counts(story, block)
    else:
        _of_values(one, story, block)
    story.formulas["band"] = formulas.BAND
    _withheld(one, story, row)
    _over_time(one, story, row)
    _without_largest(one, story, row)
    if name == "rca_per_capita":
        _per_head(one, story)
    if EXTRA_OF.get(name) == "imports":
        _traded(one, story)
    story.values |= {key: row[key] for key in MEASURES if key in row} | {"class_": row["class"]}
    if one.meta.kind != "count":
        for absent in OF_COUNTS:
            story.formulas[absent] = "None"


def _decisive(one: Cell, story: Story) -> None:
    """The base that materiality looks at: of the rest of the world, where the region is more than a tenth of it."""
    base, row = one.table[1], one.at[0]
    share = base.region[row] / base.world[row] if base.world[row] > 0 else 0.0
    large = share > measures.LARGE_SHARE
    rest = large and bool(one.reference.inside[row])
    story.formulas["decisive"] = "x_i * max(x_j - x_ij, 0) / (x - x_i)" if rest else "expected"


def _of_counts(story: Story, block: dict[str, Any]) -> None:
    story.formulas |= formulas.COUNTS
    known = block["prior"]["alpha"] is not None
    if not known:
        story.formulas |= formulas.NO_VARIANCE | dict.fromkeys(
            ("posterior_shape", "posterior_rate", "rca_eb_low", "rca_eb_high", "p_above_one", "p_material", "p_ex"),
            "None",
        )
    kind = formulas.CLASS_OF_COUNT.format(expected="expected", p="p_above_threshold")
    story.formulas["class_"] = kind if known else '"uncertain"'
    kind = formulas.CLASS_OF_COUNT.format(expected="expected_ex", p="p_ex")
    story.formulas["class_ex_largest"] = kind if known else '"uncertain"'


def _of_values(one: Cell, story: Story, block: dict[str, Any]) -> None:
    """Values have no counting error: their range is that of the yearly indices."""
    several = len(block["periods"]) > 1
    story.formulas["judged"] = "x_ij / decisive"
    story.formulas["class_"] = formulas.CLASS_OF_ONE_YEAR
    story.formulas |= {"rca_low": "None", "rca_high": "None", "class_ex_largest": "None"}
    yearly = _yearly(one) if several else pl.DataFrame()
    if yearly.height > 1:
        story.figures("yearly_low", "min(inputs)", lambda: yearly.with_columns(symbol=pl.lit("yearly_low")))
        story.figures("yearly_high", "max(inputs)", lambda: yearly.with_columns(symbol=pl.lit("yearly_high")))
        story.values |= {"yearly_low": yearly["value"].min(), "yearly_high": yearly["value"].max()}  # type: ignore[dict-item]
        story.formulas |= {"rca_low": "yearly_low", "rca_high": "yearly_high", "class_": formulas.CLASS_OF_YEARS}
    if one.reference.inside.any():
        flipped = '("below" if class_ != "below" and rca_ex_largest < threshold * (1 - 1e-12)'
        flipped += ' else "uncertain" if class_ == "below" and rca_ex_largest >= threshold * (1 - 1e-12) else class_)'
        story.formulas["class_ex_largest"] = flipped


def _yearly(one: Cell) -> pl.DataFrame:
    """The index of the cell in each year of the window."""
    found: list[tuple[int | None, float]] = []
    for period in one.whole.periods_in(one.period, one.window):
        options = one.options.model_copy(update={"window": 1})
        single = Cell(one.project, one.sources, one.whole, options, period, one.region, one.sector)
        index, sectors = _indices(single)
        found += [(single.year, index[sectors.index(one.sector)])] if one.sector in sectors else []
    return derived(
        "yearly", one.meta.id, None, value=[value for _, value in found], year=[year for year, _ in found],
        region=[one.region] * len(found), sector=[one.sector] * len(found),
    )  # fmt: skip


def _withheld(one: Cell, story: Story, row: dict[str, Any]) -> None:
    """Classes that the reference does not allow."""
    notes = (row["note"] or "").split(";")
    if "thin_reference" in notes:
        story.formulas |= {"class_": '"uncertain"', "band": "None"}
    elif "partial_world" in notes and row["class"] == "uncertain":
        story.formulas["class_"] = (
            f'"uncertain" if missing_share > {PARTIAL_WORLD_SHARE} else {story.formulas["class_"]}'
        )
        story.parameters["missing_share"] = (_missing_share(one), "counted")
    if row["rca"] is None:
        story.formulas |= {"class_": "None", "band": "None"}


def _missing_share(one: Cell) -> float:
    """Share of the world, as a sum of regions, that is missing in the sector."""
    from capmap.analyses.blocks import gap_of_world

    gap = gap_of_world(*one.table, one.meta.absent)
    return 0.0 if gap is None else float(gap[one.at[1]])


def _over_time(one: Cell, story: Story, row: dict[str, Any]) -> None:
    """Whether the cell was material in each of the latest periods."""
    first = max(0, one.period - PERSISTENCE_PERIODS + 1)
    wanted = list(range(first, one.period + 1))

    def flags() -> tuple[list[int | None], list[float], float]:
        blocks = measure(one.project, one.whole, wanted, one.options, complete=True)
        held = []
        for block in blocks:
            here = (block.cells.region == one.at[0]) & (block.cells.sector == one.at[1])
            held.append((float(block.material[here].any()), float(block.gone[here].any())))
        return [one.whole.years[k] for k in wanted], [flag for flag, _ in held], held[-1][1]

    def frame() -> pl.DataFrame:
        years, held, _ = flags()
        n = len(years)
        return derived("persistence", one.meta.id, None, value=held, year=years, region=[one.region] * n,
                       sector=[one.sector] * n)  # fmt: skip

    story.figures("persistence", "sum(inputs)", frame)
    story.formulas["periods"] = "count_of_periods"
    story.parameters["count_of_periods"] = (len(wanted), "counted")
    if row["persistence"] is None:  # a break in the series, or too few periods: nothing is said of them
        story.formulas |= {"persistence": "None", "trajectory": "None"}
    elif story.measure == "trajectory":
        _, held, gone = flags()
        story.formulas["trajectory"] = formulas.TRAJECTORY
        story.parameters |= {"now_material": (int(held[-1]), "measured"), "certainly_gone": (int(gone), "measured")}


def _without_largest(one: Cell, story: Story, row: dict[str, Any]) -> None:
    """The totals when the dominant other region leaves the reference."""
    code = row["largest_other"]
    if code is None:
        story.formulas |= {"rca_ex_largest": "None", "class_ex_largest": "None"}
        return
    story.parameters["largest_other"] = (code, f"more than {DOMINANT_SHARE} of the reference")
    cells, base = one.table
    rest = np.maximum(base.sector - dense_row(cells, one.whole.regions.index(code), one.meta.absent), 0.0)
    left = [one.whole.sectors[k] for k in np.flatnonzero(rest > 0) if one.whole.sectors[k] in one.used]

    def less(symbol: str, sectors: list[str]) -> pl.DataFrame:
        own = one.sources.rows(symbol, one.meta.id, one.years, [code], sectors, cells=one.known, factor=-1.0)
        return pl.concat([one.world(symbol, sectors), own])

    story.figures("x_i_ex", "sum(inputs)", lambda: one.own("x_i_ex", left))
    story.figures("x_j_ex", "sum(inputs)", lambda: less("x_j_ex", [one.sector]))
    story.figures("x_ex", "sum(inputs)", lambda: less("x_ex", left))


def _per_head(one: Cell, story: Story) -> None:
    """Inhabitants, and the sums over the regions that have both figures unless the world's population is known."""
    years = [one.year]
    people = one.sources.rows("population", "population", years, [*one.whole.regions, one.whole.reference_code or ""],
                              [TOTAL])  # fmt: skip
    world = people.filter(pl.col("region") == (one.whole.reference_code or ""))
    published = world.height == 1 and one.reference.kind == "published"
    story.figures(
        "population_i",
        "sum(inputs)",
        lambda: people.filter(region=one.region).with_columns(symbol=pl.lit("population_i")),
    )
    if published:
        story.figures("population", "sum(inputs)", lambda: world)
        story.figures("x_j_known", "sum(inputs)", lambda: one.world("x_j_known", [one.sector]))
        return
    having = people.filter(pl.col("region").is_in(one.known["region"].unique().to_list()))["region"].to_list()
    story.figures("population", "sum(inputs)", lambda: people.filter(pl.col("region").is_in(having)))
    story.figures("x_j_known", "sum(inputs)", lambda: one.sources.rows(
        "x_j_known", one.meta.id, one.years, having, [one.sector], cells=one.known))  # fmt: skip


def _of_region(people: pl.DataFrame, region: str) -> pl.DataFrame:
    return people.filter(pl.col("region") == region).with_columns(symbol=pl.lit("population_i"))


def _traded(one: Cell, story: Story) -> None:
    """Imports and exports over the cells that have both; an absent row is zero where the indicator says so."""
    name = one.meta.imports
    if name is None or name not in one.project.catalogue:
        story.formulas |= dict.fromkeys(("vollrath_rta", "lafay", "michaely"), "None")
        return
    both = _both(one, name)

    def add(symbol: str, indicator: str, regions: tuple[str, ...], sectors: tuple[str, ...]) -> None:
        story.figures(symbol, "sum(inputs)", lambda: one.sources.rows(
            symbol, indicator, one.years, regions, sectors, cells=both))  # fmt: skip

    here, there = (one.region,), (one.sector,)
    every, all_sectors = one.whole.regions, one.whole.sectors
    for symbol, regions, sectors in (("i", here, all_sectors), ("j", every, there), ("", every, all_sectors)):
        add(f"m_{symbol}".rstrip("_"), name, regions, sectors)
        add(f"x_{symbol}_both".replace("__", "_"), one.meta.id, regions, sectors)
    add("m_ij", name, here, there)


def _both(one: Cell, name: str) -> pl.DataFrame:
    """Cells whose exports and imports are known."""
    bought = panel(one.project, name)
    other, _ = bought.cells(bought.years.index(one.year), one.window)

    def lost(cells: Cells, regions: tuple[str, ...], sectors: tuple[str, ...]) -> set[tuple[str, str]]:
        gone: NDArray[np.intp] = np.flatnonzero(np.isnan(cells.value))
        return {(regions[cells.region[k]], sectors[cells.sector[k]]) for k in gone}

    def seen(cells: Cells, regions: tuple[str, ...], sectors: tuple[str, ...]) -> set[tuple[str, str]]:
        return {(regions[r], sectors[s]) for r, s in zip(cells.region.tolist(), cells.sector.tolist(), strict=True)}

    pairs = {(r, s) for r in one.whole.regions for s in one.whole.sectors}
    for cells, whole in ((one.table[0], one.whole), (other, bought)):
        pairs -= lost(cells, whole.regions, whole.sectors)
        if whole.indicator.absent == "missing":
            pairs &= seen(cells, whole.regions, whole.sectors)
    return pl.DataFrame(sorted(pairs), schema={"region": pl.String, "sector": pl.String}, orient="row")


def _parameters(one: Cell, story: Story, block: dict[str, Any]) -> None:
    """Every choice behind the number, with where it comes from."""
    for key in SETTINGS:
        value = getattr(one.options, key)
        if key == "window":
            value = one.window
        text = ",".join(value) if isinstance(value, tuple) else value
        if text not in ("", None):
            story.parameters[key if key != "dispersion" else "dispersion_rule"] = (
                text, setting(one.project, "specialisation", key, getattr(one.options, key)),
            )  # fmt: skip
    material = material_index(one.project, one.options)
    story.parameters["material"] = (
        material,
        setting(one.project, "profile", "material", one.project.run.profile.material),
    )
    story.parameters["world"] = (block["reference"]["label"], "resolved")
    if one.meta.kind == "count":
        noise, prior = block["dispersion"], block["prior"]
        story.parameters["phi"] = (noise["phi"], f"{noise['method']}, {noise['pairs']} pairs of cells")
        story.parameters["alpha"] = (prior["alpha"], f"{prior['method']}, {prior['cells']} cells")


def _treated(one: Cell, story: Story, row: dict[str, Any]) -> None:
    """What the figures went through on their way into the sums."""
    years = [year for year in one.years if year is not None]
    if len(years) > 1:
        story.treatment.append(("window", f"summed over {years[0]} to {years[-1]}", len(years)))
    cells = one.table[0]
    mine = cells.region == one.at[0]
    listed = {one.whole.sectors[k] for k in cells.sector[mine]}
    absent = [code for code in one.used if code not in listed]
    if absent:
        story.treatment.append(("absent_rows_zero", "sectors of the region without a row count as 0", len(absent)))
    left = len(one.whole.sectors) - len(one.used)
    if left:
        story.treatment.append(
            ("left_out", "sectors that the region has not observed, or without a world total, are in no sum", left)
        )
    if "absent_row" in (row["note"] or ""):
        story.treatment.append(("absent_row", f"the cell has no row, which means {one.meta.absent}", 1))
    story.treatment.append(("reference", one.reference.label, None))


def sensitivity(one: Cell, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the class of the cell changes if its own latest figure were another one and all others stayed.

    Every trial measures the whole table anew: totals, dispersion, prior and class.
    """
    figure = one.sources.rows("x_ij", one.meta.id, [one.year], [one.region], [one.sector])
    if row["class"] is None or figure.height == 0 or row["value"] is None:
        return []
    own = float(figure["value"].sum())
    key = (one.meta.id, one.year, one.region, one.sector)
    place = one.at

    def kind(value: float) -> str | None:
        other = changed(one.project, key, value)
        whole = panel(other, one.meta.id, exclude=one.options.exclude)
        (block,) = measure(other, whole, [one.period], one.options)
        here = (block.cells.region == place[0]) & (block.cells.sector == place[1])
        code = int(block.columns["class"][here][0])
        return None if code < 0 else CLASSES[code]

    values = one.whole.value[~np.isnan(one.whole.value)]
    whole_numbers = one.meta.kind == "count" and bool(np.array_equal(values, np.floor(values)))
    unit = 1.0 if whole_numbers else 0.01 if one.meta.kind == "count" else max(abs(own), 1.0) * 1e-6
    return turning_points("class", "x_ij", own, unit, kind)
