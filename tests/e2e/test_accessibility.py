"""No page of the desk has a serious fault that a machine can find, in light and in dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

FURIOUS = "This is the third time you lost my parcel, I am furious"
LISTS = [
    "/",
    "/dashboard/",
    "/dashboard/overview/",
    "/dashboard/agreement/",
    "/admin/chat/classification/?queue=all",
    "/admin/chat/review/",
    "/admin/chat/alert/?alerts=all",
    "/admin/chat/alertrule/add/",
    "/admin/chat/apitoken/add/",
    "/admin/chat/extraction/",
    "/admin/inference/task/",
    "/admin/inference/task/add/",
]


def faults(page) -> list[str]:
    """What axe-core calls serious or critical, with the first place of each."""
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{page.url}: {each['help']}: {each['nodes'][0]['html']}" for each in serious]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_the_desk_have_no_serious_fault(visit, site, desk, scheme):
    visitor = visit(site.address)
    visitor.ask(FURIOUS)
    talk = visitor.conversation()["id"]
    desk.emulate_media(color_scheme=scheme)
    desk.goto("/admin/chat/classification/?queue=all")
    task = "/admin/inference/task/1/change/"
    review = desk.get_by_role("link", name=FURIOUS).first.get_attribute("href")
    pages = [*LISTS, task, f"/dashboard/{talk}/", f"/dashboard/{talk}/print/", review]
    found = []
    for address in pages:
        desk.goto(address)
        expect(desk.get_by_role("main").or_(desk.locator("#content")).first).to_be_visible()
        found += faults(desk)
    assert not found
