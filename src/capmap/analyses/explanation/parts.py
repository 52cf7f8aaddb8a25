"""The parts of an explanation: figures with the lines they stand on, formulas that build on each other, what mattered.

An expression is arithmetic as Python writes it, on the symbols of other steps and of parameters. `inputs` stands for the
figures of the step's own symbol, each times its `factor`; the functions are those of `methods.arithmetic`.
"""

from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from capmap.analyses import selection
from capmap.analyses.refine import at_level
from capmap.data.write import render
from capmap.errors import UsageError
from capmap.methods.arithmetic import FUNCTIONS
from capmap.model import Indicator, Project, Result

STEPS = {
    "step": pl.Int32, "symbol": pl.String, "expression": pl.String, "value": pl.Float64, "text": pl.String,
    "figures": pl.Int64, "digest": pl.String,
}  # fmt: skip
INPUTS = {
    "symbol": pl.String, "region": pl.String, "sector": pl.String, "indicator": pl.String, "year": pl.Int32,
    "value": pl.Float64, "factor": pl.Float64, "status": pl.String, "file": pl.String, "line": pl.Int64,
    "sha256": pl.String,
}  # fmt: skip
PARAMETERS = {"parameter": pl.String, "value": pl.String, "number": pl.Float64, "origin": pl.String}
TREATMENT = {"treatment": pl.String, "detail": pl.String, "figures": pl.Int64}
SENSITIVITY = {
    "outcome": pl.String, "direction": pl.String, "figure": pl.String, "now": pl.Float64, "keeps": pl.Float64,
    "changes": pl.Float64, "is": pl.String, "becomes": pl.String,
}  # fmt: skip
ANSWER = {
    "indicator": pl.String, "year": pl.Int32, "region": pl.String, "sector": pl.String, "measure": pl.String,
    "other": pl.String, "value": pl.Float64, "text": pl.String, "expression": pl.String, "note": pl.String,
}  # fmt: skip

#: Parameters that matter to every measure.
ALWAYS = ("window", "reference", "exclude", "world")

Frame = Callable[[], pl.DataFrame]


class Sources:
    """The lines of the observations behind figures: of the project as read, with codes as they count.

    `level` is what codes were added up to before measuring, None for nothing.
    """

    def __init__(self, project: Project, level: str | None = None) -> None:
        self.project, self.level = project, level
        coded = at_level(project, level) if level is not None else project.observations
        own = project.observations.select(
            pl.col("region").cast(pl.String).alias("own_region"), pl.col("sector").cast(pl.String).alias("own_sector")
        )
        text = pl.col("region", "sector", "indicator", "status").cast(pl.String)
        self._rows = coded.with_columns(text).hstack(own)
        known = len(project.files)
        self._files = pl.DataFrame(
            {
                "file": pl.Series(range(known), dtype=pl.UInt16),
                "name": pl.Series([file.name for file in project.files], dtype=pl.String),
                "sha256": pl.Series([file.sha256 for file in project.files], dtype=pl.String),
            }
        )

    def rows(
        self,
        symbol: str,
        indicator: str,
        years: Sequence[int | None],
        regions: Iterable[str],
        sectors: Iterable[str] | None = None,
        *,
        cells: pl.DataFrame | None = None,
        factor: float = 1.0,
        nulls: bool = False,
    ) -> pl.DataFrame:
        """Figures of regions in sectors (all of them by default) and years, those without a value only with `nulls`.

        `cells` has columns region and sector and leaves only these pairs in.
        """
        wanted = (pl.col("indicator") == indicator) & pl.col("region").is_in(list(regions))
        wanted &= pl.any_horizontal(pl.col("year").eq_missing(pl.lit(year, pl.Int32)) for year in years)
        if sectors is not None:
            wanted &= pl.col("sector").is_in(list(sectors))
        found = self._rows.filter(wanted if nulls else wanted & pl.col("value").is_not_null())
        if cells is not None:
            found = found.join(cells, on=["region", "sector"], how="semi", maintain_order="left")
        return (
            found.join(self._files, on="file", how="left", maintain_order="left")
            .with_columns(
                symbol=pl.lit(symbol), factor=pl.lit(factor), file=pl.col("name"), line=pl.col("line").cast(pl.Int64),
                region=pl.col("own_region"), sector=pl.col("own_sector"),
            )
            .select(pl.col(name).cast(kind) for name, kind in INPUTS.items())
        )  # fmt: skip


def derived(symbol: str, indicator: str | None, when: int | None, /, **columns: Any) -> pl.DataFrame:
    """Figures that are themselves computed, from arrays or lists of equal length: region, sector, value, factor, year."""
    height = len(columns["value"])
    given = {name: pl.Series(columns[name], dtype=INPUTS[name], strict=False) for name in columns}
    given = {name: column.alias(name).fill_nan(None) if column.dtype.is_float() else column.alias(name)
             for name, column in given.items()}  # fmt: skip
    constant = {"symbol": symbol, "indicator": indicator, "year": when, "factor": 1.0}
    rest = {name: pl.repeat(constant.get(name), height, dtype=kind, eager=True).alias(name)
            for name, kind in INPUTS.items() if name not in given}  # fmt: skip
    return pl.DataFrame([(given | rest)[name] for name in INPUTS])


@dataclass
class Story:
    """An explanation in the making.

    `formulas` maps a symbol to its expression, `values` to what it came to (a number, a text for a class, None where there is
    none), `inputs` to its figures; `parameters` name the numbers and words that are neither. Only what the measure stands on
    is told: see `result`.
    """

    measure: str
    formulas: dict[str, str] = field(default_factory=dict)
    values: dict[str, float | str | None] = field(default_factory=dict)
    inputs: dict[str, Frame] = field(default_factory=dict)
    parameters: dict[str, tuple[Any, str]] = field(default_factory=dict)  #: name -> value and origin
    treatment: list[tuple[str, str, int | None]] = field(default_factory=list)
    sensitivity: list[dict[str, Any]] = field(default_factory=list)
    matters: tuple[str, ...] = ()  #: parameters that are told although no formula names them
    before: list[str] = field(default_factory=list)  #: symbols that are told as well, ahead of the measure

    def figures(self, symbol: str, expression: str, frame: Frame, value: float | None = None) -> None:
        """A step that is made of figures; its value is their sum unless another is given."""
        self.formulas[symbol], self.inputs[symbol] = expression, frame
        if value is not None:
            self.values[symbol] = value

    def result(self, about: Mapping[str, Any], meta: Mapping[str, Any], also: Sequence[str] = ()) -> Result:
        """The explanation as tables: what the measure stands on, in the order in which it is computed.

        Symbols whose value nobody has given get the one that their expression comes to. `also` are symbols whose parameters
        matter to the reader although the measure does not stand on them.
        """
        order, _ = _closure([*self.before, self.measure], self.formulas)
        frames = {symbol: self.inputs[symbol]() for symbol in order
                  if symbol in self.inputs and self.formulas[symbol] != "None"}  # fmt: skip
        known = {name: value for name, (value, _) in self.parameters.items()}
        steps = []
        for number, symbol in enumerate(order, start=1):
            frame = frames.get(symbol)
            reckoned = evaluated(self.formulas[symbol], known, frame)
            value = self.values.get(symbol, reckoned)
            known[symbol] = value
            row: dict[str, Any] = {"step": number, "symbol": symbol, "expression": self.formulas[symbol]}
            row |= {"text": value} if isinstance(value, str) else {"value": _number(value)}
            steps.append(row if frame is None else row | {"figures": frame.height, "digest": digest(frame)})
        _, wider = _closure([*self.before, self.measure, *also], self.formulas)
        told = {
            name: pair
            for name, pair in self.parameters.items()
            if name in wider or name in ALWAYS or name in self.matters
        }
        beside = [frame() for symbol, frame in self.inputs.items() if symbol not in self.formulas]
        final = known[self.measure]
        answer = {**about, "measure": self.measure.rstrip("_"), "expression": self.formulas[self.measure]}
        answer |= {"text": final} if isinstance(final, str) else {"value": _number(final)}
        return Result("explain", {
            "answer": as_table([answer], ANSWER),
            "steps": as_table(steps, STEPS),
            "inputs": pl.concat([pl.DataFrame(schema=INPUTS), *frames.values(), *beside]),
            "parameters": as_table([as_parameter(name, *pair) for name, pair in told.items()], PARAMETERS),
            "treatment": as_table([dict(zip(TREATMENT, row, strict=True)) for row in self.treatment], TREATMENT),
            "sensitivity": as_table(self.sensitivity, SENSITIVITY),
        }, {**meta, "follows": _same(reckoned, final)})  # fmt: skip


def evaluated(expression: str, names: Mapping[str, Any], figures: pl.DataFrame | None = None) -> float | str | None:
    """What an expression comes to with these symbols and figures; None where one of them has no value.

    >>> evaluated("(a / b) / max(c, 1)", {"a": 6.0, "b": 2.0, "c": 3.0})
    1.0
    """
    inputs = [] if figures is None else list(figures.select("value", "factor").iter_rows())
    if any(value is None for value, _ in inputs):
        return None
    try:
        found = eval(
            compile(expression, "formula", "eval"), {"__builtins__": {}, **FUNCTIONS}, {**names, "inputs": inputs}
        )
    except (TypeError, ZeroDivisionError, ValueError):  # a symbol without a value, or a base of zero
        return None
    return found if isinstance(found, str) or found is None else float(found)


def _same(reckoned: float | str | None, final: float | str | None) -> bool:
    """Whether the arithmetic as told gives the figure as measured, but for round-off."""
    if isinstance(reckoned, float) and isinstance(final, int | float):
        return math.isclose(reckoned, final, rel_tol=1e-9, abs_tol=1e-12) or math.isnan(final)
    return reckoned == final or (reckoned is None and isinstance(final, float) and math.isnan(final))


def names_in(expression: str) -> list[str]:
    """Symbols of an expression, each once, in the order in which they stand there.

    >>> names_in("(x_ij / x_i) / max(x_j, x_i)")
    ['x_ij', 'x_i', 'x_j']
    """
    tree = ast.parse(expression, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in found if node.id != "inputs"))


def _closure(measures: Sequence[str], formulas: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """Symbols that measures stand on, each after those it needs, and all names that are used."""
    order: list[str] = []
    used: set[str] = set()

    def visit(symbol: str) -> None:
        used.add(symbol)
        if symbol in order or symbol not in formulas:
            return
        for name in names_in(formulas[symbol]):
            visit(name)
        order.append(symbol)

    for measure in measures:
        visit(measure)
    return order, used


def digest(frame: pl.DataFrame) -> str:
    """SHA-256 of figures: of their lines as CSV, without the symbol they stand for."""
    return hashlib.sha256(render(Result("figures", {"figures": frame.drop("symbol")}), "csv")).hexdigest()


def as_table(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Rows as a table of this schema; None for what a row does not have."""
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema))


def _number(value: float | None) -> float | None:
    """A float, None also for NaN."""
    return None if value is None or value != value else float(value)  # noqa: PLR0124 - NaN differs from itself


def as_parameter(name: str, value: Any, origin: str) -> dict[str, Any]:
    """A row of PARAMETERS."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return {"parameter": name, "value": text, "number": number, "origin": origin}


def setting(project: Project, section: str, key: str, value: object) -> str:
    """Where a setting comes from: `default`, `capmap.toml`, a flag or a variable; `asked` where it is not the project's."""
    own = getattr(getattr(project.run, section), key)
    return project.origins.get(f"{section}.{key}", "default") if own == value else "asked"


def cited(meta: Indicator) -> dict[str, Any]:
    """What a sentence cites: the source of an indicator, and what a number of it means."""
    return {"name": meta.name, "noun": meta.noun, "unit": meta.unit, "kind": meta.kind} | meta.source.model_dump()


def read_as(project: Project, story: Story, level: str | None, indicator: str) -> None:
    """Tells what was done to every figure before it was measured: columns renamed, codes added up."""
    names = ", ".join(f"{theirs} is read as {ours}" for ours, theirs in sorted(project.run.columns.items()))
    if names:
        story.treatment.append(("columns", names, None))
    if level is not None and project.catalogue[indicator].additive:
        story.treatment.append(("rolled_up", f"codes are added up to the level {level} of their lists", None))


def carried(frames: Iterable[pl.DataFrame]) -> list[tuple[str, str, int | None]]:
    """Rows of a treatment: which figures carry a status, estimated, imputed, provisional or at a break."""
    from capmap.model import STATUSES

    together = pl.concat([pl.DataFrame(schema=INPUTS), *frames]).drop_nulls("status").unique(["file", "line"])
    counted = together.group_by("status").len().sort("status")
    return [(f"status_{letter}", STATUSES[letter], n) for letter, n in counted.iter_rows() if letter != "A"]


def letters(story: Story, frames: Iterable[pl.DataFrame]) -> None:
    """Tells which figures carry a status."""
    story.treatment += carried(frames)


def place(project: Project, region: str, sector: str | None, meta: Indicator) -> tuple[str, str | None]:
    """Codes of a region that stands for itself and of a sector of an indicator."""
    code = selection.own_region(project, region)
    return code, None if sector is None else selection.sector(project, sector, [meta])


def one_period(years: Sequence[int | None], year: selection.Year, indicator: str) -> int:
    """Position of the only period that was asked for; raises where there is none or several."""
    selection.one_year(year)
    wanted = selection.periods(years, year)
    if len(wanted) != 1:
        has = ", ".join(str(one) for one in years if one is not None)
        raise UsageError(f"{indicator}: no data in {year} (has {has})", fix="name one of these years, or latest")
    return wanted[0]


def changed(project: Project, key: tuple[str, int | None, str, str], value: float) -> Project:
    """The project with one figure changed: that of (indicator, year, region, sector)."""
    from dataclasses import replace

    indicator, year, region, sector = key
    same = (
        (pl.col("indicator") == indicator) & (pl.col("region") == region) & (pl.col("sector") == sector)
        & pl.col("year").eq_missing(pl.lit(year, pl.Int32))
    )  # fmt: skip
    column = pl.when(same).then(pl.lit(value)).otherwise("value").alias("value")
    return replace(project, observations=project.observations.with_columns(column))
