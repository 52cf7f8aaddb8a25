from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pytest

from capmap.bundled import bundled
from capmap.data import load
from capmap.data.checks import CHECKS, check, findings_frame
from capmap.errors import Finding

from .projects import EXPORTS, GOODS, HEADER, REGIONS, ROWS, Build

Row = tuple[str, str, str, int, float | str, str] | tuple[str, str, str, int, float | str]
COUNTS = EXPORTS.replace('"value"', '"count"')
RATIO = EXPORTS.replace('"value"', '"intensity"')
SCORE = EXPORTS.replace('"value"', '"score"')
NUTS = "code,parent,role\nDE,,\nDE1,DE,\nDE11,DE1,\nFR,,\nEU,,aggregate\nEU1,EU,\nWLD,,reference\n"
TREE = "code,label,parent,level\nC,,,\nC10,,C,\nC101,,C10,\nC11,,C,\nD,,,\n"


def lines(rows: Iterable[Row]) -> str:
    return HEADER + "".join(f"{','.join(map(str, (*row, '')[:6]))}\n" for row in rows)


def found(build: Build, rows: Iterable[Row] | str, files: Mapping[str, str | None] | None = None) -> list[Finding]:
    text = rows if isinstance(rows, str) else lines(rows)
    project = load(build({"data/exports.csv": text, **(files or {})}), check=False)
    return list(project.findings)


def of(findings: list[Finding], code: str) -> list[Finding]:
    assert all(f.severity == CHECKS[f.code].severity for f in findings)
    return [f for f in findings if f.code == code]


def series(values: Iterable[float | str], region: str = "KOR", sector: str = "cars", status: str = "") -> list[Row]:
    return [(region, sector, "exports", 2010 + n, v, status) for n, v in enumerate(values)]


# --------------------------------------------------------------------------------------------- a table


def test_the_table_of_checks_is_complete() -> None:
    for code, one in CHECKS.items():
        assert code == one.code
        assert code.startswith("CM")
        assert len(code) == 5
        assert one.severity in ("error", "warning", "note")
        assert one.title
        assert one.explanation.endswith((".", "?"))
        assert not one.unreadable or one.severity == "error"


def test_clean_data_have_no_findings(build: Build) -> None:
    assert found(build, HEADER + ROWS) == []


def test_findings_are_sorted_and_make_a_frame(build: Build) -> None:
    rows = [*series([1, -2]), ("KRO", "cars", "exports", 2010, 1), ("KOR", "cars", "exports", 2010, 1)]
    findings = found(build, rows)
    frame = findings_frame(reversed(findings))
    assert frame.columns == ["code", "severity", "message", "file", "line", "column", "value", "fix", "count"]
    assert frame["code"].to_list() == [f.code for f in findings]
    assert frame["severity"].to_list() == sorted(frame["severity"].to_list(), key=("error", "warning", "note").index)
    assert frame.row(0)[:6] == ("CM038", "error", findings[0].message, "data/exports.csv", 3, "value")
    assert findings_frame([]).schema == frame.schema


def test_the_sample_has_no_errors() -> None:
    project = load(bundled() / "sample_data")
    assert [f for f in check(project) if f.severity == "error"] == []
    assert set(check(project)) <= set(project.findings)


# ------------------------------------------------------------------------------------------ the rows


def test_counts_and_values_below_zero(build: Build) -> None:
    (finding,) = of(found(build, series([3, -2])), "CM038")
    assert (finding.line, finding.value) == (3, "-2")
    assert finding.message == "a value below zero, -2: KOR, cars (exports 2011)"
    assert of(found(build, series([3, -2]), {"indicators/exports.toml": RATIO}), "CM038") == []


def test_percentages_above_one_hundred(build: Build) -> None:
    percent = RATIO.replace("[source]", "percent = true\n[source]")
    (finding,) = of(found(build, series([100, 100.5]), {"indicators/exports.toml": percent}), "CM039")
    assert (finding.line, finding.value) == (3, "100.5")
    assert of(found(build, series([100, 100.5]), {"indicators/exports.toml": RATIO}), "CM039") == []


def test_years_outside_those_of_the_indicator(build: Build) -> None:
    bounded = {"indicators/exports.toml": EXPORTS.replace("[source]", "years = [2010, 2011]\n[source]")}
    (finding,) = of(found(build, series([1, 2, 3]), bounded), "CM040")
    assert (finding.line, finding.column, finding.value) == (4, "year", "2012")
    assert finding.message == "exports has years 2010 to 2011, not 2012"
    assert of(found(build, series([1, 2]), bounded), "CM040") == []


def test_a_value_whose_status_says_there_is_none(build: Build) -> None:
    rows = [
        ("KOR", "cars", "exports", 2010 + n, v, s)
        for n, (v, s) in enumerate([(1, "L"), (1, "M"), (1, "Q"), (1, "E"), ("", "Q")])
    ]
    assert [(f.line, f.value) for f in of(found(build, rows), "CM036")] == [(2, "1"), (3, "1"), (4, "1")]


def test_no_value_and_a_status_that_has_one(build: Build) -> None:
    rows = [("KOR", "cars", "exports", 2010 + n, "", s) for n, s in enumerate(["A", "E", "", "L", "M", "Q"])]
    assert [(f.line, f.column, f.value) for f in of(found(build, rows), "CM037")] == [
        (2, "status", "A"),
        (3, "status", "E"),
    ]


def test_a_value_that_cannot_be_read_is_not_also_a_missing_value(build: Build) -> None:
    findings = found(build, [("KOR", "cars", "exports", 2010, "x", "E"), ("KOR", "cars", "exports", 2011, 3)])
    assert [f.code for f in findings if f.severity == "error"] == ["CM030"]


# -------------------------------------------------------------------------------------------- the keys


def test_duplicates_name_both_rows(build: Build) -> None:
    findings = found(
        build,
        HEADER + ROWS,
        {"data/again.csv": lines([("DEU", "cars", "exports", 2018, 50), ("KOR", "cars", "exports", 2018, 31)])},
    )
    first, second = sorted(of(findings, "CM050"), key=lambda f: (f.file or "", f.line or 0))
    assert (first.file, first.line, first.value) == ("data/exports.csv", 2, "KOR")
    assert first.message == "KOR, cars (exports 2018) stands in data/again.csv, line 3 already, with another value"
    assert (second.file, second.line) == ("data/exports.csv", 4)
    assert second.message == "DEU, cars (exports 2018) stands in data/again.csv, line 2 already, with the same value"


def test_every_copy_of_a_row_points_to_the_first(build: Build) -> None:
    findings = of(found(build, [*series([7]), *series([8]), *series([7])]), "CM050")
    assert [(f.line, "line 2 already" in f.message) for f in findings] == [(3, True), (4, True)]


def test_duplicates_without_years_and_none(build: Build) -> None:
    text = "region,sector,indicator,value\nKOR,cars,exports,1\nKOR,ships,exports,1\nKOR,cars,exports,2\n"
    assert [f.line for f in of(found(build, text), "CM050")] == [4]
    assert of(found(build, HEADER + ROWS), "CM050") == []


def test_unknown_codes_name_the_nearest(build: Build) -> None:
    rows = [
        ("KRO", "cars", "exports", 2018, 1),
        ("KOR", "carz", "exports", 2018, 1),
        ("KOR", "cars", "export", 2018, 1),
        ("KOR", "_T", "exports", 2018, 1),
    ]
    findings = found(build, rows)
    located = {f.code: (f.line, f.column, f.value, f.fix) for f in findings if f.code in ("CM051", "CM052", "CM053")}
    assert located == {
        "CM051": (2, "region", "KRO", "did you mean KOR (Korea)? If not, add KRO to codes/regions.csv"),
        "CM052": (3, "sector", "carz", "did you mean cars (Cars)? If not, add carz to codes/goods.csv"),
        "CM053": (4, "indicator", "export", "did you mean exports (Exports)? If not, add indicators/export.toml"),
    }


def test_every_row_with_an_unknown_code_is_located(build: Build) -> None:
    findings = of(found(build, [*series([1, 2, 3], "XXX"), *series([1], "KOR")]), "CM051")
    assert [f.line for f in findings] == [2, 3, 4]


def test_a_code_of_another_classification_is_unknown(build: Build) -> None:
    findings = found(build, [("KOR", "optics", "exports", 2018, 1)], {"codes/fields.csv": "code\noptics\n"})
    assert [f.value for f in of(findings, "CM052")] == ["optics"]


def test_a_region_level_indicator_has_no_sectors(build: Build) -> None:
    findings = found(build, HEADER + ROWS, {"indicators/exports.toml": EXPORTS.replace('"goods"', '"none"')})
    (finding, *_) = of(findings, "CM052")
    assert finding.fix == "write _T, or state the classification in exports.toml"


# ------------------------------------------------------------------------------------------ the totals


def test_a_sector_beside_its_part(build: Build) -> None:
    files = {"codes/goods.csv": TREE}
    rows = [
        ("KOR", "C", "exports", 2018, 9),
        ("KOR", "C101", "exports", 2018, 5),
        ("KOR", "D", "exports", 2018, 4),
        ("DEU", "C", "exports", 2018, 7),
        ("DEU", "D", "exports", 2018, 7),
        ("DEU", "C10", "exports", 2017, 7),
    ]
    (finding,) = of(found(build, rows, files), "CM060")
    assert (finding.line, finding.column, finding.value) == (2, "sector", "C")
    assert finding.message == "KOR, C (exports 2018) stands beside C101, a part of it"
    ratio = {**files, "indicators/exports.toml": RATIO}
    assert of(found(build, rows, ratio), "CM060") == []


def test_every_level_beside_its_parts_is_found(build: Build) -> None:
    rows: list[Row] = [("KOR", s, "exports", 2018, 1) for s in ("C", "C10", "C101", "C11", "D")]
    findings = of(found(build, rows, {"codes/goods.csv": TREE}), "CM060")
    assert [f.value for f in findings] == ["C", "C10"]


def test_a_part_without_a_value_counts_nothing_twice(build: Build) -> None:
    rows: list[Row] = [("KOR", "C", "exports", 2018, 1), ("KOR", "C10", "exports", 2018, "", "Q")]
    assert of(found(build, rows, {"codes/goods.csv": TREE}), "CM060") == []


def test_a_region_beside_its_part_but_for_totals(build: Build) -> None:
    files = {"codes/regions.csv": NUTS}
    rows: list[Row] = [
        (r, "cars", "exports", 2018, v) for r, v in [("DE", 9), ("DE11", 4), ("EU", 9), ("EU1", 3), ("WLD", 99)]
    ]
    (finding,) = of(found(build, rows, files), "CM061")
    assert (finding.line, finding.value) == (2, "DE")
    assert finding.message == "DE, cars (exports 2018) stands beside DE11, a part of it"
    assert "role `aggregate`" in finding.fix


def test_a_total_below_the_sum_of_its_sectors(build: Build) -> None:
    rows = [*series([10]), *series([20], sector="ships"), *series([28], sector="_T")]
    (finding,) = of(found(build, rows), "CM062")
    assert (finding.line, finding.value) == (4, "28")
    assert "the total 28 is below the sum of its sectors, 30" in finding.message


@pytest.mark.parametrize("total", [30, 29, 31])
def test_rounding_of_whole_numbers_is_allowed_for(build: Build, total: int) -> None:
    rows = [*series([10]), *series([20], sector="ships"), *series([total], sector="_T")]
    assert [f for f in found(build, rows) if f.code in ("CM062", "CM063")] == []


def test_fractions_are_not_rounded_figures(build: Build) -> None:
    rows = [*series([10.25]), *series([20], sector="ships"), *series([30], sector="_T")]
    assert len(of(found(build, rows), "CM062")) == 1


def test_a_total_above_the_sum_of_its_sectors_is_one_note(build: Build) -> None:
    rows = [
        row for r in ("KOR", "DEU") for v, s in ((10, "cars"), (20, "ships"), (50, "_T")) for row in series([v], r, s)
    ]
    (finding,) = of(found(build, rows), "CM063")
    assert (finding.severity, finding.count) == ("note", 2)


def test_a_reference_below_the_sum_of_its_regions(build: Build) -> None:
    files = {"codes/regions.csv": REGIONS + "WLD,World,,,reference,\n"}
    rows: list[Row] = [
        ("KOR", "cars", "exports", 2018, 30),
        ("DEU", "cars", "exports", 2018, 50),
        ("WLD", "cars", "exports", 2018, 70),
        ("KOR", "ships", "exports", 2018, 30),
        ("WLD", "ships", "exports", 2018, 29),
    ]
    (finding,) = of(found(build, rows, files), "CM064")
    assert (finding.line, finding.value) == (4, "70")
    assert "the reference 70 is below the sum of its 2 regions, 80" in finding.message


def test_the_reference_may_be_named_by_the_indicator(build: Build) -> None:
    named = EXPORTS.replace("[source]", 'reference = "WLD"\n[source]')
    files = {"codes/regions.csv": REGIONS + "WLD,World,,,,\n", "indicators/exports.toml": named}
    rows: list[Row] = [(r, "cars", "exports", 2018, v) for r, v in (("KOR", 30), ("DEU", 50), ("WLD", 70))]
    assert len(of(found(build, rows, files), "CM064")) == 1


def table(values: Mapping[str, Iterable[float]]) -> tuple[list[Row], dict[str, str]]:
    rows: list[Row] = [(r, f"s{n}", "exports", 2018, v) for r, own in values.items() for n, v in enumerate(own)]
    width = max(len(list(own)) for own in values.values())
    return rows, {
        "codes/regions.csv": "code\n" + "".join(f"{r}\n" for r in values),
        "codes/goods.csv": "code\n" + "".join(f"s{n}\n" for n in range(width)),
    }


def test_a_region_that_nearly_equals_all_others(build: Build) -> None:
    rows, files = table({"A": [10, 1, 3], "B": [2, 7, 9], "C": [4, 4, 8], "ALL": [16, 12, 20.1]})
    (finding,) = of(found(build, rows, files), "CM065")
    assert (finding.severity, finding.value, finding.count) == ("warning", "ALL", 3)
    assert finding.message == "ALL nearly equals the sum of all other regions (exports) but counts as a region"
    rows, files = table({"A": [10, 1, 3], "B": [2, 7, 9], "C": [4, 4, 8], "ALL": [16, 2, 30]})
    assert of(found(build, rows, files), "CM065") == []


def test_a_common_code_for_the_world_is_enough(build: Build) -> None:
    rows, files = table({"A": [10, 1], "B": [2, 7], "WLD": [99, 99]})
    (finding,) = of(found(build, rows, files), "CM065")
    assert "WLD is a common code for the world" in finding.message
    assert "--reference WLD" in finding.fix
    files["codes/regions.csv"] = "code,role\nA,\nB,\nWLD,reference\n"
    assert of(found(build, rows, files), "CM065") == []


def test_a_sector_that_nearly_equals_all_others(build: Build) -> None:
    rows, files = table({"A": [1, 2, 5, 8], "B": [3, 3, 1, 7], "C": [9, 2, 4, 15]})
    (finding,) = of(found(build, rows, files), "CM066")
    assert finding.value == "s3"
    rows, files = table({"A": [1, 2, 5, 8], "B": [3, 3, 1, 17], "C": [9, 2, 4, 5]})
    assert of(found(build, rows, files), "CM066") == []


# --------------------------------------------------------------------------------------- the catalogue


@pytest.mark.parametrize("key", ["denominator", "weight", "imports"])
def test_an_indicator_that_names_an_unknown_one(build: Build, key: str) -> None:
    for named, expected in (("exprts", ["did you mean exports (Exports)?"]), ("exports", []), ("external: x", [])):
        text = RATIO.replace("[source]", f'{key} = "{named}"\n[source]')
        findings = of(found(build, HEADER + ROWS, {"indicators/ratio.toml": text}), "CM070")
        assert [f.fix for f in findings] == expected
        assert all((f.file, f.column, f.value) == ("indicators/ratio.toml", key, named) for f in findings)


def test_a_reference_that_is_no_region(build: Build) -> None:
    text = EXPORTS.replace("[source]", 'reference = "DUE"\n[source]')
    (finding,) = of(found(build, HEADER + ROWS, {"indicators/exports.toml": text}), "CM071")
    assert finding.fix == "did you mean DEU (Germany)?"


def test_an_intensity_without_denominator(build: Build) -> None:
    (finding,) = of(found(build, HEADER + ROWS, {"indicators/exports.toml": RATIO}), "CM072")
    assert (finding.severity, finding.file) == ("warning", "indicators/exports.toml")
    stated = RATIO.replace("[source]", 'denominator = "external: workers"\n[source]')
    assert of(found(build, HEADER + ROWS, {"indicators/exports.toml": stated}), "CM072") == []


def test_mixed_counting_rules(build: Build) -> None:
    def counted(rule: str, unit: str = "patents") -> str:
        return COUNTS.replace("US dollars", unit).replace("[source]", f'counting = "{rule}"\n[source]')

    files = {"indicators/a.toml": counted("whole"), "indicators/b.toml": counted("fractional")}
    (finding,) = of(found(build, HEADER + ROWS, files), "CM073")
    assert finding.message == "whole and fractional counts of one unit: a (whole), b (fractional)"
    files["indicators/b.toml"] = counted("fractional", "patents, fractional count")
    assert of(found(build, HEADER + ROWS, files), "CM073") == []


def test_fractional_counts_must_be_declared(build: Build) -> None:
    rows = series([1.5, 2, 2.25])
    (finding,) = of(found(build, rows, {"indicators/exports.toml": COUNTS}), "CM074")
    assert (finding.count, finding.line) == (2, 2)
    declared = COUNTS.replace("[source]", 'counting = "fractional"\n[source]')
    assert of(found(build, rows, {"indicators/exports.toml": declared}), "CM074") == []
    assert of(found(build, series([1, 2]), {"indicators/exports.toml": COUNTS}), "CM074") == []


def test_an_indicator_without_rows_and_a_region_without_rows(build: Build) -> None:
    findings = found(
        build, HEADER + ROWS, {"indicators/jobs.toml": EXPORTS, "codes/regions.csv": REGIONS + "FRA,France,,,,\n"}
    )
    (finding,) = findings
    assert (finding.code, finding.severity, finding.file) == ("CM075", "note", "indicators/jobs.toml")


# ------------------------------------------------------------------------------------------ the series


def test_a_series_that_never_moves(build: Build) -> None:
    (finding,) = of(found(build, series([25, 30, 30, 30, 30, 30, 31])), "CM080")
    assert (finding.line, finding.value) == (7, "30")
    assert finding.message == "KOR, cars (exports 2015): the value 30 has not moved in 5 periods"


@pytest.mark.parametrize("values", [[30, 30, 30], [30, 30, 31, 30, 30], [0] * 6, [3] * 6, [30, 30, "", 30, 30]])
def test_series_that_may_repeat(build: Build, values: list[float | str]) -> None:
    assert of(found(build, series(values)), "CM080") == []


def test_small_fractions_do_not_repeat_by_chance_but_scores_do(build: Build) -> None:
    assert len(of(found(build, series([0.125] * 4)), "CM080")) == 1
    assert of(found(build, series([0.125] * 4), {"indicators/exports.toml": SCORE}), "CM080") == []


@pytest.mark.parametrize("dense", [0, 16], ids=["searched", "in a table"])
def test_a_series_with_gaps_is_followed_cell_by_cell(build: Build, monkeypatch: pytest.MonkeyPatch, dense: int) -> None:
    monkeypatch.setattr("capmap.data.tables.DENSE", dense)
    rows = [*series([30] * 4), *series([40, 40, 40, 40], sector="ships")[1:], *series([50] * 4, "DEU")]
    assert [(f.value) for f in of(found(build, rows), "CM080")] == ["30", "50"]


def test_two_regions_alike(build: Build) -> None:
    rows, files = table({"A": [1, 2, 0, 4, 5, 6], "B": [1, 2, 0, 4, 5, 6], "C": [1, 2, 0, 4, 5, 7]})
    (finding,) = of(found(build, rows, files), "CM081")
    assert finding.message == "A and B have the same values in all 5 sectors (exports 2018)"
    assert (finding.line, finding.value) == (8, "B")
    rows, files = table({"A": [1, 2, 0, 4, 5], "B": [1, 2, 0, 4, 5], "C": [9, 2, 0, 4, 5]})
    assert of(found(build, rows, files), "CM081") == []


def test_zeros_that_are_written_or_left_out_are_alike(build: Build) -> None:
    rows, files = table({"A": [1, 2, 0, 4, 5, 6], "B": [1, 2, 0, 4, 5, 6]})
    assert len(of(found(build, [r for r in rows if r[:2] != ("B", "s2")], files), "CM081")) == 1


def test_level_breaks_are_one_finding_per_region(build: Build) -> None:
    rows = [*series([20, 101]), *series([600, 100, 601], sector="ships"), *series([30, 31], "DEU")]
    (finding,) = of(found(build, rows), "CM082")
    assert (finding.severity, finding.count, finding.line, finding.value) == ("warning", 3, 3, "101")
    assert finding.message.startswith("KOR: 3 values of exports more than five times")
    assert finding.message.endswith("first KOR, cars (exports 2011): 20 in 2010, then 101")


@pytest.mark.parametrize("values", [[19, 1000], [1000, 19], [20, 100], [100, 20], [30, "", 600]])
def test_no_level_break(build: Build, values: list[float | str]) -> None:
    assert of(found(build, series(values)), "CM082") == []


def test_a_declared_break_is_a_note(build: Build) -> None:
    rows = [*series([20]), ("KOR", "cars", "exports", 2011, 500, "B"), ("KOR", "cars", "exports", 2012, 20)]
    findings = found(build, rows)
    assert [(f.severity, f.line, f.count) for f in of(findings, "CM083")] == [("note", 3, 1)]
    assert [(f.severity, f.line, f.count) for f in of(findings, "CM082")] == [("warning", 4, 1)]


def test_breaks_are_between_periods_that_the_indicator_has(build: Build) -> None:
    rows: list[Row] = [("KOR", "cars", "exports", y, v) for y, v in ((2010, 20), (2014, 200))]
    assert len(of(found(build, rows), "CM082")) == 1


def test_coverage_counts_observed_cells(build: Build) -> None:
    rows: list[Row] = [
        ("KOR", "cars", "exports", 2017, 1),
        ("KOR", "ships", "exports", 2017, "", "Q"),
        ("KOR", "_T", "exports", 2017, 7),
        ("DEU", "cars", "exports", 2018, 1),
        ("DEU", "ships", "exports", 2018, 0),
        ("KOR", "cars", "exports", 2018, 1),
        ("KOR", "ships", "exports", 2018, 1),
    ]
    (finding,) = of(found(build, rows), "CM090")
    assert finding.message == "exports 2017: 1 of 4 cells have a value (2 regions x 2 sectors)"
    assert (finding.count, finding.value, finding.severity) == (3, "0.25", "note")
    assert finding.fix == "rows that are not there count as zero"


def test_coverage_of_region_level_indicators(build: Build) -> None:
    rows = [*series([1, 2], sector="_T"), *series([1], "DEU", "_T")]
    files = {"indicators/exports.toml": EXPORTS.replace('"goods"', '"none"')}
    (finding,) = of(found(build, rows, files), "CM090")
    assert finding.message == "exports 2011: 1 of 2 cells have a value (2 regions x 1 sectors)"


# -------------------------------------------------------------------------------------------- many rows


def test_a_thousand_faults_are_a_thousand_findings(build: Build) -> None:
    rows: list[Row] = [("KOR", f"g{n}", "exports", 2018, -1) for n in range(1_000)]
    findings = found(build, rows, {"codes/goods.csv": GOODS})
    assert [f.line for f in of(findings, "CM052")] == list(range(2, 1_002))
    assert [f.line for f in of(findings, "CM038")] == list(range(2, 1_002))


def test_beyond_ten_thousand_rows_the_rest_is_counted(build: Build, tmp_path: Path) -> None:
    n = 10_050
    frame = pl.select(n=pl.int_range(n)).select(
        region=pl.lit("KOR"),
        sector=pl.format("g{}", "n"),
        indicator=pl.lit("exports"),
        year=2018,
        value=-pl.col("n") - 1,
    )
    findings = of(found(build, frame.write_csv()), "CM038")
    assert len(findings) == 10_001
    assert sum(f.count for f in findings) == n
    assert [(f.message, f.file) for f in findings if f.count > 1] == [("50 more rows like these", "data/exports.csv")]
    text = frame.with_columns(value=pl.lit("x")).write_csv()
    assert sum(f.count for f in of(found(build, text), "CM030")) == n


def test_arguments_are_left_alone(build: Build) -> None:
    project = load(build())
    before = project.observations.clone()
    check(project)
    assert project.observations.equals(before)
    assert not project.observations.select("value").to_series().to_numpy().flags.writeable
