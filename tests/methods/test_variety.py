"""Related and unrelated variety: worked case, the identity with total entropy, and what is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.concentration import entropy
from capmap.methods.variety import related_variety, unrelated_variety

NAN = float("nan")
amounts = st.one_of(st.floats(1e-3, 1e9), st.just(0.0))
tables = arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=amounts)


@st.composite
def classified(draw):
    x = draw(tables)
    return x, draw(arrays(np.intp, x.shape[1], elements=st.integers(0, 3)))


def by_loop(values, parents):
    """Unrelated and related variety as Frenken, Van Oort & Verburg (2007) write them."""
    total = math.fsum(values)
    if total == 0:
        return NAN, NAN
    unrelated = related = 0.0
    for g in set(parents):
        p = [v / total for v, parent in zip(values, parents, strict=True) if parent == g]
        p_g = math.fsum(p)
        if p_g > 0:
            unrelated += p_g * math.log2(1 / p_g)
            related += p_g * math.fsum(q / p_g * math.log2(p_g / q) for q in p if q > 0)
    return unrelated, related


def test_worked_case():
    # Shares 1/2, 1/4 | 1/8, 1/8. UV = 3/4 log2(4/3) + 1/4 * 2; RV = 3/4 H(2/3, 1/3) + 1/4 * 1; together 1.75 bits.
    x, parents = np.array([4.0, 2.0, 1.0, 1.0]), np.array([10, 10, 2, 2])
    unrelated = 0.75 * math.log2(4 / 3) + 0.5
    assert float(unrelated_variety(x, parents)) == pytest.approx(unrelated, abs=1e-15)
    assert float(related_variety(x, parents)) == pytest.approx(1.75 - unrelated, abs=1e-15)


@given(classified())
def test_agrees_with_the_definition_and_adds_up(case):
    x, parents = case
    unrelated, related = unrelated_variety(x, parents), related_variety(x, parents)
    expected = np.array([by_loop(row.tolist(), parents.tolist()) for row in x]).T
    assert_allclose(unrelated, expected[0], atol=1e-12)
    assert_allclose(related, expected[1], atol=1e-12)
    assert_allclose(unrelated + related, entropy(x), atol=1e-12)


@given(classified(), st.randoms(use_true_random=False))
def test_order_scale_and_names_of_parents_do_not_matter(case, random):
    x, parents = case
    order = list(range(x.shape[1]))
    random.shuffle(order)
    for variety in (unrelated_variety, related_variety):
        assert_allclose(variety(7 * x[:, order], 90 - 9 * parents[order]), variety(x, parents), atol=1e-12)


@given(tables)
def test_the_two_ends_of_a_classification(x):
    one, own = np.zeros(x.shape[1], np.intp), np.arange(x.shape[1])
    nothing = np.where(x.sum(axis=1) > 0, 0.0, NAN)
    assert_array_equal(unrelated_variety(x, one), nothing)
    assert_allclose(related_variety(x, one), entropy(x), atol=1e-12)
    assert_allclose(unrelated_variety(x, own), entropy(x), atol=1e-12)
    assert_array_equal(related_variety(x, own), nothing)


def test_three_levels_add_up():
    x = np.array([5.0, 1.0, 2.0, 3.0, 0.0, 4.0])
    groups, divisions = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1])  # divisions of the three groups
    by_group = np.array([6.0, 5.0, 4.0])
    parts = related_variety(x, groups), related_variety(by_group, divisions), unrelated_variety(by_group, divisions)
    assert float(sum(parts)) == pytest.approx(float(entropy(x)), abs=1e-12)


@pytest.mark.parametrize("variety", [unrelated_variety, related_variety])
def test_zero_missing_and_single_sectors(variety):
    parents = np.array([0, 0, 1, 1, 2])
    x = np.array([1.0, 2.0, 3.0, 0.0, NAN])
    whole = float(variety(x[:4], parents[:4]))
    assert float(variety(x, parents)) == whole
    assert np.isnan(variety(x, parents, min_known=0.9))
    assert_array_equal(variety(np.stack([x, np.zeros(5), np.full(5, NAN)]), parents), [whole, NAN, NAN])
    alone = float(variety(np.array([7.0]), np.array([0])))
    assert alone == 0
    assert math.copysign(1, alone) == 1  # 0, not -0
    assert np.isnan(variety(np.empty(0), np.empty(0, np.intp)))
    assert np.isnan(variety(np.array([3.0, NAN, NAN]), np.array([0, 0, 1])))
    assert_array_equal(x, [1.0, 2.0, 3.0, 0.0, NAN])


@pytest.mark.parametrize("variety", [unrelated_variety, related_variety])
def test_misuse_is_refused(variety):
    with pytest.raises(ValueError, match="do not fit 2 units"):
        variety(np.ones(2), np.zeros(3, np.intp))
    with pytest.raises(ValueError, match="every unit belongs"):
        variety(np.ones(2), np.array([0, -1]))
    with pytest.raises(ValueError, match="finite and >= 0"):
        variety(np.array([1.0, -1.0]), np.array([0, 1]))
    with pytest.raises(ValueError, match="min_known"):
        variety(np.ones(2), np.array([0, 1]), min_known=-1)
