"""Projects made in memory, for tests of analyses that need no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from capmap.model import STATUSES, Codes, Indicator, Project, RunFile, Source

Key = tuple[str, str, int | None]


def made(
    cells: Mapping[Key, float | None],
    *,
    kind: str = "count",
    reference: Mapping[tuple[str, int | None], float] | None = None,
    statuses: Mapping[Key, str] | None = None,
    indicator: str = "x",
    run: Mapping[str, Any] | None = None,
    groups: Mapping[str, str] | None = None,
    population: Mapping[tuple[str, int | None], float] | None = None,
    others: Mapping[str, Mapping[Key, float | None]] | None = None,
    **meta: Any,
) -> Project:
    """A project of one indicator (and perhaps population) from (region, sector, year) -> value."""
    rows: list[tuple[str, str, str, int | None, float | None, str | None]] = [
        (r, s, indicator, y, v, (statuses or {}).get((r, s, y))) for (r, s, y), v in cells.items()
    ]
    rows += [("WLD", s, indicator, y, v, None) for (s, y), v in (reference or {}).items()]
    rows += [(r, "_T", "population", y, v, None) for (r, y), v in (population or {}).items()]
    for name, table_ in (others or {}).items():
        rows += [(r, s, name, y, v, None) for (r, s, y), v in table_.items()]
    frame = pl.DataFrame(
        rows,
        schema={
            "region": pl.String,
            "sector": pl.String,
            "indicator": pl.String,
            "year": pl.Int32,
            "value": pl.Float64,
            "status": pl.String,
        },
        orient="row",
        strict=False,
    )
    ids = sorted({row[2] for row in rows})
    observations = frame.select(
        *(pl.col(c).cast(pl.Enum(frame[c].unique().sort())) for c in ("region", "sector", "indicator")),
        pl.col("year").cast(pl.Int32),
        pl.col("value").cast(pl.Float64),
        pl.col("status").cast(pl.Enum(sorted(STATUSES))),
        pl.lit(0, pl.UInt16).alias("file"),
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("line"),
    ).sort("indicator", "year", "region", "sector")
    source = Source(title="made up")
    catalogue = {
        indicator: Indicator(
            id=indicator, name=indicator, kind=kind, unit="things", stage="technology", direction=1,
            classification="goods", source=source, **meta,
        ),
        "population": Indicator(
            id="population", name="population", kind="value", unit="persons", stage="context", direction=1,
            classification="none", source=source,
        ),
    }  # fmt: skip
    for name in others or {}:
        catalogue[name] = catalogue[indicator].model_copy(update={"id": name, "name": name, "imports": None})
    codes = frame["region"].unique().sort()
    regions = pl.DataFrame(
        {
            "code": codes,
            "label": codes,
            "parent": pl.Series([None] * codes.len(), dtype=pl.String),
            "level": pl.Series([None] * codes.len(), dtype=pl.String),
            "role": ["reference" if c == "WLD" else "region" for c in codes],
            "group": pl.Series([(groups or {}).get(c) for c in codes], dtype=pl.String),
        }
    )
    return Project(
        observations,
        {name: catalogue[name] for name in ids},
        Codes(regions, {}),
        RunFile.model_validate({"data": {"observations": ["made"]}, **(run or {})}),
        Path(),
    )


def one_year(table: Mapping[tuple[str, str], float | None], year: int | None = 2020) -> dict[Key, float | None]:
    """(region, sector) -> value as cells of one year."""
    return {(r, s, year): v for (r, s), v in table.items()}


def table(rows: Sequence[Sequence[float | None]]) -> dict[tuple[str, str], float | None]:
    """Rows and columns as regions r0, r1... and sectors s0, s1..."""
    return {(f"r{i}", f"s{j}"): v for i, row in enumerate(rows) for j, v in enumerate(row)}
