"""One indicator over all its periods as integer-coded arrays: the bridge from frames to formulas for long panels.

`Matrix` serves questions about one full table; a panel of 2,500 regions by 900 sectors with a tenth of its cells
observed would be ten times larger in that form, so the specialisation measures work on the observed cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.errors import UsageError
from capmap.methods.specialisation import Cells
from capmap.model import TOTAL, Indicator, Project

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Observed cells of one indicator, sorted by (period, region, sector).

    `regions`, `sectors` and `years` label the integer codes; only regions of role `region` are held.
    `reference` is (n_periods, n_sectors), NaN where no total is published, or None without a published reference.
    `status` holds codes into `status_labels`, -1 for a normal value.
    """

    indicator: Indicator
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    years: tuple[int | None, ...]
    region: NDArray[np.int32]
    sector: NDArray[np.int32]
    value: Floats
    status: NDArray[np.int8]
    status_labels: tuple[str, ...]
    offsets: NDArray[np.intp]
    reference: Floats | None
    reference_code: str | None

    def rows(self, period: int) -> slice:
        """Where the cells of a period stand."""
        return slice(int(self.offsets[period]), int(self.offsets[period + 1]))

    def periods_in(self, period: int, window: int) -> range:
        """Periods within `window` calendar years ending at the year of `period`."""
        last = self.years[period]
        if last is None:
            return range(period, period + 1)
        first = period
        while first > 0 and (earlier := self.years[first - 1]) is not None and earlier > last - window:
            first -= 1
        return range(first, period + 1)

    def cells(self, period: int, window: int = 1) -> tuple[Cells, NDArray[np.int8]]:
        """Cells summed over the window that ends at `period`, with the status of their latest row.

        A cell that is null in any period of the window is null in the sum: a partial sum would pass for a fall.
        Under `absent_rows = "missing"` so is a cell that has no row in one of them.
        """
        periods = self.periods_in(period, window)
        if len(periods) == 1:
            rows = self.rows(period)
            return (
                Cells(
                    self.region[rows],
                    self.sector[rows],
                    self.value[rows],
                    len(self.regions),
                    len(self.sectors),
                ),
                self.status[rows],
            )
        rows = slice(int(self.offsets[periods[0]]), int(self.offsets[periods[-1] + 1]))
        key = self.region[rows].astype(np.int64) * len(self.sectors) + self.sector[rows]
        cell, latest_from_end, where, seen = np.unique(
            key[::-1], return_index=True, return_inverse=True, return_counts=True
        )
        value = np.asarray(np.bincount(where, self.value[rows][::-1], cell.size), np.float64)
        if self.indicator.absent == "missing":
            value[seen < len(periods)] = np.nan
        status = self.status[rows][::-1][latest_from_end]
        region, sector = np.divmod(cell, len(self.sectors))
        return (
            Cells(region.astype(np.int32), sector.astype(np.int32), value, len(self.regions), len(self.sectors)),
            status,
        )

    def reference_in(self, period: int, window: int = 1) -> Floats | None:
        """Published totals summed over the window, (n_sectors,); NaN if one of its periods lacks the sector."""
        if self.reference is None:
            return None
        periods = self.periods_in(period, window)
        total: Floats = self.reference[periods[0] : periods[-1] + 1].sum(axis=0)
        return total


def panel(project: Project, indicator: str, *, exclude: Sequence[str] = ()) -> Panel:
    """Cells of one indicator for the regions of the table; reference and aggregate rows are kept apart.

    `_T` rows are left out wherever the indicator has rows for sectors of their own.
    """
    meta = project.catalogue[indicator]
    frame = rows_of(project.observations, indicator)
    if frame.is_empty():
        raise UsageError(f"indicator {indicator} has no observations in this project")
    region_labels = _categories(frame["region"])
    sector_labels = _categories(frame["sector"])
    region = frame["region"].to_physical().to_numpy().astype(np.int32)
    sector = frame["sector"].to_physical().to_numpy().astype(np.int32)
    value = frame["value"].to_numpy()
    status = _status(frame["status"])
    years, period = _periods(frame["year"])

    seen_sector = np.bincount(sector, minlength=len(sector_labels)) > 0
    kept_sector = seen_sector.copy()
    if TOTAL in sector_labels and kept_sector.sum() > 1:
        kept_sector[sector_labels.index(TOTAL)] = False
    roles = _roles(project, region_labels)
    seen_region = np.bincount(region, minlength=len(region_labels)) > 0
    reference_code = _reference_code(meta, region_labels, roles, seen_region)
    apart = {*exclude, reference_code}
    is_region = np.array([r == "region" and c not in apart for c, r in zip(region_labels, roles, strict=True)])
    is_region &= seen_region

    reference = None
    if reference_code is not None:
        mine = (region == region_labels.index(reference_code)) & kept_sector[sector]
        reference = np.full((len(years), np.count_nonzero(kept_sector)), np.nan)
        reference[period[mine], _renumbered(sector[mine], kept_sector)] = value[mine]

    if (is_region != seen_region).any() or (kept_sector != seen_sector).any():
        keep = is_region[region] & kept_sector[sector]
        region, sector, period = region[keep], sector[keep], period[keep]
        value, status = value[keep], status[keep]
    return Panel(
        meta,
        tuple(compress(region_labels, is_region)),
        tuple(compress(sector_labels, kept_sector)),
        years,
        _renumbered(region, is_region),
        _renumbered(sector, kept_sector),
        value,
        status,
        tuple(_categories(frame["status"])),
        np.searchsorted(period, np.arange(len(years) + 1)),
        reference,
        reference_code,
    )


def rows_of(observations: pl.DataFrame, indicator: str) -> pl.DataFrame:
    """Rows of one indicator, found by bisection, as they are sorted by indicator; none where it has no rows."""
    codes = observations["indicator"].to_physical()
    labels = _categories(observations["indicator"])
    if indicator not in labels:
        return observations.clear()
    code = labels.index(indicator)
    start = codes.search_sorted(code, "left")
    return observations[start : codes.search_sorted(code, "right")]


def _categories(column: pl.Series) -> list[str]:
    dtype = column.dtype
    assert isinstance(dtype, pl.Enum)
    return dtype.categories.to_list()


def _status(column: pl.Series) -> NDArray[np.int8]:
    """Codes of the letters, -1 for a normal value."""
    if column.null_count() == len(column):
        return np.full(len(column), -1, np.int8)
    return column.to_physical().fill_null(-1).cast(pl.Int8).to_numpy()


def _renumbered(codes: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Codes among the labels that are kept, where none of another label is left."""
    if kept[: np.count_nonzero(kept)].all():  # what is left out stands behind
        return codes
    new: NDArray[np.int32] = (np.cumsum(kept, dtype=np.int32) - 1)[codes]
    return new


def _periods(year: pl.Series) -> tuple[tuple[int | None, ...], NDArray[np.int32]]:
    if year.null_count():
        return (None,), np.zeros(len(year), np.int32)
    years = year.to_numpy()
    first = np.flatnonzero(np.r_[True, years[1:] != years[:-1]])  # the frame is sorted by year
    lengths = np.diff(np.r_[first, years.size])
    return tuple(int(y) for y in years[first]), np.repeat(np.arange(first.size, dtype=np.int32), lengths)


def _roles(project: Project, labels: Sequence[str]) -> list[str]:
    listed = project.codes.regions
    role = dict(zip(listed["code"].to_list(), listed["role"].to_list(), strict=True))
    return [role.get(label) or "region" for label in labels]


def _reference_code(
    meta: Indicator, labels: Sequence[str], roles: Sequence[str], seen: NDArray[np.bool_]
) -> str | None:
    if meta.reference is not None:
        return meta.reference if meta.reference in labels and seen[labels.index(meta.reference)] else None
    found = [label for label, role, has in zip(labels, roles, seen, strict=True) if role == "reference" and has]
    return found[0] if found else None
