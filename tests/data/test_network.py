"""Networks in files: they read back as they were, in full precision, with typed attributes, and whole or not at all."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from capmap.data.network import check_network, write_network
from capmap.errors import UsageError, WriteError

NODES = pl.DataFrame(
    {
        "sector": ["a&b", "01", "NA"],
        "label": ['Oil <"crude">', "Fish\x0b é", None],
        "ubiquity": pl.Series([3, 4, 5], dtype=pl.Int32),
        "pci": [1 / 3, None, float("nan")],
        "world_total": [123_456_789.125, 1e-12, 2.0],
        "held": [True, False, None],
        "nothing": pl.Series([None] * 3, dtype=pl.Float64),
    }
)
LINKS = pl.DataFrame(
    {"source": ["01", "NA"], "target": ["a&b", "01"], "proximity": [2 / 3, 0.1 + 0.2], "tree": [True, False]}
)
ABOUT = {"indicator": "exports", "year": 2018, "above": 5 / 9, "region": None}

FORMATS = pytest.mark.parametrize("suffix", ["graphml", "json"])


def written(folder: Path, suffix: str, **changes: Any) -> Path:
    parts = {"nodes": NODES, "links": LINKS, "about": ABOUT} | changes
    return write_network(folder / f"network.{suffix}", **parts)


def without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None and value == value}


def test_graphml_reads_back_in_rustworkx(tmp_path: Path) -> None:
    rustworkx = pytest.importorskip("rustworkx")
    (graph,) = rustworkx.read_graphml(str(written(tmp_path, "graphml")))
    expected = [without_nulls(row) for row in NODES.rename({"sector": "id"}).to_dicts()]
    expected[1]["label"] = "Fish\ufffd é"  # XML has no vertical tab
    found = [without_nulls(row) for row in graph.nodes()]
    assert found == expected
    assert [{key: type(value) for key, value in row.items()} for row in found] == [
        {key: type(value) for key, value in row.items()} for row in expected
    ]
    assert graph.weighted_edge_list() == [
        (1, 0, {"proximity": 2 / 3, "tree": True}), (2, 1, {"proximity": 0.1 + 0.2, "tree": False})
    ]  # fmt: skip
    assert graph.attrs == without_nulls(ABOUT)


def test_graphml_reads_back_in_networkx(tmp_path: Path) -> None:
    pytest.importorskip("rustworkx")
    networkx = pytest.importorskip("networkx")
    graph = networkx.read_graphml(written(tmp_path, "graphml"))
    assert list(graph.nodes) == ["a&b", "01", "NA"]
    assert graph.nodes["a&b"] == {
        "label": 'Oil <"crude">', "ubiquity": 3, "pci": 1 / 3, "world_total": 123_456_789.125, "held": True
    }  # fmt: skip
    assert graph.edges["01", "a&b"] == {"proximity": 2 / 3, "tree": True}
    assert graph.edges["01", "NA"]["tree"] is False
    assert (graph.graph["year"], graph.graph["above"]) == (2018, 5 / 9)


def test_graphml_keys_are_typed_and_unique(tmp_path: Path) -> None:
    pytest.importorskip("rustworkx")
    space = "{http://graphml.graphdrawing.org/xmlns}"
    keys = ET.parse(written(tmp_path, "graphml")).getroot().findall(f"{space}key")
    assert len({key.get("id") for key in keys}) == len(keys)
    assert {(key.get("for"), key.get("attr.name")): key.get("attr.type") for key in keys} == {
        ("graph", "indicator"): "string", ("graph", "year"): "long", ("graph", "above"): "double",
        ("node", "label"): "string", ("node", "ubiquity"): "long", ("node", "pci"): "double",
        ("node", "world_total"): "double", ("node", "held"): "boolean", ("node", "nothing"): "double",
        ("edge", "proximity"): "double", ("edge", "tree"): "boolean",
    }  # fmt: skip


def test_json_is_node_link(tmp_path: Path) -> None:
    told = json.loads(written(tmp_path, "json").read_text(encoding="utf-8"))
    assert (told["directed"], told["multigraph"], told["graph"]) == (False, False, ABOUT)
    expected = NODES.with_columns(pl.col("pci").fill_nan(None)).rename({"sector": "id"}).to_dicts()
    assert told["nodes"] == expected
    assert told["edges"] == LINKS.to_dicts()


def test_json_reads_back_in_networkx(tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.node_link_graph(json.loads(written(tmp_path, "json").read_text()), edges="edges")
    assert list(graph.nodes) == ["a&b", "01", "NA"]
    assert graph.edges["a&b", "01"]["proximity"] == 2 / 3
    assert not graph.is_directed()


@FORMATS
def test_a_second_run_writes_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("rustworkx")
    first = written(tmp_path, suffix).read_bytes()
    assert written(tmp_path, suffix).read_bytes() == first


@FORMATS
def test_categories_are_texts(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("rustworkx")
    kind = pl.Enum(["01", "NA", "a&b", "unused"])
    plain = written(tmp_path, suffix).read_bytes()
    nodes = NODES.with_columns(pl.col("sector").cast(kind))
    links = LINKS.with_columns(pl.col("source", "target").cast(kind))
    assert written(tmp_path, suffix, nodes=nodes, links=links).read_bytes() == plain


@FORMATS
def test_no_links_are_a_network_too(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("rustworkx")
    path = written(tmp_path, suffix, links=LINKS.clear(), about=None)
    if suffix == "json":
        assert json.loads(path.read_text())["edges"] == []
    else:
        assert b"<edge" not in path.read_bytes()


@FORMATS
def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("rustworkx")
    path = written(tmp_path, suffix)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="stranger"):
        written(tmp_path, suffix, links=LINKS.with_columns(target=pl.lit("stranger")))
    with pytest.raises(ValueError, match="twice"):
        written(tmp_path, suffix, nodes=pl.concat([NODES, NODES]))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with pytest.raises(WriteError, match="there is no folder"):
        written(tmp_path / "no" / "such", suffix)


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rustworkx = pytest.importorskip("rustworkx")
    path = written(tmp_path, "graphml")
    before = path.read_bytes()

    def fail(_graph: object, name: str, **_: object) -> None:
        Path(name).write_bytes(b"<graphml")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rustworkx, "write_graphml", fail)
    with pytest.raises(WriteError, match="the disk is full"):
        written(tmp_path, "graphml")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["map.gexf", "map", "-", "map.graphml.gz"])
def test_other_formats_are_refused_before_anything_is_computed(name: str) -> None:
    with pytest.raises(UsageError, match="which network format") as caught:
        check_network(name)
    assert ".graphml or .json" in (caught.value.fix or "")


def test_a_missing_extra_names_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rustworkx", None)
    with pytest.raises(UsageError, match="needs an extra") as caught:
        check_network(tmp_path / "map.graphml")
    assert 'pip install "capmap[network]"' in (caught.value.fix or "")
    assert written(tmp_path, "json").exists()  # JSON needs none
