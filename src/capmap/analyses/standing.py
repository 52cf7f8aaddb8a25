"""Where regions stand in the composite indices of a project: from results already computed, or computed on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from capmap.analyses import selection
from capmap.analyses.prospects import State
from capmap.data import results
from capmap.model import Project

STANDING: dict[str, Any] = {
    "index": pl.String, "year": pl.Int32, "region": pl.String, "node": pl.String, "level": pl.Int32, "score": pl.Float64,
    "rank": pl.Int32, "rank_low": pl.Int32, "rank_high": pl.Int32, "n": pl.Int32, "coverage": pl.Float64,
    "group": pl.String, "alike": pl.Int32, "weakest": pl.String, "weakest_rank": pl.Int32, "note": pl.String,
}  # fmt: skip
STRENGTHS: dict[str, Any] = {
    "index": pl.String, "year": pl.Int32, "region": pl.String, "node": pl.String, "level": pl.Int32, "rank": pl.Int32,
    "n": pl.Int32, "percentile": pl.Float64, "rule": pl.String, "sense": pl.String, "note": pl.String,
}  # fmt: skip
#: Files of a full run, by the table they hold.
FILES = {
    "index": "index", "robustness": "robustness", "strengths": "index-strengths", "pairs": "robustness-pairs",
}  # fmt: skip


#: What a reader is told of an index, of all that its command tells.
TOLD = ("index", "name", "year", "scored", "years", "normalisers", "names", "replicates")


class Standing(NamedTuple):
    """What is known of some regions in every index of a project.

    `state` says where the figures come from; without any the tables are empty. `blocks` has a mapping per index: TOLD of
    its year, or `index`, `name` and the `reason` why there is nothing: `not_computed`, `other_year` (with the `year`
    that is known), or that of a refusal.
    """

    table: pl.DataFrame  #: STANDING; a region without score has the row of the index, with the reason in `note`
    strengths: pl.DataFrame  #: STRENGTHS
    everybody: Mapping[str, pl.DataFrame]  #: the tables of all regions, by the keys of FILES
    steps: Mapping[str, Any]  #: by index, how nodes come from those below (`capmap.analyses.composite.every.steps_of`)
    state: State
    blocks: list[dict[str, Any]]

    @property
    def told(self) -> dict[str, Any]:
        """What a reader must know, as metadata."""
        return {"state": self.state, "blocks": self.blocks}


def standing(
    project: Project,
    codes: Sequence[str],
    *,
    year: selection.Year = "latest",
    allow_mixed_years: bool = False,
    full: bool = False,
    needs: Sequence[str] = ("index", "robustness", "strengths"),
) -> Standing:
    """The places of some regions in every index of the project, with ranges, strengths and weaknesses.

    Parameters
    ----------
    codes : regions wanted; everybody takes part in the measurement.
    year, allow_mixed_years : as `index`. Results hold the latest year, and answer for no other.
    full : compute it now; by default results of the same inputs are taken, and heavy work is never waited for.
    needs : tables that are looked at, of FILES.
    """
    if not project.indices:
        return _nothing(project, "none")
    if full:
        from capmap.analyses.composite.every import Indices

        every = Indices(project, year=year, allow_mixed_years=allow_mixed_years)
        found = every.index()
        return _of(project, codes, {**every.robustness().tables, **found.tables}, found.meta, year, "computed")
    state = results.state(project)
    if state != "current":
        return _nothing(project, state)
    tables = {name: table for name in needs if (table := results.stored(project, FILES[name])) is not None}
    meta = results.told(project, FILES["index"])
    if meta is None or len(tables) < len(needs) or "alike" not in tables["robustness"].columns:  # of an earlier capmap
        return _nothing(project, "outdated")
    return _of(project, codes, tables, meta, year, "current")


def without(project: Project) -> Standing:
    """The same without figures, where other settings than the project's own are asked for, or nothing is."""
    return _nothing(project, "none")


def _nothing(project: Project, state: State) -> Standing:
    blocks = [_block(project, id_) | {"reason": "not_computed"} for id_ in sorted(project.indices)]
    return Standing(pl.DataFrame(schema=STANDING), pl.DataFrame(schema=STRENGTHS), {}, {}, state, blocks)


def _block(project: Project, id_: str) -> dict[str, Any]:
    return {"index": id_, "name": project.indices[id_].name}


def _of(
    project: Project,
    codes: Sequence[str],
    tables: Mapping[str, pl.DataFrame],
    meta: Mapping[str, Any],
    year: selection.Year,
    state: State,
) -> Standing:
    """What tables of all regions say of some."""
    blocks = [_told(project, id_, meta, year) for id_ in sorted(project.indices)]
    known = [block["index"] for block in blocks if "reason" not in block]
    wanted = pl.col("index").is_in(known) & pl.col("region").is_in(list(codes))
    ranked = tables["index"].with_columns(n=pl.col("rank").count().over("index", "year", "node").cast(pl.Int32))
    keys = ["index", "year", "region"]
    own = tables["robustness"].select(*keys, "group", "alike", "weakest", "weakest_rank", level=pl.lit(0, pl.Int32))
    table = ranked.filter(wanted).join(
        own, on=[*keys, "level"], how="left", nulls_equal=True, maintain_order="left"
    )  # fmt: skip
    lacking = [
        {"index": block["index"], "year": block["year"], "region": code, "node": block["index"], "level": 0,
         "n": block["scored"], "note": _why_absent(project, block["index"], code)}
        for block in blocks if "reason" not in block
        for code in codes if table.filter(pl.col("index") == block["index"], pl.col("region") == code).is_empty()
    ]  # fmt: skip
    table = pl.concat([_as(table, STANDING), pl.DataFrame(lacking, schema=STANDING, orient="row")])
    strong = tables["strengths"].filter(wanted) if "strengths" in tables else pl.DataFrame(schema=STRENGTHS)
    steps = {block["index"]: block["steps"] for block in meta["blocks"]}
    return Standing(table, _as(strong, STRENGTHS), tables, steps, state, blocks)


def _as(table: pl.DataFrame, schema: dict[str, Any]) -> pl.DataFrame:
    return table.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _told(project: Project, id_: str, meta: Mapping[str, Any], year: selection.Year) -> dict[str, Any]:
    """What is told of an index in the year asked for, or why there is nothing."""
    refused = {entry["index"]: entry["reason"] for entry in meta.get("refused", ())}
    block = next(({key: block[key] for key in TOLD} for block in meta["blocks"] if block["index"] == id_), None)
    if block is None:
        return _block(project, id_) | {"reason": refused.get(id_, "not_computed")}
    if year not in (None, "latest") and block["year"] != selection.year_range(year)[0]:
        return _block(project, id_) | {"reason": "other_year", "year": block["year"]}
    return block


def _why_absent(project: Project, id_: str, code: str) -> str:
    """Why an index knows nothing of a region."""
    group = project.indices[id_].group
    return "not_in_group" if group is not None and code not in selection.in_group(project, group) else "not_collected"
