"""This machine: its two cores in use, and what processes have used of them and of its memory."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MEASURED = ("anthropic", "fastapi", "starlette", "uvicorn", "uvloop", "pydantic", "aiohttp", "sqlalchemy")


@dataclass(frozen=True)
class Cores:
    """`load`: the load generator and the upstream; `server`: the server under test, alone of ours."""

    load: int
    server: int


def choose_cores() -> Cores:
    """The first and the last core that we may use; the same one where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1])


def used_seconds(pid: int) -> float:
    """CPU time of a process, user and system, all threads; in steps of a tick, mostly 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds(core: int) -> float:
    """How long this core has worked since it started, for whomever."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _wait, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / TICKS


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def describe_machine() -> dict[str, str | int | float | dict[str, str]]:
    """What a reader must know to judge the numbers; no names of hosts, nothing of the file system."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cores": os.cpu_count() or 1,
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in MEASURED},
    }
