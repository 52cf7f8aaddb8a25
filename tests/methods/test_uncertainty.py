"""Doubt about counts: published intervals, an independent optimiser, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from capmap.methods import uncertainty as doubt
from tests.reference.specialisation import estimate_phi, fit_alpha


def test_garwood_interval_of_three_and_of_none() -> None:
    """Garwood (1936), table of exact limits: 3 gives 0.6187 to 8.7673, 0 gives 0 to 3.6889."""
    low, high = doubt.garwood(np.array([3.0, 0.0]))
    assert low == pytest.approx([0.6186721, 0.0], abs=1e-6)
    assert high == pytest.approx([8.7672731, 3.6888795], abs=1e-6)


@given(st.integers(0, 2000), st.floats(0.5, 0.999))
def test_garwood_limits_have_the_stated_tails(count: int, level: float) -> None:
    low, high = (float(end[0]) for end in doubt.garwood(np.array([float(count)]), level))
    tail = (1 - level) / 2
    assert stats.poisson.cdf(count, high) == pytest.approx(tail, rel=1e-6)
    if count:
        assert stats.poisson.sf(count - 1, low) == pytest.approx(tail, rel=1e-6)


def test_worked_cells_of_small_and_moderate_counts() -> None:
    """3 found where 0.36 are expected is uncertain, 25 where 13.68 are expected is established (prior alpha 8.836)."""
    count, expected = np.array([3.0, 25.0]), np.array([0.36029317, 13.68136814])
    alpha = 8.836351825
    assert doubt.posterior_mean(count, expected, alpha) == pytest.approx([1.28702933, 1.50265444], abs=1e-6)
    low, high = doubt.posterior_interval(count, expected, alpha)
    assert low == pytest.approx([0.66150447, 1.03962289], abs=1e-6)
    assert high == pytest.approx([2.11724264, 2.04963045], abs=1e-6)
    assert doubt.p_above(count, expected, alpha) == pytest.approx([0.7685616, 0.98458538], abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 60)), min_size=3, max_size=40))
def test_prior_is_the_maximum_that_an_optimiser_finds(pairs: list[tuple[int, float]]) -> None:
    count, expected = np.array([float(o) for o, _ in pairs]), np.array([e for _, e in pairs])
    ours = doubt.fit_prior(count, expected).alpha
    theirs = fit_alpha(list(zip(count.tolist(), expected.tolist(), strict=True)))
    if theirs is None or not count.any():  # a table of zeros has no index to be uncertain about
        return
    loss = [_log_likelihood(count, expected, a) for a in (ours, theirs)]
    # one of them may have stopped at the flat end towards infinity; neither may be better by more than a trace
    assert loss[0] >= loss[1] - 1e-3


def _log_likelihood(count: np.ndarray, expected: np.ndarray, alpha: float) -> float:
    if np.isinf(alpha) or alpha > 1e7:
        return float(stats.poisson.logpmf(count, expected).sum())
    return float(stats.nbinom.logpmf(count, alpha, alpha / (alpha + expected)).sum())


@pytest.mark.parametrize("alpha", [0.6, 2.0, 9.0])
def test_prior_recovers_the_spread_it_was_drawn_from(alpha: float) -> None:
    rng = np.random.default_rng(11)
    expected = rng.lognormal(1.0, 1.2, 20_000)
    count = rng.poisson(expected * rng.gamma(alpha, 1 / alpha, expected.size)).astype(float)
    assert doubt.fit_prior(count, expected).alpha == pytest.approx(alpha, rel=0.08)


def test_prior_of_pure_chance_is_said_to_be_chance() -> None:
    rng = np.random.default_rng(4)
    expected = rng.lognormal(1.0, 1.2, 5_000)
    found = [doubt.fit_prior(rng.poisson(expected).astype(float), expected) for _ in range(4)]
    assert any(np.isinf(p.alpha) and p.method == "no variance beyond chance" for p in found)
    assert all(np.isinf(p.alpha) or p.alpha > 50 for p in found)


@given(st.integers(2, 60), st.integers(2, 60), st.integers(0, 10_000))
def test_a_rectangle_on_a_grid_is_the_rectangle_itself(rows: int, columns: int, seed: int) -> None:
    """Sums over unlisted zeros through Chebyshev nodes equal the sums over every cell."""
    rng = np.random.default_rng(seed)
    u, v = rng.lognormal(0, 3, rows), rng.lognormal(0, 2, columns)
    every = np.outer(u, v).ravel()
    grid = doubt.Exposure.rectangle(u, v, every[:1])
    for a in (0.05, 1.7, 300.0):
        ours = grid.weights @ np.log1p(grid.points / a)
        assert ours == pytest.approx(np.log1p(every[1:] / a).sum(), rel=1e-9)
    assert grid.cells == rows * columns - 1


def test_large_rectangle_uses_fewer_points_than_cells() -> None:
    rng = np.random.default_rng(0)
    u, v = rng.lognormal(0, 1.5, 2000), rng.lognormal(0, 1.5, 900)
    grid = doubt.Exposure.rectangle(u, v, np.empty(0))
    assert grid.points.size < 20_000
    exact = sum(float(np.log1p(np.outer(part, v) / 2.5).sum()) for part in np.array_split(u, 10))
    assert grid.weights @ np.log1p(grid.points / 2.5) == pytest.approx(exact, rel=1e-11)


@given(st.floats(0, 500), st.floats(0.01, 500), st.floats(0.05, 50))
def test_posterior_mean_exceeds_one_exactly_when_the_index_does(count: float, expected: float, alpha: float) -> None:
    mean = doubt.posterior_mean(np.array([count]), np.array([expected]), alpha)[0]
    assert (mean > 1 + 1e-12) <= (count > expected)
    assert (mean < 1 - 1e-12) <= (count < expected)


def test_infinite_precision_claims_nothing() -> None:
    count, expected = np.array([3.0, np.nan]), np.array([1.0, 1.0])
    assert doubt.posterior_mean(count, expected, np.inf).tolist()[0] == 1.0
    assert np.isnan(doubt.p_above(count, expected, np.inf)).all()
    assert np.isnan(doubt.posterior_interval(count, expected, np.inf)).all()


@given(*(st.floats(1, 200) for _ in range(4)))
def test_probability_of_order_by_integration(a1: float, b1: float, a2: float, b2: float) -> None:
    ours = float(doubt.p_ahead(*(np.array([x]) for x in (a1, b1, a2, b2)))[0])
    back = float(doubt.p_ahead(*(np.array([x]) for x in (a2, b2, a1, b1)))[0])
    assert ours + back == pytest.approx(1.0)
    one, two = stats.gamma(a1, scale=1 / b1), stats.gamma(a2, scale=1 / b2)
    centre, spread = one.mean(), one.std()
    low, high = max(0.0, centre - 12 * spread), centre + 12 * spread
    slow, _ = integrate.quad(lambda t: one.pdf(t) * two.cdf(t), low, high, points=[centre], limit=200)
    assert ours == pytest.approx(slow, abs=2e-5)


@pytest.mark.parametrize("phi", [1.0, 4.0])
def test_dispersion_recovers_the_noise_and_equals_the_loops(phi: float) -> None:
    rng = np.random.default_rng(8)
    expected = rng.lognormal(4.5, 0.8, (2, 4000))
    if phi == 1.0:
        count = rng.poisson(expected).astype(float)
    else:
        count = rng.negative_binomial(expected / (phi - 1), 1 / phi).astype(float)
    found = doubt.dispersion(doubt.change_scores(count[0], expected[0], count[1], expected[1]))
    assert found.method == "estimated"
    assert found.phi == pytest.approx(phi, rel=0.12)
    panel = [
        {("r", str(k)): (float(count[t, k]), float(expected[t, k])) for k in range(expected.shape[1])} for t in (0, 1)
    ]
    assert found.phi == pytest.approx(estimate_phi(panel), rel=1e-6)


def test_dispersion_is_not_estimated_from_a_handful_of_cells() -> None:
    assert doubt.dispersion(np.full(20, 9.0)) == doubt.Dispersion(1.0, 20, "too few cells")
    assert doubt.dispersion(np.full(200, 4 * doubt.CHI2_MEDIAN)).phi == pytest.approx(4.0)
    assert doubt.dispersion(np.full(200, 0.01)).phi == 1.0


def test_small_cells_do_not_inform_the_dispersion() -> None:
    scores = doubt.change_scores(*(np.array([x]) for x in ([5.0], [6.0], [9.0], [6.0])))
    assert scores.size == 0
    scores = doubt.change_scores(*(np.array(x) for x in ([40.0], [40.0], [60.0], [40.0])))
    assert scores == pytest.approx([0.5**2 / (1.25 * (1 / 40 + 1 / 40))])
