"""Opportunities through the analysis: what lies near, in which order, with the grade that goes with it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses import opportunities as analysis
from capmap.analyses.complexity import complexity
from capmap.analyses.opportunities import COLUMNS, everyone, opportunities, quadrants
from capmap.analyses.relatedness import relatedness
from capmap.analyses.specialisation import rca
from capmap.errors import RefusedError, UsageError
from capmap.model import Project
from tests.analyses.made import Key, made, one_year, table
from tests.analyses.test_complexity_analysis import BARE, random_table


def rows_of(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["sector"]: row for row in frame.iter_rows(named=True)}


@pytest.fixture(scope="module")
def project() -> Project:
    return made(one_year(table(random_table(3))))


def test_measures_are_those_of_the_other_commands(project: Project) -> None:
    """No figure is computed twice: density, PCI and gain as in `complexity`, index and class as in `rca`."""
    found = opportunities(project, "r4", **BARE).frame
    assert tuple(found.columns) == COLUMNS
    cells = complexity(project, table=("cells",), region=["r4"], **BARE).frame
    both = found.with_columns(pl.col("sector").cast(pl.String)).join(
        cells.with_columns(pl.col("sector").cast(pl.String)), on="sector", suffix="_cells"
    )
    assert both.height == 15
    for name in ("density", "relative_density", "pci", "cog", "rca"):
        assert both[name].equals(both[f"{name}_cells"]), name
    measured = rca(project, region=["r4"], complete=True).frame.sort("sector")
    ordered = found.sort("sector")
    assert ordered["class"].cast(pl.String).to_list() == measured["class"].cast(pl.String).to_list()
    assert ordered["world_share"].to_list() == measured["share_world"].to_list()


def test_held_sectors_have_no_measure_of_entry_and_stand_behind(project: Project) -> None:
    found = opportunities(project, "r4", **BARE).frame
    held = found["note"].fill_null("").str.contains("held")
    assert held.any()
    assert not held.all()
    first_held = held.arg_max()
    assert held[first_held:].all()
    for name in ("cog", "relative_density", "quadrant", "p_entry", "stepping_stones", "path_product"):
        assert found.filter(held)[name].null_count() == held.sum(), name
    open_ = found.filter(~held)
    assert open_["relative_density"].is_sorted(descending=True)
    assert open_["quadrant"].null_count() == 0


def test_paths_start_at_a_strength_and_multiply(project: Project) -> None:
    found = opportunities(project, "r4", **BARE).frame
    held = set(found.filter(pl.col("note").fill_null("").str.contains("held"))["sector"].cast(pl.String))
    links = {
        frozenset((row["source"], row["target"])): row["proximity"]
        for row in relatedness(project, **BARE).frame.iter_rows(named=True)
    }
    paths = found.drop_nulls("stepping_stones")
    assert paths.height > 3
    for row in paths.iter_rows(named=True):
        stones = row["stepping_stones"].split(">")
        assert stones[0] in held
        assert stones[-1] == row["sector"]
        assert not held & set(stones[1:])
        product = np.prod([links[frozenset(pair)] for pair in pairwise(stones)])
        assert row["path_product"] == pytest.approx(product, rel=1e-12)
        best = max(
            (p for pair, p in links.items() if row["sector"] in pair and pair - {row["sector"]} <= held), default=0.0
        )
        assert row["path_product"] >= best - 1e-12, "never worse than the best direct step"


def test_quadrants_split_the_open_sectors_in_half() -> None:
    density = np.array([0.1, 0.2, 0.3, 0.4, np.nan])
    pci = np.array([4.0, 3.0, 2.0, 1.0, 9.0])
    assert quadrants(density, pci) == ["far_complex", "far_complex", "close_simple", "close_simple", None]
    assert quadrants(np.array([0.5, 0.5]), np.array([1.0, 1.0])) == ["close_complex", "close_complex"]
    assert quadrants(np.array([np.nan]), np.array([1.0])) == [None]


def test_without_a_grade_the_order_is_that_of_relative_density_and_no_probability_is_invented(project: Project) -> None:
    result = opportunities(project, "r4", **BARE)
    (block,) = result.meta["blocks"]
    assert block["backtest"]["grade"] is None
    assert block["backtest"]["message"]
    assert block["sorted_by"] == "relative_density"
    assert result.frame["p_entry"].null_count() == result.frame.height
    assert result.frame["grade"].null_count() == result.frame.height


def test_draws_give_densities_a_range(project: Project) -> None:
    found = opportunities(project, "r4", **(BARE | {"draws": 40})).frame
    assert found["density_low"].null_count() == 0
    assert (found["density_low"] < found["density_high"]).all()
    inside = (found["density"] >= found["density_low"]) & (found["density"] <= found["density_high"])
    assert inside.mean() > 0.6  # type: ignore[operator]
    assert_frame_equal(found, opportunities(project, "r4", **(BARE | {"draws": 40})).frame)


def test_everyone_is_the_sum_of_the_single_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    options = BARE | {"draws": 12}
    monkeypatch.setattr(analysis, "DRAWN_CELLS", 12 * 15 * 2)  # two regions at a time
    whole = everyone(project, **options).frame
    for code in ("r0", "r7", "r11"):
        single = opportunities(project, code, **options).frame
        assert_frame_equal(whole.filter(pl.col("region") == code), single)


def test_world_growth_is_compound_and_over_the_nearest_five_years() -> None:
    cells: dict[Key, float | None] = {}
    for year, factor in ((2010, 1.0), (2014, 3.0), (2016, 1.0), (2020, 16.0)):
        for (r, s), v in table(random_table(3)).items():
            cells[r, s, year] = (v or 0.0) * (factor if s == "s0" else 1.0)
    found = rows_of(opportunities(made(cells), "r4", **BARE).frame)
    assert found["s0"]["world_growth"] == pytest.approx(16 ** (1 / 4) - 1)  # 2016 is as near to 2015 as 2014, and later
    assert found["s1"]["world_growth"] == pytest.approx(0.0)


def test_peers_that_hold_a_sector_are_counted() -> None:
    cells = one_year(table(random_table(3)))
    project = made(cells, run={"peers": {"r4": ["r1", "r2", "r9"]}})
    found = rows_of(opportunities(project, "r4", **BARE).frame)
    held = complexity(project, table=("cells",), region=["r1", "r2", "r9"], **BARE).frame
    for sector, row in found.items():
        own = held.filter(pl.col("sector") == sector)["presence"].sum()
        assert (row["held_by_peers"], row["peers"]) == (own, 3)


def test_who_takes_no_part_is_refused_with_the_reason() -> None:
    rows = [*random_table(3), [0.0] * 14 + [1.0]]
    project = made(one_year(table(rows)))
    with pytest.raises(RefusedError, match="small total"):
        opportunities(project, "r12", **(BARE | {"min_share": 0.001}))
    with pytest.raises(UsageError, match="unknown region"):
        opportunities(project, "Atlantis")
    with pytest.raises(UsageError, match="more than one year"):
        opportunities(project, "r4", year="all")


def test_an_excluded_sector_is_listed_last_and_says_so() -> None:
    rows = [[*row, 5.0 if i < 2 else 0.0] for i, row in enumerate(random_table(3))]
    found = opportunities(made(one_year(table(rows))), "r4", **(BARE | {"min_regions": 3})).frame
    last = found.filter(pl.col("sector") == "s15").row(0, named=True)
    assert last["note"] == "sector_excluded"
    assert last["density"] is None
    assert last["quadrant"] is None
    assert last["cog"] is None


def test_no_complexity_leaves_densities_and_no_quadrants() -> None:
    """All diversities equal: there is relatedness, and no complexity."""
    circle = [[5.0 if (j - i) % 6 in (0, 1, 2) else 1.0 for j in range(6)] for i in range(6)]
    result = opportunities(made(one_year(table(circle))), "r0", **BARE)
    assert result.meta["blocks"][0]["refused"] == "equal_diversity"
    assert result.frame["density"].null_count() == 0
    for name in ("pci", "cog", "quadrant"):
        assert result.frame[name].null_count() == 6


def test_association_strength_has_no_paths(project: Project) -> None:
    found = opportunities(project, "r4", proximity="association", **BARE).frame
    assert found["stepping_stones"].null_count() == found.height
    assert found["density"].null_count() == 0


def test_an_earlier_year_is_answered_without_what_came_after() -> None:
    cells = {
        (r, s, year): v for year in range(2008, 2021, 2) for (r, s), v in table(random_table(year, 14, 12)).items()
    }
    whole = made(cells)
    before = made({key: v for key, v in cells.items() if (key[2] or 0) <= 2014})
    found, alone = (opportunities(p, "r4", year=2014, **BARE) for p in (whole, before))
    judged = ["class", "depends_on"]  # the dispersion of an indicator is one number, of all its years
    assert_frame_equal(found.frame.drop(judged), alone.frame.drop(judged), categorical_as_str=True)
    assert found.meta["blocks"][0]["backtest"] == alone.meta["blocks"][0]["backtest"]


def test_the_class_goes_by_the_threshold_of_presence() -> None:
    project = made(one_year(table(random_table(3))))
    found = opportunities(project, "r4", threshold=2.0, force=True, **BARE).frame
    open_ = found.filter(~pl.col("note").fill_null("").str.contains("held"))
    assert "established" not in open_["class"].cast(pl.String).to_list()
