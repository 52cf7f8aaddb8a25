"""Links, networks and stepping stones from frames: against loops, and where the data are awkward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from capmap.analyses import complexity, presence, relatedness
from capmap.analyses.presence import conventions, tables
from capmap.errors import RefusedError, UsageError
from capmap.methods.relatedness import density, significance
from capmap.model import Codes, Project
from tests.analyses.made import made, one_year, table

#: Everybody takes part, and the values are presence.
GIVEN: dict[str, Any] = {"presence": "given", "min_regions": 1, "min_share": 0}
#: Everybody takes part.
ALL: dict[str, Any] = {"min_regions": 1, "min_share": 0}

#: A chain s0 - s1 - s2 - s3 with no other pair in one region.
CHAIN = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
#: Two blocks that share neither regions nor sectors.
BLOCKS = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]


def given(rows: Sequence[Sequence[float | None]], **options: Any) -> Project:
    return made(one_year(table(rows)), **options)


def random_rows(seed: int, n: int = 12, m: int = 8) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    return np.floor(rng.lognormal(2.0, 1.3, (n, m))).tolist()


def pairs(frame: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {(r["source"], r["target"]): r["proximity"] for r in frame.iter_rows(named=True)}


def held(rows: Sequence[Sequence[float]]) -> list[list[bool]]:
    """RCA >= 1 of a table without zero rows or columns, cell by cell."""
    whole = sum(map(sum, rows))
    columns = [sum(row[j] for row in rows) for j in range(len(rows[0]))]
    return [[row[j] * whole >= sum(row) * columns[j] * (1 - 1e-12) for j in range(len(row))] for row in rows]


def looped(m: Sequence[Sequence[bool]]) -> dict[tuple[str, str], float]:
    """Smaller conditional probability of each pair that shares a region."""
    found = {}
    for a, b in combinations(range(len(m[0])), 2):
        both = sum(row[a] and row[b] for row in m)
        if both:
            found[f"s{a}", f"s{b}"] = both / max(sum(row[a] for row in m), sum(row[b] for row in m))
    return found


# --- links ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_links_are_the_proximities_of_a_loop(seed: int) -> None:
    rows = random_rows(seed)
    result = relatedness.relatedness(given(rows), **ALL)
    frame = result.frame
    assert tuple(frame.columns) == relatedness.LINKS
    expected = looped(held(rows))
    assert pairs(frame) == pytest.approx(expected, abs=1e-12)
    assert frame.height == len(expected)
    assert list(pairs(frame)) == sorted(pairs(frame))  # each pair once, source before target, in order of codes
    assert all(a < b for a, b in pairs(frame))
    (block,) = result.meta["blocks"]
    assert (block["links"], block["links"] + block["zero"], block["undefined"]) == (frame.height, 28, 0)
    assert frame.select("p_value", "q_value", "note").null_count().sum_horizontal()[0] == 3 * frame.height


def test_links_of_proximity_zero_stay_out_unless_asked_for() -> None:
    project = given(CHAIN)
    assert pairs(relatedness.relatedness(project, **GIVEN).frame) == {
        ("s0", "s1"): 0.5, ("s1", "s2"): 0.5, ("s2", "s3"): 0.5
    }  # fmt: skip
    whole = relatedness.relatedness(project, complete=True, **GIVEN)
    assert whole.frame.height == 6
    assert whole.frame["proximity"].sort().to_list() == [0, 0, 0, 0.5, 0.5, 0.5]
    assert whole.frame["note"].null_count() == 6
    assert whole.meta["blocks"][0]["zero"] == 3


def test_who_takes_no_part_has_a_reason_and_changes_nothing() -> None:
    rows = [[1, 1, 0, 0, 1], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0]]  # s3 and s4 are held once
    options = {**GIVEN, "min_regions": 2}
    result = relatedness.relatedness(given(rows), **options)
    assert pairs(result.frame) == looped([[bool(v) for v in row[:3]] for row in rows])
    assert result.meta["blocks"][0]["excluded"]["sectors"] == {"s3": "few_regions", "s4": "few_regions"}
    whole = relatedness.relatedness(given(rows), complete=True, **options).frame
    assert whole.height == 10
    left = whole.filter(pl.col("proximity").is_null())
    assert left["note"].unique().to_list() == ["few_regions"]
    assert left.height == 7
    with pytest.raises(RefusedError, match="s3 takes no part: few_regions"):
        relatedness.relatedness(given(rows), sector=["s3"], **options)
    assert relatedness.relatedness(given(rows), sector=["s3"], complete=True, **options).frame.height == 4


def test_minimum_and_sector_choose_rows_and_change_no_number() -> None:
    rows = random_rows(7)
    everything = pairs(relatedness.relatedness(given(rows), **ALL).frame)
    some = relatedness.relatedness(given(rows), minimum=0.4, sector=["s1"], **ALL)
    assert pairs(some.frame) == {p: v for p, v in everything.items() if v >= 0.4 and "s1" in p}
    assert some.meta["blocks"][0]["below_minimum"] == sum(v < 0.4 for v in everything.values())


def test_refined_sorts_cuts_and_names() -> None:
    project = given(random_rows(3))
    codes = pl.DataFrame({"code": [f"s{j}" for j in range(8)], "label": [f"Good {j}" for j in range(8)],
                          "parent": [None] * 8, "level": [None] * 8})  # fmt: skip
    project = replace(project, codes=Codes(project.codes.regions, {"goods": codes}))
    result = relatedness.relatedness(project, **ALL)
    top = relatedness.refined(project, result, top=3, labels=True).frame
    order = sorted(result.frame.iter_rows(named=True), key=lambda r: (-r["proximity"], r["source"], r["target"]))
    assert [(r["source"], r["target"]) for r in order[:3]] == list(pairs(top))
    assert top["source_label"].to_list() == [f"Good {code[1]}" for code in top["source"].cast(pl.String)]
    falling = relatedness.refined(project, result, sort="-target").frame["target"].cast(pl.String).to_list()
    assert falling == sorted(falling, reverse=True)
    with pytest.raises(UsageError, match="cannot sort by 'rca'"):
        relatedness.refined(project, result, sort="rca")


def test_every_year_stands_for_itself() -> None:
    cells = {}
    for year, seed in ((2010, 1), (2012, 2), (2014, 3)):
        cells |= one_year(table(random_rows(seed)), year)
    project = made(cells)
    every = relatedness.relatedness(project, year="all", **ALL).frame
    for year in (2010, 2012, 2014):
        alone = relatedness.relatedness(project, year=year, **ALL).frame
        assert every.filter(pl.col("year") == year).equals(alone)
    assert relatedness.relatedness(project, **ALL).frame["year"].unique().to_list() == [2014]
    with pytest.raises(RefusedError, match=r"no data in 2011 \(has 2010, 2012, 2014\)"):
        relatedness.relatedness(project, year=2011, **ALL)


def test_conventions_reach_the_numbers() -> None:
    project = given([[1, 1, 0], [1, 0, 1], [1, 1, 0], [0, 1, 0]])
    found = {
        name: pairs(relatedness.relatedness(project, proximity=name, **GIVEN).frame)["s0", "s1"]
        for name in ("minimum_conditional", "cosine", "jaccard", "association")
    }
    assert found == pytest.approx(
        {"minimum_conditional": 2 / 3, "cosine": 2 / 3, "jaccard": 2 / 4, "association": 4 * 2 / 9}
    )
    assert relatedness.relatedness(project, diagonal=1.0, **GIVEN).frame.height == 2  # no link of a sector to itself


def test_correlation_below_zero_is_no_link_and_an_unknown_one_has_a_reason() -> None:
    rows = [[9, 1, 5, 1], [8, 2, 5, 1], [1, 9, 5, 1], [2, 8, 5, 1], [5, 5, 5, 1]]
    result = relatedness.relatedness(given(rows), proximity="rsca_correlation", complete=True, **ALL)
    assert pairs(result.frame) == {
        ("s0", "s1"): 0, **{(a, b): None for a, b in combinations(("s0", "s1", "s2", "s3"), 2) if (a, b) != ("s0", "s1")}
    }  # fmt: skip
    assert result.frame["note"].to_list() == [None, *["no_correlation"] * 5]  # s2 and s3 are the same everywhere
    block = result.meta["blocks"][0]
    assert (block["links"], block["zero"], block["undefined"]) == (0, 1, 5)


# --- significance ---------------------------------------------------------------------------------------------


def test_significance_is_that_of_the_sectors_that_take_part() -> None:
    rows = random_rows(11, 10, 6)
    project = given(rows)
    plain = relatedness.relatedness(project, **ALL).frame
    result = relatedness.relatedness(project, significance_draws=60, **ALL)
    assert pairs(result.frame) == pairs(plain)
    m = np.array(held(rows))
    seed = conventions(project).complexity.seed
    expected = significance(m, 60, np.random.default_rng(seed))
    for row in result.frame.iter_rows(named=True):
        cell = int(row["source"][1]), int(row["target"][1])
        assert (row["p_value"], row["q_value"]) == (expected.p_value[cell], expected.q_value[cell])
    told = result.meta["blocks"][0]["significance"]
    assert (told["draws"], told["tested"], told["lowest_p"]) == (60, 15, 1 / 61)
    assert result.meta["seed"] == seed
    again = relatedness.relatedness(project, significance_draws=60, **ALL)
    assert again.frame.equals(result.frame)
    other = relatedness.relatedness(project, significance_draws=60, seed=1, **ALL)
    assert not other.frame["p_value"].equals(result.frame["p_value"])


def test_blocks_go_together_beyond_chance_and_the_rest_does_not() -> None:
    """Regions hold all of one half of the sectors or all of the other: pairs within a half can be nothing but related."""
    rows = [[1] * 4 + [0] * 4 if i % 2 else [0] * 4 + [1] * 4 for i in range(20)]
    frame = relatedness.relatedness(given(rows), significance_draws=400, complete=True, **GIVEN).frame
    within = pl.col("proximity") == 1
    assert frame.filter(within).height == 12
    assert frame.filter(within)["q_value"].max() < 0.05
    assert frame.filter(~within)["p_value"].min() == 1


# --- awkward data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draws", [0, 40])
def test_an_empty_region_or_sector_changes_nothing_else(draws: int) -> None:
    rows = random_rows(5)
    expected = relatedness.relatedness(given(rows), significance_draws=draws, **ALL).frame.rows()
    more = [*rows, [0] * 8]
    assert relatedness.relatedness(given(more), significance_draws=draws, **ALL).frame.rows() == expected
    wider = [[*row, 0] for row in rows]
    result = relatedness.relatedness(given(wider), significance_draws=draws, **ALL)
    assert result.frame.rows() == expected
    assert result.meta["blocks"][0]["excluded"]["sectors"] == {"s8": "few_regions"}
    nodes = relatedness.network(given(more), **ALL).tables
    assert nodes["links"].rows() == relatedness.network(given(rows), **ALL).tables["links"].rows()


def test_renaming_permutes_results_and_nothing_more() -> None:
    rows = np.array(random_rows(9))
    regions, sectors = np.random.default_rng(0).permutation(12), np.random.default_rng(1).permutation(8)
    before = pairs(relatedness.relatedness(given(rows.tolist()), **ALL).frame)
    after = pairs(relatedness.relatedness(given(rows[np.ix_(regions, sectors)].tolist()), **ALL).frame)
    back = {}
    for (a, b), value in after.items():
        first, second = sorted((f"s{sectors[int(a[1])]}", f"s{sectors[int(b[1])]}"))
        back[first, second] = value
    assert back == before


def test_one_missing_value_is_one_cell_that_nobody_holds() -> None:
    rows = [list(map(float, row)) for row in random_rows(2, 10)]
    world = {(f"s{j}", 2020): 3 * sum(row[j] for row in rows) for j in range(8)}
    with_hole: list[list[float | None]] = [list(row) for row in rows]
    with_hole[4][2] = None
    project, holed = given(rows, reference=world), given(with_hole, reference=world)
    before, after = (_table(p, **ALL) for p in (project, holed))
    assert np.isnan(after.rca[4, 2])
    assert not after.presence[4, 2]
    others = np.arange(10) != 4
    assert (before.presence[others] == after.presence[others]).all()  # the published world does not move
    expected = looped(after.presence.tolist())
    assert pairs(relatedness.relatedness(holed, **ALL).frame) == pytest.approx(expected)


def _table(project: Project, **changes: Any) -> presence.Table:
    found, _ = tables(project, project.catalogue["x"], "latest", conventions(project, None, **changes))
    return found[0]


def test_rank_one_everybody_holds_everything() -> None:
    rows = [[2 * (j + 1) * (i + 1) for j in range(4)] for i in range(5)]
    assert set(pairs(relatedness.relatedness(given(rows), **ALL).frame).values()) == {1.0}
    with pytest.raises(RefusedError, match="0 of 4 sectors"):
        relatedness.relatedness(given(rows), comparison=">", **ALL)


def test_too_little_is_refused_with_the_reason() -> None:
    with pytest.raises(RefusedError, match="1 region"):
        relatedness.relatedness(given([[1, 2, 3]]), **ALL)
    with pytest.raises(RefusedError, match=r"x 2020: 0 of 3 sectors and 2 of 2 regions take part") as caught:
        relatedness.relatedness(given([[1, 0, 1], [1, 1, 0]]), presence="given", min_share=0)
    assert "--min-regions" in (caught.value.fix or "")


def test_a_code_that_looks_like_a_missing_value() -> None:
    cells = {("NA" if r == "r0" else r, "NaN" if s == "s0" else s, y): v for (r, s, y), v in given_cells(CHAIN).items()}
    assert pairs(relatedness.relatedness(made(cells), **GIVEN).frame)["NaN", "s1"] == 0.5


def given_cells(rows: Sequence[Sequence[float]]) -> Mapping[tuple[str, str, int | None], float | None]:
    return one_year(table(rows))


def test_too_many_sectors_are_refused_unless_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    m = complexity.MANY_SECTORS + 1
    cells = {(f"r{i}", f"s{j}", 2020): 1.0 for i in range(3) for j in range(m) if (i + j) % 3}
    project = made(cells)
    with pytest.raises(RefusedError, match="20,001 sectors"):
        relatedness.relatedness(project, **GIVEN)
    monkeypatch.setattr(complexity, "MANY_SECTORS", 3)
    with pytest.raises(RefusedError, match="4 sectors"):
        relatedness.network(given(CHAIN), **GIVEN)
    assert relatedness.relatedness(given(CHAIN), force=True, **GIVEN).frame.height == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lag": 2}, "two indicators"),
        ({"to": "y", "lag": -1}, "negative"),
        ({"minimum": -0.1}, "no proximity"),
        ({"minimum": float("nan")}, "no proximity"),
        ({"significance_draws": -1}, "negative"),
        ({"to": "y", "significance_draws": 9}, "one classification"),
        ({"significance_draws": 9, "proximity": "rsca_correlation"}, "presence"),
        ({"proximity": "magic"}, "proximity"),
        ({"sector": ["nothing"]}, "unknown sector"),
        ({"to": "x"}, "the indicator itself"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], said: str) -> None:
    project = made(given_cells(CHAIN), others={"y": given_cells(BLOCKS)})
    with pytest.raises(UsageError, match=said):
        relatedness.relatedness(project, indicator=["x"], **{**GIVEN, **options})


# --- between two classifications ------------------------------------------------------------------------------


def two(a: NDArray[np.int64], b: NDArray[np.int64], years: tuple[int | None, int | None] = (2020, 2020)) -> Project:
    first = {(f"r{i}", f"a{j}", years[0]): float(v) for (i, j), v in np.ndenumerate(a)}
    second = {(f"r{i}", f"b{j}", years[1]): float(v) for (i, j), v in np.ndenumerate(b)}
    return made(first, others={"y": second})


def test_cross_links_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 2, (9, 4)), rng.integers(0, 2, (9, 5))
    frame = relatedness.relatedness(two(a, b), indicator=["x"], to="y", **GIVEN).frame
    assert tuple(frame.columns) == relatedness.CROSS_LINKS
    expected = {}
    for j in range(4):
        for k in range(5):
            both = sum(1 for i in range(9) if a[i, j] and b[i, k])
            if both:
                expected[f"a{j}", f"b{k}"] = both / max(a[:, j].sum(), b[:, k].sum())
    assert pairs(frame) == pytest.approx(expected)
    assert frame["to"].unique().to_list() == ["y"]


def test_a_lag_takes_the_nearest_period_that_is_not_later() -> None:
    rng = np.random.default_rng(6)
    early, late, b = (rng.integers(0, 2, (8, 3)) for _ in range(3))
    cells = {(f"r{i}", f"a{j}", 2010): float(v) for (i, j), v in np.ndenumerate(early)}
    cells |= {(f"r{i}", f"a{j}", 2014): float(v) for (i, j), v in np.ndenumerate(late)}
    target = {(f"r{i}", f"b{j}", year): float(v) for (i, j), v in np.ndenumerate(b) for year in (2009, 2015)}
    project = made(cells, others={"y": target})

    def source_year(**options: Any) -> int:
        frame = relatedness.relatedness(project, indicator=["x"], to="y", **GIVEN, **options).frame
        assert frame["year"].unique().to_list() == [2015]
        return int(frame["source_year"].unique().item())

    assert source_year() == source_year(lag=1) == 2014
    assert source_year(lag=2) == source_year(lag=5) == 2010
    both = relatedness.relatedness(project, indicator=["x"], to="y", year="all", lag=2, **GIVEN)
    assert both.frame["year"].unique().to_list() == [2015]
    assert both.meta["no_data"] == [{"indicator": "x", "asked": "2007 or before", "has": [2010, 2014]}]
    with pytest.raises(RefusedError, match="2005 or before"):
        relatedness.relatedness(project, indicator=["x"], to="y", lag=10, **GIVEN)


def test_only_regions_of_both_count_and_the_others_have_a_reason() -> None:
    a, b = np.array([[1, 1], [1, 0], [1, 1]]), np.array([[1, 0], [1, 1], [0, 1]])
    whole = two(a, b)
    extra = pl.concat([whole.observations.filter(pl.col("indicator") == "x"),
                       whole.observations.filter((pl.col("indicator") == "y") & (pl.col("region") != "r2"))])  # fmt: skip
    result = relatedness.relatedness(replace(whole, observations=extra), indicator=["x"], to="y", **GIVEN)
    assert pairs(result.frame) == {
        ("a0", "b0"): 1.0, ("a0", "b1"): 0.5, ("a1", "b0"): 0.5
    }  # fmt: skip
    assert result.meta["blocks"][0]["source"]["excluded"]["regions"] == {"r2": "not_in_both"}


def test_cross_correlation_is_pearson_over_the_regions() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.integers(1, 50, (10, 3)), rng.integers(1, 50, (10, 3))
    project = two(a, b)
    found = pairs(relatedness.relatedness(project, indicator=["x"], to="y", proximity="rsca_correlation", **ALL).frame)

    def rsca(x: NDArray[np.int64]) -> NDArray[np.float64]:
        rca = x * x.sum() / (x.sum(axis=1, keepdims=True) * x.sum(axis=0))
        return np.asarray((rca - 1) / (rca + 1))

    kept_a, kept_b = (_table(replace(project, catalogue={**project.catalogue, "x": project.catalogue[i]}), **ALL).who.sectors
                      for i in ("x", "y"))  # fmt: skip
    assert kept_a.all()
    assert kept_b.all()
    both = np.corrcoef(rsca(a).T, rsca(b).T)[:3, 3:]
    assert found == pytest.approx({(f"a{j}", f"b{k}"): v for (j, k), v in np.ndenumerate(both) if v > 0})


def test_years_in_one_indicator_alone_cannot_be_matched() -> None:
    a = np.array([[1, 1], [1, 0]])
    with pytest.raises(UsageError, match="has years"):
        relatedness.relatedness(two(a, a, (2020, None)), indicator=["x"], to="y", **GIVEN)
    assert relatedness.relatedness(two(a, a, (None, None)), indicator=["x"], to="y", **GIVEN).frame.height == 4


# --- network --------------------------------------------------------------------------------------------------


def forest(links: Mapping[tuple[str, str], float]) -> float:
    """Weight of the maximum spanning forest, by Kruskal's rule."""
    part = {code: code for pair in links for code in pair}

    def root(code: str) -> str:
        return code if part[code] == code else root(part[code])

    total = 0.0
    for (a, b), weight in sorted(links.items(), key=lambda item: -item[1]):
        if root(a) != root(b):
            part[root(a)] = root(b)
            total += weight
    return total


@pytest.mark.parametrize("seed", range(5))
def test_network_is_a_spanning_tree_and_the_closest_links(seed: int) -> None:
    rows = random_rows(seed, 15, 14)
    project = given(rows)
    every = pairs(relatedness.relatedness(project, **ALL).frame)
    result = relatedness.network(project, **ALL)
    links, told = result.tables["links"], result.meta["network"]
    assert tuple(links.columns) == relatedness.NETWORK_LINKS
    tree = pairs(links.filter("tree"))
    assert sum(tree.values()) == pytest.approx(forest(every))
    assert len(tree) == told["tree"] == told["taking_part"] - told["parts"]

    def union(threshold: float) -> set[tuple[str, str]]:
        return {p for p, v in every.items() if v >= threshold} | set(tree)

    lowest = min((v for v in every.values() if 2 * len(union(v)) <= 4 * told["taking_part"]), default=None)
    assert told["above"] == lowest
    assert set(pairs(links)) == (set(tree) if lowest is None else union(lowest))
    assert told["average_degree"] == 2 * links.height / told["taking_part"] <= 4
    fixed = relatedness.network(project, above=0.5, **ALL)
    assert set(pairs(fixed.tables["links"])) == union(0.5)
    assert pairs(fixed.tables["links"]) == {p: every[p] for p in pairs(fixed.tables["links"])}


def test_ties_beyond_four_links_leave_the_tree() -> None:
    rows = [[1] * 9] * 4
    result = relatedness.network(given(rows), **GIVEN)
    assert result.meta["network"]["above"] is None
    assert result.tables["links"].height == 8


def test_nodes_say_what_they_are() -> None:
    rows = random_rows(21, 10, 6)
    project = given([[*row, 5 if i == 3 else 0] for i, row in enumerate(rows)])
    codes = pl.DataFrame({"code": [*(f"s{j}" for j in range(7)), "top"], "label": [*(f"Good {j}" for j in range(7)), "Top"],
                          "parent": [*["top"] * 7, None], "level": [None] * 8})  # fmt: skip
    project = replace(project, codes=Codes(project.codes.regions, {"goods": codes}))
    options = {"min_regions": 2, "min_share": 0}
    result = relatedness.network(project, region="r5", **options)
    nodes = result.tables["nodes"]
    assert tuple(nodes.columns) == (*relatedness.NODES[:-1], *relatedness.NODES_OF_REGION, "note")
    assert nodes["sector"].cast(pl.String).to_list() == [f"s{j}" for j in range(7)]
    own = _table(project, **options)
    assert nodes["ubiquity"].to_list() == own.held.sum(axis=0).tolist()
    assert nodes["world_total"].to_list() == [sum(row[j] for row in rows) for j in range(6)] + [5]
    assert nodes["world_share"].sum() == pytest.approx(1)
    assert nodes["parent_label"].to_list() == ["Top"] * 7
    expected = complexity.indices(own.presence, conventions(project).complexity)
    assert nodes["pci"].to_list()[:6] == expected.pci[:6].tolist()
    last = nodes.row(6, named=True)
    assert (last["note"], last["pci"], last["density"]) == ("few_regions", None, None)
    assert nodes["held"].to_list() == own.held[5].tolist()
    assert nodes["rca"].to_list() == own.rca[5].tolist()
    phi = complexity.sector_proximity(own, conventions(project).complexity)
    assert nodes["density"].to_list()[:6] == density(own.presence[[5]], phi)[0, :6].tolist()


def test_a_region_that_takes_no_part_has_no_density() -> None:
    rows = [*random_rows(1), [1, 0, 0, 0, 0, 0, 0, 0]]
    nodes = relatedness.network(given(rows), region="r12", min_regions=1, min_share=0.01).tables["nodes"]
    assert nodes["density"].null_count() == nodes.height
    assert nodes["held"].to_list()[0]
    assert set(nodes["note"]) == {"small_total"}


def test_unconnected_parts_have_a_tree_each_and_no_complexity() -> None:
    result = relatedness.network(given(BLOCKS), **GIVEN)
    assert result.meta["network"]["parts"] == 2
    assert pairs(result.tables["links"]) == {("s0", "s1"): 1.0, ("s2", "s3"): 1.0}
    assert set(result.tables["nodes"]["note"]) == {"disconnected"}
    assert result.tables["nodes"]["pci"].null_count() == 4


def test_the_published_world_is_the_total_of_a_node() -> None:
    rows = random_rows(3)
    world = {(f"s{j}", 2020): 1000.0 + j for j in range(8)}
    nodes = relatedness.network(given(rows, reference=world), **ALL).tables["nodes"]
    assert nodes["world_total"].to_list() == [1000.0 + j for j in range(8)]


def test_a_network_is_of_one_indicator_and_year() -> None:
    project = made(given_cells(CHAIN), others={"y": given_cells(BLOCKS)})
    with pytest.raises(UsageError, match="one indicator, not 2") as caught:
        relatedness.network(project, **GIVEN)
    assert caught.value.fix == "name one: -i x, -i y"
    with pytest.raises(UsageError, match="more than one year"):
        relatedness.network(project, indicator=["x"], year="all", **GIVEN)
    with pytest.raises(RefusedError, match="no data in 1999"):
        relatedness.network(project, indicator=["x"], year=1999, **GIVEN)
    with pytest.raises(UsageError, match="no proximity"):
        relatedness.network(project, indicator=["x"], above=-1.0, **GIVEN)


# --- stepping stones ------------------------------------------------------------------------------------------


def best(phi: Mapping[tuple[str, str], float], sectors: Sequence[str], start: set[str], goal: str) -> float:
    """Highest product over all simple paths."""
    top = 0.0
    others = [s for s in sectors if s not in start and s != goal]
    for length in range(len(others) + 1):
        for middle in permutations(others, length):
            for first in start:
                way = (first, *middle, goal)
                product = 1.0
                for a, b in pairwise(way):
                    product *= phi.get((min(a, b), max(a, b)), 0.0)
                top = max(top, product)
    return top


@pytest.mark.parametrize("seed", range(6))
def test_stepping_stones_are_the_best_of_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.random((9, 6)) < 0.35).astype(int)
    rows[0] = [1, 0, 0, 0, 0, 0]
    rows[1:3, 5] = 1
    project = given(rows.tolist())
    phi = pairs(relatedness.relatedness(project, **GIVEN).frame)
    expected = best(phi, [f"s{j}" for j in range(6)], {"s0"}, "s5")
    if expected == 0:
        with pytest.raises(RefusedError, match="unconnected"):
            relatedness.path(project, "r0", "s5", **GIVEN)
        return
    result = relatedness.path(project, "r0", "s5", **GIVEN)
    frame = result.frame
    assert tuple(frame.columns) == relatedness.PATH
    way = frame["sector"].cast(pl.String).to_list()
    assert (way[0], way[-1], frame["step"].to_list()) == ("s0", "s5", list(range(len(way))))
    assert frame["product"][-1] == pytest.approx(expected) == result.meta["path"]["product"]
    steps = [phi[min(a, b), max(a, b)] for a, b in pairwise(way)]
    assert frame["proximity"].to_list() == [None, *steps]
    assert frame["product"].to_list() == pytest.approx(np.cumprod([1.0, *steps]).tolist())


def test_a_chain_is_walked_link_by_link_with_rca_and_class() -> None:
    rows = [[40, 9, 0, 0], [0, 40, 40, 0], [0, 0, 40, 60], [90, 0, 0, 0]]
    project = given(rows)
    frame = relatedness.path(project, "r3", "s3", **ALL).frame
    assert frame["sector"].cast(pl.String).to_list()[0] == "s0"
    own = _table(project, **ALL)
    places = [own.sectors.index(s) for s in frame["sector"].cast(pl.String)]
    assert frame["rca"].to_list() == own.rca[3, places].tolist()
    assert frame["class"].cast(pl.String).to_list()[0] == "established"


def test_a_target_held_already_is_a_path_of_itself() -> None:
    result = relatedness.path(given(CHAIN), "r0", "s1", **GIVEN)
    row = result.frame.row(0, named=True)
    assert result.frame.height == 1
    assert (row["step"], row["proximity"], row["product"]) == (0, None, 1.0)
    assert "held" in row["note"].split(";")
    assert result.meta["path"]["held"]


@pytest.mark.parametrize(
    ("rows", "way", "options", "said"),
    [
        (BLOCKS, ("r0", "s2"), {}, "no chain of links leads to s2 from the 2 sectors that r0 holds"),
        ([*CHAIN, [0, 0, 0, 0]], ("r3", "s2"), {}, "r3 takes no part in x 2020: no_presence"),
        ([*CHAIN, [0, 1, 1, 0]], ("r0", "s3"), {"min_regions": 2}, "s3 takes no part in x 2020: few_regions"),
        ([*CHAIN, [1, 0, 0, 0]], ("r3", "s2"), {"min_share": 0.2}, "r3 takes no part in x 2020: small_total"),
    ],
)
def test_where_nothing_leads_is_said(
    rows: list[list[float]], way: tuple[str, str], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        relatedness.path(given(rows), *way, **{**GIVEN, **options})


def test_a_region_that_holds_nothing_of_what_takes_part() -> None:
    rows = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 1]]
    with pytest.raises(RefusedError, match="r2 holds none of the 2 sectors"):
        relatedness.path(given(rows), "r2", "s0", **{**GIVEN, "min_regions": 2})


def test_association_has_no_path() -> None:
    with pytest.raises(UsageError, match="association"):
        relatedness.path(given(CHAIN), "r0", "s3", proximity="association", **GIVEN)
