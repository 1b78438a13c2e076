"""Cases as they are read: every mistake with its line, parameters by seed, and the reference bundle's own."""

from collections import Counter
from pathlib import Path

import pytest

from firstline.errors import ConfigError
from firstline.evals.dataset import load_cases, make_concrete
from firstline.tools.python import open_bundle
from tests.support.toy import make_bundle

WHOLE = """\
- id: chain
  locale: en
  params: {wheels: {low: 2, high: 4}, colour: [red, blue]}
  turns:
    - say: "price for {wheels} wheels, {colour}"
      expect: {playbook: [prices], tools: [{tool: get_price, arguments: {wheels: "{wheels}"}}]}
    - press: confirm
  expect: {escalation: must_not, writes: []}
"""


def load(folder: Path, text: str):
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_cases(make_bundle(), folder)


def refuse(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_a_text_is_a_turn_and_so_is_a_button(tmp_path: Path):
    (case,) = load(tmp_path, "- {id: a, locale: en, turns: [hello, {press: person}]}")

    assert [(turn.say, turn.press) for turn in case.turns] == [("hello", None), (None, "person")]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("- id: a\n  locale: en\n  turns: [hi]\n  expct: {}\n", 4, "expct"),
        ("- id: a\n  locale: en\n  turns:\n    - say: hi\n      expect: {playbok: [prices]}\n", 5, "playbok"),
        ("- id: a\n  locale: en\n  turns:\n    - say: hi\n      press: confirm\n", 4, "`say` or `press`"),
        ("- id: a\n  locale: en\n", 1, "`turns` or a `simulated`"),
        ("- id: a\n  locale: en\n  turns: [hi]\n- id: a\n  locale: en\n  turns: [hi]\n", 4, "there twice"),
        ("- id: a\n  locale: en\n  turns:\n    - say: hi\n      expect: {playbook: [prizes]}\n", 1, "prices"),
        ("- id: a\n  locale: en\n  turns: [hi]\n  expect: {sources: [chain/grease]}\n", 1, "chain/grease"),
        ("- id: a\n  locale: en\n  turns: ['{year} please']\n", 1, "no parameter `year`"),
        ("- id: a\n  locale: en\n  turns: [hi]\n  faults: [{tool: get_prise}]\n", 1, "get_price"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(tmp_path: Path, text: str, line: int, told: str):
    refused = refuse(tmp_path, text)

    assert told in refused and f"a.yaml:{line}" in refused and "→" in refused


def test_the_same_seed_gives_the_same_case_and_others_give_others(tmp_path: Path):
    (case,) = load(tmp_path, WHOLE)

    assert make_concrete(case, 7) == make_concrete(case, 7)
    assert len({make_concrete(case, seed).turns[0].say for seed in range(20)}) > 2


def test_a_parameter_keeps_its_kind_where_it_stands_alone(tmp_path: Path):
    concrete = make_concrete(load(tmp_path, WHOLE)[0], 1)

    wheels = concrete.turns[0].expect.tools[0].arguments["wheels"]
    assert isinstance(wheels, int) and f"{wheels} wheels" in (concrete.turns[0].say or "")


def test_the_reference_bundle_has_the_cases_that_were_asked_for(tmp_path: Path):
    bundle, toolset = open_bundle(Path("bundles/acme"), data=tmp_path)
    toolset.close()
    cases = load_cases(bundle)

    locales = Counter(case.locale for case in cases)
    assert locales["en"] >= 120 and locales["zh"] >= 60
    played = {playbook for case in cases for turn in case.turns for playbook in turn.expect.playbook}
    assert played == set(bundle.playbooks)
    wanted = Counter(case.expect.escalation for case in cases)
    assert min(wanted["must"], wanted["must_not"]) >= 40
    assert {case.expect.attack for case in cases} >= {
        "injection",
        "extraction",
        "competitor",
        "promise",
        "personal_data",
    }
    assert sum(bool(case.faults) for case in cases) >= 10 and sum(case.simulated is not None for case in cases) >= 15
    assert sum(bool(case.params) for case in cases) >= 6
