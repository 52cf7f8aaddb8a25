"""Watch rules: figures that a project keeps an eye on, and what happens when their condition comes true."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from capmap.data.watch import Condition, measure_of, parsed
from capmap.model import WatchRule

WATCH: dict[str, Any] = {
    "rule": pl.String, "region": pl.String, "sector": pl.String, "indicator": pl.String, "measure": pl.String,
    "condition": pl.String, "year_before": pl.Int32, "year": pl.Int32, "before": pl.String, "after": pl.String,
    "now": pl.Boolean, "crossed": pl.Boolean,
}  # fmt: skip
SECONDS = 60.0  #: that a command may take


def crossings(
    rules: Mapping[str, WatchRule],
    measures: Sequence[Any],
    old: Mapping[Any, pl.DataFrame | None],
    new: Mapping[Any, pl.DataFrame | None],
) -> pl.DataFrame:
    """Every rule with its figure before and after, in the last periods (WATCH), the crossed first.

    `now` tells whether the condition holds, `crossed` whether it did not before, or holds no longer. A condition that is a
    measure alone holds when the measure differs. A figure that is not there meets no condition.
    """
    rows = []
    for name, rule in sorted(rules.items()):
        condition = parsed(rule)
        wanted = measure_of(condition.measure)
        measure = next((m for m in measures if m.name == wanted.measure or m.name in wanted.instead), None)
        if measure is not None and _none(rule, new[measure]) and _none(rule, old[measure]):
            others = [m for m in measures if m.name in (wanted.measure, *wanted.instead)]
            measure = next((m for m in others if not _none(rule, new[m]) or not _none(rule, old[m])), measure)
        sides = [_figure(rule, None if measure is None else side[measure], wanted.column) for side in (old, new)]
        was, now = _holds(condition, sides[0][1], sides[1][1])
        rows.append({
            "rule": name, "region": rule.region, "sector": rule.sector, "indicator": rule.indicator,
            "measure": condition.measure, "condition": rule.condition, "year_before": sides[0][0],
            "year": sides[1][0], "before": _text(sides[0][1]), "after": _text(sides[1][1]), "now": now,
            "crossed": was != now,
        })  # fmt: skip
    table = pl.DataFrame(rows, schema=WATCH)
    return table.sort(pl.col("crossed").not_(), pl.col("now").not_(), "rule")


def _none(rule: WatchRule, frame: pl.DataFrame | None) -> bool:
    return frame is None or frame.filter(_mine(rule)).is_empty()


def _mine(rule: WatchRule) -> pl.Expr:
    sector = pl.col("sector").eq_missing(pl.lit(rule.sector)) if rule.sector else pl.col("sector").is_null() | (
        pl.col("sector").is_in(["_T", rule.indicator])
    )  # fmt: skip
    return (pl.col("indicator") == rule.indicator) & (pl.col("region") == rule.region) & sector


def _figure(rule: WatchRule, frame: pl.DataFrame | None, column: str) -> tuple[int | None, Any]:
    """Year and figure in the last period of the indicator; None where the cell is not there."""
    if frame is None:
        return None, None
    rows = frame.filter(_mine(rule)).sort("year", nulls_last=False).tail(1)
    return (None, None) if rows.is_empty() else (rows["year"][0], rows[column][0])


def _holds(condition: Condition, before: Any, after: Any) -> tuple[bool, bool]:
    """Whether the condition held before and holds now."""
    if condition.sign is None:
        return False, before != after
    return condition.holds(before), condition.holds(after)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def alert(
    rules: Mapping[str, WatchRule], crossed: Sequence[Mapping[str, Any]], *, folder: Path, seconds: float = SECONDS
) -> list[dict[str, Any]]:
    """Run the commands of rules whose condition has come true, one after the other.

    Parameters
    ----------
    rules : of the run file.
    crossed : rows of the table `watch`, as `publish` returns them.
    folder : where the commands run: the project.
    seconds : after which a command is ended.

    Returns
    -------
    A row for each command: `rule`, `command` (the program alone, as its arguments may be nobody's business), `exit_code` (null if
    it could not be started or took too long), `trouble` (null if there was none). A failure stops nothing.

    The command is run as it is, without a shell, with the row as JSON on its standard input. What it prints goes nowhere.
    """
    told = []
    for row in crossed:
        rule = rules.get(str(row["rule"]))
        if rule is None or not rule.command or not (row["now"] and row["crossed"]):
            continue
        code, trouble = _run(rule.command, json.dumps(dict(row), ensure_ascii=False), folder, seconds)
        told.append({"rule": row["rule"], "command": rule.command[0], "exit_code": code, "trouble": trouble})
    return told


def _run(command: Sequence[str], text: str, folder: Path, seconds: float) -> tuple[int | None, str | None]:
    try:
        done = subprocess.run(
            list(command), input=text.encode(), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"it took longer than {seconds:g} seconds and was ended"
    except (OSError, ValueError) as error:
        said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return None, f"it could not be started: {said}"
    return done.returncode, None if done.returncode == 0 else f"it ended with exit code {done.returncode}"
