"""Relatedness: loops beside every formula, identities, the null model against all tables, networks and their ties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.relatedness import (
    PROXIMITIES,
    coherence,
    cross_proximity,
    density,
    distance,
    k_nearest_density,
    maximum_spanning_tree,
    outlook_gain,
    outlook_index,
    proximity,
    relative_density,
    rsca_correlation,
    significance,
    stepping_stones,
    strongest_paths,
)

NAN = float("nan")
SIZES = st.tuples(st.integers(1, 8), st.integers(1, 7))
presences = SIZES.flatmap(lambda shape: arrays(bool, shape))
methods = st.sampled_from(sorted(PROXIMITIES))

# The network of Fig. S4 of Hidalgo & Hausmann (2009), PNAS 106(26), 10570-10575: four countries, four products.
NETWORK = np.array([[1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)


@st.composite
def tables(draw):
    """Presence, its proximity and a complexity of each sector, some of them unknown."""
    m = draw(presences)
    pci = draw(arrays(float, m.shape[1], elements=st.one_of(st.floats(-3, 3), st.just(NAN))))
    return m, proximity(m, draw(methods)), pci


def proximity_by_loop(a, b, method):
    n = sum(any(p) or any(q) for p, q in zip(a.tolist(), b.tolist(), strict=True))
    result = np.full((a.shape[1], b.shape[1]), NAN)
    for j, k in np.ndindex(result.shape):
        one, other = set(np.flatnonzero(a[:, j])), set(np.flatnonzero(b[:, k]))
        if one and other:
            both = len(one & other)
            result[j, k] = {
                "minimum_conditional": min(both / len(one), both / len(other)),
                "cosine": both / math.sqrt(len(one) * len(other)),
                "jaccard": both / len(one | other),
                "association": (both / n) / ((len(one) / n) * (len(other) / n)),
            }[method]
    return result


def density_by_loop(m, phi, k=None):
    result = np.full((len(m), phi.shape[1]), NAN)
    for i, j in np.ndindex(result.shape):
        links = {s: phi[s, j] for s in range(len(phi)) if phi[s, j] > 0}
        if k is not None and len(links) > k:
            kth = sorted(links.values(), reverse=True)[k - 1]
            links = {s: weight for s, weight in links.items() if weight >= kth}
        if links:
            result[i, j] = math.fsum(w for s, w in links.items() if m[i, s]) / math.fsum(links.values())
    return result


def gain_by_loop(m, phi, pci, normaliser):
    phi, pci = np.nan_to_num(phi), np.nan_to_num(pci)
    result = np.full(m.shape, NAN)
    for i, j in np.ndindex(m.shape):
        if m[i].any() and not m[i, j] and phi[:, j].sum() > 0:
            terms = [
                phi[j, k] / phi[:, k if normaliser == "destination" else j].sum() * pci[k]
                for k in range(len(pci))
                if not m[i, k] and phi[:, k].sum() > 0
            ]
            result[i, j] = math.fsum(terms)
    return result


# --- proximity


def test_proximity_of_the_published_network():
    """P(4 | 1) = 1 but P(1 | 4) = 1/3, and so on."""
    expected = [[0, 1 / 2, 1 / 2, 1 / 3], [1 / 2, 0, 1 / 2, 1 / 3], [1 / 2, 1 / 2, 0, 2 / 3], [1 / 3, 1 / 3, 2 / 3, 0]]
    assert_allclose(proximity(NETWORK), expected, rtol=1e-15)


@given(presences, methods)
def test_proximity_is_the_loop(m, method):
    expected = proximity_by_loop(m, m, method)
    held = m.any(axis=0)
    np.fill_diagonal(expected, np.where(held, 0.0, NAN))
    assert_allclose(proximity(m, method), expected, rtol=1e-12)


@given(presences, methods, st.sampled_from([0.0, 1.0, 0.25]))
def test_proximity_is_symmetric_in_range_with_the_diagonal_asked_for(m, method, diagonal):
    phi = proximity(m, method, diagonal=diagonal)
    assert_array_equal(phi, phi.T)
    held = m.any(axis=0)
    assert_array_equal(np.diagonal(phi), np.where(held, diagonal, NAN))
    assert_array_equal(np.isnan(phi), ~(held[:, np.newaxis] & held))
    top = m.any(axis=1).sum() if method == "association" else 1.0
    assert (phi[held][:, held] >= 0).all()
    assert (phi[held][:, held] <= max(top, diagonal) + 1e-12).all()


@given(presences, presences, methods)
def test_cross_proximity_is_the_loop(a, b, method):
    n = min(len(a), len(b))
    assert_allclose(cross_proximity(a[:n], b[:n], method), proximity_by_loop(a[:n], b[:n], method), rtol=1e-12)


@given(presences, methods)
def test_cross_proximity_of_a_table_with_itself_has_the_proximities(m, method):
    phi, cross = proximity(m, method), cross_proximity(m, m.copy(), method)
    off = ~np.eye(len(phi), dtype=bool)
    assert_array_equal(cross[off], phi[off])


@given(presences, methods)
def test_an_empty_region_and_an_empty_sector_change_nothing_else(m, method):
    phi = proximity(m, method)
    larger = np.pad(m, ((1, 1), (1, 0)))
    again = proximity(larger, method)
    assert_array_equal(again[1:, 1:], phi)
    assert np.isnan(again[0]).all()
    assert np.isnan(again[:, 0]).all()
    omega = density(larger, again)
    assert_array_equal(omega[[0, -1]][:, 1:], np.where(np.isnan(omega[1, 1:]), NAN, np.zeros((2, m.shape[1]))))
    assert_allclose(omega[1:-1, 1:], density(m, phi), rtol=1e-13)
    assert np.isnan(omega[:, 0]).all()
    pci = np.linspace(-1, 2, m.shape[1])
    coi = outlook_index(larger, omega, np.r_[NAN, pci])
    assert np.isnan(coi[[0, -1]]).all()
    assert_allclose(coi[1:-1], outlook_index(m, density(m, phi), pci), rtol=1e-12, atol=1e-14)


@given(tables(), st.data())
def test_permuting_permutes_and_nothing_more(table, data):
    m, phi, pci = table
    rows = np.array(data.draw(st.permutations(range(m.shape[0]))))
    columns = np.array(data.draw(st.permutations(range(m.shape[1]))))
    n, psi, qci = m[np.ix_(rows, columns)], phi[np.ix_(columns, columns)], pci[columns]
    near = {"rtol": 1e-9, "atol": 1e-12}
    omega, omega_n = density(m, phi), density(n, psi)
    assert_allclose(omega_n, omega[np.ix_(rows, columns)], **near)
    assert_allclose(k_nearest_density(n, psi, 2), k_nearest_density(m, phi, 2)[np.ix_(rows, columns)], **near)
    assert_allclose(outlook_index(n, omega_n, qci), outlook_index(m, omega, pci)[rows], **near)
    assert_allclose(outlook_gain(n, psi, qci), outlook_gain(m, phi, pci)[np.ix_(rows, columns)], **near)
    assert_allclose(coherence(n, psi), coherence(m, phi)[rows], **near)
    assert_allclose(maximum_spanning_tree(psi).weight.sum(), maximum_spanning_tree(phi).weight.sum(), **near)


@pytest.mark.parametrize("bad", [np.ones((2, 2)), np.ones((2, 2), int), np.ones(3, bool)])
def test_only_a_table_of_true_and_false_is_presence(bad):
    for call in (
        lambda: proximity(bad),
        lambda: cross_proximity(bad, bad),
        lambda: density(bad, np.zeros((2, 2))),
        lambda: significance(bad, 9, np.random.default_rng(1)),
    ):
        with pytest.raises(ValueError, match="presence must"):
            call()


def test_unknown_method_and_different_regions_are_refused():
    with pytest.raises(ValueError, match="minimum_conditional, cosine, jaccard, association, not 'pearson'"):
        proximity(NETWORK, "pearson")
    with pytest.raises(ValueError, match="4 and 3 regions"):
        cross_proximity(NETWORK, NETWORK[:3])


def test_a_table_without_sectors_or_regions():
    assert proximity(np.zeros((3, 0), bool)).shape == (0, 0)
    assert np.isnan(proximity(np.zeros((0, 2), bool))).all()
    assert density(np.zeros((3, 0), bool), np.zeros((0, 0))).shape == (3, 0)


# --- correlation of RSCA


def correlation_by_loop(x):
    n = x.shape[1]
    result = np.full((n, n), NAN)
    for j, k in np.ndindex(n, n):
        both = ~np.isnan(x[:, j]) & ~np.isnan(x[:, k])
        a, b = x[both, j], x[both, k]
        if len(a) >= 3 and np.ptp(a) > 1e-6 and np.ptp(b) > 1e-6:
            result[j, k] = np.corrcoef(a, b)[0, 1]
    return result


rsca_values = st.one_of(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), st.just(NAN))


@given(st.tuples(st.integers(1, 9), st.integers(1, 5)).flatmap(lambda s: arrays(float, s, elements=rsca_values)))
def test_correlation_is_the_loop_over_regions_known_for_both(x):
    expected = correlation_by_loop(x)
    np.fill_diagonal(expected, np.where(np.isnan(np.diagonal(expected)), NAN, 0.0))
    result = rsca_correlation(x)
    assert_allclose(result, expected, atol=1e-12)
    assert_array_equal(result, result.T)
    assert (np.abs(result[~np.isnan(result)]) <= 1.0).all()


def test_correlation_in_blocks_is_the_correlation():
    x = np.random.default_rng(4).uniform(-1, 1, (20, 600))
    assert_allclose(rsca_correlation(x, diagonal=1.0), np.corrcoef(x.T), atol=1e-12)


def test_one_missing_value_touches_one_sector():
    x = np.random.default_rng(5).uniform(-1, 1, (9, 4))
    holed = x.copy()
    holed[2, 1] = NAN
    before, after = rsca_correlation(x), rsca_correlation(holed)
    others = [0, 2, 3]
    assert_allclose(after[np.ix_(others, others)], before[np.ix_(others, others)], rtol=1e-13)
    assert np.isfinite(after).all()


def test_rca_is_not_rsca():
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        rsca_correlation(np.array([[2.0, 0.1]]))
    with pytest.raises(ValueError, match="2 dimensions"):
        rsca_correlation(np.zeros(3))


# --- density


@given(tables())
def test_density_is_the_loop_in_range_and_distance_the_rest(table):
    m, phi, _ = table
    omega = density(m, phi)
    assert_allclose(omega, density_by_loop(m, phi), rtol=1e-12)
    known = omega[~np.isnan(omega)]
    assert ((known >= 0) & (known <= 1)).all()
    assert_array_equal(distance(m, phi), 1.0 - omega)


@given(tables(), st.integers(1, 9))
def test_k_nearest_density_is_the_loop(table, k):
    m, phi, _ = table
    assert_allclose(k_nearest_density(m, phi, k), density_by_loop(m, phi, k), rtol=1e-12)


@given(tables())
def test_the_nearest_of_all_are_all(table):
    m, phi, _ = table
    assert_allclose(k_nearest_density(m, phi, len(phi)), density(m, phi), rtol=1e-13)


def test_k_nearest_honours_weights_and_keeps_ties():
    m = np.array([[True, False, False, False]])
    phi = np.array([[0.6, 0.2, 0.2, 0.1]]).T
    assert_allclose(k_nearest_density(m, phi, 1), [[1.0]])
    assert_allclose(k_nearest_density(m, phi, 2), [[0.6]])  # both of 0.2 are second: 0.6 / (0.6 + 0.2 + 0.2)
    assert_allclose(k_nearest_density(m, phi, 4), [[0.6 / 1.1]])
    with pytest.raises(ValueError, match="at least 1"):
        k_nearest_density(m, phi, 0)


def test_density_across_classifications():
    """Around each technology, the share of proximity from the sciences held."""
    science, technology = NETWORK[:, :3], NETWORK[:, 2:]
    phi = cross_proximity(science, technology)
    omega = density(science, phi)
    assert omega.shape == technology.shape
    assert_allclose(omega, density_by_loop(science, phi), rtol=1e-13)


def test_holding_everything_is_density_one_and_nothing_zero():
    m = np.array([[True] * 3, [False] * 3])
    phi = proximity(np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1]], bool))
    assert_array_equal(density(m, phi), [[1.0] * 3, [0.0] * 3])
    assert np.isnan(relative_density(m, density(m, phi))).all()


@given(tables())
def test_relative_density_is_the_loop(table):
    m, phi, _ = table
    omega = density(m, phi)
    result = relative_density(m, omega)
    for i in range(len(m)):
        options = [w for w, held in zip(omega[i], m[i], strict=True) if not held and not math.isnan(w)]
        spread = np.std(options) if options else 0.0
        for j in range(m.shape[1]):
            if m[i, j] or math.isnan(omega[i, j]) or spread < 1e-9:
                assert math.isnan(result[i, j])
            else:
                assert result[i, j] == pytest.approx((omega[i, j] - np.mean(options)) / spread, rel=1e-6)


@pytest.mark.parametrize("bad", [-0.1, math.inf])
def test_a_proximity_that_is_none_is_refused(bad):
    phi = np.array([[0.0, bad], [bad, 0.0]])
    m = np.array([[True, False]])
    for call in (
        lambda: density(m, phi),
        lambda: k_nearest_density(m, phi, 1),
        lambda: outlook_gain(m, phi, np.zeros(2)),
        lambda: maximum_spanning_tree(phi),
        lambda: strongest_paths(phi, m[0]),
    ):
        with pytest.raises(ValueError, match="finite and >= 0"):
            call()


def test_shapes_that_do_not_fit_are_refused():
    m, phi = np.zeros((2, 3), bool), np.zeros((4, 4))
    for call in (
        lambda: density(m, phi),
        lambda: relative_density(m, phi),
        lambda: outlook_index(m, np.zeros((2, 3)), np.zeros(2)),
        lambda: outlook_index(m, np.zeros((3, 2)), np.zeros(3)),
        lambda: outlook_gain(m, np.zeros((3, 2)), np.zeros(3)),
        lambda: coherence(m, phi),
        lambda: maximum_spanning_tree(phi[:2]),
        lambda: strongest_paths(phi, np.zeros(3, bool)),
    ):
        with pytest.raises(ValueError, match=r"fit|differ|one value|square|True or False"):
            call()


# --- outlook


@given(tables())
def test_outlook_index_is_the_loop(table):
    m, phi, pci = table
    omega = density(m, phi)
    expected = [
        math.fsum(np.nan_to_num(omega[i, j] * pci[j]) for j in range(len(pci)) if not m[i, j]) if m[i].any() else NAN
        for i in range(len(m))
    ]
    assert_allclose(outlook_index(m, omega, pci), expected, rtol=1e-9, atol=1e-12)


@given(tables(), st.sampled_from(["destination", "origin"]))
def test_outlook_gain_is_the_loop(table, normaliser):
    m, phi, pci = table
    expected = gain_by_loop(m, phi, pci, normaliser)
    assert_allclose(outlook_gain(m, phi, pci, normaliser=normaliser), expected, rtol=1e-9, atol=1e-12)


@given(tables(), st.data())
def test_gain_is_what_the_index_gains_but_for_the_sector_itself(table, data):
    """COI(M + e_ij) - COI(M) = COG_ij - omega_ij PCI_j, with phi and PCI fixed and a diagonal of 0."""
    m, phi, pci = table
    pci = np.nan_to_num(pci)
    gain = outlook_gain(m, phi, pci)
    open_ = np.argwhere(~np.isnan(gain))
    assume(len(open_) > 0)
    i, j = open_[data.draw(st.integers(0, len(open_) - 1))]
    more = m.copy()
    more[i, j] = True
    omega = density(m, phi)
    difference = outlook_index(more, density(more, phi), pci)[i] - outlook_index(m, omega, pci)[i]
    assert difference == pytest.approx(gain[i, j] - omega[i, j] * pci[j], abs=1e-12)


def test_the_other_normaliser_is_another_number_and_no_gain():
    m = np.array([[True, False, False]])
    phi = np.array([[0.0, 0.5, 0.2], [0.5, 0.0, 0.2], [0.2, 0.2, 0.0]])
    pci = np.array([0.0, 1.0, 3.0])
    assert_allclose(outlook_gain(m, phi, pci), [[NAN, 0.2 / 0.4 * 3, 0.2 / 0.7 * 1]])
    assert_allclose(outlook_gain(m, phi, pci, normaliser="origin"), [[NAN, 0.2 / 0.7 * 3, 0.2 / 0.4 * 1]])
    with pytest.raises(ValueError, match="destination or origin, not 'both'"):
        outlook_gain(m, phi, pci, normaliser="both")


def test_nothing_left_to_gain():
    m = np.array([[True, True], [False, False]])
    phi = np.array([[0.0, 0.5], [0.5, 0.0]])
    assert_array_equal(outlook_index(m, density(m, phi), np.ones(2)), [0.0, NAN])
    assert np.isnan(outlook_gain(m, phi, np.ones(2))).all()


# --- coherence


weights = st.one_of(st.floats(1e-3, 1e3), st.just(0.0))


@given(tables(), st.data())
def test_coherence_is_the_loop(table, data):
    m, phi, _ = table
    w = data.draw(arrays(float, m.shape, elements=weights))
    if len(phi) > 1 and data.draw(st.booleans()):
        phi[0, 1] = phi[1, 0] = NAN
    for row, result in zip(w, coherence(w, phi), strict=True):
        pairs = [(j, k) for j, k in itertools.permutations(range(len(row)), 2) if not math.isnan(phi[j, k])]
        below = math.fsum(row[j] * row[k] for j, k in pairs)
        if below == 0:
            assert math.isnan(result)
        else:
            above = math.fsum(row[j] * row[k] * phi[j, k] for j, k in pairs)
            assert result == pytest.approx(above / below, rel=1e-6, abs=1e-9)


def test_coherence_is_the_same_in_any_unit_and_blind_to_the_diagonal():
    w = np.array([[3.0, 1.0, 2.0]])
    phi = np.array([[0.0, 0.5, 0.2], [0.5, 0.0, 0.2], [0.2, 0.2, 0.0]])
    assert_allclose(coherence(1e200 * w, phi), coherence(w, phi))
    assert_allclose(coherence(w, phi + np.eye(3)), coherence(w, phi))
    assert_allclose(coherence(w, phi), [(3 * 1 * 0.5 + 3 * 2 * 0.2 + 1 * 2 * 0.2) / (3 + 6 + 2)])
    with pytest.raises(ValueError, match="finite and >= 0"):
        coherence(-w, phi)


# --- significance


def test_p_values_are_those_of_all_tables_with_the_same_sums():
    """Five regions and four sectors have few enough tables to list: the draws must find their exact shares."""
    m = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]], bool)
    rows = [[np.isin(range(4), held) for held in itertools.combinations(range(4), int(d))] for d in m.sum(axis=1)]
    every = [np.array(t) for t in itertools.product(*rows) if (np.sum(t, axis=0) == m.sum(axis=0)).all()]
    observed = m.T.astype(int) @ m
    exact = np.mean([t.T.astype(int) @ t >= observed for t in every], axis=0)
    assert len(every) > 20
    result = significance(m, 4000, np.random.default_rng(20230926))
    off = ~np.eye(4, dtype=bool)
    assert_allclose(result.p_value[off], exact[off], atol=0.04)  # some 5 standard errors of 4,000 draws
    assert np.isnan(np.diagonal(result.p_value)).all()


def test_links_beyond_chance_are_found_and_chance_is_not():
    rng = np.random.default_rng(7)
    m = rng.random((40, 12)) < 0.3
    planted = m.copy()
    planted[:, 1] = planted[:, 0]
    found = significance(planted, 999, rng)
    assert found.p_value[0, 1] == pytest.approx(1 / 1000)
    assert found.q_value[0, 1] < 0.1
    assert (np.nan_to_num(significance(m, 999, rng).q_value, nan=1.0) > 0.05).all()


@given(presences, st.integers(1, 5), st.integers(0, 99))
def test_significance_is_symmetric_in_range_and_repeatable(m, draws, seed):
    before = m.copy()
    result = significance(m, draws, np.random.default_rng(seed))
    assert_array_equal(m, before)
    held = m.any(axis=0)
    pairs = held[:, np.newaxis] & held & ~np.eye(len(held), dtype=bool)
    for values in (result.p_value, result.q_value):
        assert_array_equal(values, values.T)
        assert_array_equal(np.isnan(values), ~pairs)
        assert ((values[pairs] >= 1 / (draws + 1)) & (values[pairs] <= 1)).all()
    assert (result.q_value[pairs] >= result.p_value[pairs]).all()
    assert_array_equal(significance(m, draws, np.random.default_rng(seed)).p_value, result.p_value)


def test_significance_needs_a_draw():
    with pytest.raises(ValueError, match="at least 1"):
        significance(NETWORK, 0, np.random.default_rng(1))


# --- network


def tree_by_loop(phi):
    """Total and number of links of Kruskal's tree."""
    part = list(range(len(phi)))
    total, n = 0.0, 0
    for weight, j, k in sorted(((phi[a, b], a, b) for a in range(len(phi)) for b in range(a)), reverse=True):
        if weight > 0 and part[j] != part[k]:
            old, new = part[j], part[k]
            part = [new if p == old else p for p in part]
            total, n = total + weight, n + 1
    return total, n


@given(tables())
def test_spanning_tree_is_as_heavy_as_kruskals(table):
    _, phi, _ = table
    tree = maximum_spanning_tree(phi)
    total, n = tree_by_loop(np.nan_to_num(phi))
    assert len(tree.weight) == n
    assert tree.weight.sum() == pytest.approx(total)
    assert (tree.source < tree.target).all()
    assert_array_equal(tree.weight, phi[tree.source, tree.target])
    assert list(zip(tree.source, tree.target, strict=True)) == sorted(zip(tree.source, tree.target, strict=True))


def products_by_loop(phi, sources):
    """Highest product by repeated relaxation."""
    phi = np.nan_to_num(phi)
    best = sources.astype(float)
    for _ in range(len(phi)):
        best = np.array([max(best[k], *(best[j] * phi[j, k] for j in range(len(phi)))) for k in range(len(phi))])
    return best


@given(presences, st.sampled_from(["minimum_conditional", "cosine", "jaccard"]), st.data())
def test_paths_have_the_highest_product(m, method, data):
    phi = proximity(m, method)
    sources = data.draw(arrays(bool, len(phi)))
    paths = strongest_paths(phi, sources)
    assert_allclose(paths.product, products_by_loop(phi, sources), rtol=1e-9)
    for target in range(len(phi)):
        path = stepping_stones(phi, sources, target)
        assert path.sectors == paths.to(target).sectors
        assert path.product == pytest.approx(paths.product[target])
        if path.sectors:
            assert path.sectors[-1] == target
            assert sources[path.sectors[0]]
            assert not sources[list(path.sectors[1:])].any()
            assert path.product == pytest.approx(math.prod(phi[a, b] for a, b in itertools.pairwise(path.sectors)))
        else:
            assert path.product == 0.0


def test_a_proximity_of_one_is_a_link_and_ties_take_the_fewest_steps():
    phi = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.5], [0.5, 0.5, 0.0]])
    start = np.array([True, False, False])
    assert stepping_stones(phi, start, 1).sectors == (0, 1)
    assert stepping_stones(phi, start, 1).product == 1.0
    assert stepping_stones(phi, start, 2).sectors == (0, 2)
    longer = np.zeros((5, 5))  # to 4: by way of 1, or of 2 and 3, each with 1/8
    for a, b, value in [(0, 1, 0.25), (1, 4, 0.5), (0, 2, 0.5), (2, 3, 1.0), (3, 4, 0.25)]:
        longer[a, b] = longer[b, a] = value
    assert stepping_stones(longer, np.arange(5) == 0, 4).sectors == (0, 1, 4)


def test_no_way_there_already_and_no_start():
    phi = np.array([[0.0, 0.5, NAN], [0.5, 0.0, NAN], [NAN, NAN, NAN]])
    start = np.array([True, False, False])
    assert stepping_stones(phi, start, 2).sectors == ()
    assert stepping_stones(phi, start, 2).product == 0.0
    assert stepping_stones(phi, start, 0).sectors == (0,)
    assert stepping_stones(phi, start, 0).product == 1.0
    nowhere = strongest_paths(phi, np.zeros(3, bool))
    assert nowhere.to(1).sectors == ()


def test_paths_refuse_what_is_no_probability_or_no_sector():
    with pytest.raises(ValueError, match=r"proximities in \[0, 1\]"):
        strongest_paths(np.array([[0.0, 1.5], [1.5, 0.0]]), np.array([True, False]))
    with pytest.raises(ValueError, match="one of 2 sectors, not 2"):
        stepping_stones(np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([True, False]), 2)
    with pytest.raises(ValueError, match="one of 2 sectors, not -1"):
        stepping_stones(np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([True, False]), -1)


def test_arguments_are_never_modified():
    m, phi = NETWORK.copy(), proximity(NETWORK)
    phi[0, 1] = phi[1, 0] = NAN
    before, pci = phi.copy(), np.array([1.0, NAN, 0.0, 2.0])
    omega = density(m, phi)
    for call in (
        lambda: k_nearest_density(m, phi, 2),
        lambda: relative_density(m, omega),
        lambda: outlook_gain(m, phi, pci, normaliser="origin"),
        lambda: coherence(m, phi),
        lambda: maximum_spanning_tree(phi),
        lambda: stepping_stones(phi, m[2], 0),
    ):
        call()
        assert_array_equal(phi, before)
        assert_array_equal(m, NETWORK)
