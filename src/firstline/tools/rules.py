"""The rules for a tool function, those of docs/tools.md: each breach as a Problem at the function's line."""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

import docstring_parser

from firstline.errors import Problem
from firstline.events import Effect
from firstline.tools import Declaration, Requires, Slot

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CUSTOMER = re.compile(r"customer|account_?(holder|owner|id)|(^|_)(user|client|member|policy_?holder)(_?id)?$")

Breach = tuple[str, str]
"""What is wrong, and the remedy."""


def list_parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters that the model fills: all but the first, which is the context."""
    parameters = list(inspect.signature(function).parameters.items())
    return dict(parameters[1:])


def locate(function: Callable[..., Any], what: str, remedy: str) -> Problem:
    """A problem at the line where the function (or its decorator) begins."""
    code = inspect.unwrap(function).__code__
    return Problem(f"`{function.__name__}` {what}", remedy, Path(code.co_filename), code.co_firstlineno)


def check_rules(function: Callable[..., Any], declaration: Declaration) -> list[Problem]:
    """Every breach of the rules; empty when a tool can be built."""
    breaches = [
        *_check_signature(function),
        *_check_docstring(function),
        *_check_declaration(function, declaration),
    ]
    return [locate(function, what, remedy) for what, remedy in breaches]


def _check_signature(function: Callable[..., Any]) -> Iterator[Breach]:
    if not _NAME.fullmatch(function.__name__):
        yield "is no name for a tool", "use lower case, digits and _, at most 64"
    first = next(iter(inspect.signature(function).parameters), None)
    if first != "context":
        yield "does not take the context first", "begin its parameters with `context: ToolContext, *,`"
        return
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        yield f"has a type that cannot be read: {error}", "import the type at the top of the module"
        return
    for name, parameter in list_parameters(function).items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            yield (
                f"takes `{name}` by position, or takes just anything",
                "put `*,` after the context; name each argument",
            )
        if name not in hints:
            yield f"does not say the type of `{name}`", f"write `{name}: str`, or what it is"
        if name.startswith("_"):
            yield f"has an argument `{name}`", "let it begin with a letter"
        if _CUSTOMER.search(name.lower()):
            what = f"takes `{name}`, and no tool takes a customer id: the model could be talked into another's"
            yield what, "take it from `context.customer_id`, which the server has verified"


def _check_docstring(function: Callable[..., Any]) -> Iterator[Breach]:
    docstring = docstring_parser.parse(inspect.getdoc(function) or "")
    if not docstring.short_description:
        yield (
            "has no docstring",
            "say in one sentence what it returns, and when to use it: the model reads that",
        )
    described = {each.arg_name: each.description for each in docstring.params}
    parameters = list_parameters(function)
    for name in parameters:
        if not described.get(name):
            yield f"does not say what `{name}` is", f"add `{name}: …` under `Args:` in the docstring"
    for name in described:
        if name not in parameters and name != "context":
            yield f"describes `{name}`, which it does not take", _suggest(name, parameters)


def _check_declaration(function: Callable[..., Any], declaration: Declaration) -> Iterator[Breach]:
    if declaration.effect not in get_args(Effect):
        yield f"has the effect {declaration.effect!r}", _suggest(str(declaration.effect), get_args(Effect))
    if declaration.requires not in get_args(Requires):
        yield f"requires {declaration.requires!r}", _suggest(str(declaration.requires), get_args(Requires))
    if not 0 < declaration.timeout_seconds <= 600 or math.isnan(declaration.timeout_seconds):
        yield f"has a timeout of {declaration.timeout_seconds} seconds", "give one above 0 and up to 600"
    for text, name in ((declaration.label, "label"), (declaration.say, "say")):
        if text is not None and not isinstance(text, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            yield f"has a `{name}` that is no mapping", f'write {name}={{"en": "…"}}'
    parameters = list_parameters(function)
    approval = declaration.approval_above
    if approval is not None and approval.argument not in parameters:
        yield (
            f"needs approval by `{approval.argument}`, which it does not take",
            _suggest(approval.argument, parameters),
        )
    if approval is not None and declaration.effect != "money":
        yield "needs approval above an amount, but has not the effect money", 'write effect="money"'
    for name, slot in declaration.slots.items():
        yield from _check_slot(name, slot, parameters)


def _check_slot(name: str, slot: Slot, parameters: Mapping[str, Any]) -> Iterator[Breach]:
    if name not in parameters:
        yield f"has a slot `{name}`, which it does not take", _suggest(name, parameters)
    if not isinstance(slot.ask, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        yield f"has a slot `{name}` whose `ask` is no mapping", 'write ask={"en": "…"}'
    for others in slot.implies.values():
        for other in others:
            if other not in parameters:
                yield (
                    f"has a slot `{name}` that implies `{other}`, which it does not take",
                    _suggest(other, parameters),
                )
    try:
        re.compile(slot.pattern or "")
    except re.error as error:
        yield f"has a slot `{name}` whose pattern is no regular expression: {error}", "correct the pattern"


def _suggest(word: str, known: Any) -> str:
    words = [str(each) for each in known]
    near = get_close_matches(word, words, n=1)
    return f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(words)}" if words else "remove it"
