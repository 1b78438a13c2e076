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
    "What does the insurance for my {vehicle} cover?",
    "Is the {part} of my {vehicle} insured as well?",
    "How do I report a claim when somebody has damaged the {part}? My name is {name}.",
    "Can I cancel the policy of my {vehicle} before the end of the term?",
    "Thank you! And which discounts could {name} get for a {vehicle}?",
)
PARTS = ("battery", "windshield", "wall box", "bumper", "helmet", "charging cable", "touch screen", "rear window")
VEHICLES = ("car", "electric car", "motorcycle", "scooter", "Nissan Leaf", "plug-in hybrid", "Tesla", "second car")


def invent_name() -> str:
    """Six letters that nobody has said before."""
    return random.choice(string.ascii_uppercase) + "".join(random.choices(string.ascii_lowercase, k=len(NAME) - 1))


def ask(turn: int) -> str:
    """What a customer writes in this turn of a conversation, 0 for the first."""
    question = QUESTIONS[turn % len(QUESTIONS)]
    return question.format(part=random.choice(PARTS), vehicle=random.choice(VEHICLES), name=invent_name())
