"""`capmap refresh`: sources to vintages, against a real server, killed at every step, with every fault in its way."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import stamina
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

import capmap
from capmap.analyses import listing, specialisation
from capmap.data import records
from capmap.data.latest import pointed
from capmap.data.load import load
from capmap.errors import (
    ChecksFailedError,
    LockedError,
    RefusedError,
    UnreadableError,
    UsageError,
    WriteError,
)
from capmap.model import Project
from capmap.operate.diff import compare
from capmap.operate.refresh import Event, Refreshed, refresh

INDICATOR = """\
name = "Exports"
kind = "value"
unit = "US dollars"
stage = "market"
direction = 1
classification = "goods"
[source]
title = "Made for a test"
"""
RUN = """\
[data]
observations = []
[refresh]
attempts = 1
[sources.exports]
url = "{url}"
indicator = "exports"
timeout = 0.3
licence = "CC BY 4.0"
"""
NOW = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
MOVES = 7  #: moves of the system in a refresh with news: who runs, download, figures, record, vintage, latest, state


def figures(years: tuple[int, ...] = (2020, 2021), scale: float = 1.0, odd: str = "") -> str:
    rows = [
        f"{region},{good},{year},{scale * (100 + 37 * k * (j + 1) + year - 2020)}"
        for year in years
        for k, region in enumerate(("KOR", "DEU", "ITA"))
        for j, good in enumerate(("cars", "ships", "wine"))
    ]
    return "\n".join(["region,sector,year,value", *rows, *([odd] if odd else [])]) + "\n"


def few(project: Project) -> dict[str, Callable[[Project], Any]]:
    """Analyses that are quick."""
    return {"indicators": listing.indicators, "rca": lambda p: specialisation.rca(p, year="all")}


class Served:
    """A file on a server that knows conditional requests."""

    def __init__(self, server: HTTPServer, path: str = "/exports.csv") -> None:
        self.content = figures().encode()
        self.status, self.kind = 200, "text/csv"
        self.asked: list[str] = []
        self.url = server.url_for(path)
        server.expect_request(path).respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        tag = f'"{hashlib.sha256(self.content).hexdigest()[:8]}"'
        if self.status != 200:
            self.asked.append(str(self.status))
            return Response("no", status=self.status)
        if request.headers.get("If-None-Match") == tag:
            self.asked.append("304")
            return Response(status=304, headers={"ETag": tag})
        self.asked.append("200")
        return Response(self.content, content_type=self.kind, headers={"ETag": tag})


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1, cap=True):
        yield


@pytest.fixture
def served(httpserver: HTTPServer) -> Served:
    return Served(httpserver)


@pytest.fixture
def project(tmp_path: Path, served: Served) -> Path:
    folder = tmp_path / "project"
    (folder / "indicators").mkdir(parents=True)
    (folder / "indicators/exports.toml").write_text(INDICATOR)
    (folder / "capmap.toml").write_text(RUN.format(url=served.url))
    return folder


def go(folder: Path, days: int = 0, **options: Any) -> Refreshed:
    return refresh(folder, **{"now": NOW + days * DAY, "analyses": few, "environ": {}, **options})


def told(folder: Path, days: int = 0, **options: Any) -> tuple[Refreshed, list[Event]]:
    events: list[Event] = []
    return go(folder, days, tell=events.append, **options), events


def warnings(events: list[Event]) -> list[str]:
    return [event.message for event in events if event.level == "warning"]


def contents(folder: Path) -> dict[str, str]:
    """Every file of a project that matters: not the clock's, not the lock."""
    passing = {"running.json", "state.json", "lock"}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in passing]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def extend(folder: Path, text: str) -> None:
    (folder / "capmap.toml").write_text((folder / "capmap.toml").read_text() + text)


# The whole way ------------------------------------------------------------------------------------------------


def test_three_nights(project: Path, served: Served) -> None:
    """New, unchanged, revised, and a new year: a vintage only where there are news, and only news are downloaded."""
    first = go(project)
    assert first.changed
    assert (first.computed, first.reused) == (2, 0)
    assert [one.standing for one in first.sources] == ["new"]
    assert pointed(project / "results") == first.vintage
    assert load(project).files[0].name == "data/sources/exports.parquet"

    before = contents(project)
    second = go(project, 1)
    assert (second.vintage, second.changed, second.news) == (None, False, ())
    assert contents(project) == before

    served.content = figures().replace("100.0", "110.0").encode()
    third = go(project, 2)
    assert [one.standing for one in third.sources] == ["revised"]
    assert third.changed
    assert third.vintage is not None
    assert third.vintage.name.startswith("20261124T021500Z-")
    assert third.earlier is not None
    assert first.vintage is not None
    assert third.earlier.name == first.vintage.name

    served.content = figures((2020, 2021, 2022)).encode()
    assert go(project, 3).changed
    assert load(project).observations["year"].max() == 2022
    assert served.asked == ["200", "304", "200", "200"]


def test_the_manifest_says_where_figures_come_from(project: Path, served: Served) -> None:
    done = go(project)
    assert done.vintage is not None
    manifest = json.loads((done.vintage / "manifest.json").read_text())
    text = json.dumps(manifest)
    assert hashlib.sha256(served.content).hexdigest() in text
    assert "CC BY 4.0" in text
    assert done.run_id in text
    raw = project / ".capmap/cache" / hashlib.sha256(served.content).hexdigest()
    assert raw.read_bytes() == served.content
    metadata = pl.read_parquet_metadata(project / "data/sources/exports.parquet")
    assert metadata["capmap.sha256"] == raw.name


def test_a_project_without_sources_follows_its_own_files(project: Path) -> None:
    (project / "capmap.toml").write_text('[data]\nobservations = ["data/*.csv"]\nindicator = "exports"\n')
    (project / "data").mkdir()
    (project / "data/exports.csv").write_text(figures())
    assert go(project).changed
    assert go(project, 1).vintage is None
    (project / "data/exports.csv").write_text(figures((2020,)))
    done = go(project, 2)
    assert done.changed
    assert done.news == ("data/exports.csv",)


def test_columns_and_notation_of_the_projects_own_files_do_not_touch_sources(project: Path) -> None:
    extend(project, '[columns]\nregion = "geo"\n[csv]\nseparator = ";"\n')
    assert go(project).changed


def test_local_files_and_globs_are_sources_too(project: Path, tmp_path: Path) -> None:
    for year in (2020, 2021):
        (tmp_path / f"exports{year}.csv").write_text(figures((year,)))
    run = RUN.replace('url = "{url}"', f'path = "{tmp_path}/exports*.csv"')
    (project / "capmap.toml").write_text(run)
    assert go(project).changed
    assert go(project, 1).vintage is None
    (tmp_path / "exports2022.csv").write_text(figures((2022,)))
    assert go(project, 2).changed
    for path in tmp_path.glob("exports*.csv"):
        path.unlink()
    with pytest.raises(UnreadableError, match="no data file at"):
        go(project, 3)


def test_another_mapping_reads_the_download_again_without_asking_for_it(project: Path, served: Served) -> None:
    go(project)
    extend(project, 'codes = { region = { KOR = "KR" } }\n')
    assert go(project, 1).changed
    assert "KR" in set(load(project).observations["region"])
    assert served.asked == ["200", "304"]


@pytest.mark.parametrize(
    "gone", ["data/sources", ".capmap/cache", ".capmap/sources", ".capmap/state.json", ".capmap", "results"]
)
def test_what_is_deleted_comes_back(project: Path, gone: str) -> None:
    first = go(project)
    before = contents(project)
    subprocess.run(["rm", "-r", project / gone], check=True)
    again = go(project, 1)
    if gone == "results":
        assert again.changed
    else:
        assert (again.vintage, again.changed) == (None, False)
        missing = before.keys() - contents(project).keys()
        assert not missing or gone == ".capmap/cache", "a download alone is not needed, so it is not asked for"
    assert first.sources[0].record.output == again.sources[0].record.output


def test_damaged_memory_is_no_memory(project: Path) -> None:
    go(project)
    for name in ("sources/exports.json", "state.json"):
        (project / ".capmap" / name).write_text('{"inputs": 3, "checked": [], "changed": "x"')
    assert go(project, 1).vintage is None


# Options ------------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing(project: Path, served: Served) -> None:
    before = contents(project)
    done = go(project, dry_run=True)
    assert done.vintage is None
    assert done.news
    assert [(one.standing, one.record.rows) for one in done.sources] == [("new", 18)]
    assert contents(project) == before
    go(project)
    before = contents(project)
    assert go(project, 1, dry_run=True).news == ()
    served.content = figures((2020, 2021, 2022)).encode()
    assert go(project, 1, dry_run=True).news == ("data/sources/exports.parquet",)
    assert contents(project) == before


def test_sources_that_answered_lately_are_not_asked(project: Path, served: Served) -> None:
    go(project)
    done = go(project, 1, since=NOW - timedelta(hours=1))
    assert [one.standing for one in done.sources] == ["not asked"]
    assert served.asked == ["200"]
    go(project, 1, since=NOW + timedelta(hours=1))
    assert served.asked == ["200", "304"]


def test_the_extra_that_is_missing_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(UsageError) as caught:
        go(project)
    assert caught.value.fix == 'pip install "capmap[fetch]"'


def test_there_is_no_source_of_that_name(project: Path) -> None:
    with pytest.raises(UsageError) as caught:
        go(project, accept=["export"])
    assert caught.value.fix == "did you mean exports?"
    with pytest.raises(UsageError) as caught:
        go(project, accept=["nope"])
    assert caught.value.fix == "the sources are exports"


def test_the_sample_is_not_refreshed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no project here to refresh"):
        refresh()


# Faults -------------------------------------------------------------------------------------------------------


def spoil(served: Served, what: str) -> None:
    contents_: dict[str, tuple[int, str, str]] = {
        "404": (404, "", "text/csv"),
        "500": (500, "", "text/csv"),
        "html": (200, "<!DOCTYPE html><title>Log in</title>", "text/html"),
        "empty": (200, "", "text/csv"),
        "no rows": (200, "region,sector,year,value\n", "text/csv"),
        "column renamed": (200, figures().replace("region", "country"), "text/csv"),
        "other unit": (200, figures(scale=1000), "text/csv"),
        "other unit in the new year": (200, figures() + figures((2022,), scale=1e-3).partition("\n")[2], "text/csv"),
        "quarters": (200, figures().replace("2021", "2021-Q1"), "text/csv"),
        "words": (200, figures(odd="KOR,cars,2022,many"), "text/csv"),
        "twice": (200, figures(odd="KOR,cars,2021,7"), "text/csv"),
        "negative": (200, figures(odd="KOR,cars,2022,-7"), "text/csv"),
    }
    served.status, text, served.kind = contents_[what]
    served.content = text.encode()


FAULTS = (
    "404", "500", "html", "empty", "no rows", "column renamed", "other unit", "other unit in the new year", "quarters",
    "words", "twice", "negative",
)  # fmt: skip


def test_a_source_that_fails_stops_the_run_and_changes_nothing(project: Path, served: Served) -> None:
    go(project)
    before = contents(project)
    for fault in FAULTS:
        spoil(served, fault)
        with pytest.raises((UnreadableError, ChecksFailedError)) as caught:
            go(project, 1)
        assert caught.value.exit_code == (4 if fault == "negative" else 3), fault
        assert all(one.fix for one in caught.value.findings if one.severity == "error"), fault
        assert contents(project) == before, fault
    served.status, served.content, served.kind = 200, figures((2020, 2021, 2022)).encode(), "text/csv"
    assert go(project, 2).changed, "the next run recovers"


def test_the_last_good_figures_stand_in_and_it_is_said_how_old_they_are(project: Path, served: Served) -> None:
    extend(project, 'on_failure = "last_good"\n')
    go(project)
    before = contents(project)
    for fault in FAULTS:
        spoil(served, fault)
        done, events = told(project, 3)
        assert done.vintage is None, fault
        assert [one.standing for one in done.sources] == ["last good"], fault
        (said,) = warnings(events)
        assert "going on with its last good figures (figures of 2026-11-22, 3 days old)" in said, fault
        assert contents(project) == before, fault


def test_last_good_figures_have_an_age_limit(project: Path, served: Served) -> None:
    extend(project, 'on_failure = "last_good"\nmax_age = 10\n')
    go(project)
    served.status = 500
    assert [one.standing for one in go(project, 9).sources] == ["last good"]
    with pytest.raises(UnreadableError, match="the server says 500"):
        go(project, 11)
    served.status = 200
    _, events = told(project, 11)
    assert warnings(events) == ["source exports: its figures have not changed for 11 days, more than max_age = 10"]


def test_without_last_good_figures_a_failure_is_a_failure(project: Path, served: Served) -> None:
    extend(project, 'on_failure = "last_good"\n')
    served.status = 500
    with pytest.raises(UnreadableError, match="the server says 500"):
        go(project)


def test_last_good_figures_that_were_lost_are_made_again_from_the_download(project: Path, served: Served) -> None:
    extend(project, 'on_failure = "last_good"\n')
    go(project)
    (project / "data/sources/exports.parquet").write_bytes(b"spoilt")
    served.status = 500
    assert [one.standing for one in go(project, 1).sources] == ["last good"]
    assert load(project).observations.height == 18


def test_a_jump_can_be_accepted(project: Path, served: Served) -> None:
    go(project)
    spoil(served, "other unit")
    with pytest.raises(UnreadableError, match="1,000 times what the source gave last") as caught:
        go(project, 1)
    assert caught.value.fix is not None
    assert "--accept exports" in caught.value.fix
    done = go(project, 1, accept=["exports"])
    assert [one.standing for one in done.sources] == ["revised"]


def test_a_renamed_code_and_a_new_column_are_told(project: Path, served: Served) -> None:
    go(project)
    lines = figures().replace("ITA", "IT").splitlines()
    served.content = "\n".join([f"{lines[0]},note", *(f"{line},x" for line in lines[1:])]).encode()
    _, events = told(project, 1)
    assert [message.rpartition("; ")[0] for message in warnings(events)] == [
        "source exports: its columns changed (new: note)", "source exports: region codes are gone: ITA; new: IT",
    ]  # fmt: skip
    result = compare(project=project)
    assert {row["region"] for row in result.tables["cells"].iter_rows(named=True)} >= {"IT", "ITA"}
    assert set(result.tables["cells"]["cause"]) == {"data_revision"}, "codes as found in the data are no definition"


def test_all_sources_that_fail_are_named_at_once(project: Path, served: Served, httpserver: HTTPServer) -> None:
    extend(project, f'[sources.jobs]\nurl = "{httpserver.url_for("/none")}"\nindicator = "jobs"\n')
    served.status = 404
    with pytest.raises(UnreadableError) as caught:
        go(project)
    assert [one.column for one in caught.value.findings] == ["sources.exports", "sources.jobs"]


def test_a_source_never_fetched_is_missing_in_every_command(project: Path) -> None:
    with pytest.raises(UnreadableError, match="has not been fetched yet") as caught:
        load(project)
    assert caught.value.fix == "fetch it: capmap refresh"


def test_results_that_are_refused_leave_the_figures_and_the_vintage(project: Path, served: Served) -> None:
    first = go(project)

    def refuse(_: Project) -> None:
        raise RefusedError("no")

    served.content = figures((2022,)).encode()
    with pytest.raises(RefusedError):
        go(project, 1, analyses=lambda _: {"rca": refuse})
    assert pointed(project / "results") == first.vintage
    assert go(project, 2).changed, "figures that were kept are computed by the next run though the source has no news"
    assert served.asked[-1] == "304"


def test_a_folder_that_cannot_be_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(project)
    if os.getuid() == 0:  # nobody keeps root from writing
        (project / ".capmap/lock").unlink()
        monkeypatch.setattr("os.open", _denied(os.open, project / ".capmap"))
    else:
        (project / ".capmap").chmod(0o500)
    try:
        with pytest.raises(WriteError, match="write-protected"):
            go(project, 1)
    finally:
        (project / ".capmap").chmod(0o700)


def _denied(real: Callable[..., int], folder: Path) -> Callable[..., int]:
    def guarded(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(folder)):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *arguments, **options)

    return guarded


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(project: Path, served: Served, small_disk: Path) -> None:
    whole = small_disk / "project"
    subprocess.run(["cp", "-r", project, whole], check=True)
    first = go(whole)
    before = contents(whole)
    (small_disk / "ballast").write_bytes(b"x" * 150_000)
    served.content = figures(tuple(range(1000, 2021))).encode()  # about 200 KB
    with pytest.raises(WriteError, match="the disk is full"):
        go(whole, 1)
    assert contents(whole) == before
    assert pointed(whole / "results") == first.vintage


def test_what_came_true_is_told_by_the_next_run_where_this_one_died_before(
    project: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = project / "said.json"
    program = f"import sys; open({str(said)!r}, 'ab').write(sys.stdin.buffer.read())"
    extend(project, '[watch.cars]\nregion = "KOR"\nsector = "cars"\nindicator = "exports"\ncondition = "rca > 2"\n'
           f"command = {json.dumps([sys.executable, '-c', program])}\n")  # fmt: skip
    go(project)
    served.content = figures(odd="KOR,cars,2022,900\nDEU,wine,2022,900\nITA,ships,2022,900").encode()
    with monkeypatch.context() as patched:
        patched.setattr("capmap.operate.watch.alert", lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            go(project, 1)
    assert not said.exists()
    _, events = told(project, 2)
    assert [event.name for event in events if event.name in ("watch", "alert")] == ["watch", "alert"]
    assert json.loads(said.read_bytes())["rule"] == "cars"
    _, events = told(project, 3)
    assert not [event for event in events if event.name in ("watch", "alert")]


def test_a_date_that_no_calendar_has_is_no_date(project: Path, served: Served, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/odd.csv").respond_with_data(
        figures(), content_type="text/csv", headers={"Last-Modified": "Fri, 31 Dec 9999 23:59:59 -2300"}
    )
    (project / "capmap.toml").write_text(RUN.format(url=httpserver.url_for("/odd.csv")))
    (only,) = go(project).sources
    assert only.record.changed == "2026-11-22T02:15:00+00:00"


def test_what_others_put_into_the_cache_stops_nothing(project: Path, served: Served) -> None:
    go(project)
    (project / ".capmap/cache/mine").mkdir()
    (project / ".capmap/sources/mine.json").mkdir()
    served.content = figures(scale=1.1).encode()
    assert go(project, 1).changed


def test_codes_that_may_not_be_read_are_a_source_that_fails(
    project: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "codes.csv").write_text("from,to\nKOR,KOR\n")
    extend(project, 'codes = { region = "codes.csv" }\n')
    real, read = records.sha256, pl.read_csv

    def denied(path: Any, real: Callable[..., Any], **options: Any) -> Any:
        if str(path).endswith("codes.csv"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)

    monkeypatch.setattr("capmap.data.records.sha256", lambda path: denied(path, real))
    monkeypatch.setattr("capmap.data.sources.pl.read_csv", lambda path, **options: denied(path, read, **options))
    with pytest.raises(UnreadableError, match=r"the codes in codes.csv cannot be read"):
        go(project)


def test_a_clock_that_goes_backwards(project: Path, served: Served) -> None:
    first = go(project)
    served.content = figures((2020, 2021, 2022)).encode()
    second = go(project, -400)
    assert first.vintage is not None
    assert second.vintage is not None
    assert second.vintage.name > first.vintage.name
    assert go(project, -401).vintage is None


def test_credentials_are_in_no_file_and_no_message(project: Path, served: Served) -> None:
    extend(project, 'headers_env = { X-Token = "T" }\nparams_env = { apikey = "K" }\nauth_env = "A"\n')
    secrets = {"T": "t0ken-s3cret", "K": "k3y-s3cret", "A": "me:passw0rd-s3cret"}
    done, events = told(project, environ=secrets)
    assert done.changed
    served.status = 500
    with pytest.raises(UnreadableError) as caught:
        told(project, 1, environ=secrets)
    for path in project.rglob("*"):
        assert path.is_dir() or b"s3cret" not in path.read_bytes(), path
    assert "s3cret" not in repr((done, events, caught.value.findings, caught.value.message, caught.value.fix))


def test_credentials_in_the_run_file_are_refused_and_not_repeated(project: Path, served: Served) -> None:
    (project / "capmap.toml").write_text(RUN.format(url="https://me:s3cret@example.org/a.csv"))
    with pytest.raises(UnreadableError) as caught:
        go(project)
    assert "auth_env" in (caught.value.fix or "")
    assert "s3cret" not in repr(caught.value.findings)


# Two at once, and sudden deaths -------------------------------------------------------------------------------

#: Refreshes a project and stops at a step, or in front of a move of the system or right after it, to wait or to die. Given
#: no project it does so again and again in copies of itself, because importing takes longer than a refresh.
CHILD = """
import json, os, sys, time
from datetime import datetime, UTC
from capmap.analyses import listing, specialisation
from capmap.cli import signals
from capmap.operate import vintages, watch
from capmap.data import load, sources
from capmap.operate.refresh import refresh
import filelock, httpx2, stamina

def few(project):
    return {"indicators": listing.indicators, "rca": lambda p: specialisation.rca(p, year="all")}

def run(folder, step, number):
    reached = 0

    def tell(event):
        if event.name == step and number == "wait":
            print("there", flush=True)
            sys.stdin.readline()
        elif event.name == step:
            os.kill(os.getpid(), int(number))
            time.sleep(5)

    def guarded(real, wanted, after):
        def moved(*arguments):
            nonlocal reached
            reached += 1
            if reached == wanted and after:
                real(*arguments)
            if reached == wanted:
                os.kill(os.getpid(), int(number))
                time.sleep(5)
            return real(*arguments)
        return moved

    if step.startswith("move"):
        for name in ("replace", "rename"):
            setattr(os, name, guarded(getattr(os, name), int(step[4:-1]), step.endswith("+")))
    with signals.as_exceptions():
        refresh(folder, now=datetime(2026, 11, 23, 2, 15, tzinfo=UTC), tell=tell, analyses=few, environ={})
    return reached

if sys.argv[1:]:
    sys.exit(run(*sys.argv[1:]) * 0)
for line in sys.stdin:
    copy = os.fork()
    if copy == 0:
        try:
            os._exit(run(*json.loads(line)))
        except SystemExit as stop:
            os._exit(stop.code)
        finally:
            os._exit(99)
    print(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)
"""


def child(*arguments: str | Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(capmap.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, arguments)], env=environment, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip


Ends = Callable[[Path, str, int], int]


@pytest.fixture(scope="module")
def ends() -> Iterator[Ends]:
    """Exit code of a refresh of a project that gets a signal at a step; of one that gets none, how many moves it made."""
    with child() as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None

        def end(folder: Path, step: str, number: int) -> int:
            parent.stdin.write(json.dumps([str(folder), step, number]) + "\n")
            parent.stdin.flush()
            return int(parent.stdout.readline())

        yield end
        parent.stdin.close()


def test_a_second_run_leaves_at_once(project: Path, served: Served) -> None:
    first = child(project, "fetch", "wait")
    assert first.stdout is not None
    assert first.stdout.readline() == "there\n"
    start = time.monotonic()
    with pytest.raises(LockedError) as caught:
        go(project)
    assert time.monotonic() - start < 1
    assert caught.value.exit_code == 7
    assert caught.value.message == (
        f"another refresh of this project is at work (process {first.pid}, since 2026-11-23T02:15:00+00:00)"
    )
    assert served.asked == []
    first.communicate("go on\n", timeout=20)
    assert first.returncode == 0
    assert go(project, 1).vintage is None


def whole(folder: Path, before: Path) -> None:
    """The last vintage is there and complete, and so are the figures."""
    latest = pointed(folder / "results")
    assert latest is not None
    manifest = json.loads((latest / "manifest.json").read_text())
    for entry in manifest["files"]:
        assert hashlib.sha256((latest / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]
    assert (before / "manifest.json").is_file(), "the vintage before is whole"
    assert load(folder).observations.height in (18, 27)


@pytest.mark.parametrize(
    ("step", "number"),
    [(step, signal.SIGKILL) for step in ("lock", "fetch", "source", "check", "keep", "publish", "record")]
    + [(step, signal.SIGTERM) for step in ("fetch", "publish")]
    + [(f"move{number}{side}", signal.SIGKILL) for number in range(2, MOVES + 1) for side in "-+"],
)
def test_a_run_that_is_killed_loses_nothing_and_the_next_recovers(
    project: Path, served: Served, ends: Ends, step: str, number: int
) -> None:
    first = go(project)
    assert first.vintage is not None
    served.content = figures((2020, 2021, 2022)).encode()
    assert ends(project, step, number) == (-number if number == signal.SIGKILL else 128 + number)
    whole(project, first.vintage)
    go(project, 2)
    latest = pointed(project / "results")
    assert latest is not None
    assert latest.name > first.vintage.name
    whole(project, first.vintage)
    assert load(project).observations.height == 27
    assert list((project / ".capmap").glob("stage-*")) == []
    assert go(project, 3).vintage is None


def test_the_moves_above_are_all_there_are(project: Path, served: Served, ends: Ends) -> None:
    go(project)
    served.content = figures((2020, 2021, 2022)).encode()
    assert ends(project, "move0-", 0) == MOVES


# The command --------------------------------------------------------------------------------------------------


@pytest.fixture
def command(run_capmap: Callable[..., Any], project: Path) -> Callable[..., Any]:
    """`capmap refresh` in the project, whose results are few because it has one indicator."""

    def run(*arguments: str, **environment: str) -> Any:
        return run_capmap("refresh", *arguments, cwd=project, env=environment)

    return run


def lines(text: str) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_command_is_silent_when_nothing_is_new(command: Callable[..., Any], served: Served) -> None:
    first = command("--fail-on-change")
    assert first.code == 6, first.stderr
    assert first.stdout == ""
    assert first.stderr.startswith("capmap: new vintage results/vintages/")
    assert command("--fail-on-change") == (0, "", "")
    served.status = 404
    failed = command("-q")
    assert (failed.code, failed.stdout) == (3, "")
    assert "the server says 404 NOT FOUND" in failed.stderr
    told_ = command("--log-format", "json")
    assert (told_.code, told_.stdout) == (3, "")
    assert [(line["level"], line["event"]) for line in lines(told_.stderr)][-1] == ("error", "failed")
    assert lines(told_.stderr)[-1]["findings"][0]["code"] == "CM121"
    assert len({line["run"] for line in lines(told_.stderr)}) == 1
    dry = command("--dry-run", "--since", "2026-01-01")
    assert (dry.code, dry.stderr) == (0, "")
    assert dry.stdout == "exports: not asked, 18 rows\nnothing is new: no vintage would be made\n"


def test_what_changed_is_found_where_one_vintage_is_kept(
    command: Callable[..., Any], run_capmap: Callable[..., Any], project: Path, served: Served
) -> None:
    extend(project, "[results]\nkeep = 1\n[complexity]\ndraws = 0\n")
    go(project)
    served.content = figures((2020, 2021, 2022)).encode()
    done = command()
    assert done.code == 0
    vintage = pointed(project / "results")
    assert vintage is not None
    report = f"results/vintages/{vintage.name}/changes.md"
    assert done.stderr.splitlines()[-1] == f"capmap: what changed, and why: {report}"
    assert (project / report).read_text("utf-8").startswith("# Changes from ")
    asked = run_capmap("diff", cwd=project)
    assert asked.code == 2
    assert "raise `keep` under [results]" in asked.stderr


def test_a_crossed_rule_is_told_in_words(command: Callable[..., Any], project: Path, served: Served) -> None:
    rule = 'region = "ITA"\nindicator = "exports"\nsector = "cars"\ncondition = "> 1.2"\n'
    extend(project, f"[complexity]\ndraws = 0\n[watch.cars]\n{rule}")
    go(project)
    served.content = figures().replace("ITA,cars,2021,175.0", "ITA,cars,2021,900.0").encode()
    said = command("-q").stderr.splitlines()
    assert len(said) == 1
    assert said[0].startswith("capmap: warning: watch cars: ITA cars (exports): rca > 1.2 (0.")


def test_an_unchanged_refresh_imports_nothing_heavy(project: Path) -> None:
    go(project)
    script = (
        "import sys; from capmap.operate.refresh import refresh; done = refresh(sys.argv[1]); "
        "assert not done.news, done; print(*sorted({'polars', 'numpy', 'pyarrow', 'scipy', 'rich'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(capmap.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script, str(project)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\n", "")
