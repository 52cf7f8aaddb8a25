"""How far a figure may move before what was said of it changes: found by trying, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outcome = Callable[[float], str | None]
Floats = NDArray[np.float64]
#: Doublings of the step upwards before it is said that no rise changes anything.
DOUBLINGS = 40
#: Where nothing changes.
NOTHING: dict[str, Any] = {"keeps": None, "changes": None, "becomes": None}


def turning_points(what: str, figure: str, now: float, unit: float, outcome: Outcome) -> list[dict[str, Any]]:
    """The nearest changes of an outcome below and above a figure.

    Steps of the unit are doubled until the outcome differs, then the last interval is halved: the outcome is the same at
    `keeps` and another at `changes`, one unit further away. A fall ends at 0.

    Parameters
    ----------
    what : name of the outcome, such as `class`.
    figure : symbol of the figure.
    now : the figure, >= 0.
    unit : smallest step worth telling, > 0.
    outcome : what would be said at another figure.

    Returns
    -------
    A row for each direction; `keeps`, `changes` and `becomes` are None where nothing changes that way.

    Examples
    --------
    >>> [row["keeps"] for row in turning_points("class", "n", 10.0, 1.0, lambda n: "high" if n >= 4 else "low")]
    [4.0, None]
    """
    said = outcome(now)
    found = []
    for direction, sign in (("fall", -1.0), ("rise", 1.0)):
        row: dict[str, Any] = {
            "outcome": what,
            "direction": direction,
            "figure": figure,
            "now": now,
            "is": said,
        } | NOTHING

        def at(steps: int, sign: float = sign) -> float:
            return max(now + sign * steps * unit, 0.0)

        steps = _first(lambda k, at=at: outcome(at(k)) != said, -int(-now // unit) if sign < 0 else 1 << DOUBLINGS)  # type: ignore[misc]
        if steps is not None:
            row |= {"keeps": at(steps - 1), "changes": at(steps), "becomes": outcome(at(steps))}
        found.append(row)
    return found


def _first(differs: Callable[[int], bool], most: int) -> int | None:
    """Smallest number of steps, up to `most`, at which something differs, sought by doubling and halving."""
    if most < 1:
        return None
    low, high = 0, 1
    while not differs(min(high, most)):
        if high >= most:
            return None
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if differs(middle) else (middle, high)
    return high


def rank_points(figure: str, values: Floats, place: int, direction: int) -> list[dict[str, Any]]:
    """Where the rank of one value among others changes: at the next value behind it, and at the next one ahead.

    Ties share the smallest rank, so that the rank is kept down to the next value behind, and rises at the next one ahead.

    Parameters
    ----------
    values : (n,) of all regions, NaN where there is none; `place` is the position of the one in question.
    direction : 1 if more is better, -1 if less is.

    Examples
    --------
    >>> [row["keeps"] for row in rank_points("r", np.array([5.0, 3.0, 9.0]), 0, 1)]
    [3.0, None]
    """
    own = float(values[place])
    others = np.delete(values, place)
    others = others[~np.isnan(others)]

    def rank(value: float) -> str:
        ahead = others > value if direction == 1 else others < value
        return str(1 + int(ahead.sum()))

    row: dict[str, Any] = {"outcome": "rank", "figure": figure, "now": own, "is": rank(own)} | NOTHING
    found = []
    for name, better in (("fall", direction == -1), ("rise", direction == 1)):
        beyond = others[others > own] if name == "rise" else others[others < own]
        step = {**row, "direction": name}
        if beyond.size:
            edge = float(beyond.min() if name == "rise" else beyond.max())
            past = float(np.nextafter(edge, np.inf if name == "rise" else -np.inf))
            step |= {"changes": edge, "becomes": rank(edge)} if better else {"keeps": edge, "becomes": rank(past)}
        found.append(step)
    return found
