"""Where vehicles can be insured: the 48 contiguous states and Washington DC.

Data; imported by `checks` and `slots` only.
"""

INSURED_STATES: dict[str, tuple[str, str]] = {
    "AL": ("Alabama", "阿拉巴马"),
    "AZ": ("Arizona", "亚利桑那"),
    "AR": ("Arkansas", "阿肯色"),
    "CA": ("California", "加利福尼亚"),
    "CO": ("Colorado", "科罗拉多"),
    "CT": ("Connecticut", "康涅狄格"),
    "DC": ("District of Columbia", "哥伦比亚特区"),
    "DE": ("Delaware", "特拉华"),
    "FL": ("Florida", "佛罗里达"),
    "GA": ("Georgia", "佐治亚"),
    "IA": ("Iowa", "艾奥瓦"),
    "ID": ("Idaho", "爱达荷"),
    "IL": ("Illinois", "伊利诺伊"),
    "IN": ("Indiana", "印第安纳"),
    "KS": ("Kansas", "堪萨斯"),
    "KY": ("Kentucky", "肯塔基"),
    "LA": ("Louisiana", "路易斯安那"),
    "MA": ("Massachusetts", "马萨诸塞"),
    "MD": ("Maryland", "马里兰"),
    "ME": ("Maine", "缅因"),
    "MI": ("Michigan", "密歇根"),
    "MN": ("Minnesota", "明尼苏达"),
    "MO": ("Missouri", "密苏里"),
    "MS": ("Mississippi", "密西西比"),
    "MT": ("Montana", "蒙大拿"),
    "NC": ("North Carolina", "北卡罗来纳"),
    "ND": ("North Dakota", "北达科他"),
    "NE": ("Nebraska", "内布拉斯加"),
    "NH": ("New Hampshire", "新罕布什尔"),
    "NJ": ("New Jersey", "新泽西"),
    "NM": ("New Mexico", "新墨西哥"),
    "NV": ("Nevada", "内华达"),
    "NY": ("New York", "纽约州"),
    "OH": ("Ohio", "俄亥俄"),
    "OK": ("Oklahoma", "俄克拉荷马"),
    "OR": ("Oregon", "俄勒冈"),
    "PA": ("Pennsylvania", "宾夕法尼亚"),
    "RI": ("Rhode Island", "罗得岛"),
    "SC": ("South Carolina", "南卡罗来纳"),
    "SD": ("South Dakota", "南达科他"),
    "TN": ("Tennessee", "田纳西"),
    "TX": ("Texas", "得克萨斯"),
    "UT": ("Utah", "犹他"),
    "VA": ("Virginia", "弗吉尼亚"),
    "VT": ("Vermont", "佛蒙特"),
    "WA": ("Washington State", "华盛顿州"),
    "WI": ("Wisconsin", "威斯康星"),
    "WV": ("West Virginia", "西弗吉尼亚"),
    "WY": ("Wyoming", "怀俄明"),
}

OTHER_STATES: dict[str, tuple[str, str]] = {"AK": ("Alaska", "阿拉斯加"), "HI": ("Hawaii", "夏威夷")}

SHORT_NAMES: dict[str, str] = {
    "washington dc": "DC",
    "washington d.c.": "DC",
    "华盛顿特区": "DC",
    "加州": "CA",
    "德州": "TX",
    "得州": "TX",
    "麻省": "MA",
    "麻州": "MA",
    "宾州": "PA",
    "佛州": "FL",
    "新泽西州": "NJ",
    "纽约": "NY",
    "乔治亚": "GA",
    "washington": "WA",
}

STATE_WORDS: dict[str, str] = {
    **{name.lower(): code for code, names in (INSURED_STATES | OTHER_STATES).items() for name in names},
    **SHORT_NAMES,
}
"""What a customer may write -> the two letters. These alone are words too ("in", "or", "me"): not here."""


def find_state(text: str) -> str | None:
    """The state's two letters, insured or not; None when there is no such state."""
    name = " ".join(text.split())
    code = name.upper()
    if code in INSURED_STATES or code in OTHER_STATES:
        return code
    return STATE_WORDS.get(name.lower()) or STATE_WORDS.get(name.lower().removesuffix("州"))
