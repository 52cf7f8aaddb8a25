"""How specialised is each region in each sector, and how sure is that? (`capmap rca`)"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
)
from capmap.data.panel import Panel, panel
from capmap.errors import RefusedError, UsageError
from capmap.model import TOTAL, Indicator, Project, Result, SpecialisationSection

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

INTEGERS = {"rank_world", "persistence", "diversity", "ubiquity", "periods"}
LABELS: dict[str, tuple[str, ...]] = {
    "class": CLASSES,
    "class_ex_largest": CLASSES,
    "band": BANDS,
    "trajectory": TRAJECTORIES,
}


def settings(project: Project, **changes: object) -> SpecialisationSection:
    """The `[specialisation]` section with the changes given (None means unchanged), validated again."""
    given = {key: value for key, value in changes.items() if value is not None}
    if not given:
        return project.run.specialisation
    from pydantic import ValidationError

    try:
        return SpecialisationSection.model_validate(project.run.specialisation.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


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
    RefusedError : no indicator or year with anything to compute.
    """
    options = settings(project, **changes)
    unknown = [name for name in extras if name not in EXTRAS]
    if unknown:
        raise UsageError(f"unknown --with {', '.join(unknown)}", fix=f"choose from {', '.join(EXTRAS)}")
    chosen, skipped = measurable(project, indicator)
    wanted_regions = set(selection.regions(project, region))
    wanted_sectors = {selection.sector(project, text, chosen) for text in sector}
    frames, blocks, empty = [], [], []
    for meta in chosen:
        whole = panel(project, meta.id, exclude=options.exclude)
        wanted = selection.periods(whole.years, year)
        if not wanted:
            empty.append({"indicator": meta.id, "asked": str(year), "has": [y for y in whole.years if y is not None]})
            continue
        measured = measure(project, whole, wanted, options, extras=extras, complete=complete)
        blocks += [block.meta for block in measured]
        frames.append(_frame(project, whole, measured, wanted_regions, wanted_sectors, extras))
    if not frames:
        said = "; ".join(f"{e['indicator']}: no data in {e['asked']} (has {_years(e['has'])})" for e in empty)
        raise RefusedError(
            said or "no count or value indicator with more than one sector", fix="see `capmap indicators`"
        )
    table = pl.concat(frames)
    if classes:
        table = table.filter(pl.col("class").cast(pl.String).is_in(list(classes)))
    return Result("rca", {"rca": table}, {
        "command": "rca",
        "parameters": options.model_dump() | {"year": str(year), "with": list(extras), "complete": complete},
        "blocks": blocks,
        "no_data": empty,
        "skipped": skipped,
    })  # fmt: skip


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


def _unfit(project: Project, meta: Indicator) -> tuple[str, str] | None:
    if meta.kind == "intensity":
        return (
            "an intensity is a ratio already, and a ratio of ratios misleads",
            f"capmap intensity -i {meta.id}",
        )
    if meta.kind == "score":
        return "a score is a judgement on a bounded scale, not an amount", f"capmap normalise -i {meta.id}"
    own = project.observations.lazy().filter((pl.col("indicator") == meta.id) & (pl.col("sector") != TOTAL))
    if own.select("sector").head(1).collect().is_empty():
        return f"it has no sectors, only {TOTAL}", f"capmap normalise -i {meta.id}"
    return None


def _frame(
    project: Project,
    whole: Panel,
    blocks: Sequence[Block],
    regions: set[str],
    sectors: set[str],
    extras: Sequence[str],
) -> pl.DataFrame:
    """Blocks of one indicator as a frame, rows and columns as documented; empties the blocks as it goes."""
    keep = [_selected(whole, block, regions, sectors) for block in blocks]
    lengths = [b.cells.value.size if mask is None else int(mask.sum()) for b, mask in zip(blocks, keep, strict=True)]
    kinds = project.observations.schema

    def gather(name: str) -> NDArray[Any]:
        parts = [_column(block, name) for block in blocks]
        parts = [part if mask is None else part[mask] for part, mask in zip(parts, keep, strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    series: list[pl.Series] = []
    for name in (*COLUMNS, *(name for extra in EXTRAS if extra in extras for name in EXTRAS[extra])):
        if name == "indicator":
            column = pl.repeat(whole.indicator.id, sum(lengths), dtype=kinds["indicator"], eager=True)
        elif name == "year":
            column = _year_column([whole.years[block.period] for block in blocks], lengths)
        elif name in ("region", "largest_other"):
            column = _categories(gather(name), whole.regions, kinds["region"])
        elif name == "sector":
            column = _categories(gather(name), whole.sectors, kinds["sector"])
        elif name == "status":
            column = _categories(gather(name), whole.status_labels, kinds["status"])
        elif name in LABELS:
            column = _categories(gather(name), LABELS[name], pl.Enum(LABELS[name]))
        elif name == "note":
            column = _notes(whole, gather("flags"), gather("largest_other"))
        elif name in INTEGERS:
            column = _null_below_zero(pl.Series(gather(name)))
        else:
            values = gather(name)
            column = pl.Series(values, nan_to_null=bool(np.isnan(values).any()))
        series.append(column.alias(name))
    return pl.DataFrame(series)


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


def _null_below_zero(codes: pl.Series) -> pl.Series:
    return pl.select(pl.when(codes >= 0).then(codes)).to_series() if codes.len() and codes.min() < 0 else codes


def _categories(codes: NDArray[Any], labels: Sequence[str], kind: pl.DataType) -> pl.Series:
    """Integer codes into `labels` as a column of a wider category list; -1 is null."""
    assert isinstance(kind, pl.Enum)
    place = {label: k for k, label in enumerate(kind.categories.to_list())}
    translate = np.array([*(place[label] for label in labels), -1], np.int32)  # code -1 reaches the last entry
    return pl.Series(translate[codes]).cast(pl.UInt32, strict=False).cat.to(kind)  # a negative code becomes null


def _year_column(years: Sequence[int | None], lengths: Sequence[int]) -> pl.Series:
    if years == [None]:
        return pl.Series([None] * lengths[0], dtype=pl.Int32)
    return pl.Series(np.repeat(np.array(years, np.int32), lengths))


def _notes(whole: Panel, flags: NDArray[np.uint16], largest: NDArray[np.int32]) -> pl.Series:
    """Reasons as text: one entry per distinct combination, `depends_on` with the code of the region meant."""
    dependent = NOTE_BIT["depends_on"]
    meant = np.flatnonzero(np.bincount(largest[(flags & dependent) > 0] + 1)) - 1  # at most a few regions
    texts: list[str | None] = [None]
    entry = np.zeros((1 << len(NOTES), meant.size + 1), np.int32)
    which = np.full(len(whole.regions) + 1, meant.size, np.int32)
    which[meant] = np.arange(meant.size)
    for value in np.flatnonzero(np.bincount(flags)).tolist():
        names = [name for name, bit in NOTE_BIT.items() if value & bit and name != "depends_on"]
        for k, region in enumerate([*meant.tolist(), None]):
            marked = [f"depends_on:{whole.regions[region]}"] if value & dependent and region is not None else []
            if names or marked:
                entry[value, k] = len(texts)
                texts.append(";".join(sorted(names + marked)))
    ids = entry[flags, which[largest]] if meant.size else entry[:, 0][flags]
    return pl.Series(texts, dtype=pl.Categorical).gather(pl.Series(ids.astype(np.uint32)))


def _years(years: Iterable[int]) -> str:
    return ", ".join(map(str, years))
