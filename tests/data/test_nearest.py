from __future__ import annotations

from itertools import permutations

import pytest

from capmap.data.nearest import did_you_mean, nearest

REGIONS = {
    "KOR": "Korea, Republic of",
    "PRK": "Korea, Democratic People's Republic of",
    "DEU": "Germany",
    "NLD": "Netherlands",
}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("KRO", "KOR"), ("kor", "KOR"), ("germany", "DEU"), ("Netherland", "NLD"), ("DUE", "DEU")],
)
def test_a_slip_finds_the_code(typed: str, meant: str) -> None:
    assert nearest(typed, REGIONS) == [meant]


@pytest.mark.parametrize("typed", ["zz", "", "qqq", "x"])
def test_nothing_near_gives_nothing(typed: str) -> None:
    assert nearest(typed, REGIONS) == []


def test_the_answer_does_not_depend_on_the_order_of_the_choices() -> None:
    answers = {tuple(nearest("AB", order, 3)) for order in permutations(["AA", "AC", "BB", "XB"])}
    assert answers == {("AA", "AC", "BB")}


def test_label_is_shown_beside_the_code() -> None:
    assert did_you_mean("KRO", REGIONS) == "KOR (Korea, Republic of)"
    assert did_you_mean("KRO", ["KOR"]) == "KOR"
    assert did_you_mean("zzz", REGIONS) is None
