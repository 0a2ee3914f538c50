"""Which tasks read a message, whether it gets a reply, and whether it must reach a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import default_phrases, model_router
from chat.model_router import PERSON, choose
from chat.phrases import holds_any, is_any, normal
from chat.router import Route, Rules, decide

MODES = ("all", "keyword", "model")
RULES = Rules(
    tasks=("sentiment", "urgency", "topic"),
    person=("talk to a human", "转人工"),
    quiet=("ok", "好的"),
    calls={"sentiment": ("angry", "太差"), "urgency": ("now",)},
)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
spaces = st.text(" \t\n\u3000", min_size=1, max_size=3)


class TestFindingPhrases:
    @pytest.mark.parametrize(
        ("text", "phrase"),
        [
            ("I want to TALK to  a human!", "talk to a human"),
            ("(angry)", "angry"),
            ("请转人工客服", "转人工"),
            ("我要human处理", "human"),
            ("ＯＫ then", "ok"),
            ("C'est ÉNORME", "énorme"),
            ("c++ fails", "c++"),
        ],
    )
    def test_whole_words_are_found_whatever_their_case(self, text, phrase):
        assert holds_any(text, [phrase])

    @pytest.mark.parametrize(
        ("text", "phrase"), [("a book", "ok"), ("hungry", "angry"), ("known", "now"), ("", "ok")]
    )
    def test_parts_of_other_words_are_not(self, text, phrase):
        assert not holds_any(text, [phrase])

    def test_a_phrase_is_no_pattern(self):
        assert not holds_any("talk to a human", ["talk.to", ".*", "(", "[a-z"])

    def test_no_phrase_and_blank_phrases_find_nothing(self):
        assert not holds_any("anything", [])
        assert not holds_any("anything at all", [" ", ""])

    @given(before=words, after=words, space=spaces)
    def test_a_phrase_between_spaces_is_found_in_any_text(self, before, after, space):
        text = f"{before} talk{space}to{space}A{space}Human {after}"
        assert holds_any(text, ["talk to a human"])

    @given(text=words, phrases=st.lists(words, max_size=4))
    def test_any_text_and_phrases_can_be_compared(self, text, phrases):
        assert holds_any(text, phrases) in (True, False)
        assert is_any(text, phrases) in (True, False)

    @given(text=words)
    def test_normalising_twice_changes_nothing_more(self, text):
        assert normal(normal(text)) == normal(text)

    @pytest.mark.parametrize("text", ["ok", "OK!", " Ok... ", "ok 👍", "好的。"])
    def test_a_whole_message_is_compared_without_punctuation(self, text):
        assert is_any(text, ["ok", "好的"])

    @pytest.mark.parametrize("text", ["ok but where is it?", "not ok", "👍", ""])
    def test_more_than_the_phrase_is_another_message(self, text):
        assert not is_any(text, ["ok", "好的"])


class TestTheRules:
    @pytest.mark.parametrize("mode", ["all", "model"])
    def test_every_task_runs_and_everything_is_answered(self, mode):
        assert decide("ok", RULES, mode) == Route(RULES.tasks, reply=True, person=False)

    def test_keywords_call_tasks_and_those_without_any_always_run(self):
        assert decide("I am angry", RULES, "keyword").tasks == ("sentiment", "topic")
        assert decide("快点，太差了, now", RULES, "keyword").tasks == RULES.tasks
        assert decide("Where is it?", RULES, "keyword").tasks == ("topic",)

    def test_keywords_spare_a_reply_to_a_mere_ok(self):
        assert not decide("Ok.", RULES, "keyword").reply
        assert decide("Ok, and when?", RULES, "keyword").reply

    @pytest.mark.parametrize("mode", MODES)
    @given(before=words, after=words)
    def test_phrases_that_must_reach_a_person_do_so_in_every_mode(self, mode, before, after):
        found = decide(f"{before} talk to a human {after}", RULES, mode)
        assert found.person
        assert found.reply

    @pytest.mark.parametrize("mode", MODES)
    @given(text=words)
    def test_only_enabled_tasks_run_in_their_order_and_each_once(self, mode, text):
        tasks = decide(text, RULES, mode).tasks
        assert list(tasks) == [slug for slug in RULES.tasks if slug in tasks]

    def test_a_quiet_message_that_must_reach_a_person_is_answered(self):
        rules = Rules(("topic",), person=("sos",), quiet=("sos",))
        assert decide("SOS", rules, "keyword") == Route(("topic",), reply=True, person=True)

    @pytest.mark.parametrize(
        "text", ["I want to talk to a person", "我要转人工", "I call my lawyer"]
    )
    def test_the_lists_that_ship_reach_a_person(self, text):
        assert decide(text, Rules((), person=default_phrases.PERSON), "all").person

    @pytest.mark.parametrize("text", ["Is my order ok?", "book a table", "好的商品在哪里"])
    def test_the_lists_that_ship_answer_questions(self, text):
        assert decide(text, Rules((), quiet=default_phrases.QUIET), "keyword").reply


class TestTheModelsWord:
    ALL = Route(("sentiment", "urgency"))

    def test_tasks_that_are_less_likely_than_chance_do_not_run(self):
        shares = {"sentiment": 0.5, "urgency": 0.2, PERSON: 0.3}
        assert choose(self.ALL, shares) == Route(("sentiment",))

    def test_a_person_is_wanted_where_that_is_the_likeliest(self):
        shares = {"sentiment": 0.3, "urgency": 0.3, PERSON: 0.4}
        assert choose(self.ALL, shares).person

    @given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
    def test_it_never_takes_a_person_away_nor_a_reply(self, weights):
        shares = dict(zip(("sentiment", "urgency", PERSON), weights, strict=True))
        whole = sum(weights)
        chosen = choose(
            Route(("sentiment", "urgency"), person=True),
            {name: weight / whole for name, weight in shares.items()},
        )
        assert chosen.person
        assert chosen.reply

    def test_labels_of_the_question_are_the_tasks_and_a_person(self):
        question = model_router._question({"topic": "Topic"})
        assert question.names == ("topic", PERSON)
        assert "topic: Topic" in question.prompt
