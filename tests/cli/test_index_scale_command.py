"""`capmap index --freeze`, `--no-frozen`, `--impute` and `--max-age` through their real entry point."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.conftest import RunCapmap

WIDE = {"COLUMNS": "160"}


def test_a_scale_is_frozen_used_named_and_left_out(run_capmap: RunCapmap, tmp_path: Path) -> None:
    assert run_capmap("init", "mine").code == 0
    index = ("index", "-p", "mine", "--draws", "0")
    ran = run_capmap(*index, "--freeze")
    assert "capmap: scale of innovation frozen in index/innovation.scale.json" in ran.stderr
    seal = json.loads((tmp_path / "mine" / "index" / "innovation.scale.json").read_text(encoding="utf-8"))["hash"]
    again = run_capmap(*index, "-f", "table", env=WIDE)
    assert f"normaliser min-max; scale frozen, {seal[:7]}\n" in again.stdout
    assert run_capmap(*index, "-q").stdout == ran.stdout
    assert "frozen" not in run_capmap(*index, "--no-frozen", "-f", "table", env=WIDE).stdout
    told = json.loads(run_capmap(*index, "-f", "json", "-q").stdout)["meta"]
    assert told["scale"] == {"hash": seal, "periods": [2023], "outside": {}}
    assert "scales" in told["definitions"]


def test_figures_outside_a_frozen_scale_are_counted_in_words(run_capmap: RunCapmap, tmp_path: Path) -> None:
    run_capmap("init", "mine")
    file = tmp_path / "mine" / "index" / "innovation.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("min_max", "goalposts", 1) + "\n", encoding="utf-8")
    ran = run_capmap("index", "-p", "mine", "--draws", "0", "-q")
    assert ran.code == 3  # no goalposts: named, not guessed
    text = file.read_text(encoding="utf-8").replace("goalposts", "min_max", 1)
    head, _, rest = text.partition('id = "robots"\n')
    posts = 'normaliser = "goalposts"\ngoalposts = { low = 5, high = 40 }\n'
    file.write_text(f'{head}id = "robots"\n{posts}{rest}', encoding="utf-8")
    ran = run_capmap("index", "-p", "mine", "--draws", "0", "-f", "table", env=WIDE)
    assert ran.code == 0, ran.stderr
    assert "outside the scale: Robots per 1,000 employees (" in ran.stdout


def test_a_changed_index_is_refused_until_frozen_again(run_capmap: RunCapmap, tmp_path: Path) -> None:
    run_capmap("init", "mine")
    index = ("index", "-p", "mine", "--draws", "0", "-q")
    assert run_capmap(*index, "--freeze").code == 0
    file = tmp_path / "mine" / "index" / "innovation.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"min_max"', '"z_score"'), encoding="utf-8")
    ran = run_capmap(*index)
    assert (ran.code, ran.stdout) == (5, "")
    assert "articles_per_head has another normaliser" in ran.stderr
    assert "capmap index innovation --freeze" in ran.stderr
    assert run_capmap(*index, "--no-frozen").code == 0
    assert run_capmap(*index, "--freeze").code == run_capmap(*index).code == 0


def test_imputed_figures_are_told_in_words_and_in_the_table(run_capmap: RunCapmap, tmp_path: Path) -> None:
    run_capmap("init", "mine")
    file = tmp_path / "mine" / "index" / "innovation.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text("min_coverage = 0.4\nmin_pillar = 0.0\n" + text, encoding="utf-8")
    index = ("index", "-p", "mine", "--draws", "0")
    ran = run_capmap(*index, "--impute", "group", "-f", "table", env=WIDE)
    assert ran.code == 0, ran.stderr
    assert "imputed: " in ran.stdout
    assert " mean of the group" in ran.stdout
    rows = list(csv.DictReader(io.StringIO(run_capmap(
        *index, "--impute", "group", "--steps", "--table", "imputation", "-q").stdout)))  # fmt: skip
    assert list(rows[0]) == [
        "index",
        "year",
        "region",
        "node",
        "value",
        "status",
        "method",
        "source_year",
        "age",
        "note",
    ]
    assert {row["method"] for row in rows if row["status"] == "I"} == {"group"}
    assert "imputed" not in run_capmap(*index, "-f", "table", env=WIDE).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--freeze",), 2, "capmap init DIR"),
        (("--freeze", "--no-frozen"), 2, "name one of them"),
        (("--impute", "knn"), 2, "one of none, mean, median, group, row, last, linear, em, iterative"),
        (("--max-age", "-1"), 2, "0"),
    ],
)
def test_slips_are_answered(run_capmap: RunCapmap, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = run_capmap("index", *arguments, "--draws", "0", "-q", env=WIDE)
    assert ran.code == code
    assert said in ran.stderr
    assert ran.stdout == ""
