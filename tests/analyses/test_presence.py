"""Who holds what and who takes part: thresholds without round-off, floors with reasons, conventions from four places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from capmap.analyses.presence import PRESETS, Table, conventions, tables
from capmap.errors import RefusedError, UsageError
from capmap.model import Project
from tests.analyses.made import made, one_year, table

#: No floors: whoever holds anything takes part.
ALL = {"min_share": 0.0, "min_population": 0.0, "min_regions": 1}


def presence(project: Project, **changes: Any) -> Table:
    (found,), _ = tables(project, project.catalogue["x"], "latest", conventions(project, **{**ALL, **changes}))
    return found


def test_a_table_of_rank_one_is_all_presence_and_none_when_strict() -> None:
    """Every RCA is exactly 1; thirds and sevenths, so that plain division would decide some by round-off."""
    rows = [[a * b for b in (1 / 3, 1 / 7, 3.3, 1e9)] for a in (0.1, 0.7, 1 / 3, 12345.678)]
    project = made(one_year(table(rows)), kind="value")
    assert presence(project).held.all()
    assert not presence(project, comparison=">").held.any()


def test_the_threshold_moves_presence() -> None:
    project = made(one_year(table([[4.0, 0.0], [2.0, 2.0]])))
    assert presence(project).held.tolist() == [[True, False], [False, True]]
    assert presence(project, threshold=0.5).held.tolist() == [[True, False], [True, True]]
    assert presence(project, threshold=2.0).held.tolist() == [[False, False], [False, True]]


def test_floors_exclude_and_say_why() -> None:
    cells = one_year(table([[60.0, 50.0, 0.0], [50.0, 60.0, 9.0], [1.0, 0.0, 0.0], [50.0, 61.0, 0.0]]))
    people = {("r0", 2020): 2e6, ("r1", 2020): 2e6, ("r3", 2020): 500.0}
    found = presence(made(cells, population=people), min_share=0.01, min_population=1e6, min_regions=1)
    assert found.meta["excluded"]["regions"] == {"r2": "small_total", "r3": "small_population"}
    assert found.presence[2:].any() == False  # noqa: E712 - a NumPy bool
    assert found.held[2:].any()
    tight = presence(made(cells), min_regions=3)
    assert tight.meta["excluded"]["sectors"]["s2"] == "few_regions"
    assert not tight.presence[:, 2].any()


def test_eligibility_cuts_presence_but_not_the_index() -> None:
    """RCA comes from the full table, whoever is left out."""
    rows = [[5.0, 1.0, 2.0], [1.0, 5.0, 2.0], [0.01, 0.0, 0.0]]
    project = made(one_year(table(rows)), kind="value")
    cut, full = presence(project, min_share=0.01), presence(project)
    assert np.array_equal(cut.rca, full.rca, equal_nan=True)
    assert cut.meta["eligible"] == {"regions": 2, "sectors": 3}


def test_an_absent_row_is_zero_or_unknown_by_its_indicator() -> None:
    cells = {("r0", "s0", 2020): 4.0, ("r1", "s0", 2020): 2.0, ("r1", "s1", 2020): 2.0}
    zero = presence(made(cells))
    assert zero.value[0, 1] == 0.0
    assert zero.rca[0, 1] == 0.0
    missing = presence(made(cells, absent_rows="missing"))
    assert np.isnan(missing.value[0, 1])
    assert np.isnan(missing.rca[0, 1])
    assert not missing.held[0, 1]


def test_presence_that_is_given() -> None:
    project = made(one_year(table([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])))
    assert presence(project, presence="given").held.tolist() == [[True, False], [False, True], [True, True]]
    with pytest.raises(RefusedError, match="has the value 3"):
        presence(made(one_year(table([[3.0, 0.0], [0.0, 1.0]]))), presence="given")


def test_presence_from_the_class_asks_for_more_than_a_lucky_count() -> None:
    """2 of 2 expected 0.8 is an RCA of 2.5, and nothing is established by it."""
    rows = [[2.0, 100.0, 100.0], [100.0, 20000.0, 400.0], [120.0, 10000.0, 20000.0]]
    project = made(one_year(table(rows)))
    by_index, by_class = presence(project), presence(project, presence="established")
    assert by_index.held[0, 0]
    assert not by_class.held[0, 0]
    assert by_class.held.sum() > 0
    assert not (by_class.held & ~by_index.held).any()


def test_presence_per_head_and_both() -> None:
    """Region 0: 10 of 30 on 1 m people, against 60 of 120 on 4 m: 2/3 of the world per head in sector 0."""
    people = {("r0", 2020): 1e6, ("r1", 2020): 3e6}
    project = made(one_year(table([[10.0, 20.0], [50.0, 40.0]])), population=people, kind="value")
    assert presence(project, presence="per_capita").held.tolist() == [[False, True], [True, False]]
    assert presence(project, presence="both").held.tolist() == [[False, True], [True, False]]
    many = made(one_year(table([[30.0, 80.0], [50.0, 40.0]])), population=people, kind="value")
    assert presence(many, presence="per_capita").held.tolist() == [[True, True], [False, False]]
    assert presence(many, presence="both").held.tolist() == [[False, True], [False, False]]


def test_a_region_of_zeros_changes_nobody_else() -> None:
    rows = [[5.0, 1.0, 0.0], [1.0, 5.0, 3.0], [2.0, 2.0, 2.0]]
    plain, more = presence(made(one_year(table(rows)))), presence(made(one_year(table([*rows, [0.0, 0.0, 0.0]]))))
    assert np.array_equal(plain.rca, more.rca[:3])
    assert np.array_equal(plain.presence, more.presence[:3])
    assert np.isnan(more.rca[3]).all()
    assert more.meta["excluded"]["regions"]["r3"] == "no_presence;no_total"


def test_conventions_come_from_flag_preset_file_and_default() -> None:
    cells = one_year(table([[1.0, 2.0], [2.0, 1.0]]))
    project = made(cells, run={"complexity": {"min_regions": 2, "ddof": 1}})
    assert conventions(project).complexity.min_regions == 2
    assert conventions(project, min_regions=5).complexity.min_regions == 5
    for name, preset in PRESETS.items():
        chosen = conventions(project, name)
        assert chosen.preset == name
        for key, value in preset.items():
            assert getattr(chosen.complexity, key, getattr(chosen.specialisation, key, None)) == value
        assert conventions(project, name, min_regions=7).complexity.min_regions == 7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"proximity": "euclid"}, "proximity"),
        ({"threshold": 0.0}, "threshold"),
        ({"nonsense": 1}, "unknown option nonsense"),
        ({"preset": "stata"}, "unknown preset"),
    ],
)
def test_wrong_conventions_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        conventions(made(one_year(table([[1.0, 2.0], [2.0, 1.0]]))), **changes)


def test_one_region_is_no_comparison() -> None:
    with pytest.raises(RefusedError, match=r"1 region\(s\)"):
        presence(made(one_year(table([[1.0, 2.0]]))))
