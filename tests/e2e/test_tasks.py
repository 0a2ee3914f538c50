"""A support manager adds a task in the admin, tries it, publishes it, and it reads messages."""

import re

import pytest
from playwright.sync_api import expect

PROMPT = (
    "You read messages that customers write to a support desk. Does the customer ask to speak "
    "with a person instead of a machine? Answer with one word: Yes or No."
)


@pytest.fixture
def form(desk):
    """The form of a new task, with two labels written on it."""
    desk.goto("/admin/inference/task/add/")
    desk.get_by_label("Name").fill("Asks for a person")
    desk.locator("textarea[name=prompt]").fill(PROMPT)
    for row, name in enumerate(("Yes", "No")):
        desk.get_by_label("Answer", exact=True).nth(row).fill(name)
    return desk


def answers(page) -> list[str]:
    return [cell.input_value() for cell in page.get_by_label("Answer", exact=True).all()]


def test_labels_are_rows_that_can_be_added_moved_and_removed(form):
    form.get_by_role("button", name="Add a label").click()
    form.get_by_label("Answer", exact=True).nth(2).fill("Perhaps")
    form.get_by_role("button", name="Move up").nth(2).click()
    assert answers(form) == ["Yes", "Perhaps", "No"]
    form.get_by_role("button", name="Move down").nth(0).click()
    assert answers(form) == ["Perhaps", "Yes", "No"]
    form.get_by_role("button", name="Remove").nth(0).click()
    assert answers(form) == ["Yes", "No"]


def test_a_draft_is_tried_then_published_from_the_same_form(form):
    panel = form.locator("[data-try]")
    panel.get_by_label("Messages, one a line").fill("I want to talk to a human\nWhere is it?")
    panel.get_by_role("button", name="Try").click()
    expect(panel.locator("tbody tr")).to_have_count(2)
    expect(panel.get_by_role("status")).to_contain_text(re.compile(r"\d+ ms a message"))
    form.get_by_role("button", name="Save and continue editing").click()
    expect(form.get_by_text("Version 1 is published")).to_be_visible()
    assert answers(form) == ["Yes", "No"]


SCHEMA = """{"type": "object", "properties": {"action": {"enum": ["track", "refund"]}},
"required": ["action"]}"""


def test_a_schema_makes_a_draft_write_json(form):
    for row in range(2):
        form.get_by_label("Answer", exact=True).nth(row).fill("")
    panel = form.locator("[data-try]")
    panel.get_by_label("Messages, one a line").fill("Where is my order?\nI want my money back")
    form.locator("textarea[name=schema]").fill(SCHEMA.replace('"object"', '"thing"'))
    panel.get_by_role("button", name="Try").click()
    expect(panel.get_by_role("status")).to_contain_text("A schema must begin as")
    form.locator("textarea[name=schema]").fill(SCHEMA)
    panel.get_by_role("button", name="Try").click()
    expect(panel.get_by_role("columnheader", name="action")).to_be_visible()
    expect(panel.locator("tbody td").first).to_have_text(re.compile("^(track|refund)$"))


def test_a_thought_is_shown_with_its_cost(form):
    form.get_by_label("Reasoning").fill("8")
    panel = form.locator("[data-try]")
    panel.get_by_label("Messages, one a line").fill("I want to talk to a human")
    panel.get_by_role("button", name="Try").click()
    expect(panel.get_by_role("status")).to_contain_text(re.compile(r"Thinking takes \d tokens"))


def test_mistakes_are_told_in_the_panel(form):
    form.get_by_label("Answer", exact=True).nth(1).fill("yes ")
    panel = form.locator("[data-try]")
    panel.get_by_label("Messages, one a line").fill("Hello")
    panel.get_by_role("button", name="Try").click()
    expect(panel.get_by_role("status")).to_contain_text("Two labels have the same name")


def test_history_is_labelled_in_the_background_while_the_page_shows_how_far(visit, site, desk):
    visit(site.address).ask("I need this today, it is urgent!")
    desk.goto("/admin/inference/task/")
    desk.get_by_role("link", name="Urgency").click()
    desk.get_by_role("button", name="Label stored messages").click()
    expect(desk.locator("[data-poll]")).to_contain_text("urgency v1: Done")
    expect(desk.locator("[data-poll]")).to_contain_text("not read yet: 0.")


def test_a_run_is_watched_through_a_gap_of_the_network_but_not_past_the_session(desk):
    desk.goto("/admin/inference/task/")
    desk.add_init_script(RUNNING)
    desk.route(RUNS, lambda route: route.abort())
    with desk.expect_event("requestfailed", lambda request: request.url.endswith("/backfill/")):
        desk.get_by_role("link", name="Urgency").click()
    desk.unroute(RUNS)
    desk.route(RUNS, lambda route: route.fulfill(body="<p data-running>Half of it is read</p>"))
    runs = desk.locator("[data-poll]")
    expect(runs).to_have_text("Half of it is read")
    desk.unroute(RUNS)
    with desk.expect_response(lambda response: "/login/" in response.url):
        desk.context.clear_cookies()
    desk.wait_for_timeout(200)  # in which the login page would have come into the card
    expect(runs).to_have_text("Half of it is read")


RUNS = "**/backfill/"
RUNNING = """addEventListener("DOMContentLoaded", () =>
  document.querySelector("[data-poll]")?.insertAdjacentHTML("beforeend", "<p data-running>…</p>"),
  true)"""
