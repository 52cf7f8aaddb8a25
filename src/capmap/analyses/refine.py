"""Choosing and ordering rows of a measured result; and rolling a project up to a coarser level before measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from capmap.analyses import selection
from capmap.errors import UsageError
from capmap.model import TOTAL, Project, Result


def refine(
    project: Project,
    result: Result,
    *,
    group: str | None = None,
    top: int | None = None,
    sort: str | None = None,
    labels: bool = False,
    default_sort: str = "rca",
) -> Result:
    """The same result with fewer rows, another order, or names beside the codes; nothing is measured again.

    `sort` names a column: numbers fall, texts rise; a leading `+` or `-` turns that round. `top` keeps the first n
    rows of every indicator and year in that order (by `default_sort` if none is named).
    """
    name, frame = next(iter(result.tables.items()))
    if group is not None:
        frame = frame.filter(pl.col("region").cast(pl.String).is_in(selection.in_group(project, group)))
    if sort is not None or top is not None:
        frame = _sorted(frame, sort or default_sort)
    if top is not None:
        keys = [key for key in ("indicator", "year") if key in frame.columns]
        frame = frame.group_by(keys, maintain_order=True).head(top) if keys else frame.head(top)
        frame = frame.select(result.tables[name].columns)
    if labels:
        frame = with_labels(project, frame)
    return replace(result, tables={**result.tables, name: frame})


def _sorted(frame: pl.DataFrame, by: str) -> pl.DataFrame:
    forced, column = (by[0], by[1:]) if by[:1] in ("+", "-") else ("", by)
    if column not in frame.columns:
        raise UsageError(f"cannot sort by {column!r}", fix=f"columns are: {', '.join(frame.columns)}")
    falling = frame.schema[column].is_numeric() if not forced else forced == "-"
    ties = [key for key in ("indicator", "year", "region", "sector") if key in frame.columns and key != column]
    keys = [key for key in ("indicator", "year") if key in ties]
    rest = [key for key in ties if key not in keys]
    return frame.sort([*keys, column, *rest], descending=[*(False for _ in keys), falling, *(False for _ in rest)],
                      nulls_last=True)  # fmt: skip


def labelled(project: Project, result: Result) -> Result:
    """The same result with names beside the codes in every table."""
    return replace(result, tables={name: with_labels(project, frame) for name, frame in result.tables.items()})


def with_labels(project: Project, frame: pl.DataFrame) -> pl.DataFrame:
    """Columns `region_label` and `sector_label` right after their codes."""
    columns: list[pl.Expr] = []
    for name in frame.columns:
        columns.append(pl.col(name))
        if name == "region":
            known = selection.region_labels(project)
            columns.append(pl.col(name).cast(pl.String).replace_strict(known, default=pl.col(name).cast(pl.String))
                           .alias("region_label"))  # fmt: skip
        elif name == "sector" and "indicator" in frame.columns:
            expression: pl.Expr = pl.col(name).cast(pl.String)
            for identifier in frame["indicator"].unique().cast(pl.String).to_list():
                names = selection.sector_names(project, project.catalogue[identifier])
                expression = (
                    pl.when(pl.col("indicator").cast(pl.String) == identifier)
                    .then(pl.col(name).cast(pl.String).replace_strict(names, default=pl.col(name).cast(pl.String)))
                    .otherwise(expression)
                )
            columns.append(expression.alias("sector_label"))
    return frame.select(columns)


def roll_up(project: Project, level: str) -> Project:
    """The project with every additive indicator summed to `level` of its classification, or of the regions.

    Codes without an ancestor of that level stay as they are. A sum with a null part is null, with the status of
    that part (Q before M before L), else the status that most limits its use (B, U, E, P, I). Rows of indicators
    that cannot be added stay as they are.
    """
    frame = project.observations
    coded = at_level(project, level)
    order = {letter: k for k, letter in enumerate(("Q", "M", "L", "B", "U", "E", "P", "I", "A"))}
    severity = pl.col("status").cast(pl.String).replace_strict(order, default=len(order), return_dtype=pl.Int8)
    summed = (
        coded.with_columns(severity=severity)
        .group_by("region", "sector", "indicator", "year")
        .agg(
            pl.when(pl.col("value").null_count() == 0).then(pl.col("value").sum()).alias("value"),
            pl.col("status").sort_by("severity").first(),
            pl.col("file").first(),
            pl.col("line").first(),
        )
    )
    enums = {
        name: pl.Enum(
            sorted(set(summed[name].unique().to_list()) | set(frame[name].unique().cast(pl.String).to_list()))
        )
        for name in ("region", "sector")
    }
    rolled = summed.select(
        pl.col("region").cast(enums["region"]), pl.col("sector").cast(enums["sector"]),
        *(pl.col(name).cast(frame.schema[name]) for name in frame.columns if name not in ("region", "sector")),
    ).select(frame.columns).sort("indicator", "year", "region", "sector")  # fmt: skip
    return replace(project, observations=rolled)


def at_level(project: Project, level: str) -> pl.DataFrame:
    """The observations with the codes that each row of an additive indicator adds up to, as text; rows stay as they are.

    Raises UsageError where no code list has such a level.
    """
    targets = {name: _ancestors(codes, level) for name, codes in project.codes.classifications.items()}
    regions = _ancestors(project.codes.regions, level)
    used = {m.id: targets.get(m.classification, {}) for m in project.catalogue.values() if m.additive}
    if not regions and not any(used.values()):
        known = sorted({text for codes in (project.codes.regions, *project.codes.classifications.values())
                        for text in codes["level"].drop_nulls().unique().to_list()})  # fmt: skip
        raise UsageError(f"no code list has a level {level!r} to add up to", fix=f"levels are: {', '.join(known)}")
    sector: pl.Expr = pl.col("sector").cast(pl.String)
    for identifier, mapping in used.items():
        if mapping:
            sector = (
                pl.when(pl.col("indicator") == identifier)
                .then(pl.col("sector").cast(pl.String).replace(mapping))
                .otherwise(sector)
            )
    additive = pl.col("indicator").cast(pl.String).is_in(list(used))
    region: pl.Expr = pl.col("region").cast(pl.String)
    if regions:
        region = pl.when(additive).then(region.replace(regions)).otherwise(region)
    return project.observations.with_columns(region=region, sector=sector)


def _ancestors(codes: pl.DataFrame, level: str) -> dict[str, str]:
    """Code -> its ancestor at `level`, for codes below that level."""
    parent = dict(codes.select("code", "parent").iter_rows())
    of_level = dict(codes.select("code", "level").iter_rows())
    found: dict[str, str] = {}
    for code in parent:
        above = parent.get(code)
        while above is not None and of_level.get(above) != level:
            above = parent.get(above)
        if above is not None and code != TOTAL:
            found[code] = above
    return found


def only_sectors(frame: pl.DataFrame, sectors: Sequence[str]) -> pl.DataFrame:
    """Rows of these sectors; all rows when none is named."""
    return frame.filter(pl.col("sector").cast(pl.String).is_in(list(sectors))) if sectors else frame
