"""Whatever Markdown comes, only harmless HTML goes."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.markup import render_html
from firstline.types import Citation

SOURCE = Citation(title='Battery "cover"', url="https://acme.example/help/battery?a=1&b=2", quote="below 70%")
MARK = "\u202f[1]"
ALLOWED = {
    "a": {"href", "rel", "target", "title", "data-citation"},
    "sup": {"class"},
    "ol": {"start"},
} | dict.fromkeys(  # noqa: RUF024  # the empty set is only read
    ["blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "strong", "table",
     "tbody", "td", "th", "thead", "tr", "ul"], set()
)  # fmt: skip

ATTACKS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "<iframe src=//evil.example>",
    "<math><mtext></p><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<a href=javascript:alert(1)>x</a>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<noscript><p title='</noscript><img src=x onerror=1>'>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))", "[x](\x01javascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)", "[x](//evil.example)", "[x](/\\evil.example)", "[x](\\\\evil.example)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>", "<data:text/html,x>", "[x]: javascript:alert(1)\n\n[x]",
    "![x](https://evil.example/?d=1)",
    "![x](javascript:alert(1))", "![x][y]\n\n[y]: https://evil.example/a.png",
    '[x](https://a.example "onmouseover=alert(1)")',
    '[x](https://a.example"onmouseover="alert(1))', '[x](<https://a.example/" onclick="alert(1)>)',
    "[x](https:evil.example)",
    "```html\n<script>alert(1)</script>\n```", "```\"><script>alert(1)</script>\nx\n```",
    "`<script>alert(1)</script>`",
    "| <script>alert(1)</script> | b |\n|---|---|\n| <img src=x onerror=1> | x |",
    "# <script>alert(1)</script>",
    "- <details open ontoggle=alert(1)>", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "<!--><script>alert(1)</script>-->", "<![CDATA[<script>alert(1)</script>]]>", "<?php x ?>",
    "<x onclick=alert(1)>",
    "\\<script>alert(1)\\</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<style>@import'//evil.example'</style>",
    "<form action=//evil.example><input name=p>", "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<object data=x>", "<embed src=x>", "<link rel=stylesheet href=//evil.example>",
    "<template><script>1</script>",
    "[<img src=x onerror=1>](https://a.example)", "[x](https://a.example/<script>)", "**<b onclick=1>**",
    "[x](tel:1\"onclick=1)",
    "\u202f[1](javascript:alert(1))", "\u202f[1]: javascript:alert(1)",
    "<a\nhref='javascript:alert(1)'>x</a>", "\x00<script>",
]  # fmt: skip


class Inspector(HTMLParser):
    """Fails on every element, attribute or address that is not on the list."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        assert {name for name, _ in attrs} <= ALLOWED[tag], attrs
        given = dict(attrs)
        if "href" in given:
            assert re.match(r"https?://[^/\\]|mailto:|tel:|/[^/\\]", given["href"] or ""), given
            assert (given["rel"], given["target"]) == ("noopener noreferrer", "_blank")
            self.addresses.append(given["href"] or "")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def inspect(html: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.addresses


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_inert_whole_and_in_every_prefix(attack: str) -> None:
    for end in range(len(attack) + 1):
        inspect(render_html(f"Text {MARK}\n\n{attack[:end]}", [SOURCE]))
    for text in (attack, f"- {attack}", f"> {attack}", f"[{attack}](https://acme.example)", f"a {attack} b"):
        assert not any("evil" in address for address in inspect(render_html(text)) if "!" not in text)


@given(st.text(alphabet='<>"&;:/[]()!*_`~#|-\\ \n\t1ajsx=\u202f\x00', max_size=80))
def test_any_text_is_safe(text: str) -> None:
    inspect(render_html(text, [SOURCE]))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("It is **so**.", "<p>It is <strong>so</strong>.</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("[Help](/help/ev)", '<p><a href="/help/ev" target="_blank" rel="noopener noreferrer">Help</a></p>'),
        ("| a |\n|---|\n| 1 |", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>"),
        ("价格**很好。**", "<p>价格<strong>很好。</strong></p>"),
        ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>"),
        ("- a\n\n  b\n- c", "<ul>\n<li>\n<p>a</p>\n<p>b</p>\n</li>\n<li>\n<p>c</p>\n</li>\n</ul>"),
        ("```\na\n\nb\n```", "<pre><code>a\n\nb\n</code></pre>"),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert render_html(text).startswith(html)


def test_a_mark_links_to_its_source() -> None:
    html = render_html(f"It pays.{MARK}", [SOURCE])
    assert html == (
        '<p>It pays.\u202f<sup class="citation"><a href="https://acme.example/help/battery?a=1&amp;b=2" '
        'target="_blank" '
        'data-citation="1" title="Battery &quot;cover&quot;" rel="noopener noreferrer">1</a></sup></p>\n'
    )


@pytest.mark.parametrize("text", ["[1]", " [1]", "x[1]", "\u202f[2]", "\u202f[0]", f"`{MARK}`", f"```\n{MARK}\n```"])
def test_what_is_no_mark_is_no_link(text: str) -> None:
    assert "<sup" not in render_html(text, [SOURCE])


def test_a_source_with_an_active_address_is_not_linked() -> None:
    html = render_html(f"x{MARK}", [SOURCE.model_copy(update={"url": "javascript:alert(1)"})])
    assert inspect(html) == []
    assert 'data-citation="1"' in html


@pytest.mark.parametrize(
    "bomb",
    ["- " * 100_000, "> " * 100_000, "[" * 20_000, "*a " * 6000, "![[]()" * 3000, "[a](<b" * 3000,
     "`" * 19_999 + " `",
     "| " * 9000 + "\n" + "|-" * 900, "<" * 20_000, "&" * 20_000, "\\" * 20_000, "[a]:\n" * 4000, "a**b_" * 4000],
)  # fmt: skip
def test_a_bomb_is_defused_in_time(bomb: str) -> None:
    began = time.process_time()
    inspect(render_html(bomb))
    assert time.process_time() - began < 2
