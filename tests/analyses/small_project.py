"""Small projects written to a folder and loaded from there, as a user would have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from capmap.data.load import load
from capmap.model import Project

Row = tuple[object, ...]


def describe(kind: str, *, classification: str = "goods", extra: str = "") -> str:
    """An indicator file of this kind; `extra` are further lines of TOML, tables last."""
    return f"""name = "A {kind}"
kind = "{kind}"
unit = "units"
stage = "production"
classification = "{classification}"
{extra if "direction" in extra else "direction = 1" + chr(10) + extra}
[source]
title = "made up"
"""


def small_project(
    folder: Path,
    indicators: Mapping[str, str],
    rows: Sequence[Row],
    regions: Sequence[str] = (),
    sectors: Sequence[str] = (),
) -> Project:
    """Write a project and load it.

    `rows` are (indicator, region, sector, year, value[, status]) with None for an empty cell; `regions` are lines of
    regions.csv (`code,label,parent,level,role,group`) and `sectors` of the classification `goods`.
    """
    (folder / "indicators").mkdir(parents=True)
    (folder / "codes").mkdir()
    for name, text in indicators.items():
        (folder / "indicators" / f"{name}.toml").write_text(text, encoding="utf-8")
    if regions:
        head = "code,label,parent,level,role,group"
        (folder / "codes" / "regions.csv").write_text("\n".join([head, *regions, ""]), encoding="utf-8")
    if sectors:
        (folder / "codes" / "goods.csv").write_text(
            "\n".join(["code,label,parent,level", *sectors, ""]), encoding="utf-8"
        )
    lines = ["indicator,region,sector,year,value,status"]
    lines += [",".join("" if cell is None else str(cell) for cell in (*row, None)[:6]) for row in rows]
    (folder / "data.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "capmap.toml").write_text('[data]\nobservations = ["data.csv"]\n', encoding="utf-8")
    return load(folder, environ={})
