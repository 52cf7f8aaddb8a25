"""What is said of opportunities: advice at grade A or B alone, a description below, and the verdict always."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from capmap.analyses.opportunities import opportunities
from capmap.model import Result
from capmap.report import opportunities as report
from tests.analyses.made import made, one_year, table
from tests.analyses.test_complexity_analysis import BARE, random_table

PAST: dict[str, Any] = {
    "grade": "B", "reason": "", "message": "", "entries": 120, "candidates": 2400, "base_rate": 0.05,
    "base_rate_low": 0.04, "base_rate_high": 0.0612, "best_baseline": "ubiquity", "gain": 0.08, "gain_low": 0.021,
    "gain_high": 0.14, "calibration_error": 0.06, "training": {2000: "same_years", 2005: "known_by_origin"},
    "verdict": {"found": 61.0, "baseline": 40.25, "rca": 33.0, "chance": 12.5, "entries": 120, "listed": 300, "list": 10},
}  # fmt: skip


@pytest.fixture(scope="module")
def answered() -> Result:
    return opportunities(made(one_year(table(random_table(3)))), "r4", **BARE)


def screen(result: Result, past: dict[str, Any], width: int = 100) -> str:
    blocks = [{**block, "backtest": past} for block in result.meta["blocks"]]
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False)
    report.show(console, replace(result, meta={**result.meta, "blocks": blocks}), {}, {}, 2026, 3, everything=False)
    return file.getvalue()


@pytest.mark.parametrize("grade", ["A", "B"])
def test_advice_where_the_backtest_earns_it(answered: Result, grade: str) -> None:
    shown = screen(answered, PAST | {"grade": grade})
    assert "build here" in shown
    assert "nothing here is advice" not in shown
    assert f"backtest grade {grade}: better than every baseline" in shown


@pytest.mark.parametrize(
    ("grade", "said"), [("C", "not certainly"), ("D", "not better"), (None, "no grade: too short")]
)
def test_description_where_it_does_not(answered: Result, grade: str | None, said: str) -> None:
    shown = screen(answered, PAST | {"grade": grade, "message": "too short"})
    assert said in shown
    assert "nothing here is advice" in shown
    assert "close, more complex" in shown
    for advice in report.ADVICE.values():
        assert advice not in shown


def test_the_verdict_names_hits_of_model_baselines_and_chance() -> None:
    text = " ".join(report.verdict(PAST))
    for said in ("picked 300 of 2,400 candidates", "found 61 of 120 real entries", "RCA only 33",
                 "(ubiquity) 40.2", "chance 12.5",
                 "base rate 5.0% (4.0-6.1%)", "+0.080 (90%: +0.021 to +0.140)",
                 "origins 2000 and 2005"):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_screen(answered: Result, width: int) -> None:
    assert max(map(len, screen(answered, PAST, width).splitlines())) <= width
