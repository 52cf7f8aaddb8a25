"""Coherence, gaps, strengths, scenarios and the audit of composite indices, on made-up tables and on the sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from capmap.analyses.composite.audit import AUDIT_COLUMNS, TOPICS, VERDICT_COLUMNS
from capmap.analyses.composite.choice import measured
from capmap.analyses.composite.gap import GAP_COLUMNS, gap, gaps
from capmap.analyses.composite.scenarios import COMPARISON_COLUMNS, SCENARIO_COLUMNS
from capmap.analyses.composite.strengths import STRENGTH_COLUMNS, strengths
from capmap.analyses.index import index
from capmap.errors import UsageError
from capmap.methods import coherence
from capmap.model import IndexFile, Project, Result

from .test_index_analysis import GOALPOSTS, leaves, made, node, published

PILLARS = "".join(node(name) for name in ("one", "two"))
TREE = (
    PILLARS + leaves("a", "b", parent="one") + node("of_c", parent="two", indicator="c", weight=3)
    + leaves("d", "e", parent="two")
)  # fmt: skip
COLUMNS: dict[str, Sequence[float | None]] = {
    "a": [1, 4, 2, 8, 5, 7], "b": [2, 3, 1, 9, 4, 8], "c": [9, 2, 3, 7, 1, 4], "d": [5, None, 4, 6, 2, 3],
    "e": [3, 1, 5, 2, 7, 6],
}  # fmt: skip


def built(folder: Path, head: str = "") -> Project:
    return made(folder, f'treatment = "none"\nmin_pillar = 0.5\n{head}' + TREE, COLUMNS)


def only(project: Project) -> IndexFile:
    (file,) = project.indices.values()
    return file


# Coherence --------------------------------------------------------------------------------------------------------


def test_alpha_of_the_technology_achievement_index_is_that_of_the_handbook(tmp_path: Path) -> None:
    """OECD/JRC (2008), Table 11: 0.70 for the eight indicators of 23 countries, 0.774 without exports."""
    columns = {name: [float(row[name]) for row in published()] for name in GOALPOSTS}
    project = made(tmp_path, 'treatment = "none"\n' + leaves(*GOALPOSTS), columns)
    found = index(project, draws=0, steps=True).tables["alpha"]
    (whole,) = found.filter(pl.col("item").is_null()).rows(named=True)
    assert (whole["n"], whole["items"], whole["alpha"]) == (23, 8, pytest.approx(0.70, abs=0.005))
    assert found.filter(item="of_exports")["alpha_dropped"].item() == pytest.approx(0.774, abs=0.0005)


def test_alpha_turns_indicators_round_before_it_looks(tmp_path: Path) -> None:
    columns: dict[str, Sequence[float | None]] = {"a": [1, 2, 3, 4, 5], "b": [5, 4.2, 3, 2, 1]}
    text = 'treatment = "none"\n' + leaves("a") + leaves("b", direction=-1)
    found = index(made(tmp_path, text, columns), draws=0, steps=True).tables
    assert found["alpha"].filter(pl.col("item").is_null())["alpha"].item() > 0.99
    assert found["correlations"].filter(relation="sibling")["flag"].to_list() == ["collinear"]


def test_correlations_between_levels_carry_their_flags(tmp_path: Path) -> None:
    """b runs against a in their pillar; of_a goes with the other pillar more than with its own."""
    columns: dict[str, Sequence[float | None]] = {
        "a": [1, 2, 3, 4, 5, 6],
        "b": [9, 8, 6, 5, 2, 1],
        "c": [1, 2, 3, 5, 5, 6],
    }
    text = 'treatment = "none"\n' + PILLARS + leaves("a", "b", parent="one") + leaves("c", parent="two")
    found = index(made(tmp_path, text, columns), draws=0, steps=True).tables["correlations"]
    flags = {(row["node"], row["other"]): row["flag"] for row in found.iter_rows(named=True)}
    assert flags["of_a", "of_b"] == "conflict"
    assert flags["of_a", "two"] == "elsewhere"
    assert flags["of_c", "two"] is None  # its only node
    rho = np.corrcoef(np.array(columns["a"]), np.array(columns["b"]))[0, 1]
    assert found.filter(node="of_a", other="of_b")["rho"].item() == pytest.approx(rho)
    assert set(found["n"]) == {6}


def test_a_pillar_of_one_indicator_has_neither_alpha_nor_components(sample: Project) -> None:
    found = index(sample, draws=0, steps=True).tables
    for table in ("alpha", "components"):
        assert found[table].filter(node="automation")["note"].to_list() == ["one_indicator"]
    parts = found["components"].filter(node="innovation").unique("component")
    assert parts["eigenvalue"].sum() == pytest.approx(5)
    assert parts["explained"].sum() == pytest.approx(1)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric", "harmonic", "median"])
def test_contributions_add_up_to_the_score_or_are_null(tmp_path: Path, mean: str) -> None:
    found = index(built(tmp_path, f'aggregation = "{mean}"\n'), draws=0, steps=True).tables
    whole = dict(found["index"].filter(level=0).select("region", "score").iter_rows())
    own = found["contributions"]
    if mean in ("arithmetic", "geometric"):
        sums = dict(own.group_by("region").agg(pl.col("contribution").sum()).iter_rows())
        assert sums == pytest.approx(whole)
        assert own["note"].null_count() == own.height
    else:
        assert own["contribution"].null_count() == own.height
        assert set(own["note"]) == {"not_decomposable"}
    assert "of_d" not in own.filter(region="R01")["node"].to_list()  # what is missing adds nothing
    # every region against the one with the mean of everything it has
    assert own["beside_mean"].null_count() == 0
    assert own.filter(region="R03")["beside_mean"].sum() > 0 > own.filter(region="R02")["beside_mean"].sum()


def test_contributions_of_arithmetic_means_are_weight_times_score(tmp_path: Path) -> None:
    own = index(built(tmp_path), draws=0, steps=True).tables["contributions"]
    rows = {(row["region"], row["node"]): row for row in own.iter_rows(named=True)}
    assert rows["R00", "of_c"]["contribution"] == pytest.approx(0.5 * 0.6 * 1.0)
    assert rows["R01", "of_c"]["contribution"] == pytest.approx(0.5 * 0.75 * 0.125)  # one of its pillar is missing


def test_importance_is_that_of_the_formula(tmp_path: Path) -> None:
    columns: dict[str, Sequence[float | None]] = {"a": [0, 0, 4, 4], "b": [0, 2, 0, 2]}
    text = 'treatment = "none"\nnormaliser = "goalposts"\n' + "".join(
        node(f"of_{name}", indicator=name) + "goalposts = { low = 0, high = 4 }\n" for name in "ab"
    )
    found = index(made(tmp_path, text, columns), draws=0, steps=True).tables["importance"]
    assert found["covariance_share"].to_list() == pytest.approx([0.8, 0.2])  # four times the variance
    assert found["weight_share"].to_list() == [0.5, 0.5]


# Gaps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    ["", 'aggregation = "geometric"\n', 'aggregation = "harmonic"\n', 'aggregation = "median"\n',
     'normaliser = "z_score"\n', 'normaliser = "z_score"\naggregation = "geometric"\n',
     'aggregation = "power"\nexponent = 0.5\n'],
)  # fmt: skip
def test_gaps_add_up_on_every_level(tmp_path: Path, head: str) -> None:
    project = built(tmp_path, head)
    found = gaps(project, None, [f"R{k:02}" for k in range(6)])
    assert tuple(found.columns) == GAP_COLUMNS
    assert found["difference"].null_count() == 0
    score = dict(index(project, draws=0).tables["index"].filter(level=0).select("region", "score").iter_rows())
    for (region, other), rows in found.group_by("region", "other"):
        own = {row["node"]: row for row in rows.iter_rows(named=True)}
        assert own["made"]["difference"] == pytest.approx(score[str(region)] - score[str(other)], abs=1e-9)
        for parent in ("made", "one", "two"):
            below = sum(row["difference"] for row in own.values() if row["parent"] == parent)
            assert below == pytest.approx(own[parent]["difference"], abs=1e-9)
        leaf = [row["difference"] for row in own.values() if row["level"] == 2]
        assert sum(leaf) == pytest.approx(own["made"]["difference"], abs=1e-9)


def test_gaps_of_arithmetic_means_are_weight_times_difference(tmp_path: Path) -> None:
    found = gaps(built(tmp_path), "made", ["R00", "R03"])
    parts = dict(found.select("node", "difference").iter_rows())
    assert parts["of_c"] == pytest.approx(0.5 * 0.6 * (9 - 7) / 8)
    assert found["share"][0] == 1.0


def test_a_node_that_both_lack_has_no_part_and_one_that_one_lacks_counts_as_its_parent(tmp_path: Path) -> None:
    columns = COLUMNS | {"d": [5, None, 4, None, 2, 3]}
    project = made(tmp_path, 'treatment = "none"\nmin_pillar = 0.5\n' + TREE, columns)
    both = dict(gaps(project, None, ["R01", "R03"]).select("node", "difference").iter_rows())
    assert both["of_d"] is None
    assert both["of_c"] + both["of_e"] == pytest.approx(both["two"])
    one = gap(measured(project, only(project)), "R00", "R01")
    rows = {row["node"]: row for row in one.iter_rows(named=True)}
    assert rows["of_d"]["other_score"] is None
    assert rows["of_d"]["difference"] == pytest.approx(0.5 * 0.2 * (rows["of_d"]["score"] - rows["two"]["other_score"]))


def test_rankings_have_no_parts_below(tmp_path: Path) -> None:
    found = gaps(built(tmp_path, 'aggregation = "copeland"\n'), None, ["R00", "R03"])
    assert found.filter(pl.col("level") > 0)["difference"].null_count() == 7
    assert found.filter(level=0)["difference"].null_count() == 0


def test_a_region_without_a_score_has_no_gap(tmp_path: Path) -> None:
    columns = COLUMNS | {"c": [9, None, 3, 7, 1, 4], "e": [3, None, 5, 2, 7, 6]}
    project = made(tmp_path, 'treatment = "none"\nmin_pillar = 0.5\n' + TREE, columns)
    assert gaps(project, None, ["R00", "R01"]).is_empty()


# Strengths --------------------------------------------------------------------------------------------------------


def wide(folder: Path, n: int, columns: dict[str, Sequence[float | None]], head: str = "") -> pl.DataFrame:
    project = made(folder, f'treatment = "none"\n{head}' + leaves(*columns), {k: v[:n] for k, v in columns.items()})
    return strengths(project, measured(project, only(project)))


MANY: dict[str, Sequence[float | None]] = {
    name: [float((k * (j + 2) + 3 * j) % 23) + k / 100 for k in range(24)] for j, name in enumerate("abcdefgh")
}


def test_fewer_than_twenty_regions_have_no_strengths(tmp_path: Path) -> None:
    assert wide(tmp_path / "one", 19, MANY).is_empty()
    found = wide(tmp_path / "other", 20, MANY)
    assert tuple(found.columns) == STRENGTH_COLUMNS
    assert set(found["n"]) == {20}


def test_last_places_are_shown_tied_or_not(tmp_path: Path) -> None:
    columns = MANY | {"a": [5.0] * 4 + [float(k) for k in range(6, 26)]}  # four share the last place
    found = wide(tmp_path, 24, columns)
    for node_ in (f"of_{name}" for name in "abcdefgh"):
        last = found.filter((pl.col("node") == node_) & (pl.col("rule") == "last"))
        assert last.height == (4 if node_ == "of_a" else 1)
        assert set(last["sense"]) == {"weakness"}
        assert set(last["note"]) == ({"tied"} if node_ == "of_a" else {None})
    shared = found.filter((pl.col("node") == "of_a") & (pl.col("note") == "tied"))
    assert set(shared["rule"]) == {"last"}  # a shared place is no strength and no weakness of its own


def test_places_shared_at_the_top_and_yes_or_no_are_left_out(tmp_path: Path) -> None:
    columns = MANY | {
        "a": [30.0] * 3 + [float(k) for k in range(21)],
        "b": [float(k % 2) for k in range(24)],
    }  # fmt: skip
    found = wide(tmp_path, 24, columns)
    assert found.filter((pl.col("node") == "of_a") & (pl.col("rank") == 1)).is_empty()
    assert "of_b" not in found["node"].to_list()


def test_own_strengths_are_the_upper_quarter_of_a_regions_indicators_in_the_upper_half_of_all(tmp_path: Path) -> None:
    found = wide(tmp_path, 24, MANY).filter(rule="own", sense="strength")
    rank = {name: np.argsort(np.argsort(-np.array(values))) + 1 for name, values in MANY.items()}
    for k in range(24):
        best = sorted((int(rank[name][k]), f"of_{name}") for name in "abcdefgh")
        limit = best[1][0]  # the second of eight: a quarter
        wanted = {node_ for place, node_ in best if place <= limit and place <= 12}
        assert set(found.filter(region=f"R{k:02}")["node"]) == wanted


def test_a_score_imputed_from_its_row_has_no_place_to_stand_out_by(tmp_path: Path) -> None:
    """The score stands far above those of the peers, but there is no value, so no rank."""
    best = {name: [99.0, *values[1:]] for name, values in MANY.items()}
    columns: dict[str, Sequence[float | None]] = best | {"a": [None, *MANY["a"][1:]]}
    project = made(tmp_path, 'treatment = "none"\nimputation = "row"\n' + leaves(*columns), columns)
    named = replace(project, run=project.run.model_copy(update={"peers": {"R00": ("R01", "R02", "R03", "R04")}}))
    found = strengths(named, measured(named, only(named)))
    assert "of_b" in found.filter(region="R00", rule="peers")["node"].to_list()
    assert found.filter(region="R00", node="of_a").is_empty()
    assert found["rank"].null_count() == 0


def test_peers_that_are_named_say_what_stands_out_beside_them(tmp_path: Path) -> None:
    project = made(tmp_path, 'treatment = "none"\n' + leaves(*MANY), MANY)
    named = replace(project, run=project.run.model_copy(update={"peers": {"R00": ("R01", "R02", "R03", "R04")}}))
    found = strengths(named, measured(named, only(named))).filter(rule="peers")
    assert set(found["region"]) == {"R00"}  # nobody else has peers: there is no context figure
    values = {name: np.array(column) for name, column in MANY.items()}
    wanted = {
        f"of_{name}"
        for name, own in values.items()
        if abs(own[0] - own[1:5].mean()) > own[1:5].std(ddof=1) and f"of_{name}" in set(found["node"])
    }
    assert wanted == set(found["node"])
    assert wanted


# Scenarios --------------------------------------------------------------------------------------------------------


def scenario(project: Project, *asked: str, draws: int = 0, **options: Any) -> Result:
    return index(project, what_if=asked, draws=draws, **options)


def test_a_scenario_is_the_index_so_defined(sample: Project) -> None:
    result = scenario(sample, "drop=robots,weights=equal", "name=z,normaliser=z_score", draws=200)
    found = result.tables["scenarios"]
    assert tuple(found.columns) == SCENARIO_COLUMNS
    assert tuple(result.tables["comparisons"].columns) == COMPARISON_COLUMNS
    assert found["scenario"].unique(maintain_order=True).to_list() == ["drop=robots,weights=equal", "z"]
    file = sample.indices["innovation"].model_copy(update={"normaliser": "z_score"})
    other = index(replace(sample, indices={"innovation": file}), draws=0).tables["index"].filter(level=0)
    mine = found.filter(scenario="z").join(other, on="region", suffix="_file")
    assert mine.height == 14
    assert (mine["rank"] == mine["rank_file"]).all()
    assert (mine["score"] == mine["score_file"]).all()


def test_who_comes_in_moves_nobody(sample: Project) -> None:
    """Without robots 31 regions are scored; the 14 of the index are compared among themselves."""
    result = scenario(sample, "drop=robots", draws=200)
    found, (told,) = result.tables["scenarios"], result.tables["comparisons"].rows(named=True)
    assert (told["scored"], told["compared"]) == (31, 14)
    assert set(found.filter(pl.col("rank_nominal").is_null())["note"]) == {"newly_scored"}
    both = found.drop_nulls("rank_change")
    assert sorted(both["rank_nominal"] + both["rank_change"]) == list(range(1, 15))
    outside = both.filter(
        ~(pl.col("rank_nominal") + pl.col("rank_change")).is_between(pl.col("rank_low"), pl.col("rank_high"))
    )
    assert outside["region"].to_list() == both.filter(note="outside_range")["region"].to_list()
    assert told["moved_beyond"] == outside.height > 0
    assert told["moved"] == both.filter(pl.col("rank_change") != 0).height


def test_a_scenario_that_changes_nothing_but_the_name_of_the_weights_moves_nobody(sample: Project) -> None:
    (told,) = scenario(sample, "weights=equal").tables["comparisons"].rows(named=True)
    assert (told["moved"], told["kendall"], told["spearman"]) == (0, pytest.approx(1), pytest.approx(1))
    assert (told["largest_region"], told["moved_beyond"]) == (None, None)  # nobody; no replicates


def test_dropping_the_only_indicator_of_a_pillar_drops_the_pillar(sample: Project) -> None:
    found = scenario(sample, "drop=robots", "drop=automation").tables["scenarios"]
    one, other = (found.filter(scenario=name).drop("scenario") for name in ("drop=robots", "drop=automation"))
    assert one.equals(other)


@pytest.mark.parametrize(
    ("asked", "said", "fix"),
    [
        (["drop=robot"], "unknown node in --what-if 'robot'", "did you mean robots?"),
        (["wieghts=equal"], "unknown key 'wieghts'", "did you mean weights?"),
        (["weights=eqaul"], "unknown weights in --what-if 'eqaul'", "did you mean equal?"),
        (["aggregation=geometirc"], "unknown aggregation", "did you mean geometric?"),
        (
            ["normaliser=goalposts"],
            "articles_per_head has no goalposts; .*robots has no goalposts",
            "another normaliser",
        ),
        (["drop"], "'drop' is not KEY=VALUE", "drop=robots,weights=equal"),
        (["name=x"], "changes nothing", "KEY=VALUE"),
        (["drop=robots,drop=knowledge"], "drop is there twice", "join nodes with"),
        (["drop=knowledge+technology+automation"], "drops every indicator", "leave at least one"),
        (["aggregation=power"], "power needs more than a word", "second index file"),
        (["year=2010:2012"], "one year", "KEY=VALUE"),
        (["name=x,impute=mean", "name=x,weights=equal"], "share the name x", "of its own"),
        (["drop=robot", "wieghts=equal"], "robot.*wieghts", "robots.*weights"),
    ],
)
def test_slips_in_scenarios_are_named_all_at_once(sample: Project, asked: list[str], said: str, fix: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        scenario(sample, *asked)
    assert re.search(fix, caught.value.fix or "")


# The audit --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audited(sample: Project) -> Result:
    return index(sample, audit=True, steps=True, draws=300)


def test_the_audit_has_ten_steps_with_the_worst_verdict_of_their_checks(audited: Result) -> None:
    verdicts, checks = audited.tables["verdicts"], audited.tables["audit"]
    assert (tuple(verdicts.columns), tuple(checks.columns)) == (VERDICT_COLUMNS, AUDIT_COLUMNS)
    assert verdicts["topic"].to_list() == list(TOPICS)
    assert verdicts["step"].to_list() == list(range(1, 11))
    for row in verdicts.iter_rows(named=True):
        own = checks.filter(step=row["step"])["verdict"].to_list()
        assert row["verdict"] == next(one for one in ("problem", "look", "sound", "not_checked") if one in own)
        assert (row["checks"], row["looks"], row["problems"]) == (len(own), own.count("look"), own.count("problem"))


def test_the_evidence_is_that_of_the_tables(audited: Result) -> None:
    checks, tables = audited.tables["audit"], audited.tables
    values = {(row["check"], row["node"]): row for row in checks.iter_rows(named=True)}
    assert values["scored", None]["value"] == pytest.approx(14 / 34)
    assert values["scored", None]["verdict"] == "problem"
    assert "TWN" in values["scored", None]["said"].split(";")
    width = tables["robustness"].select(pl.col("rank_high") - pl.col("rank_low")).to_series()
    assert values["width", None]["value"] == width.median()
    alpha = tables["alpha"].filter((pl.col("node") == "innovation") & pl.col("item").is_null())["alpha"].item()
    assert (values["alpha", "innovation"]["value"], values["alpha", "innovation"]["verdict"]) == (alpha, "look")
    share = tables["importance"].filter(node="robots", other="innovation")["covariance_share"].item()
    assert values["importance", "robots"]["value"] == share
    assert values["years_apart", None]["value"] == 5


def test_the_log_of_what_was_treated_is_true(audited: Result) -> None:
    """Every value that the treatment changed is in the audit, before and after, and none else."""
    logged = {
        (row["node"], row["said"]): (row["value"], row["limit"])
        for row in audited.tables["audit"].filter(check="winsorised").iter_rows(named=True)
    }
    before = audited.tables["denomination"].select("region", "node", "ratio")
    after = audited.tables["normalisation"].select("region", "node", "treated")
    changed = before.join(after, on=["region", "node"]).filter(pl.col("ratio") != pl.col("treated"))
    assert logged == {(row[1], row[0]): (row[2], row[3]) for row in changed.iter_rows()}
    points = dict(audited.tables["treatment"].filter(treatment="winsorised").select("node", "points").iter_rows())
    assert {node_: sum(key[0] == node_ for key in logged) for node_ in points} == points


def test_the_audit_finds_what_is_wrong(tmp_path: Path) -> None:
    """An indicator that runs against its score, one that weighs too much, one that nobody divides, untreated outliers."""
    rng = np.random.default_rng(1)
    good = rng.normal(size=30)
    columns: dict[str, Sequence[float | None]] = {
        "a": good.tolist(), "b": (good + rng.normal(size=30) / 5).tolist(), "c": (-good).tolist(),
        "d": [*(good[:28] / 10), 40.0, 90.0],
    }  # fmt: skip
    text = 'treatment = "none"\n' + leaves("a", weight=8) + leaves("b", "c", "d")
    found = index(made(tmp_path, text, columns), audit=True, draws=0).tables["audit"]
    verdicts = {(row["check"], row["node"]): row["verdict"] for row in found.iter_rows(named=True)}
    assert verdicts["importance", "of_c"] == "problem"
    assert verdicts["conflict", "of_c"] == "problem"
    assert verdicts["largest_weight", "of_a"] == "look"
    assert verdicts["outliers_left", "of_d"] == "look"
    assert verdicts["described", None] == "look"
    assert verdicts["no_replicates", None] == "not_checked"
    assert verdicts["collinear", "of_a"] == "look"
    assert found.filter(check="conflict")["limit"][0] == coherence.CONFLICT


def test_an_audit_is_of_one_year(sample: Project) -> None:
    file = sample.indices["innovation"].model_copy(
        update={"nodes": tuple(n for n in sample.indices["innovation"].nodes if n.id not in ("robots", "automation"))}
    )
    with pytest.raises(UsageError, match="one year"):
        index(replace(sample, indices={"innovation": file}), audit=True, year="2016:2018", draws=0)
