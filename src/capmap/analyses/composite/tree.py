"""The framework of a composite index: its nodes with every default filled in, and the tree that formulas walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from capmap.data.index_rules import Rule, faults, rules
from capmap.data.toml import TomlFile
from capmap.errors import UsageError
from capmap.methods.robustness import Tree
from capmap.model import Goalposts, Imputer, IndexFile, IndexNode, Indicator, Mean, Normaliser, Project

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: Normalisers whose bounds are in the unit of the indicator, so that its values are left as they are.
IN_UNITS = ("goalposts", "distance_to_target")


@dataclass(frozen=True)
class Leaf:
    """An indicator of the index with what the catalogue and the index say of it."""

    node: IndexNode
    meta: Indicator
    parent: str
    direction: int
    normaliser: Normaliser
    treated: bool  #: by the outlier rule
    imputation: Imputer = "none"

    @property
    def name(self) -> str:
        """Name shown to readers."""
        own = self.meta.name
        return self.node.name or (own if self.node.result is None else f"{own}: {self.node.result.replace('_', ' ')}")

    @property
    def goalposts(self) -> Goalposts | None:
        """Fixed bounds; those of the indicator are not those of what is measured of it."""
        return self.node.goalposts or (self.meta.goalposts if self.node.result is None else None)

    @property
    def target(self) -> float | None:
        """Value aimed at, likewise."""
        if self.node.target is not None or self.node.result is not None:
            return self.node.target
        return self.meta.target


@dataclass(frozen=True)
class Framework:
    """An index file with its defaults filled in.

    `inner` are the nodes with nodes below them, children before parents, the index itself last. `level` counts from the
    index, 0, downwards. `weights` are one per node but the index: those of the file until `index_weights.weighed` has found
    the others. `rules` say of every inner node how those below are weighted and brought together.
    """

    file: IndexFile
    leaves: tuple[Leaf, ...]
    inner: tuple[str, ...]
    children: Mapping[str, tuple[str, ...]]
    level: Mapping[str, int]
    weights: Mapping[str, float]
    means: Mapping[str, Mean]
    names: Mapping[str, str]
    rules: Mapping[str, Rule]

    @property
    def root(self) -> str:
        """Id of the index, which is its top node."""
        return self.file.id

    def columns(self, node: str) -> list[int]:
        """Places of the leaves at or below a node."""
        places = {leaf.node.id: k for k, leaf in enumerate(self.leaves)}
        found, open_ = [], [node]
        while open_:
            one = open_.pop()
            found += [places[one]] if one in places else []
            open_ += self.children.get(one, ())
        return sorted(found)

    @property
    def groups(self) -> Ints:
        """(n_leaves,) code of the parent of each leaf."""
        parents = list(dict.fromkeys(leaf.parent for leaf in self.leaves))
        return np.array([parents.index(leaf.parent) for leaf in self.leaves], dtype=np.intp)


def _told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Names by id; where several have one name, all but the first say their id as well."""
    seen: set[str] = set()
    found = {}
    for node, name in names.items():
        found[node] = f"{name} ({node})" if name in seen else name
        seen.add(name)
    return found


def framework(project: Project, file: IndexFile, weights: str = "given", impute: Imputer | None = None) -> Framework:
    """The framework of an index file that was checked when it was read.

    Parameters
    ----------
    weights : `given`, as the file says, or another way to weight, for all nodes whatever the file says.
    impute : how gaps of all indicators are filled, whatever the file says; None = as it says.
    """
    file = file if weights == "given" else reweighted(file, weights)
    children: dict[str, list[str]] = {}
    for node in file.nodes:
        children.setdefault(node.parent or file.id, []).append(node.id)
    level, order = {file.id: 0}, [file.id]
    for one in order:  # grows while it is walked: breadth first
        for child in children.get(one, ()):
            level[child] = level[one] + 1
            order.append(child)
    leaves = tuple(_leaf(project, file, node, impute) for node in file.nodes if node.indicator is not None)
    named = {node.id: node.name or node.id for node in file.nodes} | {leaf.node.id: leaf.name for leaf in leaves}
    found = {node: rule for node, rule in rules(file).items() if rule.children}
    return Framework(
        file,
        leaves,
        tuple(one for one in reversed(order) if one in children),
        {one: tuple(below) for one, below in children.items()},
        level,
        {node.id: 1.0 if weights == "equal" else node.weight for node in file.nodes},
        {node: rule.mean for node, rule in found.items()},
        _told_apart({file.id: file.name} | named),
        found,
    )


def reweighted(file: IndexFile, weights: str) -> IndexFile:
    """An index file with one way to weight all of its nodes.

    Raises
    ------
    UsageError : a node lacks what this way rests on, or its mean or the scores below it do not go with it.
    """
    nodes = tuple(node.model_copy(update={"weighting": None}) for node in file.nodes)
    file = file.model_copy(update={"weighting": weights, "nodes": nodes})
    wrong = [
        fault for fault in faults(file, TomlFile(f"index/{file.id}.toml", "", {}))
        if fault.code in ("CM109", "CM110") and fault.column not in ("weight", "nodes.weight")
    ]  # fmt: skip
    if wrong:
        said = "; ".join(dict.fromkeys(fault.message for fault in wrong))
        raise UsageError(f"--weights {weights}: {said}", where=f"index/{file.id}.toml", fix=wrong[0].fix)
    return file


def _leaf(project: Project, file: IndexFile, node: IndexNode, impute: Imputer | None) -> Leaf:
    meta = project.catalogue[node.indicator or ""]
    normaliser = node.normaliser or file.normaliser
    treatment = node.treatment or file.treatment or ("none" if normaliser in IN_UNITS else "rule")
    direction = node.direction or (meta.direction if node.result is None else 1)
    filled = impute or node.imputation or file.imputation
    return Leaf(node, meta, node.parent or file.id, direction, normaliser, treatment == "rule", filled)


Key = tuple[str, int]


@dataclass(frozen=True)
class Grown:
    """The framework as a `Tree`, with the weights of its nodes and the keys of its levels.

    A leaf that hangs higher than the others has a chain of nodes with itself alone: keys (leaf, 1), (leaf, 2) and so on.
    """

    tree: Tree
    weights: Floats
    levels: tuple[tuple[Key, ...], ...]


def grown(frame: Framework) -> Grown:
    """The tree of a framework, its leaves in the order of `Framework.leaves`."""
    depth = max(frame.level[leaf.node.id] for leaf in frame.leaves)
    parent = {child: one for one, below in frame.children.items() for child in below}
    paths = [_path(leaf.node.id, parent, depth) for leaf in frame.leaves]
    levels = [tuple(dict.fromkeys(path[k] for path in paths)) for k in range(depth + 1)]
    parents: list[Ints] = []
    for below, above in pairwise(levels):
        k = len(parents)
        over = {path[k]: path[k + 1] for path in paths}
        place = {key: at for at, key in enumerate(above)}
        parents.append(np.array([place[over[key]] for key in below], dtype=np.intp))
    top = {path_key: _is_top(path_key, paths) for path_key in {key for path in paths for key in path}}
    weights = [frame.weights[key[0]] if top[key] else 1.0 for keys in levels[:-1] for key in keys]
    return Grown(Tree(tuple(parents)), np.array(weights), tuple(levels))


def _path(leaf: str, parent: Mapping[str, str], depth: int) -> list[Key]:
    """Keys from a leaf to the index, `depth` + 1 of them."""
    above, one = [], leaf
    while one in parent:
        one = parent[one]
        above.append((one, 0))
    return [(leaf, step) for step in range(depth + 1 - len(above))] + above


def _is_top(key: Key, paths: Sequence[Sequence[Key]]) -> bool:
    """Whether a key is the last of its chain, the one that carries the weight."""
    return all((key[0], key[1] + 1) not in path for path in paths)
