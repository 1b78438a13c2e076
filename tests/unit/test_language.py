import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.language import bare_locale, common_words, count_edits, detect_locale, right_to_left, simplify

KNOWN = ("en", "zh")

WRITTEN_IN = {
    "en": ("What about my wallbox?", "Do you insure Tesla?", "hello",
        "I'd like a quote for my car", "can I pay by card",
        "how much would it be if I drive less",
        "my claim number is CL-2231, what is the status", "What does 免赔额 mean?", "Thanks!"),
    "zh": ("我的充电桩保吗", "你好", "2022 Leaf 多少钱", "我想给 Nissan Leaf 投保", "免賠額是多少",
        "电池老化赔不赔？",
        "可以便宜点吗 thanks", "价格"),
    "ja": ("バッテリーの劣化は補償されますか", "保険料を教えてください",
        "Nissan Leaf の見積もりをお願いします", "こんにちは", "保険"),
    "ko": ("배터리 노화도 보장되나요?", "안녕하세요", "Tesla 모델 3 보험료 얼마예요"),
    "ar": ("هل البطارية مشمولة بالتأمين؟", "مرحبا", "أريد عرض سعر لسيارتي"),
    "fa": ("آیا باتری ماشین من بیمه می‌شود؟", "قیمت بیمه چقدر است؟ پرسش دارم"),
    "ur": ("کیا میری گاڑی کی بیٹری کا بیمہ ہے؟",),
    "he": ("האם הסוללה מכוסה?", "שלום"),
    "ru": ("Покрывает ли страховка аккумулятор?", "Привет", "Сколько стоит"),
    "uk": ("Чи покриває страховка акумулятор моєї машини?", "Привіт"),
    "el": ("Καλύπτεται η μπαταρία;",),
    "th": ("แบตเตอรี่คุ้มครองไหม", "สวัสดี"),
    "hi": ("क्या बैटरी कवर होती है?", "नमस्ते"),
    "es": ("¿Está cubierta la batería de mi coche?", "hola", "Gracias",
        "cuanto cuesta el seguro para mi carro", "Quiero cancelar mi póliza"),
    "fr": ("Est-ce que la batterie de ma voiture est couverte ?", "Bonjour",
        "Je voudrais un devis pour ma voiture", "combien ça coûte pour une Tesla"),
    "de": ("Ist die Batterie meines Autos versichert?",
        "Ich möchte mein Auto versichern", "danke",
        "Was kostet die Versicherung für einen Leaf"),
    "it": ("La batteria della mia auto è coperta?", "Ciao",
        "vorrei un preventivo per la mia macchina"),
    "pt": ("A bateria do meu carro está coberta?", "Olá",
        "Quanto custa o seguro para um Tesla?", "não sei qual é o meu número"),
    "nl": ("Is de batterij van mijn auto verzekerd?", "Ik wil graag een offerte voor mijn auto"),
    "pl": ("Czy bateria mojego samochodu jest ubezpieczona?", "Dziękuję",
        "Ile kosztuje ubezpieczenie na moją Teslę"),
    "tr": ("Arabamın bataryası sigorta kapsamında mı?", "Merhaba",
        "bu araba için ne kadar ödemem gerekiyor"),
    "vi": ("Pin xe điện của tôi có được bảo hiểm không?", "xin chào", "bao nhiêu tiền một tháng"),
    "id": ("Apakah baterai mobil saya ditanggung?", "berapa harga asuransi untuk mobil ini"),
    "sv": ("Är batteriet i min bil försäkrat?", "Hej, jag vill ha en offert för min bil"),
}  # fmt: skip

SAYS_NOTHING = (
    "2022 Leaf", "ok", "OK!", "12,000", "no, 2023", "P-10023", "CL-2231", "John Smith",
    "王", "", "   ", "34", "$1,200", "Tesla Model 3",
    "Nissan", "👍", "123 El Camino Real, San Jose", "yes", "https://acme.example/help",
    "a@b.example", "BMW i4 2023", "…", "???", "Mustang Mach-E",
)  # fmt: skip


@pytest.mark.parametrize(
    ("locale", "text"), [(locale, text) for locale, texts in WRITTEN_IN.items() for text in texts]
)
def test_a_message_is_recognised_in_a_conversation_that_began_in_another_language(locale: str, text: str) -> None:
    if text == "保険":
        assert detect_locale(text, known=KNOWN, last="ja") == "ja"
        return
    other = "zh" if locale == "en" else "en"

    assert detect_locale(text, known=KNOWN, last=other) == locale


@pytest.mark.parametrize(
    ("locale", "text"), [(locale, text) for locale, texts in WRITTEN_IN.items() for text in texts]
)
def test_a_message_in_the_language_of_the_conversation_stays_in_it(locale: str, text: str) -> None:
    assert detect_locale(text, known=KNOWN, last=locale) == locale


@pytest.mark.parametrize("last", ["en", "zh", "es", "ar"])
@pytest.mark.parametrize("text", [text for text in SAYS_NOTHING if text != "王"])
def test_a_message_that_tells_no_language_keeps_the_last_one(text: str, last: str) -> None:
    assert detect_locale(text, known=KNOWN, last=last) == last


@pytest.mark.parametrize(("last", "bare"), [("zh-Hans-CN", "zh"), ("EN_us", "en")])
def test_the_answer_is_a_bare_tag(last: str, bare: str) -> None:
    assert detect_locale("42", known=("en-GB",), last=last) == bare
    assert bare_locale(last) == bare


def test_arabic_letters_alone_do_not_leave_persian() -> None:
    assert detect_locale("سلام", known=KNOWN, last="fa") == "fa"
    assert detect_locale("سلام", known=KNOWN, last="en") == "ar"


def test_a_lonely_kana_is_decoration_in_chinese() -> None:
    assert detect_locale("美の保险怎么样", known=KNOWN, last="en") == "zh"


def test_of_two_languages_that_fit_equally_the_known_one_is_taken() -> None:
    assert detect_locale("hallo", known=("en", "nl"), last="en") == "nl"
    assert detect_locale("hallo", known=("en", "de"), last="en") == "de"


@given(text=st.text(max_size=200), last=st.sampled_from(["en", "zh", "he", "x"]))
def test_no_text_breaks_it(text: str, last: str) -> None:
    assert detect_locale(text, known=KNOWN, last=last)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("ar", True), ("he-IL", True), ("fa", True), ("ur", True), ("en", False), ("zh", False)],
)
def test_the_direction_follows_the_language(locale: str, expected: bool) -> None:
    assert right_to_left(locale) is expected


def test_common_words_are_known_for_languages_with_a_list_only() -> None:
    assert "the" in common_words("en")
    assert common_words("zz") == frozenset()


def test_edits_are_counted_with_swapped_neighbours_as_one() -> None:
    assert count_edits("retrun", "return", most=2) == 1
    assert count_edits("kitten", "sitting", most=3) == 3
    assert count_edits("abc", "abcdef", most=2) == 3
    assert count_edits("same", "same", most=1) == 0


def test_traditional_chinese_becomes_simplified_and_nothing_else_changes() -> None:
    assert simplify("保費遲繳會怎樣？我架車喺街邊俾人撞咗") == "保费迟缴会怎样？我架车在街边被人撞了"
    assert simplify("保费迟缴, Beitrag, 보험료") == "保费迟缴, Beitrag, 보험료"


@pytest.mark.parametrize(
    "text", ["11月20号晚上在丹佛Colfax大街被追尾了", "9月多付的48退我", "看看https://example.org/a1这个链接"]
)
def test_figures_and_addresses_do_not_hide_the_chinese_around_them(text: str) -> None:
    assert detect_locale(text, known=KNOWN, last="en") == "zh"
