"""Where a printed number comes from that no arithmetic on a few figures gives: ranges by draws, models, whole tables.

Such a number is measured again by its own command, with the same seed, and told with the parameters of that command, the
lines of the region or the sector that stand in the table, and the words on the command line that repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from capmap.analyses import selection
from capmap.analyses.explanation.parts import (
    ANSWER,
    INPUTS,
    PARAMETERS,
    SENSITIVITY,
    STEPS,
    TREATMENT,
    Sources,
    as_parameter,
    as_table,
    carried,
    cited,
    setting,
)
from capmap.errors import RefusedError, UsageError
from capmap.model import Indicator, Project, Result

PROCEDURE = {"step": pl.Int32, "said": pl.String}
#: Options of the measuring verbs, by what they are called on the command line.
FLAGS = {"reference": "--reference", "exclude": "--exclude", "window": "--window", "threshold": "--threshold",
         "draws": "--draws", "seed": "--seed", "income": "--income", "dispersion": "--dispersion"}  # fmt: skip


@dataclass(frozen=True)
class Printed:
    """The command and table that print a measure, and what it is of: `region`, `sector`, `cell`, `sectors`, `regions`."""

    command: str
    table: str
    of: str
    how: str
    extra: str = ""


_DRAWN = (
    "the RCA of every cell is drawn from its posterior, `draws` times from `seed`",
    "presence, and all that rests on it, is computed again in every draw",
    "the number is the 5 % (low) or 95 % (high) quantile over the draws that have an answer",
)
#: What is done, by the name of the procedure.
HOW: dict[str, tuple[str, ...]] = {
    "drawn": _DRAWN,
    "rank_drawn": (*_DRAWN[:2], "every draw ranks all regions anew",
                   "the number is the 5 % (low, rounded down) or 95 % (high, rounded up) quantile of the rank"),
    "entry": (
        "the model of `capmap opportunities --backtest` is fitted to the entries of the past, all regions and sectors "
        "together",
        "it is asked for this cell: the probability that RCA exceeds 1 at the horizon and in the period after it",
        "its range is the 5 % and 95 % quantile over samples of regions, drawn from `seed`; its grade is that of the backtest",
    ),
    "path": ("the sectors that the region holds are the starts",
             "of all chains of links to the sector, the one with the highest product of proximities is taken"),
    "look": ("the column is read from the table of all figures; its definition is above",),
    "null": (
        "tables with the same diversities and ubiquities are drawn, `significance` of them from `seed`",
        "p = (1 + tables in which the two sectors meet in at least as many regions) / (1 + tables)",
        "q is that of Benjamini and Hochberg over all pairs of sectors",
    ),
    "per_head": ("the total of the region is divided by its inhabitants, in millions, in the same year",),
    "peers": ("the peers of the region are chosen as by `capmap profile`", "the median of their values is taken"),
    "ahead": ("the true RCA of each of the two regions has a gamma posterior: capmap explain --measure posterior_shape",
              "the number is the probability that the first one is the higher"),
    "fitted": ("the transformation of the method is fitted to the values of all regions in the sector, outliers treated",
               "the score is where the value of the region lands"),
    "replicates": (
        "the index is computed `draws` times from `seed`, each time with a normaliser, a treatment of outliers, weights and "
        "means drawn, and an indicator left out or none",
        "every replicate ranks the regions anew; the number is taken over these ranks",
    ),
    "table": ("the number is computed from the whole table of figures at once; its definition is above",),
}  # fmt: skip

_RANGE = ("low", "high")
#: Measure -> where it is printed.
OF_CELLS: dict[str, Printed] = {
    **{f"eci_{end}": Printed("complexity", "regions", "region", "drawn") for end in _RANGE},
    **{f"rank_{end}": Printed("complexity", "regions", "region", "rank_drawn") for end in _RANGE},
    **{f"pci_{end}": Printed("complexity", "sectors", "sector", "drawn") for end in _RANGE},
    **{f"density_{end}": Printed("opportunities", "opportunities", "cell", "drawn") for end in _RANGE},
    **{name: Printed("opportunities", "opportunities", "cell", "entry")
       for name in ("p_entry", "p_entry_low", "p_entry_high", "grade")},
    **{name: Printed("opportunities", "opportunities", "cell", "path") for name in ("stepping_stones", "path_product")},
    **{name: Printed("opportunities", "opportunities", "cell", "look")
       for name in ("quadrant", "world_growth", "world_share", "depends_on", "held_by_peers", "peers")},
    **{name: Printed("relatedness", "links", "sectors", "null") for name in ("p_value", "q_value")},
    "prody": Printed("complexity", "sectors", "sector", "table", "income"),
    **{name: Printed("complexity", "regions", "region", "table", extra) for extra, names in {
        "reflections": ("reflection",), "genepy": ("genepy",), "coherence": ("coherence",),
        "variety": ("unrelated_variety", "related_variety"), "expy": ("expy",),
        "concentration": ("hhi", "hhi_normalised", "effective_number", "entropy", "entropy_normalised", "gini",
                          "specialisation_gini", "hoover_gini", "hoover", "krugman", "finger_kreinin", "hachman", "theil",
                          "theil_between", "theil_within"),
        "dynamics": ("entries", "exits", "persistence_rate", "beta", "beta_over_r", "rank_turnover"),
    }.items() for name in names},
    **{name: Printed("complexity", "sectors", "sector", "table", "concentration")
       for name in ("locational_gini", "ellison_glaeser")},
    "p_ahead": Printed("compare", "pairs", "regions", "ahead"),
    "spread": Printed("compare", "pairs", "regions", "table"),
    **{name: Printed("compare", "pattern", "regions", "table") for name in ("similarity", "overlap")},
    **{name: Printed("sector", "concentration", "sector", "table")
       for name in ("hhi_low", "hhi_high", "effective_low", "effective_high", "top1_share", "top3_share", "top5_share",
                    "covered")},
    **{name: Printed("sector", "world", "sector", "table") for name in ("change", "growth")},
    "per_million": Printed("profile", "size", "region", "per_head"),
    "largest_other": Printed("rca", "rca", "cell", "look", "dependence"),
}  # fmt: skip
#: The same of a composite index.
OF_INDEX: dict[str, Printed] = {
    **{f"rank_{end}": Printed("index", "index", "node", "replicates") for end in _RANGE},
    **{name: Printed("index", "robustness", "region", "replicates")
       for name in ("group", "alike", "rank_median", "mean_shift", "p_top", "weakest", "weakest_rank", "moved_by",
                    "moved_share", "moved_to", "shift")},
    "p_ahead": Printed("robustness", "pairs", "regions", "replicates"),
}  # fmt: skip
#: Of intensities and scores.
OF_RATIOS: dict[str, Printed] = {"peer_median": Printed("profile", "intensity", "region", "peers")}
#: A pair of regions, which needs `--other`.
PAIRS = ("sectors", "regions")
#: Draws of the null model where none are asked for.
SIGNIFICANCE = 1000


def explain_printed(
    project: Project,
    meta: Indicator,
    region: str | None,
    sector: str | None,
    other: str | None,
    name: str,
    year: selection.Year,
    level: str | None,
    *,
    original: Project | None = None,
    **changes: Any,
) -> Result:
    """The explanation of a measure of OF_CELLS or OF_RATIOS, of codes; `original` is the project before codes are added up.

    Raises
    ------
    UsageError : a region, a sector or the other one of a pair is needed and not named.
    RefusedError : the command refuses it, or prints no such row.
    """
    where = {**OF_CELLS, **OF_RATIOS}[name]
    if where.table == "regions" and name in (
        "hhi",
        "effective_number",
        "hoover",
        "hoover_gini",
        "reflection",
        "genepy",
    ):
        where = where if region is not None else Printed("complexity", "sectors", "sector", "table", where.extra)
    _needed(name, where, region, sector, other)
    found, words = _measured(project, meta, where, (region, sector, other), year, changes)
    frame = found.tables.get(where.table, next(iter(found.tables.values())))
    row = _row(frame, name, _keys(where, meta, (region, sector, other)))
    sources = Sources(original or project, level)
    lines = _lines(sources, where, meta, row["year"], (region, sector, other))
    about = {"indicator": meta.id, "year": row["year"], "region": None if where.of in ("sector", "sectors") else region,
             "sector": sector if where.of in ("cell", "sector", "sectors") or sector else None}  # fmt: skip
    if where.of == "region" and where.command != "profile":
        about["sector"] = None
    return _told(project, name, where, found, words, about | {"note": row.get("note")}, row, lines, cited(meta), other)


def explain_replicates(
    project: Project, region: str, other: str | None, name: str, year: selection.Year, file: Any, node: str,
    sources: Mapping[str, Any], options: Mapping[str, Any],
) -> Result:  # fmt: skip
    """The explanation of a rank range, a probability or a move of a composite index."""
    from capmap.analyses import index as of_index

    where = OF_INDEX[name]
    if where.of != "node" and node != file.id:
        raise UsageError(f"{name} is of the whole index, and {node} is a part of it", fix="leave out --node")
    _needed(name, where, region, None, other)
    measure: Callable[..., Result] = of_index.index if where.command == "index" else of_index.robustness
    found = measure(project, file.id, year=year, **options)
    keys = {"region": region} | ({"node": node} if where.of == "node" else {}) | ({"other": other} if other else {})
    row = _row(found.tables[where.table], name, keys)
    words = ["capmap", where.command, file.id, *_flags({"year": row["year"], **options})]
    about = {"indicator": file.id, "year": row["year"], "region": region, "sector": node, "note": row.get("note")}
    return _told(project, name, where, found, words, about, row, None, sources, other)


def explain_fitted(project: Project, meta: Indicator, told: Result, row: Mapping[str, Any], name: str) -> Result:
    """The explanation of a score of `capmap normalise` by a transformation that is fitted to the whole column."""
    asked = told.meta["parameters"]
    options = {key: asked[key] for key in ("method", "per", "winsorise") if asked.get(key) not in (None, "none")}
    words = ["capmap", "normalise", "-i", meta.id, "-s", str(row["sector"]), *_flags({"year": row["year"], **options})]
    about = {
        "indicator": meta.id,
        "year": row["year"],
        "region": row["region"],
        "sector": row["sector"],
        "note": row["note"],
    }
    where = Printed("normalise", "normalise", "cell", "fitted")
    regions = told.tables["normalise"]["region"].cast(pl.String).to_list()
    lines = Sources(project).rows("column", meta.id, [row["year"]], regions, [str(row["sector"])])
    found = _told(project, name, where, told, words, about, row, lines, cited(meta), None)
    method = {"method": asked["method"]}
    return Result(found.name, found.tables, {**found.meta, "parameters": {**found.meta["parameters"], **method}})


def _needed(name: str, where: Printed, region: str | None, sector: str | None, other: str | None) -> None:
    lacking = [what for what, code, needed in (
        ("region", region, where.of in ("region", "cell", "regions", "node")),
        ("sector", sector, where.of in ("sector", "cell", "sectors")),
    ) if needed and code is None]  # fmt: skip
    if lacking:
        fix = "capmap explain REGION SECTOR, - for a region that there is none of"
        raise UsageError(f"{name} is of a {' in a '.join(['region', 'sector'] if where.of == 'cell' else lacking)}, "
                         f"and no {' and no '.join(lacking)} is named", fix=fix)  # fmt: skip
    if where.of in PAIRS and other is None:
        what = where.of[:-1]
        raise UsageError(f"{name} is of two {where.of}, and one is named", fix=f"name the other {what}: --other CODE")


def _measured(
    project: Project,
    meta: Indicator,
    where: Printed,
    place: tuple[str | None, str | None, str | None],
    year: selection.Year,
    changes: Mapping[str, Any],
) -> tuple[Result, list[str]]:
    """What the command gives, and the words that ask it for the same."""
    region, sector, _ = place
    asked = {key: value for key, value in changes.items() if value is not None and value != ()}
    shared: dict[str, Any] = {"indicator": [meta.id], "year": year, **asked}
    words, more = ["capmap", where.command], _flags(asked)
    if where.command == "complexity":
        from capmap.analyses.complexity import complexity

        extras = (where.extra,) if where.extra not in ("", "income") else ()
        if where.extra in ("income", "expy") and "income" not in asked:
            raise UsageError("this rests on the income of regions", fix="name its indicator: --income INDICATOR")
        more += ["--with", where.extra] if extras else []
        found = complexity(project, table=[where.table], extras=extras, **shared)
    elif where.command == "opportunities":
        from capmap.analyses.opportunities import opportunities

        words.append(str(region))
        found = opportunities(project, str(region), sector=[str(sector)], **shared)
        more += ["-s", str(sector)]
    elif where.command == "relatedness":
        from capmap.analyses.relatedness import relatedness

        draws = asked.pop("draws", SIGNIFICANCE)
        shared = {key: value for key, value in shared.items() if key != "draws"}
        found = relatedness(project, significance_draws=draws, complete=True, sector=[str(sector)], **shared)
        more = [*_flags(asked), "-s", str(sector), "--significance", str(draws), "--complete"]
    else:
        return _of_reader(project, meta, where, place, year, asked)
    return found, [*words, "-i", meta.id, *_flags({"year": _year_of(found, where, year)}), *more]


def _of_reader(
    project: Project, meta: Indicator, where: Printed, place: tuple[str | None, str | None, str | None],
    year: selection.Year, asked: Mapping[str, Any],
) -> tuple[Result, list[str]]:  # fmt: skip
    """Of the commands that read several indicators at once."""
    region, sector, other = place
    known = {key: value for key, value in asked.items() if key in ("reference", "exclude", "window", "threshold",
                                                                   "dispersion")}  # fmt: skip
    dropped = sorted(set(asked) - set(known))
    if dropped:
        raise UsageError(f"capmap {where.command} takes no {', '.join(dropped)}", fix="leave it out")
    when = _flags({"year": None if year == "latest" else year})
    if where.command == "compare":
        from capmap.analyses.compare import compare

        found, names = compare(project, [str(region), str(other)], year=year, **known), [str(region), str(other)]
    elif where.command == "sector":
        from capmap.analyses.sector import sector as of_sector

        found, names = (
            of_sector(project, str(sector), indicator=[meta.id], year=year, **known),
            [str(sector), "-i", meta.id],
        )
    elif where.command == "rca":
        from capmap.analyses.specialisation import rca

        found = rca(project, indicator=[meta.id], year=year, region=[str(region)], sector=[str(sector)],
                    extras=(where.extra,), **known)  # fmt: skip
        names = ["-i", meta.id, "-r", str(region), "-s", str(sector), "--with", where.extra]
    else:
        from capmap.analyses.profile import profile

        found, names = profile(project, str(region), year=year, **known), [str(region)]
    return found, ["capmap", where.command, *names, *when, *_flags(known)]


def _year_of(found: Result, where: Printed, year: selection.Year) -> Any:
    frame = found.tables.get(where.table, next(iter(found.tables.values())))
    years = frame["year"].drop_nulls().unique().to_list()
    return years[0] if len(years) == 1 else year


def _flags(options: Mapping[str, Any]) -> list[str]:
    """Options as words on the command line; nothing for what is None."""
    found: list[str] = []
    for key, value in options.items():
        if value is None or value == ():
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            found += [FLAGS.get(key, f"--{key.replace('_', '-')}"), str(one)]
    return found


def _keys(where: Printed, meta: Indicator, place: tuple[str | None, str | None, str | None]) -> dict[str, Any]:
    """Column -> code, of the row wanted; for a pair of sectors see `_row`."""
    region, sector, other = place
    keys: dict[str, Any] = {"indicator": meta.id}
    if where.of in ("region", "cell", "regions") and where.command != "profile":
        keys["region"] = region
    if where.of in ("sector", "cell") or (where.table in ("pairs", "size", "intensity") and sector is not None):
        keys["sector"] = sector
    if where.of == "regions":
        keys["other"] = other
    if where.of == "sectors":
        keys |= {"pair": {sector, other}}
    return keys


def _row(frame: pl.DataFrame, name: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The last row with these keys."""
    if name not in frame.columns:
        raise RefusedError(f"{name} is not measured for these data", fix="see `capmap check`")
    own = frame
    for key, value in keys.items():
        if key == "pair":
            ends = [pl.col(end).cast(pl.String).is_in(sorted(value)) for end in ("source", "target")]
            own = own.filter(ends[0] & ends[1])
        elif key in frame.columns and value is not None:
            own = own.filter(pl.col(key).cast(pl.String) == value)
    if own.is_empty():
        told = ", ".join(
            str(sorted(value)) if isinstance(value, set) else str(value) for value in keys.values() if value
        )
        raise RefusedError(f"{name} has no row for {told}", fix="see what the command prints, with --all")
    return own.row(own.height - 1, named=True)


def _lines(
    sources: Sources,
    where: Printed,
    meta: Indicator,
    year: int | None,
    place: tuple[str | None, str | None, str | None],
) -> pl.DataFrame:
    """The lines of the region, or of the sector, in the year of the answer; the table has those of all others besides."""
    region, sector, other = place
    whole = sources.project.observations.filter(pl.col("indicator") == meta.id)
    if where.of in ("sector", "sectors"):
        codes = whole["region"].cast(pl.String).unique().sort().to_list()
        own = [sources.rows("x_of_sector", meta.id, [year], codes, [str(sector)])]
        own += [sources.rows("x_of_other", meta.id, [year], codes, [str(other)])] if where.of == "sectors" else []
    else:
        wanted = [sector] if sector is not None and where.of == "regions" else None
        own = [sources.rows("x_of_region", meta.id, [year], [str(region)], wanted)]
        own += [sources.rows("x_of_other", meta.id, [year], [str(other)], wanted)] if where.of == "regions" else []
    return pl.concat(own)


def _told(
    project: Project, name: str, where: Printed, found: Result, words: Sequence[str], about: Mapping[str, Any],
    row: Mapping[str, Any], lines: pl.DataFrame | None, source: Mapping[str, Any], other: str | None,
) -> Result:  # fmt: skip
    """All of it as a result without steps; `meta["follows"]` is null, because no arithmetic was done over."""
    from capmap.analyses.explanation.formulas import METHODS, PRINTED

    value = row[name]
    answer = {**about, "measure": name, "other": other} | (
        {"text": value} if isinstance(value, str) else {"value": None if value is None else float(value)}
    )
    asked = {key: value for key, value in found.meta["parameters"].items() if value not in (None, [], (), "")}
    whose = ("asked", "default") if where in OF_INDEX.values() else None
    parameters = {key: (",".join(map(str, one)) if isinstance(one, list | tuple) else one,
                        _origin(project, key, one) if whose is None else whose[FLAGS.get(key, f"--{key}") not in words])
                  for key, one in asked.items() if key not in ("region", "sector", "indicator", "year", "complete", "steps",
                                                                "id", "audit", "what_if")}  # fmt: skip
    said = [*HOW[where.how], " ".join(words) + f": table {where.table}, column {name}"]
    treated = [] if lines is None else carried([lines])
    blocks = found.meta.get("blocks", [])
    beside = {
        key: row.get(key)
        for key in ("rank", "rank_low", "rank_high", "p_entry_low", "p_entry_high", "grade", "class")
        if key in row
    }
    beside["n"] = row.get("n") or _ranked(found.tables.get(where.table), row)
    return Result("explain", {
        "answer": as_table([answer], ANSWER), "steps": as_table([], STEPS),
        "inputs": lines if lines is not None else as_table([], INPUTS),
        "parameters": as_table([as_parameter(key, *pair) for key, pair in parameters.items()], PARAMETERS),
        "treatment": as_table([dict(zip(TREATMENT, one, strict=True)) for one in treated], TREATMENT),
        "sensitivity": as_table([], SENSITIVITY),
        "procedure": as_table([{"step": k, "said": text} for k, text in enumerate(said, start=1)], PROCEDURE),
    }, {
        "command": "explain", "parameters": {"measure": name, "other": other, "of": found.meta["parameters"]},
        "method": METHODS.get(name) or PRINTED[where.command], "cited": source, "blocks": blocks, "row": beside,
        "seed": found.meta.get("seed"), "follows": None, "printed": [where.command, where.table], "again": list(words),
    })  # fmt: skip


def _ranked(frame: pl.DataFrame | None, row: Mapping[str, Any]) -> int | None:
    """How many are ranked beside the one of a row: in its indicator or index, year and node."""
    ranks = [name for name in ("rank", "eci_rank", "pci_rank") if name in row]
    if frame is None or not ranks:
        return None
    same = [pl.col(key).cast(pl.String).eq_missing(pl.lit(None if row[key] is None else str(row[key])))
            for key in ("indicator", "index", "year", "node") if key in row]  # fmt: skip
    return frame.filter(*same)[ranks[0]].drop_nulls().len()


def _origin(project: Project, key: str, value: object) -> str:
    for section in ("complexity", "specialisation", "profile"):
        if hasattr(getattr(project.run, section), key):
            return setting(project, section, key, tuple(value) if isinstance(value, list) else value)
    return "of the command"
