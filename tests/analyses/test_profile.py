"""What a profile says and what it must not say, on the sample and on made-up tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from capmap.analyses import peers
from capmap.analyses.peers import peers_of
from capmap.analyses.profile import LONG_COLUMNS, long, pattern, profile, profiles
from capmap.errors import RefusedError
from capmap.methods import similarity
from capmap.model import Indicator, Project, Source
from tests.analyses.made import Key, made


def clauses(table: pl.DataFrame, clause: str, indicator: str = "patent_families") -> list[str]:
    found = table.filter((pl.col("clause") == clause) & (pl.col("indicator") == indicator))
    return found["sector"].to_list()


def cell(result: pl.DataFrame, sector: str) -> dict[str, object]:
    return result.filter(pl.col("sector") == sector).row(0, named=True)


def test_korea_food_chemistry_is_new_and_unconfirmed(sample: Project) -> None:
    """0.84 in 2016, 2.08 in 2018: established and material today, but in one period of three."""
    result = profile(sample, "KOR")
    food = cell(result.tables["specialisation"], "food_chemistry")
    assert food["rca"] == pytest.approx(2.0772, abs=1e-4)
    assert (food["listing"], food["class"], food["persistence"]) == ("new", "established", 1)
    history = result.tables["history"].filter(pl.col("sector") == "food_chemistry").sort("year")
    assert history["rca"].to_list()[-2] == pytest.approx(0.84, abs=0.005)
    assert "food_chemistry" in clauses(result.tables["headline"], "new")
    assert "food_chemistry" not in clauses(result.tables["headline"], "lasting")


def test_china_decides_eleven_of_koreas_fields(sample: Project) -> None:
    result = profile(sample, "KOR")
    dominant = result.tables["headline"].filter(pl.col("clause") == "dominant").row(0, named=True)
    assert (dominant["region"], dominant["value"], dominant["n"]) == ("CHN", 11.0, 35)
    block = next(b for b in result.meta["blocks"] if b["indicator"] == "patent_families")
    assert block["dominant"]["CHN"] == pytest.approx(334019 / 675368)


def test_singapore_is_specialised_in_semiconductors_from_ninety_families(sample: Project) -> None:
    result = profile(sample, "Singapore")
    chips = cell(result.tables["specialisation"], "semiconductors")
    assert (chips["value"], chips["listing"], chips["trajectory"]) == (90.0, "specialised", "lasting")
    assert clauses(result.tables["headline"], "lasting")[0] == "semiconductors"


def test_south_africa_has_no_specialisation_in_patents(sample: Project) -> None:
    """One family gives an index of 4.9; thirty families in all, of low reliability, establish nothing."""
    result = profile(sample, "ZAF")
    families = result.tables["specialisation"].filter(pl.col("indicator") == "patent_families")
    assert families["rca"].max() > 2.5  # type: ignore[operator]
    assert set(families["class"].to_list()) == {"uncertain"}
    headline = result.tables["headline"]
    assert not clauses(headline, "lasting")
    assert not clauses(headline, "new")
    assert headline.filter(pl.col("clause") == "low_reliability").height == 1
    assert headline.filter(pl.col("clause") == "none_lasting")["note"].to_list() == ["none_established"]


def test_italys_break_suspends_lasting_new_and_lost(sample: Project) -> None:
    result = profile(sample, "ITA", year="2018")
    families = result.tables["specialisation"].filter(pl.col("indicator") == "patent_families")
    assert families["persistence"].null_count() == 35
    assert not set(families["listing"].cast(pl.String).to_list()) & {"new", "lost"}
    headline = result.tables["headline"]
    assert not clauses(headline, "lasting")
    none = headline.filter((pl.col("clause") == "none_lasting") & (pl.col("indicator") == "patent_families"))
    assert none["note"].to_list() == ["break"]


@pytest.mark.parametrize("code", ["KOR", "DEU", "SGP", "ZAF", "ITA", "USA", "CHN", "TWN"])
def test_every_headline_clause_is_a_row_that_earns_it(sample: Project, code: str) -> None:
    result = profile(sample, code)
    cells = {(r["indicator"], r["sector"]): r for r in result.tables["specialisation"].iter_rows(named=True)}
    for clause in result.tables["headline"].iter_rows(named=True):
        if clause["sector"] is None or clause["clause"] == "intensity":
            continue
        one = cells[clause["indicator"], clause["sector"]]
        if clause["clause"] == "lasting":
            assert one["class"] == "established"
            assert one["trajectory"] == "lasting"
            assert one["p_material"] >= 0.5
            assert one["rca_eb"] >= 1.25 or one["band"] in ("moderate", "high", "very_high")
        elif clause["clause"] == "large":
            assert one["rank_world"] <= 5
            assert one["rca"] < 1
            assert one["class"] == "below"
        elif clause["clause"] == "new":
            assert one["class"] == "established"
            assert one["persistence"] < 3


def test_a_region_without_counts_is_profiled_by_what_it_has(sample: Project) -> None:
    result = profile(sample, "EST")
    assert result.tables["specialisation"].is_empty()
    assert set(result.tables["intensity"]["indicator"].cast(pl.String)) == {"robot_use"}
    gaps = result.tables["coverage"].filter(pl.col("note") == "not_collected")["indicator"].to_list()
    assert gaps == ["articles", "patent_families", "population", "robot_density"]


def test_a_year_nobody_has_is_refused(sample: Project) -> None:
    with pytest.raises(RefusedError, match="no indicator has data of KOR in 2013"):
        profile(sample, "KOR", year="2013")


def test_years_mix_only_when_allowed(sample: Project) -> None:
    assert profile(sample, "KOR", year="2018").tables["intensity"].is_empty()
    mixed = profile(sample, "KOR", year="2024", allow_mixed_years=True)
    assert mixed.tables["intensity"]["year"].to_list() == [2023]
    assert {b["year"] for b in mixed.meta["blocks"]} == {2018}


def test_the_value_of_an_intensity_stands_under_value(sample: Project) -> None:
    rows = profile(sample, "KOR").tables["headline"].filter(pl.col("clause") == "intensity")
    assert [(r["measure"], r["value"], r["low"], r["n"]) for r in rows.iter_rows(named=True)] == [
        ("value", 101.0, None, 16), ("rank", 1.0, None, 16)
    ]  # fmt: skip


def test_stages_with_data_of_other_years_are_told_apart(sample: Project) -> None:
    stages = {r["stage"]: r["state"] for r in profile(sample, "KOR", year=2023).tables["stages"].iter_rows(named=True)}
    assert (stages["knowledge"], stages["technology"], stages["market"]) == (
        "not_in_year",
        "not_in_year",
        "no_evidence",
    )


def test_stages_without_data_are_no_evidence_not_zero(sample: Project) -> None:
    stages = {r["stage"]: r["state"] for r in profile(sample, "KOR").tables["stages"].iter_rows(named=True)}
    assert stages == {
        "knowledge": "evidence", "technology": "evidence", "scale_up": "no_evidence", "production": "partial",
        "market": "no_evidence",
    }  # fmt: skip


def test_long_form_has_every_number_once(sample: Project) -> None:
    frame = long(profile(sample, "KOR"))
    assert frame.columns == list(LONG_COLUMNS)
    rca = frame.filter((pl.col("section") == "specialisation") & (pl.col("measure") == "rca"))
    assert rca.height == 35 + 14
    chips = rca.filter(pl.col("sector") == "semiconductors").row(0, named=True)
    assert chips["low"] < chips["value"] < chips["high"]


def test_profiles_of_all_regions_equal_the_single_ones(sample: Project) -> None:
    every = profiles(sample).frame
    one = long(profile(sample, "KOR"))
    assert every.filter(pl.col("profile") == "KOR").drop("profile").equals(one)
    assert every["profile"].n_unique() > 45


# --- peers --------------------------------------------------------------------------------------------------------


def test_peers_are_structural_named_or_honestly_absent(sample: Project) -> None:
    assert peers_of(sample, "KOR").kind == "structural"
    assert "JPN" in peers_of(sample, "KOR").codes
    assert peers_of(sample, "TWN") == peers_of(sample, "EST")
    assert peers_of(sample, "TWN").kind == "none"
    rows: dict[Key, float | None] = {("A", "s0", 2020): 1.0, ("B", "s0", 2020): 2.0, ("A", "s1", 2020): 1.0}
    mine = made(rows, run={"peers": {"A": ["B"]}})
    assert (peers_of(mine, "A").kind, peers_of(mine, "A").codes) == ("yours", ("B",))


def test_a_lost_specialisation_is_called_lost_only_where_that_is_certain() -> None:
    rng = np.random.default_rng(3)
    rows: dict[Key, float | None] = {}
    tastes = rng.gamma(8, 1 / 8, (14, 8))
    tastes[:2, 0] = 1.0
    for t in range(3):
        for i in range(14):
            for j in range(8):
                mean = (400.0 if i else 8.0) * tastes[i, j]
                if (i, j) in ((0, 0), (1, 0)) and t < 2:
                    mean *= 6
                rows[f"r{i:02}", f"s{j}", 2018 + t] = float(rng.poisson(mean))
    project = made(rows, run={"specialisation": {"dispersion": "poisson"}})
    big = cell(profile(project, "r01").tables["specialisation"], "s0")
    small = cell(profile(project, "r00").tables["specialisation"], "s0")
    assert (big["trajectory"], big["listing"]) == ("lost", "lost")
    assert small["trajectory"] in ("unclear", "lost")
    assert small["listing"] != "lost" or small["trajectory"] == "lost"


def test_what_was_material_before_is_not_called_new(sample: Project) -> None:
    """Korea's biotechnology had 1.38 in 2008: recent, but not new; food chemistry never was there."""
    result = profile(sample, "KOR")
    cells = result.tables["specialisation"]
    assert (cell(cells, "biotechnology")["listing"], cell(cells, "biotechnology")["earlier"]) == ("new", True)
    assert cell(cells, "food_chemistry")["earlier"] is False
    assert "biotechnology" not in clauses(result.tables["headline"], "new")


def test_a_pattern_is_compared_in_parts_as_in_one_piece() -> None:
    rng = np.random.default_rng(4)
    profiles = rng.uniform(-1, 1, (2 * peers.PART + 7, 12))
    profiles[rng.random(profiles.shape) < 0.2] = np.nan
    whole = similarity.cosine_matrix(profiles)
    for row in (0, peers.PART, len(profiles) - 1):
        expected = whole[row].copy()
        expected[row] = np.nan
        np.testing.assert_allclose(peers.similar_patterns(profiles, row), expected, atol=1e-12)


def test_regions_with_too_few_sectors_take_no_part_in_a_pattern() -> None:
    table = pl.DataFrame(
        [("A", s, v) for s, v in zip("abcdef", [9, 1, 4, 4, 2, 7], strict=True)]
        + [("B", s, v) for s, v in zip("abcd", [8, 2, 3, 4], strict=True)]  # 4 of 6 sectors: just enough
        + [("C", s, v) for s, v in zip("abe", [1, 5, 6], strict=True)],
        schema=["region", "sector", "rca"], orient="row",
    ).cast({"rca": pl.Float64}).with_columns(rca_eb=pl.lit(None, dtype=pl.Float64), year=pl.lit(2020))  # fmt: skip
    meta = Indicator(
        id="x", name="X", kind="value", unit="u", stage="context", direction=1, classification="c",
        source=Source(title="t"),
    )  # fmt: skip
    found = pattern(table, meta, "A")
    assert found["region"].to_list() == ["B"]
    index = np.array([[9, 1, 4, 4], [8, 2, 3, 4]], float)
    assert found["similarity"][0] == pytest.approx(similarity.cosine(*((index - 1) / (index + 1))))
    assert pattern(table, meta, "C").is_empty()
