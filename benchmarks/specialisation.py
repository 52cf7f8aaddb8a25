"""RCA with every column against the floor: reading and plain RCA in polars, or the bare SciPy calls.

python benchmarks/specialisation.py [single] [panel] [--pairs N] [--no-complete]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import special

from common import SOURCE, in_process, machine, milliseconds, paired, ratios, table

sys.path.insert(0, str(SOURCE))

import capmap
from capmap.analyses.specialisation import rca


class Shape(NamedTuple):
    """Size of a table and the share of its cells that have a row."""

    regions: int
    sectors: int
    years: int
    observed: float


SHAPES = {"single": Shape(2500, 900, 1, 0.1), "panel": Shape(240, 1200, 20, 0.5)}

RISE = """
import json, sys
import capmap, numpy, polars, scipy.special
from capmap.analyses.specialisation import rca
if sys.argv[1:]:
    project = capmap.load(data=sys.argv[1], kind="count")
    frame = rca(project, year="all", complete=sys.argv[2] == "True").frame
    print(json.dumps({"input": project.observations.estimated_size("mb"), "result": frame.estimated_size("mb")}))
else:
    import capmap.analyses.blocks, capmap.data.load
"""

ENGINE = (
    RISE
    + """
import io
file = io.BytesIO()
polars.DataFrame({"name": ["a", "b"], "number": [1.0, 2.0]}).write_parquet(file)
file.seek(0)
polars.scan_parquet(file).filter(polars.col("number") > 1).collect(engine="streaming")
"""
)


def plain(path: Path) -> pl.DataFrame:
    """Reading, and RCA by sums over windows."""
    value = pl.col("value")
    index = value / value.sum().over("region", "year") / (value.sum().over("sector", "year") / value.sum().over("year"))
    return pl.read_parquet(path).with_columns(rca=index)


class Bare:
    """Reading, four gamma quantiles and two exceedance probabilities of every cell: no doubt costs less than these."""

    def __init__(self, path: Path, *, complete: bool) -> None:
        project = capmap.load(data=path, kind="count")
        result = rca(project, year="all", extras=["posterior"], complete=complete)
        phi = result.meta["blocks"][0]["dispersion"]["phi"]
        self.path = path
        self.shape = result.frame["posterior_shape"].to_numpy()
        self.rate = result.frame["posterior_rate"].to_numpy()
        self.count = result.frame["value"].to_numpy() / phi

    def __call__(self) -> list[np.ndarray]:
        """The calls, on all cells at once."""
        pl.read_parquet(self.path)
        some = np.where(self.count > 0, self.count, 1.0)
        return [
            special.gammaincinv(some, 0.025), special.gammainccinv(self.count + 1.0, 0.025),
            special.gammaincinv(self.shape, 0.025), special.gammainccinv(self.shape, 0.025),
            special.gammaincc(self.shape, self.rate), special.gammaincc(self.shape, 1.25 * self.rate),
        ]  # fmt: skip


def compare(path: Path, *, fractional: bool, complete: bool, pairs: int) -> None:
    """Time one table."""
    project = capmap.load(data=path, kind="count")
    bare = fractional or complete
    floor, called = (Bare(path, complete=complete), "reading + SciPy") if bare else (lambda: plain(path), "polars")

    def everything() -> pl.DataFrame:
        return rca(capmap.load(data=path, kind="count"), year="all", complete=complete).frame

    def alone() -> pl.DataFrame:
        return rca(project, year="all", complete=complete).frame

    low, both, own = paired([floor, everything, alone], pairs)
    print(f"  {called:28} {milliseconds(low)}")
    print(f"  {'capmap: load + rca':28} {milliseconds(both)}")
    print(f"  {'capmap: rca alone':28} {milliseconds(own)}")
    print(f"  {'ratio, load + rca':28} {ratios(both, low)}   aim {1.5 if bare else 3}")
    print(f"  {'ratio, rca alone':28} {ratios(own, low)}")
    imports, started = in_process(RISE), in_process(ENGINE)
    used = in_process(RISE, str(path), str(complete))
    rise, own = (used["peak"] - start["peak"] for start in (imports, started))
    held = used["input"] + used["result"]
    print(
        f"  {'memory over imports':28} rise {rise:.0f} MB, input {used['input']:.0f} + result {used['result']:.0f} MB"
    )
    print(f"  {'ratio, memory':28} {rise / held:.2f}, without the start of polars' engine {own / held:.2f}   aim 2")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "shapes", nargs="*", choices=[*SHAPES, []], metavar="SHAPE", help=f"of {', '.join(SHAPES)} (default: all)"
    )
    parser.add_argument("--pairs", type=int, default=7, help="runs of each side, in turns")
    parser.add_argument("--no-complete", action="store_true", help="leave out the tables with every cell")
    asked = parser.parse_args()
    print(machine())
    with TemporaryDirectory() as folder:
        for name in asked.shapes or SHAPES:
            shape = SHAPES[name]
            for fractional in (False, True):
                path = Path(folder) / f"{name}_{'fractional' if fractional else 'whole'}.parquet"
                table(*shape, fractional=fractional).write_parquet(path)
                for complete in (False,) if asked.no_complete else (False, True):
                    print(
                        f"\n{name}: {shape.regions:,} x {shape.sectors:,} x {shape.years}, "
                        f"{shape.observed:.0%} observed, {'fractional' if fractional else 'whole'} counts, "
                        f"{'every cell' if complete else 'observed rows'}"
                    )
                    pairs = min(asked.pairs, 1 if complete else 3 if fractional else asked.pairs)  # these take long
                    compare(path, fractional=fractional, complete=complete, pairs=pairs)


if __name__ == "__main__":
    main()
