"""Results that an earlier `capmap run` left in the project: taken only where they are of these very inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from capmap.data.write import origin, sha256
from capmap.model import Project

#: Folder of a project that `capmap run -o results` fills, and the list of what it holds.
FOLDER, MANIFEST = "results", "manifest.json"

State = Literal["current", "outdated", "none"]


def state(project: Project) -> State:
    """Whether the project has results, and of the same version, inputs, definitions and settings."""
    manifest = _manifest(project)
    if manifest is None:
        return "none"
    own = origin(project)
    return "current" if all(manifest.get(key) == own[key] for key in own) else "outdated"


def stored(project: Project, name: str) -> pl.DataFrame | None:
    """A table of the results by its file name without suffix; None if there is none, or not of these inputs.

    The caller asks `state` first where several tables are wanted. A file that is not as the manifest describes it
    is no result.
    """
    manifest = _manifest(project)
    if manifest is None:
        return None
    path = project.root / FOLDER / f"{name}.parquet"
    listed = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
    if path.name not in listed or not path.is_file() or sha256(path) != listed[path.name]:
        return None
    return pl.read_parquet(path)


def _manifest(project: Project) -> Mapping[str, Any] | None:
    """The manifest of the results; None where there is none, or it is not one of capmap's."""
    if project.bundled:
        return None
    try:
        content = json.loads((project.root / FOLDER / MANIFEST).read_bytes())
        return content if isinstance(content["files"], list) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
