"""The list of publications in the store: it only grows, and of two writers at once one is told to look again."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firstline.errors import ConfigError, Conflict, StoreUnavailable
from firstline.publishing import Evaluation, Publication
from firstline.store.publications import SqlPublications
from firstline.store.staff_opening import open_published

AT = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "firstline.db"


@pytest.fixture
def kept(file: Path) -> Iterator[SqlPublications]:
    opened = open_published(f"sqlite:///{file}")
    yield opened
    opened.close()


def make(revision: str, bundle: str = "shop", **more: object) -> Publication:
    body = {
        "bundle": bundle,
        "act": "published",
        "revision": revision,
        "shares": {revision: 1.0},
        "at": AT,
        "by": "k",
    }
    return Publication.model_validate({**body, **more})


def test_what_is_added_is_there_in_order_with_its_number(kept: SqlPublications) -> None:
    run = Evaluation(
        folder="r", suite="s", model="m", seed=1, conversations=2, passed=1, broken=0, verdict="fail",
        criteria={"topic": "fail"},
    )  # fmt: skip
    first = kept.add(make("a", note="Größe", evaluation=run, refused=("topic fails",), despite="hotfix"), after=0)
    other = kept.add(make("x", bundle="other"), after=0)
    second = kept.add(make("b"), after=first.number)

    assert list(kept.history("shop")) == [first, second]
    assert list(kept.history("other")) == [other]
    assert list(kept.history("nobody")) == []
    assert kept.newest() == second.number == 3


def test_it_is_there_when_the_store_is_opened_again(file: Path) -> None:
    for number in range(2):
        opened = open_published(f"sqlite:///{file}")
        assert opened.newest() == number
        opened.add(make(f"r{number}"), after=number)
        opened.close()


def test_who_has_not_seen_the_last_entry_adds_nothing(kept: SqlPublications) -> None:
    kept.add(make("a"), after=0)

    with pytest.raises(Conflict):
        kept.add(make("b"), after=0)
    assert [each.revision for each in kept.history("shop")] == ["a"]


def test_of_many_who_publish_at_once_one_is_first(file: Path, kept: SqlPublications) -> None:
    barrier, lost = threading.Barrier(6), list[str]()

    def publish(revision: str) -> None:
        opened = open_published(f"sqlite:///{file}")
        barrier.wait(10)
        try:
            opened.add(make(revision), after=0)
        except Conflict:
            lost.append(revision)
        opened.close()

    writers = [threading.Thread(target=publish, args=(f"r{number}",)) for number in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(20)

    assert len(lost) == 5 and len(kept.history("shop")) == 1


@pytest.mark.parametrize("statement", ["UPDATE publications SET body = '{}'", "DELETE FROM publications"])
def test_the_table_itself_refuses_to_be_changed(file: Path, kept: SqlPublications, statement: str) -> None:
    kept.add(make("a"), after=0)

    with closing(sqlite3.connect(file)) as raw, pytest.raises(sqlite3.IntegrityError, match="only added"):
        raw.execute(statement)
    assert [each.revision for each in kept.history("shop")] == ["a"]


def test_a_store_that_is_gone_is_unavailable_not_a_bug(file: Path, kept: SqlPublications) -> None:
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("DROP TABLE publications")

    for read in (kept.newest, lambda: kept.history("shop"), lambda: kept.add(make("a"), after=0)):
        with pytest.raises(StoreUnavailable):
            read()


def test_a_store_of_another_version_is_refused(file: Path, kept: SqlPublications) -> None:
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
        raw.commit()

    with pytest.raises(ConfigError, match="older firstline"):
        open_published(f"sqlite:///{file}")
