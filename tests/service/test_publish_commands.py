"""`firstline publish`, `revisions`, `rollback`: what a support lead reads, what a pipeline reads, and the gate."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firstline import cli, publish_commands
from firstline.bundle.load import load_bundle
from firstline.store.publications import SqlPublications
from tests.support.published import Business

CASES = "\n".join(
    f"""
- id: chain-{number}
  locale: en
  turns:
    - say: How do I oil a chain?
      expect: {{playbook: [questions], must_say: [2 drops]}}
  expect: {{}}
"""
    for number in range(8)
)


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Business:
    for name in os.environ:
        if name.upper().startswith(("FIRSTLINE_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FIRSTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return Business.begin(tmp_path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], business: Business) -> Run:
    """Run a command in this process."""
    monkeypatch.setattr(cli, "configure_logging", lambda: None)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["firstline", *(str(each) for each in arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return Done(code, said.out, said.err)

    return run


def gate(business: Business, rules: str) -> None:
    head = business.folder / "bundle.yaml"
    head.write_text(f"{head.read_text().partition('publish:')[0]}publish: {rules}\n")


def with_cases(business: Business) -> None:
    (business.folder / "evals").mkdir()
    (business.folder / "evals" / "chain.yaml").write_text(CASES)


def worsen(business: Business) -> None:
    page = business.folder / "knowledge" / "en" / "chain" / "oil.md"
    page.write_text(page.read_text().replace("2 drops", "a lot"))


def history(run: Run) -> list[Any]:
    return run("revisions", "workshop", "--json").json["history"]


# publish ------------------------------------------------------------------------------------------------------------


def test_publish_says_what_it_does_and_on_what_grounds(run: Run, business: Business) -> None:
    done = run("publish", business.folder, "--yes", "--note", "kinder", "--by", "kim")

    assert done.code == 0
    assert "published; a running server takes it up within seconds" in done.out
    for told in (business.revision, "nothing of it was published before", "all new conversations get it", "none"):
        assert told in done.err
    (entry,) = history(run)
    assert (entry["note"], entry["by"], entry["shares"]) == ("kinder", "kim", {business.revision: 1.0})
    assert load_bundle(business.place(business.revision)).revision == business.revision


def test_publish_as_json_is_one_object(run: Run, business: Business) -> None:
    done = run("publish", business.folder, "--yes", "--json")

    assert done.json["published"] is True
    assert done.json["publication"]["revision"] == business.revision
    assert run("publish", business.folder, "--yes", "--json").json == {"published": False}


def test_publishing_the_same_again_is_done_once(run: Run, business: Business) -> None:
    assert run("publish", business.folder, "--yes").code == 0
    again = run("publish", business.folder, "--yes")

    assert again.code == 0 and "published already" in again.out
    assert len(history(run)) == 1


def test_who_publishes_is_the_login_where_nobody_is_named(run: Run, business: Business) -> None:
    run("publish", business.folder, "--yes")

    assert history(run)[0]["by"] == publish_commands._login() != ""


def test_a_trial_names_what_the_others_get(run: Run, business: Business) -> None:
    first = business.revision
    run("publish", business.folder, "--yes")
    business.write("Be kind.")
    done = run("publish", business.folder, "--yes", "--share", "12.5%")

    assert done.code == 0
    assert f"12.5% of new conversations get it, the others {first[:8]}" in done.err
    assert history(run)[0]["shares"] == {business.revision: 0.125, first: 0.875}


@pytest.mark.parametrize("share", ["0%", "101%", "-5%", "10", "0.1", "ten%", "nan%", ""])
def test_a_share_that_is_none_is_refused(run: Run, business: Business, share: str) -> None:
    done = run("publish", business.folder, "--yes", f"--share={share}")

    assert done.code == 2 and "10%" in done.err
    assert history(run) == []


def test_a_trial_needs_something_for_the_others(run: Run, business: Business) -> None:
    done = run("publish", business.folder, "--yes", "--share", "10%")

    assert done.code == 2 and "nothing is published yet" in done.err


def test_a_bundle_with_mistakes_is_not_published(run: Run, business: Business) -> None:
    (business.folder / "playbooks" / "elsewhere.md").unlink()
    done = run("publish", business.folder, "--yes")
    as_json = run("publish", business.folder, "--yes", "--json")

    assert done.code == as_json.code == 1
    assert "decline" in done.out and "→" in done.out and "not published" in done.err
    assert as_json.json["published"] is False and "decline" in as_json.json["refused"][0]["what"]
    assert history(run) == [] and not (business.data / "revisions").exists()


def test_cases_with_mistakes_are_mistakes(run: Run, business: Business) -> None:
    with_cases(business)
    cases = business.folder / "evals" / "chain.yaml"
    cases.write_text(cases.read_text().replace("[questions]", "[nowhere]"))

    assert run("publish", business.folder, "--yes").code == 1


def test_nobody_is_asked_where_nobody_is(run: Run, business: Business) -> None:
    done = run("publish", business.folder)

    assert done.code == 2 and "--yes" in done.err
    assert history(run) == []


@pytest.mark.parametrize(("answer", "code", "entries"), [(True, 0, 1), (False, 2, 0)])
def test_who_is_asked_decides(
    run: Run, business: Business, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int, entries: int
) -> None:
    monkeypatch.setattr(publish_commands.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(publish_commands.typer, "confirm", lambda *_, **__: answer)

    assert run("publish", business.folder).code == code
    assert len(history(run)) == entries


def test_of_two_who_publish_at_once_one_is_told_to_look_again(
    run: Run, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("publish", business.folder, "--yes")
    business.write("Be kind.")
    read = SqlPublications.history

    def read_and_be_slow(store: SqlPublications, bundle: str) -> Any:
        found = read(store, bundle)
        store.add(found[-1].model_copy(update={"by": "somebody quicker"}), after=found[-1].number)
        return found

    with monkeypatch.context() as slow:
        slow.setattr(SqlPublications, "history", read_and_be_slow)
        done = run("publish", business.folder, "--yes")

    assert done.code == 2 and "meanwhile" in done.err and "firstline revisions workshop" in done.err
    assert history(run)[0]["by"] == "somebody quicker"


# The gate -----------------------------------------------------------------------------------------------------------


def test_a_rule_that_names_no_criterion_is_a_mistake_with_its_line(run: Run, business: Business) -> None:
    gate(business, "{not_failing: [acuracy]}")
    done = run("check", business.folder)

    assert done.code == 1
    assert re.search(r"bundle\.yaml:\d+: .*acuracy", done.out) and "accuracy" in done.out


def test_what_was_not_evaluated_is_refused_with_the_command_that_settles_it(run: Run, business: Business) -> None:
    with_cases(business)
    gate(business, "{evaluated: true, not_failing: [accuracy]}")
    done = run("publish", business.folder, "--yes")
    as_json = run("publish", business.folder, "--yes", "--json")

    assert done.code == as_json.code == 1
    command = f"firstline eval run {business.folder}"
    assert f"✗ this revision was not evaluated\n    → {command}\n" in done.out
    assert as_json.json == {
        "published": False,
        "refused": [{"what": "this revision was not evaluated", "remedy": command}],
    }
    assert run(*command.split()[1:]).code in (0, 1)
    allowed = run("publish", business.folder, "--yes", "--json")
    assert allowed.code == 0
    evaluation = allowed.json["publication"]["evaluation"]
    assert (evaluation["conversations"], evaluation["passed"], evaluation["model"]) == (8, 8, "offline")


def test_an_evaluation_of_what_was_written_before_does_not_count(run: Run, business: Business) -> None:
    with_cases(business)
    gate(business, "{evaluated: true}")
    run("eval", "run", business.folder)
    business.write("Be kind.")

    assert "was not evaluated" in run("publish", business.folder, "--yes").out


def test_an_evaluation_of_some_cases_or_of_others_does_not_count(run: Run, business: Business) -> None:
    with_cases(business)
    gate(business, "{evaluated: true}")
    run("eval", "run", business.folder, "chain-1")
    assert "of other cases" in run("publish", business.folder, "--yes").out

    run("eval", "run", business.folder)
    cases = business.folder / "evals" / "chain.yaml"
    cases.write_text(cases.read_text().replace("chain-7", "chain-new"))
    assert "of other cases" in run("publish", business.folder, "--yes").out


def test_worse_than_what_is_published_is_refused_and_told_where(run: Run, business: Business) -> None:
    with_cases(business)
    gate(business, "{not_worse: true}")
    run("eval", "run", business.folder)
    assert run("publish", business.folder, "--yes").code == 0
    first = business.revision
    worsen(business)
    run("eval", "run", business.folder)
    done = run("publish", business.folder, "--yes")

    assert done.code == 1
    assert f"worse than what is published ({first}): " in done.out and "accuracy" in done.out
    (compare,) = re.findall(r"firstline eval compare \S+ \S+", done.out)
    assert run(*compare.split()[1:]).code == 1


def test_what_is_published_is_evaluated_on_todays_cases_where_it_was_not(run: Run, business: Business) -> None:
    run("publish", business.folder, "--yes")
    with_cases(business)
    gate(business, "{not_worse: true}")
    run("eval", "run", business.folder)
    done = run("publish", business.folder, "--yes")

    assert done.code == 1 and "was not evaluated on the same cases" in done.out
    (command,) = re.findall(r"firstline eval run .*", done.out)
    assert run(*command.split()[1:]).code in (0, 1)
    assert run("publish", business.folder, "--yes").code == 0


def test_an_evaluation_of_what_is_published_on_other_cases_does_not_count(run: Run, business: Business) -> None:
    with_cases(business)
    gate(business, "{not_worse: true}")
    run("eval", "run", business.folder)
    assert run("publish", business.folder, "--yes").code == 0
    cases = business.folder / "evals" / "chain.yaml"
    cases.write_text(cases.read_text().replace("chain-7", "chain-new"))
    business.write("Be kind.")
    run("eval", "run", business.folder)

    assert "was not evaluated on the same cases" in run("publish", business.folder, "--yes").out


def test_a_failing_criterion_is_refused(run: Run, business: Business) -> None:
    with_cases(business)
    gate(business, "{not_failing: [accuracy, relevance]}")
    worsen(business)
    run("eval", "run", business.folder)
    done = run("publish", business.folder, "--yes")

    assert done.code == 1
    assert "✗ accuracy fails" in done.out and "✗ relevance was not measured" in done.out
    assert done.out.count("    → firstline eval") == 2


def test_despite_it_all_is_possible_at_night_and_is_written_down(run: Run, business: Business) -> None:
    gate(business, "{evaluated: true}")
    done = run("publish", business.folder, "--yes", "--despite", "the emergency number was wrong")

    assert done.code == 0
    (entry,) = history(run)
    assert (entry["despite"], entry["refused"]) == (
        "the emergency number was wrong",
        ["this revision was not evaluated"],
    )
    assert "the emergency number was wrong" in run("revisions", "workshop").out


def test_a_reason_that_was_not_needed_is_not_kept(run: Run, business: Business) -> None:
    run("publish", business.folder, "--yes", "--despite", "just in case")

    assert history(run)[0]["despite"] is None


def test_a_kept_revision_can_be_evaluated_as_any_bundle(run: Run, business: Business) -> None:
    with_cases(business)
    run("publish", business.folder, "--yes")
    revision = business.revision
    business.write("Something else.")

    done = run("eval", "run", business.place(revision), "--json")

    assert (done.json["revision"], done.json["conversations"]) == (revision, 8)


# revisions, rollback ------------------------------------------------------------------------------------------------


def test_revisions_of_what_was_never_published_says_so(run: Run) -> None:
    done = run("revisions", "workshop")

    assert done.code == 0 and "nothing of workshop is published" in done.err
    assert run("revisions", "workshop", "--json").json == {"bundle": "workshop", "revisions": [], "history": []}


def test_revisions_shows_who_published_what_when_and_which_share_it_has(run: Run, business: Business) -> None:
    first = business.revision
    run("publish", business.folder, "--yes", "--note", "the first", "--by", "kim")
    second = business.write("Be kind.")
    run("publish", business.folder, "--yes", "--share", "10%", "--note", "kinder")
    done = run("revisions", business.folder)

    head, newer, older = done.out.split("\n\n")
    assert f"10% {second[:8]}, 90% {first[:8]}" in head
    assert newer.startswith(f"{second}  10% now, 0 conversations") and "kinder" in newer
    assert older.startswith(f"{first}  90% now, 0 conversations") and "by kim" in older and "the first" in older


def test_rollback_goes_back_and_deletes_nothing(run: Run, business: Business) -> None:
    first = business.revision
    run("publish", business.folder, "--yes")
    second = business.write("Be kind.")
    run("publish", business.folder, "--yes")
    done = run("rollback", "workshop", "--note", "unkind after all")

    assert done.code == 0 and first[:8] in done.out
    assert [(each["act"], each["revision"]) for each in history(run)] == [
        ("rolled_back", first),
        ("published", second),
        ("published", first),
    ]
    assert business.place(second).is_dir()
    assert run("rollback", "workshop", second[:6], "--json").json["publication"]["shares"] == {second: 1.0}
    assert "get" in run("rollback", "workshop", second).out and len(history(run)) == 4


@pytest.mark.parametrize("words", [[], ["abcd"], ["0"]])
def test_a_rollback_to_nowhere_could_not_run(run: Run, business: Business, words: list[str]) -> None:
    run("publish", business.folder, "--yes")
    done = run("rollback", "workshop", *words)

    assert done.code == 2 and "    → " in done.err
    assert len(history(run)) == 1


def test_nobody_is_sent_back_to_a_copy_that_is_damaged(run: Run, business: Business) -> None:
    first = business.revision
    run("publish", business.folder, "--yes")
    business.write("Be kind.")
    run("publish", business.folder, "--yes")
    business.damage(first)
    done = run("rollback", "workshop")

    assert done.code == 2 and "are not what was published" in done.err
    assert len(history(run)) == 2
    assert "its copy is damaged" in run("revisions", "workshop").out


def test_publishing_mends_a_damaged_copy(run: Run, business: Business) -> None:
    run("publish", business.folder, "--yes")
    business.damage(business.revision)
    run("publish", business.folder, "--yes")

    assert run("revisions", "workshop", "--json").json["revisions"][0]["whole"] is True


def test_a_store_of_another_version_is_refused(run: Run, business: Business) -> None:
    run("publish", business.folder, "--yes")
    with closing(sqlite3.connect(business.data / "firstline.db")) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
        raw.commit()
    done = run("publish", business.folder, "--yes")

    assert done.code == 2 and "older firstline" in done.err


# serve --------------------------------------------------------------------------------------------------------------


def announced(business: Business, *words: str) -> str:
    """What a server says when it starts."""
    command = [sys.executable, "-m", "firstline", "serve", str(business.folder), *words]
    place = {**os.environ, "FIRSTLINE_PORT": "0", "NO_COLOR": "1"}
    with subprocess.Popen(command, env=place, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            said = next(line for line in server.stderr if line.startswith("  workshop:"))
        finally:
            server.terminate()
    return said


def test_serve_says_what_it_serves_and_that_the_folder_is_ahead_of_it(run: Run, business: Business) -> None:
    first = business.revision
    assert announced(business) == f"  workshop: the folder as it is, revision {first}\n"
    run("publish", business.folder, "--yes", "--by", "kim")

    assert re.fullmatch(rf"  workshop: revision {first}, published \d\d \w+ \d{{4}} by kim\n", announced(business))
    draft = business.write("Be kind.")
    assert "the folder has changes that are not published" in announced(business)
    assert announced(business, "--draft") == f"  workshop: the folder as it is, revision {draft}\n"
