"""A server of the workshop as a process of its own, with a model that follows rules, and a place where it may die.

`serve` is what the process runs: the real application, wired as ever, on a real socket.
"""

import os
import socket
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
import uvicorn

from firstline.config import Settings
from firstline.logs import configure_logging
from firstline.service.app import build_app
from firstline.wire import build_service
from tests.support.failpoints import Fault, FragileModel, plant
from tests.support.mechanic import Mechanic

WORKSHOP = Path(__file__).parent / "bundles" / "workshop"


@dataclass(frozen=True)
class Plan:
    """What a server process is to be. `hold`: its model stops in the middle of a long story, for ever."""

    data: Path
    fault: str = ""
    hold: bool = False


def serve(plan: Plan, told: Connection) -> None:
    """Serve until the process ends; its port is sent through `told` before anything else is done."""
    log = os.open(plan.data / "server.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    configure_logging()
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    told.send(listener.getsockname()[1])
    told.close()
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data=plan.data / "firstline",
        model="offline",
        messages_per_minute=100_000,
        conversations_per_minute=100_000,
    )
    fault = Fault(plan.fault)
    service = build_service(
        settings, [WORKSHOP], model_for=lambda bundle, settings: FragileModel(Mechanic(hold=plan.hold), fault)
    )
    plant(service, fault)
    service.dispatcher.close = partial(service.dispatcher.close, drain_seconds=0.2)  # type: ignore[method-assign]
    structlog.get_logger().info("serving", fault=plan.fault)
    config = uvicorn.Config(build_app(service), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listener])
