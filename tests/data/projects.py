"""The files of a small project, as a user would write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

EXPORTS = """\
name = "Exports"
kind = "value"
unit = "US dollars"
stage = "market"
direction = 1
classification = "goods"
[source]
title = "Made for a test"
"""
REGIONS = "code,label,parent,level,role,group\nKOR,Korea,,country,region,asia\nDEU,Germany,,country,region,europe\n"
GOODS = "code,label,parent,level\ncars,Cars,,product\nships,Ships,,product\n"
HEADER = "region,sector,indicator,year,value,status\n"
ROWS = "KOR,cars,exports,2018,30,\nKOR,ships,exports,2018,20,\nDEU,cars,exports,2018,50,\nDEU,ships,exports,2018,1,\n"

PLAIN: Mapping[str, str] = {
    "capmap.toml": '[data]\nobservations = ["data/*.csv"]\n',
    "indicators/exports.toml": EXPORTS,
    "codes/regions.csv": REGIONS,
    "codes/goods.csv": GOODS,
    "data/exports.csv": HEADER + ROWS,
}

Build = Callable[..., Path]
