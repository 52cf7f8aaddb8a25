"""Results -> files: CSV, TSV, JSON, NDJSON, Markdown, Parquet and Excel, each written whole or not at all.

Every format holds the same rows in the order of the result. Numbers are the shortest text that reads back as
the same float, no value is an empty cell (null in JSON and Parquet), and NaN and infinities count as no value.
Nothing depends on the clock, the machine or the number of threads: a second run writes identical bytes.

Texts are written as they are. A label that starts with `=`, `+`, `-` or `@` is not altered in CSV, because the
codes in it are keys that must join with other tables, and the numbers beside it may be negative; spreadsheets
that would run such a cell get `.xlsx`, where it is a text and can never be a formula.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import math
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

import polars as pl
import polars.selectors as cs

from capmap.errors import UsageError, WriteError
from capmap.model import Project, Result

if TYPE_CHECKING:
    from xlsxwriter import Workbook

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
_OS_ERROR = re.compile(r"(?:os error |Errno )(\d+)")


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
    if chosen not in BARE_FORMATS or _is_stream(path):
        with atomic(path) as file:
            _dump_named(result, file, path, chosen, long)
        return (path,)
    beside = path.with_name(f"{path.name}.meta.json")
    with writing(path), ExitStack() as drafts:
        file, place = drafts.enter_context(_draft(path))
        _dump_named(result, file, path, chosen, long)
        settle(file)
        with writing(beside):
            about, place_about = drafts.enter_context(_draft(beside))
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


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    `definitions` : SHA-256 of the `catalogue` and of the `codes`, which change results too.
    `settings` : dotted key -> `value` and `origin` of what is not a default, except what names the files.
    """
    from capmap import __version__

    catalogue = {name: meta.model_dump(mode="json") for name, meta in sorted(project.catalogue.items())}
    lists = {"regions": project.codes.regions, **dict(sorted(project.codes.classifications.items()))}
    codes = {name: frame.write_csv() for name, frame in lists.items()}
    return {
        "capmap": __version__,
        "inputs": [{"name": _portable(f.name), "rows": f.rows, "sha256": f.sha256} for f in project.files],
        "definitions": {"catalogue": _digest(catalogue), "codes": _digest(codes)},
        "settings": {
            key: {"value": _setting(project, key), "origin": said}
            for key, said in sorted(project.origins.items())
            if said != "default" and key not in _UNREPEATABLE_SETTINGS
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


# Files that are whole or not there ----------------------------------------------------------------------------


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file to write that takes the place of `path` when, and only when, all went well.

    It is written in the folder of the target under a name `.capmap-*.tmp`, flushed to the disk and moved over
    the target at once. Whatever ends the block early (an error, Ctrl-C, a signal turned into an exception)
    removes it; after a kill that no program survives it stays behind, and the target is as it was.

    A new file gets the permissions any new file gets, a replaced one keeps its own; a read-only target is not
    replaced. A symbolic link stays and the file it points to is replaced. A device or a pipe (`/dev/stdout`)
    is written to directly.

    Raises
    ------
    WriteError : the target cannot be written, with the reason and what to do about it.
    BrokenPipeError : the reader of a pipe went away.
    """
    with writing(path), _draft(Path(path)) as (file, place):
        yield file
        place()


@contextmanager
def atomic_text(path: str | Path) -> Iterator[TextIO]:
    """As `atomic`, for text: UTF-8 with line ends `\\n`."""
    with atomic(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()


def check_target(path: Path) -> None:
    """Raise OSError if `path` is a folder or a file that may not be changed."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


@contextmanager
def _draft(path: Path) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
    """A file to write beside `path`, and what moves it there; removed in the end if it was not moved."""
    if _is_stream(path):
        with open(path, "wb") as file:
            yield file, file.flush
        return
    target = Path(os.path.realpath(path))
    check_target(target)
    draft = target.with_name(f".capmap-{uuid.uuid4().hex[:16]}.tmp")
    try:
        with open(draft, "xb") as file:
            if target.exists():
                shutil.copymode(target, draft)

            def place() -> None:
                settle(file)
                file.close()
                os.replace(draft, target)

            yield file, place
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what the operating system says against writing `path` into a WriteError with the reason and a fix."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, pl.exceptions.ComputeError) as error:
        explained = _explained(Path(path), error)
        if explained is None:
            raise
        raise explained from error


def _explained(path: Path, error: Exception) -> WriteError | None:
    """What kept a file from being written and what to do about it; None if the system had no part in it."""
    # polars reports what the system said, but as text only
    said = _OS_ERROR.search(str(error))
    code = getattr(error, "errno", None) or (int(said[1]) if said else None)
    if code is None:
        return None
    unchanged = "an earlier file is unchanged"
    reasons: dict[int, tuple[str, str]] = {
        errno.ENOENT: (f"there is no folder {path.parent}", f"make it first: mkdir -p {path.parent}"),
        errno.ENOTDIR: (f"{path.parent} is not a folder", "name a file in a folder that exists"),
        errno.EISDIR: ("it is a folder", f"name a file in it: {path / 'rca.csv'}"),
        errno.EACCES: ("it is write-protected", "ask for permission to write there, or name another place"),
        errno.EROFS: ("the disk is read-only", "name a place on another disk"),
        errno.ENOSPC: ("the disk is full", f"free some space and try again; {unchanged}"),
        errno.EFBIG: ("the file is too large for this place", f"name another place; {unchanged}"),
        errno.ENAMETOOLONG: ("the name is too long", "name it shorter"),
    }
    if path.parent.is_dir():  # it is there, but takes no file of that name, such as /proc
        reasons[errno.ENOENT] = (f"{path.parent} takes no such file", "name a file in another folder")
    reasons[errno.EPERM] = reasons[errno.EACCES]
    reasons[errno.EDQUOT] = ("your share of the disk is full", reasons[errno.ENOSPC][1])
    what, fix = reasons.get(code, (os.strerror(code), f"name another place; {unchanged}"))
    return WriteError(f"cannot write {path}: {what}", where=str(path), fix=fix)


def _is_stream(path: Path) -> bool:
    """Whether `path` is a device, a pipe or a socket: something that is written to but never replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # not there yet, or the reason will show when it is opened
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def settle(file: IO[bytes]) -> None:
    """Everything written so far is on the disk."""
    file.flush()
    os.fsync(file.fileno())
