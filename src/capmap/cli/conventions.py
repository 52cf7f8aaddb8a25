"""Options of the conventions of relatedness and complexity, each written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Annotated, Any, get_args

import typer

from capmap.cli import options

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

#: What was chosen, by the keyword that the analyses take; None where nothing was.
Chosen = dict[str, Any]
NOTHING: Chosen = {}
#: Every convention by that keyword, in the order of the help.
OPTIONS: dict[str, Any] = {
    "reference": options.Reference, "exclude": options.Exclude, "window": options.Window, "preset": As,
    "presence": Presence, "threshold": Threshold, "comparison": Comparison, "min_share": MinShare,
    "min_population": MinPopulation, "min_regions": MinRegions, "proximity": Proximity, "diagonal": Diagonal,
    "neighbours": Neighbours, "sign": Sign, "ddof": Ddof, "pci_scale": PciScale, "cog": Cog, "component": Component,
    "force": Force, "draws": Draws, "seed": Seed,
}  # fmt: skip


def taking(
    *, without: Sequence[str] = (), options: Mapping[str, Any] = OPTIONS
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that has the conventions as options, in the place of its parameter `chosen`, which gets them.

    `without` names those that mean nothing to it. What was not given is None there, a switch that is off as well.
    """
    names = [name for name in options if name not in without]
    switches = {name for name in names if get_args(options[name])[0] is bool}
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name in switches else None, annotation=options[name]
        )
        for name in names
    ]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        parameters = [
            one
            for p in own.parameters.values()
            for one in (added if p.name == "chosen" else [p.replace(kind=inspect.Parameter.KEYWORD_ONLY)])
        ]

        @wraps(command)
        def run(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in names}
            command(**given, chosen=chosen | {name: chosen[name] or None for name in switches})

        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # what typer reads
        return run

    return decorated
