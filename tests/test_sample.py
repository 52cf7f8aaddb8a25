"""The sample project as data: complete, keyed, listed, flagged where it should be, and equal to print."""

from __future__ import annotations

import csv
import tomllib
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from capmap.model import REST_OF_WORLD, STATUSES, TOTAL, Indicator, RunFile

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data"
HEADER = ["region", "sector", "indicator", "year", "value", "status"]
WORLD_REGIONS = {
    "africa",
    "east_asia",
    "europe",
    "latin_america",
    "north_america",
    "oceania",
    "south_asia",
    "southeast_asia",
    "west_asia",
}
EVEN_YEARS = range(2008, 2019, 2)
ROWS = {  # regions x sectors x years
    "patent_families": 33 * 35 * 6,
    "articles": 33 * 14 * 6,
    "robot_use": 675,  # only what Eurostat published
    "robot_density": 16,
    "population": 31 * 7,
}
INDICATORS = sorted(ROWS)

PUBLISHED = [
    # NSB-2020-4, table S8-12 (semiconductors)
    ("patent_families", "KOR", "semiconductors", 2018, "3556"),
    ("patent_families", "WLD", "semiconductors", 2008, "16619"),
    # NSB-2020-4, table S8-36 (transport)
    ("patent_families", "DEU", "transport", 2018, "1724"),
    # NSB-2020-4, table S8-39 (civil engineering)
    ("patent_families", "KOR", "civil_engineering", 2018, "5379"),
    # NSB-2020-4, table S8-5 (electrical machinery, apparatus, energy)
    ("patent_families", "ITA", "electrical_machinery", 2018, "270"),
    # NSB-2020-4, table S8-9 (basic communication processes): a published zero
    ("patent_families", "MEX", "basic_communication_processes", 2014, "0"),
    # NSB-2020-6, table S5a-11 (materials science)
    ("articles", "CHN", "materials_science", 2018, "34219.27"),
    ("articles", "KOR", "materials_science", 2018, "2636.02"),
    # NSB-2020-6, table S5a-3 (agricultural sciences)
    ("articles", "WLD", "agricultural_sciences", 2008, "34941"),
    # NSB-2020-6, table S5a-14 (physics)
    ("articles", "FIN", "physics", 2008, "898.3"),
    # Eurostat, isoc_eb_p3dn2
    ("robot_use", "DNK", "C", 2020, "40.06"),
    ("robot_use", "AUT", "I", 2018, "0"),
    # World Robotics 2024, robot density
    ("robot_density", "KOR", "C", 2023, "101"),
    # World Development Indicators, SP.POP.TOTL
    ("population", "KOR", "_T", 2018, "51585058"),
]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load_indicator(name: str) -> Indicator:
    with (ROOT / "indicators" / f"{name}.toml").open("rb") as file:
        return Indicator(id=name, **tomllib.load(file))


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, str]]]:
    return {name: read(SAMPLE / f"{name}.csv") for name in INDICATORS}


@pytest.fixture(scope="module")
def regions() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in read(SAMPLE / "codes" / "regions.csv")}


def test_run_file_is_minimal_and_points_at_what_exists() -> None:
    with (SAMPLE / "capmap.toml").open("rb") as file:
        content = tomllib.load(file)
    run = RunFile(**content)
    assert set(content) == {"data"}
    assert {path.stem for glob in run.data.observations for path in SAMPLE.glob(glob)} == set(INDICATORS)
    assert {path.stem for path in (SAMPLE / run.data.indicators).glob("*.toml")} == set(INDICATORS)
    assert (SAMPLE / run.data.codes / "regions.csv").is_file()


@pytest.mark.parametrize("name", INDICATORS)
def test_observations_are_complete_sorted_and_unique(name: str, rows: dict[str, list[dict[str, str]]]) -> None:
    found = rows[name]
    keys = [(row["region"], row["sector"], row["year"]) for row in found]
    assert len(found) == ROWS[name]
    assert list(found[0]) == HEADER
    assert {row["indicator"] for row in found} == {name}
    assert keys == sorted(set(keys))
    assert {row["status"] for row in found} <= {"", *STATUSES}


@pytest.mark.parametrize("name", INDICATORS)
def test_values_are_written_without_needless_decimals(name: str, rows: dict[str, list[dict[str, str]]]) -> None:
    for row in rows[name]:
        text = row["value"]
        assert Decimal(text) >= 0
        assert not ("." in text and text.endswith(("0", "."))), row
    if name not in ("articles", "robot_use"):
        assert all(row["value"].isdigit() for row in rows[name])


@pytest.mark.parametrize("name", ["patent_families", "articles"])
def test_world_tables_are_full_rectangles(name: str, rows: dict[str, list[dict[str, str]]]) -> None:
    by_cell = Counter((row["region"], row["sector"]) for row in rows[name])
    areas = {region for region, _ in by_cell}
    fields = {sector for _, sector in by_cell}
    assert len(by_cell) == len(areas) * len(fields)
    assert set(by_cell.values()) == {len(EVEN_YEARS)}
    assert {row["year"] for row in rows[name]} == {str(year) for year in EVEN_YEARS}


@pytest.mark.parametrize("name", INDICATORS)
def test_every_code_is_listed(
    name: str, rows: dict[str, list[dict[str, str]]], regions: dict[str, dict[str, str]]
) -> None:
    classification = load_indicator(name).classification
    codes = SAMPLE / "codes" / f"{classification}.csv"
    sectors = {TOTAL} if classification == "none" else {row["code"] for row in read(codes)}
    assert {row["region"] for row in rows[name]} <= set(regions)
    assert {row["sector"] for row in rows[name]} <= sectors
    assert REST_OF_WORLD not in {row["region"] for row in rows[name]}


def test_every_listed_region_has_data(
    rows: dict[str, list[dict[str, str]]], regions: dict[str, dict[str, str]]
) -> None:
    assert {row["region"] for found in rows.values() for row in found} == set(regions)


@pytest.mark.parametrize(
    ("file", "levels"),
    [
        ("wipo35", {"area": 5, "field": 35}),
        ("science14", {"field": 14}),
        ("nace2", {"section": 7, "grouping": 1}),
    ],
)
def test_classifications_have_unique_codes_labels_and_known_parents(file: str, levels: dict[str, int]) -> None:
    listed = read(SAMPLE / "codes" / f"{file}.csv")
    codes = [row["code"] for row in listed]
    assert list(listed[0]) == ["code", "label", "parent", "level"]
    assert len(set(codes)) == len(codes)
    assert len({row["label"].casefold() for row in listed}) == len(codes)
    assert {row["parent"] for row in listed} <= {"", *codes}
    assert Counter(row["level"] for row in listed) == levels


def test_wipo_fields_follow_schmoch() -> None:
    # Schmoch (2008): fields 1-8 electrical, 9-13 instruments, 14-24 chemistry, 25-32 mechanical, 33-35 other
    fields = [row for row in read(SAMPLE / "codes" / "wipo35.csv") if row["level"] == "field"]
    assert Counter(row["parent"] for row in fields) == {
        "electrical_engineering": 8,
        "instruments": 5,
        "chemistry": 11,
        "mechanical_engineering": 8,
        "other_fields": 3,
    }
    assert fields[7]["code"] == "semiconductors"
    assert fields[7]["label"] == "Semiconductors"


def test_ict_overlaps_other_industries_and_so_has_no_parent() -> None:
    (ict,) = [row for row in read(SAMPLE / "codes" / "nace2.csv") if row["code"] == "ICT"]
    assert not ict["parent"]
    assert load_indicator("robot_use").aggregate == "none"


def test_regions_have_one_world_region_first(regions: dict[str, dict[str, str]]) -> None:
    assert list(regions["KOR"]) == ["code", "label", "parent", "level", "role", "group"]
    assert (regions["WLD"]["role"], regions["WLD"]["level"]) == ("reference", "world")
    assert len({row["label"].casefold() for row in regions.values()}) == len(regions)
    for code, row in regions.items():
        if code == "WLD":
            continue
        groups = row["group"].split(";")
        assert (row["role"], row["level"]) == ("region", "country")
        assert groups[0] in WORLD_REGIONS
        assert not WORLD_REGIONS & set(groups[1:])
        assert len(set(groups)) == len(groups)
        assert " " not in row["group"]


@pytest.mark.parametrize(
    ("group", "members"),
    [
        ("EU27", 27),  # all 27 of the 2020 composition
        ("EA20", 20),  # all 20 of 2023
        ("OECD", 34),  # of 38: Chile, Colombia, Costa Rica and Iceland have no data here
        ("G7", 7),
        ("G20", 17),  # of 19 countries: Indonesia and Saudi Arabia have no data here
        ("BRICS5", 5),
        ("USMCA", 3),
        ("EFTA", 2),
        ("ASEAN", 2),
        ("high_income", 40),
    ],
)
def test_blocs_have_the_members_with_data(group: str, members: int, regions: dict[str, dict[str, str]]) -> None:
    assert sum(group in row["group"].split(";") for row in regions.values()) == members


def test_blocs_nest(regions: dict[str, dict[str, str]]) -> None:
    held = {code: set(row["group"].split(";")) for code, row in regions.items()}
    for groups in held.values():
        assert "EA20" not in groups or "EU27" in groups
        assert "G7" not in groups or {"G20", "OECD", "high_income"} <= groups
        assert "EFTA" not in groups or "EU27" not in groups
        assert "BRICS5" not in groups or "G20" in groups


def test_statuses_mark_italy_and_south_africa_only(rows: dict[str, list[dict[str, str]]]) -> None:
    marked = Counter(
        (name, row["region"], row["year"], row["status"])
        for name, found in rows.items()
        for row in found
        if row["status"]
    )
    assert marked == {
        ("patent_families", "ITA", "2010", "B"): 35,
        ("patent_families", "ITA", "2014", "B"): 35,
        ("patent_families", "ITA", "2018", "B"): 35,
        ("patent_families", "ZAF", "2018", "U"): 35,
    }


def test_family_totals_that_change_by_two_or_more_are_those_the_caveats_name(
    rows: dict[str, list[dict[str, str]]],
) -> None:
    totals: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows["patent_families"]:
        totals[row["region"]][int(row["year"])] += int(row["value"])
    assert list(totals["ITA"].values()) == [969, 2026, 2229, 766, 962, 5091]
    jumps = {
        (region, year)
        for region, series in totals.items()
        for (_, before), (year, now) in pairwise(series.items())
        if max(before, now) >= 2 * min(before, now)
    }
    assert jumps == {
        *(("ITA", year) for year in (2010, 2014, 2018)),
        *(("BRA", 2010), ("MYS", 2010), ("ZAF", 2012), ("MEX", 2016), ("AUS", 2018), ("BEL", 2018)),
    }


@pytest.mark.parametrize(("name", "region", "sector", "year", "value"), PUBLISHED)
def test_figures_equal_the_published_tables(
    name: str, region: str, sector: str, year: int, value: str, rows: dict[str, list[dict[str, str]]]
) -> None:
    key = (region, sector, str(year))
    assert [r["value"] for r in rows[name] if (r["region"], r["sector"], r["year"]) == key] == [value]


def test_published_totals_add_up(rows: dict[str, list[dict[str, str]]]) -> None:
    # NSB-2020-6: 2,555,959 articles worldwide in 2018; NSB-2020-4: about 334,000 families of China in 2018
    articles = [row for row in rows["articles"] if row["region"] == "WLD" and row["year"] == "2018"]
    families = [row for row in rows["patent_families"] if row["region"] == "CHN" and row["year"] == "2018"]
    assert sum(int(row["value"]) for row in articles) == 2_555_959
    assert sum(int(row["value"]) for row in families) == pytest.approx(334_000, abs=500)


@pytest.mark.parametrize("name", ["patent_families", "articles"])
def test_world_totals_are_at_least_the_sum_of_listed_economies(
    name: str, rows: dict[str, list[dict[str, str]]]
) -> None:
    listed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    world: dict[tuple[str, str], Decimal] = {}
    for row in rows[name]:
        key = (row["sector"], row["year"])
        if row["region"] == "WLD":
            world[key] = Decimal(row["value"])
        else:
            listed[key] += Decimal(row["value"])
    assert listed.keys() == world.keys()
    assert [key for key, total in world.items() if total < listed[key]] == []


@pytest.mark.parametrize("name", INDICATORS)
def test_catalogue_describes_the_data(name: str, rows: dict[str, list[dict[str, str]]]) -> None:
    indicator = load_indicator(name)
    years = {int(row["year"]) for row in rows[name]}
    assert indicator.years == (min(years), max(years))
    assert indicator.direction == 1
    assert indicator.absent == "missing"
    assert indicator.source.producer
    assert indicator.source.table
    assert indicator.source.licence
    assert all(text.endswith(".") for text in indicator.caveats)
    has_world = any(row["region"] == "WLD" for row in rows[name])
    assert (indicator.reference == "WLD") == has_world


@pytest.mark.parametrize(
    ("name", "kind", "stage", "additive"),
    [
        ("patent_families", "count", "technology", True),
        ("articles", "count", "knowledge", True),
        ("robot_use", "intensity", "production", False),
        ("robot_density", "intensity", "production", False),
        ("population", "value", "context", True),
    ],
)
def test_kinds_stages_and_additivity(name: str, kind: str, stage: str, additive: bool) -> None:
    indicator = load_indicator(name)
    assert (indicator.kind, indicator.stage, indicator.additive) == (kind, stage, additive)
    assert (indicator.counting == "fractional") == (kind == "count")
    assert indicator.percent == (name == "robot_use")
    assert (indicator.denominator or "").startswith("external: ") == (kind == "intensity")


def test_percentages_do_not_exceed_the_whole(rows: dict[str, list[dict[str, str]]]) -> None:
    assert max(Decimal(row["value"]) for row in rows["robot_use"]) == Decimal("40.06")


def test_taiwan_has_no_population(rows: dict[str, list[dict[str, str]]]) -> None:
    with_families = {row["region"] for row in rows["patent_families"]}
    with_population = {row["region"] for row in rows["population"]}
    assert with_families - with_population == {"TWN", "WLD"}
