"""The scale of a composite index: fitted to the figures observed, kept in a file, and put on the figures of later years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capmap import __version__
from capmap.analyses.composite.figures import Figures
from capmap.analyses.composite.results import conventions_behind
from capmap.analyses.composite.tree import Framework, Leaf
from capmap.data.scale import sealed
from capmap.errors import RefusedError
from capmap.methods import normalisation
from capmap.model import ColumnScale, LeafScale, Project, Scale

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Fewest values for the outlier rule: skewness and kurtosis of fewer say nothing.
LEAST_TREATED = 4


@dataclass(frozen=True)
class Kept:
    """The scale of an earlier run: its hash, the years of the index it was made of, and what it holds of each node."""

    hash: str
    periods: tuple[int | None, ...]
    leaves: Mapping[str, ColumnScale]
    shifts: Mapping[str, float]


def fitted(leaf: Leaf, observed: Floats) -> ColumnScale:
    """The scale that the observed values of an indicator set, (n,); NaN = not observed.

    Raises
    ------
    ConstantError, ValueError : no spread, more than half equal under the outlier rule, or the normaliser does not take them.
    """
    known = observed[~np.isnan(observed)]
    cure: dict[str, Any] = {"treatment": "none"}
    if leaf.treated and known.size >= LEAST_TREATED:
        found = normalisation.treat(known)
        cure = {"treatment": found.method, "low": found.low, "high": found.high, "shift": found.shift,
                "mirrored": found.mirrored}  # fmt: skip
    values = treated(ColumnScale(**cure, least=0, most=0), known)
    return ColumnScale(
        **cure,
        parameters=normalisation.parameters(values, leaf.normaliser, direction=_direction(leaf)),
        least=float(values.min()) if values.size else 0.0,
        most=float(values.max()) if values.size else 0.0,
    )


def treated(scale: ColumnScale, values: Floats) -> Floats:
    """Values with their outliers treated as the scale says.

    Raises
    ------
    ValueError : a value beyond the logarithm of a frozen scale.
    """
    return normalisation.treated(values, low=scale.low, high=scale.high, shift=scale.shift, mirrored=scale.mirrored)


def scaled(
    leaf: Leaf,
    values: Floats,
    normaliser: str,
    *,
    observed: Bools | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Floats:
    """Treated values on a scale on which more is better.

    Parameters
    ----------
    observed : which values set the scale; None = all that are not NaN.
    parameters : what the normaliser took from other values, which then set it; None = these ones.
    """
    direction = _direction(leaf)
    if parameters is None:
        own = values if observed is None else np.where(observed, values, np.nan)
        parameters = normalisation.parameters(own, normaliser, direction=direction)
    options: dict[str, Any] = dict(parameters)
    posts = leaf.goalposts
    if normaliser == "goalposts" and posts is not None:
        options |= {"low": posts.low, "high": posts.high, "log": posts.log}
    elif normaliser == "distance_to_target":
        options |= {"target": leaf.target}
    elif normaliser == "rank":
        options |= {"best": "low"}  # the larger rank is the better one, so that it can be added up
    return normalisation.NORMALISERS[normaliser](values, direction=direction, **options)


def outside(leaf: Leaf, scale: ColumnScale, values: Floats) -> tuple[int, int]:
    """How many treated values lie below and above those that set the scale, or beyond the goalposts."""
    low, high = scale.least, scale.most
    if leaf.normaliser == "goalposts" and leaf.goalposts is not None:
        low, high = leaf.goalposts.low, leaf.goalposts.high
    return int(np.count_nonzero(values < low)), int(np.count_nonzero(values > high))


def definition(project: Project, leaf: Leaf) -> dict[str, Any]:
    """What the scale of an indicator depends on beside the figures: where any of it changes the scale does not fit."""
    node, size = leaf.node, project.catalogue.get(leaf.node.per or "")
    told = {
        "indicator": leaf.meta.id, "unit": leaf.meta.unit, "sector": node.sector, "result": node.result, "per": node.per,
        "unit_per": size.unit if size else None, "direction": leaf.direction, "normaliser": leaf.normaliser,
        "treatment": "rule" if leaf.treated else "none",
        "goalposts": leaf.goalposts.model_dump() if leaf.normaliser == "goalposts" and leaf.goalposts else None,
        "target": leaf.target if leaf.normaliser == "distance_to_target" else None,
        "conventions": conventions_behind(project) if node.result else None,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value is not None}


def frozen(
    project: Project,
    frame: Framework,
    found: Figures,
    observed: Bools,
    scales: Sequence[ColumnScale],
    shifts: Mapping[str, float],
) -> Scale:
    """The scale of an index as it is kept: with what it depends on, whose figures set it, and a hash over all of it."""
    n = len(found.regions)
    leaves = []
    for k, (leaf, scale) in enumerate(zip(frame.leaves, scales, strict=True)):
        has = observed[:, k].reshape(len(found.periods), n)
        years = {found.years[period][leaf.node.id] for place, period in enumerate(found.periods) if has[place].any()}
        leaves.append(
            LeafScale(
                node=leaf.node.id, definition=definition(project, leaf),
                years=tuple(sorted(years, key=lambda y: -1 if y is None else y)),
                regions=tuple(found.regions[i] for i in np.flatnonzero(has.any(axis=0))), scale=scale,
            )
        )  # fmt: skip
    return sealed(
        {"capmap": __version__, "index": frame.root, "periods": found.periods, "leaves": leaves, "shifts": dict(shifts)}
    )


def fitting(project: Project, frame: Framework, scale: Scale, *, strict: bool = True) -> Kept:
    """The frozen scale of every indicator of an index; if not `strict`, of those alone that it fits.

    Raises
    ------
    RefusedError : the index or the catalogue says something else of an indicator than when the scale was frozen.
    """
    kept = {leaf.node: leaf for leaf in scale.leaves}
    said: dict[str, str] = {}
    for leaf in frame.leaves:
        own, then = definition(project, leaf), kept.get(leaf.node.id)
        if then is None:
            said[leaf.node.id] = "is not in it"
        elif changed := sorted(
            key for key in own.keys() | then.definition.keys() if own.get(key) != then.definition.get(key)
        ):
            said[leaf.node.id] = f"has another {', '.join(changed)}"
    if said and strict:
        reasons = "; ".join(f"{node} {reason}" for node, reason in said.items())
        raise RefusedError(
            f"the frozen scale of {frame.root} does not fit the index: {reasons}",
            where=f"{frame.root}.scale.json",
            fix=f"freeze it again: capmap index {frame.root} --freeze, or leave it out: --no-frozen",
        )
    fits = {leaf.node.id: kept[leaf.node.id].scale for leaf in frame.leaves if leaf.node.id not in said}
    return Kept(scale.hash, scale.periods, fits, scale.shifts if not said else {})


def _direction(leaf: Leaf) -> normalisation.Direction:
    return 1 if leaf.direction == 1 else -1
