"""Index files: the tree that is read, and every fault named with its key, line and nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from capmap.data.load import load
from capmap.errors import CapmapError, Finding
from capmap.model import Project

from .projects import Build

HEAD = 'name = "Made up"\n'
PILLAR = '[[nodes]]\nid = "trade"\n'
LEAF = '[[nodes]]\nid = "cars"\nparent = "trade"\nindicator = "exports"\nsector = "cars"\n'
BASE = HEAD + PILLAR + LEAF
OTHER = '[[nodes]]\nid = "ships"\nparent = "trade"\nindicator = "exports"\nsector = "ships"\n'


def read(folder: Path) -> Project:
    return load(folder, environ={}, check=False)


def found(build: Build, text: str) -> list[Finding]:
    """Findings about the index file that holds this text."""
    project = read(build({"index/made.toml": text}))
    assert not project.indices or not [f for f in project.findings if f.file == "index/made.toml"]
    return [f for f in project.findings if f.file == "index/made.toml"]


def test_a_tree_is_read_with_its_defaults(build: Build) -> None:
    project = read(build({"index/made.toml": BASE + OTHER}))
    index = project.indices["made"]
    assert [(node.id, node.parent, node.weight) for node in index.nodes] == [
        ("trade", None, 1.0), ("cars", "trade", 1.0), ("ships", "trade", 1.0)
    ]  # fmt: skip
    assert (index.id, index.normaliser, index.aggregation, index.years_apart) == ("made", "min_max", "arithmetic", 3)
    assert index.min_coverage == index.min_pillar == 2 / 3


def test_a_project_without_indices_has_none(build: Build) -> None:
    assert read(build()).indices == {}


@pytest.mark.parametrize(
    ("text", "code", "column", "line", "said", "fix"),
    [
        (BASE + LEAF.replace('"ships"', '"cars"'), "CM100", "nodes.id", 10, "name of another node", "its own"),
        (HEAD + PILLAR.replace("trade", "made") + LEAF.replace("trade", "made"), "CM100", "nodes.id", 3, "index", "its own"),
        (HEAD + PILLAR + LEAF.replace('"trade"', '"trede"') + OTHER, "CM101", "nodes.parent", 6, "trede", "did you mean trade?"),
        (BASE + OTHER.replace('"trade"', '"cars"'), "CM101", "nodes.parent", 11, "has an indicator", "trade"),
        (HEAD + PILLAR + 'parent = "trade"\n' + LEAF, "CM102", "nodes.parent", 4, "trade in trade", "outside the circle"),
        (BASE + '[[nodes]]\nid = "empty"\n', "CM103", "nodes.id", 10, "neither an indicator", "indicator"),
        (HEAD + PILLAR + "direction = -1\n" + LEAF, "CM103", "nodes.direction", 4, "belongs to an indicator", "take it out"),
        (BASE + 'aggregation = "geometric"\n', "CM103", "nodes.aggregation", 9, "nodes below it", "take it out"),
        (BASE + OTHER.replace('r = "ships', 'r = "cars'), "CM104", "nodes.indicator", 12, "the same as cars", "take one"),
        (BASE + "weight = -1\n" + OTHER, "CM105", "nodes.weight", 9, "the weight of cars is -1", "direction = -1"),
        (BASE + "weight = 0\n", "CM105", "nodes.weight", 9, "below trade add up to 0", "weight"),
        (BASE + "weight = inf\n" + OTHER, "CM105", "nodes.weight", 9, "inf", "number"),
        (HEAD + PILLAR + LEAF.replace("exports", "exprots"), "CM106", "nodes.indicator", 7, "exprots", "did you mean exports?"),
        (HEAD + PILLAR + LEAF.replace('sector = "cars', 'sector = "crs'), "CM106", "nodes.sector", 8, "crs", "mean cars?"),
        (BASE + 'per = "export"\n', "CM106", "nodes.per", 9, "export", "did you mean exports?"),
        (HEAD + 'group = "asai"\n' + PILLAR + LEAF, "CM106", "group", 2, "asai", "did you mean asia?"),
        (BASE + 'normaliser = "goalposts"\n', "CM107", "nodes.indicator", 7, "goalposts", "low"),
        (BASE + 'normaliser = "distance_to_target"\n', "CM107", "nodes.indicator", 7, "target", "target"),
        (BASE + "goalposts = { low = 2, high = 1 }\n", "CM004", "nodes.goalposts", 9, "goalposts", "smaller than high"),
        (BASE + 'wieght = 2\n', "CM002", "nodes.wieght", 9, "wieght", "did you mean `weight`?"),
        (BASE + "weight = true\n", "CM004", "nodes.weight", 9, "true", "number"),
        (BASE + 'aggregation = "mean"\n', "CM004", "nodes.aggregation", 9, "mean", "geometric"),
        (HEAD, "CM003", "nodes", None, "nodes", "Pillars"),
    ],
)  # fmt: skip
def test_faults_are_named(
    build: Build, text: str, code: str, column: str, line: int | None, said: str, fix: str
) -> None:
    [problem] = [f for f in found(build, text) if f.code == code and f.column == column]
    assert problem.line == line
    assert said in problem.message
    assert fix in problem.fix


def test_every_fault_of_a_file_comes_at_once(build: Build) -> None:
    text = HEAD + PILLAR + LEAF.replace("exports", "imports") + "weight = -1\n" + OTHER.replace('"trade"', '"trad"')
    assert sorted(f.code for f in found(build, text)) == ["CM101", "CM105", "CM106"]


def test_a_faulty_index_stops_every_command(build: Build) -> None:
    folder = build({"index/made.toml": BASE + "weight = -1\n" + OTHER})
    with pytest.raises(CapmapError, match="weight of cars is -1"):
        load(folder, environ={})


def test_the_sample_ships_an_index(sample: Project) -> None:
    index = sample.indices["innovation"]
    assert [node.id for node in index.nodes if node.parent is None] == ["knowledge", "technology", "automation"]
