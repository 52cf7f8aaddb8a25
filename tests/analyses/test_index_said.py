"""What an index says of itself: who is left out for which reason, how many are alike, which counts are small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from capmap.analyses.index import index, robustness
from capmap.errors import RefusedError
from capmap.model import Project
from capmap.report import audit as document
from capmap.report import index as screen

from .small_project import Row, describe, small_project

#: A pillar whose only weight is that of `a`, and an indicator beside it.
TREE = """
[[nodes]]
id = "p"
[[nodes]]
id = "of_a"
parent = "p"
indicator = "a"
[[nodes]]
id = "of_b"
parent = "p"
indicator = "b"
weight = 0
[[nodes]]
id = "of_c"
parent = "p"
indicator = "c"
weight = 0
[[nodes]]
id = "of_d"
indicator = "d"
"""
FLAT = "".join(f'[[nodes]]\nid = "of_{name}"\nindicator = "{name}"\n' for name in "abcd")


def made(
    folder: Path, text: str, columns: dict[str, Sequence[float | None]], kind: str = "score", *, extra: str = ""
) -> Project:
    """A project of region-level indicators with a value per region (R00, R01, ...) and one index, `made`."""
    (folder / "index").mkdir(parents=True)
    (folder / "index" / "made.toml").write_text('name = "Made up"\n' + text, encoding="utf-8")
    rows: list[Row] = [
        (name, f"R{k:02d}", "_T", 2020, value)
        for name, values in columns.items() for k, value in enumerate(values) if value is not None
    ]  # fmt: skip
    described = {name: describe(kind, classification="none", extra=extra) for name in columns}
    return small_project(folder, described, rows)


def columns(n: int, seed: int = 1) -> dict[str, Sequence[float | None]]:
    drawn = np.random.default_rng(seed).normal(50, 10, (4, n))
    return {name: list(map(float, values)) for name, values in zip("abcd", drawn, strict=True)}


def test_who_has_no_score_for_want_of_a_node_is_named(tmp_path: Path) -> None:
    table = columns(6)
    table["a"] = [None, *table["a"][1:]]
    result = index(made(tmp_path, TREE, table), draws=50, audit=True)
    block = result.meta["blocks"][0]
    assert (block["scored"], block["left_out"]) == (5, {"low_coverage": ["R00"]})
    assert "not scored, too few nodes with a score below one: R00" in screen.caption(result, {})
    scored = result.tables["audit"].filter(check="scored")
    assert scored["said"].to_list() == ["R00"]


def test_a_region_has_a_score_with_the_share_of_nodes_that_the_file_asks_for(tmp_path: Path) -> None:
    table = columns(6)
    table["d"] = [None, *table["d"][1:]]
    two = 'min_coverage = 0.5\nmin_pillar = {}\n[[nodes]]\nid = "p"\n[[nodes]]\nid = "q"\n'
    two += "".join(
        f'[[nodes]]\nid = "of_{name}"\nparent = "{parent}"\nindicator = "{name}"\n'
        for name, parent in zip("abcd", "ppqq", strict=True)
    )
    for k, (share, n) in enumerate(((2 / 3, 5), (0.5, 6))):
        result = index(made(tmp_path / str(k), two.format(share), table), draws=0)
        own = result.tables["index"].filter(level=0).drop_nulls("score")
        assert own.height == result.meta["blocks"][0]["scored"] == n


def test_alike_counts_those_that_share_a_letter(tmp_path: Path) -> None:
    result = robustness(made(tmp_path, FLAT, columns(12)), draws=300)
    found = result.tables["robustness"]
    letters = [set(text) for text in found["group"].to_list()]
    counted = [sum(bool(one & other) for other in letters) - 1 for one in letters]
    assert found["alike"].to_list() == counted
    assert 0 < max(counted) < 12


def test_a_screen_shows_letters_as_long_as_they_can_be_compared() -> None:
    def frame(*groups: str | None) -> pl.DataFrame:
        return pl.DataFrame(
            {"group": groups, "alike": [1] * len(groups)}, schema={"group": pl.String, "alike": pl.Int32}
        )

    assert not screen.is_long(frame("a" * screen.LETTERS, "b"))
    assert screen.is_long(frame("a" * (screen.LETTERS + 1), "b"))
    assert screen.is_long(frame(None, None))  # too many groups to be named
    assert not screen.is_long(frame("a").with_columns(group=pl.lit(None, pl.String), alike=pl.lit(None, pl.Int32)))
    assert [screen.level_with({"alike": n}) for n in (None, 0, 1, 17)] == ["-", "nobody", "1 other", "17 others"]


def test_small_counts_are_said_and_judged(tmp_path: Path) -> None:
    few: dict[str, Sequence[float | None]] = {
        "a": [1, 2, 3, 40, 50, 60, 70, 80], "b": [11, 12, 30, 40, 50, 60, 70, 85],
    }  # fmt: skip
    text = '[[nodes]]\nid = "of_a"\nindicator = "a"\n[[nodes]]\nid = "of_b"\nindicator = "b"\n'
    result = index(made(tmp_path, text, few, "count"), draws=50, audit=True)
    assert result.meta["small_counts"] == {"of_a": [3, 8]}
    (said,) = [line for line in screen.caption(result, {}) if line.startswith("counts below 10")]
    assert said.endswith("(3 of 8 regions)")
    found = {row["node"]: row for row in result.tables["audit"].filter(check="small_counts").iter_rows(named=True)}
    assert found["of_a"]["verdict"] == "look"
    assert found["of_a"]["value"] == 3 / 8
    assert (found["of_b"]["verdict"], found["of_b"]["value"]) == ("sound", 0.0)


def test_the_audit_has_ten_steps_where_nothing_is_divided(tmp_path: Path) -> None:
    result = index(made(tmp_path, FLAT, columns(6)), draws=20, audit=True)
    assert result.tables["verdicts"]["step"].to_list() == list(range(1, 11))
    assert result.tables["audit"].filter(step=3)["check"].to_list() == ["nothing_to_divide"]


def test_a_group_with_a_number_is_one_group() -> None:
    from capmap.analyses.composite.audit import letters_of

    assert letters_of(["aZ", "Za1", "a1b1", None]) == {"a", "Z", "a1", "b1"}


def test_what_one_region_is_asked_for_is_said_of_it(tmp_path: Path) -> None:
    table = columns(6)
    table["a"] = [None, None, *table["a"][2:]]
    project = made(tmp_path, "min_coverage = 1\n" + FLAT, table)
    asked: dict[str, Any] = {"draws": 20}
    (line,) = [text for text in screen.caption(index(project, region=["R01"], **asked), {}) if "not scored" in text]
    assert line.endswith(": R01")
    assert not [text for text in screen.caption(index(project, region=["R03"], **asked), {}) if "not scored" in text]


@pytest.mark.parametrize(
    ("table", "said", "fix"),
    [
        (
            {"a": [1, 2, 3, 4], "b": [5, 5, 5, 5]},
            "of_b has the same value everywhere",
            "take it out of the index: it tells",
        ),
        ({"a": [1, 2, 3, 4, 5], "b": [5, 5, 5, 5, 1]}, "of_b: 4 of 5 values are equal", 'give it `treatment = "none"`'),
        ({"a": [1], "b": [2]}, "1 of 1 regions", "add the figures of other regions"),
    ],
)
def test_what_is_to_be_done_helps(tmp_path: Path, table: dict[str, Any], said: str, fix: str) -> None:
    text = '[[nodes]]\nid = "of_a"\nindicator = "a"\n[[nodes]]\nid = "of_b"\nindicator = "b"\n'
    with pytest.raises(RefusedError, match=said) as caught:
        index(made(tmp_path, text, table), draws=0)
    assert caught.value.fix is not None
    assert fix in caught.value.fix


def test_a_result_of_capmap_is_said_to_be_one() -> None:
    assert document.made_of({"result": "eci"}, "patent_families") == "eci of patent_families"
    assert document.made_of({"sector": "ict", "per": "population"}, "articles") == "articles ict per population"


def test_scores_on_unlike_scales_are_said(tmp_path: Path) -> None:
    def told(name: str, normaliser: str, head: str = "") -> list[str]:
        text = head + FLAT.replace('indicator = "b"\n', f'indicator = "b"\nnormaliser = "{normaliser}"\n')
        result = index(made(tmp_path / name, text, columns(6)), draws=0)
        return [line for line in screen.caption(result, {}) if line.startswith("unlike scales")]

    (line,) = told("a", "rank")
    assert line.startswith("unlike scales below Made up (min-max, rank): ")
    assert told("b", "percentile") == []  # both from 0 to 1
    assert told("c", "rank", 'aggregation = "mazziotta_pareto"\n') == []  # brings all to mean 100


def test_nodes_of_one_name_are_told_apart(tmp_path: Path) -> None:
    text = FLAT.replace('id = "of_b"\n', 'id = "of_b"\nname = "Same"\n').replace(
        'id = "of_c"\n', 'id = "of_c"\nname = "Same"\n'
    )
    names = index(made(tmp_path, text, columns(6)), draws=0).meta["names"]
    assert (names["of_b"], names["of_c"], names["made"]) == ("Same", "Same (of_c)", "Made up")
    assert len(set(names.values())) == len(names)
