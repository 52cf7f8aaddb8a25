"""Start-up: what a command imports, the ways to call it, and completion in the shell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import capmap

from .conftest import RunCapmap

HEAVY = ("fastexcel", "numpy", "polars", "pyarrow", "rustworkx", "scipy", "sklearn", "xlsxwriter")

IMPORTED = """
import json, runpy, sys
try:
    {statement}
except SystemExit as stop:
    assert not stop.code, stop.code
print()
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def imported(statement: str, *arguments: str) -> set[str]:
    """Top packages that a fresh process holds after a statement, with these arguments on its command line."""
    code = IMPORTED.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*arguments: str) -> set[str]:
    """Top packages that `python -m capmap ARGUMENTS` imports."""
    return imported('runpy.run_module("capmap", run_name="__main__", alter_sys=True)', *arguments)


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not imported("import capmap") & {*HEAVY, "pydantic", "rich", "typer"}


def test_the_interface_is_there_when_asked_for() -> None:
    """`dir` and `from capmap import load` work although `load` is imported late."""
    assert "polars" in imported("from capmap import load")
    assert not [name for name in capmap.__all__ if not callable(getattr(capmap, name))]
    with pytest.raises(AttributeError, match="no_such_verb"):
        capmap.no_such_verb  # noqa: B018


@pytest.mark.parametrize("arguments", [("--help",), ("rca", "--help"), ("profile", "--help"), ("run", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    packages = command(*arguments)
    assert "typer" in packages
    assert not packages & set(HEAVY)


def test_version_imports_no_command_line() -> None:
    assert not command("--version") & {*HEAVY, "pydantic", "rich", "typer"}


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(run_capmap: RunCapmap, flag: str) -> None:
    assert run_capmap(flag) == (0, f"capmap {capmap.__version__}\n", "")


def test_module_and_command_are_one(run_capmap: RunCapmap) -> None:
    """`python -m capmap` is `capmap`, to the name in its usage line."""
    module = subprocess.run([sys.executable, "-m", "capmap", "--help"], capture_output=True, text=True, check=True)
    assert run_capmap("--help") == (0, module.stdout, "")
    assert "Usage: capmap " in module.stdout


def test_no_arguments_show_the_help(run_capmap: RunCapmap) -> None:
    bare, helped = run_capmap(), run_capmap("--help")
    assert bare.code == 2
    assert bare.stdout + bare.stderr == helped.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_script(run_capmap: RunCapmap, shell: str) -> None:
    code, script, _ = run_capmap("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert code == 0
    assert f"_CAPMAP_COMPLETE=complete_{shell}" in script.replace('"', "").replace(" = ", "=")
    assert "python" not in script


def completed(run_capmap: RunCapmap, line: str) -> list[str]:
    """What bash offers at the end of a line: its completion function sets these variables."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_CAPMAP_COMPLETE": "complete_bash"}
    return run_capmap(env=words).stdout.split()


def test_completion_of_commands_and_options(run_capmap: RunCapmap) -> None:
    assert completed(run_capmap, "capmap pro") == ["profile"]
    assert completed(run_capmap, "capmap rca --thr") == ["--threshold"]
    assert {"rca", "profile", "compare", "run"} <= set(completed(run_capmap, "capmap "))
