"""Frozen inputs: what a vintage was computed from, in a form that the same analyses can be run on again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import polars as pl

from capmap.data.write import json_text, sha256
from capmap.errors import UnreadableError
from capmap.model import Codes, IndexFile, Indicator, InputFile, Project, RunFile, Scale

#: Folder of a vintage, the observations in it, and everything else that the project held.
FOLDER, OBSERVATIONS, DEFINITIONS = "inputs", "observations.parquet", "definitions.json"
#: Sections of the run file that stay out: they change no figure, and a command may hold what is nobody's business.
PRIVATE = frozenset({"sources", "refresh", "watch", "results"})

Put = Callable[[str, Callable[[IO[bytes]], object]], None]


def freeze(project: Project, put: Put) -> list[str]:
    """Write a copy of what the project holds; the names of the files, relative to the vintage.

    `put(name, fill)` writes one file. Observations keep the file and the line that they came from.
    """
    names = [f"{FOLDER}/{OBSERVATIONS}", f"{FOLDER}/{DEFINITIONS}"]
    put(names[0], lambda file: project.observations.rechunk().write_parquet(file, compression="zstd"))
    put(names[1], lambda file: file.write((json_text(_definitions(project), indent=1) + "\n").encode()))
    return names


def _definitions(project: Project) -> dict[str, Any]:
    return {
        "catalogue": {name: meta.model_dump(mode="json") for name, meta in sorted(project.catalogue.items())},
        "codes": {
            "listed": project.codes.listed,
            "regions": project.codes.regions.to_dict(as_series=False),
            "classifications": {
                name: frame.to_dict(as_series=False) for name, frame in sorted(project.codes.classifications.items())
            },
        },
        "indices": {name: file.model_dump(mode="json") for name, file in sorted(project.indices.items())},
        "answers": {name: file.answers for name, file in sorted(project.indices.items()) if file.answers},
        "scales": {name: scale.model_dump(mode="json") for name, scale in sorted(project.scales.items())},
        "run": project.run.model_dump(mode="json", exclude=set(PRIVATE)),
        "origins": {key: said for key, said in sorted(project.origins.items()) if key.split(".")[0] not in PRIVATE},
        "files": [{"name": file.name, "rows": file.rows, "sha256": file.sha256} for file in project.files],
    }


def thaw(folder: Path, manifest: Mapping[str, Any]) -> Project | None:
    """The project that a vintage was computed from; None if the vintage holds no copy of it.

    Raises
    ------
    UnreadableError : the copy is not as the manifest describes it.
    """
    listed = {str(entry["name"]): entry["sha256"] for entry in manifest.get("frozen", ())}
    if not listed:
        return None
    for name in (f"{FOLDER}/{OBSERVATIONS}", f"{FOLDER}/{DEFINITIONS}"):
        path = folder / name
        if name not in listed or not path.is_file() or sha256(path) != listed[name]:
            raise UnreadableError(
                f"{path} is not as the manifest describes it", where=str(path), fix="take another vintage"
            )
    content = json.loads((folder / FOLDER / DEFINITIONS).read_bytes())
    codes = content["codes"]
    run = content["run"]
    if not run["data"]["observations"]:  # a project that lives on sources alone, and these stay out of the copy
        run["data"]["observations"] = [OBSERVATIONS]
    text = dict.fromkeys(("code", "label", "parent", "level", "role", "group"), pl.String)
    return Project(
        observations=pl.read_parquet(folder / FOLDER / OBSERVATIONS),
        catalogue={name: Indicator(id=name, **meta) for name, meta in content["catalogue"].items()},
        codes=Codes(
            pl.DataFrame(codes["regions"], schema_overrides=text),
            {name: pl.DataFrame(frame, schema_overrides=text) for name, frame in codes["classifications"].items()},
            codes["listed"],
        ),
        run=RunFile.model_validate(run),
        root=folder / FOLDER,
        files=tuple(
            InputFile(folder / FOLDER / f["name"], f["name"], f["rows"], f["sha256"]) for f in content["files"]
        ),
        origins=content["origins"],
        indices={
            name: IndexFile(id=name, answers=content["answers"].get(name, {}), **file)
            for name, file in content["indices"].items()
        },
        scales={name: Scale.model_validate(scale) for name, scale in content["scales"].items()},
    )
