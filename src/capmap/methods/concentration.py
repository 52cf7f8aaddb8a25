"""Concentration and specialisation: how few units hold most of a total, and how unlike a reference they hold it.

The units may be anything that adds up: firms or suppliers in a cell, the sectors of a region (specialisation), the
regions of a sector (concentration). All functions take tables and work along `axis`, on values or shares alike:
whatever comes in is divided by its sum over the known units. A `reference` (employment of all sectors in each
region, or the world's structure) is either a vector of the units along `axis` or an array that broadcasts with `x`;
a unit is then known if both numbers are. Where fewer than `min_known` of the units are known there is no answer.

How unlike two profiles are is measured in `capmap.methods.similarity` (Krugman, Finger-Kreinin).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, rel_entr

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

#: Share of the units that must be known for a concentration to be stated.
MIN_KNOWN = 2 / 3


@dataclass(frozen=True, eq=False)
class Theil:
    """Theil index and its two parts: total = between + within. Arrays of one shape, >= 0, in nats."""

    total: Floats
    between: Floats  #: among the groups, as if each held the same in all its units
    within: Floats  #: inside the groups, each weighted with its share of the whole


def herfindahl(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Herfindahl-Hirschman index, HHI = sum_k s_k^2 with s_k = x_k / sum x, in [1/n, 1].

    Parameters
    ----------
    x : array of values or shares >= 0 (they are divided by their sum, so either will do); NaN = missing.
    axis : axis along which the units lie.
    min_known : smallest share of the units that must be known, in [0, 1]. Set 0 where NaN only pads rows of
        unequal length.

    Returns
    -------
    Array without that axis (0-dimensional for a vector); 1 = a single unit holds everything, 1/n = n equal
    units. Missing units are left out and the shares of the others add up to 1, which overstates the
    concentration unless a large unit is the one that is hidden. NaN where fewer than `min_known` of the units
    are known, or their sum is 0. A true 0 is a unit with nothing and changes no sum.

    Raises
    ------
    ValueError : `x` holds a negative or infinite value, or `min_known` is outside [0, 1].

    References
    ----------
    Hirschman (1945), National Power and the Structure of Foreign Trade; Herfindahl (1950), Concentration in the
    Steel Industry. Worked example: Doersam (2004), Wirtschaftsstatistik anschaulich dargestellt.

    Examples
    --------
    0.2^2 + 0.5^2 + 0.2^2 + 0.1^2:

    >>> round(float(herfindahl(np.array([20.0, 50.0, 20.0, 10.0]))), 10)
    0.34
    """
    index, _ = _index(x, axis, min_known)
    return index


def herfindahl_normalised(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Normalised Herfindahl-Hirschman index, (HHI - 1/n) / (1 - 1/n), in [0, 1].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`. n is the number of known units, those with 0 among them.

    Returns
    -------
    Array without that axis; 0 = all known units equal, 1 = one holds everything. NaN as in `herfindahl`, and
    with fewer than two known units, where there is nothing to compare.

    Raises
    ------
    ValueError : as `herfindahl`.

    Examples
    --------
    (0.34 - 0.25) / 0.75, after Doersam (2004):

    >>> round(float(herfindahl_normalised(np.array([20.0, 50.0, 20.0, 10.0]))), 10)
    0.12
    """
    index, n = _index(x, axis, min_known)
    several = n > 1
    even = 1.0 / np.where(several, n, 2)
    return np.where(several, np.clip((index - even) / (1.0 - even), 0.0, 1.0), np.nan)


def effective_number(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Effective number of units, 1 / HHI: how many equal units would be as concentrated, in [1, n].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`.

    Returns
    -------
    Array without that axis; NaN as in `herfindahl`.

    Raises
    ------
    ValueError : as `herfindahl`.

    References
    ----------
    Adelman (1969), Review of Economics and Statistics 51(1), 99-101.

    Examples
    --------
    1 / 0.34, after Doersam (2004):

    >>> round(float(effective_number(np.array([20.0, 50.0, 20.0, 10.0]))), 6)
    2.941176
    """
    index, _ = _index(x, axis, min_known)
    return np.asarray(1.0 / index)


def entropy(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Shannon entropy of the shares, H = sum_k s_k log2(1 / s_k) with s_k = x_k / sum x, in bits, in [0, log2 n].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`.

    Returns
    -------
    Array without that axis; 0 = a single unit holds everything, log2 n = n equal units. 0 log 0 = 0, so a true 0
    changes nothing. NaN as in `herfindahl`; leaving out missing units understates the variety.

    Raises
    ------
    ValueError : as `herfindahl`.

    References
    ----------
    Shannon (1948), Bell System Technical Journal 27(3), 379-423.

    Examples
    --------
    1/2 * 1 + 1/4 * 2 + 1/4 * 2:

    >>> float(entropy(np.array([20.0, 10.0, 10.0, 0.0])))
    1.5
    """
    share, _ = shares(x, axis=axis, min_known=min_known)
    share = np.moveaxis(share, axis, -1)
    return _known_as(share, entr(np.nan_to_num(share)).sum(axis=-1) / np.log(2.0) + 0.0)  # never -0.0


def entropy_normalised(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Normalised Shannon entropy (evenness), H / log2 n, in [0, 1].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`. n is the number of known units, those with 0 among them.

    Returns
    -------
    Array without that axis; 1 = all known units equal, 0 = one holds everything. NaN as in `herfindahl`, and with
    fewer than two known units, where there is nothing to compare.

    Raises
    ------
    ValueError : as `herfindahl`.

    References
    ----------
    Pielou (1966), Journal of Theoretical Biology 13, 131-144.

    Examples
    --------
    1.5 / log2(4):

    >>> float(entropy_normalised(np.array([20.0, 10.0, 10.0, 0.0])))
    0.75
    """
    bits = entropy(x, axis=axis, min_known=min_known)
    n = (~np.isnan(x)).sum(axis=axis)
    return np.where(n > 1, np.clip(bits / np.log2(np.maximum(n, 2)), 0.0, 1.0), np.nan)


def gini(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Gini coefficient, G = sum_k (2k - n - 1) x_(k) / (n sum x) over the sorted values, in [0, (n - 1) / n].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`. n is the number of known units, those with 0 among them.

    Returns
    -------
    Array without that axis; 0 = all known units equal, (n - 1) / n = one holds everything (not corrected to 1).
    NaN as in `herfindahl`.

    Raises
    ------
    ValueError : as `herfindahl`.

    References
    ----------
    Gini (1921), Economic Journal 31(121), 124-126.

    Examples
    --------
    (-4 * 0 - 2 * 10 + 0 * 10 + 2 * 30 + 4 * 50) / (5 * 100):

    >>> round(float(gini(np.array([0.0, 10.0, 10.0, 30.0, 50.0]))), 10)
    0.48
    """
    return hoover_gini(x, np.ones(np.shape(x)), axis=axis, min_known=min_known)


def hoover_gini(x: Floats, reference: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Hoover-Gini: twice the area between the diagonal and the Lorenz curve of `x` against `reference`, in [0, 1].

    With s and r the shares of both, sorted by s/r, and R their cumulated r: G = sum_k s_k (R_k + R_{k-1}) - 1. Every
    unit weighs by its size, so merging units of equal s/r changes nothing; prefer it to `locational_gini` where the
    units differ in size. Tied s/r lie on one line of the curve: their order does not matter.

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`.
    reference : what the units hold of everything (or their population or area), >= 0; NaN = missing.

    Returns
    -------
    Array without that axis; 0 = distributed like the reference. A unit with something in `x` and 0 in the reference
    comes last, which is the limit of a small reference. NaN with too few units known in both, or where either adds
    up to 0 over them.

    Raises
    ------
    ValueError : an array holds a negative or infinite value, their shapes do not fit, or `min_known` is outside [0, 1].

    References
    ----------
    Hoover (1936), Review of Economic Statistics 18(4), 162-171. Worked example: the R package EconGeo (Balland),
    help page hoover_gini.

    Examples
    --------
    0.1 * (0.1 + 0.3) + 0.1 * (0.3 + 0.45) + 0.3 * (0.45 + 0.7) + 0.5 * (0.7 + 1) - 1:

    >>> population = np.array([10.0, 15.0, 20.0, 25.0, 30.0])
    >>> round(float(hoover_gini(np.array([0.0, 10.0, 10.0, 30.0, 50.0]), population)), 10)
    0.31
    """
    s, r = _pair(x, reference, axis, min_known)
    order = np.argsort(_quotient(s, r), axis=-1)
    s, r = (np.take_along_axis(share, order, axis=-1) for share in (s, r))
    cumulated = np.cumsum(np.nan_to_num(r), axis=-1)
    area = (np.nan_to_num(s) * (2.0 * cumulated - np.nan_to_num(r))).sum(axis=-1)
    return _known_as(s, np.clip(area - 1.0, 0.0, 1.0))


def locational_gini(x: Floats, reference: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Locational Gini of a sector: `gini` of its location quotients over the regions, in [0, (n - 1) / n].

    G = 2 / (n^2 mean C) sum_k k (C_(k) - mean C) on the sorted quotients C. Every region counts the same, whatever its
    size: a village with one plant moves G as much as a capital does.

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`; what each region has of the sector, regions along `axis`.
    reference : what each region has of all sectors, >= 0; NaN = missing. The quotients are scale-free, so a region's
        share will do as well.

    Returns
    -------
    Array without that axis; 0 = the same quotient everywhere. n counts the known regions with a reference above 0:
    one with 0 in both has no quotient and is left out. NaN with too few regions known in both, where either adds up
    to 0 over them, or where a region has some of the sector and 0 of everything (its quotient has no bound).

    Raises
    ------
    ValueError : as `hoover_gini`.

    References
    ----------
    Krugman (1991), Geography and Trade; form and worked example: Farhauer & Kroell (2013), Standorttheorien, as quoted
    in the help page gini.conc of the R package REAT (Wieland).

    Examples
    --------
    Location quotients 1/4, 1/3, 1/2, 7/4 and 2 (times a constant):

    >>> sector = np.array([500.0, 500.0, 1000.0, 7000.0, 1000.0])
    >>> everything = np.array([20_000.0, 15_000.0, 20_000.0, 40_000.0, 5_000.0])
    >>> round(float(locational_gini(sector, everything)), 7)
    0.4068966
    """
    s, r = _pair(x, reference, axis, min_known)
    quotient = _quotient(s, r)
    unbounded = np.isinf(quotient).any(axis=-1)
    index = gini(np.where(np.isinf(quotient), np.nan, quotient), min_known=0.0)
    return _known_as(s, np.where(unbounded, np.nan, index))


def specialisation_gini(x: Floats, reference: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Specialisation Gini of a region: `gini` of its location quotients over the sectors, in [0, (n - 1) / n].

    The formula of `locational_gini` along the other side of the table. Every sector counts the same, so splitting one
    into two of the same quotient changes the number; `hoover_gini` stays.

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`; what the region has in each sector, sectors along `axis`.
    reference : what the world has in each sector, >= 0; NaN = missing.

    Returns
    -------
    Array without that axis; 0 = the structure of the reference. NaN as in `locational_gini`.

    Raises
    ------
    ValueError : as `hoover_gini`.

    References
    ----------
    Farhauer & Kroell (2013), Standorttheorien, as quoted in the help page gini.spec of the R package REAT (Wieland).

    Examples
    --------
    Location quotients 7/300, 4/100, 5/100, 1/6 and 4/5 (times a constant):

    >>> region = np.array([700.0, 600.0, 500.0, 10_000.0, 40_000.0])
    >>> world = np.array([30_000.0, 15_000.0, 10_000.0, 60_000.0, 50_000.0])
    >>> round(float(specialisation_gini(region, world)), 7)
    0.6222222
    """
    return locational_gini(x, reference, axis=axis, min_known=min_known)


def hoover(x: Floats, reference: Floats | None = None, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Hoover index of concentration, 1/2 sum_k |s_k - r_k| on shares, in [0, 1]; half the Krugman index.

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`.
    reference : what the units hold of everything, >= 0; NaN = missing. None = the same for every unit.

    Returns
    -------
    Array without that axis: the share of `x` that would have to move for it to be distributed like the reference.
    NaN with too few units known in both, or where either adds up to 0 over them.

    Raises
    ------
    ValueError : as `hoover_gini`.

    References
    ----------
    Hoover (1936), Review of Economic Statistics 18(4), 162-171.

    Examples
    --------
    (|0 - 0.1| + |0.1 - 0.15| + |0.1 - 0.2| + |0.3 - 0.25| + |0.5 - 0.3|) / 2:

    >>> population = np.array([10.0, 15.0, 20.0, 25.0, 30.0])
    >>> round(float(hoover(np.array([0.0, 10.0, 10.0, 30.0, 50.0]), population)), 10)
    0.25
    """
    s, r = _pair(x, np.ones(np.shape(x)) if reference is None else reference, axis, min_known)
    return _known_as(s, np.minimum(np.nansum(np.abs(s - r), axis=-1) / 2.0, 1.0))


def hachman(x: Floats, reference: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Hachman index of diversity, 1 / sum_k LQ_k s_k = 1 / sum_k (s_k^2 / r_k), in [0, 1].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`; what the region has in each sector.
    reference : what the world has in each sector, >= 0; NaN = missing.

    Returns
    -------
    Array without that axis; 1 = the structure of the reference, min r = all in the sector that is smallest there.
    0 where the region has something in a sector in which the reference has nothing, the limit of a small reference.
    NaN with too few sectors known in both, or where either adds up to 0 over them.

    Raises
    ------
    ValueError : as `hoover_gini`.

    References
    ----------
    F. Hachman, Bureau of Economic and Business Research, University of Utah.

    Examples
    --------
    1 / (0.5^2 / 0.25 + 0.5^2 / 0.75):

    >>> round(float(hachman(np.array([1.0, 1.0]), np.array([1.0, 3.0]))), 10)
    0.75
    """
    s, r = _pair(x, reference, axis, min_known)
    mean_quotient = np.nansum(s * _quotient(s, r), axis=-1)
    return _known_as(s, np.minimum(1.0 / np.where(mean_quotient > 0, mean_quotient, 1.0), 1.0))


def theil(values: Floats, groups: Ints | None = None, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Theil:
    """Theil index, T = sum_k s_k ln(n s_k) with s_k = x_k / sum x, in [0, ln n], and its parts over groups.

    With S_g the share and n_g the number of units of group g: between = sum_g S_g ln(S_g n / n_g) and
    within = sum_g S_g T_g, where T_g is the index of the group alone; total = between + within.

    Parameters
    ----------
    values : array of values or shares >= 0, one per unit (the units count the same); NaN = missing.
    groups : (n,) integer codes >= 0 of the group of each unit along `axis`; None = all in one group.
    axis, min_known : as `herfindahl`. n and n_g count known units, those with 0 among them.

    Returns
    -------
    Three arrays without that axis, in nats; 0 = all known units equal, ln n = one holds everything. 0 ln 0 = 0.
    Without groups `between` is 0 and `within` the whole. NaN as in `herfindahl`.

    Raises
    ------
    ValueError : as `herfindahl`; `groups` has another length or a negative code (a unit without a group would break
        the identity).

    References
    ----------
    Theil (1967), Economics and Information Theory. Worked example: tests of the Python package inequality (PySAL).

    Examples
    --------
    All that differs lies between the groups: 3 * 1/3 * ln(6 / 3) = ln 2.

    >>> parts = theil(np.array([0.0, 0.0, 0.0, 10.0, 10.0, 10.0]), np.array([0, 0, 0, 1, 1, 1]))
    >>> round(float(parts.total), 6), round(float(parts.between), 6), float(parts.within)
    (0.693147, 0.693147, 0.0)
    """
    share, known = shares(values, axis=axis, min_known=min_known)
    share, known = np.moveaxis(share, axis, -1), np.moveaxis(known, axis, -1)
    code = np.zeros(share.shape[-1], np.intp) if groups is None else groups
    in_group, of_unit = sum_by_group(np.nan_to_num(share), code)
    n_group, _ = sum_by_group(known.astype(float), code)
    n = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    even = in_group / np.maximum(n_group, 1)  # what each unit of a group would hold
    s = np.nan_to_num(share)
    parts = (rel_entr(s, known / n), rel_entr(in_group, n_group / n), rel_entr(s, even[..., of_unit]))
    # Each part is >= 0 but for round-off; rel_entr holds 0 ln 0 = 0.
    return Theil(*(_known_as(share, np.maximum(part.sum(axis=-1), 0.0)) for part in parts))


def ellison_glaeser(
    shares_region: Floats, shares_total: Floats, plant_sizes: Floats, *, min_known: float = MIN_KNOWN
) -> float:
    """Ellison-Glaeser index of agglomeration of one sector, gamma: concentration beyond that of its plants.

    gamma = [sum_i (s_i - x_i)^2 - (1 - sum_i x_i^2) H] / [(1 - sum_i x_i^2) (1 - H)], H the Herfindahl index of the
    plants. A sector of few large plants is concentrated by chance alone; this is what H takes away.

    Parameters
    ----------
    shares_region : (n_regions,) what each region has of the sector, >= 0, as shares or jobs; NaN = missing.
    shares_total : (n_regions,) what each region has of all sectors, >= 0; NaN = missing.
    plant_sizes : (n_plants,) jobs of the sector's plants, >= 0; NaN = missing. Which region they lie in does not matter
        here, and that they add up to the jobs of the sector is not checked.
    min_known : as `herfindahl`, for the regions and for the plants.

    Returns
    -------
    Dimensionless and without bounds: 0 = as plants thrown at random at a map weighted with `shares_total`, below 0 =
    dispersed, below 0.02 hardly and above 0.05 highly agglomerated (Ellison & Glaeser). NaN with too few regions or
    plants known, where one of the three adds up to 0, with all jobs in one region (nowhere else to be) or all of the
    sector in one plant (nothing to agglomerate).

    Raises
    ------
    ValueError : an array is not a vector or holds a negative or infinite value, the regions do not fit, or
        `min_known` is outside [0, 1].

    References
    ----------
    Ellison & Glaeser (1997), Journal of Political Economy 105(5), 889-927. Worked example: Farhauer &
    Kroell (2014), Standorttheorien, as quoted in the help page ellison.a of the R package REAT (Wieland).

    Examples
    --------
    sum (s - x)^2 = 0.02, 1 - sum x^2 = 0.58, H = 1/4: (0.02 - 0.58 / 4) / (0.58 * 3/4)

    >>> region = np.array([4.0, 4.0, 2.0])  # s = 0.4, 0.4, 0.2 and x = 0.5, 0.4, 0.1
    >>> round(ellison_glaeser(region, np.array([5.0, 4.0, 1.0]), np.full(4, 2.5)), 6)
    -0.287356
    """
    if not np.ndim(shares_region) == np.ndim(shares_total) == np.ndim(plant_sizes) == 1:
        raise ValueError("shares_region, shares_total and plant_sizes must be vectors")
    if np.shape(shares_region) != np.shape(shares_total):
        raise ValueError(f"regions {np.shape(shares_region)} and {np.shape(shares_total)} do not fit")
    s, x = _pair(shares_region, shares_total, -1, min_known)
    plants = float(herfindahl(plant_sizes, min_known=min_known))
    elsewhere = 1.0 - float(np.nansum(x**2))
    if np.isnan(s).all() or np.isnan(plants) or not (elsewhere > 0 and plants < 1):
        return float("nan")
    raw = float(np.nansum((s - x) ** 2))
    return (raw - elsewhere * plants) / (elsewhere * (1.0 - plants))


def shares(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> tuple[Floats, Bools]:
    """Shares of the known units in their sum, s_k = x_k / sum x.

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`.

    Returns
    -------
    Two arrays of the shape of `x`: the shares, NaN for a missing unit and throughout where fewer than `min_known` of
    the units are known or their sum is 0; and which units are known.

    Raises
    ------
    ValueError : as `herfindahl`.

    Examples
    --------
    >>> shares(np.array([3.0, 1.0, np.nan]))[0].tolist()
    [0.75, 0.25, nan]
    """
    known = _known(x, min_known)
    return _shares(x, known, axis, min_known), known


def sum_by_group(x: Floats, groups: Ints) -> tuple[Floats, Ints]:
    """Sum of the units of each group, along the last axis.

    Parameters
    ----------
    x : (..., n) array without NaN.
    groups : (n,) integer codes >= 0.

    Returns
    -------
    (..., n_groups) sums in the order of the codes that occur, and for each unit the place of its group there, (n,).

    Raises
    ------
    ValueError : `groups` is not (n,) or has a negative code.

    Examples
    --------
    >>> sums, place = sum_by_group(np.array([1.0, 2.0, 4.0]), np.array([7, 3, 7]))
    >>> sums.tolist(), place.tolist()
    ([2.0, 5.0], [1, 0, 1])
    """
    if np.shape(groups) != x.shape[-1:]:
        raise ValueError(f"groups {np.shape(groups)} do not fit {x.shape[-1]} units")
    if (groups < 0).any():
        raise ValueError("groups must be >= 0: every unit belongs to one")
    order = np.argsort(groups, kind="stable")
    opens = np.flatnonzero(np.diff(groups[order], prepend=-1))
    place = np.empty(order.size, np.intp)
    place[order] = np.repeat(np.arange(opens.size), np.diff(opens, append=order.size))
    return np.add.reduceat(x[..., order], opens, axis=-1), place


def _index(x: Floats, axis: int, min_known: float) -> tuple[Floats, NDArray[np.intp]]:
    """HHI and number of known units along `axis`."""
    share, known = shares(x, axis=axis, min_known=min_known)
    index = np.minimum((np.nan_to_num(share) ** 2).sum(axis=axis), 1.0)
    return np.where(index > 0, index, np.nan), known.sum(axis=axis)


def _known(x: Floats, min_known: float) -> Bools:
    if not 0 <= min_known <= 1:
        raise ValueError(f"min_known must be in [0, 1], not {min_known}")
    if ((x < 0) | np.isinf(x)).any():
        raise ValueError("x must be finite and >= 0 (NaN = missing)")
    return np.asarray(~np.isnan(x))


def _shares(x: Floats, known: Bools, axis: int, min_known: float) -> Floats:
    """`x` over its sum along `axis`, of the `known` units; all NaN where they are too few or add up to 0."""
    total = x.sum(axis=axis, keepdims=True, where=known)
    enough = known.sum(axis=axis, keepdims=True) >= min_known * x.shape[axis] - 1e-9  # 2/3 of 3 is 2, despite round-off
    share: Floats = np.divide(x, total, out=np.full(x.shape, np.nan), where=known & enough & (total > 0))
    return share


def _pair(x: Floats, reference: Floats, axis: int, min_known: float) -> tuple[Floats, Floats]:
    """Shares of both over the units known in both, units last; NaN in both where either cannot be stated."""
    x = np.moveaxis(np.asarray(x), axis, -1)
    reference = np.asarray(reference)
    if reference.ndim > 1:
        reference = np.moveaxis(reference, axis, -1)
    x, reference = np.broadcast_arrays(x, reference)
    known = _known(x, min_known) & _known(reference, min_known)
    s, r = (_shares(side, known, -1, min_known) for side in (x, reference))
    stated = ~(np.isnan(s) | np.isnan(r))
    return np.where(stated, s, np.nan), np.where(stated, r, np.nan)


def _quotient(s: Floats, r: Floats) -> Floats:
    """s / r; infinite where only r is 0, NaN where both are or one is missing."""
    unbounded = np.where((s > 0) & (r == 0), np.inf, np.nan)
    quotient: Floats = np.divide(s, r, out=unbounded, where=r > 0)
    return quotient


def _known_as(share: Floats, index: Floats) -> Floats:
    """`index`, NaN where no unit along the last axis of `share` has one."""
    return np.where(np.isnan(share).all(axis=-1), np.nan, index)
