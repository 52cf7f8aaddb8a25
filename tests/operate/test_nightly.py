"""The crontab lines of the documentation on the sample, against a server: first, unchanged, revised, a new year, a failure."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

import capmap
from capmap.bundled import sample_project
from capmap.data.latest import pointed

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "refresh.md"
#: Sources of the sample in every form that a source can have.
SOURCES = """
[sources.articles]
url = "{root}articles.csv"
[sources.patents]
url = "{root}patents.csv.gz"
indicator = "patent_families"
[sources.robots]
url = "{root}robots.zip"
member = "robot_use.csv"
indicator = "robot_use"
[sources.population]
sdmx = "{root}population.csv"
indicator = "population"
[sources.density]
jsonstat = "{root}density.json"
indicator = "robot_density"
codes = {{ sector = {{ _T = "C" }} }}
[refresh]
attempts = 1
[watch.physics]
region = "KOR"
indicator = "articles"
sector = "physics"
condition = "class != established"
"""
TEXT = {"": "text/csv", ".gz": "application/gzip", ".zip": "application/zip", ".json": "application/json"}


def table(name: str, since: str = "2014") -> pl.DataFrame:
    """A file of the sample as text, its last years where there are many."""
    frame = pl.read_csv(sample_project() / f"{name}.csv", infer_schema=False)
    return frame.filter(pl.col("year") >= since)


def jsonstat(frame: pl.DataFrame) -> bytes:
    regions = frame["region"].unique().sort().to_list()
    values = dict(frame.select("region", pl.col("value").cast(pl.Float64)).iter_rows())
    years = frame["year"].unique().to_list()
    dimension = {"geo": {"category": {"index": regions}}, "time": {"category": {"index": years}}}
    cube = {"version": "2.0", "class": "dataset", "id": ["geo", "time"], "size": [len(regions), len(years)]}
    return json.dumps(cube | {"dimension": dimension, "value": [values[region] for region in regions]}).encode()


def packed(name: str, content: str) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("readme.txt", "see the other file")
        archive.writestr(name, content)
    return held.getvalue()


def sdmx(frame: pl.DataFrame) -> str:
    return frame.select(
        DATAFLOW=pl.lit("X:POP(1.0)"), REF_AREA="region", TIME_PERIOD="year", OBS_VALUE="value", OBS_STATUS=pl.lit("A")
    ).write_csv()


@dataclass
class Site:
    """Files on a server that knows conditional requests."""

    content: dict[str, bytes]
    asked: list[tuple[str, int]] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        name = request.path.strip("/")
        if name not in self.content:
            return Response("gone", status=404)
        tag = f'"{hashlib.sha256(self.content[name]).hexdigest()[:12]}"'
        known = request.headers.get("If-None-Match") == tag
        self.asked.append((name, 304 if known else 200))
        if known:
            return Response(status=304, headers={"ETag": tag})
        return Response(self.content[name], content_type=TEXT.get(Path(name).suffix, "text/csv"), headers={"ETag": tag})


@dataclass
class Cron:
    """A project and the crontab lines that are run in it."""

    folder: Path
    bin: Path
    site: Site

    def __call__(self, line: int) -> tuple[str, str]:
        """What cron would send by itself, and what the line sends by `mail`."""
        lines = [text for text in PAGE.read_text("utf-8").splitlines() if text.startswith("15 2 * * *")]
        command = lines[line].removeprefix("15 2 * * *").strip()
        command = command.replace("/srv/innovation", shlex.quote(str(self.folder)))
        command = command.replace("/srv/venv/bin/", f"{shlex.quote(str(self.bin))}/")
        mails = self.bin / "mails"
        mails.write_bytes(b"")
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.bin), "MAILS": str(mails)}
        done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr, mails.read_text("utf-8")

    def diff(self, *arguments: str) -> str:
        """What `capmap diff` says."""
        done = subprocess.run(
            [self.bin / "capmap", "diff", "-q", *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    @property
    def latest(self) -> str:
        found = pointed(self.folder / "results")
        assert found is not None
        return found.name


@pytest.fixture
def cron(tmp_path: Path, httpserver: HTTPServer, run_capmap: Callable[..., Any]) -> Cron:
    """A project of its own for the sample, whose figures come from a server."""
    if not shutil.which("sh"):
        pytest.skip("cron needs a shell")
    folder = tmp_path / "my innovation"
    assert run_capmap("init", folder).code == 0
    for path in (folder / "data").glob("*.csv"):
        path.unlink()
    run = (folder / "capmap.toml").read_text("utf-8").replace('observations = ["data/*.csv"]', "observations = []")
    run = run.replace("# draws = 200", "draws = 0").replace("\n[sources]\n", "\n").replace("\n[refresh]\n", "\n")
    root = httpserver.url_for("/")
    (folder / "capmap.toml").write_text(run.replace("\n[watch]\n", "\n") + SOURCES.format(root=root), "utf-8")
    definition = folder / "indicators" / "articles.toml"
    definition.write_text(
        definition.read_text("utf-8").replace("years = [2008, 2018]", "years = [2008, 2030]"), "utf-8"
    )
    site = Site({
        "articles.csv": table("articles").write_csv().encode(),
        "patents.csv.gz": gzip.compress(table("patent_families", "2018").write_csv().encode(), mtime=0),
        "robots.zip": packed("robot_use.csv", table("robot_use").write_csv()),
        "population.csv": sdmx(table("population")).encode(),
        "density.json": jsonstat(table("robot_density")),
    })  # fmt: skip
    httpserver.expect_request(re.compile("/.*")).respond_with_handler(site.answer)
    place = tmp_path / "bin"
    place.mkdir()
    source = Path(capmap.__file__).parents[1]
    scripts = {
        "capmap": f'PYTHONPATH={shlex.quote(str(source))} exec {shlex.quote(sys.executable)} -m capmap "$@"',
        "mail": 'cat > "$MAILS"',
    }
    for name, text in scripts.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        os.chmod(place / name, 0o755)
    return Cron(folder, place, site)


def revised(content: bytes) -> bytes:
    """Physics of Korea in 2018, less than two thirds of what it was."""
    cell = (pl.col("region") == "KOR") & (pl.col("sector") == "physics") & (pl.col("year") == "2018")
    value = pl.when(cell).then(pl.lit("4000")).otherwise("value").alias("value")
    return pl.read_csv(content, infer_schema=False).with_columns(value).write_csv().encode()


def with_a_new_year(content: bytes) -> bytes:
    """2020 as 2018, but for one region that is missing and one with half as many articles again on agriculture."""
    frame = pl.read_csv(content, infer_schema=False)
    more = (pl.col("region") == "KOR") & (pl.col("sector") == "agricultural_sciences")
    value = pl.col("value").cast(pl.Float64)
    year = frame.filter((pl.col("year") == "2018") & (pl.col("region") != "ZAF")).with_columns(
        pl.when(more).then(1.5 * value).otherwise(value).cast(pl.String).alias("value"), year=pl.lit("2020")
    )
    return pl.concat([frame, year]).write_csv().encode()


def test_three_nights_on_the_sample(cron: Cron) -> None:
    said, _ = cron(0)
    assert said.startswith("capmap: new vintage results/vintages/"), said
    first = cron.latest
    assert pl.read_parquet(cron.folder / "data/sources/density.parquet")["sector"].unique().to_list() == ["C"]
    cron.site.asked.clear()
    assert cron(0) == ("", ""), "cron has nothing to send"
    assert cron(1) == ("", "")
    assert {status for _, status in cron.site.asked} == {304}
    assert cron.latest == first

    cron.site.content["articles.csv"] = revised(cron.site.content["articles.csv"])
    said, mail = cron(1)
    assert said == "", "the log is a file"
    assert mail.startswith(f"# Changes from {first} to {cron.latest}\n")
    opening = mail.splitlines()[2]
    assert "all by data revision" in opening
    assert "headline" in opening
    assert mail.index("## Watched") < mail.index("## Headlines") < mail.index("## Regions")
    assert (
        "- watch physics: Korea, Physics (articles): class != established (established before, not specialised now)"
        in mail
    )
    assert "- Korea, Physics (articles) is no longer established" in mail
    assert "articles: 1 row revised." in mail
    log = [json.loads(line) for line in (cron.folder / "refresh.log").read_text("utf-8").splitlines()]
    assert log[-1]["event"] == "done"
    assert (log[-1]["computed"], log[-1]["reused"]) == (12, 11), "one indicator of two, and what sees all of them"
    second = cron.latest

    cron.site.content["articles.csv"] = with_a_new_year(cron.site.content["articles.csv"])
    said, _ = cron(0)
    assert said.startswith("capmap: new vintage results/vintages/"), said
    mail = cron.diff("-f", "md")
    assert "all by new period" in mail.splitlines()[2]
    assert "- Korea, Agricultural sciences (articles) is now established" in mail
    assert "2018 to 2020, by new period" in mail
    assert "- South Africa, " in mail, "who has no latest figure any more is named"
    assert "new period 2020" in mail
    whole = json.loads(cron.diff(first, "latest", "-f", "json"))
    causes = {row["cause"] for row in whole["tables"]["cells"]}
    assert causes == {"data_revision", "new_period"}
    assert whole["meta"]["decomposition"] == "recomputed"
    report = json.loads((cron.folder / "results/latest/changes.json").read_text("utf-8"))
    assert report["meta"]["parameters"]["before"] == second

    del cron.site.content["articles.csv"]
    third = cron.latest
    said, mail = cron(1)
    assert json.loads(said)["exit_code"] == 3, "a failure is never silent"
    assert (mail, cron.latest) == ("", third)
