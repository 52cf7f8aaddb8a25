from __future__ import annotations

from pathlib import Path

import pytest

from capmap.data.toml import key_line, keys_of, read_model, read_toml
from capmap.errors import ExitCode, UnreadableError
from capmap.model import Indicator, RunFile

from .projects import EXPORTS


def trouble(tmp_path: Path, text: str | bytes, model: type = RunFile, **extra: object) -> UnreadableError:
    path = tmp_path / "some.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UnreadableError) as caught:
        read_model(path, model, "some.toml", **extra)
    assert caught.value.exit_code == ExitCode.UNREADABLE
    return caught.value


def test_a_valid_file_becomes_its_model(tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_text(EXPORTS)
    assert read_model(tmp_path / "exports.toml", Indicator, id="exports").unit == "US dollars"


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_bytes(b"\xef\xbb\xbf" + EXPORTS.encode())
    assert read_model(tmp_path / "exports.toml", Indicator, id="exports").kind == "value"


def test_syntax_error_names_line_and_column(tmp_path: Path) -> None:
    error = trouble(tmp_path, '[data]\nobservations = ["a.csv"\nindicators = 3\n')
    (only,) = error.findings
    assert (only.code, only.file, only.line) == ("CM001", "some.toml", 3)
    assert "column 1" in only.message
    assert error.where == "some.toml, line 3"


def test_syntax_error_at_the_end_names_the_last_line(tmp_path: Path) -> None:
    (only,) = trouble(tmp_path, '[data]\nobservations = ["a.csv"').findings
    assert (only.code, only.line) == ("CM001", 2)


def test_bytes_that_are_no_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    (only,) = trouble(tmp_path, "[data]\n# Århus\n".encode("latin-1")).findings
    assert (only.code, only.line) == ("CM007", 2)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_text(EXPORTS)
    with pytest.raises(UnreadableError) as caught:
        read_toml(tmp_path / "export.toml")
    assert caught.value.fix == "did you mean exports.toml?"


def test_unknown_key_names_section_line_and_nearest_key(tmp_path: Path) -> None:
    text = '[data]\nobservations = ["a.csv"]\n\n[specialisation]\ntreshold = 2\n'
    (only,) = trouble(tmp_path, text).findings
    assert (only.code, only.line, only.column) == ("CM002", 5, "specialisation.treshold")
    assert only.message == "unknown key `specialisation.treshold`"
    assert only.fix == "did you mean `threshold`?"


def test_unknown_section_and_unknown_column_key(tmp_path: Path) -> None:
    text = '[data]\nobservations = ["a.csv"]\n[colums]\nregion = "x"\n[columns]\nregoin = "x"\n'
    found = {f.column: f.fix for f in trouble(tmp_path, text).findings}
    assert found == {"colums": "did you mean `columns`?", "columns.regoin": "did you mean `region`?"}


def test_a_key_with_nothing_near_lists_what_is_allowed(tmp_path: Path) -> None:
    (only,) = trouble(tmp_path, '[data]\nobservations = ["a.csv"]\n[csv]\nxyzzy = 1\n').findings
    assert only.fix == "allowed here: separator, decimal, encoding, null_values"


def test_bad_value_names_key_value_and_what_is_allowed(tmp_path: Path) -> None:
    (only,) = trouble(tmp_path, EXPORTS.replace('"value"', '"valeu"'), Indicator, id="exports").findings
    assert (only.code, only.line, only.column, only.value) == ("CM004", 2, "kind", "valeu")
    assert only.message == "`kind` cannot be 'valeu'"
    assert "'count', 'value', 'intensity' or 'score'" in only.fix


def test_missing_key_says_what_it_is_for(tmp_path: Path) -> None:
    (only,) = trouble(tmp_path, EXPORTS.replace('title = "Made for a test"', ""), Indicator, id="exports").findings
    assert (only.code, only.column, only.line) == ("CM003", "source.title", 7)
    assert only.fix == "add it: Title of the publication or data set."


def test_a_rule_over_several_keys_is_told_in_its_own_words(tmp_path: Path) -> None:
    text = EXPORTS.replace("[source]", "goalposts = { low = 5, high = 1 }\n[source]")
    (only,) = trouble(tmp_path, text, Indicator, id="exports").findings
    assert (only.code, only.column, only.line) == ("CM004", "goalposts", 7)
    assert "low (5.0) must be smaller than high (1.0)" in only.fix


def test_the_id_is_never_written_in_the_file(tmp_path: Path) -> None:
    (only,) = trouble(tmp_path, 'id = "exports"\n' + EXPORTS, Indicator, id="exports").findings
    assert (only.code, only.column, only.line) == ("CM002", "id", 1)


def test_all_problems_of_a_file_come_at_once(tmp_path: Path) -> None:
    text = 'nam = "x"\n' + EXPORTS.replace("direction = 1", "direction = 2").replace('unit = "US dollars"\n', "")
    error = trouble(tmp_path, text, Indicator, id="exports")
    assert sorted((f.code, f.column) for f in error.findings) == [
        ("CM002", "nam"),
        ("CM003", "unit"),
        ("CM004", "direction"),
    ]
    assert error.message == "3 problems in 1 file"


def test_key_lines_are_found_in_tables_and_inline_tables() -> None:
    text = 'a = 1\n[b]\n"c" = 2\n[b.d]\ne = 3\n[f]\ng = { h = 1 }\n'
    assert [key_line(text, k) for k in [("a",), ("b", "c"), ("b", "d", "e"), ("f", "g", "h"), ("z",)]] == [
        1,
        3,
        5,
        7,
        None,
    ]


def test_keys_allowed_come_from_the_model() -> None:
    assert keys_of(RunFile, ("columns",)) == ("region", "sector", "indicator", "year", "value", "status")
    assert keys_of(RunFile, ("peers",)) == ()
    assert keys_of(Indicator, ("goalposts",)) == ("low", "high", "log")
    assert "id" not in keys_of(Indicator, ())
