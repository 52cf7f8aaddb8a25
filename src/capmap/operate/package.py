"""What a folder of results is, in the words of two standards: Frictionless Data Package and W3C PROV-JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from capmap.data.write import json_text, plain
from capmap.model import Project

#: (command, table, column) -> meaning.
Describe = Callable[[str, str, str], str]

MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
HOME = "urn:capmap:"


def data_package(
    project: Project,
    name: str,
    created: str,
    files: Sequence[Mapping[str, Any]],
    schemas: Mapping[tuple[str, str], pl.Schema],
    folder: Path,
    describe: Describe | None = None,
) -> dict[str, Any]:
    """A Frictionless Data Package (version 1) of a folder of results.

    Parameters
    ----------
    name, created : of the package; the moment as ISO 8601.
    files : entries of the manifest.
    schemas : (command, table) -> types of its columns.
    folder : where the files are.
    describe : what a column means, with its unit; without it fields have a name and a type.

    Returns
    -------
    JSON values. CSV files are described field by field; the Parquet files beside them hold the same rows.
    """
    return {
        "profile": "data-package",
        "name": _slug(name),
        "title": "Results of capmap",
        "created": created,
        "licenses": _licences(project) or [{"name": "not-stated", "title": "no indicator states terms of use"}],
        "sources": _sources(project),
        "indicators": [
            {"id": key, "name": meta.name, "kind": meta.kind, "unit": meta.unit, "licence": meta.source.licence}
            for key, meta in sorted(project.catalogue.items())
        ],
        "resources": [_resource(entry, schemas, folder, describe) for entry in files],
    }


def _resource(
    entry: Mapping[str, Any],
    schemas: Mapping[tuple[str, str], pl.Schema],
    folder: Path,
    describe: Describe | None,
) -> dict[str, Any]:
    stem, _, suffix = str(entry["name"]).rpartition(".")
    command, table = str(entry["command"]), str(entry["table"])
    about: dict[str, Any] = {
        "name": _slug(stem if suffix == "csv" else f"{stem}-{suffix}"),
        "path": entry["name"],
        "format": suffix,
        "mediatype": MEDIA[suffix],
        "bytes": (folder / str(entry["name"])).stat().st_size,
        "hash": f"sha256:{entry['sha256']}",
    }
    if suffix != "csv":
        return about
    fields = [
        {"name": column, "type": _type(kind)} | ({"description": describe(command, table, column)} if describe else {})
        for column, kind in schemas[command, table].items()
    ]
    about |= {"profile": "tabular-data-resource", "encoding": "utf-8"}
    return about | {"schema": {"fields": fields, "missingValues": [""]}}


def _type(kind: pl.DataType) -> str:
    if kind.is_integer():
        return "integer"
    if kind.is_float():
        return "number"
    return "boolean" if kind == pl.Boolean else "string"


def _licences(project: Project) -> list[dict[str, str]]:
    stated = sorted({meta.source.licence for meta in project.catalogue.values() if meta.source.licence})
    return [{"name": _slug(text), "title": text} for text in stated]


def _sources(project: Project) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for meta in project.catalogue.values():
        known = {"title": meta.source.title}
        if meta.source.url is not None and _is_url(meta.source.url):
            known["path"] = meta.source.url
        found.setdefault(meta.source.title, known)
    return [found[title] for title in sorted(found)]


def _is_url(text: str) -> bool:
    return re.fullmatch(r"https?://[^\s\"<>]+", text) is not None


def _slug(text: str) -> str:
    """A name as data packages allow it: small letters, digits, `.`, `_` and `-`."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-") or "unnamed"


# W3C PROV --------------------------------------------------------------------------------------------------------


def prov(manifest: Mapping[str, Any], name: str, created: str, earlier: str | None) -> dict[str, Any]:
    """PROV-JSON (W3C Member Submission of 2013) of a folder of results: what was used, and what came of it.

    Entities are the input files, the definitions and settings, and the files written; the activity is the run, the agent
    the version of capmap. An earlier vintage is what this one is a revision of.
    """
    run, agent = f"capmap:run/{_local(name)}", f"capmap:version/{_local(manifest['capmap'])}"
    whole = f"capmap:vintage/{_local(name)}"
    inputs = {
        f"capmap:input/{_local(entry['name'])}": {
            "prov:label": entry["name"], "capmap:sha256": entry["sha256"], "capmap:rows": entry["rows"],
        }
        for entry in manifest["inputs"]
    } | {
        f"capmap:definitions/{_local(key)}": {"prov:label": key, "capmap:sha256": digest}
        for key, digest in manifest["definitions"].items()
    }  # fmt: skip
    outputs = {
        f"capmap:result/{_local(name)}/{_local(entry['name'])}": {
            "prov:label": entry["name"], "capmap:sha256": entry["sha256"], "capmap:command": entry["command"],
        }
        for entry in manifest["files"]
    }  # fmt: skip
    document: dict[str, Any] = {
        "prefix": {"capmap": HOME},
        "entity": {whole: {"prov:label": name, "prov:type": _qualified("prov:Collection")}} | inputs | outputs,
        "activity": {run: {"prov:startTime": created, "prov:endTime": created, "prov:label": "capmap refresh"}},
        "agent": {agent: {"prov:type": _qualified("prov:SoftwareAgent"), "prov:label": f"capmap {manifest['capmap']}"}},
        "used": {f"_:used{k}": {"prov:activity": run, "prov:entity": one} for k, one in enumerate(inputs)},
        "wasGeneratedBy": {
            f"_:gen{k}": {"prov:entity": one, "prov:activity": run} for k, one in enumerate([whole, *outputs])
        },
        "wasAttributedTo": {
            f"_:attr{k}": {"prov:entity": one, "prov:agent": agent} for k, one in enumerate([whole, *outputs])
        },
        "wasAssociatedWith": {"_:assoc": {"prov:activity": run, "prov:agent": agent}},
        "hadMember": {f"_:member{k}": {"prov:collection": whole, "prov:entity": one} for k, one in enumerate(outputs)},
    }
    document["activity"][run] |= {
        f"capmap:parameters_{_local(one['command'])}": json_text(one["parameters"]) for one in manifest["results"]
    }
    if earlier is not None:
        before = f"capmap:vintage/{_local(earlier)}"
        document["entity"][before] = {"prov:label": earlier}
        document["wasDerivedFrom"] = {
            "_:revision": {
                "prov:generatedEntity": whole, "prov:usedEntity": before, "prov:type": _qualified("prov:Revision"),
            }
        }  # fmt: skip
    found: dict[str, Any] = plain(document)
    return found


def _local(text: object) -> str:
    """The local part of a name: whatever has a meaning in names or addresses is escaped."""
    return quote(str(text), safe="")


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}
