"""`python -m tests.support.fake_claude --port N --script file`: the fake as a process of its own.

Prints its URL, and serves until it is stopped. What came in and what it cost: GET /_requests, GET /_ledger.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from tests.support.fake_claude import FakeClaude, Scripted, load_script


async def serve(port: int, script: Path, *, repeat: bool) -> None:
    async with FakeClaude(Scripted(load_script(script), repeat=repeat), port=port) as fake:
        sys.stdout.write(fake.url + "\n")
        sys.stdout.flush()
        await fake.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="fake_claude", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--repeat", action="store_true", help="say the last step again and again")
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(given.port, given.script, repeat=given.repeat))


if __name__ == "__main__":
    main()
