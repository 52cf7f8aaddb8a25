"""The backtest on panels whose truth is known, its features against loops, and what must never leak into it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from capmap.analyses import backtest as analysis
from capmap.analyses.backtest import FEATURES, SCORES, History, Origin, backtest, both, entry_probabilities, history
from capmap.analyses.presence import Conventions, Table, conventions, tables
from capmap.data.load import load
from capmap.data.panel import Panel, panel
from capmap.errors import RefusedError, UsageError
from capmap.methods import prediction
from capmap.methods.complexity import complexity
from capmap.model import Project
from tests.analyses.made import made

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LOW, HIGH = 4.0, 100.0
EXIT = 0.15
YEARS = tuple(range(1980, 2021, 5))


# --- panels ---------------------------------------------------------------------------------------------------------


def density(presence: Bools) -> Floats:
    """Density of every cell that a region does not hold, with proximities that leave the region out; by definition."""
    result = np.zeros(presence.shape)
    for i in range(len(presence)):
        others = np.delete(presence, i, axis=0).astype(float)
        u = others.sum(axis=0)
        phi = others.T @ others / np.maximum(np.maximum(u[:, np.newaxis], u), 1)
        np.fill_diagonal(phi, 0.0)
        result[i] = np.where(presence[i], 0.0, presence[i] @ phi / np.maximum(phi.sum(axis=0), 1e-9))
    return result


def generated(
    seed: int, *, slope: float, level: float, n_regions: int = 36, n_sectors: int = 50, years: tuple[int, ...] = YEARS
) -> tuple[Project, dict[int, Floats], list[Bools]]:
    """A panel in which every empty cell is entered from one period to the next with a known probability.

    logit p = level + slope * z, z the density of the cell standardised over the region's empty cells; every sector held
    is left with probability EXIT. As each sector has the same published total, RCA is above 1 exactly where a region
    holds a sector and at most 0.5 elsewhere, and says nothing about entry. With a period of five years, an entry that
    lasts has the probability p * (1 - EXIT): the truth that is returned, with the states.
    """
    rng = np.random.default_rng(seed)
    skill, ease = rng.integers(0, 5, n_regions), rng.integers(0, 5, n_sectors)
    held = rng.random((n_regions, n_sectors)) < np.where((skill[:, np.newaxis] - ease) % 5 < 2, 0.5, 0.1)
    truth, states, cells = {}, [], {}
    for year in years:
        states.append(held)
        value = np.where(held, HIGH, LOW * rng.uniform(0.5, 1.0, held.shape))
        cells |= {(f"r{i:02}", f"s{j:02}", year): float(value[i, j]) for i, j in np.ndindex(held.shape)}
        near = np.where(held, np.nan, density(held))
        z = (near - np.nanmean(near, axis=1, keepdims=True)) / np.nanstd(near, axis=1, keepdims=True)
        p = np.nan_to_num(1 / (1 + np.exp(-(level + slope * z))))
        truth[year] = np.where(held, np.nan, p * (1 - EXIT))
        held = np.where(held, rng.random(held.shape) >= EXIT, rng.random(held.shape) < p)
    world = {(f"s{j:02}", year): 1e5 for j in range(n_sectors) for year in years}
    return made(cells, reference=world), truth, states


@pytest.fixture(scope="module")
def related() -> tuple[Project, dict[int, Floats], list[Bools]]:
    """Entry depends on density alone."""
    return generated(1, slope=1.2, level=-2.8)


def small(
    seed: int = 0, n_regions: int = 9, n_sectors: int = 12, years: tuple[int, ...] = (2000, 2002, 2004, 2006)
) -> Any:
    """Cells of a panel of counts that move, with a published total that they do not change."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(0.5, 40.0, (n_regions, n_sectors))
    cells = {}
    for year in years:
        base = base * rng.lognormal(0, 0.8, base.shape)
        cells |= {(f"r{i}", f"s{j:02}", year): float(np.floor(base[i, j])) for i, j in np.ndindex(base.shape)}
    return cells


def totals(cells: Any) -> dict[tuple[str, int | None], float]:
    """A published total of each sector and year, half as large again as the regions were."""
    found: dict[tuple[str, int | None], float] = {}
    for (_, sector, year), value in cells.items():
        found[sector, year] = found.get((sector, year), 1.0) + 1.5 * (value or 0.0)
    return found


def known_of(project: Project, **changes: Any) -> History:
    chosen = conventions(project, **changes)
    return history(project, panel(project, "x"), chosen)


def at(project: Project, year: int | str = "latest", **changes: Any) -> tuple[Table, Panel, Conventions]:
    chosen = conventions(project, **changes)
    (table,), whole = tables(project, project.catalogue["x"], year, chosen)
    return table, whole, chosen


# --- a truth that is known -------------------------------------------------------------------------------------------


def test_known_probabilities_are_recovered(related: tuple[Project, dict[int, Floats], list[Bools]]) -> None:
    project, truth, states = related
    found = backtest(project)
    (block,) = found.meta["blocks"]
    assert block["grade"] in ("A", "B"), block
    assert block["entries"] > 300
    assert block["gain_low"] > 0
    pooled = {row["score"]: row for row in found.tables["scores"].filter(pl.col("origin").is_null()).to_dicts()}
    assert pooled["logistic"]["calibration_error"] < 0.015
    assert pooled["boosting"]["calibration_error"] < 0.025
    for score in ("logistic", "boosting", "density"):
        assert pooled[score]["roc_auc"] > pooled["rca"]["roc_auc"] + 0.1
    assert pooled["random"]["roc_auc"] == 0.5
    assert pooled["random"]["pr_auc"] == pytest.approx(block["base_rate"])
    assert block["base_rate_low"] < block["base_rate"] < block["base_rate_high"]
    verdict = block["verdict"]
    assert verdict["found"] > verdict["rca"]
    assert verdict["found"] > 1.5 * verdict["chance"]
    bins = found.tables["calibration"].filter(pl.col("score") == "logistic")
    assert bins["n"].sum() == block["candidates"]
    assert (bins["predicted"] - bins["observed"]).abs().max() < 0.08

    table, whole, chosen = at(project)
    entry = entry_probabilities(project, whole, table, chosen)
    p = truth[YEARS[-1]]
    np.testing.assert_array_equal(
        np.isnan(entry.p_entry), states[-1] | states[-2] | ~table.who.sectors | ~table.who.regions[:, np.newaxis]
    )
    open_ = ~np.isnan(entry.p_entry)
    assert np.abs(entry.p_entry - p)[open_].mean() < 0.05
    assert np.corrcoef(entry.p_entry[open_], p[open_])[0, 1] > 0.9
    inside = (entry.p_entry_low <= p) & (p <= entry.p_entry_high)
    assert inside[open_].mean() > 0.5  # of cells whose truth is a little other than the model's form


def test_the_candidates_are_those_of_the_states(related: tuple[Project, dict[int, Floats], list[Bools]]) -> None:
    project, _, states = related
    known = known_of(project)
    rows = known.candidates
    assert [o.period for o in known.origins] == list(range(len(YEARS) - 2))
    for t in range(len(YEARS) - 2):
        mine = rows.origin == t
        sector_counts = states[t].sum(axis=0) >= 3
        expected = ~states[t] & sector_counts & (~states[t - 1] if t else True)
        cells = np.zeros(expected.shape, bool)
        cells[rows.region[mine], rows.sector[mine]] = True
        np.testing.assert_array_equal(cells, expected)
        np.testing.assert_array_equal(rows.entered[mine], (states[t + 1] & states[t + 2])[cells])
        assert (rows.known_at[mine] == t + 2).all()


def test_entries_at_random_earn_nothing() -> None:
    for seed in (1, 2, 3):
        project, _, _ = generated(seed, slope=0.0, level=-3.0, n_regions=25, n_sectors=30, years=YEARS[:6])
        (block,) = backtest(project).meta["blocks"]
        assert block["grade"] in (None, "D"), block
        assert block["reason"] == ("" if block["grade"] else "interval_spans_grades")
        assert block["gain"] < 0.05
        assert bool(block["message"]) != bool(block["grade"])


def test_one_pass_gives_what_two_give() -> None:
    project, _, _ = generated(3, slope=1.2, level=-2.5, n_regions=20, n_sectors=25, years=YEARS[:6])
    table, whole, chosen = at(project)
    past, entry = both(project, whole, table, chosen)
    (block,) = backtest(project).meta["blocks"]
    assert past.meta == block
    alone = entry_probabilities(project, whole, table, chosen)
    for name in ("p_entry", "p_entry_low", "p_entry_high"):
        np.testing.assert_array_equal(getattr(entry, name), getattr(alone, name))
    assert entry.meta == alone.meta
    assert entry.meta["origins"] == list(YEARS[:4])
    low, p, high = entry.p_entry_low, entry.p_entry, entry.p_entry_high
    assert (np.isnan(p) == np.isnan(low)).all()
    assert ((low <= p) & (p <= high) | np.isnan(p)).all()


# --- nothing leaks ---------------------------------------------------------------------------------------------------


def test_later_years_change_no_feature() -> None:
    cells = small()
    world = totals(cells)
    later = {key: (value * 7 + 3) % 200 if key[2] > 2002 else value for key, value in cells.items()}
    grown = world | {key: 9e3 + 10 * k for k, key in enumerate(k for k in world if (k[1] or 0) > 2002)}
    for presence in ("rca", "established"):
        for reference in ((world, grown), (None, None)):
            one, other = (
                known_of(made(values, reference=total), presence=presence, min_regions=1)
                for values, total in ((cells, reference[0]), (later, reference[1]))
            )
            for t in (0, 1):
                pair = [analysis.features(k.whole, k.snapshots[t], k.snapshots[0] if t else None, k.chosen.complexity)
                        for k in (one, other)]  # fmt: skip
                np.testing.assert_array_equal(*pair)
                np.testing.assert_array_equal(
                    *(analysis.candidate_cells(k.snapshots[t], k.snapshots[0] if t else None) for k in (one, other))
                )
                assert np.isfinite(pair[0]).any()


def test_outcomes_of_a_region_never_change_its_own_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prediction.rolling_predictions.__kwdefaults__, "min_known", 5)
    years = tuple(range(2000, 2016))
    cells = small(4, 12, 20, years)
    world = totals(cells)  # published, so that one region's values change no other region's RCA
    one = known_of(made(cells, reference=world))
    assert analysis.evaluate(one).meta["training"][2008] == "known_outcomes"
    t0 = 8
    now = one.candidates.origin == t0
    region = int(np.bincount(one.candidates.region[now]).argmax())
    asked = {one.whole.sectors[j] for j in one.candidates.sector[now & (one.candidates.region == region)]}
    changed = {
        (r, s, y): value if r != one.whole.regions[region] or y <= years[t0] else 1e4 * (s in asked)
        for (r, s, y), value in cells.items()
    }
    other = known_of(made(changed, reference=world))
    found = []
    for known in (one, other):
        rows, (probability, _, _) = known.candidates, analysis._predictions(known)
        grid = {name: np.full((12, 20), np.nan) for name in probability}
        entered = np.zeros((12, 20), bool)
        mine = (rows.origin == t0) & (rows.region == region)
        for name, p in probability.items():
            grid[name][rows.region[mine], rows.sector[mine]] = p[mine]
        entered[rows.region[mine], rows.sector[mine]] = rows.entered[mine]
        found.append((grid, entered))
    assert (found[0][1] != found[1][1]).any()  # it did change what came
    for name in found[0][0]:
        assert np.isfinite(found[0][0][name]).any()
        np.testing.assert_array_equal(found[0][0][name], found[1][0][name])


def test_probabilities_of_a_year_know_nothing_later() -> None:
    cells = small(5, 14, 20, tuple(range(2000, 2016)))
    world = totals(cells)
    later = {key: value if key[2] <= 2011 else (value * 3) % 150 for key, value in cells.items()}
    answers = []
    for values in (cells, later):
        project = made(values, reference=world)
        table, whole, chosen = at(project, 2011)
        answers.append(both(project, whole, table, chosen)[1])
        np.testing.assert_array_equal(answers[-1].p_entry, entry_probabilities(project, whole, table, chosen).p_entry)
    assert answers[0].meta["origins"] == [2000, 2001, 2002, 2003, 2004, 2005]
    assert np.isfinite(answers[0].p_entry).any()
    for name in ("p_entry", "p_entry_low", "p_entry_high"):
        np.testing.assert_array_equal(*(getattr(answer, name) for answer in answers))


# --- by loops --------------------------------------------------------------------------------------------------------


def loops(known: History, t: int, options: Any) -> dict[str, dict[tuple[int, int], float]]:
    """Features of the cells that are not held, computed cell by cell from RCA and presence."""
    now, before = known.snapshots[t], known.snapshots[t - 1] if t else None
    m, rca = now.table.presence, now.table.rca
    n_regions, n_sectors = m.shape
    pci = complexity(m, previous=None).pci if now.reason == "" else np.full(n_sectors, np.nan)
    result: dict[str, dict[tuple[int, int], float]] = {name: {} for name in FEATURES}
    for i in range(n_regions):
        rest = [r for r in range(n_regions) if r != i]
        u = [sum(m[r, j] for r in rest) for j in range(n_sectors)]
        phi = [[0.0 if j == k or not u[j] or not u[k] else sum(m[r, j] and m[r, k] for r in rest) / max(u[j], u[k])
                for k in range(n_sectors)] for j in range(n_sectors)]  # fmt: skip
        total = [sum(phi[j]) for j in range(n_sectors)]
        open_ = [j for j in range(n_sectors) if not m[i, j]]
        near = {j: sum(phi[j][k] for k in range(n_sectors) if m[i, k]) / total[j] for j in open_ if total[j] > 0}
        mean = sum(near.values()) / len(near) if near else 0.0
        sd = math.sqrt(sum((d - mean) ** 2 for d in near.values()) / len(near)) if near else 0.0
        for j in open_:
            put = {
                "rca": rca[i, j], "ubiquity": float(m[:, j].sum()), "diversity": float(m[i].sum()),
                "density": near.get(j, np.nan),
                "relative_density": (near[j] - mean) / sd if j in near and sd > 1e-12 else np.nan,
                "pci": pci[j],
                "cog": sum(phi[j][k] / total[k] * np.nan_to_num(pci[k]) for k in open_ if total[k] > 0)
                if j in near and m[i].any() and np.isfinite(pci).any() else np.nan,
                "rca_change": rca[i, j] - before.table.rca[i, j] if before else np.nan,
                "world_growth": np.nan,
            }  # fmt: skip
            if before is not None and now.table.year is not None and before.table.year is not None:
                reference = known.whole.reference
                pairs = [(before.table.value[r, j], now.table.value[r, j]) for r in range(n_regions)]
                first = sum(a for a, b in pairs) if reference is None else reference[t - 1, j]
                last = sum(b for a, b in pairs) if reference is None else reference[t, j]
                if first > 0 and last > 0:
                    put["world_growth"] = math.log(last / first) / (now.table.year - before.table.year)
            for name, value in put.items():
                result[name][i, j] = value
    return result


@pytest.mark.parametrize("published", [True, False])
def test_features_are_those_of_the_loops(published: bool) -> None:
    cells = small(7)
    known = known_of(made(cells, reference=totals(cells) if published else None), min_regions=2)
    assert any(snapshot.reason == "" for snapshot in known.snapshots[:2])
    for t in (0, 1):
        options = known.chosen.complexity
        found = analysis.features(known.whole, known.snapshots[t], known.snapshots[t - 1] if t else None, options)
        slow = loops(known, t, options)
        sign = 1.0
        for k, name in enumerate(FEATURES):
            ours = np.array([found[k][cell] for cell in slow[name]])
            expected = np.array(list(slow[name].values()))
            if name == "pci" and np.isfinite(expected).any():  # the sign may follow that of the year before
                sign = float(np.sign(np.nansum(ours * expected)))
            if name in ("pci", "cog"):
                expected = sign * expected
            np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12, err_msg=f"{name} at {t}")


@pytest.mark.parametrize("changes", [{"neighbours": 3}, {"proximity": "rsca_correlation"}, {"neighbours": 99}])
def test_conventions_that_choose_anew_for_each_region(changes: dict[str, Any]) -> None:
    cells = small(7)
    known = known_of(made(cells, reference=totals(cells)), min_regions=1, **changes)
    options, snapshot = known.chosen.complexity, known.snapshots[1]
    density_, gain = analysis._outlook(snapshot.table, snapshot.pci, options)
    presence = snapshot.table.presence
    assert np.isnan(density_[presence]).all()
    assert np.isfinite(density_[~presence]).any()
    if changes.get("neighbours") == 99:  # all of them: the quick way must agree
        quick = analysis._outlook(snapshot.table, snapshot.pci, options.model_copy(update={"neighbours": None}))
        own = presence.any(axis=1)
        np.testing.assert_allclose(density_[own], quick[0][own], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(gain, quick[1], rtol=1e-9, atol=1e-12)


def test_a_cell_is_a_candidate_by_two_periods_and_enters_by_two() -> None:
    """Five regions hold the first four sectors; what the sixth does in the fifth sector is the case."""
    years = (2000, 2001, 2002, 2003)

    def outcome(case: tuple[float | None, ...]) -> tuple[bool, bool | None]:
        cells: dict[Any, float | None] = {
            (f"r{i}", f"s{j}", year): 100.0 for i in range(6) for j in range(4) for year in years if (i + j) % 4
        }
        cells |= {(f"r{i}", "s4", year): 100.0 for i in range(3) for year in years}
        cells |= {("r5", "s4", year): value for year, value in zip(years, case, strict=True)}
        world = {(f"s{j}", year): 1e4 for j in range(5) for year in years}
        known = known_of(made(cells, reference=world), horizon=1)
        rows = known.candidates
        r5, s4 = known.whole.regions.index("r5"), known.whole.sectors.index("s4")
        mine = (rows.region == r5) & (rows.sector == s4) & (rows.origin == 1)
        return bool(mine.any()), bool(rows.entered[mine][0]) if mine.any() else None

    assert outcome((0, 0, 100, 100)) == (True, True)
    assert outcome((0, 0, 100, 0)) == (True, False)  # a flicker
    assert outcome((0, 0, 0, 100)) == (True, False)
    assert outcome((100, 0, 100, 100)) == (False, None)  # was there in the look-back
    assert outcome((0, 40, 100, 100)) == (False, None)  # RCA above 0.5 at the origin
    assert outcome((0, None, 100, 100)) == (False, None)  # unknown at the origin
    assert outcome((0, 0, None, 100)) == (False, None)  # the outcome is unknown
    assert outcome((0, 0, None, 0)) == (True, False)  # one of the two settles it


# --- order, and what a panel must have -------------------------------------------------------------------------------


def test_names_and_their_order_are_nothing() -> None:
    cells = small(8, 10, 14, tuple(range(2000, 2010)))
    order = np.random.default_rng(1).permutation(14)
    renamed = {(r, f"s{order[int(s[1:])]:02}", y): v for (r, s, y), v in cells.items()}
    one, other = (backtest(made(c, reference=totals(c)), min_regions=2) for c in (cells, renamed))
    for name in ("pr_auc", "roc_auc", "precision_at_10"):
        left, right = (r.tables["scores"].filter(pl.col("score") != "boosting")[name].to_numpy() for r in (one, other))
        np.testing.assert_allclose(left, right, rtol=1e-6)
    regions = np.random.default_rng(2).permutation(10)
    renamed = {(f"r{regions[int(r[1:])]}", s, y): v for (r, s, y), v in cells.items()}
    third = backtest(made(renamed, reference=totals(renamed)), min_regions=2)
    unfitted = pl.col("score").is_in(["density", "relative_density", "rca", "ubiquity", "diversity", "random"])
    for name in ("candidates", "entries", "pr_auc", "roc_auc", "precision_at_10"):  # folds go by name, features do not
        left, right = (r.tables["scores"].filter(unfitted)[name].to_numpy() for r in (one, third))
        np.testing.assert_allclose(left, right, rtol=1e-9)


@pytest.mark.parametrize(
    ("years", "horizon", "expected"),
    [
        (
            (2008, 2010, 2012, 2014, 2016, 2018),
            5,
            [(0, None, 2, 3), (1, 0, 3, 4), (2, 1, 4, 5)],
        ),  # 4 and 6: the earlier
        (tuple(range(2000, 2008)), 5, [(0, None, 5, 6), (1, 0, 6, 7)]),
        ((2000, 2001, 2030), 5, [(0, None, 1, 2)]),
        ((2000, 2001), 5, []),
        ((2000,), 5, []),
        ((None,), 5, []),
        ((), 5, []),
    ],
)
def test_rolling_origins(years: Any, horizon: int, expected: list[tuple[Any, ...]]) -> None:
    assert list(analysis.rolling_origins(years, horizon)) == [Origin(*row) for row in expected]


def test_a_short_panel_says_what_is_missing() -> None:
    cells = small(9, 12, 15, (2008, 2010, 2012, 2014, 2016))
    result = backtest(made(cells, reference=totals(cells)))
    (block,) = result.meta["blocks"]
    assert (block["grade"], block["reason"]) == (None, "too_few_origins")
    assert "known of 2 origins" in block["message"]
    assert "so 1 more periods" in block["message"]
    assert "2008, 2010, 2012, 2014, 2016" in block["message"]
    assert result.tables["origins"]["origin"].to_list() == [2008, 2010]
    assert block["look_back_waived"] == [2008]
    assert block["shared_shocks"] == [2008, 2010]

    one = {key: value for key, value in cells.items() if key[2] == 2008}
    (block,) = backtest(made(one)).meta["blocks"]
    assert block["reason"] == "too_few_origins"
    assert "so 8 more periods" in block["message"]  # yearly: 5 to the horizon, 1 to persist, 2 further origins
    table, whole, chosen = at(made(one))
    entry = entry_probabilities(made(one), whole, table, chosen)
    assert entry.reason == "too_few_entries"
    assert np.isnan(entry.p_entry).all()

    timeless = {(r, s, None): value for (r, s, _), value in one.items()}
    (block,) = backtest(made(timeless)).meta["blocks"]
    assert (block["grade"], block["reason"]) == (None, "no_years")


def test_few_entries_earn_no_grade() -> None:
    project, _, _ = generated(4, slope=0.0, level=-5.2, n_regions=20, n_sectors=25, years=YEARS[:5])
    result = backtest(project)
    (block,) = result.meta["blocks"]
    assert 0 < block["entries"] < 10
    assert (block["grade"], block["reason"]) == (None, "too_few_entries")
    assert f"{block['entries']} of" in block["message"]
    assert result.tables["scores"].height == len(SCORES) * 4

    frozen, _, _ = generated(4, slope=0.0, level=-60.0, n_regions=20, n_sectors=25, years=YEARS[:5])
    result = backtest(frozen)
    assert result.meta["blocks"][0]["reason"] == "too_few_entries"
    assert result.tables["scores"].is_empty()
    assert result.tables["scores"].columns == backtest(project).tables["scores"].columns
    assert result.tables["origins"]["entries"].to_list() == [0, 0, 0]


def test_given_presence_is_taken_as_it_is() -> None:
    project, _, states = generated(3, slope=1.2, level=-2.5, n_regions=20, n_sectors=25, years=YEARS[:6])
    flags = {(f"r{i:02}", f"s{j:02}", year): float(held[i, j]) for year, held in zip(YEARS, states, strict=False)
             for i, j in np.ndindex(held.shape)}  # fmt: skip
    given, counted = known_of(made(flags), presence="given"), known_of(project)
    np.testing.assert_array_equal(given.candidates.entered, counted.candidates.entered)
    np.testing.assert_array_equal(given.candidates.region, counted.candidates.region)
    where = FEATURES.index("density")
    np.testing.assert_allclose(given.candidates.features[:, where], counted.candidates.features[:, where])


def test_refusals() -> None:
    cells = small(9)
    with pytest.raises(RefusedError, match="1 region"):
        backtest(made({k: v for k, v in cells.items() if k[0] == "r0"}))
    with pytest.raises(UsageError, match="intensity"):
        backtest(made(cells, kind="intensity", denominator="external: jobs"), indicator=["x"])
    with pytest.raises(RefusedError, match="no count or value"):
        backtest(made(cells, kind="intensity", denominator="external: jobs"))
    with pytest.raises(UsageError, match="horizon"):
        backtest(made(cells), horizon=0)


# --- the sample ------------------------------------------------------------------------------------------------------


def test_the_sample_has_its_verdict_whatever_it_is() -> None:
    project = load(environ={})
    result = backtest(project, indicator=["articles", "patent_families"])
    articles, patents = result.meta["blocks"]
    assert articles["reason"] == "too_few_entries"
    assert articles["entries"] == 0
    assert patents["origins"] == 3
    assert patents["training"] == dict.fromkeys((2008, 2010, 2012), "same_years")
    assert (patents["candidates"], patents["entries"]) == (712, 18)
    assert patents["grade"] in (None, "A", "B", "C", "D")
    scores = result.tables["scores"]
    assert scores["indicator"].unique().to_list() == ["patent_families"]
    pooled = scores.filter(pl.col("origin").is_null())
    assert pooled["score"].to_list() == list(SCORES)
    assert pooled["pr_auc"].is_between(0, 1).all()
    assert (pooled["pr_auc_low"] <= pooled["pr_auc_high"]).all()
    assert pooled.filter(pl.col("kind") == "baseline")["gain"].null_count() == 5
    again = backtest(project, indicator=["patent_families"]).tables
    for name, frame in again.items():
        assert frame.equals(result.tables[name].filter(pl.col("indicator") == "patent_families")), name


def test_the_model_that_is_graded_is_the_one_asked_for() -> None:
    project = load(environ={})
    (block,) = backtest(project, indicator=["patent_families"], model="boosting").meta["blocks"]
    assert block["model"] == "boosting"
    assert block["grade"] == block["grades"]["boosting"]
