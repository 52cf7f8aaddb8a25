"""What `complexity --with` appends: every column against loops or the method by hand, and the tables that break others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses import portfolio
from capmap.analyses.complexity import REGIONS, SECTORS, complexity
from capmap.errors import RefusedError, UsageError
from capmap.methods import complexity as methods
from capmap.methods import concentration, relatedness, similarity
from capmap.model import Codes, Project, Result
from tests.analyses.made import Key, made, one_year, table

#: No floors, no draws, whatever the eigenvalues: the columns of the whole table and nothing else.
BARE: dict[str, Any] = {"min_share": 0.0, "min_population": 0.0, "min_regions": 1, "draws": 0, "force": True}

ROWS = [
    [32.0, 5.0, 12.0, 35.0, 6.0],
    [20.0, 21.0, 20.0, 12.0, 6.0],
    [21.0, 0.0, 35.0, 0.0, 18.0],
    [0.0, 32.0, 0.0, 14.0, 16.0],
]
X = np.array(ROWS)
PARENTS = {"s0": "p", "s1": "p", "s2": "q", "s3": "q", "s4": "q"}
INCOME = {"r0": 40.0, "r1": 20.0, "r2": 10.0}


def with_parents(project: Project, parents: dict[str, str | None]) -> Project:
    codes = sorted({*parents, *(p for p in parents.values() if p)})
    listed = pl.DataFrame(
        {"code": codes, "label": codes, "parent": [parents.get(c) for c in codes], "level": [None] * len(codes)},
        schema=dict.fromkeys(("code", "label", "parent", "level"), pl.String),
    )
    return replace(project, codes=Codes(project.codes.regions, {"goods": listed}))


def still(rows: Sequence[Sequence[float | None]] = ROWS, **options: Any) -> Project:
    """One year of values."""
    return made(one_year(table(rows)), kind="value", **options)


def asked(project: Project, *names: str, **options: Any) -> Result:
    return complexity(project, indicator=["x"], extras=names, **(BARE | {"window": 1} | options))


def column(result: Result, name: str, kind: str = "regions") -> list[float | None]:
    found: list[float | None] = result.tables[kind][name].to_list()
    return found


def told(result: Result, word: str) -> dict[str, Any]:
    found: dict[str, Any] = result.meta["blocks"][-1]["extras"][word]
    return found


def held(x: np.ndarray) -> np.ndarray:
    """Presence by loops: RCA of at least 1."""
    n, m = x.shape
    return np.array([
        [x[i, j] * x.sum() >= x[i].sum() * x[:, j].sum() and x[i, j] > 0 for j in range(m)] for i in range(n)
    ])  # fmt: skip


# --- shape ----------------------------------------------------------------------------------------------------


def test_columns_stand_behind_the_others_in_one_order_whatever_was_typed_first() -> None:
    project = still()
    for names in (("concentration", "reflections"), ("reflections ", " concentration", "reflections")):
        result = asked(project, *names)
        expected = (*portfolio.REGION_EXTRAS["reflections"], *portfolio.REGION_EXTRAS["concentration"])
        assert tuple(result.tables["regions"].columns) == (*REGIONS, *expected)
        expected = (*portfolio.SECTOR_EXTRAS["reflections"], *portfolio.SECTOR_EXTRAS["concentration"])
        assert tuple(result.tables["sectors"].columns) == (*SECTORS, *expected)
        assert result.meta["parameters"]["with"] == ["reflections", "concentration"]


def test_without_words_nothing_is_added_and_with_them_nothing_else_changes() -> None:
    project = with_parents(still(others={"income": {(r, "_T", 2020): v for r, v in INCOME.items()}}), dict(PARENTS))
    bare = asked(project)
    assert "extras" not in bare.meta["blocks"][0]
    outside = pl.DataFrame({"sector": ["s0"], "pci": [1.0]})
    full = asked(project, *portfolio.REGION_EXTRAS, outside=outside, income="income")
    assert_frame_equal(full.tables["regions"].select(REGIONS), bare.tables["regions"])
    assert_frame_equal(full.tables["sectors"].select(SECTORS).drop("prody"), bare.tables["sectors"].drop("prody"))
    assert set(portfolio.MEASURES) == set(portfolio.REGION_EXTRAS) == set(told_words(full))
    kinds = full.tables["regions"].schema
    assert {name for name in kinds if kinds[name] == pl.Int32} >= set(portfolio.COUNTS)
    alone = asked(project, "concentration", region=["r2"], table=("regions",))
    assert alone.frame["hhi"].to_list() == full.tables["regions"].filter(pl.col("region") == "r2")["hhi"].to_list()
    assert asked(project, "concentration", table=("cells",)).meta["blocks"][0].get("extras") is None


def told_words(result: Result) -> list[str]:
    return list(result.meta["blocks"][0]["extras"])


def test_wrong_requests_say_what_is_missing() -> None:
    project, frame = still(), pl.DataFrame({"sector": ["s0"], "pci": [1.0]})
    for options, said in (
        ({"extras": ["hhi"]}, "unknown --with hhi"),
        ({"extras": ["reflections"], "steps": -1}, "--steps -1 is negative"),
        ({"extras": ["projected"]}, "needs the complexity of sectors"),
        ({"extras": ["expy"]}, "needs the income"),
        ({"extras": ["reflections"], "outside": frame}, "--outside-pci is for --with projected"),
        ({"plants": frame}, "--plants is for --with concentration"),
        ({"extras": ["concentration"], "plants": frame}, "no column size"),
        ({"extras": ["projected"], "outside": frame.rename({"pci": "x"})}, "no column pci"),
        ({"extras": ["concentration"], "plants": pl.DataFrame({"sector": ["s0"], "size": [-1.0]})}, "below zero"),
        ({"extras": ["expy"], "income": "nothing"}, "unknown indicator"),
    ):
        with pytest.raises(UsageError, match=said):
            complexity(project, **(BARE | options))  # type: ignore[arg-type]


# --- read from presence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "parity"), [(0, "diversity"), (1, "ubiquity"), (2, "diversity"), (5, "ubiquity")])
def test_reflections_are_means_of_means(steps: int, parity: str) -> None:
    m = held(X)
    region, sector = m.sum(axis=1).astype(float), m.sum(axis=0).astype(float)
    for _ in range(steps):
        region, sector = (
            np.array([np.mean([sector[j] for j in range(5) if m[i, j]]) for i in range(4)]),
            np.array([np.mean([region[i] for i in range(4) if m[i, j]]) for j in range(5)]),
        )
    result = asked(still(), "reflections", steps=steps)
    assert column(result, "reflection") == pytest.approx(region.tolist())
    assert column(result, "reflection", "sectors") == pytest.approx(sector.tolist())
    assert told(result, "reflections")["regions"] == parity
    assert told(result, "reflections")["sectors"] != parity


def test_reflections_default_to_a_diversity() -> None:
    found = told(asked(still(), "reflections"), "reflections")
    assert (found["steps"], found["regions"]) == (18, "diversity")


def test_projected_is_the_mean_of_outside_complexities() -> None:
    pci = {"s0": 2.0, "s1": -1.0, "s3": 0.5, "elsewhere": 9.0}
    outside = pl.DataFrame({"sector": list(pci), "pci": list(pci.values())})
    result = asked(still(), "projected", outside=outside)
    expected = []
    for row in held(X):
        known = [pci[f"s{j}"] for j in range(5) if row[j] and f"s{j}" in pci]
        expected.append(pytest.approx(sum(known) / len(known)) if known else None)
    assert column(result, "eci_projected") == expected
    assert told(result, "projected") == {"known": 3, "of": 5, "reason": None}


def test_a_projection_of_the_own_pci_is_the_own_eci() -> None:
    project = still()
    pci = asked(project, table=("sectors",)).frame
    result = asked(project, "projected", outside=pci)
    assert column(result, "eci_projected") == pytest.approx(column(result, "eci"), abs=1e-9)
    assert told(result, "projected")["indicator"] == "x"
    assert told(result, "projected")["year"] == 2020


def test_of_several_indicators_and_years_those_of_the_table_are_taken() -> None:
    rows = [("x", 2020, "s0", 1.0), ("x", 2019, "s0", 5.0), ("y", 2020, "s0", 7.0), ("y", 2020, "s1", 7.0)]
    outside = pl.DataFrame(rows, schema=["indicator", "year", "sector", "pci"], orient="row")
    result = asked(still(), "projected", outside=outside)
    assert told(result, "projected") == {"indicator": "x", "year": 2020, "known": 1, "of": 5, "reason": None}
    assert set(column(result, "eci_projected")) == {1.0, None}
    other = asked(still(), "projected", outside=outside.filter(pl.col("indicator") == "y"))  # one alone is meant
    assert told(other, "projected")["known"] == 2
    with pytest.raises(UsageError, match="s0 more than once"):
        asked(still(), "projected", outside=outside.drop("year"))
    strange = asked(still(), "projected", outside=outside.with_columns(sector=pl.lit("z") + pl.col("sector")))
    assert told(strange, "projected")["reason"] == "no_common_sector"
    assert set(column(strange, "eci_projected")) == {None}


def test_genepy_and_its_refusal() -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(1, 40, (7, 8)).astype(float)
    result = asked(still(x.tolist()), "genepy")
    found = methods.genepy(held(x))
    assert column(result, "genepy") == pytest.approx(found.regions.tolist())
    assert column(result, "genepy", "sectors") == pytest.approx(found.sectors.tolist())
    assert told(result, "genepy")["region_eigenvalues"] == pytest.approx(found.region_eigenvalues.tolist())
    blocks = [[9.0, 8.0, 1.0, 0, 0], [2.0, 8.0, 0, 0, 0], [4.0, 0, 5.0, 0, 0], [0, 0, 0, 5.0, 6.0], [0, 0, 0, 6.0, 5.0]]
    parts = asked(still(blocks), "genepy", component="largest", threshold=0.5)
    assert column(parts, "genepy")[3:] == [None, None]
    assert told(parts, "genepy")["flags"][0] == "largest_component"


def test_genepy_of_a_table_in_parts_says_why_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise methods.ComplexityError("disconnected", "the table falls into 2 parts")

    monkeypatch.setattr(methods, "genepy", refuse)
    result = asked(still(), "genepy")
    assert set(column(result, "genepy")) | set(column(result, "genepy", "sectors")) == {None}
    assert told(result, "genepy") == {"reason": "disconnected", "message": "the table falls into 2 parts"}


def test_coherence_is_the_mean_proximity_of_pairs_held() -> None:
    m = held(X)
    u = m.sum(axis=0)
    expected = []
    for row in m:
        own = [j for j in range(5) if row[j]]
        pairs = [sum(m[:, j] & m[:, k]) / max(u[j], u[k]) for j in own for k in own if j != k]
        expected.append(pytest.approx(np.mean(pairs)) if pairs else None)
    assert column(asked(still(), "coherence"), "coherence") == expected
    jaccard = relatedness.coherence(m, relatedness.proximity(m, "jaccard"))
    result = asked(still(), "coherence", proximity="jaccard")
    assert [v for v in column(result, "coherence") if v is not None] == pytest.approx(jaccard[~np.isnan(jaccard)])
    assert told(result, "coherence") == {"proximity": "jaccard"}


def test_who_takes_no_part_has_no_presence_but_has_values() -> None:
    small = [*ROWS, [0.2, 0.1, 0.0, 0.0, 0.0]]
    result = asked(still(small), "reflections", "coherence", "genepy", "concentration", min_share=0.01)
    row = result.tables["regions"].filter(pl.col("region") == "r4").to_dicts()[0]
    assert row["note"] == "small_total"
    assert [row[name] for name in ("reflection", "coherence", "genepy")] == [None, None, None]
    assert row["hhi"] == pytest.approx((2 / 3) ** 2 + (1 / 3) ** 2)


# --- read from values -----------------------------------------------------------------------------------------


def test_varieties_add_up_to_the_entropy() -> None:
    result = asked(with_parents(still(), dict(PARENTS)), "variety", "concentration")
    share = X / X.sum(axis=1, keepdims=True)
    between = []
    for row in share:
        groups = [row[0] + row[1], row[2] + row[3] + row[4]]
        between.append(sum(-p * math.log2(p) for p in groups if p > 0))
    assert column(result, "unrelated_variety") == pytest.approx(between)
    total = [a + b for a, b in zip(between, column(result, "related_variety"), strict=True)]  # type: ignore[operator]
    assert total == pytest.approx(column(result, "entropy"))
    assert told(result, "variety") == {"classification": "goods", "parents": 2, "reason": None}
    parts = [a + b for a, b in zip(column(result, "theil_between"), column(result, "theil_within"), strict=True)]  # type: ignore[operator]
    assert parts == pytest.approx(column(result, "theil"))


def test_a_sector_without_a_parent_is_its_own_and_without_any_there_is_no_variety() -> None:
    result = asked(with_parents(still(), PARENTS | {"s4": None}), "variety")
    assert told(result, "variety")["parents"] == 3
    share = X[0] / X[0].sum()
    groups = [share[0] + share[1], share[2] + share[3], share[4]]
    assert column(result, "unrelated_variety")[0] == pytest.approx(-sum(p * math.log2(p) for p in groups))
    for project in (still(), with_parents(still(), dict.fromkeys(PARENTS))):
        flat = asked(project, "variety", "concentration")
        names = ("unrelated_variety", "related_variety", "theil_between", "theil_within")
        assert {v for name in names for v in column(flat, name)} == {None}
        assert told(flat, "variety")["reason"] == told(flat, "concentration")["reason"] == "no_parents"
        assert None not in column(flat, "theil")


def test_expy_is_the_mean_prody_of_what_a_region_has() -> None:
    project = still(others={"income": {(r, "_T", 2020): v for r, v in INCOME.items()}})
    result = asked(project, "expy", income="income")
    share = X / X.sum(axis=1, keepdims=True)
    prody = []
    for j in range(5):
        known = [(share[i, j], INCOME[f"r{i}"]) for i in range(3)]
        prody.append(sum(s * y for s, y in known) / sum(s for s, _ in known))
    assert column(result, "prody", "sectors") == pytest.approx(prody)
    assert column(result, "expy") == pytest.approx(
        [sum(s * p for s, p in zip(row, prody, strict=True)) for row in share]
    )
    assert told(result, "expy") == {"income": "income", "known": 3, "of": 4}


def test_concentration_of_regions_by_loops() -> None:
    result = asked(still(), "concentration")
    world = X.sum(axis=0) / X.sum()
    for i, row in enumerate(X / X.sum(axis=1, keepdims=True)):
        squares = sum(s**2 for s in row)
        quotients = sorted(s / r for s, r in zip(row, world, strict=True))
        apart = sum(abs(s - r) for s, r in zip(row, world, strict=True))
        rank = sum((2 * k - 6) * v for k, v in enumerate(sorted(row), 1))
        expected = {
            "hhi": squares,
            "hhi_normalised": (squares - 1 / 5) / (4 / 5),
            "effective_number": 1 / squares,
            "entropy": -sum(s * math.log2(s) for s in row if s > 0),
            "entropy_normalised": -sum(s * math.log(s) for s in row if s > 0) / math.log(5),
            "gini": rank / 5,
            "specialisation_gini": sum((2 * k - 6) * q for k, q in enumerate(quotients, 1)) / (5 * sum(quotients)),
            "hoover": apart / 2,
            "krugman": apart,
            "finger_kreinin": sum(min(s, r) for s, r in zip(row, world, strict=True)),
            "hachman": 1 / sum(s * s / r for s, r in zip(row, world, strict=True)),
            "theil": sum(s * math.log(5 * s) for s in row if s > 0),
        }
        for name, value in expected.items():
            assert column(result, name)[i] == pytest.approx(value), name
        assert column(result, "hoover_gini")[i] == pytest.approx(float(concentration.hoover_gini(row, world)))
        assert column(result, "krugman")[i] == pytest.approx(similarity.krugman(row, world))


def test_concentration_of_sectors_by_loops() -> None:
    result = asked(still(), "concentration")
    everything = X.sum(axis=1) / X.sum()
    for j, spread in enumerate((X / X.sum(axis=0)).T):
        squares = sum(s**2 for s in spread)
        quotients = sorted(s / r for s, r in zip(spread, everything, strict=True))
        expected = {
            "hhi": squares,
            "effective_number": 1 / squares,
            "locational_gini": sum((2 * k - 5) * q for k, q in enumerate(quotients, 1)) / (4 * sum(quotients)),
            "hoover": sum(abs(s - r) for s, r in zip(spread, everything, strict=True)) / 2,
            "hoover_gini": float(concentration.hoover_gini(spread, everything)),
        }
        for name, value in expected.items():
            assert column(result, name, "sectors")[j] == pytest.approx(value), name
    assert set(column(result, "ellison_glaeser", "sectors")) == {None}


def test_ellison_glaeser_of_the_sectors_whose_plants_are_named() -> None:
    plants = pl.DataFrame({"sector": ["s0", "s2", "s0", "s9", "s0"], "size": [30.0, 55.0, 20.0, 1.0, 8.0]})
    result = asked(still(), "concentration", plants=plants)
    s, x = X[:, 0] / X[:, 0].sum(), X.sum(axis=1) / X.sum()
    h = sum((size / 58) ** 2 for size in (30, 20, 8))
    elsewhere = 1 - sum(x**2)
    gamma = (sum((s - x) ** 2) - elsewhere * h) / (elsewhere * (1 - h))
    assert column(result, "ellison_glaeser", "sectors") == [
        pytest.approx(gamma),
        None,
        None,
        None,
        None,
    ]  # s2: one plant
    assert told(result, "concentration")["plants"] == 4
    assert told(result, "concentration")["sectors_with_plants"] == 2


def test_the_reference_decides_what_regions_are_compared_with() -> None:
    world = {"s0": 100.0, "s1": 200.0, "s2": 300.0, "s3": 100.0, "s4": 300.0}
    published = still(reference={(s, 2020): v for s, v in world.items()})
    share, r = X[0] / X[0].sum(), np.array(list(world.values())) / 1000
    assert column(asked(published, "concentration"), "krugman")[0] == pytest.approx(sum(abs(share - r)))
    rest = X[1:].sum(axis=0) / X[1:].sum()
    other = asked(still(), "concentration", reference="ex:r0")
    assert column(other, "krugman")[0] == pytest.approx(sum(abs(share - rest)))
    assert "without r0" in told(other, "concentration")["reference"]
    own = still(run={"peers": {"r0": ["r1"], "r1": ["r0", "r2"], "r2": ["r3"], "r3": ["r2"]}})
    peer = asked(own, "concentration", reference="peers")
    assert column(peer, "krugman")[0] == pytest.approx(sum(abs(share - X[1] / X[1].sum())))
    pair = X[[0, 2]].sum(axis=0) / X[[0, 2]].sum()
    assert column(peer, "krugman")[1] == pytest.approx(sum(abs(X[1] / X[1].sum() - pair)))


def test_missing_cells_are_left_out_and_too_many_leave_no_answer() -> None:
    holed: list[list[float | None]] = [[*row] for row in ROWS]
    holed[0][0] = None
    holed[1][0] = holed[1][1] = None
    result = asked(still(holed), "concentration")
    assert column(result, "hhi")[0] == pytest.approx(float(concentration.herfindahl(X[0, 1:])))
    assert column(result, "hhi")[1] is None  # 3 of 5 are fewer than two thirds
    world = np.array([8.0, *X[:, 1:].sum(axis=0)])
    world[1] -= X[1, 1]
    assert column(result, "krugman")[0] == pytest.approx(similarity.krugman(X[0, 1:], world[1:]))
    assert column(result, "hhi", "sectors")[0] is None  # half of the regions


def test_an_empty_region_has_nothing_and_changes_nothing() -> None:
    words = ("reflections", "genepy", "coherence", "variety", "concentration")
    full = asked(with_parents(still(), dict(PARENTS)), *words)
    more = asked(with_parents(still([*ROWS, [0.0] * 5]), dict(PARENTS)), *words)
    names = full.tables["regions"].columns[len(REGIONS) :]
    row = more.tables["regions"].filter(pl.col("region") == "r4").to_dicts()[0]
    assert {row[name] for name in names} == {None}
    kept = more.tables["regions"].filter(pl.col("region") != "r4")
    for name in names:
        assert kept[name].to_list() == pytest.approx(full.tables["regions"][name].to_list(), nan_ok=True), name
    for name in ("reflection", "genepy", "locational_gini", "hoover_gini", "hoover", "hhi"):
        assert column(more, name, "sectors") == pytest.approx(column(full, name, "sectors")), name


def test_shares_of_negative_values_are_refused() -> None:
    project = still([[*ROWS[0]], [-1.0, *ROWS[1][1:]], *ROWS[2:]])
    with pytest.raises(RefusedError, match="below zero"):
        asked(project, "concentration")


# --- between two periods --------------------------------------------------------------------------------------

LATER = [
    [32.0, 13.0, 12.0, 26.0, 1.0],
    [8.0, 26.0, 20.0, 12.0, 12.0],
    [21.0, 24.0, 35.0, 23.0, 18.0],
    [0.0, 32.0, 17.0, 3.0, 16.0],
]


def moving(rows: dict[int, Sequence[Sequence[float]]], **options: Any) -> Project:
    cells: dict[Key, float | None] = {}
    for year, values in rows.items():
        cells |= one_year(table(values), year)
    return made(cells, kind="value", **options)


def rsca(x: np.ndarray) -> np.ndarray:
    rca = (x / x.sum(axis=1, keepdims=True)) / (x.sum(axis=0) / x.sum())
    return np.asarray((rca - 1) / (rca + 1))


def test_dynamics_by_loops() -> None:
    y = np.array(LATER)
    result = asked(moving({2018: ROWS, 2020: LATER}), "dynamics")
    before, after = held(X), held(y)
    for i in range(4):
        came = sum(after[i, j] and not before[i, j] for j in range(5))
        gone = sum(before[i, j] and not after[i, j] for j in range(5))
        slope, _ = np.polyfit(rsca(X)[i], rsca(y)[i], 1)
        expected = {
            "entries": came,
            "exits": gone,
            "persistence_rate": 1 - gone / before[i].sum(),
            "beta": slope,
            "beta_over_r": rsca(y)[i].std() / rsca(X)[i].std(),
        }
        for name, value in expected.items():
            assert column(result, name)[i] == pytest.approx(value), name
    assert sum(column(result, "entries")) > 0  # type: ignore[arg-type]
    # the first region: RCA before and after in order of size, no ties
    ranks = [np.argsort(np.argsort(rsca(one)[0])) for one in (X, y)]
    d2 = ((ranks[0] - ranks[1]) ** 2).sum()
    assert column(result, "rank_turnover")[0] == pytest.approx(6 * d2 / (5 * 24))
    found = told(result, "dynamics")
    assert (found["previous"], found["reason"], found["broken"], found["shared_periods"]) == (2018, None, [], 0)


def test_the_transition_matrix_moves_cells_between_quintiles() -> None:
    found = told(asked(moving({2018: ROWS, 2020: LATER}), "dynamics"), "dynamics")
    a, b = rsca(X).ravel(), rsca(np.array(LATER)).ravel()
    counts = np.zeros((5, 5), int)
    for p, q in zip(a, b, strict=True):
        counts[5 * sum(v < p for v in a) // 20, 5 * sum(v < q for v in b) // 20] += 1
    assert found["transition_counts"] == counts.tolist()
    started = counts.sum(axis=1)
    expected = [[c / n if n else None for c in row] for row, n in zip(counts.tolist(), started.tolist(), strict=True)]
    assert found["transitions"] == expected
    moved = sum(counts[p, q] * abs(p - q) for p in range(5) for q in range(5)) / (4 * 20)
    assert found["bartholomew"] == pytest.approx(moved)
    stay = [expected[k][k] for k in range(5)]
    assert found["shorrocks"] == (None if None in stay else pytest.approx((5 - sum(stay)) / 4))  # type: ignore[arg-type]


def test_nothing_stays_nothing_where_nothing_moves() -> None:
    result = asked(moving({2018: ROWS, 2020: ROWS}), "dynamics")
    assert column(result, "entries") == column(result, "exits") == [0, 0, 0, 0]
    assert column(result, "persistence_rate") == column(result, "beta_over_r") == pytest.approx([1.0] * 4)
    assert column(result, "rank_turnover") == pytest.approx([0.0] * 4, abs=1e-12)
    assert told(result, "dynamics")["bartholomew"] == 0.0


def test_the_first_period_has_no_dynamics_and_each_is_compared_with_the_one_before() -> None:
    project = moving({2016: LATER, 2018: ROWS, 2020: LATER})
    result = asked(project, "dynamics", year="all", table=("regions",))
    years = result.frame.select("year", "entries").group_by("year", maintain_order=True).agg("entries")
    assert years["entries"].to_list()[0] == [None] * 4
    assert [block["extras"]["dynamics"]["previous"] for block in result.meta["blocks"]] == [None, 2016, 2018]
    assert result.meta["blocks"][0]["extras"]["dynamics"]["reason"] == "first_period"
    last = asked(moving({2018: ROWS, 2020: LATER}), "dynamics", table=("regions",))
    assert years["entries"].to_list()[2] == last.frame["entries"].to_list()
    undated = made(one_year(table(ROWS), None), kind="value")
    assert told(asked(undated, "dynamics"), "dynamics")["reason"] == "first_period"


def test_a_break_interrupts_its_region_only() -> None:
    rows = {2016: ROWS, 2018: ROWS, 2020: LATER}
    whole = asked(moving(rows), "dynamics")
    broken = asked(moving(rows, statuses={("r1", "s2", 2020): "B"}), "dynamics")
    names = portfolio.REGION_EXTRAS["dynamics"]
    for name in names:
        assert column(broken, name)[1] is None
        others = [v for k, v in enumerate(column(whole, name)) if k != 1]
        assert [v for k, v in enumerate(column(broken, name)) if k != 1] == others
    assert told(broken, "dynamics")["broken"] == ["r1"]
    assert sum(map(sum, told(broken, "dynamics")["transition_counts"])) == 15
    earlier = asked(moving(rows, statuses={("r1", "s2", 2018): "B"}), "dynamics")
    assert column(earlier, "entries") == column(whole, "entries")
    # windows of three years hold 2018 on both sides, so a break there parts the sums as well
    wide = asked(moving(rows, statuses={("r1", "s2", 2018): "B"}), "dynamics", window=3)
    assert told(wide, "dynamics")["broken"] == ["r1"]
    assert told(wide, "dynamics")["shared_periods"] == 1
    first = asked(moving(rows, statuses={("r1", "s2", 2016): "B"}), "dynamics", window=3)
    assert told(first, "dynamics")["broken"] == []


def test_only_who_takes_part_in_both_periods_is_compared() -> None:
    start = [*ROWS, [0.01, 0.0, 0.0, 0.0, 0.0]]
    end = [*LATER, [50.0, 0.0, 3.0, 2.0, 20.0]]
    result = asked(moving({2018: start, 2020: end}), "dynamics", min_share=0.01)
    assert column(result, "entries")[4] is None
    assert None not in column(result, "entries")[:4]
    nobody = asked(moving({2018: [[1.0, 1.0]] * 2 + [[50.0, 49.0]], 2020: [[20.0, 9.0], [9.0, 20.0], [0.1, 0.1]]}),
                   "dynamics", min_share=0.1)  # fmt: skip
    assert told(nobody, "dynamics")["reason"] == "nobody_in_both"
    assert set(column(nobody, "beta")) == {None}


def test_a_published_panel_has_every_column(sample: Project) -> None:
    result = complexity(sample, indicator=["patent_families"], year="latest", draws=0,
                        extras=["genepy", "variety", "concentration", "dynamics"])  # fmt: skip
    found = result.tables["regions"].filter(pl.col("region") == "KOR").to_dicts()[0]
    assert None not in {
        found[name] for word in result.meta["parameters"]["with"] for name in portfolio.REGION_EXTRAS[word]
    }
    assert told(result, "variety")["parents"] == 5  # the five areas of Schmoch's 35 fields


def test_what_was_asked_for_by_name_stands_without_an_index() -> None:
    alike = still([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0]])
    with pytest.raises(RefusedError, match="2 parts"):
        asked(alike, threshold=1.2)
    result = asked(alike, "concentration", "genepy", threshold=1.2)
    assert column(result, "hhi") == pytest.approx([10 / 16, 10 / 16, 1 / 2])
    assert set(column(result, "eci")) == set(column(result, "genepy")) == {None}
    assert result.meta["blocks"][0]["refused"] == told(result, "genepy")["reason"] == "disconnected"
