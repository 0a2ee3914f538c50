"""What a demo visitor says: lines with alternatives and blanks, filled in by chance."""

from dataclasses import dataclass
from random import Random
from typing import Literal

Ending = Literal["solved", "open", "waiting", "lost"]
# What people make of a line's mood, as its author sees it; about the last one they differ.
GOOD, PLAIN, BAD, UNCLEAR = "+", "0", "-", "~"

FIRST = {
    "en": ("Anna", "Bo", "Carla", "Dev", "Emma", "Femi", "Greta", "Hugo", "Ines", "Jonas"),
    "zh": ("静", "磊", "娜", "敏", "浩", "婷", "雪", "建国", "晓明", "佳怡"),
}
LAST = {
    "en": ("Reed", "Larsen", "Diaz", "Patel", "Stone", "Ade", "Novak", "Byrne", "Costa", "Weber"),
    "zh": ("陈", "王", "李", "赵", "孙", "周", "吴", "郑", "林", "黄"),
}
NAMELESS = 0.3  # share of visitors who give no name
BLANKS = {
    "en": {
        "item": ("kettle", "desk lamp", "backpack", "pair of boots", "coffee grinder", "headset"),
        "city": ("Leeds", "Porto", "Denver", "Graz", "Cork", "Ghent"),
    },
    "zh": {
        "item": ("电水壶", "台灯", "背包", "靴子", "耳机", "咖啡机"),
        "city": ("杭州", "成都", "武汉", "厦门", "青岛", "西安"),
    },
}


@dataclass(frozen=True)
class Script:
    """One visitor's side of a conversation. `|` parts the ways in which a line may be put."""

    name: str
    language: str
    ending: Ending
    moods: str  # a sign for each line
    lines: tuple[str, ...]

    def told(self, chance: Random) -> list[str]:
        """The lines with alternatives chosen and blanks filled, the same blanks throughout."""
        words = {blank: chance.choice(each) for blank, each in BLANKS[self.language].items()}
        words["order"] = str(chance.randint(1000, 99999))
        words["days"] = str(chance.randint(3, 12))
        words["amount"] = str(chance.randint(12, 180))
        chosen = (chance.choice(line.split("|")).strip() for line in self.lines)
        return [line.format(**words) for line in chosen]


def script(language: str, name: str, ending: Ending, moods: str, *lines: str) -> Script:
    return Script(name, language, ending, moods, lines)


def name(language: str, chance: Random) -> str:
    """What a visitor gives as a name, if any."""
    first, last = chance.choice(FIRST[language]), chance.choice(LAST[language])
    if chance.random() < NAMELESS:
        return ""
    return f"{first} {last}" if language == "en" else f"{last}{first}"
