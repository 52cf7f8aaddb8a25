"""An explanation in words: a sentence to quote with its citation, the formula with its figures, the lines they stand on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import glossary, numbers, words

#: What a measure is called in a sentence; others go by their column.
NAMES = {
    "value": "observed value", "rca": "RCA", "rsca": "symmetric RCA", "nrca": "normalised RCA", "arca": "additive RCA",
    "rca_loo": "leave-one-out RCA", "rca_log": "logarithm of RCA", "rca_per_capita": "RCA per head", "rca_weighted":
    "weighted RCA", "rca_ex_largest": "RCA without the dominant other region", "p_above_one":
    "probability that the true RCA exceeds 1", "p_material": "probability of a material specialisation", "share_world":
    "share of the reference", "share_region": "share in its own total", "rank_world": "rank by size", "class": "class",
    "class_ex_largest": "class without the dominant other region", "expected": "expected value", "ceiling":
    "highest RCA possible", "rca_low": "lower end of the range of RCA", "rca_high": "upper end of the range of RCA", "rca_eb":
    "shrunken RCA", "rca_eb_low": "lower end of the range of shrunken RCA", "rca_eb_high":
    "upper end of the range of shrunken RCA", "dispersion": "dispersion of counts", "band": "strength", "persistence":
    "number of the latest periods with a material specialisation", "periods": "number of periods looked at",
    "posterior_shape": "shape of the posterior", "posterior_rate": "rate of the posterior", "vollrath_rta":
    "relative trade advantage", "lafay": "Lafay index", "michaely": "Michaely index", "largest_other":
    "dominant other region", "eci": "economic complexity index", "pci": "product complexity index", "eci_rank":
    "rank by complexity", "pci_rank": "rank by complexity", "coi": "complexity outlook index", "cog":
    "complexity outlook gain", "density": "relatedness density", "diversity": "number of sectors held", "ubiquity":
    "number of regions that hold it", "mean_ubiquity": "mean ubiquity of the sectors held", "ratio_median":
    "ratio to the median region", "rii": "relative intensity", "dri": "double-relative intensity", "rii_region":
    "relative intensity of the whole region", "rca_stock": "RCA of the stock", "rca_denominator": "RCA of the denominator",
    "percentile": "position from 0 to 1 among the regions", "treated": "value after the treatment of outliers", "q":
    "complexity by fitness", "eci_low": "lower end of the range of the economic complexity index", "eci_high":
    "upper end of the range of the economic complexity index", "pci_low":
    "lower end of the range of the product complexity index", "pci_high":
    "upper end of the range of the product complexity index", "rank_low": "better end of the range of the rank",
    "rank_high": "worse end of the range of the rank", "density_low": "lower end of the range of the density",
    "density_high": "upper end of the range of the density", "p_entry": "probability of an entry", "p_entry_low":
    "lower end of the range of the probability of an entry", "p_entry_high":
    "upper end of the range of the probability of an entry", "grade": "grade of the model of entries", "p_value":
    "p-value of the link", "q_value": "false discovery rate of the link", "p_ahead": "probability of being ahead", "p_top":
    "probability of one of the first places", "rank_median": "median rank", "weakest": "weakest pillar", "weakest_rank":
    "rank in the weakest pillar", "mean_shift": "mean shift of the rank", "per_million": "value per million inhabitants",
    "stepping_stones": "chain of stepping stones", "path_product": "product of proximities along the stepping stones",
    "world_growth": "yearly growth of the world's total", "depends_on": "region whose presence the finding depends on",
    "held_by_peers": "number of peers that hold it", "peers": "number of peers looked at", "reflection":
    "value by reflections", "genepy": "GENEPY index", "prody": "PRODY", "expy": "EXPY", "hhi":
    "Herfindahl-Hirschman index", "hhi_normalised": "normalised Herfindahl-Hirschman index", "gini": "Gini coefficient",
    "specialisation_gini": "Gini coefficient of specialisation", "hoover_gini": "Hoover-Gini coefficient", "hoover":
    "Hoover index", "krugman": "Krugman index", "finger_kreinin": "Finger-Kreinin index", "hachman": "Hachman index",
    "theil": "Theil index", "theil_between": "Theil index between groups", "theil_within": "Theil index within groups",
    "effective_number": "effective number of shares", "entries": "number of entries", "exits": "number of exits",
    "locational_gini": "locational Gini coefficient", "ellison_glaeser": "Ellison-Glaeser index", "hhi_low":
    "lower bound of the Herfindahl-Hirschman index", "hhi_high": "upper bound of the Herfindahl-Hirschman index",
    "effective_low": "lower bound of the effective number of regions", "effective_high":
    "upper bound of the effective number of regions", "top1_share": "share of the largest region", "top3_share":
    "share of the three largest regions", "top5_share": "share of the five largest regions", "covered":
    "share of the world in the table", "change": "change of the world's total", "growth":
    "yearly growth of the world's total", "moved_by": "choice that moves the rank most", "moved_share":
    "share of the variance of the rank by one choice", "moved_to": "option that moves the rank most", "shift":
    "shift of the rank by that option", "similarity": "similarity of specialisation", "overlap":
    "overlap of structures", "spread": "difference of the logarithms of RCA", "peer_median": "median of the peers",
    "group": "letters of the group", "alike": "number of regions that it cannot be told apart from",
}  # fmt: skip
#: Probabilities, which are never said to be 0 or 1.
CHANCES = ("p_above_one", "p_material", "p_entry", "p_entry_low", "p_entry_high", "p_ahead", "p_top")
RANKS = ("rank", "rank_world", "eci_rank", "pci_rank", "rank_low", "rank_high", "rank_median")
#: Measures beside which the rank of their row says nothing, because it is that of another column.
UNRANKED = ("per_million", "peer_median")
#: Measures of the RCA family that stand alone: the counts, or what is no verdict on the cell.
ALONE = ("value", "expected", "rank_world", "ceiling", "dispersion", "periods", "posterior_shape", "posterior_rate")
#: Figures of one sum that are written out; of more the screen gives the number and the digest.
WRITTEN_OUT = 4
#: Lines of figures on a screen before `--all`.
LINES = 6
#: Significant digits of figures in a formula, and of what it comes to.
DIGITS, RESULT_DIGITS = 10, 6


def exact(value: float | str | None, digits: int = DIGITS) -> str:
    """A number with all of its digits, up to a limit, and thousands separators.

    >>> exact(1234567.5), exact(1484 / 1000), exact(2 / 3), exact(None), exact(1e-9), exact("world")
    ('1,234,567.5', '1.484', '0.6666666667', 'unknown', '1e-09', '"world"')
    """
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or math.isnan(value):
        return "unknown"
    text = f"{value:.{digits}g}"
    return text if "e" in text else f"{float(text):,.{len(text.partition('.')[2])}f}"


def answered(result: Result, labels: Mapping[str, str], sectors: Mapping[str, str]) -> Result:
    """The result with what it says in words: columns `sentence`, `arithmetic`, `method` and `citation` of its answer."""
    answer = result.tables["answer"].with_columns(
        sentence=pl.lit(sentence(result, labels, sectors)), meaning=pl.lit(meaning(result)),
        arithmetic=pl.lit(arithmetic(result)), method=pl.lit(str(result.meta["method"])), citation=pl.lit(citation(result)),
    )  # fmt: skip
    return replace(result, tables={**result.tables, "answer": answer})


def sentence(result: Result, labels: Mapping[str, str], sectors: Mapping[str, str]) -> str:
    """One sentence that can be quoted, with its citation."""
    row = result.tables["answer"].row(0, named=True)
    cited, told = result.meta["cited"], result.meta["row"]
    name = row["measure"]
    title = NAMES.get(name, name.replace("_", " "))
    if name == "score" and "method" in result.meta["parameters"] and cited["kind"] != "index":
        title = f"score ({result.meta['parameters']['method'].replace('_', ' ')})"
    of = _of(row, labels, sectors, cited["kind"] == "index")
    when = "" if row["year"] is None else f" in {row['year']}"
    noun = f" on the index {cited['name']}" if cited["kind"] == "index" else f", by {words.lower_first(cited['name'])},"
    if row["value"] is None and row["text"] is None:
        return f"The {title} of {of}{noun}{when} is not known: {_reason(row, labels)} ({citation(result)})."
    said = _said(result, row, labels)
    if name == "p_ahead":
        here = (
            ""
            if row["sector"] is None or cited["kind"] == "index"
            else f" in {words.lower_first(sectors.get(row['sector'], row['sector']))}"
        )
        ahead, behind = (labels.get(code, code) for code in (row["region"], row["other"]))
        return f"The probability that {ahead} is ahead of {behind}{here}{noun}{when} is {said} ({citation(result)})."
    return f"The {title} of {of}{noun}{when} is {said}{_beside(row, told, cited)} ({citation(result)})."


def _of(row: Mapping[str, Any], labels: Mapping[str, str], sectors: Mapping[str, str], index: bool) -> str:
    """Whose number it is: a region, a sector, one in the other, or a pair of either."""

    def sector(code: str) -> str:
        return words.lower_first(sectors.get(code, code))

    other = row.get("other")
    if row["region"] is None:
        return sector(row["sector"]) + (f" and {sector(other)}" if other else "")
    region = labels.get(row["region"], row["region"]) + (f" beside {labels.get(other, other)}" if other else "")
    return region if index or row["sector"] in (None, "_T") else f"{region} in {sector(row['sector'])}"


def _reason(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Why there is no number, in words."""
    if not row["note"]:
        return "no indicator of imports" if row["measure"] in ("vollrath_rta", "lafay", "michaely") else "no figure"
    reasons = row["note"].split(";")
    return "; ".join(
        words.lower_first(glossary.NOTES[one]).rstrip(".")
        if one in glossary.NOTES and one not in words.NOTE_WORDS else words.note(one, labels) for one in reasons
    )  # fmt: skip


def _said(result: Result, row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The number or word itself, with its unit; a rank with how many are ranked."""
    name, cited, told = row["measure"], result.meta["cited"], result.meta["row"]
    if row["text"] is not None:
        known = words.CLASS_WORDS if name.startswith("class") else words.BAND_WORDS if name == "band" else labels
        return known.get(row["text"], row["text"].replace("_", " "))
    if name in CHANCES:
        return numbers.probability(row["value"]).replace(">", "above ").replace("<", "below ")
    text = _figure_in_words(row["value"])
    if name in ("value", "expected", "treated"):
        amount = _amount(cited) if cited["kind"] in ("count", "value") else None
        return f"{text} {amount}" if amount else f"{text} ({cited['unit']})"
    if name in RANKS:
        n = told.get("n") or next(iter(result.tables["steps"]["figures"].to_list()[-1:]), None)
        return f"{text} of {n}" if n else text
    return text


def _figure_in_words(value: float) -> str:
    """A number in a sentence: four digits, or all of them before the point.

    >>> _figure_in_words(53180.14), _figure_in_words(0.123456), _figure_in_words(-2397.4)
    ('53,180', '0.1235', '-2,397')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else exact(value, 4)


def _beside(row: Mapping[str, Any], told: Mapping[str, Any], cited: Mapping[str, Any]) -> str:
    """What must stand beside the number: its range and class, the counts behind it, its place."""
    name = row["measure"]
    if told.get("expected") is not None:
        if name in ALONE:
            return ""
        spread = numbers.interval(told["rca_low"], told["rca_high"])
        parts = [] if spread == numbers.NOTHING else [f"range of RCA {spread}"]
        parts += [words.CLASS_WORDS[told["class"]]] if told["class"] and name != "class" else []
        observed, expected = numbers.amount(told["value"]), numbers.amount(told["expected"])
        noun = _amount(cited)
        parts += [f"{observed} {_singular(noun) if observed == '1' else noun} where {expected} are expected"]
        hidden = ["too little is expected to judge"] if "below_floor" in (row["note"] or "") else []
        return ": " + "; ".join([*parts, *hidden])
    return _place(name, told)


def _amount(cited: Mapping[str, Any]) -> str:
    """What is counted, or the unit of a value."""
    count, unit = cited["noun"], cited["unit"]
    return str(count or unit) if cited["kind"] == "count" or unit in (None, "", "as given") else str(unit)


def _singular(noun: str) -> str:
    """What one of a plural is called.

    >>> _singular("families"), _singular("articles"), _singular("million US dollars")
    ('family', 'article', 'million US dollar')
    """
    return f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")


def _place(name: str, told: Mapping[str, Any]) -> str:
    """The range over draws, and the rank with its range and how many are ranked."""
    parts = []
    if told.get("low") is not None and name in ("eci", "pci"):
        parts.append(f"range {numbers.signed_interval(told['low'], told['high'])}")
    ends = told.get("rank_low"), told.get("rank_high")
    spread = "" if None in ends or name in ("rank_low", "rank_high") else f"range {ends[0]} to {ends[1]}"
    if name in ("rank", "eci_rank", "pci_rank"):
        parts += [spread] if spread else []
    elif told.get("rank") is not None and told.get("n") and name not in UNRANKED:
        parts.append(f"rank {told['rank']} of {told['n']}" + (f", {spread}" if spread else ""))
    if name == "p_entry" and told.get("p_entry_low") is not None:
        parts.append(f"range {told['p_entry_low']:.2f} to {told['p_entry_high']:.2f}")
    if name.startswith("p_entry"):
        grade = told.get("grade")
        parts.append(f"grade {grade}" if grade else "unproven, no grade can be given")
    return f": {'; '.join(parts)}" if parts else ""


def citation(result: Result) -> str:
    """Producer, title, table, edition and licence of the figures."""
    cited = result.meta["cited"]
    each = [_source(one) for one in cited.get("sources", [cited])]
    version = result.meta.get("capmap")
    return "; ".join([*dict.fromkeys(each), *([f"capmap {version}"] if version else [])])


def _source(source: Mapping[str, Any]) -> str:
    licence = source["licence"] or "terms not stated"
    named = [
        source["producer"],
        source["title"],
        source["table"] and f"table {source['table']}",
        source["vintage"],
        licence,
    ]
    return ", ".join(part for part in named if part)


def meaning(result: Result) -> str:
    """What the measure is, as the reference says it, without the sentence on nulls."""
    name = result.tables["answer"]["measure"][0]
    command, table = result.meta.get("printed") or ("index" if result.meta["cited"]["kind"] == "index" else "", "")
    key = glossary.known(name, table or command, command)
    return glossary.COLUMNS.get(key, "").partition(" Null: ")[0]


def arithmetic(result: Result) -> str:
    """The formula of the answer, with the figures put in, and what it comes to."""
    row = result.tables["answer"].row(0, named=True)
    if result.meta["follows"] is None:
        return f"{row['measure']}: {'; '.join(result.tables['procedure']['said'].to_list())}"
    last = result.tables["steps"].row(-1, named=True)
    return f"{row['measure']} = {line(result, last)}"


def line(result: Result, step: Mapping[str, Any]) -> str:
    """One step: its expression, the same with figures, and its value; parts that say the same are said once."""
    final = step["text"] if step["text"] is not None else _result(step["value"])
    if step["expression"] == "None":
        return "no figure"
    filled = substituted(result, step)
    parts = [step["expression"], *([filled] if filled != step["expression"] else []), final]
    if step["expression"] == "sum(inputs)":
        parts = [filled, *([exact(step["value"])] if filled != exact(step["value"]) else [])]
    return " = ".join(parts)


def _result(value: float | None) -> str:
    """What a step comes to; a number just below 1 is not said to be 1.

    >>> _result(1484 / 1000), _result(1 - 1e-9), _result(1.0)
    ('1.484', '0.999999999', '1')
    """
    text = exact(value, RESULT_DIGITS)
    return exact(value, 2 * RESULT_DIGITS + 3) if text == "1" and value != 1 else text


def substituted(result: Result, step: Mapping[str, Any]) -> str:
    """An expression with the value of every symbol in its place, and the figures of `inputs` where they are few."""
    known = {row["symbol"]: row["value"] if row["text"] is None else row["text"]
             for row in result.tables["steps"].iter_rows(named=True)}  # fmt: skip
    for row in result.tables["parameters"].iter_rows(named=True):
        known.setdefault(row["parameter"], row["value"] if row["number"] is None else row["number"])
    figures = result.tables["inputs"].filter(pl.col("symbol") == step["symbol"])
    quoted = re.split(r'("[^"]*")', step["expression"])
    for k in range(0, len(quoted), 2):  # what is not between quotation marks
        quoted[k] = re.sub(r"[A-Za-z_]\w*(?!\w|\()", lambda found: _value(found[0], known), quoted[k])
    return _with_figures("".join(quoted), figures, step)


def _value(name: str, known: Mapping[str, Any]) -> str:
    if name not in known:
        return name
    text = exact(known[name])
    return f"({text})" if text.startswith("-") else text


def _with_figures(expression: str, figures: pl.DataFrame, step: Mapping[str, Any]) -> str:
    if "inputs" not in expression:
        return expression
    rows = list(figures.select("value", "factor").iter_rows())
    if expression == "sum(inputs)":
        if not rows:
            return "no figures"
        if len(rows) > WRITTEN_OUT:
            return f"sum of {words.counted(len(rows), 'figure')} (digest {step['digest'][:12]})"
        terms = [exact(v) if f == 1 else f"-{exact(v)}" if f == -1 else f"{exact(v)} * {exact(f)}" for v, f in rows]
        return " + ".join(terms).replace("+ -", "- ")
    listed = ", ".join(exact(v) for v, _ in rows) if len(rows) <= WRITTEN_OUT and all(f == 1 for _, f in rows) else None
    return expression.replace("inputs", f"[{listed}]" if listed else f"[{words.counted(len(rows), 'figure')}]")


def changes(result: Result) -> list[str]:
    """What would have to happen to a figure before another thing is said."""
    said = []
    for row in result.tables["sensitivity"].iter_rows(named=True):
        if row["outcome"] == "class":
            row |= {key: words.CLASS_WORDS.get(row[key], row[key]) for key in ("is", "becomes")}
        what = f"the {row['outcome']} {row['is']}"
        if row["becomes"] is None:
            said.append(f"No {row['direction']} of {row['figure']} alone changes {what}.")
        elif row["keeps"] is not None and row["direction"] == "fall":
            said.append(
                f"Below {exact(row['keeps'])} of {row['figure']} (now {exact(row['now'])}) {what} becomes {row['becomes']}."
            )
        elif row["changes"] is not None:
            verb = "From" if row["direction"] == "rise" else "At or below"
            said.append(
                f"{verb} {exact(row['changes'])} of {row['figure']} (now {exact(row['now'])}) {what} becomes {row['becomes']}."
            )
        else:
            said.append(
                f"Above {exact(row['keeps'])} of {row['figure']} (now {exact(row['now'])}) {what} becomes {row['becomes']}."
            )
    return said


def show(console: Console, result: Result, everything: bool = False) -> None:
    """The explanation on a screen: sentence, arithmetic, figures with their lines, treatment, parameters, sensitivity."""
    answer = result.tables["answer"].row(0, named=True)
    console.print(Text(answer["sentence"]))
    if answer["note"]:
        console.print(Text(f"Note: {_reason(answer, {})}.", style="yellow"))
    if answer["meaning"]:
        console.print(Text(f"{answer['measure']}: {answer['meaning']}", style="dim"))
    if result.meta["follows"] is None:
        _procedure(console, result)
    else:
        _arithmetic(console, result, answer)
    _figures(console, result, everything)
    if "contributions" in result.tables:
        _contributions(console, result)
    _listed(console, "Treatment", [_treatment(row) for row in result.tables["treatment"].iter_rows(named=True)])
    _listed(console, "Parameters", [
        f"{row['parameter']} = {row['value']} ({row['origin']})" for row in result.tables["parameters"].iter_rows(named=True)
    ])  # fmt: skip
    _listed(console, "What would change it, all other figures as they are", changes(result))
    _listed(console, "Method", [answer["method"]])


def _arithmetic(console: Console, result: Result, answer: Mapping[str, Any]) -> None:
    _head(console, "Arithmetic")
    for step in result.tables["steps"].iter_rows(named=True):
        console.print(Text(f"  {step['symbol'].rstrip('_')} = {line(result, step)}"))
    follows = result.meta["follows"]
    if answer["value"] is not None or answer["text"] is not None or not follows:
        said = "gives" if follows else "does NOT give"
        style = "dim" if follows else "bold red"
        console.print(Text(f"  Done over from these figures, it {said} the number above.", style=style))


def _procedure(console: Console, result: Result) -> None:
    """What is done instead of arithmetic, and the command that does it again."""
    *said, again = result.tables["procedure"]["said"].to_list()
    _listed(console, "How it comes about", said)
    console.print(Text("  No arithmetic on a few figures gives it; the figures below are only some of those it rests on.",
                       style="dim"))  # fmt: skip
    _listed(console, "The same again", [again])


def _treatment(row: Mapping[str, Any]) -> str:
    number = f" ({words.counted(row['figures'], 'figure')})" if row["figures"] else ""
    return f"{row['treatment'].replace('_', ' ')}: {row['detail']}{number}"


def _figures(console: Console, result: Result, everything: bool) -> None:
    """The lines that figures stand on, a few of each symbol, and the hashes of the files."""
    frame = result.tables["inputs"]
    if frame.is_empty():
        return
    _head(console, "Figures")
    answer = result.tables["answer"].row(0, named=True)
    for (symbol,), own in frame.group_by("symbol", maintain_order=True):
        shown = own if everything else own.head(LINES)
        for row in shown.iter_rows(named=True):
            console.print(Text(f"  {_figure(str(symbol), row, answer)}"))
        if own.height > shown.height:
            console.print(Text(f"  {symbol}: {own.height - shown.height:,} more: --all, or -f json", style="dim"))
    files = frame.drop_nulls("sha256").select("file", "sha256").unique(maintain_order=True)
    for name, sha in files.iter_rows():
        console.print(Text(f"  {name}: SHA-256 {sha}", style="dim"))


def _figure(symbol: str, row: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """One figure with where it stands; indicator and year only where they are not those of the answer."""
    own = [str(row[key]) for key in ("indicator", "year") if row[key] is not None and row[key] != answer[key]]
    place = " ".join([*own, *(row[key] for key in ("region", "sector") if row[key] is not None)])
    factor = "" if row["factor"] == 1 else f" times {exact(row['factor'])}"
    status = f", status {row['status']}" if row["status"] else ""
    stand = f", {row['file']} line {row['line']}" if row["file"] else " (computed)"
    return f"{symbol}: {exact(row['value'])}{factor} {place}{status}{stand}"


def _contributions(console: Console, result: Result) -> None:
    from capmap.report import tables

    _head(console, "Contributions")
    frame = result.tables["contributions"].select(
        "node", "source_year", "value", "denominator", "ratio", "treated", "score", "effective_weight", "contribution"
    )
    tables.show(console, frame, tables.plain_columns(frame))


def _listed(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        _head(console, title)
        for text in lines:
            console.print(Text(f"  {text}"))


def _head(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def long(result: Result) -> pl.DataFrame:
    """All tables one under the other, for formats that hold one: column `part` says which."""
    parts = [frame.with_columns(part=pl.lit(name)) for name, frame in result.tables.items()]
    mixed = {name for one in parts for two in parts for name in one.columns
             if name in two.columns and one.schema[name] != two.schema[name]}  # fmt: skip
    texts = [
        frame.with_columns(pl.col(name).cast(pl.String) for name in frame.columns if name in mixed) for frame in parts
    ]
    whole: pl.DataFrame = pl.concat(texts, how="diagonal")
    return whole.select("part", pl.exclude("part"))
