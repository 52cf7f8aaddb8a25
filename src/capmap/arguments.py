"""Arguments of the Python verbs checked against the annotations of the function behind each verb."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import GenericAlias
from typing import Any, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from capmap.data.nearest import nearest
from capmap.errors import UsageError
from capmap.model import Project, Result, RunFile

P = ParamSpec("P")
T = TypeVar("T")

#: Types that only capmap makes -> where one comes from, and what to do.
MADE = {
    Project: ("what `capmap.load()` returns", 'load it first: project = capmap.load("my-project")'),
    Result: (
        "what `capmap.profile`, `capmap.compare` or `capmap.sector` returns",
        "frames write themselves: write_csv",
    ),
}


def checked(function: Callable[P, T], settings: str | None = None) -> Callable[P, T]:
    """The same function, whose arguments must fit its annotations.

    Parameters
    ----------
    function : annotated; its `**` takes keys of a section of the run file, or it answers for them itself.
    settings : the section, such as `specialisation`.

    Returns
    -------
    The function with these habits: a text where several are taken is a list of one; any iterable of texts (a Series, an
    array) will do; None there leaves the default, which is all of them. What fits a type in other clothes
    (an integer of NumPy) is turned into it.

    Raises
    ------
    UsageError : when called with a wrong type, an unknown option or too few or too many arguments; the message says
        what was expected.
    """
    signature = inspect.signature(function)
    hints = get_type_hints(function)

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        _known(function.__name__, signature, options, settings)
        try:
            bound = signature.bind(*arguments, **options)
        except TypeError as error:
            raise UsageError(f"{function.__name__}: {error}", fix=f"it is called as {_usage(function)}") from None
        for name, value in list(bound.arguments.items()):
            if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                continue
            if value is None and _takes_several(hints[name]) and signature.parameters[name].default == ():
                del bound.arguments[name]
            else:
                bound.arguments[name] = fitting(name, value, hints[name])
        return function(*bound.args, **bound.kwargs)

    return call


def fitting(name: str, value: Any, hint: Any) -> Any:
    """The value as the type asked for; raises UsageError with what was expected and what came."""
    if hint in MADE:
        if isinstance(value, hint):
            return value
        expected, fix = MADE[hint]
        raise UsageError(f"{name} should be {expected}, not {_shown(value)}", fix=fix)
    if _takes_several(hint):
        hint = GenericAlias(list, get_args(hint))
        if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
            value = [value] if isinstance(value, str) else list(value)
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as error:
        problems = error.errors()
    within = "".join(f"[{part}]" for part in problems[0]["loc"] if isinstance(part, int))
    wanted = dict.fromkeys(_expected(problem["msg"]) for problem in problems)
    raise UsageError(f"{name}{within} should be {' or '.join(wanted)}, not {_shown(problems[0]['input'])}")


def _known(verb: str, signature: inspect.Signature, options: Mapping[str, object], settings: str | None) -> None:
    """Raises on options that neither the function nor the section of settings has."""
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    if inspect.Parameter.VAR_KEYWORD in kinds.values() and settings is None:
        return
    section = RunFile.model_fields[settings].annotation if settings else None
    keys = [
        *(name for name, kind in kinds.items() if kind is inspect.Parameter.KEYWORD_ONLY),
        *getattr(section, "model_fields", ()),
    ]
    for option in options:
        if option not in keys and option not in kinds:
            near = nearest(option, keys)
            raise UsageError(
                f"{verb} has no option {option}",
                fix=f"did you mean {near[0]}?" if near else f"it has {', '.join(keys)}",
            )


def _takes_several(hint: Any) -> bool:
    return get_origin(hint) is Sequence


def _expected(message: str) -> str:
    """`a valid number` of `Input should be a valid number, unable to parse string as a number`."""
    said = message.removeprefix("Input should be ").removeprefix("Input is not ")
    return said.partition(",")[0].partition(" for <class")[0]


def _shown(value: object) -> str:
    if value is None or (isinstance(value, str | int | float) and len(repr(value)) <= 60):
        return repr(value)
    return f"a {type(value).__name__}"


def _usage(function: Callable[..., object]) -> str:
    parameters = inspect.signature(function).parameters.values()
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return f"{function.__name__}{inspect.Signature(plain)}"
