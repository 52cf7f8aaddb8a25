"""Settings from four places, the first that has a say winning: flag, environment, `capmap.toml`, default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from capmap.bundled import sample_project
from capmap.data.findings import finding
from capmap.data.nearest import nearest
from capmap.data.toml import TomlFile, keys_of, validate
from capmap.errors import Finding, UnreadableError, UsageError
from capmap.model import RunFile

PREFIX = "CAPMAP_"
RUN_FILE = "capmap.toml"
#: Sections made of tables, which no variable can hold.
TABLES = ("sources", "watch")


def environment_settings(environ: Mapping[str, str]) -> tuple[dict[str, str], list[Finding]]:
    """Dotted settings named in the environment -> variable name, with a finding for each unknown key.

    A variable is `CAPMAP_SECTION_KEY`; those that name no section (`CAPMAP_DEBUG`) are not settings, and an
    empty one counts as unset.

    Examples
    --------
    >>> environment_settings({"CAPMAP_CSV_SEPARATOR": ";", "PATH": "/bin"})
    ({'csv.separator': 'CAPMAP_CSV_SEPARATOR'}, [])
    """
    found: dict[str, str] = {}
    problems: list[Finding] = []
    for variable in sorted(environ):
        if not (variable.startswith(PREFIX) and environ[variable]):
            continue
        section, _, key = variable.removeprefix(PREFIX).partition("_")
        section = section.lower()
        if section not in RunFile.model_fields or not key or section in TABLES:
            continue
        allowed = keys_of(RunFile, (section,))
        key = key.lower() if allowed else key
        if allowed and key not in allowed:
            near = nearest(key, allowed)
            fix = f"did you mean {PREFIX}{section.upper()}_{near[0].upper()}?" if near else "unset it"
            problems.append(finding("CM002", f"unknown setting {variable}", fix, column=f"{section}.{key}"))
        else:
            found[f"{section}.{key}"] = variable
    return found, problems


def merge(
    file: TomlFile, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[RunFile | None, dict[str, str], list[Finding]]:
    """The settings that hold, and where each came from.

    Parameters
    ----------
    file : the run file as read.
    overrides : dotted key -> value from flags; None means that the flag was not given.
    environ : the environment.

    Returns
    -------
    The checked settings (None if any is wrong), dotted key -> origin, and every finding.

    Raises
    ------
    UsageError : an override names no setting; or all that is wrong came from flags and environment.
    """
    variables, findings = environment_settings(environ)
    content: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in file.content.items()
    }
    origins = dict.fromkeys(_dotted(content), file.name)
    for key, variable in variables.items():
        _put(content, key, _listed(key, environ[variable]))
        origins[key] = f"environment {variable}"
    for key, value in overrides.items():
        if value is not None:
            _known(key)
            _put(content, key, _listed(key, value))
            origins[key] = "flag"
    run, problems = validate(RunFile, TomlFile(file.name, file.text, content))
    findings += [_with_origin(problem, origins, file.name) for problem in problems]
    if run is None or findings:
        if findings and all(f.file is None for f in findings):
            raise UsageError("; ".join(f.message for f in findings), fix="; ".join(f.fix for f in findings))
        return None, origins, findings
    return run, {key: origins.get(key, "default") for key in _dotted(_explicit(run))}, []


def find_run_file(start: Path) -> Path | None:
    """The nearest `capmap.toml` in `start` or a folder above it."""
    for folder in (start, *start.parents):
        if (folder / RUN_FILE).is_file():
            return folder / RUN_FILE
    return None


def locate(project: str | Path | None) -> tuple[Path, bool]:
    """The run file, and whether it is the sample's.

    Parameters
    ----------
    project : folder with a `capmap.toml`, or that file. None: the nearest one in the working directory or above it,
        else the sample's.

    Raises
    ------
    UnreadableError : there is none where one is named.
    """
    if project is None:
        found = find_run_file(Path.cwd())
        return (found, False) if found else (sample_project() / RUN_FILE, True)
    path = Path(project)
    run_file = path / RUN_FILE if path.is_dir() else path
    if not run_file.is_file():
        raise UnreadableError(
            f"no {RUN_FILE} in {project}" if path.is_dir() else f"no project at {project}",
            where=str(project),
            fix="name a folder that has one, or start one with `capmap init DIR`",
        )
    return run_file, False


def _explicit(run: RunFile) -> dict[str, Any]:
    """All settings as nested dicts, defaults included."""
    return {
        name: {key: getattr(section, key) for key in type(section).model_fields}
        if isinstance(section := getattr(run, name), BaseModel)
        else dict(section)
        for name in RunFile.model_fields
    }


def _dotted(content: Mapping[str, Any]) -> list[str]:
    return [
        f"{section}.{key}" if isinstance(values, Mapping) else section
        for section, values in content.items()
        for key in (values if isinstance(values, Mapping) else (None,))
    ]


def _put(content: dict[str, Any], key: str, value: object) -> None:
    section, _, name = key.partition(".")
    table = content.setdefault(section, {})
    if isinstance(table, dict):
        table[name] = value


def _known(key: str) -> None:
    section, _, name = key.partition(".")
    allowed = keys_of(RunFile, (section,)) if section in RunFile.model_fields else ()
    if section not in RunFile.model_fields or (allowed and name not in allowed):
        every = [f"{s}.{k}" for s in RunFile.model_fields for k in keys_of(RunFile, (s,))]
        near = nearest(key, every)
        raise UsageError(f"unknown setting {key}", fix=f"did you mean {near[0]}?" if near else None)


def _listed(key: str, value: object) -> object:
    """A text for a setting that takes a list is split at commas."""
    section, _, name = key.partition(".")
    field = RunFile.model_fields[section].annotation
    if isinstance(field, type) and issubclass(field, BaseModel):
        many = get_origin(field.model_fields[name].annotation) is tuple
    else:
        many = any(get_origin(part) is tuple for part in get_args(field))
    if many and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _with_origin(problem: Finding, origins: Mapping[str, str], file: str) -> Finding:
    """A finding about a flag or a variable says so instead of naming the run file."""
    origin = origins.get(".".join((problem.column or "").split(".")[:2]), file)
    if origin == file:
        return problem
    return finding(
        problem.code,
        f"{problem.message} (from {'the ' if origin == 'flag' else ''}{origin})",
        problem.fix,
        column=problem.column,
        value=problem.value,
    )
