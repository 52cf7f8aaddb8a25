from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmap.data import load
from capmap.data.matrix import Matrix

from .projects import Build

LONG = pl.DataFrame(
    {"region": ["B", "A", "A"], "sector": ["x", "y", "x"], "value": [1.0, None, 3.0]},
    schema_overrides={"region": pl.Enum(["A", "B", "C"]), "sector": pl.Enum(["_T", "x", "y"])},
)


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(("absent", "cell"), [("zero", 0.0), ("missing", np.nan)])
def test_absent_rows_and_null_values_are_different_things(absent: str, cell: float, text: bool) -> None:
    frame = LONG.cast({"region": pl.String, "sector": pl.String}) if text else LONG
    matrix = Matrix.from_frame(frame, absent=absent)  # type: ignore[arg-type]
    assert (matrix.regions, matrix.sectors, matrix.shape) == (("A", "B"), ("x", "y"), (2, 2))
    np.testing.assert_array_equal(matrix.values, [[3.0, np.nan], [1.0, cell]])


def test_labels_can_be_chosen_in_any_order() -> None:
    matrix = Matrix.from_frame(LONG, absent="zero", regions=["C", "A"], sectors=["y", "x", "z"])
    np.testing.assert_array_equal(matrix.values, [[0, 0, 0], [np.nan, 3, 0]])
    assert (matrix.regions, matrix.sectors) == (("C", "A"), ("y", "x", "z"))


def test_no_rows_give_an_empty_matrix() -> None:
    assert Matrix.from_frame(LONG.head(0), absent="zero").shape == (0, 0)
    assert Matrix.from_frame(LONG.head(0), absent="zero", regions=["A"], sectors=["x"]).values.tolist() == [[0.0]]


def test_doubles_and_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        Matrix.from_frame(pl.concat([LONG, LONG]), absent="zero")
    with pytest.raises(ValueError, match="given twice"):
        Matrix.from_frame(LONG, absent="zero", regions=["A", "A"])
    with pytest.raises(ValueError, match="the labels"):
        Matrix(np.zeros((2, 2)), ("A",), ("x",))
    with pytest.raises(ValueError, match="rca has shape"):
        Matrix(np.zeros((1, 1)), ("A",), ("x",)).to_frame(rca=np.zeros((1, 2)))


def test_values_cannot_be_changed_and_the_argument_stays_as_it_is() -> None:
    values = np.zeros((1, 1))
    matrix = Matrix(values, ("A",), ("x",))
    with pytest.raises(ValueError, match="read-only"):
        matrix.values[0, 0] = 1.0
    assert values.flags.writeable


def test_a_matrix_goes_back_to_rows_that_join_with_the_observations(build: Build) -> None:
    frame = load(build()).observations
    matrix = Matrix.from_frame(frame, absent="zero")
    long = matrix.to_frame(
        "usd", region_type=frame.schema["region"], sector_type=frame.schema["sector"], big=matrix.values > 25
    )
    joined = frame.join(long, on=["region", "sector"])
    assert joined.height == frame.height
    assert joined["usd"].to_list() == joined["value"].to_list()
    assert long.schema["big"] == pl.Boolean


cell = st.none() | st.floats(-1e9, 1e9)


@given(st.lists(st.lists(cell, min_size=2, max_size=2), min_size=1, max_size=5))
def test_back_and_forth_is_the_identity(rows: list[list[float | None]]) -> None:
    values = np.array([[np.nan if v is None else v for v in row] for row in rows])
    matrix = Matrix(values, tuple(f"R{n}" for n in range(len(rows))), ("x", "y"))
    again = Matrix.from_frame(matrix.to_frame(), absent="missing")
    np.testing.assert_array_equal(again.values, values)
    assert again.regions == matrix.regions
