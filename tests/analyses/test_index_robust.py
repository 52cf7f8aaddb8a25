"""How sure the ranks of an index are: the index is one of its own replicates, choices, failures, Sobol indices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses.composite import robust as index_robust
from capmap.analyses.composite.build import Built
from capmap.analyses.composite.choice import measured
from capmap.analyses.composite.ranks import EVERYBODY, SOBOL_COLUMNS
from capmap.analyses.composite.robust import Choices, Model, model
from capmap.analyses.index import robustness
from capmap.errors import UsageError
from capmap.methods import robustness as methods
from capmap.methods import sensitivity
from capmap.model import Project

from .test_index_analysis import leaves, made, node

Floats = np.ndarray[Any, np.dtype[np.float64]]


def modelled(built: Built, choices: Choices | None = None) -> Model:
    return model(built.frame, built.tree, built.filled, built.columns, built.scored[0], choices or Choices())


def built_of(project: Project) -> Built:
    return measured(project, project.indices["made"])


def first_options(one: Model) -> Floats:
    """The replicate that chooses what the index itself does."""
    plan = methods.plan_at(np.empty((1, 0)), one.design, np.ones((1, one.design.weights.size)), ())
    return one.evaluate(plan)[0]


def columns(n: int = 12, k: int = 5, seed: int = 1) -> dict[str, Sequence[float | None]]:
    drawn = np.exp(np.random.default_rng(seed).standard_normal((k, n)))
    return {"abcdefgh"[i]: [round(float(value), 3) for value in row] for i, row in enumerate(drawn)}


TREE = node("front") + node("back") + leaves("a", "b", parent="front") + leaves("c", "d", parent="back") + leaves("e")


@pytest.mark.parametrize(
    "text",
    [
        'aggregation = "arithmetic"\n', 'aggregation = "geometric"\n', 'aggregation = "harmonic"\n', 'aggregation = "median"\n',
        'aggregation = "power"\nexponent = 2.0\n', 'aggregation = "bottleneck"\n', 'aggregation = "mazziotta_pareto"\n',
        'aggregation = "adjusted_mazziotta_pareto"\n', 'normaliser = "z_score"\naggregation = "geometric"\n',
        'normaliser = "percentile"\naggregation = "copeland"\n',
    ],
)  # fmt: skip
def test_the_index_is_one_of_its_own_replicates(tmp_path: Path, text: str) -> None:
    """The options named first give the scores of the index, whatever its mean and scale."""
    tree = leaves("a", "b", "c", "d", "e") if "copeland" in text else TREE
    built = built_of(made(tmp_path, text + tree, columns()))
    one = modelled(built)
    own = built.scores[built.frame.root][built.scored[0]]
    np.testing.assert_allclose(first_options(one), own, atol=1e-9)
    assert one.options["aggregation"][0] == built.frame.means[built.frame.root]


def test_the_sample_is_one_of_its_own_replicates(sample: Project) -> None:
    built = measured(sample, sample.indices["innovation"])
    one = modelled(built)
    np.testing.assert_allclose(first_options(one), built.scores["innovation"][built.scored[0]], atol=1e-12)
    assert one.options["aggregation"] == ["as given", "arithmetic", "geometric"]


def test_other_scales_come_on_the_range_of_the_own_one(tmp_path: Path) -> None:
    """So means that depend on the scale get values of the size they were made for: z-scores from 0 to 1 here."""
    built = built_of(made(tmp_path, TREE, columns()))
    one = modelled(built)
    assert one.options["normaliser"] == ["as given", "z_score"]
    seen: list[Floats] = []

    def watched(values: Floats, weights: Floats) -> Floats:
        seen.append(values)
        return np.zeros((len(weights), len(values)))

    tables, _ = index_robust._tables(built.frame, built.filled, built.columns, set(methods.FACTORS))
    score = methods.evaluator(tables, built.tree.tree, [methods.Flat(watched)])
    zero = np.zeros(1, np.intp)
    score(methods.Plan(zero + 1, zero, zero, zero - 1, built.tree.weights[np.newaxis]))
    assert (seen[0].min(), seen[0].max()) == (0.0, 1.0)


def test_only_what_is_asked_for_varies(sample: Project) -> None:
    result = robustness(sample, draws=300, vary=["weights"], weight_rule="dirichlet", concentration=4.0)
    options = result.meta["blocks"][0]["options"]
    assert [len(options[name]) for name in ("normaliser", "treatment", "aggregation", "left_out")] == [1, 1, 1, 1]
    assert options["weights"] == "Dirichlet with concentration 4"
    assert set(result.tables["robustness"]["moved_by"].drop_nulls()) == {"weights"}
    assert result.meta["parameters"]["vary"] == ["weights"]


def test_weights_of_a_wider_spread_move_ranks_further(sample: Project) -> None:
    shifts = [
        robustness(sample, draws=400, vary=["weights"], spread=spread).tables["robustness"]["mean_shift"].sum()
        for spread in (0.0, 0.1, 0.5, 0.95)
    ]
    assert shifts[0] == 0
    assert shifts == sorted(shifts)


def test_copeland_only_when_asked(sample: Project) -> None:
    plain = robustness(sample, draws=100)
    asked = robustness(sample, draws=300, extras=["copeland"])
    assert "copeland" not in plain.meta["blocks"][0]["options"]["aggregation"]
    assert asked.meta["blocks"][0]["options"]["aggregation"] == ["as given", "arithmetic", "geometric", "copeland"]
    assert asked.meta["blocks"][0]["failed"] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vary": ["weihgts", "normalizer"]}, "'weihgts', did you mean weights.*'normalizer', did you mean normaliser"),
        ({"weight_rule": "fixed"}, "unknown rule of weights 'fixed', one of perturbed, dirichlet"),
        ({"spread": 1.0, "concentration": 0.0}, "spread must be from 0 to below 1; the concentration must be above 0"),
        ({"extras": ["borda"]}, "unknown mean to try 'borda'"),
        ({"extras": ["copeland"], "vary": ["weights"]}, "aggregation is not to vary"),
        ({"sobol": 100}, "100 is not a power of two"),
        ({"sobol": -4}, "-4 is not a power of two"),
    ],
)
def test_wrong_choices_are_named_all_at_once(sample: Project, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        robustness(sample, draws=10, **options)


# Failures ----------------------------------------------------------------------------------------------------------


def test_a_mean_that_fails_in_some_replicates_leaves_the_others() -> None:
    """It refuses small values of its first child: replicates that have them fail, not the block that they are in."""

    def picky(values: Floats, weights: Floats) -> Floats:
        if values.ndim == 3 and (values[..., 0] < 0.02).any():
            raise ValueError("no")
        return np.asarray(np.einsum("...uc,rc->ru" if values.ndim == 2 else "ruc,rc->ru", values, weights))

    tried = index_robust._or_nothing(picky)
    values = np.random.default_rng(1).random((40, 3, 2))
    weights = np.full((40, 2), 0.5)
    bad = (values[..., 0] < 0.02).any(axis=1)
    assert 0 < bad.sum() < 40
    found = tried(values, weights)
    assert np.isnan(found).all(axis=1).tolist() == bad.tolist()
    np.testing.assert_allclose(found[~bad], values[~bad].mean(axis=2))
    assert np.isnan(tried(np.zeros((3, 2)), weights[:1])).sum() == 0


def test_a_normaliser_that_takes_no_untreated_values_fails_and_is_counted(
    sample: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = index_robust.scaled

    def scaled(leaf: Any, values: Floats, normaliser: str, **options: Any) -> Floats:
        if normaliser == "z_score":
            raise ValueError("no")
        return real(leaf, values, normaliser, **options)

    monkeypatch.setattr(index_robust, "scaled", scaled)
    result = robustness(sample, draws=400, sobol=64)
    block = result.meta["blocks"][0]
    assert 120 < block["failed"] < 280
    assert block["failed"] + block["replicates"] == 400
    assert result.tables["robustness"]["moved_share"].null_count() == 0
    table = result.tables["sobol"]
    assert table["failed"].min() == table["failed"].max() == result.meta["sobol"][0]["failed"] > 0
    assert table.filter(region=EVERYBODY)["total"].null_count() == 0


# Sobol indices -------------------------------------------------------------------------------------------------------


def test_sobol_indices_are_a_row_per_region_and_factor(sample: Project) -> None:
    result = robustness(sample, draws=50, sobol=64)
    table = result.tables["sobol"]
    assert tuple(table.columns) == SOBOL_COLUMNS
    assert table["factor"].unique(maintain_order=True).to_list() == list(sensitivity.FACTORS)
    scored = result.tables["robustness"]["region"].to_list()
    assert set(table["region"]) == {*scored, EVERYBODY}
    assert table.height == (len(scored) + 1) * 6
    assert set(table["runs"]) == {64 * 8}
    assert set(table["failed"]) == {0}
    whole = table.filter(region=EVERYBODY)
    assert result.meta["sobol"][0]["first_sum"] == pytest.approx(whole["first"].sum())
    assert result.meta["sobol"][0]["strongest"] == whole.sort("total")["factor"][-1]
    one = robustness(sample, draws=50, sobol=64, region=["KOR"]).tables["sobol"]
    assert_frame_equal(one, table.filter(region="KOR"))


def test_factors_of_a_flat_index_are_fewer(tmp_path: Path) -> None:
    project = made(tmp_path, 'treatment = "none"\n' + leaves("a", "b"), columns(k=2))
    factors = robustness(project, draws=20, sobol=16).tables["sobol"]["factor"].unique(maintain_order=True).to_list()
    assert factors == ["normaliser", "indicator_weights", "aggregation", "left_out"]


def test_no_choice_no_indices(tmp_path: Path) -> None:
    project = made(tmp_path, 'treatment = "none"\n' + leaves("a"), columns(k=1))
    result = robustness(project, draws=20, vary=["weights"], sobol=16)
    assert result.tables["sobol"].is_empty()
    assert tuple(result.tables["sobol"].columns) == SOBOL_COLUMNS
    assert result.meta["sobol"] == []


def test_seeds_and_the_order_of_rows(tmp_path: Path) -> None:
    values = columns(n=9)
    one = made(tmp_path / "one", TREE, values)
    turned = made(tmp_path / "other", TREE, dict(reversed(values.items())))
    first, again, other = (robustness(one, draws=30, sobol=32, seed=seed).tables["sobol"] for seed in (1, 1, 2))
    assert_frame_equal(first, again)
    assert not first.equals(other)
    assert_frame_equal(robustness(turned, draws=30, sobol=32, seed=1).tables["sobol"], first)


def test_probabilities_and_letters_agree_whatever_varies(sample: Project) -> None:
    result = robustness(sample, draws=300, vary=["weights", "aggregation"], extras=["copeland"], spread=0.9)
    pairs = {(a, b): p for _, _, a, b, p in result.tables["pairs"].iter_rows()}
    letters = dict(result.tables["robustness"].select("region", "group").iter_rows())
    for (a, b), p in pairs.items():
        assert p + pairs[b, a] <= 1 + 1e-12
        assert bool(set(letters[a]) & set(letters[b])) == (max(p, pairs[b, a]) < 0.95)
    ranks = result.tables["robustness"].filter(pl.col("rank_low") > pl.col("rank_high"))
    assert ranks.is_empty()
