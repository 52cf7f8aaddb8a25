"""Columns of unlike units made comparable: scaled by a size, freed of outliers, normalised. (`capmap normalise`)"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_type_hints

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.intensity import without_data
from capmap.analyses.listing import (
    joined_notes,
    published_total,
    reasons_without_value,
    rows_of,
    tables_of,
    years_of,
)
from capmap.data.matrix import Matrix
from capmap.data.nearest import nearest
from capmap.errors import RefusedError, UsageError
from capmap.methods import normalisation as methods
from capmap.methods.normalisation import NORMALISERS, ConstantError, Direction
from capmap.model import TOTAL, Indicator, Project, Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COLUMNS = (
    "indicator", "year", "region", "sector", "value", "denominator", "treated", "score", "rank", "n", "method", "note",
)  # fmt: skip
TREATMENT_COLUMNS = (
    "indicator", "year", "sector", "n", "skewness_before", "excess_kurtosis_before", "treatment", "points", "regions",
    "winsor_low", "winsor_high", "log_shift", "log_mirrored", "skewness_after", "excess_kurtosis_after",
    "scale_low", "scale_high", "scale_log", "outside_low", "outside_high", "anchor", "note",
)  # fmt: skip
#: Methods that ask where zero lies: they refuse scores, and logarithms taken as a treatment.
RATIO_SCALE = frozenset({"ratio_to_mean", "ratio_to_best", "ratio_to_reference", "distance_to_target", "above_below"})
#: Options of `normalise` that only one method reads.
OPTION_OF = {
    "reference_region": "ratio_to_reference",
    "target": "distance_to_target",
    "low": "goalposts",
    "high": "goalposts",
    "log": "goalposts",
}
#: What can be said of a whole column in the notes.
COLUMN_NOTES = ("constant", "refused", "treatment_failed")
#: Parameters of the normalisers that the catalogue or an option of `normalise` fills in.
FILLED = frozenset({"x", "direction", "reference", "target", "low", "high", "log"})


@dataclass(frozen=True)
class Options:
    """What the user asked for, checked; None takes the catalogue's word."""

    method: str
    points: Literal["none", "rule"] | int
    reference_region: str | None
    target: float | None
    low: float | None
    high: float | None
    log: bool | None
    direction: Direction | None
    params: dict[str, Any]


@dataclass(frozen=True)
class Treated:
    """One column after its outliers were treated, (n,) values, with the rest of its row in `treatment`."""

    values: Floats
    row: dict[str, Any]


@dataclass
class Column:
    """One indicator in one year and sector across the regions, while it is being normalised; arrays are (n,)."""

    treated: Floats
    score: Floats
    rank: Floats
    row: dict[str, Any] = field(default_factory=dict)
    note: str | None = None  #: one of COLUMN_NOTES
    reason: str | None = None  #: why the column was refused


@dataclass(frozen=True)
class Measured:
    """One indicator in one period, normalised: its rows, the columns they stand in, and what a reader must know."""

    frames: Sequence[pl.DataFrame]
    columns: Sequence[Column]
    summary: Mapping[str, Any]

    @property
    def refused(self) -> list[dict[str, Any]]:
        """The columns without a score, each with its reason."""
        keys = ("indicator", "year", "sector", "note")
        return [
            {key: column.row[key] for key in keys} | {"reason": column.reason}
            for column in self.columns
            if column.reason is not None
        ]


def normalise(
    project: Project,
    *,
    indicator: Sequence[str] = (),
    year: selection.Year = "latest",
    sector: Sequence[str] = (),
    region: Sequence[str] = (),
    method: str = "z_score",
    per: str | None = None,
    winsorise: str | int = "none",
    reference_region: str | None = None,
    target: float | None = None,
    low: float | None = None,
    high: float | None = None,
    log: bool | None = None,
    direction: int | None = None,
    complete: bool = False,
    **params: Any,
) -> Result:
    """Normalised values of regions: each indicator, year and sector is one column, normalised across the regions.

    The order is fixed: divide by a size, treat outliers, turn by the direction and normalise.

    Parameters
    ----------
    project : a loaded project.
    indicator : ids; default all with observations.
    year : `latest` (each indicator's own last year), a year, `Y1:Y2` or `all`.
    sector, region : rows wanted in the answer; a column is always measured on all of its regions.
    method : a key of `methods.normalisation.NORMALISERS`; `params` are passed to it (`ddof`, `ties`, `best`, `p`,
        `clip`, `output`).
    per : id of a region-level count or value (`_T`) of the same year to divide by. Intensities and scores
        are not divided: passed over, or refused if named.
    winsorise : `none`; `rule` (the JRC's: leave, else winsorise, else logarithms); or a number of points pulled in at
        each end of every column.
    reference_region : region of `ratio_to_reference`, of any role; default the published total.
    target, low, high, log : as in the indicator file (`target`, `goalposts`), and in place of it. A unit belongs to one
        indicator, so they go with one indicator.
    direction : 1 or -1, in place of the catalogue's.
    complete : add the absent rows that count as zero or missing by the indicator's `absent_rows`.

    Returns
    -------
    Result with two tables. `normalise` (COLUMNS), sorted by indicator, year, region, sector, has a row per observed
    cell: `denominator` the size divided by, `treated` the value after scaling and treatment, `rank` its place with the
    direction respected (1 is the best, ties share the smallest; by the treated value, so the same for every method),
    `n` the number of values in the column. Absent rows that stand for zeros take part in their column, shown or
    not; `_T` beside sectors of their own is a column whose absent rows are missing.

    Every null has its reason in `note`: `missing`, `suppressed`, `not_applicable` (no value); `no_denominator`;
    `no_base` (zero over a size of zero); `constant` and `refused` (the column's score does not exist; see
    `meta["refused"]`). Notes beside values: `absent_row`; `treatment_failed` (neither winsorising nor logarithms
    cured the column, so its values are the original ones).

    `treatment` (TREATMENT_COLUMNS) has a row per column: shape before and after, `treatment` (none, winsorised, log or
    failed), `points` and `regions` changed, the value each end was pulled in to, the shift of a logarithm, the values
    that score 0 and 1 (`goalposts`, `min_max`) with the numbers of values outside, and `anchor`, the target or the
    reference divided by.

    Raises
    ------
    UsageError : unknown names, a method or parameter that does not exist, an option that the method does not read.
    RefusedError : no row to answer with, or every column was refused; it lists each and why.
    """
    options = _options(
        method=method, winsorise=winsorise, reference_region=reference_region, target=target, low=low, high=high,
        log=log, direction=direction, params=params,
    )  # fmt: skip
    size = None if per is None else _size(project, per)
    chosen, skipped = _chosen(project, indicator, size)
    _one_unit(options, chosen)
    code = None if reference_region is None else selection.region(project, reference_region)
    wanted_regions = selection.regions(project, region)
    wanted_sectors = [text if text == TOTAL else selection.sector(project, text, chosen) for text in sector]
    measured, empty = _measured(project, chosen, year, options, code, size, wanted_sectors, complete=complete)
    refused = [each for one in measured for each in one.refused]
    _check_scored(measured, empty, refused, method)
    return Result("normalise", _tables(project, measured, chosen, wanted_regions), {
        "command": "normalise",
        "parameters": {
            "indicator": list(indicator), "year": str(year), "region": wanted_regions, "sector": wanted_sectors,
            "method": method, "per": per, "winsorise": options.points, "reference_region": code, "target": target,
            "low": low, "high": high, "log": log, "direction": direction, "complete": complete,
        } | options.params,
        "blocks": [one.summary for one in measured],
        "no_data": empty,
        "skipped": skipped,
        "refused": refused,
    })  # fmt: skip


def _measured(
    project: Project,
    chosen: Sequence[Indicator],
    year: selection.Year,
    options: Options,
    reference_region: str | None,
    size: Indicator | None,
    sectors: Sequence[str],
    *,
    complete: bool,
) -> tuple[list[Measured], list[dict[str, Any]]]:
    """Every indicator normalised in every period asked for; and the indicators that have none of these periods."""
    measured, empty = [], []
    sizes = None if size is None else rows_of(project, size.id).filter(pl.col("sector") == TOTAL)
    for meta in chosen:
        rows = rows_of(project, meta.id)
        years = years_of(rows.filter(pl.col("role") == "region"))
        wanted = [years[k] for k in selection.periods(years, year)]
        if not wanted:
            empty.append({"indicator": meta.id, "asked": str(year), "has": [y for y in years if y is not None]})
            continue
        reference = reference_region
        if reference is None and options.method == "ratio_to_reference":
            reference = published_total(project, meta)
        measured += [
            _Block(meta, period, options, reference, size, sizes, sectors, complete).measure(rows) for period in wanted
        ]
    return measured, empty


def _check_scored(
    measured: Sequence[Measured], empty: Sequence[dict[str, Any]], refused: Sequence[Mapping[str, Any]], method: str
) -> None:
    """Raises RefusedError unless some column has a score."""
    columns = sum(len(one.columns) for one in measured)
    if not columns:
        said = without_data(empty) or "no row for the indicators and sectors asked for"
        raise RefusedError(said, fix="see `capmap indicators` and `capmap sectors`")
    if len(refused) == columns:
        raise RefusedError(
            f"no column can be normalised by {method}: {_reasons(refused)}",
            fix="a column without spread has ranks, percentiles and goalposts: --method rank"
            if all(each["note"] == "constant" for each in refused)
            else "choose another method, or mend what each reason names",
        )


def _tables(
    project: Project, measured: Sequence[Measured], chosen: Sequence[Indicator], regions: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """The rows of the regions asked for, and what was done to every column; raises RefusedError without a row."""
    kinds = project.observations.schema
    table = pl.concat([frame for one in measured for frame in one.frames])
    if regions:
        table = table.filter(pl.col("region").cast(pl.String).is_in(regions))
        if table.is_empty():
            ids = ", ".join(meta.id for meta in chosen)
            raise RefusedError(f"no row of {ids} for {', '.join(regions)}", fix="see `capmap regions`")
    return {
        "normalise": table.with_columns(pl.col("indicator").cast(kinds["indicator"])).sort(
            "indicator", "year", "region", "sector"
        ),
        "treatment": _treatment_table([column.row for one in measured for column in one.columns], kinds),
    }


@dataclass(frozen=True)
class _Block:
    """One indicator in one period: everything that its columns share."""

    meta: Indicator
    period: int | None
    options: Options
    reference: str | None
    size: Indicator | None
    sizes: pl.DataFrame | None
    sectors: Sequence[str]
    complete: bool

    @property
    def direction(self) -> Direction:
        return self.options.direction or self.meta.direction

    def measure(self, rows: pl.DataFrame) -> Measured:
        """The period normalised: `rows` are all rows of the indicator."""
        rows = rows.filter(pl.col("year").eq_missing(pl.lit(self.period)))
        tables = [
            self._table(own, rows)
            for own in tables_of(rows.filter(pl.col("role") == "region"))
            if not self.sectors or not self._asked(own).is_empty()
        ]
        columns = [column for _, part in tables for column in part]
        return Measured([frame for frame, _ in tables], columns, self._summary(columns))

    def _summary(self, columns: Sequence[Column]) -> dict[str, Any]:
        """What a reader must know of the block."""
        return {
            "indicator": self.meta.id,
            "kind": self.meta.kind,
            "year": self.period,
            "unit": self.meta.unit,
            "per": None if self.size is None else self.size.id,
            "direction": self.direction,
            "method": self.options.method,
            "reference": self.reference,
            "columns": len(columns),
            "treated": sum(column.row["treatment"] in ("winsorised", "log") for column in columns),
            "refused": sum(column.reason is not None for column in columns),
        }

    def _asked(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("sector").cast(pl.String).is_in(list(self.sectors))) if self.sectors else rows

    def _table(self, own: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Column]]:
        """One table: `own` are the rows of its regions and sectors, `rows` all rows of the period."""
        totals = own["sector"].cast(pl.String)[0] == TOTAL
        asked = self._asked(own)
        codes = sorted(own["region"].unique().cast(pl.String).to_list())
        table = Matrix.from_frame(asked, absent="missing" if totals else self.meta.absent, regions=codes)
        published = np.full(len(table.sectors), np.nan)
        if self.reference is not None:
            found = Matrix.from_frame(rows, absent="missing", regions=[self.reference], sectors=table.sectors)
            published = found.values[0]
        sizes = self._sizes([*table.regions, *([self.reference] if self.reference else [])])
        columns = [self._column(table, j, float(published[j]), sizes) for j in range(len(table.sectors))]
        return self._frame(asked, table, columns, sizes), columns

    def _sizes(self, codes: Sequence[str]) -> Floats | None:
        """Size of each region in this period, NaN where the project has none; None if nothing is divided."""
        if self.sizes is None:
            return None
        mine = self.sizes.filter(pl.col("year").eq_missing(pl.lit(self.period)))
        found = dict(zip(mine["region"].cast(pl.String).to_list(), mine["value"].to_list(), strict=True))
        return np.array([found.get(code) for code in codes], float)

    def _column(self, table: Matrix, j: int, published: float, sizes: Floats | None) -> Column:
        """One column of the table, refused or not."""
        nothing = np.full(len(table.regions), np.nan)
        sector, values = table.sectors[j], table.values[:, j]
        column = Column(nothing, nothing, nothing, self._row(sector, values))
        try:
            if sizes is not None:
                values = self._scaled(values, sizes[: values.size], "any of the regions")
                if self.reference is not None and self.reference not in table.regions:
                    published = float(self._scaled(np.array([published]), sizes[-1:], self.reference)[0])
            column.treated = values
            column.row |= _shape(values, "before")
            treated = _treat(values, self.options.points, table.regions)
            column.treated = treated.values
            column.row |= treated.row
            arguments = self._arguments(table.regions, treated, published)
            column.score = NORMALISERS[self.options.method](treated.values, direction=self.direction, **arguments)
        except ConstantError as error:
            return _refuse(column, "constant", error)
        except ValueError as error:
            return _refuse(column, "refused", error)
        if not np.isnan(treated.values).all():
            column.rank = methods.rank(treated.values, direction=self.direction)
        column.row |= self._scale(treated.values, arguments)
        if treated.row["treatment"] == "failed":
            column.note = column.row["note"] = "treatment_failed"
        return column

    def _scaled(self, values: Floats, sizes: Floats, whose: str) -> Floats:
        assert self.size is not None
        if np.isnan(sizes).all():
            when = "" if self.period is None else f" in {self.period}"
            raise ValueError(f"{self.size.id} has no value for {whose}{when}")
        return methods.per(values, sizes)

    def _row(self, sector: str, values: Floats) -> dict[str, Any]:
        row = dict.fromkeys(TREATMENT_COLUMNS)
        here = {"indicator": self.meta.id, "year": self.period, "sector": sector}
        return row | here | {"treatment": "none", "points": 0, "n": int(np.count_nonzero(~np.isnan(values)))}

    def _arguments(self, regions: Sequence[str], treated: Treated, published: float) -> dict[str, Any]:
        """Keyword arguments of the normaliser, from the options and else the catalogue."""
        options, meta = self.options, self.meta
        if options.method in RATIO_SCALE and meta.kind == "score":
            raise ValueError("a score has no zero that ratios could start from; use rank, percentile or goalposts")
        if treated.row["treatment"] == "log" and options.method in RATIO_SCALE | {"goalposts"}:
            raise ValueError(
                f"the outlier rule took logarithms, and {options.method} needs the original scale; winsorise a number "
                "of points instead"
            )
        if options.method == "ratio_to_reference":
            if self.reference is None:
                raise ValueError("no published total to compare with; name a reference region")
            value = treated.values[regions.index(self.reference)] if self.reference in regions else published
            if np.isnan(value):
                raise ValueError(f"the reference {self.reference} has no value")
            return options.params | {"reference": float(value)}
        if options.method == "distance_to_target":
            target = meta.target if options.target is None else options.target
            if target is None:
                raise ValueError(f"no target: write `target` in {meta.id}.toml or give one")
            return options.params | {"target": target}
        if options.method == "goalposts":
            posts = meta.goalposts
            low = posts.low if options.low is None and posts else options.low
            high = posts.high if options.high is None and posts else options.high
            log = posts.log if options.log is None and posts else bool(options.log)
            if low is None or high is None:
                raise ValueError(f"no goalposts: write `[goalposts]` in {meta.id}.toml or give low and high")
            return options.params | {"low": low, "high": high, "log": log}
        return options.params

    def _scale(self, values: Floats, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the scores are anchored to, for the treatment table."""
        if self.options.method == "goalposts":
            low, high = arguments["low"], arguments["high"]
            below, above = methods.outside(values, low, high)
            return {
                "scale_low": low, "scale_high": high, "scale_log": arguments["log"],
                "outside_low": below, "outside_high": above,
            }  # fmt: skip
        if self.options.method == "min_max":
            return {"scale_low": float(np.nanmin(values)), "scale_high": float(np.nanmax(values))}
        return {"anchor": arguments.get("reference", arguments.get("target"))}

    def _frame(self, own: pl.DataFrame, table: Matrix, columns: Sequence[Column], sizes: Floats | None) -> pl.DataFrame:
        """Rows of one table with the columns beside them."""
        shape = table.shape
        size = np.full(shape[0], np.nan) if sizes is None else sizes[: shape[0]]
        notes = pl.DataFrame(
            {
                "sector": pl.Series(table.sectors, dtype=own.schema["sector"]),
                "column_note": pl.Series([column.note for column in columns], dtype=pl.String),
                "n": pl.Series([column.row["n"] for column in columns], dtype=pl.Int32),
            }
        )
        spread = table.to_frame(
            "value", region_type=own.schema["region"], sector_type=own.schema["sector"],
            denominator=np.broadcast_to(size[:, np.newaxis], shape),
            **{key: np.column_stack([getattr(c, key) for c in columns]) for key in ("treated", "score", "rank")},
        ).join(notes, on="sector", how="left", maintain_order="left")  # fmt: skip
        seen = own.select("region", "sector", "status", pl.lit(True).alias("seen"))
        frame = spread.join(
            seen, on=["region", "sector"], how="left" if self.complete else "inner", maintain_order="left"
        )
        scaled = pl.lit(sizes is not None) & pl.col("value").is_not_null()
        absent = pl.col("seen").is_null()
        return frame.with_columns(
            joined_notes(
                {
                    "absent_row": absent,
                    "no_denominator": scaled & pl.col("denominator").is_null(),
                    "no_base": scaled & (pl.col("denominator") == 0) & (pl.col("value") == 0),
                }
                | {reason: ~absent & holds for reason, holds in reasons_without_value().items()}
                | {name: (pl.col("column_note") == name).fill_null(False) for name in COLUMN_NOTES}
            ),
            pl.lit(self.meta.id).alias("indicator"),
            pl.lit(self.period, pl.Int32).alias("year"),
            pl.lit(self.options.method).alias("method"),
            pl.col("rank").cast(pl.Int32),
        ).select(COLUMNS)


def _treat(values: Floats, how: str | int, regions: Sequence[str]) -> Treated:
    """Values with their outliers treated, and what was done."""
    row: dict[str, Any] = {"treatment": "none", "points": 0}
    if how == "none":
        return Treated(values, row | _shape(values, "after"))
    if how == "rule":
        done = methods.treat(values)
        treated, changed, row["treatment"] = done.values, done.changed, done.method
        if done.method == "log":
            row |= {"log_shift": done.shift, "log_mirrored": done.mirrored}
    else:
        n, points = int(np.count_nonzero(~np.isnan(values))), int(how)
        if 2 * points >= n:
            raise ValueError(f"{points} points at each end leave none of {n} values between them")
        treated = methods.winsorise(methods.winsorise(values, points, "high"), points, "low")
        changed = ~np.isnan(values) & (treated != values)
        row["treatment"] = "winsorised"
    if row["treatment"] == "winsorised":
        row["winsor_low"] = float(np.nanmin(treated)) if np.any(treated > values) else None
        row["winsor_high"] = float(np.nanmax(treated)) if np.any(treated < values) else None
    row["points"] = int(np.count_nonzero(changed))
    row["regions"] = ";".join(np.array(regions)[changed].tolist()) or None
    return Treated(treated, row | _shape(treated, "after"))


def _shape(values: Floats, when: str) -> dict[str, Any]:
    """Number of values, skewness and excess kurtosis; None where they do not exist."""
    seen = values[~np.isnan(values)]
    varied = not methods.is_near_constant(seen)
    return {
        "n": seen.size,
        f"skewness_{when}": methods.skewness(seen) if varied and seen.size >= 3 else None,
        f"excess_kurtosis_{when}": methods.excess_kurtosis(seen) if varied and seen.size >= 4 else None,
    }


def _refuse(column: Column, note: str, error: ValueError) -> Column:
    column.note = column.row["note"] = note
    column.reason = str(error)
    return column


def _reasons(refused: Sequence[Mapping[str, Any]]) -> str:
    """Every refused column by name, those of one indicator and year with the same reason together."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for each in refused:
        groups.setdefault((each["indicator"], each["year"], each["reason"]), []).append(each["sector"])
    return "; ".join(
        f"{indicator}{'' if year is None else f' {year}'} {', '.join(sectors)}: {reason}"
        for (indicator, year, reason), sectors in groups.items()
    )


def _treatment_table(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, pl.DataType]) -> pl.DataFrame:
    integers: dict[str, Any] = dict.fromkeys(("n", "points", "outside_low", "outside_high"), pl.Int32)
    texts: dict[str, Any] = dict.fromkeys(("treatment", "regions", "note"), pl.String)
    schema: dict[str, Any] = dict.fromkeys(TREATMENT_COLUMNS, pl.Float64) | integers | texts
    schema |= {"indicator": kinds["indicator"], "year": pl.Int32, "sector": kinds["sector"]}
    schema |= dict.fromkeys(("log_mirrored", "scale_log"), pl.Boolean)
    return pl.DataFrame(rows, schema=schema).sort("indicator", "year", "sector")


def _options(
    *,
    method: str,
    winsorise: str | int,
    direction: int | None,
    params: Mapping[str, Any],
    **given: Any,
) -> Options:
    """The options checked against what the method reads; raises UsageError."""
    if method not in NORMALISERS:
        near = nearest(method, list(NORMALISERS))
        raise UsageError(
            f"unknown method {method!r}", fix=f"did you mean {near[0]}?" if near else f"one of {', '.join(NORMALISERS)}"
        )
    for name, reader in OPTION_OF.items():
        if given[name] is not None and method != reader:
            raise UsageError(f"the method {method} does not read {name}", fix=f"use it with --method {reader}")
    if direction is not None and direction not in (1, -1):
        raise UsageError(f"direction {direction} is neither 1 (more is better) nor -1 (less is better)")
    low, high = given["low"], given["high"]
    if low is not None and high is not None and not low < high:
        raise UsageError(f"low ({low}) must be smaller than high ({high})")
    return Options(
        method=method,
        points=_points(winsorise),
        params=_parameters(method, params),
        **given,
        direction=None if direction is None else 1 if direction == 1 else -1,
    )


def _points(winsorise: str | int) -> Literal["none", "rule"] | int:
    """`none`, `rule` or a number of points, which may come as text."""
    text = str(winsorise)
    if text in ("none", "rule"):
        return "none" if text == "none" else "rule"
    if not text.isdecimal():
        raise UsageError(
            f"winsorise {winsorise!r} is not a number of points", fix="use none, rule or a number such as 2"
        )
    return int(text) or "none"


def _parameters(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the normaliser with their types checked against its annotations."""
    function = NORMALISERS[method]
    bound = set(function.keywords) if isinstance(function, partial) else set()
    plain = function.func if isinstance(function, partial) else function
    allowed = [name for name in inspect.signature(plain).parameters if name not in FILLED | bound]
    unknown = sorted(params.keys() - set(allowed))
    if unknown:
        raise UsageError(
            f"{method} has no parameter {', '.join(unknown)}",
            fix=f"it has {', '.join(allowed)}" if allowed else "it has none",
        )
    from pydantic import TypeAdapter, ValidationError

    hints, checked = get_type_hints(plain), {}
    for name, value in params.items():
        try:
            checked[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise UsageError(f"{name}={value!r} does not fit {method}: {error.errors()[0]['msg']}") from None
    return checked


def _size(project: Project, per: str) -> Indicator:
    """The indicator to divide by: a count or value with region-level rows."""
    (meta,) = selection.indicators(project, [per])
    if meta.kind not in ("count", "value"):
        raise UsageError(
            f"{per} is {_article(meta.kind)}, not a size to divide by", fix="use a count or value such as population"
        )
    if rows_of(project, per).filter(pl.col("sector") == TOTAL).is_empty():
        raise UsageError(f"{per} has no region-level rows (sector {TOTAL}) to divide by")
    return meta


def _chosen(
    project: Project, wanted: Sequence[str], size: Indicator | None
) -> tuple[list[Indicator], list[dict[str, str]]]:
    """Indicators to normalise, and what was passed over because it is not to be divided."""
    chosen, skipped = [], []
    for meta in dict.fromkeys(selection.indicators(project, wanted)):
        if size is None or (meta.kind in ("count", "value") and meta != size):
            chosen.append(meta)
            continue
        reason = "it is what the others are divided by" if meta == size else (
            f"{_article(meta.kind)} is not divided by a size: it has none or is divided already"
        )  # fmt: skip
        if wanted:
            raise UsageError(f"no {meta.id} per {size.id}: {reason}", fix="leave `per` out")
        skipped.append({"indicator": meta.id, "reason": reason, "instead": f"capmap normalise -i {meta.id}"})
    return chosen, skipped


def _one_unit(options: Options, chosen: Sequence[Indicator]) -> None:
    """Refuses one target or one pair of goalposts for several indicators: each has a unit of its own."""
    given = [name for name in ("target", "low", "high") if getattr(options, name) is not None]
    if given and len(chosen) > 1:
        raise UsageError(
            f"{' and '.join(given)} in the unit of one indicator cannot serve {len(chosen)}",
            fix="name one indicator, or write them in the indicator files",
        )


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "intensity" else f"a {kind}"
