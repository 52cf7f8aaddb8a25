"""Links, networks and stepping stones on screens of four widths: nothing wider, no number cut, everything stated."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from capmap.analyses import relatedness as analysis
from capmap.analyses import selection
from capmap.model import Project, Result
from capmap.report import numbers, tables
from capmap.report import relatedness as report
from capmap.report.tables import Column

WIDTHS = pytest.mark.parametrize("width", [60, 80, 100, 120])


def drawn(frame: pl.DataFrame, columns: list[Column], caption: list[str], width: int) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False)
    tables.show(console, frame, columns, caption)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def names(project: Project) -> dict[str, Mapping[str, str]]:
    return dict(selection.names_by_indicator(project))


def told(project: Project, result: Result) -> list[str]:
    return report.caption(result, selection.region_labels(project), names(project), 2026, 3)


def links(sample: Project, **options: Any) -> Result:
    return analysis.relatedness(sample, indicator=["patent_families"], year=2018, **options)


@WIDTHS
def test_links_fit_and_say_what_they_rest_on(sample: Project, width: int) -> None:
    result = links(sample, significance_draws=20)
    frame = report.closest_first(result.frame).head(60)
    lines = drawn(frame, report.links_columns(frame, names(sample), width), told(sample, result), width)
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if re.search(r"\d…", line)]
    head, text = lines[0].split(), " ".join(line.strip() for line in lines)
    assert {"source", "target", "proximity", "q"} <= set(head)
    assert {f"{v:.2f}" for v in frame["proximity"]} <= set(text.split())
    for said in (
        "patent_families 2018", "8 years ago", "reference: published total WLD", "held if RCA >= 1",
        "29 of 32 regions and 34 of 35 sectors take part", "left out, too small a share of the world: Argentina",
        "left out, held by too few regions: Materials, metallurgy", "proximity minimum_conditional", "diagonal 0",
        "543 of 561 pairs linked", "18 of proximity 0 left out", "20 tables", "false discovery rate of 5%",
    ):  # fmt: skip
        assert said in text, said


def test_the_closest_come_first_and_ties_in_the_order_of_codes(sample: Project) -> None:
    frame = report.closest_first(links(sample).frame)
    keys = [(-r["proximity"], r["source"], r["target"]) for r in frame.iter_rows(named=True)]
    assert keys == sorted(keys)


def test_codes_stand_beside_the_labels_where_there_is_room(sample: Project) -> None:
    frame = report.closest_first(links(sample).frame).head(5)
    wide, narrow = (
        "\n".join(drawn(frame, report.links_columns(frame, names(sample), width), [], width)) for width in (160, 80)
    )
    assert "Food chemistry food_chemistry" in wide
    assert "Food chemistry" in narrow
    assert "food_chemistry" not in narrow


def test_pairs_without_a_proximity_say_why(sample: Project) -> None:
    result = links(sample, complete=True, sector=["materials_metallurgy"])
    frame = report.closest_first(result.frame)
    lines = drawn(frame, report.links_columns(frame, names(sample), 120), told(sample, result), 120)
    assert sum("held by too few regions" in line for line in lines[1:35]) == 34
    assert not any("left out (--complete" in line for line in lines)


def test_a_minimum_is_stated(sample: Project) -> None:
    result = links(sample, minimum=0.5)
    below = 543 - result.frame.height
    assert f"{below} below 0.5 left out" in " ".join(told(sample, result))


def test_cross_links_name_both_years_and_each_its_own_labels(sample: Project) -> None:
    result = analysis.relatedness(sample, indicator=["articles"], to="patent_families", lag=3, year=2018)
    frame = report.closest_first(result.frame).head(40)
    text = "\n".join(drawn(frame, report.links_columns(frame, names(sample), 100), told(sample, result), 100))
    assert "Health sciences" in text
    assert "Medical technology" in text
    said = " ".join(text.split())
    assert "source: articles 2014; target: patent_families 2018 (no articles in 2015: the nearest year before)" in said
    assert "no articles in" not in " ".join(
        told(sample, analysis.relatedness(sample, indicator=["articles"], to="patent_families", lag=2, year=2018))
    )


def test_many_years_do_not_flood_the_caption(sample: Project) -> None:
    lines = told(sample, analysis.relatedness(sample, year="all"))
    assert sum("take part" in line and "held if" in line for line in lines) == report.BLOCKS
    assert any("8 more years or indicators" in line for line in lines)


@WIDTHS
def test_a_network_states_its_threshold(sample: Project, width: int) -> None:
    result = analysis.network(sample, indicator=["patent_families"], year=2018)
    caption = report.network_caption(result, selection.region_labels(sample), names(sample), 2026, 3)
    frame = report.closest_first(result.tables["links"])
    lines = drawn(frame, report.links_columns(frame, names(sample), width), caption, width)
    assert max(map(len, lines)) <= width
    assert sum(line.endswith(" tree") for line in lines) == 33
    text = " ".join(line.strip() for line in lines)
    assert "66 links between 34 sectors, 3.9 a sector: the maximum spanning tree (33)" in text
    assert "proximity >= 0.556, the lowest that keeps it at 4 links a sector (--above)" in text
    fixed = analysis.network(sample, indicator=["patent_families"], year=2018, above=0.7)
    assert "every link of proximity >= 0.7" in report.network_caption(fixed, {}, {}, 2026, 3)[0]


@WIDTHS
def test_stepping_stones_end_at_the_target(sample: Project, width: int) -> None:
    result = analysis.path(sample, "SGP", "machine_tools", indicator=["patent_families"], year=2018)
    labels = names(sample)["patent_families"]
    caption = report.path_caption(result, selection.region_labels(sample), names(sample), 2026, 3)
    lines = drawn(result.frame, report.path_columns(result.frame, labels, width), caption, width)
    assert max(map(len, lines)) <= width
    heads = ["step", "sector", "proximity", "product", *(["RCA"] if width > 60 else []), "class"]
    assert lines[0].split() == heads
    last = lines[result.frame.height]
    assert "Machine tools" in last
    assert last.endswith(("not specialised", "not specialised*"))
    assert (numbers.index(result.frame["rca"][-1]) in last) == (width > 60)
    assert caption[0].startswith("Machine tools from what Singapore holds")
    assert "closeness, not advice" in caption[0]


def test_a_target_held_already_is_said(sample: Project) -> None:
    result = analysis.path(sample, "KOR", "semiconductors", indicator=["patent_families"], year=2018)
    assert report.path_caption(result, selection.region_labels(sample), names(sample), 2026, 3)[0] == (
        "Korea holds Semiconductors already"
    )
