"""Links between sectors, networks of them and stepping stones, as tables and sentences on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich.text import Text

from capmap.model import Result
from capmap.report import complexity, numbers, tables, words
from capmap.report.tables import Column

Names = Mapping[str, Mapping[str, str]]

#: What each proximity is, in words.
PROXIMITY = {
    "minimum_conditional": "the smaller probability of holding one sector given the other",
    "cosine": "cosine of presence",
    "jaccard": "regions that hold both over regions that hold either",
    "association": "regions that hold both over those expected by chance; 1 is independence",
    "rsca_correlation": "correlation of RSCA; below 0 counts as 0",
}
#: Why a pair has no proximity, in words.
REASONS = complexity.REASONS | {
    "no_correlation": "known in too few regions, or the same in all",
    "not_in_both": "not in both indicators",
}
#: Width that the numbers of a table of links take.
NUMBERS = 16
#: Blocks that the caption tells one by one.
BLOCKS = 4


def links_columns(frame: pl.DataFrame, names: Names, width: int) -> list[Column]:
    """Columns of links on a terminal; `names` are the labels of each indicator's sectors."""
    ends = [_End(frame, side, names) for side in ("source", "target")]
    codes = sum(end.widest for end in ends) + NUMBERS <= width
    columns = [*tables.when(frame), *(end.column(codes) for end in ends)]
    columns.append(tables.of("proximity", "proximity", numbers.written(frame["proximity"].to_list(), 0.1)))
    if "tree" in frame.columns:
        return [*columns, Column("", lambda r: "tree" if r["tree"] else "", whole=True)]
    if frame["p_value"].null_count() < frame.height:
        columns += [tables.of("p_value", "p", chance, spare=1), tables.of("q_value", "q", chance)]
    if frame["note"].null_count() < frame.height:
        columns.append(Column("note", lambda r: reasons(r["note"]), least=tables.LEAST_KEY))
    return columns


class _End:
    """One end of the links of a frame: how its sectors are called, and how much room that takes."""

    def __init__(self, frame: pl.DataFrame, side: str, names: Names) -> None:
        self.side, self.names = side, names
        self.owner = "to" if side == "target" and "to" in frame.columns else "indicator"
        cells = (self.text(row, codes=True) for row in frame.select(self.owner, side).unique().iter_rows(named=True))
        self.widest = max((cell.cell_len + tables.GAP for cell in cells), default=0)

    def text(self, row: Mapping[str, Any], codes: bool) -> Text:
        code = row[self.side]
        label = self.names.get(row[self.owner], {}).get(code, code)
        text = Text(label)
        return text.append(f" {code}", style="bright_black") if codes and label != code else text

    def column(self, codes: bool) -> Column:
        return Column(self.side, lambda row: self.text(row, codes), key=True, least=tables.LEAST_KEY)


def path_columns(frame: pl.DataFrame, labels: Mapping[str, str], width: int) -> list[Column]:
    """Columns of stepping stones on a terminal."""
    return [
        tables.of("step", "step", numbers.count),
        tables.labelled("sector", "sector", labels, width >= tables.CODES_FROM),
        tables.of("proximity", "proximity", numbers.written(frame["proximity"].to_list(), 0.0)),
        tables.of("product", "product", numbers.written(frame["product"].to_list(), 0.0)),
        tables.of("rca", "RCA", numbers.index, spare=1),
        Column("class", tables.judged, whole=True),
    ]


def closest_first(frame: pl.DataFrame) -> pl.DataFrame:
    """Links as a screen lists them: the closest first in each indicator and year, ties in the order of codes."""
    return frame.sort(
        "indicator",
        "year",
        "proximity",
        "source",
        "target",
        descending=[False, False, True, False, False],
        nulls_last=True,
    )


def chance(value: float | None) -> str:
    """A p-value or false discovery rate with three decimals, never rounded down to impossible.

    >>> chance(0.0312), chance(0.0001), chance(1.0), chance(None)
    ('0.031', '<0.001', '1.000', '-')
    """
    return numbers.NOTHING if value is None else "<0.001" if value < 0.0005 else f"{value:.3f}"


def reasons(note: str | None) -> str:
    """Why a pair has no proximity."""
    return "; ".join(REASONS.get(name, name.replace("_", " ")) for name in (note or "").split(";") if name)


def caption(result: Result, regions: Mapping[str, str], names: Names, today: int, old_after: int) -> list[str]:
    """What a reader must know of links: who takes part, how proximity is taken, and what was left out."""
    meta = result.meta
    rule, blocks = meta["parameters"], meta["blocks"]
    lines = []
    for block in blocks[:BLOCKS]:
        for side in (block["source"], block["target"]) if "source" in block else (block,):
            lines.append(complexity.took_part(side, rule, today, old_after))
            lines += complexity.left_out(side, regions, names.get(side["indicator"], {}))
        if "source" in block:
            lines.append(_later(block))
    if len(blocks) > BLOCKS:
        lines.append(f"{len(blocks) - BLOCKS} more years or indicators: who takes part in each is in -f json")
    lines.append(proximity(rule))
    lines += _counted(blocks, rule) if "pairs" in blocks[0] else []
    lines += [_significance(block) for block in blocks[:BLOCKS] if "significance" in block]
    lines += [
        f"{g['indicator']}: no data in {g['asked']} (has {words.years(g['has'])})" for g in meta.get("no_data", ())
    ]
    lines += [f"no links: {gap['reason']}" for gap in meta.get("refused", ())]
    return lines


def _later(block: Mapping[str, Any]) -> str:
    """Which years are compared across two classifications."""
    if block["year"] is None:
        return f"source: {block['indicator']}; target: {block['to']}"
    said = f"source: {block['indicator']} {block['source_year']}; target: {block['to']} {block['year']}"
    gap = block["year"] - block["source_year"]
    if gap != block["lag"]:
        said += f" (no {block['indicator']} in {block['year'] - block['lag']}: the nearest year before)"
    return f"{said}; over the regions that take part in both"


def proximity(rule: Mapping[str, Any]) -> str:
    """How the proximity is taken, in a line."""
    said = f"proximity {rule['proximity']}: {PROXIMITY[rule['proximity']]}; diagonal {rule['diagonal']:g}"
    return f"{said}; conventions of {rule['as']}" if rule.get("as") else said


def _counted(blocks: list[Mapping[str, Any]], rule: Mapping[str, Any]) -> list[str]:
    """How many pairs are linked, and what became of the others."""
    pairs, links, zero, undefined, below = (
        sum(block[key] for block in blocks) for key in ("pairs", "links", "zero", "undefined", "below_minimum")
    )
    parts = [f"{links:,} of {words.counted(pairs, 'pair')} linked"]
    left = [f"{n:,} {why}" for n, why in ((zero, "of proximity 0"), (undefined, "without a proximity")) if n]
    if left and not rule["complete"]:
        parts.append(f"{words.joined(left)} left out (--complete lists them)")
    if below:
        parts.append(f"{below:,} below {rule['minimum']:g} left out")
    return ["; ".join(parts)]


def _significance(block: Mapping[str, Any]) -> str:
    """Null model, draws, and how many links it leaves."""
    told = block["significance"]
    said = (
        f"{block['indicator']}: p from {told['draws']:,} tables with the same diversities and ubiquities, q over "
        f"{words.counted(told['tested'], 'pair')}; {told['passing']:,} beyond chance at a false discovery rate of "
        f"{told['rate']:.0%}"
    )
    needed = told["tested"] / told["rate"]
    if not told["passing"] and told["draws"] < needed:
        said += f" (a single link needs {needed:,.0f} draws to show)"
    return said


def network_caption(result: Result, regions: Mapping[str, str], names: Names, today: int, old_after: int) -> list[str]:
    """What a reader must know of a network: its size, its threshold, then as `caption`."""
    told, (block,) = result.meta["network"], result.meta["blocks"]
    if told["above"] is None:
        beyond = "; no link beyond the tree keeps the network at 4 links a sector"
    elif told["given"]:
        beyond = f" and every link of proximity >= {told['above']:.3g}"
    else:
        beyond = f" and every link of proximity >= {told['above']:.3g}, the lowest that keeps it at 4 links a sector (--above)"
    lines = [
        f"{words.counted(told['links'], 'link')} between {words.counted(told['taking_part'], 'sector')}, "
        f"{told['average_degree']:.1f} a sector: the maximum spanning tree ({told['tree']:,}){beyond}"
    ]
    if told["parts"] > 1:
        lines.append(f"the network lies in {told['parts']:,} unconnected parts, each with a tree of its own")
    if block["pci"]["message"]:
        lines.append(f"nodes without PCI: {block['pci']['message']}")
    return lines + caption(result, regions, names, today, old_after)


def path_caption(result: Result, regions: Mapping[str, str], names: Names, today: int, old_after: int) -> list[str]:
    """What the stepping stones say, then as `caption`."""
    told, rule, (block,) = result.meta["path"], result.meta["parameters"], result.meta["blocks"]
    labels = names.get(block["indicator"], {})
    region, goal = regions.get(rule["region"], rule["region"]), labels.get(rule["sector"], rule["sector"])
    if told["held"]:
        said = f"{region} holds {goal} already"
    else:
        said = (
            f"{goal} from what {region} holds ({words.counted(told['strengths'], 'sector')}): "
            f"{words.counted(told['steps'], 'step')}, product {numbers.written([told['product']])(told['product'])}, the "
            "highest of all paths; closeness, not advice"
        )
    return [said, *tables.dependence(result.frame, regions), *caption(result, regions, names, today, old_after)]
