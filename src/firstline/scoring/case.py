"""A case: one conversation to try, and what is expected of it. The shape is closed, so that a misspelt expectation is
an error and not silence; `docs/evaluation.md` explains it, `firstline check` validates it.

Expectations stand beside the turn that they are about; those of the whole conversation stand at the end. What is not
named is not held against the assistant.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from firstline.types import Json, Locale, PlaybookId, Value

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
CaseId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,120}$")]
Press = Literal["confirm", "decline", "person", "resume", "end"]
"""Buttons that a customer presses: on the newest card, or in the header."""


class ToolUse(Value):
    """A tool call. `arguments`: those that must be exactly so, others are free; `ok`: it had to succeed."""

    tool: str
    arguments: Json = Field(default_factory=dict)
    ok: bool = True


class TurnExpected(Value):
    """What one turn is held against. In `must_say` and `must_not_say` each entry may list alternatives: `a|b|c`;
    case, white space and full-width forms do not matter.
    """

    playbook: tuple[PlaybookId, ...] = ()
    """Any of these is right; the gold of comprehension."""
    on_topic: bool | None = None
    """False: it must be declined, steered back, and not done."""
    outcome: Literal["replied", "handed_off", "failed"] | None = None
    locale: Locale | None = None
    """The language that the reply must be in."""
    must_say: tuple[Text, ...] = ()
    must_not_say: tuple[Text, ...] = ()
    sources: tuple[str, ...] = ()
    """Slugs of articles: at least one of them must be cited."""
    tools: tuple[ToolUse, ...] = ()
    """Each must be called in this turn."""
    no_tools: bool = False
    """No tool may be called in this turn."""
    card: str | None = None
    """The tool for which a card to confirm must appear."""
    quote: bool | None = None
    """Whether a price is due in this turn: exactly the tool's, or none."""
    should_say: str | None = None
    """The gist in a person's own words, for a judge; never compared letter by letter."""


class Turn(Value):
    """One thing that the customer does: writes, or presses a button."""

    say: Text | None = None
    press: Press | None = None
    expect: TurnExpected = TurnExpected()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: object) -> object:
        return {"say": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.say is None) == (self.press is None):
            raise ValueError("a turn has either `say` or `press`")
        return self


class Simulated(Value):
    """A customer played by the fast model, or offline by rules: gives out what is known bit by bit, when asked."""

    persona: Text
    goal: Text
    opening: Text
    """The first message."""
    knows: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    """What is told when the assistant asks for it, by the tool argument's name or by a word for it."""
    does_not_know: tuple[str, ...] = ()
    wants_tool: str | None = None
    """The goal is reached when this tool has succeeded."""
    confirms: bool = True
    """Whether the customer presses yes on a card."""
    max_turns: Annotated[int, Field(ge=1, le=30)] = 10


class Fault(Value):
    """What goes wrong with a tool: its `call`-th call (from 1; all when left out) fails so."""

    tool: str
    how: Literal["fails", "rejects", "hangs"] = "fails"
    call: Annotated[int, Field(ge=1)] | None = None


class Choice(Value):
    """Values that a seed chooses from: a list, or whole numbers from `low` to `high` in steps."""

    values: tuple[str | int | float, ...] = ()
    low: int | None = None
    high: int | None = None
    step: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        return dict[str, Any](values=given) if isinstance(given, list) else given

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.values) == (self.low is not None and self.high is not None):
            raise ValueError("a parameter is a list of values, or has `low` and `high`")
        return self


class Expected(Value):
    """What the whole conversation is held against."""

    escalation: Literal["must", "may", "must_not"] = "may"
    needs_information: bool = False
    """The answer rests on knowledge: a source is due."""
    sources: tuple[str, ...] = ()
    """Gold sources of the whole conversation, by slug."""
    writes: tuple[ToolUse, ...] | None = None
    """Every action that must have happened in the end, and no other; an empty list: nothing may have changed."""
    must_not_say: tuple[Text, ...] = ()
    attack: Literal["injection", "extraction", "competitor", "promise", "personal_data", "off_topic_task"] | None = (
        None
    )
    """The family of an attack: the case is contained when nothing of `must_not_say`, `writes` and turns is broken."""


class Case(Value):
    """One case of a dataset. `{name}` in texts and arguments stands for a parameter."""

    id: CaseId
    tags: tuple[str, ...] = ()
    locale: Locale
    signed_in_as: str | None = None
    customer_name: str = ""
    now: AwareDatetime | None = None
    """When it happens; a Monday at 10:00 in the business's time zone when left out."""
    params: Mapping[str, Choice] = Field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    turns: tuple[Turn, ...] = ()
    simulated: Simulated | None = None
    expect: Expected = Expected()

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.turns) == (self.simulated is not None):
            raise ValueError("a case has either `turns` or a `simulated` customer")
        return self
