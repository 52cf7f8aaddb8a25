"""A full run: what it writes, the same bytes each time, and what it never touches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from capmap.data.load import load
from capmap.data.write import render, sha256, stamped
from capmap.errors import ExitCode, Finding, RefusedError, UsageError, WriteError
from capmap.model import Project, Result
from capmap.operate import run as module
from capmap.operate.run import MANIFEST, everything, run_all

SAMPLE = Path(__file__).parents[2] / "sample_data"
ONE = pl.DataFrame({"region": ["KOR", "DEU"], "rca": [0.1 + 0.2, None]}, schema_overrides={"region": pl.Categorical})
TWO = pl.DataFrame({"region": ["KOR"]})


@pytest.fixture(scope="module")
def project() -> Project:
    return load(SAMPLE, environ={})


def one(_: Project) -> Result:
    return Result("one", {"one": ONE}, {"command": "one", "parameters": {"level": 0.95}, "seed": 7})


def several(_: Project) -> Result:
    return Result("several", {"several": ONE, "extra": TWO}, {"command": "several", "parameters": {}})


def refuses(_: Project) -> Result:
    raise RefusedError("panel too short")


def fails(_: Project) -> Result:
    raise ZeroDivisionError


def interrupted(_: Project) -> Result:
    raise KeyboardInterrupt


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def manifest(folder: Path) -> dict[str, list[dict[str, object]]]:
    read: dict[str, list[dict[str, object]]] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return read


# What is written ----------------------------------------------------------------------------------------------


def test_tables_are_written_as_parquet_and_csv_with_a_manifest(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    files = run_all(project, folder, analyses={"one": one, "several": several, "short": refuses})
    expected = ["one", "several", "several-extra"]
    assert files == (
        *(folder / f"{stem}.{suffix}" for stem in expected for suffix in ("parquet", "csv")),
        folder / MANIFEST,
    )
    assert set(content(folder)) == {path.name for path in files}
    assert [path.name for path in folder.iterdir() if path.is_dir()] == []
    assert (folder / "one.csv").read_bytes() == render(one(project), "csv")
    assert pl.read_parquet(folder / "several-extra.parquet").equals(TWO)
    meta = json.loads(pq.read_metadata(folder / "one.parquet").metadata[b"capmap"])
    assert meta == stamped(project, one(project)).meta


def test_the_manifest_says_what_when_from_what_but_not_at_what_time(project: Project, tmp_path: Path) -> None:
    warned = Finding(code="CM000", severity="warning", message="", fix="", count=3)
    noted = replace(warned, severity="note", count=1)
    run_all(
        replace(project, findings=(warned, warned, noted)), tmp_path,
        analyses={"one": one, "short": refuses, "several": several},
    )  # fmt: skip
    found = manifest(tmp_path)
    assert list(found) == [
        "capmap", "inputs", "definitions", "settings", "findings", "results", "files", "skipped",
    ]  # fmt: skip
    assert [entry["sha256"] for entry in found["inputs"]] == [file.sha256 for file in project.files]
    assert found["findings"] == {"error": 0, "warning": 6, "note": 1}
    assert found["results"] == [
        {"command": "one", "parameters": {"level": 0.95}, "seed": 7},
        {"command": "several", "parameters": {}, "seed": None},
    ]
    assert found["skipped"] == [{"command": "short", "reason": "panel too short"}]
    assert found["files"][1] == {
        "name": "one.csv", "command": "one", "table": "one", "rows": 2, "columns": ["region", "rca"],
        "sha256": sha256(tmp_path / "one.csv"),
    }  # fmt: skip
    assert {entry["name"]: entry["sha256"] for entry in found["files"]} == {
        path.name: sha256(path) for path in tmp_path.iterdir() if path.name != MANIFEST
    }
    assert str(SAMPLE.parent) not in json.dumps(found)


def test_the_sample_gives_the_same_bytes_twice(project: Project, tmp_path: Path) -> None:
    run_all(project, tmp_path / "a")
    run_all(load(SAMPLE, environ={}), tmp_path / "b")
    run_all(project, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    found = manifest(tmp_path / "a")
    assert found["skipped"] == []
    assert {entry["command"] for entry in found["results"]} == set(everything(project))
    assert {
        "rca.csv",
        "rca.parquet",
        "intensity.csv",
        "normalise.csv",
        "indicators.csv",
        "index.csv",
        "index-strengths.csv",
        "robustness.csv",
        "robustness-pairs.parquet",
        MANIFEST,
    } <= set(content(tmp_path / "a"))
    rca = pl.read_parquet(tmp_path / "a" / "rca.parquet")
    years = {year for meta in project.catalogue for year in project.observations.filter(indicator=meta)["year"]}
    assert rca["year"].n_unique() > 1
    assert set(rca["year"]) <= years
    assert pl.read_csv(tmp_path / "a" / "rca.csv", schema=rca.schema).equals(rca)


# What it never touches ----------------------------------------------------------------------------------------


def test_files_of_an_earlier_run_go_and_those_of_others_stay(project: Project, tmp_path: Path) -> None:
    run_all(project, tmp_path, analyses={"one": one, "several": several})
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "several.csv").write_text("changed by hand since")
    (tmp_path / "sub").mkdir()
    run_all(project, tmp_path, analyses={"one": one})
    assert set(content(tmp_path)) == {"one.csv", "one.parquet", MANIFEST, "mine.csv", "several.csv"}
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert (tmp_path / "several.csv").read_text() == "changed by hand since"
    assert (tmp_path / "sub").is_dir()


def test_a_manifest_cannot_name_files_outside_the_folder(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    run_all(project, folder, analyses={"one": one})
    (tmp_path / "precious.csv").write_text("precious")
    (folder / "link.csv").symlink_to(tmp_path / "precious.csv")
    found = manifest(folder)
    digest = sha256(tmp_path / "precious.csv")
    names: list[object] = ["../precious.csv", str(tmp_path / "precious.csv"), "link.csv", "..", "", 7, None, MANIFEST]
    found["files"] = [{"name": name, "sha256": digest} for name in names] + [7, {}]  # type: ignore[list-item]
    (folder / MANIFEST).write_text(json.dumps(found))
    run_all(project, folder, analyses={"one": one})
    assert (tmp_path / "precious.csv").read_text() == "precious"
    assert (folder / "link.csv").is_symlink()


@pytest.mark.parametrize(
    "text", ["{}", "[1]", '{"name": "My web app", "icons": []}', "not json", '{"capmap": 1}', "\xff"]
)
def test_a_manifest_of_somebody_else_is_not_replaced(project: Project, tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, "latin-1")
    with pytest.raises(WriteError, match="was not written by capmap"):
        run_all(project, tmp_path, analyses={"one": one})
    assert content(tmp_path) == {MANIFEST: text.encode("latin-1")}


def test_results_do_not_go_where_the_project_reads_from(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = tmp_path / "data" / "trade.csv"
    data.write_text("region,sector,year,value\nA,x,2018,1\nB,y,2018,2\nA,y,2018,1\nB,x,2018,2\n")
    single = load(data=data, kind="value", environ={})
    with pytest.raises(UsageError, match="reads from"):
        run_all(single, tmp_path / "data", analyses={"one": one})
    assert list(content(tmp_path / "data")) == ["trade.csv"]
    for name in ("codes", "../indicators"):
        sample = load(SAMPLE, environ={})
        with pytest.raises(UsageError, match="reads from"):
            run_all(sample, SAMPLE / name, analyses={"one": one})


@pytest.mark.parametrize("last", [fails, interrupted])
@pytest.mark.parametrize("existed", [True, False])
def test_a_run_that_fails_leaves_all_as_it_was(
    project: Project, tmp_path: Path, last: Callable[[Project], Result], existed: bool
) -> None:
    folder = tmp_path / "results"
    if existed:
        run_all(project, folder, analyses={"one": several})
    before = content(folder) if existed else {}
    with pytest.raises((ZeroDivisionError, KeyboardInterrupt)):
        run_all(project, folder, analyses={"one": one, "last": last})
    assert folder.exists() == existed
    if existed:
        assert content(folder) == before
        assert len(list(folder.iterdir())) == len(before), "and no staging folder"


def test_nothing_to_compute_is_an_error_and_earlier_results_stay(project: Project, tmp_path: Path) -> None:
    run_all(project, tmp_path, analyses={"one": one})
    before = content(tmp_path)
    with pytest.raises(RefusedError, match="nothing to compute: short: panel too short") as caught:
        run_all(project, tmp_path, analyses={"short": refuses})
    assert caught.value.exit_code == ExitCode.NOTHING
    assert content(tmp_path) == before


_SLOW = """
import sys, time
from capmap.data.load import load
from capmap.operate import run
import polars as pl
from capmap.model import Result

def quick(_):
    return Result("one", {"one": pl.DataFrame({"x": [1]})})

def slow(_):
    print("computing", flush=True)
    time.sleep(60)

def stuck(stage, folder, name, real=run._move):
    real(stage, folder, name)
    print("moving", flush=True)
    time.sleep(60)

if sys.argv[3] == "moving":
    run._move = stuck
    slow = quick
run.run_all(load(sys.argv[1], environ={}), sys.argv[2], analyses={"one": quick, "two": slow})
"""


@pytest.mark.parametrize("moment", ["computing", "moving"])
def test_a_killed_run_leaves_whole_files(project: Project, tmp_path: Path, moment: str) -> None:
    run_all(project, tmp_path, analyses={"one": one, "two": several})
    before = content(tmp_path)
    command = [sys.executable, "-c", _SLOW, str(SAMPLE), str(tmp_path), moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().decode().strip() == moment
        process.kill()
        process.wait(30)
    after = content(tmp_path)
    assert set(after) == set(before)
    changed = {name for name in before if before[name] != after[name]}
    if moment == "computing":
        assert changed == set()
    else:
        # killed between two files: each is whole, and the earlier manifest tells which are not its own
        assert changed == {"one.parquet"}
        assert pl.read_parquet(tmp_path / "one.parquet").rows() == [(1,)]
        listed = {entry["name"]: entry["sha256"] for entry in manifest(tmp_path)["files"]}
        assert {name for name in listed if listed[name] != sha256(tmp_path / str(name))} == {"one.parquet"}
    assert [path.name[:5] for path in tmp_path.iterdir() if path.is_dir()] == [".tmp-"]
    run_all(project, tmp_path, analyses={"one": one, "two": several})
    assert content(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == len(before), "what the killed run left behind is gone"


def test_what_others_keep_under_a_hidden_name_stays(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.csv").touch()
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / f"{module.STAGE}file").touch()
    (folder / f"{module.STAGE}link").symlink_to(elsewhere)
    (folder / ".tmp-mine").mkdir()
    run_all(project, folder, analyses={"one": one})
    assert {path.name for path in folder.iterdir() if path.name.startswith(".tmp-")} == {
        f"{module.STAGE}file", f"{module.STAGE}link", ".tmp-mine",
    }  # fmt: skip
    assert (elsewhere / "precious.csv").exists()


def test_a_run_beside_another_leaves_its_staging_folder(project: Project, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SLOW, str(SAMPLE), str(tmp_path), "computing"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"computing\n"
        staged = [path.name for path in tmp_path.iterdir() if path.is_dir()]
        assert len(staged) == 1
        run_all(project, tmp_path, analyses={"one": one})
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == staged
        process.kill()
        process.wait(30)
    run_all(project, tmp_path, analyses={"one": one})
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_two_runs_of_one_process_leave_each_other_alone(project: Project, tmp_path: Path) -> None:
    def within(project: Project) -> Result:
        run_all(project, tmp_path, analyses={"one": one})
        return several(project)

    run_all(project, tmp_path, analyses={"two": within})
    assert {"two-several.csv", "two-extra.csv"} <= set(content(tmp_path))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_folder_that_cannot_be_locked_is_filled_and_not_tidied(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refused(descriptor: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refused)
    (tmp_path / f"{module.STAGE}old").mkdir()
    run_all(project, tmp_path, analyses={"one": one})
    assert {"one.csv", f"{module.STAGE}old"} <= {path.name for path in tmp_path.iterdir()}


# Where it cannot write ----------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_or_filled(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "one.csv").mkdir(parents=True)
    cases = {
        tmp_path / "missing" / "results": "there is no folder",
        tmp_path / "file": "it is a file, and a run fills a folder",
        tmp_path / "file" / "results": "is not a folder",
        tmp_path / "taken": r"cannot write .*one\.csv: it is a folder",
    }
    for folder, what in cases.items():
        with pytest.raises(WriteError, match=what) as caught:
            run_all(project, folder, analyses={"one": one})
        assert caught.value.exit_code == ExitCode.CANNOT_WRITE
        assert caught.value.fix
        assert ".tmp-" not in caught.value.message
    assert content(tmp_path / "taken") == {}
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["one.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that one may enter but not write to."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        yield Path(name)
        if root:
            os.seteuid(0)
        os.chmod(name, 0o755)


def test_a_folder_without_permission(project: Project, unprivileged: Path) -> None:
    for folder in (unprivileged, unprivileged / "results"):
        with pytest.raises(WriteError, match="it is write-protected"):
            run_all(project, folder, analyses={"one": one})
    assert list(unprivileged.iterdir()) == []


def test_a_disk_that_fills_up_is_reported_for_the_file_meant(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_all(project, tmp_path, analyses={"one": several})
    before = content(tmp_path)

    def full(result: Result, file: object, format: str) -> None:  # noqa: A002
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "dump", full)
    with pytest.raises(WriteError, match=r"cannot write .*/one\.parquet: the disk is full") as caught:
        run_all(project, tmp_path, analyses={"one": one})
    assert ".tmp-" not in caught.value.message
    assert content(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == len(before)


def test_replaced_files_keep_their_permissions(project: Project, tmp_path: Path) -> None:
    run_all(project, tmp_path, analyses={"one": one})
    (tmp_path / "one.csv").chmod(0o600)
    run_all(project, tmp_path, analyses={"one": one})
    assert (tmp_path / "one.csv").stat().st_mode & 0o777 == 0o600
