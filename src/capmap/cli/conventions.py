"""Options of the conventions of relatedness and complexity, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

CONVENTIONS = "Conventions"

As = Annotated[
    str | None,
    typer.Option("--as", help="Conventions of another program: ecomplexity, economiccomplexity or econcomplex.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Presence = Annotated[
    str | None,
    typer.Option("--presence", help="What holding a sector means: rca, established, per_capita, both or given.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", help="RCA from which a region holds a sector; default 1.", rich_help_panel=CONVENTIONS),
]
Comparison = Annotated[
    str | None,
    typer.Option("--comparison", help="'>=' (reaching the threshold is enough) or '>'.", rich_help_panel=CONVENTIONS),
]
MinShare = Annotated[
    float | None,
    typer.Option("--min-share", help="Share of the world below which a region takes no part; default 0.0001.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
MinPopulation = Annotated[
    float | None,
    typer.Option("--min-population", help="Inhabitants below which a region takes no part; default 1,000,000.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
MinRegions = Annotated[
    int | None,
    typer.Option("--min-regions", help="Regions that must hold a sector for it to take part; default 3.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Proximity = Annotated[
    str | None,
    typer.Option("--proximity", help="minimum_conditional, cosine, jaccard, association or rsca_correlation.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Diagonal = Annotated[
    float | None,
    typer.Option("--diagonal", help="Proximity of a sector to itself in densities; default 0.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Neighbours = Annotated[
    int | None,
    typer.Option("--neighbours", help="Nearest sectors that count in a density; default all.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Sign = Annotated[
    str | None,
    typer.Option("--sign", help="What settles the sign: diversity or ubiquity.", rich_help_panel=CONVENTIONS),
]
Ddof = Annotated[
    int | None,
    typer.Option("--ddof", help="Degrees of freedom taken off in standard deviations: 0 or 1.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
PciScale = Annotated[
    str | None,
    typer.Option("--pci-scale", help="Scale of PCI: region (that of ECI) or sector (its own).",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Cog = Annotated[
    str | None,
    typer.Option("--cog", help="Normaliser of the outlook gain: destination or origin.", rich_help_panel=CONVENTIONS),
]
Component = Annotated[
    str | None,
    typer.Option("--component", help="all (a table in parts is refused) or largest.", rich_help_panel=CONVENTIONS),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Compute, flagged, where the second dimension is unclear or the table is huge.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Draws = Annotated[
    int | None,
    typer.Option("--draws", min=0, max=1_000_000, help="Draws behind the ranges; default 200, 0 for none.",
                 rich_help_panel=CONVENTIONS),
]  # fmt: skip
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Seed of every random draw; default 20230926.", rich_help_panel=CONVENTIONS),
]
