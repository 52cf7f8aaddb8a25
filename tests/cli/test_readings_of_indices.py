"""`capmap run`, then `profile` and `compare`: a project of the sample from its first command to the index on a page."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import capmap
from tests.conftest import RunCapmap

WIDE = {"COLUMNS": "200"}


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample with the results of `capmap run`."""
    above = tmp_path_factory.mktemp("sample")
    environment = os.environ | {"PYTHONPATH": str(Path(capmap.__file__).parents[1])}
    for folder, *command in ((above, "init", "mine"), (above / "mine", "run", "-o", "results")):
        subprocess.run(
            [sys.executable, "-m", "capmap", *command], cwd=folder, env=environment, check=True, capture_output=True
        )
    return above / "mine"


@pytest.fixture
def folder(computed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(computed, tmp_path / "mine"))


def test_a_project_shows_its_index_after_a_run(run_capmap: RunCapmap, folder: Path) -> None:
    after = run_capmap("profile", "KOR", "-f", "table", cwd=folder, env=WIDE)
    [line] = [text for text in after.stdout.splitlines() if text.startswith("INDEX")]
    assert line.startswith(
        "INDEX      Innovation: not told apart from 1 other; weakest pillar Knowledge (7); score 0.68; rank 1 of 14, range "
    )
    assert line.rstrip().endswith("; figures of 2018-2023; normaliser min-max")
    shutil.rmtree(folder / "results")
    before = run_capmap("profile", "KOR", "-f", "table", cwd=folder)
    assert "INDEX      Innovation: not computed yet: capmap run -o results, or --full" in before.stdout


def test_results_of_other_data_are_said_to_be_outdated(folder: Path, run_capmap: RunCapmap) -> None:
    path = folder / "index" / "innovation.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("geometric", "arithmetic"), encoding="utf-8")
    for command in (("profile", "KOR"), ("compare", "DEU", "KOR")):
        ran = run_capmap(*command, "-f", "table", cwd=folder)
        assert "Innovation: results/ is outdated: capmap run -o results, or --full" in " ".join(ran.stdout.split())


@pytest.mark.parametrize("code", ["KOR", "ITA", "EST"])
def test_with_its_results_a_profile_fits_one_screen(folder: Path, run_capmap: RunCapmap, code: str) -> None:
    ran = run_capmap("profile", code, "-f", "table", cwd=folder)
    assert "INDEX      Innovation: " in ran.stdout
    assert len(ran.stdout.splitlines()) <= 45


def test_full_computes_the_index_now(run_capmap: RunCapmap, folder: Path) -> None:
    stored = run_capmap("compare", "DEU", "KOR", "-f", "json", "-q", cwd=folder)
    now = run_capmap("compare", "DEU", "KOR", "--full", "-f", "json", "-q")
    assert (stored.code, now.code) == (0, 0)
    one, other = (json.loads(ran.stdout) for ran in (stored, now))
    assert (one["meta"]["indices"]["state"], other["meta"]["indices"]["state"]) == ("current", "computed")
    for name in ("index", "index_pairs", "index_gap"):
        assert one["tables"][name] == other["tables"][name]
        assert one["tables"][name]


def test_a_region_that_is_not_scored_has_the_reason_and_no_zero(run_capmap: RunCapmap, folder: Path) -> None:
    text = run_capmap("profile", "ARG", "-f", "table", cwd=folder, env=WIDE).stdout
    assert "Innovation: not scored, too few indicators in a pillar; 14 regions ranked; figures of 2018-2023" in text
    rows = list(csv.DictReader(io.StringIO(run_capmap("profile", "ARG", "-q", cwd=folder).stdout)))
    of_index = [row for row in rows if row["section"] == "index" and row["sector"] == "innovation"]
    assert {row["measure"] for row in of_index if row["value"]} == {"n", "coverage"}
    assert {row["note"] for row in of_index if row["measure"] == "score"} == {"few_in_group"}


def test_a_comparison_takes_the_gap_apart(run_capmap: RunCapmap, folder: Path) -> None:
    text = " ".join(
        run_capmap("compare", "DEU", "KOR", "SWE", "ARG", "-f", "table", cwd=folder, env=WIDE).stdout.split()
    )
    assert "Innovation: rank of 14 regions, range 5-95%; figures of 2018-2023; normaliser min-max" in text
    assert "DEU and SWE cannot be told apart (gap 0.04): Technology +0.10, Knowledge -0.10" in text
    assert (
        "KOR ahead of DEU by 0.33: Automation +0.14 (42%), Technology +0.14 (42%), Knowledge +0.05 (16%); most by "
        in text
    )
    assert "Argentina is not scored, too few indicators in a pillar" in text


@pytest.mark.parametrize("width", ["60", "120"])
def test_no_line_of_an_index_is_wider_than_the_screen(run_capmap: RunCapmap, folder: Path, width: str) -> None:
    for command in (("profile", "JPN"), ("compare", "CHE", "SWE", "JPN", "DEU", "KOR")):
        ran = run_capmap(*command, "-f", "table", cwd=folder, env={"COLUMNS": width})
        assert max(map(len, ran.stdout.splitlines())) <= int(width)
