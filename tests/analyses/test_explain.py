"""Every number explained is the one of its table, follows from the figures told, and changes where it is said to."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy import special

from capmap.analyses import complexity, relatedness, selection, specialisation
from capmap.analyses.explain import MEASURES, explain
from capmap.analyses.explanation import complexity as explain_complexity
from capmap.analyses.explanation import intensity as explain_intensity
from capmap.analyses.explanation import rca as explain_rca
from capmap.analyses.explanation import table as explain_table
from capmap.analyses.explanation.parts import changed
from capmap.analyses.index import index
from capmap.analyses.index import robustness as index_robustness
from capmap.analyses.intensity import intensity
from capmap.analyses.normalise import normalise
from capmap.data.write import render, stamped
from capmap.errors import UsageError
from capmap.methods import aggregation
from capmap.model import Project, Result
from capmap.report import explain as report
from tests.analyses.made import made, one_year, table
from tests.analyses.small_project import describe, small_project
from tests.conftest import RunCapmap

RTOL = 1e-9


def pairs(inputs: list[tuple[float, float]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Figures and factors as arrays."""
    return np.array([v for v, _ in inputs]), np.array([f for _, f in inputs])


def by_hand() -> dict[str, Any]:
    """The functions of formulas, written again for these tests."""

    def mean(inputs: list[tuple[float, float]]) -> float:
        v, f = pairs(inputs)
        return float((v * f).sum() / f.sum())

    def smallest(first: Any, *rest: float) -> float:
        return min(first, *rest) if rest else min(v for v, _ in first)

    def largest(first: Any, *rest: float) -> float:
        return max(first, *rest) if rest else max(v for v, _ in first)

    return {
        "sum": lambda inputs: math.fsum(v * f for v, f in inputs), "mean": mean, "min": smallest, "max": largest,
        "geomean": lambda inputs: math.exp(mean([(math.log(v), f) for v, f in inputs])),
        "harmean": lambda inputs: 1 / mean([(1 / v, f) for v, f in inputs]),
        "median": lambda inputs: float(np.median([v for v, _ in inputs])),
        "std": lambda inputs, ddof: float(np.std([v for v, _ in inputs], ddof=int(ddof))),
        "above": lambda inputs, x: sum(v > x for v, _ in inputs), "below": lambda inputs, x: sum(v < x for v, _ in inputs),
        "equal": lambda inputs, x: sum(v == x for v, _ in inputs), "count": len, "ln": math.log, "sqrt": math.sqrt,
        "abs": abs, "gammaincc": special.gammaincc, "gammaincinv": special.gammaincinv,
        "gammainccinv": special.gammainccinv,
    }  # fmt: skip


def done_over(result: Result) -> float | str | None:
    """What the answer comes to when the JSON of an explanation is worked out from its figures alone."""
    content = json.loads(render(result, "json"))["tables"]
    names = {
        row["parameter"]: row["value"] if row["number"] is None else row["number"] for row in content["parameters"]
    }
    final: Any = None
    for step in content["steps"]:
        inputs = [(row["value"], row["factor"]) for row in content["inputs"] if row["symbol"] == step["symbol"]]
        try:
            final = eval(step["expression"], {"__builtins__": {}, **by_hand()}, {**names, "inputs": inputs})
        except (TypeError, ZeroDivisionError):
            final = None
        names[step["symbol"]] = final
        told = step["text"] if step["text"] is not None else step["value"]
        if isinstance(final, str) or told is None or isinstance(told, str):
            assert final == told, step
        else:
            assert final == pytest.approx(told, rel=RTOL, abs=1e-12), step
    return None if final is None else final if isinstance(final, str) else float(final)


def same(one: Any, other: Any) -> bool:
    """Whether two cells are alike but for round-off."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=RTOL, abs_tol=1e-12)
    return bool(one == other)


def answer(result: Result) -> Any:
    """The number or the word."""
    row = result.tables["answer"].row(0, named=True)
    return row["text"] if row["text"] is not None else row["value"]


CELLS = (
    ("patent_families", "KOR", "semiconductors"),
    ("patent_families", "CHN", "optics"),
    ("patent_families", "ZAF", "optics"),
)


# Differential: the number is the table's, and follows from the figures --------------------------------------------


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell[1])
def test_rca_family_is_that_of_the_table_and_follows(
    sample: Project, cell: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain_rca, "sensitivity", lambda *_: [])
    indicator, region, sector = cell
    row = specialisation.rca(
        sample, indicator=[indicator], region=[region], sector=[sector],
        extras=["loo", "log", "per_capita", "history", "posterior", "dependence"],
    ).frame.row(0, named=True)  # fmt: skip
    for measure in MEASURES["rca"]:
        found = explain(sample, region, sector, indicator=indicator, measure=measure)
        assert same(answer(found), row.get(measure)), measure
        assert same(done_over(found), row.get(measure)), measure
        assert found.meta["follows"], measure


@pytest.mark.parametrize("reference", ["sum", "ex:CHN", "group:EU27", "peers", "DEU"])
@pytest.mark.parametrize("window", [1, 4])
def test_references_and_windows_follow(
    sample: Project, reference: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain_rca, "sensitivity", lambda *_: [])
    options: dict[str, Any] = {"reference": reference, "window": window}
    row = specialisation.rca(sample, indicator=["articles"], region=["KOR"], sector=["engineering"], extras=["loo"],
                             **options).frame.row(0, named=True)  # fmt: skip
    for measure in ("rca", "rca_loo", "class", "p_material", "rank_world"):
        found = explain(sample, "KOR", "engineering", indicator="articles", measure=measure, **options)
        assert same(answer(found), row[measure]), measure
        assert same(done_over(found), row[measure]), measure


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_table_with_holes_follows(data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_rca, "sensitivity", lambda *_: [])
    value = st.one_of(st.none(), st.integers(0, 400))
    rows = [[data.draw(value) for _ in range(3)] for _ in range(4)]
    rows[0][0] = 7
    rows[1] = [3, 5, 2]
    kind = data.draw(st.sampled_from(["count", "value"]))
    absent = data.draw(st.sampled_from(["zero", "missing"]))
    years = data.draw(st.sampled_from([(2020,), (2019, 2020)]))
    cells = {key: v for year in years for key, v in one_year(table([[*row] for row in rows]), year).items()}
    gone = data.draw(st.sampled_from([("r2", "s1"), ("r3", "s2")]))
    project = made({key: v for key, v in cells.items() if key[:2] != gone}, kind=kind, absent_rows=absent)
    for measure in ("rca", "expected", "rca_loo", "rca_low", "class", "rca_weighted", "rank_world", "nrca", "band"):
        row = specialisation.rca(project, region=["r0"], sector=["s0"], extras=["loo"]).frame.row(0, named=True)
        found = explain(project, "r0", "s0", indicator="x", measure=measure)
        assert same(answer(found), row[measure]), measure
        assert same(done_over(found), row[measure]), measure


def test_values_have_the_range_of_their_years(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {2018: [[9, 1], [2, 8], [4, 4]], 2019: [[7, 3], [2, 9], [5, 4]], 2020: [[8, 1], [1, 8], [5, 3]]}
    monkeypatch.setattr(explain_rca, "sensitivity", lambda *_: [])
    project = made({key: v for year, t in rows.items() for key, v in one_year(table(t), year).items()}, kind="value")
    row = specialisation.rca(project, region=["r0"], sector=["s0"]).frame.row(0, named=True)
    for measure in ("rca", "rca_low", "rca_high", "class", "band"):
        found = explain(project, "r0", "s0", indicator="x", measure=measure)
        assert same(done_over(found), row[measure]), measure
    assert found.tables["treatment"].filter(treatment="window")["detail"].item() == "summed over 2018 to 2020"


def test_exports_and_imports_follow() -> None:
    out = one_year(table([[30, 10, 5], [5, 20, 9], [8, 8, 8]]))
    back = one_year(table([[10, 12, 4], [9, None, 9], [6, 7, 11]]))
    project = made(out, kind="value", imports="m", others={"m": back})
    row = specialisation.rca(project, indicator=["x"], region=["r0"], sector=["s0"], extras=["imports"]).frame.row(
        0, named=True
    )
    for measure in ("vollrath_rta", "lafay", "michaely"):
        found = explain(project, "r0", "s0", indicator="x", measure=measure)
        assert same(done_over(found), row[measure]), measure


@pytest.mark.parametrize("changes", [{}, {"ddof": 1, "pci_scale": "sector", "cog": "origin"}, {"neighbours": 4}])
def test_complexity_is_that_of_the_table_and_follows(
    sample: Project, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain_complexity, "_sensitivity", lambda *_: [])
    section = sample.run.complexity.model_copy(update=changes | {"draws": 0})
    project = replace(sample, run=sample.run.model_copy(update={"complexity": section}))
    found = complexity.complexity(project, indicator=["patent_families"], table=("regions", "sectors", "cells"))
    region = found.tables["regions"].filter(region="KOR").row(0, named=True)
    for goal in ("semiconductors", "pharmaceuticals"):
        sector = found.tables["sectors"].filter(sector=goal).row(0, named=True)
        cell = found.tables["cells"].filter(region="KOR", sector=goal).row(0, named=True)
        for measure in MEASURES["complexity"]:
            due = next(row[measure] for row in (cell, region, sector) if measure in row)
            told = explain(project, "KOR", goal, indicator="patent_families", measure=measure)
            due = float(due) if isinstance(due, bool) else due
            assert same(answer(told), due), (goal, measure)
            assert same(done_over(told), due), (goal, measure)


@pytest.fixture(scope="module")
def robots(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An intensity with its denominator, with a hole and a cell below the floor."""
    rows: list[tuple[object, ...]] = []
    for r, (cars, food, toys) in {"A": (30, 5, 2), "B": (10, 2.5, None), "C": (4, 8, 1)}.items():
        rows += [("robots", r, s, 2020, v) for s, v in (("x", cars), ("y", food), ("z", toys))]
    for r, sizes in {"A": (2000, 2000, 100), "B": (2000, 4000, 900), "C": (1500, 900, 700)}.items():
        rows += [("workers", r, s, 2020, v) for s, v in zip("xyz", sizes, strict=True)]
    indicators = {"robots": describe("intensity", extra='denominator = "workers"'), "workers": describe("value")}
    return small_project(tmp_path_factory.mktemp("robots") / "p", indicators, rows)


def test_intensities_are_those_of_the_table_and_follow(robots: Project, sample: Project) -> None:
    for project, indicator, cells in (
        (robots, "robots", [("A", "x"), ("B", "y"), ("A", "z"), ("B", "z")]), (sample, "robot_use", [("DEU", "C")]),
    ):  # fmt: skip
        for region, sector in cells:
            row = intensity(project, indicator=[indicator], region=[region], sector=[sector]).frame.row(0, named=True)
            for measure in MEASURES["intensity"]:
                found = explain(project, region, sector, indicator=indicator, measure=measure)
                assert same(answer(found), row[measure]), (region, sector, measure)
                assert same(done_over(found), row[measure]), (region, sector, measure)


@pytest.mark.parametrize("winsorise", ["none", "rule", 2])
@pytest.mark.parametrize(
    "method", ["z_score", "min_max", "rank", "percentile", "ratio_to_mean", "ratio_to_best", "above_below"]
)
def test_scores_are_those_of_the_table_and_follow(sample: Project, method: str, winsorise: str | int) -> None:
    options: dict[str, Any] = {"method": method, "per": "population", "winsorise": winsorise}
    rows = normalise(sample, indicator=["patent_families"], sector=["semiconductors"], region=["KOR"], **options)
    row = rows.tables["normalise"].row(0, named=True)
    for measure in ("treated", "score"):
        found = explain(sample, "KOR", "semiconductors", indicator="patent_families", measure=measure, **options)
        assert same(answer(found), row[measure]), measure
        assert same(done_over(found), row[measure]), measure


def test_an_index_is_that_of_the_table_and_follows(sample: Project) -> None:
    rows = index(sample, "innovation", draws=0).tables["index"].filter(pl.col("region") == "KOR")
    for row in rows.iter_rows(named=True):
        for measure in MEASURES["index"]:
            found = explain(sample, "KOR", measure=measure, index="innovation", node=row["node"])
            assert same(answer(found), row[measure]), (row["node"], measure)
            assert same(done_over(found), row[measure]), (row["node"], measure)
    told = explain(sample, "KOR", index="innovation", node="knowledge")
    parts = told.tables["contributions"]
    assert parts["contribution"].sum() == pytest.approx(answer(told), rel=RTOL)
    assert parts["effective_weight"].sum() == pytest.approx(1)
    assert set(told.tables["inputs"].drop_nulls("file")["file"]) == {"articles.csv", "population.csv"}


# Lines: every figure stands where it is said to -------------------------------------------------------------------


def test_every_figure_stands_on_its_line(sample: Project) -> None:
    from hashlib import sha256

    found = explain(sample, "KOR", "semiconductors", indicator="patent_families")
    inputs = found.tables["inputs"]
    assert inputs.null_count().select("file", "line", "sha256").sum_horizontal().item() == 0
    files = {file.name: file.path for file in sample.files}
    for name, path in files.items():
        own = inputs.filter(pl.col("file") == name)
        lines = path.read_text("utf-8").splitlines()
        for row in own.iter_rows(named=True):
            assert lines[row["line"] - 1].split(",")[:5] == [
                row["region"], row["sector"], row["indicator"], str(row["year"]), f"{row['value']:g}",
            ]  # fmt: skip
            assert row["sha256"] == sha256(path.read_bytes()).hexdigest()


def test_rolled_up_cells_show_the_lines_below(tmp_path: Path) -> None:
    sectors = ["a1,A1,a,fine", "a2,A2,a,fine", "b1,B1,b,fine", "a,A,,coarse", "b,B,,coarse"]
    rows = [
        ("n", r, s, 2020, 5 + k * (3 if s == "a1" else 1)) for k, r in enumerate("PQRS") for s in ("a1", "a2", "b1")
    ]
    project = small_project(tmp_path / "p", {"n": describe("count")}, rows, sectors=sectors)
    found = explain(project, "Q", "a", indicator="n", level="coarse", measure="rank_world")
    own = explain(project, "Q", "a", indicator="n", level="coarse")
    assert own.tables["inputs"].filter(pl.col("symbol") == "x_ij").select("sector", "value", "line").rows() == [
        ("a1", 8.0, 5), ("a2", 6.0, 6),
    ]  # fmt: skip
    assert "rolled_up" in own.tables["treatment"]["treatment"].to_list()
    assert same(done_over(own), answer(own))
    assert same(done_over(found), answer(found))


def test_a_null_says_why(tmp_path: Path) -> None:
    rows = [("n", r, s, 2020, 5 + k + j) for k, r in enumerate("PQR") for j, s in enumerate("xyz")]
    rows[4] = ("n", "Q", "y", 2020, None, "Q")  # type: ignore[assignment]
    project = small_project(tmp_path / "p", {"n": describe("count")}, rows)
    found = explain(project, "Q", "y", indicator="n")
    row = found.tables["answer"].row(0, named=True)
    assert (row["value"], row["note"]) == (None, "partial_base;suppressed")
    assert found.tables["inputs"].filter(pl.col("symbol") == "x_ij").select("value", "status", "line").rows() == [
        (None, "Q", 6)
    ]
    assert done_over(found) is None
    assert "not known: some sectors of this region are unknown; suppressed" in said(project, found)


# Sensitivity: proven on both sides ---------------------------------------------------------------------------------


def class_at(project: Project, key: tuple[str, int | None, str, str], value: float) -> str:
    frame = specialisation.rca(
        changed(project, key, value), indicator=[key[0]], year=key[1], region=[key[2]], sector=[key[3]]
    ).frame
    return str(frame["class"][0])


@pytest.mark.parametrize(
    ("cell", "year"),
    [(CELLS[0], 2018), (("patent_families", "ITA", "handling"), 2016), (("articles", "KOR", "engineering"), 2018)],
)
def test_the_class_changes_where_it_is_said_to(sample: Project, cell: tuple[str, str, str], year: int) -> None:
    indicator, region, sector = cell
    found = explain(sample, region, sector, indicator=indicator, year=year)
    rows = found.tables["sensitivity"].drop_nulls("becomes")
    assert rows.height
    key = (indicator, year, region, sector)
    for row in rows.iter_rows(named=True):
        assert class_at(sample, key, row["now"]) == row["is"]
        assert class_at(sample, key, row["keeps"]) == row["is"]
        assert class_at(sample, key, row["changes"]) == row["becomes"] != row["is"]
        unit = 1.0 if indicator == "patent_families" else 0.01
        assert abs(row["keeps"] - row["changes"]) == pytest.approx(unit)


def test_presence_and_ranks_change_where_they_are_said_to(sample: Project) -> None:
    found = explain(sample, "KOR", "optics", indicator="patent_families", measure="density")
    (row,) = found.tables["sensitivity"].drop_nulls("becomes").iter_rows(named=True)
    key = ("patent_families", 2018, "KOR", "optics")
    for value, held in ((row["keeps"], True), (row["changes"], False)):
        cells = complexity.complexity(
            changed(sample, key, value),
            indicator=["patent_families"],
            region=["KOR"],
            sector=["optics"],
            table=("cells",),
        )
        assert cells.frame["presence"][0] is held
    ranked = explain(sample, "DEU", "C", indicator="robot_use").tables["sensitivity"]
    assert ranked["direction"].to_list() == ["fall", "rise"]
    for row in ranked.iter_rows(named=True):
        for value, rank in ((row["keeps"], row["is"]), (row["changes"], row["becomes"])):
            if value is not None:
                other = changed(sample, ("robot_use", 2022, "DEU", "C"), value)
                told = intensity(other, indicator=["robot_use"], region=["DEU"], sector=["C"]).frame
                assert str(told["rank"][0]) == rank
        past = (row["keeps"] or row["changes"]) + (-0.001 if row["direction"] == "fall" else 0.001)
        other = changed(sample, ("robot_use", 2022, "DEU", "C"), past)
        assert (
            str(intensity(other, indicator=["robot_use"], region=["DEU"], sector=["C"]).frame["rank"][0])
            == row["becomes"]
        )


# Words and errors -----------------------------------------------------------------------------------------------------


def said(project: Project, result: Result, width: int = 100) -> str:
    told = report.answered(
        stamped(project, result), selection.region_labels(project), selection.all_sector_names(project)
    )
    screen = StringIO()
    report.show(Console(width=width, file=screen, highlight=False), told)
    return re.sub(r"\s+", " ", screen.getvalue())


@pytest.mark.parametrize("measure", ["rca", "expected", "rca_loo", "arca", "nrca", "share_world", "ceiling", "rsca"])
def test_printed_arithmetic_gives_the_printed_result(
    sample: Project, measure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain_rca, "sensitivity", lambda *_: [])
    found = explain(sample, "KOR", "semiconductors", indicator="patent_families", measure=measure)
    *_, filled, final = report.arithmetic(found).split(" = ")
    printed = eval(
        filled.replace("max(", "MAX[").replace(",", "").replace("MAX[", "max(").replace("max(81336 ", "max(81336, ")
    )
    assert f"{printed:.6g}" == f"{float(final.replace(',', '')):.6g}"


def test_the_sentence_can_be_quoted(sample: Project) -> None:
    text = said(sample, explain(sample, "KOR", "semiconductors", indicator="patent_families"))
    assert text.startswith(
        "The RCA of Korea in semiconductors, by patent families, in 2018 is 1.484: range of RCA 1.39-1.58; established; "
        "3,556 families where 2,397 are expected (National Center"
    )
    for part in ("table S8-5 to S8-39", "2020 edition", "Work of the US federal government", "capmap 0.1.0",
                 "patent_families.csv line 4381", "Below 2,492 of x_ij (now 3,556)", "Balassa (1965)"):  # fmt: skip
        assert part in text


def test_unknown_names_come_with_the_nearest(sample: Project) -> None:
    for arguments, options, fix in (
        (("KRO", "semiconductors"), {"indicator": "patent_families"}, "KOR"),
        (("KOR", "semiconducters"), {"indicator": "patent_families"}, "semiconductors"),
        (("KOR", "semiconductors"), {"indicator": "patent_family"}, "patent_families"),
        (("KOR", "semiconductors"), {"indicator": "patent_families", "measure": "p_above_on"}, "p_above_one"),
        (("KOR",), {"index": "inovation"}, "innovation"),
        (("KOR",), {"index": "innovation", "node": "knowlege"}, "knowledge"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as error:
            explain(sample, *arguments, **options)  # type: ignore[arg-type]
        assert fix in str(error.value.fix)
    for arguments, options, words in (
        (("KOR",), {"indicator": "patent_families"}, "no sector is named"),
        (("-", "optics"), {"indicator": "patent_families", "measure": "eci"}, "is of a region"),
        (("DEU", "C"), {"indicator": "robot_use", "measure": "rca"}, "has no measure"),
        (("KOR", "optics"), {"indicator": "patent_families", "year": 1999}, "no data in 1999"),
        (("KOR", "optics"), {"indicator": "patent_families", "other": "DEU"}, "--other means nothing to rca"),
        (("KOR", "optics"), {"indicator": "patent_families", "method": "rank", "draws": 3}, "--draws and --method"),
        (("-", "optics"), {"indicator": "patent_families", "measure": "proximity"}, "one is named"),
        (("-", "optics"), {"indicator": "patent_families", "measure": "proximity", "other": "optics"}, "twice"),
        (("KOR", "optics"), {"indicator": "patent_families", "measure": "prody"}, "income of regions"),
        (("KOR", "-"), {"indicator": "patent_families", "measure": "p_entry"}, "no sector is named"),
        (("KOR",), {"index": "innovation", "measure": "score", "draws": 5}, "--draws means nothing"),
        (("KOR",), {"index": "innovation", "measure": "p_top", "node": "knowledge"}, "of the whole index"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            explain(sample, *arguments, **options)  # type: ignore[arg-type]


def test_measures_are_columns_of_their_commands() -> None:
    from capmap.analyses import blocks
    from capmap.analyses import intensity as measured

    extras = {name for several in blocks.EXTRAS.values() for name in several}
    assert set(explain_rca.MEASURES) <= {*blocks.COLUMNS, *extras}
    texts = {"indicator", "year", "region", "sector", "status", "note", "diversity", "ubiquity", "largest_other"}
    assert {*blocks.COLUMNS, *extras} - texts == set(explain_rca.MEASURES)
    assert set(explain_intensity.MEASURES) | {"indicator", "year", "region", "sector", "n", "status", "note"} == set(
        measured.COLUMNS
    )
    assert aggregation.MEANS.keys() >= {"arithmetic", "geometric"}


@pytest.mark.parametrize("how", ["minimum_conditional", "cosine", "jaccard", "association", "rsca_correlation"])
def test_a_proximity_is_that_of_the_table_and_follows(sample: Project, how: str) -> None:
    section = sample.run.complexity.model_copy(update={"proximity": how})
    project = replace(sample, run=sample.run.model_copy(update={"complexity": section}))
    links = relatedness.relatedness(project, indicator=["patent_families"], complete=True).frame
    for pair in (("computer_technology", "semiconductors"), ("optics", "pharmaceuticals")):
        found = explain(project, "-", pair[1], indicator="patent_families", measure="proximity", other=pair[0])
        due = links.filter(pl.col("source") == pair[0], pl.col("target") == pair[1])["proximity"][0]
        assert found.tables["answer"]["value"][0] == due
        assert done_over(found) == pytest.approx(due, rel=RTOL)
        assert "proximity of semiconductors and" in said(project, found) or pair[1] != "semiconductors"


@pytest.mark.parametrize(
    ("measure", "other", "command", "table", "key"),
    [
        ("eci_low", None, "complexity", "regions", {"region": "SGP"}),
        ("rank_high", None, "complexity", "regions", {"region": "SGP"}),
        ("pci_high", None, "complexity", "sectors", {"sector": "optics"}),
        ("krugman", None, "complexity", "regions", {"region": "SGP"}),
        ("p_entry", None, "opportunities", "opportunities", {"sector": "machine_tools"}),
        ("p_value", "semiconductors", "relatedness", "links", {"source": "optics", "target": "semiconductors"}),
        ("p_ahead", "DEU", "compare", "pairs", {"sector": "optics", "indicator": "patent_families"}),
        ("hhi_low", None, "sector", "concentration", {"sector": "optics", "year": "2018"}),
    ],
)
def test_what_has_no_arithmetic_is_measured_again_by_the_command_it_names(
    sample: Project, run_capmap: RunCapmap, tmp_path: Path, measure: str, other: str | None, command: str, table: str,
    key: dict[str, str],
) -> None:  # fmt: skip
    draws = {"draws": 20} if command == "complexity" else {"draws": 30} if command == "relatedness" else {}
    goal = "machine_tools" if measure == "p_entry" else "optics"
    found = explain(sample, "SGP", goal, indicator="patent_families", measure=measure, other=other, **draws)
    value = found.tables["answer"]["value"][0]
    assert value is not None
    assert found.meta["follows"] is None
    assert found.tables["inputs"].height > 0
    words = found.meta["again"]
    assert words[:2] == ["capmap", command]
    run_capmap(*words[1:], "-q", "-o", str(tmp_path / "again.json"))
    content = json.loads((tmp_path / "again.json").read_text())
    rows = content.get("rows") or content["tables"][table]
    row = [row for row in rows if all(str(row.get(k)) == v for k, v in key.items())][-1]
    assert row[measure] == value
    text = said(sample, found)
    for part in ("How it comes about", "The same again", " ".join(words)):
        assert re.sub(r"\s+", " ", part) in text


@pytest.mark.parametrize("measure", explain_table.OF_INDEX)
def test_replicates_of_an_index_are_those_of_its_table(sample: Project, measure: str) -> None:
    where = explain_table.OF_INDEX[measure]
    other = "DEU" if where.of == "regions" else None
    found = explain(sample, "KOR", index="innovation", measure=measure, other=other, draws=40)
    verb = index if where.command == "index" else index_robustness
    table = verb(sample, "innovation", draws=40).tables[where.table]
    keys = {"region": "KOR", "node": "innovation", "other": other}
    row = table.filter(*(pl.col(k) == v for k, v in keys.items() if k in table.columns)).row(0, named=True)
    answer = found.tables["answer"].row(0, named=True)
    assert row[measure] in (answer["value"], answer["text"])
    assert "index innovation" in " ".join(found.meta["again"]) or where.command == "robustness"


def test_every_column_of_numbers_that_a_command_prints_can_be_explained(sample: Project) -> None:
    from capmap.analyses.compare import compare
    from capmap.analyses.opportunities import opportunities

    extras = ("reflections", "genepy", "coherence", "variety", "expy", "concentration", "dynamics")
    cells = {*MEASURES["rca"], *MEASURES["complexity"], *MEASURES["relatedness"], *explain_table.OF_CELLS}
    wide = complexity.complexity(sample, indicator=["patent_families"], draws=2, income="population", extras=extras)
    near = opportunities(sample, "KOR", indicator=["patent_families"], sector=["optics"])
    links = relatedness.relatedness(sample, indicator=["patent_families"], significance_draws=2)
    pairs = compare(sample, ["KOR", "DEU"])
    keys = {"indicator", "year", "region", "sector", "source", "target", "note", "other", "resolved"}
    printed = {name for result in (wide, near, links) for frame in result.tables.values() for name in frame.columns}
    printed |= {name for part in ("pairs", "pattern") for name in pairs.tables[part].columns}
    assert printed - keys - cells == set()
    whole = index(sample, "innovation", draws=5)
    names = {name for part in ("index", "robustness") for name in whole.tables[part].columns}
    names |= set(index_robustness(sample, "innovation", draws=5).tables["pairs"].columns)
    assert names - {"index", "year", "region", "node", "level", "note", "other"} == {
        *MEASURES["index"], *explain_table.OF_INDEX
    }  # fmt: skip


def test_no_rank_stands_bare_and_no_doubt_is_hidden(sample: Project) -> None:
    rank = sentence(sample, "KOR", None, indicator="patent_families", measure="eci_rank")
    assert "is 8 of 29: range 5 to 17 (" in rank
    assert "is 3 of 32 (" in sentence(
        sample, "KOR", "semiconductors", indicator="patent_families", measure="rank_world"
    )
    assert "rank 1 of 14, range 1 to 2 (" in sentence(sample, "KOR", None, index="innovation")
    for measure in ("rca", "rsca", "nrca", "rca_eb", "share_region", "p_above_one", "rca_ex_largest"):
        text = sentence(sample, "ZAF", "optics", indicator="patent_families", measure=measure)
        assert "uncertain" in text
        assert "too little is expected to judge" in text
        assert "1 family where 0.7 are expected" in text
    chance = sentence(sample, "KOR", "semiconductors", indicator="patent_families", measure="p_above_one")
    assert "exceeds 1 of Korea in semiconductors, by patent families, in 2018 is above 0.99:" in chance
    certain = explain(sample, "KOR", "semiconductors", indicator="patent_families", measure="p_material")
    assert report.arithmetic(certain).endswith(" = 0.999999999997114")
    assert "is 3,556 families (" in sentence(
        sample, "KOR", "semiconductors", indicator="patent_families", measure="value"
    )
    assert "is 53,180 articles (" in sentence(sample, "CHN", "physics", indicator="articles", measure="value")
    assert "in 2020 is 51,836,239 persons" in sentence(sample, "KOR", None, indicator="population", measure="treated")
    assert "is 15.94 (per cent of enterprises" in sentence(sample, "DEU", "C", indicator="robot_use", measure="value")


def sentence(project: Project, region: str, sector: str | None, **options: Any) -> str:
    """The sentence of an explanation."""
    found = stamped(project, explain(project, region, sector, **options))
    return report.sentence(found, selection.region_labels(project), selection.all_sector_names(project))


def test_refused_complexity_is_explained_and_not_raised(tmp_path: Path) -> None:
    rows = [("n", r, s, 2020, 9 + k * j) for k, r in enumerate("PQR") for j, s in enumerate("xyz")]
    project = small_project(tmp_path / "p", {"n": describe("count")}, rows)
    for measure, place in (("eci", ("Q", None)), ("pci", ("-", "y"))):
        found = explain(project, *place, indicator="n", measure=measure)
        assert found.tables["answer"]["value"][0] is None
        assert found.tables["answer"]["note"][0]


def test_gaps_of_persistence_and_zeros_follow(sample: Project) -> None:
    for region, measure in (("ITA", "persistence"), ("ITA", "trajectory"), ("ZAF", "rca_low")):
        found = explain(sample, region, "semiconductors", indicator="patent_families", measure=measure)
        assert found.meta["follows"] is True
    threshold = explain(sample, "KOR", None, indicator="patent_families", measure="diversity", threshold=2.0)
    due = complexity.complexity(sample, indicator=["patent_families"], threshold=2.0).tables["regions"]
    assert threshold.tables["answer"]["value"][0] == due.filter(region="KOR")["diversity"][0]


@pytest.mark.parametrize("method", ["box_cox", "yeo_johnson", "quantile"])
def test_scores_by_a_fitted_transformation_name_the_command(
    sample: Project, run_capmap: RunCapmap, tmp_path: Path, method: str
) -> None:
    found = explain(sample, "DEU", "C", indicator="robot_use", measure="score", method=method)
    run_capmap(*found.meta["again"][1:], "-q", "-o", str(tmp_path / "again.json"))
    rows = json.loads((tmp_path / "again.json").read_text())["rows"]
    (row,) = [row for row in rows if row["region"] == "DEU"]
    assert found.tables["answer"]["value"][0] == row["score"]
    assert f"score ({method.replace('_', ' ')}) of Germany in manufacturing" in said(sample, found)
    rank = explain(sample, "DEU", "C", indicator="robot_use", measure="rank", method=method)
    assert rank.meta["follows"] is True


@pytest.mark.parametrize(
    "mean", ["power", "ordered", "mazziotta_pareto", "adjusted_mazziotta_pareto", "copeland", "kemeny"]
)
def test_every_mean_of_an_index_is_explained(sample: Project, mean: str) -> None:
    file = sample.indices["innovation"]
    changes: dict[str, Any] = {"aggregation": mean} | ({"exponent": 0.5} if mean == "power" else {})
    changes |= {"order_weights": (0.5, 0.3, 0.2)} if mean == "ordered" else {}
    project = replace(sample, indices={"innovation": file.model_copy(update=changes)})
    table = index(project, "innovation", draws=0).tables["index"]
    found = explain(project, "DEU", index="innovation")
    due = table.filter(region="DEU", node="innovation")["score"][0]
    assert answer(found) == due == pytest.approx(done_over(found), rel=RTOL)
