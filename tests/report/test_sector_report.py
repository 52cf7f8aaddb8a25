"""The screen of one sector: short, narrow where it must be, and never saying more than the figures do."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from capmap.analyses import selection
from capmap.analyses.refine import roll_up
from capmap.analyses.sector import sector
from capmap.data import load
from capmap.model import Project, Result
from capmap.report import layout
from capmap.report import sector as report
from tests.analyses.made import Key, made, one_year

LINES = 45
Screen = Callable[..., list[str]]


def view(project: Project, result: Result, width: int = 100, **options: Any) -> layout.View:
    return layout.view(
        project, result, labels=selection.region_labels(project), sectors=selection.names_by_indicator(project),
        encoding="utf-8", today=2026, width=width, **options,
    )  # fmt: skip


def shown(project: Project, result: Result, width: int = 100, brief: bool = False, **options: Any) -> list[str]:
    """Lines of the screen."""
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    report.show(console, view(project, result, width, **options), brief=brief)
    return file.getvalue().splitlines()


@pytest.fixture(scope="module")
def chips(sample: Project) -> Result:
    return sector(sample, "semiconductors")


@pytest.fixture(scope="module")
def every(sample: Project) -> dict[str, Result]:
    return {code: sector(sample, code) for code in selection.all_sector_names(sample) if code != "_T"}


def section(lines: list[str], head: str) -> str:
    """A heading of the foot with all its lines in one."""
    start = next(k for k, line in enumerate(lines) if line.startswith(head))
    end = start + 1
    while end < len(lines) and lines[end].startswith("  "):
        end += 1
    return re.sub(r"\s+", " ", " ".join(lines[start:end])).strip()


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_every_sector_fits(sample: Project, every: dict[str, Result], width: int) -> None:
    for code, result in every.items():
        lines = shown(sample, result, width)
        assert max(map(len, lines)) <= width, code
        assert len(lines) <= LINES or width < 100, code
        assert not [line for line in lines if "nan" in line.split() or "None" in line], code


def test_no_figure_is_cut_off(sample: Project, every: dict[str, Result]) -> None:
    """Where room is short whole columns go; a cut number would be a wrong one."""
    for width in (60, 72, 84, 96, 100):
        for result in every.values():
            cut = [line for line in shown(sample, result, width) if re.search(r"\d…|…\d", line)]
            assert not cut


def test_two_indicators_fit_too(sample: Project) -> None:
    """The area of technology and the field of science that are both called chemistry."""
    areas = roll_up(sample, "area")
    result = sector(areas, "chemistry")
    lines = shown(areas, result)
    assert [b["indicator"] for b in result.meta["blocks"]] == ["articles", "patent_families"]
    assert len(lines) <= LINES
    text = re.sub(r"\s+", " ", " ".join(lines))
    assert "Lastingly specialised in families, largest first: China" in text
    assert "Lastingly specialised in articles, largest first: China" in text
    assert "Families and articles end in 2018, 8 years ago." in text
    assert [line.split()[0] for line in lines if " of 32 regions specialised" in line] == ["TECHNOLOGY", "KNOWLEDGE"]


def test_trends_show_the_latest_years_that_fit_and_gaps_as_gaps() -> None:
    cells: dict[Key, float | None] = {}
    for year in range(2000, 2021):
        cells |= one_year({("a", "s"): 10.0, ("b", "s"): year - 1990.0, ("a", "t"): 30.0, ("b", "t"): 20.0}, year)
    del cells["a", "s", 2015]
    project = made(cells, absent_rows="missing")
    lines = shown(project, sector(project, "s"))
    assert any("share 10-20" in line for line in lines)
    (row,) = [line for line in lines if re.match(r"  \S a ", line)]
    assert re.search(r"\d/3 █\S{4} \S{4}▁$", row.rstrip())


def test_headline_of_semiconductors(sample: Project, chips: Result) -> None:
    """Shares of NSB-2020-4, table S8-12, 2018: 6,817, 4,476 and 3,556 of 19,901 families."""
    first, second = report.headline(view(sample, chips))
    assert first == "China (34.3% of world), Japan (22.5%) and Korea (17.9%) lead in size by families in 2018."
    assert second.startswith("Lastingly specialised, largest first: Japan, Korea, Taiwan, Singapore")
    assert "Recent, unconfirmed: United States." in second
    assert second.endswith("Large but not specialised: China (RCA 0.69).")


def test_warnings_of_semiconductors(sample: Project, chips: Result) -> None:
    (said,) = report.warnings(view(sample, chips))
    assert said == (
        "Families end in 2018, 8 years ago. China is 49.5% of the families reference: without it Japan would be "
        "below 1."
    )


def test_order_of_the_table(sample: Project, chips: Result) -> None:
    """Leaders by size first, then specialised regions that are not among them."""
    lines = shown(sample, chips)
    start = next(k for k, line in enumerate(lines) if "world% rank" in line)
    names = [re.sub(r"  .*", "", line[4:]) for line in lines[start + 1 : start + 9]]
    assert names == ["China", "Japan", "Korea", "United States", "Taiwan", "Singapore", "Austria", "Malaysia"]
    assert re.search(r"● Japan +4,476 +22\.5 +2 +1\.28 +1\.21-1\.36 +0\.99\* +3/3", "\n".join(lines))
    assert re.search(r"■ China  large, RCA < 1 +6,817 +34\.3 +1 +0\.69", "\n".join(lines))


def test_doubt_size_and_concentration_are_said(sample: Project, chips: Result) -> None:
    lines = shown(sample, chips)
    whole = re.sub(r"\s+", " ", " ".join(lines))
    assert "uncertain: Germany (369 found, 412 expected)" in whole
    assert "7 of 32 regions specialised" in whole
    assert "* crosses 1 when China leaves the reference" in whole
    size = section(lines, "SIZE")
    assert "19,901 families in the world (2018) | -11.0% since 2016, +1.8% a year since 2008" in size
    assert "HHI 0.22, as concentrated as 4.6 equal regions" in size
    tops = section(lines, "CONCENTR.")
    assert "the largest 1, 3 and 5 regions hold 34.3%, 74.6%, 92.6%" in tops
    assert "0.3% of the world is in no listed region" in tops
    assert "no such sector: articles, robots, robot users" in section(lines, "DATA")
    assert "not size" in section(lines, "NOT SAID")
    assert "NCSES S8-5 to S8-39" in section(lines, "SOURCES")


def test_bounds_are_shown_where_they_differ(sample: Project) -> None:
    size = section(shown(sample, sector(sample, "astronomy_and_astrophysics")), "SIZE")
    assert re.search(r"as concentrated as 9\.\d-10\.\d equal regions", size)


@pytest.mark.parametrize("code", ["semiconductors", "food_chemistry", "physics", "C"])
def test_ascii(sample: Project, code: str) -> None:
    plain = shown(sample, sector(sample, code), 70, ascii_only=True)
    assert all(line.isascii() for line in plain)
    assert (shown(sample, sector(sample, code), 70) == plain) == (code == "C")  # no index, no marks


def test_words_that_an_index_does_not_bear(sample: Project, every: dict[str, Result]) -> None:
    for result in every.values():
        text = "\n".join(shown(sample, result)).lower()
        assert not re.search(r"\b(strong|strength|good at|weak|better|best)\b", text)


def test_jump_of_the_world_total_is_a_warning(sample: Project) -> None:
    """Food chemistry falls from 14,686 to 9,310 families between 2016 and 2018 (NSB-2020-4)."""
    said = report.warnings(view(sample, sector(sample, "food_chemistry")))
    assert any("moved -36.6% in 2016-2018" in text for text in said)


def test_break_among_those_named_is_a_warning(sample: Project, chips: Result) -> None:
    transport = sector(sample, "transport")
    assert any(
        text == "Break in the families of Italy: trend, new and lost not judged."
        for text in report.warnings(view(sample, transport))
    )
    lines = shown(sample, transport)
    (italy,) = [line for line in lines if "Italy   " in line]
    assert italy.split()[-2:] == ["B", "break"]
    assert "Specialised, history not judged: Italy." in " ".join(report.headline(view(sample, transport)))
    assert not any("Italy" in text for text in report.warnings(view(sample, chips)))  # small there: in DATA only
    assert "change not judged: ITA" in section(shown(sample, chips), "DATA")


def test_another_reference_is_named(sample: Project) -> None:
    result = sector(sample, "semiconductors", reference="ex:CHN")
    assert "China (52.1% of the reference)" in report.headline(view(sample, result))[0]
    assert any(
        text.startswith("Reference: published total without CHN") for text in report.warnings(view(sample, result))
    )
    assert any("reference %" in line for line in shown(sample, result))


def test_narrow_screens_drop_columns_and_explain_marks(sample: Project, chips: Result) -> None:
    wide, narrow = "\n".join(shown(sample, chips, 100)), "\n".join(shown(sample, chips, 60))
    assert "share 08-18" in wide
    assert "exCHN" in wide
    for gone in ("share 08-18", "exCHN", "held", "rank"):
        assert gone not in narrow
    assert "● lasting" in narrow
    assert "■ large, RCA < 1" in narrow
    food = report.warnings(view(sample, sector(sample, "food_chemistry"), 60))
    assert "--reference ex:CHN" in food[0]


def test_everything_names_every_region_with_a_value(sample: Project, chips: Result) -> None:
    lines = shown(sample, chips, everything=True)
    for code in chips.tables["regions"].filter(chips.tables["regions"]["value"] > 0)["region"].cast(str):
        assert any(selection.region_labels(sample)[code] in line for line in lines), code
    assert any(line.startswith("CAVEATS") for line in lines)
    assert "Italy is counted by application" in re.sub(r"\s+", " ", " ".join(lines))


def test_brief_is_the_headline_block(sample: Project, chips: Result) -> None:
    brief, whole = shown(sample, chips, brief=True), shown(sample, chips)
    assert whole[: len(brief)] == brief
    assert brief[-1].endswith("below 1.")


def test_robots_without_an_index(sample: Project) -> None:
    result = sector(sample, "C")
    first, second = report.headline(view(sample, result))
    assert (
        first
        == "Robot density in manufacturing: Korea (101), Singapore (77) and Germany (43) lead among 16 with data, 2023."
    )
    assert "Denmark (39.2%)" in second
    text = "\n".join(shown(sample, result))
    assert "no RCA of an intensity" in re.sub(r"\s+", " ", text)
    assert "SIZE" not in text
    assert "RCA      range" not in text
    assert "capmap intensity -s C" in text


def test_one_period_of_values_says_so() -> None:
    table = {("a", "s"): 30.0, ("a", "t"): 20.0, ("b", "s"): 5.0, ("b", "t"): 60.0}
    project = made(one_year(table, None), kind="value")
    lines = shown(project, sector(project, "s"))
    text = re.sub(r"\s+", " ", " ".join(lines))
    assert "a (85.7% of the 2 regions) and b (14.3%) lead in size by x." in text
    assert "X: fewer than three periods, so nobody can be called lastingly specialised." in text
    assert "Indicated, history not judged: a." in text
    assert "one period: no range" in text
    assert "35 x in the 2 regions | HHI" in section(lines, "SIZE")
    assert "since" not in text


def test_unknown_world_is_said() -> None:
    cells = one_year({("a", "s"): 0.0, ("b", "s"): 0.0, ("a", "t"): 5.0, ("b", "t"): 7.0})
    project = made(cells)
    lines = shown(project, sector(project, "s"))
    assert "not known, no total of the world" in section(lines, "CONCENTR.")
    assert not any("%" in line and "lead" in line for line in lines)


def test_one_region_is_said_in_the_singular(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("region,sector,value\nA,a,50\nA,b,70\nB,b,11\nB,c,11\nC,c,100\n")
    small = load(data=tmp_path / "few.csv", kind="count")
    lines = shown(small, sector(small, "a"), 80)
    assert any("1 of 1 region specialised" in x for x in lines)
    assert any("as concentrated as 1 equal region" in x and "regions" not in x.partition("HHI")[2] for x in lines)
    under = lines[next(k for k, x in enumerate(lines) if x.startswith("  ◌ A")) + 1]
    assert not under, "nothing that looks like a row stands under the table"
