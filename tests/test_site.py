"""The documentation as a site: it builds without a warning, every link leads somewhere, none goes out by itself."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = [name for name in ("mkdocs", "material", "mkdocstrings", "mkdocstrings_handlers") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason=f"{', '.join(NEEDED)} not installed: pip install -e '.[docs]'")
LOADS = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}
"""What a browser fetches by itself."""
KEPT = {"canonical", "prev", "next", "alternate"}
"""Links of a head that are read and not fetched."""


class Page(HTMLParser):
    """What a page loads, what it links to, and the names in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.names |= {values[name] for name in ("id", "name") if name in values}
        for name, value in values.items():
            if (tag, name) in LOADS and values.get("rel") not in KEPT:
                self.loads.append(value)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as one does."""
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_page_is_there(site: Path) -> None:
    for path in (ROOT / "docs").glob("*.md"):
        assert (site / f"{path.stem}.html").is_file()
    for room in (ROOT / "ttom_pl").iterdir():
        if (room / "__init__.py").is_file():
            assert (site / "reference" / f"{room.name}.html").is_file()
    for name in ("index", "CHANGELOG", "repository/ttom_pl/stream/stream.py", "repository/checkpoints/sprites/about"):
        assert (site / f"{name}.html").is_file()


def test_the_reference_has_the_docstrings(site: Path) -> None:
    page = (site / "reference" / "layout.html").read_text(encoding="utf-8")
    assert 'id="ttom_pl.layout.schema.Layout"' in page
    assert "Raises" in page


def test_nothing_is_fetched_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert sum(len(page.loads) for page in pages.values()) > len(pages)
    outside = {url for page in pages.values() for url in page.loads if re.match(r"(?:\w+:)?//", url)}
    assert not outside
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")), style.name
    # Material loads this one from elsewhere, where a page has it.
    assert not any('class="mermaid"' in path.read_text(encoding="utf-8") for path in pages)


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for link in page.links + page.loads:
            if re.match(r"\w+:|//", link):
                continue
            file, _, anchor = unquote(link).partition("#")
            target = (path.parent / file.split("?")[0]).resolve() if file else path
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].names):
                lost.append(f"{path.name}: {link}")
    assert not lost
