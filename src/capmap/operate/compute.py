"""Results by unit: what changed is computed, the rest is read from an earlier folder of results.

A unit is one command, or one indicator of a command that treats each indicator by itself. Its key is the SHA-256 of all
that the unit can see: rows, definitions, code lists, parameters and the version of capmap. A unit of one indicator is
computed on a project that holds that indicator and what it leans on and nothing else, so that it cannot depend on
more than its key says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

from capmap.analyses.presence import POPULATION
from capmap.data.write import PARQUET_KEY, json_text, origin, plain, provenance, sha256
from capmap.errors import RefusedError, UsageError
from capmap.model import Codes, Indicator, Project, Result

Analysis = Callable[[Project], Result]

#: Sections of the run file that change no figure.
SILENT = ("data", "columns", "csv", "results", "sources", "refresh", "watch")
#: Commands that treat each indicator by itself, and whether they look at the context of regions (population, peers).
SEPARABLE = {
    "rca": False, "intensity": False, "normalise": False, "complexity": True, "relatedness": True,
    "opportunities": True, "backtest": True,
}  # fmt: skip
#: Keys of metadata that are told of the whole catalogue and not of one indicator.
OF_THE_CATALOGUE = "skipped"


@dataclass(frozen=True)
class Computed:
    """One command of a run: its result, or why there is none, and where it came from."""

    command: str
    key: str  #: of the command as a whole
    units: Mapping[str, str]  #: indicator -> key, where it was put together from units
    result: Result | None = None  #: with provenance as its metadata
    refused: str | None = None
    computed: int = 0
    reused: int = 0


class Earlier:
    """Results of an earlier run, read only where the files are as its manifest describes them."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest

    @cached_property
    def keys(self) -> dict[str, dict[str, Any]]:
        """Command -> `key` and `indicators` of the manifest."""
        units = self.manifest.get("units")
        return (
            {u["command"]: u for u in units if isinstance(u, dict) and "command" in u}
            if isinstance(units, list)
            else {}
        )

    def whole(self, command: str, key: str) -> tuple[Result | None, str | None] | None:
        """The command's result, or the reason of its refusal, if it was computed under this key and is undamaged."""
        known = self.keys.get(command)
        if known is None or known.get("key") != key:
            return None
        for entry in self.manifest.get("skipped", ()):
            if entry.get("command") == command:
                return None, str(entry["reason"])
        result = self.result(command)
        return None if result is None else (result, None)

    def unit(self, command: str, indicator: str, key: str) -> Result | None:
        """What the command's result says of one indicator, if it was computed under this key and is undamaged."""
        known = self.keys.get(command, {}).get("indicators") or {}
        if known.get(indicator) != key:
            return None
        found = self._results.get(command) or self.result(command)
        if found is None:
            return None
        self._results[command] = found
        return only(found, indicator)

    @cached_property
    def _results(self) -> dict[str, Result]:
        return {}

    def result(self, command: str) -> Result | None:
        """All tables of a command with the metadata they were written with; None if a file is missing or damaged."""
        tables: dict[str, pl.DataFrame] = {}
        meta: Mapping[str, Any] = {}
        for entry in self.manifest.get("files", ()):
            name = str(entry.get("name"))
            if entry.get("command") != command or not name.endswith(".parquet") or Path(name).name != name:
                continue
            path = self.folder / name
            if not path.is_file() or sha256(path) != entry.get("sha256"):
                return None
            tables[str(entry["table"])] = pl.read_parquet(path)
            meta = json.loads(pl.read_parquet_metadata(path)[PARQUET_KEY])
        return Result(command, tables, meta) if tables else None


def compute(project: Project, analyses: Mapping[str, Analysis], earlier: Earlier | None = None) -> Iterator[Computed]:
    """Each command of a run in turn, taken from an earlier run as far as nothing that it depends on has changed.

    Parameters
    ----------
    project : a loaded project.
    analyses : command -> what computes its result.
    earlier : results to take from; None computes everything.

    Yields
    ------
    One Computed for each command. Its result is, cell for cell and word for word, what `analyses[command](project)`
    with its provenance would be: where putting it together from units could differ (an indicator refused, metadata
    that do not fall apart by indicator), the command is computed as a whole.
    """
    keys = Keys(project)
    for command, analysis in analyses.items():
        key = keys.whole(command)
        units = keys.units(command)
        found = earlier.whole(command, key) if earlier else None
        if found is not None:
            result, refused = found
            stamped = None if result is None else restamped(project, result)
            yield Computed(command, key, units, stamped, refused, reused=max(len(units), 1))
            continue
        yield _by_unit(project, command, key, units, analysis, earlier) or _whole(
            project, command, key, units, analysis
        )


def _whole(project: Project, command: str, key: str, units: Mapping[str, str], analysis: Analysis) -> Computed:
    try:
        result = analysis(project)
    except RefusedError as error:
        return Computed(command, key, {}, refused=error.message, computed=1)
    return Computed(command, key, units, as_text(result, project), computed=max(len(units), 1))


def _by_unit(
    project: Project, command: str, key: str, units: Mapping[str, str], analysis: Analysis, earlier: Earlier | None
) -> Computed | None:
    """The command put together from its indicators, if some of them need not be computed; None if it is safer whole."""
    if earlier is None or not units:
        return None
    known = {name: earlier.unit(command, name, unit) for name, unit in units.items()}
    if all(part is None for part in known.values()):
        return None
    parts: dict[str, Result] = {}
    for name, part in known.items():
        try:
            parts[name] = _alone(project, command, name, analysis) if part is None else part
        except (RefusedError, UsageError):
            return None
    merged = together(project, command, list(parts.values()))
    if merged is None:
        return None
    reused = sum(part is not None for part in known.values())
    return Computed(command, key, units, merged, computed=len(units) - reused, reused=reused)


def _alone(project: Project, command: str, indicator: str, analysis: Analysis) -> Result:
    seen = alone(project, indicator, context=SEPARABLE[command])
    return only(as_text(analysis(seen), project), indicator)


# Units ---------------------------------------------------------------------------------------------------------


def alone(project: Project, indicator: str, *, context: bool) -> Project:
    """The project as a unit sees it: one indicator, what it leans on, and with `context` what is known of regions."""
    names = leans_on(project, indicator, context=context)
    rows = project.observations.filter(pl.col("indicator").cast(pl.String).is_in(sorted(names)))
    kept = {name: meta for name, meta in project.catalogue.items() if name in names}
    lists = {meta.classification for meta in kept.values()}
    codes = Codes(
        project.codes.regions,
        {name: frame for name, frame in project.codes.classifications.items() if name in lists},
        project.codes.listed,
    )
    return replace(project, observations=rows, catalogue=kept, codes=codes, indices={})


def leans_on(project: Project, indicator: str, *, context: bool) -> set[str]:
    """Indicators whose rows or definition a unit may use: itself, its denominator, weight and imports, and context.

    The peers of a region are found by its context, so that they are part of every unit under `reference = "peers"`.
    """
    meta = project.catalogue[indicator]
    named = {indicator, *(name for name in (meta.denominator, meta.weight, meta.imports) if name in project.catalogue)}
    if context or project.run.specialisation.reference == "peers":
        named |= {m.id for m in project.catalogue.values() if m.stage == "context" or m.id == POPULATION}
    return {name for name in named if name is not None}


def only(result: Result, indicator: str) -> Result:
    """What a result says of one indicator."""
    tables = {
        name: table.filter(pl.col("indicator") == indicator) if "indicator" in table.columns else table
        for name, table in result.tables.items()
    }
    meta = {
        name: [entry for entry in value if entry.get("indicator") == indicator] if _by_indicator(name, value) else value
        for name, value in result.meta.items()
    }
    return Result(result.name, tables, meta)


def together(project: Project, command: str, parts: Sequence[Result]) -> Result | None:
    """Units as one result; None where they do not fit together."""
    tables: dict[str, pl.DataFrame] = {}
    for name, first in parts[0].tables.items():
        if any(name not in part.tables or part.tables[name].columns != first.columns for part in parts):
            return None
        if "indicator" not in first.columns:
            return None
        frames = [part.tables[name] for part in parts]
        if any(not _alike(frame.schema, first.schema) for frame in frames):
            return None
        tables[name] = pl.concat(frames, how="vertical_relaxed")
    if any(part.tables.keys() != tables.keys() for part in parts):
        return None
    meta: dict[str, Any] = {}
    for name, value in parts[0].meta.items():
        values = [part.meta.get(name) for part in parts]
        if name == OF_THE_CATALOGUE:
            meta[name] = skipped(project, command)
        elif all(_by_indicator(name, one) for one in values):
            meta[name] = [entry for one in values for entry in one or ()]
        elif any(one != value for one in values) and name not in ORIGIN:
            return None
        else:
            meta[name] = value
    return restamped(project, Result(command, tables, meta))


#: Keys of metadata that say where a result comes from; they are written anew.
ORIGIN = ("capmap", "command", "inputs", "definitions", "settings")


def _alike(one: pl.Schema, other: pl.Schema) -> bool:
    return all(one[name] == other[name] or pl.Null in (one[name], other[name]) for name in one)


def _by_indicator(name: str, value: Any) -> bool:
    """Whether metadata are entries of one indicator each; `inputs` are files."""
    if name in ORIGIN or name == OF_THE_CATALOGUE or not isinstance(value, list):
        return False
    return all(isinstance(entry, dict) and "indicator" in entry for entry in value)


def skipped(project: Project, command: str) -> list[dict[str, str]]:
    """Indicators that the command passes over, with the reason."""
    from capmap.analyses import intensity, specialisation

    if command == "normalise":
        return []
    found = intensity.measurable(project) if command == "intensity" else specialisation.measurable(project)
    return list(found[1])


def measured(project: Project, command: str) -> list[Indicator]:
    """Indicators that the command measures, in the order of its tables."""
    from capmap.analyses import intensity, selection, specialisation

    if command == "normalise":
        return selection.indicators(project)
    if command == "intensity":
        return list(intensity.measurable(project)[0])
    return list(specialisation.measurable(project)[0])


def as_text(result: Result, project: Project) -> Result:
    """The result as it will be read back from a file: categories as text, provenance as its metadata."""
    categories = cs.categorical() | cs.enum()
    tables = {name: table.with_columns(categories.cast(pl.String)) for name, table in result.tables.items()}
    return Result(result.name, tables, provenance(project, result))


def restamped(project: Project, result: Result) -> Result:
    """A result of earlier inputs that did not change it, with the provenance of these."""
    meta = {
        name: value
        for name, value in result.meta.items()
        if name not in ("capmap", "inputs", "definitions", "settings")
    }
    return replace(result, meta=provenance(project, replace(result, meta=meta)))


# Keys ----------------------------------------------------------------------------------------------------------


class Keys:
    """Keys of the units of a project; the rows of an indicator are hashed once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.rows = row_hashes(project)
        self._lists = {name: _hashed(frame.write_csv()) for name, frame in project.codes.classifications.items()}
        self._shared = {
            "capmap": origin(project)["capmap"],
            "regions": _hashed(project.codes.regions.write_csv()),
            "listed": project.codes.listed,
            "parameters": parameters(project),
        }
        self._measured: dict[str, list[Indicator]] = {}

    def whole(self, command: str) -> str:
        """Key of a command: of all that the project holds."""
        seen = {name: self._of(name) for name in sorted(self.project.catalogue)}
        told = {"indices": index_definitions(self.project), "seen": seen, "lists": self._lists}
        return _hashed({**self._shared, "command": command, **told})

    def units(self, command: str) -> dict[str, str]:
        """Indicator -> key, of a command that treats each by itself; else nothing."""
        if command not in SEPARABLE:
            return {}
        try:
            chosen = measured(self.project, command)
        except (RefusedError, UsageError):
            return {}
        return {meta.id: self._unit(command, meta.id) for meta in chosen}

    def _unit(self, command: str, indicator: str) -> str:
        names = leans_on(self.project, indicator, context=SEPARABLE[command])
        seen = {name: self._of(name) for name in sorted(names)}
        return _hashed({**self._shared, "command": command, "indicator": indicator, "seen": seen})

    def _of(self, name: str) -> dict[str, Any]:
        meta = self.project.catalogue[name]
        return {
            "definition": meta.model_dump(mode="json"),
            "codes": self._lists.get(meta.classification),
            "rows": self.rows.get(name),
        }


def index_definitions(project: Project) -> dict[str, Any]:
    """Everything that composite indices are made by: their files, what experts said, frozen scales."""
    files = {name: [file.model_dump(mode="json"), file.answers] for name, file in sorted(project.indices.items())}
    return {"files": files, "scales": {name: scale.hash for name, scale in sorted(project.scales.items())}}


def parameters(project: Project) -> dict[str, Any]:
    """Every setting that can change a figure, defaults included."""
    values: dict[str, Any] = plain(project.run.model_dump(mode="json", exclude=set(SILENT)))
    return values


def row_hashes(project: Project) -> dict[str, str]:
    """Indicator -> SHA-256 of its observations, wherever they were read from and in whatever order."""
    hashes: dict[str, str] = {}
    columns = [pl.col("region", "sector", "status").cast(pl.String), "year", "value"]
    for (name,), rows in project.observations.partition_by("indicator", as_dict=True, maintain_order=True).items():
        ordered = rows.select(columns).sort("region", "sector", "year", "status", "value")
        hashes[str(name)] = hashlib.sha256(ordered.write_csv().encode()).hexdigest()
    return hashes


def _hashed(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return hashlib.sha256(text.encode()).hexdigest()
