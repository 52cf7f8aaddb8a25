"""How the score of a composite index came about: raw, divided, imputed, treated, normalised, weighted, added up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from capmap.analyses import selection
from capmap.analyses.composite.build import Built
from capmap.analyses.composite.choice import allowed, chosen, measured
from capmap.analyses.composite.tables import step_tables
from capmap.analyses.explanation import formulas as explain_formulas
from capmap.analyses.explanation import table as explain_table
from capmap.analyses.explanation.normalise import LOGGED, SCORES
from capmap.analyses.explanation.parts import Sources, Story, derived, letters
from capmap.analyses.explanation.sensitivity import rank_points
from capmap.analyses.index import index, index_table, told
from capmap.data.nearest import nearest
from capmap.errors import UsageError
from capmap.model import TOTAL, IndexFile, IndexNode, Indicator, Project, Result

MEASURES = ("score", "rank", "coverage", "imputed_share")
#: Mean -> function of formulas; the others have no arithmetic on single figures.
MEANS = {
    "arithmetic": "mean", "geometric": "geomean", "harmonic": "harmean", "median": "wmedian", "bottleneck": "pfb",
}  # fmt: skip
CONTRIBUTIONS = {
    "node": pl.String, "parent": pl.String, "level": pl.Int32, "indicator": pl.String, "sector": pl.String,
    "source_year": pl.Int32, "value": pl.Float64, "denominator": pl.Float64, "ratio": pl.Float64, "imputed": pl.Boolean,
    "treated": pl.Float64, "score": pl.Float64, "weight_share": pl.Float64, "effective_weight": pl.Float64,
    "contribution": pl.Float64, "note": pl.String,
}  # fmt: skip


def explain_replicates(
    project: Project, region: str, name: str, year: selection.Year, *, id: str | None, node: str | None,  # noqa: A002
    other: str | None, **options: Any,
) -> Result:  # fmt: skip
    """The explanation of what the replicates of an index give: ranges of ranks, probabilities, moves."""
    file = chosen(project, id)
    selection.one_year(year)
    wanted = _node(file, node)
    several = [project.catalogue[one.indicator].source.model_dump() | {"indicator": one.indicator}
               for one in file.nodes if one.indicator is not None]  # fmt: skip
    label = next((one.name for one in file.nodes if one.id == wanted), None)
    cited = {"name": file.name if label is None else f"{label} ({file.name})", "noun": None, "unit": "score",
             "kind": "index", "sources": several}  # fmt: skip
    return explain_table.explain_replicates(project, region, other, name, year, file, wanted, cited, options)


def _node(file: IndexFile, node: str | None) -> str:
    """Id of a node of the file, the index itself where none is named."""
    wanted = node or file.id
    known = [file.id, *(one.id for one in file.nodes)]
    if wanted not in known:
        near = nearest(wanted, known)
        raise UsageError(
            f"{file.id} has no node {wanted!r}",
            fix=f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}",
        )
    return wanted


@dataclass(frozen=True)
class Scored:
    """One region in one period of an index, with the tables of its steps."""

    project: Project
    file: IndexFile
    built: Built
    tables: Mapping[str, pl.DataFrame]
    region: str
    year: int | None

    def table(self, name: str) -> pl.DataFrame:
        """Rows of this period."""
        frame = self.tables[name]
        return (
            frame.filter(pl.col("year").eq_missing(pl.lit(self.year, pl.Int32))) if "year" in frame.columns else frame
        )

    def of(self, name: str, node: str) -> pl.DataFrame:
        """Rows of a node for every region, in the order of their codes."""
        return self.table(name).filter(pl.col("node") == node)

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """Nodes below each node, in the order of the file."""
        found: dict[str, list[str]] = {}
        for node in self.file.nodes:
            found.setdefault(node.parent or self.file.id, []).append(node.id)
        return found

    @cached_property
    def weights(self) -> dict[str, dict[str, Any]]:
        """Node -> its row of weights."""
        return {row["node"]: row for row in self.tables["weights"].iter_rows(named=True)}

    def node(self, name: str) -> IndexNode | None:
        """What the file says of a node; None for the index itself."""
        return next((node for node in self.file.nodes if node.id == name), None)

    def meta(self, node: IndexNode) -> Indicator:
        """The indicator of a node without nodes below."""
        return self.project.catalogue[node.indicator or ""]

    def score(self, node: str) -> float | None:
        """Score of a node for the region."""
        found = self.of("index", node).filter(pl.col("region") == self.region)["score"].to_list()
        return found[0] if found else None

    def below(self, node: str) -> list[str]:
        """The nodes without nodes below them, at or below a node."""
        return (
            [node] if node not in self.children else [leaf for one in self.children[node] for leaf in self.below(one)]
        )

    def inner(self, node: str) -> list[str]:
        """The nodes with nodes below them, at or below a node."""
        return (
            [node, *(one for child in self.children[node] for one in self.inner(child))]
            if node in self.children
            else []
        )


def symbol(node: str) -> str:
    """Name of a node's score in a formula.

    >>> symbol("tech-1")
    'score_tech_1'
    """
    return f"score_{re.sub(r'[^0-9A-Za-z]', '_', node)}"


def explain_index(
    project: Project,
    region: str,
    name: str,
    year: selection.Year,
    *,
    id: str | None,  # noqa: A002 - the word of the index file
    node: str | None,
    **options: Any,
) -> Result:
    """The explanation of the score, rank or coverage of a node of a composite index for a region."""
    file = chosen(project, id)
    selection.one_year(year)
    for what, value in options.items():
        allowed(what, value)
    built = measured(project, file, year, **options)
    parameters = {"id": file.id, "year": str(year), "weights": "given", "impute": None} | options
    meta = told(built, parameters)
    wanted = _node(file, node)
    block = meta["blocks"][-1]
    tables = {"index": index_table(built)} | step_tables(built)
    one = Scored(project, file, built, tables, region, block["year"])
    rows = one.of("index", wanted)
    own = rows.filter(pl.col("region") == region)
    if own.is_empty():
        raise UsageError(f"{region} takes no part in {file.id}", fix="see `capmap index`")
    row = own.row(0, named=True)
    story = Story(name if name != "score" else symbol(wanted))
    _tree(one, story, wanted)
    _standing(one, story, wanted, row)
    if name == "score":
        story.before = [symbol(leaf) for leaf in one.below(wanted)] + [symbol(inner) for inner in built.frame.inner
                        if inner in one.inner(wanted)]  # fmt: skip
    _sources(one, story, wanted)
    story.parameters["world"] = (f"{block['scored']} regions scored", "counted")
    for key in ("weights", "impute", "min_coverage"):
        value = parameters[key] if parameters.get(key) is not None else getattr(file, key, None)
        story.parameters[key] = (value, "asked" if key in options else "index file or default")
    if row["rank"] is not None and wanted in one.children:
        values = rows["score"].fill_null(float("nan")).to_numpy()
        story.sensitivity = rank_points(symbol(wanted), values, rows["region"].to_list().index(region), 1)
    about = {"indicator": file.id, "year": one.year, "region": region, "sector": wanted, "note": row["note"]}
    found = story.result(about, {
        "command": "explain",
        "parameters": {"measure": name, "node": wanted} | parameters,
        "method": f"{explain_formulas.METHODS['score']}; {file.name}, index file {file.id}",
        "cited": _cited(one, wanted, meta["names"]),
        "blocks": [block],
        "row": {key: row[key] for key in ("score", "rank", "coverage", "note")} | _doubt(one, wanted, row, options),
    })  # fmt: skip
    contributions = pl.DataFrame([_contribution(one, leaf, wanted) for leaf in one.below(wanted)], schema=CONTRIBUTIONS)
    answer = found.tables["answer"].with_columns(measure=pl.lit(name))
    return Result("explain", {**found.tables, "answer": answer, "contributions": contributions}, found.meta)


def _doubt(one: Scored, node: str, row: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """How many regions are ranked, and the range of the rank over replicates, which only the whole index has."""
    n = one.of("index", node)["rank"].drop_nulls().len()
    if node != one.file.id or row["rank"] is None:
        return {"n": n}
    year = "latest" if one.year is None else one.year
    whole = index(one.project, one.file.id, year=year, region=[one.region], **options).tables["index"]
    own = whole.filter(pl.col("node") == node).row(0, named=True)
    return {"n": n, "rank_low": own["rank_low"], "rank_high": own["rank_high"]}


def _tree(one: Scored, story: Story, node: str) -> None:
    """The score of a node, and of all below it."""
    below = one.children.get(node)
    if below is None:
        _leaf(one, story, node)
        return
    for child in below:
        _tree(one, story, child)
    how = one.built.frame.means[node]
    scores = {child: one.score(child) for child in below}
    known = [child for child in below if scores[child] is not None]
    values = np.array([scores[child] for child in known], float)
    weights = np.array([one.weights[child]["weight"] for child in known], float)
    name = symbol(node)
    story.values[name] = one.score(node)
    if len(below) == 1:
        story.formulas[name] = symbol(below[0])
    elif how not in MEANS:
        whole = f"whole_{symbol(node)[6:]}"
        story.parameters[whole] = (one.score(node), f"{how} mean over all regions: capmap index {one.file.id} --steps")
        story.formulas[name] = whole
        story.treatment.append((f"mean_{node}", f"{how}: computed from the scores of all regions together", None))
    else:
        shift = _shift(one, node)
        mark = f"shift_{symbol(node)[6:]}"
        expression = f"{MEANS[how]}(inputs)" + (f" - {mark}" if shift else "")
        if shift:
            story.parameters[mark] = (shift, f"added before the {how} mean, taken off after")
        year = one.year
        story.figures(name, expression, lambda: derived(
            name, one.file.id, year, value=values + shift, factor=weights, sector=known, region=[one.region] * len(known),
        ))  # fmt: skip
        story.values[name] = one.score(node)
    if one.score(node) is None:
        story.formulas[name] = "None"


def _shift(one: Scored, node: str) -> float:
    """Constant that makes the scores of all regions positive before the mean of a node."""
    made = one.built.weighed.combined.get(node)
    return 0.0 if made is None else float(made.shift)


def _leaf(one: Scored, story: Story, node: str) -> None:
    """The score of an indicator: its figure, divided, treated and put on its scale."""
    name, own = symbol(node), one.node(node)
    assert own is not None
    base = one.of("denomination", node).filter(pl.col("region") == one.region).row(0, named=True)
    everybody = one.tables["normalisation"].filter(pl.col("node") == node)
    mine = everybody.filter((pl.col("region") == one.region) & pl.col("year").eq_missing(pl.lit(one.year, pl.Int32)))
    if mine.is_empty():
        story.formulas[name] = "None"
        story.values[name] = None
        return
    row = mine.row(0, named=True)
    raw, size, ratio, treated = (f"{what}_{name[6:]}" for what in ("raw", "size", "ratio", "treated"))
    story.values |= {raw: base["value"], ratio: base["ratio"], treated: row["treated"], name: row["score"]}
    if own.result is None:
        story.figures(raw, "sum(inputs)", lambda: _raw(one, own, base["source_year"], raw))
    else:
        story.parameters[raw] = (
            base["value"],
            f"{own.result} of {own.indicator}: capmap explain --measure {own.result}",
        )
    story.formulas[ratio] = raw
    if own.per is not None:
        story.figures(size, "sum(inputs)", lambda: Sources(one.project).rows(
            size, own.per or "", [base["source_year"]], [one.region], [TOTAL]))  # fmt: skip
        story.formulas[ratio] = f"{raw} / {size}"
    cure = one.tables["treatment"].filter(pl.col("node") == node).row(0, named=True)
    story.formulas[treated] = _treated(one, story, node, ratio, treated, row, cure)
    story.formulas[name] = _scaled(one, story, own, name, treated)


def _treated(
    one: Scored, story: Story, node: str, ratio: str, treated: str, row: Mapping[str, Any], cure: Mapping[str, Any]
) -> str:
    """What became of the value: imputed, an outlier pulled in, or a logarithm."""
    filled = one.of("imputation", node).filter(pl.col("region") == one.region)
    known = story.values[ratio]
    if known is None and filled.height:
        story.parameters[f"imputed_{treated[8:]}"] = (filled["value"][0], "imputed")
        story.treatment.append((f"imputed_{node}", "the gap is filled by the imputation of the index", 1))
        ratio = f"imputed_{treated[8:]}"
        known = filled["value"][0]
    if cure["treatment"] == "log":
        shift = f"log_shift_{treated[8:]}"
        story.parameters[shift] = (cure["log_shift"], "column")
        story.treatment.append((f"log_{node}", "logarithms of the whole column, for its outliers", cure["points"]))
        return f"-ln({shift} - {ratio})" if cure["log_mirrored"] else f"ln({ratio} + {shift})"
    if cure["treatment"] == "winsorised" and known is not None and row["treated"] != known:
        edge = f"winsorised_{treated[8:]}"
        story.parameters[edge] = (row["treated"], "next value of the column")
        story.treatment.append((f"winsorised_{node}", "an outlier is pulled in to the next value", 1))
        return f"{'min' if row['treated'] < known else 'max'}({ratio}, {edge})"
    return ratio


def _scaled(one: Scored, story: Story, own: IndexNode, name: str, treated: str) -> str:
    """The normaliser as arithmetic on the symbols of this indicator."""
    place = next(k for k, leaf in enumerate(one.built.frame.leaves) if leaf.node.id == own.id)
    leaf, column, end = one.built.frame.leaves[place], one.built.columns[place], name[6:]
    unit = list(one.built.figures.periods).index(one.year) * len(one.built.figures.regions)
    if column.across[unit + one.built.figures.regions.index(one.region)]:
        story.treatment.append(
            (f"imputed_{own.id}", "the gap takes the mean of the region's other scores in the pillar", 1)
        )
        story.parameters[f"imputed_{end}"] = (_known(story, name), "mean of the other scores")
        return f"imputed_{end}"
    kept, origin = column.scale.parameters, "frozen scale" if one.built.kept is not None else "column"
    if leaf.normaliser not in SCORES:  # a transformation that is fitted to the whole column
        story.parameters[f"fitted_{end}"] = (_known(story, name), f"{leaf.normaliser} of the whole column")
        return f"fitted_{end}"
    expression = SCORES[leaf.normaliser][leaf.direction == -1]
    if leaf.normaliser == "rank":  # the larger rank is the better one, so that it can be added up
        expression = f"1 + {'below' if leaf.direction == 1 else 'above'}(inputs, treated)"
    if "among" in kept:
        story.figures(name, expression, lambda: derived(name, own.indicator, one.year, value=kept["among"]))
    posts = leaf.goalposts
    bounds: dict[str, Any] = {}
    if leaf.normaliser == "goalposts" and posts is not None:
        bounds, origin = {"scale_low": posts.low, "scale_high": posts.high}, "goalposts"
        if posts.log:
            expression = LOGGED if leaf.direction == 1 else f"1 - {LOGGED}"
    elif leaf.normaliser == "distance_to_target":
        bounds, origin = {"anchor": leaf.target}, "target"
    elif leaf.normaliser == "ratio_to_best":
        bounds = {"column_max" if leaf.direction == 1 else "column_min": kept["best"]}
    elif "scale" in kept:
        names = ("column_min", "column_max") if leaf.normaliser == "min_max" else ("column_mean", "column_sd")
        bounds = dict(zip(names, kept["scale"], strict=True))  # type: ignore[arg-type]
    for part, value in bounds.items():
        expression = re.sub(rf"\b{part}\b", f"{part}_{end}", expression)
        story.parameters[f"{part}_{end}"] = (value, origin)
    return re.sub(r"\btreated\b", treated, expression)


def _known(story: Story, name: str) -> float | None:
    """What a symbol came to, as a number."""
    value = story.values.get(name)
    return None if value is None or isinstance(value, str) else float(value)


def _raw(one: Scored, own: IndexNode, year: int | None, mark: str) -> pl.DataFrame:
    """The lines of an indicator: of its sector, of the published total, or of all sectors where those are added up."""
    sources, name = Sources(one.project), own.indicator or ""
    if own.sector is not None:
        return sources.rows(mark, name, [year], [one.region], [own.sector])
    total = sources.rows(mark, name, [year], [one.region], [TOTAL])
    return total if total.height else sources.rows(mark, name, [year], [one.region])


def _standing(one: Scored, story: Story, node: str, row: Mapping[str, Any]) -> None:
    """Rank among the regions, and how much of the indicators is known."""
    name = symbol(node)
    rows = one.of("index", node).drop_nulls("score")
    if node in one.children:
        story.figures("rank", f"1 + above(inputs, {name} + 1e-9)", lambda: derived(
            "rank", one.file.id, one.year, value=rows["score"], region=rows["region"].to_list()))  # fmt: skip
    else:
        own = one.node(node)
        assert own is not None
        ahead = "above" if (own.direction or one.meta(own).direction) == 1 else "below"
        values, codes = _filled(one, node)
        story.figures("rank", f"1 + {ahead}(inputs, ratio_{name[6:]})", lambda: derived(
            "rank", one.file.id, one.year, value=values, region=codes))  # fmt: skip
    if row["rank"] is None:
        story.formulas["rank"] = "None"
    leaves = one.below(node)
    flags = [float(one.of("denomination", leaf).filter(pl.col("region") == one.region)["ratio"][0] is not None)
             for leaf in leaves]  # fmt: skip
    filled = [float(one.of("imputation", leaf).filter(pl.col("region") == one.region).height > 0) for leaf in leaves]
    has = [max(pair) for pair in zip(flags, filled, strict=True)]
    who = [one.region] * len(leaves)
    story.figures(
        "coverage",
        "mean(inputs)",
        lambda: derived("coverage", one.file.id, one.year, value=has, sector=leaves, region=who),
    )
    story.figures("imputed_share", "mean(inputs)", lambda: derived(
        "imputed_share", one.file.id, one.year, value=filled, factor=has, sector=leaves, region=who))  # fmt: skip
    story.values |= {"rank": row["rank"], "coverage": row["coverage"], "imputed_share": row["imputed_share"]}


def _filled(one: Scored, node: str) -> tuple[Any, list[str]]:
    """Values of an indicator for the regions that are scored, divided and imputed but not treated, and their codes."""
    figures = one.built.figures
    place = next(k for k, leaf in enumerate(one.built.frame.leaves) if leaf.node.id == node)
    values = one.built.filled[one.built.period(list(figures.periods).index(one.year)), place]
    kept = np.flatnonzero(~np.isnan(values))
    return values[kept], [figures.regions[k] for k in kept]


def _contribution(one: Scored, leaf: str, node: str) -> dict[str, Any]:
    """One indicator on its way into the score."""
    own = one.node(leaf)
    assert own is not None
    base = one.of("denomination", leaf).filter(pl.col("region") == one.region).row(0, named=True)
    scaled = one.of("normalisation", leaf).filter(pl.col("region") == one.region)
    row = scaled.row(0, named=True) if scaled.height else {"treated": None, "score": None}
    weight = one.weights[leaf]
    shares = _shares(one, node)
    score = row["score"]
    additive = all(one.built.frame.means[inner] == "arithmetic" for inner in _inner(one, node)) and leaf in shares
    return {
        "node": leaf, "parent": weight["parent"], "level": weight["level"], "indicator": own.indicator,
        "sector": own.sector, "source_year": base["source_year"], "value": base["value"],
        "denominator": base["denominator"], "ratio": base["ratio"],
        "imputed": one.of("imputation", leaf).filter(pl.col("region") == one.region).height > 0,
        "treated": row["treated"], "score": score, "weight_share": weight["weight_share"],
        "effective_weight": shares.get(leaf),
        "contribution": shares[leaf] * score if additive and score is not None else None, "note": base["note"],
    }  # fmt: skip


def _inner(one: Scored, node: str) -> list[str]:
    """Nodes with several nodes below them, at or below a node."""
    below = one.children.get(node, [])
    return [*([node] if len(below) > 1 else []), *(inner for child in below for inner in _inner(one, child))]


def _shares(one: Scored, node: str, share: float = 1.0) -> dict[str, float]:
    """Weight of each indicator in a node: the product of its shares among the siblings that have a score."""
    below = [child for child in one.children.get(node, ()) if one.score(child) is not None]
    if not below:
        return {node: share} if node not in one.children else {}
    total = sum(one.weights[child]["weight"] for child in below)
    found: dict[str, float] = {}
    for child in below:
        found |= _shares(one, child, share * one.weights[child]["weight"] / total if total else 0.0)
    return found


def _sources(one: Scored, story: Story, node: str) -> None:
    """Which of the figures carry a status."""
    frames = []
    for leaf in one.below(node):
        own = one.node(leaf)
        base = one.of("denomination", leaf).filter(pl.col("region") == one.region)
        if own is not None and own.result is None and base.height:
            frames.append(_raw(one, own, base["source_year"][0], "raw"))
    letters(story, frames)


def _cited(one: Scored, node: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The sources of all indicators of a node."""
    metas = list(dict.fromkeys(one.meta(own).id for leaf in one.below(node) if (own := one.node(leaf)) is not None))
    several = [one.project.catalogue[id_].source.model_dump() | {"indicator": id_} for id_ in metas]
    label = one.file.name if node == one.file.id else f"{names.get(node, node)} ({one.file.name})"
    return {"name": label, "noun": None, "unit": "score", "kind": "index", "sources": several}
