"""Importing a bundle's Python as a package: `from .rating import price` works, sys.path stays as it is.

Private to `firstline.tools.python`.
"""

import hashlib
import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from firstline.errors import ConfigError, Problem


def import_tools(folder: Path) -> ModuleType:
    """The module of `folder`/tools.py, freshly run. Raises ConfigError at the line that stopped it."""
    package = _name_package(folder)
    for name in [each for each in sys.modules if each == package or each.startswith(f"{package}.")]:
        del sys.modules[name]
    spec = ModuleSpec(package, None, is_package=True)
    spec.submodule_search_locations = [str(folder.resolve())]
    sys.modules[package] = module_from_spec(spec)
    importlib.invalidate_caches()
    # The folder may be read-only, and nothing but the operator should change what is hashed.
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        with _blame(folder, "cannot be imported"):
            return importlib.import_module(f"{package}.tools")
    finally:
        sys.dont_write_bytecode = writes_none


def run_setup(module: ModuleType, *, folder: Path, rows: Path) -> None:
    """Create the folder `rows` and let the bundle's `setup`, if it has one, prepare it.

    Raises: ConfigError at the line that failed.
    """
    try:
        rows.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "set FIRSTLINE_DATA to a folder that can be written"
        raise ConfigError(Problem(f"the folder for the tools' rows: {error.strerror}", remedy, rows)) from None
    setup = getattr(module, "setup", None)
    if setup is not None:
        with _blame(folder, "`setup` failed"):
            setup(rows)


def _name_package(folder: Path) -> str:
    """A module name for this folder with these contents."""
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return f"firstline_bundle_{digest.hexdigest()[:16]}"


@contextmanager
def _blame(folder: Path, what: str) -> Generator[None]:
    """Turns whatever the bundle's code raises into a ConfigError at the bundle's own line."""
    try:
        yield
    except (Exception, SystemExit) as error:
        path, line = _find_line(folder, error)
        text = f"{what}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
        raise ConfigError(Problem(text, _advise(folder, error), path, line)) from error


def _find_line(folder: Path, error: BaseException) -> tuple[Path, int]:
    inside = [
        (folder / Path(frame.filename).relative_to(folder.resolve()), frame.lineno or 1)
        for frame in extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder.resolve())
    ]
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder.resolve()):
        return folder / Path(error.filename).relative_to(folder.resolve()), error.lineno or 1
    return inside[-1] if inside else (folder / "tools.py", 1)


def _advise(folder: Path, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and (folder / f"{error.name}.py").is_file():
        return f"it lies beside: write `from .{error.name} import …`"
    if isinstance(error, ModuleNotFoundError):
        return "install it, or do without: a bundle imports the standard library, pydantic and firstline.tools"
    return "correct the code at this line"
