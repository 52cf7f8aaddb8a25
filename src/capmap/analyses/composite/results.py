"""What capmap measures of an indicator, as an indicator of a composite index: the columns of other analyses, as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from capmap.analyses.complexity import complexity
from capmap.analyses.composite.tree import Leaf
from capmap.analyses.presence import conventions
from capmap.analyses.specialisation import rca
from capmap.errors import RefusedError
from capmap.model import TOTAL, ComplexitySection, Measured, Project

#: Result -> the word of `capmap complexity --with` that its column comes with. A word also keeps a table without an index
#: from being refused, where the column needs none.
_WORDS: dict[Measured, tuple[str, ...]] = {
    "eci": (),
    "coi": (),
    "fitness": ("reflections",),
    "diversity": ("reflections",),
    "coherence": ("coherence",),
    "related_variety": ("variety",),
    "unrelated_variety": ("variety",),
}
#: Results that the flags of the index concern.
_OF_INDEX = ("eci", "coi")
#: Keys of `[complexity]` that no figure of a region depends on.
_NO_MATTER = {"draws", "seed", "horizon", "model", "pci_scale", "cog"}
_SCHEMA: dict[str, Any] = {
    "year": pl.Int32, "region": pl.String, "value": pl.Float64, "status": pl.String, "note": pl.String,
}  # fmt: skip


def measured(project: Project, leaf: Leaf, years: Iterable[int | None]) -> tuple[pl.DataFrame, dict[int | None, str]]:
    """A result of an indicator for every region in these years, and the years in which the method refuses it.

    Returns
    -------
    Rows of `year, region, value, status, note`, and year -> what is said against it. A region without a figure has the
    note of the analysis that left it out.
    """
    parts, refused = [pl.DataFrame(schema=_SCHEMA)], {}
    for year in sorted(set(years), key=lambda y: -1 if y is None else y):
        try:
            parts.append(_of_year(project, leaf, year))
        except RefusedError as error:
            refused[year] = error.message + (f" ({error.fix})" if error.fix else "")
    return pl.concat(parts), refused


def observed_years(project: Project, leaf: Leaf) -> list[int | None]:
    """Years in which the indicator has a value in any of its sectors."""
    rows = project.observations.filter(
        (pl.col("indicator") == leaf.meta.id) & (pl.col("sector") != TOTAL) & pl.col("value").is_not_null()
    )
    years: list[int | None] = rows["year"].unique().sort().to_list()
    return years


def conventions_behind(project: Project) -> dict[str, Any]:
    """The settings that results of regions depend on."""
    chosen = conventions(project)
    own = set(ComplexitySection.model_fields) - _NO_MATTER
    return {
        "complexity": chosen.complexity.model_dump(mode="json", include=own),
        "specialisation": chosen.specialisation.model_dump(mode="json"),
    }


def _of_year(project: Project, leaf: Leaf, year: int | None) -> pl.DataFrame:
    name = leaf.node.result
    assert name is not None
    when = "latest" if year is None else str(year)
    if name == "n_established":
        return _established(project, leaf, when)
    found = complexity(
        project, indicator=[leaf.meta.id], year=when, table=("regions",), extras=_WORDS[name], steps=0, draws=0
    )
    known = pl.col(name).is_not_null()
    note = pl.col("note") if name in _OF_INDEX else pl.when(~known).then("note")
    return _rows(found.tables["regions"], pl.col(name), note)


def _established(project: Project, leaf: Leaf, when: str) -> pl.DataFrame:
    """Number of sectors in which a region is established; none where no sector of it has an index."""
    table = rca(project, indicator=[leaf.meta.id], year=when).tables["rca"]
    counted = table.group_by("year", "region", maintain_order=True).agg(
        known=pl.col("class").is_not_null().any(), n=(pl.col("class").cast(pl.String) == "established").sum()
    )
    return _rows(counted, pl.when("known").then("n"), pl.when(~pl.col("known")).then(pl.lit("no_rca")))


def _rows(frame: pl.DataFrame, value: pl.Expr, note: pl.Expr) -> pl.DataFrame:
    return frame.select(
        pl.col("year").cast(pl.Int32), pl.col("region").cast(pl.String), value.cast(pl.Float64).alias("value"),
        pl.lit(None, pl.String).alias("status"), note.cast(pl.String).alias("note"),
    )  # fmt: skip
