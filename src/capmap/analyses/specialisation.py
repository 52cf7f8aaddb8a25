"""How specialised is each region in each sector, and how sure is that? (`capmap rca`)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.blocks import (
    BANDS,
    CLASSES,
    COLUMNS,
    EXTRAS,
    NOTE_BIT,
    NOTES,
    TRAJECTORIES,
    Block,
    measure,
    threads,
)
from capmap.analyses.reference import needs
from capmap.data.panel import Panel, panel, rows_of
from capmap.data.totals import declared
from capmap.errors import RefusedError, UsageError
from capmap.model import TOTAL, Indicator, Project, Result, SpecialisationSection

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Indicators that a refusal names.
_NAMED = 6
INTEGERS = {"rank_world", "persistence", "diversity", "ubiquity", "periods"}
LABELS: dict[str, tuple[str, ...]] = {
    "class": CLASSES,
    "class_ex_largest": CLASSES,
    "band": BANDS,
    "trajectory": TRAJECTORIES,
}


def settings(project: Project, **changes: object) -> SpecialisationSection:
    """The `[specialisation]` section with the changes given (None means unchanged), validated again.

    Excluded regions may be named as anywhere else. Raises UsageError for an unknown one, one that is no region
    of the table, one that the reference needs, and a threshold that no index can be held against.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if isinstance(given.get("exclude"), str):
        given["exclude"] = (given["exclude"],)
    options = selection.changed(project.run.specialisation, given)
    if options.exclude:
        options = options.model_copy(update={"exclude": _excluded(project, options)})
    return options


def _excluded(project: Project, options: SpecialisationSection) -> tuple[str, ...]:
    """Codes of the regions left out; raises where the reference needs one, or one is no region of the table."""
    codes = selection.regions(project, options.exclude)
    role = dict(project.codes.regions.select("code", "role").iter_rows())
    for code in codes:
        if needs(project, options.reference, code):
            raise UsageError(
                f"{code} is left out of the table and needed for the reference {options.reference}",
                fix=f"name {code} under --reference or under --exclude, not both",
            )
        if role.get(code) == "reference":
            raise UsageError(
                f"{code} is a published total, not a region of the table, so there is nothing to leave out",
                fix="to measure against the sum of the regions: --reference sum",
            )
        if role.get(code) == "aggregate":
            raise UsageError(
                f"{code} is an aggregate, which is no region of the table anyway", fix="leave it out of --exclude"
            )
    return tuple(codes)


def rca(
    project: Project,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    region: Sequence[str] = (),
    sector: Sequence[str] = (),
    classes: Sequence[str] = (),
    extras: Sequence[str] = (),
    complete: bool = False,
    **changes: Any,
) -> Result:
    """Revealed comparative advantage of regions in sectors, with its doubt: one row per observed cell.

    Parameters
    ----------
    project : a loaded project.
    indicator : ids; default every count and value with more than one sector. An intensity or score named here
        is refused with the command that fits it.
    year : `latest` (each indicator's own last year), a year, `Y1:Y2` or `all`.
    region, sector, classes : rows wanted in the answer; every index is still measured on the whole table.
    extras : names of EXTRAS to append.
    complete : add the cells that have no row, as zero or missing by the indicator's `absent_rows`.
    changes : any key of `[specialisation]`, such as `reference="ex:CHN"` or `window=3`.

    Returns
    -------
    Result with table `rca` (columns COLUMNS, then the extras), sorted by indicator, year, region, sector, and
    `meta["blocks"]` telling for each indicator and year the reference, prior, dispersion and periods used.

    Raises
    ------
    UsageError : unknown names; an intensity asked for by name.
    RefusedError : no indicator or year with anything to compute: no such year, no row of the regions and sectors asked
        for, or no value above 0. A class that no row has is an answer, an empty table.
    """
    options = settings(project, **changes)
    project = declared(project, options.reference)
    unknown = [name for name in extras if name not in EXTRAS]
    if unknown:
        raise UsageError(f"unknown --with {', '.join(unknown)}", fix=f"choose from {', '.join(EXTRAS)}")
    kept = _classes(classes)
    chosen, skipped = measurable(project, indicator)
    wanted_regions = set(selection.regions(project, region))
    wanted_sectors = {selection.sector(project, text, chosen) for text in sector}
    frames: list[pl.DataFrame] = []
    blocks: list[dict[str, Any]] = []
    empty: list[dict[str, Any]] = []
    anything = False
    for meta in chosen:
        whole = panel(project, meta.id, exclude=options.exclude)
        _comparable(whole)
        wanted = selection.periods(whole.years, year)
        if not wanted:
            empty.append({"indicator": meta.id, "asked": str(year), "has": [y for y in whole.years if y is not None]})
            continue
        measured = measure(project, whole, wanted, options, extras=extras, complete=complete)
        blocks += [block.meta for block in measured]
        anything |= any((block.cells.value > 0).any() for block in measured)
        make = _framing(project, whole, wanted_regions, wanted_sectors, extras)
        with threads(sum(block.cells.value.size for block in measured)) as several:
            frames += several(make, measured)
    if not frames:
        if skipped and not empty:
            raise _none_fits(skipped)
        said = "; ".join(f"{e['indicator']}: no data in {e['asked']} (has {_years(e['has'])})" for e in empty)
        raise RefusedError(
            said or "no count or value indicator with more than one sector", fix="see `capmap indicators`"
        )
    if not anything:
        raise RefusedError(
            f"nothing to compute: every value of {selection.places(blocks)} is 0 or missing",
            fix="choose another year or indicator: `capmap indicators`",
        )
    table = pl.concat(frames)
    if table.is_empty():
        raise _no_rows(project, blocks, sorted(wanted_regions), sorted(wanted_sectors), options.exclude)
    if kept:
        table = table.filter(pl.col("class").cast(pl.String).is_in(kept))
        blocks = [b for b in blocks if b["indicator"] in set(table["indicator"].cast(pl.String))] or blocks
    elif wanted_sectors:
        blocks = [b for b in blocks if b["indicator"] in set(table["indicator"].cast(pl.String))]
    return Result("rca", {"rca": table}, {
        "command": "rca",
        "parameters": options.model_dump() | {"year": str(year), "with": list(extras), "complete": complete},
        "blocks": blocks,
        "no_data": empty,
        "skipped": skipped,
    })  # fmt: skip


def _no_rows(
    project: Project,
    blocks: Sequence[dict[str, Any]],
    regions: Sequence[str],
    sectors: Sequence[str],
    excluded: Sequence[str],
) -> RefusedError:
    """Why no row of what was measured is of these regions and sectors."""
    if regions and set(regions) <= set(excluded):
        return RefusedError(f"{', '.join(regions)}: left out by --exclude", fix="ask for a region that is in the table")
    roles = dict(project.codes.regions.select("code", "role").iter_rows())
    totals = [code for code in regions if roles.get(code) not in (None, "region")]
    if totals and len(totals) == len(regions):
        said = ", ".join(f"{code} ({roles[code]})" for code in totals)
        return RefusedError(f"{said}: no region, so it has no index", fix="name a region: `capmap regions`")
    asked = ", ".join([*regions, *sectors])
    held = selection.years_with(project, regions, sectors)
    return RefusedError(
        f"no rows of {asked} in {selection.places(blocks)}" + (f" (has {held})" if held else ""),
        fix="`capmap regions` and `capmap sectors` tell who has which indicators",
    )


def _classes(wanted: Sequence[str]) -> list[str]:
    """Classes as they stand in files; the words of the screen are understood too."""
    said = {"not specialised": "below", "none found": "none", **{name: name for name in CLASSES}}
    unknown = [name for name in wanted if name not in said]
    if unknown:
        raise UsageError(f"unknown --class {', '.join(unknown)}", fix=f"choose from {', '.join(CLASSES)}")
    return [said[name] for name in wanted]


def measurable(project: Project, wanted: Sequence[str] = ()) -> tuple[list[Indicator], list[dict[str, str]]]:
    """Counts and values that an RCA can be taken of, and what was passed over with the reason.

    Raises UsageError where an indicator named by the user is an intensity, a score or has one sector only.
    """
    chosen, skipped = [], []
    for meta in selection.indicators(project, wanted):
        reason = _unfit(project, meta)
        if reason is None:
            chosen.append(meta)
        elif wanted:
            raise UsageError(f"no RCA of {meta.id}: {reason[0]}", fix=reason[1])
        else:
            skipped.append({"indicator": meta.id, "reason": reason[0], "instead": reason[1]})
    return chosen, skipped


def _none_fits(skipped: Sequence[Mapping[str, str]]) -> RefusedError:
    """The refusal where no indicator has an RCA and none was asked for by name, with the reasons."""
    by_reason: dict[str, list[Mapping[str, str]]] = {}
    for one in skipped:
        by_reason.setdefault(one["reason"], []).append(one)
    said = []
    for reason, rows in by_reason.items():
        more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
        said.append(f"no RCA of {', '.join(row['indicator'] for row in rows[:_NAMED])}{more}: {reason}")
    return RefusedError("; ".join(said), fix="; ".join(rows[0]["instead"] for rows in by_reason.values()))


def _comparable(whole: Panel) -> None:
    """Raises where an index says nothing: one sector, or one region that is its own world."""
    if len(whole.sectors) < 2 or (len(whole.regions) < 2 and whole.reference is None) or not whole.regions:
        raise RefusedError(
            f"{whole.indicator.id} has {len(whole.regions)} region(s) and {len(whole.sectors)} sector(s): every index "
            "would be 1",
            fix="an index needs two regions (or a published world) and two sectors",
        )


def _unfit(project: Project, meta: Indicator) -> tuple[str, str] | None:
    if meta.kind == "intensity":
        return (
            "an intensity is a ratio already, and a ratio of ratios misleads",
            f"capmap intensity -i {meta.id}",
        )
    if meta.kind == "score":
        return "a score is a judgement on a bounded scale, not an amount", f"capmap normalise -i {meta.id}"
    if not (rows_of(project.observations, meta.id)["sector"] != TOTAL).any():
        return f"it has no sectors, only {TOTAL}", f"capmap normalise -i {meta.id}"
    return None


def _framing(
    project: Project, whole: Panel, regions: set[str], sectors: set[str], extras: Sequence[str]
) -> Callable[[Block], pl.DataFrame]:
    """A function that makes a frame of a block of the indicator, rows and columns as documented, and empties it."""
    kinds = project.observations.schema
    translate = {
        "region": _translation(whole.regions, kinds["region"]),
        "sector": _translation(whole.sectors, kinds["sector"]),
        "status": _translation(whole.status_labels, kinds["status"]),
    } | {name: _translation(labels, pl.Enum(labels)) for name, labels in LABELS.items()}
    translate["largest_other"] = translate["region"]

    def series(block: Block, name: str, mask: Bools | None, height: int) -> pl.Series:
        def rows(name: str) -> NDArray[Any]:
            found = _column(block, name)
            return found if mask is None else found[mask]

        if name == "indicator":
            return pl.repeat(whole.indicator.id, height, dtype=kinds["indicator"], eager=True)
        if name == "year":
            return pl.repeat(whole.years[block.period], height, dtype=pl.Int32, eager=True)
        if name in translate:
            return _categories(rows(name), *translate[name])
        if name == "note":
            dominated = (block.largest >= 0).any()
            return _notes(whole, rows("flags"), rows("largest_other") if dominated else None)
        if name in INTEGERS:
            return _null_below_zero(rows(name))
        return pl.Series(rows(name), nan_to_null=True)

    def frame(block: Block) -> pl.DataFrame:
        mask = _selected(whole, block, regions, sectors)
        height = block.cells.value.size if mask is None else int(mask.sum())
        names = (*COLUMNS, *(name for extra in EXTRAS if extra in extras for name in EXTRAS[extra]))
        return pl.DataFrame({name: series(block, name, mask, height) for name in names})

    return frame


def _column(block: Block, name: str) -> NDArray[Any]:
    """A column of a block, taken out of it to free the memory once the frame holds it."""
    if name in ("region", "sector"):
        found: NDArray[Any] = getattr(block.cells, name)
        return found
    if name == "flags":
        return block.flags
    if name == "largest_other":
        return block.largest[block.cells.region]
    if name in block.columns:
        return block.columns.pop(name)
    if name in LABELS or name in INTEGERS:
        return np.full(block.cells.value.size, -1, np.int32)
    return np.full(block.cells.value.size, np.nan)


def _selected(whole: Panel, block: Block, regions: set[str], sectors: set[str]) -> Bools | None:
    """Rows the user asked for, or None for all of them."""
    if not regions and not sectors:
        return None
    mask = np.ones(block.cells.value.size, bool)
    if regions:
        mask &= np.isin(whole.regions, list(regions))[block.cells.region]
    if sectors:
        mask &= np.isin(whole.sectors, list(sectors))[block.cells.sector]
    return mask


def _null_below_zero(codes: NDArray[Any]) -> pl.Series:
    column = pl.Series(codes)
    return column.set(column < 0, None) if codes.size and codes.min() < 0 else column


def _translation(labels: Sequence[str], kind: pl.DataType) -> tuple[NDArray[Any], pl.DataType]:
    """Codes into a wider category list for codes into `labels`, and the type that has that list."""
    codes = pl.Series(labels, dtype=kind).to_physical().to_numpy()
    return np.append(codes, codes[:1]), kind  # code -1 reaches the last entry


def _categories(codes: NDArray[Any], translate: NDArray[Any], kind: pl.DataType) -> pl.Series:
    """Integer codes as a column of categories; -1 is null."""
    if codes.size == 0 or codes.max() < 0:
        return pl.repeat(None, codes.size, dtype=kind, eager=True)
    column = pl.Series(translate[codes]).cat.to(kind)
    return column if codes.min() >= 0 else column.set(pl.Series(codes < 0), None)


def _notes(whole: Panel, flags: NDArray[np.uint16], largest: NDArray[np.int32] | None) -> pl.Series:
    """Reasons as text: one entry per distinct combination, `depends_on` with the code of the region meant."""
    dependent = NOTE_BIT["depends_on"]
    meant = np.empty(0, np.intp)
    if largest is not None:
        meant = np.flatnonzero(np.bincount(largest[(flags & dependent) > 0] + 1)) - 1  # at most a few regions
    texts: list[str | None] = [None]
    entry = np.zeros((1 << len(NOTES), meant.size + 1), np.uint32)
    seen = np.zeros(1 << len(NOTES), bool)
    seen[flags] = True
    for value in np.flatnonzero(seen).tolist():
        names = [name for name, bit in NOTE_BIT.items() if value & bit and name != "depends_on"]
        for k, region in enumerate([*meant.tolist(), None]):
            marked = [f"depends_on:{whole.regions[region]}"] if value & dependent and region is not None else []
            if names or marked:
                entry[value, k] = len(texts)
                texts.append(";".join(sorted(names + marked)))
    if largest is None:
        ids = entry[:, 0][flags]
    else:
        which = np.full(len(whole.regions) + 1, meant.size, np.int32)
        which[meant] = np.arange(meant.size)
        ids = entry[flags, which[largest]]
    return pl.Series(texts, dtype=pl.Categorical).gather(pl.Series(ids))


def _years(years: Iterable[int]) -> str:
    return ", ".join(map(str, years))
