"""JSON schemas of tasks: which can be followed while the model writes, and what was written.

Free of torch, so that a form may ask. A schema is kept as the text that somebody wrote: a
database would not keep the order of its properties, which is the order that they are written in.
"""

import json
from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from llguidance import LLMatcher, LLTokenizer

LONGEST = 10_000  # characters of a schema
# As json.dumps spaces it, which is what models have read most of.
SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
ALLOWED = (
    "Allowed are type, enum, const, properties, required, additionalProperties, items, "
    "prefixItems, minItems, maxItems, minLength, maxLength, pattern, format, minimum, maximum, "
    "multipleOf, anyOf, oneOf, allOf, $defs and $ref within the schema."
)

_COMPOSED = {"allOf", "anyOf", "oneOf"}
_VALUES = {"enum", "const", "default", "examples"}


def problem(schema: str) -> str | None:
    """Why no model can be held to this schema, in words that say what is allowed; None if it can.

    It describes an object: so what is written has names to be shown and found by, and an end.
    """
    if len(schema) > LONGEST:
        return f"A schema has at most {LONGEST:,} characters, not {len(schema):,}."
    try:
        described = json.loads(schema)
        json.dumps(described, ensure_ascii=False, allow_nan=False).encode()  # for llguidance
    except json.JSONDecodeError as error:
        return f"This is no JSON: {error.msg} in line {error.lineno}, column {error.colno}."
    except (RecursionError, ValueError):
        return (
            "This is no JSON that can be read: it is nested too deeply, a number is too long or "
            "none (NaN, Infinity), or a text holds half a character."
        )
    if not _describes_object(described):
        return 'A schema must begin as {"type": "object", "properties": {...}} and name a property.'
    return _misspelled(described) or _not_followed(schema)


def grammar(schema: str) -> str:
    """What llguidance follows. An object takes no further properties unless its schema says so."""
    return LLMatcher.grammar_from_json_schema(
        json.dumps(_closed(json.loads(schema))), overrides=SPACING
    )


def names(schema: str) -> tuple[str, ...]:
    """The properties of the object, in the order that they are written in."""
    return tuple(json.loads(schema)["properties"])


def choices(schema: str) -> dict[str, tuple[str, ...]]:
    """The properties that have fixed words to choose from, with these."""
    described = json.loads(schema)["properties"]
    fixed = {name: _words(each) for name, each in described.items() if isinstance(each, Mapping)}
    return {name: words for name, words in fixed.items() if words}


def read(text: str, schema: str, cut_at: int = 0) -> tuple[dict | None, str]:
    """What was written, and why it is not what the schema asks for: one of the two is empty.

    `cut_at` is the number of tokens at which it was cut; 0 if it was not.
    """
    if cut_at:
        return None, f"It was cut at {cut_at} tokens."
    try:
        value = json.loads(text)
        # What no database takes: NUL, halves of surrogate pairs, infinity.
        plain = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None, "It is no JSON that can be stored."
    if b"\\u0000" in plain:
        return None, "It holds a NUL character, which cannot be stored."
    try:
        Draft202012Validator(json.loads(schema)).validate(value)
    except ValidationError as error:
        return None, f"It does not follow the schema at {_place(error)}: {error.message[:200]}"
    return value, ""


def _describes_object(described: object) -> bool:
    if not isinstance(described, dict) or described.get("type") != "object":
        return False
    properties = described.get("properties")
    return isinstance(properties, dict) and bool(properties)


def _misspelled(described: dict) -> str | None:
    try:
        Draft202012Validator.check_schema(described)
    except SchemaError as error:
        return f"At {_place(error)}: {error.message[:200]}. {ALLOWED}"
    except RecursionError:
        return "It is nested too deeply."
    return None


def _not_followed(schema: str) -> str | None:
    """What the grammar makes of it; any vocabulary would do, and that of bytes is the smallest."""
    matcher = LLMatcher(LLTokenizer("byte"), grammar(schema), log_level=0)
    if not matcher.is_error():
        matcher.compute_bitmask()
    if not matcher.is_error():
        return None
    return f"A model cannot be held to it: {_first_line(matcher.get_error())}. {ALLOWED}"


def _first_line(text: str) -> str:
    return " ".join(text.split())[:200].rstrip(".")


def _place(error: SchemaError | ValidationError) -> str:
    return ".".join(map(str, error.absolute_path)) or "the top"


def _words(described: Mapping) -> tuple[str, ...]:
    return tuple(each for each in described.get("enum", ()) if isinstance(each, str))


def _closed(described: object, part: bool = False) -> object:
    """Further properties are for people who add to a document, not for a model that fills one.

    What is a `part` of an object, beside other parts with properties, stays open for theirs.
    """
    if isinstance(described, list):
        return [_closed(each, part) for each in described]
    if not isinstance(described, dict):
        return described
    named = isinstance(described.get("properties"), dict)
    composed = _COMPOSED & described.keys()
    parts = part or "allOf" in composed or (named and bool(composed))
    closed = {
        name: each if name in _VALUES else _closed(each, parts and name in _COMPOSED)
        for name, each in described.items()
    }
    types = described.get("type")
    if named and not parts and "object" in (types if isinstance(types, list) else [types]):
        closed.setdefault("additionalProperties", False)
    return closed
