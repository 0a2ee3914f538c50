"""The overview in a browser: trouble first, the chart, its table and picture, light and dark."""

import re
from datetime import date

import pytest
from playwright.sync_api import expect

FURIOUS = "This is the third time you lost my parcel, I am furious"


@pytest.fixture
def desk(browser, site):
    """A page of the staff user that `up` created; what its console complains about fails."""
    context = browser.new_context(locale="en-GB", base_url=site.address)
    context.set_default_timeout(15_000)
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{site.address}/admin/")
    complaints.clear()  # the admin's are its own
    yield page
    context.close()
    assert not complaints


@pytest.fixture
def angry(visit, site):
    visitor = visit(site.address)
    visitor.ask(FURIOUS)
    return visitor


def chart_is_drawn(page) -> None:
    expect(page.locator("#volume-chart")).to_be_visible()
    page.wait_for_function("window.Chart && Chart.getChart('volume-chart')")


def test_a_lead_sees_trouble_first_and_opens_what_is_behind_the_figures(angry, desk):
    desk.goto("/dashboard/overview/")
    trouble = desk.get_by_role("region", name="In trouble now")
    row = trouble.locator(f"tr:has(a[href*='{angry.conversation()['id']}'])")
    expect(row).to_contain_text("egative")
    chart_is_drawn(desk)
    with desk.expect_download() as saved:
        desk.get_by_role("button", name="Save the chart as a picture").click()
    assert saved.value.suggested_filename == "volume.png"
    desk.get_by_text("The same as a table").click()
    desk.get_by_role("region", name="Table of volume").get_by_role("link").last.click()
    expect(desk).to_have_url(re.compile(r"/dashboard/\?.*since="))
    expect(desk.locator(f"a[href*='{angry.conversation()['id']}']")).to_be_visible()


def test_a_bar_opens_the_list_of_its_day_and_that_of_an_hour_none(angry, desk):
    chart = desk.locator("#volume-chart")
    desk.goto(f"/dashboard/overview/?since={date.today()}&by=hour")
    chart_is_drawn(desk)
    chart.click()
    expect(chart).not_to_have_css("cursor", "pointer")
    expect(desk).to_have_url(re.compile("by=hour"))
    desk.goto("/dashboard/overview/")
    chart_is_drawn(desk)
    chart.click()
    expect(desk).to_have_url(re.compile(r"/dashboard/\?.*since="))


def test_an_impossible_range_is_answered_beside_its_field(angry, desk):
    desk.goto("/dashboard/overview/?since=2026-05-02&until=2026-05-01")
    expect(desk.get_by_text("This day lies before the first one.")).to_be_visible()
    expect(desk.get_by_role("heading", name="No figures for this")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_its_window_in_light_and_dark(angry, desk, scheme, width, tmp_path):
    desk.emulate_media(color_scheme=scheme)
    desk.set_viewport_size({"width": width, "height": 800})
    desk.goto("/dashboard/overview/")
    chart_is_drawn(desk)
    desk.get_by_text("The same as a table").click()
    assert not desk.evaluate("document.documentElement.scrollWidth > innerWidth")
    desk.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
