"""Differences beyond noise, and what cannot be told apart."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from capmap.analyses.compare import RESOLVED, compare
from capmap.errors import RefusedError, UsageError
from capmap.model import Project
from tests.analyses.made import made, one_year, table


@pytest.fixture(scope="module")
def three(sample: Project) -> dict[str, pl.DataFrame]:
    return dict(compare(sample, ["DEU", "ITA", "KOR"]).tables)


def test_probability_of_order_is_that_of_the_two_posteriors(three: dict[str, pl.DataFrame]) -> None:
    cells = {(r["indicator"], r["sector"], r["region"]): r for r in three["indices"].iter_rows(named=True)}
    rng = np.random.default_rng(0)
    for pair in three["pairs"].filter(pl.col("sector").is_in(["semiconductors", "control"])).iter_rows(named=True):
        one, two = (cells[pair["indicator"], pair["sector"], pair[k]] for k in ("region", "other"))
        draws = [stats.gamma.rvs(c["posterior_shape"], scale=1 / c["posterior_rate"], size=40_000, random_state=rng)
                 for c in (one, two)]  # fmt: skip
        assert pair["p_ahead"] == pytest.approx((draws[0] > draws[1]).mean(), abs=0.01)
        assert pair["resolved"] == (max(pair["p_ahead"], 1 - pair["p_ahead"]) >= RESOLVED)


def test_differences_come_widest_first_and_too_close_is_named(three: dict[str, pl.DataFrame]) -> None:
    cells = three["cells"]
    differing = cells.filter(pl.col("differs"))
    assert differing["spread"].is_sorted(descending=True)
    assert cells.filter(pl.col("too_close"))["differs"].any() is False
    assert (differing["p_ahead"].drop_nulls() >= RESOLVED).all()
    assert differing["sector"][0] == "food_chemistry"
    assert (differing["ahead"][0], differing["behind"][0]) == ("KOR", "DEU")


def test_common_only_and_nobody_follow_from_the_classes(three: dict[str, pl.DataFrame]) -> None:
    classes: dict[str, list[str]] = {}
    for r in three["indices"].iter_rows(named=True):
        classes.setdefault(f"{r['indicator']}/{r['sector']}", []).append(r["class"])
    for r in three["cells"].iter_rows(named=True):
        found = classes[f"{r['indicator']}/{r['sector']}"]
        assert r["common"] == all(c == "established" for c in found)
        assert r["nobody"] == all(c in ("below", "none") for c in found)
        if r["only"]:
            assert found.count("established") == 1


def test_a_broken_series_has_no_place_in_the_order_of_sizes(three: dict[str, pl.DataFrame]) -> None:
    size = three["size"].filter(pl.col("indicator") == "patent_families")
    places = dict(zip(size["region"].to_list(), size["place"].to_list(), strict=True))
    assert places == {"DEU": 2, "ITA": None, "KOR": 1}


def test_indicators_that_not_all_have_are_coverage_not_zero(three: dict[str, pl.DataFrame], sample: Project) -> None:
    assert set(three["intensity"].filter(pl.col("indicator") == "robot_use")["region"].cast(pl.String)) == {
        "DEU",
        "ITA",
    }
    partly = compare(sample, ["EST", "KOR", "DEU"]).tables["coverage"]
    assert partly.filter((pl.col("region") == "EST") & (pl.col("indicator") == "articles"))["note"].to_list() == [
        "not_collected"
    ]
    assert set(compare(sample, ["EST", "LVA"]).tables["intensity"]["indicator"].cast(pl.String)) == {"robot_use"}


def test_overlap_and_similarity_are_those_of_the_shares(three: dict[str, pl.DataFrame]) -> None:
    row = three["pattern"].filter(
        (pl.col("indicator") == "articles") & (pl.col("region") == "DEU") & (pl.col("other") == "ITA")
    )
    shares = (
        three["indices"]
        .filter(pl.col("indicator") == "articles")
        .pivot(on="region", index="sector", values="share_region")
    )
    expected = float(np.minimum(shares["DEU"].to_numpy(), shares["ITA"].to_numpy()).sum())
    assert row["overlap"][0] == pytest.approx(expected)


def test_versus_looks_from_one_region(sample: Project) -> None:
    result = compare(sample, ["DEU", "ITA", "KOR"], versus="Italy")
    assert result.meta["regions"][0] == "ITA"
    assert set(result.tables["pairs"]["region"]) == {"ITA"}
    only = set(result.tables["cells"]["only"].drop_nulls())
    assert only <= {"ITA"}


def test_identical_regions_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(6)
    base = rng.poisson(rng.gamma(2, 20, (10, 6)))
    cells = {(f"r{i}", f"s{j}", 2020): float(base[i, j]) for i in range(10) for j in range(6)}
    cells |= {("twin", f"s{j}", 2020): float(base[0, j]) for j in range(6)}
    table = compare(made(cells), ["r0", "twin"]).tables["cells"]
    assert not table["differs"].any()
    assert (table["too_close"] | table["nobody"]).all()


def test_values_differ_when_the_ranges_of_their_years_do_not_overlap() -> None:
    cells = {}
    for t in range(3):
        for region, chips in (("A", 60.0 + t), ("B", 20.0 + t), ("C", 60.0 - t)):
            cells[region, "chips", 2018 + t] = chips
            cells[region, "cars", 2018 + t] = 100.0 - chips
    pairs = compare(made(cells, kind="value"), ["A", "B", "C"]).tables["pairs"]
    resolved = {
        (r["region"], r["other"]): r["resolved"]
        for r in pairs.filter(pl.col("sector") == "chips").iter_rows(named=True)
    }
    assert resolved == {("A", "B"): True, ("A", "C"): False, ("B", "C"): True}
    assert pairs["p_ahead"].null_count() == pairs.height


def test_a_region_left_out_cannot_be_compared(sample: Project) -> None:
    with pytest.raises(UsageError, match="DEU is left out by --exclude"):
        compare(sample, ["DEU", "KOR"], exclude=["Germany"])


def test_an_indicator_of_zeros_does_not_keep_the_others_from_being_compared() -> None:
    cells = one_year(table([[50, 10], [10, 30], [5, 20]]))
    project = made(cells, others={"nothing": one_year(table([[0, 0], [0, 0], [0, 0]]))})
    found = compare(project, ["r0", "r1"]).tables
    assert found["cells"]["indicator"].unique().to_list() == ["x"]
    assert set(found["coverage"].filter(pl.col("indicator") == "nothing")["sectors"]) == {0}


def test_wrong_asks(sample: Project) -> None:
    with pytest.raises(UsageError, match="named twice"):
        compare(sample, ["DEU", "Germany"])
    with pytest.raises(UsageError, match="cannot be compared on one page"):
        compare(sample, ["DEU"])
    with pytest.raises(RefusedError, match="no indicator has data of two or more"):
        compare(sample, ["ALB", "SGP"])


def test_too_little_expected_resolves_no_order(sample: Project) -> None:
    """South Africa's thirty families must not come out ahead of India by the prior alone."""
    pairs = compare(sample, ["ZAF", "IND"]).tables["pairs"].filter(pl.col("indicator") == "patent_families")
    assert (pairs["note"] == "below_floor").all()
    assert not pairs["resolved"].any()
