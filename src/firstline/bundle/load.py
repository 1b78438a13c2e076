"""Loading a bundle: a folder in, one checked value out, or every mistake in it at once with file and line.

Tools are Python and live a level higher, so they come in through `load_tools`;
`firstline.tools.python.open_bundle` gives a bundle together with its running tools.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

from firstline.bundle import Article, Bundle, Example, Playbook
from firstline.bundle.check import Draft, Sourced, check_draft
from firstline.bundle.files import find_files, find_strays, hash_revision, read_text
from firstline.bundle.knowledge import link_articles, load_article
from firstline.bundle.markdown import read_dialogue, split_front_matter
from firstline.bundle.mistakes import read_shape, suggest
from firstline.bundle.shapes import BundleFile, ExampleHeader, LocalesOnly, PlaybookHeader
from firstline.bundle.yaml_lines import Document, load_yaml
from firstline.errors import ConfigError, Problem
from firstline.tools import Tool
from firstline.types import Locale, PlaybookId

LoadTools = Callable[[Path], Mapping[str, Tool]]
"""The bundle's folder -> its tools in their order. Raises ConfigError."""

_PLAYBOOK_ID = re.compile(r"[a-z][a-z0-9_-]{0,62}")

Given = ParamSpec("Given")
Found = TypeVar("Found")


def load_bundle(path: Path, *, load_tools: LoadTools | None = None) -> Bundle:
    """The bundle in the folder `path`. Without `load_tools` none of its code runs, and it has no tools.

    Raises: ConfigError with every problem found, sorted by file and line.
    """
    if not path.is_dir():
        raise ConfigError(Problem("there is no such folder", "give the folder that holds bundle.yaml", path))
    return _Loading(path).load(load_tools)


class _Loading:
    """One loading: collects problems and goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = path.resolve().name
        self._files = find_files(path)
        self._problems = find_strays(path, self._files)

    def load(self, load_tools: LoadTools | None) -> Bundle:
        document = self._read_head()
        locales = read_shape(document, LocalesOnly).locales
        head = self._attempt(read_shape, document, BundleFile, locales=locales)
        identity = self._attempt(read_text, self._path / "identity.md")
        policy = self._attempt(read_text, self._path / "policy.md")
        context = [self._attempt(read_text, file) for file in self._within("context")]
        tools = None if load_tools is None else self._attempt(load_tools, self._path)
        draft = Draft(
            path=self._path,
            locales=locales,
            head=document,
            bundle=head,
            playbook_ids=tuple(file.stem for file in self._within("playbooks")),
            playbooks=self._gather(_load_playbook, "playbooks", locales),
            examples=self._gather(_load_example, "examples", locales),
            tools=tools,
        )
        articles = self._load_articles(locales)
        self._problems += check_draft(draft)
        if self._problems or head is None or identity is None or policy is None:
            raise ConfigError(*sorted(self._problems, key=lambda each: (str(each.path or ""), each.line or 0)))
        return Bundle(
            folder=self._path,
            revision=hash_revision(self._path, self._files),
            **{name: getattr(head, name) for name in BundleFile.model_fields},
            identity=identity.strip(),
            context=tuple(text.strip() for text in context if text is not None),
            policy=policy.strip(),
            playbooks={each.value.id: each.value for each in draft.playbooks},
            examples=tuple(each.value for each in draft.examples),
            articles=articles,
            tools=tools or {},
        )

    def _attempt(self, load: Callable[Given, Found], *args: Given.args, **kwargs: Given.kwargs) -> Found | None:
        try:
            return load(*args, **kwargs)
        except ConfigError as error:
            self._problems.extend(error.problems)
            return None

    def _within(self, folder: str) -> list[Path]:
        return [file for file in self._files if file.parent == self._path / folder and file.suffix == ".md"]

    def _gather(
        self, load: Callable[[Path, tuple[Locale, ...]], Found], folder: str, locales: tuple[Locale, ...]
    ) -> tuple[Found, ...]:
        found = (self._attempt(load, file, locales) for file in self._within(folder))
        return tuple(each for each in found if each is not None)

    def _read_head(self) -> Document:
        path = self._path / "bundle.yaml"
        document = load_yaml(read_text(path), path=path)
        if not isinstance(document.value, dict):
            raise ConfigError(Problem("bundle.yaml is no mapping", "write lines like `name: …`", path, 1))
        return document

    def _load_articles(self, locales: tuple[Locale, ...]) -> tuple[Article, ...]:
        sources: list[tuple[Path, Article, int]] = []
        knowledge = self._path / "knowledge"
        strange: set[str] = set()
        for file in self._files:
            if knowledge not in file.parents or file.suffix != ".md":
                continue
            locale = file.relative_to(knowledge).parts[0]
            if locale not in locales:
                strange.add(locale)
                continue
            loaded = self._attempt(load_article, file, bundle=self._name, locale=locale, root=knowledge / locale)
            sources += [(file, *loaded)] if loaded else []
        for name in sorted(strange):
            what = f"`{name}` is no language of this bundle"
            self._problems.append(Problem(what, suggest(name, locales), knowledge / name))
        articles, problems = link_articles(sources)
        self._problems += problems
        return articles


def _load_playbook(path: Path, locales: tuple[Locale, ...]) -> Sourced[Playbook]:
    if not _PLAYBOOK_ID.fullmatch(path.stem):
        remedy = "name it with a-z, 0-9, - and _ only, beginning with a letter"
        raise ConfigError(Problem(f"`{path.stem}` cannot be a playbook's id", remedy, path))
    document, body, _ = split_front_matter(read_text(path), path=path)
    header = read_shape(document, PlaybookHeader, locales=locales)
    playbook = Playbook(
        id=PlaybookId(path.stem),
        title=header.title,
        kind=header.kind,
        when=header.when,
        utterances=header.utterances,
        tools=header.tools,
        suggestions=header.suggestions or {},
        say=header.say,
        instructions=body,
    )
    return Sourced(playbook, document)


def _load_example(path: Path, locales: tuple[Locale, ...]) -> Sourced[Example]:
    document, body, first_line = split_front_matter(read_text(path), path=path)
    header = read_shape(document, ExampleHeader, locales=locales)
    turns, lines = read_dialogue(body, path=path, first_line=first_line)
    places = {("lines", index): line for index, line in enumerate(lines)}
    example = Example(playbook=header.playbook, locale=header.locale, lines=turns)
    return Sourced(example, Document(path, document.value, {**document.lines, **places}))
