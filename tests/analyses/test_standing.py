"""Composite indices inside profiles, comparisons and full runs: from results of the same inputs, or computed on demand."""

from __future__ import annotations

import io
import json
import re
import shutil
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from capmap.analyses import selection
from capmap.analyses.compare import compare, long
from capmap.analyses.composite.gap import gaps
from capmap.analyses.index import index
from capmap.analyses.profile import profile, profiles
from capmap.analyses.standing import STANDING, standing
from capmap.data import load, results
from capmap.model import Project, Result
from capmap.operate.run import everything, run_all
from capmap.report import compare as comparisons
from capmap.report import layout, numbers
from capmap.report import profile as page
from capmap.report.standing import used

from .small_project import Row, describe, small_project
from .test_index_analysis import leaves, node

REGIONS = [f"R{k:02}" for k in range(25)]
TWO_PILLARS = (
    'aggregation = "geometric"\n' + node("Know") + node("Make")
    + leaves("a", "b", "c", "d", parent="Know") + leaves("e", "f", "g", "h", parent="Make")
)  # fmt: skip
#: Of the members of a group alone.
OF_SOME = 'name = "Of some"\ngroup = "some"\n' + leaves("a", "e")
#: An indicator that nobody has.
OF_NOTHING = 'name = "Of nothing"\n' + leaves("a", "z")


def written(folder: Path, files: dict[str, str]) -> Project:
    """25 regions with eight indicators; R00 leads in a and is last in h, R03 lacks a pillar, R04 has nothing at all."""
    (folder / "index").mkdir(parents=True)
    for name, text in files.items():
        (folder / "index" / f"{name}.toml").write_text(text, encoding="utf-8")
    values = np.random.default_rng(3).uniform(1.0, 9.0, (25, 8))
    values[0, 0], values[0, 7] = 9.5, 0.5
    rows: list[Row] = [
        (name, code, "_T", 2020, values[i, j])
        for i, code in enumerate(REGIONS) for j, name in enumerate("abcdefgh")
        if code != "R04" and not (code == "R03" and name in "efgh")
    ]  # fmt: skip
    rows.append(("other", "R04", "_T", 2020, 1.0))
    listed = [f"{code},Region {code},,1,region,{'some' if k < 6 else ''}" for k, code in enumerate(REGIONS)]
    described = {name: describe("score", classification="none") for name in (*"abcdefghz", "other")}
    return small_project(folder, described, rows, regions=listed)


def computed(project: Project) -> Project:
    """The project with the results of its indices."""
    of_indices = {name: everything(project)[name] for name in ("index", "robustness")}
    run_all(project, project.root / "results", analyses=of_indices)
    return project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    files = {"made": 'name = "Made up"\n' + TWO_PILLARS, "some": OF_SOME}
    return computed(written(tmp_path_factory.mktemp("indices") / "project", files))


@pytest.fixture
def folder(made: Project, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.root, tmp_path / "project"))


def lines(project: Project, found: Result, *, width: int = 140, everything_: bool = False) -> str:
    """A profile or comparison on a screen, its lines joined."""
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False)
    seen = layout.view(
        project, found, labels=selection.region_labels(project), sectors=selection.names_by_indicator(project),
        encoding="utf-8", today=2026, width=width, everything=everything_,
    )  # fmt: skip
    if found.meta["command"] == "profile":
        page.show(console, seen)
    else:
        comparisons.show(console, seen)
    return " ".join(text.getvalue().split())


def root(found: Result, id_: str = "made") -> dict[str, Any]:
    """The row of the index itself."""
    (row,) = found.tables["index"].filter(index=id_, level=0).rows(named=True)
    return dict(row)


# A full run --------------------------------------------------------------------------------------------------


def test_a_run_stores_every_index_as_its_command_gives_it(made: Project) -> None:
    stored = results.stored(made, "index")
    assert stored is not None
    for id_ in ("made", "some"):
        assert stored.filter(index=id_).equals(index(made, id_).tables["index"])
    pairs, robust = results.stored(made, "robustness-pairs"), results.stored(made, "robustness")
    assert pairs is not None
    assert robust is not None
    assert robust.filter(index="made").equals(index(made, "made").tables["robustness"])
    assert pairs.filter(index="some").height == 4 * 3  # R03 and R04 are not scored


def test_an_analysis_answers_for_the_project_it_is_given(made: Project, tmp_path: Path) -> None:
    other = written(tmp_path / "project", {"some": OF_SOME})
    assert everything(made)["index"](other).tables["index"]["index"].unique().to_list() == ["some"]


def test_an_index_that_is_refused_keeps_no_other_back(tmp_path: Path) -> None:
    project = computed(written(tmp_path / "project", {"empty": OF_NOTHING, "some": OF_SOME}))
    told = json.loads((project.root / "results" / "manifest.json").read_text(encoding="utf-8"))
    assert told["skipped"] == [{"command": "index empty", "reason": "of_z has no data: z"}]
    found = profile(project, "R00")
    assert found.tables["index"]["index"].unique().to_list() == ["some"]
    assert "Of nothing: not computed, of_z has no data: z: capmap index empty" in lines(project, found)


def test_where_every_index_is_refused_the_tables_are_empty_and_the_reason_is_known(tmp_path: Path) -> None:
    project = computed(written(tmp_path / "project", {"empty": OF_NOTHING}))
    stored = results.stored(project, "index")
    assert stored is not None
    assert stored.is_empty()
    assert stored.schema["rank"] == pl.Int32
    assert "not computed, of_z has no data" in lines(project, profile(project, "R00"))
    assert "not computed, of_z has no data" in lines(project, compare(project, ["R00", "R01"]))


def test_a_project_without_an_index_says_nothing_of_any(tmp_path: Path) -> None:
    project = written(tmp_path / "project", {})
    assert not {"index", "robustness"} & set(everything(project))
    run_all(project, project.root / "results", analyses={"indicators": everything(project)["indicators"]})
    told = json.loads((project.root / "results" / "manifest.json").read_text(encoding="utf-8"))
    assert told["skipped"] == []
    for full in (False, True):
        found = profile(project, "R00", full=full)
        assert found.tables["index"].is_empty()
        assert "INDEX" not in lines(project, found)
        assert "INDEX" not in lines(project, compare(project, ["R00", "R01"], full=full))


# A profile ---------------------------------------------------------------------------------------------------


def test_a_profile_holds_what_the_index_says(made: Project) -> None:
    found = profile(made, "R00")
    assert found.meta["indices"]["state"] == "current"
    assert dict(found.tables["index"].schema) == STANDING
    row, known = root(found), index(made, "made", region=["R00"])
    own, robust = (
        known.tables["index"].filter(level=0).row(0, named=True),
        known.tables["robustness"].row(0, named=True),
    )
    for name in ("score", "rank", "rank_low", "rank_high", "coverage"):
        assert row[name] == own[name], name
    assert (row["group"], row["weakest"], row["n"]) == (robust["group"], robust["weakest"], 23)
    assert profile(made, "R00", full=True).tables["index"].equals(found.tables["index"])


def test_group_and_weakest_pillar_stand_before_score_and_rank(made: Project) -> None:
    found = profile(made, "R00")
    row, text = root(found), lines(made, found)
    said = text[text.index("Made up: ") :]
    alike = row["alike"]
    told = (
        f"not told apart from {alike} {'other' if alike == 1 else 'others'};"
        if alike
        else "told apart from all others;"
    )
    assert said.index(told) < said.index("weakest pillar ") < said.index("score ")
    assert (
        f"rank {row['rank']} of 23, range {row['rank_low']}-{row['rank_high']}; figures of 2020; normaliser min-max"
        in said
    )


def test_strengths_and_weaknesses_are_named_from_twenty_regions_on(made: Project) -> None:
    found = profile(made, "R00")
    named = found.tables["strengths"]
    assert set(named["index"]) == {"made"}  # the other covers five
    assert {"strength", "weakness"} <= set(named["sense"])
    first = named.filter(node="of_a", rule="own").row(0, named=True)
    assert (first["rank"], first["sense"], first["percentile"]) == (1, "strength", 1.0)
    last = named.filter(node="of_h", rule="last").row(0, named=True)
    assert (last["rank"], last["n"], last["sense"]) == (23, 23, "weakness")
    text = lines(made, found)
    assert "strong: A score (1 of 23)" in text
    weak = r"weak: Make \(23 of 23, last\), A score \(of_.\) \(23 of 23, last\), A score \(of_.\) \(21 of 23\)"
    assert re.search(weak, text)
    assert "A score (1 of 23, own places" in lines(made, found, everything_=True)


def test_a_region_that_is_not_scored_is_told_why_and_never_zero(made: Project) -> None:
    found = profile(made, "R03")
    row = root(found)
    assert (row["score"], row["rank"], row["note"]) == (None, None, "few_in_group;few_indicators")
    assert found.tables["strengths"].is_empty()
    expected = "Made up: not scored, too few indicators in a pillar and too few indicators; 23 regions ranked; figures"
    assert expected in lines(made, found)


def test_a_region_without_a_row_has_the_reason(made: Project) -> None:
    assert root(profile(made, "R04"))["note"] == "not_collected"
    assert "none of its indicators has data here" in lines(made, profile(made, "R04"))
    outside = profile(made, "R20")
    assert root(outside, "some")["note"] == "not_in_group"
    assert "Of some: not scored, not in the group that is scored; 4 regions ranked" in lines(made, outside)


def test_in_the_long_form_the_index_is_the_indicator_and_its_nodes_are_sectors(made: Project) -> None:
    rows = long(profile(made, "R00")).filter(section="index", indicator="made", sector="made")
    figures = dict(rows.drop_nulls("value").select("measure", "value").iter_rows())
    assert {"score", "rank", "rank_low", "rank_high", "coverage", "n"} <= set(figures)
    assert figures["score"] == root(profile(made, "R00"))["score"]
    (lacking,) = long(profile(made, "R03")).filter(section="index", measure="score", sector="made").rows(named=True)
    assert (lacking["value"], lacking["note"]) == (None, "few_in_group;few_indicators")


@pytest.mark.parametrize("change", ["index", "data", "results"])
def test_results_of_another_index_or_other_data_are_not_taken(folder: Path, change: str) -> None:
    if change == "index":
        path = folder / "index" / "made.toml"
        path.write_text(path.read_text(encoding="utf-8").replace('"geometric"', '"arithmetic"'), encoding="utf-8")
    elif change == "data":
        path = folder / "data.csv"
        path.write_text(
            path.read_text(encoding="utf-8").replace("a,R00,_T,2020,9.5", "a,R00,_T,2020,9.6"), encoding="utf-8"
        )
    else:
        path = folder / "results" / "robustness.parquet"
        path.write_bytes(path.read_bytes() + b" ")
    project = load(folder, environ={})
    found = profile(project, "R00")
    assert found.tables["index"].is_empty()
    said = "Made up and Of some: results/ is outdated: capmap run -o results, or --full"
    assert said in lines(project, found)
    assert said in lines(project, compare(project, ["R00", "R01"]))


def test_without_results_one_line_says_how_to_get_them(folder: Path) -> None:
    shutil.rmtree(folder / "results")
    project = load(folder, environ={})
    assert "Made up and Of some: not computed yet: capmap run -o results, or --full" in lines(
        project, profile(project, "R00")
    )


def test_another_year_is_not_answered_from_results(folder: Path) -> None:
    text = (folder / "data.csv").read_text(encoding="utf-8")
    (folder / "data.csv").write_text(text + text.partition("\n")[2].replace(",2020,", ",2018,"), encoding="utf-8")
    project = computed(load(folder, environ={}))
    before = profile(project, "R00", year=2018)
    assert before.tables["index"].is_empty()
    assert "Made up: results/ is of 2020, not of 2018: --full" in lines(project, before)
    assert root(profile(project, "R00", year=2018, full=True))["year"] == 2018


def test_profiles_of_all_regions_wait_for_no_index(made: Project) -> None:
    assert not set(profiles(made).frame["section"]) & {"index", "strengths"}


# A comparison ------------------------------------------------------------------------------------------------


def test_what_nodes_add_is_the_gap_of_the_scores(made: Project) -> None:
    codes = ["R00", "R01", "R07", "R11"]
    found = compare(made, codes)
    score = {
        row["region"]: row["score"] for row in found.tables["index"].filter(index="made", level=0).iter_rows(named=True)
    }
    parts = found.tables["index_gap"].filter(index="made")
    for pair in found.tables["index_pairs"].filter(index="made").iter_rows(named=True):
        own = parts.filter(region=pair["region"], other=pair["other"])
        expected = score[pair["region"]] - score[pair["other"]]
        for level in (0, 1, 2):
            assert own.filter(level=level)["difference"].sum() == pytest.approx(expected, abs=1e-12), level
        assert own.filter(level=2)["share"].sum() == pytest.approx(1.0)
        assert pair["difference"] == expected
    assert parts.select("region", "other").unique().height == 6


def test_stored_scores_and_a_new_build_give_the_same_parts(made: Project) -> None:
    codes = ["R00", "R01", "R03"]
    found, again = compare(made, codes), compare(made, codes, full=True)
    for name in ("index", "index_pairs", "index_gap"):
        assert found.tables[name].equals(again.tables[name]), name
    alone = gaps(made, "made", codes)
    assert found.tables["index_gap"].filter(index="made").equals(alone.select(found.tables["index_gap"].columns))
    assert "R03" not in alone["region"]


def test_regions_that_share_a_letter_cannot_be_told_apart(made: Project) -> None:
    everybody = results.stored(made, "robustness")
    assert everybody is not None
    group = dict(everybody.filter(index="made").select("region", "group").iter_rows())
    codes = [code for code in REGIONS if code in group]
    seen = set()
    for six in (codes[:6], codes[6:12], codes[12:18]):
        found = compare(made, six)
        apart = {
            (r["region"], r["other"]): r["apart"]
            for r in found.tables["index_pairs"].filter(index="made").rows(named=True)
        }
        for a, b in combinations(six, 2):
            assert apart[a, b] == (not set(group[a]) & set(group[b])), (a, b)
            seen.add(apart[a, b])
    assert seen == {True, False}


def test_the_screen_says_what_makes_a_gap_or_that_there_is_none(made: Project) -> None:
    found = compare(made, ["R00", "R01", "R03"])
    (pair,) = found.tables["index_pairs"].filter(index="made").rows(named=True)
    text = lines(made, found)
    assert "Made up: rank of 23 regions, range 5-95%; figures of 2020; normaliser min-max" in text
    assert "Region R03 is not scored, too few indicators in a pillar" in text
    ahead, behind = ("R00", "R01") if pair["difference"] > 0 else ("R01", "R00")
    gap = numbers.share(abs(pair["difference"]))
    no_gap = f"{ahead} and {behind} cannot be told apart (gap {gap}): "
    assert (f"{ahead} ahead of {behind} by {gap}: " if pair["apart"] else no_gap) in text
    part = found.tables["index_gap"].filter(index="made", node="Know").row(0, named=True)
    sign = 1 if pair["difference"] > 0 else -1
    share = f" ({numbers.percentile(part['share'])}%)" if pair["apart"] else ""
    assert f"Know {numbers.signed(sign * part['difference'])}{share}" in text
    assert text.index("Made up group") < text.index("weakest pillar") < text.index("rank (5-95%)")


def test_versus_shows_the_pairs_of_one_region(made: Project) -> None:
    found = compare(made, ["R00", "R01", "R02"], versus="R01")
    assert set(found.tables["index_pairs"].filter(index="made")["region"]) == {"R01"}
    assert found.tables["index_pairs"].filter(index="made").height == 2


def test_a_pair_in_the_long_form_names_the_other_region(made: Project) -> None:
    rows = long(compare(made, ["R00", "R01", "R02"])).filter(section="index_gap", indicator="made", sector="of_a")
    assert rows.filter(measure="difference").select("region", "note").rows() == [
        ("R00", "R01"), ("R00", "R02"), ("R01", "R02"),
    ]  # fmt: skip
    assert set(rows["measure"]) == {"difference", "share"}


# What is told ------------------------------------------------------------------------------------------------


def test_years_and_normalisers_used_are_written_short() -> None:
    assert used({"years": {"a": None}, "normalisers": ["z_score", "rank"]}) == "one period; normaliser z-score, rank"


def test_nothing_is_computed_unless_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "results")
    from capmap.analyses.composite import every as indices

    def heavy(*_: object, **__: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(indices, "measured", heavy)
    project = load(folder, environ={})
    assert standing(project, ["R00"]).state == "none"
    with pytest.raises(AssertionError, match="computed"):
        standing(project, ["R00"], full=True)


@pytest.mark.parametrize(
    ("keys", "taken_apart"),
    [
        ({"aggregation": "harmonic"}, True),
        ({"aggregation": "median"}, True),
        ({"weighting": "pca"}, True),
        ({"weighting": "entropy", "aggregation": "geometric"}, True),
        ({"aggregation": "mazziotta_pareto"}, False),
    ],
)
def test_every_mean_is_taken_apart_from_results_as_from_the_data(
    tmp_path: Path, keys: dict[str, str], taken_apart: bool
) -> None:
    head = "".join(f'{name} = "{value}"\n' for name, value in keys.items())
    project = computed(
        written(tmp_path / "project", {"made": f'name = "Made up"\n{head}' + leaves("a", "b", "c", "d")})
    )
    stored = compare(project, ["R00", "R01"])
    assert stored.meta["indices"]["state"] == "current"
    assert stored.tables["index_gap"].equals(compare(project, ["R00", "R01"], full=True).tables["index_gap"])
    parts = stored.tables["index_gap"].filter(level=1)["difference"]
    if taken_apart:
        assert parts.sum() == pytest.approx(stored.tables["index_pairs"]["difference"][0], abs=1e-12)
    else:
        assert parts.null_count() == 4
        assert "no mean of what is below, so not taken apart" in lines(project, stored)
