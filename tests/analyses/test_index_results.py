"""Indicators of an index that capmap measures itself: the figures of the other analyses, and their reasons for none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capmap.analyses.complexity import complexity
from capmap.analyses.index import freeze, index
from capmap.analyses.specialisation import rca
from capmap.errors import CapmapError, RefusedError
from capmap.model import IndexFile, IndexNode, Project

from .small_project import Row, describe
from .test_index_analysis import top
from .test_index_imputation import project_of

COLUMNS = {
    "eci": (),
    "coi": (),
    "fitness": (),
    "diversity": (),
    "coherence": ("coherence",),
    "related_variety": ("variety",),
}


def with_leaf(sample: Project, **keys: object) -> Project:
    """The sample with an index of one indicator, `own`."""
    nodes = (IndexNode(id="x", indicator="patent_families", **keys),)  # type: ignore[arg-type]
    file = IndexFile(id="own", name="Own", nodes=nodes, treatment="none")
    return replace(sample, indices={"own": file})


@pytest.mark.parametrize("result", COLUMNS)
def test_a_result_is_the_column_of_complexity(sample: Project, result: str) -> None:
    found = index(with_leaf(sample, result=result), draws=0, steps=True).tables["denomination"]
    table = complexity(sample, indicator=["patent_families"], extras=COLUMNS[result], draws=0).tables["regions"]
    own = dict(table.select("region", result).iter_rows())
    for region, value in found.select("region", "value").iter_rows():
        assert value == own[region]


def test_established_specialisations_are_those_of_rca(sample: Project) -> None:
    found = index(with_leaf(sample, result="n_established"), draws=0, steps=True).tables["denomination"]
    table = rca(sample, indicator=["patent_families"]).tables["rca"]
    for region in ("KOR", "DEU", "USA", "NZL"):
        n = table.filter(region=region)["class"].cast(str).to_list().count("established")
        assert found.filter(region=region)["value"].item() == n


def test_a_region_that_takes_no_part_says_why(sample: Project) -> None:
    found = index(with_leaf(sample, result="eci"), draws=0).tables["index"].filter(node="x")
    left_out = complexity(sample, indicator=["patent_families"], draws=0).meta["blocks"][0]["excluded"]["regions"]
    notes = dict(found.select("region", "note").iter_rows())
    assert {region: notes[region] for region in left_out} == left_out


def table(extra: str = "", *, parts: bool = False) -> tuple[dict[str, str], list[Row]]:
    """A nested table: R0 holds one sector, R3 four. In `parts` it falls into two that share no sector."""
    held = {0: "s", 1: "st", 2: "stu", 3: "stuv"} if not parts else {0: "st", 1: "st", 2: "uv", 3: "uv"}
    rows: list[Row] = [("a", f"R{k}", s, 2020, 1 if s in held[k] else 0) for k in held for s in "stuv"]
    return {"a": describe("count", extra=extra)}, rows


def of_result(folder: Path, result: str, *made: Any) -> Project:
    """An index of one result; everybody takes part, and values are taken as presence."""
    project = project_of(folder, f'[[nodes]]\nid = "x"\nindicator = "a"\nresult = "{result}"\n', *made)
    floors = {"min_regions": 0, "min_share": 0.0, "presence": "given"}
    section = project.run.complexity.model_copy(update=floors)
    return replace(project, run=project.run.model_copy(update={"complexity": section}))


def test_more_is_better_whatever_the_indicator_says(tmp_path: Path) -> None:
    own = top(index(of_result(tmp_path, "diversity", *table("direction = -1")), draws=0).tables["index"], "x")
    assert [own[f"R{k}"]["score"] for k in range(4)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert own["R3"]["rank"] == 1


def test_what_its_method_refuses_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"x: .*parts") as caught:
        index(of_result(tmp_path / "eci", "eci", *table(parts=True)), draws=0)
    assert "[complexity]" in (caught.value.fix or "")
    # a number of sectors needs no eigenvector: it is the same everywhere here, and that is another matter
    with pytest.raises(RefusedError, match="x has the same value everywhere"):
        index(of_result(tmp_path / "diversity", "diversity", *table(parts=True)), draws=0)


def test_a_panel_leaves_out_the_years_that_the_method_refuses(tmp_path: Path) -> None:
    kinds, rows = table()
    apart = [(name, region, sector, 2018, value) for name, region, sector, _, value in table(parts=True)[1]]
    project = of_result(tmp_path, "eci", kinds, [*rows, *apart])
    result = index(project, year="all", draws=0)
    assert [block["year"] for block in result.meta["blocks"]] == [2020]
    assert [(one["year"], one["reason"][:3]) for one in result.meta["skipped"]] == [(2018, "x: ")]


def test_results_are_not_imputed(sample: Project) -> None:
    nodes = (
        IndexNode(id="x", indicator="patent_families", result="eci"), IndexNode(id="y", indicator="patent_families"),
        IndexNode(id="z", indicator="patent_families", sector="optics"),
    )  # fmt: skip
    file = IndexFile(id="own", name="Own", nodes=nodes, treatment="none", min_coverage=0.5, min_pillar=0.5)
    found = index(replace(sample, indices={"own": file}), draws=0, impute="median", steps=True).tables["imputation"]
    assert set(found["note"]) == {"small_total"}
    assert found["value"].null_count() == found.height > 0


def test_a_scale_of_results_depends_on_their_conventions(sample: Project) -> None:
    project = with_leaf(sample, result="diversity")
    scale = freeze(project)
    changed = replace(
        project, scales={"own": scale},
        run=project.run.model_copy(update={"complexity": project.run.complexity.model_copy(update={"threshold": 2.0})}),
    )  # fmt: skip
    with pytest.raises(RefusedError, match="x has another conventions"):
        index(changed, draws=0)


@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        ('result = "ecl"', "CM004", "eci"),
        ('result = "eci"\nper = "b"', "CM142", "`per` says nothing"),
        ('result = "eci"\nsector = "s"', "CM142", "`sector` says nothing"),
        ('result = "eci"\nimputation = "mean"', "CM142", "`imputation` says nothing"),
        ('result = "related_variety"', "CM142", "no sector of goods has one"),
        ('result = "eci"\nnormaliser = "goalposts"', "CM107", "has none"),
    ],
)
def test_faults_of_results_are_named(tmp_path: Path, keys: str, code: str, said: str) -> None:
    kinds, rows = table("goalposts = { low = 0, high = 1 }")
    kinds["b"] = describe("value", classification="none")
    text = f'[[nodes]]\nid = "x"\nindicator = "a"\n{keys}\n'
    with pytest.raises(CapmapError) as caught:
        project_with_goods(tmp_path / "p", text, kinds, rows)
    found = [f for f in caught.value.findings if f.code == code]  # type: ignore[attr-defined]
    assert found, [f.message for f in caught.value.findings]  # type: ignore[attr-defined]
    assert any(said in f.message + f.fix for f in found)


def project_with_goods(folder: Path, text: str, kinds: dict[str, str], rows: list[Row]) -> Project:
    from .small_project import small_project

    (folder / "index").mkdir(parents=True)
    (folder / "index" / "made.toml").write_text('name = "Made up"\n' + text, encoding="utf-8")
    return small_project(folder, kinds, [*rows, ("b", "R0", "_T", 2020, 1)], sectors=[f"{s},{s},," for s in "stuv"])


@pytest.mark.parametrize("kind", ["intensity", "score"])
def test_ratios_and_judgements_have_no_results(tmp_path: Path, kind: str) -> None:
    rows: list[Row] = [("a", f"R{k}", s, 2020, k) for k in range(3) for s in "st"]
    text = '[[nodes]]\nid = "x"\nindicator = "a"\nresult = "diversity"\n'
    with pytest.raises(CapmapError, match=f"of the kind {kind}"):
        project_of(tmp_path, text, {"a": describe(kind)}, rows)
