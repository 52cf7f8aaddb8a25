"""Reading and checking a large CSV file with faults in it, against polars reading the same file.

python benchmarks/checks.py [--rows N] [--faults N] [--pairs N]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from common import SEED, SOURCE, in_process, machine, milliseconds, paired, ratios

sys.path.insert(0, str(SOURCE))

import capmap

OURS = """
import sys
import capmap, numpy, polars
from capmap.data import load
if sys.argv[1:]:
    load(sys.argv[1], check=False)
"""
THEIRS = """
import sys
import polars
if sys.argv[1:]:
    polars.read_csv(sys.argv[1] + "/data.csv", infer_schema_length=0)
"""
RUN_FILE = """
[data]
observations = ["data.csv"]
indicator = "things"
"""
INDICATOR = """
name = "Things"
kind = "count"
unit = "things"
stage = "production"
direction = 1
classification = "kinds"

[source]
title = "Made up"
"""


def faulty(rows: int, faults: int, folder: Path) -> dict[str, int]:
    """Write a project whose data have as many faults as asked for at random places; returns how many of each kind."""
    rng = np.random.default_rng(SEED)
    years = 20
    sectors = max(1, int((rows / years / 2) ** 0.5))
    place = np.arange(rows)
    year, sector, region = place % years + 2001, place // years % sectors, place // (years * sectors)
    text = pl.DataFrame({"region": region, "sector": sector, "year": year, "value": rng.poisson(40.0, rows)}).select(
        region=pl.format("R{}", pl.col("region").cast(pl.String).str.zfill(4)),
        sector=pl.format("S{}", pl.col("sector").cast(pl.String).str.zfill(4)),
        year=pl.col("year").cast(pl.String),
        value=pl.col("value").cast(pl.String),
    )
    (folder / "indicators").mkdir()
    (folder / "codes").mkdir()
    (folder / "capmap.toml").write_text(RUN_FILE)
    (folder / "indicators" / "things.toml").write_text(INDICATOR)
    for column, file in (("region", "regions"), ("sector", "kinds")):
        codes = text.select(code=pl.col(column), label=pl.col(column)).unique("code").sort("code")
        codes.write_csv(folder / "codes" / f"{file}.csv")
    columns = {name: text[name].to_list() for name in text.columns}
    bad: dict[str, tuple[str, Callable[[str], str]]] = {
        "words for a number": ("value", lambda _: "n/a"),
        "thousands separators": ("value", lambda _: "1,234"),
        "decimal commas": ("value", lambda _: "12,5"),
        "negative counts": ("value", lambda _: "-3"),
        "infinite values": ("value", lambda _: "inf"),
        "quarters for a year": ("year", lambda year: f"{year}Q1"),
        "empty regions": ("region", lambda _: ""),
        "empty sectors": ("sector", lambda _: ""),
        "spaces around codes": ("region", lambda code: f" {code}"),
        "unknown codes": ("sector", lambda code: code.lower()),
        "repeated rows": ("year", lambda year: str(2001 + (int(year) - 2000) % years)),
    }
    made = dict.fromkeys(bad, 0)
    kinds = list(bad)
    for count, row in enumerate(rng.choice(rows, faults, replace=False).tolist()):
        kind = kinds[count % len(kinds)]
        column, spoil = bad[kind]
        columns[column][row] = spoil(columns[column][row])
        made[kind] += 1
    pl.DataFrame(columns).write_csv(folder / "data.csv")
    return made


def main() -> None:
    """Time both and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the file")
    parser.add_argument("--faults", type=int, default=1_000, help="cells that are spoilt")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side, in turns")
    asked = parser.parse_args()
    print(machine())
    with TemporaryDirectory() as folder:
        made = faulty(asked.rows, asked.faults, Path(folder))
        path = Path(folder) / "data.csv"
        print(f"\n{asked.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, {sum(made.values()):,} faults:", made)
        found: Counter[str] = Counter()
        for one in capmap.load(folder, check=False).findings:
            found[f"{one.code} ({one.severity})"] += one.count
        print("found:", dict(sorted(found.items())))

        low, ours = paired(
            [lambda: pl.read_csv(path, infer_schema_length=0), lambda: capmap.load(folder, check=False)], asked.pairs
        )
        print(f"\n  {'polars':8} {milliseconds(low)}")
        print(f"  {'capmap':8} {milliseconds(ours)}")
        print(f"  {'ratio':8} {ratios(ours, low)}")
        rise = [in_process(code, folder)["peak"] - in_process(code)["peak"] for code in (THEIRS, OURS)]
        print(f"  {'memory':8} polars {rise[0]:.0f} MB, capmap {rise[1]:.0f} MB, ratio {rise[1] / rise[0]:.2f}")


if __name__ == "__main__":
    main()
