"""Relatedness: which sectors go together, how close a region is to each of them, and what lies within its reach.

`presence` is M throughout, a bool (n_regions, n_sectors) array: True where a region holds a sector. Nothing else is
accepted, so that an index of advantage, or the sum of two presence tables, is never taken for one. u_j is the ubiquity
of sector j (regions that hold it), d_i the diversity of region i (sectors it holds), phi a proximity.

Conventions, the same in every function:

- The diagonal of a proximity is 0: no sector speaks for itself. Another value can be asked for and is then used as given.
- A sector that no region holds has no proximity: NaN in its row and column, and no part in anybody else's sums.
- A region that holds nothing changes no other number. It is close to nothing (density 0) and has no outlook (NaN).
- Sums over sectors are matrix products, and no function works with more than three sector-by-sector matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
#: (co-occurrence, ubiquity of the rows, ubiquity of the columns, number of regions) -> proximity
Proximity = Callable[[Floats, Floats, Floats, int], Floats]

Normaliser = Literal["destination", "origin"]

#: A correlation of two sectors needs this many regions known for both.
MIN_REGIONS = 3
#: Variance of RSCA (a number in [-1, 1]) at or below which a sector counts as equal everywhere: round-off.
NO_VARIANCE = 1e-14
#: Spread of density relative to its mean at or below which it is round-off.
NO_SPREAD = 1e-12
#: Whole numbers below this are exact in float32.
EXACT = 2**24
#: Columns of a correlation computed at a time.
BLOCK = 256
#: Trades of every region with another between two draws of a null model, and before the first.
TRADES, BURN_IN = 5, 50
#: Length of one step of a path beside -ln(proximity): among paths of equal product, the one of fewest steps.
STEP = 1e-12


@dataclass(frozen=True)
class Significance:
    """Whether sectors go together more often than the diversities and ubiquities alone would make them.

    `p_value` and `q_value` are symmetric (n_sectors, n_sectors) arrays: the one-sided p-value of each pair, and the
    smallest false discovery rate at which it passes (Benjamini-Hochberg over all distinct pairs). NaN on the diagonal
    and for sectors that no region holds. No p-value is below 1 / (draws + 1), which bounds the q-values too.
    """

    p_value: Floats
    q_value: Floats
    draws: int


@dataclass(frozen=True)
class Links:
    """Undirected links in order of (`source`, `target`), source < target; `weight` is the proximity. All are (n_links,)."""

    source: Ints
    target: Ints
    weight: Floats


@dataclass(frozen=True)
class Path:
    """A way through the sectors: indices from the first strength to the target, and the product of the proximities.

    An empty path with product 0 says that no way exists; a target that is held already is a path of itself, product 1.
    """

    sectors: tuple[int, ...]
    product: float


@dataclass(frozen=True)
class Paths:
    """The paths of highest product from a set of sectors to every sector.

    `product` (n_sectors,) is 1 for the sectors of the set and 0 where no path leads; `predecessor` (n_sectors,) is the
    sector before each on its path, negative where there is none.
    """

    product: Floats
    predecessor: Ints

    def to(self, target: int) -> Path:
        """The path that ends at `target`."""
        if not 0 <= target < len(self.product):
            raise ValueError(f"target must be one of {len(self.product)} sectors, not {target}")
        if self.product[target] == 0.0:
            return Path((), 0.0)
        sectors = [target]
        while (before := int(self.predecessor[sectors[-1]])) >= 0:
            sectors.append(before)
        return Path(tuple(reversed(sectors)), float(self.product[target]))


def check_presence(presence: Bools) -> None:
    """Refuse whatever is not a 2-D bool array.

    Raises
    ------
    ValueError : `presence` has another number of dimensions or another type.
    """
    if presence.ndim != 2:
        raise ValueError(f"presence must have 2 dimensions (regions, sectors), not {presence.ndim}")
    if presence.dtype != np.bool_:
        raise ValueError(f"presence must be True or False in every cell, not of type {presence.dtype}")


def minimum_conditional(co: Floats, u_a: Floats, u_b: Floats, _n_regions: int) -> Floats:
    """Smaller of the two conditional probabilities of holding one sector given the other, co / max(u_a, u_b)."""
    return _over(co, np.maximum(u_a[:, np.newaxis], u_b))


def cosine(co: Floats, u_a: Floats, u_b: Floats, _n_regions: int) -> Floats:
    """Cosine of the two columns of presence (Salton), co / sqrt(u_a u_b)."""
    bottom = u_a[:, np.newaxis] * u_b
    return _over(co, np.sqrt(bottom, out=bottom))


def jaccard(co: Floats, u_a: Floats, u_b: Floats, _n_regions: int) -> Floats:
    """Regions that hold both over regions that hold either, co / (u_a + u_b - co)."""
    bottom = u_a[:, np.newaxis] + u_b
    bottom -= co
    return _over(co, bottom)


def association(co: Floats, u_a: Floats, u_b: Floats, n_regions: int) -> Floats:
    """Association strength, observed over expected co-occurrence, n co / (u_a u_b); 1 = independent."""
    bottom = u_a[:, np.newaxis] * u_b
    bottom /= max(n_regions, 1)
    return _over(co, bottom)


#: Proximities of presence by name.
PROXIMITIES: dict[str, Proximity] = {
    "minimum_conditional": minimum_conditional,
    "cosine": cosine,
    "jaccard": jaccard,
    "association": association,
}


def proximity(presence: Bools, method: str = "minimum_conditional", *, diagonal: float = 0.0) -> Floats:
    """Proximity of every pair of sectors: how often the regions that hold one hold the other.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    method : one of `PROXIMITIES`. `minimum_conditional` (the default), `cosine` and `jaccard` lie in [0, 1];
        `association` in [0, n], where 1 means independence and n counts the regions that hold anything.
    diagonal : value of a sector with itself; 0 in every density.

    Returns
    -------
    (n_sectors, n_sectors) symmetric array; NaN in the row and column of a sector that no region holds.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or the method is unknown.

    References
    ----------
    Hidalgo, Klinger, Barabasi & Hausmann (2007), Science 317, 482-487 (minimum conditional probability).
    van Eck & Waltman (2009), JASIST 60(8), 1635-1651 (the others; their association strength times n).

    Examples
    --------
    The second sector has two regions, the third two, and they meet in one:

    >>> m = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 1]], bool)
    >>> proximity(m).tolist()
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    >>> proximity(m, "association")[1].tolist()
    [1.5, 0.0, 0.75]
    """
    phi = _proximity(presence, presence, method)
    np.fill_diagonal(phi, np.where(presence.any(axis=0), diagonal, np.nan))
    return phi


def cross_proximity(presence_a: Bools, presence_b: Bools, method: str = "minimum_conditional") -> Floats:
    """Proximity between the sectors of two classifications of the same regions, such as science and technology.

    For a lag, give the presence of `a` in an earlier year than that of `b`.

    Parameters
    ----------
    presence_a : (n_regions, n_a) bool array.
    presence_b : (n_regions, n_b) bool array, its regions in the same order.
    method : one of `PROXIMITIES`, with ranges as in `proximity`.

    Returns
    -------
    (n_a, n_b) array; NaN for a sector that no region holds. No cell of it is a diagonal. `density` takes it with
    `presence_a` and gives the density of regions around the sectors of b.

    Raises
    ------
    ValueError : a table is not a 2-D bool array, the regions differ in number, or the method is unknown.

    References
    ----------
    Catalán, Navarrete & Figueroa (2022), The scientific and technological cross-space, Research Policy 51(8), 104016.

    Examples
    --------
    >>> cross_proximity(np.array([[True], [True]]), np.array([[True, False], [True, True]])).tolist()
    [[1.0, 0.5]]
    """
    return _proximity(presence_a, presence_b, method)


def rsca_correlation(rsca: Floats, *, diagonal: float = 0.0) -> Floats:
    """Pearson correlation over regions of the symmetric advantage of every pair of sectors.

    Parameters
    ----------
    rsca : (n_regions, n_sectors) array in [-1, 1]; NaN = no base or missing.
    diagonal : value of a sector with itself.

    Returns
    -------
    (n_sectors, n_sectors) symmetric array in [-1, 1], each cell over the regions known for both sectors; NaN with
    fewer than 3 of these, or where either sector is equal in all of them. Negative values are no proximity: `density`
    refuses them, so cut them at 0 first.

    Raises
    ------
    ValueError : `rsca` is not 2-D, or a value lies outside [-1, 1].

    Examples
    --------
    >>> rsca_correlation(np.array([[0.0, 0.0, 0.5], [0.5, 0.2, 0.0], [1.0, 0.4, -0.5]])).round(3).tolist()
    [[0.0, 1.0, -1.0], [1.0, 0.0, -1.0], [-1.0, -1.0, 0.0]]
    """
    if rsca.ndim != 2:
        raise ValueError(f"rsca must have 2 dimensions (regions, sectors), not {rsca.ndim}")
    if (np.abs(rsca) > 1.0).any():
        raise ValueError("rsca must lie in [-1, 1] (NaN = missing)")
    known = ~np.isnan(rsca)
    n_known = known.sum(axis=0)
    filled = np.where(known, rsca, 0.0)
    means = np.divide(filled.sum(axis=0), n_known, out=np.zeros(rsca.shape[1]), where=n_known > 0)
    centred = np.where(known, filled - means, 0.0)  # for precision: the sums below are near 0 then
    seen = known.astype(np.float64)
    result = np.empty((rsca.shape[1], rsca.shape[1]))
    for start in range(0, rsca.shape[1], BLOCK):
        columns = slice(start, start + BLOCK)
        result[columns] = _correlations(centred[:, columns], seen[:, columns], centred, seen)
    result = (result + result.T) / 2.0  # equal but for the last bit
    np.fill_diagonal(result, np.where(np.isnan(np.diagonal(result)), np.nan, diagonal))
    return result


def density(presence: Bools, proximity: Floats) -> Floats:
    """Relatedness density: the share of a sector's proximity that a region already holds.

    omega_ij = sum_k M_ik phi_kj / sum_k phi_kj.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array, of the regions that are asked about.
    proximity : (n_sectors, n_targets) array >= 0: a square `proximity`, or a `cross_proximity` from the sectors of
        `presence` to those of another classification; NaN = no link.

    Returns
    -------
    (n_regions, n_targets) array in [0, 1]; 0 for a region that holds nothing; NaN for a target without any link.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, the shapes do not fit, or a proximity is negative or infinite.

    References
    ----------
    Hidalgo, Klinger, Barabasi & Hausmann (2007), Science 317, 482-487.

    Examples
    --------
    The first region holds 0.5 of the 0.75 that is close to the second sector:

    >>> density(np.array([[True, False, False]]), np.array([[0, 0.5, 0.2], [0.5, 0, 0.25], [0.2, 0.25, 0]])).round(3)
    array([[0.   , 0.667, 0.444]])
    """
    links = _links(presence, proximity)
    return _share(presence.astype(np.float64) @ links, links.sum(axis=0))


def relative_density(presence: Bools, density: Floats) -> Floats:
    """Density against the region's own options: z-score over the sectors that the region does not hold (ddof 0).

    It removes that a diverse region is close to everything.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    density : (n_regions, n_sectors) array; NaN = none.

    Returns
    -------
    (n_regions, n_sectors) array; NaN for held sectors, for those without a density, and for a region whose
    open sectors are fewer than two or all equally close.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or the shapes differ.

    Examples
    --------
    >>> relative_density(np.array([[True, False, False]]), np.array([[0.9, 0.2, 0.4]])).round(3).tolist()
    [[nan, -1.0, 1.0]]
    """
    open_ = _open(presence, density)
    n = np.maximum(open_.sum(axis=1, keepdims=True), 1)
    filled = np.where(open_, density, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / n
    deviation = np.where(open_, filled - mean, 0.0)
    sd = np.sqrt((deviation**2).sum(axis=1, keepdims=True) / n)
    apart = sd > NO_SPREAD * np.abs(mean)
    return np.asarray(np.divide(deviation, sd, out=np.full(density.shape, np.nan), where=open_ & apart))


def distance(presence: Bools, proximity: Floats) -> Floats:
    """Distance of a region from a sector, 1 - density: the share of the sector's proximity that is still missing.

    Parameters, shapes, NaN and errors are those of `density`.

    References
    ----------
    Hausmann, Hidalgo, Bustos, Coscia, Simoes & Yildirim (2014), The Atlas of Economic Complexity.

    Examples
    --------
    >>> distance(np.array([[True, False, False]]), np.array([[0, 0.6, 0], [0.6, 0, 0.2], [0, 0.2, 0]])).round(3)
    array([[1.  , 0.25, 1.  ]])
    """
    return np.asarray(1.0 - density(presence, proximity))


def k_nearest_density(presence: Bools, proximity: Floats, k: int) -> Floats:
    """Density over the k sectors nearest to each target, with their proximities as weights.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    proximity : (n_sectors, n_targets) array as in `density`.
    k : number of neighbours. All sectors as close as the k-th count too, so that the order of the sectors never decides
        a tie; sectors of proximity 0 never count. With k of n_sectors or more, this is `density`.

    Returns
    -------
    (n_regions, n_targets) array in [0, 1]; NaN as in `density`.

    Raises
    ------
    ValueError : as `density`, or k is below 1.

    Examples
    --------
    The nearest of the first sector is the second, which the region holds:

    >>> phi = np.array([[0.0, 0.5, 0.2], [0.5, 0.0, 0.2], [0.2, 0.2, 0.0]])
    >>> k_nearest_density(np.array([[False, True, False]]), phi, k=1).tolist()
    [[1.0, 0.0, 0.5]]
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    links = _links(presence, proximity)
    if k < links.shape[0]:
        kth = np.partition(links, links.shape[0] - k, axis=0)[links.shape[0] - k]
        links = np.where(links >= kth, links, 0.0)
    return _share(presence.astype(np.float64) @ links, links.sum(axis=0))


def outlook_index(presence: Bools, density: Floats, pci: Floats) -> Floats:
    """Complexity outlook index: how much complexity lies near a region, COI_i = sum_j omega_ij (1 - M_ij) PCI_j.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    density : (n_regions, n_sectors) array of `density`; NaN = none.
    pci : (n_sectors,) complexity of the sectors; NaN = none. Sectors without density or complexity have no part.

    Returns
    -------
    (n_regions,) array, in units of `pci`; 0 for a region that holds everything, NaN for one that holds nothing.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or the shapes do not fit.

    References
    ----------
    Hausmann, Hidalgo, Bustos, Coscia, Simoes & Yildirim (2014), The Atlas of Economic Complexity.

    Examples
    --------
    0.5 * 2 + 0.25 * (-1):

    >>> outlook_index(np.array([[True, False, False]]), np.array([[0.1, 0.5, 0.25]]), np.array([1.0, 2.0, -1.0])).tolist()
    [0.75]
    """
    near = np.where(_open(presence, density), density, 0.0)
    return np.where(presence.any(axis=1), near @ _complexities(presence, pci), np.nan)


def outlook_gain(presence: Bools, proximity: Floats, pci: Floats, *, normaliser: Normaliser = "destination") -> Floats:
    """Complexity outlook gain: what holding a sector would add to a region's outlook on the others.

    COG_ij = sum_k (1 - M_ik) (phi_jk / sum_l phi_lk) PCI_k, where the sum belongs to the destination k. It is then an
    identity that COI(M + e_ij) - COI(M) = COG_ij - omega_ij PCI_j, with proximities and complexities held fixed and a
    diagonal of 0.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    proximity : (n_sectors, n_sectors) symmetric array >= 0 with a diagonal of 0; NaN = no link.
    pci : (n_sectors,) complexity of the sectors; NaN = none, and no part in the sum.
    normaliser : `destination` as above; `origin` divides by sum_l phi_lj instead. Some programs do that; the identity
        does not hold then.

    Returns
    -------
    (n_regions, n_sectors) array, in units of `pci`. NaN for held sectors, for sectors without any link, and for a
    region that holds nothing.

    Raises
    ------
    ValueError : the arrays do not fit each other, a proximity is negative or infinite, or the normaliser is unknown.

    References
    ----------
    Hausmann, Hidalgo, Bustos, Coscia, Simoes & Yildirim (2014), The Atlas of Economic Complexity.

    Examples
    --------
    From the second sector to the third, 0.2 of the 0.4 that lead there, times its complexity of 3:

    >>> phi = np.array([[0.0, 0.5, 0.2], [0.5, 0.0, 0.2], [0.2, 0.2, 0.0]])
    >>> outlook_gain(np.array([[True, False, False]]), phi, np.array([0.0, 1.0, 3.0])).round(3).tolist()
    [[nan, 1.5, 0.286]]
    """
    if normaliser not in {"destination", "origin"}:
        raise ValueError(f"normaliser must be destination or origin, not {normaliser!r}")
    links = _links(presence, proximity)
    if links.shape[0] != links.shape[1]:
        raise ValueError(f"proximity must be square, not {links.shape}")
    total = links.sum(axis=0)
    linked = total > 0
    weight = _complexities(presence, pci)
    if normaliser == "destination":
        weight = np.divide(weight, total, out=np.zeros(total.shape), where=linked)
    gain = np.where(presence, 0.0, weight) @ links
    if normaliser == "origin":
        np.divide(gain, total, out=gain, where=linked)
    return np.where(linked & ~presence & presence.any(axis=1, keepdims=True), gain, np.nan)


def coherence(weights: Floats | Bools, proximity: Floats) -> Floats:
    """Coherence of a region: mean proximity of two different sectors it holds, drawn by their weights.

    sum_{j != k} w_ij w_ik phi_jk / sum_{j != k} w_ij w_ik.

    Parameters
    ----------
    weights : (n_regions, n_sectors) array >= 0: presence, for a plain mean over pairs, or values or shares.
    proximity : (n_sectors, n_sectors) symmetric array; its diagonal plays no part; NaN = unknown, and the pair is left out.

    Returns
    -------
    (n_regions,) array in the range of `proximity`; NaN for a region without two sectors of known proximity.

    Raises
    ------
    ValueError : the shapes do not fit, or a weight is negative or not finite.

    References
    ----------
    Teece, Rumelt, Dosi & Winter (1994), J. of Economic Behavior & Organization 23(1), 1-30.

    Examples
    --------
    >>> phi = np.array([[0.0, 0.5, 0.2], [0.5, 0.0, 0.2], [0.2, 0.2, 0.0]])
    >>> coherence(np.array([[True, True, True], [True, False, True]]), phi).round(3).tolist()
    [0.3, 0.2]
    """
    if weights.ndim != 2 or proximity.shape != (weights.shape[1], weights.shape[1]):
        raise ValueError(f"weights {weights.shape} and proximity {proximity.shape} do not fit each other")
    w = weights.astype(np.float64)
    if not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError("weights must be finite and >= 0")
    largest = w.max(axis=1, initial=0.0, keepdims=True)
    w = np.divide(w, largest, out=np.zeros(w.shape), where=largest > 0)
    pairs = (~np.isnan(proximity)).astype(np.float64)
    np.fill_diagonal(pairs, 0.0)
    below = ((w @ pairs) * w).sum(axis=1)
    np.multiply(pairs, np.nan_to_num(proximity, nan=0.0), out=pairs)
    above = ((w @ pairs) * w).sum(axis=1)
    return np.asarray(np.divide(above, below, out=np.full(len(w), np.nan), where=below > 0))


def significance(presence: Bools, draws: int, rng: np.random.Generator) -> Significance:
    """Which sectors go together more often than chance, given how diverse regions and how ubiquitous sectors are.

    The null model is every table with the same row and column sums, each equally likely. Regions are paired at random
    and each pair deals the sectors that only one of them holds anew (global curveball). As ubiquities are fixed, the
    same p-values belong to every proximity of `PROXIMITIES`.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    draws : tables drawn from the null model, 5 rounds of trades apart after 50 to begin with. For 5 % after the
        correction for m pairs, the best link needs some 20 m draws; fewer only ever miss links.
    rng : source of randomness.

    Returns
    -------
    Significance: p = (1 + draws with at least as many common regions) / (1 + draws), and Benjamini-Hochberg q.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or there is no draw.

    References
    ----------
    Strona, Nappo, Boccacci, Fattorini & San-Miguel-Ayanz (2014), Nature Communications 5, 4114 (curveball).
    Carstens, Berger & Strona (2018), MethodsX 5, 773-780 (all trade at once).
    Carstens, Hamann, Meyer, Penschuck, Tran & Wagner (2018), 26th European Symposium on Algorithms (the name, for graphs).
    North, Curtis & Sham (2002), American J. of Human Genetics 71(2), 439-441 (the 1 in p).

    Examples
    --------
    Only one table has these sums, so nothing is beyond chance:

    >>> nested = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], bool)
    >>> significance(nested, 9, np.random.default_rng(1)).p_value.tolist()
    [[nan, 1.0, 1.0], [1.0, nan, 1.0], [1.0, 1.0, nan]]
    """
    check_presence(presence)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    observed = _co_occurrence(presence, presence)
    reached = np.ones(observed.shape, np.int32)
    for table in null_tables(presence, draws, rng):
        reached += _co_occurrence(table, table) >= observed
    held: Bools = np.asarray(presence.any(axis=0))
    pairs = np.triu(held[:, np.newaxis] & held, k=1)
    p_value = np.where(pairs | pairs.T, reached / (draws + 1.0), np.nan)
    return Significance(p_value, _false_discovery(p_value, pairs), draws)


def null_tables(presence: Bools, draws: int, rng: np.random.Generator) -> Iterator[Bools]:
    """Tables of the same diversities and ubiquities, each equally likely: the null model of `significance`.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    draws : tables, 5 rounds of trades apart after 50 to begin with.
    rng : source of randomness.

    Yields
    ------
    (n, n_sectors) bool arrays of the n regions that hold anything, in their order.
    """
    table = presence[presence.any(axis=1)]  # a region without sectors has nothing to trade
    for _ in range(BURN_IN):
        table = _trade(table, rng)
    for _ in range(draws):
        for _ in range(TRADES):
            table = _trade(table, rng)
        yield table


def maximum_spanning_tree(proximity: Floats) -> Links:
    """The links that hold all sectors together with the highest total proximity: the backbone of a network.

    Parameters
    ----------
    proximity : (n_sectors, n_sectors) symmetric array >= 0; 0 and NaN = no link; the diagonal plays no part.

    Returns
    -------
    Links, n_sectors - 1 of them when every sector can be reached from every other, and one tree for each part when not.
    Where links are equally strong there are several such trees of the same total; one of them is given, the same one
    for the same array.

    Raises
    ------
    ValueError : `proximity` is not square, or a value is negative or infinite.

    References
    ----------
    Hidalgo, Klinger, Barabasi & Hausmann (2007), Science 317, 482-487, supporting material.

    Examples
    --------
    >>> tree = maximum_spanning_tree(np.array([[0.0, 0.5, 0.4], [0.5, 0.0, 0.2], [0.4, 0.2, 0.0]]))
    >>> tree.source.tolist(), tree.target.tolist(), tree.weight.tolist()
    ([0, 0], [1, 2], [0.5, 0.4])
    """
    from scipy.sparse.csgraph import minimum_spanning_tree

    _check_network(proximity)
    tree = minimum_spanning_tree(np.triu(-np.nan_to_num(proximity, nan=0.0), k=1), overwrite=True).tocoo()
    source, target = np.minimum(tree.row, tree.col), np.maximum(tree.row, tree.col)
    order = np.lexsort((target, source))
    return Links(source[order].astype(np.intp), target[order].astype(np.intp), -tree.data[order])


def strongest_paths(proximity: Floats, sources: Bools) -> Paths:
    """Paths of highest product of proximities from what a region holds to every sector.

    Parameters
    ----------
    proximity : (n_sectors, n_sectors) symmetric array in [0, 1]; 0 and NaN = no link; the diagonal plays no part.
    sources : (n_sectors,) bool array, the strengths to start from: typically a row of presence.

    Returns
    -------
    Paths; among paths of equal product, one with the fewest steps.

    Raises
    ------
    ValueError : `proximity` is not square or outside [0, 1] (association strength is no probability), or `sources` does
        not fit.

    Examples
    --------
    0.8 * 0.5 = 0.4 is more than the 0.3 of the direct step:

    >>> phi = np.array([[0.0, 0.8, 0.3], [0.8, 0.0, 0.5], [0.3, 0.5, 0.0]])
    >>> strongest_paths(phi, np.array([True, False, False])).product.round(3).tolist()
    [1.0, 0.8, 0.4]
    """
    from scipy.sparse.csgraph import csgraph_from_dense, dijkstra

    _check_network(proximity)
    n = len(proximity)
    if sources.shape != (n,) or sources.dtype != np.bool_:
        raise ValueError(f"sources must be True or False for each of {n} sectors")
    if (proximity > 1.0).any():
        raise ValueError("paths need proximities in [0, 1]: use a method with that range")
    if not sources.any():
        return Paths(np.zeros(n), np.full(n, -1, np.intp))
    length = np.full(proximity.shape, np.inf)
    np.log(proximity, out=length, where=proximity > 0)  # NaN > 0 is False: no link
    np.negative(length, out=length, where=proximity > 0)
    length += STEP  # also keeps a proximity of 1, whose length would be 0, from looking like no link
    np.fill_diagonal(length, np.inf)
    graph = csgraph_from_dense(length, null_value=np.inf)
    total, before, _ = dijkstra(graph, indices=np.flatnonzero(sources), min_only=True, return_predecessors=True)
    return Paths(np.where(sources, 1.0, np.exp(-total)), before.astype(np.intp))


def stepping_stones(proximity: Floats, sources: Bools, target: int) -> Path:
    """Stepping stones from what a region holds to a target: the path of highest product of proximities.

    Parameters
    ----------
    proximity, sources : as in `strongest_paths`, which serves many targets at once.
    target : index of the sector to reach.

    Returns
    -------
    Path, with the product computed from the proximities along it.

    Raises
    ------
    ValueError : as `strongest_paths`, or the target is not a sector.

    Examples
    --------
    >>> phi = np.array([[0.0, 0.8, 0.3], [0.8, 0.0, 0.5], [0.3, 0.5, 0.0]])
    >>> stepping_stones(phi, np.array([True, False, False]), 2)
    Path(sectors=(0, 1, 2), product=0.4)
    """
    sectors = strongest_paths(proximity, sources).to(target).sectors
    if not sectors:
        return Path((), 0.0)
    return Path(sectors, float(np.prod(proximity[sectors[:-1], sectors[1:]])))


def _proximity(presence_a: Bools, presence_b: Bools, method: str) -> Floats:
    check_presence(presence_a)
    check_presence(presence_b)
    if method not in PROXIMITIES:
        raise ValueError(f"method must be one of {', '.join(PROXIMITIES)}, not {method!r}")
    if len(presence_a) != len(presence_b):
        raise ValueError(
            f"the tables have {len(presence_a)} and {len(presence_b)} regions, which must be the same ones"
        )
    u_a, u_b = presence_a.sum(axis=0, dtype=np.float64), presence_b.sum(axis=0, dtype=np.float64)
    n = int(np.count_nonzero(presence_a.any(axis=1) | presence_b.any(axis=1)))
    co = _co_occurrence(presence_a, presence_b)
    phi = PROXIMITIES[method](co, np.maximum(u_a, 1.0), np.maximum(u_b, 1.0), n)  # co is 0 where a ubiquity is
    phi[u_a == 0] = np.nan
    phi[:, u_b == 0] = np.nan
    return phi


def _co_occurrence(presence_a: Bools, presence_b: Bools) -> Floats:
    """Regions that hold both sectors of each pair: whole numbers, exact in half the precision and so in half the time."""
    kind = np.dtype(np.float32 if len(presence_a) < EXACT else np.float64)
    a: NDArray[np.floating] = presence_a.astype(kind)
    b: NDArray[np.floating] = a if presence_b is presence_a else presence_b.astype(kind)
    return np.asarray(a.T @ b, np.float64)


def _over(above: Floats, below: Floats) -> Floats:
    """`above` / `below` in the memory of `above`, left as it is where `below` is 0."""
    if below.min(initial=np.inf) > 0:
        return np.divide(above, below, out=above)  # without a mask: twice as fast
    return np.divide(above, below, out=above, where=below > 0)


def _correlations(a: Floats, seen_a: Floats, b: Floats, seen_b: Floats) -> Floats:
    """Correlation of each column of `a` with each of `b`, over the rows seen in both; missing values are 0."""
    n = seen_a.T @ seen_b
    enough = n >= MIN_REGIONS
    n = np.maximum(n, 1.0)
    mean_a, mean_b = (a.T @ seen_b) / n, (seen_a.T @ b) / n
    variance_a = (a**2).T @ seen_b / n - mean_a**2
    variance_b = seen_a.T @ b**2 / n - mean_b**2
    enough &= (variance_a > NO_VARIANCE) & (variance_b > NO_VARIANCE)
    covariance = a.T @ b / n - mean_a * mean_b
    spread = np.sqrt(np.where(enough, variance_a * variance_b, 1.0))
    return np.where(enough, np.clip(covariance / spread, -1.0, 1.0), np.nan)


def _links(presence: Bools, proximity: Floats) -> Floats:
    """Proximities with 0 for NaN, checked against the sectors of `presence`; not a copy where none is NaN."""
    check_presence(presence)
    if proximity.ndim != 2 or len(proximity) != presence.shape[1]:
        raise ValueError(f"presence {presence.shape} and proximity {proximity.shape} do not fit each other")
    return np.nan_to_num(proximity, nan=0.0) if _check_weights(proximity) else proximity


def _check_weights(proximity: Floats) -> bool:
    """Whether any proximity is NaN; reductions need no further matrix, and those that pass NaN on are faster."""
    if proximity.size == 0:
        return False
    low, high = proximity.min(), proximity.max()
    missing = bool(np.isnan(low))
    if missing:
        low, high = np.fmin.reduce(proximity, axis=None), np.fmax.reduce(proximity, axis=None)
    if low < 0 or np.isinf(high):
        raise ValueError("a proximity must be finite and >= 0 (NaN = no link)")
    return missing


def _check_network(proximity: Floats) -> None:
    if proximity.ndim != 2 or proximity.shape[0] != proximity.shape[1]:
        raise ValueError(f"proximity must be square, not {proximity.shape}")
    _check_weights(proximity)


def _share(held: Floats, total: Floats) -> Floats:
    """`held` / `total` of each column, at most 1 whatever the round-off; NaN where the total is 0."""
    share: Floats = np.divide(held, total, out=np.full(held.shape, np.nan), where=total > 0)
    return np.asarray(np.minimum(share, 1.0, out=share))


def _open(presence: Bools, density: Floats) -> Bools:
    """Cells that a region does not hold and that have a density."""
    check_presence(presence)
    if density.shape != presence.shape:
        raise ValueError(f"presence {presence.shape} and density {density.shape} differ in shape")
    return ~presence & ~np.isnan(density)


def _complexities(presence: Bools, pci: Floats) -> Floats:
    """Complexities with 0 for NaN, checked against the sectors of `presence`."""
    if pci.shape != (presence.shape[1],):
        raise ValueError(f"pci {pci.shape} must have one value for each of {presence.shape[1]} sectors")
    return np.nan_to_num(pci, nan=0.0)


def _trade(table: Bools, rng: np.random.Generator) -> Bools:
    """Every region deals the sectors that it does not share with a random partner anew; all sums stay as they are."""
    n_pairs = len(table) // 2
    order = rng.permutation(len(table))
    first, second = order[:n_pairs], order[n_pairs : 2 * n_pairs]
    a, b = table[first], table[second]
    differs = a ^ b
    n_a = (a & differs).sum(axis=1, keepdims=True)
    keys = np.where(differs, rng.random(differs.shape), np.inf)
    dealt = np.zeros(differs.shape, np.bool_)
    np.put_along_axis(dealt, np.argsort(keys, axis=1), np.arange(differs.shape[1]) < n_a, axis=1)
    result = table.copy()
    result[first] = (a & ~differs) | dealt
    result[second] = (b & ~differs) | (differs & ~dealt)
    return result


def _false_discovery(p_value: Floats, pairs: Bools) -> Floats:
    """Benjamini-Hochberg q-value of each of the `pairs` (upper triangle), made symmetric; NaN elsewhere."""
    from scipy.stats import false_discovery_control

    q_value = np.full(p_value.shape, np.nan)
    if pairs.any():
        q_value[pairs] = false_discovery_control(p_value[pairs])
        q_value.T[pairs] = q_value[pairs]
    return q_value
