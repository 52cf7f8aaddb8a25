from __future__ import annotations

from capmap.data.findings import finding, in_order, unreadable, where


def test_order_is_severity_code_file_line() -> None:
    items = [
        finding("CM090", "a", "f"),
        finding("CM080", "a", "f", file="b.csv", line=1),
        finding("CM051", "a", "f", file="b.csv", line=10),
        finding("CM051", "a", "f", file="b.csv", line=9),
        finding("CM051", "a", "f", file="a.csv", line=11),
        finding("CM030", "a", "f", file="z.csv", line=1),
    ]
    assert in_order(items) == tuple(reversed(items))
    assert in_order(reversed(items)) == in_order(items)


def test_places_in_words() -> None:
    assert (
        where(finding("CM004", "m", "f", file="capmap.toml", line=3, column="csv.decimal"))
        == "capmap.toml, line 3, key csv.decimal"
    )
    assert (
        where(finding("CM031", "m", "f", file="a.parquet", line=3, column="value")) == "a.parquet, row 3, column value"
    )
    assert where(finding("CM004", "m", "f", column="csv.decimal")) == "key csv.decimal"
    assert where(finding("CM091", "m", "f")) is None


def test_an_error_speaks_with_the_words_of_its_only_problem() -> None:
    note = finding("CM012", "not read: x", "nothing", file="a.csv")
    one = unreadable([note, finding("CM009", "no column", "say which", file="a.csv")])
    assert (one.message, one.where, one.fix) == ("no column", "a.csv", "say which")
    assert len(one.findings) == 2
    two = unreadable([finding("CM009", "no column", "say which", file=name) for name in ("a.csv", "b.csv")])
    assert (two.message, two.where) == ("2 problems in 2 files", "a.csv, b.csv")
