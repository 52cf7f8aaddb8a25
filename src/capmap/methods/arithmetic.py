"""The functions that a printed formula may call, each on plain numbers: for those who work a figure out by hand.

`inputs` is a sequence of pairs (figure, factor) throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from capmap.methods import aggregation

Pairs = Sequence[tuple[float, float]]


def _figures(inputs: Pairs) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([figure for figure, _ in inputs], float)


def _factors(inputs: Pairs) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([factor for _, factor in inputs], float)


def total(inputs: Pairs) -> float:
    """Sum of figures times their factors.

    >>> total([(2.0, 1.0), (3.0, -1.0)])
    -1.0
    """
    return float(_figures(inputs) @ _factors(inputs))


def mean(inputs: Pairs) -> float:
    """Weighted mean, the factors being the weights; NaN without figures.

    >>> mean([(1.0, 1.0), (4.0, 2.0)])
    3.0
    """
    return total(inputs) / float(_factors(inputs).sum()) if inputs else float("nan")


def _aggregated(name: str) -> Callable[[Pairs], float]:
    def combined(inputs: Pairs) -> float:
        return float(aggregation.MEANS[name](_figures(inputs)[np.newaxis], _factors(inputs))[0])

    return combined


def _smallest(first: Any, *others: float) -> float:
    return min(first, *others) if others else float(_figures(first).min())


def _largest(first: Any, *others: float) -> float:
    return max(first, *others) if others else float(_figures(first).max())


#: What an expression may call -> how it is computed.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": total,
    "mean": mean,
    "geomean": _aggregated("geometric"),
    "harmean": _aggregated("harmonic"),
    "wmedian": _aggregated("median"),
    "mpi": _aggregated("mazziotta_pareto"),
    "pfb": _aggregated("bottleneck"),
    "median": lambda inputs: float(np.median(_figures(inputs))),
    "std": lambda inputs, ddof: float(np.std(_figures(inputs), ddof=int(ddof))),
    "min": _smallest,
    "max": _largest,
    "abs": abs,
    "ln": lambda x: float(np.log(x)),
    "sqrt": lambda x: float(np.sqrt(x)),
    "above": lambda inputs, x: int((_figures(inputs) > x).sum()),
    "below": lambda inputs, x: int((_figures(inputs) < x).sum()),
    "equal": lambda inputs, x: int((_figures(inputs) == x).sum()),
    "count": len,
    "gammaincc": lambda a, x: float(special.gammaincc(a, x)),
    "gammaincinv": lambda a, y: float(special.gammaincinv(a, y)),
    "gammainccinv": lambda a, y: float(special.gammainccinv(a, y)),
}
