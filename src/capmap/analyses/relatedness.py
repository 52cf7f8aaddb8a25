"""Which sectors go together, how surely, and what leads from a region's strengths to a sector? (`capmap relatedness`)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection, specialisation
from capmap.analyses.complexity import MANY_SECTORS, density_of, indices, sector_proximity
from capmap.analyses.presence import Conventions, Table, conventions, presence, tables
from capmap.analyses.specialisation import measurable
from capmap.data.panel import Panel, panel
from capmap.data.totals import declared
from capmap.errors import RefusedError, UsageError
from capmap.methods import relatedness as methods
from capmap.methods.specialisation import symmetric
from capmap.model import ComplexitySection, Indicator, Project, Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LINKS = ("indicator", "year", "source", "target", "proximity", "p_value", "q_value", "note")
#: Between two classifications `year` is that of the target and `source_year` that of the source.
CROSS_LINKS = (
    "indicator", "to", "year", "source_year", "source", "target", "proximity", "p_value", "q_value", "note",
)  # fmt: skip
NODES = (
    "indicator", "year", "sector", "label", "parent", "parent_label", "ubiquity", "world_total", "world_share", "pci",
    "note",
)  # fmt: skip
#: What a region adds to the nodes.
NODES_OF_REGION = ("region", "rca", "held", "density")
NETWORK_LINKS = ("indicator", "year", "source", "target", "proximity", "tree")
PATH = ("indicator", "year", "region", "step", "sector", "proximity", "product", "rca", "class", "note")

#: Links per sector, on average, up to which a network takes in links beyond its spanning tree.
AVERAGE_DEGREE = 4.0
#: False discovery rate at which the metadata count the links beyond chance.
PASSING = 0.05
#: Why a pair has no proximity although both sectors take part.
NO_PRESENCE, NO_CORRELATION = "no_presence", "no_correlation"
#: Why a region takes no part between two classifications.
NOT_IN_BOTH = "not_in_both"


@dataclass(frozen=True)
class _Space:
    """Proximity (n_sources, n_targets) of the sectors of one classification, or of two; NaN = none, and reasons why.

    `pairs` marks each pair once, for all sectors; a reason is empty for a sector that takes part, and `undefined` is the
    reason of a pair that has no proximity although both do. `judged` holds p-values and q-values, where asked for.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    proximity: Floats
    pairs: Bools
    source_reasons: Sequence[str]
    target_reasons: Sequence[str]
    undefined: str
    keys: Mapping[str, Any]
    meta: Mapping[str, Any]
    judged: tuple[Floats, Floats] | None = None


def relatedness(
    project: Project,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    to: str | None = None,
    lag: int | None = None,
    minimum: float | None = None,
    significance_draws: int = 0,
    sector: Sequence[str] = (),
    complete: bool = False,
    preset: str | None = None,
    **changes: Any,
) -> Result:
    """How closely pairs of sectors go together: one row per pair that shares a region, each pair once.

    Parameters
    ----------
    project : a loaded project.
    indicator : ids; default every count and value with more than one sector.
    year : `latest`, a year, `Y1:Y2` or `all`.
    to : an indicator in another classification. The links then lead from the sectors of `indicator` (one of them) to
        its sectors, over the regions that take part in both, and `year` is that of `to`.
    lag : with `to`, years by which the presence of the source is earlier: its nearest period that is not later.
    minimum : proximity below which links are left out.
    significance_draws : draws of the null model that keeps diversities and ubiquities; 0 for none. The false
        discovery rate counts every pair of sectors that take part, whatever is shown.
    sector : only links that touch one of these sectors.
    complete : also pairs of proximity 0, and those without a proximity, with the reason.
    preset, changes : conventions; any key of `[complexity]`, and `reference`, `exclude`, `window`.

    Returns
    -------
    Result with table `links` (LINKS; CROSS_LINKS with `to`), sorted by its keys, source before target in the order of
    codes. `meta["blocks"]` tells for each indicator and year who takes part, and how many pairs were left out and why.

    Raises
    ------
    UsageError : unknown names; options that do not go together.
    RefusedError : fewer than two sectors take part, or no such year.
    """
    chosen = conventions(project, preset, **changes)
    project = declared(project, chosen.specialisation.reference)
    _check(to, lag, minimum, significance_draws, chosen.complexity)
    metas, skipped = measurable(project, indicator)
    if to is None:
        (asked, wanted), spaces, gaps = (metas, metas), *_within(project, metas, year, chosen, significance_draws)
    else:
        asked = [_one(metas)]
        goal = _one(measurable(project, [to])[0])
        wanted, (spaces, gaps) = [*asked, goal], _between(project, asked[0], goal, year, lag or 0, chosen)
    if not spaces:
        raise _nothing(gaps)
    codes = {selection.sector(project, text, wanted) for text in ([sector] if isinstance(sector, str) else sector)}
    found = [_links(project, space, minimum, codes, complete) for space in spaces]
    _check_sectors(spaces, codes, complete)
    parameters = chosen.told() | {
        "year": str(year), "to": to, "lag": lag, "minimum": minimum, "significance": significance_draws,
        "complete": complete, "sector": sorted(codes),
    }  # fmt: skip
    return Result("relatedness", {"links": pl.concat([frame for frame, _ in found])}, {
        "command": "relatedness",
        "parameters": parameters,
        "seed": chosen.complexity.seed if significance_draws else None,
        "blocks": [block for _, block in found],
        "no_data": [gap for gap in gaps if "asked" in gap],
        "refused": [gap for gap in gaps if "reason" in gap],
        "skipped": skipped,
    })  # fmt: skip


def refined(project: Project, result: Result, *, top: int | None = None, sort: str | None = None,
            labels: bool = False) -> Result:  # fmt: skip
    """The same links with fewer rows, another order, or names beside the codes.

    `sort` names a column: numbers fall, texts rise; a leading `+` or `-` turns that round. `top` keeps the first n links
    of every indicator and year in that order, the closest if none is named. Ties are in the order of codes.
    """
    frame = result.tables["links"]
    if sort is not None or top is not None:
        forced, by = (sort[0], sort[1:]) if sort and sort[0] in "+-" else ("", sort or "proximity")
        if by not in frame.columns:
            raise UsageError(f"cannot sort by {by!r}", fix=f"columns are: {', '.join(frame.columns)}")
        falling = forced == "-" if forced else frame.schema[by].is_numeric()
        keys = [key for key in ("indicator", "year") if key != by]
        ties = [key for key in ("source", "target") if key != by]
        order = [False] * len(keys) + [falling] + [False] * len(ties)
        frame = frame.sort([*keys, by, *ties], descending=order, nulls_last=True)
    if top is not None:
        frame = (
            frame.group_by("indicator", "year", maintain_order=True).head(min(top, frame.height)).select(frame.columns)
        )
    if labels:
        frame = _labelled(project, frame)
    return Result(result.name, {**result.tables, "links": frame}, result.meta)


def network(
    project: Project,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    region: str | None = None,
    above: float | None = None,
    preset: str | None = None,
    **changes: Any,
) -> Result:
    """The sectors of one indicator and year as a network: its maximum spanning tree, and the closest other links.

    Parameters
    ----------
    region : adds to the nodes how a region stands to them.
    above : proximity from which links beyond the tree are taken in. Default: the lowest at which a sector has 4 links
        on average, at most; links of equal proximity come in together or not at all.
    project, indicator, year, preset, changes : as `relatedness`, but one indicator and one year.

    Returns
    -------
    Result with tables `links` (NETWORK_LINKS) and `nodes` (NODES, then NODES_OF_REGION with a region); every sector is a
    node, those that take no part without links and with the reason. `meta["network"]` tells threshold and size.

    Raises
    ------
    UsageError : unknown names, more than one indicator or year.
    RefusedError : fewer than two sectors take part, or no such year.
    """
    if above is not None and not above >= 0:
        raise UsageError(f"--above {above} is no proximity", fix="give 0 or more")
    chosen = conventions(project, preset, **changes)
    project = declared(project, chosen.specialisation.reference)
    options = chosen.complexity
    table, whole = _single(project, indicator, year, chosen)
    code = None if region is None else selection.own_region(project, region)
    proximity = sector_proximity(table, options)
    tree = methods.maximum_spanning_tree(proximity)
    n_nodes = int(table.presence.any(axis=0).sum())
    upper = np.triu(proximity > 0, k=1)  # NaN > 0 is False
    threshold = _threshold(proximity[upper], tree.weight, n_nodes) if above is None else above
    in_tree = np.zeros(proximity.shape, bool)
    in_tree[tree.source, tree.target] = True
    shown = in_tree if threshold is None else in_tree | (upper & (proximity >= threshold))
    source, target = np.nonzero(shown)
    links = _keyed(project, {"indicator": table.indicator.id, "year": table.year}, source.size).with_columns(
        _codes(project, "source", table.sectors, source),
        _codes(project, "target", table.sectors, target),
        pl.Series("proximity", proximity[source, target]),
        pl.Series("tree", in_tree[source, target]),
    )
    nodes, about = _nodes(project, table, whole, proximity, code, options)
    told = {
        "above": threshold, "given": above is not None, "nodes": len(table.sectors), "links": links.height,
        "tree": int(in_tree.sum()), "taking_part": n_nodes, "parts": n_nodes - int(in_tree.sum()),
        "average_degree": 2 * links.height / n_nodes if n_nodes else 0.0, "region": code,
    }  # fmt: skip
    return Result("relatedness", {"links": links, "nodes": nodes}, {
        "command": "relatedness",
        "parameters": chosen.told() | {"year": str(year), "region": code, "above": above},
        "blocks": [{**table.meta, **about}],
        "network": told,
    })  # fmt: skip


def path(
    project: Project,
    region: str,
    sector: str,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    preset: str | None = None,
    **changes: Any,
) -> Result:
    """Stepping stones: the path of highest product of proximities from what a region holds to a sector.

    Parameters
    ----------
    region, sector : where from, and where to.
    project, indicator, year, preset, changes : as `relatedness`, but one indicator and one year.

    Returns
    -------
    Result with table `path` (PATH), one row a step. Step 0 is the strength it starts from; a sector that the region holds
    already is a path of itself, with the note `held`.

    Raises
    ------
    UsageError : unknown names, more than one indicator or year, a proximity that is no probability.
    RefusedError : region or sector take no part, the region holds nothing, or no chain of links leads to the sector.
    """
    chosen = conventions(project, preset, **changes)
    project = declared(project, chosen.specialisation.reference)
    table, _ = _single(project, indicator, year, chosen)
    options = chosen.complexity
    if options.proximity == "association":
        raise UsageError(
            "association strength can exceed 1, so it has no path of highest product",
            fix="choose another --proximity, such as minimum_conditional",
        )
    code = selection.own_region(project, region)
    goal = selection.sector(project, sector, [table.indicator])
    held = _strengths(table, code, goal)
    proximity = sector_proximity(table, options)
    found = methods.stepping_stones(proximity, held, table.sectors.index(goal))
    if not found.sectors:
        raise RefusedError(
            f"no chain of links leads to {goal} from the {held.sum()} sectors that {code} holds: they lie in unconnected "
            "parts of the network",
            fix="see the links: `capmap relatedness --sector CODE`",
        )
    steps = np.array(found.sectors)
    proximities = np.r_[np.nan, proximity[steps[:-1], steps[1:]]]
    frame = _keyed(project, {"indicator": table.indicator.id, "year": table.year}, steps.size).with_columns(
        pl.repeat(code, steps.size, dtype=project.observations.schema["region"], eager=True).alias("region"),
        pl.Series("step", np.arange(steps.size, dtype=np.int32)),
        _codes(project, "sector", table.sectors, steps),
        pl.Series("proximity", proximities, nan_to_null=True),
        pl.Series("product", np.cumprod(np.r_[1.0, proximities[1:]])),
        pl.Series("rca", table.rca[table.regions.index(code), steps], nan_to_null=True),
    )
    frame = _judged(project, frame, table, chosen, code)
    return Result("relatedness", {"path": frame.select(PATH)}, {
        "command": "relatedness",
        "parameters": chosen.told() | {"year": str(year), "region": code, "sector": goal},
        "blocks": [dict(table.meta)],
        "path": {"held": bool(held[steps[-1]]), "steps": steps.size - 1, "strengths": int(held.sum()),
                 "product": found.product},
    })  # fmt: skip


# Spaces -------------------------------------------------------------------------------------------------------


def _check(to: str | None, lag: int | None, minimum: float | None, draws: int, options: ComplexitySection) -> None:
    if lag is not None and to is None:
        raise UsageError("a lag needs two indicators", fix="name the later one: --to ID")
    if lag is not None and lag < 0:
        raise UsageError(f"--lag {lag} is negative", fix="the source is taken LAG years earlier: give 0 or more")
    if minimum is not None and not minimum >= 0:
        raise UsageError(f"--minimum {minimum} is no proximity", fix="give 0 or more")
    if draws < 0:
        raise UsageError(f"--significance {draws} is negative", fix="give a number of draws, such as 1000")
    if draws and to is not None:
        raise UsageError(
            "significance is judged within one classification", fix="leave out --to, or leave out --significance"
        )
    if draws and options.proximity == "rsca_correlation":
        raise UsageError(
            "significance is judged on presence, and a correlation does not use it",
            fix="choose another --proximity, such as minimum_conditional",
        )


def _one(metas: Sequence[Indicator]) -> Indicator:
    if len(metas) != 1:
        raise UsageError(
            f"this needs one indicator, not {len(metas)}", fix=f"name one: {', '.join(f'-i {m.id}' for m in metas)}"
        )
    return metas[0]


def _single(
    project: Project, indicator: Sequence[str], year: selection.Year, chosen: Conventions
) -> tuple[Table, Panel]:
    """The one table of one indicator and year."""
    meta = _one(measurable(project, indicator)[0])
    selection.one_year(year)
    found, whole = tables(project, meta, year, chosen)
    if not found:
        raise _nothing([_gap(whole, str(year))])
    if reason := _too_few(found[0]):
        raise RefusedError(reason, fix="lower --min-regions, --min-share or --min-population")
    return found[0], whole


def _gap(whole: Panel, asked: str) -> dict[str, Any]:
    return {"indicator": whole.indicator.id, "asked": asked, "has": [y for y in whole.years if y is not None]}


def _nothing(gaps: Sequence[Mapping[str, Any]]) -> RefusedError:
    """Why no indicator has an answer."""
    said = [
        f"{g['indicator']}: no data in {g['asked']} (has {', '.join(map(str, g['has'])) or 'one period without a year'})"
        if "asked" in g
        else str(g["reason"])
        for g in gaps
    ]
    if any("reason" in g for g in gaps):
        fix = "lower --min-regions, --min-share or --min-population"
    else:
        fix = "see `capmap indicators`"
    return RefusedError("; ".join(said) or "no count or value indicator with more than one sector", fix=fix)


def _too_few(table: Table) -> str:
    """Why a table has no pair of sectors; empty where it has one."""
    n, m = int(table.who.regions.sum()), int(table.who.sectors.sum())
    if m >= 2 and n >= 1:
        return ""
    return (
        f"{table.indicator.id} {table.year or ''}".rstrip() + f": {m} of {len(table.sectors)} sectors and {n} of "
        f"{len(table.regions)} regions take part, and a link needs two sectors"
    )


def _within(
    project: Project, metas: Sequence[Indicator], year: selection.Year, chosen: Conventions, draws: int
) -> tuple[list[_Space], list[dict[str, Any]]]:
    """The space of each indicator and year, and those that have none."""
    spaces: list[_Space] = []
    gaps: list[dict[str, Any]] = []
    for meta in metas:
        found, whole = tables(project, meta, year, chosen)
        if not found:
            gaps.append(_gap(whole, str(year)))
        for table in found:
            reason = _too_few(table)
            if reason:
                gaps.append({"indicator": meta.id, "year": table.year, "reason": reason})
            else:
                spaces.append(_space(table, chosen.complexity, draws))
    return spaces, gaps


def _space(table: Table, options: ComplexitySection, draws: int) -> _Space:
    n = len(table.sectors)
    reasons = [str(reason) for reason in table.who.sector_reasons]
    space = _Space(
        table.sectors, table.sectors, sector_proximity(table, options), np.triu(np.ones((n, n), bool), k=1),
        reasons, reasons, _undefined(options), {"indicator": table.indicator.id, "year": table.year}, table.meta,
    )  # fmt: skip
    if not draws:
        return space
    own = np.flatnonzero(table.who.sectors)  # a sector that takes no part must not change the draws of the others
    judged = methods.significance(table.presence[:, own], draws, np.random.default_rng(options.seed))
    p_value, q_value = np.full((2, n, n), np.nan)
    p_value[np.ix_(own, own)], q_value[np.ix_(own, own)] = judged.p_value, judged.q_value
    tested = space.pairs & ~np.isnan(p_value)
    told = {
        "draws": draws, "tested": int(tested.sum()), "lowest_p": 1 / (draws + 1),
        "passing": int((q_value[tested] <= PASSING).sum()), "rate": PASSING,
    }  # fmt: skip
    return replace(space, meta={**space.meta, "significance": told}, judged=(p_value, q_value))


def _undefined(options: ComplexitySection) -> str:
    return NO_CORRELATION if options.proximity == "rsca_correlation" else NO_PRESENCE


def _between(
    project: Project, meta: Indicator, goal: Indicator, year: selection.Year, lag: int, chosen: Conventions
) -> tuple[list[_Space], list[dict[str, Any]]]:
    """The spaces from the sectors of one indicator to those of another, and the years that have none."""
    if meta.id == goal.id:
        raise UsageError(f"--to {goal.id} is the indicator itself", fix="name another indicator, or leave out --to")
    targets, whole = tables(project, goal, year, chosen)
    earlier = panel(project, meta.id, exclude=chosen.specialisation.exclude)
    if (earlier.years == (None,)) != (whole.years == (None,)):
        raise UsageError(f"only one of {meta.id} and {goal.id} has years", fix="give both years, or neither")
    spaces: list[_Space] = []
    gaps = [] if targets else [_gap(whole, str(year))]
    for target in targets:
        period = _period_before(earlier.years, target.year, lag)
        if period is None:
            gaps.append(_gap(earlier, f"{(target.year or 0) - lag} or before"))
            continue
        (source,) = presence(project, earlier, [period], chosen)
        space = _cross_space(source, target, lag, chosen.complexity)
        if isinstance(space, str):
            gaps.append({"indicator": meta.id, "year": target.year, "reason": space})
        else:
            spaces.append(space)
    return spaces, gaps


def _period_before(years: Sequence[int | None], year: int | None, lag: int) -> int | None:
    """Position of the last period that is not later than `lag` years before `year`."""
    if year is None:
        return 0
    known = [k for k, one in enumerate(years) if one is not None and one <= year - lag]
    return known[-1] if known else None


def _cross_space(source: Table, target: Table, lag: int, options: ComplexitySection) -> _Space | str:
    """The space between two tables over the regions that take part in both; or why there is none."""
    for table in (source, target):
        if len(table.sectors) > MANY_SECTORS and not options.force:
            raise RefusedError(
                f"{table.indicator.id} has {len(table.sectors):,} sectors",
                fix="roll them up with --level, choose a coarser classification, or use --force",
            )
    able = [dict(zip(t.regions, t.who.regions, strict=True)) for t in (source, target)]
    both = [code for code in source.regions if able[0][code] and able[1].get(code, False)]
    sides = [_side(table, both, options.min_regions) for table in (source, target)]
    if not all(side.any() for side, _ in sides):
        return (
            f"{source.indicator.id} and {target.indicator.id}: {len(both)} regions take part in both, and no sector is held "
            f"by {options.min_regions} of them in one"
        )
    if options.proximity == "rsca_correlation":
        proximity = _cross_correlation((source, target), both, [reasons == "" for _, reasons in sides])
    else:
        proximity = methods.cross_proximity(sides[0][0], sides[1][0], options.proximity)
    blocks = [
        {**table.meta, "eligible": {"regions": len(both), "sectors": int((reasons == "").sum())},
         "excluded": {"regions": _regions_left(table, other, both),
                      "sectors": {c: str(r) for c, r in zip(table.sectors, reasons, strict=True) if r}}}
        for table, other, (_, reasons) in zip((source, target), (target, source), sides, strict=True)
    ]  # fmt: skip
    keys: dict[str, Any] = {
        "indicator": source.indicator.id, "to": target.indicator.id, "year": target.year, "source_year": source.year,
    }  # fmt: skip
    told = {**blocks[1], **keys, "lag": lag, "source": blocks[0], "target": blocks[1]}
    return _Space(
        source.sectors, target.sectors, proximity, np.ones(proximity.shape, bool), sides[0][1].tolist(),
        sides[1][1].tolist(), _undefined(options), keys, told,
    )  # fmt: skip


def _side(table: Table, regions: Sequence[str], min_regions: int) -> tuple[Bools, NDArray[np.str_]]:
    """Presence of these regions in the sectors that enough of them hold, and the reasons against the other sectors."""
    rows = [table.regions.index(code) for code in regions]
    held = table.held[rows]
    enough = held.sum(axis=0) >= min_regions
    return held & enough, np.where(enough, "", "few_regions")


def _cross_correlation(both_tables: Sequence[Table], regions: Sequence[str], kept: Sequence[Bools]) -> Floats:
    """Correlation of RSCA between the sectors of two tables; below 0 is no proximity and counts as 0."""
    rsca = [
        np.where(own, symmetric(table.rca[[table.regions.index(code) for code in regions]]), np.nan)
        for table, own in zip(both_tables, kept, strict=True)
    ]
    n = rsca[0].shape[1]
    found = methods.rsca_correlation(np.hstack(rsca))[:n, n:]
    return np.maximum(found, 0.0)


def _regions_left(own: Table, other: Table, both: Sequence[str]) -> dict[str, str]:
    """Why regions of one side take no part between two tables: their own reasons, else the other side."""
    kept, elsewhere = set(both), set(other.regions)
    return {
        code: str(said) or ("out_elsewhere" if code in elsewhere else NOT_IN_BOTH)
        for code, said in zip(own.regions, own.who.region_reasons, strict=True)
        if code not in kept
    }


# Frames -------------------------------------------------------------------------------------------------------


def _keyed(project: Project, keys: Mapping[str, Any], height: int) -> pl.DataFrame:
    """A frame of the columns that are the same in every row."""
    schema = project.observations.schema
    kinds: dict[str, Any] = {
        "indicator": schema["indicator"],
        "to": schema["indicator"],
        "year": pl.Int32,
        "source_year": pl.Int32,
    }
    return pl.DataFrame({name: pl.repeat(value, height, dtype=kinds[name], eager=True) for name, value in keys.items()})


def _codes(project: Project, name: str, labels: Sequence[str], which: NDArray[np.intp]) -> pl.Series:
    return pl.Series(name, labels, dtype=project.observations.schema["sector"]).gather(which)


def _links(
    project: Project, space: _Space, minimum: float | None, codes: set[str], complete: bool
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Rows of a space that were asked for, and what became of the others."""
    taking_part = np.array([not r for r in space.source_reasons])[:, np.newaxis] & [not r for r in space.target_reasons]
    pairs = space.pairs & taking_part
    linked = pairs & (space.proximity > 0)  # NaN > 0 is False
    undefined = pairs & np.isnan(space.proximity)
    shown = space.pairs if complete else linked
    if minimum is not None:
        shown = shown & (space.proximity >= minimum)
    if codes:
        listed = list(codes)
        shown = shown & (np.isin(space.sources, listed)[:, np.newaxis] | np.isin(space.targets, listed))
    block = {
        **space.meta,
        "pairs": int(pairs.sum()), "links": int(linked.sum()), "undefined": int(undefined.sum()),
        "zero": int(pairs.sum() - linked.sum() - undefined.sum()),
        "below_minimum": 0 if minimum is None else int((linked & (space.proximity < minimum)).sum()),
    }  # fmt: skip
    source, target = np.nonzero(shown)
    judged = space.judged or (np.full((1, 1), np.nan),) * 2
    cells = (source, target) if space.judged else (np.zeros_like(source), np.zeros_like(target))
    frame = _keyed(project, space.keys, source.size).with_columns(
        _codes(project, "source", space.sources, source),
        _codes(project, "target", space.targets, target),
        pl.Series("proximity", space.proximity[source, target], nan_to_null=True),
        pl.Series("p_value", judged[0][cells], nan_to_null=True),
        pl.Series("q_value", judged[1][cells], nan_to_null=True),
        _notes(space, source, target) if complete else pl.lit(None, pl.String).alias("note"),
    )
    return frame, block


def _notes(space: _Space, source: NDArray[np.intp], target: NDArray[np.intp]) -> pl.Series:
    """Why pairs have no proximity: what keeps either sector out, or why two that take part cannot be compared."""
    kinds = sorted({*space.source_reasons, *space.target_reasons})
    place = {reason: k for k, reason in enumerate(kinds)}
    own = np.array([place[reason] for reason in space.source_reasons])[source]
    other = np.array([place[reason] for reason in space.target_reasons])[target]
    none = np.isnan(space.proximity[source, target])
    texts = [
        ";".join(sorted({part for text in (a, b) for part in text.split(";") if part})) or space.undefined
        for a in kinds for b in kinds
    ]  # fmt: skip
    said = pl.Series("note", texts, dtype=pl.String).gather(own * len(kinds) + other)
    return said.set(pl.Series(~none), None)


def _check_sectors(spaces: Sequence[_Space], codes: set[str], complete: bool) -> None:
    """Raises where every sector asked for takes no part anywhere, so that the answer would be empty without a word."""
    reasons: dict[str, str] = {}
    for space in spaces:
        for labels, said in ((space.sources, space.source_reasons), (space.targets, space.target_reasons)):
            for code, reason in zip(labels, said, strict=True):
                if code in codes:
                    reasons[code] = reason if reasons.get(code, "x") else ""
    reasons = dict.fromkeys(codes, NO_PRESENCE) | reasons  # a published total may be all there is of a sector
    if reasons and all(reasons.values()) and not complete:
        raise RefusedError(
            "; ".join(f"{code} takes no part: {reason}" for code, reason in sorted(reasons.items())),
            fix="lower --min-regions, or see the reasons in rows with --complete",
        )


def _labelled(project: Project, frame: pl.DataFrame) -> pl.DataFrame:
    """Columns `source_label` and `target_label` right after their codes."""
    names = selection.names_by_indicator(project)
    columns: list[str | pl.Expr] = []
    for name in frame.columns:
        columns.append(name)
        if name not in ("source", "target"):
            continue
        belongs = "to" if name == "target" and "to" in frame.columns else "indicator"
        label = pl.col(name).cast(pl.String)
        for identifier in frame[belongs].unique().cast(pl.String).to_list():
            known = pl.col(name).cast(pl.String).replace(names[identifier])
            label = pl.when(pl.col(belongs).cast(pl.String) == identifier).then(known).otherwise(label)
        columns.append(label.alias(f"{name}_label"))
    return frame.select(columns)


# Networks and paths -------------------------------------------------------------------------------------------


def _threshold(proximities: Floats, tree: Floats, n_nodes: int) -> float | None:
    """Lowest proximity from which all links, and the tree, make AVERAGE_DEGREE or less; None where the tree is all.

    A link counts for both its sectors. Taking in all links of a proximity never makes the network smaller, so the
    numbers of links rise as the threshold falls.
    """
    values, counts = np.unique(proximities, return_counts=True)
    at_least = np.cumsum(counts[::-1])[::-1]
    tree_below = np.searchsorted(np.sort(tree), values)
    sparse = 2 * (at_least + tree_below) <= AVERAGE_DEGREE * n_nodes
    return float(values[sparse][0]) if sparse.any() else None


def _nodes(
    project: Project, table: Table, whole: Panel, proximity: Floats, region: str | None, options: ComplexitySection
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """A row for every sector, and what keeps the complexity of sectors from being known."""
    n = len(table.sectors)
    found = indices(table.presence, options)
    total = _world(table, whole)
    everything = np.nansum(total)
    share = total / everything if everything > 0 else np.full(n, np.nan)
    every = np.arange(n)
    notes = [_reasons(str(r), found.reason, found.found is not None and np.isnan(found.pci[k]))
             for k, r in enumerate(table.who.sector_reasons)]  # fmt: skip
    frame = _keyed(project, {"indicator": table.indicator.id, "year": table.year}, n).with_columns(
        _codes(project, "sector", table.sectors, every),
        *_family(project, table),
        pl.Series("ubiquity", table.held[table.who.regions].sum(axis=0).astype(np.int32)),
        pl.Series("world_total", total, nan_to_null=True),
        pl.Series("world_share", share, nan_to_null=True),
        pl.Series("pci", found.pci, nan_to_null=True),
    )
    about = {"pci": {"reason": found.reason, "message": found.message}}
    if region is None:
        return frame.with_columns(pl.Series("note", notes, dtype=pl.String)).select(NODES), about
    row = _row(table, region)
    if why := str(table.who.region_reasons[row]):
        notes = [";".join(sorted({*(said or "").split(";"), *why.split(";")} - {""})) for said in notes]
        density = np.full(n, np.nan)
    else:
        density = density_of(table.presence[[row]], proximity, options)[0]
    frame = frame.with_columns(
        pl.repeat(region, n, dtype=project.observations.schema["region"], eager=True).alias("region"),
        pl.Series("rca", table.rca[row], nan_to_null=True),
        pl.Series("held", table.held[row]),
        pl.Series("density", density, nan_to_null=True),
        pl.Series("note", notes, dtype=pl.String),
    )
    return frame.select(*NODES[:-1], *NODES_OF_REGION, "note"), about


def _reasons(own: str, none: str, outside: bool) -> str | None:
    """Why a node has no complexity: it takes no part, nobody has one, or it lies in another part of the network."""
    return own or none or ("other_component" if outside else None)


def _world(table: Table, whole: Panel) -> Floats:
    """World total of each sector: the published one, or the sum of the regions that are known."""
    published = whole.reference_in(table.period, table.meta["window"])
    if published is not None:
        return published
    return np.where(np.isnan(table.value).all(axis=0), np.nan, np.nansum(table.value, axis=0))


def _family(project: Project, table: Table) -> list[pl.Series]:
    """Label, parent and label of the parent of every sector."""
    names = selection.sector_names(project, table.indicator)
    codes = project.codes.classifications.get(table.indicator.classification)
    above = {} if codes is None else dict(codes.select("code", "parent").iter_rows())
    parents = [above.get(code) for code in table.sectors]
    return [
        pl.Series("label", [names.get(code, code) for code in table.sectors], dtype=pl.String),
        pl.Series("parent", parents, dtype=pl.String),
        pl.Series("parent_label", [None if p is None else names.get(p, p) for p in parents], dtype=pl.String),
    ]


def _row(table: Table, region: str) -> int:
    if region not in table.regions:
        raise RefusedError(
            f"{region} has no rows of {table.indicator.id}", fix="see what there is: `capmap indicators`"
        )
    return table.regions.index(region)


def _strengths(table: Table, region: str, goal: str) -> Bools:
    """What a region holds of the sectors that take part; raises where nothing can start, or end, there."""
    row = _row(table, region)
    if why := str(table.who.region_reasons[row]):
        raise RefusedError(
            f"{region} takes no part in {table.indicator.id} {table.year or ''}".rstrip() + f": {why}",
            fix="lower --min-share or --min-population",
        )
    if why := str(table.who.sector_reasons[table.sectors.index(goal)]) if goal in table.sectors else NO_PRESENCE:
        raise RefusedError(
            f"{goal} takes no part in {table.indicator.id} {table.year or ''}".rstrip() + f": {why}",
            fix="lower --min-regions",
        )
    held: Bools = table.presence[row]
    if not held.any():
        raise RefusedError(
            f"{region} holds none of the {table.who.sectors.sum()} sectors that take part, so nothing starts there",
            fix="lower --threshold, or choose another --presence",
        )
    return held


def _judged(project: Project, frame: pl.DataFrame, table: Table, chosen: Conventions, region: str) -> pl.DataFrame:
    """The steps with the class of each cell and what to beware of; `held` where the region holds the target already."""
    shared = chosen.specialisation.model_dump(include={"reference", "exclude", "window"})
    cells = specialisation.rca(
        project, indicator=[table.indicator.id], year=table.year or "latest", region=[region],
        sector=frame["sector"].cast(pl.String).to_list(), complete=True, **shared,
    ).frame.select("sector", "class", pl.col("note").cast(pl.String))  # fmt: skip
    joined = frame.join(cells, on="sector", how="left", maintain_order="left")
    if frame.height > 1:
        return joined
    parts = joined["note"].fill_null("").str.split(";").to_list()[0]
    return joined.with_columns(note=pl.lit(";".join(sorted({*parts, "held"} - {""}))))
