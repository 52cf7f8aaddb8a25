"""How sure the ranks of a composite index are: replicates over choices that could have been made otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from capmap.analyses.composite import imputation
from capmap.analyses.composite.means import formula
from capmap.analyses.composite.scale import scaled
from capmap.analyses.composite.steps import Column
from capmap.analyses.composite.tree import Framework, Grown
from capmap.data.nearest import nearest
from capmap.errors import UsageError
from capmap.methods import normalisation, robustness
from capmap.methods.robustness import SPREAD, Formula, WeightRule
from capmap.methods.sensitivity import RankSensitivity, rank_sensitivity, varying

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: Normalisers that the replicates try beside the one of the index.
ALTERNATIVES = ("min_max", "z_score")
#: Means that the replicates try beside the one of the index, and others that they try when asked.
MEANS, ON_REQUEST = ("arithmetic", "geometric"), ("copeland",)
#: Rules by which weights vary, as a user names them.
RULES = tuple(rule for rule in get_args(WeightRule) if rule != "fixed")


@dataclass(frozen=True)
class Choices:
    """What the replicates vary, `vary` of `robustness.FACTORS`, how weights vary, and which means they try besides."""

    vary: tuple[str, ...] = robustness.FACTORS
    rule: WeightRule = "perturbed"
    spread: float = SPREAD
    concentration: float = 1.0
    beside: tuple[str, ...] = ()

    @classmethod
    def of(cls, vary: Sequence[str], rule: str, spread: float, concentration: float, beside: Sequence[str]) -> Choices:
        """The choices as a user names them; nothing to vary means all.

        Raises
        ------
        UsageError : with all that is wrong.
        """
        vary = tuple(vary) or robustness.FACTORS
        wrong = [
            *_unknown("choice to vary", vary, robustness.FACTORS), *_unknown("rule of weights", [rule], RULES),
            *_unknown("mean to try", beside, ON_REQUEST),
        ]  # fmt: skip
        if not 0 <= spread < 1:
            wrong.append("the spread must be from 0 to below 1")
        if not 0 < concentration < np.inf:
            wrong.append("the concentration must be above 0")
        if beside and "aggregation" not in vary:
            wrong.append(f"{beside[0]} is a mean to try, but aggregation is not to vary")
        if wrong:
            raise UsageError("; ".join(wrong), fix="see --vary, --with, --weight-rule, --spread and --concentration")
        return cls(tuple(vary), cast("WeightRule", rule), spread, concentration, tuple(beside))


def _unknown(what: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    wrong = [(name, nearest(name, known)) for name in given if name not in known]
    return [
        f"unknown {what} {name!r}, {f'did you mean {near[0]}?' if near else 'one of ' + ', '.join(known)}"
        for name, near in wrong
    ]


@dataclass(frozen=True)
class Robust:
    """How the ranks of one period behave over the replicates; arrays are (n_units,) of those with a score."""

    ranks: robustness.RankUncertainty
    groups: list[str | None]
    alike: Ints  #: number of the others that each cannot be told apart from
    options: dict[str, Any]


@dataclass(frozen=True)
class Model:
    """The index of one period as a function of the choices, and the names of the options of each."""

    design: robustness.Design
    evaluate: Callable[[robustness.Plan], Floats]
    options: dict[str, Any]
    block: int


def model(
    frame: Framework, grown: Grown, values: Floats, done: Sequence[Column], units: Ints, choices: Choices
) -> Model:
    """The index as a function of normaliser, treatment, weights, aggregation and the indicator left out.

    The first option of each choice is that of the index itself, so that the plan of first options gives its scores. The
    tables of the other normalisers are put on the range of the index's own, by one linear map of all their values.

    Parameters
    ----------
    values : (n_all, n_leaves), before the treatment; the scale is that of all units, whatever their period.
    done : the indicators as the index has them.
    units : places of the period's units among them.
    """
    vary = set(choices.vary)
    tables, normalisers = _tables(frame, values, done, vary)
    means, mean_names = _means(frame, grown, choices)
    treated = "treatment" in vary and any(one.row["treatment"] in ("winsorised", "log") for one in done)
    treatments = ["as given", "none"] if treated else ["as given"]
    rule: WeightRule = choices.rule if "weights" in vary else "fixed"
    design = robustness.Design(
        grown.tree, grown.weights, len(normalisers), len(treatments), len(means), rule, choices.spread,
        choices.concentration, leave_out="left_out" in vary and len(frame.leaves) > 1,
    )  # fmt: skip

    def table(normaliser: int, treatment: int) -> Floats:
        return tables(normaliser, treatment)[units]

    options = {
        "normaliser": normalisers, "treatment": treatments, "aggregation": mean_names, "weights": _weights(design),
        "left_out": ["nothing", *(leaf.node.id for leaf in frame.leaves)] if design.leave_out else ["nothing"],
    }  # fmt: skip
    evaluate = robustness.evaluator(table, grown.tree, means, positive=True)
    return Model(design, evaluate, options, robustness.block_size(grown.tree, len(units)))


def robust(
    frame: Framework,
    grown: Grown,
    values: Floats,
    done: Sequence[Column],
    units: Ints,
    *,
    draws: int,
    rng: np.random.Generator,
    choices: Choices | None = None,
) -> Robust:
    """Ranks of the units of a period over random choices; parameters as `model`."""
    made = model(frame, grown, values, done, units, choices or Choices())
    plans = robustness.draw_plans(made.design, draws, rng, block=made.block)
    with _one_thread():
        found = robustness.rank_uncertainty(made.evaluate, plans)
    apart = robustness.told_apart(robustness.p_ahead(found.ahead, found.both))
    return Robust(found, _letters(found, apart), (~apart).sum(axis=1) - 1, made.options)


def sensitivity(made: Model, nominal: Floats, points: int, rng: np.random.Generator) -> RankSensitivity | None:
    """Sobol indices of the ranks of a period, or None where nothing varies.

    Parameters
    ----------
    nominal : (n_units,) ranks of the index itself.
    points : base points, a power of two.
    """
    if not varying(made.design):
        return None
    with _one_thread():
        return rank_sensitivity(made.evaluate, made.design, nominal, points, rng, block=made.block)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small matrix products gain nothing from a second thread and lose much where other work holds its processor."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield


def _weights(design: robustness.Design) -> str:
    """How weights vary."""
    if design.rule == "dirichlet":
        return f"Dirichlet with concentration {design.concentration:g}"
    return "as given" if design.rule == "fixed" else f"each times 1 +- {design.spread:g}"


def _tables(
    frame: Framework, values: Floats, done: Sequence[Column], vary: set[str]
) -> tuple[Callable[[int, int], Floats], list[str]]:
    """Normalised tables by normaliser and treatment, and the names of the normalisers: those that all indicators take.

    As in the index, observed values alone set a scale.
    """
    own = sorted({leaf.normaliser for leaf in frame.leaves})
    varied = not any(normalisation.is_near_constant(values[one.observed, k]) for k, one in enumerate(done))
    named = ["as given", *(name for name in ALTERNATIVES if own != [name] and varied and "normaliser" in vary)]
    nominal = np.column_stack([one.score for one in done])
    treated = np.column_stack([one.treated for one in done])
    across = np.column_stack([one.across for one in done])

    moved = (treated != values) & ~np.isnan(values)  # what the treatment changed

    @cache
    def plain(normaliser: int, treatment: int) -> Floats:
        if normaliser == 0 and treatment == 0:
            return nominal
        base = treated if treatment == 0 else values
        kinds = [leaf.normaliser if normaliser == 0 else named[normaliser] for leaf in frame.leaves]
        return np.column_stack(
            [
                scaled(leaf, base[:, k], kind, observed=done[k].observed)
                if treatment == 0 or moved[:, k].any() else plain(normaliser, 0)[:, k]
                for k, (leaf, kind) in enumerate(zip(frame.leaves, kinds, strict=True))
            ]
        )  # fmt: skip

    def make(normaliser: int, treatment: int) -> Floats:
        try:
            table = imputation.across(frame, plain(normaliser, treatment), across)
        except ValueError:  # a normaliser that does not take these values: its replicates fail, and are counted
            return np.full(values.shape, np.nan)
        return table if normaliser == 0 else _on_range_of(nominal, table)

    return make, named


def _on_range_of(nominal: Floats, table: Floats) -> Floats:
    """The table by one linear map on the range of the nominal one."""
    low, high = np.nanmin(table), np.nanmax(table)
    wanted_low, wanted_high = np.nanmin(nominal), np.nanmax(nominal)
    span = high - low
    return wanted_low + (table - low) * ((wanted_high - wanted_low) / span if span > 0 else 1.0)


def _means(frame: Framework, grown: Grown, choices: Choices) -> tuple[list[robustness.Aggregation], list[str]]:
    """The aggregation of the index, and the alternatives to it."""
    own = {frame.means[node] for node in frame.inner if len(frame.children[node]) > 1} or {"arithmetic"}
    first = next(iter(own)) if len(own) == 1 else "as given"
    others = [name for name in (*MEANS, *choices.beside) if name != first] if "aggregation" in choices.vary else []
    found = [
        grown.tree.aggregation("arithmetic") if first == "arithmetic" else _as_given(frame, grown),
        *(
            robustness.Flat(robustness.copeland) if name in ON_REQUEST else grown.tree.aggregation(name)  # type: ignore[arg-type]
            for name in others
        ),
    ]  # fmt: skip
    return found, [first, *others]


def _as_given(frame: Framework, grown: Grown) -> robustness.Formulas:
    """The formula of each node; None in chains, where a leaf hangs higher than the others."""
    found = {node: formula(rule) for node, rule in frame.rules.items()}
    taken = {node: None if one is None else _or_nothing(one) for node, one in found.items()}
    return robustness.Formulas(
        tuple(tuple(taken.get(node) if step == 0 else None for node, step in keys) for keys in grown.levels[1:])
    )


def _or_nothing(formula: Formula) -> Formula:
    """A formula that has no score in a replicate whose values it does not take: that one fails, and is counted."""

    def tried(values: Floats, weights: Floats) -> Floats:
        try:
            return formula(values, weights)
        except ValueError:
            if values.ndim == 2 or len(weights) == 1:
                return np.full((len(weights), values.shape[-2]), np.nan)
            half = len(weights) // 2  # the one that fails is found by halves
            return np.concatenate([tried(values[:half], weights[:half]), tried(values[half:], weights[half:])])

    return tried


def _letters(found: robustness.RankUncertainty, apart: NDArray[np.bool_]) -> list[str | None]:
    """Letters of units that cannot be told apart; None for all where there are too many groups to show."""
    median = robustness.rank_quantile(found.counts, 0.5)
    try:
        groups = robustness.letter_groups(apart, median)
    except ValueError:
        return [None] * len(median)
    return [str(text) or None for text in robustness.letters(groups)]


def moved_by(found: Robust, unit: int, names: Mapping[str, str]) -> dict[str, Any]:
    """What moves a unit most: the choice, its share of the variance of the rank, the option and how far it shifts it."""
    moves, factor = found.ranks.moves, int(found.ranks.moves.most[unit])
    if factor < 0:
        return {"moved_by": None, "moved_share": None, "moved_to": None, "shift": None}
    name = robustness.FACTORS[factor]
    option, shift = int(moves.option[factor, unit]), float(moves.shift[factor, unit])
    to = None if name == "weights" else found.options[name][option + (name == "left_out")]
    return {
        "moved_by": name, "moved_share": float(moves.share[factor, unit]),
        "moved_to": names.get(to, to) if to is not None else None, "shift": None if np.isnan(shift) else shift,
    }  # fmt: skip
