"""What every Toolset promises its caller; a new kind of Toolset is added to `open_toolset`'s parameters."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from jsonschema import Draft202012Validator

from firstline.bundle.starter import write_starter
from firstline.errors import ConfigError, ToolFailed, ToolRejected
from firstline.tools import Card, Tool, ToolContext, ToolOutput, Toolset
from firstline.tools.python import MOST_THREADS, PythonToolset

pytestmark = pytest.mark.anyio

HEAD = """
import asyncio, datetime, decimal, threading, time
from firstline.errors import ToolDenied
from firstline.tools import Card, ToolContext, ToolFailed, ToolOutput, ToolRejected, tool

def declare(effect="read", timeout_seconds=5):
    return tool(effect=effect, requires="anonymous", timeout_seconds=timeout_seconds, label={"en": "Working"})
"""


def write_tools(folder: Path, *functions: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tools.py").write_text(HEAD + "\n".join(functions))
    return folder


def write_function(name: str, body: str, *, declared: str = "", kind: str = "def") -> str:
    return f'@declare({declared})\n{kind} {name}(context: ToolContext):\n    """Return something."""\n    {body}\n'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return tmp_path / "rows"


OpenToolset = Callable[..., Toolset]


@pytest.fixture
def open_toolset(tmp_path: Path, rows: Path) -> Iterator[OpenToolset]:
    opened: list[PythonToolset] = []

    def open_python(*functions: str) -> Toolset:
        opened.append(PythonToolset(write_tools(tmp_path / "shop", *functions), rows))
        return opened[-1]

    yield open_python
    for toolset in opened:
        toolset.close()


def build_context(folder: Path = Path()) -> ToolContext:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    return ToolContext(customer_id=None, idempotency_key="key-1", now=now, locale="en", folder=folder)


async def call_with(open_toolset: OpenToolset, body: str, *, declared: str = "", kind: str = "def") -> ToolOutput:
    return await open_toolset(write_function("act", body, declared=declared, kind=kind)).call(
        "act", {}, build_context()
    )


async def test_tools_come_by_name_in_a_stable_order_with_closed_schemas(open_toolset: OpenToolset) -> None:
    names = ["zebra", "apple", "mango"]
    tools = open_toolset(*(write_function(name, "return {}") for name in names)).tools()
    assert list(tools) == names
    for name, tool in tools.items():
        assert isinstance(tool, Tool)
        assert tool.name == name
        assert tool.description
        Draft202012Validator.check_schema(tool.input_schema)
        assert tool.input_schema["additionalProperties"] is False


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_result_is_plain_json_and_the_card_comes_along(open_toolset: OpenToolset, kind: str) -> None:
    body = (
        "return ToolOutput({'price': decimal.Decimal('9.90'), 'day': datetime.date(2026, 6, 1), 'list': (1, 2),"
        " 'at': datetime.datetime(2026, 6, 1, 9, tzinfo=datetime.UTC), 'deep': {'a': None}}, Card(title='Paid'))"
    )
    output = await call_with(open_toolset, body, kind=kind)
    assert output.result == {
        "price": "9.90",
        "day": "2026-06-01",
        "list": [1, 2],
        "at": "2026-06-01T09:00:00+00:00",
        "deep": {"a": None},
    }
    assert output.card == Card(title="Paid")


async def test_nothing_returned_is_an_empty_result(open_toolset: OpenToolset) -> None:
    assert await call_with(open_toolset, "return None") == ToolOutput(result={})


@pytest.mark.parametrize(
    "value",
    [
        "b'bytes'", "{'a': b'bytes'}", "{'a': {1, 2}}", "[1]", "'text'", "7", "{'a': float('nan')}", "{(1, 2): 3}",
        "{'a': float('inf')}", "{'a': decimal.Decimal('NaN')}", "{'a': object()}", "{'a': '\\ud800'}",
        "(loop := {}).update(a=loop) or loop", "ToolOutput([1])", "ToolOutput({}, {'title': 'no card'})",
        "{'a': 10 ** 5000}", "(x for x in ())",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_what_is_not_json_is_a_failure_that_says_so(open_toolset: OpenToolset, value: str, kind: str) -> None:
    with pytest.raises(ToolFailed, match="returned something that is not JSON"):
        await call_with(open_toolset, f"return {value}", kind=kind)


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "error",
    [
        "ValueError('secret 4111')", "KeyError('secret 4111')", "SystemExit(3)", "StopIteration(4)", "TimeoutError()",
        "asyncio.CancelledError()", "RecursionError()", "ToolDenied('needs_sign_in', 'secret 4111')",
    ],
)  # fmt: skip
async def test_any_exception_is_a_failure_with_a_neutral_text(
    open_toolset: OpenToolset, error: str, kind: str
) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(ToolFailed) as caught:
        await call_with(open_toolset, f"raise {error}", kind=kind)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    (entry,) = logs
    assert entry["tool"] == "act"
    assert entry["error"]
    assert "secret" not in json.dumps(entry)


async def test_the_log_says_where_it_broke(open_toolset: OpenToolset) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(ToolFailed):
        await call_with(open_toolset, "return {'a': 1 / 0}")
    assert logs[0]["error"] == "ZeroDivisionError"
    assert logs[0]["where"][-1].startswith("tools.py:")
    assert logs[0]["where"][-1].endswith(" act")


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_what_a_tool_says_on_purpose_passes_word_for_word(open_toolset: OpenToolset, kind: str) -> None:
    with pytest.raises(ToolRejected, match=r"^No repair 7\.$"):
        await call_with(open_toolset, "raise ToolRejected('No repair 7.')", kind=kind)
    with pytest.raises(ToolFailed, match=r"^The workshop's till is closed\.$"):
        await call_with(open_toolset, 'raise ToolFailed("The workshop\'s till is closed.")', kind=kind)


async def test_arguments_that_do_not_fit_never_reach_the_tool(open_toolset: OpenToolset, tmp_path: Path) -> None:
    toolset = open_toolset(write_function("act", "context.folder.joinpath('ran').touch()"))
    with pytest.raises(ToolRejected, match="there is no `ghost`"):
        await toolset.call("act", {"ghost": 1}, build_context(tmp_path))
    assert not (tmp_path / "ran").exists()


async def test_an_unknown_tool_is_rejected_with_the_names_that_there_are(open_toolset: OpenToolset) -> None:
    with pytest.raises(ToolRejected, match="there is no tool `atc`; the tools are act"):
        await open_toolset(write_function("act", "return {}")).call("atc", {}, build_context())


TAKES = '''
@declare()
def take(
    context: ToolContext, *, day: datetime.date, price: decimal.Decimal, count: int = 3, copy: str | None = None
):
    """Return what was taken.

    Args:
        day: Day.
        price: Price.
        count: Count.
        copy: Copy.
    """
    return {"types": [type(each).__name__ for each in (day, price, count, copy)], "count": count}
'''


async def test_arguments_arrive_in_the_types_of_the_signature(open_toolset: OpenToolset) -> None:
    toolset = open_toolset(TAKES)
    output = await toolset.call("take", {"day": "2026-06-01", "price": "9.90"}, build_context())
    assert output.result == {"types": ["date", "Decimal", "int", "NoneType"], "count": 3}
    output = await toolset.call("take", {"day": "2026-06-01", "price": 1, "count": 5.0, "copy": "x"}, build_context())
    assert output.result == {"types": ["date", "Decimal", "int", "str"], "count": 5}


async def test_the_context_arrives_unchanged(open_toolset: OpenToolset, tmp_path: Path) -> None:
    body = "return {'key': context.idempotency_key, 'folder': str(context.folder), 'now': context.now}"
    output = await open_toolset(write_function("act", body)).call("act", {}, build_context(tmp_path))
    assert output.result == {"key": "key-1", "folder": str(tmp_path), "now": "2026-06-01T12:00:00+00:00"}


async def test_a_call_over_its_limit_fails_and_a_later_call_works(open_toolset: OpenToolset) -> None:
    toolset = open_toolset(
        "gate = threading.Event()\n",
        write_function("hang", "gate.wait(10)", declared="timeout_seconds=0.05"),
        write_function("pause", "await asyncio.Event().wait()", declared="timeout_seconds=0.05", kind="async def"),
        write_function("act", "gate.set()"),
    )
    for name in ("hang", "pause"):
        with pytest.raises(ToolFailed, match=r"took longer than 0\.05 seconds; do not repeat"):
            await toolset.call(name, {}, build_context())
    assert await toolset.call("act", {}, build_context()) == ToolOutput(result={})


async def test_a_change_that_took_too_long_is_said_to_be_in_doubt(open_toolset: OpenToolset) -> None:
    with pytest.raises(ToolFailed, match="whether it took effect is not known"):
        await call_with(
            open_toolset,
            "await asyncio.Event().wait()",
            declared="effect='write', timeout_seconds=0.05",
            kind="async def",
        )


async def test_a_blocking_tool_never_blocks_the_loop_and_calls_run_side_by_side(open_toolset: OpenToolset) -> None:
    meet = "barrier.wait(5)\n    return {'thread': threading.get_ident()}"
    toolset = open_toolset(f"barrier = threading.Barrier({MOST_THREADS})\n", write_function("act", meet))
    outputs = await asyncio.gather(*(toolset.call("act", {}, build_context()) for _ in range(MOST_THREADS)))
    threads = {output.result["thread"] for output in outputs}
    assert len(threads) == MOST_THREADS
    assert threading.get_ident() not in threads


async def test_a_call_given_up_while_it_waited_for_a_thread_has_no_effect(
    open_toolset: OpenToolset, tmp_path: Path
) -> None:
    toolset = open_toolset(
        "gate = threading.Event()\n",
        write_function("hold", "gate.wait(10)"),
        write_function("act", "context.folder.joinpath('ran').touch()", declared="timeout_seconds=0.05"),
        write_function("release", "gate.set()", kind="async def"),
    )
    holding = [asyncio.ensure_future(toolset.call("hold", {}, build_context())) for _ in range(MOST_THREADS)]
    await asyncio.sleep(0)
    with pytest.raises(ToolFailed, match="took longer"):
        await toolset.call("act", {}, build_context(tmp_path))
    await toolset.call("release", {}, build_context())
    await asyncio.gather(*holding)
    await asyncio.gather(*(toolset.call("hold", {}, build_context()) for _ in range(MOST_THREADS)))
    assert not (tmp_path / "ran").exists()


async def test_a_cancelled_turn_cancels_its_call(open_toolset: OpenToolset) -> None:
    toolset = open_toolset(write_function("act", "await asyncio.Event().wait()", kind="async def"))
    calling = asyncio.ensure_future(toolset.call("act", {}, build_context()))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_log_context_reaches_a_tool_in_its_thread(open_toolset: OpenToolset) -> None:
    structlog.contextvars.bind_contextvars(turn="t-1")
    try:
        body = "import structlog\n    return dict(structlog.contextvars.get_contextvars())"
        assert (await call_with(open_toolset, body)).result == {"turn": "t-1"}
    finally:
        structlog.contextvars.clear_contextvars()


# What only tools in Python have


async def test_setup_gets_the_folder_for_this_bundles_rows_once(open_toolset: OpenToolset, rows: Path) -> None:
    open_toolset("def setup(folder):\n    (folder / 'seen').mkdir()\n")  # a second time would raise
    assert (rows / "shop" / "seen").is_dir()


def test_setup_does_not_run_when_a_tool_is_wrong(tmp_path: Path, rows: Path) -> None:
    wrong = "def setup(folder):\n    (folder / 'seen').touch()\n\n@declare()\ndef act(context):\n    pass\n"
    with pytest.raises(ConfigError, match="has no docstring"):
        PythonToolset(write_tools(tmp_path / "shop", wrong), rows)
    assert not rows.exists()


async def test_modules_beside_are_imported_from_the_package_and_two_bundles_do_not_meet(
    tmp_path: Path, rows: Path
) -> None:
    act = write_function("act", "return {'price': PRICE, 'counter': next(counter)}")
    both: list[PythonToolset] = []
    for price in (1, 2):
        folder = write_tools(tmp_path / f"shop-{price}", "from .rating import PRICE, counter\n", act)
        (folder / "rating.py").write_text(f"import itertools\nPRICE = {price}\ncounter = itertools.count()\n")
        both.append(PythonToolset(folder, rows))
    results = [(await toolset.call("act", {}, build_context())).result for toolset in both]
    assert results == [{"price": 1, "counter": 0}, {"price": 2, "counter": 0}]


async def test_two_toolsets_of_one_folder_share_nothing_in_memory(tmp_path: Path, rows: Path) -> None:
    folder = write_tools(
        tmp_path / "shop", "seen = []\n", write_function("act", "seen.append(1); return {'n': len(seen)}")
    )
    for toolset in [PythonToolset(folder, rows), PythonToolset(folder, rows)]:
        assert (await toolset.call("act", {}, build_context())).result == {"n": 1}


async def test_a_changed_file_is_read_anew_at_the_next_opening(tmp_path: Path, rows: Path) -> None:
    folder = tmp_path / "shop"
    for answer in (1, 2):  # the same size, within the same second
        toolset = PythonToolset(write_tools(folder, write_function("act", f"return {{'a': {answer}}}")), rows)
        assert (await toolset.call("act", {}, build_context())).result == {"a": answer}


async def test_the_starters_tools_work_and_book_nothing_twice(tmp_path: Path, rows: Path) -> None:
    write_starter(tmp_path / "bikes")
    toolset = PythonToolset(tmp_path / "bikes", rows)
    context = build_context(toolset.rows)
    status = await toolset.call("get_repair_status", {"ticket": "r1001"}, context)
    assert status.result["status"] == "ready"
    assert status.card is not None
    with pytest.raises(ToolRejected, match="no repair with the ticket R-9"):
        await toolset.call("get_repair_status", {"ticket": "R-9"}, context)
    wanted = {"day": "2026-06-02", "work": "service"}
    first = await toolset.call("book_drop_off", wanted, context)
    assert await toolset.call("book_drop_off", wanted, context) == first
    with pytest.raises(ToolRejected, match="in the past"):
        await toolset.call("book_drop_off", {**wanted, "day": "2026-05-31"}, context)
