"""What "the world" is: the reference that every region is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capmap.analyses import selection
from capmap.data.panel import Panel
from capmap.data.tables import REFERENCES
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
    if text == "world":
        return _world(whole)
    if text == "sum":
        return _sum(whole)
    if text == "peers":
        return _peers(project, whole)
    if text.startswith("ex:"):
        return _without(project, whole, selection.region(project, text[3:]))
    if text.startswith("group:"):
        return _group(project, whole, text[6:])
    code = selection.region(project, text)
    return _world(whole) if code == whole.reference_code else _region(project, whole, code)


def needs(project: Project, text: str, code: str) -> bool:
    """Whether `--reference` names this one region, as CODE or ex:CODE."""
    if text in REFERENCES or text.startswith("group:"):
        return False
    return selection.region(project, text.removeprefix("ex:")) == code


def _world(whole: Panel) -> Reference:
    """The published total, or the sum of the regions where none is published."""
    if whole.reference is None:
        return _sum(whole)

    def published(period: int, window: int, _: Cells) -> Floats | None:
        return whole.reference_in(period, window)

    return Reference(
        "published", f"published total {whole.reference_code}", published, np.ones(len(whole.regions), bool)
    )


def _sum(whole: Panel) -> Reference:
    n = len(whole.regions)
    return Reference("sum", f"sum of the {n} regions", lambda *_: None, np.ones(n, bool))


def _peers(project: Project, whole: Panel) -> Reference:
    """Each region against the sum of its own peers; a region without peers has no reference."""
    from capmap.analyses.peers import peers_of, structure

    known = structure(project)
    place = {code: k for k, code in enumerate(whole.regions)}
    rows = [[place[p] for p in peers_of(project, code, known).codes if p in place] for code in whole.regions]

    def peers(_: int, __: int, cells: Cells) -> Floats:
        full = np.nan_to_num(dense(cells, whole.indicator.absent))
        return np.vstack([full[k].sum(axis=0) if k else np.full(cells.n_sectors, np.nan) for k in rows])

    return Reference("peers", "sum of each region's own peers", peers, np.zeros(len(whole.regions), bool))


def _without(project: Project, whole: Panel, code: str) -> Reference:
    """The world less one region."""
    row = _row_of(project, whole, code)

    def without(period: int, window: int, cells: Cells) -> Floats:
        found = whole.reference_in(period, window)
        world = measures.margins(cells, None, absent=whole.indicator.absent).sector if found is None else found
        return np.maximum(world - dense_row(cells, row, whole.indicator.absent), 0.0)

    world = "sum of regions" if whole.reference is None else "published total"
    return Reference("ex", f"{world} without {code}", without, np.arange(len(whole.regions)) != row)


def _group(project: Project, whole: Panel, name: str) -> Reference:
    """The sum of the members of a group that are in the table; null cells of members are left out."""
    members = set(selection.in_group(project, name))
    inside = np.array([code in members for code in whole.regions])
    if not inside.any():
        raise UsageError(f"no region of group {name} has {whole.indicator.id}")

    def group(_: int, __: int, cells: Cells) -> Floats:
        kept = inside[cells.region] & ~np.isnan(cells.value)
        return np.asarray(np.bincount(cells.sector[kept], cells.value[kept], cells.n_sectors), np.float64)

    return Reference("group", f"sum of the {inside.sum()} regions of {name} in the table", group, inside)


def _region(project: Project, whole: Panel, code: str) -> Reference:
    """One region as the reference of all."""
    row = _row_of(project, whole, code)

    def single(_: int, __: int, cells: Cells) -> Floats:
        return dense_row(cells, row, whole.indicator.absent)

    return Reference("region", f"region {code}", single, np.arange(len(whole.regions)) == row)


def _row_of(project: Project, whole: Panel, code: str) -> int:
    if code not in whole.regions:
        role = dict(project.codes.regions.select("code", "role").iter_rows()).get(code)
        if role == "reference" or code == whole.reference_code:
            raise UsageError(
                f"{code} is a published total, not a region of the table",
                fix="--reference world uses the published total of each indicator, --reference sum does without",
            )
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
