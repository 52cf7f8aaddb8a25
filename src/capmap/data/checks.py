"""Checks of what was read: small functions over the catalogue, rows, tables and series.

`CHECKS` says what each code means and how grave it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from capmap.data.cells import KEYS
from capmap.data.findings import CHECKS, finding, findings_frame, in_order
from capmap.data.nearest import did_you_mean
from capmap.data.observations import indicator_rows
from capmap.data.settings import RUN_FILE
from capmap.data.tables import (
    SERIES_CHECKS,
    TABLE_CHECKS,
    Ints,
    Row,
    Subject,
    beyond_numbers,
    each,
    number,
    place,
)
from capmap.data.watch import watch_findings
from capmap.errors import Finding
from capmap.model import TOTAL, Indicator, Project

__all__ = ["CHECKS", "check", "findings_frame"]

SUGGESTED = 1_000  #: unknown codes for which the nearest is looked up; more mean a wrong list, not slips
NO_VALUE = ("L", "M", "Q")  #: statuses that go without a value


def check(project: Project) -> tuple[Finding, ...]:
    """Every finding of the checks on a project that was read, errors first.

    Parameters
    ----------
    project : as read. Its own `findings`, those of reading, are not repeated; they only tell which indicator
        files are broken.

    Returns
    -------
    Findings. Checks that name rows list up to 10,000 of them one by one and count the rest.
    """
    findings = [
        *_references(project),
        *_peers(project),
        *_watched(project),
        *_mixed_counting(project),
        *_nothing(project),
    ]
    frame = project.observations
    if not frame.height:
        return in_order(findings)
    again = _repeated(frame)
    findings += _duplicates(Subject(project, frame), again)
    if len(again):  # sums over rows that stand twice would only repeat the complaint in other words
        frame = frame.with_row_index("row").filter(~pl.col("row").is_in(again)).drop("row")
    subject = Subject(project, frame)
    for rule in ROW_CHECKS:
        findings += rule(subject)
    for series in subject.series:
        if too_large := list(beyond_numbers(series)):  # no sum of these values tells anything
            findings += too_large
            continue
        for series_rule in SERIES_CHECKS:
            findings += series_rule(series)
        for table_rule in TABLE_CHECKS:
            for table in series:
                findings += table_rule(table)
    return in_order(findings)


# ------------------------------------------------------------------------------------- the catalogue


def _references(project: Project) -> Iterator[Finding]:
    """Indicator files that refer to what is not there or leave out what matters."""
    regions = dict(project.codes.regions.select("code", "label").iter_rows())
    names = {i.id: i.name for i in project.catalogue.values()}
    for indicator in project.catalogue.values():
        file = _file(project, indicator.id)
        for key in ("denominator", "weight", "imports"):
            named = getattr(indicator, key)
            if named is not None and named not in names and not named.startswith("external:"):
                near = did_you_mean(named, names)
                yield finding(
                    "CM070",
                    f"the {key} {named!r} is no indicator of this project",
                    f"did you mean {near}?" if near else 'name an indicator, or write "external: ..."',
                    file=file,
                    column=key,
                    value=named,
                )
        if indicator.reference is not None and indicator.reference not in regions:
            near = did_you_mean(indicator.reference, regions)
            yield finding(
                "CM071",
                f"the reference {indicator.reference!r} is no region of this project",
                f"did you mean {near}?" if near else f"add {indicator.reference} to regions.csv",
                file=file,
                column="reference",
                value=indicator.reference,
            )
        if indicator.kind == "intensity" and indicator.denominator is None:
            yield finding(
                "CM072",
                f"{indicator.id} is a ratio and does not say to what",
                'name the indicator it is divided by: denominator = "..." (or "external: ...")',
                file=file,
                column="denominator",
            )


def _watched(project: Project) -> Iterator[Finding]:
    """Watch rules that cannot be understood or name what is not there."""
    return watch_findings(project.run.watch, project.catalogue, project.codes, project.indices, RUN_FILE)


def _peers(project: Project) -> Iterator[Finding]:
    """Regions under `[peers]` that are in no list."""
    regions = dict(project.codes.regions.select("code", "label").iter_rows())
    for region, peers in project.run.peers.items():
        origin = project.origins.get(f"peers.{region}", RUN_FILE)
        for named in (region, *peers):
            if named not in regions:
                near = did_you_mean(named, regions)
                yield finding(
                    "CM076",
                    f"{named!r} under `[peers]` is no region of this project",
                    f"did you mean {near}?" if near else f"add {named} to regions.csv, or leave it out",
                    file=RUN_FILE if origin == RUN_FILE else None,
                    column=f"peers.{region}",
                    value=named,
                )


def _mixed_counting(project: Project) -> Iterator[Finding]:
    """Counts of one classification and unit, some whole and some fractional."""
    groups: dict[tuple[str, str], list[Indicator]] = defaultdict(list)
    for indicator in project.catalogue.values():
        if indicator.kind == "count" and indicator.counting is not None:
            groups[indicator.classification, indicator.unit].append(indicator)
    for indicators in groups.values():
        if len({i.counting for i in indicators}) > 1:
            rules = ", ".join(f"{i.id} ({i.counting})" for i in indicators)
            yield finding(
                "CM073",
                f"whole and fractional counts of one unit: {rules}",
                "say in `unit` how each is counted, and do not compare them by size",
                file=_file(project, indicators[0].id),
                column="counting",
                count=len(indicators),
            )


def _nothing(project: Project) -> Iterator[Finding]:
    """No observations at all, or none of an indicator."""
    if not project.observations.height:
        names = {f.name for f in project.files}
        if any(f.severity == "error" and f.file in names for f in project.findings):
            return  # there are rows, and each has a finding
        files = ", ".join(f.name for f in project.files)
        yield finding("CM091", "there are no observations", "add rows below the header", file=files or None)
        return
    for identifier in sorted(project.catalogue.keys() - indicator_rows(project.observations).keys()):
        file = _file(project, identifier)
        yield finding("CM075", f"no observations of {identifier}", "add its data or remove its file", file=file)


def _file(project: Project, identifier: str) -> str:
    return f"{project.run.data.indicators.rstrip('/')}/{identifier}.toml"


# ---------------------------------------------------------------------------------------------- rows


def _repeated(frame: pl.DataFrame) -> Ints:
    """Numbers of the rows whose keys are those of the row before."""
    same = np.ones(frame.height - 1, dtype=np.bool_)
    for name in KEYS:
        code = frame[name].to_physical().fill_null(0).to_numpy()
        same &= code[1:] == code[:-1]
    return np.flatnonzero(same) + 1


def _duplicates(subject: Subject, again: Ints) -> Iterator[Finding]:
    """Rows whose region, sector, indicator and year stand in an earlier row; both are named."""
    steps = np.diff(again, prepend=-2) != 1  # where a run of equal keys begins
    first = again[steps][np.cumsum(steps) - 1] - 1

    def say(row: Row, nth: int) -> tuple[str, str]:
        earlier = subject.at(int(first[nth]))
        alike = "the same value" if earlier["value"] == row["value"] else "another value"
        return (
            f"{place(row)} stands in {earlier['file']}, line {earlier['line']} already, with {alike}",
            "keep one of the two rows",
        )

    yield from each(subject, "CM050", again, say, column="region")


def _unknown_codes(subject: Subject) -> Iterator[Finding]:
    """Regions, sectors and indicators that are in no list."""
    project, seen = subject.project, subject.seen
    broken = {Path(f.file).stem for f in project.findings if f.file and f.file.endswith(".toml")}
    indicators = {i.id: i.name for i in project.catalogue.values()}
    add = f"add {project.run.data.indicators.rstrip('/')}/{{}}.toml"
    if not any(f.file == project.run.data.indicators for f in project.findings):  # else none could be read
        yield from _unknown(subject, "CM053", "indicator", seen.keys() - broken, indicators, add)
    folder = project.run.data.codes.rstrip("/")
    regions = dict(project.codes.regions.select("code", "label").iter_rows())
    found = {subject.regions[n] for own, _ in seen.values() for n in np.flatnonzero(own)}
    yield from _unknown(subject, "CM051", "region", found, regions, f"add {{}} to {folder}/regions.csv")
    for indicator in project.catalogue.values():
        name = indicator.classification
        listed = project.codes.classifications.get(name)
        if indicator.id not in seen or (listed is None and name != "none"):
            continue
        sectors = {} if listed is None else dict(listed.select("code", "label").iter_rows())
        found = {subject.sectors[n] for n in np.flatnonzero(seen[indicator.id][1])} - {TOTAL}
        add = f"add {{}} to {folder}/{name}.csv"
        if name == "none":
            add = f"write {TOTAL}, or state the classification in {indicator.id}.toml"
        own_rows = pl.col("indicator") == indicator.id
        yield from _unknown(subject, "CM052", "sector", found, sectors, add, own_rows)


def _unknown(
    subject: Subject,
    code: str,
    column: str,
    found: set[str],
    listed: Mapping[str, str],
    add: str,
    where: pl.Expr | None = None,
) -> Iterator[Finding]:
    odd = found - listed.keys()
    if not odd:
        return
    near = {word: did_you_mean(word, listed) for word in sorted(odd)[:SUGGESTED]}
    fixes = {
        word: f"did you mean {near[word]}? If not, {add.format(word)}" if near.get(word) else add.format(word)
        for word in odd
    }
    wanted = pl.col(column).is_in(sorted(odd))
    rows = subject.frame.select((wanted if where is None else wanted & where).arg_true()).to_series()
    yield from each(
        subject,
        code,
        rows.to_numpy(),
        lambda row, _: (f"unknown {column} {row[column]}", fixes[row[column]]),
        column=column,
    )


def _statuses(subject: Subject) -> Iterator[Finding]:
    """Values that the status says are not there, and the reverse."""
    if subject.frame["status"].null_count() == subject.frame.height:
        return
    gone = pl.col("status").is_in(NO_VALUE)
    empty = pl.col("value").is_null()
    yield from each(
        subject,
        "CM036",
        _where(subject, ~empty & gone),
        lambda row, _: (
            f"{place(row)} has status {row['status']} and yet the value {number(row['value'])}",
            "empty the value, or correct the status",
        ),
    )
    yield from each(
        subject,
        "CM037",
        _where(subject, empty & ~gone),
        lambda row, _: (
            f"{place(row)} has status {row['status']} and no value",
            "fill in the value, or give it status L (missing), M (cannot exist) or Q (suppressed)",
        ),
        column="status",
    )


def _negative(subject: Subject) -> Iterator[Finding]:
    """Counts and values below zero."""
    catalogue = subject.project.catalogue
    below = pl.col("value") < 0
    if not subject.frame.select(below.any()).item():
        return
    own = [i.id for i in catalogue.values() if i.kind in ("count", "value")]
    yield from each(
        subject,
        "CM038",
        _where(subject, below & pl.col("indicator").is_in(own)),
        lambda row, _: (
            f"a {catalogue[row['indicator']].kind} below zero, {number(row['value'])}: {place(row)}",
            "correct it, or leave it empty and give it a status",
        ),
    )


def _where(subject: Subject, condition: pl.Expr) -> Ints:
    """Numbers of the rows for which a condition holds."""
    return subject.frame.select(condition.fill_null(value=False).arg_true()).to_series().to_numpy()


ROW_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (_unknown_codes, _statuses, _negative)
