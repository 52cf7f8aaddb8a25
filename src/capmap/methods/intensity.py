"""Relative intensities: how an intensity such as robots per worker compares, and why a stock is concentrated.

An intensity r_ij = S_ij / D_ij (robots per worker, R&D per value added, wage per worker) is already a ratio.
Its RCA would be a ratio of ratios and its plain mean over regions would give a village the weight of a country,
so everything here goes back to the stock S_ij = r_ij D_ij and the denominator D_ij and divides sums by sums.

What counts as known. A cell enters only where its intensity and its denominator are both known; NaN in either
hides it from every sum, of the stock and of the denominator alike. One exception: a denominator of 0 makes the
stock a true 0 even where the intensity is NaN, since 0 / 0 is how an industry that a region does not have looks.

Base rule. Region sums and the world's sums that a region is compared with run over the sectors which that region
has observed, so a missing cell does not bias its row and the three factors multiply exactly, holes or not.

The world is the sum of the regions, or a published pair `reference = (intensity, denominator)`, each
(n_sectors,) or, where every region has a reference of its own, (n_regions, n_sectors); a sector that it lacks (NaN,
denominator 0, or no stock where a region has some) then counts as unobserved. The units of r, D and S cancel,
but those of the reference must be those of the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capmap.methods.specialisation import balassa, expected_value

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Reference = tuple[Floats, Floats]

#: Denominator below which a cell is too small to show, in units of the denominator (workers).
FLOOR = 500.0
#: How many offending cells an error message lists.
LISTED = 5


@dataclass(frozen=True)
class ThreeFactors:
    """Why a region is specialised in a stock: rca_stock = rca_denominator * rii / rii_region.

    All (n_regions, n_sectors) but `rii_region`, which is (n_regions,); ratios >= 0, 1 = as the world.
    NaN where not computable; in the suppressed cells all four are NaN, so a row of factors is whole or absent.
    """

    rca_stock: Floats  #: RCA of the stock S_ij
    rca_denominator: Floats  #: RCA of the denominator D_ij, over the same cells
    rii: Floats  #: relative intensity r_ij / r_j
    rii_region: Floats  #: relative intensity of the region as a whole
    dri: Floats  #: double-relative intensity, rii / rii_region
    suppressed: Bools  #: known cells with 0 < D_ij < floor: withheld, but part of every sum


def stock(intensity: Floats, denominator: Floats) -> Floats:
    """Stock behind an intensity, S_ij = r_ij D_ij.

    Parameters
    ----------
    intensity, denominator : arrays of one shape, finite and >= 0; NaN = missing.

    Returns
    -------
    Array of that shape, in the unit of the intensity times that of the denominator (robots per 1,000 workers
    and workers give thousandths of robots). NaN where either is missing, but 0 wherever the denominator is 0.

    Raises
    ------
    ValueError : the shapes differ, a value is negative or infinite, or the denominator is 0 in a cell whose
        intensity is above 0 (the two sources contradict each other); the message lists the cells.

    Examples
    --------
    >>> stock(np.array([[20.0, np.nan, np.nan]]), np.array([[300.0, 50.0, 0.0]])).tolist()
    [[6000.0, nan, 0.0]]
    """
    if intensity.shape != denominator.shape:
        raise ValueError(f"intensity {intensity.shape} and denominator {denominator.shape} differ in shape")
    for name, values in (("intensity", intensity), ("denominator", denominator)):
        _refuse((values < 0) | np.isinf(values), f"{name} must be finite and >= 0 (NaN = missing)")
    empty = denominator == 0
    _refuse(empty & (intensity > 0), "intensity above 0 with a denominator of 0")
    return np.where(empty, 0.0, intensity * denominator)


def world_intensity(intensity: Floats, denominator: Floats) -> Floats:
    """World intensity of each sector, r_j = sum_i S_ij / sum_i D_ij: the weighted mean, never the mean of ratios.

    Parameters
    ----------
    intensity, denominator : (n_regions, n_sectors) arrays, finite and >= 0; NaN = missing.

    Returns
    -------
    (n_sectors,) array in the unit of the intensity, over the regions with both known. NaN where their
    denominators add up to 0.

    Raises
    ------
    ValueError : as `stock`, or the arrays are not 2-D.

    Examples
    --------
    A region of 900 workers at 10 and one of 100 at 50 make 14, where the mean of ratios would say 30.

    >>> world_intensity(np.array([[10.0], [50.0]]), np.array([[900.0], [100.0]])).tolist()
    [14.0]
    """
    table = _tabulate(intensity, denominator, None)
    return _ratio(table.stock.sector, table.denominator.sector)


def relative_intensity(intensity: Floats, denominator: Floats, reference: Reference | None = None) -> Floats:
    """Relative intensity, RII_ij = r_ij / r_j: 1 = as intense as the world in the same sector.

    Parameters
    ----------
    intensity, denominator : (n_regions, n_sectors) arrays, finite and >= 0; NaN = missing.
    reference : published world (intensity, denominator); None: the sum of the regions.

    Returns
    -------
    (n_regions, n_sectors) array of ratios >= 0. NaN where the cell is not known, where its denominator is 0
    (no industry has no intensity) and along a sector whose world intensity is 0 or unknown.

    Raises
    ------
    ValueError : as `stock`, or the arrays are not 2-D.

    Examples
    --------
    >>> relative_intensity(np.array([[10.0], [50.0]]), np.array([[900.0], [100.0]])).round(3).tolist()
    [[0.714], [3.571]]
    """
    return _relative(_tabulate(intensity, denominator, reference))


def region_relative_intensity(intensity: Floats, denominator: Floats, reference: Reference | None = None) -> Floats:
    """Relative intensity of whole regions, RII_i = (sum_j S_ij / sum_j D_ij) / (S / D).

    Parameters
    ----------
    intensity, denominator : (n_regions, n_sectors) arrays, finite and >= 0; NaN = missing.
    reference : published world (intensity, denominator); None: the sum of the regions.

    Returns
    -------
    (n_regions,) array of ratios >= 0, 0 for a region without any stock. S and D are the world's over the
    sectors that the region has observed. NaN where the region's denominators or the world's stock add up to 0.

    Raises
    ------
    ValueError : as `stock`, or the arrays are not 2-D.

    Examples
    --------
    Stocks 4 and 2 of 6 on denominators 1 and 2 of 3: (4/1) / (6/3) and (2/2) / (6/3).

    >>> region_relative_intensity(np.array([[4.0], [1.0]]), np.array([[1.0], [2.0]])).tolist()
    [2.0, 0.5]
    """
    return _relative_of_region(_tabulate(intensity, denominator, reference))


def double_relative_intensity(intensity: Floats, denominator: Floats, reference: Reference | None = None) -> Floats:
    """Double-relative intensity, DRI_ij = RII_ij / RII_i: which sectors stand out for their own region.

    Parameters
    ----------
    intensity, denominator : (n_regions, n_sectors) arrays, finite and >= 0; NaN = missing.
    reference : published world (intensity, denominator); None: the sum of the regions.

    Returns
    -------
    (n_regions, n_sectors) array of ratios >= 0; above 1 a sector leads the world by more than its region does.
    NaN where either factor is, and in a region without any stock.

    Raises
    ------
    ValueError : as `stock`, or the arrays are not 2-D.

    Examples
    --------
    RII is 1.5 and 1.5 in region 1, 0.5 and 0.75 in region 2; the regions as a whole are at 1.75 and 0.5.

    >>> r, d = np.array([[30.0, 5.0], [10.0, 2.5]]), np.array([[200.0, 200.0], [200.0, 400.0]])
    >>> double_relative_intensity(r, d).round(4).tolist()
    [[0.8571, 0.8571], [1.0, 1.5]]
    """
    table = _tabulate(intensity, denominator, reference)
    return _ratio(_relative(table), _relative_of_region(table)[:, np.newaxis])


def three_factors(
    intensity: Floats, denominator: Floats, *, reference: Reference | None = None, floor: float = FLOOR
) -> ThreeFactors:
    """Split the RCA of a stock exactly: RCA_stock_ij = RCA_D_ij * RII_ij / RII_i.

    "Many robots in the car industry" = many car workers x car plants more automated than the world's
    / the region automated overall. It follows from S = r D by cancelling sums.

    Parameters
    ----------
    intensity, denominator : (n_regions, n_sectors) arrays, finite and >= 0; NaN = missing.
    reference : published world (intensity, denominator); None: the sum of the regions.
    floor : denominator below which a cell is suppressed, in units of the denominator; 0 suppresses nothing.

    Returns
    -------
    ThreeFactors. Suppressed cells (0 < D_ij < floor) show no figure, yet their stock and denominator are known
    and stay in every sum: leaving them out would bias their region and their sector. A region whose
    denominators add up to less than the floor has no `rii_region` either. With D_ij = 0 the two RCAs are
    true zeros and RII, DRI are NaN; in every other cell that is shown the identity holds.

    Raises
    ------
    ValueError : as `stock`, the arrays are not 2-D, or `floor` is negative or NaN.

    Examples
    --------
    Region 1 holds 6,000 of the 8,000 robots in cars and 7,000 of the 10,000 robots, and 200 of the 400 and 400 of
    the 1,000 workers; its car plants have 30 robots per worker where the world has 20, its plants at large
    17.5 where the world has 10. So (6/7) / (8/10) = (200/400) / (400/1000) x 1.5 / 1.75.

    >>> r, d = np.array([[30.0, 5.0], [10.0, 2.5]]), np.array([[200.0, 200.0], [200.0, 400.0]])
    >>> f = three_factors(r, d, floor=0.0)
    >>> [round(float(a[0, 0]), 4) for a in (f.rca_stock, f.rca_denominator, f.rii, f.dri)]
    [1.0714, 1.25, 1.5, 0.8571]
    >>> f.rii_region.tolist()
    [1.75, 0.5]
    """
    if not floor >= 0:
        raise ValueError(f"floor must be >= 0, not {floor}")
    table = _tabulate(intensity, denominator, reference)
    workers = table.denominator
    suppressed = (workers.cell > 0) & (workers.cell < floor)
    rii = _relative(table)
    rii_region = _relative_of_region(table)
    dri = _ratio(rii, rii_region[:, np.newaxis])
    shown = [np.where(suppressed, np.nan, values) for values in (_rca(table.stock), _rca(workers), rii, dri)]
    rca_stock, rca_denominator, rii, dri = shown
    rii_region = np.where(workers.region < floor, np.nan, rii_region)
    return ThreeFactors(rca_stock, rca_denominator, rii, rii_region, dri, suppressed)


def ratio_to_median(x: Floats) -> Floats:
    """Ratio to the median region, for an intensity whose denominator is not known.

    The median is unweighted: a small region counts as much as a large one, so this is not a comparison with the
    world and must be labelled as what it is. The region itself is among those the median is taken over.

    Parameters
    ----------
    x : (n_regions, n_sectors) array, finite; NaN = missing.

    Returns
    -------
    (n_regions, n_sectors) array; 1 = at the median of the sector. NaN where `x` is, and along a sector whose
    median is 0 or negative (a ratio to it would have no meaning or the wrong sign).

    Raises
    ------
    ValueError : `x` is not 2-D, or holds an infinite value.

    Examples
    --------
    >>> ratio_to_median(np.array([[2.0, 0.0], [4.0, 0.0], [np.nan, 3.0], [10.0, 0.0]])).tolist()
    [[0.5, nan], [1.0, nan], [nan, nan], [2.5, nan]]
    """
    if x.ndim != 2:
        raise ValueError(f"x must have 2 dimensions (regions, sectors), not {x.ndim}")
    _refuse(np.isinf(x), "x must be finite (NaN = missing)")
    if x.size == 0:
        return np.full(x.shape, np.nan)
    seen = ~np.isnan(x).all(axis=0)  # the median of a sector that nobody reports: 0, hence NaN below
    return _ratio(x, np.nanmedian(np.where(seen, x, 0.0), axis=0))


@dataclass(frozen=True)
class _Sums:
    """One quantity and its totals: `cell` (n_regions, n_sectors) with NaN for unknown, `region` (n_regions,),
    `sector` (n_sectors,) or (n_regions, n_sectors), `world` (n_regions,) over the sectors the region observed."""

    cell: Floats
    region: Floats
    sector: Floats
    world: Floats


@dataclass(frozen=True)
class _Table:
    stock: _Sums
    denominator: _Sums


def _tabulate(intensity: Floats, denominator: Floats, reference: Reference | None) -> _Table:
    if intensity.ndim != 2:
        raise ValueError(f"intensity must have 2 dimensions (regions, sectors), not {intensity.ndim}")
    stocks = stock(intensity, denominator)
    unknown = np.isnan(stocks)
    if reference is None:
        stock_j = denominator_j = None
    else:
        stock_j, denominator_j = stock(*reference), reference[1]
        baseless = np.isnan(stock_j) | ~(denominator_j > 0)
        unknown = unknown | baseless | ((stock_j == 0) & (stocks > 0))
    stocks, denominators = np.where(unknown, np.nan, stocks), np.where(unknown, np.nan, denominator)
    return _Table(_sums(stocks, stock_j), _sums(denominators, denominator_j))


def _sums(cell: Floats, published: Floats | None) -> _Sums:
    sector = np.nansum(cell, axis=0) if published is None else published
    world = np.where(np.isnan(cell), 0.0, sector).sum(axis=1)
    return _Sums(cell, np.nansum(cell, axis=1), sector, np.where(world > 0, world, np.nan))


def _rca(x: _Sums) -> Floats:
    return balassa(x.cell, expected_value(x.region[:, np.newaxis], x.sector, x.world[:, np.newaxis]))


def _relative(table: _Table) -> Floats:
    own = _ratio(table.stock.cell, table.denominator.cell)
    return _ratio(own, _ratio(table.stock.sector, table.denominator.sector))


def _relative_of_region(table: _Table) -> Floats:
    own = _ratio(table.stock.region, table.denominator.region)
    return _ratio(own, _ratio(table.stock.world, table.denominator.world))


def _ratio(a: Floats, b: Floats) -> Floats:
    """a / b where b > 0, else NaN."""
    result: Floats = np.divide(a, b, out=np.full(np.broadcast(a, b).shape, np.nan), where=b > 0)
    return result


def _refuse(bad: Bools, reason: str) -> None:
    """Raise a ValueError that lists the first cells where `bad` holds, if it holds anywhere."""
    if bad.any():
        cells = [tuple(int(i) for i in cell) for cell in np.argwhere(bad)]
        more = f" and {len(cells) - LISTED} more" if len(cells) > LISTED else ""
        raise ValueError(f"{reason}: cell {', '.join(map(str, cells[:LISTED]))}{more}")
