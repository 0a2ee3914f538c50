"""When the server says no, or nothing: no word a visitor wrote is lost."""

import pytest
from playwright.sync_api import expect

API = "**/api/conversations"
REFUSALS = {
    429: "That was a lot in one minute",
    503: "The chat is switched off for now",
    500: "Something went wrong on our side",
}


@pytest.fixture
def visitor(visit, site):
    return visit(site.address)


@pytest.mark.parametrize("status", REFUSALS)
def test_a_chat_that_cannot_be_opened_leaves_the_text_in_the_box(visitor, status):
    visitor.page.route(API, lambda route: route.fulfill(status=status, json={}))
    visitor.expects_failures()
    visitor.say("Please help me")
    expect(visitor.page.get_by_role("alert")).to_contain_text(REFUSALS[status])
    expect(visitor.box).to_have_value("Please help me")
    visitor.page.unroute(API)
    visitor.box.press("Enter")
    expect(visitor.own).to_have_text(["Please help me"])


@pytest.mark.parametrize("button", ["Send again", "Discard"])
def test_a_refused_message_is_sent_again_or_discarded_by_the_keyboard(visitor, button):
    held = []
    visitor.page.route(API, lambda route: held.append(route))
    visitor.expects_failures()
    with visitor.page.expect_request(API):
        visitor.say("Please help me")
    visitor.box.fill("There is more")  # so that the refused text cannot go back there
    held[0].fulfill(status=429, json={})
    expect(visitor.button(button)).to_be_visible()
    visitor.page.unroute(API)
    visitor.button(button).press("Enter")
    expect(visitor.button(button)).to_have_count(0)
    expect(visitor.box).to_be_focused()
    expect(visitor.box).to_have_value("There is more")


def test_a_first_message_without_a_network_goes_out_later(visitor):
    visitor.page.route(API, lambda route: route.abort())
    visitor.say("Is anybody there?")
    expect(visitor.banner).to_contain_text("Reconnecting")
    visitor.page.unroute(API)
    expect(visitor.own).to_have_text(["Is anybody there?"])
    expect(visitor.banner).to_be_hidden()


def test_an_unsent_message_survives_a_reload(visitor):
    visitor.page.route(API, lambda route: route.abort())
    visitor.say("Is anybody there?")
    expect(visitor.banner).to_contain_text("Reconnecting")
    visitor.page.unroute(API)
    visitor.page.reload()
    expect(visitor.own).to_have_text(["Is anybody there?"])


def test_a_chat_that_is_switched_off_says_so(visitor):
    visitor.page.route(visitor.page.url, switched_off)
    visitor.page.reload()
    notice = visitor.page.get_by_text("The chat is switched off for now.")
    expect(notice).to_be_visible()
    expect(visitor.box).to_be_disabled()


def test_without_scripts_the_page_says_what_it_needs(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.address)
    notice = page.locator("noscript .banner")
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("This chat needs JavaScript.")
    expect(notice).to_contain_text("聊天需要 JavaScript")
    context.close()


def switched_off(route) -> None:
    page = route.fetch()
    route.fulfill(response=page, body=page.text().replace('enabled="true"', 'enabled="false"'))
