"""Three programs on PyPI and capmap under `--as`: the same numbers where a convention is sound, the difference where not.

`tests/golden/peers.py` made the figures with ecomplexity 0.5.3, econcomplex 1.0.1 and economic-complexity 0.3.0. Each
test names the convention that it aligns; everything else is what the preset alone gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from capmap.analyses import complexity as analyses
from capmap.analyses import presence
from capmap.methods import complexity as methods
from capmap.methods import relatedness
from capmap.methods.specialisation import Floats

from .made import made, one_year

FOLDER = Path(__file__).parents[1] / "golden" / "peers"
TABLES = ("sparse", "patents", "dense")
PEERS = ("ecomplexity", "econcomplex", "economiccomplexity")
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
every_table = pytest.mark.parametrize("name", TABLES)
every_peer = pytest.mark.parametrize("peer", PEERS)


class Capmap:
    """What capmap says of one of the tables."""

    def __init__(self, name: str, preset: str | None, **changes: Any) -> None:
        frame = pl.read_csv(FOLDER / f"{name}.csv")
        values, regions, sectors = frame.drop("region").to_numpy(), frame["region"], frame.columns[1:]
        cells = {(r, s): float(values[i, j]) for i, r in enumerate(regions) for j, s in enumerate(sectors)}
        project = made(one_year(cells), kind="value")
        chosen = presence.conventions(project, preset, **changes)
        self.options = chosen.complexity
        (self.table,), _ = presence.tables(project, project.catalogue["x"], "latest", chosen)
        self.held = self.table.presence
        self.found = analyses.indices(self.held, self.options)
        self.proximity = analyses.sector_proximity(self.table, self.options)
        self.outlook = analyses.outlook(self.table, self.proximity, self.found.pci, self.options)
        self.ubiquity = self.held.sum(axis=0)

    def outlook_with(self, pci: Floats) -> analyses.Outlook:
        """The outlook with another complexity of the sectors."""
        return analyses.outlook(self.table, self.proximity, pci, self.options)


class Peer:
    """What a program says of one of the tables; cells are those of every fourth region."""

    def __init__(self, name: str, peer: str) -> None:
        self.peer = peer
        self.frames = [pl.read_csv(FOLDER / f"{name}_{part}.csv") for part in ("regions", "sectors", "cells")]
        self.cells = tuple(self.frames[2][axis].to_numpy() for axis in ("region", "sector"))
        self.held = self.frames[2]["presence"].to_numpy() == 1
        self.pairs = pl.read_csv(FOLDER / f"{name}_proximity.csv")

    def __getitem__(self, measure: str) -> Floats:
        column = f"{self.peer}_{measure}"
        return next(frame[column] for frame in self.frames if column in frame.columns).to_numpy()


def fact(peer: str, case: str) -> float:
    """One number of `cases.csv`."""
    frame = pl.read_csv(FOLDER / "cases.csv").filter(pl.col("peer") == peer, pl.col("case") == case)
    return float(frame["value"].item())


def vector(peer: str, case: str) -> Floats:
    """The numbers of a case, in the order of their positions."""
    frame = pl.read_csv(FOLDER / "cases.csv").filter(
        pl.col("peer") == peer, pl.col("case").str.contains(rf"^{case}_\d+$")
    )
    return frame["value"].to_numpy()


def z_score(x: Floats, ddof: int = 0) -> Floats:
    return np.asarray((x - x.mean()) / x.std(ddof=ddof))


# The same numbers ---------------------------------------------------------------------------------------------


@every_peer
@every_table
def test_advantage_presence_diversity_and_ubiquity(name: str, peer: str) -> None:
    ours, theirs = Capmap(name, peer), Peer(name, peer)
    assert_allclose(ours.table.rca[theirs.cells], theirs["rca"], **CLOSE)
    assert_array_equal(ours.held[theirs.cells], theirs.held)
    assert_array_equal(ours.held.sum(axis=1), theirs["diversity"])
    assert_array_equal(ours.ubiquity, theirs["ubiquity"])


@every_peer
@every_table
def test_proximity_with_the_diagonal_of_the_peer(name: str, peer: str) -> None:
    ours, theirs = Capmap(name, peer), Peer(name, peer)
    source, target, phi = (theirs.pairs[column].to_numpy() for column in theirs.pairs.columns)
    assert_allclose(ours.proximity[source, target], phi, **CLOSE)
    assert_allclose(ours.proximity[target, source], phi, **CLOSE)
    assert_array_equal(np.diagonal(ours.proximity), fact(peer, "diagonal"))


@every_peer
@every_table
def test_density_and_distance(name: str, peer: str) -> None:
    """Aligned: econcomplex gives density in per cent. Distance is 1 - density wherever there is one."""
    ours, theirs = Capmap(name, peer), Peer(name, peer)
    density = theirs["density"] / (100.0 if peer == "econcomplex" else 1.0)
    assert_allclose(ours.outlook.density[theirs.cells], density, **CLOSE)
    if peer != "ecomplexity":
        assert fact(peer, "distance_less_1_less_density") == 0.0
    assert_allclose(relatedness.distance(ours.held, ours.proximity)[theirs.cells], 1.0 - density, **CLOSE)


@pytest.mark.parametrize("peer", PEERS[:2])
@every_table
def test_indices_of_complexity(name: str, peer: str) -> None:
    ours, theirs = Capmap(name, peer), Peer(name, peer)
    assert_allclose(ours.found.eci, theirs["eci"], **CLOSE)
    assert_allclose(ours.found.pci, theirs["pci"], **CLOSE)


@every_table
def test_outlook_of_econcomplex(name: str) -> None:
    """Aligned: the gain of a sector that is held is null here and 0 there."""
    ours, theirs = Capmap(name, "econcomplex"), Peer(name, "econcomplex")
    assert_allclose(ours.outlook.index, theirs["coi"], **CLOSE)
    gain = ours.outlook.gain[theirs.cells]
    assert np.isnan(gain[theirs.held]).all()
    assert_array_equal(theirs["cog"][theirs.held], 0.0)
    assert_allclose(gain[~theirs.held], theirs["cog"][~theirs.held], **CLOSE)


@every_table
def test_outlook_of_ecomplexity(name: str) -> None:
    """Aligned: the zero of PCI, the z-score of the index, and the gain of a sector that is held.

    ecomplexity computes both before it scales PCI, from the eigenvector itself: its PCI is then 0 where the mean over
    sectors, weighted by ubiquity, is, and not where the mean ECI is. It gives the z-score of its outlook index.
    """
    ours, theirs = Capmap(name, "ecomplexity"), Peer(name, "ecomplexity")
    centred = ours.outlook_with(ours.found.pci - np.average(ours.found.pci, weights=ours.ubiquity))
    assert_allclose(z_score(centred.index), theirs["coi"], **CLOSE)
    assert_allclose(centred.gain[theirs.cells][~theirs.held], theirs["cog"][~theirs.held], **CLOSE)
    assert_array_equal(theirs["cog"][theirs.held], 0.0)
    plain = ours.outlook.gain[theirs.cells][~theirs.held]
    assert np.abs(plain - theirs["cog"][~theirs.held]).max() > 1e-3  # so the zero is not a detail


# Reflections under the name of ECI ----------------------------------------------------------------------------


@every_table
def test_indices_of_economiccomplexity_are_reflections(name: str) -> None:
    """18 reflections for regions and 19 for sectors, standardised with ddof 1: not the eigenvector they tend to."""
    ours, theirs = Capmap(name, "economiccomplexity"), Peer(name, "economiccomplexity")
    assert_allclose(z_score(methods.reflections(ours.held, 18).region, ddof=1), theirs["eci"], **CLOSE)
    assert_allclose(z_score(methods.reflections(ours.held, 19).sector, ddof=1), theirs["pci"], **CLOSE)

    limit = ours.found.eci
    further = z_score(methods.reflections(ours.held, 36).region, ddof=1)
    short = np.abs(theirs["eci"] - limit).max()
    assert short > 1e-3
    assert np.abs(further - limit).max() < short


def test_reflections_are_far_from_the_index_where_the_eigenvalues_are_close() -> None:
    """The third eigenvalue is 93 % of the second, so that 9 double steps leave half of the third eigenvector."""
    ours, theirs = Capmap("sparse", "economiccomplexity"), Peer("sparse", "economiccomplexity")
    assert ours.found.found is not None
    second, third = ours.found.found.eigenvalues[1:]
    assert (third / second) ** 9 > 0.5
    assert np.corrcoef(ours.found.eci, theirs["eci"])[0, 1] < 0.5


@every_table
def test_opportunity_gain_of_economiccomplexity_is_the_gain_less_what_is_lost(name: str) -> None:
    """Aligned: its PCI are reflections, and it subtracts density times PCI; held sectors have one too."""
    ours, theirs = Capmap(name, "economiccomplexity"), Peer(name, "economiccomplexity")
    around = ours.outlook_with(theirs["pci"])
    net = (around.gain - around.density * theirs["pci"])[theirs.cells]
    assert_allclose(net[~theirs.held], theirs["cog"][~theirs.held], **CLOSE)
    assert not np.isnan(theirs["cog"][theirs.held]).any()


def test_an_odd_number_of_iterations_turns_the_index_of_economiccomplexity_round() -> None:
    """After an odd number of reflections a region has the mean ubiquity of its sectors: low means complex."""
    even, odd, next_odd = (vector("economiccomplexity", f"iterations_{steps}") for steps in (20, 19, 21))
    assert np.corrcoef(even, odd)[0, 1] < -0.99
    assert np.corrcoef(even, next_odd)[0, 1] < -0.99
    ours = Capmap("patents", "economiccomplexity")
    assert methods.reflections(ours.held, 17).region_parity == "ubiquity"
    assert_allclose(z_score(methods.reflections(ours.held, 17).region, ddof=1), odd, **CLOSE)


# Where a program is wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cog", ["destination", "origin"])
def test_only_the_gain_by_destination_is_what_the_outlook_gains(cog: str) -> None:
    """econcomplex and economic-complexity divide by the sector gained (origin), and say that it is the gain in COI."""
    ours = Capmap("dense", "econcomplex", cog=cog)
    region = int(ours.held.sum(axis=1).argmin())
    before, lost, missed = ours.outlook.index[region], ours.outlook.density[region] * ours.found.pci, []
    for sector in np.flatnonzero(~ours.held[region]):
        more = ours.held.copy()
        more[region, sector] = True
        density = relatedness.density(more, ours.proximity)
        after = relatedness.outlook_index(more, density, ours.found.pci)[region]
        missed.append(after - before - (ours.outlook.gain[region, sector] - lost[sector]))
    largest = np.abs(missed).max()
    assert largest < 1e-12 if cog == "destination" else largest > 0.05


def test_one_region_without_any_sector_takes_everybody_down_elsewhere() -> None:
    """At RCA >= 3 one region and one sector hold nothing, and two of the programs have no ECI left, and none an outlook.

    ecomplexity iterates over a 0-d array and catches the error; economic-complexity divides 0 by 0 and multiplies the
    table by it; econcomplex leaves the sector out of PCI and then adds up over all of them.
    """
    assert [fact(peer, "hollow_missing_eci") for peer in PEERS] == [1.0, 0.05, 1.0]
    assert fact("ecomplexity", "hollow_missing_coi") == fact("econcomplex", "hollow_missing_coi") == 1.0
    assert [fact(peer, "hollow_missing_cog") for peer in PEERS] == [1.0, 1.0, 1.0]
    for peer in PEERS:
        ours = Capmap("hollow", peer, threshold=3.0, component="largest")
        empty = ~ours.held.any(axis=1)
        assert empty.sum() == fact(peer, "hollow_empty_regions") == 1.0
        assert_array_equal(np.isnan(ours.outlook.index), empty)
        part = methods.components(ours.held).regions == 0
        assert_array_equal(np.isnan(ours.found.eci), ~part)


def test_an_empty_region_or_sector_changes_nobody_else() -> None:
    frame = Capmap("hollow", "ecomplexity", threshold=3.0, component="largest")
    held = frame.held[frame.held.any(axis=1)][:, frame.held.any(axis=0)]
    alone = methods.complexity(held, component="largest", force=True)
    assert_allclose(frame.found.eci[frame.held.any(axis=1)], alone.eci, **CLOSE)
    assert_allclose(frame.found.pci[frame.held.any(axis=0)], alone.pci, **CLOSE)


def test_unconnected_groups_are_refused_not_ranked() -> None:
    """All three rank two groups that have nothing in common: everybody in one group is at +1, in the other at -1."""
    for peer in PEERS[:2]:
        assert_allclose(np.abs(vector(peer, "blocks_eci")), 1.0, rtol=1e-6)
    assert_allclose(np.abs(vector("economiccomplexity", "blocks_eci")), 0.95, atol=0.03)
    for peer in PEERS:
        ours = Capmap("blocks", peer)
        assert ours.found.reason == "disconnected"
        assert np.isnan(ours.found.eci).all()


def test_where_no_second_dimension_stands_out_the_programs_contradict_each_other() -> None:
    """Numbers without structure: refused, unless forced. The programs give a number each, and these disagree."""
    assert Capmap("noise", "ecomplexity", force=False).found.reason == "eigengap"
    forced = Capmap("noise", "ecomplexity").found
    assert forced.found is not None
    assert "eigengap" in forced.found.flags
    for peer in PEERS[:2]:
        assert_allclose(vector(peer, "noise_eci"), forced.eci, rtol=1e-7, atol=1e-7)
    assert abs(np.corrcoef(vector("economiccomplexity", "noise_eci"), forced.eci)[0, 1]) < 0.6


@every_peer
def test_exact_ties_are_not_left_to_round_off(peer: str) -> None:
    """Rows are proportional, so RCA is 1 in every cell; in 64-bit division a fifth of them fall short of it."""
    assert fact(peer, "ties_present") == pytest.approx(0.8)
    ours = Capmap("ties", peer)
    assert ours.held.all()
    assert ours.found.reason == "equal_diversity"


def test_econcomplex_turns_eci_and_pci_apart() -> None:
    """It signs ECI by diversity and PCI by ubiquity. Here they contradict, and complex regions hold simple sectors."""
    eci, pci = (vector("econcomplex", f"conflict_{which}") for which in ("eci", "pci"))
    ours = Capmap("conflict", "econcomplex")
    assert_allclose(ours.found.eci, eci, **CLOSE)
    assert_allclose(-ours.found.pci, pci, **CLOSE)
    mean = (ours.held @ pci) / ours.held.sum(axis=1)
    assert np.corrcoef(mean, eci)[0, 1] == pytest.approx(-1.0)


def test_econcomplex_computes_eci_from_another_presence_than_the_one_given() -> None:
    """With `presence_test="manual"` diversity is that of the table given, and ECI that of RCA of its zeros and ones."""
    given, of_rca = (Capmap("given", "econcomplex", presence=which) for which in ("given", "rca"))
    assert_array_equal(vector("econcomplex", "given_diversity"), given.held.sum(axis=1))
    eci = vector("econcomplex", "given_eci")
    assert_allclose(of_rca.found.eci, eci, **CLOSE)
    assert np.abs(given.found.eci - eci).max() > 0.1


def test_presence_and_density_stay_in_their_range() -> None:
    """ecomplexity adds two presences up (`both`), and counts nearest sectors without weights or a denominator (`knn`)."""
    assert fact("ecomplexity", "both_largest_presence") == 2.0
    assert fact("ecomplexity", "nearest_3_largest_density") == 3.0
    nearest = Capmap("hollow", "ecomplexity", neighbours=3).outlook.density
    assert np.nanmax(nearest) <= 1.0
    assert Capmap("hollow", "ecomplexity").held.dtype == np.bool_


def test_presets_are_conventions_that_exist() -> None:
    """Every preset is valid, differs from the defaults, and gives way to what is asked for beside it."""
    assert set(presence.PRESETS) == set(PEERS)
    project = made(one_year({("r0", "s0"): 1.0, ("r1", "s1"): 1.0}), kind="value")
    plain = presence.conventions(project).told()
    for preset in PEERS:
        told = presence.conventions(project, preset, min_regions=2).told()
        assert told["as"] == preset
        assert told["min_regions"] == 2
        assert told["min_share"] == 0.0
        assert {key for key in plain if plain[key] != told[key]} > {"as", "min_share", "min_regions", "force"}
