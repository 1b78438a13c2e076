"""What is wrong with this installation, and what to do: every check says one or the other."""

import importlib
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstline import __version__
from firstline.config import DEMO_SECRET, Settings
from firstline.errors import ConfigError
from firstline.store.opening import check_integrity
from firstline.tools.python import open_bundle

LOW_SPACE_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is empty when it is well."""

    subject: str
    state: Literal["ok", "note", "wrong"]
    text: str
    remedy: str = ""


async def examine(settings: Settings, bundles: Sequence[Path]) -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    found = [*_versions(), *_folder(settings), _port(settings), _secret(settings)]
    found += [finding for path in bundles for finding in _bundle(path, settings)]
    return [*found, *await _model(settings)]


def _versions() -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("version", "ok", f"firstline {__version__} on Python {python}")


def _folder(settings: Settings) -> Iterator[Finding]:
    """The folder and the store in it, looked at without writing anything."""
    folder = settings.data.absolute()
    home = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(home).free
    space = f"{free / 2**30:.1f} GiB free"
    if free < LOW_SPACE_BYTES:
        yield Finding("folder", "wrong", space, "make room, or set FIRSTLINE_DATA to another disk")
    else:
        yield Finding("folder", "ok", f"{folder}, {space}")
    store = folder / "firstline.db"
    if settings.store_url != f"sqlite:///{store}":
        yield Finding("store", "note", "FIRSTLINE_STORE names another store")
    elif not store.exists():
        yield Finding("store", "ok", "none yet; made at the first start")
    else:
        yield _integrity(settings.store_url)


def _integrity(url: str) -> Finding:
    try:
        state = check_integrity(url)
    except Exception as error:
        state = str(error)
    if state == "ok":
        return Finding("store", "ok", "opens, and SQLite finds nothing wrong")
    return Finding("store", "wrong", state, "put back a copy of the file; this one is damaged")


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            remedy = "stop what listens there, or set FIRSTLINE_PORT"
            return Finding("port", "wrong", f"{settings.host}:{settings.port}: {error.strerror}", remedy)
    return Finding("port", "ok", f"{settings.host}:{settings.port} is free")


def _secret(settings: Settings) -> Finding:
    if settings.identity_secret.get_secret_value() == DEMO_SECRET:
        remedy = "set FIRSTLINE_IDENTITY_SECRET before customers sign in"
        return Finding("identity", "note", "the demo's secret is in use", remedy)
    return Finding("identity", "ok", "a secret of your own")


def _bundle(path: Path, settings: Settings) -> Iterator[Finding]:
    try:
        bundle, toolset = open_bundle(path, data=settings.data / "bundles")
    except ConfigError as error:
        count = len(error.problems)
        yield Finding("bundle", "wrong", f"{path}: {count} mistakes", f"firstline check {path}")
        return
    toolset.close()
    text = f"{bundle.name}, revision {bundle.revision}: {len(bundle.articles)} articles, {len(bundle.tools)} tools"
    yield Finding("bundle", "ok", text)


async def _model(settings: Settings) -> list[Finding]:
    if settings.chosen_model == "offline":
        remedy = "set ANTHROPIC_API_KEY to speak with Claude"
        return [Finding("model", "note", "no key: the offline model answers", remedy)]
    claude = importlib.import_module("firstline.model.claude")  # slow to import, and only needed with a key
    assert settings.anthropic_api_key is not None
    key = settings.anthropic_api_key.get_secret_value()
    try:
        known = await claude.list_models(api_key=key, base_url=settings.anthropic_base_url)
    except Exception as error:
        remedy = "check ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and the network"
        return [Finding("model", "wrong", f"the API does not answer: {error}", remedy)]
    missing = [model_id for model_id in settings.chat_models if model_id not in known]
    if missing:
        choice = ", ".join(sorted(known)[:8])
        return [
            Finding(
                "model", "wrong", f"{model_id}: no such model", f"set FIRSTLINE_CHAT_MODELS; there are {choice} …"
            )
            for model_id in missing
        ]
    return [Finding("model", "ok", f"{', '.join(settings.chat_models)}; the key works")]
