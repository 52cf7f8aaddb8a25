"""Frozen scales of composite indices: `index/<id>.scale.json`, one file per index, sealed with a hash over its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from capmap.data.findings import finding, not_opened
from capmap.data.write import atomic, plain
from capmap.errors import Finding, UsageError
from capmap.model import Project, Scale

#: What the name of a file ends in, after the id of the index.
SUFFIX = ".scale.json"
#: Digits of the hash that readers are shown.
SHOWN = 7


@dataclass(frozen=True)
class Scales:
    """What a folder held: the scales without a fault, by the id of their index."""

    scales: dict[str, Scale]
    findings: tuple[Finding, ...]


def read_scales(folder: Path, name: str, indices: Iterable[str]) -> Scales:
    """Read the frozen scales of a folder of index files, if it is there; one with a fault is a finding and left out."""
    known = set(indices)
    scales: dict[str, Scale] = {}
    findings: list[Finding] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return Scales({}, ())  # that the folder cannot be opened was said with the index files
    for path in paths:
        shown, index = f"{name.rstrip('/')}/{path.name}", path.name.removesuffix(SUFFIX)
        try:
            text = path.read_bytes()
        except OSError as error:
            findings.append(not_opened(error, shown))
            continue
        scale, said = _checked(text, index)
        if scale is None:
            fix = f"put the file back as it was, or delete it and make it anew: capmap index {index} --freeze"
            findings.append(finding("CM140", f"the frozen scale {said}", fix, file=shown))
        elif index not in known:
            said = f"there is no index {index}"
            findings.append(finding("CM141", said, f"delete it, or name it after its index, {scale.index}", file=shown))
        else:
            scales[index] = scale
    return Scales(scales, tuple(findings))


def write_scale(project: Project, scale: Scale) -> Path:
    """Write the frozen scale of an index beside its file; an earlier one is replaced.

    Raises
    ------
    UsageError : the project is the sample, which belongs to the installation.
    WriteError : the file cannot be written.
    """
    if project.bundled:
        raise UsageError(
            "the sample belongs to the installation of capmap, so nothing is frozen in it",
            fix="start a project of your own with a copy: capmap init DIR",
        )
    path = project.root / project.run.data.index / f"{scale.index}{SUFFIX}"
    with atomic(path) as file:
        file.write(text(scale).encode())
    return path


def keep(project: Project, scale: Scale) -> tuple[Project, str]:
    """The project with this scale, which is written into it first, and the name of the file; see `write_scale`."""
    path = write_scale(project, scale)
    kept = replace(project, scales={**project.scales, scale.index: scale})
    return kept, f"{project.run.data.index.rstrip('/')}/{path.name}"


def text(scale: Scale) -> str:
    """The content of the file: one key, and one indicator, a line."""
    lines = []
    for key, value in _content(scale).items():
        if key == "leaves":
            rows = ",\n".join(f"    {_json(leaf)}" for leaf in value)
            lines.append(f'  "leaves": [\n{rows}\n  ]')
        else:
            lines.append(f"  {_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def sealed(content: Mapping[str, Any]) -> Scale:
    """A scale with the hash of its content."""
    draft = _content(Scale(**content, hash=""))
    return Scale(**{**content, "hash": digest(draft)})


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over all of a scale but its hash, whatever the order of its keys and however it is laid out."""
    rest = {key: value for key, value in content.items() if key != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()).hexdigest()


def _checked(raw: bytes, index: str) -> tuple[Scale | None, str]:
    """The scale that a file holds, or None and what is wrong with it."""
    try:
        content = json.loads(raw)
    except ValueError:
        return None, "is not JSON"
    if not isinstance(content, dict) or content.get("version") != 1:
        return None, "is not of a version that this capmap reads"
    try:
        if digest(content) != content.get("hash"):
            return None, "is not as it was frozen: its hash does not match its content"
        scale = Scale.model_validate(content)
    except (ValidationError, ValueError) as error:
        return None, f"does not have the keys of one ({str(error).splitlines()[0]})"
    return (scale, "") if scale.index == index else (None, f"is that of the index {scale.index}")


def _content(scale: Scale) -> dict[str, Any]:
    """As JSON values, without what is not set."""
    content: dict[str, Any] = plain(scale.model_dump(mode="json", exclude_none=True))
    return content


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
