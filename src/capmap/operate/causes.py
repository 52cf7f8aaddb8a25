"""Why results differ: data revision, new period, definitions, parameters or the program, told apart where it can be.

Where one cause is possible it is the cause. Where several are, and both sides keep a copy of their inputs, the crossed
combinations are computed: the earlier inputs by today's program, then with the revised figures, then with the new
periods, then under the new definitions, then under the new parameters; each step is one cause's part of the change.
Otherwise the causes that the hashes allow are named together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from capmap.data.disk import sha256
from capmap.data.parquet import read_parquet
from capmap.data.write import plain
from capmap.errors import RefusedError, UnreadableError, UsageError
from capmap.model import Codes, Project
from capmap.operate import frozen
from capmap.operate.compute import SEPARABLE, SILENT, alone, index_definitions, leans_on
from capmap.operate.run import everything

if TYPE_CHECKING:
    from capmap.operate.shelf import Vintage

#: What moved a figure, in the order in which it is taken into account.
CAUSES = ("program_version", "data_revision", "new_period", "definitions", "parameters")
KEY = ("measure", "indicator", "region", "sector")
ROW = ["indicator", "region", "sector", "year"]
OBSERVATIONS: dict[str, Any] = {
    "indicator": pl.String, "year": pl.Int32, "change": pl.String, "rows": pl.Int64, "regions": pl.Int64,
    "new_period": pl.Boolean,
}  # fmt: skip
CODES: dict[str, Any] = {"list": pl.String, "code": pl.String, "change": pl.String}

Figures = Callable[[pl.DataFrame, Any], pl.DataFrame | None]


@dataclass(frozen=True)
class Sides:
    """Two folders of results and, where they keep them, their inputs."""

    before: Vintage
    after: Vintage
    old: Project | None
    new: Project | None

    @classmethod
    def of(cls, before: Vintage, after: Vintage) -> Sides:
        """Thaw the inputs of both; a damaged copy counts as none."""
        return cls(before, after, _thawed(before), _thawed(after))

    @cached_property
    def rows(self) -> pl.DataFrame | None:
        """Observations that differ: ROW, `before`, `after`, `change`, `new_period`; None without inputs of both."""
        if self.old is None or self.new is None:
            return None
        return _revisions(self.old.observations, self.new.observations)

    @property
    def settings(self) -> bool:
        """Whether a setting that can change a figure differs."""
        if self.old is not None and self.new is not None:
            dumps = [p.run.model_dump(mode="json", exclude=set(SILENT)) for p in (self.old, self.new)]
            return bool(dumps[0] != dumps[1])
        values = [
            {key: said.get("value") for key, said in side.manifest.get("settings", {}).items()}
            for side in (self.before, self.after)
        ]
        asked = [
            {one["command"]: one.get("parameters") for one in side.manifest.get("results", ())}
            for side in (self.before, self.after)
        ]
        shared = asked[0].keys() & asked[1].keys()
        return values[0] != values[1] or any(asked[0][name] != asked[1][name] for name in shared)

    @property
    def version(self) -> bool:
        """Whether the program differs."""
        return bool(self.before.manifest["capmap"] != self.after.manifest["capmap"])


def stored(vintage: Vintage, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame | None:
    """A table of a folder of results; None if its manifest does not list it.

    Raises
    ------
    UnreadableError : the file is not as the manifest describes it, or is no table with these columns.
    """
    digest = next((entry.get("sha256") for entry in vintage.manifest["files"] if entry.get("name") == name), None)
    if digest is None:
        return None
    path = vintage.path / name
    try:
        if path.parent == vintage.path and sha256(path) == digest:
            return read_parquet(path, columns)
    except (OSError, pl.exceptions.PolarsError):
        pass
    raise UnreadableError(f"{path} is not as the manifest describes it", where=str(path), fix="compare other vintages")


def _thawed(vintage: Vintage) -> Project | None:
    try:
        return frozen.thaw(vintage.path, vintage.manifest)
    except (UnreadableError, ValueError, KeyError, TypeError, OSError, pl.exceptions.PolarsError):
        return None


def _revisions(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Rows that only one side has, or whose value or status differs."""
    texts = [pl.col("indicator", "region", "sector").cast(pl.String), "year", "value", pl.col("status").cast(pl.String)]
    sides = [frame.select(texts) for frame in (old, new)]
    joined = sides[0].with_columns(had=True).join(
        sides[1].with_columns(has=True), on=ROW, how="full", coalesce=True, nulls_equal=True, suffix="_new"
    )  # fmt: skip
    change = (
        pl.when(pl.col("had").is_null()).then(pl.lit("new"))
        .when(pl.col("has").is_null()).then(pl.lit("vanished"))
        .when(
            pl.col("value").ne_missing(pl.col("value_new"))
            | pl.col("status").fill_null("A").ne_missing(pl.col("status_new").fill_null("A"))
        ).then(pl.lit("revised"))
    )  # fmt: skip
    periods = sides[0].select("indicator", "year").unique().with_columns(known=True)
    known = pl.col("indicator").is_in(sides[0]["indicator"].unique().implode())
    return (
        joined.with_columns(change=change)
        .filter(pl.col("change").is_not_null())
        .join(periods, on=["indicator", "year"], how="left", nulls_equal=True)
        .select(
            *ROW,
            pl.col("value").alias("before"),
            pl.col("value_new").alias("after"),
            "change",
            (pl.col("known").is_null() & known).alias("new_period"),
        )
    )


def observation_changes(sides: Sides) -> pl.DataFrame:
    """Rows new, vanished and revised by indicator and year (OBSERVATIONS); empty where inputs were not kept."""
    if sides.rows is None:
        return pl.DataFrame(schema=OBSERVATIONS)
    counted = sides.rows.group_by("indicator", "year", "change", "new_period").agg(
        pl.len().cast(pl.Int64).alias("rows"), pl.col("region").n_unique().cast(pl.Int64).alias("regions")
    )
    return counted.select(list(OBSERVATIONS)).sort("indicator", "year", "change")


def code_changes(sides: Sides) -> pl.DataFrame:
    """Codes new and vanished, by list (CODES): from the inputs, else from the tables of regions and sectors."""
    sets = [_codes(sides.before, sides.old), _codes(sides.after, sides.new)]
    rows = [
        {"list": name, "code": code, "change": change}
        for name in sorted({*sets[0], *sets[1]})
        for change, these in (
            ("new", sets[1].get(name, set()) - sets[0].get(name, set())),
            ("vanished", sets[0].get(name, set()) - sets[1].get(name, set())),
        )
        for code in sorted(these)
    ]
    return pl.DataFrame(rows, schema=CODES)


def _codes(vintage: Vintage, project: Project | None) -> dict[str, set[str]]:
    if project is not None:
        found = {"regions": set(project.codes.regions["code"]), "indicators": set(project.catalogue)}
        return found | {name: set(frame["code"]) for name, frame in project.codes.classifications.items()}
    names: dict[str, set[str]] = {}
    for stem, column in (("regions", "code"), ("indicators", "id")):
        table = stored(vintage, f"{stem}.parquet", (column,))
        if table is not None:
            names[stem] = set(table[column].cast(pl.String))
    return names


# Which causes are possible -----------------------------------------------------------------------------------------


def causes(sides: Sides, cells: pl.DataFrame) -> dict[str, set[str]]:
    """Indicator (or index) -> the causes that can have moved its cells."""
    everywhere = {"program_version"} if sides.version else set()
    everywhere |= {"parameters"} if sides.settings else set()
    found: dict[str, set[str]] = {}
    for name in sorted({*cells["indicator"].drop_nulls()}):
        here = _seen(sides, name) if sides.rows is not None else _inspected(sides, cells, name)
        found[name] = everywhere | here or _left(sides)
    return found


def _left(sides: Sides) -> set[str]:
    """What is left where nothing that an indicator leans on differs; none rather than a guess."""
    if sides.rows is not None and sides.rows.height:
        return {"data_revision"}
    packages = [side.manifest.get("packages") for side in (sides.before, sides.after)]
    return {"program_version"} if packages[0] != packages[1] else set()


def _seen(sides: Sides, name: str) -> set[str]:
    """Causes from the inputs themselves."""
    assert sides.old is not None
    assert sides.new is not None
    assert sides.rows is not None
    names = {n for p in (sides.old, sides.new) for n in _leaning(p, name)}
    rows = sides.rows.filter(pl.col("indicator").is_in(sorted(names)))
    found = {"new_period"} if rows["new_period"].any() else set()
    found |= {"data_revision"} if (~rows["new_period"]).any() else set()
    if _definitions(sides.old, names) != _definitions(sides.new, names):
        found.add("definitions")
    return found


def _leaning(project: Project, name: str) -> set[str]:
    if name in project.catalogue:
        return leans_on(project, name, context=True)
    return set(project.catalogue)  # an index: of any of them


def _definitions(project: Project, names: set[str]) -> list[Any]:
    metas = {name: project.catalogue[name].model_dump() for name in sorted(names) if name in project.catalogue}
    indices = plain(index_definitions(project))
    if not project.codes.listed:  # codes as found in the data follow the data
        return [metas, indices]
    lists = sorted({str(meta["classification"]) for meta in metas.values()})
    codes = [project.codes.classifications[name].rows() for name in lists if name in project.codes.classifications]
    return [metas, indices, codes, project.codes.regions.rows()]


def _inspected(sides: Sides, cells: pl.DataFrame, name: str) -> set[str]:
    """Causes that the hashes allow, where inputs were not kept: a moved last period shows, a revision only as changed files."""
    old, new = sides.before.manifest, sides.after.manifest
    mine = cells.filter(pl.col("indicator") == name)
    found = {"new_period"} if mine["year"].ne_missing(mine["year_before"]).any() else set()
    if old.get("definitions") != new.get("definitions"):
        found.add("definitions")
    if old.get("inputs") != new.get("inputs") and mine["year"].eq_missing(mine["year_before"]).any():
        found.add("data_revision")
    return found


# Parts ---------------------------------------------------------------------------------------------------------------


def attributed(
    sides: Sides,
    cells: pl.DataFrame,
    why: Mapping[str, set[str]],
    measures: Sequence[Any],
    figures: Figures,
) -> tuple[pl.DataFrame, str]:
    """The cells with `cause` and the part of each cause, and how causes were told apart."""
    parts = [f"by_{cause}" for cause in CAUSES]
    if cells.is_empty():
        return cells.with_columns(pl.lit(None, pl.String).alias("cause"), *_nulls(parts)), "none"
    several = sorted(name for name, found in why.items() if len(found) > 1)
    single = {
        name: next(iter(found)) if len(found) == 1 else ";".join(sorted(found)) or None for name, found in why.items()
    }
    named = cells.with_columns(
        pl.col("indicator").replace_strict(single, default=None, return_dtype=pl.String).alias("cause")
    )
    step = pl.col("after") - pl.col("before")
    simple = named.with_columns(pl.when(pl.col("cause") == cause).then(step).alias(f"by_{cause}") for cause in CAUSES)
    if not several:
        return simple, "single"
    mixed = pl.col("indicator").is_in(several)
    chained = _chained(sides, simple.filter(mixed), why, measures, figures)
    if chained is None:
        return simple, "inspected"
    return pl.concat([simple.filter(~mixed | pl.col("indicator").is_null()), chained]), "recomputed"


def _nulls(names: Sequence[str]) -> list[pl.Expr]:
    return [pl.lit(None, pl.Float64).alias(name) for name in names]


def _chained(
    sides: Sides, cells: pl.DataFrame, why: Mapping[str, set[str]], measures: Sequence[Any], figures: Figures
) -> pl.DataFrame | None:
    """Cells with their parts from the crossed combinations; None where the inputs are not there or refuse."""
    from capmap import __version__

    if sides.old is None or sides.new is None or sides.after.manifest["capmap"] != __version__:
        return None
    states = [
        ("before", cells.select(*KEY, "year_before", "year", value="before", klass="class_before", rank="rank_before"))
    ]
    pairs = cells.select(*KEY, "year_before", "year")
    present = {cause for found in why.values() for cause in found}
    moved = "new_period" not in present
    refused: set[tuple[str, str]] = set()
    for cause, project in _steps(sides, present):
        moved = moved or cause == "new_period"
        held, these = _held(project, cells, measures, figures)
        if held is None:
            return None
        refused |= these
        when = "year" if moved else "year_before"
        found = pairs.join(
            held, left_on=[*KEY, when], right_on=[*KEY, "year"], how="left", nulls_equal=True, maintain_order="left"
        )
        states.append((cause, found.select(*KEY, "value", "rank", klass="class")))
    last = cells.select(*KEY, value="after", klass="class_after", rank="rank_after")
    names = [cause for cause in CAUSES if cause in present]
    states = [*states[: len(names)], (names[-1], last)]
    parts = _parts(cells, [(cause, state) for (_, state), cause in zip(states, [None, *names], strict=True)], names)
    return _without(parts, cells["cause"], refused)


def _without(parts: pl.DataFrame, possible: pl.Series, refused: set[tuple[str, str]]) -> pl.DataFrame:
    """The parts without those of what could not be computed at some step: there the possible causes stay together."""
    cell = pl.concat_str("measure", pl.lit("\n"), "indicator")
    gone = cell.is_in(["\n".join(one) for one in sorted(refused)])
    return parts.with_columns(
        pl.when(gone).then(possible).otherwise(pl.col("cause")).alias("cause"),
        *(pl.when(~gone).then(pl.col(f"by_{cause}")).alias(f"by_{cause}") for cause in CAUSES),
    )


def _steps(sides: Sides, present: set[str]) -> Iterator[tuple[str, Project]]:
    """The crossed combinations but the last, which is what the later folder holds.

    Rows come with codes of theirs that are new; rows of an indicator that is new come with its definition.
    """
    assert sides.old is not None
    assert sides.new is not None
    current = sides.old
    known = sorted(sides.old.catalogue)
    old_periods = sides.old.observations.select(pl.col("indicator").cast(pl.String), "year").unique()
    for cause in [cause for cause in CAUSES if cause in present][:-1]:
        if cause == "data_revision":
            rows = sides.new.observations
            kept = rows.with_columns(pl.col("indicator").cast(pl.String).alias("name")).join(
                old_periods.rename({"indicator": "name"}), on=["name", "year"], how="semi", nulls_equal=True,
                maintain_order="left",
            ).drop("name")  # fmt: skip
            current = replace(current, observations=kept, codes=_joined(current.codes, sides.new.codes))
        elif cause == "new_period":
            rows = sides.new.observations.filter(pl.col("indicator").cast(pl.String).is_in(known))
            current = replace(current, observations=rows, codes=_joined(current.codes, sides.new.codes))
        elif cause == "definitions":
            current = replace(
                current, catalogue=sides.new.catalogue, codes=sides.new.codes, indices=sides.new.indices,
                scales=sides.new.scales, observations=sides.new.observations,
            )  # fmt: skip
        yield cause, current


def _joined(codes: Codes, later: Codes) -> Codes:
    """Code lists with the codes that only later ones have; what they say of the others stays."""

    def both(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([old, new.join(old, on="code", how="anti").select(old.columns)], how="vertical_relaxed")

    lists = dict(later.classifications) | {
        name: both(frame, later.classifications[name]) if name in later.classifications else frame
        for name, frame in codes.classifications.items()
    }
    return replace(codes, regions=both(codes.regions, later.regions), classifications=lists)


def _held(
    project: Project, cells: pl.DataFrame, measures: Sequence[Any], figures: Figures
) -> tuple[pl.DataFrame | None, set[tuple[str, str]]]:
    """Figures of the measures and indicators that cells are of, computed on a project; and what the data do not allow."""
    # ranges come from draws, and the figures themselves do not
    plain = project.run.model_copy(update={"complexity": project.run.complexity.model_copy(update={"draws": 0})})
    project = replace(project, run=plain)
    analyses = everything(project)
    frames = []
    refused: set[tuple[str, str]] = set()
    for measure in measures:
        names = cells.filter(pl.col("measure") == measure.name)["indicator"].drop_nulls().unique().sort().to_list()
        names = [name for name in names if name in project.catalogue or measure.command not in SEPARABLE]
        if not names or measure.command not in analyses:
            continue
        if measure.command in SEPARABLE:
            context = SEPARABLE[measure.command]
            seen = [(alone(project, name, context=context), [name]) for name in names]
        else:
            seen = [(project, names)]
        for one, own in seen:
            try:
                table = analyses[measure.command](one).tables[measure.table]
            except (RefusedError, UsageError):
                refused |= {(measure.name, name) for name in own}
                continue
            found = figures(table, measure)
            if found is not None:
                frames.append(found.filter(pl.col("indicator").is_in(own)))
    return (pl.concat(frames).select(*KEY, "year", "value", "class", "rank") if frames else None), refused


def _parts(
    cells: pl.DataFrame, states: Sequence[tuple[str | None, pl.DataFrame]], names: Sequence[str]
) -> pl.DataFrame:
    """Differences from state to state, rows being the cells in order, and the cause that moved each cell most.

    Where the class changed, a figure came or went, or the rank alone changed, it is the last cause at which that happened.
    """
    wide = pl.DataFrame({
        f"{what}{k}": state[what] for k, (_, state) in enumerate(states) for what in ("value", "klass", "rank")
    })  # fmt: skip
    steps = [
        (pl.col(f"value{k}") - pl.col(f"value{k - 1}")).alias(f"by_{cause}") for k, cause in enumerate(names, start=1)
    ]
    parts = wide.select(steps)
    sizes = [pl.col(f"by_{cause}").abs() for cause in names]
    largest = pl.max_horizontal(sizes)
    by_size = pl.coalesce(
        pl.when((size == largest) & (largest > 0)).then(pl.lit(cause)) for size, cause in zip(sizes, names, strict=True)
    )
    turned = pl.coalesce(
        pl.when(pl.col(f"klass{k}").ne_missing(pl.col(f"klass{k - 1}"))).then(pl.lit(cause))
        for k, cause in reversed(list(enumerate(names, start=1)))
    )
    came = pl.coalesce(
        pl.when(pl.col(f"value{k}").is_null() != pl.col(f"value{k - 1}").is_null()).then(pl.lit(cause))
        for k, cause in reversed(list(enumerate(names, start=1)))
    )
    passed = pl.coalesce(
        pl.when(pl.col(f"rank{k}").ne_missing(pl.col(f"rank{k - 1}"))).then(pl.lit(cause))
        for k, cause in reversed(list(enumerate(names, start=1)))
    )
    by_rank = pl.when(pl.col("change") == "rank").then(passed)
    joined = pl.concat([wide, parts, cells.select("change")], how="horizontal")
    cause = joined.select(cause=pl.coalesce(turned, came, by_rank, by_size))["cause"]
    missing = [f"by_{one}" for one in CAUSES if one not in names]
    return cells.with_columns(
        pl.coalesce(cause, pl.col("cause")).alias("cause"), *(parts[name] for name in parts.columns), *_nulls(missing)
    ).select(cells.columns)
