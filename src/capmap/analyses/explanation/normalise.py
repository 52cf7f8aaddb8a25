"""How a score of `capmap normalise` came about: scaled, treated, normalised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from capmap.analyses import selection
from capmap.analyses.explanation import formulas as explain_formulas
from capmap.analyses.explanation import table as explain_table
from capmap.analyses.explanation.parts import INPUTS, Sources, Story, cited, letters, read_as
from capmap.analyses.explanation.sensitivity import rank_points
from capmap.analyses.normalise import normalise
from capmap.errors import UsageError
from capmap.model import TOTAL, Indicator, Project, Result

MEASURES = ("treated", "score", "rank")
#: Method -> score where more is better, and where less is. `low`, `high`, `target` and `reference` are parameters.
SCORES: dict[str, tuple[str, str]] = {
    "z_score": ("(treated - column_mean) / column_sd", "-(treated - column_mean) / column_sd"),
    "min_max": (
        "(treated - column_min) / (column_max - column_min)", "(column_max - treated) / (column_max - column_min)",
    ),
    "ratio_to_mean": ("treated / column_mean", "column_mean / treated"),
    "ratio_to_best": ("treated / column_max", "column_min / treated"),
    "ratio_to_reference": ("treated / anchor", "anchor / treated"),
    "distance_to_target": ("(treated - anchor) / abs(anchor)", "-(treated - anchor) / abs(anchor)"),
    "goalposts": (
        "min(max((treated - scale_low) / (scale_high - scale_low), 0), 1)",
        "1 - min(max((treated - scale_low) / (scale_high - scale_low), 0), 1)",
    ),
    "rank": ("1 + above(inputs, treated)", "1 + below(inputs, treated)"),
    "percentile": (
        "(below(inputs, treated) + equal(inputs, treated) / 2) / count(inputs)",
        "(above(inputs, treated) + equal(inputs, treated) / 2) / count(inputs)",
    ),
    "above_below": (
        "1 if treated / column_mean > (1 + p) * (1 + 1e-12) else -1 if treated / column_mean < (1 - p) * (1 - 1e-12) else 0",
        "-1 if treated / column_mean > (1 + p) * (1 + 1e-12) else 1 if treated / column_mean < (1 - p) * (1 - 1e-12) else 0",
    ),
}  # fmt: skip
LOGGED = "min(max((ln(max(treated, scale_low)) - ln(scale_low)) / (ln(scale_high) - ln(scale_low)), 0), 1)"
#: Of a whole column -> expression on its figures.
OF_COLUMN = {
    "column_mean": "mean(inputs)", "column_sd": "std(inputs, ddof)", "column_min": "min(inputs)",
    "column_max": "max(inputs)",
}  # fmt: skip


def explain_normalised(
    project: Project,
    meta: Indicator,
    region: str,
    sector: str,
    name: str,
    year: selection.Year,
    options: Mapping[str, Any],
) -> Result:
    """The explanation of a measure of `capmap normalise`; `options` are keywords of `normalise`.

    A score by a transformation that is fitted to the whole column has no arithmetic; see `explain_fitted`.
    """
    told = normalise(project, indicator=[meta.id], year=year, sector=[sector], complete=True, **options)
    method = told.meta["parameters"]["method"]
    table = told.tables["normalise"]
    own = table.filter(pl.col("region") == region)
    if own.is_empty():
        raise UsageError(f"{region} has no row of {meta.id}", fix="see `capmap regions`")
    if method not in SCORES and name == "score":
        return explain_table.explain_fitted(project, meta, told, own.row(0, named=True), name)
    row, block, cure = own.row(0, named=True), told.meta["blocks"][0], told.tables["treatment"].row(0, named=True)
    story, sources = Story(name), Sources(project)
    when = row["year"]
    story.figures("x_ij", "sum(inputs)", lambda: sources.rows(
        "x_ij", meta.id, [when], [region], [sector], nulls=row["value"] is None))  # fmt: skip
    story.values |= {"x_ij": row["value"], "treated": row["treated"], "score": row["score"], "rank": row["rank"]}
    per = told.meta["parameters"]["per"]
    if per is not None:
        story.figures("size", "sum(inputs)", lambda: sources.rows("size", per, [when], [region], [TOTAL]))
        story.treatment.append(("per", f"divided by {per}", None))
    story.formulas["scaled"] = "x_ij" if per is None else "x_ij / size"
    _treated(story, cure)
    _scored(story, method, block["direction"], cure, _column(sources, table, meta, when, sector))
    _told(story, told.meta["parameters"], block, cure)
    read_as(project, story, None, meta.id)
    letters(story, [sources.rows("x_ij", meta.id, [when], [region], [sector], nulls=True)])
    known = table["treated"].cast(pl.Float64).to_numpy()
    if row["rank"] is not None:
        place = table["region"].cast(pl.String).to_list().index(region)
        story.sensitivity = rank_points("treated", known, place, block["direction"])
    about = {"indicator": meta.id, "year": when, "region": region, "sector": sector, "note": row["note"]}
    return story.result(about, {
        "command": "explain",
        "parameters": {"measure": name} | told.meta["parameters"],
        "method": explain_formulas.METHODS[name],
        "cited": cited(meta),
        "blocks": [block],
        "row": {key: row[key] for key in ("value", "rank", "n")},
    })  # fmt: skip


def _column(sources: Sources, table: pl.DataFrame, meta: Indicator, when: int | None, sector: str) -> pl.DataFrame:
    """The treated value of every region, with the line that its own figure stands on."""
    codes = table.select(pl.col("region").cast(pl.String), "treated").drop_nulls("treated")
    lines = sources.rows("column", meta.id, [when], codes["region"].to_list(), [sector]).drop("value")
    blank = pl.DataFrame(schema=INPUTS)
    found = codes.rename({"treated": "value"}).join(lines, on="region", how="left", maintain_order="left")
    filled = found.with_columns(
        pl.col("factor").fill_null(1.0), pl.col("symbol").fill_null("column"), pl.col("sector").fill_null(sector),
        pl.col("indicator").fill_null(meta.id),
    )  # fmt: skip
    return pl.concat([blank, filled.select(pl.col(key).cast(kind) for key, kind in INPUTS.items())])


def _treated(story: Story, cure: Mapping[str, Any]) -> None:
    """What was done to outliers, as arithmetic."""
    expression = "scaled"
    if cure["treatment"] == "winsorised":
        if cure["winsor_high"] is not None:
            expression, story.parameters["winsor_high"] = (
                f"min({expression}, winsor_high)",
                (cure["winsor_high"], "column"),
            )
        if cure["winsor_low"] is not None:
            expression, story.parameters["winsor_low"] = (
                f"max({expression}, winsor_low)",
                (cure["winsor_low"], "column"),
            )
    elif cure["treatment"] == "log":
        story.parameters["log_shift"] = (cure["log_shift"], "column")
        expression = "-ln(log_shift - scaled)" if cure["log_mirrored"] else "ln(scaled + log_shift)"
    story.formulas["treated"] = expression


def _scored(story: Story, method: str, direction: int, cure: Mapping[str, Any], column: pl.DataFrame) -> None:
    """The score on its scale, and the rank, as arithmetic."""
    expression = SCORES.get(method, ("score_of_column",) * 2)[direction == -1]
    if method == "goalposts" and cure["scale_log"]:
        expression = LOGGED if direction == 1 else f"1 - {LOGGED}"

    def figures(symbol: str, formula: str) -> None:
        story.figures(symbol, formula, lambda: column.with_columns(symbol=pl.lit(symbol)))

    if "inputs" in expression:
        figures("score", expression)
    story.formulas["score"] = expression
    figures("rank", SCORES["rank"][direction == -1])
    for symbol, formula in OF_COLUMN.items():
        figures(symbol, formula)
    if cure["note"] in ("constant", "refused"):
        story.formulas["score"] = "None"


def _told(story: Story, asked: Mapping[str, Any], block: Mapping[str, Any], cure: Mapping[str, Any]) -> None:
    story.parameters |= {
        "method": (asked["method"], "asked"), "winsorise": (asked["winsorise"], "asked"),
        "direction": (block["direction"], "catalogue"), "ddof": (asked.get("ddof", 1), "default"),
        "p": (asked.get("p", 0.2), "default"),
    }  # fmt: skip
    for key in ("scale_low", "scale_high", "anchor"):
        if cure[key] is not None:
            story.parameters[key] = (cure[key], "column" if asked["method"] == "min_max" else "catalogue or asked")
    if cure["treatment"] != "none":
        story.treatment.append(
            (cure["treatment"], f"outliers of the column: {cure['regions'] or 'all values'}", cure["points"])
        )
