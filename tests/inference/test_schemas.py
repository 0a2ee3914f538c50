"""Which schemas a model can be held to, and what is made of what it wrote."""

import json

import pytest
from llguidance import LLMatcher, LLTokenizer

from inference import presets, schemas
from tests.inference.inbox import SCHEMA


def having(described: object, **more) -> str:
    """A schema with one property."""
    return json.dumps({"type": "object", "properties": {"a": described}, **more})


def accepts(schema: str, text: str) -> bool:
    """Whether a model that follows the schema could write this."""
    matcher = LLMatcher(LLTokenizer("byte"), schemas.grammar(schema), log_level=0)
    return matcher.validate_tokens(list(text.encode())) == len(text)


class TestASchema:
    @pytest.mark.parametrize(
        "schema",
        [
            SCHEMA,
            having({"type": "string"}),
            having({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            having({"type": "array", "items": {"enum": ["x", 1, None]}}),
            having({"$ref": "#/$defs/b"}, **{"$defs": {"b": {"type": "boolean"}}}),
            having({"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"}),
        ],
    )
    def test_that_can_be_followed_has_no_problem(self, schema):
        assert schemas.problem(schema) is None

    @pytest.mark.parametrize(
        ("schema", "problem"),
        [
            ("", "no JSON: Expecting value in line 1, column 1"),
            ('{"type": "object",\n oops}', "in line 2, column 2"),
            ("[" * 9000, "nested too deeply"),
            ("[]", "must begin as"),
            ('{"type": "string"}', "must begin as"),
            ('{"type": "object"}', "must begin as"),
            ('{"type": "object", "properties": {}}', "must begin as"),
            (having({"type": "sting"}), "At properties.a.type: 'sting'"),
            (having({"type": "string", "maxLength": -1}), "At properties.a.maxLength"),
            (having({"not": {"type": "string"}}), 'Unimplemented keys: ["not"]'),
            (having({"type": "string", "format": "zip"}), "Unknown format: zip"),
            (having({"type": "string", "pattern": "("}), "At properties.a.pattern"),
            (having({"$ref": "https://example.com/x"}), "https://example.com/x"),
            (having({"type": "integer", "minimum": 3, "maximum": 2}, required=["a"]), "satisfi"),
            (having({"type": "string"}, required=["b"]), "'b'"),
            (having({"const": "x" * 10_000}), "at most 10,000 characters"),
            (having({"type": "number", "maximum": float("nan")}), "or none (NaN, Infinity)"),
            (having({"type": "number"}).replace("}}", ', "maximum": 1e999}}'), "or none (NaN"),
            (having({"enum": ["\ud800"]}), "half a character"),
        ],
    )
    def test_that_cannot_be_followed_is_named_with_what_is_allowed(self, schema, problem):
        assert problem in schemas.problem(schema)

    @pytest.mark.parametrize("kind", ["object", ["object", "null"]])
    def test_takes_no_property_that_it_does_not_name(self, kind):
        described = {"type": kind, "properties": {"city": {"type": "string"}}}
        assert not accepts(having(described), '{"a": {"made_up": 3}}')
        assert accepts(having(described), '{"a": {"city": "x"}}')

    @pytest.mark.parametrize("way", ["allOf", "anyOf", "oneOf"])
    def test_that_is_made_of_parts_takes_what_each_of_them_names(self, way):
        part = {"type": "object", "properties": {"b": {"const": 1}}, "required": ["b"]}
        schema = having({"const": 2}, **{way: [part]})
        assert schemas.problem(schema) is None
        assert accepts(schema, '{"a": 2, "b": 1}')

    def test_names_its_properties_in_their_order(self):
        assert schemas.names(SCHEMA) == ("order", "sure", "action")

    def test_names_the_words_there_are_to_choose_from(self):
        assert schemas.choices(SCHEMA) == {"action": ("track", "refund", "other")}

    def test_that_ships_can_be_followed(self):
        assert schemas.problem(presets.DETAILS_TASK.schema) is None
        written = '{"order": null, "product": "lamp", "amount": null, "action": "refund"}'
        assert schemas.read(written, presets.DETAILS_TASK.schema)[1] == ""


class TestWhatWasWritten:
    def test_is_read_where_it_follows_the_schema(self):
        value, problem = schemas.read('{"order": "1", "sure": true, "action": "track"}', SCHEMA)
        assert (value["order"], problem) == ("1", "")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ('{"order": "1', "no JSON that can be stored"),
            ('{"order": 1, "sure": true, "action": "track"}', "follow the schema at order"),
            ('{"order": "1", "sure": true}', "at the top: 'action' is a required property"),
            ('{"order": "\\u0000", "sure": true, "action": "track"}', "NUL"),
            ('{"order": "\\ud83d", "sure": true, "action": "track"}', "cannot be stored|can be"),
            ('{"order": 1e999, "sure": true, "action": "track"}', "no JSON that can be stored"),
        ],
    )
    def test_says_why_it_is_not_what_was_asked_for(self, text, problem):
        value, said = schemas.read(text, SCHEMA)
        assert value is None
        assert any(each in said for each in problem.split("|"))
