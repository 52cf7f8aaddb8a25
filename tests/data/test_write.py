"""Files hold exactly what the result holds, the same bytes each time, and are whole or not there."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmap.data import write as module
from capmap.data.load import load
from capmap.data.write import (
    FORMATS,
    TEXT_FORMATS,
    atomic,
    atomic_text,
    dump,
    format_of,
    json_text,
    markdown,
    plain,
    provenance,
    render,
    stamped,
    write,
)
from capmap.errors import ExitCode, UsageError, WriteError
from capmap.model import Result

CLASSES = pl.Enum(["uncertain", "established", "never used"])
HARD = pl.DataFrame(
    {
        "region": pl.Series(["KOR", "DEU", "KOR", None], dtype=pl.Enum(["KOR", "DEU", "_ROW"])),
        "sector": ['Food, drink "and" tobacco', "line\nbreak", "=1+1", "Möbel | 家具"],
        "year": pl.Series([2018, 2018, None, 2019], dtype=pl.Int32),
        "rca": [0.1 + 0.2, 1e-300, -5.0, None],
        "class": pl.Series(["established", None, "uncertain", "uncertain"], dtype=CLASSES),
        "note": pl.Series(["b;a", None, "", "\rreturn"], dtype=pl.Categorical),
        "held": [True, False, None, True],
    }
)
ROWS = HARD.rows(named=True)
TEXTS = HARD.schema | {"region": pl.String(), "class": pl.String(), "note": pl.String()}
META = {
    "capmap": "0.1.0",
    "command": "rca",
    "parameters": {"level": 0.95},
    "seed": None,
    "blocks": [{"alpha": 0.1 + 0.2}],
}
RESULT = Result("rca", {"rca": HARD}, META)
LONG = pl.DataFrame({"section": ["size", "peers"], "measure": ["value", "code"], "value": [1.5, None]})
SEVERAL = Result(
    "profile KOR",
    {"size": pl.DataFrame({"value": [1.5]}), "peers": pl.DataFrame({"code": ["JPN"]}), "none": pl.DataFrame()},
    META,
)

# What the files hold ------------------------------------------------------------------------------------------


def read_back(path: Path) -> pl.DataFrame:
    match format_of(path):
        case "csv":
            return pl.read_csv(path, schema=TEXTS)
        case "tsv":
            return pl.read_csv(path, schema=TEXTS, separator="\t")
        case "json":
            return pl.DataFrame(json.loads(path.read_text("utf-8"))["rows"], schema=TEXTS)
        case "ndjson":
            lines = path.read_bytes().decode().split("\n")[:-1]
            return pl.DataFrame([json.loads(line) for line in lines], schema=TEXTS)
        case "parquet":
            return pl.read_parquet(path)
        case _:
            raise AssertionError(path)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.csv.gz", "a.tsv", "a.json", "a.ndjson", "a.jsonl", "a.parquet", "a.pq", "A.CSV"]
)
def test_every_format_reads_back_as_the_same_rows(tmp_path: Path, name: str) -> None:
    write(RESULT, tmp_path / name)
    back = read_back(tmp_path / name)
    assert back.schema == TEXTS
    assert back.rows(named=True) == ROWS
    assert repr(back["rca"].to_list()) == "[0.30000000000000004, 1e-300, -5.0, None]"


def test_csv_is_rfc_4180_in_utf8_with_empty_for_null() -> None:
    plain_frame = HARD.head(3).select("region", "sector", "year", "rca", "class", "held")
    assert render(Result("rca", {"rca": plain_frame}), "csv") == (
        b"region,sector,year,rca,class,held\n"
        b'KOR,"Food, drink ""and"" tobacco",2018,0.30000000000000004,established,true\n'
        b'DEU,"line\nbreak",2018,1e-300,,false\n'
        b"KOR,=1+1,,-5.0,uncertain,\n"
    )


def test_a_carriage_return_is_quoted() -> None:
    frame = pl.DataFrame({"note": ["a\rb", None], "x": [1.0, None]})
    assert render(Result("r", {"r": frame}), "csv") == b'"note","x"\n"a\rb",1.0\n,\n'
    labels = frame.with_columns(pl.col("note").cast(pl.Enum(["a\rb"])))
    assert render(Result("r", {"r": labels}), "csv") == b'"note","x"\n"a\rb",1.0\n,\n'


def test_figures_have_no_thousands_separators_and_labels_no_added_signs() -> None:
    frame = pl.DataFrame({"label": ["-1", "+A", "@B", "=C"], "x": [1234567.0, -1234.5, 1e22, 0.1]})
    assert render(Result("r", {"r": frame}), "csv") == b"label,x\n-1,1234567.0\n+A,-1234.5\n@B,1e+22\n=C,0.1\n"


def test_rows_keep_their_order() -> None:
    frame = pl.DataFrame({"x": [3, 1, 2]})
    assert render(Result("r", {"r": frame}), "csv") == b"x\n3\n1\n2\n"


def test_values_that_are_no_numbers_are_null_everywhere(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [math.nan, math.inf, -math.inf, None, 1.0], "k": [1, 2, 3, 4, 5]})
    result = Result("r", {"r": frame}, {"alpha": math.inf, "beta": [math.nan]})
    document = json.loads(render(result, "json"), parse_constant=pytest.fail)
    assert [row["x"] for row in document["rows"]] == [None, None, None, None, 1.0]
    assert document["meta"] == {"alpha": None, "beta": [None]}
    assert render(result, "csv") == b"x,k\n,1\n,2\n,3\n,4\n1.0,5\n"
    write(result, tmp_path / "r.parquet")
    assert pl.read_parquet(tmp_path / "r.parquet")["x"].to_list() == [None, None, None, None, 1.0]
    assert frame["x"].is_nan().sum() == 1, "the result itself is not changed"


def test_json_of_one_table_and_of_several() -> None:
    one = json.loads(render(RESULT, "json"))
    assert list(one) == ["meta", "rows"]
    assert one["meta"] == META
    assert one["rows"] == ROWS
    several = json.loads(render(SEVERAL, "json"))
    assert several == {"meta": META, "tables": {"size": [{"value": 1.5}], "peers": [{"code": "JPN"}], "none": []}}


@pytest.mark.parametrize("height", [0, 1, 65_536, 65_537])
def test_json_of_any_length_is_valid(height: int) -> None:
    result = Result("r", {"r": pl.DataFrame({"x": range(height)}, schema={"x": pl.Int64})})
    assert [row["x"] for row in json.loads(render(result, "json"))["rows"]] == list(range(height))
    assert render(result, "ndjson").count(b"\n") == height


def test_an_empty_table_keeps_its_header(tmp_path: Path) -> None:
    result = Result("r", {"r": HARD.clear()})
    assert render(result, "csv") == b"region,sector,year,rca,class,note,held\n"
    write(result, tmp_path / "r.parquet")
    assert pl.read_parquet(tmp_path / "r.parquet").schema == TEXTS
    write(result, tmp_path / "r.xlsx")
    sheet = pl.read_excel(tmp_path / "r.xlsx", sheet_name="r", raise_if_empty=False)
    assert sheet.columns == HARD.columns


@pytest.mark.parametrize("asked", ["csv", "tsv", "ndjson", "parquet"])
def test_several_tables_need_a_long_frame_where_a_file_holds_one(tmp_path: Path, asked: str) -> None:
    with pytest.raises(UsageError, match="has 3 tables") as caught:
        write(SEVERAL, tmp_path / f"p.{asked}")
    assert caught.value.exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []
    write(SEVERAL, tmp_path / f"p.{asked}", long=LONG)
    if asked == "parquet":
        assert pl.read_parquet(tmp_path / "p.parquet").equals(LONG)
    else:
        assert (tmp_path / f"p.{asked}").read_bytes() == render(Result("long", {"long": LONG}), asked)


def test_gzip_holds_the_same_text(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "a.csv.gz")
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == render(RESULT, "csv")


# Markdown -----------------------------------------------------------------------------------------------------


def test_markdown_cells_cannot_break_out() -> None:
    frame = pl.DataFrame(
        {"a|b": ["x|y", "1\n2", r"\|", "<b>*x*", None, "&lt; R&D"], "rca": [0.1, -1.0, None, 1e-7, 2.0, 3.0]}
    )
    assert markdown(frame) == (
        "| a\\|b | rca |\n"
        "| :--- | ---: |\n"
        "| x\\|y | 0.1 |\n"
        "| 1<br>2 | -1.0 |\n"
        "| \\\\\\| |  |\n"
        "| \\<b>\\*x\\* | 1e-7 |\n"
        "|  | 2.0 |\n"
        "| &amp;lt; R&D | 3.0 |\n"
    )


def test_markdown_of_several_tables_has_a_heading_each() -> None:
    assert render(Result("p", {"size": LONG.select("value"), "peers": LONG.select("section")}), "md") == (
        b"## size\n\n| value |\n| ---: |\n| 1.5 |\n|  |\n\n## peers\n\n| section |\n| :--- |\n| size |\n| peers |\n"
    )
    assert render(Result("p", {"size": LONG.select("value")}), "md").startswith(b"| value |")


# Parquet ------------------------------------------------------------------------------------------------------


def test_parquet_is_understood_by_other_readers(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.to_pylist() == ROWS
    for name in ("region", "sector", "class", "note"):
        assert pa.types.is_large_string(table.schema.field(name).type), name
        assert table.schema.field(name).metadata is None
    packed = pq.read_table(tmp_path / "a.parquet", read_dictionary=["class"]).column("class")
    assert pa.types.is_dictionary(packed.type)
    assert sorted(packed.combine_chunks().dictionary.to_pylist()) == ["established", "uncertain"]
    assert table.schema.field("rca").type == pa.float64()
    assert table.schema.field("year").type == pa.int32()


def test_categories_are_stored_once(tmp_path: Path) -> None:
    labels = pl.Series(["established", "uncertain"] * 5_000, dtype=CLASSES)
    write(Result("r", {"r": labels.to_frame("class")}), tmp_path / "r.parquet")
    assert "RLE_DICTIONARY" in pq.ParquetFile(tmp_path / "r.parquet").metadata.row_group(0).column(0).encodings


def test_parquet_carries_the_metadata(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "a.parquet")
    assert json.loads(pq.read_metadata(tmp_path / "a.parquet").metadata[b"capmap"]) == META
    assert pl.read_parquet_metadata(tmp_path / "a.parquet")["capmap"] == json_text(META)


def test_parquet_bytes_do_not_depend_on_how_a_frame_came_about() -> None:
    frame = pl.DataFrame({"k": range(3000), "s": ["a", "b", "c"] * 1000})
    pieces = pl.concat([frame[:7], frame[7:2000], frame[2000:]], rechunk=False)
    assert pieces.n_chunks() == 3
    whole, parts = io.BytesIO(), io.BytesIO()
    dump(Result("r", {"r": frame}), whole, "parquet")
    dump(Result("r", {"r": pieces}), parts, "parquet")
    assert whole.getvalue() == parts.getvalue()


# Excel --------------------------------------------------------------------------------------------------------


def test_excel_has_a_sheet_per_table_and_one_for_the_metadata(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "a.xlsx")
    sheets = pl.read_excel(tmp_path / "a.xlsx", sheet_id=0)
    assert list(sheets) == ["rca", "meta"]
    back = sheets["rca"]
    assert repr(back["rca"].to_list()) == "[0.30000000000000004, 1e-300, -5.0, None]", "all 17 digits"
    assert back["region"].to_list() == ["KOR", "DEU", "KOR", None]
    assert back["sector"].to_list() == HARD["sector"].to_list()
    assert back["year"].to_list() == [2018, 2018, None, 2019]
    assert back["held"].to_list() == [True, False, None, True]
    assert dict(sheets["meta"].iter_rows()) == {
        "capmap": "0.1.0",
        "command": "rca",
        "parameters.level": "0.95",
        "seed": "null",
        "blocks.1.alpha": "0.30000000000000004",
    }
    several = Result("p", {name: SEVERAL.tables[name] for name in ("size", "peers")}, META)
    write(several, tmp_path / "b.xlsx", long=LONG)
    assert list(pl.read_excel(tmp_path / "b.xlsx", sheet_id=0)) == ["size", "peers", "meta"]


def test_excel_never_runs_a_label_and_shows_years_as_years(tmp_path: Path) -> None:
    labels = pl.DataFrame({"label": ["=1+1", "+A", "-B", "@C", "{=1}", "http://x.org", "\tD"], "year": [2018] * 7})
    write(Result("r", {"r": labels}), tmp_path / "r.xlsx")
    with zipfile.ZipFile(tmp_path / "r.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
        assert b"2000-01-01T00:00:00Z" in book.read("docProps/core.xml")
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert 'state="frozen"' in sheet
    assert 'ySplit="1"' in sheet
    cells, _, _ = styles.partition("<dxfs")
    assert "numFmt " not in cells, "numbers are shown as they are, without thousands separators"
    assert pl.read_excel(tmp_path / "r.xlsx")["label"].to_list() == labels["label"].to_list()


def test_sheet_names_that_excel_refuses_are_mended(tmp_path: Path) -> None:
    write(Result("r", {"a/b:" + "x" * 40: LONG}), tmp_path / "r.xlsx")
    assert next(iter(pl.read_excel(tmp_path / "r.xlsx", sheet_id=0))) == "a_b_" + "x" * 27


def test_too_many_rows_for_a_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXCEL_ROWS", 3)
    write(Result("r", {"r": pl.DataFrame({"x": [1, 2]})}), tmp_path / "fits.xlsx")
    with pytest.raises(UsageError, match="3 rows and a sheet holds 2"):
        write(Result("r", {"r": pl.DataFrame({"x": [1, 2, 3]})}), tmp_path / "r.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["fits.xlsx"]


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(UsageError) as caught:
        write(RESULT, tmp_path / "a.xlsx")
    assert caught.value.fix == 'pip install "capmap[excel]"'
    assert list(tmp_path.iterdir()) == []


# The same bytes -----------------------------------------------------------------------------------------------

_TWICE = """
import hashlib, sys
from pathlib import Path
import polars as pl
from capmap.data.write import write
from capmap.model import Result
n = 300_000
labels = pl.Series([f"S{k % 997}" for k in range(n)])
frame = pl.DataFrame({"s": labels.cast(pl.Categorical), "e": labels.cast(pl.Enum(sorted(set(labels)))),
                      "x": [k / 7 for k in range(n)]})
meta = {"groups": {"x", "y", "z", "w"}, "command": "rca"}
folder = Path(sys.argv[1])
for name, rows in {"a.parquet": n, "a.csv.gz": n, "a.json": n, "a.md": 9, "a.xlsx": 9}.items():
    write(Result("rca", {"rca": frame[:rows]}, meta), folder / name)
"""


def test_bytes_are_the_same_in_another_process_with_other_threads_and_hashes(tmp_path: Path) -> None:
    written = []
    for threads, seed in (("1", "1"), ("4", "2")):
        folder = tmp_path / threads
        folder.mkdir()
        variables = {"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", _TWICE, str(folder)], check=True, env=os.environ | variables)
        written.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert list(written[0]) == ["a.csv.gz", "a.csv.gz.meta.json", "a.json", "a.md", "a.parquet", "a.xlsx"]
    assert [name for name in written[0] if written[0][name] != written[1][name]] == []


def test_a_workbook_written_later_has_the_same_bytes(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "a.xlsx")
    time.sleep(2.1)  # a zip archive counts time in steps of two seconds
    write(RESULT, tmp_path / "b.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


# Round trips of anything --------------------------------------------------------------------------------------

texts = (
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(['"', ",", "\r\n", "'"])
)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
rows = st.lists(
    st.tuples(st.sampled_from(["KOR", "DEU", "x,y"]), texts, numbers, st.none() | st.booleans()), max_size=8
)
SCHEMA = {"region": pl.Enum(["x,y", "KOR", "DEU"]), "label": pl.String, "x": pl.Float64, "held": pl.Boolean}
PLAIN = SCHEMA | {"region": pl.String}


@settings(max_examples=150, deadline=None)
@given(rows)
def test_any_frame_survives_csv_parquet_and_json(
    drawn: list[tuple[str, str | None, float | None, bool | None]],
) -> None:
    frame = pl.DataFrame(drawn, schema=SCHEMA, orient="row")
    result = Result("r", {"r": frame})
    expected = repr(drawn)
    text = render(result, "csv")
    assert repr(pl.read_csv(text, schema=PLAIN).rows()) == expected
    packed = io.BytesIO()
    dump(result, packed, "parquet")
    packed.seek(0)
    assert repr(pl.read_parquet(packed).rows()) == expected
    assert repr([tuple(row.values()) for row in json.loads(render(result, "json"))["rows"]]) == expected
    # the csv module of Python as a second opinion on RFC 4180; it cannot tell null from an empty text
    second = list(csv.reader(io.StringIO(text.decode(), newline="")))[1:]
    assert second == [
        [region, label or "", "" if x is None else repr_csv(x), "" if held is None else str(held).lower()]
        for region, label, x, held in drawn
    ]


def repr_csv(x: float) -> str:
    """Shortest text of a float as CSV has it: the same digits as `repr`, where it differs in form only."""
    text = pl.Series([x]).cast(pl.String)[0]
    assert repr(float(text)) == repr(x)
    assert len(text) <= len(repr(x)) + 2
    return text


labels = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(labels, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=5))
def test_any_number_survives_excel(drawn: list[tuple[str, float]]) -> None:
    frame = pl.DataFrame(drawn, schema={"label": pl.String, "x": pl.Float64}, orient="row")
    packed = io.BytesIO()
    dump(Result("r", {"r": frame}), packed, "xlsx")
    back = pl.read_excel(packed, sheet_name="r", schema_overrides={"x": pl.Float64, "label": pl.String})
    assert back["x"].to_list() == frame["x"].to_list()


# Names and formats --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x.csv", "csv"), ("x.tsv", "tsv"), ("x.json", "json"), ("x.ndjson", "ndjson"), ("x.jsonl", "ndjson"),
     ("x.md", "md"), ("x.parquet", "parquet"), ("x.pq", "parquet"), ("x.xlsx", "xlsx"), ("d.x/y.CSV.GZ", "csv"),
     ("2018.csv", "csv"), ("x.json.gz", "json")],
)  # fmt: skip
def test_the_suffix_says_the_format(name: str, expected: str) -> None:
    assert format_of(name) == expected
    assert format_of(Path(name)) == expected
    assert expected in FORMATS


@pytest.mark.parametrize("name", ["x", "x.xls", "x.txt", "x.gz", "x.parquet.gz", "x.xlsx.gz", "csv", ".csv", ""])
def test_an_unknown_suffix_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        format_of(name)
    assert all(known in str(caught.value.fix) for known in FORMATS[1:])


def test_a_format_may_be_named_but_not_against_the_suffix(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "a.txt", "tsv")
    assert (tmp_path / "a.txt").read_bytes() == render(RESULT, "tsv")
    write(RESULT, tmp_path / "a.csv", "csv")
    with pytest.raises(UsageError, match=r"b\.csv would hold json"):
        write(RESULT, tmp_path / "b.csv", "json")
    with pytest.raises(UsageError, match="unknown format 'yaml'"):
        write(RESULT, tmp_path / "b", "yaml")
    with pytest.raises(UsageError, match="table is for the screen"):
        write(RESULT, tmp_path / "b", "table")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.csv.meta.json", "a.txt", "a.txt.meta.json"]


def test_what_is_not_text_is_not_rendered() -> None:
    for asked in set(FORMATS) - set(TEXT_FORMATS):
        with pytest.raises(UsageError):
            render(RESULT, asked)


# Metadata -----------------------------------------------------------------------------------------------------


def test_csv_has_its_metadata_beside_it(tmp_path: Path) -> None:
    for name in ("a.csv", "a.tsv", "a.ndjson", "b.csv.gz"):
        beside = tmp_path / f"{name}.meta.json"
        assert write(RESULT, tmp_path / name) == (tmp_path / name, beside)
        assert json.loads(beside.read_bytes()) == META | {"sha256": module.sha256(tmp_path / name)}
    for name in ("a.json", "a.md", "a.parquet", "a.xlsx"):
        assert write(RESULT, tmp_path / name) == (tmp_path / name,)
    assert len(list(tmp_path.glob("*.meta.json"))) == 4


def test_metadata_are_plain_json() -> None:
    import numpy as np

    value = {
        2018: np.float64(0.1),
        "n": np.int32(3),
        "b": np.bool_(True),
        "a": np.array([1.0, np.nan]),
        "s": frozenset("ba"),
        "t": (),
    }
    assert plain(value) == {"2018": 0.1, "n": 3, "b": True, "a": [1.0, None], "s": ["a", "b"], "t": []}
    assert json_text({"name": "Möbel", "x": [1e-300]}) == '{"name": "Möbel", "x": [1e-300]}'
    with pytest.raises(TypeError, match="Path"):
        plain({"place": Path("/home")})


def test_provenance_of_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Path(__file__).parents[2] / "sample_data"
    project = load(sample, overrides={"specialisation.threshold": 1.5}, environ={"CAPMAP_PROFILE_PEERS": "6"})
    result = Result(
        "rca", {"rca": HARD}, {"command": "rca", "parameters": {"year": "latest"}, "blocks": [], "no_data": ()}
    )
    found = provenance(project, result)
    assert list(found) == [
        "capmap", "command", "parameters", "seed", "inputs", "definitions", "settings", "blocks", "no_data",
    ]  # fmt: skip
    assert found["command"] == "rca"
    assert found["seed"] is None
    assert found["settings"] == {
        "profile.peers": {"value": 6, "origin": "environment CAPMAP_PROFILE_PEERS"},
        "specialisation.threshold": {"value": 1.5, "origin": "flag"},
    }
    assert [entry["name"] for entry in found["inputs"]] == [file.name for file in project.files]
    by_name = {entry["name"]: entry for entry in found["inputs"]}
    robots = by_name["robot_density.csv"]
    assert robots["sha256"] == module.sha256(sample / "robot_density.csv")
    assert robots["rows"] == 16
    assert json.loads(json_text(found)) == found
    assert str(sample.parent) not in json_text(found)
    assert stamped(project, result).meta == found
    assert stamped(project, result).tables is result.tables
    again = provenance(load(sample, environ={}), result)
    assert again["definitions"] == found["definitions"]
    assert provenance(project, Result("draws", {}, {"seed": 7}))["seed"] == 7


def test_provenance_notices_a_changed_definition_and_hides_places(tmp_path: Path) -> None:
    data = tmp_path / "trade.csv"
    data.write_text("region,sector,year,value\nA,x,2018,1\nB,y,2018,2\nA,y,2018,1\nB,x,2018,2\n")
    result = Result("rca", {})
    counts = provenance(load(data=data, kind="count", environ={}), result)
    values = provenance(load(data=data, kind="value", environ={}), result)
    assert counts["inputs"] == values["inputs"]
    assert [entry["name"] for entry in counts["inputs"]] == ["trade.csv"]
    assert counts["definitions"]["catalogue"] != values["definitions"]["catalogue"]
    assert counts["definitions"]["codes"] == values["definitions"]["codes"]
    assert counts["settings"] == {"data.indicator": {"value": "trade", "origin": "flag"}}
    assert str(tmp_path) not in json_text(counts)


# Whole or not there -------------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_atomic_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    for content in (b"one", b"two"):
        with atomic(target) as file:
            file.write(content)
            assert not target.exists() or target.read_bytes() == b"one", "not before the end"
        assert target.read_bytes() == content
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt, SystemExit, UsageError])
def test_whatever_goes_wrong_the_old_file_stays(tmp_path: Path, trouble: type[BaseException]) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(trouble), atomic(target) as file:  # noqa: PT012
        file.write(b"half of the ne")
        raise trouble("no")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_atomic_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    with atomic_text(tmp_path / "a.txt") as file:
        file.write("Möbel\n")
    assert (tmp_path / "a.txt").read_bytes() == "Möbel\n".encode()
    with pytest.raises(ValueError, match="no"), atomic_text(tmp_path / "a.txt") as file:  # noqa: PT012
        file.write("half")
        raise ValueError("no")
    assert (tmp_path / "a.txt").read_bytes() == "Möbel\n".encode()
    assert names(tmp_path) == ["a.txt"]


_SLOW = """
import signal, sys, time
from capmap.data import write as module
import polars as pl
from capmap.model import Result

def stop(*_):
    raise SystemExit(143)

def slow(result, file, format, *, long=None):
    file.write(b"half of the ne")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)

if sys.argv[2] == "TERM":
    signal.signal(signal.SIGTERM, stop)
module.dump = slow
module.write(Result("r", {"r": pl.DataFrame({"x": [1]})}), sys.argv[1])
"""


@pytest.mark.parametrize("how", ["KILL", "TERM"])
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_killed_write_leaves_the_old_file_whole(tmp_path: Path, how: str, name: str) -> None:
    target = tmp_path / name
    write(RESULT, target)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with subprocess.Popen([sys.executable, "-c", _SLOW, str(target), how], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(getattr(signal, f"SIG{how}"))
        process.wait(30)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    left = set(names(tmp_path)) - set(before)
    assert all(path.startswith(".capmap-") and path.endswith(".tmp") for path in left)
    if how == "TERM":
        assert left == set(), "an exception cleans up; only a kill that no program survives leaves a draft"
    write(RESULT, target)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_metadata_never_stand_beside_figures_of_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, beside = tmp_path / "a.csv", tmp_path / "a.csv.meta.json"
    write(RESULT, target)
    seen = []
    real = os.replace

    def spy(source: Path, to: Path) -> None:
        for moment in ("before", "after"):
            described = json.loads(beside.read_bytes())["sha256"] if beside.exists() else None
            assert described in (None, module.sha256(target))
            seen.append((Path(to).name, moment, described is not None))
            if moment == "before":
                real(source, to)

    monkeypatch.setattr(os, "replace", spy)
    write(Result("r", {"r": LONG}, META), target)
    assert seen == [
        ("a.csv", "before", False), ("a.csv", "after", False),
        ("a.csv.meta.json", "before", False), ("a.csv.meta.json", "after", True),
    ]  # fmt: skip
    assert target.read_bytes() == render(Result("r", {"r": LONG}), "csv")


def test_a_failure_with_the_metadata_spares_the_figures(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"old")
    (tmp_path / "a.csv.meta.json").mkdir()
    with pytest.raises(WriteError, match="it is a folder"):
        write(RESULT, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"old"
    assert names(tmp_path) == ["a.csv", "a.csv.meta.json"]


def test_permissions_are_those_of_a_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    old = os.umask(0o027)
    try:
        write(RESULT, tmp_path / "new.csv")
    finally:
        os.umask(old)
    assert mode(tmp_path / "new.csv") == 0o640
    assert mode(tmp_path / "new.csv.meta.json") == 0o640
    (tmp_path / "old.json").touch()
    (tmp_path / "old.json").chmod(0o604)
    write(RESULT, tmp_path / "old.json")
    assert mode(tmp_path / "old.json") == 0o604


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to("real/a.json")
    for result in (RESULT, Result("r", {"r": LONG})):  # a link to nothing yet, then to a file
        write(result, tmp_path / "link.json")
        assert (tmp_path / "link.json").is_symlink()
        assert (tmp_path / "real" / "a.json").read_bytes() == render(result, "json")
    assert names(tmp_path) == ["link.json", "real"]
    assert names(tmp_path / "real") == ["a.json"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert write(RESULT, pipe, "csv") == (pipe,)
        assert reader.communicate()[0] == render(RESULT, "csv")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["pipe"]
    write(RESULT, "/dev/null", "parquet")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_the_error_says_what_where_and_how_to_fix_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()
    cases = {
        tmp_path / "missing" / "a.csv": ("there is no folder", "mkdir -p"),
        tmp_path / "folder.csv": ("it is a folder", "name a file in it"),
        tmp_path / "file" / "a.csv": ("is not a folder", "name a file in a folder"),
        tmp_path / ("x" * 300 + ".csv"): ("the name is too long", "name it shorter"),
    }
    for path, (what, fix) in cases.items():
        with pytest.raises(WriteError, match=what) as caught:
            write(RESULT, path)
        assert caught.value.exit_code == ExitCode.CANNOT_WRITE == 8
        assert str(path) in caught.value.message
        assert fix in str(caught.value.fix)
    assert names(tmp_path) == ["file", "folder.csv"]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def unprivileged(shared: Path) -> Iterator[None]:
    """Not the superuser, who may write anywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)
    shared.chmod(0o755)


def test_a_folder_without_permission(shared: Path, unprivileged: None) -> None:
    if os.geteuid() != 65534:
        shared.chmod(0o555)
    with pytest.raises(WriteError, match="it is write-protected") as caught:
        write(RESULT, shared / "a.csv")
    assert caught.value.where == str(shared / "a.csv")
    assert names(shared) == []


def test_a_write_protected_file_is_not_replaced(shared: Path, request: pytest.FixtureRequest) -> None:
    shared.chmod(0o777)
    (shared / "a.csv").write_bytes(b"keep")
    (shared / "a.csv").chmod(0o444)
    request.getfixturevalue("unprivileged")
    with pytest.raises(WriteError, match="it is write-protected"):
        write(RESULT, shared / "a.csv")
    assert (shared / "a.csv").read_bytes() == b"keep"
    assert names(shared) == ["a.csv"]


@pytest.mark.parametrize("asked", ["csv", "json", "parquet", "xlsx", "md"])
def test_a_full_disk(tmp_path: Path, asked: str) -> None:
    with pytest.raises(WriteError, match="cannot write /dev/full: the disk is full") as caught:
        write(RESULT, "/dev/full", asked)
    assert "free some space" in str(caught.value.fix)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.json", "a.parquet", "a.xlsx"])
def test_a_disk_that_fills_up_half_way(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    write(RESULT, target)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    big = Result("r", {"r": pl.DataFrame({"x": [k / 7 for k in range(20_000)]})}, META)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(WriteError, match="too large for this place"):
            write(big, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_defect_is_not_dressed_up_as_a_full_disk(tmp_path: Path) -> None:
    nested = Result("r", {"r": pl.DataFrame({"x": [[1, 2]]})})
    with pytest.raises(pl.exceptions.ComputeError, match="nested"):
        write(nested, tmp_path / "a.csv")
    assert names(tmp_path) == []
