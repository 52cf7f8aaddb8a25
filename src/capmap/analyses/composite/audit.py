"""The audit of a composite index: every step with its evidence, the rule it is held against, and a verdict. (`--audit`)"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from capmap.analyses.composite import steps as step
from capmap.analyses.composite.build import SOME_SMALL, Built, imputations, small_counts, unscored
from capmap.analyses.composite.choice import again
from capmap.analyses.composite.coherence import coherence_tables
from capmap.analyses.composite.gap import step_of
from capmap.analyses.composite.ranks import ranges
from capmap.analyses.composite.strengths import LEAST_REGIONS
from capmap.analyses.composite.tables import step_tables
from capmap.analyses.listing import rows_of
from capmap.errors import RefusedError, UsageError
from capmap.methods import coherence, robustness
from capmap.methods.ranking import kendall
from capmap.model import TOTAL, Project

Floats = NDArray[np.float64]
Verdict = Literal["sound", "look", "problem", "not_checked"]

AUDIT_COLUMNS = ("index", "year", "step", "check", "node", "other", "value", "limit", "said", "verdict")
VERDICT_COLUMNS = ("index", "year", "step", "topic", "verdict", "checks", "looks", "problems")
#: The steps in their order.
TOPICS: Final = (
    "framework", "imputation", "denomination", "treatment", "normalisation", "weights", "aggregation", "coherence",
    "robustness", "presentation",
)  # fmt: skip
#: Verdicts from the best to the worst; a step has the worst of its checks.
ORDER: Final = ("not_checked", "sound", "look", "problem")
#: Share of the regions that is scored: less is a matter to look at, or a problem.
SCORED = (2 / 3, 1 / 2)
#: Years between the figures.
APART = 3
#: Share of the other regions that the median region may share a letter with.
ALIKE = 1 / 2
#: Share of the cells of scored regions that is imputed; share that is missing and left so.
IMPUTED = (0.05, 0.25)
MISSING = (0.10, 1 / 3)
#: Largest weight of one indicator, and how far its importance may be from its weight, as a factor.
LARGEST_WEIGHT, IMPORTANCE = 0.5, 2.0
#: Largest spread of scores over the smallest among the nodes of one parent.
SPREAD = 2.0
#: Kendall's tau of the ranks with those of the other mean.
AGREEMENT = (0.9, 0.7)
#: Cronbach's alpha, and by how much leaving one indicator out may raise it; share of a pillar's variance in one component.
ALPHA, RAISED, FIRST = 0.7, 0.05, 0.5
#: Median width of the ranges over the number of regions; share of pairs told apart; share of ranks outside their range;
#: share of ranks that are not the median of their replicates.
WIDTH, PAIRS, OUTSIDE, OFF_MEDIAN = (1 / 4, 1 / 2), (1 / 2, 1 / 4), (0.0, 0.1), 1 / 3


@dataclass(frozen=True)
class Evidence:
    """What the checks look at."""

    project: Project
    built: Built
    asked: Mapping[str, Any]
    tables: Mapping[str, pl.DataFrame]
    units: NDArray[np.intp]  #: places of the scored regions

    def region(self, unit: int) -> str:
        """Code of the region at a place."""
        return self.built.figures.regions[unit % len(self.built.figures.regions)]

    def joined(self, units: NDArray[np.intp]) -> str | None:
        """Codes of some regions, joined by `;`."""
        return ";".join(self.region(unit) for unit in units.tolist()) or None


Row = dict[str, Any]


def audit_tables(project: Project, built: Built, asked: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """The audit of an index of one year: tables `verdicts` (VERDICT_COLUMNS) and `audit` (AUDIT_COLUMNS).

    Parameters
    ----------
    built : the index, with its replicates.
    asked : parameters of `index`.

    Returns
    -------
    `audit`: a row per check and what it is of: the whole index where `node` is null. `value` is the evidence, `limit` the
    threshold it is held against, null where there is none (of `winsorised`, the value before and after), `said` a word or
    the codes behind it. `verdicts`: a row per step,
    with the worst verdict of its checks.

    Raises
    ------
    UsageError : several years.
    """
    if len(built.figures.periods) > 1:
        raise UsageError("an audit is of one year", fix="name it: --year 2018")
    tables = step_tables(built) | coherence_tables(built)
    seen = Evidence(project, built, asked, tables, built.scored[0])
    keys = {"index": built.frame.root, "year": built.figures.periods[0]}
    rows = [keys | {"step": k + 1} | row for k, name in enumerate(TOPICS) for row in CHECKS[name](seen)]
    texts = dict.fromkeys(("index", "check", "node", "other", "said", "verdict"), pl.String)
    schema: dict[str, Any] = dict.fromkeys(AUDIT_COLUMNS, pl.Float64) | texts | {"year": pl.Int32, "step": pl.Int32}
    found = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("value").fill_nan(None))
    worst = pl.col("verdict").replace_strict({name: k for k, name in enumerate(ORDER)}, return_dtype=pl.Int32).max()
    verdicts = (
        found.group_by("index", "year", "step", maintain_order=True)
        .agg(
            verdict=worst.replace_strict(dict(enumerate(ORDER)), return_dtype=pl.String),
            checks=pl.len().cast(pl.Int32), looks=(pl.col("verdict") == "look").sum().cast(pl.Int32),
            problems=(pl.col("verdict") == "problem").sum().cast(pl.Int32),
        )
        .with_columns(topic=pl.col("step").replace_strict(dict(enumerate(TOPICS, 1)), return_dtype=pl.String))
        .select(VERDICT_COLUMNS)
    )  # fmt: skip
    return {"verdicts": verdicts, "audit": found}


def _row(
    check: str, verdict: Verdict = "sound", value: float | None = None, limit: float | None = None, *,
    node: str | None = None, other: str | None = None, said: str | None = None,
) -> Row:  # fmt: skip
    return {"check": check, "node": node, "other": other, "value": None if value is None else float(value), "limit": limit,
            "said": said, "verdict": verdict}  # fmt: skip


def _above(value: float, look: float, problem: float = np.inf) -> Verdict:
    return "problem" if value > problem else "look" if value > look else "sound"


def _below(value: float, look: float, problem: float = -np.inf) -> Verdict:
    return "problem" if value < problem else "look" if value < look else "sound"


def _framework(seen: Evidence) -> Iterator[Row]:
    """Whether it is said what is measured, who is scored, and of which years."""
    built, frame = seen.built, seen.built.frame
    yield _row("described", "sound" if frame.file.description else "look")
    yield _row("indicators", value=len(frame.leaves), said=";".join(frame.children[frame.root]))
    yield from (_row("one_child", "look", node=node) for node in frame.inner if len(frame.children[node]) == 1)
    yield from (_row("undocumented", "look", node=leaf.node.id) for leaf in frame.leaves if not leaf.meta.description)
    known = ~np.isnan(built.figures.values)
    anything = known.any(axis=1)
    share = len(seen.units) / len(known)
    out = np.flatnonzero(unscored(built) != "")
    yield _row("scored", _below(share, *SCORED), share, SCORED[0], said=seen.joined(out))
    yield _row("few_regions", _below(len(seen.units), LEAST_REGIONS), len(seen.units), LEAST_REGIONS)
    for k, leaf in enumerate(frame.leaves):
        has = float(known[anything, k].mean())
        if has < SCORED[0]:
            yield _row("coverage", "look", has, SCORED[0], node=leaf.node.id)
    years = [year for year in built.figures.years[built.figures.periods[0]].values() if year is not None]
    if years and built.figures.periods[0] is not None:
        apart = built.figures.periods[0] - min(years)
        yield _row("years_apart", _above(apart, APART, frame.file.years_apart), apart, APART)
    yield from _small_counts(seen)
    flags = seen.tables["flags"].filter(pl.col("flag").is_in(["mostly_equal", "mostly_zero"]))
    for row in flags.iter_rows(named=True):
        yield _row(row["flag"], "look", row["flag_value"], coherence.MOSTLY, node=row["node"])


def _small_counts(seen: Evidence) -> Iterator[Row]:
    """Counts of scored regions that chance alone moves far."""
    for node, (few, known) in small_counts(seen.built, seen.units).items():
        share = few / known if known else 0.0
        yield _row("small_counts", _above(share, SOME_SMALL), share, SOME_SMALL, node=node)


def _imputation(seen: Evidence) -> Iterator[Row]:
    """How much is guessed, and how much is missing without being guessed."""
    filled, imputed = seen.built.filled[seen.units], seen.built.imputed[seen.units]
    share, gone = float(imputed.mean()), float(np.isnan(filled).mean())
    yield _row("imputed", _above(share, *IMPUTED), share, IMPUTED[0], said=", ".join(imputations(seen.built)) or None)
    yield _row("missing", _above(gone, *MISSING), gone, MISSING[0])
    each = imputed.mean(axis=1)
    if imputed.any() and each.max() > 1 / 3:
        yield _row("imputed_region", "look", each.max(), 1 / 3, said=seen.joined(seen.units[each > 1 / 3]))


def _denomination(seen: Evidence) -> Iterator[Row]:
    """Whether the index measures size where it means intensity."""
    sized = [leaf for leaf in seen.built.frame.leaves if leaf.node.per or leaf.meta.kind in ("count", "value")]
    if all(leaf.node.result is not None for leaf in sized):
        yield _row("nothing_to_divide")
    for leaf in seen.built.frame.leaves:
        if leaf.node.result is not None:
            continue  # a measure of structure
        if leaf.node.per:
            yield _row("divided", node=leaf.node.id, other=leaf.node.per)
        elif leaf.meta.kind in ("count", "value"):
            yield _row("undivided", "look", node=leaf.node.id)
    flags = seen.tables["flags"].filter(pl.col("flag") == "explained_by_size")
    for row in flags.iter_rows(named=True):
        yield _row("explained_by_size", "look", row["flag_value"], coherence.SIZE, node=row["node"], other=row["other"])


def _treatment(seen: Evidence) -> Iterator[Row]:
    """Which values were changed and why; which columns still have outliers."""
    built = seen.built
    for k, (leaf, one) in enumerate(zip(built.frame.leaves, built.columns, strict=True)):
        how, row = one.row["treatment"], one.row
        changed = np.flatnonzero((one.treated != built.filled[:, k]) & ~np.isnan(built.filled[:, k]))
        skew, kurtosis = (row.get(f"{name}_after") for name in ("skewness", "excess_kurtosis"))
        fails = skew is not None and kurtosis is not None and abs(skew) >= 2 and kurtosis >= 3.5
        if how == "winsorised":
            for unit in changed.tolist():
                before, after = built.filled[unit, k], one.treated[unit]
                yield _row("winsorised", value=before, limit=after, node=leaf.node.id, said=seen.region(unit))
        elif how == "log":
            yield _row("logarithms", "look" if fails else "sound", skew, 2.0, node=leaf.node.id)
        elif how == "failed" or fails:
            yield _row("outliers_left", "look", skew, 2.0, node=leaf.node.id, said=how)
        else:
            yield _row("no_outliers", value=skew, limit=2.0, node=leaf.node.id)


def _normalisation(seen: Evidence) -> Iterator[Row]:
    """Which scale, what falls off it, and whether it gives some indicators more spread than others."""
    built, frame = seen.built, seen.built.frame
    yield _row("own_scale" if built.kept is None else "frozen_scale")
    for name in sorted({leaf.normaliser for leaf in frame.leaves}):
        own = [leaf.node.id for leaf in frame.leaves if leaf.normaliser == name]
        yield _row("normaliser", value=len(own), said=name)
    for leaf, one in zip(frame.leaves, built.columns, strict=True):
        if one.below or one.above:
            yield _row("off_scale", "look", one.below + one.above, 0.0, node=leaf.node.id)
    for node in reversed(frame.inner):
        spread = np.array([np.nanstd(built.scores[child][seen.units]) for child in frame.children[node]])
        if len(spread) > 1 and (spread > 0).all():
            ratio = float(spread.max() / spread.min())
            widest = frame.children[node][int(spread.argmax())]
            yield _row("spread", _above(ratio, SPREAD), ratio, SPREAD, node=node, other=widest)


def _weights(seen: Evidence) -> Iterator[Row]:
    """Whose weight is large, and whether indicators decide as much as their weights say."""
    frame = seen.built.frame
    whole = step.effective(frame, seen.built.tree)
    largest = max(whole, key=lambda one: whole[one])
    methods = [one.method for one in seen.built.weighed.weights.values() if one.method != "single"]
    yield from (_row("weighting", value=methods.count(name), said=name) for name in sorted(set(methods)))
    yield _row(
        "largest_weight", _above(whole[largest], LARGEST_WEIGHT + 1e-9), whole[largest], LARGEST_WEIGHT, node=largest
    )
    yield from (_row("zero_weight", "look", 0.0, node=node) for node, weight in whole.items() if weight == 0)
    own = seen.tables["importance"].filter(
        (pl.col("other") == frame.root) & pl.col("node").is_in([leaf.node.id for leaf in frame.leaves])
    )
    for row in own.iter_rows(named=True):
        share, weight = row["covariance_share"], row["weight_share"]
        if share is None or weight == 0:
            continue
        off = share > IMPORTANCE * weight or share < weight / IMPORTANCE
        verdict: Verdict = "problem" if share <= 0 else "look" if off else "sound"
        yield _row("importance", verdict, share, weight, node=row["node"])


def _aggregation(seen: Evidence) -> Iterator[Row]:
    """How far a weakness is made up for, and whether that choice decides the ranks."""
    built, frame = seen.built, seen.built.frame
    several = [node for node in reversed(frame.inner) if len(frame.children[node]) > 1]  # one child is no mean
    for name in sorted({frame.means[node] for node in several}):
        own = [node for node in several if frame.means[node] == name]
        yield _row("mean", value=len(own), said=name)
        for node in own:
            shift = step_of(built, node).shift
            if shift > 0:
                yield _row("shifted", "look", shift, 0.0, node=node, said=name)
    for other in ("arithmetic", "geometric"):
        if {frame.means[node] for node in several} == {other}:
            continue
        nodes = tuple(node.model_copy(update={"aggregation": None}) for node in frame.file.nodes)
        file = frame.file.model_copy(update={"aggregation": other, "nodes": nodes})
        try:
            ranks = again(seen.project, file, seen.asked).ranks[frame.root]
        except RefusedError:
            continue
        change = np.abs(ranks - built.ranks[frame.root])[seen.units]
        tau = kendall(ranks, built.ranks[frame.root])
        if not np.isnan(tau):
            most = seen.units[change == np.nanmax(change)] if np.nanmax(change) > 0 else seen.units[:0]
            yield _row("other_mean", _below(tau, *AGREEMENT), tau, AGREEMENT[0], node=other, said=seen.joined(most))


def _coherence(seen: Evidence) -> Iterator[Row]:
    """Whether what is added up belongs together."""
    alpha = seen.tables["alpha"]
    for row in alpha.filter(pl.col("item").is_null()).iter_rows(named=True):
        if row["alpha"] is None:
            yield _row("no_alpha", "not_checked", node=row["node"], said=row["note"])
            continue
        yield _row("alpha", _below(row["alpha"], ALPHA, 0.0), row["alpha"], ALPHA, node=row["node"])
        items = alpha.filter((pl.col("node") == row["node"]) & pl.col("item").is_not_null())
        for item in items.iter_rows(named=True):
            if item["alpha_dropped"] is not None and item["alpha_dropped"] > row["alpha"] + RAISED:
                yield _row("alpha_without", "look", item["alpha_dropped"], row["alpha"] + RAISED, node=row["node"],
                           other=item["item"])  # fmt: skip
    yield from _dimensions(seen)
    limits = {"collinear": coherence.COLLINEAR, "conflict": coherence.CONFLICT, "weak": coherence.WEAK}
    for row in seen.tables["correlations"].drop_nulls("flag").iter_rows(named=True):
        against = row["flag"] == "conflict" and row["relation"] == "above"
        yield _row(row["flag"], "problem" if against else "look", row["rho"], limits.get(row["flag"]), node=row["node"],
                   other=row["other"], said=row["relation"])  # fmt: skip


def _dimensions(seen: Evidence) -> Iterator[Row]:
    """How many principal components of a node have an eigenvalue above 1."""
    parts = seen.tables["components"].drop_nulls("component")
    for node in parts["node"].unique(maintain_order=True).to_list():
        own = parts.filter(pl.col("node") == node).unique("component").sort("component")
        n = int((own["eigenvalue"] > 1 + 1e-9).sum())
        root = node == seen.built.frame.root
        # an index may have as many dimensions as pillars; a pillar is to have one
        most = len(seen.built.frame.children[node]) if root else 1
        yield _row("dimensions", _above(n, most), n, most, node=node)
        if not root:
            yield _row("first_component", _below(own["explained"][0], FIRST), own["explained"][0], FIRST, node=node)


def _robustness(seen: Evidence) -> Iterator[Row]:
    """How far ranks are to be trusted."""
    drawn = seen.built.robust.get(0)
    if drawn is None:
        yield _row("no_replicates", "not_checked")
        return
    n = len(seen.units)
    low, high = (one[seen.units] for one in ranges(seen.built))
    nominal, width = seen.built.ranks[seen.built.frame.root][seen.units], high - low
    yield _row("replicates", value=drawn.ranks.replicates)
    middle = float(np.median(width))
    yield _row("width", _above(middle, WIDTH[0] * n, WIDTH[1] * n), middle, WIDTH[0] * n)
    yield _row("widest", value=width.max(), said=seen.joined(seen.units[width == width.max()]))
    outside = (nominal < low) | (nominal > high)
    yield _row("outside", _above(outside.mean(), *OUTSIDE), outside.sum(), 0.0, said=seen.joined(seen.units[outside]))
    off = nominal != robustness.rank_quantile(drawn.ranks.counts, 0.5)
    yield _row("off_median", _above(off.mean(), OFF_MEDIAN), off.sum(), OFF_MEDIAN * n)
    apart = robustness.told_apart(robustness.p_ahead(drawn.ranks.ahead, drawn.ranks.both))
    share = float(apart[~np.eye(n, dtype=np.bool_)].mean())
    yield _row("told_apart", _below(share, *PAIRS), share, PAIRS[0])


def _presentation(seen: Evidence) -> Iterator[Row]:
    """Whether the ranks can be shown as they are, and what else goes with them."""
    drawn = seen.built.robust.get(0)
    n = len(seen.units)
    if drawn is not None:
        nobody = bool((drawn.alike == n - 1).all())
        yield _row("groups", "look" if nobody else "sound", len(letters_of(drawn.groups)) or None, 1.0)
        middle = float(np.median(drawn.alike))
        yield _row("alike", _above(middle, ALIKE * (n - 1)), middle, ALIKE * (n - 1))
    yield _row("strengths", "sound" if n >= LEAST_REGIONS else "not_checked", n, LEAST_REGIONS)
    score = seen.built.scores[seen.built.frame.root][seen.units]
    codes = [seen.region(unit) for unit in seen.units.tolist()]
    for name, values in _context(seen.project, codes):
        rho = float(coherence.correlation(score[:, np.newaxis], values[:, np.newaxis], method="spearman").rho[0, 0])
        if not np.isnan(rho):
            yield _row("link", _above(abs(rho), coherence.SIZE), rho, coherence.SIZE, other=name)


def letters_of(groups: Sequence[str | None]) -> set[str]:
    """The groups behind the letters of the regions: `a`, ..., `Z`, `a1`, ..."""
    return {letter for text in groups if text for letter in re.findall(r"[a-zA-Z]\d*", text)}


def _context(project: Project, codes: list[str]) -> Iterator[tuple[str, Floats]]:
    """Latest figures of the indicators of sizes and circumstances, in the order of some regions."""
    for name in sorted(meta.id for meta in project.catalogue.values() if meta.stage == "context"):
        rows = rows_of(project, name).filter((pl.col("sector") == TOTAL) & pl.col("value").is_not_null())
        last = rows.group_by(pl.col("region").cast(pl.String)).agg(pl.col("value").sort_by("year").last())
        known = dict(last.iter_rows())
        yield name, np.array([known.get(code, np.nan) for code in codes], np.float64)


CHECKS: dict[str, Callable[[Evidence], Iterator[Row]]] = {
    "framework": _framework, "imputation": _imputation, "denomination": _denomination, "treatment": _treatment,
    "normalisation": _normalisation, "weights": _weights, "aggregation": _aggregation, "coherence": _coherence,
    "robustness": _robustness, "presentation": _presentation,
}  # fmt: skip
