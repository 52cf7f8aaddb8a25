"""Sensitivity of the ranks of a composite index: which choices their variance comes from, alone and together.

Sobol indices split the variance of an output among the factors of a model. `sobol_points` says where to run the model and
`sobol_indices` makes the indices of what came out; both take any model. `rank_sensitivity` runs the index itself: the
factors are the choices of `capmap.methods.robustness`, the outputs the rank of every unit and the mean shift in rank.

The standard sources are Saisana, Saltelli & Tarantola (2005), Journal of the Royal Statistical Society A 168(2), 307-323,
and Saltelli et al. (2010), Computer Physics Communications 181(2), 259-270.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capmap.methods.robustness import TIE, Design, Plan, draw_weights, plan_at, ranked_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

#: The factors of an index. Weights are two: those of indicators within their pillar, and those of the nodes above.
FACTORS: Final = ("normaliser", "treatment", "indicator_weights", "node_weights", "aggregation", "left_out")
#: Numbers in the largest array of a block of outputs: 16 MB.
_BLOCK = 2**21


@dataclass(frozen=True, eq=False)
class Sobol:
    """Sobol indices, all (n_factors, n_outputs): `first` and `total` order with their bootstrap intervals.

    `first` is the share of the variance of the output that the factor explains by itself, `total` with all its
    interactions. `used` counts the base points behind each `total`; of the `runs` of the model, `failed` (n_outputs,)
    gave no finite output.
    """

    first: Floats
    total: Floats
    first_low: Floats
    first_high: Floats
    total_low: Floats
    total_high: Floats
    used: Ints
    runs: int
    failed: Ints


@dataclass(frozen=True, eq=False)
class RankSensitivity:
    """Sobol indices of the ranks of an index.

    `factors` are those that have more than one option, in the order of `FACTORS`, and `indices` those of `n_units` + 1
    outputs: the rank of each unit, and last the mean over units of the distance from their nominal ranks.
    """

    factors: tuple[str, ...]
    indices: Sobol


def varying(design: Design) -> tuple[str, ...]:
    """The factors of a design that have more than one option, in the order of `FACTORS`.

    Weights vary where the rule is not `fixed` and a node has two children of weight above 0.

    >>> from capmap.methods.robustness import Tree
    >>> varying(Design(Tree((np.array([0, 0, 1]), np.array([0, 0]))), np.ones(5), normalisers=2, leave_out=False))
    ('normaliser', 'indicator_weights', 'node_weights')
    """
    shared = [
        bool((np.bincount(parent, weight > 0) > 1).any())
        for parent, weight in zip(design.tree.parents, design.tree.by_level(design.weights), strict=True)
    ]
    free = design.rule != "fixed"
    holds = {
        "normaliser": design.normalisers > 1, "treatment": design.treatments > 1,
        "indicator_weights": free and shared[0], "node_weights": free and any(shared[1:]),
        "aggregation": design.aggregations > 1, "left_out": design.candidates.size > 1,
    }  # fmt: skip
    return tuple(name for name in FACTORS if holds[name])


def rank_sensitivity(
    evaluate: Callable[[Plan], Floats],
    design: Design,
    nominal: Floats,
    n: int,
    rng: np.random.Generator,
    *,
    tie: float = TIE,
    block: int = 1024,
) -> RankSensitivity:
    """Sobol indices of the rank of every unit and of the mean shift in rank.

    Each factor of the design that has more than one option is one dimension, cut into as many equal parts as there are
    options. A set of weights is one option of `n`, drawn once by the rule of the design; those of indicators and those of
    the nodes above are chosen independently of each other. A factor that has one option is at it throughout.

    Parameters
    ----------
    evaluate : from a plan to (r, n_units) scores, as `robustness.evaluator`; NaN = no score.
    design : what may be chosen.
    nominal : (n_units,) ranks of the index as it is published; NaN = none.
    n : base points, a power of 2. The model runs n (number of factors + 2) times.
    rng : seeded generator.
    tie : as `robustness.rank_uncertainty`.
    block : runs that are evaluated together; it changes nothing but memory.

    Returns
    -------
    RankSensitivity. A run in which a unit has no rank has failed for that unit; one without any rank for all outputs.

    Raises
    ------
    ValueError : `n` is not a power of 2, nothing varies, or `nominal` does not fit.

    References
    ----------
    Saisana, Saltelli & Tarantola (2005), sections 3 and 4; OECD/JRC (2008), section 7.3.

    Examples
    --------
    The normaliser alone decides:

    >>> from capmap.methods.robustness import Tree, evaluator
    >>> tree, values = Tree((np.array([0]),)), np.array([[1.0], [2.0]])
    >>> scores = evaluator(lambda n, t: values if n == 0 else -values, tree, [tree.aggregation("arithmetic")])
    >>> design = Design(tree, np.array([1.0]), normalisers=2, leave_out=False)
    >>> found = rank_sensitivity(scores, design, np.array([2.0, 1.0]), 64, np.random.default_rng(1))
    >>> found.factors, found.indices.total.round(1).tolist(), found.indices.runs
    (('normaliser',), [[1.0, 1.0, 1.0]], 192)
    """
    factors = varying(design)
    if not factors:
        raise ValueError("nothing varies: every factor has one option")
    for_points, for_weights, for_bootstrap = rng.spawn(3)
    points = sobol_points(n, len(factors), for_points)
    sets = draw_weights(design, n, for_weights)
    outputs = np.empty((len(points), nominal.size + 1))
    for start in range(0, len(points), block):
        some = slice(start, start + block)
        ranks = ranked_rows(evaluate(plan_at(points[some], design, sets, factors)), tie=tie)
        if ranks.shape[1] != nominal.size:
            raise ValueError(f"{nominal.size} nominal ranks do not fit {ranks.shape[1]} units")
        outputs[some, :-1] = ranks
        outputs[some, -1] = _mean_shift(ranks, nominal)
    return RankSensitivity(factors, sobol_indices(outputs, len(factors), for_bootstrap))


def sobol_points(n: int, n_factors: int, rng: np.random.Generator) -> Floats:
    """Points at which to run a model for its Sobol indices: a scrambled Sobol sequence of 2 n_factors dimensions.

    Parameters
    ----------
    n : base points, a power of 2.
    n_factors : number of independent factors, uniform on [0, 1).
    rng : seeded generator.

    Returns
    -------
    (n (n_factors + 2), n_factors): A, then B, then for each factor A with the column of that factor taken from B.

    Raises
    ------
    ValueError : `n` is not a power of 2, or there is no factor.

    References
    ----------
    Saltelli et al. (2010), Computer Physics Communications 181(2), 259-270, section 5.

    Examples
    --------
    >>> sobol_points(4, 3, np.random.default_rng(1)).shape
    (20, 3)
    """
    from scipy.stats import qmc

    if n < 1 or n & (n - 1):
        raise ValueError(f"n must be a power of 2, not {n}")
    if n_factors < 1:
        raise ValueError("there must be at least one factor")
    both = qmc.Sobol(2 * n_factors, scramble=True, rng=rng).random(n)
    a, b = both[:, :n_factors], both[:, n_factors:]
    mixed = np.tile(a, (n_factors, 1, 1))
    each = np.arange(n_factors)
    mixed[each, :, each] = b.T
    return np.concatenate([a, b, mixed.reshape(-1, n_factors)])


def sobol_indices(
    outputs: Floats,
    n_factors: int,
    rng: np.random.Generator,
    *,
    level: float = 0.90,
    resamples: int = 1000,
) -> Sobol:
    """First-order and total Sobol indices from the outputs of a model at `sobol_points`.

    With outputs centred on their mean: S_i = mean f_B (f_ABi - f_A) / V, T_i = mean (f_A - f_ABi)^2 / (2 V), V the variance
    over A and B. These are the estimators of `scipy.stats.sobol_indices`; the difference is that a run may fail.

    Parameters
    ----------
    outputs : (n (n_factors + 2),) or (n (n_factors + 2), n_outputs) array in the order of the points, such as the rank of
        each unit, or the mean shift in rank. NaN or infinite = the run failed: it is left out of the sums it belongs to,
        and of no other.
    n_factors : number of factors.
    rng : seeded generator, for the bootstrap.
    level : of the intervals, in (0, 1).
    resamples : of the base points, at least 1; intervals are percentiles of the indices over them.

    Returns
    -------
    Sobol. NaN where the output does not vary, or where fewer than two base points are left. Estimates may lie a little
    below 0 or above 1; they are not clipped. Failed runs are taken to fail by chance: many of them are a finding.

    Raises
    ------
    ValueError : the outputs do not fit, `level` is outside (0, 1), or there are fewer than one resample.

    References
    ----------
    Saltelli et al. (2010), Computer Physics Communications 181(2), 259-270, table 2 (b) and (f); Jansen (1999), Computer
    Physics Communications 117(1), 35-43; Sobol' & Levitan (1999), the same, 52-61 (centring). Worked example: Ishigami &
    Homma (1990), whose indices are 0.3139, 0.4424, 0 and 0.5576, 0.4424, 0.2437.

    Examples
    --------
    y = 2 u + v: the variance of u counts four times that of v, and nothing interacts.

    >>> points = sobol_points(256, 2, np.random.default_rng(1))
    >>> result = sobol_indices(points @ [2.0, 1.0], 2, np.random.default_rng(1))
    >>> result.total[:, 0].round(2).tolist(), int(result.failed[0])
    ([0.8, 0.2], 0)
    """
    y = outputs[:, np.newaxis] if outputs.ndim == 1 else outputs
    n = len(y) // (n_factors + 2)
    if y.ndim != 2 or n_factors < 1 or n == 0 or len(y) != n * (n_factors + 2):
        raise ValueError(f"outputs {outputs.shape} do not fit {n_factors} factors")
    if not (0 < level < 1 and resamples >= 1):
        raise ValueError("level must be in (0, 1) and resamples at least 1")
    times = rng.multinomial(n, np.full(n, 1.0 / n), size=resamples).astype(np.float64)
    tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    width = max(1, _BLOCK // (n_factors * max(n, resamples)))  # outputs at a time
    parts = [_indices(y[:, k : k + width], n, times, tails) for k in range(0, y.shape[1], width)]
    first, total, first_low, first_high, total_low, total_high, used = (
        np.concatenate(some, axis=-1) for some in zip(*parts, strict=True)
    )
    failed = (~np.isfinite(y)).sum(axis=0)
    return Sobol(first, total, first_low, first_high, total_low, total_high, used.astype(np.intp), len(y), failed)


def _indices(y: Floats, n: int, times: Floats, tails: Sequence[float]) -> tuple[Floats, ...]:
    """First and total indices, the ends of their intervals, and the base points behind each total."""
    ran = np.isfinite(y)
    count = np.maximum(ran[: 2 * n].sum(axis=0), 1)
    y = np.where(ran, y, 0.0)
    y = np.where(ran, y - y[: 2 * n].sum(axis=0) / count, 0.0)
    a, b, mixed = y[:n], y[n : 2 * n], y[2 * n :].reshape(-1, n, y.shape[1])
    ran_a, ran_b, ran_mixed = ran[:n], ran[n : 2 * n], ran[2 * n :].reshape(mixed.shape)
    terms = _SobolTerms(
        b * (mixed - a) * (ran_a & ran_b & ran_mixed),
        ran_a & ran_b & ran_mixed,
        0.5 * (a - mixed) ** 2 * (ran_a & ran_mixed),
        ran_a & ran_mixed,
        a + b,
        a**2 + b**2,
        ran_a.astype(np.float64) + ran_b,
    )
    first, total = terms.indices(np.ones((1, n)))
    ends = (end for draws in terms.indices(times) for end in _quantiles(draws, tails))
    return first[0], total[0], *ends, (ran_a & ran_mixed).sum(axis=1)


def _mean_shift(ranks: Floats, nominal: Floats) -> Floats:
    """Mean distance from the nominal ranks over the units that have both, (r,); NaN without any."""
    distance = np.abs(ranks - nominal)
    known = ~np.isnan(distance)
    n = known.sum(axis=1)
    total = np.where(known, distance, 0.0).sum(axis=1)
    shift: Floats = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return shift


@dataclass(frozen=True, eq=False)
class _SobolTerms:
    """What the base points add to the indices: (n_factors, n, n_outputs) sums, (n, n_outputs) moments."""

    first: Floats
    in_first: Bools
    total: Floats
    in_total: Bools
    sum: Floats
    squares: Floats
    count: Floats

    def indices(self, times: Floats) -> tuple[Floats, Floats]:
        """First and total indices, each (r, n_factors, n_outputs), with every base point taken (r, n) times."""
        count = times @ self.count
        n = np.maximum(count, 1.0)
        variance = times @ self.squares / n - (times @ self.sum / n) ** 2
        # Centred squares: what is this small beside their mean is round-off of a constant.
        scale = self.squares.max(axis=0, initial=0.0)
        varies = (variance > 1e-20 * scale)[:, np.newaxis]
        result = []
        for terms, included in ((self.first, self.in_first), (self.total, self.in_total)):
            used = _summed(times, included) if not included.all() else times.sum(axis=1)[:, np.newaxis, np.newaxis]
            mean = _summed(times, terms) / np.maximum(used, 1.0)
            defined = varies & (used >= 2)
            result.append(np.divide(mean, variance[:, np.newaxis], out=np.full(mean.shape, np.nan), where=defined))
        return result[0], result[1]


def _summed(times: Floats, terms: NDArray[np.generic]) -> Floats:
    """Sums over base points, (r, n_factors, n_outputs), each taken (r, n) times, of (n_factors, n, n_outputs) terms."""
    found: Floats = np.swapaxes(times @ terms.astype(np.float64, copy=False), 0, 1)
    return found


def _quantiles(draws: Floats, tails: Sequence[float]) -> Floats:
    """Quantiles of the defined draws along the first axis; NaN where there are none."""
    none = np.isnan(draws).all(axis=0)
    found: Floats = np.nanquantile(np.where(none, 0.0, draws), tails, axis=0)
    return np.where(none, np.nan, found)
