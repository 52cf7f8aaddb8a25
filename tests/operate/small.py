"""A small project for tests of what operates: three indicators with sectors, and the population of the regions."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from capmap.data.load import load
from capmap.model import Project
from capmap.operate.compute import Analysis
from capmap.operate.run import everything

INDICATORS = ("papers", "patents", "trademarks")
REGIONS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
SECTORS = ("food", "chips", "cars", "ships", "drugs", "steel")
YEARS = (2020, 2021)
QUICK = "[complexity]\ndraws = 0\nforce = true\n"


def small(root: Path, *, years: Sequence[int] = YEARS, sectors: Sequence[str] = SECTORS, more: str = "") -> Project:
    """Write the project and load it; `more` goes to the end of the run file."""
    for folder in ("indicators", "codes", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "capmap.toml").write_text(f'[data]\nobservations = ["data/observations.csv"]\n{QUICK}{more}\n', "utf-8")
    for name in (*INDICATORS, "population"):
        kind, stage, codes = ("value", "context", "none") if name == "population" else ("count", "technology", "fields")
        (root / "indicators" / f"{name}.toml").write_text(
            f'name = "{name.title()}"\nkind = "{kind}"\nunit = "{name}"\nstage = "{stage}"\ndirection = 1\n'
            f'classification = "{codes}"\n[source]\ntitle = "Yearbook of {name}"\nlicence = "CC BY 4.0"\n',
            "utf-8",
        )
    table(root / "codes" / "regions.csv", ["code", "label", "parent", "level", "role", "group"],
          [[code, f"Land of {code}", "", "country", "region", "World"] for code in REGIONS])  # fmt: skip
    table(root / "codes" / "fields.csv", ["code", "label", "parent", "level"],
          [[code, f"Field {code}", "", "1"] for code in sectors])  # fmt: skip
    random = np.random.default_rng(20230926)
    rows: list[list[object]] = []
    for year in range(YEARS[0], max(years) + 1):
        for name in INDICATORS:
            counts = random.negative_binomial(2, 0.02, (len(REGIONS), len(sectors)))
            if year in years:
                rows += [
                    [region, sector, name, year, int(counts[i, j])]
                    for i, region in enumerate(REGIONS) for j, sector in enumerate(sectors)
                ]  # fmt: skip
        if year in years:
            rows += [[region, "_T", "population", year, 5_000_000 + 100_000 * k] for k, region in enumerate(REGIONS)]
    table(root / "data" / "observations.csv", ["region", "sector", "indicator", "year", "value"], rows)
    return load(root, environ={})


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(header), *rows])


def light(project: Project) -> dict[str, Analysis]:
    """Analyses that take milliseconds: three that treat each indicator by itself, three that look at all of them."""
    wanted = ("indicators", "regions", "sectors", "rca", "relatedness", "complexity")
    return {name: analysis for name, analysis in everything(project).items() if name in wanted}


def revised(project: Project, factor: float = 4.0) -> Project:
    """The project with the patents of the first region in the first sector multiplied, in the last year."""
    cell = (
        (pl.col("indicator") == "patents") & (pl.col("region") == REGIONS[0])
        & (pl.col("sector").cast(pl.String) == sorted(project.observations["sector"].unique().cast(pl.String))[1])
        & (pl.col("year") == pl.col("year").max())
    )  # fmt: skip
    value = pl.when(cell).then(pl.col("value") * factor + 50).otherwise(pl.col("value")).alias("value")
    return replace(project, observations=project.observations.with_columns(value))
