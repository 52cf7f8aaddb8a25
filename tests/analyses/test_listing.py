"""`indicators`, `regions`, `sectors`: what a project holds, counted and explained."""

from __future__ import annotations

import csv
import random
import tomllib
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses.listing import (
    COVERAGE_COLUMNS,
    INDICATOR_COLUMNS,
    REGION_COLUMNS,
    SECTOR_COLUMNS,
    indicator,
    indicators,
    regions,
    sectors,
)
from capmap.data.load import load
from capmap.errors import UsageError
from capmap.model import Indicator, Project
from tests.analyses.small_project import describe, small_project

ROOT = Path(__file__).parents[2]
REGIONS = [
    "B,Beta,,country,region,east",
    "A,Alpha,,country,region,east;old",
    "A1,Alpha North,A,province,region,",
    "EU,Union,,union,aggregate,",
    "WLD,World,,world,reference,",
]
GOODS = ["all,All goods,,total", "food,Food,all,good", "cars,Cars,all,good", "toys,Toys,all,good"]
ROWS = [
    ("made", "A", "cars", 2018, 1),
    ("made", "A", "food", 2018, 2, "E"),
    ("made", "B", "cars", 2018, None, "Q"),
    ("made", "WLD", "cars", 2018, 9),
    ("made", "EU", "cars", 2018, 3),
    ("made", "A", "cars", 2020, 1),
    ("made", "A", "_T", 2020, 5),
    ("people", "A", "_T", 2020, 100),
]


@pytest.fixture(scope="module")
def sample() -> Project:
    return load(environ={})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    catalogue = {
        "made": describe("count", extra='counting = "whole"\ncaveats = ["first", "second"]\nyears = [2018, 2020]'),
        "people": describe("value", classification="none"),
        "planned": describe("intensity", extra="percent = true\n[goalposts]\nlow = 0\nhigh = 10"),
    }
    return small_project(tmp_path / "p", catalogue, ROWS, REGIONS, GOODS)


def test_indicators_of_the_sample_agree_with_its_files(sample: Project) -> None:
    result = indicators(sample)
    frame = result.frame
    assert frame.columns == list(INDICATOR_COLUMNS)
    assert frame["id"].to_list() == sorted(path.stem for path in (ROOT / "indicators").glob("*.toml"))
    for row in frame.iter_rows(named=True):
        with (ROOT / "sample_data" / f"{row['id']}.csv").open() as file:
            lines = list(csv.DictReader(file))
        written = tomllib.loads((ROOT / "indicators" / f"{row['id']}.toml").read_text())
        years = sorted({int(line["year"]) for line in lines})
        assert (row["first_year"], row["last_year"], row["periods"]) == (years[0], years[-1], len(years))
        assert row["observations"] == len(lines)
        assert row["missing"] == sum(line["value"] == "" for line in lines)
        seen = {line["region"] for line in lines}
        assert row["regions"] == len(seen - {"WLD"})
        assert row["reference"] == ("WLD" if "WLD" in seen else None)
        assert row["sectors"] == len({line["sector"] for line in lines})
        for key in ("name", "kind", "unit", "stage", "direction", "classification"):
            assert row[key] == written[key]
        assert row["counting"] == written.get("counting")
        assert (row["source"], row["licence"]) == (written["source"]["title"], written["source"]["licence"])
    assert result.meta["command"] == "indicators"


def test_indicators_count_roles_totals_and_missing_apart(project: Project) -> None:
    made, people, planned = indicators(project).frame.to_dicts()
    keys = ("first_year", "last_year", "periods", "regions", "sectors", "observations", "missing", "reference")
    assert [made[key] for key in keys] == [2018, 2020, 2, 2, 2, 7, 1, "WLD"]
    assert [people[key] for key in keys] == [2020, 2020, 1, 1, 1, 1, 0, None]
    assert [planned[key] for key in keys] == [None, None, 0, 0, 0, 0, 0, None]


def test_reference_named_in_the_catalogue_wins(tmp_path: Path) -> None:
    catalogue = {"made": describe("count", extra='reference = "EU"')}
    project = small_project(tmp_path / "p", catalogue, [row for row in ROWS if row[0] == "made"], REGIONS, GOODS)
    assert indicators(project).frame["reference"].to_list() == ["EU"]


def test_indicator_shows_every_key_of_the_catalogue(project: Project) -> None:
    result = indicator(project, "made")
    rows = result.tables["indicator"].rows()
    keys = [key for key, _ in rows]
    plain = set(Indicator.model_fields) - {"source", "goalposts"}
    assert plain <= set(keys)
    assert {"source.title", "source.producer", "source.table", "source.url", "goalposts"} <= set(keys)
    values = dict(rows)
    assert [value for key, value in rows if key == "caveats"] == ["first", "second"]
    assert Counter(keys).most_common(2) == [("caveats", 2), ("id", 1)]
    assert (values["id"], values["years"], values["direction"], values["percent"]) == (
        "made",
        "2018:2020",
        "1",
        "false",
    )
    assert (values["absent_rows"], values["aggregate"]) == ("zero", "sum")  # the defaults of a count
    assert values["target"] is None
    assert values["source.title"] == "made up"


def test_indicator_without_observations_is_explained_all_the_same(project: Project) -> None:
    result = indicator(project, "planned")
    values = dict(result.tables["indicator"].rows())
    assert (values["goalposts.low"], values["goalposts.high"], values["goalposts.log"]) == ("0.0", "10.0", "false")
    assert (values["absent_rows"], values["aggregate"], values["percent"]) == ("missing", "none", "true")
    assert values["caveats"] is None
    assert result.tables["coverage"].is_empty()
    assert result.tables["coverage"].columns == list(COVERAGE_COLUMNS)


def test_coverage_counts_each_year(project: Project) -> None:
    coverage = indicator(project, "made").tables["coverage"]
    assert coverage.columns == list(COVERAGE_COLUMNS)
    # 2018: A cars, A food of the four pairs of A, B and cars, food; 2020: A cars, the total is no pair
    assert coverage.rows() == [
        (2018, 2, 2, 5, 1, 0.5, "A:3;E:1;Q:1"),
        (2020, 1, 1, 2, 0, 0.25, "A:2"),
    ]
    assert indicator(project, "people").tables["coverage"].rows() == [(2020, 1, 1, 1, 0, 1.0, "A:1")]


def test_coverage_of_the_sample(sample: Project) -> None:
    coverage = indicator(sample, "patent_families").tables["coverage"]
    assert coverage["year"].to_list() == [2008, 2010, 2012, 2014, 2016, 2018]
    assert set(coverage["share"]) == {1.0}
    robots = indicator(sample, "robot_use").tables["coverage"]
    assert robots["observations"].sum() == 675
    share = robots["share"].to_list()
    assert share == pytest.approx([n / (35 * 8) for n in robots["observations"]])
    assert all(0 < s < 1 for s in share)


def test_unknown_indicator_gets_the_nearest(sample: Project) -> None:
    with pytest.raises(UsageError, match="unknown indicator 'robot_us'") as caught:
        indicator(sample, "robot_us")
    assert "robot_use" in (caught.value.fix or "")


def test_regions_with_their_indicators(project: Project) -> None:
    frame = regions(project).frame
    assert frame.columns == list(REGION_COLUMNS)
    assert frame.select("code", "role", "indicators").rows() == [
        ("A", "region", "made;people"),
        ("A1", "region", None),
        ("B", "region", None),  # its only row has no value
        ("EU", "aggregate", "made"),
        ("WLD", "reference", "made"),
    ]
    assert frame.row(1, named=True)["parent"] == "A"
    assert regions(project, group="east").frame["code"].to_list() == ["A", "B"]
    assert regions(project, level="province").frame["code"].to_list() == ["A1"]
    assert regions(project, group="old", level="country").frame["code"].to_list() == ["A"]
    assert regions(project, group="old", level="province").frame.is_empty()


def test_regions_of_the_sample(sample: Project) -> None:
    frame = regions(sample).frame
    assert frame.height == 54
    korea = frame.filter(pl.col("code") == "KOR").row(0, named=True)
    assert korea["indicators"] == "articles;patent_families;population;robot_density"
    assert frame.filter(pl.col("role") == "reference")["code"].to_list() == ["WLD"]
    assert regions(sample, group="EU27").frame.height == 27


def test_unknown_group_and_level(sample: Project) -> None:
    with pytest.raises(UsageError, match="no region belongs to group 'EU28'") as caught:
        regions(sample, group="EU28")
    assert "EU27" in (caught.value.fix or "")
    with pytest.raises(UsageError, match="unknown level 'contry'") as caught:
        regions(sample, level="contry")
    assert "did you mean country?" in (caught.value.fix or "")


def test_sectors_by_classification(project: Project, sample: Project) -> None:
    frame = sectors(project).frame
    assert frame.columns == list(SECTOR_COLUMNS)
    assert frame.select("classification", "code", "parent", "indicators").rows() == [
        ("goods", "all", None, None),
        ("goods", "cars", "all", "made"),
        ("goods", "food", "all", "made"),
        ("goods", "toys", "all", None),
    ]
    frame = sectors(sample).frame
    assert "_T" not in set(frame["code"])
    # `chemistry` is an area of patents without rows, and a field of science with rows
    chemistry = frame.filter(pl.col("code") == "chemistry").select("classification", "indicators").rows()
    assert chemistry == [("science14", "articles"), ("wipo35", None)]
    nace = sectors(sample, "nace2").frame
    assert nace.filter(pl.col("code") == "C")["indicators"].to_list() == ["robot_density;robot_use"]
    assert nace.height == 8
    with pytest.raises(UsageError, match="unknown classification 'nace'") as caught:
        sectors(sample, "nace")
    assert "did you mean nace2?" in (caught.value.fix or "")


def test_codes_taken_as_found(tmp_path: Path) -> None:
    catalogue = {"made": describe("count", classification="things")}
    rows = [("made", "A", "cars", 2020, 1), ("made", "B", "food", 2020, None)]
    project = small_project(tmp_path / "p", catalogue, rows)
    assert regions(project).frame.select("code", "role", "indicators").rows() == [
        ("A", "region", "made"),
        ("B", "region", None),
    ]
    assert sectors(project).frame.select("classification", "code", "indicators").rows() == [
        ("things", "cars", "made"),
        ("things", "food", None),
    ]


def test_data_without_years(tmp_path: Path) -> None:
    file = tmp_path / "exports.csv"
    file.write_text("region,sector,value\nA,cars,1\nB,cars,2\n", encoding="utf-8")
    project = load(data=file, kind="value", environ={})
    row = indicators(project).frame.row(0, named=True)
    assert (row["first_year"], row["last_year"], row["periods"], row["observations"]) == (None, None, 1, 2)
    assert indicator(project, "exports").tables["coverage"].rows() == [(None, 2, 1, 2, 0, 1.0, "A:2")]


def test_order_of_the_input_rows_changes_nothing(tmp_path: Path) -> None:
    catalogue = {"made": describe("count"), "people": describe("value", classification="none")}
    shuffled = list(ROWS)
    random.Random(3).shuffle(shuffled)
    assert shuffled != ROWS
    first, second = (
        small_project(tmp_path / name, catalogue, rows, REGIONS, GOODS) for name, rows in (("p", ROWS), ("q", shuffled))
    )
    for listing in (indicators, regions, sectors):
        assert_frame_equal(listing(first).frame, listing(second).frame)
    for name, table in indicator(first, "made").tables.items():
        assert_frame_equal(table, indicator(second, "made").tables[name])
