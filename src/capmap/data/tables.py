"""Checks of whole tables (one indicator in one year) and of series (one indicator over its years).

Rows come sorted by indicator, year, region and sector, so a table is a slice and every array here is short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.data.catalogue import AS_GIVEN
from capmap.data.findings import LISTED, finding, more
from capmap.data.observations import indicator_rows
from capmap.errors import Finding
from capmap.model import TOTAL, Indicator, Project

BREAK = 5.0  #: ratio of two consecutive periods above which a level break is suspected
SMALL = 20.0  #: whole numbers below this jump and repeat by chance and are left alone
REPEATS = 4  #: periods in a row with one value that make a series suspicious
ALIKE = 5  #: non-zero sectors that two regions must share to be suspicious
NEARLY = 0.01  #: relative distance to the sum of all others within which a row looks like a total
OTHERS = 3  #: how many others a suspected total must have, and cells to compare it in
#: Codes that data publishers give to the world: World Bank, SDMX, Eurostat, Our World in Data.
WORLD_CODES = frozenset({"WLD", "W0", "W00", "_W", "WORLD", "OWID_WRL"})
#: What `--reference` takes besides codes; a region so called is named there in capitals.
REFERENCES = frozenset({"world", "sum", "peers"})
#: Words for a total, as a code or label; a row so called is a suspect in a table of any size.
TOTAL_WORDS = frozenset(
    {"all", "ensemble", "gesamt", "insgesamt", "overall", "sum", "summe", "suma", "tot", "total", "totale", "totaal"}
    | {"tous", "toutes", "world", "welt", "monde", "mundo"}
)
#: Sum of the sizes of a series' values up to which the product of two sums is a number.
LARGEST = 1e150
#: Largest value of a series below which the product of two sums may be lost.
SMALLEST = 1e-140
DENSE = 16  #: cells of the rectangle per row up to which a table of all of them is made
PLAIN = 1e16  #: size from which numbers are shown with an exponent

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = slice | Ints
Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is checked: the observations, each key once, with what is known about their codes."""

    project: Project
    frame: pl.DataFrame

    @cached_property
    def regions(self) -> list[str]:
        """Region codes by their number in the observations."""
        return categories(self.frame, "region")

    @cached_property
    def sectors(self) -> list[str]:
        """Sector codes by their number in the observations."""
        return categories(self.frame, "sector")

    @cached_property
    def total(self) -> int:
        """Number of the sector `_T`; -1 if there is no such code."""
        return self.sectors.index(TOTAL) if TOTAL in self.sectors else -1

    @cached_property
    def roles(self) -> NDArray[np.str_]:
        """(n_regions,) role of each region; `region` where none is known."""
        known = dict(self.project.codes.regions.select("code", "role").iter_rows())
        return np.array([known.get(code) or "region" for code in self.regions], dtype=np.str_)

    @cached_property
    def region_parents(self) -> Ints:
        """(n_regions,) number of each region's parent; -1 without one, or if either is a total."""
        parents = self._parents(self.regions, "regions", self.project.codes.regions)
        proper = self.roles == "region"
        return np.where(proper & proper[parents], parents, -1)

    @cached_property
    def sector_parents(self) -> dict[str, Ints]:
        """Classification -> (n_sectors,) number of each sector's parent, -1 without one."""
        lists = self.project.codes.classifications
        return {name: self._parents(self.sectors, name, codes) for name, codes in lists.items()}

    def _parents(self, codes: Sequence[str], name: str, listed: pl.DataFrame) -> Ints:
        """Number of each code's parent; none in a list with a circle, which has a finding of its own."""
        file = f"{self.project.run.data.codes.rstrip('/')}/{name}.csv"
        if any(f.code == "CM023" and f.file == file for f in self.project.findings):
            return np.full(len(codes), -1, dtype=np.intp)
        return _parents(codes, listed)

    @cached_property
    def world_codes(self) -> Bools:
        """(n_regions,) regions whose code means the world."""
        return np.array([code.upper() in WORLD_CODES for code in self.regions], dtype=np.bool_)

    @cached_property
    def regions_called_total(self) -> Bools:
        """(n_regions,) regions whose code or label is a word for a total."""
        return _called_total(self.regions, self.project.codes.regions)

    def sectors_called_total(self, classification: str) -> Bools:
        """(n_sectors,) sectors whose code or label is a word for a total."""
        return _called_total(self.sectors, self.project.codes.classifications.get(classification))

    @cached_property
    def rows(self) -> dict[str, slice]:
        """Indicator -> its rows."""
        return indicator_rows(self.frame)

    @cached_property
    def series(self) -> list[list[Table]]:
        """The tables of each indicator of the catalogue, by year."""
        return [
            _tables(self, self.project.catalogue[name], rows)
            for name, rows in self.rows.items()
            if name in self.project.catalogue
        ]

    @cached_property
    def seen(self) -> dict[str, tuple[Bools, Bools]]:
        """Indicator -> which regions (n_regions,) and which sectors (n_sectors,) it has in any year."""
        found = {}
        for name, rows in self.rows.items():
            region, sector = (self.frame[column][rows].to_physical().to_numpy() for column in ("region", "sector"))
            times = np.bincount(region, minlength=len(self.regions)), np.bincount(sector, minlength=len(self.sectors))
            found[name] = (times[0] > 0, times[1] > 0)
        return found

    @cached_property
    def weights(self) -> Floats:
        """(n_sectors,) fixed factors whose sum of products tells two rows of values apart."""
        return np.random.default_rng(0).random(len(self.sectors))

    def at(self, row: int) -> Row:
        """One observation, with the name of its file."""
        found = self.frame.row(row, named=True)
        return {**found, "file": self.project.files[found["file"]].name}


@dataclass(frozen=True)
class Table:
    """One indicator in one year: rows sorted by region and sector, each pair once."""

    subject: Subject
    indicator: Indicator
    year: int | None
    start: int  #: number of its first row in the observations
    region: Ints  #: (n,) numbers of regions
    sector: Ints  #: (n,) numbers of sectors
    value: Floats  #: (n,) NaN where there is no value
    before: Table | None = None  #: the indicator's period before

    @cached_property
    def observed(self) -> Bools:
        """(n,) whether there is a value."""
        return ~np.isnan(self.value)

    @property
    def cells(self) -> Ints:
        """(n,) one number per region and sector, ascending."""
        return self.region.astype(np.int64) * len(self.subject.sectors) + self.sector

    @cached_property
    def common(self) -> tuple[Rows, Rows]:
        """Rows here and rows of the period before that are the same region and sector."""
        before = self.before
        if before is None:
            return slice(0, 0), slice(0, 0)
        if np.array_equal(self.region, before.region) and np.array_equal(self.sector, before.sector):
            return slice(None), slice(None)
        now, then = self.cells, before.cells
        size = len(self.subject.regions) * len(self.subject.sectors)
        if size <= DENSE * (len(now) + len(then)):  # faster than a search
            rows = np.full(size, -1, dtype=np.int32)
            rows[then] = np.arange(len(then), dtype=np.int32)
            at = rows[now]
            here = np.flatnonzero(at >= 0)
        else:
            at = np.minimum(np.searchsorted(then, now), len(then) - 1)
            here = np.flatnonzero(then[at] == now)
        return here, at[here]

    @cached_property
    def reference(self) -> int:
        """Number of the region that is the published total; -1 if there is none or it is not clear which."""
        regions = self.subject.regions
        if self.indicator.reference is not None:
            return regions.index(self.indicator.reference) if self.indicator.reference in regions else -1
        found = np.unique(self.region[(self.subject.roles == "reference")[self.region]])
        return int(found[0]) if len(found) == 1 else -1

    @cached_property
    def proper(self) -> Bools:
        """(n_regions,) which regions are parts of the world, not totals."""
        own: Bools = self.subject.roles == "region"
        if self.reference >= 0:
            own = own & (np.arange(len(own)) != self.reference)
        return own

    @cached_property
    def parts(self) -> Rows:
        """Rows with a value that add up to the world: regions proper, and sectors without `_T` beside them."""
        kept = self.observed if self.proper.all() else self.proper[self.region] & self.observed
        if not self.region_level:
            kept = kept & (self.sector != self.subject.total)
        return slice(None) if kept.all() else np.flatnonzero(kept)

    @cached_property
    def region_level(self) -> bool:
        """Whether the only sector is `_T`."""
        return bool(self.sector[0] == self.subject.total == self.sector.max() == self.sector.min())

    @cached_property
    def whole_numbers(self) -> bool:
        """Whether all values are whole numbers, so that each may be rounded by up to a half."""
        values = self.value[self.observed]
        return bool((values == np.floor(values)).all())

    def tolerance(self, sums: Floats, parts: Ints) -> Floats:
        """How far a published total may be from `sums` of so many rounded `parts`."""
        half = 0.5 if self.whole_numbers else 0.0
        return half * (parts + 1) + 1e-9 * np.abs(sums)


def _tables(subject: Subject, indicator: Indicator, rows: slice) -> list[Table]:
    """The tables of one indicator, by year, each linked to the one before."""
    frame = subject.frame[rows]
    region = frame["region"].to_physical().to_numpy()
    sector = frame["sector"].to_physical().to_numpy()
    value = frame["value"].to_numpy(writable=True)  # `bincount` copies a read-only array each time
    years = frame["year"]
    found: list[Table] = []
    start = years.null_count()  # they come first
    periods = [(None, slice(0, start))] if start else []
    while start < len(years):
        stop = int(years.search_sorted(years[start], "right"))
        periods.append((years[start], slice(start, stop)))
        start = stop
    for year, here in periods:
        before = found[-1] if found else None
        first = rows.start + here.start
        found.append(Table(subject, indicator, year, first, region[here], sector[here], value[here], before))
    return found


def categories(frame: pl.DataFrame, column: str) -> list[str]:
    """Codes of an Enum column, in the order of their numbers."""
    dtype = frame.schema[column]
    assert isinstance(dtype, pl.Enum)
    return dtype.categories.to_list()


def _parents(codes: Sequence[str], frame: pl.DataFrame) -> Ints:
    number = {code: n for n, code in enumerate(codes)}
    parent = dict(frame.select("code", "parent").iter_rows())
    return np.array([number.get(parent.get(code) or "", -1) for code in codes], dtype=np.intp)


def _called_total(codes: Sequence[str], listed: pl.DataFrame | None) -> Bools:
    labels = {} if listed is None else dict(listed.select("code", "label").iter_rows())
    words = [(code.casefold(), (labels.get(code) or code).strip().casefold()) for code in codes]
    return np.array([code in TOTAL_WORDS or label in TOTAL_WORDS for code, label in words], dtype=np.bool_)


def _sums(codes: Ints, values: Floats, size: int = 0) -> Floats:
    """Sum of the values of each code, at least `size` long."""
    return np.asarray(np.bincount(codes, values, size), dtype=np.float64)


# --------------------------------------------------------------------------------------------- words


def number(value: float) -> str:
    """A number as a person would type it, without rounding.

    Examples
    --------
    >>> number(1234.0), number(0.1)
    ('1,234', '0.1')
    """
    return f"{int(value):,}" if abs(value) < PLAIN and value == int(value) else repr(float(value))


def _written(cell: object) -> str:
    """A cell as it may stand in a file."""
    return str(int(cell)) if isinstance(cell, float) and abs(cell) < PLAIN and cell == int(cell) else str(cell)


def place(row: Mapping[str, Any]) -> str:
    """Which cell a row is, as `KOR, optics (patents 2018)`."""
    year = "" if row["year"] is None else f" {row['year']}"
    sector = "" if row["sector"] == TOTAL else f", {row['sector']}"
    return f"{row['region']}{sector} ({row['indicator']}{year})"


def each(
    subject: Subject,
    code: str,
    rows: Ints,
    say: Callable[[Row, int], tuple[str, str]],
    *,
    column: str = "value",
) -> Iterator[Finding]:
    """A finding for each of these rows, up to `LISTED`; one more stands for the rest.

    Parameters
    ----------
    subject, code : what is checked and which check this is.
    rows : numbers of rows in the observations.
    say : the row and its place in `rows` -> message and fix.
    column : the cell at fault.
    """
    for nth, row_number in enumerate(rows[:LISTED].tolist()):
        row = subject.at(row_number)
        message, fix = say(row, nth)
        cell = row[column]
        yield finding(
            code,
            message,
            fix,
            file=row["file"],
            line=row["line"],
            column=column,
            value=None if cell is None else _written(cell),
        )
    if len(rows) > LISTED:
        row = subject.at(int(rows[LISTED]))
        yield more(code, len(rows) - LISTED, row["file"], row["line"], column)


def _first(subject: Subject, code: str, rows: Ints, message: str, fix: str, column: str) -> Finding:
    """One finding for many rows, placed at the first of them."""
    row = subject.at(int(rows[0]))
    return finding(
        code,
        message,
        fix,
        file=row["file"],
        line=row["line"],
        column=column,
        value=_written(row[column]),
        count=len(rows),
    )


# ------------------------------------------------------------------------------------------- a table


def above_hundred(table: Table) -> Iterator[Finding]:
    """Percentages of a whole above 100."""
    if table.indicator.percent:
        yield from each(
            table.subject,
            "CM039",
            table.start + np.flatnonzero(table.value > 100),
            lambda row, _: (f"{number(row['value'])} per cent: {place(row)}", "correct the value"),
        )


def out_of_bounds(table: Table) -> Iterator[Finding]:
    """Years that the indicator file excludes."""
    bounds = table.indicator.years
    if bounds and table.year is not None and not bounds[0] <= table.year <= bounds[1]:
        yield from each(
            table.subject,
            "CM040",
            table.start + np.arange(len(table.value)),
            lambda row, _: (
                f"{table.indicator.id} has years {bounds[0]} to {bounds[1]}, not {row['year']}",
                f"correct the year, or `years` in {table.indicator.id}.toml",
            ),
            column="year",
        )


def sector_twice(table: Table) -> Iterator[Finding]:
    """Sectors beside their own parts, in one region."""
    parents = table.subject.sector_parents.get(table.indicator.classification)
    if table.indicator.additive and parents is not None:
        rows, parts = _beside_part(parents, table.sector, table.region, table.observed)
        names = table.subject.sectors
        yield from each(
            table.subject,
            "CM060",
            table.start + rows,
            lambda row, nth: (
                f"{place(row)} stands beside {names[table.sector[parts[nth]]]}, a part of it",
                "keep either the sector or its parts",
            ),
            column="sector",
        )


def region_twice(table: Table) -> Iterator[Finding]:
    """Regions beside their own parts, in one sector."""
    if table.indicator.additive:
        parents = table.subject.region_parents
        rows, parts = _beside_part(parents, table.region, table.sector, table.observed)
        names = table.subject.regions
        yield from each(
            table.subject,
            "CM061",
            table.start + rows,
            lambda row, nth: (
                f"{place(row)} stands beside {names[table.region[parts[nth]]]}, a part of it",
                f"keep either the region or its parts, or give {row['region']} the role `aggregate`",
            ),
            column="region",
        )


def _beside_part(parents: Ints, along: Ints, across: Ints, observed: Bools) -> tuple[Ints, Ints]:
    """Rows whose code has a part (child, grandchild...) in the same other code, and one such part's row.

    Parameters
    ----------
    parents : (n_codes,) number of each code's parent, -1 without one.
    along : (n,) code of each row in the dimension of `parents`.
    across : (n,) code of each row in the other dimension.
    observed : (n,) rows that have a value; others neither count twice nor are counted twice.
    """
    nobody = np.empty(0, dtype=np.intp)
    if not (parents >= 0).any():
        return nobody, nobody
    seen = np.zeros(len(parents), dtype=np.bool_)
    seen[along[observed]] = True
    ancestors: list[Ints] = []  # of every code: parents, grandparents, ...
    up = parents
    while (up[seen] >= 0).any() and len(ancestors) < 32:  # a circle of parents would never end
        ancestors.append(up)
        up = np.where(up >= 0, parents[up], -1)
    if not any(seen[level[seen & (level >= 0)]].any() for level in ancestors):
        return nobody, nobody
    width = int(across.max()) + 1
    rows = np.flatnonzero(observed)
    own = along[rows].astype(np.int64) * width + across[rows]
    keys, sources = [], []
    for level in ancestors:
        has = level[along[rows]] >= 0
        keys.append(level[along[rows[has]]] * width + across[rows[has]])
        sources.append(rows[has])
    key, source = np.concatenate(keys), np.concatenate(sources)
    order = np.argsort(key, kind="stable")
    at = np.minimum(np.searchsorted(key[order], own), len(key) - 1)
    twice = key[order][at] == own
    return rows[twice], source[order][at][twice]


def total_against_sectors(table: Table) -> Iterator[Finding]:
    """`_T` beside its sectors: never counted, only compared with their sum."""
    subject = table.subject
    total = (table.sector == subject.total) & table.observed
    if not table.indicator.additive or table.region_level or not total.any():
        return
    own = table.observed & (table.sector != subject.total)
    parts = np.bincount(table.region[own], minlength=len(subject.regions))
    sums = _sums(table.region[own], table.value[own], len(subject.regions))
    rows = np.flatnonzero(total)
    region = table.region[rows]
    surplus = table.value[rows] - sums[region]
    tolerance = table.tolerance(sums, parts)[region]
    below = rows[(surplus < -tolerance) & (parts[region] > 0)]
    yield from each(
        subject,
        "CM062",
        table.start + below,
        lambda row, nth: (
            f"{place(row)}: the total {number(row['value'])} is below the sum of its sectors, "
            f"{number(sums[table.region[below[nth]]])}",
            "correct the total or the sectors; the total is left out of every index",
        ),
    )
    above = rows[(surplus > tolerance) & (parts[region] > 0)]
    if len(above):
        yield _first(
            subject,
            "CM063",
            table.start + above,
            f"{table.indicator.id}{_in(table.year)}: the total exceeds the sum of the sectors in {len(above)} "
            f"of {len(rows)} regions",
            "nothing to do if some sectors are not in the file; the total is left out of every index",
            "sector",
        )


def reference_against_regions(table: Table) -> Iterator[Finding]:
    """A published world total below the sum of its regions."""
    if not table.indicator.additive or table.reference < 0:
        return
    n = len(table.subject.sectors)
    sector, value = table.sector[table.parts], table.value[table.parts]
    parts = np.bincount(sector, minlength=n)
    sums = _sums(sector, value, n)
    floor = sums - table.tolerance(sums, parts)
    published = (table.region == table.reference) & table.observed
    rows = np.flatnonzero(published & (parts[table.sector] > 0) & (table.value < floor[table.sector]))
    yield from each(
        table.subject,
        "CM064",
        table.start + rows,
        lambda row, nth: (
            f"{place(row)}: the reference {number(row['value'])} is below the sum of its "
            f"{parts[table.sector[rows[nth]]]} regions, {number(sums[table.sector[rows[nth]]])}",
            "correct the reference or the regions; give a region that is a total the role `aggregate`",
        ),
    )


def alike(table: Table) -> Iterator[Finding]:
    """Two regions with the same values in the same sectors (zeros aside); not looked for among scores."""
    if table.indicator.kind == "score":
        return
    region, sector, value = table.region[table.parts], table.sector[table.parts], table.value[table.parts]
    mark = _sums(region, value * table.subject.weights[sector])  # equal rows have equal marks
    order = np.argsort(mark, kind="stable")
    twins = np.flatnonzero((mark[order[1:]] == mark[order[:-1]]) & (mark[order[1:]] != 0))
    names = table.subject.regions
    for one, other in zip(order[twins].tolist(), order[twins + 1].tolist(), strict=True):
        a, b = ((region == code) & (value != 0) for code in (one, other))
        same = np.array_equal(sector[a], sector[b]) and np.array_equal(value[a], value[b])
        if same and a.sum() >= ALIKE:
            yield _first(
                table.subject,
                "CM081",
                table.start + np.flatnonzero(table.region == other),
                f"{names[one]} and {names[other]} have the same values in all {a.sum()} sectors "
                f"({table.indicator.id}{_in(table.year)})",
                f"check that the rows of {names[other]} are its own",
                "region",
            )


def _in(year: int | None) -> str:
    return "" if year is None else f" {year}"


# ------------------------------------------------------------------------------------------ a series


def undeclared_totals(series: Sequence[Table]) -> Iterator[Finding]:
    """Regions and sectors that look like the sum of all others, over the years one finding each."""
    subject, indicator = series[0].subject, series[0].indicator
    called_total = subject.sectors_called_total(indicator.classification)
    regions: dict[int, list[Ints]] = defaultdict(list)
    sectors: dict[int, list[Ints]] = defaultdict(list)
    for table in series:
        if indicator.additive:
            for sector in _like_the_rest(table, table.sector, table.region, called_total):
                sectors[sector].append(table.start + np.flatnonzero(table.sector == sector))
        for region in like_totals(table):
            if len(rows := np.flatnonzero(table.region == region)):
                regions[region].append(table.start + rows)
    for region, found in regions.items():
        code = subject.regions[region]
        named = code.upper() if code in REFERENCES else code
        why = (
            "is a common code for the world"
            if subject.world_codes[region]
            else "nearly equals the sum of all other regions"
        )
        yield _first(
            subject,
            "CM065",
            np.concatenate(found),
            f"{code} {why} ({indicator.id}) but counts as a region",
            f"give it the role `reference` in regions.csv, or use --reference {named} or --exclude {code}",
            "region",
        )
    for sector, found in sectors.items():
        code = subject.sectors[sector]
        yield _first(
            subject,
            "CM066",
            np.concatenate(found),
            f"{code} nearly equals the sum of all other sectors ({indicator.id}) but counts as a sector",
            f"give a total the code {TOTAL}, or leave it out",
            "sector",
        )


def like_totals(table: Table) -> set[int]:
    """Numbers of the regions that look like the total of all others: by a code for the world, or by their values."""
    subject = table.subject
    found = set(np.flatnonzero(subject.world_codes & table.proper & subject.seen[table.indicator.id][0]).tolist())
    if table.indicator.additive:
        found |= set(_like_the_rest(table, table.region, table.sector, subject.regions_called_total))
    return found


def _like_the_rest(table: Table, along: Ints, across: Ints, called_total: Bools) -> list[int]:
    """Codes whose row is within 1 % of the sum of all other rows, cell by cell.

    In a table too small to tell by the numbers alone, only codes that are called a total are looked at.
    """
    a, b, value = along[table.parts], across[table.parts], table.value[table.parts]
    sums = _sums(a, value)
    rest = sums.sum() - sums
    near = (np.abs(sums - rest) <= NEARLY * rest) & (sums > 0)
    called = called_total[: len(sums)]
    if np.count_nonzero(sums) <= OTHERS:
        near &= called
    found = []
    for code in np.flatnonzero(near).tolist():
        own = _sums(b[a == code], value[a == code], int(b.max()) + 1)
        others = _sums(b, value) - own
        if (called[code] or np.count_nonzero(own) >= OTHERS) and np.abs(own - others).sum() <= NEARLY * others.sum():
            found.append(code)
    return found


def fractions(series: Sequence[Table]) -> Iterator[Finding]:
    """Counts with fractions whose file does not say how items are shared."""
    indicator = series[0].indicator
    if indicator.kind != "count" or indicator.counting is not None or indicator.unit == AS_GIVEN:
        return
    rows = [t.start + np.flatnonzero(t.observed & (t.value != np.floor(t.value))) for t in series]
    found = np.concatenate(rows)
    if len(found):
        yield _first(
            series[0].subject,
            "CM074",
            found,
            f"{len(found):,} counts of {indicator.id} are not whole numbers",
            f'declare counting = "fractional" in {indicator.id}.toml',
            "value",
        )


def coverage(series: Sequence[Table]) -> Iterator[Finding]:
    """Cells without a value, of the regions and sectors that the indicator has in any year."""
    subject, indicator = series[0].subject, series[0].indicator
    region_level = all(table.region_level for table in series)
    regions = subject.seen[indicator.id][0] & series[0].proper
    sectors = subject.seen[indicator.id][1] & (region_level | (np.arange(len(subject.sectors)) != subject.total))
    size = int(regions.sum()) * int(sectors.sum())
    for table in series:
        cells = len(table.value[table.parts])
        if cells < size:
            yield finding(
                "CM090",
                f"{indicator.id}{_in(table.year)}: {cells:,} of {size:,} cells have a value "
                f"({int(regions.sum()):,} regions x {int(sectors.sum()):,} sectors)",
                f"rows that are not there count as {indicator.absent}",
                value=repr(cells / size),
                count=size - cells,
            )


def repeats(series: Sequence[Table]) -> Iterator[Finding]:
    """Cells with one value in four or more periods in a row; small whole numbers and scores may repeat."""
    if series[0].indicator.kind == "score" or len(series) < REPEATS:
        return
    runs = np.ones(len(series[0].value), dtype=np.int32)
    found: dict[tuple[int, int, int], tuple[int, int]] = {}  # region, sector, first period -> last row, periods
    for nth, (before, now) in enumerate(pairwise(series), 1):
        here, there = now.common
        value = now.value[here]
        same = value == before.value[there]
        same[same] = (np.abs(value[same]) >= SMALL) | (value[same] != np.floor(value[same]))
        previous, runs = runs[there], np.ones(len(now.value), dtype=np.int32)
        runs[here] += np.where(same, previous, 0)
        for row in np.flatnonzero(runs >= REPEATS).tolist():
            cell = (int(now.region[row]), int(now.sector[row]), nth - int(runs[row]))
            found[cell] = (now.start + row, int(runs[row]))
    rows = np.array([row for row, _ in found.values()], dtype=np.intp)
    lengths = [periods for _, periods in found.values()]
    yield from each(
        series[0].subject,
        "CM080",
        rows,
        lambda row, nth: (
            f"{place(row)}: the value {number(row['value'])} has not moved in {lengths[nth]} periods",
            "check that the value was not carried forward; mark estimates with status E",
        ),
    )


def breaks(series: Sequence[Table]) -> Iterator[Finding]:
    """Cells more than five times, or less than a fifth of, the period before; one finding per region."""
    subject, indicator = series[0].subject, series[0].indicator
    if indicator.kind == "score":
        return
    jumps: list[Ints] = [np.empty(0, dtype=np.intp)]
    earlier: list[Ints] = [np.empty(0, dtype=np.intp)]
    for before, now in pairwise(series):
        here, there = now.common
        was, value = before.value[there], now.value[here]
        low, high = np.minimum(was, value), np.maximum(was, value)  # NaN where either is
        found = np.flatnonzero((low >= SMALL) & (high > BREAK * low))
        jumps.append(now.start + np.arange(len(now.value))[here][found])
        earlier.append(before.start + np.arange(len(before.value))[there][found])
    rows = np.concatenate(jumps)
    frame = pl.DataFrame({"row": rows, "before": np.concatenate(earlier)}).with_columns(
        region=subject.frame["region"].gather(rows).to_physical(),
        declared=(subject.frame["status"].gather(rows) == "B").fill_null(value=False),
    )
    for (region, declared), group in frame.group_by("region", "declared", maintain_order=True):
        first, previous = subject.at(int(group["row"][0])), subject.at(int(group["before"][0]))
        yield _first(
            subject,
            "CM083" if declared else "CM082",
            group["row"].to_numpy(),
            f"{subject.regions[int(str(region))]}: {group.height} value{'s' if group.height != 1 else ''} of "
            f"{indicator.id} more than five times, or less than a fifth of, the period before; first "
            f"{place(first)}: {number(previous['value'])} in {previous['year']}, then {number(first['value'])}",
            "nothing to do: change and trend are suspended there"
            if declared
            else "correct it, or declare a known break with status B",
            "value",
        )


def beyond_numbers(series: Sequence[Table]) -> Iterator[Finding]:
    """Values so large, or all of them so small, that sums or products of two sums are beyond a computer's numbers."""
    count = sum(len(table.value) for table in series)
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.fmax.reduce([np.fmax.reduce(np.abs(table.value)) for table in series])
        if series[0].indicator.additive and 0 < largest < SMALLEST:
            yield _too_small(series)
        if not largest * count > LARGEST:  # NaN where nothing is known
            return
        size = np.abs(np.concatenate([table.value for table in series]))
        total = np.nansum(size)
    if total <= LARGEST:
        return
    rows = series[0].start + np.flatnonzero(size > LARGEST / len(size))
    yield _first(
        series[0].subject,
        "CM042",
        rows,
        f"{len(rows):,} value{'s' if len(rows) != 1 else ''} of {series[0].indicator.id} too large to add up",
        "check the exponents, or choose a larger unit",
        "value",
    )


def _too_small(series: Sequence[Table]) -> Finding:
    rows = series[0].start + np.flatnonzero(np.abs(np.concatenate([table.value for table in series])) > 0)
    return _first(
        series[0].subject,
        "CM042",
        rows,
        f"no value of {series[0].indicator.id} is large enough to multiply two of them",
        "check the exponents, or choose a smaller unit",
        "value",
    )


TABLE_CHECKS: tuple[Callable[[Table], Iterator[Finding]], ...] = (
    above_hundred,
    out_of_bounds,
    sector_twice,
    region_twice,
    total_against_sectors,
    reference_against_regions,
    alike,
)
SERIES_CHECKS: tuple[Callable[[Sequence[Table]], Iterator[Finding]], ...] = (
    undeclared_totals,
    fractions,
    coverage,
    repeats,
    breaks,
)
