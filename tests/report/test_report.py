"""The page: whole, self-contained, safe, light."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from PIL import Image
from run_folder import WriteRun, make_line, make_result

from ttom_pl.cli import main
from ttom_pl.report.page import write_report
from ttom_pl.run import Result, RunFolder, Skipped

HOSTILE = "a cat </script><script>alert(1)</script> \"'><img src=x onerror=alert(2)> {{ 7 * 7 }} <b>moves</b> & left"
Browse = Callable[..., str]
VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag: str, name: str) -> list[str]:
        return [attributes[name] for each, attributes in self.elements if each == tag and name in attributes]

    def texts(self) -> str:
        return " ".join(" ".join(self.text).split())


def stream() -> Iterator[Result | Skipped]:
    """A miss, a hit, a prompt of an earlier run's entry, and one that was skipped."""
    made = {"hit": False, "read": "miss", "write": "insert", "entry": "aaa", "key": "scene", "reason": "fell by 80%"}
    hit = {"hit": True, "read": "warm start", "similarity": 0.97, "write": "update", "entry": "aaa", "key": "scene"}
    yield make_result(1, memory=made)
    yield make_result(2, memory=hit | {"reason": "fell by 50%", "parents": ["aaa"], "iterations_saved": 2})
    yield make_result(3, memory=hit | {"reason": "read-only", "parents": ["old"], "write": "none", "entry": "old"})
    yield Skipped("bad", "colourless green ideas", "no object was found")


@pytest.fixture
def page(write_run: WriteRun) -> Page:
    return Page(write_report(write_run(*stream())))


def test_prompts_with_all_that_belongs_to_them(page: Page) -> None:
    assert page.all("article", "id") == ["p1", "p2", "p3"]
    assert page.all("video", "src") == ["videos/0001.mp4", "videos/0002.mp4", "videos/0003.mp4"]
    pictures = page.all("img", "src")
    assert [uri.split(";")[0] for uri in pictures] == ["data:image/webp", "data:image/png", "data:image/png"] * 3
    text = page.texts()
    for part in (
        "attention to “a red circle”",
        "layout loss 0.500 → 0.100",
        "miss; insert: fell by 80%",
        "67% hit rate",
    ):
        assert part in text
    assert "warm start, similarity 0.970; update: fell by 50%" in text
    assert "colourless green ideas no object was found" in text


def test_links_lead_somewhere(page: Page) -> None:
    """A hit to its entry, the entry to who made it and who uses it."""
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [link[1:] for link in page.all("a", "href") if link.startswith("#")]
    assert set(links) <= ids
    assert {"entry-aaa", "entry-old", "p1", "p2", "p3"} <= set(links)
    assert "earlier" in page.texts()


def test_nothing_comes_from_elsewhere(page: Page) -> None:
    """All but the folder's own files is in the page, so that it can be moved with its folder and read offline."""
    found = [
        attributes[name] for _, attributes in page.elements for name in ("src", "href", "poster") if name in attributes
    ]
    assert found
    assert all(uri.startswith(("data:", "#", "videos/")) or uri in ("results.jsonl", "config.yaml") for uri in found)


def test_untrusted_text_stays_text(write_run: WriteRun) -> None:
    layout = make_line(1, HOSTILE)["layout"]
    layout["tracks"][0] |= {"phrase": HOSTILE, "words": ["cat"]}
    layout |= {"planner": HOSTILE, "reason": HOSTILE}
    memory = {"hit": True, "read": "x", "write": HOSTILE, "reason": HOSTILE, "key": HOSTILE, "parents": [HOSTILE]}
    hostile = make_result(1, HOSTILE, id=HOSTILE, layout=layout, memory=memory, scores={HOSTILE: 0.5})
    run = write_run(hostile, make_result(2), Skipped(HOSTILE + "2", HOSTILE, HOSTILE))
    page = Page(write_report(run))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert all(uri.startswith("data:") for uri in page.all("img", "src"))
    assert page.texts().count(HOSTILE) >= 5
    assert any(HOSTILE in text for text in page.all("article", "data-text"))


def test_boxes_over_the_frames(page: Page) -> None:
    """The object goes from the right half to the left; the path's numbers are hundredths of a frame."""
    boxes = page.all("path", "data-boxes")[0]
    assert boxes.startswith("[[50.0, 10.0, 90.0, 50.0], ")
    assert boxes.endswith(", [10.0, 10.0, 50.0, 50.0]]")
    outlines = [a["d"] for tag, a in page.elements if tag == "path" and a.get("class") == "box" and "d" in a]
    assert outlines[0] == "M50.0 10.0h40.0v40.0h-40.0zM130.0 10.0h40.0v40.0h-40.0zM210.0 10.0h40.0v40.0h-40.0z"


def test_files_that_are_missing_are_left_out(write_run: WriteRun) -> None:
    run = write_run(*(make_result(n) for n in range(1, 6)), make_result(6, files={}, losses=[], scores={}, seconds={}))
    (run / "videos" / "0001.mp4").unlink()
    (run / "videos" / "0002.mp4").write_bytes(b"no video")
    (run / "attention" / "0003.json").unlink()
    (run / "attention" / "0004.json").write_text('{"before": {"shape": [1, 2], "uint8": "?"}}')
    page = Page(write_report(run))
    assert len(page.all("article", "id")) == 6
    assert page.texts().count("no video") == 3
    assert page.texts().count("attention to") == 3


def test_a_run_that_has_just_begun(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path)
    folder.append(Skipped("a", "a b", "no"))
    assert "0 prompts served" in Page(write_report(folder.path)).texts()


def test_it_is_light(write_run: WriteRun) -> None:
    """Under 20 kB a prompt besides what every page has, for these small noisy videos."""
    one = write_report(write_run(make_result(1), name="one")).stat().st_size
    many = write_report(write_run(*(make_result(n) for n in range(1, 11)), name="many")).stat().st_size
    assert (many - one) / 9 < 20_000


def test_command(write_run: WriteRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(make_result(1))
    main(["report", str(run)])
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(tmp_path)])
    assert stopped.value.code == 2
    assert "is no run: it has no results.jsonl" in capsys.readouterr().err


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Open a page in Chromium, as wide as a phone, and return what it prints."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    flags += ["--virtual-time-budget=5000", "--hide-scrollbars", "--window-size=500,900"]

    def run(*arguments: str) -> str:
        done = subprocess.run([browser, *flags, *arguments], capture_output=True, text=True, timeout=300, check=True)
        return done.stdout

    return run


def with_script(report: Path, script: str) -> str:
    """The address of a copy of a page that does something more."""
    copy = report.with_name("copy.html")
    copy.write_text(f"{report.read_text()}<script>{script}</script>")
    return copy.as_uri()


def test_in_a_browser(write_run: WriteRun, tmp_path: Path, browse: Browse) -> None:
    """The script draws the boxes, and nothing is wider than a phone."""
    report = write_report(write_run(*stream()))
    measure = "document.title = `${document.documentElement.scrollWidth} of ${innerWidth}`"
    dom = browse("--dump-dom", with_script(report, measure))
    assert 'd="M50 10H90V50H50Z"' in dom
    assert "<title>500 of 500</title>" in dom
    browse(f"--screenshot={tmp_path / 'shot.png'}", report.as_uri())
    with Image.open(tmp_path / "shot.png") as shot:
        assert len(shot.convert("RGB").getcolors(1 << 24) or []) > 100


def test_cards_are_loaded_as_one_scrolls(write_run: WriteRun, browse: Browse) -> None:
    """Those that are far away stay empty; one that comes near has all that a card in the page has."""
    report = write_report(write_run(*(make_result(number) for number in range(1, 81))))

    def card(dom: str, number: int) -> str:
        return dom.split(f'id="p{number}"')[1].partition("</article>")[0]

    top = browse("--dump-dom", report.as_uri())
    assert "layout loss" in card(top, 60)
    assert "layout loss" not in card(top, 80)
    bottom = browse("--dump-dom", with_script(report, "document.getElementById('p80').scrollIntoView()"))
    assert "layout loss" in card(bottom, 80)
    assert 'd="M50 10H90V50H50Z"' in card(bottom, 80)  # its boxes are drawn, too


@pytest.mark.parametrize(
    ("guided_steps", "guidance", "mode", "method"),
    [
        (0, None, "off", "plain model"),
        (5, {"class_path": "ttom_pl.rehearsal.LatentGuidance"}, "off", "LatentGuidance, no memory"),
        (5, None, "off", "TTO, no memory"),
        (5, None, "read-only", "TTO, memory read-only"),
    ],
)
def test_how_the_videos_were_made(
    write_run: WriteRun, guided_steps: int, guidance: dict[str, str] | None, mode: str, method: str
) -> None:
    run = write_run(make_result(1))
    config = {"model": {"guided_steps": guided_steps, "guidance": guidance}, "memory": {"mode": mode}}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert f"{method} · " in write_report(run).read_text()
    (run / "config.yaml").write_text("model: [")
    assert f"{method} · " not in write_report(run).read_text()
