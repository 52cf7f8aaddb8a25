"""The scale of a composite index: what sets it, what a frozen one keeps comparable, and when it is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmap.analyses.composite.scale import fitted, scaled, treated
from capmap.analyses.composite.tree import framework
from capmap.analyses.index import freeze, index
from capmap.data.load import load
from capmap.data.scale import keep, write_scale
from capmap.errors import CapmapError, RefusedError, UsageError
from capmap.methods import normalisation
from capmap.model import Project

from .small_project import Row
from .test_index_analysis import leaves, made, node, top
from .test_index_imputation import project_of

KINDS = ("min_max", "z_score", "percentile", "rank", "ratio_to_best")
OUTLIER = [float(x) for x in [*range(1, 11), 30, 100]]
SKEWED = [1.5**x for x in range(60)]


def panel(folder: Path, years: Sequence[int], text: str = "") -> Project:
    """Two indicators of six regions; every year is larger, and 2018 has an outlier."""
    rows: list[Row] = [
        ("a", f"R{k}", "_T", y, 10 * k + y - 2010 + 500 * (y == 2018 and k == 5)) for k in range(6) for y in years
    ]
    rows += [("b", f"R{k}", "_T", y, (k * 7) % 6 + y - 2010) for k in range(6) for y in years]
    return project_of(folder, text + leaves("a", "b"), "ab", rows)


def scores(project: Project, year: int, **options: bool) -> dict[tuple[str, str], float | None]:
    found = index(project, year="all", draws=0, **options).tables["index"].filter(year=year)  # type: ignore[arg-type]
    return {(row["region"], row["node"]): row["score"] for row in found.iter_rows(named=True)}


# One formula, fitted and applied ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", [1, -1])
def test_what_a_normaliser_took_gives_the_same_scores_again(kind: str, direction: int) -> None:
    x = np.array([3.0, 1.0, 4.0, 1.5, np.nan, 9.0])
    how = normalisation.NORMALISERS[kind]
    taken = normalisation.parameters(x, kind, direction=direction)  # type: ignore[arg-type]
    assert np.array_equal(how(x, direction=direction), how(x, direction=direction, **taken), equal_nan=True)
    alone = how(np.array([4.0]), direction=direction, **taken)
    assert alone[0] == how(x, direction=direction)[2]


@pytest.mark.parametrize("values", [OUTLIER, SKEWED, [-x for x in OUTLIER], [-x for x in SKEWED]])
def test_the_cure_of_outliers_holds_for_other_values(values: list[float]) -> None:
    found = normalisation.treat(values)
    how = {"low": found.low, "high": found.high, "shift": found.shift, "mirrored": found.mirrored}
    assert normalisation.treated(values, **how).tolist() == found.values.tolist()
    assert normalisation.treated(values[3:4], **how)[0] == found.values[3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=20, unique=True), st.sampled_from(KINDS[:4]))
def test_more_never_scores_less_on_a_kept_scale(values: list[float], kind: str) -> None:
    x = np.array(values)
    if normalisation.is_near_constant(x[:3]):
        return
    taken = normalisation.parameters(x[:3], kind)
    options = {"best": "low"} if kind == "rank" else {}
    found = normalisation.NORMALISERS[kind](np.sort(x), **taken, **options)
    assert (np.diff(found) >= 0).all()


# Properties of the index --------------------------------------------------------------------------------------------

THREE: dict[str, Sequence[float | None]] = {
    "a": [3, 1, 2, 8, 5, 4],
    "b": [1, 9, 4, 2, 2, 7],
    "c": [0.1, 0.5, 0.3, 0.2, 0.6, 0.4],
}


def whole(project: Project) -> list[float]:
    return [row["score"] for row in top(index(project, draws=0).tables["index"]).values()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_the_unit_of_an_indicator_does_not_matter(tmp_path: Path, kind: str, mean: str) -> None:
    text = f'normaliser = "{kind}"\naggregation = "{mean}"\n' + leaves("a", "b", "c")
    other = THREE | {"b": [1000 * x for x in THREE["b"] if x is not None]}
    assert whole(made(tmp_path / "one", text, THREE)) == pytest.approx(whole(made(tmp_path / "other", text, other)))


@pytest.mark.parametrize("kind", ["min_max", "z_score", "percentile", "rank"])
def test_turning_an_indicator_and_its_direction_changes_nothing(tmp_path: Path, kind: str) -> None:
    text = f'normaliser = "{kind}"\n' + leaves("a", "c")
    turned = THREE | {"b": [-x for x in THREE["b"] if x is not None]}
    one = made(tmp_path / "one", text + leaves("b"), THREE)
    other = made(tmp_path / "other", text + leaves("b", direction=-1), turned)
    assert whole(one) == pytest.approx(whole(other))
    assert whole(made(tmp_path / "third", text + leaves("b", direction=-1), THREE)) != pytest.approx(whole(one))


def test_a_copy_of_a_region_changes_no_other_score(tmp_path: Path) -> None:
    """Min-max: the bounds stay. The copy scores and ranks as the original."""
    copied = {name: [*values, values[2]] for name, values in THREE.items()}
    text = 'treatment = "none"\n' + leaves("a", "b", "c")
    one, other = whole(made(tmp_path / "one", text, THREE)), whole(made(tmp_path / "other", text, copied))
    assert other[:6] == one
    assert other[6] == one[2]
    ranks = top(index(made(tmp_path / "third", text, copied), draws=0).tables["index"])
    assert ranks["R06"]["rank"] == ranks["R02"]["rank"]


@pytest.mark.parametrize(("gap", "tied"), [(1e-11, True), (1e-6, False)])
def test_ties_are_equal_to_a_billionth(tmp_path: Path, gap: float, tied: bool) -> None:
    project = made(tmp_path, 'treatment = "none"\n' + leaves("a"), {"a": [1, 2, 2 + gap, 3]})
    own = top(index(project, draws=0).tables["index"], "of_a")
    assert (own["R01"]["rank"] == own["R02"]["rank"]) is tied


def test_a_pillar_of_which_nobody_has_anything_is_named(tmp_path: Path) -> None:
    text = node("p") + node("q") + leaves("a", parent="p") + leaves("b", "c", parent="q")
    rows: list[Row] = [("a", f"R{k}", "_T", 2020, k) for k in range(4)]
    rows += [(name, "R9", "_T", 2020, 1) for name in "bc"]
    with pytest.raises(RefusedError, match=r"0 of 5 regions have enough"):
        index(project_of(tmp_path, text, "abc", rows), draws=0)
    lenient = project_of(tmp_path / "lenient", "min_coverage = 0\nmin_pillar = 0\n" + text, "abc", rows)
    with pytest.raises(RefusedError, match="of_b has the same value everywhere; of_c has the same value everywhere"):
        index(lenient, draws=0)


# Frozen -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_scores_of_a_year_do_not_change_when_a_later_one_comes(tmp_path: Path, kind: str, mean: str) -> None:
    text = f'normaliser = "{kind}"\naggregation = "{mean}"\n'
    before = panel(tmp_path / "before", [2014, 2016], text)
    after = panel(tmp_path / "after", [2014, 2016, 2018], text)
    scale = freeze(before, year="all")
    old = scores(replace(before, scales={"made": scale}), 2016)
    assert scores(replace(after, scales={"made": scale}), 2016) == old == scores(before, 2016)
    assert scores(after, 2016) != old  # which they do without


def test_values_outside_are_counted_and_not_cut_off(tmp_path: Path) -> None:
    scale = freeze(panel(tmp_path / "before", [2014, 2016]), year="all")
    later = replace(panel(tmp_path / "after", [2014, 2016, 2018]), scales={"made": scale})
    result = index(later, year=2018, draws=0, steps=True)
    own = top(result.tables["index"], "of_a")
    assert own["R5"]["score"] == pytest.approx((558 - 4) / (56 - 4))
    assert result.meta["scale"]["hash"] == scale.hash
    assert result.meta["scale"]["outside"] == {"of_a": {"below": 0, "above": 1}, "of_b": {"below": 0, "above": 2}}
    row = result.tables["scale"].filter(node="of_a").row(0, named=True)
    assert (row["frozen"], row["scale_low"], row["scale_high"], row["above"]) == (True, 4.0, 56.0, 1)
    loose = index(later, year=2018, draws=0, frozen=False, steps=True)
    assert loose.meta["scale"]["hash"] is None
    assert not loose.tables["scale"]["frozen"].any()


def test_goalposts_are_cut_off_and_counted(tmp_path: Path) -> None:
    text = 'normaliser = "goalposts"\n[[nodes]]\nid = "of_a"\nindicator = "a"\ngoalposts = { low = 2, high = 4 }\n'
    result = index(made(tmp_path, text, {"a": [1, 2, 3, 9, 10]}), draws=0)
    assert [row["score"] for row in top(result.tables["index"], "of_a").values()] == [0, 0, 0.5, 1, 1]
    assert result.meta["scale"]["outside"] == {"of_a": {"below": 1, "above": 2}}
    assert [row["rank"] for row in top(result.tables["index"], "of_a").values()] == [5, 4, 3, 2, 1]  # of the raw values


def test_frozen_bounds_of_outliers_are_not_judged_again(tmp_path: Path) -> None:
    first = made(tmp_path / "first", leaves("a"), {"a": OUTLIER})
    scale = freeze(first)
    assert (scale.leaves[0].scale.treatment, scale.leaves[0].scale.high) == ("winsorised", 30.0)
    tame = made(tmp_path / "tame", leaves("a"), {"a": list(range(1, 46, 4))})
    result = index(replace(tame, scales={"made": scale}), draws=0, steps=True)
    assert result.tables["treatment"].select("treatment", "points", "pulled_high").rows() == [("winsorised", 4, 30.0)]
    own = top(result.tables["index"], "of_a")
    assert (own["R11"]["score"], own["R07"]["score"]) == (1.0, pytest.approx(28 / 29))
    assert [own[f"R{k:02}"]["rank"] for k in (11, 10, 9, 8)] == [1, 2, 3, 4]  # of the raw values
    assert index(tame, draws=0, steps=True).tables["treatment"]["treatment"].item() == "none"


def test_a_frozen_scale_takes_a_constant_column(tmp_path: Path) -> None:
    scale = freeze(made(tmp_path / "first", leaves("a", "b"), {"a": [1, 2, 3, 5], "b": [1, 5, 2, 3]}))
    flat = made(tmp_path / "flat", leaves("a", "b"), {"a": [2, 2, 2, 2], "b": [1, 5, 2, 3]})
    found = index(replace(flat, scales={"made": scale}), draws=50).tables["index"]
    assert {row["score"] for row in top(found, "of_a").values()} == {0.25}
    with pytest.raises(RefusedError, match="of_a has the same value everywhere"):
        index(flat, draws=0)


def test_a_logarithm_that_does_not_exist_is_refused_with_a_way_out(tmp_path: Path) -> None:
    first = made(tmp_path / "first", leaves("a"), {"a": SKEWED})
    scale = freeze(first)
    assert scale.leaves[0].scale.treatment == "log"
    zero = replace(made(tmp_path / "zero", leaves("a"), {"a": [0, *SKEWED[1:]]}), scales={"made": scale})
    with pytest.raises(
        RefusedError, match="of_a: 1 values lie beyond the logarithm's range of the frozen scale"
    ) as caught:
        index(zero, draws=0)
    assert "--freeze" in (caught.value.fix or "")


def test_scores_below_a_frozen_geometric_scale_are_refused_with_a_way_out(tmp_path: Path) -> None:
    text = 'aggregation = "geometric"\ntreatment = "none"\n' + leaves("a", "b")
    scale = freeze(made(tmp_path / "first", text, {"a": [1, 2, 3], "b": [1, 3, 2]}))
    assert scale.shifts == {"made": 0.01}
    lower = replace(made(tmp_path / "lower", text, {"a": [0.5, 2, 3], "b": [1, 3, 2]}), scales={"made": scale})
    with pytest.raises(RefusedError, match="the mean geometric of made") as caught:
        index(lower, draws=0)
    assert "--freeze" in (caught.value.fix or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (leaves("a") + leaves("b", direction=-1), "of_b has another direction"),
        (leaves("a", "b", "c"), "of_c is not in it"),
        ('normaliser = "z_score"\n' + leaves("a", "b"), "of_a has another normaliser; of_b has another normaliser"),
        ('treatment = "none"\n' + leaves("a", "b"), "of_a has another treatment"),
        (leaves("a") + node("of_b", indicator="c"), "of_b has another indicator"),
    ],
)
def test_a_scale_that_does_not_fit_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    scale = freeze(made(tmp_path / "first", leaves("a", "b"), THREE))
    other = replace(made(tmp_path / "other", text, THREE), scales={"made": scale})
    with pytest.raises(RefusedError, match=said) as caught:
        index(other, draws=0)
    assert "capmap index made --freeze" in (caught.value.fix or "")
    assert index(other, draws=0, frozen=False).tables["index"]["score"].null_count() == 0


@pytest.mark.parametrize(
    "text", [leaves("a"), leaves("a") + leaves("b", weight=3), 'aggregation = "median"\n' + leaves("a", "b")]
)
def test_weights_means_and_fewer_indicators_leave_a_scale_fitting(tmp_path: Path, text: str) -> None:
    scale = freeze(made(tmp_path / "first", leaves("a", "b"), THREE))
    other = replace(made(tmp_path / "other", text, THREE), scales={"made": scale})
    assert index(other, draws=0).meta["scale"]["hash"] == scale.hash


def test_a_scenario_keeps_what_still_fits(tmp_path: Path) -> None:
    project = made(tmp_path, leaves("a", "b"), THREE)
    kept = replace(project, scales={"made": freeze(project)})
    rows = index(kept, draws=0, what_if=["normaliser=z_score"]).tables["scenarios"]
    free = index(project, draws=0, what_if=["normaliser=z_score"]).tables["scenarios"]
    assert rows.equals(free)


# The file -----------------------------------------------------------------------------------------------------------


def test_a_scale_survives_its_file(tmp_path: Path) -> None:
    project = panel(tmp_path, [2014, 2016])
    scale = freeze(project, year="all")
    path = write_scale(project, scale)
    assert path == tmp_path / "index" / "made.scale.json"
    again = load(tmp_path, environ={})
    assert again.scales == {"made": scale}
    assert freeze(project, year="all") == scale
    assert (scale.periods, scale.leaves[0].years, scale.leaves[0].regions[:2]) == (
        (2014, 2016),
        (2014, 2016),
        ("R0", "R1"),
    )
    kept, name = keep(project, scale)
    assert (kept.scales, name) == ({"made": scale}, "index/made.scale.json")


def test_provenance_changes_with_the_scale(tmp_path: Path) -> None:
    from capmap.data.write import origin

    project = panel(tmp_path, [2014, 2016])
    one, other = freeze(project, year="all"), freeze(project, year=2014)
    found = [
        origin(replace(project, scales=s))["definitions"].get("scales") for s in ({}, {"made": one}, {"made": other})
    ]
    assert found[0] is None
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('"direction": 1', '"direction": -1'), "its hash does not match its content"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "not of a version that this capmap reads"),
        (lambda text: text[:-20], "is not JSON"),
        (lambda text: "[]", "not of a version"),
    ],
)
def test_a_scale_that_was_tampered_with_stops_every_command(tmp_path: Path, change: object, said: str) -> None:
    project = panel(tmp_path, [2014, 2016])
    path = write_scale(project, freeze(project))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(CapmapError, match=said) as caught:
        load(tmp_path, environ={})
    assert caught.value.exit_code == 3


def test_layout_does_not_matter_to_the_hash(tmp_path: Path) -> None:
    project = panel(tmp_path, [2014, 2016])
    path = write_scale(project, freeze(project))
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(content.items())), indent=4), encoding="utf-8")
    assert load(tmp_path, environ={}).scales["made"].hash == content["hash"]


def test_a_scale_of_no_index_is_a_warning(tmp_path: Path) -> None:
    project = panel(tmp_path, [2014, 2016])
    path = write_scale(project, freeze(project))
    path.rename(path.with_name("other.scale.json"))
    problems = [f for f in load(tmp_path, environ={}, check=False).findings if f.file == "index/other.scale.json"]
    assert [f.code for f in problems] == ["CM140"]  # it is that of another index
    (tmp_path / "index" / "made.toml").unlink()
    path.with_name("other.scale.json").rename(path)
    problems = [f for f in load(tmp_path, environ={}).findings if f.file == "index/made.scale.json"]
    assert [(f.code, f.severity) for f in problems] == [("CM141", "warning")]


def test_nothing_is_frozen_in_the_sample(sample: Project) -> None:
    with pytest.raises(UsageError, match="belongs to the installation"):
        write_scale(sample, freeze(sample))


def test_a_frozen_scale_of_the_sample_gives_the_same_scores(sample: Project) -> None:
    kept = replace(sample, scales={"innovation": freeze(sample)})
    assert index(kept, draws=0).tables["index"].equals(index(sample, draws=0).tables["index"])


def test_the_scale_is_that_of_the_formulas(sample: Project) -> None:
    leaf = framework(sample, sample.indices["innovation"]).leaves[0]
    x = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
    scale = fitted(leaf, x)
    assert (
        scaled(leaf, treated(scale, x), "min_max", parameters=scale.parameters).tolist()
        == normalisation.min_max(x).tolist()
    )
