"""Results that `capmap run` or `capmap refresh` left in the project: taken only where they are of these very inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl

from capmap.data.latest import pointed
from capmap.data.write import PARQUET_KEY, origin, sha256
from capmap.model import Project

#: Folder of a project that `capmap run -o results` fills, and the list of what it holds; the latest vintage of
#: `capmap refresh` is below it.
FOLDER, MANIFEST = "results", "manifest.json"

State = Literal["current", "outdated", "none"]


def state(project: Project) -> State:
    """Whether the project has results, and of the same version, inputs, definitions and settings."""
    found = list(_found(project))
    if not found:
        return "none"
    own = origin(project)
    return "current" if any(_matches(manifest, own) for _, manifest in found) else "outdated"


def stored(project: Project, name: str) -> pl.DataFrame | None:
    """A table of the results by its file name without suffix; None if there is none, or not of these inputs.

    The caller asks `state` first where several tables are wanted. A file that is not as the manifest describes it
    is no result.
    """
    path = _file(project, name)
    return None if path is None else pl.read_parquet(path)


def told(project: Project, name: str) -> Mapping[str, Any] | None:
    """The metadata of such a table; None where `stored` is, or where there are none."""
    path = _file(project, name)
    text = None if path is None else pl.read_parquet_metadata(path).get(PARQUET_KEY)
    meta = None if text is None else json.loads(text)
    return meta if isinstance(meta, dict) else None


def _file(project: Project, name: str) -> Path | None:
    """The file of a table, if it is as a manifest describes it; results of these inputs come before others."""
    own, found = origin(project), list(_found(project))
    for folder, manifest in [one for one in found if _matches(one[1], own)] or found:
        path = folder / f"{name}.parquet"
        listed = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
        if path.name in listed and path.is_file() and sha256(path) == listed[path.name]:
            return path
    return None


def _matches(manifest: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    return all(manifest.get(key) == own[key] for key in own)


def _found(project: Project) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Folders of results with their manifests, those that are capmap's: of the last run, and the latest vintage."""
    if project.bundled:
        return
    for folder in (project.root / FOLDER, pointed(project.root / FOLDER)):
        if folder is None:
            continue
        try:
            content = json.loads((folder / MANIFEST).read_bytes())
            if isinstance(content["files"], list):
                yield folder, content
        except (OSError, ValueError, TypeError, KeyError):
            continue
