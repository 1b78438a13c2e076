"""What is wrong with this installation, and what to do: every check says one or the other."""

import errno
import importlib
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from firstline import __version__
from firstline.config import DEMO_SECRET, Settings, load_settings
from firstline.errors import ConfigError
from firstline.store.opening import HEAD, check_integrity
from firstline.tools.python import open_bundle

LOW_SPACE_BYTES = 500 * 1024 * 1024
MOST_ERROR_CHARS = 200


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is empty when it is well."""

    subject: str
    state: Literal["ok", "note", "wrong"]
    text: str
    remedy: str = ""


async def examine(bundles: Sequence[Path]) -> list[Finding]:
    """All findings, in the order in which one would mend them. Nothing is written."""
    found = [*_versions()]
    try:
        settings = load_settings()
    except ConfigError as error:
        found += [Finding("settings", "wrong", each.what, each.remedy) for each in error.problems]
        return [*found, *(finding for path in bundles for finding in _bundle(path))]
    found += [*_folder(settings), _port(settings), _secret(settings)]
    found += [finding for path in bundles for finding in _bundle(path)]
    return [*found, *await _model(settings)]


def open_socket(settings: Settings) -> socket.socket:
    """A socket, not yet bound, for the host and port in the settings."""
    sock = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sock


def advise_socket(error: OSError) -> str:
    """What to do when the host and port cannot be used."""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "set FIRSTLINE_HOST to an address of this machine, or to 0.0.0.0 for all of them"
    if error.errno == errno.EACCES:
        return "choose a port above 1023 with FIRSTLINE_PORT"
    return "stop what listens there, or choose another with FIRSTLINE_PORT (make serve PORT=…)"


def _versions() -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("version", "ok", f"firstline {__version__} on Python {python}")


def _folder(settings: Settings) -> Iterator[Finding]:
    """The folder and the store in it, looked at without writing anything."""
    folder = settings.data.absolute()
    home = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(home).free
    space = f"{free / 2**30:.1f} GiB free"
    if not home.is_dir():
        yield Finding("folder", "wrong", f"{home} is a file", "set FIRSTLINE_DATA to a folder")
        return
    if not os.access(home, os.W_OK | os.X_OK):
        yield Finding("folder", "wrong", f"{home} cannot be written", "set FIRSTLINE_DATA to a folder that can")
    elif free < LOW_SPACE_BYTES:
        yield Finding("folder", "wrong", space, "make room, or set FIRSTLINE_DATA to another disk")
    else:
        yield Finding("folder", "ok", f"{folder}, {space}")
    store = folder / "firstline.db"
    if settings.store_url != f"sqlite:///{store}":
        yield Finding("store", "note", "FIRSTLINE_STORE names another store, not looked at")
    elif not store.exists():
        yield Finding("store", "ok", "none yet; made at the first start")
    else:
        yield _integrity(settings, store)


def _integrity(settings: Settings, store: Path) -> Finding:
    try:
        state = check_integrity(settings.store_url)
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            version: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        state, version = str(error), HEAD
    if state != "ok":
        remedy = f"stop firstline, move {store} away, and put back a copy of it"
        return Finding("store", "wrong", f"damaged: {state}", remedy)
    if version > HEAD:
        remedy = "use that firstline again, or another folder in FIRSTLINE_DATA"
        return Finding("store", "wrong", f"written by a newer firstline ({version}, ours {HEAD})", remedy)
    return Finding("store", "ok", "opens, and SQLite finds nothing wrong")


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    with open_socket(settings) as probe:
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return Finding("port", "wrong", f"{where}: {error.strerror}", advise_socket(error))
    return Finding("port", "ok", f"{where} is free" if settings.port else f"{where}: any free port is taken")


def _secret(settings: Settings) -> Finding:
    if settings.identity_secret.get_secret_value() == DEMO_SECRET:
        remedy = "set FIRSTLINE_IDENTITY_SECRET before customers sign in"
        return Finding("identity", "note", "the demo's secret is in use", remedy)
    return Finding("identity", "ok", "a secret of your own")


def _bundle(path: Path) -> Iterator[Finding]:
    try:
        with TemporaryDirectory(prefix="firstline-doctor-") as rows:
            bundle, toolset = open_bundle(path, data=Path(rows))
            toolset.close()
    except ConfigError as error:
        count = len(error.problems)
        first = error.problems[0]
        text = f"{first.path or path}: {first.what}" if count == 1 else f"{path}: {count} mistakes"
        yield Finding("bundle", "wrong", text, first.remedy if count == 1 else f"firstline check {path}")
        return
    text = f"{bundle.name}, revision {bundle.revision}: {len(bundle.articles)} articles, {len(bundle.tools)} tools"
    yield Finding("bundle", "ok", text)


async def _model(settings: Settings) -> list[Finding]:
    if settings.chosen_model == "offline":
        why = "FIRSTLINE_MODEL is offline" if settings.model else "no key"
        remedy = "set ANTHROPIC_API_KEY to speak with Claude" if not settings.model else ""
        return [Finding("model", "note", f"{why}: the offline model answers", remedy)]
    claude = importlib.import_module("firstline.model.claude")  # slow to import, and only needed with a key
    assert settings.anthropic_api_key is not None
    key = settings.anthropic_api_key.get_secret_value()
    try:
        known: frozenset[str] = await claude.list_models(api_key=key, base_url=settings.anthropic_base_url)
    except Exception as error:
        return [_upstream(error, key)]
    missing = [model_id for model_id in settings.chat_models if model_id not in known]
    if not missing:
        return [Finding("model", "ok", f"{', '.join(settings.chat_models)}; the key works")]
    remedy = f"set FIRSTLINE_CHAT_MODELS; there are {', '.join(sorted(known)[:8])}"
    return [Finding("model", "wrong", f"{model_id}: no such model for this key", remedy) for model_id in missing]


def _upstream(error: Exception, key: str) -> Finding:
    """Why the list of models could not be had."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        remedy = "set ANTHROPIC_API_KEY to a key that is in force"
        return Finding("model", "wrong", f"the API refuses the key ({status})", remedy)
    text = " ".join(str(error).replace(key, "[key]").split())[:MOST_ERROR_CHARS] or type(error).__name__
    return Finding("model", "wrong", f"the API cannot be reached: {text}", "check ANTHROPIC_BASE_URL and the network")
