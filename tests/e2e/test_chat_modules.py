"""The pure modules of the chat page, called in the browser they run in."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RENDER = """async (texts) => {
  const { renderMarkdown } = await import("/static/chat/markdown.js");
  return texts.map((text) => {
    const box = document.createElement("div");
    box.append(renderMarkdown(text));
    return box.innerHTML;
  });
}"""
LINK = 'rel="noopener nofollow noreferrer" target="_blank"'
RENDERED = {
    "Hello\nthere\n\nagain": "<p>Hello<br>there</p><p>again</p>",
    "**bold**, *slanted*, 2 * 3 * 4": "<p><strong>bold</strong>, <em>slanted</em>, 2 * 3 * 4</p>",
    "- a\n- b\n  1. c": '<ul><li>a</li><li>b<ol start="1"><li>c</li></ol></li></ul>',
    "`<b>` and ``a`b``": "<p><code>&lt;b&gt;</code> and <code>a`b</code></p>",
    "```js\n<i>x</i>": '<pre tabindex="0"><code>&lt;i&gt;x&lt;/i&gt;</code></pre>',
    "# Title": "<p><strong>Title</strong></p>",
    "> said": "<blockquote><p>said</p></blockquote>",
    "<img src=x onerror=alert(1)>": "<p>&lt;img src=x onerror=alert(1)&gt;</p>",
    "[a](javascript:alert(1))": "<p>[a](javascript:alert(1))</p>",
    "[a](https://b.example/c)": f'<p><a href="https://b.example/c" {LINK}>a</a></p>',
    "见 https://b.example。": f'<p>见 <a href="https://b.example" {LINK}>https://b.example</a>。</p>',
}
PIECES = [
    *("<img src=x onerror=f()>", "</p>", "**", "*", "`", "```\n", "- ", "1. ", "> ", "\n", "\n\n"),
    *("[a](", "https://x.example/", "javascript:f()", ")", '"', "&lt;", "\\", "a", " ", "\t"),
]
ALLOWED = {
    *("P", "BR", "STRONG", "EM", "CODE", "PRE", "UL", "OL", "LI", "BLOCKQUOTE", "HR", "A"),
    *("href", "rel", "target", "start", "tabindex"),
}
NAMES_IN = """async (text) => {
  const { renderMarkdown } = await import("/static/chat/markdown.js");
  const nodes = [...renderMarkdown(text).querySelectorAll("*")];
  const links = nodes.filter((node) => node.href && !/^https?:/.test(node.href));
  const attributes = nodes.flatMap((node) => node.getAttributeNames());
  return [...nodes.map((node) => node.tagName), ...attributes, ...links.map((link) => link.href)];
}"""
APPLY = """async (frames) => {
  const { Transcript } = await import("/static/chat/transcript.js");
  const transcript = new Transcript();
  for (const frame of frames) frame ? transcript.apply(frame) : transcript.caughtUp();
  const rows = transcript.ordered.map((row) => [row.seq, row.attempt, row.state, row.text]);
  const troubles = transcript.ordered.flatMap((row) => row.trouble ?? []);
  return { rev: transcript.rev, rows, troubles };
}"""
CAUGHT_UP = None  # stands for the pong after a hello


@pytest.fixture(scope="module")
def page(browser, site):
    page = browser.new_page()
    page.goto(site.address)
    yield page
    page.close()


def test_markdown_becomes_the_nodes_it_means(page):
    assert dict(zip(RENDERED, page.evaluate(RENDER, list(RENDERED)), strict=True)) == RENDERED


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_markdown_makes_a_node_that_could_run(page, text):
    assert set(page.evaluate(NAMES_IN, text)) <= ALLOWED


def test_deltas_of_the_running_attempt_make_up_the_text(page):
    frames = [reply(2), delta(1, "Hel"), delta(1, "lo"), delta(9, "never")]
    assert page.evaluate(APPLY, frames)["rows"] == [[2, 1, "streaming", "Hello"]]


def test_an_older_row_does_not_undo_a_newer_one(page):
    frames = [reply(5, "done", "Hello", attempt=2), reply(7, "stopped", "Hi"), reply(4)]
    assert page.evaluate(APPLY, frames)["rows"] == [[2, 2, "done", "Hello"]]


def test_a_refused_retry_is_told_at_its_reply(page):
    refusal = {"type": "error", "code": "rate_limited", "client_id": None, "seq": 2}
    frames = [reply(3, "stopped", "Hel"), refusal]
    assert page.evaluate(APPLY, frames)["troubles"] == ["rate_limited"]
    assert page.evaluate(APPLY, [*frames, reply(4, attempt=2)])["troubles"] == []


def test_a_snapshot_counts_as_seen_only_once_it_is_whole(page):
    snapshot = [ready(8), reply(3, "done", "Hello")]
    assert page.evaluate(APPLY, snapshot)["rev"] == 3
    assert page.evaluate(APPLY, [*snapshot, CAUGHT_UP])["rev"] == 8


def test_a_server_that_knows_less_is_believed(page):
    frames = [reply(9, "done", "Lost"), ready(1), reply(1, "done", "Kept"), CAUGHT_UP]
    seen = page.evaluate(APPLY, frames)
    assert (seen["rev"], seen["rows"]) == (1, [[2, 1, "done", "Kept"]])


def ready(rev: int) -> dict:
    about = {"status": "bot", "model": "m", "bot": "Mia", "greeting": "Hi"}
    return {"type": "ready", "conversation": "c", "rev": rev, **about}


def reply(rev: int, state: str = "queued", text: str = "", attempt: int = 1) -> dict:
    row = {"seq": 2, "rev": rev, "role": "assistant", "text": text, "state": state}
    rest = {"client_id": None, "created": "2026-01-01T00:00:00+00:00", "sentiment": None}
    return {"type": "message", **row, "attempt": attempt, **rest}


def delta(attempt: int, text: str) -> dict:
    return {"type": "delta", "seq": 2, "attempt": attempt, "text": text}
