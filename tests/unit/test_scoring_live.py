"""A live conversation is scored as a case is: on the same log both give the same, and what breaks it is seen live.

The workshop's cases are played, and their logs read as if a customer had written and nobody had labelled anything.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from firstline.conversation import Conversation, fold, new_conversation
from firstline.events import (
    CorrectionPosted,
    Event,
    HandoffOffered,
    HandoffRequested,
    HandoffReturned,
    MessagePosted,
    TurnEnded,
    TurnStarted,
)
from firstline.scores import PAIRS, score_conversation
from firstline.scoring import Criterion, Score
from firstline.scoring.case import Case
from firstline.scoring.live import build_trial, find_acts
from firstline.scoring.scorers import SCORERS
from firstline.scoring.trial import Trial
from firstline.types import ConversationId, Usage
from firstline.wire import build_known
from tests.support.dummies import DUMMIES, Clerk, Dummy
from tests.support.scripted import START, start
from tests.support.toy import make_bundle
from tests.support.tried import change_events, change_replies, drop, play, reword, trial_of
from tests.unit.test_outcomes import DESK, Past

KNOWN = build_known(play()[0])
MODELS: Sequence[type[Dummy]] = (Clerk, *DUMMIES)

Scored = Mapping[tuple[Criterion, int | None], list[bool]]
"""By criterion and by the seq at which the act began."""


def as_live(trial: Trial) -> Conversation:
    return fold(trial.log, onto=new_conversation(ConversationId("cv_live")))


def read_live(trial: Trial) -> Trial:
    live = build_trial(as_live(trial), KNOWN.bundle)
    assert live is not None
    return live


def run_scorers(trial: Trial) -> list[Score]:
    return [score for scorer in SCORERS for score in scorer(trial, KNOWN)]


def by_act(trial: Trial) -> Scored:
    found: dict[tuple[Criterion, int | None], list[bool]] = {}
    for score in run_scorers(trial):
        begins = None if score.act is None else trial.acts[score.act][0]
        found.setdefault((score.criterion, begins), []).append(score.ok)
    return found


# Offline and live -------------------------------------------------------------------------------------------------


def without_gold(case: Case) -> Case:
    """The case without what only a person could know: words, sources, arguments."""
    gold = {"must_say", "must_not_say", "sources", "tools"}
    turns = [
        {**turn.model_dump(mode="json"), "expect": turn.expect.model_dump(mode="json", exclude=gold)}
        for turn in case.turns
    ]
    expect = case.expect.model_dump(mode="json", exclude={"must_not_say", "sources"})
    return Case.model_validate({**case.model_dump(mode="json"), "turns": turns, "expect": expect}, strict=False)


def prices_due(trial: Trial) -> set[int]:
    labelled = zip(trial.case.turns, trial.acts, strict=False)
    return {begins for turn, (begins, _) in labelled if turn.expect.quote}


def both_say(trial: Trial, live: Trial, offline: Scored, alive: Scored) -> Iterable[tuple[Criterion, int | None]]:
    """What both have scored, and both have held against the same expectation."""
    for criterion, act in offline.keys() & alive.keys():
        if criterion != "quotes" or prices_due(trial) == prices_due(live):
            yield criterion, act


def compare(model: Dummy) -> list[tuple[Criterion, str, list[bool], list[bool]]]:
    found: list[tuple[Criterion, str, list[bool], list[bool]]] = []
    for trial in play(model)[1]:
        bare, live = Trial(**{**vars(trial), "case": without_gold(trial.case)}), read_live(trial)
        offline, alive = by_act(bare), by_act(live)
        same = both_say(bare, live, offline, alive)
        found += [(key[0], trial.case.id, offline[key], alive[key]) for key in same]
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_same_log_has_the_same_scores_as_a_case_and_as_a_live_conversation(model: type[Dummy]):
    assert not [each for each in compare(model()) if each[2] != each[3]]


def test_the_comparison_is_of_every_criterion_that_live_data_shows_and_of_failures_too():
    compared = [each for model in MODELS for each in compare(model())]

    assert {criterion for criterion, *_ in compared} == set(PAIRS)
    assert {criterion for criterion, _, _, ok in compared if not all(ok)} >= {"citations", "topic", "on_topic"}


@pytest.mark.parametrize("model", MODELS)
def test_figures_are_looked_at_in_every_reply_of_both(model: type[Dummy]):
    def accuracy(trial: Trial) -> list[tuple[int | None, list[bool]]]:
        return sorted((act, ok) for (criterion, act), ok in by_act(trial).items() if criterion == "accuracy")

    for trial in play(model())[1]:
        bare = Trial(**{**vars(trial), "case": without_gold(trial.case)})
        assert accuracy(bare) == accuracy(read_live(trial)), trial.case.id


def test_live_data_is_not_held_against_what_nobody_has_labelled():
    found = {score.criterion for trial in play()[1] for score in run_scorers(read_live(trial))}

    assert found == set(PAIRS)


def test_a_customer_who_did_nothing_makes_no_trial():
    assert build_trial(start(make_bundle()), make_bundle()) is None


# One thing changed --------------------------------------------------------------------------------------------------


def fail(trial: Trial) -> Trial:
    def failed(event: Event) -> Event:
        return event.model_copy(update={"outcome": "failed"}) if isinstance(event, TurnEnded) else event

    return change_events(trial, failed)


def correct(trial: Trial) -> Trial:
    reply = next(e for e in trial.events if isinstance(e, MessagePosted) and e.message.author == "assistant")
    made = CorrectionPosted(at=START, human_agent=DESK, message_id=reply.message.message_id, should_say="No.")
    return Trial(**{**vars(trial), "log": (*trial.log, type(trial.log[0])(len(trial.log) + 1, made))})


@pytest.mark.parametrize(
    ("case_id", "change", "pairs"),
    [
        ("price", lambda t: reword(t, lambda text: text.replace("$96.40", "$96.41")), {"accuracy", "quoted"}),
        ("price", lambda t: reword(t, lambda text: text.replace("$96.40", "a fair price")), {"quoted"}),
        ("price", correct, {"accuracy"}),
        ("price", fail, {"answered", "escalated"}),
        ("chain", lambda t: change_replies(t, lambda _: {"citations": ()}), {"cited"}),
        ("chain", lambda t: reword(t, lambda text: f"{text} It takes 47 minutes."), {"accuracy"}),
        ("chain", lambda t: reword(t, lambda _: "I do not know that."), {"answered"}),
        ("person", lambda t: drop(t, HandoffRequested, HandoffOffered), {"escalated"}),
        ("poem", fail, {"declined", "escalated"}),
    ],
)
def test_a_good_log_with_one_thing_changed_is_worse_live(
    case_id: str, change: Callable[[Trial], Trial], pairs: set[str]
):
    good = trial_of(case_id)

    assert not missed(good)
    assert missed(change(good)) == pairs


def missed(trial: Trial) -> set[str]:
    scores = score_conversation(as_live(trial), KNOWN)
    return {pair for pair in PAIRS.values() if getattr(scores, f"{pair}_ok") < getattr(scores, f"{pair}_n")}


# Acts ---------------------------------------------------------------------------------------------------------------


def acts_of(conversation: Conversation) -> list[list[str]]:
    """The kinds of facts of each act."""
    log = [logged.event.type for logged in conversation.log]
    return [log[first - 1 : after - 1] for first, after in find_acts(conversation.log)]


def test_the_acts_of_a_played_customer_are_found_again_in_the_log():
    for trial in play()[1]:
        said = [act for act in trial.acts if act[0] < act[1] and trial.log[act[0] - 1].event.type != CLOSED]
        assert [begins for begins, _ in read_live(trial).acts] == [begins for begins, _ in said], trial.case.id


CLOSED = "conversation.closed"


def test_what_comes_while_a_turn_runs_belongs_to_it_and_is_answered_in_an_act_of_its_own():
    ended = {"outcome": "replied", "usage": Usage(), "cost_usd": 0.0, "model": None}
    past = Past().write("one")
    first = past.now.next_turn
    assert first is not None
    past.add(TurnStarted(at=START, turn_id=first)).write("two")
    second = past.now.next_turn
    assert second is not None and second != first
    past.add(TurnEnded(at=START, turn_id=first, **ended))
    past.add(TurnStarted(at=START, turn_id=second), TurnEnded(at=START, turn_id=second, **ended)).write("three")

    assert acts_of(past.now) == [
        ["message.posted", "turn.started", "message.posted", "turn.ended"],
        ["turn.started", "turn.ended"],
        ["message.posted"],
    ]


def test_messages_that_wait_together_and_what_a_person_writes_are_no_answers_of_the_assistant():
    past = Past().write("one").write("two").turn("Yes.").add(HandoffRequested(at=START, reason="asked"))
    past.accept().reply().write("thanks").add(HandoffReturned(at=START, by="human_agent"))

    assert [len(act) for act in acts_of(past.now)] == [1, 5, 3, 2]
