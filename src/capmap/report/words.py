"""Sentences from results: captions, headlines and the words for classes, bands and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from capmap.report.numbers import amount, index

#: What the classes are called on screen.
CLASS_WORDS = {
    "established": "established",
    "indicated": "indicated",
    "uncertain": "uncertain",
    "below": "not specialised",
    "none": "none found",
}
BAND_WORDS = {"slight": "slight", "moderate": "moderate", "high": "high", "very_high": "very high"}
NOTE_WORDS = {
    "absent_row": "no row in the data",
    "below_floor": "too little expected to judge",
    "break": "break in the series: change not judged",
    "missing": "missing",
    "no_base": "no base to compare with",
    "no_variance_beyond_chance": "no variation beyond chance",
    "not_applicable": "not applicable",
    "one_period": "one period only",
    "partial_base": "some sectors of this region are unknown",
    "partial_world": "some regions are unknown in this sector",
    "sole_producer": "sole producer",
    "suppressed": "suppressed",
    "thin_reference": "the reference is too small to compare with",
    "no_denominator": "no denominator in the project",
}
STAGE_WORDS = {
    "knowledge": "knowledge", "technology": "technology", "scale_up": "scale-up", "production": "production",
    "market": "market", "context": "context",
}  # fmt: skip


def joined(words: Sequence[str], last: str = "and") -> str:
    """Words as a list in a sentence.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def counted(n: int, noun: str) -> str:
    """A number and what it counts: `1 region`, `5,000 regions`.

    >>> counted(1, "region"), counted(5000, "region")
    ('1 region', '5,000 regions')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def lower_first(label: str) -> str:
    """A label inside a sentence: lower case unless it starts with an abbreviation (`IT methods`).

    >>> lower_first("Food chemistry"), lower_first("IT methods for management"), lower_first("ICT sector")
    ('food chemistry', 'IT methods for management', 'ICT sector')
    """
    keep = any(c.isupper() or c.isdigit() for c in label[1:].partition(" ")[0])
    return label if keep else label[:1].lower() + label[1:]


def note(text: str | None, labels: Mapping[str, str] | None = None) -> str:
    """Reasons in words."""
    if not text:
        return ""
    said = []
    for reason in text.split(";"):
        name, _, code = reason.partition(":")
        if name == "depends_on":
            said.append(f"depends on {(labels or {}).get(code, code)}")
        else:
            said.append(NOTE_WORDS.get(name, name.replace("_", " ")))
    return "; ".join(said)


def caption(meta: Mapping[str, Any], today: int, old_after: int) -> list[str]:
    """What a reader must know to read an RCA table: a line per block, then what was skipped or has no data."""
    lines = [block_line(block, today, old_after) for block in compact(meta.get("blocks", ()))]
    rule = meta.get("parameters", {})
    kinds = {block["kind"] for block in meta.get("blocks", ())}
    if "count" in kinds:
        lines.append(
            f"counts: established if P(RCA > {index(rule['threshold'])}) >= {rule['p_established']:.2f} (one-sided; "
            f"ranges are {rule['level'] * 100:g}%, two-sided) and at least {amount(rule['min_count'])} counted; index "
            f"hidden below {amount(rule['min_expected'])} expected"
        )
    if "value" in kinds:
        lines.append(
            f"values: established if the index is at least {index(rule['threshold'])} in every year of the window"
        )
    lines += [
        f"{gap['indicator']}: no data in {gap['asked']} (has {years(gap['has'])})" for gap in meta.get("no_data", ())
    ]
    return lines


def compact(blocks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Blocks of one indicator that differ in the year only, as one block with a span of years."""
    found: dict[str, dict[str, Any]] = {}
    for block in blocks:
        if block["indicator"] in found:
            found[block["indicator"]]["last"] = block["year"]
        else:
            found[block["indicator"]] = {**block, "last": block["year"]}
    return list(found.values())


def span(block: Mapping[str, Any], today: int, old_after: int) -> str:
    """Years of a block and how old the last is: `2018 (8 years ago)`, `2008-2018 (8 years ago)`."""
    if block["year"] is None:
        return "one period"
    last = block.get("last") or block["year"]
    years = str(last) if last == block["year"] else f"{block['year']}-{last}"
    gap = age(last, today, old_after)
    return f"{years} ({gap})" if gap else years


def block_line(block: Mapping[str, Any], today: int, old_after: int) -> str:
    """One block in one line: indicator, year and age, reference, window, error, prior."""
    parts = [f"{block['indicator']} {span(block, today, old_after)}", f"reference: {block['reference']['label']}"]
    if block["window"] > 1 and block["year"] is not None:
        held = len(block["periods"])
        parts.append(f"window {block['window']} years ({held} period{'s' if held != 1 else ''} held)")
    parts.append(error(block))
    prior = block.get("prior")
    if prior and block.get("last") in (None, block["year"]):
        parts.append(f"prior alpha {index(prior['alpha'])}" if prior["alpha"] else prior["method"])
    if block.get("fractional"):
        parts.append("fractional counts: interval approximate")
    return "; ".join(parts)


def error(block: Mapping[str, Any]) -> str:
    """Which error the range of a block holds."""
    if block["kind"] != "count":
        return "range: lowest and highest year of the window" if len(block["periods"]) > 1 else "no range: one period"
    noise = block["dispersion"]
    if noise["method"] == "estimated" and noise["phi"] > 1:
        return f"range: counting error and year-to-year noise (dispersion {index(noise['phi'])})"
    reason = {
        "poisson": "",
        "too few periods": ", fewer than 3 periods to see more",
        "too few cells": ", too few cells to see more",
        "estimated": ", no noise beyond it",
    }[noise["method"]]
    return f"range: counting error only{reason}"


def years(found: Sequence[int | None]) -> str:
    """Years a series has: `2008-2018, every second year` or a list.

    >>> years([2008, 2010, 2012]), years([2023]), years([2018, 2020, 2021])
    ('2008-2012, every 2 years', '2023', '2018, 2020, 2021')
    """
    dated = [y for y in found if y is not None]
    if len(dated) < 3:
        return ", ".join(map(str, dated)) or "one period without a year"
    steps = {b - a for a, b in pairwise(dated)}
    if len(steps) > 1:
        return ", ".join(map(str, dated)) if len(dated) < 8 else f"{dated[0]}-{dated[-1]}, {len(dated)} years"
    step = steps.pop()
    return f"{dated[0]}-{dated[-1]}" + ("" if step == 1 else f", every {step} years")


def age(year: int | None, today: int, old_after: int) -> str:
    """How old a figure is, said out loud when it is older than the limit."""
    if year is None:
        return ""
    gap = today - year
    return f"{gap} year{'s' if gap != 1 else ''} ago" if gap > old_after else ""


def share_title(kind: str | None) -> str:
    """Heading of a column of shares of the reference: of the world, of the table, or of what stands for the world.

    >>> share_title("published"), share_title("sum"), share_title("mixed"), share_title("ex")
    ('world%', 'table%', 'share%', 'reference %')
    """
    return {"published": "world%", "sum": "table%", "mixed": "share%", None: "world%"}.get(kind, "reference %")


def doubt(meta: Mapping[str, Any]) -> str:
    """How the class and the range of counts differ, in a clause; empty where there are none.

    >>> doubt({"blocks": [{"kind": "count"}], "parameters": {"threshold": 1.0, "p_established": 0.9, "level": 0.95}})
    'specialised: P(RCA > 1) >= 0.90 one-sided; range 95% two-sided'
    """
    rule = meta["parameters"]
    if not any(block["kind"] == "count" for block in meta["blocks"]):
        return ""
    bar = f"{rule['threshold']:g}"
    return (
        f"specialised: P(RCA > {bar}) >= {rule['p_established']:.2f} one-sided; "
        f"range {rule['level'] * 100:g}% two-sided"
    )
