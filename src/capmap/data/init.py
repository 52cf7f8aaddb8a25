"""Start a project: a copy of the sample, with a run file that explains every key."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from capmap.bundled import bundled, sample_project
from capmap.data.places import SUFFIXES
from capmap.data.settings import PREFIX, RUN_FILE
from capmap.errors import UsageError, WriteError
from capmap.model import RunFile


def init(target: str | Path) -> Path:
    """Copy the sample project to a new folder, all of it or nothing.

    Parameters
    ----------
    target : folder to make; it may exist if it is empty.

    Returns
    -------
    The folder, absolute.

    Raises
    ------
    UsageError : the folder holds something, or is a file.
    WriteError : it cannot be written.
    """
    folder = Path(target).absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{target} is a file", fix="name a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"the folder {target} is not empty", fix="name a new or empty folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".capmap-", dir=folder.parent) as beside:
            fresh = Path(beside) / folder.name
            _copy_sample(fresh)
            fresh.replace(folder)
    except OSError as error:
        raise WriteError(
            f"cannot write {target}: {error.strerror}", where=str(error.filename or target), fix="check the path"
        ) from None
    return folder


def _copy_sample(folder: Path) -> None:
    """The sample in the layout of a project: data, indicators and codes below one run file."""
    (folder / "data").mkdir(parents=True)
    for path in sorted(sample_project().iterdir()):
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        elif path.name.lower().endswith(SUFFIXES):
            shutil.copyfile(path, folder / "data" / path.name)
        elif path.name != RUN_FILE:
            shutil.copyfile(path, folder / path.name)
    for name in ("indicators", "index"):
        shutil.copytree(bundled() / name, folder / name)
    text = run_file({"data.observations": ("data/*.csv",)})
    (folder / RUN_FILE).write_text(text, encoding="utf-8", newline="\n")


def run_file(values: Mapping[str, object]) -> str:
    """Text of a run file: `values` set, every other key commented out with its default and what it does.

    Parameters
    ----------
    values : dotted key -> value.

    Examples
    --------
    >>> run_file({"data.observations": ("data/*.csv",)}).splitlines()[5:7]
    ['# Files, folders or globs: CSV (also .gz), Parquet, xlsx.', 'observations = ["data/*.csv"]']
    """
    head = (
        f"# {RUN_FILE}: what to read and how to measure. Keys that are commented out show their default.\n"
        f"# A flag or a variable {PREFIX}SECTION_KEY wins over this file; `capmap config` shows what holds.\n"
    )
    return head + "".join(_section(name, field, values) for name, field in RunFile.model_fields.items())


def _section(name: str, field: FieldInfo, values: Mapping[str, object]) -> str:
    model = field.annotation
    if isinstance(model, type) and issubclass(model, BaseModel):
        purpose = (model.__doc__ or "").partition(": ")[2].strip()
        lines = [line for key, inner in model.model_fields.items() for line in _key(name, key, inner, values)]
    else:
        purpose = field.description or ""
        lines = [f'# {key} = "{key}"' for key in get_args(get_args(model)[0])]
        one = get_args(model)[1]
        if isinstance(one, type) and issubclass(one, BaseModel):
            keys = [line for key, own in one.model_fields.items() for line in _key(name, key, own, {})]
            lines = [f"# [{name}.ID]", *(line.replace("# ", "#   ", 1) for line in keys)]
    return "\n".join(["", f"# {purpose[:1].upper()}{purpose[1:]}", f"[{name}]", *lines, ""])


def _key(section: str, key: str, field: FieldInfo, values: Mapping[str, object]) -> Iterator[str]:
    allowed = _allowed(field.annotation)
    yield f"# {field.description}" + (f" One of {', '.join(map(_toml, allowed))}." if allowed else "")
    dotted = f"{section}.{key}"
    if dotted in values:
        yield f"{key} = {_toml(values[dotted])}"
    elif field.is_required():
        yield f"# {key} = ...  (required)"
    elif field.default is None:
        yield f"# {key} = ...  (not set)"
    else:
        yield f"# {key} = {_toml(field.default)}"


def _allowed(annotation: Any) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers and booleans are written alike in TOML
