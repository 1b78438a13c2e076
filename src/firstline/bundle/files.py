"""The files of a bundle's folder: which there are, their text, and the hash of them all.

Refused: links that lead out of the folder, files above 1 MB, text that is not UTF-8, files without any text.
"""

import hashlib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from firstline.errors import ConfigError, Problem

MOST_BYTES = 1_000_000
PARTS = (
    "bundle.yaml",
    "identity.md",
    "policy.md",
    "tools.py",
    "context",
    "playbooks",
    "examples",
    "knowledge",
    "evals",
)
_MARKDOWN_ONLY = frozenset({"context", "playbooks", "examples", "knowledge"})
_MADE_BY_TOOLS = frozenset({"__pycache__"})


def find_files(folder: Path) -> tuple[Path, ...]:
    """All files of the bundle, sorted by relative path; hidden ones and Python's caches left out.

    Raises: ConfigError naming every link that leaves the folder.
    """
    found: list[Path] = []
    problems: list[Problem] = []
    root = folder.resolve()
    for path in sorted(folder.rglob("*"), key=lambda each: each.relative_to(folder).as_posix()):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part in _MADE_BY_TOOLS for part in parts):
            continue
        if not _is_within(path, root):
            problems.append(Problem("a link that leads out of the bundle", "copy the file into the bundle", path))
        elif path.is_file():
            found.append(path)
    if problems:
        raise ConfigError(*problems)
    return tuple(found)


def _is_within(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a link to itself
        return False


def read_text(path: Path) -> str:
    """The file's text, line ends as `\\n`. Raises ConfigError when it is missing, large, binary or blank."""
    try:
        content = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        remedy = "create it (docs/bundle.md says what goes in)"
        raise ConfigError(Problem(f"cannot be read: {error.strerror}", remedy, path)) from None
    if content is None:
        raise ConfigError(Problem("larger than 1 MB", "split it into several files", path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(Problem("not UTF-8", "save the file as UTF-8", path, line)) from None
    if not text.strip():
        raise ConfigError(Problem("empty", "write something in it, or delete it", path))
    return text.replace("\r\n", "\n")


def hash_files(folder: Path, files: Sequence[Path]) -> str:
    """16 hexadecimal digits that change with any byte or name of `files`."""
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix().encode()
        digest.update(b"%d:%s%d:%s" % (len(name), name, len(content), content))
    return digest.hexdigest()[:16]


def hash_revision(folder: Path, files: Sequence[Path]) -> str:
    """The revision of the bundle: the hash of what it says, not of the cases that it is tried with."""
    return hash_files(folder, [file for file in files if folder / "evals" not in file.parents])


def find_strays(folder: Path, files: Sequence[Path]) -> list[Problem]:
    """Names probably meant to be read, but are not: `playbook/`, `tool.py`, `playbooks/greet.txt`."""
    problems: list[Problem] = []
    for name in sorted({path.relative_to(folder).parts[0] for path in files} - set(PARTS)):
        if near := get_close_matches(name, PARTS, n=1, cutoff=0.8):
            problems.append(Problem(f"`{name}` is not read", f"did you mean `{near[0]}`?", folder / name))
    for path in files:
        parts = path.relative_to(folder).parts
        if len(parts) > 1 and parts[0] in _MARKDOWN_ONLY and path.suffix != ".md":
            problems.append(Problem("only Markdown is read here", "rename it to end in .md, or move it away", path))
    return problems
