"""A command in words that it can be asked again with: what `verify` needs to compute an exported file anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from capmap.cli.session import ASKED
from capmap.errors import UnreadableError

#: The program that runs, which a command can ask for another one.
PROGRAM: ContextVar[Any] = ContextVar("program", default=None)
#: What is asked again; a command that takes other words than these for what it was asked for does not run.
AGAIN: ContextVar[Sequence[str] | None] = ContextVar("again", default=None)
#: Parameters that say where figures come from and where a result goes, how a screen looks, or what is kept for the next
#: run: no part of what was asked.
BESIDE = frozenset(
    {"project", "data", "kind", "columns", "output", "format_", "quiet", "debug", "everything", "ascii_only", "ascii_",
     "wide", "brief", "freeze"}
)  # fmt: skip
#: Commands whose results can be asked for again.
COMMANDS = frozenset(
    {"rca", "intensity", "normalise", "complexity", "relatedness", "opportunities", "index", "robustness", "profile",
     "compare", "sector", "explain", "indicators", "regions", "sectors", "check", "config", "stages", "tabulate"}
)  # fmt: skip


class Command(TyperCommand):
    """A command that leaves the words it was asked for with where `emit` finds them."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        taken, again = words(ctx), AGAIN.get()
        if again is not None and taken != list(again):
            raise _foreign(again)
        token = ASKED.set(taken)
        if PROGRAM.get() is None:
            PROGRAM.set(ctx.find_root().command)
        try:
            return super().invoke(ctx)
        finally:
            ASKED.reset(token)


class Application(typer.Typer):
    """An application whose commands are of the class above."""

    def command(self, name: str | None = None, *, cls: Any = None, **rest: Any) -> Callable[[Any], Any]:
        """Add a command."""
        return super().command(name, cls=cls or Command, **rest)


def words(ctx: Any) -> list[str] | None:
    """The command and its options that are not defaults, arguments last; None where a file beside the project is read."""
    options, arguments = [], []
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name)
        if parameter.name in BESIDE or value in (None, (), [], parameter.get_default(ctx)):
            continue
        several = list(value) if isinstance(value, list | tuple) else [value]
        if any(isinstance(one, Path) for one in several):
            return None
        if parameter.param_type_name == "argument":
            arguments += [str(one) for one in several]
        elif isinstance(value, bool):
            options.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        elif parameter.nargs > 1:  # one option with several values, such as --between REGION SECTOR
            options += [f"{parameter.opts[0]}={several[0]}", *map(str, several[1:])]
        else:
            options += [f"{parameter.opts[0]}={one}" for one in several]
    return [str(ctx.info_name), *options, *(["--", *arguments] if arguments else [])]


def replayed(
    project: Path | None, data: str | None = None, kind: str | None = None, columns: str | None = None
) -> Callable[[Sequence[str], Path], None]:
    """A function that asks for words again on these data and puts the answer into a file.

    Words that name another command, or a place on this machine, are refused with an UnreadableError.
    """

    def replay(asked: Sequence[str], path: Path) -> None:
        _check(asked)
        given = (("-p", project), ("--data", data), ("--kind", kind), ("--columns", columns))
        source = [word for flag, value in given if value is not None for word in (flag, str(value))]
        own = [*source, "-o", str(path), "-q"]
        end = list(asked).index("--") if "--" in asked else len(asked)
        token = AGAIN.set(asked)
        try:
            PROGRAM.get().main([*asked[:end], *own, *asked[end:]], prog_name="capmap", standalone_mode=False)
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in ("click", "typer"):
                raise
            raise UnreadableError(
                f"{' '.join(asked)} is no command of this version: {error}", where=path.name
            ) from None
        finally:
            AGAIN.reset(token)

    return replay


def _check(asked: Sequence[str]) -> None:
    """Raises for words that `words` cannot have written; that they say nothing else is seen as the command takes them."""
    end = list(asked).index("--") if "--" in asked else len(asked)
    if (
        not asked
        or asked[0] not in COMMANDS
        or any(one == "--help" or (one.startswith("-") and not one.startswith("--")) for one in asked[1:end])
    ):
        raise _foreign(asked)


def _foreign(asked: Sequence[str]) -> UnreadableError:
    return UnreadableError(
        f"the file says that it was made by {' '.join(asked)!r}, which is not asked again",
        fix="do not trust where it comes from",
    )
