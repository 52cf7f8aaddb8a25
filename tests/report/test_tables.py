"""Tables and findings on a terminal: numbers whole, text readable, nothing wider than the screen."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import polars as pl
import pytest
from rich.console import Console

from capmap.analyses import configuration, intensity, listing, normalise, selection, specialisation
from capmap.errors import Finding
from capmap.model import Project
from capmap.report import numbers, problems, tables

WIDTHS = [60, 80, 100, 120]


def drawn(frame: pl.DataFrame, columns: Sequence[tables.Column], width: int, fold: bool = False) -> list[str]:
    text = io.StringIO()
    tables.show(Console(file=text, width=width, highlight=False, markup=False, emoji=False), frame, columns, fold=fold)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def names(project: Project) -> tuple[dict[str, str], dict[str, str]]:
    return dict(selection.region_labels(project)), dict(selection.all_sector_names(project))


def tokens(lines: Sequence[str]) -> set[str]:
    return {token for line in lines for token in line.split()}


@pytest.mark.parametrize("width", WIDTHS)
def test_numbers_of_rca_are_never_cut(sample: Project, width: int) -> None:
    frame = specialisation.rca(sample, region=["KOR", "DEU"]).frame
    lines = drawn(frame, tables.rca_columns(frame, *names(sample), width), width)
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if re.search(r"\d…", line)]
    said = tokens(lines)
    assert {numbers.amount(v) for v in frame["value"]} <= said
    hidden = frame["note"].cast(pl.String).fill_null("").str.contains("below_floor")
    assert {numbers.index(v) for v in frame.filter(~hidden)["rca"]} <= said
    assert any("established" in line for line in lines)


def test_the_range_gives_way_after_the_share(sample: Project) -> None:
    frame = specialisation.rca(sample, region=["KOR"]).frame
    heads = {w: drawn(frame, tables.rca_columns(frame, *names(sample), w), w) for w in WIDTHS}
    assert {"world", "range"} <= tokens(heads[120][:1])
    assert "range" not in tokens(heads[60][:1])
    assert any(line.startswith("no room for: world %, range") for line in heads[60])
    assert not any(line.startswith("no room for") for line in heads[120])


@pytest.mark.parametrize("width", WIDTHS)
def test_intensity_fits(sample: Project, width: int) -> None:
    frame = intensity.intensity(sample).frame
    lines = drawn(frame, tables.intensity_columns(frame, *names(sample), width), width)
    assert max(map(len, lines)) <= width
    assert {numbers.rank(r["rank"], r["n"]) for r in frame.iter_rows(named=True)} <= tokens(lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_column_stands_in_one_of_the_blocks(sample: Project, width: int) -> None:
    frame = specialisation.rca(sample, region=["KOR"], indicator=["patent_families"]).frame
    columns = tables.wide_columns(frame, *names(sample))
    blocks = tables.stacked(frame, columns, width)
    keys = ["region", "sector"]
    assert all([c.title for c in block[:2]] == keys for block in blocks)
    shown = [c.title for block in blocks for c in block[2:]]
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height]
    assert shown == [n for n in frame.columns if n not in (*keys, "indicator", "year", *empty)]
    lines = drawn(frame, columns, width)
    assert max(map(len, lines)) <= width
    assert sum(line.startswith("region") for line in lines) == len(blocks) > 1
    assert not [line for line in lines if re.search(r"\d…", line)]


@pytest.mark.parametrize("width", WIDTHS)
def test_scores_show_only_what_says_something(sample: Project, width: int) -> None:
    frame = tables.best_first(normalise.normalise(sample, indicator=["robot_use"]).tables["normalise"])
    lines = drawn(frame, tables.normalise_columns(frame, *names(sample), width), width)
    assert lines[0].split() == ["region", "sector", "value", "score", "rank"]
    assert re.search(r"(Denmark|DNK)\s.*Manufacturing\s.*39\.2\s+2\.82\s+1/33$", lines[1])
    assert max(map(len, lines)) <= width


def test_denominator_and_treated_stand_where_they_differ(sample: Project) -> None:
    found = normalise.normalise(sample, indicator=["articles"], per="population", sector=["engineering"])
    frame = found.tables["normalise"]
    titles = [c.title for c in tables.normalise_columns(frame, *names(sample), 120)]
    assert titles[:6] == ["region", "sector", "value", "denominator", "treated", "score"]
    lines = drawn(frame, tables.normalise_columns(frame, *names(sample), 120), 120)
    row = next(line for line in lines if line.startswith("Singapore"))
    assert re.search(r"3,253\s+5,638,676\s+0\.000577", row)


@pytest.mark.parametrize("method", ["z_score", "rank", "percentile"])
def test_the_best_comes_first_whatever_the_method(sample: Project, method: str) -> None:
    found = normalise.normalise(sample, indicator=["robot_density"], method=method).tables["normalise"]
    assert tables.best_first(found)["region"][0] == "KOR"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_listings_lose_no_letter(sample: Project, width: int) -> None:
    frame = listing.regions(sample).frame
    lines = drawn(frame, tables.plain_columns(frame), width, fold=True)
    said = tokens(lines)
    assert max(map(len, lines)) <= width
    assert "parent" not in said  # wholly empty
    whole = {part for text in frame["group"].drop_nulls() for part in text.split(";")}
    assert whole <= {token.rstrip(";") for token in said}
    assert {"patent_families", "robot_density"} <= {token.rstrip(";") for token in said}


@pytest.mark.parametrize("width", WIDTHS)
def test_listings_fit_every_width(sample: Project, width: int) -> None:
    held = tables.with_years(listing.indicators(sample).frame).select(
        "id", "name", "kind", "years", "regions", "sectors"
    )
    frames = [held, listing.regions(sample).frame, listing.sectors(sample).frame, configuration.config(sample).frame,
              *listing.indicator(sample, "robot_use").tables.values()]  # fmt: skip
    for frame in frames:
        assert max(map(len, drawn(frame, tables.plain_columns(frame), width, fold=True))) <= width
    lines = drawn(held, tables.plain_columns(held), width, fold=True)
    assert {"patent_families", "2008-2018", "2023", "regions"} <= tokens(lines)


# --- findings ---------------------------------------------------------------------------------------------------

FINDINGS = (
    Finding(code="CM090", severity="note", message="robot_use 2018: 178 of 280 cells have a value",
            fix="rows that are not there are missing", count=102),
    Finding(code="CM082", severity="warning", message="AUS: " + "one value jumps " * 8, fix="correct it",
            file="a.csv", line=385, column="value"),
    Finding(code="CM012", severity="error", message="unknown sector 'semicondutors'",
            fix="did you mean semiconductors?", file="a.csv", line=6, column="sector"),
)  # fmt: skip


def found(findings: Sequence[Finding], width: int = 80, everything: bool = False) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False)
    problems.show_findings(console, findings, everything=everything)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_findings_stand_in_blocks_errors_first() -> None:
    lines = found(FINDINGS)
    assert lines[:2] == [
        "error CM012 a.csv, line 6, sector: unknown sector 'semicondutors'", "        fix: did you mean semiconductors?",
    ]  # fmt: skip
    assert lines[2].startswith("warning CM082 a.csv, line 385, value: AUS:")
    assert " ".join(lines[-2:]) == (
        "1 error, 1 warning, 1 note; 3 findings standing for 104 places; not shown: 1 note (--all)"
    )
    assert not any("CM090" in line for line in lines)


def test_all_shows_notes_and_hides_nothing() -> None:
    lines = found(FINDINGS, everything=True)
    assert any(line.startswith("note CM090 robot_use 2018") for line in lines)
    assert lines[-1] == "1 error, 1 warning, 1 note; 3 findings standing for 104 places"


def test_places_are_said_only_where_they_are_more_than_the_findings() -> None:
    assert found(FINDINGS[1:])[-1] == "1 error, 1 warning, 0 notes"
    assert found(()) == ["0 errors, 0 warnings, 0 notes"]


def test_many_findings_are_cut_and_counted_by_severity() -> None:
    lines = found([FINDINGS[2]] * 50 + [FINDINGS[1]] * 3)
    assert sum(line.startswith("error") for line in lines) == 2 * problems.SHOWN
    assert lines[-1] == "50 errors, 3 warnings, 0 notes; not shown: 10 errors, 3 warnings (--all)"


@pytest.mark.parametrize("width", WIDTHS)
def test_findings_fit_the_screen(width: int) -> None:
    assert max(map(len, found(FINDINGS, width, everything=True))) <= width
