"""A conversation as the model reads it."""

from types import SimpleNamespace

from chat.history import prompt_messages


def row(role, text, state="done"):
    return SimpleNamespace(role=role, text=text, state=state)


def roles_and_texts(*rows):
    return [(message.role, message.content) for message in prompt_messages("Be kind.", rows)]


def test_turns_follow_the_system_prompt_in_order():
    turns = roles_and_texts(row("visitor", "Hi"), row("assistant", "Hello"), row("visitor", "Help"))
    assert turns == [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Help"),
    ]


def test_failed_running_and_empty_replies_are_left_out_and_stopped_text_is_kept():
    turns = roles_and_texts(
        row("visitor", "One"),
        row("assistant", "half", "failed"),
        row("visitor", "Two"),
        row("assistant", "as far as", "stopped"),
        row("visitor", "Three"),
        row("assistant", "", "stopped"),
        row("assistant", "not yet", "streaming"),
    )
    assert turns[1:] == [("user", "One\nTwo"), ("assistant", "as far as"), ("user", "Three")]


def test_agents_speak_as_the_assistant_and_notices_are_not_read():
    turns = roles_and_texts(
        row("visitor", "Hi"),
        row("system", "Ana joined"),
        row("agent", "I am Ana"),
        row("visitor", "!"),
    )
    assert turns[1:] == [("user", "Hi"), ("assistant", "I am Ana"), ("user", "!")]
