"""Whatever is wrong in a bundle is said at once, at its line, with what to do."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.bundle.load import load_bundle
from firstline.bundle.shapes import measure_contrast
from firstline.bundle.starter import write_starter
from firstline.bundle.yaml_lines import load_yaml
from firstline.errors import ConfigError, Problem
from firstline.tools.python import open_bundle


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_starter(tmp_path / "shop")
    return tmp_path / "shop"


def find_problems(shop: Path) -> Sequence[Problem]:
    with pytest.raises(ConfigError) as caught:
        open_bundle(shop, data=shop.parent / "rows")
    return caught.value.problems


def change(path: Path, old: str, new: str) -> int:
    """Replace `old` once; the line where it stood."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


HEAD = "bundle.yaml"
REPAIR = "playbooks/repair.md"
EXAMPLE = "examples/status.md"
PRICES = "knowledge/en/repairs/prices.md"
TOOLS = "tools.py"


@dataclass(frozen=True)
class Mistake:
    """`new` instead of `old` in a file of the starter; the problem stands `below` lines further down."""

    file: str
    old: str
    new: str
    what: str
    remedy: str
    below: int = 0

    def __str__(self) -> str:
        return self.what


MISTAKES = [
    # keys
    Mistake(HEAD, "welcome:", "welcom:", "there is no key `welcom`", "did you mean `welcome`?"),
    Mistake(HEAD, "timezone:", "timezoen:", "there is no key `timezoen` in `hours`", "did you mean `timezone`?"),
    Mistake(HEAD, "{playbook: questions", "{playbok: questions", "key `playbok`", "did you mean `playbook`?"),
    Mistake(REPAIR, "kind: act", "kinds: act", "there is no key `kinds`", "did you mean `kind`?"),
    Mistake(PRICES, "updated:", "update:", "there is no key `update`", "did you mean `updated`?"),
    Mistake(HEAD, "accent:", "name: x\naccent:", "`name` stands here twice (first on line 2)", "keep one"),
    # types
    Mistake(HEAD, "rounds: 6", 'rounds: "6"', "`limits.rounds`: a whole number is wanted", "without quotes"),
    Mistake(HEAD, "rounds: 6", "rounds: 6.5", "`limits.rounds`: a whole number is wanted", "without quotes"),
    Mistake(HEAD, "rounds: 6", "rounds: true", "`limits.rounds`: a whole number is wanted", "without quotes"),
    Mistake(HEAD, "rounds: 6", "rounds: 99", "`limits.rounds`: input should be less than or equal to 50", ""),
    Mistake(HEAD, "usd: 0.25", "usd: .inf", "no number to count with", "finite"),
    Mistake(HEAD, "phone: 555-0100", "phone: 5550100", "`contact.phone`: text is wanted here", "in quotes"),
    Mistake(HEAD, "name: Robin", "name: ''", "`assistant.name`: string should have at least 1", "correct"),
    Mistake(HEAD, "business: Shop", "business: [Shop]", "`business.en`: text is wanted", "put it in quotes"),
    Mistake(HEAD, "business: Shop", "business: 7", "neither a text nor a mapping", "write {en: …}"),
    Mistake(REPAIR, "kind: act", "kind: acts", "`kind`: `acts` is not known", "did you mean `act`?"),
    Mistake(PRICES, "2026-06-01", "2026-13-01", "`2026-13-01` is no timestamp", "correct it"),
    Mistake(PRICES, "2026-06-01", "soon", "`updated`", "correct it"),
    # languages
    Mistake(HEAD, "locales: [en]", "locales: [en_GB]", "`locales.0`: `en_GB` does not have the form", "correct"),
    Mistake(HEAD, "locales: [en]", "locales: []", "`locales`", "correct"),
    Mistake(HEAD, "locales: [en]", "locales: [en, en]", "a language stands here twice", "keep one"),
    Mistake(HEAD, "business: Shop", "business: {de: Laden}", "no text in `en`", "write {en: …}"),
    Mistake(HEAD, "business: Shop", "business: {en: a, de: b}", "`de` is no language of this", "`locales`"),
    Mistake(EXAMPLE, "locale: en", "locale: zh", "`zh` is no language of this bundle", "use one of: en"),
    # values
    Mistake(HEAD, "name: shop", "name: shopp", "`name` is shopp, but the folder is called shop", "same name"),
    Mistake(HEAD, "Europe/London", "Europe/Lundun", "there is no time zone `Europe/Lundun`", "Shanghai"),
    Mistake(HEAD, "Europe/London", "../../etc/passwd", "there is no time zone", "America/New_York"),
    Mistake(HEAD, '"10:00-14:00"', '"10-14"', "`10-14` is no span of hours", "09:00-17:00"),
    Mistake(HEAD, '"10:00-14:00"', '"10:00-24:00"', "`10:00-24:00` is no span of hours", "09:00-17:00"),
    Mistake(HEAD, '"10:00-14:00"', '"14:00-10:00"', "closes before it opens", "two"),
    Mistake(HEAD, '"10:00-14:00"', '"10:00-14:00", "13:00-15:00"', "13:00 begins before 14:00", "in order"),
    Mistake(HEAD, "    sat:", "    saturday:", "`saturday` is not known", "did you mean `sat`?"),
    Mistake(HEAD, "2026-12-26", "26.12.2026", "`hours.holidays.1`", "correct"),
    Mistake(HEAD, '"#1d4ed8"', '"blue"', "`blue` is no colour", "#0f766e"),
    Mistake(HEAD, '"#1d4ed8"', '"#7dd3fc"', "contrast of 1.7", "darker"),
    Mistake(HEAD, "[shop.example]", "[https://shop.example]", "does not have the form", ""),
    Mistake(HEAD, "name: Robin", "name: Robin\n  picture: ../a.png", "no file `../a.png`", "relative", below=1),
    # names that lead nowhere
    Mistake(HEAD, "{playbook: questions,", "{playbook: question,", "`question`, which is", "`questions`?"),
    Mistake(EXAMPLE, "playbook: repair", "playbook: repairs", "no playbook `repairs`", "did you mean `repair`?"),
    Mistake(REPAIR, "[get_repair_status,", "[get_state,", "no tool `get_state`", "`get_repair_status`?"),
    Mistake(PRICES, "opening-hours.md", "hours.md", "`../visiting/hours.md` leads nowhere", "/opening-hours`?"),
    # examples
    Mistake(EXAMPLE, 'get_repair_status {"ticket"', 'get_repair {"ticket"', "no tool `get_repair`", "did you"),
    Mistake(EXAMPLE, 'call: get_repair_status {"ticket":', 'call: get_repair_status {"number":',
            "there is no `number`; there is `ticket`; not given: `ticket`", "a call that would work"),
    Mistake(EXAMPLE, 'call: get_repair_status {"ticket": "R-1001"', 'call: get_repair_status {"ticket": 1001',
            "the arguments do not fit `get_repair_status`: `ticket` must be text", "a call that would work"),
    Mistake(EXAMPLE, "call: get_repair_status {", "call: get_repair_status (", "cannot be read", "in JSON"),
    Mistake(EXAMPLE, 'Tool result: {"ticket"', 'Tool result: ["ticket"', "the tool result is no JSON", "write it"),
    Mistake(EXAMPLE, "Customer: hi", "Client: hi", "first line has no speaker", "`Customer:`"),
    Mistake(EXAMPLE, "Assistant: Good", "Assistant:\nCustomer: Good", "nothing stands here", "what is said"),
    Mistake(EXAMPLE, "playbook: repair", "playbook: person", "`person` may not call `get_repair_status`", "add it",
            below=6),
    # tools: the line is that of the function's def
    Mistake(TOOLS, 'label={"en": "Looking', 'label={"de": "Looking', "`get_repair_status` has no text in en",
            "add it", below=4),
    Mistake(TOOLS, "def get_repair_status", "def hand_off", "`hand_off` is the name of the tool with which",
            "another name"),
    Mistake(TOOLS, "{{ status }}", "{{ status }", "in en is no Jinja template", "variables", below=3),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_named_with_its_file_its_line_and_a_remedy(shop: Path, mistake: Mistake) -> None:
    line = change(shop / mistake.file, mistake.old, mistake.new)
    problems = find_problems(shop)
    found = [problem for problem in problems if mistake.what in problem.what]
    assert found, [str(problem) for problem in problems]
    assert mistake.remedy in found[0].remedy
    assert (found[0].path, found[0].line) == (shop / mistake.file, line + mistake.below)


def test_a_playbook_that_the_offline_model_cannot_do_without_says_something(shop: Path) -> None:
    change(shop / "playbooks" / "person.md", "say: I'm sorry", "when: I'm sorry")
    change(shop / "playbooks" / "person.md", "when: The customer wants", "title: The customer wants")
    change(shop / "playbooks" / "person.md", "title: Talk to a person\n", "")
    (problem,) = find_problems(shop)
    assert problem.what == "a playbook of the kind hand_off has no `say`"


def test_a_missing_key_is_named_where_it_belongs(shop: Path) -> None:
    line = change(shop / HEAD, "  timezone: Europe/London\n", "")
    (problem,) = find_problems(shop)
    assert problem.what == "`timezone` is missing in `hours`"
    assert problem.line == line - 1
    assert str(problem).startswith(f"{shop / HEAD}:{problem.line}: ")


def test_all_mistakes_of_all_files_come_at_once_in_order(shop: Path) -> None:
    change(shop / HEAD, "rounds: 6", "rounds: 0")
    change(shop / HEAD, "Europe/London", "Nowhere")
    change(shop / REPAIR, "kind: act", "kind: acting")
    change(shop / PRICES, "opening-hours.md", "hours.md")
    change(shop / TOOLS, "ticket: str", "customer_id: str")
    (shop / "identity.md").unlink()
    (shop / "policy.md").write_text("  \n")
    names = [(problem.path.relative_to(shop).as_posix() if problem.path else "") for problem in find_problems(shop)]
    assert sorted(set(names)) == [HEAD, "identity.md", PRICES, REPAIR, "policy.md", TOOLS]
    assert names == sorted(names)
    assert names.count(HEAD) == 2


def test_a_second_language_wants_every_text_in_it(shop: Path) -> None:
    change(shop / HEAD, "locales: [en]", "locales: [en, es]")
    problems = find_problems(shop)
    missing = {problem.what.split("`")[1] for problem in problems if "no text in `es`" in problem.what}
    assert {"business", "welcome", "fallback", "unknown", "utterances", "title"} <= missing
    assert any("`label` of `book_drop_off` has no text in es" in problem.what for problem in problems)
    assert any("`slots['day'].ask` of `book_drop_off`" in problem.what for problem in problems)


def test_a_missing_translation_of_an_article_is_no_problem(shop: Path, tmp_path: Path) -> None:
    (shop / "knowledge" / "es").mkdir()
    assert len(open_bundle(shop, data=tmp_path / "rows")[0].articles) == 3


def test_the_kinds_of_playbook_that_every_bundle_needs(shop: Path) -> None:
    for name in ("welcome", "questions", "off_topic"):
        (shop / "playbooks" / f"{name}.md").unlink()
    said = " ".join(problem.what for problem in find_problems(shop))
    assert all(f"no playbook is of the kind {kind}" in said for kind in ("greet", "answer", "decline"))


def test_a_file_that_cannot_be_read_brings_no_second_problems_after_it(shop: Path) -> None:
    change(shop / "playbooks" / "questions.md", "kind: answer", "kind: answers")
    assert len(find_problems(shop)) == 1


def test_something_that_looks_like_a_file_of_a_bundle_but_is_none_is_named(shop: Path) -> None:
    (shop / "tools.py").rename(shop / "tool.py")
    (shop / "context" / "notes.txt").write_text("x")
    (shop / "knowledge" / "fr").mkdir()
    (shop / "knowledge" / "fr" / "a.md").write_text("---\ntitle: A\n---\nb")
    said = {problem.what: problem.remedy for problem in find_problems(shop)}
    assert said["`tool.py` is not read"] == "did you mean `tools.py`?"
    assert said["only Markdown is read here"] == "rename it to end in .md, or move it away"
    assert said["`fr` is no language of this bundle"] == "use one of: en"


@pytest.mark.parametrize(
    ("content", "what", "line"),
    [
        (b"title: \xff\xfe", "not UTF-8", 1),
        (b"---\ntitle: a\n---\n\xe4\n", "not UTF-8", 4),
        (b"", "empty", None),
        (b" \n\t\n", "empty", None),
        (b"x" * 1_000_001, "larger than 1 MB", None),
        (b"no front matter", "no front matter", 1),
        (b"---\ntitle: a\nno end", "no front matter", 1),
        (b"---\n- a\n---\nb", "the front matter is no mapping", 2),
        (b"---\n---\nb", "the front matter is no mapping", 2),
        (b"---\ntitle: a\n---\n\n", "nothing stands after the front matter", 3),
        (b"---\ntitle: a\n\ttags: b\n---\nc", "a tab stands where YAML wants spaces", 3),
        (b"---\ntitle: [a\n---\nc", "not YAML", 2),
        (
            b"---\ntitle: !!python/object/apply:os.system [id]\n---\nc",
            "the tag !!python/object/apply:os.system",
            2,
        ),
        (b"---\ntitle: !secret key\n---\nc", "the tag !secret is not allowed", 2),
        (b"---\ntitle: !!binary aGk=\n---\nc", "the tag !!binary is not allowed", 2),
        (b"---\n? [a]\n: b\n---\nc", "a key that is not plain text", 2),
        (b"---\na: &a {b: c}\n<<: *a\n---\nc", "a key that is not plain text", 3),
        (b"---\ntitle: *nobody\n---\nc", "not YAML: found undefined alias", 2),
        (b"---\ntitle: &a [*a]\n---\nc", "too large once its aliases are unfolded", 2),
        (b"---\ntitle: " + b"[" * 5000 + b"\n---\nc", "nested too deeply", 2),
        (b"---\ntitle: " + b"9" * 5000 + b"\n---\nc", "is no int", 2),
        (b"---\ntitle: a\x00b\n---\nc", "not YAML", 2),
    ],
)
def test_a_hostile_or_broken_file_is_refused_at_its_line(
    shop: Path, content: bytes, what: str, line: int | None
) -> None:
    path = shop / "knowledge" / "en" / "broken.md"
    path.write_bytes(content)
    (problem,) = find_problems(shop)
    assert what in problem.what
    assert (problem.path, problem.line) == (path, line)


def test_a_yaml_bomb_goes_off_in_no_time(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 15)]
    begin = time.perf_counter()
    with pytest.raises(ConfigError, match="too large once its aliases are unfolded"):
        load_yaml("\n".join(lines), path=tmp_path / "bomb.yaml")
    assert time.perf_counter() - begin < 2


def test_a_link_that_leaves_the_folder_is_refused(shop: Path) -> None:
    outside = shop.parent / "secret.md"
    outside.write_text("secret")
    (shop / "context" / "facts.md").symlink_to(outside)
    (shop / "playbooks" / "away").symlink_to(shop.parent, target_is_directory=True)
    problems = find_problems(shop)
    assert [problem.path for problem in problems] == [
        shop / "context" / "facts.md",
        shop / "playbooks" / "away",
    ]
    assert {problem.what for problem in problems} == {"a link that leads out of the bundle"}


def test_a_link_that_leads_to_itself_is_refused(shop: Path) -> None:
    (shop / "context" / "loop.md").symlink_to(shop / "context" / "loop.md")
    assert [problem.path for problem in find_problems(shop)] == [shop / "context" / "loop.md"]


def test_an_unreadable_file_is_named(shop: Path) -> None:
    (shop / "policy.md").unlink()
    (shop / "policy.md").mkdir()
    (problem,) = find_problems(shop)
    assert "cannot be read" in problem.what
    assert problem.path == shop / "policy.md"


def test_a_folder_without_bundle_yaml_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_bundle(tmp_path)
    with pytest.raises(ConfigError, match="there is no such folder"):
        load_bundle(tmp_path / "nowhere")
    (tmp_path / "bundle.yaml").write_text("- a\n")
    with pytest.raises(ConfigError, match=r"bundle\.yaml is no mapping"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("slug", ["Prices", "a b", "ünter", "a..b"])
def test_a_page_whose_name_cannot_stand_in_an_address_is_refused(shop: Path, slug: str) -> None:
    (shop / "knowledge" / "en" / f"{slug}.md").write_text("---\ntitle: A\n---\nb")
    (problem,) = find_problems(shop)
    assert "cannot be part of an address" in problem.what


def test_a_playbook_whose_name_cannot_be_an_id_is_refused(shop: Path) -> None:
    (shop / "playbooks" / "person.md").rename(shop / "playbooks" / "A person.md")
    (problem,) = find_problems(shop)
    assert problem.what == "`A person` cannot be a playbook's id"


@pytest.mark.parametrize(
    ("colour", "contrast"), [("#ffffff", 1.0), ("#000000", 21.0), ("#767676", 4.54), ("#777777", 4.48)]
)
def test_contrast_is_measured_as_the_web_guidelines_do(colour: str, contrast: float) -> None:
    assert measure_contrast(colour) == pytest.approx(contrast, abs=0.005)


@pytest.mark.parametrize(
    ("source", "what", "line"),
    [
        ("x = 1\ny = 1 / 0\n", "cannot be imported: ZeroDivisionError", 2),
        ("x = 1\ndef f(:\n", "cannot be imported: SyntaxError", 2),
        ("import nothing_of_this_name\n", "cannot be imported: ModuleNotFoundError", 1),
        ("raise SystemExit(3)\n", "cannot be imported: SystemExit", 1),
        ("def setup(folder):\n    raise OSError('disk full')\n", "`setup` failed: OSError: disk full", 2),
    ],
)
def test_python_that_breaks_at_load_is_named_with_its_line(shop: Path, source: str, what: str, line: int) -> None:
    (shop / "tools.py").write_text(source)
    (problem,) = find_problems(shop)
    assert problem.what.startswith(what)
    assert (problem.path, problem.line) == (shop / "tools.py", line)


def test_python_that_breaks_in_a_module_beside_is_named_there(shop: Path) -> None:
    (shop / "rating.py").write_text("\n\nPRICE = {}['bike']\n")
    (shop / "tools.py").write_text("from .rating import PRICE\n")
    (problem,) = find_problems(shop)
    assert (problem.path, problem.line) == (shop / "rating.py", 3)
    change(shop / "tools.py", "from .rating", "from rating")
    (problem,) = find_problems(shop)
    assert problem.remedy == "it lies beside: write `from .rating import …`"


def test_loading_leaves_nothing_behind_but_its_own_package(shop: Path, tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    open_bundle(shop, data=tmp_path / "rows")
    added = {name.split(".")[0] for name in set(sys.modules) - modules}
    assert sys.path == path
    assert len([name for name in added if name.startswith("firstline_bundle_")]) == 1
    assert not list(shop.rglob("__pycache__"))


def test_a_folder_that_cannot_hold_the_rows_is_named(shop: Path) -> None:
    rows = shop.parent / "rows"
    rows.write_text("a file")
    (problem,) = find_problems(shop)
    assert "FIRSTLINE_DATA" in problem.remedy
    assert os.fspath(problem.path or "").startswith(str(rows))


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("abc:-[]{}#&*!|>'\"%@`?,\n \t0.~<é你\x00"), max_size=60))
def test_no_text_makes_the_yaml_reader_fall_over(text: str) -> None:
    try:
        document = load_yaml(text, path=Path("x.yaml"))
    except ConfigError as error:
        assert all(problem.line and problem.remedy for problem in error.problems)
    else:
        assert all(line >= 1 for line in document.lines.values())
