from __future__ import annotations

import csv
import gzip
from datetime import date
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from capmap.data import load
from capmap.data.files import _one_row_a_line
from capmap.errors import Finding, UnreadableError
from capmap.model import Project

from .projects import HEADER, ROWS, Build

FULL = HEADER + ROWS


def single(tmp_path: Path, content: str | bytes, name: str = "exports.csv", **options: object) -> Project:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = {"kind": "value", "check": False, **options}
    return load(data=path, **options)  # type: ignore[arg-type]


def problem(tmp_path: Path, content: str | bytes, name: str = "exports.csv", **options: object) -> Finding:
    with pytest.raises(UnreadableError) as caught:
        single(tmp_path, content, name, **options)
    return caught.value.findings[0]


def errors(project: Project) -> list[tuple[str, int | None, str | None]]:
    return [(f.code, f.line, f.value) for f in project.findings if f.severity == "error"]


def cells(project: Project) -> list[tuple[object, ...]]:
    return project.observations.select("region", "sector", "year", "value").rows()


# ------------------------------------------------------------------------------------------- notation

SMALL = "region,sector,year,value\nA,x,2018,1.5\nB,x,2018,2\n"
READ = [("A", "x", 2018, 1.5), ("B", "x", 2018, 2.0)]


@pytest.mark.parametrize(
    "content",
    [
        SMALL.encode(),
        b"\xef\xbb\xbf" + SMALL.encode(),
        SMALL.replace("\n", "\r\n").encode(),
        SMALL.replace("\n", "\r").encode(),
        SMALL.rstrip("\n").encode(),
        SMALL.replace("\nB", "\n\nB").encode() + b"\n\n",
        (SMALL + ",,,\n").encode(),
        SMALL.replace("region,sector", '"region" , sector').replace('"region" ', '"region"').encode(),
        SMALL.replace("A,x", '"A","x"').replace("1.5", " 1.5 ").encode(),
        SMALL.replace("2018", "2018.0").encode(),
    ],
    ids=["plain", "bom", "crlf", "cr", "no-last-break", "blank-lines", "empty-row", "header", "quoted", "2018.0"],
)
def test_harmless_differences_of_notation(tmp_path: Path, content: bytes) -> None:
    project = single(tmp_path, content)
    assert cells(project) == READ
    assert errors(project) == []


def test_gzip_and_tabs(tmp_path: Path) -> None:
    assert cells(single(tmp_path, gzip.compress(SMALL.encode()), "exports.csv.gz")) == READ
    assert cells(single(tmp_path, SMALL.replace(",", "\t"), "exports.tsv")) == READ
    assert list(single(tmp_path, gzip.compress(SMALL.encode()), "cars.csv.gz").catalogue) == ["cars"]


def test_namibia_and_leading_zeros_stay_text(tmp_path: Path) -> None:
    text = "region,sector,year,value\nNA,01,2018,1\nNA,1,2018,2\nnull,1e3,2018,3\n"
    assert cells(single(tmp_path, text)) == [
        ("NA", "01", 2018, 1.0),
        ("NA", "1", 2018, 2.0),
        ("null", "1e3", 2018, 3.0),
    ]


def test_semicolons_are_named_and_work_when_set(tmp_path: Path) -> None:
    text = "region;sector;year;value\nA;x;2018;1,5\nB;x;2018;2\n"
    found = problem(tmp_path, text)
    assert (found.code, found.line) == ("CM008", 1)
    assert '`[csv] separator = ";"`' in found.fix
    assert '`[csv] decimal = ","`' in found.fix
    assert cells(single(tmp_path, text, overrides={"csv.separator": ";", "csv.decimal": ","})) == READ
    environ = {"CAPMAP_CSV_SEPARATOR": ";", "CAPMAP_CSV_DECIMAL": ","}
    assert cells(single(tmp_path, text, environ=environ)) == READ


def test_a_comma_file_read_with_semicolons_says_so(tmp_path: Path) -> None:
    found = problem(tmp_path, SMALL, overrides={"csv.separator": ";"})
    assert (found.code, found.message[:33]) == ("CM008", "the header is separated by commas")


def test_bare_decimal_commas_are_named_with_their_lines(tmp_path: Path) -> None:
    text = "region,sector,year,value\nA,x,2018,1,5\nB,x,2018,2\nC,x,2018,2,5\nD,x,2018\n"
    with pytest.raises(UnreadableError) as caught:
        single(tmp_path, text)
    assert [(f.code, f.line) for f in caught.value.findings] == [("CM010", 2), ("CM010", 4), ("CM010", 5)]
    assert '`[csv] decimal = ","`' in caught.value.findings[0].fix
    assert caught.value.findings[2].message == "3 fields, the header has 4"


def test_uneven_rows_that_make_up_for_each_other_are_found(tmp_path: Path) -> None:
    text = "region,sector,value,status\nA,x,1,5,\nB,x,2\nC,x,3,\n"
    with pytest.raises(UnreadableError) as caught:
        single(tmp_path, text)
    assert [(f.code, f.line) for f in caught.value.findings] == [("CM010", 2), ("CM010", 3)]


def test_quoted_decimal_commas_are_named_and_work_when_set(tmp_path: Path) -> None:
    text = 'region,sector,year,value\nA,x,2018,"1,5"\nB,x,2018,2\n'
    project = single(tmp_path, text)
    assert errors(project) == [("CM030", 2, "1,5")]
    assert '`[csv] decimal = ","`' in project.findings[0].fix
    assert cells(single(tmp_path, text, overrides={"csv.decimal": ","})) == READ


@pytest.mark.parametrize(
    ("decimal", "text"), [(".", "1,234"), (".", "1,234.5"), (".", "1 234"), (",", "1.234,5"), (",", "1.234")]
)
def test_thousands_separators_are_refused(tmp_path: Path, decimal: str, text: str) -> None:
    project = single(tmp_path, f'region,sector,value\nA,x,"{text}"\n', overrides={"csv.decimal": decimal})
    assert errors(project) == [("CM030", 2, text)]
    assert project.findings[0].fix == "write it without thousands separators"


def test_latin_1_is_named_with_its_line_and_works_when_set(tmp_path: Path) -> None:
    content = "region,sector,year,value\nA,x,2018,1.5\nÅland,x,2018,2\n".encode("latin-1")
    found = problem(tmp_path, content)
    assert (found.code, found.line) == ("CM007", 3)
    assert found.message == "the file is not utf-8 text (byte c5)"
    assert '`[csv] encoding = "latin-1"`' in found.fix
    assert cells(single(tmp_path, content, overrides={"csv.encoding": "latin-1"}))[1][0] == "Åland"


def test_utf_16_is_recognised_and_works_when_set(tmp_path: Path) -> None:
    content = SMALL.encode("utf-16")
    assert '`[csv] encoding = "utf-16"`' in problem(tmp_path, content).fix
    assert cells(single(tmp_path, content, overrides={"csv.encoding": "utf-16"})) == READ


def test_an_unknown_encoding_is_a_wrong_setting(tmp_path: Path) -> None:
    found = problem(tmp_path, SMALL, overrides={"csv.encoding": "utf-42"})
    assert (found.code, found.column, found.value) == ("CM004", "csv.encoding", "utf-42")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "exports.csv", "the file is empty"),
        (b"\n \n", "exports.csv", "the file is empty"),
        (b"", "exports.parquet", "the file cannot be read"),
        (b"no parquet", "exports.parquet", "the file cannot be read"),
        (b"no workbook", "exports.xlsx", "the file cannot be read"),
        (b"no gzip", "exports.csv.gz", "the file cannot be read"),
        (gzip.compress(SMALL.encode())[:-9], "exports.csv.gz", "the file cannot be read"),
        (b'region,sector,value\nA,x,1\nB,"x,1\n', "exports.csv", "row cannot be read"),
    ],
)
def test_damaged_files_are_findings(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    found = problem(tmp_path, content, name)
    assert found.code == "CM006"
    assert found.message.startswith(message)


def test_an_open_quotation_mark_is_located(tmp_path: Path) -> None:
    found = problem(tmp_path, 'region,sector,value\nA,x,1\nB,"x,1\nC,x,1\n')
    assert (found.line, found.fix) == (3, "close the quotation mark")


def test_an_empty_first_line_is_no_header(tmp_path: Path) -> None:
    assert problem(tmp_path, "\nregion,sector,value\nA,x,1\n").message == "the first line is empty"


def test_lines_are_right_after_line_breaks_within_cells(tmp_path: Path) -> None:
    text = 'region,sector,value,note\nA,x,1,"two\nlines"\n"B","x",bad,\n\nC,x,worse,"a ""b"", c"\n'
    assert errors(single(tmp_path, text)) == [("CM030", 4, "bad"), ("CM030", 6, "worse")]


#: Cells as they stand in a file, and ends of lines; one sign in ten or so makes a row that is not plain.
_CELL = st.sampled_from(["", "a", "é", '""', '"a"', '"a;b"', '"say ""a"""', '"a\n"', 'a"', '"a" ', "a\rb", '"a\rb"'])
_END = st.sampled_from(["\n", "\r\n"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.lists(_CELL, min_size=1, max_size=3), _END), min_size=1, max_size=5), st.integers(2, 3))
def test_only_a_file_with_one_row_a_line_passes_for_one(rows: list[tuple[list[str], str]], width: int) -> None:
    raw = "".join(";".join(row) + end for row, end in rows).encode()
    assume(b'"' in raw)
    if _one_row_a_line(raw, width, ";"):
        read = list(csv.reader(StringIO(raw.decode(), newline=""), delimiter=";", strict=True))
        assert [len(row) for row in read] == [width] * raw.count(b"\n")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^", "]", "-"])
def test_quoted_cells_that_close_on_their_line_are_plain_rows(separator: str) -> None:
    rows = [["region", "value"], ['"A"', f'"1{separator}5"'], ["B", '"say ""b"""'], ['""', "2"]]
    raw = "\n".join(separator.join(row) for row in rows).encode()
    assert _one_row_a_line(raw, 2, separator)
    assert not _one_row_a_line(raw, 3, separator)


@pytest.mark.parametrize(("raw", "plain"), [(b"a,b\n1,2\n", True), (b"a,b\n1,2", True), (b"a,b\n1,2,3\n", False)])
def test_a_file_without_quotation_marks_is_plain_where_its_rows_are_even(raw: bytes, plain: bool) -> None:
    assert _one_row_a_line(raw, 2, ",") is plain


def test_columns_of_keys_without_any_code_are_located(tmp_path: Path) -> None:
    project = single(tmp_path, "region,sector,year,value\n,x,2018,1\n ,y,2018,2\n", check=False)
    assert project.observations.is_empty()
    assert [(f.code, f.line) for f in project.findings if f.column == "region"] == [("CM033", 2), ("CM033", 3)]


def test_a_header_without_rows_is_a_warning_and_no_observations_an_error(build: Build, tmp_path: Path) -> None:
    assert [f.code for f in single(tmp_path, HEADER).findings] == ["CM091", "CM011"]
    folder = build({"data/later.csv": HEADER})
    assert ("CM011", "data/later.csv") in [(f.code, f.file) for f in load(folder).findings]


# --------------------------------------------------------------------------------------------- columns


def test_sdmx_names_are_understood_in_any_case(tmp_path: Path) -> None:
    text = "DATAFLOW,Ref_Area,SECTOR,Indicator,TIME_PERIOD,OBS_VALUE,obs_status\nD,A,x,patents,2018,1,E\n"
    project = single(tmp_path, text)
    assert project.observations.row(0)[:6] == ("A", "x", "patents", 2018, 1.0, "E")
    (note,) = (f for f in project.findings if f.code == "CM012")
    assert (note.message, note.severity) == ("not read: DATAFLOW", "note")


def test_the_standard_name_wins_over_the_sdmx_name(tmp_path: Path) -> None:
    text = "REF_AREA,region,sector,value\nwrong,A,x,1\n"
    assert cells(single(tmp_path, text)) == [("A", "x", None, 1.0)]


def test_a_mapping_wins_over_every_name(tmp_path: Path) -> None:
    text = "region,iso3,sector,value\nwrong,A,x,1\n"
    assert cells(single(tmp_path, text, columns={"region": "iso3"})) == [("A", "x", None, 1.0)]


def test_a_mapped_column_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    found = problem(tmp_path, "country,sector,value\nA,x,1\n", columns={"region": "contry"})
    assert found.message == "no column `contry` for region (found: country, sector, value)"
    assert found.fix == "did you mean `country`?"


def test_a_missing_column_names_the_key_to_set(build: Build) -> None:
    with pytest.raises(UnreadableError) as caught:
        load(build({"data/exports.csv": "country,sector,indicator,year,usd\nKOR,cars,exports,2018,3\n"}))
    assert [(f.code, f.file, f.column, f.fix) for f in caught.value.findings] == [
        ("CM009", "data/exports.csv", "region", 'say which one it is: `[columns] region = "country"`'),
        ("CM009", "data/exports.csv", "value", 'say which one it is: `[columns] value = "usd"`'),
    ]


def test_columns_that_are_not_used_are_never_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"region": ["A"], "sector": ["x"], "value": [1.0], "blob": [b"\xff\xfe"], "line": [7]})
    frame.write_parquet(tmp_path / "exports.parquet")
    project = load(data=tmp_path / "exports.parquet", kind="value")
    assert project.observations.row(0) == ("A", "x", "exports", None, 1.0, None, 0, 1)
    assert [f.message for f in project.findings if f.code == "CM012"] == ["not read: blob"]


# ----------------------------------------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("abc", "CM030"),
        ("1.2.3", "CM030"),
        ("1e", "CM030"),
        ("12 %", "CM030"),
        (":", "CM030"),
        ("NA", "CM030"),
        ("0x10", "CM030"),
        ("١", "CM030"),
        ("nan", "CM031"),
        ("-inf", "CM031"),
        ("Infinity", "CM031"),
        ("1e400", "CM031"),
    ],
)
def test_what_is_no_number_is_located_and_becomes_null(tmp_path: Path, text: str, code: str) -> None:
    project = single(tmp_path, f"region,sector,value\nA,x,1\nA,y,{text}\n")
    assert errors(project) == [(code, 3, text)]
    assert project.findings[0].column == "value"
    assert cells(project) == [("A", "x", None, 1.0), ("A", "y", None, None)]


@pytest.mark.parametrize(
    ("text", "value"), [("1e3", 1000.0), ("+3", 3.0), (".5", 0.5), ("5.", 5.0), ("-0", 0.0), (" 7 ", 7.0)]
)
def test_what_is_a_number(tmp_path: Path, text: str, value: float) -> None:
    project = single(tmp_path, f"region,sector,value\nA,x,{text}\n")
    assert cells(project) == [("A", "x", None, value)]
    assert errors(project) == []


def test_texts_for_no_value_are_declared_and_never_touch_codes(tmp_path: Path) -> None:
    text = "region,sector,value\n:,x,:\nA,..,..\nA,x,3\n"
    project = single(tmp_path, text, overrides={"csv.null_values": ":,.."})
    assert project.observations.select("region", "sector", "value", "status").rows() == [
        (":", "x", None, "L"),
        ("A", "..", None, "L"),
        ("A", "x", 3.0, None),
    ]
    assert errors(project) == []


@pytest.mark.parametrize("text", ["2018-Q1", "18", "20180", "2018.5", "MMXVIII", "0999", "-2018"])
def test_what_is_no_year_is_located(tmp_path: Path, text: str) -> None:
    project = single(tmp_path, f"region,sector,year,value\nA,x,2018,1\nA,y,{text},2\n")
    assert errors(project) == [("CM032", 3, text)]
    assert cells(project) == [("A", "x", 2018, 1.0)]


def test_empty_keys_are_located_and_left_out(tmp_path: Path) -> None:
    text = "region,sector,indicator,year,value\n,x,e,2018,1\nA,,e,2018,1\nA,x,,2018,1\nA,x,e,,1\nA,x,e,2018,1\n"
    project = single(tmp_path, text)
    assert errors(project) == [("CM033", n, None) for n in (2, 3, 4, 5)]
    assert {f.line: f.column for f in project.findings if f.code == "CM033"} == {
        2: "region",
        3: "sector",
        4: "indicator",
        5: "year",
    }
    assert project.observations.height == 1


def test_space_around_codes_is_an_error_and_stripped(tmp_path: Path) -> None:
    project = single(tmp_path, "region,sector,value\n A,x ,1\nA,y,2\n")
    assert errors(project) == [("CM034", 2, " A"), ("CM034", 2, "x ")]
    assert project.findings[0].fix == "write 'A'"
    assert cells(project) == [("A", "x", None, 1.0), ("A", "y", None, 2.0)]


def test_statuses(tmp_path: Path) -> None:
    text = "region,sector,value,status\nA,a,1,A\nA,b,,\nA,c,,Q\nA,d,0,\nA,e,5,b\nA,f,5,estimated\nA,g,5,P\nA,h,,M\n"
    project = single(tmp_path, text)
    assert errors(project) == [("CM035", 6, "b"), ("CM035", 7, "estimated")]
    assert [f.fix for f in project.findings[:2]] == ["did you mean B?", "did you mean E?"]
    statuses = dict(project.observations.select("sector", "status").iter_rows())
    assert statuses == {"a": None, "b": "L", "c": "Q", "d": None, "e": None, "f": None, "g": "P", "h": "M"}
    values = dict(project.observations.select("sector", "value").iter_rows())
    assert (values["b"], values["c"], values["d"]) == (None, None, 0.0)


# --------------------------------------------------------------------------------- other kinds of files


def typed() -> pl.DataFrame:
    rng = np.random.default_rng(7)
    frame = pl.DataFrame({"region": [f"R{i}" for i in range(12)]}).join(
        pl.DataFrame({"sector": [f"{i:02d}" for i in range(9)]}), how="cross"
    )
    frame = frame.join(pl.DataFrame({"year": [2016, 2018, 2020]}), how="cross")
    value = pl.Series("value", rng.gamma(1.0, 50.0, frame.height).round(3))
    return frame.with_columns(value, status=pl.lit(None, pl.String)).with_columns(
        value=pl.when(pl.int_range(pl.len()) % 17 != 0).then("value"),
        status=pl.when(pl.int_range(pl.len()) % 17 == 0).then(pl.lit("Q")),
    )


def observations(path: Path, *without: str) -> pl.DataFrame:
    return load(data=path, kind="value").observations.drop(without)


@pytest.mark.parametrize("kind", ["text", "categorical", "enum", "dictionary", "integers", "floats"])
def test_csv_and_parquet_give_equal_observations(tmp_path: Path, kind: str) -> None:
    frame = typed()
    frame.write_csv(tmp_path / "exports.csv")
    codes = pl.col("region", "sector", "status")
    if kind == "categorical":
        frame = frame.with_columns(codes.cast(pl.Categorical))
    if kind == "enum":
        frame = frame.with_columns(
            pl.col(c).cast(pl.Enum(frame[c].drop_nulls().unique().sort(descending=True))) for c in ("region", "sector")
        )
    if kind == "integers":
        frame = frame.with_columns(pl.col("year").cast(pl.UInt16), pl.col("value").cast(pl.Float32).cast(pl.Float64))
        frame = frame.with_columns(value=typed()["value"])
    if kind == "floats":
        frame = frame.with_columns(pl.col("year").cast(pl.Float64))
    if kind == "dictionary":
        import pyarrow.parquet as pq

        table = frame.to_arrow()
        for name in ("region", "sector"):
            table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
        pq.write_table(table, tmp_path / "exports.parquet")
    else:
        frame.write_parquet(tmp_path / "exports.parquet", row_group_size=50)
    assert_frame_equal(
        observations(tmp_path / "exports.csv", "line"), observations(tmp_path / "exports.parquet", "line")
    )


def test_rows_of_a_parquet_file_are_counted_from_one(tmp_path: Path) -> None:
    frame = pl.DataFrame({"region": ["A", "A"], "sector": ["x", "y"], "value": [1.0, float("inf")]})
    frame.write_parquet(tmp_path / "exports.parquet")
    project = load(data=tmp_path / "exports.parquet", kind="value", check=False)
    assert errors(project) == [("CM031", 2, "inf")]


@pytest.mark.parametrize(
    ("column", "values", "fix"),
    [
        ("year", [date(2018, 1, 1)], "store it as whole numbers"),
        ("value", [True], "store it as numbers"),
        ("region", [["A"]], "store it as text"),
        ("sector", [{"a": 1}], "store it as text"),
        ("region", [1.5], "store it as text"),
    ],
)
def test_columns_of_other_types_are_refused(tmp_path: Path, column: str, values: list[object], fix: str) -> None:
    frame = pl.DataFrame({"region": ["A"], "sector": ["x"], "year": [2018], "value": [1.0]})
    frame.with_columns(pl.Series(column, values)).write_parquet(tmp_path / "exports.parquet")
    with pytest.raises(UnreadableError) as caught:
        load(data=tmp_path / "exports.parquet", kind="value")
    (found,) = caught.value.findings
    assert (found.code, found.column, found.fix) == ("CM014", column, fix)


def test_whole_number_codes_become_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"region": ["A", "B"], "sector": [101, 7], "value": [1, 2]})
    frame.write_parquet(tmp_path / "exports.parquet")
    assert cells(load(data=tmp_path / "exports.parquet", kind="value")) == [
        ("A", "101", None, 1.0),
        ("B", "7", None, 2.0),
    ]


def test_a_workbook_is_read_and_its_other_sheets_are_noted(tmp_path: Path) -> None:
    import xlsxwriter

    frame = typed()
    frame.write_csv(tmp_path / "exports.csv")
    with xlsxwriter.Workbook(tmp_path / "exports.xlsx") as workbook:
        frame.write_excel(workbook, worksheet="data")
        pl.DataFrame({"about": ["nothing"]}).write_excel(workbook, worksheet="notes")
    without = ("line", "file")
    assert_frame_equal(
        observations(tmp_path / "exports.csv", *without), observations(tmp_path / "exports.xlsx", *without)
    )
    project = load(data=tmp_path / "exports.xlsx", kind="value")
    assert [f.message for f in project.findings if f.code == "CM013"] == ["read the sheet 'data', not 'notes'"]


def test_rows_of_a_workbook_are_those_on_the_screen(tmp_path: Path) -> None:
    frame = pl.DataFrame({"region": ["A", None, "B"], "sector": ["x", None, "01"], "value": ["1", None, "two"]})
    frame.write_excel(tmp_path / "exports.xlsx")
    project = load(data=tmp_path / "exports.xlsx", kind="value", check=False)
    assert errors(project) == [("CM030", 4, "two")]
    assert project.observations["sector"].to_list() == ["x", "01"]


# ----------------------------------------------------------------------------------------------- order


def test_rows_are_sorted_by_indicator_year_region_sector(tmp_path: Path) -> None:
    frame = typed().sample(fraction=1, shuffle=True, seed=3).with_columns(indicator=pl.lit("z"))
    frame = pl.concat([frame, frame.with_columns(indicator=pl.lit("a"))])
    frame.write_csv(tmp_path / "exports.csv")
    read = observations(tmp_path / "exports.csv")
    keys = ["indicator", "year", "region", "sector"]
    assert_frame_equal(read, read.sort([pl.col(k).cast(pl.String) for k in keys]))


def test_a_permuted_file_gives_the_same_observations(tmp_path: Path) -> None:
    typed().write_csv(tmp_path / "exports.csv")
    before = observations(tmp_path / "exports.csv", "line")
    typed().sample(fraction=1, shuffle=True, seed=5).select("value", "status", "sector", "year", "region").write_csv(
        tmp_path / "exports.csv"
    )
    assert_frame_equal(before, observations(tmp_path / "exports.csv", "line"))


def test_one_file_or_many_give_the_same_observations(build: Build) -> None:
    parts = {f"data/{n}.csv": HEADER + row + "\n" for n, row in enumerate(reversed(ROWS.splitlines()))}
    together = load(build()).observations.drop("file", "line")
    project = load(build({**parts, "data/exports.csv": None, "capmap.toml": '[data]\nobservations = ["data/?.csv"]\n'}))
    assert_frame_equal(together, project.observations.drop("file", "line"))
    assert [file.name for file in project.files] == [f"data/{n}.csv" for n in range(4)]
    by_row = project.observations.select("region", "sector", "file", "line").rows()
    assert by_row == [("DEU", "cars", 1, 2), ("DEU", "ships", 0, 2), ("KOR", "cars", 3, 2), ("KOR", "ships", 2, 2)]


def test_reading_twice_gives_the_same(build: Build) -> None:
    folder = build()
    first, second = load(folder), load(folder)
    assert_frame_equal(first.observations, second.observations)
    assert first.findings == second.findings
    assert first.files == second.files


CODES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=6)


@given(
    st.dictionaries(
        st.tuples(CODES, CODES, st.integers(1000, 9999)),
        st.just(0.0) | st.floats(1e-100, 1e15),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(tmp_path: Path, rows: dict[tuple[str, str, int], float]) -> None:
    frame = pl.DataFrame(
        [(*key, value) for key, value in rows.items()],
        schema={"region": pl.String, "sector": pl.String, "year": pl.Int64, "value": pl.Float64},
        orient="row",
    )
    frame.write_csv(tmp_path / "exports.csv")
    project = load(data=tmp_path / "exports.csv", kind="value", check=False)
    assert {row[:3]: row[3] for row in cells(project)} == rows
    assert not errors(project)


# -------------------------------------------------------------------------------------------- a million


@pytest.mark.slow
def test_a_thousand_faults_in_a_million_rows_are_all_located(tmp_path: Path) -> None:
    n = 1_000_000
    rows = pl.select(n=pl.int_range(n, dtype=pl.Int64))
    text = rows.select(
        region=pl.format("R{}", pl.col("n") // 5_000),
        sector=pl.format("{}", 10_000 + pl.col("n") % 5_000 // 5),
        year=(2015 + pl.col("n") % 5).cast(pl.String),
        value=((pl.col("n") * 7919) % 100_003).cast(pl.String),
        status=pl.lit(None, pl.String),
    )
    at = np.random.default_rng(11).choice(n - 1, 1_000, replace=False) + 1
    kinds = np.array_split(at, 5)
    here = [pl.Series(kind).implode() for kind in kinds]
    number = pl.int_range(pl.len())
    text = text.with_columns(
        value=pl.when(number.is_in(here[0]))
        .then(pl.lit("n/a"))
        .when(number.is_in(here[1]))
        .then(pl.lit("-5"))
        .otherwise("value"),
        year=pl.when(number.is_in(here[2])).then(pl.lit("2018-Q1")).otherwise("year"),
        status=pl.when(number.is_in(here[3])).then(pl.lit("X")).otherwise("status"),
        region=pl.when(number.is_in(here[4])).then(pl.lit(" ") + pl.col("region")).otherwise("region"),
    )
    text.write_csv(tmp_path / "exports.csv")
    del text, rows
    project = load(data=tmp_path / "exports.csv", kind="value", check=False)
    assert project.observations.height == n - len(kinds[2])
    for code, kind in zip(("CM030", "CM038", "CM032", "CM035", "CM034"), kinds, strict=True):
        lines = [f.line for f in project.findings if f.code == code]
        assert lines == sorted((kind + 2).tolist()), code
    assert sum(f.severity == "error" for f in project.findings) == 1_000
