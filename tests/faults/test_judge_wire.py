"""The judge over real HTTP: the Claude adapter against a fake API that answers in pieces, badly or not at all."""

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ModelFailed
from firstline.evals.judge import Asked, Judgement, judge_all, judge_one, read_prompt, write_material
from firstline.evals.judge_batch import BatchJudge
from firstline.evals.reliability import read_gold
from firstline.model.prices import load_listings, price_usd
from firstline.types import Usage
from tests.support.asking import KEY, Waits, batches, claude, scripted
from tests.support.fake_claude import Drop, FakeClaude, Lost, Refuse, Reply, Say, Scripted, Think, Torn, say

pytestmark = pytest.mark.anyio

OPUS = "claude-opus-5-5"
OVERLOADED = Refuse(529, "overloaded_error", "Overloaded")
GOOD = '{"ok": true, "why": "answers what was asked, “in full” 是的"}'
BAD = '{"ok": false, "why": "about another order"}'
ASKED = read_gold("relevance")[0].asked


def bill(fake: FakeClaude) -> float:
    """What the API would charge for everything that was begun."""
    listing = load_listings()[OPUS]
    return sum(
        price_usd(
            listing,
            Usage(
                input_tokens=used["input_tokens"],
                output_tokens=used["output_tokens"],
                cache_read_tokens=used["cache_read_input_tokens"],
                cache_write_tokens=used["cache_creation_input_tokens"],
            ),
            cache_write_1h_tokens=used["cache_creation"]["ephemeral_1h_input_tokens"],
        )
        for used in fake.ledger
    )


async def judge(*steps: Reply | Refuse | Drop, asked: Asked = ASKED) -> tuple[Any, FakeClaude]:
    async with scripted(*steps) as fake, claude(fake, OPUS) as model:
        return await judge_one(model, asked), fake


@pytest.mark.parametrize(
    "reply",
    [
        Reply((Say(GOOD, chunk_chars=1),)),
        Reply((Say(GOOD, chunk_chars=3),), bytes_at_once=7, newline="\r\n"),
        Reply((Think("Is it about this order? It is."), Say(GOOD)), junk=True),
        Reply((Say(GOOD[:9]), Say(GOOD[9:]))),
    ],
    ids=["letter by letter", "torn in the middle of letters", "after thinking, among the unknown", "in two blocks"],
)
async def test_an_answer_in_pieces_is_one_answer(reply: Reply) -> None:
    judged, fake = await judge(reply)

    assert (judged.ok, judged.why, judged.model) == (True, "answers what was asked, “in full” 是的", OPUS)
    assert len(fake.requests) == 1


async def test_what_is_thought_is_not_the_answer() -> None:
    judged, _ = await judge(Reply((Think('I would say {"ok": true}'), Say(BAD))))

    assert judged.ok is False


async def test_the_request_is_one_the_api_takes_and_holds_prompt_and_material_and_nothing_else() -> None:
    _, fake = await judge(say(GOOD))

    (request,) = fake.requests
    assert request.body["system"] == [{"type": "text", "text": read_prompt("relevance")}]
    (message,) = request.body["messages"]
    assert tuple(block["text"] for block in message["content"]) == write_material(ASKED.material)
    assert not {"tools", "tool_choice", "temperature"} & request.body.keys()


async def test_the_businesss_own_words_are_written_to_the_cache_once_and_then_read() -> None:
    shared = {"business": ["We mend bicycles of every kind. " * 200]}
    asked = [
        Asked("support", {**shared, "material": [], "customer": ["When?"], "reply": f"At {hour}."})
        for hour in range(4)
    ]
    async with scripted(*[say(GOOD)] * 4) as fake, claude(fake, OPUS) as model:
        await judge_all(model, asked, {}, concurrency=1)

    read = [used["cache_read_input_tokens"] for used in fake.ledger]
    assert read[0] == 0 and min(read[1:]) > 1_000
    assert [used["cache_creation"]["ephemeral_1h_input_tokens"] > 0 for used in fake.ledger] == [
        True,
        False,
        False,
        False,
    ]


async def test_every_item_of_the_gold_sets_is_a_request_that_the_api_takes() -> None:
    asked = [gold.asked for gold in (*read_gold("relevance"), *read_gold("support"), *read_gold("gist"))]
    async with scripted(*[say(GOOD)] * len(asked)) as fake, claude(fake, OPUS) as model:
        judged = await judge_all(model, asked, {})

    assert len(judged) == len(asked) and all(each.ok for each in judged.values())
    assert sum(each.cost_usd for each in judged.values()) == pytest.approx(bill(fake))


async def test_an_unreadable_answer_is_asked_for_once_more_and_both_are_in_the_cost() -> None:
    judged, fake = await judge(say("It seems fine to me."), say(BAD))

    assert judged.ok is False and len(fake.requests) == 2
    assert judged.cost_usd == pytest.approx(bill(fake)) and judged.cost_usd > 0


async def test_two_unreadable_answers_are_no_judgement() -> None:
    judged, fake = await judge(say("fine"), say("still fine"), say(GOOD))

    assert (judged.ok, judged.why) == (None, "unreadable") and len(fake.requests) == 2


@pytest.mark.parametrize(
    "reply",
    [Reply((Say("I cannot judge this."),), stop_reason="refusal"), Reply((), stop_reason="refusal")],
    ids=["in words", "without a word"],
)
async def test_a_refusal_is_no_judgement(reply: Reply) -> None:
    judged, _ = await judge(reply, reply)

    assert judged.ok is None


async def test_an_answer_cut_off_by_its_length_is_no_judgement() -> None:
    cut = Reply((Say(BAD[:-4]),), stop_reason="max_tokens")
    judged, _ = await judge(cut, cut)

    assert judged.ok is None


@pytest.mark.parametrize(
    "trouble",
    [
        (OVERLOADED, OVERLOADED),
        (Reply((Say(BAD),), cut_after=3),),
        (Reply((Say(BAD),), error_after=4),),
        (Drop(),),
    ],
    ids=["overloaded twice", "cut off", "an error in the stream", "dropped"],
)
async def test_trouble_that_passes_is_not_noticed(trouble: tuple[Any, ...]) -> None:
    judged, _ = await judge(*trouble, say(GOOD))

    assert judged.ok is True


async def test_an_answer_that_broke_off_half_is_not_read_with_the_one_after_it() -> None:
    """Both together would be unreadable; the first alone says the contrary."""
    judged, _ = await judge(Reply((Say(BAD + " " * 40, chunk_chars=len(BAD)),), cut_after=3), say(GOOD))

    assert judged.ok is True


async def test_an_overload_that_lasts_leaves_that_question_unjudged_and_the_others_judged() -> None:
    asked = [gold.asked for gold in read_gold("gist")[:3]]
    steps = (say(GOOD), OVERLOADED, OVERLOADED, OVERLOADED, say(BAD))
    async with scripted(*steps) as fake, claude(fake, OPUS) as model:
        judged = await judge_all(model, asked, {}, concurrency=1)

    assert [judged[one.key].ok if one.key in judged else None for one in asked] == [True, None, False]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refuse(401, "authentication_error", "invalid x-api-key"), "auth"),
        (Refuse(400, "invalid_request_error", "Your credit balance is too low to access the API."), "spend_cap"),
        (Refuse(404, "not_found_error", "model: claude-opus-5-5"), "unknown"),
    ],
)
async def test_without_key_money_or_model_nothing_more_is_asked(refusal: Refuse, code: str) -> None:
    asked = [gold.asked for gold in read_gold("gist")]
    async with scripted(*[refusal] * len(asked)) as fake, claude(fake, OPUS) as model:
        with pytest.raises(ModelFailed) as caught:
            await judge_all(model, asked, {}, concurrency=2)

    assert caught.value.code == code and len(fake.requests) <= 2


# In batches ---------------------------------------------------------------------------------------------------------


async def judge_in_batch(
    folder: Path, asked: Sequence[Asked], *steps: Reply | Refuse | Drop, **trouble: Any
) -> tuple[dict[str, Judgement], FakeClaude]:
    async with scripted(*steps) as fake, claude(fake, OPUS) as model, batches(fake, model=OPUS) as many:
        fake.batches.trouble.update({deed: deque(each) for deed, each in trouble.items()})  # pyright: ignore[reportArgumentType, reportCallIssue]
        judge = BatchJudge(many, model, folder, lambda _: None, sleep=Waits())
        return await judge(asked, {}), fake


async def test_a_whole_gold_set_is_judged_in_one_batch_at_half_the_price(tmp_path: Path) -> None:
    asked = [gold.asked for gold in (*read_gold("relevance"), *read_gold("support"))]
    judged, fake = await judge_in_batch(tmp_path, asked, *[say(GOOD)] * len(asked))

    assert len(judged) == len(asked) and all(each.ok for each in judged.values())
    assert sum(each.cost_usd for each in judged.values()) == pytest.approx(bill(fake) / 2)
    assert len(fake.batches.batches) == 1 and not [each for each in fake.requests if each.path == "/v1/messages"]


async def test_what_a_batch_leaves_open_is_asked_over_the_same_wire(tmp_path: Path) -> None:
    asked = [gold.asked for gold in read_gold("gist")[:4]]
    steps = (say("Hm."), Drop(), OVERLOADED, say(BAD), say(GOOD), say(GOOD), say(GOOD))
    judged, fake = await judge_in_batch(tmp_path, asked, *steps)

    assert [judged[one.key].ok for one in asked] == [True, True, True, False]
    assert sum(each.path == "/v1/messages" for each in fake.requests) == 3


async def check_in_a_process(fake: FakeClaude, data: Path) -> asyncio.subprocess.Process:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("FIRSTLINE_", "ANTHROPIC_"))}
    place = {"FIRSTLINE_DATA": str(data), "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": fake.url}
    command = (sys.executable, "-m", "firstline", "eval", "judge-check", "--batch", "--yes", "--json")
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, env=own | place, cwd=data, stdout=pipe, stderr=pipe)


async def test_what_a_killed_process_handed_in_is_fetched_by_the_next_one_and_paid_once(tmp_path: Path) -> None:
    async with FakeClaude(Scripted([say(GOOD)], repeat=True)) as fake:
        killed = await check_in_a_process(fake, tmp_path)
        await fake.batches.looked.wait()
        killed.kill()
        await killed.communicate()
        out, err = await (await check_in_a_process(fake, tmp_path)).communicate()

    assert len(fake.batches.batches) == 1, err
    told = json.loads(out)
    assert sum(each["n"] for each in told["questions"].values()) == len(fake.ledger)


async def test_a_batch_through_a_bad_line_is_paid_once(tmp_path: Path) -> None:
    asked = [gold.asked for gold in read_gold("gist")[:3]]
    trouble = {"create": [Lost()], "retrieve": [OVERLOADED, Drop()], "results": [Torn(80)]}
    judged, fake = await judge_in_batch(tmp_path, asked, say(GOOD), say(BAD), say(GOOD), **trouble)

    assert [judged[one.key].ok for one in asked] == [True, False, True]
    assert len(fake.batches.batches) == 1 and len(fake.ledger) == 3
