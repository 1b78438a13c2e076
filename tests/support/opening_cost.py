"""What it costs a server to hold one more revision of the demo: seconds of a core, and memory.

python -m tests.support.opening_cost
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from firstline.config import Settings
from firstline.tools.python import open_bundle
from firstline.wire import build_engine, choose_model

ROUNDS = 8
ACME = Path(__file__).parents[2] / "bundles" / "acme"


def resident_mb() -> float:
    """Of this process, in MB; Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    settings = Settings(_env_file=None, model="offline")  # pyright: ignore[reportCallIssue]
    opened: list[object] = []
    with TemporaryDirectory() as rows:
        for number in range(ROUNDS):
            began, held = time.process_time(), resident_mb()
            bundle, toolset = open_bundle(ACME, data=Path(rows))
            model = choose_model(bundle, settings)
            opened.append(build_engine(bundle, toolset, model=model, folder=toolset.rows))
            spent = time.process_time() - began
            print(f"{number + 1}: {spent:.2f} s, {resident_mb() - held:.0f} MB more")


if __name__ == "__main__":
    main()
