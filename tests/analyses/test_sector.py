"""`sector`: the transpose of a profile, its concentration, and who came and went."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from capmap.analyses.profile import LONG_COLUMNS
from capmap.analyses.sector import JUMP, MOVERS, PREVIOUS, REGIONS, Period, long, sector
from capmap.analyses.specialisation import rca
from capmap.data.load import load
from capmap.errors import RefusedError, UsageError
from capmap.model import Project, Result
from tests.analyses.made import Key, made, one_year
from tests.analyses.small_project import describe, small_project

SAMPLE = Path(__file__).parents[2] / "sample_data"
TABLES = [
    "headline", "regions", "history", "concentration", "entrants", "leavers", "uncertain", "world", "intensity",
    "coverage", "sources",
]  # fmt: skip


@pytest.fixture(scope="module")
def chips(sample: Project) -> Result:
    return sector(sample, "semiconductors")


def clause(result: Result, name: str) -> list[str]:
    """Regions of a clause of the headline, in order."""
    found: list[str] = result.tables["headline"].filter(pl.col("clause") == name)["region"].to_list()
    return found


def listing(result: Result) -> dict[str, str]:
    table = result.tables["regions"]
    return dict(zip(table["region"].cast(pl.String), table["listing"].cast(pl.String), strict=True))


def now(result: Result, table: str) -> dict[str, object]:
    """Row of the last year of a table with a row a year."""
    return result.tables[table].row(-1, named=True)


# --------------------------------------------------------------------------------------- published figures


def test_published_figures_of_semiconductors(chips: Result) -> None:
    """NSB-2020-4, table S8-12: 19,901 families in 2018, 16,619 in 2008; Korea 3,556."""
    world = chips.tables["world"]
    assert world["year"].to_list() == [2008, 2010, 2012, 2014, 2016, 2018]
    assert world["value"][0] == 16_619
    assert world["value"][-1] == 19_901
    korea = chips.tables["regions"].filter(pl.col("region") == "KOR").row(0, named=True)
    assert korea["value"] == 3_556
    assert korea["share_world"] == pytest.approx(3_556 / 19_901)
    assert korea["rank_world"] == 3
    assert clause(chips, "leader") == ["CHN", "JPN", "KOR"]


def test_concentration_against_the_file_itself(chips: Result) -> None:
    """Sums of squared shares written out, the rest of the world as nobody and as one."""
    with (SAMPLE / "patent_families.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["sector"] == "semiconductors" and r["year"] == "2018"]
    value = {r["region"]: float(r["value"]) for r in rows}
    world = value.pop("WLD")
    low = sum((v / world) ** 2 for v in value.values())
    high = low + (1 - sum(value.values()) / world) ** 2
    row = now(chips, "concentration")
    assert row["hhi_low"] == pytest.approx(low, rel=1e-12)
    assert row["hhi_high"] == pytest.approx(high, rel=1e-12)
    assert row["effective_high"] == pytest.approx(1 / low, rel=1e-12)
    assert row["effective_low"] == pytest.approx(1 / high, rel=1e-12)
    largest = sorted(value.values(), reverse=True)
    assert row["top1_share"] == pytest.approx(largest[0] / world)
    assert row["top5_share"] == pytest.approx(sum(largest[:5]) / world)
    assert row["covered"] == pytest.approx(sum(value.values()) / world)
    assert row["regions"] == 32
    assert row["note"] == "rest_of_world_between"


def test_regions_are_the_cells_of_rca(sample: Project, chips: Result) -> None:
    own = chips.tables["regions"]
    assert own.columns == list(REGIONS)
    shared = [name for name in REGIONS if name != "listing"]
    measured = rca(
        sample, indicator=["patent_families"], sector=["semiconductors"], extras=["history", "dependence"]
    ).frame.with_columns(pl.col("note").cast(pl.String))
    assert_frame_equal(own.select(shared), measured.select(shared), check_row_order=False)
    assert own["value"].to_list() == sorted(own["value"].to_list(), reverse=True)


def test_history_is_rca_in_every_year(sample: Project, chips: Result) -> None:
    measured = rca(sample, indicator=["patent_families"], sector=["semiconductors"], year="all").frame
    columns = ["indicator", "year", "region", "sector", "value", "share_world", "rca", "status"]
    text = measured.select(columns).with_columns(pl.col("indicator", "region", "sector", "status").cast(pl.String))
    assert_frame_equal(chips.tables["history"], text, check_row_order=False)


def test_history_stops_at_the_year_shown(sample: Project) -> None:
    result = sector(sample, "semiconductors", year=2012)
    assert result.tables["history"]["year"].max() == 2012
    assert result.tables["world"]["year"].to_list() == [2008, 2010, 2012]
    assert result.tables["regions"]["year"].unique().to_list() == [2012]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_there_with_and_without_an_index(sample: Project, chips: Result, table: str) -> None:
    robots = sector(sample, "C")
    assert list(chips.tables) == list(robots.tables) == TABLES
    assert chips.tables[table].columns == robots.tables[table].columns
    assert chips.tables[table].height > 0 or table in ("intensity", "leavers")


def test_second_run_is_equal(sample: Project, chips: Result) -> None:
    again = sector(sample, "Semiconductors")
    for name in TABLES:
        assert_frame_equal(again.tables[name], chips.tables[name])
    assert again.meta["blocks"] == chips.meta["blocks"]


# ----------------------------------------------------------------------------------- who is named, who is not


def test_only_established_and_material_specialisations_are_named(sample: Project) -> None:
    """Certain is not important: no clause of the headline names a slight or uncertain specialisation."""
    named = 0
    for code in ("semiconductors", "food_chemistry", "transport", "physics", "biotechnology", "pharmaceuticals"):
        result = sector(sample, code)
        cells = {r["region"]: r for r in result.tables["regions"].iter_rows(named=True)}
        for name in ("lasting", "specialised", "new"):
            for region in clause(result, name):
                cell = cells[region]
                assert cell["class"] == "established"
                assert cell["band"] in ("moderate", "high", "very_high")
                assert cell["p_material"] >= 0.5
                named += 1
        for region in clause(result, "large"):
            assert cells[region]["rca"] < 1
            assert cells[region]["class"] == "below"
            assert cells[region]["rank_world"] <= 5
        for region in clause(result, "lost"):
            assert cells[region]["p_material"] <= 0.10
    assert named > 20


def test_clauses_of_semiconductors(chips: Result) -> None:
    assert clause(chips, "large") == ["CHN"]
    assert clause(chips, "new") == ["USA"]
    lasting = clause(chips, "lasting")
    assert {"JPN", "KOR", "TWN", "SGP"} <= set(lasting)
    order = chips.tables["regions"]["region"].cast(pl.String).to_list()
    assert lasting == sorted(lasting, key=order.index)
    (dominant,) = chips.tables["headline"].filter(pl.col("clause") == "dominant").iter_rows(named=True)
    cells = chips.tables["regions"].filter(pl.col("rca_ex_largest").is_not_null())
    crossing = cells.filter((pl.col("rca") >= 1) != (pl.col("rca_ex_largest") >= 1)).height
    assert (dominant["region"], dominant["value"], dominant["n"]) == ("CHN", crossing, cells.height)


def test_entrants_carry_the_period_before(chips: Result) -> None:
    (usa,) = chips.tables["entrants"].iter_rows(named=True)
    assert list(usa) == [*MOVERS, *PREVIOUS.values()]
    before = chips.tables["history"].filter((pl.col("region") == "USA") & (pl.col("year") == 2016))
    assert usa["previous_year"] == 2016
    assert usa["rca_previous"] == before["rca"][0]
    assert usa["share_previous"] == before["share_world"][0]


def test_a_region_within_its_range_has_not_left(chips: Result) -> None:
    belgium = chips.tables["regions"].filter(pl.col("region") == "BEL").row(0, named=True)
    assert belgium["trajectory"] == "unclear"  # 42 families, an index of 1.26 that may be anything from 0.6 to 2.3
    assert belgium["listing"] == "uncertain"
    assert chips.tables["leavers"].is_empty()


def steady(changes: Mapping[Key, float | None]) -> dict[Key, float | None]:
    """Four regions and two sectors in three years: a specialised in s, b and c and d in t; then the changes."""
    table = {
        ("a", "s"): 900.0, ("a", "t"): 100.0, ("b", "s"): 100.0, ("b", "t"): 900.0,
        ("c", "s"): 200.0, ("c", "t"): 800.0, ("d", "s"): 300.0, ("d", "t"): 700.0,
    }  # fmt: skip
    cells: dict[Key, float | None] = {}
    for year in (2018, 2019, 2020):
        cells |= one_year(table, year)
    return {key: value for key, value in (cells | dict(changes)).items() if value != -1}


def test_new_and_lost() -> None:
    swapped = {("a", "s", 2020): 100.0, ("a", "t", 2020): 900.0, ("b", "s", 2020): 900.0, ("b", "t", 2020): 100.0}
    project = made(steady(swapped))
    result = sector(project, "s", dispersion="poisson")
    assert (clause(result, "new"), clause(result, "lost"), clause(result, "lasting")) == (["b"], ["a"], [])
    assert result.tables["leavers"]["listing"].cast(pl.String).to_list() == ["lost"]
    (none,) = result.tables["headline"].filter(pl.col("clause") == "none_lasting").iter_rows(named=True)
    assert none["note"] == "none_lasting"


def test_break_suspends_trend_new_and_lost_of_that_region_alone() -> None:
    swapped = {("a", "s", 2020): 100.0, ("a", "t", 2020): 900.0, ("b", "s", 2020): 900.0, ("b", "t", 2020): 100.0}
    project = made(steady(swapped), statuses={("b", "s", 2020): "B"})
    result = sector(project, "s", dispersion="poisson")
    assert clause(result, "new") == []
    assert clause(result, "lost") == ["a"]
    assert clause(result, "specialised") == ["b"]  # specialised now, its history not judged
    assert clause(result, "break") == ["b"]
    assert result.tables["uncertain"]["suspended"].to_list() == [1]
    assert now(result, "concentration")["note"] == "break"


def test_region_whose_row_vanished_has_left_where_no_row_means_zero() -> None:
    gone = {("a", "s", 2020): -1.0, ("a", "t", 2020): 1000.0}
    result = sector(made(steady(gone)), "s", dispersion="poisson")
    assert clause(result, "lost") == ["a"]
    left = result.tables["regions"].filter(pl.col("region") == "a").row(0, named=True)
    assert (left["value"], left["note"]) == (0.0, "absent_row")
    unknown = sector(made(steady(gone), absent_rows="missing"), "s", dispersion="poisson")
    assert unknown.tables["leavers"].is_empty()
    assert "a" not in listing(unknown)


def test_absent_rows_of_others_are_not_listed() -> None:
    cells = steady({("a", "s", 2020): -1.0, ("a", "t", 2020): 1000.0})
    cells |= {("e", "t", year): 50.0 for year in (2018, 2019, 2020)}
    assert set(listing(sector(made(cells), "s", dispersion="poisson"))) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("years", "note"), [((2020,), "fewer_than_three_periods"), ((2018, 2019, 2020), "none_established")]
)
def test_why_nobody_is_lasting(years: tuple[int, ...], note: str) -> None:
    cells: dict[Key, float | None] = {}
    for year in years:
        cells |= one_year({(r, s): 100.0 for r in "abc" for s in ("s", "t")}, year)
    headline = sector(made(cells), "s").tables["headline"]
    assert headline.filter(pl.col("clause") == "none_lasting")["note"].to_list() == [note]


# -------------------------------------------------------------------------------------------- concentration

DOERSAM = one_year({("a", "s"): 20.0, ("b", "s"): 50.0, ("c", "s"): 20.0, ("d", "s"): 10.0, ("a", "t"): 1.0})


def test_concentration_of_a_published_example() -> None:
    """Doersam (2004), Wirtschaftsstatistik anschaulich dargestellt: 20, 50, 20, 10 have HHI 0.34."""
    row = now(sector(made(DOERSAM), "s"), "concentration")
    assert row["hhi_low"] == row["hhi_high"] == pytest.approx(0.34)
    assert row["effective_low"] == row["effective_high"] == pytest.approx(1 / 0.34)
    assert (row["top1_share"], row["top3_share"], row["top5_share"]) == pytest.approx((0.5, 0.9, 1.0))
    assert (row["covered"], row["note"]) == (1.0, None)


def test_rest_of_the_world_bounds_the_index() -> None:
    """The same in a world twice as large: 0.34 / 4 without the rest, and 0.5 squared more with the rest as one."""
    project = made(DOERSAM, reference={("s", 2020): 200.0, ("t", 2020): 10.0})
    row = now(sector(project, "s"), "concentration")
    assert row["hhi_low"] == pytest.approx(0.085)
    assert row["hhi_high"] == pytest.approx(0.335)
    assert row["top1_share"] == pytest.approx(0.25)
    assert (row["covered"], row["note"]) == (0.5, "rest_of_world_between")


def test_concentration_is_of_the_world_whatever_the_reference() -> None:
    project = made(DOERSAM, reference={("s", 2020): 200.0, ("t", 2020): 10.0})
    usual, other = sector(project, "s"), sector(project, "s", reference="ex:b")
    for name in ("world", "concentration"):
        assert_frame_equal(usual.tables[name], other.tables[name])
    shares = other.tables["regions"].filter(pl.col("region") == "a")["share_world"]
    assert shares.to_list() == pytest.approx([20 / 150])


def test_regions_above_the_published_world_leave_no_rest() -> None:
    project = made(DOERSAM, reference={("s", 2020): 99.5, ("t", 2020): 10.0})
    row = now(sector(project, "s"), "concentration")
    assert row["hhi_low"] == row["hhi_high"] == pytest.approx(0.34)
    assert row["note"] == "rest_below_zero"
    assert row["covered"] == pytest.approx(100 / 99.5)


def test_unknown_regions_of_an_unpublished_world() -> None:
    one = now(sector(made(DOERSAM | {("d", "s", 2020): None}), "s"), "concentration")
    assert one["note"] == "partial_world"
    assert one["hhi_low"] == one["hhi_high"] == pytest.approx((20**2 + 50**2 + 20**2) / 90**2)
    assert (one["covered"], one["regions"]) == (None, 3)
    most = made(DOERSAM | {("c", "s", 2020): None, ("d", "s", 2020): None})
    row = now(sector(most, "s"), "concentration")
    assert (row["hhi_low"], row["hhi_high"], row["note"]) == (None, None, "partial_world")


def test_unknown_regions_of_a_published_world_are_part_of_the_rest() -> None:
    project = made(DOERSAM | {("d", "s", 2020): None}, reference={("s", 2020): 100.0, ("t", 2020): 10.0})
    row = now(sector(project, "s"), "concentration")
    assert row["hhi_low"] == pytest.approx(0.33)
    assert row["hhi_high"] == pytest.approx(0.34)


def test_a_sector_without_a_world_has_no_concentration() -> None:
    cells = one_year({("a", "s"): 0.0, ("b", "s"): 0.0, ("a", "t"): 5.0, ("b", "t"): 7.0})
    row = now(sector(made(cells), "s"), "concentration")
    assert (row["hhi_low"], row["top1_share"], row["note"]) == (None, None, "no_base")


amounts = st.floats(0.001, 1e6)


@given(listed=st.lists(amounts, min_size=1, max_size=12), rest=st.lists(amounts, max_size=12))
def test_true_index_lies_between_the_bounds(listed: list[float], rest: list[float]) -> None:
    """However the rest of the world is divided, its index is between the two that are given."""
    value = np.array(listed)
    world = math.fsum(listed + rest)
    period = Period(
        2020, 1, tuple(map(str, range(value.size))), (None,) * value.size, value, value, value, world, value.size, 0
    )
    row = period.concentration("x", "s")
    true = math.fsum((v / world) ** 2 for v in listed + rest)
    assert row["hhi_low"] <= true * (1 + 1e-9)
    assert true <= row["hhi_high"] * (1 + 1e-9)
    assert 1 / row["effective_low"] == pytest.approx(row["hhi_high"])
    assert 1 / row["effective_high"] == pytest.approx(row["hhi_low"])
    assert row["top1_share"] <= row["top3_share"] <= row["top5_share"] <= 1 + 1e-9


# ---------------------------------------------------------------------------------------------- world total


def test_growth_and_change_by_hand() -> None:
    cells: dict[Key, float | None] = {}
    for year, size in ((2010, 100.0), (2014, 121.0), (2016, 242.0)):
        cells |= one_year({("a", "s"): size / 2, ("b", "s"): size / 2, ("a", "t"): 30.0, ("b", "t"): 30.0}, year)
    result = sector(made(cells), "s")
    rows = result.tables["world"].to_dicts()
    assert [r["value"] for r in rows] == [100.0, 121.0, 242.0]
    assert (rows[0]["change"], rows[0]["growth"]) == (None, None)
    assert rows[1]["change"] == pytest.approx(0.21)
    assert rows[2]["change"] == pytest.approx(1.0)
    assert rows[2]["growth"] == pytest.approx(2.42 ** (1 / 6) - 1)
    assert (rows[2]["previous_year"], rows[2]["first_year"]) == (2014, 2010)
    jump = result.tables["headline"].filter(pl.col("clause") == "world_jump")
    assert jump["value"].to_list() == pytest.approx([1.0])


def test_a_small_change_is_no_jump(chips: Result) -> None:
    assert abs(now(chips, "world")["change"]) < JUMP  # type: ignore[arg-type]
    assert chips.tables["headline"].filter(pl.col("clause") == "world_jump").is_empty()


def test_incomplete_windows_are_not_compared() -> None:
    """Values are summed over three years; a sum of one or two years is no base for growth."""
    cells: dict[Key, float | None] = {}
    for year in range(2016, 2021):
        cells |= one_year({("a", "s"): 10.0, ("b", "s"): 20.0, ("a", "t"): 5.0, ("b", "t"): 5.0}, year)
    world = sector(made(cells, kind="value"), "s").tables["world"]
    assert world["value"].to_list() == [30.0, 60.0, 90.0, 90.0, 90.0]
    assert world["change"].to_list() == [None, None, None, 0.0, 0.0]
    assert world["first_year"].to_list() == [None, None, None, 2018, 2018]


def test_undated_values_of_one_period() -> None:
    table = {("a", "s"): 30.0, ("a", "t"): 20.0, ("b", "s"): 5.0, ("b", "t"): 60.0}
    result = sector(made(one_year(table, None), kind="value"), "s")
    assert clause(result, "specialised") == ["a"]
    assert result.tables["regions"]["class"].cast(pl.String).to_list() == ["indicated", "below"]
    assert now(result, "world")["growth"] is None
    assert result.tables["entrants"].is_empty()


# ------------------------------------------------------------------------------------ what a sector may be

TWO = {
    "goods_made": describe("count"),
    "goods_sold": describe("value"),
    "density": describe("intensity"),
    "fields": describe("count", classification="fields"),
}
ROWS = [
    *[(i, r, s, 2020, 10 + k) for i in ("goods_made", "goods_sold") for k, r in enumerate("ABC") for s in ("c1", "c2")],
    *[("density", r, "c1", 2020, 5 - k) for k, r in enumerate("AB")],
    *[("fields", r, s, 2020, 10 + k) for k, r in enumerate("ABC") for s in ("c1", "f9")],
]


@pytest.fixture
def mixed(tmp_path: Path) -> Project:
    """Two classifications that use the code c1, for cars and for chemistry."""
    goods = ["c1,Cars,,", "c2,Carpets,,"]
    small_project(tmp_path / "p", TWO, ROWS, [f"{c},{c},,country,region," for c in "ABC"], goods)
    fields = tmp_path / "p" / "codes" / "fields.csv"
    fields.write_text("code,label,parent,level\nc1,Chemistry,,\nf9,Physics,,\n", encoding="utf-8")
    return load(tmp_path / "p", environ={})


def test_a_code_that_several_indicators_use_gives_a_block_for_each(mixed: Project) -> None:
    result = sector(mixed, "c1")
    assert [b["indicator"] for b in result.meta["blocks"]] == ["fields", "goods_made", "goods_sold"]
    assert result.tables["intensity"]["region"].cast(pl.String).to_list() == ["A", "B"]
    assert result.meta["labels"] == {
        "fields": "Chemistry", "goods_made": "Cars", "goods_sold": "Cars", "density": "Cars"
    }  # fmt: skip


def test_a_name_picks_the_classification_it_is_a_name_in(mixed: Project) -> None:
    result = sector(mixed, "cars")
    assert [b["indicator"] for b in result.meta["blocks"]] == ["goods_made", "goods_sold"]
    assert result.tables["coverage"].filter(pl.col("note") == "no_such_sector")["indicator"].to_list() == ["fields"]


def test_indicators_can_be_chosen(mixed: Project) -> None:
    assert [b["indicator"] for b in sector(mixed, "c1", indicator=["goods_sold"]).meta["blocks"]] == ["goods_sold"]
    only = sector(mixed, "c1", indicator=["density"])
    assert only.meta["blocks"] == []
    assert only.tables["regions"].is_empty()


def test_intensities_without_an_index(sample: Project) -> None:
    """World Robotics 2024 gives Korea 101 robots per 1,000 employees, the most; Eurostat has no Korea."""
    result = sector(sample, "C")
    table = result.tables["intensity"]
    first = table.filter(pl.col("indicator") == "robot_density").row(0, named=True)
    assert (first["region"], first["value"], first["rank"], first["n"]) == ("KOR", 101.0, 1, 16)
    assert table.filter((pl.col("indicator") == "robot_use") & (pl.col("region") == "KOR")).is_empty()
    assert clause(result, "intensity")[:3] == ["KOR", "SGP", "DEU"]
    assert set(result.tables["coverage"].filter(pl.col("note").is_null())["indicator"]) == {
        "robot_density",
        "robot_use",
    }


def test_wrong_wishes(sample: Project) -> None:
    with pytest.raises(UsageError, match="unknown sector 'semiconductor industry'"):
        sector(sample, "semiconductor industry")
    with pytest.raises(UsageError, match="fits"):
        sector(sample, "chem")
    with pytest.raises(UsageError, match="no RCA of population"):
        sector(sample, "C", indicator=["population"])
    with pytest.raises(UsageError, match="unknown indicator"):
        sector(sample, "C", indicator=["nothing"])
    with pytest.raises(UsageError, match="unknown sector"):
        sector(sample, "_T")
    with pytest.raises(RefusedError, match="no indicator has a value of semiconductors in 2011") as refused:
        sector(sample, "semiconductors", year=2011)
    assert "2010, 2012" in (refused.value.fix or "")


def test_years_that_are_not_there(sample: Project) -> None:
    mixed_years = sector(sample, "semiconductors", year=2011, allow_mixed_years=True)
    assert mixed_years.meta["blocks"][0]["year"] == 2010
    robots = sector(sample, "C", year=2022)
    assert robots.meta["no_data"] == [{"indicator": "robot_density", "asked": "2022", "has": [2023]}]
    row = robots.tables["coverage"].filter(pl.col("indicator") == "robot_density")
    assert row["note"].to_list() == ["no_data_in_year"]


def test_latest_is_the_last_year_of_the_sector() -> None:
    cells = steady({("a", "s", 2020): -1.0, ("b", "s", 2020): -1.0, ("c", "s", 2020): -1.0, ("d", "s", 2020): -1.0})
    assert sector(made(cells), "s").meta["blocks"][0]["year"] == 2019


def test_settings_reach_the_index(sample: Project) -> None:
    result = sector(sample, "semiconductors", reference="ex:CHN", level=0.8)
    assert result.meta["parameters"]["level"] == 0.8
    assert result.meta["blocks"][0]["reference"]["kind"] == "ex"
    excluded = sector(sample, "semiconductors", exclude=("CHN",))
    assert "CHN" not in listing(excluded)


# -------------------------------------------------------------------------------------------------- one frame


@pytest.mark.parametrize("code", ["semiconductors", "physics", "C"])
def test_long_frame_holds_every_table(sample: Project, code: str) -> None:
    result = sector(sample, code)
    frame = long(result)
    assert frame.columns == list(LONG_COLUMNS)
    filled = {name for name, table in result.tables.items() if table.height}
    assert set(frame["section"].unique()) == filled
    assert frame.schema["value"] == pl.Float64


def test_long_frame_keeps_values_and_ranges(chips: Result) -> None:
    frame = long(chips)
    korea = frame.filter(
        (pl.col("section") == "regions") & (pl.col("region") == "KOR") & (pl.col("measure") == "rca")
    ).row(0, named=True)
    cell = chips.tables["regions"].filter(pl.col("region") == "KOR").row(0, named=True)
    assert (korea["value"], korea["low"], korea["high"]) == (cell["rca"], cell["rca_low"], cell["rca_high"])
    hhi = frame.filter((pl.col("section") == "concentration") & (pl.col("measure") == "hhi_low"))
    assert hhi["year"].to_list() == [2008, 2010, 2012, 2014, 2016, 2018]


def test_every_sector_of_the_sample(sample: Project) -> None:
    """No sector stops the analysis, and the counts of cells add up."""
    pairs = sample.observations.filter(pl.col("sector") != "_T").select("sector").unique()
    for code in sorted(pairs["sector"].cast(pl.String)):
        result = sector(sample, code)
        for row in result.tables["uncertain"].iter_rows(named=True):
            own = result.tables["regions"].filter(pl.col("indicator") == row["indicator"])
            assert row["regions"] + row["no_index"] == own.height
        assert result.meta["labels"]
