"""Tables beside a project: what is read, and what each slip is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from capmap.data.beside import OUTSIDE_PCI, PLANT_SIZES, fitted, read_beside
from capmap.errors import ExitCode, UnreadableError, UsageError

EXPECTED = pl.DataFrame({"sector": ["01", "02"], "pci": [1.5, None], "year": [2018, 2018]})


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    text = "pci, sector ,note,year\n1.5,01,x,2018\n, 02,,2018\n"
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "a.tsv").write_text(text.replace(",", "\t"))
    EXPECTED.with_columns(pl.col("sector").cast(pl.Categorical), line=1).write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.csv.gz", "a.tsv", "a.parquet"):
        found, file = read_beside(tmp_path / name, OUTSIDE_PCI)
        assert_frame_equal(found, EXPECTED)
        assert (file.name, file.rows, len(file.sha256)) == (name, 2, 64)


@pytest.mark.parametrize(
    ("content", "said", "fix"),
    [
        ("sector,size\na,1\n", r"no column pci \(found: sector, size\)", "--table sectors"),
        ("region,eci\na,1\n", "no column sector or pci", "--table sectors"),
        ("sector,pci\na,1\nb,x1\n", "row 2: 'x1' is no number for pci", "--table sectors"),
        ("sector,pci\na,inf\n", "row 1: 'inf' is no number", "--table sectors"),
        ("sector,pci,year\na,1,2018.5\n", "row 1: '2018.5' is no number for year", "--table sectors"),
        ("sector,pci\na,1\n,2\n", "row 2 has no sector", "--table sectors"),
        ("sector;pci\na;1\n", "separated by semicolons", "commas"),
        ("", "empty", "first line"),
    ],
)
def test_slips_are_named(tmp_path: Path, content: str, said: str, fix: str) -> None:
    path = tmp_path / "outside.csv"
    path.write_text(content)
    with pytest.raises(UnreadableError, match=said) as error:
        read_beside(path, OUTSIDE_PCI)
    assert error.value.where is not None
    assert error.value.where.startswith("outside.csv")
    assert fix in str(error.value.fix)
    assert error.value.exit_code == ExitCode.UNREADABLE


def test_other_encodings_and_absent_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_bytes("sector,pci\nCaf\xe9,1\n".encode("latin-1"))
    with pytest.raises(UnreadableError, match="not utf-8 text") as error:
        read_beside(tmp_path / "outside.csv", OUTSIDE_PCI)
    assert error.value.fix == "save it as UTF-8"
    with pytest.raises(UnreadableError, match="no data file") as error:
        read_beside(tmp_path / "outsid.csv", OUTSIDE_PCI)
    assert "outside.csv" in str(error.value.fix)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(UnreadableError, match="cannot be read"):
        read_beside(tmp_path / "x.parquet", PLANT_SIZES)


def test_frames_are_fitted_alike() -> None:
    frame = pl.DataFrame({"sector": [1, 2], "size": ["3", None], "other": [0, 0]})
    assert_frame_equal(fitted(frame, PLANT_SIZES), pl.DataFrame({"sector": ["1", "2"], "size": [3.0, None]}))
    with pytest.raises(UsageError, match="no column size"):
        fitted(frame.drop("size"), PLANT_SIZES)
    with pytest.raises(UsageError, match="the column size holds List"):
        fitted(pl.DataFrame({"sector": ["a"], "size": [[1.0]]}), PLANT_SIZES)
