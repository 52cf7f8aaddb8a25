"""`normalise`: scaling, treatment, direction and method in this order, and every refusal by name."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from math import isclose, log
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses.normalise import COLUMNS, TREATMENT_COLUMNS, normalise
from capmap.data.load import load
from capmap.errors import RefusedError, UsageError
from capmap.methods.normalisation import NORMALISERS, treat
from capmap.model import Project, Result
from tests.analyses.small_project import describe, small_project

CODES = [*"ABCDEFGHIJKLMNOPQRST", *(f"Z{number:02}" for number in range(40))]
REGIONS = [f"{code},{code},,country,region," for code in CODES]
WITH_TOTAL = [*REGIONS, "WLD,World,,world,reference,", "EU,Union,,union,aggregate,"]
GOODS = [f"{code},{code},,good" for code in ("cars", "food", "toys")]


@pytest.fixture(scope="module")
def sample() -> Project:
    return load(environ={})


def column(indicator: str, sector: str, values: list[object], year: int = 2020) -> list[tuple[object, ...]]:
    return [(indicator, region, sector, year, value) for region, value in zip(CODES, values, strict=False)]


def made(folder: Path, text: str, rows: list[tuple[object, ...]], regions: list[str] = REGIONS) -> Project:
    return small_project(folder, {"x": text}, rows, regions, GOODS)


def scores(result: Result, sector: str = "cars") -> list[float | None]:
    frame = result.tables["normalise"]
    return frame.filter(pl.col("sector").cast(pl.String) == sector)["score"].to_list()


# -------------------------------------------------------------------------------------------- the column


def test_z_score_of_a_sample_column_equals_the_textbook(sample: Project) -> None:
    result = normalise(sample, indicator=["robot_density"])
    frame = result.tables["normalise"]
    assert frame.columns == list(COLUMNS)
    assert result.tables["treatment"].columns == list(TREATMENT_COLUMNS)
    values = frame["value"].to_list()
    mean, sd = statistics.mean(values), statistics.stdev(values)
    assert all(isclose(a, (v - mean) / sd) for a, v in zip(frame["score"], values, strict=True))
    assert frame["rank"].to_list() == [1 + sum(w > v for w in values) for v in values]
    assert set(frame["n"]) == {16}
    assert set(frame["method"]) == {"z_score"}
    assert frame["note"].null_count() == 16
    assert frame["denominator"].null_count() == 16


@pytest.mark.parametrize("method", sorted(set(NORMALISERS) - {"goalposts", "distance_to_target", "ratio_to_reference"}))
def test_every_method_is_called_column_by_column(sample: Project, method: str) -> None:
    result = normalise(sample, indicator=["robot_use"], year="all", method=method)
    frame = result.tables["normalise"]
    checked = 0
    for _, part in frame.group_by("year", "sector"):
        if part["score"].null_count() < part.height:
            expected = NORMALISERS[method](part["value"].to_numpy(), direction=1)
            assert part["score"].to_numpy() == pytest.approx(expected, nan_ok=True)
            checked += 1
    assert checked + len(result.meta["refused"]) == result.tables["treatment"].height
    assert checked > 0


def test_rows_and_blocks_are_in_order(sample: Project) -> None:
    result = normalise(
        sample, year="all", winsorise="rule", per="population", indicator=["patent_families", "articles"]
    )
    keys = ["indicator", "year", "region", "sector"]
    frame, treatment = result.tables["normalise"], result.tables["treatment"]
    assert_frame_equal(frame, frame.sort(keys))
    assert_frame_equal(treatment, treatment.sort("indicator", "year", "sector"))
    assert not frame.select(keys).is_duplicated().any()
    assert treatment.height == 6 * (35 + 14)
    assert "WLD" not in set(frame["region"])
    assert [b["indicator"] for b in result.meta["blocks"]] == ["patent_families"] * 6 + ["articles"] * 6


def test_region_and_sector_choose_rows_only(sample: Project) -> None:
    whole = normalise(sample, indicator=["robot_use"])
    part = normalise(sample, indicator=["robot_use"], region=["Italy"], sector=["C"])
    kept = whole.tables["normalise"].filter(
        (pl.col("region").cast(pl.String) == "ITA") & (pl.col("sector").cast(pl.String) == "C")
    )
    assert_frame_equal(part.tables["normalise"], kept)
    assert part.tables["treatment"].height == 1


def test_direction_turns_score_and_rank(tmp_path: Path) -> None:
    rows = column("x", "cars", [1, 2, 4])
    project = made(tmp_path / "p", describe("value", extra="direction = -1"), rows)
    less = normalise(project, method="min_max")
    assert scores(less) == pytest.approx([1, 2 / 3, 0])
    assert less.tables["normalise"]["rank"].to_list() == [1, 2, 3]
    more = normalise(project, method="min_max", direction=1)
    assert scores(more) == pytest.approx([0, 1 / 3, 1])
    assert more.tables["normalise"]["rank"].to_list() == [3, 2, 1]
    assert (less.meta["blocks"][0]["direction"], more.meta["blocks"][0]["direction"]) == (-1, 1)


def test_parameters_reach_the_method(tmp_path: Path) -> None:
    project = made(tmp_path / "p", describe("value"), column("x", "cars", [1, 2, 2, 5]))
    assert scores(normalise(project, method="rank", ties="dense")) == [3, 2, 2, 1]
    assert scores(normalise(project, method="rank", best="low")) == [1, 2, 2, 4]
    assert scores(normalise(project, method="above_below", p="0.3")) == [-1, 0, 0, 1]
    population = statistics.pstdev([1, 2, 2, 5])
    assert isclose(scores(normalise(project, ddof=0))[3] or 0, 2.5 / population)
    assert normalise(project, ddof=0).meta["parameters"]["ddof"] == 0


def test_absent_rows_that_mean_zero_are_in_the_column(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [1, 3]), *column("x", "food", [1, 1, 8])]  # C makes no cars
    project = made(tmp_path / "p", describe("count"), rows)
    hidden = normalise(project, method="ratio_to_mean", sector=["cars"])
    assert scores(hidden) == [1 / (4 / 3), 3 / (4 / 3)]
    assert set(hidden.tables["normalise"]["n"]) == {3}
    shown = normalise(project, method="ratio_to_mean", sector=["cars"], complete=True).tables["normalise"]
    assert shown["value"].to_list() == [1, 3, 0]
    assert shown["note"].to_list() == [None, None, "absent_row"]
    missing = describe("count", extra='absent_rows = "missing"')
    unknown = normalise(made(tmp_path / "q", missing, rows), method="ratio_to_mean", sector=["cars"])
    assert scores(unknown) == [0.5, 1.5]


def test_total_beside_sectors_is_a_column_without_implied_zeros(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [1, 3, 5]), ("x", "A", "_T", 2020, 10), ("x", "B", "_T", 2020, 30)]
    project = made(tmp_path / "p", describe("count"), rows)
    assert scores(normalise(project, method="ratio_to_mean"), "_T") == [0.5, 1.5]
    assert normalise(project, sector=["_T"]).tables["normalise"].height == 2


# ------------------------------------------------------------------------------------- scaling by a size


def test_per_population_of_the_sample(sample: Project) -> None:
    result = normalise(sample, indicator=["patent_families"], sector=["semiconductors"], per="population")
    frame = result.tables["normalise"]
    korea = frame.filter(pl.col("region").cast(pl.String) == "KOR").row(0, named=True)
    # NSB-2020-4, table S8-12: 3,556 families in 2018; World Bank SP.POP.TOTL: 51,585,058 people
    assert korea["value"] == 3556
    own = sample.observations.filter(
        (pl.col("indicator") == "population") & (pl.col("region") == "KOR") & (pl.col("year") == 2018)
    )["value"].item()
    assert korea["denominator"] == own
    assert korea["treated"] == 3556 / own
    taiwan = frame.filter(pl.col("region").cast(pl.String) == "TWN").row(0, named=True)
    assert (taiwan["score"], taiwan["treated"], taiwan["rank"], taiwan["note"]) == (None, None, None, "no_denominator")
    assert taiwan["value"] is not None
    assert set(frame["n"]) == {31}


def test_zero_over_zero_has_no_base(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [0, 4, 9]), *column("size", "_T", [0, 2, 3])]
    indicators = {"x": describe("count"), "size": describe("value", classification="none")}
    frame = normalise(
        small_project(tmp_path / "p", indicators, rows, REGIONS, GOODS), per="size", method="rank"
    ).tables["normalise"]
    assert frame["treated"].to_list() == [None, 2.0, 3.0]
    assert frame["note"].to_list() == ["no_base", None, None]
    assert set(frame["indicator"]) == {"x"}


def test_value_over_a_size_of_zero_is_refused(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [1, 4, 9]), *column("size", "_T", [0, 2, 3])]
    indicators = {"x": describe("count"), "size": describe("value", classification="none")}
    project = small_project(tmp_path / "p", indicators, rows, REGIONS, GOODS)
    with pytest.raises(RefusedError, match="x 2020 cars: 1 values other than zero stand over a denominator of zero"):
        normalise(project, per="size")


def test_size_of_another_year_is_not_used(sample: Project) -> None:
    shifted = sample.observations.with_columns(
        year=pl.when(pl.col("indicator") == "population").then(pl.col("year") + 1).otherwise(pl.col("year"))
    )
    with pytest.raises(RefusedError, match="population has no value for any of the regions in 2018"):
        normalise(replace(sample, observations=shifted), indicator=["articles"], per="population")


def test_ratios_are_not_divided_again(sample: Project) -> None:
    with pytest.raises(UsageError, match="no robot_use per population: an intensity is not divided"):
        normalise(sample, indicator=["robot_use"], per="population")
    with pytest.raises(UsageError, match="robot_use is an intensity, not a size"):
        normalise(sample, per="robot_use")
    with pytest.raises(UsageError, match="articles has no region-level rows"):
        normalise(sample, per="articles")
    result = normalise(sample, per="population")
    assert [each["indicator"] for each in result.meta["skipped"]] == ["population", "robot_density", "robot_use"]
    assert set(result.tables["normalise"]["indicator"]) == {"articles", "patent_families"}


# -------------------------------------------------------------------------------------- outlier treatment

SKEWED: list[object] = [*range(1, 11), 30, 100]  # the worked example of methods.normalisation.treat


def test_rule_winsorises_and_lists_who_was_changed(tmp_path: Path) -> None:
    project = made(tmp_path / "p", describe("value"), column("x", "cars", SKEWED))
    result = normalise(project, winsorise="rule", method="min_max")
    row = result.tables["treatment"].row(0, named=True)
    assert (row["treatment"], row["points"], row["regions"], row["n"]) == ("winsorised", 1, "L", 12)
    assert (row["winsor_low"], row["winsor_high"]) == (None, 30.0)
    assert (row["scale_low"], row["scale_high"]) == (1.0, 30.0)
    assert round(row["skewness_before"], 6) == 3.063241
    assert round(row["excess_kurtosis_before"], 6) == 9.741391
    after = treat(SKEWED)
    assert (row["skewness_after"], row["excess_kurtosis_after"]) == (after.skewness_after, after.kurtosis_after)
    frame = result.tables["normalise"]
    assert frame["value"].to_list()[-2:] == [30.0, 100.0]
    assert frame["treated"].to_list()[-2:] == [30.0, 30.0]
    assert frame["score"].to_list()[-2:] == [1.0, 1.0]
    assert frame["rank"].to_list()[-2:] == [1, 1]
    assert result.meta["blocks"][0]["treated"] == 1


def test_rule_takes_logarithms_and_ratios_then_refuse(tmp_path: Path) -> None:
    values: list[object] = [*range(1, 55), *range(1000, 1006)]  # six outliers, and five may be winsorised
    assert treat(values).method == "log"
    project = made(tmp_path / "p", describe("value"), column("x", "cars", values))
    result = normalise(project, winsorise="rule", method="min_max")
    row = result.tables["treatment"].row(0, named=True)
    assert (row["treatment"], row["points"], row["log_shift"], row["log_mirrored"]) == ("log", 60, 0.0, False)
    assert row["regions"] == ";".join(CODES)
    assert isclose(result.tables["normalise"]["treated"][59], log(1005))
    for method in ("ratio_to_mean", "ratio_to_best", "above_below", "ratio_to_reference"):
        reference = {"reference_region": "A"} if method == "ratio_to_reference" else {}
        with pytest.raises(RefusedError, match="the outlier rule took logarithms"):
            normalise(project, winsorise="rule", method=method, **reference)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="the outlier rule took logarithms"):
        normalise(project, winsorise="rule", method="goalposts", low=1, high=10)


def test_points_are_pulled_in_at_each_end(tmp_path: Path) -> None:
    project = made(tmp_path / "p", describe("value"), column("x", "cars", SKEWED))
    result = normalise(project, winsorise=2, method="min_max")
    row = result.tables["treatment"].row(0, named=True)
    assert (row["treatment"], row["points"], row["regions"]) == ("winsorised", 4, "A;B;K;L")
    assert (row["winsor_low"], row["winsor_high"]) == (3.0, 10.0)
    assert result.tables["normalise"]["treated"].to_list() == [3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]
    assert_frame_equal(
        normalise(project, winsorise="2", method="min_max").tables["treatment"], result.tables["treatment"]
    )
    untouched = normalise(project, winsorise=0).tables["treatment"].row(0, named=True)
    assert (untouched["treatment"], untouched["points"], untouched["regions"]) == ("none", 0, None)
    assert untouched["skewness_after"] == untouched["skewness_before"]
    with pytest.raises(RefusedError, match="6 points at each end leave none of 12 values"):
        normalise(project, winsorise=6)
    with pytest.raises(UsageError, match="winsorise '-1'"):
        normalise(project, winsorise="-1")


def test_scaling_comes_before_treatment(tmp_path: Path) -> None:
    sizes: list[object] = [1] * 11 + [50]
    rows = [*column("x", "cars", SKEWED), *column("size", "_T", sizes)]
    indicators = {"x": describe("value"), "size": describe("value", classification="none")}
    project = small_project(tmp_path / "p", indicators, rows, REGIONS, GOODS)
    raw, scaled = (normalise(project, indicator=["x"], winsorise="rule", per=per) for per in (None, "size"))
    assert raw.tables["treatment"]["regions"].to_list() == ["L"]
    assert scaled.tables["treatment"]["regions"].to_list() == ["K"]  # per unit of size, K is the outlier


def test_treatment_that_fails_is_said(tmp_path: Path) -> None:
    values: list[object] = [*range(1000, 1054), *[10**6] * 6]  # logarithms leave six outliers too
    assert treat(values).method == "failed"
    project = made(tmp_path / "p", describe("score"), column("x", "cars", values))
    result = normalise(project, winsorise="rule")
    row = result.tables["treatment"].row(0, named=True)
    assert (row["treatment"], row["points"], row["note"]) == ("failed", 0, "treatment_failed")
    frame = result.tables["normalise"]
    assert set(frame["note"]) == {"treatment_failed"}
    assert frame["score"].null_count() == 0


# -------------------------------------------------------------- anchors: references, targets, goalposts


def test_reference_is_the_published_total_or_a_region(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [2, 4, 8]), ("x", "WLD", "cars", 2020, 40), ("x", "EU", "cars", 2020, 16)]
    project = made(tmp_path / "p", describe("value"), rows, WITH_TOTAL)
    result = normalise(project, method="ratio_to_reference")
    assert scores(result) == [0.05, 0.1, 0.2]
    assert result.tables["treatment"]["anchor"].to_list() == [40.0]
    assert result.meta["blocks"][0]["reference"] == "WLD"
    assert set(result.tables["normalise"]["region"]) == {"A", "B", "C"}
    assert scores(normalise(project, method="ratio_to_reference", reference_region="EU")) == [0.125, 0.25, 0.5]
    assert scores(normalise(project, method="ratio_to_reference", reference_region="B")) == [0.5, 1.0, 2.0]


def test_reference_is_scaled_and_treated_like_the_rest(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [2, 4, 8]), ("x", "WLD", "cars", 2020, 40)]
    sizes = [*column("size", "_T", [1, 1, 4]), ("size", "WLD", "_T", 2020, 20)]
    indicators = {"x": describe("value"), "size": describe("value", classification="none")}
    project = small_project(tmp_path / "p", indicators, [*rows, *sizes], WITH_TOTAL, GOODS)
    assert scores(normalise(project, method="ratio_to_reference", per="size")) == [1.0, 2.0, 1.0]
    pulled = normalise(project, indicator=["x"], method="ratio_to_reference", reference_region="C", winsorise=1)
    assert scores(pulled) == [1.0, 1.0, 1.0]
    project = small_project(tmp_path / "q", indicators, [*rows, *sizes[:3]], WITH_TOTAL, GOODS)
    with pytest.raises(RefusedError, match="size has no value for WLD in 2020"):
        normalise(project, method="ratio_to_reference", per="size")


def test_reference_without_value_is_refused(sample: Project) -> None:
    with pytest.raises(RefusedError, match="robot_density 2023 C: the reference BRA has no value"):
        normalise(sample, indicator=["robot_density"], method="ratio_to_reference", reference_region="BRA")
    with pytest.raises(RefusedError, match="no published total to compare with"):
        normalise(sample, indicator=["robot_density"], method="ratio_to_reference")


def test_target_and_goalposts_come_from_the_catalogue_or_an_argument(tmp_path: Path) -> None:
    rows = column("x", "cars", [1, 10, 1000])
    plain = made(tmp_path / "p", describe("value"), rows)
    extra = "target = 4\n[goalposts]\nlow = 1\nhigh = 100\nlog = true"
    known = made(tmp_path / "q", describe("value", extra=extra), rows)
    assert scores(normalise(known, method="distance_to_target")) == [-0.75, 1.5, 249]
    assert scores(normalise(known, method="distance_to_target", target=10)) == [-0.9, 0, 99]
    posts = normalise(known, method="goalposts")
    assert scores(posts) == [0, 0.5, 1]
    row = posts.tables["treatment"].row(0, named=True)
    assert (row["scale_low"], row["scale_high"], row["scale_log"]) == (1, 100, True)
    assert (row["outside_low"], row["outside_high"]) == (0, 1)
    assert scores(normalise(known, method="goalposts", high=1000, log=False, clip=False)) == [0, 9 / 999, 1]
    assert scores(normalise(plain, method="goalposts", low=0, high=2000)) == [0.0005, 0.005, 0.5]
    with pytest.raises(RefusedError, match=r"x 2020 cars: no goalposts: write `\[goalposts\]` in x\.toml"):
        normalise(plain, method="goalposts", low=1)
    with pytest.raises(RefusedError, match=r"no target: write `target` in x\.toml or give one"):
        normalise(plain, method="distance_to_target")


def test_one_target_cannot_serve_several_units(sample: Project) -> None:
    with pytest.raises(UsageError, match="target in the unit of one indicator cannot serve 5"):
        normalise(sample, method="distance_to_target", target=3)


def test_scores_have_no_ratios(tmp_path: Path) -> None:
    project = made(tmp_path / "p", describe("score"), column("x", "cars", [1, 3, 5]))
    for method in ("ratio_to_mean", "ratio_to_best", "above_below"):
        with pytest.raises(RefusedError, match="a score has no zero"):
            normalise(project, method=method)
    assert scores(normalise(project, method="percentile")) == [0.5 / 3, 0.5, 2.5 / 3]


# ---------------------------------------------------------------------------------------------- refusals


def test_constant_column_alone_is_refused(tmp_path: Path) -> None:
    project = made(tmp_path / "p", describe("value"), column("x", "cars", [7, 7, 7]))
    with pytest.raises(
        RefusedError, match="no column can be normalised by z_score: x 2020 cars: the z-score"
    ) as caught:
        normalise(project)
    assert "--method rank" in (caught.value.fix or "")
    assert scores(normalise(project, method="rank")) == [1, 1, 1]


def test_some_refused_columns_are_noted_and_listed(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [7, 7, 7]), *column("x", "food", [1, 2, 3]), *column("x", "toys", [1, 0, 4])]
    project = made(tmp_path / "p", describe("value"), rows)
    result = normalise(project)
    frame = result.tables["normalise"]
    cars = frame.filter(pl.col("sector").cast(pl.String) == "cars")
    assert cars.select("score", "rank", "note").rows() == [(None, None, "constant")] * 3
    assert scores(result, "food") == [-1, 0, 1]
    (refused,) = result.meta["refused"]
    assert (refused["indicator"], refused["year"], refused["sector"]) == ("x", 2020, "cars")
    assert refused["reason"].startswith("the z-score does not exist for a column without spread")
    assert result.tables["treatment"]["note"].to_list() == ["constant", None, None]
    boxed = normalise(project, method="box_cox")
    notes = boxed.tables["normalise"].group_by("sector").agg(pl.col("note").unique()).sort("sector")
    assert notes["note"].to_list() == [["constant"], [None], ["refused"]]
    assert boxed.meta["blocks"][0]["refused"] == 2


def test_all_refusals_come_at_once(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [7, 7]), *column("x", "food", [1, 1]), *column("x", "toys", [2, 2], 2019)]
    project = made(tmp_path / "p", describe("intensity"), rows)
    with pytest.raises(RefusedError) as caught:
        normalise(project, year="all", method="min_max")
    for name in ("x 2019 toys", "x 2020 cars", "x 2020 food"):
        assert name in caught.value.message


def test_empty_column_is_refused_or_null_with_its_reason(tmp_path: Path) -> None:
    rows = [("x", "A", "cars", 2020, None, "Q"), ("x", "B", "cars", 2020, None, "M"), ("x", "C", "cars", 2020, None)]
    rows += column("x", "food", [1, 2, 3])
    project = made(tmp_path / "p", describe("intensity"), rows)
    frame = normalise(project).tables["normalise"]
    cars = frame.filter(pl.col("sector").cast(pl.String) == "cars")
    assert cars["note"].to_list() == ["refused;suppressed", "not_applicable;refused", "missing;refused"]
    fixed = normalise(project, method="goalposts", low=0, high=4)
    assert fixed.meta["refused"] == []
    cars = fixed.tables["normalise"].filter(pl.col("sector").cast(pl.String) == "cars")
    assert cars.select("score", "note").rows() == [(None, "suppressed"), (None, "not_applicable"), (None, "missing")]


@pytest.mark.parametrize("winsorise", ["none", "rule", 1])
@pytest.mark.parametrize("per", [None, "population"])
def test_no_null_without_a_reason(sample: Project, winsorise: str | int, per: str | None) -> None:
    frame = normalise(sample, year="2018:2023", winsorise=winsorise, per=per, complete=True).tables["normalise"]
    null = frame.filter(pl.any_horizontal(pl.col("value", "treated", "score", "rank").is_null()))
    assert null["note"].null_count() == 0
    assert not np.isnan(frame["score"].drop_nulls().to_numpy()).any()
    assert null.height > 0


def test_wrong_options_are_usage_errors(sample: Project) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"method": "zscore"}, "unknown method 'zscore'"),
        ({"ddof": "x"}, "ddof='x' does not fit z_score"),
        ({"method": "rank", "ties": "first"}, "ties='first' does not fit rank"),
        ({"method": "rank", "ddof": 1}, "rank has no parameter ddof"),
        ({"method": "box_cox", "method_": 1}, "box_cox has no parameter method_"),
        ({"low": 1.0}, "the method z_score does not read low"),
        ({"reference_region": "USA"}, "the method z_score does not read reference_region"),
        ({"method": "goalposts", "low": 2.0, "high": 1.0}, "low .2.0. must be smaller than high"),
        ({"direction": 0}, "direction 0 is neither"),
        ({"winsorise": "log"}, "winsorise 'log' is not a number"),
        ({"indicator": ["patents"]}, "unknown indicator 'patents'"),
        ({"region": ["Atlantis"]}, "unknown region 'Atlantis'"),
        ({"year": "soon"}, "--year soon is not a year"),
    ]
    for arguments, message in wrong:
        with pytest.raises(UsageError, match=message):
            normalise(sample, **arguments)  # type: ignore[arg-type]


def test_year_without_data_is_said(sample: Project) -> None:
    with pytest.raises(RefusedError, match=r"robot_use: no data in 2019 \(has 2018, 2020, 2022\)"):
        normalise(sample, indicator=["robot_use"], year=2019)
    result = normalise(sample, indicator=["robot_use", "robot_density"], year=2023)
    assert result.meta["no_data"] == [{"indicator": "robot_use", "asked": "2023", "has": [2018, 2020, 2022]}]
    with pytest.raises(RefusedError, match="no row of robot_density for BRA"):
        normalise(sample, indicator=["robot_density"], region=["BRA"])


def test_sector_without_rows_in_the_year_is_said(tmp_path: Path) -> None:
    rows = [*column("x", "cars", [1, 2]), *column("x", "toys", [1, 2], 2019)]
    project = made(tmp_path / "p", describe("value"), rows)
    with pytest.raises(RefusedError, match="no row for the indicators and sectors asked for"):
        normalise(project, sector=["toys"])
    assert normalise(project, sector=["toys"], year=2019).tables["normalise"].height == 2


def test_order_of_the_input_rows_changes_nothing(tmp_path: Path) -> None:
    rows = [*column("x", "cars", SKEWED), *column("x", "food", SKEWED[::-1]), *column("x", "toys", [3] * 12)]
    shuffled = list(rows)
    random.Random(1).shuffle(shuffled)
    assert shuffled != rows
    first, second = (
        normalise(made(tmp_path / name, describe("value"), given), winsorise="rule")
        for name, given in (("p", rows), ("q", shuffled))
    )
    for name in ("normalise", "treatment"):
        assert_frame_equal(first.tables[name], second.tables[name], check_exact=True)
    assert first.meta == second.meta
