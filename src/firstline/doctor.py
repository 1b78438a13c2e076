"""What is wrong with this installation, and what to do: every check says one or the other."""

import errno
import importlib
import json
import os
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, cast

from firstline import __version__
from firstline.bundle import Bundle
from firstline.config import DEMO_SECRET, Settings, load_settings
from firstline.errors import ConfigError, ModelFailed
from firstline.model import ModelRequest, Piece, Spec, TextGrew, Turned
from firstline.prompt import build_static
from firstline.store.opening import HEAD, check_integrity
from firstline.tools.python import open_bundle
from firstline.types import Json, TurnId
from firstline.wire import build_claude_model

LOW_SPACE_BYTES = 500 * 1024 * 1024
MOST_ERROR_CHARS = 200
_NO_LIST = (404, 405, 501)
"""What servers answer that have no list of models."""


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
    found += [finding for path in bundles for finding in _bundle(path, settings)]
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
        yield from _desk(settings, store)


def _desk(settings: Settings, store: Path) -> Iterator[Finding]:
    """What the desk could not be told; nothing to say where all was, or where the store cannot tell."""
    given_up = "SELECT count(*) FROM deliveries WHERE dead_at IS NOT NULL AND desk = ?"
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        dead: int = connection.execute(given_up, (settings.desk,)).fetchone()[0]
        if dead:
            text = f"{dead} deliver{'y was' if dead == 1 else 'ies were'} given up"
            yield Finding("desk", "wrong", text, "firstline desk dead says why; then firstline desk redeliver --all")


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


def _bundle(path: Path, settings: Settings | None = None) -> Iterator[Finding]:
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
    if settings is not None and settings.chosen_model == "claude" and settings.anthropic_base_url:
        yield from _room(bundle, settings)


def _room(bundle: Bundle, settings: Settings) -> Iterator[Finding]:
    """What a server of one's own needs for this bundle: a context that is long enough, and time."""
    static = build_static(bundle)
    chars = len(json.dumps([*(turned.content for turned in static.messages), *map(asdict, static.tools)]))
    text = (
        f"{bundle.name} begins with some {chars // 4000 + 1},000 tokens, and 8,000 more are needed for a conversation"
    )
    yield Finding(
        "prompt", "note", text, "have the server's context hold them: some cut off what is too long, unsaid"
    )
    seconds = settings.turn_seconds or bundle.limits.seconds
    if settings.first_token_seconds > seconds:
        text = f"the first word is waited for {settings.first_token_seconds:g} s, but a turn ends after {seconds:g} s"
        yield Finding("patience", "note", text, "set FIRSTLINE_TURN_SECONDS, or `limits.seconds` of the bundle")


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
        if getattr(error, "status_code", None) not in _NO_LIST:
            return [_upstream(error, key)]
        known = frozenset()
    if claude.is_elsewhere(settings.anthropic_base_url):
        return await _elsewhere(settings, known, claude.is_claude)
    missing = [model_id for model_id in settings.chat_models if model_id not in known]
    if not missing:
        return [Finding("model", "ok", f"{', '.join(settings.chat_models)}; the key works")]
    return [_no_such_model(model_id, known) for model_id in missing]


async def _elsewhere(settings: Settings, known: frozenset[str], is_claude: Callable[[str], bool]) -> list[Finding]:
    """At an address that is not Anthropic's a Claude that is listed there is believed, any other model is tried."""
    asked = dict.fromkeys((*settings.chat_models, settings.fast_model, settings.judge_model))
    claudes = [model_id for model_id in asked if known and is_claude(model_id)]
    believed = [model_id for model_id in claudes if model_id in known]
    tried = [
        _no_such_model(model_id, known) if model_id in claudes else await _try(model_id, known, settings)
        for model_id in asked
        if model_id not in believed
    ]
    if not believed:
        return tried
    text = f"{', '.join(believed)} at {settings.anthropic_base_url}; the key works"
    return [Finding("model", "ok", text), *tried]


def _no_such_model(model_id: str, known: frozenset[str]) -> Finding:
    there = f"; there are {', '.join(sorted(known)[:8])}" if known else ""
    remedy = f"set FIRSTLINE_CHAT_MODELS, _FAST_MODEL and _JUDGE_MODEL{there}"
    return Finding("model", "wrong", f"{model_id}: no such model for this key", remedy)


async def _try(model_id: str, known: frozenset[str], settings: Settings) -> Finding:
    """What comes of a question whose answer stands in a passage."""
    model, began, said = build_claude_model(model_id, settings), time.monotonic(), ""
    seconds: float | None = None
    try:
        async with aclosing(cast("AsyncGenerator[Piece]", model.stream(_trial_request()))) as pieces:
            async for piece in pieces:
                seconds = time.monotonic() - began if seconds is None else seconds
                said += piece.text if isinstance(piece, TextGrew) else ""
    except ModelFailed as failure:
        if failure.code == "unknown":
            return _no_such_model(model_id, known)
        return Finding("model", "wrong", f"{model_id} does not answer: {failure}", _REMEDIES.get(failure.code, _LOOK))
    finally:
        await model.aclose()
    text = f"{model_id} answers, its first word after {seconds or 0:.1f} s; its price is unknown and counts as $0"
    if getattr(model, "plain", False):
        text += "; it gets passages as numbered text"
    if _WORD not in said.lower():
        remedy = "try a larger model, or FIRSTLINE_PLAIN_REQUESTS=true where it never saw the passage"
        return Finding("model", "note", f"{text}; it did not answer from the passage that it was given", remedy)
    return Finding("model", "ok", text)


_WORD = "heron"
_LOOK = "look into the server's own log"
_REMEDIES = {
    "first_token_timeout": "raise FIRSTLINE_FIRST_TOKEN_SECONDS: the model may still have to load",
    "idle_timeout": "raise FIRSTLINE_IDLE_SECONDS",
    "connect": "check ANTHROPIC_BASE_URL and the network",
    "auth": "set ANTHROPIC_API_KEY to a key that is in force",
}


def _trial_request() -> ModelRequest:
    """A question with a passage and a tool, as all of them have: servers differ in what they take."""
    passage: Json = {
        "type": "search_result",
        "source": "/help/code-word",
        "title": "The code word",
        "content": [{"type": "text", "text": f"The code word of this office is {_WORD}."}],
        "citations": {"enabled": True},
    }
    question: Json = {"type": "text", "text": "What is the code word of this office? Answer with one word."}
    tool = Spec("look_up_order", "Looks up an order.", {"type": "object", "properties": {}})
    return ModelRequest(
        turn_id=TurnId("doctor"),
        system="You answer from what you are given.",
        messages=(Turned("user", (passage, question)),),
        tools=(tool,),
        static_messages=0,
        max_tokens=1024,
    )


def _upstream(error: Exception, key: str) -> Finding:
    """Why the list of models could not be had."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        remedy = "set ANTHROPIC_API_KEY to a key that is in force"
        return Finding("model", "wrong", f"the API refuses the key ({status})", remedy)
    text = " ".join(str(error).replace(key, "[key]").split())[:MOST_ERROR_CHARS] or type(error).__name__
    return Finding("model", "wrong", f"the API cannot be reached: {text}", "check ANTHROPIC_BASE_URL and the network")
