"""The profile as a reader sees it: one screen, fixed order, nothing that depends on colour or on a wide terminal."""

from __future__ import annotations

import io
import re

import polars as pl
import pytest
from rich.console import Console

from capmap.analyses import selection
from capmap.analyses.compare import compare
from capmap.analyses.profile import profile
from capmap.model import Project
from capmap.report import compare as comparisons
from capmap.report import layout, numbers, words
from capmap.report import profile as profiles

TODAY = 2026
REGIONS = ["KOR", "DEU", "ITA", "SGP", "ZAF", "USA", "CHN", "TWN", "EST", "ROU"]


def screen(
    project: Project,
    code: str,
    width: int = 100,
    *,
    encoding: str = "utf-8",
    year: str = "latest",
    allow_mixed_years: bool = False,
    reference: str | None = None,
    **how: bool,
) -> list[str]:
    result = profile(project, code, year=year, allow_mixed_years=allow_mixed_years, reference=reference)
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False)
    seen = layout.view(
        project, result, labels=selection.region_labels(project), sectors=selection.names_by_indicator(project),
        encoding=encoding, today=TODAY, width=width, everything=how.get("everything", False),
        ascii_only=how.get("ascii_only", False),
    )  # fmt: skip
    profiles.show(console, seen, brief=how.get("brief", False))
    return text.getvalue().splitlines()


@pytest.mark.parametrize("code", REGIONS)
def test_profile_fits_one_screen_of_45_lines(sample: Project, code: str) -> None:
    assert len(screen(sample, code)) <= profiles.SCREEN_LINES


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("code", ["KOR", "ITA", "EST"])
def test_no_line_is_wider_than_the_screen(sample: Project, code: str, width: int) -> None:
    assert max(map(len, screen(sample, code, width))) <= width


def test_sections_stand_in_a_fixed_order(sample: Project) -> None:
    order = ["KOREA", "CONTEXT", "STAGES", "SIZE", "TECHNOLOGY", "KNOWLEDGE", "PRODUCTION", "CHAIN", "PATTERN",
             "ASK NEXT", "NOT SAID", "DATA", "SOURCES", "MORE"]  # fmt: skip
    for code in ("KOR", "ITA"):
        heads = [m.group() for line in screen(sample, code) if (m := re.match(r"[A-Z]+( [A-Z]+)?(?=\s)", line))]
        assert [h for h in heads if h in order[1:]] == order[1:], code
    assert any("not collected for KOR here: Enterprises using robots" in line for line in screen(sample, "KOR"))


def test_a_specialised_field_carries_its_numbers_on_one_line(sample: Project) -> None:
    line = next(x for x in screen(sample, "SGP") if "Semiconductors" in x)
    assert re.search(r"● Semiconductors\s+90\s+0\.5\s+9\s+8\.93\s+5\.65-13\.4\s+6\.87\s+3/3\s", line)


def test_age_and_dominance_are_said(sample: Project) -> None:
    text = " ".join(screen(sample, "KOR", brief=True))
    assert "end in 2018, 8 years ago" in text
    assert "China is 49.5% of world families: see ex:CHN." in text
    assert "CONTEXT" not in text


def test_italys_break_is_marked_in_every_place(sample: Project) -> None:
    lines = screen(sample, "ITA")
    assert any(line.startswith("! Break in the families series") for line in lines)
    fields = [line for line in lines if line.startswith("  ◎")]
    assert fields
    assert all(re.search(r" B break\s*$", line) for line in fields)
    assert re.search(r"Families.*break\s*$", next(x for x in lines if x.startswith("  Families")))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_marks_and_classes_are_explained_on_every_width(sample: Project, width: int) -> None:
    text = " ".join(" ".join(screen(sample, "KOR", width)).split())
    legend = text[text.index("LEGEND") : text.index("NOT SAID")]
    assert "● lasting" in legend
    assert "specialised: P(RCA > 1) >= 0.90 one-sided; range 95% two-sided" in legend
    if width < layout.REMARKS_FROM:
        assert "◐ recent, unconfirmed" in legend
        assert "■ large, RCA < 1" in legend


@pytest.mark.parametrize(
    ("asked", "mixed", "said"),
    [
        ("latest", False, "51.6 m people (2018) |"),
        ("2010", False, "49.6 m people (2010) |"),
        ("2015", True, "50.7 m people (2014; no figure for 2015) |"),
        ("2023", False, "51.8 m people (2020; no figure for 2023) |"),
    ],
)
def test_population_is_of_the_year_used(sample: Project, asked: str, mixed: bool, said: str) -> None:
    lines = screen(sample, "KOR", year=asked, allow_mixed_years=mixed)
    assert f"CONTEXT    {said}" in next(x for x in lines if x.startswith("CONTEXT"))


def test_shares_of_another_reference_are_not_called_shares_of_the_world(sample: Project) -> None:
    assert any("reference %" in x for x in screen(sample, "KOR", reference="ex:CHN"))
    assert not any("reference %" in x for x in screen(sample, "KOR"))
    result = compare(sample, ("DEU", "KOR"), reference="ex:CHN")
    text = io.StringIO()
    seen = layout.view(
        sample, result, labels=selection.region_labels(sample), sectors=selection.names_by_indicator(sample),
        encoding="utf-8", today=TODAY, width=100,
    )  # fmt: skip
    comparisons.show(Console(file=text, width=100, highlight=False, markup=False, emoji=False), seen)
    assert "mark, reference %)" in text.getvalue()


def test_a_wide_table_is_stacked_and_columns_to_spare_go_first(sample: Project) -> None:
    seen = layout.view(
        sample, profile(sample, "KOR"), labels={}, sectors={}, encoding="utf-8", today=TODAY, width=30
    )  # fmt: skip
    numbered = [layout.Column(f"c{k}") for k in range(4)]
    row = ["a long name of a field", "12,345.6", "23,456.7", "34,567.8", "45,678.9"]
    first, _, second = layout.stacked(seen, [layout.Column("field", "left"), *numbered], [row], 10)
    assert first.plain.splitlines()[1].split()[-2:] == row[1:3]
    assert second.plain.splitlines()[1].split()[-2:] == row[3:]
    spare = [layout.Column(f"c{k}", spare=k) for k in range(4)]
    kept = layout.grid(seen, [layout.Column("field", "left"), *spare], [row], 10).plain.splitlines()
    assert kept[0].split() == ["field", "c0", "c1"]
    assert max(map(len, kept)) <= 30


def test_focus_is_never_called_strength(sample: Project) -> None:
    for code in REGIONS:
        text = "\n".join(screen(sample, code, everything=True)).lower()
        assert not re.search(r"\bstrong|\bgood at|\bexcel|world[- ]class|\bleader", text)


@pytest.mark.parametrize("code", ["KOR", "ITA"])
def test_plain_letters_say_the_same(sample: Project, code: str) -> None:
    plain = "\n".join(screen(sample, code, ascii_only=True))
    assert plain.isascii()
    assert "\n".join(screen(sample, code, encoding="ascii")) == plain
    assert len(plain.splitlines()) == len(screen(sample, code))


def test_all_lifts_the_limits(sample: Project) -> None:
    lines = screen(sample, "KOR", everything=True)
    marked = [x for x in lines if re.match(r"  [●◐▽■] ", x)]
    listed = profile(sample, "KOR").tables["specialisation"]
    named = listed["listing"].cast(str).is_in(["specialised", "new", "lost", "large"]).sum()
    assert len(marked) == named
    assert not any("--all" in x for x in lines[:-3])


def test_cells_are_never_read_as_markup() -> None:
    text = io.StringIO()
    Console(file=text, width=80, markup=False, highlight=False, emoji=False).print(layout.line("HEAD", "[red]x[/red]"))
    assert "[red]x[/red]" in text.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("codes", [("DEU", "ITA", "KOR"), ("USA", "CHN", "JPN", "DEU", "KOR", "FRA"), ("EST", "LVA")])
def test_comparison_fits_every_width(sample: Project, codes: tuple[str, ...], width: int) -> None:
    result = compare(sample, codes)
    text = io.StringIO()
    seen = layout.view(
        sample, result, labels=selection.region_labels(sample), sectors=selection.names_by_indicator(sample),
        encoding="utf-8", today=TODAY, width=width,
    )  # fmt: skip
    comparisons.show(Console(file=text, width=width, highlight=False, markup=False, emoji=False), seen)
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    if result.tables["cells"].is_empty():
        return
    whole = text.getvalue()
    assert not re.search(r"\d…", whole[whole.index("SIZE") : whole.index("more: --all")]), "a number is cut"
    first = result.tables["cells"].row(0, named=True)
    label = seen.sector(first["indicator"], first["sector"])[:16]
    shown = " ".join(x for x in lines if x.startswith(f"  {label}"))
    for row in result.tables["indices"].filter(pl.col("sector") == first["sector"]).iter_rows(named=True):
        assert f" {numbers.index(row['rca'])} " in shown, row["region"]
    if codes[0] == "DEU" and width == 100:
        assert any("Italy: break in 2018" in x for x in lines)


# --- words and numbers ----------------------------------------------------------------------------------------------


def test_small_shares_are_never_zero_and_certainty_is_never_full() -> None:
    assert numbers.per_cent(1e-6) == "<0.1"
    assert numbers.probability(1 - 1e-9) == ">0.99"
    assert numbers.probability(1e-9) == "<0.01"


def test_age_is_said_only_beyond_the_limit() -> None:
    assert words.age(2018, 2026, 3) == "8 years ago"
    assert words.age(2023, 2026, 3) == ""
    assert words.age(None, 2026, 3) == ""


def test_sparklines_show_gaps_and_flat_series() -> None:
    marks = numbers.symbols("utf-8")
    assert marks.sparkline([1.0, None, 3.0]) == "▁ █"
    assert len(set(marks.sparkline([2.0, 2.0, 2.0]))) == 1
    assert marks.sparkline([]) == ""
