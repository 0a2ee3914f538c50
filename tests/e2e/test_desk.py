"""Anger in the chat raises a flag; staff find it, correct it, and see the mood on the dashboard."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

FURIOUS = "This is the third time you lost my parcel, I am furious"
GRATEFUL = "Thank you so much, you were wonderful!"

KEYS = """(keys) => keys.forEach((key) =>
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))"""


@pytest.fixture
def angry(visit, site):
    """A visitor who was angry, then grateful; both messages have their mood by now."""
    visitor = visit(site.address)
    for text in (FURIOUS, GRATEFUL):
        visitor.ask(text)
    return visitor


def test_anger_raises_a_flag_that_staff_correct_in_the_queue(angry, desk):
    desk.goto("/admin/chat/classification/")
    desk.get_by_role("link", name=FURIOUS).last.click()  # others may have been angry before
    expect(desk.locator("#content-main")).to_contain_text(GRATEFUL)  # the conversation around it
    desk.get_by_label("Right label").select_option("Neutral")
    desk.get_by_role("button", name="Correct", exact=True).click()
    expect(desk.get_by_text("Corrected as Neutral.")).to_be_visible()
    desk.goto("/admin/chat/classification/?queue=decided")
    expect(desk.locator("#result_list")).to_contain_text(FURIOUS)
    expect(desk.locator("#result_list")).to_contain_text("Corrected: Neutral")


def test_the_dashboard_shows_moods_and_the_conversation_page_its_labels(angry, desk):
    desk.goto("/dashboard/")
    row = desk.locator(f"tr:has(a[href*='{angry.conversation()['id']}'])")
    expect(row.get_by_role("img")).to_have_accessible_name(re.compile("Mood over 2 messages"))
    row.get_by_role("link").click()
    expect(desk.locator("#message-1 .labels")).to_contain_text("Negative")
    expect(desk.locator("#message-3 .labels")).to_contain_text("Positive")
    expect(desk.locator("#mood-chart")).to_be_visible()


def test_the_chart_leads_to_the_strongest_moment_and_is_saved_as_a_picture(angry, desk):
    desk.goto(f"/dashboard/{angry.conversation()['id']}/")
    desk.get_by_role("link", name=FURIOUS).click()
    expect(desk.locator("#message-1")).to_be_in_viewport()
    with desk.expect_download() as saved:
        desk.get_by_role("button", name="Save the chart as a picture").click()
    assert saved.value.suggested_filename == "mood.png"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_conversation_page_fits_a_phone_in_light_and_dark(angry, desk, scheme):
    desk.emulate_media(color_scheme=scheme)
    desk.set_viewport_size({"width": 360, "height": 740})
    desk.goto(f"/dashboard/{angry.conversation()['id']}/")
    expect(desk.locator("#mood-chart")).to_be_visible()
    desk.get_by_text("The same as a table").click()
    wide = desk.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide


def test_the_documentation_of_the_api_shows_under_the_strict_policy(desk):
    complaints = []
    desk.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    desk.goto("/api/v1/docs")
    expect(desk.get_by_text("/api/v1/classifications", exact=True)).to_be_visible()
    assert not complaints


def test_the_queue_is_worked_by_keys(visit, site, desk):
    for _ in range(2):
        visit(site.address).ask(FURIOUS)
    desk.goto("/admin/chat/classification/?q=furious")
    desk.keyboard.press("n")
    expect(desk.get_by_role("heading", name="Your decision")).to_be_visible()
    first = desk.url
    desk.get_by_label("Note (optional)").fill("cd1")  # typed words are no keys
    expect(desk).to_have_url(first)
    desk.get_by_role("heading", name="Your decision").click()
    desk.keyboard.press("1")
    expect(desk.get_by_text("Corrected as Positive.")).to_be_visible()
    expect(desk).not_to_have_url(first)
    desk.keyboard.press("c")
    expect(desk.get_by_text("Confirmed as Negative.")).to_be_visible()


def test_a_second_key_while_the_next_message_loads_decides_nothing(angry, desk):
    desk.goto("/admin/chat/classification/?q=furious")
    desk.keyboard.press("n")
    expect(desk.get_by_role("heading", name="Your decision")).to_be_visible()
    desk.evaluate(KEYS, ["1", "c"])
    expect(desk.get_by_text("Corrected as Positive.")).to_be_visible()


def test_enter_in_the_note_does_not_confirm_where_a_label_is_chosen(angry, desk):
    desk.goto("/admin/chat/classification/?q=furious")
    desk.keyboard.press("n")
    desk.get_by_label("Right label").select_option("Neutral")
    desk.get_by_label("Note (optional)").fill("irony")
    desk.get_by_label("Note (optional)").press("Enter")
    expect(desk.get_by_text("A label is chosen here")).to_be_visible()
    expect(desk.get_by_label("Right label")).to_have_value("Neutral")
    desk.get_by_role("button", name="Correct", exact=True).click()
    expect(desk.get_by_text("Corrected as Neutral.")).to_be_visible()


def test_an_open_dashboard_hears_of_a_conversation_that_turns_bad(visit, site, desk):
    desk.goto("/admin/chat/alertrule/")
    desk.get_by_role("link", name="A very negative message").click()
    desk.get_by_label("Threshold").fill("0.5")
    with desk.context.expect_page() as opened:
        desk.get_by_role("button", name="Preview").click()
    expect(opened.value.get_by_role("heading", name="in 30 days")).to_be_visible()
    desk.get_by_role("button", name="Save", exact=True).click()
    desk.goto("/dashboard/?order=newest")
    visitor = visit(site.address)
    visitor.ask(FURIOUS)
    expect(desk.get_by_role("status", name="Alerts")).to_contain_text("A very negative message")
    row = desk.locator(f"tr:has(a[href*='{visitor.conversation()['id']}'])")
    expect(row).to_contain_text("1 open")  # the list has changed without a reload
    desk.get_by_role("link", name="Open the conversation").first.click()
    expect(desk.locator("#message-1")).to_be_in_viewport()


def test_a_table_is_streamed_from_the_list(angry, desk):
    desk.goto("/dashboard/")
    with desk.expect_download() as saved:
        desk.get_by_role("link", name="Messages as JSONL").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert FURIOUS in [json.loads(line)["text"] for line in lines]


def test_an_open_queue_gets_new_rows_and_they_can_be_ticked(visit, site, desk):
    parcel = "4711"
    desk.goto(f"/admin/chat/classification/?q={parcel}")
    expect(desk.get_by_role("heading", name="Nothing waits here")).to_be_visible()
    visit(site.address).ask(f"{FURIOUS}: parcel {parcel}")
    expect(desk.locator("#result_list")).to_contain_text(parcel)  # without a reload
    desk.locator("#result_list input.action-select").check()
    expect(desk.locator(".action-counter")).to_contain_text("1 of 1 selected")
    desk.locator("select[name=action]").select_option("assign_to_me")
    desk.get_by_role("button", name="Run").click()
    expect(desk.get_by_text("1 assigned to you.")).to_be_visible()
