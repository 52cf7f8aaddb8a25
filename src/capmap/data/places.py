"""Which files the patterns of a project mean, and what they are called; nothing is opened."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from pathlib import Path

from capmap.data.findings import finding
from capmap.data.nearest import nearest
from capmap.errors import Finding
from capmap.model import RunFile

#: Folder of a project that holds what sources gave, in the words of the project.
FETCHED = "data/sources"
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".parquet", ".xlsx")


def source_file(name: str) -> str:
    """Where the observations of a source are, below the root of the project."""
    return f"{FETCHED}/{name}.parquet"


def find_inputs(
    run: RunFile, root: Path, staged: Mapping[str, Path] | None = None
) -> tuple[list[Path], dict[Path, str], list[Finding]]:
    """All observation files of a project: those of `[data] observations`, and one for each source.

    Parameters
    ----------
    staged : id of a source -> file that is read in the place of its own.

    Returns
    -------
    Paths sorted by their names; the files of sources with their names; and a finding (CM005, CM120) for each pattern
    and each source without a file.
    """
    matched, findings = find_files(run.data.observations, root)
    staged = staged or {}
    own = {name: staged.get(name, root / source_file(name)) for name in run.sources}
    places = {(root / source_file(name)).resolve() for name in run.sources}
    paths = [path for path in matched if path.resolve() not in places]
    names = {path: source_file(name) for name, path in own.items() if path.is_file()}
    findings += [
        finding(
            "CM120",
            f"the source {name} has not been fetched yet",
            "fetch it: capmap refresh",
            file="capmap.toml",
            column=f"sources.{name}",
        )
        for name, path in own.items()
        if path not in names
    ]
    return sorted([*paths, *names], key=lambda path: root / names.get(path, str(path))), names, findings


def find_files(patterns: Iterable[str], root: Path) -> tuple[list[Path], list[Finding]]:
    """Files that the patterns mean, sorted by path, each once.

    Parameters
    ----------
    patterns : files, folders (all files of known suffix in it) or globs (`**` included), relative to `root`.

    Returns
    -------
    Paths, and a finding (CM005) for each pattern that means no file.
    """
    paths: dict[Path, Path] = {}
    findings: list[Finding] = []
    for pattern in patterns:
        whole = root / pattern
        if whole.is_dir():
            matched = [path for path in whole.iterdir() if _is_data(path)]
        elif whole.exists():
            matched = [whole]
        else:
            matched = [root / name for name in glob.glob(pattern, root_dir=root, recursive=True)]
            matched = [path for path in matched if _is_data(path)]
        if not matched:
            findings.append(no_file(pattern, whole))
        paths |= {path.resolve(): path for path in matched}
    return sorted(paths.values()), findings


def _is_data(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES) and not path.name.startswith((".", "~$"))


def no_file(pattern: str, whole: Path) -> Finding:
    """The finding for a pattern without files, with the nearest name in the folder it points to."""
    siblings = [path.name for path in whole.parent.iterdir()] if whole.parent.is_dir() else []
    near = nearest(whole.name, siblings)
    kinds = ", ".join(SUFFIXES)
    return finding(
        "CM005",
        f"no data file at {pattern}",
        f"did you mean {near[0]}?" if near else f"name a file, a folder or a glob; read are {kinds}",
        file=pattern,
    )


def shown(path: Path, root: Path) -> str:
    """Name of a file as shown to the user: relative to the project where possible."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
