"""`report.html` as text: what it says, what it may hold, how large it becomes. tests/report/test_html_browser.py opens it."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gate.model import Outcome, RunRecord
from gate.report import html, render_all
from gate.report.html import Approval

TAGS = {
    *("html", "head", "meta", "title", "style", "script", "body", "header", "nav", "main", "section", "article", "footer", "div", "span"),
    *("h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "a", "code", "strong", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "rect", "line", "form", "label", "input", "select", "option", "output"),
    "small",
}
ADDRESSES = {"src", "srcset", "action", "formaction", "data", "poster", "background", "cite", "xlink:href", "ping", "srcdoc", "style"}
APPROVAL: dict[str, object] = {
    "role": "QA", "name": "Ada Lovelace", "meaning": "I have read it", "decision": "approve", "at": "2026-02-28T11:00:00Z",
    "fingerprint": "SHA256:abc", "covers": True, "exception": "",
}  # fmt: skip


@pytest.fixture
def check(parsed: Callable[[str], Any]) -> Callable[[str], Any]:
    """Reads a page, and sees to it that nothing in it is anything but what the template put there."""

    def do(text: str) -> Any:
        page = parsed(text)
        assert {tag for tag, _ in page.tags} <= TAGS
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        for _, attrs in page.tags:
            assert not ADDRESSES & set(attrs)
            assert not any(name.startswith("on") for name in attrs)
            if "href" in attrs:
                assert (attrs["href"] or "")[0] == "#"
                assert (attrs["href"] or "")[1:] in ids
        policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and attrs.get("http-equiv"))
        digests = {tag: base64.b64encode(hashlib.sha256(page.inside[tag][0].encode()).digest()).decode() for tag in ("style", "script")}
        allowed = [f"{tag}-src 'sha256-{digest}'" for tag, digest in digests.items()]
        assert policy == "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])
        assert (len(page.inside["style"]), len(page.inside["script"])) == (1, 1)
        return page

    return do


Check = Callable[[str], Any]
CASES = ("go", "no-go", "inconclusive", "interrupted", "waived", "waiver-expired")


@pytest.mark.parametrize("case", CASES)
def test_one_sound_page_without_anything_from_outside(case: str, runs: dict[str, RunRecord], check: Check) -> None:
    text = html.render(runs[case])
    page = check(text)
    assert html.render(runs[case]) == text
    assert "://" not in text.replace("https://supply-intel.example.com", "")
    assert page.inside["h1"] == [{"interrupted": "INTERRUPTED", "waived": "GO", "waiver-expired": "NO-GO"}.get(case, case.upper())]


def test_an_interrupted_run_is_no_pass(runs: dict[str, RunRecord], check: Check) -> None:
    text = html.render(runs["interrupted"])
    assert not re.search(r"PASS|\bGO\b", text)
    assert "No verdict. Do not ship on this run.The run was interrupted and proves nothing: SIGINT" in check(text).text


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("go", ["Clear to ship, once the approvals are there.", "in the way: 5 of 6 controls passed.", "gate signoff BUNDLE"]),
        ("no-go", ["Do not ship.", "1 control stands", "AUTH-001 Set AUTH_ENABLED=true and deploy", "No waiver can cover: AUTH-001"]),
        ("inconclusive", ["Do not ship yet.", "Too little is known", "Find out why 1 control could not be judged: ERR-001"]),
        ("waived", ["without, the verdict is NO-GO", "The end of the waiver of ERR-001: 2026-03-03 (3 days", "OPS-42"]),
        ("waiver-expired", ["1 control and 2 waivers with a problem stand in the way.", "Renew or remove the waiver of ERR-001"]),
    ],
)  # fmt: skip
def test_what_it_means_and_what_would_change_it(case: str, said: list[str], runs: dict[str, RunRecord], check: Check) -> None:
    text = check(html.render(runs[case])).text
    for sentence in said:
        assert sentence in text


def test_a_finding_says_what_was_expected_sent_and_seen_and_how_to_mend_it(runs: dict[str, RunRecord], check: Check) -> None:
    text = check(html.render(runs["no-go"])).text
    assert "Expecteda refusal (HTTP 401 or HTTP 403) Sent#1 GET /api/v1/audit/events?limit=1 as nobody: 401 in 0.015 s gate-r1-1" in text
    assert 'SeenHTTP 200, {"rows": []} To mend itSet AUTH_ENABLED=true and deploy again.' in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Clear to ship, once the approvals are there."),
        ({"decision": "reject"}, "Do not ship: it was rejected.Rejected by Ada Lovelace for QA."),
        ({"covers": False}, "Do not ship: an approval is not about this run."),
        ({"covers": "yes"}, "This signature is not about this evidence."),
        ({"exception": "operator: nobody else was there"}, "Exception: operator: nobody else was there"),
        ({"name": "<b>\u202eAda</b>"}, "QA: <b>Ada</b>"),
    ],
)
def test_approvals(change: dict[str, object], said: str, runs: dict[str, RunRecord], check: Check) -> None:
    papers: list[Approval] = [{**APPROVAL, **change}]
    assert said in check(html.render(runs["go"], papers)).text


def test_an_approval_makes_no_go_of_nothing_else(runs: dict[str, RunRecord], check: Check) -> None:
    page = check(html.render(runs["no-go"], [APPROVAL]))
    assert "Do not ship." in page.text
    assert page.inside["h1"] == ["NO-GO"]


TEXTS = {
    "script": "<script>alert(1)</script></script></style></title><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=\"alert(1)\" ' onfocus='alert(1)' autofocus x=`",
    "address": "javascript:alert(1) data:text/html,<script>alert(1)</script> file:///etc/passwd",
    "bidi": "\u202egnp.exe\u2066\u200f \u200bzero\ufeff",
    "terminal": "\x1b[31mRED\x1b[0m \x1b]0;title\x07 \x1b[2J",
    "jinja": "{{ 7*7 }}{% raw %}{# #}",
    "long": "x" * 1_000_000,
    "quotes": "\"&'<>" * 2000,
    "wide": "漢" * 500,
    "empty": " ",
}


@pytest.mark.parametrize("case", ["no-go", "waived", "waiver-expired", "interrupted"])
@pytest.mark.parametrize("kind", TEXTS)
def test_hostile_text_stays_text(kind: str, case: str, hostile: Callable[..., RunRecord], check: Check) -> None:
    text = TEXTS[kind]
    page = check(html.render(hostile(text, case), [dict.fromkeys(APPROVAL, text)]))
    assert len(page.inside["h1"]) == 1
    assert "49" not in page.text.replace("SHA256", "") or kind != "jinja"


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED, Outcome.NOT_RUN, Outcome.INCONCLUSIVE])
def test_5000_controls_stay_below_3_mb_and_are_all_there(
    outcome: Outcome, runs: dict[str, RunRecord], check: Check, many: Callable[..., RunRecord]
) -> None:
    text = html.render(many(runs["no-go"], 5000, outcome))
    page = check(text)
    assert len(text.encode()) < 3_000_000
    assert sum("data-outcome" in attrs for _, attrs in page.tags) == 5000
    assert "the first 1000 of 5000, all are in result.json" in page.text
    assert ("more are not shown here: the page would be too large" in page.text) is (outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE))


@pytest.mark.parametrize("kind", ["quotes", "long", "wide"])
def test_5000_hostile_controls_stay_below_3_mb_and_what_is_left_out_is_told(
    kind: str, runs: dict[str, RunRecord], check: Check, many: Callable[..., RunRecord]
) -> None:
    text = html.render(many(runs["no-go"], 5000, Outcome.FAILED, TEXTS[kind]))
    page = check(text)
    assert len(text.encode()) < 3_000_000
    rows = sum("data-outcome" in attrs for _, attrs in page.tags)
    assert f"{5000 - rows} more are not shown here: the page would be too large. All are in result.json." in page.text


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"recall_drill": "x", "timings": [1], "audit_pack": None, "selftest": 3},
        {"timings": {"recall": [1, "2.5", None, True, "nan", "inf", -1, {}, "x" * 10_000], "<b>": {"a": 1}}},
        {"recall_drill": {"limit_seconds": "10", "trace_seconds": "0"}},
        {"recall_drill": {"limit_seconds": 0, "trace_seconds": 10**400}},
    ],
)
def test_whatever_the_facts_are(facts: dict[str, object], runs: dict[str, RunRecord], check: Check) -> None:
    check(html.render(replace(runs["go"], facts=facts)))


def test_a_run_that_ended_before_its_plan(runs: dict[str, RunRecord], check: Check) -> None:
    early = replace(runs["interrupted"], controls=(), results={}, terms=None, facts={}, ledger=())
    text = check(html.render(early)).text
    assert "All controls: 0" in text
    assert "None was sent." in text


def test_the_bundle_holds_it(runs: dict[str, RunRecord]) -> None:
    assert render_all(runs["go"])["report.html"] == html.render(runs["go"])
