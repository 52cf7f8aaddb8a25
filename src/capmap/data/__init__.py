"""Files <-> frames: the catalogue, observations, code lists and checks of a project."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capmap.data.load import load as load

__all__ = ["load"]


class _Package(ModuleType):
    """A package whose `load` is the function, not the module of that name, and is imported when first asked for.

    A refresh without news reads settings and asks for sources, and must not wait for polars.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.load if name == "load" and isinstance(value, ModuleType) else value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "load":
        from capmap.data.load import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
