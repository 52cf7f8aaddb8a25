"""Options that mean the same in every command, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

INPUT, SELECT, MEASURE, OUTPUT = "Input", "Selection", "Measurement", "Output"

Project = Annotated[
    Path | None,
    typer.Option("--project", "-p", help="Project folder; default: the nearest capmap.toml, else the sample.",
                 rich_help_panel=INPUT),
]  # fmt: skip
Data = Annotated[
    str | None,
    typer.Option("--data", help="One file of observations instead of a project; - is CSV on stdin.",
                 rich_help_panel=INPUT),
]  # fmt: skip
Kind = Annotated[
    str | None,
    typer.Option("--kind", help="Kind of --data: count, value, intensity or score.", rich_help_panel=INPUT),
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", help="Names in --data where they differ: region=country,value=usd.",
                 rich_help_panel=INPUT),
]  # fmt: skip
Indicator = Annotated[
    list[str] | None, typer.Option("--indicator", "-i", help="Indicator id; repeatable.", rich_help_panel=SELECT)
]
Region = Annotated[
    list[str] | None,
    typer.Option(
        "--region", "-r", help="Region code, name or unique part of a name; repeatable.", rich_help_panel=SELECT
    ),
]
Sector = Annotated[
    list[str] | None,
    typer.Option(
        "--sector", "-s", help="Sector code, name or unique part of a name; repeatable.", rich_help_panel=SELECT
    ),
]
Year = Annotated[str, typer.Option("--year", help="latest, a year, Y1:Y2 or all.", rich_help_panel=SELECT)]
OneYear = Annotated[str, typer.Option("--year", help="latest or one year.", rich_help_panel=SELECT)]
Group = Annotated[
    str | None, typer.Option("--group", help="Only regions of this group, such as EU27.", rich_help_panel=SELECT)
]
Class = Annotated[
    list[str] | None,
    typer.Option("--class", help="Only this class: established, uncertain, below, none, indicated; repeatable.",
                 rich_help_panel=SELECT),
]  # fmt: skip
Level = Annotated[
    str | None,
    typer.Option("--level", help="Add up to this level of the code lists before measuring.", rich_help_panel=SELECT),
]
Top = Annotated[
    int | None,
    typer.Option("--top", min=1, help="First N rows of every indicator and year.", rich_help_panel=SELECT),
]
Sort = Annotated[
    str | None,
    typer.Option("--sort", help="Column to sort by; + rises, - falls.", rich_help_panel=SELECT),
]
Labels = Annotated[bool, typer.Option("--labels", help="Names beside the codes in files.", rich_help_panel=OUTPUT)]
Reference = Annotated[
    str | None,
    typer.Option("--reference", help="What the world is: world, sum, peers, CODE, ex:CODE or group:NAME.",
                 rich_help_panel=MEASURE),
]  # fmt: skip
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="Region left out of the table; repeatable.", rich_help_panel=MEASURE),
]
Window = Annotated[
    int | None,
    typer.Option("--window", min=1, help="Calendar years added up; default 1 for counts, 3 for values.",
                 rich_help_panel=MEASURE),
]  # fmt: skip
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", help="RCA from which a region is specialised, up to 1000; default 1.", rich_help_panel=MEASURE
    ),
]
Dispersion = Annotated[
    str | None,
    typer.Option("--dispersion", help="estimated (year-to-year noise in the ranges) or poisson (counting error only).",
                 rich_help_panel=MEASURE),
]  # fmt: skip
Format = Annotated[
    str | None,
    typer.Option("--format", "-f", help="table, csv, tsv, json, ndjson, md, parquet or xlsx; default table on a "
                 "terminal, csv when piped.", rich_help_panel=OUTPUT),
]  # fmt: skip
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File to write; its suffix sets the format.", rich_help_panel=OUTPUT),
]
All = Annotated[bool, typer.Option("--all", help="Show everything, however long.", rich_help_panel=OUTPUT)]
Ascii = Annotated[bool, typer.Option("--ascii", help="Plain letters instead of symbols.", rich_help_panel=OUTPUT)]
MixedYears = Annotated[
    bool,
    typer.Option("--allow-mixed-years", help="Take an earlier year where an indicator lacks the one asked for.",
                 rich_help_panel=SELECT),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes on stderr.", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback on errors.", rich_help_panel=OUTPUT)]
