"""Specialisation of regions in sectors, written the slow and obvious way.

Derived from the formulas, without a look at `capmap.methods` or `capmap.analyses`: one cell at a time, plain
dicts, `math` and `scipy.stats`. It exists to be compared with the array code, so nothing here is fast.

Notation: region i, sector j, x_ij the value, B_i the sectors in the base of region i,
x_i = sum of x_ij over B_i, x_j the world total of sector j, x = sum of x_j over B_i, E_ij = x_i x_j / x.
O is x_ij where it is a count.

Choices on edges that the formulas leave open:

- Sectors are those of the cells and, with a published reference, those of the reference. A sector without
  a reference above 0 is in nobody's base; its cells keep `value` and `rank_world` only, note `no_base`.
- `partial_base` marks every row of a region that lacks a sector (null, or absent when absent rows are
  missing) that has a world total above 0. Any other gap changes no number.
- x_i = 0 or x_j = 0: `expected` is 0, shares are given where their denominator is above 0, every index is None.
- A null cell has no measure, class or band; its note is `missing` (the reference knows no status letters).
- "Above 10 %" is strict, and the prior is fitted on the other regions; if there are none, on all regions.
- `none` (a true zero where at least 5 are expected) goes before `below`, or it could never occur;
  the floor on E goes before both, "no variance beyond chance" before all but the floor.
- Comparisons with a threshold allow a relative error of 1e-12, in favour of the cell that meets it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median

from scipy.optimize import minimize_scalar
from scipy.stats import gamma

TOLERANCE = 1e-12
LARGE = 0.10  # share of the world above which a region weighs on its own reference
DOMINANT = 0.25  # share of the world above which another region is worth removing
MEDIAN_CHI_SQUARE_1 = 0.4549364
MEASURES = (
    "expected",
    "share_region",
    "share_world",
    "rank_world",
    "rca",
    "rsca",
    "nrca",
    "arca",
    "rca_weighted",
    "rca_loo",
    "rca_log",
    "ceiling",
    "rca_ex_largest",
    "rca_low",
    "rca_high",
    "rca_eb",
    "rca_eb_low",
    "rca_eb_high",
    "p_above_one",
    "p_above_threshold",
    "p_material",
    "present",
    "material",
    "class",
    "band",
)

Cell = tuple[str, str]
Cells = Mapping[Cell, float | None]


# --- who counts in which total ---------------------------------------------------------------------------


def world_totals(cells: Cells, reference: Mapping[str, float] | None) -> dict[str, float]:
    """x_j: the published total where there is a reference, else the sum of the regions that have a value."""
    if reference is not None:
        return {sector: total for sector, total in reference.items() if total > 0}
    totals: dict[str, float] = {}
    for (_, sector), value in cells.items():
        if value is not None:
            totals[sector] = totals.get(sector, 0.0) + value
    return totals


def observed_value(cells: Cells, region: str, sector: str, absent: str) -> float | None:
    """x_ij, with an absent row read as zero or as missing."""
    if (region, sector) in cells:
        return cells[region, sector]
    return 0.0 if absent == "zero" else None


def base_sectors(cells: Cells, region: str, totals: Mapping[str, float], absent: str) -> list[str]:
    """B_i: the sectors with a world total that this region has observed."""
    return [j for j in sorted(totals) if observed_value(cells, region, j, absent) is not None]


def region_total(cells: Cells, region: str, sectors: Iterable[str], absent: str) -> float:
    """Sum of x_ij over `sectors`, null cells left out."""
    total = 0.0
    for sector in sectors:
        value = observed_value(cells, region, sector, absent)
        if value is not None:
            total += value
    return total


def rank_world(cells: Cells, region: str, sector: str) -> int | None:
    """1 + the number of regions with a larger value, so ties share the smallest rank."""
    own = cells[region, sector]
    if own is None:
        return None
    larger = 0
    for (_, other_sector), value in cells.items():
        if other_sector == sector and value is not None and value > own:
            larger += 1
    return 1 + larger


def largest_other(
    cells: Cells, region: str, regions: Sequence[str], sectors: Sequence[str], absent: str
) -> tuple[str | None, float]:
    """The largest other region over the base of this one (the first code among equals), and its total."""
    best: str | None = None
    best_total = 0.0
    for other in sorted(regions):
        if other != region:
            total = region_total(cells, other, sectors, absent)
            if total > best_total:
                best, best_total = other, total
    return best, best_total


def at_least(left: float, right: float) -> bool:
    """left >= right, where a relative difference of 1e-12 counts as equal."""
    return left >= right * (1 - TOLERANCE)


def above(left: float, right: float) -> bool:
    """left > right, where a relative difference of 1e-12 counts as equal."""
    return left > right * (1 + TOLERANCE)


# --- chance ------------------------------------------------------------------------------------------------


def garwood(observed: float, expected: float, level: float, phi: float) -> tuple[float, float]:
    """Exact Poisson limits of O / E (Garwood 1936, Biometrika 28, 437-442); O and E are divided by phi."""
    tail = (1 - level) / 2
    count, exposure = observed / phi, expected / phi
    low = 0.0 if count == 0 else float(gamma.ppf(tail, count)) / exposure
    return low, float(gamma.ppf(1 - tail, count + 1)) / exposure


def exceedance(observed: float, expected: float, alpha: float, phi: float, cut: float) -> float:
    """P(theta > cut) for theta ~ Gamma(O/phi + alpha, rate E/phi + alpha)."""
    return float(gamma.sf(cut, observed / phi + alpha, scale=1 / (expected / phi + alpha)))


def log_likelihood(pairs: Sequence[tuple[float, float]], alpha: float) -> float:
    """Sum of ln P(O | E, alpha): theta ~ Gamma(alpha, alpha), O ~ Poisson(theta E); negative binomial.

    alpha = inf is the Poisson limit. The factorial is written as a gamma function, so O may be fractional.
    """
    total = 0.0
    for count, expected in pairs:
        if math.isinf(alpha):
            total += count * math.log(expected) - expected - math.lgamma(count + 1)
        else:
            total += math.lgamma(count + alpha) - math.lgamma(alpha) - math.lgamma(count + 1)
            total += -alpha * math.log1p(expected / alpha) + count * math.log(expected / (alpha + expected))
    return total


def fit_alpha(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Marginal maximum likelihood of alpha over (O, E); inf: no variance beyond chance; None: no cell with E > 0.

    A grid on ln alpha finds the hill (the likelihood may have two), `minimize_scalar` its top. inf is returned
    when the Poisson limit is as likely as the top, to within rounding.
    """
    usable = [(count, expected) for count, expected in pairs if expected > 0]
    if not usable:
        return None
    step = 0.25
    grid = [-8.0 + step * k for k in range(82)]  # alpha from 0.0003 to 200,000
    best = max(grid, key=lambda log_alpha: log_likelihood(usable, math.exp(log_alpha)))
    found = minimize_scalar(
        lambda log_alpha: -log_likelihood(usable, math.exp(log_alpha)),
        bounds=(best - step, best + step),
        method="bounded",
        options={"xatol": 1e-10},
    )
    poisson = log_likelihood(usable, math.inf)
    if -float(found.fun) <= poisson + 1e-9 * (1 + abs(poisson)):
        return math.inf
    return math.exp(float(found.x))


def moment_alpha(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Moment estimate of alpha with prior mean 1 (Marshall 1991, Applied Statistics 40, 283-294).

    s2 = sum E (O/E - 1)^2 / sum E; A = s2 - 1/mean(E); alpha = 1/A; inf if A <= 0.
    """
    usable = [(count, expected) for count, expected in pairs if expected > 0]
    if not usable:
        return None
    sum_expected = 0.0
    sum_squares = 0.0
    for count, expected in usable:
        sum_expected += expected
        sum_squares += expected * (count / expected - 1) ** 2
    spread = sum_squares / sum_expected - len(usable) / sum_expected
    return math.inf if spread <= 0 else 1 / spread


def squared_changes(panel: Sequence[Mapping[Cell, tuple[float, float]]]) -> list[float]:
    """z^2 of the change between consecutive periods, of the cells that expect at least 20 in both.

    Under Poisson noise and an unchanged theta each is close to chi-square with 1 degree of freedom. Given
    O1 + O2 it depends on how the sum is split only, so the rule on 20 (a rule on the sum) selects no noise.
    """
    squares = []
    for first, second in pairwise(panel):
        for cell in sorted(set(first) & set(second)):
            (o1, e1), (o2, e2) = first[cell], second[cell]
            if e1 <= 0 or e2 <= 0:
                continue
            theta = (o1 + o2) / (e1 + e2)
            if theta * e1 >= 20 and theta * e2 >= 20:
                squares.append((o2 / e2 - o1 / e1) ** 2 / (theta * (1 / e1 + 1 / e2)))
    return squares


def estimate_phi(panel: Sequence[Mapping[Cell, tuple[float, float]]]) -> float | None:
    """Over-dispersion: the median squared change over the median of chi-square(1), at least 1.

    None if no cell is large enough in two consecutive periods.
    """
    squares = squared_changes(panel)
    if not squares:
        return None
    return max(1.0, median(squares) / MEDIAN_CHI_SQUARE_1)


# --- one cell ----------------------------------------------------------------------------------------------


def band(index: float) -> str:
    """Bands of Hinloopen & van Marrewijk (2001, Weltwirtschaftliches Archiv 137, 1-35): 1, 2 and 4, closed above."""
    if not above(index, 1):
        return "none"
    if not above(index, 2):
        return "weak"
    if not above(index, 4):
        return "medium"
    return "strong"


def count_class(
    observed: float,
    expected: float,
    probability: float | None,
    p_established: float,
    min_count: float,
    min_expected: float,
) -> str:
    """Class of a count from P(theta > threshold); `probability` is None without variance beyond chance."""
    if not at_least(expected, min_expected) or probability is None:
        return "uncertain"
    if observed == 0 and at_least(expected, 5):
        return "none"
    if probability >= p_established and observed >= min_count:
        return "established"
    if probability <= 1 - p_established + TOLERANCE:
        return "below"
    return "uncertain"


def prior_pairs(
    cells: Cells, regions: Sequence[str], totals: Mapping[str, float], absent: str, phi: float
) -> list[tuple[float, float]]:
    """(O/phi, E/phi) of every cell with E > 0, absent zeros too, of the regions up to 10 % of the world."""
    small: list[tuple[float, float]] = []
    every: list[tuple[float, float]] = []
    for region in regions:
        sectors = base_sectors(cells, region, totals, absent)
        x_i = region_total(cells, region, sectors, absent)
        x = sum(totals[j] for j in sectors)
        if x_i <= 0 or x <= 0:
            continue
        for sector in sectors:
            if totals[sector] > 0:
                value = observed_value(cells, region, sector, absent)
                assert value is not None
                pair = (value / phi, x_i * totals[sector] / x / phi)
                every.append(pair)
                if not above(x_i, LARGE * x):
                    small.append(pair)
    return small or every


def specialisation(
    cells: Cells,
    *,
    reference: Mapping[str, float] | None = None,
    world: str = "reference",
    absent: str = "zero",
    threshold: float = 1.0,
    level: float = 0.95,
    p_established: float = 0.90,
    min_count: float = 5.0,
    min_expected: float = 1.0,
    material: float = 1.25,
    phi: float = 1.0,
    kind: str = "count",
    alpha: float | None = None,
) -> dict[Cell, dict[str, object]]:
    """Every measure of every row of one indicator and year.

    `cells` maps (region, sector) to a value or None (null cell); a key that is not there is an absent row.
    `reference` maps a sector to the published world total. alpha is fitted where it is not given.
    Each row holds `value`, `note` (a set of reasons) and the names in `MEASURES`, None where undefined.
    """
    if kind not in ("count", "value"):
        raise ValueError(f"no specialisation of a {kind}")
    if world not in ("reference", "sum") or absent not in ("zero", "missing"):
        raise ValueError("world is reference or sum, absent is zero or missing")
    regions = sorted({region for region, _ in cells})
    totals = world_totals(cells, reference if world == "reference" else None)
    if kind == "count" and alpha is None:
        alpha = fit_alpha(prior_pairs(cells, regions, totals, absent, phi))

    rows: dict[Cell, dict[str, object]] = {}
    for region, sector in sorted(cells):
        value = cells[region, sector]
        note: set[str] = set()
        row: dict[str, object] = {"value": value, "note": note, **dict.fromkeys(MEASURES)}
        rows[region, sector] = row

        base = base_sectors(cells, region, totals, absent)
        for other in totals:
            if other not in base and totals[other] > 0:
                note.add("partial_base")
        if value is None:
            note.add("missing")
            continue
        row["rank_world"] = rank_world(cells, region, sector)
        if sector not in totals:
            note.add("no_base")
            continue

        x_i = region_total(cells, region, base, absent)
        x_j = totals[sector]
        x = sum(totals[j] for j in base)
        if x_i > 0:
            row["share_region"] = value / x_i
        if x_j > 0:
            row["share_world"] = value / x_j
        if x <= 0:
            note.add("no_base")
            continue
        expected = x_i * x_j / x
        row["expected"] = expected
        if x_i <= 0 or x_j <= 0:
            note.add("no_base")
            continue

        # Balassa and relatives
        rca = (value / x_i) / (x_j / x)
        row["rca"] = rca
        row["rsca"] = (rca - 1) / (rca + 1)
        row["nrca"] = value / x - x_i * x_j / x**2
        row["arca"] = value / x_i - x_j / x
        row["rca_log"] = math.log(rca) if value > 0 else None
        row["ceiling"] = x / max(x_i, x_j)
        row["present"] = at_least(value * x, threshold * x_i * x_j)

        indices = []
        for j in base:
            if totals[j] > 0:
                x_ij = observed_value(cells, region, j, absent)
                assert x_ij is not None
                indices.append((x_ij / x_i) / (totals[j] / x))
        row["rca_weighted"] = rca / (sum(indices) / len(indices))

        # the same against the rest of the world
        rest_j, rest = x_j - value, x - x_i
        sole = rest_j <= TOLERANCE * x_j
        expected_loo: float | None = None
        if sole:
            note.add("sole_producer")
        elif rest > TOLERANCE * x:
            row["rca_loo"] = (value / x_i) / (rest_j / rest)
            expected_loo = x_i * rest_j / rest

        dominant, x_k = largest_other(cells, region, regions, base, absent)
        if dominant is not None and above(x_k, DOMINANT * x):
            x_kj = observed_value(cells, dominant, sector, absent) or 0.0
            if x_j - x_kj > TOLERANCE * x_j:
                row["rca_ex_largest"] = (value / x_i) / ((x_j - x_kj) / (x - x_k))

        # is it large enough to matter: the region's own weight in the reference is taken out where it is heavy
        large = above(x_i, LARGE * x)
        index = row["rca_loo"] if large else rca
        if isinstance(index, float):
            row["band"] = band(index)
            row["material"] = at_least(index, material)

        if kind == "value":
            note.add("one_period")
            row["class"] = "indicated" if row["present"] else "below"
            continue

        # chance
        row["rca_low"], row["rca_high"] = garwood(value, expected, level, phi)
        probability: float | None = None
        assert alpha is not None  # a cell with E > 0 exists: this one
        if math.isinf(alpha):
            note.add("no_variance_beyond_chance")
            row["rca_eb"] = 1.0
        else:
            shape, rate = value / phi + alpha, expected / phi + alpha
            row["rca_eb"] = shape / rate
            row["rca_eb_low"] = float(gamma.ppf((1 - level) / 2, shape, scale=1 / rate))
            row["rca_eb_high"] = float(gamma.ppf((1 + level) / 2, shape, scale=1 / rate))
            row["p_above_one"] = exceedance(value, expected, alpha, phi, 1.0)
            probability = exceedance(value, expected, alpha, phi, threshold)
            row["p_above_threshold"] = probability
            against = expected_loo if large else expected
            if against is not None:
                row["p_material"] = exceedance(value, against, alpha, phi, material)
        if not at_least(expected, min_expected):
            note.add("below_floor")
        row["class"] = count_class(value, expected, probability, p_established, min_count, min_expected)
    return rows
