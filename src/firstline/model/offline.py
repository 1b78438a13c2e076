"""The Model protocol with no model behind it: quotes passages, fills and calls tools, declines, hands over.

Generic: all it knows of a business it takes from the bundle, all it knows of a conversation from the request.
It is never presented as more than that. Deterministic: the same request gives the same reply.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cached_property

from firstline import second_ear
from firstline.bundle import Bundle, Playbook, PlaybookKind
from firstline.gravity import needs_person, tells_danger
from firstline.model import ModelReply, ModelRequest, Piece, Replied, TextCited, TextGrew, ToolChosen
from firstline.model.offline_acts import Desk
from firstline.model.offline_advice import choose_advice
from firstline.model.offline_dialogue import Dialogue, read_dialogue
from firstline.model.offline_quotes import ENOUGH, Question, choose_quotes, fit, split_questions
from firstline.model.offline_reply import Answer, Part, Voice, Wish
from firstline.model.offline_results import tell_action
from firstline.model.offline_tools import Toolbox
from firstline.model.offline_words import Rarity, Terms, agrees, asks, coverage, hears, searchable, small_talk
from firstline.types import Json, Usage

NAME = "offline"
SURE = 0.6
"""Share of a question that a passage must hold to answer it where nothing says that a question is meant."""

NEAR = 0.25
"""A passage that holds this share of a question may be shown as the nearest there is, and called so."""

MOST_NEAR = 3

LITTLE = 0.25
"""A question of which a tool or playbook knows less than this share is none for it."""

SHORT_CHARS = 24

_CHUNK = re.compile(r"\s*(?:[㐀-鿿，。！？；：、（）]{1,4}|[^\s㐀-鿿，。！？；：、（）]+(?:[ ][^\s㐀-鿿]+)?)|\s+")


class OfflineModel:
    """Implements `Model`."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._toolbox = Toolbox(bundle)
        self._tags = {article.url: " . ".join(article.tags) for article in bundle.articles}

    @property
    def name(self) -> str:
        return NAME

    @property
    def offline(self) -> bool:
        return True

    async def aclose(self) -> None:
        """It holds nothing."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        """The reply in pieces of a word or two, ended by one `Replied`. It never fails for want of anything."""
        dialogue = read_dialogue(request, tags=self._tags)
        answer = self._answer(dialogue)
        for part in answer.parts:
            for chunk in _CHUNK.findall(part.text):
                yield TextGrew(chunk)
            if part.source is not None:
                yield TextCited(part.source.citation)
        if answer.wish is not None:
            yield ToolChosen(answer.wish.tool)
        yield Replied(_write_reply(request, dialogue, answer))

    # What to answer -----------------------------------------------------------------------------------------------

    def _answer(self, dialogue: Dialogue) -> Answer:
        now = dialogue.now
        voice = Voice.of(self._bundle, now.note.locale, turn=dialogue.turn)
        if now.repair:
            return self._repair(dialogue, voice)
        if now.note.blocked:
            return self._decline(None, voice)
        if now.note.wants_human:
            return self._hand_off(None, dialogue, voice)
        if tells_danger(now.text):
            return self._see_to_safety(dialogue, voice)
        if needs_person(now.text) and not now.calls and not now.note.actions:
            return self._bring_in(dialogue, voice)
        desk = Desk(self._bundle, self._toolbox, dialogue, voice)
        if now.calls:
            return desk.reply() or voice.sentences(voice.say("failed"))
        if now.note.actions:
            return self._tell_actions(dialogue, desk, voice)
        return self._answer_message(dialogue, desk, voice)

    def _answer_message(self, dialogue: Dialogue, desk: Desk, voice: Voice) -> Answer:
        text = dialogue.now.text
        if hears("never_mind", text) and (desk.pending or len(text) <= SHORT_CHARS):
            return voice.sentences(voice.say("never_mind"))
        if desk.card_waits() and agrees(text):
            return voice.sentences(voice.say("press_button"))
        if hears("again", text) and (again := desk.again()):
            return again
        if desk.answered() and (acted := desk.reply()):
            return acted
        talk = small_talk(text, names=self._names)
        if talk is not None:
            return self._small_talk(talk, dialogue, desk, voice)
        return self._answer_by_playbook(dialogue, desk, voice)

    def _answer_by_playbook(self, dialogue: Dialogue, desk: Desk, voice: Voice) -> Answer:
        playbook = self._playbook(dialogue)
        kind: PlaybookKind | None = playbook.kind if playbook else None
        if kind == "greet":
            return self._greet(dialogue, voice)
        if kind == "decline":
            return self._decline(playbook, voice)
        if kind == "hand_off":
            return self._hand_off_and_answer(playbook, dialogue, voice)
        if kind == "act" and desk.only_thanks():
            return voice.sentences(voice.say("thanks"))
        if kind == "act" and not self._asks_for_knowledge(dialogue, desk):
            lost = desk.open_questions() if desk.repeats() else []
            if lost:
                return voice.sentences(voice.say("not_caught"), *lost)
            if (acted := desk.reply()) is not None:
                return acted
        return self._answer_from_knowledge(dialogue, desk, voice)

    def _asks_for_knowledge(self, dialogue: Dialogue, desk: Desk) -> bool:
        """A question how things are in general, in a playbook that acts: "how do claims work?"; a first message that
        no passage answers is rather about the customer's own matter.
        """
        general = self._sounds_general(dialogue, desk)
        if not general or desk.pending is not None or not dialogue.now.note.signed_in:
            return general
        return bool(choose_quotes(self._questions(dialogue), dialogue.now.passages))

    def _sounds_general(self, dialogue: Dialogue, desk: Desk) -> bool:
        text, wanted = dialogue.now.text, desk.wanted
        question = next(iter(self._questions(dialogue)), None)
        if wanted is None or question is None or not asks(text):
            return False
        fits = fit(question, dialogue.now.passages)
        own = hears("mine", question.text) and not hears("not_mine", question.text)
        declared = self._toolbox.arguments[wanted].tool.declaration
        if declared.requires == "verified" and not dialogue.now.note.signed_in:
            enough = NEAR if hears("general", question.text) else ENOUGH
            return not own and fits >= enough  # whoever only asks need not sign in
        if desk.filling(wanted).fresh:
            return False
        if coverage(question.own, self._words_of(dialogue)) < LITTLE:
            return True
        if hears("when", text) and declared.effect != "read":
            return True  # "when do I get my refund?" is no order to refund
        if hears("when", text) and not own and fits >= ENOUGH:
            return True
        if fits < ENOUGH or not (hears("general", text) or hears("explain", text)):
            return False
        acts = coverage(question.own, self._toolbox.arguments[wanted].terms)
        return acts < LITTLE if own else hears("general", text) or fits > acts

    def _see_to_safety(self, dialogue: Dialogue, voice: Voice) -> Answer:
        """Somebody is in danger now: whom to call, as the knowledge says it, before anything else; and a person."""
        if not dialogue.now.offered:
            return Answer(wish=Wish(second_ear.NAME, {"reason": second_ear.CANNOT_HELP}))
        advice = choose_advice(self._bundle.articles, dialogue.now.text, locale=voice.locale)
        return voice.sentences(voice.say("danger"), advice or voice.say("call_help"), "\n\n" + voice.say("later"))

    def _bring_in(self, dialogue: Dialogue, voice: Voice) -> Answer:
        """What a person has to look at: one is offered, with what the knowledge says besides."""
        if not dialogue.now.offered:
            return Answer(wish=Wish(second_ear.NAME, {"reason": second_ear.CANNOT_HELP}))
        return self._hand_off_and_answer(self._first("hand_off"), dialogue, voice)

    # The kinds of answer ------------------------------------------------------------------------------------------

    def _answer_from_knowledge(self, dialogue: Dialogue, desk: Desk, voice: Voice) -> Answer:
        """Quotes, and afterwards the question that was left open; nothing fits: that it is not known."""
        questions = self._questions(dialogue)
        if dialogue.now.note.playbook is None:
            questions = [one for one in questions if not one.text.endswith(("!", "！"))]  # an outcry asks nothing
            questions = [one for one in questions if fit(one, dialogue.now.passages) >= SURE]
        quotes = choose_quotes(questions, dialogue.now.passages)
        if not quotes:
            return self._answer_with_the_nearest(questions, dialogue, desk, voice)
        answer = voice.quote(quotes)
        left = any(fit(one, dialogue.now.passages) < ENOUGH for one in questions if asks(one.text))
        parts = [*answer.parts, Part("\n\n" + voice.say("rest_unknown"))] if left else [*answer.parts]
        again = desk.open_questions()
        resume = voice.sentences(voice.say("resume"), *again).parts[0].text if again else ""
        return Answer((*parts, Part(f"\n\n{resume}"))) if resume else Answer(tuple(parts))

    def _answer_with_the_nearest(
        self, questions: Sequence[Question], dialogue: Dialogue, desk: Desk, voice: Voice
    ) -> Answer:
        """What comes nearest to the question, and that it may be no answer to it.

        Not where no playbook was chosen, nor amid the questions for a tool; and no page holds an opinion.
        """
        playbook = self._playbook(dialogue)
        answers = playbook is not None and desk.pending is None and not hears("opinion", dialogue.now.text)
        near = choose_quotes(questions[:1], dialogue.now.passages, enough=NEAR) if answers else []
        if not near:
            return voice.sentences(voice.text(self._bundle.unknown))
        quoted = voice.quote([near[0][:MOST_NEAR]])
        return Answer((Part(voice.say("nearest") + "\n\n"), *quoted.parts, Part("\n\n" + voice.say("not_it"))))

    def _questions(self, dialogue: Dialogue) -> list[Question]:
        before = dialogue.before.text if dialogue.before else ""
        return split_questions(dialogue.now.text, self._rarity, before=before)

    def _small_talk(self, talk: frozenset[str], dialogue: Dialogue, desk: Desk, voice: Voice) -> Answer:
        if "hello" in talk:
            return self._greet(dialogue, voice)
        if {"thanks", "bye"} <= talk:
            return voice.sentences(voice.say("thanks_bye"))
        key = next((kind for kind in ("bye", "thanks") if kind in talk), None)
        if key is not None:
            return voice.sentences(voice.say(key))
        before = dialogue.before
        if before and before.calls and before.calls[-1].outcome == "waiting" and not dialogue.now.note.actions:
            return voice.sentences(voice.say("press_button"))
        if desk.pending and desk.pending == desk.wanted and (acted := desk.reply()):
            return acted
        return voice.sentences(voice.say("all_good"))

    def _greet(self, dialogue: Dialogue, voice: Voice) -> Answer:
        """The greeting of the playbook; after the first turn a bare "hi" gets a shorter one."""
        playbook = self._playbook(dialogue)
        greets = playbook if playbook and playbook.kind == "greet" else self._first("greet")
        text = dialogue.now.text
        if dialogue.before and small_talk(text, names=self._names):
            return voice.sentences(voice.say("welcome_back"))
        if dialogue.before and not asks(text):  # nobody introduces himself twice
            key = next((key for key in ("bye", "thanks") if hears(key, text)), "all_good")
            return voice.sentences(voice.say(key))
        said = voice.text(greets.say) if greets and greets.say else ""
        return voice.sentences(said or voice.text(self._bundle.welcome) or voice.say("greeting"))

    def _decline(self, playbook: Playbook | None, voice: Voice) -> Answer:
        declines = playbook or self._first("decline")
        if declines and declines.say:
            return voice.sentences(voice.text(declines.say))
        return voice.sentences(voice.say("refuse", business=voice.text(self._bundle.business)))

    def _hand_off(self, playbook: Playbook | None, dialogue: Dialogue, voice: Voice) -> Answer:
        """That a person is asked; and the truth when none is there."""
        hands = playbook or self._first("hand_off")
        said = voice.text(hands.say) if hands and hands.say else voice.say("hand_off")
        absent = "" if dialogue.now.note.people_available else voice.say("nobody_there")
        return voice.sentences(said, absent)

    def _hand_off_and_answer(self, playbook: Playbook | None, dialogue: Dialogue, voice: Voice) -> Answer:
        """With what the knowledge says of it, when the customer asks: "how long does a complaint take?"."""
        handed = self._hand_off(playbook, dialogue, voice)
        asked = [one for one in self._questions(dialogue) if asks(one.text)]
        quotes = choose_quotes(asked, dialogue.now.passages, enough=NEAR)
        return Answer((*handed.parts, Part("\n\n"), *voice.quote(quotes).parts)) if quotes else handed

    def _tell_actions(self, dialogue: Dialogue, desk: Desk, voice: Voice) -> Answer:
        """What came of the confirmed actions, then an answer to what was written besides."""
        told = [tell_action(self._bundle, action, voice) for action in dialogue.now.note.actions]
        text = dialogue.now.text
        if not text.strip() or small_talk(text, names=self._names) is not None:
            return voice.sentences(*told)
        further = self._answer_message(dialogue, desk, voice)
        if further.wish is not None:
            return voice.sentences(*told)
        return Answer((*voice.sentences(*told).parts, Part("\n\n"), *further.parts))

    def _repair(self, dialogue: Dialogue, voice: Voice) -> Answer:
        """A sentence was withheld: the bundle's fallback, once."""
        fallback = voice.text(self._bundle.fallback)
        shown = dialogue.now.reply
        text = voice.say("nothing_left") if fallback in shown else fallback
        return Answer((Part(("\n\n" if shown else "") + text),))

    # What the bundle gives ----------------------------------------------------------------------------------------

    def _playbook(self, dialogue: Dialogue) -> Playbook | None:
        chosen = dialogue.now.note.playbook
        return self._bundle.playbooks.get(chosen) if chosen else None

    def _words_of(self, dialogue: Dialogue) -> Terms:
        """What customers say in this playbook, and what its tools are about."""
        playbook = self._playbook(dialogue)
        said = [text for texts in playbook.utterances.values() for text in texts] if playbook else []
        words = [self._toolbox.arguments[name].terms for name in self._toolbox.reach(dialogue.now)]
        return searchable(" . ".join(said)).union(*words)

    def _first(self, kind: PlaybookKind) -> Playbook | None:
        return next((one for one in self._bundle.playbooks.values() if one.kind == kind), None)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return (self._bundle.assistant.name, *self._bundle.business.values())

    @cached_property
    def _rarity(self) -> Rarity:
        texts = (f"{article.title}\n{article.body}" for article in self._bundle.articles)
        return Rarity(texts, silent=self._names)


def _write_reply(request: ModelRequest, dialogue: Dialogue, answer: Answer) -> ModelReply:
    blocks = list(_write_blocks(answer))
    if answer.wish is not None:
        count = len(dialogue.now.calls)
        digest = hashlib.sha256(f"{request.turn_id}:{count}".encode()).hexdigest()[:20]
        call: Json = {"type": "tool_use", "id": f"toolu_{digest}"}
        blocks.append({**call, "name": answer.wish.tool, "input": answer.wish.arguments})
    written = sum(len(part.text) for part in answer.parts)
    read = sum(len(str(block.get("text", ""))) for message in request.messages for block in message.content)
    return ModelReply(
        blocks=tuple(blocks),
        stop_reason="tool_use" if answer.wish else "end_turn",
        usage=Usage(input_tokens=read // 4, output_tokens=written // 4, estimated=True),
        cost_usd=0.0,
        model=NAME,
    )


def _write_blocks(answer: Answer) -> Iterator[Json]:
    """Text blocks as the API would give them: one for each cited stretch; none that is empty."""
    plain = ""
    for part in answer.parts:
        if part.source is None:
            plain += part.text
            continue
        text = plain + part.text if not plain.strip() else part.text
        if plain.strip():
            yield {"type": "text", "text": plain}
        yield {"type": "text", "text": text, "citations": [part.source.location()]}
        plain = ""
    if plain.strip():
        yield {"type": "text", "text": plain}
