"""The steps of a composite index: screening, imputation, outliers, one scale, aggregation, and how sure the ranks are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capmap.analyses.index_tree import Framework, Grown, Leaf
from capmap.errors import RefusedError
from capmap.methods import aggregation, coherence, imputation, normalisation, robustness
from capmap.methods.normalisation import NORMALISERS, ConstantError
from capmap.methods.ranking import ranked

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Normalisers that the Monte Carlo tries beside the one of the index.
ALTERNATIVES = ("min_max", "z_score")
#: Ways to impute by the name a user gives.
IMPUTERS: dict[str, Callable[..., imputation.Imputation]] = {
    "mean": imputation.mean,
    "median": imputation.median,
    "em": imputation.em,
    "iterative": imputation.iterative,
}
#: Fewest values for the outlier rule: skewness and kurtosis of fewer say nothing.
LEAST_TREATED = 4


@dataclass(frozen=True)
class Column:
    """One indicator over all units: values after treatment, scores, and what was done."""

    treated: Floats
    score: Floats
    row: dict[str, Any]


@dataclass(frozen=True)
class Robust:
    """How the ranks of one period behave over the replicates; arrays are (n_units,) of those with a score."""

    ranks: robustness.RankUncertainty
    groups: list[str | None]
    options: dict[str, Any]


def screened(frame: Framework, values: Floats) -> coherence.Screening:
    """Which units are scored: enough of all indicators, and of those of each pillar.

    Raises
    ------
    RefusedError : an indicator without any value, or fewer than two units with enough.
    """
    empty = [leaf.node.id for leaf, column in zip(frame.leaves, values.T, strict=True) if np.isnan(column).all()]
    if empty:
        raise RefusedError(
            f"no region has a value of {', '.join(empty)}", fix="look at `capmap index --steps`, or take it out"
        )
    done = coherence.screen(values, frame.groups, min_unit=frame.file.min_coverage, min_group=frame.file.min_pillar)
    if done.kept.sum() < 2:
        raise RefusedError(
            f"{int(done.kept.sum())} of {len(values)} regions have enough of the indicators, and ranks need two",
            fix="lower min_coverage or min_pillar in the index file, or impute: --impute median",
        )
    return done


def imputed(values: Floats, how: str, seed: int) -> tuple[Floats, Bools]:
    """The table with its gaps filled as asked, and which cells are; `none` fills nothing."""
    if how == "none":
        return values, np.zeros(values.shape, np.bool_)
    done = IMPUTERS[how](values, **({"seed": seed} if how == "iterative" else {}))
    return done.values, done.imputed


def columns(frame: Framework, values: Floats) -> list[Column]:
    """Every indicator treated for outliers and put on its scale.

    Raises
    ------
    RefusedError : an indicator without spread or that its normaliser does not take; all of them are named.
    """
    done, refused = [], []
    for leaf, column in zip(frame.leaves, values.T, strict=True):
        try:
            done.append(_column(leaf, column))
        except ConstantError:
            refused.append(f"{leaf.node.id} has the same value everywhere")
        except ValueError as error:
            refused.append(f"{leaf.node.id}: {error}")
    if refused:
        raise RefusedError(
            "; ".join(refused), fix='take it out of the index, or give it `treatment = "none"` or another normaliser'
        )
    return done


def _column(leaf: Leaf, values: Floats) -> Column:
    known = values[~np.isnan(values)]
    row: dict[str, Any] = {"treatment": "none", "points": 0, "note": None}
    treated = values
    varied = not normalisation.is_near_constant(known)
    if leaf.treated and known.size < LEAST_TREATED:
        row["note"] = "few_values"
    elif leaf.treated:
        cure = normalisation.treat(values)
        treated = cure.values
        row |= {"treatment": cure.method, "points": int(cure.changed.sum()), "log_shift": cure.shift,
                "log_mirrored": cure.mirrored if cure.method == "log" else None}  # fmt: skip
        row["note"] = "treatment_failed" if cure.method == "failed" else None
    for when, these in (("before", known), ("after", treated[~np.isnan(treated)])):
        row[f"skewness_{when}"] = normalisation.skewness(these) if varied and known.size >= 3 else None
        row[f"excess_kurtosis_{when}"] = normalisation.excess_kurtosis(these) if varied and known.size >= 4 else None
    return Column(treated, scaled(leaf, treated, leaf.normaliser), row)


def scaled(leaf: Leaf, values: Floats, normaliser: str) -> Floats:
    """Values on a scale on which more is better."""
    options: dict[str, Any] = {}
    posts = leaf.node.goalposts or leaf.meta.goalposts
    if normaliser == "goalposts" and posts is not None:
        options = {"low": posts.low, "high": posts.high, "log": posts.log}
    elif normaliser == "distance_to_target":
        options = {"target": leaf.meta.target if leaf.node.target is None else leaf.node.target}
    elif normaliser == "rank":
        options = {"best": "low"}  # the larger rank is the better one, so that it can be added up
    return NORMALISERS[normaliser](values, direction=leaf.direction, **options)


def aggregated(frame: Framework, scores: Floats) -> dict[str, Floats]:
    """Scores of every node, (n_units,), from those of the indicators, (n_units, n_leaves), of one period.

    A node without enough of its children, two thirds of those of weight above 0, has no score.
    """
    known = {leaf.node.id: scores[:, k] for k, leaf in enumerate(frame.leaves)}
    for node in frame.inner:
        below = frame.children[node]
        weights = np.array([frame.weights[one] for one in below])
        known[node] = aggregation.MEANS[frame.means[node]](np.column_stack([known[one] for one in below]), weights)
    return known


def placed(values: Floats) -> Floats:
    """Ranks of values of any unit, 1 is the largest; those within 1e-9 of the largest magnitude are equal."""
    size = np.nanmax(np.abs(values), initial=0.0) if not np.isnan(values).all() else 0.0
    return ranked(values / size if size > 0 else values)


def effective(frame: Framework, grown: Grown) -> dict[str, float]:
    """Weight of each indicator in the index: the product of the shares along its branch."""
    found = robustness.effective_weights(grown.tree, grown.weights[np.newaxis])[0]
    return {leaf.node.id: float(weight) for leaf, weight in zip(frame.leaves, found, strict=True)}


def robust(
    frame: Framework,
    grown: Grown,
    values: Floats,
    done: Sequence[Column],
    units: NDArray[np.intp],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Robust:
    """Ranks of the units of a period over random choices of normaliser, treatment, weights, aggregation and indicators.

    Parameters
    ----------
    values : (n_all, n_leaves), before the treatment; the scale is that of all units, whatever their period.
    done : the indicators as the index has them.
    units : places of the period's units among them.
    """
    tables, named = _tables(frame, values, done)
    means, mean_names = _means(frame, grown)
    treatments = (
        ["as given", "none"] if any(one.row["treatment"] in ("winsorised", "log") for one in done) else ["as given"]
    )

    @cache
    def table(normaliser: int, treatment: int) -> Floats:
        found = tables(normaliser, treatment)[units]
        return found + float(aggregation.positive_shift(found))

    design = robustness.Design(
        grown.tree, grown.weights, normalisers=len(named), treatments=len(treatments), aggregations=len(means),
        leave_out=len(frame.leaves) > 1,
    )  # fmt: skip
    block = robustness.block_size(grown.tree, len(units))
    plans = robustness.draw_plans(design, draws, rng, block=block)
    found = robustness.rank_uncertainty(robustness.evaluator(table, grown.tree, means), plans)
    options = {
        "normaliser": named, "treatment": treatments, "aggregation": mean_names,
        "weights": f"each times 1 +- {robustness.SPREAD:g}",
        "left_out": ["nothing", *(leaf.node.id for leaf in frame.leaves)] if design.leave_out else ["nothing"],
    }  # fmt: skip
    return Robust(found, _letters(found), options)


def _tables(frame: Framework, values: Floats, done: Sequence[Column]) -> tuple[Callable[[int, int], Floats], list[str]]:
    """Normalised tables by normaliser and treatment, and the names of the normalisers: those that all indicators take."""
    own = sorted({leaf.normaliser for leaf in frame.leaves})
    varied = not any(normalisation.is_near_constant(column) for column in values.T)
    named = ["as given", *(name for name in ALTERNATIVES if own != [name] and varied)]
    treated = np.column_stack([one.treated for one in done])

    def make(normaliser: int, treatment: int) -> Floats:
        if normaliser == 0 and treatment == 0:
            return np.column_stack([one.score for one in done])
        base = treated if treatment == 0 else values
        kinds = [leaf.normaliser if normaliser == 0 else named[normaliser] for leaf in frame.leaves]
        return np.column_stack(
            [scaled(leaf, base[:, k], kind) for k, (leaf, kind) in enumerate(zip(frame.leaves, kinds, strict=True))]
        )

    return make, named


def _means(frame: Framework, grown: Grown) -> tuple[list[robustness.Aggregation], list[str]]:
    """The means of the index and the two alternatives, each once; chains of single children take any."""
    own = {frame.means[node] for node in frame.inner}
    named = [*(["as given"] if len(own) > 1 else []), "arithmetic", "geometric"]
    found = [
        grown.aggregation(frame.means) if name == "as given" else grown.tree.aggregation(name)  # type: ignore[arg-type]
        for name in named
    ]
    return found, named


def _letters(found: robustness.RankUncertainty) -> list[str | None]:
    """Letters of units that cannot be told apart; None for all where there are too many groups to show."""
    apart = robustness.told_apart(robustness.p_ahead(found.ahead, found.both))
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
