"""The vocabulary every layer shares: what an indicator, a run file, a project and a result are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


Mean = Literal["arithmetic", "geometric", "harmonic", "median", "mazziotta_pareto", "bottleneck"]
Normaliser = Literal["min_max", "z_score", "percentile", "rank", "goalposts", "distance_to_target", "ratio_to_best"]


class IndexNode(Closed):
    """A node of a composite index: a pillar, or an indicator below one."""

    id: Annotated[str, Field(min_length=1, description="Short name of the node; each once in an index.")]
    name: Annotated[str | None, Field(description="Name shown to readers; the id, or the indicator's own name.")] = None
    parent: Annotated[str | None, Field(description="Node that it is a part of; the index itself if left out.")] = None
    weight: Annotated[float, Field(description="Weight among the nodes of one parent; only ratios count.")] = 1.0
    aggregation: Annotated[
        Mean | None, Field(description="How the nodes below are brought together; that of the index if left out.")
    ] = None
    indicator: Annotated[
        str | None, Field(description="Indicator of the catalogue, for a node without nodes below.")
    ] = None
    sector: Annotated[
        str | None,
        Field(description="Sector of the indicator; the total if left out, published or added up."),
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
    min_coverage: Annotated[
        float, Field(ge=0, le=1, description="Share of all indicators that a region must have to be scored.")
    ] = 2 / 3
    min_pillar: Annotated[
        float, Field(ge=0, le=1, description="Share of the indicators that it must have in each pillar.")
    ] = 2 / 3


class DataSection(Closed):
    """`[data]`: what to read."""

    observations: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Files, folders or globs: CSV (also .gz), Parquet, xlsx."),
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
