"""Errors a user can mend, findings about data, and the exit codes that shell scripts branch on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Severity = Literal["error", "warning", "note"]


class ExitCode(IntEnum):
    """What the process says to the shell; documented in `docs/reference/exit-codes.md`."""

    DONE = 0  #: everything asked for was done
    BUG = 1  #: a defect in capmap
    USAGE = 2  #: a wrong argument: unknown region, an intensity in `rca`, a missing extra
    UNREADABLE = 3  #: a file or source cannot be read or is not valid
    CHECKS_FAILED = 4  #: the data fail a check of severity error
    NOTHING = 5  #: nothing to compute, or the method refuses these data
    CHANGED = 6  #: results changed (only with `--fail-on-change`)
    LOCKED = 7  #: another run holds the lock
    CANNOT_WRITE = 8  #: the target cannot be written
    INTERRUPTED = 130  #: stopped by Ctrl-C


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing wrong with, or worth knowing about, the input: what, where and how to fix it."""

    code: str  #: stable code such as `CM012`, documented in the checks reference
    severity: Severity
    message: str  #: what is the matter, with the offending value
    fix: str  #: what to do about it
    file: str | None = None
    line: int | None = None  #: line of a text file (header is 1), row of a Parquet file or sheet (first is 1)
    column: str | None = None  #: column of a table or key of a TOML file
    value: str | None = None  #: the offending value as written
    count: int = 1  #: how many places one finding stands for


class CapmapError(Exception):
    """Trouble that the user can mend: what happened, where, and how to fix it."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix


class UsageError(CapmapError):
    """The command or call asks for something that does not exist or does not fit."""

    exit_code = ExitCode.USAGE


class UnreadableError(CapmapError):
    """A file is missing, cannot be read, or does not follow its format."""

    exit_code = ExitCode.UNREADABLE

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(message, where=where, fix=fix)
        self.findings = tuple(findings)


class ChecksFailedError(CapmapError):
    """The data fail one or more checks of severity error; carries every finding."""

    exit_code = ExitCode.CHECKS_FAILED

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        errors = sum(f.severity == "error" for f in self.findings)
        super().__init__(
            f"the data fail {errors:,} check{'s' if errors != 1 else ''}",
            fix="mend the rows named, or see all findings with `capmap check`",
        )


class RefusedError(CapmapError):
    """There is nothing to compute, or the method does not hold for these data."""

    exit_code = ExitCode.NOTHING


class LockedError(CapmapError):
    """Another run is at work on the project."""

    exit_code = ExitCode.LOCKED


class WriteError(CapmapError):
    """A result cannot be written where it was asked for."""

    exit_code = ExitCode.CANNOT_WRITE
