"""Tables of experts beside an index file: budgets of points and pairwise comparisons."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path, PurePath, PureWindowsPath

import polars as pl

from capmap.data.findings import finding, not_opened
from capmap.data.index_rules import BUDGET, RECIPROCAL, ROUNDING, Rule, at, contradiction, near
from capmap.data.toml import TomlFile, not_found
from capmap.errors import Finding

#: Columns by the key that names the table: two texts and a number.
COLUMNS = {"experts": ("expert", "node", "points"), "judgements": ("node", "other", "ratio")}
#: What the number must be.
_LIMITS = {"experts": "a number from 0", "judgements": "a number above 0, such as 3 or 0.333"}

Answer = tuple[str, str, float]


@dataclass(frozen=True)
class Table:
    """Answers with the lines on which they stand; NaN where an expert gave no number."""

    name: str
    rows: tuple[tuple[int, Answer], ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers without their lines."""
        return tuple(row for _, row in self.rows)


def read_answers(
    folder: Path, name: str, found: Mapping[str, Rule], file: TomlFile
) -> tuple[dict[str, tuple[Answer, ...]], list[Finding]]:
    """The tables that the rules of an index name, by the name of the file, and every fault in them."""
    answers: dict[str, tuple[Answer, ...]] = {}
    findings: list[Finding] = []
    for key in COLUMNS:
        named = {one: rule for rule in reversed(list(found.values())) if (one := getattr(rule, key)) is not None}
        for path, rule in sorted(named.items()):
            table, problems = _read(folder / path, f"{name.rstrip('/')}/{path}", key, rule, file)
            if table is not None:
                users = [rule for rule in found.values() if getattr(rule, key) == path and len(rule.children) > 1]
                problems += _strangers(table, key, found, users)
                problems += _budgets(table, users) if key == "experts" else _pairs(table, users)
                answers[path] = table.answers
            findings += problems
    return answers, findings


def _read(path: Path, name: str, key: str, rule: Rule, file: TomlFile) -> tuple[Table | None, list[Finding]]:
    """The rows of one table; empty lines are passed over."""
    columns = COLUMNS[key]
    given = getattr(rule, key)
    if given == ".." or PurePath(given).name != given or PureWindowsPath(given).name != given:
        said = f"{given} is not in the folder of the index file"
        return None, [at(file, "CM005", rule.place, key, said, "put the CSV there and name it without a folder", given)]
    try:
        text = path.read_bytes().decode("utf-8-sig")
        frame = pl.read_csv(io.BytesIO(text.encode()), infer_schema=False)
    except FileNotFoundError as error:
        told = not_found(path, name, error)
        return None, [at(file, "CM005", rule.place, key, told.message, told.fix, path.name)]
    except OSError as error:
        return None, [not_opened(error, name)]
    except UnicodeDecodeError:
        return None, [finding("CM007", "the table is not UTF-8 text", "save it as UTF-8", file=name)]
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        return None, [
            finding("CM006", f"the table cannot be read: {reason}", f"start with {','.join(columns)}", file=name)
        ]
    frame = frame.rename({one: one.strip() for one in frame.columns}, strict=False)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        said = f"no column {' or '.join(f'`{one}`' for one in missing)} (found: {', '.join(frame.columns)})"
        fix = f"the first line is {','.join(columns)}"
        return None, [finding("CM009", said, fix, file=name, line=1, column=missing[0])]
    rows: list[tuple[int, Answer]] = []
    findings: list[Finding] = []
    trimmed = frame.select(pl.col(column).str.strip_chars().fill_null("") for column in columns)
    for line, (one, other, number) in enumerate(trimmed.iter_rows(), 2):
        if not (one or other or number):
            continue
        value = _number(number, key)
        if value is None:
            said = f"{number or 'an empty cell'} is no answer for {other if key == 'experts' else f'{one} and {other}'}"
            fix = f"write {_LIMITS[key]}"
            findings.append(finding("CM111", said, fix, file=name, line=line, column=columns[2], value=number))
        else:
            rows.append((line, (one, other, value)))
    return Table(name, tuple(rows)), findings


def _number(text: str, key: str) -> float | None:
    """The number of an answer; NaN where an expert left it open, None where it is none."""
    if text == "" and key == "experts":
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    fits = value >= 0 if key == "experts" else value > 0
    return value if fits and math.isfinite(value) else None


def _strangers(table: Table, key: str, found: Mapping[str, Rule], users: list[Rule]) -> list[Finding]:
    """Answers about what is no node, about nodes that are not compared, and answers given twice."""
    parent = {child: rule.node for rule in found.values() for child in rule.children}
    used = [child for rule in users for child in rule.children]
    findings, seen = [], set()
    for line, (one, other, _) in table.rows:
        for column, node in (("node", other),) if key == "experts" else (("node", one), ("other", other)):
            if node not in parent:
                said = f"{node or 'an empty cell'} is no node of the index"
                findings.append(
                    finding("CM111", said, near(node, used), file=table.name, line=line, column=column, value=node)
                )
        if key == "experts" and not one:
            findings.append(finding("CM111", "a row without an expert", "give each expert a name or a number",
                                    file=table.name, line=line, column="expert"))  # fmt: skip
        if key == "judgements" and parent.get(one) != parent.get(other) and one in parent and other in parent:
            said = (
                f"{one} is below {parent[one]} and {other} below {parent[other]}: only nodes of one parent are compared"
            )
            findings.append(
                finding("CM111", said, "take the row out", file=table.name, line=line, column="other", value=other)
            )
        if (one, other) in seen:
            said = f"{one} and {other} have a row before"
            findings.append(finding("CM111", said, "keep one of the rows", file=table.name, line=line))
        seen.add((one, other))
    return findings


def _budgets(table: Table, users: list[Rule]) -> list[Finding]:
    """Experts whose points are not the budget, and parents that no expert divided it for."""
    findings = []
    for rule in users:
        given: dict[str, dict[str, float]] = {}
        last: dict[str, int] = {}
        for line, (expert, node, points) in table.rows:
            if node in rule.children:
                given.setdefault(expert, {}).setdefault(node, points)
                last[expert] = line
        complete = {
            expert: points for expert, points in given.items()
            if len(points) == len(rule.children) and not any(math.isnan(one) for one in points.values())
        }  # fmt: skip
        for expert, answered in complete.items():
            total = sum(answered.values())
            if abs(total - BUDGET) > ROUNDING:
                said = f"the points of {expert} for {', '.join(answered)} add up to {total:g}"
                fix = f"divide {BUDGET:g} points among them"
                findings.append(
                    finding("CM111", said, fix, file=table.name, line=last[expert], column="points", value=f"{total:g}")
                )
        if not complete and (given or rule.weighting == "budget"):
            said = f"no expert gave points to all of {', '.join(rule.children)}"
            fix = f"one row for each of them and an expert at least, {BUDGET:g} points in all"
            findings.append(
                finding("CM111", said, fix, file=table.name, line=min(last.values(), default=1), column="node")
            )
    return findings


def _pairs(table: Table, users: list[Rule]) -> list[Finding]:
    """Pairs that nobody compared, and pairs whose two comparisons are not inverses."""
    findings: list[Finding] = []
    for rule in users:
        there = {
            (one, other): (line, ratio)
            for line, (one, other, ratio) in table.rows
            if {one, other} <= set(rule.children)
        }
        if not there and rule.weighting != "ahp":
            continue
        missing = [pair for pair in combinations(rule.children, 2) if pair not in there and pair[::-1] not in there]
        if missing:
            said = f"no ratio of {' or '.join(f'{one} to {other}' for one, other in missing[:6])} ({rule.node})"
            fix = "add a row for every pair of nodes of one parent"
            findings.append(finding("CM112", said, fix, file=table.name, line=1, column="node"))
        findings += _contradictions(table.name, there)
    return findings


def _contradictions(name: str, there: Mapping[tuple[str, str], tuple[int, float]]) -> Iterator[Finding]:
    for (one, other), (line, ratio) in there.items():
        first, back = there.get((other, one), (line, 1 / ratio))
        if first <= line and abs(ratio * back - 1) > RECIPROCAL:
            said, fix = contradiction(other, one, back, ratio)
            yield finding("CM112", said, fix, file=name, line=line, column="ratio", value=f"{ratio:g}")
