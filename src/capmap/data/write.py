"""Results -> files: CSV, TSV, JSON, NDJSON, Markdown, Parquet and Excel, each written whole or not at all.

Every format holds the same rows in the order of the result. Numbers are the shortest text that reads back as
the same float, no value is an empty cell (null in JSON and Parquet), and NaN and infinities count as no value.
Nothing depends on the clock, the machine or the number of threads: a second run writes identical bytes.

Texts are written as they are. A label that starts with `=`, `+`, `-` or `@` is not altered in CSV, because the
codes in it are keys that must join with other tables, and the numbers beside it may be negative; spreadsheets
that would run such a cell get `.xlsx`, where it is a text and can never be a formula.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, cast

import polars as pl
import polars.selectors as cs

from capmap.data.disk import atomic, atomic_text, check_target, draft, is_stream, settle, sha256, writing
from capmap.errors import UsageError
from capmap.model import Project, Result

if TYPE_CHECKING:
    from xlsxwriter import Workbook

#: Of `disk`, for those who write results.
__all__ = ["atomic", "atomic_text", "check_target", "settle", "sha256", "writing"]

#: What `--format` accepts; `table` is drawn on the screen and is never a file.
FORMATS = ("table", "csv", "tsv", "json", "ndjson", "md", "parquet", "xlsx")
#: Formats that hold text, so they may go to standard output or be compressed (`.csv.gz`).
TEXT_FORMATS = ("csv", "tsv", "json", "ndjson", "md")
#: Formats that hold one table and nothing else, so their metadata go into `FILE.meta.json`.
BARE_FORMATS = ("csv", "tsv", "ndjson")
#: Formats that hold one table, so a result of several tables needs a long frame.
ONE_TABLE = (*BARE_FORMATS, "parquet")
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".md": "md",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
}
#: Key of the metadata in a Parquet file.
PARQUET_KEY = "capmap"
#: Rows of a sheet, the header included.
EXCEL_ROWS = 1_048_576
#: Creation date of every workbook: the true one would change the bytes.
EXCEL_DATE = datetime(2000, 1, 1)
EXCEL_WIDEST = 400  #: pixels

_CATEGORIES = cs.categorical() | cs.enum()
_JSON_SLICE = 65_536  #: rows turned into text at once
_UNREPEATABLE_SETTINGS = ("data.observations", "data.indicators", "data.codes", "data.index")
#: Sections that change no result: where figures come from, and what is done with results.
_OPERATING_SECTIONS = ("sources", "refresh", "results", "watch")


# Formats ------------------------------------------------------------------------------------------------------


def format_of(path: str | Path) -> str:
    """The format that a file name asks for.

    Raises
    ------
    UsageError : the suffix is unknown, or compresses a format that is not text.

    Examples
    --------
    >>> format_of("rca.csv"), format_of("out/rca.CSV.gz"), format_of("rca.pq")
    ('csv', 'csv', 'parquet')
    """
    known = _known_format(path)
    if known is None:
        raise UsageError(
            f"{PurePath(path).name or path} does not say which format to write",
            fix=f"end the name in {', '.join(SUFFIXES)}, or name a format ({', '.join(FORMATS[1:])})",
        )
    return known


def _known_format(path: str | Path) -> str | None:
    name = PurePath(path).name.lower()
    known = SUFFIXES.get(PurePath(name.removesuffix(".gz")).suffix)
    return None if name.endswith(".gz") and known not in TEXT_FORMATS else known


def _chosen(path: str | Path, asked: str | None) -> str:
    if asked is None:
        return format_of(path)
    _accept(asked)
    named = _known_format(path)
    if named not in (None, asked):
        raise UsageError(f"{PurePath(path).name} would hold {asked}", fix=f"name it otherwise, or ask for {named}")
    return asked


def _accept(asked: str, among: Sequence[str] = FORMATS[1:]) -> None:
    if asked == "table":
        raise UsageError("a table is for the screen", fix="for a file choose md, csv or xlsx")
    if asked not in FORMATS:
        raise UsageError(f"unknown format {asked!r}", fix=f"choose from {', '.join(FORMATS)}")
    if asked not in among:
        raise UsageError(f"{asked} is not text", fix=f"name a file: --output FILE.{asked}")


# Writing ------------------------------------------------------------------------------------------------------


def render(result: Result, format: str, *, long: pl.DataFrame | None = None) -> bytes:  # noqa: A002 - as in `write`
    """A result as text in UTF-8: `csv`, `tsv`, `json`, `ndjson` or `md`.

    Parameters
    ----------
    result : rows are written in their order; `meta` appears in JSON only.
    format : one of TEXT_FORMATS.
    long : all tables of the result as one frame, for the formats that hold one table.

    Raises
    ------
    UsageError : a format that is not text; several tables and no `long` in a format that holds one.
    """
    _accept(format, TEXT_FORMATS)
    text = io.BytesIO()
    dump(result, text, format, long=long)
    return text.getvalue()


def write(
    result: Result,
    path: str | Path,
    format: str | None = None,  # noqa: A002 - the word of the command line
    *,
    long: pl.DataFrame | None = None,
) -> tuple[Path, ...]:
    """Write a result to a file, whole or not at all.

    Parameters
    ----------
    result : rows are written in their order. Its `meta` goes into JSON, Parquet (key PARQUET_KEY), the sheet
        `meta` of a workbook, and for CSV, TSV and NDJSON into `FILE.meta.json`, with the SHA-256 of the file
        it describes. An old `FILE.meta.json` is removed before the file is replaced and the new one comes
        last, so metadata never stand beside figures that they do not describe, whenever a run is killed.
    path : the target; a text format is compressed if the name ends in `.gz`.
    format : where the name does not say it.
    long : all tables of the result as one frame, for the formats that hold one table.

    Returns
    -------
    The files written.

    Raises
    ------
    UsageError : unknown or contradictory format, several tables and no `long`, too many rows for a sheet, or
        the extra for Excel is not installed.
    WriteError : the target cannot be written; the old file is as it was.
    """
    path = Path(path)
    chosen = _chosen(path, format)
    if chosen not in BARE_FORMATS or is_stream(path):
        with atomic(path) as file:
            _dump_named(result, file, path, chosen, long)
        return (path,)
    beside = path.with_name(f"{path.name}.meta.json")
    with writing(path), ExitStack() as drafts:
        file, place = drafts.enter_context(draft(path))
        _dump_named(result, file, path, chosen, long)
        settle(file)
        with writing(beside):
            about, place_about = drafts.enter_context(draft(beside))
            about.write((json_text({**result.meta, "sha256": sha256(file.name)}, indent=2) + "\n").encode())
            settle(about)
            Path(os.path.realpath(beside)).unlink(missing_ok=True)
        place()
        with writing(beside):
            place_about()
    return path, beside


def dump(result: Result, file: IO[bytes], format: str, *, long: pl.DataFrame | None = None) -> None:  # noqa: A002 - as in `write`
    """Write a result into an open binary file, such as standard output; see `write`."""
    _accept(format)
    if format in ONE_TABLE:
        table = _settled(_one_table(result, format, long))
        if format == "parquet":
            _dump_parquet(table, file, result.meta)
        elif format == "ndjson":
            for text in _json_rows(table):
                file.write(text)
        else:
            _dump_csv(table, file, "\t" if format == "tsv" else ",")
        return
    tables = {name: _settled(table) for name, table in result.tables.items()}
    if format == "json":
        _dump_json(tables, file, result.meta)
    elif format == "xlsx":
        _dump_excel(tables, file, result.meta)
    else:
        file.write(_sections(tables).encode())


def _dump_named(result: Result, file: IO[bytes], path: Path, chosen: str, long: pl.DataFrame | None) -> None:
    """`dump`, compressed where the name of the target says so; the header of gzip carries no name and no time."""
    packed = path.name.lower().endswith(".gz") and chosen in TEXT_FORMATS
    zipped = cast("IO[bytes]", gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if packed else nullcontext(file)
    with zipped as target:
        dump(result, target, chosen, long=long)


def _one_table(result: Result, chosen: str, long: pl.DataFrame | None) -> pl.DataFrame:
    if long is not None:
        return long
    if len(result.tables) != 1:
        raise UsageError(
            f"{result.name} has {len(result.tables)} tables and {chosen} holds one",
            fix="choose json, md or xlsx",
        )
    return result.frame


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with null for NaN and infinities, so that all formats hold the same rows."""
    floats = frame.select(cs.float())
    finite = floats.select(pl.all().is_finite().all())
    mended = [name for name in floats.columns if not finite[name][0]]
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(name).alias(name) for name in mended)


def _dump_csv(table: pl.DataFrame, file: IO[bytes], separator: str) -> None:
    # polars leaves a lone carriage return unquoted, against RFC 4180; then all texts are quoted
    texts = [table[name].unique().cast(pl.String) for name in table.select(cs.string() | _CATEGORIES).columns]
    returns = any(text.str.contains("\r", literal=True).any() for text in texts)
    table.write_csv(file, separator=separator, quote_style="non_numeric" if returns else "necessary")


def _dump_parquet(table: pl.DataFrame, file: IO[bytes], meta: Mapping[str, Any]) -> None:
    # Categories become plain text: pages are dictionary-encoded all the same, every reader understands it,
    # files of different vintages can be stacked, and pandas sorts by letter and not by category.
    # Row groups follow the chunks of a frame, so there is one chunk; threads do not matter.
    plain_text = table.with_columns(_CATEGORIES.cast(pl.String)).rechunk()
    plain_text.write_parquet(file, metadata={PARQUET_KEY: json_text(meta)})


def _dump_json(tables: Mapping[str, pl.DataFrame], file: IO[bytes], meta: Mapping[str, Any]) -> None:
    file.write(b'{\n"meta": ' + json_text(meta).encode() + b",\n")
    if len(tables) == 1:
        file.write(b'"rows": ')
        _dump_array(next(iter(tables.values())), file)
    else:
        file.write(b'"tables": {')
        for k, (name, table) in enumerate(tables.items()):
            file.write(b",\n" if k else b"\n")
            file.write(json_text(name).encode() + b": ")
            _dump_array(table, file)
        file.write(b"\n}")
    file.write(b"\n}\n")


def _dump_array(table: pl.DataFrame, file: IO[bytes]) -> None:
    """Rows as a JSON array, one a line."""
    opening = b"[\n"
    for text in _json_rows(table):
        file.write(opening + text.rstrip(b"\n").replace(b"\n", b",\n"))
        opening = b",\n"
    file.write(b"\n]" if table.height else b"[]")


def _json_rows(table: pl.DataFrame) -> Iterator[bytes]:
    """Rows as JSON objects, one a line, many lines at a time; a line break in a text is escaped in JSON."""
    return (part.write_ndjson().encode() for part in table.iter_slices(_JSON_SLICE) if part.height)


# Markdown -----------------------------------------------------------------------------------------------------


def markdown(frame: pl.DataFrame) -> str:
    r"""A frame as a table of GitHub-flavoured Markdown, numbers to the right and null as an empty cell.

    Characters that would end a cell or be read as markup are escaped (``| \ ` * [ < ~`` and character
    references such as ``&lt;``), a line break becomes ``<br>``. Underscores stay, because codes have them.

    Examples
    --------
    >>> print(markdown(pl.DataFrame({"region": ["KOR", "a|b"], "rca": [0.1, None]})), end="")
    | region | rca |
    | :--- | ---: |
    | KOR | 0.1 |
    | a\|b |  |
    """
    frame = _settled(frame)
    header = _escaped(pl.Series(frame.columns, dtype=pl.String)).to_list()
    sides = ["---:" if kind.is_numeric() else ":---" for kind in frame.dtypes]
    cells = [_escaped(frame[name].cast(pl.String)).fill_null("") for name in frame.columns]
    rows = zip(*cells, strict=True)
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, sides, *rows))


def _escaped(texts: pl.Series) -> pl.Series:
    return (
        texts.str.replace_all(r"([\\|`*\[<~])", r"\$1")
        .str.replace_all(r"&(#?\w+;)", "&amp;$1")
        .str.replace_all(r"\r\n|\r|\n", "<br>")
    )


def _sections(tables: Mapping[str, pl.DataFrame]) -> str:
    if len(tables) == 1:
        return markdown(next(iter(tables.values())))
    return "\n".join(f"## {name}\n\n{markdown(table)}" for name, table in tables.items())


# Excel --------------------------------------------------------------------------------------------------------


def _dump_excel(tables: Mapping[str, pl.DataFrame], file: IO[bytes], meta: Mapping[str, Any]) -> None:
    try:
        import xlsxwriter
    except ModuleNotFoundError:
        raise UsageError("writing .xlsx needs an extra", fix='pip install "capmap[excel]"') from None
    for name, table in tables.items():
        if table.height >= EXCEL_ROWS:
            raise UsageError(
                f"{name} has {table.height:,} rows and a sheet holds {EXCEL_ROWS - 1:,}", fix="choose csv or parquet"
            )
    about = pl.DataFrame(list(_leaves(plain(meta))), schema={"key": pl.String, "value": pl.String}, orient="row")
    # built in memory and written at once: a workbook that cannot be written must fail here and not in a destructor
    packed = io.BytesIO()
    book = xlsxwriter.Workbook(packed, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": EXCEL_DATE})
    for name, table in (*tables.items(), ("meta", about)):
        _add_sheet(book, name, table)
    book.close()
    file.write(packed.getbuffer())


def _add_sheet(book: Workbook, name: str, table: pl.DataFrame) -> None:
    from xlsxwriter.worksheet import Worksheet

    class Sheet(Worksheet):  # type: ignore[misc] # xlsxwriter has no types
        """A sheet with all digits of its numbers; xlsxwriter writes 16 of up to 17."""

        def _xml_number_element(self, number: float, attributes: Sequence[tuple[str, str]] = ()) -> None:
            places = "".join(f' {key}="{value}"' for key, value in attributes)
            self.fh.write(f"<c{places}><v>{number!r}</v></c>")

    sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", "_", name)[:31], worksheet_class=Sheet)
    numbers = {kind for kind in table.dtypes if kind.is_numeric()}
    table.write_excel(book, sheet, dtype_formats=dict.fromkeys(numbers, "General"), freeze_panes=(1, 0))
    sheet.autofit(max_width=EXCEL_WIDEST)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and text of everything in nested JSON values, as a cell holds 32,767 characters at most."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(inner, (dict, list)) for inner in value):
        for k, inner in enumerate(value, start=1):
            yield from _leaves(inner, f"{key}.{k}")
    else:
        yield key, value if isinstance(value, str) else json_text(value)


# Metadata -----------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Metadata as JSON values: tuples and sets are lists (sets sorted), NaN and infinities null.

    Raises
    ------
    TypeError : something that has no place in metadata, such as a path or a frame.

    Examples
    --------
    >>> plain({"years": (2018, 2019), "alpha": float("inf"), 1: {"b", "a"}})
    {'years': [2018, 2019], 'alpha': None, '1': ['a', 'b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return [plain(inner) for inner in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} in metadata")


def json_text(value: Any, indent: int | None = None) -> str:
    """Metadata as JSON text; equal values give equal texts."""
    return json.dumps(plain(value), ensure_ascii=False, indent=indent, allow_nan=False)


def provenance(project: Project, result: Result) -> dict[str, Any]:
    """Where a result comes from: enough to compute it again, and the same bytes whenever it is.

    Returns
    -------
    JSON values: `capmap` (version), `command`, `parameters`, `seed` (null where nothing is random), `inputs`
    and so on as `origin` gives them, then whatever else the result says about itself.
    """
    header: dict[str, Any] = {"command": result.name, "parameters": {}, "seed": None}
    first = {key: result.meta.get(key, default) for key, default in header.items()}
    known = origin(project)
    rest = {key: value for key, value in result.meta.items() if key not in first}
    stated: dict[str, Any] = plain({"capmap": known.pop("capmap"), **first, **known, **rest})
    return stated


def stamped(project: Project, result: Result) -> Result:
    """The result with its provenance as its metadata."""
    return replace(result, meta=provenance(project, result))


def origin(project: Project) -> dict[str, Any]:
    """What a project was made of, without dates and without places on this machine.

    Returns
    -------
    `capmap` : version. `inputs` : `name`, `rows` and `sha256` of every file of observations.
    `definitions` : SHA-256 of the `catalogue`, of the `codes` and of the `indices`, which change results too,
    and of the `scales` of indices where any is frozen.
    `settings` : dotted key -> `value` and `origin` of what is not a default, except what names the files.
    """
    from capmap import __version__

    catalogue = {name: meta.model_dump(mode="json") for name, meta in sorted(project.catalogue.items())}
    lists = {"regions": project.codes.regions, **dict(sorted(project.codes.classifications.items()))}
    codes = {name: frame.write_csv() for name, frame in lists.items()}
    indices = {name: [file.model_dump(mode="json"), file.answers] for name, file in sorted(project.indices.items())}
    return {
        "capmap": __version__,
        "inputs": [{"name": _portable(f.name), "rows": f.rows, "sha256": f.sha256} for f in project.files],
        "definitions": {"catalogue": _digest(catalogue), "codes": _digest(codes), "indices": _digest(indices)}
        | ({"scales": _digest({name: scale.hash for name, scale in project.scales.items()})} if project.scales else {}),
        "settings": {
            key: {"value": _setting(project, key), "origin": said}
            for key, said in sorted(project.origins.items())
            if said != "default"
            and key not in _UNREPEATABLE_SETTINGS
            and key.partition(".")[0] not in _OPERATING_SECTIONS
        },
    }


def _portable(name: str) -> str:
    """A file outside the project is known by its name and its hash, not by a path on this machine."""
    return PurePath(name).name if PurePath(name).is_absolute() else name


def _digest(value: Any) -> str:
    return hashlib.sha256(json_text(value).encode()).hexdigest()


def _setting(project: Project, key: str) -> Any:
    section, _, name = key.partition(".")
    values = getattr(project.run, section)
    return values.get(name) if isinstance(values, Mapping) else getattr(values, name)
