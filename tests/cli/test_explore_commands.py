"""`complexity` and `opportunities` through the real command: on the sample, on tables of others, and when refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import capmap as cm
from capmap.analyses import complexity as analysis
from capmap.analyses.opportunities import COLUMNS
from capmap.model import Project
from tests.conftest import RunCapmap

PARTS = "region,sector,value\na,x,9\na,y,9\nb,x,9\nb,z,1\nc,u,5\nc,v,5\nd,u,5\n"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_complexity_of_the_sample(run_capmap: RunCapmap, sample: Project) -> None:
    ran = run_capmap("complexity", "-i", "patent_families")
    found = rows(ran.stdout)
    assert (ran.code, len(found), list(found[0])) == (0, 32, list(analysis.REGIONS))
    assert "29 of 32 regions and 34 of 35 sectors take part" in ran.stderr
    assert "Argentina, New Zealand, South Africa" in ran.stderr
    assert "--table sectors" in ran.stderr
    verb = cm.complexity(sample, indicator=["patent_families"]).tables["regions"]
    by_region = {row["region"]: row for row in found}
    for row in verb.iter_rows(named=True):
        assert by_region[row["region"]]["eci"] == ("" if row["eci"] is None else str(row["eci"]))
    assert by_region["ZAF"]["note"] == "small_total"


def test_tables_and_formats(run_capmap: RunCapmap, tmp_path: Path) -> None:
    sectors = run_capmap("complexity", "-i", "articles", "--table", "sectors", "-q", "--draws", "20")
    assert list(rows(sectors.stdout)[0]) == list(analysis.SECTORS)
    both = json.loads(run_capmap("complexity", "-i", "articles", "-f", "json", "-q", "--draws", "20").stdout)
    assert list(both["tables"]) == ["regions", "sectors"]
    assert both["meta"]["seed"] == 20230926
    assert both["meta"]["parameters"]["proximity"] == "minimum_conditional"
    path = tmp_path / "cells.parquet"
    assert run_capmap("complexity", "--table", "cells", "--draws", "0", "-o", path).code == 0
    assert pl.read_parquet(path).columns == list(analysis.CELLS)


def test_the_screen_says_who_is_left_out_what_the_scale_means_and_how_sure_ranks_are(run_capmap: RunCapmap) -> None:
    shown = run_capmap("complexity", "-i", "patent_families", "-f", "table", env={"COLUMNS": "80"}).stdout
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    for said in ("rank 5-95%", "too small a share", "the scale runs from", "correlates 0.55 with diversity",
                 "held by too few regions", "200 of 200 draws"):  # fmt: skip
        assert said in text, said


def test_refusals_have_a_reason_a_way_out_and_their_code(run_capmap: RunCapmap, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(PARTS, encoding="utf-8")
    data = ("--data", path, "--kind", "count", "--min-regions", "1", "--min-share", "0")
    ran = run_capmap("complexity", *data)
    assert (ran.code, ran.stdout) == (5, "")
    assert "falls into" in ran.stderr
    assert "--component largest" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("complexity", "--table", "rows"), "unknown table rows"),
        (("complexity", "--as", "stata"), "unknown preset"),
        (("complexity", "--proximity", "euclid"), "proximity"),
        (("complexity", "-i", "robot_use"), "no RCA of robot_use"),
        (("opportunities",), "name a region"),
        (("opportunities", "KOR", "--backtest"), "of all regions"),
        (("opportunities", "Atlantis"), "unknown region"),
        (("opportunities", "KOR", "--year", "all"), "more than one year"),
        (("opportunities", "--backtest", "--table", "rows"), "unknown table"),
    ],
)
def test_wrong_arguments(run_capmap: RunCapmap, arguments: tuple[str, ...], said: str) -> None:
    ran = run_capmap(*arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "fix:" in ran.stderr


def test_opportunities_of_the_sample_carry_their_verdict(run_capmap: RunCapmap, sample: Project) -> None:
    ran = run_capmap("opportunities", "KOR", "-i", "patent_families")
    found = rows(ran.stdout)
    assert (ran.code, len(found), list(found[0])) == (0, 35, list(COLUMNS))
    assert "no grade" in ran.stderr
    assert "of 18 real entries" in ran.stderr
    assert "nothing here is advice" in ran.stderr
    verb = cm.opportunities(sample, "KOR", indicator=["patent_families"])
    assert [row["sector"] for row in found] == verb.frame["sector"].cast(pl.String).to_list()
    shown = run_capmap("opportunities", "KOR", "-i", "patent_families", "-f", "table", env={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "build here" not in shown
    assert "close, more complex" in shown
    assert "│" in shown
    plain = run_capmap("opportunities", "KOR", "-i", "patent_families", "-f", "table", "--ascii").stdout
    assert not set(plain) & set("─│┼")


def test_the_backtest_of_the_sample(run_capmap: RunCapmap, sample: Project) -> None:
    ran = run_capmap("opportunities", "--backtest", "-i", "patent_families", "-f", "json", "-q")
    assert ran.code == 0
    told = json.loads(ran.stdout)
    (block,) = told["meta"]["blocks"]
    assert (block["candidates"], block["entries"], block["grade"]) == (712, 18, None)
    assert [origin["horizon"] for origin in told["tables"]["origins"]] == [2012, 2014, 2016]
    verb = cm.backtest(sample, indicator=["patent_families"])
    assert_frame_equal(
        verb.tables["scores"].select("score", "pr_auc"),
        pl.DataFrame(told["tables"]["scores"]).select("score", "pr_auc"),
    )
    shown = run_capmap("opportunities", "--backtest", "-f", "table", env={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "0 of 141 candidates of articles entered" in " ".join(shown.split())


@pytest.mark.parametrize("arguments", [("regions", "--level", "zz"), ("sectors", "zz")])
def test_an_unknown_level_or_classification_without_a_near_one_names_those_there_are(
    run_capmap: RunCapmap, arguments: tuple[str, ...]
) -> None:
    ran = run_capmap(*arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert "fix: known: " in ran.stderr


def test_more_links_than_there_can_be_are_all_links(run_capmap: RunCapmap) -> None:
    every = run_capmap("relatedness", "-i", "articles", "--top", "9" * 23)
    assert every.code == 0
    assert len(rows(every.stdout)) > 60
