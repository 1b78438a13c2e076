import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.wishes import wants_human

WISHES = """
I want to speak to a human
speek to a humen
agnet please
real person
agent
human please!
Representative!!!
can I talk to someone
let me talk to a real person
Please connect me with an agent
transfer me to a representative
I need a human
get me your manager
i wanna talk to sombody
can you put me through to customer service
I'd rather talk to a person
Is there someone I can talk to?
Is there a human available?
who can I speak to about this?
I don't want to talk to a bot
stop giving me this robot, I want a person
live agent
live chat please
operator
escalate this to your supervisor
hand me over to a colleague
could someone call me back?
please have someone call me
I would like to speak with one of your advisors
tlak to human
pls transfer me to a rep
this is useless, give me a human
no more bots please
I'm done with this bot
not a robot, a real human being please
how do I reach a human?
Can I chat with a live person instead
need real human support now
speak to representitive
talk to a suprevisor
I have been asking for 20 minutes, get me a person on the phone
customer service please
I want someone who can actually help me, not a machine
call me back, I want a person on the phone
do you have someone I can talk to
find me someone who can help
can I speak with your claims team
i want to complain to a real human
I wnat to speak wiht a person
转人工
人工客服
我要找人工客服
人工
能不能转真人
我想跟真人说话
叫你们经理来
不想跟机器人聊了
有没有活人啊
请帮我接人工
让客服给我打电话
轉接真人客服
我要和人谈
找个人跟我说
quiero hablar con una persona
un agente por favor
¿Puedo hablar con un asesor humano?
pásame con alguien de verdad
je veux parler à un humain
un conseiller s'il vous plaît
passez-moi quelqu'un
ich möchte mit einem Menschen sprechen
Mitarbeiter bitte
verbinden Sie mich mit einem Berater
vorrei parlare con un operatore
voglio una persona reale
quero falar com um atendente
falar com humano
ik wil een medewerker spreken
kan ik met een mens praten
chcę rozmawiać z człowiekiem
proszę połączyć z konsultantem
bir insanla görüşmek istiyorum
müşteri temsilcisine bağlanmak istiyorum
хочу поговорить с человеком
позовите оператора
соедините с живым человеком
хочу поговорити з людиною
أريد التحدث مع شخص حقيقي
حولني إلى موظف
オペレーターにつないでください
人と話したいです
担当者お願いします
상담원 연결해 주세요
사람이랑 얘기하고 싶어요
किसी इंसान से बात करनी है
मुझे एजेंट से बात करनी है
agent se baat karni hai
tôi muốn gặp nhân viên tư vấn
cho tôi nói chuyện với người thật
saya mau bicara dengan manusia
hubungkan saya ke petugas
ขอคุยกับเจ้าหน้าที่
jag vill prata med en människa
אני רוצה לדבר עם נציג
می‌خواهم با یک انسان صحبت کنم
""".strip().splitlines()

NO_WISHES = """
is a human covered?
I am a human
are you human?
are you a bot or a real person?
am I talking to a human?
is this a real person?
can a person under 25 get insurance
I hit a person with my car
the other person ran a red light
the other person has no insurance
how many people can drive my car
do you cover people in the other car
someone hit my parked car
somebody stole my charging cable
does the person who pays need a license?
I want to add a person to my policy
I need insurance for another person
I talked to an agent yesterday and he said it was fine
a representative told me the fee is $10
your agent was rude to me
I'm an insurance agent myself
what does an adjuster do
when will the adjuster call me
do I have to call someone after an accident?
do I need to speak to an agent to cancel?
I don't need a human, thanks
no need to talk to anyone
I don't want to speak to a person, just tell me
I'd rather not talk to anyone
what are your hours for talking to an agent?
what is your phone number
how long does it take for someone to get back to me
can someone else drive my car?
can another person use my roadside assistance
I need a quote for two people
who is the person insured
what if someone is injured
I want to manage my policy
I want a live update on my claim
is customer service open on Saturday?
how is your customer service rated
does the policy pay for a person's hospital bill
medical payments per person
my manager drives the car too
a real bargain, thanks
does the robot lawn mower count as a vehicle
I'm not a robot
human error caused the crash
what's the limit per person?
I need someone to tow my car
get me a quote
give me a price
call 911?
connect my bank account
transfer my policy to a new car
I want to transfer the title
contact details
hi
no thanks
people tell me you are good
is the support for charging included
do you have agents in Boston?
how do I contact the person who hit me
call me Bob
人工费保不保
找人代驾出事赔吗
让别人开我的车赔吗
请人修车可以报销吗
我撞了人
你是人工智能吗
你是真人吗
你是机器人吗
撞到人了怎么办
对方没有保险
能给别人买保险吗
保险公司的人什么时候联系我
我是真人
不用转人工
不需要人工客服，谢谢
每个人赔多少
人身伤害赔不赔
两个人开一辆车
客服电话是多少
客服几点上班
人工费用包括在维修里吗
找不到保单了
要几个人签字
¿eres una persona real?
¿cuántas personas pueden conducir mi coche?
no necesito hablar con nadie
atropellé a una persona
es-tu un humain ?
la personne qui conduit a 19 ans
bist du ein Mensch?
wie viele Personen sind versichert
sei umano?
você é um robô?
ben je een mens?
czy jesteś człowiekiem?
insan mısın?
ты человек?
я сбил человека
هل أنت إنسان؟
あなたは人間ですか
人にぶつかりました
당신은 사람인가요?
사람을 쳤어요
क्या आप इंसान हैं?
bạn là người thật à?
apakah kamu manusia?
""".strip().splitlines()


@pytest.mark.parametrize("text", WISHES)
def test_a_wish_for_a_person_is_heard(text: str) -> None:
    assert wants_human(text)


@pytest.mark.parametrize("text", NO_WISHES)
def test_talk_about_people_is_no_wish(text: str) -> None:
    assert not wants_human(text)


def test_a_wish_in_one_sentence_of_a_longer_message_counts() -> None:
    assert wants_human(
        "My claim was declined and I don't understand why. This is not helping. Please get me a human."
    )
    assert wants_human("我的理赔被拒了，说了半天也没用。转人工！")


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    assert wants_human(text) in {True, False}


def test_a_very_long_message_takes_no_long_time() -> None:
    assert not wants_human("a person of one human of the agent with me to " * 5000)
