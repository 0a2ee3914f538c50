"""A reply's Markdown as HTML that is safe to show: no raw HTML, no remote images, tame links."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml

TAGS = {
    *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}


def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"breaks": True})
    parser.add_render_rule("image", _alternative_text)
    return parser


def _alternative_text(self, tokens, index, options, env) -> str:
    """An image would tell its host who reads the page: its words stand in for it."""
    return escapeHtml(tokens[index].content)


_markdown = _parser()


def render(text: str) -> SafeString:
    """HTML of Markdown that a model wrote, fit for a page of ours.

    For assistant and agent text only: what visitors type is shown as it was typed.
    """
    return mark_safe(
        nh3.clean(
            _markdown.render(text),
            tags=TAGS,
            attributes=ATTRIBUTES,
            url_schemes=SCHEMES,
            link_rel="nofollow noopener",
        )
    )
