"""Vehicles that the business knows: maker, model, class, electric or not, and how customers write them.

Data, no rules: the price is made in `rating`. A vehicle that is not here is still insured; it is rated as
class "standard", and as electric only when it is known to be. Imported by `rating`, `seed` and `tools`.
"""

from dataclasses import dataclass
from typing import Literal

VehicleClass = Literal["small", "standard", "suv", "van", "truck", "premium", "sports", "motorcycle", "scooter"]


@dataclass(frozen=True)
class Vehicle:
    """One model. `written` is how customers write it, lower case; names that are ordinary words or bare
    numbers stand there only together with the maker, so that "escape" or "911" is not taken for a car.
    """

    make: str
    model: str
    kind: VehicleClass
    electric: bool
    written: tuple[str, ...]


def _vehicles(make: str, kind: VehicleClass, *models: str, electric: bool = False) -> tuple[Vehicle, ...]:
    """The vehicles written as "Model: spelling, spelling"."""
    split = (model.partition(": ") for model in models)
    return tuple(Vehicle(make, name, kind, electric, tuple(spellings.split(", "))) for name, _, spellings in split)


MAKES: dict[str, tuple[str, ...]] = {
    "Audi": ("audi", "奥迪"),
    "BMW": ("bmw", "宝马"),
    "Chevrolet": ("chevrolet", "chevy", "雪佛兰"),
    "Chrysler": ("chrysler", "克莱斯勒"),
    "Fiat": ("fiat", "菲亚特"),
    "Ford": ("ford", "福特"),
    "Harley-Davidson": ("harley-davidson", "harley davidson", "harley", "哈雷"),
    "Honda": ("honda", "本田"),
    "Hyundai": ("hyundai", "现代"),
    "Jeep": ("jeep", "吉普"),
    "Kawasaki": ("kawasaki", "川崎"),
    "Kia": ("kia", "起亚"),
    "Lexus": ("lexus", "雷克萨斯", "凌志"),
    "Mazda": ("mazda", "马自达"),
    "Mercedes-Benz": ("mercedes-benz", "mercedes benz", "mercedes", "benz", "奔驰", "梅赛德斯"),
    "Mini": ("mini cooper", "迷你库珀", "宝马迷你"),
    "Niu": ("niu", "小牛"),
    "Nissan": ("nissan", "日产", "尼桑"),
    "Polestar": ("polestar", "极星"),
    "Porsche": ("porsche", "保时捷"),
    "Ram": ("ram 1500", "dodge ram", "公羊", "道奇"),
    "Rivian": ("rivian", "里维安"),
    "Subaru": ("subaru", "斯巴鲁"),
    "Suzuki": ("suzuki", "铃木"),
    "Tesla": ("tesla", "特斯拉"),
    "Toyota": ("toyota", "丰田"),
    "Vespa": ("vespa", "伟士牌", "韦士柏"),
    "Volkswagen": ("volkswagen", "vw", "大众"),
    "Volvo": ("volvo", "沃尔沃"),
    "Yamaha": ("yamaha", "雅马哈"),
    "Zero": ("zero motorcycles", "zero motorcycle", "zero sr"),
}

VEHICLES: tuple[Vehicle, ...] = (
    *_vehicles("Chevrolet", "small", "Bolt: bolt ev, bolt, 博尔特", electric=True),
    *_vehicles("Fiat", "small", "500e: 500e, 菲亚特500", electric=True),
    *_vehicles("Nissan", "small", "Leaf: leaf, 聆风", electric=True),
    *_vehicles("Honda", "small", "Fit: honda fit, 飞度"),
    *_vehicles("Kia", "small", "Rio: kia rio", "Soul: kia soul"),
    *_vehicles("Mini", "small", "Cooper: cooper, 库珀"),
    *_vehicles("Nissan", "small", "Versa: versa"),
    *_vehicles("Toyota", "small", "Yaris: yaris, 雅力士"),
    *_vehicles("Chevrolet", "standard", "Malibu: malibu, 迈锐宝"),
    *_vehicles("Ford", "standard", "Fusion: ford fusion", "Focus: ford focus, 福克斯"),
    *_vehicles("Honda", "standard", "Civic: civic, 思域", "Accord: accord, 雅阁"),
    *_vehicles("Hyundai", "standard", "Elantra: elantra, 伊兰特", "Sonata: sonata, 索纳塔"),
    *_vehicles("Kia", "standard", "Forte: kia forte"),
    *_vehicles("Mazda", "standard", "Mazda3: mazda3, mazda 3, 昂克赛拉, 马自达3"),
    *_vehicles("Nissan", "standard", "Altima: altima, 天籁", "Sentra: sentra, 轩逸"),
    *_vehicles("Subaru", "standard", "Impreza: impreza, 翼豹"),
    *_vehicles("Toyota", "standard", "Camry: camry, 凯美瑞", "Corolla: corolla, 卡罗拉", "Prius: prius, 普锐斯"),
    *_vehicles("Volkswagen", "standard", "Golf: golf, 高尔夫", "Jetta: jetta, 捷达", "Passat: passat, 帕萨特"),
    *_vehicles("Ford", "suv", "Mustang Mach-E: mustang mach-e, mach-e, mach e, 电马", electric=True),
    *_vehicles("Hyundai", "suv", "Ioniq 5: ioniq 5, ioniq5, ioniq, 艾尼氪5, 艾尼氪", electric=True),
    *_vehicles("Kia", "suv", "EV6: ev6, ev 6", electric=True),
    *_vehicles("Volkswagen", "suv", "ID.4: id.4, id4, id 4", electric=True),
    *_vehicles("Chevrolet", "suv", "Equinox: equinox, 探界者", "Tahoe: tahoe, 太浩"),
    *_vehicles("Ford", "suv", "Escape: ford escape, 锐际", "Explorer: ford explorer, 探险者"),
    *_vehicles("Honda", "suv", "CR-V: cr-v, crv, cr v", "Pilot: honda pilot"),
    *_vehicles("Hyundai", "suv", "Tucson: tucson, 途胜", "Santa Fe: santa fe, 胜达"),
    *_vehicles("Jeep", "suv", "Wrangler: wrangler, 牧马人", "Grand Cherokee: grand cherokee, 大切诺基"),
    *_vehicles("Kia", "suv", "Sportage: sportage, 狮跑", "Sorento: sorento, 索兰托"),
    *_vehicles("Mazda", "suv", "CX-5: cx-5, cx5"),
    *_vehicles("Nissan", "suv", "Rogue: nissan rogue, rogue, 奇骏"),
    *_vehicles("Subaru", "suv", "Outback: outback, 傲虎", "Forester: forester, 森林人"),
    *_vehicles("Toyota", "suv", "RAV4: rav4, rav 4, 荣放", "Highlander: highlander, 汉兰达"),
    *_vehicles("Volkswagen", "suv", "Tiguan: tiguan, 途观"),
    *_vehicles("Chrysler", "van", "Pacifica: pacifica, 大捷龙"),
    *_vehicles("Honda", "van", "Odyssey: odyssey, 奥德赛"),
    *_vehicles("Toyota", "van", "Sienna: sienna, 赛那"),
    *_vehicles("Ford", "truck", "F-150 Lightning: f-150 lightning, f150 lightning", electric=True),
    *_vehicles("Rivian", "truck", "R1T: r1t", electric=True),
    *_vehicles("Chevrolet", "truck", "Silverado: silverado, 索罗德"),
    *_vehicles("Ford", "truck", "F-150: f-150, f150, f 150, 猛禽"),
    *_vehicles("Ram", "truck", "1500: dodge ram 1500, ram 1500, dodge ram, 公羊1500"),
    *_vehicles("Toyota", "truck", "Tacoma: tacoma, 塔科马"),
    *_vehicles("BMW", "premium", "i4: bmw i4, i4", electric=True),
    *_vehicles("Polestar", "premium", "2: polestar 2, polestar2, 极星2, 极星 2", electric=True),
    *_vehicles("Rivian", "premium", "R1S: r1s", electric=True),
    *_vehicles("Tesla", "premium", "Model 3: model 3, model3", "Model Y: model y, modely", electric=True),
    *_vehicles("Tesla", "premium", "Model S: model s, models", "Model X: model x, modelx", electric=True),
    *_vehicles("Audi", "premium", "A4: audi a4, a4l, 奥迪a4", "Q5: audi q5, q5l, 奥迪q5"),
    *_vehicles("BMW", "premium", "3 Series: 3 series, 3-series, 330i, 3系", "X5: bmw x5, x5, 宝马x5"),
    *_vehicles("BMW", "premium", "5 Series: 5 series, 5-series, 530i, 5系"),
    *_vehicles("Lexus", "premium", "ES: lexus es, es 350, es350", "RX: lexus rx, rx 350, rx350"),
    *_vehicles("Mercedes-Benz", "premium", "C-Class: c-class, c class, c300, c级"),
    *_vehicles("Mercedes-Benz", "premium", "E-Class: e-class, e class, e350, e级"),
    *_vehicles("Volvo", "premium", "XC60: xc60, xc 60"),
    *_vehicles("Chevrolet", "sports", "Camaro: camaro, 科迈罗", "Corvette: corvette, 科尔维特"),
    *_vehicles("Ford", "sports", "Mustang: mustang, 野马"),
    *_vehicles("Mazda", "sports", "MX-5: mx-5, mx5, miata"),
    *_vehicles("Porsche", "sports", "911: porsche 911, 保时捷911, 保时捷 911"),
    *_vehicles("Zero", "motorcycle", "SR/F: sr/f, zero sr", electric=True),
    *_vehicles("BMW", "motorcycle", "R 1250 GS: r 1250 gs, r1250gs, 1250gs"),
    *_vehicles("Harley-Davidson", "motorcycle", "Sportster: sportster, 运动者"),
    *_vehicles("Honda", "motorcycle", "CB500F: cb500f, cb500", "Rebel 500: rebel 500, rebel500, cm500"),
    *_vehicles("Kawasaki", "motorcycle", "Ninja 400: ninja 400, ninja400, ninja, 忍者400, 忍者"),
    *_vehicles("Suzuki", "motorcycle", "SV650: sv650, sv 650"),
    *_vehicles("Yamaha", "motorcycle", "MT-07: mt-07, mt07", "YZF-R3: yzf-r3, yzf r3, r3"),
    *_vehicles("Niu", "scooter", "NQi: nqi, niu nqi", electric=True),
    *_vehicles("Honda", "scooter", "Metropolitan: honda metropolitan"),
    *_vehicles("Vespa", "scooter", "Primavera: primavera, 伟士牌春天"),
    *_vehicles("Yamaha", "scooter", "Zuma: zuma"),
)

TWO_WHEELERS: frozenset[VehicleClass] = frozenset({"motorcycle", "scooter"})


def fold_name(text: str) -> str:
    """The name without case, spaces and punctuation: "Mach-E", "mach e" and "MACHE" are one."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


MAKE_WORDS: dict[str, str] = {word: make for make, words in MAKES.items() for word in words}
"""What a customer may write -> the maker."""

MODEL_WORDS: dict[str, str] = {word: each.model for each in VEHICLES for word in each.written}
"""What a customer may write -> the model."""

MAKE_OF_MODEL: dict[str, str] = {each.model: each.make for each in VEHICLES}
"""The model -> its maker; every model name in the catalogue belongs to one maker only."""

_MAKE_BY_NAME: dict[str, str] = {fold_name(word): make for make, words in MAKES.items() for word in (make, *words)}
_VEHICLE_OF_MAKE: dict[tuple[str, str], Vehicle] = {
    (each.make, fold_name(word)): each for each in VEHICLES for word in (each.model, *each.written)
}
# Names that tell the maker by themselves; "2", "es" or "x5" could be anybody's.
_VEHICLE_BY_NAME: dict[str, Vehicle] = {
    fold_name(word): each
    for each in VEHICLES
    for word in each.written
    if len(fold_name(word)) >= 4 or not word.isascii()
}


def find_make(text: str) -> str | None:
    """The catalogue's name of the maker, or None when it is not known."""
    return _MAKE_BY_NAME.get(fold_name(text))


def find_vehicle(make: str, model: str) -> Vehicle | None:
    """The vehicle that goes by this model name, with or without the maker before it.

    A model whose name can only be another maker's is found as well: the caller must see the contradiction.
    """
    name, known = fold_name(model), find_make(make)
    spellings = (make,) if known is None else (make, known, *MAKES[known])
    names = (name, *(name.removeprefix(fold_name(word)) for word in spellings))
    of_make = (_VEHICLE_OF_MAKE.get((known or "", each)) for each in names)
    of_any = (_VEHICLE_BY_NAME.get(each) for each in names)
    return next((found for found in (*of_make, *of_any) if found is not None), None)
