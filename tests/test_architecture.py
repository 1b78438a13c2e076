"""The shape that the design promises, held by reading the source: levels, sizes, words, and proofs of promises."""

import ast
import builtins
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.promises import PROMISES, promises_in_name

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
PACKAGE = "firstline"

# Levels -------------------------------------------------------------------------------------------------------------

LEVELS = {
    # 0 words
    "": 0, "errors": 0, "types": 0, "events": 0, "states": 0, "config": 0,
    # 1 rules and protocols
    "conversation": 1, "bundle": 1, "model": 1, "model.note": 1, "retrieval": 1, "tools": 1, "tools.gate": 1,
    "tools.rules": 1, "tools.schema": 1, "guardrails": 1, "store": 1, "dispatch": 1, "desk": 1, "desk.outbox": 1,
    "desk.hearing": 1, "desk.signing": 1, "desk.words": 1, "desk.fetch": 1, "intervals": 1, "report": 1,
    "language": 1, "phrases": 1,
    "retrieval.passages": 1, "hours": 1, "notices": 1, "handoff": 1, "package": 1, "answers": 1, "facts": 1,
    "sentences": 1, "wishes": 1, "gravity": 1, "markup": 1, "sentiment": 1, "lexicons": 1, "drawing": 1, "staff": 1,
    "record": 1, "publishing": 1, "second_ear": 1,
    "outcome": 1, "judges": 1, "scores": 1, "scoring": 1,
    # 2 adapters: whatever else stands in the packages of the seven protocols, and the starter that `new` copies
    "starter": 2,
    # 3 engine
    "engine": 3, "engines": 3, "route": 3, "prompt": 3, "history": 3, "release": 3, "calls": 3, "loop": 3,
    "prepare": 3, "ending": 3, "turn": 3,
    "ledger": 3, "worker": 3, "indexer": 3, "timekeeper": 3, "mood": 3, "courier": 3, "metrics": 1,
    # 4 the composition root
    "wire": 4,
    # 5 doors
    "service": 5, "evals": 5, "cli": 5, "staff_commands": 5, "desk_commands": 5, "publish_commands": 5,
    "publish_evidence": 5, "draft": 3, "__main__": 5, "terminal": 5,
    "doctor": 5, "explain": 5, "logs": 5,
}  # fmt: skip
ADAPTER_PACKAGES = ("model", "retrieval", "tools", "guardrails", "store", "dispatch", "desk")
SAME_ADAPTER = {
    "model.prices": "model.claude",
    "tools.package": "tools.python",
    "store.opening": "store.sql",
    "store.records": "store.sql",
    "store.staff": "store.sql",
    "store.staff_audit": "store.sql",
    "store.staff_opening": "store.sql",
    "store.deliveries": "store.sql",
    "store.judged": "store.sql",
    "store.judgements": "store.sql",
    "store.publications": "store.sql",
    "store.sums": "store.sql",
    "store.tallies": "store.sql",
    "store.migrations": "store.sql",
}
"""Parts of an adapter whose names do not begin with its name (`model.claude_stream` is part of `model.claude`)."""

DOORS_TO_ADAPTERS = {
    ("evals.replay_command", "store.opening"): "reads past conversations beside a running server",
    ("cli", "store.opening"): "`firstline flow --paths` reads beside a running server",
    ("cli", "tools.python"): "`firstline check` and `eval` open a bundle without a service",
    ("doctor", "tools.python"): "looks whether a bundle opens",
    ("doctor", "store.opening"): "looks into the store without starting anything",
    ("staff_commands", "store.staff"): "works beside a running server",
    ("staff_commands", "store.staff_opening"): "as store.staff",
    ("desk_commands", "store.deliveries"): "as staff_commands: works beside a running server",
    ("desk_commands", "store.staff_opening"): "as store.deliveries",
    ("publish_commands", "store.publications"): "as staff_commands: works beside a running server",
    ("publish_commands", "store.staff_opening"): "as store.publications",
    ("publish_commands", "tools.python"): "opens the bundle to check it, as `firstline check`",
    ("evals.run", "tools.python"): "a trial opens the bundle without a service",
    ("evals.estimate", "model.prices"): "what a run will cost is told before it is spent",
    ("evals.judge_asking", "model.prices"): "as evals.estimate",
    ("evals.live_judge", "store.judgements"): "works beside a running server",
    ("evals.live_judge", "store.staff_opening"): "as store.judgements",
}
"""Only `wire` chooses implementations; these doors open one themselves, and why."""

LATE_IMPORTS = {
    ("wire", "firstline.model.claude"): "takes 1-2 s and 64 MB, and only Claude needs it",
    ("wire", "firstline.model.claude_batches"): "as model.claude",
    ("store.opening", "alembic"): "takes a third of a second, and only a store of another version needs it",
    ("store.opening", "alembic.config"): "as alembic",
}
IMPORT_BY_NAME = {
    "doctor": "model.claude, slow to import and only looked at with a key",
    "tools.package": "a bundle's own tools, known only by their path",
    "evals.inspect_log": "the library of Inspect, an extra",
}
HOMES = {
    "anthropic": "model.claude",
    "httpx2": ("model.claude", "desk"),
    "sqlalchemy": "store",
    "alembic": "store",
    "tantivy": "retrieval",
    "fastapi": "service",
    "starlette": "service",
    "jwt": "service",
    "argon2": "store.staff",
    "typer": ("cli", "staff_commands", "desk_commands", "publish_commands", "evals.commands", "evals.replay_command"),
}
"""The only place at which a library is imported."""

# Sizes --------------------------------------------------------------------------------------------------------------

FILE_LINES, MEDIAN_LINES, TURN_LINES = 400, 150, 200
FUNCTION_LINES, MOST_FUNCTIONS_LINES, MOST, DEPTH = 80, 40, 0.95, 3

# Words --------------------------------------------------------------------------------------------------------------

NOT_IDENTIFIERS = {"agent", "user"}
NOT_IN_NAMES = ("manager", "handler", "helper", "processor", "utils", "util", "info", "data")
OF_A_BUSINESS = r"acme|eva|insurance|insurer|policyholder|deductible|policy number|premiums?|odometer"
MAY_NAME_A_BUSINESS = {
    "cli.py": "names the folder of the demo",
    "web/static/widget.js": "an example of how a page embeds it",
    "facts/fact.py": "an example of a host",
    "guardrails/grounding.py": "a key under which tools of many businesses give a price",
}


@dataclass(frozen=True)
class Module:
    """One file of the package. `name` is without `firstline.`; a package's own is the package's name."""

    name: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def tree(self) -> ast.Module:
        return _parse(self.path)

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    @property
    def level(self) -> int | None:
        """None when nobody has given it one."""
        parts = self.name.split(".")
        for length in range(len(parts), 0, -1):
            prefix = ".".join(parts[:length])
            exact = length == len(parts)
            if prefix in LEVELS and (exact or prefix not in ADAPTER_PACKAGES):
                return LEVELS[prefix]
        return 2 if parts[0] in ADAPTER_PACKAGES else None

    @property
    def adapter(self) -> str:
        """The adapter that it is a part of."""
        for part, whole in SAME_ADAPTER.items():
            if self.name == part or self.name.startswith(f"{part}."):
                return whole
        return self.name.split("_")[0]

    def __str__(self) -> str:
        return self.name or PACKAGE


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _find_modules() -> dict[str, Module]:
    found: dict[str, Module] = {}
    for path in sorted((SRC / PACKAGE).rglob("*.py")):
        parts = path.relative_to(SRC / PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


MODULES = _find_modules()


def imports_of(module: Module) -> Iterator[tuple[str, ast.stmt]]:
    """What it imports, with full names; `from package import module` imports the module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            base = str(node.module)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if whole.removeprefix(f"{PACKAGE}.") in MODULES else base), node


def own_imports_of(module: Module) -> set[Module]:
    names = {name for name, _ in imports_of(module) if name.split(".")[0] == PACKAGE}
    own = {MODULES[name.removeprefix(PACKAGE).removeprefix(".")] for name in names}
    return own - {module}


def third_party_imports_of(module: Module) -> set[str]:
    roots = {name.split(".")[0] for name, _ in imports_of(module)}
    return {root for root in roots if root != PACKAGE and root not in sys.stdlib_module_names}


# Levels -------------------------------------------------------------------------------------------------------------


def test_every_module_has_a_level() -> None:
    assert not [str(module) for module in MODULES.values() if module.level is None], "give it one in LEVELS"


def test_no_level_is_given_to_a_module_that_is_not_there() -> None:
    assert not [
        name for name in {*LEVELS, *SAME_ADAPTER} - {"evals"} if name not in MODULES and not _has_folder(name)
    ]


def _has_folder(name: str) -> bool:
    return (SRC / PACKAGE / Path(*name.split("."))).is_dir()


def test_a_module_imports_only_from_its_own_level_or_lower_ones() -> None:
    upward = [
        f"{module} ({module.level}) imports {imported} ({imported.level})"
        for module in MODULES.values()
        for imported in own_imports_of(module)
        if (imported.level or 0) > (module.level or 0)
    ]
    assert not upward


def test_adapters_never_import_each_other() -> None:
    across = [
        f"{module} imports {imported}"
        for module in MODULES.values()
        for imported in own_imports_of(module)
        if module.level == imported.level == 2 and module.adapter != imported.adapter
    ]
    assert not across


def test_the_engine_knows_protocols_and_no_adapter() -> None:
    known = [
        f"{module} imports {imported}"
        for module in MODULES.values()
        for imported in own_imports_of(module)
        if module.level == 3 and imported.level == 2
    ]
    assert not known


def test_only_the_composition_root_and_the_listed_doors_know_adapters() -> None:
    known = {
        (str(module), str(imported))
        for module in MODULES.values()
        for imported in own_imports_of(module)
        if module.level == 5 and imported.level == 2
    }
    assert known <= set(DOORS_TO_ADAPTERS)


def test_no_imports_go_round_in_a_circle() -> None:
    graph = {str(module): {str(imported) for imported in own_imports_of(module)} for module in MODULES.values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_words_need_nothing_but_the_standard_library_and_pydantic() -> None:
    strangers = {
        str(module): third_party_imports_of(module) - {"pydantic", "pydantic_settings"}
        for module in MODULES.values()
        if module.level == 0
    }
    assert not {name: found for name, found in strangers.items() if found}


@pytest.mark.parametrize(("library", "home"), HOMES.items(), ids=HOMES)
def test_a_library_is_imported_only_where_it_is_at_home(library: str, home: str | tuple[str, ...]) -> None:
    importers = [str(module) for module in MODULES.values() if library in third_party_imports_of(module)]

    assert importers, "nobody imports it any more: take it off the list"
    assert not [name for name in importers if not name.startswith(home)]


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        str(module)
        for module in MODULES.values()
        if re.search(r"\bos\.(environ|getenv|putenv)|\bimport environ\b|\bgetenv\b", module.text)
    ]
    assert not [name for name in readers if name != "config"]


def test_imports_stand_at_the_top_of_the_module() -> None:
    late = {
        (str(module), name)
        for module in MODULES.values()
        for name, node in imports_of(module)
        if node not in module.tree.body
    }
    assert late == set(LATE_IMPORTS)


def test_modules_are_imported_by_name_only_where_it_has_a_reason() -> None:
    by_name = {
        str(module)
        for module in MODULES.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__")
    }
    assert by_name == set(IMPORT_BY_NAME)


# Sizes --------------------------------------------------------------------------------------------------------------


def lines_of(module: Module) -> int:
    return len(module.text.splitlines())


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_file_is_too_long() -> None:
    assert not {str(module): lines_of(module) for module in MODULES.values() if lines_of(module) > FILE_LINES}


def test_half_of_the_files_are_short() -> None:
    assert statistics.median(lines_of(module) for module in MODULES.values()) <= MEDIAN_LINES


def test_the_product_in_one_function_is_one_short_file() -> None:
    assert lines_of(MODULES["turn"]) <= TURN_LINES


def test_no_function_is_too_long_and_most_are_short() -> None:
    lengths = {
        f"{module}.{function.name}": length_of(function)
        for module in MODULES.values()
        for function in module.functions
    }
    short = sum(length <= MOST_FUNCTIONS_LINES for length in lengths.values())

    assert not {name: length for name, length in lengths.items() if length > FUNCTION_LINES}
    assert short >= MOST * len(lengths)


_NESTING = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def depth_of(node: ast.AST) -> int:
    """How deep blocks stand in each other. No deeper: an `elif`, and a loop that is all that stands in its `with`."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        holds_a_loop = (
            isinstance(child, ast.With | ast.AsyncWith) and len(child.body) == 1 and isinstance(child.body[0], _LOOPS)
        )
        step = isinstance(child, _NESTING) and not is_elif and not holds_a_loop
        deepest = max(deepest, step + depth_of(child))
    return deepest


def test_blocks_stand_at_most_three_deep() -> None:
    deep = {
        f"{module}.{function.name}": depth_of(function)
        for module in MODULES.values()
        for function in module.functions
    }
    assert not {name: depth for name, depth in deep.items() if depth > DEPTH}


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        ("pass", 0),
        ("if a:\n  pass\nelif b:\n  pass\nelse:\n  pass", 1),
        ("for a in b:\n  if c:\n    with d:\n      e()", 3),
        ("async with a as b:\n  async for c in b:\n    d()", 1),
        ("async with a as b:\n  c()\n  async for d in b:\n    e()", 2),
        ("def inner():\n  for a in b:\n    if c:\n      d()", 0),
        ("try:\n  a()\nexcept B:\n  if c:\n    d()", 2),
    ],
)
def test_the_measure_of_depth_is_the_one_that_is_meant(body: str, depth: int) -> None:
    source = "async def f():\n" + "\n".join(f"  {line}" for line in body.splitlines())

    assert depth_of(ast.parse(source).body[0]) == depth


# Words --------------------------------------------------------------------------------------------------------------


def names_in(module: Module) -> Iterator[str]:
    """All names that the module itself gives: variables, arguments, attributes, functions, keywords."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(asname=str(name)):
                yield name
            case _:
                pass


def test_agent_and_user_are_no_names() -> None:
    assert not {
        str(module): found for module in MODULES.values() if (found := NOT_IDENTIFIERS & set(names_in(module)))
    }


def words_of(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def test_no_module_and_no_class_is_named_with_a_word_that_says_nothing() -> None:
    classes = [
        node.name
        for module in MODULES.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name not in dir(builtins)
    ]
    modules = [part for name in MODULES for part in name.split(".")]

    assert not [name for name in (*classes, *modules) if set(words_of(name)) & set(NOT_IN_NAMES)]


def test_nothing_of_any_one_business_is_in_the_package() -> None:
    files = [
        file for file in (SRC / PACKAGE).rglob("*") if file.suffix in (".py", ".yaml", ".md", ".html", ".js", ".css")
    ]
    named = {
        str(file.relative_to(SRC / PACKAGE)): sorted(set(found))
        for file in files
        if (found := re.findall(rf"\b(?:{OF_A_BUSINESS})\b", file.read_text(encoding="utf-8"), re.IGNORECASE))
    }
    assert not {name: found for name, found in named.items() if name not in MAY_NAME_A_BUSINESS}


def test_every_package_and_module_says_what_it_is() -> None:
    silent = [
        str(module) for module in MODULES.values() if module.text.strip() and not ast.get_docstring(module.tree)
    ]

    assert not silent


# Promises and their proofs ------------------------------------------------------------------------------------------

TESTS = ROOT / "tests"
PROVEN = ("P1", "P2", "P3", "P4", "P5", "P7", "P8", "P11", "P12")
"""What this version keeps; the others are promised for later."""


def proofs() -> dict[str, set[str]]:
    """The files that prove something, and what: by their name in `tests/promises`, by a mark anywhere."""
    found = {path: promises_in_name(path) | promises_in_marks(path) for path in sorted(TESTS.rglob("test_*.py"))}
    return {str(path.relative_to(TESTS)): promises for path, promises in found.items() if promises}


def promises_in_marks(path: Path) -> set[str]:
    return {
        str(argument.value)
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }


def test_every_file_of_proofs_is_named_after_the_promise_that_it_proves() -> None:
    nameless = [path.name for path in (TESTS / "promises").glob("*.py") if not promises_in_name(path)]

    assert nameless == ["__init__.py"]


def test_nothing_is_proven_that_was_not_promised() -> None:
    assert not {name: promises - set(PROMISES) for name, promises in proofs().items() if promises - set(PROMISES)}


def test_every_file_of_proofs_holds_tests() -> None:
    assert not [
        name for name in proofs() if not re.search(r"^(async )?def test_", (TESTS / name).read_text(), re.MULTILINE)
    ]


@pytest.mark.parametrize("promise", PROVEN)
def test_a_promise_that_this_version_keeps_has_a_proof(promise: str) -> None:
    assert [name for name, promises in proofs().items() if promise in promises]


def test_the_promises_are_numbered_without_gaps() -> None:
    assert list(PROMISES) == [f"P{number}" for number in range(1, len(PROMISES) + 1)]
