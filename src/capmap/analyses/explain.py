"""How did this number come about: the figures and lines behind it, and what would change it? (`capmap explain`)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from capmap.analyses import selection
from capmap.analyses.explanation import complexity as explain_complexity
from capmap.analyses.explanation import index as explain_index
from capmap.analyses.explanation import intensity as explain_intensity
from capmap.analyses.explanation import normalise as explain_normalise
from capmap.analyses.explanation import rca as explain_rca
from capmap.analyses.explanation import table as explain_table
from capmap.analyses.explanation.parts import place
from capmap.analyses.refine import roll_up
from capmap.analyses.specialisation import measurable, settings
from capmap.data.nearest import nearest
from capmap.data.totals import declared
from capmap.errors import UsageError
from capmap.methods.intensity import FLOOR
from capmap.model import TOTAL, Indicator, Project, Result

#: Family -> the measures that can be explained.
MEASURES = {
    "rca": explain_rca.MEASURES,
    "complexity": explain_complexity.MEASURES,
    "relatedness": explain_complexity.OF_PAIR,
    "intensity": explain_intensity.MEASURES,
    "normalise": explain_normalise.MEASURES,
    "index": explain_index.MEASURES,
}
#: Measures without an arithmetic of their own, by the family whose project they are measured on.
PRINTED = {"cells": explain_table.OF_CELLS, "ratios": explain_table.OF_RATIOS, "index": explain_table.OF_INDEX}
#: Stands for a region or a sector that a measure does not have.
NOBODY = ("-", "_", "")


def explain(
    project: Project,
    region: str,
    sector: str | None = None,
    *,
    indicator: str | None = None,
    measure: str | None = None,
    year: selection.Year = "latest",
    index: str | None = None,
    node: str | None = None,
    level: str | None = None,
    method: str | None = None,
    per: str | None = None,
    winsorise: str | int | None = None,
    floor: float = FLOOR,
    weights: str | None = None,
    impute: str | None = None,
    other: str | None = None,
    income: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
    **changes: Any,
) -> Result:
    """Where one number comes from.

    Parameters
    ----------
    project : a loaded project, as read: codes are rolled up here.
    region : code or name; `-` for a measure of a sector alone, such as `pci`.
    sector : code or name; left out for a measure of a region, and for the total of a region-level indicator.
    indicator : id; the only one that has the sector if left out.
    measure : a column of the commands that measure, see MEASURES; by default `rca`, of intensities `rii` or
        `ratio_median`, of scores `percentile`, of an index `score`.
    year : `latest` or one year.
    index, node : a composite index and one of its nodes; the index itself by default.
    level : what to add up to before measuring.
    method, per, winsorise : of `normalise`, for the measure `score`.
    floor : of `intensity`.
    weights, impute : of `index`.
    other : the other sector of `proximity` and `p_value`, the other region of `p_ahead`, `similarity` and the like.
    income : indicator of the income of regions, for `prody` and `expy`.
    draws, seed : of measures by draws, where they are not those of the run file.
    changes : keys of `[specialisation]`, such as `reference="ex:CHN"`.

    Returns
    -------
    Result with tables `answer` (one row), `steps` (each symbol with its expression and value, in the order of
    computation), `inputs` (the figures summed in a step, each with its file, line and hash, and the figures that are
    computed themselves, which have none), `parameters`, `treatment`, `sensitivity`, and for an index `contributions`.
    `meta["follows"]` says that the arithmetic of the steps was done over and gave the answer. A measure that no arithmetic
    on a few figures gives (ranges by draws, models) has no steps, `follows` is null, and a table `procedure` says how it
    comes about and which command repeats it. A figure that is null has its
    reason in the answer's `note`.

    Raises
    ------
    UsageError : unknown names, with the nearest ones; a measure that the indicator does not have.
    RefusedError : the measure is refused for these data.
    """
    drawn = {"draws": draws, "seed": seed}
    if index is not None or node is not None:
        return _of_index(project, region, measure, year, index, node, weights, impute, other, drawn)
    meta = _indicator(project, indicator, sector)
    name = _measure(meta, measure, project)
    _idle(name, {"other": other, "income": income, **drawn}, {"method": method, "per": per, "winsorise": winsorise})
    if name in PRINTED["cells"] or name in PRINTED["ratios"]:
        measured = _rolled(project, level)
        code, goal = _optional(measured, region, sector, meta)
        two = _other(measured, other, meta, {**PRINTED["cells"], **PRINTED["ratios"]}[name].of)
        return explain_table.explain_printed(
            measured, meta, code, goal, two, name, year, level, original=project, income=income, **drawn, **changes,
        )  # fmt: skip
    if name in (*MEASURES["complexity"], *MEASURES["relatedness"]):
        measured = declared(_rolled(project, level), str(changes.get("reference") or "world"))
        code, goal = _optional(measured, region, sector, meta)
        kept = ("reference", "exclude", "window", "threshold")
        shared = {key: value for key, value in changes.items() if key in kept and value}
        two = _other(measured, other, meta, "sectors")
        return explain_complexity.explain_complexity(
            project, measured, meta, code, goal, name, year, level, two, **shared
        )
    if meta.kind in ("count", "value") and name not in ("treated", "score", "rank", "percentile"):
        _needs_sector(sector, name)
        measurable(project, [meta.id])
        options = settings(project, **changes)
        measured = declared(_rolled(project, level), options.reference)
        code, goal = place(measured, region, sector, meta)
        one = explain_rca.cell(project, measured, meta, code, str(goal), year, level, changes)
        return explain_rca.explain_rca(one, name, level)
    code = selection.own_region(project, region)
    goal = _total_or(project, sector, meta)
    if meta.kind in ("intensity", "score") and name in MEASURES["intensity"] and method is None:
        return explain_intensity.explain_intensity(project, meta, code, goal, name, year, floor)
    given = {"method": method, "per": per, "winsorise": winsorise}
    options_ = {key: value for key, value in given.items() if value is not None}
    return explain_normalise.explain_normalised(project, meta, code, goal, name, year, options_)


def _of_index(
    project: Project,
    region: str,
    measure: str | None,
    year: selection.Year,
    index: str | None,
    node: str | None,
    weights: str | None,
    impute: str | None,
    other: str | None,
    drawn: Mapping[str, Any],
) -> Result:
    name = measure or "score"
    known = (*MEASURES["index"], *PRINTED["index"])
    if name not in known:
        raise _unknown(name, known, "an index")
    given = {"weights": weights, "impute": impute}
    options = {key: value for key, value in given.items() if value is not None}
    code = selection.own_region(project, region)
    unheard = [key for key, value in {"other": other, **drawn}.items() if value is not None]
    if unheard and (name not in PRINTED["index"] or (other and PRINTED["index"][name].of != "regions")):
        words = " and ".join(f"--{key}" for key in unheard)
        raise UsageError(f"{words} means nothing to {name}", fix=f"leave {words} out, or name another --measure")
    if name in PRINTED["index"]:
        options |= {key: value for key, value in drawn.items() if value is not None}
        two = None if other is None else selection.own_region(project, other)
        return explain_index.explain_replicates(project, code, name, year, id=index, node=node, other=two, **options)
    return explain_index.explain_index(project, code, name, year, id=index, node=node, **options)


def _rolled(project: Project, level: str | None) -> Project:
    return project if level is None else roll_up(project, level)


def _indicator(project: Project, wanted: str | None, sector: str | None) -> Indicator:
    """The indicator named, or the only one that has the sector."""
    if wanted is not None:
        return selection.indicators(project, [wanted])[0]
    fitting = []
    for meta in selection.indicators(project):
        try:
            _total_or(project, sector, meta)
        except UsageError:
            continue
        fitting.append(meta)
    if len(fitting) == 1:
        return fitting[0]
    every = [meta.id for meta in fitting or selection.indicators(project)]
    raise UsageError(
        "no indicator has this sector" if not fitting else f"{len(fitting)} indicators have it",
        fix=f"name one: -i {every[0]}" + (f" (or {', '.join(every[1:])})" if every[1:] else ""),
    )


def _total_or(project: Project, sector: str | None, meta: Indicator) -> str:
    """Code of a sector; the total where none is named and the indicator has one."""
    if sector is not None and sector not in NOBODY and sector != TOTAL:
        return selection.sector(project, sector, [meta])
    has = project.observations.filter((pl.col("indicator") == meta.id) & (pl.col("sector") == TOTAL))
    if has.is_empty():
        raise UsageError(
            f"{meta.id} has sectors, and none is named", fix="capmap explain REGION SECTOR; see `capmap sectors`"
        )
    return TOTAL


def _optional(project: Project, region: str, sector: str | None, meta: Indicator) -> tuple[str | None, str | None]:
    """Codes of region and sector, None for what is not named."""
    code = None if region in NOBODY else selection.own_region(project, region)
    return code, None if sector is None or sector in NOBODY else selection.sector(project, sector, [meta])


def _other(project: Project, other: str | None, meta: Indicator, of: str) -> str | None:
    """Code of the other one of a pair; refuses one where the measure is of no pair."""
    if other is None:
        return None
    if of == "sectors":
        return selection.sector(project, other, [meta])
    if of == "regions":
        return selection.own_region(project, other)
    raise UsageError("this measure is of no pair", fix="leave out --other")


def _idle(name: str, printed: Mapping[str, Any], normalised: Mapping[str, Any]) -> None:
    """Refuses options that mean nothing to a measure, so that nobody takes them for heard."""
    where = {**PRINTED["cells"], **PRINTED["ratios"]}.get(name)
    hears: set[str] = set()
    if name in MEASURES["relatedness"] or (where is not None and where.of in explain_table.PAIRS):
        hears |= {"other"}
    if where is not None and where.command in ("complexity", "opportunities", "relatedness"):
        hears |= {"draws", "seed"}
    if where is not None and where.extra in ("income", "expy"):
        hears |= {"income"}
    if name in MEASURES["normalise"]:
        hears |= set(normalised)
    unheard = [key for key, value in {**printed, **normalised}.items() if value is not None and key not in hears]
    if unheard:
        words = " and ".join(f"--{key}" for key in unheard)
        raise UsageError(f"{words} means nothing to {name}", fix=f"leave {words} out, or name another --measure")


def _needs_sector(sector: str | None, name: str) -> None:
    if sector is None or sector in NOBODY:
        raise UsageError(f"{name} is of a region in a sector, and no sector is named",
                         fix="capmap explain REGION SECTOR; see `capmap sectors`")  # fmt: skip


def _measure(meta: Indicator, wanted: str | None, project: Project) -> str:
    """The measure named, or the one that fits the kind."""
    if wanted is None:
        if meta.kind in ("count", "value"):
            return "score" if meta.classification == "none" else "rca"
        return (
            "percentile" if meta.kind == "score" else "rii" if meta.denominator in project.catalogue else "ratio_median"
        )
    if meta.kind in ("count", "value"):
        known = (
            *MEASURES["rca"],
            *MEASURES["complexity"],
            *MEASURES["relatedness"],
            *MEASURES["normalise"],
            *PRINTED["cells"],
        )
    else:
        known = (*MEASURES["intensity"], *MEASURES["normalise"], *PRINTED["ratios"])
    if wanted not in known:
        raise _unknown(wanted, known, f"{meta.id}, which is of the kind {meta.kind},")
    return wanted


def _unknown(wanted: str, known: tuple[str, ...], whose: str) -> UsageError:
    near = nearest(wanted, known)
    fix = f"did you mean {near[0]}?" if near else f"one of {', '.join(dict.fromkeys(known))}"
    return UsageError(f"{whose} has no measure {wanted!r} that can be explained", fix=fix)
