"""Predicting entry: models, how well a ranking or a probability foretold what came, and how sure that is.

A row is a candidate: a region that did not have a sector at some origin, with what was known then (`features`, (n, k),
NaN = unknown) and whether it entered later (`entered`, (n,) bool). A score is (n,) and higher where entry is expected
more; a probability is a score in [0, 1]. Rows of one region stand and fall together, so predictions are made by models
that never saw the region, and intervals come from drawing regions, not rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from capmap.methods.relatedness import PROXIMITIES, Normaliser, check_presence

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
#: Features (m, k) -> probabilities of entry (m,).
Predictor = Callable[[Floats], Floats]

Training = Literal["known_outcomes", "same_years"]
Letter = Literal["A", "B", "C", "D"]

#: Parts into which regions are divided; each is predicted by a model of the others.
FOLDS = 5
#: Entries known by an origin from which its model learns from those alone.
MIN_KNOWN = 30
#: Rows a model is fitted on; of more, as many are drawn at random.
MAX_ROWS = 50_000
#: Ends of the interval that a grade of A or B must have above 0, and of the central half that settles the sign.
INTERVAL, CENTRAL_HALF = (0.05, 0.95), (0.25, 0.75)
#: A grade of A needs a calibration error below this, and at least this many entries.
MAX_CALIBRATION_ERROR, MIN_ENTRIES_A = 0.05, 100
#: Difference of scores, relative to the largest, at or below which they are a tie.
ROUND_OFF = 1e-12
#: Thresholds gone through at a time when precision is resampled.
CHUNK = 2048


@dataclass(frozen=True)
class PrecisionAt:
    """Success of the lists of the k highest scores, one list for each group.

    `precision` is the mean over lists of the share that entered, `chance` the same for lists drawn at random; `hits`
    of the `listed` candidates entered, and `chance_hits` would have by chance. NaN and 0 without any list.
    """

    precision: float
    chance: float
    hits: float
    chance_hits: float
    listed: int


@dataclass(frozen=True)
class Calibration:
    """Predicted and observed shares of entry in bins of rising probability, (n_bins,) each.

    `low` and `high` are the smallest and largest probability in the bin, `n` its rows. `error` is the mean of
    |predicted - observed| over rows.
    """

    low: Floats
    high: Floats
    n: Ints
    predicted: Floats
    observed: Floats
    error: float


@dataclass(frozen=True)
class Grade:
    """How a model fared against the best baseline; `letter` is None where none can be given.

    `low` and `high` are the 5 % and 95 % quantiles of the gain over resamples (NaN without any); `gaining` of `draws`
    resamples have a gain above 0.
    """

    letter: Letter | None
    low: float
    high: float
    gaining: int
    draws: int


@dataclass(frozen=True)
class Rolling:
    """Probabilities (n,) by models that never saw the region or the time after; NaN where nothing was there to learn from.

    `training` says for each origin what its models learnt from: `known_outcomes`, rows whose outcome was known by
    then, or `same_years`, rows of other regions up to the same origin, which share the shocks of the years predicted.
    """

    probability: Floats
    training: dict[int, Training]


@dataclass(frozen=True)
class Probabilities:
    """Probability of entry and its range over draws of regions, (m,) each: `low` <= `probability` <= `high`."""

    probability: Floats
    low: Floats
    high: Floats


# --- how well a score ranked --------------------------------------------------------------------------------------


def roc_auc(entered: Bools, score: Floats) -> float:
    """Probability that a row that entered has a higher score than one that did not; a tie counts as half.

    Parameters
    ----------
    entered : (n,) bool array.
    score : (n,) array without NaN.

    Returns
    -------
    In [0, 1]; 0.5 = no better than chance. NaN where all rows or none entered.

    References
    ----------
    Hanley & McNeil (1982), Radiology 143(1), 29-36.

    Examples
    --------
    Of four pairs, one is the wrong way round:

    >>> roc_auc(np.array([True, False, True, False]), np.array([0.9, 0.6, 0.4, 0.2]))
    0.75
    """
    from sklearn.metrics import roc_auc_score

    _check(entered, score)
    return float(roc_auc_score(entered, score)) if entered.any() and not entered.all() else float("nan")


def average_precision(entered: Bools, score: Floats) -> float:
    """Area under the curve of precision against recall, as average precision: sum_t (R_t - R_t-1) P_t.

    The sum is over distinct scores, so that ties are taken together; nothing is interpolated.

    Parameters
    ----------
    entered, score : as `roc_auc`.

    Returns
    -------
    In (0, 1]; a score that says nothing reaches the base rate. NaN where no row entered.

    References
    ----------
    Davis & Goadrich (2006), Proc. 23rd International Conference on Machine Learning, 233-240.

    Examples
    --------
    (1/1 + 2/3) / 2:

    >>> average_precision(np.array([True, False, True, False]), np.array([0.9, 0.6, 0.4, 0.2]))
    0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    _check(entered, score)
    return float(average_precision_score(entered, score)) if entered.any() else float("nan")


def resampled_average_precision(entered: Bools, score: Floats, group: Ints, weights: Floats) -> Floats:
    """Average precision of many samples of whole groups: exactly what repeating their rows would give.

    Precision changes only where a row that entered stands, so the counts of groups above those thresholds, times the
    weights, are all that is needed.

    Parameters
    ----------
    entered, score : as `roc_auc`.
    group : (n,) integer codes from 0, such as regions.
    weights : (draws, n_groups) how often each group is in each sample.

    Returns
    -------
    (draws,) array; NaN for a sample in which no row entered.

    Raises
    ------
    ValueError : the arrays do not fit.

    Examples
    --------
    Both groups once, and the second one twice and alone:

    >>> e, s = np.array([True, False, True, False]), np.array([0.9, 0.6, 0.4, 0.2])
    >>> resampled_average_precision(e, s, np.array([0, 0, 1, 1]), np.array([[1.0, 1.0], [0.0, 2.0]])).round(3).tolist()
    [0.833, 1.0]
    """
    _check(entered, score)
    draws, n_groups = weights.shape
    if group.shape != score.shape or (group.size and (group.min() < 0 or group.max() >= n_groups)):
        raise ValueError(f"group must hold a code below {n_groups} for each of {score.size} rows")
    fallen = -np.unique(-score[entered])  # distinct scores of rows that entered, highest first
    place = np.searchsorted(-fallen, -score)  # first threshold that a row reaches
    order = np.argsort(place, kind="stable")
    place, entered, group = place[order], entered[order], group[order]
    rows_above, entries_above = np.zeros(n_groups), np.zeros(n_groups)
    area, before = np.zeros(draws), np.zeros((1, draws))
    for start in range(0, fallen.size, CHUNK):
        stop = min(start + CHUNK, fallen.size)
        rows = slice(*np.searchsorted(place, [start, stop]))
        key, shape = (place[rows] - start) * n_groups + group[rows], (stop - start, n_groups)
        size = shape[0] * n_groups
        n = np.bincount(key, minlength=size).reshape(shape).cumsum(axis=0) + rows_above
        hits = np.bincount(key[entered[rows]], minlength=size).reshape(shape).cumsum(axis=0) + entries_above
        rows_above, entries_above = n[-1], hits[-1]
        n, hits = n @ weights.T, hits @ weights.T
        precision = np.divide(hits, n, out=n, where=n > 0)
        area += (np.diff(hits, axis=0, prepend=before) * precision).sum(axis=0)
        before = hits[-1:]
    total = entries_above @ weights.T
    return np.asarray(np.divide(area, total, out=np.full(draws, np.nan), where=total > 0))


def tied(score: Floats) -> Floats:
    """Dense ranks of a score from 0 for the lowest, in which scores equal but for round-off are a tie.

    A density is a sum, and its last bits depend on the order of the sectors; no ranking should.

    Parameters
    ----------
    score : (n,) array; NaN = unknown, which comes last (rank 0, with all others from 1).

    Returns
    -------
    (n,) array of whole numbers.

    Examples
    --------
    >>> tied(np.array([0.3, 0.1 + 0.2, 0.5, 0.1])).tolist(), tied(np.array([0.3, np.nan])).tolist()
    ([1.0, 1.0, 2.0, 0.0], [1.0, 0.0])
    """
    known = np.flatnonzero(~np.isnan(score))
    order = known[np.argsort(score[known], kind="stable")]
    result = np.zeros(score.shape)
    if known.size:
        bar = ROUND_OFF * np.abs(score[order[[0, -1]]]).max()
        steps = np.cumsum(np.diff(score[order], prepend=score[order[0]]) > bar)
        result[order] = steps + (known.size < score.size)
    return result


def precision_at(entered: Bools, score: Floats, group: Ints, k: int) -> PrecisionAt:
    """Share that entered among the k highest scores of each group, averaged over the groups that have any row.

    Ties at the k-th place are broken at random, and the value is the expectation over that: the order of the rows
    never decides. A group of fewer than k rows is a shorter list.

    Parameters
    ----------
    entered, score : as `roc_auc`.
    group : (n,) integer codes; one list each, such as a region at an origin.
    k : length of a list.

    Returns
    -------
    PrecisionAt.

    Raises
    ------
    ValueError : the arrays do not fit, or k is below 1.

    Examples
    --------
    The first list has one hit in two; in the second, one of two ties that fill its last place entered:

    >>> e, s = np.array([1, 0, 1, 1, 0, 0], bool), np.array([3.0, 2.0, 1.0, 5.0, 5.0, 7.0])
    >>> precision_at(e, s, np.array([0, 0, 0, 1, 1, 1]), 2).precision
    0.375
    """
    _check(entered, score)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if group.shape != score.shape:
        raise ValueError(f"group {group.shape} and score {score.shape} do not fit")
    if not score.size:
        return PrecisionAt(float("nan"), float("nan"), 0.0, 0.0, 0)
    order = np.lexsort((-score, group))
    group, score = group[order], score[order]
    hit = entered[order].astype(np.float64)
    new_list = np.r_[True, group[1:] != group[:-1]]
    first = np.flatnonzero(new_list)
    size = np.diff(np.r_[first, group.size])
    new_tie = new_list | np.r_[True, score[1:] != score[:-1]]
    tie = np.flatnonzero(new_tie)
    tie_size = np.diff(np.r_[tie, group.size])
    expected = np.repeat(np.add.reduceat(hit, tie) / tie_size, tie_size)
    listed = np.minimum(size, k)
    top = np.arange(group.size) - np.repeat(first, size) < k
    hits = np.add.reduceat(np.where(top, expected, 0.0), first)
    share = np.add.reduceat(hit, first) / size
    return PrecisionAt(
        float((hits / listed).mean()),
        float(share.mean()),
        float(hits.sum()),
        float((share * listed).sum()),
        int(listed.sum()),
    )


# --- how true a probability was -----------------------------------------------------------------------------------


def brier(entered: Bools, probability: Floats) -> float:
    """Mean squared difference of probability and outcome; NaN without rows.

    References
    ----------
    Brier (1950), Monthly Weather Review 78(1), 1-3.

    Examples
    --------
    >>> round(brier(np.array([True, False]), np.array([0.8, 0.4])), 10)
    0.1
    """
    from sklearn.metrics import brier_score_loss

    _check(entered, probability)
    return float(brier_score_loss(entered, probability, labels=[False, True])) if entered.size else float("nan")


def calibration(entered: Bools, probability: Floats, bins: int = 10) -> Calibration:
    """Predicted against observed shares of entry in bins of about as many rows each.

    Bins of equal width would put all rare events into the first. Equal probabilities are never divided, so there may
    be fewer bins than asked for, and no empty one is returned.

    Parameters
    ----------
    entered : (n,) bool array.
    probability : (n,) array in [0, 1].
    bins : most bins.

    Returns
    -------
    Calibration, with the expected calibration error; no bins and NaN without rows.

    Raises
    ------
    ValueError : the arrays do not fit, a probability lies outside [0, 1], or there is no bin.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), Proc. 29th AAAI Conference on Artificial Intelligence, 2901-2907.

    Examples
    --------
    Two bins, out by 0.1 and by 0.3:

    >>> c = calibration(np.array([0, 0, 1, 1], bool), np.array([0.1, 0.1, 0.7, 0.7]), bins=2)
    >>> c.n.tolist(), c.observed.tolist(), round(c.error, 10)
    ([2, 2], [0.0, 1.0], 0.2)
    """
    _check(entered, probability)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    if not entered.size:
        return Calibration(np.empty(0), np.empty(0), np.empty(0, np.intp), np.empty(0), np.empty(0), float("nan"))
    if probability.min() < 0 or probability.max() > 1:
        raise ValueError("a probability must lie in [0, 1]")
    order = np.argsort(probability, kind="stable")
    p, hit = probability[order], entered[order].astype(np.float64)
    edges = p[np.arange(1, bins) * p.size // bins]  # first probability of the second bin and of those after it
    _, first, n = np.unique(np.searchsorted(edges, p, side="right"), return_index=True, return_counts=True)
    low, high = p[first], p[first + n - 1]
    predicted = np.clip(np.add.reduceat(p, first) / n, low, high)
    observed = np.add.reduceat(hit, first) / n
    error = float((n * np.abs(predicted - observed)).sum() / p.size)
    return Calibration(low, high, n.astype(np.intp), predicted, observed, error)


# --- how sure that is ---------------------------------------------------------------------------------------------


def resamples(n_groups: int, draws: int, rng: np.random.Generator) -> Floats:
    """How often each group is drawn when as many groups as there are are drawn with replacement: (draws, n_groups).

    Each row adds up to `n_groups`. Groups are the blocks of the bootstrap, so that rows of one region stay together.

    References
    ----------
    Davison & Hinkley (1997), Bootstrap Methods and their Application, ch. 3 (cluster sampling).
    """
    if n_groups < 1 or draws < 0:
        raise ValueError(f"cannot draw {draws} times from {n_groups} groups")
    return rng.multinomial(n_groups, np.full(n_groups, 1.0 / n_groups), size=draws).astype(np.float64)


def interval(values: Floats) -> tuple[float, float]:
    """5 % and 95 % quantiles of resampled values; NaN values are left out, NaN if none is left."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, INTERVAL)
    return float(low), float(high)


def grade(gain: float, gains: Floats, calibration_error: float, entries: int) -> Grade:
    """Grade of a model by its average precision less that of the best baseline.

    - A: the 90 % interval of the gain lies above 0, the calibration error is below 0.05 and 100 or more entered.
    - B: the 90 % interval lies above 0.
    - C: a gain that is likely but not certain: the 90 % interval reaches 0 or below, its central half lies above 0.
    - D: not better: no gain, and the central half of the resamples has none either.
    - None: the interval spans two grades. Its central half holds both gains and losses (or contradicts the point
      estimate), so that C and D fit equally well.

    Taken literally, no grade "when the interval spans two grades" would leave no C: the 90 % interval of a C always
    reaches below 0, which is where D begins. So the 90 % interval decides whether a gain is certain, and the central
    half whether its sign can be told at all. A model that ranks like the baseline gains 0 in every resample and is a D.

    Parameters
    ----------
    gain : of the sample itself.
    gains : (draws,) of resamples, each against the best baseline of the same resample; NaN = none.
    calibration_error : of the model, in [0, 1].
    entries : rows that entered.

    Returns
    -------
    Grade; the letter is None as well where there are no resamples or no gain is known.

    Examples
    --------
    >>> grade(0.1, np.linspace(0.05, 0.15, 21), 0.02, 150).letter, grade(0.1, np.linspace(0.05, 0.15, 21), 0.02, 99).letter
    ('A', 'B')
    >>> [grade(g, np.linspace(g - 0.1, g + 0.1, 21), 0.02, 150).letter for g in (0.08, 0.01, -0.08)]
    ['C', None, 'D']
    """
    known = gains[~np.isnan(gains)]
    if not known.size or np.isnan(gain):
        return Grade(None, float("nan"), float("nan"), 0, 0)
    low, high = interval(known)
    quarter, three_quarters = np.quantile(known, CENTRAL_HALF)
    letter: Letter | None = None
    if gain > 0 and low > 0:
        letter = "A" if calibration_error < MAX_CALIBRATION_ERROR and entries >= MIN_ENTRIES_A else "B"
    elif gain > 0 and quarter > 0:
        letter = "C"
    elif gain <= 0 and three_quarters <= 0:
        letter = "D"
    return Grade(letter, low, high, int(np.count_nonzero(known > 0)), known.size)


# --- models -------------------------------------------------------------------------------------------------------


def _logistic(seed: int) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, solver="newton-cholesky", random_state=seed),
    )


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=1.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip


#: Models by name: logistic regression (L2 penalty of 1 on standardised features, a missing one at its median) and
#: gradient-boosted trees on histograms (80 trees of 8 leaves, missing values a branch of their own).
MODELS: dict[str, Callable[[int], Any]] = {"logistic": _logistic, "boosting": _boosting}


def fit(model: str, features: Floats, entered: Bools, *, seed: int, weights: Floats | None = None) -> Predictor:
    """Probability of entry as a function of features.

    Parameters
    ----------
    model : one of `MODELS`.
    features : (n, k) array; NaN = unknown.
    entered : (n,) bool array.
    seed : of the model.
    weights : (n,) how often each row counts; None = once.

    Returns
    -------
    Function of an (m, k) array. A feature that is unknown in every row plays no part. Where all rows or none entered,
    or no feature is known, it is the share that entered, whatever is asked.

    Raises
    ------
    ValueError : the model is unknown, the arrays do not fit, or there is no row.
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, not {model!r}")
    if features.ndim != 2 or len(features) != len(entered) or not len(entered):
        raise ValueError(f"features {features.shape} and entered {entered.shape} do not fit or are empty")
    if weights is not None:
        kept = weights > 0
        features, entered, weights = features[kept], entered[kept], weights[kept]
    known = ~np.isnan(features).all(axis=0)
    if not entered.any() or entered.all() or not known.any():
        share = float(np.average(entered, weights=weights))
        return lambda asked: np.full(len(asked), share)
    estimator, features = MODELS[model](seed), features[:, known]
    asked_for: dict[str, Floats] = {}
    if weights is not None:
        steps = ("standardscaler__", "logisticregression__") if model == "logistic" else ("",)
        asked_for = {f"{step}sample_weight": weights for step in steps}
    with _threads(model).limit(limits=1):
        estimator.fit(features, entered, **asked_for)

    def predict(asked: Floats) -> Floats:
        with _threads(model).limit(limits=1):
            return np.asarray(estimator.predict_proba(asked[:, known])[:, 1], np.float64)

    return predict


def folds(group: Ints, seed: int, n: int = FOLDS) -> Ints:
    """Fold of each row, (n_rows,), from 0: groups are dealt at random, and no group is in two folds.

    Fewer groups than folds are a fold each. The fold of a group depends on the groups there are and on nothing else.

    Raises
    ------
    ValueError : fewer than two groups.
    """
    from sklearn.model_selection import GroupKFold

    n_groups = np.unique(group).size
    if n_groups < 2:
        raise ValueError("cross-validation by group needs at least two groups")
    result = np.empty(len(group), np.intp)
    divider = GroupKFold(n_splits=min(n, n_groups), shuffle=True, random_state=seed)
    for k, (_, rows) in enumerate(divider.split(np.empty((len(group), 1)), groups=group)):
        result[rows] = k
    return result


def rolling_predictions(
    model: str,
    features: Floats,
    entered: Bools,
    fold: Ints,
    origin: Ints,
    known_at: Ints,
    *,
    seed: int,
    min_known: int = MIN_KNOWN,
) -> Rolling:
    """Out-of-fold probabilities with a rolling origin: no model saw the region it predicts, nor an origin after it.

    For each origin t, if at least `min_known` rows entered whose outcome was known by t, the models learn from rows
    known by then (`known_outcomes`): what somebody could have done at t. Otherwise they learn from all origins up to t
    (`same_years`): of other regions, but in the same years, so that shocks common to all regions are shared.

    Parameters
    ----------
    model : one of `MODELS`.
    features : (n, k) array; NaN = unknown.
    entered : (n,) bool array.
    fold : (n,) fold of the row's region, of `folds`.
    origin : (n,) period in which the row was a candidate.
    known_at : (n,) period in which its outcome was known, after `origin`.
    seed : of models, and of the rows drawn where a model would learn from more than 50,000.

    Returns
    -------
    Rolling.

    Raises
    ------
    ValueError : the model is unknown, or an outcome was known before its origin ended.
    """
    if (known_at <= origin).any():
        raise ValueError("an outcome must be known after its origin")
    probability = np.full(len(entered), np.nan)
    training: dict[int, Training] = {}
    for t in np.unique(origin).tolist():
        past = known_at <= t
        training[t] = "known_outcomes" if np.count_nonzero(entered & past) >= min_known else "same_years"
        seen = past if training[t] == "known_outcomes" else origin <= t
        now = origin == t
        for k in np.unique(fold[now]).tolist():
            rows = _at_most(np.flatnonzero(seen & (fold != k)), np.random.default_rng([seed, t, k]))
            if rows.size:
                asked = now & (fold == k)
                probability[asked] = fit(model, features[rows], entered[rows], seed=seed)(features[asked])
    return Rolling(probability, training)


def entry_probabilities(
    model: str, features: Floats, entered: Bools, group: Ints, asked: Floats, *, draws: int, seed: int
) -> Probabilities:
    """Probability of entry of new candidates, with the range that drawing other regions to learn from would give.

    Parameters
    ----------
    model : one of `MODELS`.
    features, entered : (n, k) and (n,) rows to learn from; at most 50,000, drawn at random, are used.
    group : (n,) codes of their regions.
    asked : (m, k) features of the candidates.
    draws : of regions with replacement, a model each.
    seed : of models and draws.

    Returns
    -------
    Probabilities: 5 % and 95 % quantiles over draws, widened to hold the probability where they do not. The range
    shows what the model's coefficients depend on, not whether the model is the right one.
    """
    rng = np.random.default_rng(seed)
    rows = _at_most(np.arange(len(entered)), rng)
    features, entered = features[rows], entered[rows]
    groups, group = np.unique(group[rows], return_inverse=True)
    drawn = np.empty((draws, len(asked)))
    point = fit(model, features, entered, seed=seed)(asked)
    for draw, weights in enumerate(resamples(groups.size, draws, rng)):
        drawn[draw] = fit(model, features, entered, seed=seed, weights=weights[group])(asked)
    if not draws or not len(asked):
        return Probabilities(point, np.full(point.shape, np.nan), np.full(point.shape, np.nan))
    low, high = np.quantile(drawn, INTERVAL, axis=0, overwrite_input=True)
    return Probabilities(point, np.minimum(low, point), np.maximum(high, point))


# --- what a region is near to, seen without it --------------------------------------------------------------------


def outlook_without_self(
    presence: Bools,
    pci: Floats,
    method: str = "minimum_conditional",
    *,
    diagonal: float = 0.0,
    normaliser: Normaliser = "destination",
) -> tuple[Floats, Floats]:
    """Density and outlook gain of each region, with proximities computed from all regions but itself.

    For sectors that the region does not hold, leaving it out changes no co-occurrence: it only takes 1 off the
    ubiquity of the sectors it holds. So one further matrix, of proximities with that 1 taken off the sector held,
    serves all regions, and nothing is computed region by region.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    pci : (n_sectors,) complexity of the sectors; NaN = none, and no part in the gain.
    method : one of `relatedness.PROXIMITIES`.
    diagonal, normaliser : as `relatedness.proximity` and `relatedness.outlook_gain`.

    Returns
    -------
    density, gain : (n_regions, n_sectors) arrays as `relatedness.density` and `relatedness.outlook_gain`; NaN for
        sectors that the region holds.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or an option is unknown.

    Examples
    --------
    Without the first region, the first sector has one region left and so has all of its links with the third:

    >>> m = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]], bool)
    >>> density, _ = outlook_without_self(m, np.zeros(3))
    >>> density[0].tolist()
    [nan, nan, 1.0]
    """
    check_presence(presence)
    if method not in PROXIMITIES or normaliser not in {"destination", "origin"}:
        raise ValueError(f"unknown proximity {method!r} or normaliser {normaliser!r}")
    held = presence.astype(np.float64)
    u = held.sum(axis=0)
    others = max(int(presence.any(axis=1).sum()) - 1, 1)
    links = held.T @ held
    less = PROXIMITIES[method](links.copy(), np.maximum(u - 1.0, 0.0), u, others)  # rows: sectors held by the region
    links = PROXIMITIES[method](links, u, u, others)
    np.fill_diagonal(links, np.where(u > 0, diagonal, 0.0))
    near = held @ less
    absent = 1.0 - held
    total = near + absent @ links
    linked = (total > 0) & ~presence
    density = np.divide(near, total, out=np.full(total.shape, np.nan), where=linked)
    weight = absent * np.nan_to_num(pci, nan=0.0)
    if normaliser == "destination":
        weight = np.divide(weight, total, out=np.zeros(total.shape), where=linked)
    gain = weight @ links
    if normaliser == "origin":
        np.divide(gain, total, out=gain, where=linked)
    return np.minimum(density, 1.0), np.where(linked & presence.any(axis=1, keepdims=True), gain, np.nan)


@cache
def _threads(model: str) -> Any:
    """What limits a model to one thread: sums have one order on every machine, and none waits for another on a busy one."""
    from sklearn.utils.parallel import ThreadpoolController

    MODELS[model](0)  # loads the libraries whose threads are to be found
    return ThreadpoolController()


def _at_most(rows: Ints, rng: np.random.Generator) -> Ints:
    """These rows, or as many of them as a model is fitted on."""
    return rows if rows.size <= MAX_ROWS else np.sort(rng.choice(rows, MAX_ROWS, replace=False, shuffle=False))


def _check(entered: Bools, score: Floats) -> None:
    if entered.dtype != np.bool_ or entered.ndim != 1 or entered.shape != score.shape:
        raise ValueError(f"entered must be bool and of one shape with the score: {entered.shape}, {score.shape}")
    if np.isnan(score).any():
        raise ValueError("a score must not be NaN")
