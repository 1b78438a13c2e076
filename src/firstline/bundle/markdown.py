"""The Markdown of a bundle: front matter, example dialogues, links between articles."""

import re
from collections.abc import Callable
from pathlib import Path

from firstline.bundle import Line
from firstline.bundle.yaml_lines import Document, load_yaml
from firstline.errors import ConfigError, Problem

_FENCE = "---"
_SPEAKERS = {
    "Customer": "customer",
    "Assistant": "assistant",
    "Tool call": "tool_call",
    "Tool result": "tool_result",
}
_SPOKEN = re.compile(r"(Customer|Assistant|Tool call|Tool result)[:：][ \t]*(.*)")
_LINK = re.compile(r"(?<!!)\[([^\]\n]*)\]\(\s*<?([^)>\s]+)>?\s*\)")
_OUTSIDE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|/|#")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def split_front_matter(text: str, *, path: Path) -> tuple[Document, str, int]:
    """The YAML between the first two `---` lines, the body after it, and the line where the body begins.

    Raises: ConfigError when there is no front matter, no body, or no YAML between.
    """
    lines = text.split("\n")
    closing = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if lines[0].rstrip() != _FENCE or closing is None:
        raise ConfigError(
            Problem("no front matter", "begin the file with a line ---, its keys, and a line ---", path, 1)
        )
    header = load_yaml("\n".join(lines[1:closing]), path=path, first_line=2)
    if not isinstance(header.value, dict):
        raise ConfigError(Problem("the front matter is no mapping", "write lines like `title: …`", path, 2))
    body = lines[closing + 1 :]
    blank = next((at for at, line in enumerate(body) if line.strip()), None)
    if blank is None:
        raise ConfigError(Problem("nothing stands after the front matter", "write the text", path, closing + 1))
    return header, "\n".join(body[blank:]).rstrip(), closing + 2 + blank


def read_dialogue(body: str, *, path: Path, first_line: int) -> tuple[tuple[Line, ...], tuple[int, ...]]:
    """The turns of an example, and the line where each begins. Raises ConfigError when one has no speaker."""
    turns: list[tuple[str, list[str], int]] = []
    for number, line in enumerate(body.split("\n"), first_line):
        if spoken := _SPOKEN.match(line):
            turns.append((_SPEAKERS[spoken[1]], [spoken[2]], number))
        elif turns:
            turns[-1][1].append(line)
        else:
            remedy = "begin it with one of: " + ", ".join(f"`{each}:`" for each in _SPEAKERS)
            raise ConfigError(Problem("the dialogue's first line has no speaker", remedy, path, number))
    lines = tuple(Line.model_validate({"who": who, "text": "\n".join(text).strip()}) for who, text, _ in turns)
    return lines, tuple(number for _, _, number in turns)


def rewrite_links(body: str, choose_url: Callable[[str, int], str]) -> str:
    """`body` with relative link targets replaced by `choose_url(target, line offset)`, except in code."""
    pieces: list[str] = []
    offset = 0
    for index, piece in enumerate(_CODE.split(body)):
        begins = offset

        def replace(match: re.Match[str], piece: str = piece, begins: int = begins) -> str:
            if _OUTSIDE.match(match[2]):
                return match[0]
            return f"[{match[1]}]({choose_url(match[2], begins + piece.count(chr(10), 0, match.start()))})"

        pieces.append(piece if index % 2 else _LINK.sub(replace, piece))
        offset += piece.count("\n")
    return "".join(pieces)
