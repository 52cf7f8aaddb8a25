"""`capmap complexity --with` through its real entry point: files beside the project, columns, screens and slips."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.conftest import RunCapmap

PATENTS = ("complexity", "-i", "patent_families", "--draws", "0")
WORDS = "reflections,projected,genepy,coherence,variety,expy,concentration,dynamics"


def test_an_earlier_result_and_plants_are_read_and_named_as_inputs(run_capmap: RunCapmap, tmp_path: Path) -> None:
    for suffix in ("csv", "parquet"):
        outside = f"pci.{suffix}"
        assert run_capmap(*PATENTS, "--year", "2016", "--table", "sectors", "-o", outside).code == 0
        (tmp_path / "plants.csv").write_text("sector,size\ntransport,5\ntransport,7\n")
        ran = run_capmap(
            *PATENTS, "--year", "2018", "--with", WORDS, "--outside-pci", outside, "--plants", "plants.csv",
            "--income", "population", "-f", "json", "-q",
        )  # fmt: skip
        assert (ran.code, ran.stderr) == (0, "")
        found = json.loads(ran.stdout)
        korea = next(row for row in found["tables"]["regions"] if row["region"] == "KOR")
        assert None not in [korea[name] for name in ("eci_projected", "genepy", "expy", "hhi", "theil_within", "beta")]
        known = [row["sector"] for row in found["tables"]["sectors"] if row["ellison_glaeser"] is not None]
        assert known == ["transport"]
        names = [file["name"] for file in found["meta"]["inputs"]]
        assert names[-2:] == [outside, "plants.csv"]
        assert found["meta"]["blocks"][0]["extras"]["dynamics"]["previous"] == 2016


def test_a_row_format_appends_the_columns(run_capmap: RunCapmap) -> None:
    ran = run_capmap(*PATENTS, "--table", "sectors", "--with", "reflections", "--steps", "3")
    assert ran.code == 0
    assert next(csv.reader(io.StringIO(ran.stdout)))[-2:] == ["note", "reflection"]
    assert "3 steps, a generalised ubiquity of regions and diversity of sectors" in ran.stderr


@pytest.mark.parametrize("width", ["70", "100", "200"])
def test_screens_keep_what_was_asked_for(run_capmap: RunCapmap, width: str) -> None:
    ran = run_capmap(*PATENTS, "--year", "2018", "--with", "genepy,concentration,dynamics", "-f", "table",
                     env={"COLUMNS": width})  # fmt: skip
    assert ran.code == 0
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= int(width)
    text = " ".join(ran.stdout.split())
    for title in ("genepy", "hhi", "effective number", "theil within", "entries", "rank turnover", "locational gini"):
        assert title in text, title
    assert "ellison glaeser" not in text  # nobody named plants
    assert "dynamics: since 2016" in text
    assert "series broken: Italy" in text
    first = run_capmap(*PATENTS, "--year", "2008", "--with", "dynamics", "-f", "table", env={"COLUMNS": width})
    assert "dynamics: no period before" in first.stdout


def test_slips_end_with_what_to_do(run_capmap: RunCapmap, tmp_path: Path) -> None:
    (tmp_path / "eci.csv").write_text("region,eci\nKOR,1\n")
    for arguments, code, said in (
        (("--with", "diversities"), 2, "choose from reflections, projected"),
        (("--with", "projected"), 2, "--outside-pci FILE"),
        (("--with", "expy"), 2, "--income INDICATOR"),
        (("--with", "projected", "--outside-pci", "nowhere.csv"), 3, "no data file at nowhere.csv"),
        (("--with", "projected", "--outside-pci", "eci.csv"), 3, "no column sector or pci"),
        (("--plants", "eci.csv"), 3, "no column sector or size"),
    ):
        ran = run_capmap(*PATENTS, *arguments)
        assert (ran.code, ran.stdout) == (code, "")
        assert said in ran.stderr
    assert run_capmap(*PATENTS, "--table", "sectors", "-o", "pci.csv").code == 0
    ran = run_capmap(*PATENTS, "--with", "projected", "--outside-pci", "pci.csv", "-o", "pci.csv")
    assert (ran.code, "pci.csv is an input" in ran.stderr) == (2, True)
