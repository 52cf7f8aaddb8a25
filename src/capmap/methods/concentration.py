"""Concentration: how few units (firms, suppliers, sectors) hold most of a total."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Share of the units that must be known for a concentration to be stated.
MIN_KNOWN = 2 / 3


def herfindahl(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Herfindahl-Hirschman index, HHI = sum_k s_k^2 with s_k = x_k / sum x, in [1/n, 1].

    Parameters
    ----------
    x : array of values or shares >= 0 (they are divided by their sum, so either will do); NaN = missing.
    axis : axis along which the units lie.
    min_known : smallest share of the units that must be known, in [0, 1]. Set 0 where NaN only pads rows of
        unequal length.

    Returns
    -------
    Array without that axis (0-dimensional for a vector); 1 = a single unit holds everything, 1/n = n equal
    units. Missing units are left out and the shares of the others add up to 1, which overstates the
    concentration unless a large unit is the one that is hidden. NaN where fewer than `min_known` of the units
    are known, or their sum is 0. A true 0 is a unit with nothing and changes no sum.

    Raises
    ------
    ValueError : `x` holds a negative or infinite value, or `min_known` is outside [0, 1].

    References
    ----------
    Hirschman (1945), National Power and the Structure of Foreign Trade; Herfindahl (1950), Concentration in the
    Steel Industry. Worked example: Doersam (2004), Wirtschaftsstatistik anschaulich dargestellt.

    Examples
    --------
    0.2^2 + 0.5^2 + 0.2^2 + 0.1^2:

    >>> round(float(herfindahl(np.array([20.0, 50.0, 20.0, 10.0]))), 10)
    0.34
    """
    index, _ = _index(x, axis, min_known)
    return index


def herfindahl_normalised(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Normalised Herfindahl-Hirschman index, (HHI - 1/n) / (1 - 1/n), in [0, 1].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`. n is the number of known units, those with 0 among them.

    Returns
    -------
    Array without that axis; 0 = all known units equal, 1 = one holds everything. NaN as in `herfindahl`, and
    with fewer than two known units, where there is nothing to compare.

    Raises
    ------
    ValueError : as `herfindahl`.

    Examples
    --------
    (0.34 - 0.25) / 0.75, after Doersam (2004):

    >>> round(float(herfindahl_normalised(np.array([20.0, 50.0, 20.0, 10.0]))), 10)
    0.12
    """
    index, n = _index(x, axis, min_known)
    several = n > 1
    even = 1.0 / np.where(several, n, 2)
    return np.where(several, np.clip((index - even) / (1.0 - even), 0.0, 1.0), np.nan)


def effective_number(x: Floats, *, axis: int = -1, min_known: float = MIN_KNOWN) -> Floats:
    """Effective number of units, 1 / HHI: how many equal units would be as concentrated, in [1, n].

    Parameters
    ----------
    x, axis, min_known : as `herfindahl`.

    Returns
    -------
    Array without that axis; NaN as in `herfindahl`.

    Raises
    ------
    ValueError : as `herfindahl`.

    References
    ----------
    Adelman (1969), Review of Economics and Statistics 51(1), 99-101.

    Examples
    --------
    1 / 0.34, after Doersam (2004):

    >>> round(float(effective_number(np.array([20.0, 50.0, 20.0, 10.0]))), 6)
    2.941176
    """
    index, _ = _index(x, axis, min_known)
    return np.asarray(1.0 / index)


def _index(x: Floats, axis: int, min_known: float) -> tuple[Floats, NDArray[np.intp]]:
    """HHI and number of known units along `axis`."""
    if not 0 <= min_known <= 1:
        raise ValueError(f"min_known must be in [0, 1], not {min_known}")
    if ((x < 0) | np.isinf(x)).any():
        raise ValueError("x must be finite and >= 0 (NaN = missing)")
    known = ~np.isnan(x)
    n = known.sum(axis=axis)
    total = np.nansum(x, axis=axis, keepdims=True)
    shares = np.divide(x, total, out=np.zeros(x.shape), where=known & (total > 0))
    index = np.minimum((shares**2).sum(axis=axis), 1.0)
    enough = n >= min_known * x.shape[axis] - 1e-9  # 2/3 of 3 units is 2 units, whatever the round-off
    return np.where(enough & (index > 0), index, np.nan), n
