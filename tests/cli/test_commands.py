"""Every command through its real entry point: what it prints, where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

import capmap as cm
from capmap.analyses.blocks import COLUMNS
from capmap.analyses.profile import LONG_COLUMNS
from capmap.cli.session import say
from capmap.model import Project
from tests.conftest import RunCapmap

EXPORTS = """country,product,usd
KOR,cars,100
KOR,chips,300
DEU,cars,400
DEU,chips,100
NA,cars,5
NA,chips,1
"""
AS_EXPORTS = ("--kind", "value", "--columns", "region=country,sector=product,value=usd")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# --- contracts ------------------------------------------------------------------------------------------------


def test_data_go_to_stdout_and_talk_to_stderr(run_capmap: RunCapmap) -> None:
    ran = run_capmap("rca", "-i", "patent_families", "-r", "KOR")
    found = rows(ran.stdout)
    assert (ran.code, len(found)) == (0, 35)
    assert list(found[0]) == list(COLUMNS)
    assert "sample that ships with capmap" in ran.stderr
    assert "published total WLD" in ran.stderr
    assert "dispersion 3.9" in ran.stderr
    quiet = run_capmap("rca", "-i", "patent_families", "-r", "KOR", "-q")
    assert (quiet.stdout, quiet.stderr) == (ran.stdout, "")


def test_a_second_run_writes_the_same_bytes(run_capmap: RunCapmap, tmp_path: Path) -> None:
    for name in ("one", "two"):
        for suffix in ("parquet", "csv", "json", "xlsx"):
            assert run_capmap("rca", "-i", "articles", "-o", str(tmp_path / f"{name}.{suffix}")).code == 0
    for suffix in ("parquet", "csv", "json", "xlsx"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes(), suffix


def test_files_of_every_format_hold_the_same_numbers(run_capmap: RunCapmap, tmp_path: Path, sample: Project) -> None:
    expected = cm.rca(sample, indicator=["patent_families"], year=2018)
    for suffix in ("parquet", "csv", "json"):
        path = tmp_path / f"out.{suffix}"
        assert run_capmap("rca", "-i", "patent_families", "--year", "2018", "-o", str(path)).code == 0
        if suffix == "parquet":
            found = pl.read_parquet(path)
        elif suffix == "csv":
            found = pl.read_csv(path)
        else:
            found = pl.DataFrame(json.loads(path.read_text())["rows"], infer_schema_length=None)
        assert found.height == expected.height == 32 * 35
        for name in ("value", "rca", "rca_low", "p_above_one", "share_world"):
            assert found[name].cast(pl.Float64).to_list() == expected[name].to_list(), (suffix, name)
        assert found["class"].to_list() == expected["class"].cast(pl.String).to_list()


def test_parquet_says_where_it_comes_from(run_capmap: RunCapmap, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    run_capmap("rca", "-i", "patent_families", "--reference", "ex:CHN", "-o", str(path))
    told = json.loads(pl.read_parquet_metadata(path)["capmap"])
    assert told["command"] == "rca"
    assert told["parameters"]["reference"] == "ex:CHN"
    assert {"name", "rows", "sha256"} <= set(told["inputs"][0])


def test_output_to_a_place_that_cannot_be_written(run_capmap: RunCapmap, tmp_path: Path) -> None:
    ran = run_capmap("rca", "-o", str(tmp_path / "no" / "such" / "folder.csv"))
    assert ran.code == 8
    assert "capmap: error:" in ran.stderr
    assert "fix:" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["profile", "Koria"], 2, "KOR (Korea)"),
        (["rca", "-i", "robot_use"], 2, "capmap intensity -i robot_use"),
        (["rca", "-i", "patents"], 2, "patent_families"),
        (["rca", "--year", "2017"], 5, "no data in 2017 (has 2008"),
        (["rca", "--reference", "group:nothing"], 2, "EU27"),
        (["rca", "--threshold", "-1"], 2, "threshold"),
        (["rca", "--with", "magic"], 2, "per_capita"),
        (["compare", "DEU"], 2, "name 2 to 6"),
        (["intensity", "-i", "articles"], 2, "capmap rca -i articles"),
        (["normalise", "-m", "magic"], 2, "z_score"),
        (["rca", "--data", "nowhere.csv", "--kind", "count"], 3, "nowhere.csv"),
        (["rca", "-f", "parquet"], 2, "needs a file"),
        (["sector", "semiconductors", "--year", "all"], 2, "use latest or one year"),
        (["run", "-o", "taken"], 8, "it is a file, and a run fills a folder"),
        (["rca", "-i", "articles", "--top", "9" * 23], 0, ""),
        (["sector", "semiconductor"], 0, ""),
        (["sector", "electrical_engineering"], 2, "is of the level area; the data hold the sectors below it"),
        (["sector", "electrical_engineering"], 2, "--level area"),
        (["sector", "Electrical Engineering"], 2, "--level area"),
        (["rca", "-s", "mechanical_engineering"], 2, "--level area"),
        (["sector", "chemistry", "--level", "area"], 0, ""),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_trouble_ends_in_a_message_and_a_documented_code(
    run_capmap: RunCapmap, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "taken").touch()
    ran = run_capmap(*arguments)
    assert ran.code == code, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    if code:
        assert ran.stdout == ""


def test_a_traceback_only_with_debug(run_capmap: RunCapmap) -> None:
    assert "Traceback" in run_capmap("profile", "Koria", "--debug").stderr


# --- one file, no project -------------------------------------------------------------------------------------


def test_one_file_is_enough_for_every_command(run_capmap: RunCapmap, tmp_path: Path) -> None:
    path = tmp_path / "exports.csv"
    path.write_text(EXPORTS)
    data = ("--data", str(path), *AS_EXPORTS)
    found = rows(run_capmap("rca", *data).stdout)
    assert {r["region"] for r in found} == {"KOR", "DEU", "NA"}  # Namibia is not a missing value
    chips = next(r for r in found if (r["region"], r["sector"]) == ("KOR", "chips"))
    assert float(chips["rca"]) == pytest.approx((300 / 400) / (401 / 906))
    assert (chips["class"], chips["year"]) == ("indicated", "")
    assert run_capmap("profile", "KOR", *data, "-f", "table").code == 0
    assert run_capmap("compare", "KOR", "DEU", *data, "-f", "table").code == 0
    assert run_capmap("sector", "chips", *data, "-f", "table").code == 0
    assert run_capmap("normalise", *data, "-m", "min_max").code == 0
    assert run_capmap("check", *data).code == 0
    assert rows(run_capmap("regions", *data).stdout)[0]["code"] == "DEU"


@pytest.mark.parametrize(
    ("kind", "said", "instead"),
    [
        ("intensity", "a ratio of ratios misleads", "capmap intensity --data {path} --kind intensity"),
        ("score", "not an amount", "capmap normalise --data {path} --kind score"),
    ],
)
def test_no_rca_of_a_file_of_ratios(run_capmap: RunCapmap, tmp_path: Path, kind: str, said: str, instead: str) -> None:
    path = tmp_path / "density.csv"
    path.write_text("region,sector,value\nKOR,cars,1.5\nDEU,cars,0.5\nKOR,chips,2.5\nDEU,chips,1\n")
    ran = run_capmap("rca", "--data", str(path), "--kind", kind)
    assert (ran.code, ran.stdout) == (2, "")
    assert "no RCA of density" in ran.stderr
    assert said in ran.stderr
    assert instead.format(path=path) in ran.stderr
    assert run_capmap(*instead.format(path=path).split()[1:]).code == 0


def test_proposed_commands_are_of_the_same_data(run_capmap: RunCapmap, tmp_path: Path) -> None:
    """As printed they can be typed: file, kind and columns are there, and what has a blank is quoted."""
    path = tmp_path / "my exports.csv"
    path.write_text(EXPORTS.replace("chips", "computer chips").replace("NA,", "O'Hara Isle,"))
    data = ("--data", "my exports.csv", *AS_EXPORTS)
    asked = "--data 'my exports.csv' --kind value --columns region=country,sector=product,value=usd"
    for command in (["profile", "O'Hara Isle"], ["compare", "KOR", "O'Hara Isle"], ["sector", "computer chips"]):
        ran = run_capmap(*command, *data, "-f", "table", env={"COLUMNS": "400"})
        more = next(line for line in ran.stdout.splitlines() if line.startswith("MORE"))[len("MORE") :]
        proposed = [text.strip() for text in more.split(" | ") if text.strip().startswith("capmap ")]
        assert proposed
        for text in proposed:
            assert text.endswith(asked)
            again = run_capmap(*shlex.split(text)[1:])
            assert again.code == 0, (text, again.stderr)
    ratios = run_capmap("rca", "--data", "my exports.csv", "--kind", "score", *AS_EXPORTS[2:])
    assert "capmap normalise --data 'my exports.csv' --kind score" in ratios.stderr


def test_the_warning_about_data_names_them(run_capmap: RunCapmap, tmp_path: Path) -> None:
    path = tmp_path / "alike.csv"
    path.write_text("region,sector,year,value\n" + "".join(
        f"{r},s{j},2020,{10 + j}\n" for r in "AB" for j in range(8)
    ))  # fmt: skip
    ran = run_capmap("rca", "--data", "alike.csv", "--kind", "count")
    assert re.search(r"warnings? about the data: capmap check --data alike.csv --kind count$", ran.stderr, re.MULTILINE)


def test_a_dumb_terminal_is_as_wide_as_it_says(run_capmap: RunCapmap) -> None:
    wide = run_capmap("profile", "KOR", "-f", "table", env={"TERM": "dumb", "COLUMNS": "120"}).stdout
    assert wide == run_capmap("profile", "KOR", "-f", "table", env={"TERM": "xterm", "COLUMNS": "120"}).stdout
    assert max(map(len, wide.splitlines())) > 100


def test_duplicates_are_counted_by_the_place(run_capmap: RunCapmap, tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("region,sector,year,value\n" + "A,x,2018,1\n" * 20_001)
    ran = run_capmap("rca", "--data", "twice.csv", "--kind", "count")
    assert ran.code == 4
    assert "the data fail 1 check in 20,000 places" in ran.stderr
    assert "and 19,980 more" in ran.stderr


def test_nothing_but_a_header_is_an_error_anywhere(run_capmap: RunCapmap, tmp_path: Path) -> None:
    """In a project as with --data; a file without rows among others is a warning."""
    (tmp_path / "x.csv").write_text("region,sector,indicator,year,value\n")
    (tmp_path / "capmap.toml").write_text('[data]\nobservations = ["x.csv"]\n')
    (tmp_path / "indicators").mkdir()
    (tmp_path / "indicators" / "x.toml").write_text(
        'name = "X"\nkind = "count"\nunit = "u"\nstage = "market"\ndirection = 1\nclassification = "c"\n[source]\ntitle = "t"\n'
    )
    for asked in (["--data", "x.csv", "--kind", "count"], ["-p", "."]):
        ran = run_capmap("rca", *asked)
        assert (ran.code, ran.stdout) == (4, "")
        assert "there are no observations" in ran.stderr


def test_standard_input_is_a_file_too(run_capmap: RunCapmap) -> None:
    ran = run_capmap("rca", "--data", "-", *AS_EXPORTS, "-q", stdin=EXPORTS)
    assert len(rows(ran.stdout)) == 6


# --- check ------------------------------------------------------------------------------------------------------


def test_check_of_the_sample_passes_and_of_broken_data_does_not(run_capmap: RunCapmap, tmp_path: Path) -> None:
    good = run_capmap("check", "-f", "json")
    assert good.code == 0
    assert json.loads(good.stdout)["meta"]["count"]["error"] == 0
    assert run_capmap("init", str(tmp_path / "mine")).code == 0
    path = tmp_path / "mine" / "data" / "patent_families.csv"
    lines = path.read_text().splitlines()
    lines[5] = "ARG,semicondutors,patent_families,2018,-3,"
    lines.append(lines[7])
    path.write_text("\n".join(lines) + "\n")
    ran = run_capmap("check", "-p", str(tmp_path / "mine"), "-f", "json")
    assert ran.code == 4
    errors = [f for f in json.loads(ran.stdout)["rows"] if f["severity"] == "error"]
    said = " ".join(f["message"] + f["fix"] for f in errors)
    assert "semiconductors" in said
    assert {6, len(lines)} <= {f["line"] for f in errors}
    again = next(f for f in errors if f["line"] == len(lines))
    assert "line 8" in again["message"]  # both rows of a duplicate are named
    for command in (["rca"], ["profile", "KOR"], ["compare", "KOR", "DEU"]):
        refused = run_capmap(*command, "-p", str(tmp_path / "mine"))
        assert (refused.code, refused.stdout) == (4, "")
        assert "capmap check" in refused.stderr


# --- reading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [["profile", "KOR"], ["compare", "DEU", "ITA", "KOR"], ["sector", "semiconductors"]]
)
def test_readings_are_one_long_frame_in_rows_and_tables_in_json(run_capmap: RunCapmap, command: list[str]) -> None:
    found = rows(run_capmap(*command, "-f", "csv").stdout)
    assert list(found[0]) == list(LONG_COLUMNS)
    told = json.loads(run_capmap(*command, "-f", "json").stdout)
    assert set(told) == {"meta", "tables"}
    assert told["tables"]["headline"]
    sections = {r["section"] for r in found}
    assert sections == {name for name, table in told["tables"].items() if table}


def test_a_year_that_an_indicator_lacks_is_said(run_capmap: RunCapmap) -> None:
    ran = run_capmap("profile", "ITA", "--year", "2018", "-f", "json")
    told = json.loads(ran.stdout)
    assert {b["year"] for b in told["meta"]["blocks"]} == {2018}
    assert not [r for r in told["tables"]["intensity"] if r["indicator"] == "robot_density"]
    mixed = json.loads(run_capmap("profile", "ITA", "--year", "2019", "--allow-mixed-years", "-f", "json").stdout)
    assert {b["year"] for b in mixed["meta"]["blocks"]} == {2018}


def test_names_work_as_well_as_codes(run_capmap: RunCapmap) -> None:
    assert run_capmap("profile", "korea", "-q").stdout == run_capmap("profile", "KOR", "-q").stdout


# --- verbs --------------------------------------------------------------------------------------------------------


def test_python_verbs_equal_the_commands(run_capmap: RunCapmap, sample: Project) -> None:
    def same(frame: pl.DataFrame, *command: str) -> None:
        found = rows(run_capmap(*command, "-f", "csv", "-q").stdout)
        assert len(found) == frame.height
        for name in frame.columns:
            ours = frame[name].cast(pl.String).fill_null("").to_list() if not frame[name].dtype.is_float() else None
            theirs = [r[name] for r in found]
            if ours is not None:
                assert theirs == ours, name
            else:
                assert [float(v) if v else None for v in theirs] == frame[name].to_list(), name

    same(cm.rca(sample), "rca")
    same(cm.intensity(sample, indicator=["robot_use"]), "intensity", "-i", "robot_use")
    same(
        cm.normalise(sample, indicator=["robot_use"], method="percentile"),
        "normalise",
        "-i",
        "robot_use",
        "-m",
        "percentile",
    )
    same(cm.indicators(sample), "indicators")
    same(cm.regions(sample), "regions")
    same(cm.sectors(sample), "sectors")
    from capmap.analyses.profile import long

    same(long(cm.profile(sample, "KOR")), "profile", "KOR")
    same(long(cm.compare(sample, ["DEU", "KOR"])), "compare", "DEU", "KOR")
    same(long(cm.sector(sample, "semiconductors")), "sector", "semiconductors")


# --- settings -----------------------------------------------------------------------------------------------------


def test_config_says_where_each_setting_comes_from(run_capmap: RunCapmap) -> None:
    ran = run_capmap("config", env={"CAPMAP_SPECIALISATION_THRESHOLD": "1.25"})
    found = {r["key"]: (r["value"], r["origin"]) for r in rows(ran.stdout)}
    assert found["specialisation.threshold"][0] == "1.25"
    assert "CAPMAP_SPECIALISATION_THRESHOLD" in found["specialisation.threshold"][1]
    assert found["specialisation.level"] == ("0.95", "default")


def test_selection_is_the_same_everywhere(run_capmap: RunCapmap) -> None:
    top = rows(
        run_capmap("rca", "-i", "patent_families", "--group", "EU27", "--top", "3", "--sort", "rca", "--labels").stdout
    )
    assert len(top) == 3
    assert float(top[0]["rca"]) >= float(top[1]["rca"]) >= float(top[2]["rca"])
    assert top[0]["region_label"]
    areas = rows(run_capmap("rca", "-i", "patent_families", "--level", "area", "-r", "KOR").stdout)
    assert {r["sector"] for r in areas} == {
        "electrical_engineering", "instruments", "chemistry", "mechanical_engineering", "other_fields"
    }  # fmt: skip
    only = rows(run_capmap("rca", "-i", "patent_families", "-r", "SGP", "--class", "established").stdout)
    assert {r["sector"] for r in only} == {"semiconductors", "audio_visual_technology", "computer_technology"}


def test_run_writes_everything_with_a_manifest(run_capmap: RunCapmap, tmp_path: Path) -> None:
    assert run_capmap("run", "-o", str(tmp_path / "results")).code == 0
    told = json.loads((tmp_path / "results" / "manifest.json").read_text())
    names = {f["name"] for f in told["files"]}
    assert {"rca.parquet", "rca.csv", "intensity.parquet", "profiles.parquet", "normalise.csv"} <= names
    assert pl.read_parquet(tmp_path / "results" / "rca.parquet").height == 6 * 32 * (35 + 14)


def test_what_is_said_gives_a_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    say("a cell \x1b]0;owned\x07 with \x9b31m orders,\ta tab and \u00e9")
    assert capsys.readouterr().err == "a cell ?]0;owned? with ?31m orders,\ta tab and \u00e9\n"
