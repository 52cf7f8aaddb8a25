"""Which indicators, years, regions and sectors a question is about; every name a user may type is resolved here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import polars as pl

from capmap.data.nearest import nearest
from capmap.errors import UsageError
from capmap.model import TOTAL, Closed, Indicator, Project

Year = int | str | None
Section = TypeVar("Section", bound=Closed)
#: Indicators and years that a refusal names.
SAID = 10


def indicators(project: Project, wanted: Sequence[str] = ()) -> list[Indicator]:
    """Indicators named by id, or all that have observations; unknown ids raise with the nearest ones."""
    present = project.observations["indicator"].unique().to_list()
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if not wanted:
        return [project.catalogue[i] for i in sorted(present)]
    found = []
    for name in wanted:
        if name not in project.catalogue:
            raise UsageError(
                f"unknown indicator {name!r}",
                fix=_suggest(name, {i: m.name for i, m in project.catalogue.items()}, "capmap indicators"),
            )
        if name not in present:
            raise UsageError(f"indicator {name} has no observations in this project", fix="see `capmap indicators`")
        found.append(project.catalogue[name])
    return found


def region(project: Project, text: str) -> str:
    """Code of a region given by code, by name or by part of a name that fits one region only."""
    listed = project.codes.regions
    return _resolve(
        text,
        dict(zip(listed["code"].to_list(), listed["label"].to_list(), strict=True)),
        "region",
        "capmap regions",
    )


def regions(project: Project, texts: Iterable[str]) -> list[str]:
    """Codes of several regions; see `region`. One text alone is one region."""
    return [region(project, text) for text in ([texts] if isinstance(texts, str) else texts)]


def own_region(project: Project, text: str) -> str:
    """Code of a region that stands for itself; a published total or an aggregate raises."""
    code = region(project, text)
    role = project.codes.regions.filter(pl.col("code") == code)["role"].to_list()
    if role and role[0] not in (None, "region"):
        raise UsageError(f"{code} is a {role[0]}, not a region", fix="name a region: `capmap regions`")
    return code


def changed(section: Section, given: Mapping[str, object]) -> Section:
    """A section of the run file with some keys set anew, validated again.

    Raises
    ------
    UsageError : a value is not allowed; all of them are named.
    """
    if not given:
        return section
    from pydantic import ValidationError

    try:
        return type(section).model_validate(section.model_dump() | dict(given))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))} {e['input']!r}: {e['msg'].lower()}" for e in error.errors()]
        raise UsageError("; ".join(wrong), fix="`capmap config` says what each setting means") from None


def one_year(wanted: Year) -> None:
    """Raises unless one year, or `latest`, is wanted."""
    if wanted in (None, "latest"):
        return
    try:
        first, last = (0, 1) if wanted == "all" else year_range(wanted)
    except UsageError as error:
        raise UsageError(error.message, fix="use latest or one year, such as 2018") from None
    if first != last:
        raise UsageError(f"--year {wanted} is more than one year", fix="use latest or one year, such as 2018")


def in_group(project: Project, group: str) -> list[str]:
    """Codes of the regions that belong to a group such as `EU27`."""
    listed = project.codes.regions.filter(pl.col("role") == "region")
    groups = {code: (names or "").split(";") for code, names in listed.select("code", "group").iter_rows()}
    members = [code for code, names in groups.items() if group in names]
    if not members:
        known = sorted({name for names in groups.values() for name in names if name})
        raise UsageError(
            f"no region belongs to group {group!r}",
            fix=f"groups are: {', '.join(known)}" if known else "add a `group` column to codes/regions.csv",
        )
    return members


def sector_names(project: Project, meta: Indicator) -> dict[str, str]:
    """Labels of the sectors of an indicator's classification; the code itself where no list exists."""
    codes = project.codes.classifications.get(meta.classification)
    if codes is None:
        own = project.observations.lazy().filter(pl.col("indicator") == meta.id).select("sector").unique().collect()
        return {code: code for code in own["sector"].cast(pl.String).to_list()}
    return {code: label or code for code, label in codes.select("code", "label").iter_rows()}


def names_by_indicator(project: Project) -> dict[str, dict[str, str]]:
    """Labels of the sectors of each indicator that has observations."""
    return {meta.id: sector_names(project, meta) for meta in indicators(project)}


def all_sector_names(project: Project) -> dict[str, str]:
    """Labels of the sectors of every indicator, for tables that mix indicators.

    Where two classifications use one code, the label of the code that has observations wins.
    """
    names: dict[str, str] = {}
    for meta in indicators(project):
        own = sector_names(project, meta)
        seen = project.observations.lazy().filter(pl.col("indicator") == meta.id).select("sector").unique().collect()
        for code in seen["sector"].cast(pl.String).to_list():
            names[code] = own.get(code, code)
    return names


def sector(project: Project, text: str, metas: Sequence[Indicator]) -> str:
    """Code of a sector given by code or name, among those that these indicators have observations of."""
    names: dict[str, str] = {}
    listed: dict[str, str] = {}
    for meta in metas:
        own = sector_names(project, meta)
        listed.update(own)
        seen = project.observations.lazy().filter(pl.col("indicator") == meta.id).select("sector").unique().collect()
        names.update({code: own.get(code, code) for code in seen["sector"].cast(pl.String).to_list()})
    names.pop(TOTAL, None)
    meant = _exactly(text, names) or _exactly(text, listed)
    if meant and meant[0] not in names:
        raise _without_rows(project, meant[0], listed[meant[0]], metas)
    return _resolve(text, names, "sector", "capmap sectors")


def _without_rows(project: Project, code: str, label: str, metas: Sequence[Indicator]) -> UsageError:
    """Why a sector of the code list is not in the data: it is the sum of some that are, or nothing is known of it."""
    for meta in metas:
        codes = project.codes.classifications.get(meta.classification)
        if codes is None or not meta.additive or code not in codes["parent"]:
            continue
        level = dict(codes.select("code", "level").iter_rows()).get(code)
        if level is not None:
            return UsageError(
                f"sector {code} ({label}) is of the level {level}; the data hold the sectors below it",
                fix=f"add the sectors below it up: --level {level} (of rca, profile, compare and sector)",
            )
    asked = ", ".join(meta.id for meta in metas)
    return UsageError(f"sector {code} ({label}) has no data in {asked}", fix="see `capmap sectors`")


def region_labels(project: Project) -> dict[str, str]:
    """Label of every region in the code list."""
    listed = project.codes.regions
    return {code: label or code for code, label in listed.select("code", "label").iter_rows()}


def periods(years: Sequence[int | None], wanted: Year) -> list[int]:
    """Positions of the periods a user asked for: `latest`, `all`, a year, or `Y1:Y2`.

    A year without data gives no position: the caller says "no data in 2018 (has 2023)".
    """
    if wanted in (None, "latest"):
        return [len(years) - 1] if years else []
    if wanted == "all":
        return list(range(len(years)))
    first, last = year_range(wanted)
    return [k for k, year in enumerate(years) if year is not None and first <= year <= last]


def year_range(wanted: Year) -> tuple[int, int]:
    """First and last year of `2018` or `2010:2018`; raises on anything else."""
    parts = str(wanted).split(":")
    if len(parts) == 2 and all(p.strip().isdigit() for p in parts) and int(parts[0]) > int(parts[1]):
        raise UsageError(f"--year {wanted} runs backwards", fix=f"write {parts[1]}:{parts[0]}")
    try:
        first, last = int(parts[0]), int(parts[-1])
    except ValueError:
        first, last = 1, 0
    if len(parts) > 2 or first > last:
        raise UsageError(f"--year {wanted} is not a year", fix="use 2018, 2010:2018, latest or all")
    return first, last


def places(blocks: Iterable[Mapping[str, Any]]) -> str:
    """`articles 2023, patent_families 2018`: indicator and year of blocks, in order, ten at most."""
    named = [b["indicator"] if b["year"] is None else f"{b['indicator']} {b['year']}" for b in blocks]
    return ", ".join(named[:SAID]) + (f" and {len(named) - SAID} more" if len(named) > SAID else "")


def years_with(project: Project, regions: Sequence[str], sectors: Sequence[str]) -> str:
    """Indicators, and their last years, in which one of the regions has rows of one of the sectors; none named: any."""
    rows = project.observations.lazy()
    for column, codes in (("region", regions), ("sector", sectors)):
        if codes:
            rows = rows.filter(pl.col(column).cast(pl.String).is_in(list(codes)))
    last = rows.group_by(pl.col("indicator").cast(pl.String)).agg(pl.col("year").max()).sort("indicator").collect()
    return places(last.iter_rows(named=True))


def _resolve(text: str, names: dict[str, str], what: str, command: str) -> str:
    if text in names:
        return text
    folded = text.strip().casefold()
    exact = _exactly(text, names)
    if len(exact) == 1:
        return exact[0]
    part = [c for c, label in names.items() if len(folded) > 2 and folded in (label or "").casefold()]
    if not exact and len(part) == 1:
        return part[0]
    several = exact or part
    if several:
        listing = ", ".join(f"{c} ({names[c]})" for c in several[:8])
        raise UsageError(f"{what} {text!r} fits {len(several)} names", fix=f"use one of the codes: {listing}")
    raise UsageError(f"unknown {what} {text!r}", fix=_suggest(text, names, command))


def _exactly(text: str, names: dict[str, str]) -> list[str]:
    """Codes that a text is, or is the name of; case does not matter."""
    folded = text.strip().casefold()
    return [c for c, label in names.items() if folded in (c.casefold(), (label or "").casefold())]


def _suggest(text: str, names: dict[str, str], command: str) -> str:
    close = nearest(text, names, 5)
    listing = ", ".join(f"{c} ({names[c]})" if names[c] and names[c] != c else c for c in close)
    return f"nearest: {listing}; all of them: `{command}`" if close else f"see `{command}`"
