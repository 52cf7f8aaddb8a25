"""Economic complexity: what a table of presence says about how capable regions and how demanding sectors are.

`presence` is M, a bool (n_regions, n_sectors) array; d_i = sum_j M_ij is the diversity of a region, u_j = sum_i M_ij the
ubiquity of a sector, D and U the diagonal matrices of both. Regions and sectors without any presence are NaN in every
result and change no other number. Each measure is called by its own name: ECI and PCI are the second eigenvectors,
reflections are reflections, and fitness is fitness.

`ComplexityError` says that a table has no answer: not a bug, and not an input of the wrong shape (a `ValueError`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from capmap.methods.relatedness import check_presence, null_tables

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

Sign = Literal["diversity", "ubiquity"]
Scale = Literal["region", "sector"]
Reason = Literal["too_few", "disconnected", "equal_diversity", "no_second_dimension", "eigengap"]
Parity = Literal["diversity", "ubiquity"]
Stop = Literal["converged", "stable_ranks", "iterations", "empty"]

SIGNS = ("diversity", "ubiquity")
SCALES = ("region", "sector")
#: The second eigenvalue must exceed the third by this much, and by this share of itself.
MIN_GAP, MIN_RELATIVE_GAP = 0.01, 0.05
#: Correlation below which, in absolute value, diversity (or ubiquity) does not settle the sign.
WEAK_SIGN = 0.2
#: Second eigenvalue at or below which there is no second dimension but round-off.
NO_DIMENSION = 1e-10
#: Fitness is kept above this share of the mean, so that its inverse stays a number.
VANISHING = 1e-150
#: Logarithms of fitness that differ by no more than this are a tie.
TIE = 1e-10
#: Fewest iterations without a change of rank.
PATIENCE = 10
#: Absolute eigenvalues that differ by no more than this share of the largest are the same one: eigenvectors are arbitrary.
SAME_EIGENVALUE = 1e-9
#: Share of a region's total whose sectors must have a PRODY.
MIN_COVERAGE = 2 / 3
#: Floors of eligibility: share of the world's total, inhabitants, regions that hold a sector.
MIN_SHARE, MIN_POPULATION, MIN_REGIONS = 1e-4, 1e6, 3


@dataclass(frozen=True)
class Components:
    """Connected parts of the network of regions and sectors, largest first: by regions, then by sectors.

    `regions` (n_regions,) and `sectors` (n_sectors,) hold the number of each one's part, from 0, and -1 for those
    without any presence. `sizes` (n_components, 2) counts the regions and sectors of each part.
    """

    regions: Ints
    sectors: Ints
    sizes: Ints


class ComplexityError(ValueError):
    """The complexity of this table cannot be computed; `reason` says why, in one word.

    `too_few`: fewer than two regions or two sectors hold anything. `disconnected`: the network falls into parts, and
    each would have a scale of its own. `equal_diversity`: all regions are equally diverse, so no sign is better than
    the other. `no_second_dimension`: the second eigenvalue is 0. `eigengap`: the second and third eigenvalues are so
    close that the second eigenvector is any mixture of two.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        components: Components | None = None,
        eigenvalues: Floats | None = None,
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.components = components
        self.eigenvalues = eigenvalues


@dataclass(frozen=True)
class Complexity:
    """Economic complexity of regions and sectors.

    `eci` (n_regions,) has mean 0 and standard deviation 1; `pci` (n_sectors,) is on the scale that was asked for;
    `eigenvalues` (3,) are the three largest, the first of which is 1; `diversity` (n_regions,) and `ubiquity`
    (n_sectors,) are row and column sums; `components` are the connected parts of the network. `flags`, sorted, may
    hold `weak_sign` (diversity does not settle the sign), `previous_sign` (it was settled by the previous ECI),
    `eigengap` (computed by force) and `largest_component` (all others are NaN).
    """

    eci: Floats
    pci: Floats
    eigenvalues: Floats
    diversity: Ints
    ubiquity: Ints
    components: Components
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Reflections:
    """Averages of averages after `steps` reflections, k_{c,N} as `region` (n_regions,) and k_{p,N} as `sector` (n_sectors,).

    The parity says what an entry generalises: after an even number of steps a region's is a `diversity` (higher = more
    complex) and a sector's a `ubiquity` (lower = more complex); after an odd number it is the other way round.
    """

    region: Floats
    sector: Floats
    steps: int
    region_parity: Parity
    sector_parity: Parity


@dataclass(frozen=True)
class Fitness:
    """Fitness of regions and complexity of sectors after Tacchella et al., each with mean 1.

    `fitness` is (n_regions,), `quality` (n_sectors,); `iterations` says after how many they were read. `stop` is why
    then: `converged` values, `stable_ranks`, the limit of `iterations`, or `empty`. `stable_for` counts the
    iterations since ranks last changed, and `next_crossing` how many more it would take two neighbours in rank to
    change places if both kept their present rate of growth (infinite: none ever would). `flags`, sorted, may hold
    `disconnected` (parts of the network are comparable only through the starting values) and `vanishing` (some fitness
    fell to the floor of 1e-150: its value means nothing but "last").
    """

    fitness: Floats
    quality: Floats
    iterations: int
    stop: Stop
    stable_for: int
    next_crossing: float
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Genepy:
    """Generalised economic complexity (GENEPY) of regions and sectors after Sciarra et al.

    `regions` (n_regions,) and `sectors` (n_sectors,) are >= 0 and have no unit; the eigenvalues (3,) of either side are
    the largest in absolute value, with their signs. `flags`, sorted, may hold `region_tie` and `sector_tie` (the second
    and third are of one size, so the index is any of many and all NaN), `region_eigengap` and `sector_eigengap` (they
    differ by less than 5 %: the index is computed, and sensitive) and `largest_component` (all others are NaN).
    """

    regions: Floats
    sectors: Floats
    region_eigenvalues: Floats
    sector_eigenvalues: Floats
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Eligibility:
    """Who takes part in the computation of complexity, and why the others do not.

    `regions` and `sectors` are masks; the reasons are texts of the same length, empty where eligible, several joined by
    `;` in alphabetical order: `no_total`, `small_population`, `small_total` and `no_presence` for regions, `few_regions`
    for sectors.
    """

    regions: Bools
    sectors: Bools
    region_reasons: Texts
    sector_reasons: Texts


def complexity(
    presence: Bools,
    *,
    sign: Sign = "diversity",
    ddof: int = 0,
    pci_scale: Scale = "region",
    previous: Floats | None = None,
    component: Literal["all", "largest"] = "all",
    force: bool = False,
) -> Complexity:
    """Economic complexity index of regions (ECI) and sectors (PCI).

    With k the eigenvector of D^-1 M U^-1 M' for its second largest eigenvalue lambda,
    ECI = (k - mean k) / sd k and PCI = (U^-1 M' k / lambda - mean k) / sd k, so that D^-1 M PCI = ECI: a region's index
    is the mean index of its sectors. The symmetric form of the problem is solved, once, on the smaller side.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    sign : `diversity`, ECI correlates positively (Pearson) with diversity; or `ubiquity`, PCI negatively with ubiquity.
        One sign for both. A correlation below 0.2 in absolute value is flagged `weak_sign`.
    ddof : of the standard deviation.
    pci_scale : `region`, as above; or `sector`, PCI by its own mean and standard deviation.
    previous : (n_regions,) ECI of an earlier period, NaN where unknown, which settles a weak sign: that of the positive
        correlation with it. Without it a weak sign still follows the rule.
    component : `all`, a network in several parts is refused; or `largest`, the part with most regions, then most
        sectors, is computed.
    force : compute in spite of the eigengap, flagged.

    Returns
    -------
    Complexity; NaN for regions and sectors without presence or outside the component. Indices are relative to the
    regions and sectors of the table.

    Raises
    ------
    ComplexityError : there is no answer; `reason` says why. A second eigenvalue less than 0.01, or less than 5 % of itself,
        above the third is refused unless forced (the third counts as 0 in a table of two regions or sectors).
    ValueError : `presence` is not a 2-D bool array, `previous` does not fit, or an option is unknown.

    References
    ----------
    Hidalgo & Hausmann (2009), PNAS 106(26), 10570-10575. Hausmann, Hidalgo, Bustos, Coscia, Simoes & Yildirim (2014), The
    Atlas of Economic Complexity. Mealy, Farmer & Teytelboym (2019), Science Advances 5(1), eaau1705 (the eigenproblem).

    Examples
    --------
    Two regions: D^-1 M U^-1 M' = [[3/4, 1/4], [1/2, 1/2]], whose trace of 1.25 leaves 0.25 beside the 1:

    >>> result = complexity(np.array([[True, True], [False, True]]))
    >>> result.eci.round(9).tolist(), result.pci.round(9).tolist()
    ([1.0, -1.0], [3.0, -1.0])
    >>> result.eigenvalues.round(9).tolist()
    [1.0, 0.25, 0.0]
    """
    check_presence(presence)
    _check_options(sign, pci_scale, component, previous, len(presence))
    diversity = presence.sum(axis=1, dtype=np.intp)
    ubiquity = presence.sum(axis=0, dtype=np.intp)
    parts = components(presence)
    _refuse(parts, component)
    rows, columns = parts.regions == 0, parts.sectors == 0
    m = presence[np.ix_(rows, columns)].astype(np.float64)
    d, u = diversity[rows].astype(np.float64), ubiquity[columns].astype(np.float64)
    if d.min() == d.max():
        message = "all regions are equally diverse: which end of the scale is complex cannot be told"
        raise ComplexityError("equal_diversity", message, components=parts)
    k, eigenvalues = _second_eigenvector(m, d, u)
    close = _check_gap(eigenvalues, parts, force)
    q = (k @ m) / u / eigenvalues[1]
    orientation, flags = _orientation(k, q, d, u, sign, None if previous is None else previous[rows])
    k, q = orientation * k, orientation * q
    of = k if pci_scale == "region" else q
    eci, pci = np.full(len(diversity), np.nan), np.full(len(ubiquity), np.nan)
    eci[rows] = (k - k.mean()) / k.std(ddof=ddof)
    pci[columns] = (q - of.mean()) / of.std(ddof=ddof)
    flags |= {"eigengap"} if close else set()
    flags |= {"largest_component"} if len(parts.sizes) > 1 else set()
    return Complexity(eci, pci, eigenvalues, diversity, ubiquity, parts, tuple(sorted(flags)))


def chance(presence: Bools, draws: int, rng: np.random.Generator) -> float:
    """How often tables of the same diversities and ubiquities have as large a second eigenvalue, by chance alone.

    The eigengap asks whether the second eigenvector is one; this asks whether it is more than noise. In tables of some
    tens of regions and sectors noise often has an eigengap.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    draws : tables drawn from the null model (`capmap.methods.relatedness.null_tables`).
    rng : source of randomness.

    Returns
    -------
    One-sided p-value, (1 + draws with an eigenvalue at least as large) / (1 + draws). A table in parts has 1 as its second
    eigenvalue; NaN with fewer than two regions or sectors.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or there is no draw.

    Examples
    --------
    Only one table has these sums, so nothing is beyond chance:

    >>> chance(np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], bool), 9, np.random.default_rng(1))
    1.0
    """
    check_presence(presence)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    held = presence[:, np.asarray(presence.any(axis=0))]
    held = held[np.asarray(held.any(axis=1))]
    if min(held.shape, default=0) < 2:
        return float("nan")
    observed = _second_eigenvalue(held)
    reached = sum(_second_eigenvalue(table) >= observed - TIE for table in null_tables(held, draws, rng))
    return (1 + reached) / (1 + draws)


def _second_eigenvalue(presence: Bools) -> float:
    m = presence.astype(np.float64)
    return float(_second_eigenvector(m, m.sum(axis=1), m.sum(axis=0))[1][1])


def components(presence: Bools) -> Components:
    """Connected parts of the network in which a region is linked to every sector it holds.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.

    Returns
    -------
    Components, largest first; parts of one size in the order of their first region.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array.

    Examples
    --------
    >>> parts = components(np.array([[0, 1, 0], [0, 0, 0], [1, 0, 1]], bool))
    >>> parts.regions.tolist(), parts.sectors.tolist(), parts.sizes.tolist()
    ([1, -1, 0], [0, 1, 0], [[1, 2], [1, 1]])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    check_presence(presence)
    n_regions, n_sectors = presence.shape
    region, sector = np.nonzero(presence)
    size = n_regions + n_sectors
    links = coo_array((np.ones(len(region), np.int8), (region, sector + n_regions)), shape=(size, size))
    _, labels = connected_components(links, directed=False)
    labels = np.where(np.concatenate([presence.any(axis=1), presence.any(axis=0)]), labels, -1)
    found, first, labels = np.unique(labels, return_index=True, return_inverse=True)
    sizes = np.zeros((len(found), 2), np.intp)
    np.add.at(sizes[:, 0], labels[:n_regions], 1)
    np.add.at(sizes[:, 1], labels[n_regions:], 1)
    order = np.lexsort((first, -sizes[:, 1], -sizes[:, 0], found < 0))
    order = order[found[order] >= 0]
    number = np.full(len(found), -1, np.intp)
    number[order] = np.arange(len(order))
    return Components(number[labels[:n_regions]], number[labels[n_regions:]], sizes[order])


def reflections(presence: Bools, steps: int) -> Reflections:
    """Method of reflections: each region the mean of its sectors, each sector the mean of its regions, in turn.

    k_{c,0} = d, k_{p,0} = u, k_{c,N} = D^-1 M k_{p,N-1}, k_{p,N} = U^-1 M' k_{c,N-1}.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    steps : N >= 0. Values draw together as N grows: what is read from them is their order.

    Returns
    -------
    Reflections, with the parity of their meaning; NaN without presence.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or `steps` is negative.

    References
    ----------
    Hidalgo & Hausmann (2009), PNAS 106(26), 10570-10575, eqs. 3-4; the example is the network of their Fig. S4.

    Examples
    --------
    >>> network = np.array([[1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
    >>> reflections(network, 1).region.tolist(), reflections(network, 2).region.round(6).tolist()
    ([2.0, 2.0, 2.5, 3.0], [2.958333, 2.5, 2.666667, 2.333333])
    """
    check_presence(presence)
    if steps < 0:
        raise ValueError(f"steps must be >= 0, not {steps}")
    m = presence.astype(np.float64)
    d, u = m.sum(axis=1), m.sum(axis=0)
    over_d = np.divide(1.0, d, out=np.zeros(d.shape), where=d > 0)
    over_u = np.divide(1.0, u, out=np.zeros(u.shape), where=u > 0)
    region, sector = d, u
    for _ in range(steps):
        region, sector = over_d * (m @ sector), over_u * (region @ m)
    even = steps % 2 == 0
    return Reflections(
        np.where(d > 0, region, np.nan),
        np.where(u > 0, sector, np.nan),
        steps,
        "diversity" if even else "ubiquity",
        "ubiquity" if even else "diversity",
    )


def projected_eci(presence: Bools, pci: Floats) -> Floats:
    """ECI projected from outside: the mean complexity, measured elsewhere, of the sectors a region holds.

    For parts of countries, whose own network is too small or too alike to say what is complex.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    pci : (n_sectors,) complexity of the sectors from another table, such as that of the world; NaN = unknown there, and
        left out of the mean.

    Returns
    -------
    (n_regions,) array in units of `pci`, on the scale of the outside ECI when that PCI is scaled by region; NaN for a
    region without any sector of known complexity.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or the shapes do not fit.

    Examples
    --------
    >>> projected_eci(np.array([[True, True, True], [False, True, False]]), np.array([1.0, np.nan, 2.0])).tolist()
    [1.5, nan]
    """
    check_presence(presence)
    if pci.shape != (presence.shape[1],):
        raise ValueError(f"pci {pci.shape} must have one value for each of {presence.shape[1]} sectors")
    known = ~np.isnan(pci)
    n = (presence & known).sum(axis=1)
    total = presence @ np.where(known, pci, 0.0)
    return np.asarray(np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0))


def fitness(presence: Bools, *, iterations: int = 1000, tolerance: float = 1e-9) -> Fitness:
    """Fitness of regions and complexity of sectors, as the fixed point of a non-linear map.

    F' = M Q and Q' = 1 / (M' (1/F)), both from the values of the step before and both divided by their mean, from 1.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    iterations : the most to make.
    tolerance : largest change of a logarithm over two iterations that counts as `converged`. Values need not converge: in
        many tables some tend to 0, slowly. So the ranks decide: it stops as well when none has changed for 10
        iterations, and no two neighbours would change places at their present rates in as many iterations again as were
        made (`stable_ranks`).

    Returns
    -------
    Fitness; NaN without presence. Ranks are the result; values at different `iterations` are not comparable.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, or `iterations` or `tolerance` is not positive.

    References
    ----------
    Tacchella, Cristelli, Caldarelli, Gabrielli & Pietronero (2012), Scientific Reports 2, 723.
    Pugliese, Zaccaria & Pietronero (2016), European Physical Journal Special Topics 225, 1893-1911 (crossing times).

    Examples
    --------
    One step: M Q = (2, 1) and 1 / (M' (1/F)) = (1, 1/2), over their means. At the fixed point F = (2, 0):

    >>> once = fitness(np.array([[True, True], [False, True]]), iterations=1)
    >>> once.fitness.round(6).tolist(), once.quality.round(6).tolist()
    ([1.333333, 0.666667], [1.333333, 0.666667])
    """
    check_presence(presence)
    if iterations < 1 or tolerance <= 0:
        raise ValueError(f"iterations ({iterations}) must be at least 1 and tolerance ({tolerance}) above 0")
    rows: Bools = np.asarray(presence.any(axis=1))
    columns: Bools = np.asarray(presence.any(axis=0))
    f_all, q_all = np.full(len(rows), np.nan), np.full(len(columns), np.nan)
    if not rows.any():
        return Fitness(f_all, q_all, 0, "empty", 0, np.inf, ())
    m = presence[np.ix_(rows, columns)].astype(np.float64)
    f, q = np.ones(m.shape[0]), np.ones(m.shape[1])
    logs = [np.zeros(len(f))]  # of the last three iterations: even and odd ones are two sequences
    order = np.arange(len(f))
    changed, n, crossing = 0, 0, np.inf
    stop: Stop = "iterations"
    while n < iterations and stop == "iterations":
        n += 1
        f, q = _mean_one(m @ q), _mean_one(1.0 / ((1.0 / f) @ m))
        logs = [*logs[-2:], np.log(f)]
        if (np.diff(logs[-1][order]) > TIE).any():
            order, changed = np.argsort(-logs[-1], kind="stable"), n
        crossing = _next_crossing(logs[-1][order], (logs[-1] - logs[0])[order] / (len(logs) - 1))
        if n > 1 and np.abs(logs[-1] - logs[-3]).max() <= tolerance:
            stop = "converged"
        elif n - changed >= PATIENCE and crossing > n:
            stop = "stable_ranks"
    f_all[rows], q_all[columns] = f, q
    flags = {"vanishing"} if f.min() <= 2 * VANISHING else set()
    flags |= {"disconnected"} if len(components(presence).sizes) > 1 else set()
    return Fitness(f_all, q_all, n, stop, n - changed, crossing, tuple(sorted(flags)))


def genepy(presence: Bools, *, component: Literal["all", "largest"] = "all") -> Genepy:
    """Generalised economic complexity index (GENEPY) of regions and sectors.

    W_ij = M_ij / (d_i u'_j) with u'_j = sum_i M_ij / d_i. N = W W' with its diagonal set to 0 says how alike regions are,
    G = W' W, likewise, how alike sectors are. With the two eigenvalues of N that are largest in absolute value, l_1 and
    l_2, and their unit eigenvectors X_1 and X_2,

    GENEPY_i = (l_1 X_i1^2 + l_2 X_i2^2)^2 + 2 (l_1^2 X_i1^2 + l_2^2 X_i2^2),

    and from G likewise for sectors. With A = l_1 X_1 X_1' + l_2 X_2 X_2', the nearest matrix of rank two to N, that is
    A_ii^2 + 2 (A A)_ii: it depends on N alone, not on signs of eigenvectors nor on their choice where l_1 and l_2 are of
    one size. It does depend on it where the third is of the size of the second, and then there is no index.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array.
    component : `all`, a network in several parts is refused, because the two eigenvalues may belong to different parts
        and would leave a third one at 0; or `largest`, the part with most regions, then most sectors, is computed.

    Returns
    -------
    Genepy; NaN for regions and sectors without presence or outside the component, and throughout a side whose second and
    third eigenvalues are of one size. Two regions always have the same index. For comparison within the table only.

    Raises
    ------
    ComplexityError : `too_few` or `disconnected`.
    ValueError : `presence` is not a 2-D bool array, or `component` is unknown.

    References
    ----------
    Sciarra, Chiarotti, Ridolfi & Laio (2020), Nature Communications 11, 3352, with the authors' program of June 2020,
    which orders eigenvalues by absolute value (a matrix without diagonal has negative ones).

    Examples
    --------
    Diversities 2, 1, 1 and u' = (3/2, 3/2): the first region is 1/3 * 2/3 = 2/9 like each other one, which share nothing.
    The eigenvalues are +-sqrt(2) 2/9 and 0, so A = N: 2 * 2 (2/9)^2 and twice 2 (2/9)^2.

    >>> result = genepy(np.array([[True, True], [True, False], [False, True]]))
    >>> (81 * result.regions).round(9).tolist(), (81 * result.sectors).round(9).tolist()
    ([16.0, 8.0, 8.0], [2.0, 2.0])
    """
    check_presence(presence)
    if component not in ("all", "largest"):
        raise ValueError(f"component must be one of all, largest, not {component!r}")
    parts = components(presence)
    _refuse(parts, component)
    rows, columns = parts.regions == 0, parts.sectors == 0
    m = presence[np.ix_(rows, columns)].astype(np.float64)
    d = m.sum(axis=1)
    w = m / np.outer(d, (1.0 / d) @ m)
    flags = {"largest_component"} if len(parts.sizes) > 1 else set()
    sides = []
    for side, mask, links in (("region", rows, w @ w.T), ("sector", columns, w.T @ w)):
        np.fill_diagonal(links, 0.0)
        values, eigenvalues, flag = _unique_contribution(links)
        index = np.full(len(mask), np.nan)
        index[mask] = values
        sides.append((index, eigenvalues))
        flags |= {f"{side}_{flag}"} if flag else set()
    (regions, of_regions), (sectors, of_sectors) = sides
    return Genepy(regions, sectors, of_regions, of_sectors, tuple(sorted(flags)))


def prody(x: Floats, income: Floats) -> Floats:
    """PRODY: the income of the regions that a sector weighs most in.

    PRODY_j = sum_i s_ij Y_i / sum_i s_ij, where s_ij = x_ij / x_i is the share of sector j in region i.

    Parameters
    ----------
    x : (n_regions, n_sectors) array >= 0, one unit; NaN = missing, and the shares of the region are then over the rest.
    income : (n_regions,) income per head; NaN = unknown, and the region has no part.

    Returns
    -------
    (n_sectors,) array in units of `income`; NaN for a sector that no region of known income has.

    Raises
    ------
    ValueError : the shapes do not fit, `x` holds a negative or infinite value, or `income` an infinite one.

    References
    ----------
    Hausmann, Hwang & Rodrik (2007), Journal of Economic Growth 12(1), 1-25, eq. 10.

    Examples
    --------
    The first sector: shares 0.5 and 0.25, so (0.5 * 30 + 0.25 * 9) / 0.75:

    >>> prody(np.array([[1.0, 1.0], [1.0, 3.0]]), np.array([30.0, 9.0])).round(6).tolist()
    [23.0, 17.4]
    """
    shares = _shares(x)
    if income.shape != (len(x),):
        raise ValueError(f"income {income.shape} must have one value for each of {len(x)} regions")
    if np.isinf(income).any():
        raise ValueError("income must be finite (NaN = unknown)")
    known = ~np.isnan(income)
    above = np.where(known, income, 0.0) @ shares
    below = known @ shares
    return np.asarray(np.divide(above, below, out=np.full(x.shape[1], np.nan), where=below > 0))


def expy(x: Floats, prody: Floats) -> Floats:
    """EXPY: the mean PRODY of what a region makes, weighted by its shares, EXPY_i = sum_j s_ij PRODY_j.

    Parameters
    ----------
    x : (n_regions, n_sectors) array >= 0, one unit; NaN = missing.
    prody : (n_sectors,) array of `prody`; NaN = none. The shares are then over the other sectors.

    Returns
    -------
    (n_regions,) array in units of `prody`; NaN for a region without a total, and where sectors with a PRODY make up less
    than 2/3 of it.

    Raises
    ------
    ValueError : the shapes do not fit, or `x` holds a negative or infinite value.

    References
    ----------
    Hausmann, Hwang & Rodrik (2007), Journal of Economic Growth 12(1), 1-25, eq. 11.

    Examples
    --------
    >>> expy(np.array([[1.0, 1.0], [1.0, 3.0]]), np.array([23.0, 17.4])).round(6).tolist()
    [20.2, 18.8]
    """
    shares = _shares(x)
    if prody.shape != (x.shape[1],):
        raise ValueError(f"prody {prody.shape} must have one value for each of {x.shape[1]} sectors")
    known = ~np.isnan(prody)
    above = shares @ np.where(known, prody, 0.0)
    covered = shares @ known
    enough = (covered > 0) & (covered >= MIN_COVERAGE - 1e-9)  # two thirds are enough, whatever the round-off
    return np.asarray(np.divide(above, covered, out=np.full(len(x), np.nan), where=enough))


def eligible(
    presence: Bools,
    totals: Floats,
    *,
    world: float | None = None,
    population: Floats | None = None,
    min_share: float = MIN_SHARE,
    min_population: float = MIN_POPULATION,
    min_regions: int = MIN_REGIONS,
) -> Eligibility:
    """Which regions and sectors are large enough to take part in the computation of complexity.

    One pass: regions first, then sectors by the eligible regions that hold them; neither is looked at again.

    Parameters
    ----------
    presence : (n_regions, n_sectors) bool array, from the full table.
    totals : (n_regions,) totals of the regions, >= 0; NaN = unknown, which is not eligible (`no_total`).
    world : what the shares are of; None = the sum of the known totals.
    population : (n_regions,) inhabitants; NaN = unknown, and the floor is waived for that region.
    min_share, min_population, min_regions : floors, themselves large enough; 0 waives each.

    Returns
    -------
    Eligibility: masks, and the reasons against everybody who is out.

    Raises
    ------
    ValueError : `presence` is not a 2-D bool array, the shapes do not fit, or a total is negative or infinite.

    Examples
    --------
    >>> who = eligible(np.ones((3, 2), bool), np.array([1e6, 5.0, 2e6]), population=np.array([1e7, 50.0, np.nan]))
    >>> who.regions.tolist(), who.region_reasons.tolist(), who.sector_reasons.tolist()
    ([True, False, True], ['', 'small_population;small_total', ''], ['few_regions', 'few_regions'])
    """
    check_presence(presence)
    if population is None:
        population = np.full(len(presence), np.nan)
    if totals.shape != (len(presence),) or population.shape != totals.shape:
        shapes = f"totals {totals.shape} and population {population.shape}"
        raise ValueError(f"{shapes} must have one value for each of {len(presence)} regions")
    if ((totals < 0) | np.isinf(totals)).any():
        raise ValueError("totals must be finite and >= 0 (NaN = unknown)")
    floor = min_share * (np.nansum(totals) if world is None else world)
    against: dict[str, Bools] = {
        "no_presence": ~np.asarray(presence.any(axis=1)),
        "no_total": np.isnan(totals),
        "small_population": population < min_population,
        "small_total": totals < floor,
    }
    region_reasons = _joined(against)
    regions = region_reasons == ""
    sector_reasons = _joined({"few_regions": presence[regions].sum(axis=0) < min_regions})
    return Eligibility(regions, sector_reasons == "", region_reasons, sector_reasons)


def _check_options(sign: str, pci_scale: str, component: str, previous: Floats | None, n_regions: int) -> None:
    for name, value, allowed in (
        ("sign", sign, SIGNS),
        ("pci_scale", pci_scale, SCALES),
        ("component", component, ("all", "largest")),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    if previous is not None and previous.shape != (n_regions,):
        raise ValueError(f"previous {previous.shape} must have one value for each of {n_regions} regions")


def _refuse(parts: Components, component: str) -> None:
    """Refuse a network in parts, and one too small to have a second dimension."""
    sizes = parts.sizes
    if len(sizes) > 1:
        listed = ", ".join(f"{r} x {s}" for r, s in sizes[:5].tolist()) + (", ..." if len(sizes) > 5 else "")
        message = f"the table falls into {len(sizes)} parts that share no sector (regions x sectors: {listed})"
        if component == "all":
            raise ComplexityError("disconnected", message, components=parts)
        if (sizes[0] == sizes[1]).all():
            raise ComplexityError("disconnected", f"{message}, and none of them is the largest", components=parts)
    if len(sizes) == 0 or sizes[0].min() < 2:
        found = "none" if len(sizes) == 0 else f"{sizes[0][0]} x {sizes[0][1]}"
        message = f"complexity compares at least 2 regions in 2 sectors, and there are {found}"
        raise ComplexityError("too_few", message, components=parts)


def _second_eigenvector(m: Floats, d: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Right eigenvector of D^-1 M U^-1 M' for the second eigenvalue, and the three largest eigenvalues.

    With A = D^-1/2 M U^-1/2, A A' is similar to that matrix and A' A to its counterpart for sectors; both share all
    eigenvalues but zeros.
    """
    a = m / np.sqrt(np.outer(d, u))
    by_region = len(d) <= len(u)
    symmetric = a @ a.T if by_region else a.T @ a
    n = len(symmetric)
    values, vectors = _eigenpairs(symmetric, max(n - 3, 0), n - 1)
    eigenvalues = np.zeros(3)
    eigenvalues[: len(values)] = values[::-1]
    second = vectors[:, -2]
    if by_region:
        return second / np.sqrt(d), eigenvalues
    return (m @ (second / np.sqrt(u))) / d, eigenvalues


def _eigenpairs(symmetric: Floats, first: int, last: int) -> tuple[Floats, Floats]:
    """Eigenvalues from one place to another in rising order, (n,), and their vectors in columns.

    The driver that computes some of them fails, rarely, on matrices with many equal eigenvalues: then all are computed.
    """
    from scipy.linalg import LinAlgError, eigh

    try:
        values, vectors = eigh(symmetric, subset_by_index=[first, last], check_finite=False)
    except LinAlgError:
        values, vectors = eigh(symmetric, driver="evd", check_finite=False)
        values, vectors = values[first : last + 1], vectors[:, first : last + 1]
    return values, vectors


def _unique_contribution(links: Floats) -> tuple[Floats, Floats, str]:
    """GENEPY of each row of a symmetric matrix, its three eigenvalues of largest size, and what flags the index."""
    n = len(links)
    ends = [(0, min(2, n - 1)), *([(max(3, n - 3), n - 1)] if n > 3 else [])]  # the largest in size lie at either end
    found = [_eigenpairs(links, *end) for end in ends]
    values = np.concatenate([one for one, _ in found])
    order = np.argsort(-np.abs(values), kind="stable")[:3]
    eigenvalues = np.zeros(3)
    eigenvalues[: len(order)] = values[order]
    first, second, third = np.abs(eigenvalues)
    if second - third <= SAME_EIGENVALUE * first:
        return np.full(n, np.nan), eigenvalues, "tie"
    squares = np.concatenate([vectors for _, vectors in found], axis=1)[:, order[:2]] ** 2
    two = eigenvalues[:2]
    index = (squares @ two) ** 2 + 2.0 * (squares @ two**2)
    return index, eigenvalues, "eigengap" if second - third < MIN_RELATIVE_GAP * second else ""


def _check_gap(eigenvalues: Floats, parts: Components, force: bool) -> bool:
    """Whether the second eigenvalue is too close to the third, which only force gets past."""
    second, third = float(eigenvalues[1]), float(eigenvalues[2])
    if second <= NO_DIMENSION:
        message = "the table has no second dimension: its second eigenvalue is 0"
        raise ComplexityError("no_second_dimension", message, components=parts, eigenvalues=eigenvalues)
    close = second - third < max(MIN_GAP, MIN_RELATIVE_GAP * second)
    if close and not force:
        message = f"the second and third eigenvalues, {second:g} and {third:g}, are too close to tell their eigenvectors apart"
        raise ComplexityError("eigengap", message, components=parts, eigenvalues=eigenvalues)
    return close


def _orientation(
    k: Floats, q: Floats, d: Floats, u: Floats, sign: Sign, previous: Floats | None
) -> tuple[float, set[str]]:
    """1 or -1 to multiply both eigenvectors with, and the flags it earns."""
    r = _correlation(k, d) if sign == "diversity" else -_correlation(q, u)
    flags = {"weak_sign"} if abs(r) < WEAK_SIGN else set()
    if flags and previous is not None:
        known = ~np.isnan(previous)
        before = _correlation(k[known], previous[known])
        if before != 0.0:
            r = before
            flags.add("previous_sign")
    return (-1.0 if r < 0 else 1.0), flags


def _correlation(a: Floats, b: Floats) -> float:
    """Pearson correlation; 0 where either side is constant, or shorter than two."""
    if len(a) < 2:
        return 0.0
    p, q = a - a.mean(), b - b.mean()
    spread = float(np.linalg.norm(p) * np.linalg.norm(q))
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(p @ q) / spread if spread > 1e-12 * scale else 0.0


def _mean_one(values: Floats) -> Floats:
    """Divided by the mean, and kept above what an inverse can bear."""
    return np.asarray(np.maximum(values / values.mean(), VANISHING))


def _next_crossing(logs: Floats, rates: Floats) -> float:
    """Iterations until a neighbour in rank (both in order of rank) catches up with the one above it at these rates."""
    gap, closing = -np.diff(logs), np.diff(rates)
    catching = (gap > TIE) & (closing > 0)
    return float((gap[catching] / closing[catching]).min()) if catching.any() else float("inf")


def _shares(x: Floats) -> Floats:
    """Share of each sector in its region's total, 0 where missing or without a total."""
    if x.ndim != 2:
        raise ValueError(f"x must have 2 dimensions (regions, sectors), not {x.ndim}")
    if ((x < 0) | np.isinf(x)).any():
        raise ValueError("x must be finite and >= 0 (NaN = missing)")
    filled = np.nan_to_num(x, nan=0.0)
    total = filled.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(filled, total, out=np.zeros(x.shape), where=total > 0))


def _joined(against: dict[str, Bools]) -> Texts:
    """Names of what speaks against each one, joined by `;` in the order given."""
    texts = np.full(len(next(iter(against.values()))), "")
    for name, mask in against.items():
        texts = np.strings.add(texts, np.where(mask, f"{name};", ""))
    return np.strings.rstrip(texts, ";")
