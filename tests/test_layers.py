"""Imports point down, and what each layer must not do: read from the source of the package, module by module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import capmap

PACKAGE = Path(capmap.__file__).parent
ANYTHING = frozenset(
    {"cli", "report", "operate", "analyses", "methods", "data", "model", "errors", "bundled", "arguments"}
)

#: layer -> the layers it may import besides itself. `report` turns results into words and needs no analysis for it.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "__main__": frozenset({"cli"}),
    "__init__": ANYTHING - {"cli"},  # the Python interface: the verbs of the command line, imported when first used
    "arguments": frozenset({"data", "model", "errors"}),  # of the Python interface alone
    "cli": frozenset({"report", "operate", "analyses", "data", "model", "errors", "bundled"}),
    "report": frozenset({"model", "errors"}),
    "operate": frozenset({"analyses", "data", "model", "errors", "bundled"}),
    "analyses": frozenset({"methods", "data", "model", "errors"}),
    "data": frozenset({"model", "errors", "bundled"}),
    "methods": frozenset(),
    "model": frozenset({"errors"}),
    "errors": frozenset(),
    "bundled": frozenset(),
}
#: Imports that the table above forbids, with their reason.
EXCEPTIONS = {
    ("data.panel", "methods.specialisation"): "Cells is the shape in which a panel hands its counts to the formulas",
}
#: third party package -> the only layers that may import it.
ONLY_IN = {
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "rapidfuzz": {"data"},
    "httpx2": {"data", "operate"},
    "stamina": {"data"},
    "filelock": {"operate"},
    "fastexcel": {"data"},
    "rustworkx": {"data"},
    "xlsxwriter": {"data"},
    "pyarrow": {"data", "operate"},
    "scipy": {"methods"},
    "sklearn": {"methods"},
}
#: All that formulas need: no frames, files, clock, randomness of their own or messages.
IMPORTS_OF_METHODS = {
    "__future__", "abc", "collections", "dataclasses", "enum", "functools", "itertools", "math", "numbers", "operator",
    "typing", "numpy", "scipy", "sklearn",
}  # fmt: skip

#: (module, function) -> why it may round although only `report` does.
ROUNDS = {
    ("methods.similarity", "nearest"): "distances equal but for the last bits are ties",
    ("methods.uncertainty", "cells"): "a whole number that was summed as floats",
}

LONGEST = 60
#: The functions whose body has more lines than that, without docstring and signature: each with a bound of its own.
#: The list and its bounds only shrink.
LONG = {
    ("analyses.compare", "compare"): 75,
    ("data.codes", "_problems"): 65,
}


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    """Module name without the leading `capmap.` -> its syntax tree; the package itself is `__init__`."""
    return {_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in PACKAGE.rglob("*.py")}


def layer(name: str) -> str:
    """First part of a dotted name: the layer of a module, the top of a third party package."""
    return name.partition(".")[0]


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported anywhere in a module; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def inside(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of the modules of capmap that a module imports."""
    for line, name in imports(tree):
        if name == "capmap.__version__" or layer(name) != "capmap":
            continue
        target = name.removeprefix("capmap").removeprefix(".") or "__init__"
        while target not in modules():  # the last parts may be names inside a module
            target = target.rpartition(".")[0] or "__init__"
        yield line, target


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the name of the innermost function around it."""
    inner: list[tuple[ast.AST, str]] = [(tree, "")]
    while inner:
        parent, function = inner.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.Call):
                yield function, node
            inner.append((node, node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function))


def called(call: ast.Call) -> str:
    """`name` of a plain call, `.name` of a method or of a function of a module."""
    match call.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return f".{name}"
    return ""


def test_imports_point_down() -> None:
    homeless = sorted(module for module in modules() if layer(module) not in MAY_IMPORT)
    assert not homeless, "put these modules into a layer, or give them a row in MAY_IMPORT"
    upward = [
        f"{module}, line {line}: {target}"
        for module, tree in modules().items()
        for line, target in inside(tree)
        if layer(target) not in MAY_IMPORT[layer(module)] | {layer(module)} and (module, target) not in EXCEPTIONS
    ]
    assert not upward


def test_exceptions_are_used() -> None:
    used = {(module, target) for module, tree in modules().items() for _, target in inside(tree)}
    assert set(EXCEPTIONS) <= used, "an exception that nothing needs any more"


def test_no_import_cycles() -> None:
    graph = {module: {target for _, target in inside(tree)} - {module} for module, tree in modules().items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as cycle:
        pytest.fail(" -> ".join(cycle.args[1]))
    assert set(order) == set(graph)


def test_third_party_packages_stay_in_their_layers() -> None:
    astray = [
        f"{module}, line {line}: {name}"
        for module, tree in modules().items()
        for line, name in imports(tree)
        if layer(module) not in ONLY_IN.get(layer(name), {layer(module)})
    ]
    assert not astray


@pytest.mark.parametrize("module", [m for m in sorted(modules()) if layer(m) == "methods"])
def test_methods_are_formulas_and_nothing_else(module: str) -> None:
    tree = modules()[module]
    assert {layer(name) for _, name in imports(tree)} <= IMPORTS_OF_METHODS | {"capmap"}
    assert not {called(call) for _, call in calls(tree)} & {"open", "input", "print", "exec", "eval"}
    assert not [f"line {node.lineno}" for node in ast.walk(tree) if isinstance(node, ast.Global)]


def test_only_data_operate_and_cli_touch_files() -> None:
    doors = (".open", ".read_", ".write_", ".scan_", ".sink_", ".unlink", ".mkdir")
    touched = [
        f"{module}, line {call.lineno}: {ast.unparse(call.func)}"
        for module, tree in modules().items()
        if layer(module) not in {"data", "operate", "cli"}
        for _, call in calls(tree)
        if called(call) == "open" or called(call).startswith(doors)
    ]
    assert not touched


def test_only_the_command_line_prints() -> None:
    silent = {module: tree for module, tree in modules().items() if layer(module) not in {"cli", "__main__"}}
    printed = [
        f"{module}, line {call.lineno}"
        for module, tree in silent.items()
        for _, call in calls(tree)
        if called(call) == "print"
    ]
    streams = [
        f"{module}, line {node.lineno}"
        for module, tree in silent.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}
    ]
    assert not printed + streams


def test_only_report_rounds() -> None:
    rounds = {
        (module, function)
        for module, tree in modules().items()
        if layer(module) != "report"
        for function, call in calls(tree)
        if called(call) in {"round", ".round", ".around", ".rint", ".round_sig_figs"}
    }
    assert rounds == set(ROUNDS)


def test_decimals_are_written_by_report_alone() -> None:
    written = [
        f"{module}, line {node.lineno}: {ast.unparse(node)}"
        for module, tree in modules().items()
        if layer(module) != "report"
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
        if any(sign in ast.unparse(node.format_spec) for sign in ".%")
    ]
    assert not written


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its first statement after the docstring to its end."""
    start = 1 if ast.get_docstring(function) is not None and len(function.body) > 1 else 0
    return (function.end_lineno or 0) - function.body[start].lineno + 1


def test_functions_are_short() -> None:
    long = {
        (module, node.name): body_lines(node)
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > LONGEST
    }
    grown = {where: lines for where, lines in long.items() if lines > LONG.get(where, LONGEST)}
    assert not grown, "divide these functions"
    assert set(LONG) == set(long), "these are short by now, or gone: take them off the list"


def test_the_rules_see_what_they_forbid() -> None:
    """The walk finds an import inside a function, a method's call and the function around it."""
    tree = ast.parse("def f():\n    from capmap.cli import app\n    x.round(2)\n")
    assert list(inside(tree)) == [(2, "cli.app")]
    assert [(function, called(call)) for function, call in calls(tree)] == [("f", ".round")]
    pinned = ast.parse('f"{x:.2f}"').body[0]
    assert [
        ast.unparse(n.format_spec) for n in ast.walk(pinned) if isinstance(n, ast.FormattedValue) and n.format_spec
    ] == ["f'.2f'"]
    assert sys.stdlib_module_names >= IMPORTS_OF_METHODS - {"numpy", "scipy", "sklearn"}
