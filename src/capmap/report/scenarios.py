"""Scenarios beside a composite index: their ranks side by side, and a sentence on each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from capmap.model import Result
from capmap.report import numbers, tables, words
from capmap.report.tables import Column


def sentences(result: Result, labels: Mapping[str, str]) -> list[str]:
    """A sentence per scenario: how many regions move by more than their range, and how like the order is."""
    told = []
    for row in result.tables["comparisons"].iter_rows(named=True):
        year = "" if result.tables["comparisons"]["year"].n_unique() == 1 else f" {row['year']}"
        parts = [f"{row['moved']} of {row['compared']} ranks change"]
        if row["moved_beyond"] is not None:
            parts.append(f"{row['moved_beyond'] or 'none'} of them out of their range")
        if row["largest_region"] is not None:
            way = "down" if row["largest_move"] > 0 else "up"
            name = labels.get(row["largest_region"], row["largest_region"])
            parts.append(f"most {name}, {words.counted(abs(row['largest_move']), 'place')} {way}")
        if row["kendall"] is not None:
            parts.append(
                f"tau {numbers.index(row['kendall'])}, rho {numbers.index(row['spearman'])} with the index, 1 is the same order"
            )
        if row["scored"] != row["compared"]:
            parts.append(f"{row['scored']} regions scored, compared among the {row['compared']} that both score")
        told.append(f"{row['scenario']}{year}: {'; '.join(parts)}")
    return told


def beside(result: Result) -> pl.DataFrame:
    """A row per region and year, with the rank and the change of every scenario; the order is that of the index."""
    rows = result.tables["scenarios"]
    keys = ["year", "region"]
    base = rows.select(*keys, "rank_nominal", "rank_low", "rank_high").unique(keys)
    for k, name in enumerate(_names(result)):
        own = rows.filter(pl.col("scenario") == name)
        base = base.join(
            own.select(*keys, pl.col("rank").alias(f"rank_{k}"), pl.col("rank_change").alias(f"change_{k}"),
                       pl.col("note").alias(f"note_{k}")),
            on=keys, how="left", nulls_equal=True,
        )  # fmt: skip
    return base.sort(
        "year", "rank_nominal", *(f"rank_{k}" for k in range(len(_names(result)))), "region", nulls_last=True
    )


def columns(result: Result, labels: Mapping[str, str], width: int) -> list[Column]:
    """Region, range and rank in the index, and rank and change in every scenario; a star where it leaves the range."""
    found = [tables.labelled("region", "region", labels, width >= tables.CODES_FROM)]
    if result.tables["scenarios"]["year"].n_unique() > 1:
        found.insert(0, Column("year", lambda r: str(r["year"]), whole=True, key=True))
    found += [
        Column("5-95%", lambda r: numbers.whole_interval(r["rank_low"], r["rank_high"]), right=True),
        Column("rank", lambda r: numbers.rank(r["rank_nominal"]), right=True),
    ]
    return [*found, *(_column(k) for k in range(len(_names(result))))]


def captions(result: Result, labels: Mapping[str, str]) -> list[str]:
    """Which column is which scenario, and what it comes to."""
    told = [f"({k}) {said}" for k, said in enumerate(sentences(result, labels), 1)]
    legend = "* leaves the range of the index; changes are among the regions that both score, + is down"
    return [*told, f"{legend}; places in scenarios have no ranges of their own"]


def _names(result: Result) -> list[str]:
    names: list[str] = result.tables["comparisons"]["scenario"].unique(maintain_order=True).to_list()
    return names


def _column(k: int) -> Column:
    def write(row: Mapping[str, Any]) -> str:
        if row[f"rank_{k}"] is None:
            return numbers.NOTHING
        change = row[f"change_{k}"]
        moved = "new" if change is None else f"{change:+d}" if change else "="
        star = "*" if row[f"note_{k}"] == "outside_range" else " "
        return f"{row[f'rank_{k}']} {moved:>3}{star}"

    return Column(f"({k + 1})", write, right=True)
