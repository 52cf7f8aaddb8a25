"""Networks -> files: GraphML, or node-link JSON as NetworkX reads it, each written whole or not at all.

Nodes and links keep the order of their frames, so a second run writes identical bytes. The code in the column `sector` is
the identity of a node; the other columns are its attributes, under their own names. A null is an attribute that is not
there (GraphML) or null (JSON). Numbers are the shortest text that reads back as the same float.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from capmap.data.write import atomic, json_text
from capmap.errors import UsageError

SUFFIXES = (".graphml", ".json")
#: Column that identifies a node, and those that name the ends of a link.
NODE, SOURCE, TARGET = "sector", "source", "target"
#: Characters that XML cannot hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_network(path: str | Path) -> None:
    """Whether a network can be written to a file of this name, before anything is computed.

    Raises
    ------
    UsageError : the suffix is unknown, or GraphML is asked for and the extra for it is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{Path(path).name or path} does not say which network format to write",
            fix=f"end the name in {' or '.join(SUFFIXES)}",
        )
    if suffix == ".graphml":
        _rustworkx()


def write_network(
    path: str | Path, nodes: pl.DataFrame, links: pl.DataFrame, about: Mapping[str, Any] | None = None
) -> Path:
    """Write an undirected network to a file.

    Parameters
    ----------
    path : ends in `.graphml` or `.json`.
    nodes : column NODE holds their codes, each once; every other column is an attribute: text, number or boolean.
    links : columns SOURCE and TARGET hold codes of nodes; every other column is an attribute.
    about : attributes of the network as a whole: texts, numbers or booleans.

    Returns
    -------
    The file. In GraphML every attribute has a typed key (boolean, long, double or string); a character that XML
    cannot hold becomes U+FFFD. JSON is the node-link form of NetworkX: `nx.node_link_graph(data, edges="edges")`.

    Raises
    ------
    UsageError : as `check_network`.
    ValueError : a link leads to a code that is no node, or a code is there twice.
    WriteError : the file cannot be written; an old one is as it was.
    """
    check_network(path)
    codes = nodes[NODE].cast(pl.String)
    ends = links.select(pl.col(SOURCE, TARGET).cast(pl.String))
    strangers = sorted({*ends[SOURCE], *ends[TARGET]} - set(codes))
    if strangers or codes.n_unique() < codes.len():
        raise ValueError(f"links lead to {strangers}, which are no nodes" if strangers else "a code is there twice")
    target = Path(path)
    with atomic(target) as file:
        if target.suffix.lower() == ".json":
            file.write(_node_link(nodes, links, about or {}).encode())
        else:
            _graphml(file.name, nodes, links, about or {})
    return target


def _rustworkx() -> ModuleType:
    try:
        import rustworkx
    except ModuleNotFoundError:
        raise UsageError(
            "writing .graphml needs an extra", fix='pip install "capmap[network]", or name a .json file'
        ) from None
    return rustworkx


# JSON ---------------------------------------------------------------------------------------------------------


def _node_link(nodes: pl.DataFrame, links: pl.DataFrame, about: Mapping[str, Any]) -> str:
    """The network as JSON text, a node or link a line."""
    listed = [{"id" if name == NODE else name: value for name, value in row.items()} for row in _rows(nodes)]
    parts = [
        f'"directed": false,\n"multigraph": false,\n"graph": {json_text(about)}',
        f'"nodes": {_lines(listed)}',
        f'"edges": {_lines(_rows(links))}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()  # categories are texts there


def _lines(rows: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(map(json_text, rows)) + "\n]" if rows else "[]"


# GraphML ------------------------------------------------------------------------------------------------------


def _graphml(name: str, nodes: pl.DataFrame, links: pl.DataFrame, about: Mapping[str, Any]) -> None:
    rustworkx = _rustworkx()
    domains, types = rustworkx.GraphMLDomain, rustworkx.GraphMLType
    kinds = {bool: types.Boolean, int: types.Long, float: types.Double, str: types.String}
    known = {key: value for key, value in about.items() if value is not None}
    columns = [
        *((domains.Graph, key, kinds[type(value)]) for key, value in known.items()),
        *((domains.Node, key, kinds[_python(kind)]) for key, kind in nodes.schema.items() if key != NODE),
        *(
            (domains.Edge, key, kinds[_python(kind)])
            for key, kind in links.schema.items()
            if key not in (SOURCE, TARGET)
        ),
    ]
    # ids are unique in the whole file: readers look a key up by its id alone
    keys = [rustworkx.GraphMLKey(f"k{k}", domain, key, kind, None) for k, (domain, key, kind) in enumerate(columns)]
    graph = rustworkx.PyGraph(multigraph=False, attrs={key: _value(value) for key, value in known.items()})
    place = {}
    for row in _rows(nodes):
        payload = {"id" if key == NODE else key: _value(value) for key, value in row.items()}
        place[row[NODE]] = graph.add_node(payload)
    for row in _rows(links):
        payload = {key: _value(value) for key, value in row.items() if key not in (SOURCE, TARGET)}
        graph.add_edge(place[row[SOURCE]], place[row[TARGET]], payload)
    rustworkx.write_graphml(graph, name, keys=keys)


def _python(kind: pl.DataType) -> type:
    """Python type of a column's values."""
    if kind == pl.Boolean:
        return bool
    return int if kind.is_integer() else float if kind.is_float() else str


def _value(value: Any) -> Any:
    """An attribute as rustworkx writes it in full.

    A float goes as its text, as rustworkx would write it in single precision; its key says double all the same.
    """
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return _NOT_XML.sub("\ufffd", value) if isinstance(value, str) else value
