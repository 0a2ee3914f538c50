"""Browser journeys: a real server, a real headless Chromium. No Django ORM in these modules."""

import pytest
from playwright.sync_api import BrowserContext, expect, sync_playwright

from tests import needs
from tests.e2e.visitor import Visitor
from tests.inference.endless import build_endless
from tests.site import Site

CHROMIUM = needs.chromium()
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
SHORT_TOKENS, ENDLESS_TOKENS = 64, 1500  # at most, of a reply
PATIENCE = 30_000  # ms: replies come from a model that shares its cores with everything else

expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items):
    """Mark what needs a browser, and skip it before any server is started in vain."""
    missing = pytest.mark.skip(needs.NO_CHROMIUM)
    if CHROMIUM is None and needs.REQUIRED:
        raise pytest.UsageError(f"{needs.NO_CHROMIUM}, and REQUIRE_SERVICES=1")
    for item in items:
        if item.module.__name__.startswith(f"{__package__}."):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(missing)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site with the pocket model that ships."""
    short = {"INFERENCE_MAX_NEW_TOKENS": str(SHORT_TOKENS)}
    with Site(tmp_path_factory.mktemp("site"), **short) as site:
        yield site
        assert site.stop() == 0, site.log


@pytest.fixture(scope="session")
def endless_settings(tmp_path_factory):
    """Settings of a site whose replies take many seconds, for what is done in their middle."""
    model = build_endless(tmp_path_factory.mktemp("endless") / "model")
    limit = {"INFERENCE_MAX_NEW_TOKENS": str(ENDLESS_TOKENS), "INFERENCE_DTYPE": "float32"}
    return {"INFERENCE_MODEL": str(model), **limit}


@pytest.fixture(scope="session")
def endless_site(tmp_path_factory, endless_settings):
    with Site(tmp_path_factory.mktemp("endless-site"), **endless_settings) as site:
        yield site
        assert site.stop() == 0, site.log


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """`visit(address, **context options)` opens the chat as a new visitor would.

    Whatever the page complained about on its console fails the test in the end.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_chat(address: str, **options) -> Visitor:
        context = browser.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return Visitor(context, address, complaints)

    yield open_chat
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def desk(browser, site):
    """A page of the staff user that `up` created, logged in by its printed password."""
    context = browser.new_context(locale="en-GB", base_url=site.address)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{site.address}/admin/")
    yield page
    context.close()
