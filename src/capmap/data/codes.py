"""Code lists: regions.csv and one CSV per classification."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import polars as pl

from capmap.data.cells import CONTROL
from capmap.data.findings import finding, not_opened
from capmap.data.nearest import nearest
from capmap.data.observations import indicator_rows
from capmap.errors import Finding
from capmap.model import TOTAL, Codes, Indicator, Role

CODE_COLUMNS = ("code", "label", "parent", "level")
REGION_COLUMNS = (*CODE_COLUMNS, "role", "group")
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True)
class CodeLists:
    """The code lists of a folder: those that are there."""

    regions: pl.DataFrame | None
    classifications: dict[str, pl.DataFrame]
    findings: tuple[Finding, ...]


def read_codes(folder: Path, name: str) -> CodeLists:
    """Read `regions.csv` and every other `<classification>.csv` of a folder, if there is one."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".csv")
    except (FileNotFoundError, NotADirectoryError):
        paths = []
    except OSError as error:
        return CodeLists(None, {}, (not_opened(error, name.rstrip("/")),))
    regions: pl.DataFrame | None = None
    classifications: dict[str, pl.DataFrame] = {}
    findings: list[Finding] = []
    for path in paths:
        file = f"{name.rstrip('/')}/{path.name}"
        is_regions = path.stem == "regions"
        frame, problems = read_code_list(path, file, REGION_COLUMNS if is_regions else CODE_COLUMNS)
        findings += problems
        if frame is None:
            continue
        if is_regions:
            regions = frame
        else:
            classifications[path.stem] = frame
    return CodeLists(regions, classifications, tuple(findings))


def read_code_list(path: Path, file: str, columns: tuple[str, ...]) -> tuple[pl.DataFrame | None, list[Finding]]:
    """One code list as text columns; only `code` is required, a label defaults to the code."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        frame = pl.read_csv(io.BytesIO(text.encode()), infer_schema=False, truncate_ragged_lines=False)
    except UnicodeDecodeError:
        return None, [finding("CM007", "the code list is not UTF-8 text", "save it as UTF-8", file=file)]
    except pl.exceptions.NoDataError:
        return None, [finding("CM006", "the code list is empty", f"start with {','.join(columns)}", file=file)]
    except OSError as error:
        return None, [not_opened(error, file)]
    except pl.exceptions.ComputeError as error:
        reason = str(error).splitlines()[0]
        return None, [finding("CM006", f"the code list cannot be read: {reason}", "mend it", file=file)]
    findings = [
        finding(
            "CM020",
            f"unknown column `{column}`",
            _column_fix(column, columns),
            file=file,
            line=1,
            column=column,
        )
        for column in frame.columns
        if column not in columns
    ]
    if "code" not in frame.columns:
        findings.append(
            finding(
                "CM009",
                f"no column `code` (found: {', '.join(frame.columns)})",
                f"the first line of a code list is {','.join(columns)}",
                file=file,
                line=1,
                column="code",
            )
        )
        return None, findings
    frame = (
        frame.with_row_index("line", offset=2)
        .with_columns(pl.lit(None, pl.String).alias(c) for c in columns if c not in frame.columns)
        .select("line", *columns)
        .filter(~pl.all_horizontal(pl.col(*columns).is_null()))
        .with_columns(pl.col("label").fill_null(pl.col("code")))
    )
    if "role" in columns:
        frame = frame.with_columns(pl.col("role").fill_null("region"))
    findings += [*_problems(frame, file), *_doubtful(frame, file)]
    return frame.filter(pl.col("code").is_not_null()).unique("code", keep="first", maintain_order=True).drop(
        "line"
    ), findings


def _column_fix(column: str, columns: tuple[str, ...]) -> str:
    near = nearest(column, columns)
    return f"did you mean `{near[0]}`?" if near else f"remove it; allowed are {', '.join(columns)}"


def _problems(frame: pl.DataFrame, file: str) -> list[Finding]:
    codes = frame["code"].drop_nulls().to_list()
    findings = [
        finding("CM025", "a line without a code", "give it a code or remove it", file=file, line=line)
        for line in frame.filter(pl.col("code").is_null())["line"]
    ]
    repeated = frame.filter(pl.col("code").is_not_null() & ~pl.col("code").is_first_distinct())
    findings += [
        finding(
            "CM021",
            f"the code {code} is listed before",
            "keep one of the lines",
            file=file,
            line=line,
            column="code",
            value=code,
        )
        for line, code in repeated.select("line", "code").iter_rows()
    ]
    orphans = frame.filter(pl.col("parent").is_not_null() & ~pl.col("parent").is_in(codes))
    for line, code, parent in orphans.select("line", "code", "parent").iter_rows():
        near = nearest(parent, codes)
        findings.append(
            finding(
                "CM022",
                f"the parent {parent} of {code} is not in the list",
                f"did you mean {near[0]}?" if near else f"add a line for {parent} or leave the parent empty",
                file=file,
                line=line,
                column="parent",
                value=parent,
            )
        )
    line_of = dict(frame.select("code", "line").iter_rows())
    findings += [
        finding(
            "CM023",
            f"{' -> '.join((*circle, circle[0]))} is a circle",
            "mend one of these parents",
            file=file,
            line=line_of[circle[0]],
            column="parent",
            value=circle[0],
        )
        for circle in circles(dict(frame.select("code", "parent").iter_rows()))
    ]
    if "role" in frame.columns:
        odd = frame.filter(~pl.col("role").is_in(ROLES))
        for line, role in odd.select("line", "role").iter_rows():
            near = nearest(role, ROLES)
            findings.append(
                finding(
                    "CM024",
                    f"unknown role {role!r}",
                    f"did you mean {near[0]}?" if near else f"allowed are {', '.join(ROLES)}",
                    file=file,
                    line=line,
                    column="role",
                    value=role,
                )
            )
    return findings


def _doubtful(frame: pl.DataFrame, file: str) -> Iterator[Finding]:
    """Codes with control characters, and codes of one level with one label; a part may be called like its whole."""
    first: dict[tuple[str, str | None], str] = {}
    for line, code, label, level in frame.select("line", "code", "label", "level").iter_rows():
        if code is None:
            continue
        if CONTROL.search(code):
            yield finding(
                "CM028",
                f"control character in the code {code!r}",
                f"write {CONTROL.sub('', code)!r}",
                file=file,
                line=line,
                column="code",
                value=code,
            )
        other = first.setdefault((label, level), code)
        if other != code:
            yield finding(
                "CM027",
                f"{code} has the label {label!r} of {other}",
                "give each a label of its own",
                file=file,
                line=line,
                column="label",
                value=label,
            )


def circles(parents: Mapping[str, str | None]) -> list[list[str]]:
    """Codes that are their own ancestors, each circle once and from its first code in the alphabet.

    Examples
    --------
    >>> circles({"A": "B", "B": "A", "C": "A", "D": None})
    [['A', 'B']]
    """
    found: list[list[str]] = []
    done: set[str] = set()
    for start in sorted(code for code in parents if code is not None):
        chain: list[str] = []
        code: str | None = start
        while code is not None and code not in done and code not in chain:
            chain.append(code)
            code = parents.get(code)
        if code is not None and code in chain:
            circle = chain[chain.index(code) :]
            first = circle.index(min(circle))
            found.append(circle[first:] + circle[:first])
        done.update(chain)
    return found


def complete(lists: CodeLists, catalogue: Mapping[str, Indicator], observations: pl.DataFrame) -> Codes:
    """The code lists that are there, and lists made of the codes found where one is missing.

    Parameters
    ----------
    lists : what was read.
    catalogue : indicators; a `reference` named in one gets that role where regions are taken as found.
    observations : with Enum columns region, sector and indicator.
    """
    regions = lists.regions
    if regions is None:
        references = {indicator.reference for indicator in catalogue.values()}
        found = _as_found(_categories(observations, "region"))
        roles = pl.when(pl.col("code").is_in(references - {None})).then(pl.lit("reference"))
        regions = found.with_columns(
            roles.otherwise(pl.lit("region")).alias("role"), pl.lit(None, pl.String).alias("group")
        )
    classifications = dict(lists.classifications)
    wanted = {i.classification for i in catalogue.values()} - classifications.keys() - {"none"}
    if wanted:
        seen = sectors_seen(observations)
        for name in wanted:
            own = [seen.get(i.id, set()) for i in catalogue.values() if i.classification == name]
            classifications[name] = _as_found(sorted(set().union(*own)))
    listed = lists.regions is not None or bool(lists.classifications)
    return Codes(regions, dict(sorted(classifications.items())), listed=listed)


def sectors_seen(observations: pl.DataFrame) -> dict[str, set[str]]:
    """Indicator -> sectors that it has, `_T` aside; rows must be sorted by indicator."""
    rows = indicator_rows(observations)
    if len(_categories(observations, "indicator")) == 1 and rows:  # then each sector found is its own
        return {name: set(_categories(observations, "sector")) - {TOTAL} for name in rows}
    sectors = observations["sector"]
    return {
        name: set(sectors.slice(own.start, own.stop - own.start).unique().cast(pl.String)) - {TOTAL}
        for name, own in rows.items()
    }


def _categories(frame: pl.DataFrame, column: str) -> list[str]:
    dtype = frame.schema[column]
    assert isinstance(dtype, pl.Enum)
    return dtype.categories.to_list()


def _as_found(codes: list[str]) -> pl.DataFrame:
    columns = {"code": codes, "label": codes, "parent": None, "level": None}
    return pl.DataFrame(columns, schema=dict.fromkeys(CODE_COLUMNS, pl.String))


def missing_lists(lists: CodeLists, catalogue: Mapping[str, Indicator], name: str) -> list[Finding]:
    """A note for each code list that the catalogue calls for and the folder `name` lacks."""
    notes = []
    broken = {problem.file for problem in lists.findings}
    if name in broken:
        return []
    if lists.regions is None and f"{name}/regions.csv" not in broken:
        notes.append(
            finding(
                "CM026",
                f"no {name}/regions.csv: regions are taken as found",
                f"list them there: {','.join(REGION_COLUMNS)}",
                file=f"{name}/regions.csv",
            )
        )
    wanted = {i.classification: i.id for i in reversed(list(catalogue.values())) if i.classification != "none"}
    for classification in sorted(wanted.keys() - lists.classifications.keys()):
        if f"{name}/{classification}.csv" in broken:
            continue
        near = nearest(classification, list(lists.classifications))
        notes.append(
            finding(
                "CM026",
                f"no {name}/{classification}.csv, the classification of {wanted[classification]}: its sectors "
                "are taken as found",
                f"did you mean {near[0]}?" if near else f"list them there: {','.join(CODE_COLUMNS)}",
                file=f"{name}/{classification}.csv",
                value=classification,
            )
        )
    return notes
