"""Members of the revealed-advantage family, each against a number worked by hand and its own identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from capmap.methods import specialisation as sp
from capmap.methods.ranking import rank_within

tables = hnp.arrays(
    float, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6), elements=st.integers(0, 99).map(float)
).filter(lambda x: x.sum() > 0)


@given(tables)
def test_symmetric_index_is_antisymmetric_and_a_hyperbolic_tangent(x: np.ndarray) -> None:
    index = sp.rca(x)
    positive = index[index > 0]
    assert sp.symmetric(1 / positive) == pytest.approx(-sp.symmetric(positive))
    assert sp.symmetric(positive) == pytest.approx(np.tanh(np.log(positive) / 2))


@given(tables, st.randoms())
def test_permuting_regions_and_sectors_permutes_the_index(x: np.ndarray, random: object) -> None:
    rows, columns = np.random.default_rng(1).permutation(x.shape[0]), np.random.default_rng(2).permutation(x.shape[1])
    np.testing.assert_allclose(sp.rca(x[rows][:, columns]), sp.rca(x)[rows][:, columns], rtol=1e-12)


@given(tables)
def test_index_above_one_is_leave_one_out_above_one(x: np.ndarray) -> None:
    x_i, x_j, total = x.sum(axis=1, keepdims=True), x.sum(axis=0, keepdims=True), x.sum()
    rest = sp.leave_one_out_expected(x, x_i, x_j, total)
    usable = (rest > 0) & (x_i > 0) & (x_j > 0)
    above = x * total > x_i * x_j * (1 + 1e-9)
    below = x * total < x_i * x_j * (1 - 1e-9)
    out = sp.balassa(x, rest)
    assert (out[usable & above] > 1).all()
    assert (out[usable & below] < 1).all()


@given(tables)
def test_presence_is_a_truth_value_and_empty_cells_are_never_present(x: np.ndarray) -> None:
    held = sp.is_present(x, x.sum(axis=1, keepdims=True), x.sum(axis=0, keepdims=True), x.sum())
    assert held.dtype == bool
    assert not held[x == 0].any()


def test_presence_at_the_threshold_and_strictly_above_it() -> None:
    x = np.outer([0.1, 0.3, 0.7], [0.1, 0.2, 0.3])
    args = x, x.sum(axis=1, keepdims=True), x.sum(axis=0, keepdims=True), x.sum()
    assert sp.is_present(*args).all()
    assert not sp.is_present(*args, strict=True).any()
    naive = (x / args[1]) / (args[2] / args[3]) >= 1
    assert not naive.all()  # what round-off makes of the same table


def test_a_hole_that_holds_almost_everything_costs_no_precision() -> None:
    """The world without a sector of 1e18 is added up, not subtracted down."""
    np.testing.assert_allclose(
        sp.rca(np.array([[1.0, 2.0, np.nan], [3.0, 1.0, 1e18]]))[0], [7 / 12, 14 / 9, np.nan], rtol=1e-12
    )


def test_ceiling_of_a_region_with_half_the_world() -> None:
    assert sp.ceiling(np.array([50.0]), np.array([10.0]), 100.0) == pytest.approx([2.0])


def test_vollrath_by_hand() -> None:
    """Exports (10, 30, 40, 200) have RXA (10/20)/(30/140); imports (5, 40, 20, 300) have RMA (5/35)/(15/245)."""
    exports = tuple(np.array([v]) for v in (10.0, 30.0, 40.0, 200.0))
    imports = tuple(np.array([v]) for v in (5.0, 40.0, 20.0, 300.0))
    expected = (10 / 20) / (30 / 140) - (5 / 35) / (15 / 245)
    assert sp.vollrath(exports, imports) == pytest.approx([expected])


def test_lafay_by_hand_and_its_sum() -> None:
    x, m = np.array([30.0, 10.0]), np.array([10.0, 30.0])
    found = sp.lafay(x, m, np.full(2, 40.0), np.full(2, 40.0))
    assert found == pytest.approx([25.0, -25.0])


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=8))
def test_lafay_adds_up_to_zero_over_sectors(flows: list[tuple[int, int]]) -> None:
    x, m = (np.array(side, float) for side in zip(*flows, strict=True))
    if x.sum() + m.sum() == 0:
        return
    found = sp.lafay(x, m, np.full(x.size, x.sum()), np.full(x.size, m.sum()))
    assert found.sum() == pytest.approx(0.0, abs=1e-9)


def test_michaely_by_hand() -> None:
    assert sp.michaely(np.array([30.0]), np.array([10.0]), np.array([40.0]), np.array([40.0])) == pytest.approx([0.5])


def test_per_capita_by_hand() -> None:
    found = sp.per_capita(np.array([10.0]), np.array([1e6]), np.array([50.0]), 10e6)
    assert found == pytest.approx([2.0])


@pytest.mark.parametrize("bad", [np.ones(3), np.array([[-1.0, 2.0]]), np.array([[np.inf, 1.0]])])
def test_misuse_is_a_value_error(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="x must"):
        sp.rca(bad)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.one_of(st.just(float("nan")), st.integers(0, 5).map(float))), max_size=30)
)
def test_ranks_equal_the_loops(rows: list[tuple[int, float]]) -> None:
    group = np.array([g for g, _ in rows], np.int32)
    value = np.array([v for _, v in rows], float)
    found = rank_within(value, group, 4)
    for k, (g, v) in enumerate(rows):
        rivals = [w for h, w in rows if h == g and w == w]
        assert found[k] == (-1 if v != v else 1 + sum(w > v for w in rivals))
