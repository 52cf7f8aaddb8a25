"""What every test stands on: the same environment anywhere, the sample project, the real command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

import capmap
from capmap.model import Project

#: Environment that changes what a command says or how it looks.
SWAYS = (
    "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS", "TERMINAL_WIDTH",
    "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TYPER_USE_RICH",
)  # fmt: skip
COLUMNS = "100"

# Timings are never asserted, and a run of the whole suite for others to see gives the same examples every time.
settings.register_profile("capmap", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("capmap")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests last, all others in their order."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


def plain(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without settings of capmap and of colours, for a terminal of known width."""
    kept = {name: value for name, value in environment.items() if not name.startswith(("CAPMAP_", "_CAPMAP_"))}
    return {name: value for name, value in kept.items() if name not in SWAYS} | {"COLUMNS": COLUMNS}


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> Iterator[None]:
    """No test depends on the shell it was started from."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - plain(os.environ).keys():
            patch.delenv(name)
        patch.setenv("COLUMNS", COLUMNS)
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The sample project, as anybody gets it who names none; shared, so that no test may change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("nowhere"))
        return capmap.load()


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


RunCapmap = Callable[..., Ran]


@pytest.fixture
def run_capmap(tmp_path: Path) -> RunCapmap:
    """Run `capmap ARGUMENTS` in a process of its own, in an empty folder unless `cwd` is given.

    The installed command is run; `python -m capmap` stands in for it where the package is on the path but not
    installed. Either way the process imports the package that the tests import.
    """
    installed = list(metadata.distributions(name="capmap", path=[sysconfig.get_path("purelib")]))
    command = shutil.which("capmap", path=sysconfig.get_path("scripts")) if installed else None
    entry = [command] if command else [sys.executable, "-m", "capmap"]
    source = str(Path(capmap.__file__).parents[1])

    def run(
        *arguments: str | Path, cwd: Path | None = None, stdin: str | bytes = b"", env: Mapping[str, str] | None = None
    ) -> Ran:
        done = subprocess.run(
            [*entry, *map(str, arguments)],
            cwd=cwd or tmp_path,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=plain(os.environ) | {"PYTHONPATH": source} | dict(env or {}),
            capture_output=True,
            timeout=300,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
