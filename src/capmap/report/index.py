"""Composite indices as tables and sentences on a terminal: what cannot be told apart first, the bare rank last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from capmap.model import Result
from capmap.report import index_scale, index_weights, numbers, scenarios, sensitivity, tables, words
from capmap.report.layout import Line
from capmap.report.tables import Column

#: Reasons for not being scored, in words.
REASONS = {
    "few_in_group": "too few indicators in a pillar", "few_indicators": "too few in all",
    "low_coverage": "too few nodes with a score below one", "no_own_weights": "no weights of its own",
}  # fmt: skip
#: Choices that move ranks, in words.
FACTORS = {
    "normaliser": "the scale", "treatment": "outliers", "weights": "the weights", "aggregation": "the mean",
    "left_out": "one indicator",
}  # fmt: skip
#: Tables about ranks, whose readers need to know what the ranges and letters say.
RANKED = ("index", "robustness", "pairs", "sobol", "scenarios", "comparisons", "verdicts", "audit")
#: Rules of strengths and weaknesses, in words.
RULES = {"own": "by its own places", "peers": "beside its peers", "last": "last place"}
#: Fewest regions for strengths and weaknesses.
LEAST_REGIONS = 20
#: Regions named for one reason.
NAMED = 6
#: Letters of a region that a screen shows; with more a number stands for them.
LETTERS = 12


def index_columns(result: Result, labels: Mapping[str, str], width: int) -> list[Column]:
    """Columns of `capmap index`: group, region, weakest pillar, pillars, coverage, score, range, rank."""
    names = result.meta["names"]
    pillars = [name for name in names if name in set(_level(result, 1)["node"])]
    return [
        *_keys(result.tables["robustness"], labels, width),
        Column("weakest pillar", lambda r: _weakest(r, names), whole=True),
        *(
            tables.of(f"score_{node}", names[node], numbers.share, spare=2 + place)
            for place, node in enumerate(pillars)
        ),
        Column("indicators", lambda r: f"{numbers.per_cent(r['coverage'])}%", right=True, spare=_last(result, pillars)),
        tables.of("score", "score", numbers.share),
        Column("5-95%", lambda r: numbers.whole_interval(r["rank_low"], r["rank_high"]), right=True),
        Column("rank", lambda r: numbers.rank(r["rank"], r["n"]), right=True),
    ]


def robustness_columns(result: Result, labels: Mapping[str, str], width: int) -> list[Column]:
    """Columns of `capmap robustness`: group, region, what moves it, the chance of the first places, ranks."""
    places = result.meta["parameters"]["places"]
    return [
        *_keys(result.tables["robustness"], labels, width),
        Column("moved most by", _moved, least=30),
        Column("places", lambda r: "" if r["shift"] is None else f"{r['shift']:+.1f}", right=True, spare=3),
        tables.of("p_top", f"P(first {places})", numbers.probability, spare=1),
        tables.of("rank_median", "median", numbers.count, spare=2),
        Column("5-95%", lambda r: numbers.whole_interval(r["rank_low"], r["rank_high"]), right=True),
        Column("rank", lambda r: numbers.rank(r["rank"], r["n"]), right=True),
    ]


def _keys(frame: pl.DataFrame, labels: Mapping[str, str], width: int) -> list[Column]:
    columns = [tables.labelled("region", "region", labels, width >= tables.CODES_FROM)]
    if is_long(frame):
        columns.insert(0, Column("level with", level_with, whole=True, key=True))
    elif frame["group"].null_count() < frame.height:
        columns.insert(0, Column("group", lambda r: r["group"] or numbers.NOTHING, whole=True, key=True))
    if frame["year"].n_unique() > 1:
        columns.insert(0, Column("year", lambda r: str(r["year"]), whole=True, key=True))
    return columns


def is_long(frame: pl.DataFrame) -> bool:
    """Whether there are more letters than a reader can compare, or too many to be named."""
    known = frame.filter(pl.col("alike").is_not_null())
    return known.height > 0 and bool((known["group"].str.len_chars().fill_null(LETTERS + 1) > LETTERS).any())


def level_with(row: Mapping[str, Any]) -> str:
    """`17 others`: how many regions it cannot be told apart from."""
    if row["alike"] is None:
        return numbers.NOTHING
    return words.counted(row["alike"], "other") if row["alike"] else "nobody"


def _last(result: Result, pillars: Sequence[str]) -> int:
    """When the share of known indicators leaves a narrow screen: before the pillars where it is all of them everywhere."""
    scored = _level(result, 0).filter(pl.col("score").is_not_null())
    return 2 + len(pillars) if (scored["coverage"] == 1).all() else 1


def _weakest(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if row["weakest"] is None:
        return ""
    return f"{names[row['weakest']]} ({row['weakest_rank']})"


def _moved(row: Mapping[str, Any]) -> str:
    """The choice with the option under which the rank is furthest off."""
    if row["moved_by"] is None:
        return ""
    said = FACTORS[row["moved_by"]]
    if row["moved_to"] is None or row["shift"] is None:
        return said
    to = row["moved_to"].replace("_", " ")
    if row["moved_by"] == "left_out" and to != "nothing":
        return f"without {to}"
    return f"{said}: {to}"


def _level(result: Result, level: int) -> pl.DataFrame:
    return result.tables["index"].filter(pl.col("level") == level)


def _standing(result: Result) -> pl.DataFrame:
    """A row per scored region, the best first, with the number of those scored."""
    n = {block["year"]: block["scored"] for block in result.meta["blocks"]}
    rows = result.tables["robustness"].with_columns(
        n=pl.col("year").replace_strict(n, default=next(iter(n.values())), return_dtype=pl.Int64)
    )
    if "index" in result.tables:
        keys = ["year", "region"]
        own = _level(result, 0).select(*keys, "score", "coverage")
        rows = rows.join(own, on=keys, how="left", nulls_equal=True)
        for node in _level(result, 1)["node"].unique().sort().to_list():
            one = _level(result, 1).filter(pl.col("node") == node).select(*keys, pl.col("score").alias(f"score_{node}"))
            rows = rows.join(one, on=keys, how="left", nulls_equal=True)
    return rows.sort("year", "rank", "region", nulls_last=True)


def caption(result: Result, labels: Mapping[str, str], only: str | None = None) -> list[str]:
    """What a reader must know: places, ranges, years and normaliser on one line, who is left out, what the letters say.

    Under `only` one table that is not about ranks, what is said of ranges and letters is left out.
    """
    lines = scenarios.captions(result, labels) if "scenarios" in result.tables else []
    lines += [_block(result, block, labels) for block in result.meta["blocks"]]
    lines += _left_out(result.meta["blocks"], labels, result.meta["parameters"]["region"])
    drawn = next((block for block in result.meta["blocks"] if block["replicates"]), None)
    if drawn is None:
        lines.append("no ranges (--draws 0): how far these ranks are to be trusted is not known")
    elif only is None or only in RANKED:
        lines.append(replicates(drawn))
        lines.append(_alike(result))
        if result.name == "robustness" and only is None:
            lines.append("places: by how many the mean rank under that choice is off, + is down")
    lines += sensitivity.caption(result)
    lines += index_weights.caption(result)
    if result.meta["treated"]:
        told = ", ".join(f"{result.meta['names'][node]} ({how})" for node, how in result.meta["treated"].items())
        lines.append(f"outliers: {told}")
    lines += _shifted(result)
    lines += _few(result)
    lines += _unlike(result)
    lines += index_scale.caption(result)
    lines += [f"left out {one['year']}: {one['reason']}" for one in result.meta["skipped"]]
    return lines


def _alike(result: Result) -> str:
    """What shows that two regions cannot be told apart."""
    if "robustness" in result.tables and is_long(result.tables["robustness"]):
        return (
            "level with: regions it cannot be told apart from, as neither is ahead in 95% of the replicates; "
            "which ones: capmap robustness --table pairs"
        )
    return "regions that share a letter cannot be told apart: neither is ahead in 95% of the replicates"


def _shifted(result: Result) -> list[str]:
    """Which means got a constant, as they need scores above 0."""
    shifts, names = result.meta["shifts"], result.meta["names"]
    found = [f"{numbers.figure(shift)} for {names[node]}" for node, shift in shifts.items() if shift > 0]
    return [f"added before a mean that needs scores above 0: {words.joined(found)}"] if found else []


def _unlike(result: Result) -> list[str]:
    """Means of scores that are not on one scale."""
    return [
        f"unlike scales below {result.meta['names'][node]} ({', '.join(kinds).replace('_', '-')}): the widest counts most, and "
        "regions without it are not measured alike"
        for node, kinds in result.meta["unlike"].items()
    ]


def _few(result: Result) -> list[str]:
    """Indicators that rest on counts which chance moves; no replicate varies them."""
    names = result.meta["names"]
    told = [f"{names[node]} ({few} of {known} regions)" for node, (few, known) in result.meta["small_counts"].items()]
    return [f"counts below 10, whose chance error the ranges leave out: {', '.join(told)}"] if told else []


def _block(result: Result, block: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Rank r of n, range, years used and normaliser: on one line, for one region or for all of them."""
    used = sorted({year for year in block["years"].values() if year is not None})
    when = "one period" if not used else f"figures of {used[0]}" + (f"-{used[-1]}" if used[-1] > used[0] else "")
    scale = index_scale.scale(result.meta)
    rows = result.tables["robustness"] if "robustness" in result.tables else pl.DataFrame()
    rows = rows.filter(pl.col("year").eq_missing(pl.lit(block["year"])))
    if len(result.meta["parameters"]["region"]) == 1 and rows.height == 1:
        (row,) = rows.iter_rows(named=True)
        name = labels.get(row["region"], row["region"])
        weakest = f"weakest pillar {_weakest(row, result.meta['names'])}; " if row["weakest"] else ""
        spread = numbers.whole_interval(row["rank_low"], row["rank_high"])
        standing = f"{weakest}rank {row['rank']} of {block['scored']}, range {spread}"
        return f"{block['name']}, {name}: {standing}; {when}; {scale}"
    year = "" if block["year"] is None else f" {block['year']}"
    spread = "ranges 5-95%" if block["replicates"] else "no ranges"
    return f"{block['name']}{year}: ranks of {block['scored']}, {spread}; {when}; {scale}"


def replicates(block: Mapping[str, Any]) -> str:
    """What the replicates vary."""
    options = block["options"]
    said = [
        f"{what} {' or '.join(options[name]).replace('_', '-')}"
        for name, what in (("normaliser", "scale"), ("treatment", "outliers"), ("aggregation", "mean"))
        if len(options[name]) > 1
    ]
    if options["weights"] != "as given":
        said.append(f"weights {options['weights'].replace('+-', 'plus or minus')}")
    said += ["one indicator or none left out"] if len(options["left_out"]) > 1 else []
    failed = f"; {block['failed']:,} more failed and are left out" if block["failed"] else ""
    return f"5-95%: {block['replicates']:,} replicates with {'; '.join(said) or 'nothing varied'}{failed}"


def _left_out(blocks: Sequence[Mapping[str, Any]], labels: Mapping[str, str], asked: Sequence[str] = ()) -> list[str]:
    """Who is not scored, by the first of the reasons, of the regions asked for; years with the same regions together."""
    found: dict[tuple[str, tuple[str, ...]], list[Any]] = {}
    for block in blocks:
        by_reason: dict[str, list[str]] = {}
        for reason, codes in block["left_out"].items():
            by_reason.setdefault(reason.split(";")[0], []).extend(code for code in codes if not asked or code in asked)
        for reason, codes in by_reason.items():
            named = tuple(sorted(labels.get(code, code) for code in codes))
            if named:
                found.setdefault((reason, named), []).append(block["year"])
    lines = []
    for (reason, named), years in found.items():
        when = "" if len(years) == len(blocks) else f" {', '.join(str(year) for year in years)}"
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        lines.append(f"not scored{when}, {REASONS.get(reason, reason)}: {', '.join(named[:NAMED])}{more}")
    return lines


def standing_out(result: Result, labels: Mapping[str, str]) -> list[Text | Line]:
    """Strengths and weaknesses of the regions asked for, or why there are none; before any score."""
    codes = result.meta["parameters"]["region"]
    block = result.meta["blocks"][-1]
    if not 0 < len(codes) <= NAMED or "strengths" not in result.tables:
        return []
    if block["scored"] < LEAST_REGIONS:
        said = f"no strengths and weaknesses: they need {LEAST_REGIONS} regions, and {block['scored']} are scored"
        return [Text(said, style="dim")]
    rows = result.tables["strengths"].filter(pl.col("year").eq_missing(pl.lit(block["year"])))
    lines: list[Text | Line] = []
    for code in codes:
        for sense, title in (("strength", "strengths"), ("weakness", "weaknesses")):
            found: dict[str, list[Mapping[str, Any]]] = {}
            for row in rows.filter((pl.col("region") == code) & (pl.col("sense") == sense)).iter_rows(named=True):
                found.setdefault(row["node"], []).append(row)
            told = [
                f"{result.meta['names'][node]} ({numbers.rank(own[0]['rank'], own[0]['n'])}, {_by(own)})"
                for node, own in found.items()
            ]
            own_name = f"{labels.get(code, code)}: " if len(codes) > 1 else ""
            head = f"{own_name}{title}"
            lines.append(Line(head, "; ".join(told) or "none", max(len(head), len(own_name) + len("weaknesses")) + 2))
    return lines


def _by(rows: Sequence[Mapping[str, Any]]) -> str:
    """By which rules a node stands out."""
    said = words.joined([RULES[row["rule"]] for row in rows])
    return f"{said}, shared" if any(row["note"] == "tied" for row in rows) else said


def show(
    console: Console,
    result: Result,
    only: str | None,
    labels: Mapping[str, str],
    captions: Sequence[str],
    limit: int | None,
) -> None:
    """The standing of the regions, then the tables of the steps where there are any; or one table by itself."""
    compared = "scenarios" in result.tables
    if only is None and compared:  # its first columns are the standing
        tables.show(
            console, scenarios.beside(result), scenarios.columns(result, labels, console.width), captions, limit
        )
    if only is None and not compared:
        for line in standing_out(result, labels):
            console.print(line)
        columns = index_columns if result.name == "index" else robustness_columns
        last = "sobol" not in result.tables
        tables.show(console, _standing(result), columns(result, labels, console.width), captions if last else (), limit)
        if not last:
            sensitivity.show(console, result, labels, captions, limit)
    others = [name for name in result.tables if name == only or (only is None and name not in _SHOWN)]
    for name in others:
        if only is None:
            console.print()
            console.print(Text(name, style="bold"))
        frame = result.tables[name].drop("index")
        tables.show(console, frame, tables.plain_columns(frame), captions if only else (), limit)


#: Tables that the standing stands for, and the pairs, which are a file's matter.
_SHOWN = ("index", "robustness", "pairs", "sobol", "strengths", "verdicts", "audit", "scenarios", "comparisons")
