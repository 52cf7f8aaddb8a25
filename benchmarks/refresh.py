"""What a refresh costs: with nothing new, in time; with one indicator of ten changed, in computations.

python benchmarks/refresh.py [--pairs N] [--sources N]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from common import environment, machine, milliseconds, paired, ratios, table

INDICATOR = """\
name = "Exports {n}"
kind = "count"
unit = "items"
stage = "market"
direction = 1
classification = "goods"
[source]
title = "Made from a seed"
"""
#: The imports that a refresh cannot do without, one conditional request per source, and the hashes of all files.
FLOOR = """
import hashlib, json, sys
from pathlib import Path
import typer, pydantic, httpx2, stamina, filelock
addresses, files = json.loads(sys.argv[1])
with filelock.FileLock(sys.argv[2], timeout=0), httpx2.Client() as client:
    for address, tag in addresses:
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    for file in files:
        with open(file, "rb") as content:
            hashlib.file_digest(content, "sha256").hexdigest()
"""


class Files(ThreadingHTTPServer):
    """A server of files in memory that answers 304 to those who have them."""

    daemon_threads = True

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = content
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self, name: str) -> str:
        """Where a file is."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def tag(self, name: str) -> str:
        """ETag of a file."""
        return f'"{hashlib.sha256(self.content[name]).hexdigest()[:12]}"'


class Answer(BaseHTTPRequestHandler):
    """One answer."""

    protocol_version = "HTTP/1.1"
    server: Files

    def do_GET(self) -> None:
        """Answer a request."""
        name = self.path.strip("/")
        tag = self.server.tag(name)
        known = self.headers.get("If-None-Match") == tag
        body = b"" if known else self.server.content[name]
        self.send_response(304 if known else 200)
        self.send_header("ETag", tag)
        if not known:
            self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def made(folder: Path, server: Files, sources: int) -> None:
    """A project with one indicator per source."""
    (folder / "indicators").mkdir()
    run = ["[data]", "observations = []"]
    for n in range(sources):
        (folder / f"indicators/exports{n}.toml").write_text(INDICATOR.format(n=n))
        run += [f"[sources.s{n}]", f'url = "{server.address(f"{n}.csv")}"', f'indicator = "exports{n}"']
    (folder / "capmap.toml").write_text("\n".join(run) + "\n")


def main() -> None:
    """Time a refresh without news, and count what one with news computes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help="runs of each side, in turns")
    parser.add_argument("--sources", type=int, default=10, help="sources, each with an indicator of its own")
    options = parser.parse_args()
    print(machine())
    rows = table(40, 30, 3, 0.6)
    content = {f"{n}.csv": rows.with_columns(rows["value"] + n).write_csv().encode() for n in range(options.sources)}
    server = Files(content)
    with TemporaryDirectory() as name:
        folder = Path(name) / "project"
        folder.mkdir()
        made(folder, server, options.sources)
        kept = environment(PYTHONPYCACHEPREFIX=name, PYTHONDONTWRITEBYTECODE="")

        def run(*command: str) -> Callable[[], object]:
            return lambda: subprocess.run(
                [sys.executable, *command], env=kept, cwd=folder, capture_output=True, check=True
            )

        print(f"{options.sources} sources: first refresh   {told(folder, kept)}")
        files = [str(path) for path in folder.rglob("*") if path.is_file() and "results" not in path.parts]
        asked = json.dumps([[[server.address(key), server.tag(key)] for key in content], files])
        refresh, floor = paired(
            [run("-m", "capmap", "refresh"), run("-c", FLOOR, asked, os.path.join(name, "lock"))], options.pairs
        )
        print(f"nothing new: {told(folder, kept)}")
        print(f"  capmap refresh {milliseconds(refresh)}")
        print(f"  floor          {milliseconds(floor)}   (imports, conditional requests, hashes)")
        print(f"  ratio          {ratios(refresh, floor)}   aim 1.5")
        content["0.csv"] = content["0.csv"].replace(b",5.0\n", b",6.0\n")
        print(f"one of {options.sources} revised: {told(folder, kept)}")
        year = rows.filter(rows["year"] == rows["year"].max())
        content["0.csv"] += year.with_columns(year["year"] + 1).write_csv(include_header=False).encode()
        print(f"a new year in one: {told(folder, kept)}")


def told(folder: Path, kept: dict[str, str]) -> str:
    """What a refresh says that it computed."""
    done = subprocess.run(
        [sys.executable, "-m", "capmap", "refresh", "--log-format", "json"], env=kept, cwd=folder, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    last = json.loads(done.stderr.splitlines()[-1])
    if last["event"] == "unchanged":
        return "nothing computed"
    return f"{last['computed']} computed, {last['reused']} as before" if last["event"] == "done" else last["message"]


if __name__ == "__main__":
    main()
