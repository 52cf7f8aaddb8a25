"""Robustness of a composite index against bare NumPy, Sobol indices against full builds, and the command on the sample.

python benchmarks/index.py [replicates] [sobol] [command] [--pairs N]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from common import SEED, SOURCE, Times, machine, milliseconds, paired, ratios
from startup import IMPORTS, program

sys.path.insert(0, str(SOURCE))

import capmap
from capmap.analyses.composite.build import Built
from capmap.analyses.composite.choice import measured
from capmap.analyses.composite.robust import Choices, model, robust, sensitivity

REPLICATES = 10_000
BASE_POINTS = 512
PARTS = ("replicates", "sobol", "command")

INDICATOR = """name = "Indicator {k}"
kind = "score"
unit = "points"
stage = "production"
classification = "none"
direction = 1
[source]
title = "drawn at random"
"""


def written(folder: Path, regions: int, indicators: int) -> Path:
    """A project with a four-level index: the index, two halves, ten pillars, indicators; correlated, some with outliers."""
    rng = np.random.default_rng(SEED)
    common = rng.standard_normal((regions, 1))
    values = np.exp(0.6 * common + rng.standard_normal((regions, indicators)) * rng.uniform(0.3, 1.2, indicators))
    ids = [f"i{k:02d}" for k in range(indicators)]
    (folder / "indicators").mkdir(parents=True)
    (folder / "index").mkdir()
    (folder / "codes").mkdir()
    for k, name in enumerate(ids):
        (folder / "indicators" / f"{name}.toml").write_text(INDICATOR.format(k=k), encoding="utf-8")
    nodes = [f'[[nodes]]\nid = "half{k}"\n' for k in range(2)]
    nodes += [f'[[nodes]]\nid = "pillar{k}"\nparent = "half{k % 2}"\n' for k in range(10)]
    nodes += [f'[[nodes]]\nid = "of_{name}"\nparent = "pillar{k % 10}"\nindicator = "{name}"\n'
              for k, name in enumerate(ids)]  # fmt: skip
    (folder / "index" / "drawn.toml").write_text('name = "Drawn"\n' + "\n".join(nodes), encoding="utf-8")
    pl.DataFrame(
        {
            "indicator": np.tile(np.array(ids), regions), "region": np.repeat([f"R{k:03d}" for k in range(regions)], indicators),
            "sector": "_T", "year": 2020, "value": values.ravel(),
        }
    ).write_parquet(folder / "data.parquet")  # fmt: skip
    (folder / "capmap.toml").write_text('[data]\nobservations = ["data.parquet"]\n', encoding="utf-8")
    return folder


def full_build(project: capmap.Project) -> Built:
    """Every step of the index, from the observations to the scores and ranks; no replicates."""
    return measured(project, project.indices["drawn"])


def bare(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The least that replicates could do: weights times normalised values, and places of the sums."""
    scores = weights @ values.T
    return np.argsort(np.argsort(-scores, axis=1), axis=1) + 1


def replicates(pairs: int) -> None:
    """10,000 replicates of 50 regions and 50 indicators."""
    with TemporaryDirectory() as folder:
        built = full_build(capmap.load(written(Path(folder) / "p", 50, 50)))
    values = np.column_stack([one.score for one in built.columns])
    weights = np.random.default_rng(SEED).dirichlet(np.ones(50), REPLICATES)
    units = built.scored[0]

    def ours() -> object:
        return robust(built.frame, built.tree, built.filled, built.columns, units, draws=REPLICATES,
                      rng=np.random.default_rng(SEED))  # fmt: skip

    floor, all_of_it = paired([lambda: bare(values, weights), ours], pairs)
    print(f"\n{REPLICATES:,} replicates, 50 regions x 50 indicators in 4 levels")
    print(f"  {'floor: product and ranking':32} {milliseconds(floor)}")
    print(f"  {'capmap: tables to letters':32} {milliseconds(all_of_it)}")
    print(f"  {'ratio':32} {ratios(all_of_it, floor)}   aim 10")


def sobol(pairs: int) -> None:
    """Sobol indices of 300 regions and 60 indicators; six factors, so 512 * 8 runs of the model."""
    with TemporaryDirectory() as folder:
        project = capmap.load(written(Path(folder) / "p", 300, 60))
        built = full_build(project)
        units = built.scored[0]
        nominal = built.ranks[built.frame.root][units]

        def ours() -> Any:
            made = model(built.frame, built.tree, built.filled, built.columns, units, Choices())
            return sensitivity(made, nominal, BASE_POINTS, np.random.default_rng(SEED))

        found = ours()
        whole, all_of_it = paired([lambda: full_build(project), ours], pairs)
    runs = found.indices.runs
    each = Times(*(tuple(one / runs for one in times) for times in (all_of_it.wall, all_of_it.cpu)))
    print(f"\nSobol indices, 300 regions x 60 indicators, {len(found.factors)} factors, {runs:,} runs of the model")
    print(f"  {'full build, data in memory':32} {milliseconds(whole)}")
    print(f"  {'capmap: all of the indices':32} {milliseconds(all_of_it)}")
    print(f"  {'ratio: one run to a build':32} {ratios(each, whole, 5)}   aim 0.1")


def command(pairs: int) -> None:
    """`capmap index` on the sample in a fresh process, against the imports that it needs and against fewer replicates."""
    with TemporaryDirectory() as folder:
        runs = {
            "floor: bare imports": program("-c", IMPORTS, folder=folder),
            "capmap index": program("-m", "capmap", "index", "-f", "table", folder=folder),
            "capmap index --draws 0": program("-m", "capmap", "index", "--draws", "0", "-f", "table", folder=folder),
        }
        times = dict(zip(runs, paired(list(runs.values()), pairs), strict=True))
    print("\ncapmap index on the sample")
    for title, one in times.items():
        print(f"  {title:32} {milliseconds(one)}")
    low, ours, _ = times.values()
    print(f"  {'ratio':32} {ratios(ours, low)}")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--pairs", type=int, default=9, help="runs of each side, in turns")
    asked = parser.parse_args()
    print(machine())
    runs: dict[str, Callable[[int], Any]] = {"replicates": replicates, "sobol": sobol, "command": command}
    for part in asked.parts or PARTS:
        runs[part](asked.pairs)


if __name__ == "__main__":
    main()
