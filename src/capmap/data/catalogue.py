"""The catalogue: one TOML file per indicator, its file name being the indicator's id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capmap.data.findings import finding, not_opened
from capmap.data.toml import read_toml, validate
from capmap.errors import Finding, UnreadableError
from capmap.model import Indicator, Kind, Source

AS_GIVEN = "as given"  #: unit of an indicator that comes without a file of its own


@dataclass(frozen=True)
class Catalogue:
    """What a folder of indicator files held."""

    indicators: dict[str, Indicator]  #: sorted by id
    files: dict[str, str]  #: id -> name of its file as shown to the user, broken ones included
    findings: tuple[Finding, ...]


def read_catalogue(folder: Path, name: str) -> Catalogue:
    """Read every `*.toml` of a folder; a broken file is a finding, and the others are read all the same."""
    if not folder.is_dir():
        missing = finding(
            "CM005",
            f"the folder of indicator files {name} is not there",
            "create it with one TOML file per indicator, or set `[data] indicators`",
            file=name,
            column="data.indicators",
        )
        return Catalogue({}, {}, (missing,))
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        return Catalogue({}, {}, (not_opened(error, name),))
    indicators: dict[str, Indicator] = {}
    files: dict[str, str] = {}
    findings: list[Finding] = []
    for path in paths:
        file = files[path.stem] = f"{name.rstrip('/')}/{path.name}"
        try:
            indicator, problems = validate(Indicator, read_toml(path, file), id=path.stem)
        except UnreadableError as error:
            findings += error.findings
            continue
        findings += problems
        if indicator is not None:
            indicators[path.stem] = indicator
    return Catalogue(indicators, files, tuple(findings))


def as_given(identifier: str, kind: Kind, file: str, *, sectors: bool) -> Indicator:
    """The indicator of a file that comes without a catalogue: only its kind is known."""
    return Indicator(
        id=identifier,
        name=identifier,
        kind=kind,
        unit=AS_GIVEN,
        stage="context",
        direction=1,
        classification="as_found" if sectors else "none",
        source=Source(title=file),
        denominator="external: not given" if kind == "intensity" else None,
    )
