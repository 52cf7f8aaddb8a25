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
from capmap.report import numbers, words

#: What a measure is called in a sentence; others go by their column.
NAMES = {
    "rca": "RCA", "rsca": "symmetric RCA", "nrca": "normalised RCA", "arca": "additive RCA", "rca_loo":
    "leave-one-out RCA", "rca_log": "logarithm of RCA", "rca_per_capita": "RCA per head", "rca_weighted": "weighted RCA",
    "rca_ex_largest": "RCA without the dominant other region", "p_above_one": "probability that the true RCA exceeds 1",
    "p_material": "probability of a material specialisation", "share_world": "share of the reference", "share_region":
    "share in its own total", "rank_world": "rank by size", "class": "class", "expected": "expected value", "eci":
    "economic complexity index", "pci": "product complexity index", "eci_rank": "rank by complexity", "pci_rank":
    "rank by complexity", "coi": "complexity outlook index", "cog": "complexity outlook gain", "density":
    "relatedness density", "ratio_median": "ratio to the median region", "rii": "relative intensity", "dri":
    "double-relative intensity", "rii_region": "relative intensity of the whole region", "q": "complexity by fitness",
}  # fmt: skip
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
        sentence=pl.lit(sentence(result, labels, sectors)), arithmetic=pl.lit(arithmetic(result)),
        method=pl.lit(str(result.meta["method"])), citation=pl.lit(citation(result)),
    )  # fmt: skip
    return replace(result, tables={**result.tables, "answer": answer})


def sentence(result: Result, labels: Mapping[str, str], sectors: Mapping[str, str]) -> str:
    """One sentence that can be quoted, with its citation."""
    row = result.tables["answer"].row(0, named=True)
    cited, told = result.meta["cited"], result.meta["row"]
    name = row["measure"]
    title = NAMES.get(name, name.replace("_", " "))
    of = [labels.get(row["region"], row["region"])] if row["region"] else []
    if cited["kind"] == "index":
        title = f"{cited['name']} {title}"
    elif row["sector"] and row["sector"] != "_T":
        of.append(f"in {words.lower_first(sectors.get(row['sector'], row['sector']))}")
    when = "" if row["year"] is None else f" in {row['year']}"
    said = row["text"] if row["text"] is not None else exact(row["value"], 4)
    if row["value"] is None and row["text"] is None:
        said = f"not known ({words.note(row['note'], labels) or 'no figure'})"
    noun = "" if cited["kind"] == "index" else f", by {words.lower_first(cited['name'])},"
    whole = f"The {title} of {' '.join(of)}{noun}{when} is {said}{_beside(row, told, cited)} ({citation(result)})."
    return whole.replace(" of in ", " of ")


def _beside(row: Mapping[str, Any], told: Mapping[str, Any], cited: Mapping[str, Any]) -> str:
    """What must stand beside the number: its range and class, the counts behind it, its place."""
    if row["measure"] in ("rca", "class", "p_above_one", "rca_eb", "rca_loo") and told.get("expected") is not None:
        spread = numbers.interval(told["rca_low"], told["rca_high"])
        parts = [] if spread == numbers.NOTHING else [f"range of RCA {spread}"]
        parts += [words.CLASS_WORDS[told["class"]]] if told["class"] and row["measure"] != "class" else []
        parts += [
            f"{numbers.amount(told['value'])} {cited['noun']} where {numbers.amount(told['expected'])} are expected"
        ]
        hidden = ["too little is expected to judge"] if "below_floor" in (row["note"] or "") else []
        return ": " + "; ".join([*parts, *hidden])
    if told.get("rank") is not None and row["measure"] != "rank":
        return f": rank {told['rank']} of {told['n']}"
    return ""


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


def arithmetic(result: Result) -> str:
    """The formula of the answer, with the figures put in, and what it comes to."""
    row = result.tables["answer"].row(0, named=True)
    last = result.tables["steps"].row(-1, named=True)
    return f"{row['measure']} = {line(result, last)}"


def line(result: Result, step: Mapping[str, Any]) -> str:
    """One step: its expression, the same with figures, and its value; parts that say the same are said once."""
    final = step["text"] if step["text"] is not None else exact(step["value"], RESULT_DIGITS)
    if step["expression"] == "None":
        return "no figure"
    filled = substituted(result, step)
    parts = [step["expression"], *([filled] if filled != step["expression"] else []), final]
    if step["expression"] == "sum(inputs)":
        parts = [filled, *([exact(step["value"])] if filled != exact(step["value"]) else [])]
    return " = ".join(parts)


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
        console.print(Text(f"Note: {words.note(answer['note'])}.", style="yellow"))
    _head(console, "Arithmetic")
    for step in result.tables["steps"].iter_rows(named=True):
        console.print(Text(f"  {step['symbol'].rstrip('_')} = {line(result, step)}"))
    follows = result.meta["follows"]
    if answer["value"] is not None or answer["text"] is not None or not follows:
        said = "gives" if follows else "does NOT give"
        style = "dim" if follows else "bold red"
        console.print(Text(f"  Done over from these figures, it {said} the number above.", style=style))
    _figures(console, result, everything)
    if "contributions" in result.tables:
        _contributions(console, result)
    _listed(console, "Treatment", [_treatment(row) for row in result.tables["treatment"].iter_rows(named=True)])
    _listed(console, "Parameters", [
        f"{row['parameter']} = {row['value']} ({row['origin']})" for row in result.tables["parameters"].iter_rows(named=True)
    ])  # fmt: skip
    _listed(console, "What would change it, all other figures as they are", changes(result))
    _listed(console, "Method", [answer["method"]])


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
