"""Composite indices: one TOML file per index, its file name being the index's id; every fault of a tree at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from capmap.data.findings import finding, not_opened
from capmap.data.index_answers import read_answers
from capmap.data.index_rules import at as _at
from capmap.data.index_rules import faults, rules
from capmap.data.index_rules import near as _nearest
from capmap.data.nearest import nearest
from capmap.data.toml import TomlFile, key_line, read_toml, validate
from capmap.errors import Finding, UnreadableError
from capmap.model import TOTAL, Codes, IndexFile, IndexNode, Indicator

if TYPE_CHECKING:
    import polars as pl

#: Keys that speak of an indicator.
OF_INDICATORS = (
    "sector", "result", "direction", "per", "goalposts", "target", "treatment", "normaliser", "imputation"
)  # fmt: skip
#: Keys that speak of the nodes below.
OF_PILLARS = (
    "aggregation", "exponent", "order_weights", "weighting", "shares", "experts", "judgements", "comparisons", "best",
    "worst", "best_to_others", "others_to_worst",
)  # fmt: skip


#: Results that need parents of sectors.
BY_PARENTS = ("related_variety", "unrelated_variety")


@dataclass(frozen=True)
class Indices:
    """What a folder of index files held: the ones without a fault, sorted by id; `files` are the ids of all."""

    indices: dict[str, IndexFile]
    findings: tuple[Finding, ...]
    files: tuple[str, ...] = ()


def read_indices(folder: Path, name: str, catalogue: Mapping[str, Indicator], codes: Codes) -> Indices:
    """Read every `*.toml` of a folder, if it is there; an index with a fault is a finding and left out."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        paths = []
    except OSError as error:
        return Indices({}, (not_opened(error, name),))
    indices: dict[str, IndexFile] = {}
    findings: list[Finding] = []
    for path in paths:
        try:
            file = read_toml(path, f"{name.rstrip('/')}/{path.name}")
        except UnreadableError as error:
            findings += error.findings
            continue
        index, problems = validate(IndexFile, file, id=path.stem, answers={})
        if index is not None:
            answers, problems = read_answers(folder, name, rules(index), file)
            problems += [*_tree(index, file), *faults(index, file), *_names(index, file, catalogue, codes)]
            index = index.model_copy(update={"answers": answers})
        findings += problems
        if index is not None and not problems:
            indices[path.stem] = index
    return Indices(indices, tuple(findings), tuple(path.stem for path in paths))


def _tree(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    """Faults of the tree itself."""
    yield from _named_twice(index, file)
    yield from _parents(index, file)
    yield from _circles(index, file)
    yield from _contents(index, file)
    yield from _used_twice(index, file)
    yield from _weights(index, file)


def _named_twice(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    seen = {index.id}
    for place, node in enumerate(index.nodes):
        if node.id in seen:
            whose = "the index itself" if node.id == index.id else "another node"
            yield _at(
                file, "CM100", place, "id", f"{node.id} is the name of {whose}", "give it a name of its own", node.id
            )
        seen.add(node.id)


def _parents(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    inner = {node.id for node in index.nodes if node.indicator is None} | {index.id}
    leaves = {node.id for node in index.nodes} - inner
    for place, node in enumerate(index.nodes):
        if node.parent is None or node.parent in inner:
            continue
        near = nearest(node.parent, sorted(inner - {node.id}))
        wrong = (
            "has an indicator, so it has no nodes below it" if node.parent in leaves else "is not a node of the index"
        )
        fix = f"did you mean {near[0]}?" if near else f"name one of {', '.join(sorted(inner - {node.id}))}"
        yield _at(file, "CM101", place, "parent", f"the parent {node.parent} of {node.id} {wrong}", fix, node.parent)


def _circles(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    above = {node.id: {node.parent} for node in index.nodes if node.parent is not None}
    try:
        TopologicalSorter(above).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        place = next(k for k, node in enumerate(index.nodes) if node.id == circle[0])
        fix = "give one of them a parent outside the circle"
        yield _at(
            file, "CM102", place, "parent", f"nodes are their own ancestors: {' in '.join(circle)}", fix, circle[0]
        )


def _contents(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    parents = {node.parent for node in index.nodes}
    for place, node in enumerate(index.nodes):
        if node.indicator is None and node.id not in parents:
            said = f"{node.id} has neither an indicator nor nodes below it"
            yield _at(
                file, "CM103", place, "id", said, "name its `indicator`, or it as the `parent` of others", node.id
            )
        for key in OF_INDICATORS if node.indicator is None else OF_PILLARS:
            if getattr(node, key) is not None:
                other = "an indicator" if node.indicator is None else "a node with nodes below it"
                yield _at(
                    file, "CM103", place, key, f"`{key}` of {node.id} belongs to {other}", "take it out, or move it"
                )


def _used_twice(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    first: dict[tuple[str | None, ...], str] = {}
    for place, node in enumerate(index.nodes):
        if node.indicator is None:
            continue
        used = (node.indicator, node.result or node.sector or TOTAL, node.per)
        if used in first:
            said = f"{node.id} is the same as {first[used]}: {node.indicator}" + (
                f" per {node.per}" if node.per else ""
            )
            yield _at(file, "CM104", place, "indicator", said, "take one of them out", node.indicator)
        first.setdefault(used, node.id)


def _weights(index: IndexFile, file: TomlFile) -> Iterator[Finding]:
    for place, node in enumerate(index.nodes):
        if not 0 <= node.weight < float("inf"):
            said = f"the weight of {node.id} is {node.weight:g}"
            fix = "turn the indicator with `direction = -1`" if node.weight < 0 else "write a number"
            yield _at(file, "CM105", place, "weight", said, fix, f"{node.weight:g}")
    for parent in dict.fromkeys(node.parent or index.id for node in index.nodes):
        below = [(k, node) for k, node in enumerate(index.nodes) if (node.parent or index.id) == parent]
        if all(node.weight == 0 for _, node in below):
            said = f"the weights below {parent} add up to 0"
            yield _at(file, "CM105", below[0][0], "weight", said, "give one of its nodes a weight", "0")


def _names(index: IndexFile, file: TomlFile, catalogue: Mapping[str, Indicator], codes: Codes) -> Iterator[Finding]:
    """What the index names and the project does not have."""
    groups = codes.regions["group"].drop_nulls().str.split(";").explode().unique().sort().to_list()
    named = [("group", index.group), *(("imputation_groups", group) for group in index.imputation_groups)]
    for key, group in named:
        if group is not None and group not in groups:
            yield finding(
                "CM106", f"no region is of the group {group}", _nearest(group, groups), file=file.name,
                line=key_line(file.text, (key,)), column=key, value=group,
            )  # fmt: skip
    for place, node in enumerate(index.nodes):
        if node.indicator is not None:
            yield from _leaf(index, node, place, file, catalogue, codes)


def _result(
    node: IndexNode, place: int, file: TomlFile, meta: Indicator, listed: pl.DataFrame | None
) -> Iterator[Finding]:
    """Why a result of an indicator cannot be measured."""
    if meta.kind not in ("count", "value"):
        said = f"{meta.id} is of the kind {meta.kind}, of which no {node.result} is measured"
        yield _at(file, "CM142", place, "result", said, "name a count or value with sectors", node.result)
    elif meta.classification == "none":
        said = f"{meta.id} has no sectors, so it has no {node.result}"
        yield _at(file, "CM142", place, "result", said, "name an indicator with sectors", node.result)
    elif node.result in BY_PARENTS and listed is not None and listed["parent"].null_count() == listed.height:
        said = f"{node.result} groups sectors by their parents, and no sector of {meta.classification} has one"
        yield _at(file, "CM142", place, "result", said, "add parents to the code list, or name another result")
    for key, value in (("per", node.per), ("sector", node.sector), ("imputation", node.imputation)):
        if value is not None:
            said = f"{node.id} is a result of all sectors of {meta.id}, so `{key}` says nothing"
            yield _at(file, "CM142", place, key, said, "take it out", value)


def _leaf(
    index: IndexFile, node: IndexNode, place: int, file: TomlFile, catalogue: Mapping[str, Indicator], codes: Codes
) -> Iterator[Finding]:
    meta = catalogue.get(node.indicator or "")
    if meta is None:
        said = f"no indicator has the id {node.indicator}"
        yield _at(file, "CM106", place, "indicator", said, _nearest(node.indicator or "", catalogue), node.indicator)
        return
    listed = codes.classifications.get(meta.classification)
    if node.result is not None:
        yield from _result(node, place, file, meta, listed)
        meta = meta.model_copy(update={"goalposts": None, "target": None})  # those are of the indicator itself
    if node.sector not in (None, TOTAL) and listed is not None and node.sector not in listed["code"]:
        said = f"{node.sector} is not a sector of {meta.classification}"
        yield _at(
            file, "CM106", place, "sector", said, _nearest(node.sector or "", listed["code"].to_list()), node.sector
        )
    if node.per is not None:
        size = catalogue.get(node.per)
        if size is None:
            said = f"no indicator has the id {node.per}"
            yield _at(file, "CM106", place, "per", said, _nearest(node.per, catalogue), node.per)
        elif size.kind not in ("count", "value"):
            said = f"{node.per} is of the kind {size.kind}, and only counts and values are sizes to divide by"
            yield _at(file, "CM106", place, "per", said, "name a count or value, such as population", node.per)
        elif meta.kind not in ("count", "value"):
            said = f"{meta.id} is of the kind {meta.kind}, which is not divided again"
            yield _at(file, "CM106", place, "per", said, "take `per` out", node.per)
    how = node.normaliser or index.normaliser
    if how == "goalposts" and (node.goalposts or meta.goalposts) is None:
        said = f"{node.id} is to be put on a scale by goalposts and has none"
        yield _at(file, "CM107", place, "indicator", said, "add `goalposts = { low = ..., high = ... }` to the node")
    if how == "distance_to_target" and node.target is None and meta.target is None:
        said = f"{node.id} is measured by its distance to a target and has none"
        yield _at(file, "CM107", place, "indicator", said, "add `target = ...` to the node")
