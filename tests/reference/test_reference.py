"""The loop-written reference against published numbers, hand calculation and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import nbinom

from .specialisation import (
    MEASURES,
    estimate_phi,
    exceedance,
    fit_alpha,
    garwood,
    log_likelihood,
    moment_alpha,
    specialisation,
    squared_changes,
)

EXACT = {"rel": 1e-12, "abs": 1e-12}


def table(rows: dict[str, list[float | None]], sectors: list[str]) -> dict[tuple[str, str], float | None]:
    return {(i, j): value for i, values in rows.items() for j, value in zip(sectors, values, strict=True)}


# --- published tables --------------------------------------------------------------------------------------


def test_location_quotient_of_farhauer_and_kroell() -> None:
    # Farhauer & Kroell (2013), Standorttheorien, as cited on the help page of locq in the R package REAT:
    # locq(e_ij, e_j, e_i, e) = locq(1714, 79006, 879213, 15593224) = 0.3847623, where e_ij is the employment of
    # the industry in the region, e_j that of the region, e_i that of the industry, e that of all regions.
    cells = table(
        {
            "region": [1714, 79006 - 1714],
            "elsewhere": [879213 - 1714, 15593224 - 79006 - (879213 - 1714)],
        },
        ["industry", "others"],
    )
    row = specialisation(cells, kind="value")["region", "industry"]
    assert row["rca"] == pytest.approx(0.3847623, abs=5e-8)
    assert row["expected"] == pytest.approx(79006 * 879213 / 15593224, **EXACT)
    assert row["share_region"] == pytest.approx(1714 / 79006, **EXACT)
    assert row["share_world"] == pytest.approx(1714 / 879213, **EXACT)


def test_location_quotient_with_a_published_total() -> None:
    # Employment in Goettingen and Germany, 30 June 2017: data set Goettingen of the R package REAT, whose locq
    # divides by the published totals. Five of its 15 sectors are typed and the rest of the totals is one more;
    # how the rest is split changes no index. (The 15 sectors of the town add up to 67,283, not to its total of
    # 69,403, so the fifteen rows alone would give other numbers.)
    goettingen = {"A": 45, "C": 7874, "J": 2032, "K": 1739, "P": 7488}
    germany = {"A": 248052, "C": 6797172, "J": 1027486, "K": 975126, "P": 1249260}
    goettingen["other"] = 69403 - sum(goettingen.values())
    germany["other"] = 32164973 - sum(germany.values())
    rows = specialisation(
        {("goettingen", sector): float(jobs) for sector, jobs in goettingen.items()},
        reference=germany,
        kind="value",
    )
    expected = {  # sector: LQ, RSCA
        "A": (0.08407652, -0.84488822),
        "C": (0.53687366, -0.30134314),
        "J": (0.91654277, -0.04354571),
        "K": (0.82650178, -0.09498935),
        "P": (2.77790858, 0.47060656),
    }
    for sector, (quotient, symmetric) in expected.items():
        assert rows["goettingen", sector]["rca"] == pytest.approx(quotient, abs=6e-9)
        assert rows["goettingen", sector]["rsca"] == pytest.approx(symmetric, abs=6e-9)
        assert rows["goettingen", sector]["note"] == {"one_period"}


def test_toy_table_of_econgeo() -> None:
    # Matrix of the examples of location.quotient in the R package EconGeo (P.-A. Balland): five regions and five
    # industries, all of size 100, so RCA = x/20, NRCA = (x - 20)/500 and ARCA = (x - 20)/100 by hand.
    matrix = {
        "R1": [100, 0, 0, 0, 0],
        "R2": [0, 15, 5, 70, 10],
        "R3": [0, 20, 10, 20, 50],
        "R4": [0, 25, 30, 5, 40],
        "R5": [0, 40, 55, 5, 0],
    }
    rows = specialisation(table(matrix, ["I1", "I2", "I3", "I4", "I5"]), kind="value")  # type: ignore[arg-type]
    quotients = {
        "R1": [5.0, 0.0, 0.0, 0.0, 0.0],
        "R2": [0.0, 0.75, 0.25, 3.5, 0.5],
        "R3": [0.0, 1.0, 0.5, 1.0, 2.5],
        "R4": [0.0, 1.25, 1.5, 0.25, 2.0],
        "R5": [0.0, 2.0, 2.75, 0.25, 0.0],
    }
    bands = {0.0: "none", 0.25: "none", 0.5: "none", 0.75: "none", 1.0: "none", 1.25: "weak", 1.5: "weak"}
    for region, values in quotients.items():
        for k, quotient in enumerate(values, start=1):
            row = rows[region, f"I{k}"]
            x = 20 * quotient
            assert row["rca"] == pytest.approx(quotient, **EXACT)
            assert row["rca_weighted"] == pytest.approx(quotient, **EXACT)
            assert row["rsca"] == pytest.approx((quotient - 1) / (quotient + 1), **EXACT)
            assert row["nrca"] == pytest.approx((x - 20) / 500, **EXACT)
            assert row["arca"] == pytest.approx((x - 20) / 100, **EXACT)
            assert row["ceiling"] == 5.0
            assert row["present"] is (quotient >= 1)
            assert row["class"] == ("indicated" if quotient >= 1 else "below")
            assert row["rca_ex_largest"] is None  # every region holds 20 %
            # each region is above 10 %, so the leave-one-out index, 4x/(100 - x), sets the band
            if x == 100:
                assert row["rca_loo"] is row["band"] is row["material"] is None
                assert "sole_producer" in row["note"]  # type: ignore[operator]
            else:
                assert row["rca_loo"] == pytest.approx(4 * x / (100 - x), **EXACT)
                if quotient in bands:
                    assert row["band"] == bands[quotient]
    assert rows["R4", "I5"]["rca_loo"] == pytest.approx(8 / 3, **EXACT)
    assert rows["R4", "I5"]["band"] == "medium"
    assert rows["R2", "I4"]["band"] == "strong"  # 3.5 against the world, 9.3 against the rest of it
    assert rows["R4", "I2"]["material"] is True  # 4/3
    assert rows["R3", "I2"]["material"] is False  # 1
    ranks = [rows[region, "I4"]["rank_world"] for region in matrix]
    assert ranks == [5, 1, 2, 3, 3]  # 0, 70, 20, 5, 5


def test_garwood_limits() -> None:
    # 95 % limits of a Poisson mean as tabulated since Garwood (1936), Biometrika 28, 437-442
    for count, low, high in ((0, 0.0, 3.6889), (1, 0.0253, 5.5716), (3, 0.6187, 8.7673), (10, 4.7954, 18.3904)):
        assert garwood(count, 1.0, 0.95, 1.0) == pytest.approx((low, high), abs=5e-5)
    assert garwood(10, 2.0, 0.95, 1.0) == pytest.approx((4.7954 / 2, 18.3904 / 2), abs=5e-5)
    assert garwood(40, 8.0, 0.95, 4.0) == pytest.approx((4.7954 / 2, 18.3904 / 2), abs=5e-5)


# --- a table of small counts -------------------------------------------------------------------------------

COUNTS = {
    "r1": [3, 0, 0, 0, 0],
    "r2": [1, 1, 0, 2, 1],
    "r3": [12, 30, 8, 25, 25],
    "r4": [220, 210, 60, 380, 130],
    "r5": [500, 4000, 300, 2700, 2500],
    "r6": [3000, 5000, 2400, 8000, 1600],
}
FIELDS = ["f1", "f2", "f3", "f4", "f5"]

#: Derived with another program: RTA, exact limits, posterior mean and 95 % limits, P(theta > 1). The prior is the
#: moment estimate over all 30 cells (Marshall 1991), alpha = 8.836351825.
SMALL_COUNTS = {
    "r1": [
        (8.32655246, 1.7171353, 24.33371972, 1.28702933, 0.66150447, 2.11724264, 0.7685616),
        (0.0, 0.0, 4.13929452, 0.90838529, 0.4117965, 1.59806087, 0.34391673),
        (0.0, 0.0, 13.81908262, 0.97067644, 0.44003483, 1.70764549, 0.42032589),
        (0.0, 0.0, 3.4438841, 0.89188592, 0.40431688, 1.56903466, 0.32345001),
        (0.0, 0.0, 8.98759885, 0.95561261, 0.43320597, 1.68114471, 0.40206925),
    ],
    "r2": [
        (1.66531049, 0.04216201, 9.2785162, 1.04233529, 0.49624273, 1.78764165, 0.50887971),
        (0.67326047, 0.01704548, 3.75116725, 0.95298148, 0.4537025, 1.63439673, 0.3980607),
        (0.0, 0.0, 8.29144957, 0.95206449, 0.43159751, 1.67490274, 0.39774292),
        (1.12030251, 0.13567383, 4.04691787, 1.02021995, 0.50616885, 1.71139313, 0.48565588),
        (1.46184211, 0.03701064, 8.1448629, 1.03318463, 0.49188622, 1.77194795, 0.49801302),
    ],
    "r3": [
        (0.9991863, 0.51629414, 1.74537738, 0.99953121, 0.61742238, 1.47219194, 0.47001008),
        (1.0098907, 0.68136902, 1.44168178, 1.00762314, 0.71596017, 1.34834273, 0.49749134),
        (0.89907514, 0.38815683, 1.77153645, 0.94936206, 0.55139339, 1.45368023, 0.38358316),
        (0.70018907, 0.45312545, 1.03361719, 0.75966765, 0.52558183, 1.03619162, 0.04167086),
        (1.82730263, 1.18253392, 2.69745915, 1.50265444, 1.03962289, 2.04963045, 0.98458538),
    ],
    "r4": [
        (1.83184154, 1.59776102, 2.09056623, 1.77483222, 1.552309, 2.01204286, 1.0),
        (0.70692349, 0.61453905, 0.80927633, 0.71538947, 0.62373962, 0.81322988, 7e-08),
        (0.67430636, 0.51456679, 0.86796595, 0.70372817, 0.54736893, 0.87943295, 0.00085835),
        (1.06428739, 0.95995658, 1.17686418, 1.0627348, 0.95971626, 1.17092973, 0.87915543),
        (0.95019737, 0.79388741, 1.12828222, 0.95321881, 0.80126009, 1.11817666, 0.27516956),
    ],
    "r5": [
        (0.41632762, 0.38063051, 0.45447095, 0.42059071, 0.38483556, 0.45791141, 0.0),
        (1.34652094, 1.30511234, 1.38890905, 1.34549324, 1.30416152, 1.38746074, 1.0),
        (0.33715318, 0.30007675, 0.3775454, 0.34367097, 0.30640666, 0.38304276, 0.0),
        (0.7562042, 0.72794673, 0.78527756, 0.75680606, 0.72857183, 0.78556952, 0.0),
        (1.82730263, 1.75636847, 1.90036658, 1.82199364, 1.75138901, 1.89397393, 1.0),
    ],
    "r6": [
        (1.24898287, 1.20468504, 1.29449311, 1.24807026, 1.20386926, 1.29305701, 1.0),
        (0.84157559, 0.81840856, 0.8652321, 0.84181086, 0.81865766, 0.86528242, 0.0),
        (1.34861272, 1.29519214, 1.40367087, 1.34689029, 1.29363491, 1.40120483, 1.0),
        (1.12030251, 1.09588616, 1.14512571, 1.12015383, 1.09575411, 1.14481849, 1.0),
        (0.58473684, 0.55643297, 0.61410739, 0.58607355, 0.55778202, 0.61505511, 0.0),
    ],
}
CLASSES = {
    "r1": ["uncertain"] * 5,  # four cells below the floor, and one zero where 1.07 are expected
    "r2": ["uncertain"] * 5,
    "r3": ["uncertain", "uncertain", "uncertain", "below", "established"],
    "r4": ["established", "below", "below", "uncertain", "uncertain"],
    "r5": ["below", "established", "below", "below", "established"],
    "r6": ["established", "below", "established", "established", "below"],
}


def test_small_counts_with_the_moment_prior() -> None:
    cells = table(COUNTS, FIELDS)  # type: ignore[arg-type]
    pairs = [(row["value"], row["expected"]) for row in specialisation(cells, alpha=1.0).values()]
    alpha = moment_alpha(pairs)  # type: ignore[arg-type]
    assert alpha == pytest.approx(8.836351825, abs=1e-8)
    rows = specialisation(cells, alpha=alpha)
    for region, values in SMALL_COUNTS.items():
        for field, numbers, verdict in zip(FIELDS, values, CLASSES[region], strict=True):
            row = rows[region, field]
            names = ("rca", "rca_low", "rca_high", "rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one")
            assert [row[name] for name in names] == pytest.approx(numbers, rel=1e-6, abs=1e-8)
            assert row["class"] == verdict
    three, many = rows["r1", "f1"], rows["r3", "f5"]
    assert three["expected"] == pytest.approx(0.36029317, abs=6e-9)
    assert many["expected"] == pytest.approx(13.68136814, abs=6e-9)
    assert three["note"] == {"below_floor"}
    assert rows["r1", "f4"]["note"] == set()


def test_materiality_of_a_large_region_is_measured_against_the_rest() -> None:
    rows = specialisation(table(COUNTS, FIELDS), alpha=8.0)  # type: ignore[arg-type]
    large, small = rows["r6", "f1"], rows["r3", "f5"]
    # r6 holds 64 % of the world: 3,000 of 3,736 in f1, and 20,000 of 31,108
    rest = 20000 * (3736 - 3000) / (31108 - 20000)
    assert large["rca"] == pytest.approx(1.249, abs=1e-4)
    assert large["rca_loo"] == pytest.approx(3000 / rest, **EXACT)
    assert (large["band"], large["material"]) == ("medium", True)
    assert large["p_material"] == exceedance(3000, rest, 8.0, 1.0, 1.25)
    assert small["p_material"] == exceedance(25, small["expected"], 8.0, 1.0, 1.25)  # type: ignore[arg-type]
    # without r6, of which r3 makes 100 of 11,108
    assert small["rca_ex_largest"] == pytest.approx((25 / 100) / ((4256 - 1600) / 11108), **EXACT)
    # for r6 the largest other is r5, 32 % of the world
    assert large["rca_ex_largest"] == pytest.approx((3000 / 20000) / ((3736 - 500) / 21108), **EXACT)


def test_a_large_sole_producer_has_nothing_to_be_compared_with() -> None:
    rows = specialisation(table({"A": [50.0, 0.0, 50.0], "B": [0.0, 50.0, 50.0]}, ["s1", "s2", "s3"]), alpha=2.0)
    row = rows["A", "s1"]
    assert (row["rca"], row["rca_eb"]) == (2.0, 52 / 27)
    assert row["class"] == "established"  # against the world there is a base
    assert row["rca_loo"] is row["p_material"] is row["material"] is row["band"] is None
    assert row["note"] == {"sole_producer"}
    assert rows["B", "s1"]["note"] == set()
    assert rows["B", "s1"]["rca_ex_largest"] is None  # nobody is left in s1 without A
    assert rows["B", "s1"]["rca_loo"] == 0


# --- bases -------------------------------------------------------------------------------------------------


def test_a_null_cell_leaves_its_sector_out_of_the_base() -> None:
    cells = {("A", "s1"): 10.0, ("A", "s2"): None, ("A", "s3"): 30.0, ("B", "s1"): 20.0, ("B", "s2"): 40.0}
    rows = specialisation(cells, alpha=2.0)
    # A has seen s1 and s3: 40 of 60; B has a true zero in s3: 60 of 100
    assert rows["A", "s1"]["rca"] == pytest.approx((10 / 40) / (30 / 60), **EXACT)
    assert rows["A", "s3"]["rca"] == pytest.approx((30 / 40) / (30 / 60), **EXACT)
    assert rows["B", "s1"]["rca"] == pytest.approx((20 / 60) / (30 / 100), **EXACT)
    assert rows["B", "s2"]["rca"] == pytest.approx((40 / 60) / (40 / 100), **EXACT)
    assert rows["A", "s1"]["expected"] + rows["A", "s3"]["expected"] == pytest.approx(40)  # type: ignore[operator]
    # mean over the sectors of the base; the zero row of B in s3 counts
    assert rows["B", "s2"]["rca_weighted"] == pytest.approx((5 / 3) / ((10 / 9 + 5 / 3 + 0) / 3), **EXACT)
    assert rows["A", "s1"]["note"] == {"partial_base"}
    assert rows["A", "s2"]["note"] == {"partial_base", "missing"}
    assert all(rows["A", "s2"][name] is None for name in MEASURES)
    assert "partial_base" not in rows["B", "s1"]["note"]  # type: ignore[operator]
    assert ("B", "s3") not in rows

    rows = specialisation(cells, alpha=2.0, absent="missing")
    assert rows["B", "s1"]["rca"] == pytest.approx((20 / 60) / (30 / 70), **EXACT)
    assert rows["B", "s2"]["rca"] == pytest.approx((40 / 60) / (40 / 70), **EXACT)
    assert rows["B", "s2"]["rca_weighted"] == pytest.approx((7 / 6) / ((7 / 9 + 7 / 6) / 2), **EXACT)
    assert rows["B", "s1"]["note"] == {"partial_base"}


def test_a_sector_without_reference_is_in_nobodys_base() -> None:
    cells = {("A", "s1"): 10.0, ("A", "s2"): 5.0, ("A", "s3"): 30.0, ("B", "s1"): 20.0, ("B", "s3"): 1.0}
    rows = specialisation(cells, reference={"s1": 100.0, "s3": 300.0}, kind="value")
    assert rows["A", "s1"]["rca"] == pytest.approx((10 / 40) / (100 / 400), **EXACT)
    assert rows["A", "s1"]["present"] is True
    assert rows["A", "s2"]["note"] == {"no_base"}
    assert rows["A", "s2"]["rank_world"] == 1
    assert {name for name in MEASURES if rows["A", "s2"][name] is not None} == {"rank_world"}
    assert rows["A", "s1"]["note"] == {"one_period"}
    # the sum of the regions instead
    rows = specialisation(cells, reference={"s1": 100.0, "s3": 300.0}, world="sum", kind="value")
    assert rows["A", "s2"]["rca"] == pytest.approx((5 / 45) / (5 / 66), **EXACT)
    assert rows["A", "s2"]["note"] == {"one_period", "sole_producer"}


def test_regions_and_sectors_without_anything_have_no_base() -> None:
    cells = table({"A": [4.0, 0.0, 6.0], "B": [6.0, 0.0, 4.0], "C": [0.0, 0.0, 0.0]}, ["s1", "s2", "s3"])
    rows = specialisation(cells, alpha=2.0)
    for cell in (("C", "s1"), ("A", "s2"), ("C", "s2")):
        row = rows[cell]
        assert row["note"] == {"no_base"}
        assert row["expected"] == 0
        assert all(row[name] is None for name in ("rca", "rsca", "nrca", "arca", "rca_low", "rca_eb", "class", "band"))
    assert rows["C", "s1"]["share_world"] == 0
    assert rows["C", "s1"]["share_region"] is None
    assert rows["A", "s2"]["share_world"] is None
    # and change nobody else's numbers
    without = {cell: value for cell, value in cells.items() if cell[0] != "C" and cell[1] != "s2"}
    for cell, row in specialisation(without, alpha=2.0).items():
        assert row == rows[cell]


def test_presence_exactly_at_the_threshold() -> None:
    # 0.1 + 0.2 style rounding must not decide: every region is a scaled copy of the world
    cells = table({f"r{k}": [0.1 * k, 0.3 * k, 0.7 * k] for k in range(1, 30)}, ["s1", "s2", "s3"])
    rows = specialisation(cells, kind="value")
    assert any(row["rca"] < 1 for row in rows.values())  # type: ignore[operator]
    assert all(row["present"] is True and row["class"] == "indicated" for row in rows.values())
    assert all(row["band"] == "none" for row in rows.values())


# --- identities (methods: weighted mean 1, margins 0) --------------------------------------------------------


def test_identities_on_a_full_table() -> None:
    rng = np.random.default_rng(5)
    regions, sectors = [f"r{k}" for k in range(7)], [f"s{k}" for k in range(6)]
    cells = {(i, j): float(rng.poisson(6)) + 1 for i in regions for j in sectors}
    rows = specialisation(cells, alpha=3.0)
    total = sum(cells.values())
    for i in regions:
        assert sum(rows[i, j]["expected"] for j in sectors) == pytest.approx(sum(cells[i, j] for j in sectors))
        assert sum(rows[i, j]["nrca"] for j in sectors) == pytest.approx(0, abs=1e-12)
        assert sum(rows[i, j]["arca"] for j in sectors) == pytest.approx(0, abs=1e-12)
        assert sum(rows[i, j]["rca_weighted"] for j in sectors) == pytest.approx(len(sectors))
    for j in sectors:
        weighted = sum(sum(cells[i, k] for k in sectors) / total * rows[i, j]["rca"] for i in regions)
        assert weighted == pytest.approx(1)
        assert sum(rows[i, j]["nrca"] for i in regions) == pytest.approx(0, abs=1e-12)
    for row in rows.values():
        assert row["rsca"] == pytest.approx(math.tanh(0.5 * row["rca_log"]))
        assert (row["rca_loo"] > 1) is (row["rca"] > 1) is (row["rca_eb"] > 1)
        assert row["rca_low"] < row["rca"] < row["rca_high"]
        assert row["rca"] <= row["ceiling"]


# --- classes -----------------------------------------------------------------------------------------------


def world_of(small: dict[str, float], big: dict[str, float]) -> dict[tuple[str, str], float | None]:
    return {("a", j): v for j, v in small.items()} | {("z", j): v for j, v in big.items()}


def test_classes_of_counts() -> None:
    cells = world_of(
        {"s1": 0, "s2": 40, "s3": 4, "s4": 0, "s5": 14, "s6": 0},
        {"s1": 100_000, "s2": 100_000, "s3": 5_000, "s4": 30_000, "s5": 100_000, "s6": 1_000},
    )
    rows = specialisation(cells, alpha=2.0)
    want = {  # sector: E, class
        "s1": (17.26, "none"),  # a true zero where many are expected, although P <= 0.10
        "s2": (17.27, "established"),
        "s3": (0.864, "uncertain"),  # below the floor
        "s4": (5.179, "none"),
        "s5": (17.264, "uncertain"),
        "s6": (0.173, "uncertain"),
    }
    for sector, (expected, verdict) in want.items():
        assert rows["a", sector]["expected"] == pytest.approx(expected, abs=5e-3)
        assert rows["a", sector]["class"] == verdict, sector
    assert rows["a", "s1"]["p_above_one"] < 0.10  # type: ignore[operator]
    assert rows["a", "s3"]["note"] == {"below_floor"}
    lenient = specialisation(cells, alpha=2.0, min_expected=0.1)
    assert lenient["a", "s3"]["p_above_one"] >= 0.90  # type: ignore[operator]
    assert lenient["a", "s3"]["class"] == "uncertain"  # four are not enough
    assert specialisation(cells, alpha=2.0, min_expected=0.1, min_count=4)["a", "s3"]["class"] == "established"
    strict = specialisation(cells, alpha=2.0, threshold=2.5)["a", "s2"]
    assert strict["present"] is False
    assert strict["class"] == "uncertain"
    assert strict["p_above_one"] == rows["a", "s2"]["p_above_one"]


def test_over_dispersion_divides_counts_and_expectations() -> None:
    cells = table(COUNTS, FIELDS)  # type: ignore[arg-type]
    plain, noisy = specialisation(cells, alpha=8.0), specialisation(cells, alpha=8.0, phi=4.0)
    for cell, row in plain.items():
        assert noisy[cell]["rca"] == row["rca"]
        assert noisy[cell]["rca_low"] <= row["rca_low"]  # type: ignore[operator]
        assert noisy[cell]["rca_high"] > row["rca_high"]  # type: ignore[operator]
    row = noisy["r3", "f5"]
    shape, rate = 25 / 4 + 8, row["expected"] / 4 + 8  # type: ignore[operator]
    assert row["rca_eb"] == pytest.approx(shape / rate, **EXACT)
    assert row["class"] == "uncertain"
    assert plain["r3", "f5"]["class"] == "established"


def test_a_table_with_no_variance_beyond_chance() -> None:
    cells = table({f"r{k}": [10.0, 20.0, 30.0] for k in range(12)}, ["s1", "s2", "s3"])
    for row in specialisation(cells).values():
        assert row["class"] == "uncertain"
        assert row["p_above_one"] is row["p_material"] is row["rca_eb_low"] is None
        assert row["rca_eb"] == 1
        assert row["note"] == {"no_variance_beyond_chance"}


def test_the_prior_is_fitted_on_regions_up_to_ten_per_cent() -> None:
    rng = np.random.default_rng(11)
    sectors = [f"s{k}" for k in range(10)]
    cells: dict[tuple[str, str], float | None] = {
        (f"r{k}", j): float(rng.poisson(rng.gamma(3.0, 1 / 3) * 8)) for k in range(15) for j in sectors
    }
    del cells["r0", "s0"]  # an absent row is a zero of the prior too
    cells |= {("large", j): float(4000 + 1500 * (k % 2)) for k, j in enumerate(sectors)}
    fitted = specialisation(cells)
    pairs = []
    world = {j: sum(cells.get((i, j)) or 0 for i in {i for i, _ in cells}) for j in sectors}
    for k in range(15):
        x_i = sum(cells.get((f"r{k}", j)) or 0 for j in sectors)
        pairs += [(cells.get((f"r{k}", j)) or 0.0, x_i * world[j] / sum(world.values())) for j in sectors]
    alpha = fit_alpha(pairs)
    assert alpha is not None
    assert 1 < alpha < 10
    row = fitted["r3", "s4"]
    assert row["rca_eb"] == pytest.approx((row["value"] + alpha) / (row["expected"] + alpha), rel=1e-8)  # type: ignore[operator]


# --- estimators on simulated data ----------------------------------------------------------------------------


def test_likelihood_is_the_negative_binomial() -> None:
    pairs = [(0.0, 0.4), (3.0, 1.2), (17.0, 20.0)]
    for alpha in (0.3, 2.0, 50.0):
        direct = sum(float(nbinom.logpmf(o, alpha, alpha / (alpha + e))) for o, e in pairs)
        assert log_likelihood(pairs, alpha) == pytest.approx(direct, rel=1e-10)
    assert log_likelihood(pairs, 1e7) == pytest.approx(log_likelihood(pairs, math.inf), rel=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 2.0, 8.0])
def test_alpha_is_recovered(alpha: float) -> None:
    rng = np.random.default_rng(20230926)
    expected = np.exp(rng.normal(1.5, 1.5, 4000))
    counts = rng.poisson(rng.gamma(alpha, 1 / alpha, expected.size) * expected)
    pairs = list(zip(counts.tolist(), expected.tolist(), strict=True))
    found = fit_alpha(pairs)
    assert found == pytest.approx(alpha, rel=0.10)
    assert found is not None
    top = log_likelihood(pairs, found)
    assert top >= log_likelihood(pairs, found * 1.01)
    assert top >= log_likelihood(pairs, found / 1.01)
    assert moment_alpha(pairs) == pytest.approx(alpha, rel=0.25)  # less efficient


def test_alpha_without_variance_or_cells() -> None:
    assert fit_alpha([(e, e) for e in (1.0, 5.0, 20.0)]) == math.inf
    assert moment_alpha([(e, e) for e in (1.0, 5.0, 20.0)]) == math.inf
    assert fit_alpha([]) is None
    assert fit_alpha([(0.0, 0.0)]) is None
    assert fit_alpha([(0.5, 3.0), (7.25, 3.0), (1.5, 3.0)]) < math.inf  # type: ignore[operator]


def simulated_panel(phi: float, periods: int, seed: int) -> list[dict[tuple[str, str], tuple[float, float]]]:
    """Counts with mean theta E and variance phi times the mean; theta stays."""
    rng = np.random.default_rng(seed)
    panel: list[dict[tuple[str, str], tuple[float, float]]] = [{} for _ in range(periods)]
    for k in range(1200):
        level, theta = math.exp(rng.normal(4.5, 1.0)), rng.gamma(4.0, 0.25)
        for period in panel:
            expected = level * rng.uniform(0.8, 1.25)
            mean = theta * expected
            rate = mean if phi == 1 else rng.gamma(mean / (phi - 1), phi - 1)
            period[f"r{k}", "s"] = (float(rng.poisson(rate)), expected)
    return panel


@pytest.mark.parametrize("phi", [1.0, 4.0])
def test_phi_is_recovered(phi: float) -> None:
    assert estimate_phi(simulated_panel(phi, periods=4, seed=7)) == pytest.approx(phi, rel=0.15)


def test_phi_by_hand_and_at_its_edges() -> None:
    cell = ("r", "s")
    # theta = 100/50 = 2, both expect 50; z2 = (60/25 - 40/25)^2 / (2 (1/25 + 1/25)) = 0.64 / 0.16 = 4
    assert squared_changes([{cell: (40.0, 25.0)}, {cell: (60.0, 25.0)}]) == pytest.approx([4.0])
    assert estimate_phi([{cell: (40.0, 25.0)}, {cell: (60.0, 25.0)}]) == pytest.approx(4 / 0.4549364)
    assert estimate_phi([{cell: (50.0, 25.0)}, {cell: (50.0, 25.0)}]) == 1
    # given the sum it is the chi-square of the split: d^2 / (n p q), here of 40 of 100 at p = 1/4
    assert squared_changes([{cell: (40.0, 25.0)}, {cell: (60.0, 75.0)}]) == pytest.approx([15**2 / (100 * 0.25 * 0.75)])
    assert squared_changes([{cell: (10.0, 9.0)}, {cell: (10.0, 11.0)}]) == []  # 9 expected in the first
    assert squared_changes([{cell: (40.0, 0.0)}, {cell: (60.0, 25.0)}]) == []
    assert squared_changes([{cell: (40.0, 25.0)}, {("r", "t"): (60.0, 25.0)}]) == []
    assert estimate_phi([{cell: (40.0, 25.0)}]) is None
    assert estimate_phi([]) is None
