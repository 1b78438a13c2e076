"""Markdown of a message -> HTML that is safe to put into a page.

Two fences, each enough by itself: the parser knows no raw HTML, no images and only four kinds of link; and what it
writes goes through an allow-list. Whether a host may be linked to at all is `guardrails.links`' business, before.
"""

import html
import re
from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from firstline.types import Citation

PARSED_CHARS = 20_000
"""Longer texts are shown as they are: no reply comes near, and parsing is not linear in the worst case."""

_MARK = re.compile(r"\[(\d{1,3})\]")
_MARK_SPACE = "\u202f"
_SECTION = re.compile(r"\n{2,}(?=[^\W\d_]|\*\*[^\s*])")
_REACHES_FAR = re.compile(r"```|~~~|\]:")
_LINK = re.compile(r"https?://[^/\\]|mailto:|tel:|/(?![/\\]|%5c)", re.IGNORECASE)
_TAGS = frozenset(
    "a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre strong sup table tbody td th thead tr ul".split()  # noqa: SIM905
)
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    attributes={"a": {"href", "title", "target", "data-citation"}, "ol": {"start"}, "sup": {"class"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer",
)


def render_html(text: str, citations: Sequence[Citation] = ()) -> str:
    """The HTML of `text`, whole or cut off anywhere; `citations` are what its marks `[1]`, `[2]` … point to."""
    if len(text) > PARSED_CHARS:
        return f"<p>{html.escape(text)}</p>\n"
    known = tuple(citations)
    return "".join(_render(section, known) for section in _split_sections(text))


@lru_cache(maxsize=1024)
def _render(section: str, citations: tuple[Citation, ...]) -> str:
    return _CLEANER.clean(_PARSER.render(section, {"citations": citations}))


def _split_sections(text: str) -> list[str]:
    """Runs of blocks that do not bear on each other: a growing reply is rendered again from its last one on only."""
    if _REACHES_FAR.search(text):
        return [text]
    return _SECTION.split(text)


def _may_link(url: str) -> bool:
    return _LINK.match(url) is not None


def _read_mark(state: StateInline, silent: bool) -> bool:
    """A citation's mark: behind the narrow no-break space that only `firstline.release` writes."""
    mark = _MARK.match(state.src, state.pos) if state.src[state.pos] == "[" else None
    if mark is None or state.src[state.pos - 1 : state.pos] != _MARK_SPACE:
        return False
    if not 1 <= int(mark[1]) <= len(state.env["citations"]):
        return False
    if not silent:
        state.push("citation", "sup", 0).meta = {"number": int(mark[1])}
    state.pos = mark.end()
    return True


def _write_mark(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    number: int = tokens[index].meta["number"]
    citation: Citation = env["citations"][number - 1]
    link = f' href="{html.escape(citation.url)}" target="_blank"' if _may_link(citation.url) else ""
    title = html.escape(citation.title)
    return f'<sup class="citation"><a{link} data-citation="{number}" title="{title}">{number}</a></sup>'


def _open_link(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    url = str(tokens[index].attrs["href"])
    return f'<a href="{html.escape(url)}" target="_blank">' if _may_link(url) else "<a>"


def _build_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table")
    parser.disable(["image", "html_block", "html_inline"])
    parser.inline.ruler.before("link", "citation", _read_mark)
    parser.add_render_rule("citation", _write_mark)
    parser.add_render_rule("link_open", _open_link)
    parser.validateLink = _may_link
    return parser


_PARSER = _build_parser()
