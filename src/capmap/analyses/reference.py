"""What "the world" is: the reference that every region is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capmap.analyses import selection
from capmap.data.panel import Panel
from capmap.errors import UsageError
from capmap.methods import specialisation as measures
from capmap.methods.specialisation import Bools, Cells, Floats
from capmap.model import Project


@dataclass(frozen=True)
class Reference:
    """What the world is: the totals of a period, whose shares they hold, and how to say it.

    `totals` (period, window, cells) gives (n_sectors,) or (n_regions, n_sectors), or None for the sum of regions;
    `inside` (n_regions,) says which regions are part of it.
    """

    kind: str
    label: str
    totals: Callable[[int, int, Cells], Floats | None]
    inside: Bools


def resolve_reference(project: Project, whole: Panel, text: str) -> Reference:
    """What `--reference` names, for one panel: world | sum | peers | CODE | ex:CODE | group:NAME."""
    everyone = np.ones(len(whole.regions), bool)
    published = whole.reference is not None

    def world(period: int, window: int, cells: Cells) -> Floats | None:  # noqa: ARG001
        return whole.reference_in(period, window)

    def total(period: int, window: int, cells: Cells) -> Floats:
        found = world(period, window, cells)
        return measures.margins(cells, None, absent=whole.indicator.absent).sector if found is None else found

    if text == "world":
        label = f"published total {whole.reference_code}" if published else f"sum of the {len(whole.regions)} regions"
        return Reference("published" if published else "sum", label, world, everyone)
    if text == "sum":
        return Reference("sum", f"sum of the {len(whole.regions)} regions", lambda *_: None, everyone)
    if text == "peers":
        from capmap.analyses.peers import peers_of, structure

        known = structure(project)

        place = {code: k for k, code in enumerate(whole.regions)}
        rows = [[place[p] for p in peers_of(project, code, known).codes if p in place] for code in whole.regions]

        def peers(period: int, window: int, cells: Cells) -> Floats:  # noqa: ARG001
            full = np.nan_to_num(dense(cells, whole.indicator.absent))
            return np.vstack([full[k].sum(axis=0) if k else np.full(cells.n_sectors, np.nan) for k in rows])

        return Reference("peers", "sum of each region's own peers", peers, np.zeros(len(whole.regions), bool))
    if text.startswith("ex:"):
        code = selection.region(project, text[3:])
        row = _row_of(whole, code)

        def without(period: int, window: int, cells: Cells) -> Floats:
            return np.maximum(total(period, window, cells) - dense_row(cells, row, whole.indicator.absent), 0.0)

        inside = everyone.copy()
        inside[row] = False
        return Reference(
            "ex", f"{'published total' if published else 'sum of regions'} without {code}", without, inside
        )
    if text.startswith("group:"):
        members = set(selection.in_group(project, text[6:]))
        inside = np.array([code in members for code in whole.regions])
        if not inside.any():
            raise UsageError(f"no region of group {text[6:]} has {whole.indicator.id}")

        def group(period: int, window: int, cells: Cells) -> Floats:  # noqa: ARG001
            kept = inside[cells.region] & ~np.isnan(cells.value)
            sums: Floats = np.bincount(cells.sector[kept], cells.value[kept], cells.n_sectors).astype(np.float64)
            return sums

        return Reference("group", f"sum of the {inside.sum()} regions of {text[6:]} in the table", group, inside)
    if text == whole.reference_code:
        return Reference("published", f"published total {text}", world, everyone)
    code = selection.region(project, text)
    row = _row_of(whole, code)

    def single(period: int, window: int, cells: Cells) -> Floats:  # noqa: ARG001
        return dense_row(cells, row, whole.indicator.absent)

    return Reference("region", f"region {code}", single, np.arange(len(whole.regions)) == row)


def _row_of(whole: Panel, code: str) -> int:
    if code not in whole.regions:
        raise UsageError(f"region {code} has no rows of {whole.indicator.id}, so it cannot be in the reference")
    return whole.regions.index(code)


def dense_row(cells: Cells, row: int, absent: str) -> Floats:
    """Values of one region over all sectors; a cell without a row is 0 or NaN by the absent rule."""
    values = np.full(cells.n_sectors, 0.0 if absent == "zero" else np.nan)
    mine = cells.region == row
    values[cells.sector[mine]] = cells.value[mine]
    return values


def dense(cells: Cells, absent: str) -> Floats:
    """The full (n_regions, n_sectors) table; a cell without a row is 0 or NaN by the absent rule."""
    full = np.full((cells.n_regions, cells.n_sectors), 0.0 if absent == "zero" else np.nan)
    full[cells.region, cells.sector] = cells.value
    return full
