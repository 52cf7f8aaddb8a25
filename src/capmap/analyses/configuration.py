"""Which settings hold, and where each came from? (`capmap config`)"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import polars as pl
from pydantic import BaseModel

from capmap.data.fetch import shown
from capmap.model import Project, Result, RunFile


def config(project: Project) -> Result:
    """Every setting with its value (as TOML or JSON would write it), its origin and what it means.

    Returns
    -------
    Result with table `config`: `key, value, origin, meaning`; origin is `flag`, `environment NAME`, the run file
    or `default`.
    """
    rows = [
        {"key": key, "value": json.dumps(value, ensure_ascii=False), "origin": _origin(project, key),
         "meaning": meaning}
        for key, value, meaning in _leaves(project.run, RunFile)
    ]  # fmt: skip
    schema = {"key": pl.String, "value": pl.String, "origin": pl.String, "meaning": pl.String}
    return Result("config", {"config": pl.DataFrame(rows, schema=schema, orient="row")}, {"command": "config"})


def _origin(project: Project, key: str) -> str:
    """Where a setting came from; all of a table `[sources.ID]` came from one place."""
    return project.origins.get(key) or project.origins.get(".".join(key.split(".")[:2]), "default")


def _leaves(values: BaseModel, model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object, str]]:
    for name, described in model.model_fields.items():
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, type(value), f"{prefix}{name}.")
        elif isinstance(value, Mapping) and any(isinstance(one, BaseModel) for one in value.values()):
            for key, one in value.items():
                yield from _leaves(one, type(one), f"{prefix}{name}.{key}.")
        else:
            yield f"{prefix}{name}", shown(value) if isinstance(value, str) else value, described.description or ""
