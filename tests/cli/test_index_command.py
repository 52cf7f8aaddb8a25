"""`capmap index` and `capmap robustness` through their real entry point: screens, files, refusals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.conftest import RunCapmap

QUICK = ("--draws", "200")


def test_a_screen_names_group_and_weakest_pillar_before_score_and_rank(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", *QUICK, "-f", "table")
    assert ran.code == 0, ran.stderr
    head, first, *_ = ran.stdout.splitlines()
    assert head.split()[:2] == ["group", "region"]
    assert head.index("weakest pillar") < head.index("score") < head.index("5-95%") < head.index("rank")
    assert first.split()[:2] == ["a", "Korea"]
    assert "ranks of 14, ranges 5-95%; figures of 2018-2023; normaliser min-max" in ran.stdout
    assert "not scored, too few indicators in a pillar: Argentina" in ran.stdout


def test_one_region_has_all_of_it_on_one_line(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "-r", "Sweden", *QUICK, "-f", "table", env={"COLUMNS": "140"})
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("Innovation, Sweden")]
    assert line.index("weakest pillar Technology") < line.index("rank 5 of 14, range")
    assert line.rstrip().endswith("figures of 2018-2023; normaliser min-max")


def test_piped_it_is_the_table_of_scores(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", *QUICK)
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert list(rows[0]) == [
        "index", "year", "region", "node", "level", "score", "rank", "rank_low", "rank_high", "coverage", "imputed_share",
        "note",
    ]  # fmt: skip
    korea = next(row for row in rows if (row["region"], row["node"]) == ("KOR", "innovation"))
    assert (korea["rank"], korea["coverage"], korea["note"]) == ("1", "1.0", "")
    assert "normaliser min-max" in ran.stderr


def test_json_holds_every_step_and_what_was_asked(run_capmap: RunCapmap) -> None:
    found = json.loads(run_capmap("index", "--steps", "--seed", "7", *QUICK, "-f", "json", "-q").stdout)
    assert list(found["tables"])[:4] == ["index", "robustness", "strengths", "availability"]
    assert found["meta"]["parameters"]["seed"] == 7
    assert found["meta"]["definition"]["normaliser"] == "min_max"
    assert found["meta"]["blocks"][0]["years"]["robots"] == 2023


@pytest.mark.parametrize("suffix", ["csv", "parquet", "md", "json", "ndjson", "tsv", "xlsx"])
def test_every_format_is_written(run_capmap: RunCapmap, tmp_path: Path, suffix: str) -> None:
    ran = run_capmap("robustness", *QUICK, "-o", f"ranks.{suffix}", "-q")
    assert (ran.code, ran.stderr) == (0, "")
    assert (tmp_path / f"ranks.{suffix}").stat().st_size > 500


def test_a_second_run_gives_the_same_bytes(run_capmap: RunCapmap) -> None:
    one, other = (run_capmap("robustness", "--table", "pairs", *QUICK, "-q").stdout for _ in range(2))
    assert one == other
    assert one.startswith("index,year,region,other,p_ahead\n")


def test_robustness_says_what_moves_a_rank(run_capmap: RunCapmap) -> None:
    ran = run_capmap("robustness", "-r", "JPN", *QUICK, "-f", "table")
    assert "moved most by" in ran.stdout
    assert "the mean: arithmetic" in ran.stdout


def test_sobol_indices_stand_below_the_ranks_with_what_they_mean(run_capmap: RunCapmap) -> None:
    ran = run_capmap("robustness", "--sobol", "64", *QUICK, "-f", "table", env={"COLUMNS": "100"})
    assert ran.code == 0, ran.stderr
    head = ran.stdout.index("what the mean shift in rank depends on: shares of its variance")
    below = ran.stdout[head:]
    assert "by itself" in below.splitlines()[1]
    assert "with others" in below.splitlines()[1]
    for choice in (
        "the scale",
        "outliers",
        "weights in the pillars",
        "weights of the pillars",
        "the mean",
        "one indicator",
    ):
        assert choice in below
    assert "512 runs, 0 failed" in " ".join(below.split())
    assert "comes from choices acting together" in " ".join(below.split())
    assert "-0.00" not in below
    one = run_capmap("robustness", "-r", "KOR", "--sobol", "64", *QUICK, "-f", "table", env={"COLUMNS": "100"})
    assert "what the rank depends on" in one.stdout


def test_sobol_indices_of_every_region_in_a_file(run_capmap: RunCapmap) -> None:
    ran = run_capmap("robustness", "--sobol", "16", "--table", "sobol", *QUICK, "-q")
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert {row["region"] for row in rows} >= {"KOR", "all"}
    assert {row["runs"] for row in rows} == {"128"}


def test_what_varies_is_said(run_capmap: RunCapmap) -> None:
    ran = run_capmap(
        "robustness", "--vary", "weights,aggregation", "--weight-rule", "dirichlet", "--with", "copeland", *QUICK, "-f", "table",
        env={"COLUMNS": "200"},
    )  # fmt: skip
    assert (
        "5-95%: 200 replicates with mean as given or arithmetic or geometric or copeland; "
        "weights Dirichlet with concentration 1" in ran.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("index", "innovatin"), 2, "did you mean innovation?"),
        (("index", "--impute", "medain"), 2, "did you mean median?"),
        (("index", "--weights", "pac"), 2, "did you mean pca?"),
        (("index", "--table", "flgas"), 2, "no table 'flgas'"),
        (("index", "--year", "2018"), 5, "robots has no data in or before 2018"),
        (("robustness", "--draws", "0"), 2, "at least one draw"),
        (("robustness", "--sobol", "100"), 2, "100 is not a power of two"),
        (("robustness", "--vary", "weihgts"), 2, "did you mean weights?"),
        (("robustness", "--weight-rule", "normal"), 2, "one of perturbed, dirichlet"),
        (("index", "-r", "ALB"), 5, "no indicator of innovation has data for ALB"),
    ],
)
def test_slips_are_answered(run_capmap: RunCapmap, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = run_capmap(*arguments, "-q")
    assert ran.code == code
    assert said in ran.stderr
    assert ran.stdout == ""


def test_a_copy_of_the_sample_builds_its_index(run_capmap: RunCapmap, tmp_path: Path) -> None:
    assert run_capmap("init", "mine").code == 0
    assert (tmp_path / "mine" / "index" / "innovation.toml").is_file()
    assert run_capmap("index", "-p", "mine", *QUICK, "-q").stdout == run_capmap("index", *QUICK, "-q").stdout
