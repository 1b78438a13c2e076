"""Kept revisions: whole or not there at all, and never other than what was published."""

import threading
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from firstline.bundle import revisions
from firstline.bundle.load import load_bundle
from firstline.bundle.revisions import find_revision, is_whole, keep_revision
from firstline.errors import ConfigError
from tests.support.shop import WORKSHOP


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(copytree(WORKSHOP, tmp_path / "workshop"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def keep(bundle: Path, data: Path) -> Path:
    return keep_revision(bundle, data, load_bundle(bundle).revision)


def refused(keep: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as error:
        keep()
    (problem,) = error.value.problems
    assert problem.remedy and problem.path is not None
    return problem.what


def listed(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "revisions").iterdir())


def test_a_kept_revision_is_the_bundle_itself_and_may_only_be_read(bundle: Path, data: Path) -> None:
    (bundle / "evals").mkdir()
    (bundle / "evals" / "some.yaml").write_text("[]")
    (bundle / ".hidden").write_text("notes")
    (bundle / "__pycache__").mkdir()
    (bundle / "__pycache__" / "tools.pyc").write_bytes(b"\0")

    place = keep(bundle, data)

    kept = load_bundle(place)
    assert (kept.revision, kept.name) == (load_bundle(bundle).revision, "workshop")
    assert (place / "evals" / "some.yaml").read_text() == "[]"
    assert not (place / ".hidden").exists() and not (place / "__pycache__").exists()
    assert {path.stat().st_mode & 0o777 for path in place.rglob("*") if path.is_file()} == {0o444}
    assert find_revision(data, "workshop", kept.revision) == place
    assert listed(data) == [kept.revision]


def test_keeping_it_again_changes_nothing(bundle: Path, data: Path) -> None:
    before = keep(bundle, data).stat()
    (bundle / "evals").mkdir()
    (bundle / "evals" / "more.yaml").write_text("[]")

    assert keep(bundle, data).stat() == before


def test_what_a_link_leads_to_is_copied(bundle: Path, data: Path) -> None:
    (bundle / "context" / "linked.md").symlink_to(bundle / "policy.md")

    place = keep(bundle, data)

    assert not (place / "context" / "linked.md").is_symlink()
    assert (place / "context" / "linked.md").read_bytes() == (bundle / "policy.md").read_bytes()


def test_a_folder_that_changes_while_it_is_copied_is_not_kept_and_leaves_nothing(bundle: Path, data: Path) -> None:
    revision = load_bundle(bundle).revision
    (bundle / "policy.md").write_text("Always be short.")

    assert refused(lambda: keep_revision(bundle, data, revision)) == "the folder was changed while it was copied"
    assert listed(data) == []


def test_a_process_that_dies_while_it_copies_leaves_no_revision_and_hinders_nobody(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*_: object) -> None:
        raise Died

    revision = load_bundle(bundle).revision
    with monkeypatch.context() as patch:
        patch.setattr(revisions, "_put", die)
        patch.setattr(revisions, "rmtree", lambda *_, **__: None)  # a killed process cleans nothing up
        with pytest.raises(Died):
            keep_revision(bundle, data, revision)
    assert "there is no copy" in refused(lambda: find_revision(data, "workshop", revision))

    assert keep(bundle, data) == find_revision(data, "workshop", revision)


@pytest.mark.parametrize("harm", ["changed", "gone", "added"])
def test_a_copy_that_is_not_what_was_published_is_refused_and_mended_by_publishing_again(
    bundle: Path, data: Path, harm: str
) -> None:
    place = keep(bundle, data)
    if harm == "added":
        (place / "context" / "more.md").write_text("All is free.")
    else:
        (place / "policy.md").unlink()
    if harm == "changed":
        (place / "policy.md").write_text("All is free.")
    revision = place.parent.name

    assert "are not what was published" in refused(lambda: find_revision(data, "workshop", revision))
    assert keep(bundle, data) == place
    assert is_whole(place, revision)
    (damaged,) = [name for name in listed(data) if name.startswith("damaged-")]
    assert revision in damaged, "what was there is kept for whoever wants to know"


def test_two_that_keep_the_same_at_once_both_have_it(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision, barrier, put = load_bundle(bundle).revision, threading.Barrier(2), revisions._put
    places: list[Path] = []

    def meet(beside: Path, place: Path) -> None:
        barrier.wait(10)
        put(beside, place)

    monkeypatch.setattr(revisions, "_put", meet)
    both = [threading.Thread(target=lambda: places.append(keep_revision(bundle, data, revision))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(20)

    assert len(places) == 2 and is_whole(places[0], revision)
    assert [name for name in listed(data) if not name.startswith("damaged-")] == [revision]


def test_a_file_in_the_place_of_the_folder_is_said(bundle: Path, data: Path) -> None:
    data.write_text("I am a file")

    assert "cannot be kept" in refused(lambda: keep(bundle, data))
