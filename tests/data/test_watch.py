"""Watch rules: conditions as written and as understood, and names that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from capmap.data.load import load
from capmap.data.watch import Condition, parsed
from capmap.errors import CapmapError, ChecksFailedError, UnreadableError
from capmap.model import WatchRule
from tests.operate.small import small


def rule(condition: str, measure: str | None = None) -> WatchRule:
    return WatchRule(region="AAA", indicator="patents", sector="food", condition=condition, measure=measure)


@pytest.mark.parametrize(
    ("condition", "measure", "wanted"),
    [
        ("< 1", None, Condition("rca", "<", 1.0)),
        (" rank>3 ", None, Condition("rank", ">", 3.0)),
        ("<= -0.5", "eci", Condition("eci", "<=", -0.5)),
        ("class", None, Condition("class", None, None)),
        ("!= established", "class", Condition("class", "!=", "established")),
        ("rca >= 1e1", "rca", Condition("rca", ">=", 10.0)),
    ],
)
def test_conditions(condition: str, measure: str | None, wanted: Condition) -> None:
    assert parsed(rule(condition, measure)) == wanted


@pytest.mark.parametrize(
    ("condition", "measure", "said"),
    [
        ("", "x", "at least 1 character"),
        ("   ", None, "no condition"),
        ("about 1", None, "no condition"),
        ("rnk > 3", None, "did you mean rank"),
        ("> three", None, "not a number"),
        ("class > 1", None, "is a word"),
        ("rank > 3", "rca", "speaks of rank"),
        ("> 1; rm -rf /", None, "no condition"),
    ],
)
def test_conditions_that_cannot_be_understood(condition: str, measure: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed(rule(condition, measure))


def test_a_figure_that_is_not_there_meets_no_condition() -> None:
    assert not parsed(rule("< 1")).holds(None)
    assert not parsed(rule("class != established")).holds(None)
    assert parsed(rule("< 1")).holds(0.99)
    assert not parsed(rule("< 1")).holds(1.0)


def faults(root: Path, text: str) -> str:
    small(root)
    file = root / "capmap.toml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")
    try:
        load(root, environ={})
    except (ChecksFailedError, UnreadableError) as error:
        return "\n".join(f"{f.code} {f.message}; {f.fix}; {f.column}" for f in error.findings)
    except CapmapError as error:  # pragma: no cover - the test fails
        return repr(error)
    return ""


def test_names_that_are_not_there_are_said_at_once_with_the_nearest(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        '\n[watch.one]\nregion = "AAB"\nindicator = "patent"\nsector = "food"\ncondition = "< 1"\n'
        '[watch.two]\nregion = "AAA"\nindicator = "patents"\nsector = "fod"\ncondition = "> 1"\n',
    )
    assert said.count("CM131") == 3
    assert "'AAB'" in said
    assert "did you mean patents" in said
    assert "did you mean food" in said
    assert "watch.two.sector" in said


def test_a_condition_and_a_key_that_are_wrong_are_unreadable(tmp_path: Path) -> None:
    rest = 'region = "AAA"\nindicator = "patents"\n'
    assert "CM130" in faults(tmp_path / "a", f'\n[watch.one]\n{rest}condition = "soon"\n')
    assert "unknown key" in faults(tmp_path / "b", f'\n[watch.one]\n{rest}condition = "< 1"\nsecter = "food"\n')
    assert "missing" in faults(tmp_path / "c", f"\n[watch.one]\n{rest}")


def test_rules_that_are_right_load(tmp_path: Path) -> None:
    assert (
        faults(tmp_path, '\n[watch.one]\nregion = "AAA"\nindicator = "patents"\nsector = "food"\ncondition = "< 1"\n')
        == ""
    )


@pytest.mark.parametrize(
    ("sector", "condition", "said"),
    [
        ('sector = "food"', "eci > 0", "eci is of a region as a whole; take `sector` out; watch.one.sector"),
        ('sector = "food"', "eci_rank < 3", "eci_rank is of a region as a whole"),
        ("", "< 1", "rca is of a region in a sector; add `sector"),
        ("", "quadrant", "quadrant is of a region in a sector"),
        ("", "rank > 3", ""),
        ('sector = "food"', "rank > 3", ""),
        ("", "intensity > 3", ""),
    ],
)
def test_a_rule_that_no_figure_can_meet_is_refused(tmp_path: Path, sector: str, condition: str, said: str) -> None:
    rule = f'\n[watch.one]\nregion = "AAA"\nindicator = "patents"\n{sector}\ncondition = "{condition}"\n'
    found = faults(tmp_path, rule)
    assert said in found if said else not found
