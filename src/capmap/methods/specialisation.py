"""The revealed-advantage family: RCA and its relatives, on cells of a region-by-sector table.

Notation follows the papers: `x_ij` is the value of region i in sector j, `x_i` the region's total,
`x_j` the world's total in the sector, `x` the world's total, `E_ij = x_i x_j / x` the value the region
would have if it were as specialised as the world. The element-wise formulas broadcast, so they serve a
long list of cells and a full table alike. NaN means "cannot be computed" throughout: a region or a sector
without a base, never a zero.

Base rule. A missing cell must not bias its row: `x_i` and the world's `x` are taken over the sectors that
the region has observed, so that the expected values of a region always add up to its own total.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

#: Relative tolerance of comparisons that decide presence, so that an index of exactly 1 is never a matter of round-off.
PRESENCE_TOLERANCE = 1e-12
#: Share of the world above which a region's own weight in the reference caps its index noticeably.
LARGE_SHARE = 0.10


@dataclass(frozen=True)
class Cells:
    """Cells of a region-by-sector table in coordinate form; a cell not listed is an absent row.

    `region` and `sector` are (n,) integer codes, each pair at most once; `value` is (n,), NaN where the value
    is missing, suppressed or not applicable.
    """

    region: Ints
    sector: Ints
    value: Floats
    n_regions: int
    n_sectors: int

    @classmethod
    def of(cls, x: Floats) -> Cells:
        """Cells of a full (n_regions, n_sectors) table; NaN marks an unobserved cell."""
        region, sector = np.indices(x.shape, dtype=np.int32)
        return cls(region.ravel(), sector.ravel(), np.ascontiguousarray(x, float).ravel(), *x.shape)


@dataclass(frozen=True)
class Margins:
    """Totals that every index divides by; NaN where there is no base.

    `region` (n_regions,) is x_i, `sector` x_j as (n_sectors,) or, when every region has a reference of its own,
    (n_regions, n_sectors); `world` (n_regions,) is x over the sectors the region has observed, `n_sectors`
    (n_regions,) their number, and `partial` (n_regions,) says where that is not the full list.
    """

    region: Floats
    sector: Floats
    world: Floats
    n_sectors: NDArray[np.intp]
    partial: Bools

    def sector_at(self, cells: Cells) -> Floats:
        """x_j of each cell, (n,)."""
        if self.sector.ndim == 1:
            return self.sector.take(cells.sector)  # faster than self.sector[cells.sector]
        found: Floats = self.sector[cells.region, cells.sector]
        return found


def margins(cells: Cells, reference: Floats | None = None, *, absent: Literal["zero", "missing"] = "zero") -> Margins:
    """Region, sector and world totals of a table, over what each region has observed.

    Parameters
    ----------
    cells : the table; NaN cells are excluded from their own row's base.
    reference : (n_sectors,) published world totals, or (n_regions, n_sectors) where each region has its own
        reference; NaN or 0 where none is published. None: the sum of the regions is the world.
    absent : whether a cell that is not listed is a true zero or was not observed.

    Returns
    -------
    Margins; a sector without a positive total is in nobody's base.

    Examples
    --------
    >>> m = margins(Cells.of(np.array([[4.0, 0.0], [2.0, 2.0]])))
    >>> m.region.tolist(), m.sector.tolist(), m.world.tolist()
    ([4.0, 4.0], [6.0, 2.0], [8.0, 8.0])
    """
    n_regions, n_sectors = cells.n_regions, cells.n_sectors
    known = ~np.isnan(cells.value)
    complete = bool(known.all())
    sector = reference
    if sector is None:
        values = cells.value if complete else np.where(known, cells.value, 0.0)
        sector = np.bincount(cells.sector, values, n_sectors).astype(float, copy=False)
    with np.errstate(invalid="ignore"):
        usable = sector > 0  # NaN compares False
    sector = np.where(usable, sector, np.nan)
    filled = np.where(usable, sector, 0.0)
    if complete and absent == "zero" and usable.all():  # nothing is lost to anybody
        region = np.bincount(cells.region, cells.value, n_regions)
        world = np.broadcast_to(filled.sum(axis=-1), n_regions)
        count = np.full(n_regions, n_sectors, np.intp)
    else:
        at = Margins(np.empty(0), sector, np.empty(0), np.empty(0, np.intp), np.empty(0, np.bool_)).sector_at(cells)
        usable_at = ~np.isnan(at)
        used = known & usable_at
        region = np.bincount(cells.region, np.where(used, cells.value, 0.0), n_regions)
        if absent == "zero":
            lost = usable_at & ~known
            world = _less(filled.sum(axis=-1), lost, cells, at, filled)  # from one number, or one per region
            count = usable.sum(axis=-1) - np.bincount(cells.region[lost], minlength=n_regions)
        else:
            world = np.bincount(cells.region[used], at[used], n_regions)
            count = np.bincount(cells.region[used], minlength=n_regions)
    partial = count < n_sectors
    if reference is None:  # a sector that nobody has is not a hole in a region's base
        partial = count < np.count_nonzero(usable)
    baseless = (region <= 0) | (count == 0)
    return Margins(np.where(baseless, np.nan, region), sector, np.where(baseless, np.nan, world), count, partial)


def _less(everywhere: Floats, lost: Bools, cells: Cells, total: Floats, filled: Floats) -> Floats:
    """World totals without the sectors a region has not observed.

    Subtraction is exact enough until almost everything is taken away; those few regions are added up anew.
    """
    whole = np.broadcast_to(everywhere, (cells.n_regions,))
    world = whole - np.bincount(cells.region[lost], total[lost], cells.n_regions)
    for region in np.flatnonzero(world < 1e-3 * whole):
        kept = np.ones(cells.n_sectors, bool)
        kept[cells.sector[lost & (cells.region == region)]] = False
        world[region] = (filled if filled.ndim == 1 else filled[region])[kept].sum()
    return world


def expected_value(x_i: Floats, x_j: Floats, x: Floats | float) -> Floats:
    """Value a region would have if it were as specialised as the world, E_ij = x_i x_j / x, in units of x.

    Hand check: 79,006 jobs in the region, 879,213 in the sector, 15,593,224 in the country give 4454.70.
    """
    return x_i * x_j / x


def balassa(x_ij: Floats, expected: Floats) -> Floats:
    """Revealed comparative advantage of cells, x_ij / E_ij: 1 = as specialised as the world.

    NaN where the expected value is 0 or NaN (no base), 0 for a true zero with a base.

    References: Balassa (1965), The Manchester School 33(2), 99-123; called location quotient on jobs
    (Florence 1939), revealed technological advantage on patents (Soete 1987), activity index on papers (Frame 1977).
    Hand check: 1714 / 4454.70 = 0.38476 (Farhauer & Kroell 2013).
    """
    return _ratio(x_ij, expected)


def _ratio(above: Floats, below: Floats) -> Floats:
    """`above / below` where `below` is positive, else NaN."""
    positive = below > 0
    if positive.all():
        quotient: Floats = above / below
        return quotient
    result: Floats = np.full(np.broadcast(above, below).shape, np.nan)
    return np.divide(above, below, out=result, where=positive)


def rca(x: Floats) -> Floats:
    """Revealed comparative advantage (Balassa index; location quotient when `x` counts jobs) of a full table.

    Parameters
    ----------
    x : (n_regions, n_sectors) array >= 0 in one unit throughout (it cancels); NaN = not observed.

    Returns
    -------
    (n_regions, n_sectors) array of ratios >= 0; 1 = as specialised as the whole table.
    NaN where `x` is NaN and along a region or sector whose total is 0.

    Raises
    ------
    ValueError : `x` is not 2-D, or holds a negative or infinite value.

    References
    ----------
    Balassa (1965), The Manchester School 33(2), 99-123.

    Examples
    --------
    >>> rca(np.array([[4.0, 0.0], [2.0, 2.0]])).round(3).tolist()
    [[1.333, 0.0], [0.667, 2.0]]
    """
    if x.ndim != 2:
        raise ValueError(f"x must have 2 dimensions (regions, sectors), not {x.ndim}")
    with np.errstate(invalid="ignore"):
        if (x < 0).any() or np.isinf(x).any():
            raise ValueError("x must be finite and >= 0 (NaN where not observed)")
    cells = Cells.of(x)
    base = margins(cells)
    expected = expected_value(base.region[cells.region], base.sector_at(cells), base.world[cells.region])
    return balassa(cells.value, expected).reshape(x.shape)


def symmetric(rca_: Floats) -> Floats:
    """Revealed symmetric comparative advantage, (RCA - 1) / (RCA + 1), in [-1, 1).

    0 is neutral, -1 a true zero; equals tanh(ln(RCA) / 2). NaN stays NaN.

    References: Dalum, Laursen & Villumsen (1998), International Review of Applied Economics 12(3), 423-443;
    Laursen (2015), Eurasian Business Review 5, 99-115. Hand check: RCA 3 gives 0.5, RCA 1/3 gives -0.5.
    """
    return (rca_ - 1.0) / (rca_ + 1.0)


def normalised(x_ij: Floats, expected: Floats, x: Floats | float) -> Floats:
    """Normalised RCA, (x_ij - E_ij) / x, in [-1/4, 1/4]; rows and columns of a full table add up to 0.

    A contribution, not an intensity: large regions dominate. Use it for aggregates and change over time.

    References: Yu, Cai & Leung (2009), Annals of Regional Science 43, 267-282.
    Hand check: x_ij 100, E 20, x 500 give 0.16.
    """
    return (x_ij - expected) / x


def additive(x_ij: Floats, x_i: Floats, x_j: Floats, x: Floats | float) -> Floats:
    """Additive RCA, x_ij / x_i - x_j / x, in (-1, 1); a region's row adds up to 0.

    References: Hoen & Oosterhaven (2006), Annals of Regional Science 40, 677-691.
    Hand check: own share 1.0 and world share 0.2 give 0.8.
    """
    return x_ij / x_i - x_j / x


def weighted(rca_: Floats, mean_of_region: Floats) -> Floats:
    """Weighted RCA, RCA_ij divided by the mean RCA of the region, so that every region's mean is 1.

    References: Proudman & Redding (2000), Review of International Economics 8(3), 373-396. NaN where the mean is 0.
    Hand check: RCA 5, 0, 0, 0, 0 has mean 1, so 5 stays 5.
    """
    return _ratio(rca_, mean_of_region)


def leave_one_out_expected(x_ij: Floats, x_i: Floats, x_j: Floats, x: Floats | float) -> Floats:
    """Value expected from the rest of the world without the region, x_i (x_j - x_ij) / (x - x_i).

    0 for the sole producer of a sector (then no index exists); NaN when the region is the whole world.
    Negative remainders (a rounded world total below its parts) count as 0.
    """
    rest = np.maximum(x_j - x_ij, 0.0)
    return _ratio(x_i * rest, np.asarray(x - x_i, dtype=float))


def ceiling(x_i: Floats, x_j: Floats, x: Floats | float) -> Floats:
    """Largest RCA the cell could reach, x / max(x_i, x_j): low for large regions and large sectors.

    Hand check: a region with half the world cannot exceed 2.
    """
    return x / np.maximum(x_i, x_j)


def per_capita(x_ij: Floats, population: Floats, x_j: Floats, world_population: Floats | float) -> Floats:
    """Per-capita RCA, (x_ij / population_i) / (x_j / population): absolute rather than relative focus.

    A rich region can exceed 1 in every sector, so it is never shown under the name RCA alone.
    `x_j` and `world_population` must cover the same regions.
    Hand check: 10 patents on 1 m people against 50 on 10 m give 2.
    """
    base = x_j * population
    return _ratio(x_ij * world_population, base)


def vollrath(exports: tuple[Floats, ...], imports: tuple[Floats, ...]) -> Floats:
    """Vollrath's relative trade advantage, RXA - RMA, each without the region and the sector themselves.

    Parameters
    ----------
    exports, imports : (x_ij, x_i, x_j, x) of exports and of imports, each (n,).

    Returns
    -------
    (n,) array; 0 = neutral, NaN where a denominator is 0.

    References: Vollrath (1991), Weltwirtschaftliches Archiv 127(2), 265-280.
    Hand check: x_ij 10, x_i 30, x_j 40, x 200: RXA = (10/20) / (30/140) = 2.3333.
    """
    return _exclusive(*exports) - _exclusive(*imports)


def _exclusive(x_ij: Floats, x_i: Floats, x_j: Floats, x: Floats) -> Floats:
    others = (x_i - x_ij) * (x_j - x_ij)
    return _ratio(x_ij * (x - x_i - x_j + x_ij), others)


def lafay(x_ij: Floats, m_ij: Floats, x_i: Floats, m_i: Floats) -> Floats:
    """Lafay index in per cent of the region's trade; adds up to 0 over a region's sectors.

    100 [ (x-m)_ij / (x+m)_ij - (X-M)_i / (X+M)_i ] (x+m)_ij / (X+M)_i. 0 where a sector has no trade at all.

    References: Lafay (1992), in Dagenais & Muet (eds), International Trade Modelling, 209-234.
    Hand check: (x, m) of two sectors (30, 10), (10, 30): 100 (0.5 - 0) 40/80 = 25 and -25.
    """
    trade = x_i + m_i
    flow = x_ij + m_ij
    return 100.0 * ((x_ij - m_ij) - (x_i - m_i) / trade * flow) / trade


def michaely(x_ij: Floats, m_ij: Floats, x_i: Floats, m_i: Floats) -> Floats:
    """Michaely index, share of exports less share of imports, in [-1, 1].

    References: Michaely (1962), Concentration in International Trade. Hand check: 30/40 - 10/40 = 0.5.
    """
    return x_ij / x_i - m_ij / m_i


def is_present(
    x_ij: Floats,
    x_i: Floats,
    x_j: Floats,
    x: Floats | float,
    threshold: float = 1.0,
    *,
    strict: bool = False,
    tolerance: float = PRESENCE_TOLERANCE,
) -> Bools:
    """Whether RCA reaches the threshold, decided on products so that an exact tie is never left to round-off.

    Compares x_ij x >= t x_i x_j with a relative tolerance (default 1e-12); `strict` asks for more than the
    threshold. NaN and missing bases are False, and so is a zero value.

    Hand check: a table whose rows are proportional has RCA exactly 1 everywhere: all present, none when strict.
    """
    bar = threshold * x_i * x_j
    with np.errstate(invalid="ignore"):
        reached = x_ij * x > bar * (1 + tolerance) if strict else x_ij * x >= bar * (1 - tolerance)
        held: Bools = reached & (x_ij > 0)
    return held
