"""Words of a vintage: what its columns mean and what changed in it."""

from __future__ import annotations

from capmap.model import Result
from capmap.report import diff, glossary


class Words:
    """Words of a vintage, as `operate.vintages` asks for them."""

    def column(self, command: str, table: str, column: str) -> str:
        """What a column of a result means, with its unit; empty where nothing is written down."""
        return glossary.COLUMNS.get(glossary.known(column, table, command), "")

    def changes(self, result: Result) -> str:
        """The change report as Markdown."""
        return diff.markdown(result)
