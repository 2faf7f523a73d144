"""The documentation: every page is in the site's contents, and every link leads somewhere."""

import re
from pathlib import Path

import pytest
import yaml

from xrmri.config.presets import MEANINGS, PRESETS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(file.name for file in DOCS.glob("*.md"))
WRITTEN = [*(DOCS / name for name in PAGES), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
COMMANDS = ("phantom", "detect-knee", "build-dataset", "train-vae", "train-ldm", "generate", "evaluate")


def site() -> dict:
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def pages_in(nav) -> list[str]:
    """The files of a navigation, at any depth."""
    if isinstance(nav, str):
        return [nav]
    return [page for one in nav for page in pages_in(list(one.values())[0] if isinstance(one, dict) else one)]


def anchors(file: Path) -> set[str]:
    """What a heading of a page is called in a link."""
    heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_in_the_contents_of_the_site_once():
    assert sorted(pages_in(site()["nav"])) == PAGES


def test_every_stage_has_a_page():
    (stages,) = (one["Stages"] for one in site()["nav"] if "Stages" in one)
    named = " ".join(title for one in stages for title in one)
    assert [command for command in COMMANDS if command not in named] == []


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.name)
def test_links_lead_to_files_and_headings_that_are_there(file):
    text = re.sub(r"```.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        assert target.exists(), link
        assert file.parent != DOCS or target.resolve().is_relative_to(DOCS), f"{link} leads out of the site"
        assert not anchor or anchor in anchors(target), link


def test_files_that_pages_name_are_there():
    """Such as `docs/training.md` in backticks."""
    for file in WRITTEN:
        named = re.findall(r"`((?:docs|tests|xrmri|data_manifests)/[\w./-]+\.\w+)`", file.read_text(encoding="utf-8"))
        for name in named:
            assert (ROOT / name).exists(), f"{file.name}: {name}"


def test_every_preset_is_explained():
    text = (DOCS / "presets.md").read_text(encoding="utf-8")
    assert set(MEANINGS) == set(PRESETS) and all(f"| `{name}` |" in text for name in PRESETS)
