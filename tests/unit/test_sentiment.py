import time
import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firstline.sentiment import KINDS, Level, rate, rate_turns, word_for

ENGLISH = """
- This is the third time I am contacting you about the same thing and nobody answers.
- I've been waiting for three weeks and still nothing.
- The app is STILL not working!!!
- Are you kidding me? You charged me twice.
- This is ridiculous, I want my money back now
- I'm really disappointed with how this was handled.
- You will hear from my lawyer.
- If this isn't solved today I'm reporting you to the regulator.
- worst customer service ever
- what a joke
- I am not happy with this answer.
- You people are useless
- I'm sick of repeating myself
- wtf is wrong with you
- That didn't help at all.
- No one has called me back. Unacceptable.
- WHERE IS MY REFUND
- hello??? anyone there???
- I'm so frustrated right now 😡
- Thanks, but that still doesn't answer my question.
- The explanation was nice, but I'm furious about the delay.
- I don't trust you any more.
- It's a rip-off, I'm cancelling everything and going elsewhere.
- how many times do i have to explain this
- You lied to me about the price
- Great service in the past, but lately it has been awful.
- I hate talking to this bot
- 😤😤
= My car was stolen last night from the car park.
= I want to cancel my policy.
= I had an accident, someone drove into the back of me.
= How do I file a claim for theft?
= What is my deductible?
= Please send me the documents.
= Could you please tell me what the roadside assistance covers?
= No problem
= My windscreen is broken.
= The battery died on the motorway and I need a tow.
= If I am not happy with the cover, can I cancel within 14 days?
= What is the best plan for a Kia EV6?
= 2022 Nissan Leaf, 12,000 miles
= ok
= yes, go ahead
= I hit a deer and the bumper is damaged.
= Is it possible to get a better price?
= no thanks
= I would like to speak to an agent
= Does it cover fire damage and vandalism?
= My old insurer refused to pay, do you cover pre-existing damage?
= VW ID.4 GTX
= What happens if I miss a payment?
= I'm not sure which one I have.
= hi, good morning
+ Thank you so much, you've been incredibly helpful!
+ Great, that solved it.
+ Perfect, thanks
+ What a relief, I was so worried.
+ Excellent service as always
+ That was quick! Love it
+ Not bad at all, I'm impressed
+ I'm very happy with the offer
+ 👍
+ awesome :)
+ It works now, thanks a lot
+ You are a lifesaver
+ I couldn't be happier
+ At first I was annoyed, but you sorted it out brilliantly.
+ thx
+ Much appreciated
+ THANK YOU SO MUCH!!!
+ glad to hear that
+ Wonderful, that's exactly what I needed
"""
CHINESE = """
- 我已经等了三个星期了，还是没有人联系我
- 这是我第三次联系你们了
- 你们的服务太差了
- 非常不满意
- 什么破公司
- 再不解决我就投诉到银保监会
- 我要找律师告你们
- 气死我了
- 说了半天一点用都没有
- 骗子！退钱！
- 怎么还没处理？？？
- 太让人失望了
- 垃圾客服
- 谢谢，但是问题还是没解决
- 你们到底管不管啊
- 等了两个小时没人理
- 真是无语
- 我对这个答复不满意
- 你们一直在推卸责任
- 😡😡
= 我的车昨晚被偷了
= 我想取消保单
= 我出车祸了，后面的车追尾了我
= 怎么申请理赔？
= 自付额是多少
= 请把文件发给我
= 没问题
= 挡风玻璃碎了
= 你好
= 好的
= 2022年的日产聆风
= 如果不满意可以退吗？
= 最好的方案是哪个
= 电池坏了需要拖车
= 不用了，谢谢
= 撞到了一只鹿，保险杠坏了
= 请问有没有更便宜的
= 我不确定是哪一个
+ 谢谢，太感谢了
+ 非常满意
+ 服务很好，给个赞
+ 问题解决了，谢谢你
+ 太好了！
+ 你们效率真高
+ 不错不错
+ 放心多了，感谢
+ 一开始有点生气，不过你们处理得很好
+ 辛苦了，谢谢
+ 👍
+ 讲得很清楚，帮了大忙
"""
ASIDE = """
- Seriously, nobody picks up the phone at your office
- I've explained this four times already
- your website keeps crashing and it's driving me crazy
- I feel cheated
- absolutely shocking behaviour from your claims team
- I expected better from you
- Been on hold for an hour, what a waste of time
- this makes no sense at all
- Stop sending me the same answer
- I'll be leaving a one star review
- It's been a nightmare dealing with you
= My daughter scratched another car while parking
= There was a fire in our garage and the charger burned
= Can I get the cheapest option?
= When will the adjuster call me?
= Where can I find my policy number?
= The other driver ran away
= Do I lose my no claims bonus if I report a theft?
= I lost my key card
+ You've made my day
+ Brilliant, cheers
+ that was easier than I thought, well done
+ I really appreciate how patient you were
+ Fantastic, exactly right
+ phew, that's good news
+ Everything is sorted now, many thanks
- 打了十几次电话都打不通
- 你们这是欺骗消费者
- 烦死了，一直让我重复
- 根本不解决问题
- 答非所问
- 我受够了
- 态度恶劣
= 我女儿停车时刮到了别人的车
= 车库着火了，充电桩烧了
= 理赔员什么时候给我打电话
= 保单号在哪里找
= 对方逃逸了怎么办
+ 多谢，回复很快
+ 真棒
+ 比我想的简单，谢谢
+ 很专业，点赞
"""
