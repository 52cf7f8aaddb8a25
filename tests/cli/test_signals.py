"""How a run ends that is told to end: in silence, with the code a shell expects, and without half a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import capmap

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

ENTER = """
sys.argv = ["capmap", *sys.argv[1:]]
from capmap.__main__ import main
main()
"""
#: Sends itself a signal in the middle of the import of a module.
IMPORTING = """
import os, signal, sys
class Sender:
    def find_spec(self, name, *_):
        if name == "{module}":
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Sender())
"""
#: Sends itself a signal when a file that was written is to be moved into its place.
MOVING = """
import os, signal, sys
os.replace = lambda *_: os.kill(os.getpid(), {number})
"""
#: Sends itself a signal in a finalizer, where exceptions are swallowed.
FINALIZER = """
import os, sys, time
from capmap.cli import signals
class Sender:
    def __del__(self):
        os.kill(os.getpid(), {number})
        sum(range(1000))
try:
    with signals.as_exceptions():
        Sender()
        time.sleep(20)
except BaseException as error:
    sys.exit(error.code if isinstance(error, SystemExit) else 130)
"""
#: Sends itself a signal in the middle of an import that is the last thing but one that the run does.
LAST = """
import os, signal, sys
from capmap.cli import signals
signal.signal({number}, lambda *_: os._exit(128 + {number}))
class Sender:
    def find_spec(self, name, *_):
        if name == "this":
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Sender())
done = []
def work():
    import this
    done.append(1)
try:
    with signals.as_exceptions():
        {watched}
        work()
except BaseException as error:
    sys.exit((error.code if isinstance(error, SystemExit) else 130) + len(done))
"""


def ran(code: str, folder: Path, *arguments: str) -> tuple[int, str, str]:
    source = str(Path(capmap.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": source},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["capmap.cli.app", "typer", "polars", "numpy", "capmap.data.write"])
def test_a_signal_in_the_middle_of_an_import_ends_the_run(tmp_path: Path, module: str, number: int) -> None:
    code = IMPORTING.format(module=module, number=int(number)) + ENTER
    assert ran(code, tmp_path, "rca", "-q", "-o", "out.csv") == (128 + number, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_more_is_done_after_an_import_that_a_signal_found(tmp_path: Path, number: int) -> None:
    code = LAST.format(number=int(number), watched="")
    assert ran(code, tmp_path)[::2] == (128 + number, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_debugger_delays_is_not_lost(tmp_path: Path, number: int) -> None:
    code = LAST.format(number=int(number), watched="signals.AGAIN = 60; sys.settrace(lambda *_: None)")
    assert ran(code, tmp_path)[::2] == (128 + number, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_writing_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    (tmp_path / "out.csv").write_text("earlier")
    code = MOVING.format(number=int(number)) + ENTER
    assert ran(code, tmp_path, "rca", "-q", "-i", "articles", "-o", "out.csv") == (128 + number, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "earlier"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_python_swallows_is_raised_again(tmp_path: Path, number: int) -> None:
    assert ran(FINALIZER.format(number=int(number)), tmp_path) == (128 + number, "", "")


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code += IMPORTING.format(module="polars", number=int(signal.SIGINT)) + ENTER
    assert ran(code, tmp_path, "indicators", "-q", "-f", "csv")[0] == 0
