from __future__ import annotations

from pathlib import Path

import pytest

from capmap.data import load
from capmap.data.codes import circles, read_codes
from capmap.errors import Finding, UnreadableError

from .projects import GOODS, REGIONS, Build


def findings(tmp_path: Path, regions: str) -> list[Finding]:
    (tmp_path / "codes").mkdir(exist_ok=True)
    (tmp_path / "codes" / "regions.csv").write_text(regions)
    return list(read_codes(tmp_path / "codes", "codes").findings)


def only(tmp_path: Path, regions: str) -> tuple[str, int | None, str, str]:
    (found,) = findings(tmp_path, regions)
    assert found.file == "codes/regions.csv"
    return found.code, found.line, found.message, found.fix


def test_code_lists_are_text_in_the_order_of_the_file(build: Build) -> None:
    codes = load(build({"codes/goods.csv": "code,label\nships,\n02,Cars\ncars,Cars\n"})).codes
    assert codes.classifications["goods"].columns == ["code", "label", "parent", "level"]
    assert codes.classifications["goods"].rows() == [
        ("ships", "ships", None, None),
        ("02", "Cars", None, None),
        ("cars", "Cars", None, None),
    ]
    assert codes.regions.row(0) == ("KOR", "Korea", None, "country", "region", "asia")


def test_roles_default_to_region(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "regions.csv").write_text("code,role\nKOR,\nWLD,reference\nNA,region\n")
    lists = read_codes(tmp_path / "codes", "codes")
    assert lists.findings == ()
    assert lists.regions is not None
    assert lists.regions["role"].to_list() == ["region", "reference", "region"]
    assert lists.regions["code"].to_list() == ["KOR", "WLD", "NA"]


def test_a_folder_that_is_not_there_has_no_lists(tmp_path: Path) -> None:
    lists = read_codes(tmp_path / "nowhere", "codes")
    assert (lists.regions, lists.classifications, lists.findings) == (None, {}, ())


def test_unknown_columns_name_the_nearest(tmp_path: Path) -> None:
    assert only(tmp_path, "code,lable\nKOR,Korea\n") == ("CM020", 1, "unknown column `lable`", "did you mean `label`?")
    assert only(tmp_path, "code,xyz\nKOR,1\n")[3].startswith("remove it; allowed are code, label")


def test_a_list_without_codes_is_no_list(tmp_path: Path) -> None:
    assert {f.code for f in findings(tmp_path, "kode,label\nKOR,Korea\n")} == {"CM009", "CM020"}
    assert only(tmp_path, "")[0] == "CM006"
    assert only(tmp_path, "code,label\nKOR,Korea,Republic of\n")[0] == "CM006"


def test_a_list_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "regions.csv").write_bytes("code,label\nALA,Åland\n".encode("latin-1"))
    assert [f.code for f in read_codes(tmp_path / "codes", "codes").findings] == ["CM007"]


def test_double_codes_empty_codes_and_unknown_roles_are_located(tmp_path: Path) -> None:
    text = "code,label,role\nKOR,Korea,\nDEU,Germany,regoin\nKOR,Korea again,\n,Nobody,\n"
    found = {f.code: (f.line, f.value, f.fix) for f in findings(tmp_path, text)}
    assert found["CM021"] == (4, "KOR", "keep one of the lines")
    assert found["CM025"][0] == 5
    assert found["CM024"] == (3, "regoin", "did you mean region?")


def test_unknown_parents_name_the_nearest(tmp_path: Path) -> None:
    assert only(tmp_path, "code,parent\nDE,\nDE1,DEE\n") == (
        "CM022",
        3,
        "the parent DEE of DE1 is not in the list",
        "did you mean DE?",
    )


def test_circles_of_parents_are_found_once(tmp_path: Path) -> None:
    text = "code,parent\nA,B\nB,C\nC,A\nD,A\nE,E\nF,\n"
    assert [(f.line, f.message) for f in findings(tmp_path, text)] == [
        (2, "A -> B -> C -> A is a circle"),
        (6, "E -> E is a circle"),
    ]


def test_a_long_chain_is_no_circle() -> None:
    assert circles({str(n): str(n + 1) for n in range(2_000)}) == []


def test_circles_do_not_hang_the_checks(build: Build) -> None:
    folder = build({"codes/goods.csv": "code,parent\ncars,ships\nships,cars\n"})
    with pytest.raises(UnreadableError, match="is a circle"):
        load(folder)
    assert "CM023" in {f.code for f in load(folder, check=False).findings}


def test_good_lists_have_no_findings(build: Build) -> None:
    folder = build({"codes/regions.csv": REGIONS + "ASIA,Asia,,continent,aggregate,\n", "codes/goods.csv": GOODS})
    assert [f for f in load(folder).findings if f.code.startswith("CM02")] == []
