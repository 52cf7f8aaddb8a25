"""What the verbs of the Python interface say to arguments that do not fit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

import capmap as cm
from capmap.errors import CapmapError, UsageError
from capmap.model import Project, Result

#: verb -> the arguments it needs besides the project
NEEDED: dict[str, tuple[Any, ...]] = {
    "check": (), "compare": (["DEU", "KOR"],), "config": (), "index": (), "indicators": (), "intensity": (), "normalise": (),
    "profile": ("KOR",), "rca": (), "regions": (), "robustness": (), "run": ("results",),
    "sector": ("semiconductors",), "sectors": (),
}  # fmt: skip


def test_the_base_of_all_errors_is_exported() -> None:
    assert cm.CapmapError is CapmapError
    assert "CapmapError" in cm.__all__


@pytest.mark.parametrize("verb", NEEDED)
@pytest.mark.parametrize("wrong", [None, "my-project", pl.DataFrame({"region": ["KOR"]})])
def test_every_verb_asks_for_a_loaded_project(verb: str, wrong: object) -> None:
    with pytest.raises(UsageError, match=r"^project should be what `capmap\.load\(\)` returns, not ") as caught:
        getattr(cm, verb)(wrong, *NEEDED[verb])
    assert caught.value.fix


@pytest.mark.parametrize("verb", sorted({*NEEDED} - {"check", "config", "indicators", "regions", "run", "sectors"}))
def test_an_unknown_option_is_named_with_the_nearest(sample: Project, verb: str) -> None:
    with pytest.raises(UsageError, match="no_such_option"):
        getattr(cm, verb)(sample, *NEEDED[verb], no_such_option=1)
    with pytest.raises(UsageError, match="yeer") as caught:
        getattr(cm, verb)(sample, *NEEDED[verb], yeer=2018)
    if verb != "normalise":  # its options may be those of the method, which answers for them
        assert caught.value.fix == "did you mean year?"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: cm.load(3), "project should be a valid string or a valid path, not 3"),
        (lambda p: cm.load(["a"]), "project should be a valid string or a valid path, not a list"),
        (lambda p: cm.load(data=3, kind="count"), "data should be a valid string or a valid path, not 3"),
        (lambda p: cm.load(data="x.csv", kind=3), "kind should be a valid string, not 3"),
        (
            lambda p: cm.load(data="x.csv", kind="count", columns="a=b"),
            "columns should be a valid dictionary, not 'a=b'",
        ),
        (lambda p: cm.load("a", "b"), "too many positional arguments"),
        (lambda p: cm.load(dta="x.csv"), "load has no option dta"),
        (lambda p: cm.profile(p, None), "region should be a valid string, not None"),
        (lambda p: cm.profile(p, ["KOR"]), "region should be a valid string, not a list"),
        (lambda p: cm.sector(p, ["semiconductors"]), "sector should be a valid string, not a list"),
        (lambda p: cm.compare(p, None), "regions should be a valid list, not None"),
        (lambda p: cm.compare(p, ["KOR", 4]), r"regions\[1\] should be a valid string, not 4"),
        (lambda p: cm.compare(p, ["KOR", "DEU"], versus=3), "versus should be a valid string, not 3"),
        (lambda p: cm.rca(p, year="abc"), "abc is not a year"),
        (lambda p: cm.rca(p, year=[2018]), "year should be a valid integer or a valid string, not a list"),
        (lambda p: cm.rca(p, indicator=3), "indicator should be a valid list, not 3"),
        (lambda p: cm.rca(p, region=[None]), r"region\[0\] should be a valid string, not None"),
        (lambda p: cm.rca(p, region={"KOR": 1}), "region should be a valid list, not a dict"),
        (lambda p: cm.rca(p, region=pl.DataFrame({"region": ["KOR"]})), r"region\[0\] should be a valid string"),
        (lambda p: cm.rca(p, treshold=1.0), "rca has no option treshold"),
        (lambda p: cm.rca(p, threshold="high"), "threshold"),
        (lambda p: cm.rca(p, complete="perhaps"), "complete should be a valid boolean, not 'perhaps'"),
        (lambda p: cm.intensity(p, floor="high"), "floor should be a valid number, not 'high'"),
        (lambda p: cm.normalise(p, method=["rank"]), "method should be a valid string, not a list"),
        (lambda p: cm.normalise(p, per=3), "per should be a valid string, not 3"),
        (
            lambda p: cm.normalise(p, indicator="robot_use", method="distance_to_target", target="far"),
            "target should be a valid number, not 'far'",
        ),
        (lambda p: cm.regions(p, group=3), "group should be a valid string, not 3"),
        (lambda p: cm.sectors(p, 3), "classification should be a valid string, not 3"),
        (lambda p: cm.init(None), "target should be a valid string or a valid path, not None"),
        (lambda p: cm.run(p, None), "folder should be a valid string or a valid path, not None"),
        (lambda p: cm.write(None, "x.csv"), "result should be what .* returns, not None"),
        (lambda p: cm.write(cm.indicators(p), "x.csv"), "result should be what .* returns, not a DataFrame"),
        (lambda p: cm.write(Result("rca", {}), None), "path should be a valid string or a valid path, not None"),
    ],
)
def test_a_wrong_type_is_met_with_what_was_expected(
    sample: Project, call: Callable[[Project], object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        call(sample)


def test_one_text_alone_is_one_name_and_none_is_nothing_asked(sample: Project) -> None:
    listed = cm.rca(
        sample, indicator=["patent_families"], region=["KOR"], sector=["semiconductors"], extras=["loo"],
        classes=["below"],
    )  # fmt: skip
    alone = cm.rca(
        sample, indicator="patent_families", region="KOR", sector="semiconductors", extras="loo", classes="below"
    )
    assert alone.equals(listed)
    assert "rca_loo" in alone.columns
    assert cm.rca(sample, indicator=None, region=None, sector=None).equals(cm.rca(sample))


def test_names_and_years_come_out_of_frames_and_arrays(sample: Project) -> None:
    plain = cm.rca(sample, indicator=["patent_families"], region=["KOR", "DEU"], year=2018)
    names = pl.Series(["KOR", "DEU"], dtype=pl.Categorical)
    assert cm.rca(sample, indicator="patent_families", region=names, year=np.int64(2018)).equals(plain)
    assert cm.rca(sample, indicator="patent_families", region=names.to_numpy(), year="2018").equals(plain)


def test_a_checked_verb_is_documented_as_the_plain_one() -> None:
    from capmap.data import load

    assert cm.load.__doc__ == load.__doc__
    assert cm.load.__name__ == "load"


def test_a_wrong_argument_can_be_caught_with_nothing_but_the_package() -> None:
    code = """
import capmap as cm
try:
    cm.rca(None)
except cm.CapmapError as error:
    print(error.exit_code, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 project should be")
