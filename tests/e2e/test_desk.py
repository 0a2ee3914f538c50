"""Anger in the chat raises a flag; staff find it, correct it, and see the mood on the dashboard."""

import re

import pytest
from playwright.sync_api import expect

FURIOUS = "This is the third time you lost my parcel, I am furious"
GRATEFUL = "Thank you so much, you were wonderful!"


@pytest.fixture
def angry(visit, site):
    """A visitor who was angry, then grateful; both messages have their mood by now."""
    visitor = visit(site.address)
    for text in (FURIOUS, GRATEFUL):
        visitor.ask(text)
    return visitor


def test_anger_raises_a_flag_that_staff_correct_in_the_queue(angry, desk):
    desk.goto("/admin/chat/classification/")
    desk.get_by_role("link", name=FURIOUS).first.click()
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
