"""The HTML pages in a real browser, from file://: nothing is asked of the network, nothing hostile runs, everybody can use them."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, expect, sync_playwright

from gate.model import Outcome, RunRecord, Verdict
from gate.report import html
from gate.report.index import Entry, render_index
from gate.report.load_chart import svg
from tests.report.load_fact import load_fact, seconds

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
# Every text's colour against the nearest background behind it, as WCAG 2.2 counts it.
FAINT = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = parts(text).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const part of document.querySelectorAll("details")) part.open = true;
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (["SCRIPT", "OPTION"].includes(node.tagName) || !(own || node.tagName === "INPUT")) continue;
    const style = getComputedStyle(node), color = node.ownerSVGElement ? style.fill : style.color;
    const colors = node.tagName === "INPUT" ? [color, getComputedStyle(node, "::placeholder").color] : [color];
    for (const one of colors) {
      const [high, low] = [light(one), light(behind(node))].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      if (!(ratio >= 4.5)) found.push(`${node.tagName} ${node.className} ${node.textContent.slice(0, 40)}: ${ratio}`);
    }
  }
  return [found, document.querySelectorAll("body *").length];
}"""
# What of a picture's text and marks lies outside it, or on other text.
ASTRAY = """(svg) => {
  const whole = svg.getBoundingClientRect(), found = [];
  const texts = [...svg.querySelectorAll("text")].map((node) => [node.textContent, node.getBoundingClientRect()]);
  for (const [name, box] of [...texts, ...[...svg.querySelectorAll("path")].map((node) => ["path", node.getBoundingClientRect()])]) {
    if (box.left < whole.left || box.right > whole.right || box.top < whole.top || box.bottom > whole.bottom) found.push(name);
  }
  for (const [name, one] of texts) for (const [other, two] of texts) {
    const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
    const along = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
    if (one !== two && across > 0 && along > 2) found.push(`${name} on ${other}`);
  }
  return found;
}"""
Open = Callable[..., Page]
APPROVAL: dict[str, object] = {
    "role": "QA", "name": "Ada Lovelace", "meaning": "I have read it", "decision": "approve", "at": "2026-02-28T11:00:00Z",
    "fingerprint": "SHA256:" + "a" * 43, "covers": True, "exception": "",
}  # fmt: skip
TEXTS = {
    "script": "<script>alert(1)</script></script></style></title><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=\"alert(1)\" ' onfocus='alert(1)' autofocus x=`",
    "address": "javascript:alert(1) data:text/html,<script>alert(1)</script>",
    "bidi": "\u202egnp.exe\u2066\u200f \u05d0\u05d1\u05d2 1 2",
    "terminal": "\x1b[31mRED\x1b[0m \x1b]0;title\x07 \x1b[2J",
    "long": "x" * 100_000,
    "wide": "\u6f22" * 500,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    done = subprocess.run([ROOT / "scripts/install_browser.sh"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(done.stderr.strip().splitlines()[-1])
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=done.stdout.strip().splitlines()[-1], args=list(FLAGS))
        yield program
        program.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page's text from a file; at the end no page may have asked for anything, or have had anything to complain of."""
    heard: list[str] = []
    contexts = []

    def asked(request: Request, own: str) -> None:
        if request.url != own:
            heard.append(f"asked for {request.url}")

    def alarm(dialog: Dialog) -> None:
        heard.append(f"opened {dialog.message}")
        dialog.dismiss()

    def do(text: str, *, width: int = 1200, complain: bool = True, **options: Any) -> Page:
        path = tmp_path / f"{len(contexts)}.html"
        path.write_bytes(text.encode())
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("dialog", alarm)
        if complain:
            page.on("request", lambda request: asked(request, path.as_uri()))
            page.on("console", lambda message: heard.append(f"said {message.text}"))
            page.on("pageerror", lambda error: heard.append(f"failed with {error}"))
        else:  # what the policy stops was asked for, and never came
            page.on("requestfinished", lambda request: asked(request, path.as_uri()))
        page.goto(path.as_uri())
        return page

    yield do
    for context in contexts:
        context.close()
    assert heard == []


def rows(page: Page) -> int:
    return page.locator("#rows tr:visible").count()


def entries() -> list[Entry]:
    known = [
        Entry(f"staging/2026022{day}T101500Z", f"2026022{day}T101500Z", Verdict(verdict), environment="staging", base_url="https://example.com",
              started_at=f"2026-02-2{day}T10:15:00.000Z", seconds=1.0 + day / 10, limit=10.0, report=True)
        for day, verdict in enumerate(("GO", "NO-GO", "INCONCLUSIVE", "GO"))
    ]  # fmt: skip
    broken = [Entry("x", "x", problem="no bundle"), Entry("20260228T101500Z", "20260228T101500Z", problem="cannot be read")]
    return [*broken, *reversed(known)]


CASES = ("go", "no-go", "inconclusive", "interrupted", "waived", "waiver-expired")


@pytest.mark.parametrize("width", [360, 768, 1200])
@pytest.mark.parametrize("case", [*CASES, "index"])
def test_it_fits_every_screen(case: str, width: int, show: Open, runs: dict[str, RunRecord]) -> None:
    page = show(render_index(entries()) if case == "index" else html.render(runs[case], [APPROVAL]), width=width)
    for part in page.locator("details").all():
        part.evaluate("part => { part.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    expect(page.locator("h1")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", [*CASES, "index"])
def test_every_text_can_be_told_from_what_is_behind_it(case: str, scheme: Any, show: Open, runs: dict[str, RunRecord]) -> None:
    text = render_index(entries()) if case == "index" else html.render(runs[case], [{**APPROVAL, "covers": False, "exception": "x"}])
    found, seen = show(text, color_scheme=scheme).evaluate(FAINT)
    assert found == []
    assert seen > 30


def test_dark_is_dark(show: Open, runs: dict[str, RunRecord]) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    assert show(html.render(runs["go"]), color_scheme="dark").evaluate(back) == "rgb(20, 23, 27)"
    assert show(html.render(runs["go"]), color_scheme="light").evaluate(back) == "rgb(255, 255, 255)"


def test_the_filter_works_by_keyboard(show: Open, runs: dict[str, RunRecord]) -> None:
    page = show(html.render(runs["no-go"]))
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "filter-text":
            break
    page.keyboard.type("token QUERY")
    assert rows(page) == 1
    expect(page.locator("#filter-shown")).to_have_text("1 of 7 shown")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert rows(page) == 7
    page.keyboard.press("Tab")
    page.keyboard.type("failed")
    assert page.evaluate("document.activeElement.value") == "failed"
    assert rows(page) == 2


def test_closed_parts_open_by_keyboard_by_link_and_for_paper(show: Open, runs: dict[str, RunRecord]) -> None:
    page = show(html.render(runs["go"]))
    finding = page.locator("article.failed")
    expect(finding).to_be_hidden()
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(finding).to_be_visible()
    page.keyboard.press("Enter")
    expect(finding).to_be_hidden()
    page.locator("#rows a").click()
    expect(finding).to_be_in_viewport()
    page.locator("summary").first.click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(finding).to_be_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(finding).to_be_hidden()


@pytest.mark.parametrize("case", ["go", "no-go", "interrupted"])
def test_it_prints(case: str, show: Open, runs: dict[str, RunRecord]) -> None:
    page = show(html.render(runs[case]), color_scheme="dark")
    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF-")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 6
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(FAINT)[0] == []
    expect(page.locator("#filter")).to_be_hidden()


def test_it_can_be_read_without_its_script(show: Open, runs: dict[str, RunRecord]) -> None:
    page = show(html.render(runs["no-go"]), java_script_enabled=False)
    expect(page.locator("#filter")).to_be_hidden()
    expect(page.locator("#rows tr")).to_have_count(7)


@pytest.mark.parametrize("kind", TEXTS)
def test_hostile_text_does_nothing(kind: str, show: Open, hostile: Callable[..., RunRecord]) -> None:
    text = html.render(hostile(TEXTS[kind]), [dict.fromkeys(APPROVAL, TEXTS[kind])])
    page = show(text, width=360)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true;")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, [onmouseover], [onfocus]").count() == 0
    expect(page.locator("h1")).to_have_text("NO-GO")


def test_what_gets_in_all_the_same_cannot_run(show: Open, runs: dict[str, RunRecord]) -> None:
    attack = (
        "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'><a id=bad href='javascript:window.hit = 3'>x</a>"
        "<iframe src='data:text/html,x'></iframe><base href='http://127.0.0.1:9/'><style>h1 { display: none }</style>"
        "<form action='http://127.0.0.1:9/'><button id=send></button></form>"
    )
    page = show(html.render(runs["no-go"]).replace("<main>", f"<main>{attack}"), complain=False)
    page.evaluate("for (const id of ['bad', 'send']) document.getElementById(id).click()")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit ?? null") is None
    assert page.evaluate("[document.baseURI.slice(0, 5), getComputedStyle(document.querySelector('h1')).display]") == ["file:", "block"]


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_5000_controls_open_and_filter_quickly(
    outcome: Outcome, show: Open, runs: dict[str, RunRecord], many: Callable[..., RunRecord]
) -> None:
    text = html.render(many(runs["no-go"], 5000, outcome))
    started = time.monotonic()
    page = show(text)
    assert page.evaluate("document.body.offsetHeight") > 100_000
    assert time.monotonic() - started < 5.0
    started = time.monotonic()
    page.locator("#filter-text").fill("case 4999")
    assert page.locator("#rows tr:not([hidden])").count() == 1
    assert page.evaluate("document.body.offsetHeight") > 0
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_load_run_is_drawn(scheme: Any, show: Open, runs: dict[str, RunRecord], tmp_path: Path) -> None:
    text = html.render(replace(runs["go"], facts={**runs["go"].facts, "load": load_fact()}))
    page = show(text, color_scheme=scheme)
    load = page.locator("section[aria-labelledby=load]")
    drawn = load.get_by_role("img", name="Latency and throughput under load")
    assert "Errors: 6 in all." in (drawn.locator("desc").text_content() or "")
    assert drawn.evaluate(ASTRAY) == []
    assert drawn.locator("text").first.evaluate("node => getComputedStyle(node).fill") == page.evaluate(
        "getComputedStyle(document.body).color"
    )
    assert page.evaluate(FAINT)[0] == []
    assert len(load.screenshot(path=tmp_path / f"load-{scheme}.png")) > 20_000
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 960})  # what A4 leaves between its margins
    assert load.evaluate("node => node.scrollWidth") == 680
    assert page.evaluate(FAINT)[0] == []
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator("a[href='#load']").click()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Latency and throughput under load"


@pytest.mark.parametrize("number", [1, 7, 300, 3600, 40_000])
def test_a_picture_by_itself_has_room_for_all_that_is_in_it(number: int, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "chart.svg"
    path.write_bytes(svg([*seconds(number), {}], title="Load steady").encode())
    page = browser.new_page(viewport={"width": 700, "height": 600}, color_scheme="dark")
    page.goto(path.as_uri())
    drawn = page.locator("svg")
    assert drawn.evaluate(ASTRAY) == []
    assert drawn.locator("rect").evaluate("node => getComputedStyle(node).fill") == "rgb(255, 255, 255)"
    assert drawn.locator("text").first.evaluate("node => getComputedStyle(node).fill") == "rgb(0, 0, 0)"
    page.close()
