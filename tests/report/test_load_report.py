"""A run under load in the reports: what they say of it, and that no forged journal breaks them."""

import copy
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gate.model import Outcome, RunRecord
from gate.report import html, text
from gate.report.clean import columns
from gate.report.html_load import section
from gate.report.load import lines
from gate.report.load_chart import svg
from gate.report.load_series import binned
from tests.report.load_fact import RECALL, TRACE, load_fact, seconds

LOAD = """\
LOAD: failed
Profile         steady
Target          https://supply-intel.example.com
Ran             2026-02-28T10:08:33Z to 2026-02-28T10:13:34Z, 300.9 s
Requests        2400 scheduled, 2400 sent, 2400 completed, 0 dropped, 0
                unfinished
Failures        http 500: 3, timeout: 1
Generator       23 % of a core in its busiest second, p99 of requests 1.20 ms
                late
Recall alone    3 times, median 412 ms, longest 420 ms: 412, 399, 420
Recall in load  3 times, median 640 ms, longest 703 ms: 611, 640, 703
Recall limit    10 s
Why             - POST /recall/simulate p95 812 ms, limit < 800 ms
                - GET /never p95 is not known, limit < 2000 ms: 0 samples, at
                  least 200 needed

  Latency in ms, from when due  count  errors   p50   p95   p99   max
  GET /never                        0       0     -     -     -     -
  GET /trace/{batch_code}        1200       1  41.2  88.4   213   980
  POST /recall/simulate          1200       3   301   812  1502  2210
  all requests                   2400       4   123   640  1320  2210

  Limits                     observed  limit      outcome
  all requests errors        0.17 %    < 0.2 %    passed
  POST /recall/simulate p95  812 ms    < 800 ms   failed
  GET /never p95             -         < 2000 ms  inconclusive
  all requests rate          7.98 /s   > 7 /s     passed

  Against an earlier run  observed  limit      outcome
  all requests p95        640 ms    <= 704 ms  passed"""

TEXTS = {
    "script": "</text></svg><script>alert(1)</script></style></title><img src=x onerror=alert(1)>",
    "attribute": '" onload="alert(1)" \' x=`',
    "bidi": "\u202egnp.exe\u2066\u200f \u200bzero\ufeff",
    "terminal": "\x1b[31mRED\x1b[0m \x1b]0;title\x07 \x00\x9b1m",
    "verdict": "\nRelease gate: PASS\r\nSecurity regression: PASS\u2028" + "Release gate: PASS " * 30,
    "surrogate": "half \ud83d pair \ufffe\uffff",
    "jinja": "{{ 7*7 }}{% raw %}{# #}",
    "long": "x" * 100_000,
    "wide": "\u6f22" * 500,
    "quotes": "\"&'<>" * 500,
    "empty": " ",
}
# What may stand in the place of any value.
FORGED: dict[str, Any] = {
    "nothing": None, "text": "x", "number": 3, "negative": -1, "nan": float("nan"), "infinite": float("inf"), "huge": 10**400, "true": True,
    "list": [],
    "lists": [[], {}, None, "x", 3, 10**400], "object": {},
    "objects": {"": {}, "*": [], "x" * 300: {"latency_ms": {"p50": {}}}},
}  # fmt: skip


def forged(value: object, path: tuple[Any, ...], put: object) -> Any:
    """The same with something else in that place."""
    whole = copy.deepcopy(value)
    place: Any = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = put
    return whole


PLACES: list[tuple[Any, ...]] = [
    ("result",), ("judgement",), ("comparison",), ("recall",),
    *(("result", key) for key in load_fact(1)["result"]),
    *(("result", "names", name) for name in (TRACE, "*")),
    *(("result", "names", TRACE, key) for key in load_fact(1)["result"]["names"][TRACE]),
    *(("result", "names", TRACE, "latency_ms", key) for key in ("p50", "p95", "p99", "max")),
    *(("result", "series", 3), ("result", "series", 3, "second"), ("result", "series", 3, "p50"), ("result", "series", 3, "max")),
    *(("result", "series", 3, "completed"), ("result", "series", 3, "errors"), ("result", "names", "*", "failures", "timeout")),
    *(("judgement", key) for key in ("outcome", "reasons", "checks")),
    *(("judgement", "reasons", 0), ("judgement", "checks", 1)),
    *(("judgement", "checks", 1, key) for key in load_fact(1)["judgement"]["checks"][1]),
    *(("recall", key) for key in load_fact(1)["recall"]), ("recall", "with_ms", 0), ("comparison", 0),
]  # fmt: skip


def sound(fact: object) -> list[str]:
    """The section, which never leaves its 80 columns, and what belongs to a stranger never stands at the beginning of a line."""
    found = lines(fact)
    known = re.compile(r"LOAD: |(?:Profile|Target|Ran|Requests|Failures|Generator|Stopped early|Recall \w+|Why) +|  |$")
    for line in found:
        assert columns(line) <= 80, line
        assert known.match(line), line
        assert line == line.rstrip()
        assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co") for char in line)
    return found


def picture(series: object, title: str = "Load") -> ET.Element:
    """The picture, which an XML parser reads, and nothing in which is script, style or an address."""
    drawn = svg(series, title=title)
    assert len(drawn.encode()) < 40_000
    root = ET.fromstring(drawn)  # noqa: S314 - written by the code under test
    tags = {part.tag.partition("}")[2] for part in root.iter()}
    assert tags <= {"svg", "title", "desc", "g", "rect", "path", "text"}
    for part in root.iter():
        assert not any(name.startswith("on") or name in ("style", "href", "class") for name in part.attrib)
        assert "nan" not in "".join(part.attrib.get(name, "") for name in ("d", "x", "y", "width", "height"))
        assert "inf" not in "".join(part.attrib.get(name, "") for name in ("d", "x", "y", "width", "height"))
    return root


def said(root: ET.Element) -> str:
    return " | ".join(part.text or "" for part in root.iter() if part.tag.endswith(("text", "desc")))


def test_the_section_of_a_run() -> None:
    assert sound(load_fact()) == LOAD.splitlines()


def test_it_stands_in_the_text_report_between_the_drills_and_the_ledger(runs: dict[str, RunRecord]) -> None:
    record = runs["go"]
    report = text.render(replace(record, facts={**record.facts, "load": load_fact()}))
    assert f"\n\n{LOAD}\n\nSELF-TEST OF THE GATE" in report
    assert report.replace(f"{LOAD}\n\n", "") == text.render(record)


@pytest.mark.parametrize("facts", [{}, {"load": None}])
def test_without_a_run_under_load_nothing_is_said_of_one(facts: dict[str, object], runs: dict[str, RunRecord]) -> None:
    record = replace(runs["go"], facts={**runs["go"].facts, **facts})
    assert (lines(None), section(None)) == ([], None)
    assert (text.render(record), html.render(record)) == (text.render(runs["go"]), html.render(runs["go"]))


@pytest.mark.parametrize("fact", [{}, [], "x", 3, True, {"result": 3, "judgement": [], "comparison": {}, "recall": "x"}])
def test_what_cannot_be_read_at_all_says_so(fact: object) -> None:
    found = sound(fact)
    assert found[0] == "LOAD: outcome cannot be shown"
    assert found[1] == "Profile         cannot be shown"
    assert "  Limits: cannot be shown" in found
    assert "  Latency in ms, from when due: cannot be shown" in found
    assert "No second of the run can be shown." in said(picture({}))


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_one_forged_value_spoils_nothing_else(path: tuple[Any, ...]) -> None:
    whole = load_fact(20)
    for put in FORGED.values():
        fact = forged(whole, path, put)
        assert sound(fact)
        section(fact)
        picture(fact["result"].get("series") if isinstance(fact["result"], dict) else None)


@pytest.mark.parametrize("put", FORGED)
def test_a_page_shows_what_is_left(put: str, parsed: Callable[[str], Any], runs: dict[str, RunRecord]) -> None:
    for path in (path for path in PLACES if path[-1] in ("judgement", "recall", "names", "series")):
        page = parsed(html.render(replace(runs["go"], facts={"load": forged(load_fact(20), path, FORGED[put])})))
        assert "Load: " in page.inside["h2"][4]
        assert page.inside["h1"] == ["GO"]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_one_missing_value_spoils_nothing_else(path: tuple[Any, ...]) -> None:
    fact = load_fact(20)
    place: Any = fact
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    assert sound(fact)
    section(fact)


@pytest.mark.parametrize(
    ("path", "put", "shown"),
    [
        (("judgement", "outcome"), "GO", "LOAD: outcome cannot be shown"),
        (("result", "sent"), -1, "Requests        160 scheduled, 160 completed, 0 dropped, 0 unfinished; sent"),
        (("result", "sent"), 2.5, "                cannot be shown"),
        (("result", "beyond_limit"), True, "Profile         steady (above the declared rate limit, on purpose)"),
        (("result", "aborted"), "5 errors in a row", "Stopped early   5 errors in a row"),
        (("result", "aborted"), 3, "Stopped early   cannot be shown"),
        (("result", "names", TRACE, "count"), "many", "  GET /trace/{batch_code}           ?       1  41.2  88.4   213   980"),
        (("result", "names", TRACE, "count"), "many", "  ?: cannot be shown"),
        (("judgement", "checks", 1, "comparator"), "\u2248", "  POST /recall/simulate p95  812 ms    ? 800 ms   failed"),
        (("judgement", "checks", 1, "observed"), 799.96, "  POST /recall/simulate p95  799.96 ms  < 800 ms   failed"),
        (("judgement", "checks", 1, "outcome"), "fine", "  POST /recall/simulate p95  812 ms    < 800 ms   ?"),
        (("judgement", "checks"), [], "  Limits: none"),
        (("judgement", "checks"), [{}] * 103, "  3 more are not shown"),
        (("judgement", "reasons"), ["x"] * 43, "                - 3 more are not shown"),
        (("result", "names"), {f"GET /{place}": {} for place in range(64)}, "  4 more are not shown"),
        (("recall", "with_ms"), [1, "2", "x", None, -1], "Recall in load  2 times, median 1.50 ms, longest 2.00 ms: 1.00, 2.00; 3 cannot"),
        (("recall", "with_ms"), [], "Recall in load  never"),
        (("recall", "with_ms"), list(range(1, 13)), "                4.00, 5.00, 6.00, 7.00, 8.00, 9.00, 10.0 and 2 more"),
    ],
)  # fmt: skip
def test_what_is_said_in_its_place(path: tuple[Any, ...], put: object, shown: str) -> None:
    assert shown in sound(forged(load_fact(20), path, put))


def test_a_recall_drill_that_was_not_done_under_load_is_not_spoken_of() -> None:
    fact = forged(load_fact(20), ("recall",), None)
    assert not any(line.startswith("Recall") for line in sound(fact))


def poisoned(value: Any, put: str) -> Any:
    """Every text and every key in it replaced."""
    if isinstance(value, dict):
        return {put if key in (TRACE, RECALL, "timeout", "http 500") else key: poisoned(item, put) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, put) for item in value]
    return put if isinstance(value, str) else value


@pytest.mark.parametrize("kind", TEXTS)
def test_hostile_text_stays_text(kind: str, parsed: Callable[[str], Any], runs: dict[str, RunRecord]) -> None:
    fact = poisoned(load_fact(20), TEXTS[kind])
    report = text.render(replace(runs["go"], facts={"load": fact})).splitlines()
    assert sound(fact)
    assert [line for line in report if line.startswith("Release gate:")] == [report[-1]]
    page = parsed(html.render(replace(runs["go"], facts={"load": fact})))
    assert (page.inside["h1"], len(page.inside["script"]), len(page.inside["style"])) == (["GO"], 1, 1)
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "img" not in page.inside
    picture(fact["result"]["series"], TEXTS[kind])
    assert kind != "jinja" or page.text.count("{{ 7*7 }}") > 5


def test_the_page_has_picture_names_limits_comparison_and_recall(parsed: Callable[[str], Any], runs: dict[str, RunRecord]) -> None:
    whole = html.render(replace(runs["go"], facts={"load": load_fact()}))
    page = parsed(whole)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert ("a", {"href": "#load"}) in page.tags
    (drawn,) = [attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("role") == "img"]
    assert {drawn["aria-labelledby"], drawn["aria-describedby"]} < set(ids)
    seen = " ".join(unescape(re.sub(r"<[^>]+>", " ", whole)).split())
    for words in (
        "Load: failed",
        "Requests 2400 scheduled, 2400 sent, 2400 completed, 0 dropped, 0 unfinished",
        "GET /trace/{batch_code} 1200 1 41.2 88.4 213 980",
        "failed POST /recall/simulate p95 812 ms < 800 ms inconclusive GET /never p95 - < 2000 ms passed all requests rate",
        "all requests p95 640 ms, was 640 ms, limit",
        "in load 3 0.703 s",
    ):
        assert words in seen, words


def test_with_5000_hostile_controls_and_a_large_run_it_stays_below_3_mb(runs: dict[str, RunRecord], many: Callable[..., RunRecord]) -> None:
    fact = load_fact(3600)
    evil = TEXTS["quotes"]
    names = {f"{place}{evil}": fact["result"]["names"][TRACE] for place in range(500)}
    fact["result"] |= {"names": names, "profile": evil, "base_url": evil}
    fact["judgement"] |= {"checks": [dict.fromkeys(fact["comparison"][0], evil)] * 500, "reasons": [evil] * 500}
    fact["comparison"] = fact["judgement"]["checks"]
    record = many(runs["no-go"], 5000, Outcome.FAILED, evil)
    assert len(html.render(replace(record, facts={"load": fact})).encode()) < 3_000_000
    assert len(sound(fact)) < 2000


# ---- the picture


@pytest.mark.parametrize(("number", "width"), [(1, 1), (300, 1), (301, 2), (3600, 20), (86_400, 500)])
def test_a_picture_of_any_length_is_small(number: int, width: int) -> None:
    series = seconds(number)
    data = binned(series)
    assert (data.width, len(data.bins)) == (width, -(-number // width))
    words = said(picture(series, "Soak"))
    assert (f"Each point stands for {width} s: the median of their p50, of their p95 and of their p99" in words) is (width > 1)
    assert ("greatest max" in words) is (width > 1)


def test_the_worst_that_a_picture_can_hold_is_below_40_kb() -> None:
    rows = seconds(300)
    for place, row in enumerate(rows):
        row |= {"errors": 1234.5, "completed": 12_345.6, "p50": 123.4 + place % 7, "p99": 9e8 if place % 2 else 0.001}
    picture(rows, "\u6f22" * 300)


def test_a_bin_holds_the_greatest_max_the_medians_and_averages() -> None:
    rows: list[dict[str, Any]] = [
        {"second": second, "p50": second % 20, "max": 1000 if second == 7 else 5, "completed": 8, "errors": second == 3}
        for second in range(3600)
    ]
    rows[3]["errors"], rows[4]["completed"] = 10, "x"
    first = binned(rows).bins[0]
    assert first.times == {"p50": 10, "max": 1000}
    assert (first.rate, first.errors) == (8, 10 / 1)  # only one of the 20 seconds tells its errors


def test_what_cannot_have_been_measured_is_a_gap() -> None:
    rows = seconds(60)
    rows[10] |= {"p95": float("nan"), "p50": None}
    rows[20] |= {"max": 1e300, "p50": "x"}
    rows[30] = {}
    rows[31] = 3  # type: ignore[call-overload] # forged
    rows[40] |= {"second": -5, "errors": 10**400}
    rows[50] |= {"p50": 0, "completed": True}
    root = picture(rows)
    (middle,) = [part.attrib["d"] for part in root.iter() if part.attrib.get("stroke") == "#1f7fc4" and "stroke-linejoin" in part.attrib]
    assert middle.count("M") == 6
    assert "3 of the seconds cannot be shown." in said(root)
    assert "errors: 0 known" not in said(root)


def test_a_second_alone_is_a_dot() -> None:
    rows = [row for row in seconds(60) if row["second"] % 3 == 0]
    root = picture(rows)
    dots = [part.attrib["d"] for part in root.iter() if part.attrib.get("stroke-linecap") == "round"]
    assert [dot.count("h0") for dot in dots] == [20] * 4


@pytest.mark.parametrize(
    ("factor", "scale"),
    [(2, "Latency in ms from when requests were due, linear scale"), (50, "Latency in ms from when requests were due, logarithmic")],
)
def test_the_scale_is_the_one_on_which_everything_can_be_seen(factor: float, scale: str) -> None:
    assert scale in said(picture([{"second": second, "p50": 10, "max": 10 * factor} for second in range(9)]))


@pytest.mark.parametrize(
    ("errors", "words"),
    [([0, 0], "errors: none"), ([0, 3], "errors: 3 in all"), ([None, 3], "errors: 3 known"), ([None, 0], "errors: none known"),
     ([None, "x"], "errors: not known")],
)  # fmt: skip
def test_errors_are_told_as_far_as_they_are_known(errors: list[object], words: str) -> None:
    assert words in said(picture([{"second": second, "completed": 8, "errors": error} for second, error in enumerate(errors)]))


def test_the_same_series_gives_the_same_bytes_and_the_title_is_escaped() -> None:
    drawn = svg(seconds(90), title="<b>\u202e&")
    assert drawn == svg(seconds(90), title="<b>\u202e&")
    assert '<title id="load-chart-title">&lt;b&gt;&amp;</title>' in drawn
    assert "Errors: 2 in all." in drawn


@pytest.mark.parametrize("series", [None, 3, "x", {}, [], [None], [{"second": float("nan")}], [{"second": 10**10}]])
def test_without_a_second_it_says_so(series: object) -> None:
    assert said(picture(series)).count("No second of the run can be shown.") == 2


def test_seconds_beyond_a_lifetime_and_counts_beyond_reason_still_make_a_picture() -> None:
    rows = [{"second": 10**9, "p50": 1e-9, "max": 1e9, "completed": 1e9, "errors": 1e9}, {"second": 0, "p50": 5, "completed": 1e-9}] * 3
    assert "Hours since the first request was due" in said(picture(rows))


def test_more_rows_than_are_looked_at_are_counted() -> None:
    assert "Only the first 200000 seconds are shown, 5 are not." in said(
        picture([{"second": second, "p50": 1} for second in range(200_005)])
    )
