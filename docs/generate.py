"""Write `docs/reference/` from the code, and refresh the outputs shown in the README and the other pages.

    python docs/generate.py            write
    python docs/generate.py --check    write nothing; exit 1 with a diff if a page is stale

An output is refreshed where a comment `<!-- run: capmap profile KOR -f table -->` stands above a fenced block. The
block shows the command without `-f table`, and what it prints on stdout; `2>&1` at the end adds stderr, and `run 2:`
says that exit code 2 is expected. Commands run in a copy of `docs/examples`, one copy per page, 100 columns wide.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
EXAMPLES = DOCS / "examples"
sys.path.insert(0, str(ROOT / "src"))

import polars as pl  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402
from typer.main import get_command  # noqa: E402

import capmap  # noqa: E402
from capmap import errors, model  # noqa: E402
from capmap.analyses import blocks, profile  # noqa: E402
from capmap.bundled import sample_project  # noqa: E402
from capmap.cli.app import app  # noqa: E402
from capmap.data import files, observations, write  # noqa: E402
from capmap.data.findings import CHECKS  # noqa: E402
from capmap.data.settings import PREFIX  # noqa: E402
from capmap.report import glossary, words  # noqa: E402

WIDTH = 100
GENERATED = "<!-- Written by docs/generate.py from the code; change it there. -->"
MARKED = re.compile(r"(<!-- run(?: (?P<code>\d+))?: (?P<command>.+?) -->\n```\w*\n)(?P<shown>.*?)(```\n)", re.DOTALL)
#: Variables that change how a command looks.
SWAYS = ("CLICOLOR_FORCE", "FORCE_COLOR", "GITHUB_ACTIONS", "LINES", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
#: Outputs are shown as of this year: the age of figures is printed, and no page is to become stale by the calendar.
YEAR = 2026
#: The entry point with the year stopped.
ENTRY = """
import sys
from capmap.cli import session
assert session.today() >= {year}
session.today = lambda: {year}
from capmap.__main__ import main
main()
"""


# Commands ---------------------------------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    """Command objects by name, in the order of the help."""
    return dict(get_command(app).commands)  # type: ignore[attr-defined]


def described(command: Any) -> tuple[str, str]:
    """What a command does, and its example."""
    text, _, example = command.help.partition("Example:")
    return " ".join(text.split()), example.strip()


def usage(name: str, command: Any) -> str:
    """`capmap compare REGIONS... [OPTIONS]`."""
    words_ = [
        f"{p.name.upper()}{'...' if p.nargs != 1 else ''}" if p.required else f"[{p.name.upper()}]"
        for p in command.params
        if p.param_type_name == "argument"
    ]
    return " ".join(["capmap", name, *words_, "[OPTIONS]"])


def verb(name: str) -> Callable[..., Any]:
    """The Python function that does what the command does."""
    found: Callable[..., Any] = getattr(capmap, name)
    return found


def analysis(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose options a verb takes: the one its docstring names, else the verb itself."""
    named = re.search(r"options as `([\w.]+)\.(\w+)`", inspect.getdoc(function) or "")
    if named is None:
        return function
    found: Callable[..., Any] = getattr(importlib.import_module(named[1]), named[2])
    return found


def results() -> dict[str, list[model.Result]]:
    """Results of the sample, by the command that prints them: together they hold every table."""
    project = capmap.load(sample_project())
    several = {
        "check": [model.Result("check", {"findings": capmap.check(project)})],
        "indicators": [
            _listing("indicators", project),
            _listing("indicator", project, "patent_families"),
        ],
        "regions": [_listing("regions", project)],
        "sectors": [_listing("sectors", project)],
        "config": [model.Result("config", {"config": capmap.config(project)})],
        "rca": [_rca(project)],
        "intensity": [_measured("intensity", project)],
        "normalise": [_measured("normalise", project)],
        "profile": [capmap.profile(project, "KOR", full=True), capmap.profile(project, "ITA")],
        "compare": [capmap.compare(project, ["DEU", "ITA", "KOR"], full=True)],
        "sector": [capmap.sector(project, "semiconductors"), capmap.sector(project, "C")],
        "index": [
            capmap.index(project, draws=100, steps=True, audit=True, what_if=["drop=robots,weights=equal"]),
            capmap.index(project, region=["DEU", "KOR"], draws=0, steps=True),
            *_gaps(project),
            _own_weights(project),
        ],
        "robustness": [capmap.robustness(project, draws=100, sobol=32)],
        "complexity": [_complexity(project)],
        "relatedness": _relatedness(project),
        "opportunities": [capmap.opportunities(project, "KOR"), capmap.backtest(project)],
        "diff": [_diff(project)],
        "explain": _explained(project),
        "verify": [_verified(project)],
    }
    long = profile.long(several["profile"][0])
    return {**several, "long": [model.Result("long", {"long": long})]}


def _gaps(project: model.Project) -> list[model.Result]:
    """What a pillar that may be missing and imputation add."""
    file = project.indices["innovation"].model_copy(update={"min_pillar": 0.0})
    lenient = dataclasses.replace(project, indices={"innovation": file})
    return [capmap.index(lenient, draws=0, impute="em", steps=True)]


def _own_weights(project: model.Project) -> model.Result:
    """What weights of every region for itself add."""
    file = project.indices["innovation"].model_copy(update={"aggregation": "arithmetic"})
    plain = dataclasses.replace(project, indices={"innovation": file})
    return capmap.index(plain, draws=0, weights="benefit_of_doubt", steps=True)


def _diff(project: model.Project) -> model.Result:
    from capmap.analyses import listing
    from capmap.operate.run import run_all

    with tempfile.TemporaryDirectory() as place:
        run_all(project, place, analyses={"regions": listing.regions})
        return capmap.diff(place, place)


def _explained(project: model.Project) -> list[model.Result]:
    """A cell whose class can change, a sector by itself, a gap, and an index."""
    from capmap.analyses.explain import explain
    from capmap.data.write import stamped
    from capmap.report.explain import answered

    found = [
        explain(project, "KOR", "semiconductors", indicator="patent_families", measure="class"),
        explain(project, "-", "semiconductors", indicator="patent_families", measure="pci"),
        explain(project, "DEU", "C", indicator="robot_use", measure="rii"),
        explain(project, "DEU", "C", indicator="robot_use"),
        explain(project, "KOR", index="innovation"),
        explain(project, "-", "semiconductors", indicator="patent_families", measure="p_value",
                other="computer_technology", draws=20),
    ]  # fmt: skip
    return [answered(stamped(project, one), {}, {}) for one in found]


def _verified(project: model.Project) -> model.Result:
    from capmap.analyses import listing
    from capmap.operate.run import run_all
    from capmap.operate.verify import verify

    with tempfile.TemporaryDirectory() as place:
        run_all(project, place, analyses={"regions": listing.regions})
        return verify(place, lambda: project).result


def _listing(name: str, project: model.Project, *arguments: str) -> model.Result:
    from capmap.analyses import listing

    found: model.Result = getattr(listing, name)(project, *arguments)
    return found


def _measured(name: str, project: model.Project) -> model.Result:
    found: model.Result = getattr(importlib.import_module(f"capmap.analyses.{name}"), name)(project)
    return found


def _complexity(project: model.Project) -> model.Result:
    from capmap.analyses import complexity, portfolio

    chosen: dict[str, Any] = {"indicator": ["patent_families"], "draws": 2}
    pci = complexity.complexity(project, year=2016, table=("sectors",), **chosen).frame
    plants = pl.DataFrame({"sector": ["optics", "optics"], "size": [1.0, 2.0]})
    return complexity.complexity(
        project, table=list(complexity.TABLES), extras=list(portfolio.REGION_EXTRAS), outside=pci, income="population",
        plants=plants, **chosen,
    )  # fmt: skip


def _relatedness(project: model.Project) -> list[model.Result]:
    from capmap.analyses import relatedness

    chosen = ["patent_families"]
    net = relatedness.network(project, indicator=chosen, region="KOR")
    return [
        model.Result("relatedness", {"links": relatedness.relatedness(project, indicator=chosen).frame}),
        relatedness.relatedness(project, indicator=["articles"], to="patent_families"),
        model.Result("relatedness", {"network": net.tables["links"], "nodes": net.tables["nodes"]}),
        relatedness.path(project, "KOR", "measurement", indicator=chosen),
    ]


def _rca(project: model.Project) -> model.Result:
    from capmap.analyses import refine, specialisation

    return refine.refine(project, specialisation.rca(project, extras=list(blocks.EXTRAS)), labels=True)


def tables(found: Sequence[model.Result]) -> dict[str, dict[str, pl.DataType]]:
    """Columns of every table with their types; a table that is empty in one result is known from another."""
    merged: dict[str, dict[str, pl.DataType]] = {}
    for result in found:
        for name, frame in result.tables.items():
            merged.setdefault(name, {}).update(frame.schema)
    return merged


# Reference pages --------------------------------------------------------------------------------------------


def reference() -> dict[Path, str]:
    """Every generated page."""
    known = results()
    pages = {f"commands/{name}.md": _command_page(name, command, known) for name, command in commands().items()}
    pages |= {
        "index.md": _index_page(),
        "columns.md": _columns_page(known),
        "words.md": _words_page(),
        "checks.md": _checks_page(),
        "indicator-file.md": _indicator_page(),
        "index-file.md": _index_file_page(),
        "run-file.md": _run_page(),
        "observations.md": _observations_page(),
        "formats.md": _formats_page(),
        "exit-codes.md": _exit_page(),
        "environment.md": _environment_page(),
        "python.md": _python_page(),
    }
    return {REFERENCE / name: f"{GENERATED}\n\n{text.rstrip()}\n" for name, text in pages.items()}


def _index_page() -> str:
    rows = [
        [f"[`{name}`](commands/{name}.md)", command.rich_help_panel, described(command)[0]]
        for name, command in commands().items()
    ]
    links = {
        "columns.md": "every column of every result: meaning, unit, and when it is null",
        "words.md": "classes, bands, trajectories, listings, notes and clauses",
        "checks.md": "every check on the data, and what it asks for",
        "observations.md": "columns of observation files and code lists, status letters",
        "indicator-file.md": "keys of an indicator file",
        "index-file.md": "keys of an index file",
        "run-file.md": "keys of `capmap.toml`, with flags and environment variables",
        "formats.md": "output formats",
        "exit-codes.md": "exit codes",
        "environment.md": "environment variables",
        "python.md": "the Python interface",
    }
    listed = [f"- [{name.removesuffix('.md')}]({name}): {text}" for name, text in links.items()]
    return _page(
        "# Reference",
        "Generated from the code, so it says what this version does.",
        _table(["Command", "Family", "What it does"], rows),
        "\n".join(listed),
    )


def _command_page(name: str, command: Any, known: Mapping[str, Sequence[model.Result]]) -> str:
    text, example = described(command)
    parts = [f"# capmap {name}", text, f"```\n{usage(name, command)}\n```", f"Example: `{example}`"]
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    if arguments:
        rows = [[f"`{p.name.upper()}`", p.help, "" if p.required else "optional"] for p in arguments]
        parts += ["## Arguments", _table(["Argument", "Meaning", ""], rows)]
    parts.append("## Options")
    context = command.make_context(f"capmap {name}", [], resilient_parsing=True)
    panels: dict[str, list[list[str]]] = {}
    for p in command.params:
        if p.param_type_name == "option":
            panels.setdefault(p.rich_help_panel or "General", []).append(_option(p, context))
    for panel, rows in panels.items():
        parts += [f"### {panel}", _table(["Option", "Value", "Meaning", "Default"], rows)]
    if name in known:
        links = ", ".join(f"[{table}](../columns.md#{slug(_heading(name, table))})" for table in tables(known[name]))
        parts += ["## Result", f"Tables, with every column explained: {links}."]
    return _page(*parts, "## In Python", _verb(name, level=3))


KINDS = {"str": "text", "int": "whole number", "float": "number", "path": "path"}


def _option(p: Any, context: Any) -> list[str]:
    names = ", ".join(f"`{o}`" for o in (*p.opts, *p.secondary_opts))
    kind = "" if p.is_flag else KINDS[re.findall(r"[a-z]+", p.display_type(context).replace("list", ""))[0]]
    default = "" if p.default is None or p.is_flag else f"`{p.default}`"
    return [names, kind, p.help, default]


def _columns_page(known: Mapping[str, Sequence[model.Result]]) -> str:
    parts = [
        "# Columns of the results",
        "One section per table, in the order of the command. Numbers are at full precision; only the screen rounds. "
        "Shares and probabilities are fractions, not per cent. No value is an empty cell in CSV and null in JSON and "
        "Parquet. Words in `class`, `band`, `listing`, `trajectory`, `clause` and `note` are on [their page](words.md).",
        "As CSV, NDJSON or Parquet, a result of several tables is [one long table](#long-form); as JSON, Markdown or "
        "Excel it keeps its tables.",
    ]
    base = set(blocks.COLUMNS)
    for command, found in known.items():
        if command != "long":
            parts.append(f"## {command}")
        for table, schema in tables(found).items():
            columns = dict(schema)
            parts.append(f"### {_heading(command, table)}" if command != "long" else "## Long form")
            if command == "long":
                parts.append(
                    "What `profile`, `compare` and `sector` write as CSV, TSV, NDJSON or Parquet, and `profiles` in `capmap run`."
                )
            elif command != "rca" and base <= set(columns):
                parts.append(f"Every column of [rca](#{slug(_heading('rca', 'rca'))}), and:")
                columns = {name: kind for name, kind in columns.items() if name not in base}
            rows = [
                [f"`{name}`", _type(kind), glossary.meaning(name, table, command)] for name, kind in columns.items()
            ]
            parts.append(_table(["Column", "Type", "Meaning"], rows))
    return _page(*parts)


def _heading(command: str, table: str) -> str:
    return f"{command}: {table}"


def _type(kind: pl.DataType) -> str:
    if kind == pl.Boolean:
        return "true/false"
    return "whole number" if kind.is_integer() else "number" if kind.is_numeric() else "text"


def _words_page() -> str:
    both = [
        ("Classes", "`class`: the verdict on a cell.", "class", glossary.CLASSES, words.CLASS_WORDS),
        ("Bands", "`band`: how high a specialisation is, from the shrunken index for counts and the index for values; "
         "against the rest of the world where the region exceeds a tenth of it.", "band", glossary.BANDS,
         words.BAND_WORDS),
        ("Notes", "`note`: why there is no figure, or what to beware of.", "note", glossary.NOTES, words.NOTE_WORDS),
    ]  # fmt: skip
    plain = [
        ("Trajectories", "`trajectory`: the last three periods.", "trajectory", glossary.TRAJECTORIES),
        ("Listings", "`listing`: where a cell stands in a profile.", "listing", glossary.LISTINGS),
        ("Quadrants", "`quadrant`: where a sector lies among those the region does not hold.", "quadrant",
         glossary.QUADRANTS),
        ("Grades", "`grade`: what the backtest says of the model.", "grade", glossary.GRADES),
        ("Clauses", "`clause`: what a row of `headline` says.", "clause", glossary.CLAUSES),
    ]  # fmt: skip
    parts = ["# Words in the results"]
    for title, text, column, meanings, screen in both:
        rows = [[f"`{key}`", screen.get(key, ""), meaning] for key, meaning in meanings.items()]
        parts += [f"## {title}", text, _table([column, "on screen", "meaning"], rows)]
    for title, text, column, meanings in plain:
        rows = [[f"`{key}`", meaning] for key, meaning in meanings.items()]
        parts += [f"## {title}", text, _table([column, "meaning"], rows)]
    return _page(*parts)


def _checks_page() -> str:
    parts = [
        "# Checks",
        "What `capmap check` looks for, and every other command before it computes. An error stops the command: exit "
        "code 3 where the input cannot be understood, 4 where it was read and is wrong. Warnings and notes stop "
        "nothing. [How to mend findings](../how-to/mend-findings.md).",
    ]
    for check in CHECKS.values():
        code = 3 if check.unreadable else 4
        grave = f"{check.severity}, exit code {code}" if check.severity == "error" else check.severity
        parts += [f"## {check.code}", f"**{check.title}** ({grave}). {check.explanation}"]
    return _page(*parts)


def _indicator_page() -> str:
    return _page(
        "# Keys of an indicator file",
        "`indicators/<id>.toml`, one file per indicator; the name of the file is the id. Keys are closed: an unknown one "
        "is an error with the nearest valid name.",
        _keys(model.Indicator, skip=("id", "source", "goalposts")),
        "## [source]",
        _keys(model.Source),
        "## [goalposts]",
        _keys(model.Goalposts),
    )


def _index_file_page() -> str:
    return _page(
        "# Keys of an index file",
        "`index/<id>.toml`, one file per composite index; the name of the file is the id. A node with an `indicator` has no "
        "nodes below it; the others are pillars. Keys are closed. [What is made of it](../methods/index-scores.md).",
        _keys(model.IndexFile, skip=("id", "nodes", "answers")),
        "## [[nodes]]",
        _keys(model.IndexNode),
        "`goalposts` is a table `{ low = ..., high = ..., log = ... }`, as in [an indicator file](indicator-file.md).",
    )


def _keys(of: type[BaseModel], skip: Sequence[str] = ()) -> str:
    rows = [
        [f"`{name}`", _spelt(field), "required" if field.is_required() else _default(field), field.description or ""]
        for name, field in of.model_fields.items()
        if name not in skip
    ]
    return _table(["Key", "Value", "Default", "Meaning"], rows)


def _run_page() -> str:
    flags = {p.name: max(p.opts, key=len) for p in commands()["rca"].params if p.param_type_name == "option"}
    parts = [
        "# Keys of the run file",
        "`capmap.toml` at the root of a project. Only `[data] observations` is required. A flag wins over an environment "
        f"variable (`{PREFIX}SECTION_KEY`), which wins over the file, which wins over the default; `capmap config` "
        "shows what holds and where it came from.",
    ]
    for section, field in model.RunFile.model_fields.items():
        inner = field.annotation
        parts.append(f"## [{section}]")
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            tables = [kind for kind in get_args(inner) if isinstance(kind, type) and issubclass(kind, BaseModel)]
            if tables:  # one table for each name that the user chooses
                parts += [f"{field.description} No variable stands for them.", _keys(tables[0])]
                continue
            keys = list(get_args(get_args(inner)[0])) if get_origin(inner) is dict else []
            named = f" Keys: {', '.join(f'`{k}`' for k in keys)}." if keys else ""
            parts.append(f"{field.description}{named} Variable: `{PREFIX}{section.upper()}_KEY`.")
            continue
        rows = [
            [f"`{key}`", _spelt(one), "required" if one.is_required() else _default(one), one.description or "",
             f"`{flags[key]}`" if section == "specialisation" and key in flags else ""]
            for key, one in inner.model_fields.items()
        ]  # fmt: skip
        parts.append(_table(["Key", "Value", "Default", "Meaning", "Flag"], rows))
    return _page(*parts)


def _spelt(field: FieldInfo) -> str:
    """A type as a user would say it, with its bounds."""
    bounds = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    said = [f"{sign} {getattr(m, name):g}" for m in field.metadata for name, sign in bounds.items() if hasattr(m, name)]
    return " ".join([_kind(field.annotation), ", ".join(said)]).strip()


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{_toml(one)}`" for one in get_args(annotation))
    if get_origin(annotation) is dict:
        inside = _kind(get_args(annotation)[1])
        return f"table of {inside}s" if inside.isalpha() else f"table ({inside})"
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)
        return f"list of {_kind(inner[0])}s" if inner[-1] is Ellipsis else f"{len(inner)} {_kind(inner[0])}s"
    if get_origin(annotation) is not None:
        return " or ".join(_kind(one) for one in get_args(annotation) if one is not type(None))
    names: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true/false"}
    return names.get(annotation, "table")


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f"`{_toml(field.default)}`"


def _toml(value: object) -> str:
    from capmap.data.init import _toml as written

    return written(value)


def _observations_page() -> str:
    columns = [
        [f"`{name}`", ", ".join(f"`{a.upper()}`" for a in observations.ALIASES[name][1:]),
         "required" if name in observations.REQUIRED else "", glossary.INPUT[name]]
        for name in observations.COLUMNS
    ]  # fmt: skip
    codes = [
        [f"`{name}`", glossary.meaning(name).partition(" Null:")[0]]
        for name in ("code", "label", "parent", "level", "role", "group")
    ]
    statuses = [[f"`{letter}`", text] for letter, text in model.STATUSES.items()]
    suffixes = ", ".join(f"`{suffix}`" for suffix in files.SUFFIXES)
    return _page(
        "# Observation files and code lists",
        f"Long format: one row per region, sector, indicator and year. Read are {suffixes}. Upper and lower case do not "
        "matter in column names. Other names are mapped under `[columns]` or with `--columns`; columns that are not "
        "named are not read.",
        "## Columns",
        _table(["Column", "SDMX name", "", "Meaning"], columns),
        "## Status letters",
        "The SDMX code list for the status of an observation. A true zero, a missing value, a suppressed one and one that "
        "cannot exist are four different things.",
        _table(["Status", "Meaning"], statuses),
        "## Code lists",
        "`codes/regions.csv`, and `codes/<classification>.csv` without the last two columns. Only `code` is required. A "
        "missing list is allowed: codes are then taken as found.",
        _table(["Column", "Meaning"], codes),
    )


def _formats_page() -> str:
    suffixes: dict[str, list[str]] = {}
    for suffix, name in write.SUFFIXES.items():
        suffixes.setdefault(name, []).append(f"`{suffix}`")
    rows = [[f"`{name}`", ", ".join(suffixes.get(name, [])), glossary.FORMATS[name]] for name in write.FORMATS]
    return _page(
        "# Output formats",
        "`--format` names one; with `--output` the suffix of the file does. A text format is compressed if the name "
        "ends in `.gz`. A file is written beside its target and moved into place, so a killed run leaves the old file "
        "whole. The same data and settings give the same bytes.",
        _table(["Format", "Suffix", "What is written"], rows),
    )


def _exit_page() -> str:
    lines = inspect.getsource(errors.ExitCode).splitlines()
    said = {m[1]: m[2] for line in lines if (m := re.match(r"\s+([A-Z_]+) = \d+\s+#: (.+)", line))}
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
    rows = [
        [str(code.value), f"`{code.name}`",
         said[code.name] + ("" if f"ExitCode.{code.name}" in source else " (reserved: nothing returns it yet)")]
        for code in errors.ExitCode
    ]  # fmt: skip
    return _page(
        "# Exit codes",
        "What the process says to the shell. Messages are on stderr, data on stdout; an error says what, where and how "
        "to fix it, and `--debug` adds the traceback.",
        _table(["Code", "Name", "Meaning"], rows),
    )


def _environment_page() -> str:
    rows = [[f"`{name}`", text] for name, text in glossary.ENVIRONMENT.items()]
    return _page(
        "# Environment variables",
        _table(["Variable", "Meaning"], rows),
        "Every setting is in [the run file's table](run-file.md).",
    )


def _python_page() -> str:
    named = commands()
    verbs = [name for name in capmap.__all__ if name in named]
    rows = [
        [f"`{_signature(verb(name), f'capmap.{name}')}`", f"[`capmap {name}`](commands/{name}.md)",
         _first_line(verb(name))]
        for name in verbs
    ]  # fmt: skip
    others = [name for name in capmap.__all__ if name not in named]
    parts = [
        "# Python interface",
        "`import capmap as cm` imports nothing heavy. Frames are polars frames. The verbs are the commands; each is "
        "documented on the page of its command, options and all.",
        _table(["Verb", "Command", "What it does"], rows),
    ]
    for name in others:
        parts += [f"## capmap.{name}", _verb(name, level=3)]
    for kind in (model.Result, model.Project):
        parts += [f"## {kind.__name__}", _rendered(inspect.getdoc(kind) or "", 3),
                  "Fields: " + ", ".join(f"`{one.name}`" for one in dataclasses.fields(kind)) + "."]  # fmt: skip
    raised = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.CapmapError)]
    rows = [[f"`capmap.errors.{c.__name__}`", str(c.exit_code.value), _first_line(c)] for c in raised]
    parts += [
        "## Errors",
        "Trouble that a user can mend is a `CapmapError` with `message`, `where` and `fix`; the command line turns it "
        "into its exit code. Misuse of an array function in `capmap.methods` is a `ValueError`.",
        _table(["Error", "Exit code", "Meaning"], rows),
    ]
    return _page(*parts)


def _verb(name: str, level: int) -> str:
    function = verb(name)
    whole = analysis(function)
    returned = inspect.signature(function).return_annotation
    shown = f"```python\n{_signature(whole, f'capmap.{name}', returned)}\n```"
    if whole is function:
        return _page(shown, _rendered(inspect.getdoc(function) or "", level))
    text = _rendered(inspect.getdoc(whole) or "", level)
    framed = "The verb returns the frame of the result described here." if "DataFrame" in str(returned) else ""
    return _page(shown, framed, text)


def _signature(function: Callable[..., Any], name: str, returned: Any = None) -> str:
    """`capmap.rca(project, *, indicator=())` with the types left to the text below it."""
    parameters = inspect.signature(function).parameters.values()
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    text = str(inspect.Signature(plain))
    return f"{name}{text}" + (f" -> {returned}" if returned else "")


def _first_line(thing: Any) -> str:
    """First line of a docstring, without the command and the options that it names."""
    line = (inspect.getdoc(thing) or "").splitlines()[0]
    return f"{line.partition(': `capmap')[0].rstrip('.')}."


def _rendered(doc: str, level: int) -> str:
    """A numpydoc docstring as Markdown: sections become headings, fields a list."""
    parts: list[str] = []
    lines = doc.splitlines()
    section, k = "", 0
    while k < len(lines):
        if k + 1 < len(lines) and lines[k].strip() and re.fullmatch(r"-{3,}", lines[k + 1].strip()):
            section = lines[k].strip()
            parts += ["", f"{'#' * level} {section}", ""]
            k += 2
            continue
        line = lines[k]
        field = re.match(r"(\*{0,2}[\w, *]+) : (.*)", line)
        if section in ("Parameters", "Raises") and field:
            names = ", ".join(f"`{n.strip()}`" for n in field[1].split(","))
            parts.append(f"- {names}: {field[2]}")
        elif line.startswith("    ") and section in ("Parameters", "Raises"):
            parts.append(f"  {line.strip()}")
        else:
            parts.append(line)
        k += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()


def _page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def slug(heading: str) -> str:
    """Anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


# Outputs in the prose ---------------------------------------------------------------------------------------


def prose() -> list[Path]:
    """Pages that people wrote."""
    pages = [page for page in DOCS.rglob("*.md") if REFERENCE not in page.parents]
    return [ROOT / "README.md", *sorted(pages)]


def refreshed(page: Path) -> str:
    """A page with the outputs of its marked commands."""
    text = page.read_text(encoding="utf-8")
    if not MARKED.search(text):
        return text
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "here"
        shutil.copytree(EXAMPLES, place)
        return MARKED.sub(lambda m: m[1] + run(m["command"], place, int(m["code"] or 0)) + m[5], text)


def run(command: str, place: Path, expected: int = 0) -> str:
    """What a reader types and sees."""
    plain = command.removesuffix(" 2>&1")
    settings, arguments = split(plain)
    done = subprocess.run(
        [sys.executable, "-c", ENTRY.format(year=YEAR), *arguments], cwd=place, env=environment() | settings, text=True,
        encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT if plain != command else subprocess.PIPE,
        check=False,
    )  # fmt: skip
    if done.returncode != expected:
        raise RuntimeError(f"{command}: exit code {done.returncode}, not {expected}\n{done.stdout}{done.stderr}")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join([f"$ {plain.replace(' -f table', '')}", *lines]) + "\n"


def split(command: str) -> tuple[dict[str, str], list[str]]:
    """Variables set in front of a command line, and its arguments after `capmap`."""
    parts = shlex.split(command)
    first = parts.index("capmap")
    return dict(part.split("=", 1) for part in parts[:first]), parts[first + 1 :]


def environment() -> dict[str, str]:
    """Surroundings in which outputs do not depend on who runs this."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX) and k not in SWAYS}
    return kept | {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT / "src")}


# Both -------------------------------------------------------------------------------------------------------


def wanted() -> dict[Path, str]:
    """Every page as it should be."""
    pages = prose()
    with ThreadPoolExecutor(max_workers=2) as pool:
        return reference() | dict(zip(pages, pool.map(refreshed, pages), strict=True))


def stale() -> Iterator[tuple[Path, str | None]]:
    """Pages that are not as they should be, with what they should be; None for one that should not be there."""
    should_be = wanted()
    for page, text in should_be.items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            yield page, text
    yield from ((page, None) for page in sorted(REFERENCE.rglob("*.md")) if page not in should_be)


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare; returns the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    found = list(stale())
    for page, text in found:
        name = page.relative_to(ROOT).as_posix()
        if not arguments:
            if text is None:
                page.unlink()
            else:
                page.parent.mkdir(parents=True, exist_ok=True)
                page.write_text(text, encoding="utf-8", newline="\n")
            print(f"{'removed' if text is None else 'wrote'} {name}")
            continue
        before = page.read_text(encoding="utf-8") if page.exists() else ""
        diff = difflib.unified_diff(
            before.splitlines(), (text or "").splitlines(), name, f"{name} as it should be", lineterm=""
        )
        print("\n".join(diff))
    if arguments and found:
        print(f"{len(found)} pages are stale: python docs/generate.py")
    return 1 if arguments and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
