"""What is asked and what is replied. No two are alike, so that no cache of a server under test flatters it."""

import random
import string

DELTA_CHARS = 6
DELTAS = 40
NAME = "Abcdef"
REPLY = (
    "Hello Abcdef, glad to help. Acme insures cars, electric vehicles and two-wheelers for private use. The pages "
    "that I was given explain what each cover pays for, and what not. If you like, I work out a quote for Abcdef "
    "now, with you today."
)
"""Sentences that the release gate passes with Acme's knowledge: no figures. A name never spans two deltas."""
FIRST_DELTA = REPLY[:DELTA_CHARS]
QUESTIONS = (
    "My name is Abcdef. What does your electric-vehicle insurance cover?",
    "Is the battery of my car insured as well? It is a present for Abcdef.",
    "How do I report a claim after an accident with Abcdef?",
    "Can I cancel my policy before the end of the term, asks Abcdef.",
    "Thank you! Which discounts could Abcdef get?",
)


def invent_name() -> str:
    """Six letters that nobody has said before."""
    return random.choice(string.ascii_uppercase) + "".join(random.choices(string.ascii_lowercase, k=len(NAME) - 1))


def ask(turn: int) -> str:
    """What a customer writes in this turn of a conversation, 0 for the first."""
    return QUESTIONS[turn % len(QUESTIONS)].replace(NAME, invent_name())
