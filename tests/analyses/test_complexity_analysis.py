"""Complexity through the analysis: the indices of the papers, ranges from draws, refusals and tables that break others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from capmap.analyses.complexity import CELLS, MANY_SECTORS, REGIONS, SECTORS, complexity
from capmap.errors import RefusedError, UsageError
from capmap.model import Project
from tests.analyses.made import Key, made, one_year, table

#: No floors, no draws: indices of the whole table and nothing else.
BARE: dict[str, Any] = {"min_share": 0.0, "min_population": 0.0, "min_regions": 1, "draws": 0}


def rows_of(frame: pl.DataFrame, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in frame.iter_rows(named=True)}


def nested(n: int, m: int) -> list[list[float]]:
    """Region k holds the first sectors up to a bound that falls with k: the textbook table of complexity."""
    return [[40.0 if j * n <= (n - k) * m else 1.0 for j in range(m)] for k in range(n)]


def random_table(seed: int, n: int = 12, m: int = 15) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    lean = rng.normal(size=(n, 2)) @ rng.normal(size=(2, m)) + rng.normal(size=n)[:, np.newaxis] * 0.5
    return rng.poisson(30 * np.exp(lean)).astype(float).tolist()


def reference_eci(presence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ECI and PCI from the full, unsymmetric problem, by loops and a general eigensolver."""
    n, m = presence.shape
    d, u = presence.sum(axis=1), presence.sum(axis=0)
    w = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            w[a, b] = sum(presence[a, j] * presence[b, j] / (d[a] * u[j]) for j in range(m))
    values, vectors = np.linalg.eig(w)
    k = np.real(vectors[:, np.argsort(-np.real(values))[1]])
    eci = (k - k.mean()) / k.std()
    if np.corrcoef(eci, d)[0, 1] < 0:
        eci, k = -eci, -k
    lam = np.sort(np.real(values))[-2]
    q = [sum(presence[i, j] * k[i] for i in range(n)) / u[j] / lam for j in range(m)]
    return eci, (np.array(q) - k.mean()) / k.std()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_indices_are_those_of_the_full_problem(seed: int) -> None:
    project = made(one_year(table(random_table(seed))), kind="value")
    try:
        result = complexity(project, window=1, table=("regions", "sectors", "cells"), **BARE)
    except RefusedError:
        assume(False)
        raise
    n, m = 12, 15
    cells = result.tables["cells"].sort("region", "sector")
    names_r = sorted({f"r{i}" for i in range(n)})
    held = cells["presence"].to_numpy().reshape(n, m)
    assume(held.any(axis=0).all() and held.any(axis=1).all())
    eci, pci = reference_eci(held)
    found = rows_of(result.tables["regions"], "region")
    assert [found[r]["eci"] for r in names_r] == pytest.approx(eci.tolist(), abs=1e-7)
    found = rows_of(result.tables["sectors"], "sector")
    assert [found[s]["pci"] for s in sorted(found)] == pytest.approx(pci.tolist(), abs=1e-6)
    # a region's index is the mean index of the sectors it holds
    mean = [np.mean([p for p, h in zip(pci, row, strict=True) if h]) for row in held]
    assert mean == pytest.approx(eci.tolist(), abs=1e-7)


def test_columns_are_as_documented_and_rows_are_sorted() -> None:
    project = made(one_year(table(random_table(3))))
    result = complexity(project, table=("regions", "sectors", "cells"), **BARE)
    for name, columns in (("regions", REGIONS), ("sectors", SECTORS), ("cells", CELLS)):
        frame = result.tables[name]
        assert tuple(frame.columns) == columns
        keys = [key for key in ("indicator", "year", "region", "sector") if key in columns]
        assert_frame_equal(frame, frame.sort(keys))


def test_draws_give_ranges_that_hold_the_truth_and_do_not_depend_on_the_machine() -> None:
    project = made(one_year(table(random_table(5, 20, 25))))
    options = BARE | {"draws": 50}
    first, second = complexity(project, **options), complexity(project, **options)
    for name in ("regions", "sectors"):
        assert_frame_equal(first.tables[name], second.tables[name])
    frame = first.tables["regions"]
    assert (frame["eci_low"] <= frame["eci_high"]).all()
    assert (frame["rank_low"] <= frame["rank_high"]).all()
    inside = frame.filter((pl.col("eci") >= pl.col("eci_low")) & (pl.col("eci") <= pl.col("eci_high")))
    assert inside.height >= 0.7 * frame.height
    flagged = frame.filter(pl.col("note").fill_null("").str.contains("outside_range"))
    assert flagged.height == frame.height - inside.height
    other = complexity(project, **(options | {"seed": 1})).tables["regions"]
    assert not other["eci_low"].equals(frame["eci_low"])
    assert other["eci"].equals(frame["eci"])


def test_ranges_narrow_as_counts_grow() -> None:
    rows = random_table(8, 15, 20)
    project = made(one_year(table(rows)))
    many = made(one_year(table([[400 * v for v in row] for row in rows])))
    width = [
        (f["eci_high"] - f["eci_low"]).mean()
        for f in (complexity(p, **(BARE | {"draws": 60})).tables["regions"] for p in (project, many))
    ]
    assert width[1] < 0.5 * width[0]


def test_values_have_no_ranges() -> None:
    project = made(one_year(table(random_table(5))), kind="value")
    result = complexity(project, **(BARE | {"draws": 50}))
    assert result.tables["regions"]["eci_low"].null_count() == 12
    assert result.meta["blocks"][0]["draws"] is None


# --- tables that break other programs -------------------------------------------------------------------------


def test_two_unconnected_blocks_are_refused_with_their_sizes_and_the_largest_computed_on_demand() -> None:
    rows = [
        [9.0, 9.0, 9.0, 0.0, 0.0], [9.0, 9.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 0.0, 5.0, 0.0],
    ]  # fmt: skip
    project = made(one_year(table(rows)))
    with pytest.raises(RefusedError, match=r"2 parts .*3 x 3, 2 x 2") as refused:
        complexity(project, threshold=0.5, **BARE)
    assert "--component largest" in str(refused.value.fix)
    largest = complexity(project, threshold=0.5, component="largest", **BARE)
    found = rows_of(largest.tables["regions"], "region")
    assert found["r0"]["eci"] is not None
    assert found["r3"]["eci"] is None
    assert found["r3"]["note"] == "other_component"
    assert found["r0"]["note"] == "largest_component"
    assert found["r3"]["diversity"] == 2


def test_rank_one_and_equal_diversities_are_refused() -> None:
    rank_one = [[a * b for b in (1 / 3, 1 / 7, 2.0)] for a in (0.1, 0.7, 3.0)]
    with pytest.raises(RefusedError, match="equally diverse"):
        complexity(made(one_year(table(rank_one)), kind="value"), **BARE)
    circle = [[5.0 if (j - i) % 5 in (0, 1) else 1.0 for j in range(5)] for i in range(5)]
    with pytest.raises(RefusedError, match="equally diverse"):
        complexity(made(one_year(table(circle))), **BARE)


def test_an_unclear_second_dimension_is_refused_and_computed_by_force() -> None:
    """Three like groups beside a region that holds everything: by symmetry the second and third eigenvalues are one."""
    rows = [[float(j // 2 == i // 2) for j in range(6)] for i in range(6)] + [[1.0] * 6]
    project = made(one_year(table(rows)))
    with pytest.raises(RefusedError, match="too close") as refused:
        complexity(project, presence="given", **BARE)
    assert "--force" in str(refused.value.fix)
    forced = complexity(project, presence="given", force=True, **BARE).tables["regions"]
    assert forced["eci"].null_count() == 0
    assert forced["note"].str.contains("eigengap").all()


def test_a_year_without_an_index_says_so_beside_one_with() -> None:
    good = {(r, s, 2020): v for (r, s), v in table(random_table(3)).items()}
    bad = {(r, s, 2010): 7.0 for (r, s) in table(random_table(3))}
    result = complexity(made(good | bad), year="all", **BARE)
    by_year = {b["year"]: b["refused"] for b in result.meta["blocks"]}
    assert by_year == {2010: "equal_diversity", 2020: None}
    regions = result.tables["regions"]
    assert regions.filter(pl.col("year") == 2010)["note"].unique().to_list() == ["equal_diversity"]
    assert regions.filter(pl.col("year") == 2010)["diversity"].null_count() == 0


def test_a_region_or_sector_of_zeros_changes_nothing_else() -> None:
    rows = random_table(3)
    plain = complexity(made(one_year(table(rows))), table=("regions", "sectors", "cells"), **BARE)
    more = complexity(
        made(one_year(table([[*row, 0.0] for row in rows] + [[0.0] * 16]))),
        table=("regions", "sectors", "cells"), **BARE,
    )  # fmt: skip
    for name, frame in plain.tables.items():
        wide = more.tables[name]
        kept = wide.filter(*(pl.col(key).cast(pl.String) != new for key, new in (("region", "r12"), ("sector", "s15"))
                             if key in wide.columns))  # fmt: skip
        same = [pl.col(key).cast(pl.String) for key in ("region", "sector") if key in wide.columns]
        assert_frame_equal(frame.with_columns(same), kept.with_columns(same), abs_tol=1e-9)
    empty = rows_of(more.tables["regions"], "region")["r12"]
    assert empty["eci"] is None
    assert empty["note"] == "no_presence;no_total"
    assert rows_of(more.tables["sectors"], "sector")["s15"]["note"] == "few_regions"


def test_one_unknown_cell_is_null_and_takes_nobody_with_it() -> None:
    rows = random_table(3)
    cells = one_year(table(rows))
    cells["r0", "s0", 2020] = None
    result = complexity(made(cells), table=("regions", "cells"), **BARE)
    assert result.tables["regions"]["eci"].null_count() == 0
    lost = result.tables["cells"].filter(pl.col("rca").is_null())
    assert lost.select(pl.col("region", "sector").cast(pl.String)).rows() == [("r0", "s0")]
    assert lost["note"].to_list() == ["no_rca"]
    assert lost["presence"].to_list() == [None]


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)), st.permutations(range(15)))
def test_permuting_rows_and_columns_permutes_the_results(rows: list[int], columns: list[int]) -> None:
    base = random_table(21)
    renamed = {
        (f"r{rows[i]:02}", f"s{columns[j]:02}"): base[i][j] for i in range(12) for j in range(15)
    }  # fmt: skip
    plain = {(f"r{i:02}", f"s{j:02}"): base[i][j] for i in range(12) for j in range(15)}
    one, other = (complexity(made(one_year(cells)), **BARE) for cells in (plain, renamed))
    a, b = rows_of(one.tables["regions"], "region"), rows_of(other.tables["regions"], "region")
    for i in range(12):
        assert b[f"r{rows[i]:02}"]["eci"] == pytest.approx(a[f"r{i:02}"]["eci"], abs=1e-9)
        assert b[f"r{rows[i]:02}"]["eci_rank"] == a[f"r{i:02}"]["eci_rank"]
    a, b = rows_of(one.tables["sectors"], "sector"), rows_of(other.tables["sectors"], "sector")
    for j in range(15):
        assert b[f"s{columns[j]:02}"]["pci"] == pytest.approx(a[f"s{j:02}"]["pci"], abs=1e-9)


def test_namibia_is_a_region() -> None:
    rows = {("NA" if r == "r0" else r, s): v for (r, s), v in table(random_table(3)).items()}
    assert "NA" in complexity(made(one_year(rows)), **BARE).tables["regions"]["region"].cast(pl.String).to_list()


def test_identical_regions_share_a_rank() -> None:
    rows = random_table(3)
    result = complexity(made(one_year(table([*rows, rows[4], [3 * v for v in rows[4]]])), kind="value"), **BARE)
    found = rows_of(result.tables["regions"], "region")
    assert found["r4"]["eci_rank"] == found["r12"]["eci_rank"] == found["r13"]["eci_rank"]


def test_a_huge_table_by_mistake_is_refused() -> None:
    n = MANY_SECTORS + 1
    cells: dict[Key, float | None] = {(f"r{i}", f"s{j}", 2020): 1.0 for i in range(2) for j in range(n) if i or j % 2}
    with pytest.raises(RefusedError, match="20,001 sectors"):
        complexity(made(cells), **BARE)


# --- sign, conventions, answers asked for ---------------------------------------------------------------------


def panel_with_weak_sign() -> Project:
    """A table whose diversity says little of its scale, and the same ten years before with one region holding all."""
    rng = np.random.default_rng(38)
    now = (rng.normal(size=(8, 1)) @ rng.normal(size=(1, 10)) + rng.normal(size=(8, 10)) * 0.5) > 0
    before = now.copy()
    before[6] = True
    cells: dict[Key, float | None] = {}
    for year, held in ((2010, before), (2020, now)):
        cells |= {(f"r{i}", f"s{j}", year): float(held[i, j]) for i in range(8) for j in range(10)}
    return made(cells)


def test_a_weak_sign_follows_the_year_before_whether_or_not_it_was_asked_for() -> None:
    project = panel_with_weak_sign()
    options = BARE | {"presence": "given"}
    both = complexity(project, year="all", **options)
    flags = {b["year"]: b["flags"] for b in both.meta["blocks"]}
    assert "previous_sign" in flags[2020], flags
    alone = complexity(project, year=2020, **options)
    assert_frame_equal(alone.tables["regions"], both.tables["regions"].filter(pl.col("year") == 2020))
    single = replace(project, observations=project.observations.filter(pl.col("year") == 2020))
    unaided = complexity(single, **options).tables["regions"]["eci"]
    assert (unaided + alone.tables["regions"]["eci"]).abs().max() < 1e-9, "without the year before, the other way round"
    before, after = (
        both.tables["regions"].filter(pl.col("year") == y).sort("region")["eci"].to_numpy() for y in (2010, 2020)
    )
    assert np.corrcoef(before, after)[0, 1] > 0


def test_a_later_year_never_changes_an_earlier_one() -> None:
    cells = {(r, s, 2010): v for (r, s), v in table(random_table(3)).items()}
    later = cells | {(r, s, 2020): v for (r, s), v in table(random_table(4)).items()}
    one = complexity(made(cells), year=2010, **BARE).tables["regions"]
    other = complexity(made(later), year=2010, **BARE).tables["regions"]
    assert_frame_equal(one, other)


def test_prody_needs_an_income() -> None:
    project = made(
        one_year(table(random_table(3))),
        others={"income": {(f"r{i}", "_T", 2015): 1000.0 * (i + 1) for i in range(12)}},
    )
    assert complexity(project, indicator=["x"], **BARE).tables["sectors"]["prody"].null_count() == 15
    found = complexity(project, indicator=["x"], income="income", **BARE).tables["sectors"]["prody"]
    assert found.null_count() == 0
    assert 1000.0 < found.min() < found.max() < 12000.0  # type: ignore[operator]


def test_rows_asked_for_are_cut_from_the_whole() -> None:
    project = made(one_year(table(random_table(3))))
    whole = complexity(project, table=("regions", "cells"), **BARE)
    some = complexity(project, region=["r3"], sector=["s2", "s5"], table=("regions", "cells"), **BARE)
    assert_frame_equal(some.tables["regions"], whole.tables["regions"].filter(pl.col("region") == "r3"))
    kept = (pl.col("region") == "r3") & pl.col("sector").cast(pl.String).is_in(["s2", "s5"])
    assert_frame_equal(some.tables["cells"], whole.tables["cells"].filter(kept), categorical_as_str=True)


def test_an_excluded_region_has_no_density() -> None:
    rows = [*random_table(3), [0.0] * 14 + [1.0]]
    result = complexity(made(one_year(table(rows))), table=("cells",), **(BARE | {"min_share": 0.001}))
    out = result.frame.filter(pl.col("region") == "r12")
    assert out["density"].null_count() == out.height
    assert out["note"].cast(pl.String).str.contains("region_excluded").all()


def test_what_cannot_be_asked() -> None:
    project = made(one_year(table(random_table(3))))
    with pytest.raises(UsageError, match="unknown table"):
        complexity(project, table=("rows",))
    with pytest.raises(RefusedError, match="no data in 1999"):
        complexity(project, year=1999)


# --- chance, and what must not move a range -------------------------------------------------------------------


def noise(seed: int, n: int = 25, m: int = 20) -> list[list[float]]:
    return np.random.default_rng(seed).poisson(5, (n, m)).astype(float).tolist()


def test_a_table_of_noise_is_refused_or_flagged_and_one_with_structure_is_not() -> None:
    options = BARE | {"draws": 2}
    told = []
    for seed in range(12):
        try:
            result = complexity(made(one_year(table(noise(seed)))), **options)
        except RefusedError:
            told.append(True)
            continue
        told.append("chance_dimension" in result.meta["blocks"][0]["flags"])
    assert sum(told) >= 10, "at most one in twenty by chance"
    rng = np.random.default_rng(2)
    lean = np.outer(rng.normal(size=25), rng.normal(size=20))
    clear = rng.poisson(20 * np.exp(lean)).astype(float).tolist()
    block = complexity(made(one_year(table(clear))), **options).meta["blocks"][0]
    assert block["flags"] == []
    assert block["p_second_dimension"] == pytest.approx(1 / 40)


def test_a_region_or_sector_of_zeros_changes_no_range() -> None:
    rows = random_table(3)
    named = {("b" + r, "b" + s): v for (r, s), v in table(rows).items()}
    more = named | {("a0", s): 0.0 for _, s in named} | {(r, "a0"): 0.0 for r, _ in named}
    options = BARE | {"draws": 30}
    one, other = (complexity(made(one_year(cells)), **options).tables["regions"] for cells in (named, more))
    kept = other.filter(pl.col("region").cast(pl.String) != "a0")
    for name in ("eci", "eci_low", "eci_high", "rank_low", "rank_high"):
        assert one[name].to_list() == pytest.approx(kept[name].to_list(), abs=1e-9), name


def test_the_floor_is_of_the_world_whatever_the_reference() -> None:
    """r11 has 0.05 % of the world; compared with one small region alone it is still too small."""
    rows = random_table(3)
    total = sum(map(sum, rows))
    rows[11] = [total * 0.0005 / 15] * 15
    project = made(one_year(table(rows)), kind="value")
    for reference in ("world", "r3", "ex:r0"):
        result = complexity(project, reference=reference, force=True, **(BARE | {"min_share": 0.001}))
        assert result.meta["blocks"][0]["excluded"]["regions"].get("r11") == "small_total", reference


def test_an_unknown_population_is_the_reason_and_not_that_nothing_is_held() -> None:
    people = {(f"r{i}", 2020): 2e6 for i in range(11)}
    project = made(one_year(table(random_table(3))), population=people, kind="value")
    result = complexity(project, indicator=["x"], presence="per_capita", force=True, **BARE)
    assert result.meta["blocks"][0]["excluded"]["regions"]["r11"] == "no_population"


def test_two_parts_of_one_size_are_not_told_to_take_the_largest() -> None:
    rows = [[9.0, 9.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0], [0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 5.0, 0.0]]
    with pytest.raises(RefusedError, match="none of them is the largest") as refused:
        complexity(made(one_year(table(rows))), component="largest", threshold=0.5, **BARE)
    assert "--component" not in str(refused.value.fix)
