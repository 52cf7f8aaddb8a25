"""Gaps of a composite index: what is filled, by what, what never is, and that imputed values set no scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from capmap.analyses.index import index
from capmap.errors import RefusedError, UsageError
from capmap.model import Project

from .small_project import Row, describe, small_project
from .test_index_analysis import leaves, node, top

Columns = dict[str, Sequence[float | None]]
PLAIN = 'treatment = "none"\n'


def project_of(
    folder: Path, text: str, kinds: Mapping[str, str] | Iterable[str], rows: Sequence[Row], regions: Sequence[str] = ()
) -> Project:
    """A project with one index, `made`; indicators by name are scores of regions."""
    described = (
        kinds if isinstance(kinds, Mapping) else {name: describe("score", classification="none") for name in kinds}
    )
    (folder / "index").mkdir(parents=True)
    (folder / "index" / "made.toml").write_text('name = "Made up"\n' + text, encoding="utf-8")
    return small_project(folder, described, rows, regions)


def made(folder: Path, text: str, columns: Columns, regions: Sequence[str] = ()) -> Project:
    """A project of 2020 with a value per region (R00, R01, ...) of the indicators a, b, ..."""
    rows: list[Row] = [
        (name, f"R{k:02}", "_T", 2020, value) for name, values in columns.items() for k, value in enumerate(values)
    ]
    return project_of(folder, text, list(columns), rows, regions)


@pytest.mark.parametrize("how", ["mean", "median"])
def test_imputed_values_do_not_make_a_column_mostly_equal(tmp_path: Path, how: str) -> None:
    """Five known values of twelve: the outlier rule judges the five, so filling the seven others refuses nothing."""
    known = [1.0, 2.0, 4.0, 5.0, 7.0]
    columns: Columns = {"a": list(range(12)), "b": [x**2 for x in range(12)], "c": [*known, *[None] * 7]}
    project = made(tmp_path, leaves("a", "b", "c"), columns)
    found = index(project, draws=0, impute=how, steps=True).tables  # type: ignore[arg-type]
    assert found["imputation"].height == 7
    assert "mostly_equal" not in found["flags"]["flag"].to_list()
    plain = index(project, draws=0, steps=True).tables["treatment"]
    assert found["treatment"].equals(plain)


def test_imputed_values_set_no_scale(tmp_path: Path) -> None:
    """Scores of the regions that have a value are the same with and without the imputation of others."""
    columns: Columns = {"a": list(range(12)), "b": [x**2 for x in range(12)], "c": [1, 2, 4, 5, 60, *[None] * 7]}
    project = made(tmp_path, PLAIN + 'normaliser = "z_score"\n' + leaves("a", "b", "c"), columns)
    plain, filled = (top(index(project, draws=0, impute=how).tables["index"], "of_c") for how in (None, "mean"))
    assert [filled[f"R{k:02}"]["score"] for k in range(5)] == [plain[f"R{k:02}"]["score"] for k in range(5)]
    assert filled["R07"]["score"] == pytest.approx(0, abs=1e-12)  # the mean of the observed ones


def test_outlier_bounds_of_observed_values_hold_for_imputed_ones(tmp_path: Path) -> None:
    """The largest observed value is pulled in to 30; the mean of the group lies above that, and is pulled in, too."""
    values: list[float | None] = [*range(1, 11), 30, 100, None]
    regions = [f"R{k:02},,,,region,{'rich' if k in (10, 11, 12) else 'poor'}" for k in range(13)]
    columns: Columns = {"a": list(range(13)), "b": [x % 7 for x in range(13)], "c": values}
    project = made(tmp_path, leaves("a", "b") + leaves("c", imputation="group"), columns, regions=regions)
    found = index(project, draws=0, steps=True).tables
    assert found["imputation"].select("region", "value", "method").rows() == [("R12", 65.0, "group")]
    treated = found["normalisation"].filter((pl.col("region") == "R12") & (pl.col("node") == "of_c"))
    assert treated.select("treated", "score").rows() == [(30.0, 1.0)]
    assert found["treatment"].filter(pl.col("node") == "of_c")["points"].item() == 1
    own = top(found["index"], "of_c")
    assert (own["R11"]["rank"], own["R12"]["rank"], own["R10"]["rank"]) == (1, 2, 3)  # ranks are of the raw values


# Who is asked ------------------------------------------------------------------------------------------------------


def test_the_file_asks_and_the_command_has_the_last_word(tmp_path: Path) -> None:
    columns: Columns = {
        "a": [0, 1, 2, 9],
        "b": [0, 2, 4, None],
        "c": [0, 1, 8, None],
        "d": [0, 1, 2, 3],
        "e": [3, 1, 2, 3],
    }
    text = 'imputation = "mean"\nmin_coverage = 0.5\nmin_pillar = 0.5\n' + PLAIN
    text += leaves("a", "d", "e") + leaves("b") + leaves("c", imputation="median")
    project = made(tmp_path, text, columns)

    def filled(**options: Any) -> dict[str, tuple[float, str]]:
        rows = index(project, draws=0, steps=True, **options).tables["imputation"]
        return {node: (value, method) for node, value, method in rows.select("node", "value", "method").iter_rows()}

    assert filled() == {"of_b": (2.0, "mean"), "of_c": (1.0, "median")}
    assert filled(impute="median") == {"of_b": (2.0, "median"), "of_c": (1.0, "median")}
    assert filled(impute="none") == {}
    assert index(project, draws=0).meta["imputed"] == {"mean": 1, "median": 1}


def test_suppressed_and_impossible_figures_are_never_filled(tmp_path: Path) -> None:
    rows: list[Row] = [(n, f"R{k}", "_T", 2020, k + (n == "b")) for n in "abc" for k in range(4)]
    rows += [("a", "R4", "_T", 2020, 3), ("b", "R4", "_T", 2020, 1), ("c", "R4", "_T", 2020, None, "Q")]
    rows += [("a", "R5", "_T", 2020, 2), ("b", "R5", "_T", 2020, 5), ("c", "R5", "_T", 2020, None, "M")]
    rows += [("a", "R6", "_T", 2020, 2), ("b", "R6", "_T", 2020, 5), ("c", "R6", "_T", 2020, None, "L")]
    project = project_of(tmp_path, PLAIN + leaves("a", "b", "c"), "abc", rows)
    for how in ("mean", "em", "iterative", "row", "last"):
        found = index(project, draws=0, impute=how, steps=True).tables["imputation"]  # type: ignore[arg-type]
        notes = {row["region"]: (row["status"], row["note"]) for row in found.iter_rows(named=True)}
        assert notes["R4"] == (None, "suppressed"), how
        assert notes["R5"] == (None, "not_applicable"), how
        expected = {"last": (None, "no_data"), "row": ("I", "score_only")}
        assert notes["R6"] == expected.get(how, ("I", None)), how


def test_a_withheld_part_withholds_the_sum(tmp_path: Path) -> None:
    rows: list[Row] = [("a", f"R{k}", s, 2020, k + 1) for k in range(4) for s in ("x", "y")]
    rows += [("a", "R4", "x", 2020, 3), ("a", "R4", "y", 2020, None, "Q")]
    rows += [("b", f"R{k}", "_T", 2020, k) for k in range(5)] + [("c", f"R{k}", "_T", 2020, k) for k in range(5)]
    kinds = {"a": describe("count"), "b": describe("score", classification="none")}
    project = project_of(tmp_path, PLAIN + leaves("a", "b", "c"), kinds | {"c": kinds["b"]}, rows)
    found = index(project, draws=0, impute="mean", steps=True).tables
    assert (
        found["denomination"].filter((pl.col("region") == "R4") & (pl.col("node") == "of_a"))["note"].item()
        == "suppressed"
    )
    assert found["imputation"].select("region", "node", "note").rows() == [("R4", "of_a", "suppressed")]


def test_what_others_have_never_lets_a_region_pass(tmp_path: Path) -> None:
    """One of two indicators is too few, imputed or not: availability is asked first."""
    project = made(tmp_path, PLAIN + leaves("a", "b"), {"a": [0, 1, 2, 9], "b": [0, 2, 4, None]})
    found = index(project, draws=0, impute="median", steps=True).tables
    assert top(found["index"])["R03"]["note"] == "few_in_group;few_indicators"
    assert found["imputation"].is_empty()


# Over time ---------------------------------------------------------------------------------------------------------


def dated(folder: Path, text: str = "") -> Project:
    """Indicator a of four regions in 2018; R3 has none, but had in 2014 and 2016, and has again in 2020."""
    rows: list[Row] = [("a", f"R{k}", "_T", 2018, k) for k in range(3)] + [("a", "R0", "_T", 2020, 5)]
    rows += [("a", "R3", "_T", year, value) for year, value in ((2014, 1.0), (2016, 1.5), (2020, 2.5))]
    rows += [("b", f"R{k}", "_T", 2018, k**2) for k in range(4)]
    return project_of(folder, PLAIN + text + leaves("a", "b"), "ab", rows)


def test_the_last_figure_is_carried_with_its_year_and_age_and_lets_a_region_pass(tmp_path: Path) -> None:
    project = dated(tmp_path)
    assert top(index(project, year=2018, draws=0).tables["index"])["R3"]["score"] is None
    found = index(project, year=2018, draws=0, impute="last", steps=True).tables
    assert found["imputation"].select("region", "value", "status", "method", "source_year", "age").rows() == [
        ("R3", 1.5, "I", "last", 2016, 2)
    ]
    assert top(found["index"])["R3"]["coverage"] == 1.0
    assert top(found["index"])["R3"]["imputed_share"] == 0.5


def test_a_figure_that_is_too_old_is_not_carried(tmp_path: Path) -> None:
    project = dated(tmp_path)
    too_old = index(project, year=2018, draws=0, impute="last", max_age=1, steps=True).tables
    assert top(too_old["index"])["R3"]["note"] == "few_in_group;few_indicators"
    exactly = index(project, year=2018, draws=0, impute="last", max_age=2, steps=True).tables
    assert top(exactly["index"])["R3"]["score"] is not None
    strict = dated(tmp_path / "strict", "imputation_max_age = 1\nmin_coverage = 0.5\nmin_pillar = 0.5\n")
    rows = index(strict, year=2018, draws=0, impute="last", steps=True).tables["imputation"]
    assert rows.select("region", "value", "note").rows() == [("R3", None, "too_old")]
    with pytest.raises(UsageError, match="0 years or more"):
        index(project, impute="last", max_age=-1)


def test_years_apart_bounds_what_is_carried(tmp_path: Path) -> None:
    """A figure of 2016 is two years older than the index: more than `years_apart` allows, so mixing is asked for."""
    project = dated(tmp_path, "years_apart = 1\n")
    assert top(index(project, year=2018, draws=0, impute="last").tables["index"])["R3"]["score"] is None
    mixed = index(project, year=2018, draws=0, impute="last", allow_mixed_years=True)
    assert top(mixed.tables["index"])["R3"]["score"] is not None


def test_linear_is_between_two_years_and_never_beyond(tmp_path: Path) -> None:
    found = index(dated(tmp_path), year=2018, draws=0, impute="linear", steps=True).tables
    assert found["imputation"].select("region", "value", "method", "age").rows() == [("R3", 2.0, "linear", None)]
    late = index(
        dated(tmp_path / "b", "min_coverage = 0\nmin_pillar = 0\n"), year=2020, draws=0, impute="linear", steps=True
    )
    assert {row["note"] for row in late.tables["imputation"].iter_rows(named=True)} == {"outside_span"}


def test_carried_figures_are_divided_by_the_size_of_their_own_year(tmp_path: Path) -> None:
    rows: list[Row] = [("a", f"R{k}", "_T", 2018, 10 * k) for k in range(3)] + [("a", "R3", "_T", 2016, 30)]
    rows += [("size", f"R{k}", "_T", year, year - 2015) for k in range(4) for year in (2016, 2018)]
    rows += [("b", f"R{k}", "_T", 2018, k**2) for k in range(4)]
    kinds = {name: describe("value", classification="none") for name in ("a", "b", "size")}
    text = PLAIN + leaves("a", per="size") + leaves("b")
    found = index(project_of(tmp_path, text, kinds, rows), draws=0, impute="last", steps=True).tables
    assert found["imputation"]["value"].to_list() == [30.0]


# Models, groups and rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["em", "iterative"])
def test_models_stay_within_what_was_observed(tmp_path: Path, how: str) -> None:
    """b = 2 a, and the region without b has an a far above the others: the line says 40, the largest observed is 12."""
    a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 20.0]
    columns: Columns = {"a": a, "b": [2 * x if x < 10 else None for x in a], "c": [1, 5, 2, 7, 3, 1, 2]}
    found = index(made(tmp_path, PLAIN + leaves("a", "b", "c"), columns), draws=0, impute=how, steps=True)  # type: ignore[arg-type]
    assert found.tables["imputation"]["value"].to_list() == pytest.approx([12.0])


def test_a_model_with_too_few_regions_is_refused_with_a_way_out(tmp_path: Path) -> None:
    columns: Columns = {"a": [1, 2, 3], "b": [3, 1, 2], "c": [1, 5, None]}
    with pytest.raises(RefusedError, match="imputation by em: 3 units with data are too few") as caught:
        index(made(tmp_path, PLAIN + leaves("a", "b", "c"), columns), draws=0, impute="em")
    assert "--impute median" in (caught.value.fix or "")


def test_groups_are_those_named_else_the_parent_else_the_first(tmp_path: Path) -> None:
    regions = [
        "P,,,,aggregate,", "R00,,P,,region,x;rich", "R01,,P,,region,y;poor", "R02,,,,region,y;rich", "R03,,,,region,y;rich",
        "R04,,,,region,",
    ]  # fmt: skip
    columns: Columns = {"a": [0, 1, 2, 3, 4], "b": [4, 1, 2, 0, 4], "c": [1, 2, 6, None, None]}

    def values(name: str, head: str = "") -> list[tuple[str, float | None, str | None]]:
        project = made(tmp_path / name, PLAIN + head + leaves("a", "b", "c"), columns, regions=regions)
        rows = index(project, draws=0, impute="group", steps=True).tables["imputation"]
        return rows.select("region", "value", "note").rows()

    assert values("first") == [("R03", 6.0, None), ("R04", None, "no_group")]
    assert values("named", 'imputation_groups = ["rich", "y"]\n') == [("R03", 3.5, None), ("R04", None, "no_group")]
    nobody = made(tmp_path / "nobody", PLAIN + leaves("a", "b", "c"), columns)
    with pytest.raises(RefusedError, match="no region that is scored has a group"):
        index(nobody, draws=0, impute="group")


def test_row_is_the_mean_of_the_pillar_on_the_scale_and_has_no_rank_of_its_own(tmp_path: Path) -> None:
    text = PLAIN + node("p") + node("q") + leaves("a", "b", "c", parent="p") + leaves("d", parent="q")
    columns: Columns = {"a": [0, 2, 1], "b": [0, 10, 2], "c": [1, 0, None], "d": [0, 1, 9]}
    project = made(tmp_path, text, columns)
    found = index(project, draws=50, impute="row", steps=True).tables
    own = top(found["index"], "of_c")["R02"]
    assert (own["score"], own["rank"], own["note"]) == (pytest.approx((0.5 + 0.2) / 2), None, "imputed")
    assert top(found["index"], "p")["R02"]["score"] == pytest.approx(0.35)
    assert found["imputation"].select("value", "method", "note").rows() == [(None, "row", "score_only")]
    mixed = made(
        tmp_path / "mixed", text.replace('indicator = "b"', 'indicator = "b"\nnormaliser = "z_score"'), columns
    )
    with pytest.raises(RefusedError, match="of p are on unlike scales"):
        index(mixed, draws=0, impute="row")


def test_each_period_is_imputed_by_itself(tmp_path: Path) -> None:
    """The mean of 2016 is that of 2016, whatever 2018 holds."""
    rows: list[Row] = [(n, f"R{k}", "_T", y, k * (y - 2015)) for n in "abc" for k in range(5) for y in (2016, 2018)]
    rows = [row for row in rows if row[:2] != ("c", "R4")]
    project = project_of(tmp_path, PLAIN + leaves("a", "b", "c"), "abc", rows)
    both = index(project, year="all", draws=0, impute="mean", steps=True).tables["imputation"]
    assert both.select("year", "value").rows() == [(2016, 1.5), (2018, 4.5)]
