"""What would be if an index were defined otherwise: named scenarios beside the index as it is. (`capmap index --what-if`)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses import selection
from capmap.analyses.composite.build import Built
from capmap.analyses.composite.choice import ALLOWED, again, unknown
from capmap.analyses.composite.ranks import ranges
from capmap.analyses.composite.tree import Leaf
from capmap.data.nearest import nearest
from capmap.errors import RefusedError, UsageError
from capmap.methods import coherence
from capmap.methods.ranking import kendall, ranked
from capmap.model import IndexFile, IndexNode, Mean, Normaliser, Project

Floats = NDArray[np.float64]

SCENARIO_COLUMNS = (
    "index", "scenario", "year", "region", "score", "rank", "rank_nominal", "rank_change", "rank_low", "rank_high", "note",
)  # fmt: skip
COMPARISON_COLUMNS = (
    "index", "scenario", "year", "scored", "compared", "kendall", "spearman", "moved", "moved_beyond", "largest_move",
    "largest_region",
)  # fmt: skip
#: Keys of a scenario, in the order in which they are told.
KEYS = ("name", "drop", "weights", "normaliser", "aggregation", "treatment", "impute", "year")
#: Keys that are no change of the file.
REMEASURED = ("year", "weights", "impute")
#: What those may be that are words of a list.
WORDS: Mapping[str, tuple[str, ...]] = {
    **ALLOWED, "normaliser": get_args(Normaliser), "aggregation": get_args(Mean), "treatment": ("rule", "none")
}  # fmt: skip
#: Means that need more than scores and weights, so that a word alone cannot ask for them.
NEED_MORE = ("power", "ordered")
EXAMPLE = "write KEY=VALUE,KEY=VALUE such as drop=robots,weights=equal"


@dataclass(frozen=True)
class Scenario:
    """An index defined otherwise: what is changed, and the name it goes by."""

    name: str
    file: IndexFile
    changed: Mapping[str, str] = field(default_factory=dict)


def scenarios(file: IndexFile, asked: Sequence[str], leaves: Mapping[str, Leaf]) -> list[Scenario]:
    """Scenarios as a user writes them: `drop=robots+patents,weights=equal`.

    Parameters
    ----------
    file : the index as it is.
    asked : one text per scenario, KEY=VALUE joined by commas. Keys: `drop` (nodes joined by `+`, with all below them),
        `weights`, `normaliser`, `aggregation` (of every node), `treatment`, `impute`, `year`, and `name`.
    leaves : the indicators of the index by their nodes.

    Raises
    ------
    UsageError : all that is wrong with any of them.
    """
    wrong: list[str] = []
    fixes: list[str] = []
    found: list[Scenario] = []
    for text in asked:
        try:
            found.append(_scenario(file, text, leaves))
        except UsageError as error:
            wrong.append(error.message)
            fixes += [error.fix] if error.fix else []
    twice = sorted({one.name for one in found if [other.name for other in found].count(one.name) > 1})
    if twice:
        wrong.append(f"scenarios share the name {', '.join(twice)}")
        fixes.append("give each a name=... of its own, or leave it out")
    if wrong:
        raise UsageError("; ".join(wrong), fix="; ".join(dict.fromkeys(fixes)))
    return found


def _scenario(file: IndexFile, text: str, leaves: Mapping[str, Leaf]) -> Scenario:
    """One scenario read and put into effect."""
    changed: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value:
            raise UsageError(f"--what-if {text!r}: {part.strip()!r} is not KEY=VALUE", fix=EXAMPLE)
        if key not in KEYS:
            near = nearest(key, KEYS)
            raise UsageError(
                f"--what-if {text!r}: unknown key {key!r}",
                fix=f"did you mean {near[0]}?" if near else f"one of {', '.join(KEYS)}",
            )
        if key in changed:
            raise UsageError(f"--what-if {text!r}: {key} is there twice", fix="join nodes with +: drop=a+b")
        if key in WORDS and value not in WORDS[key]:
            raise unknown(f"{key} in --what-if", value, WORDS[key])
        changed[key] = value
    name = changed.pop("name", text.strip())
    if not changed:
        raise UsageError(f"--what-if {text!r} changes nothing", fix=EXAMPLE)
    if changed.get("aggregation") in NEED_MORE:
        how = changed["aggregation"]
        raise UsageError(f"--what-if {text!r}: {how} needs more than a word", fix="write it into a second index file")
    if "year" in changed and len(set(selection.year_range(changed["year"]))) != 1:
        raise UsageError(f"--what-if {text!r}: one year, such as year=2018", fix=EXAMPLE)
    return Scenario(name, _redefined(file, text, changed, leaves), changed)


def _redefined(file: IndexFile, text: str, changed: Mapping[str, str], leaves: Mapping[str, Leaf]) -> IndexFile:
    """The index file as a scenario has it: what is said of all nodes takes the place of what each says."""
    nodes = list(file.nodes)
    if "drop" in changed:
        nodes = _without(file, text, changed["drop"].split("+"))
    update: dict[str, Any] = {}
    if "aggregation" in changed:
        update["aggregation"] = changed["aggregation"]
        nodes = [node.model_copy(update={"aggregation": None}) for node in nodes]
    if "treatment" in changed:
        update["treatment"] = changed["treatment"]
        nodes = [node.model_copy(update={"treatment": None}) for node in nodes]
    if "normaliser" in changed:
        how = changed["normaliser"]
        reasons = [reason for node in nodes if node.id in leaves and (reason := _lacking(how, leaves[node.id]))]
        if reasons:
            raise UsageError(f"--what-if {text!r}: {'; '.join(reasons)}", fix="choose another normaliser")
        update["normaliser"] = how
        nodes = [node.model_copy(update={"normaliser": None}) for node in nodes]
    return file.model_copy(update=update | {"nodes": tuple(nodes)})


def _without(file: IndexFile, text: str, dropped: Iterable[str]) -> list[IndexNode]:
    """The nodes without some, without those below them, and without those that have none below any more."""
    known = [node.id for node in file.nodes]
    gone: set[str] = set()
    for one in (word.strip() for word in dropped):
        if one not in known:
            raise unknown("node in --what-if", one, known)
        gone.add(one)
    left = list(file.nodes)
    while True:
        parents = {node.parent for node in left if node.id not in gone}
        empty = {node.id for node in left if node.indicator is None and node.id not in parents}
        more = gone | empty | {node.id for node in left if node.parent in gone}
        if more == gone:
            break
        gone = more
    left = [node for node in left if node.id not in gone]
    if not left:
        raise UsageError(f"--what-if {text!r} drops every indicator", fix="leave at least one")
    return left


def scenario_tables(
    project: Project, built: Built, asked: Mapping[str, Any], wanted: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Scenarios beside an index: tables `scenarios` (SCENARIO_COLUMNS) and `comparisons` (COMPARISON_COLUMNS).

    Parameters
    ----------
    built : the index as it is, with the ranges of its ranks.
    asked : parameters of `index`.
    wanted : as `scenarios`.

    Returns
    -------
    `scenarios`: a row per scenario, year and region that is scored there or in the index. `rank_change` is among the
    regions scored in both, below 0 for a better place; `note` is `outside_range` where that change leads out of the range of
    the index, `not_scored` where the scenario does not score the region, and `newly_scored` where only the scenario does.
    `comparisons`: a row per scenario and year; `kendall` (tau-b) and `spearman` compare ranks of the regions scored in both,
    `moved_beyond` counts moves out of the range.

    Raises
    ------
    UsageError : a scenario that cannot be read, or a year of its own beside an index of several.
    RefusedError : a scenario that cannot be measured; the message names it.
    """
    file = built.frame.file
    found = scenarios(file, wanted, {leaf.node.id: leaf for leaf in built.frame.leaves})
    if any("year" in one.changed for one in found) and len(built.figures.periods) > 1:
        raise UsageError("a scenario of another year needs an index of one year", fix="name one: --year 2018")
    parts = []
    for one in found:
        try:
            other = again(
                project, one.file, asked, **{key: one.changed[key] for key in REMEASURED if key in one.changed}
            )
        except RefusedError as error:
            raise RefusedError(f"scenario {one.name}: {error.message}", fix=error.fix) from None
        parts.append(_beside(built, other, one.name))
    return {
        "scenarios": pl.concat([rows for rows, _ in parts]),
        "comparisons": pl.DataFrame([row for _, told in parts for row in told], schema=_COMPARED, orient="row"),
    }


_COMPARED: dict[str, Any] = dict.fromkeys(COMPARISON_COLUMNS, pl.Int32) | {
    "index": pl.String, "scenario": pl.String, "kendall": pl.Float64, "spearman": pl.Float64, "largest_region": pl.String,
}  # fmt: skip


def _lacking(how: str, leaf: Leaf) -> str | None:
    """Why a leaf cannot be put on a scale by a normaliser."""
    if how == "goalposts" and leaf.goalposts is None:
        return f"{leaf.node.id} has no goalposts"
    if how == "distance_to_target" and leaf.target is None:
        return f"{leaf.node.id} has no target"
    return None


def _beside(built: Built, other: Built, name: str) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows of one scenario, and what they come to in each period."""
    low, high = ranges(built)
    nominal = built.ranks[built.frame.root]
    tables, told = [], []
    for k, period in enumerate(built.figures.periods):
        place = built.period(k)
        rank, score = (_aligned(other, values, built.figures.regions, period) for values in _tops(other))
        change = _change(rank, nominal[place])
        moved = nominal[place] + change
        outside = (moved < low[place]) | (moved > high[place])  # neither where there is no range
        note = np.select(
            [np.isnan(rank), np.isnan(nominal[place]), outside],
            ["not_scored", "newly_scored", "outside_range"],
            default="",
        )
        table = pl.DataFrame(
            {"region": list(built.figures.regions), "score": score, "rank": rank, "rank_nominal": nominal[place],
             "rank_change": change, "rank_low": low[place], "rank_high": high[place],
             "note": pl.Series([str(one) or None for one in note], dtype=pl.String)}
        )  # fmt: skip
        nobody = pl.col("rank").is_nan() & pl.col("rank_nominal").is_nan()
        tables.append(table.filter(~nobody).with_columns(year=pl.lit(period, pl.Int32)))
        keys = {"index": built.frame.root, "scenario": name, "year": period, "scored": int((~np.isnan(rank)).sum())}
        beyond = int(outside.sum()) if k in built.robust else None
        told.append(keys | _told(rank, nominal[place], change, built.figures.regions) | {"moved_beyond": beyond})
    whole = pl.concat(tables).with_columns(
        pl.col("score", "rank", "rank_nominal", "rank_change", "rank_low", "rank_high").fill_nan(None),
        index=pl.lit(built.frame.root), scenario=pl.lit(name),
    )  # fmt: skip
    places = pl.col("rank", "rank_nominal", "rank_change", "rank_low", "rank_high").cast(pl.Int32)
    return whole.with_columns(places).select(SCENARIO_COLUMNS).sort("year", "region"), told


def _told(rank: Floats, nominal: Floats, change: Floats, regions: Sequence[str]) -> dict[str, Any]:
    """How like the ranks of a scenario are to those of the index."""
    both = ~np.isnan(change)
    most = int(np.nanargmax(np.abs(change))) if both.any() else None
    rho = coherence.correlation(rank[:, np.newaxis], nominal[:, np.newaxis], method="spearman").rho[0, 0]
    return {
        "compared": int(both.sum()), "kendall": _known(kendall(rank, nominal)), "spearman": _known(float(rho)),
        "moved": int((change[both] != 0).sum()),
        "largest_move": None if most is None else int(change[most]),
        "largest_region": None if most is None or change[most] == 0 else regions[most],
    }  # fmt: skip


def _change(rank: Floats, nominal: Floats) -> Floats:
    """Places lost, among the regions that have both ranks: who comes in or goes out moves nobody else."""
    both = ~np.isnan(rank) & ~np.isnan(nominal)
    places = (ranked(np.where(both, -one, np.nan)) for one in (rank, nominal))
    change: Floats = np.subtract(*places)
    return change


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _tops(built: Built) -> tuple[Floats, Floats]:
    return built.ranks[built.frame.root], built.scores[built.frame.root]


def _aligned(built: Built, values: Floats, regions: Sequence[str], period: int | None) -> Floats:
    """Values of one period, or the only one, in the order of some regions; NaN for those that are not there."""
    periods = built.figures.periods
    if period not in periods and len(periods) > 1:
        return np.full(len(regions), np.nan)
    k = periods.index(period) if period in periods else 0
    own = dict(zip(built.figures.regions, values[built.period(k)], strict=True))
    return np.array([own.get(code, np.nan) for code in regions])
