"""The documentation is held to the code."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from chat import frames

ROOT = Path(settings.BASE_DIR)


def test_every_setting_is_documented_and_no_other():
    source = (ROOT / "aio_site" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/settings.md").read_text(), re.M))
    assert read == documented


def test_every_client_frame_is_documented():
    protocol = (ROOT / "docs/protocol.md").read_text()
    assert all(f"| `{kind}` `{{" in protocol for kind in frames.READERS)


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text())
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    assert not missing


def test_the_tree_of_the_readme_names_files_that_exist():
    tree = (ROOT / "README.md").read_text().split("## The tree")[1].split("```")[1]
    folder, missing = "", []
    for line in tree.strip().splitlines():
        names = re.match(r" *((?:[\w./]+ )+)", line + " ")[1].split()
        if not line.startswith(" "):
            folder = names[0] if names[0].endswith("/") else ""
            names = names[:1]
        else:
            names = [f"{folder}{name}" for name in names if "." in name or name.endswith("/")]
        missing += [name for name in names if not (ROOT / name).exists()]
    assert not missing
