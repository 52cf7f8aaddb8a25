"""The audit of a composite index as a document that a reviewer can sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Project, Result
from capmap.report import numbers, tables, words
from capmap.report.index import REASONS, is_long, level_with, replicates
from capmap.report.layout import fingerprint

#: Steps in the order of the audit; the pages of the methods have the same numbers.
TOPICS = {
    "framework": "Framework and data", "imputation": "Imputation", "denomination": "Denomination",
    "treatment": "Outliers", "normalisation": "Normalisation", "weights": "Weights", "aggregation": "Aggregation",
    "coherence": "Coherence", "robustness": "Robustness", "presentation": "Presentation and links",
}  # fmt: skip
VERDICTS = {"sound": "sound", "look": "look", "problem": "problem", "not_checked": "not checked"}
STYLES = {"sound": "green", "look": "yellow", "problem": "bold red", "not_checked": "dim"}
#: What the verdicts mean, said once in the document.
LEGEND = (
    "sound: within the rule; look: somebody should look and decide; problem: not to be published without an answer; not checked: "
    "there is nothing to judge by"
)
#: Regions that a sentence names.
NAMED = 12


@dataclass(frozen=True)
class Heading:
    """A title of the document or of one of its parts."""

    text: str
    level: int = 2
    verdict: str | None = None


@dataclass(frozen=True)
class Points:
    """A list; each point with the verdict on it, where there is one."""

    points: Sequence[tuple[str | None, str]]


@dataclass(frozen=True)
class Rows:
    """A table of texts."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()  #: places of the columns of numbers


Block = Heading | Points | Rows | str


@dataclass(frozen=True)
class _Told:
    """One check with what a sentence needs."""

    row: Mapping[str, Any]
    names: Mapping[str, str]
    labels: Mapping[str, str]
    scored: int

    @property
    def node(self) -> str:
        return self.names.get(self.row["node"], self.row["node"] or "")

    @property
    def other(self) -> str:
        return self.names.get(self.row["other"], self.row["other"] or "")

    @property
    def value(self) -> float:
        return float(self.row["value"])

    @property
    def said(self) -> str:
        return str(self.row["said"] or "").replace("_", " ")

    @property
    def regions(self) -> str:
        """Names of the regions behind the check, the first of them where they are many."""
        codes = (self.row["said"] or "").split(";") if self.row["said"] else []
        named = [self.labels.get(code, code) for code in codes[:NAMED]]
        more = len(codes) - len(named)
        return words.joined([*named, f"{more} more"] if more else named)

    @property
    def share(self) -> str:
        return numbers.whole_per_cent(self.value)


Sentence = Callable[[_Told], str]


def _n(value: float, noun: str) -> str:
    return words.counted(int(value), noun)


#: Check -> evidence in a sentence.
EVIDENCE: dict[str, Sentence] = {
    "described": lambda t: "What the index is to measure is written in its file."
    if t.row["verdict"] == "sound" else "The index file has no description.",
    "indicators": lambda t: f"{_n(t.value, 'indicator')} below "
    f"{words.joined([t.names.get(one, one) for one in t.row['said'].split(';')])}.",
    "one_child": lambda t: f"{t.node} has one node below it, so it is that node.",
    "undocumented": lambda t: f"{t.node}: the catalogue does not describe the indicator.",
    "scored": lambda t: f"{t.scored} regions are scored, {t.share} of those in the data"
    + (f"; {_n(len(t.row['said'].split(';')), 'region')} left out." if t.row["said"] else "."),
    "few_regions": lambda t: f"{_n(t.value, 'region')} are ranked.",
    "coverage": lambda t: f"{t.node}: {t.share} of the regions have a figure.",
    "years_apart": lambda t: f"The oldest figure is {_n(t.value, 'year')} older than the index.",
    "small_counts": lambda t: f"{t.node}: {t.share} of the scored regions have a count below 10.",
    "mostly_equal": lambda t: f"{t.node}: {t.share} of the values are the same.",
    "mostly_zero": lambda t: f"{t.node}: {t.share} of the values are zero.",
    "imputed": lambda t: f"{t.share} of the figures of scored regions are imputed"
    + (f" ({t.said.replace(';', ', ')})." if t.row["said"] else "."),
    "missing": lambda t: f"{t.share} of them are missing and left so; the others of the node take their weight.",
    "imputed_region": lambda t: f"More than a third of the figures are imputed in {t.regions}.",
    "nothing_to_divide": lambda _: "No indicator is a count or a sum, so there is nothing to divide.",
    "divided": lambda t: f"{t.node} is divided by {t.other}.",
    "undivided": lambda t: f"{t.node} is a count or a sum and not divided by any size.",
    "explained_by_size": lambda t: f"{t.node} goes with {t.other} (r = {numbers.index(t.value)}).",
    "winsorised": lambda t: f"{t.node}: {t.regions} pulled in from {numbers.figure(t.value)} to "
    f"{numbers.figure(t.row['limit'])}.",
    "logarithms": lambda t: f"{t.node}: logarithms taken; skewness is now {numbers.index(t.value)}.",
    "outliers_left": lambda t: f"{t.node} has outliers (skewness {numbers.index(t.value)}) that "
    + ("no treatment removed." if t.row["said"] == "failed" else "nothing was done about."),
    "no_outliers": lambda t: f"{t.node}: no outliers"
    + (f" (skewness {numbers.index(t.row['value'])})." if t.row["value"] is not None else " looked for."),
    "frozen_scale": lambda _: "The scale is frozen: it is that of an earlier run, so new regions and years do not move it.",
    "own_scale": lambda _: "The scale is that of these regions and years; --freeze keeps it for the next run.",
    "normaliser": lambda t: f"{_n(t.value, 'indicator')} by {t.said.replace(' ', '-')}.",
    "off_scale": lambda t: f"{t.node}: {_n(t.value, 'value')} beyond the ends of its scale.",
    "spread": lambda t: f"Below {t.node} the scores of {t.other} spread {numbers.index(t.value)} times as wide as the "
    "narrowest.",
    "weighting": lambda t: f"{_n(t.value, 'node')} weighted by this rule: {t.said}.",
    "largest_weight": lambda t: f"The largest weight of one indicator is {t.share}: {t.node}.",
    "zero_weight": lambda t: f"{t.node} has no weight.",
    "importance": lambda t: f"{t.node} decides {t.share} of the variation of the scores at a weight of "
    f"{numbers.whole_per_cent(t.row['limit'])}.",
    "mean": lambda t: f"{_n(t.value, 'node')} brought together by this mean: {t.said}.",
    "shifted": lambda t: f"{t.node}: not all scores are above 0, so {numbers.index(t.value)} was added before its {t.said} "
    "mean and taken off it again.",
    "other_mean": lambda t: f"With {t.row['node']} means throughout the ranks agree at tau = {numbers.index(t.value)}"
    + (f"; {t.regions} would move most." if t.row["said"] else "."),
    "no_alpha": lambda t: f"{t.node}: no Cronbach alpha ({words.note(t.row['said'])}).",
    "alpha": lambda t: f"{t.node}: Cronbach alpha {numbers.index(t.value)}.",
    "alpha_without": lambda t: f"{t.node}: alpha would be {numbers.index(t.value)} without {t.other}.",
    "dimensions": lambda t: f"{t.node}: {_n(t.value, 'principal component')} with an eigenvalue above 1.",
    "first_component": lambda t: f"{t.node}: one component holds {t.share} of the variance of its indicators.",
    "collinear": lambda t: f"{t.node} and {t.other} say the same (r = {numbers.index(t.value)}).",
    "conflict": lambda t: f"{t.node} and {t.other} pull apart (r = {numbers.index(t.value)}).",
    "weak": lambda t: f"{t.node} has little to do with {t.other} (r = {numbers.index(t.value)}).",
    "elsewhere": lambda t: f"{t.node} goes with {t.other} more than with its own node (r = {numbers.index(t.value)}).",
    "replicates": lambda t: f"{t.value:,.0f} replicates with choices that could have been made otherwise.",
    "no_replicates": lambda _: "There are no replicates (--draws 0).",
    "width": lambda t: f"Half of the ranges of the ranks (5-95%) are at most {numbers.amount(t.value)} places wide.",
    "widest": lambda t: f"The widest range is {numbers.amount(t.value)} places: {t.regions}.",
    "outside": lambda t: f"{_n(t.value, 'rank')} outside the own range: {t.regions}."
    if t.row["said"] else "No rank is outside its own range.",
    "off_median": lambda t: f"{int(t.value)} of {t.scored} ranks are not the median of their replicates.",
    "told_apart": lambda t: f"{t.share} of the pairs of regions can be told apart under these choices.",
    "groups": lambda t: "The groups of regions that cannot be told apart are too many to be named." if t.row["value"] is None
    else f"The letters make {_n(t.value, 'group')} of regions that cannot be told apart; groups overlap.",
    "alike": lambda t: f"Half of the regions cannot be told apart from {numbers.amount(t.value)} others or more.",
    "strengths": lambda t: f"{_n(t.value, 'region')} are scored; strengths and weaknesses need 20."
    if t.row["verdict"] != "sound" else f"Strengths and weaknesses are named among {_n(t.value, 'region')}.",
    "link": lambda t: f"Rank correlation of the scores with {t.other}: {numbers.index(t.value)}.",
}  # fmt: skip

#: Check -> the rule with its threshold, and what to do where it does not hold.
RULES: dict[str, tuple[str, str]] = {
    "described": ("an index says what it measures", "write `description` into the index file"),
    "one_child": ("a node is a mean of two or more", "add an indicator, or hang this one a level higher"),
    "undocumented": ("every indicator is described", "write `description` into the indicator file"),
    "scored": ("two thirds of the regions, a problem below half", "find the missing figures, drop the indicator that lacks them "
               "(--what-if drop=NODE), or say in the title whom the index covers"),
    "few_regions": ("20 regions or more", "show groups rather than ranks: with few regions one figure moves many places"),
    "coverage": ("figures of two thirds of the regions", "try the index without it: --what-if drop=NODE"),
    "years_apart": ("3 years at most, a problem beyond `years_apart` of the file", "wait for newer figures, or take the index of "
                    "an earlier year"),
    "small_counts": ("at most a tenth, as chance alone moves a count of 10 by a third", "add up several years or sectors, or "
                     "say so: the ranges of the ranks leave this out"),
    "mostly_equal": ("at most half", "the indicator tells few regions apart: replace it"),
    "mostly_zero": ("at most half", "the indicator tells few regions apart: replace it"),
    "imputed": ("5% at most, a problem above 25%", "compare with the index without imputation"),
    "missing": ("10% at most, a problem above a third", "see who lacks what: --table availability"),
    "imputed_region": ("a third of a region's figures at most", "leave these regions out, or mark them"),
    "undivided": ("counts and sums are divided by a size", "add `per`, or say that size is meant"),
    "explained_by_size": ("|r| at most 0.6", "ask whether the indicator measures size; divide it by something else"),
    "logarithms": ("|skewness| < 2 or excess kurtosis < 3.5", "look at the column; take another normaliser, such as rank"),
    "outliers_left": ("|skewness| < 2 or excess kurtosis < 3.5", "treat them, or use ranks or goalposts"),
    "off_scale": ("no value beyond the ends of a fixed scale", "move the goalposts, or freeze the scale again"),
    "spread": ("at most twice as wide", "the wide one decides more than its weight: use z-scores, or change the weight"),
    "largest_weight": ("at most 50%", "share the weight out, or say that the index is mainly this indicator"),
    "zero_weight": ("every indicator has a weight", "take it out"),
    "importance": ("between half and twice the weight, a problem at 0 or below",
                   "change the weight until the importance is what was meant: --weights correlation_optimised"),
    "shifted": ("a geometric mean needs scores above 0", "choose a scale from 1, such as goalposts below the lowest value"),
    "other_mean": ("tau at least 0.9, a problem below 0.7", "say why a weakness may, or may not, be made up for"),
    "alpha": ("0.7 or more, a problem below 0", "correct where one thing is meant to be measured; an index of several things "
              "may have less"),
    "alpha_without": ("no more than 0.05 higher", "ask whether this indicator measures something else"),
    "dimensions": ("one in a pillar, at most as many as pillars in the index", "divide the node, or say that it has parts"),
    "first_component": ("half or more", "divide the node, or say that it has parts"),
    "collinear": ("|r| at most 0.9 beside each other", "take one of them out, or halve their weights"),
    "conflict": ("r at least -0.4", "check the directions; a region cannot be good at both"),
    "weak": ("|r| at least 0.3 with the nodes above", "the scores would be much the same without it: give it a place of its own, "
             "or drop it"),
    "elsewhere": ("closest to its own node", "move it there, or say why it belongs here"),
    "width": ("at most a quarter of the places, a problem beyond half", "publish groups and ranges, no single places"),
    "outside": ("none, a problem above a tenth", "these ranks rest on one choice that few of the alternatives share: "
                "capmap robustness names it"),
    "off_median": ("at most a third", "show the median beside the rank"),
    "told_apart": ("half of the pairs, a problem below a quarter", "publish groups, no places"),
    "alike": ("at most half of the others", "publish ranges and no order among regions that share a letter"),
    "groups": ("two groups or more", "nobody can be told apart: publish no order"),
    "link": ("|rho| at most 0.6", "the index may say little that this figure does not say"),
}  # fmt: skip

#: What no program can decide, whatever the index.
OPEN = (
    "whether the indicators measure what the name of the index promises, and what is not among them",
    "whether the weights say what those who decide would say",
    "whether a strength may make up for a weakness as far as the means let it",
    "whether the sources count the same thing in every region",
    "whether the figures are right: the ranges hold the choices above, and neither errors of the data nor other indicators",
    "whether a rank is the right answer to the question that was asked",
)


def document(project: Project, result: Result, labels: Mapping[str, str], version: str) -> list[Block]:
    """The audit, part by part: verdict, facts, ten steps, ranks with ranges, open points, a place to sign.

    Parameters
    ----------
    result : of `capmap.analyses.index.index` with `audit`, of this project.
    labels : names of regions by their codes.
    """
    names = result.meta["names"]
    (block,) = result.meta["blocks"]
    verdicts = result.tables["verdicts"].rows(named=True)
    year = "" if block["year"] is None else f" {block['year']}"
    found: list[Block] = [Heading(f"Audit of the index {block['name']}{year}", 1), overall(result)]
    found += [Rows(("", ""), list(_facts(result, labels, fingerprint(project), version)))]
    found += [Heading("Indicators"), _indicators(project, result)]
    found.append(Heading("Verdicts"))
    found.append(
        Rows(
            ("step", "verdict", "look", "problem", "checks"),
            [
                (f"{row['step']}. {TOPICS[row['topic']]}", VERDICTS[row["verdict"]], *map(str, (row["looks"], row["problems"],
                 row["checks"])))
                for row in verdicts
            ],
            right=(2, 3, 4),
        )
    )  # fmt: skip
    found.append(LEGEND + ".")
    checks = result.tables["audit"].rows(named=True)
    for step in verdicts:
        own = [row for row in checks if row["step"] == step["step"]]
        told = [_Told(row, names, labels, block["scored"]) for row in own]
        found += [Heading(f"{step['step']}. {TOPICS[step['topic']]}", 2, step["verdict"]), Points(list(_points(told)))]
    found += [Heading("Ranks"), *_ranks(result, labels)]
    found += [Heading("Not decidable by a program"), Points([(None, f"{point}.") for point in _open(result, labels)])]
    found += [Heading("Review"), "Reviewed by: ____________________  Date: ____________  Verdict: ____________"]
    return found


def overall(result: Result) -> str:
    """The verdict on the whole in a sentence."""
    found = result.tables["verdicts"]["verdict"].to_list()
    counts = {name: found.count(name) for name in ("problem", "look", "sound", "not_checked")}
    worst = next((name for name, n in counts.items() if n), "not_checked")
    say = {
        "problem": "This index has a problem that needs an answer before it is published",
        "look": "Nothing speaks against this index, but some of it has to be looked at and decided",
        "sound": "This index holds to every rule that was checked",
        "not_checked": "Nothing could be checked",
    }[worst]
    told = [f"{n} {VERDICTS[name]}" for name, n in counts.items() if n]
    return f"{say}: of {len(found)} steps {words.joined(told)}."


def _points(told: Sequence[_Told]) -> Iterator[tuple[str, str]]:
    """Checks as points: the evidence with the rule, once for what holds to it, and what to do where something does not."""
    said = set()
    for one in told:
        check, verdict = one.row["check"], one.row["verdict"]
        evidence = EVIDENCE[check](one)
        rule, advice = RULES.get(check, ("", ""))
        if verdict in ("look", "problem"):
            yield verdict, f"{evidence} Rule: {rule}. To do: {advice}."
            continue
        yield verdict, evidence if not rule or check in said else f"{evidence} Rule: {rule}."
        said.add(check)


def _indicators(project: Project, result: Result) -> Block:
    """What goes in: its year, for how many of the scored regions, and where it comes from."""
    (block,) = result.meta["blocks"]
    index, names = result.tables["index"], result.meta["names"]
    weighed = result.tables["audit"].filter(pl.col("check").is_in(["importance", "zero_weight"]))
    weights = {row["node"]: row["limit"] or 0.0 for row in weighed.iter_rows(named=True)}
    rows = []
    for node in result.meta["definition"]["nodes"]:
        if node.get("indicator") is None:
            continue
        meta = project.catalogue[node["indicator"]]
        has = index.filter((pl.col("node") == node["id"]) & pl.col("score").is_not_null()).height
        what = made_of(node, meta.id)
        source = ", ".join(
            filter(None, (meta.source.producer, meta.source.title, meta.source.table, meta.source.vintage))
        )
        weight = numbers.whole_per_cent(weights[node["id"]]) if weights.get(node["id"]) is not None else ""
        rows.append((names[node["id"]], what, weight, str(block["years"].get(node["id"]) or ""), str(has), source))
    return Rows(("indicator", "made of", "weight", "year", "regions", "source"), rows, right=(2, 3, 4))


def made_of(node: Mapping[str, Any], indicator: str) -> str:
    """`articles engineering per population`, `eci of patent_families`: what the figures of a node of an index are."""
    result = f"{node['result']} of" if node.get("result") else ""
    size = f"per {node['per']}" if node.get("per") else ""
    return " ".join(filter(None, (result, indicator, node.get("sector"), size)))


def _facts(result: Result, labels: Mapping[str, str], data: str, version: str) -> Iterator[tuple[str, str]]:
    """What was audited."""
    (block,) = result.meta["blocks"]
    definition, asked, names = result.meta["definition"], result.meta["parameters"], result.meta["names"]
    if definition.get("description"):
        yield "Measures", " ".join(definition["description"].split())
    out = sum(map(len, block["left_out"].values()))
    yield "Regions", f"{block['scored']} scored, {out} left out"
    yield "Left out", _left_out(block, labels)
    yield "Normaliser", ", ".join(result.meta["normalisers"]).replace("_", "-")
    means: dict[str, list[str]] = {}
    parents = [node.get("parent", result.meta["blocks"][0]["index"]) for node in definition["nodes"]]
    for node, mean in reversed(result.meta["means"].items()):
        if parents.count(node) > 1:
            means.setdefault(mean.replace("_", " "), []).append(names[node])
    yield "Means", "; ".join(f"{mean}: {words.joined(nodes)}" for mean, nodes in means.items())
    treated = [f"{names[node]} ({how})" for node, how in result.meta["treated"].items()]
    yield "Treated", ", ".join(treated) or "no indicator"
    yield "Weights", "as in the index file" if asked["weights"] == "given" else str(asked["weights"]).replace("_", " ")
    (filled,) = result.tables["audit"].filter(pl.col("check") == "imputed")["said"].to_list()
    yield "Imputed", (filled or "nothing").replace("_", " ").replace(";", ", ")
    drawn = replicates(block).removeprefix("5-95%: ") if block["replicates"] else "none"
    yield "Replicates", f"{drawn}; seed {asked['seed']}"
    yield "Data", f"{data}, capmap {version}"


def _left_out(block: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Everybody who is left out, by the reason."""
    told = [
        f"{words.joined([REASONS.get(name, name) for name in reason.split(';')])}: "
        f"{', '.join(labels.get(code, code) for code in codes)}"
        for reason, codes in block["left_out"].items()
    ]
    return "; ".join(told) or "nobody"


def _ranks(result: Result, labels: Mapping[str, str]) -> Iterator[Block]:
    """Regions in their groups, with ranges; the bare rank comes last."""
    rows = result.tables["robustness"].sort("rank", "region").rows(named=True)
    names = result.meta["names"]
    long = is_long(result.tables["robustness"])
    yield Rows(
        ("level with" if long else "group", "region", "weakest pillar", "5-95%", "median", "rank"),
        [
            (level_with(row) if long else row["group"] or numbers.NOTHING, labels.get(row["region"], row["region"]),
             names.get(row["weakest"], row["weakest"] or ""), numbers.whole_interval(row["rank_low"], row["rank_high"]),
             numbers.count(row["rank_median"]), numbers.rank(row["rank"], result.meta["blocks"][0]["scored"]))
            for row in rows
        ],
        right=(3, 4, 5),
    )  # fmt: skip


def _open(result: Result, labels: Mapping[str, str]) -> Iterator[str]:
    """Questions for people: those of any index, and those that this one raises."""
    yield from OPEN
    checks = result.tables["audit"]
    for row in checks.filter((pl.col("check") == "scored") & pl.col("said").is_not_null()).iter_rows(named=True):
        told = _Told(row, result.meta["names"], labels, 0)
        yield f"whether it matters that {told.regions} {'is' if ';' not in row['said'] else 'are'} not scored"
    if "own_scale" in checks["check"]:
        yield "whether every score may move when a region or a year comes in"
    for row in checks.filter((pl.col("check") == "years_apart") & (pl.col("value") > 0)).iter_rows(named=True):
        yield f"whether figures {words.counted(int(row['value']), 'year')} apart may stand side by side"
    treated = checks.filter(pl.col("check").is_in(["winsorised", "logarithms"]))
    if treated.height:
        yield "whether the outliers are errors, or the very thing that the index is to show"


# Writing ------------------------------------------------------------------------------------------------------


def markdown(blocks: Sequence[Block]) -> str:
    """The document as Markdown."""
    return "\n\n".join(filter(None, map(_as_markdown, blocks))) + "\n"


def _as_markdown(block: Block) -> str:
    match block:
        case Heading():
            verdict = f": {VERDICTS[block.verdict]}" if block.verdict else ""
            return f"{'#' * block.level} {block.text}{verdict}"
        case Points():
            return "\n".join(f"- {f'**{VERDICTS[v]}** ' if v else ''}{_escaped(text)}" for v, text in block.points)
        case Rows():
            lines = [
                block.header,
                ["---:" if k in block.right else "---" for k in range(len(block.header))],
                *block.rows,
            ]
            return "\n".join(f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in lines)
        case _:
            return _escaped(block)


def _escaped(text: str) -> str:
    """A text without marks that Markdown would read."""
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")


def show(console: Console, blocks: Sequence[Block]) -> None:
    """The document on a terminal."""
    for block in blocks:
        match block:
            case Heading():
                console.print()
                title = Text(block.text, style="bold")
                if block.verdict:
                    title.append(": ").append(VERDICTS[block.verdict], style=STYLES[block.verdict])
                console.print(title)
            case Points():
                for verdict, text in block.points:
                    _print_point(console, verdict, text)
            case Rows():
                _print_rows(console, block)
            case _:
                console.print(Text(block))


def _print_point(console: Console, verdict: str | None, text: str) -> None:
    """A point with its verdict at the left, wrapped under itself."""
    head = f"{VERDICTS[verdict] if verdict else '-':<12}" if verdict else "- "
    lines = Text(text).wrap(console, max(console.width - len(head) - 2, 20))
    for place, line in enumerate(lines):
        whole = Text("  ").append(head if not place else " " * len(head), style=STYLES.get(verdict or "", ""))
        console.print(whole.append_text(line), soft_wrap=True)


def _print_rows(console: Console, block: Rows) -> None:
    """A table of the document."""
    frame = pl.DataFrame({str(k): [row[k] for row in block.rows] for k in range(len(block.header))})
    columns = [
        tables.Column(title, _cell(str(k)), right=k in block.right, whole=k == 0)
        for k, title in enumerate(block.header)
    ]
    console.print(tables.grid(frame, columns, fold=True, width=console.width))


def _cell(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: str(row[name])
