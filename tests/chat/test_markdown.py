import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markdown import render


def test_a_list_and_bold_text_become_html():
    html = render("Please send:\n\n- your **order number**\n- your town")
    assert "<li>your <strong>order number</strong></li>" in html


def test_a_link_is_neither_followed_by_robots_nor_handed_this_window():
    assert 'rel="nofollow noopener"' in render("[track](https://post.example/1)")


def test_a_remote_image_is_dropped_and_its_words_are_kept():
    html = render("![your <b>parcel</b>](https://spy.example/pixel.png)")
    assert "img" not in html
    assert "spy.example" not in html
    assert "your &lt;b&gt;parcel" in html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<javascript:alert(1)>",
        "```<script>\nalert(1)\n```",
        '[x](https://a.example "\\" onclick=alert(1)")',
        "<svg/onload=alert(1)>",
    ],
)
def test_hostile_text_never_becomes_live_html(hostile):
    html = render(hostile)
    assert not re.search(r"<(script|img|svg|iframe)", html)
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', html))
    assert not re.search(r'href="(?!https?:|mailto:)', html)


@given(st.text())
def test_any_text_renders_with_known_tags_only(text):
    tags = set(re.findall(r"<([a-z0-9]+)", render(text)))
    assert tags <= {
        *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a", "ul", "ol", "li"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    }
