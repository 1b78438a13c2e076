"""What such servers and small models do, one name for each habit.

Every one stands in a server's source or in its users' reports; what comes of it is in `tests/faults/test_local.py`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
QUOTE = {"make": "Nissan", "model": "Leaf", "year": 2023, "mileage": 12000, "driver_age": 34}


@dataclass(frozen=True)
class Answer:
    """One response, byte by byte; `torn`: the connection breaks at its end."""

    parts: tuple[bytes, ...]
    status: int = 200
    content_type: str = "text/event-stream"
    delay_seconds: float = 0.0
    torn: bool = False


@dataclass(frozen=True)
class Habit:
    """Answers, one for each request, the last again and again; and the turn that they have to come to."""

    answers: tuple[Answer, ...]
    ends: Literal["replied", "failed"] = "replied"
    code: str | None = None
    says: str = ""
    hides: str = ""
    quoted: bool = False
    """Whether a tool is called, with all of `QUOTE`, and succeeds."""


# Messages -----------------------------------------------------------------------------------------------------------


def message(*blocks: Json, stop: Any = "end_turn", usage: Any = None) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "small",
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 900, "output_tokens": 20} if usage is None else usage,
    }


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def call(arguments: Any = None, *, id_: Any = "call_1", name: str = "get_quote") -> Json:
    given = {} if id_ is None else {"id": id_}
    return {"type": "tool_use", **given, "name": name, "input": QUOTE if arguments is None else arguments}


def events(sent: Json, *, chunk: int = 7, deltas: bool = True) -> Iterator[Json]:
    """The message as a well-behaved server streams it."""
    yield {"type": "message_start", "message": {**sent, "content": [], "stop_reason": None}}
    for index, block in enumerate(sent["content"]):
        empty = {**block}
        grown: list[Json] = []
        if block["type"] == "text":
            pieces = [block["text"][at : at + chunk] for at in range(0, len(block["text"]), chunk)]
            grown, empty = [{"type": "text_delta", "text": piece} for piece in pieces], {**block, "text": ""}
        elif block["type"] == "tool_use" and deltas:
            raw = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
            grown, empty = [{"type": "input_json_delta", "partial_json": raw}], {**block, "input": {}}
        elif block["type"] == "thinking":
            pieces = [block["thinking"][at : at + 40] for at in range(0, len(block["thinking"]), 40)]
            grown = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
            empty = {**block, "thinking": ""}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in grown)
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": sent["stop_reason"]}, "usage": sent["usage"]}
    yield {"type": "message_stop"}


def encode(sent: Sequence[Json], *, named: bool = True) -> tuple[bytes, ...]:
    name = "event: {}\n" if named else ""
    return tuple(f"{name.format(each['type'])}data: {json.dumps(each)}\n\n".encode() for each in sent)


def stream(sent: Json, **how: Any) -> Answer:
    return Answer(encode(list(events(sent))), **how)


def whole(sent: Any, status: int = 200, content_type: str = "application/json") -> Answer:
    written = sent if isinstance(sent, str) else json.dumps(sent)
    return Answer((written.encode(),), status=status, content_type=content_type)


def say(words: str, **how: Any) -> Answer:
    return stream(message(text(words), **how))


def edited(sent: Json, *, without: Sequence[str] = (), drop: Sequence[str] = (), named: bool = True) -> Answer:
    """A stream without events of these types, and without these fields in the others."""
    kept = [each for each in events(sent) if each["type"] not in without]
    return Answer(encode([{key: each[key] for key in each if key not in drop} for each in kept], named=named))


def renumbered(sent: Json) -> Answer:
    return Answer(encode([{**each, "index": 0} if "index" in each else each for each in events(sent)]))


def refuse(status: int, body: Any, content_type: str = "application/json") -> Answer:
    return whole(body, status, content_type)


# Habits -------------------------------------------------------------------------------------------------------------

PRICE = "Here is your quote."
HERE = say(PRICE)
HELLO = "We insure electric cars."
_XML = "".join(f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in QUOTE.items())
_ARGUMENTS = json.dumps(QUOTE)
_NAMED = json.dumps({"name": "get_quote", "arguments": QUOTE})
_PARAMETERS = json.dumps({"name": "get_quote", "parameters": QUOTE})
_FUNCTION = json.dumps({"type": "function", "function": {"name": "get_quote", "arguments": _ARGUMENTS}})


def quotes(*answers: Answer) -> Habit:
    return Habit((*answers, HERE), says=PRICE, quoted=True)


def stays_silent(answer: Answer, code: str) -> Habit:
    return Habit((answer,), "failed", code)


HABITS: dict[str, Habit] = {
    # the stream
    "does not stream": Habit((whole(message(text(HELLO))),), says=HELLO),
    "does not stream, and calls": quotes(whole(message(call(), stop="tool_use"))),
    "content is a string": Habit((whole({**message(), "content": HELLO}),), says=HELLO),
    "a stream called plain text": Habit((stream(message(text(HELLO)), content_type="text/plain"),), says=HELLO),
    "a stream called bytes": Habit(
        (stream(message(text(HELLO)), content_type="application/octet-stream"),), says=HELLO
    ),
    "events without names": Habit((edited(message(text(HELLO)), named=False),), says=HELLO),
    "no last event": Habit((edited(message(text(HELLO)), without=["message_stop"]),), says=HELLO),
    "DONE for a last event": Habit(
        (Answer((*edited(message(text(HELLO)), without=["message_stop"]).parts, b"data: [DONE]\n\n")),), says=HELLO
    ),
    "no ends of blocks": quotes(
        edited(message(text("One moment."), call(), stop="tool_use"), without=["content_block_stop"])
    ),
    "no numbers of blocks": quotes(edited(message(text("One moment."), call(), stop="tool_use"), drop=["index"])),
    "every block is number 0": quotes(renumbered(message(text("One moment."), call(), stop="tool_use"))),
    "no usage": Habit((edited(message(text(HELLO), usage={}), drop=["usage"]),), says=HELLO),
    "usage is null": Habit((say(HELLO, usage={"input_tokens": None, "output_tokens": None}),), says=HELLO),
    "comments and blank lines": Habit(
        (Answer((b": ping\n\n\n\n", *stream(message(text(HELLO))).parts, b": bye\n\n")),), says=HELLO
    ),
    "breaks off, every time": stays_silent(Answer(encode(list(events(message(text(HELLO))))[:4]), torn=True), "cut"),
    "ends without a word of why": stays_silent(
        edited(message(text(HELLO)), without=["message_stop", "message_delta"]), "cut"
    ),
    # reasons to stop
    "stop_reason null": Habit((say(HELLO, stop=None),), says=HELLO),
    "stop_reason empty": Habit((say(HELLO, stop=""),), says=HELLO),
    "stop_reason stop": Habit((say(HELLO, stop="stop"),), says=HELLO),
    "stop_reason eos": Habit((say(HELLO, stop="eos"),), says=HELLO),
    "stop_reason length": Habit((say(f"{HELLO} And then the", stop="length"),), says=HELLO, code="max_tokens"),
    "stop_reason tool_calls": quotes(stream(message(call(), stop="tool_calls"))),
    "stop_reason end_turn with a call": quotes(stream(message(call()))),
    "stop_reason tool_use without a call": Habit((say(HELLO, stop="tool_use"),), says=HELLO),
    # nothing, or too much
    "nothing at all": stays_silent(stream(message()), "empty"),
    "blank text": stays_silent(say(" \n\n "), "empty"),
    "an empty stream": stays_silent(Answer(()), "cut"),
    "an HTML page": stays_silent(whole("<html>It works!</html>", content_type="text/html"), "cut"),
    "an empty JSON object": stays_silent(whole({}), "empty"),
    "the same sentence for ever": stays_silent(
        say("I am sorry, I cannot do that. " * 200, stop="max_tokens"), "empty"
    ),
    "the same letter for ever": stays_silent(say("a" * 5000, stop="length"), "empty"),
    "the same thought for ever": stays_silent(
        stream(message({"type": "thinking", "thinking": "Hm. " * 500}, stop="max_tokens")), "empty"
    ),
    "thinks until there is no more room": stays_silent(
        stream(message({"type": "thinking", "thinking": " ".join(map(str, range(900)))}, stop="max_tokens")),
        "max_tokens",
    ),
    # calls
    "a call without an id": quotes(stream(message(call(id_=None), stop="tool_use"))),
    "a call with an empty id": quotes(stream(message(call(id_=""), stop="tool_use"))),
    "the same id for two calls": quotes(stream(message(call(), call(), stop="tool_use"))),
    "the same id for two calls, one of them broken": quotes(stream(message(call("{oh"), call(), stop="tool_use"))),
    "the same id in every reply": quotes(
        stream(message(call(), stop="tool_use")), stream(message(call({**QUOTE, "mileage": 9000}), stop="tool_use"))
    ),
    "arguments as a string": quotes(
        Answer(encode(list(events(message(call(_ARGUMENTS), stop="tool_use"), deltas=False))))
    ),
    "arguments as JSON in JSON": quotes(stream(message(call(json.dumps(_ARGUMENTS)), stop="tool_use"))),
    "arguments at the start of the block": quotes(
        Answer(encode(list(events(message(call(), stop="tool_use"), deltas=False))))
    ),
    "arguments that are no JSON": quotes(
        stream(message(call("{make: 'Nissan', year: 2023"), stop="tool_use")),
        stream(message(call(), stop="tool_use")),
    ),
    "arguments that are a list": quotes(
        stream(message(call("[1, 2]"), stop="tool_use")), stream(message(call(), stop="tool_use"))
    ),
    "a tool that there is not": quotes(
        stream(message(call(name="getQuote"), stop="tool_use")), stream(message(call(), stop="tool_use"))
    ),
    "a tool that there is not, for ever": stays_silent(
        stream(message(call(name="getQuote"), stop="tool_use")), "too_many_rounds"
    ),
    "a call without a name": stays_silent(
        stream(message({"type": "tool_use", "id": "call_1", "input": QUOTE}, stop="tool_use")), "empty"
    ),
    "the same call for ever": stays_silent(stream(message(call(), stop="tool_use")), "tool_loop"),
    # calls that are written as text
    "a call in tags": quotes(say(f"<tool_call>\n{_NAMED}\n</tool_call>")),
    "a call in tags after words": quotes(say(f"Let me look. <tool_call>{_NAMED}</tool_call> There.")),
    "a call in tags, one by one": quotes(say(f"<tool_call>\n<function=get_quote>\n{_XML}</function>\n</tool_call>")),
    "a call in a function tag": quotes(say(f"<function=get_quote>{_ARGUMENTS}</function>")),
    "a call after TOOL_CALLS": quotes(say(f"[TOOL_CALLS] [{_NAMED}]")),
    "a call as bare JSON": quotes(say(_PARAMETERS)),
    "a call as bare JSON, then words": quotes(say(f"{_PARAMETERS}\nI called the tool for you.")),
    "a call as OpenAI writes it": quotes(say(_FUNCTION)),
    "a call in a fence": quotes(say(f"```json\n{_NAMED}\n```")),
    "a call in a fence after thinking": quotes(say(f"<think>A quote.</think>\n\n```json\n{_NAMED}\n```")),
    "a call in tags that is cut off": stays_silent(say(f"<tool_call>{_NAMED[:40]}"), "empty"),
    "JSON that is no call": Habit((say('{"answer": "yes"}'),), says='{"answer": "yes"}'),
    # thinking aloud
    "thinks aloud in tags": Habit((say(f"<think>They ask {{x}} [1].</think>\n\n{HELLO}"),), says=HELLO, hides="They"),
    "thinks aloud without a first tag": Habit(
        (say(f"They want to know about us.\n</think>\n\n{HELLO}"),), says=HELLO, hides="They"
    ),
    "thinks aloud twice": Habit((say(f"<think>a</think>{HELLO} <think>b</think>Yes."),), says=f"{HELLO} Yes."),
    "thinks aloud and never ends": stays_silent(say("<think>" + " ".join(map(str, range(300)))), "empty"),
    "thinks in blocks without a signature": Habit(
        (stream(message({"type": "thinking", "thinking": "Hm."}, text(HELLO))),), says=HELLO
    ),
    # marks
    "marks for sources that there are not": Habit((say("We do [77]. Also that【88】."),), says="We do. Also that."),
    # figures from nowhere
    "invents a price, then does not": Habit((say("It is $49.99 a month."), say(HELLO)), says=HELLO),
    "invents a price, always": stays_silent(say("It is $49.99 a month."), "withheld"),
    # errors
    "no such model": stays_silent(refuse(404, {"error": "model 'small' not found, try pulling it first"}), "unknown"),
    "errors as FastAPI has them": stays_silent(
        refuse(422, {"detail": [{"loc": ["body"], "msg": "x"}]}), "bad_request"
    ),
    "errors as text": stays_silent(refuse(500, "Internal Server Error", "text/plain"), "server"),
    "still loading": stays_silent(
        refuse(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}), "server"
    ),
    "the context is too small": stays_silent(
        refuse(400, {"error": {"message": "the request exceeds the available context size", "code": 400}}),
        "prompt_too_long",
    ),
    "an error with status 200": stays_silent(whole({"error": {"message": "out of memory"}}), "server"),
    "an error in the stream": stays_silent(
        Answer((b'event: error\ndata: {"type": "error", "error": {"type": "internal_error", "message": "x"}}\n\n',)),
        "server",
    ),
}
