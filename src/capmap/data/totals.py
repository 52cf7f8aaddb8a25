"""A total among the regions that the user names as the reference."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from capmap.data.tables import REFERENCES, Subject, beyond_numbers, like_totals
from capmap.model import Project


def declared(project: Project, reference: str) -> Project:
    """The project in which a region named as the reference has the role `reference`, where it looks like a total.

    A region looks like a total where check CM065 says so, in any indicator and year: its code means the world, or its
    row nearly equals the sum of all others. It is then the published total, as if regions.csv said so, and counts
    as a region nowhere. Any other region stays one, whoever is compared with it.

    Parameters
    ----------
    project : as read.
    reference : what `--reference` takes: a code or label of a region in any case, or another form, which changes nothing.
    """
    code = _undeclared(project, reference)
    if code is None or not _like_total(project, code):
        return project
    role = pl.when(pl.col("code") == code).then(pl.lit("reference")).otherwise(pl.col("role"))
    regions = project.codes.regions.with_columns(role.alias("role"))
    return replace(project, codes=replace(project.codes, regions=regions))


def _undeclared(project: Project, text: str) -> str | None:
    """Code of the region of the table that a text names, if it names exactly one."""
    if text in REFERENCES:
        return None
    folded = text.strip().casefold()
    listed = project.codes.regions.select("code", "label", "role").iter_rows()
    named = [(code, role) for code, label, role in listed if folded in (code.casefold(), (label or "").casefold())]
    return named[0][0] if len(named) == 1 and named[0][1] in (None, "region") else None


def _like_total(project: Project, code: str) -> bool:
    subject = Subject(project, project.observations)
    if code not in subject.regions:
        return False
    number = subject.regions.index(code)
    return any(
        number in like_totals(table)
        for series in subject.series
        if not any(True for _ in beyond_numbers(series))
        for table in series
    )
