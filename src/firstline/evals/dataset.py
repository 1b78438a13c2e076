"""The cases of a bundle: read from `evals/*.yaml`, every mistake with file and line; made concrete by a seed."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import RootModel

from firstline.bundle import Bundle
from firstline.bundle.files import read_text
from firstline.bundle.mistakes import read_shape, suggest
from firstline.bundle.yaml_lines import Document, load_yaml
from firstline.errors import ConfigError, Problem
from firstline.scoring.case import Case, Choice, ToolUse
from firstline.types import Json

_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class CaseFile(RootModel[tuple[Case, ...]]):
    """One file of a dataset: a list of cases."""


def load_cases(bundle: Bundle, folder: Path | None = None) -> tuple[Case, ...]:
    """Every case in the bundle's `evals/` (or another folder), by file and place.

    Raises: ConfigError with every mistake found: shape, double ids, names that the bundle does not have.
    """
    where = folder or bundle.folder / "evals"
    problems: list[Problem] = []
    found: list[tuple[Case, Document, int]] = []
    for path in sorted(where.glob("*.yaml")):
        try:
            document = load_yaml(read_text(path), path=path)
            cases = read_shape(document, CaseFile, locales=bundle.locales, strict=False).root
        except ConfigError as error:
            problems += error.problems
            continue
        found += [(case, document, place) for place, case in enumerate(cases)]
    problems += _check(found, bundle)
    if problems:
        raise ConfigError(*problems)
    return tuple(case for case, _, _ in found)


def _check(found: Sequence[tuple[Case, Document, int]], bundle: Bundle) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, Document] = {}
    slugs = {article.slug for article in bundle.articles}
    for case, document, place in found:
        line = document.line((place, "id"))

        def problem(what: str, remedy: str, line: int = line, document: Document = document) -> None:
            problems.append(Problem(what, remedy, document.path, line))

        if case.id in seen:
            problem(f"the case `{case.id}` is there twice", f"see {seen[case.id].path.name}; give it another id")
        seen[case.id] = document
        for kind, used, known in _names(case, bundle, slugs):
            if used not in known:
                problem(
                    f"`{case.id}` names the {kind} `{used}`, which the bundle does not have", suggest(used, known)
                )
        for name in sorted(_placeholders(case) - set(case.params)):
            problem(f"`{case.id}` has no parameter `{name}`", f"add it to `params`, or write {name} without braces")
    return problems


def _names(case: Case, bundle: Bundle, slugs: set[str]) -> Iterable[tuple[str, str, Iterable[str]]]:
    """Every name that a case takes from the bundle."""
    uses: list[ToolUse] = list(case.expect.writes or ())
    for turn in case.turns:
        uses += turn.expect.tools
        yield from (("playbook", each, bundle.playbooks) for each in turn.expect.playbook)
        yield from (("article", each, slugs) for each in turn.expect.sources)
        if turn.expect.card is not None:
            yield "tool", turn.expect.card, bundle.tools
    yield from (("article", each, slugs) for each in case.expect.sources)
    yield from (("tool", each.tool, bundle.tools) for each in uses)
    yield from (("tool", each.tool, bundle.tools) for each in case.faults)
    if case.simulated is not None and case.simulated.wants_tool is not None:
        yield "tool", case.simulated.wants_tool, bundle.tools


def _placeholders(case: Case) -> set[str]:
    """The names in braces where parameters may stand."""
    return set(_PLACE.findall(case.model_dump_json(include={"turns", "simulated", "expect"})))


def make_concrete(case: Case, seed: int) -> Case:
    """The case with its parameters chosen by the seed: the same seed, the same case."""
    if not case.params:
        return case
    chance = random.Random(f"{case.id} {seed}")  # noqa: S311  # values of a test, nothing secret
    chosen = {name: _choose(choice, chance) for name, choice in case.params.items()}
    body: Json = case.model_dump(mode="json", exclude={"params"})
    return Case.model_validate({**_fill(body, chosen), "params": {}}, strict=False)


def _choose(choice: Choice, chance: random.Random) -> str | int | float:
    if choice.values:
        return chance.choice(choice.values)
    assert choice.low is not None and choice.high is not None, "the shape sees to it"
    return chance.randrange(choice.low, choice.high + 1, choice.step)


def _fill(value: Any, chosen: Mapping[str, str | int | float]) -> Any:
    """The value with every `{name}` filled in; a text that is nothing else becomes the parameter itself."""
    if isinstance(value, dict):
        return {key: _fill(each, chosen) for key, each in cast("Json", value).items()}
    if isinstance(value, list):
        return [_fill(each, chosen) for each in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    alone = _PLACE.fullmatch(value)
    if alone and alone[1] in chosen:
        return chosen[alone[1]]
    return _PLACE.sub(lambda found: str(chosen.get(found[1], found[0])), value)
