"""What changed between two folders of results, why, and whether it matters. (`capmap diff`)

Cells are compared in every period that both hold, and from the last period of the one to the last of the other. A change counts
where the class differs or the new figure lies outside the earlier range; without a range, beyond the tolerance.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from capmap.data.findings import unreadable
from capmap.data.results import FOLDER
from capmap.data.settings import RUN_FILE, find_run_file, merge
from capmap.data.toml import read_toml
from capmap.errors import RefusedError
from capmap.model import Result, ResultsSection, RunFile, WatchRule
from capmap.operate.causes import Sides, attributed, causes, code_changes, observation_changes, stored
from capmap.operate.shelf import resolve
from capmap.operate.watch import crossings

if TYPE_CHECKING:
    from capmap.operate.shelf import Vintage

#: Relative change up to which a figure without a range is unchanged, where no project says otherwise.
TOLERANCE: float = ResultsSection().tolerance
KEY = ("measure", "indicator", "region", "sector")


@dataclass(frozen=True)
class Measure:
    """A measure of a table that is compared: which columns hold the figure, its range, rank and class."""

    name: str
    command: str
    table: str
    value: str
    low: str | None = None
    high: str | None = None
    rank: str | None = None
    rank_low: str | None = None
    rank_high: str | None = None
    klass: str | None = None
    indicator: str = "indicator"
    sector: str | None = "sector"
    region: str | None = "region"

    @property
    def stem(self) -> str:
        """File name without suffix, where the command has several tables."""
        return self.command if self.table == self.command else f"{self.command}-{self.table}"


MEASURES = (
    Measure("rca", "rca", "rca", "rca", "rca_low", "rca_high", "rank_world", klass="class"),
    Measure("intensity", "intensity", "intensity", "value", rank="rank"),
    Measure(
        "eci", "complexity", "regions", "eci", "eci_low", "eci_high", "eci_rank", "rank_low", "rank_high", sector=None
    ),
    Measure("pci", "complexity", "sectors", "pci", "pci_low", "pci_high", "pci_rank", region=None),
    Measure(
        "density", "opportunities", "opportunities", "density", "density_low", "density_high", klass="quadrant"
    ),
    Measure(
        "score", "index", "index", "score", rank="rank", rank_low="rank_low", rank_high="rank_high", indicator="index",
        sector="node",
    ),
)  # fmt: skip

FIGURES: dict[str, Any] = {
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "rank": pl.Int64, "rank_low": pl.Float64,
    "rank_high": pl.Float64, "class": pl.String,
}  # fmt: skip
CELLS: dict[str, Any] = {
    "measure": pl.String, "indicator": pl.String, "region": pl.String, "sector": pl.String, "year_before": pl.Int32,
    "year": pl.Int32, "change": pl.String, "before": pl.Float64, "after": pl.Float64, "low_before": pl.Float64,
    "high_before": pl.Float64, "class_before": pl.String, "class_after": pl.String, "rank_before": pl.Int64,
    "rank_after": pl.Int64, "counts": pl.Boolean, "headline": pl.String, "cause": pl.String,
}  # fmt: skip


def diff(
    before: Vintage,
    after: Vintage,
    *,
    rules: Mapping[str, WatchRule] | None = None,
    tolerance: float | None = None,
    name: str | None = None,
) -> Result:
    """Everything that differs between two folders of results, with its causes.

    Parameters
    ----------
    before, after : vintages, or folders of `capmap run`.
    rules : watch rules; none by default.
    tolerance : relative change up to which a figure without a range is unchanged; 0.01 by default.
    name : of `after` where its folder has another one yet.

    Returns
    -------
    Result with the tables

    `watch` : watch rules that hold now or were crossed, the crossed first;
    `cells` : every cell whose class, rank or figure differs (CELLS). `change` is `class`, `value`, `rank`, `new` or
    `vanished`; `counts` tells whether it is beyond the noise; `headline` is `gained` or `lost` (the class established),
    `first` or `not_first` (rank 1 of complexity or of an index, beyond its range), else null; `cause` is one of CAUSES,
    several joined by `;` where they could not be told apart; `by_<cause>` are the parts of after - before, null likewise;
    `regions` : number of cells, and of those that count, by region;
    `observations` : rows new, vanished and revised by indicator and year; `codes` : codes new and vanished.

    `meta["headlines"]` is the number of headlines, `meta["causes"]` the causes by indicator, `meta["decomposition"]`
    how they were told apart: `single`, `recomputed`, `inspected` or `none`.

    Raises
    ------
    UnreadableError : a file is not as its manifest describes it.
    RefusedError : the two have no table in common that can be compared.
    """
    tolerance = TOLERANCE if tolerance is None else tolerance
    old, new = {m: figures(before, m) for m in MEASURES}, {m: figures(after, m) for m in MEASURES}
    shared = [m for m in MEASURES if old[m] is not None or new[m] is not None]
    if not shared and not before.manifest["files"]:
        raise RefusedError("nothing to compare: the first folder holds no results", fix="name another vintage")
    frames = [_compared(m, old[m], new[m], tolerance) for m in shared]
    cells = pl.concat(frames) if frames else pl.DataFrame(schema={k: v for k, v in CELLS.items() if k != "cause"})
    sides = Sides.of(before, after)
    why = causes(sides, cells)
    cells, how = attributed(sides, cells, why, MEASURES, figures_of)
    order = pl.col("measure").replace_strict({m.name: k for k, m in enumerate(MEASURES)}, return_dtype=pl.Int32)
    cells = cells.sort(
        pl.col("headline").is_null(), pl.col("counts").not_(), order, *KEY, "year", "year_before", descending=False,
        nulls_last=True,
    )  # fmt: skip
    return Result("diff", {
        "watch": crossings(rules or {}, shared, old, new),
        "cells": cells,
        "regions": _by_region(cells),
        "observations": observation_changes(sides),
        "codes": code_changes(sides),
    }, {
        "command": "diff",
        "parameters": {"before": before.id, "after": name or after.id, "tolerance": tolerance},
        "versions": [before.manifest["capmap"], after.manifest["capmap"]],
        "headlines": cells["headline"].drop_nulls().len(),
        "causes": {key: sorted(found) for key, found in sorted(why.items())},
        "decomposition": how,
        "labels": _labels(after),
    })  # fmt: skip


def compare(
    before: str = "previous",
    after: str = "latest",
    *,
    project: Path | None = None,
    results: Path | None = None,
    tolerance: float | None = None,
) -> Result:
    """`diff` of two sets of results by name, under the watch rules and the tolerance of a project.

    Parameters
    ----------
    before, after : as `operate.vintages.resolve` takes them.
    project : folder of the project, or its run file; the nearest one above the working directory by default. Only its run
        file is read: a project whose data are broken can still be asked what changed before.
    results : folder of the vintages; `results` in the project by default.
    tolerance : see `diff`.

    Raises
    ------
    UsageError : no such vintage. UnreadableError : as `diff`; the run file cannot be read.
    """
    root, run = settings(project)
    folder = results or root / FOLDER
    return diff(
        resolve(folder, before), resolve(folder, after), rules=run.watch if run else {},
        tolerance=tolerance if tolerance is not None or run is None else run.results.tolerance,
    )  # fmt: skip


def settings(project: Path | None) -> tuple[Path, RunFile | None]:
    """The root of a project and its settings; the working directory and none where there is no project."""
    path = find_run_file(Path.cwd()) if project is None else project / RUN_FILE if project.is_dir() else project
    if path is None:
        return Path(), None
    run, _, findings = merge(read_toml(path, path.name), {}, os.environ)
    if run is None:
        raise unreadable(findings)
    return path.parent, run


def figures(vintage: Vintage, measure: Measure) -> pl.DataFrame | None:
    """The cells of a measure; None where the vintage has none.

    Raises UnreadableError if the file is not as the manifest describes it.
    """
    entry = next(
        (
            e for e in vintage.manifest["files"]
            if e.get("command") == measure.command and e.get("table") == measure.table
            and str(e.get("name")).endswith(".parquet")
        ),
        None,
    )  # fmt: skip
    if entry is None:
        return None
    table = stored(vintage, str(entry["name"]))
    return None if table is None else figures_of(table, measure)


def figures_of(table: pl.DataFrame, measure: Measure) -> pl.DataFrame | None:
    """The cells of a measure in a table of results: KEY, year, FIGURES; None if the table lacks the figure."""
    if measure.value not in table.columns:
        return None
    keys = {"indicator": measure.indicator, "region": measure.region, "sector": measure.sector}
    held = {
        "value": measure.value, "low": measure.low, "high": measure.high, "rank": measure.rank,
        "rank_low": measure.rank_low, "rank_high": measure.rank_high, "class": measure.klass,
    }  # fmt: skip
    return table.select(
        pl.lit(measure.name).alias("measure"),
        *(_taken(table, column, pl.String, name) for name, column in keys.items()),
        pl.col("year").cast(pl.Int32),
        *(_taken(table, column, FIGURES[name], name) for name, column in held.items()),
    )


def _taken(table: pl.DataFrame, column: str | None, kind: Any, name: str) -> pl.Expr:
    found = pl.col(column) if column is not None and column in table.columns else pl.lit(None)
    return found.cast(kind).alias(name)


def _compared(measure: Measure, old: pl.DataFrame | None, new: pl.DataFrame | None, tolerance: float) -> pl.DataFrame:
    """Cells of a measure that differ, in shared periods and from last period to last period."""
    if old is None:
        old = new.clear() if new is not None else None
    if new is None and old is not None:
        new = old.clear()
    assert old is not None
    assert new is not None
    both = pl.concat([_same_periods(old, new), _last_periods(old, new)])
    joined = both.with_columns(change=_change(tolerance), counts=_counts(tolerance))
    joined = joined.filter(pl.col("change").is_not_null())
    return joined.with_columns(headline=_headline(measure)).select(
        *KEY, "year_before", "year", "change", pl.col("value").alias("before"), pl.col("value_new").alias("after"),
        pl.col("low").alias("low_before"), pl.col("high").alias("high_before"), pl.col("class").alias("class_before"),
        pl.col("class_new").alias("class_after"), pl.col("rank").alias("rank_before"),
        pl.col("rank_new").alias("rank_after"), "counts", "headline",
    )  # fmt: skip


def _periods(frame: pl.DataFrame) -> pl.DataFrame:
    """Indicators and their periods, those with a last one marked."""
    found = frame.select("indicator", "year").unique()
    return found.with_columns(last=pl.col("year").max().over("indicator").eq_missing(pl.col("year")))


def _same_periods(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Pairs of the same period; a cell that only one side has is there, where both sides have the period."""
    keys = [*KEY, "year"]
    shared = _periods(old).join(_periods(new), on=["indicator", "year"], nulls_equal=True, suffix="_new")
    mine = [frame.join(shared, on=["indicator", "year"], how="semi", nulls_equal=True) for frame in (old, new)]
    pairs = mine[0].with_columns(had=True).join(
        mine[1].with_columns(has=True), on=keys, how="full", coalesce=True, nulls_equal=True, suffix="_new"
    )  # fmt: skip
    last = shared.select("indicator", "year", latest=pl.col("last") & pl.col("last_new"))
    return _shaped(
        pairs.join(last, on=["indicator", "year"], how="left", nulls_equal=True).with_columns(year_before="year")
    )


def _last_periods(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Pairs from the last period of the one to the last of the other, of indicators in which it moved.

    A cell that only one of them has is there, too: who quotes the latest figure finds none any more, or a first one.
    """
    ends = _periods(old).filter("last").join(_periods(new).filter("last"), on="indicator", suffix="_new")
    moved = ends.filter(pl.col("year") != pl.col("year_new"))
    mine = [
        old.join(moved.select("indicator", "year"), on=["indicator", "year"], how="semi"),
        new.join(moved.select("indicator", year="year_new"), on=["indicator", "year"], how="semi"),
    ]
    pairs = mine[0].drop("year").with_columns(had=True).join(
        mine[1].drop("year").with_columns(has=True), on=list(KEY), how="full", coalesce=True, nulls_equal=True,
        suffix="_new",
    )  # fmt: skip
    years = moved.select("indicator", year_before="year", year="year_new")
    return _shaped(pairs.join(years, on="indicator").with_columns(latest=pl.lit(True)))


def _shaped(pairs: pl.DataFrame) -> pl.DataFrame:
    news = [f"{name}_new" for name in FIGURES]
    return pairs.select(*KEY, "year_before", "year", *FIGURES, *news, "had", "has", "latest")


def _moved(tolerance: float) -> pl.Expr:
    """Whether the figure moved by more than the tolerance, relative to the larger of the two; appearing is moving."""
    size = pl.max_horizontal(pl.col("value").abs(), pl.col("value_new").abs())
    step = (pl.col("value_new") - pl.col("value")).abs() > tolerance * size
    return step.fill_null(pl.col("value").is_null() != pl.col("value_new").is_null())


def _change(tolerance: float) -> pl.Expr:
    """What about a cell changed, the weightiest first; null where nothing did."""
    return (
        pl.when(pl.col("had").is_null()).then(pl.lit("new"))
        .when(pl.col("has").is_null()).then(pl.lit("vanished"))
        .when(pl.col("class").ne_missing(pl.col("class_new"))).then(pl.lit("class"))
        .when(_moved(tolerance)).then(pl.lit("value"))
        .when(pl.col("rank").ne_missing(pl.col("rank_new"))).then(pl.lit("rank"))
    )  # fmt: skip


def _counts(tolerance: float) -> pl.Expr:
    """Whether a change is beyond the noise: another class, outside the earlier range, or with no range beyond the tolerance."""
    ranged = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    slack = tolerance * pl.max_horizontal(pl.col("low").abs(), pl.col("high").abs()) * 1e-6
    outside = (pl.col("value_new") < pl.col("low") - slack) | (pl.col("value_new") > pl.col("high") + slack)
    ranked = pl.col("rank_low").is_not_null() & pl.col("rank_high").is_not_null()
    beyond = (pl.col("rank_new") < pl.col("rank_low")) | (pl.col("rank_new") > pl.col("rank_high"))
    appeared = pl.col("had").is_null() | pl.col("has").is_null() | (
        pl.col("value").is_null() != pl.col("value_new").is_null()
    )  # fmt: skip
    by_value = pl.when(ranged).then(outside.fill_null(False)).when(ranked).then(beyond.fill_null(False))
    return (
        appeared
        | pl.col("class").ne_missing(pl.col("class_new"))
        | by_value.otherwise(_moved(tolerance)).fill_null(False)
    )


def _headline(measure: Measure) -> pl.Expr:
    """What a reader would have quoted and no longer can, or can now: in last periods only."""
    if measure.name == "rca":
        was, is_ = pl.col("class").eq_missing("established"), pl.col("class_new").eq_missing("established")
        found = pl.when(is_ & ~was).then(pl.lit("gained")).when(was & ~is_).then(pl.lit("lost"))
    elif measure.rank_low is not None and measure.region is not None:
        was, is_ = pl.col("rank").eq_missing(1), pl.col("rank_new").eq_missing(1)
        found = pl.when(is_ & ~was).then(pl.lit("first")).when(was & ~is_).then(pl.lit("not_first"))
    else:
        return pl.lit(None, pl.String)
    # of an index, its own first place: a pillar or an indicator in it has no range to be beyond
    whole = pl.col("sector").eq_missing(pl.col("indicator")) if measure.name == "score" else pl.lit(True)
    return pl.when(pl.col("latest").fill_null(False) & pl.col("counts") & whole).then(found)


def _by_region(cells: pl.DataFrame) -> pl.DataFrame:
    """Changes by region; measures of sectors alone belong to none."""
    cause = pl.col("cause").filter(pl.col("counts")).drop_nulls().unique().sort().str.join(";")
    return cells.filter(pl.col("region").is_not_null()).group_by("region").agg(
        pl.len().cast(pl.Int32).alias("cells"),
        pl.col("counts").sum().cast(pl.Int32).alias("counting"),
        (pl.col("change") == "class").sum().cast(pl.Int32).alias("classes"),
        pl.col("headline").drop_nulls().len().cast(pl.Int32).alias("headlines"),
        pl.when(cause == "").then(None).otherwise(cause).alias("cause"),
    ).sort(pl.col("headlines"), pl.col("counting"), pl.col("cells"), pl.col("region"),
           descending=[True, True, True, False])  # fmt: skip


def _labels(vintage: Vintage) -> dict[str, dict[str, str]]:
    """Names of regions, sectors and indicators that the results hold, for readers."""
    names: dict[str, dict[str, str]] = {}
    for stem, key, label in (("regions", "code", "label"), ("sectors", "code", "label"), ("indicators", "id", "name")):
        table = stored(vintage, f"{stem}.parquet", (key, label))
        if table is not None:
            rows = table.drop_nulls()
            names[stem] = dict(zip(rows[key].cast(pl.String), rows[label].cast(pl.String), strict=True))
    return names


def changed(result: Result) -> bool:
    """Whether any cell counts."""
    return bool(result.tables["cells"]["counts"].any())
