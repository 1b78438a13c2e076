"""Which language a customer writes in, from script and very frequent words.

Not a general classifier: it answers one question, whether a message is a reason to leave the language of
the conversation, and in doubt the answer is no. Every library that does more brings a trained model in
its package, and guesses at "ok" and "2022 Leaf" too; that guess is what a support conversation must not
make. Pure; any module above level 0 may import it.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from firstline.types import Locale

RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})

_WORDS: Mapping[Locale, str] = {
    "en": "the and is are was were be been have has had do does did you your my mine we our us they them "
    "it its this that these those what which who when where why how can could will would should may "
    "might not don't doesn't i'm i'd i've it's what's if or but with without for from about into of "
    "on in to at by as an i am any some there here then than also just so much many get need want "
    "after before under over while because me",
    "es": "el los las un una unos y o pero que qué como cómo cuando cuándo cuánto cuanto cuál donde dónde "
    "por para con sin es son está esta están este esto ser hay tengo tiene tienen quiero puedo "
    "puede mi mis su sus yo tú usted ustedes nos me le lo se si sí más muy también ya del al de la "
    "en necesito hacer estoy soy porque",
    "fr": "le les un une des et ou mais que qui quoi quel quelle quand combien comment où pour avec sans "
    "est sont suis êtes c'est cette ces ce ai as avez avons ont je tu il elle nous vous ils mon ma "
    "mes votre vos notre sur dans pas ne plus très aussi du au aux de la en se si j'ai peux puis-je "
    "voudrais fait être est-ce",
    "de": "der die das den dem des ein eine einen einem einer und oder aber ich du er sie es wir ihr mein "
    "meine meinen meiner ihre ist sind war bin habe hat haben kann können möchte will wie was wer "
    "wo wann warum welche welcher nicht kein keine auch noch mit ohne für von zu zum zur auf bei "
    "nach im in an wenn mir mich bitte",
    "it": "il lo gli i un una uno e o ma che chi cosa come quando quanto dove perché per con senza è sono "
    "sei ho ha hai abbiamo hanno io tu lui lei noi voi mio mia miei mie della del dei delle nel "
    "nella alla al di da la le in si non più anche questo questa vorrei posso può devo fare essere "
    "ci mi su",
    "pt": "o a os as um uma uns e ou mas que quem qual quando quanto como onde por para com sem é são "
    "está estão ser tenho tem têm temos quero posso pode preciso meu minha meus minhas seu sua eu "
    "você vocês nós ele ela do da dos das no na nos nas ao de em se não sim mais muito também já "
    "isso este esta fazer há",
    "nl": "de het een en of maar ik jij je u hij zij wij mijn uw jouw is zijn was ben heb heeft hebben "
    "kan kunnen wil wilt wat wie waar wanneer waarom hoe hoeveel welke niet geen ook nog met zonder "
    "voor van naar op bij in aan als dit dat deze die er om te mag moet",
    "pl": "i oraz lub ale że co kto jak kiedy gdzie ile dlaczego jest są był mam masz ma mamy chcę "
    "chciałbym mogę może czy nie tak się w we z ze na do dla od po przy bez mój moja moje moją "
    "mojego ja ty pan pani to ten ta te jaki jaka jakie już też tylko proszę o",
    "tr": "ve veya ama bir bu şu o ne nasıl neden nerede kaç mı mi mu mü için ile değil var yok ben sen "
    "biz siz benim sizin bana size daha çok istiyorum lütfen gibi kadar olan olarak da de ise",
    "vi": "và là của tôi bạn có không được cho với này đó những một các thì mà nhưng nếu khi nào gì sao "
    "thế bao nhiêu muốn cần xe bị đã sẽ đang ở tại về từ ạ mình",
    "id": "dan atau tetapi tapi yang ini itu saya anda kami kita apa apakah siapa bagaimana kapan kenapa "
    "mengapa berapa di ke dari untuk dengan tanpa tidak bukan bisa ingin mau ada adalah sudah belum "
    "akan juga jika kalau",
    "sv": "och eller men jag du vi ni han hon det den en ett är var har hade kan vill vad vem hur när "
    "varför inte också med utan för från till på av om min mitt mina din som",
    "da": "og eller men jeg du vi de han hun det den en et er var har havde kan vil hvad hvem hvordan "
    "hvornår hvorfor ikke også med uden for fra til på af om min mit mine som",
    "no": "og eller men jeg du vi de han hun det den en et er var har hadde kan vil hva hvem hvordan når "
    "hvorfor ikke også med uten for fra til på av om min mitt mine som",
    "fi": "ja tai mutta minä sinä me te hän se on ovat oli olen minun sinun mitä mikä kuka missä milloin "
    "miksi miten kuinka paljon ei en voi voinko haluan kun jos myös vain että tämä",
    "cs": "a nebo ale že co kdo jak kdy kde kolik proč je jsou byl mám máte máme chci mohu můžu může ne "
    "ano se si v ve z ze na do pro od po při bez můj moje já ty vy to ten ta jaký jaká jaké už také "
    "prosím",
    "ro": "și sau dar că ce cine cum când unde cât de la un o este sunt am are avem vreau pot poate nu da "
    "mai foarte cu fără pentru din în pe eu tu noi voi meu mea mele dumneavoastră acest această "
    "care",
    "hu": "és vagy de hogy mi ki mit hol mikor miért mennyi a az egy van vannak volt nem igen is csak már "
    "még én te ő ti nekem kell lehet szeretnék ez ezt azt ha",
}  # fmt: skip

_GREETINGS: Mapping[Locale, str] = {
    "en": "hello thanks goodbye",
    "es": "hola gracias buenas buenos adiós",
    "fr": "bonjour merci bonsoir salut",
    "de": "hallo danke guten tschüss",
    "it": "ciao grazie buongiorno buonasera salve",
    "nl": "hallo bedankt hoi",
    "pt": "olá obrigado obrigada oi bom boa",
    "pl": "cześć dziękuję dzień witam",
    "tr": "merhaba selam teşekkürler",
    "vi": "chào cảm",
    "id": "halo terima kasih selamat",
    "sv": "hej tack",
    "da": "hej tak",
    "no": "hei takk",
    "fi": "hei moi kiitos",
    "cs": "ahoj děkuji dobrý",
    "ro": "bună mulțumesc salut",
    "hu": "szia köszönöm",
}  # fmt: skip

_FILLER: Mapping[Locale, str] = {
    "en": "tell know think say ask please let give make take see go come got going went like really still "
    "only even too very more most other all both each every out up off again now one ok okay yes no "
    "hi hey sorry thing things whats im ive id dont cant isnt doesnt explain show help happen "
    "happens",
    "zh": "请问 你们 我们 您 我的 你的 我 你 的 了 吗 呢 吧 啊 是 在 有 和 与 或 就 都 也 还 要 会 能 "
    "可以 能不能 可不可以 是不是 有没有 怎么办 怎么样 怎么 什么 什么时候 哪里 哪些 哪个 哪 多少 多久 如果 那 "
    "这 这个 那个 一下 想 谁 为什么 几 给 把 被 让 对 到 从 为 以 及 等 时 么 啦 呀 不 该 来 去 别 "
    "帮我 帮 请 说 告诉 知道 觉得 现在 怎样 如何 好 解释 推荐 介绍 写 首 讲 个 只 条 张 位 一",
    "ja": "です ですか ます ますか ください どう どの 何 は が を に で と も の か",
    "ko": "은 는 이 가 을 를 에 도 요 나요 어떻게 무엇",
}  # fmt: skip
"""What else says nothing about a subject, beside the words that tell a language."""

_MARKS: Mapping[Locale, str] = {
    "es": "ñ¿¡", "de": "ß", "pt": "ãõ", "pl": "łęąśżźń", "tr": "ğışİ", "cs": "řěů", "ro": "țșă", "hu": "őű",
    "vi": "ăđơưạảấầẩậắằẵặẹẻẽếềểễệỉịọỏốồổộớờởợụủứừửữựỳỵ", "fr": "œçêèù", "sv": "å", "da": "øæå", "no": "øæå",
}  # fmt: skip

_SCRIPTS: Sequence[tuple[int, int, str]] = (
    (0x0370, 0x03FF, "el"), (0x1F00, 0x1FFF, "el"), (0x0400, 0x052F, "cyrillic"), (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"), (0x0600, 0x077F, "arabic"), (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFE, "arabic"),
    (0x0900, 0x097F, "hi"), (0x0980, 0x09FF, "bn"), (0x0A00, 0x0A7F, "pa"), (0x0A80, 0x0AFF, "gu"),
    (0x0B80, 0x0BFF, "ta"), (0x0C00, 0x0C7F, "te"), (0x0C80, 0x0CFF, "kn"), (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"), (0x0E00, 0x0E7F, "th"), (0x0E80, 0x0EFF, "lo"), (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"), (0x1200, 0x137F, "am"), (0x1780, 0x17FF, "km"), (0x1100, 0x11FF, "ko"),
    (0x3130, 0x318F, "ko"), (0xAC00, 0xD7AF, "ko"), (0x3041, 0x30FF, "kana"), (0x31F0, 0x31FF, "kana"),
    (0x3005, 0x3007, "han"), (0x3400, 0x4DBF, "han"), (0x4E00, 0x9FFF, "han"), (0xF900, 0xFAFF, "han"),
    (0x20000, 0x323AF, "han"),
)  # fmt: skip

_LETTERS_A_WORD: Mapping[str, float] = {"han": 1.5, "kana": 2.0, "ko": 2.5}
_JAPANESE_ONLY = frozenset("険気円図広売実対発検払労価駅転総団帰桜続変歳毎経県単戻込働応処様仮圧従鉄読")
"""Han characters that neither form of Chinese uses."""

_SHARED_SCRIPTS: Mapping[str, tuple[Locale, Mapping[Locale, str]]] = {
    "arabic": ("ar", {"ur": "ٹڈڑںے", "fa": "پچژگکی"}),
    "cyrillic": ("ru", {"be": "ў", "uk": "іїєґ", "sr": "јљњћђџ", "ru": "ыэё", "bg": ""}),
}
"""script -> its usual language, and letters that tell another: the first language with such a letter
wins.
"""

_SPACED = "[^\\s\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]"
_NOISE = re.compile(rf"https?://{_SPACED}+|www\.{_SPACED}+|{_SPACED}+@{_SPACED}+|{_SPACED}*\d{_SPACED}*")
"""Addresses and what has figures in it; only up to a letter of a script that has no spaces: 11月20号被追尾."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


_TRADITIONAL = (
    "費遲繳會樣幾後單電車賠險額損壞壓傷醫療責報價錢購買賣換續約變動機輪駕駛員證號碼帳賬戶發開關過還這個為們時間問題請謝對錯說"
    "話誰認識訊資訂詢線網頁點擊選擇項條辦處訴審評級別類種數據實際應該當從來給讓幫樓場區國園館廠庫門燈盤鏡螢燒煙災風雲霧樹貓馬"
    "鳥盜竊劃詐騙訟師聲親歲齡兒歷滿裡裏總計達遠邊進運輸轉載輛較貴質貸貼賴賺贈贊趕跡蹤軟農鄉鄰釋鐘鐵鋼銀鎖錄鍵闆閉陸陽隨隱雙離"
    "難雜順須預領頭顯願驗體鬆魚麼麵黃齊龍備傳債僅償優儲兩決況淨減測準溝滅漲潔濟濕灣無熱爭牆狀獎獨環現瞭確礙禮積節範簡簽籤紀紅"
    "納純紙細終組結絕統經維緊練縣縮繼聯職聽腦臺與舊萬葉術衛補裝製複見規視覺觀觸訪設許診詳語誤課調談論諾謊講議護讀豐負財貨販貫"
    "貿賀遊違適遞遺郵鑰長閃閱陳陣隊階雖靜響頂頓飛飯騎驚鬥鹽擔擋撥擴攝敗斷於昇曆極構橋檢歐歸殘氣漢沒衝係嗎妳喺唔咗嘅佢嗰俾畀乜"
    "啲冇睇喎哋"
)
_SIMPLIFIED = (
    "费迟缴会样几后单电车赔险额损坏压伤医疗责报价钱购买卖换续约变动机轮驾驶员证号码账账户发开关过还这个为们时间问题请谢对错说"
    "话谁认识讯资订询线网页点击选择项条办处诉审评级别类种数据实际应该当从来给让帮楼场区国园馆厂库门灯盘镜萤烧烟灾风云雾树猫马"
    "鸟盗窃划诈骗讼师声亲岁龄儿历满里里总计达远边进运输转载辆较贵质贷贴赖赚赠赞赶迹踪软农乡邻释钟铁钢银锁录键板闭陆阳随隐双离"
    "难杂顺须预领头显愿验体松鱼么面黄齐龙备传债仅偿优储两决况净减测准沟灭涨洁济湿湾无热争墙状奖独环现了确碍礼积节范简签签纪红"
    "纳纯纸细终组结绝统经维紧练县缩继联职听脑台与旧万叶术卫补装制复见规视觉观触访设许诊详语误课调谈论诺谎讲议护读丰负财货贩贯"
    "贸贺游违适递遗邮钥长闪阅陈阵队阶虽静响顶顿飞饭骑惊斗盐担挡拨扩摄败断于升历极构桥检欧归残气汉没冲系吗你在不了的他那被给什"
    "些没看哦们"
)
_SIMPLER = str.maketrans(_TRADITIONAL, _SIMPLIFIED)
"""Frequent characters of traditional Chinese, and of written Cantonese, as simplified Chinese has them."""


def simplify(text: str) -> str:
    """Traditional Chinese as simplified, letter by letter; any other script, and rarer characters, as they are."""
    return text.translate(_SIMPLER)


def _index_words(lists: Mapping[Locale, str]) -> Mapping[str, tuple[Locale, ...]]:
    languages: dict[str, list[Locale]] = {}
    for locale, words in lists.items():
        for word in dict.fromkeys(words.split()):
            languages.setdefault(word, []).append(locale)
    return {word: tuple(locales) for word, locales in languages.items()}


_LANGUAGES_OF = _index_words({locale: f"{_WORDS[locale]} {_GREETINGS.get(locale, '')}" for locale in _WORDS})
_GREETING_WORDS = frozenset(word for words in _GREETINGS.values() for word in words.split())
_LANGUAGES_OF_MARK = _index_words({locale: " ".join(marks) for locale, marks in _MARKS.items()})


def detect_locale(text: str, *, known: Sequence[Locale], last: Locale) -> Locale:
    """The language that `text` is written in, as a bare tag; `last` when the text does not say.

    The answer need not be one of `known`; of two languages that fit equally well, the known one is taken.
    """
    current = bare_locale(last)
    clean = _NOISE.sub(" ", unicodedata.normalize("NFC", text)).replace("’", "'")
    scripts = Counter(filter(None, map(_script_of, clean)))
    latin, latin_words = _weigh_latin(clean, known, current)
    lengths = {script: count / _LETTERS_A_WORD.get(script, 4.0) for script, count in _merge_japanese(scripts).items()}
    script = max(lengths, key=lengths.__getitem__, default=None)
    if script and lengths[script] > latin_words:
        return _choose_in_script(script, clean, current)
    return latin


def bare_locale(locale: Locale) -> Locale:
    """The language of a tag: `zh` of `zh-Hans-CN`."""
    return locale.replace("_", "-").split("-")[0].lower()


def right_to_left(locale: Locale) -> bool:
    """Whether the language is written from right to left."""
    return bare_locale(locale) in RIGHT_TO_LEFT


def common_words(locale: Locale) -> frozenset[str]:
    """Words so frequent in the language that they say nothing about a subject; empty where we know none."""
    lists = (_WORDS, _GREETINGS, _FILLER)
    return frozenset(word for words in lists for word in words.get(locale, "").split())


def count_edits(first: str, second: str, *, most: int) -> int:
    """Letters to insert, delete, replace or swap with a neighbour; `most + 1` when more than `most`."""
    if abs(len(first) - len(second)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        older, before, row = before, row, [i]
        for j, other in enumerate(second, start=1):
            edits = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            swapped = i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other
            row.append(min(edits, older[j - 2] + 1) if swapped else edits)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _script_of(letter: str) -> str | None:
    code = ord(letter)
    if code < 0x0370 or not letter.isalpha():
        return None
    return next((script for first, last, script in _SCRIPTS if first <= code <= last), None)


def _merge_japanese(scripts: Counter[str]) -> Counter[str]:
    """Kana and Han together are one Japanese text; a single kana in much Han is decoration."""
    kana, han = scripts.pop("kana", 0), scripts.pop("han", 0)
    if kana >= 2 or kana > han:
        scripts["ja"] = kana + han
    elif han:
        scripts["han"] = han
    return scripts


def _choose_in_script(script: str, text: str, current: Locale) -> Locale:
    if script == "han":
        japanese = not _JAPANESE_ONLY.isdisjoint(text) or (current == "ja" and len(text.strip()) <= 4)
        return "ja" if japanese else "zh"
    if script not in _SHARED_SCRIPTS:
        return script
    usual, marks = _SHARED_SCRIPTS[script]
    told = next((locale for locale, letters in marks.items() if not set(letters).isdisjoint(text)), None)
    if told:
        return told
    return current if current in marks else usual


def _weigh_latin(text: str, known: Sequence[Locale], current: Locale) -> tuple[Locale, float]:
    """The language of the Latin words and how many words speak for it; `current` when too few do.

    A word of several languages counts for each of them by its share, and letters that tell a language count
    for one word at most, since a name may have them.
    """
    words = [word for word in _WORD.findall(text.casefold()) if _is_latin(word[0])]
    scores = _share(words, _LANGUAGES_OF)
    for locale, score in _share(sorted(set(text.casefold())), _LANGUAGES_OF_MARK).items():
        scores[locale] += min(score, 1.0)
    if not scores:
        return current, 0.0
    familiar = {bare_locale(locale) for locale in known}
    best = max(scores, key=lambda locale: (round(scores[locale], 3), locale == current, locale in familiar))
    greeted = len(words) <= 3 and not _GREETING_WORDS.isdisjoint(words)
    speaking = {word for word in words if best in _LANGUAGES_OF.get(word, ())}
    enough = scores[best] >= 0.2 * len(words) and (scores[best] >= 1.5 or len(speaking) >= 2)
    enough = enough and scores[best] >= 1.0 and len(words) >= 3
    clear = (greeted or enough) and scores[best] > 1.2 * scores.get(current, 0.0)
    return (best if clear else current), scores[best]


def _is_latin(letter: str) -> bool:
    return letter < "\u0250" or "\u1e00" <= letter <= "\u1eff"


def _share(items: Sequence[str], languages_of: Mapping[str, tuple[Locale, ...]]) -> dict[Locale, float]:
    """How many of `items` each language can claim; an item of several languages is divided among them."""
    shares: defaultdict[Locale, float] = defaultdict(float)
    for item in items:
        locales = languages_of.get(item, ())
        for locale in locales:
            shares[locale] += 1 / len(locales)
    return shares
