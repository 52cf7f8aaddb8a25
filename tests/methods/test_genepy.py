"""GENEPY: loops over the definition, the authors' own program retold, hand-made tables, ties of eigenvalues and edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.complexity import ComplexityError, components, genepy

NAN = float("nan")
presences = st.tuples(st.integers(2, 9), st.integers(2, 9)).flatmap(lambda shape: arrays(bool, shape))


def likenesses(m):
    """N and G by loops."""
    n, p = m.shape
    diversity = [sum(int(m[c, j]) for j in range(p)) for c in range(n)]
    shared_out = [sum(m[c, j] / diversity[c] for c in range(n)) for j in range(p)]
    w = [[m[c, j] / (diversity[c] * shared_out[j]) for j in range(p)] for c in range(n)]
    regions = [[0.0 if a == b else sum(w[a][j] * w[b][j] for j in range(p)) for b in range(n)] for a in range(n)]
    sectors = [[0.0 if a == b else sum(w[c][a] * w[c][b] for c in range(n)) for b in range(p)] for a in range(p)]
    return np.array(regions), np.array(sectors)


def as_published(links):
    """Steps of the program that came with the paper, by a general eigensolver: absolute values decide the order."""
    values, vectors = np.linalg.eig(links)
    order = sorted(range(len(values)), key=lambda k: -abs(values[k]))
    first, second = order[:2]
    index = []
    for c in range(len(links)):
        x1, x2 = abs(vectors[c, first]), vectors[c, second]
        plain = values[first] * x1**2 + values[second] * x2**2
        index.append(plain**2 + 2 * (values[first] ** 2 * x1**2 + values[second] ** 2 * x2**2))
    return np.array(index)


def clear(links):
    """Whether the first, second and third eigenvalues differ in size, so that any eigensolver finds the same vectors."""
    size = np.sort(np.abs(np.linalg.eigvalsh(links)))[::-1]
    return len(size) < 3 or (size[1] - size[2] > 1e-3 * size[0])


@given(presences)
def test_index_is_that_of_loops_and_of_the_published_program(m):
    assume(m.any(axis=0).all() and m.any(axis=1).all() and len(components(m).sizes) == 1)
    found = genepy(m)
    for links, index in zip(likenesses(m), (found.regions, found.sectors), strict=True):
        if clear(links):
            assert_allclose(index, as_published(links), rtol=1e-7, atol=1e-12)


@given(presences)
def test_index_depends_on_the_nearest_matrix_of_rank_two_alone(m):
    assume(m.any(axis=0).all() and m.any(axis=1).all() and len(components(m).sizes) == 1)
    found = genepy(m)
    for links, index in zip(likenesses(m), (found.regions, found.sectors), strict=True):
        if clear(links):
            left, size, right = np.linalg.svd(links)
            near = left[:, :2] * size[:2] @ right[:2]
            assert_allclose(index, np.diag(near) ** 2 + 2 * np.diag(near @ near), rtol=1e-6, atol=1e-10)


def test_a_star_by_hand():
    # d = (2, 1, 1), u' = (3/2, 3/2): N links the first region to both others with 2/9; it has rank two, so A = N.
    found = genepy(np.array([[1, 1], [1, 0], [0, 1]], bool))
    assert_allclose(found.regions, [16 / 81, 8 / 81, 8 / 81])
    assert_allclose(np.sort(found.region_eigenvalues), [-2 * math.sqrt(2) / 9, 0, 2 * math.sqrt(2) / 9], atol=1e-15)
    # G links the two sectors with 1/9
    assert_allclose(found.sectors, [2 / 81, 2 / 81])
    assert found.flags == ()


def test_two_regions_have_one_index():
    # d = (2, 1), u' = (1/2, 3/2): N_12 = 1/3 * 2/3 = 2/9, and the index is 2 (2/9)^2
    assert_allclose(genepy(np.array([[1, 1], [0, 1]], bool)).regions, [8 / 81, 8 / 81])


def test_eigenvalues_of_one_size_give_no_index_instead_of_an_arbitrary_one():
    # three regions alike: N = a (J - 1) has 2a, -a and -a, and any two vectors orthogonal to (1, 1, 1) would do
    found = genepy(np.array([[1, 1], [1, 1], [1, 1]], bool))
    assert np.isnan(found.regions).all()
    assert found.flags == ("region_tie",)
    assert_allclose(found.region_eigenvalues * -2 / found.region_eigenvalues[1], [4, -2, -2], rtol=1e-12)
    assert not np.isnan(found.sectors).any()


def test_a_ring_of_regions_ties_however_it_is_turned():
    ring = np.eye(5, dtype=bool) | np.roll(np.eye(5, dtype=bool), 1, axis=1)
    for turn in range(5):
        found = genepy(np.roll(ring, turn, axis=0))
        assert found.flags == ("region_tie", "sector_tie")
        assert np.isnan(found.regions).all()


def test_close_eigenvalues_are_flagged():
    def relative_gap(values):
        size = np.abs(values)
        return (size[1] - size[2]) / size[1]

    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(300):
        m = rng.random((8, 9)) < 0.5
        if not (m.any(axis=0).all() and m.any(axis=1).all() and len(components(m).sizes) == 1):
            continue
        found = genepy(m)
        close = 1e-6 < relative_gap(found.region_eigenvalues) < 0.05
        assert ("region_eigengap" in found.flags) == close
        seen.add(close)
    assert seen == {True, False}


def test_who_holds_nothing_is_nan_and_changes_nothing():
    rng = np.random.default_rng(2)
    m = rng.random((7, 8)) < 0.6
    assert m.any(axis=0).all()
    assert m.any(axis=1).all()
    assert len(components(m).sizes) == 1
    wide = np.zeros((9, 10), bool)
    rows, columns = [0, 1, 2, 4, 5, 6, 8], [0, 2, 3, 4, 5, 6, 7, 9]
    wide[np.ix_(rows, columns)] = m
    small, large = genepy(m), genepy(wide)
    assert_allclose(large.regions[rows], small.regions, rtol=1e-10)
    assert_allclose(large.sectors[columns], small.sectors, rtol=1e-10)
    assert np.isnan(large.regions[[3, 7]]).all()
    assert np.isnan(large.sectors[[1, 8]]).all()


@given(presences, st.randoms())
def test_permutations_permute(m, random):
    assume(m.any() and len(components(m).sizes) == 1 and min(components(m).sizes[0]) > 1)
    rows, columns = list(range(m.shape[0])), list(range(m.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    found, turned = genepy(m), genepy(m[np.ix_(rows, columns)])
    size = np.sort(np.abs(found.region_eigenvalues))
    assume(size[1] - size[0] > 1e-4 or "region_tie" in found.flags)  # what is all but tied is sensitive
    assert_allclose(turned.regions, found.regions[rows], rtol=1e-6, atol=1e-12)


def test_parts_are_refused_or_the_largest_computed():
    two = np.zeros((6, 5), bool)
    two[:4, :3] = [[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 1]]
    two[4:, 3:] = True
    with pytest.raises(ComplexityError, match="2 parts") as refused:
        genepy(two)
    assert refused.value.reason == "disconnected"
    largest = genepy(two, component="largest")
    assert_allclose(largest.regions, [*genepy(two[:4, :3]).regions, NAN, NAN])
    assert_allclose(largest.sectors, [*genepy(two[:4, :3]).sectors, NAN, NAN])
    assert "largest_component" in largest.flags


@pytest.mark.parametrize("table", [np.zeros((3, 3), bool), np.ones((1, 4), bool), np.ones((4, 1), bool)])
def test_too_few(table):
    with pytest.raises(ComplexityError) as refused:
        genepy(table)
    assert refused.value.reason == "too_few"


def test_wrong_arguments():
    with pytest.raises(ValueError, match="True or False"):
        genepy(np.ones((2, 2)))
    with pytest.raises(ValueError, match="component must be"):
        genepy(np.ones((2, 2), bool), component="some")  # type: ignore[arg-type]


def test_arguments_stay_as_they_are_and_results_repeat():
    rng = np.random.default_rng(9)
    m = rng.random((40, 60)) < 0.3
    before = m.copy()
    first, second = genepy(m), genepy(m)
    assert_array_equal(m, before)
    assert_array_equal(first.regions, second.regions)
    assert first.regions.shape == (40,)
    assert first.sectors.shape == (60,)
    for links, values in zip(likenesses(m), (first.region_eigenvalues, first.sector_eigenvalues), strict=True):
        assert_allclose(np.abs(values), np.sort(np.abs(np.linalg.eigvalsh(links)))[::-1][:3], rtol=1e-9)


def test_a_matrix_that_a_driver_of_lapack_gives_up_on() -> None:
    """Six equal rows and one more, in this order, end in an internal error of one driver on some machines."""
    m = np.ones((7, 2), bool)
    m[6, 0] = False
    assert np.isfinite(genepy(m).regions).any() or "region_tie" in genepy(m).flags


def test_all_eigenvalues_are_computed_where_some_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    import scipy.linalg

    whole = scipy.linalg.eigh

    def fails(a: np.ndarray, **options: object) -> object:
        if "subset_by_index" in options:
            raise scipy.linalg.LinAlgError("Internal Error.")
        return whole(a, **options)

    rng = np.random.default_rng(3)
    m = rng.random((9, 12)) < 0.5
    expected = genepy(m)
    monkeypatch.setattr(scipy.linalg, "eigh", fails)
    found = genepy(m)
    assert np.allclose(found.regions, expected.regions, equal_nan=True)
    assert np.allclose(found.sectors, expected.sectors, equal_nan=True)
