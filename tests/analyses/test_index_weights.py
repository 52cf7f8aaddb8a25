"""Weights and means of composite indices as files write them: published numbers, properties, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy.stats import pearsonr

from capmap.analyses.composite.means import combined, formula
from capmap.analyses.composite.tree import framework
from capmap.analyses.index import index
from capmap.errors import RefusedError, UsageError
from capmap.methods.robustness import copeland
from capmap.model import Project, Result

from .small_project import Row, describe, small_project

Columns = Mapping[str, Sequence[float | None]]
#: Saaty (2008), International Journal of Services Sciences 1(1), p. 87: relative consumption of drinks; and the result.
DRINKS = ("coffee", "wine", "tea", "beer", "soda", "milk", "water")
SAATY = ("9 5 2 1 1 1/2", "1/3 1/9 1/9 1/9 1/9", "1/3 1/4 1/3 1/9", "1/2 1 1/3", "2 1/2", "1/3")
CONSUMPTION = (0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327)
RNG = np.random.default_rng(20220926)
THREE: Columns = {"a": [0, 1, 2, 3, 8], "b": [0, 4, 1, 9, 2], "c": [5, 1, 7, 0, 3]}
PLAIN = 'treatment = "none"\n'


def project(
    folder: Path, head: str, columns: Columns, *, nodes: str | None = None, files: Mapping[str, str] | None = None,
    years: Sequence[int] = (2020,),
) -> Project:  # fmt: skip
    """Region-level indicators with a value per region, one year after the other, and an index `made` of all of them."""
    (folder / "index").mkdir(parents=True)
    text = "".join(f'[[nodes]]\nid = "{name}"\nindicator = "{name}"\n' for name in columns) if nodes is None else nodes
    (folder / "index" / "made.toml").write_text(f'name = "Made up"\n{PLAIN}{head}\n{text}', encoding="utf-8")
    for name, content in (files or {}).items():
        (folder / "index" / name).write_text(content, encoding="utf-8")
    described = {name: describe("score", classification="none") for name in columns}
    n = len(next(iter(columns.values()))) // len(years)
    rows: list[Row] = [
        (name, f"R{k % n:02}", "_T", years[k // n], value)
        for name, values in columns.items() for k, value in enumerate(values)
    ]  # fmt: skip
    return small_project(folder, described, rows)


def run(found: Project, **how: Any) -> Result:
    return index(found, **({"draws": 0, "steps": True} | how))


def weights(result: Result, column: str = "weight_share") -> dict[str, Any]:
    return dict(result.tables["weights"].select("node", column).iter_rows())


def scores(result: Result, name: str = "made", column: str = "score") -> list[Any]:
    return result.tables["index"].filter(pl.col("node") == name).sort("year", "region")[column].to_list()


def some(n: int, *names: str) -> dict[str, list[float]]:
    return {name: RNG.random(n).tolist() for name in names}


# Weights ----------------------------------------------------------------------------------------------------------


def saaty_rows() -> list[tuple[str, str, str]]:
    return [
        (DRINKS[i], DRINKS[j], text)
        for i, row in enumerate(SAATY) for j, text in enumerate(row.split(), start=i + 1)
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["table", "matrix"])
def test_saaty_drinks(tmp_path: Path, way: str) -> None:
    """Saaty (2008), p. 87: the weights to three decimals, and a consistency ratio of 0.022."""
    rows = saaty_rows()
    if way == "table":
        head = 'weighting = "ahp"\njudgements = "drinks.csv"'
        lines = [f"{one},{other},{float(Fraction(ratio))}" for one, other, ratio in reversed(rows)]
        files = {"drinks.csv": "\n".join(["node,other,ratio", *lines, ""])}
    else:
        a = {(one, other): Fraction(ratio) for one, other, ratio in rows}
        matrix = [[float(a.get((i, j), 1 / a[j, i] if (j, i) in a else 1)) for j in DRINKS] for i in DRINKS]
        head, files = f'weighting = "ahp"\ncomparisons = {matrix}', {}
    result = run(project(tmp_path, head, some(6, *DRINKS), files=files))
    found = weights(result)
    assert [round(found[name], 3) for name in DRINKS] == pytest.approx(CONSUMPTION, abs=1.1e-3)
    assert set(weights(result, "consistency_ratio").values()) == {
        result.meta["weightings"]["made"]["consistency_ratio"]
    }
    assert result.meta["weightings"]["made"]["consistency_ratio"] == pytest.approx(0.022, abs=6e-4)
    assert result.meta["inconsistent"] == []


def test_comparisons_that_contradict_each_other_are_flagged(tmp_path: Path) -> None:
    head = 'weighting = "ahp"\ncomparisons = [[1, 5, 0.2], [0.2, 1, 5], [5, 0.2, 1]]'
    result = run(project(tmp_path, head, THREE))
    assert set(result.tables["weights"]["note"]) == {"inconsistent"}
    assert result.meta["inconsistent"] == ["made"]
    assert list(weights(result).values()) == pytest.approx([1 / 3] * 3)


def test_linear_best_worst(tmp_path: Path) -> None:
    """Rezaei (2016): 8, 2, 1 from the best and 1, 5, 8 to the worst give 1/14, 9/28 and 17/28, and an xi of 1/28."""
    head = (
        'weighting = "best_worst"\nbest = "c"\nworst = "a"\n'
        "best_to_others = { a = 8, b = 2 }\nothers_to_worst = { b = 5 }"
    )
    result = run(project(tmp_path, head, THREE))
    assert weights(result) == pytest.approx({"a": 1 / 14, "b": 9 / 28, "c": 17 / 28})
    assert weights(result, "xi")["a"] == pytest.approx(1 / 28)
    assert weights(result, "note") == {"a": None, "b": None, "c": "over_half"}
    assert result.meta["over_half"] == ["c"]


def test_experts_divide_a_hundred_points(tmp_path: Path) -> None:
    """One who leaves a node out does not count; 0 is an answer."""
    table = "expert,node,points\n1,a,50\n1,b,50\n1,c,0\n2,a,70\n2,b,10\n2,c,20\n3,a,\n3,b,40\n3,c,60\n"
    result = run(project(tmp_path, 'weighting = "budget"\nexperts = "e.csv"', THREE, files={"e.csv": table}))
    assert weights(result) == pytest.approx({"a": 0.6, "b": 0.3, "c": 0.1})
    assert weights(result, "experts") == {"a": 2, "b": 2, "c": 2}
    assert weights(result, "weight_sd")["a"] == pytest.approx(0.1 * 2**0.5)
    assert (weights(result, "weight_low")["b"], weights(result, "weight_high")["b"]) == (0.1, 0.5)


def test_one_table_serves_a_whole_tree(tmp_path: Path) -> None:
    nodes = "".join(f'[[nodes]]\nid = "{name}"\n' for name in "pq")
    nodes += "".join(
        f'[[nodes]]\nid = "{n}"\nparent = "{p}"\nindicator = "{n}"\n' for n, p in zip("abcd", "ppqq", strict=True)
    )
    rows = "x,p,25\nx,q,75\nx,a,10\nx,b,90\nx,c,50\nx,d,50\n"
    found = project(
        tmp_path, 'weighting = "budget"\nexperts = "e.csv"', some(5, *"abcd"), nodes=nodes,
        files={"e.csv": "expert,node,points\n" + rows},
    )  # fmt: skip
    assert weights(run(found), "effective_weight") == pytest.approx(
        {"p": None, "q": None, "a": 0.025, "b": 0.225, "c": 0.375, "d": 0.375}
    )


def test_principal_components_of_two_that_agree_and_one_apart(tmp_path: Path) -> None:
    """One component, with an eigenvalue of 2 of 3, is kept: it explains two thirds and nothing of the third."""
    columns = {"a": [1.0, 1, 0, 0], "b": [1.0, 1, 0, 0], "c": [1.0, 0, 1, 0]}
    result = run(project(tmp_path, 'weighting = "pca"', columns))
    assert weights(result) == pytest.approx({"a": 0.5, "b": 0.5, "c": 0})
    assert weights(result, "component") == {"a": 1, "b": 1, "c": 1}
    assert weights(result, "explained_share")["a"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("method", "columns", "expected"),
    [
        ("entropy", {"a": [1.0, 1, 0, 0], "b": [0.0, 0, 0, 1]}, (1 / 3, 2 / 3)),  # entropies ln 2 and 0 of ln 4
        ("critic", {"a": [1.0, 1, 0, 0], "b": [1.0, 1, 0, 0], "c": [1.0, 0, 1, 0]}, (0.25, 0.25, 0.5)),
    ],
)
def test_weights_from_the_data_by_hand(
    tmp_path: Path, method: str, columns: Columns, expected: tuple[float, ...]
) -> None:
    result = run(project(tmp_path, f'weighting = "{method}"', columns))
    assert list(weights(result).values()) == pytest.approx(expected)


def test_correlations_are_in_the_ratios_of_the_weights_written(tmp_path: Path) -> None:
    nodes = "".join(
        f'[[nodes]]\nid = "{n}"\nindicator = "{n}"\nweight = {w}\n' for n, w in zip("abc", (2, 1, 1), strict=True)
    )
    columns = {name: RNG.normal(size=60).tolist() for name in "abc"}
    result = run(project(tmp_path, 'weighting = "correlation_optimised"', columns, nodes=nodes))
    y = scores(result)
    found = [pearsonr(scores(result, name), y).statistic for name in "abc"]
    assert (np.array(found) / sum(found)).tolist() == pytest.approx([0.5, 0.25, 0.25], abs=1e-6)
    assert list(weights(result, "importance").values()) == pytest.approx(found)


def test_a_method_for_the_command_wins_over_the_file(tmp_path: Path) -> None:
    found = project(tmp_path, 'weighting = "entropy"', THREE)
    assert run(found, weights="equal").meta["weightings"]["made"]["method"] == "equal"
    assert run(found).meta["weightings"]["made"]["method"] == "entropy"
    assert weights(run(found, weights="critic")) == pytest.approx(
        weights(run(project(tmp_path / "c", 'weighting = "critic"', THREE)))
    )


@pytest.mark.parametrize(
    ("head", "method", "said"),
    [
        ("", "budget", "made is weighted by a budget of experts and has none"),
        ("", "ahp", "made is weighted by pairwise comparisons and has none"),
        ("", "best_worst", "lacks best, worst, best_to_others, others_to_worst"),
        ('aggregation = "geometric"', "benefit_of_doubt", "benefit_of_doubt weights an arithmetic mean"),
        ("", "entrpy", "unknown weights 'entrpy'"),
    ],
)
def test_a_method_without_what_it_rests_on_is_no_choice(tmp_path: Path, head: str, method: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        run(project(tmp_path, head, THREE), weights=method)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("head", "columns", "said"),
    [
        (
            'weighting = "entropy"\nnormaliser = "z_score"',
            THREE,
            "entropy weights need values >= 0, and a has others",
        ),
        ('weighting = "pca"', {"a": [1.0, 1, 0, 0], "b": [1.0, 0, 1, 0]}, "not correlated"),
        ('weighting = "critic"', {"a": [1.0, 2, 3], "b": [2.0, 4, 6]}, "perfectly correlated"),
        ('weighting = "benefit_of_doubt"\nshares = { low = 0.1 }', THREE, "R00 has 0 in a"),
    ],
)
def test_weights_that_do_not_exist_are_refused_by_name(tmp_path: Path, head: str, columns: Columns, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        run(project(tmp_path, head, columns))


# Benefit of the doubt -----------------------------------------------------------------------------------------------


def posts(*names: str, low: float = 0, high: float = 1) -> str:
    return "".join(
        f'[[nodes]]\nid = "{n}"\nindicator = "{n}"\nnormaliser = "goalposts"\ngoalposts = {{ low = {low}, high = {high} }}\n'
        for n in names
    )


def test_benefit_of_the_doubt_gives_every_region_its_own_weights(tmp_path: Path) -> None:
    """The first two are best in something; with weights 1 and 1 the third reaches 0.25 + 0.5 of them."""
    found = project(
        tmp_path, 'weighting = "benefit_of_doubt"', {"a": [1, 0, 0.25], "b": [0, 1, 0.5]}, nodes=posts("a", "b")
    )
    result = run(found)
    assert scores(result) == pytest.approx([1, 1, 0.75])
    own = result.tables["own_weights"]
    third = own.filter(pl.col("region") == "R02")
    assert third["weight"].to_list() == pytest.approx([1, 1])
    assert third["contribution_share"].to_list() == pytest.approx([1 / 3, 2 / 3])
    mean = own.group_by("node").agg(pl.col("weight_share").mean()).sort("node")
    assert mean["weight_share"].to_list() == pytest.approx(list(weights(result).values()))
    assert result.meta["stand_ins"] == {"made": "mean weights"}
    assert own.group_by("region").agg((pl.col("weight_share")).sum())["weight_share"].to_list() == pytest.approx(
        [1, 1, 1]
    )


def test_shares_keep_their_bounds(tmp_path: Path) -> None:
    columns = {n: (0.1 + 0.8 * RNG.random(12)).tolist() for n in "abc"}
    head = 'weighting = "benefit_of_doubt"\nshares = { low = 0.2, high = 0.5 }'
    result = run(project(tmp_path, head, columns, nodes=posts(*"abc")))
    shares = result.tables["own_weights"]["contribution_share"]
    assert 0.2 - 1e-9 <= shares.min() <= shares.max() <= 0.5 + 1e-9  # type: ignore[operator]
    free = run(project(tmp_path / "f", 'weighting = "benefit_of_doubt"', columns, nodes=posts(*"abc")))
    assert all(a >= b - 1e-9 for a, b in zip(scores(free), scores(result), strict=True))


def test_what_a_region_lacks_cannot_be_what_it_is_good_at(tmp_path: Path) -> None:
    columns: Columns = {"a": [0.9, 0.5, 0.4, 0.4], "b": [0.4, 0.5, 0.9, 0.4], "c": [0.5, 0.6, None, 0.2]}
    result = run(project(tmp_path, 'weighting = "benefit_of_doubt"', columns, nodes=posts(*"abc")))
    assert scores(result)[2] == pytest.approx(1)  # best in b
    assert scores(result, column="note") == [None, None, "renormalised", None]
    bound = 'weighting = "benefit_of_doubt"\nshares = { low = 0.1 }'
    kept = run(project(tmp_path / "b", bound, columns, nodes=posts(*"abc")))
    assert scores(kept)[2] is None
    assert scores(kept, column="note")[2] == "no_own_weights"


# Means --------------------------------------------------------------------------------------------------------------


def test_penalty_for_bottleneck(tmp_path: Path) -> None:
    """Acs, Autio & Szerb (2014): 0.2, 0.6, 0.9 are 0.477698, and 0.9, 0.1, 0.9 are 0.467114."""
    columns = {"a": [0.2, 0.9], "b": [0.6, 0.1], "c": [0.9, 0.9]}
    result = run(project(tmp_path, 'aggregation = "bottleneck"', columns, nodes=posts(*"abc")))
    assert scores(result) == pytest.approx([0.477698, 0.467114], abs=5e-7)


def test_mazziotta_pareto_index(tmp_path: Path) -> None:
    """Columns 1, 2, 3 and 3, 1, 2 on mean 100 and deviation 10: 87.752551, 100, 112.247449; M - S^2/M."""
    columns = {"a": [1.0, 2, 3], "b": [3.0, 1, 2]}
    expected = [98.5, 93.876276 - 37.5 / 93.876276, 106.123724 - 37.5 / 106.123724]
    for name in ("min_max", "z_score"):  # whatever scale they were on before
        head = f'aggregation = "mazziotta_pareto"\nnormaliser = "{name}"'
        assert scores(run(project(tmp_path / name, head, columns))) == pytest.approx(expected, abs=1e-6)


def test_adjusted_mazziotta_pareto_index(tmp_path: Path) -> None:
    """Goalposts 0 and 10 are 70 and 130: 5 and 10 are 100 and 130, M = 115, S = 15."""
    columns = {"a": [5.0, 10, 0], "b": [10.0, 10, 0]}
    head = 'aggregation = "adjusted_mazziotta_pareto"'
    found = project(tmp_path, head, columns, nodes=posts("a", "b", high=10))
    assert scores(run(found)) == pytest.approx([115 - 225 / 115, 130, 70])


def test_adjusted_indices_of_adjusted_indices_are_not_rescaled(tmp_path: Path) -> None:
    pillars = '[[nodes]]\nid = "p"\n'
    leaf = posts("a", "b", high=10).replace("indicator", 'parent = "p"\nindicator') + posts("c", high=10)
    columns = {"a": [5.0, 10, 0], "b": [10.0, 10, 0], "c": [0.0, 10, 5]}
    found = project(tmp_path, 'aggregation = "adjusted_mazziotta_pareto"', columns, nodes=pillars + leaf)
    result = run(found)
    p = 115 - 225 / 115
    m, s = (p + 70) / 2, (p - 70) / 2
    assert scores(result, "p")[0] == pytest.approx(p)
    assert scores(result)[0] == pytest.approx(m - s**2 / m)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('aggregation = "power"\nexponent = 2', lambda x: np.sqrt((x**2).mean(axis=1))),
        ('aggregation = "power"\nexponent = -inf', lambda x: x.min(axis=1)),
        ('aggregation = "power"\nexponent = 1', lambda x: x.mean(axis=1)),
        ('aggregation = "harmonic"', lambda x: 3 / (1 / x).sum(axis=1)),
        ('aggregation = "ordered"\norder_weights = [1, 2, 5]', lambda x: np.sort(x)[:, ::-1] @ np.array([1, 2, 5]) / 8),
        ('aggregation = "median"', lambda x: np.median(x, axis=1)),
    ],
)
def test_means_by_numpy(tmp_path: Path, head: str, expected: Callable[[Any], Any]) -> None:
    x = 0.05 + 0.9 * RNG.random((7, 3))
    found = project(tmp_path, head, dict(zip("abc", x.T.tolist(), strict=True)), nodes=posts(*"abc"))
    assert scores(run(found)) == pytest.approx(expected(x).tolist())


def condorcet(folder: Path, mean: str) -> Project:
    """Handbook, Table 28: 23 voters a b c, 17 b c a, 2 b a c, 10 c a b, 8 c b a; places as indicators, first is 3 points."""
    nodes = "".join(
        f'[[nodes]]\nid = "v{k}"\nindicator = "v{k}"\nweight = {n}\n' for k, n in enumerate((23, 17, 2, 10, 8))
    )
    places = [[3, 1, 2, 2, 1], [2, 3, 3, 1, 2], [1, 2, 1, 3, 3]]
    columns = {f"v{k}": [float(row[k]) for row in places] for k in range(5)}
    return project(folder, f'aggregation = "{mean}"', columns, nodes=nodes)


def test_condorcet_104(tmp_path: Path) -> None:
    """Kemeny's ranking of Condorcet's own profile is b c a with 104 of 180; majorities run in a circle for Copeland."""
    result = run(condorcet(tmp_path / "k", "kemeny"))
    assert scores(result, column="rank") == [3, 1, 2]
    assert scores(result) == [0, 2, 1]
    [ranking] = result.meta["rankings"]["made"]
    assert (ranking["method"], 60 * ranking["support"], ranking["rankings"]) == ("exact", pytest.approx(104), 1)
    assert result.tables["aggregation"].select("ranking", "rankings").rows() == [("exact", 1.0)]
    assert scores(run(condorcet(tmp_path / "c", "copeland"))) == [0, 0, 0]


def test_missing_data_are_no_win(tmp_path: Path) -> None:
    """R02 lacks b, where it would have come last: by what it has it is first."""
    columns: Columns = {"a": [1, 2, 3], "b": [2, 1, None], "c": [1, 2, 3]}
    result = run(project(tmp_path, 'aggregation = "copeland"', columns))
    assert scores(result) == [-2, 0, 2]
    worse: Columns = {"a": [1, 2, 0], "b": [2, 1, None], "c": [1, 2, 0]}
    assert scores(run(project(tmp_path / "w", 'aggregation = "copeland"', worse)))[2] == -2


def test_places_are_those_of_each_year(tmp_path: Path) -> None:
    columns = {"a": [1.0, 2, 3, 30, 20, 10], "b": [1.0, 2, 3, 30, 20, 10]}
    found = project(tmp_path, 'aggregation = "copeland"', columns, years=(2019, 2020))
    assert scores(run(found, year="all")) == [-2, 0, 2, 2, 0, -2]


def test_years_share_one_shift_and_one_set_of_weights(tmp_path: Path) -> None:
    columns = {"a": [0.0, 5, 3, 8, 6, 10], "b": [4.0, 5, 10, 8, 0, 9], "c": [1.0, 0, 6, 5, 7, 2]}
    found = project(tmp_path, 'aggregation = "geometric"\nweighting = "critic"', columns, years=(2019, 2020))
    result = run(found, year="all")
    table = np.array([scores(result, n) for n in "abc"]).T
    w = np.array([weights(result)[n] for n in "abc"])
    shift = result.meta["shifts"]["made"]
    assert shift == pytest.approx(0.01)
    assert scores(result) == pytest.approx((np.exp(np.log(table + shift) @ w) - shift).tolist())
    assert set(result.tables["aggregation"]["shift"]) == {shift}


def test_ranking_of_rankings(tmp_path: Path) -> None:
    nodes = '[[nodes]]\nid = "p"\naggregation = "kemeny"\n'
    nodes += "".join(f'[[nodes]]\nid = "{n}"\nparent = "p"\nindicator = "{n}"\n' for n in "ab")
    nodes += '[[nodes]]\nid = "c"\nindicator = "c"\n'
    result = run(project(tmp_path, 'aggregation = "copeland"', THREE, nodes=nodes))
    assert scores(result, "p", "rank") == [5, 3, 4, 1, 2]  # 3 and 4, 4 and 1, 1 and 2 are level in pairs
    assert sum(scores(result)) == 0


def test_a_single_node_below_hands_its_score_up(tmp_path: Path) -> None:
    nodes = "".join(f'[[nodes]]\nid = "{p}"\n' for p in "pqr")
    nodes += "".join(
        f'[[nodes]]\nid = "{n}"\nparent = "{p}"\nindicator = "{n}"\n' for n, p in zip("abc", "pqr", strict=True)
    )
    for mean in ("kemeny", "mazziotta_pareto", "adjusted_mazziotta_pareto"):
        tree = run(project(tmp_path / mean, f'aggregation = "{mean}"\nweighting = "critic"', THREE, nodes=nodes))
        flat = run(project(tmp_path / f"{mean}_flat", f'aggregation = "{mean}"\nweighting = "critic"', THREE))
        assert scores(tree, "p") == scores(tree, "a")
        assert scores(tree) == pytest.approx(scores(flat))


def test_a_mean_that_does_not_take_the_values_is_refused(tmp_path: Path) -> None:
    nodes = (
        posts("a", "b")
        .replace('normaliser = "goalposts"\n', 'normaliser = "ratio_to_best"\n')
        .replace("goalposts = { low = 0, high = 1 }\n", "direction = 1\n")
    )
    found = project(tmp_path, 'aggregation = "bottleneck"', {"a": [-1.0, 2, 3], "b": [1.0, 2, 3]}, nodes=nodes)
    with pytest.raises(RefusedError, match="a"):
        run(found)


# Properties -----------------------------------------------------------------------------------------------------------

EVERY = [
    'weighting = "pca"', 'weighting = "entropy"', 'weighting = "critic"', 'weighting = "correlation_optimised"',
    'aggregation = "geometric"', 'aggregation = "median"', 'aggregation = "copeland"', 'aggregation = "kemeny"',
    'aggregation = "mazziotta_pareto"', 'aggregation = "adjusted_mazziotta_pareto"', 'aggregation = "bottleneck"',
    'aggregation = "power"\nexponent = 3', 'aggregation = "ordered"\norder_weights = [3, 2, 1]',
    'weighting = "benefit_of_doubt"',
]  # fmt: skip


@pytest.mark.parametrize("head", EVERY)
def test_the_order_of_regions_and_nodes_does_not_matter(tmp_path: Path, head: str) -> None:
    x = np.random.default_rng(5).random((9, 3))
    order = [4, 8, 1, 0, 6, 2, 3, 7, 5]
    one = run(project(tmp_path / "a", head, dict(zip("abc", x.T.tolist(), strict=True))))
    other = run(project(tmp_path / "b", head, dict(zip("cba", x[order].T[::-1].tolist(), strict=True))))
    assert [scores(one)[k] for k in order] == pytest.approx(scores(other))
    assert [scores(one, column="rank")[k] for k in order] == scores(other, column="rank")
    assert weights(one) == pytest.approx(weights(other))


@pytest.mark.parametrize("head", [*EVERY[4:13], ""])
def test_a_region_twice_changes_nobody_else(tmp_path: Path, head: str) -> None:
    """Nor their order, and the two copies are level. Rankings by pairs count regions and may change, as may what depends on
    means and deviations over all."""
    x = np.random.default_rng(7).random((6, 3))
    one = scores(run(project(tmp_path / "a", head, dict(zip("abc", x.T.tolist(), strict=True)))), column="rank")
    twice = np.vstack([x, x[2]])
    two = scores(run(project(tmp_path / "b", head, dict(zip("abc", twice.T.tolist(), strict=True)))), column="rank")
    assert two[6] == two[2]
    if not any(name in head for name in ('"copeland"', '"kemeny"', '"mazziotta_pareto"')):
        shared = [rank + (rank > one[2]) for rank in one]
        assert two[:6] == shared


def test_only_ratios_of_weights_count(tmp_path: Path) -> None:
    def weighted(factor: float) -> str:
        return "".join(
            f'[[nodes]]\nid = "{n}"\nindicator = "{n}"\nweight = {w * factor}\n'
            for n, w in zip("abc", (1, 2, 5), strict=True)
        )

    one, other = (run(project(tmp_path / str(f), "", THREE, nodes=weighted(f))) for f in (1, 7))
    assert scores(one) == pytest.approx(scores(other))
    assert weights(one) == pytest.approx(weights(other))


def test_a_better_figure_never_lowers_the_arithmetic_score(tmp_path: Path) -> None:
    before = {"a": [0.2, 0.6, 0.5], "b": [0.9, 0.1, 0.4]}
    after = {"a": [0.2, 0.6, 0.7], "b": [0.9, 0.1, 0.4]}
    one, other = (
        scores(run(project(tmp_path / n, "", columns, nodes=posts("a", "b"))))
        for n, columns in (("x", before), ("y", after))
    )
    assert other[2] > one[2]
    assert other[:2] == one[:2]


def test_full_coverage_is_not_renormalised_and_gaps_are_noted(tmp_path: Path) -> None:
    columns: Columns = {"a": [0, 1, 2, None], "b": [0, 2, 1, 2], "c": [3, 1, 0, 2], "d": [1, 2, 0, None]}
    nodes = '[[nodes]]\nid = "p"\n'
    nodes += "".join(f'[[nodes]]\nid = "{n}"\nparent = "p"\nindicator = "{n}"\n' for n in "abc")
    nodes += '[[nodes]]\nid = "d"\nindicator = "d"\n'
    head = "min_coverage = 0.5\nmin_pillar = 0"
    result = run(project(tmp_path, head, columns, nodes=nodes))
    assert scores(result, "p", "note") == [None, None, None, "renormalised"]
    # one of the two nodes below, and min_pillar asks for none
    assert scores(result, column="note")[3] == "renormalised"
    assert scores(result)[3] == scores(result, "p")[3]
    table = {row["node"]: row for row in result.tables["aggregation"].iter_rows(named=True)}
    assert (table["p"]["scored"], table["p"]["renormalised"], table["made"]["low_coverage"]) == (4, 1, 0)


@pytest.mark.parametrize("weighting", ["equal", "benefit_of_doubt"])
def test_min_pillar_decides_who_is_scored_however_nodes_are_weighted(tmp_path: Path, weighting: str) -> None:
    """One of three nodes below, and `min_pillar` asks for 0.3: benefit of the doubt asked for two thirds of its own."""
    columns: Columns = {"a": [0.2, 0.9, 0.5, 0.4], "b": [0.3, 0.4, 0.8, None], "c": [0.6, 0.1, 0.7, None]}
    for least, noted in ((0.3, "renormalised"), (0.5, "few_in_group")):
        head = f'weighting = "{weighting}"\nmin_coverage = 0.3\nmin_pillar = {least}'
        result = run(project(tmp_path / str(least), head, columns, nodes=posts("a", "b", "c")))
        assert scores(result, column="note")[3] == noted
        assert (scores(result)[3] is not None) == (least == 0.3)


@pytest.mark.parametrize("head", [head for head in EVERY if "aggregation" in head])
def test_replicates_take_the_mean_itself(tmp_path: Path, head: str) -> None:
    """The nominal scores and weights put through the formula of the replicates; Copeland's stands for Kemeny's rule."""
    x = np.random.default_rng(11).random((8, 3))
    x[0], x[1] = 0.0, 1.0
    found = project(tmp_path, head, dict(zip("abc", x.T.tolist(), strict=True)))
    rule = framework(found, found.indices["made"]).rules["made"]
    w = np.array([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    replicated = formula(rule)
    assert replicated is not None
    if rule.mean == "kemeny":
        assert replicated is copeland
        return
    expected = [combined(rule, x, one, len(x)).scores for one in w]
    assert_allclose(replicated(x, w), expected, atol=1e-12)
    assert_allclose(replicated(np.stack([x, x]), w), expected, atol=1e-12)


@pytest.mark.parametrize("head", EVERY)
def test_every_mean_and_weight_runs_through_the_replicates(tmp_path: Path, head: str) -> None:
    x = np.random.default_rng(9).random((8, 3))
    result = run(project(tmp_path, head, dict(zip("abc", x.T.tolist(), strict=True))), draws=60, steps=False)
    block = result.meta["blocks"][0]
    assert block["replicates"] + block["failed"] == 60
    assert block["replicates"] >= 30
    assert result.tables["robustness"]["rank_low"].null_count() == 0
