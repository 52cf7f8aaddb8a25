"""Numbers as people read them: the only place that rounds, groups digits or says per cent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Shown where there is no number.
NOTHING = "-"


def amount(value: float | None) -> str:
    """A count or value with thousands separators; decimals only for small numbers.

    >>> amount(81336.0), amount(1076.34), amount(23.4), amount(0.5), amount(None)
    ('81,336', '1,076', '23.4', '0.5', '-')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}"


def per_cent(share: float | None) -> str:
    """A share as per cent without the sign, one decimal; a small positive share is never shown as zero.

    >>> per_cent(0.1787), per_cent(0.0002), per_cent(0.0), per_cent(None)
    ('17.9', '<0.1', '0', '-')
    """
    if share is None or math.isnan(share):
        return NOTHING
    hundred = share * 100
    if 0 < hundred < 0.05:
        return "<0.1"
    return "0" if hundred == 0 else f"{hundred:.1f}"


def figure(value: float | None) -> str:
    """A figure of any size, to four significant digits, with thousands separators.

    >>> figure(1012.0), figure(0.00003456), figure(23.4567), figure(None)
    ('1,012', '3.456e-05', '23.46', '-')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def whole_per_cent(share: float | None) -> str:
    """A share as per cent with its sign, no decimals; a small positive share is never shown as zero.

    >>> whole_per_cent(0.424), whole_per_cent(0.001), whole_per_cent(0.0), whole_per_cent(None)
    ('42%', '<1%', '0%', '-')
    """
    if share is None or math.isnan(share):
        return NOTHING
    return "<1%" if 0 < share < 0.005 else f"{share * 100:.0f}%"


def index(value: float | None) -> str:
    """An index such as RCA: two decimals, one above 10, none above 100.

    >>> index(2.0772), index(13.42), index(250.4), index(None)
    ('2.08', '13.4', '250', '-')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:.2f}" if abs(value) < 9.995 else f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def written(values: Sequence[float | None], quantile: float = 0.5) -> Callable[[float | None], str]:
    """How to write the numbers of one column: all to the same decimals, two digits for the number at `quantile`.

    No decimals where all are whole or that number is above 100, else two, and up to eight for small ones.

    >>> [written([-1.104, 2.399, None])(v) for v in (-1.104, 2.399, None)], written([3.0, 1.0])(3.0)
    (['-1.10', '2.40', '-'], '3')
    >>> written([0.000172, 0.00002, 0.0003])(0.000172), written([0.0, 0.0])(0.0)
    ('0.00017', '0')
    """
    known = sorted(abs(v) for v in values if v is not None and math.isfinite(v))
    sizes = [v for v in known if v > 0]
    typical = sizes[int(len(sizes) * quantile)] if sizes else 0.0
    whole = typical >= 100 or all(v == int(v) for v in known)
    places = 0 if whole else min(max(2, 1 - math.floor(math.log10(typical))), 8)
    return lambda value: NOTHING if value is None or math.isnan(value) else f"{value:,.{places}f}"


def interval(low: float | None, high: float | None) -> str:
    """A range of an index.

    >>> interval(1.388, 1.584), interval(None, 2.0)
    ('1.39-1.58', '-')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return NOTHING
    return f"{index(low)}-{index(high)}"


def signed_interval(low: float | None, high: float | None) -> str:
    """A range of an index that may be negative: a dash between two numbers would be read as a sign.

    >>> signed_interval(-0.18, 1.33), signed_interval(None, 2.0)
    ('-0.18 to 1.33', '-')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return NOTHING
    return f"{index(low)} to {index(high)}"


def whole_interval(low: int | None, high: int | None) -> str:
    """A range of whole numbers, such as ranks.

    >>> whole_interval(2, 19), whole_interval(None, None)
    ('2-19', '-')
    """
    return NOTHING if low is None or high is None else f"{low}-{high}"


def share(value: float | None) -> str:
    """A share between 0 and 1, two decimals.

    >>> share(0.6269), share(None)
    ('0.63', '-')
    """
    return NOTHING if value is None or math.isnan(value) else f"{value:.2f}"


def share_interval(low: float | None, high: float | None) -> str:
    """A range of a share.

    >>> share_interval(0.477, 0.64), share_interval(None, None)
    ('0.48-0.64', '-')
    """
    return NOTHING if low is None or high is None else f"{share(low)}-{share(high)}"


def change(value: float | None) -> str:
    """A relative change as per cent with its sign.

    >>> change(0.091), change(-0.0221), change(None)
    ('+9.1%', '-2.2%', '-')
    """
    return NOTHING if value is None or math.isnan(value) else f"{value * 100:+.1f}%"


def signed(value: float | None) -> str:
    """A difference of scores with its sign, two decimals, never a bare zero for less than nothing.

    >>> signed(0.251), signed(-0.004), signed(0.0), signed(None)
    ('+0.25', '-0.00', '0', '-')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:+.2f}" if value else "0"


def count(value: float | None) -> str:
    """A whole number.

    >>> count(12), count(None)
    ('12', '-')
    """
    return NOTHING if value is None else f"{value:,.0f}"


def probability(value: float | None) -> str:
    """A probability with two decimals, never rounded up to certainty.

    >>> probability(0.9999), probability(0.5), probability(0.001)
    ('>0.99', '0.50', '<0.01')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return ">0.99" if value > 0.995 else "<0.01" if value < 0.005 else f"{value:.2f}"


def percentile(share: float | None) -> str:
    """A position among regions, 0 to 100, no decimals.

    >>> percentile(0.953), percentile(None)
    ('95', '-')
    """
    return NOTHING if share is None or math.isnan(share) else f"{share * 100:.0f}"


def rank(place: int | None, n: int | None = None) -> str:
    """A rank, with the number of those ranked where it is known: `3/32`."""
    if place is None:
        return NOTHING
    return f"{place}/{n}" if n else str(place)


def millions(people: float | None) -> str:
    """People in millions: `51.6 m`."""
    return NOTHING if people is None else f"{people / 1e6:,.1f} m" if people >= 1e5 else f"{people:,.0f}"


@dataclass(frozen=True)
class Symbols:
    """Marks that stand beside words, so that colour never carries meaning alone."""

    lasting: str
    recent: str
    lost: str
    large: str
    uncertain: str
    below: str
    unjudged: str
    slight: str
    warning: str
    spark: str

    def sparkline(self, values: Sequence[float | None]) -> str:
        """One mark per value, lowest to highest; a blank where the value is missing, a middle mark if all are equal."""
        known = [v for v in values if v is not None and not math.isnan(v)]
        if not known:
            return ""
        low, high = min(known), max(known)
        steps = len(self.spark) - 1

        def mark(value: float | None) -> str:
            if value is None or math.isnan(value):
                return " "
            return self.spark[round((value - low) / (high - low) * steps) if high > low else steps // 2]

        return "".join(mark(v) for v in values)


UNICODE = Symbols("●", "◐", "▽", "■", "○", "–", "◎", "◌", "!", "▁▂▃▄▅▆▇█")
ASCII = Symbols("*", "+", "v", "#", "?", "-", "o", "~", "!", "_.-~^")


def symbols(encoding: str | None, ascii_only: bool = False) -> Symbols:
    """Marks that the output can show."""
    if ascii_only:
        return ASCII
    try:
        "".join((UNICODE.lasting, UNICODE.recent, UNICODE.lost, UNICODE.large, UNICODE.unjudged, UNICODE.spark)).encode(
            encoding or "ascii"
        )
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
