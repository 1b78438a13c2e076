from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.wishes import accepts_offer, wants_human

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
i want to speak w/ a rep
I'd rather deal with a person
is there anyone real I could chat with?
could one of your staff help me instead
let me speak to whoever is in charge
get someone else on here
escalate this
transfer me please
any chance of a human?
who do i have to call to get an actual person
just let a human handle it
get your boss
I would like to be connected with someone from your team
direct me to a live rep
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
转人功
转人攻
zhuan rengong xiexie
bie fei hua, zhuan ren gong
我要speak to一个real person 会讲中文的
我要找human客服
can I 转人工
I need 人工
叫人来
那让能做主的人跟我说
找个人来处理
给我找个懂的人
有没有真的人可以帮我
换人，你说不清楚
把你们负责人叫出来
麻烦转给工作人员
真人客服在哪
打字太慢，安排个客服给我回个电话吧
我要找昨天那个客服
都说了多少遍了，转人工
为什么不给我转人工
还是跟人说比较清楚
你有完没完，让人来跟我谈
搵個真人同我傾
唔好意思，可唔可以幫我轉接真人客服
我需要一个真正的人来帮我
別再自動回覆了，我要跟真人說
客服
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
i had to speak with a supervisor for an hour, never again
I need someone else to drive my car
my boss talked to my landlord about it
can my colleague be a named driver
I'd rather deal with the paperwork tomorrow
昨天已经跟你们客服讲过一遍了，我就想知道几天打给我
上周找过你们主管，他说没问题
客服跟我说可以退款
我叫人来拖车了
找人修了车，能报销吗
让我老婆来说
我要换个人开车
别给我转来转去的，直接说多少钱
不要人工，机器就行
你不用找人，我自己来
你们有多少员工
人工客服几点上班
周六有人工客服吗
人工审核要多久
我接到一个自称客服的电话
我找不到客服的邮箱
我跟我老公商量一下
对方司机不肯跟我说话
谢谢，比人工还快
今天你們電話有人接嗎
千万别找人
bu yong zhuan ren gong
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


YES = """
yes please
好的，接过去吧
行，转吧
可以，那就转接吧
好，帮我接一下
嗯，麻烦了
yes, connect me please
sure, transfer me to a person
ok go ahead and put me through
sí, por favor
""".strip().splitlines()

NOT_YES = """
no thanks
先不转
好的，不用了
好，那多少钱
行不行啊
转多少钱
yes but first tell me the price
sure, but not now
ok, what is my limit?
connect me to the charger
""".strip().splitlines()


@pytest.mark.parametrize("text", YES)
def test_a_yes_to_the_offer_of_a_person_may_say_what_is_to_be_done(text: str) -> None:
    assert accepts_offer(text)


@pytest.mark.parametrize("text", NOT_YES)
def test_a_yes_that_says_anything_else_is_no_yes_to_the_offer(text: str) -> None:
    assert not accepts_offer(text)


def test_a_wish_in_one_sentence_of_a_longer_message_counts() -> None:
    assert wants_human(
        "My claim was declined and I don't understand why. This is not helping. Please get me a human."
    )
    assert wants_human("我的理赔被拒了，说了半天也没用。转人工！")


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    assert wants_human(text) in {True, False}


@pytest.mark.parametrize(
    "text",
    [
        "a person of one human of the agent with me to ",
        "联系我给我一下跟我对话",
        "请转接一下你们的",
        "not no not a bot to speak ",
        "someone who is real who ",
        "want can want please ",
        "昨天跟人说",
        "不",
        "x",
        "وبال",
        "a'",
        "bot x y speak not ",
    ],
)
def test_a_very_long_message_takes_no_long_time(text: str) -> None:
    began = perf_counter()
    wants_human(text * 5000)
    accepts_offer(text * 5000)
    assert perf_counter() - began < 1
