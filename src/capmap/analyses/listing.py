"""What does a project hold? Its indicators, regions and sectors, and how completely each indicator is observed.

The other analyses take their rows from here where they need them with roles and not as a panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from capmap.analyses import selection
from capmap.data.nearest import nearest
from capmap.errors import UsageError
from capmap.model import TOTAL, Closed, Indicator, Project, Result

INDICATOR_COLUMNS = (
    "id", "name", "kind", "unit", "stage", "direction", "classification", "counting", "first_year", "last_year",
    "periods", "regions", "sectors", "observations", "missing", "reference", "source", "table", "licence",
)  # fmt: skip
COVERAGE_COLUMNS = ("year", "regions", "sectors", "observations", "null", "share", "statuses")
REGION_COLUMNS = ("code", "label", "parent", "level", "role", "group", "indicators")
SECTOR_COLUMNS = ("classification", "code", "label", "parent", "level", "indicators")

_COUNT = pl.UInt32


def indicators(project: Project) -> Result:
    """Every indicator of the catalogue, with what the data hold of it.

    Returns
    -------
    Result with table `indicators` (INDICATOR_COLUMNS), sorted by id. `observations` are the rows, of every region and
    role, and `missing` those of them without a value; `regions` leaves out references and aggregates; `sectors` leaves
    out `_T` beside sectors of their own. An indicator without rows has zeros, and null years; so have data
    without years. `reference` is the code of the published total, null without one, and `source`, `table` and `licence`
    are keys of the indicator's `[source]`.
    """
    held = _held(project)
    table = pl.DataFrame(
        [_described(meta) for _, meta in sorted(project.catalogue.items())],
        schema={
            "id": pl.String, "name": pl.String, "kind": pl.String, "unit": pl.String, "stage": pl.String,
            "direction": pl.Int8, "classification": pl.String, "counting": pl.String, "source": pl.String,
            "table": pl.String, "licence": pl.String,
        },
    )  # fmt: skip
    table = table.join(held, left_on="id", right_on="indicator", how="left", maintain_order="left")
    counts = ("periods", "regions", "sectors", "observations", "missing")
    table = table.with_columns(
        pl.col(*counts).fill_null(0),
        pl.Series(
            "reference", [published_total(project, meta) for _, meta in sorted(project.catalogue.items())], pl.String
        ),
    )
    return _listed("indicators", {"indicators": table.select(INDICATOR_COLUMNS)})


def indicator(project: Project, id: str) -> Result:  # noqa: A002 - the catalogue's own word
    """One indicator in full: what its file says, and how completely it is observed.

    Returns
    -------
    Result with two tables. `indicator` (key, value) has a row for every key of the catalogue, in the catalogue's order,
    nested keys as `source.title`, caveats one a row; the value is text, null where the key is not set, and
    `absent_rows` and `aggregate` show the default in force. `coverage` (COVERAGE_COLUMNS) has a row a year: `regions`
    of role region and `sectors` that have rows, `observations` and `null` as in `indicators`, `share` the cells of
    regions that hold a value over all pairs of a region and a sector that the indicator has in any year, `statuses` the
    letters and their numbers of rows (`A:690;B:3`).

    Raises
    ------
    UsageError : no indicator has this id.
    """
    meta = project.catalogue.get(id) or selection.indicators(project, [id])[0]
    rows = pl.DataFrame(_keys(meta), schema={"key": pl.String, "value": pl.String}, orient="row")
    coverage = _coverage(rows_of(project, meta.id))
    return _listed("indicator", {"indicator": rows, "coverage": coverage}, {"indicator": meta.id})


def regions(project: Project, group: str | None = None, level: str | None = None) -> Result:
    """The regions of a project, what they belong to, and which indicators have a value for them.

    Parameters
    ----------
    project : a loaded project.
    group : only members of this group, such as `EU27`.
    level : only codes of this level, such as `country`.

    Returns
    -------
    Result with table `regions` (REGION_COLUMNS), sorted by code; `indicators` are ids joined by `;`, null for none.

    Raises
    ------
    UsageError : an unknown group or level.
    """
    listed = project.codes.regions
    held = _indicators_by(project, ["region"]).rename({"region": "code"})
    table = listed.join(held, on="code", how="full", coalesce=True).with_columns(pl.col("role").fill_null("region"))
    if level is not None:
        table = _of(table, "level", level)
    if group is not None:
        table = table.filter(pl.col("code").is_in(selection.in_group(project, group)))
    return _listed("regions", {"regions": table.select(REGION_COLUMNS).sort("code")}, {"group": group, "level": level})


def sectors(project: Project, classification: str | None = None) -> Result:
    """The sectors of a project by classification, and which indicators have a value for them.

    Returns
    -------
    Result with table `sectors` (SECTOR_COLUMNS), sorted by classification and code; a code that the data have and the
    list has not stands there with a null label; `_T` is no sector. `indicators` as in `regions`.

    Raises
    ------
    UsageError : an unknown classification.
    """
    empty = pl.DataFrame(schema=dict.fromkeys(SECTOR_COLUMNS[:-1], pl.String))
    lists = [
        frame.select(pl.lit(name).alias("classification"), "code", "label", "parent", "level")
        for name, frame in project.codes.classifications.items()
    ]
    kinds = {meta.id: meta.classification for meta in project.catalogue.values()}
    held = (
        _pairs(project, ["sector"])
        .filter(pl.col("sector") != TOTAL)
        .with_columns(classification=pl.col("indicator").replace_strict(kinds, default=None, return_dtype=pl.String))
    )
    joined = _joined(held, ["classification", "sector"]).rename({"sector": "code"})
    table = pl.concat([empty, *lists]).join(joined, on=["classification", "code"], how="full", coalesce=True)
    if classification is not None:
        table = _of(table, "classification", classification)
    return _listed(
        "sectors",
        {"sectors": table.select(SECTOR_COLUMNS).sort("classification", "code")},
        {"classification": classification},
    )


def rows_of(project: Project, indicator: str) -> pl.DataFrame:
    """Rows of one indicator in the order of the observations: region, sector, year, value, status, and the `role`.

    The role is that of the region in the code list, `region` for a code that is not listed.
    """
    kind = project.observations.schema["region"]
    roles = project.codes.regions.select(pl.col("code").cast(kind, strict=False).alias("region"), "role")
    return (
        project.observations.lazy()
        .filter(pl.col("indicator") == indicator)
        .select("region", "sector", "year", "value", "status")
        .join(roles.drop_nulls("region").lazy(), on="region", how="left", maintain_order="left")
        .with_columns(pl.col("role").fill_null("region"))
        .collect()
    )


def years_of(rows: pl.DataFrame) -> list[int | None]:
    """Periods of the rows in order; `[None]` where the data have one period only."""
    found: list[int | None] = rows["year"].unique().sort().to_list()
    return found


def published_total(project: Project, meta: Indicator) -> str | None:
    """Code of the published total that has rows of this indicator: the one its file names, else by its role."""
    rows = project.observations.lazy().filter(pl.col("indicator") == meta.id).select(pl.col("region").unique())
    seen: set[str] = set(rows.collect()["region"].cast(pl.String).to_list())
    if meta.reference is not None:
        return meta.reference if meta.reference in seen else None
    references = project.codes.regions.filter(pl.col("role") == "reference")["code"].to_list()
    return min(seen.intersection(references), default=None)


def tables_of(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows of one period as tables whose sectors may be added up: those with sectors of their own, and `_T` by itself.

    `_T` is the total of the others, so it never stands in one sum with them.
    """
    total = pl.col("sector") == TOTAL
    return [part for part in (rows.filter(~total), rows.filter(total)) if not part.is_empty()]


def reasons_without_value() -> dict[str, pl.Expr]:
    """Why a row has no value, by the name of the reason: conditions on its columns `value` and `status`."""
    unknown, status = pl.col("value").is_null(), pl.col("status")
    return {
        "suppressed": unknown & (status == "Q").fill_null(False),
        "not_applicable": unknown & (status == "M").fill_null(False),
        "missing": unknown & ~((status == "Q") | (status == "M")).fill_null(False),
    }


def joined_notes(notes: Mapping[str, pl.Expr]) -> pl.Expr:
    """The note column: names whose condition holds, in the alphabet and joined by `;`; null where none does."""
    named = [pl.when(condition).then(pl.lit(name)) for name, condition in sorted(notes.items())]
    return pl.concat_str(named, separator=";", ignore_nulls=True).replace("", None).alias("note")


def _described(meta: Indicator) -> dict[str, Any]:
    own = ("id", "name", "kind", "unit", "stage", "direction", "classification", "counting")
    source = {"source": meta.source.title, "table": meta.source.table, "licence": meta.source.licence}
    return {key: getattr(meta, key) for key in own} | source


def _held(project: Project) -> pl.DataFrame:
    """What the data hold of each indicator, one row each."""
    roles = project.codes.regions.filter(pl.col("role") != "region")["code"].to_list()
    ordinary = ~pl.col("region").cast(pl.String).is_in(roles)
    own = pl.col("sector").filter(pl.col("sector") != TOTAL).n_unique()
    return (
        project.observations.lazy()
        .group_by("indicator")
        .agg(
            first_year=pl.col("year").min(),
            last_year=pl.col("year").max(),
            periods=pl.col("year").n_unique(),
            regions=pl.col("region").filter(ordinary).n_unique(),
            sectors=pl.when(own > 0).then(own).otherwise(1),
            observations=pl.len(),
            missing=pl.col("value").null_count(),
        )
        .with_columns(
            pl.col("indicator").cast(pl.String),
            pl.col("periods", "regions", "sectors", "observations", "missing").cast(_COUNT),
        )
        .collect()
    )


def _coverage(rows: pl.DataFrame) -> pl.DataFrame:
    own = rows.filter(pl.col("role") == "region")
    whole = own["region"].n_unique() * max(own.filter(pl.col("sector") != TOTAL)["sector"].n_unique(), 1)
    ordinary = pl.col("role") == "region"
    # `_T` is no cell of the rectangle where sectors of their own are
    inside = pl.lit(True) if own.filter(pl.col("sector") != TOTAL).is_empty() else pl.col("sector") != TOTAL
    letters = (
        rows.group_by("year", pl.col("status").cast(pl.String).fill_null("A").alias("letter"))
        .len()
        .sort("year", "letter")
        .group_by("year", maintain_order=True)
        .agg(statuses=pl.format("{}:{}", "letter", "len").str.join(";"))
    )
    counted = rows.group_by("year").agg(
        regions=pl.col("region").filter(ordinary).n_unique().cast(_COUNT),
        sectors=pl.col("sector").filter(inside).n_unique().cast(_COUNT),
        observations=pl.len().cast(_COUNT),
        null=pl.col("value").null_count().cast(_COUNT),
        share=(pl.col("value").is_not_null() & ordinary & inside).sum() / max(whole, 1),
    )
    return counted.join(letters, on="year", nulls_equal=True).sort("year").select(COVERAGE_COLUMNS)


def _keys(meta: Indicator) -> list[tuple[str, str | None]]:
    """Keys of an indicator file and their values as text, nested keys with a dot, caveats one a row."""
    rows: list[tuple[str, str | None]] = [("id", meta.id)]
    for key in type(meta).model_fields:
        value = getattr(meta, key)
        if key == "absent_rows":
            rows.append((key, meta.absent))
        elif key == "aggregate":
            rows.append((key, value or ("sum" if meta.additive else "none")))
        elif key == "caveats":
            rows += [(key, text) for text in value] or [(key, None)]
        elif key == "years":
            rows.append((key, value and f"{value[0]}:{value[1]}"))
        elif isinstance(value, Closed):
            rows += [(f"{key}.{inner}", _text(getattr(value, inner))) for inner in type(value).model_fields]
        elif key != "id":
            rows.append((key, _text(value)))
    return rows


def _text(value: object) -> str | None:
    """A value of the catalogue as TOML writes it, without quotes."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _indicators_by(project: Project, by: Sequence[str]) -> pl.DataFrame:
    return _joined(_pairs(project, by), by)


def _pairs(project: Project, by: Sequence[str]) -> pl.DataFrame:
    """Distinct combinations of `by` and an indicator that hold a value, as text."""
    held = project.observations.lazy().filter(pl.col("value").is_not_null())
    return held.select(*by, "indicator").unique().with_columns(pl.all().cast(pl.String)).collect()


def _joined(pairs: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Ids of the indicators of each combination of `by`, joined by `;`."""
    return pairs.sort(*by, "indicator").group_by(by).agg(indicators=pl.col("indicator").str.join(";"))


def _of(table: pl.DataFrame, column: str, wanted: str) -> pl.DataFrame:
    """Rows with this value, or a refusal that names the values there are."""
    found = table.filter(pl.col(column) == wanted)
    if found.is_empty():
        known = table[column].drop_nulls().unique().sort().to_list()
        near = nearest(wanted, known)
        raise UsageError(
            f"unknown {column} {wanted!r}",
            fix="".join(f"did you mean {one}? " for one in near[:1]) + f"known: {', '.join(known) or 'none'}",
        )
    return found


def _listed(name: str, tables: Mapping[str, pl.DataFrame], parameters: Mapping[str, object] | None = None) -> Result:
    command = "indicators" if name == "indicator" else name
    return Result(name, tables, {"command": command, "parameters": dict(parameters or {}), "blocks": [], "no_data": []})
