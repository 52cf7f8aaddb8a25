"""Files <-> frames: the catalogue, observations, code lists and checks of a project."""

from __future__ import annotations

from capmap.data.load import load

__all__ = ["load"]
