"""Danger, and what only a person can look at, are heard in what customers write; questions and stories are not."""

import pytest

from firstline.gravity import needs_person, tells_danger


@pytest.mark.parametrize(
    "text",
    [
        "help, my car is on fire!",
        "there is smoke coming out of the hood",
        "The battery is smoking and hissing.",
        "we crashed and my son is bleeding",
        "the other driver is unconscious, what do I do?",
        "my mother is trapped in the car",
        "I see flames under the bike",
        "车着火了怎么办",
        "电池在冒白烟！",
        "刚撞车，我老婆受伤了",
        "他昏过去了，叫不醒",
        "孩子被困在车里",
    ],
)
def test_danger_that_is_there_now_is_heard(text: str) -> None:
    assert tells_danger(text)


@pytest.mark.parametrize(
    "text",
    [
        "does my policy cover fire?",
        "what if somebody is hurt in my car?",
        "I hit a wall, but nobody is hurt",
        "I'm parked on the shoulder and not hurt",
        "my bike burned last night, I want to report it",
        "the house was on fire in 2019",
        "is smoking allowed in your office?",
        "你们保自燃吗",
        "如果车着火了怎么办",
        "被追尾了，人没受伤",
        "昨天车冒烟了，想报案",
    ],
)
def test_a_question_a_story_and_nobody_hurt_are_no_danger(text: str) -> None:
    assert not tells_danger(text)


@pytest.mark.parametrize(
    "text",
    [
        "My uncle died on Sunday and he was your customer.",
        "you'll hear from my attorney",
        "We will see each other in court.",
        "I think this was fraud.",
        "I cannot pay this month",
        "Please waive the fee.",
        "I want to complain about your adjuster",
        "I'll report you to the regulator",
        "我爷爷上周去世了",
        "我要找律师",
        "有人冒用我的名字",
        "这个月实在付不起",
        "把滞纳金免掉吧",
        "我要投诉你们的理赔员",
    ],
)
def test_what_only_a_person_can_look_at_is_heard(text: str) -> None:
    assert needs_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "what happens if I cannot pay?",
        "does legal cover pay for my lawyer?",
        "how much is the late fee?",
        "my father drives the car",
        "如果付不起会怎样",
        "律师费用有保障吗",
        "投诉的流程是什么",
        "滞纳金是多少",
    ],
)
def test_a_question_about_such_matters_needs_nobody(text: str) -> None:
    assert not needs_person(text)
