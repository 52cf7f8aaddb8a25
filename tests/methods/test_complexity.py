"""Complexity: published network, the unsymmetric eigenproblem and loops as references, every refusal, every edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from capmap.methods.complexity import (
    ComplexityError,
    complexity,
    components,
    eligible,
    expy,
    fitness,
    prody,
    projected_eci,
    reflections,
)

NAN = float("nan")

# The network of Fig. S4 of Hidalgo & Hausmann (2009), PNAS 106(26), 10570-10575: four countries, four products.
NETWORK = np.array([[1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)

presences = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda shape: arrays(bool, shape))


def graded(n_regions, n_sectors, seed=0):
    """A table with a clear first scale: able regions hold many sectors, demanding sectors are held by few."""
    rng = np.random.default_rng(seed)
    ability, demand = np.linspace(-1.5, 1.5, n_regions), np.linspace(-1.5, 1.5, n_sectors)
    gap = ability[:, np.newaxis] - demand
    return (np.abs(gap) + rng.normal(scale=0.4, size=gap.shape) < 1.3) | (gap > 1.0) & (rng.random(gap.shape) < 0.5)


seeds = st.integers(0, 10_000)
sizes = st.tuples(st.integers(6, 14), st.integers(6, 14))


@st.composite
def solvable(draw):
    """A table whose complexity is defined and whose sign is not a matter of chance."""
    m = graded(*draw(sizes), draw(seeds))
    try:
        result = complexity(m)
    except ComplexityError:
        assume(False)
    assume(not result.flags)
    return m, result


def complexity_by_definition(m, ddof=0):
    """ECI and PCI of a table without empty rows or columns, from the unsymmetric matrix as the papers write it."""
    d, u = m.sum(axis=1), m.sum(axis=0)
    n = len(m)
    w = np.array(
        [[sum(m[i, s] * m[k, s] / (d[i] * u[s]) for s in range(m.shape[1])) for k in range(n)] for i in range(n)]
    )
    values, vectors = np.linalg.eig(w)
    second = np.argsort(values.real)[-2]
    k = vectors[:, second].real
    if np.corrcoef(k, d)[0, 1] < 0:
        k = -k
    q = np.array([k[m[:, s]].mean() for s in range(m.shape[1])]) / values[second].real
    return (k - k.mean()) / k.std(ddof=ddof), (q - k.mean()) / k.std(ddof=ddof), np.sort(values.real)[::-1]


# --- ECI and PCI


@pytest.mark.parametrize("shape", [(9, 14), (14, 9), (12, 12)])
@pytest.mark.parametrize("ddof", [0, 1])
def test_complexity_is_the_second_eigenvector_of_the_papers(shape, ddof):
    """On either side of the table, which is solved on the smaller one."""
    m = graded(*shape)
    eci, pci, eigenvalues = complexity_by_definition(m, ddof)
    result = complexity(m, ddof=ddof)
    assert_allclose(result.eci, eci, rtol=1e-9, atol=1e-12)
    assert_allclose(result.pci, pci, rtol=1e-9, atol=1e-12)
    assert_allclose(result.eigenvalues, eigenvalues[:3], atol=1e-13)
    assert_array_equal(result.diversity, m.sum(axis=1))
    assert_array_equal(result.ubiquity, m.sum(axis=0))
    assert result.flags == ()


def test_complexity_of_the_published_network():
    """Its eigenvalues besides 1 add up to trace - 1 = 5/6, and their product is det(M)^2 / (prod d prod u) = 1/96.

    Its most diverse country makes what everybody makes too, so that diversity hardly tells which end is complex.
    """
    result = complexity(NETWORK)
    _, second, third = result.eigenvalues
    assert second * third * (5 / 6 - second - third) == pytest.approx(1 / 96)
    eci, pci, _ = complexity_by_definition(NETWORK)
    assert_allclose(result.eci, eci, rtol=1e-9)
    assert_allclose(result.pci, pci, rtol=1e-9)
    assert result.flags == ("weak_sign",)


@given(solvable())
def test_a_regions_index_is_the_mean_of_its_sectors(case):
    m, result = case
    means = (m @ result.pci) / m.sum(axis=1)
    assert_allclose(means, result.eci, atol=1e-10)
    assert result.eci.mean() == pytest.approx(0.0, abs=1e-12)
    assert result.eci.std() == pytest.approx(1.0)
    assert np.corrcoef(result.eci, result.diversity)[0, 1] >= 0.2
    assert result.eigenvalues[0] == pytest.approx(1.0)


@given(solvable(), st.data())
def test_permuting_permutes_and_nothing_more(case, data):
    m, result = case
    rows = np.array(data.draw(st.permutations(range(m.shape[0]))))
    columns = np.array(data.draw(st.permutations(range(m.shape[1]))))
    again = complexity(m[np.ix_(rows, columns)])
    assert_allclose(again.eci, result.eci[rows], atol=1e-9)
    assert_allclose(again.pci, result.pci[columns], atol=1e-9)
    assert_allclose(again.eigenvalues, result.eigenvalues, atol=1e-12)


@given(solvable(), st.integers(1, 3), st.integers(0, 2))
def test_empty_regions_and_sectors_are_nan_and_change_nothing(case, n_regions, n_sectors):
    m, result = case
    larger = np.pad(m, ((n_regions, 1), (0, n_sectors)))
    again = complexity(larger)
    inside = np.pad(np.ones(len(m), bool), (n_regions, 1))
    assert_array_equal(again.eci[inside], result.eci)
    assert np.isnan(again.eci[~inside]).all()
    assert_array_equal(again.pci[: m.shape[1]], result.pci)
    assert np.isnan(again.pci[m.shape[1] :]).all()
    assert again.flags == result.flags
    assert_array_equal(again.components.regions, np.where(inside, 0, -1))


@given(solvable())
def test_scales_and_signs(case):
    m, result = case
    own = complexity(m, pci_scale="sector")
    assert_array_equal(own.eci, result.eci)
    assert own.pci.mean() == pytest.approx(0.0, abs=1e-12)
    assert own.pci.std() == pytest.approx(1.0)
    assert np.corrcoef(own.pci, result.pci)[0, 1] == pytest.approx(1.0)
    by_ubiquity = complexity(m, sign="ubiquity")
    assert np.corrcoef(by_ubiquity.pci, by_ubiquity.ubiquity)[0, 1] <= 0
    assert_allclose(np.abs(by_ubiquity.eci), np.abs(result.eci), atol=1e-12)


#: A ring of sectors turned against diversity: one region at either end holds more, so that diversity says little.
WEAK = np.array(
    [[1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1, 0],
     [0, 0, 0, 0, 1, 1, 1]], bool)  # fmt: skip


def test_a_weak_sign_is_flagged_and_the_previous_one_kept():
    alone = complexity(WEAK, force=True)
    assert abs(np.corrcoef(alone.eci, alone.diversity)[0, 1]) < 0.2
    assert "weak_sign" in alone.flags
    assert "previous_sign" not in alone.flags
    for previous in (alone.eci, -alone.eci):
        holed = previous.copy()
        holed[1] = NAN
        kept = complexity(WEAK, previous=holed, force=True)
        assert_allclose(kept.eci, previous, atol=1e-12)
        assert_allclose((WEAK @ kept.pci) / WEAK.sum(axis=1), kept.eci, atol=1e-10)
        assert {"weak_sign", "previous_sign"} <= set(kept.flags)
    among_others = complexity(np.pad(WEAK, ((2, 0), (0, 0))), previous=np.r_[1.0, NAN, -alone.eci], force=True)
    assert_allclose(among_others.eci[2:], -alone.eci, atol=1e-12)
    unknown = complexity(WEAK, previous=np.full(len(WEAK), NAN), force=True)
    assert_allclose(unknown.eci, alone.eci, atol=1e-12)
    assert "previous_sign" not in unknown.flags


def test_a_clear_sign_does_not_listen_to_the_previous_one():
    m = graded(10, 12)
    result = complexity(m)
    assert_array_equal(complexity(m, previous=-result.eci).eci, result.eci)


# --- refusals


def refusal(m, **options):
    with pytest.raises(ComplexityError) as caught:
        complexity(m, **options)
    return caught.value


def test_two_blocks_are_refused_with_their_parts():
    m = np.zeros((7, 9), bool)
    m[:4, :4] = NETWORK
    m[4:6, 4:8] = [[1, 1, 1, 1], [1, 1, 0, 0]]
    error = refusal(m)
    assert error.reason == "disconnected"
    assert "2 parts" in str(error)
    assert "4 x 4, 2 x 4" in str(error)
    assert_array_equal(error.components.regions, [0, 0, 0, 0, 1, 1, -1])
    assert_array_equal(error.components.sectors, [0] * 4 + [1] * 4 + [-1])
    largest = complexity(m, component="largest")
    assert_allclose(largest.eci[:4], complexity(NETWORK).eci, atol=1e-12)
    assert_allclose(largest.pci[:4], complexity(NETWORK).pci, atol=1e-12)
    assert np.isnan(largest.eci[4:]).all()
    assert np.isnan(largest.pci[4:]).all()
    assert largest.flags == ("largest_component", "weak_sign")
    assert_array_equal(largest.diversity, m.sum(axis=1))


def test_of_two_parts_of_one_size_neither_is_the_largest():
    m = np.kron(np.eye(2, dtype=bool), NETWORK)
    error = refusal(m, component="largest")
    assert error.reason == "disconnected"
    assert "none of them is the largest" in str(error)


@pytest.mark.parametrize(
    "m",
    [
        np.ones((4, 5), bool),  # rank one: every index of advantage is exactly 1
        np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]], bool),
        np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 1, 0]], bool)[1:, :3],
    ],
)
def test_equal_diversities_are_refused(m):
    error = refusal(m, force=True)
    assert error.reason == "equal_diversity"
    assert "equally diverse" in str(error)


@pytest.mark.parametrize(
    "m",
    [
        np.zeros((3, 3), bool),
        np.zeros((0, 0), bool),
        np.zeros((0, 4), bool),
        np.zeros((4, 0), bool),
        np.ones((1, 5), bool),
        np.ones((5, 1), bool),
        np.array([[True, True, False], [False, False, False]]),  # a single region beside an empty one
    ],
)
def test_too_few_regions_or_sectors_are_refused(m):
    assert refusal(m, force=True).reason == "too_few"


def almost_tied():
    """Three equal arms around one diverse region: the second and third eigenvalue are the same by symmetry."""
    m = np.zeros((7, 7), bool)
    m[0] = [1, 1, 1, 1, 0, 0, 0]
    for arm in range(3):
        m[1 + arm, [1 + arm, 4 + arm]] = True
        m[4 + arm, [4 + arm]] = True
    return m


def test_a_small_eigengap_is_refused_unless_forced():
    m = almost_tied()
    error = refusal(m)
    assert error.reason == "eigengap"
    assert error.eigenvalues[1] - error.eigenvalues[2] < 1e-12
    assert "too close" in str(error)
    forced = complexity(m, force=True)
    assert "eigengap" in forced.flags
    assert np.isfinite(forced.eci).all()
    assert_allclose((m @ forced.pci) / m.sum(axis=1), forced.eci, atol=1e-10)


def test_a_gap_may_be_small_for_its_eigenvalue():
    """Three blocks in a row with a thread between them: a gap of 0.03 is above 0.01, but below 5 % of 0.98."""
    row = np.kron(np.eye(3, dtype=bool), np.ones((6, 8), bool))
    row[0, 0] = row[6, 9] = False
    row[5, 8] = row[11, 16] = True
    error = refusal(row)
    assert error.reason == "eigengap"
    _, second, third = error.eigenvalues
    assert 0.01 < second - third < 0.05 * second
    row[[4, 10], [8, 16]] = True  # two threads
    _, second, third = complexity(row).eigenvalues
    assert second - third > 0.05 * second


def test_no_second_dimension_is_told_from_a_small_one():
    """Every connected table of rank 1 is full and so equally diverse; the smallest eigenvalues are refused as gaps."""
    thin = np.ones((40, 40), bool)
    thin[0, 0] = False
    error = refusal(thin)
    assert error.reason == "eigengap"
    assert 0 < error.eigenvalues[1] < 0.01


def outcome(m):
    try:
        return complexity(m)
    except ComplexityError as error:
        return error


@given(presences)
def test_any_table_has_an_answer_or_a_reason(m):
    result = outcome(m)
    if isinstance(result, ComplexityError):
        assert result.reason in {"too_few", "disconnected", "equal_diversity", "eigengap"}
        assert (result.reason == "disconnected") == (len(components(m).sizes) > 1)
    else:
        assert_array_equal(np.isnan(result.eci), ~m.any(axis=1))
        assert_array_equal(np.isnan(result.pci), ~m.any(axis=0))
        assert result.eigenvalues[1] - result.eigenvalues[2] >= 0.01


def test_misuse_is_refused():
    for bad in (NETWORK.astype(float), NETWORK.astype(int), NETWORK[0]):
        for call in (complexity, components, fitness, lambda m: reflections(m, 1), lambda m: eligible(m, np.ones(4))):
            with pytest.raises(ValueError, match="presence must") as caught:
                call(bad)
            assert not isinstance(caught.value, ComplexityError)
    with pytest.raises(ValueError, match="sign must be one of diversity, ubiquity, not 'gdp'"):
        complexity(NETWORK, sign="gdp")
    with pytest.raises(ValueError, match="pci_scale must be"):
        complexity(NETWORK, pci_scale="own")
    with pytest.raises(ValueError, match="component must be"):
        complexity(NETWORK, component="second")
    with pytest.raises(ValueError, match=r"previous \(3,\) must have one value for each of 4"):
        complexity(NETWORK, previous=np.ones(3))


# --- components


def components_by_search(m):
    """Sets of regions and sectors that reach each other, largest first."""
    left, found = set(np.flatnonzero(m.any(axis=1))), []
    while left:
        regions, sectors = {min(left)}, set()
        while True:
            sectors = {s for i in regions for s in np.flatnonzero(m[i])}
            more = {i for s in sectors for i in np.flatnonzero(m[:, s])}
            if more == regions:
                break
            regions = more
        found.append((regions, sectors))
        left -= regions
    return sorted(found, key=lambda part: (-len(part[0]), -len(part[1]), min(part[0])))


@given(presences)
def test_components_are_those_of_a_search(m):
    parts, expected = components(m), components_by_search(m)
    assert parts.sizes.tolist() == [[len(regions), len(sectors)] for regions, sectors in expected]
    for number, (regions, sectors) in enumerate(expected):
        assert set(np.flatnonzero(parts.regions == number)) == regions
        assert set(np.flatnonzero(parts.sectors == number)) == sectors
    assert_array_equal(parts.regions == -1, ~m.any(axis=1))
    assert_array_equal(parts.sectors == -1, ~m.any(axis=0))


def test_of_parts_with_as_many_regions_the_one_with_more_sectors_comes_first():
    m = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)
    assert components(m).sizes.tolist() == [[1, 2], [1, 1], [1, 1]]
    assert components(m).regions.tolist() == [1, 0, 2]


# --- reflections


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (0, [4, 1, 2, 1]),
        (1, [2, 2, 2.5, 3]),
        (2, [2.958333, 2.5, 2.666667, 2.333333]),
    ],
)
def test_published_reflections(steps, expected):
    """Hidalgo & Hausmann (2009), Fig. S4: k_{c,0}, k_{c,1} and k_{c,2}."""
    result = reflections(NETWORK, steps)
    assert_allclose(result.region, expected, atol=5e-7)
    assert result.steps == steps
    parities = ("diversity", "ubiquity") if steps % 2 == 0 else ("ubiquity", "diversity")
    assert (result.region_parity, result.sector_parity) == parities


@given(presences, st.integers(0, 6))
def test_reflections_are_the_loop(m, steps):
    d, u = m.sum(axis=1), m.sum(axis=0)
    region, sector = d.astype(float), u.astype(float)
    for _ in range(steps):
        region, sector = (
            np.array([np.mean(sector[m[i]]) if d[i] else 0.0 for i in range(len(d))]),
            np.array([np.mean(region[m[:, j]]) if u[j] else 0.0 for j in range(len(u))]),
        )
    result = reflections(m, steps)
    assert_allclose(result.region, np.where(d > 0, region, NAN), rtol=1e-12)
    assert_allclose(result.sector, np.where(u > 0, sector, NAN), rtol=1e-12)


def test_reflections_lead_to_the_eigenvector():
    m = graded(12, 15)
    far = reflections(m, 20)
    assert np.corrcoef(far.region, complexity(m).eci)[0, 1] > 0.9999


def test_steps_cannot_be_negative():
    with pytest.raises(ValueError, match=">= 0, not -1"):
        reflections(NETWORK, -1)


# --- projection


@given(solvable())
def test_projecting_its_own_complexity_gives_eci_back(case):
    m, result = case
    assert_allclose(projected_eci(m, result.pci), result.eci, atol=1e-10)


@given(presences, st.data())
def test_projection_is_the_loop(m, data):
    pci = data.draw(arrays(float, m.shape[1], elements=st.one_of(st.floats(-3, 3), st.just(NAN))))
    expected = [
        np.mean(known) if (known := [pci[j] for j in np.flatnonzero(row) if not math.isnan(pci[j])]) else NAN
        for row in m
    ]
    assert_allclose(projected_eci(m, pci), expected, rtol=1e-9, atol=1e-12)


def test_projection_needs_a_value_for_every_sector():
    with pytest.raises(ValueError, match="each of 4 sectors"):
        projected_eci(NETWORK, np.ones(3))


# --- fitness


def fitness_by_loop(m, iterations):
    f, q = [1.0] * m.shape[0], [1.0] * m.shape[1]
    for _ in range(iterations):
        new_f = [math.fsum(q[j] for j in range(m.shape[1]) if m[i, j]) for i in range(m.shape[0])]
        new_q = [1 / math.fsum(1 / f[i] for i in range(m.shape[0]) if m[i, j]) for j in range(m.shape[1])]
        f, q = [v * len(new_f) / sum(new_f) for v in new_f], [v * len(new_q) / sum(new_q) for v in new_q]
    return f, q


@given(sizes, seeds, st.integers(1, 8))
def test_fitness_is_the_loop(shape, seed, iterations):
    m = graded(*shape, seed)
    assume(m.any(axis=1).all() and m.any(axis=0).all())
    result = fitness(m, iterations=iterations)
    f, q = fitness_by_loop(m, result.iterations)
    assert_allclose(result.fitness, f, rtol=1e-9)
    assert_allclose(result.quality, q, rtol=1e-9)
    assert result.iterations <= iterations
    if result.stop == "iterations":
        assert result.iterations == iterations


def uneven(seed):
    rng = np.random.default_rng(seed)
    gap = rng.normal(size=(30, 1)) - rng.normal(size=40)
    m = gap + rng.normal(scale=0.6, size=gap.shape) > 0.3
    return m[m.any(axis=1)][:, m.any(axis=0)]


def swaps(early, late):
    """Pairs that stand in another order, where they are not tied at either time."""
    a, b = np.log(early)[:, np.newaxis] - np.log(early), np.log(late)[:, np.newaxis] - np.log(late)
    return np.count_nonzero((a * b < 0) & (np.abs(a) > 1e-6) & (np.abs(b) > 1e-6)) // 2


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_stable_ranks_are_the_ranks_of_a_long_run(seed):
    m = uneven(seed)
    result = fitness(m)
    assert result.stop == "stable_ranks"
    assert result.next_crossing > result.iterations
    assert result.stable_for >= 10
    f, q = np.ones(len(m)), np.ones(m.shape[1])
    for _ in range(2000):
        f, q = m @ q, 1.0 / ((1.0 / f) @ m)
        f, q = np.maximum(f / f.mean(), 1e-250), np.maximum(q / q.mean(), 1e-250)
    seen = f > 1e-200  # the others are at the floor that keeps the inverse finite
    assert seen.sum() > 10
    assert swaps(result.fitness[seen], f[seen]) == 0
    assert swaps(fitness(m, iterations=3).fitness[seen], f[seen]) > 0, "a table without any crossing proves nothing"


def test_ranks_that_might_still_change_are_said_to():
    """Two regions fall towards 0 together, ever closer: no rank changes for 900 iterations, and it might within 1000."""
    result = fitness(uneven(2))
    assert (result.stop, result.iterations) == ("iterations", 1000)
    assert result.stable_for > 900
    assert result.next_crossing < 1000


#: Six regions that share seven sectors and climb, one stair each, through five others.
STAIRS = np.hstack([np.tri(6, 5, dtype=bool)[::-1], np.triu(np.ones((6, 7), bool), k=-5)])


def test_values_that_converge_before_ranks_have_stood_long_solve_their_own_equations():
    result = fitness(STAIRS, tolerance=1e-2)
    assert (result.stop, result.flags) == ("converged", ())
    assert result.iterations < 10
    assert result.fitness.std() > 0.1
    f, q = STAIRS @ result.quality, 1.0 / ((1.0 / result.fitness) @ STAIRS)
    assert_allclose(f / f.mean(), result.fitness, rtol=1e-2)
    assert_allclose(q / q.mean(), result.quality, rtol=1e-2)
    assert fitness(STAIRS).stop == "stable_ranks"


def test_equal_regions_are_tied_for_ever():
    result = fitness(np.ones((3, 4), bool))
    assert_allclose(result.fitness, 1.0)
    assert_allclose(result.quality, 1.0)
    assert (result.stop, result.next_crossing) == ("converged", math.inf)
    single = fitness(np.array([[True, False, True]]))
    assert_array_equal(single.fitness, [1.0])
    assert_array_equal(single.quality, [1.0, NAN, 1.0])


@given(presences)
def test_fitness_is_finite_or_nan_for_the_empty_and_they_change_nothing(m):
    result = fitness(m)
    assert_array_equal(np.isnan(result.fitness), ~m.any(axis=1))
    assert_array_equal(np.isnan(result.quality), ~m.any(axis=0))
    again = fitness(np.pad(m, ((1, 0), (0, 1))))
    assert_array_equal(again.fitness[1:], result.fitness)
    assert_array_equal(again.quality[:-1], result.quality)
    assert (again.iterations, again.stop, again.flags) == (result.iterations, result.stop, result.flags)
    assert ("disconnected" in result.flags) == (len(components(m).sizes) > 1)


def test_fitness_that_vanishes_is_flagged_and_stays_a_number():
    result = fitness(uneven(2), iterations=3000)
    assert result.flags == ("vanishing",)
    assert result.fitness.min() == 1e-150
    assert np.isfinite(result.quality).all()
    assert fitness(uneven(2)).flags == ()


def test_nothing_held_has_no_fitness():
    result = fitness(np.zeros((2, 3), bool))
    assert result.stop == "empty"
    assert result.iterations == 0
    assert np.isnan(result.fitness).all()


@pytest.mark.parametrize("options", [{"iterations": 0}, {"tolerance": 0.0}])
def test_fitness_needs_a_limit(options):
    with pytest.raises(ValueError, match="at least 1"):
        fitness(NETWORK, **options)


# --- PRODY and EXPY


amounts = st.one_of(st.floats(1e-3, 1e6), st.just(0.0), st.just(NAN))
values = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(lambda shape: arrays(float, shape, elements=amounts))


def shares_by_loop(x):
    return [[0.0 if math.isnan(v) or np.nansum(row) == 0 else v / np.nansum(row) for v in row] for row in x]


@given(values, st.data())
def test_prody_and_expy_are_the_loops(x, data):
    income = data.draw(arrays(float, len(x), elements=st.one_of(st.floats(1, 1e5), st.just(NAN))))
    s = shares_by_loop(x)
    result = prody(x, income)
    for j in range(x.shape[1]):
        known = [i for i in range(len(x)) if not math.isnan(income[i])]
        below = math.fsum(s[i][j] for i in known)
        expected = math.fsum(s[i][j] * income[i] for i in known) / below if below > 0 else NAN
        assert result[j] == pytest.approx(expected, rel=1e-9, nan_ok=True)
    richness = expy(x, result)
    for i in range(len(x)):
        known = [j for j in range(x.shape[1]) if not math.isnan(result[j])]
        covered = math.fsum(s[i][j] for j in known)
        assume(abs(covered - 2 / 3) > 1e-6)
        expected = math.fsum(s[i][j] * result[j] for j in known) / covered if covered > 2 / 3 else NAN
        assert richness[i] == pytest.approx(expected, rel=1e-9, nan_ok=True)


@given(values)
def test_where_all_are_equally_rich_everything_is(x):
    income = np.full(len(x), 7.0)
    made = np.nan_to_num(x).sum(axis=1) > 0
    assert_allclose(prody(x, income), np.where((np.nan_to_num(x) > 0).any(axis=0), 7.0, NAN))
    assert_allclose(expy(x, prody(x, income)), np.where(made, 7.0, NAN))


def test_two_thirds_are_enough():
    x = np.array([[2.0, 1.0], [1.0, 2.0], [0.0, 0.0]])
    assert_allclose(expy(x, np.array([5.0, NAN])), [5.0, NAN, NAN])


def test_incomes_and_values_that_do_not_fit():
    x = np.ones((2, 3))
    for call, message in (
        (lambda: prody(x, np.ones(3)), "each of 2 regions"),
        (lambda: prody(-x, np.ones(2)), "finite and >= 0"),
        (lambda: prody(x, np.array([1.0, math.inf])), "income must be finite"),
        (lambda: prody(x[0], np.ones(2)), "2 dimensions"),
        (lambda: expy(x, np.ones(2)), "each of 3 sectors"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# --- eligibility


def test_eligibility_gives_every_reason_once():
    m = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    totals = np.array([1e6, 2e6, 1e6, 50.0, 1e6, NAN])
    population = np.array([5e6, NAN, 1e6, 10.0, 2e6, 3e6])
    who = eligible(m, totals, population=population)
    assert who.regions.tolist() == [True, True, True, False, False, False]
    assert who.region_reasons.tolist() == ["", "", "", "small_population;small_total", "no_presence", "no_total"]
    assert who.sectors.tolist() == [True, False, False, False]  # the small region's sectors do not count
    assert who.sector_reasons.tolist() == ["", "few_regions", "few_regions", "few_regions"]


def test_floors_are_large_enough_themselves_and_can_be_waived():
    m = np.ones((3, 1), bool)
    totals = np.array([1.0, 4999.0, 5000.0])
    assert eligible(m, totals).regions.tolist() == [True, True, True]  # 1 of 10,000 is 0.01 %
    assert eligible(m, totals, world=20_000.0).regions.tolist() == [False, True, True]
    assert eligible(m, totals, world=1e12, min_share=0.0).regions.all()
    assert eligible(m, totals, min_regions=4).sector_reasons.tolist() == ["few_regions"]
    assert eligible(m, totals, population=np.ones(3), min_population=1.0).regions.all()
    assert not eligible(m, totals, population=np.ones(3)).regions.any()


@given(presences, st.data())
def test_eligible_where_and_only_where_there_is_no_reason(m, data):
    totals = data.draw(arrays(float, len(m), elements=st.one_of(st.floats(0, 1e6), st.just(NAN))))
    who = eligible(m, totals)
    assert_array_equal(who.regions, who.region_reasons == "")
    assert_array_equal(who.sectors, who.sector_reasons == "")
    assert not (who.regions & (np.isnan(totals) | ~m.any(axis=1))).any()
    assert_array_equal(who.sectors, m[who.regions].sum(axis=0) >= 3)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="each of 4 regions"):
        eligible(NETWORK, np.ones(3))
    with pytest.raises(ValueError, match="each of 4 regions"):
        eligible(NETWORK, np.ones(4), population=np.ones(5))
    with pytest.raises(ValueError, match="finite and >= 0"):
        eligible(NETWORK, -np.ones(4))
