"""Slips that used to pass in silence, end in an internal error, or hide behind what follows from them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from capmap.data import load
from capmap.errors import ChecksFailedError, Finding, UnreadableError, UsageError

from .projects import EXPORTS, GOODS, HEADER, PLAIN, REGIONS, ROWS, Build

SEMICOLONS = {"CAPMAP_CSV_SEPARATOR": ";"}
RUN = PLAIN["capmap.toml"]


def read(path: Path, text: str, environ: dict[str, str] | None = None) -> list[Finding]:
    path.write_text(text)
    return list(load(data=path, kind="value", check=False, environ=environ or {}).findings)


def refused(path: Path, text: str | bytes) -> Finding:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UnreadableError) as caught:
        load(data=path, kind="value", environ={})
    return caught.value.findings[0]


def codes(findings: object, *wanted: str) -> list[str]:
    return [f.code for f in findings if not wanted or f.code in wanted]  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------- numbers


def column(values: list[str], separator: str = ";") -> str:
    rows = [f"R{n}{separator}x{separator}{value}\n" for n, value in enumerate(values)]
    return f"region{separator}sector{separator}value\n{''.join(rows)}"


def test_thousands_that_read_as_decimals_are_a_warning(tmp_path: Path) -> None:
    findings = read(tmp_path / "e.csv", column(["1.234", "2.345", "9.999", "1.000", "512", ""]), SEMICOLONS)
    (only,) = (f for f in findings if f.code == "CM041")
    assert (only.severity, only.line, only.value, only.count) == ("warning", 2, "1.234", 4)
    assert '`[csv] decimal = ","`' in only.fix
    assert "thousands separators" in only.fix


@pytest.mark.parametrize(
    "values",
    [
        ["1.234", "2.345"],  # too few to tell
        ["1.234", "2.345", "9.99"],
        ["1.234", "2.345", "0.999"],  # no thousand begins with 0
        ["1", "2", "3"],
    ],
)
def test_decimals_are_no_thousands(tmp_path: Path, values: list[str]) -> None:
    assert codes(read(tmp_path / "e.csv", column(values), SEMICOLONS), "CM041") == []


def test_thousands_in_a_file_with_commas(tmp_path: Path) -> None:
    text = column(["1.234", "2.345", "9.999"], ",")
    assert codes(read(tmp_path / "e.csv", text), "CM041") == ["CM041"]
    assert codes(read(tmp_path / "e.csv", text, {"CAPMAP_CSV_DECIMAL": "."}), "CM041") == []


def test_values_too_large_to_add_up_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    (only,) = (f for f in read(path, column(["1e308", "1e308", "2"], ",")) if f.severity == "error")
    assert (only.code, only.line, only.column, only.count) == ("CM042", 2, "value", 2)
    assert codes(read(path, column(["1e15", "1e15", "2"], ",")), "CM042") == []
    path.write_text(column(["1e308", "1e308"], ","))
    with pytest.raises(ChecksFailedError):
        load(data=path, kind="value")


def test_values_all_too_small_to_multiply_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    (only,) = (f for f in read(path, column(["1e-300", "0", "2e-300"], ",")) if f.severity == "error")
    assert (only.code, only.line, only.column, only.count) == ("CM042", 2, "value", 2)
    assert codes(read(path, column(["1e-300", "1", "2"], ",")), "CM042") == []
    assert codes(read(path, column(["0", "0", ""], ",")), "CM042") == []


# -------------------------------------------------------------------------------------------- totals

SUMMED = "region,sector,value\nA,x,3\nA,y,5\nB,x,4\nB,y,8\n{0},x,7\n{0},y,13\n"


def roles(path: Path, text: str, reference: str) -> tuple[dict[str, str], list[str]]:
    path.write_text(text)
    project = load(data=path, kind="value", environ={}, overrides={"specialisation.reference": reference})
    return dict(project.codes.regions.select("code", "role").iter_rows()), codes(project.findings, "CM065")


@pytest.mark.parametrize(
    ("name", "reference"), [("WLD", "WLD"), ("Total", "total"), ("Sum", "Sum"), ("world", "WORLD")]
)
def test_a_total_named_as_reference_is_one(tmp_path: Path, name: str, reference: str) -> None:
    """The way out that CM065 names is one: the code has the role, and the finding is gone."""
    (told,) = (f for f in read(tmp_path / "e.csv", SUMMED.format(name)) if f.code == "CM065")
    assert f"--reference {name.upper() if name == 'world' else name} " in told.fix
    assert roles(tmp_path / "e.csv", SUMMED.format(name), reference) == (
        {"A": "region", "B": "region", name: "reference"},
        [],
    )


@pytest.mark.parametrize("reference", ["A", "sum", "world", "peers", "ex:WLD", "group:WLD", "nowhere"])
def test_another_reference_leaves_every_region_one_and_the_warning(tmp_path: Path, reference: str) -> None:
    found, warned = roles(tmp_path / "e.csv", SUMMED.format("WLD"), reference)
    assert set(found.values()) == {"region"}
    assert warned == ["CM065"]


@pytest.mark.parametrize("name", ["Total", "TOTAL", "Sum", "Summe", "Insgesamt", "Gesamt", "All", "Tous", "Ensemble"])
def test_a_region_called_a_total_in_a_small_table(tmp_path: Path, name: str) -> None:
    text = "region,sector,value\nA,x,3\nA,y,5\nB,x,4\nB,y,8\n"
    findings = read(tmp_path / "e.csv", f"{text}{name},x,7\n{name},y,13\n")
    assert [(f.value, f.count) for f in findings if f.code == "CM065"] == [(name, 2)]
    assert codes(read(tmp_path / "e.csv", f"{text}{name},x,7\n{name},y,3\n"), "CM065") == []
    assert codes(read(tmp_path / "e.csv", f"{text}C,x,7\nC,y,13\n"), "CM065") == []


def test_a_sector_called_a_total_by_its_label(build: Build) -> None:
    rows = "".join(f"{r},{s},exports,2018,{v},\n" for r, s, v in [("KOR", "cars", 3), ("KOR", "ships", 3)])
    rows += "DEU,cars,exports,2018,4,\nDEU,ships,exports,2018,4,\n"
    files = {"data/exports.csv": HEADER + rows}
    assert codes(load(build(files)).findings, "CM066") == []
    files["codes/goods.csv"] = GOODS.replace("Ships", "All")
    assert [f.value for f in load(build(files)).findings if f.code == "CM066"] == ["ships"]


# -------------------------------------------------------------------------------------- names and codes


@pytest.mark.parametrize(("key", "named"), [("KRO", "DEU"), ("KOR", "DUE")])
def test_peers_that_are_no_region(build: Build, key: str, named: str) -> None:
    folder = build({"capmap.toml": f'{RUN}[peers]\n{key} = ["{named}"]\n'})
    (only,) = (f for f in load(folder, check=False).findings if f.code == "CM076")
    wrong = key if key == "KRO" else named
    assert (only.file, only.column, only.value) == ("capmap.toml", f"peers.{key}", wrong)
    assert only.fix == f"did you mean {'KOR (Korea)' if wrong == 'KRO' else 'DEU (Germany)'}?"
    good = build({"capmap.toml": f'{RUN}[peers]\nKOR = ["DEU"]\n'})
    assert codes(load(good).findings, "CM076") == []


def test_a_column_that_stands_twice(tmp_path: Path) -> None:
    only = refused(tmp_path / "e.csv", "region,sector,year,value,value\nA,x,2018,1,2\n")
    assert (only.code, only.line, only.column, only.value) == ("CM015", 1, "value", "value")
    assert refused(tmp_path / "e.csv", "region,sector,Value, value\nA,x,1,2\n").code == "CM015"
    assert codes(read(tmp_path / "e.csv", "region,sector,value,note,note\nA,x,1,,\n")) == ["CM012"]


def test_two_codes_with_one_label(build: Build) -> None:
    folder = build({"codes/regions.csv": REGIONS.replace("Germany", "Korea")})
    (only,) = (f for f in load(folder).findings if f.code == "CM027")
    assert (only.severity, only.line, only.column, only.value) == ("warning", 3, "label", "Korea")
    assert only.message == "DEU has the label 'Korea' of KOR"
    parent = GOODS + "hulls,Ships,ships,part\n"  # of another level: common in real classifications
    assert codes(load(build({"codes/regions.csv": REGIONS, "codes/goods.csv": parent})).findings, "CM027") == []


def test_control_characters_in_codes(build: Build, tmp_path: Path) -> None:
    findings = read(tmp_path / "e.csv", "region,sector,value\nA\x07B,x,1\nA,x,1\n")
    assert [(f.severity, f.line, f.column) for f in findings if f.code == "CM028"] == [("error", 2, "region")]
    assert all("\x07" not in f.message for f in findings if f.code == "CM028")
    listed = load(build({"codes/goods.csv": GOODS + "a\x1bb,Odd,,\n"}), check=False).findings
    assert [(f.file, f.line) for f in listed if f.code == "CM028"] == [("codes/goods.csv", 4)]


# ------------------------------------------------------------------------------------------ notation


def test_a_byte_of_cp1252_is_not_taken_for_latin_1(tmp_path: Path) -> None:
    text = "region,sector,value\n{},x,1\n"
    assert '"cp1252"' in refused(tmp_path / "e.csv", text.format("Ca\u2019n").encode("cp1252")).fix
    assert '"cp1252"' in refused(tmp_path / "e.csv", text.format("\u00cele\u2019").encode("cp1252")).fix
    assert '"latin-1"' in refused(tmp_path / "e.csv", text.format("\u00cele").encode("latin-1")).fix


@pytest.mark.parametrize("first", ["# made by a script", "# Source: A, B; C", "#"])
def test_a_comment_is_no_header(tmp_path: Path, first: str) -> None:
    only = refused(tmp_path / "e.csv", f"{first}\nregion,sector,value\nA,x,1\n")
    assert (only.code, only.line) == ("CM009", 1)
    assert "first line must be the header" in only.fix
    assert codes(read(tmp_path / "e.csv", "#,region,sector,value\n1,A,x,1\n")) == ["CM012"]


def test_a_workbook_with_titles_says_where_the_header_is(tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "e.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("figures")
        sheet.write_row(0, 0, ["Exports of the world"])
        sheet.write_row(3, 0, ["region", "sector", "value"])
        sheet.write_row(4, 0, ["A", "x", 1])
        book.add_worksheet("notes").write_row(0, 0, ["nothing"])
    with pytest.raises(UnreadableError) as caught:
        load(data=path, kind="value")
    only = caught.value.findings[0]
    assert "sheet 'figures'" in only.message
    assert "'notes'" in only.message
    assert "row 4" in only.fix


def test_blank_rows_and_double_names_of_a_workbook(tmp_path: Path) -> None:
    import xlsxwriter

    for first, names in ((2, ["region", "sector", "value", "line"]), (0, ["region", "sector", "value", "value"])):
        with xlsxwriter.Workbook(tmp_path / f"e{first}.xlsx") as book:
            sheet = book.add_worksheet("figures")
            sheet.write_row(first, 0, names)
            sheet.write_row(first + 1, 0, ["A", "x", "two", 1])
    findings = load(data=tmp_path / "e2.xlsx", kind="value", check=False).findings
    assert [(f.code, f.line) for f in findings if f.severity == "error"] == [("CM030", 4)]
    with pytest.raises(UnreadableError) as caught:
        load(data=tmp_path / "e0.xlsx", kind="value")
    assert codes(caught.value.findings) == ["CM015"]


def test_a_workbook_with_a_cover_names_the_other_sheets(tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "e.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("cover").write_row(0, 0, ["Exports"])
        book.add_worksheet("figures").write_row(0, 0, ["region", "sector", "value"])
    with pytest.raises(UnreadableError) as caught:
        load(data=path, kind="value")
    assert "sheet 'cover'" in caught.value.findings[0].message
    assert "'figures'" in caught.value.findings[0].message
    assert "first sheet" in caught.value.findings[0].fix


# ---------------------------------------------------------------------------------------- settings


def setting(build: Build, text: str) -> list[Finding]:
    with pytest.raises(UnreadableError) as caught:
        load(build({"capmap.toml": text}), environ={})
    return list(caught.value.findings)


def test_a_boolean_is_no_number(build: Build) -> None:
    (only,) = setting(build, f"{RUN}[specialisation]\nthreshold = true\nwindow = 3\n")
    assert (only.code, only.line, only.column) == ("CM004", 4, "specialisation.threshold")
    assert only.message == "`specialisation.threshold` cannot be true"
    text = EXPORTS.replace("direction = 1", "direction = true")
    with pytest.raises(UnreadableError, match="direction"):
        load(build({"capmap.toml": RUN, "indicators/exports.toml": text}))
    percent = EXPORTS.replace("[source]", "percent = false\n[source]")
    assert load(build({"capmap.toml": RUN, "indicators/exports.toml": percent})).observations.height == 4


@pytest.mark.parametrize("value", ["5", '"data"'])
def test_a_list_that_is_none_says_what_is_expected(build: Build, value: str) -> None:
    (only,) = setting(build, f"[data]\nobservations = {value}\n")
    assert only.fix == "write a list in brackets: Files, folders or globs: CSV (also .gz), Parquet, xlsx."


def test_a_table_that_is_none_says_what_is_expected(build: Build) -> None:
    (only,) = setting(build, f"csv = 5\n{RUN}")
    assert only.fix == "write a table: a line `[csv]` and its keys below"


# --------------------------------------------------------------------------------- what cannot be opened


def deny(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make files and folders of these names unreadable, also for the superuser who runs the tests."""

    def guard(name: str) -> None:
        original = getattr(Path, name)

        def guarded(self: Path, *args: object, **kwargs: object) -> object:
            if self.name in names:
                raise PermissionError(13, "Permission denied", str(self))
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Path, name, guarded)

    for name in ("open", "iterdir"):
        guard(name)


@pytest.mark.parametrize(
    "name", ["capmap.toml", "exports.csv", "exports.toml", "regions.csv", "data", "codes", "indicators"]
)
def test_what_may_not_be_read_says_so(build: Build, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = build({"capmap.toml": RUN.replace("data/*.csv", "data")})
    deny(monkeypatch, name)
    with pytest.raises(UnreadableError) as caught:
        load(folder)
    first = caught.value.findings[0]
    assert first.code == "CM006"
    assert "ermission denied" in first.message
    assert name in (first.file or "")
    assert "did you mean" not in first.fix
    assert [f.code for f in caught.value.findings if f.severity != "note"] == ["CM006"]


def test_a_folder_behind_a_pattern_may_not_be_read(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build({"capmap.toml": RUN.replace("data/*.csv", "data/*.parquet")})
    deny(monkeypatch, "data")
    with pytest.raises(UnreadableError, match="ermission denied"):
        load(folder)


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for options in ({}, {"data": "e.csv", "kind": "value"}):
        with pytest.raises(UnreadableError, match="working directory") as caught:
            load(**options)  # type: ignore[arg-type]
        assert caught.value.findings[0].code == "CM005"


@pytest.mark.parametrize("closed", [True, False])
def test_a_closed_standard_input(monkeypatch: pytest.MonkeyPatch, *, closed: bool) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b""))
    stream.close()
    monkeypatch.setattr("sys.stdin", stream if closed else None)
    with pytest.raises(UnreadableError, match="standard input is closed"):
        load(data="-", kind="value")


# ---------------------------------------------------------------------------------------- the cause alone


def test_circles_of_parents_are_not_also_counted_twice(build: Build) -> None:
    circle = "code,label,parent,level\ncars,Cars,ships,product\nships,Ships,cars,product\n"
    findings = load(build({"codes/goods.csv": circle}), check=False).findings
    assert codes(findings, "CM023", "CM060") == ["CM023"]
    circle = "code,label,parent\nKOR,Korea,DEU\nDEU,Germany,KOR\n"
    findings = load(build({"codes/goods.csv": GOODS, "codes/regions.csv": circle}), check=False).findings
    assert codes(findings, "CM023", "CM061") == ["CM023"]


@pytest.mark.parametrize("name", ["regions", "goods"])
def test_a_broken_code_list_is_not_also_missing(build: Build, name: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        load(build({f"codes/{name}.csv": "kode,label\nKOR,Korea\n"}))
    assert "CM026" not in codes(caught.value.findings)


def test_rows_that_cannot_be_read_are_not_also_missing(build: Build) -> None:
    findings = load(build({"data/exports.csv": HEADER + ROWS.replace("2018", "18")}), check=False).findings
    assert set(codes(findings)) == {"CM032"}
    assert codes(load(build({"data/exports.csv": HEADER}), check=False).findings, "CM091") == ["CM091"]


def test_an_override_that_is_a_boolean_is_refused(build: Build) -> None:
    with pytest.raises(UsageError, match="threshold"):
        load(build(), overrides={"specialisation.threshold": True}, environ={})
