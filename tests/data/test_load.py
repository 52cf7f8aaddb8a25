from __future__ import annotations

import io
import os
from pathlib import Path

import polars as pl
import pytest

from capmap.bundled import bundled
from capmap.data import load
from capmap.errors import ChecksFailedError, ExitCode, UnreadableError, UsageError
from capmap.model import TOTAL

from .projects import EXPORTS, GOODS, HEADER, PLAIN, ROWS, Build

COLUMNS = ["region", "sector", "indicator", "year", "value", "status", "file", "line"]


# ---------------------------------------------------------------------------------------- a project


def test_a_plain_project_is_read(build: Build) -> None:
    folder = build()
    project = load(folder)
    frame = project.observations
    assert frame.columns == COLUMNS
    assert frame.select("region", "sector", "year", "value", "line").rows() == [
        ("DEU", "cars", 2018, 50.0, 4),
        ("DEU", "ships", 2018, 1.0, 5),
        ("KOR", "cars", 2018, 30.0, 2),
        ("KOR", "ships", 2018, 20.0, 3),
    ]
    assert list(project.catalogue) == ["exports"]
    assert project.codes.listed
    assert project.root == folder
    assert not project.bundled
    (file,) = project.files
    assert (file.name, file.rows) == ("data/exports.csv", 4)
    assert file.path == folder / "data/exports.csv"


def test_columns_have_the_promised_types(build: Build) -> None:
    schema = load(build()).observations.schema
    assert schema["region"] == pl.Enum(["DEU", "KOR"])
    assert schema["sector"] == pl.Enum([TOTAL, "cars", "ships"])
    assert schema["indicator"] == pl.Enum(["exports"])
    assert schema["status"] == pl.Enum(["A", "B", "E", "I", "L", "M", "P", "Q", "U"])
    assert [schema[c] for c in ("year", "value", "file", "line")] == [pl.Int32, pl.Float64, pl.UInt16, pl.UInt32]


def test_hashes_are_those_of_the_files(build: Build) -> None:
    import hashlib

    project = load(build())
    assert project.files[0].sha256 == hashlib.sha256((HEADER + ROWS).encode()).hexdigest()


def test_the_run_file_may_be_named_itself(build: Build) -> None:
    assert load(build() / "capmap.toml").observations.height == 4


def test_the_nearest_project_upwards_is_used(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build()
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    project = load()
    assert project.root == folder
    assert not project.bundled


def test_without_any_project_the_sample_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project = load()
    assert project.bundled
    assert project.root == bundled() / "sample_data"
    assert {"articles", "patent_families", "robot_use"} <= set(project.catalogue)


def test_the_sample_passes_its_checks() -> None:
    project = load(bundled() / "sample_data")
    assert not [f for f in project.findings if f.severity == "error"]
    assert project.observations.height > 10_000


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_a_run_file_is_no_project(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableError) as caught:
        load(tmp_path / name)
    assert "capmap init" in (caught.value.fix or "")


def test_problems_of_all_files_come_at_once(build: Build) -> None:
    folder = build(
        {
            "indicators/exports.toml": EXPORTS.replace("kind", "knd"),
            "indicators/jobs.toml": EXPORTS.replace('"market"', '"marked"'),
            "codes/goods.csv": "code,label,parant\ncars,Cars,\nships,Ships,\n",
            "data/more.csv": "region;value\nKOR;3\n",
            "data/exports.csv": HEADER + ROWS + "KOR,cars,exports,2019,many,\nKRO,cars,exports,2018,3,\n",
        }
    )
    with pytest.raises(UnreadableError) as caught:
        load(folder)
    found = {(f.code, f.file) for f in caught.value.findings if f.severity == "error"}
    assert found == {
        ("CM002", "indicators/exports.toml"),
        ("CM003", "indicators/exports.toml"),
        ("CM004", "indicators/jobs.toml"),
        ("CM020", "codes/goods.csv"),
        ("CM008", "data/more.csv"),
        ("CM030", "data/exports.csv"),
        ("CM051", "data/exports.csv"),
    }
    assert caught.value.exit_code == ExitCode.UNREADABLE


def test_a_broken_run_file_does_not_hide_a_broken_indicator(build: Build) -> None:
    folder = build({"capmap.toml": '[data]\nobservation = ["x"]\n', "indicators/exports.toml": "kind = 3 4"})
    with pytest.raises(UnreadableError) as caught:
        load(folder)
    assert {(f.code, f.file) for f in caught.value.findings} == {
        ("CM001", "indicators/exports.toml"),
        ("CM002", "capmap.toml"),
        ("CM003", "capmap.toml"),
    }


def test_unchecked_reading_keeps_what_can_be_read(build: Build) -> None:
    folder = build({"indicators/jobs.toml": "kind = ", "data/more.csv": "region;value\nKOR;3\n"})
    project = load(folder, check=False)
    assert project.observations.height == 4
    assert {"CM001", "CM008"} <= {f.code for f in project.findings}


def test_unchecked_reading_raises_when_nothing_can_be_read(build: Build) -> None:
    with pytest.raises(UnreadableError):
        load(build({"data/exports.csv": b""}), check=False)


def test_a_broken_indicator_file_is_not_also_an_unknown_indicator(build: Build) -> None:
    project = load(build({"indicators/exports.toml": EXPORTS.replace("kind", "knd")}), check=False)
    assert "CM053" not in {f.code for f in project.findings}


def test_failed_checks_carry_every_finding(build: Build) -> None:
    folder = build({"data/exports.csv": HEADER + ROWS + "KRO,cars,exports,2018,-3,\nKOR,cars,exports,2018,1,\n"})
    with pytest.raises(ChecksFailedError) as caught:
        load(folder)
    assert [f.code for f in caught.value.findings if f.severity == "error"] == ["CM038", "CM050", "CM051"]
    assert caught.value.exit_code == ExitCode.CHECKS_FAILED


def test_a_missing_catalogue_folder_is_named(build: Build) -> None:
    with pytest.raises(UnreadableError, match="folder of indicator files index is not there"):
        load(build({"capmap.toml": PLAIN["capmap.toml"] + 'indicators = "index"\n'}))


# --------------------------------------------------------------------------------- which files to read


def rows_of(folder: Path, *patterns: str) -> list[str]:
    listed = ", ".join(f'"{p}"' for p in patterns)
    (folder / "capmap.toml").write_text(f"[data]\nobservations = [{listed}]\n")
    return [file.name for file in load(folder).files]


def test_files_folders_and_globs(build: Build) -> None:
    folder = build(
        {
            "data/b.csv": HEADER + "KOR,cars,exports,2017,3,\n",
            "data/deep/c.csv": HEADER + "KOR,cars,exports,2016,3,\n",
            "data/notes.md": "nothing",
            "data/.hidden.csv": "x",
            "data/~$open.xlsx": "x",
        }
    )
    assert rows_of(folder, "data") == ["data/b.csv", "data/exports.csv"]
    assert rows_of(folder, "data/*") == ["data/b.csv", "data/exports.csv"]
    assert rows_of(folder, "data/**/*.csv") == ["data/b.csv", "data/deep/c.csv", "data/exports.csv"]
    assert rows_of(folder, "data/exports.csv", "data/b.csv", "data/*.csv") == ["data/b.csv", "data/exports.csv"]
    assert rows_of(folder, str(folder / "data" / "b.csv")) == ["data/b.csv"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(build: Build) -> None:
    folder = build({"data/part[1].csv": HEADER + ROWS, "data/exports.csv": None})
    assert rows_of(folder, "data/part[1].csv") == ["data/part[1].csv"]


def test_a_pattern_without_files_names_the_nearest(build: Build) -> None:
    folder = build()
    with pytest.raises(UnreadableError) as caught:
        rows_of(folder, "data/export.csv", "none/*.csv")
    found = {f.file: f.fix for f in caught.value.findings}
    assert found["data/export.csv"] == "did you mean exports.csv?"
    assert found["none/*.csv"].startswith("name a file, a folder or a glob")


def test_files_of_other_kinds_are_refused(build: Build) -> None:
    folder = build({"data/exports.json": "[]"})
    with pytest.raises(UnreadableError, match=r"files of the kind \.json are not read"):
        rows_of(folder, "data/exports.json")


def test_a_file_outside_the_project_is_named_in_full(build: Build, tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text(HEADER + ROWS)
    assert rows_of(build(), str(tmp_path / "outside.csv")) == [str(tmp_path / "outside.csv")]


# ------------------------------------------------------------------------------------- a single file


def single(tmp_path: Path, text: str, name: str = "cars.csv") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_one_file_is_one_indicator_named_after_it(tmp_path: Path) -> None:
    path = single(tmp_path, "country,product,usd\nB,x,1\nA,x,2\nA,01,3\n")
    project = load(data=path, kind="value", columns={"region": "country", "sector": "product", "value": "usd"})
    assert project.observations.select("region", "sector", "indicator", "year", "value").rows() == [
        ("A", "01", "cars", None, 3.0),
        ("A", "x", "cars", None, 2.0),
        ("B", "x", "cars", None, 1.0),
    ]
    indicator = project.catalogue["cars"]
    assert (indicator.kind, indicator.unit, indicator.stage, indicator.direction) == ("value", "as given", "context", 1)
    assert indicator.classification == "as_found"
    assert not project.codes.listed
    assert project.codes.regions.columns == ["code", "label", "parent", "level", "role", "group"]
    assert project.codes.regions.select("code", "label", "role").rows() == [("A", "A", "region"), ("B", "B", "region")]
    assert project.codes.classifications["as_found"]["code"].to_list() == ["01", "x"]
    assert project.origins["columns.region"] == "flag"


def test_an_indicator_column_gives_several_indicators_of_the_kind(tmp_path: Path) -> None:
    path = single(tmp_path, "region,sector,indicator,value\nA,x,patents,1\nA,_T,people,2\n")
    project = load(data=path, kind="count")
    assert {i.id: (i.kind, i.classification) for i in project.catalogue.values()} == {
        "patents": ("count", "as_found"),
        "people": ("count", "none"),
    }


def test_sectors_may_be_absent_only_for_intensities_and_scores(tmp_path: Path) -> None:
    path = single(tmp_path, "region,value\nA,1\nB,2\n")
    for kind in ("intensity", "score"):
        project = load(data=path, kind=kind)
        assert project.observations["sector"].to_list() == [TOTAL, TOTAL]
        assert project.catalogue["cars"].classification == "none"
    with pytest.raises(UnreadableError) as caught:
        load(data=path, kind="count")
    assert caught.value.message == "no column for sector (found: region, value)"
    assert caught.value.fix == "say which one it is: `--columns sector=...`"


def test_an_intensity_without_catalogue_is_not_asked_for_its_denominator(tmp_path: Path) -> None:
    project = load(data=single(tmp_path, "region,value\nA,1\nB,2\n"), kind="intensity")
    assert project.findings == ()


@pytest.mark.parametrize(
    ("kind", "message", "fix"),
    [
        (None, "say what the numbers are", "--kind count | value | intensity | score"),
        ("cuont", "unknown kind 'cuont'", "did you mean count?"),
    ],
)
def test_the_kind_must_be_said(tmp_path: Path, kind: str | None, message: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(data=single(tmp_path, "region,sector,value\nA,x,1\n"), kind=kind)
    assert (caught.value.message, caught.value.fix) == (message, fix)


def test_arguments_that_contradict_each_other(tmp_path: Path, build: Build) -> None:
    path = single(tmp_path, "region,sector,value\nA,x,1\n")
    with pytest.raises(UsageError, match="both named"):
        load(build(), data=path, kind="value")
    with pytest.raises(UsageError, match="goes with a single data file"):
        load(build(), kind="value")
    with pytest.raises(UsageError, match="is a folder"):
        load(data=tmp_path, kind="value")


def test_a_missing_data_file_names_the_nearest(tmp_path: Path) -> None:
    single(tmp_path, "region,sector,value\nA,x,1\n")
    with pytest.raises(UnreadableError) as caught:
        load(data=tmp_path / "carz.csv", kind="value")
    assert caught.value.fix == "did you mean cars.csv?"


def test_standard_input_is_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO(b"\xef\xbb\xbfregion,sector,value\nA,x,1\nA,y,oops\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw))
    project = load(data="-", kind="value", check=False)
    assert list(project.catalogue) == ["stdin"]
    assert [(f.code, f.file, f.line) for f in project.findings if f.severity == "error"] == [("CM030", "-", 3)]


def test_a_single_file_ignores_the_project_around_it(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build({"capmap.toml": "[broken"})
    monkeypatch.chdir(folder)
    assert load(data="data/exports.csv", kind="value").observations.height == 4


def test_columns_can_be_named_for_a_project_too(build: Build) -> None:
    folder = build({"data/exports.csv": (HEADER + ROWS).replace("region", "land")})
    project = load(folder, columns={"region": "land"})
    assert project.observations.height == 4
    assert project.origins["columns.region"] == "flag"


def test_the_arguments_are_left_alone(build: Build) -> None:
    columns, overrides, before = {"region": "region"}, {"csv.decimal": "."}, dict(os.environ)
    load(build(), columns=columns, overrides=overrides)
    assert (columns, overrides, dict(os.environ)) == ({"region": "region"}, {"csv.decimal": "."}, before)


# ------------------------------------------------------------------------------------------- code lists


def test_missing_code_lists_are_made_of_the_codes_found(build: Build) -> None:
    folder = build({"codes/regions.csv": None, "codes/goods.csv": None})
    project = load(folder)
    assert not project.codes.listed
    assert project.codes.regions["code"].to_list() == ["DEU", "KOR"]
    assert project.codes.classifications["goods"]["code"].to_list() == ["cars", "ships"]
    notes = {f.file: f.severity for f in project.findings if f.code == "CM026"}
    assert notes == {"codes/regions.csv": "note", "codes/goods.csv": "note"}


def test_a_missing_classification_names_the_nearest(build: Build) -> None:
    folder = build({"codes/goods.csv": None, "codes/good.csv": GOODS})
    (note,) = (f for f in load(folder).findings if f.code == "CM026")
    assert note.fix == "did you mean good?"
    assert load(folder).codes.listed


def test_a_declared_reference_has_its_role_where_regions_are_taken_as_found(build: Build) -> None:
    folder = build(
        {
            "codes/regions.csv": None,
            "indicators/exports.toml": EXPORTS.replace("[source]", 'reference = "WLD"\n[source]'),
            "data/exports.csv": HEADER + ROWS + "WLD,cars,exports,2018,100,\nWLD,ships,exports,2018,90,\n",
        }
    )
    regions = load(folder).codes.regions
    assert dict(regions.select("code", "role").iter_rows()) == {"DEU": "region", "KOR": "region", "WLD": "reference"}


def test_region_level_indicators_need_no_sector_column(build: Build) -> None:
    folder = build(
        {
            "indicators/people.toml": EXPORTS.replace('"goods"', '"none"'),
            "data/people.csv": "region,indicator,year,value\nKOR,people,2018,5\nDEU,people,2018,8\n",
            "data/mixed.csv": HEADER + "KOR,,people,2019,6,\nKOR,cars,exports,2019,6,\n",
        }
    )
    people = load(folder).observations.filter(pl.col("indicator") == "people")
    assert people["sector"].unique().to_list() == [TOTAL]
    assert people.height == 3


def test_a_file_of_one_indicator_may_leave_it_to_the_run_file(build: Build) -> None:
    bare = "region,sector,year,value\nKOR,cars,2018,30\nKOR,ships,2018,1\n"
    folder = build({"data/exports.csv": bare})
    with pytest.raises(UnreadableError) as caught:
        load(folder)
    assert "[data] indicator" in (caught.value.fix or "")
    assert load(folder, overrides={"data.indicator": "exports"}).observations.height == 2
