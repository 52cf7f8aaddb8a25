"""A project folder, or one file, -> everything an analysis may look at."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from capmap.data.catalogue import as_given, read_catalogue
from capmap.data.checks import check as run_checks
from capmap.data.codes import CodeLists, complete, missing_lists, read_codes, sectors_seen
from capmap.data.files import STDIN, Reading
from capmap.data.findings import checks_failed, finding, in_order, is_unreadable, not_opened, unreadable
from capmap.data.index import read_indices
from capmap.data.nearest import nearest
from capmap.data.observations import read_observations
from capmap.data.places import find_inputs, no_file
from capmap.data.scale import read_scales
from capmap.data.settings import RUN_FILE, locate, merge
from capmap.data.toml import TomlFile, read_toml
from capmap.data.totals import declared
from capmap.errors import Finding, UnreadableError, UsageError
from capmap.model import Indicator, Kind, Project

KINDS: tuple[Kind, ...] = get_args(Kind)


def load(
    project: str | Path | None = None,
    *,
    data: str | Path | None = None,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    check: bool = True,
) -> Project:
    """Read and check a project.

    Parameters
    ----------
    project : folder with a `capmap.toml`, or that file. None: the nearest one in the working directory or
        above it, else the sample that ships with capmap (then `Project.bundled`).
    data : instead of a project, one file of observations (`-`: CSV on standard input). It is one indicator
        named after the file, or several if it has an `indicator` column; codes are taken as found.
    kind : of the indicators in `data`: count, value, intensity or score. Needed with `data`.
    columns : our column -> its name in the files, where they differ.
    overrides : settings by dotted key (`specialisation.threshold`) that win over all others; None is unset. A region
        named as `specialisation.reference` that looks like a total (CM065) is none among the regions: see `declared`.
    environ : the environment; `os.environ` by default. `CAPMAP_SECTION_KEY` wins over `capmap.toml`.
    check : raise on findings of severity error. False: keep them in the project and read what can be read.

    Returns
    -------
    Project, its findings sorted with the errors first.

    Raises
    ------
    UsageError : the arguments contradict each other; the project named has no run file.
    UnreadableError : a file is missing or does not follow its format; carries every finding. With `check`
        false only if nothing can be read.
    ChecksFailedError : all was read but the data fail a check; carries every finding.
    """
    try:
        loaded = _loaded(project, data, kind, columns, overrides, environ)
    except OSError as error:
        raise unreadable([_not_there(error)]) from None
    return _judged(declared(loaded, loaded.run.specialisation.reference), check=check)


def _not_there(error: OSError) -> Finding:
    """The finding for what the system refuses before any file is opened."""
    if error.filename is None and isinstance(error, FileNotFoundError):
        return finding("CM005", "the working directory is not there any more", "change to another one")
    return not_opened(error, str(error.filename or "a file"))


def _loaded(
    project: str | Path | None,
    data: str | Path | None,
    kind: str | None,
    columns: Mapping[str, str] | None,
    overrides: Mapping[str, object] | None,
    environ: Mapping[str, str] | None,
) -> Project:
    settings = {**(overrides or {}), **{f"columns.{key}": name for key, name in (columns or {}).items()}}
    environ = os.environ if environ is None else environ
    if data is not None:
        if project is not None:
            raise UsageError("a project and a single data file were both named", fix="name one of them")
        return _load_file(data, kind, settings, environ)
    if kind is not None:
        raise UsageError("`kind` goes with a single data file", fix="name the file: --data FILE")
    return _load_project(locate(project), settings, environ)


def load_staged(project: Path, staged: Mapping[str, Path]) -> Project:
    """The project as it would be with other files in the place of those of its sources, read and checked as by `load`.

    Parameters
    ----------
    project : folder with a `capmap.toml`, or that file.
    staged : id of a source -> file. Findings and `Project.files` give it the name of the source's own file.
    """
    loaded = _load_project(locate(project), {}, os.environ, staged)
    return _judged(declared(loaded, loaded.run.specialisation.reference), check=True)


def _load_project(
    place: tuple[Path, bool],
    settings: Mapping[str, object],
    environ: Mapping[str, str],
    staged: Mapping[str, Path] | None = None,
) -> Project:
    path, is_sample = place
    root = path.resolve().parent
    try:
        file = read_toml(path, path.name)
    except UnreadableError as error:
        raise unreadable([*error.findings, *_catalogue_findings(root, {})]) from None
    run, origins, findings = merge(file, settings, environ)
    if run is None:
        raise unreadable([*findings, *_catalogue_findings(root, file.content)])
    catalogue = read_catalogue(root / run.data.indicators, run.data.indicators)
    lists = read_codes(root / run.data.codes, run.data.codes)
    paths, fetched, missing = find_inputs(run, root, staged)
    how = Reading(root, run.columns, run.csv, run.data.indicator, catalogue.indicators, fetched=fetched)
    observations = read_observations(paths, how, _listed(lists, catalogue.indicators))
    findings = [*catalogue.findings, *lists.findings, *missing, *observations.findings]
    findings += missing_lists(lists, catalogue.indicators, run.data.codes.rstrip("/"))
    if not observations.files and any(is_unreadable(f) for f in findings):
        raise unreadable(findings)
    codes = complete(lists, catalogue.indicators, observations.frame)
    indices = read_indices(root / run.data.index, run.data.index, catalogue.indicators, codes)
    scales = read_scales(root / run.data.index, run.data.index, indices.files)
    return Project(
        observations.frame,
        catalogue.indicators,
        codes,
        run,
        root,
        observations.files,
        (*findings, *indices.findings, *scales.findings),
        origins,
        is_sample,
        indices.indices,
        scales.scales,
    )


def _catalogue_findings(root: Path, content: Mapping[str, object]) -> Sequence[Finding]:
    """What is wrong in the other files of a project whose run file is broken, as far as they are found."""
    section = content.get("data")
    names = section if isinstance(section, Mapping) else {}
    indicators, codes = str(names.get("indicators", "indicators")), str(names.get("codes", "codes"))
    found = read_catalogue(root / indicators, indicators).findings + read_codes(root / codes, codes).findings
    return [problem for problem in found if problem.code != "CM005"]


def _load_file(
    data: str | Path, kind: str | None, settings: Mapping[str, object], environ: Mapping[str, str]
) -> Project:
    known = _kind(kind)
    path = Path(data)
    on_stdin = str(data) == STDIN
    identifier = "stdin" if on_stdin else path.name.split(".")[0]
    root = Path.cwd()
    if path.is_dir():
        raise UsageError(f"{data} is a folder", fix="name one file, or make a project: `capmap init DIR`")
    file = TomlFile(RUN_FILE, "", {"data": {"observations": [str(data)], "indicator": identifier}})
    run, origins, findings = merge(file, settings, environ)
    if run is None:
        raise unreadable(findings)
    origins = {key: "flag" if origin == RUN_FILE else origin for key, origin in origins.items()}
    how = Reading(
        root,
        run.columns,
        run.csv,
        run.data.indicator,
        sectorless=known in ("intensity", "score"),
        in_project=False,
    )
    if not on_stdin and not path.exists():
        raise unreadable([no_file(str(data), path)])
    observations = read_observations([path if on_stdin else root / path], how, {})
    if any(is_unreadable(f) for f in observations.findings):
        raise unreadable(observations.findings)
    frame = observations.frame
    sectors = sectors_seen(frame) or {identifier: set()}
    catalogue = {name: as_given(name, known, str(data), sectors=bool(seen)) for name, seen in sectors.items()}
    codes = complete(CodeLists(None, {}, ()), catalogue, frame)
    return Project(frame, catalogue, codes, run, root, observations.files, observations.findings, origins)


def _kind(kind: str | None) -> Kind:
    for known in KINDS:
        if kind == known:
            return known
    near = nearest(kind or "", KINDS)
    raise UsageError(
        "say what the numbers are" if kind is None else f"unknown kind {kind!r}",
        fix=f"did you mean {near[0]}?" if near else f"--kind {' | '.join(KINDS)}",
    )


def _listed(lists: CodeLists, catalogue: Mapping[str, Indicator]) -> dict[str, list[str]]:
    """Codes that the columns of the observations hold besides those found."""
    return {
        "region": [] if lists.regions is None else lists.regions["code"].to_list(),
        "sector": [code for frame in lists.classifications.values() for code in frame["code"]],
        "indicator": list(catalogue),
    }


def _judged(project: Project, *, check: bool) -> Project:
    """The project with the findings of all checks; raises where they are grave and `check` is on."""
    findings = in_order((*project.findings, *run_checks(project)))
    if check and any(is_unreadable(f) for f in findings):
        raise unreadable(findings)
    if check and any(f.severity == "error" for f in findings):
        raise checks_failed(findings)
    return replace(project, findings=findings)
