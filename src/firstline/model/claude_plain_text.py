"""What a model wrote as text, read: thinking aloud, calls of tools, marks such as `[2]`. Pure; part of
`firstline.model.claude`, for the models that get plain requests (`claude_plain`).

Small models, and servers that do not know a model's own format, send as text what the API has blocks for. What may
be the beginning of such a thing is held back until it is known, so that nobody is shown half of it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, cast

from firstline.model import Piece, Restarted, TextCited, TextGrew, ToolChosen
from firstline.model.claude_plain import Plain
from firstline.model.claude_stream import as_object, parse_arguments
from firstline.types import Citation, Json

_CALL_TAGS = ("<tool_call>", "<function=", "[TOOL_CALLS]")
_MAYBE_CALLS = ("{", "[{", "```")
_THINK, _THOUGHT = "<think>", "</think>"
_SPECIAL = re.compile(r"</?think>|<tool_call>|<function=|\[TOOL_CALLS\]")
_MARK = re.compile(r"[ \u00a0]*(?:\[|【)\s*(\d{1,2}(?:\s*[,;，、]\s*\d{1,2})*)\s*(?:†[^\]】]{0,40})?(?:\]|】)(?!\()")
_HALF = re.compile(r"[ \u00a0]*(?:[<\[【][^<>\[\]【】]{0,60}[\]】]?)?\Z")
_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)
_FUNCTION = re.compile(r"<function=([\w.-]+)>(.*?)(?:</function>|$)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>\s*(.*?)\s*</parameter>", re.DOTALL)
_FENCED = re.compile(r"```\w*\s*(.*?)\s*(?:```|\Z)", re.DOTALL)
_ARGUMENTS = ("arguments", "parameters", "input")


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of the reply, in order: text with what it cites, or a call; `why` says what is wrong with its input."""

    text: str = ""
    citation: Json | None = None
    call: Json | None = None
    why: str | None = None


class PlainText:
    """Reads one reply's text as it grows. `written` is all of it so far that counts."""

    def __init__(self, plain: Plain) -> None:
        self.written: list[Written] = []
        self._plain = plain
        self._held = ""
        self._state: Literal["start", "thinking", "text", "call"] = "start"
        self._since = ""
        """The text since the last citation: what the next one is for."""

    def grow(self, text: str) -> Iterator[Piece]:
        """What may be shown now."""
        self._held += text
        while True:
            before = (self._state, self._held)
            match self._state:
                case "start":
                    self._begin()
                case "thinking":
                    self._skip_thinking()
                case "text":
                    yield from self._read()
                case "call":
                    return
            if before == (self._state, self._held):
                return

    def flush(self) -> Iterator[Piece]:
        """The rest: the text has ended, or a call of the API's own kind follows."""
        held, state = self._held, self._state
        self._held, self._state = "", "start"
        if state == "text" or (state == "start" and held.strip()):
            yield from self._say(held.rstrip())
        elif state == "call":
            calls = read_calls(held)
            for call in calls:
                self.written.append(call)
                assert call.call is not None
                yield ToolChosen(call.call["name"])
            if not calls and held.startswith(_MAYBE_CALLS):
                yield from self._say(held)

    def _begin(self) -> None:
        """At the beginning of a text, what it is going to be; thinking may come before either."""
        text = self._held.lstrip()
        calls = (*_CALL_TAGS, *_MAYBE_CALLS) if self._plain.tools else ()
        if text.startswith(calls):
            self._held, self._state = text, "call"
        elif text and not any(opener.startswith(text) for opener in calls):
            self._held, self._state = self._held if self.written else text, "text"

    def _skip_thinking(self) -> None:
        _, end, after = self._held.partition(_THOUGHT)
        if end:
            self._held, self._state = after, "start"
        else:
            self._held = self._held[-len(_THOUGHT) :]

    def _read(self) -> Iterator[Piece]:
        special = next((each for each in _SPECIAL.finditer(self._held) if self._counts(each[0])), None)
        if special is None:
            whole = _HALF.search(self._held)
            end = whole.start() if whole else len(self._held)
            ready, self._held = self._held[:end], self._held[end:]
            yield from self._say(ready)
            return
        before, after = self._held[: special.start()], self._held[special.end() :]
        if special[0] == _THOUGHT:  # all that was said was thought aloud: some templates begin inside of it
            self.written.clear()
            self._since = ""
            self._held, self._state = after, "start"
            yield Restarted("thought_aloud")
            return
        yield from self._say(before)
        thinking = special[0] == _THINK
        self._held, self._state = (after, "thinking") if thinking else (special[0] + after, "call")

    def _counts(self, tag: str) -> bool:
        return bool(self._plain.tools) or "think" in tag

    def _say(self, text: str) -> Iterator[Piece]:
        """Text with its marks taken out, each told as a citation; a mark of a number that nothing has is left out."""
        at = 0
        for mark in _MARK.finditer(text) if self._plain.passages else ():
            yield from self._grow(text[at : mark.start()])
            at = mark.end()
            for number in dict.fromkeys(re.findall(r"\d+", mark[1])):
                yield from self._cite(int(number))
            self._since = ""
        yield from self._grow(text[at:])

    def _grow(self, text: str) -> Iterator[Piece]:
        if text:
            self._since += text
            self.written.append(Written(text))
            yield TextGrew(text)

    def _cite(self, number: int) -> Iterator[Piece]:
        if not 0 < number <= len(self._plain.passages):
            return
        location = locate(self._plain, number, self._since)
        self.written.append(Written(citation=location))
        yield TextCited(Citation(title=location["title"], url=location["source"], quote=location["cited_text"]))


def locate(plain: Plain, number: int, claim: str) -> Json:
    """The API's own citation of a passage by its number: of the piece in it that is most like the claim."""
    passage = plain.passages[number - 1]
    pieces = [str(piece.get("text", "")) for piece in passage["content"]]
    wanted = _pairs(claim)
    best = max(range(len(pieces)), key=lambda n: len(wanted & _pairs(pieces[n])) / (len(pieces[n]) + 40), default=0)
    return {
        "type": "search_result_location",
        "cited_text": pieces[best] if pieces else "",
        "source": str(passage.get("source", "")),
        "title": str(passage.get("title", "")),
        "search_result_index": plain.places[number - 1],
        "start_block_index": best,
        "end_block_index": best + 1,
    }


def _pairs(text: str) -> frozenset[str]:
    """Pairs of neighbouring characters: a likeness that works in any script."""
    folded = re.sub(r"\s+", " ", text.casefold())
    return frozenset(map("".join, pairwise(folded)))


def read_calls(text: str) -> list[Written]:
    """The calls of tools that a text consists of; none when it is something else."""
    if functions := _FUNCTION.findall(text):
        return [_call(name, _read_parameters(arguments)) for name, arguments in functions]
    if text.startswith("<tool_call>"):
        written: list[str] = _TAGGED.findall(text)
    elif fenced := _FENCED.match(text):
        written = [fenced[1]]
    else:
        written = [text.removeprefix("[TOOL_CALLS]")]
    return [call for each in written for value in _values(each) if (call := _read_call(as_object(value))) is not None]


def _values(text: str) -> Iterator[Any]:
    """The JSON values at the beginning of a text; what is said after them is left out."""
    at, decoder = 0, json.JSONDecoder()
    while (start := re.compile(r"[\s,;]*(?=[{\[])").match(text, at)) is not None:
        try:
            value, at = decoder.raw_decode(text, start.end())
        except (ValueError, RecursionError):
            return
        yield from cast("list[Any]", value) if isinstance(value, list) else [value]


def _read_parameters(text: str) -> str:
    """Arguments as JSON; written one by one, each is JSON where it can be read so, else text."""
    given = _PARAMETER.findall(text)
    return json.dumps({name: _read_value(value) for name, value in given}) if given else text


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read_call(value: Json) -> Written | None:
    inner = as_object(value.get("function")) or value
    name = inner.get("name")
    key = next((key for key in _ARGUMENTS if key in inner), None)
    if not isinstance(name, str) or not name or key is None:
        return None
    given = inner[key]
    return _call(name, given if isinstance(given, str) else json.dumps(given))


def _call(name: str, arguments: str) -> Written:
    call: Json = {"type": "tool_use", "id": "", "name": name, "input": {}}
    try:
        return Written(call={**call, "input": parse_arguments(arguments.strip() or "{}")})
    except ValueError as error:
        return Written(call=call, why=str(error))


def build_blocks(written: Sequence[Written], called: Sequence[Json]) -> tuple[list[Json], Mapping[str, str]]:
    """The reply's blocks as the API would have given them, and what is wrong with which call.

    A piece that is neither text nor citation nor call stands for the next of `called`, the API's own calls.
    """
    blocks: list[Json] = []
    broken: dict[str, str] = {}
    waiting = iter(called)
    for piece in written:
        last = blocks[-1] if blocks and blocks[-1]["type"] == "text" else None
        if piece.citation is not None:
            if last is not None:
                last.setdefault("citations", []).append(piece.citation)
        elif piece.call is not None:
            call_id = f"written_{len(blocks) + 1}"
            blocks.append({**piece.call, "id": call_id})
            if piece.why is not None:
                broken[call_id] = piece.why
        elif not piece.text:
            blocks += [call] if (call := next(waiting, None)) is not None else []
        elif last is not None and "citations" not in last:
            last["text"] += piece.text
        else:
            blocks.append({"type": "text", "text": piece.text})
    return [block for block in blocks if block["type"] != "text" or block["text"].strip()], broken
