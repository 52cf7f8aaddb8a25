"""What the benchmarks share: tables made from a seed, runs in pairs, memory of a process, and how results are printed."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

SEED = 20230926
SOURCE = Path(__file__).resolve().parent.parent / "src"

PEAK = """
import pathlib, resource, sys
record = pathlib.Path("/proc/self/status")
if record.exists():
    print(next(int(line.split()[1]) / 1024 for line in record.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * (1024 if sys.platform == "darwin" else 1)))
"""


def table(regions: int, sectors: int, years: int, observed: float, *, fractional: bool = False) -> pl.DataFrame:
    """Counts in long form: sizes of regions and sectors spread over orders of magnitude, a share of cells has a row.

    The true index of a cell varies as Gamma(2, 2) and stays the same over the years. Fractional counts are whole
    counts of which each is shared among a random number of owners, so that hardly two of them are equal.
    """
    rng = np.random.default_rng(SEED)
    region, sector = rng.lognormal(0.0, 1.5, regions), rng.lognormal(0.0, 1.5, sectors)
    index = rng.gamma(2.0, 0.5, (regions, sectors))
    codes = np.array([f"R{k:04d}" for k in range(regions)]), np.array([f"S{k:04d}" for k in range(sectors)])
    parts = []
    for year in range(years):
        i, j = np.nonzero(rng.random((regions, sectors)) < observed)
        value = rng.poisson(8.0 * index[i, j] * region[i] * sector[j]).astype(float)
        if fractional:
            value *= rng.uniform(0.25, 1.0, value.size)
        when = np.full(i.size, 2001 + year, np.int32)
        parts.append(pl.DataFrame({"region": codes[0][i], "sector": codes[1][j], "year": when, "value": value}))
    return pl.concat(parts)


@dataclass(frozen=True)
class Times:
    """Seconds of several runs of one thing, on the clock and of all processors together."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]


def paired(runs: Sequence[Callable[[], object]], pairs: int) -> list[Times]:
    """Times of several things, each run once before and then in turns, A B A B: a busy moment hits all alike."""
    for run in runs:
        run()
    seen: list[list[tuple[float, float]]] = [[] for _ in runs]
    for _ in range(pairs):
        for run, times in zip(runs, seen, strict=True):
            wall, cpu = time.perf_counter(), _cpu()
            run()
            times.append((time.perf_counter() - wall, _cpu() - cpu))
    return [Times(*zip(*times, strict=True)) for times in seen]


def _cpu() -> float:
    """User and system time of this process and of the children it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ratios(ours: Times, floor: Times, digits: int = 2) -> str:
    """Ratio of two things: median over the pairs, smallest of a pair, and that of the processor times."""
    wall = [a / b for a, b in zip(ours.wall, floor.wall, strict=True)]
    best, processor = min(ours.wall) / min(floor.wall), min(ours.cpu) / min(floor.cpu)
    said = {"median": median(wall), "smallest": min(wall), "best/best": best, "processor": processor}
    return "   ".join(f"{name} {value:5.{digits}f}" for name, value in said.items())


def milliseconds(times: Times) -> str:
    """Median and smallest wall time, and the smallest processor time."""
    return (
        f"{1e3 * median(times.wall):9.1f} ms median {1e3 * min(times.wall):9.1f} ms best"
        f" {1e3 * min(times.cpu):9.1f} ms processor"
    )


def in_process(code: str, *arguments: str) -> dict[str, float]:
    """What a fresh process prints as JSON in its last line, and `peak`: its largest resident size in MB.

    On Linux `ru_maxrss` of a new process begins with the size of the one that started it, so its own record is read.
    """
    done = subprocess.run(
        [sys.executable, "-c", code + PEAK, *arguments], env=environment(), capture_output=True, text=True, check=True
    )
    *lines, peak = done.stdout.splitlines()
    said: dict[str, float] = json.loads(lines[-1]) if lines else {}
    return said | {"peak": float(peak)}


def environment(**more: str) -> dict[str, str]:
    """Environment of child processes: this source tree, no settings, plain output of fixed width."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("CAPMAP_")}
    return plain | {"PYTHONPATH": str(SOURCE), "COLUMNS": "100", "NO_COLOR": "1"} | more


def machine() -> str:
    """Processors, and versions that matter."""
    import scipy

    return (
        f"{os.cpu_count()} processors, Python {platform.python_version()}, polars {pl.__version__}, "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}"
    )
