"""TOML files -> checked models: every problem of a file at once, with its key, line and nearest valid key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from capmap.data.findings import finding, not_opened, unreadable
from capmap.data.nearest import nearest
from capmap.errors import Finding

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class TomlFile:
    """A TOML file that was parsed, with its text for line numbers."""

    name: str  #: as shown to the user
    text: str
    content: Mapping[str, Any]


def read_toml(path: Path, name: str | None = None) -> TomlFile:
    """Parse a TOML file (UTF-8, with or without byte-order mark).

    Parameters
    ----------
    path : the file.
    name : how messages call it; the path itself by default.

    Raises
    ------
    UnreadableError : no such file (CM005), it may not be read (CM006), not UTF-8 (CM007), not TOML (CM001, with line and column).
    """
    name = name or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except PermissionError as error:
        raise unreadable([not_opened(error, name)]) from None
    except OSError as error:
        raise unreadable([not_found(path, name, error)]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        problem = finding("CM007", "the file is not UTF-8 text", "save it as UTF-8", file=name, line=line)
        raise unreadable([problem]) from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise unreadable([_syntax(str(error), text, name)]) from None
    return TomlFile(name, text, content)


def not_found(path: Path, name: str, error: OSError) -> Finding:
    """The finding for a file that cannot be opened, with the nearest name in its folder."""
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, siblings)
    return finding(
        "CM005",
        f"{name}: {error.strerror or error}",
        f"did you mean {near[0]}?" if near else "check the path",
        file=name,
    )


def read_model(path: Path, model: type[M], name: str | None = None, **extra: object) -> M:
    """Read one TOML file into a model with closed keys; `extra` are fields that do not stand in the file.

    Raises
    ------
    UnreadableError : the file cannot be read or does not follow the model; carries every finding.
    """
    file = read_toml(path, name)
    checked, findings = validate(model, file, **extra)
    if checked is None:
        raise unreadable(findings)
    return checked


def validate(model: type[M], file: TomlFile, **extra: object) -> tuple[M | None, list[Finding]]:
    """Check the content of a file against a model: the model, or None and every finding."""
    refused = [_unknown_key(model, (key,), file) for key in extra if key in file.content]
    booleans = list(_booleans(model, file.content))
    refused += [_not_allowed(model, key, value, file) for key, value in booleans]
    try:
        checked = model.model_validate({**file.content, **extra})
    except ValidationError as error:
        told = [key for key, _ in booleans]
        return None, refused + [_explain(model, d, file) for d in error.errors() if d["loc"] not in told]
    return (None, refused) if refused else (checked, [])


def _booleans(
    model: type[BaseModel], content: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], bool]]:
    """Keys of numbers that hold true or false, which pydantic would take for 1 and 0."""
    for key, value in content.items():
        field = model.model_fields.get(key)
        if field is None:
            continue
        kinds, inner = (field.annotation, *get_args(field.annotation)), _models(field)
        if isinstance(value, Mapping):
            named = value.items() if _is_named(field) else [(None, value)]
            for kind in inner:
                for name, table in named:
                    if isinstance(table, Mapping):
                        yield from _booleans(kind, table, (*path, key) if name is None else (*path, key, name))
        elif inner and isinstance(value, list):
            for place, one in enumerate(value):
                if isinstance(one, Mapping):
                    yield from _booleans(inner[0], one, (*path, key, place))
        elif bool not in kinds:
            cells = value if isinstance(value, list) else [value]
            yield from (((*path, key), cell) for cell in cells if isinstance(cell, bool))


def _not_allowed(model: type[BaseModel], location: tuple[str | int, ...], value: bool, file: TomlFile) -> Finding:
    key, written = _shown(location), str(value).lower()
    description = _description(model, location)
    return finding(
        "CM004",
        f"`{key}` cannot be {written}",
        f"write a number or text: {description}",
        file=file.name,
        line=key_line(file.text, location),
        column=key,
        value=written,
    )


def key_line(text: str, key: Sequence[str | int]) -> int | None:
    """Line on which a key stands, or else the table that it belongs to; None if neither is found.

    A number in the key counts the tables of one name, `[[nodes]]`, from 0.

    Examples
    --------
    >>> key_line("[source]\\ntitle = 'A'\\n", ("source", "title"))
    2
    >>> key_line("[[nodes]]\\nid = 'a'\\n[[nodes]]\\nid = 'b'\\n", ("nodes", 1, "id"))
    4
    """
    wanted = ".".join(str(part) for part in key)
    table, line_of_table = "", None
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if many := re.match(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]", line):
            seen[many[1]] = seen.get(many[1], -1) + 1
            table = f"{many[1]}.{seen[many[1]]}"
            if f"{wanted}.".startswith(f"{table}."):
                line_of_table = number
        elif header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            outer, _, inner = header[1].partition(".")
            table = f"{outer}.{seen[outer]}.{inner}" if outer in seen else header[1]
            if f"{wanted}.".startswith(f"{table}."):
                line_of_table = number
        elif assignment := re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line):
            path = f"{table}.{assignment[1]}" if table else assignment[1]
            if wanted == path:
                return number
            if wanted.startswith(f"{path}."):
                line_of_table = number
    return line_of_table


def keys_of(model: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """Keys allowed in the table that `path` leads to; empty where any key is allowed.

    Examples
    --------
    >>> from capmap.model import RunFile
    >>> keys_of(RunFile, ("csv",))
    ('separator', 'decimal', 'encoding', 'null_values')
    """
    current: type[BaseModel] = model
    parts = iter([part for part in path if not isinstance(part, int)])
    for part in parts:
        field = current.model_fields.get(part)
        if field is None:
            return ()
        inner = _models(field)
        if not inner:
            closed = get_args(get_args(field.annotation)[0]) if get_args(field.annotation) else ()
            return tuple(key for key in closed if isinstance(key, str))
        if _is_named(field) and next(parts, None) is None:
            return ()
        (current,) = inner
    return tuple(name for name, field in current.model_fields.items() if not field.exclude)


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    """Models that a field holds: itself, one each in a list, or one each under a name."""
    kinds = (field.annotation, *get_args(field.annotation))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _is_named(field: FieldInfo) -> bool:
    """Whether a field holds tables under names that the user chooses, `[sources.patents]`."""
    return get_origin(field.annotation) is dict


def _syntax(message: str, text: str, name: str) -> Finding:
    place = re.search(r"\(at line (\d+), column (\d+)\)", message)
    what = message[: place.start()].strip() if place else message
    if place is None:
        line = text.count("\n") + 1
        return finding("CM001", f"{what}", "complete the last line", file=name, line=line)
    return finding(
        "CM001",
        f"{what} (column {place[2]})",
        'texts need quotes ("like this"), lists need brackets and commas, each key stands once',
        file=name,
        line=int(place[1]),
    )


def _explain(model: type[BaseModel], details: ErrorDetails, file: TomlFile) -> Finding:
    location = details["loc"]
    if "[key]" in location:
        return _unknown_key(model, location[: location.index("[key]")], file)
    if details["type"] == "extra_forbidden":
        return _unknown_key(model, location, file)
    key = _shown(location)
    line = key_line(file.text, location)
    if details["type"] == "missing":
        return finding(
            "CM003",
            f"the key `{key}` is missing",
            f"add it: {_description(model, location)}",
            file=file.name,
            line=line,
            column=key,
        )
    allowed = details["msg"].removeprefix("Value error, ")
    if details["type"] == "value_error" and isinstance(details["input"], Mapping):  # it may hold what nobody should see
        said = f"the keys of {f'`{key}`' if key else 'the file'} do not go together"
        return finding("CM004", said, allowed, file=file.name, line=line, column=key or None)
    if details["type"] in ("tuple_type", "list_type"):
        allowed = f"write a list in brackets: {_description(model, location)}"
    elif details["type"] in ("model_type", "model_attributes_type", "dict_type"):
        allowed = f"write a table: a line `[{key}]` and its keys below"
    return finding(
        "CM004",
        f"`{key or 'the file'}` cannot be {details['input']!r}" if key else allowed,
        allowed[:1].lower() + allowed[1:],
        file=file.name,
        line=line,
        column=key or None,
        value=str(details["input"]),
    )


def _unknown_key(model: type[BaseModel], location: Sequence[str | int], file: TomlFile) -> Finding:
    key = _shown(location)
    allowed = keys_of(model, location[:-1])
    near = nearest(str(location[-1]), allowed)
    return finding(
        "CM002",
        f"unknown key `{key}`",
        f"did you mean `{near[0]}`?" if near else f"allowed here: {', '.join(allowed)}",
        file=file.name,
        line=key_line(file.text, location),
        column=key,
    )


def _shown(location: Sequence[str | int]) -> str:
    """A key as messages write it, without places in lists."""
    return ".".join(str(part) for part in location if not isinstance(part, int))


def _description(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """What the field at `location` is for, from the model itself."""
    current: type[BaseModel] = model
    text = ""
    parts = iter([part for part in location if not isinstance(part, int)])
    for part in parts:
        field = current.model_fields.get(part)
        if field is None:
            break
        text = field.description or ""
        inner = _models(field)
        if inner:
            (current,) = inner
            if _is_named(field):
                next(parts, None)
    return text or "see the reference"
