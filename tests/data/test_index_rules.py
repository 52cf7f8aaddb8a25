"""Weights and means in index files and the tables of experts beside them: every fault with its file, line, key and fix."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from capmap.data.index_rules import rules
from capmap.data.load import load
from capmap.errors import Finding
from capmap.model import Project

from .projects import Build

HEAD = 'name = "Made up"\n'
LEAVES = "".join(f'[[nodes]]\nid = "{n}"\nindicator = "exports"\nsector = "{n}"\n' for n in ("cars", "ships"))
PILLAR = '[[nodes]]\nid = "trade"\n'
ALL = '[[nodes]]\nid = "all"\nindicator = "exports"\n'
BELOW = LEAVES.replace("sector", 'parent = "trade"\nsector')


def read(build: Build, text: str, files: Mapping[str, str] | None = None) -> Project:
    changes = {"index/made.toml": text} | {f"index/{name}": content for name, content in (files or {}).items()}
    return load(build(changes), environ={}, check=False)


def found(build: Build, text: str, files: Mapping[str, str] | None = None) -> list[Finding]:
    return [f for f in read(build, text, files).findings if (f.file or "").startswith("index/")]


@pytest.mark.parametrize(
    ("text", "code", "column", "line", "said", "fix"),
    [
        ('aggregation = "power"\n', "CM108", "aggregation", 2, "no exponent", "exponent = ..."),
        ('aggregation = "power"\nexponent = 21\n', "CM108", "exponent", 3, "exponent of made is 21", "-20 to 20"),
        ('aggregation = "power"\nexponent = nan\n', "CM108", "exponent", 3, "nan", "-20 to 20"),
        ("exponent = 2\n", "CM108", "exponent", 2, "belongs to the mean power", "take it out"),
        ('aggregation = "ordered"\n', "CM108", "aggregation", 2, "no order_weights", "2 numbers"),
        ('aggregation = "ordered"\norder_weights = [1, 2, 3]\n', "CM108", "order_weights", 3, "3 numbers", "cars, ships"),
        ('aggregation = "ordered"\norder_weights = [1, -2]\n', "CM108", "order_weights", 3, "numbers from 0", "mend"),
        ('aggregation = "ordered"\norder_weights = [0, 0]\n', "CM108", "order_weights", 3, "more than 0", "mend"),
        ('aggregation = "bottleneck"\nnormaliser = "z_score"\n', "CM109", "aggregation", 2, "0 to 1", "min_max"),
        ('aggregation = "adjusted_mazziotta_pareto"\nnormaliser = "rank"\n', "CM109", "aggregation", 2, "bounds", "goalposts"),
        ('aggregation = "median"\nweighting = "benefit_of_doubt"\n', "CM109", "aggregation", 2, "arithmetic", "arithmetic"),
        ('weighting = "budget"\n', "CM110", "weighting", 2, "has none", "experts ="),
        ('weighting = "ahp"\n', "CM110", "weighting", 2, "has none", "cars, ships"),
        ('weighting = "best_worst"\nbest = "cars"\n', "CM110", "weighting", 2, "lacks worst, best_to_others", "add them"),
        ("shares = { low = 0.6 }\n", "CM110", "shares", 2, "fit between 0.6 and 1", "at most 1/2"),
        ("shares = { high = 0.4 }\n", "CM110", "shares", 2, "fit between 0 and 0.4", "at least 1/2"),
        ("shares = { low = 0.5, high = 0.4 }\n", "CM004", "shares", 2, "shares", "not be above high"),
        ("shares = { lwo = 0.5 }\n", "CM002", "shares.lwo", 2, "lwo", "did you mean `low`?"),
        ('weighting = "pac"\n', "CM004", "weighting", 2, "pac", "pca"),
        ('aggregation = "copland"\n', "CM004", "aggregation", 2, "copland", "copeland"),
        ('experts = "../e.csv"\n', "CM005", "experts", 2, "../e.csv", "without a folder"),
        ('judgements = "/etc/passwd"\n', "CM005", "judgements", 2, "/etc/passwd", "without a folder"),
        ('judgements = "a\\\\b.csv"\n', "CM005", "judgements", 2, "b.csv", "without a folder"),
        ('experts = ".."\n', "CM005", "experts", 2, "..", "without a folder"),
        ('experts = "e.csv"\n', "CM005", "experts", 2, "e.csv", "check the path"),
        ("comparisons = [[1, 2]]\n", "CM112", "comparisons", 2, "1 rows of 2 numbers", "2 rows of 2"),
        ("comparisons = [[1, 2], [2, 1]]\n", "CM112", "comparisons", 2, "cars is 2 times as important as ships", "0.5"),
        ("comparisons = [[1, 0], [0, 1]]\n", "CM112", "comparisons", 2, "not above 0", "1 to 9"),
        ("comparisons = [[3, 2], [0.5, 1]]\n", "CM112", "comparisons", 2, "important as itself", "write 1"),
        ('best = "crs"\n', "CM112", "best", 2, "crs is not right below made", "did you mean cars?"),
        ('best = "cars"\nworst = "cars"\n', "CM112", "worst", 3, "best and the worst", "two different"),
        ('worst = "cars"\nbest_to_others = { crs = 3, ships = 2 }\n', "CM112", "best_to_others", 3, "crs", "did you mean cars?"),
        ('best = "cars"\nworst = "ships"\nbest_to_others = { ships = 0.5 }\n', "CM112", "best_to_others", 4, "0.5", "1 to 9"),
        ('best = "cars"\nworst = "ships"\nbest_to_others = { ships = 3 }\nothers_to_worst = { cars = 4 }\n',
         "CM112", "others_to_worst", 5, "3 in one answer and 4 in the other", "same number"),
        ('best = "cars"\nworst = "ships"\nbest_to_others = { }\nothers_to_worst = { }\n',
         "CM112", "best_to_others", 4, "nothing says how many times", "ships = ..."),
    ],
)  # fmt: skip
def test_faults_of_an_index_are_named(
    build: Build, text: str, code: str, column: str, line: int, said: str, fix: str
) -> None:
    [problem] = [f for f in found(build, HEAD + text + LEAVES) if f.code == code and f.column == column]
    assert problem.line == line
    assert said in problem.message
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("text", "code", "column", "line", "said"),
    [
        (PILLAR + 'weighting = "pca"\n' + BELOW + "weight = 2\n", "CM110", "nodes.weight", 15, "weighted by pca"),
        (LEAVES + 'weighting = "pca"\n', "CM103", "nodes.weighting", 10, "belongs to a node with nodes below"),
        (PILLAR + "order_weights = [1, 2]\n" + BELOW, "CM108", "nodes.order_weights", 4, "the mean ordered"),
        (PILLAR + 'aggregation = "copeland"\n' + BELOW + ALL, "CM109", "aggregation", None, "places of regions"),
        (PILLAR + 'aggregation = "mazziotta_pareto"\n' + BELOW + ALL, "CM109", "aggregation", None,
         "trade (scores around 100) and of all (values from 0 to 1)"),
    ],
)  # fmt: skip
def test_faults_of_a_node_are_named(
    build: Build, text: str, code: str, column: str, line: int | None, said: str
) -> None:
    problems = [f for f in found(build, HEAD + text) if f.code == code and f.column == column]
    assert [problem.line for problem in problems] == [line]
    assert said in problems[0].message


BUDGET = 'weighting = "budget"\nexperts = "e.csv"\n'
AHP = 'weighting = "ahp"\njudgements = "e.csv"\n'


@pytest.mark.parametrize(
    ("head", "table", "code", "line", "column", "said", "fix"),
    [
        (BUDGET, "expert,node,points\n1,cars,60\n1,ships,41\n", "CM111", 3, "points", "add up to 101", "100 points"),
        (BUDGET, "expert,node,points\n1,cars,60\n1,shps,40\n", "CM111", 3, "node", "shps", "did you mean ships?"),
        (BUDGET, "expert,node,points\n1,cars,-60\n1,ships,40\n", "CM111", 2, "points", "-60 is no answer", "from 0"),
        (BUDGET, "expert,node,points\n1,cars,many\n1,ships,40\n", "CM111", 2, "points", "many is no answer", "from 0"),
        (BUDGET, "expert,node,points\n1,cars,100\n\n,ships,0\n", "CM111", 4, "expert", "without an expert", "name"),
        (BUDGET, "expert,node,points\n1,cars,50\n1,cars,50\n1,ships,50\n", "CM111", 3, None, "row before", "keep one"),
        (BUDGET, "expert,node,points\n1,cars,100\n", "CM111", 2, "node", "all of cars, ships", "one row"),
        (BUDGET, "expert,node,share\n1,cars,100\n", "CM009", 1, "points", "no column `points`", "expert,node,points"),
        (BUDGET, "", "CM006", None, None, "cannot be read", "expert,node,points"),
        (AHP, "node,other,ratio\n", "CM112", 1, "node", "no ratio of cars to ships", "every pair"),
        (AHP, "node,other,ratio\ncars,ships,0\n", "CM111", 2, "ratio", "0 is no answer", "above 0"),
        (AHP, "node,other,ratio\ncars,ships,3\nships,cars,3\n", "CM112", 3, "ratio", "cars is 3 times", "0.3333"),
        (AHP, "node,other,ratio\ncars,ships,3\ncars,boats,3\n", "CM111", 3, "other", "boats is no node", "known: cars, ships"),
    ],
)  # fmt: skip
def test_faults_of_a_table_are_named(
    build: Build, head: str, table: str, code: str, line: int | None, column: str | None, said: str, fix: str
) -> None:
    problems = [f for f in found(build, HEAD + head + LEAVES, {"e.csv": table}) if f.code == code and said in f.message]
    assert [(f.file, f.line, f.column) for f in problems] == [("index/e.csv", line, column)]
    assert fix in problems[0].fix


def test_every_fault_comes_at_once(build: Build) -> None:
    text = HEAD + 'aggregation = "power"\n' + BUDGET + "shares = { low = 0.9 }\ncomparisons = [[1]]\n" + LEAVES
    codes = [f.code for f in found(build, text, {"e.csv": "expert,node,points\n1,cars,3\n1,ships,4\n1,boats,4\n"})]
    assert sorted(codes) == ["CM108", "CM110", "CM111", "CM111", "CM112"]


def test_rounding_and_blanks_are_no_faults(build: Build) -> None:
    table = "expert,node,points\n1, cars ,33.3\n1,ships,66.6\n\n2,cars,\n2,ships,100\n"
    project = read(build, HEAD + BUDGET + LEAVES, {"e.csv": table})
    assert not [f for f in project.findings if (f.file or "").startswith("index/")]
    rows = project.indices["made"].answers["e.csv"]
    assert [row[:2] for row in rows] == [("1", "cars"), ("1", "ships"), ("2", "cars"), ("2", "ships")]
    assert rows[2][2] != rows[2][2]  # not answered
    assert not found(build, HEAD + 'weighting = "ahp"\ncomparisons = [[1, 3], [0.33, 1]]\n' + LEAVES)


def test_answers_are_never_written_into_the_file(build: Build) -> None:
    [problem] = found(build, HEAD + "answers = {}\n" + LEAVES)
    assert (problem.code, problem.column) == ("CM002", "answers")


def test_nodes_take_what_the_index_says(build: Build) -> None:
    head = 'aggregation = "power"\nexponent = 2\nweighting = "equal"\nshares = { high = 0.9 }\n'
    index = read(build, HEAD + head + PILLAR + "exponent = -1\n" + BELOW).indices["made"]
    found = rules(index)
    assert (found["made"].exponent, found["trade"].exponent) == (2, -1)
    assert (found["trade"].mean, found["trade"].weighting, found["trade"].shares.high) == ("power", "equal", 0.9)
    assert (found["trade"].children, found["made"].children) == (("cars", "ships"), ("trade",))
