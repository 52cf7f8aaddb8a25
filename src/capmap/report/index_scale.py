"""What a reader must know of imputed figures and of a frozen scale: sentences under the tables of an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capmap.model import Result
from capmap.report import words

#: Ways to impute, in words.
IMPUTED = {
    "mean": "mean", "median": "median", "group": "mean of the group", "row": "mean of the pillar",
    "last": "last figure carried forward", "linear": "between two years", "em": "EM", "iterative": "regressions",
    "source": "by the source",
}  # fmt: skip
#: Digits of a hash that are shown.
DIGITS = 7


def scale(meta: Mapping[str, Any]) -> str:
    """Normalisers, and the hash of the scale where it is frozen."""
    said = f"normaliser {', '.join(meta['normalisers'])}".replace("_", "-")
    return said if meta["scale"]["hash"] is None else f"{said}; scale frozen, {meta['scale']['hash'][:DIGITS]}"


def caption(result: Result) -> list[str]:
    """How many figures are imputed and how, what did not arrive, and which figures lie outside the scale."""
    return [*_imputed(result.meta), *_outside(result.meta)]


def _imputed(meta: Mapping[str, Any]) -> list[str]:
    asked = meta["imputation"]
    if not asked:
        return []
    counts, left = meta["imputed"], meta["unfilled"]
    n = sum(counts.values())
    rest = f"; {left} gap{'s' if left != 1 else ''} left" if left else ""
    if n:
        how = words.joined([f"{count} {IMPUTED[name]}" for name, count in counts.items()])
        lines = [f"imputed: {n} figure{'s' if n != 1 else ''} of scored regions ({how}){rest}"]
    else:
        lines = [f"imputed: nothing{rest or ', as the scored regions have no gap'}"]
    for name, told in meta["not_converged"].items():
        lines.append(f"imputation by {name} did not settle in {told['iterations']} rounds")
    return lines


def _outside(meta: Mapping[str, Any]) -> list[str]:
    """Figures beyond those that set the scale, or beyond goalposts, by indicator."""
    found = meta["scale"]["outside"]
    if not found:
        return []
    said = []
    for node, counts in found.items():
        sides = [f"{n} {side}" for side, n in counts.items() if n]
        said.append(f"{meta['names'][node]} ({', '.join(sides)})")
    what = "the frozen scale" if meta["scale"]["hash"] is not None else "the scale"
    return [f"outside {what}: {', '.join(said)}"]
