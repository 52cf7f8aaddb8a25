"""What changed between two vintages, why, and whether it matters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import capmap
from capmap.errors import UnreadableError
from capmap.model import Project, Result, WatchRule
from capmap.operate import causes
from capmap.operate.diff import CELLS, changed, compare, diff
from capmap.operate.run import run_all
from capmap.operate.shelf import Vintage, resolve
from capmap.operate.vintages import publish
from capmap.operate.watch import alert
from capmap.report.diff import markdown, opening
from tests.conftest import RunCapmap
from tests.operate.small import REGIONS, light, revised, small

NOW = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return small(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same project with one more year."""
    return small(tmp_path_factory.mktemp("later"), years=(2020, 2021, 2022))


def between(
    folder: Path, *projects: Project, rules: Mapping[str, WatchRule] | None = None, freeze: int = 10_000
) -> Result:
    """The comparison of the last two of the projects published one after the other."""
    for days, project in enumerate(projects):
        run = project.run.model_copy(update={"results": project.run.results.model_copy(update={"freeze": freeze})})
        publish(
            replace(project, run=run), folder, now=NOW + timedelta(days=days), keep=12, analyses=light(project)
        )  # fmt: skip
    return diff(resolve(folder, "previous"), resolve(folder, "latest"), rules=rules)


def threshold(project: Project, value: float) -> Project:
    section = project.run.specialisation.model_copy(update={"p_established": value})
    return replace(project, run=project.run.model_copy(update={"specialisation": section}))


def rows(result: Result, **wanted: object) -> list[dict[str, Any]]:
    found = result.tables["cells"].filter(**wanted)  # type: ignore[arg-type]
    return found.to_dicts()


def revised_sector(project: Project) -> str:
    sectors: list[str] = sorted(project.observations["sector"].unique().cast(pl.String))
    return sectors[1]


def test_damaged_tables_of_names_are_unreadable_and_no_defect(project: Project, later: Project, tmp_path: Path) -> None:
    between(tmp_path, project, later, freeze=0)
    for stem, content in (("regions", b"PAR1 and no more"), ("indicators", None)):
        path = resolve(tmp_path, "latest").path / f"{stem}.parquet"
        whole = path.read_bytes()
        pl.DataFrame({"other": [1]}).write_parquet(path)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UnreadableError, match="is not as the manifest describes it"):
            diff(resolve(tmp_path, "previous"), resolve(tmp_path, "latest"))
        path.write_bytes(whole)


# Causes ----------------------------------------------------------------------------------------------------------------


def test_a_vintage_and_itself_have_no_change(project: Project, tmp_path: Path) -> None:
    done = publish(project, tmp_path / "results", now=NOW, keep=2, analyses=light(project))
    assert done.path is not None
    result = diff(Vintage(done.path), Vintage(done.path))
    assert result.tables["cells"].is_empty()
    assert not changed(result)
    assert opening(result) == "no headline changed; every figure compared is the same"
    assert list(result.tables["cells"].columns)[: len(CELLS)] == list(CELLS)


def test_a_revised_value_names_the_cell_and_the_cause(project: Project, tmp_path: Path) -> None:
    result = between(tmp_path / "results", project, revised(project))
    (cell,) = rows(
        result, measure="rca", region=REGIONS[0], sector=revised_sector(project), indicator="patents", year=2021
    )
    before = project.observations.filter(
        region=REGIONS[0], sector=revised_sector(project), indicator="patents", year=2021
    )
    assert cell["cause"] == "data_revision"
    assert cell["after"] > cell["before"]
    assert cell["by_data_revision"] == pytest.approx(cell["after"] - cell["before"])
    assert cell["by_parameters"] is None
    assert cell["counts"]
    assert before["value"][0] * 4 + 50 > before["value"][0]
    assert {row["indicator"] for row in rows(result)} == {"patents"}, "nothing else moved"
    assert {row["year"] for row in rows(result)} == {2021}
    (told,) = result.tables["observations"].to_dicts()
    assert told == {
        "indicator": "patents", "year": 2021, "change": "revised", "rows": 1, "regions": 1, "new_period": False,
    }  # fmt: skip
    assert "data revision" in markdown(result)


def test_a_new_year_is_a_new_period(project: Project, later: Project, tmp_path: Path) -> None:
    result = between(tmp_path / "results", project, later)
    cells = rows(result, measure="rca", year=2022)
    assert cells
    assert {row["year_before"] for row in cells} == {2021}
    assert {row["cause"] for row in rows(result)} == {"new_period"}
    told = result.tables["observations"]
    assert set(told["change"]) == {"new"}
    assert told["new_period"].all()
    assert "2021 to 2022" in markdown(result)


def test_who_has_no_figure_in_the_new_last_year_is_named(project: Project, later: Project, tmp_path: Path) -> None:
    gone = (pl.col("region").cast(pl.String) == REGIONS[0]) & (pl.col("year") == 2022)
    news = replace(later, observations=later.observations.filter(~gone))
    result = between(tmp_path / "results", project, news)
    mine = rows(result, measure="rca", region=REGIONS[0], year=2022)
    before = result.tables["cells"].filter(measure="rca", region=REGIONS[0], year=2022, class_before="established")
    assert {row["change"] for row in mine} == {"vanished"}
    assert {row["year_before"] for row in mine} == {2021}
    assert {row["cause"] for row in mine} == {"new_period"}
    assert before.height
    assert set(before["headline"]) == {"lost"}


def test_a_new_code_comes_with_the_rows_that_bring_it(project: Project, tmp_path: Path) -> None:
    def without(one: Project, region: str) -> Project:
        codes = replace(one.codes, regions=one.codes.regions.filter(pl.col("code") != region))
        return replace(
            one, codes=codes, observations=one.observations.filter(pl.col("region").cast(pl.String) != region)
        )

    result = between(tmp_path / "results", without(project, REGIONS[-1]), project)
    assert result.meta["decomposition"] == "recomputed"
    assert {row["cause"] for row in rows(result)} == {"data_revision"}


def test_vintages_of_another_program_are_not_computed_again(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(capmap, "__version__", "0.0.9")
        between(tmp_path / "results", project, threshold(revised(project), 0.99999))
    result = diff(resolve(tmp_path / "results", "previous"), resolve(tmp_path / "results", "latest"))
    assert result.meta["decomposition"] == "inspected", "what today's program computes would be told as a cause"
    assert "data_revision;parameters" in {row["cause"] for row in rows(result)}


def test_nothing_is_blamed_where_nothing_differs(project: Project, tmp_path: Path) -> None:
    done = publish(project, tmp_path / "results", now=NOW, keep=2, analyses=light(project))
    assert done.path is not None
    sides = causes.Sides.of(Vintage(done.path), Vintage(done.path))
    cells = pl.DataFrame({"indicator": ["patents"]})
    assert causes.causes(sides, cells) == {"patents": set()}


def test_a_parameter_is_a_parameter_change(project: Project, tmp_path: Path) -> None:
    result = between(tmp_path / "results", project, threshold(project, 0.99999))
    turned = rows(result, measure="rca")
    assert turned
    assert {(row["change"], row["cause"]) for row in turned} == {("class", "parameters")}
    assert all(row["before"] == row["after"] for row in turned), "the index does not hang on it"
    assert result.tables["observations"].is_empty()


def test_a_definition_is_named(project: Project, tmp_path: Path) -> None:
    aggregate = pl.when(pl.col("code") == REGIONS[-1]).then(pl.lit("aggregate")).otherwise(pl.col("role")).alias("role")
    codes = replace(project.codes, regions=project.codes.regions.with_columns(aggregate))
    result = between(tmp_path / "results", project, replace(project, codes=codes))
    assert {row["cause"] for row in rows(result)} == {"definitions"}
    gone = rows(result, measure="rca", change="vanished")
    assert {row["region"] for row in gone} == {REGIONS[-1]}


def test_another_version_is_named(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(capmap, "__version__", "0.0.9")
        publish(project, tmp_path / "results", now=NOW, keep=5, analyses=light(threshold(project, 0.6)))
        publish(threshold(project, 0.99999), tmp_path / "old", now=NOW, keep=5, analyses=light(project))
    publish(project, tmp_path / "new", now=NOW, keep=5, analyses=light(project))
    first = Vintage(resolve(tmp_path / "old", "latest").path)
    both = diff(first, resolve(tmp_path / "new", "latest"))
    assert {row["cause"] for row in rows(both)} == {"parameters"}, (
        "the program computes the same, so it is not to blame"
    )
    assert both.meta["decomposition"] == "recomputed"
    assert both.meta["versions"] == ["0.0.9", capmap.__version__]


def test_crossed_causes_are_told_apart_by_computing_them(project: Project, tmp_path: Path) -> None:
    both = threshold(revised(project), 0.99999)
    result = between(tmp_path / "results", project, both)
    assert result.meta["decomposition"] == "recomputed"
    found = {row["cause"] for row in rows(result, indicator="patents")}
    assert found == {"data_revision", "parameters"}
    cell = rows(
        result, measure="rca", region=REGIONS[0], sector=revised_sector(project), indicator="patents", year=2021
    )[0]
    assert cell["by_data_revision"] == pytest.approx(cell["after"] - cell["before"])
    assert cell["by_parameters"] == pytest.approx(0.0, abs=1e-12)
    others = rows(result, indicator="papers")
    assert {row["cause"] for row in others} == {"parameters"}
    whole = result.tables["cells"].filter(pl.col("indicator") == "patents", pl.col("before").is_not_null())
    parts = whole.select(total=pl.sum_horizontal(f"by_{name}" for name in causes.CAUSES))["total"]
    assert (parts - (whole["after"] - whole["before"])).abs().max() < 1e-9, "the parts add up to the change"


def test_a_revision_beside_a_new_year_is_told_apart(project: Project, later: Project, tmp_path: Path) -> None:
    value = pl.when(
        (pl.col("indicator") == "patents") & (pl.col("region") == REGIONS[0]) & (pl.col("year") == 2021)
    ).then(pl.col("value") * 3 + 40).otherwise(pl.col("value")).alias("value")  # fmt: skip
    result = between(tmp_path / "results", project, replace(later, observations=later.observations.with_columns(value)))
    same = rows(result, measure="rca", indicator="patents", year=2021, region=REGIONS[0])
    assert same
    assert {row["cause"] for row in same} == {"data_revision"}
    across = result.tables["cells"].filter(measure="rca", indicator="patents", year=2022, region=REGIONS[0])
    assert across["by_new_period"].abs().sum() > 0
    assert across["by_data_revision"].abs().sum() > 0
    total = across["by_new_period"] + across["by_data_revision"]
    assert (total - (across["after"] - across["before"])).abs().max() < 1e-9


def test_without_frozen_inputs_the_possible_causes_are_named_together(project: Project, tmp_path: Path) -> None:
    result = between(tmp_path / "results", project, threshold(revised(project), 0.99999), freeze=0)
    assert result.meta["decomposition"] in ("inspected", "single")
    assert result.tables["observations"].is_empty()
    assert {"parameters"} <= {name for row in rows(result) for name in row["cause"].split(";")}


# Noise and headlines ---------------------------------------------------------------------------------------------------


def test_a_change_within_the_earlier_range_does_not_count(project: Project, tmp_path: Path) -> None:
    cell = (pl.col("indicator") == "patents") & (pl.col("region") == REGIONS[1]) & (pl.col("year") == 2021)
    value = pl.when(cell & (pl.col("sector") == "cars")).then(pl.col("value") + 1).otherwise(pl.col("value"))
    news = replace(project, observations=project.observations.with_columns(value.alias("value")))
    result = between(tmp_path / "results", project, news)
    small_steps = result.tables["cells"].filter(measure="rca").filter(~pl.col("counts"))
    inside = small_steps.filter(pl.col("after").is_between("low_before", "high_before"))
    assert inside.height == small_steps.height
    counting = result.tables["cells"].filter(measure="rca").filter("counts")
    outside = counting.filter(
        (pl.col("class_before") != pl.col("class_after")) | ~pl.col("after").is_between("low_before", "high_before")
    )
    assert outside.height == counting.height


def test_a_gained_and_a_lost_specialisation_are_headlines(project: Project, tmp_path: Path) -> None:
    gained = between(tmp_path / "up", project, revised(project, 9.0))
    lost = between(tmp_path / "down", revised(project, 9.0), project)
    (up,) = rows(gained, headline="gained", region=REGIONS[0], indicator="patents")
    (down,) = rows(lost, headline="lost", region=REGIONS[0], indicator="patents")
    assert up["class_after"] == down["class_before"] == "established"
    assert "1 headline" in opening(gained) or "headlines changed" in opening(gained)
    text = markdown(gained)
    assert text.index("is now established") < text.index("## Figures")
    assert f"Land of {REGIONS[0]}" in text


def test_new_and_vanished_codes(project: Project, tmp_path: Path) -> None:
    observations = project.observations.filter(pl.col("region").cast(pl.String) != REGIONS[-1])
    codes = replace(project.codes, regions=project.codes.regions.filter(pl.col("code") != REGIONS[-1]))
    result = between(tmp_path / "results", project, replace(project, observations=observations, codes=codes))
    assert result.tables["codes"].to_dicts() == [{"list": "regions", "code": REGIONS[-1], "change": "vanished"}]
    assert set(result.tables["observations"]["change"]) == {"vanished"}
    assert rows(result, measure="rca", region=REGIONS[-1], change="vanished")


def test_a_damaged_file_is_an_error(project: Project, tmp_path: Path) -> None:
    done = publish(project, tmp_path / "results", now=NOW, keep=2, analyses=light(project))
    assert done.path is not None
    (done.path / "rca.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnreadableError, match=r"rca\.parquet is not as the manifest"):
        diff(Vintage(done.path), Vintage(done.path))


def test_folders_of_runs_are_compared_too(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_all(project, tmp_path / "a", analyses=light(project))
    run_all(revised(project), tmp_path / "b", analyses=light(project))
    monkeypatch.chdir(tmp_path)
    result = compare("a", "b")
    assert changed(result)
    assert {row["indicator"] for row in rows(result)} == {"patents"}


# Watch -----------------------------------------------------------------------------------------------------------------


def rule(condition: str, sector: str | None, **more: Any) -> WatchRule:
    return WatchRule(region=REGIONS[0], indicator="patents", sector=sector, condition=condition, **more)


def test_a_crossed_rule_stands_first_and_one_that_holds_still_below_it(project: Project, tmp_path: Path) -> None:
    sector = revised_sector(project)
    rules = {
        "a_still": rule("> 0", sector), "b_never": rule("< 0", sector), "c_crossed": rule("class == established", sector),
        "d_any": rule("class", sector), "e_elsewhere": rule("> 1", "nowhere"),
    }  # fmt: skip
    result = between(tmp_path / "results", project, revised(project, 9.0), rules=rules)
    watch = result.tables["watch"].to_dicts()
    assert [row["rule"] for row in watch] == ["c_crossed", "d_any", "a_still", "b_never", "e_elsewhere"]
    assert [(row["now"], row["crossed"]) for row in watch] == [
        (True, True), (True, True), (True, False), (False, False), (False, False),
    ]  # fmt: skip
    text = markdown(result)
    assert text.index("## Watched") < text.index("## Headlines")
    assert "c_crossed" in text
    assert "a_still" not in text


def test_the_command_of_a_crossed_rule_gets_the_change_and_no_shell(project: Project, tmp_path: Path) -> None:
    taken = tmp_path / "taken.json"
    script = tmp_path / "take.py"
    script.write_text("import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + sys.argv[2])", "utf-8")
    import sys

    rules = {
        "ok": rule("> 1", "food", command=(sys.executable, str(script), str(taken), "; $(touch pwned) `id`")),
        "gone": rule("> 1", "food", command=("/no/such/program",)),
        "bad": rule("> 1", "food", command=(sys.executable, "-c", "raise SystemExit(3)")),
        "slow": rule("> 1", "food", command=(sys.executable, "-c", "import time; time.sleep(60)")),
        "none": rule("> 1", "food"),
    }
    row = {"rule": "ok", "now": True, "crossed": True, "after": "2.5"}
    crossed = [{**row, "rule": name} for name in rules] + [{**row, "rule": "ok", "crossed": False}]
    told = alert(rules, crossed, folder=tmp_path, seconds=2.0)
    assert [(one["rule"], one["exit_code"]) for one in told] == [("ok", 0), ("gone", None), ("bad", 3), ("slow", None)]
    assert [one["trouble"] is None for one in told] == [True, False, False, False]
    text = taken.read_text("utf-8")
    assert json.loads(text[: text.rindex("}") + 1]) == {**row, "rule": "ok"}
    assert text.endswith("; $(touch pwned) `id`")
    assert not (tmp_path / "pwned").exists()


# The command -----------------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, run_capmap: RunCapmap) -> None:
    sector = "food"
    more = f'[watch.chip]\nregion = "{REGIONS[0]}"\nindicator = "patents"\nsector = "{sector}"\ncondition = "> 0"\n'
    project = small(tmp_path / "p", more=more)
    between(project.root / "results", project, revised(project, 9.0))
    shown = run_capmap("diff", "-f", "table", cwd=project.root)
    assert shown.code == 0, shown.stderr
    assert "headline" in shown.stdout.splitlines()[0]
    assert "data revision" in shown.stdout
    assert "first" not in shown.stderr
    words = run_capmap("diff", "-f", "md", "--fail-on-change", cwd=project.root)
    assert words.code == 6
    assert words.stdout.startswith("# Changes from ")
    for name in ("data/observations.csv", "capmap.toml", "indicators/papers.md"):
        kept = run_capmap("diff", "-o", name, cwd=project.root)
        assert (kept.code, "is an input of this project" in kept.stderr) == (2, True), kept.stderr
    (project.root / "data" / "observations.csv").write_text("broken", "utf-8")
    wrong = run_capmap("diff", "2019", cwd=project.root)
    assert wrong.code == 2
    assert "no vintage '2019'" in wrong.stderr, "and broken data are no hindrance"
