"""Makes the golden figures of other programs: what they say of the tables beside them.

They need pandas, which capmap does not, so an environment of their own runs this file:

    python -m venv peers-venv
    peers-venv/bin/pip install ecomplexity==0.5.3 econcomplex==1.0.1 economic-complexity==0.3.0 'pandas<3'
    peers-venv/bin/python tests/golden/peers.py

(economic-complexity 0.3.0 cannot compute a proximity with pandas 3.) It makes the tables anew from fixed seeds, and the
one of patents from the sample, and writes to `tests/golden/peers/`, numbers as `repr` gives them:

- `TABLE.csv`: the table, a region in a row.
- `TABLE_regions.csv`, `TABLE_sectors.csv`, `TABLE_cells.csv`: results of every peer in columns `PEER_MEASURE`. Cells and
  pairs have positions, from 0, in the order of the codes. To keep the files small, cells are those of every fourth region;
  all programs were given the whole table.
- `TABLE_proximity.csv`: pairs of sectors. The three programs agree in every bit but for the diagonal, and in presence.
- `cases.csv`: `peer, case, value`, single facts: what a program does with a table that has no answer, and the like.

The tests that read them are in `tests/analyses/test_peers.py`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "peers"
SAMPLE = HERE.parents[1] / "sample_data" / "patent_families.csv"
PEERS = ("ecomplexity", "econcomplex", "economiccomplexity")
#: Regions whose cells are kept: every fourth one.
STEP = 4


# Tables -------------------------------------------------------------------------------------------------------


def nested(regions: int, sectors: int, seed: int, steepness: float = 10.0) -> np.ndarray:
    """Whole numbers where capable regions hold more, and demanding sectors are held by fewer."""
    rng = np.random.default_rng(seed)
    able, needed = np.sort(rng.uniform(0.1, 1.0, regions))[::-1], np.sort(rng.uniform(0.0, 0.9, sectors))
    held = rng.random((regions, sectors)) < 1 / (1 + np.exp(-steepness * (able[:, np.newaxis] - needed)))
    return held * np.ceil(rng.lognormal(3.0, 1.0, (regions, sectors)))


def sparse() -> np.ndarray:
    """40 x 60, about a sixth of the cells filled, no row or column empty."""
    rng = np.random.default_rng(20230926)
    table = nested(40, 60, 11, 6.0) * (rng.random((40, 60)) < 0.35)
    for i in np.flatnonzero(table.sum(axis=1) == 0):
        table[i, rng.integers(60)] = 2.0
    for j in np.flatnonzero(table.sum(axis=0) == 0):
        table[rng.integers(40), j] = 3.0
    return table


def patents() -> tuple[list[str], list[str], np.ndarray]:
    """Patent families of 2018: economies, fields and the table of the sample."""
    with SAMPLE.open(newline="") as file:
        cells = {
            (row["region"], row["sector"]): float(row["value"])
            for row in csv.DictReader(file)
            if row["year"] == "2018" and row["region"] != "WLD"
        }
    regions, sectors = (sorted({key[k] for key in cells}) for k in (0, 1))
    return regions, sectors, np.array([[cells.get((r, s), 0.0) for s in sectors] for r in regions])


def blocks() -> np.ndarray:
    """Two groups of five regions and four sectors that have nothing in common."""
    table = np.zeros((10, 8))
    table[:5, :4], table[5:, 4:] = nested(5, 4, 5, 3.0) + 1, nested(5, 4, 6, 3.0) + 1
    return table


def conflict() -> np.ndarray:
    """A table whose ECI rises with diversity, while PCI of the same eigenvector rises with ubiquity."""
    rng = np.random.default_rng(1)
    return np.ceil(rng.lognormal(1.0, 1.2, (8, 6))) * (rng.random((8, 6)) < 0.6)


def noise() -> np.ndarray:
    """No structure at all: the second and third eigenvalue are nearly the same."""
    return np.random.default_rng(35).lognormal(0.0, 1.0, (15, 60)).round(2)


def given() -> np.ndarray:
    """Presence itself, 0 or 1."""
    return np.asarray(nested(14, 10, 21, 6.0) > 0, float)


#: Rows are proportional: RCA is 1 in every cell.
TIES = np.outer([1.0, 3.0, 7.0, 9.0, 11.0], [2.0, 5.0, 13.0, 0.3, 0.7])
WHOLE = ("sparse", "patents", "dense")


def tables() -> dict[str, tuple[list[str], list[str], np.ndarray]]:
    """All tables by name: codes of regions, codes of sectors, values."""
    made = {
        "sparse": sparse(), "dense": nested(30, 20, 7, 4.0) + 1.0, "hollow": nested(20, 15, 1), "blocks": blocks(),
        "conflict": conflict(), "noise": noise(), "ties": TIES, "given": given(),
    }  # fmt: skip
    named = {
        name: ([f"r{i:02}" for i in range(len(x))], [f"s{j:02}" for j in range(x.shape[1])], x)
        for name, x in made.items()
    }
    return named | {"patents": patents()}


# Programs -----------------------------------------------------------------------------------------------------


def silent(run: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Run without the lines and warnings that it prints."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(*arguments, **options)


def wide(codes: tuple[list[str], list[str]], x: np.ndarray) -> Any:
    """A table with names."""
    import pandas as pd

    return pd.DataFrame(x, pd.Index(codes[0], name="loc"), pd.Index(codes[1], name="prod"))


def long(codes: tuple[list[str], list[str]], x: np.ndarray) -> Any:
    """Every cell in a row, zeros included."""
    return wide(codes, x).stack().rename("val").reset_index().assign(time=2020)


def by_ecomplexity(codes: tuple[list[str], list[str]], x: np.ndarray, **options: Any) -> dict[str, np.ndarray]:
    """Results of ecomplexity 0.5.3 as arrays."""
    from ecomplexity import ecomplexity, proximity

    data, columns = long(codes, x), {name: name for name in ("time", "loc", "prod", "val")}
    with_options = {"check_logsupermodularity": False, "verbose": False} | options
    frame = silent(ecomplexity, data, columns, **with_options).sort_values(["loc", "prod"])
    cells = {
        name: frame[column].to_numpy(float).reshape(x.shape)
        for name, column in (("rca", "rca"), ("presence", "mcp"), ("density", "density"), ("cog", "cog"))
        if column in frame
    }
    region = {name: frame[name].to_numpy(float).reshape(x.shape)[:, 0] for name in ("diversity", "eci", "coi")}
    sector = {name: frame[name].to_numpy(float).reshape(x.shape)[0] for name in ("ubiquity", "pci")}
    links = {}
    if not options:
        pairs = silent(proximity, data, columns).sort_values(["prod_1", "prod_2"])
        links = {"proximity": pairs["proximity"].to_numpy(float).reshape(len(codes[1]), -1)}
    return cells | region | sector | links


def by_econcomplex(codes: tuple[list[str], list[str]], x: np.ndarray, **options: Any) -> dict[str, np.ndarray]:
    """Results of econcomplex 1.0.1 as arrays."""
    import econcomplex

    named = {"loc": "loc", "act": "prod", "val": "val", "time": "time"}
    frame = silent(econcomplex.compute_complexity, long(codes, x), named, **options).sort_values(["loc", "prod"])
    whole = {name: frame[name].to_numpy(float).reshape(x.shape) for name in ("rca", "density", "distance", "cog")}
    whole["presence"] = frame["mcp"].to_numpy(float).reshape(x.shape)
    region = {name: frame[name].to_numpy(float).reshape(x.shape)[:, 0] for name in ("diversity", "eci", "coi")}
    sector = {name: frame[name].to_numpy(float).reshape(x.shape)[0] for name in ("ubiquity", "pci")}
    phi = econcomplex.proximity(whole["presence"], use_rca=False, threshold=0.5, compute="product")["product"]
    return whole | region | sector | {"proximity": phi}


def by_economiccomplexity(
    codes: tuple[list[str], list[str]], x: np.ndarray, *, cutoff: float = 1.0, iterations: int = 20
) -> dict[str, np.ndarray]:
    """Results of economic-complexity 0.3.0 as arrays; `cog` is its opportunity gain."""
    import economic_complexity as program

    rca = silent(program.rca, wide(codes, x))
    eci, pci = silent(program.complexity, rca, cutoff=cutoff, iterations=iterations)
    phi = program.proximity(rca, cutoff=cutoff)
    presence = rca.ge(cutoff).to_numpy(float)
    return {
        "rca": rca.to_numpy(), "presence": presence, "diversity": presence.sum(axis=1), "ubiquity": presence.sum(axis=0),
        "eci": eci.to_numpy(), "pci": pci.to_numpy(), "proximity": phi.to_numpy(),
        "density": program.relatedness(rca, cutoff=cutoff, proximities=phi).to_numpy(),
        "distance": program.distance(rca, cutoff=cutoff, proximities=phi).to_numpy(),
        "cog": program.opportunity_gain(rca, pci=pci, cutoff=cutoff, proximities=phi).to_numpy(),
    }  # fmt: skip


RUN: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    "ecomplexity": by_ecomplexity,
    "econcomplex": by_econcomplex,
    "economiccomplexity": by_economiccomplexity,
}


# Files --------------------------------------------------------------------------------------------------------


def write(name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """One file; numbers in full."""
    with (FOLDER / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([repr(float(v)) if isinstance(v, float | np.floating) else v for v in row] for row in rows)


def write_results(name: str, codes: tuple[list[str], list[str]], x: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """What every program says of one table."""
    found = {peer: RUN[peer](codes, x) for peer in PEERS}
    regions, sectors = codes
    for file, labels, measures in (
        ("regions", regions, ("diversity", "eci", "coi")),
        ("sectors", sectors, ("ubiquity", "pci")),
    ):
        columns = {f"{p}_{m}": found[p][m] for p in PEERS for m in measures if m in found[p]}
        rows = ([label, *(c[k] for c in columns.values())] for k, label in enumerate(labels))
        write(f"{name}_{file}.csv", [file[:-1], *columns], rows)
    cells = {f"{p}_{m}": found[p][m] for p in PEERS for m in ("rca", "density", "cog")}
    presence = found[PEERS[0]]["presence"].astype(int)
    rows = (
        [i, j, presence[i, j], *(c[i, j] for c in cells.values())]
        for i in range(0, len(regions), STEP)
        for j in range(len(sectors))
    )
    write(f"{name}_cells.csv", ["region", "sector", "presence", *cells], rows)
    off = ~np.eye(len(sectors), dtype=bool)
    phi = found[PEERS[0]]["proximity"]
    for other in PEERS[1:]:
        if not np.array_equal(phi[off], found[other]["proximity"][off]):
            raise SystemExit(f"{name}: the proximities differ beside the diagonal")
        if not np.array_equal(presence, found[other]["presence"]):
            raise SystemExit(f"{name}: the presence differs")
    pairs = ([a, b, phi[a, b]] for a, b in zip(*np.triu_indices(len(sectors), k=1), strict=True))
    write(f"{name}_proximity.csv", ["source", "target", "proximity"], pairs)
    return found


def facts(all_tables: dict[str, tuple[list[str], list[str], np.ndarray]]) -> list[tuple[str, str, float]]:
    """Single numbers of every program, each beside the case that it belongs to."""
    import pandas as pd

    def table(name: str) -> tuple[tuple[list[str], list[str]], np.ndarray]:
        regions, sectors, x = all_tables[name]
        return (regions, sectors), x

    def missing(values: np.ndarray) -> float:
        return float(np.isnan(values).mean())

    found: list[tuple[str, str, float]] = []
    limits = {"ecomplexity": "rca_mcp_threshold", "econcomplex": "threshold", "economiccomplexity": "cutoff"}
    for peer in PEERS:
        codes, x = table("hollow")
        r = RUN[peer](codes, x, **{limits[peer]: 3.0})
        found += [(peer, f"hollow_missing_{m}", missing(r[m])) for m in ("eci", "coi", "cog") if m in r]
        found.append((peer, "hollow_empty_regions", float((r["presence"].sum(axis=1) == 0).sum())))
        r = RUN[peer](*table("blocks"))
        found += [(peer, f"blocks_eci_{k}", float(v)) for k, v in enumerate(r["eci"])]
        r = RUN[peer](*table("ties"))
        found.append((peer, "ties_present", float(r["presence"].mean())))
        codes, x = table("noise")
        r = RUN[peer](codes, x)
        found += [(peer, f"noise_eci_{k}", float(v)) for k, v in enumerate(r["eci"])]
        codes, x = table("sparse")
        r = RUN[peer](codes, x)
        found.append((peer, "diagonal", float(np.unique(np.diagonal(r["proximity"])).item())))
    for peer in PEERS[1:]:
        codes, x = table("sparse")
        r = RUN[peer](codes, x)
        scale = 100.0 if peer == "econcomplex" else 1.0
        found.append(
            (peer, "distance_less_1_less_density", float(np.abs(r["distance"] - (1 - r["density"] / scale)).max()))
        )
    codes, x = table("conflict")
    r = by_econcomplex(codes, x)
    found += [("econcomplex", f"conflict_eci_{k}", float(v)) for k, v in enumerate(r["eci"])]
    found += [("econcomplex", f"conflict_pci_{k}", float(v)) for k, v in enumerate(r["pci"])]
    codes, x = table("given")
    r = by_econcomplex(codes, x, presence_test="manual")
    found += [("econcomplex", f"given_diversity_{k}", float(v)) for k, v in enumerate(r["diversity"])]
    found += [("econcomplex", f"given_eci_{k}", float(v)) for k, v in enumerate(r["eci"])]
    codes, x = table("hollow")
    people = pd.DataFrame({"time": 2020, "loc": codes[0], "pop": np.arange(len(codes[0])) + 5.0})
    r = by_ecomplexity(codes, x, presence_test="both", pop=people)
    found.append(("ecomplexity", "both_largest_presence", float(r["presence"].max())))
    r = by_ecomplexity(codes, x, knn=3)
    found.append(("ecomplexity", "nearest_3_largest_density", float(r["density"].max())))
    codes, x = table("patents")
    for steps in (19, 20, 21):
        eci = by_economiccomplexity(codes, x, iterations=steps)["eci"]
        found += [("economiccomplexity", f"iterations_{steps}_{k}", float(v)) for k, v in enumerate(eci)]
    return found


def main() -> None:
    """Write everything."""
    FOLDER.mkdir(exist_ok=True)
    all_tables = tables()
    for name, (regions, sectors, x) in all_tables.items():
        write(
            f"{name}.csv",
            ["region", *sectors],
            ([r, *(f"{v:.15g}" for v in row)] for r, row in zip(regions, x, strict=True)),
        )
    for name in WHOLE:
        regions, sectors, x = all_tables[name]
        write_results(name, (regions, sectors), x)
    write("cases.csv", ["peer", "case", "value"], facts(all_tables))


if __name__ == "__main__":
    main()
