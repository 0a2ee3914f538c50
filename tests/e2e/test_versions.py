"""A wording that measures worse on reviewed messages is published only when that is confirmed."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.reviewed_moods import NAME

WORSE = "How did it all begin? Answer with one word: Positive, Neutral or Negative."


@pytest.fixture(scope="session")
def reviewed(site):
    site.manage("shell", "-c", "from tests.e2e.reviewed_moods import create; create()")


@pytest.fixture
def form(reviewed, desk):
    """The form of a task that people have reviewed messages of."""
    desk.goto("/admin/inference/task/")
    desk.locator("#result_list").get_by_role("link", name=NAME).click()
    return desk


def measured(page, version: str):
    return page.locator(".desk-compare tbody tr").filter(has_text=version)


def test_a_worse_wording_is_warned_of_with_both_figures_and_published_when_confirmed(form):
    form.locator("textarea[name=prompt]").fill(WORSE)
    form.get_by_label("The model reads").select_option("The whole conversation")
    form.get_by_role("button", name="Save and continue editing").click()
    warning = form.get_by_role("alert").filter(has_text="measures worse than moods v1")
    expect(warning).to_be_visible()
    expect(warning.locator("tbody tr")).to_have_count(2)
    figures = [cell.inner_text() for cell in warning.locator("tbody td:nth-child(3)").all()]
    assert float(figures[0]) > float(figures[1])
    assert form.locator("textarea[name=prompt]").input_value() == WORSE

    warning.get_by_role("button", name="Publish it anyway").click()
    expect(form.get_by_text("Version 2 is published")).to_be_visible()
    form.locator("#result_list").get_by_role("link", name=NAME).click()
    expect(measured(form, "moods v2")).to_contain_text(figures[1])
    expect(measured(form, "moods v1")).to_contain_text(figures[0])

    form.get_by_role("button", name="Make moods v1 current").click()  # better: no question asked
    expect(form.get_by_text("moods v1 is current")).to_be_visible()
    form.get_by_role("button", name="Make moods v2 current").click()
    asked = form.get_by_role("alert").filter(has_text="moods v2 measures worse than moods v1")
    expect(asked).to_be_visible()
    form.get_by_role("link", name="Leave it as it is").click()
    expect(measured(form, "moods v1")).to_contain_text("current")


def test_a_version_is_measured_from_the_page(form):
    form.get_by_role("button", name="Measure moods v1").click()
    expect(form.get_by_text("moods v1 was measured on 16 reviewed messages")).to_be_visible()
    expect(measured(form, "moods v1")).to_contain_text(re.compile(r"\d+%"))


def test_a_reply_is_tried_with_and_without_what_its_label_tells_it(form):
    panel = form.locator("[data-try]")
    panel.get_by_label("Messages, one a line").fill("You lost my parcel again, I am furious!")
    panel.get_by_label("Answer them too").check()
    panel.get_by_role("button", name="Try").click()
    expect(panel.get_by_role("status")).to_contain_text("Told: The customer is upset.")
    expect(panel.locator(".desk-replies dt")).to_have_count(2)
    expect(panel.get_by_role("status")).to_contain_text("the label included")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_task_page_fits_a_phone_in_light_and_dark(form, scheme):
    form.emulate_media(color_scheme=scheme)
    form.set_viewport_size({"width": 360, "height": 740})
    form.reload()
    expect(form.get_by_role("heading", name="Compare versions")).to_be_visible()
    assert not form.evaluate("document.documentElement.scrollWidth > innerWidth")
