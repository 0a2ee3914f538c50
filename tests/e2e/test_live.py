"""Open pages of the desk follow what happens, and leave the reader where they are."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

FURIOUS = "This is the third time you lost my parcel, I am furious"
OPEN = """() => fetch("/api/conversations", {
  method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
}).then((answer) => answer.text()).then((it) => localStorage.setItem("chat.conversation", it))"""
LONG = "Where is my order? " * 40


@pytest.fixture
def visitor(visit, site):
    visitor = visit(site.address)
    visitor.ask("Hello, where is my order?")
    return visitor


def open_page(desk, visitor) -> None:
    desk.goto(f"/dashboard/{visitor.conversation()['id']}/")
    expect(desk.get_by_role("button", name="Save the chart as a picture")).to_be_visible()
    desk.evaluate("window.untouched = true")  # gone after a reload


def points(desk) -> list[int]:
    return desk.evaluate("Chart.getChart('mood-chart').data.labels")


def place_of(desk, message: str) -> float:
    return desk.evaluate("id => document.getElementById(id).getBoundingClientRect().top", message)


def test_a_conversation_follows_its_visitor(visitor, desk):
    open_page(desk, visitor)
    visitor.ask(FURIOUS)
    expect(desk.locator("#message-3 .labels")).to_contain_text("Negative")
    expect(desk.locator("#message-4 .text")).not_to_contain_text("No text")
    expect(desk.locator("#mood-moments")).to_contain_text(FURIOUS)
    assert points(desk) == [1, 2]
    expect(desk.locator(".facts")).to_contain_text("Open flags1")
    assert desk.evaluate("window.untouched")


def test_a_conversation_in_which_nobody_has_written_gets_its_chart_with_the_first_words(
    visit, site, desk
):
    visitor = visit(site.address)
    visitor.page.evaluate(OPEN)
    visitor.page.reload()
    desk.goto(f"/dashboard/{visitor.conversation()['id']}/")
    expect(desk.get_by_text("Nobody has written anything yet.")).to_be_visible()
    visitor.ask("Hello")
    expect(desk.locator("#message-1")).to_contain_text("Hello")
    expect(desk.get_by_role("button", name="Save the chart as a picture")).to_be_visible()
    assert points(desk) == [1]


def test_a_correction_in_another_tab_is_shown_where_the_conversation_is_open(visitor, desk):
    visitor.ask(FURIOUS)
    open_page(desk, visitor)
    desk.locator("#message-3").focus()  # where the chart leads to: no reason to stand still
    with desk.context.expect_page() as opened:
        desk.get_by_role("link", name="Flagged: review").click(modifiers=["Control"])
    review = opened.value
    review.get_by_label("Right label").select_option("Neutral")
    review.get_by_role("button", name="Correct", exact=True).click()
    expect(desk.locator("#message-3 .labels")).to_contain_text("corrected, the model said Negative")
    expect(desk.locator("#mood-caption")).to_contain_text("1 label corrected by people")
    assert desk.evaluate("window.untouched")


def test_a_confirmation_closes_the_flag_where_the_conversation_is_open(visitor, desk):
    visitor.ask(FURIOUS)
    open_page(desk, visitor)
    with desk.context.expect_page() as opened:
        desk.get_by_role("link", name="Flagged: review").click(modifiers=["Control"])
    opened.value.get_by_role("button", name="Confirm Negative").click()
    expect(desk.locator("#message-3 .labels")).to_contain_text("Reviewed")
    expect(desk.locator(".facts")).to_contain_text("Open flags0")


def test_what_somebody_reads_stays_where_it_is(visitor, desk):
    for _ in range(3):
        visitor.ask(LONG)
    desk.set_viewport_size({"width": 390, "height": 700})  # the chart stands above the messages
    open_page(desk, visitor)
    desk.evaluate("document.getElementById('message-3').scrollIntoView()")
    before = place_of(desk, "message-3")
    visitor.ask(FURIOUS)
    expect(desk.locator("#message-9 .labels")).to_contain_text("Negative")
    expect(desk.locator("#mood-moments")).to_contain_text(FURIOUS)  # it grew above the reader
    assert abs(place_of(desk, "message-3") - before) < 2
    desk.get_by_role("link", name="2 new messages below").click()
    expect(desk.locator("#message-9")).to_be_in_viewport()
    expect(desk.get_by_role("link", name="new message")).to_have_count(0)


def test_the_overview_tells_from_when_its_figures_are_and_what_they_lack(visitor, desk):
    desk.goto("/dashboard/overview/")
    heading = desk.get_by_role("heading", name="Volume and mood")
    today, tomorrow = (date.today() + timedelta(days=n) for n in (0, 1))
    expect(heading).to_contain_text(f"to {today}")

    def later(route) -> None:
        """The page as it is on the next day, while much is to be counted."""
        page = route.fetch()
        body = page.text().replace(f"to {today}", f"to {tomorrow}")
        body = body.replace('id="left">', 'id="left"><p>7 conversations changed</p>')
        route.fulfill(response=page, body=body)

    desk.route("**/dashboard/overview/", later)
    visitor.ask("And when does it come?")
    expect(heading).to_contain_text(f"to {tomorrow}")
    expect(desk.get_by_text("7 conversations changed")).to_be_visible()
    desk.unroute_all(behavior="wait")  # a page that is being fetched would be answered twice
    visitor.ask("Thank you")
    expect(desk.get_by_text("7 conversations changed")).to_be_hidden()


def test_the_overview_shows_new_trouble_and_counts_it(visitor, desk):
    desk.goto("/dashboard/overview/")
    desk.evaluate("window.untouched = true")
    visitor.ask(FURIOUS)
    trouble = desk.get_by_role("region", name="In trouble now")
    expect(trouble.locator(f"a[href*='{visitor.conversation()['id']}']")).to_be_visible()
    assert desk.evaluate("window.untouched")
