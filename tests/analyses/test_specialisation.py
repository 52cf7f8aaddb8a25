"""Specialisation through the analysis: published tables, a loop-written reference, and the edges that broke peers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from capmap.analyses.specialisation import COLUMNS, rca
from capmap.errors import RefusedError, UsageError
from tests.analyses.made import made, one_year, table
from tests.reference.specialisation import specialisation

NUMBERS = (
    "expected", "share_region", "share_world", "rank_world", "rca", "rsca", "nrca", "arca", "rca_weighted", "ceiling",
    "rca_low", "rca_high", "rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one", "p_material", "rca_loo", "rca_log",
)  # fmt: skip


def measured(project: Any, **options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    frame = rca(project, extras=["loo", "log"], **options).frame
    return {(row["region"], row["sector"]): row for row in frame.iter_rows(named=True)}


def agree(ours: float | None, theirs: float | None, where: str) -> None:
    if theirs is None:
        assert ours is None, f"{where}: {ours} where nothing can be computed"
    else:
        assert ours is not None, f"{where}: nothing where {theirs} was expected"
        assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-10), where


# --- published numbers ---------------------------------------------------------------------------------------


def test_location_quotient_of_farhauer_and_kroell() -> None:
    """0.3847623: 1,714 of 79,006 jobs against 879,213 of 15,593,224 (Farhauer & Kroell 2013, as in R package REAT)."""
    cells = {
        ("here", "industry"): 1714.0, ("here", "other"): 79006.0 - 1714,
        ("rest", "industry"): 879213.0 - 1714, ("rest", "other"): 15593224.0 - 79006 - (879213 - 1714),
    }  # fmt: skip
    found = measured(made(one_year(cells), kind="value"))
    assert found["here", "industry"]["rca"] == pytest.approx(0.3847623, abs=5e-8)


def test_five_by_five_table_of_econgeo() -> None:
    """Location quotients of the 5 x 5 example in EconGeo's location.quotient help page, and NRCA, RSCA, ARCA by hand."""
    rows = [[100, 0, 0, 0, 0], [0, 15, 5, 70, 10], [0, 20, 10, 20, 50], [0, 25, 30, 5, 40], [0, 40, 55, 5, 0]]
    found = measured(made(one_year(table(rows)), kind="value"))
    assert found["r0", "s0"]["rca"] == pytest.approx(5.0)
    assert found["r1", "s3"]["rca"] == pytest.approx(3.5)
    assert found["r1", "s3"]["rsca"] == pytest.approx(2.5 / 4.5)
    assert found["r0", "s0"]["nrca"] == pytest.approx(0.16)
    assert found["r1", "s2"]["nrca"] == pytest.approx(-0.03)
    assert found["r0", "s0"]["arca"] == pytest.approx(0.8)
    assert found["r2", "s1"]["rca"] == pytest.approx(1.0)
    assert found["r4", "s2"]["rca_weighted"] == pytest.approx(2.75)


# --- differential: the loop-written reference ---------------------------------------------------------------------

values = st.one_of(st.none(), st.integers(0, 60).map(float), st.floats(0, 500).map(lambda v: round(v, 2)))


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[tuple[str, str], float | None], dict[str, float] | None, str]:
    regions, sectors = draw(st.integers(2, 6)), draw(st.integers(2, 5))
    absent = draw(st.sampled_from(["zero", "missing"]))
    cells = {}
    for i in range(regions):
        for j in range(sectors):
            if draw(st.integers(0, 9)) > 0:
                cells[f"r{i}", f"s{j}"] = draw(values)
    reference = None
    if draw(st.booleans()):
        sums = {j: sum(v or 0.0 for (_, s), v in cells.items() if s == j) for j in {s for _, s in cells}}
        reference = {j: round(total * draw(st.floats(1, 3)) + draw(st.integers(0, 50)), 2) for j, total in sums.items()}
        if draw(st.booleans()) and len(reference) > 1:
            reference.pop(sorted(reference)[0])
    return cells, reference, absent


@settings(max_examples=150)
@given(tables())
def test_every_measure_equals_the_loops(
    drawn: tuple[dict[tuple[str, str], float | None], dict[str, float] | None, str],
) -> None:
    cells, reference, absent = drawn
    assume(any(v for v in cells.values()))
    assume(len({s for _, s in cells} | set(reference or ())) > 1 and (reference or len({r for r, _ in cells}) > 1))
    project = made(
        one_year(cells), absent_rows=absent,
        reference={(s, 2020): v for s, v in reference.items()} if reference else None,
    )  # fmt: skip
    result = rca(project, extras=["loo", "log"])
    prior = result.meta["blocks"][0]["prior"]
    alpha = math.inf if prior["alpha"] is None else prior["alpha"]
    expected = specialisation(cells, reference=reference, absent=absent, alpha=alpha, phi=1.0)
    ours = {(r["region"], r["sector"]): r for r in result.frame.iter_rows(named=True)}
    assert set(ours) == set(expected)
    holes = (reference is None and any(v is None for v in cells.values())) or (
        absent == "missing" and reference is None
    )
    for cell, theirs in expected.items():
        mine = ours[cell]
        if "no_base" in (mine["note"] or "").split(";"):
            assert theirs["rca"] is None
            assert all(mine[name] is None for name in NUMBERS if name != "rank_world"), cell
            continue
        for name in NUMBERS:
            agree(mine[name], None if theirs[name] is None else float(theirs[name]), f"{name} of {cell}")
        if not holes:  # classes are withheld where the world itself has a gap: tested on its own
            assert mine["class"] == theirs["class"], cell


def test_removing_the_dominant_region_equals_the_loops() -> None:
    rng = np.random.default_rng(7)
    cells = {(f"r{i}", f"s{j}"): float(rng.poisson(200 if i == 0 else 30)) for i in range(5) for j in range(6)}
    ours = measured(made(one_year(cells)))
    expected = specialisation(cells)
    assert any(row["rca_ex_largest"] is not None for row in expected.values())
    for cell, theirs in expected.items():
        agree(ours[cell]["rca_ex_largest"], theirs["rca_ex_largest"], f"rca_ex_largest of {cell}")


def test_dispersion_divides_observed_and_expected_alike() -> None:
    """With phi, the posterior is Gamma(O/phi + alpha, E/phi + alpha) and the exact interval that of O/phi over E/phi."""
    rng = np.random.default_rng(3)
    base = rng.gamma(4, 60, (12, 10))
    cells = {
        (f"r{i}", f"s{j}", 2000 + t): float(round(rng.gamma(base[i, j] / 6, 6)))
        for i in range(12) for j in range(10) for t in range(5)
    }  # fmt: skip
    result = rca(made(cells), extras=["loo", "log"])
    block = result.meta["blocks"][0]
    phi, alpha = block["dispersion"]["phi"], block["prior"]["alpha"]
    assert block["dispersion"]["method"] == "estimated"
    assert 3 < phi < 12
    last = {(r, s): v for (r, s, y), v in cells.items() if y == 2004}
    expected = specialisation(last, alpha=alpha, phi=phi)
    for row in result.frame.iter_rows(named=True):
        for name in NUMBERS:
            agree(
                row[name], expected[row["region"], row["sector"]][name], f"{name} of {row['region']}, {row['sector']}"
            )
    plain = rca(made(cells), dispersion="poisson").frame
    assert plain["dispersion"].unique().to_list() == [1.0]
    widths = [(f["rca_high"] - f["rca_low"]).mean() for f in (result.frame, plain)]
    assert widths[0] > 1.5 * widths[1]  # type: ignore[operator]


# --- properties ----------------------------------------------------------------------------------------------------

counts = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=5), min_size=3, max_size=5).filter(
    lambda rows: len({len(r) for r in rows}) == 1 and sum(map(sum, rows)) > 0
)


def frame_of(rows: list[list[int]], **options: Any) -> pl.DataFrame:
    return rca(made(one_year(table(rows)), kind="value"), **options).frame


@given(counts)
def test_mean_index_weighted_by_size_is_one_in_every_sector(rows: list[list[int]]) -> None:
    x = np.array(rows, float)
    frame = frame_of(rows)
    for j in range(x.shape[1]):
        if x[:, j].sum() == 0:
            continue
        own = frame.filter((pl.col("sector") == f"s{j}") & pl.col("rca").is_not_null())
        weights = [x[int(r[1:])].sum() / x.sum() for r in own["region"].to_list()]
        assert np.dot(weights, own["rca"].to_numpy()) == pytest.approx(1.0)


@given(counts, st.integers(2, 9))
def test_unit_of_values_does_not_matter(rows: list[list[int]], factor: int) -> None:
    scaled = [[v * factor for v in row] for row in rows]
    a, b = frame_of(rows), frame_of(scaled)
    unitless = ["rca", "rsca", "nrca", "arca", "rca_weighted", "ceiling", "class", "band", "rank_world"]
    assert_frame_equal(a.select(unitless), b.select(unitless), rel_tol=1e-12)


@given(counts)
def test_normalised_margins_are_zero(rows: list[list[int]]) -> None:
    frame = frame_of(rows)
    for key in ("region", "sector"):
        sums = frame.group_by(key).agg(pl.col("nrca").sum())["nrca"].to_numpy()
        assert np.abs(sums).max() < 1e-12


@given(counts)
def test_merging_two_sectors_first_equals_the_index_of_the_sum(rows: list[list[int]]) -> None:
    merged = [[row[0] + row[1], *row[2:]] for row in rows]
    x = np.array(rows, float)
    fine, coarse = frame_of(rows), frame_of(merged)
    for row in coarse.filter(pl.col("sector") == "s0").iter_rows(named=True):
        if row["rca"] is None:
            continue
        own = fine.filter((pl.col("region") == row["region"]) & pl.col("sector").is_in(["s0", "s1"]))
        assert row["rca"] == pytest.approx(own["value"].sum() / own["expected"].fill_null(0).sum(), rel=1e-9)
    assert x.sum() > 0


@given(counts)
def test_an_all_zero_region_changes_no_other_number(rows: list[list[int]]) -> None:
    a = rca(made(one_year(table(rows)))).frame
    b = rca(made(one_year(table([*rows, [0] * len(rows[0])])))).frame
    same = b.filter(pl.col("region") != f"r{len(rows)}")
    names = [c for c in COLUMNS if c not in ("region", "sector", "indicator")]
    assert_frame_equal(a.select(names), same.select(names), rel_tol=1e-9)


@given(counts, st.randoms())
def test_order_of_rows_does_not_matter(rows: list[list[int]], random: Any) -> None:
    cells = list(one_year(table(rows)).items())
    a = rca(made(dict(cells))).frame
    random.shuffle(cells)
    assert_frame_equal(a, rca(made(dict(cells))).frame)


def test_complete_adds_rows_and_changes_none() -> None:
    cells = one_year(table([[5, 0, 9], [8, 2, 1], [0, 7, 3]]))
    sparse = {k: v for k, v in cells.items() if v}
    a, b = rca(made(sparse)).frame, rca(made(sparse), complete=True).frame
    assert (a.height, b.height) == (7, 9)
    added = b.filter(pl.col("note").cast(pl.String).str.contains("absent_row"))
    assert added["value"].to_list() == [0.0, 0.0]
    kept = b.filter(pl.col("value") > 0)
    assert_frame_equal(a.drop("note"), kept.drop("note"), rel_tol=1e-12)


def test_absent_zeros_inform_the_prior() -> None:
    """A table with its zeros written out and one without them are the same table."""
    rng = np.random.default_rng(5)
    cells = one_year(table(rng.poisson(rng.gamma(0.5, 4, (19, 8))).tolist()))
    a = rca(made(cells)).meta["blocks"][0]["prior"]
    b = rca(made({k: v for k, v in cells.items() if v})).meta["blocks"][0]["prior"]
    assert a["cells"] == b["cells"] > 20
    assert a["alpha"] == pytest.approx(b["alpha"], rel=1e-9)


# --- decisions -------------------------------------------------------------------------------------------------------


def test_presence_at_exactly_one_is_not_left_to_round_off() -> None:
    """Rows in proportion have an index of exactly 1 everywhere: everything present, whatever 0.1 + 0.2 is."""
    rows = [[0.1 * k, 0.2 * k, 0.3 * k] for k in (1, 3, 7)]
    frame = rca(made(one_year(table(rows)), kind="value"), extras=["margins"]).frame
    assert frame["diversity"].unique().to_list() == [3]
    assert frame["ubiquity"].unique().to_list() == [3]
    assert frame["class"].unique().to_list() == ["uncertain"]  # neither more nor less than the world


def test_a_null_cell_does_not_bias_its_row() -> None:
    cells = table([[10, 20, 30], [20, 40, 60], [5, 5, 5]])
    cells["r0", "s2"] = None
    found = measured(
        made(
            one_year(cells),
            statuses={("r0", "s2", 2020): "Q"},
            reference={("s0", 2020): 100.0, ("s1", 2020): 200.0, ("s2", 2020): 300.0},
        )
    )
    assert found["r0", "s0"]["rca"] == pytest.approx((10 / 30) / (100 / 300))
    assert "partial_base" in found["r0", "s0"]["note"].split(";")
    assert found["r1", "s0"]["note"] != "partial_base"
    assert found["r0", "s2"]["rca"] is None
    assert found["r0", "s2"]["note"].split(";") == ["partial_base", "suppressed"]
    assert found["r0", "s2"]["expected"] is None
    row = [found["r0", s] for s in ("s0", "s1")]
    assert sum(c["expected"] for c in row) == pytest.approx(sum(c["value"] for c in row))


@pytest.mark.parametrize(
    ("status", "reason"), [("Q", "suppressed"), ("M", "not_applicable"), ("L", "missing"), (None, "missing")]
)
def test_null_has_a_reason(status: str | None, reason: str) -> None:
    cells = table([[10, 20], [20, 5], [4, 4]])
    cells["r0", "s1"] = None
    project = made(one_year(cells), statuses={("r0", "s1", 2020): status} if status else {})
    assert reason in measured(project)["r0", "s1"]["note"].split(";")


def test_a_gap_in_a_large_region_withholds_classes_of_the_sector() -> None:
    """Without a published world, a missing large region would make everybody else look specialised."""
    cells = table([[900, 900, 900], [30, 30, 30], [30, 30, 30]])
    cells["r0", "s0"] = None
    found = measured(made(one_year(cells)))
    assert found["r1", "s0"]["rca"] > 8
    assert found["r1", "s0"]["class"] == "uncertain"
    assert "partial_world" in found["r1", "s0"]["note"].split(";")
    published = made(one_year(cells), reference={(f"s{j}", 2020): 960.0 for j in range(3)})
    assert "partial_world" not in (measured(published)["r1", "s0"]["note"] or "")


def test_missing_reference_in_a_sector_is_no_base() -> None:
    cells = one_year(table([[10, 20, 30], [20, 40, 60]]))
    found = measured(made(cells, reference={("s0", 2020): 100.0, ("s1", 2020): 300.0}))
    assert found["r0", "s2"]["rca"] is None
    assert "no_base" in found["r0", "s2"]["note"].split(";")
    assert found["r0", "s0"]["rca"] == pytest.approx((10 / 30) / (100 / 400))


def test_sole_producer_above_a_tenth_of_the_world_has_no_band() -> None:
    cells = table([[500, 300, 0], [0, 300, 400], [0, 300, 500]])
    found = measured(made(one_year(cells)))
    row = found["r0", "s0"]
    assert row["rca_loo"] is None
    assert row["band"] is None
    assert "sole_producer" in row["note"].split(";")
    assert row["class"] == "established"


def test_true_zero_with_five_expected_is_none_and_below_floor_is_uncertain() -> None:
    rng = np.random.default_rng(2)
    rows = [[0, 40, 20], [1, 1, 0], *rng.poisson(rng.gamma(2, 25, (14, 3))).tolist()]
    found = measured(made(one_year(table(rows))))
    assert found["r0", "s0"]["expected"] > 5
    assert found["r0", "s0"]["class"] == "none"
    assert found["r1", "s0"]["class"] == "uncertain"
    assert "below_floor" in found["r1", "s0"]["note"].split(";")
    assert found["r1", "s0"]["rca"] is not None


def test_no_variance_beyond_chance_is_said_and_shrinks_everything() -> None:
    rows = [[10, 20, 30], [20, 40, 60], [5, 10, 15]]
    result = rca(made(one_year(table(rows))))
    assert result.meta["blocks"][0]["prior"]["method"] == "no variance beyond chance"
    assert result.frame["p_above_one"].null_count() == 9
    assert result.frame["rca_eb"].unique().to_list() == [1.0]
    assert result.frame["class"].unique().to_list() == ["uncertain"]
    assert result.frame["note"].cast(pl.String).str.contains("no_variance_beyond_chance").all()


def test_values_are_judged_by_the_years_of_the_window() -> None:
    def of(*years: list[list[float]]) -> dict[Any, float]:
        return {
            (f"r{i}", f"s{j}", 2018 + t): v
            for t, rows in enumerate(years)
            for i, row in enumerate(rows)
            for j, v in enumerate(row)
        }

    steady = [[60.0, 40.0], [40.0, 60.0]]
    turned = [[40.0, 60.0], [60.0, 40.0]]
    found = measured(made(of(steady, turned, steady), kind="value"))["r0", "s0"]
    assert (found["rca_low"], found["rca_high"]) == pytest.approx((0.8, 1.2))
    assert (found["class"], found["value"]) == ("uncertain", 160.0)
    assert measured(made(of(steady, steady, steady), kind="value"))["r0", "s0"]["class"] == "established"
    assert measured(made(of(turned, turned, turned), kind="value"))["r0", "s0"]["class"] == "below"
    one = measured(made(of(steady), kind="value"))["r0", "s0"]
    assert (one["class"], one["note"], one["rca_low"]) == ("indicated", "one_period", None)
    assert one["p_above_one"] is None


def test_persistence_counts_three_periods_and_a_break_suspends_it() -> None:
    rng = np.random.default_rng(1)
    cells = {}
    for t in range(5):
        for i in range(8):
            for j in range(6):
                special = 4 if (i, j) in ((0, 0), (1, 1)) or ((i, j) == (2, 2) and t == 4) else 1
                cells[f"r{i}", f"s{j}", 2000 + t] = float(rng.poisson(60 * special))
    statuses = {("r1", "s1", 2003): "B"}
    frame = rca(made(cells, statuses=statuses), extras=["history"]).frame
    row = {(r["region"], r["sector"]): r for r in frame.iter_rows(named=True)}
    assert (row["r0", "s0"]["persistence"], row["r0", "s0"]["trajectory"]) == (3, "lasting")
    assert (row["r2", "s2"]["persistence"], row["r2", "s2"]["trajectory"]) == (1, "recent")
    assert row["r1", "s1"]["persistence"] is None
    assert "break" in row["r1", "s1"]["note"].split(";")
    earlier = rca(made(cells, statuses={("r1", "s1", 2002): "B"}), extras=["history"]).frame
    again = earlier.filter((pl.col("region") == "r1") & (pl.col("sector") == "s1")).row(0, named=True)
    assert again["persistence"] == 3  # the break opens the span, it does not lie between its periods


# --- references ----------------------------------------------------------------------------------------------------


def test_references_say_what_the_world_is() -> None:
    cells = one_year(table([[50, 10], [10, 30], [5, 20]]))
    published = {("s0", 2020): 100.0, ("s1", 2020): 100.0}
    project = made(cells, kind="value", reference=published, groups={"r1": "club", "r2": "club"})

    def index(reference: str) -> float:
        return float(measured(project, reference=reference)["r1", "s0"]["rca"])

    assert index("world") == pytest.approx((10 / 40) / 0.5)
    assert index("WLD") == index("world")
    assert index("sum") == pytest.approx((10 / 40) / (65 / 125))
    assert index("ex:r0") == pytest.approx((10 / 40) / (50 / 140))
    assert index("r0") == pytest.approx((10 / 40) / (50 / 60))
    assert index("group:club") == pytest.approx((10 / 40) / (15 / 65))
    with pytest.raises(UsageError, match="no region belongs to group"):
        index("group:nobody")
    with pytest.raises(UsageError, match="unknown region"):
        index("ex:nowhere")


def test_excluded_regions_leave_table_and_sum() -> None:
    cells = one_year(table([[50, 10], [10, 30], [5, 20]]))
    found = measured(made(cells, kind="value"), exclude=["r0"])
    assert set(found) == {(r, s) for r in ("r1", "r2") for s in ("s0", "s1")}
    assert found["r1", "s0"]["rca"] == pytest.approx((10 / 40) / (15 / 65))


# --- other members -----------------------------------------------------------------------------------------------------


def test_per_capita_uses_regions_that_have_both() -> None:
    cells = one_year(table([[10, 40], [40, 60], [99, 99]]))
    people = {("r0", 2020): 1e6, ("r1", 2020): 9e6}
    frame = rca(made(cells, kind="value", population=people), extras=["per_capita"], indicator=["x"]).frame
    row = {(r["region"], r["sector"]): r["rca_per_capita"] for r in frame.iter_rows(named=True)}
    assert row["r0", "s0"] == pytest.approx((10 / 1) / (50 / 10))
    assert row["r2", "s0"] is None


# --- asking ------------------------------------------------------------------------------------------------------------


def test_years_that_are_not_there_are_refused_with_those_that_are() -> None:
    project = made(one_year(table([[1, 2], [3, 4]]), 2018))
    with pytest.raises(RefusedError, match=r"no data in 2017 \(has 2018\)"):
        rca(project, year="2017")
    assert rca(project, year="2015:2019").frame["year"].unique().to_list() == [2018]
    with pytest.raises(UsageError, match="not a year"):
        rca(project, year="last")


def test_data_without_a_year_are_one_period() -> None:
    frame = rca(made(one_year(table([[1, 2], [3, 4]]), None))).frame
    assert frame["year"].null_count() == 4
    assert frame["rca"].null_count() == 0


def test_an_intensity_is_refused_with_the_command_that_fits() -> None:
    project = made(one_year(table([[1, 2], [3, 4]])), kind="intensity")
    with pytest.raises(UsageError, match="ratio of ratios") as refusal:
        rca(project, indicator=["x"])
    assert refusal.value.fix == "capmap intensity -i x"
    with pytest.raises(RefusedError, match="no RCA of x"):  # nobody asked for x: a full run goes on without it
        rca(project)


def test_columns_stand_in_the_documented_order() -> None:
    assert rca(made(one_year(table([[1, 2], [3, 4]])))).frame.columns == list(COLUMNS)


def test_a_single_region_or_sector_is_refused() -> None:
    for rows in ([[3, 4]], [[3], [4]]):
        with pytest.raises(RefusedError, match="every index would be 1"):
            rca(made(one_year(table(rows))))
    alone = made(one_year(table([[3, 4]])), kind="value", reference={("s0", 2020): 10.0, ("s1", 2020): 30.0})
    assert rca(alone).frame["rca"].to_list() == pytest.approx([(3 / 7) / (10 / 40), (4 / 7) / (30 / 40)])


def test_a_thin_reference_establishes_nothing() -> None:
    """Against a region with 40 items everybody large would look different beyond doubt."""
    rng = np.random.default_rng(9)
    truth = rng.dirichlet(np.full(12, 3.0))
    cells = {
        (f"r{i:02}", f"s{j:02}", 2020): float(rng.poisson(20_000 * truth[j])) for i in range(12) for j in range(12)
    }
    cells |= {("tiny", f"s{j:02}", 2020): float(rng.poisson(40 * truth[j])) for j in range(12)}
    frame = rca(made(cells), reference="tiny").frame.filter(pl.col("rca").is_not_null())
    assert set(frame["class"]) == {"uncertain"}
    assert frame["note"].cast(pl.String).str.contains("thin_reference").all()
    assert "thin_reference" not in str(rca(made(cells), reference="r01").frame["note"].unique().to_list())


def test_excluded_regions_are_resolved_like_any_other() -> None:
    project = made(one_year(table([[50, 10], [10, 30], [5, 20]])), kind="value")
    with pytest.raises(UsageError, match="unknown region"):
        rca(project, exclude=["nowhere"])
    assert "r0" not in rca(project, exclude=["R0"]).frame["region"].to_list()


def test_classes_are_asked_for_by_their_names_or_words() -> None:
    project = made(one_year(table([[50, 10], [10, 30], [5, 20]])), kind="value")
    assert set(rca(project, classes=["not specialised"]).frame["class"]) == {"below"}
    with pytest.raises(UsageError, match="unknown --class"):
        rca(project, classes=["foo"])


@pytest.mark.parametrize("kind", ["count", "value"])
@pytest.mark.parametrize("cell", [0.0, None])
def test_a_table_of_nothing_is_refused(cell: float | None, kind: str) -> None:
    nothing = one_year(table([[cell, cell], [cell, 0]]))
    with pytest.raises(RefusedError, match="every value of x 2020 is 0 or missing"):
        rca(made(nothing, kind=kind))
    published = {("s0", 2020): 5.0, ("s1", 2020): 5.0}
    with pytest.raises(RefusedError, match="nothing to compute"):
        rca(made(nothing, kind=kind, reference=published))
    both = rca(made(nothing | one_year(table([[1, 2], [3, 4]]), 2019), kind=kind), year="all", window=1).frame
    assert both.filter(pl.col("year") == 2020)["note"].cast(pl.String).str.contains("no_base|missing").all()


def test_a_region_without_rows_is_refused_and_a_class_without_rows_is_an_empty_answer() -> None:
    other = {"y": one_year(table([[1, 2], [3, 4]])) | {("elsewhere", "s0", 2021): 1.0}}
    project = made(one_year(table([[50, 10], [10, 30], [5, 20]])), kind="value", others=other)
    with pytest.raises(RefusedError, match=r"no rows of elsewhere in x 2020 \(has y 2021\)"):
        rca(project, indicator=["x"], region=["elsewhere"])
    assert rca(project, indicator=["x"], classes=["established"]).frame.is_empty()
    with pytest.raises(RefusedError, match="r0: left out by --exclude"):
        rca(project, indicator=["x"], region=["r0"], exclude=["r0"])


@pytest.mark.parametrize("threshold", [math.inf, math.nan, 1e300, 1000.1, 0.0, -1.0])
def test_a_threshold_that_no_index_reaches_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold"):
        rca(made(one_year(table([[50, 10], [10, 30]]))), threshold=threshold)
    assert rca(made(one_year(table([[50, 10], [10, 30]]))), threshold=1000).frame.height == 4


# --- a total among the regions ---------------------------------------------------------------------------------------

PARTS = {f"r{i}": [40 + 7 * i, 90 - 8 * i, 30 + (5 * i) % 11] for i in range(6)}
TOTALS = [sum(column) for column in zip(*PARTS.values(), strict=True)]


def with_total(code: str, years: tuple[int, ...] = (2019, 2020)) -> Any:
    """Six regions and their total under a code of which no list says what it is."""
    rows = PARTS | {code: [value + 1 for value in TOTALS]}
    return made({(r, f"s{j}", y): float(v) for r, row in rows.items() for j, v in enumerate(row) for y in years})


def declared_total() -> Any:
    cells = {(r, f"s{j}", y): float(v) for r, row in PARTS.items() for j, v in enumerate(row) for y in (2019, 2020)}
    return made(cells, reference={(f"s{j}", y): v + 1.0 for j, v in enumerate(TOTALS) for y in (2019, 2020)})


@pytest.mark.parametrize(("code", "asked"), [("EARTH", "earth"), ("W00", "W00"), ("Sum", "Sum")])
def test_a_total_named_as_reference_is_no_region(code: str, asked: str) -> None:
    everything = ["loo", "log", "margins", "history", "posterior", "dependence"]
    one = rca(with_total(code), reference=asked, extras=everything, year="all")
    two = rca(declared_total(), reference="WLD", extras=everything, year="all")
    codes = dict.fromkeys(["region", "sector", "largest_other"], pl.String)
    keys = ["year", "region", "sector"]
    left, right = (result.frame.cast(codes).sort(keys) for result in (one, two))
    assert_frame_equal(left, right, categorical_as_str=True)
    assert one.meta["blocks"][0]["reference"] == {"kind": "published", "label": f"published total {code}"}
    assert one.meta["blocks"][0]["dominant"] == two.meta["blocks"][0]["dominant"]


def test_a_region_named_as_reference_stays_one() -> None:
    project = with_total("EARTH")
    assert "r1" in rca(project, reference="r1").frame["region"].to_list()
    assert "EARTH" in rca(project, reference="r1").frame["region"].to_list()
    assert "EARTH" not in rca(project, exclude=["EARTH"]).frame["region"].to_list()


def test_what_the_reference_needs_cannot_be_left_out() -> None:
    for reference, gone in (("EARTH", "EARTH"), ("ex:r1", "r1"), ("r1", "R1")):
        with pytest.raises(UsageError, match="left out of the table and needed for the reference"):
            rca(with_total("EARTH"), reference=reference, exclude=[gone])
    assert rca(with_total("EARTH"), reference="EARTH", exclude=["r1"]).frame["region"].n_unique() == 5


def test_a_published_total_cannot_be_left_out_of_a_table_it_is_not_in() -> None:
    with pytest.raises(UsageError, match="WLD is a published total") as refusal:
        rca(declared_total(), exclude=["WLD"])
    assert "--reference sum" in str(refusal.value.fix)
    with pytest.raises(UsageError, match="WLD is a published total"):
        rca(declared_total(), reference="ex:WLD")


def test_a_total_that_the_indicator_names_is_no_region_whatever_its_role() -> None:
    cells = {(r, f"s{j}", 2020): float(v) for r, row in PARTS.items() for j, v in enumerate(row)}
    cells |= {("EARTH", f"s{j}", 2020): v + 1.0 for j, v in enumerate(TOTALS)}
    frame = rca(made(cells)).frame
    assert "EARTH" in frame["region"].to_list()
    found = rca(_naming(made(cells), "EARTH"))
    assert "EARTH" not in found.frame["region"].to_list()
    assert found.meta["blocks"][0]["reference"]["label"] == "published total EARTH"


def _naming(project: Any, code: str) -> Any:
    meta = project.catalogue["x"].model_copy(update={"reference": code})
    return replace(project, catalogue={**project.catalogue, "x": meta})


# --- regions outside the reference; a threshold above the material index ---------------------------------------------


@pytest.mark.parametrize("reference", ["group:club", "r1", "ex:r1", "sum", "peers"])
def test_ceiling_bounds_the_index_or_is_null(reference: str) -> None:
    rows = [[90, 1, 9], [10, 30, 5], [5, 20, 40], [60, 60, 60]]
    people = {(f"r{i}", 2020): 1e6 * (i + 1) for i in range(4)}
    project = made(one_year(table(rows)), groups={"r1": "club", "r2": "club"}, population=people)
    inside = {"group:club": {"r1", "r2"}, "r1": {"r1"}, "ex:r1": {"r0", "r2", "r3"}, "peers": set()}
    frame = rca(project, reference=reference, indicator=["x"]).frame.with_columns(pl.col("region").cast(pl.String))
    bounded = frame.filter(pl.col("ceiling").is_not_null())
    assert set(bounded["region"]) == inside.get(reference, {"r0", "r1", "r2", "r3"})
    assert (bounded["rca"] <= bounded["ceiling"] * (1 + 1e-12)).all()


@pytest.mark.parametrize("kind", ["count", "value"])
def test_nothing_below_the_threshold_is_material(kind: str) -> None:
    rng = np.random.default_rng(5)
    cells = {
        (f"r{i}", f"s{j}", y): float(rng.poisson(400 * (1.0 if i != j else (2.6 if i % 2 else 1.7))))
        for i in range(12) for j in range(12) for y in (2018, 2019, 2020)
    }  # fmt: skip
    low = rca(made(cells, kind=kind), extras=["history"]).frame
    high = rca(made(cells, kind=kind), extras=["history"], threshold=1.9).frame
    raised = rca(made(cells, kind=kind, run={"profile": {"material": 1.9}}), extras=["history"], threshold=1.9).frame
    between = low.filter(pl.col("rca").is_between(1.4, 1.7))
    assert between["persistence"].max() == 3
    assert high.join(between, on=["region", "sector"], how="semi")["persistence"].max() == 0
    assert_frame_equal(high, raised)
    assert set(high["band"].drop_nulls()) <= {"moderate", "high", "very_high"}
    if kind == "count":
        assert (high["p_material"] <= low["p_material"]).all()
        assert high["p_material"].sum() < low["p_material"].sum()


def test_imports_members_need_a_matching_indicator() -> None:
    """Exports 30, 10 and imports 10, 30: Lafay 25 and -25, Michaely 0.5 and -0.5 (methods' hand checks)."""
    exports = one_year(table([[30, 10], [20, 40]]))
    bought = {("r0", "s0"): 10.0, ("r0", "s1"): 30.0, ("r1", "s0"): 25.0, ("r1", "s1"): 35.0}
    alone = made(exports, kind="value")
    frame = rca(alone, extras=["imports"]).frame
    assert frame["lafay"].null_count() == 4
    project = made(exports, kind="value", imports="bought", others={"bought": one_year(bought)})
    rows = {
        (r["region"], r["sector"]): r
        for r in rca(project, indicator=["x"], extras=["imports"]).frame.iter_rows(named=True)
    }
    assert [rows["r0", s]["lafay"] for s in ("s0", "s1")] == pytest.approx([25.0, -25.0])
    assert [rows["r0", s]["michaely"] for s in ("s0", "s1")] == pytest.approx([0.5, -0.5])
    expected = (30 / 10) / (20 / 40) - (10 / 30) / (25 / 35)
    assert rows["r0", "s0"]["vollrath_rta"] == pytest.approx(expected)
