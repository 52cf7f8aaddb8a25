"""The profile as a reader sees it: one screen, fixed order, nothing that depends on colour or on a wide terminal."""

from __future__ import annotations

import io
import re
from typing import Any

import polars as pl
import pytest
from rich.console import Console

import capmap as cm
from capmap.analyses import selection
from capmap.analyses.compare import compare
from capmap.analyses.profile import profile
from capmap.errors import RefusedError
from capmap.model import Project
from capmap.report import compare as comparisons
from capmap.report import layout, numbers, tables, words
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


@pytest.mark.parametrize("code", REGIONS)
@pytest.mark.parametrize("width", [60, 100])
def test_fields_of_the_headline_stand_in_the_table(sample: Project, code: str, width: int) -> None:
    lines = screen(sample, code, width)
    table = "\n".join(line for line in lines if re.match(r"  [●◐◎▽■] ", line)).casefold()
    text = " ".join(lines[1 : next(k for k, line in enumerate(lines) if line.startswith(("!", "CONTEXT")))])
    seen = layout.view(
        sample, profile(sample, code), labels={}, sectors=selection.names_by_indicator(sample), encoding="utf-8",
        today=TODAY, width=width,
    )  # fmt: skip
    named = [r for r in seen.rows("headline") if r["sector"] and r["clause"] in ("lasting", "new", "large")]
    for row in named:
        label = seen.phrase(row["indicator"], row["sector"])
        if re.search(rf"(?<![a-z]){re.escape(label)}(?![a-z])", " ".join(text.split())):
            assert label.casefold()[:14] in table, (code, label)


def test_uncertain_fields_are_counted_alike_in_both_places(sample: Project) -> None:
    for code in REGIONS:
        lines = screen(sample, code)
        heads = [int(m.group(1)) for x in lines if (m := re.search(r"specialised, (\d+) uncertain", x))]
        notes = [int(m.group(1)) for x in lines if (m := re.match(r"  ○ (\d+) uncertain", x))]
        assert [n for n in heads if n] == notes, code


def test_a_year_without_data_is_not_a_lack_of_evidence(sample: Project) -> None:
    text = " ".join(" ".join(screen(sample, "KOR", year="2023")).split())
    assert "No count or value indicator has data of Korea in 2023 (articles: 2008-2018" in text
    assert "no data in 2023: knowledge, technology" in text
    assert "no evidence: scale-up, market" in text
    assert "no evidence: knowledge" not in text


def test_a_year_that_was_chosen_is_not_the_end_of_the_data(sample: Project) -> None:
    text = " ".join(screen(sample, "KOR", year="2008"))
    assert "Families and articles: figures of 2008, 18 years ago." in text
    assert "end in" not in text


@pytest.mark.parametrize("width", [40, 60])
@pytest.mark.parametrize("code", ["KOR", "ITA", "EST"])
def test_numbers_are_never_cut(sample: Project, code: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    grids: list[str] = []
    real = layout.grid
    for module in (layout, profiles):
        monkeypatch.setattr(module, "grid", lambda *a, **k: grids.append((t := real(*a, **k)).plain) or t)
    lines = screen(sample, code, width)
    assert grids
    assert max(len(line) for grid in grids for line in grid.splitlines()) <= width
    assert not [line for line in lines if re.search(r"\d…|…\d", line)]


def test_plain_letters_show_where_a_label_is_cut(sample: Project) -> None:
    cut = [x for x in screen(sample, "KOR", 60) if "…" in x]
    plain = [x for x in screen(sample, "KOR", 60, ascii_only=True) if ".. " in x]
    assert len(cut) == len(plain) > 0


def test_a_region_with_intensities_alone_is_sent_to_them(sample: Project) -> None:
    lines = screen(sample, "TUR")
    assert next(x for x in lines if x.startswith("MORE")).startswith("MORE       capmap intensity -r TUR | ")
    assert not any("sectors:  |" in x for x in lines)


# --- one file of values -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Exports of 2016 to 2022 of three regions, and of one to 2018."""
    path = tmp_path_factory.mktemp("exports") / "ex ports.csv"
    rows = ["region,sector,year,value"]
    for year in range(2016, 2023):
        for i, region in enumerate(("A", "B", "C", "D") if year <= 2018 else ("A", "B", "C")):
            rows += [f"{region},{s},{year},{20 * (1 + (i * 7 + j * 3) % 6) + year % 5}" for j, s in enumerate("uvwxyz")]
    path.write_text("\n".join(rows) + "\n")
    return cm.load(data=path, kind="value")


def compared(project: Project, codes: tuple[str, ...], width: int = 100, **how: Any) -> list[str]:
    text = io.StringIO()
    seen = layout.view(
        project, compare(project, codes, **how), labels=selection.region_labels(project),
        sectors=selection.names_by_indicator(project), encoding="utf-8", today=TODAY, width=width,
    )  # fmt: skip
    comparisons.show(Console(file=text, width=width, highlight=False, markup=False, emoji=False), seen)
    return text.getvalue().splitlines()


def test_sums_of_several_years_say_so(exports: Project) -> None:
    lines = screen(exports, "A")
    text = " ".join(" ".join(lines).split())
    assert "ex ports, sum of 2020-2022: " in text
    assert "of these 3 regions (ex ports 2020-2022)" in text or "(ex ports 2020-2022)" in text
    assert "indices and shares of fields are of the sum of 2020-2022, totals of its last year" in text
    assert any("Ex ports 2022  table% (rank)" in x for x in compared(exports, ("A", "B")))


def test_shares_of_a_table_without_a_world_are_called_so(exports: Project, sample: Project) -> None:
    assert any(re.match(r"SIZE .* table% ", x) for x in screen(exports, "A"))
    assert not any("world%" in x for x in compared(exports, ("A", "B")))
    blocks = profile(exports, "A").meta["blocks"]
    assert {b["total"] for b in blocks} == {"sum"}
    frame = cm.rca(exports)
    assert "table %" in [c.title for c in tables.rca_columns(frame, {}, {}, 120, blocks)]
    assert any(re.match(r"SIZE .* world% ", x) for x in screen(sample, "KOR", reference="sum"))


def test_a_comparison_of_an_earlier_year_says_so(exports: Project) -> None:
    text = " ".join(" ".join(compared(exports, ("A", "D"))).split())
    assert "Ex ports of 2018, the last year that all of them have (A 2022)." in text
    assert "end in 2018" not in text
    assert "end in" not in " ".join(compared(exports, ("A", "B"), year=2018))


def test_a_region_with_earlier_data_alone_is_sent_to_their_year(exports: Project) -> None:
    with pytest.raises(RefusedError, match="no indicator has data of D in its last year") as caught:
        profile(exports, "D")
    assert caught.value.fix == "D has ex ports up to 2018: --year 2018"


def test_every_field_of_a_comparison_is_accounted_for(sample: Project) -> None:
    for codes in (("DEU", "ITA", "KOR"), ("KOR", "DEU"), ("USA", "CHN", "JPN", "DEU", "KOR", "FRA")):
        rows = compare(sample, codes).tables["headline"].rows(named=True)
        n = {r["clause"]: r["value"] for r in rows}
        assert n["fields"] == n["differing"] + n["too_close"] + n["nobody"] + n["not_judged"]


@pytest.mark.parametrize("codes", [("KOR", "DEU"), ("USA", "CHN", "JPN", "DEU", "KOR", "FRA")])
def test_a_narrow_comparison_cuts_no_number(
    sample: Project, codes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    grids: list[str] = []
    real = layout.grid
    monkeypatch.setattr(layout, "grid", lambda *a, **k: grids.append((t := real(*a, **k)).plain) or t)
    compared(sample, codes, 40)
    assert max(len(line) for grid in grids for line in grid.splitlines()) <= 40


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
