"""Weights and means of an index file through the command: captions, tables, refusals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.conftest import RunCapmap

EXPERTS = "expert,node,points\nx,knowledge,60\nx,technology,30\nx,automation,10\n"


@pytest.fixture
def mine(run_capmap: RunCapmap, tmp_path: Path) -> Path:
    """A copy of the sample in the working directory."""
    assert run_capmap("init", "mine", "-q").code == 0
    return tmp_path / "mine" / "index" / "innovation.toml"


def head(file: Path, lines: str) -> None:
    """Write lines at the top of an index file."""
    file.write_text(lines + file.read_text(encoding="utf-8"), encoding="utf-8")


def test_pairwise_comparisons_show_their_consistency(run_capmap: RunCapmap, mine: Path) -> None:
    show = ("index", "-p", "mine", "--draws", "0", "-f", "table", "--all")
    head(mine, "comparisons = [[1, 2, 4], [0.5, 1, 2], [0.25, 0.5, 1]]\n")
    assert "weights:" not in run_capmap(*show).stdout  # comparisons wait for `weighting`
    pillar = 'aggregation = "arithmetic"\n'
    text = mine.read_text(encoding="utf-8").replace(pillar, pillar + 'weighting = "given"\n')
    mine.write_text('weighting = "ahp"\n' + text, encoding="utf-8")
    ran = run_capmap(*show, env={"COLUMNS": "160"})
    assert ran.code == 0, ran.stderr
    assert "weights: Innovation by pairwise comparisons (consistency ratio 0.00)" in ran.stdout
    assert "more than half of the weight among their neighbours: Knowledge" in ran.stdout


def test_tables_of_weights_and_means_are_files_too(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "--weights", "pca", "--steps", "--draws", "0", "--table", "weights", "-q")
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert {row["method"] for row in rows} == {"pca", "single"}
    meta = json.loads(run_capmap("index", "--weights", "pca", "--steps", "--draws", "0", "-f", "json", "-q").stdout)
    assert meta["meta"]["weightings"]["innovation"]["units"] == 14
    assert next(row["mean"] for row in meta["tables"]["aggregation"]) == "geometric"
    assert meta["meta"]["shifts"] == {"innovation": pytest.approx(0.01)}


def test_a_faulty_table_stops_every_command_with_its_line(run_capmap: RunCapmap, mine: Path) -> None:
    head(mine, 'experts = "experts.csv"\n')
    (mine.parent / "experts.csv").write_text(
        EXPERTS.replace(",10", ",20").replace("knowledge", "knowlege"), encoding="utf-8"
    )
    ran = run_capmap("rca", "-p", "mine", "-q")
    assert ran.code == 3
    assert "did you mean knowledge?" in ran.stderr
    (mine.parent / "experts.csv").write_text(EXPERTS.replace(",10", ",20"), encoding="utf-8")
    ran = run_capmap("index", "-p", "mine", "-q")
    assert ran.code == 3
    assert "add up to 110" in ran.stderr
    assert "experts.csv, line 4, column points" in ran.stderr


def test_what_a_method_lacks_is_said(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "--weights", "budget", "--draws", "0", "-q")
    assert (ran.code, ran.stdout) == (2, "")
    assert "has none" in ran.stderr
    assert "expert,node,points" in ran.stderr
