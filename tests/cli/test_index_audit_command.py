"""`capmap index --audit` and `--what-if` through their real entry point: documents, screens, files, slips."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.conftest import RunCapmap

QUICK = ("--draws", "200", "-q")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The audit of the sample as it goes to a pipe, made once."""
    from capmap import __version__, index, load
    from capmap.analyses.selection import region_labels
    from capmap.report import audit

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("nowhere"))
        project = load()
    result = index(project, audit=True, draws=200)
    return audit.markdown(audit.document(project, result, region_labels(project), __version__))


def test_piped_the_audit_is_a_document_with_ten_steps(run_capmap: RunCapmap, document: str) -> None:
    ran = run_capmap("index", "--audit", *QUICK)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout == document
    steps = re.findall(r"^## (\d+)\. (.+): (sound|look|problem|not checked)$", document, re.MULTILINE)
    assert [int(number) for number, *_ in steps] == list(range(1, 11))
    assert steps[0][1:] == ("Framework and data", "problem")
    assert steps[-1][1] == "Presentation and links"


def test_the_audit_says_who_what_and_why(document: str) -> None:
    head, *_ = document.partition("## Verdicts")
    assert "14 scored, 20 left out" in head
    assert "too few indicators in a pillar: Argentina, Australia" in head
    assert "Slovakia, Slovenia, Taiwan" in head
    assert "| Articles per head | articles per population | 17% | 2018 | 14 | National Center for Science" in head
    assert "- **sound** Robots per 1,000 employees: Korea pulled in from 101 to 77." in document
    assert "Rule: 0.7 or more, a problem below 0. To do:" in document
    assert re.search(r"Half of the ranges of the ranks \(5-95%\) are at most \d", document)
    assert "Not decidable by a program" in document
    assert document.rstrip().endswith("Verdict: ____________")
    assert "None" not in document
    assert not re.search(r"\bnan\b", document)


def test_letters_lead_and_the_bare_rank_comes_last(document: str) -> None:
    header = next(line for line in document.splitlines() if line.startswith("| group"))
    assert [cell.strip() for cell in header.strip("|").split("|")] == [
        "group", "region", "weakest pillar", "5-95%", "median", "rank",
    ]  # fmt: skip


def test_the_audit_is_written_as_markdown_json_and_csv(run_capmap: RunCapmap, tmp_path: Path, document: str) -> None:
    assert run_capmap("index", "--audit", *QUICK, "-o", "audit.md").code == 0
    assert (tmp_path / "audit.md").read_text(encoding="utf-8") == document
    assert run_capmap("index", "--audit", *QUICK, "-o", "audit.json").code == 0
    found = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert found["tables"]["verdicts"][0]["verdict"] == "problem"
    assert {"step", "check", "value", "limit", "verdict"} <= set(found["tables"]["audit"][0])
    assert found["meta"]["parameters"]["audit"] is True
    rows = list(csv.DictReader(io.StringIO(run_capmap("index", "--audit", *QUICK, "-f", "csv").stdout)))
    assert [row["check"] for row in rows] == [row["check"] for row in found["tables"]["audit"]]


def test_the_audit_on_a_screen_has_the_verdict_beside_each_point(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "--audit", *QUICK, "-f", "table", env={"COLUMNS": "80"})
    lines = ran.stdout.splitlines()
    assert "1. Framework and data: problem" in lines
    assert any(line.startswith("  problem     14 regions are scored") for line in lines)
    assert max(map(len, lines)) <= 80


def test_an_audit_without_replicates_checks_no_robustness(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "--audit", "--draws", "0", "-q")
    assert ran.code == 0, ran.stderr
    assert "## 9. Robustness: not checked" in ran.stdout


def test_scenarios_stand_side_by_side_with_a_sentence_each(run_capmap: RunCapmap) -> None:
    asked = ("--what-if", "drop=robots,weights=equal", "--what-if", "name=scores,normaliser=z_score")
    ran = run_capmap("index", *asked, *QUICK, "-f", "table")
    assert ran.code == 0, ran.stderr
    head, first, *_ = ran.stdout.splitlines()
    assert head.split() == ["region", "5-95%", "rank", "(1)", "(2)"]
    assert first.split()[:3] == ["Korea", "1-2", "1"]
    assert re.search(
        r"\(1\) drop=robots,weights=equal: 12 of 14 ranks change; \d of them out of their range", ran.stdout
    )
    assert "(2) scores: " in ran.stdout
    assert "31 regions scored" in " ".join(ran.stdout.split())
    piped = run_capmap("index", *asked, *QUICK)
    rows = list(csv.DictReader(io.StringIO(piped.stdout)))
    assert {row["scenario"] for row in rows} == {"drop=robots,weights=equal", "scores"}


@pytest.mark.parametrize("table", ["correlations", "verdicts"])
def test_one_table_needs_no_further_switch(run_capmap: RunCapmap, table: str) -> None:
    ran = run_capmap("index", "--table", table, "--draws", "0", "-q")
    assert ran.code == 0, ran.stderr
    assert ran.stdout.startswith("index,")
    assert len(ran.stdout.splitlines()) > 5


def test_gaps_of_two_regions(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "-r", "KOR", "-r", "Germany", "--table", "gaps", "--draws", "0", "-q")
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert {(row["region"], row["other"]) for row in rows} == {("KOR", "DEU")}
    parts = {row["level"]: 0.0 for row in rows}
    for row in rows:
        parts[row["level"]] += float(row["difference"])
    assert parts["1"] == pytest.approx(parts["0"])
    assert parts["2"] == pytest.approx(parts["0"])


def test_a_region_of_a_small_index_is_told_why_it_has_no_strengths(run_capmap: RunCapmap) -> None:
    ran = run_capmap("index", "-r", "KOR", *QUICK, "-f", "table")
    assert ran.stdout.startswith("no strengths and weaknesses: they need 20 regions, and 14 are scored")


def test_strengths_and_the_weakest_pillar_come_before_the_score(run_capmap: RunCapmap, tmp_path: Path) -> None:
    assert run_capmap("init", "mine").code == 0
    path = tmp_path / "mine" / "index" / "innovation.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index('[[nodes]]\nid = "automation"')], encoding="utf-8")
    ran = run_capmap("index", "-p", "mine", "-r", "KOR", *QUICK, "-f", "table")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("strengths  ")
    assert "Patent families per head (1/31, by its own places" in ran.stdout
    last = next(k for k, line in enumerate(lines) if line.startswith("weaknesses  "))
    assert lines[last + 1].index("weakest pillar") < lines[last + 1].index("score")
    both = run_capmap("index", "-p", "mine", "-r", "KOR", "-r", "ZAF", *QUICK, "-f", "table").stdout
    assert "South Africa: weaknesses" in both
    assert "last place" in both


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--what-if", "drop=robot"), "did you mean robots?"),
        (("--what-if", "drop=robot", "--what-if", "wieghts=equal"), "did you mean robots?; did you mean weights?"),
        (("--table", "comparisons"), "--what-if KEY=VALUE adds scenarios and comparisons"),
        (("--audit", "-o", "audit.doc"), "does not say which format"),
        (("-r", "KOR", "--audit"), "an audit is of all regions"),
    ],
)
def test_slips_are_answered(run_capmap: RunCapmap, arguments: tuple[str, ...], said: str) -> None:
    ran = run_capmap("index", *arguments, *QUICK)
    assert ran.code == 2
    assert said in ran.stderr
    assert ran.stdout == ""
