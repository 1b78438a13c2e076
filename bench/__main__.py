"""`python -m bench [--quick]`: start everything, measure in rounds, write the findings, end everything."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import uvloop
from rich.console import Console

from bench.idle import allow_files, hold_streams
from bench.machine import Cores, choose_cores, describe_machine, resident_mb
from bench.report import OURS, USUAL, Findings, write_findings
from bench.rounds import Entry, Plan, run_rounds
from bench.servers import Server, start_ours, start_relay, start_upstream, start_usual
from bench.turns import Ours, speaks_messages, usual_stack

FULL = Plan(rounds=7, single_turns=40, loop_seconds=3.0, starts=3, idle_streams=1_000)
QUICK = Plan(rounds=2, single_turns=20, loop_seconds=1.0, starts=1, idle_streams=200)
SPARE_FILES = 200
RELAY = "relay"


Tell = Callable[[str], None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some 40 seconds, for rough figures")
    quick: bool = parser.parse_args().quick
    console = Console()
    with ExitStack() as stack:
        tell = stack.enter_context(console.status("starting …")).update
        cores = stack.enter_context(_pinned())
        findings = _run(stack, QUICK if quick else FULL, cores, tell)
    path = write_findings(findings, console)
    console.print(f"written to bench/{path.parent.name}/{path.stem}.md and .json")


def _run(stack: ExitStack, plan: Plan, cores: Cores, tell: Tell) -> Findings:
    began = time.perf_counter()
    allow_files(plan.idle_streams + SPARE_FILES)
    machine = describe_machine()
    upstream = _keep(stack, start_upstream(cores.load))
    servers, started = _start_servers(stack, cores, upstream, starts=plan.starts, tell=tell)
    idle_mb = {name: resident_mb(server.pid) for name, server in servers.items()}
    tell(f"{plan.idle_streams} idle streams")  # before the load, whose memory they would use again
    idle = uvloop.run(hold_streams(servers[OURS], streams=plan.idle_streams))
    results = uvloop.run(run_rounds(_entries(upstream, servers), plan, cores.server, tell))
    loaded_mb = {name: resident_mb(server.pid) for name, server in servers.items()}
    tell("the store")
    append = _measure_append(cores.server)
    tell("inbox and report, 100,000 conversations")
    inbox = _measure_inbox(plan)
    seconds = time.perf_counter() - began
    return Findings(machine, plan, results, idle_mb, loaded_mb, started, idle, append, inbox, seconds)


def _entries(upstream: Server, servers: Mapping[str, Server]) -> list[Entry]:
    ours = servers[OURS]
    return [
        Entry(speaks_messages("direct", upstream.port), None),
        Entry(speaks_messages(RELAY, servers[RELAY].port), servers[RELAY].pid),
        Entry(usual_stack(USUAL, servers[USUAL].port), servers[USUAL].pid),
        Entry(Ours(OURS, ours.port), ours.pid),
        Entry(Ours(f"{OURS}, first turns", ours.port, turns=1), ours.pid),
    ]


def _start_servers(
    stack: ExitStack, cores: Cores, upstream: Server, *, starts: int, tell: Tell
) -> tuple[dict[str, Server], dict[str, float]]:
    """The servers under test, and how long they took to be ready (median); the usual one and ours by turns."""
    taken: dict[str, list[float]] = {USUAL: [], OURS: []}
    servers: dict[str, Server] = {}
    for number in range(1, starts + 1):
        tell(f"starting the servers, {number} of {starts}")
        for server in servers.values():
            server.end()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers[USUAL] = _keep(stack, start_usual(cores.server, upstream))
        servers[OURS] = _keep(stack, start_ours(cores.server, upstream, folder))
        for name, server in servers.items():
            taken[name].append(server.started_seconds)
    relay = _keep(stack, start_relay(cores.server, upstream))
    return {RELAY: relay, **servers}, {name: median(seconds) for name, seconds in taken.items()}


def _keep(stack: ExitStack, server: Server) -> Server:
    """The server, which ends when the stack does, or before."""
    stack.callback(server.end)
    return server


def _measure_append(core: int) -> dict[str, float]:
    process = subprocess.Popen([sys.executable, "-m", "bench.append"], stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, {core})
    told, _ = process.communicate(timeout=60)
    figures: dict[str, float] = json.loads(told)
    return figures


def _measure_inbox(plan: Plan) -> dict[str, dict[str, float]]:
    """In a process of its own, which starts a server of its own; a tenth of the past for a quick run."""
    past = "10000" if plan is QUICK else "100000"
    told = subprocess.check_output([sys.executable, "-m", "bench.inbox", past], timeout=600)
    figures: dict[str, dict[str, float]] = json.loads(told)
    return figures


@contextmanager
def _pinned() -> Iterator[Cores]:
    """This process stays on the core of the load generator; afterwards it may go where it could before."""
    before, cores = os.sched_getaffinity(0), choose_cores()
    os.sched_setaffinity(0, {cores.load})
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    main()
