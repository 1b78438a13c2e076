"""The tools of a bundle's tools.py: imported once, checked, and called within their time limits.

Functions run in threads, coroutines on the loop; whatever they do wrong comes out as a ToolFailed with a
neutral text. No gate is here: who may call what is decided before (`firstline.tools.gate`).
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date, time
from decimal import Decimal
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from traceback import extract_tb
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError

from firstline.bundle import Bundle
from firstline.bundle.load import load_bundle
from firstline.errors import ConfigError, Problem, ToolFailed, ToolRejected
from firstline.tools import Tool, ToolContext, ToolOutput
from firstline.tools.package import import_tools, run_setup
from firstline.tools.schema import build_arguments, build_tool, read_declaration, validate_arguments
from firstline.types import Card, Json

MOST_THREADS = 16
_BROKE = "the tool broke; do not call it again for this request, and say that it does not work right now"
_NO_JSON = "the tool returned something that is not JSON; do not call it again for this request"
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def open_bundle(path: Path, *, data: Path) -> tuple[Bundle, "PythonToolset"]:
    """The bundle in the folder `path`, and its tools ready to be called; `data` is home to all bundles' rows.

    Raises: ConfigError with every problem found, those of tools.py among them.
    """
    opened: list[PythonToolset] = []

    def load_tools(folder: Path) -> Mapping[str, Tool]:
        opened.append(PythonToolset(folder, data))
        return opened[0].tools()

    return load_bundle(path, load_tools=load_tools), opened[0]


class PythonToolset:
    """The Toolset of the bundle in `folder`; `rows`, for ToolContext's folder, is `data`/<the bundle's name>.

    Raises: ConfigError for every mistake in tools.py, with file and line.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        self.rows = data / folder.resolve().name
        self._tools: dict[str, Tool] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._arguments: dict[str, type[BaseModel]] = {}
        self._threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix=f"tools-{self.rows.name}")
        if not (folder / "tools.py").is_file():
            return
        module = import_tools(folder)
        problems: list[Problem] = []
        for function in {id(each): each for each in vars(module).values() if read_declaration(each)}.values():
            try:
                self._add(function)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(*problems)
        run_setup(module, folder=folder, rows=self.rows)

    def _add(self, function: Callable[..., Any]) -> None:
        tool = build_tool(function)
        self._arguments[tool.name] = build_arguments(function)
        self._functions[tool.name] = function
        self._tools[tool.name] = tool

    def tools(self) -> Mapping[str, Tool]:
        """All tools by name, in the order of tools.py."""
        return self._tools

    def close(self) -> None:
        """Start no waiting call any more; functions that run are left to end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, name: str, arguments: Json, context: ToolContext) -> ToolOutput:
        """The tool's output, within its time limit.

        A function over its limit goes on in its thread (Python cannot stop it), but nobody waits for it.
        Raises: ToolRejected (arguments), ToolFailed (it broke, or took too long). Never anything else.
        """
        if name not in self._tools:
            raise ToolRejected(f"there is no tool `{name}`; the tools are {', '.join(self._tools)}")
        tool = self._tools[name]
        keywords = self._read_arguments(tool, arguments)
        limit = tool.declaration.timeout_seconds
        try:
            async with asyncio.timeout(limit):
                outcome = await self._run(name, context, keywords)
        except TimeoutError:
            _log.error("tool timed out", tool=name, limit_seconds=limit)
            doubt = "" if tool.declaration.effect == "read" else "; whether it took effect is not known"
            raise ToolFailed(f"the tool took longer than {limit:g} seconds{doubt}; do not repeat it") from None
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            outcome = error  # the tool awaited something cancelled; the turn itself goes on
        if isinstance(outcome, ToolOutput):
            return outcome
        if isinstance(outcome, ToolRejected | ToolFailed):
            raise outcome
        _log.error("tool broke", tool=name, error=type(outcome).__name__, where=_trace(outcome))
        raise ToolFailed(_BROKE) from None

    def _read_arguments(self, tool: Tool, arguments: Json) -> dict[str, Any]:
        """The keywords for the function, in its types; what was not given is left to its defaults."""
        try:
            read = self._arguments[tool.name].model_validate(validate_arguments(tool, arguments))
        except ValidationError as error:
            faults = (f"`{'.'.join(str(part) for part in each['loc'])}`: {each['msg']}" for each in error.errors())
            raise ToolRejected("; ".join(faults)) from None
        return {name.removesuffix("_"): getattr(read, name) for name in read.model_fields_set}

    async def _run(self, name: str, context: ToolContext, keywords: dict[str, Any]) -> ToolOutput | BaseException:
        function = partial(self._functions[name], context, **keywords)
        if iscoroutinefunction(self._functions[name]):
            try:
                return _read_output(await function())
            except (Exception, SystemExit) as error:
                return error
        variables = copy_context()  # so that log lines of the function name the turn
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: variables.run(_perform, function))


def _perform(function: Callable[[], Any]) -> ToolOutput | BaseException:
    """What came of it, as a value: a future loses StopIteration, and SystemExit would end the server."""
    try:
        return _read_output(function())
    except BaseException as error:
        return error


def _read_output(returned: Any) -> ToolOutput:
    """The output in plain JSON values. Raises ToolFailed when there is none."""
    output = returned if isinstance(returned, ToolOutput) else ToolOutput(result={} if returned is None else returned)
    if not isinstance(output.result, dict) or not isinstance(output.card, Card | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ToolFailed(_NO_JSON)
    try:
        text = json.dumps(output.result, default=_write_value, allow_nan=False, ensure_ascii=False)
        return ToolOutput(result=json.loads(text.encode()), card=output.card)
    except (TypeError, ValueError, RecursionError):
        raise ToolFailed(_NO_JSON) from None


def _write_value(value: Any) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _trace(error: BaseException) -> list[str]:
    """Where it broke; no messages and no values, for they hold what customers said."""
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
