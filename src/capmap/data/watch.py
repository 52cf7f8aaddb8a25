"""Watch rules of a run file: what they mean, and what is wrong with them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from capmap.data.findings import finding
from capmap.data.nearest import did_you_mean
from capmap.errors import Finding
from capmap.model import Codes, Indicator, WatchRule

SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "=": operator.eq,
    "!=": operator.ne,
}  # fmt: skip
_CONDITION = re.compile(r"\s*(?:([a-z_]+)\s*)?(?:(<=|>=|==|!=|<|>|=)\s*(\S+)\s*)?")


@dataclass(frozen=True)
class Watched:
    """Where a measure stands: of which compared measure, and in which of its columns."""

    measure: str
    column: str
    instead: tuple[str, ...] = ()  #: measures that have such a column too, for other kinds of indicators


#: Measures that a rule may name.
MEASURES = {
    "rca": Watched("rca", "value"),
    "class": Watched("rca", "class"),
    "rank": Watched("rca", "rank", ("intensity", "eci", "score")),
    "intensity": Watched("intensity", "value"),
    "eci": Watched("eci", "value"),
    "eci_rank": Watched("eci", "rank"),
    "density": Watched("density", "value"),
    "quadrant": Watched("density", "class"),
    "score": Watched("score", "value"),
}
#: Measures of a region as a whole, which have no sector, and those that are of a sector in any case.
OF_REGIONS = ("eci", "eci_rank")
OF_CELLS = ("rca", "class", "density", "quadrant")
WORDS = ("class", "quadrant")  #: measures that are words


@dataclass(frozen=True)
class Condition:
    """A condition as it is understood: a measure, a sign and a bound, or a measure alone (any change)."""

    measure: str
    sign: str | None
    bound: float | str | None

    def holds(self, value: Any) -> bool:
        """Whether a figure meets the condition; one that is not there does not."""
        return value is not None and self.sign is not None and bool(SIGNS[self.sign](value, self.bound))


def parsed(rule: WatchRule) -> Condition:
    """What the condition of a rule means.

    Raises
    ------
    ValueError : it cannot be understood; the text says why.

    Examples
    --------
    >>> parsed(WatchRule(region="KOR", indicator="articles", sector="A1", condition="rank > 3"))
    Condition(measure='rank', sign='>', bound=3.0)
    """
    match = _CONDITION.fullmatch(rule.condition)
    if match is None or not (match[1] or match[2]):
        raise ValueError('it is no condition, such as "< 1", "rank > 3" or "class"')
    measure = match[1] or rule.measure or "rca"
    if match[1] and rule.measure not in (None, match[1]):
        raise ValueError(f"it speaks of {match[1]} and `measure` of {rule.measure}")
    if measure not in MEASURES:
        near = did_you_mean(measure, dict.fromkeys(MEASURES, ""))
        raise ValueError(
            f"{measure} is no measure" + (f"; did you mean {near}?" if near else f": {', '.join(MEASURES)}")
        )
    if match[2] is None:
        return Condition(measure, None, None)
    if measure in WORDS:
        if match[2] not in ("==", "=", "!="):
            raise ValueError(f"{measure} is a word: use == or !=")
        return Condition(measure, match[2], match[3])
    try:
        return Condition(measure, match[2], float(match[3]))
    except ValueError:
        raise ValueError(f"{match[3]} is not a number") from None


def measure_of(name: str) -> Watched:
    """Where a measure stands."""
    return MEASURES[name]


def watch_findings(
    rules: Mapping[str, WatchRule],
    catalogue: Mapping[str, Indicator],
    codes: Codes,
    indices: Mapping[str, Any],
    file: str,
) -> Iterator[Finding]:
    """Rules that watch what is not there, or whose condition cannot be understood."""
    regions = {code: label or "" for code, label in codes.regions.select("code", "label").iter_rows()}
    for name, rule in rules.items():
        at = f"watch.{name}"
        try:
            yield from _misplaced(at, rule, parsed(rule).measure, file)
        except ValueError as error:
            yield finding(
                "CM130", f"the condition {rule.condition!r} of {at}: {error}",
                'write it as "< 1", "rank > 3", "class != established" or "class"', file=file,
                column=f"{at}.condition", value=rule.condition,
            )  # fmt: skip
        known = {**{i: m.name for i, m in catalogue.items()}, **{i: f.name for i, f in indices.items()}}
        yield from _unknown(at, "indicator", rule.indicator, known, file)
        yield from _unknown(at, "region", rule.region, regions, file)
        meta = catalogue.get(rule.indicator)
        if meta is not None and rule.sector is not None:
            listed = codes.classifications.get(meta.classification)
            if listed is not None:
                labels = {code: label or "" for code, label in listed.select("code", "label").iter_rows()}
                yield from _unknown(at, "sector", rule.sector, labels | {"_T": "total"}, file)


def _misplaced(at: str, rule: WatchRule, measure: str, file: str) -> Iterator[Finding]:
    """A sector for a measure that has none, or none for a measure that needs one: such a rule would never be met."""
    if rule.sector is not None and measure in OF_REGIONS:
        said, fix = f"{at} names a sector, and {measure} is of a region as a whole", "take `sector` out"
    elif rule.sector is None and measure in OF_CELLS:
        said, fix = f"{at} names no sector, and {measure} is of a region in a sector", 'add `sector = "..."`'
    else:
        return
    yield finding("CM130", said, fix, file=file, column=f"{at}.sector", value=rule.sector)


def _unknown(at: str, what: str, code: str, known: Mapping[str, str], file: str) -> Iterator[Finding]:
    if code in known:
        return
    near = did_you_mean(code, known)
    yield finding(
        "CM131", f"{at} watches the {what} {code!r}, which is not in this project",
        f"did you mean {near}?" if near else f"name a {what} of this project, or take the rule out", file=file,
        column=f"{at}.{what}", value=code,
    )  # fmt: skip
