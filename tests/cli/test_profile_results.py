"""A profile takes complexity and opportunities from results of the same inputs, and says so when it cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from capmap.analyses import prospects
from capmap.analyses.profile import profile
from capmap.data import load, results
from capmap.errors import ExitCode
from tests.analyses.made import made
from tests.analyses.test_complexity_analysis import random_table
from tests.conftest import RunCapmap


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two years of a random table, and its results."""
    from capmap.operate.run import run_all

    folder = tmp_path_factory.mktemp("with") / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "indicators").mkdir()
    (folder / "capmap.toml").write_text('[data]\nobservations = ["data/*.csv"]\n', encoding="utf-8")
    (folder / "indicators" / "x.toml").write_text(
        'name = "Things"\nkind = "count"\nunit = "things"\nstage = "technology"\ndirection = 1\n'
        'classification = "goods"\ncounting = "whole"\n[source]\ntitle = "made up"\n',
        encoding="utf-8",
    )
    rows = ["region,sector,indicator,year,value"]
    for year, seed in ((2018, 4), (2020, 5)):
        for i, row in enumerate(random_table(seed)):
            rows += [f"r{i},s{j},x,{year},{value:g}" for j, value in enumerate(row)]
    (folder / "data" / "x.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    run_all(load(folder), folder / "results")
    return folder


@pytest.fixture
def folder(computed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(computed, tmp_path / "project"))


def test_results_of_the_same_inputs_are_current(folder: Path) -> None:
    project = load(folder)
    assert results.state(project) == "current"
    found = profile(project, "r4")
    assert found.meta["prospects"] == "current"
    (row,) = found.tables["complexity"].rows(named=True)
    stored = results.stored(project, "complexity-regions")
    assert stored is not None
    own = stored.filter(region="r4", year=2020).row(0, named=True)
    for name in ("eci", "eci_low", "eci_high", "eci_rank", "rank_low", "rank_high"):
        assert row[name] == own[name]
    assert row["n"] == 12
    near = found.tables["opportunities"]
    assert 0 < near.height <= prospects.NAMED
    assert set(near["quadrant"]) == {"close_complex"}


def test_full_computes_what_the_results_hold(folder: Path) -> None:
    project = load(folder)
    stored, computed_now = profile(project, "r4"), profile(project, "r4", full=True)
    assert computed_now.meta["prospects"] == "computed"
    for name in ("complexity", "opportunities"):
        assert stored.tables[name].equals(computed_now.tables[name]), name


def test_other_inputs_settings_or_bytes_are_not_taken(folder: Path) -> None:
    path = folder / "data" / "x.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("r0,s0,x,2018,", "r0,s0,x,2018,1"), encoding="utf-8")
    assert results.state(load(folder)) == "outdated"
    assert profile(load(folder), "r4").tables["complexity"]["eci"].null_count() == 1
    path.write_text(text, encoding="utf-8")
    assert results.state(load(folder)) == "current"
    assert results.state(load(folder, overrides={"complexity.threshold": 2.0})) == "outdated"
    stored = folder / "results" / "opportunities.parquet"
    stored.write_bytes(stored.read_bytes() + b" ")
    assert results.stored(load(folder), "opportunities") is None
    assert profile(load(folder), "r4").meta["prospects"] == "outdated"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}', '{"files": []}'])
def test_a_manifest_of_somebody_else_is_no_result(folder: Path, content: str) -> None:
    (folder / "results" / "manifest.json").write_text(content, encoding="utf-8")
    assert results.state(load(folder)) in ("none", "outdated")
    assert profile(load(folder), "r4").meta["prospects"] in ("none", "outdated")


def test_other_measurement_asked_for_is_not_answered_from_results(folder: Path) -> None:
    assert profile(load(folder), "r4", reference="ex:r1").meta["prospects"] == "none"


def test_the_screen_shows_rank_range_and_what_lies_near(folder: Path, run_capmap: RunCapmap) -> None:
    ran = run_capmap("profile", "r4", "-f", "table", cwd=folder)
    assert ran.code == ExitCode.DONE
    assert "COMPLEXITY things " in ran.stdout
    assert "no grade, so no advice" in " ".join(ran.stdout.split())
    shutil.rmtree(folder / "results")
    without = run_capmap("profile", "r4", "-f", "table", cwd=folder)
    assert "capmap run -o results, or --full" in without.stdout
    told = json.loads(run_capmap("profile", "r4", "-f", "json", cwd=folder).stdout)
    assert told["meta"]["prospects"] == "none"


def test_worthless_advice_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At grade D the profile names no opportunities."""
    from capmap.analyses import backtest

    cells = {(f"r{i}", f"s{j}", 2020): v for i, row in enumerate(random_table(3)) for j, v in enumerate(row)}
    project = made(cells)
    plain = profile(project, "r4", full=True)
    assert plain.tables["opportunities"].height > 0
    both = backtest.both

    def graded(*arguments: object) -> object:
        past, entry = both(*arguments)  # type: ignore[arg-type]
        return type(past)(past.scores, past.calibration, past.origins, {**past.meta, "grade": "D"}), entry

    monkeypatch.setattr(backtest, "both", graded)
    worthless = profile(project, "r4", full=True)
    assert worthless.tables["opportunities"].height == 0
    assert worthless.tables["complexity"]["grade"].to_list() == ["D"]
