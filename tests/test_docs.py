"""The documentation is true: its outputs, snippets, links and reference pages are what this version does."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import capmap
from capmap.analyses import blocks, listing, profile
from capmap.data import observations, write
from capmap.errors import ExitCode
from capmap.model import IndexFile, Indicator, Result, RunFile
from capmap.operate.run import run_all
from capmap.report import glossary, numbers

from .conftest import RunCapmap

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _loaded()
COMMANDS: dict[str, Any] = generate.commands()
PROSE: list[Path] = generate.prose()
PAGES = sorted({*PROSE, *DOCS.rglob("*.md")})


def name(page: object) -> str:
    return page.relative_to(ROOT).as_posix() if isinstance(page, Path) else str(page)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def fenced(page: Path, *languages: str) -> list[str]:
    """Contents of the fenced blocks of these languages."""
    return [found[2] for found in FENCE.finditer(text_of(page)) if found[1] in languages]


def unfenced(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


@pytest.fixture(scope="module")
def wanted() -> dict[Path, str]:
    """Every page as the generator would write it now: the marked commands are run in processes of their own."""
    pages: dict[Path, str] = generate.wanted()
    return pages


@pytest.fixture(scope="module")
def results() -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = generate.results()
    return found


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example files as the working directory."""
    place = tmp_path / "here"
    shutil.copytree(DOCS / "examples", place)
    monkeypatch.chdir(place)
    return place


# What is shown ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("page", PROSE, ids=name)
def test_outputs_shown_are_what_the_commands_print(page: Path, wanted: dict[Path, str]) -> None:
    assert text_of(page) == wanted[page]


@pytest.mark.parametrize("page", PROSE, ids=name)
def test_no_output_is_shown_that_nobody_runs(page: Path) -> None:
    shown = re.findall(r"^\$ .*capmap", text_of(page), re.MULTILINE)
    assert len(shown) == len(generate.MARKED.findall(text_of(page)))


@pytest.mark.slow
def test_reference_is_generated_from_this_code(wanted: dict[Path, str]) -> None:
    reference = {page: text for page, text in wanted.items() if page not in PROSE}
    assert {name(p) for p in generate.REFERENCE.rglob("*.md")} == {name(p) for p in reference}
    assert [name(p) for p, text in reference.items() if text_of(p) != text] == []


def test_generator_says_what_is_stale_and_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong, surplus = (tmp_path / f"{which}.md" for which in ("right", "wrong", "surplus"))
    for page in (right, wrong, surplus):
        page.write_text("as it was\n", encoding="utf-8")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    monkeypatch.setattr(generate, "wanted", lambda: {right: "as it was\n", wrong: "as it is\n"})
    assert generate.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "-as it was\n+as it is" in said
    assert "2 pages are stale" in said
    assert surplus.exists()
    assert generate.main([]) == 0
    assert (wrong.read_text(encoding="utf-8"), surplus.exists()) == ("as it is\n", False)
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("page", [p for p in PROSE if fenced(p, "pycon") or fenced(p, "python")], ids=name)
def test_python_shown_runs_and_gives_what_is_shown(page: Path, examples: Path) -> None:
    for snippet in fenced(page, "python"):
        exec(compile(snippet, name(page), "exec"), {})
    source = "\n".join(fenced(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(source, {}, name(page), name(page), 0)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert said == []


@pytest.mark.parametrize("page", [p for p in PROSE if fenced(p, "toml")], ids=name)
def test_toml_shown_is_valid(page: Path) -> None:
    for snippet in fenced(page, "toml"):
        content = tomllib.loads(snippet)
        if "kind" in content:
            Indicator(id="shown", **content)
        elif content.keys() & IndexFile.model_fields.keys():
            IndexFile(**({"id": "shown", "name": "Shown", "nodes": [{"id": "a"}]} | content))
        else:
            RunFile(**({"data": {"observations": ["data"]}} | content))


# Commands -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_is_documented(command: str) -> None:
    text, example = generate.described(COMMANDS[command])
    assert text.endswith(".")
    assert re.search(rf"\bcapmap {command}\b", example)
    assert all(parameter.help for parameter in COMMANDS[command].params)
    assert f"capmap {command}" in text_of(ROOT / "README.md") or f"`{command}`" in text_of(ROOT / "README.md")
    assert callable(getattr(capmap, command))
    assert f"cm.{command}(" in text_of(DOCS / "how-to" / "use-from-python.md") or command == "init"
    page = text_of(generate.REFERENCE / "commands" / f"{command}.md")
    assert f"capmap.{command}(" in page
    assert all(f"`{option}`" in page for p in COMMANDS[command].params for option in p.opts if option.startswith("-"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_runs(command: str, run_capmap: RunCapmap, tmp_path: Path) -> None:
    _, example = generate.described(COMMANDS[command])
    settings, arguments = generate.split(example)
    if "my-project" in arguments and command != "init":
        assert run_capmap("init", "my-project").code == 0
    if command == "verify":
        assert run_capmap("rca", "-o", "rca.parquet").code == 0
    if command == "diff":
        for folder in ("before", "after"):
            (tmp_path / folder).mkdir()
            run_all(capmap.load(), tmp_path / folder, analyses={"regions": listing.regions})
    code, out, said = run_capmap(*arguments, env=settings)
    assert code == ExitCode.DONE, said
    assert out or list(tmp_path.iterdir())


@pytest.mark.parametrize("page", PROSE, ids=name)
def test_commands_mentioned_exist_with_their_options(page: Path) -> None:
    shell = "\n".join(fenced(page, "sh", ""))
    quoted = "\n".join(re.findall(r"`(capmap [^`\n]+)`", unfenced(page)))
    for found in re.finditer(r"\bcapmap ([a-z]+)([^\n|#;&>]*)", f"{shell}\n{quoted}"):
        command, rest = found[1], found[2]
        assert command in COMMANDS, found[0]
        known = {option for p in COMMANDS[command].params for option in (*p.opts, *p.secondary_opts)}
        assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", rest)) <= known, found[0]


def test_readme_has_what_a_script_looks_for() -> None:
    lines = text_of(ROOT / "README.md").splitlines()
    assert len(lines) < 250
    for marker, command in (
        ("install-command", "python -m pip install . && capmap profile KOR"),
        ("test-command", 'python -m pip install -e ".[dev]" && python -m pytest'),
    ):
        start = lines.index(f"<!-- {marker} -->")
        assert lines[start + 1].startswith("```")
        assert lines[start + 2] == command
        assert lines[start + 3] == "```"


# Words --------------------------------------------------------------------------------------------------------


def cells(results: dict[str, list[Result]]) -> Iterator[tuple[str, str, str, Any]]:
    """Command, table, column and the column's values of everything in the sample's results."""
    for command, several in results.items():
        for result in several:
            for table, frame in result.tables.items():
                for column in frame.columns:
                    yield command, table, column, frame[column]


def test_every_column_has_a_meaning_and_every_meaning_a_column(results: dict[str, list[Result]]) -> None:
    used = {glossary.known(column, table, command) for command, table, column, _ in cells(results)}
    assert used - set(glossary.COLUMNS) == set()
    inputs = {"code", "label", "parent", "level", "role", "group"}
    assert set(glossary.COLUMNS) - used - inputs == set()


def test_every_null_is_explained(results: dict[str, list[Result]]) -> None:
    unexplained = {
        glossary.known(column, table, command)
        for command, table, column, values in cells(results)
        if values.null_count() and "Null: " not in glossary.meaning(column, table, command)
    }
    assert unexplained == set()


def test_every_table_of_every_command_is_in_the_reference(results: dict[str, list[Result]]) -> None:
    assert set(COMMANDS) - {"init", "run", "refresh"} == set(results) - {"long"}


def test_closed_words_are_those_of_the_code() -> None:
    assert tuple(glossary.CLASSES) == blocks.CLASSES
    assert tuple(glossary.BANDS) == blocks.BANDS
    assert tuple(glossary.TRAJECTORIES) == blocks.TRAJECTORIES
    assert set(glossary.LISTINGS) == set(profile.LISTINGS)
    assert tuple(glossary.FORMATS) == write.FORMATS
    assert tuple(glossary.INPUT) == observations.COLUMNS


def noted() -> set[str]:
    """Names that the analyses put into a `note`: keys given to `joined_notes`, and literals beside the key "note"."""
    found = set(blocks.NOTES)
    for path in sorted((ROOT / "src" / "capmap" / "analyses").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                pairs = [
                    (k.value, v) for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant)
                ]
                found |= {one for key, value in pairs if key == "note" for one in literals(value)}
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "joined_notes":
                keys = [k for inner in ast.walk(node) if isinstance(inner, ast.Dict) for k in inner.keys]
                found |= {k.value for k in keys if isinstance(k, ast.Constant) and isinstance(k.value, str)}
    return found


def literals(node: ast.expr) -> set[str]:
    """Texts that an expression can be, without those inside calls and comparisons."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return set()


def test_every_note_is_explained(results: dict[str, list[Result]]) -> None:
    seen = {
        reason.partition(":")[0]
        for _, table, column, values in cells(results)
        if column == "note" and table != "long"
        for text in values.cast(str).drop_nulls().unique().to_list()
        for reason in text.split(";")
    }
    letters = {reason for reason in seen if len(reason) == 1}  # status letters under `headline`
    assert (seen - letters) | noted() <= set(glossary.NOTES)
    layers = ("analyses", "methods")  # formulas name their own reasons
    source = "".join(text_of(p) for layer in layers for p in sorted((ROOT / "src" / "capmap" / layer).rglob("*.py")))
    assert [note for note in glossary.NOTES if f'"{note}"' not in source] == []


def test_every_clause_is_explained(results: dict[str, list[Result]]) -> None:
    seen = {
        clause
        for _, table, column, values in cells(results)
        if (table, column) == ("headline", "clause")
        for clause in values.to_list()
    }
    assert seen <= set(glossary.CLAUSES)
    source = "".join(text_of(path) for path in sorted((ROOT / "src" / "capmap" / "analyses").rglob("*.py")))
    assert [clause for clause in glossary.CLAUSES if f'"{clause}"' not in source] == []


def test_every_mark_is_explained() -> None:
    page = text_of(DOCS / "how-to" / "read-a-profile.md")
    marks = ("lasting", "recent", "lost", "large", "uncertain", "below", "unjudged", "slight")
    for mark in marks:
        assert f"| {getattr(numbers.UNICODE, mark)} | `{getattr(numbers.ASCII, mark)}` |" in page


# Pages --------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    return {generate.slug(heading) for heading in re.findall(r"^#+ (.+)$", unfenced(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", unfenced(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


def test_every_page_can_be_reached() -> None:
    reached, open_ = set(), [ROOT / "README.md"]
    while open_:
        page = open_.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        targets = re.findall(r"\]\(([^)\s#]+)", text_of(page))
        open_ += [(page.parent / t).resolve() for t in targets if not re.match(r"[a-z]+:", t)]
    assert [name(page) for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_speak_of_no_machine_and_in_plain_british(page: Path) -> None:
    text = text_of(page)
    assert re.findall(r"/(?:home|opt|root|tmp|usr|Users|work)/", text) == []
    assert (
        re.findall(r"\b(?:normaliz|specializ|color\b|strong in|strong at|good at|best-in-class|powerful)", text) == []
    )
    assert "\t" not in text
    assert text.endswith("\n")
