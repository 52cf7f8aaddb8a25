"""Which composite index is asked for, and by which of the ways it can be measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from capmap.analyses import selection
from capmap.analyses.composite.build import Built, build
from capmap.analyses.composite.figures import figures
from capmap.analyses.composite.robust import Choices
from capmap.analyses.composite.scale import fitting
from capmap.analyses.composite.tree import framework
from capmap.data.nearest import nearest
from capmap.errors import UsageError
from capmap.model import Imputer, IndexFile, Project, Weighting

Weights = Weighting
Impute = Imputer
#: Which scale an index is put on.
Use = Literal["frozen", "fitting", "none"]
#: What `weights` and `impute` may be.
ALLOWED: dict[str, tuple[str, ...]] = {"weights": get_args(Weights), "impute": get_args(Imputer)}


def chosen(project: Project, id: str | None) -> IndexFile:  # noqa: A002 - the word of the index file
    """The index of this name, or the only one.

    Raises
    ------
    UsageError : the project has none of this name, or several and none is named.
    """
    known = sorted(project.indices)
    if not known:
        raise UsageError(
            "this project has no composite index",
            fix="write one: index/<id>.toml, as in the project of `capmap init DIR`",
        )
    if id is None and len(known) > 1:
        raise UsageError(f"this project has {len(known)} indices", fix=f"name one: {', '.join(known)}")
    if id is not None and id not in project.indices:
        raise unknown("index", id, known)
    return project.indices[known[0] if id is None else id]


def unknown(what: str, value: object, known: Iterable[str]) -> UsageError:
    """The error about a word that is none of those known, with the nearest."""
    words = list(known)
    near = nearest(str(value), words)
    fix = f"did you mean {near[0]}?" if near else f"one of {', '.join(words)}"
    return UsageError(f"unknown {what} {value!r}", fix=fix)


def allowed(what: str, value: object) -> None:
    """Raises a UsageError unless `weights` or `impute` may have this value."""
    if value not in ALLOWED[what]:
        raise unknown(what, value, ALLOWED[what])


def measured(
    project: Project,
    file: IndexFile,
    year: selection.Year = "latest",
    *,
    weights: str = "given",
    impute: Imputer | None = None,
    max_age: int | None = None,
    mixed: bool = False,
    draws: int = 0,
    seed: int = 0,
    choices: Choices | None = None,
    scale: Use = "frozen",
) -> Built:
    """An index taken through all of its steps; options as `index`, and what the replicates vary.

    Parameters
    ----------
    scale : `frozen`, that of the project's file, where there is one; `fitting`, for an index that is changed from what it
        was then, for the indicators that it still fits; `none`, that of these figures.

    Raises
    ------
    UsageError, RefusedError : as `index`.
    """
    frame = framework(project, file, weights, impute)
    found = figures(project, frame, year, mixed=mixed)
    there = project.scales.get(file.id) if scale != "none" else None
    return build(
        frame, found, draws, seed, choices,
        max_age=file.imputation_max_age if max_age is None else max_age,
        kept=None if there is None else fitting(project, frame, there, strict=scale == "frozen"),
    )  # fmt: skip


def again(project: Project, file: IndexFile, asked: Mapping[str, Any], **changed: str) -> Built:
    """An index that is defined otherwise, measured as `asked` (parameters of `index`) but for what is `changed`.

    There are no replicates. The frozen scale is kept for the indicators that it still fits.
    """
    return measured(
        project, file, changed.get("year", asked["year"]), weights=changed.get("weights", asked["weights"]),
        impute=changed.get("impute", asked["impute"]), max_age=asked["max_age"], mixed=asked["allow_mixed_years"],
        seed=asked["seed"], scale="fitting" if asked["frozen"] else "none",
    )  # fmt: skip
