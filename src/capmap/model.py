"""The vocabulary every layer shares: what an indicator, a run file, a project and a result are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from capmap.errors import Finding

if TYPE_CHECKING:
    import polars as pl

TOTAL = "_T"  #: SDMX code of a total; the sector of region-level indicators
REST_OF_WORLD = "_ROW"  #: derived, never stored: the published world less the regions in the table

Kind = Literal["count", "value", "intensity", "score"]
Stage = Literal["knowledge", "technology", "scale_up", "production", "market", "context"]
AbsentRows = Literal["zero", "missing"]
Role = Literal["region", "reference", "aggregate"]

#: SDMX observation-status letters (code list CL_OBS_STATUS) and what capmap does with them.
STATUSES: dict[str, str] = {
    "A": "normal value",
    "B": "break: not comparable with earlier periods; change, trend, new and lost are suspended",
    "E": "estimated",
    "I": "imputed",
    "L": "missing: collected but not available",
    "M": "cannot exist (not applicable)",
    "P": "provisional",
    "Q": "suppressed (confidential)",
    "U": "low reliability",
}


class Closed(BaseModel):
    """A section of a TOML file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Source(Closed):
    """Where an indicator's figures come from."""

    title: Annotated[str, Field(description="Title of the publication or data set.")]
    producer: Annotated[str | None, Field(description="Organisation that publishes the figures.")] = None
    table: Annotated[str | None, Field(description="Table number or data-set code.")] = None
    vintage: Annotated[str | None, Field(description="Edition or date of the figures.")] = None
    url: Annotated[str | None, Field(description="Where the publication is found.")] = None
    licence: Annotated[str | None, Field(description="Terms of use.")] = None


class Goalposts(Closed):
    """Fixed lower and upper bounds of a score (OECD/JRC Handbook 2008; UNDP technical notes)."""

    low: Annotated[float, Field(description="Value that scores 0.")]
    high: Annotated[float, Field(description="Value that scores 1.")]
    log: Annotated[bool, Field(description="Take logarithms of value and bounds first.")] = False

    @model_validator(mode="after")
    def _ordered(self) -> Goalposts:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low}) must be smaller than high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"log goalposts need low > 0, not {self.low}")
        return self


class Indicator(Closed):
    """What one number means: the content of `indicators/<id>.toml`."""

    id: Annotated[str, Field(exclude=True, description="Taken from the file name, never written in it.")]
    name: Annotated[str, Field(min_length=1, description="Name shown to readers.")]
    kind: Annotated[
        Kind,
        Field(
            description="Which formulas are allowed: `count` (things counted), `value` (money, jobs, "
            "quantities), `intensity` (a ratio), `score` (an ordinal or bounded judgement)."
        ),
    ]
    unit: Annotated[str, Field(min_length=1, description="Unit of the value, in words.")]
    stage: Annotated[Stage, Field(description="Where in the innovation and production chain the indicator looks.")]
    direction: Annotated[Literal[1, -1], Field(description="1 if more is better, -1 if less is better.")]
    classification: Annotated[
        str, Field(description="Code list of its sectors; `none` for region-level indicators (sector `_T`).")
    ]
    source: Annotated[Source, Field(description="Where the figures come from.")]
    short: Annotated[str | None, Field(description="Short plural noun for narrow screens, such as `families`.")] = None
    description: Annotated[str | None, Field(description="What is measured, in a sentence or two.")] = None
    counting: Annotated[
        Literal["whole", "fractional"] | None,
        Field(description="How co-owned items are counted; declared, never guessed from the numbers."),
    ] = None
    absent_rows: Annotated[
        AbsentRows | None,
        Field(
            description="What a row that is not in the file means: `zero` (default for counts and values) "
            "or `missing` (default otherwise)."
        ),
    ] = None
    aggregate: Annotated[
        Literal["sum", "weighted_mean", "none"] | None,
        Field(description="How sub-regions and sub-sectors add up; default sum for counts and values."),
    ] = None
    weight: Annotated[str | None, Field(description="Indicator that weights a weighted mean.")] = None
    denominator: Annotated[
        str | None,
        Field(description="Indicator an intensity is divided by; or the text `external: ...` if not held."),
    ] = None
    goalposts: Annotated[Goalposts | None, Field(description="Fixed bounds of a score.")] = None
    target: Annotated[float | None, Field(description="Value a policy aims at.")] = None
    reference: Annotated[
        str | None, Field(description="Region code of the published total; found by its role if left out.")
    ] = None
    imports: Annotated[
        str | None, Field(description="Indicator with the matching imports, for Vollrath, Lafay, Michaely.")
    ] = None
    caveats: Annotated[tuple[str, ...], Field(description="What a reader must know, a sentence each.")] = ()
    years: Annotated[tuple[int, int] | None, Field(description="First and last year the indicator can hold.")] = None
    percent: Annotated[bool, Field(description="True if the value is a percentage of a whole, so never above 100.")] = (
        False
    )

    @property
    def additive(self) -> bool:
        """Whether values may be summed over sectors and regions."""
        return self.kind in ("count", "value") and self.aggregate in (None, "sum")

    @property
    def absent(self) -> AbsentRows:
        """What an absent row means, with the default for the kind filled in."""
        if self.absent_rows is not None:
            return self.absent_rows
        return "zero" if self.kind in ("count", "value") else "missing"

    @property
    def noun(self) -> str:
        """Short plural noun for tables: `families`, `articles`."""
        return self.short or self.name.lower()


Mean = Literal[
    "arithmetic", "geometric", "harmonic", "power", "median", "ordered", "mazziotta_pareto", "adjusted_mazziotta_pareto",
    "bottleneck", "copeland", "kemeny",
]  # fmt: skip
Weighting = Literal[
    "given", "equal", "pca", "entropy", "critic", "budget", "ahp", "best_worst", "benefit_of_doubt", "correlation_optimised"
]  # fmt: skip
#: Ways to fill gaps, and what capmap can measure of an indicator for a region.
Imputer = Literal["none", "mean", "median", "group", "row", "last", "linear", "em", "iterative"]
Measured = Literal[
    "eci", "fitness", "coi", "diversity", "coherence", "related_variety", "unrelated_variety", "n_established"
]
Normaliser = Literal["min_max", "z_score", "percentile", "rank", "goalposts", "distance_to_target", "ratio_to_best"]


class Shares(Closed):
    """Bounds on the shares of the nodes of one parent."""

    low: Annotated[float, Field(ge=0, le=1, strict=True, description="Smallest share of each node.")] = 0.0
    high: Annotated[float, Field(ge=0, le=1, strict=True, description="Largest share of each node.")] = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Shares:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not be above high ({self.high})")
        return self


_Number = Annotated[float, Field(strict=True)]
# Keys that a node and the index itself share: how the nodes below are weighted and brought together.
ExponentKey = Annotated[
    float | None, Field(strict=True, description="Exponent of `power`: from -20 to 20, or `inf` or `-inf`.")
]
OrderWeightsKey = Annotated[
    tuple[_Number, ...] | None,
    Field(description="Weights of `ordered`, one per node below, from that of the best score to that of the worst."),
]
SharesKey = Annotated[
    Shares | None,
    Field(description="Bounds on the shares of the nodes below, for `benefit_of_doubt` and `correlation_optimised`."),
]
ExpertsKey = Annotated[
    str | None,
    Field(description="Table of `budget`: CSV in the folder of the index file, with columns `expert,node,points`."),
]
JudgementsKey = Annotated[
    str | None,
    Field(description="Table of `ahp`: CSV in the folder of the index file, with columns `node,other,ratio`."),
]
ComparisonsKey = Annotated[
    tuple[tuple[_Number, ...], ...] | None,
    Field(
        description="Matrix of `ahp` for the nodes right below, in the order of the file: how many times as important."
    ),
]
BestKey = Annotated[str | None, Field(description="Most important of the nodes right below, for `best_worst`.")]
WorstKey = Annotated[str | None, Field(description="Least important of the nodes right below, for `best_worst`.")]
BestToOthersKey = Annotated[
    dict[str, _Number] | None, Field(description="How many times as important the best node is as each other, 1 to 9.")
]
OthersToWorstKey = Annotated[
    dict[str, _Number] | None, Field(description="How many times as important each other node is as the worst, 1 to 9.")
]


class IndexNode(Closed):
    """A node of a composite index: a pillar, or an indicator below one."""

    id: Annotated[str, Field(min_length=1, description="Short name of the node; each once in an index.")]
    name: Annotated[str | None, Field(description="Name shown to readers; the id, or the indicator's own name.")] = None
    parent: Annotated[str | None, Field(description="Node that it is a part of; the index itself if left out.")] = None
    weight: Annotated[
        float,
        Field(
            description="Weight among the nodes of one parent; only ratios count. With `correlation_optimised` the "
            "importance wanted."
        ),
    ] = 1.0
    aggregation: Annotated[
        Mean | None, Field(description="How the nodes below are brought together; that of the index if left out.")
    ] = None
    exponent: ExponentKey = None
    order_weights: OrderWeightsKey = None
    weighting: Annotated[
        Weighting | None, Field(description="How the nodes below are weighted; as in the index if left out.")
    ] = None
    shares: SharesKey = None
    experts: ExpertsKey = None
    judgements: JudgementsKey = None
    comparisons: ComparisonsKey = None
    best: BestKey = None
    worst: WorstKey = None
    best_to_others: BestToOthersKey = None
    others_to_worst: OthersToWorstKey = None
    indicator: Annotated[
        str | None, Field(description="Indicator of the catalogue, for a node without nodes below.")
    ] = None
    sector: Annotated[
        str | None,
        Field(description="Sector of the indicator; the total if left out, published or added up."),
    ] = None
    result: Annotated[
        Measured | None,
        Field(
            description="What capmap measures of the indicator over all of its sectors, in place of its figure: a column of "
            "`capmap complexity`, or `n_established`, the number of established specialisations of `capmap rca`."
        ),
    ] = None
    direction: Annotated[
        Literal[1, -1] | None,
        Field(description="1 if more is better, -1 if less is; that of the indicator if left out."),
    ] = None
    per: Annotated[str | None, Field(description="Indicator to divide by, such as population, of the same year.")] = (
        None
    )
    goalposts: Annotated[
        Goalposts | None, Field(description="Fixed bounds of the score; those of the indicator if left out.")
    ] = None
    target: Annotated[float | None, Field(description="Target; that of the indicator if left out.")] = None
    treatment: Annotated[
        Literal["rule", "none"] | None, Field(description="What is done to outliers; that of the index if left out.")
    ] = None
    normaliser: Annotated[
        Normaliser | None, Field(description="How the indicator is put on a scale; that of the index if left out.")
    ] = None
    imputation: Annotated[
        Imputer | None, Field(description="How its gaps are filled; as in the index if left out.")
    ] = None


class IndexFile(Closed):
    """A composite index of regions: the content of `index/<id>.toml`."""

    id: Annotated[str, Field(exclude=True, description="Taken from the file name, never written in it.")]
    name: Annotated[str, Field(min_length=1, description="Name shown to readers.")]
    nodes: Annotated[
        tuple[IndexNode, ...], Field(min_length=1, description="Pillars and indicators, one `[[nodes]]` table each.")
    ]
    description: Annotated[str | None, Field(description="What the index measures, in a sentence or two.")] = None
    group: Annotated[str | None, Field(description="Group of regions that are scored; all regions if left out.")] = None
    years_apart: Annotated[
        int, Field(ge=0, description="Most years between the figures of two indicators before mixing is refused.")
    ] = 3
    aggregation: Annotated[Mean, Field(description="How nodes are brought together, where a node says nothing.")] = (
        "arithmetic"
    )
    exponent: ExponentKey = None
    order_weights: OrderWeightsKey = None
    weighting: Annotated[
        Weighting, Field(description="How the nodes below are weighted, where a node says nothing.")
    ] = "given"
    shares: SharesKey = None
    experts: ExpertsKey = None
    judgements: JudgementsKey = None
    comparisons: ComparisonsKey = None
    best: BestKey = None
    worst: WorstKey = None
    best_to_others: BestToOthersKey = None
    others_to_worst: OthersToWorstKey = None
    normaliser: Annotated[
        Normaliser, Field(description="How indicators are put on one scale, where a node says nothing.")
    ] = "min_max"
    treatment: Annotated[
        Literal["rule", "none"] | None,
        Field(
            description="What is done to outliers, where a node says nothing: `rule` (default), or `none`, the default "
            "with goalposts and targets, whose bounds are in the indicator's unit."
        ),
    ] = None
    imputation: Annotated[
        Imputer,
        Field(
            description="How gaps are filled, where a node says nothing: `none`, nothing is filled unless asked for."
        ),
    ] = "none"
    imputation_groups: Annotated[
        tuple[str, ...],
        Field(
            description="Groups of regions for the imputation by `group`; a region belongs to the first of them that it is "
            "in. If left out: its parent in the code list, or the first of its groups there."
        ),
    ] = ()
    imputation_max_age: Annotated[
        int | None,
        Field(
            ge=0, description="Oldest age, in years, of a figure carried forward by `last`; any within `years_apart`."
        ),
    ] = None
    min_coverage: Annotated[
        float, Field(ge=0, le=1, description="Share of all indicators that a region must have to be scored.")
    ] = 2 / 3
    min_pillar: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Share of the indicators that it must have in each pillar, and of the nodes below each node.",
        ),
    ] = 2 / 3
    answers: Annotated[
        dict[str, tuple[tuple[str, str, float], ...]],
        Field(exclude=True, description="Rows of the tables named by `experts` and `judgements`, by the file's name."),
    ] = {}


class ColumnScale(Closed):
    """How the values of one indicator of an index become scores, as far as that came from the data."""

    treatment: Annotated[
        Literal["none", "winsorised", "log", "failed"], Field(description="What was done to outliers.")
    ]
    low: Annotated[float | None, Field(description="Value to which lower ones are pulled in.")] = None
    high: Annotated[float | None, Field(description="Value to which higher ones are pulled in.")] = None
    shift: Annotated[float | None, Field(description="Constant of the logarithm.")] = None
    mirrored: Annotated[bool, Field(description="Whether the logarithm is that of the mirror image.")] = False
    parameters: Annotated[
        dict[str, float | tuple[float, ...]], Field(description="What the normaliser took from the treated values.")
    ] = {}
    least: Annotated[float, Field(description="Smallest treated value.")]
    most: Annotated[float, Field(description="Largest treated value.")]


class LeafScale(Closed):
    """The scale of one indicator of an index, with what it depends on and whose figures set it."""

    node: Annotated[str, Field(description="Node of the index.")]
    definition: Annotated[dict[str, Any], Field(description="What the index and the catalogue said of it.")]
    years: Annotated[tuple[int | None, ...], Field(description="Years of the figures.")]
    regions: Annotated[tuple[str, ...], Field(description="Regions of the figures.")]
    scale: ColumnScale


class Scale(Closed):
    """The frozen scale of a composite index: the content of `index/<id>.scale.json`."""

    version: Annotated[Literal[1], Field(description="Version of this layout.")] = 1
    capmap: Annotated[str, Field(description="Version of capmap that made it.")]
    index: Annotated[str, Field(description="Id of the index.")]
    periods: Annotated[tuple[int | None, ...], Field(description="Years of the index that it was made of.")]
    leaves: Annotated[tuple[LeafScale, ...], Field(min_length=1, description="A scale for every indicator.")]
    shifts: Annotated[
        dict[str, float],
        Field(description="Constant that made the scores below a node positive, where its mean needs it."),
    ] = {}
    hash: Annotated[str, Field(description="SHA-256 of all the rest.")]


class DataSection(Closed):
    """`[data]`: what to read."""

    observations: Annotated[
        tuple[str, ...],
        Field(description="Files, folders or globs: CSV (also .gz), Parquet, xlsx."),
    ]
    indicators: Annotated[str, Field(description="Folder with one TOML file per indicator.")] = "indicators"
    codes: Annotated[str, Field(description="Folder with regions.csv and one CSV per classification.")] = "codes"
    index: Annotated[str, Field(description="Folder with one TOML file per composite index; it may be missing.")] = (
        "index"
    )
    indicator: Annotated[
        str | None, Field(description="Indicator of all rows, where the files have no such column.")
    ] = None


class CsvSection(Closed):
    """`[csv]`: how text files are written."""

    separator: Annotated[str, Field(min_length=1, max_length=1, description="Column separator.")] = ","
    decimal: Annotated[Literal[".", ","], Field(description="Decimal mark.")] = "."
    encoding: Annotated[str, Field(description="Text encoding, such as `utf-8` or `latin-1`.")] = "utf-8"
    null_values: Annotated[
        tuple[str, ...],
        Field(description="Texts in the value column that mean `no value`, such as `:`; never applied to codes."),
    ] = ()


class SpecialisationSection(Closed):
    """`[specialisation]`: how RCA is measured and judged."""

    threshold: Annotated[float, Field(gt=0, le=1000, description="RCA from which a region is specialised.")] = 1.0
    window: Annotated[
        int | None,
        Field(ge=1, description="Calendar years summed, ending at the year shown; 1 for counts, 3 for values."),
    ] = None
    level: Annotated[float, Field(gt=0, lt=1, description="Level of the intervals.")] = 0.95
    p_established: Annotated[
        float, Field(gt=0.5, lt=1, description="P(RCA > threshold) from which a cell is established.")
    ] = 0.90
    min_count: Annotated[float, Field(ge=0, description="Count below which nothing is established.")] = 5.0
    min_expected: Annotated[
        float,
        Field(ge=0, description="Expected count below which the index is hidden and the class uncertain."),
    ] = 1.0
    dispersion: Annotated[
        Literal["estimated", "poisson"],
        Field(description="Whether year-to-year noise beyond counting error widens the ranges."),
    ] = "estimated"
    reference: Annotated[str, Field(description="world | sum | peers | CODE | ex:CODE | group:NAME.")] = "world"
    exclude: Annotated[tuple[str, ...], Field(description="Regions left out of table and totals.")] = ()


class ComplexitySection(Closed):
    """`[complexity]`: presence, who takes part, and the conventions of relatedness and complexity."""

    presence: Annotated[
        Literal["rca", "established", "per_capita", "both", "given"],
        Field(
            description="What makes a region hold a sector: `rca` (RCA reaches the threshold), `established` (the class), "
            "`per_capita` (per-capita RCA reaches it), `both` (RCA and per-capita RCA), `given` (values are 0 or 1)."
        ),
    ] = "rca"
    threshold: Annotated[float, Field(gt=0, le=1000, description="RCA from which a region holds a sector.")] = 1.0
    comparison: Annotated[
        Literal[">=", ">"], Field(description="Whether reaching the threshold is enough, or it must be exceeded.")
    ] = ">="
    min_share: Annotated[
        float, Field(ge=0, lt=1, description="Share of the world's total below which a region takes no part.")
    ] = 1e-4
    min_population: Annotated[
        float, Field(ge=0, description="Inhabitants below which a region takes no part, where they are known.")
    ] = 1e6
    min_regions: Annotated[int, Field(ge=0, description="Regions that must hold a sector for it to take part.")] = 3
    proximity: Annotated[
        Literal["minimum_conditional", "cosine", "jaccard", "association", "rsca_correlation"],
        Field(description="How often two sectors go together."),
    ] = "minimum_conditional"
    diagonal: Annotated[
        float,
        Field(ge=0, le=1, description="Proximity of a sector to itself in densities: 0, or 1 as in some programs."),
    ] = 0.0
    neighbours: Annotated[
        int | None, Field(ge=1, description="Nearest sectors that count in a density; all of them if left out.")
    ] = None
    sign: Annotated[
        Literal["diversity", "ubiquity"],
        Field(description="What settles the sign: ECI rises with diversity, or PCI falls with ubiquity."),
    ] = "diversity"
    ddof: Annotated[
        Literal[0, 1], Field(description="Degrees of freedom taken off in the standard deviation of ECI.")
    ] = 0
    pci_scale: Annotated[
        Literal["region", "sector"],
        Field(description="Mean and standard deviation that scale PCI: those of ECI, or its own."),
    ] = "region"
    cog: Annotated[
        Literal["destination", "origin"],
        Field(
            description="Whose proximities the outlook gain is divided by: the sector gained towards, or the one gained."
        ),
    ] = "destination"
    component: Annotated[
        Literal["all", "largest"],
        Field(description="A table in several unconnected parts is refused, or its largest part is computed."),
    ] = "all"
    force: Annotated[
        bool, Field(description="Compute, flagged, where the second dimension is not clear or the table is huge.")
    ] = False
    draws: Annotated[
        int,
        Field(ge=0, description="Draws from the posterior of RCA behind the ranges of indices and ranks; 0 for none."),
    ] = 200
    seed: Annotated[int, Field(ge=0, description="Seed of every random draw.")] = 20230926
    horizon: Annotated[int, Field(ge=1, description="Years ahead at which the backtest looks for entries.")] = 5
    model: Annotated[
        Literal["logistic", "boosting"], Field(description="Model that gives the probability of entry.")
    ] = "logistic"


class ProfileSection(Closed):
    """`[profile]`: what a profile lists."""

    material: Annotated[float, Field(ge=1, description="RCA from which a specialisation is worth listing.")] = 1.25
    large_rank: Annotated[int, Field(ge=1, description="World rank up to which a field is `large`.")] = 5
    close_match: Annotated[
        float, Field(ge=-1, le=1, description="Similarity below which `no close match` is said.")
    ] = 0.60
    peers: Annotated[int, Field(ge=1, description="Number of structural peers.")] = 4
    old_after: Annotated[int, Field(ge=0, description="Years after which data are marked as old.")] = 3


class ResultsSection(Closed):
    """`[results]`: the dated results (vintages) that `capmap refresh` keeps, and what counts as a change."""

    keep: Annotated[int, Field(ge=1, description="Vintages kept; the one that `latest` points to is always kept.")] = 12
    freeze: Annotated[
        int,
        Field(
            ge=0,
            description="Observations up to which a vintage keeps a compressed copy of its inputs, so that `capmap diff` "
            "can tell causes apart and the vintage can be computed again; 0 for no copy.",
        ),
    ] = 2_000_000
    tolerance: Annotated[
        float,
        Field(ge=0, lt=1, description="Relative change up to which a figure without a range counts as unchanged."),
    ] = 0.01


class WatchRule(Closed):
    """`[watch.NAME]`: a figure to watch; crossing its condition is reported first and can run a command."""

    region: Annotated[str, Field(min_length=1, description="Code of the region.")]
    indicator: Annotated[str, Field(min_length=1, description="Id of the indicator.")]
    condition: Annotated[
        str,
        Field(
            min_length=1,
            description='What to watch for: `"< 1"`, `"rank > 3"`, `"class != established"`, or a measure alone, such '
            'as `"class"`, for any change of it.',
        ),
    ]
    sector: Annotated[str | None, Field(description="Code of the sector; left out for measures of whole regions.")] = (
        None
    )
    measure: Annotated[
        str | None, Field(description="Measure that the condition is about, where it names none; `rca` by default.")
    ] = None
    command: Annotated[
        tuple[str, ...],
        Field(
            description="Program and arguments to run when the condition comes true, without a shell; the change is on "
            "its standard input as JSON."
        ),
    ] = ()


class SourceSection(Closed):
    """`[sources.<id>]`: where observations come from that `capmap refresh` fetches, one table for each source."""

    path: Annotated[str | None, Field(description="Local file or glob: CSV, Parquet, also .gz and .zip.")] = None
    url: Annotated[str | None, Field(description="Address of a CSV or Parquet file, also .gz and .zip.")] = None
    sdmx: Annotated[
        str | None, Field(description="SDMX REST query that answers with SDMX-CSV 1.0 or 2.0; or a local file of it.")
    ] = None
    jsonstat: Annotated[
        str | None, Field(description="Address of a JSON-stat 2.0 data set; or a local file of it.")
    ] = None
    member: Annotated[str | None, Field(description="File in a zip archive; its only file if left out.")] = None
    indicator: Annotated[str | None, Field(description="Indicator of all rows, where no column says it.")] = None
    columns: Annotated[
        dict[Literal["region", "sector", "indicator", "year", "value", "status"], str],
        Field(description="Column -> its name (of a dimension, in SDMX and JSON-stat) in the source."),
    ] = {}
    codes: Annotated[
        dict[Literal["region", "sector", "indicator", "year", "status"], dict[str, str] | str],
        Field(
            description="Column -> code of the source -> code of the project; or a CSV file with the columns `from,to`. "
            "Codes not named stay as they are."
        ),
    ] = {}
    filter: Annotated[
        dict[str, str | tuple[str, ...]],
        Field(description="Column or dimension of the source -> the value, or values, of the rows that are taken."),
    ] = {}
    expect: Annotated[
        tuple[str, ...], Field(description="Columns that the source must have; others may come and go.")
    ] = ()
    separator: Annotated[str, Field(min_length=1, max_length=1, description="Column separator of CSV.")] = ","
    decimal: Annotated[Literal[".", ","], Field(description="Decimal mark of CSV.")] = "."
    encoding: Annotated[str, Field(description="Text encoding of CSV.")] = "utf-8"
    null_values: Annotated[tuple[str, ...], Field(description="Texts that mean `no value`.")] = (":",)
    max_age: Annotated[
        float | None,
        Field(
            gt=0,
            description="Days after which figures that did not change are warned about, and no longer gone on with.",
        ),
    ] = None
    licence: Annotated[str | None, Field(description="Terms of use; kept beside the figures.")] = None
    headers_env: Annotated[
        dict[str, str], Field(description="Header -> environment variable that holds its value, such as a token.")
    ] = {}
    params_env: Annotated[
        dict[str, str], Field(description="Query parameter -> environment variable that holds its value.")
    ] = {}
    auth_env: Annotated[str | None, Field(description="Environment variable that holds `user:password`.")] = None
    timeout: Annotated[
        float,
        Field(gt=0, description="Seconds of silence after which a try has failed; a whole download has 20 times that."),
    ] = 30.0
    max_bytes: Annotated[int, Field(ge=1, description="Bytes, unpacked, above which a source is refused.")] = (
        500_000_000
    )
    on_failure: Annotated[
        Literal["stop", "last_good"],
        Field(description="When the source fails: stop, or go on with what it last gave and say so."),
    ] = "stop"

    @model_validator(mode="after")
    def _one_place(self) -> SourceSection:
        named = [key for key in ("path", "url", "sdmx", "jsonstat") if getattr(self, key) is not None]
        if len(named) != 1:
            raise ValueError(f"name one of path, url, sdmx and jsonstat (found: {', '.join(named) or 'none'})")
        place = self.place
        remote = place.lower().startswith(("http://", "https://"))
        if not place.strip() or (self.url is not None) > remote or (self.path is not None and "://" in place):
            raise ValueError("`url` begins with http:// or https://, and `path` is a file or a glob")
        if remote and "@" in place.split("/")[2]:
            raise ValueError("credentials do not stand in this file: name the variable that holds them with `auth_env`")
        return self

    @property
    def place(self) -> str:
        """Address, or local file or glob."""
        return self.path or self.url or self.sdmx or self.jsonstat or ""

    @property
    def remote(self) -> bool:
        """Whether it is fetched over the network."""
        return self.place.lower().startswith(("http://", "https://"))


class RefreshSection(Closed):
    """`[refresh]`: how `capmap refresh` asks the sources."""

    attempts: Annotated[
        int, Field(ge=1, le=20, description="Times a source is asked before it has failed for this run.")
    ] = 4
    wait: Annotated[
        float, Field(ge=0, description="Seconds before it is asked again, doubled each time, with as much jitter.")
    ] = 1.0


class RunFile(Closed):
    """The content of `capmap.toml`."""

    data: DataSection
    columns: Annotated[
        dict[Literal["region", "sector", "indicator", "year", "value", "status"], str],
        Field(description="Names of the columns in the files, where they differ."),
    ] = {}
    csv: CsvSection = CsvSection()
    specialisation: SpecialisationSection = SpecialisationSection()
    complexity: ComplexitySection = ComplexitySection()
    profile: ProfileSection = ProfileSection()
    peers: Annotated[
        dict[str, tuple[str, ...]], Field(description='Peers you choose for a region: KOR = ["JPN", "DEU"].')
    ] = {}
    sources: Annotated[
        dict[str, SourceSection],
        Field(
            description="Where observations come from that `capmap refresh` fetches, one table for each source. What it "
            "gives is `data/sources/<id>.parquet`, which is read beside `[data] observations`; these may be empty then."
        ),
    ] = {}
    refresh: RefreshSection = RefreshSection()

    @model_validator(mode="after")
    def _something_to_read(self) -> RunFile:
        if not (self.data.observations or self.sources):
            raise ValueError("`data.observations` names no file, and there are no sources")
        return self

    @field_validator("sources")
    @classmethod
    def _file_names(cls, sources: dict[str, SourceSection]) -> dict[str, SourceSection]:
        if odd := [name for name in sources if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name)]:
            raise ValueError(f"an id of a source has letters, digits, `_` and `-`, unlike {', '.join(odd)}")
        return sources

    results: ResultsSection = ResultsSection()
    watch: Annotated[dict[str, WatchRule], Field(description="Figures to watch, a table `[watch.NAME]` each.")] = {}


@dataclass(frozen=True)
class Codes:
    """The code lists of a project.

    `regions` has columns code, label, parent, level, role, group (a set of names joined by `;`);
    each classification has code, label, parent, level. Codes not listed are absent from the frames.
    """

    regions: pl.DataFrame
    classifications: Mapping[str, pl.DataFrame]
    listed: bool = True  #: False when no code list exists and codes are taken as found


@dataclass(frozen=True)
class InputFile:
    """One file that was read."""

    path: Path
    name: str  #: as shown to the user: relative to the project where possible
    rows: int
    sha256: str


@dataclass(frozen=True)
class Project:
    """Everything an analysis may look at; nothing in it changes.

    `observations` has columns region, sector, indicator (Enum, sorted), year (Int32, null when the data
    have one period only), value (Float64, null when missing), status (Enum of SDMX letters, null means A),
    file (UInt16, index into `files`) and line (UInt32).
    """

    observations: pl.DataFrame
    catalogue: Mapping[str, Indicator]
    codes: Codes
    run: RunFile
    root: Path
    files: tuple[InputFile, ...] = ()
    findings: tuple[Finding, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)  #: setting -> where its value came from
    bundled: bool = False  #: True for the sample project that ships with capmap
    indices: Mapping[str, IndexFile] = field(default_factory=dict)  #: composite indices by id
    scales: Mapping[str, Scale] = field(default_factory=dict)  #: their frozen scales, where there are any


@dataclass(frozen=True)
class Result:
    """What an analysis answers: named tables, and what a reader must know to read them.

    `meta` holds the command, its parameters (every default that mattered), years, reference and the like.
    """

    name: str
    tables: Mapping[str, pl.DataFrame]
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> pl.DataFrame:
        """The only table of a one-table result."""
        (table,) = self.tables.values()
        return table
