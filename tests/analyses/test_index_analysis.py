"""Composite indices through the analysis: a published ranking, the rules of missing data, and what is refused."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.analyses.composite.ranks import ROBUSTNESS_COLUMNS
from capmap.analyses.composite.tree import framework, grown
from capmap.analyses.index import COLUMNS, index, robustness
from capmap.errors import RefusedError, UsageError
from capmap.methods.robustness import tree_scores
from capmap.model import Project

from .small_project import Row, describe, small_project

TAI = Path(__file__).parents[1] / "golden" / "tai.csv"
#: Goalposts of UNDP (2001), Human Development Report 2001, technical note 2, by pillar.
GOALPOSTS = {
    "patents": ("creation", 0, 994, False),
    "royalties": ("creation", 0, 272.6, False),
    "internet": ("recent", 0, 232.4, False),
    "exports": ("recent", 0, 80.8, False),
    "telephones": ("old", 1, 901, True),
    "electricity": ("old", 22, 6969, True),
    "schooling": ("skills", 0.8, 12.0, False),
    "university": ("skills", 0.1, 27.4, False),
}
SCORE = 'kind = "score"'


def published() -> list[dict[str, str]]:
    lines = [line for line in TAI.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def node(name: str, **keys: object) -> str:
    """One `[[nodes]]` table."""
    written = [f"{key} = {_toml(value)}" for key, value in {"id": name, **keys}.items()]
    return "\n".join(["[[nodes]]", *written, ""])


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def made(folder: Path, text: str, columns: dict[str, Sequence[float | None]], *, extra: str = "") -> Project:
    """A project of region-level indicators a, b, ... with a value per region (R00, R01, ...) and one index, `made`."""
    (folder / "index").mkdir(parents=True)
    (folder / "index" / "made.toml").write_text('name = "Made up"\n' + text, encoding="utf-8")
    described = {name: describe("score", classification="none", extra=extra) for name in columns}
    rows: list[Row] = [
        (name, f"R{k:02}", "_T", 2020, value) for name, values in columns.items() for k, value in enumerate(values)
    ]
    return small_project(folder, described, rows)


def leaves(*names: str, **keys: object) -> str:
    return "".join(node(f"of_{name}", indicator=name, **keys) for name in names)


def top(table: pl.DataFrame, name: str = "made") -> dict[str, dict[str, Any]]:
    return {row["region"]: row for row in table.filter(pl.col("node") == name).iter_rows(named=True)}


# The Technology Achievement Index ------------------------------------------------------------------------------


def tai(folder: Path, *, normaliser: str = "goalposts") -> Project:
    posts = {
        name: ""
        if normaliser != "goalposts"
        else f"goalposts = {{ low = {low}, high = {high}, log = {str(log).lower()} }}\n"
        for name, (_, low, high, log) in GOALPOSTS.items()
    }
    pillars = dict.fromkeys(pillar for pillar, *_ in GOALPOSTS.values())
    text = f'normaliser = "{normaliser}"\ntreatment = "none"\n' + "".join(node(pillar) for pillar in pillars)
    text += "".join(
        node(f"tai_{name}", parent=pillar, indicator=name) + posts[name] for name, (pillar, *_) in GOALPOSTS.items()
    )
    countries = published()
    columns = {
        name: [
            10 ** float(row[name]) if name in ("telephones", "electricity") else float(row[name]) for row in countries
        ]
        for name in GOALPOSTS
    }
    return made(folder, text, columns)


def test_technology_achievement_index_ranks_as_published(tmp_path: Path) -> None:
    """OECD/JRC (2008), Table 23, equal weights: the places of all 23 countries; Norway is 12th."""
    result = index(tai(tmp_path), draws=0)
    found = top(result.tables["index"])
    assert [found[f"R{k:02}"]["rank"] for k in range(23)] == [int(row["equal"]) for row in published()]
    norway = [row["country"] for row in published()].index("Norway")
    assert found[f"R{norway:02}"]["rank"] == 12
    assert {row["coverage"] for row in found.values()} == {1.0}


def test_another_normaliser_gives_another_place(tmp_path: Path) -> None:
    """Min-max on the 23 countries themselves puts Norway in place 4: the normaliser belongs in every caption."""
    countries = [row["country"] for row in published()]
    project = tai(tmp_path, normaliser="min_max")
    found = top(index(project, draws=0).tables["index"])
    values = np.array(
        [
            [
                10 ** float(row[name]) if name in ("telephones", "electricity") else float(row[name])
                for name in GOALPOSTS
            ]
            for row in published()
        ]
    )
    score = ((values - values.min(axis=0)) / np.ptp(values, axis=0)).mean(axis=1)
    assert [found[f"R{k:02}"]["score"] for k in range(23)] == pytest.approx(score.tolist())
    assert found[f"R{countries.index('Norway'):02}"]["rank"] == 4


# Steps ------------------------------------------------------------------------------------------------------------


def test_scores_by_hand(tmp_path: Path) -> None:
    """Min-max of 0, 1, 4 and of 2, 1, 0 (less is better), weights 3 and 1: 0, (3/4 + 1/2)/4, 1."""
    text = 'treatment = "none"\n' + leaves("a", weight=3) + leaves("b", direction=-1)
    found = index(made(tmp_path, text, {"a": [0, 1, 4], "b": [2, 1, 0]}), draws=0).tables["index"]
    assert tuple(found.columns) == COLUMNS
    whole = top(found)
    assert [whole[r]["score"] for r in ("R00", "R01", "R02")] == pytest.approx([0, (3 * 0.25 + 0.5) / 4, 1])
    assert [whole[r]["rank"] for r in ("R00", "R01", "R02")] == [3, 2, 1]
    assert [row["rank"] for row in top(found, "of_b").values()] == [3, 2, 1]
    assert found["level"].unique().sort().to_list() == [0, 1]


def test_a_missing_child_leaves_its_weight_to_the_others_and_coverage_says_so(tmp_path: Path) -> None:
    text = 'treatment = "none"\n' + leaves("a", "b", "c")
    columns: dict[str, Sequence[float | None]] = {"a": [0, 1, 2, 1], "b": [0, 2, 4, 2], "c": [0, 1, 2, None]}
    whole = top(index(made(tmp_path, text, columns), draws=0).tables["index"])
    assert (whole["R03"]["score"], whole["R03"]["coverage"]) == (0.5, pytest.approx(2 / 3))
    assert whole["R03"]["rank"] == whole["R01"]["rank"] == 2


def test_too_few_indicators_give_no_score_but_a_reason(tmp_path: Path) -> None:
    columns: dict[str, Sequence[float | None]] = {"a": [0, 1, 2, 9], "b": [0, 2, 4, None]}
    found = index(made(tmp_path, leaves("a", "b"), columns), draws=50).tables
    last = top(found["index"])["R03"]
    assert (last["score"], last["rank"], last["coverage"]) == (None, None, 0.5)
    assert last["note"] == "few_in_group;few_indicators"
    assert found["robustness"]["region"].to_list() == ["R00", "R01", "R02"]
    scores = top(found["index"], "of_a")
    assert [scores[r]["score"] for r in ("R00", "R01", "R02")] == [0, 0.5, 1]  # who is out does not set the scale
    assert all(
        row["note"] for row in found["index"].filter(pl.col("score").is_null()).iter_rows(named=True)
    )  # never NaN in silence


def test_nothing_is_imputed_unless_asked_and_then_it_is_marked(tmp_path: Path) -> None:
    columns: dict[str, Sequence[float | None]] = {"a": [0, 1, 2, 3], "b": [0, 2, 4, 6], "c": [0, 1, 5, None]}
    project = made(tmp_path, 'treatment = "none"\n' + leaves("a", "b", "c"), columns)
    plain, filled = index(project, draws=0, steps=True), index(project, draws=0, impute="median", steps=True)
    assert plain.tables["imputation"].is_empty()
    assert set(plain.tables["index"]["imputed_share"]) == {0.0}
    row = top(filled.tables["index"])["R03"]
    assert (row["coverage"], row["imputed_share"]) == (1.0, pytest.approx(1 / 3))
    assert top(filled.tables["index"], "of_c")["R03"]["note"] == "imputed"
    assert filled.tables["imputation"].select("region", "node", "value", "status").rows() == [("R03", "of_c", 1.0, "I")]


def test_outliers_are_pulled_in_for_scores_and_not_for_ranks(tmp_path: Path) -> None:
    values = [*range(1, 11), 30, 100]
    found = index(made(tmp_path, leaves("a"), {"a": values}), draws=0, steps=True).tables
    assert found["treatment"].select("treatment", "points").rows() == [("winsorised", 1)]
    own = top(found["index"], "of_a")
    assert (own["R11"]["score"], own["R10"]["score"]) == (1.0, 1.0)
    assert (own["R11"]["rank"], own["R10"]["rank"]) == (1, 2)


def test_geometric_means_take_zeros_in_their_stride(tmp_path: Path) -> None:
    text = 'aggregation = "geometric"\ntreatment = "none"\n' + leaves("a", "b")
    whole = top(index(made(tmp_path, text, {"a": [0, 5, 10], "b": [10, 5, 0]}), draws=20).tables["index"])
    assert whole["R01"]["rank"] == 1  # balance is worth more than extremes
    assert whole["R00"]["rank"] == whole["R02"]["rank"] == 2  # a tie


def test_sizes_divide_within_the_year_and_steps_tell_it(sample: Project) -> None:
    found = index(sample, draws=0, steps=True).tables
    row = found["denomination"].filter((pl.col("region") == "KOR") & (pl.col("node") == "families_per_head"))
    assert row["ratio"].item() == row["value"].item() / row["denominator"].item()
    assert row["source_year"].item() == 2018
    assert list(found) == [
        "index", "robustness", "strengths", "availability", "flags", "denomination", "imputation", "treatment", "scale",
        "normalisation", "weights", "aggregation", "correlations", "alpha", "components", "contributions", "importance",
    ]  # fmt: skip
    assert found["weights"]["effective_weight"].sum() == pytest.approx(1)


def test_the_tree_of_the_monte_carlo_is_that_of_the_scores(sample: Project) -> None:
    """Leaves of unlike depth hang on chains; arithmetic scores of both ways are the same."""
    file = sample.indices["innovation"].model_copy(update={"aggregation": "arithmetic"})
    nodes = [one if one.id != "robots" else one.model_copy(update={"parent": None}) for one in file.nodes]
    nodes = [one for one in nodes if one.id != "automation"]
    frame = framework(sample, file.model_copy(update={"nodes": tuple(nodes)}))
    tree = grown(frame)
    values = np.random.default_rng(1).random((6, len(frame.leaves)))
    found = tree_scores(values, tree.tree, tree.tree.aggregation("arithmetic"), tree.weights[np.newaxis])[0]
    by_hand = (values[:, :2].mean(axis=1) + values[:, 2:4].mean(axis=1) + values[:, 4]) / 3
    assert found.tolist() == pytest.approx(by_hand.tolist())


# Years ------------------------------------------------------------------------------------------------------------


def two_years(folder: Path, second: int, text: str = "") -> Project:
    (folder / "index").mkdir(parents=True)
    (folder / "index" / "made.toml").write_text(f'name = "Made up"\n{text}' + leaves("a", "b"), encoding="utf-8")
    rows: list[Row] = [("a", f"R{k}", "_T", year, k + year) for k in range(5) for year in (2010, 2012)]
    rows += [("b", f"R{k}", "_T", second, k**2) for k in range(5)]
    return small_project(folder, {n: describe("score", classification="none") for n in "ab"}, rows)


def test_years_too_far_apart_are_refused_unless_allowed(tmp_path: Path) -> None:
    project = two_years(tmp_path, 2016)
    with pytest.raises(RefusedError, match="4 years apart, more than 3: of_a is of 2012") as caught:
        index(project, draws=0)
    assert "--allow-mixed-years" in (caught.value.fix or "")
    assert index(project, draws=0, allow_mixed_years=True).meta["blocks"][0]["years"] == {"of_a": 2012, "of_b": 2016}


def test_three_years_apart_are_not_too_far(tmp_path: Path) -> None:
    assert index(two_years(tmp_path, 2015), draws=0).tables["index"]["year"].unique().to_list() == [2015]


def test_several_years_share_one_scale(tmp_path: Path) -> None:
    result = index(two_years(tmp_path, 2010), year="all", draws=0)
    own = result.tables["index"].filter(pl.col("node") == "of_a").sort("year", "region")
    lowest, highest = 2010, 4 + 2012
    values = [k + year for year in (2010, 2012) for k in range(5)]
    assert own["score"].to_list() == pytest.approx([(v - lowest) / (highest - lowest) for v in values])
    assert own["rank"].to_list() == [5, 4, 3, 2, 1] * 2  # within each year


def test_a_year_before_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="of_a has no data in or before 2005"):
        index(two_years(tmp_path, 2012), year=2005)


# Ranges -----------------------------------------------------------------------------------------------------------


def test_ranges_hold_what_they_say(sample: Project) -> None:
    result = index(sample, draws=400)
    found = result.tables["robustness"]
    assert tuple(found.columns) == ROBUSTNESS_COLUMNS
    assert (found["rank_low"] <= found["rank_median"]).all()
    assert (found["rank_median"] <= found["rank_high"]).all()
    assert found["group"].null_count() == 0
    whole = result.tables["index"].filter((pl.col("level") == 0) & pl.col("score").is_not_null())
    assert whole.select("region", "rank_low", "rank_high").equals(found.select("region", "rank_low", "rank_high"))
    assert result.tables["index"].filter(pl.col("level") > 0)["rank_low"].null_count() == len(
        result.tables["index"].filter(pl.col("level") > 0)
    )


def test_same_seed_same_ranges_other_seed_others(sample: Project) -> None:
    one, same, other = (robustness(sample, draws=200, seed=seed).tables["pairs"] for seed in (1, 1, 2))
    assert_frame_equal(one, same)
    assert not one.equals(other)


def test_groups_are_those_of_the_pairs(sample: Project) -> None:
    """Two regions share a letter exactly if neither is ahead in 95 % of the replicates."""
    result = robustness(sample, draws=500)
    letters = dict(result.tables["robustness"].select("region", "group").iter_rows())
    for _, _, a, b, p in result.tables["pairs"].iter_rows():
        back = result.tables["pairs"].filter((pl.col("region") == b) & (pl.col("other") == a))["p_ahead"].item()
        assert bool(set(letters[a]) & set(letters[b])) == (max(p, back) < 0.95)


def test_no_draws_no_ranges(sample: Project) -> None:
    found = index(sample, draws=0).tables
    assert found["index"]["rank_low"].null_count() == found["index"].height
    assert found["robustness"]["group"].null_count() == found["robustness"].height
    assert found["robustness"]["weakest"].null_count() == 0


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    columns: dict[str, Sequence[float | None]] = {"a": [3, 1, 2, 8, 5], "b": [1, 9, 4, 2, 2]}
    one = made(tmp_path / "one", leaves("a", "b"), columns)
    other = made(tmp_path / "other", leaves("b", "a"), dict(reversed(columns.items())))
    found = [top(index(p, draws=0).tables["index"]) for p in (one, other)]
    assert [row["rank"] for row in found[0].values()] == [row["rank"] for row in found[1].values()]


# Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": [1, 2, 3, 4], "b": [5, 5, 5, 5]}, "of_b has the same value everywhere"),
        ({"a": [1, 2, 3, 4, 5], "b": [5, 5, 5, 5, 1]}, "of_b: 4 of 5 values are equal"),
        ({"a": [1, 2, 3, 4], "b": [None, None, None, None]}, "of_b has no data"),
        ({"a": [1], "b": [2]}, "1 of 1 regions have enough"),
        ({"a": [1, 2, None, None], "b": [None, None, 1, 2]}, "0 of 4 regions have enough"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(
    tmp_path: Path, columns: dict[str, Sequence[float | None]], said: str
) -> None:
    with pytest.raises(RefusedError, match=said) as caught:
        index(made(tmp_path, leaves("a", "b"), columns), draws=0)
    assert caught.value.fix


def test_an_index_is_named_or_the_only_one(sample: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown index 'innovatoin'") as caught:
        index(sample, "innovatoin")
    assert caught.value.fix == "did you mean innovation?"
    with pytest.raises(UsageError, match="no composite index"):
        index(small_project(tmp_path, {"a": describe("score", classification="none")}, [("a", "R", "_T", 2020, 1)]))


def test_ties_share_the_smallest_rank(tmp_path: Path) -> None:
    project = made(tmp_path, 'treatment = "none"\n' + leaves("a", "b"), {"a": [0, 1, 2, 2], "b": [0.1, 0.3, 0.7, 0.7]})
    whole = top(index(project, draws=100).tables["index"])
    assert [whole[f"R{k:02}"]["rank"] for k in range(4)] == [4, 3, 1, 1]
    assert not any(math.isnan(row["score"]) for row in whole.values())
