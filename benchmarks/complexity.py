"""Relatedness and complexity against a NumPy floor and, if asked for, three programs on PyPI.

python benchmarks/complexity.py [one] [panel] [wide] [tall] [--pairs N] [--peers] [--peers-python PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from venv import create as create_environment

import numpy as np
import polars as pl

from common import SEED, SOURCE, Times, environment, in_process, machine, milliseconds, paired, ratios

sys.path.insert(0, str(SOURCE))

import capmap
from capmap.analyses.complexity import complexity


class Shape(NamedTuple):
    """Size of a table, and how often the peers run on it."""

    regions: int
    sectors: int
    years: int
    peer_runs: int


SHAPES = {
    "one": Shape(240, 1200, 1, 3),
    "panel": Shape(240, 1200, 20, 1),
    "wide": Shape(240, 5000, 1, 1),
    "tall": Shape(1500, 650, 1, 2),
}
#: The conventions of the floor: the sum of the table, one year, nobody left out, no doubt.
SAME: dict[str, Any] = {
    "reference": "sum", "window": 1, "min_share": 0.0, "min_population": 0.0, "min_regions": 0, "force": True, "draws": 0,
}  # fmt: skip
#: What the aims say capmap is faster than, and how many times.
AIMS = {"one": 12, "panel": 25, "wide": 12, "tall": 12}
PACKAGES = (
    "ecomplexity==0.5.3", "econcomplex==1.0.1", "economic-complexity==0.3.0", "pandas==2.3.3", "pyarrow==26.0.1",
)  # fmt: skip

RISE = """
import json, sys
import capmap, numpy, polars, scipy.linalg, scipy.sparse.csgraph
from capmap.analyses.complexity import complexity
if sys.argv[1:]:
    project = capmap.load(data=sys.argv[1], kind="value")
    options = json.loads(sys.argv[2])
    frame = complexity(project, year="all", table=("cells",), **options).frame
    print(json.dumps({"input": project.observations.estimated_size("mb"), "result": frame.estimated_size("mb")}))
else:
    import capmap.analyses.blocks, capmap.data.load
"""

PEERS = """
import contextlib, io, json, sys, time, warnings
import pandas as pd
warnings.simplefilter("ignore")
data = pd.read_parquet(sys.argv[1]).rename(columns={"year": "time", "region": "loc", "sector": "prod", "value": "val"})
data = data.astype({"loc": object, "prod": object})
runs = int(sys.argv[2])

def ecomplexity():
    from ecomplexity import ecomplexity
    columns = {name: name for name in ("time", "loc", "prod", "val")}
    return ecomplexity(data, columns, check_logsupermodularity=False, verbose=False)

def econcomplex():
    import econcomplex
    return econcomplex.compute_complexity(data, {"loc": "loc", "act": "prod", "val": "val", "time": "time"})

def economiccomplexity():
    import economic_complexity as program
    parts = []
    for time_, rows in data.groupby("time"):
        rca = program.rca(rows.pivot(index="loc", columns="prod", values="val"))
        eci, pci = program.complexity(rca)
        phi = program.proximity(rca)
        near = program.relatedness(rca, proximities=phi)
        gain = program.opportunity_gain(rca, pci=pci, proximities=phi)
        long = pd.DataFrame({"rca": rca.stack(), "density": near.stack(), "cog": gain.stack()}).reset_index()
        parts.append(long.assign(time=time_, eci=long["loc"].map(eci), pci=long["prod"].map(pci)))
    return pd.concat(parts)

seconds = {}
for run in (ecomplexity, econcomplex, economiccomplexity):
    wall, cpu = [], []
    for _ in range(runs):
        start, used = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            run()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    seconds[run.__name__] = min(wall), min(cpu)
print(json.dumps(seconds))
"""


def trade(shape: Shape) -> pl.DataFrame:
    """Values in long form: capable regions hold more sectors, demanding sectors are held by fewer, half of it is zero."""
    rng = np.random.default_rng(SEED)
    able = np.sort(rng.uniform(0.1, 1.0, shape.regions))[::-1]
    needed = np.sort(rng.uniform(0.0, 0.9, shape.sectors))
    chance = 1 / (1 + np.exp(-6.0 * (able[:, np.newaxis] - needed)))
    size = np.outer(rng.lognormal(0.0, 1.5, shape.regions), rng.lognormal(0.0, 1.0, shape.sectors))
    lasting = rng.lognormal(0.0, 1.0, chance.shape)
    codes = [f"R{k:04d}" for k in range(shape.regions)], [f"S{k:04d}" for k in range(shape.sectors)]
    parts = []
    for year in range(shape.years):
        i, j = np.nonzero(rng.random(chance.shape) < chance)
        value = 1e3 * (size * lasting)[i, j] * rng.lognormal(0.0, 0.5, i.size)
        when = np.full(i.size, 2001 + year, np.int32)
        parts.append(
            pl.DataFrame(
                {"region": np.array(codes[0])[i], "sector": np.array(codes[1])[j], "year": when, "value": value}
            )
        )
    return pl.concat(parts)


def floor(source: Path, target: Path) -> None:
    """Reading, the matrix products and one eigenproblem a year, and writing the long result; nothing is checked."""
    frame = pl.read_parquet(source)
    regions, sectors = (pl.Enum(frame[name].unique().sort()) for name in ("region", "sector"))
    frame = frame.with_columns(pl.col("region").cast(regions), pl.col("sector").cast(sectors))
    parts = [bare(part, regions, sectors) for part in frame.partition_by("year", maintain_order=True)]
    pl.concat(parts).write_parquet(target)


def bare(part: pl.DataFrame, regions: pl.Enum, sectors: pl.Enum) -> pl.DataFrame:
    """One year."""
    shape = len(regions.categories), len(sectors.categories)
    x = np.zeros(shape)
    i, j = (part[name].to_physical().to_numpy() for name in ("region", "sector"))
    x[i, j] = part["value"].to_numpy()
    rca = x / (x.sum(axis=1, keepdims=True) * (x.sum(axis=0) / x.sum()))
    held = rca >= 1.0
    m = held.astype(float)
    d, u = m.sum(axis=1), m.sum(axis=0)
    a = m / np.sqrt(np.outer(d, u))
    by_region = shape[0] <= shape[1]
    values, vectors = np.linalg.eigh(a @ a.T if by_region else a.T @ a)
    second = vectors[:, -2]
    k = second / np.sqrt(d) if by_region else (m @ (second / np.sqrt(u))) / d
    k *= np.sign(np.corrcoef(k, d)[0, 1])
    eci, pci = (k - k.mean()) / k.std(), ((k @ m) / u / values[-2] - k.mean()) / k.std()
    phi = m.T @ m
    phi /= np.maximum(u[:, np.newaxis], u)
    np.fill_diagonal(phi, 0.0)
    total = phi.sum(axis=0)
    density = (m @ phi) / total
    absent = 1.0 - m
    coi = (density * absent) @ pci
    cog = absent * ((absent * (pci / total)) @ phi)
    i, j = np.indices(shape, np.uint32).reshape(2, -1)
    return pl.DataFrame({
        "year": np.full(x.size, part["year"][0], np.int32), "region": pl.Series(i).cat.to(regions),
        "sector": pl.Series(j).cat.to(sectors), "value": x.ravel(), "rca": rca.ravel(), "presence": held.ravel(),
        "eci": np.repeat(eci, shape[1]), "pci": np.tile(pci, shape[0]), "density": density.ravel(),
        "coi": np.repeat(coi, shape[1]), "cog": cog.ravel(),
    })  # fmt: skip


def ours(source: Path, years: str = "all") -> pl.DataFrame:
    """Reading and checking, and the same in capmap, with relative density, distance and notes besides."""
    project = capmap.load(data=source, kind="value")
    return complexity(project, year=years, table=("cells",), **SAME).frame


def peers_python(given: Path | None) -> Path:
    """The Python of an environment with the peers, made once and kept in the cache folder of the user."""
    if given is not None:
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "capmap-benchmarks" / "peers-1"
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"making an environment for the peers in {place}", file=sys.stderr)
        create_environment(place, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def against_peers(name: str, path: Path, capmap_took: Times, python: Path) -> None:
    """The pipeline call of each program on a frame in memory, best of its runs, over ours with the reading."""
    done = subprocess.run(
        [str(python), "-c", PEERS, str(path), str(SHAPES[name].peer_runs)],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    for peer, (wall, cpu) in json.loads(done.stdout.splitlines()[-1]).items():
        aim = "" if peer == "economiccomplexity" else f"   aim {AIMS[name]}"
        print(
            f"  {peer:34} {1e3 * wall:9.1f} ms best {1e3 * cpu:9.1f} ms processor   over capmap: best/best"
            f" {wall / min(capmap_took.wall):6.1f}   processor {cpu / min(capmap_took.cpu):6.1f}{aim}"
        )


def compare(name: str, path: Path, *, pairs: int, python: Path | None) -> None:
    """Time one table."""
    target = path.with_suffix(".out.parquet")
    project = capmap.load(data=path, kind="value")

    def written() -> None:
        ours(path).write_parquet(target)

    def alone() -> pl.DataFrame:
        return complexity(project, year="all", table=("cells",), **SAME).frame

    low, both, all_, own = paired([lambda: floor(path, target), lambda: ours(path), written, alone], pairs)
    rows = (("NumPy + reading + writing (floor)", low), ("capmap: load + complexity", both),
            ("capmap: load + complexity + writing", all_), ("capmap: complexity alone", own))  # fmt: skip
    for label, times in rows:
        print(f"  {label:34} {milliseconds(times)}")
    print(f"  {'ratio, load + complexity':34} {ratios(both, low)}   aim 2")
    print(f"  {'ratio, with writing':34} {ratios(all_, low)}")
    years = SHAPES[name].years
    if years > 1:
        one = path.with_suffix(".one.parquet")
        pl.read_parquet(path).filter(pl.col("year") == 2001).write_parquet(one)
        (single,) = paired([lambda: ours(one)], pairs)
        print(
            f"  {'a year, in the panel and alone':34} {1e3 * median(both.wall) / years:9.1f} ms and"
            f" {1e3 * median(single.wall):.1f} ms"
        )
    imports, used = in_process(RISE), in_process(RISE, str(path), json.dumps(SAME))
    rise, held = used["peak"] - imports["peak"], used["input"] + used["result"]
    links = 3 * 8 * SHAPES[name].sectors ** 2 / 2**20
    print(
        f"  {'memory over imports':34} rise {rise:.0f} MB, input {used['input']:.0f} + result {used['result']:.0f} MB,"
        f" three sector x sector matrices {links:.0f} MB"
    )
    print(
        f"  {'ratio, memory':34} {rise / (2 * held + links):.2f} of twice input and result plus three matrices   aim 1"
    )
    if python is not None:
        against_peers(name, path, both, python)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "shapes", nargs="*", choices=[*SHAPES, []], metavar="SHAPE", help=f"of {', '.join(SHAPES)} (default: all)"
    )
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side, in turns")
    parser.add_argument("--peers", action="store_true", help="the programs on PyPI too: minutes")
    parser.add_argument("--peers-python", type=Path, help="a Python that has them, instead of an environment made here")
    asked = parser.parse_args()
    print(machine())
    python = peers_python(asked.peers_python) if asked.peers or asked.peers_python else None
    with TemporaryDirectory() as folder:
        for name in asked.shapes or SHAPES:
            shape = SHAPES[name]
            path = Path(folder) / f"{name}.parquet"
            frame = trade(shape)
            frame.write_parquet(path)
            print(f"\n{name}: {shape.regions:,} x {shape.sectors:,} x {shape.years}, {len(frame):,} rows")
            compare(name, path, pairs=min(asked.pairs, 3 if shape.years > 1 else asked.pairs), python=python)


if __name__ == "__main__":
    main()
