"""What sources give -> observations: CSV, Parquet, SDMX-CSV, JSON-stat, packed or not; and what must not pass."""

from __future__ import annotations

import gzip
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from capmap.data.sources import differences, normalised, read
from capmap.errors import UnreadableError
from capmap.model import SourceSection

#: As Eurostat serves it: SDMX-CSV 1.0 with its own column of flags (made for a test, in the layout of `lfst_r_lfe2en2`).
EUROSTAT = """\
DATAFLOW,LAST UPDATE,freq,unit,nace_r2,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS
ESTAT:LFST(1.0),22/11/26 11:00:00,A,THS,C,AT,2022,650.5,,
ESTAT:LFST(1.0),22/11/26 11:00:00,A,THS,C,EL,2022,390.1,bu,
ESTAT:LFST(1.0),22/11/26 11:00:00,A,THS,C,FR,2022,,c,C
ESTAT:LFST(1.0),22/11/26 11:00:00,A,THS,F,AT,2022,:,z,
ESTAT:LFST(1.0),22/11/26 11:00:00,A,PC,C,AT,2022,16.5,p,
"""
#: SDMX-CSV 2.0 with labels in both header and cells, as the standard describes `labels=both`.
SDMX2 = """\
STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA: Reference area,ACTIVITY: Activity,TIME_PERIOD: Time period,OBS_VALUE,OBS_STATUS: Status
dataflow,OECD:EMP(1.0),I,AUT: Austria,C: Manufacturing,2022,650.5,A: Normal value
dataflow,OECD:EMP(1.0),I,DEU: Germany,C: Manufacturing,2022,7500,E: Estimated value
dataflow,OECD:EMP(1.0),D,FRA: France,C: Manufacturing,2022,,
"""
#: JSON-stat 2.0, the layout of json-stat.org/format.
CUBE: dict[str, Any] = {
    "version": "2.0", "class": "dataset", "label": "Employment", "id": ["geo", "nace", "time"], "size": [2, 2, 2],
    "dimension": {
        "geo": {"category": {"index": {"NO": 1, "AT": 0}, "label": {"AT": "Austria", "NO": "Norway"}}},
        "nace": {"category": {"index": ["C", "F"]}},
        "time": {"category": {"index": ["2021", "2022"]}},
    },
    "value": [1, 2, 3, 4, 5, 6, 7, None], "status": {"1": "p", "7": "c"},
}  # fmt: skip


def source(**keys: Any) -> SourceSection:
    keys = {"indicator": "jobs"} | keys
    return SourceSection(**(keys if {"sdmx", "jsonstat", "url"} & keys.keys() else {"path": "x.csv"} | keys))


def taken(tmp_path: Path, content: str | bytes, given: SourceSection) -> pl.DataFrame:
    path = tmp_path / "content"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return normalised("s", given, read("s", given, [path]), tmp_path)


def trouble(tmp_path: Path, content: str | bytes, given: SourceSection) -> str:
    with pytest.raises(UnreadableError) as caught:
        taken(tmp_path, content, given)
    return " | ".join(f"{one.code} {one.message} ({one.fix})" for one in caught.value.findings)


def test_sdmx_csv_as_eurostat_serves_it(tmp_path: Path) -> None:
    given = source(
        sdmx="https://x.org", columns={"sector": "nace_r2"}, filter={"unit": "THS"}, codes={"region": {"EL": "GR"}}
    )
    assert taken(tmp_path, EUROSTAT, given).rows() == [
        ("AT", "C", "jobs", 2022, 650.5, None),
        ("AT", "F", "jobs", 2022, None, "M"),
        ("FR", "C", "jobs", 2022, None, "Q"),
        ("GR", "C", "jobs", 2022, 390.1, "B"),
    ]


def test_a_dimension_that_is_not_chosen_is_named(tmp_path: Path) -> None:
    said = trouble(tmp_path, EUROSTAT, source(sdmx="https://x.org", columns={"sector": "nace_r2"}))
    assert "CM123 source s: 2 rows for cells that have one, such as AT, C, jobs, 2022; unit has several values" in said
    assert 'filter = { unit = "..." }' in said


def test_sdmx_csv_2_with_labels_and_deleted_rows(tmp_path: Path) -> None:
    frame = taken(tmp_path, SDMX2, source(sdmx="https://x.org", columns={"sector": "ACTIVITY"}))
    assert frame.rows() == [("AUT", "C", "jobs", 2022, 650.5, "A"), ("DEU", "C", "jobs", 2022, 7500.0, "E")]


def test_region_level_figures_get_the_total_and_codes_may_leave_rows_out(tmp_path: Path) -> None:
    (tmp_path / "iso2.csv").write_text("from,to\nEL,GRC\nEU27_2020,\n")
    given = source(codes={"region": "iso2.csv"})
    frame = taken(tmp_path, "geo,time,value\nEL,2020,1\nEU27_2020,2020,9\n", given)
    assert frame.to_dicts() == [
        {"region": "GRC", "sector": "_T", "indicator": "jobs", "year": 2020, "value": 1.0, "status": None}
    ]


def test_text_in_other_notation(tmp_path: Path) -> None:
    given = source(separator=";", decimal=",", encoding="latin-1", null_values=["n/d"], columns={"region": "Région"})
    frame = taken(tmp_path, "Région;value\nÎle;1,5\nSud;n/d\nOuest; 2 \n".encode("latin-1"), given)
    assert frame.select("region", "value", "status").rows() == [
        ("Ouest", 2.0, None), ("Sud", None, "L"), ("Île", 1.5, None),
    ]  # fmt: skip


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5, 6, 7, None], {str(k): k + 1 for k in range(7)}])
def test_json_stat_dense_and_sparse(tmp_path: Path, values: Any) -> None:
    given = source(jsonstat="https://x.org", columns={"sector": "nace"})
    frame = taken(tmp_path, json.dumps(CUBE | {"value": values}), given)
    assert frame.select("region", "sector", "year", "value", "status").rows() == [
        ("AT", "C", 2021, 1.0, None), ("AT", "C", 2022, 2.0, "P"), ("AT", "F", 2021, 3.0, None), ("AT", "F", 2022, 4.0, None),
        ("NO", "C", 2021, 5.0, None), ("NO", "C", 2022, 6.0, None), ("NO", "F", 2021, 7.0, None), ("NO", "F", 2022, None, "Q"),
    ]  # fmt: skip


def test_a_cell_that_json_stat_leaves_out_is_missing_not_zero(tmp_path: Path) -> None:
    given = source(jsonstat="https://x.org", filter={"nace": "C", "time": ["2022"]})
    frame = taken(tmp_path, json.dumps(CUBE | {"value": {"1": 2}, "status": "e"}), given)
    assert frame.select("region", "value", "status").rows() == [("AT", 2.0, "E"), ("NO", None, "L")]


@pytest.mark.parametrize(
    "content",
    [
        "[]", "{", '{"class": "collection"}', json.dumps(CUBE | {"size": [2, 2, 3]}), json.dumps({"dataset": CUBE}),
        "[" * 100_000, json.dumps(CUBE | {"id": [], "size": []}), json.dumps(CUBE | {"value": 3}),
        json.dumps(CUBE | {"status": 3}), json.dumps(CUBE | {"size": [float("inf"), 2, 2]}),
    ],
)  # fmt: skip
def test_what_is_no_json_stat_data_set(tmp_path: Path, content: str) -> None:
    assert "no JSON-stat 2.0 data set" in trouble(tmp_path, content, source(jsonstat="https://x.org"))


def test_a_json_stat_value_that_is_no_number_is_not_taken_for_none(tmp_path: Path) -> None:
    content = json.dumps(CUBE | {"value": [1, 2, 3, 4, 5, 6, "7 (e)", None]})
    assert "1 values are no numbers" in trouble(tmp_path, content, source(jsonstat="https://x.org"))


def test_damaged_parquet(tmp_path: Path) -> None:
    pl.DataFrame({"region": ["A", "B"] * 50, "value": range(100)}).write_parquet(tmp_path / "content")
    whole = (tmp_path / "content").read_bytes()
    for at in range(4, len(whole), 5):  # on some of them polars panics
        with suppress(UnreadableError):
            taken(tmp_path, whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :], source())


@pytest.mark.parametrize("method", [9, 12, 93])
def test_an_archive_packed_in_another_way(tmp_path: Path, method: int) -> None:
    content = bytearray(packed("a.csv", PLAIN))
    content[8] = content[content.index(b"PK\x01\x02") + 10] = method
    assert "CM122 source s: a.csv cannot be unpacked: " in trouble(tmp_path, bytes(content), source())


def test_a_cube_too_large_to_spread_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capmap.data.sources.CELLS", 7)
    assert "more than 7 cells" in trouble(tmp_path, json.dumps(CUBE), source(jsonstat="https://x.org"))


def packed(name: str, content: bytes, more: int = 0) -> bytes:
    import io

    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        for number in range(more):
            archive.writestr(f"readme{number}.txt", "x")
    return whole.getvalue()


PLAIN = b"region,value\nKOR,1\n"


@pytest.mark.parametrize(
    "content", [PLAIN, gzip.compress(PLAIN), packed("a.csv", PLAIN), packed("a.gz", gzip.compress(PLAIN))]
)
def test_packed_or_not(tmp_path: Path, content: bytes) -> None:
    assert taken(tmp_path, content, source())["value"].to_list() == [1.0]


def test_parquet(tmp_path: Path) -> None:
    pl.DataFrame({"region": ["KOR"], "time": [2020], "value": [1]}).write_parquet(tmp_path / "content")
    given = source()
    frame = normalised("s", given, read("s", given, [tmp_path / "content"]), tmp_path)
    assert frame.select("region", "year", "value").rows() == [("KOR", 2020, 1.0)]
    pl.DataFrame({"region": ["KOR"], "value": [[1]]}).write_parquet(tmp_path / "content")
    with pytest.raises(UnreadableError, match="the cells of 'value' are lists or records"):
        normalised("s", given, read("s", given, [tmp_path / "content"]), tmp_path)


def test_a_member_of_an_archive(tmp_path: Path) -> None:
    content = packed("data/a.csv", PLAIN, more=1)
    assert taken(tmp_path, content, source(member="data/a.csv")).height == 1
    assert "CM123 source s: 2 files in the archive (name one with `member`" in trouble(tmp_path, content, source())
    assert 'did you mean member = "data/a.csv"?' in trouble(tmp_path, content, source(member="data/b.csv"))
    assert "no file 'zz' in the archive (name one with `member`" in trouble(tmp_path, content, source(member="zz"))


@pytest.mark.parametrize("content", [packed("a", b"0" * 5000), gzip.compress(b"0" * 5000), b"0" * 5000])
def test_nothing_grows_beyond_the_limit(tmp_path: Path, content: bytes) -> None:
    assert "more than 1,000 bytes" in trouble(tmp_path, content, source(max_bytes=1000))


@pytest.mark.parametrize(
    ("content", "keys", "said"),
    [
        (b"", {}, "CM122 source s: the content is empty"),
        (b"region,value\n", {}, "CM122 source s: no rows below the header"),
        (b"<!DOCTYPE html><html>", {}, "the content is a web page"),
        (b'{"a": 1}', {}, "the content is JSON, not CSV"),
        (PLAIN, {"separator": "\u00e9"}, "'\u00e9' cannot separate columns"),
        (PLAIN, {"encoding": "undefined"}, "CM122 source s: the content is no undefined text"),
        (PLAIN, {"encoding": "a\0b"}, "the content is no a\0b text"),
        (b"region,value\n+2AA-,1\n", {"encoding": "utf-7"}, "CM122 source s: the content is no utf-7 text"),
        (b"region;value\nKOR;1\n", {}, "CM123 source s: the header has one column: region;value (set `separator`"),
        (b"region,value\nKOR,1,2\n", {}, "CM122 source s: the content is damaged or not what it should be"),
        (gzip.compress(PLAIN)[:-9], {}, "CM122 source s: the content is damaged"),
        (packed("a.csv", PLAIN)[:60], {}, "CM122 source s: the content is damaged"),
        (b"PAR1 and no more", {}, "CM122 source s: the content is damaged"),
        (b"\xff\xfe,value\n1,2\n", {}, "CM122 source s: the content is no utf-8 text"),
        (b"region,value\nKOR,1 234\n", {}, "CM122 source s: 1 values are no numbers: 1 234"),
        (b"region,time,value\nKOR,2020-Q1,1\n", {}, "CM123 source s: periods that are no years: 2020-Q1"),
        (b"country,value\nKOR,1\n", {}, "CM123 source s: no column for region (found: country, value)"),
        (b"region,value\nKOR,1\n", {"indicator": None}, "no column says which indicator it is"),
        (PLAIN, {"filter": {"region": "KRO"}}, "no row with region = 'KRO' (found: KOR) (did you mean KOR?)"),
        (PLAIN, {"codes": {"region": {"KOR": ""}}}, "no rows are left after filter and codes"),
        (PLAIN, {"codes": {"region": "none.csv"}}, "the codes in none.csv cannot be read"),
    ],
)
def test_what_does_not_pass(tmp_path: Path, content: bytes, keys: dict[str, Any], said: str) -> None:
    assert said in trouble(tmp_path, content, source(**keys))


def test_all_that_is_missing_comes_at_once(tmp_path: Path) -> None:
    given = source(columns={"sector": "nace"}, filter={"unit": "THS"}, expect=["freq", "region"])
    said = trouble(tmp_path, "region,nace_r2,value\nKOR,C,1\n", given)
    assert [f"no column '{one}'" in said for one in ("nace", "unit", "freq", "region")] == [True, True, True, False]
    assert "it may be called nace_r2 now" in said


def test_files_of_one_source_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("region,value\nKOR,1\n")
    (tmp_path / "b.csv").write_text("value,region\n2,DEU\n")
    raw = read("s", source(), [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert raw.frame.rows() == [("KOR", "1"), ("DEU", "2")]
    (tmp_path / "b.csv").write_text("value,land\n2,DEU\n")
    with pytest.raises(UnreadableError, match=r"b.csv has other columns than a.csv: land, region"):
        read("s", source(), [tmp_path / "a.csv", tmp_path / "b.csv"])


def made(scale: float = 1.0, years: tuple[int, ...] = (2020, 2021), last: float = 1.0, **columns: Any) -> pl.DataFrame:
    rows = [
        (region, "_T", "jobs", year, 100.0 * (k + 1) * scale * (last if year == 2022 else 1.0), None)
        for k, region in enumerate("ABCDEF")
        for year in years
    ]
    frame = pl.DataFrame(rows, schema=["region", "sector", "indicator", "year", "value", "status"], orient="row")
    return frame.with_columns(pl.col("status").cast(pl.String)).with_columns(**columns)


def news(now: pl.DataFrame, before: pl.DataFrame | None, header: str = "ab", earlier: str = "ab") -> list[str]:
    return [f"{one.code} {one.severity} {one.message}" for one in differences("s", now, before, header, earlier)]


def test_a_revision_is_no_other_unit() -> None:
    assert news(made(1.5, (2020, 2021, 2022), last=0.4), made()) == []
    assert news(made(1000.0), None) == []


def test_a_unit_that_changed_in_all_years() -> None:
    (said,) = news(made(1000.0), made())
    assert said.startswith("CM124 error source s: the level of jobs jumped: the middle one of 12 figures")
    assert "1,000 times what the source gave last" in said


def test_a_unit_that_changed_with_the_new_year() -> None:
    (said,) = news(made(years=(2020, 2021, 2022), last=0.001), made(scale=1.0))
    assert "6 figures is 1/1,000 of the year before, in 2022" in said
    declared = made(years=(2020, 2021, 2022), last=0.001, status=pl.when(pl.col("year") == 2022).then(pl.lit("B")))
    assert news(declared, made()) == [], "a break that is declared is none to be told"


def test_codes_that_went_and_columns_that_came() -> None:
    renamed = made().with_columns(region=pl.col("region").replace("A", "A1"))
    assert news(renamed, made(), header="abc", earlier="abd") == [
        "CM125 warning source s: its columns changed (new: c; gone: d)",
        "CM126 warning source s: region codes are gone: A; new: A1",
    ]
