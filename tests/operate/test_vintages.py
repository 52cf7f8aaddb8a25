"""Vintages: whole or not there, computed only where something changed, and found again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import capmap
from capmap.analyses.index import freeze, index
from capmap.data import results
from capmap.data.latest import pointed
from capmap.data.load import load
from capmap.data.scale import keep
from capmap.data.write import sha256
from capmap.errors import RefusedError, UnreadableError, UsageError, WriteError
from capmap.model import Project, Result
from capmap.operate import vintages as module
from capmap.operate.compute import Analysis
from capmap.operate.diff import diff
from capmap.operate.frozen import thaw
from capmap.operate.run import everything, run_all
from capmap.operate.shelf import NAME, Vintage, resolve, vintages
from capmap.operate.vintages import Published, digest_of, publish
from tests.operate.small import INDICATORS, light, revised, small, table

NOW = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return small(tmp_path_factory.mktemp("project"))


def put(project: Project, folder: Path, days: int = 0, keep: int = 12, **more: object) -> Published:
    """Publish the light analyses so many days later."""
    analyses: Mapping[str, Analysis] = light(project)
    return publish(project, folder, now=NOW + timedelta(days=days), keep=keep, analyses=analyses, **more)  # type: ignore[arg-type]


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def figures(folder: Path) -> dict[str, bytes]:
    return {
        name: text for name, text in content(folder).items() if name.endswith((".csv", ".parquet")) and "/" not in name
    }


# Published and found ---------------------------------------------------------------------------------------------------


def test_a_vintage_holds_every_result_and_says_what_it_is(project: Project, tmp_path: Path) -> None:
    done = put(project, tmp_path / "results", run_id="run-7", sources=[{"id": "eurostat", "etag": "abc"}])
    assert done.path is not None
    assert done.earlier is None
    assert done.changed
    manifest = Vintage(done.path).manifest
    assert NAME.fullmatch(done.path.name)
    assert done.path.name.startswith("20261122T021500Z-")
    assert manifest["vintage"]["run_id"] == "run-7"
    assert manifest["sources"] == [{"id": "eurostat", "etag": "abc"}]
    listed = {e["name"]: e["sha256"] for key in ("files", "frozen", "documents") for e in manifest[key]}
    held = {name for name in content(done.path) if name != "manifest.json"}
    assert set(listed) == held, "every file but the manifest is in it"
    assert all(sha256(done.path / name) == digest for name, digest in listed.items())
    assert manifest["vintage"]["digest"] == digest_of(manifest)
    assert done.path.name.endswith(manifest["vintage"]["digest"][:12])
    assert pointed(tmp_path / "results") == done.path


def test_an_unchanged_project_makes_no_vintage_and_computes_nothing(project: Project, tmp_path: Path) -> None:
    first = put(project, tmp_path / "results")
    before = content(tmp_path / "results")
    calls: list[str] = []

    def counted(name: str, analysis: Analysis) -> Analysis:
        return lambda seen: calls.append(name) or analysis(seen)  # type: ignore[func-returns-value]

    analyses = {name: counted(name, analysis) for name, analysis in light(project).items()}
    again = publish(project, tmp_path / "results", now=NOW + timedelta(days=1), keep=12, analyses=analyses)
    assert again == Published(None, first.path, 0, first.computed, False)
    assert calls == []
    assert content(tmp_path / "results") == before


def test_another_source_alone_makes_no_vintage(project: Project, tmp_path: Path) -> None:
    put(project, tmp_path / "results", sources=[{"id": "a", "fetched": "yesterday"}])
    assert put(project, tmp_path / "results", 1, sources=[{"id": "a", "fetched": "today"}]).path is None


def test_files_rewritten_without_another_figure_are_a_vintage_that_changed_nothing(
    project: Project, tmp_path: Path
) -> None:
    first = put(project, tmp_path / "results")
    (file,) = project.files
    rewritten = replace(project, files=(replace(file, sha256="0" * 64),))
    done = put(rewritten, tmp_path / "results", 1)
    assert done.path is not None
    assert not done.changed
    assert done.computed == 0
    assert done.earlier == first.path
    csv = [name for name in figures(done.path) if name.endswith(".csv")]
    assert csv
    assert all((done.path / name).read_bytes() == (first.path / name).read_bytes() for name in csv)


def test_a_damaged_vintage_is_made_again(project: Project, tmp_path: Path) -> None:
    first = put(project, tmp_path / "results")
    assert first.path is not None
    whole = figures(first.path)
    damaged = first.path / "rca.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-7] + b"\x00" * 7)
    done = put(project, tmp_path / "results", 1)
    assert done.path is not None
    assert figures(done.path) == whole
    assert done.computed >= len(INDICATORS), "nothing is taken from a damaged file"


def test_names_rise_when_the_clock_goes_backwards(project: Project, tmp_path: Path) -> None:
    made = [put(revised(project, 1.0 + k), tmp_path / "results", -k).path for k in range(4)]
    names = [path.name for path in made if path is not None]
    assert len(names) == 4
    assert names == sorted(names)
    assert resolve(tmp_path / "results", "latest").id == names[-1]
    assert resolve(tmp_path / "results", "previous").id == names[-2]


def test_the_oldest_beyond_keep_are_removed_and_nothing_else(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    mine = folder / "vintages" / "my notes"
    mine.mkdir(parents=True)
    (mine / "read me").write_text("mine")
    made = [put(revised(project, 1.0 + k), folder, k, keep=2).path for k in range(4)]
    assert [v.path for v in vintages(folder)] == made[-2:]
    assert (mine / "read me").read_text() == "mine"
    done = put(revised(project, 9.0), folder, 9, keep=1)
    assert [v.path for v in vintages(folder)] == [done.path]
    assert sorted(os.listdir(folder)) == ["latest", "vintages"]


def test_names_of_vintages(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with pytest.raises(UsageError, match="no vintages"):
        resolve(folder, "latest")
    first, second = put(project, folder).path, put(revised(project), folder, 1).path
    assert first is not None
    assert second is not None
    assert resolve(folder, "20261122").path == first
    assert resolve(folder, second.name.partition("-")[2][:6]).path == second
    assert resolve(folder, first.name).path == first
    assert resolve(tmp_path, str(second)).path == second
    assert resolve(tmp_path, str(folder)).path == second, "a folder of vintages stands for its latest"
    with pytest.raises(UsageError, match="begins 2 vintages"):
        resolve(folder, "2026")
    for name in ("", "..", "../..", "/", "\x00", "latest/../..", "nonsense"):
        with pytest.raises((UsageError, UnreadableError)):
            resolve(folder, name)


def test_a_pointer_that_leads_elsewhere_is_none(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for text in ("/etc", "../other", "vintages/../../x", "vintages/..", "vintages", "", "x" * 10_000):
        (folder / "latest").unlink(missing_ok=True)
        (folder / "latest").write_text(text)
        assert pointed(folder) is None
    done = put(project, folder)
    assert pointed(folder) == done.path


def test_without_links_the_pointer_is_a_file(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    done = put(project, tmp_path / "results")
    assert done.path is not None
    assert (tmp_path / "results" / "latest").read_text() == f"vintages/{done.path.name}\n"
    assert resolve(tmp_path / "results", "latest").path == done.path
    assert put(project, tmp_path / "results", 1).path is None


def test_a_folder_in_the_place_of_the_pointer_is_left_alone(project: Project, tmp_path: Path) -> None:
    mine = tmp_path / "results" / "latest"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(WriteError, match="it is a folder"):
        put(project, tmp_path / "results")
    assert (mine / "thesis.txt").read_text() == "mine"


def test_nothing_to_compute_leaves_the_latest(project: Project, tmp_path: Path) -> None:
    first = put(project, tmp_path / "results")

    def refuses(_: Project) -> Result:
        raise RefusedError("too short")

    with pytest.raises(RefusedError, match="too short"):
        publish(project, tmp_path / "results", now=NOW, keep=1, analyses={"one": refuses, "two": refuses})
    assert pointed(tmp_path / "results") == first.path


def test_the_folder_of_the_data_is_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="reads from"):
        put(project, project.root / "data")


# Reuse -----------------------------------------------------------------------------------------------------------------


def test_one_revised_indicator_is_computed_alone(project: Project, tmp_path: Path) -> None:
    counts: dict[str, list[set[str]]] = {}

    def counted(name: str, analysis: Analysis) -> Analysis:
        def seen(one: Project) -> Result:
            counts.setdefault(name, []).append(set(one.observations["indicator"].unique().cast(pl.String)))
            return analysis(one)

        return seen

    first = put(project, tmp_path / "results")
    assert first.computed == first.reused + len(INDICATORS) * 3 + 3
    analyses = {name: counted(name, analysis) for name, analysis in light(project).items()}
    news = revised(project)
    done = publish(news, tmp_path / "results", now=NOW + timedelta(days=1), keep=12, analyses=analyses)
    assert counts["rca"] == [{"patents"}], "the others are read from the earlier vintage"
    assert counts["relatedness"] == [{"patents", "population"}]
    assert len(counts["regions"]) == 1
    assert (done.computed, done.reused) == (3 + 3, 3 * (len(INDICATORS) - 1))
    fresh = put(news, tmp_path / "other", 1)
    assert done.path is not None
    assert fresh.path is not None
    assert figures(done.path) == figures(fresh.path), "the same bytes, read or computed"


def test_the_files_are_those_of_a_run(project: Project, tmp_path: Path) -> None:
    run_all(revised(project), tmp_path / "run", analyses=light(project))
    put(project, tmp_path / "results")
    done = put(revised(project), tmp_path / "results", 1)
    assert done.path is not None
    assert figures(done.path) == figures(tmp_path / "run")


def test_the_sample_put_together_from_units_is_the_sample_computed(sample: Project, tmp_path: Path) -> None:
    wanted = ("rca", "intensity", "normalise", "complexity", "relatedness", "backtest")
    analyses = {name: analysis for name, analysis in everything(sample).items() if name in wanted}
    sample = replace(sample, observations=sample.observations.filter(pl.col("year") >= 2014))
    publish(sample, tmp_path / "results", now=NOW, keep=2, analyses=analyses)
    value = pl.when(pl.col("indicator") == "articles").then(pl.col("value") * 1.25).otherwise(pl.col("value"))
    news = replace(sample, observations=sample.observations.with_columns(value.alias("value")))
    done = publish(news, tmp_path / "results", now=NOW, keep=2, analyses=analyses)
    run_all(news, tmp_path / "run", analyses=analyses)
    assert done.path is not None
    assert done.computed == 5
    assert figures(done.path) == figures(tmp_path / "run")


def test_a_parameter_computes_everything_anew(project: Project, tmp_path: Path) -> None:
    first = put(project, tmp_path / "results")
    stricter = project.run.model_copy(
        update={"specialisation": project.run.specialisation.model_copy(update={"threshold": 1.5})}
    )
    done = put(replace(project, run=stricter), tmp_path / "results", 1)
    assert done.reused == 0
    assert done.computed == first.computed


def test_settings_that_change_no_figure_make_no_vintage(project: Project, tmp_path: Path) -> None:
    put(project, tmp_path / "results")
    other = project.run.model_copy(update={"results": project.run.results.model_copy(update={"keep": 3})})
    assert put(replace(project, run=other), tmp_path / "results", 1).path is None


def test_an_indicator_that_refuses_is_no_reason_to_differ_from_a_run(project: Project, tmp_path: Path) -> None:
    put(project, tmp_path / "results")
    zero = pl.when(pl.col("indicator") == "papers").then(0.0).otherwise(pl.col("value"))
    news = replace(project, observations=project.observations.with_columns(zero.alias("value")))
    done = put(news, tmp_path / "results", 1)
    run_all(news, tmp_path / "run", analyses=light(project))
    assert done.path is not None
    assert figures(done.path) == figures(tmp_path / "run")


# Killed ----------------------------------------------------------------------------------------------------------------

KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from capmap.data import write
from capmap.operate import run, vintages
from tests.operate.small import light, revised
from capmap.data.load import load
from capmap.data.scale import keep

stop = int(sys.argv[2])
steps = []

def step(name, real):
    def stepped(*args, **kwargs):
        steps.append(name)
        if len(steps) == stop:
            os._exit(9)
        return real(*args, **kwargs)
    return stepped

for name in ("fsync", "rename", "replace", "mkdir", "unlink", "symlink"):
    setattr(os, name, step(name, getattr(os, name)))
project = revised(load(sys.argv[1], environ={}), 3.0)
folder = Path(sys.argv[1]) / "results"
vintages.publish(project, folder, now=datetime(2026, 12, 1, tzinfo=UTC), keep=1, analyses={"rca": light(project)["rca"]})
print(*steps)
"""


def killed(root: Path, step: int) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path(capmap.__file__).parents[1]), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(root), str(step)], env=os.environ | {"PYTHONPATH": paths},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_a_whole_vintage_and_the_next_run_recovers(tmp_path: Path) -> None:
    project = small(tmp_path / "p")
    folder = project.root / "results"
    analyses = {"rca": light(project)["rca"]}
    first = publish(project, folder, now=NOW, keep=1, analyses=analyses)
    assert first.path is not None
    names = killed(small(tmp_path / "counted").root, 0).stdout.split()
    move, link, point = (names.index(name) + 1 for name in ("rename", "symlink", "replace"))
    assert move < link < point
    retire = point + names[point:].index("rename") + 1 if "rename" in names[point:] else point + 1
    for step in (move, link, point, retire + 2):
        done = killed(project.root, step)
        assert done.returncode == 9, done.stderr
        latest = resolve(folder, "latest")
        assert latest.damaged() == [], f"killed at step {step}"
        again = publish(revised(project, 3.0), folder, now=NOW, keep=1, analyses=analyses)
        assert resolve(folder, "latest").damaged() == []
        assert pointed(folder) in (again.path, again.earlier)
        assert not [name for name in os.listdir(folder) if name.startswith(".tmp-capmap-")], "leftovers are swept"
        back = publish(project, folder, now=NOW, keep=1, analyses=analyses)
        assert back.path is not None
        assert back.changed


def test_a_vintage_that_was_made_but_never_pointed_to_is_taken_up(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(project, tmp_path / "results")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_point", dies)
        with pytest.raises(KeyboardInterrupt):
            put(revised(project), tmp_path / "results", 1)
    assert pointed(tmp_path / "results") == first.path
    done = put(revised(project), tmp_path / "results", 2)
    assert done.path is not None
    assert done.path.name.startswith("20261123T")
    assert (done.computed, done.changed, done.earlier) == (0, True, first.path)
    assert pointed(tmp_path / "results") == done.path


# What else there is ------------------------------------------------------------------------------------------------------


def test_the_frozen_inputs_give_the_same_results(project: Project, tmp_path: Path) -> None:
    done = put(project, tmp_path / "results")
    assert done.path is not None
    thawed = thaw(done.path, Vintage(done.path).manifest)
    assert thawed is not None
    run_all(thawed, tmp_path / "again", analyses=light(thawed))
    assert figures(tmp_path / "again") == figures(done.path)


def test_experts_and_a_frozen_scale_are_among_the_frozen_inputs(tmp_path: Path) -> None:
    root = tmp_path / "p"
    small(root)
    (root / "index").mkdir()
    leaves = "".join(f'[[nodes]]\nid = "{one}"\nindicator = "{one}"\nper = "population"\n' for one in INDICATORS)
    (root / "index" / "sum.toml").write_text(
        f'name = "Sum"\nweighting = "budget"\nexperts = "experts.csv"\n{leaves}', "utf-8"
    )
    points = [["a", "papers", 50], ["a", "patents", 30], ["a", "trademarks", 20]]
    table(root / "index" / "experts.csv", ["expert", "node", "points"], points)
    keep(load(root, environ={}), freeze(load(root, environ={}), "sum"))
    project = load(root, environ={})
    wanted = {"index": lambda p: index(p, "sum", draws=0)}
    done = publish(project, tmp_path / "results", now=NOW, keep=12, analyses=wanted)
    assert done.path is not None
    thawed = thaw(done.path, Vintage(done.path).manifest)
    assert thawed is not None
    assert thawed.indices == project.indices
    assert thawed.indices["sum"].answers
    assert thawed.scales == project.scales
    assert thawed.scales
    assert index(thawed, "sum", draws=0).tables["index"].equals(index(project, "sum", draws=0).tables["index"])


def test_other_answers_of_experts_and_another_frozen_scale_compute_the_index_anew(tmp_path: Path) -> None:
    root = tmp_path / "p"
    small(root)
    (root / "index").mkdir()
    leaves = "".join(f'[[nodes]]\nid = "{one}"\nindicator = "{one}"\nper = "population"\n' for one in INDICATORS)
    head = 'name = "Sum"\nweighting = "budget"\nexperts = "experts.csv"\n'
    (root / "index" / "sum.toml").write_text(head + leaves, "utf-8")
    wanted = {"index": lambda p: index(p, "sum", draws=0)}

    def scores(days: int) -> tuple[pl.DataFrame, Project]:
        project = load(root, environ={})
        done = publish(project, tmp_path / "results", now=NOW + timedelta(days=days), keep=12, analyses=wanted)
        assert done.path is not None
        assert done.computed == 1
        return pl.read_parquet(done.path / "index.parquet"), project

    def asked(papers: int) -> None:
        points = [["a", "papers", papers], ["a", "patents", 80 - papers], ["a", "trademarks", 20]]
        table(root / "index" / "experts.csv", ["expert", "node", "points"], points)

    asked(50)
    first, _ = scores(0)
    asked(10)
    second, project = scores(1)
    assert not second.equals(first)
    assert second.equals(index(project, "sum", draws=0).tables["index"])
    told = diff(resolve(tmp_path / "results", "previous"), resolve(tmp_path / "results", "latest"))
    assert set(told.tables["cells"]["cause"]) == {"definitions"}
    keep(project, freeze(project, "sum"))
    _, project = scores(2)
    assert project.scales


def test_a_large_project_is_not_frozen(project: Project, tmp_path: Path) -> None:
    smaller = project.run.model_copy(update={"results": project.run.results.model_copy(update={"freeze": 5})})
    done = put(replace(project, run=smaller), tmp_path / "results")
    assert done.path is not None
    assert Vintage(done.path).manifest["frozen"] == []
    assert thaw(done.path, Vintage(done.path).manifest) is None


def test_a_flipped_byte_in_the_frozen_inputs_is_seen(project: Project, tmp_path: Path) -> None:
    done = put(project, tmp_path / "results")
    assert done.path is not None
    file = done.path / "inputs" / "definitions.json"
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)
    assert Vintage(done.path).damaged() == ["inputs/definitions.json"]
    with pytest.raises(UnreadableError, match="not as the manifest"):
        thaw(done.path, Vintage(done.path).manifest)


def test_the_profile_takes_results_of_the_latest_vintage(tmp_path: Path) -> None:
    project = small(tmp_path)
    assert results.state(project) == "none"
    put(project, tmp_path / "results")
    assert results.state(project) == "current"
    assert results.stored(project, "rca") is not None
    assert results.state(revised(project)) == "current", "inputs are known by the hashes of their files"
    run_all(replace(project, files=()), tmp_path / "results", analyses={"rca": light(project)["rca"]})
    assert results.state(project) == "current", "an outdated run beside it does not matter"
    found = results.stored(project, "regions")
    assert found is not None


@pytest.fixture(scope="module")
def vintage(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from capmap.report.vintage import Words

    folder = tmp_path_factory.mktemp("package") / "results"
    hostile = project.run
    put(replace(project, run=hostile), folder)
    done = put(revised(project), folder, 1, wording=Words())
    assert done.path is not None
    return done.path


@pytest.mark.slow
def test_the_data_package_is_valid_and_describes_the_files(vintage: Path) -> None:
    frictionless = pytest.importorskip("frictionless")
    package = json.loads((vintage / "datapackage.json").read_text("utf-8"))
    report = frictionless.Package.validate_descriptor(package, basepath=str(vintage))
    assert report.valid, report.flatten(["type", "note"])
    resources = [r for r in package["resources"] if r["format"] == "csv"]
    for resource in resources:
        header = (vintage / resource["path"]).read_text("utf-8").splitlines()[0].split(",")
        assert [field["name"] for field in resource["schema"]["fields"]] == header
        assert all(field["description"] for field in resource["schema"]["fields"])
    table = frictionless.Package(str(vintage / "datapackage.json")).get_resource("rca")
    checked = frictionless.validate(table)
    assert checked.valid, checked.flatten(["type", "note"])


def test_the_provenance_is_valid_prov(vintage: Path) -> None:
    prov = pytest.importorskip("prov.model")
    document = prov.ProvDocument.deserialize(str(vintage / "provenance.json"), format="json")
    kinds = {type(record).__name__ for record in document.get_records()}
    assert {"ProvEntity", "ProvActivity", "ProvAgent", "ProvUsage", "ProvGeneration", "ProvAttribution"} <= kinds
    assert "ProvDerivation" in kinds
    names = {
        str(label) for record in document.get_records(prov.ProvEntity) for label in record.get_attribute("prov:label")
    }
    assert {"rca.parquet", "data/observations.csv"} <= names


def test_the_change_report_is_in_the_vintage(vintage: Path) -> None:
    text = (vintage / "changes.md").read_text("utf-8")
    assert text.startswith("# Changes from 20261122T021500Z")
    assert "data revision" in text
    tables = json.loads((vintage / "changes.json").read_text("utf-8"))["tables"]
    assert {row["cause"] for row in tables["cells"]} == {"data_revision"}


Break = Callable[[Path], None]


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    evil = ["../../x", "a|b", "[bold]x[/]", "=1+1", "<script>", "é\u2028x"]
    project = small(tmp_path / "p", sectors=evil)
    first = put(project, tmp_path / "results")
    from capmap.report.vintage import Words

    done = put(revised(project, 5.0), tmp_path / "results", 1, wording=Words())
    assert first.path is not None
    assert done.path is not None
    lines = (done.path / "changes.md").read_text("utf-8").splitlines()
    width = {line.replace("\\|", "").count("|") for line in lines if line.startswith("|")}
    assert len(width) == 1, "no name breaks the table"
    assert "<script>" not in "\n".join(lines)
    assert sorted(os.listdir(tmp_path)) == ["p", "results"]
    assert load(project.root, environ={}).observations.height == project.observations.height
