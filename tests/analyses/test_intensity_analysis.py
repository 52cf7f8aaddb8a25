"""`intensity`: three factors where the denominator is known, position among regions everywhere."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from math import isclose
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses.intensity import COLUMNS, FACTORS, intensity
from capmap.data.load import load
from capmap.errors import RefusedError, UsageError
from capmap.model import Project
from tests.analyses.small_project import describe, small_project

WORLD = [f"{code},{code},,country,region," for code in "ABCDEF"]
WITH_TOTAL = [*WORLD, "WLD,World,,world,reference,", "EU,Union,,union,aggregate,"]
GOODS = [f"{code},{code},,good" for code in ("cars", "food", "toys")]
JOBS = describe("value")
DENSITY = describe("intensity", extra='denominator = "jobs"')


@pytest.fixture(scope="module")
def sample() -> Project:
    return load(environ={})


def cell(frame: pl.DataFrame, region: str, sector: str, **others: object) -> dict[str, object]:
    found = frame.filter(
        (pl.col("region").cast(pl.String) == region)
        & (pl.col("sector").cast(pl.String) == sector)
        & pl.all_horizontal(pl.lit(True), *(pl.col(k) == v for k, v in others.items()))
    )
    return found.row(0, named=True)


# ---------------------------------------------------------------------------------------- three factors

WORKED = [  # the worked example of methods.intensity.three_factors: cars and food in two regions
    ("density", "A", "cars", 2020, 30),
    ("density", "A", "food", 2020, 5),
    ("density", "B", "cars", 2020, 10),
    ("density", "B", "food", 2020, 2.5),
    ("jobs", "A", "cars", 2020, 200),
    ("jobs", "A", "food", 2020, 200),
    ("jobs", "B", "cars", 2020, 200),
    ("jobs", "B", "food", 2020, 400),
]


def test_three_factors_of_a_worked_example(tmp_path: Path) -> None:
    project = small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, WORKED, WORLD, GOODS)
    result = intensity(project, floor=0)
    assert result.frame.columns == list(COLUMNS)
    cars = cell(result.frame, "A", "cars")
    assert (cars["denominator"], cars["rii"], cars["rii_region"]) == (200.0, 1.5, 1.75)
    assert isclose(cars["rca_stock"], (6 / 7) / (8 / 10))
    assert cars["rca_denominator"] == 1.25
    assert isclose(cars["dri"], 1.5 / 1.75)
    assert cars["note"] is None
    (block,) = result.meta["blocks"]
    assert (block["denominator"], block["no_denominator"]) == ("jobs", None)
    assert block["reference"] == {"kind": "sum", "label": "sum of 2 regions"}


@pytest.mark.parametrize("published", [False, True])
def test_identity_and_factors_equal_a_loop(tmp_path: Path, published: bool) -> None:
    draw = random.Random(20230926)
    regions, sectors = "ABCDEF", ("cars", "food", "toys")
    r = {(i, j): round(draw.uniform(1, 50), 2) for i in regions for j in sectors}
    d = {(i, j): draw.randint(1_000, 90_000) for i in regions for j in sectors}
    for hole in (("B", "food"), ("C", "toys")):
        del r[hole]
    del d["D", "cars"]
    world_r = {j: round(draw.uniform(5, 40), 2) for j in sectors}
    world_d = {j: 400_000 + draw.randint(0, 1000) for j in sectors}
    rows = [("density", i, j, 2020, v) for (i, j), v in r.items()]
    rows += [("jobs", i, j, 2020, v) for (i, j), v in d.items()]
    rows += [("density", "EU", "cars", 2020, 7), ("jobs", "EU", "cars", 2020, 9)]
    if published:
        rows += [("density", "WLD", j, 2020, v) for j, v in world_r.items()]
        rows += [("jobs", "WLD", j, 2020, v) for j, v in world_d.items()]
    jobs = describe("value", extra='absent_rows = "missing"')
    result = intensity(small_project(tmp_path / "p", {"density": DENSITY, "jobs": jobs}, rows, WITH_TOTAL, GOODS))

    both = set(r) & set(d)
    stock = {k: r[k] * d[k] for k in both}
    s_j, d_j = {}, {}
    for j in sectors:
        s_j[j] = world_r[j] * world_d[j] if published else sum(stock[k] for k in both if k[1] == j)
        d_j[j] = world_d[j] if published else sum(d[k] for k in both if k[1] == j)
    kind, label = ("published", "published total WLD") if published else ("sum", "sum of 6 regions")
    assert result.meta["blocks"][0]["reference"] == {"kind": kind, "label": label}
    assert set(result.frame["region"]) == set(regions)
    assert result.frame.height == len(r)
    for (i, j), value in r.items():
        row = cell(result.frame, i, j)
        own = [k for k in both if k[0] == i]
        s_i, d_i = sum(stock[k] for k in own), sum(d[k] for k in own)
        s, n = sum(s_j[k[1]] for k in own), sum(d_j[k[1]] for k in own)
        assert isclose(row["rii_region"], (s_i / d_i) / (s / n))
        if (i, j) not in both:
            assert row["note"] == "no_denominator"
            assert [row[name] for name in ("denominator", "rii", "dri", "rca_stock", "rca_denominator")] == [None] * 5
            continue
        assert isclose(row["rii"], value / (s_j[j] / d_j[j]))
        assert isclose(row["rca_stock"], (stock[i, j] / s_i) / (s_j[j] / s))
        assert isclose(row["rca_denominator"], (d[i, j] / d_i) / (d_j[j] / n))
        assert isclose(row["dri"], row["rii"] / row["rii_region"])
        assert isclose(row["rca_stock"], row["rca_denominator"] * row["rii"] / row["rii_region"])
        assert row["note"] == ("partial_base" if i in "BCD" else None)


def test_cells_below_the_floor_are_withheld_but_stay_in_every_sum(tmp_path: Path) -> None:
    project = small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, WORKED, WORLD, GOODS)
    whole, floored = intensity(project, floor=0).frame, intensity(project, floor=300).frame
    assert cell(floored, "B", "food")["rii"] == cell(whole, "B", "food")["rii"]
    for region, sector in (("A", "cars"), ("A", "food"), ("B", "cars")):
        row = cell(floored, region, sector)
        assert row["note"] == "below_floor"
        assert [row[name] for name in ("rii", "dri", "rca_stock", "rca_denominator")] == [None] * 4
        assert (row["value"], row["rank"]) == (cell(whole, region, sector)["value"], 1 + (region == "B"))
    with pytest.raises(UsageError, match="--floor -1"):
        intensity(project, floor=-1)


def test_default_floor_is_500(tmp_path: Path) -> None:
    rows = [*WORKED[:4], *((*row[:4], row[4] * 2.4) for row in WORKED[4:])]
    project = small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, rows, WORLD, GOODS)
    frame = intensity(project).frame
    assert frame["denominator"].to_list() == [480, 480, 480, 960]
    assert frame["note"].to_list() == ["below_floor", "below_floor", "below_floor", None]


def test_absent_denominator_is_zero_inside_its_rectangle_and_unknown_outside(tmp_path: Path) -> None:
    rows = [
        *WORKED,
        ("density", "C", "cars", 2020, 8),  # C has no jobs row at all: unknown
        ("density", "A", "toys", 2020, 8),  # nor have toys
        ("density", "D", "cars", 2020, 0),  # D has jobs in food only: a true zero of jobs in cars
        ("jobs", "D", "food", 2020, 600),
    ]
    project = small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, rows, WORLD, GOODS)
    frame = intensity(project, floor=0).frame
    assert cell(frame, "C", "cars")["note"] == cell(frame, "A", "toys")["note"] == "no_denominator"
    zero = cell(frame, "D", "cars")
    assert (zero["denominator"], zero["rii"], zero["note"]) == (0.0, None, "no_base;partial_base")


def test_denominator_of_another_year_is_not_used(tmp_path: Path) -> None:
    rows = [*WORKED[:4], *((*row[:3], 2018, row[4]) for row in WORKED[4:])]
    result = intensity(small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, rows, WORLD, GOODS), floor=0)
    assert set(result.frame["note"]) == {"no_denominator"}
    assert result.frame.select("denominator", *FACTORS).null_count().row(0) == (4,) * 6
    assert cell(result.frame, "A", "cars")["ratio_median"] == 1.5
    (block,) = result.meta["blocks"]
    assert (block["denominator"], block["no_denominator"]) == (None, "jobs has no rows in 2020 (has 2018)")


def test_denominator_without_a_common_cell_is_none(tmp_path: Path) -> None:
    rows = [*WORKED[:4], ("jobs", "A", "_T", 2020, 9000)]
    jobs = describe("value", classification="none")
    result = intensity(small_project(tmp_path / "p", {"density": DENSITY, "jobs": jobs}, rows, WORLD, GOODS))
    assert result.meta["blocks"][0]["no_denominator"] == "no row of jobs stands in the same region and sector"
    assert set(result.frame["note"]) == {"no_denominator"}


def test_total_beside_sectors_is_a_table_by_itself(tmp_path: Path) -> None:
    totals = [("density", "A", "_T", 2020, 17.5), ("density", "B", "_T", 2020, 5)]
    totals += [("jobs", "A", "_T", 2020, 400), ("jobs", "B", "_T", 2020, 600)]
    indicators = {"density": DENSITY, "jobs": JOBS}
    without = intensity(small_project(tmp_path / "p", indicators, WORKED, WORLD, GOODS), floor=0).frame
    frame = intensity(small_project(tmp_path / "q", indicators, [*WORKED, *totals], WORLD, GOODS), floor=0).frame
    sectors = frame.filter(pl.col("sector").cast(pl.String) != "_T").drop("region", "sector")
    assert_frame_equal(sectors, without.drop("region", "sector"), categorical_as_str=True)
    total = cell(frame, "A", "_T")  # 17.5 beside the world's (7000 + 3000) / 1000
    assert (total["rii"], total["rca_stock"], total["rank"], total["n"]) == (1.75, 1.0, 1, 2)
    assert intensity(load(tmp_path / "q"), sector=["_T"], floor=0).frame.height == 2


def test_year_may_be_absent(tmp_path: Path) -> None:
    project = small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, WORKED, WORLD, GOODS)
    yearless = replace(project, observations=project.observations.with_columns(year=pl.lit(None, pl.Int32)))
    frame = intensity(yearless, floor=0).frame
    assert frame["year"].null_count() == 4
    assert_frame_equal(frame.drop("year"), intensity(project, floor=0).frame.drop("year"))


def test_contradictions_are_named_and_refused(tmp_path: Path) -> None:
    rows = [*WORKED[:4], *WORKED[4:7], ("jobs", "B", "food", 2020, 0)]
    indicators = {"density": DENSITY, "jobs": JOBS}
    project = small_project(tmp_path / "p", indicators, rows, WORLD, GOODS)
    with pytest.raises(RefusedError, match="density 2020: an intensity above 0 on a denominator of 0 in B food"):
        intensity(project)
    sound = [("density", "A", "cars", 2021, 3), ("jobs", "A", "cars", 2021, 900)]
    project = small_project(tmp_path / "q", indicators, [*rows, *sound], WORLD, GOODS)
    result = intensity(project, year="all")
    (refused,) = result.meta["refused"]
    assert (refused["indicator"], refused["year"]) == ("density", 2020)
    bad = result.frame.filter(pl.col("year") == 2020)
    assert set(bad["note"]) == {"refused"}
    assert bad.select(FACTORS).null_count().row(0) == (4,) * 5
    assert bad["rank"].null_count() == 0
    assert cell(result.frame, "A", "cars", year=2021)["rii"] == 1.0


# ------------------------------------------------------------------------------------- without denominator


def test_robot_use_of_the_sample_is_a_ratio_to_the_median(sample: Project) -> None:
    result = intensity(sample, indicator=["robot_use"], sector=["C"])
    frame = result.frame
    values = frame["value"].to_list()
    assert frame["year"].unique().to_list() == [2022]
    assert set(frame["note"]) == {"no_denominator"}
    assert frame.select("denominator", *FACTORS).null_count().row(0) == (frame.height,) * 6
    median = statistics.median(values)
    assert all(isclose(a, b / median) for a, b in zip(frame["ratio_median"], values, strict=True))
    assert frame["rank"].to_list() == [1 + sum(w > v for w in values) for v in values]
    mid = [(sum(w < v for w in values) + sum(w == v for w in values) / 2) / len(values) for v in values]
    assert all(isclose(a, b) for a, b in zip(frame["percentile"], mid, strict=True))
    assert set(frame["n"]) == {frame.height}
    (block,) = result.meta["blocks"]
    assert block["no_denominator"].startswith("external: number of enterprises")
    assert block["reference"] is None


def test_robot_density_of_the_sample(sample: Project) -> None:
    frame = intensity(sample, indicator=["robot_density"]).frame
    korea = cell(frame, "KOR", "C")  # 101 robots; the median of the 16 countries is 30
    assert (korea["rank"], korea["n"], korea["percentile"]) == (1, 16, 15.5 / 16)
    assert isclose(korea["ratio_median"], 101 / 30)
    assert cell(frame, "CHE", "C")["rank"] == cell(frame, "USA", "C")["rank"] == 8


def test_selection_of_rows_changes_no_number(sample: Project) -> None:
    whole = intensity(sample, year="all").frame
    part = intensity(sample, year="all", region=["Germany", "ITA"], sector=["Manufacturing"]).frame
    kept = whole.filter(
        pl.col("region").cast(pl.String).is_in(["DEU", "ITA"]) & (pl.col("sector").cast(pl.String) == "C")
    )
    assert_frame_equal(part, kept)
    assert part.height > 6


def test_result_is_sorted_and_blocks_follow(sample: Project) -> None:
    result = intensity(sample, indicator=["robot_use", "robot_density", "robot_use"], year="all")
    keys = ["indicator", "year", "region", "sector"]
    assert_frame_equal(result.frame, result.frame.sort(keys))
    assert not result.frame.select(keys).is_duplicated().any()
    assert [(b["indicator"], b["year"]) for b in result.meta["blocks"]] == [
        ("robot_use", 2018),
        ("robot_use", 2020),
        ("robot_use", 2022),
        ("robot_density", 2023),
    ]


def test_direction_turns_position_and_not_ratios(tmp_path: Path) -> None:
    rows = [("lag", region, "_T", 2020, value) for region, value in zip("ABCD", (2, 4, 4, 10), strict=True)]
    lag = describe("intensity", classification="none", extra="direction = -1")
    frame = intensity(small_project(tmp_path / "p", {"lag": lag}, rows, WORLD)).frame
    assert frame["rank"].to_list() == [1, 2, 2, 4]
    assert frame["percentile"].to_list() == [0.875, 0.5, 0.5, 0.125]
    assert frame["ratio_median"].to_list() == [0.5, 1.0, 1.0, 2.5]


def test_score_has_a_position_and_no_ratio(tmp_path: Path) -> None:
    rows = [("rating", region, "cars", 2020, value) for region, value in zip("ABC", (1, 5, 3), strict=True)]
    rows += [("jobs", region, "cars", 2020, 800) for region in "ABC"]
    rating = describe("score", extra='denominator = "jobs"')
    frame = intensity(small_project(tmp_path / "p", {"rating": rating, "jobs": JOBS}, rows, WORLD, GOODS)).frame
    assert frame.select("denominator", *FACTORS, "ratio_median").null_count().row(0) == (3,) * 7
    assert frame["rank"].to_list() == [3, 1, 2]
    assert set(frame["note"]) == {"score"}


def test_null_values_keep_their_row_and_their_reason(tmp_path: Path) -> None:
    rows = [
        ("share", "A", "cars", 2020, 4),
        ("share", "B", "cars", 2020, None, "Q"),
        ("share", "C", "cars", 2020, None, "M"),
        ("share", "D", "cars", 2020, None, "L"),
        ("share", "E", "cars", 2020, 0),
        ("share", "A", "food", 2020, 0),
        ("share", "B", "food", 2020, 0),
    ]
    frame = intensity(small_project(tmp_path / "p", {"share": describe("intensity")}, rows, WORLD, GOODS)).frame
    notes = frame.filter(pl.col("sector").cast(pl.String) == "cars")["note"].to_list()
    assert notes == [
        "no_denominator",
        "no_denominator;suppressed",
        "no_denominator;not_applicable",
        "missing;no_denominator",
        "no_denominator",
    ]
    assert frame.filter(pl.col("value").is_null()).select("rank", "percentile").null_count().row(0) == (3, 3)
    assert set(frame.filter(pl.col("sector").cast(pl.String) == "cars")["n"]) == {2}
    assert cell(frame, "A", "food")["note"] == "no_base;no_denominator"  # the median is 0


@pytest.mark.parametrize("floor", [0.0, 500.0])
def test_every_null_has_a_reason(tmp_path: Path, sample: Project, floor: float) -> None:
    project = small_project(tmp_path / "p", {"density": DENSITY, "jobs": JOBS}, WORKED, WORLD, GOODS)
    for loaded in (project, sample):
        frame = intensity(loaded, year="all", floor=floor).frame
        null = frame.filter(pl.any_horizontal(pl.col(*FACTORS, "ratio_median", "percentile", "rank").is_null()))
        assert null["note"].null_count() == 0
        assert frame.height > 0


def test_order_of_the_input_rows_changes_nothing(tmp_path: Path) -> None:
    rows = [*WORKED, ("density", "C", "cars", 2020, None, "Q"), ("jobs", "C", "cars", 2020, 50)]
    shuffled = list(rows)
    random.Random(1).shuffle(shuffled)
    indicators = {"density": DENSITY, "jobs": JOBS}
    first, second = (
        intensity(small_project(tmp_path / name, indicators, given, WORLD, GOODS), floor=0)
        for name, given in (("p", rows), ("q", shuffled))
    )
    assert shuffled != rows
    assert_frame_equal(first.frame, second.frame, check_exact=True)
    assert first.meta == second.meta


# ---------------------------------------------------------------------------------------------- refusals


def test_counts_and_values_are_refused_by_name(sample: Project) -> None:
    with pytest.raises(UsageError, match="no intensity in patent_families: a count is an amount") as caught:
        intensity(sample, indicator=["patent_families"])
    assert caught.value.fix == "capmap rca -i patent_families"
    with pytest.raises(UsageError) as caught:
        intensity(sample, indicator=["population"])
    assert caught.value.fix == "capmap normalise -i population"
    skipped = intensity(sample).meta["skipped"]
    assert [each["indicator"] for each in skipped] == ["articles", "patent_families", "population"]


def test_year_without_data_is_said(sample: Project) -> None:
    with pytest.raises(RefusedError, match=r"robot_use: no data in 2019 \(has 2018, 2020, 2022\)"):
        intensity(sample, indicator=["robot_use"], year=2019)
    result = intensity(sample, year="2022:2023")
    assert result.meta["no_data"] == []
    result = intensity(sample, year=2023)
    assert result.meta["no_data"] == [{"indicator": "robot_use", "asked": "2023", "has": [2018, 2020, 2022]}]
    assert set(result.frame["indicator"]) == {"robot_density"}


@pytest.mark.parametrize("values", [(0, 0), (0, None), (None, None)])
def test_nothing_but_zeros_is_refused(tmp_path: Path, values: tuple[float | None, ...]) -> None:
    rows = [("density", region, "cars", 2020, value, None if value == 0 else "L")
            for region, value in zip("AB", values, strict=True)]  # fmt: skip
    project = small_project(tmp_path / "p", {"density": describe("intensity", extra='denominator = "external: x"')},
                            rows, WORLD, GOODS)  # fmt: skip
    with pytest.raises(RefusedError, match="nothing to compute: no value of density 2020 is known and above 0"):
        intensity(project)
    scores = small_project(tmp_path / "s", {"density": describe("score")}, rows, WORLD, GOODS)
    if None in values and 0 not in values:
        with pytest.raises(RefusedError, match="no value of density 2020 is known"):
            intensity(scores)
    else:
        assert intensity(scores).frame.height == 2  # a score of 0 is a judgement


def test_nothing_to_answer_with(sample: Project, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no row of robot_density for BRA"):
        intensity(sample, indicator=["robot_density"], region=["BRA"])
    with pytest.raises(UsageError, match="unknown indicator 'robots'"):
        intensity(sample, indicator=["robots"])
    project = small_project(tmp_path / "p", {"jobs": JOBS}, [("jobs", "A", "cars", 2020, 5)], WORLD, GOODS)
    with pytest.raises(RefusedError, match="no intensity or score in this project"):
        intensity(project)
