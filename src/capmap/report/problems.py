"""Errors and findings in words: what, where, how to fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capmap.errors import CapmapError, Finding

if TYPE_CHECKING:
    from rich.console import Console

#: Findings printed in full before the rest is counted.
SHOWN = 20


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
        lines.append(f"  and {len(bad) - SHOWN:,} more: `capmap check` lists all of them")
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
    """Findings as a table with a closing line that counts them by severity."""
    from rich.table import Table
    from rich.text import Text

    styles = {"error": "bold red", "warning": "yellow", "note": "dim"}
    shown = findings if everything else [f for f in findings if f.severity != "note"][: SHOWN * 2]
    if shown:
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for title in ("severity", "code", "where", "what", "fix"):
            table.add_column(title, overflow="fold")
        for one in shown:
            table.add_row(
                Text(one.severity, style=styles[one.severity]),
                *(Text(t) for t in (one.code, place(one).removesuffix(": "), one.message, one.fix)),
            )
        console.print(table)
    count = {kind: sum(f.count for f in findings if f.severity == kind) for kind in ("error", "warning", "note")}
    closing = ", ".join(f"{n:,} {kind}{'s' if n != 1 else ''}" for kind, n in count.items())
    hidden = len(findings) - len(shown)
    console.print(Text(f"{closing}" + (f"; {hidden:,} not shown: --all" if hidden else ""), style="bold"))
