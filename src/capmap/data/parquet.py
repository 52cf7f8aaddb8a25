"""Parquet of which nobody knows whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl


@contextmanager
def sound() -> Iterator[None]:
    """Turn a panic of polars, which is no Exception, into a ComputeError like other damage.

    Raises
    ------
    polars.exceptions.ComputeError : polars panicked.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise pl.exceptions.ComputeError("the file is damaged") from None


def read_parquet(place: str | Path | IO[bytes], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """A Parquet file as a frame; whatever is wrong with it is a PolarsError or an OSError."""
    with sound():
        return pl.read_parquet(place, columns=None if columns is None else list(columns))
