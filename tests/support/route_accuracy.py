"""How well the router does on the labelled messages: `python -m tests.support.route_accuracy`."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from firstline.bundle import Bundle
from firstline.route import Route, Router
from firstline.tools.python import open_bundle

ROOT = Path(__file__).parents[2]
MESSAGES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (ROOT / "tests/support/route_messages.yaml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Trial:
    message: dict[str, Any]
    route: Route

    @property
    def right(self) -> bool:
        return self.route.playbook in self.message["gold"]


def load_acme() -> Bundle:
    with TemporaryDirectory() as data:
        bundle, toolset = open_bundle(ROOT / "bundles/acme", data=Path(data))
        toolset.close()
    return bundle


def run_trials(router: Router, group: str) -> Iterator[Trial]:
    for message in MESSAGES[group]:
        route = router.choose(
            message["say"],
            last_playbook=message.get("after"),
            last_locale=message.get("last_locale", group if group in {"en", "zh"} else "en"),
            asked=message.get("asked", False),
        )
        yield Trial(message, route)


def count_false_declines(trials: list[Trial], decline: str) -> tuple[int, int]:
    """(on-topic messages that were declined, on-topic messages)."""
    on_topic = [trial for trial in trials if decline not in trial.message["gold"]]
    return sum(trial.route.playbook == decline for trial in on_topic), len(on_topic)


def main() -> None:
    started = time.perf_counter()
    router = Router(load_acme())
    built = time.perf_counter()
    write = sys.stdout.write
    confusion: Counter[tuple[str, str]] = Counter()
    for group in MESSAGES:
        begun = time.perf_counter()
        trials = list(run_trials(router, group))
        each_ms = (time.perf_counter() - begun) * 1000 / len(trials)
        right = sum(trial.right for trial in trials)
        false_declines, on_topic = count_false_declines(trials, "off_topic")
        write(
            f"{group}: {right}/{len(trials)} right, {false_declines}/{on_topic} declined on topic, {each_ms:.2f} ms\n"
        )
        for trial in (one for one in trials if not one.right):
            gold = "|".join(map(str, trial.message["gold"]))
            confusion[gold, str(trial.route.playbook)] += 1
            route = trial.route
            chosen = f"{route.playbook} ({route.score}, then {route.runner_up})"
            write(f"    {trial.message['say']!r}: {chosen}, not {gold}\n")
    write(f"built in {built - started:.2f} s\n")
    for (gold, chosen), count in confusion.most_common():
        write(f"{count:4d}  {gold} -> {chosen}\n")


if __name__ == "__main__":
    main()
