"""Published revisions: `DATA/revisions/<revision>/<name>/`, copies of the bundle's folder that stay as they are.

The folder is called as the bundle, as every bundle's is: whatever takes a bundle's path takes this one. Its cases
(`evals/`) are copied along, as they were when the revision was first published; the revision does not cover them.
"""

import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from firstline.bundle.files import find_files, hash_revision
from firstline.errors import ConfigError, Problem

READ_ONLY = 0o444


def place_of(data: Path, name: str, revision: str) -> Path:
    """Where the copy of a revision stands, or would stand."""
    return data / "revisions" / revision / name


def keep_revision(folder: Path, data: Path, revision: str) -> Path:
    """The bundle in `folder` is kept as `revision`; the path of its copy. One that is there whole is left alone.

    The copy is written beside its place and moved there in one step: a crash leaves none, or all of it.
    Raises: ConfigError (the folder is no longer this revision, the copy cannot be written).
    """
    place = place_of(data, folder.resolve().name, revision)
    if is_whole(place, revision):
        return place
    try:
        place.parent.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(mkdtemp(prefix=".", dir=place.parent.parent))
        try:
            _copy(folder, beside / place.name)
            if not is_whole(beside / place.name, revision):
                remedy = "wait until nobody writes there, and publish again"
                raise ConfigError(Problem("the folder was changed while it was copied", remedy, folder))
            _put(beside, place.parent)
        finally:
            rmtree(beside, ignore_errors=True)
    except OSError as error:
        remedy = "give a folder that can be written in FIRSTLINE_DATA, with space on its disk"
        raise ConfigError(Problem(f"the revision cannot be kept: {error.strerror}", remedy, place.parent)) from None
    return place


def find_revision(data: Path, name: str, revision: str) -> Path:
    """The path of a kept revision. Raises ConfigError when it is not there, or is not what was published."""
    place = place_of(data, name, revision)
    if not place.is_dir():
        remedy = f"publish it again, or `firstline rollback {name}`"
        raise ConfigError(Problem(f"there is no copy of revision {revision}", remedy, place))
    if not is_whole(place, revision):
        remedy = f"put back the copy from a backup, or `firstline rollback {name}`"
        raise ConfigError(Problem(f"these files are not what was published as {revision}", remedy, place))
    return place


def is_whole(place: Path, revision: str) -> bool:
    """Whether the files there are those of the revision, byte for byte."""
    try:
        return place.is_dir() and hash_revision(place, find_files(place)) == revision
    except (ConfigError, OSError):
        return False


def _copy(folder: Path, place: Path) -> None:
    """What the bundle is read from, each file on the disk before the next."""
    for path in find_files(folder):
        target = place / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(path.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        target.chmod(READ_ONLY)


def _put(beside: Path, place: Path) -> None:
    """Move the copy to its place. What is there is another's copy of the same, or damaged: then it is set aside."""
    own = place / next(beside.iterdir()).name
    if place.exists() and not is_whole(own, place.name):
        place.rename(Path(mkdtemp(prefix=f"damaged-{place.name}-", dir=place.parent)) / place.name)
    beside.chmod(0o755)
    try:
        beside.rename(place)
    except OSError:
        if not is_whole(own, place.name):  # if it is, somebody else was first
            raise
