"""Scores, calibration, grades and models against numbers by hand, slow definitions, and truths that are known."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from capmap.methods import prediction, relatedness

RNG = np.random.default_rng


def bools(text: str) -> np.ndarray[Any, Any]:
    return np.array([c == "1" for c in text])


# --- ranking ----------------------------------------------------------------------------------------------------


def test_roc_auc_counts_pairs() -> None:
    entered, score = bools("10110"), np.array([5.0, 4.0, 4.0, 2.0, 1.0])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[entered] for b in score[~entered]]
    assert prediction.roc_auc(entered, score) == pytest.approx(np.mean(pairs)) == pytest.approx(4.5 / 6)


def test_a_score_that_says_nothing_is_chance() -> None:
    entered, score = bools("1000100000"), np.zeros(10)
    assert prediction.roc_auc(entered, score) == 0.5
    assert prediction.average_precision(entered, score) == pytest.approx(0.2)
    top = prediction.precision_at(entered, score, np.zeros(10, np.intp), 3)
    assert top.precision == pytest.approx(0.2)
    assert top.hits == pytest.approx(0.6) == pytest.approx(top.chance_hits)


def test_undefined_where_only_one_outcome_occurs() -> None:
    score = np.array([0.1, 0.2])
    for entered in (bools("11"), bools("00")):
        assert np.isnan(prediction.roc_auc(entered, score))
    assert np.isnan(prediction.average_precision(bools("00"), score))
    assert prediction.average_precision(bools("11"), score) == 1.0


@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40),
    seed=st.integers(0, 999),
)
@settings(max_examples=60, deadline=None)
def test_resampled_average_precision_is_that_of_repeated_rows(rows: list[tuple[bool, int, int]], seed: int) -> None:
    entered = np.array([r[0] for r in rows])
    score, group = np.array([float(r[1]) for r in rows]), np.array([r[2] for r in rows])
    weights = RNG(seed).integers(0, 3, (5, 4)).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "CHUNK", 2)
        found = prediction.resampled_average_precision(entered, score, group, weights)
    for draw in range(5):
        times = weights[draw][group].astype(int)
        repeated, scores = np.repeat(entered, times), np.repeat(score, times)
        expected = average_precision_score(repeated, scores) if repeated.any() else np.nan
        np.testing.assert_allclose(found[draw], expected, rtol=1e-12)


def test_precision_at_is_the_mean_over_every_way_to_break_ties() -> None:
    entered, score = bools("1010011"), np.array([3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0])
    for k in (1, 2, 3, 5, 6, 7, 9):
        hits = []
        for order in permutations(range(7)):
            ranked = sorted(order, key=lambda i: -score[i])  # stable: ties stay in the order of the permutation
            hits.append(entered[ranked[:k]].sum())
        found = prediction.precision_at(entered, score, np.zeros(7, np.intp), k)
        assert found.hits == pytest.approx(np.mean(hits))
        assert found.precision == pytest.approx(np.mean(hits) / min(k, 7))
        assert found.listed == min(k, 7)


def test_precision_at_averages_lists_and_order_is_nothing() -> None:
    entered, score = bools("101100"), np.array([3.0, 2.0, 1.0, 5.0, 5.0, 7.0])
    group = np.array([4, 4, 4, 9, 9, 9])
    expected = prediction.precision_at(entered, score, group, 2)
    assert expected.precision == pytest.approx((1 / 2 + 0.5 / 2) / 2)
    assert expected.chance == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert (expected.hits, expected.listed) == (1.5, 4)
    order = RNG(3).permutation(6)
    assert prediction.precision_at(entered[order], score[order], group[order], 2) == expected


def test_no_rows_no_list() -> None:
    empty = prediction.precision_at(np.empty(0, bool), np.empty(0), np.empty(0, np.intp), 10)
    assert empty.listed == 0
    assert np.isnan(empty.precision)


def test_misuse_is_refused() -> None:
    entered, score = bools("10"), np.array([0.5, np.nan])
    with pytest.raises(ValueError, match="NaN"):
        prediction.roc_auc(entered, score)
    with pytest.raises(ValueError, match="bool"):
        prediction.average_precision(np.array([1, 0]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="at least 1"):
        prediction.precision_at(entered, np.zeros(2), np.zeros(2, np.intp), 0)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        prediction.calibration(entered, np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="code below"):
        prediction.resampled_average_precision(entered, np.zeros(2), np.array([0, 2]), np.ones((1, 2)))
    with pytest.raises(ValueError, match="must be one of"):
        prediction.fit("oracle", np.zeros((2, 1)), entered, seed=1)
    with pytest.raises(ValueError, match="after its origin"):
        prediction.rolling_predictions(
            "logistic", np.zeros((2, 1)), entered, np.arange(2), np.array([1, 1]), np.array([1, 2]), seed=1
        )
    with pytest.raises(ValueError, match="two groups"):
        prediction.folds(np.zeros(3, np.intp), 1)


# --- probabilities ----------------------------------------------------------------------------------------------


def test_calibration_by_hand() -> None:
    p = np.array([0.9, 0.1, 0.2, 0.2, 0.6, 0.5])
    found = prediction.calibration(bools("100010"), p, bins=3)
    # sorted: 0.1 0.2 | 0.2 0.5 | 0.6 0.9, but the two 0.2 are one probability and stay together
    assert found.n.tolist() == [1, 3, 2]
    np.testing.assert_allclose(found.predicted, [0.1, 0.3, 0.75])
    np.testing.assert_allclose(found.observed, [0.0, 0.0, 1.0])
    assert found.low.tolist() == [0.1, 0.2, 0.6]
    assert found.high.tolist() == [0.1, 0.5, 0.9]
    assert found.error == pytest.approx((1 * 0.1 + 3 * 0.3 + 2 * 0.25) / 6)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0])), min_size=1, max_size=60))
def test_calibration_holds_every_row_once(rows: list[tuple[bool, float]]) -> None:
    entered, p = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    found = prediction.calibration(entered, p)
    assert found.n.sum() == len(rows)
    assert (found.n > 0).all()
    assert (found.low[1:] > found.high[:-1]).all()  # no probability is in two bins
    assert (found.n * found.observed).sum() == pytest.approx(entered.sum())
    assert 0 <= found.error <= 1


def test_brier_by_hand() -> None:
    assert prediction.brier(bools("10"), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.16) / 2)
    assert prediction.brier(bools("00"), np.zeros(2)) == 0.0


# --- grades -----------------------------------------------------------------------------------------------------


def spread(centre: float, width: float) -> np.ndarray[Any, Any]:
    """Resamples whose 5 % and 95 % quantiles are centre -+ width, quartiles centre -+ width * 5 / 9."""
    return np.linspace(centre - width / 0.9, centre + width / 0.9, 2001)


@pytest.mark.parametrize(
    ("gain", "gains", "error", "entries", "letter"),
    [
        (0.10, spread(0.10, 0.05), 0.049, 100, "A"),
        (0.10, spread(0.10, 0.05), 0.050, 100, "B"),  # not below 0.05
        (0.10, spread(0.10, 0.05), 0.049, 99, "B"),  # one entry short
        (0.10, spread(0.10, 0.05), np.nan, 500, "B"),  # a score that is no probability
        (0.10, spread(0.10, 0.11), 0.01, 500, "C"),  # the 90 % interval reaches below 0, its half does not
        (0.10, spread(0.10, 0.25), 0.01, 500, None),  # the half does, too
        (0.00, spread(0.00, 0.10), 0.01, 500, None),
        (-0.01, spread(-0.01, 0.10), 0.01, 500, None),
        (-0.10, spread(-0.10, 0.11), 0.01, 500, "D"),
        (-0.10, spread(-0.10, 0.05), 0.01, 500, "D"),
        (0.00, np.zeros(100), 0.01, 500, "D"),  # ranks exactly as the baseline does
        (0.01, spread(-0.10, 0.05), 0.01, 500, None),  # the resamples contradict the point
        (-0.01, spread(0.10, 0.05), 0.01, 500, None),
        (np.nan, spread(0.10, 0.05), 0.01, 500, None),
        (0.10, np.full(9, np.nan), 0.01, 500, None),
    ],
)
def test_grades(gain: float, gains: np.ndarray[Any, Any], error: float, entries: int, letter: str | None) -> None:
    assert prediction.grade(gain, gains, error, entries).letter == letter


def test_grade_tells_its_interval() -> None:
    found = prediction.grade(0.02, np.append(spread(0.02, 0.05), np.nan), 0.01, 100)
    assert found.low == pytest.approx(-0.03, abs=1e-3)
    assert found.high == pytest.approx(0.07, abs=1e-3)
    assert found.draws == 2001
    assert found.gaining == pytest.approx(2001 * (0.02 + 0.05 / 0.9) / (0.1 / 0.9), abs=2)


def test_resamples_draw_as_many_groups_as_there_are() -> None:
    drawn = prediction.resamples(7, 200, RNG(1))
    assert drawn.shape == (200, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.25)
    np.testing.assert_array_equal(drawn, prediction.resamples(7, 200, RNG(1)))


# --- models -----------------------------------------------------------------------------------------------------


def simulated(
    n_regions: int, n_sectors: int, seed: int, slope: float = 1.5
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Features (the first decides, the second does not), outcomes, regions and true probabilities."""
    rng = RNG(seed)
    n = n_regions * n_sectors
    features = rng.normal(size=(n, 2))
    truth = 1 / (1 + np.exp(2.0 - slope * features[:, 0]))
    return features, rng.random(n) < truth, np.repeat(np.arange(n_regions), n_sectors), truth


@pytest.mark.parametrize(("model", "tolerance"), [("logistic", 0.02), ("boosting", 0.05)])
def test_models_recover_known_probabilities(model: str, tolerance: float) -> None:
    features, entered, region, truth = simulated(40, 100, 1)
    origin = np.zeros(len(entered), np.intp)
    fold = prediction.folds(region, 5)
    found = prediction.rolling_predictions(model, features, entered, fold, origin, origin + 1, seed=3)
    assert found.training == {0: "same_years"}
    assert np.abs(found.probability - truth).mean() < tolerance
    assert prediction.calibration(entered, found.probability).error < 0.03


def test_a_model_never_learns_from_the_region_it_predicts() -> None:
    features, entered, region, _ = simulated(12, 30, 2)
    origin = np.tile(np.repeat([0, 1, 2], 10), 12)
    fold = prediction.folds(region, 5)
    for min_known in (1, 10_000):
        before = prediction.rolling_predictions(
            "logistic", features, entered, fold, origin, origin + 1, seed=3, min_known=min_known
        ).probability
        mine = region == 4
        changed = entered ^ mine
        changed_features = np.where(mine[:, np.newaxis] & (origin != 1)[:, np.newaxis], 9.0, features)
        after = prediction.rolling_predictions(
            "logistic", changed_features, changed, fold, origin, origin + 1, seed=3, min_known=min_known
        ).probability
        np.testing.assert_array_equal(after[mine & (origin == 1)], before[mine & (origin == 1)])
        others = (fold != fold[mine][0]) & (origin == 2)
        assert (after[others] != before[others]).any()  # while those that may learn from it do


def test_a_model_never_learns_from_later_origins_or_outcomes() -> None:
    features, entered, region, _ = simulated(12, 60, 2)
    origin = np.tile(np.repeat([0, 1, 2, 3], 15), 12)
    fold, known_at = prediction.folds(region, 5), origin + 2
    kwargs: dict[str, Any] = {"seed": 3, "min_known": 5}
    before = prediction.rolling_predictions("logistic", features, entered, fold, origin, known_at, **kwargs)
    assert before.training == {0: "same_years", 1: "same_years", 2: "known_outcomes", 3: "known_outcomes"}
    later = origin >= 2
    after = prediction.rolling_predictions(
        "logistic",
        np.where(later[:, np.newaxis], -features, features),
        entered ^ later,
        fold,
        origin,
        known_at,
        **kwargs,
    )
    np.testing.assert_array_equal(after.probability[~later], before.probability[~later])
    unknown = known_at > 3  # at the last origin, nothing of these had come out yet
    flipped = prediction.rolling_predictions("logistic", features, entered ^ unknown, fold, origin, known_at, **kwargs)
    np.testing.assert_array_equal(flipped.probability[origin == 3], before.probability[origin == 3])


def test_order_of_rows_is_nothing() -> None:
    features, entered, region, _ = simulated(10, 40, 4)
    origin = np.tile(np.repeat([0, 1], 20), 10)
    order = RNG(5).permutation(len(entered))
    fold = prediction.folds(region, 5)
    np.testing.assert_array_equal(prediction.folds(region[order], 5), fold[order])
    one = prediction.rolling_predictions("logistic", features, entered, fold, origin, origin + 1, seed=3)
    other = prediction.rolling_predictions(
        "logistic", features[order], entered[order], fold[order], origin[order], origin[order] + 1, seed=3
    )
    np.testing.assert_allclose(other.probability, one.probability[order], rtol=1e-9)


def test_folds_keep_groups_together() -> None:
    region = np.repeat(np.arange(11), 3)
    fold = prediction.folds(region, 1)
    assert all(np.unique(fold[region == r]).size == 1 for r in range(11))
    assert np.unique(fold).tolist() == [0, 1, 2, 3, 4]
    assert np.unique(prediction.folds(np.array([3, 3, 8]), 1)).size == 2


@pytest.mark.parametrize("model", prediction.MODELS)
def test_unknown_features_and_one_outcome(model: str) -> None:
    features, entered, _, _ = simulated(10, 40, 4)
    blind = np.column_stack([features, np.full(len(features), np.nan)])
    asked = np.array([[0.5, 0.0, 3.0], [0.5, 0.0, np.nan]])
    p = prediction.fit(model, blind, entered, seed=1)(asked)
    np.testing.assert_array_equal(p, prediction.fit(model, features, entered, seed=1)(asked[:, :2]))
    assert p[0] == p[1]
    gone = prediction.fit(model, features, entered, seed=1)(np.array([[np.nan, np.nan]]))
    assert 0 < gone[0] < 1
    assert prediction.fit(model, features, np.zeros(400, bool), seed=1)(features[:2]).tolist() == [0.0, 0.0]
    assert prediction.fit(model, features, np.ones(400, bool), seed=1)(features[:2]).tolist() == [1.0, 1.0]
    nothing = prediction.fit(model, np.full((400, 2), np.nan), entered, seed=1)(features[:1])
    assert nothing[0] == pytest.approx(entered.mean())


def test_weights_count_rows() -> None:
    features, entered, region, _ = simulated(10, 40, 4)
    times = RNG(6).integers(0, 3, 10)[region]
    weighted = prediction.fit("logistic", features, entered, seed=1, weights=times.astype(float))(features)
    repeated = prediction.fit("logistic", np.repeat(features, times, axis=0), np.repeat(entered, times), seed=1)(
        features
    )
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4)


@pytest.mark.parametrize(("model", "draws"), [("logistic", 40), ("boosting", 8)])
def test_ranges_hold_the_probability_and_shrink_with_regions(model: str, draws: int) -> None:
    asked = np.array([[-1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    width = {}
    for n in (20, 80):
        features, entered, region, _ = simulated(n, 30, 7)
        found = prediction.entry_probabilities(model, features, entered, region, asked, draws=draws, seed=1)
        assert (found.low <= found.probability).all()
        assert (found.probability <= found.high).all()
        assert ((found.low >= 0) & (found.high <= 1)).all()
        again = prediction.entry_probabilities(model, features, entered, region, asked, draws=draws, seed=1)
        np.testing.assert_array_equal(again.low, found.low)
        width[n] = (found.high - found.low).mean()
    assert width[80] < 0.8 * width[20]


def test_a_range_covers_the_truth_about_as_often_as_it_says() -> None:
    asked, covered = np.array([[0.5, 0.0]]), []
    for seed in range(12):
        features, entered, region, _ = simulated(25, 30, 100 + seed)
        found = prediction.entry_probabilities("logistic", features, entered, region, asked, draws=30, seed=seed)
        covered.append(found.low[0] <= 1 / (1 + np.exp(2.0 - 0.75)) <= found.high[0])
    assert sum(covered) >= 8  # of 12; with a coverage of 90 %, 7 or fewer would have a probability below 0.5 %


def test_many_rows_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    features, entered, region, truth = simulated(40, 100, 1)
    monkeypatch.setattr(prediction, "MAX_ROWS", 1500)
    origin = np.zeros(len(entered), np.intp)
    found = prediction.rolling_predictions(
        "logistic", features, entered, prediction.folds(region, 5), origin, origin + 1, seed=3
    )
    assert np.abs(found.probability - truth).mean() < 0.04


# --- without the region itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", relatedness.PROXIMITIES)
@pytest.mark.parametrize("diagonal", [0.0, 1.0])
@pytest.mark.parametrize("normaliser", ["destination", "origin"])
def test_outlook_without_self_is_that_of_the_table_without_the_region(
    method: str, diagonal: float, normaliser: relatedness.Normaliser
) -> None:
    for seed in range(4):
        rng = RNG(seed)
        presence = rng.random((9, 12)) < rng.uniform(0.1, 0.6, (9, 1))
        presence[3] = False  # holds nothing
        presence[:, 5] = False  # nobody's
        presence[:, 6] = np.arange(9) == 2  # held by one region alone
        pci = np.where(np.arange(12) == 8, np.nan, rng.normal(size=12))
        density, gain = prediction.outlook_without_self(presence, pci, method, diagonal=diagonal, normaliser=normaliser)
        for i in range(9):
            phi = relatedness.proximity(np.delete(presence, i, axis=0), method, diagonal=diagonal)
            own = presence[[i]]
            slow = np.where(own, np.nan, relatedness.density(own, phi))[0]
            np.testing.assert_allclose(density[i], slow, rtol=1e-12, atol=1e-14)
            slow = relatedness.outlook_gain(own, phi, pci, normaliser=normaliser)[0]
            np.testing.assert_allclose(gain[i], slow, rtol=1e-10, atol=1e-12)


def test_outlook_without_self_refuses_the_unknown() -> None:
    with pytest.raises(ValueError, match="unknown proximity"):
        prediction.outlook_without_self(np.ones((2, 2), bool), np.zeros(2), "affinity")
