"""Facts of a conversation: order numbers, names, products, amounts and dates, drawn once each."""

import random
import string
from collections.abc import Callable

_COINED = 0.5  # share of names that are on no list: any name must be repeated as it is given
_SPELLED = 0.4  # share of coined English names that are made letter by letter
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


class Facts(dict):
    """Draws a fact when it is first named and repeats it afterwards.

    `lexicon(name)` gives an entry of the language's word list. `named` collects what was looked up.
    """

    def __init__(self, rng: random.Random, language: str, lexicon: Callable[[str], str]):
        super().__init__()
        self.rng, self.language, self.lexicon = rng, language, lexicon
        self.named: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.named.add(name)
        return super().__getitem__(name)

    def fixed(self) -> list[str]:
        """Values that must be repeated letter by letter, so no typo may touch them."""
        return [value for name, value in self.items() if name.rstrip("2") not in ("n", "weekday")]

    def __missing__(self, name: str) -> str:
        value = self._draw(name.rstrip("2"))
        if value in self.values():
            return self[name]
        self[name] = value
        return value

    def _draw(self, name: str) -> str:
        if name == "name" and self.rng.random() < _COINED:
            return coined_name(self.rng, self.language)
        draw = _DRAWS.get(name)
        return draw(self.rng, self.language) if draw else self.lexicon(name)


def digits(rng: random.Random, count: int) -> str:
    return rng.choice("123456789") + "".join(rng.choices(string.digits, k=count - 1))


def order_number(rng: random.Random, language: str = "en") -> str:
    """Plain digits of any usual length most of the time, else letters with digits."""
    shape = rng.random()
    if shape < 0.72:
        return digits(
            rng, rng.choices((3, 4, 5, 6, 7, 8, 10, 12), (3, 26, 18, 18, 10, 13, 7, 5))[0]
        )
    letters = "".join(rng.choices(_LETTERS, k=rng.randint(1, 3)))
    if shape < 0.84:
        return letters + digits(rng, rng.randint(3, 7))
    if shape < 0.92:
        return f"{letters}-{digits(rng, rng.randint(3, 6))}"
    if shape < 0.96:
        return f"{rng.choice(('ORD', 'SO', 'INV', 'PO'))}-{digits(rng, rng.randint(4, 6))}"
    return f"{digits(rng, 3)}-{digits(rng, rng.randint(4, 7))}"


def amount(rng: random.Random, language: str) -> str:
    number = str(rng.randint(3, 990))
    if rng.random() < 0.5:
        number += f".{rng.choice(('50', '90', '95', '99', '00', digits(rng, 2)))}"
    if language == "zh":
        return rng.choice(("{}元", "{}块", "{}块钱", "￥{}")).format(number)
    return rng.choice(("${}", "£{}", "€{}", "{} dollars", "{} euros", "{} pounds")).format(number)


def date(rng: random.Random, language: str) -> str:
    month, day = rng.randint(1, 12), rng.randint(1, 28)
    if language == "zh":
        return rng.choice((f"{month}月{day}号", f"{month}月{day}日", f"{month}月{day}号"))
    return rng.choice((f"{day} {_MONTHS[month - 1]}", f"{_MONTHS[month - 1]} {day}"))


def email(rng: random.Random, language: str) -> str:
    user = rng.choice(_USERS) + rng.choice(("", ".", "_")) + rng.choice((*_USERS, digits(rng, 2)))
    return f"{user}@{rng.choice(('example.com', 'example.org', 'mail.example', 'post.example'))}"


def phone(rng: random.Random, language: str) -> str:
    return f"1{rng.choice('3578')}{digits(rng, 9)}" if language == "zh" else f"0{digits(rng, 9)}"


def error_code(rng: random.Random, language: str) -> str:
    """As devices and programs show them: E-4031, ERR_42, 0x80070057, 503."""
    shape = rng.random()
    if shape < 0.2:
        return digits(rng, rng.choice((2, 3, 3, 4, 5)))
    if shape < 0.35:
        return "0x" + "".join(rng.choices("0123456789ABCDEF", k=rng.choice((4, 8))))
    letters = rng.choice(("E", "E", "F", "H", "ERR", "Error", "S", "P", "DE", "U"))
    return letters + rng.choice(("", "", "-", "_", " ")) + digits(rng, rng.choice((1, 2, 3, 4)))


def coined_name(rng: random.Random, language: str) -> str:
    """A name put together from parts, such as nobody may bear: of syllables or letter by letter."""
    if language == "zh":
        return rng.choice(_SURNAMES) + "".join(rng.choices(_GIVEN, k=rng.choice((1, 2, 2))))
    if rng.random() < _SPELLED:
        return _spelled_name(rng)
    middle = "".join(rng.choices(_SYLLABLES, k=rng.choice((0, 1, 1, 2))))
    return (rng.choice(_SYLLABLES) + middle + rng.choice(_ENDINGS)).capitalize()


def _spelled_name(rng: random.Random) -> str:
    """Such as Brisko, Mr Olveth, Tamu-Lien, J. Karzok or O'Dretten."""
    name = _word(rng).capitalize()
    chance = rng.random()
    if chance < 0.1:
        return f"{rng.choice(('Mr', 'Mrs', 'Ms', 'Dr'))} {name}"
    if chance < 0.16:
        return f"{name}-{_word(rng, 1).capitalize()}"
    if chance < 0.22:
        return rng.choice(("O'", "Mc", "De", "Van ", "D'", "Al-")) + name
    if chance < 0.4:
        return f"{rng.choice((_word(rng, 1).capitalize(), rng.choice(_LETTERS) + '.'))} {name}"
    return name


def _word(rng: random.Random, least: int = 2) -> str:
    count = rng.choice((least, 2, 2, 3))
    parts = (rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(count))
    return "".join(parts)


def small_number(rng: random.Random, language: str) -> str:
    return str(rng.randint(2, 20))


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SURNAMES = (
    *"赵钱孙李周吴郑王冯陈卫蒋沈韩杨朱秦许何吕张孔曹严金魏姜谢邹苏潘葛范彭鲁韦马方任袁柳史唐薛雷贺汤罗毕郝安常于傅康余顾孟黄萧尹姚邵汪毛戴宋庞熊纪舒项董梁杜阮",
    "欧阳", "上官", "司马", "诸葛", "皇甫", "令狐", "慕容", "东方", "夏侯", "公孙", "南宫", "尉迟",
    "司徒", "司空", "端木", "长孙", "宇文", "轩辕", "钟离", "独孤", "闻人", "百里", "东郭", "西门",
    "呼延", "申屠", "太史", "澹台", "公冶", "宗政", "濮阳", "淳于", "单于", "拓跋", "纳兰",
)  # fmt: skip
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅鑫宇浩博文轩子涵雨桐欣怡梓晨思远佳琪"
    "海波建国志强春花秋月冬雪婷婉莹璐瑶颖嘉宁安晓东南北山川林森峰岩石泉清源浦江云飞鹏程万里晴岚"
    "炜烨熙煜灿焕坤培墨均堃垚奕妍姝娅嫣媛宸寅岳崇巍庭弘彤彦彬徽恒恺悦惠慧懿成承振捷攀政敬新旭昊昌"
    "昕昱晋景智暄曦朔朗柏柔柯栋桦梦楠榕樱正毅永汐沁沐沛治泓泽洁津涵淑淇淳渊湘滢漪潇澄澜瀚灵炎然照"
    "燕爽玄玥玮珂珊珍珠琛琦琪琬琳琴瑞瑜瑾璇生甜盈真睿硕祎祥祺禾秉科稷立竹笑筠筱素纯绍绮维缘罡羽翊"
    "翔翠耀聪胜舒航良艺芊芙芝芮芷苒苑若茜茹荣荷莉莎莲菁菲萌萍蓉蓓蔓蔚蕊蕾薇虎蝶衡裕西言诗诚语谦豪"
    "贝贤赫越辉辰达远逸道郁重钧铭锋锐锦长阔阳雁雅雨雯霄霏霖靖音韵韶顺风馨骁骏高麒麟黎黛齐龙"
)
_SYLLABLES = (
    "an", "ar", "bar", "bel", "bren", "ca", "cor", "da", "del", "dor", "el", "em", "fa", "fen",
    "gar", "gil", "gwen", "ha", "hil", "is", "jas", "jo", "ka", "kel", "la", "lin", "lo", "ma",
    "mar", "mi", "na", "nor", "o", "or", "pa", "per", "pri", "ra", "ren", "ro", "sa", "sel", "sha",
    "ta", "tho", "ti", "u", "va", "vi", "wal", "wen", "xi", "ya", "zel",
)  # fmt: skip
_ENDINGS = (
    "a", "ah", "an", "ard", "bert", "da", "den", "dra", "dyn", "el", "ena", "fred", "ia", "ick",
    "iel", "ika", "in", "ina", "la", "len", "lia", "line", "lyn", "mar", "mew", "na", "nda", "ne",
    "nor", "o", "on", "ph", "r", "ran", "ric", "s", "son", "ta", "th", "tian", "ton", "us", "vin",
    "y", "ya",
)  # fmt: skip
_ONSETS = (
    "b", "br", "c", "ch", "cl", "d", "dr", "f", "fr", "g", "gl", "gw", "h", "j", "k", "kh", "kr",
    "l", "m", "n", "nk", "p", "ph", "q", "r", "s", "sch", "sh", "sk", "st", "sv", "t", "th", "tr",
    "v", "w", "x", "y", "z", "zh",
)  # fmt: skip
_VOWELS = (
    "a", "a", "e", "e", "i", "o", "o", "u", "y", "ae", "ai", "au", "ee", "ei", "eo", "ia", "ie",
    "oo", "ou", "ue",
)  # fmt: skip
_CODAS = (
    "", "", "", "", "b", "ck", "d", "g", "k", "l", "ll", "lm", "m", "n", "n", "nd", "ng", "nt", "p",
    "r", "rd", "rk", "rt", "s", "sh", "sk", "ss", "st", "t", "th", "tt", "v", "x", "z",
)  # fmt: skip
_USERS = (
    "anna", "ben", "chris", "dana", "eli", "fay", "gus", "hana", "ivan", "jo", "kim", "lee",
    "max", "nina", "omar", "pat", "ray", "sam", "tom", "wei", "zoe", "mila", "carl", "xin",
)  # fmt: skip
_DRAWS = {
    "order": order_number,
    "amount": amount,
    "date": date,
    "email": email,
    "phone": phone,
    "n": small_number,
    "code": error_code,
}
