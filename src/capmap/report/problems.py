"""Errors and findings in words: what, where, how to fix."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from capmap.errors import CapmapError, Finding

if TYPE_CHECKING:
    from rich.console import Console

#: Findings printed in full before the rest is counted.
SHOWN = 20
#: Severities, the gravest first, and how they are coloured.
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
#: What follows the first line of a finding stands under this.
INDENT = " " * 8


def error_lines(error: CapmapError) -> list[str]:
    """An error as lines for stderr; a list of findings is cut after SHOWN, the rest is counted."""
    findings: Sequence[Finding] = getattr(error, "findings", ())
    bad = [f for f in findings if f.severity == "error"]
    lines = [f"capmap: error: {error.message}"]
    if error.where:
        lines.append(f"  in:  {error.where}")
    if len(bad) == 1 and bad[0].message == error.message:  # the error says it already
        bad = []
    for one in bad[:SHOWN]:
        lines.append(f"  {one.code} {place(one)}{one.message}")
        lines.append(f"        fix: {one.fix}")
    if len(bad) > SHOWN:
        lines.append(f"  and {sum(one.count for one in bad[SHOWN:]):,} more: `capmap check` lists all of them")
    if error.fix and not any(one.fix == error.fix for one in bad[:SHOWN]):
        lines.append(f"  fix: {error.fix}")
    return lines


def place(one: Finding) -> str:
    """Where a finding is: `data/x.csv line 12, value: `."""
    parts = [one.file or ""]
    if one.line is not None:
        parts.append(f"{'row' if (one.file or '').endswith(('.parquet', '.pq', '.xlsx')) else 'line'} {one.line:,}")
    if one.column:
        parts.append(one.column)
    text = ", ".join(part for part in parts if part)
    return f"{text}: " if text else ""


def show_findings(console: Console, findings: Sequence[Finding], *, everything: bool) -> None:
    """Findings one under the other, errors first, with a closing line that counts them by severity.

    Without `everything` notes are left out, and what follows the first 2 x SHOWN findings.
    """
    from rich.text import Text

    ordered = [f for kind in STYLES for f in findings if f.severity == kind]
    shown = ordered if everything else [f for f in ordered if f.severity != "note"][: SHOWN * 2]
    for one in shown:
        for k, line in enumerate(finding_lines(one, console.width)):
            text = Text(line)
            if k == 0:
                text.stylize(STYLES[one.severity], 0, len(one.severity))
            console.print(text)
    if shown:
        console.print()
    for line in textwrap.wrap(closing(findings, shown), console.width):
        console.print(Text(line, style="bold"))


def finding_lines(one: Finding, width: int) -> list[str]:
    """A finding as lines: `warning CM082 data/x.csv, line 12, value: what` and, indented, `fix: how`."""
    return [
        *textwrap.wrap(f"{one.severity} {one.code} {place(one)}{one.message}", width, subsequent_indent=INDENT),
        *textwrap.wrap(f"fix: {one.fix}", width, initial_indent=INDENT, subsequent_indent=f"{INDENT}     "),
    ]


def closing(findings: Sequence[Finding], shown: Sequence[Finding]) -> str:
    """How many findings there are of each severity, how many places they stand for and how many are not shown."""
    text = ", ".join(_counted(sum(f.severity == kind for f in findings), kind) for kind in STYLES)
    places = sum(f.count for f in findings)
    if places != len(findings):
        text += f"; {_counted(len(findings), 'finding')} standing for {_counted(places, 'place')}"
    hidden = [
        _counted(n, kind)
        for kind in STYLES
        if (n := sum(f.severity == kind for f in findings) - sum(f.severity == kind for f in shown))
    ]
    return f"{text}; not shown: {', '.join(hidden)} (--all)" if hidden else text


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' if n != 1 else ''}"
