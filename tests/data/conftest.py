"""Small projects on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from .projects import PLAIN, Build


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write a project: the plain one, with some files replaced, added, or (None) left out."""

    def write(changes: Mapping[str, str | bytes | None] | None = None) -> Path:
        for name, content in {**PLAIN, **(changes or {})}.items():
            if content is None:
                continue
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "project"

    return write
