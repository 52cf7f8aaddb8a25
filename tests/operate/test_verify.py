"""Verify finds whatever does not follow: a byte flipped in data, definitions, parameters or results."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from capmap.data.load import load
from capmap.data.write import json_text, stamped, write
from capmap.errors import ExitCode, UnreadableError, UsageError
from capmap.model import Project, Result
from capmap.operate import verify as module
from capmap.operate.bundle import write_bundle
from capmap.operate.run import MANIFEST, everything, run_all
from capmap.operate.verify import KINDS, ROW_KEYS, unlike, verify
from tests.analyses.small_project import describe, small_project
from tests.conftest import RunCapmap

COMMANDS = ("indicators", "rca", "normalise")


def written(folder: Path) -> Project:
    """A small project of two years."""
    rows = [("pat", r, s, y, (7 * i + 13 * j + 5 * k) % 31 + 1) for k, y in enumerate((2019, 2020))
            for i, r in enumerate("ABCDE") for j, s in enumerate("uvwx")]  # fmt: skip
    return small_project(folder, {"pat": describe("count")}, rows, regions=[f"{r},Land {r},,,region," for r in "ABCDE"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with results in it; copied by whoever changes it."""
    place = tmp_path_factory.mktemp("verify") / "p"
    project = written(place)
    every = everything(project)
    run_all(project, place / "results", analyses={name: every[name] for name in COMMANDS})
    write_bundle(project, place / "out.zip", analyses={name: every[name] for name in COMMANDS})
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "p"))


def found(place: Path, results: str = "results", tolerance: float = 0.0) -> pl.DataFrame:
    """The differences."""
    return verify(place / results, lambda: load(place, environ={}), tolerance=tolerance).result.tables["differences"]


def test_what_a_run_wrote_is_verified(place: Path) -> None:
    said = verify(place / "results", lambda: load(place, environ={}))
    assert said.result.tables["differences"].is_empty()
    assert said.result.meta["compared"] == {"files": 8, "cells": said.result.meta["compared"]["cells"]}
    assert said.result.meta["compared"]["cells"] > 2 * 40 * 29


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x01
    path.write_bytes(content)


def spread(path: Path, n: int) -> Iterator[int]:
    size = path.stat().st_size
    yield from (size * k // n for k in range(n))


def differs(place: Path, results: str = "results") -> bool:
    """Whether something is found, or nothing can be read any more."""
    try:
        return not found(place, results).is_empty()
    except UnreadableError:
        return True


@pytest.mark.parametrize(
    "name",
    ["data.csv", "results/rca.parquet", "results/rca.csv", "results/normalise-treatment.csv", f"results/{MANIFEST}"],
)
def test_a_flipped_byte_is_found(place: Path, name: str) -> None:
    path = place / name
    whole = path.read_bytes()
    for at in [*spread(path, 6), len(whole) - 1]:
        flip(path, at)
        assert differs(place), (name, at, whole[max(at - 10, 0) : at + 10])
        path.write_bytes(whole)
    assert found(place).is_empty()


@pytest.mark.parametrize(
    ("name", "old", "new", "kind"),
    [
        ("indicators/pat.toml", "direction = 1", "direction = -1", "definition"),
        ("indicators/pat.toml", 'title = "made up"', 'title = "made uq"', "definition"),
        ("codes/regions.csv", "Land B", "Lend B", "definition"),
        ("capmap.toml", '["data.csv"]\n', '["data.csv"]\n[specialisation]\nlevel = 0.9\n', "setting"),
        (f"results/{MANIFEST}", '"level": 0.95', '"level": 0.85', "parameter"),
        (f"results/{MANIFEST}", '"capmap": "0.', '"capmap": "1.', "version"),
        (f"results/{MANIFEST}", '"table": "rca"', '"table": "rcb"', "manifest"),
        (f"results/{MANIFEST}", '"command": "rca"', '"command": "rcb"', "not_computed"),
    ],
)
def test_what_was_changed_is_named(place: Path, name: str, old: str, new: str, kind: str) -> None:
    path = place / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert kind in found(place)["kind"].to_list()


def test_a_changed_observation_is_traced_to_cells(place: Path) -> None:
    path = place / "data.csv"
    lines = path.read_text("utf-8").splitlines()
    assert lines[5].startswith("pat,B,u,2019,")
    lines[5] = "pat,B,u,2019,30,"
    path.write_text("\n".join([*lines, ""]), "utf-8")
    rows = found(place)
    assert rows.filter(pl.col("kind") == "input").height >= 1
    (cell,) = rows.filter(file="rca.csv", key="pat 2019 B u", column="value").iter_rows(named=True)
    assert (cell["stored"], cell["recomputed"]) == ("8.0", "30.0")
    assert set(rows["kind"]) <= set(KINDS)


def test_missing_and_foreign_files(place: Path) -> None:
    (place / "results" / "rca.csv").unlink()
    (place / "results" / "indicators.csv").unlink()
    (place / "results" / "indicators.csv").symlink_to(place / "data.csv")
    rows = found(place).filter(kind="file")
    assert dict(rows.select("file", "recomputed").iter_rows()) == {"rca.csv": "missing", "indicators.csv": "a link"}


@pytest.mark.parametrize("name", ["../data.csv", "/etc/passwd", "a/../../b", "C:x", "a\\b", "", "nul"])
def test_a_manifest_cannot_name_files_outside(place: Path, name: str) -> None:
    path = place / "results" / MANIFEST
    content = json.loads(path.read_text("utf-8"))
    content["files"][0]["name"] = name
    path.write_text(json_text(content, indent=2) + "\n", "utf-8")
    with pytest.raises(UnreadableError, match="is no name for a file"):
        found(place)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"capmap": "0.1.0", "files": 3}', '{"files": []}', "[" * 100_000, "\x00"]
)
def test_what_is_no_manifest_is_unreadable(place: Path, text: str) -> None:
    (place / "results" / MANIFEST).write_text(text, "utf-8")
    with pytest.raises(UnreadableError):
        found(place)
    with pytest.raises(UnreadableError, match="no results"):
        found(place, "nothing")


def test_a_tolerance_lets_last_digits_pass_and_no_more(place: Path) -> None:
    path = place / "results" / "rca.csv"
    frame = pl.read_csv(path)
    near = frame.with_columns(rca=pl.col("rca") * (1 + 1e-13))
    near.write_csv(path)
    assert found(place)["kind"].unique().sort().to_list() == ["cell", "file"]
    assert found(place, tolerance=1e-9)["kind"].to_list() == ["file"]  # its hash is not that of the manifest
    frame.with_columns(rca=pl.col("rca") * (1 + 1e-6)).write_csv(path)
    assert "cell" in found(place, tolerance=1e-9)["kind"].to_list()


def test_minus_zero_is_not_zero() -> None:
    rows: list[tuple[object, ...]] = []
    one = pl.DataFrame({"region": ["A", "B"], "x": ["-0.0", None]})
    module.compare(lambda *said, **where: rows.append((*said, where["key"], where.get("column"))), one,
                   one.with_columns(x=pl.Series(["0.0", None])))  # fmt: skip
    assert rows == [("cell", "-0.0", "0.0", "A", "x")]


def test_rows_too_many_and_too_few() -> None:
    rows: list[tuple[object, ...]] = []

    def add(kind: str, stored: object = None, fresh: object = None, **where: object) -> None:
        rows.append((kind, stored, fresh, where.get("key")))

    one = pl.DataFrame({"region": ["A", "B"], "x": ["1", "2"]})
    module.compare(add, one, pl.DataFrame({"region": ["B", "C"], "x": ["2", "3"]}))
    assert rows == [("row", "present", None, "A"), ("row", None, "present", "C")]
    rows.clear()
    module.compare(add, pl.DataFrame({"y": ["1", "1"]}), pl.DataFrame({"y": ["1", "2"]}))  # no key: by place
    assert rows == [("cell", "1", "2", "row 2")]
    assert "region" in ROW_KEYS


def test_unlike_says_where() -> None:
    assert list(unlike({"a": {"b": [1, 2.0]}}, {"a": {"b": [1, 2]}})) == [("a.b[1]", 2.0, 2)]
    assert list(unlike([1], [1, 2])) == [("", [1], [1, 2])]


# Files of one result ------------------------------------------------------------------------------------------------


EXPORTS = [
    ("a.parquet", ["rca", "-r", "B", "--top", "3", "--threshold", "1.2"]),
    ("b.csv", ["rca", "--year", "2019", "--labels"]),
    ("c.json", ["normalise", "-m", "min_max"]),
    ("d.ndjson.gz", ["regions"]),
    ("e.tsv", ["explain", "B", "u", "--measure", "class"]),
    ("f.json", ["profile", "B"]),
    ("g.csv", ["relatedness", "--between", "B", "v"]),
    ("h.json", ["explain", "B", "u", "--measure", "density_low", "--draws", "5"]),
]


@pytest.fixture(scope="module")
def replay() -> Callable[[list[str]], int]:
    """The command line in this process; returns its exit code."""
    from capmap.cli.app import app
    from capmap.errors import CapmapError

    def run(arguments: list[str]) -> int:
        try:
            return int(app(arguments, standalone_mode=False) or 0)
        except CapmapError as error:
            return int(error.exit_code)

    return run


@pytest.mark.parametrize(("name", "arguments"), EXPORTS, ids=[name for name, _ in EXPORTS])
def test_an_exported_file_is_verified_and_a_flip_in_it_found(
    place: Path, replay: Callable[[list[str]], int], name: str, arguments: list[str]
) -> None:
    path, own = place / name, ["-p", str(place), "-q"]
    assert replay([*arguments, *own, "-o", str(path)]) == 0
    again = ["verify", str(path), *own, "-o", str(place / "said.json")]
    assert replay(again) == 0
    assert json.loads((place / "said.json").read_text("utf-8"))["rows"] == []
    for part in (path, place / f"{name}.meta.json"):
        if not part.exists():
            continue
        whole = part.read_bytes()
        for at in spread(part, 3):
            flip(part, at)
            assert replay(again) in (ExitCode.CHECKS_FAILED, ExitCode.UNREADABLE), at
            part.write_bytes(whole)
    (place / "data.csv").write_text((place / "data.csv").read_text("utf-8").replace(",2019,", ",2018,"), "utf-8")
    assert replay(again) == ExitCode.CHECKS_FAILED or name == "d.ndjson.gz"


def test_a_table_of_a_run_is_verified_by_itself(place: Path) -> None:
    assert found(place, "results/rca.parquet").is_empty()
    flipped = pl.read_parquet(place / "results" / "rca.parquet").with_columns(value=pl.col("value") + 1)
    meta = pl.read_parquet_metadata(place / "results" / "rca.parquet")["capmap"]
    flipped.write_parquet(place / "results" / "rca.parquet", metadata={"capmap": meta})
    rows = found(place, "results/rca.parquet")
    assert rows["column"].unique().to_list() == ["value"]
    assert rows.height == 40


@pytest.mark.parametrize(
    "words", [["rca", "-o", "/tmp/x"], ["rca", "-p", "/etc"], ["init", "x"], ["run"], ["rca", "--output=/tmp/x"],
              ["complexity", "--plants=/etc/passwd"], ["refresh"], [], ["rca", "-qp/etc"], ["rca", "-qfjson"], ["rca", "-h"],
              ["rca", "--help"], ["rca", "--quiet"], ["index", "--freeze", "--", "innovation"], ["rca", "--", "--help"],
              ["rca", "--year=latest"], ["rca", "--debug"]],
)  # fmt: skip
def test_words_from_outside_are_not_simply_asked_again(
    place: Path, replay: Callable[[list[str]], int], words: list[str]
) -> None:
    path = place / "x.parquet"
    result = Result("rca", {"rca": pl.DataFrame({"a": [1]})}, {"command": "rca", "arguments": words, "inputs": []})
    write(result, path)
    assert replay(["verify", str(path), "-p", str(place), "-q"]) == ExitCode.UNREADABLE


def test_a_frozen_index_is_verified_and_not_frozen_again(tmp_path: Path, replay: Callable[[list[str]], int]) -> None:
    assert replay(["init", str(tmp_path / "own"), "-q"]) == 0
    own, path = ["-p", str(tmp_path / "own"), "-q"], tmp_path / "x.json"
    assert replay(["index", "innovation", "--freeze", "--draws=0", *own, "-o", str(path)]) == 0
    (scale,) = (tmp_path / "own" / "index").glob("*.scale.json")
    before = scale.stat().st_mtime_ns
    assert replay(["verify", str(path), *own, "-o", str(tmp_path / "said.json")]) == 0
    assert scale.stat().st_mtime_ns == before


def test_explain_is_written_in_every_format(place: Path, replay: Callable[[list[str]], int]) -> None:
    own = ["explain", "B", "u", "-p", str(place), "-q", "-o"]
    for name in ("e.csv", "e.json", "e.md", "e.parquet", "e.xlsx"):
        assert replay([*own, str(place / name)]) == 0
    answer = json.loads((place / "e.json").read_text("utf-8"))["tables"]["answer"][0]
    assert answer["arithmetic"].startswith("rca = (x_ij / x_i) / (x_j / x) = (")
    assert answer["sentence"] in (place / "e.md").read_text("utf-8").replace("\\", "")
    long = pl.read_csv(place / "e.csv")
    assert long["part"].unique().sort().to_list() == [
        "answer", "inputs", "parameters", "sensitivity", "steps", "treatment",
    ]  # fmt: skip
    assert long.filter(part="answer")["sentence"].to_list() == [answer["sentence"]]
    assert replay(["verify", str(place / "out.zip"), "-q", "-o", str(place / "said.csv")]) == 0
    assert replay(["verify", str(place / "nothing"), "-q"]) == ExitCode.UNREADABLE


def test_what_is_verified_is_not_written_over(place: Path, replay: Callable[[list[str]], int]) -> None:
    before = (place / "results" / "rca.csv").read_bytes()
    path = str(place / "results" / "rca.csv")
    assert replay(["verify", path, "-p", str(place), "-q", "-o", path]) == ExitCode.USAGE
    assert (place / "results" / "rca.csv").read_bytes() == before


def test_files_that_say_nothing_are_unreadable(place: Path) -> None:
    project = load(place, environ={})
    for name, content in (
        ("bare.csv", b"a\n1\n"), ("x.xlsx", b"PK"), ("y.md", b"# x"), ("z.json", b"{"), ("w.parquet", b"PAR1"),
        ("v.json", b'{"rows": [1], "meta": {}}'), ("u.json.gz", b"\x1f\x8b\x00"),
    ):  # fmt: skip
        (place / name).write_bytes(content)
        with pytest.raises(UnreadableError):
            found(place, name)
    write(stamped(project, Result("a", {"a": pl.DataFrame({"b": [1]})}, {"command": "nobody"})), place / "n.parquet")
    with pytest.raises(UnreadableError, match="does not say how it was made"):
        found(place, "n.parquet")
    write(Result("a", {"a": pl.DataFrame({"b": [1]})}, {"arguments": ["rca"]}), place / "m.parquet")
    with pytest.raises(UsageError, match="on the command line"):
        found(place, "m.parquet")


def test_an_exported_file_does_not_unpack_without_bounds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capmap.operate.verify.MOST_BYTES", 2**20)
    (place / "x.json.gz").write_bytes(gzip.compress(bytes(2**21)))
    with pytest.raises(UnreadableError, match="unpacks to more than 1,048,576 bytes"):
        found(place, "x.json.gz")


def test_a_workbook_is_no_archive(place: Path) -> None:
    with zipfile.ZipFile(place / "x.xlsx", "w") as book:
        book.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(UnreadableError, match="no metadata to compute it again from"):
        found(place, "x.xlsx")


def test_exit_codes_of_the_command(place: Path, run_capmap: RunCapmap) -> None:
    code, out, said = run_capmap("verify", place / "results", "-p", place)
    assert (code, out) == (0, "kind,file,table,key,column,stored,recomputed\n")
    assert "verified: 8 files" in said
    flip(place / "results" / "rca.csv", 500)
    code, out, said = run_capmap("verify", "results", "-f", "table", cwd=place)
    assert code == ExitCode.CHECKS_FAILED
    assert "NOT verified" in out
