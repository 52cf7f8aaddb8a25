"""The bridge between a frame and an array: a region x sector table that never loses its labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.model import AbsentRows


@dataclass(frozen=True)
class Matrix:
    """A labelled table of one indicator in one period.

    `values` has shape (n_regions, n_sectors), float64, in the indicator's unit; NaN where nothing was
    observed (missing, suppressed or not applicable). It is read-only, so a table can be handed on safely.
    """

    values: NDArray[np.float64]
    regions: tuple[str, ...]
    sectors: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.regions), len(self.sectors))
        if self.values.shape != shape:
            raise ValueError(f"values have shape {self.values.shape}, the labels {shape}")
        if self.values.flags.writeable:
            frozen = self.values.view()
            frozen.flags.writeable = False
            object.__setattr__(self, "values", frozen)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of regions and of sectors."""
        return len(self.regions), len(self.sectors)

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        *,
        absent: AbsentRows,
        regions: Iterable[str] | None = None,
        sectors: Iterable[str] | None = None,
        value: str = "value",
    ) -> Matrix:
        """Spread a long frame over regions and sectors.

        Parameters
        ----------
        frame : columns `region`, `sector` (Enum or text) and `value`; each pair of codes at most once.
        absent : what a pair without a row is: `zero` -> 0, `missing` -> NaN. A row whose value is null is
            NaN whatever `absent` says.
        regions, sectors : labels and their order; rows with other codes are left out. By default the codes
            of the frame, sorted.
        value : name of the column to spread.

        Returns
        -------
        Matrix.

        Raises
        ------
        ValueError : a pair of codes has two rows, or a label is given twice.

        Examples
        --------
        >>> long = pl.DataFrame({"region": ["A", "B"], "sector": ["x", "y"], "value": [1.0, None]})
        >>> Matrix.from_frame(long, absent="zero").values.tolist()
        [[1.0, 0.0], [0.0, nan]]
        """
        rows, row_labels = _positions(frame["region"], regions)
        columns, column_labels = _positions(frame["sector"], sectors)
        kept = (rows >= 0) & (columns >= 0)
        cells = rows[kept] * len(column_labels) + columns[kept]
        numbers = frame[value].cast(pl.Float64).fill_null(np.nan).to_numpy()[kept]
        size = len(row_labels) * len(column_labels)
        if len(cells) > 1 and np.bincount(cells, minlength=1).max() > 1:
            raise ValueError("a region and sector stand in two rows; select one indicator and year first")
        values = np.full(size, 0.0 if absent == "zero" else np.nan)
        values[cells] = numbers
        return cls(values.reshape(len(row_labels), len(column_labels)), row_labels, column_labels)

    def to_frame(
        self,
        name: str = "value",
        *,
        region_type: pl.DataType | None = None,
        sector_type: pl.DataType | None = None,
        **others: NDArray[Any],
    ) -> pl.DataFrame:
        """Long frame of every cell, by region and then sector in the order of the labels.

        Parameters
        ----------
        name : column that holds `values`; NaN becomes null.
        region_type, sector_type : types of the code columns, such as `observations.schema["region"]` so that
            the result joins with the observations; by default an Enum of the labels.
        others : further (n_regions, n_sectors) arrays, a column each.

        Returns
        -------
        Frame with columns region, sector, `name` and those of `others`.

        Examples
        --------
        >>> Matrix(np.array([[1.0, np.nan]]), ("A",), ("x", "y")).to_frame().rows()
        [('A', 'x', 1.0), ('A', 'y', None)]
        """
        n_regions, n_sectors = self.shape
        arrays = {name: self.values, **others}
        for column, array in arrays.items():
            if array.shape != self.shape:
                raise ValueError(f"{column} has shape {array.shape}, not {self.shape}")
        region = pl.Series("region", self.regions, dtype=region_type or pl.Enum(self.regions))
        sector = pl.Series("sector", self.sectors, dtype=sector_type or pl.Enum(self.sectors))
        return pl.DataFrame(
            [
                region.gather(np.repeat(np.arange(n_regions, dtype=np.uint32), n_sectors)),
                sector.gather(np.tile(np.arange(n_sectors, dtype=np.uint32), n_regions)),
                *(
                    pl.Series(column, np.ascontiguousarray(array).ravel(), nan_to_null=array.dtype.kind == "f")
                    for column, array in arrays.items()
                ),
            ]
        )


def _positions(codes: pl.Series, labels: Iterable[str] | None) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Position of each code among the labels (-1: not among them), and the labels."""
    if labels is None:
        order: Sequence[str] = sorted(codes.drop_nulls().unique().cast(pl.String).to_list())
    else:
        order = list(labels)
        if len(set(order)) < len(order):
            raise ValueError("a label is given twice")
    if isinstance(codes.dtype, pl.Enum) and codes.null_count() == 0:
        # integer codes of the column -> positions, by a table as long as the code list
        place = {label: position for position, label in enumerate(order)}
        table = np.array([place.get(code, -1) for code in codes.dtype.categories], dtype=np.intp)
        return table[codes.to_physical().to_numpy()], tuple(order)
    numbers = codes.cast(pl.String).replace_strict(order, range(len(order)), default=-1, return_dtype=pl.Int64)
    return numbers.fill_null(-1).to_numpy().astype(np.intp), tuple(order)
