"""What is personal in a message does not become an example."""

import pytest

from chat.masking import introduced, masked
from chat.similarity import Similar, pieces


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to jane.roe+shop@mail.example.co.uk.", "Write to [email]"),
        ("我的邮箱是wang@qq.com，谢谢", "我的邮箱是[email]，谢谢"),
        ("Card 4111 1111 1111 1111 was charged", "Card [card] was charged"),
        ("Call +44 (0)20 7946 0958 now", "Call [phone] now"),
        ("打我电话13812345678吧", "打我电话[phone]吧"),
        ("打我电话１３８１２３４５６７８吧", "打我电话[phone]吧"),
        ("Order #48213 is late", "Order [number] is late"),
        ("订单AB-12-34-X还没到", "订单[number]还没到"),
        ("My name is Jane Roe, hello", "My name is [name], hello"),
        ("my name is jane and I wait", "my name is [name] and I wait"),
        ("你好，我叫王小明，我的订单呢", "你好，我叫[name]，我的订单呢"),
    ],
)
def test_personal_data_is_masked(text, left):
    assert masked(text).removesuffix(".") == left


@pytest.mark.parametrize(
    "text", ["I waited 3 hours for 2 parcels", "It cost 19.99", "等了两个小时", "COVID-19", ""]
)
def test_what_is_nobodys_stays(text):
    assert masked(text) == text


def test_known_names_are_masked_whole_and_in_parts_but_not_inside_of_words():
    assert masked("Roe here, JANE. A roebuck, Janet", ["Jane Roe"]) == (
        "[name] here, [name]. A roebuck, Janet"
    )
    assert masked("这是小明的订单", ["小明"]) == "这是[name]的订单"


def test_a_single_letter_is_no_name():
    assert masked("A plan", ["A"]) == "A plan"


def test_a_name_is_known_from_an_introduction():
    assert introduced("Hi, my name is Jane Roe. 我叫王明。") == ["Jane Roe", "王明"]


class TestSimilarity:
    def test_ranks_rare_pieces_above_frequent_ones(self):
        texts = Similar()
        for key, text in enumerate(["my parcel", "my parcel", "my router"]):
            texts.put(key, text)
        assert texts.ranked("my router, my parcel")[0] == 2

    def test_prefers_the_newer_of_two_alike(self):
        texts = Similar()
        texts.put(1, "late")
        texts.put(2, "late")
        assert texts.ranked("late") == [2, 1]

    def test_replaces_and_forgets(self):
        texts = Similar()
        texts.put(1, "late")
        texts.put(1, "lovely")
        assert texts.ranked("late") == []
        texts.drop(1)
        texts.drop(1)
        assert (texts.ranked("lovely"), len(texts)) == ([], 0)

    def test_finds_words_with_other_endings_and_wide_or_capital_letters(self):
        texts = Similar()
        texts.put(1, "DELIVERED")
        assert texts.ranked("ｄelivery") == [1]

    def test_of_nothing_is_nothing(self):
        assert pieces("?! ...") == []
        assert Similar().ranked("Hello") == []
