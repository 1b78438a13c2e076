"""The bundle that `firstline new PATH` begins with: a small bicycle workshop, to be made your own."""

import re
from pathlib import Path

from firstline.errors import ConfigError, Problem

STARTER = Path(__file__).parent.parent / "starter"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


def write_starter(path: Path) -> None:
    """Write the starter bundle into the folder `path`, named after it.

    Raises: ConfigError when something stands there already, or the folder's name cannot be a bundle's.
    """
    name = path.resolve().name
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").lstrip("0123456789-") or "my-business"
        remedy = f"begin with a letter, then a-z, 0-9 and -; for example `{better}`"
        raise ConfigError(Problem(f"`{name}` cannot be the name of a bundle", remedy, path))
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ConfigError(Problem("there is something here already", "give a new or an empty folder", path))
    for source in sorted(STARTER.rglob("*")):
        target = path / source.relative_to(STARTER)
        if source.is_file() and "__pycache__" not in source.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_rename(source.read_text("utf-8"), name), "utf-8")


def _rename(text: str, name: str) -> str:
    """The text with `starter` and `Starter` made the new name: `corner-bikes` and `Corner Bikes`."""
    business = " ".join(word.capitalize() for word in name.split("-"))
    renamed = re.sub(r"(?<=name: )starter\b|\bstarter(?=\.example)", name, text)
    return re.sub(r"\bStarter\b", business, renamed)
