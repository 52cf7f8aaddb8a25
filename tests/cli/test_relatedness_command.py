"""`capmap relatedness` as it is called: data on stdout, networks in files, and how it ends when it cannot."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from capmap.analyses import relatedness as analysis
from capmap.cli import relate
from capmap.errors import CapmapError
from capmap.model import Project

Run = Callable[..., Result]
PATENTS = ("-i", "patent_families", "--year", "2018")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a program of its own, in an empty folder, so that the sample is the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    app = typer.Typer()
    relate.register(app)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return call


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.exception
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_links_on_stdout_are_those_of_the_analysis(run: Run, sample: Project) -> None:
    ran = run(*PATENTS)
    frame = analysis.relatedness(sample, indicator=["patent_families"], year=2018).frame
    found = rows(ran)
    assert list(found[0]) == list(analysis.LINKS)
    assert [float(r["proximity"]) for r in found] == frame["proximity"].to_list()
    assert "29 of 32 regions and 34 of 35 sectors take part" in ran.stderr
    assert run(*PATENTS, "-q").stderr == ""


def test_every_option_of_links_arrives(run: Run, sample: Project) -> None:
    ran = run(
        *PATENTS, "-s", "semiconductors", "--minimum", "0.2", "--significance", "30", "--seed", "7", "--top", "4",
        "--labels", "--proximity", "cosine", "--min-regions", "2", "--min-share", "0", "--min-population", "0",
        "--threshold", "1.1", "--exclude", "CHN", "--reference", "sum",
    )  # fmt: skip
    expected = analysis.relatedness(
        sample, indicator=["patent_families"], year=2018, sector=["semiconductors"], minimum=0.2, significance_draws=30,
        seed=7, proximity="cosine", min_regions=2, min_share=0.0, min_population=0.0, threshold=1.1, exclude=["CHN"],
        reference="sum",
    )  # fmt: skip
    frame = analysis.refined(sample, expected, top=4, labels=True).frame
    found = rows(ran)
    assert list(found[0]) == frame.columns
    assert [r["source_label"] for r in found] == frame["source_label"].to_list()
    for name in ("proximity", "p_value", "q_value"):
        assert [float(r[name]) for r in found] == frame[name].to_list()


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet", "md", "xlsx", "ndjson", "tsv"])
def test_every_format(run: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    assert run(*PATENTS, "-o", str(path)).exit_code == 0
    assert path.stat().st_size > 0
    if suffix == "parquet":
        assert pl.read_parquet(path).columns == list(analysis.LINKS)
        told = json.loads(pl.read_parquet_metadata(path)["capmap"])
        assert told["command"] == "relatedness"
        assert told["parameters"]["proximity"] == "minimum_conditional"
        assert told["blocks"][0]["excluded"]["sectors"] == {"materials_metallurgy": "few_regions"}
    before = path.read_bytes()
    assert run(*PATENTS, "-o", str(path)).exit_code == 0
    if suffix != "xlsx":
        assert path.read_bytes() == before


def test_cross_links(run: Run) -> None:
    found = rows(run("-i", "articles", "--to", "patent_families", "--year", "2018", "--lag", "2"))
    assert list(found[0]) == list(analysis.CROSS_LINKS)
    assert {(r["indicator"], r["to"], r["year"], r["source_year"]) for r in found} == {
        ("articles", "patent_families", "2018", "2016")
    }


def test_a_network_in_both_formats_holds_the_same(run: Run, tmp_path: Path, sample: Project) -> None:
    rustworkx = pytest.importorskip("rustworkx")
    for suffix in ("graphml", "json"):
        ran = run(*PATENTS, "--network", f"map.{suffix}", "-r", "korea", "-f", "csv")
        assert len(rows(ran)) == 66
        assert f"map.{suffix} holds 35 nodes and 66 links" in ran.stderr
    told = json.loads((tmp_path / "map.json").read_text())
    (graph,) = rustworkx.read_graphml(str(tmp_path / "map.graphml"))
    assert graph.attrs == told["graph"]
    assert told["graph"]["region"] == "KOR"
    assert [{**node, "note": node["note"] or None} for node in graph.nodes()] == told["nodes"]
    ids = [node["id"] for node in told["nodes"]]
    edges = [(ids[a], ids[b], weight) for a, b, weight in graph.weighted_edge_list()]
    assert edges == [
        (e["source"], e["target"], {"proximity": e["proximity"], "tree": e["tree"]}) for e in told["edges"]
    ]
    nodes = analysis.network(sample, indicator=["patent_families"], year=2018, region="KOR").tables["nodes"]
    assert [node["density"] for node in told["nodes"]] == nodes["density"].to_list()
    assert set(told["nodes"][0]) == {
        "id", "label", "parent", "parent_label", "ubiquity", "world_total", "world_share", "pci", "rca", "held", "density",
        "note",
    }  # fmt: skip


def test_a_network_as_a_result_has_nodes_in_json(run: Run, tmp_path: Path) -> None:
    told = json.loads(run(*PATENTS, "--network", "map.json", "--above", "0.7", "-f", "json").stdout)
    assert set(told["tables"]) == {"links", "nodes"}
    assert told["meta"]["network"]["above"] == 0.7
    whole = len(json.loads((tmp_path / "map.json").read_text())["edges"])
    assert whole == told["meta"]["network"]["links"] > 3
    assert len(rows(run(*PATENTS, "--network", "map.json", "--above", "0.7", "--top", "3"))) == 3
    assert len(json.loads((tmp_path / "map.json").read_text())["edges"]) == whole  # the file is whole


def test_stepping_stones(run: Run, sample: Project) -> None:
    found = rows(run(*PATENTS, "--between", "singapore", "machine tools"))
    frame = analysis.path(sample, "SGP", "machine_tools", indicator=["patent_families"], year=2018).frame
    assert list(found[0]) == list(analysis.PATH)
    assert [r["sector"] for r in found] == frame["sector"].cast(pl.String).to_list()
    assert [float(r["product"]) for r in found] == frame["product"].to_list()
    shown = run(*PATENTS, "--between", "SGP", "machine_tools", "-f", "table", "--labels").stdout
    assert "Machine tools from what Singapore holds" in shown


def test_a_screen_holds_sixty_links_unless_all_are_asked_for(run: Run) -> None:
    short = run(*PATENTS, "-f", "table").stdout.splitlines()
    assert any("483 more rows: --all" in line for line in short)
    assert len(run(*PATENTS, "-f", "table", "--all").stdout.splitlines()) > 543


def test_one_file_is_enough(run: Run, tmp_path: Path) -> None:
    lines = ["country,product,usd", "NA,cars,9", "NA,ships,8", "KOR,cars,9", "KOR,ships,7", "DEU,ships,2", "DEU,toys,9"]
    (tmp_path / "exports.csv").write_text("\n".join(lines) + "\n")
    columns = "region=country,sector=product,value=usd"
    data = ("--data", "exports.csv", "--kind", "value", "--columns", columns, "--min-regions", "1")
    found = rows(run(*data))
    assert [(r["source"], r["target"], r["year"]) for r in found] == [("cars", "ships", "")]
    assert float(found[0]["proximity"]) == 1.0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--network", "map.gexf"], 2, "which network format"),
        (["--network", "no/map.json"], 8, "there is no folder"),
        (["--between", "KOR", "nothing"], 2, "unknown sector"),
        (["--between", "Koria", "semiconductors"], 2, "unknown region"),
        (["--between", "ARG", "semiconductors"], 5, "small_total"),
        (["--between", "KOR", "materials_metallurgy"], 5, "few_regions"),
        (["--between", "KOR", "transport", "--network", "map.json"], 2, "two answers"),
        (["--between", "KOR", "transport", "--minimum", "0.5"], 2, "--minimum"),
        (["--network", "map.json", "-s", "transport", "--complete"], 2, "--sector, --complete"),
        (["--between", "KOR", "transport", "--top", "3"], 2, "--top"),
        (["--above", "0.5"], 2, "--network FILE"),
        (["--region", "KOR"], 2, "--between REGION SECTOR"),
        (["--lag", "2"], 2, "--to ID"),
        (["--to", "patent_families"], 2, "the indicator itself"),
        (["--proximity", "magic"], 2, "proximity"),
        (["--presence", "given"], 5, "presence is said to be given"),
        (["--threshold", "99"], 5, "take part"),
        (["--sector", "materials_metallurgy"], 5, "few_regions"),
        (["--sort", "rca"], 2, "cannot sort"),
        (["--year", "1999"], 5, "no data in 1999"),
    ],
)
def test_trouble_is_a_message_with_a_way_out(run: Run, arguments: list[str], code: int, said: str) -> None:
    ran = run(*(["-i", "patent_families"] if "--year" in arguments else PATENTS), *arguments)
    error = ran.exception
    assert isinstance(error, CapmapError), error
    assert error.exit_code == code
    assert error.fix or "Input should be" in error.message
    assert said in f"{error.message} {error.fix}"
    assert ran.stdout == ""


def test_several_indicators_need_a_name_where_one_is_meant(run: Run) -> None:
    error = run("--between", "KOR", "transport").exception
    assert isinstance(error, CapmapError)
    assert error.fix == "name one: -i articles, -i patent_families"


def test_negative_and_double_rows_stop_at_the_check(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("region,sector,value\nA,x,-1\nA,y,2\nB,x,3\nB,x,3\n")
    error = run("--data", "bad.csv", "--kind", "count").exception
    assert isinstance(error, CapmapError)
    assert error.exit_code == 4


def test_a_missing_extra_is_said_before_anything_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rustworkx", None)
    error = run("-p", "no-such-project", "--network", "map.graphml").exception
    assert isinstance(error, CapmapError)
    assert (error.exit_code, error.fix) == (2, 'pip install "capmap[network]", or name a .json file')


def test_a_network_never_replaces_an_input(run: Run, tmp_path: Path) -> None:
    from capmap.data.init import init

    init(tmp_path / "mine")
    target = tmp_path / "mine" / "codes" / "map.json"
    error = run("-p", str(tmp_path / "mine"), "--network", str(target), *PATENTS).exception
    assert isinstance(error, CapmapError)
    assert error.exit_code == 2
    assert not target.exists()
